#include "base/clock.h"
#include <assert.h>
#include <errno.h>
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

#define DAY_S          86400
#define DAYS_4_YEARS   1461
#define DAYS_100_YEARS 36524
#define DAYS_400_YEARS 146097

struct parts {
	unsigned year, month, day, hour, minute, second, ms;
};

/* Days since 0000-03-01, from where on a leap day is the last of its year; the calendar is
 * Gregorian also before there was one. */
static void
split_days(unsigned days, struct parts *ret)
{
	unsigned era = days / DAYS_400_YEARS, day = days % DAYS_400_YEARS, year, month;

	year = (day - day / (DAYS_4_YEARS - 1) + day / DAYS_100_YEARS -
		   day / (DAYS_400_YEARS - 1)) /
	       365;
	day -= 365 * year + year / 4 - year / 100; /* of the year, from 0 */
	month = (5 * day + 2) / 153;               /* from March; they have 30.6 days */
	ret->day = day - (153 * month + 2) / 5 + 1;
	ret->month = month < 10 ? month + 3 : month - 9;
	ret->year = era * 400 + year + (month >= 10);
}

static struct parts
split(int64_t wall_us)
{
	const unsigned before_march = 60; /* days of the year 0, a leap year */
	struct parts p = {0};
	unsigned days, s;
	int64_t ms;

	if (wall_us < WALL_US_MIN)
		wall_us = WALL_US_MIN;
	if (wall_us > WALL_US_MAX)
		wall_us = WALL_US_MAX;
	/* From the year 0, so that nothing is negative and all divisions round down. */
	ms = (wall_us - WALL_US_MIN) / 1000;
	days = (unsigned)(ms / 1000 / DAY_S);
	s = (unsigned)(ms / 1000 % DAY_S);
	if (days < before_march) {
		p.month = days < 31 ? 1 : 2;
		p.day = days < 31 ? days + 1 : days - 30;
	} else {
		split_days(days - before_march, &p);
	}
	p.hour = s / 3600;
	p.minute = s / 60 % 60;
	p.second = s % 60;
	p.ms = (unsigned)(ms % 1000);
	return p;
}

static char *
put(char *at, unsigned n, unsigned digits)
{
	for (unsigned i = digits; i-- > 0; n /= 10)
		at[i] = (char)('0' + n % 10);
	return at + digits;
}

static char *
put_before(char *at, unsigned n, unsigned digits, char next)
{
	at = put(at, n, digits);
	*at = next;
	return at + 1;
}

void
clock_format(int64_t wall_us, int digits, char ret[CLOCK_TEXT_MAX])
{
	struct parts p = split(wall_us);
	char *at = ret;

	assert(digits == 0 || digits == 3);
	at = put_before(at, p.year, 4, '-');
	at = put_before(at, p.month, 2, '-');
	at = put_before(at, p.day, 2, 'T');
	at = put_before(at, p.hour, 2, ':');
	at = put_before(at, p.minute, 2, ':');
	at = put_before(at, p.second, 2, digits == 3 ? '.' : 'Z');
	if (digits == 3)
		at = put_before(at, p.ms, 3, 'Z');
	*at = '\0';
}

void
clock_format17(int64_t wall_us, char ret[CLOCK_TEXT_MAX])
{
	struct parts p = split(wall_us);
	char *at = ret;

	at = put(at, p.year, 4);
	at = put(at, p.month, 2);
	at = put(at, p.day, 2);
	at = put(at, p.hour, 2);
	at = put(at, p.minute, 2);
	at = put(at, p.second, 2);
	at = put(at, p.ms, 3);
	*at = '\0';
}

int
clock_check(struct why *why)
{
	int64_t wall_us = clock_wall_us();
	char text[CLOCK_TEXT_MAX];

	if (wall_us >= 0)
		return 0;
	clock_format(wall_us, 0, text);
	return why_set(why, -ERANGE,
	    "the clock of this machine says %s, which is before 1970: set it", text);
}
