/*
 * A page against the selectors.
 *
 *   tag -> html_open.c -> on_opened -> select_match() -> take(): outputs
 *                      -> on_closed -> values end
 */
#include "web/select_run.h"
#include <assert.h>
#include <errno.h>

#include "base/banned.h"

static int
attr_output(struct select_run *r, const struct subject *x, uint32_t output)
{
	const struct html_attr *a =
	    x->tag == NULL ? NULL : select_attr_find(x->tag, &r->s->attrs[output]);
	struct slice value;
	struct slot *slot;
	int err;

	if (a == NULL)
		return 0;
	err = select_attr_value(r, x->tag, a, &value);
	if (err == 0 && html_open_is_copy(&r->open, x->tag) &&
	    !arena_copy(r->arena, value, &value))
		err = -ENOMEM;
	if (err == 0)
		err = select_slot_add(r, r->s->outputs[output].field, &slot);
	if (err == 0)
		slot->text = value;
	return err;
}

/* Of an element that matches the last steps in `m`. */
static int
take(struct select_run *r, const struct subject *x, const struct bits *m, bool attrs_only)
{
	struct level *l = level_of(r, x->at);
	uint64_t outputs = 0;
	int err = 0;

	for (uint32_t w = 0; w < r->s->words; w++)
		for (uint64_t left = m->w[w] & r->s->finals.w[w]; left != 0;
		     left &= left - 1) {
			uint32_t step = w * 64 + (uint32_t)__builtin_ctzll(left);

			outputs |= UINT64_C(1) << r->s->steps[step].output;
		}
	for (; outputs != 0 && err == 0; outputs &= outputs - 1) {
		uint32_t o = (uint32_t)__builtin_ctzll(outputs);

		if ((r->live_outputs >> o & 1) == 0 ||
		    (attrs_only && r->s->outputs[o].kind != SEL_ATTR))
			continue;
		switch (r->s->outputs[o].kind) {
		case SEL_ELEMENT:
			err = select_capture_add(r, r->s->outputs[o].field, x->at);
			break;
		case SEL_TEXT:
			l->own |= UINT64_C(1) << o;
			break;
		default:
			err = attr_output(r, x, o);
			break;
		}
	}
	return err;
}

static int
level_make(struct select_run *r, uint32_t at)
{
	struct level **block = &r->levels[at / LEVELS_OF_BLOCK];

	if (*block == NULL)
		*block = arena_alloc(r->arena, LEVELS_OF_BLOCK * sizeof(**block));
	return *block == NULL ? -ENOMEM : 0;
}

static int
on_opened(void *ctx, uint32_t at, const struct html_tag *tag)
{
	struct select_run *r = ctx;
	const struct html_element *e = &r->open.open[at];
	struct level *l, *parent;
	struct subject x = {.at = at, .e = e, .tag = tag};
	int err = level_make(r, at);

	if (err != 0)
		return err;
	select_node_end(r);
	if (html_open_is_block(e))
		r->text.has_space = true;
	l = level_of(r, at);
	x.parent = parent = level_of(r, e->parent);
	l->own = 0;
	l->has_attrs = tag != NULL && tag->attrs_len > 0;
	l->children = 0;
	memset(l->counts, 0, r->s->counted_len * sizeof(l->counts[0]));
	parent->children++;
	for (uint32_t i = 0; i < r->s->counted_len; i++)
		parent->counts[i] += select_has_type(&r->s->counted[i], e);
	err = select_match(r, &x, &l->match);
	if (err != 0)
		return err;
	for (uint32_t w = 0; w < r->s->words; w++) {
		l->above.w[w] = parent->above.w[w] | l->match.w[w];
		l->last_child.w[w] = l->any_child.w[w] = 0;
		parent->last_child.w[w] = l->match.w[w];
		parent->any_child.w[w] |= l->match.w[w];
	}
	return take(r, &x, &l->match, false);
}

static void
on_closed(void *ctx, uint32_t at)
{
	struct select_run *r = ctx;

	select_node_end(r);
	select_captures_end(r, at);
	if (html_open_is_block(&r->open.open[at]))
		r->text.has_space = true;
}

/* What is open in it goes on, but not as its descendants. */
static void
on_ended(void *ctx, uint32_t at)
{
	struct select_run *r = ctx;
	struct level *l = level_of(r, at);

	select_captures_end(r, at);
	for (uint32_t w = 0; w < r->s->words; w++) {
		l->match.w[w] = 0;
		for (uint32_t i = at; i <= r->open.len; i++) {
			struct level *inner = level_of(r, i);
			struct level *parent = level_of(r, r->open.open[i].parent);

			inner->above.w[w] = inner->match.w[w] | parent->above.w[w];
		}
	}
}

/* html or body get the attributes that they did not have: what these match is true from
 * now on. */
static int
on_merged(void *ctx, uint32_t at, const struct html_tag *tag)
{
	struct select_run *r = ctx;
	const struct html_element *e = &r->open.open[at];
	struct level *l = level_of(r, at), *parent = level_of(r, e->parent);
	struct subject x = {.at = at, .e = e, .tag = tag, .parent = parent};
	struct bits more, was = l->match;
	int err;

	if (l->has_attrs || tag->attrs_len == 0)
		return 0;
	l->has_attrs = true;
	err = select_match(r, &x, &more);
	if (err == 0)
		err = take(r, &x, &was, true);
	for (uint32_t w = 0; w < r->s->words && err == 0; w++) {
		more.w[w] &= ~was.w[w];
		l->match.w[w] |= more.w[w];
		parent->last_child.w[w] |= more.w[w];
		parent->any_child.w[w] |= more.w[w];
		for (uint32_t i = at; i <= r->open.len; i++)
			level_of(r, i)->above.w[w] |= more.w[w];
	}
	return err != 0 ? err : take(r, &x, &more, false);
}

int
select_start(const struct select *s, bool is_xml, struct arena *a, select_attr_fn *attr,
    void *ctx, struct select_run **ret)
{
	static const struct html_open_ops ops = {.opened = on_opened,
	    .closed = on_closed,
	    .ended = on_ended,
	    .merged = on_merged};
	struct select_run *r = arena_alloc(a, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	r->s = s;
	r->arena = a;
	r->attr = attr;
	r->ctx = ctx;
	html_open_init(&r->open, &ops, r, is_xml);
	for (uint32_t i = 0; i < s->n.outputs; i++)
		r->live_outputs |= UINT64_C(1) << i;
	memset(&r->live, 0xFF, sizeof(r->live));
	if (level_make(r, 0) != 0)
		return -ENOMEM;
	*ret = r;
	return 0;
}

int
select_tag(struct select_run *r, const struct html_tag *tag)
{
	return html_open_tag(&r->open, tag);
}

void
select_doctype(struct select_run *r, const struct html_doctype *d)
{
	html_open_doctype(&r->open, d);
}

void
select_check(const struct select_run *r)
{
	html_open_check(&r->open);
	for (uint32_t i = 1; i <= r->open.len; i++) {
		const struct level *l = level_of(r, i);

		for (uint32_t w = 0; w < r->s->words; w++)
			assert((l->match.w[w] & ~l->above.w[w]) == 0);
	}
	for (uint32_t i = 0; i < r->captures_len; i++) {
		assert(r->captures[i].level <= r->open.len);
		assert(i == 0 || r->captures[i - 1].level <= r->captures[i].level);
		assert(r->captures[i].slot < r->slots_len);
	}
	for (uint32_t i = 0; i < r->s->n.fields; i++)
		assert(r->counts[i] <=
		       (select_field_is_list(r->s, i) ? SELECT_VALUES_MAX : 1u));
	assert(r->text.len <= SELECT_TEXT_BYTES_MAX);
	assert(r->code.len <= SELECT_TEXT_BYTES_MAX);
}
