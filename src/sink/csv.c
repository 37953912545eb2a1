/*
 * pages.csv: a row a page, RFC 4180 with a header.  Texts are as in rejected.log: what a
 * spreadsheet would compute and what a terminal would obey is escaped.  A field with many
 * values is a JSON array, which is neither.
 *
 * Opening writes nothing, so the header comes with the first row; a file that has rows is
 * gone on with only if its header is that of the columns that are asked for now.
 */
#include "sink/csv.h"
#include "base/clock.h"
#include "base/escape.h"
#include "base/json.h"
#include "sink/jsonl.h"
#include "sink/lines.h"
#include "sink/types.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

/* Texts, then numbers, then what is made otherwise. */
#define CSV_TEXTS(X)                                                                     \
	X(url)                                                                           \
	X(via)                                                                           \
	X(hops)                                                                          \
	X(mime)                                                                          \
	X(charset)                                                                       \
	X(digest)                                                                        \
	X(title)                                                                         \
	X(canonical)                                                                     \
	X(lang)                                                                          \
	X(description)                                                                   \
	X(ip)                                                                            \
	X(protocol)                                                                      \
	X(redirect_to)
#define CSV_NUMBERS(X)                                                                   \
	X("status", status)                                                              \
	X("depth", depth)                                                                \
	X("bytes_wire", wire_bytes)                                                      \
	X("bytes_body", body_bytes)                                                      \
	X("links", links)                                                                \
	X("ms_total", total_ms)
enum column {
#define X(name) COLUMN_##name,
	CSV_TEXTS(X)
#undef X
#define X(name, member) COLUMN_##member,
	    CSV_NUMBERS(X)
#undef X
		COLUMN_OUTCOME,
	COLUMN_KIND,
	COLUMN_FETCHED_AT,
	COLUMN_TEXT,
	COLUMN_NAMED_MAX,
	COLUMN_FIELD = COLUMN_NAMED_MAX,
};
static const char *const names[COLUMN_NAMED_MAX] = {
#define X(name) #name,
    CSV_TEXTS(X)
#undef X
#define X(name, member) name,
	CSV_NUMBERS(X)
#undef X
	    "outcome",
    "kind", "fetched_at", "text"};
static const char names_told[] =
#define X(name) #name ", "
    CSV_TEXTS(X)
#undef X
#define X(name, member) name ", "
	CSV_NUMBERS(X)
#undef X
	    "outcome, kind, fetched_at, text, fields and fields.NAME";

#define FIELD_PREFIX "fields."

struct csv {
	struct lines lines; /* first: lines.h takes s->priv for it */
	struct csv_layout layout;
	const struct select *select;
	struct buf cell;
};

/* -- Columns. -- */

static bool
layout_has(const struct csv_layout *l, unsigned id, size_t field)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->at[i].id == id && l->at[i].field == field)
			return true;
	return false;
}

static int
layout_add(
    struct csv_layout *l, unsigned id, size_t field, struct slice name, struct why *why)
{
	if (layout_has(l, id, field))
		return why_set(why, -EINVAL, "'%.*s' twice",
		    (int)slice_head(name, 100).len, name.ptr);
	if (l->n == CSV_COLUMNS_MAX)
		return why_set(why, -EINVAL, "more than %d columns", CSV_COLUMNS_MAX);
	l->at[l->n].id = (uint8_t)id;
	l->at[l->n].field = (uint8_t)field;
	l->n++;
	return 0;
}

static int
add_named(
    struct csv_layout *l, struct slice name, const struct select *select, struct why *why)
{
	size_t fields = select == NULL ? 0 : select_fields_len(select);
	int len = (int)slice_head(name, 100).len;

	for (unsigned i = 0; i < COLUMN_NAMED_MAX; i++)
		if (slice_eq(name, slice_cstr(names[i])))
			return layout_add(l, i, 0, name, why);
	if (!slice_starts(name, SLICE_LIT(FIELD_PREFIX)))
		return why_set(why, -EINVAL, "there is no column '%.*s'; there are %s",
		    len, name.ptr, names_told);
	for (size_t i = 0; i < fields; i++)
		if (slice_eq(slice_from(name, sizeof(FIELD_PREFIX) - 1),
			select_field_name(select, i)))
			return layout_add(l, COLUMN_FIELD, i, name, why);
	return why_set(why, -EINVAL, "'%.*s': no such field is extracted", len, name.ptr);
}

int
csv_layout_init(struct csv_layout *l, struct slice columns, const struct select *select,
    struct why *why)
{
	size_t fields = select == NULL ? 0 : select_fields_len(select);
	struct slice name;
	bool all = false;
	int r = 0;

	*l = (struct csv_layout){0};
	if (columns.len == 0)
		columns = SLICE_LIT(CSV_USUAL);
	while (r == 0 && slice_cut(&columns, ',', &name)) {
		if (slice_eq(name, SLICE_LIT("fields")))
			all = true;
		else
			r = add_named(l, name, select, why);
	}
	for (size_t i = 0; i < fields && all && r == 0; i++)
		if (!layout_has(l, COLUMN_FIELD, i))
			r = layout_add(
			    l, COLUMN_FIELD, i, select_field_name(select, i), why);
	return r;
}

/* -- Cells. -- */

static int
quote(struct buf *b, struct slice s)
{
	int r = buf_add_byte(b, '"');

	for (size_t i = 0; i < s.len && r == 0; i++) {
		if (s.ptr[i] == '"')
			r = buf_add_byte(b, '"');
		if (r == 0)
			r = buf_add_byte(b, s.ptr[i]);
	}
	return r < 0 ? r : buf_add_byte(b, '"');
}

static int
add_text(struct csv *c, struct buf *b, struct slice s)
{
	int r;

	buf_clear(&c->cell);
	r = escape_cell(&c->cell, s);
	return r < 0 ? r : s.len == 0 ? 0 : quote(b, buf_slice(&c->cell));
}

static int
add_list(struct csv *c, struct buf *b, size_t field, struct slice values)
{
	struct select_value v;
	struct jsonw j;

	buf_clear(&c->cell);
	jsonw_init(&j, &c->cell);
	jsonw_array(&j, NULL);
	while (select_values_next(&values, &v) && v.field == field)
		jsonw_str(&j, NULL, v.text);
	jsonw_array_end(&j);
	return j.err < 0 ? j.err : quote(b, buf_slice(&c->cell));
}

/* `values`: from the first of this field on. */
static int
add_field(struct csv *c, struct buf *b, size_t field, struct slice values)
{
	struct slice rest = values;
	struct select_value v;

	if (select_field_is_list(c->select, field))
		return add_list(c, b, field, values);
	if (!select_values_next(&rest, &v) || v.field != field)
		return 0;
	return add_text(c, b, v.text);
}

static int
add_cell(struct csv *c, struct buf *b, const struct sink_event *e, unsigned id)
{
	char at[CLOCK_TEXT_MAX];

	switch ((enum column)id) {
#define X(name)                                                                          \
	case COLUMN_##name:                                                              \
		return add_text(c, b, lines_text(e->name));
		CSV_TEXTS(X)
#undef X
#define X(name, member)                                                                  \
	case COLUMN_##member:                                                            \
		return buf_printf(b, "%" PRIu64, (uint64_t)e->member);
		CSV_NUMBERS(X)
#undef X
	case COLUMN_OUTCOME:
		return buf_add_cstr(b, outcome_name(e->outcome));
	case COLUMN_KIND:
		return buf_add_cstr(b, link_kind_name(e->link));
	case COLUMN_FETCHED_AT:
		clock_format(e->began_wall_us, 3, at);
		return buf_add_cstr(b, at);
	case COLUMN_TEXT:
		return add_text(c, b, lines_cut(e->text, SINK_TEXT_BYTES_MAX));
	case COLUMN_FIELD:
		break;
	}
	return -EINVAL;
}

/* A field that is called like a column beside it has its whole name. */
static int
add_field_name(const struct csv *c, struct buf *b, size_t field)
{
	struct slice name = select_field_name(c->select, field);
	bool taken = false;
	int r;

	for (unsigned id = 0; id < COLUMN_NAMED_MAX && !taken; id++)
		taken = slice_eq(name, slice_cstr(names[id])) &&
			layout_has(&c->layout, id, 0);
	r = buf_add_cstr(b, taken ? "\"" FIELD_PREFIX : "\"");
	if (r == 0)
		r = buf_add_slice(b, name); /* letters, digits, _, - and . */
	return r == 0 ? buf_add_byte(b, '"') : r;
}

static int
add_header(const struct csv *c, struct buf *b)
{
	int r = 0;

	for (size_t i = 0; i < c->layout.n && r == 0; i++) {
		unsigned id = c->layout.at[i].id;

		if (i > 0)
			r = buf_add_byte(b, ',');
		if (r == 0)
			r = id == COLUMN_FIELD
				? add_field_name(c, b, c->layout.at[i].field)
				: buf_add_cstr(b, names[id]);
	}
	return r < 0 ? r : buf_add(b, "\r\n", 2);
}

static int
add_row(struct csv *c, struct buf *b, const struct sink_event *e)
{
	struct slice first[SELECT_FIELDS_MAX] = {{0}}, rest = e->fields, here;
	struct select_value v;
	int r = 0;

	if (rest.len > 0)
		select_values_begin(&rest);
	for (here = rest; select_values_next(&rest, &v); here = rest)
		if (v.field < SELECT_FIELDS_MAX && first[v.field].ptr == NULL)
			first[v.field] = here;
	for (size_t i = 0; i < c->layout.n && r == 0; i++) {
		unsigned id = c->layout.at[i].id;
		size_t field = c->layout.at[i].field;

		if (i > 0)
			r = buf_add_byte(b, ',');
		if (r == 0 && id != COLUMN_FIELD)
			r = add_cell(c, b, e, id);
		else if (r == 0 && e->fields.len > 0)
			r = add_field(c, b, field, first[field]);
	}
	return r < 0 ? r : buf_add_byte(b, '\r');
}

/* -- The sink. -- */

/* Whether the file that is there begins with the header that it would have now. */
static int
check_header(struct csv *c, struct why *why)
{
	struct buf *want = &c->cell;
	char *have = NULL;
	ssize_t n = -1;
	int fd, r;

	buf_clear(want);
	r = add_header(c, want);
	if (r == 0 && (have = malloc(want->len)) == NULL)
		r = -ENOMEM;
	if (r < 0)
		return why_set(why, r, "no memory for pages.csv");
	fd = openat(c->lines.file.dir_fd, c->lines.file.name, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		n = pread(fd, have, want->len, 0);
	if (n < 0)
		r = why_set(
		    why, -errno, "cannot read pages.csv: %s", strerrordesc_np(errno));
	else if ((size_t)n != want->len || memcmp(have, want->ptr, want->len) != 0)
		r = why_set(why, -EINVAL,
		    "pages.csv was begun with other columns than --csv-columns and "
		    "--extract ask for now");
	if (fd >= 0)
		(void)close(fd);
	free(have);
	return r;
}

static int
csv_open(struct sink *s, const struct sink_conf *conf, struct slice mark, struct why *why)
{
	struct csv_layout layout;
	struct csv *c;
	int r = csv_layout_init(&layout, conf->csv_columns, conf->select, why);

	if (r < 0)
		return why_prefix(why, r, "--csv-columns");
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return why_set(why, -ENOMEM, "no memory for pages.csv");
	r = lines_open(s, conf, "pages.csv", mark, why);
	if (r < 0) {
		free(c);
		return r;
	}
	c->lines = *(struct lines *)s->priv;
	free(s->priv);
	s->priv = c;
	c->layout = layout;
	c->select = conf->select;
	buf_init(&c->cell, JSONL_LINE_BYTES_MAX);
	r = c->lines.file.pos > 0 ? check_header(c, why) : 0;
	if (r < 0) {
		buf_release(&c->cell);
		(void)lines_close(s, false, NULL);
	}
	return r;
}

static int
csv_put(struct sink *s, struct sink_event *e, struct why *why)
{
	struct csv *c = s->priv;
	struct buf *b;
	int r = 0;

	if (!jsonl_is_page(e))
		return 0;
	b = lines_begin(s);
	if (file_append_at(&c->lines.file) == 0)
		r = add_header(c, b);
	return lines_end(s, r < 0 ? r : add_row(c, b, e), why);
}

static int
csv_close(struct sink *s, bool finished, struct why *why)
{
	struct csv *c = s->priv;

	buf_release(&c->cell);
	return lines_close(s, finished, why);
}

const struct sink_type sink_csv = {
    .name = "csv",
    .open = csv_open,
    .put = csv_put,
    .flush = lines_flush,
    .sync = lines_sync,
    .mark = lines_mark,
    .close = csv_close,
    .lines = "pages.csv",
};
