#include "crawl/job_yaml.h"
#include "ctl/settings.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* trawl.yaml: sections of service.def, and `defaults:`, which is a job file of its own. */

enum { VALUE_BYTES_MAX = 1 << 16 };

struct reader {
	struct settings *settings;
	const struct job_reading *how;
	struct slice text;
	yaml_document_t doc;
	struct buf value;
	size_t lines[SETTING_ID_MAX];
	int mistakes;
	bool quit;
};

__attribute__((format(printf, 3, 4))) static void
mistake(struct reader *r, yaml_mark_t at, const char *fmt, ...)
{
	struct job_mistake m = {.line = at.line + 1, .column = at.column + 1};
	va_list ap;

	if (r->quit)
		return;
	r->mistakes++;
	va_start(ap, fmt);
	r->quit = !job_mistake_tell(r->how->fn, r->how->ctx, m, fmt, ap);
	va_end(ap);
}

static struct slice
scalar(const yaml_node_t *n)
{
	return slice_of(n->data.scalar.value, n->data.scalar.length);
}

static bool
value_of(struct reader *r, const yaml_node_t *n, struct slice *ret)
{
	struct why why = {"the value is too long"};
	char null[JOB_YAML_NULL_MAX];
	size_t at;

	*ret = scalar(n);
	if (job_yaml_is_null(n, null)) {
		mistake(r, n->start_mark, "%s", null);
		return false;
	}
	if (!job_env_is_used(*ret))
		return true;
	buf_clear(&r->value);
	if (job_env_expand(*ret, r->how->env, r->how->ctx, &r->value, &at, &why) < 0) {
		mistake(r, n->start_mark, "%s", why.text);
		return false;
	}
	*ret = buf_slice(&r->value);
	return true;
}

static void
set_one(struct reader *r, const struct option_row *row, const yaml_node_t *n)
{
	struct slice value;
	struct why why;

	if (n->type != YAML_SCALAR_NODE)
		mistake(
		    r, n->start_mark, "%s.%s wants one value", row->section, row->name);
	else if (value_of(r, n, &value) && setting_set(r->settings, row, value, &why) < 0)
		mistake(r, n->start_mark, "%s.%s: %s", row->section, row->name, why.text);
}

static void
set_all(struct reader *r, const struct option_row *row, const yaml_node_t *n)
{
	if (n->type != YAML_SEQUENCE_NODE || row->type != OPTION_LIST) {
		set_one(r, row, n);
		return;
	}
	for (yaml_node_item_t *i = n->data.sequence.items.start;
	     i < n->data.sequence.items.top && !r->quit; i++)
		set_one(r, row, yaml_document_get_node(&r->doc, *i));
}

static void
unknown_key(struct reader *r, struct slice section, const yaml_node_t *key)
{
	const struct option_row *best = NULL;
	unsigned least = 3;

	for (size_t i = 0; i < SETTING_ID_MAX; i++) {
		unsigned d = name_distance(scalar(key), slice_cstr(setting_rows[i].name));

		if (d >= least)
			continue;
		least = d;
		best = &setting_rows[i];
	}
	mistake(r, key->start_mark, "there is no " SLICE_FMT "." SLICE_FMT "%s%s%s%s%s",
	    SLICE_ARG(section), SLICE_ARG(scalar(key)),
	    best == NULL ? "" : "; did you mean ", best == NULL ? "" : best->section,
	    best == NULL ? "" : ".", best == NULL ? "" : best->name,
	    best == NULL ? "" : "?");
}

static void
read_key(struct reader *r, struct slice section, const yaml_node_t *key,
    const yaml_node_t *value)
{
	for (size_t i = 0; i < SETTING_ID_MAX; i++) {
		const struct option_row *row = &setting_rows[i];

		if (!slice_eq(section, slice_cstr(row->section)) ||
		    !slice_eq(scalar(key), slice_cstr(row->name)))
			continue;
		if (r->lines[i] > 0)
			mistake(r, key->start_mark,
			    "%s.%s is there twice; first in line %zu", row->section,
			    row->name, r->lines[i]);
		else {
			r->settings->places[i] =
			    (struct setting_place){.line = value->start_mark.line + 1,
				.column = value->start_mark.column + 1};
			set_all(r, row, value);
		}
		r->lines[i] = key->start_mark.line + 1;
		return;
	}
	unknown_key(r, section, key);
}

static bool
is_nothing(const yaml_node_t *n)
{
	return n->type == YAML_SCALAR_NODE && n->data.scalar.length == 0 &&
	       n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static bool
is_section(struct slice name)
{
	for (size_t i = 0; i < SETTING_ID_MAX; i++)
		if (slice_eq(name, slice_cstr(setting_rows[i].section)))
			return true;
	return false;
}

static void
read_section(struct reader *r, struct slice section, const yaml_node_t *map)
{
	if (map->type != YAML_MAPPING_NODE) {
		mistake(r, map->start_mark, SLICE_FMT " wants keys with values below it",
		    SLICE_ARG(section));
		return;
	}
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start;
	     p < map->data.mapping.pairs.top && !r->quit; p++) {
		yaml_node_t *key = yaml_document_get_node(&r->doc, p->key);

		if (key->type != YAML_SCALAR_NODE)
			mistake(r, key->start_mark, "a key must be a plain word");
		else
			read_key(
			    r, section, key, yaml_document_get_node(&r->doc, p->value));
	}
}

/* ---- defaults ---- */

static bool
on_mistake_below(void *ctx, const struct job_mistake *m)
{
	struct reader *r = ctx;

	r->mistakes++;
	r->quit = !r->how->fn(r->how->ctx, m);
	return !r->quit;
}

/* Marks count characters. */
static size_t
byte_of(struct slice text, size_t chars)
{
	size_t i = 0;

	for (; i < text.len; i++) {
		bool begins = ((unsigned char)text.ptr[i] & 0xC0) != 0x80;

		if (begins && chars-- == 0)
			break;
	}
	return i;
}

/* The part of the file below `defaults:` is read as a job file; what stands before it becomes
 * empty lines and, on its first line, spaces, so that lines and columns stay. */
static void
read_defaults(struct reader *r, const yaml_node_t *map)
{
	struct job *job = &r->settings->defaults;
	struct job_reading how = *r->how;
	struct buf text;
	size_t from = byte_of(r->text, map->start_mark.index);
	size_t to = byte_of(r->text, map->end_mark.index);
	int err = 0;

	if (map->type != YAML_MAPPING_NODE) {
		mistake(
		    r, map->start_mark, "defaults wants sections of options below it");
		return;
	}
	how.fn = on_mistake_below;
	how.ctx = r;
	how.read = NULL; /* no other files: where they lie would be unclear */
	buf_init(&text, r->text.len + 4096);
	for (size_t i = 0; i < map->start_mark.line && err == 0; i++)
		err = buf_add_byte(&text, '\n');
	for (size_t i = 0; i < map->start_mark.column && err == 0; i++)
		err = buf_add_byte(&text, ' ');
	if (err == 0)
		err = buf_add(&text, r->text.ptr + from, to - from);
	if (err == 0)
		err = job_read(job, buf_slice(&text), &how);
	buf_release(&text);
	if (err < 0)
		mistake(r, map->start_mark, "out of memory");
	if (job->seeds.n > 0 || job->seeds_named || job->name != NULL ||
	    job->schedule.given || job->options.rules_len > 0)
		mistake(r, map->start_mark,
		    "defaults: name, seeds, schedule and rules are a job's own");
	for (unsigned i = 0; i < OPTION_ID_MAX; i++)
		if (job->options.given[i] && option_is_of_terminal((enum option_id)i))
			mistake(r, map->start_mark,
			    "defaults: %s.%s has no meaning in the service",
			    option_rows[i].section, option_rows[i].name);
}

static void
read_top(struct reader *r, const yaml_node_t *key, const yaml_node_t *value)
{
	struct slice name = scalar(key);

	if (is_nothing(value) &&
	    (is_section(name) || slice_eq(name, SLICE_LIT("defaults"))))
		return;
	if (slice_eq(name, SLICE_LIT("defaults")))
		read_defaults(r, value);
	else if (is_section(name))
		read_section(r, name, value);
	else
		mistake(r, key->start_mark,
		    "there is no section '" SLICE_FMT
		    "'; there are service, limits, api, history, defaults",
		    SLICE_ARG(name));
}

static void
read_document(struct reader *r)
{
	yaml_node_t *root = yaml_document_get_root_node(&r->doc);

	if (root == NULL) /* nothing said: all as it is by default */
		return;
	if (root->type != YAML_MAPPING_NODE) {
		mistake(r, root->start_mark, "settings are a mapping of sections");
		return;
	}
	for (yaml_node_pair_t *p = root->data.mapping.pairs.start;
	     p < root->data.mapping.pairs.top && !r->quit; p++) {
		yaml_node_t *key = yaml_document_get_node(&r->doc, p->key);
		size_t first = job_yaml_first_line(&r->doc, root, p);

		if (first > 0) /* what else is wrong in it is told, too */
			mistake(r, key->start_mark,
			    SLICE_FMT " is there twice; first in line %zu",
			    SLICE_ARG(scalar(key)), first);
		if (key->type != YAML_SCALAR_NODE)
			mistake(r, key->start_mark, "a key must be a plain word");
		else
			read_top(r, key, yaml_document_get_node(&r->doc, p->value));
	}
}

int
settings_read(struct settings *s, struct slice yaml, const struct job_reading *how)
{
	struct reader r = {.settings = s, .how = how, .text = yaml};
	yaml_mark_t at;
	const char *wrong = job_yaml_load(yaml, &r.doc, &at);

	if (wrong != NULL) {
		mistake(&r, at, "%s", wrong);
		return r.mistakes;
	}
	buf_init(&r.value, VALUE_BYTES_MAX);
	read_document(&r);
	yaml_document_delete(&r.doc);
	buf_release(&r.value);
	return r.mistakes;
}
