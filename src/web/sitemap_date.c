#include "web/http.h"
#include "web/sitemap.h"

#include "base/banned.h"

/* Exactly `n` digits at the start of *s, which moves on. */
static bool
digits_take(struct slice *s, size_t n, int64_t *ret)
{
	int64_t v = 0;

	if (s->len < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!ascii_is_digit(s->ptr[i]))
			return false;
		v = v * 10 + (s->ptr[i] - '0');
	}
	*s = slice_from(*s, n);
	*ret = v;
	return true;
}

static bool
char_take(struct slice *s, char c)
{
	if (s->len == 0 || s->ptr[0] != c)
		return false;
	*s = slice_from(*s, 1);
	return true;
}

/* "Z", "+01:00", "-0530", or a name of RFC 822, section 5.1. */
static bool
zone_parse(struct slice s, int64_t *ret_s)
{
	static const struct {
		const char *name;
		int hours;
	} names[] = {{"Z", 0}, {"UT", 0}, {"GMT", 0}, {"UTC", 0}, {"EST", -5},
	    {"EDT", -4}, {"CST", -6}, {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8},
	    {"PDT", -7}};
	bool west = s.len > 0 && s.ptr[0] == '-';
	int64_t hours, minutes;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_ieq(s, slice_cstr(names[i].name))) {
			*ret_s = names[i].hours * 3600;
			return true;
		}
	if (!char_take(&s, west ? '-' : '+') || !digits_take(&s, 2, &hours))
		return false;
	(void)char_take(&s, ':');
	if (!digits_take(&s, 2, &minutes) || s.len > 0 || hours > 23 || minutes > 59)
		return false;
	*ret_s = (hours * 60 + minutes) * (west ? -60 : 60);
	return true;
}

/* https://www.w3.org/TR/NOTE-datetime; a space may stand for the "T", the zone may lack.
 */
static bool
w3c_date(struct slice s, int64_t *ret)
{
	struct http_date d = {.month = 1, .day = 1};
	int64_t zone = 0, t;

	if (!digits_take(&s, 4, &d.year))
		return false;
	if (char_take(&s, '-') && !digits_take(&s, 2, &d.month))
		return false;
	if (char_take(&s, '-') && !digits_take(&s, 2, &d.day))
		return false;
	if (char_take(&s, 'T') || char_take(&s, 't') || char_take(&s, ' ')) {
		if (!digits_take(&s, 2, &d.hour) || !char_take(&s, ':') ||
		    !digits_take(&s, 2, &d.minute))
			return false;
		if (char_take(&s, ':') && !digits_take(&s, 2, &d.second))
			return false;
		if (char_take(&s, '.'))
			while (s.len > 0 && ascii_is_digit(s.ptr[0]))
				s = slice_from(s, 1);
		s = slice_trim(s);
	}
	if ((s.len > 0 && !zone_parse(s, &zone)) || !http_time(&d, &t))
		return false;
	*ret = t - zone;
	return true;
}

/* "Thu, 05 Jan 2017 13:34:51 +0100"; without a zone nobody knows when that was. */
static bool
rfc822_date(struct slice s, int64_t *ret)
{
	int64_t zone, t;
	size_t at = s.len;

	while (at > 0 && s.ptr[at - 1] != ' ')
		at--;
	if (!zone_parse(slice_from(s, at), &zone) || !http_date(slice_head(s, at), &t))
		return false;
	*ret = t - zone;
	return true;
}

bool
sitemap_date(struct slice s, int64_t *ret)
{
	s = slice_trim(s);
	return w3c_date(s, ret) || rfc822_date(s, ret);
}
