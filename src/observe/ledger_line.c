#include "base/clock.h"
#include "observe/ledger_int.h"

#include "base/banned.h"

/* Columns are separated by one blank or more. */
static struct slice
column(struct slice *rest)
{
	struct slice c;

	while (rest->len > 0 && rest->ptr[0] == ' ')
		*rest = slice_from(*rest, 1);
	c = slice_head(*rest, slice_find(*rest, ' '));
	*rest = slice_from(*rest, c.len);
	return c;
}

/* Days since 1970 in the Gregorian calendar (years from March). */
static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year, era = y / 400, of_era = y % 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool
part(struct slice *digits, size_t n, int64_t max, int64_t *ret)
{
	uint64_t v;

	if (!slice_to_u64(slice_head(*digits, n), &v) || v > (uint64_t)max)
		return false;
	*digits = slice_from(*digits, n);
	*ret = (int64_t)v;
	return true;
}

/* "20260131120000123+1005": begin and duration in milliseconds. */
static bool
take_span(struct slice c, struct ledger_note *n)
{
	struct slice digits = slice_head(c, 17), rest = slice_from(c, digits.len);
	int64_t year, month, day, hour, minute, second, milli;
	uint64_t took;

	if (digits.len < 17 || rest.len < 2 || rest.ptr[0] != '+' ||
	    !slice_to_u64(slice_from(rest, 1), &took) || took > UINT32_MAX ||
	    !part(&digits, 4, 9999, &year) || !part(&digits, 2, 12, &month) ||
	    !part(&digits, 2, 31, &day) || !part(&digits, 2, 23, &hour) ||
	    !part(&digits, 2, 59, &minute) || !part(&digits, 2, 60, &second) ||
	    !part(&digits, 3, 999, &milli) || month == 0 || day == 0)
		return false;
	n->start_ms =
	    (((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) *
		1000 +
	    milli;
	n->end_ms = n->start_ms + (int64_t)took;
	return true;
}

static enum gap_rule
rule_of(struct slice name)
{
	for (int r = 0; r < GAP_RULE_MAX; r++)
		if (slice_eq(name, slice_cstr(gap_rule_name((enum gap_rule)r))))
			return (enum gap_rule)r;
	return GAP_NONE;
}

/* "100/option/1" */
static bool
take_gap(struct slice s, struct ledger_note *n)
{
	struct slice ms, rule;
	uint64_t gap, at_once;

	if (!slice_cut(&s, '/', &ms) || !slice_cut(&s, '/', &rule) ||
	    !slice_to_u64(ms, &gap) || gap > INT64_MAX / 2 ||
	    !slice_to_u64(s, &at_once) || at_once > UINT32_MAX)
		return false;
	n->gap_ms = (int64_t)gap;
	n->rule = (uint8_t)rule_of(rule);
	n->at_once = (uint32_t)at_once;
	return true;
}

static uint32_t
limit_of(struct slice s)
{
	uint64_t n;

	return slice_to_u64(s, &n) && n <= UINT32_MAX ? (uint32_t)n : 0;
}

/* "redirect,2t,retry,gap:100/option/1,ip:192.0.2.1" */
static bool
take_annotations(struct slice rest, struct ledger_line *l)
{
	static const struct slice gap = {"gap:", 4}, ip = {"ip:", 3},
				  per_ip = {"per-ip:", 7}, per_site = {"per-site:", 9};
	bool found = false;
	struct slice word;

	while (slice_cut(&rest, ',', &word)) {
		if (slice_starts(word, gap))
			found = take_gap(slice_from(word, gap.len), &l->note);
		else if (slice_starts(word, ip))
			l->address = slice_from(word, ip.len);
		else if (slice_starts(word, per_ip))
			l->per_ip = limit_of(slice_from(word, per_ip.len));
		else if (slice_starts(word, per_site))
			l->per_site = limit_of(slice_from(word, per_site.len));
	}
	return found;
}

/* Of a URL in normal form: what is before the path. */
static struct slice
authority_of(struct slice url)
{
	static const struct slice http = {"http://", 7}, https = {"https://", 8};
	size_t from = slice_starts(url, http)    ? http.len
		      : slice_starts(url, https) ? https.len
						 : 0;

	if (from == 0)
		return (struct slice){0};
	return slice_head(url, from + slice_find(slice_from(url, from), '/'));
}

bool
ledger_line_parse(struct slice line, struct ledger_line *ret)
{
	struct slice c[12];
	struct ledger_line l = {.address = {0}};

	for (size_t i = 0; i < 12; i++)
		c[i] = column(&line);
	if (c[11].len == 0 || !take_span(c[8], &l.note) || !take_annotations(c[11], &l))
		return false;
	l.at = c[0];
	l.url = c[3];
	l.authority = authority_of(l.url);
	l.note.answered = c[1].len > 0 && c[1].ptr[0] != '-' && c[1].ptr[0] != '0';
	*ret = l;
	return l.authority.len > 0;
}
