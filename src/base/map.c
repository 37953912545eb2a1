#include "base/map.h"
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

static uint64_t sip_key[2];
static pthread_once_t sip_once = PTHREAD_ONCE_INIT;

static void
sip_seed(void)
{
	ssize_t n;

	/* Interrupted only while the kernel's pool is not up yet; else it gives all of
	 * it. */
	do
		n = getrandom(sip_key, sizeof(sip_key), 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(sip_key))
		abort();
}

#define ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = ROTL(v[1], 13) ^ v[0];
	v[0] = ROTL(v[0], 32);
	v[2] += v[3];
	v[3] = ROTL(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = ROTL(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = ROTL(v[1], 17) ^ v[2];
	v[2] = ROTL(v[2], 32);
}

uint64_t
siphash(struct slice s)
{
	uint64_t v[4], word;
	size_t whole = s.len & ~(size_t)7;

	(void)pthread_once(&sip_once, sip_seed);
	v[0] = sip_key[0] ^ 0x736f6d6570736575u;
	v[1] = sip_key[1] ^ 0x646f72616e646f6du;
	v[2] = sip_key[0] ^ 0x6c7967656e657261u;
	v[3] = sip_key[1] ^ 0x7465646279746573u;
	for (size_t i = 0; i < whole; i += 8) {
		memcpy(&word, s.ptr + i, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = 0;
	if (s.len > whole)
		memcpy(&word, s.ptr + whole, s.len - whole);
	word |= (uint64_t)(s.len & 0xff) << 56;
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* ---- bytes -> pointer: linear probing, back-shift deletion, at most 3/4 full ---- */

void
map_init(struct map *m, size_t max)
{
	*m = (struct map){.max = max};
}

void
map_release(struct map *m)
{
	free(m->v);
	*m = (struct map){.max = m->max};
}

static uint64_t
key_hash(struct slice key)
{
	uint64_t h = siphash(key);

	return h == 0 ? 1 : h;
}

static size_t
map_probe(const struct map *m, uint64_t hash, struct slice key)
{
	size_t i = (size_t)hash & (m->cap - 1);

	while (m->v[i].hash != 0 && !(m->v[i].hash == hash && slice_eq(m->v[i].key, key)))
		i = (i + 1) & (m->cap - 1);
	return i;
}

static int
map_grow(struct map *m)
{
	size_t cap = m->cap == 0 ? 16 : m->cap * 2;
	struct map_entry *old = m->v, *v = calloc(cap, sizeof(*v));

	if (v == NULL)
		return -ENOMEM;
	m->v = v;
	for (size_t i = 0, was = m->cap; i < was; i++) {
		size_t at = (size_t)old[i].hash & (cap - 1);

		if (old[i].hash == 0)
			continue;
		while (v[at].hash != 0)
			at = (at + 1) & (cap - 1);
		v[at] = old[i];
	}
	m->cap = cap;
	free(old);
	return 0;
}

int
map_put(struct map *m, struct slice key, void *value)
{
	uint64_t hash = key_hash(key);
	size_t at;

	assert(value != NULL);
	if (m->cap > 0 && m->v[map_probe(m, hash, key)].hash != 0)
		return -EEXIST;
	if (m->len >= m->max)
		return -ENOSPC;
	if (m->len + 1 > m->cap / 4 * 3 && map_grow(m) < 0)
		return -ENOMEM;
	at = map_probe(m, hash, key);
	m->v[at] = (struct map_entry){.hash = hash, .key = key, .value = value};
	m->len++;
	return 0;
}

void *
map_get(const struct map *m, struct slice key)
{
	if (m->len == 0)
		return NULL;
	return m->v[map_probe(m, key_hash(key), key)].value;
}

void *
map_take(struct map *m, struct slice key)
{
	size_t at, next, mask = m->cap - 1;
	void *value;

	if (m->len == 0)
		return NULL;
	at = map_probe(m, key_hash(key), key);
	value = m->v[at].value;
	if (value == NULL)
		return NULL;
	for (next = (at + 1) & mask; m->v[next].hash != 0; next = (next + 1) & mask) {
		size_t home = (size_t)m->v[next].hash & mask;

		if (((next - home) & mask) >= ((next - at) & mask)) {
			m->v[at] = m->v[next];
			at = next;
		}
	}
	m->v[at] = (struct map_entry){0};
	m->len--;
	return value;
}

bool
map_at(const struct map *m, size_t *i, struct slice *ret_key, void **ret_value)
{
	for (; *i < m->cap; (*i)++) {
		if (m->v[*i].hash == 0)
			continue;
		if (ret_key != NULL)
			*ret_key = m->v[*i].key;
		*ret_value = m->v[*i].value;
		(*i)++;
		return true;
	}
	return false;
}

/* ---- 64-bit -> pointer ---- */

void
umap_init(struct umap *m, size_t max)
{
	*m = (struct umap){.max = max};
}

void
umap_release(struct umap *m)
{
	free(m->v);
	*m = (struct umap){.max = m->max};
}

static uint64_t
u64_hash(uint64_t x)
{
	(void)pthread_once(&sip_once, sip_seed);
	x ^= sip_key[0];
	x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93u;
	x = (x ^ (x >> 32)) * (sip_key[1] | 1);
	return x ^ (x >> 32);
}

static size_t
umap_probe(const struct umap *m, uint64_t key)
{
	size_t i = (size_t)u64_hash(key) & (m->cap - 1);

	while (m->v[i].value != NULL && m->v[i].key != key)
		i = (i + 1) & (m->cap - 1);
	return i;
}

static int
umap_grow(struct umap *m)
{
	struct umap bigger = {
	    .cap = m->cap == 0 ? 16 : m->cap * 2, .len = m->len, .max = m->max};

	bigger.v = calloc(bigger.cap, sizeof(*bigger.v));
	if (bigger.v == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < m->cap; i++)
		if (m->v[i].value != NULL)
			bigger.v[umap_probe(&bigger, m->v[i].key)] = m->v[i];
	free(m->v);
	*m = bigger;
	return 0;
}

int
umap_put(struct umap *m, uint64_t key, void *value)
{
	size_t at;

	assert(value != NULL);
	if (m->cap > 0 && m->v[umap_probe(m, key)].value != NULL)
		return -EEXIST;
	if (m->len >= m->max)
		return -ENOSPC;
	if (m->len + 1 > m->cap / 4 * 3 && umap_grow(m) < 0)
		return -ENOMEM;
	at = umap_probe(m, key);
	m->v[at] = (struct umap_entry){.key = key, .value = value};
	m->len++;
	return 0;
}

void *
umap_get(const struct umap *m, uint64_t key)
{
	return m->len == 0 ? NULL : m->v[umap_probe(m, key)].value;
}

void *
umap_take(struct umap *m, uint64_t key)
{
	size_t at, next, mask = m->cap - 1;
	void *value;

	if (m->len == 0)
		return NULL;
	at = umap_probe(m, key);
	value = m->v[at].value;
	if (value == NULL)
		return NULL;
	for (next = (at + 1) & mask; m->v[next].value != NULL; next = (next + 1) & mask) {
		size_t home = (size_t)u64_hash(m->v[next].key) & mask;

		if (((next - home) & mask) >= ((next - at) & mask)) {
			m->v[at] = m->v[next];
			at = next;
		}
	}
	m->v[at] = (struct umap_entry){0};
	m->len--;
	return value;
}

bool
umap_at(const struct umap *m, size_t *i, uint64_t *ret_key, void **ret_value)
{
	for (; *i < m->cap; (*i)++) {
		if (m->v[*i].value == NULL)
			continue;
		if (ret_key != NULL)
			*ret_key = m->v[*i].key;
		*ret_value = m->v[*i].value;
		(*i)++;
		return true;
	}
	return false;
}
