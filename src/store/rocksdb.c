#include "store/rocksdb.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "store/batch.h"

#include "base/banned.h"

static struct rocks *
rocks_of(struct store *s)
{
	return (struct rocks *)(void *)s;
}

/* ---- errors ---- */

int
rocks_errno(const char *error)
{
	if (strstr(error, "No space left") != NULL)
		return -ENOSPC;
	if (strncmp(error, "Corruption", 10) == 0)
		return -EBADMSG;
	return -EIO;
}

int
rocks_why(const struct rocks *r, char *error, struct why *why)
{
	int code = rocks_errno(error);

	if (code == -EBADMSG)
		(void)why_set(why, code,
		    "the store %s is damaged (%s): put back a copy of it, or move it "
		    "away and "
		    "crawl anew",
		    r->dir, error);
	else
		(void)why_set(why, code, "the store %s: %s", r->dir, error);
	rocksdb_free(error);
	return code;
}

/* ---- reading ---- */

static int
rocks_get(struct store *s, enum store_table t, struct slice key, struct buf *value)
{
	struct rocks *r = rocks_of(s);
	rocksdb_pinnableslice_t *got;
	char *error = NULL;
	size_t was = value->len, len;
	const char *bytes;
	int err;

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

static int
rocks_apply(struct store *s, const struct store_batch *b, bool sync, struct why *why)
{
	struct rocks *r = rocks_of(s);
	rocksdb_writebatch_t *w;
	struct batch_op op;
	char *error = NULL;
	size_t at = 0;

	if (r->mode == STORE_READ)
		return why_set(
		    why, -EROFS, "the store %s is open for reading only", r->dir);
	if (batch_count(b) == 0 && !sync)
		return 0;
	w = rocksdb_writebatch_create();
	while (batch_next(b, &at, &op)) {
		rocksdb_column_family_handle_t *cf = r->cf[op.table];

		if (op.is_delete)
			rocksdb_writebatch_delete_cf(w, cf, op.key.ptr, op.key.len);
		else
			rocksdb_writebatch_put_cf(w, cf, op.key.ptr, op.key.len,
			    op.value.len == 0 ? "" : op.value.ptr, op.value.len);
	}
	rocksdb_write(r->db, sync ? r->tuning.write_synced : r->tuning.write, w, &error);
	rocksdb_writebatch_destroy(w);
	return error == NULL ? 0 : rocks_why(r, error, why);
}

/* ---- opening ---- */

static int
open_db(struct rocks *r, struct why *why)
{
	struct rocks_tuning *t = &r->tuning;
	char *error = NULL;

	if (r->mode == STORE_READ) {
		r->db = rocksdb_open_for_read_only_column_families(t->db, r->dir,
		    ROCKS_CF_MAX, rocks_cf_names, (const rocksdb_options_t *const *)t->cf,
		    r->cf, 0, &error);
	} else {
		rocksdb_options_set_create_if_missing(t->db, r->mode == STORE_MAKE);
		rocksdb_options_set_create_missing_column_families(
		    t->db, r->mode == STORE_MAKE);
		r->db = rocksdb_open_column_families(t->db, r->dir, ROCKS_CF_MAX,
		    rocks_cf_names, (const rocksdb_options_t *const *)t->cf, r->cf,
		    &error);
	}
	return error == NULL ? 0 : rocks_why(r, error, why);
}

static void
rocks_close(struct store *s)
{
	struct rocks *r = rocks_of(s);

	if (r->db != NULL) {
		for (int i = 0; i < ROCKS_CF_MAX; i++)
			rocksdb_column_family_handle_destroy(r->cf[i]);
		rocksdb_close(r->db);
	}
	rocks_untune(&r->tuning);
	free(r->dir);
	free(r);
}

/* DIR/state. */
static int
state_dir(struct rocks *r, const struct store_conf *conf, struct why *why)
{
	struct stat st;

	if (conf->dir == NULL)
		return why_set(why, -EINVAL, "a store of kind rocksdb needs a directory");
	if (asprintf(&r->dir, "%s/state", conf->dir) < 0) {
		r->dir = NULL;
		return why_set(why, -ENOMEM, "no memory for the store");
	}
	if (r->mode == STORE_MAKE && mkdir(r->dir, 0777) < 0 && errno != EEXIST)
		return why_set(why, -errno, "%s: %s", r->dir, strerror(errno));
	if (stat(r->dir, &st) < 0)
		return errno == ENOENT
			   ? why_set(why, -ENOENT, "there is no crawl in %s", conf->dir)
			   : why_set(why, -errno, "%s: %s", r->dir, strerror(errno));
	return 0;
}

static int
rocks_open(const struct store_conf *conf, struct store **ret, struct why *why)
{
	struct rocks *r = calloc(1, sizeof(*r));
	int err;

	if (r == NULL)
		return why_set(why, -ENOMEM, "no memory for the store");
	r->store.backend = &store_rocksdb;
	r->mode = conf->mode;
	rocks_tune(&r->tuning, conf->mode, conf->memory_bytes);
	err = state_dir(r, conf, why);
	if (err == 0)
		err = open_db(r, why);
	if (err < 0) {
		rocks_close(&r->store);
		return err;
	}
	*ret = &r->store;
	return 0;
}

const struct store_backend store_rocksdb = {
    .name = "rocksdb",
    .open = rocks_open,
    .close = rocks_close,
    .get = rocks_get,
    .scan = rocks_scan,
    .apply = rocks_apply,
};
