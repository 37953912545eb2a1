/*
 * The list of active formatting elements (13.2.4.3): which b, i, a ... were not ended when
 * the block around them was, and open again in what follows.
 *
 * Tags are saved one behind the other; room is free again when the last of the list goes.
 */
#include "web/html_open_int.h"

#include "base/banned.h"

/* Up to where the tag's bytes mean something. */
static uint32_t
bytes_of(const struct html_tag *tag)
{
	uint32_t end = tag->name_at + tag->name_len;

	for (uint32_t i = 0; i < tag->attrs_len; i++) {
		const struct html_attr *a = &tag->attrs[i];
		uint32_t name = a->name_at + a->name_len,
			 value = a->value_at + a->value_len;

		end = name > end ? name : end;
		end = value > end ? value : end;
	}
	return end;
}

static void
tag_save(struct html_open *o, struct html_format *f, const struct html_tag *tag)
{
	uint32_t bytes = bytes_of(tag);

	f->bytes_at = o->bytes_len;
	f->attrs_at = o->attrs_len;
	if (bytes > HTML_OPEN_SAVED_BYTES - o->bytes_len ||
	    tag->attrs_len > HTML_OPEN_SAVED_ATTRS - o->attrs_len)
		return;
	f->bytes_len = bytes;
	f->attrs_len = tag->attrs_len;
	f->name_at = tag->name_at;
	f->name_len = tag->name_len;
	f->name_odd = tag->name_odd;
	memcpy(o->bytes + f->bytes_at, tag->raw, bytes);
	if (tag->attrs_len > 0)
		memcpy(o->attrs + f->attrs_at, tag->attrs,
		    tag->attrs_len * sizeof(tag->attrs[0]));
	o->bytes_len += f->bytes_len;
	o->attrs_len += f->attrs_len;
}

static bool
is_same(
    const struct html_open *o, const struct html_format *a, const struct html_format *b)
{
	return a->e.key == b->e.key && a->bytes_len == b->bytes_len &&
	       memcmp(o->bytes + a->bytes_at, o->bytes + b->bytes_at, a->bytes_len) == 0;
}

/* Of four that are the same, the first goes ("Noah's Ark clause").  What is compared is how
 * they were written. */
static void
flood(struct html_open *o, const struct html_format *f)
{
	int same = 0, first = FORMAT_NONE;

	for (int i = (int)o->formats_len - 1; i >= 0 && !o->formats[i].is_marker; i--)
		if (is_same(o, &o->formats[i], f)) {
			first = i;
			same++;
		}
	if (same > 3)
		format_remove(o, first);
}

void
format_add(struct html_open *o, uint32_t at, const struct html_tag *tag)
{
	struct html_format *f = &o->formats[o->formats_len];

	if (o->formats_len == HTML_OPEN_FORMATS_MAX)
		return;
	*f = (struct html_format){.e = o->open[at], .at = at};
	tag_save(o, f, tag);
	o->formats_len++;
	flood(o, f);
}

void
format_marker_add(struct html_open *o, uint32_t at)
{
	if (o->formats_len == HTML_OPEN_FORMATS_MAX)
		return;
	o->formats[o->formats_len++] = (struct html_format){.at = at,
	    .is_marker = true,
	    .bytes_at = o->bytes_len,
	    .attrs_at = o->attrs_len};
}

/* What is saved of those that are there. */
static void
room_set(struct html_open *o)
{
	const struct html_format *last;

	o->bytes_len = o->attrs_len = 0;
	if (o->formats_len == 0)
		return;
	last = &o->formats[o->formats_len - 1];
	o->bytes_len = last->bytes_at + last->bytes_len;
	o->attrs_len = last->attrs_at + last->attrs_len;
}

/* Those since the last marker, and the marker. */
static void
format_clear(struct html_open *o)
{
	while (o->formats_len > 0)
		if (o->formats[--o->formats_len].is_marker)
			break;
	room_set(o);
}

void
format_remove(struct html_open *o, int format)
{
	o->formats_len--;
	if ((uint32_t)format < o->formats_len)
		memmove(&o->formats[format], &o->formats[format + 1],
		    (o->formats_len - (uint32_t)format) * sizeof(o->formats[0]));
	room_set(o);
}

void
format_popped(struct html_open *o, uint32_t at)
{
	for (uint32_t i = o->formats_len; i-- > 0;) {
		struct html_format *f = &o->formats[i];

		if (f->at != at)
			continue;
		f->at = 0;
		if (!f->is_marker)
			return;
		o->formats_len = i + 1;
		format_clear(o);
		return;
	}
}

int
format_find(const struct html_open *o, const struct html_element *name)
{
	for (int i = (int)o->formats_len - 1; i >= 0 && !o->formats[i].is_marker; i--)
		if (o->formats[i].e.key == name->key)
			return i;
	return FORMAT_NONE;
}

int
format_first_lost(const struct html_open *o)
{
	int i = (int)o->formats_len;

	while (i > 0 && o->formats[i - 1].at == 0 && !o->formats[i - 1].is_marker)
		i--;
	return i == (int)o->formats_len ? FORMAT_NONE : i;
}

struct html_tag
format_tag(struct html_open *o, int format)
{
	const struct html_format *f = &o->formats[format];

	return (struct html_tag){.raw = o->bytes + f->bytes_at,
	    .name_key = f->e.key,
	    .name_at = f->name_at,
	    .name_len = f->name_len,
	    .id = f->e.id,
	    .name_odd = f->name_odd,
	    .attrs_len = f->attrs_len,
	    .attrs = o->attrs + f->attrs_at};
}

bool
html_open_is_copy(const struct html_open *o, const struct html_tag *tag)
{
	return tag->attrs >= o->attrs && tag->attrs < o->attrs + HTML_OPEN_SAVED_ATTRS;
}
