#include "frontier/order.h"

#include "base/banned.h"

/* Sitemaps before all else, so that what they say of a URL is known when it is found; then
 * as priority does: workers make priorities of what sitemaps say. */
static uint64_t
sitemap_key(const struct urlrec *r, uint64_t seq)
{
	bool is_sitemap = (r->flags & URLREC_SITEMAP) != 0;

	return order_by_priority(is_sitemap ? ORDER_PRIORITY_MAX : r->priority,
	    is_sitemap ? 0 : r->depth, seq);
}

const struct order order_sitemap = {
    .name = "sitemap", .key = sitemap_key, .across_hosts = true};
