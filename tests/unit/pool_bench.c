#include "pool_bench.h"
#include "base/clock.h"
#include "loop/pool_wire.h"
#include "pool_jail.h"
#include <sys/socket.h>
#include <time.h>

#include "base/banned.h"

struct nursery *bench_nursery;
bool bench_starves;

/* ---- the worker's half ---- */

struct state {
	uint32_t runs;
	int truncate_errno; /* of trying to cut the results before the jail */
	char settings[64];  /* of context 7 */
	size_t settings_len;
	unsigned configures, forgets, extends;
	unsigned wipes; /* between owners */
};

static int
bench_init(void **ret, struct why *why)
{
	struct state *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return why_set(why, -ENOMEM, "no memory");
	s->truncate_errno = ftruncate(WORKER_FD_RESULTS, 4096) < 0 ? errno : 0;
	*ret = s;
	return 0;
}

static void
bench_fini(void *state)
{
	free(state);
}

static int
bench_configure(void *state, uint32_t context, struct slice settings)
{
	struct state *s = state;

	if (slice_eq(settings, SLICE_LIT("starve")))
		return bench_starves ? -ENOMEM : 0;
	if (slice_starts(settings, SLICE_LIT("starve-until ")))
		return clock_mono_ms() < strtoll(settings.ptr + 13, NULL, 10) ? -ENOMEM
									      : 0;
	if (context != 7)
		return slice_eq(settings, SLICE_LIT("refuse")) ? -EINVAL : 0;
	if (settings.len == 0)
		s->forgets++;
	else
		s->configures++;
	s->settings_len = settings.len;
	memset(s->settings, 0, sizeof(s->settings));
	if (settings.len > 0)
		memcpy(s->settings, settings.ptr, settings.len < 40 ? settings.len : 40);
	return 0;
}

static int
bench_extend(void *state, uint32_t context, struct slice more)
{
	struct state *s = state;

	if (context != 7)
		return slice_eq(more, SLICE_LIT("refuse")) ? -EINVAL : 0;
	if (s->settings_len + more.len < 40)
		memcpy(s->settings + s->settings_len, more.ptr, more.len);
	s->settings_len += more.len;
	s->extends++;
	return 0;
}

/* What no worker may note; false: it is no such kind. */
static bool
rubbish_note(const char *kind, const struct state *s, struct region_head *region)
{
	struct wire_note n = {.seq = s->runs, .status = WIRE_OK};
	struct region_note *slot = &region->notes[s->runs % REGION_NOTES];

	if (strcmp(kind, "id") == 0)
		n.seq += 1000;
	else if (strcmp(kind, "next") == 0)
		n.seq += 1; /* of a task that it has, but not begun */
	else if (strcmp(kind, "status") == 0)
		n.status = 77;
	else if (strcmp(kind, "length") == 0)
		n.bytes = BENCH_RESULT_MAX + 1;
	else if (strcmp(kind, "offset") == 0)
		n.at = (uint64_t)1 << 40;
	else if (strcmp(kind, "wrap") == 0)
		n = (struct wire_note){s->runs, WIRE_OK, UINT64_MAX - 8, 100};
	else if (strcmp(kind, "errlen") == 0)
		n = (struct wire_note){s->runs, WIRE_ERROR, 0, 100};
	else if (strcmp(kind, "unwritten") != 0)
		return false;
	if (strcmp(kind, "unwritten") != 0)
		memcpy(slot, &n, sizeof(n));
	atomic_store(&region->noted, s->runs);
	return true;
}

/* Results begin behind it, and the first are short. */
static struct region_head *
region_of(const struct buf *out)
{
	uintptr_t page = (uintptr_t)out->ptr & ~(uintptr_t)4095;

	return (struct region_head *)(page - REGION_HEAD_BYTES);
}

/* What no worker may say. */
_Noreturn static void
rubbish(const char *kind, const struct state *s, struct region_head *region)
{
	struct wire_hello look = {.type = WIRE_LOOK};
	char bytes[600];
	size_t len = sizeof(look);

	memset(bytes, 'r', sizeof(bytes));
	if (!rubbish_note(kind, s, region)) {
		if (strcmp(kind, "type") == 0)
			look.type = 99;
		else if (strcmp(kind, "hello") == 0)
			look.type = WIRE_HELLO;
		else if (strcmp(kind, "fail") == 0)
			look.type = WIRE_FAIL;
		else if (strcmp(kind, "flood") == 0)
			for (int i = 0; i < 1000; i++)
				(void)send(WORKER_FD_SOCK, &look, sizeof(look), 0);
	}
	memcpy(bytes, &look, sizeof(look));
	if (strcmp(kind, "short") == 0)
		len = 3;
	else if (strcmp(kind, "fail") == 0)
		len = sizeof(struct wire_fail);
	else if (strcmp(kind, "long") == 0)
		len = sizeof(bytes);
	else if (strcmp(kind, "empty") == 0)
		len = 0;
	(void)send(WORKER_FD_SOCK, bytes, len, 0);
	/* Then hangs: only being killed for it ends this. */
	for (;;)
		(void)pause();
}

static void
spin_ms(long ms)
{
	int64_t end_ms = clock_mono_ms() + ms;

	while (clock_mono_ms() < end_ms)
		;
}

/* Of the processor, however long that takes. */
static void
work_ms(long ms)
{
	const clock_t end = clock() + ms * (CLOCKS_PER_SEC / 1000);

	while (clock() < end)
		;
}

static int
fill(struct buf *out, long bytes)
{
	int r = buf_reserve(out, (size_t)bytes);

	if (r < 0)
		return r;
	memset(out->ptr + out->len, 'b', (size_t)bytes);
	out->len += (size_t)bytes;
	return 0;
}

static int
die(const char *how)
{
	if (strcmp(how, "abort") == 0)
		abort();
	if (strcmp(how, "segv") == 0)
		(void)raise(SIGSEGV);
	if (strcmp(how, "exit") == 0)
		_exit(0);
	if (strcmp(how, "kill") == 0)
		(void)raise(SIGKILL);
	return -EINVAL;
}

/*
 * echo TEXT | sum (of the body) | pid | spin MS | work MS | stop | die HOW | big BYTES | bigfail
 * BYTES | over | settings | extends | wipes | error | jail WHAT | rubbish KIND | cut | alloc BYTES | stderr
 */
static int
bench_run(void *state, const struct pool_input *in, struct buf *out)
{
	struct state *s = state;
	char word[16] = "", arg[128] = "", text[160];

	s->runs++;
	if (in->head.len >= sizeof(text))
		return -EMSGSIZE;
	(void)snprintf(text, sizeof(text), SLICE_FMT, SLICE_ARG(in->head));
	(void)sscanf(text, "%15s %127[^\n]", word, arg);
	if (strcmp(word, "echo") == 0)
		return buf_add_cstr(out, arg);
	if (strcmp(word, "sum") == 0) {
		unsigned long sum = 0;

		for (size_t i = 0; i < in->body.len; i++)
			sum += (unsigned char)in->body.ptr[i];
		return buf_printf(out, "%lu", sum);
	}
	if (strcmp(word, "pid") == 0)
		return buf_printf(out, "%d", (int)getpid());
	if (strcmp(word, "spin") == 0) {
		spin_ms(strtol(arg, NULL, 10));
		return buf_add_cstr(out, "spun");
	}
	if (strcmp(word, "work") == 0) {
		work_ms(strtol(arg, NULL, 10));
		return buf_add_cstr(out, "worked");
	}
	if (strcmp(word, "stop") == 0) {
		(void)raise(SIGSTOP);
		return 0;
	}
	if (strcmp(word, "die") == 0)
		return die(arg);
	if (strcmp(word, "big") == 0)
		return fill(out, strtol(arg, NULL, 10));
	if (strcmp(word, "bigfail") == 0) {
		(void)fill(out, strtol(arg, NULL, 10));
		return -EIO;
	}
	if (strcmp(word, "over") == 0) {
		(void)fill(out, (long)out->max);
		return buf_add_byte(out, 'x');
	}
	if (strcmp(word, "settings") == 0)
		return buf_printf(out, "%s/%zu/%u/%u", s->settings, s->settings_len,
		    s->configures, s->forgets);
	if (strcmp(word, "extends") == 0)
		return buf_printf(out, "%s/%zu/%u/%u", s->settings, s->settings_len,
		    s->configures, s->extends);
	if (strcmp(word, "wipes") == 0)
		return buf_printf(out, "%u", s->wipes);
	if (strcmp(word, "jail") == 0)
		return jail_try(arg, in, out);
	if (strcmp(word, "rubbish") == 0)
		rubbish(arg, s, region_of(out));
	if (strcmp(word, "cut") == 0)
		return buf_printf(out, "%s", strerror(s->truncate_errno));
	if (strcmp(word, "alloc") == 0) {
		/* volatile: or the compiler does without it and says "given". */
		char *volatile m = malloc((size_t)strtol(arg, NULL, 10));
		int r = buf_add_cstr(out, m == NULL ? "refused" : "given");

		free(m);
		return r;
	}
	return -EINVAL;
}

static void
bench_forget(void *state)
{
	struct state *s = state;

	s->wipes++;
}

const struct pool_ops bench_ops = {
    .init = bench_init,
    .configure = bench_configure,
    .extend = bench_extend,
    .run = bench_run,
    .forget = bench_forget,
    .fini = bench_fini,
};

/* ---- the loop's half ---- */

struct pool_conf
bench_conf(void)
{
	return (struct pool_conf){
	    .nursery = bench_nursery,
	    .ops = &bench_ops,
	    .workers = 2,
	    .queue_max = BENCH_TASKS_MAX,
	    .batch_max = 16,
	    .head_bytes_max = 4096,
	    .result_bytes_max = BENCH_RESULT_MAX,
	    .worker_memory_bytes = 256u << 20,
	};
}

static void
on_guard(void *ctx)
{
	(void)ctx;
	fail_msg("the tasks did not end within 120 s");
}

static struct bench *
bench_open_on(struct bench *b, const struct pool_conf *conf)
{
	struct pool_conf c = conf == NULL ? bench_conf() : *conf;
	struct why why = {""};

	assert_int_equal(shm_new(4u << 20, &b->shm, &why), 0);
	c.shm = b->shm;
	if (pool_new(b->l, &c, &b->p, &why) != 0)
		fail_msg("%s", why.text);
	timer_init(&b->guard, b->l, on_guard, b);
	return b;
}

struct bench *
bench_open(const struct pool_conf *conf)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	assert_int_equal(loop_new(&b->l), 0);
	return bench_open_on(b, conf);
}

struct bench *
bench_open_virtual(const struct pool_conf *conf)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	assert_int_equal(loop_new_virtual(0, &b->l), 0);
	return bench_open_on(b, conf);
}

void
bench_close(struct bench *b)
{
	pool_check(b->p);
	pool_free(b->p);
	shm_free_all(b->shm);
	loop_free(b->l);
	free(b);
}

static void
on_done(void *ctx, enum pool_end end, struct slice result)
{
	struct outcome_of *o = ctx;
	size_t n = result.len < sizeof(o->text) - 1 ? result.len : sizeof(o->text) - 1;

	o->calls++;
	o->end = end;
	o->len = result.len;
	if (n > 0)
		memcpy(o->text, result.ptr, n);
	o->text[n] = '\0';
	o->death = pool_death(o->bench->p);
	o->nth = ++o->bench->ended;
	if (o->bench->ended == o->bench->want)
		loop_stop(o->bench->l);
}

int
bench_try(struct bench *b, size_t i, const struct pool_task *t)
{
	assert_true(i < BENCH_TASKS_MAX);
	b->of[i] = (struct outcome_of){.bench = b};
	return pool_apply(b->p, t, on_done, &b->of[i], &b->of[i].id);
}

void
bench_apply(struct bench *b, size_t i, uint32_t timeout_ms, const char *command)
{
	const struct pool_task t = {
	    .head = slice_cstr(command), .timeout_ms = timeout_ms};

	assert_int_equal(bench_try(b, i, &t), 0);
}

void
bench_wait(struct bench *b, size_t n)
{
	b->want = n;
	assert_int_equal(timer_start(&b->guard, 120000), 0);
	if (b->ended < n)
		assert_int_equal(loop_run(b->l), 0);
	timer_stop(&b->guard);
	assert_int_equal(b->ended, n);
	pool_check(b->p);
}

struct outcome_of *
bench_do(struct bench *b, const char *command)
{
	bench_apply(b, 0, 0, command);
	bench_wait(b, b->ended + 1);
	return &b->of[0];
}

static void
on_slept(void *ctx)
{
	loop_stop(ctx);
}

void
bench_sleep(struct bench *b, int64_t ms)
{
	struct timer t;

	timer_init(&t, b->l, on_slept, b->l);
	assert_int_equal(timer_start(&t, ms), 0);
	assert_int_equal(loop_run(b->l), 0);
	timer_stop(&t); /* who ended may have stopped the loop */
}

void
bench_expect(const struct bench *b, size_t i, enum pool_end end, const char *text)
{
	assert_int_equal(b->of[i].calls, 1);
	assert_string_equal(pool_end_name(b->of[i].end), pool_end_name(end));
	assert_string_equal(b->of[i].text, text);
}

long long
proc_status(int pid, const char *name, int base)
{
	char path[64], line[256];
	size_t len = strlen(name);
	long long value = -1;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			value = strtoll(line + len + 1, NULL, base);
	(void)fclose(f);
	return value;
}

/* A zombie that nobody reaps counts as gone. */
static bool
process_runs(int pid)
{
	char path[64], text[512];
	const char *paren;
	size_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	n = fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	text[n] = '\0';
	paren = strrchr(text, ')');
	return paren != NULL && paren[1] == ' ' && paren[2] != 'Z' && paren[2] != 'X';
}

bool
process_is_gone(int pid)
{
	int64_t end_ms = clock_mono_ms() + 60000;

	while (process_runs(pid)) {
		if (clock_mono_ms() > end_ms)
			return false;
		(void)usleep(1000);
	}
	return true;
}

bool
process_is_stopped(int pid)
{
	return proc_status(pid, "State", 36) == strtoll("T", NULL, 36);
}

void
bench_let_go_on(struct bench *b)
{
	bool found = false;

	while (!found) {
		int pids[8];
		uint32_t n = pool_pids(b->p, pids, 8);

		for (uint32_t i = 0; i < n && !found; i++)
			found =
			    process_is_stopped(pids[i]) && kill(pids[i], SIGCONT) == 0;
		bench_sleep(b, 5);
	}
}

int
bench_main(const char *name, int (*run)(void))
{
	struct why why = {""};
	int r;

	if (nursery_start(&bench_nursery, &why) < 0) {
		(void)fprintf(stderr, "%s: %s\n", name, why.text);
		return 1;
	}
	r = run();
	nursery_free(bench_nursery);
	return r;
}
