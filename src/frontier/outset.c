#include "frontier/outset.h"
#include <errno.h>
#include <stdlib.h>

#include "base/banned.h"

enum { CAP_MIN = 64 };

void
outset_release(struct outset *o)
{
	free(o->v);
	free(o->used);
	*o = (struct outset){0};
}

/* The authority hash is seeded and the key counts up: nobody outside chooses collisions.
 */
static uint32_t
home(const struct outset *o, uint64_t authority_hash, uint64_t key)
{
	uint64_t x = authority_hash ^ (key * 0x9e3779b97f4a7c15u);

	x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93u;
	return (uint32_t)(x ^ (x >> 32)) & (o->cap - 1);
}

static uint32_t
probe(const struct outset *o, uint64_t authority_hash, uint64_t key)
{
	uint32_t at = home(o, authority_hash, key);

	while (o->used[at] != 0 &&
	       !(o->v[at].key == key && o->v[at].authority_hash == authority_hash))
		at = (at + 1) & (o->cap - 1);
	return at;
}

static void
put(struct outset *o, uint64_t authority_hash, uint64_t key)
{
	uint32_t at = probe(o, authority_hash, key);

	if (o->used[at] != 0)
		return;
	o->used[at] = 1;
	o->v[at] = (struct outset_slot){.authority_hash = authority_hash, .key = key};
	o->len++;
}

int
outset_reserve(struct outset *o)
{
	struct outset bigger = {0};

	if (o->len < o->cap / 4 * 3)
		return 0;
	if (o->cap > UINT32_MAX / 4)
		return -ENOMEM;
	bigger.cap = o->cap == 0 ? CAP_MIN : o->cap * 2;
	bigger.v = malloc(bigger.cap * sizeof(*bigger.v));
	if (bigger.v == NULL)
		return -ENOMEM;
	bigger.used = calloc(bigger.cap, 1);
	if (bigger.used == NULL) {
		free(bigger.v);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < o->cap; i++)
		if (o->used[i] != 0)
			put(&bigger, o->v[i].authority_hash, o->v[i].key);
	outset_release(o);
	*o = bigger;
	return 0;
}

int
outset_add(struct outset *o, uint64_t authority_hash, uint64_t key)
{
	if (outset_reserve(o) < 0)
		return -ENOMEM;
	put(o, authority_hash, key);
	return 0;
}

bool
outset_has(const struct outset *o, uint64_t authority_hash, uint64_t key)
{
	return o->len > 0 && o->used[probe(o, authority_hash, key)] != 0;
}

void
outset_remove(struct outset *o, uint64_t authority_hash, uint64_t key)
{
	uint32_t mask = o->cap - 1, hole, at;

	if (o->len == 0)
		return;
	hole = probe(o, authority_hash, key);
	if (o->used[hole] == 0)
		return;
	/* Move back what was pushed past the hole. */
	for (at = (hole + 1) & mask; o->used[at] != 0; at = (at + 1) & mask) {
		uint32_t h = home(o, o->v[at].authority_hash, o->v[at].key);

		if (((at - h) & mask) >= ((at - hole) & mask)) {
			o->v[hole] = o->v[at];
			hole = at;
		}
	}
	o->used[hole] = 0;
	o->len--;
}
