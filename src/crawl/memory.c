#include "crawl/crawl_internal.h"

/*
 * How --max-memory is shared out.  Half is for answers on their way, a quarter for what
 * was seen, an eighth each for what waits and for the store; what is left is everything
 * else.  The arena is address space: only what answers fill of it is memory, and it must
 * hold some bodies of the greatest size.
 */
enum { ARENA_BODIES = 4 };
#define ARENA_BYTES_MIN (64ull << 20)

struct crawl_memory
crawl_memory(const struct options *o)
{
	uint64_t all = (uint64_t)o->limits_max_memory;
	struct crawl_memory m;

	if (o->limits_max_memory == OPTION_NONE)
		all = 4ull << 30;
	m.arena_bytes = ARENA_BYTES_MIN;
	while (m.arena_bytes < (uint64_t)o->fetch_max_body * ARENA_BODIES)
		m.arena_bytes *= 2;
	while (m.arena_bytes * 2 <= all / 2)
		m.arena_bytes *= 2;
	m.seen_bytes = all / 4;
	m.frontier_bytes = all / 8;
	m.store_bytes = all / 8;
	return m;
}
