#include "app/ctl_table.h"
#include "base/escape.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { CELL_BYTES_MAX = 4096, DEPTH_MAX = 8 };
enum { NAME_WIDTH_MIN = 24, NAME_WIDTH_MAX = 48 };

static json_t *
member(json_t *of, const char *path)
{
	struct slice rest = slice_cstr(path), one;

	while (of != NULL && slice_cut(&rest, '.', &one)) {
		char key[64];

		(void)snprintf(
		    key, sizeof(key), SLICE_FMT, SLICE_ARG(slice_head(one, 60)));
		of = json_object_get(of, key);
	}
	return of;
}

/* What has its escapes already, with backslashes that must not be doubled. */
static int
add_made(struct buf *out, struct slice text)
{
	size_t at = out->len;
	int r = buf_add_slice(out, text);

	if (r == 0)
		scrub_terminal(out->ptr + at, out->len - at);
	return r;
}

static int
add_value(struct buf *out, json_t *v)
{
	char *text;
	int r;

	if (v == NULL)
		return buf_add_byte(out, '-');
	if (json_is_string(v))
		return escape_terminal(
		    out, slice_head(slice_of(json_string_value(v), json_string_length(v)),
			     CELL_BYTES_MAX));
	text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
	if (text == NULL)
		return -ENOMEM;
	r = add_made(out, slice_head(slice_cstr(text), CELL_BYTES_MAX));
	free(text);
	return r;
}

/* What the first of the paths "a|b" leads to that is there. */
static json_t *
first_member(json_t *of, const char *paths)
{
	struct slice rest = slice_cstr(paths), one;
	json_t *v = NULL;

	while (v == NULL && slice_cut(&rest, '|', &one)) {
		char path[64];

		(void)snprintf(
		    path, sizeof(path), SLICE_FMT, SLICE_ARG(slice_head(one, 60)));
		v = member(of, path);
	}
	return v;
}

/* A list as "1, 2"; an empty one is as one that is not there. */
static int
add_cell_value(struct buf *out, json_t *v)
{
	size_t i;
	json_t *one;
	int r = 0;

	if (!json_is_array(v) || json_array_size(v) == 0)
		return add_value(out, json_is_array(v) ? NULL : v);
	json_array_foreach(v, i, one)
	{
		if (r == 0 && i > 0)
			r = buf_add_cstr(out, ", ");
		if (r == 0)
			r = add_value(out, one);
	}
	return r;
}

/* Columns on a terminal, about: a code point each. */
static size_t
width_of(struct slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
	return n;
}

static int
pad(struct buf *out, size_t n)
{
	int r = 0;

	while (r == 0 && n-- > 0)
		r = buf_add_byte(out, ' ');
	return r;
}

static int
add_cell(struct buf *out, struct slice text, size_t width, bool right, bool last)
{
	size_t space = width - width_of(text);
	int r = right ? pad(out, space) : 0;

	if (r == 0)
		r = buf_add_slice(out, text);
	if (r == 0 && !right && !last)
		r = pad(out, space);
	return r == 0 ? buf_add_cstr(out, last ? "\n" : "  ") : r;
}

struct widths {
	size_t v[CTL_COLUMNS_MAX], n;
};

static int
measure(
    json_t *items, const struct ctl_column *columns, struct buf *cell, struct widths *w)
{
	size_t i;
	json_t *item;

	for (w->n = 0; w->n < CTL_COLUMNS_MAX && columns[w->n].title != NULL; w->n++)
		w->v[w->n] = strlen(columns[w->n].title);
	json_array_foreach(items, i, item)
	{
		for (size_t k = 0; k < w->n; k++) {
			size_t width;
			int r;

			buf_clear(cell);
			r = add_cell_value(cell, first_member(item, columns[k].path));
			if (r < 0)
				return r;
			width = width_of(buf_slice(cell));
			w->v[k] = width > w->v[k] ? width : w->v[k];
		}
	}
	return 0;
}

int
ctl_table(json_t *items, const struct ctl_column *columns, struct buf *out)
{
	struct widths w;
	struct buf cell;
	size_t i;
	json_t *item;
	int r;

	buf_init(&cell, 8 * CELL_BYTES_MAX);
	r = measure(items, columns, &cell, &w);
	for (size_t k = 0; r == 0 && k < w.n; k++)
		r = add_cell(out, slice_cstr(columns[k].title), w.v[k], columns[k].right,
		    k == w.n - 1);
	json_array_foreach(items, i, item)
	{
		for (size_t k = 0; r == 0 && k < w.n; k++) {
			buf_clear(&cell);
			r = add_cell_value(&cell, first_member(item, columns[k].path));
			if (r == 0)
				r = add_cell(out, buf_slice(&cell), w.v[k],
				    columns[k].right, k == w.n - 1);
		}
	}
	buf_release(&cell);
	return r;
}

static int
add_row(const char *name, json_t *v, size_t width, struct buf *out)
{
	size_t from = out->len;
	int r = escape_terminal(out, slice_cstr(name));

	if (r == 0) {
		size_t got = width_of(slice_from(buf_slice(out), from));

		r = pad(out, (got < width ? width - got : 0) + 1);
	}
	if (r == 0)
		r = add_value(out, v);
	return r == 0 ? buf_add_byte(out, '\n') : r;
}

/* `out` NULL: only *width becomes that of the longest name. */
static int
rows_below(
    json_t *object, const char *prefix, unsigned depth, size_t *width, struct buf *out)
{
	const char *key;
	json_t *v;
	int r = 0;

	json_object_foreach(object, key, v)
	{
		char name[200];
		size_t len;

		(void)snprintf(name, sizeof(name), "%s%s%.80s", prefix,
		    prefix[0] == '\0' ? "" : ".", key);
		len = width_of(slice_cstr(name));
		if (json_is_object(v) && depth < DEPTH_MAX)
			r = rows_below(v, name, depth + 1, width, out);
		else if (out != NULL)
			r = add_row(name, v, *width, out);
		else if (len > *width && len <= NAME_WIDTH_MAX)
			*width = len;
		if (r < 0)
			return r;
	}
	return r;
}

int
ctl_rows(json_t *object, struct buf *out)
{
	size_t width = NAME_WIDTH_MIN;

	(void)rows_below(object, "", 0, &width, NULL);
	return rows_below(object, "", 0, &width, out);
}

static int
add_line(struct buf *out, struct slice line)
{
	const char *tab = "";
	struct slice field;
	int r = 0;

	for (; r == 0 && slice_cut(&line, '\t', &field); tab = "\t") {
		r = buf_add_cstr(out, tab);
		if (r == 0)
			r = add_made(out, field);
	}
	return r == 0 ? buf_add_byte(out, '\n') : r;
}

int
ctl_lines(json_t *lines, struct buf *out)
{
	size_t i;
	json_t *line;
	int r = 0;

	json_array_foreach(lines, i, line)
	{
		if (r == 0)
			r = add_line(out,
			    slice_of(json_string_value(line), json_string_length(line)));
	}
	return r;
}
