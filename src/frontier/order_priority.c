#include "frontier/order.h"

#include "base/banned.h"

/* The greatest priority, then fewer links from a seed, then found earlier; across hosts.
 */
static uint64_t
priority_key(const struct urlrec *r, uint64_t seq)
{
	return order_by_priority(r->priority, r->depth, seq);
}

const struct order order_priority = {
    .name = "priority", .key = priority_key, .across_hosts = true};
