/*
 *   many -> lane (by the hash of the authority)
 *        -> ask (slot): unused, or somewhere on its way:
 *
 *   ASK_UNUSED -> ASK_SENT -> ASK_AT_LANE -> ASK_CAME -> ASK_UNUSED
 *   on unused     lane.asked  lane's own     lane.came
 *
 * An ask that is not wanted any more is taken out where it is; the one at its lane, which
 * alone may touch it, goes onto `unwanted`, and comes back as the others do.
 */
#include "net/transport_many.h"
#include "net/transport_int.h"
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

enum ask_place { ASK_UNUSED, ASK_SENT, ASK_AT_LANE, ASK_CAME };

struct ask {
	/* Under the lane's lock, as long as there is one. */
	struct lane *lane;
	enum ask_place place;
	struct list on_place;
	struct list on_unwanted; /* lane's */

	/* Of the first loop. */
	uint32_t slot, gen;
	bool wanted; /* fn is to be called */
	transport_fn *fn;
	void *ctx;
	struct list on_pace;  /* many's probing, quiet, heard or silent */
	int64_t pace_from_ms; /* since when it is there */
	bool slow;
	uint32_t *slow_of;

	/* Whose the ask is. */
	struct transport_request req; /* its texts are in `text` */
	struct slice *lines;
	size_t lines_cap;
	struct buf text;
	struct transport_id id; /* at the lane's transport */
	struct transport_result result;
	struct buf sent;
	int64_t asked_ms;

	_Atomic int64_t heard_ms; /* when the first of the answer came; 0: not yet */
};

struct lane {
	struct many *many;
	struct loop *loop;
	struct transport *transport;
	struct wake *wake; /* its own loop's */
	uint32_t connections_now;
	pthread_t thread;
	bool has_thread;
	bool has_lock;
	_Atomic bool called; /* to see whether it is alive; it was not heard yet */

	pthread_mutex_t lock; /* of what follows */
	struct list asked, unwanted, came;
	uint32_t connections_max;
	bool stopping;
};

struct many {
	struct loop *loop;
	struct shm *shm;
	struct wake *wake;
	struct lane *lanes;
	uint32_t lanes_len;
	struct ask **asks; /* by slot */
	uint32_t asks_len, asks_cap;
	struct list unused;
	struct list came; /* taken over from the lanes */
	uint32_t running; /* those that are wanted */
	uint32_t away;    /* those that are not unused */
	/* By pace_from_ms, not slow yet; and those that are, and were not heard. */
	struct list probing, quiet, heard, silent;
	uint32_t slow;
	struct large_room room;   /* over all lanes */
	_Atomic bool heard_late;  /* one that may be counted as slow was heard */
};

static void
lane_lock(struct lane *lane)
{
	int r = pthread_mutex_lock(&lane->lock);

	assert(r == 0);
	(void)r;
}

static void
lane_unlock(struct lane *lane)
{
	int r = pthread_mutex_unlock(&lane->lock);

	assert(r == 0);
	(void)r;
}

/* ---- the lane's side: on its thread ---- */

/* The first loop looks when it is woken, once for all that a turn brings. */
static void
lane_give_back(struct ask *ask)
{
	struct lane *lane = ask->lane;

	lane_lock(lane);
	list_remove(&ask->on_unwanted);
	ask->place = ASK_CAME;
	list_push(&lane->came, &ask->on_place);
	lane_unlock(lane);
}

static void
lane_tell(struct lane *lane)
{
	wake_send(lane->many->wake);
}

static void
lane_on_heard(void *ctx)
{
	struct ask *ask = ctx;
	int64_t now_ms = loop_now_ms(ask->lane->loop);

	if (ask->heard_ms != 0)
		return;
	ask->heard_ms = now_ms;
	if (now_ms - ask->asked_ms >= PROBE_SILENT_MS)
		ask->lane->many->heard_late = true;
}

static struct transport_result
failed(enum outcome outcome, const char *text)
{
	struct transport_result r = {.outcome = outcome,
	    .arena_full = outcome == OUTCOME_NONE,
	    .protocol = "http/1.1"};

	(void)snprintf(r.error, sizeof(r.error), "%s", text);
	return r;
}

static void
lane_on_result(void *ctx, struct transport_result *r)
{
	struct ask *ask = ctx;

	buf_clear(&ask->sent);
	if (buf_add_slice(&ask->sent, r->request) == 0) {
		ask->result = *r;
		ask->result.request = buf_slice(&ask->sent);
	} else {
		shm_free(ask->lane->many->shm, &r->block);
		ask->result = failed(OUTCOME_NONE, "out of memory");
	}
	lane_give_back(ask);
}

static void
lane_start(struct lane *lane, struct ask *ask)
{
	int r =
	    transport_start(lane->transport, &ask->req, lane_on_result, ask, &ask->id);

	if (r == 0)
		return;
	ask->result = r == -ENOMEM
			  ? failed(OUTCOME_NONE, "out of memory")
			  : failed(OUTCOME_BAD_URL, "not a URL that can be asked for");
	lane_give_back(ask);
	lane_tell(lane);
}

static void
lane_on_wake(void *ctx)
{
	struct lane *lane = ctx;
	struct list asked, unwanted, *at;
	uint32_t connections_max;

	list_init(&asked);
	list_init(&unwanted);
	lane->called = false;
	lane_lock(lane);
	list_splice(&asked, &lane->asked);
	list_foreach (n, &asked)
		container_of(n, struct ask, on_place)->place = ASK_AT_LANE;
	list_splice(&unwanted, &lane->unwanted);
	connections_max = lane->connections_max;
	if (lane->stopping)
		loop_stop(lane->loop);
	lane_unlock(lane);

	if (connections_max != lane->connections_now)
		transport_set_connections_max(lane->transport, connections_max);
	lane->connections_now = connections_max;
	/* These first: who asks a host anew has ended what it asked before. */
	while ((at = list_pop(&unwanted)) != NULL) {
		struct ask *ask = container_of(at, struct ask, on_unwanted);

		transport_cancel(lane->transport, ask->id);
		lane_give_back(ask);
		lane_tell(lane);
	}
	while ((at = list_pop(&asked)) != NULL)
		lane_start(lane, container_of(at, struct ask, on_place));
}

static void *
lane_main(void *arg)
{
	struct lane *lane = arg;
	char name[16];

	(void)snprintf(name, sizeof(name), "trawl-loop-%u",
	    (unsigned)(lane - lane->many->lanes) + 2);
	(void)pthread_setname_np(pthread_self(), name);
	(void)loop_run(lane->loop);
	return NULL;
}

/* ---- those that others need not wait for ---- */

static void
ask_pace(struct many *m, struct ask *ask, struct list *on, int64_t from_ms)
{
	list_remove(&ask->on_pace);
	m->slow -= ask->slow;
	if (ask->slow && ask->slow_of != NULL)
		--*ask->slow_of;
	ask->slow = false;
	ask->pace_from_ms = from_ms;
	if (on != NULL)
		list_push(on, &ask->on_pace);
}

/* Behind those that were heard before it; the list stays in order. */
static void
ask_heard(struct many *m, struct ask *ask)
{
	int64_t from_ms = ask->heard_ms;

	if (!list_is_empty(&m->heard)) {
		struct ask *last = container_of(m->heard.prev, struct ask, on_pace);

		if (last->pace_from_ms > from_ms)
			from_ms = last->pace_from_ms;
	}
	ask_pace(m, ask, &m->heard, from_ms);
}

static void
pace_look(struct many *m, struct list *on, int64_t limit_ms)
{
	int64_t now_ms = loop_now_ms(m->loop);

	list_foreach_safe(at, tmp, on)
	{
		struct ask *ask = container_of(at, struct ask, on_pace);

		if (now_ms - ask->pace_from_ms < limit_ms)
			break;
		if (on != &m->heard && ask->heard_ms != 0) {
			ask_heard(m, ask);
			continue;
		}
		list_remove(&ask->on_pace);
		if (on != &m->heard)
			list_push(&m->silent, &ask->on_pace);
		ask->slow = true;
		m->slow++;
		if (ask->slow_of != NULL)
			++*ask->slow_of;
	}
}

uint32_t
many_slow(struct many *m)
{
	if (atomic_exchange(&m->heard_late, false))
		list_foreach_safe(at, tmp, &m->silent)
		{
			struct ask *ask = container_of(at, struct ask, on_pace);

			if (ask->heard_ms != 0)
				ask_heard(m, ask);
		}
	pace_look(m, &m->probing, PROBE_SILENT_MS);
	pace_look(m, &m->quiet, SILENT_MS);
	pace_look(m, &m->heard, LONG_MS);
	return m->slow;
}

/* ---- asks ---- */

static void
ask_free(struct ask *ask)
{
	buf_release(&ask->text);
	buf_release(&ask->sent);
	free(ask->lines);
	free(ask);
}

static int
asks_grow(struct many *m)
{
	uint32_t cap = m->asks_cap == 0 ? 64 : m->asks_cap * 2;
	struct ask **v;

	if (m->asks_len < m->asks_cap)
		return 0;
	if (m->asks_len >= EXCHANGES_MAX)
		return -ENOMEM;
	v = realloc(m->asks, cap * sizeof(struct ask *));
	if (v == NULL)
		return -ENOMEM;
	m->asks = v;
	m->asks_cap = cap;
	return 0;
}

static struct ask *
ask_take(struct many *m)
{
	struct list *link = list_pop(&m->unused);
	struct ask *ask;

	if (link != NULL)
		return container_of(link, struct ask, on_place);
	if (asks_grow(m) < 0)
		return NULL;
	ask = calloc(1, sizeof(*ask));
	if (ask == NULL)
		return NULL;
	ask->slot = m->asks_len;
	list_init(&ask->on_place);
	list_init(&ask->on_unwanted);
	list_init(&ask->on_pace);
	buf_init(&ask->text, REQUEST_BYTES_MAX);
	buf_init(&ask->sent, REQUEST_BYTES_MAX);
	m->asks[m->asks_len++] = ask;
	return ask;
}

static void
ask_put_back(struct many *m, struct ask *ask)
{
	assert(!ask->wanted);
	ask->place = ASK_UNUSED;
	if (ask->text.cap > HEAD_KEPT_BYTES)
		buf_release(&ask->text);
	if (ask->sent.cap > HEAD_KEPT_BYTES)
		buf_release(&ask->sent);
	list_push_front(&m->unused, &ask->on_place);
}

static void
away_add(struct many *m, int n)
{
	m->away += (uint32_t)n;
	wake_ref(m->wake, m->away > 0);
}

/* Nobody waits for it any longer. */
static void
ask_leave(struct many *m, struct ask *ask)
{
	ask->gen++;
	ask->wanted = false;
	ask_pace(m, ask, NULL, 0);
}

static int
ask_fill(struct ask *ask, const struct transport_request *req)
{
	size_t bytes = req->url.len, at;
	struct slice *lines;

	for (size_t i = 0; i < req->lines_len; i++)
		bytes += req->lines[i].len;
	buf_clear(&ask->text);
	if (buf_reserve(&ask->text, bytes) < 0)
		return -ENOMEM;
	if (req->lines_len > ask->lines_cap) {
		lines = realloc(ask->lines, req->lines_len * sizeof(*lines));
		if (lines == NULL)
			return -ENOMEM;
		ask->lines = lines;
		ask->lines_cap = req->lines_len;
	}
	ask->req = *req;
	ask->req.slow_of = NULL; /* counted here */
	(void)buf_add_slice(&ask->text, req->url);
	ask->req.url = buf_slice(&ask->text);
	for (size_t i = 0; i < req->lines_len; i++) {
		at = ask->text.len;
		(void)buf_add_slice(&ask->text, req->lines[i]);
		ask->lines[i] = slice_from(buf_slice(&ask->text), at);
	}
	ask->req.lines = ask->lines;
	return 0;
}

/* ---- the first loop's side ---- */

/* What libcurl would refuse of it is refused here; empty: none that is good. */
static struct slice
authority_of(struct slice url)
{
	struct slice s = slice_from(url, slice_find(url, '/') + 2);
	size_t len = 0;

	while (len < s.len && strchr("/?#", s.ptr[len]) == NULL)
		len++;
	s = slice_head(s, len);
	return slice_find(s, '@') < s.len ? ((struct slice){0}) : s;
}

static void
lane_send(struct lane *lane, struct ask *ask)
{
	lane_lock(lane);
	ask->place = ASK_SENT;
	list_push(&lane->asked, &ask->on_place);
	lane_unlock(lane);
	wake_send(lane->wake);
}

int
many_start(struct many *m, const struct transport_request *req, transport_fn *fn,
    void *ctx, struct transport_id *ret)
{
	struct slice authority;
	struct ask *ask;
	int r;

	r = transport_request_check(req);
	if (r < 0)
		return r;
	authority = authority_of(req->url);
	if (authority.len == 0)
		return -EINVAL;
	ask = ask_take(m);
	if (ask == NULL)
		return -ENOMEM;
	r = ask_fill(ask, req);
	if (r < 0) {
		ask_put_back(m, ask);
		return r;
	}
	ask->lane = &m->lanes[siphash(authority) % m->lanes_len];
	ask->fn = fn;
	ask->ctx = ctx;
	ask->slow_of = req->slow_of;
	ask->asked_ms = loop_now_ms(m->loop);
	ask->heard_ms = 0;
	ask->result = (struct transport_result){0};
	ask->wanted = true;
	m->running++;
	away_add(m, 1);
	ask_pace(m, ask, req->is_probe ? &m->probing : &m->quiet, ask->asked_ms);
	lane_send(ask->lane, ask);
	*ret = (struct transport_id){.slot = ask->slot, .gen = ask->gen};
	return 0;
}

void
many_cancel(struct many *m, struct transport_id id)
{
	struct lane *lane;
	struct ask *ask;
	bool at_lane;

	if (id.slot >= m->asks_len)
		return;
	ask = m->asks[id.slot];
	if (ask->gen != id.gen || !ask->wanted)
		return;
	ask_leave(m, ask);
	m->running--;
	lane = ask->lane;
	lane_lock(lane);
	at_lane = ask->place == ASK_AT_LANE;
	if (at_lane)
		list_push(&lane->unwanted, &ask->on_unwanted);
	else
		list_remove(&ask->on_place);
	lane_unlock(lane);
	if (at_lane) {
		wake_send(lane->wake);
		return;
	}
	shm_free(m->shm, &ask->result.block);
	ask_put_back(m, ask);
	away_add(m, -1);
}

static void
deliver(struct many *m, struct ask *ask)
{
	if (ask->wanted) {
		ask_leave(m, ask); /* from here on a cancel comes too late */
		ask->fn(ask->ctx, &ask->result);
		m->running--;
	} else {
		shm_free(m->shm, &ask->result.block);
	}
	ask_put_back(m, ask);
	away_add(m, -1);
}

static void
many_on_wake(void *ctx)
{
	struct many *m = ctx;
	struct list *at;

	for (uint32_t i = 0; i < m->lanes_len; i++) {
		lane_lock(&m->lanes[i]);
		list_splice(&m->came, &m->lanes[i].came);
		lane_unlock(&m->lanes[i]);
	}
	while ((at = list_pop(&m->came)) != NULL)
		deliver(m, container_of(at, struct ask, on_place));
}

uint32_t
many_running(const struct many *m)
{
	return m->running;
}

int64_t
many_lag_us_take(struct many *m)
{
	int64_t most_us = 0;

	for (uint32_t i = 0; i < m->lanes_len; i++) {
		int64_t lag_us = loop_lag_us_take(m->lanes[i].loop);

		if (lag_us > most_us)
			most_us = lag_us;
	}
	return most_us;
}

bool
many_is_alive(struct many *m)
{
	bool all = true;

	for (uint32_t i = 0; i < m->lanes_len; i++) {
		all = !atomic_exchange(&m->lanes[i].called, true) && all;
		wake_send(m->lanes[i].wake);
	}
	return all;
}

/* A lane's share, and twice what chance gives one more than another. */
static uint32_t
connections_share(const struct many *m, uint32_t n)
{
	uint32_t share = (n + m->lanes_len - 1) / m->lanes_len, root = 0;

	if (m->lanes_len == 1)
		return n;
	while ((root + 1) * (root + 1) <= share && root < UINT16_MAX)
		root++;
	return share + 2 * root < n ? share + 2 * root : n;
}

void
many_set_connections_max(struct many *m, uint32_t n)
{
	uint32_t share = connections_share(m, n);

	for (uint32_t i = 0; i < m->lanes_len; i++) {
		lane_lock(&m->lanes[i]);
		m->lanes[i].connections_max = share;
		lane_unlock(&m->lanes[i]);
		wake_send(m->lanes[i].wake);
	}
}

/* ---- birth and death ---- */

static int
lane_open(struct lane *lane, const struct transport_conf *conf, struct why *why)
{
	int r;

	list_init(&lane->asked);
	list_init(&lane->unwanted);
	list_init(&lane->came);
	lane->connections_max = lane->connections_now = conf->connections_max;
	r = -pthread_mutex_init(&lane->lock, NULL);
	lane->has_lock = r == 0;
	if (r == 0)
		r = loop_new(&lane->loop);
	if (r == 0)
		r = wake_new(lane->loop, lane_on_wake, lane, &lane->wake);
	if (r < 0)
		return why_set(why, r, "cannot make an event loop: %s", strerror(-r));
	wake_ref(lane->wake, true);
	r = transport_new(lane->loop, conf, &lane->transport, why);
	if (r < 0)
		return r;
	lane->transport->room = &lane->many->room;
	lane->transport->lane = lane;
	lane->transport->on_heard = lane_on_heard;
	lane->transport->on_delivered = lane_tell;
	return 0;
}

static int
lane_run(struct lane *lane, struct why *why)
{
	sigset_t all, before;
	int r;

	/* Signals are the first loop's business. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&lane->thread, NULL, lane_main, lane);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	lane->has_thread = r == 0;
	return r == 0 ? 0
		      : why_set(why, -r, "cannot start a thread for an event loop: %s",
			    strerror(r));
}

static void
lane_stop(struct lane *lane)
{
	if (!lane->has_thread)
		return;
	lane_lock(lane);
	lane->stopping = true;
	lane_unlock(lane);
	wake_send(lane->wake);
}

static void
lane_close(struct lane *lane)
{
	transport_free(lane->transport);
	wake_free(lane->wake);
	loop_free(lane->loop);
	if (lane->has_lock)
		(void)pthread_mutex_destroy(&lane->lock);
}

int
many_new(
    struct loop *l, const struct transport_conf *conf, struct many **ret, struct why *why)
{
	struct transport_conf one = *conf;
	struct many *m = calloc(1, sizeof(*m));
	int r;

	assert(conf->loops >= 2 && conf->loops <= TRANSPORT_LOOPS_MAX);
	if (m == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	m->loop = l;
	m->shm = conf->shm;
	list_init(&m->unused);
	list_init(&m->came);
	list_init(&m->probing);
	list_init(&m->quiet);
	list_init(&m->heard);
	list_init(&m->silent);
	r = wake_new(l, many_on_wake, m, &m->wake);
	m->lanes = calloc(conf->loops - 1, sizeof(*m->lanes));
	if (r < 0 || m->lanes == NULL) {
		many_free(m);
		return why_set(why, -ENOMEM, "out of memory");
	}
	m->lanes_len = conf->loops - 1;
	one.loops = 1;
	one.connections_max = connections_share(m, conf->connections_max);
	for (uint32_t i = 0; i < m->lanes_len; i++) {
		m->lanes[i].many = m;
		r = lane_open(&m->lanes[i], &one, why);
		if (r == 0)
			r = lane_run(&m->lanes[i], why);
		if (r < 0) {
			m->lanes_len = i + 1;
			many_free(m);
			return r;
		}
	}
	*ret = m;
	return 0;
}

void
many_free(struct many *m)
{
	if (m == NULL)
		return;
	for (uint32_t i = 0; i < m->lanes_len; i++)
		lane_stop(&m->lanes[i]);
	for (uint32_t i = 0; i < m->lanes_len; i++)
		if (m->lanes[i].has_thread)
			(void)pthread_join(m->lanes[i].thread, NULL);
	for (uint32_t i = 0; i < m->asks_len; i++) {
		if (m->asks[i]->wanted)
			ask_leave(m, m->asks[i]);
		if (m->asks[i]->place == ASK_CAME)
			shm_free(m->shm, &m->asks[i]->result.block);
	}
	/* What was at a lane goes with its transport. */
	for (uint32_t i = 0; i < m->lanes_len; i++)
		lane_close(&m->lanes[i]);
	for (uint32_t i = 0; i < m->asks_len; i++)
		ask_free(m->asks[i]);
	free(m->asks);
	free(m->lanes);
	wake_free(m->wake);
	free(m);
}
