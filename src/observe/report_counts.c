#include "observe/report_int.h"

#include "base/banned.h"

enum { NAMES_MAX = 1000, NAME_BYTES_MAX = 200 };

void
counts_init(struct report_counts *c)
{
	*c = (struct report_counts){.len = 0};
	map_init(&c->map, NAMES_MAX);
}

void
counts_release(struct report_counts *c)
{
	map_release(&c->map);
}

/* The key of the map: the group's number before the name.  NULL: out of memory. */
static struct report_count *
make_count(struct report_counts *c, struct arena *a, struct slice key)
{
	struct report_count *n = arena_alloc(a, sizeof(*n));
	struct slice kept;

	if (n == NULL || !arena_copy(a, key, &kept) || map_put(&c->map, kept, n) < 0)
		return NULL;
	n->group = kept.ptr[0];
	n->name = slice_from(kept, 1);
	return n;
}

int
counts_add(struct report_counts *c, struct arena *a, int group, struct slice name,
    uint64_t bytes)
{
	char key[1 + NAME_BYTES_MAX];
	struct report_count *n;
	struct slice s;

	name = slice_head(name, NAME_BYTES_MAX);
	key[0] = (char)group;
	memcpy(key + 1, name.ptr == NULL ? "" : name.ptr, name.len);
	s = slice_of(key, 1 + name.len);
	n = map_get(&c->map, s);
	if (n == NULL)
		n = c->map.len == NAMES_MAX ? &c->others : make_count(c, a, s);
	if (n == NULL)
		return -ENOMEM;
	n->n++;
	n->bytes += bytes;
	return 0;
}

static int
by_number(const void *a, const void *b)
{
	const struct report_count *x = a, *y = b;
	int c = REPORT_COMPARE(y->n, x->n);
	size_t len = x->name.len < y->name.len ? x->name.len : y->name.len;

	if (c == 0 && len > 0)
		c = memcmp(x->name.ptr, y->name.ptr, len);
	if (c == 0)
		c = REPORT_COMPARE(x->name.len, y->name.len);
	return c == 0 ? REPORT_COMPARE(x->group, y->group) : c;
}

int
counts_sort(struct report_counts *c, struct arena *a)
{
	size_t at = 0;
	struct slice key;
	void *value;

	c->sorted = arena_alloc(a, (c->map.len + 1) * sizeof(*c->sorted));
	if (c->sorted == NULL)
		return -ENOMEM;
	while (map_at(&c->map, &at, &key, &value))
		c->sorted[c->len++] = *(struct report_count *)value;
	qsort(c->sorted, c->len, sizeof(*c->sorted), by_number);
	return 0;
}
