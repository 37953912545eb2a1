#include "web/http.h"

#include "base/banned.h"

/* RFC 8288, appendix B.2. */
bool
http_link_next(struct slice *rest, struct http_link *ret)
{
	struct slice s = *rest, params = {0}, name, value;
	size_t from, to;

	from = slice_find(s, '<');
	s = slice_from(s, from + 1);
	to = slice_find(s, '>');
	if (from == rest->len || to == s.len) {
		*rest = (struct slice){0};
		return false;
	}
	*ret = (struct http_link){.url = slice_trim(slice_head(s, to))};
	s = slice_from(s, to + 1);
	while (s.len > 0 && (ascii_is_space(s.ptr[0]) || s.ptr[0] == ','))
		s = slice_from(s, 1);
	/* ",<next>" has no parameters; to look for their end takes time each. */
	if (s.len > 0 && s.ptr[0] == ';')
		(void)http_list_next(&s, &params);
	*rest = s;
	while (http_param_next(&params, ';', &name, &value)) {
		if (slice_ieq(name, SLICE_LIT("rel")) && ret->rel.ptr == NULL)
			ret->rel = value;
		else if (slice_ieq(name, SLICE_LIT("anchor")) && ret->anchor.ptr == NULL)
			ret->anchor = value;
		else if (slice_ieq(name, SLICE_LIT("type")) && ret->type.ptr == NULL)
			ret->type = value;
		else if (slice_ieq(name, SLICE_LIT("as")) && ret->as.ptr == NULL)
			ret->as = value;
	}
	return true;
}
