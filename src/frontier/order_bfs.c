#include "frontier/order.h"

#include "base/banned.h"

/* Breadth first: what is fewer links from a seed, then what was found earlier. */
static uint64_t
bfs_key(const struct urlrec *r, uint64_t seq)
{
	return (uint64_t)r->depth << ORDER_SEQ_BITS | order_seq(seq);
}

const struct order order_bfs = {.name = "bfs", .key = bfs_key};
