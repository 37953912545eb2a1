#include "ctl/request.h"
#include "ctl/request_int.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { JSON_DEPTH_MAX = 16, JSON_VALUES_MAX = 400000, QUERY_BYTES_MAX = 8192 };

struct request *
request_new(struct http *h, struct conn *c, const char *target)
{
	struct request *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->http = h;
	r->conn = c;
	buf_init(&r->body, 0);
	buf_init(&r->reply, 64 << 20);
	r->target = slice_dup(slice_cstr(target));
	if (r->target == NULL) {
		request_free(r);
		return NULL;
	}
	return r;
}

void
request_free(struct request *r)
{
	if (r == NULL)
		return;
	while (r->held_len > 0) {
		struct request_held h = r->held[--r->held_len];

		h.release(h.ptr);
	}
	for (size_t i = 0; i < r->bad_len; i++) {
		free(r->bad[i].pointer);
		free(r->bad[i].text);
	}
	json_decref(r->json);
	buf_release(&r->body);
	buf_release(&r->reply);
	free(r->method);
	free(r->target);
	free(r->decoded);
	free(r);
}

/* ---- what was asked ---- */

void *
request_service(const struct request *r)
{
	return http_service(r->http);
}

enum role
request_role(const struct request *r)
{
	return r->role;
}

void
request_http_stats(const struct request *r, struct http_stats *ret)
{
	http_stats(r->http, ret);
}

enum via
request_via(const struct request *r)
{
	return r->conn->via;
}

const char *
request_peer(const struct request *r)
{
	return r->conn->peer;
}

void
request_set_asker(struct request *r, const char *name)
{
	bool named = name[0] != '\0';

	(void)snprintf(r->asker, sizeof(r->asker), "%s%s%sat %s", named ? "by " : "",
	    name, named ? " " : "", request_peer(r));
}

void
request_changed_nothing(struct request *r)
{
	r->asker[0] = '\0';
}

bool
request_is_open(const struct request *r)
{
	return r->match.route != NULL && (r->match.route->flags & ROUTE_OPEN) != 0;
}

const char *
request_method(const struct request *r)
{
	return r->method;
}

struct slice
request_path(const struct request *r)
{
	return r->path;
}

struct slice
request_param(const struct request *r, unsigned i)
{
	return i < r->match.params_len ? r->match.params[i] : (struct slice){0};
}

bool
request_query(const struct request *r, const char *name, struct slice *ret)
{
	for (size_t i = 0; i < r->query_len; i++) {
		if (!slice_eq(r->query[i].name, slice_cstr(name)))
			continue;
		*ret = r->query[i].value;
		return true;
	}
	return false;
}

void
request_query_only(struct request *r, const char *const *names)
{
	for (size_t i = 0; i < r->query_len; i++) {
		const char *const *n = names;
		char text[80];

		while (*n != NULL && !slice_eq(r->query[i].name, slice_cstr(*n)))
			n++;
		if (*n != NULL)
			continue;
		(void)snprintf(text, sizeof(text), "?" SLICE_FMT,
		    SLICE_ARG(slice_head(r->query[i].name, 60)));
		request_field(r, text, "there is no such parameter");
	}
}

void
request_query_number(
    struct request *r, const char *name, uint64_t min, uint64_t max, uint64_t *ret)
{
	struct slice text;
	uint64_t n;
	char where[40], what[80];

	if (!request_query(r, name, &text))
		return;
	if (slice_to_u64(text, &n) && n >= min && n <= max) {
		*ret = n;
		return;
	}
	(void)snprintf(where, sizeof(where), "?%s", name);
	(void)snprintf(what, sizeof(what), "is not a number from %llu to %llu",
	    (unsigned long long)min, (unsigned long long)max);
	request_field(r, where, what);
}

bool
request_query_is_good(struct request *r)
{
	if (!request_has_fields(r))
		return true;
	request_problem(r, 400, "the query of this address is not understood");
	return false;
}

bool
request_header(const struct request *r, const char *name, struct slice *ret)
{
	const char *value = MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND, name);

	if (value == NULL)
		return false;
	*ret = slice_trim(slice_cstr(value));
	return true;
}

struct slice
request_body(const struct request *r)
{
	return buf_slice(&r->body);
}

json_t *
request_json(const struct request *r)
{
	return r->json;
}

int
request_own(struct request *r, void (*release)(void *ptr), void *ptr)
{
	if (r->held_len == REQUEST_HELD_MAX) {
		release(ptr);
		return -ENOMEM;
	}
	r->held[r->held_len++] = (struct request_held){release, ptr};
	return 0;
}

/* ---- decoding ---- */

/* %XX in place; false: a bad one, or one that says NUL. */
static bool
decode(char *text, struct slice *s, bool plus)
{
	char *to = text + (s->ptr - text), *const begin = to;

	for (size_t i = 0; i < s->len; i++) {
		char c = s->ptr[i];

		if (c == '+' && plus) {
			c = ' ';
		} else if (c == '%') {
			int hi = s->len - i > 2 ? ascii_hex(s->ptr[i + 1]) : -1;
			int lo = hi < 0 ? -1 : ascii_hex(s->ptr[i + 2]);

			if (hi < 0 || lo < 0 || hi * 16 + lo == 0)
				return false;
			c = (char)(hi * 16 + lo);
			i += 2;
		}
		*to++ = c;
	}
	*s = slice_of(begin, (size_t)(to - begin));
	return true;
}

static bool
decode_query(struct request *r, struct slice query)
{
	struct slice rest = query, pair;

	if (query.len > QUERY_BYTES_MAX)
		return false;
	while (slice_cut(&rest, '&', &pair)) {
		struct request_query *q = &r->query[r->query_len];

		if (pair.len == 0)
			continue;
		if (r->query_len == REQUEST_QUERY_MAX)
			return false;
		*q = (struct request_query){.value = pair};
		(void)slice_cut(&q->value, '=', &q->name);
		if (!decode(r->decoded, &q->name, true) ||
		    !decode(r->decoded, &q->value, true))
			return false;
		for (size_t i = 0; i < r->query_len; i++)
			if (slice_eq(r->query[i].name, q->name))
				return false;
		r->query_len++;
	}
	return true;
}

bool
request_decode(struct request *r)
{
	struct slice target, path;

	r->decoded = slice_dup(slice_cstr(r->target));
	if (r->decoded == NULL) {
		request_problem(r, 503, "out of memory");
		return false;
	}
	target = slice_cstr(r->target);
	path = slice_head(target, slice_find(target, '?'));
	r->path = path;
	for (unsigned i = 0; i < r->match.params_len; i++) {
		struct slice *p = &r->match.params[i];

		*p = slice_of(r->decoded + (p->ptr - r->target), p->len);
		if (!decode(r->decoded, p, false)) {
			request_problem(r, 400, "the path has a bad %%-escape");
			return false;
		}
	}
	if (path.len < target.len &&
	    !decode_query(r, slice_cstr(r->decoded + path.len + 1))) {
		request_problem(r, 400,
		    "the query is not understood: bad escapes, a name twice, more than "
		    "%d "
		    "parameters or too long",
		    REQUEST_QUERY_MAX);
		return false;
	}
	return true;
}

/* ---- JSON ---- */

/* jansson itself goes 2,048 deep, and takes some 40 bytes for a value of two. */
static bool
is_small(struct request *r, struct slice s)
{
	unsigned depth = 0, values = 0;
	bool quoted = false;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (quoted) {
			if (c == '\\')
				i++;
			quoted = c != '"';
		} else if (c == '"') {
			quoted = true;
		} else if (c == '[' || c == '{') {
			if (++depth > JSON_DEPTH_MAX) {
				request_problem(r, 400,
				    "the JSON is nested more than %d deep",
				    JSON_DEPTH_MAX);
				return false;
			}
			values++;
		} else if (c == ',') {
			values++;
		} else if ((c == ']' || c == '}') && depth > 0) {
			depth--;
		}
	}
	if (values > JSON_VALUES_MAX)
		request_problem(
		    r, 413, "the JSON has more than %d values", JSON_VALUES_MAX);
	return values <= JSON_VALUES_MAX;
}

static bool
is_json_type(const struct request *r)
{
	struct slice type, charset;

	if (!request_header(r, "Content-Type", &type))
		return false;
	charset = slice_trim(slice_from(type, slice_find(type, ';') + 1));
	type = slice_trim(slice_head(type, slice_find(type, ';')));
	if (charset.len > 0 && !slice_ieq(charset, SLICE_LIT("charset=utf-8")) &&
	    !slice_ieq(charset, SLICE_LIT("charset=\"utf-8\"")))
		return false;
	return slice_ieq(type, SLICE_LIT("application/json")) ||
	       ((r->match.route->flags & ROUTE_MERGE) != 0 &&
		   slice_ieq(type, SLICE_LIT("application/merge-patch+json")));
}

static bool
is_coded(const struct request *r)
{
	struct slice how;

	return request_header(r, "Content-Encoding", &how) && how.len > 0 &&
	       !slice_ieq(how, SLICE_LIT("identity"));
}

bool
request_read_json(struct request *r)
{
	unsigned flags = r->match.route->flags;
	struct slice body = buf_slice(&r->body);
	json_error_t e;

	if ((flags & (ROUTE_JSON | ROUTE_JSON_OPTIONAL)) == 0) {
		if (body.len == 0)
			return true;
		request_problem(r, 400, "this address takes no body");
		return false;
	}
	if (body.len == 0 && (flags & ROUTE_JSON_OPTIONAL) != 0) {
		r->json = json_object();
		if (r->json == NULL)
			request_problem(r, 503, "out of memory");
		return r->json != NULL;
	}
	if (!is_json_type(r) || is_coded(r)) {
		request_problem(r, 415,
		    is_json_type(r) ? "the body must not have a Content-Encoding"
				    : "the body must be application/json in UTF-8");
		return false;
	}
	if (!is_small(r, body))
		return false;
	r->json = json_loadb(body.ptr == NULL ? "" : body.ptr, body.len,
	    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
	if (r->json == NULL) {
		request_problem(
		    r, 400, "not JSON: line %d, column %d: %s", e.line, e.column, e.text);
		return false;
	}
	if (!json_is_object(r->json)) {
		request_problem(r, 400, "the body must be a JSON object");
		return false;
	}
	return true;
}
