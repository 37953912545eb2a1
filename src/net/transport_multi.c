/*
 * libcurl's multi handles: which one a request goes to, how many connections it keeps, and
 * when it is replaced (transport_int.h says why).
 */
#include "base/map.h"
#include "net/transport_int.h"
#include <errno.h>
#include <stdlib.h>

#include "base/banned.h"

/* How many hosts above its share a handle may have before they crowd each other out. */
enum { ROOM_SLACK = 28 };

/* Its share of the connections, and some slack: hosts are not spread evenly.  Those in use
 * count, and one host may have all. */
static void
multi_set_room(struct multi *mu)
{
	uint32_t n = mu->transport->conf.connections_max, room;

	room = (n == 0 ? 64 : n) / MULTIS + ROOM_SLACK;
	if (room < mu->running + 8)
		room = mu->running + 8;
	if (room != mu->room)
		(void)curl_multi_setopt(mu->m, CURLMOPT_MAXCONNECTS, (long)room);
	mu->room = room;
}

static void
multi_free(struct multi *mu)
{
	if (mu == NULL)
		return;
	timer_stop(&mu->timer);
	later_stop(&mu->kick);
	list_remove(&mu->on_retired);
	/* Closes the idle connections, through our callbacks. */
	if (mu->m != NULL)
		(void)curl_multi_cleanup(mu->m);
	free(mu);
}

static void
on_bury(void *ctx)
{
	struct transport *t = ctx;

	list_foreach_safe(it, tmp, &t->retired)
	{
		struct multi *mu = container_of(it, struct multi, on_retired);

		if (mu->running == 0) {
			multi_free(mu);
			t->retired_len--;
		}
	}
}

static bool
multi_open(struct multi *mu)
{
	const struct transport *t = mu->transport;
	CURLM *m = mu->m = curl_multi_init();

#define SET(option, value) (curl_multi_setopt(m, option, value) == CURLM_OK)
	return m != NULL && SET(CURLMOPT_SOCKETFUNCTION, multi_on_socket) &&
	       SET(CURLMOPT_SOCKETDATA, mu) &&
	       SET(CURLMOPT_TIMERFUNCTION, multi_on_wish) &&
	       SET(CURLMOPT_TIMERDATA, mu) &&
	       SET(CURLMOPT_PIPELINING,
		   (long)(t->conf.http == 2 ? CURLPIPE_MULTIPLEX : CURLPIPE_NOTHING));
#undef SET
}

static struct multi *
multi_new(struct transport *t)
{
	struct multi *mu = calloc(1, sizeof(*mu));

	if (mu == NULL)
		return NULL;
	mu->transport = t;
	timer_init(&mu->timer, t->loop, multi_on_timer, mu);
	later_init(&mu->kick, t->loop, multi_on_kick, mu);
	list_init(&mu->on_retired);
	if (!multi_open(mu)) {
		multi_free(mu);
		return NULL;
	}
	multi_set_room(mu);
	return mu;
}

static void
multi_replace(struct transport *t, struct multi **slot)
{
	struct multi *fresh, *old = *slot;

	if (t->retired_len >= MULTIS_RETIRED_MAX)
		return;
	fresh = multi_new(t);
	if (fresh == NULL)
		return; /* the old one does it, too */
	t->retired_len++;
	list_push(&t->retired, &old->on_retired);
	if (old->running == 0)
		later_start(&t->bury);
	*slot = fresh;
}

/* All hosts share the connections to a proxy.  Lanes go by the lower bits of this hash. */
int
multi_add(struct exchange *x)
{
	bool direct = x->route->proxy == NULL;
	uint64_t hash = direct ? siphash(buf_slice(&x->authority)) >> 32 : 0;
	struct multi **slot = &x->transport->multis[hash % MULTIS], *mu;

	if ((*slot)->opened >= MULTI_OPENED_MAX)
		multi_replace(x->transport, slot);
	mu = *slot;
	if (curl_multi_add_handle(mu->m, x->easy) != CURLM_OK)
		return -ENOMEM;
	x->multi = mu;
	mu->running++;
	if (mu->running + 8 > mu->room)
		multi_set_room(mu);
	return 0;
}

void
multi_leave(struct exchange *x)
{
	struct multi *mu = x->multi;

	(void)curl_multi_remove_handle(mu->m, x->easy);
	mu->running--;
	mu->opened += !x->reused;
	if (mu->running == 0 && !list_is_empty(&mu->on_retired))
		later_start(&mu->transport->bury);
}

bool
multis_open(struct transport *t)
{
	list_init(&t->retired);
	later_init(&t->bury, t->loop, on_bury, t);
	for (size_t i = 0; i < MULTIS; i++) {
		t->multis[i] = multi_new(t);
		if (t->multis[i] == NULL)
			return false;
	}
	return true;
}

void
multis_close(struct transport *t)
{
	for (size_t i = 0; i < MULTIS; i++)
		multi_free(t->multis[i]);
	on_bury(t);
	later_stop(&t->bury);
}

void
multis_set_room(struct transport *t)
{
	for (size_t i = 0; i < MULTIS; i++)
		if (t->multis[i] != NULL)
			multi_set_room(t->multis[i]);
}
