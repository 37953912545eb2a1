#include "base/escape.h"
#include "observe/report_int.h"
#include <errno.h>

#include "base/banned.h"

/* One pass over each of the logs: what can be summed up is, what has to meet others goes to
 * the sorters, of what is shown the place is kept. */

enum { WHY_BYTES_MAX = 600 };

struct gathering {
	struct making *m;
	struct report *r;
	struct host_sorter *hosts;
	struct group_sorter *groups;
	struct chain_sorter *chains;
	struct sorter *lines, *pages; /* of struct latest_note */
};

/* ---- crawl.log ---- */

/* Runs laid end to end: how long the crawl had been under way. */
static int64_t
crawl_time(const struct making *m, int64_t wall_ms)
{
	size_t lo = 0, hi = m->spans_len;
	const struct report_span *s;
	int64_t in;

	while (lo < hi) { /* the last that began by then */
		size_t mid = (lo + hi) / 2;

		if (m->spans[mid].began_ms <= wall_ms)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return 0;
	s = &m->spans[lo - 1];
	in = wall_ms - s->began_ms;
	return s->before_ms + (in < s->length_ms ? in : s->length_ms);
}

static int
rank_first(const void *a, const void *b)
{
	const struct report_line *x = a, *y = b;
	int c = REPORT_COMPARE(y->rank, x->rank);

	return c == 0 ? REPORT_COMPARE(x->at, y->at) : c;
}

static bool
has_answer(const struct logline *l)
{
	return l->status >= 100;
}

static void
take_time(struct gathering *g, const struct logline *l)
{
	struct timeline_sums s = {.requests = has_answer(l) || l->contacted,
	    .pages = has_answer(l) && !l->retry && !l->internal,
	    .bytes = l->bytes,
	    .errors = l->retry || logline_is_broken(l)};
	int64_t took = l->end_ms - l->start_ms;

	timeline_add(
	    &g->r->timeline, crawl_time(g->m, l->end_ms), &s, has_answer(l) ? took : -1);
	if (!has_answer(l))
		return;
	latency_add(&g->r->latency, (uint64_t)took);
	if ((uint64_t)took > g->r->latency_max_ms)
		g->r->latency_max_ms = (uint64_t)took;
}

static int
take_host(struct gathering *g, const struct logline *l, uint64_t at)
{
	struct slice authority = logline_authority(l->url);
	struct host_sums s = {.key = host_sorter_key(g->m, authority),
	    .name_in = REPORT_CRAWL_LOG,
	    .name_at = at,
	    .pages = has_answer(l) && !l->retry && !l->internal,
	    .bytes = l->bytes,
	    .slowed = l->status == 429 || l->status == 503};

	return authority.len == 0 ? 0 : host_sorter_add(g->hosts, &s);
}

/* One that will not be tried again. */
static int
take_end(struct gathering *g, const struct logline *l, uint64_t at)
{
	struct latest_note n = {.url = making_hash(g->m, l->url),
	    .host = host_sorter_key(g->m, logline_authority(l->url)),
	    .at = at,
	    .broken = logline_is_broken(l),
	    .same_contents = l->outcome == OUTCOME_NOT_MODIFIED,
	    .digest = making_hash(g->m, l->digest),
	    .bytes = l->bytes,
	    .is_page = l->digest.len > 0 && l->bytes > 0 && outcome_is_whole(l->outcome)};

	return sorter_add(g->lines, &n);
}

/* One that ended with an answer. */
static int
take_page(struct gathering *g, const struct logline *l, uint64_t at)
{
	struct report *r = g->r;
	struct report_line slow = {(uint64_t)(l->end_ms - l->start_ms), at};
	struct report_line large = {l->bytes, at};
	int e = 0;

	if (slow.rank > 0)
		top_add(&r->slowest, &slow);
	if (l->bytes > 0)
		top_add(&r->largest, &large);
	if (l->status < REPORT_STATUS_MAX)
		r->status[l->status]++;
	buf_clear(&g->m->plain);
	e = unescape_line(&g->m->plain, l->mime);
	if (e == 0)
		e = counts_add(
		    &r->mimes, &r->texts, 0, buf_slice(&g->m->plain), l->bytes);
	return e;
}

static int
on_crawl_line(void *ctx, struct slice text, uint64_t at)
{
	struct gathering *g = ctx;
	struct logline l;
	int e;

	if (!logline_parse(text, &l))
		return host_sorter_line(g->hosts, NULL, at);
	take_time(g, &l);
	e = host_sorter_line(g->hosts, &l, at);
	if (e == 0)
		e = take_host(g, &l, at);
	if (e == 0 && !l.retry && !l.internal)
		e = take_end(g, &l, at);
	if (e == 0 && has_answer(&l) && !l.retry && !l.internal)
		e = take_page(g, &l, at);
	return e;
}

/* ---- rejected.log ---- */

static int
take_denied(struct gathering *g, const struct rejectline *l, uint64_t at)
{
	struct slice authority = logline_authority(l->url);
	struct host_sums s = {.key = host_sorter_key(g->m, authority),
	    .name_in = REPORT_REJECTED_LOG,
	    .name_at = at,
	    .denied = 1};

	if (l->outcome != OUTCOME_ROBOTS_DENIED || authority.len == 0)
		return 0;
	return host_sorter_add(g->hosts, &s);
}

static int
on_rejected_line(void *ctx, struct slice text, uint64_t at)
{
	struct gathering *g = ctx;
	struct report_reject *of;
	struct rejectline l, *kept;
	int e;

	if (!rejectline_parse(text, &l))
		return 0;
	of = &g->r->rejects[l.outcome];
	of->lines++;
	e = take_denied(g, &l, at);
	if (e < 0)
		return e;
	if (l.detail.len > 0) {
		buf_clear(&g->m->plain);
		e = unescape_line(&g->m->plain, l.detail);
		if (e == 0)
			e = counts_add(&g->r->rules, &g->r->texts, (int)l.outcome,
			    buf_slice(&g->m->plain), 0);
	}
	if (e < 0 || of->examples_len == REPORT_EXAMPLES_MAX)
		return e;
	kept = &of->examples[of->examples_len++];
	kept->outcome = l.outcome;
	e = making_text(g->m, l.url, &kept->url);
	if (e == 0)
		e = making_text(g->m, l.via, &kept->via);
	return e == 0 ? making_text(g->m, l.detail, &kept->detail) : e;
}

/* ---- pages.jsonl ---- */

static int
plain_hash(struct gathering *g, struct slice json, uint64_t *ret)
{
	int e;

	buf_clear(&g->m->plain);
	e = pageline_text(&g->m->plain, json);
	if (e == 0)
		*ret = making_hash(g->m, buf_slice(&g->m->plain));
	return e;
}

static int
on_page_line(void *ctx, struct slice text, uint64_t at)
{
	struct gathering *g = ctx;
	struct latest_note n = {.at = at};
	struct pageline p;
	int e;

	if (!pageline_parse(text, &p))
		return 0;
	n.same_contents = p.outcome == OUTCOME_NOT_MODIFIED;
	n.has_simhash = p.has_simhash && p.digest.len > 0 && outcome_is_whole(p.outcome);
	n.simhash = p.simhash;
	n.digest = making_hash(g->m, p.digest);
	n.redirects = p.redirect_to.len > 0 && p.outcome == OUTCOME_REDIRECT;
	e = plain_hash(g, p.url, &n.url);
	if (e == 0 && n.redirects)
		e = plain_hash(g, p.redirect_to, &n.to);
	if (e == -EBADMSG) /* none of ours */
		return 0;
	return e == 0 ? sorter_add(g->pages, &n) : e;
}

/* ---- changes.tsv ---- */

static int
on_change_line(void *ctx, struct slice text, uint64_t at)
{
	struct gathering *g = ctx;

	(void)at;
	return changes_line(g->m, text);
}

/* ---- what holds of each URL ---- */

static int
on_latest_end(void *ctx, const struct latest_note *n)
{
	struct gathering *g = ctx;
	struct report_line line = {.at = n->at};
	struct host_sums s = {
	    .key = n->host, .name_in = REPORT_CRAWL_LOG, .name_at = n->at, .errors = 1};
	int e = 0;

	if (n->broken) {
		g->r->broken_total++;
		top_add(&g->r->broken_at, &line);
		e = host_sorter_add(g->hosts, &s);
	}
	if (e == 0 && n->is_page)
		e = group_sorter_page(g->groups, n->digest, n->bytes, n->contents_at);
	return e;
}

static int
on_latest_page(void *ctx, const struct latest_note *n)
{
	struct gathering *g = ctx;
	int e = 0;

	if (n->has_simhash) {
		g->r->near.recorded = true;
		e = group_sorter_simhash(
		    g->groups, n->simhash, n->digest, n->contents_at);
	}
	if (e == 0 && n->redirects)
		e = chain_sorter_add(g->chains, n->url, n->to, n->contents_at);
	return e;
}

static int
show_broken(struct making *m, const struct logline *l, struct report_broken *b)
{
	int e = making_text(m, l->url, &b->url);

	b->outcome = l->outcome;
	b->status = l->status;
	if (e == 0)
		e = making_text(m, l->via, &b->via);
	if (e == 0)
		e = making_text(m, l->kind, &b->kind);
	if (e == 0)
		e = making_text(m, l->hops, &b->hops);
	buf_clear(&m->plain);
	if (e == 0)
		e = logline_sentence(&m->plain, slice_head(l->why, WHY_BYTES_MAX));
	if (e == 0 && !arena_copy(&m->r->texts, buf_slice(&m->plain), &b->why))
		e = -ENOMEM;
	return e;
}

static int
show_all_broken(struct making *m)
{
	struct report *r = m->r;
	int e = 0;

	for (size_t i = 0; i < r->broken_at.len && e == 0; i++) {
		const struct report_line *at = top_at(&r->broken_at, i);
		struct slice text;
		struct logline l;

		e = logfile_line(&m->logs[REPORT_CRAWL_LOG], at->at, &text);
		if (e == 0 && logline_parse(text, &l))
			e = show_broken(m, &l, &r->broken[r->broken_len++]);
		e = e == -ENODATA ? 0 : e;
	}
	return e;
}

/* ---- all ---- */

static int
show_pages(struct making *m, const struct top *t, struct report_page *ret)
{
	int e = 0;

	for (size_t i = 0; i < t->len && e == 0; i++) {
		const struct report_line *at = top_at(t, i);
		struct slice text;
		struct logline l;

		e = logfile_line(&m->logs[REPORT_CRAWL_LOG], at->at, &text);
		if (e < 0 || !logline_parse(text, &l)) {
			e = e == -ENODATA ? 0 : e;
			continue;
		}
		ret[i].status = l.status;
		ret[i].outcome = l.outcome;
		ret[i].ms = (uint64_t)(l.end_ms - l.start_ms);
		ret[i].bytes = l.bytes;
		e = making_text(m, l.url, &ret[i].url);
	}
	return e;
}

static int
gather_all(struct gathering *g)
{
	struct making *m = g->m;
	struct report *r = g->r;
	int e = logfile_each(&m->logs[REPORT_CRAWL_LOG], on_crawl_line, g);

	if (e == 0)
		e = logfile_each(&m->logs[REPORT_REJECTED_LOG], on_rejected_line, g);
	if (e == 0)
		e = logfile_each(&m->logs[REPORT_PAGES], on_page_line, g);
	if (e == 0)
		e = latest_each(g->lines, on_latest_end, g);
	if (e == 0)
		e = latest_each(g->pages, on_latest_page, g);
	if (e == 0 && r->changes.round > 1)
		e = logfile_each(&m->logs[REPORT_CHANGES], on_change_line, g);
	r->chains.recorded = m->logs[REPORT_PAGES].fd >= 0;
	r->duplicates.recorded = true;
	if (e == 0)
		e = host_sorter_finish(g->hosts, m);
	if (e == 0)
		e = group_sorter_finish(g->groups, m);
	if (e == 0)
		e = chain_sorter_finish(g->chains, m);
	if (e == 0)
		e = show_all_broken(m);
	if (e == 0)
		e = show_pages(m, &r->slowest, r->slow_pages);
	return e == 0 ? show_pages(m, &r->largest, r->large_pages) : e;
}

int
report_gather(struct making *m)
{
	struct report *r = m->r;
	struct gathering g = {.m = m, .r = r};
	size_t bytes = sizeof(struct report_line);
	int e = top_init(&r->slowest, bytes, REPORT_PAGES_MAX, rank_first);

	if (e == 0)
		e = top_init(&r->largest, bytes, REPORT_PAGES_MAX, rank_first);
	if (e == 0)
		e = top_init(&r->broken_at, bytes, REPORT_BROKEN_MAX, rank_first);
	if (e == 0)
		e = latest_new(m, &g.lines);
	if (e == 0)
		e = latest_new(m, &g.pages);
	if (e == 0)
		e = host_sorter_new(m, &g.hosts);
	if (e == 0)
		e = group_sorter_new(m, &g.groups);
	if (e == 0)
		e = chain_sorter_new(m, &g.chains);
	if (e == 0)
		e = gather_all(&g);
	host_sorter_free(g.hosts);
	group_sorter_free(g.groups);
	chain_sorter_free(g.chains);
	sorter_free(g.lines);
	sorter_free(g.pages);
	return e;
}
