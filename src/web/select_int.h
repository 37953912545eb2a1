/*
 * web/select_int.h -- the blob that select_compile.c writes and select.c reads.
 *
 *   blob = head, fields, outputs, steps, subs, conds, texts
 *
 * A step is a compound selector; its bit in a set means "an element matches the selector up
 * to here".  Steps of a selector follow each other; the last one has the output.  Subs are
 * the compounds within :not() and :is().  Offsets of texts are from the first text.
 */
#ifndef WEB_SELECT_INT_H
#define WEB_SELECT_INT_H
#include "web/select.h"

enum {
	SELECT_MAGIC = 0x31465254, /* "TRF1" */
	SELECT_SUBS_MAX = 256,
	SELECT_CONDS_MAX = 2048,
	SELECT_TEXTS_MAX = 1 << 17, /* bytes */
	SELECT_NO_OUTPUT = 255,
	SELECT_BITS_WORDS = SELECT_STEPS_MAX / 64,
};

struct sel_text {
	uint32_t at, len;
};

struct sel_head {
	uint32_t magic, bytes;
	uint16_t fields, outputs, steps, subs, conds, zero;
	uint32_t texts; /* bytes */
};

struct sel_field {
	struct sel_text name;
	uint8_t is_list, zero[3];
};

enum sel_kind { SEL_ELEMENT, SEL_TEXT, SEL_ATTR };
struct sel_output {
	struct sel_text attr; /* SEL_ATTR: lower case */
	uint8_t field, kind;
	uint16_t zero;
};

enum sel_comb { SEL_FIRST, SEL_DESCENDANT, SEL_CHILD, SEL_ADJACENT, SEL_SIBLING };
struct sel_step {
	struct sel_text type; /* lower case; empty: any */
	uint16_t conds_at, conds_len;
	uint8_t comb, output;
	uint16_t zero;
};

enum sel_what {
	SEL_COND_ATTR,  /* the attribute `name` and `value`, by `op` */
	SEL_COND_CLASS, /* has the class `value` */
	SEL_COND_ID,
	SEL_COND_NTH,         /* a * n + b among its siblings */
	SEL_COND_NTH_OF_TYPE, /* among those named `name` */
	SEL_COND_ROOT,
	SEL_COND_IS, /* one of the subs */
	SEL_COND_NOT,
	SEL_COND_MAX
};
enum sel_op {
	SEL_OP_EXISTS,
	SEL_OP_EQUALS,
	SEL_OP_WORD,
	SEL_OP_DASH,
	SEL_OP_PREFIX,
	SEL_OP_SUFFIX,
	SEL_OP_SUBSTRING,
	SEL_OP_MAX
};
struct sel_cond {
	struct sel_text name, value;
	int32_t a, b;
	uint16_t subs_at, subs_len;
	uint8_t what, op, ignores_case, zero;
};

/* -- Read, and made ready ---------------------------------------------------------- */

/* A set of steps. */
struct bits {
	uint64_t w[SELECT_BITS_WORDS];
};

/* A name, as html.h has it. */
struct sel_name {
	struct slice text; /* empty: any */
	uint64_t key;
	uint32_t hash;
	uint8_t id;
};

enum { SELECT_BUCKETS = 64 };

struct select {
	char *blob;
	struct sel_head n;
	const struct sel_field *fields;
	const struct sel_output *outputs;
	const struct sel_step *steps; /* and behind them the subs */
	const struct sel_cond *conds;
	const char *texts;
	struct sel_name *types;      /* of steps and subs */
	struct sel_name *cond_names; /* of conditions, where they have one */
	struct sel_name attrs[SELECT_OUTPUTS_MAX];
	struct sel_name counted[SELECT_TYPES_MAX]; /* by :nth-of-type() */
	uint8_t *counters;                         /* of conditions: index into it */
	uint32_t counted_len;
	uint32_t words; /* of `struct bits` that are in use */
	bool has_siblings;
	struct bits combs[SEL_SIBLING + 1];
	struct bits finals;                             /* with an output */
	struct bits needs_attrs, needs_class, needs_id; /* or cannot match */
	struct bits by_type[SELECT_BUCKETS];            /* may match such a name */
	struct bits by_class[SELECT_BUCKETS];           /* may need such a class */
	struct bits of_output[SELECT_OUTPUTS_MAX];      /* of its selectors */
	uint64_t of_field[SELECT_FIELDS_MAX];           /* outputs */
};

static inline uint32_t
select_bucket(uint64_t hash)
{
	return (uint32_t)(hash * UINT64_C(0x9E3779B97F4A7C15) >> 58);
}
/* For by_class. */
static inline uint32_t
select_class_hash(struct slice word)
{
	uint32_t h = 2166136261; /* FNV-1a */

	for (size_t i = 0; i < word.len; i++)
		h = (h ^ (unsigned char)word.ptr[i]) * 16777619;
	return h;
}
static inline struct slice
select_text_of(const struct select *s, struct sel_text t)
{
	return slice_of(s->texts + t.at, t.len);
}
/* Of a field. */
bool select_name_is_good(struct slice name);
#endif
