#include "frontier/frontier.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "frontier/inside.h"
#include "web/url.h"

#include "base/banned.h"

/*
 * Every event ends in frontier_place(): hostq_judge() says where the host belongs, and
 * only a change touches the lists and heaps.  Each host is linked in at most one of them.
 */
enum { HOSTS_MAX = 1u << 28, STEPS_MAX = 100, ADVANCE_MAX = 64 };

static void settle(struct manners *m, const struct frontier *ours);
static void join_site(struct frontier *f, struct hostq *h);

int
frontier_new(const struct frontier_conf *conf, struct frontier **ret)
{
	struct frontier *f = calloc(1, sizeof(*f));

	assert(conf->order != NULL);
	assert(conf->per_host >= 1);
	assert(conf->window_max >= 2);
	if (f == NULL)
		return -ENOMEM;
	f->conf = *conf;
	if (conf->manners == NULL && manners_new(&f->own_manners) < 0) {
		free(f);
		return -ENOMEM;
	}
	f->manners = conf->manners != NULL ? conf->manners : f->own_manners;
	manners_joined(f->manners, 1);
	gate_init(&f->names, GATE_NAMES);
	f->random = conf->jitter_seed;
	umap_init(&f->hosts, HOSTS_MAX);
	list_init(&f->all);
	list_init(&f->ready);
	list_init(&f->wants);
	heap_init(&f->ready_heap, HOSTS_MAX);
	heap_init(&f->waiting, HOSTS_MAX);
	heap_init(&f->retries, UINT32_MAX - 1);
	*ret = f;
	return 0;
}

void
frontier_free(struct frontier *f)
{
	struct list *l;

	if (f == NULL)
		return;
	heap_release(&f->ready_heap);
	heap_release(&f->waiting);
	heap_release(&f->retries);
	while ((l = list_pop(&f->all)) != NULL)
		hostq_free(f->manners, container_of(l, struct hostq, on_hosts));
	manners_joined(f->manners, -1);
	settle(f->manners, NULL);
	manners_free(f->own_manners);
	umap_release(&f->hosts);
	outset_release(&f->out);
	free(f);
}

void
frontier_configure(struct frontier *f, const struct frontier_conf *conf, int64_t now_ms)
{
	struct frontier_conf old = f->conf;

	assert(conf->per_host >= 1);
	f->conf = *conf;
	f->conf.order = old.order;
	f->conf.window_max = old.window_max;
	f->conf.jitter_seed = old.jitter_seed;
	f->conf.manners = old.manners;
	list_foreach (it, &f->all) {
		struct hostq *h = container_of(it, struct hostq, on_hosts);

		join_site(f, h);
		if (h->gate != NULL)
			gate_wake(f->manners, h->gate); /* by its new limit */
		frontier_place(f, h, now_ms);
	}
}

/* ---- hosts ---- */

struct hostq *
frontier_host_get(struct frontier *f, uint64_t authority_hash)
{
	return umap_get(&f->hosts, authority_hash);
}

/* Room for `n` nodes, so that a host can change its place without memory. */
static int
heap_room(struct heap *h, size_t n)
{
	struct heap_entry *v;
	uint32_t cap = h->cap == 0 ? 16 : h->cap;

	while (cap < n)
		cap *= 2;
	if (cap == h->cap)
		return 0;
	v = realloc(h->v, cap * sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	h->v = v;
	h->cap = cap;
	return 0;
}

static void
join_site(struct frontier *f, struct hostq *h)
{
	struct slice rest = slice_cstr(h->authority), scheme;

	if (f->conf.per_site == 0 || !slice_cut(&rest, ':', &scheme))
		return;
	rest = slice_from(rest, 2);
	if (rest.len > 0 && rest.ptr[0] == '[') { /* an address is its own site */
		standing_site(f->manners, h->standing, rest);
		return;
	}
	if (!slice_cut(&rest, ':', &scheme))
		scheme = rest;
	standing_site(f->manners, h->standing, url_site(scheme));
}

void
frontier_host_joined(struct frontier *f, struct hostq *h)
{
	h->frontier = f;
	h->conf = &f->conf;
	hostq_asked(h, &f->conf);
	join_site(f, h);
}

int
frontier_host_new(struct frontier *f, uint64_t authority_hash, struct slice authority,
    int64_t now_ms, struct hostq **ret)
{
	struct hostq *h;

	frontier_make_room(f, now_ms);
	if (heap_room(&f->waiting, f->hosts.len + 1) < 0 ||
	    heap_room(
		&f->ready_heap, f->conf.order->across_hosts ? f->hosts.len + 1 : 0) < 0)
		return -ENOMEM;
	if (hostq_new(f->manners, authority_hash, authority, &h) < 0)
		return -ENOMEM;
	if (umap_put(&f->hosts, authority_hash, h) < 0) {
		hostq_free(f->manners, h);
		return -ENOMEM;
	}
	frontier_host_joined(f, h);
	list_push_front(&f->all, &h->on_hosts);
	f->hosts_bytes += hostq_bytes(h);
	f->places[HOSTQ_EMPTY]++;
	waits_enter(&f->waits, WAITS_NOTHING, now_ms);
	*ret = h;
	return 0;
}

static int
host_get_or_new(
    struct frontier *f, const struct urlrec *r, int64_t now_ms, struct hostq **ret)
{
	struct slice authority = urlrec_authority(r);

	*ret = umap_get(&f->hosts, r->authority_hash);
	if (*ret != NULL)
		return 0;
	if (authority.ptr == NULL)
		authority = SLICE_LIT("");
	return frontier_host_new(f, r->authority_hash, authority, now_ms, ret);
}

/* What ranks a host among others: retries of a host that was given up come first. */
static uint64_t
head_key(const struct hostq *h)
{
	return h->window.len > 0 ? window_first_key(&h->window) : 0;
}

static void
place_leave(struct frontier *f, struct hostq *h)
{
	if (h->state.place == HOSTQ_WAITING)
		heap_remove(&f->waiting, &h->node);
	if (h->state.place != HOSTQ_READY)
		return;
	if (f->conf.order->across_hosts)
		heap_remove(&f->ready_heap, &h->node);
	else
		list_remove(&h->on_ready);
}

static void
place_enter(struct frontier *f, struct hostq *h, const struct hostq_state *s)
{
	int r = 0;

	if (s->place == HOSTQ_WAITING)
		r = heap_push(&f->waiting, &h->node, (uint64_t)s->due_ms);
	if (s->place == HOSTQ_READY && f->conf.order->across_hosts) {
		h->ready_key = head_key(h);
		r = heap_push(&f->ready_heap, &h->node, h->ready_key);
	} else if (s->place == HOSTQ_READY) {
		list_push(&f->ready, &h->on_ready);
	}
	assert(r == 0); /* heap_room() saw to it */
}

static void
place_stay(struct frontier *f, struct hostq *h, const struct hostq_state *s)
{
	if (s->place == HOSTQ_WAITING && s->due_ms != h->state.due_ms)
		heap_move(&f->waiting, &h->node, (uint64_t)s->due_ms);
	if (s->place == HOSTQ_READY && f->conf.order->across_hosts &&
	    head_key(h) != h->ready_key) {
		h->ready_key = head_key(h);
		heap_move(&f->ready_heap, &h->node, h->ready_key);
	}
}

/* At a gate only what could begin but for that. */
static void
judge_gate(struct frontier *f, struct hostq *h, struct hostq_state *s)
{
	static const enum wait_cause causes[] = {[GATE_NAMES] = WAIT_DNS,
	    [GATE_SITE] = WAIT_PER_SITE_CAP,
	    [GATE_ADDRESS] = WAIT_PER_IP_CAP};

	if (h->gate == NULL)
		return;
	if (s->place != HOSTQ_READY || h->doom != OUTCOME_NONE)
		gate_leave(f->manners, h);
	else if (!h->granted)
		*s = (struct hostq_state){HOSTQ_FULL, causes[h->gate->kind], 0};
}

/* What it did since it was placed last. */
static void
host_lives(struct frontier *f, struct hostq *h, uint32_t next, int64_t now_ms)
{
	int64_t ms = now_ms - h->since_ms;

	if (h->state.waits == next)
		return;
	if (h->state.waits == WAITS_NOTHING) {
		h->born_ms = now_ms;
		h->waited_ms = h->transfer_ms = 0;
		f->alive++;
		f->lives_ms -= now_ms;
	} else if (h->state.waits == WAITS_TRANSFER) {
		h->transfer_ms += ms;
	} else {
		h->waited_ms += ms;
	}
	h->since_ms = now_ms;
	if (next == WAITS_NOTHING) {
		assert(h->waited_ms + h->transfer_ms == now_ms - h->born_ms);
		f->alive--;
		f->lives_ms += now_ms;
	}
}

static void
place_one(struct frontier *f, struct hostq *h, int64_t now_ms)
{
	struct hostq_state s;
	bool dead;

	hostq_heed(h, &f->conf, now_ms);
	if (h->doom != OUTCOME_NONE && !hostq_is_doomed(h, now_ms))
		h->doom = OUTCOME_NONE;
	dead = h->doom != OUTCOME_NONE;
	if (dead && !h->counted_as_dead)
		f->dead++;
	if (!dead && h->counted_as_dead)
		f->dead--;
	h->counted_as_dead = dead;
	hostq_judge(h, &f->conf, now_ms, &s);
	judge_gate(f, h, &s);
	if (s.place == h->state.place) {
		place_stay(f, h, &s);
	} else {
		place_leave(f, h);
		f->places[h->state.place]--;
		f->places[s.place]++;
		place_enter(f, h, &s);
	}
	if (h->in_flight > 0 && !h->robots_in_flight)
		s.waits = WAITS_TRANSFER;
	host_lives(f, h, s.waits, now_ms);
	waits_move(&f->waits, h->state.waits, s.waits, now_ms);
	h->state = s;
	frontier_rest(f, h, now_ms);
	frontier_want(f, h, now_ms);
}

/* Each of them once an event, but for a grant that goes on to the next: no recursion. */
static void
settle(struct manners *m, const struct frontier *ours)
{
	struct hostq *h;

	while ((h = manners_dirty(m)) != NULL) {
		struct frontier *f = h->frontier;

		place_one(f, h, manners_now_ms(m));
		if (f != ours && f->conf.on_change != NULL)
			f->conf.on_change(f->conf.on_change_ctx);
	}
}

void
frontier_place(struct frontier *f, struct hostq *h, int64_t now_ms)
{
	manners_advance(f->manners, now_ms);
	place_one(f, h, manners_now_ms(f->manners));
	settle(f->manners, f);
}

/* ---- records ---- */

/* The greatest of a window that is over its size goes back to the store, which has it. */
static void
window_trim(struct frontier *f, struct hostq *h)
{
	struct urlrec *rec;

	if (h->window.len <= frontier_window_max(f))
		return;
	rec = window_take_last(&h->window);
	f->rec_bytes -= urlrec_bytes(rec);
	/* Or the refill that brings it back would take it for one that is being fetched.
	 */
	outset_remove(&f->out, rec->authority_hash, rec->key);
	/* A retry may have been past the mark. */
	if (rec->key <= h->high_key)
		h->high_key = window_last_key(&h->window);
	h->beyond++;
	urlrec_free(rec);
}

int
frontier_keep(struct frontier *f, struct hostq *h, struct urlrec *rec)
{
	uint64_t before = window_bytes(&h->window);
	int r = window_insert(&h->window, rec);

	if (r < 0)
		return r;
	f->window_bytes += window_bytes(&h->window) - before;
	f->rec_bytes += urlrec_bytes(rec);
	window_trim(f, h);
	return 0;
}

int
frontier_add(struct frontier *f, const struct urlrec *r, int64_t now_ms)
{
	struct urlrec *rec;
	struct hostq *h;
	int err;

	err = host_get_or_new(f, r, now_ms, &h);
	if (err < 0)
		return err;
	if (h->beyond > 0 && r->key > h->high_key) {
		h->beyond++;
	} else {
		rec = urlrec_new(r);
		if (rec == NULL)
			return -ENOMEM;
		err = frontier_keep(f, h, rec);
		if (err < 0)
			urlrec_free(rec);
		if (err == -EEXIST)
			return 0; /* added already */
		if (err < 0)
			return err;
	}
	f->queued++;
	frontier_place(f, h, now_ms);
	return 0;
}

int
frontier_retry_later(
    struct frontier *f, struct hostq *h, struct urlrec *rec, int64_t at_ms)
{
	struct retry *retry = malloc(sizeof(*retry));

	if (retry == NULL)
		return -ENOMEM;
	heap_node_init(&retry->node);
	if (heap_push(&f->retries, &retry->node, (uint64_t)at_ms) < 0) {
		free(retry);
		return -ENOMEM;
	}
	retry->host = h;
	retry->rec = rec;
	list_push(&h->retries, &retry->on_host);
	h->retries_len++;
	f->rec_bytes += urlrec_bytes(rec) + sizeof(*retry);
	return 0;
}

/* `rec_bytes`: of its record, which may be gone by now. */
static void
retry_free(struct frontier *f, struct retry *retry, uint64_t rec_bytes)
{
	heap_remove(&f->retries, &retry->node);
	list_remove(&retry->on_host);
	retry->host->retries_len--;
	f->rec_bytes -= rec_bytes + sizeof(*retry);
	free(retry);
}

static struct urlrec *
retry_take(struct frontier *f, struct retry *retry)
{
	struct urlrec *rec = retry->rec;

	retry_free(f, retry, urlrec_bytes(rec));
	return rec;
}

int
frontier_retry(struct frontier *f, struct urlrec *r, int64_t at_ms, int64_t now_ms)
{
	struct hostq *h;
	int err;

	err = host_get_or_new(f, r, now_ms, &h);
	if (err < 0)
		return err;
	err = outset_add(&f->out, r->authority_hash, r->key);
	if (err < 0)
		return err;
	if (at_ms > now_ms)
		err = frontier_retry_later(f, h, r, at_ms);
	else
		err = frontier_keep(f, h, r);
	if (err < 0)
		return err;
	f->queued++;
	frontier_place(f, h, now_ms);
	return 0;
}

int
frontier_guest_add(struct frontier *f, struct frontier_guest *g, uint64_t authority_hash,
    struct slice authority, int64_t now_ms)
{
	struct hostq *h = frontier_host_get(f, authority_hash);
	int r = 0;

	if (h == NULL)
		r = frontier_host_new(f, authority_hash, authority, now_ms, &h);
	else
		r = frontier_host_name(f, h, authority);
	if (r < 0)
		return r;
	list_push(&h->guests, &g->on_host);
	frontier_place(f, h, now_ms);
	return 0;
}

void
frontier_guest_remove(
    struct frontier *f, struct frontier_guest *g, uint64_t authority_hash, int64_t now_ms)
{
	if (list_is_empty(&g->on_host))
		return;
	list_remove(&g->on_host);
	frontier_place(f, frontier_host_get(f, authority_hash), now_ms);
}

/* ---- who is next ---- */

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
		retry_free(f, retry, rec_bytes);
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
	settle(f->manners, f);
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
		return list_is_empty(&f->ready)
			   ? NULL
			   : container_of(f->ready.next, struct hostq, on_ready);
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
		return retry_take(
		    f, container_of(h->retries.next, struct retry, on_host));
	}
	f->window_bytes -= before - window_bytes(&h->window);
	f->rec_bytes -= urlrec_bytes(rec);
	return rec;
}

/* Behind the others that are ready, if it still is. */
static void
turn_ends(struct frontier *f, struct hostq *h, int64_t now_ms)
{
	frontier_place(f, h, now_ms);
	if (h->state.place == HOSTQ_READY && !f->conf.order->across_hosts) {
		list_remove(&h->on_ready);
		list_push(&f->ready, &h->on_ready);
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
	if (!h->guest_was_last || hostq_is_doomed(h, now_ms) || hostq_is_far(h, now_ms))
		return true;
	hostq_judge_urls(h, &f->conf, now_ms, &urls);
	return urls.place != HOSTQ_READY;
}

/* Something is to be asked there: what first, or (IDLE) it has to wait at a gate. */
static enum frontier_turn_kind
turn_of(struct frontier *f, struct hostq *h, int64_t now_ms)
{
	bool guest = is_guests_turn(f, h, now_ms);

	if (hostq_is_doomed(h, now_ms) || (guest && hostq_is_far(h, now_ms)))
		return guest ? FRONTIER_GUEST : FRONTIER_URL; /* it is not asked */
	/* One that had an answer does not wait behind those that may never have one. */
	if (needs_name(f, h, now_ms))
		return h->standing->name_known || gate_enter(f->manners, &f->names, h)
			   ? FRONTIER_NAME
			   : FRONTIER_IDLE;
	if (!gate_enter(f->manners, h->standing->site, h) ||
	    !gate_enter(f->manners, h->standing->address, h))
		return FRONTIER_IDLE;
	if (guest)
		return FRONTIER_GUEST;
	return hostq_needs_robots(h, &f->conf, now_ms) ? FRONTIER_ROBOTS : FRONTIER_URL;
}

static void
turn_robots(
    struct frontier *f, struct hostq *h, int64_t now_ms, struct frontier_turn *ret)
{
	ret->kind = FRONTIER_ROBOTS;
	memcpy(ret->authority, h->authority, strlen(h->authority) + 1);
	hostq_gap(h, &f->conf, &ret->gap);
	hostq_started(f->manners, h, true, now_ms);
	turn_ends(f, h, now_ms);
}

static void
turn_guest(struct frontier *f, struct hostq *h, int64_t now_ms, struct frontier_turn *ret)
{
	ret->kind = FRONTIER_GUEST;
	ret->guest = container_of(list_pop(&h->guests), struct frontier_guest, on_host);
	h->guest_was_last = true;
	if (hostq_is_doomed(h, now_ms) || hostq_is_far(h, now_ms)) {
		ret->outcome =
		    h->doom != OUTCOME_NONE ? h->doom : OUTCOME_ROBOTS_UNREACHABLE;
	} else {
		hostq_gap(h, &f->conf, &ret->gap);
		h->guests_in_flight++;
		hostq_started(f->manners, h, false, now_ms);
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
	hostq_gap(h, &f->conf, &ret->gap);
	hostq_started(f->manners, h, false, now_ms);
	turn_ends(f, h, now_ms);
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
