#include "store/batch.h"
#include <assert.h>
#include <endian.h>
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

struct ref {
	uint64_t rank; /* table and the first bytes of the key */
	size_t at;
};

struct store_batch {
	struct buf ops;
	size_t count;
	struct ref *sorted; /* NULL: not sorted */
	size_t sorted_len;
};

static void forget_order(struct store_batch *b);

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
	forget_order(b);
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
	forget_order(b);
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

/* The operation at an offset, which moves to the next one. */
static struct batch_op
op_at(const struct store_batch *b, size_t *offset)
{
	const char *p = b->ops.ptr + *offset;
	struct op_head head;

	memcpy(&head, p, sizeof(head));
	p += sizeof(head);
	*offset += sizeof(head) + head.key_len + head.value_len;
	assert(*offset <= b->ops.len);
	return (struct batch_op){
	    .table = (enum store_table)head.table,
	    .is_delete = head.is_delete != 0,
	    .key = slice_of(p, head.key_len),
	    .value = slice_of(p + head.key_len, head.value_len),
	};
}

/* ---- in the order of keys ---- */

static uint64_t
rank_of(const struct batch_op *op)
{
	enum { TABLE_BITS = 3 };
	uint64_t head = 0;

	_Static_assert(STORE_TABLE_MAX <= 1 << TABLE_BITS, "a table has three bits");
	memcpy(
	    &head, op->key.ptr, op->key.len < sizeof(head) ? op->key.len : sizeof(head));
	return (uint64_t)op->table << (64 - TABLE_BITS) | be64toh(head) >> TABLE_BITS;
}

/* One byte of the rank after the other, the least first; ends in `v`. */
static void
sort_by_rank(struct ref *v, struct ref *spare, size_t len)
{
	for (unsigned shift = 0; shift < 64; shift += 16) {
		struct ref *from = v, *to = spare;

		for (unsigned byte = shift; byte < shift + 16; byte += 8) {
			size_t starts[256] = {0}, sum = 0;
			struct ref *other = from;

			for (size_t i = 0; i < len; i++)
				starts[from[i].rank >> byte & 255]++;
			for (int i = 0; i < 256; i++) {
				size_t n = starts[i];

				starts[i] = sum;
				sum += n;
			}
			for (size_t i = 0; i < len; i++)
				to[starts[from[i].rank >> byte & 255]++] = from[i];
			from = to;
			to = other;
		}
	}
}

static int
by_key(const void *a, const void *b, void *batch)
{
	size_t at_a = ((const struct ref *)a)->at;
	size_t at_b = ((const struct ref *)b)->at;
	struct batch_op x = op_at(batch, &(size_t){at_a});
	struct batch_op y = op_at(batch, &(size_t){at_b});
	size_t common;
	int c;

	common = x.key.len < y.key.len ? x.key.len : y.key.len;
	c = memcmp(x.key.ptr, y.key.ptr, common);
	if (c == 0)
		c = (x.key.len > y.key.len) - (x.key.len < y.key.len);
	return c != 0 ? c : (at_a > at_b) - (at_a < at_b);
}

static bool
is_same_key(const struct store_batch *b, size_t at_x, size_t at_y)
{
	struct batch_op x = op_at(b, &at_x), y = op_at(b, &at_y);

	return x.table == y.table && slice_eq(x.key, y.key);
}

/* Where ranks are equal, whole keys decide; then the last of each key stays. */
static size_t
sort_by_key(const struct store_batch *b, struct ref *v, size_t len)
{
	size_t kept = 0;

	for (size_t i = 0, n; i < len; i += n) {
		for (n = 1; i + n < len && v[i + n].rank == v[i].rank; n++)
			;
		if (n > 1)
			qsort_r(v + i, n, sizeof(*v), by_key, (void *)(uintptr_t)b);
		for (size_t j = i; j < i + n; j++) {
			if (j + 1 < i + n && is_same_key(b, v[j].at, v[j + 1].at))
				continue;
			v[kept++] = v[j];
		}
	}
	return kept;
}

int
batch_sort(struct store_batch *b)
{
	size_t len = b->count, at = 0;
	struct batch_op op;
	struct ref *v;

	if (b->sorted != NULL)
		return 0;
	/* Twice: the second half is where sorting moves things to. */
	v = calloc(2 * len + 1, sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++) {
		v[i].at = at;
		op = op_at(b, &at);
		v[i].rank = rank_of(&op);
	}
	sort_by_rank(v, v + len, len);
	b->sorted_len = sort_by_key(b, v, len);
	b->sorted = v;
	return 0;
}

static void
forget_order(struct store_batch *b)
{
	free(b->sorted);
	b->sorted = NULL;
}

bool
batch_next(const struct store_batch *b, size_t *at, struct batch_op *ret)
{
	size_t offset = *at;

	if (b->sorted == NULL) {
		if (*at == b->ops.len)
			return false;
		*ret = op_at(b, at);
		return true;
	}
	if (*at == b->sorted_len)
		return false;
	offset = b->sorted[(*at)++].at;
	*ret = op_at(b, &offset);
	return true;
}

size_t
batch_count(const struct store_batch *b)
{
	return b->sorted != NULL ? b->sorted_len : b->count;
}

void
batch_clear(struct store_batch *b)
{
	forget_order(b);
	buf_clear(&b->ops);
	b->count = 0;
}
