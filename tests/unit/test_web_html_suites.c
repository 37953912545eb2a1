/*
 * The tokenizer against html5lib's tests: every case whole, byte by byte and in pieces.
 * Parse errors are not compared: the tokenizer does not tell them.
 * (json_pack() makes the containers: base/json.h has functions of the names that jansson has.)
 */
#include "suite.h"
#include "web/html.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *const files[] = {
    "contentModelFlags",
    "domjs",
    "entities",
    "escapeFlag",
    "namedEntities",
    "numericEntities",
    "pendingSpecChanges",
    "test1",
    "test2",
    "test3",
    "test4",
    "unicodeChars",
    "unicodeCharsProblematic",
    "xmlViolation",
};

/* -- The tokens as the tests write them ------------------------------------------- */

struct collect {
	json_t *tokens;
	struct buf text; /* characters that wait for the next other token */
};

static json_t *
string_of(struct slice s)
{
	return json_stringn_nocheck(s.ptr == NULL ? "" : s.ptr, s.len);
}

static void
text_flush(struct collect *c)
{
	if (c->text.len > 0)
		(void)json_array_append_new(c->tokens,
		    json_pack("[so]", "Character", string_of(buf_slice(&c->text))));
	buf_clear(&c->text);
}

static int
on_text(void *ctx, struct slice text, bool has_refs)
{
	struct collect *c = ctx;

	assert_false(has_refs);
	return buf_add_slice(&c->text, text);
}

static json_t *
name_of(struct slice raw)
{
	char *out = malloc(raw.len * 3 + 1);
	json_t *s;

	assert_non_null(out);
	s = string_of(slice_of(out, html_name(raw, out)));
	free(out);
	return s;
}

static json_t *
value_of(const struct html_tag *tag, const struct html_attr *a)
{
	struct slice raw = html_attr_value(tag, a);
	size_t max = html_decode_max(raw), n;
	char *out = malloc(max);
	json_t *s;

	assert_non_null(out);
	n = html_decode(raw, HTML_DECODE_ATTR, out);
	assert_true(n <= max);
	if (!a->value_odd)
		assert_true(slice_eq(raw, slice_of(out, n)));
	s = string_of(slice_of(out, n));
	free(out);
	return s;
}

static int
on_tag(void *ctx, const struct html_tag *tag)
{
	struct collect *c = ctx;
	json_t *token, *attrs;

	text_flush(c);
	token = json_pack("[]");
	(void)json_array_append_new(
	    token, json_string(tag->is_end ? "EndTag" : "StartTag"));
	(void)json_array_append_new(
	    token, name_of(slice_of(tag->raw + tag->name_at, tag->name_len)));
	if (!tag->is_end) {
		attrs = json_pack("{}");
		for (uint32_t i = 0; i < tag->attrs_len; i++) {
			json_t *name = name_of(html_attr_name(tag, &tag->attrs[i]));

			assert_null(json_object_get(attrs, json_string_value(name)));
			(void)json_object_set_new_nocheck(attrs, json_string_value(name),
			    value_of(tag, &tag->attrs[i]));
			json_decref(name);
		}
		(void)json_array_append_new(token, attrs);
		if (tag->is_self_closing)
			(void)json_array_append_new(token, json_true());
	}
	(void)json_array_append_new(c->tokens, token);
	return 0;
}

static int
on_comment(void *ctx, struct slice text)
{
	struct collect *c = ctx;

	text_flush(c);
	return json_array_append_new(
	    c->tokens, json_pack("[so]", "Comment", string_of(text)));
}

static int
on_doctype(void *ctx, const struct html_doctype *d)
{
	struct collect *c = ctx;

	text_flush(c);
	return json_array_append_new(
	    c->tokens, json_pack("[soooo]", "DOCTYPE",
			   d->has_name ? string_of(d->name) : json_null(),
			   d->has_public_id ? string_of(d->public_id) : json_null(),
			   d->has_system_id ? string_of(d->system_id) : json_null(),
			   d->force_quirks ? json_false() : json_true()));
}

static const struct html_sink sink = {
    .text = on_text, .tag = on_tag, .comment = on_comment, .doctype = on_doctype};

/* -- Feeding ------------------------------------------------------------------------ */

static void
feed(struct html *t, struct slice s, bool last)
{
	char *exact = suite_exact(s);

	assert_int_equal(html_feed(t, slice_of(exact, s.len), last), 0);
	free(exact);
}

/* Chunks of 1 to `chunk_max` bytes; 0: one chunk. */
static json_t *
tokenize(struct slice input, enum html_state state, struct slice last_start,
    size_t chunk_max, unsigned seed)
{
	static struct html t;
	struct collect c = {.tokens = json_pack("[]")};

	buf_init(&c.text, 1024 * 1024);
	html_init(&t, &sink, &c, 0, 1024 * 1024);
	html_begin_in(&t, state, last_start);
	while (chunk_max > 0 && input.len > 0) {
		size_t n;

		seed = seed * 1103515245 + 12345;
		n = 1 + (seed >> 16) % chunk_max;
		feed(&t, slice_head(input, n), false);
		input = slice_from(input, n);
	}
	feed(&t, input, true);
	html_release(&t);
	text_flush(&c);
	buf_release(&c.text);
	return c.tokens;
}

/* -- The cases ---------------------------------------------------------------------- */

static size_t
utf8_of(unsigned code, char *out) /* surrogates too: a tokenizer has no opinion on them */
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xC0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3F));
		return 2;
	}
	out[0] = (char)(0xE0 | code >> 12);
	out[1] = (char)(0x80 | (code >> 6 & 0x3F));
	out[2] = (char)(0x80 | (code & 0x3F));
	return 3;
}

/* "\uHHHH" resolved once more ("doubleEscaped"). */
static struct slice
unescape(struct slice s, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len;) {
		unsigned code = 0;

		if (s.len - i < 6 || s.ptr[i] != '\\' || s.ptr[i + 1] != 'u') {
			out[n++] = s.ptr[i++];
			continue;
		}
		for (size_t k = 2; k < 6; k++)
			code = code << 4 | (unsigned)ascii_hex(s.ptr[i + k]);
		n += utf8_of(code, out + n);
		i += 6;
	}
	return slice_of(out, n);
}

/* What html5lib's tests of XML violations expect of a tree's builder, on the tokens. */
static struct slice
coerce(struct slice s, bool is_comment, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (slice_starts(slice_from(s, i), SLICE_LIT("\xEF\xBF\xBF"))) {
			n += utf8_of(0xFFFD, out + n);
			i += 2;
		} else if (s.ptr[i] == '\f') {
			out[n++] = ' ';
		} else {
			if (is_comment && s.ptr[i] == '-' && i > 0 && s.ptr[i - 1] == '-')
				out[n++] = ' ';
			out[n++] = s.ptr[i];
		}
	}
	return slice_of(out, n);
}

enum change { CHANGE_UNESCAPE, CHANGE_COERCE };

/* The same value with its strings changed. */
static json_t *
changed(json_t *v, enum change change, bool is_comment)
{
	json_t *out, *item;
	const char *key;
	size_t i;

	if (json_is_string(v)) {
		struct slice s = slice_of(json_string_value(v), json_string_length(v));
		char *text = malloc(s.len * 2 + 1);

		assert_non_null(text);
		out = string_of(change == CHANGE_UNESCAPE ? unescape(s, text)
							  : coerce(s, is_comment, text));
		free(text);
		return out;
	}
	if (json_is_array(v)) {
		const char *first = json_string_value(json_array_get(v, 0));

		out = json_pack("[]");
		json_array_foreach(v, i, item)(void) json_array_append_new(
		    out, changed(item, change,
			     first != NULL && strcmp(first, "Comment") == 0));
		return out;
	}
	if (json_is_object(v)) {
		out = json_pack("{}");
		json_object_foreach(v, key, item)
		{
			json_t *name = json_string_nocheck(key);
			json_t *new_name = changed(name, change, false);

			(void)json_object_set_new_nocheck(out,
			    json_string_value(new_name), changed(item, change, false));
			json_decref(name);
			json_decref(new_name);
		}
		return out;
	}
	return json_incref(v);
}

static enum html_state
state_of(const char *name)
{
	static const struct {
		const char *name;
		enum html_state state;
	} states[] = {
	    {"Data state", HTML_DATA},
	    {"PLAINTEXT state", HTML_PLAINTEXT},
	    {"RCDATA state", HTML_RCDATA},
	    {"RAWTEXT state", HTML_RAWTEXT},
	    {"Script data state", HTML_SCRIPT},
	    {"CDATA section state", HTML_CDATA},
	};

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcmp(states[i].name, name) == 0)
			return states[i].state;
	fail_msg("unknown state %s", name);
	return HTML_DATA;
}

struct counts {
	unsigned cases, runs, failed;
};

static void
case_in_state(json_t *test, json_t *want, bool is_xml, struct slice input,
    enum html_state state, struct counts *n)
{
	static const size_t chunks[] = {0, 1, 3, 7, 20};
	struct slice last_start = suite_text(test, "lastStartTag");

	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		json_t *got = tokenize(input, state, last_start, chunks[i], n->runs);

		if (is_xml) {
			json_t *coerced = changed(got, CHANGE_COERCE, false);

			json_decref(got);
			got = coerced;
		}
		n->runs++;
		if (!json_equal(got, want)) {
			char *g = json_dumps(got, JSON_ENSURE_ASCII);
			char *t = json_dumps(test, JSON_ENSURE_ASCII);

			n->failed++;
			printf("failed in chunks of %zu: %s\n  got %s\n", chunks[i],
			    t == NULL ? "?" : t, g == NULL ? "?" : g);
			free(g);
			free(t);
		}
		json_decref(got);
	}
}

static void
case_run(json_t *test, bool is_xml, struct counts *n)
{
	bool escaped = json_is_true(json_object_get(test, "doubleEscaped"));
	json_t *input = json_object_get(test, "input");
	json_t *want = json_object_get(test, "output"), *states, *name;
	struct slice text;
	size_t i;

	if (escaped) {
		input = changed(input, CHANGE_UNESCAPE, false);
		want = changed(want, CHANGE_UNESCAPE, false);
	}
	text = slice_of(json_string_value(input), json_string_length(input));
	states = json_object_get(test, "initialStates");
	n->cases++;
	if (states == NULL)
		case_in_state(test, want, is_xml, text, HTML_DATA, n);
	json_array_foreach(states, i, name)
	    case_in_state(test, want, is_xml, text, state_of(json_string_value(name)), n);
	if (escaped) {
		json_decref(input);
		json_decref(want);
	}
}

static void
gives_the_tokens_of_html5lib_however_the_input_is_cut(void **state)
{
	struct counts n = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[128];
		json_t *doc, *tests, *test;
		const char *key;
		size_t len, k;
		char *text;

		(void)snprintf(
		    path, sizeof(path), "html5lib/tokenizer/%s.test", files[i]);
		text = suite_read(path, &len);
		if (text == NULL) {
			printf("skipped: %s is not here\n", path);
			continue;
		}
		doc = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
		assert_non_null(doc);
		json_object_foreach(doc, key, tests) json_array_foreach(tests, k, test)
		    case_run(test, strcmp(key, "xmlViolationTests") == 0, &n);
		json_decref(doc);
		free(text);
	}
	printf("html5lib tokenizer: %u cases, %u runs, %u failed\n", n.cases, n.runs,
	    n.failed);
	if (n.cases == 0)
		skip();
	assert_int_equal(n.failed, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(gives_the_tokens_of_html5lib_however_the_input_is_cut),
	};

	return cmocka_run_group_tests_name("web/html suites", tests, NULL, NULL);
}
