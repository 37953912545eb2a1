#include "crawl/schedule.h"
#include "crawl/options.h"
#include <errno.h>
#include <time.h>

#define MINUTE_US 60000000ll
enum {
	EVERY_MS_MIN = 1000,
	LATE_MS = 60000, /* what is later than so, somebody was not there for */
	YEARS_AHEAD = 5, /* the 29th of February comes every four, but for 2100 */
};
#define JITTER_MS_MAX (7 * 86400000ll)
#define EVERY_MS_MAX  (366 * 86400000ll)
#define ALL_HOURS     0xFFFFFFu
#define SET_BACK_US   (3 * 3600 * 1000000ll)

/* ---- cron lines ---- */

struct field {
	unsigned min, max;
	const char *const *names; /* of min, min + 1 ... */
	const char *what;
};

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
    "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const day_names[] = {
    "sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};
static const struct field fields[] = {
    {0, 59, NULL, "minute"},
    {0, 23, NULL, "hour"},
    {1, 31, NULL, "day"},
    {1, 12, month_names, "month"},
    {0, 7, day_names, "weekday"},
};

static bool
value_of(const struct field *f, struct slice s, unsigned *ret)
{
	uint64_t n;

	for (unsigned i = 0; f->names != NULL && f->names[i] != NULL; i++) {
		if (!slice_ieq(s, slice_cstr(f->names[i])))
			continue;
		*ret = f->min + i;
		return true;
	}
	if (!slice_to_u64(s, &n) || n < f->min || n > f->max)
		return false;
	*ret = (unsigned)n;
	return true;
}

/* "*", "5", "mon-fri", and of each every n-th: "0-30/10". */
static bool
read_range(const struct field *f, struct slice s, uint64_t *bits)
{
	struct slice range, from;
	unsigned first, last;
	uint64_t by = 1;
	bool has_step;

	has_step = slice_find(s, '/') < s.len;
	if (!slice_cut(&s, '/', &range) ||
	    (has_step && (!slice_to_u64(s, &by) || by == 0 || by > 60)))
		return false;
	if (slice_eq(range, SLICE_LIT("*"))) {
		first = f->min;
		last = f->max;
	} else {
		if (!slice_cut(&range, '-', &from) || !value_of(f, from, &first))
			return false;
		last = has_step ? f->max : first;
		if (range.ptr != NULL && !value_of(f, range, &last))
			return false;
	}
	if (first > last)
		return false;
	for (unsigned i = first; i <= last; i += (unsigned)by)
		*bits |= 1ull << i;
	return true;
}

static bool
read_field(const struct field *f, struct slice s, uint64_t *ret)
{
	struct slice one;

	*ret = 0;
	while (slice_cut(&s, ',', &one))
		if (!read_range(f, one, ret))
			return false;
	return *ret != 0;
}

static bool
next_word(struct slice *rest, struct slice *ret)
{
	size_t n = 0;

	*rest = slice_trim(*rest);
	if (rest->len == 0)
		return false;
	while (n < rest->len && !ascii_is_space(rest->ptr[n]))
		n++;
	*ret = slice_head(*rest, n);
	*rest = slice_from(*rest, n);
	return true;
}

/* Not the 31st of February alone. */
static bool
has_a_day(const struct cron *c)
{
	static const uint8_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	for (unsigned month = 0; month < 12; month++)
		if ((c->months & 1u << month) != 0 &&
		    (c->days & ((2ull << days[month]) - 2)) != 0)
			return true;
	/* Beside the days of the month those of the week will do. */
	return !c->any_weekday;
}

static int
set_cron(struct schedule *s, struct slice line, struct why *why)
{
	struct slice rest = line, word;
	uint64_t bits[5];
	struct cron *c = &s->cron[s->cron_len];

	if (s->cron_len == SCHEDULE_CRON_MAX)
		return why_set(why, -EINVAL, "more than %d lines", SCHEDULE_CRON_MAX);
	for (size_t i = 0; i < 5; i++) {
		if (!next_word(&rest, &word))
			return why_set(why, -EINVAL,
			    "'" SLICE_FMT "' has no five fields: minute hour day month "
			    "weekday",
			    SLICE_ARG(line));
		if (!read_field(&fields[i], word, &bits[i]))
			return why_set(why, -EINVAL,
			    "'" SLICE_FMT
			    "' is no %s (%u to %u, as in 5, 1-4, */10, 1,3)",
			    SLICE_ARG(word), fields[i].what, fields[i].min,
			    fields[i].max);
		if (i == 2)
			c->any_day = word.ptr[0] == '*';
		if (i == 4)
			c->any_weekday = word.ptr[0] == '*';
	}
	if (slice_trim(rest).len > 0)
		return why_set(why, -EINVAL, "'" SLICE_FMT "' has more than five fields",
		    SLICE_ARG(line));
	c->minutes = bits[0];
	c->hours = (uint32_t)bits[1];
	c->days = (uint32_t)bits[2];
	c->months = (uint32_t)(bits[3] >> 1);
	c->weekdays = (uint8_t)((bits[4] | bits[4] >> 7) & 0x7F); /* 7 is Sunday, too */
	if (!has_a_day(c))
		return why_set(why, -EINVAL,
		    "'" SLICE_FMT "' never comes: none of its months has such a day",
		    SLICE_ARG(line));
	s->cron_len++;
	return 0;
}

/* ---- the other keys ---- */

static int
set_at(struct schedule *s, struct slice v, struct why *why)
{
	struct slice rest = v, hour, minute;
	uint64_t h, m;

	if (s->at_len == SCHEDULE_AT_MAX)
		return why_set(why, -EINVAL, "more than %d times", SCHEDULE_AT_MAX);
	if (!slice_cut(&rest, ':', &hour) || !slice_cut(&rest, ':', &minute) ||
	    rest.ptr != NULL || hour.len == 0 || hour.len > 2 || minute.len != 2 ||
	    !slice_to_u64(hour, &h) || !slice_to_u64(minute, &m) || h > 23 || m > 59)
		return why_set(why, -EINVAL,
		    "'" SLICE_FMT "' is no time of day such as 03:00", SLICE_ARG(v));
	s->at[s->at_len].hour = (uint8_t)h;
	s->at[s->at_len].minute = (uint8_t)m;
	s->at_len++;
	return 0;
}

static int
set_time(int64_t *ret, struct slice v, int64_t min, int64_t max, struct why *why)
{
	int64_t ms;

	if (!parse_duration(v, &ms))
		return why_set(why, -EINVAL,
		    "'" SLICE_FMT "' is not a duration such as 30m, 6h or 1d",
		    SLICE_ARG(v));
	if (ms < min || ms > max)
		return why_set(why, -EINVAL, "'" SLICE_FMT "' is not between %s and %s",
		    SLICE_ARG(v), min == 0 ? "0" : "1s", min == 0 ? "7d" : "366d");
	*ret = ms;
	return 0;
}

static int
set_catch_up(struct schedule *s, struct slice v, struct why *why)
{
	if (slice_ieq(v, SLICE_LIT("once")))
		s->catch_up = CATCH_UP_ONCE;
	else if (slice_ieq(v, SLICE_LIT("skip")))
		s->catch_up = CATCH_UP_SKIP;
	else
		return why_set(why, -EINVAL, "'" SLICE_FMT "' is not one of once|skip",
		    SLICE_ARG(v));
	return 0;
}

enum key { KEY_EVERY, KEY_AT, KEY_CRON, KEY_JITTER, KEY_CATCH_UP, KEY_MAX };
static const char *const keys[KEY_MAX] = {"every", "at", "cron", "jitter", "catch_up"};

bool
schedule_key_exists(struct slice key)
{
	for (size_t i = 0; i < KEY_MAX; i++)
		if (slice_eq(key, slice_cstr(keys[i])))
			return true;
	return false;
}

int
schedule_set(struct schedule *s, struct slice key, struct slice value, struct why *why)
{
	unsigned k = 0;
	int r;

	while (k < KEY_MAX && !slice_eq(key, slice_cstr(keys[k])))
		k++;
	switch ((enum key)k) {
	case KEY_EVERY:
		r = set_time(&s->every_ms, value, EVERY_MS_MIN, EVERY_MS_MAX, why);
		break;
	case KEY_AT:
		r = set_at(s, value, why);
		break;
	case KEY_CRON:
		r = set_cron(s, value, why);
		break;
	case KEY_JITTER:
		r = set_time(&s->jitter_ms, value, 0, JITTER_MS_MAX, why);
		break;
	case KEY_CATCH_UP:
		r = set_catch_up(s, value, why);
		break;
	default:
		return why_set(why, -EINVAL,
		    "there is no '" SLICE_FMT "'; there are every, at, cron, jitter, "
		    "catch_up",
		    SLICE_ARG(key));
	}
	if (r == 0)
		s->given = true;
	return r;
}

int
schedule_check(const struct schedule *s, struct why *why)
{
	if (!s->given)
		return 0;
	if (!schedule_is_on(s))
		return why_set(why, -EINVAL, "says nothing of when: every, at or cron");
	if (s->every_ms > 0 && (s->at_len > 0 || s->cron_len > 0))
		return why_set(why, -EINVAL, "every does not go with at and cron");
	return 0;
}

static bool
cron_eq(const struct cron *a, const struct cron *b)
{
	return a->minutes == b->minutes && a->hours == b->hours && a->days == b->days &&
	       a->months == b->months && a->weekdays == b->weekdays &&
	       a->any_day == b->any_day && a->any_weekday == b->any_weekday;
}

bool
schedule_eq(const struct schedule *a, const struct schedule *b)
{
	if (a->given != b->given || a->every_ms != b->every_ms ||
	    a->jitter_ms != b->jitter_ms || a->catch_up != b->catch_up ||
	    a->at_len != b->at_len || a->cron_len != b->cron_len)
		return false;
	for (size_t i = 0; i < a->at_len; i++)
		if (a->at[i].hour != b->at[i].hour || a->at[i].minute != b->at[i].minute)
			return false;
	for (size_t i = 0; i < a->cron_len; i++)
		if (!cron_eq(&a->cron[i], &b->cron[i]))
			return false;
	return true;
}

/* ---- times ---- */

static bool
day_matches(const struct cron *c, const struct tm *tm)
{
	bool day = (c->days & 1u << tm->tm_mday) != 0;
	bool weekday = (c->weekdays & 1u << tm->tm_wday) != 0;

	if ((c->months & 1u << tm->tm_mon) == 0)
		return false;
	/* As crontab(5): where both are said either will do. */
	return c->any_day || c->any_weekday ? day && weekday : day || weekday;
}

/* Through real minutes: for lines that run in every hour. */
static int64_t
next_of_minutes(const struct cron *c, time_t after)
{
	time_t t = after - after % 60 + 60;
	time_t end = after + YEARS_AHEAD * 366 * (time_t)86400;
	struct tm tm;

	while (t < end && localtime_r(&t, &tm) != NULL) {
		if (!day_matches(c, &tm)) {
			/* To the next hour, for days are not all as long. */
			t += 3600 - (tm.tm_min * 60 + tm.tm_sec);
			continue;
		}
		if ((c->minutes & 1ull << tm.tm_min) != 0)
			return (int64_t)t * 1000000;
		t += 60;
	}
	return INT64_MAX;
}

/* A time of a day as its clocks show it. */
static time_t
time_of(const struct tm *day, int hour, int minute)
{
	struct tm tm = *day;

	tm.tm_hour = hour;
	tm.tm_min = minute;
	tm.tm_sec = 0;
	tm.tm_isdst = -1;
	return mktime(&tm);
}

static time_t
first_of_day(const struct cron *c, const struct tm *day, time_t after)
{
	time_t first = 0;

	for (int h = 0; h < 24; h++) {
		if ((c->hours & 1u << h) == 0)
			continue;
		for (int m = 0; m < 60; m++) {
			time_t t;

			if ((c->minutes & 1ull << m) == 0)
				continue;
			t = time_of(day, h, m);
			/* Around a change of the clocks the order may be another. */
			if (t > after && (first == 0 || t < first))
				first = t;
		}
		if (first != 0)
			break;
	}
	return first;
}

static int64_t
next_of_days(const struct cron *c, time_t after)
{
	time_t t = after;
	struct tm day;

	if (localtime_r(&t, &day) == NULL)
		return INT64_MAX;
	for (int i = 0; i < YEARS_AHEAD * 366; i++) {
		time_t found = day_matches(c, &day) ? first_of_day(c, &day, after) : 0;

		if (found != 0)
			return (int64_t)found * 1000000;
		day.tm_mday++;
		day.tm_hour = 12; /* every day has it */
		day.tm_isdst = -1;
		if (mktime(&day) == (time_t)-1)
			return INT64_MAX;
	}
	return INT64_MAX;
}

int64_t
schedule_next(const struct schedule *s, int64_t after_us)
{
	time_t after = (time_t)(after_us / 1000000);
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < s->cron_len + s->at_len; i++) {
		struct cron c;
		int64_t t;

		if (i < s->cron_len) {
			c = s->cron[i];
		} else {
			size_t k = i - s->cron_len;

			c = (struct cron){.minutes = 1ull << s->at[k].minute,
			    .hours = 1u << s->at[k].hour,
			    .days = ~0u,
			    .months = ~0u,
			    .weekdays = 0x7F,
			    .any_day = true,
			    .any_weekday = true};
		}
		t = c.hours == ALL_HOURS ? next_of_minutes(&c, after)
					 : next_of_days(&c, after);
		if (t < first)
			first = t;
	}
	return first;
}

int64_t
schedule_set_back(const struct schedule *s, int64_t served_us, int64_t now_us)
{
	int64_t every_us = s->every_ms * 1000, ahead_us;

	if (served_us <= now_us)
		return served_us;
	ahead_us = served_us - now_us;
	if (every_us > 0 && ahead_us > every_us) { /* the beat is kept */
		int64_t more_us = ahead_us % every_us;

		return more_us == 0 ? now_us : now_us + more_us - every_us;
	}
	if (every_us > 0)
		return served_us;
	return ahead_us <= SET_BACK_US || served_us <= schedule_next(s, now_us)
		   ? served_us
		   : now_us;
}

/* splitmix64, Steele et al. 2014 */
static uint64_t
mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* When the turn of `due_us` begins: before the one that follows it. */
static int64_t
begin_of(const struct schedule *s, int64_t due_us, int64_t following_us, uint64_t seed)
{
	int64_t span_ms = (following_us - due_us) / 1000;
	uint64_t n = (uint64_t)(s->jitter_ms < span_ms ? s->jitter_ms + 1 : span_ms);

	return due_us + (int64_t)(mix(seed ^ (uint64_t)due_us) % n) * 1000;
}

static int64_t
following(const struct schedule *s, int64_t due_us)
{
	return s->every_ms > 0 ? due_us + s->every_ms * 1000 : schedule_next(s, due_us);
}

/* The last time that is not after `now`, and the first that is. */
static void
around(const struct schedule *s, int64_t served_us, int64_t since_us, int64_t now_us,
    int64_t *ret_last, int64_t *ret_next, bool *ret_several)
{
	int64_t every_us = s->every_ms * 1000, t;

	*ret_several = false;
	*ret_last = 0;
	if (every_us > 0) {
		t = served_us == 0 ? since_us : served_us + every_us;
		if (t <= now_us) {
			*ret_several = now_us - t >= every_us;
			*ret_last = t + (now_us - t) / every_us * every_us;
			t = *ret_last + every_us;
		}
		*ret_next = t;
		return;
	}
	t = schedule_next(s, served_us > since_us ? served_us : since_us);
	/* Who was away for years need not be told of each minute. */
	if (t < now_us - 2 * 86400000000ll) {
		*ret_last = t;
		*ret_several = true;
		t = schedule_next(s, now_us - 2 * 86400000000ll);
	}
	for (; t <= now_us; t = schedule_next(s, t)) {
		*ret_several |= *ret_last != 0;
		*ret_last = t;
	}
	*ret_next = t;
}

void
schedule_look(const struct schedule *s, int64_t served_us, int64_t since_us,
    int64_t now_us, uint64_t seed, struct schedule_turn *ret)
{
	int64_t last, next, begin;

	*ret = (struct schedule_turn){.next_us = INT64_MAX};
	if (!schedule_is_on(s))
		return;
	if (served_us < 0)
		served_us = 0;
	if (since_us < 0)
		since_us = 0;
	around(s, served_us, since_us, now_us, &last, &next, &ret->missed);
	ret->next_us = next == INT64_MAX || s->jitter_ms == 0
			   ? next
			   : begin_of(s, next, following(s, next), seed);
	if (last == 0)
		return;
	begin = begin_of(s, last, next, seed);
	if (begin > now_us) { /* its time has come, its turn has not */
		if (begin < ret->next_us)
			ret->next_us = begin;
		ret->missed = false;
		return;
	}
	ret->due_us = last;
	ret->begin_us = begin;
	if (s->catch_up == CATCH_UP_SKIP && now_us - begin > LATE_MS * 1000ll)
		ret->missed = true;
}
