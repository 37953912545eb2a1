#include "observe/histogram.h"

/* A decade begins at its base, exclusive, and is nine bases wide: four classes each. */
enum { CLASSES_A_BASE = 4 };

static unsigned
class_of(uint64_t us)
{
	uint64_t base = HISTOGRAM_LEAST_US;
	unsigned first = 1;

	if (us <= base)
		return 0;
	for (unsigned d = 0; d < HISTOGRAM_DECADES; d++) {
		if (us <= base * 10)
			return first +
			       (unsigned)(((us - base) * CLASSES_A_BASE - 1) / base);
		base *= 10;
		first += HISTOGRAM_PER_DECADE;
	}
	return HISTOGRAM_CLASSES - 1;
}

/* The upper bound of a class that has one. */
static uint64_t
bound_of(unsigned class)
{
	uint64_t base = HISTOGRAM_LEAST_US;
	unsigned i = class - 1;

	if (class == 0)
		return base;
	for (; i >= HISTOGRAM_PER_DECADE; i -= HISTOGRAM_PER_DECADE)
		base *= 10;
	return base + base * (i + 1) / CLASSES_A_BASE;
}

void
histogram_add(struct histogram *h, int64_t us)
{
	uint64_t t = us < 0 ? 0 : (uint64_t)us;

	h->classes[class_of(t)]++;
	h->count++;
	h->sum_us += t;
	if (t > h->max_us)
		h->max_us = t;
}

void
histogram_merge(struct histogram *h, const struct histogram *other)
{
	for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++)
		h->classes[i] += other->classes[i];
	h->count += other->count;
	h->sum_us += other->sum_us;
	if (other->max_us > h->max_us)
		h->max_us = other->max_us;
}

uint64_t
histogram_up_to(const struct histogram *h, uint64_t us)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < HISTOGRAM_CLASSES - 1 && bound_of(i) <= us; i++)
		n += h->classes[i];
	return n;
}

uint64_t
histogram_percentile_us(const struct histogram *h, double percent)
{
	double rank = (double)h->count * percent / 100, before = 0;

	if (h->count == 0)
		return 0;
	for (unsigned i = 0; i < HISTOGRAM_CLASSES - 1; i++) {
		double here = (double)h->classes[i];
		uint64_t low = i == 0 ? 0 : bound_of(i - 1), high = bound_of(i), us;

		if (here == 0 || before + here < rank) {
			before += here;
			continue;
		}
		us = low + (uint64_t)((double)(high - low) * (rank - before) / here);
		return us < h->max_us ? us : h->max_us;
	}
	return h->max_us;
}
