#include "observe/linkcheck.h"
#include "base/escape.h"
#include "base/line_sorter.h"
#include "observe/linkcheck_int.h"
#include "observe/logfile.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { SORT_BYTES = 32 << 20, TEXT_BYTES_MAX = 256 << 10 };

/*
 * The sorted lines.  Of each URL first how it was asked, then why it was not, then its links:
 * those of forms last, and those that name the same id together.
 *
 *   URL 0 T-line    URL 1 R-line    URL 2 form id page kind text
 */
enum walk {
	WALK_BEGIN,     /* at the first line of a URL */
	WALK_ALL,       /* in the links of a target */
	WALK_FRAGMENTS, /* in those of a good one, looking for ids that are missing */
	WALK_FRAGMENT,  /* in those of one that is */
};

struct linkcheck {
	struct linkcheck_facts facts;
	struct linkcheck_sums sums;
	struct ignores *ignores;
	struct line_sorter *sorter;
	struct buf line; /* the next one */
	bool has_line;
	enum walk walk;
	struct checked now; /* of the URL that it is at; borrows from `head` */
	struct judged judged;
	uint64_t end;             /* of its redirects */
	struct buf url, head, id; /* of it, as the lines have them */
	struct buf texts[4];      /* plain: url, end, page, text */
};

static const char *const names[LINKCHECK_VERDICT_MAX] = {
    "good", "broken", "suspect", "unchecked", "ignored"};

const char *
linkcheck_verdict_name(enum linkcheck_verdict v)
{
	return names[v];
}

/* ---- reading the log ---- */

static int
add_line(struct linkcheck *lc, struct slice url, char order, struct slice rest)
{
	int r;

	buf_clear(&lc->line);
	r = buf_add_slice(&lc->line, url);
	if (r == 0)
		r = buf_printf(&lc->line, "\t%c\t", order);
	if (r == 0)
		r = buf_add_slice(&lc->line, rest);
	if (r == 0 && lc->line.len <= LINE_SORTER_LINE_MAX)
		r = line_sorter_add(lc->sorter, buf_slice(&lc->line));
	return r;
}

/* "L page kind url id text" */
static int
add_link(struct linkcheck *lc, struct slice rest)
{
	struct slice letter, page, kind, url, id;
	int r;

	if (!slice_cut(&rest, '\t', &letter) || !slice_cut(&rest, '\t', &page) ||
	    !slice_cut(&rest, '\t', &kind) || !slice_cut(&rest, '\t', &url) ||
	    !slice_cut(&rest, '\t', &id))
		return 0;
	buf_clear(&lc->head);
	r = buf_add_cstr(&lc->head, slice_eq(kind, SLICE_LIT("form")) ? "1\t" : "0\t");
	for (int i = 0; r == 0 && i < 3; i++) {
		r = buf_add_slice(&lc->head, i == 0 ? id : i == 1 ? page : kind);
		if (r == 0)
			r = buf_add_byte(&lc->head, '\t');
	}
	if (r == 0)
		r = buf_add_slice(&lc->head, rest);
	return r < 0 ? r : add_line(lc, url, '2', buf_slice(&lc->head));
}

static void
count_cut(struct linkcheck *lc, struct slice line)
{
	struct slice field;
	uint64_t n = 0;

	for (int i = 0; i < 3; i++)
		if (!slice_cut(&line, '\t', &field))
			return;
	if (slice_to_u64(field, &n) && n > 0) {
		lc->sums.pages_cut++;
		lc->sums.links_cut += n;
	}
}

static int
on_first(void *ctx, struct slice line, uint64_t at)
{
	struct linkcheck *lc = ctx;
	struct checked c;

	(void)at;
	if (slice_starts(line, SLICE_LIT("L\t")))
		return add_link(lc, line);
	if (slice_starts(line, SLICE_LIT("X\t")))
		count_cut(lc, line);
	if (!checked_read(line, &c))
		return 0;
	lc->sums.pages += c.asked && c.how == CHECKS_PAGE && outcome_is_whole(c.outcome);
	if (add_line(lc, c.url, c.asked ? '0' : '1', line) < 0)
		return -ENOMEM;
	return facts_first(&lc->facts, line);
}

static int
on_second(void *ctx, struct slice line, uint64_t at)
{
	(void)at;
	return facts_second(&((struct linkcheck *)ctx)->facts, line);
}

static int
on_third(void *ctx, struct slice line, uint64_t at)
{
	(void)at;
	return facts_third(&((struct linkcheck *)ctx)->facts, line);
}

static int
read_next(struct linkcheck *lc)
{
	struct slice line;
	int r = line_sorter_next(lc->sorter, &line);

	lc->has_line = r > 0;
	if (r <= 0)
		return r;
	buf_clear(&lc->line);
	return buf_add_slice(&lc->line, line);
}

static int
read_all(struct linkcheck *lc, struct logfile *log, struct why *why)
{
	static logfile_fn *const passes[] = {on_first, on_second, on_third};
	int r = 0;

	for (size_t i = 0; i < 3 && r == 0; i++)
		r = logfile_each(log, passes[i], lc);
	if (r == 0)
		r = line_sorter_sort(lc->sorter);
	if (r == 0)
		r = read_next(lc);
	return r < 0 ? why_set(why, r, CHECKS_FILE ": %s", strerrordesc_np(-r)) : 0;
}

int
linkcheck_open(const char *dir, const char *tmp_dir, struct slice ignore,
    struct linkcheck **ret, struct why *why)
{
	struct linkcheck *lc = calloc(1, sizeof(*lc));
	struct logfile log = {.fd = -1};
	int r;

	if (lc == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	facts_init(&lc->facts);
	buf_init(&lc->line, TEXT_BYTES_MAX);
	buf_init(&lc->url, TEXT_BYTES_MAX);
	buf_init(&lc->head, TEXT_BYTES_MAX);
	buf_init(&lc->id, TEXT_BYTES_MAX);
	for (size_t i = 0; i < 4; i++)
		buf_init(&lc->texts[i], TEXT_BYTES_MAX);
	r = ignores_new(ignore, &lc->ignores, why);
	if (r == 0) {
		r = line_sorter_new(tmp_dir, SORT_BYTES, &lc->sorter);
		if (r < 0)
			(void)why_set(why, r, "%s: %s", tmp_dir, strerrordesc_np(-r));
	}
	if (r == 0)
		r = logfile_open(&log, dir, CHECKS_FILE, UINT64_MAX, why);
	if (r == 0)
		r = read_all(lc, &log, why);
	logfile_close(&log);
	if (r < 0) {
		linkcheck_close(lc);
		return r;
	}
	*ret = lc;
	return 0;
}

void
linkcheck_close(struct linkcheck *lc)
{
	if (lc == NULL)
		return;
	facts_release(&lc->facts);
	ignores_free(lc->ignores);
	line_sorter_free(lc->sorter);
	buf_release(&lc->line);
	buf_release(&lc->url);
	buf_release(&lc->head);
	buf_release(&lc->id);
	for (size_t i = 0; i < 4; i++)
		buf_release(&lc->texts[i]);
	free(lc);
}

/* ---- one target after the other ---- */

/* The line's URL, its letter, and what is behind. */
static char
split(const struct linkcheck *lc, struct slice *ret_url, struct slice *ret_rest)
{
	struct slice rest = buf_slice(&lc->line), order = {0};

	*ret_url = (struct slice){0};
	(void)slice_cut(&rest, '\t', ret_url);
	(void)slice_cut(&rest, '\t', &order);
	*ret_rest = rest;
	return order.len == 1 ? order.ptr[0] : '?';
}

/* A link of the URL that it is at? */
static bool
at_link(const struct linkcheck *lc, struct slice *ret_rest)
{
	struct slice url;

	return lc->has_line && split(lc, &url, ret_rest) == '2' &&
	       slice_eq(url, buf_slice(&lc->url));
}

static int
plain(struct buf *b, struct slice s)
{
	buf_clear(b);
	return unescape_line(b, s);
}

/* What was asked overrules what was not, which stands behind it; and the last time, if a
 * directory was crawled several times, those before. */
static int
read_head(struct linkcheck *lc)
{
	struct checked c, last = {0};
	struct slice url, rest;
	bool has = false;
	int r = 0;

	buf_clear(&lc->head);
	(void)split(lc, &url, &rest);
	buf_clear(&lc->url);
	r = buf_add_slice(&lc->url, url);
	while (r == 0 && lc->has_line) {
		char order = split(lc, &url, &rest);

		if (!slice_eq(url, buf_slice(&lc->url)) || order == '2')
			break;
		if (checked_read(rest, &c) &&
		    (!has || (c.asked && c.at_s >= last.at_s))) {
			buf_clear(&lc->head);
			r = buf_add_slice(&lc->head, rest);
			last.at_s = c.at_s;
			has = true;
		}
		if (r == 0)
			r = read_next(lc);
	}
	lc->now = (struct checked){0};
	if (has && r >= 0)
		(void)checked_read(buf_slice(&lc->head), &lc->now);
	lc->now.url = buf_slice(&lc->url);
	return r < 0 ? r : 0;
}

static int
fill(struct linkcheck *lc, struct linkcheck_target *ret)
{
	const struct judged *j = &lc->judged;
	int r;

	*ret = (struct linkcheck_target){.verdict = j->verdict,
	    .outcome = lc->now.outcome,
	    .status = j->status,
	    .redirects = j->redirects,
	    .outside = lc->now.asked && lc->now.how == CHECKS_OUTSIDE,
	    .cached = j->cached,
	    .seed = lc->now.seed,
	    .asked_s = lc->now.at_s};
	r = plain(&lc->texts[0], buf_slice(&lc->url));
	if (r == 0)
		r = plain(&lc->texts[1], slice_cstr(j->end));
	ret->url = buf_slice(&lc->texts[0]);
	ret->end = buf_slice(&lc->texts[1]);
	ret->reason = slice_cstr(j->reason);
	return r;
}

static void
count(struct linkcheck *lc, struct linkcheck_target *t)
{
	if ((t->verdict == LINKCHECK_BROKEN || t->verdict == LINKCHECK_SUSPECT) &&
	    ignores_match(lc->ignores, t->url))
		t->verdict = LINKCHECK_IGNORED;
	lc->sums.by[t->verdict]++;
	lc->sums.robots += t->verdict == LINKCHECK_UNCHECKED &&
			   (t->outcome == OUTCOME_ROBOTS_DENIED ||
			       t->outcome == OUTCOME_ROBOTS_UNREACHABLE);
}

/* 1: a target; 0: nobody links to it. */
static int
begin_url(struct linkcheck *lc, struct linkcheck_target *ret)
{
	struct slice rest;
	uint32_t n;
	bool linked;
	int r = read_head(lc);

	if (r < 0)
		return r;
	linked = at_link(lc, &rest);
	if (!linked && !lc->now.seed)
		return 0;
	lc->sums.targets++;
	linkcheck_judge(&lc->facts, &lc->now,
	    linked && slice_starts(rest, SLICE_LIT("1\t")), &lc->judged);
	if (!facts_follow(&lc->facts, siphash(buf_slice(&lc->url)), &lc->end, &n))
		lc->end = 0;
	lc->walk = lc->judged.verdict == LINKCHECK_GOOD ? WALK_FRAGMENTS : WALK_ALL;
	r = fill(lc, ret);
	if (r < 0)
		return r;
	count(lc, ret);
	return 1;
}

/* At a link to a page that is there: 1: but not what it names. */
static int
look_at_fragment(struct linkcheck *lc, struct slice rest, struct linkcheck_target *ret)
{
	struct slice id = {0};
	unsigned fact;
	int r;

	(void)slice_cut(&rest, '\t', &id);
	(void)slice_cut(&rest, '\t', &id);
	if (slice_eq(id, SLICE_LIT("-")))
		return 0;
	buf_clear(&lc->id);
	r = buf_add_slice(&lc->id, id);
	if (r == 0)
		r = plain(&lc->texts[3], id);
	if (r < 0)
		return r;
	fact = facts_fragment(&lc->facts, lc->end, buf_slice(&lc->texts[3]));
	if (fact == FACT_THERE)
		return 0;
	lc->judged.verdict = fact == FACT_CUT ? LINKCHECK_UNCHECKED : LINKCHECK_BROKEN;
	(void)snprintf(lc->judged.reason, sizeof(lc->judged.reason), "%s",
	    fact == FACT_CUT ? "what can be kept of its page has no such id"
			     : "its page has no such id or name");
	lc->walk = WALK_FRAGMENT;
	r = fill(lc, ret);
	if (r == 0)
		r = buf_add_byte(&lc->texts[0], '#');
	if (r == 0)
		r = buf_add_slice(&lc->texts[0], buf_slice(&lc->texts[3]));
	ret->url = buf_slice(&lc->texts[0]);
	if (r < 0)
		return r;
	count(lc, ret);
	return 1;
}

static bool
in_places(const struct linkcheck *lc, struct slice *ret_rest)
{
	struct slice id = {0}, rest;

	if ((lc->walk != WALK_ALL && lc->walk != WALK_FRAGMENT) || !at_link(lc, ret_rest))
		return false;
	rest = *ret_rest;
	(void)slice_cut(&rest, '\t', &id);
	(void)slice_cut(&rest, '\t', &id);
	return lc->walk == WALK_ALL || slice_eq(id, buf_slice(&lc->id));
}

int
linkcheck_next(struct linkcheck *lc, struct linkcheck_target *ret)
{
	struct slice rest;
	int r = 0;

	while (r == 0 && in_places(lc, &rest)) /* that nobody asked for */
		r = read_next(lc) < 0 ? -EIO : 0;
	while (r == 0 && lc->has_line) {
		if (lc->walk == WALK_FRAGMENT)
			lc->walk = WALK_FRAGMENTS;
		if (lc->walk != WALK_FRAGMENTS || !at_link(lc, &rest)) {
			r = begin_url(lc, ret);
			/* Its links are none of a target's. */
			if (r == 0)
				lc->walk = WALK_BEGIN;
			continue;
		}
		r = look_at_fragment(lc, rest, ret);
		if (r == 0)
			r = read_next(lc) < 0 ? -EIO : 0;
	}
	return r;
}

int
linkcheck_place(struct linkcheck *lc, struct linkcheck_place *ret)
{
	struct slice rest, field, page = {0}, kind = {0};
	int r;

	if (!in_places(lc, &rest))
		return 0;
	(void)slice_cut(&rest, '\t', &field);
	(void)slice_cut(&rest, '\t', &field);
	(void)slice_cut(&rest, '\t', &page);
	(void)slice_cut(&rest, '\t', &kind);
	*ret = (struct linkcheck_place){.kind = ""};
	for (int k = 0; k < LINK_KIND_MAX; k++)
		if (slice_eq(kind, slice_cstr(link_kind_name((enum link_kind)k))))
			ret->kind = link_kind_name((enum link_kind)k);
	r = plain(&lc->texts[2], page);
	if (r == 0)
		r = plain(&lc->texts[3],
		    slice_eq(rest, SLICE_LIT("-")) ? ((struct slice){0}) : rest);
	ret->page = buf_slice(&lc->texts[2]);
	ret->text = buf_slice(&lc->texts[3]);
	if (r == 0)
		r = read_next(lc);
	return r < 0 ? r : 1;
}

const struct linkcheck_sums *
linkcheck_sums(const struct linkcheck *lc)
{
	return &lc->sums;
}
