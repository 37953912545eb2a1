#include "base/wire.h"
#include "crawl/traps_int.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * The records in the store's meta table: "trap/ID", and "traps" for the sums, which also
 * hold what records that were given up had cut.
 */

#define RECORDS SLICE_LIT("trap/")
#define SUMS    SLICE_LIT("traps")

enum { TRAPS_VERSION = 2, RECORD_BYTES_MAX = 64 << 10 };

struct record_key {
	char text[32];
};

static struct slice
record_key(struct record_key *k, uint64_t id)
{
	(void)snprintf(k->text, sizeof(k->text), "trap/%016" PRIx64, id);
	return slice_cstr(k->text);
}

/* ---- one record ---- */

static void
put_hashes(struct wire_out *w, const uint64_t *v, uint32_t n)
{
	wire_u32(w, n);
	for (uint32_t i = 0; i < n; i++)
		wire_u64(w, v[i]);
}

static int
trap_record_encode(const struct trap_record *r, struct buf *out)
{
	struct wire_out w = {.b = out};

	wire_u8(&w, TRAPS_VERSION);
	wire_u8(&w, (uint8_t)r->kind);
	wire_u8(&w, r->closed);
	wire_u64(&w, r->host->authority_hash);
	wire_u64(&w, r->id);
	wire_u64(&w, r->cuts);
	wire_u32(&w, r->pages);
	wire_u32(&w, r->uniques);
	wire_u32(&w, r->score);
	wire_u32(&w, r->copied_in);
	wire_u32(&w, r->productive);
	wire_u32(&w, r->used);
	wire_u32(&w, r->granted);
	put_hashes(&w, r->prints, r->prints_len);
	wire_u32(&w, r->prints_at);
	put_hashes(&w, r->sims, r->sims_len);
	wire_u32(&w, r->sims_at);
	wire_u32(&w, r->sketches_len);
	for (uint32_t i = 0; i < r->sketches_len; i++) {
		wire_u64(&w, r->sketches[i].name);
		wire_put(&w, r->sketches[i].registers, SKETCH_REGISTERS);
	}
	wire_text(&w, slice_of(r->days, r->days == NULL ? 0 : DAYS_BITS / 8));
	wire_text(&w, slice_cstr(r->text));
	if (r->kind == TRAP_KIND_SITE) {
		put_hashes(&w, r->hosts, r->hosts_len);
		wire_u32(&w, r->hosts_at);
	}
	return w.err;
}

static int
get_hashes(struct wire_in *w, uint64_t *v, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		v[i] = wire_get_u64(w);
	return w->bad ? -EBADMSG : 0;
}

static int
get_prints(struct wire_in *w, struct trap_record *r)
{
	uint32_t n = wire_get_u32(w);

	if (w->bad || n > trap_prints_max(r->kind))
		return -EBADMSG;
	if (n > 0) {
		r->prints = calloc(n, sizeof(*r->prints));
		if (r->prints == NULL)
			return -ENOMEM;
	}
	r->prints_len = r->prints_cap = n;
	if (get_hashes(w, r->prints, n) < 0)
		return -EBADMSG;
	r->prints_at = wire_get_u32(w);
	r->sims_len = wire_get_u32(w);
	if (r->prints_at > n || r->sims_len > SIMS_MAX ||
	    get_hashes(w, r->sims, r->sims_len) < 0)
		return -EBADMSG;
	r->sims_at = wire_get_u32(w);
	return r->sims_at >= SIMS_MAX ? -EBADMSG : 0;
}

static int
get_sketches(struct wire_in *w, struct trap_record *r)
{
	uint32_t n = wire_get_u32(w);

	if (w->bad || n > PATTERN_KEYS_MAX)
		return -EBADMSG;
	if (n == 0)
		return 0;
	r->sketches = calloc(n, sizeof(*r->sketches));
	if (r->sketches == NULL)
		return -ENOMEM;
	r->sketches_len = n;
	for (uint32_t i = 0; i < n; i++) {
		r->sketches[i].name = wire_get_u64(w);
		wire_take(w, r->sketches[i].registers, SKETCH_REGISTERS);
		for (size_t k = 0; k < SKETCH_REGISTERS; k++)
			if (r->sketches[i].registers[k] > 64)
				return -EBADMSG;
	}
	return 0;
}

static int
get_texts(struct wire_in *w, struct trap_record *r)
{
	struct slice days = wire_get_text(w), text = wire_get_text(w);

	if (w->bad || (days.len != 0 && days.len != DAYS_BITS / 8) ||
	    text.len >= TRAP_PATTERN_MAX)
		return -EBADMSG;
	if (days.len > 0) {
		r->days = malloc(days.len);
		if (r->days == NULL)
			return -ENOMEM;
		memcpy(r->days, days.ptr, days.len);
	}
	r->text = slice_dup(text);
	return r->text == NULL ? -ENOMEM : 0;
}

static int
get_hosts(struct wire_in *w, struct trap_record *r)
{
	uint32_t n;

	if (r->kind != TRAP_KIND_SITE)
		return 0;
	n = wire_get_u32(w);
	if (w->bad || n > SITE_HOSTS_MAX)
		return -EBADMSG;
	if (n > 0) {
		r->hosts = calloc(n, sizeof(*r->hosts));
		if (r->hosts == NULL)
			return -ENOMEM;
	}
	r->hosts_len = r->hosts_cap = n;
	if (get_hashes(w, r->hosts, n) < 0)
		return -EBADMSG;
	r->hosts_at = wire_get_u32(w);
	return r->hosts_at > n ? -EBADMSG : 0;
}

static int
trap_record_decode(struct slice s, struct trap_record **ret, uint64_t *ret_authority_hash)
{
	struct wire_in w = {.rest = s};
	struct trap_record *r = calloc(1, sizeof(*r));
	uint8_t version = wire_get_u8(&w), kind = wire_get_u8(&w);
	int err;

	if (r == NULL)
		return -ENOMEM;
	list_init(&r->on_age);
	list_init(&r->on_host);
	list_init(&r->on_dirty);
	list_init(&r->on_fresh);
	r->kind = (enum trap_kind)kind;
	r->closed = wire_get_u8(&w) != 0;
	*ret_authority_hash = wire_get_u64(&w);
	r->id = wire_get_u64(&w);
	r->cuts = wire_get_u64(&w);
	r->pages = wire_get_u32(&w);
	r->uniques = wire_get_u32(&w);
	r->score = wire_get_u32(&w);
	r->copied_in = wire_get_u32(&w);
	r->productive = wire_get_u32(&w);
	r->used = wire_get_u32(&w);
	r->granted = wire_get_u32(&w);
	r->stored = true;
	err = version != TRAPS_VERSION || kind >= TRAP_KIND_MAX ? -EBADMSG
								: get_prints(&w, r);
	if (err == 0)
		err = get_sketches(&w, r);
	if (err == 0)
		err = get_texts(&w, r);
	if (err == 0)
		err = get_hosts(&w, r);
	if (err == 0 && (w.bad || w.rest.len != 0))
		err = -EBADMSG;
	if (err < 0) {
		trap_record_free(r);
		return err;
	}
	*ret = r;
	return 0;
}

/* ---- all ---- */

static int
put_sums(struct traps *t, struct store_batch *b, struct buf *value)
{
	struct wire_out w = {.b = value};

	if (!t->cuts_dirty)
		return 0;
	t->cuts_dirty = false;
	buf_clear(value);
	wire_u8(&w, TRAP_RULE_MAX);
	for (size_t i = 0; i < TRAP_RULE_MAX; i++)
		wire_u64(&w, t->cuts[i]);
	return w.err < 0 ? w.err : store_batch_put(b, STORE_META, SUMS, buf_slice(value));
}

static int
put_record(struct trap_record *r, struct store_batch *b, struct buf *value)
{
	struct record_key k;
	struct slice key = record_key(&k, r->id);
	int err;

	if (r->gone)
		return store_batch_delete(b, STORE_META, key);
	buf_clear(value);
	err = trap_record_encode(r, value);
	if (err == 0)
		err = store_batch_put(b, STORE_META, key, buf_slice(value));
	if (err == 0)
		r->stored = true;
	return err;
}

int
traps_save(struct traps *t, struct store_batch *b)
{
	struct buf value;
	struct list *at;
	int err;

	buf_init(&value, RECORD_BYTES_MAX);
	err = put_sums(t, b, &value);
	while (err == 0 && (at = list_pop(&t->dirty)) != NULL) {
		struct trap_record *r = container_of(at, struct trap_record, on_dirty);

		err = put_record(r, b, &value);
		if (r->gone)
			trap_record_free(r);
	}
	buf_release(&value);
	return err;
}

static int
read_sums(struct store *s, uint64_t cuts[TRAP_RULE_MAX])
{
	struct buf value;
	struct wire_in w;
	uint8_t n;
	int err;

	memset(cuts, 0, TRAP_RULE_MAX * sizeof(*cuts));
	buf_init(&value, RECORD_BYTES_MAX);
	err = store_get(s, STORE_META, SUMS, &value);
	if (err == 0) {
		w = (struct wire_in){.rest = buf_slice(&value)};
		n = wire_get_u8(&w);
		for (size_t i = 0; i < n && i < TRAP_RULE_MAX; i++)
			cuts[i] = wire_get_u64(&w);
		err = w.bad || w.rest.len != 0 ? -EBADMSG : 0;
	}
	buf_release(&value);
	return err == -ENOENT ? 0 : err;
}

struct reading {
	struct traps *t;        /* records go there */
	struct trap_sums *sums; /* or what they cut */
	int err;
};

static void
top_enter(struct trap_sums *s, const struct trap_record *r)
{
	uint32_t at = s->top_len;

	if (r->cuts == 0)
		return;
	if (at == TRAP_TOP_MAX) {
		if (r->cuts <= s->top[at - 1].cuts)
			return;
		at--;
	} else {
		s->top_len++;
	}
	for (; at > 0 && r->cuts > s->top[at - 1].cuts; at--)
		s->top[at] = s->top[at - 1];
	s->top[at].rule = trap_kind_rule(r->kind);
	s->top[at].cuts = r->cuts;
	(void)snprintf(s->top[at].pattern, sizeof(s->top[at].pattern), "%s", r->text);
}

static bool
on_record(void *ctx, struct slice key, struct slice value)
{
	struct reading *g = ctx;
	struct trap_record *r;
	uint64_t authority;

	(void)key;
	g->err = trap_record_decode(value, &r, &authority);
	if (g->err < 0)
		return false;
	if (g->t != NULL) {
		g->err = trap_adopt(g->t, r, authority);
		if (g->err < 0)
			trap_record_free(r);
	} else {
		top_enter(g->sums, r);
		trap_record_free(r);
	}
	return g->err == 0;
}

int
traps_load(struct traps *t, struct store *s)
{
	struct reading g = {.t = t};
	int err = read_sums(s, t->cuts);

	if (err == 0)
		err = store_scan(
		    s, STORE_META, RECORDS, (struct slice){0}, UINT32_MAX, on_record, &g);
	return err < 0 ? err : g.err;
}

int
traps_sums_read(struct store *s, struct trap_sums *ret)
{
	struct trap_sums sums = {.top_len = 0};
	struct reading g = {.sums = &sums};
	int err = read_sums(s, sums.cuts);

	if (err == 0)
		err = store_scan(
		    s, STORE_META, RECORDS, (struct slice){0}, UINT32_MAX, on_record, &g);
	if (err == 0)
		err = g.err;
	if (err == 0)
		*ret = sums;
	return err;
}

/* Equal numbers in the order of the map, which is one of the hashes; that is as good as
 * any. */
void
traps_sums(const struct traps *t, struct trap_sums *ret)
{
	uint64_t id;
	void *r;

	*ret = (struct trap_sums){.top_len = 0};
	memcpy(ret->cuts, t->cuts, sizeof(ret->cuts));
	for (size_t i = 0; umap_at(&t->by_id, &i, &id, &r);)
		top_enter(ret, r);
}
