#include "store/backend.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "store/batch.h"
#include "store/tree.h"

#include "base/banned.h"

/*
 * One tree a table.  A batch is applied by setting slots, with the values that were there
 * noted down; when memory is out half way they are put back, which needs none.  Only
 * after that are slots without a value taken out of the trees.
 */
enum { SLOTS_MAX = 1u << 30 };

struct memory {
	struct store store;
	struct tree table[STORE_TABLE_MAX];
};

/* What operation number i of a batch replaced. */
struct undo {
	size_t at; /* of the operation in the batch */
	struct tree_value *was;
};

static struct memory *
memory_of(struct store *s)
{
	return (struct memory *)(void *)s;
}

static int
memory_open(const struct store_conf *conf, struct store **ret, struct why *why)
{
	struct memory *m = calloc(1, sizeof(*m));

	(void)conf;
	if (m == NULL)
		return why_set(why, -ENOMEM, "no memory for the store");
	m->store.backend = &store_memory;
	for (int t = 0; t < STORE_TABLE_MAX; t++)
		tree_init(&m->table[t], SLOTS_MAX);
	*ret = &m->store;
	return 0;
}

static void
memory_close(struct store *s)
{
	struct memory *m = memory_of(s);

	for (int t = 0; t < STORE_TABLE_MAX; t++)
		tree_release(&m->table[t]);
	free(m);
}

static int
memory_get(struct store *s, enum store_table t, struct slice key, struct buf *value)
{
	struct tree_value **slot;
	struct tree_key k;
	size_t was = value->len;
	int r;

	tree_key_make(&k, key);
	slot = tree_find(&memory_of(s)->table[t], &k);
	if (slot == NULL)
		return -ENOENT;
	buf_clear(value);
	r = buf_add(value, (*slot)->bytes, (*slot)->len);
	if (r < 0)
		value->len = was;
	return r;
}

static int
memory_scan(struct store *s, enum store_table t, struct slice prefix, struct slice after,
    uint32_t max, store_scan_fn *fn, void *ctx)
{
	const struct tree *tree = &memory_of(s)->table[t];
	const struct tree_key *k;
	struct tree_value *value;
	struct tree_key low, past;
	struct tree_iter it;
	char text[STORE_KEY_MAX];

	tree_key_make(&low, prefix);
	tree_key_make(&past, after);
	if (tree_key_compare(&low, &past) < 0)
		low = past;
	tree_seek(tree, &low, &it);
	for (uint32_t n = 0; n < max && tree_next(&it, &k, &value);) {
		struct slice key = slice_of(text, tree_key_text(k, text));

		if (!slice_starts(key, prefix))
			break;
		if (tree_key_compare(k, &past) == 0)
			continue;
		if (!fn(ctx, key, slice_of(value->bytes, value->len)))
			break;
		n++;
	}
	return 0;
}

static struct tree_value *
value_new(struct slice s)
{
	struct tree_value *v = malloc(sizeof(*v) + s.len);

	if (v == NULL)
		return NULL;
	v->len = (uint32_t)s.len;
	if (s.len > 0)
		memcpy(v->bytes, s.ptr, s.len);
	return v;
}

/* Afterwards the slot of the operation's key, if any, holds what it should. */
static int
op_apply(struct memory *m, const struct batch_op *op, struct tree_value **ret_was)
{
	struct tree *tree = &m->table[op->table];
	struct tree_value **slot, *value;
	struct tree_key k;
	int r;

	tree_key_make(&k, op->key);
	if (op->is_delete) {
		slot = tree_find(tree, &k);
		*ret_was = slot == NULL ? NULL : *slot;
		if (slot != NULL)
			*slot = NULL;
		return 0;
	}
	value = value_new(op->value);
	if (value == NULL)
		return -ENOMEM;
	r = tree_slot(tree, &k, &slot);
	if (r < 0) {
		free(value);
		return r;
	}
	*ret_was = *slot;
	*slot = value;
	return 0;
}

static void
op_undo(struct memory *m, const struct store_batch *b, const struct undo *u)
{
	struct tree_value **slot;
	struct batch_op op;
	struct tree_key k;
	size_t at = u->at;

	if (!batch_next(b, &at, &op))
		return;
	tree_key_make(&k, op.key);
	slot = tree_find(&m->table[op.table], &k);
	if (slot == NULL)
		return; /* the delete of a key that was not there */
	if (!op.is_delete)
		free(*slot);
	*slot = u->was;
}

/* Takes out the slots that the first `n` operations of the batch left without a value. */
static void
sweep(struct memory *m, const struct store_batch *b, size_t n)
{
	struct tree_value **slot;
	struct batch_op op;
	struct tree_key k;
	size_t at = 0;

	while (n-- > 0 && batch_next(b, &at, &op)) {
		struct tree *tree = &m->table[op.table];

		tree_key_make(&k, op.key);
		slot = tree_find(tree, &k);
		if (slot != NULL && *slot == NULL)
			tree_remove(tree, &k);
	}
}

static int
memory_apply(struct store *s, const struct store_batch *b, bool sync, struct why *why)
{
	struct memory *m = memory_of(s);
	size_t count = batch_count(b), n, at = 0;
	struct undo *undo;
	struct batch_op op;
	int r = 0;

	(void)sync;
	if (count == 0)
		return 0;
	undo = calloc(count, sizeof(*undo));
	if (undo == NULL)
		return why_set(why, -ENOMEM, "no memory to apply %zu changes", count);
	for (n = 0; n < count; n++) {
		undo[n].at = at;
		if (!batch_next(b, &at, &op))
			break;
		r = op_apply(m, &op, &undo[n].was);
		if (r < 0)
			break;
	}
	if (r < 0) {
		for (size_t i = n; i-- > 0;)
			op_undo(m, b, &undo[i]);
		(void)why_set(why, r, "no memory to apply %zu changes", count);
	} else {
		for (size_t i = 0; i < n; i++)
			free(undo[i].was);
	}
	sweep(m, b, n);
	free(undo);
	return r;
}

const struct store_backend store_memory = {
    .name = "memory",
    .open = memory_open,
    .close = memory_close,
    .get = memory_get,
    .scan = memory_scan,
    .apply = memory_apply,
};
