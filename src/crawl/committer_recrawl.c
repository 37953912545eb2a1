#include "base/log.h"
#include "base/wire.h"
#include "crawl/committer_internal.h"
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * A round after the first: which pages wait again, and what has become of each since.
 *
 *   opening   "due/TIME KEY" ---> "page/KEY" ---is it due?---> queue, with what is known of it
 *   a page    judged against what was known; noted anew as "page/KEY"
 *
 * Where it is known which are due, these are taken in the order of time; committer_due.c.
 * Else opening goes through all pages in the order of their keys, which is that of the seen
 * table, some thousand at a time, and commits what it moved together with how far it is.
 * What waits already is passed over, so each step can be repeated.
 */

enum {
	PAGES_A_SCAN = 4000,
	SCAN_BYTES = 4 << 20, /* of what one scan holds, but for its last value */
};

/* ---- which wait again ---- */

struct page_scan {
	struct buf values; /* each with its length */
	char last[SAVED_PAGE_KEY_BYTES];
	uint8_t last_len;
	uint32_t n;
	int err;
	uint64_t seen, due, nameless; /* so far */
	struct committer *c;
	bool by_time; /* it is known that they are due */
};

static bool
on_page(void *ctx, struct slice key, struct slice value)
{
	struct page_scan *s = ctx;
	struct wire_out w = {.b = &s->values};

	if (key.len > sizeof(s->last)) {
		s->err = -EBADMSG;
		return false;
	}
	wire_text(&w, value);
	s->err = w.err;
	memcpy(s->last, key.ptr, key.len);
	s->last_len = (uint8_t)key.len;
	s->n++;
	return s->err == 0 && s->values.len < SCAN_BYTES;
}

/* What robots.txt forbade it may permit now; other rejections are our own. */
static bool
may_wait_again(enum outcome was)
{
	return outcome_class(was) == OUTCOME_CLASS_FETCHED ||
	       outcome_class(was) == OUTCOME_CLASS_FAILED || was == OUTCOME_ROBOTS_DENIED;
}

static int
wait_again(struct committer *c, struct page_scan *s, struct slice value)
{
	enum outcome was = OUTCOME_NONE;
	struct saved_page page;
	struct urlrec rec;
	int r = saved_page_decode(value, &page);

	s->seen++;
	if (r < 0)
		return r;
	if (page.rec.len == 0) {
		s->nameless++;
		return 0;
	}
	r = urlrec_decode(page.rec, &rec);
	if (r < 0)
		return r;
	if (!s->by_time && !recrawl_is_due(&c->conf.recrawl, &page.history,
			       page.asked_us / 1000, committer_wall_us(c) / 1000))
		return committer_due_put(c, &rec, &page);
	r = committer_seen(c, rec.authority_hash, rec.url_hash, &was);
	if (r < 0 || was == OUTCOME_NONE || !may_wait_again(was))
		return r == -ENOENT ? -EBADMSG : r;
	rec.known = saved_page_known(value, &page);
	rec.flags |= URLREC_AGAIN;
	if (c->saved.round.whole && (rec.flags & URLREC_CHECK) == 0) /* has no links */
		rec.flags |= URLREC_WHOLE;
	r = commit_wait(c, &rec);
	if (r == 0) {
		totals_again(&c->saved.totals, was, urlrec_is_made_up(&rec));
		s->due++;
	}
	return r;
}

static int
wait_some(struct committer *c, struct page_scan *s)
{
	struct saved_round *round = &c->saved.round;
	struct slice after = slice_of(round->after, round->after_len);
	struct wire_in in;
	int r;

	buf_clear(&s->values);
	s->n = 0;
	r = store_scan(
	    c->store, STORE_META, SAVED_PAGES, after, PAGES_A_SCAN, on_page, s);
	if (r == 0)
		r = s->err;
	in = (struct wire_in){.rest = buf_slice(&s->values)};
	for (uint32_t i = 0; i < s->n && r == 0; i++)
		r = wait_again(c, s, wire_get_text(&in));
	if (r < 0 || s->n == 0)
		return r;
	memcpy(round->after, s->last, s->last_len);
	round->after_len = s->last_len;
	return store_batch_bytes(c->batch) > 0 ? group_commit(c) : 0;
}

static int
on_due(void *ctx, uint64_t authority_hash, uint64_t url_hash)
{
	struct page_scan *s = ctx;
	struct saved_page page;
	int r = saved_page_get(s->c->store, authority_hash, url_hash, &s->values, &page);

	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	return wait_again(s->c, s, buf_slice(&s->values));
}

static int
wait_by_time(struct committer *c, struct page_scan *s)
{
	int64_t now_s = committer_wall_us(c) / 1000000;
	struct due_scan due;
	int r;

	s->by_time = true;
	due_scan_init(&due, now_s < UINT32_MAX ? (uint32_t)now_s : UINT32_MAX);
	do {
		r = committer_due_some(c, &due, on_due, s);
		if (r == 0 && due.n > 0)
			r = group_commit(c);
	} while (r == 0 && due.n > 0);
	due_scan_release(&due);
	return r;
}

int
committer_recrawl_open(struct committer *c)
{
	struct page_scan s = {.c = c};
	int r = committer_due_open(c);

	if (r < 0 || !c->saved.round.opening)
		return r;
	buf_init(&s.values, SCAN_BYTES + SAVED_PAGE_BYTES_MAX + STORE_VALUE_MAX);
	if (c->due.state == DUE_KEPT)
		r = wait_by_time(c, &s);
	else
		do
			r = wait_some(c, &s);
		while (r == 0 && s.n > 0);
	buf_release(&s.values);
	if (r < 0)
		return r;
	if (s.nameless > 0)
		log_warn("%" PRIu64
			 " pages were found by an older trawl, which did not keep "
			 "what is needed to ask them again",
		    s.nameless);
	log_info("round %" PRIu32 ": of %" PRIu64 " pages that were looked at %" PRIu64
		 " are due",
	    c->saved.round.number, s.seen, s.due);
	c->saved.round.opening = false;
	c->saved.round.after_len = 0;
	r = committer_due_built(c);
	return r < 0 ? r : group_commit(c);
}

/* ---- what has become of one ---- */

/* Of a redirect, where it leads: its body is the server's own. */
static int
contents_digest(const struct committer *c, const struct sink_event *e, char ret[64])
{
	if (e->outcome == OUTCOME_REDIRECT)
		return snprintf(ret, 64, "url:%016" PRIx64,
		    url_hash(e->redirect_to, scope_hash_seed(c->rules)));
	return snprintf(ret, 64, SLICE_FMT, SLICE_ARG(slice_head(e->digest, 63)));
}

static bool
has_contents(const struct sink_event *e)
{
	switch (e->outcome) {
	case OUTCOME_REDIRECT:
		return true;
	case OUTCOME_OK:
	case OUTCOME_DUPLICATE_CONTENT:
	case OUTCOME_PARSE_CRASH:
	case OUTCOME_PARSE_TIMEOUT:
		return e->digest.len > 0 && e->status >= 200 && e->status < 300;
	default:
		return false;
	}
}

static enum page_change
change_of(const struct saved_page *was, const struct sink_event *e, struct slice digest)
{
	bool there = was->state == PAGE_THERE;

	if (e->outcome == OUTCOME_NOT_MODIFIED)
		return there ? PAGE_CHANGE_UNCHANGED : PAGE_CHANGE_UNKNOWN;
	if (e->outcome == OUTCOME_HTTP_4XX && (e->status == 404 || e->status == 410))
		return there ? PAGE_CHANGE_GONE : PAGE_CHANGE_ABSENT;
	if (!has_contents(e))
		return PAGE_CHANGE_UNKNOWN;
	if (!there)
		return PAGE_CHANGE_NEW;
	return slice_eq(was->digest, digest) ? PAGE_CHANGE_UNCHANGED
					     : PAGE_CHANGE_CHANGED;
}

static bool
is_noted(const struct sink_event *e)
{
	return !e->internal && e->outcome != OUTCOME_CANCELLED &&
	       may_wait_again(e->outcome);
}

int
committer_recrawl_judge(struct committer *c, struct commit *m)
{
	struct sink_event *e = &m->event;
	struct recrawl_page *p = &c->again;
	int r = 0;

	*p = (struct recrawl_page){.noted = is_noted(e), .archived = e->records_n > 0};
	e->round = c->saved.round.number;
	if (!p->noted)
		return 0;
	if ((m->rec->flags & URLREC_AGAIN) != 0)
		r = saved_page_decode(m->rec->known, &p->was);
	if (r < 0)
		return r;
	p->digest_len = (size_t)contents_digest(c, e, p->digest);
	p->change = change_of(&p->was, e, slice_of(p->digest, p->digest_len));
	if (c->saved.round.number == 1)
		return 0;
	e->change = p->change;
	if (p->was.state == PAGE_THERE)
		e->digest_before = p->was.digest;
	c->run.changes[p->change]++;
	return 0;
}

/* The record of the archive that has the contents which came now. */
static void
note_original(const struct committer *c, const struct commit *m, struct saved_original *o)
{
	const struct recrawl_page *p = &c->again;
	char id[WARC_ID_MAX];

	*o = (struct saved_original){.wall_us = m->event.began_wall_us};
	if (!p->archived || m->event.outcome == OUTCOME_REDIRECT)
		return;
	if (c->original.id_len > 0) { /* another one has it: revisit_known() */
		o->wall_us = c->original.wall_us;
		o->uri = buf_slice(&c->original.uri);
		if (!saved_original_parse(
			slice_of(c->original.id, c->original.id_len), o->id))
			*o = (struct saved_original){.wall_us = 0};
		return;
	}
	warc_id(m->record_id, id);
	(void)saved_original_parse(slice_cstr(id), o->id);
}

static void
note_contents(const struct committer *c, const struct commit *m, struct saved_page *page)
{
	page->state = PAGE_THERE;
	page->fetched_us = m->event.began_wall_us;
	page->digest = slice_of(c->again.digest, c->again.digest_len);
	page->etag = m->etag;
	page->last_modified = m->last_modified;
	note_original(c, m, &page->original);
}

/* It is still what it was, and may be called otherwise. */
static void
note_same(const struct committer *c, const struct commit *m, struct saved_page *page)
{
	if (m->event.outcome == OUTCOME_NOT_MODIFIED)
		return;
	page->etag = m->etag;
	page->last_modified = m->last_modified;
	if (!saved_original_is(&page->original))
		note_original(c, m, &page->original);
}

/* Did the server say what is there, if not what we hoped for?  Else it is asked again by
 * the next round, whenever that is. */
static bool
has_answered(const struct recrawl_page *p, enum outcome outcome)
{
	return p->change != PAGE_CHANGE_UNKNOWN || outcome == OUTCOME_HTTP_4XX ||
	       outcome == OUTCOME_TOO_LARGE;
}

/* It answered, and what may be wanted of the page did not come with it.  Then an answer 304
 * would not bring it either, so there is nothing to ask on condition with. */
static bool
lacks_contents(const struct recrawl_page *p, enum outcome outcome)
{
	return outcome == OUTCOME_PARSE_CRASH || outcome == OUTCOME_PARSE_TIMEOUT ||
	       (p->change == PAGE_CHANGE_UNKNOWN && has_answered(p, outcome));
}

static void
note_look(const struct recrawl_page *p, struct saved_page *page, int64_t now_us)
{
	int64_t gap_us = now_us - page->asked_us;
	bool changed =
	    p->change != PAGE_CHANGE_UNCHANGED && p->change != PAGE_CHANGE_ABSENT;

	if (page->asked_us > 0 && gap_us > 0 && p->change != PAGE_CHANGE_UNKNOWN)
		page_history_add(&page->history, (uint64_t)gap_us / 1000, changed);
	page->asked_us = now_us;
}

int
committer_recrawl_note(struct committer *c, const struct commit *m)
{
	const struct recrawl_page *p = &c->again;
	struct saved_page page = p->was;
	int r;

	if (!p->noted)
		return 0;
	if (has_answered(p, m->event.outcome))
		note_look(p, &page, m->event.began_wall_us);
	switch (p->change) {
	case PAGE_CHANGE_NEW:
	case PAGE_CHANGE_CHANGED:
		note_contents(c, m, &page);
		break;
	case PAGE_CHANGE_UNCHANGED:
		note_same(c, m, &page);
		break;
	case PAGE_CHANGE_GONE:
		page.state = PAGE_GONE;
		break;
	default:
		break;
	}
	if (lacks_contents(p, m->event.outcome))
		page.etag = page.last_modified = (struct slice){0};
	r = saved_page_put(c->batch, m->rec, &page);
	return r < 0 ? r : committer_due_put(c, m->rec, &page);
}
