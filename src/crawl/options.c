#include "crawl/options.h"
#include "crawl/fields.h"
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const struct option_row option_rows[OPTION_ID_MAX] = {
#define OPTION(sec, nam, typ, def_, min_, max_, arg_, help_)                             \
	{                                                                                \
	    .id = OPTION_ID_##sec##_##nam,                                               \
	    .type = OPTION_##typ,                                                        \
	    .section = #sec,                                                             \
	    .name = #nam,                                                                \
	    .def = def_,                                                                 \
	    .arg = arg_,                                                                 \
	    .help = help_,                                                               \
	    .min = min_,                                                                 \
	    .max = max_,                                                                 \
	    .offset = offsetof(struct options, sec##_##nam),                             \
	},
#include "crawl/options.def"
#undef OPTION
};

static void *
field(struct options *o, const struct option_row *row)
{
	return (char *)o + row->offset;
}

static const void *
field_const(const struct options *o, const struct option_row *row)
{
	return (const char *)o + row->offset;
}

/* ---- values ---- */

struct unit {
	const char *name;
	double factor;
};

/* A number, maybe with a fraction, then a unit of the table. */
static bool
parse_quantity(struct slice s, const struct unit *units, int64_t *ret)
{
	char text[32], *end;
	double v;

	if (s.len == 0 || s.len >= sizeof(text) || !ascii_is_digit(s.ptr[0]) ||
	    slice_trim(s).len < s.len)
		return false;
	memcpy(text, s.ptr, s.len);
	text[s.len] = '\0';
	for (size_t i = 0; i < s.len; i++)
		if (text[i] == 'x' || text[i] == 'X' || text[i] == 'e' || text[i] == 'E')
			return false; /* strtod would take hexadecimal and exponents */
	v = strtod(text, &end);
	while (*end == ' ')
		end++;
	for (; units->name != NULL; units++) {
		if (!slice_ieq(slice_cstr(end), slice_cstr(units->name)))
			continue;
		v *= units->factor;
		if (!(v >= 0) || v >= 9e18)
			return false;
		*ret = (int64_t)llround(v);
		return true;
	}
	return false;
}

bool
parse_duration(struct slice s, int64_t *ret_ms)
{
	static const struct unit units[] = {{"", 1000}, {"ms", 1}, {"s", 1000},
	    {"m", 60e3}, {"min", 60e3}, {"h", 3600e3}, {"d", 86400e3}, {"w", 604800e3},
	    {NULL, 0}};

	return parse_quantity(s, units, ret_ms);
}

bool
parse_size(struct slice s, int64_t *ret_bytes)
{
	static const struct unit units[] = {{"", 1}, {"B", 1}, {"K", 1024}, {"KiB", 1024},
	    {"kB", 1e3}, {"M", 1048576}, {"MiB", 1048576}, {"MB", 1e6}, {"G", 1073741824},
	    {"GiB", 1073741824}, {"GB", 1e9}, {"T", 1099511627776},
	    {"TiB", 1099511627776}, {"TB", 1e12}, {NULL, 0}};

	if (slice_ends(s, SLICE_LIT("/s")))
		s.len -= 2;
	return parse_quantity(s, units, ret_bytes);
}

static int
set_bool(bool *ret, struct slice v, struct why *why)
{
	if (slice_ieq(v, SLICE_LIT("yes")) || slice_ieq(v, SLICE_LIT("true")) ||
	    slice_ieq(v, SLICE_LIT("on")))
		*ret = true;
	else if (slice_ieq(v, SLICE_LIT("no")) || slice_ieq(v, SLICE_LIT("false")) ||
		 slice_ieq(v, SLICE_LIT("off")))
		*ret = false;
	else
		return why_set(
		    why, -EINVAL, "'" SLICE_FMT "' is neither yes nor no", SLICE_ARG(v));
	return 0;
}

static const char *
wanted(enum option_type type)
{
	switch (type) {
	case OPTION_SIZE:
		return "a size such as 500KiB, 64MiB or 1GB";
	case OPTION_TIME:
	case OPTION_DELAY:
		return "a duration such as 500ms, 10s, 5m or 2h";
	case OPTION_RATE:
		return "a rate such as 5/s";
	default:
		return "a whole number";
	}
}

static void
print_bound(enum option_type type, int64_t v, char *ret, size_t cap)
{
	static const char *const sizes[] = {"", "KiB", "MiB", "GiB"};
	size_t unit = 0;

	while (type == OPTION_SIZE && unit < 3 && v >= 1024 && v % 1024 == 0) {
		v /= 1024;
		unit++;
	}
	if (type == OPTION_TIME || type == OPTION_DELAY)
		(void)snprintf(ret, cap, v % 1000 == 0 ? "%" PRId64 "s" : "%" PRId64 "ms",
		    v % 1000 == 0 ? v / 1000 : v);
	else
		(void)snprintf(ret, cap, "%" PRId64 "%s", v, sizes[unit]);
}

static bool
is_no_limit(struct slice v)
{
	return slice_ieq(v, SLICE_LIT("none")) || slice_ieq(v, SLICE_LIT("unlimited"));
}

static int
parse_number(const struct option_row *row, struct slice v, int64_t *ret, struct why *why)
{
	bool limitless = row->type != OPTION_U32 && row->type != OPTION_DELAY;
	char min[32], max[32];
	int64_t n;
	bool ok;

	if (limitless && is_no_limit(v)) {
		*ret = OPTION_NONE;
		return 0;
	}
	if (row->type == OPTION_DELAY && slice_ieq(v, SLICE_LIT("auto"))) {
		*ret = OPTION_AUTO;
		return 0;
	}
	if (row->type == OPTION_SIZE) {
		ok = parse_size(v, &n);
	} else if (row->type == OPTION_TIME || row->type == OPTION_DELAY) {
		ok = parse_duration(v, &n);
	} else {
		uint64_t u = 0;

		ok = slice_to_u64(v, &u) && u <= INT64_MAX;
		n = (int64_t)u;
	}
	if (!ok)
		return why_set(why, -EINVAL, "'" SLICE_FMT "' is not %s%s", SLICE_ARG(v),
		    wanted(row->type), row->type == OPTION_DELAY ? ", nor auto" : "");
	if (n >= row->min && n <= row->max) {
		*ret = n;
		return 0;
	}
	print_bound(row->type, row->min, min, sizeof(min));
	print_bound(row->type, row->max, max, sizeof(max));
	if (row->max == INT64_MAX)
		return why_set(
		    why, -EINVAL, "'" SLICE_FMT "' is less than %s", SLICE_ARG(v), min);
	return why_set(why, -EINVAL, "'" SLICE_FMT "' is not between %s and %s",
	    SLICE_ARG(v), min, max);
}

static int
set_rate(const struct option_row *row, double *ret, struct slice v, struct why *why)
{
	static const struct unit units[] = {
	    {"", 1e9}, {"/s", 1e9}, {"/m", 1e9 / 60}, {"/h", 1e9 / 3600}, {NULL, 0}};
	int64_t nano = 0;

	if (!is_no_limit(v) &&
	    (!parse_quantity(v, units, &nano) || nano / 1000000000 > row->max))
		return why_set(why, -EINVAL, "'" SLICE_FMT "' is not %s", SLICE_ARG(v),
		    wanted(OPTION_RATE));
	*ret = (double)nano / 1e9;
	return 0;
}

bool
option_word(const struct option_row *row, uint32_t i, struct slice *ret)
{
	struct slice rest = slice_cstr(row->arg);

	for (; slice_cut(&rest, '|', ret); i--)
		if (i == 0)
			return true;
	return false;
}

static int
set_enum(const struct option_row *row, uint32_t *ret, struct slice v, struct why *why)
{
	struct slice word;

	for (uint32_t i = 0; option_word(row, i, &word); i++) {
		if (!slice_ieq(word, v))
			continue;
		*ret = i;
		return 0;
	}
	return why_set(
	    why, -EINVAL, "'" SLICE_FMT "' is not one of %s", SLICE_ARG(v), row->arg);
}

int
strlist_add(struct strlist *l, struct slice v)
{
	char **grown, *copy = slice_dup(v);

	if (copy == NULL)
		return -ENOMEM;
	grown = realloc(l->v, (l->n + 1) * sizeof(*grown));
	if (grown == NULL) {
		free(copy);
		return -ENOMEM;
	}
	l->v = grown;
	l->v[l->n++] = copy;
	return 0;
}

void
strlist_release(struct strlist *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct strlist){0};
}

static int
set_str(char **ret, struct slice v)
{
	char *copy = NULL;

	if (v.len > 0) {
		copy = slice_dup(v);
		if (copy == NULL)
			return -ENOMEM;
	}
	free(*ret);
	*ret = copy;
	return 0;
}

int
option_is_empty(struct why *why)
{
	return why_set(why, -EINVAL, "an empty value says nothing: leave the option out");
}

int
option_parse(const struct option_row *row, void *at, struct slice value, struct why *why)
{
	int64_t n = 0;
	int r;

	switch (row->type) {
	case OPTION_BOOL:
		r = set_bool(at, value, why);
		break;
	case OPTION_RATE:
		r = set_rate(row, at, value, why);
		break;
	case OPTION_ENUM:
		r = set_enum(row, at, value, why);
		break;
	case OPTION_STR:
	case OPTION_LIST:
		if (value.len == 0 && row->type == OPTION_LIST)
			return option_is_empty(why);
		if (slice_has_control(value)) /* it would reach headers, logs and YAML */
			return why_set(
			    why, -EINVAL, "must be one line without control characters");
		r = row->type == OPTION_STR ? set_str(at, value) : strlist_add(at, value);
		break;
	default:
		r = parse_number(row, value, &n, why);
		if (r == 0 && row->type == OPTION_U32)
			*(uint32_t *)at = (uint32_t)n;
		else if (r == 0)
			*(int64_t *)at = n;
	}
	if (r == -ENOMEM)
		(void)why_set(why, r, "out of memory");
	return r;
}

int
option_set(
    struct options *o, const struct option_row *row, struct slice value, struct why *why)
{
	int r = 0;

	if (row->id == OPTION_ID_crawl_extract && value.len > 0 &&
	    !slice_has_control(value))
		r = field_check(value, why);
	if (r == 0)
		r = option_parse(row, field(o, row), value, why);
	if (r == 0)
		o->given[row->id] = true;
	return r;
}

/* ---- the whole set ---- */

int
options_init(struct options *o)
{
	*o = (struct options){0};
	for (size_t i = 0; i < OPTION_ID_MAX; i++) {
		const struct option_row *row = &option_rows[i];
		int r;

		if (row->type == OPTION_LIST)
			continue;
		r = option_set(o, row, slice_cstr(row->def), NULL);
		if (r < 0) {
			options_release(o);
			return r;
		}
		o->given[i] = false;
	}
	return 0;
}

int
option_rule_add(struct options *o, struct option_rule **ret)
{
	struct option_rule *grown =
	    realloc(o->rules, (o->rules_len + 1) * sizeof(*grown));
	struct option_rule rule = {.exclude = -1};
	int r;

	if (grown == NULL)
		return -ENOMEM;
	o->rules = grown;
	rule.options = malloc(sizeof(*rule.options));
	r = rule.options == NULL ? -ENOMEM : options_init(rule.options);
	if (r < 0) {
		free(rule.options);
		return r;
	}
	o->rules[o->rules_len] = rule;
	*ret = &o->rules[o->rules_len++];
	return 0;
}

int
options_name_sinks(struct options *o)
{
	static const char *const usual[] = {"warc", "jsonl"};
	bool named = o->output_sink.n > 0;
	int r = 0;

	for (size_t i = 0; i < 2 && r == 0 && !named; i++)
		r = strlist_add(&o->output_sink, slice_cstr(usual[i]));
	return r;
}

void
option_rule_drop(struct options *o)
{
	struct option_rule *rule = &o->rules[--o->rules_len];

	free(rule->match);
	free(rule->host);
	options_release(rule->options);
	free(rule->options);
}

static void
rules_release(struct options *o)
{
	while (o->rules_len > 0)
		option_rule_drop(o);
	free(o->rules);
	o->rules = NULL;
}

void
options_release(struct options *o)
{
	rules_release(o);
	for (size_t i = 0; i < OPTION_ID_MAX; i++) {
		const struct option_row *row = &option_rows[i];

		if (row->type == OPTION_STR) {
			free(*(char **)field(o, row));
			*(char **)field(o, row) = NULL;
		} else if (row->type == OPTION_LIST) {
			strlist_release(field(o, row));
		}
	}
}

void
option_clear_list(struct options *o, const struct option_row *row)
{
	if (row->type == OPTION_LIST)
		strlist_release(field(o, row));
}

bool
option_get(
    const struct options *o, const struct option_row *row, size_t i, struct buf *ret)
{
	return option_print(row, field_const(o, row), i, ret);
}

bool
option_print(const struct option_row *row, const void *at, size_t i, struct buf *ret)
{
	const struct strlist *list = at;
	struct slice word;
	int64_t n;

	buf_clear(ret);
	if (row->type == OPTION_LIST)
		return i < list->n && buf_add_cstr(ret, list->v[i]) == 0;
	if (i > 0)
		return false;
	switch (row->type) {
	case OPTION_BOOL:
		return buf_add_cstr(ret, *(const bool *)at ? "yes" : "no") == 0;
	case OPTION_U32:
		return buf_printf(ret, "%" PRIu32, *(const uint32_t *)at) == 0;
	case OPTION_RATE:
		if (*(const double *)at == 0)
			return buf_add_cstr(ret, "none") == 0;
		return buf_printf(ret, "%.9f", *(const double *)at) ==
		       0; /* no exponent */
	case OPTION_ENUM:
		return option_word(row, *(const uint32_t *)at, &word) &&
		       buf_add_slice(ret, word) == 0;
	case OPTION_STR:
		return *(char *const *)at != NULL &&
		       buf_add_cstr(ret, *(char *const *)at) == 0;
	default:
		n = *(const int64_t *)at;
		if (n == OPTION_NONE || n == OPTION_AUTO)
			return buf_add_cstr(ret, n == OPTION_NONE ? "none" : "auto") == 0;
		return buf_printf(ret, "%" PRId64 "%s", n,
			   row->type == OPTION_TIME || row->type == OPTION_DELAY
			       ? "ms"
			       : "") == 0;
	}
}

int
options_merge(struct options *to, const struct options *from)
{
	struct buf value;
	int r = 0;

	buf_init(&value, 1 << 20);
	for (size_t id = 0; id < OPTION_ID_MAX && r == 0; id++) {
		const struct option_row *row = &option_rows[id];

		if (!from->given[id])
			continue;
		if (row->type == OPTION_LIST) {
			strlist_release(field(to, row));
			to->given[id] = false; /* --proxy '' */
		}
		if (row->type == OPTION_STR && !option_get(from, row, 0, &value))
			r = option_set(to, row, (struct slice){0}, NULL); /* --from '' */
		for (size_t i = 0; option_get(from, row, i, &value) && r == 0; i++)
			r = option_set(to, row, buf_slice(&value), NULL);
	}
	buf_release(&value);
	return r;
}

/* ---- names ---- */

static char
fold(char c)
{
	return c == '-' ? '_' : ascii_lower(c);
}

static bool
same_name(struct slice a, const char *name)
{
	if (a.len != strlen(name))
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (fold(a.ptr[i]) != name[i])
			return false;
	return true;
}

const struct option_row *
option_by_flag(struct slice flag, bool *ret_off)
{
	bool no = slice_starts(flag, SLICE_LIT("no-"));

	for (size_t i = 0; i < OPTION_ID_MAX; i++) {
		const struct option_row *row = &option_rows[i];
		bool off = no && row->type == OPTION_BOOL &&
			   same_name(slice_from(flag, 3), row->name);

		if (!off && !same_name(flag, row->name))
			continue;
		*ret_off = off;
		return row;
	}
	return NULL;
}

const char *
option_key(const struct option_row *row)
{
	size_t n = strlen(row->section);

	return strncmp(row->name, row->section, n) == 0 && row->name[n] == '_'
		   ? row->name + n + 1
		   : row->name;
}

const struct option_row *
option_by_key(struct slice section, struct slice name)
{
	for (size_t i = 0; i < OPTION_ID_MAX; i++)
		if (slice_eq(section, slice_cstr(option_rows[i].section)) &&
		    slice_eq(name, slice_cstr(option_key(&option_rows[i]))))
			return &option_rows[i];
	return NULL;
}

/* Levenshtein's. */
unsigned
name_distance(struct slice a, struct slice b)
{
	unsigned row[32];

	a = slice_head(a, 31);
	b = slice_head(b, 31);
	for (unsigned j = 0; j <= b.len; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a.len; i++) {
		unsigned diagonal = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= b.len; j++) {
			unsigned cost = fold(a.ptr[i - 1]) != fold(b.ptr[j - 1]);
			unsigned best = diagonal + cost;

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[b.len];
}

static unsigned
row_distance(const struct option_row *row, struct slice name)
{
	unsigned d = name_distance(name, slice_cstr(row->name));
	unsigned key = name_distance(name, slice_cstr(option_key(row)));

	return key < d ? key : d;
}

const struct option_row *
option_nearest(struct slice section, struct slice name)
{
	const struct option_row *best = NULL;
	unsigned limit = name.len < 5 ? 2 : 4, least = UINT_MAX;

	for (size_t i = 0; i < OPTION_ID_MAX; i++) {
		const struct option_row *row = &option_rows[i];
		unsigned d = row_distance(row, name), rank = 2 * d;

		/* What is right but for its section goes before all; else another
		 * section counts like a letter and a half. */
		if (d > 0 && !slice_eq(section, slice_cstr(row->section)))
			rank += 3;
		if (d >= limit || rank >= least)
			continue;
		least = rank;
		best = row;
	}
	return best;
}

void
option_flag(const struct option_row *row, char ret[OPTION_FLAG_MAX])
{
	(void)snprintf(ret, OPTION_FLAG_MAX, "--%s", row->name);
	for (char *p = ret; *p != '\0'; p++)
		if (*p == '_')
			*p = '-';
}

const char *
option_behind_flag(const struct option_row *row, const char *text)
{
	char flag[OPTION_FLAG_MAX];
	size_t n;

	option_flag(row, flag);
	n = strlen(flag);
	if (strncmp(text, flag, n) != 0 || (text[n] != ' ' && text[n] != ':'))
		return text;
	return text + n + strspn(text + n, ": ");
}
