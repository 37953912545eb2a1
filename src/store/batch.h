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

/* The operation at offset *at, which moves to the next one; false at the end. */
bool batch_next(const struct store_batch *b, size_t *at, struct batch_op *ret);
size_t batch_count(const struct store_batch *b);
void batch_clear(struct store_batch *b);
#endif
