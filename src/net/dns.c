/*
 *   dns -> call (one dns_start)         in `ready` with its answer, or on an ask
 *       -> ask (a name being asked)     in `asks` by name; its calls
 *       -> dns_cache, hosts, overrides  what needs no asking
 *       -> resolver                     c-ares
 */
#include "net/dns.h"
#include "net/dns_ares.h"
#include "net/dns_cache.h"
#include "net/hosts.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/banned.h"

enum {
	NAME_BYTES_MAX = 253, /* RFC 1035 section 2.3.4, in text form */
	LABEL_BYTES_MAX = 63,
	CALLS_MAX = 1 << 17,
	OVERRIDES_MAX = 1 << 16,
	KNOWN_TTL_S = 60, /* of what needs no asking: it may change at any time */
	TIMEOUT_MS = 3000,
	TRIES_MIN = 3,
	ASKS_MAX = 512,
	CACHE_MAX = 100000,
	NEGATIVE_TTL_S = 60,
};

struct call {
	struct list on_list; /* an ask's calls, dns.ready or dns.unused */
	uint32_t slot, gen;
	bool used;
	dns_fn *fn;
	void *ctx;
	struct dns *dns;
	int64_t began_ms;         /* its ask */
	struct timer patience;    /* while it is on that, if it has a limit */
	struct dns_answer answer; /* once it is ready */
};

struct ask {
	struct list calls;
	int64_t began_ms;
	size_t name_len;
	char name[];
};

struct override {
	struct override *next; /* same host, other port */
	uint16_t port;
	struct addr addr;
	size_t host_len;
	char host[]; /* the key, in the first of the chain */
};

struct dns {
	struct loop *loop;
	struct resolver *resolver;
	struct hosts *hosts;
	struct dns_cache cache;
	struct map asks;      /* name -> struct ask */
	struct map overrides; /* host -> struct override */
	uint32_t overrides_len;
	struct call **calls; /* by slot */
	uint32_t calls_len, calls_cap;
	struct list unused; /* calls to take again */
	struct list ready;
	struct later deliver;
	uint32_t negative_ttl_s;
	bool ipv4, ipv6;
};

/* A host in the form that names are kept in: lower case, no trailing dot. */
struct name {
	size_t len;
	char text[NAME_BYTES_MAX + 3];
};

const char *
dns_status_text(enum dns_status s)
{
	static const char *const texts[] = {
#define X(id, text) [DNS_##id] = text,
	    DNS_STATUSES(X)
#undef X
	};

	assert((size_t)s < sizeof(texts) / sizeof(texts[0]));
	return texts[s];
}

/* ---- calls ---- */

static void on_impatient(void *ctx);

static int
calls_grow(struct dns *d)
{
	uint32_t cap = d->calls_cap == 0 ? 64 : d->calls_cap * 2;
	struct call **v;

	if (d->calls_len == CALLS_MAX)
		return -EAGAIN;
	if (d->calls_len < d->calls_cap)
		return 0;
	v = realloc(d->calls, cap * sizeof(struct call *));
	if (v == NULL)
		return -ENOMEM;
	d->calls = v;
	d->calls_cap = cap;
	return 0;
}

static int
call_take(struct dns *d, struct call **ret)
{
	struct list *link = list_pop(&d->unused);
	struct call *c;
	int r;

	if (link != NULL) {
		*ret = container_of(link, struct call, on_list);
		(*ret)->used = true;
		return 0;
	}
	r = calls_grow(d);
	if (r < 0)
		return r;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	list_init(&c->on_list);
	c->dns = d;
	timer_init(&c->patience, d->loop, on_impatient, c);
	c->slot = d->calls_len;
	c->used = true;
	d->calls[d->calls_len++] = c;
	*ret = c;
	return 0;
}

static void
call_drop(struct dns *d, struct call *c)
{
	assert(c->used);
	c->used = false;
	c->gen++;
	timer_stop(&c->patience);
	list_remove(&c->on_list);
	list_push_front(&d->unused, &c->on_list);
}

static void
call_answer(struct dns *d, struct call *c, const struct dns_answer *a)
{
	c->answer = *a;
	timer_stop(&c->patience);
	list_remove(&c->on_list);
	list_push(&d->ready, &c->on_list);
	later_start(&d->deliver);
}

static void
on_impatient(void *ctx)
{
	struct call *c = ctx;
	struct dns_answer a = {.status = DNS_TIMEOUT};

	a.ms = (uint32_t)(loop_now_ms(c->dns->loop) - c->began_ms);
	call_answer(c->dns, c, &a);
}

static void
on_deliver(void *ctx)
{
	struct dns *d = ctx;
	struct list now, *link;

	/* The whole list changes its head: what becomes ready from here on has its turn
	 * next time, and dns_cancel() still finds its neighbours. */
	list_insert(&d->ready, &now);
	list_remove(&d->ready);
	while ((link = now.next) != &now) {
		struct call *c = container_of(link, struct call, on_list);
		struct dns_answer a = c->answer;
		dns_fn *fn = c->fn;
		void *fn_ctx = c->ctx;

		call_drop(d, c);
		fn(fn_ctx, &a);
	}
}

/* ---- names ---- */

static bool
name_fold(struct slice host, struct name *ret)
{
	if (host.len > 0 && host.ptr[host.len - 1] == '.')
		host.len--;
	if (host.len == 0 || host.len > sizeof(ret->text))
		return false;
	for (size_t i = 0; i < host.len; i++)
		ret->text[i] = ascii_lower(host.ptr[i]);
	ret->len = host.len;
	return true;
}

static struct slice
name_slice(const struct name *n)
{
	return slice_of(n->text, n->len);
}

/*
 * A name that may be asked for: labels of letters, digits, hyphens and (in use, though
 * not by the book) underscores, the last one not a number, which would be an odd way to
 * write an address.
 */
static bool
name_is_askable(struct slice name)
{
	struct slice label = {0};
	bool number = true;

	if (name.len > NAME_BYTES_MAX)
		return false;
	while (slice_cut(&name, '.', &label)) {
		number = true;
		if (label.len == 0 || label.len > LABEL_BYTES_MAX)
			return false;
		for (size_t i = 0; i < label.len; i++) {
			char c = label.ptr[i];

			if (!ascii_is_alpha(c) && !ascii_is_digit(c) && c != '-' &&
			    c != '_')
				return false;
			number = number && ascii_is_digit(c);
		}
	}
	return !number;
}

/* RFC 6761 section 6.3: no question about these leaves the machine. */
static bool
name_is_localhost(struct slice name)
{
	return slice_eq(name, SLICE_LIT("localhost")) ||
	       slice_ends(name, SLICE_LIT(".localhost"));
}

/* ---- what needs no asking ---- */

static bool
known_answer(
    const struct addr *v, uint32_t n, bool ipv4, bool ipv6, struct dns_answer *ret)
{
	struct addr four[DNS_ADDRS_MAX], six[DNS_ADDRS_MAX];
	struct dns_answer a = {.ttl_s = KNOWN_TTL_S, .from_cache = true};
	uint32_t four_len = 0, six_len = 0;

	assert(n <= DNS_ADDRS_MAX);
	for (uint32_t i = 0; i < n; i++) {
		if (v[i].family == AF_INET && ipv4)
			four[four_len++] = v[i];
		else if (v[i].family == AF_INET6 && ipv6)
			six[six_len++] = v[i];
	}
	dns_answer_set(&a, four, four_len, six, six_len);
	if (a.n == 0)
		return false;
	*ret = a;
	return true;
}

static const struct addr *
override_find(const struct dns *d, struct slice name, uint16_t port)
{
	const struct override *any = NULL;

	for (const struct override *o = map_get(&d->overrides, name); o != NULL;
	     o = o->next) {
		if (o->port == port)
			return &o->addr;
		if (o->port == 0)
			any = o;
	}
	return any == NULL ? NULL : &any->addr;
}

static bool
known(struct dns *d, struct slice name, struct dns_answer *ret)
{
	static const struct addr loopback[2] = {
	    {.family = AF_INET, .bytes = {127, 0, 0, 1}},
	    {.family = AF_INET6, .bytes = {[15] = 1}},
	};
	const struct addr *over = override_find(d, name, 0);
	struct addr v[DNS_ADDRS_MAX];
	uint32_t n;

	if (over != NULL)
		return known_answer(over, 1, true, true, ret);
	if (addr_parse(name, &v[0]))
		return known_answer(v, 1, true, true, ret);
	if (!name_is_askable(name)) {
		*ret = (struct dns_answer){.status = DNS_BAD_NAME, .from_cache = true};
		return true;
	}
	if (name_is_localhost(name))
		return known_answer(loopback, 2, d->ipv4, d->ipv6, ret);
	n = hosts_find(d->hosts, loop_now_ms(d->loop), name, v, DNS_ADDRS_MAX);
	if (n > 0 && known_answer(v, n, d->ipv4, d->ipv6, ret))
		return true;
	return dns_cache_get(&d->cache, name, loop_now_ms(d->loop), ret);
}

/* ---- what is asked ---- */

static int
ask_new(struct dns *d, struct slice name, struct ask **ret)
{
	struct ask *ask = malloc(sizeof(*ask) + name.len);
	int r;

	if (ask == NULL)
		return -ENOMEM;
	list_init(&ask->calls);
	ask->began_ms = loop_now_ms(d->loop);
	ask->name_len = name.len;
	memcpy(ask->name, name.ptr, name.len);
	r = map_put(&d->asks, slice_of(ask->name, ask->name_len), ask);
	if (r < 0) {
		free(ask);
		return r == -ENOSPC ? -EAGAIN : r;
	}
	r = resolver_ask(d->resolver, name);
	if (r < 0) {
		(void)map_take(&d->asks, name);
		free(ask);
		return r;
	}
	*ret = ask;
	return 0;
}

static int
ask_join(struct dns *d, struct slice name, uint32_t max_ms, struct call *c)
{
	struct ask *ask = map_get(&d->asks, name);
	int r = ask != NULL ? 0 : ask_new(d, name, &ask);

	if (r < 0)
		return r;
	c->began_ms = ask->began_ms;
	if (max_ms > 0)
		r = timer_start(
		    &c->patience, ask->began_ms + max_ms - loop_now_ms(d->loop));
	if (r == 0)
		list_push(&ask->calls, &c->on_list);
	return r;
}

static void
cache_answer(struct dns *d, struct slice name, const struct dns_answer *a)
{
	struct dns_answer kept = *a;

	if (kept.status != DNS_OK)
		kept.ttl_s = d->negative_ttl_s;
	dns_cache_put(&d->cache, name, &kept, loop_now_ms(d->loop));
}

static void
on_answer(void *ctx, struct slice name, const struct dns_answer *a)
{
	struct dns *d = ctx;
	struct ask *ask = map_take(&d->asks, name);
	struct dns_answer told = *a;

	assert(ask != NULL);
	if (told.status != DNS_OK)
		told.ttl_s = d->negative_ttl_s;
	cache_answer(d, name, a);
	while (!list_is_empty(&ask->calls))
		call_answer(
		    d, container_of(ask->calls.next, struct call, on_list), &told);
	free(ask);
}

/* The other half came after the answer: the next who asks has both. */
static void
on_late(void *ctx, struct slice name, const struct dns_answer *a)
{
	cache_answer(ctx, name, a);
}

int
dns_start(struct dns *d, struct slice host, uint32_t max_ms, dns_fn *fn, void *ctx,
    struct dns_id *ret)
{
	struct dns_answer a = {.status = DNS_BAD_NAME, .from_cache = true};
	struct name name;
	struct call *c;
	int r;

	r = call_take(d, &c);
	if (r < 0)
		return r;
	c->fn = fn;
	c->ctx = ctx;
	if (!name_fold(host, &name) || known(d, name_slice(&name), &a))
		call_answer(d, c, &a);
	else
		r = ask_join(d, name_slice(&name), max_ms, c);
	if (r < 0) {
		call_drop(d, c);
		return r;
	}
	*ret = (struct dns_id){.slot = c->slot, .gen = c->gen};
	return 0;
}

void
dns_cancel(struct dns *d, struct dns_id id)
{
	if (id.slot < d->calls_len && d->calls[id.slot]->used &&
	    d->calls[id.slot]->gen == id.gen)
		call_drop(d, d->calls[id.slot]);
}

/* ---- overrides ---- */

int
dns_override(struct dns *d, struct slice host, uint16_t port, const struct addr *a)
{
	struct override *first, *o;
	struct name name;
	int r;

	if (!name_fold(host, &name))
		return -EINVAL;
	first = map_get(&d->overrides, name_slice(&name));
	for (o = first; o != NULL; o = o->next)
		if (o->port == port) {
			o->addr = *a;
			return 0;
		}
	if (d->overrides_len == OVERRIDES_MAX)
		return -ENOSPC;
	o = malloc(sizeof(*o) + name.len);
	if (o == NULL)
		return -ENOMEM;
	*o = (struct override){.port = port, .addr = *a, .host_len = name.len};
	memcpy(o->host, name.text, name.len);
	if (first == NULL) {
		r = map_put(&d->overrides, slice_of(o->host, o->host_len), o);
		if (r < 0) {
			free(o);
			return r;
		}
	} else {
		o->next = first->next;
		first->next = o;
	}
	d->overrides_len++;
	return 0;
}

bool
dns_overridden(const struct dns *d, struct slice host, uint16_t port, struct addr *ret)
{
	const struct addr *a;
	struct name name;

	if (d->overrides_len == 0 || !name_fold(host, &name))
		return false;
	a = override_find(d, name_slice(&name), port);
	if (a == NULL)
		return false;
	*ret = *a;
	return true;
}

/* ---- the whole ---- */

static uint32_t
or_default(uint32_t value, uint32_t otherwise)
{
	return value == 0 ? otherwise : value;
}

int
dns_new(struct loop *l, const struct dns_conf *conf, struct dns **ret, struct why *why)
{
	struct dns *d = calloc(1, sizeof(*d));
	struct resolver_conf rc = {
	    .servers = conf->servers,
	    .timeout_ms = or_default(conf->timeout_ms, TIMEOUT_MS),
	    .tries = conf->tries < TRIES_MIN ? TRIES_MIN : conf->tries,
	    .asks_max = or_default(conf->asks_max, ASKS_MAX),
	    .ipv4 = conf->ipv4 || !conf->ipv6,
	    .ipv6 = conf->ipv6 || !conf->ipv4,
	    .fn = on_answer,
	    .late = on_late,
	    .ctx = d,
	};
	int r;

	if (d == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	d->loop = l;
	d->ipv4 = rc.ipv4;
	d->ipv6 = rc.ipv6;
	d->negative_ttl_s = or_default(conf->negative_ttl_s, NEGATIVE_TTL_S);
	dns_cache_init(&d->cache, or_default(conf->cache_max, CACHE_MAX));
	map_init(&d->asks, rc.asks_max);
	map_init(&d->overrides, OVERRIDES_MAX);
	list_init(&d->unused);
	list_init(&d->ready);
	later_init(&d->deliver, l, on_deliver, d);
	r = hosts_new(
	    conf->hosts_path == NULL ? "/etc/hosts" : conf->hosts_path, &d->hosts);
	if (r < 0) {
		(void)why_set(why, r, "out of memory");
		goto fail;
	}
	r = resolver_new(l, &rc, &d->resolver, why);
	if (r < 0)
		goto fail_hosts;
	*ret = d;
	return 0;

fail_hosts:
	hosts_free(d->hosts);
fail:
	free(d);
	return r;
}

static void
overrides_release(struct dns *d)
{
	void *value;

	for (size_t i = 0; map_at(&d->overrides, &i, NULL, &value);) {
		struct override *o = value;

		while (o != NULL) {
			struct override *next = o->next;

			free(o);
			o = next;
		}
	}
	map_release(&d->overrides);
}

void
dns_free(struct dns *d)
{
	void *ask;

	if (d == NULL)
		return;
	resolver_free(d->resolver);
	later_stop(&d->deliver);
	for (uint32_t i = 0; i < d->calls_len; i++) {
		timer_stop(&d->calls[i]->patience);
		free(d->calls[i]);
	}
	free(d->calls);
	for (size_t i = 0; map_at(&d->asks, &i, NULL, &ask);)
		free(ask);
	map_release(&d->asks);
	overrides_release(d);
	dns_cache_release(&d->cache);
	hosts_free(d->hosts);
	free(d);
}
