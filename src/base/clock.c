#include "base/clock.h"
#include <assert.h>
#include <stdio.h>
#include <time.h>

static int64_t
read_us(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) != 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t
clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

int64_t
clock_wall_us(void)
{
	return read_us(CLOCK_REALTIME);
}

static void
split(int64_t wall_us, struct tm *ret_tm, int *ret_ms)
{
	time_t s = (time_t)(wall_us / 1000000);

	if (gmtime_r(&s, ret_tm) == NULL)
		*ret_tm = (struct tm){.tm_mday = 1, .tm_year = 70};
	*ret_ms = (int)(wall_us / 1000 % 1000);
}

void
clock_format(int64_t wall_us, int digits, char ret[CLOCK_TEXT_MAX])
{
	struct tm tm;
	size_t n;
	int ms;

	assert(digits == 0 || digits == 3);
	split(wall_us, &tm, &ms);
	n = strftime(ret, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	if (digits == 3)
		(void)snprintf(ret + n, CLOCK_TEXT_MAX - n, ".%03dZ", ms);
	else
		(void)snprintf(ret + n, CLOCK_TEXT_MAX - n, "Z");
}

void
clock_format17(int64_t wall_us, char ret[CLOCK_TEXT_MAX])
{
	struct tm tm;
	size_t n;
	int ms;

	split(wall_us, &tm, &ms);
	n = strftime(ret, CLOCK_TEXT_MAX, "%Y%m%d%H%M%S", &tm);
	(void)snprintf(ret + n, CLOCK_TEXT_MAX - n, "%03d", ms);
}
