#include <assert.h>
#include <errno.h>

#include "frontier/inside.h"

#include "base/banned.h"

/* Who is next, and what for: the name of a host, its robots.txt, a guest, a URL. */

enum { STEPS_MAX = 100, ADVANCE_MAX = 64 };

static int
advance_retries(struct frontier *f, uint32_t max, int64_t now_ms)
{
	struct heap_node *node;
	uint64_t at_ms;

	while (max-- > 0 && (node = heap_peek(&f->retries, &at_ms)) != NULL) {
		struct retry *retry = container_of(node, struct retry, node);
		struct hostq *h = retry->host;
		uint64_t rec_bytes = urlrec_bytes(retry->rec);
		int r;

		if (at_ms > (uint64_t)now_ms)
			break;
		r = frontier_keep(f, h, retry->rec);
		if (r == -ENOMEM)
			return r;
		assert(r == 0); /* a key waits once */
		frontier_retry_free(f, retry, rec_bytes);
		frontier_place(f, h, now_ms);
	}
	return 0;
}

int
frontier_advance(struct frontier *f, uint32_t max, int64_t now_ms)
{
	struct heap_node *node;
	uint64_t due_ms;

	manners_advance(f->manners, now_ms);
	frontier_settle(f);
	for (uint32_t i = 0; i < max; i++) {
		struct hostq *h;
		uint32_t cause;

		node = heap_peek(&f->waiting, &due_ms);
		if (node == NULL || due_ms > (uint64_t)now_ms)
			break;
		h = container_of(node, struct hostq, node);
		cause = h->state.waits;
		frontier_place(f, h, now_ms);
		if (h->state.waits == WAITS_READY && cause < WAIT_CAUSE_MAX)
			waits_correct(
			    &f->waits, (enum wait_cause)cause, now_ms - (int64_t)due_ms);
	}
	return advance_retries(f, max, now_ms);
}

static struct hostq *
ready_first(const struct frontier *f)
{
	struct heap_node *node;

	if (!f->conf.order->across_hosts)
		return session_first(f);
	node = heap_peek(&f->ready_heap, NULL);
	return node == NULL ? NULL : container_of(node, struct hostq, node);
}

int64_t
frontier_due_ms(const struct frontier *f, int64_t now_ms)
{
	uint64_t due = (uint64_t)manners_due_ms(f->manners), at;

	if (f->places[HOSTQ_READY] > 0)
		return now_ms;
	if (heap_peek(&f->waiting, &at) != NULL && at < due)
		due = at;
	if (heap_peek(&f->retries, &at) != NULL && at < due)
		due = at;
	return (int64_t)due < now_ms ? now_ms : (int64_t)due;
}

/* From the window, or of a host that was given up from what waits for a retry. */
static struct urlrec *
host_take(struct frontier *f, struct hostq *h)
{
	uint64_t before = window_bytes(&h->window);
	struct urlrec *rec = window_take_first(&h->window);

	if (rec == NULL) {
		assert(!list_is_empty(&h->retries));
		return frontier_retry_take(
		    f, container_of(h->retries.next, struct retry, on_host));
	}
	frontier_unindex(f, rec);
	f->window_bytes -= before - window_bytes(&h->window);
	f->rec_bytes -= urlrec_bytes(rec);
	return rec;
}

/* Behind the others that are ready, if it still is. */
static void
turn_ends(struct frontier *f, struct hostq *h, int64_t now_ms)
{
	if (h->asks_name)
		session_passed(f, h);
	else
		session_turn(f, h);
	frontier_place(f, h, now_ms);
	if (h->state.place == HOSTQ_READY && !f->conf.order->across_hosts) {
		session_unready(f, h);
		session_ready(f, h);
	}
	list_remove(&h->on_hosts);
	list_push_front(&f->all, &h->on_hosts);
}

static void
turn_name(struct frontier *f, struct hostq *h, int64_t now_ms, struct frontier_turn *ret)
{
	ret->kind = FRONTIER_NAME;
	memcpy(ret->authority, h->authority, strlen(h->authority) + 1);
	gate_began(f->manners, &f->names, h);
	h->asks_name = h->standing->name_asked = true;
	standing_changed(f->manners, h->standing, h);
	turn_ends(f, h, now_ms);
}

void
frontier_name(struct frontier *f, uint64_t authority_hash, uint64_t address,
    int64_t ttl_ms, int64_t now_ms)
{
	struct hostq *h = frontier_host_get(f, authority_hash);
	struct standing *s;

	assert(h != NULL && h->asks_name);
	s = h->standing;
	h->asks_name = s->name_asked = false;
	s->name_fresh = true;
	s->name_known = ttl_ms > 0;
	s->name_until_ms = now_ms + ttl_ms;
	standing_address(f->manners, s, address);
	standing_changed(f->manners, s, h);
	gate_ended(f->manners, &f->names);
	h->soon = true;
	frontier_place(f, h, now_ms);
}

static bool
needs_name(const struct frontier *f, const struct hostq *h, int64_t now_ms)
{
	const struct standing *s = h->standing;

	return f->conf.names_max > 0 && !s->name_fresh && now_ms >= s->name_until_ms;
}

/* Guests and URLs take turns. */
static bool
is_guests_turn(const struct frontier *f, const struct hostq *h, int64_t now_ms)
{
	struct hostq_state urls;

	if (list_is_empty(&h->guests))
		return false;
	if (!h->guest_was_last || hostq_is_doomed(h, now_ms))
		return true;
	hostq_judge_urls(h, &f->conf, now_ms, &urls);
	return urls.place != HOSTQ_READY;
}

/* Something is to be asked there: what first, or (IDLE) it has to wait at a gate. */
static enum frontier_turn_kind
turn_of(struct frontier *f, struct hostq *h, int64_t now_ms)
{
	bool guest = is_guests_turn(f, h, now_ms);

	if (hostq_is_doomed(h, now_ms))
		return guest ? FRONTIER_GUEST : FRONTIER_URL; /* it is not asked */
	/* One that had an answer does not wait behind those that may never have one. */
	if (needs_name(f, h, now_ms))
		return h->standing->name_known || gate_enter(f->manners, &f->names, h)
			   ? FRONTIER_NAME
			   : FRONTIER_IDLE;
	if (!gate_enter(f->manners, h->standing->site, h) ||
	    !gate_enter(f->manners, h->standing->address, h))
		return FRONTIER_IDLE;
	if (!hostq_is_known(h) && !gate_enter(f->manners, &f->probes, h))
		return FRONTIER_IDLE;
	if (guest)
		return FRONTIER_GUEST;
	return hostq_needs_robots(h, &f->conf, now_ms) ? FRONTIER_ROBOTS : FRONTIER_URL;
}

static void
begin(struct frontier *f, struct hostq *h, int64_t now_ms, struct frontier_turn *ret)
{
	hostq_gap(h, &f->conf, &ret->gap);
	ret->is_probe = !hostq_is_known(h);
	hostq_started(f->manners, h, ret->kind == FRONTIER_ROBOTS, now_ms);
	if (!ret->is_probe)
		return;
	h->probes++;
	gate_began(f->manners, &f->probes, h);
}

static void
turn_robots(
    struct frontier *f, struct hostq *h, int64_t now_ms, struct frontier_turn *ret)
{
	ret->kind = FRONTIER_ROBOTS;
	memcpy(ret->authority, h->authority, strlen(h->authority) + 1);
	begin(f, h, now_ms, ret);
	turn_ends(f, h, now_ms);
}

static void
turn_guest(struct frontier *f, struct hostq *h, int64_t now_ms, struct frontier_turn *ret)
{
	ret->kind = FRONTIER_GUEST;
	ret->guest = container_of(list_pop(&h->guests), struct frontier_guest, on_host);
	h->guest_was_last = true;
	if (hostq_is_doomed(h, now_ms)) {
		ret->outcome = h->doom;
	} else {
		h->guests_in_flight++;
		begin(f, h, now_ms, ret);
	}
	turn_ends(f, h, now_ms);
}

static void
turn_url(struct frontier *f, struct hostq *h, int64_t now_ms, struct frontier_turn *ret)
{
	struct urlrec *rec = host_take(f, h);
	int r = outset_add(&f->out, rec->authority_hash, rec->key);

	assert(r == 0); /* frontier_next() made room */
	f->queued--;
	ret->rec = rec;
	if (f->conf.unwanted != NULL &&
	    f->conf.unwanted(f->conf.unwanted_ctx, rec, &ret->outcome, ret->detail,
		sizeof(ret->detail))) {
		ret->kind = FRONTIER_REFUSED;
		turn_ends(f, h, now_ms); /* there may be many: others go in between */
		return;
	}
	h->robots_used = true;
	if (hostq_refuses(h, &f->conf, rec, now_ms, &ret->outcome, ret->detail,
		sizeof(ret->detail))) {
		ret->kind = FRONTIER_REFUSED;
		/* Neither a slot nor, unless all of them are refused, a turn. */
		if (hostq_is_doomed(h, now_ms))
			turn_ends(f, h, now_ms);
		else
			frontier_place(f, h, now_ms);
		return;
	}
	ret->kind = FRONTIER_URL;
	h->guest_was_last = false;
	f->in_flight++;
	begin(f, h, now_ms, ret);
	turn_ends(f, h, now_ms);
}

/* What nobody wants any more needs neither the address of its host nor its robots.txt. */
static bool
is_idle_trouble(const struct frontier *f, const struct hostq *h, int64_t now_ms)
{
	enum outcome outcome;
	char detail[sizeof(((struct frontier_turn *)0)->detail)];

	return f->conf.unwanted != NULL && h->window.len > 0 &&
	       (needs_name(f, h, now_ms) || hostq_needs_robots(h, &f->conf, now_ms)) &&
	       f->conf.unwanted(f->conf.unwanted_ctx, window_at(&h->window, 0), &outcome,
		   detail, sizeof(detail));
}

int
frontier_next(struct frontier *f, int64_t now_ms, struct frontier_turn *ret)
{
	struct hostq *h;
	int r;

	r = outset_reserve(&f->out);
	if (r == 0)
		r = frontier_advance(f, ADVANCE_MAX, now_ms);
	if (r < 0)
		return r;
	ret->authority[0] = ret->detail[0] = '\0';
	ret->rec = NULL;
	ret->guest = NULL;
	ret->outcome = OUTCOME_NONE;
	ret->due_ms = 0;
	ret->authority_hash = 0;
	ret->gap = (struct frontier_gap){0};
	ret->is_probe = false;
	ret->kind = FRONTIER_IDLE;
	for (uint32_t step = 0; step < STEPS_MAX; step++) {
		h = ready_first(f);
		if (h == NULL) {
			ret->due_ms = frontier_due_ms(f, now_ms);
			return 0;
		}
		/* Time may have taken it out of its place: robots.txt grows old. */
		frontier_place(f, h, now_ms);
		if (h->state.place != HOSTQ_READY)
			continue;
		ret->authority_hash = h->authority_hash;
		if (is_idle_trouble(f, h, now_ms)) {
			turn_url(f, h, now_ms, ret);
			return 0;
		}
		switch (turn_of(f, h, now_ms)) {
		case FRONTIER_NAME:
			turn_name(f, h, now_ms, ret);
			return 0;
		case FRONTIER_GUEST:
			turn_guest(f, h, now_ms, ret);
			return 0;
		case FRONTIER_ROBOTS:
			turn_robots(f, h, now_ms, ret);
			return 0;
		case FRONTIER_URL:
			turn_url(f, h, now_ms, ret);
			return 0;
		default:
			frontier_place(f, h, now_ms); /* to where it waits */
		}
	}
	ret->due_ms = now_ms;
	return 0;
}
