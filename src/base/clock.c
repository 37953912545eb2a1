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

#define WALL_US_MIN (INT64_C(-62167219200) * 1000000)     /* 0000-01-01T00:00:00 */
#define WALL_US_MAX (INT64_C(253402300800) * 1000000 - 1) /* the end of 9999 */

struct parts {
	unsigned year, month, day, hour, minute, second, ms;
};

static struct parts
split(int64_t wall_us)
{
	struct tm tm = {.tm_mday = 1, .tm_year = 70};
	int64_t ms;
	time_t s;

	if (wall_us < WALL_US_MIN)
		wall_us = WALL_US_MIN;
	if (wall_us > WALL_US_MAX)
		wall_us = WALL_US_MAX;
	/* From the year 0, so that nothing is negative and all divisions round down. */
	ms = (wall_us - WALL_US_MIN) / 1000;
	s = (time_t)(ms / 1000 + WALL_US_MIN / 1000000);
	(void)gmtime_r(&s, &tm);
	/* The bounds tell the compiler how many digits there are. */
	return (struct parts){
	    .year = (unsigned)(tm.tm_year + 1900) % 10000,
	    .month = (unsigned)(tm.tm_mon + 1) % 100,
	    .day = (unsigned)tm.tm_mday % 100,
	    .hour = (unsigned)tm.tm_hour % 100,
	    .minute = (unsigned)tm.tm_min % 100,
	    .second = (unsigned)tm.tm_sec % 100,
	    .ms = (unsigned)(ms % 1000),
	};
}

void
clock_format(int64_t wall_us, int digits, char ret[CLOCK_TEXT_MAX])
{
	struct parts p = split(wall_us);
	int n;

	assert(digits == 0 || digits == 3);
	n = snprintf(ret, CLOCK_TEXT_MAX, "%04u-%02u-%02uT%02u:%02u:%02u", p.year,
	    p.month, p.day, p.hour, p.minute, p.second);
	if (digits == 3)
		(void)snprintf(ret + n, (size_t)(CLOCK_TEXT_MAX - n), ".%03uZ", p.ms);
	else
		(void)snprintf(ret + n, (size_t)(CLOCK_TEXT_MAX - n), "Z");
}

void
clock_format17(int64_t wall_us, char ret[CLOCK_TEXT_MAX])
{
	struct parts p = split(wall_us);

	(void)snprintf(ret, CLOCK_TEXT_MAX, "%04u%02u%02u%02u%02u%02u%03u", p.year,
	    p.month, p.day, p.hour, p.minute, p.second, p.ms);
}
