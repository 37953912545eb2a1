#include <assert.h>

#include "frontier/inside.h"

#include "base/banned.h"

enum { ADVANCE_MAX = 1000, SCANNED_MAX = 20000, TOP_MAX = 64 };

void
frontier_stats(struct frontier *f, int64_t now_ms, struct frontier_stats *ret)
{
	/* Out of memory here only leaves something for the next turn. */
	(void)frontier_advance(f, ADVANCE_MAX, now_ms);
	*ret = (struct frontier_stats){
	    .queued = f->queued,
	    .in_flight = f->in_flight,
	    .hosts = (uint32_t)f->hosts.len + f->forgotten,
	    .hosts_ready = f->places[HOSTQ_READY],
	    .hosts_waiting = f->places[HOSTQ_WAITING],
	    .hosts_full = f->places[HOSTQ_FULL],
	    .hosts_blocked = f->places[HOSTQ_BLOCKED],
	    .hosts_dead = f->dead,
	};
	if (now_ms < manners_now_ms(f->manners))
		now_ms = manners_now_ms(f->manners);
	waits_sum(&f->waits, now_ms, ret->wait_ms, ret->waiting_now);
	ret->transfer_ms = f->waits.transfer_ms;
	ret->life_ms = (uint64_t)(f->lives_ms + f->alive * now_ms);
	ret->memory_bytes =
	    sizeof(*f) + f->hosts_bytes + f->window_bytes + f->rec_bytes +
	    f->by_url.cap * sizeof(struct umap_entry) + outset_bytes(&f->out) +
	    f->hosts.cap * sizeof(struct umap_entry) +
	    (uint64_t)(f->waiting.cap + f->ready_heap.cap + f->retries.cap) *
		sizeof(struct heap_entry);
}

/* Hosts with something to do. */
static uint32_t
busy_hosts(const struct frontier *f)
{
	return (uint32_t)f->hosts.len - f->places[HOSTQ_EMPTY];
}

uint32_t
frontier_sessions(const struct frontier *f)
{
	uint32_t busy = busy_hosts(f);

	return f->conf.sessions_max > 0 && !f->conf.order->across_hosts &&
		       f->sessions < busy
		   ? f->sessions
		   : busy;
}

void
frontier_waits(struct frontier *f, int64_t now_ms, uint64_t ret[WAIT_CAUSE_MAX])
{
	uint32_t now[WAIT_CAUSE_MAX];

	manners_advance(f->manners, now_ms);
	waits_sum(&f->waits, manners_now_ms(f->manners), ret, now);
}

void
frontier_waited(struct frontier *f, enum wait_cause c, int64_t ms)
{
	if (ms <= 0)
		return;
	list_foreach (it, &f->all) {
		struct hostq *h = container_of(it, struct hostq, on_hosts);

		if (h->state.waits == WAITS_NOTHING)
			continue;
		h->born_ms -= ms;
		h->waited_ms += ms;
		f->lives_ms += ms;
		f->waits.ms[c] += (uint64_t)ms;
	}
}

static uint64_t
host_queued(const struct hostq *h)
{
	return h->window.len + h->beyond + h->retries_len;
}

static bool
is_busier(const struct hostq *a, const struct hostq *b)
{
	uint64_t aq = host_queued(a), bq = host_queued(b);

	return aq != bq ? aq > bq : a->done > b->done;
}

/* `top` is sorted, the busiest first; h enters when it belongs there. */
static uint32_t
top_enter(const struct hostq **top, uint32_t n, uint32_t max, const struct hostq *h)
{
	uint32_t at;

	if (n == max && !is_busier(h, top[n - 1]))
		return n;
	at = n < max ? n++ : n - 1;
	for (; at > 0 && is_busier(h, top[at - 1]); at--)
		top[at] = top[at - 1];
	top[at] = h;
	return n;
}

uint32_t
frontier_hosts(
    const struct frontier *f, int64_t now_ms, struct frontier_host *ret, uint32_t max)
{
	const struct hostq *top[TOP_MAX];
	uint32_t n = 0, scanned = 0;

	if (max > TOP_MAX)
		max = TOP_MAX;
	if (max == 0)
		return 0;
	list_foreach (it, &f->all) {
		if (scanned++ == SCANNED_MAX)
			break;
		n = top_enter(top, n, max, container_of(it, struct hostq, on_hosts));
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct hostq *h = top[i];
		const struct hostq_state *s = &h->state;

		ret[i] = (struct frontier_host){
		    .queued = host_queued(h),
		    .done = h->done,
		    .in_flight = h->in_flight,
		    .waits_for = s->waits < WAIT_CAUSE_MAX ? (enum wait_cause)s->waits
				 : s->waits == WAITS_READY ? f->waits.held
							   : WAIT_NONE,
		    .wait_ms = s->place == HOSTQ_WAITING && s->due_ms > now_ms
				   ? s->due_ms - now_ms
				   : 0,
		};
		memcpy(ret[i].authority, h->authority, strlen(h->authority) + 1);
	}
	return n;
}

/* ---- invariants ---- */

struct totals {
	uint64_t queued, in_flight, robots, window_bytes, rec_bytes, hosts_bytes, retries;
	uint64_t indexed;
	uint32_t places[HOSTQ_PLACE_MAX], waits[WAITS_MAX], dead, wants;
	uint32_t sessions, idle, ready_now, blocked;
};

/* The sum of a host's waits and its transfers is its lifetime. */
static void
check_life(const struct hostq *h)
{
	if (h->state.waits == WAITS_NOTHING)
		return;
	assert(h->waited_ms + h->transfer_ms == h->since_ms - h->born_ms);
}

/* And so it is of all hosts, though their sums are made in another way. */
static void
check_lives(const struct frontier *f)
{
	int64_t now_ms = manners_now_ms(f->manners);
	uint64_t ms[WAIT_CAUSE_MAX], sum;
	uint32_t now[WAIT_CAUSE_MAX];
	struct waits w = f->waits;

	if (now_ms < 0)
		return; /* nothing was asked yet */
	waits_sum(&w, now_ms, ms, now);
	sum = w.transfer_ms;
	for (uint32_t c = 0; c < WAIT_CAUSE_MAX; c++)
		sum += ms[c];
	assert(sum == (uint64_t)(f->lives_ms + f->alive * now_ms));
	assert(f->hosts.len - f->waits.hosts[WAITS_NOTHING] == f->alive);
}

static void
check_place(const struct frontier *f, const struct hostq *h)
{
	bool across = f->conf.order->across_hosts;
	bool on_heap =
	    h->state.place == HOSTQ_WAITING || (h->state.place == HOSTQ_READY && across);

	assert(heap_has(&h->node) == on_heap);
	assert(
	    !list_is_empty(&h->on_ready) == (h->state.place == HOSTQ_READY && !across));
	assert(list_is_empty(&h->on_idle) || h->in_session);
	assert(!list_is_empty(&h->on_wants) == h->wants);
	assert(!(h->wants && h->told));
	if (h->state.place == HOSTQ_WAITING)
		assert(f->waiting.v[h->node.at].node == &h->node &&
		       f->waiting.v[h->node.at].key == (uint64_t)h->state.due_ms);
	if (h->state.place == HOSTQ_READY && across)
		assert(f->ready_heap.v[h->node.at].node == &h->node &&
		       f->ready_heap.v[h->node.at].key == h->ready_key);
	assert((h->doom != OUTCOME_NONE) == h->counted_as_dead);
	/* Something that waits is neither forgotten nor overlooked. */
	if (h->window.len > 0 || h->beyond > 0)
		assert(h->state.place != HOSTQ_EMPTY);
	else if (list_is_empty(&h->guests))
		assert(h->state.place == HOSTQ_EMPTY || h->doom != OUTCOME_NONE);
	else
		assert(h->state.place != HOSTQ_EMPTY);
	if (h->window.len == 0 && h->beyond > 0)
		assert(h->wants || h->told || h->state.place != HOSTQ_BLOCKED ||
		       h->robots == HOSTQ_ROBOTS_ASKED);
}

static void
check_host(const struct frontier *f, const struct hostq *h, struct totals *t)
{
	hostq_check(h, &f->conf);
	check_life(h);
	check_place(f, h);
	assert(umap_get(&f->hosts, h->authority_hash) == h);
	t->places[h->state.place]++;
	t->waits[h->state.waits]++;
	t->dead += h->counted_as_dead;
	t->wants += h->wants;
	t->sessions += h->in_session;
	t->ready_now += h->ready_now;
	t->blocked += h->blocks_session;
	t->idle += !list_is_empty(&h->on_idle);
	t->queued += host_queued(h);
	t->in_flight += h->in_flight;
	t->robots += h->robots_in_flight + h->guests_in_flight;
	t->retries += h->retries_len;
	t->hosts_bytes += hostq_bytes(h);
	t->window_bytes += window_bytes(&h->window);
	for (uint32_t i = 0; i < h->window.len; i++) {
		const struct urlrec *r = window_at(&h->window, i);

		assert(r->authority_hash == h->authority_hash);
		t->indexed += frontier_find(f, r->url_hash) == r;
		t->rec_bytes += urlrec_bytes(r);
	}
	list_foreach (it, &h->retries) {
		const struct retry *r = container_of(it, struct retry, on_host);

		t->rec_bytes += urlrec_bytes(r->rec) + sizeof(*r);
		assert(outset_has(&f->out, r->rec->authority_hash, r->rec->key));
	}
}

void
frontier_check(const struct frontier *f)
{
	struct totals t = {0};
	uint32_t hosts = 0, wants = 0;

	heap_check(&f->waiting);
	heap_check(&f->ready_heap);
	heap_check(&f->retries);
	list_foreach (it, &f->all) {
		check_host(f, container_of(it, struct hostq, on_hosts), &t);
		hosts++;
	}
	list_foreach (it, &f->wants) {
		wants++;
	}
	assert(hosts == f->hosts.len);
	assert(wants == t.wants);
	assert(t.ready_now == f->ready_len && t.blocked == f->sessions_blocked);
	assert(t.sessions == f->sessions && t.idle == f->sessions_idle);
	assert(f->sessions <= f->conf.sessions_max && t.idle <= t.sessions);
	assert(t.queued == f->queued);
	assert(t.in_flight - t.robots == f->in_flight);
	assert(t.retries == f->retries.len);
	assert(t.indexed == f->by_url.len);
	assert(t.dead == f->dead);
	assert(t.places[HOSTQ_WAITING] == f->waiting.len);
	assert(t.window_bytes == f->window_bytes);
	assert(t.rec_bytes == f->rec_bytes);
	assert(t.hosts_bytes == f->hosts_bytes);
	for (uint32_t p = 0; p < HOSTQ_PLACE_MAX; p++)
		assert(t.places[p] == f->places[p]);
	check_lives(f);
	manners_check(f->manners);
	gate_check(&f->names);
	gate_check(&f->probes);
	for (uint32_t w = 0; w < WAITS_MAX; w++)
		assert(t.waits[w] == f->waits.hosts[w]);
}
