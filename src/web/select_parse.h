/*
 * web/select_parse.h -- what the two files of the compiler share: select_parse.c reads
 * compounds, select_compile.c what they make up.
 */
#ifndef WEB_SELECT_PARSE_H
#define WEB_SELECT_PARSE_H
#include "web/select_int.h"

/* The blob while it grows. */
struct made {
	struct sel_field fields[SELECT_FIELDS_MAX];
	struct sel_output outputs[SELECT_OUTPUTS_MAX];
	struct sel_step steps[SELECT_STEPS_MAX], subs[SELECT_SUBS_MAX];
	struct sel_cond conds[SELECT_CONDS_MAX];
	struct sel_head n;                       /* how many there are of each */
	struct sel_text types[SELECT_TYPES_MAX]; /* before :nth-of-type() */
	uint32_t types_len;
	struct buf texts;
};

struct parser {
	struct made *made;
	struct slice spec;
	size_t at;
	struct why *why;
};

/* -EINVAL with the sentence, which begins with the column of `at`. */
__attribute__((format(printf, 3, 4))) int select_fail(
    struct parser *p, size_t at, const char *fmt, ...);
int select_fail_full(struct parser *p);
/* What stands at `at`, for a sentence. */
enum { FOUND_MAX = 40 };
struct found {
	char text[FOUND_MAX + 16];
};
struct found select_found_at(const struct parser *p, size_t at);

/* The byte, or -1 at the end. */
static inline int
peek_after(const struct parser *p, size_t n)
{
	return p->spec.len - p->at > n ? (unsigned char)p->spec.ptr[p->at + n] : -1;
}
static inline int
peek(const struct parser *p)
{
	return peek_after(p, 0);
}
static inline struct slice
text_of(const struct made *m, struct sel_text t)
{
	return slice_of(m->texts.ptr + t.at, t.len);
}

/* White space and comments; true: there was white space. */
bool select_skip_space(struct parser *p);
/* Does a name begin here? */
bool select_at_name(const struct parser *p);
int select_take_name(struct parser *p, bool lower, struct sel_text *ret);
/* Up to a combinator, a comma, a pseudo-element, or what does not belong there. */
int select_take_compound(struct parser *p, struct sel_step *ret);
#endif
