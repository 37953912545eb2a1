#include <assert.h>

#include "frontier/inside.h"

#include "base/banned.h"

/*
 * Hosts that are not due leave memory: of one that waits for long the records and rules,
 * which the store has; of one that has nothing left, and was quiet, everything.  Only
 * under a limit, and when half of it is taken.
 */
enum {
	REST_MS = 30 * 1000,          /* a wait for which records are let go */
	QUIET_MS = 10 * 60 * 1000,    /* without a request: then it is a new host */
	FORGIVEN_MS = 30 * 60 * 1000, /* after the end of a back-off: hostq.c */
	LOOKED_AT_MAX = 2,            /* hosts a new host may push out */
};

static bool
is_tight(const struct frontier *f)
{
	uint64_t taken = f->window_bytes + f->rec_bytes + f->hosts_bytes;

	return f->conf.memory_bytes > 0 && taken > f->conf.memory_bytes / 2;
}

static void
drop_window(struct frontier *f, struct hostq *h)
{
	uint64_t before = window_bytes(&h->window), low = window_first_key(&h->window);
	struct urlrec *rec;

	while ((rec = window_take_last(&h->window)) != NULL) {
		frontier_unindex(f, rec);
		f->rec_bytes -= urlrec_bytes(rec);
		/* Or the refill would take it for one that is being fetched. */
		outset_remove(&f->out, rec->authority_hash, rec->key);
		urlrec_free(rec);
		h->beyond++;
	}
	f->window_bytes -= before - window_bytes(&h->window);
	h->high_key = low == 0 ? 0 : low - 1;
}

void
frontier_rest(struct frontier *f, struct hostq *h, int64_t now_ms)
{
	if (h->state.place != HOSTQ_WAITING || h->state.due_ms - now_ms < REST_MS ||
	    !is_tight(f))
		return;
	if (h->window.len > 0 && window_first_key(&h->window) > 0)
		drop_window(f, h);
	if (h->rules_stored && h->rules != NULL) {
		f->hosts_bytes -= h->rules_len;
		hostq_rules_leave(h);
	}
}

static bool
is_forgettable(const struct hostq *h, int64_t now_ms)
{
	const struct standing *s = h->standing;

	return h->state.place == HOSTQ_EMPTY && h->in_flight == 0 &&
	       h->in_hand_bytes == 0 && h->retries_len == 0 &&
	       h->robots != HOSTQ_ROBOTS_ASKED && h->doom == OUTCOME_NONE && !h->told &&
	       !h->wants && !h->asks_name &&
	       standing_failures(s, h->conf->robots_ttl_ms, now_ms) == 0 &&
	       now_ms - s->backoff_until_ms >= FORGIVEN_MS &&
	       now_ms - s->end_ms >= QUIET_MS;
}

static void
forget(struct frontier *f, struct hostq *h, int64_t now_ms)
{
	struct hostq *was = umap_take(&f->hosts, h->authority_hash);

	assert(was == h);
	session_end(f, h);
	list_remove(&h->on_hosts);
	waits_leave(&f->waits, h->state.waits, now_ms);
	f->places[h->state.place]--;
	frontier_know(f, h, false);
	f->hosts_bytes -= hostq_bytes(h);
	f->forgotten++;
	hostq_free(f->manners, h);
}

void
frontier_make_room(struct frontier *f, int64_t now_ms)
{
	if (!is_tight(f))
		return;
	for (uint32_t n = 0; n < LOOKED_AT_MAX && !list_is_empty(&f->all); n++) {
		struct hostq *h = container_of(f->all.prev, struct hostq, on_hosts);

		if (is_forgettable(h, now_ms)) {
			forget(f, h, now_ms);
		} else {
			list_remove(&h->on_hosts);
			list_push_front(&f->all, &h->on_hosts);
		}
	}
}
