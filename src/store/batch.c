#include "store/batch.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/banned.h"

/* One operation: this head, the key, the value. */
struct op_head {
	uint8_t table;
	uint8_t is_delete;
	uint16_t key_len;
	uint32_t value_len;
};

struct store_batch {
	struct buf ops;
	size_t count;
};

int
store_batch_new(size_t bytes_max, struct store_batch **ret)
{
	struct store_batch *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return -ENOMEM;
	buf_init(&b->ops, bytes_max);
	*ret = b;
	return 0;
}

void
store_batch_free(struct store_batch *b)
{
	if (b == NULL)
		return;
	buf_release(&b->ops);
	free(b);
}

static int
add(struct store_batch *b, enum store_table t, bool is_delete, struct slice key,
    struct slice value)
{
	struct op_head head = {
	    .table = (uint8_t)t,
	    .is_delete = is_delete,
	    .key_len = (uint16_t)key.len,
	    .value_len = (uint32_t)value.len,
	};
	int r;

	assert(t < STORE_TABLE_MAX);
	if (key.len == 0)
		return -EINVAL;
	if (key.len > STORE_KEY_MAX || value.len > STORE_VALUE_MAX)
		return -EMSGSIZE;
	r = buf_reserve(&b->ops, sizeof(head) + key.len + value.len);
	if (r < 0)
		return r;
	(void)buf_add(&b->ops, &head, sizeof(head));
	(void)buf_add_slice(&b->ops, key);
	(void)buf_add_slice(&b->ops, value);
	b->count++;
	return 0;
}

int
store_batch_put(
    struct store_batch *b, enum store_table t, struct slice key, struct slice value)
{
	return add(b, t, false, key, value);
}

int
store_batch_delete(struct store_batch *b, enum store_table t, struct slice key)
{
	return add(b, t, true, key, (struct slice){0});
}

size_t
store_batch_bytes(const struct store_batch *b)
{
	return b->ops.len;
}

bool
batch_next(const struct store_batch *b, size_t *at, struct batch_op *ret)
{
	struct op_head head;
	const char *p;

	if (*at == b->ops.len)
		return false;
	p = b->ops.ptr + *at;
	memcpy(&head, p, sizeof(head));
	p += sizeof(head);
	ret->table = (enum store_table)head.table;
	ret->is_delete = head.is_delete != 0;
	ret->key = slice_of(p, head.key_len);
	ret->value = slice_of(p + head.key_len, head.value_len);
	*at += sizeof(head) + head.key_len + head.value_len;
	assert(*at <= b->ops.len);
	return true;
}

size_t
batch_count(const struct store_batch *b)
{
	return b->count;
}

void
batch_clear(struct store_batch *b)
{
	buf_clear(&b->ops);
	b->count = 0;
}
