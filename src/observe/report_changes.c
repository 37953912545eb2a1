#include "base/clock.h"
#include "observe/format.h"
#include "observe/html_out.h"
#include "observe/report_int.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

/*
 * What the last round found of each page: the sums of its runs, and changes.tsv for the
 * pages themselves.
 */

/* ---- made ---- */

void
changes_run(struct report_changes *c, const struct saved_run *run)
{
	if (run->round < c->round)
		return;
	if (run->round > c->round)
		*c = (struct report_changes){
		    .round = run->round, .began_us = run->began_us};
	c->runs++;
	c->at_us = run->at_us;
	c->elapsed_ms += run->elapsed_ms;
	c->pages += run->pages;
	c->wire_bytes += run->wire_bytes;
	for (size_t i = 0; i < PAGE_CHANGE_MAX; i++)
		c->n[i] += run->changes[i];
}

int
changes_line(struct making *m, struct slice line)
{
	struct report_changes *c = &m->r->changes;
	struct report_change *page;
	struct changeline l;
	int e;

	if (!changeline_parse(line, &l) || l.round != c->round ||
	    c->len[l.change] == REPORT_CHANGES_MAX)
		return 0;
	if (c->v[l.change] == NULL)
		c->v[l.change] = calloc(REPORT_CHANGES_MAX, sizeof(*page));
	if (c->v[l.change] == NULL)
		return -ENOMEM;
	page = &c->v[l.change][c->len[l.change]];
	page->status = l.status;
	page->outcome = l.outcome;
	e = making_text(m, l.url, &page->url);
	c->len[l.change] += e == 0;
	return e;
}

void
changes_release(struct report_changes *c)
{
	for (size_t i = 0; i < PAGE_CHANGE_MAX; i++)
		free(c->v[i]);
}

/* ---- told ---- */

/* What people ask for first. */
static const enum page_change shown[] = {PAGE_CHANGE_NEW, PAGE_CHANGE_CHANGED,
    PAGE_CHANGE_GONE, PAGE_CHANGE_UNCHANGED, PAGE_CHANGE_ABSENT, PAGE_CHANGE_UNKNOWN};
enum { SHOWN = sizeof(shown) / sizeof(shown[0]) };

int
changes_words(const uint64_t n[PAGE_CHANGE_MAX], struct buf *out)
{
	const char *comma = "";
	int e = 0;

	for (size_t i = 0; i < SHOWN && e == 0; i++) {
		if (n[shown[i]] == 0 && !page_change_is_told(shown[i]))
			continue;
		e = buf_printf(out, "%s%s %s", comma, COUNT(n[shown[i]]),
		    page_change_name(shown[i]));
		comma = ", ";
	}
	return e;
}

int
changes_text(const struct report *r, const char *dir, struct buf *out)
{
	const struct report_changes *c = &r->changes;
	uint64_t told =
	    c->n[PAGE_CHANGE_NEW] + c->n[PAGE_CHANGE_CHANGED] + c->n[PAGE_CHANGE_GONE];
	int e;

	if (c->round < 2)
		return 0;
	e = buf_printf(out,
	    "  round %-4" PRIu32 "%s asked in %s, %s received: ", c->round,
	    COUNT(c->pages), ELAPSED(c->elapsed_ms), BYTES(c->wire_bytes));
	if (e == 0 && c->pages == 0 && r->facts.end == CRAWL_DONE &&
	    c->n[PAGE_CHANGE_UNKNOWN] == 0)
		e = buf_add_cstr(out, "nothing was due");
	else if (e == 0)
		e = changes_words(c->n, out);
	if (e == 0)
		e = buf_add_byte(out, '\n');
	if (e == 0 && dir != NULL && told > 0)
		e = buf_printf(out, "  changes   %s/changes.tsv\n", dir);
	return e;
}

static void
put_count(struct jsonw *j, const char *key, uint64_t n)
{
	jsonw_int(j, key, n > INT64_MAX ? INT64_MAX : (int64_t)n);
}

void
changes_counts_json(const uint64_t n[PAGE_CHANGE_MAX], struct jsonw *j)
{
	for (size_t i = 0; i < SHOWN; i++)
		put_count(j, page_change_name(shown[i]), n[shown[i]]);
}

static void
put_time(struct jsonw *j, const char *key, int64_t wall_us)
{
	char at[CLOCK_TEXT_MAX];

	clock_format(wall_us, 3, at);
	jsonw_str(j, key, slice_cstr(at));
}

void
changes_json(const struct report *r, struct jsonw *j)
{
	const struct report_changes *c = &r->changes;

	if (c->round < 2)
		return;
	jsonw_object(j, "changes");
	put_count(j, "round", c->round);
	put_time(j, "started_at", c->began_us);
	put_time(j, "ended_at", c->at_us);
	jsonw_real(j, "seconds", (double)c->elapsed_ms / 1000);
	put_count(j, "runs", c->runs);
	put_count(j, "pages", c->pages);
	put_count(j, "bytes_wire", c->wire_bytes);
	changes_counts_json(c->n, j);
	jsonw_object(j, "urls");
	for (size_t i = 0; i < SHOWN; i++) {
		if (!page_change_is_told(shown[i]))
			continue;
		jsonw_array(j, page_change_name(shown[i]));
		for (size_t k = 0; k < c->len[shown[i]]; k++)
			jsonw_str(j, NULL, c->v[shown[i]][k].url);
		jsonw_array_end(j);
	}
	jsonw_object_end(j);
	jsonw_object_end(j);
}

static void
list_html(const struct report_changes *c, enum page_change of, struct html *h)
{
	const struct report_change *v = c->v[of];

	if (c->len[of] == 0)
		return;
	html_printf(h,
	    "<h3>%s %s</h3>\n<div class=scroll tabindex=0 role=region "
	    "aria-label=\"Pages that are %s\">\n<table><thead><tr><th scope=col>page"
	    "<th scope=col>outcome<th scope=col class=n>status</tr></thead><tbody>",
	    COUNT(c->n[of]), page_change_name(of), page_change_name(of));
	for (size_t i = 0; i < c->len[of]; i++) {
		html_add(h, "<tr><td class=u>");
		html_url(h, v[i].url);
		html_printf(h, "<td class=c>%s<td class=n>%d</tr>\n",
		    outcome_name(v[i].outcome), v[i].status);
	}
	html_add(h, "</tbody></table></div>\n");
	if (c->len[of] < c->n[of])
		html_printf(h,
		    "<p class=soft>The first %s of %s are shown; changes.tsv has all."
		    "</p>\n",
		    COUNT(c->len[of]), COUNT(c->n[of]));
}

void
changes_html(const struct report *r, struct html *h)
{
	const struct report_changes *c = &r->changes;
	char began[CLOCK_TEXT_MAX];
	struct buf words;

	buf_init(&words, 1024);
	if (changes_words(c->n, &words) < 0)
		h->err = h->err < 0 ? h->err : -ENOMEM;
	clock_format(c->began_us, 0, began);
	html_printf(h, "<p>Round %" PRIu32 ", %s: ", c->round, began);
	html_text(h, buf_slice(&words));
	html_printf(h, "; %s asked in %s, %s received.</p>\n", COUNT(c->pages),
	    TOOK(c->elapsed_ms), BYTES(c->wire_bytes));
	buf_release(&words);
	list_html(c, PAGE_CHANGE_GONE, h);
	list_html(c, PAGE_CHANGE_NEW, h);
	list_html(c, PAGE_CHANGE_CHANGED, h);
}
