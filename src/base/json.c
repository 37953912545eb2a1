#include "base/json.h"
#include "base/escape.h"
#include <inttypes.h>
#include <math.h>

void
jsonw_init(struct jsonw *j, struct buf *b)
{
	*j = (struct jsonw){.b = b, .start = b->len};
}

static void
note(struct jsonw *j, int r)
{
	if (r < 0) {
		j->err = r;
		j->b->len = j->start;
	}
}

static void
put(struct jsonw *j, struct slice s)
{
	if (j->err == 0)
		note(j, buf_add_slice(j->b, s));
}

/* Room for `n` bytes, to be written by the caller; NULL: there is none. */
static char *
room(struct jsonw *j, size_t n)
{
	struct buf *b = j->b;

	if (j->err == 0 && b->cap - b->len < n)
		note(j, buf_reserve(b, n));
	if (j->err != 0)
		return NULL;
	b->len += n;
	return b->ptr + b->len - n;
}

/* Nearly all there is can be written as it is, and then in one go. */
static void
quoted(struct jsonw *j, struct slice s)
{
	char *at;

	if (escape_plain(s, ' ') < s.len) {
		put(j, SLICE_LIT("\""));
		if (j->err == 0)
			note(j, escape_json(j->b, s));
		put(j, SLICE_LIT("\""));
		return;
	}
	at = room(j, s.len + 2);
	if (at == NULL)
		return;
	*at++ = '"';
	if (s.len > 0)
		memcpy(at, s.ptr, s.len);
	at[s.len] = '"';
}

static void
lead(struct jsonw *j, const char *key)
{
	struct slice name = key == NULL ? ((struct slice){0}) : slice_cstr(key);
	char *at;

	if (key == NULL || escape_plain(name, ' ') < name.len) {
		if (j->comma)
			put(j, SLICE_LIT(","));
		if (key != NULL) {
			quoted(j, name);
			put(j, SLICE_LIT(":"));
		}
	} else if ((at = room(j, j->comma + name.len + 3)) != NULL) {
		if (j->comma)
			*at++ = ',';
		*at++ = '"';
		memcpy(at, name.ptr, name.len);
		memcpy(at + name.len, "\":", 2);
	}
	j->comma = true;
}

static void
opened(struct jsonw *j, const char *key, struct slice bracket)
{
	lead(j, key);
	put(j, bracket);
	j->comma = false;
}

static void
closed(struct jsonw *j, struct slice bracket)
{
	put(j, bracket);
	j->comma = true;
}

void
jsonw_object(struct jsonw *j, const char *key)
{
	opened(j, key, SLICE_LIT("{"));
}

void
jsonw_object_end(struct jsonw *j)
{
	closed(j, SLICE_LIT("}"));
}

void
jsonw_array(struct jsonw *j, const char *key)
{
	opened(j, key, SLICE_LIT("["));
}

void
jsonw_array_end(struct jsonw *j)
{
	closed(j, SLICE_LIT("]"));
}

void
jsonw_str(struct jsonw *j, const char *key, struct slice value)
{
	lead(j, key);
	quoted(j, value);
}

void
jsonw_opt(struct jsonw *j, const char *key, struct slice value)
{
	if (value.len > 0)
		jsonw_str(j, key, value);
}

void
jsonw_int(struct jsonw *j, const char *key, int64_t value)
{
	lead(j, key);
	if (j->err == 0)
		note(j, buf_add_i64(j->b, value));
}

void
jsonw_real(struct jsonw *j, const char *key, double value)
{
	double size = value < 0 ? -value : value;
	uint64_t whole, milli;

	lead(j, key);
	if (!isfinite(value)) { /* RFC 8259 section 6 has no such numbers */
		put(j, SLICE_LIT("null"));
		return;
	}
	if (j->err != 0)
		return;
	/* printf's point is the locale's, so it does not get to write one. */
	if (size >= 1e18) {
		note(j, buf_printf(j->b, "%.0f.000", value));
		return;
	}
	whole = (uint64_t)size;
	milli = (uint64_t)((size - (double)whole) * 1000 + 0.5);
	whole += milli / 1000;
	milli %= 1000;
	note(j, buf_printf(j->b, "%s%" PRIu64 ".%03" PRIu64,
		    value < 0 && whole + milli > 0 ? "-" : "", whole, milli));
}

void
jsonw_null(struct jsonw *j, const char *key)
{
	lead(j, key);
	put(j, SLICE_LIT("null"));
}

void
jsonw_bool(struct jsonw *j, const char *key, bool value)
{
	lead(j, key);
	put(j, value ? SLICE_LIT("true") : SLICE_LIT("false"));
}

void
jsonw_raw(struct jsonw *j, const char *key, struct slice json)
{
	lead(j, key);
	put(j, json);
}
