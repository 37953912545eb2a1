/*
 * What is written of a run: its pages, its log, its report.  A list of pages goes by
 * places in pages.jsonl (ctl/line_walk.h): a cursor costs nothing, and what one request reads
 * is bounded.  A filter that finds little says with "next" where it goes on.
 */
#include "ctl/api.h"
#include "ctl/file_read.h"
#include "ctl/line_walk.h"
#include "ctl/page_line.h"
#include "ctl/run_look.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	SCAN_MAX = 32 << 20, /* bytes of the file, a request */
	ITEMS_MAX = 4 << 20, /* bytes of what is found */
	LOG_USUAL = 100,     /* lines */
	LOG_MAX = 1000,
	LOG_SCAN_MAX = 4 << 20,
};

struct pages {
	struct run_look look; /* first */
	struct page_filter filter;
	struct line_walk walk;
	bool has_cursor;
	uint64_t limit, found;
	struct buf url;
	struct jsonw j;
	char *texts[3]; /* what the filter borrows */
};

static void
pages_free(void *ptr)
{
	struct pages *p = ptr;

	buf_release(&p->url);
	for (size_t i = 0; i < 3; i++)
		free(p->texts[i]);
	free(p);
}

static int
on_page(void *ctx, struct slice line)
{
	struct pages *p = ctx;
	int wanted = page_is_wanted(&p->filter, line, &p->url);

	if (wanted <= 0)
		return wanted;
	jsonw_raw(&p->j, NULL, line);
	if (p->j.err < 0)
		return p->j.err;
	p->found++;
	return p->found == p->limit || p->look.text.len >= ITEMS_MAX ? LINE_ENOUGH
								     : LINE_GO_ON;
}

static int
walk_pages(struct pages *p, int fd, struct why *why)
{
	char next[32];
	int r = 0;

	if (p->walk.backwards && !p->has_cursor)
		r = line_walk_end(fd, &p->walk.at);
	if (r == 0)
		r = line_walk(fd, &p->walk, on_page, p);
	if (r == -EINVAL)
		return why_set(why, 400, "the cursor is none of this list any more");
	if (r < 0)
		return why_set(why, r, "pages.jsonl: %s", strerror(-r));
	jsonw_array_end(&p->j);
	/* Forwards there is more when more is written. */
	if (!p->walk.is_over || (!p->walk.backwards && p->look.is_open)) {
		(void)snprintf(next, sizeof(next), "%c%" PRIu64,
		    p->walk.backwards ? 'b' : 'f', p->walk.at);
		jsonw_str(&p->j, "next", slice_cstr(next));
	}
	jsonw_bool(&p->j, "at_end", p->walk.is_over);
	return 0;
}

static int
pages_work(struct run_look *look, struct why *why)
{
	struct pages *p = container_of(look, struct pages, look);
	int fd = -1, r = run_look_open(look, "pages.jsonl", "list of pages", &fd, why);

	if (r < 0 && !(r == -ENOENT && look->is_open))
		return r;
	jsonw_init(&p->j, &look->text);
	jsonw_object(&p->j, NULL);
	jsonw_array(&p->j, "items");
	if (r == 0) {
		r = walk_pages(p, fd, why);
		(void)close(fd);
		if (r != 0)
			return r;
	} else { /* it has not begun */
		jsonw_array_end(&p->j);
		jsonw_bool(&p->j, "at_end", true);
	}
	jsonw_object_end(&p->j);
	return p->j.err;
}

/* ---- what is asked for ---- */

static void
refuse_query(
    struct request *r, const char *parameter, struct slice value, const char *wants)
{
	char text[160];

	(void)snprintf(text, sizeof(text), SLICE_FMT " is not %s",
	    SLICE_ARG(slice_head(value, 60)), wants);
	request_field(r, parameter, text);
}

static void
read_order(struct request *r, struct line_walk *w)
{
	struct slice sort;

	w->backwards = true;
	if (!request_query(r, "sort", &sort))
		return;
	w->backwards = !slice_eq(sort, SLICE_LIT("at"));
	if (w->backwards && !slice_eq(sort, SLICE_LIT("-at")))
		refuse_query(r, "?sort", sort, "at or -at");
}

static void
read_cursor(struct request *r, struct pages *p)
{
	struct slice text;

	if (!request_query(r, "cursor", &text))
		return;
	p->has_cursor = true;
	if (text.len < 2 || text.ptr[0] != (p->walk.backwards ? 'b' : 'f') ||
	    !slice_to_u64(slice_from(text, 1), &p->walk.at) || p->walk.at > INT64_MAX)
		refuse_query(r, "?cursor", text, "a cursor of this list in this order");
}

static void
read_codes(struct request *r, struct pages *p)
{
	struct slice text, bad = {0};

	if (request_query(r, "outcome", &text) && text.len > 0 &&
	    !page_filter_outcomes(&p->filter, text, &bad))
		refuse_query(r, "?outcome", bad, "an outcome");
	if (request_query(r, "status", &text) && text.len > 0 &&
	    !page_filter_statuses(&p->filter, text, &bad))
		refuse_query(
		    r, "?status", bad, "a status as 404 or 4xx, of eight at most");
}

static bool
read_text(
    struct request *r, struct pages *p, const char *name, size_t i, struct slice *ret)
{
	struct slice text;

	if (!request_query(r, name, &text) || text.len == 0)
		return true;
	p->texts[i] = slice_dup(text);
	if (p->texts[i] == NULL) {
		api_refuse(r, -ENOMEM, NULL);
		return false;
	}
	*ret = slice_of(p->texts[i], text.len);
	return true;
}

static bool
read_texts(struct request *r, struct pages *p)
{
	return read_text(r, p, "mime", 0, &p->filter.mime) &&
	       read_text(r, p, "prefix", 1, &p->filter.prefix) &&
	       read_text(r, p, "contains", 2, &p->filter.contains);
}

static void
pages(struct request *r)
{
	static const char *const names[] = {"cursor", "limit", "sort", "outcome",
	    "status", "mime", "prefix", "contains", NULL};
	struct pages *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		api_refuse(r, -ENOMEM, NULL);
		return;
	}
	buf_init(&p->url, 64 << 10);
	p->limit = API_PAGE_USUAL;
	p->walk.scan_max = SCAN_MAX;
	request_query_only(r, names);
	request_query_number(r, "limit", 1, API_PAGE_MAX, &p->limit);
	read_order(r, &p->walk);
	read_cursor(r, p);
	read_codes(r, p);
	if (!request_query_is_good(r) || !read_texts(r, p))
		pages_free(p);
	else
		run_look_start(&p->look, r, LOOK_SHORT, pages_work, pages_free);
}

/* ---- the log ---- */

struct log {
	struct run_look look; /* first */
	bool rejected;
	uint64_t lines;
	struct {
		size_t at, len; /* in text */
	} * found;              /* the last one first */
	size_t found_len;
	struct buf text;
};

static void
log_free(void *ptr)
{
	struct log *l = ptr;

	buf_release(&l->text);
	free(l->found);
	free(l);
}

static int
on_log_line(void *ctx, struct slice line)
{
	struct log *l = ctx;
	size_t at = l->text.len;
	int r = buf_add_slice(&l->text, line);

	if (r == -EMSGSIZE)
		return LINE_ENOUGH;
	if (r < 0)
		return r;
	l->found[l->found_len].at = at;
	l->found[l->found_len++].len = line.len;
	return l->found_len == l->lines ? LINE_ENOUGH : LINE_GO_ON;
}

static int
log_work(struct run_look *look, struct why *why)
{
	struct log *l = container_of(look, struct log, look);
	struct line_walk w = {.backwards = true, .scan_max = LOG_SCAN_MAX};
	const char *name = l->rejected ? "rejected.log" : "crawl.log";
	struct jsonw j;
	int fd = -1, r = run_look_open(look, name, name, &fd, why);

	if (r < 0 && !(r == -ENOENT && look->is_open))
		return r;
	if (r == 0) {
		r = line_walk_end(fd, &w.at);
		if (r == 0)
			r = line_walk(fd, &w, on_log_line, l);
		(void)close(fd);
		if (r < 0)
			return why_set(why, r, "%s: %s", name, strerror(-r));
	}
	jsonw_init(&j, &look->text);
	jsonw_object(&j, NULL);
	jsonw_array(&j, "items");
	for (size_t i = l->found_len; i-- > 0;)
		jsonw_str(
		    &j, NULL, slice_of(l->text.ptr + l->found[i].at, l->found[i].len));
	jsonw_array_end(&j);
	jsonw_object_end(&j);
	return j.err;
}

static void
log_tail(struct request *r)
{
	static const char *const names[] = {"tail", "of", NULL};
	struct slice of = SLICE_LIT("crawl");
	uint64_t lines = LOG_USUAL;
	struct log *l;

	request_query_only(r, names);
	request_query_number(r, "tail", 1, LOG_MAX, &lines);
	if (request_query(r, "of", &of) && !slice_eq(of, SLICE_LIT("crawl")) &&
	    !slice_eq(of, SLICE_LIT("rejected")))
		refuse_query(r, "?of", of, "crawl or rejected");
	if (!request_query_is_good(r))
		return;
	l = calloc(1, sizeof(*l));
	if (l != NULL) {
		buf_init(&l->text, LOG_SCAN_MAX);
		l->lines = lines;
		l->rejected = slice_eq(of, SLICE_LIT("rejected"));
		l->found = calloc(lines, sizeof(*l->found));
	}
	if (l == NULL || l->found == NULL) {
		if (l != NULL)
			log_free(l);
		api_refuse(r, -ENOMEM, NULL);
		return;
	}
	run_look_start(&l->look, r, LOOK_SHORT, log_work, log_free);
}

/* ---- the report ---- */

static int
report_work(struct run_look *look, struct why *why)
{
	char path[4200];
	int r;

	(void)snprintf(path, sizeof(path), "%s/report.json", look->dir);
	r = file_read(path, API_JSON_MAX - 1, &look->text, why);
	return r == -ENOENT ? why_set(why, r, "run %" PRIu64 " has no report%s", look->id,
				  look->is_open ? " yet" : "")
			    : r;
}

static void
report(struct request *r)
{
	static const char *const names[] = {NULL};
	struct run_look *look;

	request_query_only(r, names);
	if (!request_query_is_good(r))
		return;
	look = calloc(1, sizeof(*look));
	if (look == NULL)
		api_refuse(r, -ENOMEM, NULL);
	else
		run_look_start(look, r, LOOK_SHORT, report_work, NULL);
}

const struct route api_pages[] = {
    {"GET", "/api/v1/runs/{id}/pages", 0, pages, "pages of a run, the newest first"},
    {"GET", "/api/v1/runs/{id}/log", 0, log_tail, "the last lines of crawl.log"},
    {"GET", "/api/v1/runs/{id}/report", 0, report, "report.json of a run"},
    {NULL, NULL, 0, NULL, NULL},
};
