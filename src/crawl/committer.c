#include "crawl/committer.h"
#include "base/clock.h"
#include "crawl/scope.h"
#include "base/wire.h"
#include "frontier/keys.h"
#include "frontier/seen.h"
#include "store/store.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { SINKS_MAX = 8, HOPS_MAX = 250, BATCH_BYTES_MAX = 256 << 20 };

struct committer {
	struct committer_conf conf;
	struct actor *actor;
	struct store *store;
	struct store_batch *batch;
	struct seen *seen;
	struct scope_rules *rules;
	struct sink *sinks[SINKS_MAX];
	size_t sinks_len;
	uint64_t seq;
	int64_t commit_at_ms; /* when what is dirty becomes durable; 0: nothing is */
	uint64_t dirty_bytes; /* handed to the sinks since the last commit */
	int err;              /* sticks: nothing is accepted after it */
	struct why why;
	struct buf scratch;
};

/* ---- commits ---- */

void
commit_init(struct commit *c, enum commit_kind kind, void *owner)
{
	*c = (struct commit){.kind = kind, .owner = owner};
	list_init(&c->mail.on_box);
	buf_init(&c->texts, 64 << 20);
}

void
commit_release(struct commit *c)
{
	free(c->fresh);
	c->fresh = NULL;
	buf_release(&c->texts);
}

/* ---- what the thread does ---- */

static int64_t
now_ms(const struct committer *c)
{
	return loop_is_virtual(c->conf.loop) ? loop_now_ms(c->conf.loop)
					     : clock_mono_ms();
}

static int
put_sinks(struct committer *c, struct sink_event *e)
{
	for (size_t i = 0; i < c->sinks_len; i++) {
		int r = sink_put(c->sinks[i], e, &c->why);

		if (r < 0)
			return r;
	}
	c->dirty_bytes += e->records.len;
	return 0;
}

/* Why a link was rejected goes to rejected.log, once a URL. */
static int
put_rejected(struct committer *c, const struct commit *m, const struct found_link *l)
{
	struct sink_event e = {.kind = SINK_REJECT,
	    .outcome = l->verdict,
	    .link = l->kind,
	    .depth = l->depth,
	    .url = l->url};
	char text[URL_BYTES_MAX];
	struct url url;

	buf_clear(&c->scratch);
	if (m->rec != NULL)
		e.via = m->rec->url;
	if ((l->verdict == OUTCOME_OUT_OF_SCOPE || l->verdict == OUTCOME_DEPTH ||
		l->verdict == OUTCOME_REDIRECT_LIMIT) &&
	    url_resolve(NULL, l->url, (struct slice){0}, 0, text, sizeof(text), &url) ==
		URL_OK)
		scope_reason(c->rules,
		    &(struct scope_link){.url = &url,
			.kind = l->kind,
			.parent_flags = m->rec == NULL ? 0 : m->rec->flags},
		    l->verdict, &c->scratch);
	e.detail = buf_slice(&c->scratch);
	return put_sinks(c, &e);
}

/* The parent's path and one letter more; long ones keep their end. */
static int
hops_add(struct commit *m, enum link_kind kind, size_t *ret_at)
{
	struct slice parent = m->rec == NULL ? ((struct slice){0}) : m->rec->hops;
	int r;

	if (parent.len >= HOPS_MAX)
		parent = slice_from(parent, parent.len - HOPS_MAX + 1);
	*ret_at = m->texts.len;
	r = buf_add_slice(&m->texts, parent);
	if (r == 0 && kind != LINK_SEED)
		r = buf_add_byte(&m->texts, link_kind_hop(kind));
	return r;
}

static int
put_seen(struct committer *c, uint64_t authority, uint64_t url, enum outcome state)
{
	char value = (char)state;
	struct key k;

	key_make(&k, authority, url);
	return store_batch_put(c->batch, STORE_SEEN, key_whole(&k), slice_of(&value, 1));
}

static int
put_queue(struct committer *c, const struct urlrec *r)
{
	struct key k;
	int err;

	key_make(&k, r->authority_hash, r->key);
	buf_clear(&c->scratch);
	err = urlrec_encode(r, &c->scratch);
	if (err == 0)
		err = store_batch_put(
		    c->batch, STORE_QUEUE, key_whole(&k), buf_slice(&c->scratch));
	return err;
}

/* A URL that waits from now on. */
static int
enqueue(struct committer *c, struct commit *m, const struct found_link *l)
{
	struct urlrec *r = &m->fresh[m->fresh_len];
	size_t hops_at;
	int err = hops_add(m, l->kind, &hops_at);

	if (err < 0)
		return err;
	*r = (struct urlrec){.authority_hash = l->authority_hash,
	    .url_hash = l->url_hash,
	    .priority = l->priority,
	    .depth = l->depth,
	    .kind = (uint8_t)l->kind,
	    .flags = l->flags,
	    .redirects = l->redirects,
	    .url = l->url,
	    .via = m->rec == NULL ? ((struct slice){0}) : m->rec->url,
	    .hops = slice_of(m->texts.ptr + hops_at, m->texts.len - hops_at)};
	r->key = c->conf.order->key(r, c->seq++);
	err = put_queue(c, r);
	if (err == 0 && (l->flags & URLREC_SEED_CHAIN) != 0)
		err = scope_rules_add_root(c->rules, l->url); /* to name rules rightly */
	if (err < 0)
		return err;
	m->fresh_len++;
	m->counts.wanted++;
	return 0;
}

/* A worker that was taken over could name another host's hash, or make itself a seed. */
static bool
is_genuine(const struct committer *c, const struct commit *m, const struct found_link *l)
{
	bool from_seed = m->rec != NULL && l->kind == LINK_REDIRECT &&
			 (m->rec->flags & (URLREC_SEED | URLREC_SEED_CHAIN)) != 0;
	struct urlrec r = {.url = l->url};
	uint64_t seed = scope_hash_seed(c->rules);

	if (l->verdict != OUTCOME_NONE)
		return true;
	if ((l->flags & URLREC_SEED) != 0 && m->kind != COMMIT_LINKS)
		return false;
	if ((l->flags & URLREC_SEED_CHAIN) != 0 && !from_seed)
		return false;
	return l->url_hash == url_hash(l->url, seed) &&
	       l->authority_hash == url_hash(urlrec_authority(&r), seed);
}

static int
discover(struct committer *c, struct commit *m, const struct found_link *l)
{
	enum outcome was = OUTCOME_NONE;
	enum seen_add added;
	int r;

	if (!is_genuine(c, m, l))
		return 0;
	r = seen_add(c->seen, l->authority_hash, l->url_hash, l->verdict, &added, &was);
	if (r < 0)
		return r;
	if (added == SEEN_KNOWN) {
		m->counts.duplicates++;
		return 0;
	}
	if (added == SEEN_NEW)
		m->counts.discovered++;
	else
		m->counts.rejected[was]--;
	r = put_seen(c, l->authority_hash, l->url_hash, l->verdict);
	if (r < 0)
		return r;
	if (l->verdict == OUTCOME_NONE)
		return enqueue(c, m, l);
	m->counts.rejected[l->verdict]++;
	return put_rejected(c, m, l);
}

static int
discover_all(struct committer *c, struct commit *m)
{
	size_t texts =
	    (size_t)m->links_len * ((m->rec == NULL ? 0 : m->rec->hops.len) + 1);
	int r;

	if (m->links_len == 0)
		return 0;
	/* Once, so that hop paths do not move while records point to them. */
	r = buf_reserve(&m->texts, texts);
	if (r < 0)
		return r;
	m->fresh = calloc(m->links_len, sizeof(*m->fresh));
	if (m->fresh == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->links_len && r == 0; i++)
		r = discover(c, m, &m->links[i]);
	return r;
}

static int
done(struct committer *c, struct commit *m)
{
	struct key k;
	int r = put_sinks(c, &m->event);

	if (r == 0 && !m->event.internal) {
		key_make(&k, m->rec->authority_hash, m->rec->key);
		r = store_batch_delete(c->batch, STORE_QUEUE, key_whole(&k));
		if (r == 0)
			r = seen_set(c->seen, m->rec->url_hash, m->event.outcome);
		if (r == 0)
			r = put_seen(c, m->rec->authority_hash, m->rec->url_hash,
			    m->event.outcome);
	}
	return r == 0 ? discover_all(c, m) : r;
}

/* ---- the group commit ---- */

struct mark_key {
	char text[64];
};

static struct slice
mark_key(struct mark_key *k, const struct sink *s)
{
	(void)snprintf(k->text, sizeof(k->text), "sink/%s", s->type->name);
	return slice_cstr(k->text);
}

static int
put_marks(struct committer *c)
{
	for (size_t i = 0; i < c->sinks_len; i++) {
		struct mark_key key;
		int r;

		buf_clear(&c->scratch);
		r = sink_mark(c->sinks[i], &c->scratch);
		if (r < 0)
			return r;
		r = store_batch_put(c->batch, STORE_META, mark_key(&key, c->sinks[i]),
		    buf_slice(&c->scratch));
		if (r < 0)
			return r;
	}
	return 0;
}

static int
group_commit(struct committer *c)
{
	int r = 0;

	for (size_t i = 0; i < c->sinks_len && r == 0; i++)
		r = sink_sync(c->sinks[i], &c->why);
	if (r == 0)
		r = put_marks(c);
	if (r == 0)
		r = store_apply(c->store, c->batch, true, &c->why);
	c->commit_at_ms = 0;
	c->dirty_bytes = 0;
	return r;
}

/* ---- more of a queue ---- */

struct refill {
	struct commit *m;
	uint32_t n;
	int err;
};

static bool
on_record(void *ctx, struct slice key, struct slice value)
{
	struct refill *f = ctx;
	struct wire_out w = {.b = &f->m->texts};

	(void)key;
	wire_text(&w, value);
	f->err = w.err;
	if (f->err == 0)
		f->n++;
	return f->err == 0;
}

static int
refill(struct committer *c, struct commit *m)
{
	struct refill f = {.m = m};
	struct wire_in in;
	struct key k;
	int r;

	/* What is in the batch is not in the store yet. */
	r = group_commit(c);
	if (r < 0)
		return r;
	key_make(&k, m->authority_hash, m->after_key);
	r = store_scan(c->store, STORE_QUEUE, key_host(&k), key_whole(&k),
	    COMMIT_REFILL_MAX + 1, on_record, &f);
	if (r == 0)
		r = f.err;
	if (r < 0)
		return r;
	m->more = f.n > COMMIT_REFILL_MAX;
	m->fresh = calloc(f.n + 1, sizeof(*m->fresh));
	if (m->fresh == NULL)
		return -ENOMEM;
	in = (struct wire_in){.rest = buf_slice(&m->texts)};
	for (uint32_t i = 0; i < f.n && i < COMMIT_REFILL_MAX && r == 0; i++)
		r = urlrec_decode(wire_get_text(&in), &m->fresh[m->fresh_len++]);
	return r;
}

static int
close_sinks(struct committer *c, bool finished)
{
	int first = 0;

	for (size_t i = 0; i < c->sinks_len; i++) {
		int r = sink_close(c->sinks[i], finished, &c->why);

		if (first == 0)
			first = r;
	}
	c->sinks_len = 0;
	return first;
}

static int
close_all(struct committer *c, bool finished)
{
	int r = group_commit(c), r2 = close_sinks(c, finished);

	return r < 0 ? r : r2;
}

/* After a failure: every file is cut back to the last commit, so that the records speak of
 * nothing that the archive does not hold. */
static void
cut_back(struct committer *c)
{
	for (size_t i = 0; i < c->sinks_len; i++) {
		const char *name = c->sinks[i]->type->name;
		struct mark_key key;
		struct slice at = mark_key(&key, c->sinks[i]);
		struct sink *again;

		(void)sink_close(c->sinks[i], false, NULL);
		if (store_get(c->store, STORE_META, at, &c->scratch) == 0 &&
		    sink_open(name, &c->conf.sink, buf_slice(&c->scratch), &again, NULL) == 0)
			(void)sink_close(again, true, NULL);
	}
	c->sinks_len = 0;
}

static int
handle_one(struct committer *c, struct commit *m)
{
	switch (m->kind) {
	case COMMIT_LINKS:
		return discover_all(c, m);
	case COMMIT_DONE:
		return done(c, m);
	case COMMIT_ATTEMPT:
		return put_sinks(c, &m->event);
	case COMMIT_REFILL:
		return refill(c, m);
	case COMMIT_CLOSE:
		return close_all(c, m->finished);
	}
	return -EINVAL;
}

/* ---- the actor ---- */

/* Workers pack ahead and must name the file that records will land in. */
static void
tell_warcinfo(const struct committer *c, struct commit *m)
{
	for (size_t i = 0; i < c->sinks_len; i++)
		if (c->sinks[i]->warcinfo_id[0] != '\0')
			memcpy(m->warcinfo_id, c->sinks[i]->warcinfo_id, SINK_ID_MAX);
}

static void
on_mails(void *ctx, struct list *mails)
{
	struct committer *c = ctx;
	struct list *at;

	while ((at = list_pop(mails)) != NULL) {
		struct mail *mail = container_of(at, struct mail, on_box);
		struct commit *m = container_of(mail, struct commit, mail);

		if (c->err == 0)
			c->err = handle_one(c, m);
		else if (m->kind == COMMIT_CLOSE)
			cut_back(c);
		m->err = c->err;
		if (m->err < 0 && c->why.text[0] == '\0')
			(void)why_set(&c->why, m->err, "%s", strerror(-m->err));
		m->why = c->why;
		if (c->sinks_len > 0 && c->commit_at_ms == 0)
			c->commit_at_ms = now_ms(c) + c->conf.commit_ms;
		tell_warcinfo(c, m);
		actor_reply(c->actor, mail);
	}
}

static int64_t
on_idle(void *ctx)
{
	struct committer *c = ctx;
	int64_t left;

	if (c->commit_at_ms == 0 || c->err < 0)
		return -1;
	left = c->commit_at_ms - now_ms(c);
	if (left > 0 && !actor_is_stopping(c->actor) &&
	    c->dirty_bytes < c->conf.commit_bytes &&
	    store_batch_bytes(c->batch) < BATCH_BYTES_MAX / 4)
		return left;
	c->err = group_commit(c);
	return -1;
}

static void
on_reply(void *ctx, struct mail *mail)
{
	struct committer *c = ctx;

	c->conf.on_reply(c->conf.ctx, container_of(mail, struct commit, mail));
}

static void
on_room(void *ctx)
{
	struct committer *c = ctx;

	if (c->conf.on_room != NULL)
		c->conf.on_room(c->conf.ctx);
}

static int
open_sinks(struct committer *c, struct why *why)
{
	static const char *const logs[] = {"crawl-log", "rejected-log"};

	for (size_t i = 0; i < c->conf.sinks_len + 2; i++) {
		const char *name = i < c->conf.sinks_len ? c->conf.sinks[i]
							 : logs[i - c->conf.sinks_len];
		int r;

		if (c->sinks_len == SINKS_MAX)
			return why_set(why, -EINVAL, "more than %d sinks", SINKS_MAX - 2);
		r = sink_open(
		    name, &c->conf.sink, (struct slice){0}, &c->sinks[c->sinks_len], why);
		if (r < 0)
			return r;
		c->sinks_len++;
	}
	return 0;
}

static int
open_all(struct committer *c, struct why *why)
{
	struct actor_conf actor = {.name = "store",
	    .mails_max = c->conf.mails_max,
	    .ctx = c,
	    .handle = on_mails,
	    .idle = on_idle,
	    .on_reply = on_reply,
	    .on_room = on_room};
	int r = scope_rules_new(c->conf.scope_settings, &c->rules, why);

	if (r == 0)
		r = store_open(c->conf.state, &(struct store_conf){.dir = c->conf.dir},
		    &c->store, why);
	if (r == 0 && c->conf.dir != NULL)
		r = open_sinks(c, why);
	if (r < 0)
		return r;
	r = seen_open(&(struct seen_conf){.store = c->store}, &c->seen, why);
	if (r == 0)
		r = store_batch_new(BATCH_BYTES_MAX, &c->batch);
	if (r == 0)
		r = group_commit(c); /* the marks of empty files, before the first byte */
	if (r == 0)
		r = actor_new(c->conf.loop, &actor, &c->actor);
	return r < 0 ? why_set(why, r, "store thread: %s", strerror(-r)) : 0;
}

int
committer_new(const struct committer_conf *conf, struct committer **ret, struct why *why)
{
	struct committer *c = calloc(1, sizeof(*c));
	int r;

	if (c == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	c->conf = *conf;
	buf_init(&c->scratch, 1 << 20);
	r = open_all(c, why);
	if (r < 0) {
		committer_free(c);
		return r;
	}
	/* Of the caller's frame: not needed any more. */
	c->conf.state = NULL;
	c->conf.scope_settings = c->conf.sink.settings = (struct slice){0};
	*ret = c;
	return 0;
}

void
committer_free(struct committer *c)
{
	if (c == NULL)
		return;
	actor_free(c->actor);
	(void)close_sinks(c, false);
	store_batch_free(c->batch);
	seen_close(c->seen);
	store_close(c->store);
	scope_rules_free(c->rules);
	buf_release(&c->scratch);
	free(c);
}

int
committer_send(struct committer *c, struct commit *m)
{
	return actor_send(c->actor, &m->mail);
}

uint32_t
committer_waiting(const struct committer *c)
{
	return actor_waiting(c->actor);
}
