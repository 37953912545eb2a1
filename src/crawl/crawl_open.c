#include "base/log.h"
#include "crawl/crawl_internal.h"
#include "crawl/rules.h"
#include "crawl/scope.h"
#include "store/store.h"
#include "web/url.h"
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* How a run begins: its store and what that says of earlier runs, sinks, frontier,
 * seeds. */

enum {
	MAILS_MAX = 1 << 16,
	WINDOW_MAX = 8192, /* refills come ten times a second at most */
	WINDOW_MAX_MOVES = 16384, /* of an order in which only what is in memory moves */
	ROBOTS_TTL_MS = 24 * 3600 * 1000,
	DELAY_AUTO_MAX_MS = 30000,
	OUT_WAIT_MS = 600 * 1000, /* for a reader of standard output that takes nothing */
	OUT_HURRY_MS = 5000,      /* and when the crawl is to stop */
	TRAPS_BYTES_MAX = 16 << 20,
	NAMES_MORE =
	    128, /* names at once, besides one a request: most wait for nothing else */
};

/* ---- store ---- */

/* A run that was killed may have asked until now; the others said when they ended. */
static int64_t
asked_until(const struct crawl *c, const struct saved *saved)
{
	int64_t ago_us = loop_wall_us(c->loop) - saved->at_us;
	int64_t at_ms;

	if (saved->end == SAVED_RUNNING || ago_us < 0)
		ago_us = 0;
	at_ms = loop_now_ms(c->loop) - ago_us / 1000; /* before the clock began: < 0 */
	return at_ms == 0 ? -1 : at_ms;
}

/* Not stopped, nor killed: a budget that is used up ends a round, too, and what waits then
 * waits in the next one. */
static bool
has_ended(const struct saved *saved)
{
	switch (saved->end) {
	case CRAWL_DONE:
	case CRAWL_PAGES:
	case CRAWL_BYTES:
	case CRAWL_TIME:
	case CRAWL_DISK:
		return true;
	default:
		return false;
	}
}

/* Other links may be wanted now, also of pages that have not changed. */
static void
begin_round(struct crawl *c, struct saved *saved)
{
	saved->round = (struct saved_round){.number = saved->round.number + 1,
	    .opening = true,
	    .whole = saved->scope_hash != scope_hash(c->o, &c->conf.job->seeds),
	    .pages0 = saved->totals.pages,
	    .wire0_bytes = saved->totals.wire_bytes,
	    .elapsed0_ms = saved->elapsed_ms};
}

/* What earlier runs left. */
static int
go_on(struct crawl *c, struct saved *saved, struct why *why)
{
	if (!c->conf.resume && !c->conf.again)
		return why_set(why, -EEXIST,
		    "%s holds a crawl already; trawl resume goes on with it",
		    c->conf.dir);
	if (!slice_eq(slice_cstr(saved->order), slice_cstr(c->order->name)))
		return why_set(why, -EINVAL,
		    "--order cannot change: what waits is stored in the order %s",
		    saved->order);
	c->goes_on = true;
	c->went_on = !c->conf.again || !has_ended(saved);
	if (!c->went_on)
		begin_round(c, saved);
	c->round = saved->round;
	c->hash_seed = saved->hash_seed;
	c->asked_ms = asked_until(c, saved);
	c->stats.totals = saved->totals;
	c->earlier_ms = saved->elapsed_ms;
	memcpy(c->stats.wait_ms, saved->wait_ms, sizeof(c->stats.wait_ms));
	return 0;
}

/* ---- what is wanted of pages ---- */

/* Of sinks that are told of pages; bits of saved.sinks, which do not change their meaning. */
enum { KEEPS_KNOWN = 1, KEEPS_TEXT = 2, KEEPS_SIMHASH = 4, KEEPS_SINK = 8 };

static uint32_t
keeps_of(const struct options *o)
{
	static const char *const sinks[] = {
	    "warc", "jsonl", "csv", "sqlite", "mirror", "stdout", "exec"};
	uint32_t keeps = KEEPS_KNOWN;

	if (o->output_text)
		keeps |= KEEPS_TEXT;
	if (o->output_simhash)
		keeps |= KEEPS_SIMHASH;
	if (o->output_sink.n == 0) /* those without a choice */
		keeps |= KEEPS_SINK | KEEPS_SINK << 1;
	for (size_t i = 0; i < sizeof(sinks) / sizeof(sinks[0]); i++)
		for (size_t k = 0; k < o->output_sink.n; k++)
			if (strcmp(o->output_sink.v[k], sinks[i]) == 0)
				keeps |= (uint32_t)KEEPS_SINK << i;
	return keeps;
}

static uint64_t
fields_hash(const struct options *o)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < o->crawl_extract.n; i++)
		hash = url_hash(slice_cstr(o->crawl_extract.v[i]), hash + 1);
	for (size_t i = 0; i < o->rules_len; i++) {
		const struct strlist *extract = &o->rules[i].options->crawl_extract;

		for (size_t k = 0; k < extract->n; k++)
			hash = url_hash(slice_cstr(extract->v[k]), hash + 2 + i);
	}
	return hash;
}

/* Of what decides which links are read in a page that is in scope, and what sinks make of
 * it; scope_hash() has the rest.  Never 0. */
static uint64_t
reads_hash(const struct options *o)
{
	const char *columns = o->output_csv_columns;
	char numbers[160];

	(void)snprintf(numbers, sizeof(numbers), "%d %u %d %d %u %d %d %d %d %d %" PRId64,
	    o->crawl_robots == ROBOTS_OBEY ? (int)o->crawl_nofollow : NOFOLLOW_NONE,
	    o->crawl_speculative ? (unsigned)o->crawl_speculative_max : 0,
	    (int)o->crawl_sitemaps, (int)o->crawl_sitemap_extras,
	    (unsigned)o->limits_max_links, (int)o->crawl_sort_query,
	    (int)o->crawl_strip_session_ids, (int)o->crawl_strip_tracking,
	    o->crawl_check_links ? (int)o->crawl_check_fragments : -1,
	    (int)o->mirror_mirror_links, o->mirror_mirror_max_file);
	return url_hash(slice_cstr(columns == NULL ? "" : columns),
		   url_hash(slice_cstr(numbers), 0)) |
	       1;
}

/* Other links, a sink more, another field: what an answer 304 cannot give.  Where an older
 * trawl has not said what it kept of its pages, there may be more now. */
static void
note_wants(struct crawl *c, struct saved *saved, uint64_t scope)
{
	uint64_t fields = fields_hash(c->o);
	uint64_t reads = reads_hash(c->o);
	uint32_t keeps = keeps_of(c->o);

	if ((saved->scope_hash != 0 && saved->scope_hash != scope) ||
	    (saved->reads_hash != 0 && saved->reads_hash != reads) ||
	    (saved->reads_hash == 0 && saved->totals.pages > 0) ||
	    (saved->sinks != 0 && (keeps & ~saved->sinks) != 0) ||
	    (saved->sinks != 0 && fields != 0 && saved->fields_hash != fields))
		saved->more_us = loop_wall_us(c->loop);
	saved->sinks = keeps;
	saved->fields_hash = fields;
	saved->reads_hash = reads;
}

/* What waits was found under other options: some of it may not be wanted any more.  That
 * stays so until the queue is empty, which nobody can tell of a part of it. */
static void
note_scope(struct saved *saved, uint64_t scope)
{
	if (saved->totals.queued == 0 && !saved->round.opening)
		saved->judge_anew = false;
	else if (saved->scope_hash != 0 && saved->scope_hash != scope)
		saved->judge_anew = true;
	saved->scope_hash = scope;
}

/* Of robots.txt only what concerns one agent is kept.  Of an older trawl's crawl it is not
 * known which, and taken for ours. */
static void
note_agent(const struct crawl *c, struct saved *saved)
{
	char agent[SCOPE_AGENT_BYTES];
	uint64_t hash;

	scope_agent_of(c->o, agent);
	hash = url_hash(slice_cstr(agent), 0) | 1;
	if (saved->agent_hash != 0 && saved->agent_hash != hash)
		saved->agent_us = loop_wall_us(c->loop);
	saved->agent_hash = hash;
}

static bool
is_durable(const struct crawl *c)
{
	return c->conf.dir != NULL && c->o->run_state != STATE_MEMORY;
}

static int
make_store(const struct options *o, const char *dir, bool durable, struct store **ret,
    struct why *why)
{
	struct store_conf conf = {.dir = dir,
	    .mode = STORE_MAKE,
	    .memory_bytes = crawl_memory(o).store_bytes};

	return store_open(durable ? "rocksdb" : "memory", &conf, ret, why);
}

int
crawl_store_open(
    const struct job *job, const char *dir, struct store **ret, struct why *why)
{
	return make_store(
	    &job->options, dir, job->options.run_state != STATE_MEMORY, ret, why);
}

void
crawl_store_close(struct store *s)
{
	if (s != NULL)
		store_close(s);
}

static int
open_store(struct crawl *c, struct store **ret, struct saved *ret_saved, struct why *why)
{
	struct saved saved;
	int r = 0;

	*ret = c->conf.store;
	c->conf.store = NULL;
	if (*ret == NULL)
		r = make_store(c->o, c->conf.dir, is_durable(c), ret, why);
	if (r < 0)
		return r;
	r = saved_get(*ret, &saved, why);
	if (r == 0) {
		r = go_on(c, &saved, why);
	} else if (r == -ENOENT) {
		saved = (struct saved){.hash_seed = c->hash_seed,
		    .seq = 1,
		    .round.number = 1,
		    .began_us = loop_wall_us(c->loop)};
		(void)snprintf(saved.order, sizeof(saved.order), "%s", c->order->name);
		r = 0;
	}
	if (r == 0) {
		/* Of all seeds, which may be millions. */
		uint64_t scope = scope_hash(c->o, &c->conf.job->seeds);

		note_wants(c, &saved, scope);
		note_scope(&saved, scope);
		note_agent(c, &saved);
		r = crawl_open_jar(c, *ret, why);
	}
	*ret_saved = saved;
	if (r < 0)
		store_close(*ret);
	return r;
}

enum warc_coding
crawl_warc_coding(const struct options *o)
{
	static const enum warc_coding codings[] = {[COMPRESS_GZIP] = WARC_GZIP,
	    [COMPRESS_ZSTD] = WARC_ZSTD,
	    [COMPRESS_NONE] = WARC_PLAIN};

	return codings[o->output_warc_compression];
}

enum parse_copy
crawl_copy(const struct options *o)
{
	for (size_t i = 0; i < o->output_sink.n; i++)
		if (strcmp(o->output_sink.v[i], "mirror") == 0)
			return o->mirror_mirror_links == MIRROR_LINKS_RELATIVE
				   ? PARSE_COPY_RELINKED
				   : PARSE_COPY_AS_IS;
	return PARSE_COPY_NONE;
}

void
crawl_known(const struct crawl *c, struct known *ret)
{
	const struct options *o = c->o;
	const struct shm_block *b = &c->engine->known;
	bool is_told = c->order->given != NULL || o->crawl_check_links;

	for (size_t i = 0; i < o->output_sink.n; i++)
		is_told |= sink_wants_outlinks(o->output_sink.v[i]);
	*ret = (struct known){0};
	if (!is_told)
		known_init(ret, shm_ptr(c->engine->shm, b), b->cap,
		    (c->context + 1ull) * 0x9e3779b97f4a7c15u);
}

static void
tell(const char *text)
{
	log_warn("%s", text);
}

static const struct exec_conf *
fill_exec_conf(struct crawl *c)
{
	const struct options *o = c->o;

	c->exec = (struct exec_conf){.command = o->exec_exec_command,
	    .env = (const char *const *)o->exec_exec_env.v,
	    .env_len = o->exec_exec_env.n,
	    .confirm = o->exec_exec_confirm,
	    .restarts = o->exec_exec_restarts,
	    .window_ms = o->exec_exec_restart_window,
	    .stall_ms = o->exec_exec_stall_timeout,
	    .finish_ms = o->exec_exec_finish_timeout};
	return &c->exec;
}

static void
fill_sink_conf(
    struct crawl *c, struct sink_conf *ret, struct slice settings, struct slice brief)
{
	const struct options *o = c->o;

	*ret = (struct sink_conf){.dir = c->conf.dir,
	    .job = c->conf.job->name,
	    .user_agent = o->fetch_user_agent,
	    .operator_from = o->fetch_from,
	    .robots = o->crawl_robots == ROBOTS_OBEY ? "obey" : "ignore",
	    .software = PACKAGE_NAME "/" PACKAGE_VERSION,
	    .settings = settings,
	    .settings_brief = brief,
	    .seeds = c->conf.job->seeds.n,
	    .warc_coding = crawl_warc_coding(o),
	    .warc_bytes_max = (uint64_t)o->output_warc_size,
	    .wall_us = loop_wall_us(c->loop),
	    .run_id = {crawl_random(c), crawl_random(c)},
	    .select = c->fields,
	    .csv_columns = o->output_csv_columns == NULL
			       ? ((struct slice){0})
			       : slice_cstr(o->output_csv_columns),
	    .sqlite_bytes = crawl_memory(o).sqlite_bytes,
	    .out_fd = STDOUT_FILENO,
	    .out_wait_ms = OUT_WAIT_MS,
	    .out_hurry_ms = OUT_HURRY_MS,
	    .hurry = &c->hurry,
	    .exec = fill_exec_conf(c),
	    .s3 = storage_is_asked(o) ? &c->storage.conf : NULL,
	    .tell = tell,
	    .mirror_bytes_max = (uint64_t)o->mirror_mirror_max_file};
}

void
crawl_traps_conf(const struct options *o, struct traps_conf *ret)
{
	int64_t memory = o->limits_max_memory;
	bool on = o->limits_traps;

	*ret = (struct traps_conf){.repeats = on ? o->limits_trap_repeats : OPTION_NONE,
	    .depth = on ? o->limits_trap_depth : OPTION_NONE,
	    .length = on ? o->limits_trap_length : OPTION_NONE,
	    .dates = on ? o->limits_trap_dates : OPTION_NONE,
	    .queries = on ? o->limits_trap_queries : OPTION_NONE,
	    .duplicates = on ? o->limits_trap_duplicates : OPTION_NONE,
	    .hosts = on ? o->limits_trap_hosts : OPTION_NONE,
	    .bytes_max =
		memory / 32 < TRAPS_BYTES_MAX ? (uint64_t)memory / 32 : TRAPS_BYTES_MAX};
}

/* Of all that decides what is cut. */
static int
hash_traps(const struct options *o, const struct traps_conf *t, uint64_t *ret)
{
	struct buf b;
	int r;

	buf_init(&b, 1 << 20);
	r = buf_printf(&b,
	    "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
	    " %" PRId64,
	    t->repeats, t->depth, t->length, t->dates, t->queries, t->duplicates,
	    t->hosts);
	for (size_t i = 0; i < o->limits_trap_ok.n && r == 0; i++) {
		r = buf_add_byte(&b, '\n');
		if (r == 0)
			r = buf_add_cstr(&b, o->limits_trap_ok.v[i]);
	}
	if (r == 0)
		*ret = url_hash(buf_slice(&b), 0);
	buf_release(&b);
	return r;
}

/* For the archive, whole and without seeds; what is very long is left out. */
static int
describe_job(struct crawl *c, struct buf *whole, struct buf *brief)
{
	struct buf *const texts[] = {whole, brief};
	int r = 0;

	for (size_t i = 0; i < 2; i++)
		buf_init(texts[i], 1 << 20);
	for (size_t i = 0; i < 2 && r == 0; i++) {
		r = job_write(c->conf.job,
		    JOB_FOR_STRANGERS | (i == 0 ? 0u : JOB_WITHOUT_SEEDS), texts[i]);
		if (r == -EMSGSIZE) {
			buf_clear(texts[i]);
			r = 0;
		}
	}
	return r;
}

/* Who asks for another round without saying of what, wants it of all. */
void
crawl_recrawl_conf(const struct options *o, struct recrawl_conf *ret)
{
	static const enum recrawl_mode modes[] = {[RECRAWL_WORD_OFF] = RECRAWL_FIXED,
	    [RECRAWL_WORD_FIXED] = RECRAWL_FIXED,
	    [RECRAWL_WORD_ADAPTIVE] = RECRAWL_ADAPTIVE};
	*ret = (struct recrawl_conf){.mode = modes[o->crawl_recrawl],
	    .interval_ms =
		o->crawl_recrawl == RECRAWL_WORD_OFF ? 0 : o->crawl_recrawl_interval,
	    .min_ms = o->crawl_recrawl_min,
	    .max_ms = o->crawl_recrawl_max};
}

static int
open_committer(struct crawl *c, struct why *why)
{
	static const char *const default_sinks[] = {"warc", "jsonl"};
	const struct options *o = c->o;
	struct crawl_memory memory = crawl_memory(o);
	char hostname[HOST_NAME_MAX + 2] = "";
	struct buf file, brief;
	struct committer_conf conf = {.loop = c->loop,
	    .dir = c->conf.dir,
	    .durable = is_durable(c),
	    .sinks = o->output_sink.n > 0 ? (const char *const *)o->output_sink.v
					  : default_sinks,
	    .sinks_len = o->output_sink.n > 0 ? o->output_sink.n : 2,
	    .order = c->order,
	    .commit_ms = o->run_commit_interval,
	    .commit_bytes = (uint64_t)o->run_commit_size,
	    .seen_bytes = memory.seen_bytes,
	    .seen_more_bytes = memory.seen_more_bytes,
	    .arena = c->engine->shm,
	    .checks = o->crawl_check_links,
	    .known_good = c->conf.known_good,
	    .revisits = o->output_warc_revisits,
	    .wacz = o->output_wacz,
	    .disk_bytes_max =
		o->limits_max_disk == OPTION_NONE ? 0 : (uint64_t)o->limits_max_disk,
	    .mails_max = MAILS_MAX,
	    .ctx = c,
	    .on_reply = crawl_on_reply,
	    .on_room = crawl_on_room};
	int r = storage_is_asked(o) ? storage_init(&c->storage, o, why) : 0;

	crawl_known(c, &conf.known);
	if (r == 0)
		r = open_store(c, &conf.store, &conf.saved, why);
	if (r < 0)
		return r;
	r = describe_job(c, &file, &brief);
	crawl_traps_conf(o, &conf.traps);
	if (r == 0)
		r = hash_traps(o, &conf.traps, &conf.traps_hash);
	if (r < 0)
		(void)why_set(why, r, "out of memory");
	else
		r = seeds_open(c, conf.store, why);
	conf.scope_settings = buf_slice(&c->settings);
	fill_sink_conf(c, &conf.sink, buf_slice(&file), buf_slice(&brief));
	conf.sink.hostname =
	    gethostname(hostname, sizeof(hostname) - 1) == 0 ? hostname : NULL;
	conf.sink.warc_begin = conf.saved.round.opening;
	crawl_recrawl_conf(o, &conf.recrawl);
	conf.recrawl_expected = o->crawl_recrawl != RECRAWL_WORD_OFF;
	c->judge_anew = conf.saved.judge_anew;
	c->more_us = conf.saved.more_us;
	c->agent_us = conf.saved.agent_us;
	if (r < 0)
		store_close(conf.store);
	else
		r = committer_new(&conf, &c->committer, why);
	if (r == 0) /* what had been cut may wait again */
		committer_committed(c->committer, &c->stats.totals);
	buf_release(&file);
	buf_release(&brief);
	return r;
}

/* ---- the other parts ---- */

static int
on_host(void *ctx, uint64_t authority_hash, struct slice state, uint64_t queued)
{
	struct crawl *c = ctx;
	struct frontier_now now = {loop_now_ms(c->loop), loop_wall_us(c->loop) / 1000};

	return frontier_restore(c->frontier, authority_hash, state, queued, &now);
}

/* Hosts, and what became of the seeds. */
static int
restore(struct crawl *c, struct why *why)
{
	int r = committer_hosts(c->committer, loop_wall_us(c->loop) / 1000, on_host, c);

	if (r == 0)
		r = seeds_restore(c);
	return r < 0 ? why_set(why, r, "cannot read the store: %s", strerror(-r)) : 0;
}

static uint32_t
limit_of(int64_t n)
{
	return n == OPTION_NONE ? 0 : (uint32_t)n;
}

static void
pace_of_host(
    const void *options, struct slice authority, uint32_t *per_host, int64_t *delay_ms)
{
	rules_pace(options, authority, per_host, delay_ms);
}

void
crawl_frontier_conf(const struct options *o, struct frontier_conf *ret)
{
	*ret = (struct frontier_conf){.robots = o->crawl_robots == ROBOTS_OBEY,
	    .per_host = o->fetch_per_host,
	    .per_ip = limit_of(o->fetch_per_ip),
	    .per_site = limit_of(o->fetch_per_site),
	    .delay_ms = o->fetch_delay,
	    .delay_auto_max_ms = DELAY_AUTO_MAX_MS,
	    .crawl_delay_max_ms = o->fetch_crawl_delay_max,
	    .window_max = WINDOW_MAX,
	    .memory_bytes = crawl_memory(o).frontier_bytes,
	    .in_hand_bytes_max = crawl_memory(o).body_bytes,
	    .robots_ttl_ms = ROBOTS_TTL_MS,
	    .dead_after = o->fetch_retries + 1};
	if (rules_have_pace(o)) {
		ret->pace = pace_of_host;
		ret->pace_ctx = o;
	}
}

/* Of a pattern that was closed since it was found? */
static bool
is_trapped(struct crawl *c, const struct urlrec *rec, enum outcome *ret_outcome,
    char *ret_detail, size_t detail_cap)
{
	const struct trap_closed *closed;
	char text[URL_BYTES_MAX];
	struct url url;

	if (traps_spare((enum link_kind)rec->kind, rec->flags))
		return false;
	closed = trap_gates_find(&c->gates, rec->authority_hash, rec->url,
	    frontier_was_asked(c->frontier, rec->authority_hash));
	if (closed == NULL)
		return false;
	if (url_resolve(NULL, rec->url, (struct slice){0}, 0, text, sizeof(text), &url) ==
		URL_OK &&
	    scope_trap_ok(c->rules, &url))
		return false;
	*ret_outcome = OUTCOME_TRAP;
	(void)snprintf(ret_detail, detail_cap, "%s", closed->detail);
	return true;
}

static bool
is_unwanted(void *ctx, const struct urlrec *rec, enum outcome *ret_outcome,
    char *ret_detail, size_t detail_cap)
{
	struct crawl *c = ctx;
	enum outcome o;
	struct buf reason;

	if (!c->judge_anew)
		return is_trapped(c, rec, ret_outcome, ret_detail, detail_cap);
	buf_init(&reason, 2 * URL_BYTES_MAX);
	o = scope_judge_again(c->rules, rec, &reason);
	if (o != OUTCOME_NONE) {
		*ret_outcome = o;
		(void)snprintf(
		    ret_detail, detail_cap, SLICE_FMT, SLICE_ARG(buf_slice(&reason)));
	}
	buf_release(&reason);
	return o != OUTCOME_NONE ||
	       is_trapped(c, rec, ret_outcome, ret_detail, detail_cap);
}

/* Those of earlier runs. */
static int
open_gates(struct crawl *c)
{
	const struct traps *t = committer_traps(c->committer);
	struct trap_closed closed;
	int r = 0;

	trap_gates_init(&c->gates, c->hash_seed);
	for (size_t at = 0; r == 0 && traps_closed_at(t, &at, &closed);)
		r = trap_gates_add(&c->gates, &closed);
	return r;
}

/* Another crawl asked one of our hosts, or has just done so. */
static void
on_change(void *ctx)
{
	crawl_pump(ctx);
}

static int64_t
robots_since(const struct crawl *c)
{
	int64_t ago_ms = (loop_wall_us(c->loop) - c->agent_us) / 1000;
	int64_t at_ms = loop_now_ms(c->loop) - ago_ms;

	if (c->agent_us == 0)
		return 0;
	return at_ms == 0 ? 1 : at_ms;
}

static int
open_frontier(struct crawl *c)
{
	struct frontier_conf conf;

	crawl_frontier_conf(c->o, &conf);
	conf.jitter_seed = crawl_random(c);
	conf.order = c->order;
	if (c->order->given != NULL)
		conf.window_max = WINDOW_MAX_MOVES;
	conf.asked_ms = c->asked_ms;
	conf.robots_since_ms = robots_since(c);
	conf.unwanted = is_unwanted;
	conf.unwanted_ctx = c;
	conf.names_max = c->o->fetch_concurrency + NAMES_MORE;
	conf.sessions_max = c->o->fetch_concurrency * 2;
	if (conf.sessions_max < CRAWL_CONNECTIONS_KEPT_MAX)
		conf.sessions_max = CRAWL_CONNECTIONS_KEPT_MAX;
	conf.sessions_ready = c->o->fetch_concurrency;
	conf.manners = c->engine->manners;
	conf.on_change = on_change;
	conf.on_change_ctx = c;
	return frontier_new(&conf, &c->frontier);
}

static uint32_t
part_ms(const struct options *o, enum option_id id, int64_t part)
{
	int64_t ms =
	    o->given[OPTION_ID_fetch_timeout] && !o->given[id] ? o->fetch_timeout : part;

	return ms > UINT32_MAX ? 0 : (uint32_t)ms; /* 0: none */
}

uint32_t
crawl_name_ms(const struct options *o)
{
	int64_t ms = o->given[OPTION_ID_fetch_timeout] ? o->fetch_timeout : OPTION_NONE;

	return ms > UINT32_MAX ? 0 : (uint32_t)ms;
}

static int
open_fetcher(struct crawl *c)
{
	static const int families[] = {[IP_4] = AF_INET, [IP_6] = AF_INET6};
	const struct options *o = c->o;
	struct engine *e = c->engine;
	struct fetcher_conf conf = {.loop = c->loop,
	    .dns = e->dns,
	    .transport = e->transport,
	    .shm = e->shm,
	    .policy = e->policy,
	    .slow = &c->slow,
	    /* redirected robots.txt come on top */
	    .fetches_max = o->fetch_concurrency + CRAWL_SLOW_MAX + 64,
	    .proxies = &e->proxies,
	    .ip = families[o->net_ip],
	    .user_agent = o->fetch_user_agent,
	    .from = o->fetch_from,
	    .headers = (const char *const *)o->fetch_header.v,
	    .headers_len = o->fetch_header.n,
	    .host_lines = c->credentials.v,
	    .host_lines_len = c->credentials.n,
	    .jar = c->jar,
	    .accept_cookies = o->fetch_accept_cookies,
	    .name_ms = crawl_name_ms(o),
	    .connect_ms =
		part_ms(o, OPTION_ID_fetch_connect_timeout, o->fetch_connect_timeout),
	    .first_byte_ms = part_ms(
		o, OPTION_ID_fetch_first_byte_timeout, o->fetch_first_byte_timeout),
	    .stall_ms = part_ms(o, OPTION_ID_fetch_stall_timeout, o->fetch_stall_timeout),
	    .total_ms = part_ms(o, OPTION_ID_fetch_total_timeout, o->fetch_total_timeout),
	    .body_bytes_max = crawl_memory(o).body_bytes_max};

	return fetcher_new(&conf, &c->fetcher);
}

static int64_t
left_ms(int64_t budget_ms, int64_t used_ms)
{
	return budget_ms > used_ms ? budget_ms - used_ms : 0;
}

int
crawl_open_parts(struct crawl *c, struct why *why)
{
	struct slice order;
	int r;

	(void)option_word(&option_rows[OPTION_ID_crawl_order], c->o->crawl_order, &order);
	c->order = order_find(order);
	r = open_committer(c, why);
	if (r < 0)
		return r;
	r = credentials_init(
	    &c->credentials, c->o, c->conf.auth, &c->conf.job->seeds, why);
	if (r < 0)
		return r;
	r = open_gates(c);
	if (r == 0)
		r = open_frontier(c);
	if (r == 0)
		r = retry_budgets_new(&c->retries);
	if (r == 0)
		r = open_fetcher(c);
	if (r == 0 && c->o->limits_max_time != OPTION_NONE)
		r = timer_start(&c->budget_time,
		    left_ms(c->o->limits_max_time, c->earlier_ms - c->round.elapsed0_ms));
	if (r < 0)
		return why_set(why, r, "cannot start: %s", strerror(-r));
	r = restore(c, why);
	if (r == 0) {
		for (int i = WAIT_NONE + 1; i < WAIT_CAUSE_MAX; i++)
			frontier_waited(
			    c->frontier, (enum wait_cause)i, c->conf.waited_ms[i]);
		r = seeds_send(c);
		if (r < 0)
			(void)why_set(why, r, "cannot start: %s", strerror(-r));
	}
	return r;
}
