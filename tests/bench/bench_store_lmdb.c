#include "bench_store.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#if HAVE_LMDB
#include <lmdb.h>

enum { BATCH = 5000, VALUE_BYTES = 80 };

static MDB_val
key_of(enum bench_order order, uint64_t i, char text[BENCH_KEY_BYTES])
{
	struct slice s = bench_key(order, i, text);

	return (MDB_val){.mv_size = s.len, .mv_data = text};
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, BENCH_KEY_BYTES);
}

/* Sorted, as our batches are. */
static void
put_batch(MDB_env *env, MDB_dbi dbi, enum bench_order order, uint64_t from)
{
	static char keys[BATCH][BENCH_KEY_BYTES], value[VALUE_BYTES];
	MDB_txn *txn;

	for (uint64_t i = 0; i < BATCH; i++)
		(void)bench_key(order, from + i, keys[i]);
	qsort(keys, BATCH, BENCH_KEY_BYTES, compare);
	bench_must(mdb_txn_begin(env, NULL, 0, &txn), "mdb_txn_begin");
	for (int i = 0; i < BATCH; i++) {
		MDB_val k = {BENCH_KEY_BYTES, keys[i]}, v = {VALUE_BYTES, value};

		bench_must(mdb_put(txn, dbi, &k, &v, 0), "mdb_put");
	}
	bench_must(mdb_txn_commit(txn), "mdb_txn_commit");
}

static double
get_us(MDB_env *env, MDB_dbi dbi, enum bench_order order, uint64_t from, uint64_t range,
    uint64_t n, int want)
{
	double t = bench_cpu_s();
	char text[BENCH_KEY_BYTES];
	MDB_txn *txn;

	bench_must(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), "mdb_txn_begin");
	for (uint64_t i = 0; i < n; i++) {
		MDB_val k = key_of(order, from + i * 7919 % range, text), v;

		if (mdb_get(txn, dbi, &k, &v) != want)
			bench_must(EINVAL, "mdb_get");
	}
	mdb_txn_abort(txn);
	return (bench_cpu_s() - t) / (double)n * 1e6;
}

void
bench_lmdb(const char *dir, enum bench_order order, uint64_t n)
{
	double cpu = bench_cpu_s(), wall = bench_wall_s();
	struct bench_result r;
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	bench_dir_empty(dir);
	bench_must(mdb_env_create(&env), "mdb_env_create");
	bench_must(mdb_env_set_mapsize(env, (size_t)64 << 30), "mdb_env_set_mapsize");
	bench_must(mdb_env_open(env, dir, 0, 0666), dir);
	bench_must(mdb_txn_begin(env, NULL, 0, &txn), "mdb_txn_begin");
	bench_must(mdb_dbi_open(txn, NULL, 0, &dbi), "mdb_dbi_open");
	bench_must(mdb_txn_commit(txn), "mdb_txn_commit");
	for (uint64_t i = 0; i + BATCH <= n; i += BATCH)
		put_batch(env, dbi, order, i);
	r.put_us = (bench_cpu_s() - cpu) / (double)n * 1e6;
	r.put_wall_us = (bench_wall_s() - wall) / (double)n * 1e6;
	n -= n % BATCH;
	r.absent_us = get_us(env, dbi, order, n, n, n / 10, MDB_NOTFOUND);
	r.present_us = get_us(env, dbi, order, 0, n, n / 10, 0);
	r.mb = bench_dir_mb(dir);
	bench_report("LMDB", order, &r);
	mdb_env_close(env);
}
#else
void
bench_lmdb(const char *dir, enum bench_order order, uint64_t n)
{
	(void)dir, (void)order, (void)n;
	(void)printf("LMDB: not there (liblmdb-dev)\n");
}
#endif
