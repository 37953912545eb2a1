#include "ctl/job_json.h"
#include "ctl/settings.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * JSON -> YAML, one value a line, and of each line the pointer of what stands there; so a
 * mistake's line tells the pointer.
 */
enum { POINTER_MAX = 512, INDENT = 1 };

struct lines {
	char **v; /* of line i + 1 */
	size_t n, cap;
};

struct writer {
	struct buf *out;
	struct lines lines;
	char pointer[POINTER_MAX]; /* of what is being written */
};

static void
lines_release(struct lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
}

static int
end_line(struct writer *w)
{
	struct lines *l = &w->lines;

	if (l->n == l->cap) {
		size_t cap = l->cap == 0 ? 64 : l->cap * 2;
		char **grown = realloc(l->v, cap * sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		l->v = grown;
		l->cap = cap;
	}
	l->v[l->n] = slice_dup(slice_cstr(w->pointer));
	if (l->v[l->n] == NULL)
		return -ENOMEM;
	l->n++;
	return buf_add_byte(w->out, '\n');
}

static int
indent(struct writer *w, unsigned depth)
{
	int r = 0;

	for (unsigned i = 0; i < depth * INDENT && r == 0; i++)
		r = buf_add_byte(w->out, ' ');
	return r;
}

/* The code point at text[i], of valid UTF-8; *i moves on. */
static uint32_t
next_char(struct slice s, size_t *i)
{
	unsigned char c = (unsigned char)s.ptr[(*i)++];
	unsigned more = c < 0x80 ? 0 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
	uint32_t code = more == 0 ? c : c & (0x3Fu >> more);

	for (; more > 0 && *i < s.len; more--)
		code = code << 6 | ((unsigned char)s.ptr[(*i)++] & 0x3F);
	return code;
}

/* All in ASCII, and no ${NAME} for whoever reads it. */
static int
write_text(struct writer *w, struct slice s, bool expanded)
{
	struct buf escaped;
	struct slice text;
	int r;

	buf_init(&escaped, 2 * s.len + 16);
	r = expanded ? job_env_escape(s, &escaped) : buf_add_slice(&escaped, s);
	text = buf_slice(&escaped);
	if (r == 0)
		r = buf_add_byte(w->out, '"');
	for (size_t i = 0; i < text.len && r == 0;) {
		uint32_t code = next_char(text, &i);

		if (code == '"' || code == '\\')
			r = buf_printf(w->out, "\\%c", (int)code);
		else if (code >= ' ' && code < 0x7F)
			r = buf_add_byte(w->out, (char)code);
		else
			r = buf_printf(
			    w->out, code < 0x10000 ? "\\u%04X" : "\\U%08X", code);
	}
	buf_release(&escaped);
	return r == 0 ? buf_add_byte(w->out, '"') : r;
}

static int
write_scalar(struct writer *w, json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_STRING:
		return write_text(
		    w, slice_of(json_string_value(v), json_string_length(v)), true);
	case JSON_INTEGER:
		return buf_printf(w->out, "%lld", (long long)json_integer_value(v));
	case JSON_REAL:
		return buf_printf(w->out, "%.6f", json_real_value(v));
	case JSON_TRUE:
		return buf_add_cstr(w->out, "yes");
	case JSON_FALSE:
		return buf_add_cstr(w->out, "no");
	case JSON_OBJECT:
		return buf_add_cstr(w->out, "{}");
	case JSON_ARRAY:
		return buf_add_cstr(w->out, "[]");
	default:
		return buf_add_cstr(w->out, "");
	}
}

static bool
is_below(const json_t *v)
{
	return (json_is_object(v) && json_object_size(v) > 0) ||
	       (json_is_array(v) && json_array_size(v) > 0);
}

static int write_value(struct writer *w, json_t *v, unsigned depth);

/* Goes down by one name; what does not fit is cut, it is for people. */
static size_t
pointer_push(struct writer *w, struct slice name)
{
	size_t was = strlen(w->pointer), n = was;

	if (n + 1 < POINTER_MAX)
		w->pointer[n++] = '/';
	for (size_t i = 0; i < name.len && n + 3 < POINTER_MAX; i++) {
		char c = name.ptr[i];

		if (c == '~' || c == '/') {
			w->pointer[n++] = '~';
			c = c == '~' ? '0' : '1';
		}
		w->pointer[n++] = c;
	}
	w->pointer[n] = '\0';
	return was;
}

/* What comes behind "key:" or "-". */
static int
write_behind(struct writer *w, json_t *v, unsigned depth)
{
	int r;

	if (!is_below(v)) {
		r = buf_add_byte(w->out, ' ');
		if (r == 0)
			r = write_scalar(w, v);
		return r == 0 ? end_line(w) : r;
	}
	r = end_line(w);
	return r == 0 ? write_value(w, v, depth + 1) : r;
}

static int
write_object(struct writer *w, json_t *object, unsigned depth)
{
	const char *key;
	json_t *v;
	int r = 0;

	json_object_foreach(object, key, v)
	{
		size_t was;

		if (json_is_null(v)) /* as if it was not there */
			continue;
		was = pointer_push(w, slice_cstr(key));
		r = indent(w, depth);
		if (r == 0)
			r = write_text(w, slice_cstr(key), false);
		if (r == 0)
			r = buf_add_byte(w->out, ':');
		if (r == 0)
			r = write_behind(w, v, depth);
		w->pointer[was] = '\0';
		if (r < 0)
			break;
	}
	return r;
}

static int
write_array(struct writer *w, json_t *array, unsigned depth)
{
	size_t i;
	json_t *v;
	int r = 0;

	json_array_foreach(array, i, v)
	{
		char number[24];
		size_t was;

		(void)snprintf(number, sizeof(number), "%zu", i);
		was = pointer_push(w, slice_cstr(number));
		r = indent(w, depth);
		if (r == 0)
			r = buf_add_byte(w->out, '-');
		if (r == 0)
			r = write_behind(w, v, depth);
		w->pointer[was] = '\0';
		if (r < 0)
			break;
	}
	return r;
}

static int
write_value(struct writer *w, json_t *v, unsigned depth)
{
	return json_is_object(v) ? write_object(w, v, depth) : write_array(w, v, depth);
}

/* ---- reading ---- */

struct reading {
	const struct lines *lines;
	job_json_mistake_fn *fn;
	void *ctx;
};

static bool
on_mistake(void *ctx, const struct job_mistake *m)
{
	const struct reading *r = ctx;
	const char *pointer = "";

	if (m->line > 0 && m->line <= r->lines->n)
		pointer = r->lines->v[m->line - 1];
	return r->fn(r->ctx, pointer, m->text);
}

static int
read_yaml(struct job *j, struct slice yaml, bool stored, const struct lines *lines,
    job_json_mistake_fn *fn, void *ctx)
{
	struct reading reading = {lines, fn, ctx};
	struct job_reading how = {.stored = stored, .fn = on_mistake, .ctx = &reading};

	return job_read(j, yaml, &how);
}

int
job_service_check(const struct job *j, const struct job_json_rights *rights,
    job_json_mistake_fn *fn, void *ctx)
{
	int mistakes = 0;

	for (unsigned i = 0; i < OPTION_ID_MAX; i++) {
		const struct option_row *row = &option_rows[i];
		enum option_id id = (enum option_id)i;
		const char *text = NULL;
		char pointer[80];

		if (!j->options.given[i])
			continue;
		if (option_is_of_terminal(id))
			text = "has no meaning in the service";
		else if (option_is_shared(id) && !rights->shared)
			text = "is of the whole service: it is said in its file, below "
			       "defaults:";
		else if (option_names_file(id) && !rights->files)
			text = "jobs of the API may not name files (api.allow_files)";
		else if (option_names_program(id) && !rights->programs)
			text = "only jobs of files may run programs";
		else if (option_names_storage(id) && !rights->programs)
			text =
			    "only jobs of files, and defaults:, may name storage, which "
			    "the service gives its keys";
		if (text == NULL)
			continue;
		(void)snprintf(
		    pointer, sizeof(pointer), "/%s/%s", row->section, option_key(row));
		mistakes++;
		if (!fn(ctx, pointer, text))
			break;
	}
	for (size_t i = 0; i < j->options.output_sink.n; i++) {
		if (strcmp(j->options.output_sink.v[i], "stdout") != 0)
			continue;
		mistakes++;
		(void)fn(ctx, "/output/sink", "the service has no standard output");
	}
	return mistakes;
}

int
job_json_read(struct job *j, json_t *spec, const struct job_json_rights *rights,
    job_json_mistake_fn *fn, void *ctx)
{
	bool before[OPTION_ID_MAX];
	struct writer w = {.pointer = ""};
	struct buf yaml;
	int r, mistakes = 0;

	buf_init(&yaml, 4u * JOB_JSON_BYTES_MAX);
	w.out = &yaml;
	r = json_object_size(spec) == 0 ? buf_add_cstr(&yaml, "{}")
					: write_object(&w, spec, 0);
	/* What was given before is the service's own word. */
	memcpy(before, j->options.given, sizeof(before));
	memset(j->options.given, 0, sizeof(j->options.given));
	if (r == 0)
		mistakes =
		    read_yaml(j, buf_slice(&yaml), rights->stored, &w.lines, fn, ctx);
	if (r == 0 && mistakes >= 0)
		mistakes += job_service_check(j, rights, fn, ctx);
	for (size_t i = 0; i < OPTION_ID_MAX; i++)
		j->options.given[i] |= before[i];
	buf_release(&yaml);
	lines_release(&w.lines);
	return r < 0 ? r : mistakes;
}
