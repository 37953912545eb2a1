/*
 * web/html_int.h -- what the files of the tokenizer share; nobody else includes it.
 *
 * A step takes bytes from `p` on, at most up to `end`, and returns where it stopped; it
 * either takes bytes or changes the state.  Text waits in [run, token) until it is known
 * that what begins at `token` is none.
 */
#ifndef WEB_HTML_INT_H
#define WEB_HTML_INT_H
#include "web/html.h"
#include "web/html_names.h"

#define X(id, what, step)                                                                \
	const char *step(struct html *t, const char *p, const char *end);
HTML_STATES(X)
#undef X

/* Offset of `p` in the token. */
static inline uint32_t
token_offset(const struct html *t, const char *p)
{
	return (uint32_t)(t->held.len + (size_t)(p - t->token));
}

/* The token's bytes up to `p` in one piece; NULL with t->err set when memory is out. */
const char *token_bytes(struct html *t, const char *p);
/* It was none: its bytes so far are text. */
void token_abandon(struct html *t);
/* It ends before `p`; text goes on there. */
void token_done(struct html *t, const char *p);
/* It is one: emits the text before it. */
void text_end(struct html *t);
/* To the sink, decoded unless it is to be raw. */
void text_emit(struct html *t, const char *ptr, size_t len);

/* The key of a name of `len` bytes, of which `key` has the last 8. */
uint64_t name_key(uint64_t key, uint32_t len);

void comment_emit(struct html *t, const char *p);
void doctype_emit(struct html *t, const char *p, bool at_eof);

/* By id; made into a table by build-aux/gen-html-names.py. */
extern const uint64_t html_name_keys[HTML_N_MAX];
extern const char *const html_name_texts[HTML_N_MAX]; /* of those longer than 8 */
extern const uint8_t html_name_places[HTML_NAMES_PLACES];
bool html_name_is(enum html_name_id id, const char *name, uint32_t len);
/* HTML_N_OTHER: a name that means nothing here. */
static inline uint8_t
html_name_id(uint64_t key, const char *name, uint32_t len)
{
	uint8_t id = html_name_places[key * HTML_NAMES_MULTIPLIER >> HTML_NAMES_SHIFT];

	if (html_name_keys[id] != key || (len > 8 && !html_name_is(id, name, len)))
		return HTML_N_OTHER;
	return id;
}
/* A tag is whole: to the sink, and the state that follows. */
void tag_deliver(struct html *t);
/* At '<' in the data state: takes a usual tag whole and returns where text goes on; NULL,
 * nothing done: the states have to see to it. */
const char *tag_whole(struct html *t, const char *lt, const char *end);
/* In the data state, when neither text nor all tags are wanted: passes over tags that
 * nobody wants; returns where text, or a tag that has to be looked at, begins. */
const char *tags_pass(struct html *t, const char *p, const char *end);
/* Like memchr() for '<', which is near. */
const char *lt_find(const char *p, const char *end);

/* Before the sink sees a tag: which namespace it is in; moves the stack. */
void model_tag(struct html *t);
/* After a tag: the text state that follows. */
enum html_state model_state(const struct html *t);
bool model_allows_cdata(const struct html *t);

/* References: open one at '&'; feed what follows until it says no; then end it. */
void ref_open(struct html_ref *r);
/* DONE: `c` is not part of it; DONE_TOOK: it was its last byte, a ';'. */
enum ref_result { REF_MORE, REF_DONE, REF_DONE_TOOK };
enum ref_result ref_feed(struct html_ref *r, char c);
/* `next`: the byte that follows, -1 at the end.  Writes at most REF_OUT_MAX bytes. */
enum { REF_OUT_MAX = 48 };
size_t ref_close(struct html_ref *r, bool in_attr, int next, char *out);

static inline bool
html_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}
#endif
