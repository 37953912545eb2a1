/*
 * store/tree.h -- ordered map from short keys to byte strings: a B+tree in memory.
 *
 * Keys are kept as five big-endian words, padded with zeros, the length in the last byte:
 * comparing the words compares the bytes, and of two keys one of which begins with the
 * other the shorter comes first.  A node holds its keys side by side, so that a search
 * touches few cache lines and no value.
 *
 * A slot may hold NULL: it exists, but has no value (yet, or any more).  Whoever applies
 * a batch needs that to take it back without allocating.
 *
 * Owns:    its nodes; tree_release() also frees the values.
 * Errors:  -ENOMEM; -ENOSPC when `slots_max` are in it.
 * Cost:    0.1 us (a thousand slots) to 0.8 us (a million, random keys) a search.
 */
#ifndef STORE_TREE_H
#define STORE_TREE_H
#include "store/store.h"

enum { TREE_KEY_WORDS = 5, TREE_DEPTH_MAX = 12 };

struct tree_key {
	uint64_t word[TREE_KEY_WORDS];
};

struct tree_value {
	uint32_t len;
	char bytes[];
};

struct tree_node;
struct tree {
	struct tree_node *root; /* NULL: empty */
	uint32_t depth;         /* levels; 1: the root is a leaf */
	uint64_t slots, slots_max;
};

/* A place in the tree; any change of the tree ends it. */
struct tree_iter {
	const struct tree_node *node[TREE_DEPTH_MAX]; /* [0]: leaf */
	uint32_t at[TREE_DEPTH_MAX];
	uint32_t depth;
};

/* `s` of at most STORE_KEY_MAX bytes. */
void tree_key_make(struct tree_key *k, struct slice s);
/* As bytes compare: less than 0, 0, greater than 0. */
static inline int
tree_key_compare(const struct tree_key *a, const struct tree_key *b)
{
	for (int i = 0; i < TREE_KEY_WORDS; i++)
		if (a->word[i] != b->word[i])
			return a->word[i] < b->word[i] ? -1 : 1;
	return 0;
}
/* Writes at most STORE_KEY_MAX bytes; returns how many. */
size_t tree_key_text(const struct tree_key *k, char ret[STORE_KEY_MAX]);

void tree_init(struct tree *t, uint64_t slots_max);
void tree_release(struct tree *t);
/* The slot of `k`, or NULL when there is none. */
struct tree_value **tree_find(const struct tree *t, const struct tree_key *k);
/* The same, made when there was none; nothing changed on failure. */
int tree_slot(struct tree *t, const struct tree_key *k, struct tree_value ***ret);
/* Takes the slot away; its value is the caller's to free.  Never allocates. */
void tree_remove(struct tree *t, const struct tree_key *k);
/* To the first slot with a key not less than `from`. */
void tree_seek(const struct tree *t, const struct tree_key *from, struct tree_iter *ret);
/* The slot there, and on to the next; false at the end. */
bool tree_next(
    struct tree_iter *it, const struct tree_key **ret_key, struct tree_value **ret_value);
/* Asserts order, separators, counts and depth. */
void tree_check(const struct tree *t);
#endif
