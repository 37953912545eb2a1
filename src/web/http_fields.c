#include "base/escape.h"
#include "web/charset.h"
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

void
http_cache_control(struct slice value, struct http_cache_control *ret)
{
	struct slice name, arg;
	uint64_t seconds;

	*ret = (struct http_cache_control){.max_age_s = -1};
	while (http_param_next(&value, ',', &name, &arg)) {
		if (slice_ieq(name, SLICE_LIT("max-age")) && ret->max_age_s < 0 &&
		    slice_to_u64(arg, &seconds))
			ret->max_age_s =
			    seconds < INT32_MAX ? (int64_t)seconds : INT32_MAX;
		else if (slice_ieq(name, SLICE_LIT("no-store")))
			ret->no_store = true;
		else if (slice_ieq(name, SLICE_LIT("no-cache")) && arg.len == 0)
			ret->no_cache = true;
		else if (slice_ieq(name, SLICE_LIT("must-revalidate")))
			ret->must_revalidate = true;
		else if (slice_ieq(name, SLICE_LIT("private")) && arg.len == 0)
			ret->is_private = true;
		else if (slice_ieq(name, SLICE_LIT("immutable")))
			ret->immutable = true;
	}
}

/* -- Content-Disposition ---------------------------------------------------------------
 */

enum { FILENAME_BYTES_MAX = 1024, ARENA_BYTES_MAX = 1 << 16 };

/* What is no UTF-8 is taken for Latin 1, which is what old servers send. */
static int
add_utf8(struct buf *out, struct slice s)
{
	bool is_utf8 = utf8_valid_len(s) == s.len;
	int r = 0;

	if (is_utf8)
		return buf_add_slice(out, s);
	for (size_t i = 0; i < s.len && r == 0; i++) {
		char utf8[4];

		r = buf_add(out, utf8, utf8_put((unsigned char)s.ptr[i], utf8));
	}
	return r;
}

/* In the charset that is named; if that is none, as what is written plainly. */
static int
add_text(struct buf *out, struct slice label, struct slice s)
{
	struct arena a;
	enum charset c;
	int r;

	if (!charset_find(label, &c) || c == CHARSET_UTF_8)
		return add_utf8(out, s);
	arena_init(&a, 4096, ARENA_BYTES_MAX);
	r = charset_to_utf8(c, s, &a, &s);
	if (r == 0)
		r = buf_add_slice(out, s);
	arena_release(&a);
	return r;
}

/* RFC 8187: charset'language'percent-encoded. */
static int
add_extended(struct buf *out, struct slice value, bool *ret_done)
{
	struct slice charset, language;
	char text[FILENAME_BYTES_MAX];
	size_t n = 0;

	*ret_done = false;
	value = slice_head(value, FILENAME_BYTES_MAX);
	if (!slice_cut(&value, '\'', &charset) || !slice_cut(&value, '\'', &language) ||
	    value.len == 0)
		return 0;
	for (size_t i = 0; i < value.len; i++) {
		text[n] = value.ptr[i];
		if (text[n] == '%' && value.len - i > 2 &&
		    ascii_hex(value.ptr[i + 1]) >= 0 &&
		    ascii_hex(value.ptr[i + 2]) >= 0) {
			text[n] = (char)(ascii_hex(value.ptr[i + 1]) * 16 +
					 ascii_hex(value.ptr[i + 2]));
			i += 2;
		}
		n++;
	}
	*ret_done = true;
	return add_text(out, charset, slice_of(text, n));
}

static int
add_plain(struct buf *out, struct slice value)
{
	char text[FILENAME_BYTES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < value.len && n < sizeof(text); i++) {
		if (value.ptr[i] == '\\' && i + 1 < value.len)
			i++;
		text[n++] = value.ptr[i];
	}
	return add_utf8(out, slice_of(text, n));
}

int
http_disposition(struct slice value, struct http_disposition *ret, struct buf *filename)
{
	struct http_disposition d = {.is_attachment = false};
	struct slice name, arg, plain = {0}, extended = {0};
	bool is_first = true;
	int r = 0;

	while (http_param_next(&value, ';', &name, &arg)) {
		if (is_first && arg.ptr == NULL)
			d.is_attachment = !slice_ieq(name, SLICE_LIT("inline"));
		else if (slice_ieq(name, SLICE_LIT("filename")) && plain.ptr == NULL)
			plain = arg;
		else if (slice_ieq(name, SLICE_LIT("filename*")) && extended.ptr == NULL)
			extended = arg;
		is_first = false;
	}
	if (extended.len > 0)
		r = add_extended(filename, extended, &d.has_filename);
	if (r == 0 && !d.has_filename && plain.len > 0) {
		r = add_plain(filename, plain);
		d.has_filename = true;
	}
	if (r == 0)
		*ret = d;
	return r;
}
