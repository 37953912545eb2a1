#include <assert.h>

#include "frontier/inside.h"

#include "base/banned.h"

/*
 * Which hosts are asked just now.  If all took turns a crawl of a thousand hosts would
 * come back to each of them when its connection had long been closed for another's, and
 * pay for a new one with every request.  So some hosts are in a session: they take turns
 * among themselves, each until it had its number of turns; then others get their place.
 *
 *   ready        in a session, and may be asked
 *   ready_soon, ready_later  may be asked, and in none: they get a session while too few of
 *                the others are in `ready` or soon will be, being `blocked`.  `soon`: whose
 *                name has just come, or who was idle for long, but has a connection yet
 *   blocked      in a session, and waits for the verdict of its robots.txt or a refill
 *   idle         in a session, with nothing to do for the moment: it may soon have more.
 *                There are a few of these; the one that has been idle for longest leaves
 *
 * So a crawl without delays has as many sessions as keep it busy (libcurl walks over all
 * connections that are kept, with each request), and one whose hosts wait between requests
 * as many as connections are kept at most.
 */
enum {
	SESSION_TURNS = 16,
	SESSION_WAIT_MS = 5000, /* who waits for longer has nothing to do */
	/* Hosts that have a page at a time, each found when another's was read, are soon without
	 * end: before each of so many sessions one of the others has a single turn. */
	SESSIONS_LATER = 16,
};

static bool
has_place(const struct frontier *f)
{
	return f->ready_len + f->sessions_blocked < f->conf.sessions_ready &&
	       (f->sessions < f->conf.sessions_max || f->sessions_idle > 0);
}

static bool
is_others_turn(const struct frontier *f)
{
	return f->sessions_begun % SESSIONS_LATER == 0 &&
	       !list_is_empty(&f->ready_soon) && !list_is_empty(&f->ready_later);
}

struct hostq *
session_first(const struct frontier *f)
{
	const struct list *of = &f->ready, *others = &f->ready_soon;

	if (list_is_empty(others) || is_others_turn(f))
		others = &f->ready_later;
	if (!list_is_empty(others) && (list_is_empty(of) || has_place(f)))
		of = others;
	return list_is_empty(of) ? NULL : container_of(of->next, struct hostq, on_ready);
}

void
session_ready(struct frontier *f, struct hostq *h)
{
	bool now = h->in_session || f->conf.sessions_max == 0;

	list_push(now       ? &f->ready
		  : h->soon ? &f->ready_soon
			    : &f->ready_later,
	    &h->on_ready);
	h->soon = false;
	h->ready_now = now;
	f->ready_len += now;
}

void
session_unready(struct frontier *f, struct hostq *h)
{
	list_remove(&h->on_ready);
	f->ready_len -= h->ready_now;
	h->ready_now = false;
}

static void
set_idle(struct frontier *f, struct hostq *h, bool idle)
{
	if (idle == !list_is_empty(&h->on_idle))
		return;
	f->sessions_idle += idle ? 1 : UINT32_MAX;
	if (idle)
		list_push(&f->idle, &h->on_idle);
	else
		list_remove(&h->on_idle);
}

static void
set_blocked(struct frontier *f, struct hostq *h, bool blocked)
{
	f->sessions_blocked += (uint32_t)blocked - h->blocks_session;
	h->blocks_session = blocked;
}

void
session_end(struct frontier *f, struct hostq *h)
{
	if (!h->in_session)
		return;
	set_idle(f, h, false);
	set_blocked(f, h, false);
	h->in_session = false;
	f->sessions--;
}

static void
end_idle(struct frontier *f, uint32_t left)
{
	while (f->sessions_idle > left) {
		struct hostq *h = container_of(f->idle.next, struct hostq, on_idle);

		session_end(f, h);
		h->soon = true;
	}
}

static void
session_begin(struct frontier *f, struct hostq *h)
{
	if (!has_place(f))
		return;
	if (f->sessions >= f->conf.sessions_max)
		end_idle(f, f->sessions_idle - 1);
	h->in_session = true;
	h->session_left = SESSION_TURNS;
	f->sessions++;
}

void
session_turn(struct frontier *f, struct hostq *h)
{
	if (f->conf.sessions_max == 0 || f->conf.order->across_hosts)
		return;
	if (!h->in_session) {
		if (!is_others_turn(f))
			session_begin(f, h);
		f->sessions_begun++;
	}
	if (!h->in_session || --h->session_left > 0)
		return;
	if (list_is_empty(&f->ready_soon) && list_is_empty(&f->ready_later))
		h->session_left = SESSION_TURNS;
	else
		session_end(f, h);
}

/* Or all of the others would be asked for theirs before anybody else has a turn. */
void
session_passed(struct frontier *f, const struct hostq *h)
{
	f->sessions_begun += !h->in_session;
}

void
session_placed(struct frontier *f, struct hostq *h, int64_t now_ms)
{
	const struct hostq_state *s = &h->state;

	if (!h->in_session)
		return;
	set_blocked(f, h, s->place == HOSTQ_BLOCKED);
	set_idle(f, h,
	    h->in_flight == 0 &&
		(s->place == HOSTQ_EMPTY ||
		    (s->place == HOSTQ_WAITING && s->due_ms - now_ms > SESSION_WAIT_MS)));
	end_idle(f, f->conf.sessions_ready);
}
