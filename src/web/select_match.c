/* Which steps an element matches (Selectors Level 4). */
#include "web/select_run.h"

#include "base/banned.h"

int
select_attr_value(struct select_run *r, const struct html_tag *tag,
    const struct html_attr *a, struct slice *ret)
{
	size_t i = (size_t)(a - tag->attrs);
	int err;

	if (r->turns[i] != r->turn) {
		err = r->attr(r->ctx, tag, a, &r->values[i]);
		if (err != 0)
			return err;
		r->turns[i] = r->turn;
	}
	*ret = r->values[i];
	return 0;
}

const struct html_attr *
select_attr_find(const struct html_tag *tag, const struct sel_name *name)
{
	for (uint32_t i = 0; i < tag->attrs_len; i++) {
		const struct html_attr *a = &tag->attrs[i];

		if (a->name_key == name->key &&
		    (name->text.len <= 8 ||
			slice_ieq(html_attr_name(tag, a), name->text)))
			return a;
	}
	return NULL;
}

static bool
starts(struct slice s, struct slice with, bool ignores_case)
{
	return ignores_case ? slice_istarts(s, with) : slice_starts(s, with);
}

static bool
has_word(struct slice s, struct slice word, bool ignores_case)
{
	size_t i = 0, n;

	while (word.len > 0 && i < s.len) {
		for (; i < s.len && ascii_is_space(s.ptr[i]);)
			i++;
		for (n = i; n < s.len && !ascii_is_space(s.ptr[n]);)
			n++;
		if (n - i == word.len && starts(slice_from(s, i), word, ignores_case))
			return true;
		i = n;
	}
	return false;
}

static bool
has_part(struct slice s, struct slice part, bool ignores_case)
{
	if (part.len == 0 || part.len > s.len)
		return false;
	if (!ignores_case)
		return memmem(s.ptr, s.len, part.ptr, part.len) != NULL;
	for (size_t i = 0; i + part.len <= s.len; i++)
		if (slice_istarts(slice_from(s, i), part))
			return true;
	return false;
}

/* Section 6 of Selectors Level 4. */
static bool
value_matches(struct slice s, enum sel_op op, struct slice want, bool ignores_case)
{
	switch (op) {
	case SEL_OP_EXISTS:
		return true;
	case SEL_OP_EQUALS:
		return s.len == want.len && starts(s, want, ignores_case);
	case SEL_OP_WORD:
		return has_word(s, want, ignores_case);
	case SEL_OP_DASH:
		return starts(s, want, ignores_case) &&
		       (s.len == want.len || s.ptr[want.len] == '-');
	case SEL_OP_PREFIX:
		return want.len > 0 && starts(s, want, ignores_case);
	case SEL_OP_SUFFIX:
		return want.len > 0 && s.len >= want.len &&
		       starts(slice_from(s, s.len - want.len), want, ignores_case);
	case SEL_OP_SUBSTRING:
		return has_part(s, want, ignores_case);
	default:
		return false;
	}
}

static int
attr_matches(struct select_run *r, const struct sel_cond *c, const struct html_tag *tag,
    const struct html_attr *a, enum sel_op op, bool *ret)
{
	struct slice value;
	int err;

	*ret = a != NULL;
	if (a == NULL || op == SEL_OP_EXISTS)
		return 0;
	err = select_attr_value(r, tag, a, &value);
	if (err == 0)
		*ret = value_matches(
		    value, op, select_text_of(r->s, c->value), c->ignores_case != 0);
	return err;
}

/* Is there an n >= 0 with a * n + b == index? */
static bool
nth_matches(const struct sel_cond *c, uint32_t index)
{
	int64_t rest = (int64_t)index - c->b;

	if (c->a == 0)
		return rest == 0;
	return rest % c->a == 0 && rest / c->a >= 0;
}

static int compound_matches(
    struct select_run *r, const struct subject *x, uint32_t step, bool *ret);

static int
subs_match(
    struct select_run *r, const struct subject *x, const struct sel_cond *c, bool *ret)
{
	int err = 0;

	*ret = false;
	for (uint32_t i = 0; i < c->subs_len && err == 0 && !*ret; i++)
		err = compound_matches(r, x, r->s->n.steps + c->subs_at + i, ret);
	return err;
}

static int
cond_matches(struct select_run *r, const struct subject *x, uint32_t cond, bool *ret)
{
	const struct sel_cond *c = &r->s->conds[cond];
	const struct html_attr *a = NULL;
	int err;

	switch (c->what) {
	case SEL_COND_ATTR:
		if (x->tag != NULL)
			a = select_attr_find(x->tag, &r->s->cond_names[cond]);
		return attr_matches(r, c, x->tag, a, (enum sel_op)c->op, ret);
	case SEL_COND_CLASS:
		if (x->tag != NULL)
			a = html_attr_get(x->tag, HTML_N_CLASS);
		return attr_matches(r, c, x->tag, a, SEL_OP_WORD, ret);
	case SEL_COND_ID:
		if (x->tag != NULL)
			a = html_attr_get(x->tag, HTML_N_ID);
		return attr_matches(r, c, x->tag, a, SEL_OP_EQUALS, ret);
	case SEL_COND_NTH:
		*ret = nth_matches(c, x->parent->children);
		return 0;
	case SEL_COND_NTH_OF_TYPE:
		*ret = nth_matches(c, x->parent->counts[r->s->counters[cond]]);
		return 0;
	case SEL_COND_ROOT:
		*ret = x->at == 1;
		return 0;
	case SEL_COND_IS:
		return subs_match(r, x, c, ret);
	default:
		err = subs_match(r, x, c, ret);
		*ret = !*ret;
		return err;
	}
}

static int
compound_matches(struct select_run *r, const struct subject *x, uint32_t step, bool *ret)
{
	const struct sel_step *t = &r->s->steps[step];
	int err = 0;

	*ret = select_has_type(&r->s->types[step], x->e);
	for (uint32_t i = 0; i < t->conds_len && *ret && err == 0; i++)
		err = cond_matches(r, x, (uint32_t)t->conds_at + i, ret);
	return err;
}

/* -- Steps ------------------------------------------------------------------------- */

/* Which steps may the element match, as far as what is around it and its name tell? */
static bool
ready(const struct select_run *r, const struct subject *x, struct bits *ret)
{
	const struct select *s = r->s;
	const struct bits *types = &s->by_type[select_bucket(x->e->key)];
	const struct level *p = x->parent;
	uint64_t above = 0, match = 0, last = 0, any = 0, all = 0;

	for (uint32_t w = 0; w < s->words; w++) {
		uint64_t may = s->combs[SEL_FIRST].w[w];

		may |= (p->above.w[w] << 1 | above) & s->combs[SEL_DESCENDANT].w[w];
		may |= (p->match.w[w] << 1 | match) & s->combs[SEL_CHILD].w[w];
		if (s->has_siblings) {
			may |= (p->last_child.w[w] << 1 | last) &
			       s->combs[SEL_ADJACENT].w[w];
			may |=
			    (p->any_child.w[w] << 1 | any) & s->combs[SEL_SIBLING].w[w];
			last = p->last_child.w[w] >> 63;
			any = p->any_child.w[w] >> 63;
		}
		above = p->above.w[w] >> 63;
		match = p->match.w[w] >> 63;
		may &= r->live.w[w] & types->w[w];
		ret->w[w] = may;
		all |= may;
	}
	return all != 0;
}

/* Steps that want a class that is one of these, by hash. */
static void
classes_collect(const struct select *s, struct slice value, struct bits *ret)
{
	size_t i = 0, n;

	*ret = (struct bits){0};
	while (i < value.len) {
		for (n = i; n < value.len && !ascii_is_space(value.ptr[n]);)
			n++;
		if (n > i) {
			uint32_t hash = select_class_hash(slice_of(value.ptr + i, n - i));
			const struct bits *b = &s->by_class[select_bucket(hash)];

			for (uint32_t w = 0; w < s->words; w++)
				ret->w[w] |= b->w[w];
		}
		i = n + 1;
	}
}

/* Takes out of `may` what the lack of attributes, or of the right classes, rules out. */
static int
attrs_sift(struct select_run *r, const struct html_tag *tag, struct bits *may)
{
	const struct select *s = r->s;
	const struct html_attr *class, *id;
	struct bits classes = {0};
	struct slice value;
	uint64_t wants_class = 0, wants_id = 0;
	int err;

	for (uint32_t w = 0; w < s->words; w++) {
		if (tag == NULL || tag->attrs_len == 0)
			may->w[w] &= ~s->needs_attrs.w[w];
		wants_class |= may->w[w] & s->needs_class.w[w];
		wants_id |= may->w[w] & s->needs_id.w[w];
	}
	if (wants_class != 0) {
		class = html_attr_get(tag, HTML_N_CLASS);
		if (class != NULL) {
			err = select_attr_value(r, tag, class, &value);
			if (err != 0)
				return err;
			classes_collect(s, value, &classes);
		}
		for (uint32_t w = 0; w < s->words; w++)
			may->w[w] &= ~s->needs_class.w[w] | classes.w[w];
	}
	if (wants_id != 0) {
		id = html_attr_get(tag, HTML_N_ID);
		for (uint32_t w = 0; w < s->words && id == NULL; w++)
			may->w[w] &= ~s->needs_id.w[w];
	}
	return 0;
}

/* The steps that the element matches. */
int
select_match(struct select_run *r, const struct subject *x, struct bits *ret)
{
	bool matches;
	int err;

	r->turn++;
	if (!ready(r, x, ret))
		return 0;
	err = attrs_sift(r, x->tag, ret);
	for (uint32_t w = 0; w < r->s->words && err == 0; w++)
		for (uint64_t left = ret->w[w]; left != 0 && err == 0; left &= left - 1) {
			err = compound_matches(
			    r, x, w * 64 + (uint32_t)__builtin_ctzll(left), &matches);
			if (!matches)
				ret->w[w] &= ~(left & -left);
		}
	return err;
}
