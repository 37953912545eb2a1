/*
 * A blob, checked and made ready for matching; values as bytes.
 *
 *   blob -> counts, every index and offset -> names with their keys -> sets of steps
 */
#include "web/select.h"
#include "web/charset.h"
#include "web/html_open.h"
#include "web/select_int.h"
#include <errno.h>
#include <stdlib.h>

#include "base/banned.h"

_Static_assert(sizeof(struct sel_head) % 4 == 0 && sizeof(struct sel_field) % 4 == 0 &&
		   sizeof(struct sel_output) % 4 == 0 &&
		   sizeof(struct sel_step) % 4 == 0 && sizeof(struct sel_cond) % 4 == 0,
    "the parts of a blob follow each other");
_Static_assert(SELECT_BLOB_MAX > SELECT_TEXTS_MAX + SELECT_CONDS_MAX * 32 +
				     (SELECT_STEPS_MAX + SELECT_SUBS_MAX) * 16 +
				     SELECT_FIELDS_MAX * 32,
    "every blob that can be compiled fits");

bool
select_name_is_good(struct slice s)
{
	if (s.len == 0 || s.len > SELECT_NAME_MAX || ascii_is_digit(s.ptr[0]) ||
	    s.ptr[0] == '-' || s.ptr[0] == '.')
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_is_alpha(s.ptr[i]) && !ascii_is_digit(s.ptr[i]) &&
		    s.ptr[i] != '_' && s.ptr[i] != '-' && s.ptr[i] != '.')
			return false;
	return true;
}

/* -- Checks ------------------------------------------------------------------------ */

static bool
head_is_good(const struct sel_head *n, size_t bytes)
{
	size_t want = sizeof(*n) + n->fields * sizeof(struct sel_field) +
		      n->outputs * sizeof(struct sel_output) +
		      ((size_t)n->steps + n->subs) * sizeof(struct sel_step) +
		      n->conds * sizeof(struct sel_cond) + n->texts;

	return n->magic == SELECT_MAGIC && n->bytes == bytes && want == bytes &&
	       n->fields <= SELECT_FIELDS_MAX && n->outputs <= SELECT_OUTPUTS_MAX &&
	       n->steps <= SELECT_STEPS_MAX && n->subs <= SELECT_SUBS_MAX &&
	       n->conds <= SELECT_CONDS_MAX && n->texts <= SELECT_TEXTS_MAX;
}

static bool
text_is_good(const struct select *s, struct sel_text t)
{
	return t.at <= s->n.texts && t.len <= s->n.texts - t.at;
}

static bool
fields_are_good(const struct select *s)
{
	for (size_t i = 0; i < s->n.fields; i++)
		if (!text_is_good(s, s->fields[i].name) ||
		    !select_name_is_good(select_text_of(s, s->fields[i].name)))
			return false;
	for (size_t i = 0; i < s->n.outputs; i++)
		if (s->outputs[i].field >= s->n.fields || s->outputs[i].kind > SEL_ATTR ||
		    !text_is_good(s, s->outputs[i].attr))
			return false;
	return true;
}

static bool
conds_are_good(const struct select *s)
{
	for (size_t i = 0; i < s->n.conds; i++) {
		const struct sel_cond *c = &s->conds[i];

		if (c->what >= SEL_COND_MAX || c->op >= SEL_OP_MAX ||
		    !text_is_good(s, c->name) || !text_is_good(s, c->value) ||
		    c->subs_at > s->n.subs || c->subs_len > s->n.subs - c->subs_at)
			return false;
	}
	return true;
}

/* A selector is a run of steps: the first has no combinator, the last an output. */
static bool
steps_are_good(const struct select *s)
{
	bool begins = true;

	for (size_t i = 0; i < (size_t)s->n.steps + s->n.subs; i++) {
		const struct sel_step *t = &s->steps[i];
		bool is_sub = i >= s->n.steps;

		if (!text_is_good(s, t->type) || t->conds_at > s->n.conds ||
		    t->conds_len > s->n.conds - t->conds_at)
			return false;
		if (t->comb > SEL_SIBLING ||
		    (t->output != SELECT_NO_OUTPUT && t->output >= s->n.outputs))
			return false;
		if (is_sub) {
			/* No parentheses within parentheses. */
			for (size_t k = 0; k < t->conds_len; k++)
				if (s->conds[t->conds_at + k].what >= SEL_COND_IS)
					return false;
			continue;
		}
		if (begins != (t->comb == SEL_FIRST))
			return false;
		begins = t->output != SELECT_NO_OUTPUT;
	}
	return s->n.steps == 0 || s->steps[s->n.steps - 1].output != SELECT_NO_OUTPUT;
}

/* -- Made ready -------------------------------------------------------------------- */

static struct sel_name
name_of(const struct select *s, struct sel_text t)
{
	struct sel_name name = {.text = select_text_of(s, t)};

	if (name.text.len == 0)
		return name;
	name.key = html_name_key(name.text, &name.id);
	name.hash = html_open_hash(name.text);
	return name;
}

static void
bits_add(struct bits *b, size_t bit)
{
	b->w[bit / 64] |= UINT64_C(1) << bit % 64;
}

static void
step_ready(struct select *s, size_t i)
{
	const struct sel_step *t = &s->steps[i];
	bool has_class = false;

	bits_add(&s->combs[t->comb], i);
	s->has_siblings |= t->comb == SEL_ADJACENT || t->comb == SEL_SIBLING;
	for (uint32_t b = 0; b < SELECT_BUCKETS; b++)
		if (s->types[i].text.len == 0 || b == select_bucket(s->types[i].key))
			bits_add(&s->by_type[b], i);
	for (size_t k = 0; k < t->conds_len; k++) {
		const struct sel_cond *c = &s->conds[t->conds_at + k];

		if (c->what <= SEL_COND_ID)
			bits_add(&s->needs_attrs, i);
		if (c->what == SEL_COND_ID)
			bits_add(&s->needs_id, i);
		if (c->what != SEL_COND_CLASS || has_class)
			continue;
		has_class = true;
		bits_add(&s->needs_class, i);
		bits_add(&s->by_class[select_bucket(
			     select_class_hash(select_text_of(s, c->value)))],
		    i);
	}
}

/* The bits from the first step of each selector to its last go to its output. */
static void
outputs_ready(struct select *s)
{
	size_t first = 0;

	for (size_t i = 0; i < s->n.steps; i++) {
		if (s->steps[i].output == SELECT_NO_OUTPUT)
			continue;
		bits_add(&s->finals, i);
		for (; first <= i; first++)
			bits_add(&s->of_output[s->steps[i].output], first);
	}
	for (size_t i = 0; i < s->n.outputs; i++) {
		s->of_field[s->outputs[i].field] |= UINT64_C(1) << i;
		s->attrs[i] = name_of(s, s->outputs[i].attr);
	}
}

static bool
counter_ready(struct select *s, size_t cond)
{
	struct slice name = s->cond_names[cond].text;
	uint32_t i = 0;

	while (i < s->counted_len && !slice_eq(s->counted[i].text, name))
		i++;
	if (i == SELECT_TYPES_MAX)
		return false;
	if (i == s->counted_len)
		s->counted[s->counted_len++] = s->cond_names[cond];
	s->counters[cond] = (uint8_t)i;
	return true;
}

static int
parts_find(struct select *s)
{
	const char *p = s->blob + sizeof(s->n);

	s->fields = (const void *)p;
	p += s->n.fields * sizeof(*s->fields);
	s->outputs = (const void *)p;
	p += s->n.outputs * sizeof(*s->outputs);
	s->steps = (const void *)p;
	p += ((size_t)s->n.steps + s->n.subs) * sizeof(*s->steps);
	s->conds = (const void *)p;
	s->texts = p + s->n.conds * sizeof(*s->conds);
	return fields_are_good(s) && conds_are_good(s) && steps_are_good(s) ? 0
									    : -EBADMSG;
}

static int
names_ready(struct select *s)
{
	size_t steps = (size_t)s->n.steps + s->n.subs;

	s->types = calloc(steps + 1, sizeof(*s->types));
	s->cond_names = calloc((size_t)s->n.conds + 1, sizeof(*s->cond_names));
	s->counters = calloc((size_t)s->n.conds + 1, sizeof(*s->counters));
	if (s->types == NULL || s->cond_names == NULL || s->counters == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < steps; i++)
		s->types[i] = name_of(s, s->steps[i].type);
	for (size_t i = 0; i < s->n.conds; i++) {
		s->cond_names[i] = name_of(s, s->conds[i].name);
		if (s->conds[i].what == SEL_COND_NTH_OF_TYPE && !counter_ready(s, i))
			return -EBADMSG;
	}
	return 0;
}

int
select_new(struct slice blob, struct select **ret)
{
	struct sel_head n;
	struct select *s;
	int err;

	if (blob.len < sizeof(n) || blob.len > SELECT_BLOB_MAX)
		return -EBADMSG;
	memcpy(&n, blob.ptr, sizeof(n));
	if (!head_is_good(&n, blob.len))
		return -EBADMSG;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->n = n;
	s->blob = malloc(blob.len);
	if (s->blob == NULL) {
		select_free(s);
		return -ENOMEM;
	}
	memcpy(s->blob, blob.ptr, blob.len);
	err = parts_find(s);
	if (err == 0)
		err = names_ready(s);
	if (err != 0) {
		select_free(s);
		return err;
	}
	s->words = ((uint32_t)n.steps + 63) / 64;
	for (size_t i = 0; i < n.steps; i++)
		step_ready(s, i);
	outputs_ready(s);
	*ret = s;
	return 0;
}

void
select_free(struct select *s)
{
	if (s == NULL)
		return;
	free(s->types);
	free(s->cond_names);
	free(s->counters);
	free(s->blob);
	free(s);
}

struct slice
select_blob(const struct select *s)
{
	if (s == NULL)
		return (struct slice){0};
	return slice_of(s->blob, s->n.bytes);
}

size_t
select_fields_len(const struct select *s)
{
	return s->n.fields;
}

struct slice
select_field_name(const struct select *s, size_t field)
{
	return select_text_of(s, s->fields[field].name);
}

bool
select_field_is_list(const struct select *s, size_t field)
{
	return s->fields[field].is_list != 0;
}

/* -- Values as bytes --------------------------------------------------------------- */

/* One byte, then for each its field, its length and its text. */
enum { VALUES_MAGIC = 'V' };
struct value_head {
	uint32_t field, len;
};

int
select_values_encode(
    const struct select_value *values, size_t values_len, struct buf *out)
{
	size_t before = out->len;
	int err = buf_add_byte(out, VALUES_MAGIC);

	for (size_t i = 0; i < values_len && err == 0; i++) {
		struct value_head h = {values[i].field, (uint32_t)values[i].text.len};

		err = buf_add(out, &h, sizeof(h));
		if (err == 0 && h.len > 0)
			err = buf_add_slice(out, values[i].text);
	}
	if (err != 0)
		out->len = before;
	return err;
}

void
select_values_begin(struct slice *bytes)
{
	*bytes = slice_from(*bytes, 1);
}

bool
select_values_next(struct slice *rest, struct select_value *ret)
{
	struct value_head h;

	if (rest->len < sizeof(h))
		return false;
	memcpy(&h, rest->ptr, sizeof(h));
	if (h.len > rest->len - sizeof(h) || h.field >= SELECT_FIELDS_MAX)
		return false;
	*ret = (struct select_value){
	    (uint16_t)h.field, slice_of(rest->ptr + sizeof(h), h.len)};
	*rest = slice_from(*rest, sizeof(h) + h.len);
	return true;
}

bool
select_values_check(struct slice bytes)
{
	struct select_value v;
	size_t all = 0, of_field = 0;
	uint16_t last = 0;

	if (bytes.len == 0 || bytes.ptr[0] != VALUES_MAGIC)
		return false;
	select_values_begin(&bytes);
	while (bytes.len > 0) {
		if (!select_values_next(&bytes, &v) || v.field < last)
			return false;
		of_field = v.field > last ? 1 : of_field + 1;
		last = v.field;
		all += v.text.len;
		if (of_field > SELECT_VALUES_MAX || all > SELECT_PAGE_BYTES_MAX ||
		    v.text.len > SELECT_VALUE_BYTES_MAX ||
		    utf8_valid_len(v.text) != v.text.len)
			return false;
	}
	return true;
}
