#include "web/css.h"
#include "web/charset.h"
#include <errno.h>

#include "base/banned.h"

struct css {
	const char *p, *end;
	struct arena *arena;
	css_place_fn *fn;
	void *ctx;
	int err;
	bool in_string;       /* the URL that is being told stands in quotes */
	bool want_string;     /* behind @import or url(: a string is a URL */
	bool in_namespace;    /* its URLs are names */
	uint32_t depth;       /* open parentheses */
	uint32_t image_depth; /* those of the image-set() that we are in, or 0 */
};

/* What a byte can be: part of a name, digit, neither. */
enum { NAME = 1, DIGIT = 2, SPACE = 4, UNPRINTABLE = 8 };

static unsigned
class_of(char ch)
{
	unsigned char c = (unsigned char)ch;

	if (ascii_is_alpha(ch) || c >= 0x80 || c == '_' || c == '-' || c == '\0')
		return NAME; /* NUL is U+FFFD */
	if (ascii_is_digit(ch))
		return DIGIT;
	if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f')
		return SPACE;
	return c < 0x20 || c == 0x7F ? UNPRINTABLE : 0;
}

static bool
is_newline(char c)
{
	return c == '\n' || c == '\r' || c == '\f';
}

static void
space_skip(struct css *c)
{
	while (c->p < c->end && class_of(*c->p) == SPACE)
		c->p++;
}

/* Behind '\': the escaped code point (4.3.7); `out` has room for 4 bytes. */
static const char *
escape_take(const char *p, const char *end, char *out, size_t *ret_len)
{
	uint32_t code = 0;
	int digits = 0;

	if (p == end) {
		*ret_len = utf8_put(0xFFFD, out);
		return p;
	}
	for (; p < end && digits < 6 && ascii_hex(*p) >= 0; p++, digits++)
		code = code << 4 | (uint32_t)ascii_hex(*p);
	if (digits == 0 &&
	    *p != '\0') { /* itself; of a longer character the rest follows */
		out[0] = *p;
		*ret_len = 1;
		return p + 1;
	}
	if (digits == 0) {
		*ret_len = utf8_put(0xFFFD, out);
		return p + 1;
	}
	if (p < end && class_of(*p) == SPACE) {
		p += *p == '\r' && end - p > 1 && p[1] == '\n';
		p++;
	}
	if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
		code = 0xFFFD;
	*ret_len = utf8_put(code, out);
	return p;
}

/* `raw` with its escapes and NULs resolved: to the arena when there are any. */
static void
url_emit(struct css *c, struct slice raw)
{
	const char *p = raw.ptr, *end = p + raw.len;
	char *out;
	size_t n = 0, len;

	if (c->in_namespace || c->err != 0)
		return;
	if (memchr(raw.ptr, '\\', raw.len) == NULL &&
	    memchr(raw.ptr, '\0', raw.len) == NULL) {
		c->err = c->fn(c->ctx, raw, raw, c->in_string);
		return;
	}
	/* A NUL, or an escape such as "\0", gives three bytes of one or two. */
	out = arena_text(c->arena, raw.len * 3);
	if (out == NULL) {
		c->err = -ENOMEM;
		return;
	}
	while (p < end) {
		if (*p == '\0') {
			n += utf8_put(0xFFFD, out + n);
			p++;
		} else if (*p != '\\') {
			out[n++] = *p++;
		} else if (end - p > 1 && is_newline(p[1])) { /* a string goes on */
			p += p[1] == '\r' && end - p > 2 && p[2] == '\n' ? 3 : 2;
		} else {
			p = escape_take(p + 1, end, out + n, &len);
			n += len;
		}
	}
	c->err = c->fn(c->ctx, raw, slice_of(out, n), c->in_string);
}

/* Bytes of '\' and what it takes with it in a string; CR LF is one newline. */
static ptrdiff_t
escape_len(const char *p, const char *end)
{
	if (end - p > 2 && p[1] == '\r' && p[2] == '\n')
		return 3;
	return end - p > 1 ? 2 : 1;
}

/* At a quote: a string up to its end, or to a newline, which makes it a bad one. */
static void
string_take(struct css *c)
{
	char quote = *c->p++;
	const char *from = c->p, *to;
	bool bad = false;

	while (c->p < c->end && *c->p != quote && !bad) {
		if (*c->p == '\\')
			c->p += escape_len(c->p, c->end);
		else if (is_newline(*c->p))
			bad = true;
		else
			c->p++;
	}
	to = c->p;
	if (c->p < c->end && !bad)
		c->p++;
	if (to == c->end && to > from && to[-1] == '\\') {
		/* A last '\' stands for nothing here, but not the second of "\\". */
		size_t slashes = 0;

		while (
		    slashes < (size_t)(to - from) && to[-1 - (ptrdiff_t)slashes] == '\\')
			slashes++;
		to -= slashes & 1;
	}
	if (!bad &&
	    (c->want_string || (c->image_depth > 0 && c->depth == c->image_depth))) {
		c->in_string = true;
		url_emit(c, slice_of(from, (size_t)(to - from)));
	}
	c->want_string = false;
}

static bool
escape_is_valid(const char *p, const char *end)
{
	return *p == '\\' && !(end - p > 1 && is_newline(p[1]));
}

/* "Consume the remnants of a bad url" (4.3.14). */
static void
bad_url_skip(struct css *c)
{
	while (c->p < c->end && *c->p != ')')
		c->p += *c->p == '\\' && c->end - c->p > 1 ? 2 : 1;
	if (c->p < c->end)
		c->p++;
}

/* Behind "url(" and white space, not at a quote (4.3.6). */
static void
url_take(struct css *c)
{
	const char *from = c->p, *to;

	for (; c->p < c->end; c->p++) {
		char ch = *c->p;
		unsigned what = class_of(ch);

		if (what == SPACE || ch == ')')
			break;
		if (what == UNPRINTABLE || ch == '"' || ch == '\'' || ch == '(' ||
		    (ch == '\\' && !escape_is_valid(c->p, c->end))) {
			bad_url_skip(c);
			return;
		}
		if (ch == '\\') {
			size_t len;
			char out[4];

			c->p = escape_take(c->p + 1, c->end, out, &len) - 1;
		}
	}
	to = c->p;
	space_skip(c);
	if (c->p < c->end && *c->p != ')') {
		bad_url_skip(c);
		return;
	}
	if (c->p < c->end)
		c->p++;
	c->in_string = false;
	url_emit(c, slice_of(from, (size_t)(to - from)));
}

/* A name; `word` gets the start of it, in lower case, escapes resolved. */
struct word {
	char text[24];
	size_t len; /* sizeof(text): too long to mean anything */
};

static void
word_add(struct word *w, const char *p, size_t n)
{
	if (n >= sizeof(w->text) - w->len) {
		w->len = sizeof(w->text);
		return;
	}
	for (size_t i = 0; i < n; i++)
		w->text[w->len++] = ascii_lower(p[i]);
}

static bool
word_is(const struct word *w, struct slice s)
{
	return slice_eq(slice_of(w->text, w->len), s);
}

static void
name_take(struct css *c, struct word *w)
{
	const char *run = c->p;

	w->len = 0;
	while (c->p < c->end) {
		char out[4];
		size_t len;

		if (class_of(*c->p) & (NAME | DIGIT)) {
			c->p++;
			continue;
		}
		if (!escape_is_valid(c->p, c->end))
			break;
		word_add(w, run, (size_t)(c->p - run));
		c->p = escape_take(c->p + 1, c->end, out, &len);
		word_add(w, out, len);
		run = c->p;
	}
	word_add(w, run, (size_t)(c->p - run));
}

/* Behind a name and its '('. */
static void
function_take(struct css *c, const struct word *w)
{
	if (word_is(w, SLICE_LIT("url"))) {
		c->want_string = false;
		space_skip(c);
		if (c->p == c->end || (*c->p != '"' && *c->p != '\'')) {
			url_take(c);
			return;
		}
		c->want_string = true;
	} else if (word_is(w, SLICE_LIT("src"))) {
		c->want_string = true;
	} else if (c->image_depth == 0 &&
		   (word_is(w, SLICE_LIT("image-set")) ||
		       word_is(w, SLICE_LIT("-webkit-image-set")))) {
		c->image_depth = c->depth + 1;
	}
	c->depth++;
}

static void
at_take(struct css *c)
{
	struct word w;

	c->p++;
	name_take(c, &w);
	c->want_string = word_is(&w, SLICE_LIT("import"));
	c->in_namespace = word_is(&w, SLICE_LIT("namespace"));
}

static void
name_or_function_take(struct css *c)
{
	struct word w;

	name_take(c, &w);
	c->want_string = false;
	if (c->p < c->end && *c->p == '(') {
		c->p++;
		function_take(c, &w);
	}
}

static void
comment_skip(struct css *c)
{
	const char *star = c->p + 2;

	while (star < c->end &&
	       (star = memchr(star, '*', (size_t)(c->end - star))) != NULL) {
		star++;
		if (star < c->end && *star == '/') {
			c->p = star + 1;
			return;
		}
	}
	c->p = c->end;
}

static void
delimiter_take(struct css *c)
{
	char ch = *c->p++;

	if (ch == '(') {
		c->depth++;
	} else if (ch == ')') {
		if (c->depth == c->image_depth)
			c->image_depth = 0;
		c->depth -= c->depth > 0;
	} else if (ch == ';' || ch == '{' || ch == '}') {
		/* What a broken declaration left open ends here, too. */
		c->in_namespace = false;
		c->depth = c->image_depth = 0;
	}
	c->want_string = false;
}

static void
token_take(struct css *c)
{
	unsigned what = class_of(*c->p);
	struct word w;

	if (what == SPACE)
		space_skip(c);
	else if (what == NAME || (*c->p == '\\' && escape_is_valid(c->p, c->end)))
		name_or_function_take(c);
	else if (what == DIGIT)
		name_take(c, &w); /* a number and its unit */
	else if (*c->p == '"' || *c->p == '\'')
		string_take(c);
	else if (*c->p == '/' && c->end - c->p > 1 && c->p[1] == '*')
		comment_skip(c);
	else if (*c->p == '@')
		at_take(c);
	else if (*c->p == '#') {
		c->p++;
		name_take(c, &w);
	} else
		delimiter_take(c);
}

int
css_places(struct slice css, struct arena *a, css_place_fn *fn, void *ctx)
{
	struct css c = {.p = css.ptr, .arena = a, .fn = fn, .ctx = ctx};

	if (css.len == 0)
		return 0;
	/* Only @import "x" has a URL without a parenthesis. */
	if (memchr(css.ptr, '(', css.len) == NULL &&
	    memchr(css.ptr, '@', css.len) == NULL)
		return 0;
	c.end = css.ptr + css.len;
	while (c.p < c.end && c.err == 0)
		token_take(&c);
	return c.err;
}

struct urls {
	int (*fn)(void *ctx, struct slice url);
	void *ctx;
};

static int
on_place(void *ctx, struct slice raw, struct slice url, bool in_string)
{
	const struct urls *u = ctx;

	(void)raw, (void)in_string;
	return u->fn(u->ctx, url);
}

int
css_urls(
    struct slice css, struct arena *a, int (*fn)(void *ctx, struct slice url), void *ctx)
{
	struct urls u = {fn, ctx};

	return css_places(css, a, on_place, &u);
}
