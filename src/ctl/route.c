#include "ctl/route.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

/* "{id}:pause" against "12:pause"; *ret_param is what stands for the name. */
static bool
segment_matches(
    struct slice pattern, struct slice segment, bool *ret_named, struct slice *ret_param)
{
	struct slice tail;

	*ret_named = pattern.len > 0 && pattern.ptr[0] == '{';
	if (!*ret_named)
		return slice_eq(pattern, segment);
	tail = slice_from(pattern, slice_find(pattern, '}') + 1);
	if (segment.len <= tail.len || !slice_ends(segment, tail))
		return false;
	*ret_param = slice_head(segment, segment.len - tail.len);
	/* A verb is none of the name's. */
	return slice_find(*ret_param, ':') == ret_param->len;
}

static bool
path_matches(const char *pattern, struct slice path, struct route_match *m)
{
	struct slice rest = slice_cstr(pattern), want, got, param;
	bool named;

	m->params_len = 0;
	while (slice_cut(&rest, '/', &want)) {
		if (!slice_cut(&path, '/', &got) ||
		    !segment_matches(want, got, &named, &param))
			return false;
		if (named)
			m->params[m->params_len++] = param;
	}
	return path.ptr == NULL;
}

static void
allow(struct route_match *m, const char *method)
{
	size_t n = strlen(m->allow);

	if (strstr(m->allow, method) == NULL)
		(void)snprintf(m->allow + n, sizeof(m->allow) - n, "%s%s",
		    n == 0 ? "" : ", ", method);
}

enum route_found
route_find(const struct route *const *groups, const char *method, struct slice path,
    struct route_match *ret)
{
	const char *as = strcmp(method, "HEAD") == 0 ? "GET" : method;
	bool known = false;

	*ret = (struct route_match){0};
	if (path.len == 0 || path.ptr[0] != '/')
		return ROUTE_BAD_PATH;
	for (; *groups != NULL; groups++) {
		for (const struct route *r = *groups; r->method != NULL; r++) {
			if (!path_matches(r->path, path, ret))
				continue;
			if (strcmp(r->method, as) == 0) {
				ret->route = r;
				return ROUTE_FOUND;
			}
			known = true;
			allow(ret, r->method);
			if (strcmp(r->method, "GET") == 0)
				allow(ret, "HEAD");
		}
	}
	return known ? ROUTE_NO_METHOD : ROUTE_NO_PATH;
}

static void
pattern_check(const char *pattern)
{
	struct slice rest = slice_cstr(pattern), segment;
	unsigned params = 0;

	assert(rest.len > 0 && rest.ptr[0] == '/');
	while (slice_cut(&rest, '/', &segment)) {
		if (slice_find(segment, '{') == segment.len)
			continue;
		assert(segment.ptr[0] == '{');
		assert(slice_find(segment, '}') > 1);
		assert(slice_find(segment, '}') < segment.len);
		params++;
	}
	assert(params <= REQUEST_PARAMS_MAX);
}

void
route_check(const struct route *const *groups)
{
	for (const struct route *const *g = groups; *g != NULL; g++) {
		for (const struct route *r = *g; r->method != NULL; r++) {
			struct route_match m;
			enum route_found found;

			pattern_check(r->path);
			assert(r->handle != NULL);
			assert(r->summary != NULL);
			/* The pattern itself is a path that matches; the first to do so
			 * is its own. */
			found = route_find(groups, r->method, slice_cstr(r->path), &m);
			assert(found == ROUTE_FOUND && m.route == r);
		}
	}
}
