#include "net/dns_ares.h"
#include <ares.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/banned.h"

enum {
	LATE_AAAA_MS = 50,
	LATE_A_MS = 200,
	TTL_MIN_S = 60,
	TTL_MAX_S = 24 * 3600,
	/* Of the question, in timeouts of a first try: c-ares would go on for long with
	 * several dead servers. */
	TIMEOUTS_MAX = 10,
	/* Halves whose question is told already still wait for c-ares to give up. */
	HALVES_PER_ASK_MAX = 8,
	EDNS_BYTES = 1232, /* what fits into any packet on the way, DNS flag day 2020 */
	NAME_BYTES_MAX = 253,
};

enum half_state { HALF_UNUSED, HALF_ASKED, HALF_DONE };

struct half {
	struct question *question;
	enum half_state state;
	enum dns_status status;
	uint32_t ttl_s;
	uint32_t n;
	struct addr addrs[DNS_ADDRS_MAX];
};

struct question {
	struct resolver *resolver;
	struct list on_resolver;
	struct half halves[2]; /* A, AAAA */
	bool told;
	int64_t started_ms;
	struct timer timer; /* the other half's grace, or the question's end */
	struct later settle;
	char server[64];
	char name[NAME_BYTES_MAX + 1];
};

struct dns_socket {
	struct resolver *resolver;
	struct list on_resolver;
	struct io *io;
	ares_socket_t fd;
};

struct resolver {
	struct loop *loop;
	struct resolver_conf conf;
	ares_channel channel;
	struct list sockets;
	struct list questions;
	struct timer timer; /* c-ares' next timeout, or earlier */
	int64_t timer_due_ms;
	uint32_t asks;              /* questions not told yet */
	uint32_t halves;            /* queries of c-ares that are under way */
	ares_socket_t answering_fd; /* being read from now, or ARES_SOCKET_BAD */
};

/* ---- what c-ares wants: descriptors and time ---- */

static void
timer_rearm(struct resolver *r, int64_t after_ms)
{
	r->timer_due_ms = loop_now_ms(r->loop) + after_ms;
	if (timer_start(&r->timer, after_ms) < 0)
		r->timer_due_ms = INT64_MAX; /* no memory: the next query tries again */
}

/* A query that is sent now times out in timeout_ms at the earliest. */
static void
timer_covers_new_query(struct resolver *r)
{
	if (r->halves == 0)
		timer_stop(&r->timer);
	else if (!timer_is_running(&r->timer) ||
		 r->timer_due_ms > loop_now_ms(r->loop) + r->conf.timeout_ms)
		timer_rearm(r, r->conf.timeout_ms);
}

static void
on_timer(void *ctx)
{
	struct resolver *r = ctx;
	struct timeval tv;

	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	if (r->halves > 0 && ares_timeout(r->channel, NULL, &tv) != NULL)
		timer_rearm(r, (int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000 + 1);
}

static void
on_socket(void *ctx, int events)
{
	struct dns_socket *s = ctx;
	struct resolver *r = s->resolver;
	ares_socket_t fd = s->fd;

	/* c-ares may close the descriptor and with it free `s`. */
	r->answering_fd = fd;
	ares_process_fd(r->channel, (events & IO_READ) != 0 ? fd : ARES_SOCKET_BAD,
	    (events & IO_WRITE) != 0 ? fd : ARES_SOCKET_BAD);
	r->answering_fd = ARES_SOCKET_BAD;
	timer_covers_new_query(r);
}

static struct dns_socket *
socket_find(struct resolver *r, ares_socket_t fd)
{
	list_foreach (it, &r->sockets) {
		struct dns_socket *s = container_of(it, struct dns_socket, on_resolver);

		if (s->fd == fd)
			return s;
	}
	return NULL;
}

static struct dns_socket *
socket_new(struct resolver *r, ares_socket_t fd)
{
	struct dns_socket *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->resolver = r;
	s->fd = fd;
	if (io_new(r->loop, fd, on_socket, s, &s->io) < 0) {
		free(s);
		return NULL;
	}
	list_push(&r->sockets, &s->on_resolver);
	return s;
}

static void
socket_free(struct dns_socket *s)
{
	list_remove(&s->on_resolver);
	io_free(s->io);
	free(s);
}

/* From c-ares: it waits for that, or for nothing any more. */
static void
on_socket_state(void *ctx, ares_socket_t fd, int readable, int writable)
{
	struct resolver *r = ctx;
	struct dns_socket *s = socket_find(r, fd);

	if (!readable && !writable) {
		if (s != NULL)
			socket_free(s);
		return;
	}
	if (s == NULL)
		s = socket_new(r, fd);
	if (s != NULL) /* no memory: the query will time out */
		io_set(s->io, (readable ? IO_READ : 0) | (writable ? IO_WRITE : 0));
}

/* ---- answers ---- */

void
dns_answer_set(struct dns_answer *a, const struct addr *v4, uint32_t v4_len,
    const struct addr *v6, uint32_t v6_len)
{
	uint32_t v4_max = DNS_ADDRS_MAX - (v6_len < 2 ? v6_len : 2);

	a->n = 0;
	for (uint32_t i = 0; i < v4_len && i < v4_max; i++)
		a->addrs[a->n++] = v4[i];
	for (uint32_t i = 0; i < v6_len && a->n < DNS_ADDRS_MAX; i++)
		a->addrs[a->n++] = v6[i];
}

static bool
half_has_addrs(const struct half *h)
{
	return h->state == HALF_DONE && h->n > 0;
}

/* What both halves together say about a name without addresses. */
static enum dns_status
question_failure(const struct question *q)
{
	bool no_address = true;

	for (size_t i = 0; i < 2; i++)
		if (q->halves[i].state == HALF_DONE && q->halves[i].status == DNS_NO_NAME)
			return DNS_NO_NAME;
	for (size_t i = 0; i < 2; i++) {
		const struct half *h = &q->halves[i];

		if (h->state == HALF_DONE && h->status != DNS_NO_ADDRESS)
			return h->status;
		no_address = no_address && h->state != HALF_ASKED;
	}
	return no_address ? DNS_NO_ADDRESS : DNS_TIMEOUT;
}

static void
question_answer(const struct question *q, struct dns_answer *ret)
{
	struct dns_answer a = {0};
	uint32_t ttl_s = TTL_MAX_S;

	for (size_t i = 0; i < 2; i++)
		if (half_has_addrs(&q->halves[i]) && q->halves[i].ttl_s < ttl_s)
			ttl_s = q->halves[i].ttl_s;
	dns_answer_set(
	    &a, q->halves[0].addrs, q->halves[0].n, q->halves[1].addrs, q->halves[1].n);
	a.status = a.n > 0 ? DNS_OK : question_failure(q);
	a.ttl_s = a.n > 0 ? ttl_s : 0;
	a.ms = (uint32_t)(loop_now_ms(q->resolver->loop) - q->started_ms);
	memcpy(a.server, q->server, sizeof(a.server));
	*ret = a;
}

static bool
question_is_under_way(const struct question *q)
{
	return q->halves[0].state == HALF_ASKED || q->halves[1].state == HALF_ASKED;
}

static void
question_free(struct question *q)
{
	timer_stop(&q->timer);
	later_stop(&q->settle);
	list_remove(&q->on_resolver);
	if (!q->told)
		q->resolver->asks--;
	free(q);
}

static void
question_tell(struct question *q, resolver_fn *fn)
{
	struct resolver *r = q->resolver;
	struct dns_answer a;

	question_answer(q, &a);
	if (!q->told)
		r->asks--;
	q->told = true;
	timer_stop(&q->timer);
	fn(r->conf.ctx, slice_cstr(q->name), &a);
}

/* Something came in since: is that an answer? */
static void
on_settle(void *ctx)
{
	struct question *q = ctx;
	const struct half *a = &q->halves[0], *aaaa = &q->halves[1];
	struct resolver *r = q->resolver;

	if (q->told) {
		if (half_has_addrs(a) || half_has_addrs(aaaa))
			question_tell(q, r->conf.late);
	} else if (!question_is_under_way(q) ||
		   (a->state == HALF_DONE && a->status == DNS_NO_NAME)) {
		/* RFC 8020: nothing of that name.  Only the A's word is taken for it:
		 * broken servers say so about an AAAA they merely lack (RFC 4074). */
		question_tell(q, r->conf.fn);
	} else if (half_has_addrs(a)) {
		(void)timer_start(&q->timer, LATE_AAAA_MS);
	} else if (half_has_addrs(aaaa)) {
		(void)timer_start(&q->timer, LATE_A_MS);
	}
	if (q->told && !question_is_under_way(q))
		question_free(q);
}

static void
on_question_timer(void *ctx)
{
	struct question *q = ctx;

	question_tell(q, q->resolver->conf.fn);
	if (!question_is_under_way(q))
		question_free(q);
}

static enum dns_status
status_of(int ares)
{
	switch (ares) {
	case ARES_SUCCESS:
		return DNS_OK;
	case ARES_ENOTFOUND:
		return DNS_NO_NAME;
	case ARES_ENODATA:
		return DNS_NO_ADDRESS;
	case ARES_ETIMEOUT:
		return DNS_TIMEOUT;
	case ARES_EBADNAME:
	case ARES_EBADQUERY:
		return DNS_BAD_NAME;
	default: /* also ARES_ECONNREFUSED, which is what SERVFAIL and REFUSED become */
		return DNS_SERVER_FAILED;
	}
}

/* 0 and, as -1, more than 2^31 come through (the latter counts as 0, RFC 2181 section 8).
 */
static uint32_t
ttl_clamp(int ttl_s)
{
	if (ttl_s < TTL_MIN_S)
		return TTL_MIN_S;
	return ttl_s > TTL_MAX_S ? TTL_MAX_S : (uint32_t)ttl_s;
}

static void
half_take(struct half *h, const struct ares_addrinfo *info)
{
	h->ttl_s = TTL_MAX_S;
	for (const struct ares_addrinfo_node *n = info->nodes;
	     n != NULL && h->n < DNS_ADDRS_MAX; n = n->ai_next) {
		uint16_t port;

		if (!addr_from_sockaddr(n->ai_addr, &h->addrs[h->n], &port))
			continue;
		h->n++;
		if (ttl_clamp(n->ai_ttl) < h->ttl_s)
			h->ttl_s = ttl_clamp(n->ai_ttl);
	}
	if (h->n == 0)
		h->status = DNS_NO_ADDRESS;
}

static void
server_note(struct question *q)
{
	union {
		struct sockaddr sa;
		struct sockaddr_storage room;
	} peer = {0};
	socklen_t len = sizeof(peer);
	struct addr a;
	uint16_t port;

	if (q->resolver->answering_fd == ARES_SOCKET_BAD ||
	    getpeername(q->resolver->answering_fd, &peer.sa, &len) < 0 ||
	    !addr_from_sockaddr(&peer.sa, &a, &port))
		return;
	_Static_assert(sizeof(q->server) >= ADDR_TEXT_MAX, "an address must fit");
	addr_format(&a, q->server);
}

/* From c-ares, also from within ares_getaddrinfo(): records only. */
static void
on_half(void *ctx, int ares, int timeouts, struct ares_addrinfo *info)
{
	struct half *h = ctx;
	struct question *q = h->question;

	(void)timeouts;
	assert(h->state == HALF_ASKED);
	h->state = HALF_DONE;
	h->status = status_of(ares);
	q->resolver->halves--;
	if (ares == ARES_SUCCESS && info != NULL)
		half_take(h, info);
	if (info != NULL)
		ares_freeaddrinfo(info);
	if (ares == ARES_EDESTRUCTION)
		return;
	if (h->status != DNS_TIMEOUT)
		server_note(q);
	later_start(&q->settle);
}

/* ---- asking ---- */

static void
half_ask(struct question *q, size_t i)
{
	struct ares_addrinfo_hints hints = {
	    .ai_family = i == 0 ? AF_INET : AF_INET6,
	    .ai_socktype = SOCK_STREAM,
	    .ai_flags = ARES_AI_NOSORT, /* sorting would open a socket an address */
	};
	struct half *h = &q->halves[i];

	h->question = q;
	h->state = HALF_ASKED;
	q->resolver->halves++;
	ares_getaddrinfo(q->resolver->channel, q->name, NULL, &hints, on_half, h);
}

int
resolver_ask(struct resolver *r, struct slice name)
{
	struct question *q;
	int rc;

	assert(name.len > 0 && name.len <= NAME_BYTES_MAX);
	if (r->asks >= r->conf.asks_max ||
	    r->halves / HALVES_PER_ASK_MAX >= r->conf.asks_max)
		return -EAGAIN;
	q = calloc(1, sizeof(*q));
	if (q == NULL)
		return -ENOMEM;
	q->resolver = r;
	q->started_ms = loop_now_ms(r->loop);
	memcpy(q->name, name.ptr, name.len);
	later_init(&q->settle, r->loop, on_settle, q);
	timer_init(&q->timer, r->loop, on_question_timer, q);
	rc = timer_start(&q->timer, (int64_t)r->conf.timeout_ms * TIMEOUTS_MAX);
	if (rc < 0) {
		free(q);
		return rc;
	}
	list_push(&r->questions, &q->on_resolver);
	r->asks++;
	if (r->conf.ipv4)
		half_ask(q, 0);
	if (r->conf.ipv6)
		half_ask(q, 1);
	timer_covers_new_query(r);
	return 0;
}

/* ---- the resolver ---- */

int
dns_servers_check(const char *servers, struct why *why)
{
	struct slice rest = slice_cstr(servers), one;

	while (slice_cut(&rest, ',', &one)) {
		struct slice host = one, port_text;
		size_t colon = slice_find(one, ':');
		uint64_t port = 53;
		struct addr a;

		if (one.len > 0 && one.ptr[0] == '[') {
			size_t close = slice_find(one, ']');

			host = slice_head(one, close + 1);
			port_text = slice_from(one, close + 1);
		} else if (slice_find(slice_from(one, colon + 1), ':') <
			   slice_from(one, colon + 1).len) {
			port_text = (struct slice){0}; /* IPv6 without a port */
		} else {
			host = slice_head(one, colon);
			port_text = slice_from(one, colon);
		}
		if (port_text.len > 0 &&
		    (port_text.ptr[0] != ':' ||
			!slice_to_u64(slice_from(port_text, 1), &port) || port == 0 ||
			port > 65535))
			port = 0;
		if (!addr_parse(host, &a) || port == 0)
			return why_set(why, -EINVAL,
			    "'" SLICE_FMT "' is not a DNS server such as 192.0.2.1, "
			    "192.0.2.1:53 or [2001:db8::1]:53",
			    SLICE_ARG(one));
	}
	return 0;
}

static int
channel_open(struct resolver *r, struct why *why)
{
	char lookups[] = "b"; /* DNS only; the hosts file is ours */
	struct ares_options o = {
	    .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS,
	    .timeout = (int)r->conf.timeout_ms,
	    .tries = (int)r->conf.tries,
	    .ndots = 1,
	    .ndomains = 0,
	    .lookups = lookups,
	    .sock_state_cb = on_socket_state,
	    .sock_state_cb_data = r,
	    .ednspsz = EDNS_BYTES,
	};
	int rc;

	rc = ares_init_options(&r->channel, &o,
	    ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
		ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB |
		ARES_OPT_EDNSPSZ);
	if (rc != ARES_SUCCESS)
		return why_set(why, rc == ARES_ENOMEM ? -ENOMEM : -EIO, "DNS: %s",
		    ares_strerror(rc));
	if (r->conf.servers == NULL)
		return 0;
	rc = ares_set_servers_ports_csv(r->channel, r->conf.servers);
	if (rc == ARES_SUCCESS)
		return 0;
	ares_destroy(r->channel);
	return why_set(why, rc == ARES_ENOMEM ? -ENOMEM : -EINVAL, "DNS servers '%s': %s",
	    r->conf.servers, ares_strerror(rc));
}

int
resolver_new(struct loop *l, const struct resolver_conf *conf, struct resolver **ret,
    struct why *why)
{
	struct resolver *r;
	int rc;

	rc = conf->servers == NULL ? 0 : dns_servers_check(conf->servers, why);
	if (rc < 0)
		return rc;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	r->loop = l;
	r->conf = *conf;
	r->answering_fd = ARES_SOCKET_BAD;
	list_init(&r->sockets);
	list_init(&r->questions);
	timer_init(&r->timer, l, on_timer, r);
	rc = ares_library_init(ARES_LIB_INIT_ALL);
	if (rc != ARES_SUCCESS) {
		rc = why_set(why, -EIO, "DNS: %s", ares_strerror(rc));
		goto fail_alloc;
	}
	rc = channel_open(r, why);
	if (rc < 0)
		goto fail_library;
	r->conf.servers = NULL; /* the caller's */
	*ret = r;
	return 0;

fail_library:
	ares_library_cleanup();
fail_alloc:
	free(r);
	return rc;
}

void
resolver_free(struct resolver *r)
{
	if (r == NULL)
		return;
	/* Every half that is under way is called back with ARES_EDESTRUCTION. */
	ares_destroy(r->channel);
	ares_library_cleanup();
	assert(r->halves == 0);
	while (!list_is_empty(&r->questions))
		question_free(
		    container_of(r->questions.next, struct question, on_resolver));
	while (!list_is_empty(&r->sockets))
		socket_free(
		    container_of(r->sockets.next, struct dns_socket, on_resolver));
	timer_stop(&r->timer);
	free(r);
}
