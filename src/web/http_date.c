#include "web/http.h"

#include "base/banned.h"

/* Days from 1970-01-01 to a date of the Gregorian calendar. */
static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
	static const int before[12] = {
	    0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	int64_t y = month <= 2 ? year - 1 : year; /* the last whose leap day is past */

	return (year - 1970) * 365 + before[month - 1] + (day - 1) +
	       (y / 4 - y / 100 + y / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
}

static bool
is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t
days_in(int64_t year, int64_t month)
{
	static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && is_leap(year));
}

bool
http_time(const struct http_date *d, int64_t *ret)
{
	if (d->year < 1601 || d->year > 9999 || d->month < 1 || d->month > 12 ||
	    d->day < 1 || d->day > days_in(d->year, d->month) || d->hour < 0 ||
	    d->hour > 23 || d->minute < 0 || d->minute > 59 || d->second < 0 ||
	    d->second > 60)
		return false;
	*ret = days_of(d->year, d->month, d->day) * 86400 + d->hour * 3600 +
	       d->minute * 60 + d->second;
	return true;
}

/* Digits at the start of `s`, at least `min` and at most `max`, no digit after; *ret_len.
 */
static bool
number_at(struct slice s, size_t min, size_t max, int64_t *ret, size_t *ret_len)
{
	int64_t v = 0;
	size_t n = 0;

	while (n < s.len && n < max && ascii_is_digit(s.ptr[n]))
		v = v * 10 + (s.ptr[n++] - '0');
	if (n < min || (n < s.len && ascii_is_digit(s.ptr[n])))
		return false;
	*ret = v;
	*ret_len = n;
	return true;
}

/* "8:49:37", with whatever behind. */
static bool
time_parse(struct slice s, struct http_date *d)
{
	int64_t v[3];
	size_t len;

	for (int i = 0; i < 3; i++) {
		if (!number_at(s, 1, 2, &v[i], &len))
			return false;
		s = slice_from(s, len);
		if (i < 2 && (s.len == 0 || s.ptr[0] != ':'))
			return false;
		if (i < 2)
			s = slice_from(s, 1);
	}
	d->hour = v[0];
	d->minute = v[1];
	d->second = v[2];
	return true;
}

static int64_t
month_parse(struct slice s)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	for (int64_t i = 0; i < 12 && s.len >= 3; i++)
		if (slice_ieq(slice_head(s, 3), slice_of(names + 3 * i, 3)))
			return i + 1;
	return -1;
}

static bool
is_date_delimiter(char c)
{
	return !ascii_is_alpha(c) && !ascii_is_digit(c) && c != ':' && c != '\0' &&
	       !((unsigned char)c & 0x80);
}

/* What a token says that is not known yet, in the order of RFC 6265bis, section 5.1.1. */
static void
token_read(struct slice s, struct http_date *d)
{
	int64_t v;
	size_t len;

	if (d->hour < 0 && time_parse(s, d))
		return;
	if (d->day < 0 && number_at(s, 1, 2, &v, &len)) {
		d->day = v;
		return;
	}
	if (d->month < 0 && (v = month_parse(s)) > 0) {
		d->month = v;
		return;
	}
	if (d->year < 0 && number_at(s, 2, 4, &v, &len)) {
		if (len == 2)
			v += v >= 70 ? 1900 : 2000;
		d->year = v;
	}
}

/*
 * The algorithm for the dates of cookies reads all three formats and most of what is not
 * one of them; the name of the day and the zone, which is GMT, are not looked at.
 */
bool
http_date(struct slice value, int64_t *ret)
{
	struct http_date d = {-1, -1, -1, -1, -1, -1}; /* -1: not seen */
	size_t i = 0;

	value = slice_head(value, 100);
	while (i < value.len) {
		size_t from;

		while (i < value.len && is_date_delimiter(value.ptr[i]))
			i++;
		from = i;
		while (i < value.len && !is_date_delimiter(value.ptr[i]))
			i++;
		if (i > from)
			token_read(slice_of(value.ptr + from, i - from), &d);
	}
	return http_time(&d, ret);
}

int64_t
http_retry_after_s(struct slice value, int64_t now)
{
	int64_t wait = 0, when;
	size_t i = 0;

	value = slice_trim(value);
	for (; i < value.len && ascii_is_digit(value.ptr[i]); i++)
		if (wait <= HTTP_RETRY_AFTER_MAX_S)
			wait = wait * 10 + (value.ptr[i] - '0');
	if (value.len == 0 || i < value.len) {
		if (!http_date(value, &when) || when < now)
			return -1;
		wait = when - now;
	}
	return wait < HTTP_RETRY_AFTER_MAX_S ? wait : HTTP_RETRY_AFTER_MAX_S;
}
