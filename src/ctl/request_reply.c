#include "base/log.h"
#include "base/map.h"
#include "base/probe.h"
#include "ctl/http_int.h"
#include "ctl/mistakes.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { STREAM_BLOCK = 16 << 10 };

bool
request_is_answered(const struct request *r)
{
	return r->state >= REQUEST_ANSWERED;
}

static bool
has_header(const struct request *r, const char *name)
{
	for (size_t i = 0; i < r->headers_len; i++)
		if (strcmp(r->headers[i].name, name) == 0)
			return true;
	return false;
}

void
request_add_header(struct request *r, const char *name, const char *value)
{
	if (r->headers_len == REQUEST_HEADERS_MAX || has_header(r, name))
		return;
	(void)snprintf(
	    r->headers[r->headers_len].name, sizeof(r->headers[0].name), "%s", name);
	(void)snprintf(
	    r->headers[r->headers_len].value, sizeof(r->headers[0].value), "%s", value);
	r->headers_len++;
}

/* What was asked for was done, and was more than to look. */
static void
log_change(const struct request *r)
{
	if (r->asker[0] == '\0' || r->status >= 400 || strcmp(r->method, "GET") == 0 ||
	    strcmp(r->method, "HEAD") == 0)
		return;
	log_info("http: %s %s: %u, asked for %s", r->method,
	    LOG_TEXT(slice_head(slice_cstr(r->target), 200)), r->status, r->asker);
}

static void
answer(struct request *r, unsigned status, const char *content_type)
{
	if (request_is_answered(r))
		return;
	r->status = status;
	log_change(r);
	PROBE3(request, request_path(r).ptr, request_path(r).len, status);
	r->content_type = content_type;
	r->state = REQUEST_ANSWERED;
	http_resume(r);
}

void
request_reply(
    struct request *r, unsigned status, const char *content_type, struct buf *body)
{
	if (!request_is_answered(r)) {
		buf_release(&r->reply);
		r->reply = *body;
		buf_init(body, body->max);
	}
	answer(r, status, content_type);
}

void
request_reply_empty(struct request *r, unsigned status)
{
	answer(r, status, NULL);
}

void
request_reply_json(struct request *r, unsigned status, struct jsonw *j)
{
	if (j->err == 0)
		j->err = buf_add_byte(j->b, '\n');
	if (j->err < 0) {
		request_problem(r, 500, "the answer could not be made: %s",
		    j->err == -EMSGSIZE ? "it is too large" : "out of memory");
		return;
	}
	request_reply(r, status, "application/json", j->b);
}

/* ---- problems ---- */

void
request_field(struct request *r, const char *pointer, const char *text)
{
	struct request_bad *b = &r->bad[r->bad_len];

	if (r->bad_len == REQUEST_FIELDS_MAX)
		return;
	b->pointer = slice_dup(slice_cstr(pointer));
	b->text = slice_dup(slice_cstr(text));
	r->bad_len++;
}

void
request_fields(struct request *r, const struct mistakes *m)
{
	for (size_t i = 0; i < m->len; i++)
		if (m->v[i].pointer != NULL && m->v[i].text != NULL)
			request_field(r, m->v[i].pointer, m->v[i].text);
}

bool
request_has_fields(const struct request *r)
{
	return r->bad_len > 0;
}

static const char *
title_of(unsigned status)
{
	const char *text = MHD_get_reason_phrase_for(status);

	return text == NULL ? "Error" : text;
}

static void
write_fields(struct request *r, struct jsonw *j)
{
	if (r->bad_len == 0)
		return;
	jsonw_array(j, "errors");
	for (size_t i = 0; i < r->bad_len; i++) {
		const struct request_bad *b = &r->bad[i];

		if (b->pointer == NULL || b->text == NULL)
			continue;
		jsonw_object(j, NULL);
		/* Parameters of the query have no pointer. */
		jsonw_str(j, b->pointer[0] == '?' ? "parameter" : "pointer",
		    slice_cstr(b->pointer + (b->pointer[0] == '?')));
		jsonw_str(j, "detail", slice_cstr(b->text));
		jsonw_object_end(j);
	}
	jsonw_array_end(j);
}

void
request_problem(struct request *r, unsigned status, const char *fmt, ...)
{
	struct buf text;
	struct jsonw j;
	char detail[1024];
	va_list ap;

	if (request_is_answered(r))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	buf_init(&text, 1 << 20);
	jsonw_init(&j, &text);
	jsonw_object(&j, NULL);
	jsonw_str(&j, "type", SLICE_LIT("about:blank"));
	jsonw_str(&j, "title", slice_cstr(title_of(status)));
	jsonw_int(&j, "status", status);
	jsonw_str(&j, "detail", slice_cstr(detail));
	write_fields(r, &j);
	jsonw_object_end(&j);
	if (j.err == 0)
		(void)buf_add_byte(&text, '\n');
	if (status == 503 || status == 429)
		request_add_header(r, "Retry-After", "1");
	request_reply(r, status, "application/problem+json", &text);
	buf_release(&text);
}

/* ---- streams ---- */

void
request_stream(struct request *r, unsigned status, const char *content_type,
    request_stream_fn *read, void *ctx)
{
	if (request_is_answered(r))
		return;
	r->stream = read;
	r->stream_ctx = ctx;
	answer(r, status, content_type);
}

void
request_stream_more(struct request *r)
{
	http_resume(r);
}

static ssize_t
read_stream(void *ctx, uint64_t at, char *into, size_t cap)
{
	struct request *r = ctx;
	int64_t n = r->over || r->conn->shut ? -1 : r->stream(r->stream_ctx, into, cap);

	(void)at;
	if (n < 0 || (n == 0 && r->http->drains))
		return MHD_CONTENT_READER_END_OF_STREAM;
	http_stream_deadline(r, n > 0);
	if (n == 0 && !r->suspended) {
		r->suspended = true;
		MHD_suspend_connection(r->mhd);
	}
	return (ssize_t)n;
}

/* What a browser may do with our answers: next to nothing; pages say their own policy. */
static const struct {
	const char *name, *value;
} guards[] = {
    {"Cache-Control", "no-store"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
};
static const char policy[] = "default-src 'none'; base-uri 'none'; form-action 'none'; "
			     "frame-ancestors 'none'";

static bool
add_guards(const struct request *r, struct MHD_Response *m)
{
	for (size_t i = 0; i < sizeof(guards) / sizeof(guards[0]); i++)
		if (!has_header(r, guards[i].name) &&
		    MHD_add_response_header(m, guards[i].name, guards[i].value) !=
			MHD_YES)
			return false;
	return has_header(r, "Content-Security-Policy") ||
	       MHD_add_response_header(m, "Content-Security-Policy", policy) == MHD_YES;
}

struct MHD_Response *
request_response(struct request *r)
{
	struct MHD_Response *m;
	bool ok;

	if (r->stream != NULL) {
		m = MHD_create_response_from_callback(
		    MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, r, NULL);
	} else {
		m = MHD_create_response_from_buffer(
		    r->reply.len, r->reply.ptr, MHD_RESPMEM_PERSISTENT);
	}
	if (m == NULL)
		return NULL;
	ok = r->content_type == NULL ||
	     MHD_add_response_header(m, "Content-Type", r->content_type) == MHD_YES;
	ok = ok && add_guards(r, m);
	for (size_t i = 0; i < r->headers_len; i++)
		ok = ok && MHD_add_response_header(
			       m, r->headers[i].name, r->headers[i].value) == MHD_YES;
	if (!ok) {
		MHD_destroy_response(m);
		return NULL;
	}
	return m;
}

/* ---- entity tags (RFC 9110, 13.1) ---- */

void
etag_print(uint64_t revision, char ret[ETAG_TEXT_MAX])
{
	(void)snprintf(ret, ETAG_TEXT_MAX, "\"%" PRIu64 "\"", revision);
}

void
etag_print_with(uint64_t revision, struct slice more, char ret[ETAG_TEXT_MAX])
{
	(void)snprintf(ret, ETAG_TEXT_MAX, "\"%" PRIu64 "-%016" PRIx64 "\"", revision,
	    siphash(more));
}

/* "\"7" of "\"7\"" and of "\"7-0123456789abcdef\"", if it is a tag at all. */
static struct slice
revision_of(struct slice etag)
{
	if (etag.len < 3 || !slice_ends(etag, SLICE_LIT("\"")))
		return etag;
	etag.len--;
	return slice_head(etag, slice_find(etag, '-'));
}

static struct slice
without_weak(struct slice etag)
{
	return slice_from(etag, slice_starts(etag, SLICE_LIT("W/")) ? 2 : 0);
}

static bool
list_has(struct slice list, const char *etag)
{
	struct slice one;

	if (slice_eq(list, SLICE_LIT("*")))
		return true;
	while (slice_cut(&list, ',', &one))
		if (slice_eq(without_weak(slice_trim(one)), slice_cstr(etag)))
			return true;
	return false;
}

/* Who changes something names the revision; what else was shown with it does not matter.  `weakly`:
 * as If-None-Match is compared, while If-Match has no use for a weak tag. */
static bool
list_has_revision(struct slice list, uint64_t revision, bool weakly)
{
	char etag[ETAG_TEXT_MAX];
	struct slice one;

	if (slice_eq(list, SLICE_LIT("*")))
		return true;
	etag_print(revision, etag);
	while (slice_cut(&list, ',', &one)) {
		one = weakly ? without_weak(slice_trim(one)) : slice_trim(one);
		if (slice_eq(revision_of(one), revision_of(slice_cstr(etag))))
			return true;
	}
	return false;
}

bool
request_has_tag(const struct request *r, const char *etag)
{
	struct slice list;

	return request_header(r, "If-None-Match", &list) && list_has(list, etag);
}

/* If-Match, if it is there, names the revision; else 412 was answered. */
static bool
is_expected(struct request *r, uint64_t revision)
{
	char etag[ETAG_TEXT_MAX];
	struct slice list;

	if (!request_header(r, "If-Match", &list) ||
	    list_has_revision(list, revision, false))
		return true;
	etag_print(revision, etag);
	request_problem(
	    r, 412, "it was changed in the meantime: it is at revision %s", etag);
	return false;
}

static bool
reads(const struct request *r)
{
	return strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0;
}

bool
request_is_news(struct request *r, uint64_t revision, const char *etag)
{
	if (!is_expected(r, revision))
		return false;
	if (!request_has_tag(r, etag))
		return true;
	request_add_header(r, "ETag", etag);
	request_reply_empty(r, 304);
	return false;
}

bool
request_is_always_news(struct request *r, uint64_t revision)
{
	struct slice list;

	if (request_header(r, "If-None-Match", &list) && slice_eq(list, SLICE_LIT("*")))
		return request_matches(r, revision);
	return is_expected(r, revision);
}

bool
request_matches(struct request *r, uint64_t revision)
{
	char etag[ETAG_TEXT_MAX];
	struct slice list;

	etag_print(revision, etag);
	if (reads(r))
		return request_is_news(r, revision, etag);
	if (!is_expected(r, revision))
		return false;
	if (!request_header(r, "If-None-Match", &list) ||
	    !list_has_revision(list, revision, true))
		return true;
	request_problem(r, 412, "it exists already");
	return false;
}
