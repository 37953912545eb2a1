#include "web/pattern_date.h"
#include <stdlib.h>

#include "base/banned.h"

enum { YEAR_MIN = 1000, YEAR_MAX = 9999, NAME_BYTES_MAX = 12 };

/* ---- numbers ---- */

/* The digits at the front, at most 13 of them. */
static size_t
digits(struct slice s, uint64_t *ret)
{
	size_t n = 0;

	*ret = 0;
	while (n < s.len && n < 13 && ascii_is_digit(s.ptr[n]))
		*ret = *ret * 10 + (uint64_t)(s.ptr[n++] - '0');
	return n < s.len && ascii_is_digit(s.ptr[n]) ? 0 : n;
}

/* Between the parts of a date; bytes, 0: there is none. */
static size_t
separator(struct slice s, enum date_place place)
{
	if (s.len == 0)
		return 0;
	if (s.ptr[0] == '-' || s.ptr[0] == '_' || s.ptr[0] == '.' || s.ptr[0] == '/')
		return 1;
	return place == DATE_IN_VALUE && slice_istarts(s, SLICE_LIT("%2f")) ? 3 : 0;
}

/* Days since 1970, proleptic Gregorian; Hinnant, "chrono-compatible low-level date
 * algorithms". */
static int32_t
days_of(uint32_t year, uint32_t month, uint32_t day)
{
	int32_t y = (int32_t)year - (month <= 2);
	int32_t era = y / 400, of_era = y - era * 400;
	int32_t of_year =
	    (153 * ((int32_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int32_t)day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool
is_date(uint64_t y, uint64_t m, uint64_t d)
{
	return y >= YEAR_MIN && y <= YEAR_MAX && m >= 1 && m <= 12 && d >= 1 && d <= 31;
}

/* ---- one date ---- */

/* Up to three numbers of one or two digits, or of four; how many. */
struct numbers {
	uint64_t v[3];
	size_t len[3], end[3];
	size_t n;
};

static void
numbers_read(struct slice s, enum date_place place, struct numbers *ret)
{
	size_t at = 0;

	*ret = (struct numbers){.n = 0};
	while (ret->n < 3) {
		size_t i = ret->n, gap = i == 0 ? 0 : separator(slice_from(s, at), place);

		if (i > 0 && gap == 0)
			return;
		ret->len[i] = digits(slice_from(s, at + gap), &ret->v[i]);
		if (ret->len[i] == 0 || (ret->len[i] > 2 && ret->len[i] != 4))
			return;
		at += gap + ret->len[i];
		/* "2031-05x" is no month; of a path, nor is "2031/05.html"'s day. */
		if (at < s.len && ascii_is_alpha(s.ptr[at]))
			return;
		ret->end[i] = at;
		ret->n++;
	}
}

/* YYYY-MM-DD, YYYY-MM */
static size_t
year_first(const struct numbers *k, int32_t *ret_day)
{
	if (k->n < 2 || k->len[0] != 4 || k->len[1] > 2)
		return 0;
	if (k->n == 3 && k->len[2] <= 2 && is_date(k->v[0], k->v[1], k->v[2])) {
		*ret_day =
		    days_of((uint32_t)k->v[0], (uint32_t)k->v[1], (uint32_t)k->v[2]);
		return k->end[2];
	}
	if (!is_date(k->v[0], k->v[1], 1))
		return 0;
	*ret_day = days_of((uint32_t)k->v[0], (uint32_t)k->v[1], 1);
	return k->end[1];
}

/* DD.MM.YYYY, MM/DD/YYYY, MM/YYYY */
static size_t
year_last(const struct numbers *k, int32_t *ret_day)
{
	uint64_t y, m, d = 1;

	if (k->n < 2 || k->len[0] > 2 || k->len[k->n - 1] != 4)
		return 0;
	y = k->v[k->n - 1];
	m = k->v[k->n - 2];
	if (k->n == 3) {
		if (k->len[1] > 2)
			return 0;
		d = k->v[0];
		if (m > 12) {
			d = m;
			m = k->v[0];
		}
	}
	if (!is_date(y, m, d))
		return 0;
	*ret_day = days_of((uint32_t)y, (uint32_t)m, (uint32_t)d);
	return k->end[k->n - 1];
}

size_t
date_find(struct slice s, enum date_place place, int32_t *ret_day)
{
	struct numbers k;
	uint64_t n;
	size_t len;

	if (s.len < 6 || !ascii_is_digit(s.ptr[0]))
		return 0;
	len = digits(s, &n);
	if (len == 8 && is_date(n / 10000, n / 100 % 100, n % 100)) {
		*ret_day = days_of((uint32_t)(n / 10000), (uint32_t)(n / 100 % 100),
		    (uint32_t)(n % 100));
		return len;
	}
	numbers_read(s, place, &k);
	len = year_first(&k, ret_day);
	if (len == 0 && place == DATE_IN_VALUE)
		len = year_last(&k, ret_day);
	return len;
}

/* ---- of a query ---- */

static bool
is_one_of(struct slice name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slice_ieq(name, slice_cstr(names[i])))
			return true;
	return false;
}
#define IS_ONE_OF(name, list) is_one_of(name, list, sizeof(list) / sizeof((list)[0]))

/* Seconds, or milliseconds, of 1970. */
static bool
unix_day(struct slice value, int32_t *ret_day)
{
	uint64_t n;
	size_t len = digits(value, &n);

	if (len != value.len || (len != 9 && len != 10 && len != 12 && len != 13))
		return false;
	*ret_day = (int32_t)((len > 10 ? n / 1000 : n) / 86400);
	return true;
}

void
date_parts_add(struct date_parts *p, struct slice name, struct slice value)
{
	static const char *const years[] = {"year", "yr", "y", "jahr", "annee", "ano",
	    "anno", "jaar", "cal_year", "iyear"};
	static const char *const months[] = {
	    "month", "mon", "m", "monat", "mois", "mes", "mese", "maand", "cal_month"};
	static const char *const days[] = {
	    "day", "d", "tag", "jour", "dia", "giorno", "dag"};
	static const char *const times[] = {"date", "time", "ts", "t", "timestamp",
	    "start", "end", "from", "to", "day", "month", "week", "cal", "datum"};
	uint64_t n;
	size_t len;

	len = date_find(value, DATE_IN_VALUE, &p->day);
	if (len > 0) {
		p->whole = true;
		return;
	}
	if (IS_ONE_OF(name, times) && unix_day(value, &p->day)) {
		p->whole = true;
		return;
	}
	len = digits(value, &n);
	if (len == 0 || len != value.len || len > 4)
		return;
	if (len == 4 && IS_ONE_OF(name, years))
		p->y = (uint32_t)n;
	else if (len <= 2 && IS_ONE_OF(name, months))
		p->m = (uint32_t)n;
	else if (len <= 2 && IS_ONE_OF(name, days))
		p->d = (uint32_t)n;
}

bool
date_parts_day(const struct date_parts *p, int32_t *ret_day)
{
	uint32_t m = p->m == 0 ? 1 : p->m, d = p->d == 0 ? 1 : p->d;

	if (p->whole) {
		*ret_day = p->day;
		return true;
	}
	if (!is_date(p->y, m, d))
		return false;
	*ret_day = days_of(p->y, m, d);
	return true;
}

/* ---- names of months and days ---- */

/* Sorted; short forms of three letters and more. */
static const char *const date_names[] = {"abr", "abril", "ago", "agosto", "aout",
    "ao\303\273t", "apr", "april", "aprile", "aug", "august", "augustus", "avr", "avril",
    "dec", "december", "decembre", "dez", "dezember", "dezembro", "dic", "dicembre",
    "diciembre", "dienstag", "dim", "dimanche", "dinsdag", "dom", "domenica", "domingo",
    "donderdag", "donnerstag", "d\303\251c", "d\303\251cembre", "ene", "enero", "feb",
    "febbraio", "febrero", "februar", "februari", "february", "fev", "fevereiro",
    "fevrier", "freitag", "fri", "friday", "f\303\251v", "f\303\251vrier", "gen",
    "gennaio", "gio", "gioved\303\254", "giu", "giugno", "jan", "janeiro", "januar",
    "januari", "january", "janv", "janvier", "jeu", "jeudi", "jueves", "juil", "juillet",
    "juin", "jul", "julho", "juli", "julio", "july", "jun", "june", "junho", "juni",
    "junio", "lug", "luglio", "lun", "lundi", "luned\303\254", "lunes", "maandag",
    "maart", "mag", "maggio", "mai", "maio", "mar", "march", "mardi", "mars",
    "marted\303\254", "martes", "marzo", "mar\303\247o", "may", "mayo", "mei", "mer",
    "mercoled\303\254", "mercredi", "mittwoch", "mi\303\251rcoles", "mon", "monday",
    "montag", "mrt", "m\303\244r", "m\303\244rz", "nov", "november", "novembre",
    "novembro", "noviembre", "oct", "october", "octobre", "octubre", "okt", "oktober",
    "ott", "ottobre", "out", "outubro", "quarta", "quinta", "sabado", "sabato", "sam",
    "samedi", "samstag", "sat", "saturday", "segunda", "sep", "sept", "september",
    "septembre", "septiembre", "set", "setembro", "settembre", "sexta", "sonnabend",
    "sonntag", "sun", "sunday", "s\303\241bado", "ter\303\247a", "thu", "thursday", "tue",
    "tuesday", "ven", "vendredi", "venerd\303\254", "viernes", "vrijdag", "wed",
    "wednesday", "woensdag", "zaterdag", "zondag"};

/* Of the names with a first letter: their second ones, and a bit for each length.  Most
 * words of a text are none of them by that. */
static const struct {
	char seconds[10];
	uint16_t lengths;
} starts[26] = {
    ['a' - 'a'] = {"bgopuv", 0x178},
    ['d' - 'a'] = {"eio\303", 0x798},
    ['e' - 'a'] = {"n", 0x28},
    ['f' - 'a'] = {"er\303", 0x3d8},
    ['g' - 'a'] = {"ei", 0x1c8},
    ['j' - 'a'] = {"aeu", 0xf8},
    ['l' - 'a'] = {"u", 0xe8},
    ['m' - 'a'] = {"aeior\303", 0x5f8},
    ['n' - 'a'] = {"o", 0x308},
    ['o' - 'a'] = {"cktu", 0x88},
    ['q' - 'a'] = {"u", 0x40},
    ['s' - 'a'] = {"aeou\303", 0x7f8},
    ['t' - 'a'] = {"ehu", 0x1c8},
    ['v' - 'a'] = {"eir", 0x188},
    ['w' - 'a'] = {"eo", 0x308},
    ['z' - 'a'] = {"ao", 0x140},
};

static bool
may_be_name(struct slice word)
{
	int first = ascii_lower(word.ptr[0]) - 'a';

	if (first < 0 || first >= 26 || (starts[first].lengths >> word.len & 1) == 0)
		return false;
	return strchr(starts[first].seconds, ascii_lower(word.ptr[1])) != NULL;
}

static int
by_text(const void *key, const void *at)
{
	const struct slice *a = key;
	struct slice b = slice_cstr(*(const char *const *)at);
	size_t n = a->len < b.len ? a->len : b.len;
	int order = n == 0 ? 0 : memcmp(a->ptr, b.ptr, n);

	if (order != 0)
		return order;
	return a->len < b.len ? -1 : a->len > b.len;
}

bool
date_is_name(struct slice word)
{
	char low[NAME_BYTES_MAX];
	struct slice key = slice_of(low, word.len);

	if (word.len < 3 || word.len > sizeof(low) || !may_be_name(word))
		return false;
	for (size_t i = 0; i < word.len; i++)
		low[i] = ascii_lower(word.ptr[i]);
	return bsearch(&key, date_names, sizeof(date_names) / sizeof(date_names[0]),
		   sizeof(date_names[0]), by_text) != NULL;
}

const char *
date_name(size_t i)
{
	return i < sizeof(date_names) / sizeof(date_names[0]) ? date_names[i] : NULL;
}
