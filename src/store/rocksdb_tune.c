#include "store/rocksdb.h"

#include "base/banned.h"

const char *const rocks_cf_names[ROCKS_CF_MAX] = {
    [STORE_SEEN] = "seen",
    [STORE_QUEUE] = "queue",
    [STORE_HOST] = "host",
    [STORE_META] = "meta",
    [ROCKS_CF_OWN] = "default",
};

enum {
	BLOCK_BYTES = 4 << 10,
	FILTER_BITS = 10, /* a key: one in a hundred absent keys costs a read */
	OPEN_FILES_MAX = 256,
	LOG_BYTES_MAX = 1 << 20, /* RocksDB's own log; two are kept */
};

static rocksdb_block_based_table_options_t *
table_options(const struct rocks_tuning *t, enum store_table table)
{
	rocksdb_block_based_table_options_t *b = rocksdb_block_based_options_create();

	rocksdb_block_based_options_set_block_cache(b, t->cache);
	rocksdb_block_based_options_set_cache_index_and_filter_blocks(b, 1);
	rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(
	    b, 1);
	rocksdb_block_based_options_set_block_size(b, BLOCK_BYTES);
	rocksdb_block_based_options_set_format_version(b, 5);
	if (table == STORE_SEEN)
		rocksdb_block_based_options_set_filter_policy(
		    b, rocksdb_filterpolicy_create_bloom_full(FILTER_BITS));
	return b;
}

static rocksdb_options_t *
cf_options(const struct rocks_tuning *t, enum store_table table, uint64_t memory_bytes)
{
	rocksdb_options_t *o = rocksdb_options_create();
	rocksdb_block_based_table_options_t *b = table_options(t, table);

	rocksdb_options_set_block_based_table_factory(o, b);
	rocksdb_block_based_options_destroy(b);
	rocksdb_options_set_compression(o, rocksdb_lz4_compression);
	rocksdb_options_set_write_buffer_size(o, (size_t)(memory_bytes / 8));
	rocksdb_options_set_max_write_buffer_number(o, 3);
	return o;
}

/* There is no function for it in the C API. */
static void
no_fallocate(struct rocks_tuning *t)
{
	rocksdb_options_t *o = rocksdb_options_create();
	char *err = NULL;

	rocksdb_get_options_from_string(t->db, "allow_fallocate=false", o, &err);
	if (err == NULL) {
		rocksdb_options_destroy(t->db);
		t->db = o;
	} else {
		rocksdb_options_destroy(o); /* it is only room */
		rocksdb_free(err);
	}
}

static void
db_options(struct rocks_tuning *t, enum store_mode mode, uint64_t memory_bytes)
{
	rocksdb_options_t *o = rocksdb_options_create();

	rocksdb_options_set_env(o, t->env);
	rocksdb_options_set_paranoid_checks(o, 1);
	/* What a writer opens was cut to what is sound; what a reader meets may be torn. */
	rocksdb_options_set_wal_recovery_mode(
	    o, mode == STORE_READ ? rocksdb_point_in_time_recovery
				  : rocksdb_absolute_consistency_recovery);
	rocksdb_options_set_max_background_jobs(o, 2);
	/* Reading beside a writer: files it removes stay readable while they are open. */
	rocksdb_options_set_max_open_files(o, mode == STORE_READ ? -1 : OPEN_FILES_MAX);
	rocksdb_options_set_max_file_opening_threads(o, 1); /* else 16 a column family */
	rocksdb_options_set_db_write_buffer_size(o, (size_t)(memory_bytes / 3));
	rocksdb_options_set_max_total_wal_size(o, memory_bytes);
	rocksdb_options_set_max_log_file_size(o, LOG_BYTES_MAX);
	rocksdb_options_set_keep_log_file_num(o, 2);
	rocksdb_options_set_stats_dump_period_sec(o, 0);
	rocksdb_options_set_stats_persist_period_sec(o, 0);
	t->db = o;
	/* Small disks: no room for what is not there yet. */
	rocksdb_options_set_manifest_preallocation_size(o, 64 << 10);
	no_fallocate(t);
}

void
rocks_tune(struct rocks_tuning *t, enum store_mode mode, uint64_t memory_bytes)
{
	if (memory_bytes == 0)
		memory_bytes = STORE_MEMORY_BYTES;
	*t = (struct rocks_tuning){
	    .cache = rocksdb_cache_create_lru((size_t)memory_bytes / 2),
	    .env = rocksdb_create_default_env(),
	    .get = rocksdb_readoptions_create(),
	    .scan = rocksdb_readoptions_create(),
	    .write = rocksdb_writeoptions_create(),
	    .write_synced = rocksdb_writeoptions_create()};
	db_options(t, mode, memory_bytes);
	for (int i = 0; i < ROCKS_CF_MAX; i++)
		t->cf[i] = cf_options(t, (enum store_table)i, memory_bytes);
	rocksdb_readoptions_set_fill_cache(t->scan, 0);
	rocksdb_writeoptions_set_sync(t->write_synced, 1);
}

void
rocks_untune(struct rocks_tuning *t)
{
	rocksdb_options_destroy(t->db);
	for (int i = 0; i < ROCKS_CF_MAX; i++)
		rocksdb_options_destroy(t->cf[i]);
	rocksdb_cache_destroy(t->cache);
	rocksdb_env_destroy(t->env);
	rocksdb_readoptions_destroy(t->get);
	rocksdb_readoptions_destroy(t->scan);
	rocksdb_writeoptions_destroy(t->write);
	rocksdb_writeoptions_destroy(t->write_synced);
	*t = (struct rocks_tuning){0};
}
