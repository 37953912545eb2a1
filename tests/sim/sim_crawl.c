#include "sim_crawl.h"
#include "loop/loop.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct sim {
	struct sim_run *run;
	int *running; /* crawls in this loop */
	int64_t began_ms;
	struct loop *loop;
	struct crawl *crawl;
	struct timer stop;
};

/* What it came to has its time, and nothing else has one. */
static void
check_stages(const struct crawl_event *e)
{
	bool answered = e->fetch->status != 0;

	for (size_t i = 0; i < CRAWL_STAGE_MAX; i++)
		assert_true(e->stage_us[i] >= -1);
	assert_int_equal(e->stage_us[CRAWL_STAGE_DNS], -1);
	assert_true(e->stage_us[CRAWL_STAGE_STORE] >= 0);
	assert_int_equal(e->stage_us[CRAWL_STAGE_FIRST_BYTE] >= 0,
	    e->stage_us[CRAWL_STAGE_DOWNLOAD] >= 0);
	if (e->stage_us[CRAWL_STAGE_PARSE] >= 0)
		assert_true(answered && e->stage_us[CRAWL_STAGE_PARSE_QUEUE] >= 0);
	if (e->fetch->response)
		assert_true(e->stage_us[CRAWL_STAGE_FIRST_BYTE] >= 0 &&
			    e->stage_us[CRAWL_STAGE_PARSE] >= 0);
}

static void
on_event(void *ctx, const struct crawl_event *e)
{
	struct sim *s = ctx;
	struct sim_ended *d;

	check_stages(e);
	assert_true(s->run->ended_len < SIM_ENDED_MAX);
	if (e->fetch->internal)
		return;
	d = &s->run->ended[s->run->ended_len++];
	(void)snprintf(d->url, sizeof(d->url), SLICE_FMT, SLICE_ARG(e->fetch->url));
	d->outcome = e->fetch->outcome;
	d->final = e->fetch->final;
	d->attempts = e->fetch->attempts;
	d->depth = e->fetch->depth;
	if (e->fetch->final)
		crawl_check(s->crawl);
}

static void
on_end(void *ctx, enum crawl_end end)
{
	struct sim *s = ctx;

	s->run->end = end;
	s->run->took_ms = loop_now_ms(s->loop) - s->began_ms;
	crawl_check(s->crawl);
	crawl_stats(s->crawl, &s->run->stats);
	if (--*s->running == 0)
		loop_stop(s->loop);
}

static void
on_stop(void *ctx)
{
	struct sim *s = ctx;

	crawl_stop(s->crawl, s->run->stop_at_once);
}

static void
set_options(struct options *o, const char *const *options)
{
	for (; options != NULL && *options != NULL; options++) {
		struct slice rest = slice_cstr(*options), flag;
		const struct option_row *row;
		struct why why;
		bool off;

		assert_true(slice_cut(&rest, '=', &flag));
		row = option_by_flag(flag, &off);
		assert_non_null(row);
		assert_int_equal(option_set(o, row, rest, &why), 0);
	}
}

/* What no crawl may ever break, whatever the web does. */
static void
check_run(const struct sim_run *run)
{
	const struct frontier_stats *f = &run->stats.frontier;
	uint64_t ms = f->transfer_ms;

	for (int c = 0; c < WAIT_CAUSE_MAX; c++)
		ms += f->wait_ms[c];
	assert_int_equal(ms, f->life_ms);
	if (!run->may_idle)
		assert_int_equal(run->stats.idle_alarms, 0);
	assert_false(run->deadlock);
	if (run->end == CRAWL_DONE) {
		assert_int_equal(run->stats.queued, 0);
		assert_int_equal(run->stats.in_flight, 0);
	}
}

static void
make_job(struct job *job, const struct sim_run *run, const char *seed,
    const char *const *options)
{
	struct why why = {""};

	assert_int_equal(job_init(job), 0);
	assert_int_equal(job_add_seed(job, slice_cstr(seed), &why), 0);
	for (const char *const *s = run->more_seeds; s != NULL && *s != NULL; s++)
		assert_int_equal(job_add_seed(job, slice_cstr(*s), &why), 0);
	assert_int_equal(job_set_name(job, SLICE_LIT("sim"), &why), 0);
	set_options(&job->options, options);
	assert_int_equal(job_tidy_seeds(job), 0);
}

static void
begin(struct sim *s, struct engine *engine, const struct job *job)
{
	struct sim_run *run = s->run;
	struct crawl_conf conf = {.job = job,
	    .dir = run->dir,
	    .resume = run->resume,
	    .again = run->again,
	    .random_seed = run->random_seed == 0 ? 42 : run->random_seed,
	    .ctx = s,
	    .on_end = on_end};

	run->err = crawl_start(engine, &conf, &s->crawl, &run->why);
	if (run->err < 0) {
		if (!run->may_fail)
			fail_msg("crawl: %s", run->why.text);
		return;
	}
	assert_int_equal(crawl_subscribe(s->crawl, CRAWL_EVENT_FETCH, on_event, s), 0);
	timer_init(&s->stop, s->loop, on_stop, s);
	if (run->stop_at_ms > 0 && timer_start(&s->stop, run->stop_at_ms) < 0)
		assert_true(run->may_fail);
	++*s->running;
	s->began_ms = loop_now_ms(s->loop);
}

static void
finish(struct sim *s)
{
	struct sim_run *run = s->run;

	timer_stop(&s->stop);
	(void)snprintf(run->why.text, sizeof(run->why.text), "%s", crawl_why(s->crawl));
	crawl_free(s->crawl);
}

static void
play(struct sim *s, struct engine *engine, const struct job *job)
{
	int running = 0;

	s->running = &running;
	begin(s, engine, job);
	if (s->run->err < 0)
		return;
	s->run->deadlock = loop_run(s->loop) < 0;
	finish(s);
}

void
sim_crawls(
    struct sim_run *runs, const char *const *seeds, size_t n, const char *const *options)
{
	struct sim s[SIM_CRAWLS_MAX] = {{NULL}};
	struct job jobs[SIM_CRAWLS_MAX];
	struct engine *engine;
	struct why why = {""};
	struct loop *loop;
	bool deadlock;
	int running = 0;

	assert_true(n <= SIM_CRAWLS_MAX);
	assert_int_equal(loop_new_virtual(1700000000000000, &loop), 0);
	for (size_t i = 0; i < n; i++) {
		s[i] = (struct sim){.run = &runs[i], .running = &running, .loop = loop};
		runs[i].ended = calloc(SIM_ENDED_MAX, sizeof(*runs[i].ended));
		assert_non_null(runs[i].ended);
		make_job(&jobs[i], &runs[i], seeds[i], options);
	}
	if (engine_new(loop, NULL, &jobs[0].options, &engine, &why) < 0)
		fail_msg("engine: %s", why.text);
	for (size_t i = 0; i < n; i++)
		begin(&s[i], engine, &jobs[i]);
	deadlock = loop_run(loop) < 0;
	for (size_t i = 0; i < n; i++) {
		runs[i].deadlock = deadlock;
		finish(&s[i]);
		job_release(&jobs[i]);
		check_run(&runs[i]);
	}
	engine_free(engine);
	loop_free(loop);
	assert_int_equal(sim_web.running, 0);
}

void
sim_crawl(struct sim_run *run, const char *seed, const char *const *options)
{
	int64_t wall_us = run->wall_us == 0 ? 1700000000000000 : run->wall_us;
	struct sim s = {.run = run};
	struct engine *engine;
	struct job job;
	struct why why = {""};

	run->ended = calloc(SIM_ENDED_MAX, sizeof(*run->ended));
	assert_non_null(run->ended);
	make_job(&job, run, seed, options);
	assert_int_equal(loop_new_virtual(wall_us, &s.loop), 0);
	if (engine_new(s.loop, NULL, &job.options, &engine, &why) < 0)
		fail_msg("engine: %s", why.text);
	if (run->work != NULL)
		run->work(run, true);
	play(&s, engine, &job);
	if (run->work != NULL)
		run->work(run, false);
	engine_free(engine);
	loop_free(s.loop);
	job_release(&job);
	assert_int_equal(sim_web.running, 0);
	if (run->err == 0)
		check_run(run);
}

void
sim_release(struct sim_run *run)
{
	free(run->ended);
	free(sim_web.requests);
	sim_web.requests = NULL;
}

enum outcome
sim_outcome(const struct sim_run *run, const char *url)
{
	for (size_t i = 0; i < run->ended_len; i++)
		if (run->ended[i].final && strcmp(run->ended[i].url, url) == 0)
			return run->ended[i].outcome;
	return OUTCOME_NONE;
}
