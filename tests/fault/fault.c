#include "fault_int.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	atomic_bool on;
	struct fault_plan plan;
	size_t dir_len;
	struct undo *undo;
	struct fault_counts *counts, own_counts;
	_Atomic uint64_t clock_reads;
	uint64_t random;
	bool dying;
	pthread_mutex_t lock;
} the = {.lock = PTHREAD_MUTEX_INITIALIZER, .counts = &the.own_counts};

static _Thread_local int paused;

static const char *const call_names[] = {
#define X(id, name) [FAULT_##id] = name,
    FAULT_CALLS(X)
#undef X
};

static const struct {
	const char *name;
	int err;
} errors[] = {
    {"EIO", EIO},
    {"ENOSPC", ENOSPC},
    {"EDQUOT", EDQUOT},
    {"EINTR", EINTR},
    {"EMFILE", EMFILE},
    {"ENOMEM", ENOMEM},
    {"short", FAULT_SHORT},
};
enum { ERRORS = sizeof(errors) / sizeof(errors[0]) };

/* ---- plans as text ---- */

struct reading {
	char *why;
	size_t why_max;
};

__attribute__((format(printf, 2, 3))) static int
wrong(const struct reading *r, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(r->why, r->why_max, format, ap);
	va_end(ap);
	return -EINVAL;
}

static bool
read_number(const char **at, uint64_t *ret)
{
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	errno = 0;
	*ret = strtoull(*at, &end, 10);
	*at = end;
	return errno == 0;
}

static bool
read_whole(const char *value, uint64_t *ret)
{
	return read_number(&value, ret) && *value == '\0';
}

/* N, N*TIMES or N+, then `:ERROR` unless it is malloc's. */
static int
read_nth(const struct reading *r, enum fault_call call, const char *value,
    struct fault_nth *ret)
{
	struct fault_nth nth = {.times = 1, .err = ENOMEM};
	const char *at = value;

	if (!read_number(&at, &nth.n) || nth.n == 0)
		return wrong(
		    r, "%s=%s: a number from 1 is missing", call_names[call], value);
	if (*at == '+') {
		nth.times = UINT64_MAX;
		at++;
	} else if (*at == '*') {
		at++;
		if (!read_number(&at, &nth.times))
			return wrong(r, "%s=%s: how many?", call_names[call], value);
	}
	if (*at == ':') {
		size_t i = 0;

		while (i < ERRORS && strcmp(errors[i].name, at + 1) != 0)
			i++;
		if (i == ERRORS || (errors[i].err == FAULT_SHORT && call != FAULT_WRITE))
			return wrong(r, "%s=%s: unknown error", call_names[call], value);
		nth.err = errors[i].err;
	} else if (*at != '\0' || call != FAULT_MALLOC) {
		return wrong(r, "%s=%s: no error is named", call_names[call], value);
	}
	*ret = nth;
	return 0;
}

static int
read_clock(const struct reading *r, const char *value, struct fault_plan *ret)
{
	const char *at = value;
	uint64_t s;
	bool back;

	if (!read_number(&at, &ret->clock) || *at++ != ':')
		return wrong(r, "clock=%s: not N:SECONDS", value);
	back = *at == '-';
	at += back;
	if (!read_whole(at, &s) || s > INT32_MAX)
		return wrong(r, "clock=%s: not N:SECONDS", value);
	ret->clock_s = back ? -(int64_t)s : (int64_t)s;
	return 0;
}

static int
read_path(const struct reading *r, const char *key, const char *value, char ret[PATH_MAX])
{
	if (value[0] != '/' || strlen(value) >= PATH_MAX)
		return wrong(r, "%s=%s: not an absolute path", key, value);
	(void)snprintf(ret, PATH_MAX, "%s", value);
	return 0;
}

static int
read_pair(
    const struct reading *r, const char *key, const char *value, struct fault_plan *ret)
{
	uint64_t log = 0;
	const struct {
		const char *key;
		uint64_t *at;
	} numbers[] = {{"seed", &ret->seed}, {"kill", &ret->kill}, {"power", &ret->power},
	    {"log", &log}};

	if (strcmp(key, "dir") == 0)
		return read_path(r, key, value, ret->dir);
	if (strcmp(key, "undo") == 0)
		return read_path(r, key, value, ret->undo);
	if (strcmp(key, "clock") == 0)
		return read_clock(r, value, ret);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(key, numbers[i].key) == 0) {
			if (!read_whole(value, numbers[i].at))
				return wrong(r, "%s=%s: not a number", key, value);
			ret->log |= log > 0;
			return 0;
		}
	for (int i = 0; i < FAULT_CALL_MAX; i++)
		if (strcmp(key, call_names[i]) == 0)
			return read_nth(r, (enum fault_call)i, value, &ret->nth[i]);
	return wrong(r, "%s: unknown", key);
}

int
fault_parse(const char *text, struct fault_plan *ret, char *ret_why, size_t why_max)
{
	const struct reading r = {ret_why, why_max};
	struct fault_plan p = {0};
	char *copy = strdup(text), *rest = copy, *pair;
	int err = copy == NULL ? wrong(&r, "out of memory") : 0;

	while (err == 0 && (pair = strsep(&rest, ",")) != NULL) {
		char *value = strchr(pair, '=');

		if (*pair == '\0')
			continue;
		if (value == NULL) {
			err = wrong(&r, "'%s' has no value", pair);
			break;
		}
		*value++ = '\0';
		err = read_pair(&r, pair, value, &p);
	}
	free(copy);
	if (err == 0 && p.power > 0 && p.undo[0] == '\0')
		err = wrong(&r, "power needs undo=DIRECTORY");
	if (err == 0)
		*ret = p;
	return err;
}

static const char *
error_name(int err)
{
	for (size_t i = 0; i < ERRORS; i++)
		if (errors[i].err == err)
			return errors[i].name;
	return "?";
}

static size_t
text_nth(enum fault_call call, const struct fault_nth *nth, char *at, size_t max)
{
	char times[32] = "";

	if (nth->times == UINT64_MAX)
		(void)snprintf(times, sizeof(times), "+");
	else if (nth->times != 1)
		(void)snprintf(
		    times, sizeof(times), "*%llu", (unsigned long long)nth->times);
	return (size_t)snprintf(at, max, ",%s=%llu%s:%s", call_names[call],
	    (unsigned long long)nth->n, times, error_name(nth->err));
}

void
fault_text(const struct fault_plan *p, char *ret, size_t max)
{
	size_t len = (size_t)snprintf(ret, max, "seed=%llu", (unsigned long long)p->seed);

	for (int i = 0; i < FAULT_CALL_MAX && len < max; i++)
		if (p->nth[i].n > 0)
			len += text_nth(
			    (enum fault_call)i, &p->nth[i], ret + len, max - len);
	if (p->kill > 0 && len < max)
		len += (size_t)snprintf(
		    ret + len, max - len, ",kill=%llu", (unsigned long long)p->kill);
	if (p->power > 0 && len < max)
		len += (size_t)snprintf(
		    ret + len, max - len, ",power=%llu", (unsigned long long)p->power);
	if (p->clock > 0 && len < max)
		(void)snprintf(ret + len, max - len, ",clock=%llu:%lld",
		    (unsigned long long)p->clock, (long long)p->clock_s);
}

/* ---- one call ---- */

bool
fault_is_on(void)
{
	return atomic_load_explicit(&the.on, memory_order_acquire) && paused == 0;
}

void
fault_pause(void)
{
	paused++;
}

void
fault_resume(void)
{
	paused--;
}

void
fault_begin(void)
{
	paused++;
	(void)pthread_mutex_lock(&the.lock);
}

/* splitmix64, Steele et al. 2014 */
static uint64_t
random_next(void)
{
	uint64_t z = the.random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static bool
is_nth(const struct fault_nth *nth, uint64_t count)
{
	return nth->n > 0 && count >= nth->n && count - nth->n < nth->times;
}

static void __attribute__((noreturn)) die(void)
{
	if (the.plan.power > 0)
		(void)fault_power_loss(the.plan.undo, the.plan.dir, random_next(),
		    the.plan.log ? stderr : NULL);
	(void)kill(getpid(), SIGKILL);
	for (;;)
		(void)pause();
}

int
fault_step(enum fault_call call, bool step, uint64_t *len)
{
	uint64_t count = ++the.counts->calls[call];
	const struct fault_nth *nth = &the.plan.nth[call];

	if (step) {
		uint64_t n = ++the.counts->steps;

		if (n == the.plan.kill || n == the.plan.power) {
			the.counts->fired++;
			the.dying = true;
			if (len != NULL)
				*len = random_next() % (*len + 1);
			else if (random_next() % 2 == 0)
				die(); /* before it was done */
		}
	}
	if (!is_nth(nth, count))
		return 0;
	the.counts->fired++;
	if (nth->err != FAULT_SHORT)
		return -nth->err;
	if (len != NULL && *len > 1)
		*len = 1 + random_next() % (*len - 1);
	return 0;
}

void
fault_end(void)
{
	if (the.dying)
		die();
	(void)pthread_mutex_unlock(&the.lock);
	paused--;
}

struct undo *
fault_undo(void)
{
	return the.undo;
}

bool
fault_is_below(const char *absolute)
{
	return strncmp(absolute, the.plan.dir, the.dir_len) == 0 &&
	       (absolute[the.dir_len] == '/' || absolute[the.dir_len] == '\0');
}

bool
fault_malloc_fails(void)
{
	uint64_t count = atomic_fetch_add_explicit(
			     &the.counts->calls[FAULT_MALLOC], 1, memory_order_relaxed) +
			 1;

	if (!is_nth(&the.plan.nth[FAULT_MALLOC], count))
		return false;
	the.counts->fired++;
	return true;
}

int64_t
fault_clock_s(void)
{
	if (the.plan.clock == 0 || ++the.clock_reads < the.plan.clock)
		return 0;
	if (the.clock_reads == the.plan.clock)
		the.counts->fired++;
	return the.plan.clock_s;
}

/* ---- a plan in force ---- */

static void
on_fork(void)
{
	the.on = false;
}

int
fault_start(const struct fault_plan *p, struct fault_counts *counts)
{
	static bool registered;
	char real[PATH_MAX];
	int r = 0;

	fault_stop();
	if (realpath(p->dir, real) == NULL)
		return -errno;
	if (p->undo[0] != '\0')
		r = undo_open(p->undo, &the.undo);
	if (r < 0)
		return r;
	the.plan = *p;
	memcpy(the.plan.dir, real, sizeof(real));
	the.dir_len = strlen(real);
	the.random = p->seed;
	the.dying = false;
	the.clock_reads = 0;
	memset(&the.own_counts, 0, sizeof(the.own_counts));
	the.counts = counts == NULL ? &the.own_counts : counts;
	if (!registered)
		registered = pthread_atfork(NULL, NULL, on_fork) == 0;
	the.on = true;
	return 0;
}

void
fault_stop(void)
{
	the.on = false;
	undo_close(the.undo);
	the.undo = NULL;
}

const struct fault_counts *
fault_counts(void)
{
	return the.counts;
}

void
fault_start_by_environment(void)
{
	const char *text = getenv("TRAWL_FAULTS");
	struct fault_plan p;
	char why[256];
	int r;

	if (text == NULL)
		return;
	r = fault_parse(text, &p, why, sizeof(why));
	if (r == 0 && (r = fault_start(&p, NULL)) < 0)
		(void)snprintf(why, sizeof(why), "%s", strerror(-r));
	if (r == 0)
		return;
	(void)fprintf(stderr, "TRAWL_FAULTS: %s\n", why);
	_exit(2);
}
