#include "crawl/job.h"
#include "web/charset.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

enum { SEEDS_FILES_MAX = 1000 };

struct reader {
	struct job *job;
	yaml_document_t doc;
	job_mistake_fn *fn;
	void *ctx;
	int mistakes;
	bool quit;
};

__attribute__((format(printf, 3, 4))) static void
mistake(struct reader *r, yaml_mark_t at, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (r->quit)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->mistakes++;
	r->quit = !r->fn(r->ctx, at.line + 1, at.column + 1, text);
}

static struct slice
scalar(const yaml_node_t *n)
{
	return slice_of(n->data.scalar.value, n->data.scalar.length);
}

static void
set_one(struct reader *r, const struct option_row *row, const yaml_node_t *value)
{
	struct why why;

	if (value->type != YAML_SCALAR_NODE)
		mistake(r, value->start_mark, "%s.%s wants one value", row->section,
		    row->name);
	else if (option_set(&r->job->options, row, scalar(value), &why) < 0)
		mistake(
		    r, value->start_mark, "%s.%s: %s", row->section, row->name, why.text);
}

static void
set_option(struct reader *r, const struct option_row *row, const yaml_node_t *value)
{
	if (value->type != YAML_SEQUENCE_NODE || row->type != OPTION_LIST) {
		set_one(r, row, value);
		return;
	}
	for (yaml_node_item_t *i = value->data.sequence.items.start;
	     i < value->data.sequence.items.top && !r->quit; i++)
		set_one(r, row, yaml_document_get_node(&r->doc, *i));
}

static void
unknown_key(struct reader *r, struct slice section, const yaml_node_t *key)
{
	const struct option_row *near = option_nearest(scalar(key));

	if (near == NULL)
		mistake(r, key->start_mark, "there is no " SLICE_FMT "." SLICE_FMT,
		    SLICE_ARG(section), SLICE_ARG(scalar(key)));
	else
		mistake(r, key->start_mark,
		    "there is no " SLICE_FMT "." SLICE_FMT "; did you mean %s.%s?",
		    SLICE_ARG(section), SLICE_ARG(scalar(key)), near->section,
		    near->name);
}

static void
read_section(struct reader *r, struct slice section, const yaml_node_t *map)
{
	if (map->type == YAML_SCALAR_NODE && map->data.scalar.length == 0)
		return; /* "net:" with nothing below */
	if (map->type != YAML_MAPPING_NODE) {
		mistake(r, map->start_mark, SLICE_FMT " wants keys with values below it",
		    SLICE_ARG(section));
		return;
	}
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start;
	     p < map->data.mapping.pairs.top && !r->quit; p++) {
		const yaml_node_t *key = yaml_document_get_node(&r->doc, p->key);
		const struct option_row *row;

		if (key->type != YAML_SCALAR_NODE) {
			mistake(r, key->start_mark, "a key must be a plain word");
			continue;
		}
		row = option_by_key(section, scalar(key));
		if (row == NULL)
			unknown_key(r, section, key);
		else
			set_option(r, row, yaml_document_get_node(&r->doc, p->value));
	}
}

/* What is true of all that follow, too, is told once. */
static bool
is_the_end(int err)
{
	return err == -E2BIG || err == -ENOMEM;
}

static void
add_seed(struct reader *r, const yaml_node_t *n)
{
	struct why why;
	int err = 0;

	if (n->type != YAML_SCALAR_NODE)
		mistake(r, n->start_mark, "a seed is one URL");
	else if ((err = job_add_seed(r->job, scalar(n), &why)) < 0)
		mistake(r, n->start_mark, "seed %s", why.text);
	r->quit |= is_the_end(err);
}

static void
read_seeds(struct reader *r, const yaml_node_t *n)
{
	if (n->type != YAML_SEQUENCE_NODE) {
		add_seed(r, n);
		return;
	}
	for (yaml_node_item_t *i = n->data.sequence.items.start;
	     i < n->data.sequence.items.top && !r->quit; i++)
		add_seed(r, yaml_document_get_node(&r->doc, *i));
}

static void
add_seeds_file(struct reader *r, const yaml_node_t *n)
{
	struct strlist *l = &r->job->seeds_from;
	char **grown;

	if (n->type != YAML_SCALAR_NODE || scalar(n).len == 0 ||
	    slice_eq(scalar(n), SLICE_LIT("-")) ||
	    slice_find(scalar(n), '\0') < scalar(n).len) {
		mistake(r, n->start_mark, "seeds_from wants the name of a file");
		return;
	}
	if (l->n == SEEDS_FILES_MAX) {
		mistake(
		    r, n->start_mark, "seeds_from: more than %d files", SEEDS_FILES_MAX);
		r->quit = true;
		return;
	}
	grown = realloc(l->v, (l->n + 1) * sizeof(*grown));
	if (grown != NULL)
		l->v = grown;
	if (grown != NULL && (grown[l->n] = slice_dup(scalar(n))) != NULL)
		l->n++;
	else
		mistake(r, n->start_mark, "out of memory");
}

static void
read_seeds_from(struct reader *r, const yaml_node_t *n)
{
	if (n->type != YAML_SEQUENCE_NODE) {
		add_seeds_file(r, n);
		return;
	}
	for (yaml_node_item_t *i = n->data.sequence.items.start;
	     i < n->data.sequence.items.top && !r->quit; i++)
		add_seeds_file(r, yaml_document_get_node(&r->doc, *i));
}

static bool
is_section(struct slice name)
{
	for (size_t i = 0; i < OPTION_ID_MAX; i++)
		if (slice_eq(name, slice_cstr(option_rows[i].section)))
			return true;
	return false;
}

static void
read_top(struct reader *r, const yaml_node_t *key, const yaml_node_t *value)
{
	struct slice name = scalar(key);
	struct why why;

	if (slice_eq(name, SLICE_LIT("seeds")))
		read_seeds(r, value);
	else if (slice_eq(name, SLICE_LIT("seeds_from")))
		read_seeds_from(r, value);
	else if (is_section(name))
		read_section(r, name, value);
	else if (!slice_eq(name, SLICE_LIT("name")))
		mistake(r, key->start_mark,
		    "there is no section '" SLICE_FMT
		    "'; there are name, seeds, seeds_from, crawl, limits, fetch, net, "
		    "output, run",
		    SLICE_ARG(name));
	else if (value->type != YAML_SCALAR_NODE)
		mistake(r, value->start_mark, "name wants one word");
	else if (job_set_name(r->job, scalar(value), &why) < 0)
		mistake(r, value->start_mark, "name: %s", why.text);
}

static void
read_document(struct reader *r)
{
	yaml_node_t *root = yaml_document_get_root_node(&r->doc);

	if (root == NULL || root->type != YAML_MAPPING_NODE) {
		mistake(r, root == NULL ? ((yaml_mark_t){0}) : root->start_mark,
		    "a job is a mapping: seeds, and sections of options");
		return;
	}
	for (yaml_node_pair_t *p = root->data.mapping.pairs.start;
	     p < root->data.mapping.pairs.top && !r->quit; p++) {
		yaml_node_t *key = yaml_document_get_node(&r->doc, p->key);

		if (key->type != YAML_SCALAR_NODE)
			mistake(r, key->start_mark, "a key must be a plain word");
		else
			read_top(r, key, yaml_document_get_node(&r->doc, p->value));
	}
}

int
job_read(struct job *j, struct slice yaml, job_mistake_fn *fn, void *ctx)
{
	struct reader r = {.job = j, .fn = fn, .ctx = ctx};
	yaml_parser_t parser;

	if (yaml_parser_initialize(&parser) == 0)
		return -ENOMEM;
	yaml_parser_set_input_string(
	    &parser, (const unsigned char *)(yaml.ptr == NULL ? "" : yaml.ptr), yaml.len);
	if (yaml_parser_load(&parser, &r.doc) == 0) {
		mistake(&r, parser.problem_mark, "%s",
		    parser.problem == NULL ? "not YAML" : parser.problem);
	} else {
		read_document(&r);
		yaml_document_delete(&r.doc);
	}
	yaml_parser_delete(&parser);
	return r.mistakes;
}

/* The URL of a line of seeds; empty: there is none. */
static struct slice
seed_of_line(struct slice line)
{
	line = slice_trim(line);
	if (line.len > 0 && line.ptr[0] == '#')
		return (struct slice){0};
	for (size_t i = 1; i < line.len; i++)
		if (line.ptr[i] == '#' && ascii_is_space(line.ptr[i - 1]))
			return slice_trim(slice_head(line, i));
	return line;
}

static bool
has_space(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (ascii_is_space(s.ptr[i]))
			return true;
	return false;
}

int
job_read_seeds(struct job *j, struct slice text, job_mistake_fn *fn, void *ctx)
{
	struct slice rest = text, line, seed;
	bool more = true;
	int mistakes = 0;
	struct why why;

	if (slice_starts(rest, SLICE_LIT("\xEF\xBB\xBF"))) /* as Windows has it */
		rest = slice_from(rest, 3);
	for (size_t n = 1; more && slice_cut(&rest, '\n', &line); n++) {
		int r = 0;

		seed = seed_of_line(line);
		if (has_space(seed))
			r = why_set(&why, -EINVAL,
			    "'" SLICE_FMT "': a line holds one URL, without spaces",
			    SLICE_ARG(seed));
		else if (seed.len > 0)
			r = job_add_seed(j, seed, &why);
		if (r < 0) {
			mistakes++;
			more = fn(ctx, n, 1, why.text) && !is_the_end(r);
		}
	}
	return mistakes;
}

/* ---- writing ---- */

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
write_text(struct buf *out, struct slice s)
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

static int
write_value(struct buf *out, const struct option_row *row, struct slice v)
{
	return row->type == OPTION_STR || row->type == OPTION_LIST
		   ? write_text(out, v)
		   : buf_add_slice(out, v);
}

static int
write_option(struct buf *out, const struct options *o, const struct option_row *row,
    struct buf *value)
{
	int r;

	if (!option_get(o, row, 0, value))
		return 0;
	r = buf_printf(out, "  %s:", row->name);
	if (row->type != OPTION_LIST) {
		if (r == 0)
			r = buf_add_byte(out, ' ');
		if (r == 0)
			r = write_value(out, row, buf_slice(value));
		return r == 0 ? buf_add_byte(out, '\n') : r;
	}
	for (size_t i = 0; r == 0 && option_get(o, row, i, value); i++) {
		r = buf_add_cstr(out, i == 0 ? "\n    - " : "    - ");
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
	       row->id == OPTION_ID_fetch_proxy;
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
	buf_release(&value);
	return has;
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
	for (size_t i = 0; i < seeds && r == 0; i++) {
		r = buf_add_cstr(out, "  - ");
		if (r == 0)
			r = write_text(out, slice_cstr(j->seeds.v[i]));
		if (r == 0)
			r = buf_add_byte(out, '\n');
	}
	for (size_t i = 0; i < OPTION_ID_MAX && r == 0; i++) {
		const struct option_row *row = &option_rows[i];

		if (strcmp(section, row->section) != 0) {
			section = row->section;
			r = buf_printf(out, "%s:\n", section);
		}
		if (r == 0 && !((flags & JOB_FOR_STRANGERS) != 0 && may_be_secret(row)))
			r = write_option(out, &j->options, row, &value);
	}
	buf_release(&value);
	return r;
}
