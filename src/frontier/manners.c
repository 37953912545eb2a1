#include "frontier/manners.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "frontier/hostq.h"

#include "base/banned.h"

#define QUIET_MS ((int64_t)30 * 60 * 1000) /* then a standing says nothing any more */

enum {
	STANDINGS_MAX = 1 << 28,
	IDLE_MAX = 1 << 16,
	LOOKED_AT_MAX = 2,  /* idle ones, for each that goes idle */
	GRANT_MS = 1000,    /* to make use of a grant */
	GRANTS_AT_ONCE = 64 /* that are looked at in one go */
};

struct manners {
	struct umap standings;        /* siphash of the authority -> standing */
	struct umap addresses, sites; /* -> gate */
	struct list idle;             /* standings, the one left longest ago first */
	uint32_t idle_len, frontiers;
	struct list dirty;  /* hostq.on_dirty */
	struct list grants; /* hostq.on_grants, in the order in which they were given */
	int64_t now_ms;
};

int
manners_new(struct manners **ret)
{
	struct manners *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return -ENOMEM;
	umap_init(&m->standings, STANDINGS_MAX);
	umap_init(&m->addresses, STANDINGS_MAX);
	umap_init(&m->sites, STANDINGS_MAX);
	list_init(&m->idle);
	list_init(&m->dirty);
	list_init(&m->grants);
	m->now_ms = MANNERS_NEVER;
	*ret = m;
	return 0;
}

/* ---- gates ---- */

void
gate_init(struct gate *g, enum gate_kind kind)
{
	*g = (struct gate){.kind = kind};
	list_init(&g->waiters);
}

static struct umap *
gates_of(struct manners *m, enum gate_kind kind)
{
	assert(kind == GATE_SITE || kind == GATE_ADDRESS);
	return kind == GATE_SITE ? &m->sites : &m->addresses;
}

static uint32_t
gate_limit(const struct gate *g, const struct hostq *h)
{
	switch (g->kind) {
	case GATE_SITE:
		return h->conf->per_site;
	case GATE_ADDRESS:
		return h->conf->per_ip;
	case GATE_PROBES:
		return h->conf->probes_max;
	case GATE_NAMES:
		break;
	}
	return h->conf->names_max;
}

/* 0: no limit. */
static bool
gate_has_room(const struct gate *g, uint32_t limit)
{
	return limit == 0 || g->in_flight + g->granted < limit;
}

static struct gate *
gate_ref(struct manners *m, enum gate_kind kind, uint64_t key)
{
	struct gate *g = umap_get(gates_of(m, kind), key);

	if (g == NULL) {
		g = malloc(sizeof(*g));
		if (g == NULL)
			return NULL;
		gate_init(g, kind);
		g->key = key;
		if (umap_put(gates_of(m, kind), key, g) < 0) {
			free(g);
			return NULL;
		}
	}
	g->refs++;
	return g;
}

static void
make_dirty(struct manners *m, struct hostq *h)
{
	if (list_is_empty(&h->on_dirty))
		list_push(&m->dirty, &h->on_dirty);
}

static void
gate_unref(struct manners *m, struct gate *g)
{
	if (g == NULL || --g->refs > 0)
		return;
	assert(g->in_flight == 0 && g->granted == 0 && list_is_empty(&g->waiters));
	(void)umap_take(gates_of(m, g->kind), g->key);
	free(g);
}

void
gate_wake(struct manners *m, struct gate *g)
{
	while (!list_is_empty(&g->waiters)) {
		struct hostq *h = container_of(g->waiters.next, struct hostq, on_gate);

		if (!gate_has_room(g, gate_limit(g, h)))
			return;
		list_remove(&h->on_gate);
		h->granted = true;
		h->granted_ms = m->now_ms;
		g->granted++;
		list_push(&m->grants, &h->on_grants);
		make_dirty(m, h);
	}
}

static void
grant_ends(struct gate *g, struct hostq *h)
{
	assert(h->granted && g->granted > 0);
	g->granted--;
	h->granted = false;
	list_remove(&h->on_grants);
}

/*
 * Whoever was let in at one gate may take, at another, what was granted there to somebody
 * who has not begun: else two that each have what the other needs would exchange it for
 * ever.  So whoever has to wait waits for a request to end.
 */
bool
gate_enter(struct manners *m, struct gate *g, struct hostq *h)
{
	bool was_first = h->gate == g && h->granted;
	uint32_t limit;

	if (g == NULL)
		return true;
	limit = gate_limit(g, h);
	if (h->granted && (limit == 0 || g->in_flight < limit))
		return true;
	if (gate_has_room(g, limit) && list_is_empty(&g->waiters))
		return true;
	if (was_first) { /* its place was taken */
		grant_ends(g, h);
		list_push_front(&g->waiters, &h->on_gate);
		return false;
	}
	gate_leave(m, h);
	h->gate = g;
	list_push(&g->waiters, &h->on_gate);
	gate_wake(m, g); /* it may be the first, and have no limit */
	return false;
}

void
gate_leave(struct manners *m, struct hostq *h)
{
	struct gate *g = h->gate;

	if (g == NULL)
		return;
	if (h->granted)
		grant_ends(g, h);
	list_remove(&h->on_gate);
	h->gate = NULL;
	gate_wake(m, g);
}

void
gate_began(struct manners *m, struct gate *g, struct hostq *h)
{
	if (g == NULL)
		return;
	g->in_flight++; /* first: or leaving lets another in */
	if (h->gate == g)
		gate_leave(m, h);
}

void
gate_ended(struct manners *m, struct gate *g)
{
	if (g == NULL)
		return;
	assert(g->in_flight > 0);
	g->in_flight--;
	gate_wake(m, g);
}

void
gate_check(const struct gate *g)
{
	uint32_t n = 0;

	list_foreach (it, &g->waiters) {
		const struct hostq *h = container_of(it, struct hostq, on_gate);

		assert(h->gate == g && !h->granted);
		/* Nobody waits while there is room for it. */
		if (n++ == 0)
			assert(!gate_has_room(g, gate_limit(g, h)));
	}
}

/* ---- standings ---- */

void
standing_init(struct standing *s)
{
	*s = (struct standing){.shared = false};
	list_init(&s->hosts);
	list_init(&s->on_idle);
	s->start_ms = s->end_ms = MANNERS_NEVER;
	s->backoff_until_ms = s->backoff_set_ms = MANNERS_NEVER;
	s->fail_until_ms = s->fail_set_ms = s->unanswered_set_ms = MANNERS_NEVER;
	s->name_until_ms = MANNERS_NEVER;
	s->crawl_delay_ms = -1;
}

static struct standing *
standing_new(void)
{
	struct standing *s = malloc(sizeof(*s));

	if (s != NULL)
		standing_init(s);
	return s;
}

static void
standing_free(struct manners *m, struct standing *s)
{
	assert(list_is_empty(&s->hosts) && s->in_flight == 0);
	if (s->shared)
		(void)umap_take(&m->standings, s->key);
	if (!list_is_empty(&s->on_idle))
		m->idle_len--;
	list_remove(&s->on_idle);
	gate_unref(m, s->address);
	gate_unref(m, s->site);
	free(s);
}

/* The table's, or a new one in it. */
static struct standing *
standing_of(struct manners *m, struct slice authority)
{
	uint64_t key = siphash(authority);
	struct standing *s = umap_get(&m->standings, key);

	if (s != NULL) {
		if (!list_is_empty(&s->on_idle))
			m->idle_len--;
		list_remove(&s->on_idle);
		return s;
	}
	s = standing_new();
	if (s == NULL)
		return NULL;
	if (umap_put(&m->standings, key, s) < 0) {
		free(s);
		return NULL;
	}
	s->key = key;
	s->shared = true;
	return s;
}

static void
join(struct standing *s, struct hostq *h)
{
	h->standing = s;
	h->fails_seen = s->fails;
	list_push_front(&s->hosts, &h->on_standing);
}

int
standing_join(struct manners *m, struct slice authority, struct hostq *h)
{
	struct standing *s =
	    m == NULL || authority.len == 0 ? standing_new() : standing_of(m, authority);

	if (s == NULL)
		return -ENOMEM;
	join(s, h);
	return 0;
}

static int64_t
later_of(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* The stricter of both: what one crawl knows from before a restart, and what another has
 * seen since. */
void
standing_merge(struct standing *s, const struct standing *other)
{
	if (other->end_ms > s->end_ms)
		s->took_ms = other->took_ms;
	s->start_ms = later_of(s->start_ms, other->start_ms);
	s->end_ms = later_of(s->end_ms, other->end_ms);
	s->backoff_until_ms = later_of(s->backoff_until_ms, other->backoff_until_ms);
	s->backoff_set_ms = later_of(s->backoff_set_ms, other->backoff_set_ms);
	if (other->backoff_level > s->backoff_level)
		s->backoff_level = other->backoff_level;
	if (other->eased_ms > s->eased_ms)
		s->eased_answers = other->eased_answers;
	s->eased_ms = later_of(s->eased_ms, other->eased_ms);
	if (other->fail_set_ms > s->fail_set_ms) {
		s->failures = other->failures;
		s->fail_set_ms = other->fail_set_ms;
		s->fail_until_ms = other->fail_until_ms;
	}
	if (other->crawl_delay_ms > s->crawl_delay_ms)
		s->crawl_delay_ms = other->crawl_delay_ms;
}

int
standing_named(struct manners *m, struct slice authority, struct hostq *h)
{
	struct standing *was = h->standing, *s = standing_of(m, authority);

	if (s == NULL)
		return -ENOMEM;
	assert(!was->shared && was->in_flight == 0);
	list_remove(&h->on_standing);
	standing_merge(s, was);
	standing_free(m, was);
	join(s, h);
	return 0;
}

static bool
says_nothing(const struct standing *s, int64_t now_ms)
{
	return now_ms - s->start_ms >= QUIET_MS && now_ms - s->end_ms >= QUIET_MS &&
	       now_ms - s->backoff_until_ms >= QUIET_MS &&
	       now_ms - s->fail_until_ms >= QUIET_MS;
}

/* It is kept for the next crawl, for a while. */
static void
goes_idle(struct manners *m, struct standing *s)
{
	if (!s->shared || says_nothing(s, m->now_ms)) {
		standing_free(m, s);
		return;
	}
	list_push(&m->idle, &s->on_idle);
	m->idle_len++;
	for (uint32_t n = 0; n < LOOKED_AT_MAX && !list_is_empty(&m->idle); n++) {
		s = container_of(m->idle.next, struct standing, on_idle);
		if (m->idle_len <= IDLE_MAX && !says_nothing(s, m->now_ms))
			return;
		standing_free(m, s);
	}
}

void
standing_leave(struct manners *m, struct hostq *h)
{
	struct standing *s = h->standing;

	if (m != NULL)
		gate_leave(m, h);
	if (h->in_flight > 0)
		s->start_ms = s->end_ms = later_of(s->end_ms, m->now_ms);
	for (; h->in_flight > 0; h->in_flight--)
		standing_ended(m, h);
	list_remove(&h->on_standing);
	list_remove(&h->on_dirty);
	if (h->asks_name)
		s->name_asked = false;
	if (list_is_empty(&s->hosts)) {
		if (m == NULL)
			free(s);
		else
			goes_idle(m, s);
		return;
	}
	standing_crawl_delay(s);
	standing_changed(m, s, NULL);
}

void
standing_started(struct manners *m, struct hostq *h, int64_t now_ms)
{
	struct standing *s = h->standing;

	s->in_flight++;
	s->start_ms = now_ms;
	s->name_fresh = false;
	gate_began(m, s->site, h);
	gate_began(m, s->address, h);
	list_remove(&h->on_standing);
	list_push(&s->hosts, &h->on_standing);
	standing_changed(m, s, h);
}

void
standing_ended(struct manners *m, struct hostq *h)
{
	struct standing *s = h->standing;

	assert(s->in_flight > 0);
	s->in_flight--;
	gate_ended(m, s->site);
	gate_ended(m, s->address);
	if (s->in_flight == 0 && s->moves) {
		s->moves = false;
		standing_address(m, s, s->moves_to);
	}
	standing_changed(m, s, h);
}

uint32_t
standing_failures(const struct standing *s, int64_t ttl_ms, int64_t now_ms)
{
	return now_ms - s->fail_set_ms >= ttl_ms ? 0 : s->failures;
}

void
standing_crawl_delay(struct standing *s)
{
	s->crawl_delay_ms = -1;
	list_foreach (it, &s->hosts) {
		const struct hostq *h = container_of(it, struct hostq, on_standing);

		if (h->crawl_delay_ms > s->crawl_delay_ms)
			s->crawl_delay_ms = h->crawl_delay_ms;
	}
}

void
standing_changed(struct manners *m, struct standing *s, const struct hostq *but)
{
	list_foreach (it, &s->hosts) {
		struct hostq *h = container_of(it, struct hostq, on_standing);

		if (h != but)
			make_dirty(m, h);
	}
}

/* Those who wait at a gate that is theirs no more. */
static void
leave_gate(struct manners *m, struct standing *s, struct gate *g)
{
	list_foreach (it, &s->hosts) {
		struct hostq *h = container_of(it, struct hostq, on_standing);

		if (g != NULL && h->gate == g) {
			gate_leave(m, h);
			make_dirty(m, h);
		}
	}
}

void
standing_address(struct manners *m, struct standing *s, uint64_t address)
{
	struct gate *was = s->address;

	if ((was == NULL ? 0 : was->key) == address) {
		s->moves = false;
		return;
	}
	if (was != NULL && s->in_flight > 0) {
		/* They count where they are; nothing begins until they have ended. */
		s->moves = true;
		s->moves_to = address;
		return;
	}
	leave_gate(m, s, was);
	s->address = address == 0 ? NULL : gate_ref(m, GATE_ADDRESS, address);
	if (s->address != NULL)
		s->address->in_flight += s->in_flight;
	gate_unref(m, was);
}

void
standing_site(struct manners *m, struct standing *s, struct slice site)
{
	if (s->site != NULL || site.len == 0)
		return;
	s->site = gate_ref(m, GATE_SITE, siphash(site));
	if (s->site != NULL)
		s->site->in_flight += s->in_flight;
}

/* ---- the whole ---- */

void
manners_advance(struct manners *m, int64_t now_ms)
{
	if (now_ms > m->now_ms)
		m->now_ms = now_ms;
	for (uint32_t n = 0; n < GRANTS_AT_ONCE && !list_is_empty(&m->grants); n++) {
		struct hostq *h = container_of(m->grants.next, struct hostq, on_grants);
		struct gate *g = h->gate;

		if (m->now_ms - h->granted_ms < GRANT_MS)
			return;
		if (list_is_empty(&g->waiters)) {
			h->granted_ms = m->now_ms;
			list_remove(&h->on_grants);
			list_push(&m->grants, &h->on_grants);
			continue;
		}
		grant_ends(g, h);
		list_push(&g->waiters, &h->on_gate);
		make_dirty(m, h);
		gate_wake(m, g);
	}
}

int64_t
manners_now_ms(const struct manners *m)
{
	return m->now_ms;
}

int64_t
manners_due_ms(const struct manners *m)
{
	/* Alone, a frontier that leaves grants unused is held as a whole. */
	if (m->frontiers < 2 || list_is_empty(&m->grants))
		return INT64_MAX;
	return container_of(m->grants.next, struct hostq, on_grants)->granted_ms +
	       GRANT_MS;
}

struct hostq *
manners_dirty(struct manners *m)
{
	struct list *l = list_pop(&m->dirty);

	return l == NULL ? NULL : container_of(l, struct hostq, on_dirty);
}

void
manners_joined(struct manners *m, int frontiers)
{
	m->frontiers += (uint32_t)frontiers;
}

uint32_t
manners_standings(const struct manners *m)
{
	return (uint32_t)m->standings.len;
}

void
manners_free(struct manners *m)
{
	struct list *l;

	if (m == NULL)
		return;
	while ((l = m->idle.next) != &m->idle)
		standing_free(m, container_of(l, struct standing, on_idle));
	assert(m->standings.len == 0 && m->addresses.len == 0 && m->sites.len == 0);
	umap_release(&m->standings);
	umap_release(&m->addresses);
	umap_release(&m->sites);
	free(m);
}

static void
check_gates(const struct umap *gates)
{
	uint64_t key;
	void *g;

	for (size_t i = 0; umap_at(gates, &i, &key, &g);)
		gate_check(g);
}

void
manners_check(const struct manners *m)
{
	uint64_t key;
	void *value;
	uint64_t in_flight = 0, at_addresses = 0, granted = 0, grants = 0;

	check_gates(&m->addresses);
	check_gates(&m->sites);
	for (size_t i = 0; umap_at(&m->standings, &i, &key, &value);) {
		const struct standing *s = value;
		uint32_t own = 0;

		list_foreach (it, &s->hosts) {
			const struct hostq *h =
			    container_of(it, struct hostq, on_standing);

			assert(h->standing == s);
			own += h->in_flight;
			granted += h->granted && h->gate->kind == GATE_ADDRESS;
		}
		assert(own == s->in_flight);
		assert(list_is_empty(&s->hosts) == !list_is_empty(&s->on_idle));
		if (s->address != NULL)
			in_flight += s->in_flight;
	}
	for (size_t i = 0; umap_at(&m->addresses, &i, &key, &value);) {
		const struct gate *g = value;

		at_addresses += g->in_flight;
		grants += g->granted;
	}
	assert(in_flight == at_addresses);
	assert(granted == grants);
}
