/*
 * ctl/request.h -- one request of the API: what was asked, what it holds, its answer.
 *
 * A handler (ctl/route.h) answers at once, or starts something and returns; whoever is called
 * when that has ended answers then.  Until it is answered the request is alive, whatever the
 * client does.  What a request opened it owns: request_own() releases it at its end,
 * the last one first, whichever way that comes.
 *
 * Errors to the client are problem details (RFC 9457): a type, a title, a sentence, and
 * every bad field with its path (a JSON pointer, RFC 6901) and what is wrong with it.
 *
 * Owns:    its body, its JSON, what it was given to own.  Slices live until its end.
 * Errors:  what cannot be sent for want of memory ends the connection.
 * Threads: loop thread.
 */
#ifndef CTL_REQUEST_H
#define CTL_REQUEST_H
#include "base/buf.h"
#include "base/json.h"
#include <jansson.h>

enum role { ROLE_NONE, ROLE_READ, ROLE_ADMIN };
enum via { VIA_UNIX, VIA_TCP, VIA_TLS };
enum { REQUEST_PARAMS_MAX = 4, REQUEST_QUERY_MAX = 32, REQUEST_FIELDS_MAX = 100 };
enum { REQUEST_ASKER_MAX = 120 }; /* of a name and an address */

struct request;

void *request_service(const struct request *r); /* http_conf.ctx */
enum role request_role(const struct request *r);
enum via request_via(const struct request *r);
/* The address of the client, or "the unix socket"; not once its connection has ended. */
const char *request_peer(const struct request *r);
/* Who asks, for the log: a name ("": none) and the peer. */
void request_set_asker(struct request *r, const char *name);
/* What it is answered with changed nothing: then the log does not tell who asked. */
void request_changed_nothing(struct request *r);
struct http_stats;
void request_http_stats(const struct request *r, struct http_stats *ret); /* http.h */
const char *request_method(const struct request *r);
struct slice request_path(const struct request *r); /* as sent, without the query */
/* The i-th {…} of the route's path, decoded. */
struct slice request_param(const struct request *r, unsigned i);
/* ?name=value, decoded; false: it is not there. */
bool request_query(const struct request *r, const char *name, struct slice *ret);
/* Bad parameters are gathered, as are others with request_field(); request_query_is_good() tells.
 * Every parameter is one of these (NULL ends them). */
void request_query_only(struct request *r, const char *const *names);
/* A number in [min, max]; absent or bad: *ret stays. */
void request_query_number(
    struct request *r, const char *name, uint64_t min, uint64_t max, uint64_t *ret);
/* Else 400 was answered, with all that is bad. */
bool request_query_is_good(struct request *r);
bool request_header(const struct request *r, const char *name, struct slice *ret);
struct slice request_body(const struct request *r);
/* Of a route with ROUTE_JSON: parsed already, borrowed. */
json_t *request_json(const struct request *r);

/* Called with `ptr` at the request's end; out of memory: at once, and -ENOMEM. */
int request_own(struct request *r, void (*release)(void *ptr), void *ptr);

/* ---- answers: one, once ---- */
enum { REQUEST_HEADER_VALUE_MAX = 224 }; /* what is longer is cut */
/* Before the answer: one more header.  Without Cache-Control nobody may keep it. */
void request_add_header(struct request *r, const char *name, const char *value);
/* Takes what is in `body`, which is empty afterwards. */
void request_reply(
    struct request *r, unsigned status, const char *content_type, struct buf *body);
void request_reply_empty(struct request *r, unsigned status);
/* Of what jsonw made; an error in it is answered with 500. */
void request_reply_json(struct request *r, unsigned status, struct jsonw *j);
/* Bad fields are gathered first, then told by request_problem(); too many: the rest is not. */
void request_field(struct request *r, const char *pointer, const char *text);
struct mistakes;
void request_fields(struct request *r, const struct mistakes *m);
bool request_has_fields(const struct request *r);
__attribute__((format(printf, 3, 4))) void request_problem(
    struct request *r, unsigned status, const char *fmt, ...);
bool request_is_answered(const struct request *r);

/*
 * An answer that goes on: `read` fills `into` (its maximum is what may be sent now) and
 * returns how much, 0: nothing now (request_stream_more() calls it again), -1: the end.
 * `ctx` is the handler's, released by request_own().
 */
typedef int64_t request_stream_fn(void *ctx, char *into, size_t cap);
void request_stream(struct request *r, unsigned status, const char *content_type,
    request_stream_fn *read, void *ctx);
void request_stream_more(struct request *r);

/* Entity tags of a resource with this revision: "\"12\"", and where more is shown with it that
 * changes without its revision, "\"12-HASH\"". */
enum { ETAG_TEXT_MAX = 48 };
void etag_print(uint64_t revision, char ret[ETAG_TEXT_MAX]);
void etag_print_with(uint64_t revision, struct slice more, char ret[ETAG_TEXT_MAX]);
/*
 * If-Match, if it is there, names this revision or is "*"; If-None-Match does not.  Else 412 (of
 * a GET: 304) was answered, and false.
 */
bool request_matches(struct request *r, uint64_t revision);
/* Of a GET, whose answer has another tag than that of the revision. */
bool request_is_news(struct request *r, uint64_t revision, const char *etag);
/* Of a GET, whose answer is another one each time: 304 for "*" only. */
bool request_is_always_news(struct request *r, uint64_t revision);
/* If-None-Match of a GET names it: what the client has is as it is. */
bool request_has_tag(const struct request *r, const char *etag);
#endif
