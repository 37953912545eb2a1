/*
 * observe/timeline.h -- what happened when, in at most TIMELINE_POINTS intervals of one
 * width, however long it all took: the width doubles when they do not suffice.
 *
 * Also how answers' times are distributed, of each interval and of several.  Those are
 * kept in classes of which eight double the time: percentiles are right to within 9 %.
 *
 * Owns:    its points, half a megabyte.
 * Clock:   milliseconds from a begin of the caller's; what is before it counts as there.
 */
#ifndef OBSERVE_TIMELINE_H
#define OBSERVE_TIMELINE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TIMELINE_POINTS = 500, LATENCY_CLASSES = 8 * 23 };

struct latency {
	uint32_t classes[LATENCY_CLASSES];
};
void latency_add(struct latency *l, uint64_t ms);
void latency_merge(struct latency *l, const struct latency *other);
/* The time within which `percent` of them were there; 0 when there are none. */
uint64_t latency_percentile(const struct latency *l, unsigned percent);

struct timeline_sums {
	uint64_t requests, pages, bytes, errors;
};
struct timeline_point {
	struct timeline_sums sums;
	struct latency latency;
};
struct timeline {
	int64_t width_ms;
	size_t len; /* up to the last that is not empty */
	struct timeline_point *v;
};

int timeline_init(struct timeline *t); /* -ENOMEM */
void timeline_release(struct timeline *t);
/* At `at_ms`; latency_ms -1: it has none. */
void timeline_add(struct timeline *t, int64_t at_ms, const struct timeline_sums *what,
    int64_t latency_ms);
#endif
