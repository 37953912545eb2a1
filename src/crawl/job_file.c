#include "crawl/job.h"
#include "crawl/job_item.h"
#include "crawl/job_yaml.h"
#include "crawl/rules.h"
#include "crawl/scope.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	FILES_MAX = 1000, /* that a job is made of */
	DEPTH_MAX = 10,   /* of files that include each other */
	PATH_BYTES_MAX = 4096,
	VALUE_BYTES_MAX = 1 << 20, /* with what the environment holds */
};

/* Keys of the first level besides the sections. */
enum top {
	TOP_NAME,
	TOP_SEEDS,
	TOP_SEEDS_FROM,
	TOP_SEEDS_SITEMAPS,
	TOP_INCLUDE,
	TOP_RULES,
	TOP_SCHEDULE,
	TOP_MAX
};
static const char *const top_names[TOP_MAX] = {
    "name", "seeds", "seeds_from", "seeds_sitemaps", "include", "rules", "schedule"};

/* Of all files of a job. */
struct reading {
	struct job *job;
	const struct job_reading *how;
	struct buf value;
	int mistakes;
	bool quit;
	unsigned files;
};

struct reader {
	struct reading *all;
	const struct reader *above; /* the file that includes this one */
	unsigned depth;
	const char *path; /* NULL: not known */
	size_t file;      /* of struct job_place */
	yaml_document_t doc;
	/* Where it is given in this file; 0: it is not.  A section: by its first option. */
	size_t top_lines[TOP_MAX], section_lines[OPTION_ID_MAX], lines[OPTION_ID_MAX];
};

__attribute__((format(printf, 3, 4))) static void
mistake(struct reader *r, yaml_mark_t at, const char *fmt, ...)
{
	struct reading *all = r->all;
	struct job_mistake m = {.file = r->file == 0 ? NULL : r->path,
	    .line = at.line + 1,
	    .column = at.column + 1};
	va_list ap;

	if (all->quit)
		return;
	all->mistakes++;
	va_start(ap, fmt);
	all->quit = !job_mistake_tell(all->how->fn, all->how->ctx, m, fmt, ap);
	va_end(ap);
}

/* ---- values ---- */

static struct slice
scalar(const yaml_node_t *n)
{
	return slice_of(n->data.scalar.value, n->data.scalar.length);
}

/* The place of a byte of a value, if it lies in the file as it is: on one line, without
 * escapes; else that of the value. */
static yaml_mark_t
mark_in(const yaml_node_t *n, size_t at)
{
	yaml_mark_t m = n->start_mark;
	size_t quotes = n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? 0 : 1;

	if (n->end_mark.line == m.line &&
	    n->end_mark.column == m.column + n->data.scalar.length + 2 * quotes)
		m.column += at + quotes;
	return m;
}

/* What a scalar says; borrows from the node, or from all->value until the next.  false: a
 * mistake, which was told. */
static bool
value_of(struct reader *r, const yaml_node_t *n, struct slice *ret)
{
	const struct job_reading *how = r->all->how;
	char null[JOB_YAML_NULL_MAX];
	struct why why = {""};
	size_t at = 0;
	int err;

	*ret = scalar(n);
	if (job_yaml_is_null(n, null)) {
		mistake(r, n->start_mark, "%s", null);
		return false;
	}
	if (!job_env_is_used(*ret))
		return true;
	buf_clear(&r->all->value);
	err = job_env_expand(*ret, how->env, how->ctx, &r->all->value, &at, &why);
	*ret = buf_slice(&r->all->value);
	if (err == -EINVAL)
		mistake(r, mark_in(n, at), "%s", why.text);
	else if (err < 0)
		mistake(r, n->start_mark, "%s",
		    err == -ENOMEM ? "out of memory" : "the value is too long");
	return err == 0;
}

typedef void node_fn(struct reader *r, const yaml_node_t *n);

/* One, or a list of them. */
static void
each(struct reader *r, const yaml_node_t *n, node_fn *fn)
{
	if (n->type != YAML_SEQUENCE_NODE) {
		fn(r, n);
		return;
	}
	for (yaml_node_item_t *i = n->data.sequence.items.start;
	     i < n->data.sequence.items.top && !r->all->quit; i++)
		fn(r, yaml_document_get_node(&r->doc, *i));
}

/* ---- options ---- */

/* Of a list an item that is known to be none; what else is empty is most likely a variable that is
 * not set. */
static bool
is_no_item(const struct reader *r, const struct option_row *row, const yaml_node_t *n,
    struct slice value)
{
	return row->type == OPTION_LIST && value.len == 0 &&
	       (r->all->how->stored || job_env_may_be_empty(scalar(n)));
}

static void
set_one(struct reader *r, struct options *to, const struct option_row *row,
    const yaml_node_t *n)
{
	struct slice value;
	struct why why;

	if (n->type != YAML_SCALAR_NODE)
		mistake(r, n->start_mark, "%s.%s wants one value", row->section,
		    option_key(row));
	else if (!value_of(r, n, &value) || is_no_item(r, row, n, value))
		return;
	else if (job_item_check(row, value, &why) < 0 ||
		 option_set(to, row, value, &why) < 0)
		mistake(r, n->start_mark, "%s.%s: %s", row->section, option_key(row),
		    option_behind_flag(row, why.text));
}

static void
set_option(struct reader *r, struct options *to, const struct option_row *row,
    const yaml_node_t *value)
{
	option_clear_list(to, row);
	if (value->type != YAML_SEQUENCE_NODE || row->type != OPTION_LIST) {
		set_one(r, to, row, value);
		return;
	}
	for (yaml_node_item_t *i = value->data.sequence.items.start;
	     i < value->data.sequence.items.top && !r->all->quit; i++)
		set_one(r, to, row, yaml_document_get_node(&r->doc, *i));
}

static void
set_job_option(struct reader *r, const struct option_row *row, const yaml_node_t *value)
{
	struct job_place *place = &r->all->job->places[row->id];

	place->file = r->file;
	place->line = value->start_mark.line + 1;
	place->column = value->start_mark.column + 1;
	set_option(r, &r->all->job->options, row, value);
}

static void
unknown_key(struct reader *r, struct slice section, const yaml_node_t *key)
{
	const struct option_row *near = option_nearest(section, scalar(key));

	if (near == NULL)
		mistake(r, key->start_mark, "there is no " SLICE_FMT "." SLICE_FMT,
		    SLICE_ARG(section), SLICE_ARG(scalar(key)));
	else
		mistake(r, key->start_mark,
		    "there is no " SLICE_FMT "." SLICE_FMT "; did you mean %s.%s?",
		    SLICE_ARG(section), SLICE_ARG(scalar(key)), near->section,
		    option_key(near));
}

/* Notes that a key is there; false: it was before, which was told. */
static bool
is_first(
    struct reader *r, size_t *line, const yaml_node_t *key, const char *a, const char *b)
{
	if (*line > 0) {
		mistake(r, key->start_mark, "%s%s is there twice; first in line %zu", a,
		    b, *line);
		return false;
	}
	*line = key->start_mark.line + 1;
	return true;
}

static void
read_key(struct reader *r, struct slice section, const yaml_node_t *key,
    const yaml_node_t *value)
{
	const struct option_row *row;
	char prefix[32];

	if (key->type != YAML_SCALAR_NODE) {
		mistake(r, key->start_mark, "a key must be a plain word");
		return;
	}
	row = option_by_key(section, scalar(key));
	if (row == NULL) {
		unknown_key(r, section, key);
		return;
	}
	(void)snprintf(prefix, sizeof(prefix), "%s.", row->section);
	if (is_first(r, &r->lines[row->id], key, prefix, option_key(row)))
		set_job_option(r, row, value);
}

static bool
is_nothing(const yaml_node_t *n) /* "net:" with nothing below */
{
	return n->type == YAML_SCALAR_NODE && n->data.scalar.length == 0 &&
	       n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static void
read_section(struct reader *r, struct slice section, const yaml_node_t *map)
{
	if (is_nothing(map))
		return;
	if (map->type != YAML_MAPPING_NODE) {
		mistake(r, map->start_mark, SLICE_FMT " wants keys with values below it",
		    SLICE_ARG(section));
		return;
	}
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start;
	     p < map->data.mapping.pairs.top && !r->all->quit; p++)
		read_key(r, section, yaml_document_get_node(&r->doc, p->key),
		    yaml_document_get_node(&r->doc, p->value));
}

/* ---- seeds ---- */

static void
add_seed(struct reader *r, const yaml_node_t *n)
{
	struct slice value;
	struct why why;
	int err = 0;

	if (n->type != YAML_SCALAR_NODE)
		mistake(r, n->start_mark, "a seed is one URL");
	else if (value_of(r, n, &value) &&
		 (err = job_add_seed(r->all->job, value, &why)) < 0)
		mistake(r, n->start_mark, "%s%s",
		    err == -E2BIG || err == -ENOMEM ? "" : "seed ", why.text);
	r->all->quit |= err == -E2BIG || err == -ENOMEM; /* true of all that follow */
}

/* ---- other files ---- */

/* The path of what this file calls `name`. */
static bool
path_of(
    struct reader *r, const yaml_node_t *n, const char *what, char ret[PATH_BYTES_MAX])
{
	const char *slash = r->path == NULL ? NULL : strrchr(r->path, '/');
	struct slice name;
	int dir, len;

	if (n->type == YAML_SCALAR_NODE && !value_of(r, n, &name))
		return false;
	if (n->type != YAML_SCALAR_NODE || name.len == 0 ||
	    slice_eq(name, SLICE_LIT("-")) || slice_find(name, '\0') < name.len) {
		mistake(r, n->start_mark, "%s wants the name of a file", what);
		return false;
	}
	dir = name.ptr[0] == '/' || slash == NULL ? 0 : (int)(slash + 1 - r->path);
	len = snprintf(ret, PATH_BYTES_MAX, "%.*s" SLICE_FMT, dir,
	    r->path == NULL ? "" : r->path, SLICE_ARG(name));
	if (len < 0 || len >= PATH_BYTES_MAX) {
		mistake(r, n->start_mark, "%s: the name is too long", what);
		return false;
	}
	return true;
}

/* false: a mistake, which was told; else `out` is the caller's to release. */
static bool
read_named(struct reader *r, const yaml_node_t *n, const char *what, const char *path,
    struct buf *out)
{
	const struct job_reading *how = r->all->how;
	struct why why = {""};

	if (how->read == NULL) {
		mistake(r, n->start_mark, "%s: no other files can be read here", what);
		return false;
	}
	if (r->all->files == FILES_MAX) {
		mistake(r, n->start_mark, "%s: more than %d files", what, FILES_MAX);
		r->all->quit = true;
		return false;
	}
	r->all->files++;
	if (how->read(how->ctx, path, out, &why) == 0)
		return true;
	mistake(r, n->start_mark, "%s: %s", what, why.text);
	return false;
}

static bool
on_bad_line(void *ctx, const struct job_mistake *m)
{
	struct reading *all = ctx;

	all->mistakes++;
	all->quit = !all->how->fn(all->how->ctx, m);
	return !all->quit;
}

typedef int seeds_reader(
    struct job *j, struct slice text, const char *file, job_mistake_fn *fn, void *ctx);

static void
add_seeds_of(struct reader *r, const yaml_node_t *n, const char *what, seeds_reader *read)
{
	char path[PATH_BYTES_MAX];
	struct buf text;

	if (!path_of(r, n, what, path) || !read_named(r, n, what, path, &text))
		return;
	(void)read(r->all->job, buf_slice(&text), path, on_bad_line, r->all);
	buf_release(&text);
}

static void
add_seeds_file(struct reader *r, const yaml_node_t *n)
{
	add_seeds_of(r, n, "seeds_from", job_read_seeds);
}

static void
add_sitemap(struct reader *r, const yaml_node_t *n)
{
	struct slice value = {0};
	struct why why;

	if (n->type == YAML_SCALAR_NODE && !value_of(r, n, &value))
		return;
	if (!slice_istarts(value, SLICE_LIT("http:")) &&
	    !slice_istarts(value, SLICE_LIT("https:")))
		add_seeds_of(r, n, "seeds_sitemaps", job_read_sitemap);
	else if (job_add_sitemap(r->all->job, value, &why) < 0)
		mistake(r, n->start_mark, "seeds_sitemaps: %s", why.text);
}

static void read_file(struct reader *r, struct slice yaml);

static bool
is_open(const struct reader *r, const char *path)
{
	for (; r != NULL; r = r->above)
		if (r->path != NULL && strcmp(r->path, path) == 0)
			return true;
	return false;
}

static void
include(struct reader *r, const yaml_node_t *n)
{
	struct strlist *files = &r->all->job->files;
	char path[PATH_BYTES_MAX];
	struct reader *below;
	struct buf text;

	if (!path_of(r, n, "include", path))
		return;
	if (is_open(r, path)) {
		mistake(r, n->start_mark, "include: %s includes itself", path);
		return;
	}
	if (r->depth == DEPTH_MAX) {
		mistake(r, n->start_mark, "include: more than %d files within each other",
		    DEPTH_MAX);
		return;
	}
	if (!read_named(r, n, "include", path, &text))
		return;
	below = calloc(1, sizeof(*below));
	if (below == NULL || strlist_add(files, slice_cstr(path)) < 0) {
		mistake(r, n->start_mark, "out of memory");
	} else {
		*below = (struct reader){.all = r->all,
		    .above = r,
		    .depth = r->depth + 1,
		    .path = files->v[files->n - 1],
		    .file = files->n};
		read_file(below, buf_slice(&text));
	}
	free(below);
	buf_release(&text);
}

/* ---- rules ---- */

static void
set_rule_text(
    struct reader *r, struct option_rule *rule, bool is_host, const yaml_node_t *n)
{
	struct slice value;
	struct why why = {"match wants one regular expression"};
	const char *text;
	int err = 0;

	if (n->type == YAML_SCALAR_NODE && !value_of(r, n, &value))
		return;
	if (n->type != YAML_SCALAR_NODE || value.len == 0)
		err = why_set(&why, -EINVAL, "%s wants one %s",
		    is_host ? "host" : "match", is_host ? "name" : "regular expression");
	else if (is_host)
		err = rule_host(value, &rule->host, &why);
	else
		err = scope_pattern_check(OPTION_ID_crawl_include, value, &why);
	if (err == 0 && !is_host && (rule->match = slice_dup(value)) == NULL)
		err = why_set(&why, -ENOMEM, "out of memory");
	text = option_behind_flag(&option_rows[OPTION_ID_crawl_include], why.text);
	if (err < 0)
		mistake(r, n->start_mark, "rules: %s%s", text == why.text ? "" : "match ",
		    text);
}

static void
set_rule_exclude(struct reader *r, struct option_rule *rule, const yaml_node_t *n)
{
	struct slice value;

	if (n->type == YAML_SCALAR_NODE && !value_of(r, n, &value))
		return;
	if (n->type == YAML_SCALAR_NODE &&
	    (slice_ieq(value, SLICE_LIT("yes")) || slice_ieq(value, SLICE_LIT("true"))))
		rule->exclude = 1;
	else if (n->type == YAML_SCALAR_NODE && (slice_ieq(value, SLICE_LIT("no")) ||
						    slice_ieq(value, SLICE_LIT("false"))))
		rule->exclude = 0;
	else
		mistake(r, n->start_mark, "rules: exclude is yes or no");
}

static void
set_rule_priority(struct reader *r, struct option_rule *rule, const yaml_node_t *n)
{
	struct slice value;
	uint64_t number;
	bool negative;

	if (n->type == YAML_SCALAR_NODE && !value_of(r, n, &value))
		return;
	negative = n->type == YAML_SCALAR_NODE && slice_starts(value, SLICE_LIT("-"));
	if (n->type != YAML_SCALAR_NODE ||
	    !slice_to_u64(slice_from(value, negative ? 1 : 0), &number) || number > 127) {
		mistake(r, n->start_mark, "rules: priority is a number from -127 to 127");
		return;
	}
	rule->has_priority = true;
	rule->priority = (int16_t)(negative ? -(int)number : (int)number);
}

/* Keys of a rule that are no options. */
enum rule_word { RULE_MATCH, RULE_HOST, RULE_EXCLUDE, RULE_PRIORITY, RULE_WORD_MAX };
enum { RULE_KEYS_MAX = RULE_WORD_MAX + OPTION_ID_MAX };

static void
set_rule_word(
    struct reader *r, struct option_rule *rule, enum rule_word word, const yaml_node_t *n)
{
	switch (word) {
	case RULE_EXCLUDE:
		set_rule_exclude(r, rule, n);
		break;
	case RULE_PRIORITY:
		set_rule_priority(r, rule, n);
		break;
	default:
		set_rule_text(r, rule, word == RULE_HOST, n);
	}
}

static void
unknown_rule_key(struct reader *r, const yaml_node_t *key)
{
	const char *near = rule_key_nearest(scalar(key));

	mistake(r, key->start_mark, "a rule has no " SLICE_FMT "%s%s%s",
	    SLICE_ARG(scalar(key)), near == NULL ? "" : "; did you mean ",
	    near == NULL ? "" : near, near == NULL ? "" : "?");
}

static void
read_rule_key(struct reader *r, struct option_rule *rule, size_t lines[RULE_KEYS_MAX],
    const yaml_node_t *key, const yaml_node_t *value)
{
	static const char *const words[RULE_WORD_MAX] = {
	    "match", "host", "exclude", "priority"};
	const struct option_row *row;

	if (key->type != YAML_SCALAR_NODE) {
		mistake(r, key->start_mark, "a key must be a plain word");
		return;
	}
	for (unsigned i = 0; i < RULE_WORD_MAX; i++) {
		if (!slice_eq(scalar(key), slice_cstr(words[i])))
			continue;
		if (is_first(r, &lines[i], key, "rules: ", words[i]))
			set_rule_word(r, rule, (enum rule_word)i, value);
		return;
	}
	row = rule_option(scalar(key));
	if (row == NULL)
		unknown_rule_key(r, key);
	else if (is_first(r, &lines[RULE_WORD_MAX + (int)row->id], key,
		     "rules: ", option_key(row)))
		set_option(r, rule->options, row, value);
}

static void
add_rule(struct reader *r, const yaml_node_t *n)
{
	struct options *o = &r->all->job->options;
	size_t lines[RULE_KEYS_MAX] = {0};
	int mistakes = r->all->mistakes;
	struct option_rule *rule;
	struct why why;

	if (n->type != YAML_MAPPING_NODE)
		mistake(r, n->start_mark,
		    "a rule is a mapping: match or host, and what "
		    "holds of these URLs");
	else if (o->rules_len == RULES_MAX)
		mistake(r, n->start_mark, "more than %d rules", RULES_MAX);
	else if (option_rule_add(o, &rule) < 0)
		mistake(r, n->start_mark, "out of memory");
	if (r->all->mistakes > mistakes)
		return;
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start;
	     p < n->data.mapping.pairs.top && !r->all->quit; p++)
		read_rule_key(r, rule, lines, yaml_document_get_node(&r->doc, p->key),
		    yaml_document_get_node(&r->doc, p->value));
	if (r->all->mistakes == mistakes && rule_check(rule, &why) < 0)
		mistake(r, n->start_mark, "rules: %s", why.text);
	if (r->all->mistakes > mistakes)
		option_rule_drop(o);
}

/* ---- the schedule ---- */

static void
set_schedule_value(struct reader *r, const yaml_node_t *key, const yaml_node_t *n)
{
	struct slice value;
	struct why why;

	if (n->type != YAML_SCALAR_NODE)
		mistake(r, n->start_mark, "schedule." SLICE_FMT " wants one value",
		    SLICE_ARG(scalar(key)));
	else if (value_of(r, n, &value) &&
		 schedule_set(&r->all->job->schedule, scalar(key), value, &why) < 0)
		mistake(r, n->start_mark, "schedule." SLICE_FMT ": %s",
		    SLICE_ARG(scalar(key)), why.text);
}

static void
set_schedule_key(struct reader *r, const yaml_node_t *map, const yaml_node_pair_t *pair)
{
	const yaml_node_t *key = yaml_document_get_node(&r->doc, pair->key);
	const yaml_node_t *value = yaml_document_get_node(&r->doc, pair->value);
	size_t first = job_yaml_first_line(&r->doc, map, pair);

	if (key->type != YAML_SCALAR_NODE) {
		mistake(r, key->start_mark, "a key must be a plain word");
		return;
	}
	if (first > 0) {
		mistake(r, key->start_mark,
		    "schedule." SLICE_FMT " is there twice; first in line %zu",
		    SLICE_ARG(scalar(key)), first);
		return;
	}
	if (value->type != YAML_SEQUENCE_NODE || !schedule_key_exists(scalar(key))) {
		set_schedule_value(r, key, value);
		return;
	}
	for (yaml_node_item_t *i = value->data.sequence.items.start;
	     i < value->data.sequence.items.top && !r->all->quit; i++)
		set_schedule_value(r, key, yaml_document_get_node(&r->doc, *i));
}

/* The last one has the last word, all of it. */
static void
set_schedule(struct reader *r, const yaml_node_t *n)
{
	int mistakes = r->all->mistakes;
	struct why why;

	if (n->type != YAML_MAPPING_NODE) {
		mistake(r, n->start_mark, "schedule wants every, at or cron below it");
		return;
	}
	r->all->job->schedule = (struct schedule){.given = true};
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start;
	     p < n->data.mapping.pairs.top && !r->all->quit; p++)
		set_schedule_key(r, n, p);
	if (r->all->mistakes == mistakes &&
	    schedule_check(&r->all->job->schedule, &why) < 0)
		mistake(r, n->start_mark, "schedule %s", why.text);
}

/* ---- the whole ---- */

static void
set_name(struct reader *r, const yaml_node_t *n)
{
	struct slice value;
	struct why why;

	if (n->type != YAML_SCALAR_NODE)
		mistake(r, n->start_mark, "name wants one word");
	else if (value_of(r, n, &value) && job_set_name(r->all->job, value, &why) < 0)
		mistake(r, n->start_mark, "name: %s", why.text);
}

/* The first option of a section; NULL: it is none. */
static const struct option_row *
section_find(struct slice name)
{
	for (size_t i = 0; i < OPTION_ID_MAX; i++)
		if (slice_eq(name, slice_cstr(option_rows[i].section)))
			return &option_rows[i];
	return NULL;
}

static void
consider(const char *word, struct slice name, struct buf *all, unsigned *least,
    const char **best)
{
	unsigned d = name_distance(name, slice_cstr(word));

	(void)buf_printf(all, "%s%s", all->len == 0 ? "" : ", ", word);
	if (d < *least) {
		*least = d;
		*best = word;
	}
}

static void
unknown_top(struct reader *r, const yaml_node_t *key)
{
	struct slice name = scalar(key);
	const char *best = NULL, *section = "";
	unsigned least = name.len < 4 ? 2 : 3;
	const struct option_row *row = option_nearest((struct slice){0}, name);
	struct buf all;

	buf_init(&all, 512);
	for (size_t i = 0; i < TOP_MAX; i++)
		consider(top_names[i], name, &all, &least, &best);
	for (size_t i = 0; i < OPTION_ID_MAX; i++) {
		if (strcmp(section, option_rows[i].section) == 0)
			continue;
		section = option_rows[i].section;
		consider(section, name, &all, &least, &best);
	}
	if (best != NULL)
		mistake(r, key->start_mark,
		    "there is no section '" SLICE_FMT "'; did you mean %s?",
		    SLICE_ARG(name), best);
	else if (row != NULL && slice_eq(name, slice_cstr(row->name)))
		mistake(r, key->start_mark,
		    "'" SLICE_FMT "' is no section; it belongs below %s:",
		    SLICE_ARG(name), row->section);
	else
		mistake(r, key->start_mark,
		    "there is no section '" SLICE_FMT "'; there are " SLICE_FMT,
		    SLICE_ARG(name), SLICE_ARG(buf_slice(&all)));
	buf_release(&all);
}

static void
read_top(struct reader *r, const yaml_node_t *key, const yaml_node_t *value)
{
	static node_fn *const readers[TOP_MAX] = {set_name, add_seed, add_seeds_file,
	    add_sitemap, include, add_rule, set_schedule};
	struct slice name = scalar(key);
	const struct option_row *section = section_find(name);

	for (size_t i = 0; i < TOP_MAX; i++) {
		if (!slice_eq(name, slice_cstr(top_names[i])))
			continue;
		r->all->job->seeds_named |= i >= TOP_SEEDS && i <= TOP_SEEDS_SITEMAPS;
		if (!is_first(r, &r->top_lines[i], key, top_names[i], "") ||
		    is_nothing(value))
			return;
		if (i == TOP_NAME || i == TOP_SCHEDULE)
			readers[i](r, value);
		else
			each(r, value, readers[i]);
		return;
	}
	if (section == NULL) {
		unknown_top(r, key);
		return;
	}
	/* What else is wrong in it is told, too. */
	(void)is_first(r, &r->section_lines[section->id], key, section->section, "");
	read_section(r, name, value);
}

static void
read_document(struct reader *r)
{
	yaml_node_t *root = yaml_document_get_root_node(&r->doc);

	if (root == NULL || root->type != YAML_MAPPING_NODE) {
		mistake(r, root == NULL ? ((yaml_mark_t){0}) : root->start_mark,
		    "a job is a mapping: seeds, and sections of options");
		r->all->job->seeds_named = true;
		return;
	}
	for (yaml_node_pair_t *p = root->data.mapping.pairs.start;
	     p < root->data.mapping.pairs.top && !r->all->quit; p++) {
		yaml_node_t *key = yaml_document_get_node(&r->doc, p->key);

		if (key->type != YAML_SCALAR_NODE)
			mistake(r, key->start_mark, "a key must be a plain word");
		else
			read_top(r, key, yaml_document_get_node(&r->doc, p->value));
	}
}

static void
read_file(struct reader *r, struct slice yaml)
{
	yaml_mark_t at;
	const char *wrong = job_yaml_load(yaml, &r->doc, &at);

	if (wrong != NULL) {
		mistake(r, at, "%s", wrong);
		r->all->job->seeds_named = true;
		return;
	}
	read_document(r);
	yaml_document_delete(&r->doc);
}

int
job_read(struct job *j, struct slice yaml, const struct job_reading *how)
{
	struct reading all = {.job = j, .how = how};
	struct reader *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	*r = (struct reader){.all = &all, .path = how->path};
	buf_init(&all.value, VALUE_BYTES_MAX);
	read_file(r, yaml);
	buf_release(&all.value);
	free(r);
	return all.mistakes;
}
