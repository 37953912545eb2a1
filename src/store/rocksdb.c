#include "store/rocksdb.h"
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>

#include "store/batch.h"
#include "store/rocksdb_check.h"

#include "base/room.h"

#include "base/banned.h"

static struct rocks *
rocks_of(struct store *s)
{
	return (struct rocks *)(void *)s;
}

/* ---- errors ---- */

/* Of a sentence of RocksDB's. */
static int
rocks_errno(const char *error)
{
	static const int full[] = {ENOSPC, EDQUOT, EFBIG};

	for (size_t i = 0; i < sizeof(full) / sizeof(full[0]); i++)
		if (strstr(error, strerrordesc_np(full[i])) != NULL)
			return -ENOSPC;
	if (strncmp(error, "Corruption", 10) == 0)
		return -EBADMSG;
	return -EIO;
}

int
rocks_damaged(const char *dir, struct why *why, const char *fmt, ...)
{
	struct why what;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what.text, sizeof(what.text), fmt, ap);
	va_end(ap);
	return why_set(why, -EBADMSG,
	    "the store %.150s is damaged (%.240s): put back a copy of it, or move it "
	    "away and "
	    "crawl anew",
	    dir, what.text);
}

int
rocks_why(const struct rocks *r, char *error, struct why *why)
{
	int code = rocks_errno(error);

	if (code == -EBADMSG)
		(void)rocks_damaged(r->dir, why, "%s", error);
	else
		(void)why_set(why, code, "the store %s: %s", r->dir, error);
	rocksdb_free(error);
	return code;
}

/* ---- reading ---- */

/* After a failed write it could not be opened again: store_apply() will try. */
static int
not_open(struct rocks *r)
{
	return why_set(
	    &r->store.why, -EIO, "the store %s could not be opened again", r->dir);
}

static int
rocks_get(struct store *s, enum store_table t, struct slice key, struct buf *value)
{
	struct rocks *r = rocks_of(s);
	rocksdb_pinnableslice_t *got;
	char *error = NULL;
	size_t was = value->len, len;
	const char *bytes;
	int err;

	if (r->db == NULL)
		return not_open(r);
	got = rocksdb_get_pinned_cf(
	    r->db, r->tuning.get, r->cf[t], key.ptr, key.len, &error);
	if (error != NULL)
		return rocks_why(r, error, &s->why);
	if (got == NULL)
		return -ENOENT;
	bytes = rocksdb_pinnableslice_value(got, &len);
	buf_clear(value);
	err = buf_add(value, bytes, len);
	if (err < 0)
		value->len = was;
	rocksdb_pinnableslice_destroy(got);
	return err;
}

/* The first key behind all that start with `prefix`; false when there is none. */
static bool
prefix_end(struct slice prefix, char ret[STORE_KEY_MAX], size_t *ret_len)
{
	size_t len = prefix.len;

	while (len > 0 && (unsigned char)prefix.ptr[len - 1] == 0xff)
		len--;
	if (len == 0)
		return false;
	memcpy(ret, prefix.ptr, len);
	ret[len - 1]++;
	*ret_len = len;
	return true;
}

static int
compare(struct slice a, struct slice b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int c = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);

	return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

static void
iterate(rocksdb_iterator_t *it, struct slice prefix, struct slice after, uint32_t max,
    store_scan_fn *fn, void *ctx)
{
	struct slice from = compare(prefix, after) < 0 ? after : prefix;

	if (from.len == 0)
		rocksdb_iter_seek_to_first(it);
	else
		rocksdb_iter_seek(it, from.ptr, from.len);
	for (uint32_t n = 0; n < max && rocksdb_iter_valid(it); rocksdb_iter_next(it)) {
		struct slice key, value;

		key.ptr = rocksdb_iter_key(it, &key.len);
		if (!slice_starts(key, prefix))
			break;
		if (slice_eq(key, after))
			continue;
		value.ptr = rocksdb_iter_value(it, &value.len);
		if (!fn(ctx, key, value))
			break;
		n++;
	}
}

static int
rocks_scan(struct store *s, enum store_table t, struct slice prefix, struct slice after,
    uint32_t max, store_scan_fn *fn, void *ctx)
{
	struct rocks *r = rocks_of(s);
	rocksdb_readoptions_t *options = r->tuning.scan;
	rocksdb_iterator_t *it;
	char end[STORE_KEY_MAX], *error = NULL;
	size_t end_len = 0;

	if (max == 0)
		return 0;
	if (r->db == NULL)
		return not_open(r);
	/* Without a bound a scan would walk over what was deleted behind it. */
	if (prefix_end(prefix, end, &end_len))
		rocksdb_readoptions_set_iterate_upper_bound(options, end, end_len);
	else
		rocksdb_readoptions_set_iterate_upper_bound(options, NULL, 0);
	it = rocksdb_create_iterator_cf(r->db, options, r->cf[t]);
	iterate(it, prefix, after, max, fn, ctx);
	rocksdb_iter_get_error(it, &error);
	rocksdb_iter_destroy(it);
	return error == NULL ? 0 : rocks_why(r, error, &s->why);
}

/* ---- writing ---- */

static rocksdb_writebatch_t *
translate(struct rocks *r, const struct store_batch *b)
{
	rocksdb_writebatch_t *w = rocksdb_writebatch_create();
	struct batch_op op;
	size_t at = 0;

	while (batch_next(b, &at, &op)) {
		rocksdb_column_family_handle_t *cf = r->cf[op.table];

		if (op.is_delete)
			rocksdb_writebatch_delete_cf(w, cf, op.key.ptr, op.key.len);
		else
			rocksdb_writebatch_put_cf(w, cf, op.key.ptr, op.key.len,
			    op.value.len == 0 ? "" : op.value.ptr, op.value.len);
	}
	return w;
}

/* What its threads freed lies between what they have not: some MiB after some millions of
 * records. */
static void
give_back(struct rocks *r, size_t bytes)
{
	enum { EACH_BYTES = 64 << 20, KEPT_BYTES = 1 << 20 };

	r->applied_bytes += bytes;
	if (r->applied_bytes < EACH_BYTES)
		return;
	r->applied_bytes = 0;
	(void)malloc_trim(KEPT_BYTES);
}

static int
rocks_apply(struct store *s, const struct store_batch *b, bool sync, struct why *why)
{
	struct rocks *r = rocks_of(s);
	rocksdb_writebatch_t *w;
	char *error = NULL;
	int err = 0;

	if (r->mode == STORE_READ)
		return why_set(
		    why, -EROFS, "the store %s is open for reading only", r->dir);
	if (r->is_broken)
		err = rocks_reopen(r, why);
	if (err < 0 || (batch_count(b) == 0 && !sync))
		return room_error(err);
	/* Its counters cost a tenth of an insertion; they are a thread's. */
	rocksdb_set_perf_level(rocksdb_disable);
	w = translate(r, b);
	if (sync)
		rocks_number_batch(r, w);
	rocksdb_write(r->db, sync ? r->tuning.write_synced : r->tuning.write, w, &error);
	rocksdb_writebatch_destroy(w);
	if (error != NULL)
		err = rocks_why(r, error, why);
	else if (sync)
		err = rocks_acknowledge(r, why);
	r->is_broken = err < 0;
	give_back(r, store_batch_bytes(b));
	return room_error(err);
}

static int
rocks_verify(struct store *s, struct why *why)
{
	struct rocks *r = rocks_of(s);

	return rocks_check(r->dir, &r->mark.last, ROCKS_LOOK_BESIDE, why);
}

static int
rocks_open_now(const struct store_conf *conf, struct store **ret, struct why *why)
{
	return rocks_open(conf, &rocks_schema, ret, why);
}

const struct store_backend store_rocksdb = {
    .name = "rocksdb",
    .open = rocks_open_now,
    .close = rocks_close,
    .get = rocks_get,
    .scan = rocks_scan,
    .apply = rocks_apply,
    .verify = rocks_verify,
};
