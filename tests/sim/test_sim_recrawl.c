/* The same directory crawled again and again, over weeks of virtual time. */
#include "../fault/fault.h"
#include "../unit/files_kit.h"
#include "crawl/inspect.h"
#include "sim_crawl.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define HOUR_US      (INT64_C(3600) * 1000000)
#define DAY_US       (24 * HOUR_US)
#define START_US     INT64_C(1700000000000000)

static struct {
	int64_t wall_us;
	bool validators, gone, moved, failing, forbidden, refused, nofollow;
	uint32_t conditional;         /* requests that were */
	uint32_t often, daily, never; /* how often each was asked */
} site;

static bool
ends(struct slice url, const char *with)
{
	return slice_ends(url, slice_cstr(with));
}

static bool
request_has(const char *line)
{
	for (size_t i = 0; i < sim_web.request->lines_len; i++)
		if (slice_eq(sim_web.request->lines[i], slice_cstr(line)))
			return true;
	return false;
}

/* A new edition each `period_us`. */
static void
edition(struct slice url, int64_t period_us, struct sim_reply *ret, struct buf *body)
{
	static char headers[80];
	char line[80];
	int64_t n = period_us == 0 ? 0 : site.wall_us / period_us;

	(void)snprintf(headers, sizeof(headers), "ETag: \"%lld\"\r\n", (long long)n);
	(void)snprintf(line, sizeof(line), "If-None-Match: \"%lld\"", (long long)n);
	if (site.validators)
		ret->headers = headers;
	if (request_has(line)) {
		ret->status = 304;
		site.conditional++;
		return;
	}
	(void)buf_printf(body, "<p>" SLICE_FMT " %lld", SLICE_ARG(url), (long long)n);
}

static void
script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	ret->latency_ms = 5;
	ret->status = 200;
	site.often += ends(url, "/often");
	site.daily += ends(url, "/daily");
	site.never += ends(url, "/never");
	if (ends(url, "/robots.txt")) {
		ret->headers = "Content-Type: text/plain\r\n";
		(void)buf_add_cstr(body, site.forbidden
					     ? "User-agent: *\nDisallow: /never\n"
					     : "User-agent: *\nDisallow:\n");
		return;
	}
	if (ends(url, "a.test/")) {
		edition(url, 0, ret, body);
		if (ret->status == 200 && site.nofollow)
			(void)buf_add_cstr(body, "<meta name=robots content=nofollow>");
		if (ret->status == 200)
			(void)buf_add_cstr(body,
			    "<a href=/often>o</a><a href=/never>n</a>"
			    "<a href=/daily>d</a><a href=/none>x</a>");
	} else if (ends(url, "/often")) {
		edition(url, 6 * HOUR_US, ret, body);
	} else if (ends(url, "/daily")) {
		edition(url, DAY_US, ret, body);
	} else if (ends(url, "/never")) {
		if (site.gone)
			ret->status = 410;
		else if (site.refused)
			ret->status = 403;
		else if (site.failing)
			ret->status = 500;
		else if (site.moved) {
			ret->status = 301;
			ret->headers = "Location: /often\r\n";
		} else
			edition(url, 0, ret, body);
	} else {
		ret->status = 404;
	}
}

static struct sim_run
round_at(const char *dir, int64_t wall_us, const char *const *options)
{
	struct sim_run run = {.dir = dir, .again = true, .wall_us = wall_us};

	sim_web_reset(script, NULL);
	site.wall_us = wall_us;
	sim_crawl(&run, "http://a.test/", options);
	assert_int_equal(run.end, CRAWL_DONE);
	return run;
}

static int
take_last(void *ctx, const struct saved_run *run)
{
	*(struct saved_run *)ctx = *run;
	return 0;
}

/* What the store says of the last run. */
static struct saved_run
last_run(const char *dir)
{
	struct store_conf conf = {.dir = dir, .mode = STORE_READ};
	struct saved_run run = {.number = 0};
	struct store *s;
	struct why why;

	assert_int_equal(store_open("rocksdb", &conf, &s, &why), 0);
	assert_int_equal(saved_runs(s, take_last, &run), 0);
	store_close(s);
	return run;
}

static void
assert_changes(const char *dir, uint64_t new, uint64_t changed, uint64_t unchanged,
    uint64_t gone, uint64_t absent, uint64_t unknown)
{
	struct saved_run run = last_run(dir);

	assert_int_equal(run.changes[PAGE_CHANGE_NEW], new);
	assert_int_equal(run.changes[PAGE_CHANGE_CHANGED], changed);
	assert_int_equal(run.changes[PAGE_CHANGE_UNCHANGED], unchanged);
	assert_int_equal(run.changes[PAGE_CHANGE_GONE], gone);
	assert_int_equal(run.changes[PAGE_CHANGE_ABSENT], absent);
	assert_int_equal(run.changes[PAGE_CHANGE_UNKNOWN], unknown);
}

static void
begin(char dir[KIT_PATH_MAX], bool validators)
{
	memset(&site, 0, sizeof(site));
	site.validators = validators;
	kit_scratch(dir);
}

/* ---- tests ---- */

static void
only_what_is_due_is_asked_again(void **state)
{
	const char *const *options =
	    OPTIONS("delay=0", "recrawl=fixed", "recrawl-interval=1d");
	char dir[KIT_PATH_MAX];
	struct sim_run run;

	(void)state;
	begin(dir, true);
	run = round_at(dir, START_US, options);
	assert_int_equal(run.stats.pages, 5);
	assert_int_equal(last_run(dir).round, 1);
	sim_release(&run);

	run = round_at(dir, START_US + 12 * HOUR_US, options);
	assert_int_equal(run.stats.pages, 5); /* of all runs */
	assert_int_equal(last_run(dir).round, 2);
	assert_int_equal(last_run(dir).pages, 0);
	sim_release(&run);

	run = round_at(dir, START_US + 24 * HOUR_US, options);
	assert_int_equal(run.stats.pages, 10);
	assert_int_equal(run.stats.discovered, 5);
	assert_int_equal(run.stats.outcomes[OUTCOME_NOT_MODIFIED], 2);
	assert_int_equal(run.stats.outcomes[OUTCOME_OK], 2);
	assert_int_equal(site.conditional, 2);
	assert_changes(dir, 0, 2, 2, 0, 1, 0);
	sim_release(&run);
	kit_remove(dir);
}

static void
other_intervals_hold_of_all_pages_from_the_next_round_on(void **state)
{
	static const struct {
		int64_t after_min;
		const char *interval;
		uint64_t asked;
	} rounds[] = {{0, "recrawl-interval=1d", 5}, {120, "recrawl-interval=1d", 0},
	    {122, "recrawl-interval=1h", 5}, {150, "recrawl-interval=1h", 0},
	    {183, "recrawl-interval=1h", 5}, {250, "recrawl-interval=30d", 0},
	    {251, "recrawl-interval=1h", 5}, /* a clock that is set back: */
	    {130, "recrawl-interval=1h", 5}, {131, "recrawl-interval=1h", 0},
	    {200, "recrawl-interval=1h", 5}};
	char dir[KIT_PATH_MAX];

	(void)state;
	begin(dir, true);
	for (size_t i = 0; i < sizeof(rounds) / sizeof(rounds[0]); i++) {
		struct sim_run run =
		    round_at(dir, START_US + rounds[i].after_min * 60 * 1000000,
			OPTIONS("delay=0", "recrawl=fixed", rounds[i].interval));

		assert_int_equal(last_run(dir).pages, rounds[i].asked);
		sim_release(&run);
	}
	kit_remove(dir);
}

static void
without_validators_digests_tell_what_has_changed(void **state)
{
	char dir[KIT_PATH_MAX];
	struct sim_run run;

	(void)state;
	begin(dir, false);
	run = round_at(dir, START_US + 3 * HOUR_US, OPTIONS("delay=0"));
	sim_release(&run);
	run = round_at(dir, START_US + 9 * HOUR_US, OPTIONS("delay=0"));
	assert_int_equal(site.conditional, 0);
	assert_int_equal(run.stats.outcomes[OUTCOME_OK], 4);
	assert_changes(
	    dir, 0, 1, 3, 0, 1, 0); /* all are due when nothing else was said */
	sim_release(&run);
	kit_remove(dir);
}

static void
with_revisits_what_came_again_as_it_was_is_duplicate_content(void **state)
{
	const char *const *options = OPTIONS("delay=0", "warc-revisits=yes");
	char dir[KIT_PATH_MAX];
	struct sim_run run;

	(void)state;
	begin(dir, false);
	run = round_at(dir, START_US + 3 * HOUR_US, options);
	assert_int_equal(run.stats.outcomes[OUTCOME_OK], 4);
	sim_release(&run);
	run = round_at(dir, START_US + 9 * HOUR_US, options);
	assert_int_equal(run.stats.outcomes[OUTCOME_OK], 1);
	assert_int_equal(run.stats.outcomes[OUTCOME_DUPLICATE_CONTENT], 3);
	assert_changes(dir, 0, 1, 3, 0, 1, 0);
	sim_release(&run);
	run = round_at(dir, START_US + 10 * HOUR_US, options);
	assert_int_equal(run.stats.outcomes[OUTCOME_OK], 0);
	assert_int_equal(run.stats.outcomes[OUTCOME_DUPLICATE_CONTENT], 4);
	assert_changes(dir, 0, 0, 4, 0, 1, 0);
	sim_release(&run);
	kit_remove(dir);
}

static void
a_page_that_vanishes_fails_moves_or_comes_back_is_told_of_as_that(void **state)
{
	char dir[KIT_PATH_MAX];
	struct sim_run run;
	int64_t at = START_US;

	(void)state;
	begin(dir, true);
	run = round_at(dir, at, OPTIONS("delay=0"));
	sim_release(&run);
	site.failing = true; /* that says nothing of what is there */
	run = round_at(dir, at + 1000000, OPTIONS("delay=0", "retries=0"));
	assert_changes(dir, 0, 0, 3, 0, 1, 1);
	sim_release(&run);
	site.failing = false;
	run = round_at(dir, at + 2000000, OPTIONS("delay=0"));
	assert_changes(dir, 0, 0, 4, 0, 1, 0);
	sim_release(&run);
	site.gone = true;
	run = round_at(dir, at + 3000000, OPTIONS("delay=0"));
	assert_changes(dir, 0, 0, 3, 1, 1, 0);
	sim_release(&run);
	run = round_at(dir, at + 4000000, OPTIONS("delay=0")); /* told once */
	assert_changes(dir, 0, 0, 3, 0, 2, 0);
	sim_release(&run);
	site.gone = false; /* and is asked for whole, or it would not come */
	run = round_at(dir, at + 5000000, OPTIONS("delay=0"));
	assert_changes(dir, 1, 0, 3, 0, 1, 0);
	sim_release(&run);
	site.moved = true;
	run = round_at(dir, at + 6000000, OPTIONS("delay=0"));
	assert_changes(dir, 0, 1, 3, 0, 1, 0);
	sim_release(&run);
	run = round_at(dir, at + 7000000, OPTIONS("delay=0")); /* to the same place */
	assert_changes(dir, 0, 0, 4, 0, 1, 0);
	sim_release(&run);
	kit_remove(dir);
}

/* 15 days, four runs each. */
static void
half_a_month(const char *min, const char *max)
{
	const char *const *options =
	    OPTIONS("delay=0", "recrawl=adaptive", "recrawl-interval=1d", min, max);
	char dir[KIT_PATH_MAX];

	begin(dir, true);
	for (int i = 0; i < 60; i++) {
		struct sim_run run = round_at(dir, START_US + i * 6 * HOUR_US, options);

		sim_release(&run);
	}
	kit_remove(dir);
}

static void
pages_are_asked_as_often_as_they_change(void **state)
{
	(void)state;
	half_a_month("recrawl-min=2h", "recrawl-max=60d");
	assert_in_range(site.often, 40, 60);
	assert_in_range(site.daily, 10, 30);
	assert_in_range(site.never, 4, 6); /* 0, 1, 3, 7 days */
	half_a_month("recrawl-min=12h", "recrawl-max=2d");
	assert_in_range(site.often, 20, 31); /* 30 times half a day */
	assert_in_range(site.never, 8, 9);   /* 0, 1, 3, 5 ... */
}

static void
other_rules_hold_of_pages_that_were_fetched_under_the_old_ones(void **state)
{
	char dir[KIT_PATH_MAX];
	struct sim_run run;

	(void)state;
	begin(dir, true);
	run = round_at(dir, START_US, OPTIONS("delay=0"));
	sim_release(&run);
	/* Another scope: asked whole, for links may be wanted that were not. */
	run = round_at(dir, START_US + HOUR_US, OPTIONS("delay=0", "exclude=/daily"));
	assert_int_equal(site.conditional, 0);
	assert_int_equal(run.stats.outcomes[OUTCOME_OUT_OF_SCOPE], 1);
	assert_int_equal(site.daily, 1);
	assert_changes(dir, 0, 0, 3, 0, 1, 0);
	sim_release(&run);
	/* Robots.txt is asked again after a day, and is obeyed. */
	site.forbidden = true;
	run = round_at(dir, START_US + 3 * DAY_US, OPTIONS("delay=0", "exclude=/daily"));
	assert_int_equal(run.stats.outcomes[OUTCOME_ROBOTS_DENIED], 1);
	assert_int_equal(site.never, 2);
	assert_changes(dir, 0, 1, 1, 0, 1, 1);
	sim_release(&run);
	site.forbidden = false;
	run = round_at(dir, START_US + 6 * DAY_US, OPTIONS("delay=0", "exclude=/daily"));
	assert_int_equal(run.stats.outcomes[OUTCOME_ROBOTS_DENIED], 0);
	assert_int_equal(site.never, 3);
	sim_release(&run);
	kit_remove(dir);
}

static void
what_is_wanted_anew_is_asked_whole_until_it_has_come(void **state)
{
	const char *const *more = OPTIONS("delay=0", "text=yes");
	char dir[KIT_PATH_MAX];
	struct sim_run run;

	(void)state;
	begin(dir, true);
	run = round_at(dir, START_US, OPTIONS("delay=0"));
	assert_int_equal(run.stats.outcomes[OUTCOME_OK], 4);
	sim_release(&run);
	site.refused = true; /* 403: an answer, but without contents */
	run = round_at(dir, START_US + 1000000, more);
	assert_int_equal(site.conditional, 0);
	assert_int_equal(sim_outcome(&run, "http://a.test/never"), OUTCOME_HTTP_4XX);
	sim_release(&run);
	site.refused = false;
	run = round_at(dir, START_US + 2000000, more);
	assert_int_equal(site.conditional, 3);
	assert_int_equal(sim_outcome(&run, "http://a.test/never"), OUTCOME_OK);
	assert_changes(dir, 0, 0, 4, 0, 1, 0);
	sim_release(&run);
	run = round_at(dir, START_US + 3000000, more);
	assert_int_equal(site.conditional, 3 + 4);
	sim_release(&run);
	kit_remove(dir);
}

/* As before it was noted which sinks a run has. */
static void
forget_sinks(const char *dir)
{
	struct store_conf conf = {
	    .dir = dir, .mode = STORE_EXIST, .memory_bytes = 8 << 20};
	struct store_batch *b;
	struct saved saved;
	struct store *s;
	struct why why;

	assert_int_equal(store_open("rocksdb", &conf, &s, &why), 0);
	assert_int_equal(store_batch_new(1 << 16, &b), 0);
	assert_int_equal(saved_get(s, &saved, &why), 0);
	assert_true(saved.sinks != 0);
	saved.sinks = 0;
	saved.fields_hash = saved.reads_hash = 0;
	saved.more_us = 0;
	assert_int_equal(saved_put(b, &saved), 0);
	assert_int_equal(store_apply(s, b, true, &why), 0);
	store_batch_free(b);
	store_close(s);
}

static void
of_what_an_older_trawl_has_kept_nothing_is_taken_for_granted(void **state)
{
	char dir[KIT_PATH_MAX];
	struct sim_run run;

	(void)state;
	begin(dir, true);
	run = round_at(dir, START_US, OPTIONS("delay=0"));
	sim_release(&run);
	forget_sinks(dir);
	run = round_at(dir, START_US + 1000000, OPTIONS("delay=0", "text=yes"));
	assert_int_equal(site.conditional, 0);
	assert_int_equal(run.stats.outcomes[OUTCOME_OK], 4);
	sim_release(&run);
	run = round_at(dir, START_US + 2000000, OPTIONS("delay=0", "text=yes"));
	assert_int_equal(site.conditional, 4);
	sim_release(&run);
	kit_remove(dir);
}

static void
links_that_are_read_by_other_options_are_found_in_pages_that_have_not_changed(
    void **state)
{
	static const char *const other[] = {"sitemaps=no", "sitemap-extras=yes",
	    "speculative=yes", "max-links=7", "sort-query=yes", "strip-session-ids=yes",
	    "strip-tracking=yes", "mirror-links=keep", "mirror-max-file=5000",
	    "csv-columns=url", "robots=ignore"};
	int64_t at = START_US;
	char dir[KIT_PATH_MAX];
	struct sim_run run;

	(void)state;
	begin(dir, true);
	site.nofollow = true;
	run = round_at(dir, at, OPTIONS("delay=0"));
	assert_int_equal(run.stats.discovered, 1);
	sim_release(&run);
	run = round_at(dir, at += 1000000, OPTIONS("delay=0", "nofollow=none"));
	assert_int_equal(run.stats.discovered, 5);
	assert_int_equal(site.conditional, 0);
	sim_release(&run);
	run = round_at(dir, at += 1000000, OPTIONS("delay=0"));
	sim_release(&run);
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		const char *const *options = OPTIONS("delay=0", other[i]);

		site.conditional = 0;
		run = round_at(dir, at += 1000000, options);
		assert_int_equal(site.conditional, 0);
		sim_release(&run);
		run = round_at(dir, at += 1000000, options);
		assert_int_equal(site.conditional, 4);
		sim_release(&run);
		run = round_at(dir, at += 1000000, OPTIONS("delay=0"));
		assert_int_equal(site.conditional, 4);
		sim_release(&run);
	}
	kit_remove(dir);
}

static void
budgets_are_those_of_a_round_and_what_is_left_waits_for_the_next(void **state)
{
	const char *const *options = OPTIONS("delay=0", "max-pages=3");
	char dir[KIT_PATH_MAX];
	struct sim_run run = {.dir = dir, .wall_us = START_US};

	(void)state;
	begin(dir, true);
	sim_web_reset(script, NULL);
	site.wall_us = START_US;
	sim_crawl(&run, "http://a.test/", options);
	assert_int_equal(run.end, CRAWL_PAGES);
	assert_int_equal(run.stats.pages, 3);
	sim_release(&run);
	run = (struct sim_run){.dir = dir, .again = true, .wall_us = START_US + DAY_US};
	sim_web_reset(script, NULL);
	sim_crawl(&run, "http://a.test/", options);
	assert_int_equal(run.end, CRAWL_PAGES);
	assert_int_equal(run.stats.pages, 6);
	assert_int_equal(run.stats.queued, 2);
	assert_int_equal(last_run(dir).round, 2);
	sim_release(&run);
	kit_remove(dir);
}

static void
what_was_stopped_is_gone_on_with_in_its_round(void **state)
{
	char dir[KIT_PATH_MAX];
	struct sim_run run;
	uint64_t n = 0;

	(void)state;
	begin(dir, false);
	run = round_at(dir, START_US, OPTIONS("delay=0"));
	sim_release(&run);
	for (int i = 0; i < 10; i++) {
		struct saved_run last;

		site.wall_us = START_US + DAY_US + i * 1000000;
		run = (struct sim_run){.dir = dir,
		    .again = true,
		    .wall_us = site.wall_us,
		    .stop_at_ms = 12,
		    .stop_at_once = true};
		sim_web_reset(script, NULL);
		sim_crawl(&run, "http://a.test/", OPTIONS("delay=0"));
		last = last_run(dir);
		assert_int_equal(last.round, 2);
		for (int c = 0; c < PAGE_CHANGE_MAX; c++)
			n += last.changes[c];
		if (run.end == CRAWL_DONE)
			break;
		assert_int_equal(run.end, CRAWL_STOPPED);
		sim_release(&run);
	}
	assert_int_equal(run.end, CRAWL_DONE);
	assert_int_equal(n, 5); /* each once, over the runs of the round */
	sim_release(&run);
	kit_remove(dir);
}

/* ---- kills ---- */

struct sums {
	uint32_t rounds;
	uint64_t changes[PAGE_CHANGE_MAX]; /* of all rounds */
	int differences;
	uint8_t end;
};

static int
add_run(void *ctx, const struct saved_run *run)
{
	struct sums *s = ctx;

	s->rounds = run->round;
	s->end = run->end;
	for (int c = 0; c < PAGE_CHANGE_MAX; c++)
		s->changes[c] += run->changes[c];
	return 0;
}

static void
on_difference(void *ctx, const char *sentence)
{
	(void)ctx;
	print_error("%s\n", sentence);
}

static void
sum_up(const char *dir, struct sums *ret)
{
	struct inspect *in;
	struct why why = {""};
	struct job job;

	memset(ret, 0, sizeof(*ret));
	if (job_init(&job) < 0 || inspect_open(dir, &job, START_US, &in, &why) < 0)
		_exit(2);
	if (inspect_runs(in, add_run, ret, &why) < 0)
		_exit(2);
	ret->differences = inspect_verify(in, on_difference, NULL, &why);
	inspect_close(in);
	job_release(&job);
}

/* In children alone: a store's threads are not there after fork(). */
static int
in_child(void (*fn)(const char *dir, uint64_t n, struct sums *sums), const char *dir,
    uint64_t n, struct sums *sums)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		fn(dir, n, sums);
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* Now with what is due in the order of time, now without. */
static const char *const *
by_time(uint64_t n)
{
	static const char *const with[] = {
	    "delay=0", "recrawl=fixed", "recrawl-interval=1h", NULL};
	static const char *const without[] = {"delay=0", NULL};

	return n % 2 == 1 ? with : without;
}

static void
killed_round(const char *dir, uint64_t n, struct sums *sums)
{
	struct fault_plan plan = {.kill = n, .seed = n};
	struct sim_run run;

	(void)sums;
	run = round_at(dir, START_US, by_time(n));
	sim_release(&run);
	(void)snprintf(plan.dir, sizeof(plan.dir), "%s", dir);
	if (fault_start(&plan, NULL) < 0)
		_exit(2);
	site.gone = true;
	run = round_at(dir, START_US + DAY_US, by_time(n));
	fault_stop();
	sim_release(&run);
}

/* What was killed is gone on with, unless it had ended or was killed before it began. */
static void
rest(const char *dir, uint64_t n, struct sums *sums)
{
	struct sim_run run;

	site.gone = true;
	sum_up(dir, sums);
	if (sums->rounds == 1 || sums->end == SAVED_RUNNING) {
		run = round_at(dir, START_US + 2 * DAY_US, by_time(n));
		sim_release(&run);
	}
	sum_up(dir, sums);
}

/* Nothing was forgotten. */
static void
next_round(const char *dir, uint64_t n, struct sums *sums)
{
	struct sim_run run;

	site.gone = true;
	run = round_at(dir, START_US + 5 * DAY_US, by_time(n));
	assert_int_equal(run.stats.queued, 0);
	sim_release(&run);
	sum_up(dir, sums);
}

static void
a_kill_at_any_step_of_a_round_loses_nothing_and_does_nothing_twice(void **state)
{
	struct sums *sums = mmap(NULL, sizeof(*sums), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t kills = 0;
	int end = -SIGKILL;

	(void)state;
	assert_true(sums != MAP_FAILED);
	for (uint64_t n = 1; end == -SIGKILL && n < 10000; n += 9) {
		char dir[KIT_PATH_MAX];

		begin(dir, true);
		end = in_child(killed_round, dir, n, sums);
		assert_true(end == 0 || end == -SIGKILL);
		kills += end != 0;
		assert_int_equal(in_child(rest, dir, n, sums), 0);
		assert_int_equal(sums->rounds, 2);
		assert_int_equal(sums->differences, 0);
		assert_int_equal(
		    sums->changes[PAGE_CHANGE_GONE] + sums->changes[PAGE_CHANGE_ABSENT],
		    2);
		assert_int_equal(sums->changes[PAGE_CHANGE_CHANGED] +
				     sums->changes[PAGE_CHANGE_UNCHANGED],
		    3);
		assert_int_equal(sums->changes[PAGE_CHANGE_UNKNOWN], 0);
		assert_int_equal(sums->changes[PAGE_CHANGE_NEW], 0);
		assert_int_equal(in_child(next_round, dir, n, sums), 0);
		assert_int_equal(sums->rounds, 3);
		assert_int_equal(sums->differences, 0);
		assert_int_equal(sums->changes[PAGE_CHANGE_CHANGED] +
				     sums->changes[PAGE_CHANGE_UNCHANGED] +
				     sums->changes[PAGE_CHANGE_GONE] +
				     sums->changes[PAGE_CHANGE_ABSENT],
		    10);
		kit_remove(dir);
	}
	assert_true(kills > 5);
	(void)munmap(sums, sizeof(*sums));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    /* The first: no store was open in this process. */
	    cmocka_unit_test(
		a_kill_at_any_step_of_a_round_loses_nothing_and_does_nothing_twice),
	    cmocka_unit_test(only_what_is_due_is_asked_again),
	    cmocka_unit_test(other_intervals_hold_of_all_pages_from_the_next_round_on),
	    cmocka_unit_test(without_validators_digests_tell_what_has_changed),
	    cmocka_unit_test(
		with_revisits_what_came_again_as_it_was_is_duplicate_content),
	    cmocka_unit_test(
		a_page_that_vanishes_fails_moves_or_comes_back_is_told_of_as_that),
	    cmocka_unit_test(pages_are_asked_as_often_as_they_change),
	    cmocka_unit_test(
		other_rules_hold_of_pages_that_were_fetched_under_the_old_ones),
	    cmocka_unit_test(what_is_wanted_anew_is_asked_whole_until_it_has_come),
	    cmocka_unit_test(
		of_what_an_older_trawl_has_kept_nothing_is_taken_for_granted),
	    cmocka_unit_test(
		links_that_are_read_by_other_options_are_found_in_pages_that_have_not_changed),
	    cmocka_unit_test(
		budgets_are_those_of_a_round_and_what_is_left_waits_for_the_next),
	    cmocka_unit_test(what_was_stopped_is_gone_on_with_in_its_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
