#include "crawl/job_env.h"
#include <errno.h>
#include <stdio.h>

enum { NAME_MAX_BYTES = 127 };

bool
job_env_is_used(struct slice value)
{
	for (size_t i = 0; i + 1 < value.len; i++)
		if (value.ptr[i] == '$' && value.ptr[i + 1] == '{')
			return true;
	return false;
}

bool
job_env_may_be_empty(struct slice value)
{
	return slice_starts(value, SLICE_LIT("${")) &&
	       slice_ends(value, SLICE_LIT(":-}")) &&
	       slice_find(value, '}') == value.len - 1;
}

static bool
is_name_char(char c, bool first)
{
	return ascii_is_alpha(c) || c == '_' || (!first && ascii_is_digit(c));
}

static int
not_one(struct why *why, struct slice text)
{
	return why_set(why, -EINVAL,
	    "'" SLICE_FMT "' is neither ${NAME} nor ${NAME:-default}; a plain ${ is "
	    "written $${",
	    SLICE_ARG(slice_head(text, 40)));
}

/* `text` begins with "${"; *ret_len is how long it is. */
static int
expand_one(struct slice text, job_env_fn *env, void *ctx, struct buf *out,
    size_t *ret_len, struct why *why)
{
	char name[NAME_MAX_BYTES + 1];
	size_t end = slice_find(text, '}'), n = 0;
	struct slice in = slice_head(slice_from(text, 2), end - 2), rest;
	const char *value;

	if (end == text.len)
		return not_one(why, text);
	while (n < in.len && n < NAME_MAX_BYTES && is_name_char(in.ptr[n], n == 0))
		n++;
	rest = slice_from(in, n);
	if (n == 0 || (rest.len > 0 && !slice_starts(rest, SLICE_LIT(":-"))))
		return not_one(why, slice_head(text, end + 1));
	if (job_env_is_used(rest))
		return why_set(why, -EINVAL,
		    "'" SLICE_FMT "': a default is text: there is no ${ in it",
		    SLICE_ARG(slice_head(text, end + 1 < 200 ? end + 1 : 200)));
	(void)snprintf(name, sizeof(name), "%.*s", (int)n, in.ptr);
	value = env == NULL ? NULL : env(ctx, name);
	*ret_len = end + 1;
	if (rest.len > 0 && (value == NULL || value[0] == '\0'))
		return buf_add_slice(out, slice_from(rest, 2));
	if (value == NULL)
		return why_set(why, -EINVAL,
		    "%s is not set in the environment; ${%s:-default} needs not be", name,
		    name);
	return buf_add_cstr(out, value);
}

int
job_env_expand(struct slice value, job_env_fn *env, void *ctx, struct buf *out,
    size_t *ret_at, struct why *why)
{
	int r = 0;

	for (size_t i = 0, n; i < value.len && r == 0; i += n) {
		struct slice rest = slice_from(value, i);

		n = 1;
		if (slice_starts(rest, SLICE_LIT("$${"))) {
			n = 3;
			r = buf_add_cstr(out, "${");
		} else if (slice_starts(rest, SLICE_LIT("${"))) {
			*ret_at = i;
			r = expand_one(rest, env, ctx, out, &n, why);
		} else {
			r = buf_add_byte(out, rest.ptr[0]);
		}
	}
	return r;
}

int
job_env_escape(struct slice text, struct buf *out)
{
	int r = 0;

	for (size_t i = 0; i < text.len && r == 0; i++) {
		if (slice_starts(slice_from(text, i), SLICE_LIT("${")))
			r = buf_add_byte(out, '$');
		if (r == 0)
			r = buf_add_byte(out, text.ptr[i]);
	}
	return r;
}
