/*
 * crawl.log: a line per fetch attempt that ended, in the columns of Heritrix 3, so that
 * the tools people have for those read it:
 *
 *   time of logging, status, bytes of the body, URL, hops, via, mime, worker,
 * start+duration, digest, source tag, annotations
 *
 * separated by blanks, "-" where there is nothing.  The annotations are the outcome,
 * unless it is `ok`, "2t" for the second try, "retry" when there will be another,
 * "link:KIND" of a link that leads nowhere, "quarantine:NAME" of a document that is kept there, and of
 * each request to a host "gap:MS/RULE/N": the gap to the request before it and the number
 * at once that were in force when it began, "ip:ADDRESS", and if there was a limit
 * "per-ip:N" and "per-site:N".  The last is "why:SENTENCE" of what failed, lines_word().
 */
#include "base/clock.h"
#include "base/escape.h"
#include "sink/checks.h"
#include "sink/lines.h"
#include "sink/types.h"

#include "base/banned.h"

/* Heritrix's codes (its FetchStatusCodes) of what ended without an answer; where there is
 * one, its HTTP status is told. */
static const int codes[OUTCOME_MAX] = {
    [OUTCOME_DNS_FAILURE] = -1,
    [OUTCOME_CONNECT_FAILURE] = -2,
    [OUTCOME_TLS_FAILURE] = -2,
    [OUTCOME_TIMEOUT_CONNECT] = -4,
    [OUTCOME_TIMEOUT_FIRST_BYTE] = -4,
    [OUTCOME_TIMEOUT_STALL] = -4,
    [OUTCOME_TIMEOUT_TOTAL] = -4,
    [OUTCOME_PROTOCOL_ERROR] = -3, /* connection lost: nothing usable came */
    [OUTCOME_TRUNCATED] = -3,
    [OUTCOME_TOO_LARGE] = -5003, /* a quota */
    [OUTCOME_ROBOTS_DENIED] = -9998,
    [OUTCOME_ROBOTS_UNREACHABLE] = -61, /* prerequisite robots.txt failed */
    [OUTCOME_OUT_OF_SCOPE] = -5000,
    [OUTCOME_DEPTH] = -4001,          /* too many hops */
    [OUTCOME_BUDGET] = -5003,         /* a quota */
    [OUTCOME_TRAP] = -4000,           /* chaff */
    [OUTCOME_DENIED_ADDRESS] = -5001, /* blocked by a setting */
    [OUTCOME_BAD_URL] = -7,
    [OUTCOME_UNSUPPORTED_SCHEME] = -7,
    [OUTCOME_REDIRECT_LIMIT] = -4002, /* too many transitive hops */
    [OUTCOME_CANCELLED] = -7000,      /* killed by the operator */
    [OUTCOME_PARSE_CRASH] = -5,       /* unexpected exception */
    [OUTCOME_PARSE_TIMEOUT] = -5,
    [OUTCOME_KNOWN_GOOD] = -5000, /* by decision, as what is out of scope */
};

static int
status_code(const struct sink_event *e)
{
	return e->response || codes[e->outcome] == 0 ? e->status : codes[e->outcome];
}

static int
crawl_open(
    struct sink *s, const struct sink_conf *conf, struct slice mark, struct why *why)
{
	return lines_open(s, conf, "crawl.log", mark, why);
}

static int
add_text(struct buf *b, struct slice s, const char *none)
{
	int r = buf_add_byte(b, ' ');

	if (r < 0)
		return r;
	return s.len == 0 ? buf_add_cstr(b, none) : escape_field(b, lines_text(s));
}

/* As printf's %5d and the like. */
static int
add_right(struct buf *b, int64_t n, unsigned width)
{
	uint64_t rest = n < 0 ? -(uint64_t)n : (uint64_t)n;
	int r = 0;

	for (width -= n < 0; rest >= 10 && width > 1; rest /= 10)
		width--;
	for (; width > 1 && r == 0; width--)
		r = buf_add_byte(b, ' ');
	return r < 0 ? r : buf_add_i64(b, n);
}

/* Up to the URL: the columns that Heritrix pads. */
static int
add_numbers(struct buf *b, const struct sink_event *e)
{
	char at[CLOCK_TEXT_MAX];
	int r;

	clock_format(e->began_wall_us + (int64_t)e->total_ms * 1000, 3, at);
	r = buf_add_cstr(b, at);
	if (r == 0)
		r = buf_add_byte(b, ' ');
	if (r == 0)
		r = add_right(b, status_code(e), 5);
	if (r == 0)
		r = buf_add_byte(b, ' ');
	if (r < 0)
		return r;
	return e->response ? add_right(b, (int64_t)e->body_bytes, 10)
			   : buf_add_cstr(b, "         -");
}

static int
add_count(struct buf *b, const char *name, uint64_t n)
{
	int r = buf_add_cstr(b, name);

	return r < 0 ? r : buf_add_u64(b, n, 0);
}

/* What `trawl report --politeness` judges by. */
static int
add_contact(struct buf *b, const struct sink_event *e, const char *lead)
{
	int r = buf_add_cstr(b, lead);

	if (r == 0)
		r = buf_add_cstr(b, "gap:");
	if (r == 0)
		r = buf_add_i64(b, e->gap_ms);
	if (r == 0)
		r = buf_add_byte(b, '/');
	if (r == 0)
		r = buf_add_cstr(b, e->gap_rule);
	if (r == 0)
		r = add_count(b, "/", e->at_once);
	if (r == 0 && e->ip.len > 0)
		r = buf_add_cstr(b, ",ip:");
	if (r == 0 && e->ip.len > 0)
		r = escape_field(b, e->ip);
	if (r == 0 && e->ip.len > 0 && e->per_ip > 0)
		r = add_count(b, ",per-ip:", e->per_ip);
	if (r == 0 && e->per_site > 0)
		r = add_count(b, ",per-site:", e->per_site);
	return r;
}

/* The link that led there is to be mended: a report tells of what kind it is. */
static bool
is_broken(const struct sink_event *e)
{
	return e->final && !e->internal && !checks_made_up(e->check, e->hops) &&
	       (e->outcome == OUTCOME_HTTP_4XX || e->outcome == OUTCOME_HTTP_5XX ||
		   e->outcome == OUTCOME_TRUNCATED ||
		   outcome_class(e->outcome) == OUTCOME_CLASS_FAILED);
}

static int
add_why(struct buf *b, const struct sink_event *e, const char *lead)
{
	int r;

	if (e->detail.len == 0 || codes[e->outcome] == 0)
		return 0;
	r = buf_printf(b, "%swhy:", lead);
	return r < 0 ? r : lines_word(b, lines_text(e->detail));
}

static int
add_annotations(struct buf *b, const struct sink_event *e)
{
	size_t start;
	int r;

	r = buf_add_byte(b, ' ');
	start = b->len;
	if (r == 0 && e->outcome != OUTCOME_OK)
		r = buf_add_cstr(b, outcome_name(e->outcome));
	if (r == 0 && e->attempts > 1)
		r = buf_printf(
		    b, "%s%ut", b->len > start ? "," : "", (unsigned)e->attempts);
	if (r == 0 && !e->final)
		r = buf_add_cstr(b, b->len > start ? ",retry" : "retry");
	if (r == 0 && is_broken(e))
		r = buf_printf(
		    b, "%slink:%s", b->len > start ? "," : "", link_kind_name(e->link));
	if (r == 0 && checks_made_up(e->check, e->hops))
		r = buf_add_cstr(b, b->len > start ? ",probe" : "probe");
	if (r == 0 && e->quarantine.len > 0)
		r = buf_printf(b, "%squarantine:" SLICE_FMT, b->len > start ? "," : "",
		    SLICE_ARG(e->quarantine));
	if (r == 0 && e->contacted)
		r = add_contact(b, e, b->len > start ? "," : "");
	if (r == 0)
		r = add_why(b, e, b->len > start ? "," : "");
	if (r == 0 && b->len == start)
		r = buf_add_byte(b, '-');
	return r;
}

static int
crawl_put(struct sink *s, struct sink_event *e, struct why *why)
{
	char began[CLOCK_TEXT_MAX];
	struct buf *b;
	int r;

	if (e->kind != SINK_FETCH)
		return 0;
	b = lines_begin(s);
	r = add_numbers(b, e);
	if (r == 0)
		r = add_text(b, e->url, "-");
	if (r == 0)
		r = add_text(b, e->hops, "-");
	if (r == 0)
		r = add_text(b, e->via, "-");
	if (r == 0)
		r = add_text(b, e->mime, "no-type");
	clock_format17(e->began_wall_us, began);
	if (r == 0) /* all threads of ours are one to its reader */
		r = buf_add_cstr(b, " #000 ");
	if (r == 0)
		r = buf_add_cstr(b, began);
	if (r == 0)
		r = add_count(b, "+", e->total_ms);
	if (r == 0)
		r = add_text(b, e->digest, "-");
	if (r == 0)
		r = add_text(b, (struct slice){0}, "-");
	if (r == 0)
		r = add_annotations(b, e);
	return lines_end(s, r, why);
}

const struct sink_type sink_crawl_log = {
    .name = "crawl-log",
    .open = crawl_open,
    .put = crawl_put,
    .flush = lines_flush,
    .sync = lines_sync,
    .mark = lines_mark,
    .close = lines_close,
    .lines = "crawl.log",
};
