/*
 * The frame of the tokenizer: chunks, the token that is cut by their border, and text.
 *
 *     feed -> step of the state -> ... -> chunk_end (holds a cut token) -> eof
 *                 |        |
 *              text_end  token_done          html_tag.c     tags and their attributes
 *                 v        v                 html_markup.c  comments, doctypes, CDATA
 *               sink      sink               html_text.c    raw text, scripts
 *                                            html_model.c   which text state follows a
 * tag html_ref.c     character references
 */
#include "web/html_int.h"
#include <assert.h>
#include <errno.h>

#include "base/banned.h"

typedef const char *step_fn(struct html *t, const char *p, const char *end);

static step_fn *const steps[HTML_STATE_MAX] = {
#define X(id, what, step) [HTML_##id] = step,
    HTML_STATES(X)
#undef X
};

enum state_what { WHAT_TEXT, WHAT_TOKEN };
static const uint8_t whats[HTML_STATE_MAX] = {
#define X(id, what, step) [HTML_##id] = WHAT_##what,
    HTML_STATES(X)
#undef X
};

/* Offsets in a token have 32 bits. */
enum { TOKEN_BYTES_MAX = INT32_MAX };

static void
wants_init(struct html *t, const uint8_t *wants)
{
	memset(t->maybe_wanted, 0, sizeof(t->maybe_wanted));
	for (int id = HTML_N_OTHER + 1; id < HTML_N_MAX; id++) {
		const char *text = html_name_texts[id];
		uint64_t key = html_name_keys[id];
		size_t len = 8 - (unsigned)__builtin_clzll(key) / 8;
		char first = (char)(key >> (8 * len - 8)), last = (char)key;

		if (wants[id] == 0)
			continue;   /* nearly all, and each page asks */
		if (text != NULL) { /* more than its key holds */
			len = strlen(text);
			first = text[0];
		}
		for (int is_end = 0; is_end < 2; is_end++)
			if (wants[id] & (HTML_WANT_START << is_end))
				t->maybe_wanted[is_end][first - 'a'] |=
				    1u << (((unsigned char)last ^ len) & 31);
	}
}

void
html_sink_set(struct html *t, const struct html_sink *sink)
{
	t->sink = sink;
	t->passes = sink->wants != NULL && (t->flags & HTML_MODELS) != 0;
	if (t->passes)
		wants_init(t, sink->wants);
}

void
html_init(struct html *t, const struct html_sink *sink, void *ctx, unsigned flags,
    size_t held_max)
{
	assert(held_max < TOKEN_BYTES_MAX);
	t->flags = flags;
	html_sink_set(t, sink);
	t->ctx = ctx;
	t->want_text = sink->text != NULL;
	t->err = 0;
	t->run = t->token = NULL;
	buf_init(&t->held, held_max);
	buf_init(&t->scratch, (size_t)TOKEN_BYTES_MAX * 4);
	t->skip_lf = false;
	t->ref.step = 0;
	t->foreign_len = 0;
	html_begin_in(t, HTML_DATA, slice_of(NULL, 0));
}

void
html_release(struct html *t)
{
	buf_release(&t->held);
	buf_release(&t->scratch);
}

void
html_begin_in(struct html *t, enum html_state text_state, struct slice last_start_tag)
{
	assert(whats[text_state] == WHAT_TEXT);
	t->state = t->base = text_state;
	t->last_start_len = 0;
	if (last_start_tag.len > 0 && last_start_tag.len <= sizeof(t->last_start)) {
		memcpy(t->last_start, last_start_tag.ptr, last_start_tag.len);
		t->last_start_len = (uint32_t)last_start_tag.len;
	}
}

static void
sink_text(struct html *t, const char *ptr, size_t len, bool has_refs)
{
	if (len > 0 && t->err == 0)
		t->err = t->sink->text(t->ctx, slice_of(ptr, len), has_refs);
}

static bool
base_has_refs(const struct html *t)
{
	return t->base == HTML_DATA || t->base == HTML_RCDATA;
}

static bool
base_keeps_nul(const struct html *t)
{
	return t->base == HTML_DATA || t->base == HTML_CDATA;
}

/* Feeds the open reference from `p`; returns where the text goes on. */
static const char *
text_ref(struct html *t, const char *p, const char *end)
{
	enum ref_result got = REF_MORE;
	char out[REF_OUT_MAX];

	while (p < end && (got = ref_feed(&t->ref, *p)) == REF_MORE)
		p++;
	if (p == end)
		return p;
	if (got == REF_DONE_TOOK)
		p++;
	sink_text(t, out, ref_close(&t->ref, false, -1, out), false);
	return p;
}

static void
text_decode(struct html *t, const char *p, const char *end)
{
	bool refs = base_has_refs(t), keep_nul = base_keeps_nul(t);
	const char *run = p;

	if (t->skip_lf && p < end) {
		t->skip_lf = false;
		if (*p == '\n')
			run = ++p;
	}
	while (p < end) {
		char c = *p;

		if (c != '\r' && !(c == '&' && refs) && !(c == '\0' && !keep_nul)) {
			p++;
			continue;
		}
		sink_text(t, run, (size_t)(p - run), false);
		p++;
		if (c == '&') {
			ref_open(&t->ref);
			p = text_ref(t, p, end);
		} else if (c == '\0') {
			sink_text(t, "\xEF\xBF\xBD", 3, false);
		} else {
			sink_text(t, "\n", 1, false);
			t->skip_lf = p == end;
			if (p < end && *p == '\n')
				p++;
		}
		run = p;
	}
	sink_text(t, run, (size_t)(p - run), false);
}

void
text_emit(struct html *t, const char *ptr, size_t len)
{
	const char *end = ptr + len;

	if (len == 0 || t->err != 0)
		return;
	if (!t->want_text) {
		t->ref.step = 0;
		t->skip_lf = false;
	} else if (t->flags & HTML_TEXT_RAW) {
		sink_text(t, ptr, len, base_has_refs(t));
	} else {
		if (t->ref.step != 0)
			ptr = text_ref(t, ptr, end);
		text_decode(t, ptr, end);
	}
}

void
text_end(struct html *t)
{
	if (t->run != NULL)
		text_emit(t, t->run, (size_t)(t->token - t->run));
	t->run = NULL;
	if (t->ref.step != 0 && t->want_text) {
		char out[REF_OUT_MAX];

		sink_text(t, out, ref_close(&t->ref, false, -1, out), false);
	}
	t->ref.step = 0;
	t->skip_lf = false;
}

const char *
token_bytes(struct html *t, const char *p)
{
	int err;

	if (t->held.len == 0)
		return t->token;
	err = buf_add(&t->held, t->token, (size_t)(p - t->token));
	if (err != 0) {
		t->err = err;
		return NULL;
	}
	t->token = p;
	return t->held.ptr;
}

void
token_abandon(struct html *t)
{
	if (t->held.len > 0) { /* its text before was emitted with the earlier chunk */
		text_emit(t, t->held.ptr, t->held.len);
		buf_clear(&t->held);
		t->run = t->token;
	} else if (t->run == NULL) {
		t->run = t->token;
	}
}

void
token_done(struct html *t, const char *p)
{
	buf_clear(&t->held);
	t->run = p;
}

/* Comments that nobody wants need not be kept. */
static bool
token_is_wanted(const struct html *t)
{
	if (t->state >= HTML_BOGUS_COMMENT && t->state <= HTML_COMMENT_END_BANG)
		return t->sink->comment != NULL;
	return true;
}

static void
chunk_end(struct html *t, const char *end)
{
	if (whats[t->state] == WHAT_TEXT) {
		text_emit(t, t->run, (size_t)(end - t->run));
		return;
	}
	if (t->run != NULL)
		text_emit(t, t->run, (size_t)(t->token - t->run));
	t->run = NULL;
	if (t->err == 0 && token_is_wanted(t))
		t->err = buf_add(&t->held, t->token, (size_t)(end - t->token));
}

/* What is left when the input ends, by state (the EOF lines of 13.2.5). */
static void
eof(struct html *t, const char *end)
{
	switch (t->state) {
	case HTML_TAG_OPEN:
	case HTML_END_TAG_OPEN:
	case HTML_RAW_LT:
	case HTML_RAW_END_OPEN:
	case HTML_RAW_END_NAME:
	case HTML_CDATA_BRACKET:
	case HTML_CDATA_END:
		token_abandon(t);
		t->token = end;
		text_end(t);
		break;
	case HTML_MARKUP_DECLARATION:
		t->data_at = 2;
		t->data_end = token_offset(t, end);
		comment_emit(t, end);
		break;
	case HTML_BOGUS_COMMENT:
	case HTML_COMMENT:
		t->data_end = token_offset(t, end);
		comment_emit(t, end);
		break;
	case HTML_COMMENT_START:
	case HTML_COMMENT_START_DASH:
		t->data_end = t->data_at;
		comment_emit(t, end);
		break;
	case HTML_COMMENT_END_DASH:
	case HTML_COMMENT_END:
	case HTML_COMMENT_END_BANG:
		t->data_end =
		    token_offset(t, end) - (t->state == HTML_COMMENT_END_DASH ? 1
					       : t->state == HTML_COMMENT_END ? 2
									      : 3);
		comment_emit(t, end);
		break;
	case HTML_DOCTYPE:
		doctype_emit(t, end, true);
		break;
	default:
		if (whats[t->state] == WHAT_TEXT) {
			t->token = end;
			text_end(t);
		}
		break;
	}
}

int
html_feed(struct html *t, struct slice chunk, bool last)
{
	const char *p = chunk.ptr == NULL ? "" : chunk.ptr, *end = p + chunk.len;

	if (chunk.len > TOKEN_BYTES_MAX - t->held.len)
		return -EMSGSIZE;
	t->token = p;
	t->run = whats[t->state] == WHAT_TEXT ? p : NULL;
	while (p < end && t->err == 0)
		p = steps[t->state](t, p, end);
	if (t->err == 0 && last)
		eof(t, end);
	else if (t->err == 0)
		chunk_end(t, end);
	return t->err;
}

const struct html_attr *
html_attr_get(const struct html_tag *tag, enum html_name_id id)
{
	for (uint32_t i = 0; i < tag->attrs_len; i++)
		if (tag->attrs[i].id == id)
			return &tag->attrs[i];
	return NULL;
}
