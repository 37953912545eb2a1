#include "ctl/clients.h"
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

bool
bucket_take(struct bucket *b, double a_second, double at_once, int64_t now_ms,
    int64_t *ret_wait_ms)
{
	double left = b->left + (double)(now_ms - b->at_ms) * a_second / 1000;

	if (b->at_ms == 0 || left > at_once)
		left = at_once;
	b->at_ms = now_ms;
	b->left = left < 1 ? left : left - 1;
	*ret_wait_ms = left < 1 ? (int64_t)((1 - left) * 1000 / a_second) + 1 : 0;
	return left >= 1;
}

void
bucket_charge(struct bucket *b, double n)
{
	b->left -= n;
}

void
clients_init(struct clients *cs, uint32_t max)
{
	*cs = (struct clients){.max = max};
	umap_init(&cs->by_key, max);
	list_init(&cs->lru);
}

void
clients_release(struct clients *cs)
{
	struct list *at;

	while ((at = list_pop(&cs->lru)) != NULL)
		free(container_of(at, struct client, on_lru));
	umap_release(&cs->by_key);
	cs->len = 0;
}

static uint64_t
big_endian(const unsigned char *from, unsigned n)
{
	uint64_t ret = 0;

	while (n-- > 0)
		ret = ret << 8 | *from++;
	return ret;
}

bool
client_key(const struct sockaddr *sa, uint64_t *ret)
{
	/* A /64 that nobody has, 0:1::, stands for IPv4. */
	const uint64_t ipv4 = UINT64_C(1) << 32;

	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		*ret = ipv4 | ntohl(in->sin_addr.s_addr);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)sa;
		const unsigned char *a = in->sin6_addr.s6_addr;

		*ret = IN6_IS_ADDR_V4MAPPED(&in->sin6_addr) ? ipv4 | big_endian(a + 12, 4)
							    : big_endian(a, 8);
		return true;
	}
	return false;
}

void
client_format(const struct sockaddr *sa, char ret[CLIENT_TEXT_MAX])
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	(void)snprintf(ret, CLIENT_TEXT_MAX, "the unix socket");
	if (sa->sa_family == AF_INET)
		(void)inet_ntop(AF_INET, &in->sin_addr, ret, CLIENT_TEXT_MAX);
	else if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		(void)inet_ntop(
		    AF_INET, in6->sin6_addr.s6_addr + 12, ret, CLIENT_TEXT_MAX);
	else if (sa->sa_family == AF_INET6)
		(void)inet_ntop(AF_INET6, &in6->sin6_addr, ret, CLIENT_TEXT_MAX);
}

/* Makes room for one; false: all have connections. */
static bool
forget_one(struct clients *cs)
{
	list_foreach (at, &cs->lru) {
		struct client *c = container_of(at, struct client, on_lru);

		if (c->connections > 0)
			continue;
		(void)umap_take(&cs->by_key, c->key);
		list_remove(&c->on_lru);
		free(c);
		cs->len--;
		return true;
	}
	return false;
}

struct client *
clients_find(struct clients *cs, uint64_t key)
{
	struct client *c = umap_get(&cs->by_key, key);

	if (c != NULL) {
		list_remove(&c->on_lru);
		list_push(&cs->lru, &c->on_lru);
		return c;
	}
	if (cs->len == cs->max && !forget_one(cs))
		return NULL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->key = key;
	if (umap_put(&cs->by_key, key, c) < 0) {
		free(c);
		return NULL;
	}
	list_push(&cs->lru, &c->on_lru);
	cs->len++;
	return c;
}

void
client_add(struct client *c)
{
	c->connections++;
}

void
client_drop(struct client *c)
{
	assert(c->connections > 0);
	c->connections--;
}

void
clients_check(const struct clients *cs)
{
	uint32_t n = 0;

	list_foreach (at, &cs->lru) {
		const struct client *c = container_of(at, struct client, on_lru);

		assert(umap_get(&cs->by_key, c->key) == c);
		n++;
	}
	assert(n == cs->len);
	assert(n <= cs->max);
}
