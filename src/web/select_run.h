/*
 * web/select_run.h -- a page against the selectors: what the files of a run share; nobody
 * else includes it.
 *
 *   select_run.c     elements open and close: levels, and what is taken of an element
 *   select_match.c   which steps an element matches
 *   select_values.c  texts, and the values that are pieces of them
 *
 * An open element has four sets: the steps that it matches, those that it or an ancestor
 * matches, those that its last child and any of its children matched.  The steps that a
 * child may match follow from them by a shift, for steps of a selector are neighbours.
 */
#ifndef WEB_SELECT_RUN_H
#define WEB_SELECT_RUN_H
#include "web/html_open.h"
#include "web/select_int.h"

enum {
	LEVELS_OF_BLOCK = 64,
	LEVEL_BLOCKS = (HTML_OPEN_MAX + LEVELS_OF_BLOCK) / LEVELS_OF_BLOCK,
};

/* An open element; level 0 is the document. */
struct level {
	uint64_t own; /* outputs: text nodes right in it are taken */
	uint32_t children;
	bool has_attrs; /* had some in a tag */
	struct bits match, above, last_child, any_child;
	uint32_t counts[SELECT_TYPES_MAX]; /* of children, by name */
};

/* Text that values are pieces of. */
struct stream {
	char *text;
	size_t len, cap;
	bool has_space; /* one is due before the next byte */
};

struct slot {
	uint8_t field;
	bool is_piece, is_code; /* of the stream of that kind; else `text` */
	uint32_t at, end;
	struct slice text;
};

/* An element whose text is taken. */
struct capture {
	uint32_t slot, level;
};

/* A text node that is taken. */
struct node {
	bool is_open, is_code;
	uint32_t slot, slots; /* the first of them, and how many */
};

struct select_run {
	const struct select *s;
	struct arena *arena;
	select_attr_fn *attr;
	void *ctx;
	struct html_open open;
	struct level *levels[LEVEL_BLOCKS];
	struct bits live; /* steps of fields that take more */
	uint64_t live_outputs;
	uint32_t counts[SELECT_FIELDS_MAX]; /* of values */
	struct slot *slots;
	uint32_t slots_len, slots_cap;
	struct capture *captures;
	uint32_t captures_len, captures_cap;
	struct node node;
	struct stream text, code;
	/* Of the tag at hand: values that were looked at, in this turn. */
	uint32_t turn;
	uint32_t turns[HTML_ATTRS_MAX];
	struct slice values[HTML_ATTRS_MAX];
};

static inline struct level *
level_of(const struct select_run *r, uint32_t at)
{
	return &r->levels[at / LEVELS_OF_BLOCK][at % LEVELS_OF_BLOCK];
}

/* The element at hand. */
struct subject {
	uint32_t at;
	const struct html_element *e;
	const struct html_tag *tag; /* NULL: nobody wrote one */
	const struct level *parent; /* it is counted there */
};

static inline bool
select_has_type(const struct sel_name *type, const struct html_element *e)
{
	return type->text.len == 0 || (type->key == e->key && type->hash == e->hash);
}

/* The steps that an element matches. */
int select_match(struct select_run *r, const struct subject *x, struct bits *ret);
/* NULL: there is none. */
const struct html_attr *select_attr_find(
    const struct html_tag *tag, const struct sel_name *name);
int select_attr_value(struct select_run *r, const struct html_tag *tag,
    const struct html_attr *a, struct slice *ret);

/* A further value of a field that takes more. */
int select_slot_add(struct select_run *r, uint32_t field, struct slot **ret);
/* The text of the element at `at`, from here to its end. */
int select_capture_add(struct select_run *r, uint32_t field, uint32_t at);
void select_captures_end(struct select_run *r, uint32_t at);
/* Text that follows is of another node. */
void select_node_end(struct select_run *r);
#endif
