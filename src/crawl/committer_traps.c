#include "base/wire.h"
#include "crawl/committer_internal.h"
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * What the store thread asks of the traps, and tells them; see traps.h.
 *
 * A URL that was cut is kept in the meta table, as "cut/HASH" with the rule and the record
 * that it would have in the queue.  When a run begins with other numbers, or another
 * --trap-ok, than the last one, all of them are judged anew; "cut-by" has the hash of these
 * options.
 */

#define DAY_US INT64_C(86400000000)

int
committer_traps_open(struct committer *c)
{
	struct traps_conf *t = &c->conf.traps;
	int r;

	t->hash_seed = scope_hash_seed(c->rules);
	c->has_traps = t->repeats != OPTION_NONE || t->depth != OPTION_NONE ||
		       t->length != OPTION_NONE || t->dates != OPTION_NONE ||
		       t->queries != OPTION_NONE || t->duplicates != OPTION_NONE ||
		       t->hosts != OPTION_NONE;
	r = traps_new(t, &c->traps);
	return r < 0 ? r : traps_load(c->traps, c->store);
}

/* The pattern of a URL; false: it is none that can be judged. */
static bool
subject_set(struct committer *c, struct trap_subject *s, struct slice url,
    uint64_t authority_hash)
{
	if (!url_describe(url, &s->url))
		return false;
	url_pattern(&s->url, scope_hash_seed(c->rules), &s->pattern);
	s->link = (struct trap_link){.url = &s->url,
	    .pattern = &s->pattern,
	    .authority_hash = authority_hash,
	    .today = (int32_t)(committer_wall_us(c) / DAY_US)};
	return true;
}

/* ---- the page ---- */

static int
learn(struct committer *c, const struct commit *m)
{
	const struct sink_event *e = &m->event;
	bool spared = traps_spare((enum link_kind)m->rec->kind, m->rec->flags);
	struct trap_page page = {.shape = m->shape == FOUND_SHAPE_BARE ? 0 : m->shape,
	    .is_bare = m->shape == FOUND_SHAPE_BARE || e->outcome == OUTCOME_REDIRECT ||
		       e->outcome == OUTCOME_HTTP_4XX,
	    .has_simhash = e->has_simhash,
	    .simhash = e->simhash};
	struct trap_cut cut;
	int r = 0;

	if (e->outcome == OUTCOME_TRAP) {
		traps_refused(c->traps, &c->page.link, &cut);
		return committer_traps_park(c, m->rec, &cut);
	}
	/* One that is fetched again is no copy of itself. */
	if ((m->rec->flags & URLREC_AGAIN) != 0)
		return 0;
	if (outcome_is_whole(e->outcome) || page.is_bare)
		r = traps_learn_site(c->traps, &c->page.link, &page, spared);
	if (r < 0 || !outcome_is_whole(e->outcome) || spared)
		return r;
	if (e->digest.len > 0)
		page.digest = url_hash(e->digest, scope_hash_seed(c->rules));
	return traps_learn(c->traps, &c->page.link, &page);
}

int
committer_traps_page(struct committer *c, struct commit *m)
{
	c->has_page = c->has_traps && m->rec != NULL && !m->event.internal &&
		      subject_set(c, &c->page, m->rec->url, m->rec->authority_hash);
	return c->has_page ? learn(c, m) : 0;
}

/* ---- its links ---- */

bool
committer_traps_short(struct committer *c)
{
	return c->has_page && c->page.pattern.has_query &&
	       traps_is_short(c->traps, &c->page.link);
}

bool
committer_traps_own_path(const struct committer *c, const struct found_link *l)
{
	const struct url *page = &c->page.url;

	return l->url.len > page->query_at && l->url.ptr[page->query_at] == '?' &&
	       memcmp(l->url.ptr, page->text, page->query_at) == 0;
}

void
committer_traps_news(struct committer *c)
{
	if (c->has_page && c->news)
		traps_news(c->traps, &c->page.link);
	c->news = false;
}

int
committer_traps_link(
    struct committer *c, const struct found_link *l, struct trap_cut *ret)
{
	struct trap_subject *s = &c->subject;
	int r;

	ret->rule = TRAP_NONE;
	if (!c->has_traps || traps_spare(l->kind, l->flags) ||
	    !subject_set(c, s, l->url, l->authority_hash) ||
	    scope_trap_ok(c->rules, &s->url))
		return 0;
	r = traps_judge(c->traps, &s->link, ret);
	if (r == 0 && ret->rule == TRAP_NONE && c->has_page &&
	    (l->authority_hash != c->page.link.authority_hash ||
		s->pattern.path != c->page.pattern.path))
		c->news = true;
	return r;
}

/* ---- what was cut, and may come back ---- */

enum { PARKED_BYTES_MAX = 64 << 10, PARKED_A_SCAN = 2000 };
#define PARKED SLICE_LIT("cut/")
#define CUT_BY SLICE_LIT("cut-by")

struct parked_key {
	char text[24];
};

static struct slice
parked_key(struct parked_key *k, uint64_t url_hash)
{
	(void)snprintf(k->text, sizeof(k->text), "cut/%016" PRIx64, url_hash);
	return slice_cstr(k->text);
}

int
committer_traps_park(
    struct committer *c, const struct urlrec *rec, const struct trap_cut *cut)
{
	struct parked_key key;
	struct buf value;
	struct wire_out w = {.b = &value};

	buf_init(&value, PARKED_BYTES_MAX);
	wire_u8(&w, (uint8_t)cut->rule);
	wire_u64(&w, cut->id);
	if (w.err == 0)
		w.err = urlrec_encode(rec, &value);
	if (w.err == 0)
		w.err = store_batch_put(c->batch, STORE_META,
		    parked_key(&key, rec->url_hash), buf_slice(&value));
	buf_release(&value);
	return w.err;
}

/* Judged anew: it waits again, or stays where it is. */
static int
reconsider(struct committer *c, struct slice value)
{
	struct wire_in in = {.rest = value};
	uint8_t rule = wire_get_u8(&in);
	uint64_t id = wire_get_u64(&in);
	struct trap_cut cut = {.rule = TRAP_NONE};
	struct parked_key key;
	struct urlrec rec;
	int r;

	if (in.bad || rule >= TRAP_RULE_MAX || urlrec_decode(in.rest, &rec) < 0)
		return -EBADMSG;
	traps_uncut(c->traps, (enum trap_rule)rule, id);
	if (subject_set(c, &c->subject, rec.url, rec.authority_hash) &&
	    !scope_trap_ok(c->rules, &c->subject.url)) {
		r = traps_judge(c->traps, &c->subject.link, &cut);
		if (r < 0)
			return r;
	}
	if (cut.rule != TRAP_NONE)
		return committer_traps_park(c, &rec, &cut);
	r = commit_requeue(c, &rec);
	return r < 0 ? r
		     : store_batch_delete(
			   c->batch, STORE_META, parked_key(&key, rec.url_hash));
}

struct parked_scan {
	struct buf values; /* each with its length */
	char last[24];     /* key */
	uint32_t n;
	int err;
};

static bool
on_parked(void *ctx, struct slice key, struct slice value)
{
	struct parked_scan *s = ctx;
	struct wire_out w = {.b = &s->values};

	wire_text(&w, value);
	s->err = w.err;
	(void)snprintf(s->last, sizeof(s->last), SLICE_FMT, SLICE_ARG(key));
	s->n++;
	return s->err == 0;
}

/* Some of them in a batch of their own. */
static int
reconsider_some(struct committer *c, struct parked_scan *s)
{
	char after[24];
	struct wire_in in;
	int r;

	memcpy(after, s->last, sizeof(after));
	buf_clear(&s->values);
	s->n = 0;
	r = store_scan(
	    c->store, STORE_META, PARKED, slice_cstr(after), PARKED_A_SCAN, on_parked, s);
	if (r == 0)
		r = s->err;
	in = (struct wire_in){.rest = buf_slice(&s->values)};
	for (uint32_t i = 0; i < s->n && r == 0; i++)
		r = reconsider(c, wire_get_text(&in));
	return r == 0 && s->n > 0 ? group_commit(c) : r;
}

int
committer_traps_reconsider(struct committer *c)
{
	uint64_t now = htole64(c->conf.traps_hash), was;
	struct parked_scan s = {.n = 0};
	bool any = false;
	int r;

	buf_clear(&c->scratch);
	r = store_get(c->store, STORE_META, CUT_BY, &c->scratch);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && c->scratch.len == sizeof(was)) {
		memcpy(&was, c->scratch.ptr, sizeof(was));
		if (was == now)
			return 0;
	}
	traps_reopen(c->traps);
	buf_init(&s.values, (size_t)PARKED_A_SCAN * PARKED_BYTES_MAX);
	do {
		r = reconsider_some(c, &s);
		any = any || s.n > 0;
	} while (r == 0 && s.n > 0);
	buf_release(&s.values);
	if (r == 0)
		r = store_batch_put(c->batch, STORE_META, CUT_BY,
		    slice_of((const char *)&now, sizeof(now)));
	/* Where nothing was cut, as in a new crawl, the next commit is soon enough. */
	return r < 0 || !any ? r : group_commit(c);
}

/* ---- the reply ---- */

int
committer_traps_tell(struct committer *c, struct commit *m)
{
	struct trap_closed closed, *grown;

	while (traps_next_closed(c->traps, &closed)) {
		grown = realloc(m->closed, (m->closed_len + 1) * sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		m->closed = grown;
		grown[m->closed_len++] = closed;
	}
	return 0;
}

const struct traps *
committer_traps(const struct committer *c)
{
	return c->traps;
}
