/*
 * Fields into the blob of select_int.h.
 *
 *   NAME=list -> complex selectors -> steps -> their bits and outputs -> blob
 */
#include "web/charset.h"
#include "web/select_parse.h"
#include <errno.h>
#include <stdlib.h>

#include "base/banned.h"

static struct slice
name_of(const struct made *m, size_t field)
{
	return text_of(m, m->fields[field].name);
}

/* -- NAME= ----------------------------------------------------------------------------- */

static int
field_begin(struct parser *p)
{
	struct made *m = p->made;
	size_t eq = slice_find(p->spec, '=');
	struct slice name = slice_trim(slice_head(p->spec, eq));
	struct sel_field f = {.is_list = slice_ends(name, SLICE_LIT("[]"))};
	int err;

	if (f.is_list)
		name.len -= 2;
	if (eq == p->spec.len || !select_name_is_good(name))
		return select_fail(p, 0,
		    "NAME=SELECTOR was expected, as in title=h1 or "
		    "links[]=a::attr(href), "
		    "with a name of letters, digits, _, - and . of up to %d bytes",
		    SELECT_NAME_MAX);
	for (size_t i = 0; i < m->n.fields; i++)
		if (slice_eq(name_of(m, i), name))
			return select_fail(
			    p, 0, "'" SLICE_FMT "' is there twice", SLICE_ARG(name));
	f.name = (struct sel_text){(uint32_t)m->texts.len, (uint32_t)name.len};
	err = buf_add_slice(&m->texts, name);
	if (err != 0)
		return err == -EMSGSIZE ? select_fail_full(p) : err;
	m->fields[m->n.fields++] = f;
	p->at = eq + 1;
	return 0;
}

/* -- Selectors ------------------------------------------------------------------------- */

/* ::text, ::attr(name), or nothing of it. */
static int
pseudo_element_take(struct parser *p, struct sel_output *ret)
{
	size_t from = p->at;
	struct sel_text name;
	struct slice word;
	int err;

	if (peek(p) != ':')
		return 0;
	p->at += 2;
	if (!select_at_name(p))
		return select_fail(p, from, "::text or ::attr() was expected, found %s",
		    select_found_at(p, p->at).text);
	err = select_take_name(p, true, &name);
	if (err != 0)
		return err;
	word = text_of(p->made, name);
	if (slice_eq(word, SLICE_LIT("text"))) {
		ret->kind = SEL_TEXT;
		return 0;
	}
	if (!slice_eq(word, SLICE_LIT("attr")))
		return select_fail(p, from,
		    "there are ::text and ::attr(name) only, found %s",
		    select_found_at(p, from + 2).text);
	if (peek(p) != '(')
		return select_fail(p, p->at,
		    "'::attr' wants a name in parentheses, found %s",
		    select_found_at(p, p->at).text);
	p->at++;
	(void)select_skip_space(p);
	if (!select_at_name(p))
		return select_fail(p, p->at,
		    "the name of an attribute was expected, found %s",
		    select_found_at(p, p->at).text);
	err = select_take_name(p, true, &ret->attr);
	if (err != 0)
		return err;
	(void)select_skip_space(p);
	if (peek(p) != ')')
		return select_fail(p, p->at, "')' was expected, found %s",
		    select_found_at(p, p->at).text);
	p->at++;
	ret->kind = SEL_ATTR;
	return 0;
}

/* The same thing of the same field is taken once, whatever selects it. */
static int
output_add(struct parser *p, const struct sel_output *o, uint8_t *ret)
{
	struct made *m = p->made;

	for (uint16_t i = 0; i < m->n.outputs; i++)
		if (m->outputs[i].field == o->field && m->outputs[i].kind == o->kind &&
		    slice_eq(text_of(m, m->outputs[i].attr), text_of(m, o->attr))) {
			*ret = (uint8_t)i;
			return 0;
		}
	if (m->n.outputs == SELECT_OUTPUTS_MAX)
		return select_fail_full(p);
	*ret = (uint8_t)m->n.outputs;
	m->outputs[m->n.outputs++] = *o;
	return 0;
}

/* Behind a compound: false, the selector ends. */
static bool
comb_take(struct parser *p, enum sel_comb *ret)
{
	static const struct {
		char c;
		enum sel_comb comb;
	} combs[] = {{'>', SEL_CHILD}, {'+', SEL_ADJACENT}, {'~', SEL_SIBLING}};
	bool space = select_skip_space(p);

	for (size_t i = 0; i < sizeof(combs) / sizeof(combs[0]); i++)
		if (peek(p) == combs[i].c) {
			p->at++;
			(void)select_skip_space(p);
			*ret = combs[i].comb;
			return true;
		}
	*ret = SEL_DESCENDANT;
	return space && peek(p) >= 0 && peek(p) != ',';
}

/* As in parsel, "p ::text" is all text in p, its own too: what is left of the space gets the
 * same output. */
static int
own_add(struct parser *p, uint32_t first)
{
	struct made *m = p->made;
	struct sel_step *last = &m->steps[m->n.steps - 1];
	uint32_t len = m->n.steps - first - 1;

	if (len == 0 || last->comb != SEL_DESCENDANT || last->type.len > 0 ||
	    last->conds_len > 0 || m->outputs[last->output].kind == SEL_ELEMENT)
		return 0;
	if (m->n.steps + len > SELECT_STEPS_MAX)
		return select_fail_full(p);
	memcpy(&m->steps[m->n.steps], &m->steps[first], len * sizeof(*last));
	m->n.steps += (uint16_t)len;
	m->steps[m->n.steps - 1].output = last->output;
	return 0;
}

static int
complex_take(struct parser *p, uint8_t field)
{
	struct made *m = p->made;
	struct sel_output output = {.field = field};
	enum sel_comb comb = SEL_FIRST;
	struct sel_step *last;
	uint32_t first = m->n.steps;
	int err;

	do {
		if (m->n.steps == SELECT_STEPS_MAX)
			return select_fail_full(p);
		last = &m->steps[m->n.steps];
		err = select_take_compound(p, last);
		if (err != 0)
			return err;
		last->comb = (uint8_t)comb;
		m->n.steps++;
	} while (peek(p) != ':' && comb_take(p, &comb));
	err = pseudo_element_take(p, &output);
	if (err != 0)
		return err;
	(void)select_skip_space(p);
	if (peek(p) >= 0 && peek(p) != ',')
		return select_fail(p, p->at,
		    output.kind == SEL_ELEMENT
			? "a combinator, a comma or the end was expected, found %s"
			: "nothing may follow ::text or ::attr() but a comma, found %s",
		    select_found_at(p, p->at).text);
	err = output_add(p, &output, &last->output);
	return err != 0 ? err : own_add(p, first);
}

static int
spec_take(struct made *m, struct slice spec, struct why *why)
{
	struct parser p = {.made = m, .spec = spec, .why = why};
	size_t valid = utf8_valid_len(spec);
	int err;

	if (spec.len > SELECT_SPEC_MAX)
		return why_set(
		    why, -EINVAL, "a field is longer than %d bytes", SELECT_SPEC_MAX);
	if (valid < spec.len)
		return why_set(
		    why, -EINVAL, "a field is not UTF-8 from byte %zu on", valid + 1);
	if (m->n.fields == SELECT_FIELDS_MAX)
		return why_set(
		    why, -EINVAL, "there are more than %d fields", SELECT_FIELDS_MAX);
	err = field_begin(&p);
	if (err != 0)
		return err;
	for (;;) {
		(void)select_skip_space(&p);
		err = complex_take(&p, (uint8_t)(m->n.fields - 1));
		if (err != 0 || peek(&p) < 0)
			return err;
		p.at++;
	}
}

/* -- The blob -------------------------------------------------------------------------- */

static int
blob_write(struct made *m, struct buf *out)
{
	const struct {
		const void *ptr;
		size_t bytes;
	} parts[] = {{m->fields, m->n.fields * sizeof(m->fields[0])},
	    {m->outputs, m->n.outputs * sizeof(m->outputs[0])},
	    {m->steps, m->n.steps * sizeof(m->steps[0])},
	    {m->subs, m->n.subs * sizeof(m->subs[0])},
	    {m->conds, m->n.conds * sizeof(m->conds[0])}, {m->texts.ptr, m->texts.len}};
	size_t before = out->len, bytes = sizeof(m->n);
	int err;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		bytes += parts[i].bytes;
	m->n.magic = SELECT_MAGIC;
	m->n.bytes = (uint32_t)bytes;
	m->n.texts = (uint32_t)m->texts.len;
	err = buf_add(out, &m->n, sizeof(m->n));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && err == 0; i++)
		if (parts[i].bytes > 0)
			err = buf_add(out, parts[i].ptr, parts[i].bytes);
	if (err != 0)
		out->len = before;
	return err;
}

int
select_compile(
    const struct slice *specs, size_t specs_len, struct buf *out, struct why *why)
{
	struct made *m = calloc(1, sizeof(*m));
	int err = 0;

	if (m == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	buf_init(&m->texts, SELECT_TEXTS_MAX);
	for (size_t i = 0; i < specs_len && err == 0; i++)
		err = spec_take(m, specs[i], why);
	if (err == 0)
		err = blob_write(m, out);
	if (err != 0 && err != -EINVAL)
		(void)why_set(why, err, "the fields are too long, or memory is out");
	buf_release(&m->texts);
	free(m);
	return err;
}
