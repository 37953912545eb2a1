#include "crawl/inspect.h"
#include "crawl/crawl_internal.h"
#include "crawl/inspect_internal.h"
#include "crawl/space.h"
#include "frontier/keys.h"
#include "frontier/seen_log.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXTS_BLOCK = 16 << 10, TEXTS_MAX = 16 << 20 };

/* ---- opening ---- */

/* Without a store: opens it. */
static int
open_with(struct store *store, const char *dir, const struct job *job, int64_t wall_us,
    struct inspect **ret, struct why *why)
{
	struct store_conf conf = {.dir = dir, .mode = STORE_READ};
	struct inspect *in = calloc(1, sizeof(*in));
	int r = 0;

	if (in == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	in->dir = dir;
	in->job = job;
	in->wall_us = wall_us;
	crawl_frontier_conf(&job->options, &in->politeness);
	buf_init(&in->value, STORE_VALUE_MAX);
	arena_init(&in->texts, TEXTS_BLOCK, TEXTS_MAX);
	if (store == NULL)
		r = store_open("rocksdb", &conf, &in->own, why);
	in->store = store == NULL ? in->own : store;
	if (r == 0)
		r = saved_get(in->store, &in->saved, why);
	if (r < 0) {
		inspect_close(in);
		return r;
	}
	*ret = in;
	return 0;
}

int
inspect_open(const char *dir, const struct job *job, int64_t wall_us,
    struct inspect **ret, struct why *why)
{
	return open_with(NULL, dir, job, wall_us, ret, why);
}

int
inspect_open_ended(const struct crawl *c, const char *dir, const struct job *job,
    int64_t wall_us, struct inspect **ret, struct why *why)
{
	bool sound =
	    c->phase == CRAWL_ENDED && c->end != CRAWL_STORE && c->end != CRAWL_DISK_FULL;

	return open_with(
	    sound ? committer_store(c->committer) : NULL, dir, job, wall_us, ret, why);
}

void
inspect_close(struct inspect *in)
{
	if (in == NULL)
		return;
	store_close(in->own);
	buf_release(&in->value);
	arena_release(&in->texts);
	free(in);
}

/* ---- reading ---- */

int
inspect_why(const struct inspect *in, int err, struct why *why)
{
	if (err == -ENOMEM)
		return why_set(why, err, "out of memory");
	if (err == -EBADMSG)
		return why_set(why, err,
		    "the store of %s holds a record that is none of ours", in->dir);
	return why_set(why, err, "%s: %s", in->dir, strerror(-err));
}

int
inspect_scan(struct inspect *in, enum store_table t, struct slice prefix,
    struct slice after, store_scan_fn *fn, void *ctx, const int *err, struct why *why)
{
	int r = store_scan(in->store, t, prefix, after, UINT32_MAX, fn, ctx);

	if (r < 0) {
		if (why != NULL)
			*why = *store_why(in->store);
		return r;
	}
	return *err < 0 ? inspect_why(in, *err, why) : 0;
}

struct counting {
	struct hostcount *counts;
	int err;
};

static bool
on_count(void *ctx, struct slice key, struct slice value)
{
	struct counting *k = ctx;
	uint64_t authority, n, low;

	k->err = host_key_parse(key, &authority) ? hostcount_decode(value, &n, &low)
						 : -EBADMSG;
	if (k->err == 0)
		k->err = hostcount_set(k->counts, authority, n, low);
	return k->err == 0;
}

int
inspect_counts(struct inspect *in, struct hostcount *ret, struct why *why)
{
	struct counting k = {.counts = ret};

	return inspect_scan(in, STORE_HOST, host_key_part(HOST_KEY_COUNT),
	    (struct slice){0}, on_count, &k, &k.err, why);
}

/* ---- hosts ---- */

struct looking {
	struct inspect *in;
	struct inspect_status *st;
	struct hostcount counts; /* of those that were not met yet */
	int err;
};

static void
top_enter(struct inspect_hosts *top, const struct inspect_host *h)
{
	uint32_t at = top->n;

	if (top->n == INSPECT_HOSTS_MAX) {
		if (h->queued <= top->v[at - 1].queued)
			return;
		at--;
	} else {
		top->n++;
	}
	for (; at > 0 && h->queued > top->v[at - 1].queued; at--)
		top->v[at] = top->v[at - 1];
	top->v[at] = *h;
}

static void
count_host(struct inspect_status *st, const struct inspect_host *h)
{
	st->hosts++;
	if (h->look.doom != OUTCOME_NONE) {
		st->hosts_given_up++;
		top_enter(&st->given_up, h);
	}
	if (h->queued == 0)
		return;
	st->hosts_queued++;
	top_enter(&st->busiest, h);
	if (h->look.doom != OUTCOME_NONE)
		return;
	if (h->look.waits_for == WAIT_NONE)
		st->hosts_ready++;
	else
		st->hosts_waiting[h->look.waits_for]++;
}

static bool
on_state(void *ctx, struct slice key, struct slice value)
{
	struct looking *l = ctx;
	struct hostrec_brief brief;
	struct inspect_host h;
	uint64_t authority;

	l->err =
	    host_key_parse(key, &authority) ? hostrec_brief(value, &brief) : -EBADMSG;
	if (l->err == 0)
		l->err = hostrec_outlook(
		    value, &l->in->politeness, l->in->wall_us / 1000, &h.look);
	if (l->err < 0)
		return false;
	(void)snprintf(
	    h.authority, sizeof(h.authority), SLICE_FMT, SLICE_ARG(brief.authority));
	h.queued = hostcount_get(&l->counts, authority);
	count_host(l->st, &h);
	if (h.queued > 0)
		l->err = hostcount_set(&l->counts, authority, 0, 0);
	return l->err == 0;
}

static bool
on_first(void *ctx, struct slice key, struct slice value)
{
	struct inspect_host *h = ctx;
	struct urlrec rec;

	(void)key;
	if (urlrec_decode(value, &rec) == 0)
		(void)snprintf(h->authority, sizeof(h->authority), SLICE_FMT,
		    SLICE_ARG(urlrec_authority(&rec)));
	return false;
}

/* Those that were never asked have no state; their first record tells their name, which
 * is looked up only for those that are shown. */
static int
count_unasked(struct looking *l, struct why *why)
{
	struct inspect_host h = {.authority = ""};
	uint64_t authority;
	size_t at = 0;
	int r = hostrec_outlook(
	    (struct slice){0}, &l->in->politeness, l->in->wall_us / 1000, &h.look);

	while (r == 0 && hostcount_at(&l->counts, &at, &authority, &h.queued)) {
		const struct inspect_hosts *top = &l->st->busiest;
		struct key k;

		if (h.queued == 0)
			continue;
		h.authority[0] = '\0';
		if (top->n < INSPECT_HOSTS_MAX || h.queued > top->v[top->n - 1].queued) {
			uint64_t low = hostcount_low(&l->counts, authority);

			key_make(&k, authority, low > 0 ? low - 1 : 0);
			r = store_scan(l->in->store, STORE_QUEUE, key_host(&k),
			    key_whole(&k), 1, on_first, &h);
		}
		count_host(l->st, &h);
	}
	return r < 0 ? inspect_why(l->in, r, why) : 0;
}

static int
take_why(struct inspect *in, struct inspect_status *ret, struct why *why)
{
	struct saved_run run;
	int r = saved_run_get(in->store, ret->saved.runs, &run);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return inspect_why(in, r, why);
	memcpy(ret->why, run.why, sizeof(ret->why));
	return 0;
}

int
inspect_status(struct inspect *in, struct inspect_status *ret, struct why *why)
{
	struct looking l = {.in = in, .st = ret};
	int r;

	*ret = (struct inspect_status){.saved = in->saved};
	ret->running = store_owner(in->dir, &ret->pid) == 0;
	ret->disk_short = !space_is_back(in->dir);
	ret->disk_bytes = space_taken(in->dir);
	hostcount_init(&l.counts);
	r = inspect_counts(in, &l.counts, why);
	if (r == 0)
		r = inspect_scan(in, STORE_HOST, host_key_part(HOST_KEY_STATE),
		    (struct slice){0}, on_state, &l, &l.err, why);
	if (r == 0)
		r = count_unasked(&l, why);
	if (r == 0)
		r = take_why(in, ret, why);
	if (r == 0) {
		r = traps_sums_read(in->store, &ret->traps);
		if (r < 0)
			r = inspect_why(in, r, why);
	}
	hostcount_release(&l.counts);
	return r;
}

/* ---- for reports ---- */

int
inspect_runs(struct inspect *in, saved_run_fn *fn, void *ctx, struct why *why)
{
	int r = saved_runs(in->store, fn, ctx);

	return r < 0 ? inspect_why(in, r, why) : 0;
}

int
inspect_length(struct inspect *in, const char *sink, uint64_t *ret_bytes, struct why *why)
{
	struct sink_place at;
	int r = inspect_place(in, sink, &at, why);

	if (r == 0)
		*ret_bytes = at.length;
	return r;
}

uint64_t
inspect_host_waits(struct inspect *in, uint64_t authority_hash, uint64_t *ret_low)
{
	struct host_key_text host;
	uint64_t n;
	int r = store_get(in->store, STORE_HOST,
	    host_key(&host, HOST_KEY_COUNT, authority_hash), &in->value);

	*ret_low = 0;
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = hostcount_decode(buf_slice(&in->value), &n, ret_low);
	return r < 0 ? UINT64_MAX : n;
}

bool
inspect_log_has(struct inspect *in, uint64_t url_hash, bool unsure)
{
	char dir[PATH_MAX];
	bool has;

	(void)snprintf(dir, sizeof(dir), "%s/state", in->dir);
	if (store_get(in->store, STORE_META, SAVED_SEEN_MARK, &in->value) < 0 ||
	    seen_log_has(dir, buf_slice(&in->value), url_hash, &has, NULL) < 0)
		return unsure;
	return has;
}

int
inspect_outcome(struct inspect *in, struct slice text, enum outcome *ret, struct why *why)
{
	char store[URL_BYTES_MAX];
	struct saved_seen seen;
	uint64_t authority, hash, low;
	struct url url;
	struct key k;
	int r;

	if (url_resolve(NULL, text, (struct slice){0}, 0, store, sizeof(store), &url) !=
	    URL_OK)
		return -ENOENT;
	authority = url_hash(url_authority(&url), in->saved.hash_seed);
	hash = url_hash(url_text(&url), in->saved.hash_seed);
	key_make(&k, authority, hash);
	r = store_get(in->store, STORE_SEEN, key_whole(&k), &in->value);
	if (r == 0)
		r = saved_seen_decode(buf_slice(&in->value), &seen);
	if (r == -ENOENT) {
		/* Met by a link, and no more than that. */
		*ret = OUTCOME_NONE;
		return inspect_host_waits(in, authority, &low) > 0 &&
			       inspect_log_has(in, hash, false)
			   ? 0
			   : r;
	}
	if (r < 0)
		return inspect_why(in, r, why);
	*ret = seen.outcome;
	return 0;
}
