/*
 * observe/histogram.h -- how times are distributed, in classes of fixed bounds.
 *
 * Log-linear: eight decades from 10 us to 1,000 s, each in 36 classes of one width, so
 * that 1, 2, 5 and 10 of every decade are bounds, what Prometheus is told is exact, and
 * a percentile is right to within 25 % (10 % from the fourth class of a decade on).
 * A class has what is at most its upper bound.
 *
 * Owns:    nothing; 2.3 KiB, to be embedded.  All zero is an empty one.
 * Units:   microseconds; what is below 0 counts as 0.
 * Threads: none of its own, no lock: one thread adds.  Others get a copy from it.
 */
#ifndef OBSERVE_HISTOGRAM_H
#define OBSERVE_HISTOGRAM_H
#include <stdint.h>

enum {
	HISTOGRAM_LEAST_US = 10,
	HISTOGRAM_DECADES = 8,
	HISTOGRAM_PER_DECADE = 36,
	/* One for what is not above the least, one for what is above the last bound. */
	HISTOGRAM_CLASSES = HISTOGRAM_DECADES * HISTOGRAM_PER_DECADE + 2,
};

struct histogram {
	uint64_t classes[HISTOGRAM_CLASSES];
	uint64_t count, sum_us, max_us;
};

void histogram_add(struct histogram *h, int64_t us);
void histogram_merge(struct histogram *h, const struct histogram *other);
/* How many were at most `us`: exact where that is a bound, else of the bound below it. */
uint64_t histogram_up_to(const struct histogram *h, uint64_t us);
/* The time within which `percent` (0 to 100) of them were, by the line within a class; 0 when
 * there are none. */
uint64_t histogram_percentile_us(const struct histogram *h, double percent);
#endif
