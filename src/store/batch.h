/*
 * store/batch.h -- reading a batch's log of operations; private to store/.
 */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H
#include "store/store.h"

struct batch_op {
	enum store_table table;
	bool is_delete;
	struct slice key, value; /* borrowed from the batch */
};

/* The operation at *at, which is 0 for the first and moves to the next one; false at the
 * end. */
bool batch_next(const struct store_batch *b, size_t *at, struct batch_op *ret);
/*
 * From now on, until something is added, operations come by table and key, and of those on
 * one key the last only: applied as a whole, it is the same batch, but neighbours are
 * written one after the other, which costs a store less.  -ENOMEM.
 */
int batch_sort(struct store_batch *b);
size_t batch_count(const struct store_batch *b);
void batch_clear(struct store_batch *b);
#endif
