/*
 * Values: attributes as they are, and pieces of one long text that is put together while
 * the page passes, so that what lies in each other is kept once.
 */
#include "web/select_run.h"
#include <assert.h>
#include <errno.h>

#include "base/banned.h"

enum {
	FIRST_CAP = 16,      /* of arrays that grow by doubling */
	FIRST_STREAM = 4096, /* bytes */
};

/* -- Text -------------------------------------------------------------------------- */

/* What a browser shows none of: taken only when it is the element that is selected. */
static bool
is_code(const struct html_element *e)
{
	switch (e->id) {
	case HTML_N_SCRIPT:
	case HTML_N_STYLE:
	case HTML_N_IFRAME:
	case HTML_N_NOEMBED:
	case HTML_N_NOFRAMES:
		return true;
	default:
		return false;
	}
}

/* As much of `s` as there may be. */
static int
stream_put(struct select_run *r, struct stream *t, struct slice s)
{
	size_t cap = t->cap == 0 ? FIRST_STREAM : t->cap;
	char *text;

	s = slice_head(s, SELECT_TEXT_BYTES_MAX - t->len);
	while (cap < t->len + s.len)
		cap *= 2;
	if (cap > t->cap) {
		text = arena_text(r->arena, cap);
		if (text == NULL)
			return -ENOMEM;
		if (t->len > 0)
			memcpy(text, t->text, t->len);
		t->text = text;
		t->cap = cap;
	}
	if (s.len > 0)
		memcpy(t->text + t->len, s.ptr, s.len);
	t->len += s.len;
	return 0;
}

static int
stream_put_collapsed(struct select_run *r, struct stream *t, struct slice s)
{
	size_t i = 0, n;
	int err = 0;

	while (err == 0 && t->len < SELECT_TEXT_BYTES_MAX) {
		for (; i < s.len && ascii_is_space(s.ptr[i]); i++)
			t->has_space = true;
		for (n = i; n < s.len && !ascii_is_space(s.ptr[n]);)
			n++;
		if (n == i)
			break;
		if (t->has_space && t->len > 0)
			err = stream_put(r, t, SLICE_LIT(" "));
		t->has_space = false;
		if (err == 0)
			err = stream_put(r, t, slice_of(s.ptr + i, n - i));
		i = n;
	}
	return err;
}

/* A field takes no more. */
static void
field_off(struct select_run *r, uint32_t field)
{
	uint64_t outputs = r->s->of_field[field];

	r->live_outputs &= ~outputs;
	for (; outputs != 0; outputs &= outputs - 1) {
		const struct bits *b = &r->s->of_output[__builtin_ctzll(outputs)];

		for (uint32_t w = 0; w < r->s->words; w++)
			r->live.w[w] &= ~b->w[w];
	}
}

/* A further value of a field that takes more. */
int
select_slot_add(struct select_run *r, uint32_t field, struct slot **ret)
{
	uint32_t cap = r->slots_cap == 0 ? FIRST_CAP : r->slots_cap * 2;
	struct slot *slots;

	if (r->slots_len == r->slots_cap) {
		slots = arena_alloc(r->arena, cap * sizeof(*slots));
		if (slots == NULL)
			return -ENOMEM;
		if (r->slots_len > 0)
			memcpy(slots, r->slots, r->slots_len * sizeof(*slots));
		r->slots = slots;
		r->slots_cap = cap;
	}
	*ret = &r->slots[r->slots_len++];
	**ret = (struct slot){.field = (uint8_t)field};
	if (++r->counts[field] == SELECT_VALUES_MAX || !select_field_is_list(r->s, field))
		field_off(r, field);
	return 0;
}

/* One that is a piece of a stream, from here on. */
static int
piece_begin(struct select_run *r, uint32_t field, bool code)
{
	struct slot *slot;
	int err = select_slot_add(r, field, &slot);

	if (err != 0)
		return err;
	slot->is_piece = true;
	slot->is_code = code;
	slot->at = slot->end = (uint32_t)(code ? r->code.len : r->text.len);
	return 0;
}

static void
piece_end(struct select_run *r, uint32_t slot)
{
	struct slot *s = &r->slots[slot];

	s->end = (uint32_t)(s->is_code ? r->code.len : r->text.len);
}

void
select_node_end(struct select_run *r)
{
	if (!r->node.is_open)
		return;
	for (uint32_t i = 0; i < r->node.slots; i++)
		piece_end(r, r->node.slot + i);
	r->node.is_open = false;
}

/* At the first character of a text node that is not white space. */
static int
node_begin(struct select_run *r, uint64_t outputs, bool code)
{
	int err = 0;

	r->node = (struct node){.is_code = code, .slot = r->slots_len};
	for (; outputs != 0 && err == 0; outputs &= outputs - 1) {
		uint32_t output = (uint32_t)__builtin_ctzll(outputs);

		if ((r->live_outputs >> output & 1) == 0)
			continue; /* of a field that just got what it can have */
		err = piece_begin(r, r->s->outputs[output].field, code);
		r->node.slots++;
	}
	r->node.is_open = err == 0;
	return err;
}

/* Of the text right within the element that was opened last, who wants any? */
static bool
wants_code(const struct select_run *r)
{
	return r->node.is_open ||
	       (level_of(r, r->open.len)->own & r->live_outputs) != 0 ||
	       (r->captures_len > 0 &&
		   r->captures[r->captures_len - 1].level == r->open.len);
}

bool
select_wants_text(const struct select_run *r)
{
	if (select_is_done(r))
		return false;
	if (is_code(&r->open.open[r->open.len]))
		return wants_code(r);
	return html_open_awaits_text(&r->open) || r->captures_len > 0 ||
	       r->node.is_open || (level_of(r, r->open.len)->own & r->live_outputs) != 0;
}

int
select_text(struct select_run *r, struct slice s)
{
	bool blank = slice_trim(s).len == 0, code;
	uint64_t own;
	int err = 0;

	if (s.len > 0 && html_open_awaits_text(&r->open))
		err = html_open_text(&r->open, blank);
	if (err != 0)
		return err;
	code = is_code(&r->open.open[r->open.len]);
	own = level_of(r, r->open.len)->own & r->live_outputs;
	if (!blank && !r->node.is_open && own != 0)
		err = node_begin(r, own, code);
	if (err != 0 || (code && !wants_code(r)))
		return err;
	if (code)
		return stream_put(r, &r->code, s);
	if (r->captures_len == 0 && !r->node.is_open)
		return 0;
	return stream_put_collapsed(r, &r->text, s);
}

int
select_capture_add(struct select_run *r, uint32_t field, uint32_t at)
{
	uint32_t cap = r->captures_cap == 0 ? FIRST_CAP : r->captures_cap * 2;
	struct capture *captures;
	int err = piece_begin(r, field, is_code(&r->open.open[at]));

	if (err != 0)
		return err;
	if (r->captures_len == r->captures_cap) {
		captures = arena_alloc(r->arena, cap * sizeof(*captures));
		if (captures == NULL)
			return -ENOMEM;
		if (r->captures_len > 0)
			memcpy(
			    captures, r->captures, r->captures_len * sizeof(*captures));
		r->captures = captures;
		r->captures_cap = cap;
	}
	r->captures[r->captures_len++] =
	    (struct capture){.slot = r->slots_len - 1, .level = at};
	return 0;
}

void
select_captures_end(struct select_run *r, uint32_t at)
{
	uint32_t kept = r->captures_len, ended = 0;

	/* Those of an element follow each other; mostly they are the last. */
	while (kept > 0 && r->captures[kept - 1].level > at)
		kept--;
	for (; kept > 0 && r->captures[kept - 1].level == at; kept--, ended++)
		piece_end(r, r->captures[kept - 1].slot);
	if (ended == 0)
		return;
	r->captures_len -= ended;
	memmove(&r->captures[kept], &r->captures[kept + ended],
	    (r->captures_len - kept) * sizeof(r->captures[0]));
}

void
select_comment(struct select_run *r)
{
	select_node_end(r);
}

/* -- The end ----------------------------------------------------------------------- */

bool
select_is_done(const struct select_run *r)
{
	return r->live_outputs == 0 && r->captures_len == 0 && !r->node.is_open;
}

/* Cut to `max` bytes, and to whole characters: the page's text may have been cut, too. */
static struct slice
whole_chars(struct slice s, size_t max)
{
	size_t back = 0;
	unsigned char c;

	s = slice_head(s, max);
	while (back < s.len && back < 3 &&
	       ((unsigned char)s.ptr[s.len - 1 - back] & 0xC0) == 0x80)
		back++;
	if (back == s.len)
		return s;
	c = (unsigned char)s.ptr[s.len - 1 - back];
	if (c >= 0xC0 && (size_t)1 + (c >= 0xE0) + (c >= 0xF0) > back)
		s.len -= back + 1;
	return s;
}

static struct slice
slot_text(const struct select_run *r, const struct slot *s)
{
	const struct stream *t = s->is_code ? &r->code : &r->text;

	if (s->is_piece && s->end == s->at)
		return (struct slice){0};
	if (!s->is_piece)
		return whole_chars(s->text, SELECT_VALUE_BYTES_MAX);
	return slice_trim(
	    whole_chars(slice_trim(slice_of(t->text + s->at, s->end - s->at)),
		SELECT_VALUE_BYTES_MAX));
}

int
select_end(struct select_run *r, const struct select_value **ret, size_t *ret_len)
{
	uint32_t at[SELECT_FIELDS_MAX + 1] = {0};
	size_t bytes = 0, len = 0;
	struct select_value *values;
	int err = html_open_end(&r->open);

	if (err != 0)
		return err;
	assert(r->captures_len == 0 && !r->node.is_open);
	values = arena_alloc(r->arena, (r->slots_len + 1) * sizeof(*values));
	if (values == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < SELECT_FIELDS_MAX; i++)
		at[i + 1] = at[i] + r->counts[i];
	for (uint32_t i = 0; i < r->slots_len; i++) {
		const struct slot *s = &r->slots[i];

		values[at[s->field]++] = (struct select_value){s->field, slot_text(r, s)};
	}
	for (uint32_t i = 0; i < r->slots_len; i++) {
		if (values[i].text.len > SELECT_PAGE_BYTES_MAX - bytes)
			continue;
		bytes += values[i].text.len;
		values[len++] = values[i];
	}
	*ret = values;
	*ret_len = len;
	return 0;
}
