#include "crawl/traps_int.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* The records: found by id, given up by age. */

enum { RECORDS_MAX = 1 << 20 };

/* ---- weight ---- */

static uint64_t
weight(const struct trap_record *r)
{
	return sizeof(*r) + 2 * sizeof(struct umap_entry) +
	       r->prints_cap * sizeof(*r->prints) +
	       r->sketches_len * sizeof(*r->sketches) +
	       (r->days == NULL ? 0 : DAYS_BITS / 8) + r->hosts_cap * sizeof(*r->hosts) +
	       strlen(r->text);
}

void
trap_record_free(struct trap_record *r)
{
	if (r == NULL)
		return;
	free(r->prints);
	free(r->sketches);
	free(r->days);
	free(r->hosts);
	free(r->text);
	free(r);
}

/* ---- life ---- */

int
traps_new(const struct traps_conf *conf, struct traps **ret)
{
	struct traps *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->conf = *conf;
	umap_init(&t->by_id, RECORDS_MAX);
	umap_init(&t->hosts, RECORDS_MAX);
	list_init(&t->quiet);
	list_init(&t->loud);
	list_init(&t->dirty);
	list_init(&t->fresh_closed);
	*ret = t;
	return 0;
}

static void
free_all(struct list *ages)
{
	struct list *at;

	while ((at = list_pop(ages)) != NULL) {
		struct trap_record *r = container_of(at, struct trap_record, on_age);

		list_remove(&r->on_dirty);
		trap_record_free(r);
	}
}

void
traps_free(struct traps *t)
{
	struct list *at;
	uint64_t hash;
	void *h;

	if (t == NULL)
		return;
	free_all(&t->quiet);
	free_all(&t->loud);
	while ((at = list_pop(&t->dirty)) != NULL) /* those that are gone */
		trap_record_free(container_of(at, struct trap_record, on_dirty));
	for (size_t i = 0; umap_at(&t->hosts, &i, &hash, &h);)
		free(h);
	umap_release(&t->hosts);
	umap_release(&t->by_id);
	free(t);
}

/* ---- hosts ---- */

static struct trap_host *
host_of(struct traps *t, uint64_t authority_hash)
{
	struct trap_host *h = umap_get(&t->hosts, authority_hash);

	if (h != NULL)
		return h;
	h = calloc(1, sizeof(*h));
	if (h == NULL)
		return NULL;
	h->authority_hash = authority_hash;
	list_init(&h->records);
	if (umap_put(&t->hosts, authority_hash, h) < 0) {
		free(h);
		return NULL;
	}
	t->bytes += sizeof(*h) + 2 * sizeof(struct umap_entry);
	return h;
}

static void
host_drop_if_empty(struct traps *t, struct trap_host *h)
{
	if (h->n > 0)
		return;
	(void)umap_take(&t->hosts, h->authority_hash);
	t->bytes -= sizeof(*h) + 2 * sizeof(struct umap_entry);
	free(h);
}

/* ---- finding and making ---- */

static struct list *
age_list(struct traps *t, const struct trap_record *r)
{
	return r->closed || r->cuts > 0 ? &t->loud : &t->quiet;
}

static void
is_used(struct traps *t, struct trap_record *r)
{
	list_remove(&r->on_age);
	list_push(age_list(t, r), &r->on_age);
	list_remove(&r->on_host);
	list_push(&r->host->records, &r->on_host);
}

struct trap_record *
trap_find(struct traps *t, uint64_t id)
{
	struct trap_record *r = umap_get(&t->by_id, id);

	if (r != NULL)
		is_used(t, r);
	return r;
}

void
trap_changed(struct traps *t, struct trap_record *r)
{
	if (list_is_empty(&r->on_dirty))
		list_push(&t->dirty, &r->on_dirty);
}

void
trap_is_loud(struct traps *t, struct trap_record *r)
{
	is_used(t, r);
	trap_changed(t, r);
}

int
trap_adopt(struct traps *t, struct trap_record *r, uint64_t authority_hash)
{
	struct trap_host *h = host_of(t, authority_hash);
	int err = h == NULL ? -ENOMEM : umap_put(&t->by_id, r->id, r);

	if (err < 0) {
		if (h != NULL)
			host_drop_if_empty(t, h);
		return err == -EEXIST ? -EBADMSG : -ENOMEM;
	}
	r->host = h;
	h->n++;
	list_push(&h->records, &r->on_host);
	list_push(age_list(t, r), &r->on_age);
	t->bytes += weight(r);
	t->closed_of[r->kind] += r->closed;
	return 0;
}

static struct trap_record *
record_new(enum trap_kind kind, uint64_t id, const char *text)
{
	struct trap_record *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	list_init(&r->on_age);
	list_init(&r->on_host);
	list_init(&r->on_dirty);
	list_init(&r->on_fresh);
	r->id = id;
	r->kind = kind;
	r->text = strdup(text);
	if (r->text == NULL) {
		free(r);
		return NULL;
	}
	return r;
}

int
trap_make(struct traps *t, enum trap_kind kind, uint64_t authority_hash, uint64_t id,
    const char *text, struct trap_record **ret)
{
	struct trap_record *r = record_new(kind, id, text);
	int err = r == NULL ? -ENOMEM : trap_adopt(t, r, authority_hash);

	if (err < 0) {
		trap_record_free(r);
		return -ENOMEM;
	}
	trap_changed(t, r);
	*ret = r;
	return 0;
}

/* ---- giving up ---- */

/* One that the store has stays, as what is to be deleted there. */
static void
give_up(struct traps *t, struct trap_record *r)
{
	(void)umap_take(&t->by_id, r->id);
	t->bytes -= weight(r);
	t->closed_of[r->kind] -= r->closed;
	list_remove(&r->on_age);
	list_remove(&r->on_host);
	r->host->n--;
	host_drop_if_empty(t, r->host);
	r->host = NULL;
	list_remove(&r->on_fresh);
	if (!r->stored) {
		list_remove(&r->on_dirty);
		trap_record_free(r);
		return;
	}
	r->gone = true;
	trap_changed(t, r);
}

static bool
give_up_oldest(struct traps *t, struct list *ages)
{
	if (list_is_empty(ages))
		return false;
	give_up(t, container_of(ages->next, struct trap_record, on_age));
	return true;
}

/* The least used that cut nothing, among the first few; else the least used. */
static struct trap_record *
oldest_of(struct traps *t, struct trap_host *h)
{
	struct list *at = h->records.next;
	int looks = 8;

	while (at != &h->records && looks-- > 0) {
		struct trap_record *r = container_of(at, struct trap_record, on_host);

		if (age_list(t, r) == &t->quiet)
			return r;
		at = at->next;
	}
	return container_of(h->records.next, struct trap_record, on_host);
}

void
trap_shrink(struct traps *t, uint64_t authority_hash)
{
	struct trap_host *h = umap_get(&t->hosts, authority_hash);

	while (h != NULL && h->n > HOST_RECORDS_MAX)
		give_up(t, oldest_of(t, h));
	while (t->bytes > t->conf.bytes_max &&
	       (give_up_oldest(t, &t->quiet) || give_up_oldest(t, &t->loud)))
		;
}

/* ---- what a record points to ---- */

/* Twice the room, up to `max`: where it is full and may grow. */
static int
hashes_room(struct traps *t, uint64_t **v, uint32_t len, uint32_t *cap, uint32_t max)
{
	uint32_t more = *cap == 0 ? 4 : *cap * 2;
	uint64_t *grown;

	if (len < *cap || *cap == max)
		return 0;
	if (more > max)
		more = max;
	grown = realloc(*v, more * sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	t->bytes += (more - *cap) * sizeof(*grown);
	*v = grown;
	*cap = more;
	return 0;
}

int
trap_prints_room(struct traps *t, struct trap_record *r)
{
	return hashes_room(
	    t, &r->prints, r->prints_len, &r->prints_cap, trap_prints_max(r->kind));
}

int
trap_hosts_room(struct traps *t, struct trap_record *r)
{
	return hashes_room(t, &r->hosts, r->hosts_len, &r->hosts_cap, SITE_HOSTS_MAX);
}

int
trap_days_room(struct traps *t, struct trap_record *r)
{
	if (r->days != NULL)
		return 0;
	r->days = calloc(1, DAYS_BITS / 8);
	if (r->days == NULL)
		return -ENOMEM;
	t->bytes += DAYS_BITS / 8;
	return 0;
}

int
trap_sketch_of(
    struct traps *t, struct trap_record *r, uint64_t name, struct trap_sketch **ret)
{
	struct trap_sketch *grown;

	*ret = NULL;
	for (uint32_t i = 0; i < r->sketches_len; i++)
		if (r->sketches[i].name == name) {
			*ret = &r->sketches[i];
			return 0;
		}
	if (r->sketches_len == PATTERN_KEYS_MAX)
		return 0;
	grown = realloc(r->sketches, (r->sketches_len + 1) * sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	t->bytes += sizeof(*grown);
	r->sketches = grown;
	*ret = &grown[r->sketches_len++];
	**ret = (struct trap_sketch){.name = name};
	return 0;
}

/* ---- checks ---- */

void
traps_check(const struct traps *t)
{
	uint64_t id, bytes = 0;
	size_t n = 0, on_hosts = 0, closed_of[TRAP_KIND_MAX] = {0};
	void *value;

	for (size_t i = 0; umap_at(&t->by_id, &i, &id, &value); n++) {
		const struct trap_record *r = value;

		assert(r->id == id);
		assert(!r->gone);
		assert(r->prints_len <= r->prints_cap);
		assert(r->prints_at <= r->prints_len);
		assert(r->hosts_len <= r->hosts_cap && r->hosts_at <= r->hosts_len);
		assert(r->sketches_len <= PATTERN_KEYS_MAX);
		assert(!list_is_empty(&r->on_age));
		bytes += weight(r);
		closed_of[r->kind] += r->closed;
	}
	for (size_t i = 0; i < TRAP_KIND_MAX; i++)
		assert(closed_of[i] == t->closed_of[i]);
	assert(n == t->by_id.len);
	for (size_t i = 0; umap_at(&t->hosts, &i, &id, &value);) {
		const struct trap_host *h = value;

		assert(h->n > 0);
		on_hosts += h->n;
		bytes += sizeof(*h) + 2 * sizeof(struct umap_entry);
	}
	assert(n == on_hosts);
	assert(bytes == t->bytes);
}
