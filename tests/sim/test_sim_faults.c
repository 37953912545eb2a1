/*
 * Whole crawls with faults: each seed is a scene (a web, options) and some rounds.  A round
 * is a child that begins or resumes the crawl and has one fault, or a stop, or a budget; the
 * last one has none.  Then the judge looks at what is there.
 *
 *   test_sim_faults                                      300 seeds ($SEEDS), 20 of --power
 *   test_sim_faults --seeds N [--from N] [--power] [--jobs N]     as many
 *   test_sim_faults --seed N [--power] [--keep]          one, and what it does
 *
 * --power: the only faults are power losses, one in each round but the last.
 *
 * Time goes on from round to round: `clock_ms` is the true time, in which the requests of
 * all rounds are logged; what the crawl takes for the time may be wrong.
 */
#include "../fault/fault.h"
#include "../unit/files_kit.h"
#include "sim_crawl.h"
#include "sim_judge.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	ROUNDS_MAX = 6,
	SEEDS_DEFAULT = 300,
	POWER_SEEDS = 20,
	JOBS_MAX = 16,
	ROUND_SECONDS_MAX = 300
};
#define WALL_US      INT64_C(1700000000000000)
#define HOUR_MS      INT64_C(3600000)
#define LOOP_ZERO_MS 1000 /* what a virtual loop's clock begins with */

/* ---- what is to be done ---- */

struct round {
	struct fault_plan plan;
	int64_t stop_at_ms;
	bool stop_at_once;
	char budget[32]; /* an option; "": none */
	char
	    change[32]; /* another, that changes nothing of what must come of it; or "" */
	bool power_off; /* when it has ended, however it did */
	int64_t pause_ms, skew_ms;
};

static struct {
	uint64_t seed, seeds, from;
	unsigned jobs;
	bool one, power, keep;
} args;

/* Shared by all: what came to pass. */
static struct tally {
	_Atomic uint64_t seeds, failed, rounds, kills, losses, faults;
} * tally;

static void
draw_call(uint64_t *random, struct fault_plan *p)
{
	static const struct {
		enum fault_call call;
		uint64_t n_max;
		int errs[4]; /* 0 at the end */
	} calls[] = {{FAULT_WRITE, 2000, {EIO, ENOSPC, FAULT_SHORT, EINTR}},
	    {FAULT_FSYNC, 800, {EIO, ENOSPC}}, {FAULT_OPEN, 60, {EIO, EMFILE, ENOSPC}},
	    {FAULT_RENAME, 20, {EIO, ENOSPC}}, {FAULT_TRUNCATE, 30, {EIO}},
	    {FAULT_UNLINK, 20, {EIO}}, {FAULT_MKDIR, 4, {EIO, ENOSPC}},
	    {FAULT_MALLOC, 30000, {ENOMEM}}};
	static const uint8_t order[] = {0, 0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 7, 7, 7};
	uint64_t which = order[scene_draw(random, sizeof(order))];
	struct fault_nth *nth = &p->nth[calls[which].call];
	bool may_last;
	int n = 0;

	while (n < 4 && calls[which].errs[n] != 0)
		n++;
	nth->n = scene_draw_size(random, calls[which].n_max);
	nth->err = calls[which].errs[scene_draw(random, (uint64_t)n)];
	/* An interrupted call is made again for ever, and a page that finds no memory twice
	 * is archived without its links. */
	may_last = calls[which].call != FAULT_MALLOC && nth->err != EINTR;
	nth->times = may_last && scene_draw(random, 4) == 0 ? UINT64_MAX : 1;
}

/* What people may change from run to run. */
static void
draw_change(uint64_t *random, char *ret, size_t max)
{
	switch (scene_draw(random, 5)) {
	case 0:
		(void)snprintf(
		    ret, max, "concurrency=%d", 1 + (int)scene_draw(random, 30));
		break;
	case 1:
		(void)snprintf(
		    ret, max, "commit-interval=%dms", 10 + (int)scene_draw(random, 3000));
		break;
	case 2:
		(void)snprintf(
		    ret, max, "commit-size=%dKiB", 64 << scene_draw(random, 4));
		break;
	case 3:
		(void)snprintf(ret, max, "warc-size=%dKiB", 64 << scene_draw(random, 4));
		break;
	default:
		(void)snprintf(ret, max, "retries=%d", 4 + (int)scene_draw(random, 3));
		break;
	}
}

static void
draw_round(uint64_t *random, struct round *r)
{
	static const int64_t pauses[] = {0, 10, 1000, 60000, 2 * HOUR_MS};
	uint64_t what = args.power ? 1 : scene_draw(random, 12);

	*r = (struct round){.plan = {.seed = scene_random(random)}};
	r->pause_ms = pauses[scene_draw(random, 5)];
	if (scene_draw(random, 10) == 0)
		r->skew_ms = HOUR_MS * ((int64_t)scene_draw(random, 60) - 30);
	r->power_off = what > 1 && scene_draw(random, 8) == 0;
	if (what == 0 || what == 2 || what == 3)
		r->plan.kill = scene_draw_size(random, 3000);
	else if (what == 1 || what == 4)
		r->plan.power = scene_draw_size(random, 3000);
	else if (what == 5)
		r->stop_at_ms = (int64_t)scene_draw_size(random, 400000);
	else if (what == 6)
		(void)snprintf(r->budget, sizeof(r->budget), "max-pages=%d",
		    (int)scene_draw_size(random, 100));
	else
		draw_call(random, &r->plan);
	r->stop_at_once = scene_draw(random, 2) == 0;
	if (scene_draw(random, 3) == 0)
		draw_change(random, r->change, sizeof(r->change));
	if (what == 5 && scene_draw(random, 3) == 0)
		(void)snprintf(r->budget, sizeof(r->budget), "max-time=%dms",
		    (int)scene_draw_size(random, 400000));
}

/* ---- a run ---- */

/* Shared by the rounds of a seed and their parent. */
struct shared {
	struct fault_counts counts;
	struct sim_request requests[SIM_REQUESTS_MAX];
	bool ended; /* the round below came to its end */
	int err;
	enum crawl_end end;
	struct crawl_totals totals;
	struct why why;
};

struct seed {
	uint64_t seed;
	struct scene scene;
	struct round rounds[ROUNDS_MAX];
	size_t rounds_len;
	char whole[KIT_PATH_MAX], dir[KIT_PATH_MAX + 8], undo[KIT_PATH_MAX + 8];
	struct shared *shared;
	int64_t clock_ms;
	size_t began[ROUNDS_MAX]; /* of each round, its first request */
	char failed[512];         /* why */
};

__attribute__((format(printf, 2, 3))) static void
failed(struct seed *s, const char *format, ...)
{
	va_list ap;

	if (s->failed[0] != '\0')
		return;
	va_start(ap, format);
	(void)vsnprintf(s->failed, sizeof(s->failed), format, ap);
	va_end(ap);
}

static void
on_own(bool begins)
{
	if (begins)
		fault_pause();
	else
		fault_resume();
}

struct player {
	struct seed *seed;
	struct round *round;
};

static void
on_work(struct sim_run *run, bool begins)
{
	struct player *p = run->ctx;

	if (begins)
		assert_int_equal(
		    fault_start(&p->round->plan, &p->seed->shared->counts), 0);
	else
		fault_stop();
}

/* In a child. */
static void __attribute__((noreturn)) play_round(struct seed *s, size_t i)
{
	struct round *round = &s->rounds[i];
	struct player player = {s, round};
	uint32_t n = s->scene.options_len;
	const char *options[SCENE_OPTIONS_MAX + 3], *seeds[SCENE_SEEDS_MAX + 1] = {NULL};
	struct sim_run run = {.dir = s->dir,
	    .resume = i > 0,
	    .more_seeds = seeds,
	    .random_seed = s->seed * 1000 + i + 1,
	    .wall_us = WALL_US + (s->clock_ms + round->skew_ms) * 1000,
	    .stop_at_ms = round->stop_at_ms,
	    .stop_at_once = round->stop_at_once,
	    .work = on_work,
	    .may_fail = true,
	    .ctx = &player};

	(void)alarm(ROUND_SECONDS_MAX);
	memcpy(options, s->scene.options, sizeof(s->scene.options));
	if (round->budget[0] != '\0')
		options[n++] = round->budget;
	if (round->change[0] != '\0')
		options[n++] = round->change;
	options[n] = NULL;
	for (uint32_t k = 1; k < s->scene.seeds_len; k++)
		seeds[k - 1] = s->scene.pages[s->scene.seeds[k]].url;
	sim_web_reset(scene_answer, &s->scene);
	sim_web_share(s->shared->requests);
	sim_web.base_ms = s->clock_ms - LOOP_ZERO_MS;
	sim_web.own = on_own;
	(void)snprintf(round->plan.dir, sizeof(round->plan.dir), "%s", s->dir);
	(void)snprintf(round->plan.undo, sizeof(round->plan.undo), "%s", s->undo);
	round->plan.log = args.one;
	sim_crawl(&run, s->scene.pages[s->scene.seeds[0]].url, options);
	s->shared->err = run.err;
	s->shared->end = run.end;
	s->shared->why = run.why;
	s->shared->totals = run.stats.totals;
	s->shared->ended = true;
	_exit(0);
}

/* ---- its end ---- */

static size_t
requests_len(const struct seed *s)
{
	size_t n = s->began[s->rounds_len - 1];

	while (n < SIM_REQUESTS_MAX && s->shared->requests[n].url[0] != '\0')
		n++;
	return n;
}

/* The true time: not before anything that happened.  What was under way is over. */
static void
pass_time(struct seed *s, size_t round)
{
	size_t from = s->began[round], n = from;

	for (; n < SIM_REQUESTS_MAX && s->shared->requests[n].url[0] != '\0'; n++) {
		const struct sim_request *r = &s->shared->requests[n];

		if (r->began_ms > s->clock_ms)
			s->clock_ms = r->began_ms;
		if (r->ended_ms > s->clock_ms)
			s->clock_ms = r->ended_ms;
	}
	for (size_t i = from; i < n; i++)
		if (s->shared->requests[i].ended_ms < 0)
			s->shared->requests[i].ended_ms = s->clock_ms;
	if (round + 1 < s->rounds_len)
		s->began[round + 1] = n;
	s->clock_ms += s->rounds[round].pause_ms;
}

static bool
is_own_end(enum crawl_end e)
{
	return e == CRAWL_DONE || e == CRAWL_STOPPED || e == CRAWL_PAGES ||
	       e == CRAWL_TIME;
}

static void
look_at_end(struct seed *s, size_t i, int status)
{
	const struct shared *sh = s->shared;
	bool fired = sh->counts.fired > 0, last = i + 1 == s->rounds_len;

	tally->rounds++;
	if (s->rounds[i].plan.power > 0 || s->rounds[i].power_off)
		tally->losses += fired || s->rounds[i].power_off;
	else if (WIFSIGNALED(status))
		tally->kills++;
	else
		tally->faults += fired;
	if (WIFSIGNALED(status)) {
		if (WTERMSIG(status) != SIGKILL || !fired)
			failed(
			    s, "round %zu: killed by signal %d", i + 1, WTERMSIG(status));
	} else if (WEXITSTATUS(status) != 0 || !sh->ended) {
		failed(s, "round %zu: exit status %d", i + 1, WEXITSTATUS(status));
	} else if (sh->err < 0) {
		if (!fired)
			failed(s, "round %zu: does not start: %s", i + 1, sh->why.text);
	} else if (!is_own_end(sh->end)) {
		if (!fired)
			failed(s, "round %zu: %s: %s", i + 1, crawl_end_text(sh->end),
			    sh->why.text);
	}
	if (last && (sh->err < 0 || sh->end != CRAWL_DONE))
		failed(s, "the last round did not end: %s", sh->why.text);
}

static void
tell_round(const struct seed *s, size_t i, int status)
{
	const struct round *r = &s->rounds[i];
	const struct shared *sh = s->shared;
	char plan[256];

	fault_text(&r->plan, plan, sizeof(plan));
	(void)printf("# round %zu: %s %s %s", i + 1, plan, r->budget, r->change);
	if (r->stop_at_ms > 0)
		(void)printf(" stop after %lld ms%s", (long long)r->stop_at_ms,
		    r->stop_at_once ? " at once" : "");
	(void)printf("\n#   %llu steps, %llu allocations, fired %llu; ",
	    (unsigned long long)sh->counts.steps,
	    (unsigned long long)sh->counts.calls[FAULT_MALLOC],
	    (unsigned long long)sh->counts.fired);
	if (WIFSIGNALED(status))
		(void)printf("signal %d", WTERMSIG(status));
	else if (sh->err < 0)
		(void)printf("did not start: %s", sh->why.text);
	else
		(void)printf("%s %s; %llu of %llu URLs left", crawl_end_text(sh->end),
		    sh->why.text, (unsigned long long)sh->totals.queued,
		    (unsigned long long)sh->totals.discovered);
	(void)printf("%s\n", r->power_off ? "; then the power went off" : "");
}

static void
run_round(struct seed *s, size_t i)
{
	pid_t pid;
	int status;

	memset(&s->shared->counts, 0, sizeof(s->shared->counts));
	s->shared->ended = false;
	s->shared->err = 0;
	s->shared->why.text[0] = '\0';
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0)
		play_round(s, i);
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		failed(s, "cannot fork: %s", strerror(errno));
		return;
	}
	look_at_end(s, i, status);
	if (args.one)
		tell_round(s, i, status);
	if (s->rounds[i].power_off &&
	    fault_power_loss(
		s->undo, s->dir, s->rounds[i].plan.seed, args.one ? stdout : NULL) < 0)
		failed(s, "the power loss failed");
	pass_time(s, i);
}

/* ---- a seed ---- */

static void
make_seed(struct seed *s, uint64_t seed)
{
	uint64_t random = seed ^ 0x5eed;
	const char *tmp = getenv("TMPDIR");

	*s = (struct seed){.seed = seed};
	assert_int_equal(scene_make(seed, &s->scene), 0);
	s->rounds_len = 2 + scene_draw(&random, ROUNDS_MAX - 1);
	for (size_t i = 0; i + 1 < s->rounds_len; i++)
		draw_round(&random, &s->rounds[i]);
	s->clock_ms = LOOP_ZERO_MS;
	/* Memory, if there is any that looks like a disk. */
	(void)snprintf(s->whole, sizeof(s->whole), "%s/trawl-sim-XXXXXX",
	    tmp != NULL                     ? tmp
	    : access("/dev/shm", W_OK) == 0 ? "/dev/shm"
					    : "/tmp");
	assert_non_null(mkdtemp(s->whole));
	(void)snprintf(s->dir, sizeof(s->dir), "%s/dir", s->whole);
	(void)snprintf(s->undo, sizeof(s->undo), "%s/undo", s->whole);
	assert_int_equal(mkdir(s->dir, 0755), 0);
	s->shared = mmap(NULL, sizeof(*s->shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(s->shared != MAP_FAILED);
}

static void
judge(struct seed *s)
{
	bool across = true;
	struct why why = {""};
	int r;

	for (size_t i = 0; i < s->rounds_len; i++)
		across = across && s->rounds[i].skew_ms == 0;
	r = judge_dir(&s->scene, s->dir, &s->shared->totals, &why);
	if (r == 0)
		r = judge_politeness(&s->scene, s->shared->requests, requests_len(s),
		    s->began, s->rounds_len, across, &why);
	if (r < 0 && why.text[0] == '\0')
		(void)why_set(&why, r, "%s", strerror(-r));
	s->shared->why = why;
}

/* In a child, too: RocksDB's threads must not be there when the next one is forked. */
static void
judge_apart(struct seed *s)
{
	int status = -1;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		judge(s);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		failed(s, "the judge died: %d", status);
	else if (s->shared->why.text[0] != '\0')
		failed(s, "%s", s->shared->why.text);
}

/* The last of them say where it was, when it did not end. */
static void
tell_requests(const struct seed *s)
{
	size_t n = requests_len(s);

	for (size_t i = n < 10 ? 0 : n - 10; i < n; i++) {
		const struct sim_request *r = &s->shared->requests[i];

		(void)printf("# asked at %lld to %lld ms: %s\n", (long long)r->began_ms,
		    (long long)r->ended_ms, r->url);
	}
}

static bool
run_seed(uint64_t seed)
{
	struct seed *s = malloc(sizeof(*s));
	bool good;

	assert_non_null(s);
	make_seed(s, seed);
	for (size_t i = 0; args.one && s->scene.options[i] != NULL; i++)
		(void)printf("# --%s\n", s->scene.options[i]);
	for (size_t i = 0; i < s->rounds_len && s->failed[0] == '\0'; i++)
		run_round(s, i);
	if (s->failed[0] == '\0')
		judge_apart(s);
	good = s->failed[0] == '\0';
	if (!good)
		(void)printf(
		    "seed %llu: %s\n  again: tests/sim/test_sim_faults%s --seed %llu\n",
		    (unsigned long long)seed, s->failed, args.power ? " --power" : "",
		    (unsigned long long)seed);
	if (!good && args.one)
		tell_requests(s);
	if (args.keep)
		(void)printf("# %s\n", s->whole);
	else
		kit_remove(s->whole);
	(void)munmap(s->shared, sizeof(*s->shared));
	scene_release(&s->scene);
	free(s);
	return good;
}

/* ---- all ---- */

/* Every jobs-th seed of `n`, in a child. */
static void
run_share(unsigned job, uint64_t n)
{
	for (uint64_t i = job; i < n; i += args.jobs) {
		tally->failed += !run_seed(args.from + i);
		tally->seeds++;
	}
}

/* How many failed.  A child that dies leaves seeds undone: they count, too. */
static uint64_t
run_all(uint64_t n, bool power)
{
	*tally = (struct tally){0};
	args.power = power;
	for (unsigned i = 0; i < args.jobs; i++) {
		(void)fflush(stdout);
		if (fork() == 0) {
			run_share(i, n);
			(void)fflush(stdout);
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
	tally->failed += n - tally->seeds;
	(void)printf(
	    "# %llu crawls in %llu runs%s: %llu kills, %llu power losses, %llu with "
	    "failed calls\n",
	    (unsigned long long)tally->seeds, (unsigned long long)tally->rounds,
	    power ? " with power losses" : "", (unsigned long long)tally->kills,
	    (unsigned long long)tally->losses, (unsigned long long)tally->faults);
	return tally->failed;
}

static int
tell(uint64_t n, uint64_t bad)
{
	(void)printf("# tests: %llu passed, %llu failed, 0 skipped\n",
	    (unsigned long long)(n - bad), (unsigned long long)bad);
	return bad > 0;
}

static uint64_t
number(const char *text)
{
	char *end;
	uint64_t n = text == NULL ? 0 : strtoull(text, &end, 10);

	if (text == NULL || *text == '\0' || *end != '\0') {
		(void)fprintf(stderr, "not a number: %s\n", text == NULL ? "" : text);
		exit(2);
	}
	return n;
}

static void
read_args(char **argv)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	args.from = 1;
	args.jobs = cores > 1 ? (unsigned)cores : 1;
	for (; *argv != NULL; argv++) {
		if (strcmp(*argv, "--power") == 0) {
			args.power = true;
		} else if (strcmp(*argv, "--keep") == 0) {
			args.keep = true;
		} else if (strcmp(*argv, "--seed") == 0) {
			args.one = true;
			args.seed = number(*++argv);
		} else if (strcmp(*argv, "--seeds") == 0) {
			args.seeds = number(*++argv);
		} else if (strcmp(*argv, "--from") == 0) {
			args.from = number(*++argv);
		} else if (strcmp(*argv, "--jobs") == 0) {
			args.jobs = (unsigned)number(*++argv);
		} else {
			(void)fprintf(stderr, "unknown: %s\n", *argv);
			exit(2);
		}
	}
	if (args.jobs < 1 || args.jobs > JOBS_MAX)
		args.jobs = JOBS_MAX;
}

int
main(int argc, char **argv)
{
	uint64_t n, bad;

	(void)argc;
	read_args(argv + 1);
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(tally != MAP_FAILED);
	if (args.one)
		return run_seed(args.seed) ? 0 : 1;
	if (args.seeds > 0)
		return tell(args.seeds, run_all(args.seeds, args.power));
	n = getenv("SEEDS") == NULL ? SEEDS_DEFAULT : number(getenv("SEEDS"));
	bad = run_all(n, false);
	bad += run_all(POWER_SEEDS, true);
	return tell(n + POWER_SEEDS, bad);
}
