#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/probe.h"
#include "base/wire.h"
#include "crawl/committer_internal.h"
#include "crawl/crawl.h"
#include "crawl/space.h"
#include "frontier/hostrec.h"
#include "frontier/keys.h"
#include "loop/shm.h"
#include "store/store.h"
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* The group commit, and what is read back from the store. */

enum {
	REFILL_GAP_MS = 100,    /* refills do not bring on a commit more often */
	REFILL_BYTES = 1 << 20, /* of records, and one more; some thousands as a rule */
	MEASURE_PART = 100,     /* of the time that measuring the directory takes */
	END_BYTES = 64 << 10,   /* of a batch that says how a run ended */
	RECENT_MS = 60 * 1000,  /* a host asked since then is remembered by a resume */
	GONE_LOOK = 64, /* of a host's records, before its low mark is looked at */
	LOW_PART = 100, /* of the run's time that this takes, at most */
};

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
put_counts(struct committer *c)
{
	uint64_t authority, n;

	for (size_t i = 0; hostcount_changed(&c->counts, i, &authority, &n); i++) {
		char value[HOSTCOUNT_BYTES];
		struct host_key_text k;
		struct slice key = host_key(&k, HOST_KEY_COUNT, authority);
		int r;

		hostcount_encode(n, hostcount_low(&c->counts, authority), value);
		r = n == 0 ? store_batch_delete(c->batch, STORE_HOST, key)
			   : store_batch_put(c->batch, STORE_HOST, key,
				 slice_of(value, sizeof(value)));
		if (r < 0)
			return r;
	}
	return 0;
}

static int
put_saved(struct committer *c)
{
	int r;

	c->saved.elapsed_ms = c->elapsed0_ms + committer_now_ms(c) - c->began_ms;
	c->saved.at_us = committer_wall_us(c);
	c->run.elapsed_ms = c->saved.elapsed_ms - c->elapsed0_ms;
	c->run.at_us = c->saved.at_us;
	c->run.pages = c->saved.totals.pages - c->pages0;
	c->run.wire_bytes = c->saved.totals.wire_bytes - c->wire0_bytes;
	r = saved_put(c->batch, &c->saved);
	return r < 0 ? r : saved_run_put(c->batch, &c->run);
}

/*
 * Measuring walks a directory; in between, what goes into files and store is added.  That is
 * more than stays there, so it is measured again before it ends a crawl: when it comes near
 * the limit, after each 64th of that.
 */
bool
group_is_near_limit(const struct committer *c)
{
	uint64_t max = c->conf.disk_bytes_max, taken = committer_disk_taken(c);

	return max > 0 && taken >= max - max / 16 &&
	       taken >= c->measured_bytes + max / 64;
}

static bool
is_measured_now(const struct committer *c, int64_t now_ms)
{
	return c->conf.disk_bytes_max > 0 &&
	       (now_ms >= c->measure_at_ms || group_is_near_limit(c));
}

int
group_look_at_disk(struct committer *c)
{
	int64_t now = committer_now_ms(c);

	if (c->conf.dir == NULL)
		return 0;
	if (is_measured_now(c, now)) {
		c->disk_bytes = space_taken(c->conf.dir);
		c->measured_bytes = committer_disk_taken(c);
		c->measure_at_ms = now + (committer_now_ms(c) - now) * MEASURE_PART;
	}
	return space_is_short(c->conf.dir, &c->why) ? -ENOSPC : 0;
}

static int
put_seen_mark(struct committer *c)
{
	int r;

	buf_clear(&c->scratch);
	r = seen_mark(c->seen, &c->scratch);
	return r < 0 ? r
		     : store_batch_put(
			   c->batch, STORE_META, SAVED_SEEN_MARK, buf_slice(&c->scratch));
}

/* The store has the marks: what they stand for may be handed on. */
static int
tell_sinks(struct committer *c)
{
	int first = 0;

	for (size_t i = 0; i < c->sinks_len; i++) {
		int r = sink_committed(c->sinks[i], first == 0 ? &c->why : NULL);

		if (first == 0)
			first = r;
	}
	return first;
}

/* ---- where the queues begin ---- */

static bool
on_first(void *ctx, struct slice key, struct slice value)
{
	uint64_t authority;

	(void)value;
	(void)key_parse(key, &authority, ctx);
	return false;
}

/* What lies before the first record that is there was deleted, and need not be walked over
 * again.  Should the store not tell, the mark is right as it is. */
static void
look_at_low(struct committer *c, uint64_t authority)
{
	uint64_t low = hostcount_low(&c->counts, authority), first = low;
	struct key k;

	key_make(&k, authority, low > 0 ? low - 1 : 0);
	(void)store_scan(
	    c->store, STORE_QUEUE, key_host(&k), key_whole(&k), 1, on_first, &first);
	hostcount_raise(&c->counts, authority, first);
}

/*
 * Of the hosts that changed, when a batch was applied and the next one is empty: what is
 * read is all there is.  Each look walks over what went since the one before it.  Where a
 * record came before what was taken away, as with dfs, it may be more; so it has its part
 * of the time.
 */
static void
look_at_lows(struct committer *c)
{
	bool is_timed = !loop_is_virtual(c->conf.loop);
	uint64_t authority, n;

	assert(store_batch_bytes(c->batch) == 0);
	for (size_t i = 0; hostcount_changed(&c->counts, i, &authority, &n); i++) {
		int64_t began_us;

		if (n == 0 || hostcount_gone(&c->counts, authority) < GONE_LOOK)
			continue;
		began_us = is_timed ? clock_mono_us() : 0;
		if (is_timed && c->lows_us > (began_us - c->began_ms * 1000) / LOW_PART)
			return;
		look_at_low(c, authority);
		c->lows_us += is_timed ? clock_mono_us() - began_us : 0;
	}
}

int
group_commit(struct committer *c)
{
	int64_t began_us = clock_mono_us(), took_us;
	int r = 0;

	for (size_t i = 0; i < c->sinks_len && r == 0; i++)
		r = sink_sync(c->sinks[i], &c->why);
	if (r == 0)
		r = seen_sync(c->seen, &c->why);
	if (r == 0)
		r = put_marks(c);
	if (r == 0)
		r = put_seen_mark(c);
	if (r == 0)
		r = put_counts(c);
	if (r == 0)
		r = traps_save(c->traps, c->batch);
	if (r == 0)
		r = put_saved(c);
	if (r == 0) {
		c->disk_bytes += c->conf.durable ? store_batch_bytes(c->batch) : 0;
		r = store_apply(c->store, c->batch, true, &c->why);
		c->in_doubt = r < 0;
	}
	if (r == 0) {
		assert(totals_hold(&c->saved.totals));
		look_at_lows(c);
		hostcount_settle(&c->counts);
		seen_committed(c->seen);
		revisit_committed(c);
		c->committed.saved = c->saved;
		c->committed.run = c->run;
		r = tell_sinks(c);
	}
	atomic_fetch_add_explicit(&c->commits, r == 0, memory_order_relaxed);
	took_us = clock_mono_us() - began_us;
	atomic_fetch_add_explicit(&c->commit_us, (uint64_t)took_us, memory_order_relaxed);
	PROBE2(commit, r, took_us);
	c->commit_at_ms = 0;
	c->committed_ms = committer_now_ms(c);
	c->dirty_bytes = c->looked_bytes = 0;
	return r;
}

/* ---- more of a queue ---- */

struct refill {
	struct commit *m;
	uint64_t first; /* order key; as it was when there is none */
	uint32_t n;
	bool full;
	int err;
};

/* Of URLs that are as long as they may be, a refill is much fewer. */
static bool
on_record(void *ctx, struct slice key, struct slice value)
{
	struct refill *f = ctx;
	struct wire_out w = {.b = &f->m->texts};
	uint64_t authority;

	if (f->n == 0)
		(void)key_parse(key, &authority, &f->first);
	f->full = f->m->texts.len >= REFILL_BYTES;
	if (f->full)
		return false;
	wire_text(&w, value);
	f->err = w.err;
	if (f->err == 0)
		f->n++;
	return f->err == 0;
}

static int
read_rules(struct committer *c, struct commit *m)
{
	struct host_key_text k;
	int r;

	if (!m->want.rules)
		return 0;
	r = store_get(c->store, STORE_HOST,
	    host_key(&k, HOST_KEY_RULES, m->want.authority_hash), &m->rules);
	return r == -ENOENT ? 0 : r;
}

static int
refill(struct committer *c, struct commit *m)
{
	uint32_t max = m->want.max < COMMIT_REFILL_MAX ? m->want.max : COMMIT_REFILL_MAX;
	uint64_t low = hostcount_low(&c->counts, m->want.authority_hash);
	uint64_t after = low > 0 ? low - 1 : 0;
	bool from_head = m->want.after_key <= after;
	struct refill f = {.m = m, .first = low};
	struct wire_in in;
	struct key k;
	int r;

	r = read_rules(c, m);
	if (r < 0)
		return r;
	key_make(&k, m->want.authority_hash, from_head ? after : m->want.after_key);
	r = store_scan(
	    c->store, STORE_QUEUE, key_host(&k), key_whole(&k), max + 1, on_record, &f);
	if (r == 0)
		r = f.err;
	if (r < 0)
		return r;
	if (from_head && store_batch_bytes(c->batch) == 0)
		hostcount_raise(&c->counts, m->want.authority_hash, f.first);
	m->more = f.full || f.n > max;
	m->fresh = calloc(f.n + 1, sizeof(*m->fresh));
	if (m->fresh == NULL)
		return -ENOMEM;
	in = (struct wire_in){.rest = buf_slice(&m->texts)};
	for (uint32_t i = 0; i < f.n && i < max && r == 0; i++)
		r = urlrec_decode(wire_get_text(&in), &m->fresh[m->fresh_len++]);
	return r;
}

/* What is in the batch is not in the store yet. */
int
refill_begin(struct committer *c, struct commit *m)
{
	int64_t at = c->committed_ms + REFILL_GAP_MS, now = committer_now_ms(c);

	list_push(&c->refills, &m->mail.on_box);
	if (store_batch_bytes(c->batch) == 0) {
		refills_answer(c);
	} else {
		if (at < now)
			at = now;
		if (c->commit_at_ms == 0 || at < c->commit_at_ms)
			c->commit_at_ms = at;
	}
	return 0;
}

void
refills_answer(struct committer *c)
{
	struct list *at;

	while ((at = list_pop(&c->refills)) != NULL) {
		struct mail *mail = container_of(at, struct mail, on_box);
		struct commit *m = container_of(mail, struct commit, mail);

		if (c->err == 0)
			c->err = refill(c, m);
		committer_reply(c, m);
	}
}

/* ---- sinks ---- */

static bool
has_archive(const struct committer *c)
{
	for (size_t i = 0; i < c->conf.sinks_len; i++)
		if (strcmp(c->conf.sinks[i], "warc") == 0)
			return true;
	return false;
}

/* In whatever order they were asked for: the others tell where it put things. */
static void
archive_first(struct committer *c)
{
	for (size_t i = 1; i < c->sinks_len; i++)
		if (strcmp(c->sinks[i]->type->name, "warc") == 0) {
			struct sink *archive = c->sinks[i];

			memmove(&c->sinks[1], &c->sinks[0], i * sizeof(c->sinks[0]));
			c->sinks[0] = archive;
		}
}

/* 0, too, where it never had one: then the mark is empty. */
static int
read_mark(struct committer *c, const char *name, struct why *why)
{
	struct mark_key key;
	int r;

	buf_clear(&c->scratch);
	(void)snprintf(key.text, sizeof(key.text), "sink/%s", name);
	r = store_get(c->store, STORE_META, slice_cstr(key.text), &c->scratch);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		*why = *store_why(c->store);
	return r;
}

/* To the mark that was read; nothing else has its files open. */
static int
cut_back(struct committer *c, const char *name, struct why *why)
{
	struct sink *s;
	int r = sink_open(name, &c->conf.sink, buf_slice(&c->scratch), &s, why);

	return r < 0 ? r : sink_close(s, true, why);
}

static bool
is_open(const struct committer *c, const char *name)
{
	for (size_t i = 0; i < c->sinks_len; i++)
		if (strcmp(c->sinks[i]->type->name, name) == 0)
			return true;
	return false;
}

/*
 * Files that the run before this one had and this one has not, of those that people read:
 * what is behind the last commit is asked again, and will lie elsewhere in the archive. It
 * is no reason not to go on when somebody has done something else with them since.
 */
static int
left_out_cut_back(struct committer *c, struct why *why)
{
	static const char *const read_ones[] = {
	    "warc", "jsonl", "csv", "sqlite", "checks"};

	if (!c->conf.durable || c->conf.saved.end != SAVED_RUNNING)
		return 0;
	for (size_t i = 0; i < sizeof(read_ones) / sizeof(read_ones[0]); i++) {
		struct why said = {""};
		int r;

		if (is_open(c, read_ones[i]))
			continue;
		r = read_mark(c, read_ones[i], why);
		if (r < 0)
			return r;
		if (c->scratch.len == 0)
			continue;
		r = cut_back(c, read_ones[i], &said);
		if (r < 0 && r != -ENOENT)
			log_warn("what %s has behind the last commit stays there: %s",
			    read_ones[i], said.text);
	}
	return 0;
}

/* An archive that another run wrote goes on where its last commit left it. */
int
sinks_open(struct committer *c, struct why *why)
{
	/* The index last: it tells where the archive put things. */
	const char *own[] = {"crawl-log", "rejected-log", NULL, NULL, NULL};
	size_t own_len = 2;

	c->conf.sink.state_dir = c->conf.durable ? c->state_dir : NULL;
	if (c->conf.checks)
		own[own_len++] = "checks";
	if (c->saved.round.number > 1)
		own[own_len++] = "changes";
	if (has_archive(c))
		own[own_len++] = "cdxj";
	for (size_t i = 0; i < c->conf.sinks_len + own_len; i++) {
		const char *name =
		    i < c->conf.sinks_len ? c->conf.sinks[i] : own[i - c->conf.sinks_len];
		int r;

		if (c->sinks_len == SINKS_MAX)
			return why_set(why, -EINVAL, "more than %d sinks", SINKS_MAX - 5);
		r = read_mark(c, name, why);
		if (r < 0)
			return r;
		r = sink_open(name, &c->conf.sink, buf_slice(&c->scratch),
		    &c->sinks[c->sinks_len], why);
		if (r < 0)
			return r;
		c->sinks_len++;
	}
	archive_first(c);
	return left_out_cut_back(c, why);
}

int
sinks_finish(struct committer *c)
{
	int first = 0;

	for (size_t i = 0; i < c->sinks_len; i++) {
		bool heard = first == 0 || first == -EAGAIN;
		int r = sink_finish(c->sinks[i], heard ? &c->why : NULL);

		if (first == 0 || (first == -EAGAIN && r < 0))
			first = r;
	}
	return first;
}

int
sinks_close(struct committer *c, bool finished)
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

/*
 * After a failure: every file is cut back to the last commit, so that the records speak of
 * nothing that the archive does not hold.  When it was the store that failed its log may
 * hold the batch and its marks all the same (written, and not synced); the files hold what
 * these speak of, and so must stay.  A resume cuts them back to what it finds.
 */
void
sinks_cut_back(struct committer *c)
{
	if (c->in_doubt) {
		(void)sinks_close(c, false);
		return;
	}
	for (size_t i = 0; i < c->sinks_len; i++) {
		const char *name = c->sinks[i]->type->name;
		struct why said;

		(void)sink_close(c->sinks[i], false, NULL);
		if (read_mark(c, name, &said) == 0 && c->scratch.len > 0)
			(void)cut_back(c, name, NULL);
	}
	c->sinks_len = 0;
}

/*
 * Nothing of what was committed changes but how the run ended: else it would look as if it
 * had been killed.  Nothing was asked since (asked_until() in crawl_open.c).  A disk that
 * is full has no room for that either, and the crawl goes on by itself.
 */
void
group_failed(struct committer *c, int err)
{
	struct saved saved = c->committed.saved;
	struct saved_run run = c->committed.run;
	struct store_batch *b;
	int r;

	if (c->in_doubt || err == -ENOSPC)
		return;
	saved.end = run.end = CRAWL_STORE;
	saved.at_us = run.at_us = committer_wall_us(c);
	(void)snprintf(run.why, sizeof(run.why), "%.199s",
	    c->why.text[0] == '\0' ? strerrordesc_np(-err) : c->why.text);
	if (store_batch_new(END_BYTES, &b) < 0)
		return;
	r = saved_put(b, &saved);
	if (r == 0)
		r = saved_run_put(b, &run);
	if (r == 0)
		(void)store_apply(c->store, b, true, NULL);
	store_batch_free(b);
}

/* ---- opening ---- */

struct load {
	struct committer *c;
	int err;
};

static bool
on_count(void *ctx, struct slice key, struct slice value)
{
	struct load *l = ctx;
	uint64_t authority, n, low;

	l->err = host_key_parse(key, &authority) ? hostcount_decode(value, &n, &low)
						 : -EBADMSG;
	if (l->err == 0)
		l->err = hostcount_set(&l->c->counts, authority, n, low);
	return l->err == 0;
}

static int
scan_all(struct committer *c, enum store_table t, struct slice prefix, store_scan_fn *fn,
    struct load *l, struct why *why)
{
	int r = store_scan(c->store, t, prefix, (struct slice){0}, UINT32_MAX, fn, l);

	if (r < 0)
		*why = *store_why(c->store);
	else if (l->err == -EBADMSG)
		(void)why_set(
		    why, l->err, "the store holds a record that is none of ours");
	else if (l->err < 0)
		(void)why_set(why, l->err, "%s", strerror(-l->err));
	return r < 0 ? r : l->err;
}

static int
lend_memory(void *ctx, int64_t bytes)
{
	if (bytes >= 0)
		return shm_lend(ctx, (uint64_t)bytes);
	shm_return(ctx, (uint64_t)-bytes);
	return 0;
}

/* Its log lies beside the store. */
static int
open_seen(struct committer *c, struct why *why)
{
	struct seen_conf conf = {.store = c->store};
	int r;

	buf_clear(&c->scratch);
	r = store_get(c->store, STORE_META, SAVED_SEEN_MARK, &c->scratch);
	if (r < 0 && r != -ENOENT) {
		*why = *store_why(c->store);
		return r;
	}
	conf.mark = buf_slice(&c->scratch);
	if (c->conf.durable) {
		conf.dir = c->state_dir;
		conf.memory_bytes_max = c->conf.seen_bytes;
	}
	if (c->conf.arena != NULL) {
		conf.more = lend_memory;
		conf.ctx = c->conf.arena;
		conf.more_bytes_max = (int64_t)c->conf.seen_more_bytes;
	}
	r = seen_open(&conf, &c->seen, why);
	if (r == 0 && seen_mended(c->seen) != NULL)
		log_warn(
		    "what was seen was read from the store: %s", seen_mended(c->seen));
	return r;
}

int
committer_load(struct committer *c, struct why *why)
{
	struct load l = {.c = c};
	int r = open_seen(c, why);

	return r < 0 ? r
		     : scan_all(c, STORE_HOST, host_key_part(HOST_KEY_COUNT), on_count,
			   &l, why);
}

struct hosts {
	struct committer *c;
	int64_t wall_ms;
	committer_host_fn *fn;
	void *ctx;
	struct umap done;
	int err;
};

/* One that nothing waits for is a new host when a link leads there again, unless it must
 * not be asked yet. */
static bool
is_worth_it(const struct hosts *h, struct slice state, uint64_t queued)
{
	struct hostrec_brief brief;

	return queued > 0 || hostrec_brief(state, &brief) < 0 ||
	       brief.doom != OUTCOME_NONE || brief.due_wall_ms > h->wall_ms ||
	       brief.asked_wall_ms > h->wall_ms - RECENT_MS;
}

static bool
on_state(void *ctx, struct slice key, struct slice value)
{
	struct hosts *h = ctx;
	uint64_t authority, queued;

	if (!host_key_parse(key, &authority)) {
		h->err = -EBADMSG;
		return false;
	}
	queued = hostcount_get(&h->c->counts, authority);
	if (!is_worth_it(h, value, queued))
		return true;
	h->err = h->fn(h->ctx, authority, value, queued);
	if (h->err == 0 && queued > 0)
		h->err = umap_put(&h->done, authority, h);
	return h->err == 0;
}

int
committer_hosts(struct committer *c, int64_t wall_ms, committer_host_fn *fn, void *ctx)
{
	struct hosts h = {.c = c, .wall_ms = wall_ms, .fn = fn, .ctx = ctx};
	uint64_t authority, queued;
	int r;

	umap_init(&h.done, SIZE_MAX / 2);
	r = store_scan(c->store, STORE_HOST, host_key_part(HOST_KEY_STATE),
	    (struct slice){0}, UINT32_MAX, on_state, &h);
	if (r == 0)
		r = h.err;
	for (size_t i = 0; r == 0 && hostcount_at(&c->counts, &i, &authority, &queued);)
		if (queued > 0 && umap_get(&h.done, authority) == NULL)
			r = fn(ctx, authority, (struct slice){0}, queued);
	umap_release(&h.done);
	return r;
}
