/*
 * observe/top.h -- the first few of many, in order.
 *
 * Owns:    room for `max` records.    Errors:  -ENOMEM.
 * Order:   cmp as of qsort(3), the first ones are kept; make it total, so that two readers
 *          of the same logs keep the same.
 */
#ifndef OBSERVE_TOP_H
#define OBSERVE_TOP_H
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct top {
	size_t record_bytes, len, max;
	int (*cmp)(const void *a, const void *b);
	char *v;
};

static inline int
top_init(struct top *t, size_t record_bytes, size_t max,
    int (*cmp)(const void *a, const void *b))
{
	*t = (struct top){.record_bytes = record_bytes, .max = max, .cmp = cmp};
	t->v = malloc(record_bytes * max);
	return t->v == NULL ? -ENOMEM : 0;
}

static inline void
top_release(struct top *t)
{
	free(t->v);
	t->v = NULL;
	t->len = 0;
}

static inline void *
top_at(const struct top *t, size_t i)
{
	return t->v + i * t->record_bytes;
}

static inline void
top_add(struct top *t, const void *record)
{
	size_t lo = 0, hi = t->len;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (t->cmp(record, top_at(t, mid)) < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	if (lo == t->max)
		return;
	if (t->len < t->max)
		t->len++;
	memmove(t->v + (lo + 1) * t->record_bytes, t->v + lo * t->record_bytes,
	    (t->len - lo - 1) * t->record_bytes);
	memcpy(top_at(t, lo), record, t->record_bytes);
}
#endif
