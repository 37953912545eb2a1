#include "frontier/window.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/banned.h"

enum { CAP_MIN = 4 };

static inline struct window_slot *
at(const struct window *w, uint32_t i)
{
	return &w->v[(w->first + i) & (w->cap - 1)];
}

void
window_release(struct window *w)
{
	for (uint32_t i = 0; i < w->len; i++)
		urlrec_free(at(w, i)->rec);
	free(w->v);
	*w = (struct window){0};
}

static int
grow(struct window *w)
{
	struct window bigger = {.len = w->len};

	if (w->cap > UINT32_MAX / 4)
		return -ENOMEM;
	bigger.cap = w->cap == 0 ? CAP_MIN : w->cap * 2;
	bigger.v = malloc(bigger.cap * sizeof(*bigger.v));
	if (bigger.v == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < w->len; i++)
		bigger.v[i] = *at(w, i);
	free(w->v);
	*w = bigger;
	return 0;
}

/* The index of the first slot with a key not less than `key`. */
static uint32_t
lower_bound(const struct window *w, uint64_t key)
{
	uint32_t lo = 0, hi = w->len;

	if (hi > 0 && at(w, hi - 1)->key < key)
		return hi;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (at(w, mid)->key < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int
window_insert(struct window *w, struct urlrec *rec)
{
	uint32_t pos = lower_bound(w, rec->key);

	if (pos < w->len && at(w, pos)->key == rec->key)
		return -EEXIST;
	if (w->len == w->cap && grow(w) < 0)
		return -ENOMEM;
	if (pos < w->len / 2) {
		w->first = (w->first - 1) & (w->cap - 1);
		for (uint32_t i = 0; i < pos; i++)
			*at(w, i) = *at(w, i + 1);
	} else {
		for (uint32_t i = w->len; i > pos; i--)
			*at(w, i) = *at(w, i - 1);
	}
	w->len++;
	*at(w, pos) = (struct window_slot){.key = rec->key, .rec = rec};
	return 0;
}

static void
free_if_empty(struct window *w)
{
	if (w->len == 0)
		window_release(w);
}

struct urlrec *
window_take_first(struct window *w)
{
	struct urlrec *rec;

	if (w->len == 0)
		return NULL;
	rec = at(w, 0)->rec;
	w->first = (w->first + 1) & (w->cap - 1);
	w->len--;
	free_if_empty(w);
	return rec;
}

struct urlrec *
window_take_last(struct window *w)
{
	struct urlrec *rec;

	if (w->len == 0)
		return NULL;
	rec = at(w, w->len - 1)->rec;
	w->len--;
	free_if_empty(w);
	return rec;
}

/* Its memory stays: something is put in again. */
struct urlrec *
window_take(struct window *w, uint64_t key)
{
	uint32_t pos = lower_bound(w, key);
	struct urlrec *rec;

	assert(pos < w->len && at(w, pos)->key == key);
	rec = at(w, pos)->rec;
	if (pos < w->len / 2) {
		for (uint32_t i = pos; i > 0; i--)
			*at(w, i) = *at(w, i - 1);
		w->first = (w->first + 1) & (w->cap - 1);
	} else {
		for (uint32_t i = pos; i + 1 < w->len; i++)
			*at(w, i) = *at(w, i + 1);
	}
	w->len--;
	return rec;
}

uint64_t
window_first_key(const struct window *w)
{
	assert(w->len > 0);
	return at(w, 0)->key;
}

uint64_t
window_last_key(const struct window *w)
{
	assert(w->len > 0);
	return at(w, w->len - 1)->key;
}

const struct urlrec *
window_at(const struct window *w, uint32_t i)
{
	assert(i < w->len);
	return at(w, i)->rec;
}

void
window_check(const struct window *w)
{
	assert(w->len <= w->cap);
	assert((w->cap & (w->cap - 1)) == 0);
	assert((w->len == 0) == (w->v == NULL));
	for (uint32_t i = 0; i < w->len; i++) {
		assert(at(w, i)->key == at(w, i)->rec->key);
		assert(i == 0 || at(w, i - 1)->key < at(w, i)->key);
	}
}
