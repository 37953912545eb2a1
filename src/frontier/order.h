/*
 * frontier/order.h -- the orders there are: one file each, one line here.
 *
 * `struct order` itself is in frontier/frontier.h.
 */
#ifndef FRONTIER_ORDER_H
#define FRONTIER_ORDER_H
#include "frontier/frontier.h"

#define ORDERS(X) X(bfs) X(dfs) X(priority)

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
#endif
