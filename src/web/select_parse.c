/*
 * One compound of a selector, such as a.x[href^="/"]:not(.y) (Selectors Level 4, CSS
 * Syntax Level 3).
 *
 *   compound -> type, conditions -> :not(), :is() -> compounds
 *
 * One look ahead and no tree: what is read is written down at once.
 */
#include "web/select_parse.h"
#include "web/charset.h"
#include <errno.h>
#include <stdio.h>

#include "base/banned.h"

enum { NTH_MAX = 1000000, SPEC_SHOWN_MAX = 80, COMPOUND_CONDS_MAX = 32, SUBS_MAX = 32 };

/* -- What is wrong, and where ---------------------------------------------------------- */

static size_t
column_of(const struct parser *p, size_t at)
{
	size_t column = 1;

	for (size_t i = 0; i < at; i++)
		column += ((unsigned char)p->spec.ptr[i] & 0xC0) != 0x80;
	return column;
}

/* `s` not longer than `max`, whole characters. */
static struct slice
shorter(struct slice s, size_t max)
{
	if (s.len <= max)
		return s;
	while (max > 0 && ((unsigned char)s.ptr[max] & 0xC0) == 0x80)
		max--;
	return slice_head(s, max);
}

int
select_fail(struct parser *p, size_t at, const char *fmt, ...)
{
	struct why what;
	struct slice spec = shorter(p->spec, SPEC_SHOWN_MAX);
	va_list ap;

	if (p->why == NULL)
		return -EINVAL;
	va_start(ap, fmt);
	(void)vsnprintf(what.text, sizeof(what.text), fmt, ap);
	va_end(ap);
	return why_set(p->why, -EINVAL, "column %zu of '" SLICE_FMT "%s': %s",
	    column_of(p, at), SLICE_ARG(spec), spec.len < p->spec.len ? "..." : "",
	    what.text);
}

static bool
is_name_byte(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || c == '-' || c == '_' ||
	       (unsigned char)c >= 0x80;
}

struct found
select_found_at(const struct parser *p, size_t at)
{
	struct slice rest = slice_from(p->spec, at);
	struct found f;
	size_t n = 0;

	if (rest.len == 0) {
		(void)snprintf(f.text, sizeof(f.text), "the end");
		return f;
	}
	while (n < rest.len && is_name_byte(rest.ptr[n]))
		n++;
	if (n == 0)
		n = 1;
	rest = shorter(slice_head(rest, n), FOUND_MAX);
	if (ascii_is_control(rest.ptr[0]))
		(void)snprintf(f.text, sizeof(f.text), "a control character");
	else
		(void)snprintf(
		    f.text, sizeof(f.text), "'" SLICE_FMT "'", SLICE_ARG(rest));
	return f;
}

int
select_fail_full(struct parser *p)
{
	return select_fail(p, p->at, "the selectors are too many to be taken together");
}

/* -- Tokens ---------------------------------------------------------------------------- */

static bool
is_css_space(int c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool
skip_comment(struct parser *p)
{
	struct slice rest = slice_from(p->spec, p->at + 2);
	const char *end;

	if (peek(p) != '/' || peek_after(p, 1) != '*')
		return false;
	end = rest.len < 2 ? NULL : memmem(rest.ptr, rest.len, "*/", 2);
	p->at = end == NULL ? p->spec.len : (size_t)(end - p->spec.ptr) + 2;
	return true;
}

bool
select_skip_space(struct parser *p)
{
	bool some = false;

	for (;; p->at++) {
		while (skip_comment(p))
			continue;
		if (!is_css_space(peek(p)))
			return some;
		some = true;
	}
}

static bool
at_escape(const struct parser *p)
{
	return peek(p) == '\\' && peek_after(p, 1) >= 0 && peek_after(p, 1) != '\n' &&
	       peek_after(p, 1) != '\r' && peek_after(p, 1) != '\f';
}

/* Behind a backslash; appends the character. */
static int
escape_take(struct parser *p)
{
	uint32_t code = 0;
	char out[4];
	int digits = 0;

	while (digits < 6 && peek(p) >= 0 && ascii_hex((char)peek(p)) >= 0) {
		code = code * 16 + (uint32_t)ascii_hex((char)peek(p));
		p->at++;
		digits++;
	}
	if (digits == 0) {
		p->at++; /* what follows of the character is taken as it is */
		return buf_add_byte(&p->made->texts, p->spec.ptr[p->at - 1]);
	}
	if (peek(p) == '\r' && peek_after(p, 1) == '\n')
		p->at++;
	if (is_css_space(peek(p)))
		p->at++;
	if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
		code = 0xFFFD;
	return buf_add(&p->made->texts, out, utf8_put(code, out));
}

/* Does a name begin here (CSS Syntax 4.3.9)? */
bool
select_at_name(const struct parser *p)
{
	int c = peek(p), next = peek_after(p, 1);

	if (c == '-')
		return next >= 0 &&
		       (next == '-' || next == '\\' ||
			   (is_name_byte((char)next) && !ascii_is_digit((char)next)));
	return at_escape(p) ||
	       (c >= 0 && is_name_byte((char)c) && !ascii_is_digit((char)c));
}

int
select_take_name(struct parser *p, bool lower, struct sel_text *ret)
{
	struct buf *texts = &p->made->texts;
	size_t start = texts->len;
	int err = 0;

	while (err == 0) {
		if (at_escape(p)) {
			p->at++;
			err = escape_take(p);
		} else if (peek(p) >= 0 && is_name_byte((char)peek(p))) {
			char c = (char)peek(p);

			p->at++;
			err = buf_add_byte(texts, c);
		} else {
			break;
		}
	}
	for (size_t i = start; lower && i < texts->len; i++)
		texts->ptr[i] = ascii_lower(texts->ptr[i]);
	*ret = (struct sel_text){(uint32_t)start, (uint32_t)(texts->len - start)};
	return err == -EMSGSIZE ? select_fail_full(p) : err;
}

static int
string_take(struct parser *p, struct sel_text *ret)
{
	struct buf *texts = &p->made->texts;
	size_t start = texts->len, from = p->at;
	int quote = peek(p), err = 0;

	p->at++;
	while (err == 0 && peek(p) != quote) {
		if (peek(p) < 0 || peek(p) == '\n')
			return select_fail(
			    p, from, "the string that begins here has no end");
		if (peek(p) == '\\' && peek_after(p, 1) == '\n') {
			p->at += 2;
		} else if (at_escape(p)) {
			p->at++;
			err = escape_take(p);
		} else {
			err = buf_add_byte(texts, (char)peek(p));
			p->at++;
		}
	}
	p->at++;
	*ret = (struct sel_text){(uint32_t)start, (uint32_t)(texts->len - start)};
	return err == -EMSGSIZE ? select_fail_full(p) : err;
}

/* -- Conditions ------------------------------------------------------------------------ */

/* A compound while it is read: those within its parentheses are written down first. */
struct compound {
	struct sel_text type;
	struct sel_cond conds[COMPOUND_CONDS_MAX];
	uint16_t conds_len;
};

static int
cond_add(struct parser *p, struct compound *to, const struct sel_cond *cond)
{
	if (to->conds_len == COMPOUND_CONDS_MAX)
		return select_fail_full(p);
	to->conds[to->conds_len++] = *cond;
	return 0;
}

static int
op_take(struct parser *p, enum sel_op *ret)
{
	static const struct {
		char c;
		enum sel_op op;
	} ops[] = {{'~', SEL_OP_WORD}, {'|', SEL_OP_DASH}, {'^', SEL_OP_PREFIX},
	    {'$', SEL_OP_SUFFIX}, {'*', SEL_OP_SUBSTRING}};
	struct found f = select_found_at(p, p->at);

	if (peek(p) == '=') {
		p->at++;
		*ret = SEL_OP_EQUALS;
		return 0;
	}
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (peek(p) == ops[i].c && peek_after(p, 1) == '=') {
			p->at += 2;
			*ret = ops[i].op;
			return 0;
		}
	if (peek(p) == '!')
		return select_fail(p, p->at, "CSS has no '!=': write :not([name=value])");
	if (peek(p) == '|')
		return select_fail(p, p->at, "namespaces are not supported, found '|'");
	return select_fail(p, p->at,
	    "']' or an operator such as = or ^= was expected, found %s", f.text);
}

/* Behind the operator. */
static int
attr_value_take(struct parser *p, struct sel_cond *c)
{
	int err;

	(void)select_skip_space(p);
	if (peek(p) == '"' || peek(p) == '\'')
		err = string_take(p, &c->value);
	else if (select_at_name(p))
		err = select_take_name(p, false, &c->value);
	else
		return select_fail(p, p->at,
		    "a name or a string in quotes was expected, found %s",
		    select_found_at(p, p->at).text);
	if (err != 0)
		return err;
	(void)select_skip_space(p);
	if (peek(p) == 'i' || peek(p) == 'I' || peek(p) == 's' || peek(p) == 'S') {
		c->ignores_case = peek(p) == 'i' || peek(p) == 'I';
		p->at++;
		(void)select_skip_space(p);
	}
	return 0;
}

static int
attr_take(struct parser *p, struct compound *to)
{
	struct sel_cond c = {.what = SEL_COND_ATTR};
	enum sel_op op = SEL_OP_EXISTS;
	int err;

	p->at++;
	(void)select_skip_space(p);
	if (!select_at_name(p))
		return select_fail(p, p->at,
		    "the name of an attribute was expected, found %s",
		    select_found_at(p, p->at).text);
	err = select_take_name(p, true, &c.name);
	(void)select_skip_space(p);
	if (err == 0 && peek(p) != ']') {
		err = op_take(p, &op);
		if (err == 0)
			err = attr_value_take(p, &c);
	}
	if (err != 0)
		return err;
	if (peek(p) != ']')
		return select_fail(p, p->at, "']' was expected, found %s",
		    select_found_at(p, p->at).text);
	p->at++;
	c.op = (uint8_t)op;
	return cond_add(p, to, &c);
}

static int
word_take(struct parser *p, enum sel_what what, struct compound *to)
{
	struct sel_cond c = {.what = (uint8_t)what};
	size_t from = p->at;
	int err;

	p->at++;
	if (!select_at_name(p) && peek(p) >= 0 && is_name_byte((char)peek(p)))
		return select_fail(p, from,
		    "a name does not begin with a digit: write [%s='...'], found %s",
		    what == SEL_COND_ID ? "id" : "class", select_found_at(p, p->at).text);
	if (!select_at_name(p))
		return select_fail(p, from, "a name was expected behind '%c', found %s",
		    what == SEL_COND_ID ? '#' : '.', select_found_at(p, p->at).text);
	err = select_take_name(p, false, &c.value);
	return err != 0 ? err : cond_add(p, to, &c);
}

/* -- Pseudo-classes -------------------------------------------------------------------- */

/* Digits; -1: there are none, or too many. */
static int32_t
number_take(struct parser *p)
{
	int32_t n = -1;

	while (peek(p) >= 0 && ascii_is_digit((char)peek(p))) {
		n = (n < 0 ? 0 : n) * 10 + (peek(p) - '0');
		if (n > NTH_MAX)
			return -1;
		p->at++;
	}
	return n;
}

static bool
keyword_take(struct parser *p, struct slice word)
{
	struct slice rest = slice_from(p->spec, p->at);

	if (!slice_istarts(rest, word) ||
	    (rest.len > word.len && is_name_byte(rest.ptr[word.len])))
		return false;
	p->at += word.len;
	return true;
}

static int32_t
sign_take(struct parser *p)
{
	if (peek(p) != '+' && peek(p) != '-')
		return 0;
	p->at++;
	return p->spec.ptr[p->at - 1] == '-' ? -1 : 1;
}

/* The an+b of CSS Syntax 6. */
static int
nth_take(struct parser *p, struct sel_cond *c)
{
	size_t from;
	int32_t sign, n;

	(void)select_skip_space(p);
	from = p->at;
	if (keyword_take(p, SLICE_LIT("odd")) || keyword_take(p, SLICE_LIT("even"))) {
		c->a = 2;
		c->b = p->at - from == 3;
		return 0;
	}
	sign = sign_take(p);
	n = number_take(p);
	if (peek(p) != 'n' && peek(p) != 'N') {
		if (n < 0)
			return select_fail(p, from,
			    "odd, even or a rule such as 2n+1 was expected, found %s",
			    select_found_at(p, from).text);
		c->b = sign < 0 ? -n : n;
		return 0;
	}
	p->at++;
	c->a = (sign < 0 ? -1 : 1) * (n < 0 ? 1 : n);
	(void)select_skip_space(p);
	sign = sign_take(p);
	if (sign == 0)
		return 0;
	(void)select_skip_space(p);
	n = number_take(p);
	if (n < 0)
		return select_fail(p, p->at, "a number up to %d was expected, found %s",
		    NTH_MAX, select_found_at(p, p->at).text);
	c->b = sign * n;
	return 0;
}

static int
close_take(struct parser *p)
{
	(void)select_skip_space(p);
	if (keyword_take(p, SLICE_LIT("of")))
		return select_fail(p, p->at - 2, "'of' is not supported here");
	if (peek(p) != ')')
		return select_fail(p, p->at, "')' was expected, found %s",
		    select_found_at(p, p->at).text);
	p->at++;
	return 0;
}

/* The element's name has to be known for its siblings to be counted. */
static int
type_count(struct parser *p, size_t from, struct sel_text type)
{
	struct made *m = p->made;

	if (type.len == 0)
		return select_fail(p, from,
		    "the element has to be named before %s, as in p:first-of-type",
		    select_found_at(p, from + 1).text);
	for (uint32_t i = 0; i < m->types_len; i++)
		if (slice_eq(text_of(m, m->types[i]), text_of(m, type)))
			return 0;
	if (m->types_len == SELECT_TYPES_MAX)
		return select_fail(p, from,
		    "more than %d elements are to be counted by type", SELECT_TYPES_MAX);
	m->types[m->types_len++] = type;
	return 0;
}

static int compound_take(
    struct parser *p, struct sel_text outer, unsigned depth, struct sel_step *ret);

/* :not(), :is(), behind the parenthesis. */
static int
subs_take(struct parser *p, struct sel_cond *c, struct sel_text type, size_t from,
    unsigned depth)
{
	struct made *m = p->made;
	struct sel_step subs[SUBS_MAX];
	int err;

	if (depth > 0)
		return select_fail(
		    p, from, "parentheses within parentheses are not supported");
	do {
		p->at += c->subs_len > 0; /* the comma */
		(void)select_skip_space(p);
		if (c->subs_len == SUBS_MAX || m->n.subs + c->subs_len == SELECT_SUBS_MAX)
			return select_fail_full(p);
		err = compound_take(p, type, depth + 1, &subs[c->subs_len++]);
		if (err != 0)
			return err;
		(void)select_skip_space(p);
	} while (peek(p) == ',');
	if (peek(p) != ')')
		return select_fail(p, p->at,
		    "')' was expected, for only simple selectors may stand in these "
		    "parentheses, found %s",
		    select_found_at(p, p->at).text);
	p->at++;
	c->subs_at = m->n.subs;
	memcpy(&m->subs[m->n.subs], subs, c->subs_len * sizeof(*subs));
	m->n.subs += c->subs_len;
	return 0;
}

enum pseudo {
	PSEUDO_FIRST_CHILD,
	PSEUDO_NTH_CHILD,
	PSEUDO_FIRST_OF_TYPE,
	PSEUDO_NTH_OF_TYPE,
	PSEUDO_ROOT,
	PSEUDO_IS,
	PSEUDO_NOT,
	PSEUDO_LATER,
	PSEUDO_UNKNOWN
};

static const struct pseudo_name {
	struct slice name;
	enum pseudo pseudo;
	bool has_arguments;
} pseudo_names[] = {
    {SLICE_LIT("first-child"), PSEUDO_FIRST_CHILD, false},
    {SLICE_LIT("nth-child"), PSEUDO_NTH_CHILD, true},
    {SLICE_LIT("first-of-type"), PSEUDO_FIRST_OF_TYPE, false},
    {SLICE_LIT("nth-of-type"), PSEUDO_NTH_OF_TYPE, true},
    {SLICE_LIT("root"), PSEUDO_ROOT, false},
    {SLICE_LIT("is"), PSEUDO_IS, true},
    {SLICE_LIT("where"), PSEUDO_IS, true},
    {SLICE_LIT("not"), PSEUDO_NOT, true},
    {SLICE_LIT("last-child"), PSEUDO_LATER, false},
    {SLICE_LIT("only-child"), PSEUDO_LATER, false},
    {SLICE_LIT("last-of-type"), PSEUDO_LATER, false},
    {SLICE_LIT("only-of-type"), PSEUDO_LATER, false},
    {SLICE_LIT("empty"), PSEUDO_LATER, false},
    {SLICE_LIT("nth-last-child"), PSEUDO_LATER, true},
    {SLICE_LIT("nth-last-of-type"), PSEUDO_LATER, true},
    {SLICE_LIT("has"), PSEUDO_LATER, true},
    {SLICE_LIT("contains"), PSEUDO_LATER, true},
};

/* Its arguments, if it has some, and the condition. */
static int
pseudo_cond(struct parser *p, enum pseudo pseudo, struct sel_text type, size_t from,
    unsigned depth, struct sel_cond *c)
{
	bool of_type = pseudo == PSEUDO_FIRST_OF_TYPE || pseudo == PSEUDO_NTH_OF_TYPE;
	int err;

	switch (pseudo) {
	case PSEUDO_FIRST_CHILD:
	case PSEUDO_NTH_CHILD:
	case PSEUDO_FIRST_OF_TYPE:
	case PSEUDO_NTH_OF_TYPE:
		c->what = of_type ? SEL_COND_NTH_OF_TYPE : SEL_COND_NTH;
		c->b = 1;
		if (of_type) {
			c->name = type;
			err = type_count(p, from, type);
			if (err != 0)
				return err;
		}
		if (pseudo == PSEUDO_FIRST_CHILD || pseudo == PSEUDO_FIRST_OF_TYPE)
			return 0;
		c->b = 0;
		err = nth_take(p, c);
		return err != 0 ? err : close_take(p);
	case PSEUDO_ROOT:
		c->what = SEL_COND_ROOT;
		return 0;
	default:
		c->what = pseudo == PSEUDO_NOT ? SEL_COND_NOT : SEL_COND_IS;
		return subs_take(p, c, type, from, depth);
	}
}

static const struct pseudo_name *
pseudo_find(struct slice word)
{
	for (size_t i = 0; i < sizeof(pseudo_names) / sizeof(pseudo_names[0]); i++)
		if (slice_eq(word, pseudo_names[i].name))
			return &pseudo_names[i];
	return NULL;
}

static int
pseudo_take(struct parser *p, struct compound *to, struct sel_text outer, unsigned depth)
{
	const struct pseudo_name *known;
	struct sel_cond c = {0};
	size_t from = p->at, texts = p->made->texts.len;
	struct sel_text name;
	struct slice word;
	int err;

	p->at++;
	if (!select_at_name(p))
		return select_fail(p, from,
		    "the name of a pseudo-class was expected, found %s",
		    select_found_at(p, p->at).text);
	err = select_take_name(p, true, &name);
	if (err != 0)
		return err;
	known = pseudo_find(text_of(p->made, name));
	p->made->texts.len = texts; /* not needed any more */
	word = shorter(slice_of(p->spec.ptr + from, p->at - from), FOUND_MAX);
	if (known == NULL)
		return select_fail(p, from,
		    "the pseudo-class '" SLICE_FMT "' is not supported", SLICE_ARG(word));
	if (known->pseudo == PSEUDO_LATER)
		return select_fail(p, from,
		    "'" SLICE_FMT "' depends on what comes later: that cannot be decided "
		    "while a page passes",
		    SLICE_ARG(word));
	if (known->has_arguments != (peek(p) == '('))
		return select_fail(p, from, "'" SLICE_FMT "' %s", SLICE_ARG(word),
		    known->has_arguments ? "wants its arguments in parentheses"
					 : "takes no arguments");
	p->at += known->has_arguments;
	err = pseudo_cond(
	    p, known->pseudo, to->type.len > 0 ? to->type : outer, from, depth, &c);
	return err != 0 ? err : cond_add(p, to, &c);
}

/* -- Compounds ------------------------------------------------------------------------- */

/* The name before the conditions, if there is one. */
static int
type_take(struct parser *p, struct compound *to, bool *ret_is_there)
{
	size_t from = p->at;
	int err = 0;

	if (peek(p) == '*')
		p->at++;
	else if (select_at_name(p))
		err = select_take_name(p, true, &to->type);
	*ret_is_there = p->at > from;
	if (err == 0 && peek(p) == '|')
		return select_fail(p, p->at, "namespaces are not supported, found '|'");
	return err;
}

static int
compound_end(struct parser *p, const struct compound *c, struct sel_step *ret)
{
	struct made *m = p->made;

	if (c->conds_len > SELECT_CONDS_MAX - m->n.conds)
		return select_fail_full(p);
	*ret = (struct sel_step){.type = c->type,
	    .conds_at = m->n.conds,
	    .conds_len = c->conds_len,
	    .output = SELECT_NO_OUTPUT};
	memcpy(&m->conds[m->n.conds], c->conds, c->conds_len * sizeof(c->conds[0]));
	m->n.conds += c->conds_len;
	return 0;
}

/* `outer`: the type of the compound in whose parentheses this one stands. */
static int
compound_take(
    struct parser *p, struct sel_text outer, unsigned depth, struct sel_step *ret)
{
	struct compound c = {0};
	bool any;
	int err = type_take(p, &c, &any);

	while (err == 0) {
		if (skip_comment(p))
			continue;
		if (peek(p) == '#')
			err = word_take(p, SEL_COND_ID, &c);
		else if (peek(p) == '.')
			err = word_take(p, SEL_COND_CLASS, &c);
		else if (peek(p) == '[')
			err = attr_take(p, &c);
		else if (peek(p) == ':' && peek_after(p, 1) != ':')
			err = pseudo_take(p, &c, outer, depth);
		else
			break;
		any = true;
	}
	if (err != 0)
		return err;
	/* A lone ::text is *::text. */
	if (!any && (depth > 0 || peek(p) != ':'))
		return select_fail(p, p->at, "a selector was expected, found %s",
		    select_found_at(p, p->at).text);
	return compound_end(p, &c, ret);
}

int
select_take_compound(struct parser *p, struct sel_step *ret)
{
	return compound_take(p, (struct sel_text){0}, 0, ret);
}
