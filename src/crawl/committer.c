#include "crawl/committer.h"
#include "base/clock.h"
#include "crawl/committer_internal.h"
#include "crawl/crawl.h"
#include "crawl/space.h"
#include "fetch/jar.h"
#include "frontier/keys.h"
#include "store/store.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- commits ---- */

void
commit_init(struct commit *c, enum commit_kind kind, void *owner)
{
	*c = (struct commit){.kind = kind, .owner = owner};
	list_init(&c->mail.on_box);
	buf_init(&c->texts, 64 << 20);
	buf_init(&c->raised, 16 << 20);
	buf_init(&c->host, 1 << 16);
	buf_init(&c->cookies, 2 * JAR_SITE_BYTES_MAX);
	buf_init(&c->rules, STORE_VALUE_MAX);
}

void
commit_release(struct commit *c)
{
	free(c->fresh);
	c->fresh = NULL;
	free(c->closed);
	c->closed = NULL;
	for (uint32_t i = 0; i < c->moved_len; i++)
		urlrec_free(c->moved[i]);
	free(c->moved);
	c->moved = NULL;
	c->moved_len = 0;
	buf_release(&c->texts);
	buf_release(&c->raised);
	buf_release(&c->host);
	buf_release(&c->cookies);
	buf_release(&c->rules);
}

/* ---- what the thread does ---- */

int64_t
committer_now_ms(const struct committer *c)
{
	return loop_is_virtual(c->conf.loop) ? loop_now_ms(c->conf.loop)
					     : clock_mono_ms();
}

/* Of a run whose results could not be written. */
static uint8_t
end_of(int err)
{
	return err == -ENOSPC ? CRAWL_DISK_FULL : CRAWL_STORE;
}

/* What sinks do elsewhere may take long: how far they are is committed meanwhile. */
static int
finish_all(struct committer *c)
{
	int failed, r;

	do {
		failed = sinks_finish(c);
		if (failed < 0 && failed != -EAGAIN) {
			c->saved.end = c->run.end = end_of(failed);
			(void)snprintf(
			    c->run.why, sizeof(c->run.why), "%.199s", c->why.text);
		}
		r = group_commit(c);
	} while (r == 0 && failed == -EAGAIN);
	return failed < 0 ? failed : r;
}

/* All is committed, and that it is done: what fails now is told behind that. */
static int
close_sinks(struct committer *c, bool finished)
{
	int r = sinks_close(c, finished);
	struct why why = c->why;

	if (r == 0)
		return 0;
	c->saved.end = c->run.end = end_of(r);
	(void)snprintf(c->run.why, sizeof(c->run.why), "%.199s", why.text);
	(void)group_commit(c);
	c->why = why;
	return r;
}

static void
give_up(struct committer *c, int err)
{
	sinks_cut_back(c);
	group_failed(c, err);
}

/* Whether there is room for more does not matter any more. */
static int
close_all(struct committer *c, const struct commit *m)
{
	int r;

	c->saved.end = c->run.end = m->end;
	(void)snprintf(
	    c->run.why, sizeof(c->run.why), "%s", m->end_why == NULL ? "" : m->end_why);
	r = group_commit(c);
	if (r == 0)
		r = finish_all(c);
	if (r == 0)
		return close_sinks(c, m->finished);
	give_up(c, r);
	return r;
}

static int
handle_one(struct committer *c, struct commit *m)
{
	for (size_t i = 0; i < WAIT_CAUSE_MAX && m->has_waits; i++)
		c->saved.wait_ms[i] = c->waits0_ms[i] + m->wait_ms[i];
	switch (m->kind) {
	case COMMIT_LINKS:
		return commit_links(c, m);
	case COMMIT_DONE:
		return commit_done(c, m);
	case COMMIT_ATTEMPT:
		return commit_attempt(c, m);
	case COMMIT_RAISE:
		return commit_raise(c, m);
	case COMMIT_HOST:
		return commit_host(c, m);
	case COMMIT_NAME:
		return commit_name(c, m);
	case COMMIT_WAITS: /* it is noted */
		return 0;
	case COMMIT_REFILL:
		return refill_begin(c, m);
	case COMMIT_CLOSE:
		return close_all(c, m);
	}
	return -EINVAL;
}

/* ---- the actor ---- */

/* The loop's clock may be read from here only when it is virtual. */
int64_t
committer_wall_us(const struct committer *c)
{
	return loop_is_virtual(c->conf.loop) ? loop_wall_us(c->conf.loop)
					     : clock_wall_us();
}

/* Workers pack ahead and must name the file that records will land in. */
static void
tell_warcinfo(const struct committer *c, struct commit *m)
{
	for (size_t i = 0; i < c->sinks_len; i++)
		if (c->sinks[i]->warcinfo_id[0] != '\0')
			memcpy(m->warcinfo_id, c->sinks[i]->warcinfo_id, SINK_ID_MAX);
}

/* Of the reports, about: what there is always, and a line in both for each that is broken. */
static uint64_t
report_bytes(const struct committer *c)
{
	const struct crawl_totals *t = &c->saved.totals;
	uint64_t broken = 0;

	for (int o = OUTCOME_NONE + 1; o < OUTCOME_MAX; o++)
		broken += outcome_is_broken((enum outcome)o) ? t->outcomes[o] : 0;
	if (broken > REPORT_LINES_MAX)
		broken = REPORT_LINES_MAX;
	return c->conf.dir == NULL
		   ? 0
		   : REPORT_BYTES + REPORT_LINE_BYTES * broken + c->long_bytes;
}

void
committer_expect_report(struct committer *c, const struct sink_event *e)
{
	uint64_t n = REPORT_URLS * (e->url.len + e->via.len);

	if (c->top_lines < REPORT_TOP_LINES) {
		c->top_lines++;
		c->long_bytes += REPORT_URLS * e->url.len;
	}
	if (!outcome_is_broken(e->outcome) || c->long_lines == REPORT_LINES_MAX)
		return;
	c->long_lines++;
	if (n > REPORT_LINE_BYTES / 2)
		c->long_bytes += n - REPORT_LINE_BYTES / 2;
}

static uint64_t
finish_bytes(const struct committer *c)
{
	uint64_t n = c->wacz_bytes + report_bytes(c);

	for (size_t i = 0; i < c->sinks_len; i++)
		n += c->sinks[i]->finish_bytes;
	return n;
}

/*
 * What waits for the commit counts: of pages full of links it is more than their archive.
 * So does what the end of the run makes of what is there.  And bytes are added to what was
 * measured in blocks: of each file that grows, or is made at the end, another may begin.
 */
uint64_t
committer_disk_taken(const struct committer *c)
{
	return c->disk_bytes + finish_bytes(c) +
	       (c->sinks_len + OTHER_FILES) * SINK_BLOCK_BYTES +
	       (c->conf.durable ? store_batch_bytes(c->batch) : 0);
}

void
committer_reply(struct committer *c, struct commit *m)
{
	m->err = c->err;
	if (m->err < 0 && c->why.text[0] == '\0')
		(void)why_set(&c->why, m->err, "%s", strerror(-m->err));
	m->why = c->why;
	m->disk_bytes = committer_disk_taken(c);
	tell_warcinfo(c, m);
	actor_reply(c->actor, &m->mail);
}

static bool
is_enough(const struct committer *c)
{
	return c->dirty_bytes >= c->conf.commit_bytes ||
	       store_batch_bytes(c->batch) >= BATCH_BYTES;
}

/* Before the disk is quite full, so that what was fetched can still be committed. */
static bool
is_short_of_room(struct committer *c)
{
	if (c->conf.dir == NULL || c->dirty_bytes - c->looked_bytes < c->look_bytes)
		return false;
	c->looked_bytes = c->dirty_bytes;
	return space_is_short(c->conf.dir, NULL);
}

static void
commit_now(struct committer *c)
{
	c->err = group_commit(c);
	if (c->err == 0)
		c->err = group_look_at_disk(c);
	refills_answer(c);
}

/* What came since the directory was measured is estimated, and rather too high: before that
 * ends a crawl it is measured again. */
static void
measure_near_limit(struct committer *c)
{
	if (!group_is_near_limit(c))
		return;
	c->measure_at_ms = 0;
	commit_now(c);
}

static void
on_mails(void *ctx, struct list *mails)
{
	struct committer *c = ctx;
	struct list *at;

	while ((at = list_pop(mails)) != NULL) {
		struct mail *mail = container_of(at, struct mail, on_box);
		struct commit *m = container_of(mail, struct commit, mail);
		enum commit_kind kind = m->kind; /* a refill may be the loop's again */

		if (c->err == 0)
			c->err = handle_one(c, m);
		else if (kind == COMMIT_REFILL)
			list_push(&c->refills, &mail->on_box);
		else if (kind == COMMIT_CLOSE)
			give_up(c, c->err);
		if (c->err < 0 || kind == COMMIT_CLOSE)
			refills_answer(c);
		if (kind == COMMIT_REFILL)
			continue;
		if (c->commit_at_ms == 0 && kind != COMMIT_CLOSE) /* was the last */
			c->commit_at_ms = committer_now_ms(c) + c->conf.commit_ms;
		if (c->err == 0 && kind != COMMIT_CLOSE)
			measure_near_limit(c);
		committer_reply(c, m);
		if (c->err == 0 && (is_enough(c) || is_short_of_room(c)))
			commit_now(c);
	}
}

static int64_t
on_idle(void *ctx)
{
	struct committer *c = ctx;
	int64_t left;

	if (c->commit_at_ms == 0 || c->err < 0)
		return -1;
	left = c->commit_at_ms - committer_now_ms(c);
	if (left > 0 && !actor_is_stopping(c->actor) && !is_enough(c))
		return left;
	commit_now(c);
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

/* Pages first: seeds that wait again are open. */
static int
open_round(struct committer *c, struct why *why)
{
	int r = committer_recrawl_open(c);

	if (r < 0 && c->why.text[0] != '\0')
		return why_set(why, r, "%s", c->why.text);
	if (r == 0)
		r = committer_moved_open(c);
	return r < 0
		   ? why_set(why, r, "what is known of pages and seeds: %s", strerror(-r))
		   : 0;
}

static int
known_good_read(struct committer *c)
{
	uint64_t seed = scope_hash_seed(c->rules);
	struct slice rest = c->conf.known_good, url;
	int r = 0;

	umap_init(&c->known_good, KNOWN_GOOD_MAX);
	while ((r == 0 || r == -EEXIST) && slice_cut(&rest, '\n', &url))
		r = url.len == 0 ? 0 : umap_put(&c->known_good, url_hash(url, seed), c);
	return r == -ENOMEM ? r : 0; /* what is too many is asked */
}

/*
 * What waits in buffers is not on the disk when that is looked at, and what is committed
 * must fit into what is kept free.  So on a small disk it is committed and looked at
 * more often.  Of a large one so much is kept free that buffers are little beside it.
 */
static void
suit_the_disk(struct committer *c)
{
	uint64_t max = c->conf.dir == NULL ? 0 : space_reserve(c->conf.dir) / 2;

	if (max > 0 && max < COMMIT_BYTES_MIN)
		max = COMMIT_BYTES_MIN;
	if (max > 0 && max < COMMIT_BYTES_FREE && c->conf.commit_bytes > max)
		c->conf.commit_bytes = max;
	c->look_bytes = max > 0 && max / 2 < LOOK_BYTES ? max / 2 : LOOK_BYTES;
}

/* What there is of the archive. */
static void
measure_archive(struct committer *c)
{
	char path[PATH_MAX];
	int n;

	if (!c->conf.wacz || c->conf.dir == NULL)
		return;
	n = snprintf(path, sizeof(path), "%s/warc", c->conf.dir);
	if (n > 0 && (size_t)n < sizeof(path))
		c->wacz_bytes = space_taken(path);
}

static int
open_all(struct committer *c, struct why *why)
{
	struct actor_conf actor = {.name = "store",
	    .mails_max = c->conf.mails_max,
	    .linger_us = LINGER_US,
	    .ctx = c,
	    .handle = on_mails,
	    .idle = on_idle,
	    .on_reply = on_reply,
	    .on_room = on_room};
	int r = scope_rules_new(c->conf.scope_settings, &c->rules, why);

	if (r == 0 && known_good_read(c) < 0)
		r = why_set(why, -ENOMEM, "out of memory");
	if (r == 0 && c->conf.dir != NULL)
		r = quarantine_load(&c->quarantine, c->conf.dir, c->store, why);
	if (r == 0 && c->conf.dir != NULL)
		r = sinks_open(c, why);
	if (r < 0)
		return r;
	r = store_batch_new(BATCH_BYTES_MAX, &c->batch);
	if (r < 0)
		return why_set(why, r, "store thread: %s", strerror(-r));
	measure_archive(c);
	suit_the_disk(c);
	r = committer_load(c, why);
	if (r == 0) {
		r = committer_traps_open(c);
		if (r < 0)
			(void)why_set(why, r, "what is known of traps: %s", strerror(-r));
	}
	if (r == 0)
		r = open_round(c, why);
	if (r == 0) {
		r = group_commit(c); /* the marks of empty files, before the first byte */
		if (r == 0)
			r = committer_traps_reconsider(c);
		if (r == 0)
			r = group_look_at_disk(c);
		if (r < 0)
			*why = c->why;
	}
	if (r < 0)
		return r;
	r = actor_new(c->conf.loop, &actor, &c->actor);
	return r < 0 ? why_set(why, r, "store thread: %s", strerror(-r)) : 0;
}

int
committer_new(const struct committer_conf *conf, struct committer **ret, struct why *why)
{
	struct committer *c = calloc(1, sizeof(*c));
	int r;

	if (c == NULL) {
		store_close(conf->store);
		return why_set(why, -ENOMEM, "out of memory");
	}
	c->conf = *conf;
	c->store = conf->store;
	c->saved = conf->saved;
	c->saved.runs++;
	c->saved.end = SAVED_RUNNING;
	c->elapsed0_ms = c->saved.elapsed_ms;
	memcpy(c->waits0_ms, c->saved.wait_ms, sizeof(c->waits0_ms));
	c->run = (struct saved_run){.number = c->saved.runs,
	    .end = SAVED_RUNNING,
	    .round = c->saved.round.number,
	    .began_us = committer_wall_us(c)};
	c->pages0 = c->saved.totals.pages;
	c->wire0_bytes = c->saved.totals.wire_bytes;
	c->began_ms = committer_now_ms(c);
	if (conf->durable)
		(void)snprintf(c->state_dir, sizeof(c->state_dir), "%s/state", conf->dir);
	list_init(&c->refills);
	hostcount_init(&c->counts);
	buf_init(&c->scratch, 1 << 20);
	buf_init(&c->packed, SIZE_MAX / 2);
	buf_init(&c->original.uri, URL_BYTES_MAX);
	revisit_init(c);
	r = open_all(c, why);
	if (r < 0) {
		committer_free(c);
		return r;
	}
	/* Of the caller's frame: not needed any more. */
	c->conf.scope_settings = (struct slice){0};
	c->conf.sink.settings = c->conf.sink.settings_brief = (struct slice){0};
	c->conf.sink.hostname = NULL;
	*ret = c;
	return 0;
}

void
committer_free(struct committer *c)
{
	if (c == NULL)
		return;
	actor_free(c->actor);
	(void)sinks_close(c, false);
	store_batch_free(c->batch);
	seen_close(c->seen);
	hostcount_release(&c->counts);
	store_close(c->store);
	committer_moved_release(c);
	umap_release(&c->known_good);
	traps_free(c->traps);
	scope_rules_free(c->rules);
	buf_release(&c->scratch);
	buf_release(&c->packed);
	buf_release(&c->original.uri);
	revisit_release(c);
	warc_packer_free(c->packer);
	quarantine_release(&c->quarantine);
	free(c);
}

int
committer_send(struct committer *c, struct commit *m)
{
	return actor_send(c->actor, &m->mail);
}

struct store *
committer_store(const struct committer *c)
{
	return c->store;
}

uint32_t
committer_waiting(const struct committer *c)
{
	return actor_waiting(c->actor);
}

void
committer_commits(const struct committer *c, uint64_t *ret_n, uint64_t *ret_us)
{
	*ret_n = atomic_load_explicit(&c->commits, memory_order_relaxed);
	*ret_us = atomic_load_explicit(&c->commit_us, memory_order_relaxed);
}

void
committer_committed(const struct committer *c, struct crawl_totals *ret)
{
	*ret = c->committed.saved.totals;
}

int
committer_seen(
    struct committer *c, uint64_t authority_hash, uint64_t url_hash, enum outcome *ret)
{
	struct saved_seen seen;
	struct key k;
	int r;

	key_make(&k, authority_hash, url_hash);
	r = store_get(c->store, STORE_SEEN, key_whole(&k), &c->scratch);
	if (r == 0)
		r = saved_seen_decode(buf_slice(&c->scratch), &seen);
	if (r == 0)
		*ret = seen.outcome;
	return r;
}

int
committer_seeds(struct committer *c, saved_seed_fn *fn, void *ctx)
{
	return saved_seeds(c->store, fn, ctx);
}
