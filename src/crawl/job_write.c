#include "crawl/job.h"
#include "crawl/job_env.h"
#include "web/charset.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* The code point at `s`, of which *ret_len bytes are; a byte that is no UTF-8 is itself.
 */
static uint32_t
char_at(struct slice s, size_t *ret_len)
{
	unsigned char c = (unsigned char)s.ptr[0];
	size_t n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
	uint32_t code = c & (n == 1 ? 0x7Fu : 0xFFu >> (n + 1));

	*ret_len = 1;
	if (n == 1 || s.len < n || utf8_valid_len(slice_head(s, n)) != n)
		return c;
	for (size_t i = 1; i < n; i++)
		code = code << 6 | ((unsigned char)s.ptr[i] & 0x3F);
	*ret_len = n;
	return code;
}

/* YAML 1.1, section 5.1, without what breaks lines and with no more than a reader takes
 * for what it is. */
static bool
is_plain_char(uint32_t code, size_t len)
{
	if (code < 0x80)
		return code >= ' ' && code < 0x7F;
	return len > 1 && code >= 0xA0 && code != 0x2028 && code != 0x2029 &&
	       code != 0xFEFF && code != 0xFFFE && code != 0xFFFF;
}

/* Double-quoted.  A byte that is no UTF-8 cannot be said in YAML: it becomes Latin 1. */
static int
write_escaped(struct buf *out, struct slice s)
{
	int r = buf_add_byte(out, '"');

	for (size_t i = 0, n; i < s.len && r == 0; i += n) {
		uint32_t code = char_at(slice_from(s, i), &n);

		if (!is_plain_char(code, n))
			r = buf_printf(out, code < 0x100 ? "\\x%02X" : "\\u%04X", code);
		else if (code == '"' || code == '\\')
			r = buf_printf(out, "\\%c", (int)code);
		else
			r = buf_add(out, s.ptr + i, n);
	}
	return r == 0 ? buf_add_byte(out, '"') : r;
}

static int
write_quoted(struct buf *out, struct slice s)
{
	int r;

	for (size_t i = 0, n; i < s.len; i += n) {
		uint32_t code = char_at(slice_from(s, i), &n);

		if (!is_plain_char(code, n))
			return write_escaped(out, s);
	}
	r = buf_add_byte(out, '\'');
	for (size_t i = 0; i < s.len && r == 0; i++) {
		if (s.ptr[i] == '\'')
			r = buf_add_byte(out, '\'');
		if (r == 0)
			r = buf_add_byte(out, s.ptr[i]);
	}
	return r == 0 ? buf_add_byte(out, '\'') : r;
}

/* That no reader takes for the name of something in its environment. */
static int
write_text(struct buf *out, struct slice s)
{
	struct buf plain;
	int r;

	if (!job_env_is_used(s))
		return write_quoted(out, s);
	buf_init(&plain, 2 * s.len);
	r = job_env_escape(s, &plain);
	if (r == 0)
		r = write_quoted(out, buf_slice(&plain));
	buf_release(&plain);
	return r;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit times[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

/* "60000ms" as 1m, 67108864 as 64MiB: in the largest unit of which it is a whole number. */
static int
write_number(struct buf *out, const struct unit *units, uint64_t n)
{
	while (units->factor > 1 && (n == 0 || n % units->factor != 0))
		units++;
	return buf_printf(out, "%" PRIu64 "%s", n / units->factor, units->name);
}

int
job_write_time(struct buf *out, uint64_t ms)
{
	return write_number(out, times, ms);
}

static int
write_quantity(struct buf *out, const struct unit *units, struct slice v)
{
	uint64_t n;
	size_t digits = 0;

	while (digits < v.len && ascii_is_digit(v.ptr[digits]))
		digits++;
	if (!slice_to_u64(slice_head(v, digits), &n)) /* none, auto */
		return buf_add_slice(out, v);
	return write_number(out, units, n);
}

static int
write_rate(struct buf *out, struct slice v)
{
	if (slice_find(v, '.') < v.len) {
		while (v.len > 0 && v.ptr[v.len - 1] == '0')
			v.len--;
		if (v.len > 0 && v.ptr[v.len - 1] == '.')
			v.len--;
	}
	return buf_add_slice(out, v);
}

int
job_write_quantity(struct buf *out, const struct option_row *row, struct slice v)
{
	static const struct unit sizes[] = {{"GiB", 1 << 30}, {"GB", 1000000000},
	    {"MiB", 1 << 20}, {"MB", 1000000}, {"KiB", 1 << 10}, {"kB", 1000}, {"", 1}};

	switch (row->type) {
	case OPTION_TIME:
	case OPTION_DELAY:
		return write_quantity(out, times, v);
	case OPTION_SIZE:
		return write_quantity(out, sizes, v);
	case OPTION_RATE:
		return write_rate(out, v);
	default:
		return buf_add_slice(out, v);
	}
}

static int
write_value(struct buf *out, const struct option_row *row, struct slice v)
{
	if (row->type == OPTION_STR || row->type == OPTION_LIST)
		return write_text(out, v);
	return job_write_quantity(out, row, v);
}

/* Below `indent` spaces. */
static int
write_option(struct buf *out, const struct options *o, const struct option_row *row,
    int indent, struct buf *value)
{
	int r;

	if (!option_get(o, row, 0, value))
		return 0;
	r = buf_printf(out, "%*s%s:", indent, "", option_key(row));
	if (row->type != OPTION_LIST) {
		if (r == 0)
			r = buf_add_byte(out, ' ');
		if (r == 0)
			r = write_value(out, row, buf_slice(value));
		return r == 0 ? buf_add_byte(out, '\n') : r;
	}
	for (size_t i = 0; r == 0 && option_get(o, row, i, value); i++) {
		r = buf_printf(out, "%s%*s- ", i == 0 ? "\n" : "", indent + 2, "");
		if (r == 0)
			r = write_value(out, row, buf_slice(value));
		if (r == 0)
			r = buf_add_byte(out, '\n');
	}
	return r;
}

static bool
may_be_secret(const struct option_row *row)
{
	return row->id == OPTION_ID_fetch_header ||
	       row->id == OPTION_ID_fetch_header_for || row->id == OPTION_ID_fetch_auth ||
	       row->id == OPTION_ID_fetch_proxy || row->id == OPTION_ID_exec_exec_command;
}

static int
write_rule_text(struct buf *out, const char *key, const char *text)
{
	int r;

	if (text == NULL)
		return 0;
	r = buf_printf(out, "    %s: ", key);
	if (r == 0)
		r = write_text(out, slice_cstr(text));
	return r == 0 ? buf_add_byte(out, '\n') : r;
}

static int
write_rule(
    struct buf *out, const struct option_rule *rule, unsigned flags, struct buf *value)
{
	int r = buf_add_cstr(out, "  -\n");

	if (r == 0)
		r = write_rule_text(out, "match", rule->match);
	if (r == 0)
		r = write_rule_text(out, "host", rule->host);
	if (r == 0 && rule->exclude >= 0)
		r = buf_printf(
		    out, "    exclude: %s\n", rule->exclude > 0 ? "yes" : "no");
	if (r == 0 && rule->has_priority)
		r = buf_printf(out, "    priority: %d\n", rule->priority);
	for (size_t i = 0; i < OPTION_ID_MAX && r == 0; i++) {
		const struct option_row *row = &option_rows[i];

		if (rule->options->given[i] &&
		    !((flags & JOB_FOR_STRANGERS) != 0 && may_be_secret(row)))
			r = write_option(out, rule->options, row, 4, value);
	}
	return r;
}

static int
write_rules(struct buf *out, const struct options *o, unsigned flags, struct buf *value)
{
	int r = o->rules_len == 0 ? 0 : buf_add_cstr(out, "rules:\n");

	for (size_t i = 0; i < o->rules_len && r == 0; i++)
		r = write_rule(out, &o->rules[i], flags, value);
	return r;
}

bool
job_has_secrets(const struct job *j)
{
	bool has = false;
	struct buf value;

	buf_init(&value, 1 << 20);
	for (size_t i = 0; i < OPTION_ID_MAX && !has; i++)
		has = may_be_secret(&option_rows[i]) &&
		      option_get(&j->options, &option_rows[i], 0, &value);
	for (size_t i = 0; i < j->options.rules_len && !has; i++)
		has = j->options.rules[i].options->fetch_header.n > 0;
	buf_release(&value);
	return has;
}

static int
write_seed(struct buf *out, const char *url)
{
	int r = buf_add_cstr(out, "  - ");

	if (r == 0)
		r = write_text(out, slice_cstr(url));
	return r == 0 ? buf_add_byte(out, '\n') : r;
}

int
job_write(const struct job *j, unsigned flags, struct buf *out)
{
	const char *section = "";
	struct buf value;
	size_t seeds = (flags & JOB_WITHOUT_SEEDS) != 0 ? 0 : j->seeds.n;
	int r = 0;

	buf_init(&value, 1 << 20);
	if (j->name != NULL)
		r = buf_printf(out, "name: '%s'\n", j->name);
	if (r == 0 && seeds > 0)
		r = buf_add_cstr(out, "seeds:\n");
	for (size_t i = 0; i < seeds && r == 0; i++)
		r = write_seed(out, j->seeds.v[i]);
	if (r == 0 && seeds > 0 && j->sitemaps.n > 0)
		r = buf_add_cstr(out, "seeds_sitemaps:\n");
	for (size_t i = 0; i < j->sitemaps.n && seeds > 0 && r == 0; i++)
		r = write_seed(out, j->sitemaps.v[i]);
	for (size_t i = 0; i < OPTION_ID_MAX && r == 0; i++) {
		const struct option_row *row = &option_rows[i];

		if (strcmp(section, row->section) != 0) {
			section = row->section;
			r = buf_printf(out, "%s:\n", section);
		}
		if (r == 0 && !((flags & JOB_FOR_STRANGERS) != 0 && may_be_secret(row)))
			r = write_option(out, &j->options, row, 2, &value);
	}
	if (r == 0)
		r = write_rules(out, &j->options, flags, &value);
	buf_release(&value);
	return r;
}
