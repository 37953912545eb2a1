#include "frontier/order.h"

#include "base/banned.h"

enum { PRIORITY_MIN = -128, PRIORITY_MAX = 127, DEPTH_MAX = 255 };

/* The greatest priority, then fewer links from a seed, then found earlier; across hosts.
 */
static uint64_t
priority_key(const struct urlrec *r, uint64_t seq)
{
	int p = r->priority < PRIORITY_MIN   ? PRIORITY_MIN
		: r->priority > PRIORITY_MAX ? PRIORITY_MAX
					     : r->priority;
	uint64_t depth = r->depth < DEPTH_MAX ? r->depth : DEPTH_MAX;

	return (uint64_t)(PRIORITY_MAX - p) << 56 | depth << ORDER_SEQ_BITS |
	       order_seq(seq);
}

const struct order order_priority = {
    .name = "priority", .key = priority_key, .across_hosts = true};
