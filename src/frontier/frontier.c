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
enum { HOSTS_MAX = 1u << 28 };

static void settle(struct manners *m, const struct frontier *ours);

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
	gate_init(&f->probes, GATE_PROBES);
	f->conf.probes_max = 0;
	f->random = conf->jitter_seed;
	umap_init(&f->hosts, HOSTS_MAX);
	umap_init(&f->by_url, UINT32_MAX);
	list_init(&f->all);
	list_init(&f->ready);
	list_init(&f->ready_soon);
	list_init(&f->ready_later);
	list_init(&f->idle);
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
	umap_release(&f->by_url);
	outset_release(&f->out);
	free(f);
}

/* ---- hosts ---- */

struct hostq *
frontier_host_get(struct frontier *f, uint64_t authority_hash)
{
	return umap_get(&f->hosts, authority_hash);
}

bool
frontier_was_asked(const struct frontier *f, uint64_t authority_hash)
{
	const struct hostq *h = umap_get(&f->hosts, authority_hash);

	return h != NULL && h->done > 0;
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
	h->is_retired = f->is_retired;
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
		session_unready(f, h);
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
		session_ready(f, h);
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

static void
set_probes_max(struct frontier *f)
{
	uint32_t was = f->conf.probes_max, n = 0, kept = f->reserve;

	if (kept > f->known &&
	    kept > 0) /* one that has nothing may soon have something */
		kept = f->known > 0 ? f->known : 1;
	if (kept > 0 && f->room > 0)
		n = f->room > kept ? f->room - kept : 1;
	f->conf.probes_max = n;
	if (n == 0 || n > was)
		gate_wake(f->manners, &f->probes);
}

void
frontier_room(struct frontier *f, uint32_t room, uint32_t reserve)
{
	if (room == f->room && reserve == f->reserve)
		return;
	f->room = room;
	f->reserve = reserve;
	set_probes_max(f);
}

bool
frontier_lacks_room(const struct frontier *f)
{
	return !list_is_empty(&f->probes.waiters);
}

void
frontier_know(struct frontier *f, struct hostq *h, bool known)
{
	if (known == h->counted_as_known)
		return;
	h->counted_as_known = known;
	f->known += known ? 1 : UINT32_MAX;
	set_probes_max(f);
}

/* At a gate only what could begin but for that. */
static void
judge_gate(struct frontier *f, struct hostq *h, struct hostq_state *s)
{
	static const enum wait_cause causes[] = {[GATE_NAMES] = WAIT_DNS,
	    [GATE_SITE] = WAIT_PER_SITE_CAP,
	    [GATE_ADDRESS] = WAIT_PER_IP_CAP,
	    [GATE_PROBES] = WAIT_CONNECTION_CAP};

	if (h->gate == &f->probes && hostq_is_known(h))
		gate_leave(f->manners, h);
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
	frontier_know(f, h, s.place != HOSTQ_EMPTY && hostq_is_known(h));
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
	session_placed(f, h, now_ms);
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
frontier_settle(struct frontier *f)
{
	settle(f->manners, f);
}

void
frontier_retire(struct frontier *f, int64_t now_ms)
{
	manners_advance(f->manners, now_ms);
	f->is_retired = true;
	list_foreach (at, &f->all) {
		struct hostq *h = container_of(at, struct hostq, on_hosts);
		const struct list *sharers = &h->standing->hosts;
		bool waits = h->gate != NULL;

		h->is_retired = true;
		gate_leave(f->manners, h);
		if (waits || sharers->next != sharers->prev)
			standing_changed(f->manners, h->standing, NULL);
	}
	settle(f->manners, f);
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
	frontier_unindex(f, rec);
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
	frontier_index(f, rec);
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
frontier_retry_later(struct frontier *f, struct hostq *h, struct urlrec *rec,
    int64_t at_ms, enum wait_cause why)
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
	retry->why = why;
	list_push(&h->retries, &retry->on_host);
	h->retries_len++;
	h->crowded_len += why == WAIT_PARSER_BEHIND;
	f->rec_bytes += urlrec_bytes(rec) + sizeof(*retry);
	return 0;
}

/* `rec_bytes`: of its record, which may be gone by now. */
void
frontier_retry_free(struct frontier *f, struct retry *retry, uint64_t rec_bytes)
{
	heap_remove(&f->retries, &retry->node);
	list_remove(&retry->on_host);
	retry->host->retries_len--;
	retry->host->crowded_len -= retry->why == WAIT_PARSER_BEHIND;
	f->rec_bytes -= rec_bytes + sizeof(*retry);
	free(retry);
}

struct urlrec *
frontier_retry_take(struct frontier *f, struct retry *retry)
{
	struct urlrec *rec = retry->rec;

	frontier_retry_free(f, retry, urlrec_bytes(rec));
	return rec;
}

int
frontier_retry(struct frontier *f, struct urlrec *r, int64_t at_ms, enum wait_cause why,
    int64_t now_ms)
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
		err = frontier_retry_later(f, h, r, at_ms, why);
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
