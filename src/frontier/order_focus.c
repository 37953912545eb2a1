#include "frontier/order.h"

#include "base/banned.h"

/* The greatest score first, which workers make a priority of; of the same what was found
 * first, however far from a seed: what is looked for may lie deep. */
static uint64_t
focus_key(const struct urlrec *r, uint64_t seq)
{
	return order_by_priority(r->priority, 0, seq);
}

const struct order order_focus = {
    .name = "focus", .key = focus_key, .across_hosts = true};
