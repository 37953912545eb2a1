/*
 * Input: a byte of flags and start state, a byte of how long chunks are, then HTML.
 * In pieces it gives the tokens that it gives whole, also when whole it leaves out the
 * tags that nobody wants, and text but for that of links.
 */
#include "fuzz.h"
#include "web/html.h"

struct record {
	struct buf tokens;
	int text; /* what the last token is: -1 other, else text by has_refs */
	bool only_wanted;
	struct html *html;
};

enum { ONLY_WANTED = 0x20, AS_XML = 0x40 }; /* of the flags */

static const uint8_t wants[HTML_N_MAX] = {HTML_WANTS_ALWAYS,
    [HTML_N_A] = HTML_WANT_START | HTML_WANT_END, [HTML_N_P] = HTML_WANT_END};

static bool
has_value(const struct html_tag *tag, enum html_name_id id)
{
	const struct html_attr *a = html_attr_get(tag, id);

	return a != NULL && a->value_len > 0;
}

static bool
is_wanted(const struct html_tag *tag)
{
	return (wants[tag->id] & (tag->is_end ? HTML_WANT_END : HTML_WANT_START)) != 0 ||
	       has_value(tag, HTML_N_STYLE) || has_value(tag, HTML_N_BACKGROUND) ||
	       tag->ns != HTML_NS_HTML;
}

static void
record_slice(struct record *r, struct slice s)
{
	uint32_t len = (uint32_t)s.len;

	FUZZ_CHECK(buf_add(&r->tokens, &len, sizeof(len)) == 0);
	FUZZ_CHECK(buf_add_slice(&r->tokens, s) == 0);
}

static void
record_kind(struct record *r, char kind)
{
	r->text = -1;
	FUZZ_CHECK(buf_add_byte(&r->tokens, kind) == 0);
}

static int
on_text(void *ctx, struct slice text, bool has_refs)
{
	struct record *r = ctx;

	if (text.len == 0)
		return 0;
	if (r->text != has_refs)
		record_kind(r, has_refs ? '&' : 'T');
	r->text = has_refs;
	FUZZ_CHECK(buf_add_slice(&r->tokens, text) == 0);
	return 0;
}

static void
record_decoded(struct record *r, struct slice raw, bool is_name)
{
	size_t max = is_name ? 3 * raw.len : html_decode_max(raw);
	char *out = fuzz_room(max);
	size_t n =
	    is_name ? html_name(raw, out) : html_decode(raw, HTML_DECODE_ATTR, out);

	FUZZ_CHECK(n <= max);
	record_slice(r, slice_of(out, n));
	fuzz_room_free(out, max);
}

static int
on_tag(void *ctx, const struct html_tag *tag)
{
	struct record *r = ctx;

	if (r->only_wanted && !is_wanted(tag))
		return 0;
	if (r->only_wanted)
		r->html->want_text = tag->id == HTML_N_A && !tag->is_end;
	record_kind(r, tag->is_end ? '/' : '<');
	FUZZ_CHECK(tag->raw[0] == '<' && tag->name_at > 0 && tag->name_len > 0);
	FUZZ_CHECK(tag->attrs_len <= HTML_ATTRS_MAX);
	record_decoded(r, slice_of(tag->raw + tag->name_at, tag->name_len), true);
	FUZZ_CHECK(buf_add_byte(&r->tokens, tag->is_self_closing ? '1' : '0') == 0);
	FUZZ_CHECK(buf_add_byte(&r->tokens, (char)('0' + (int)tag->ns)) == 0);
	for (uint32_t i = 0; i < tag->attrs_len; i++) {
		const struct html_attr *a = &tag->attrs[i];

		FUZZ_CHECK(a->name_at > tag->name_at && a->name_len > 0);
		FUZZ_CHECK(a->value_len == 0 || a->value_at >= a->name_at + a->name_len);
		record_decoded(r, html_attr_name(tag, a), true);
		record_decoded(r, html_attr_value(tag, a), false);
		FUZZ_CHECK(a->id == HTML_N_OTHER || html_attr_get(tag, a->id) == a);
	}
	return 0;
}

static int
on_comment(void *ctx, struct slice text)
{
	record_kind(ctx, '!');
	record_slice(ctx, text);
	return 0;
}

static int
on_doctype(void *ctx, const struct html_doctype *d)
{
	struct record *r = ctx;

	record_kind(r, 'D');
	record_slice(r, d->name);
	record_slice(r, d->public_id);
	record_slice(r, d->system_id);
	FUZZ_CHECK(buf_add_byte(&r->tokens,
		       (char)('0' + d->has_name + 2 * d->has_public_id +
			      4 * d->has_system_id + 8 * d->force_quirks)) == 0);
	return 0;
}

/* The length of the next chunk, 1 to 2 to the power of 0 .. 7. */
static size_t
chunk_len(uint32_t *seed, uint8_t pieces)
{
	*seed = *seed * 1664525u + 1013904223u;
	return 1 + (*seed >> 16) % (1u << (pieces & 7));
}

/* `pieces` 0: whole. */
static void
run(struct record *r, struct slice html, uint8_t mode, uint8_t pieces)
{
	static const struct html_sink sink = {
	    .text = on_text, .tag = on_tag, .comment = on_comment, .doctype = on_doctype};
	static const struct html_sink wanting = {.wants = wants,
	    .text = on_text,
	    .tag = on_tag,
	    .comment = on_comment,
	    .doctype = on_doctype};
	static const enum html_state states[] = {HTML_DATA, HTML_DATA, HTML_RCDATA,
	    HTML_RAWTEXT, HTML_SCRIPT, HTML_PLAINTEXT, HTML_CDATA, HTML_DATA};
	struct html *t = malloc(sizeof(*t));
	uint32_t seed = pieces;

	FUZZ_CHECK(t != NULL);
	*r = (struct record){.text = -1,
	    .html = t,
	    .only_wanted = (mode & ONLY_WANTED) != 0 && (mode & HTML_MODELS) != 0};
	buf_init(&r->tokens, 64 << 20);
	html_init(t, r->only_wanted && pieces == 0 ? &wanting : &sink, r,
	    (mode & (HTML_MODELS | HTML_TEXT_RAW)) | (mode & AS_XML ? HTML_XML : 0u),
	    16 << 20);
	t->want_text = !r->only_wanted;
	html_begin_in(t, states[mode >> 2 & 7], SLICE_LIT("title"));
	while (pieces != 0 && html.len > 0) {
		struct slice chunk =
		    fuzz_copy(slice_head(html, chunk_len(&seed, pieces)));

		FUZZ_CHECK(html_feed(t, chunk, false) == 0);
		html = slice_from(html, chunk.len);
		fuzz_copy_free(chunk);
	}
	FUZZ_CHECK(html_feed(t, html, true) == 0);
	html_release(t);
	free(t);
}

FUZZ_TARGET(html)
{
	struct slice html = slice_of(data, size);
	uint8_t mode = fuzz_byte(&html), pieces = fuzz_byte(&html);
	struct record whole, chunked;

	html = fuzz_copy(html);
	run(&whole, html, mode, 0);
	run(&chunked, html, mode, pieces == 0 ? 1 : pieces);
	FUZZ_CHECK(slice_eq(buf_slice(&whole.tokens), buf_slice(&chunked.tokens)));
	buf_release(&whole.tokens);
	buf_release(&chunked.tokens);
	fuzz_copy_free(html);
	return 0;
}
