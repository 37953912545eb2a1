#include "frontier/hostcount.h"
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#include "base/banned.h"

enum {
	USED = 1,
	CHANGED = 2,
	GONE_SHIFT = 2,
	GONE_MAX = UINT16_MAX,
	COUNT_SHIFT = 18,
	CAP_MIN = 64
};

void
hostcount_init(struct hostcount *h)
{
	*h = (struct hostcount){0};
}

void
hostcount_release(struct hostcount *h)
{
	free(h->v);
	free(h->changed);
	hostcount_init(h);
}

static uint64_t
count_of(const struct hostcount_slot *s)
{
	return s->bits >> COUNT_SHIFT;
}

static uint64_t
gone_of(const struct hostcount_slot *s)
{
	return s->bits >> GONE_SHIFT & GONE_MAX;
}

/* Where it is, or would be.  The hashes are good ones: their low bits are the place. */
static struct hostcount_slot *
slot_of(const struct hostcount *h, uint64_t authority_hash)
{
	size_t at = (size_t)authority_hash & (h->cap - 1);

	while ((h->v[at].bits & USED) != 0 && h->v[at].authority_hash != authority_hash)
		at = (at + 1) & (h->cap - 1);
	return &h->v[at];
}

static bool
is_live(const struct hostcount_slot *s)
{
	return (s->bits & CHANGED) != 0 || count_of(s) > 0;
}

/* Room for one more; leaves out what has nothing waiting. */
static int
make_room(struct hostcount *h)
{
	struct hostcount old = *h;
	size_t live = 0;

	if (h->cap > 0 && h->len + 1 <= h->cap / 4 * 3)
		return 0;
	for (size_t i = 0; i < old.cap; i++)
		live += is_live(&old.v[i]);
	h->cap = CAP_MIN;
	while (h->cap / 8 * 3 < live + 1)
		h->cap *= 2;
	h->v = calloc(h->cap, sizeof(*h->v));
	if (h->v == NULL) {
		*h = old;
		return -ENOMEM;
	}
	h->len = live;
	for (size_t i = 0; i < old.cap; i++)
		if (is_live(&old.v[i]))
			*slot_of(h, old.v[i].authority_hash) = old.v[i];
	free(old.v);
	return 0;
}

/* Made when it is not there. */
static int
slot_get(struct hostcount *h, uint64_t authority_hash, struct hostcount_slot **ret)
{
	struct hostcount_slot *s;
	int r = make_room(h);

	if (r < 0)
		return r;
	s = slot_of(h, authority_hash);
	if ((s->bits & USED) == 0) {
		*s = (struct hostcount_slot){authority_hash, UINT64_MAX, USED};
		h->len++;
	}
	*ret = s;
	return 0;
}

int
hostcount_set(struct hostcount *h, uint64_t authority_hash, uint64_t n, uint64_t low)
{
	struct hostcount_slot *s;
	int r = slot_get(h, authority_hash, &s);

	if (r < 0)
		return r;
	s->bits = n << COUNT_SHIFT | (s->bits & CHANGED) | USED;
	s->low = low;
	return 0;
}

static int
remember(struct hostcount *h, struct hostcount_slot *s)
{
	if ((s->bits & CHANGED) != 0)
		return 0;
	if (h->changed_len == h->changed_cap) {
		size_t cap = h->changed_cap == 0 ? CAP_MIN : h->changed_cap * 2;
		uint64_t *v = realloc(h->changed, cap * sizeof(*v));

		if (v == NULL)
			return -ENOMEM;
		h->changed = v;
		h->changed_cap = cap;
	}
	h->changed[h->changed_len++] = s->authority_hash;
	s->bits |= CHANGED;
	return 0;
}

static void
gone_add(struct hostcount_slot *s, uint64_t n)
{
	uint64_t room = GONE_MAX - gone_of(s);

	s->bits += (n < room ? n : room) << GONE_SHIFT;
}

static void
gone_clear(struct hostcount_slot *s)
{
	s->bits &= ~((uint64_t)GONE_MAX << GONE_SHIFT);
}

int
hostcount_add(struct hostcount *h, uint64_t authority_hash, int n)
{
	struct hostcount_slot *s;
	int r = slot_get(h, authority_hash, &s);

	if (r == 0)
		r = remember(h, s);
	if (r < 0)
		return r;
	assert(n >= 0 || count_of(s) >= (uint64_t)-n);
	s->bits += (uint64_t)(int64_t)n << COUNT_SHIFT;
	if (n < 0)
		gone_add(s, (uint64_t)-n);
	return 0;
}

uint64_t
hostcount_get(const struct hostcount *h, uint64_t authority_hash)
{
	return h->cap == 0 ? 0 : count_of(slot_of(h, authority_hash));
}

int
hostcount_lower(struct hostcount *h, uint64_t authority_hash, uint64_t order_key)
{
	struct hostcount_slot *s;
	int r = slot_get(h, authority_hash, &s);

	if (r < 0 || order_key >= s->low)
		return r;
	r = remember(h, s);
	if (r < 0)
		return r;
	s->low = order_key;
	gone_clear(s);
	return 0;
}

void
hostcount_raise(struct hostcount *h, uint64_t authority_hash, uint64_t order_key)
{
	struct hostcount_slot *s = h->cap == 0 ? NULL : slot_of(h, authority_hash);

	if (s == NULL || (s->bits & USED) == 0)
		return;
	gone_clear(s);
	if (order_key > s->low)
		s->low = order_key;
}

uint64_t
hostcount_low(const struct hostcount *h, uint64_t authority_hash)
{
	return h->cap == 0 ? 0 : slot_of(h, authority_hash)->low; /* calloc()ed */
}

uint32_t
hostcount_gone(const struct hostcount *h, uint64_t authority_hash)
{
	return h->cap == 0 ? 0 : (uint32_t)gone_of(slot_of(h, authority_hash));
}

bool
hostcount_at(
    const struct hostcount *h, size_t *i, uint64_t *ret_authority_hash, uint64_t *ret_n)
{
	while (*i < h->cap && (h->v[*i].bits & USED) == 0)
		++*i;
	if (*i >= h->cap)
		return false;
	*ret_authority_hash = h->v[*i].authority_hash;
	*ret_n = count_of(&h->v[*i]);
	++*i;
	return true;
}

bool
hostcount_changed(
    const struct hostcount *h, size_t i, uint64_t *ret_authority_hash, uint64_t *ret_n)
{
	if (i >= h->changed_len)
		return false;
	*ret_authority_hash = h->changed[i];
	*ret_n = count_of(slot_of(h, h->changed[i]));
	return true;
}

void
hostcount_settle(struct hostcount *h)
{
	for (size_t i = 0; i < h->changed_len; i++)
		slot_of(h, h->changed[i])->bits &= ~(uint64_t)CHANGED;
	h->changed_len = 0;
}

void
hostcount_encode(uint64_t n, uint64_t low, char ret[HOSTCOUNT_BYTES])
{
	uint64_t v[] = {htole64(n), htole64(low)};

	_Static_assert(sizeof(v) == HOSTCOUNT_BYTES, "two numbers");
	memcpy(ret, v, sizeof(v));
}

int
hostcount_decode(struct slice value, uint64_t *ret_n, uint64_t *ret_low)
{
	uint64_t v[2] = {0};

	if (value.len != sizeof(v[0]) && value.len != sizeof(v))
		return -EBADMSG;
	memcpy(v, value.ptr, value.len);
	*ret_n = le64toh(v[0]);
	*ret_low = le64toh(v[1]);
	return 0;
}
