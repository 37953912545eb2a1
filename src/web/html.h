/*
 * web/html.h -- a streaming HTML tokenizer after the HTML standard, section 13.2.5.
 *
 * Input comes in chunks of any size and gives the same tokens as in one piece.  Tokens go
 * to a sink.  Nothing is copied or allocated for a token that lies within one chunk;
 * attribute values are handed out raw and decoded by whoever wants one.  Parse errors are
 * not told.
 *
 * The content models that a tree builder would switch to (title, script, svg ...) are
 * followed with HTML_MODELS, with a short stack of the open foreign elements for a tree.
 *
 * Bytes:   any superset of ASCII in which no byte of a multi-byte character is one of
 *          < > & " ' = / or white space.  What references give is UTF-8, so that for
 * other charsets than UTF-8 texts have to be taken raw (HTML_TEXT_RAW) and converted
 *          before html_decode().
 * Owns:    `held`: the start of a token whose end has not come yet, up to `held.max`.
 * Errors:  -ENOMEM, -EMSGSIZE (a token of more than 2 GiB, or one that came in chunks and
 *          is longer than held_max), or what a sink returned.
 * Limits:  attributes beyond HTML_ATTRS_MAX of a tag are dropped, as repeated ones are.
 * Threads: one user at a time.
 */
#ifndef WEB_HTML_H
#define WEB_HTML_H
#include "base/buf.h"
#include "web/html_names.h"

enum {
	HTML_ATTRS_MAX = 256,
	HTML_FOREIGN_MAX = 64, /* nested foreign elements that are kept apart */
	HTML_NAME_MAX = 16,    /* of an element with a content model of its own */
	HTML_LETTERS = 26,
};

enum html_flag {
	HTML_MODELS = 1,   /* switch content models as a tree builder would */
	HTML_TEXT_RAW = 2, /* text without decoding references, CR and NUL */
	HTML_XML = 4,      /* <script/> has no text; CDATA sections are everywhere */
};

enum html_ns { HTML_NS_HTML, HTML_NS_SVG, HTML_NS_MATH };

/*
 * A name that means something here is known by its id, web/html_names.h.  All names have
 * a key: those of up to 8 bytes are it (lower case, the last byte lowest), longer ones
 * give 0x80 + length in the top byte and their last 7 bytes.
 */
struct html_attr {
	uint64_t name_key;
	uint32_t name_at, name_len; /* offsets from tag->raw */
	uint32_t value_at, value_len;
	uint8_t id;     /* enum html_name_id */
	bool name_odd;  /* has upper case or NUL: html_name() */
	bool value_odd; /* has '&', CR or NUL: html_decode() */
};

struct html_tag {
	const char *raw; /* the tag's bytes, from '<' */
	uint64_t name_key;
	uint32_t name_at, name_len;
	uint8_t id; /* enum html_name_id */
	bool name_odd;
	bool is_end, is_self_closing;
	enum html_ns ns; /* of the element; of an end tag: where it stands */
	uint32_t attrs_len;
	struct html_attr *attrs;
};

struct html_doctype {
	struct slice name, public_id, system_id;
	bool has_name, has_public_id, has_system_id;
	bool force_quirks;
};

enum html_want { HTML_WANT_START = 1, HTML_WANT_END = 2 };
/* To be in every table of wants: what follows these depends on them. */
#define HTML_WANTS_ALWAYS                                                                \
	[HTML_N_SVG] = HTML_WANT_START, [HTML_N_MATH] = HTML_WANT_START,                 \
	[HTML_N_PLAINTEXT] = HTML_WANT_START, [HTML_N_XMP] = HTML_WANT_START,            \
	[HTML_N_IFRAME] = HTML_WANT_START, [HTML_N_NOEMBED] = HTML_WANT_START,           \
	[HTML_N_NOFRAMES] = HTML_WANT_START, [HTML_N_TEXTAREA] = HTML_WANT_START,        \
	[HTML_N_TITLE] = HTML_WANT_START, [HTML_N_STYLE] = HTML_WANT_START,              \
	[HTML_N_SCRIPT] = HTML_WANT_START

/* Called in document order; what is handed in lasts for the call.  A code other than 0
 * stops the tokenizer.  Those not wanted are NULL. */
struct html_sink {
	/* Of HTML_N_MAX names, bits of enum html_want.  Tags that are not wanted are left
	 * out where that saves work, but for those with a value of style or background
	 * and those within SVG and MathML; only with HTML_MODELS.  NULL: all are wanted. */
	const uint8_t *wants;
	/* Any number of pieces a run of text.  has_refs: only with HTML_TEXT_RAW, when
	 * character references are to be decoded. */
	int (*text)(void *ctx, struct slice text, bool has_refs);
	int (*tag)(void *ctx, const struct html_tag *tag);
	int (*comment)(void *ctx, struct slice text);
	int (*doctype)(void *ctx, const struct html_doctype *d);
};

/* State, what it is (TEXT: characters that are text; TOKEN: bytes of a token), step. */
#define HTML_STATES(X)                                                                   \
	X(DATA, TEXT, html_text_step)                                                    \
	X(RCDATA, TEXT, html_text_step)                                                  \
	X(RAWTEXT, TEXT, html_text_step)                                                 \
	X(SCRIPT, TEXT, html_text_step)                                                  \
	X(PLAINTEXT, TEXT, html_plaintext_step)                                          \
	X(SCRIPT_ESCAPE_START, TEXT, html_script_step)                                   \
	X(SCRIPT_ESCAPE_START_DASH, TEXT, html_script_step)                              \
	X(SCRIPT_ESCAPED, TEXT, html_script_step)                                        \
	X(SCRIPT_ESCAPED_DASH, TEXT, html_script_step)                                   \
	X(SCRIPT_ESCAPED_DASH_DASH, TEXT, html_script_step)                              \
	X(SCRIPT_DOUBLE_ESCAPE_START, TEXT, html_script_step)                            \
	X(SCRIPT_DOUBLE_ESCAPED, TEXT, html_script_step)                                 \
	X(SCRIPT_DOUBLE_ESCAPED_DASH, TEXT, html_script_step)                            \
	X(SCRIPT_DOUBLE_ESCAPED_DASH_DASH, TEXT, html_script_step)                       \
	X(SCRIPT_DOUBLE_ESCAPED_LT, TEXT, html_script_step)                              \
	X(SCRIPT_DOUBLE_ESCAPE_END, TEXT, html_script_step)                              \
	X(CDATA, TEXT, html_cdata_step)                                                  \
	X(CDATA_BRACKET, TOKEN, html_cdata_step)                                         \
	X(CDATA_END, TOKEN, html_cdata_step)                                             \
	X(RAW_LT, TOKEN, html_raw_end_step)                                              \
	X(RAW_END_OPEN, TOKEN, html_raw_end_step)                                        \
	X(RAW_END_NAME, TOKEN, html_raw_end_step)                                        \
	X(TAG_OPEN, TOKEN, html_tag_step)                                                \
	X(END_TAG_OPEN, TOKEN, html_tag_step)                                            \
	X(TAG_NAME, TOKEN, html_tag_step)                                                \
	X(BEFORE_ATTR_NAME, TOKEN, html_tag_step)                                        \
	X(ATTR_NAME, TOKEN, html_tag_step)                                               \
	X(AFTER_ATTR_NAME, TOKEN, html_tag_step)                                         \
	X(BEFORE_ATTR_VALUE, TOKEN, html_tag_step)                                       \
	X(ATTR_VALUE_QUOTED, TOKEN, html_tag_step)                                       \
	X(ATTR_VALUE_UNQUOTED, TOKEN, html_tag_step)                                     \
	X(AFTER_ATTR_VALUE, TOKEN, html_tag_step)                                        \
	X(SELF_CLOSING, TOKEN, html_tag_step)                                            \
	X(MARKUP_DECLARATION, TOKEN, html_markup_step)                                   \
	X(BOGUS_COMMENT, TOKEN, html_markup_step)                                        \
	X(COMMENT_START, TOKEN, html_comment_step)                                       \
	X(COMMENT_START_DASH, TOKEN, html_comment_step)                                  \
	X(COMMENT, TOKEN, html_comment_step)                                             \
	X(COMMENT_END_DASH, TOKEN, html_comment_step)                                    \
	X(COMMENT_END, TOKEN, html_comment_step)                                         \
	X(COMMENT_END_BANG, TOKEN, html_comment_step)                                    \
	X(DOCTYPE, TOKEN, html_markup_step)

enum html_state {
#define X(id, what, step) HTML_##id,
	HTML_STATES(X)
#undef X
	    HTML_STATE_MAX
};

/* A character reference while its bytes come in (section 13.2.5.72 and on). */
struct html_ref {
	uint8_t step; /* 0: none is open */
	uint8_t len;  /* of text */
	uint8_t best_len;
	uint16_t lo, hi, best; /* entities that still fit; the longest that did */
	uint32_t code;         /* of a numeric one; saturates */
	char text[40];         /* as written, from '&' */
};

enum html_integration { HTML_INT_NONE, HTML_INT_HTML, HTML_INT_MATH_TEXT };

/* An open element of SVG or MathML, of which HTML knows nothing but where HTML goes on.
 */
struct html_foreign {
	uint64_t name_key;
	uint8_t id;
	enum html_ns ns;
	enum html_integration integration;
	bool has_html; /* HTML elements were opened right in it */
};

struct html {
	const struct html_sink *sink;
	void *ctx;
	unsigned flags;
	bool want_text; /* may be changed by the sink at any time */
	bool passes;    /* tags that nobody wants are passed over */
	/* Of start and of end tags, by a name's first letter: bits of lengths and last
	 * letters, (length ^ letter) % 32, of names that are wanted. */
	uint32_t maybe_wanted[2][HTML_LETTERS];
	enum html_state state;
	enum html_state base; /* the text state to return to */
	int err;

	const char *run;   /* text of this chunk that was not emitted yet, or NULL */
	const char *token; /* where the token, or the rest of it, begins in this chunk */
	struct buf held;   /* of the token, from earlier chunks */
	struct buf scratch;

	struct html_tag tag;
	char quote;
	uint32_t data_at, data_end; /* of a comment, in the token */
	uint8_t matched;            /* bytes of "script" that matched; 255: none will */
	bool skip_lf;               /* the last text byte was CR */
	struct html_ref ref;
	char last_start[HTML_NAME_MAX]; /* name of the last start tag, lower case */
	uint32_t last_start_len;        /* 0 when it is longer */

	uint32_t foreign_len;
	struct html_foreign foreign[HTML_FOREIGN_MAX];
	struct html_attr attrs[HTML_ATTRS_MAX + 1];
};

void html_init(struct html *t, const struct html_sink *sink, void *ctx, unsigned flags,
    size_t held_max);
void html_release(struct html *t);
/* Another one from the next token on; `want_text` stays. */
void html_sink_set(struct html *t, const struct html_sink *sink);
/* `last`: nothing comes after this chunk; do not feed again. */
int html_feed(struct html *t, struct slice chunk, bool last);
/* For tests and fragments: where to begin, and the start tag that was seen last. */
void html_begin_in(
    struct html *t, enum html_state text_state, struct slice last_start_tag);

static inline struct slice
html_attr_name(const struct html_tag *tag, const struct html_attr *a)
{
	return slice_of(tag->raw + a->name_at, a->name_len);
}
static inline struct slice
html_attr_value(const struct html_tag *tag, const struct html_attr *a)
{
	return slice_of(tag->raw + a->value_at, a->value_len);
}
/* The key of a name in lower case, and its id. */
uint64_t html_name_key(struct slice lower, uint8_t *ret_id);
/* NULL: none. */
const struct html_attr *html_attr_get(const struct html_tag *tag, enum html_name_id id);

enum html_decode_flag {
	HTML_DECODE_ATTR = 1,     /* by the rules for references in attributes */
	HTML_DECODE_NO_REFS = 2,  /* only CR and NUL */
	HTML_DECODE_KEEP_NUL = 4, /* the data state leaves it */
};
/* Bytes that html_decode() can write at most. */
size_t html_decode_max(struct slice raw);
/* Decodes character references, makes CR and CRLF LF, NUL U+FFFD; returns the length. */
size_t html_decode(struct slice raw, unsigned flags, char *out);
/* A name in lower case, NUL as U+FFFD; `out` has room for 3 * raw.len. */
size_t html_name(struct slice raw, char *out);
#endif
