#include "net/transport_int.h"
#include <stdatomic.h>

#include "base/banned.h"

/*
 * Who gets what there is of the arena for large answers.  They take it as they grow, for
 * nobody knows what a peer will send; so all may come to hold a part of what they need, and
 * wait for each other.  Then one is the first: what it still wants is kept for it, and others
 * give up until it can go on, those that hold something before those that hold little.
 * What is given up is asked for again later, so without a first the newly begun would take
 * the room that was given up, for ever.
 */

enum {
	WAIT_MS = 1000,               /* large ones, since room was taken or given back */
	SMALL_WAIT_MS = 5000,         /* one with little to give back */
	WAIT_MAX_MS = 30000,          /* while others move */
	YIELD_MS = 2 * ROOM_AGAIN_MS, /* one after another gives up for the first */
	FIRST_MS = 10000              /* the first must have grown by then */
};

static bool
is_large(const struct exchange *x)
{
	return x->block.cap > SHM_LARGE_BYTES;
}

static bool
is_first(const struct exchange *x)
{
	return x->transport->room->first == (uintptr_t)x;
}

/* Bytes that its block will still grow by, at most. */
static uint64_t
wanted_bytes(const struct exchange *x)
{
	uint64_t most = x->body_bytes_max, block = SHM_LARGE_BYTES;

	if (x->parsed.has_length && x->parsed.length < most)
		most = x->parsed.length;
	if (most > shm_bytes(x->transport->conf.shm))
		most = shm_bytes(x->transport->conf.shm);
	while (block < x->head_len + most)
		block *= 2;
	return block > x->block.cap ? block - x->block.cap : 0;
}

static void
first_goes_on(struct exchange *x)
{
	struct large_room *room = x->transport->room;

	room->first_wants = wanted_bytes(x);
	room->first_until_ms = loop_now_ms(x->transport->loop) + FIRST_MS;
}

bool
room_grow(struct exchange *x, uint64_t used, uint64_t bytes)
{
	const struct transport *t = x->transport;
	uint64_t max = t->conf.large_bytes_max, kept;

	if (max > 0 && bytes > SHM_LARGE_BYTES && !is_first(x)) {
		if (!is_large(x) && t->room->starved > 0)
			return false; /* who has begun goes first */
		kept = t->room->first != 0 ? t->room->first_wants : 0;
		if (kept >= max)
			return false;
		max -= kept;
	}
	if (shm_grow(t->conf.shm, &x->block, used, bytes, max) < 0)
		return false;
	if (is_first(x))
		first_goes_on(x);
	return true;
}

void
room_leave(struct exchange *x)
{
	struct large_room *room = x->transport->room;
	uintptr_t me = (uintptr_t)x;

	x->room_from_ms = 0;
	room_starves(x, false);
	(void)atomic_compare_exchange_strong(&room->first, &me, 0);
}

void
room_starves(struct exchange *x, bool starves)
{
	struct large_room *room = x->transport->room;

	if (is_first(x))
		room->first_starves = starves;
	starves = starves && is_large(x);
	if (x->starves == starves)
		return;
	x->starves = starves;
	room->starved += starves ? 1 : UINT32_MAX;
}

/* One that holds little only when nobody has to give up anything for it. */
static bool
may_be_first(const struct exchange *x)
{
	const struct transport *t = x->transport;
	uint64_t large = shm_large_bytes(t->conf.shm), max = t->conf.large_bytes_max;

	if (max == 0)
		return false;
	return is_large(x) || (t->room->starved == 0 && large <= max &&
				  wanted_bytes(x) + x->block.cap <= max - large);
}

/* It has its time from now on, however long it waited for others. */
static void
take_turn(struct exchange *x, int64_t now_ms)
{
	struct large_room *room = x->transport->room;
	uintptr_t first = room->first;

	if (first == (uintptr_t)x || (first != 0 && now_ms < room->first_until_ms) ||
	    !may_be_first(x) ||
	    !atomic_compare_exchange_strong(&room->first, &first, (uintptr_t)x))
		return;
	room->first_starves = false;
	first_goes_on(x);
	x->room_from_ms = now_ms;
}

/* Whether it is the one to give up what it holds: one does each time the first has looked in
 * vain, or on a busy machine several would before it looks. */
static bool
gives_way(struct exchange *x, int64_t waits_ms, int64_t still_ms)
{
	return waits_ms >= WAIT_MS && still_ms >= (is_large(x) ? YIELD_MS : WAIT_MS) &&
	       atomic_exchange(&x->transport->room->first_starves, false);
}

bool
room_is_worth_waiting(struct exchange *x)
{
	const struct large_room *room = x->transport->room;
	int64_t now_ms = loop_now_ms(x->transport->loop);
	uint64_t large_bytes = shm_large_bytes(x->transport->conf.shm);
	int64_t waits_ms, still_ms;

	if (x->room_from_ms == 0)
		x->room_from_ms = x->room_moved_ms = now_ms;
	if (x->room_large_bytes != large_bytes)
		x->room_moved_ms = now_ms;
	x->room_large_bytes = large_bytes;
	take_turn(x, now_ms);
	waits_ms = now_ms - x->room_from_ms;
	still_ms = now_ms - x->room_moved_ms;
	if (is_first(x))
		return waits_ms < FIRST_MS;
	if (gives_way(x, waits_ms, still_ms))
		return false;
	if (waits_ms >= WAIT_MAX_MS)
		return false;
	if (!is_large(x)) /* these together may hold most of the arena */
		return still_ms < SMALL_WAIT_MS;
	return room->first != 0 || still_ms < WAIT_MS;
}
