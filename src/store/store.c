#include "store/store.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "store/backend.h"
#include "store/batch.h"

#include "base/banned.h"

static const struct store_backend *const backends[] = {
    &store_memory,
#if HAVE_ROCKSDB
    &store_rocksdb,
#endif
};
#define BACKENDS (sizeof(backends) / sizeof(backends[0]))

static int
unknown_kind(const char *kind, struct why *why)
{
	char known[128] = "";
	size_t len = 0;

	for (size_t i = 0; i < BACKENDS && len < sizeof(known); i++) {
		int n = snprintf(known + len, sizeof(known) - len, "%s%s",
		    i == 0 ? "" : ", ", backends[i]->name);

		assert(n > 0);
		len += (size_t)n;
	}
	return why_set(why, -EINVAL, "no store is called '%s'; known: %s", kind, known);
}

int
store_open(
    const char *kind, const struct store_conf *conf, struct store **ret, struct why *why)
{
	static const struct store_conf defaults;

	for (size_t i = 0; i < BACKENDS; i++) {
		if (strcmp(kind, backends[i]->name) != 0)
			continue;
		return backends[i]->open(conf == NULL ? &defaults : conf, ret, why);
	}
	return unknown_kind(kind, why);
}

void
store_close(struct store *s)
{
	if (s != NULL)
		s->backend->close(s);
}

const struct why *
store_why(const struct store *s)
{
	return &s->why;
}

int
store_get(struct store *s, enum store_table t, struct slice key, struct buf *value)
{
	assert(t < STORE_TABLE_MAX);
	/* None of these can ever have been put. */
	if (key.len == 0 || key.len > STORE_KEY_MAX)
		return -ENOENT;
	return s->backend->get(s, t, key, value);
}

int
store_scan(struct store *s, enum store_table t, struct slice prefix, struct slice after,
    uint32_t max, store_scan_fn *fn, void *ctx)
{
	assert(t < STORE_TABLE_MAX);
	if (prefix.len > STORE_KEY_MAX || after.len > STORE_KEY_MAX)
		return -EMSGSIZE;
	return s->backend->scan(s, t, prefix, after, max, fn, ctx);
}

int
store_apply(struct store *s, struct store_batch *b, bool sync, struct why *why)
{
	int r = batch_sort(b);

	if (r < 0)
		return why_set(why, r, "no memory to sort what is to be stored");
	r = s->backend->apply(s, b, sync, why);
	if (r < 0)
		return r;
	batch_clear(b);
	return 0;
}

static bool
count_key(void *ctx, struct slice key, struct slice value)
{
	uint64_t *keys = ctx;

	(void)key;
	(void)value;
	++*keys;
	return true;
}

int
store_verify(struct store *s, uint64_t ret_keys[STORE_TABLE_MAX], struct why *why)
{
	uint64_t keys[STORE_TABLE_MAX] = {0};
	int r = s->backend->verify == NULL ? 0 : s->backend->verify(s, why);

	for (int t = 0; t < STORE_TABLE_MAX && r == 0; t++) {
		r = s->backend->scan(s, (enum store_table)t, (struct slice){0},
		    (struct slice){0}, UINT32_MAX, count_key, &keys[t]);
		if (r < 0)
			(void)why_set(why, r, "%s", s->why.text);
	}
	if (r == 0)
		memcpy(ret_keys, keys, sizeof(keys));
	return r;
}
