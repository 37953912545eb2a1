#include "crawl/crawl_internal.h"

/*
 * How --max-memory is shared out.  Half is for answers on their way, of which a part for
 * bodies that wait for a worker; the store borrows a 16th of it and has another one, for twice
 * as much saves a sixth of its CPU.  Seven 64ths less a 256th are for what waits, three 16ths
 * for what was seen, a 64th for what workers made of bodies, a 256th for the pages of
 * --sink sqlite.
 *
 * What was seen takes its whole share from some 100,000 URLs on, so that memory does not grow
 * with their number: in 512 MiB 10 million fit.  A crawl that knows more borrows room that
 * answers do not need: then 21 million fit, and what does not is looked for in a file
 * (frontier/seen_cold.h).  The arena lends half at most, and takes it from bodies of over a
 * MiB: large ones then wait for each other.
 *
 * The arena is address space: only what answers fill of it is memory, and it must hold some
 * bodies of the greatest size.
 *
 * Workers take memory for a moment: what a body is decoded to, and what is noted of it while
 * it is read.  Bodies that may take much go to them one after another, so that all tasks that
 * are with the workers take an eighth.
 */
enum { ARENA_BODIES = 4 };
#define COPY_BYTES_MORE (2ull << 20) /* of the URLs in one */
#define ARENA_BYTES_MIN (64ull << 20)
#define NOTES_BYTES_MIN (64ull << 20) /* half a million links and their set */
#define SQLITE_BYTES_MAX (64ull << 20)

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

struct crawl_memory
crawl_memory(const struct options *o)
{
	uint64_t all = (uint64_t)o->limits_max_memory;
	struct crawl_memory m;

	if (o->limits_max_memory == OPTION_NONE)
		all = 4ull << 30;
	m.arena_bytes = ARENA_BYTES_MIN;
	while (m.arena_bytes * 2 <= all / 2)
		m.arena_bytes *= 2;
	m.body_bytes_max =
	    least((uint64_t)o->fetch_max_body, m.arena_bytes / ARENA_BODIES);
	m.decoded_bytes_max = least((uint64_t)o->fetch_max_decoded, all / 8);
	m.copy_bytes_max = m.body_bytes_max > m.decoded_bytes_max ? m.body_bytes_max
								  : m.decoded_bytes_max;
	m.copy_bytes_max += COPY_BYTES_MORE;
	m.notes_bytes_max = all / 4 > NOTES_BYTES_MIN ? all / 4 : NOTES_BYTES_MIN;
	m.tasks_bytes = all / 8;
	m.seen_bytes = all / 16 * 3;
	m.sqlite_bytes = least(all / 256, SQLITE_BYTES_MAX);
	m.frontier_bytes = all / 64 * 7 - all / 256;
	m.store_bytes = all / 8;
	m.arena_lent_bytes = all / 16;
	m.seen_more_bytes = m.arena_bytes / 2 - m.arena_lent_bytes;
	m.body_bytes = all / 32;
	m.result_bytes =
	    all / 64; /* a sitemap's takes 14 MB: one, while the next is made */
	return m;
}
