#include "observe/timeline.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/banned.h"

enum { WIDTH_MS = 20 };

void
latency_add(struct latency *l, uint64_t ms)
{
	size_t class = ms == 0 ? 0 : 1 + (size_t)(8 * log2((double)ms));

	if (class >= LATENCY_CLASSES)
		class = LATENCY_CLASSES - 1;
	if (l->classes[class] < UINT32_MAX)
		l->classes[class]++;
}

void
latency_merge(struct latency *l, const struct latency *other)
{
	for (size_t i = 0; i < LATENCY_CLASSES; i++) {
		uint64_t sum = (uint64_t)l->classes[i] + other->classes[i];

		l->classes[i] = sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
	}
}

/* The least whole number that is in the class. */
static uint64_t
class_ms(size_t class)
{
	return class == 0 ? 0 : (uint64_t)ceil(exp2((double)(class - 1) / 8));
}

uint64_t
latency_percentile(const struct latency *l, unsigned percent)
{
	uint64_t n = 0, passed = 0;

	for (size_t i = 0; i < LATENCY_CLASSES; i++)
		n += l->classes[i];
	for (size_t i = 0; i < LATENCY_CLASSES; i++) {
		passed += l->classes[i];
		if (passed > 0 && passed * 100 >= n * percent)
			return class_ms(i);
	}
	return 0;
}

int
timeline_init(struct timeline *t)
{
	*t = (struct timeline){.width_ms = WIDTH_MS};
	t->v = calloc(TIMELINE_POINTS, sizeof(*t->v));
	return t->v == NULL ? -ENOMEM : 0;
}

void
timeline_release(struct timeline *t)
{
	free(t->v);
	t->v = NULL;
}

static void
sums_add(struct timeline_sums *s, const struct timeline_sums *other)
{
	s->requests += other->requests;
	s->pages += other->pages;
	s->bytes += other->bytes;
	s->errors += other->errors;
}

/* Two points become one. */
static void
widen(struct timeline *t)
{
	for (size_t i = 0; i < TIMELINE_POINTS; i++) {
		struct timeline_point p = {.sums = {0}};

		for (size_t k = 2 * i; k < 2 * i + 2 && k < TIMELINE_POINTS; k++) {
			sums_add(&p.sums, &t->v[k].sums);
			latency_merge(&p.latency, &t->v[k].latency);
		}
		t->v[i] = p;
	}
	t->len = (t->len + 1) / 2;
	t->width_ms *= 2;
}

void
timeline_add(struct timeline *t, int64_t at_ms, const struct timeline_sums *what,
    int64_t latency_ms)
{
	size_t at;

	if (at_ms < 0)
		at_ms = 0;
	while (at_ms / t->width_ms >= TIMELINE_POINTS)
		widen(t);
	at = (size_t)(at_ms / t->width_ms);
	sums_add(&t->v[at].sums, what);
	if (latency_ms >= 0)
		latency_add(&t->v[at].latency, (uint64_t)latency_ms);
	if (at >= t->len)
		t->len = at + 1;
}
