#include "base/json.h"
#include <inttypes.h>
#include "base/escape.h"

void
json_init(struct json *j, struct buf *b)
{
	*j = (struct json){.b = b};
}

static void
put(struct json *j, struct slice s)
{
	if (j->err == 0)
		j->err = buf_add_slice(j->b, s);
}

static void
quoted(struct json *j, struct slice s)
{
	put(j, SLICE_LIT("\""));
	if (j->err == 0)
		j->err = escape_json(j->b, s);
	put(j, SLICE_LIT("\""));
}

static void
lead(struct json *j, const char *key)
{
	if (j->comma)
		put(j, SLICE_LIT(","));
	j->comma = true;
	if (key != NULL) {
		quoted(j, slice_cstr(key));
		put(j, SLICE_LIT(":"));
	}
}

static void
open(struct json *j, const char *key, struct slice bracket)
{
	lead(j, key);
	put(j, bracket);
	j->comma = false;
}

static void
shut(struct json *j, struct slice bracket)
{
	put(j, bracket);
	j->comma = true;
}

void
json_object(struct json *j, const char *key)
{
	open(j, key, SLICE_LIT("{"));
}

void
json_object_end(struct json *j)
{
	shut(j, SLICE_LIT("}"));
}

void
json_array(struct json *j, const char *key)
{
	open(j, key, SLICE_LIT("["));
}

void
json_array_end(struct json *j)
{
	shut(j, SLICE_LIT("]"));
}

void
json_str(struct json *j, const char *key, struct slice value)
{
	lead(j, key);
	quoted(j, value);
}

void
json_opt(struct json *j, const char *key, struct slice value)
{
	if (value.len > 0)
		json_str(j, key, value);
}

void
json_int(struct json *j, const char *key, int64_t value)
{
	lead(j, key);
	if (j->err == 0)
		j->err = buf_printf(j->b, "%" PRId64, value);
}

void
json_real(struct json *j, const char *key, double value)
{
	lead(j, key);
	if (j->err == 0)
		j->err = buf_printf(j->b, "%.3f", value);
}

void
json_bool(struct json *j, const char *key, bool value)
{
	lead(j, key);
	put(j, value ? SLICE_LIT("true") : SLICE_LIT("false"));
}
