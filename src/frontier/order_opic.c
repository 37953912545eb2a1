#include "frontier/order.h"

#include "base/banned.h"

/*
 * Adaptive on-line page importance (Abiteboul, Preda and Cobena 2003): each seed begins with
 * the same cash, a page that was fetched gives its own in equal shares to all that it links
 * to, and what has most cash is fetched next.
 *
 * Cash is kept as a priority, so that it costs no memory, lies in the queue and survives
 * what the queue survives: a priority is a level, four of them double the cash, a seed has
 * 0.  What is new has the nearest level, so that what one page links to stays in its order.  A
 * share that is worth a part of a level raises a URL by one or by none, by a die that falls as
 * often as that part says and is thrown by the two URLs: the sum is right in the mean, and
 * nothing is left to chance.
 */
enum {
	LEVELS_A_DOUBLING = 4,
	DOUBLINGS_MAX = 48,
	LEVEL_MAX = LEVELS_A_DOUBLING * DOUBLINGS_MAX + 3,
	SEED_LEVEL = 128, /* priority 0: 32 doublings above nothing, 16 below the most */
};

/* 2^(i/4) in units of 1/256; the least cash there is, is one of 256 of them. */
static const uint64_t quarters[LEVELS_A_DOUBLING] = {256, 304, 362, 431};

static uint64_t
cash_at(int level)
{
	return quarters[level % LEVELS_A_DOUBLING] << (level / LEVELS_A_DOUBLING);
}

static uint64_t
cash_of(int priority)
{
	int level = priority + SEED_LEVEL;

	return cash_at(level < 0 ? 0 : level > LEVEL_MAX ? LEVEL_MAX : level);
}

/* FNV-1a over both, then the mixer of MurmurHash3: it must not depend on the run. */
static uint64_t
die(struct slice from, struct slice to)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < from.len; i++)
		h = (h ^ (unsigned char)from.ptr[i]) * 0x100000001b3u;
	h *= 0x100000001b3u; /* a NUL between them */
	for (size_t i = 0; i < to.len; i++)
		h = (h ^ (unsigned char)to.ptr[i]) * 0x100000001b3u;
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
	h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
	return h ^ h >> 33;
}

/* `thrown`: up to the next level if it says so; NULL: if that is nearer. */
static int
level_of(uint64_t cash, const uint64_t *thrown)
{
	uint64_t low, gap;
	int level = 0;

	if (cash <= quarters[0])
		return 0;
	level = (63 - __builtin_clzll(cash) - 8) * LEVELS_A_DOUBLING;
	if (level >= LEVEL_MAX)
		return LEVEL_MAX;
	while (level < LEVEL_MAX && cash_at(level + 1) <= cash)
		level++;
	if (level == LEVEL_MAX)
		return level;
	low = cash_at(level);
	gap = cash_at(level + 1) - low;
	return level + ((thrown == NULL ? gap / 2 : *thrown % gap) < cash - low);
}

static int16_t
opic_given(
    const struct urlrec *had, const struct urlrec *page, uint32_t links, struct slice url)
{
	uint64_t cash = had == NULL ? 0 : cash_of(had->priority), thrown = 0;

	if (page == NULL)
		return 0;
	cash += cash_of(page->priority) / (links > 0 ? links : 1);
	if (had != NULL)
		thrown = die(page->url, url);
	return (int16_t)(level_of(cash, had == NULL ? NULL : &thrown) - SEED_LEVEL);
}

/* The most cash first, of all hosts whose turn it may be; of the same what was found first. */
static uint64_t
opic_key(const struct urlrec *r, uint64_t seq)
{
	return order_by_priority(r->priority, 0, seq);
}

const struct order order_opic = {
    .name = "opic", .key = opic_key, .across_hosts = true, .given = opic_given};
