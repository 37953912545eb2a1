#include "net/dns_cache.h"
#include <assert.h>
#include <stdlib.h>

#include "base/banned.h"

struct dns_entry {
	struct list on_lru;
	int64_t expires_ms;
	struct dns_answer answer;
	size_t name_len;
	char name[];
};

void
dns_cache_init(struct dns_cache *c, uint32_t names_max)
{
	map_init(&c->by_name, names_max);
	list_init(&c->lru);
}

static struct slice
entry_name(const struct dns_entry *e)
{
	return slice_of(e->name, e->name_len);
}

static void
entry_free(struct dns_cache *c, struct dns_entry *e)
{
	(void)map_take(&c->by_name, entry_name(e));
	list_remove(&e->on_lru);
	free(e);
}

void
dns_cache_release(struct dns_cache *c)
{
	while (!list_is_empty(&c->lru))
		entry_free(c, container_of(c->lru.next, struct dns_entry, on_lru));
	map_release(&c->by_name);
}

void
dns_cache_put(struct dns_cache *c, struct slice name, const struct dns_answer *answer,
    int64_t now_ms)
{
	struct dns_entry *e = map_get(&c->by_name, name);

	if (e != NULL)
		entry_free(c, e);
	while (c->by_name.len > 0 && c->by_name.len >= c->by_name.max)
		entry_free(c, container_of(c->lru.next, struct dns_entry, on_lru));
	e = malloc(sizeof(*e) + name.len);
	if (e == NULL)
		return;
	e->expires_ms = now_ms + (int64_t)answer->ttl_s * 1000;
	e->answer = *answer;
	e->name_len = name.len;
	memcpy(e->name, name.ptr, name.len);
	list_init(&e->on_lru);
	if (map_put(&c->by_name, entry_name(e), e) < 0) {
		free(e);
		return;
	}
	list_push(&c->lru, &e->on_lru);
}

bool
dns_cache_get(
    struct dns_cache *c, struct slice name, int64_t now_ms, struct dns_answer *ret)
{
	struct dns_entry *e = map_get(&c->by_name, name);

	if (e == NULL)
		return false;
	if (e->expires_ms <= now_ms) {
		entry_free(c, e);
		return false;
	}
	list_remove(&e->on_lru);
	list_push(&c->lru, &e->on_lru);
	*ret = e->answer;
	ret->ttl_s = (uint32_t)((e->expires_ms - now_ms + 999) / 1000);
	ret->ms = 0;
	ret->from_cache = true;
	return true;
}

void
dns_cache_check(const struct dns_cache *c)
{
	size_t n = 0;

	list_foreach (it, &c->lru) {
		const struct dns_entry *e = container_of(it, struct dns_entry, on_lru);

		assert(map_get(&c->by_name, entry_name(e)) == e);
		n++;
	}
	assert(n == c->by_name.len);
	assert(n <= c->by_name.max);
}
