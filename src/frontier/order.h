/*
 * frontier/order.h -- the orders there are: one file each, one line here.
 *
 * `struct order` itself is in frontier/frontier.h.
 */
#ifndef FRONTIER_ORDER_H
#define FRONTIER_ORDER_H
#include "frontier/frontier.h"

#define ORDERS(X) X(bfs) X(dfs) X(priority) X(sitemap) X(focus) X(opic)

#define X(name) extern const struct order order_##name;
ORDERS(X)
#undef X

enum { ORDER_SEQ_BITS = 48 };
/* The low bits of a key that say when the URL was found. */
static inline uint64_t
order_seq(uint64_t seq)
{
	return seq & (((uint64_t)1 << ORDER_SEQ_BITS) - 1);
}

enum { ORDER_PRIORITY_MIN = -128, ORDER_PRIORITY_MAX = 127, ORDER_DEPTH_MAX = 255 };
/* The greatest priority, then the least depth, then found earlier. */
static inline uint64_t
order_by_priority(int priority, uint64_t depth, uint64_t seq)
{
	int p = priority < ORDER_PRIORITY_MIN   ? ORDER_PRIORITY_MIN
		: priority > ORDER_PRIORITY_MAX ? ORDER_PRIORITY_MAX
						: priority;

	if (depth > ORDER_DEPTH_MAX)
		depth = ORDER_DEPTH_MAX;
	return (uint64_t)(ORDER_PRIORITY_MAX - p) << 56 | depth << ORDER_SEQ_BITS |
	       order_seq(seq);
}
#endif
