#include "frontier/order.h"

#include "base/banned.h"

/* Depth first: what was found last. */
static uint64_t
dfs_key(const struct urlrec *r, uint64_t seq)
{
	(void)r;
	return ~seq;
}

const struct order order_dfs = {.name = "dfs", .key = dfs_key};
