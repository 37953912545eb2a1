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
	uint64_t rank; /* eight bytes of the key, or the table and its first ones */
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

enum { TABLE_BITS = 3 };
_Static_assert(STORE_TABLE_MAX <= 1 << TABLE_BITS, "a table has three bits");

/* Eight bytes of it as a number that sorts as they do; behind its end they are zero. */
static uint64_t
key_bytes(struct slice key, size_t offset)
{
	uint64_t bytes = 0;

	if (offset < key.len)
		memcpy(&bytes, key.ptr + offset,
		    key.len - offset < sizeof(bytes) ? key.len - offset : sizeof(bytes));
	return be64toh(bytes);
}

/* By one byte of the rank; false: all have the same, and nothing was moved. */
static bool
sort_by_byte(struct ref *to, const struct ref *from, size_t len, unsigned shift)
{
	size_t starts[256] = {0}, sum = 0;

	for (size_t i = 0; i < len; i++)
		starts[from[i].rank >> shift & 255]++;
	if (starts[from[0].rank >> shift & 255] == len)
		return false;
	for (int i = 0; i < 256; i++) {
		size_t n = starts[i];

		starts[i] = sum;
		sum += n;
	}
	for (size_t i = 0; i < len; i++)
		to[starts[from[i].rank >> shift & 255]++] = from[i];
	return true;
}

/* One byte of the rank after the other, the least first; ends in `v`. */
static void
sort_by_rank(struct ref *v, struct ref *spare, size_t len)
{
	struct ref *from = v, *to = spare;

	for (unsigned shift = 0; shift < 64; shift += 8) {
		struct ref *other = from;

		if (!sort_by_byte(to, from, len, shift))
			continue;
		from = to;
		to = other;
	}
	if (from != v)
		memcpy(v, from, len * sizeof(*v));
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

/* What is sorted so far, of which nothing but the last of each key stays. */
struct sorting {
	struct store_batch *batch;
	struct ref *v, *spare;
	size_t kept;
};

/* A few, or such as have whole keys in common, from number `i` to `end`: mostly what was put
 * again and again, and is in its order. */
static void
sort_few(struct sorting *s, size_t i, size_t end)
{
	size_t sorted = i + 1;

	while (sorted < end && by_key(&s->v[sorted - 1], &s->v[sorted], s->batch) < 0)
		sorted++;
	if (sorted < end)
		qsort_r(s->v + i, end - i, sizeof(*s->v), by_key, s->batch);
	for (; i < end; i++)
		if (i + 1 == end || !is_same_key(s->batch, s->v[i].at, s->v[i + 1].at))
			s->v[s->kept++] = s->v[i];
}

/*
 * Keys of one host have their first nine bytes in common, so where ranks are equal the
 * next bytes make new ones, down to where whole keys decide.  The ranks that are there
 * are of the bytes before `offset`.
 */
static void
sort_from(struct sorting *s, size_t i, size_t end, size_t offset)
{
	enum { FEW = 24 };

	sort_by_rank(s->v + i, s->spare, end - i);
	for (size_t to; i < end; i = to) {
		for (to = i + 1; to < end && s->v[to].rank == s->v[i].rank; to++)
			;
		if (to - i <= FEW || offset >= STORE_KEY_MAX) {
			sort_few(s, i, to);
			continue;
		}
		for (size_t k = i; k < to; k++) {
			size_t at = s->v[k].at;

			s->v[k].rank = key_bytes(op_at(s->batch, &at).key, offset);
		}
		sort_from(s, i, to, offset + sizeof(uint64_t));
	}
}

int
batch_sort(struct store_batch *b)
{
	size_t len = b->count, at = 0;
	struct sorting s = {.batch = b};

	if (b->sorted != NULL)
		return 0;
	/* Twice: the second half is where sorting moves things to. */
	s.v = calloc(2 * len + 1, sizeof(*s.v));
	if (s.v == NULL)
		return -ENOMEM;
	s.spare = s.v + len;
	for (size_t i = 0; i < len; i++) {
		struct batch_op op;

		s.v[i].at = at;
		op = op_at(b, &at);
		s.v[i].rank = (uint64_t)op.table << (64 - TABLE_BITS) |
			      key_bytes(op.key, 0) >> TABLE_BITS;
	}
	if (len > 0) /* the last byte is not whole in the first rank */
		sort_from(&s, 0, len, sizeof(uint64_t) - 1);
	b->sorted_len = s.kept;
	b->sorted = s.v;
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
