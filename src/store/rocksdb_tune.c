#include "store/rocksdb.h"
#include <assert.h>

#include "base/banned.h"

const char *const rocks_cf_names[ROCKS_CF_MAX] = {
    [STORE_SEEN] = "seen",
    [STORE_QUEUE] = "queue",
    [STORE_HOST] = "host",
    [STORE_META] = "meta",
    [ROCKS_CF_OWN] = "default",
};

/*
 * Keys are hashes, and most records are written once and read never: what counts is how
 * often a record is written again.  So: large memtables, of which the whole of a second's
 * batch goes into one; universal compaction, by which sixteen runs of a size become one, so
 * that a record is written again once until there are 20 million of them, where levels that
 * grow tenfold write it ten times.  The price is that a read may have to look into some
 * twenty runs: of what waits, some hundred records in a row are read; of the rest, single
 * keys, but seldom (a redirect's target, a revisit, a page of a new round), and filters
 * leave one or two of the runs.
 *
 * Filters and indexes are cut into pages of their own: at 10 million keys a file's filter
 * is megabytes, more than a shard of the cache takes in, and would be read from the disk
 * for every question.
 */
enum {
	SEEN_BLOCK_BYTES = 8 << 10,
	BLOCK_BYTES = 16 << 10,
	INDEX_BYTES = 4 << 10,
	CACHE_SHARD_BITS = 2,
	FILTER_BITS = 10, /* a key: one in a hundred absent keys costs a read */
	OPEN_FILES_MAX = 256,
	LOG_NOTHING = 5, /* one above what it calls fatal */
};

static rocksdb_block_based_table_options_t *
table_options(const struct rocks_tuning *t, enum store_table table)
{
	rocksdb_block_based_table_options_t *b = rocksdb_block_based_options_create();

	rocksdb_block_based_options_set_block_cache(b, t->cache);
	rocksdb_block_based_options_set_cache_index_and_filter_blocks(b, 1);
	rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(
	    b, 1);
	rocksdb_block_based_options_set_block_size(
	    b, table == STORE_SEEN ? SEEN_BLOCK_BYTES : BLOCK_BYTES);
	rocksdb_block_based_options_set_format_version(b, 5);
	rocksdb_block_based_options_set_index_type(
	    b, rocksdb_block_based_table_index_type_two_level_index_search);
	rocksdb_block_based_options_set_metadata_block_size(b, INDEX_BYTES);
	rocksdb_block_based_options_set_pin_top_level_index_and_filter(b, 1);
	if (table == STORE_SEEN || table == STORE_META) {
		rocksdb_block_based_options_set_filter_policy(
		    b, rocksdb_filterpolicy_create_bloom_full(FILTER_BITS));
		rocksdb_block_based_options_set_partition_filters(b, 1);
	}
	return b;
}

/*
 * Runs are numbered from the newest on.  Those that come next are merged with them while all
 * before them together are as large, so that a record is not written again and again with
 * little ones.  RocksDB begins at the newest from which on enough can be merged, and where
 * there are none it waits for more runs, until the newest sixteen are too many.  Without
 * some more of them than are merged, large ones would be merged with little ones for want of
 * others.
 */
enum { RUNS = 20, RUNS_MERGED = 16 };

/*
 * All others may have so much of what the oldest run has before all are merged.  What waits
 * is mostly taken away before it is old; of the rest, each round of a recrawl writes the
 * same again.
 */
enum { SPACE_PERCENT = 800, QUEUE_SPACE_PERCENT = 1600 };

static void
universal_compaction(rocksdb_options_t *o, int space_percent)
{
	rocksdb_universal_compaction_options_t *u =
	    rocksdb_universal_compaction_options_create();

	rocksdb_universal_compaction_options_set_size_ratio(u, 0);
	rocksdb_universal_compaction_options_set_min_merge_width(u, RUNS_MERGED);
	rocksdb_universal_compaction_options_set_max_merge_width(u, RUNS_MERGED);
	rocksdb_universal_compaction_options_set_max_size_amplification_percent(
	    u, space_percent);
	rocksdb_options_set_universal_compaction_options(o, u);
	rocksdb_universal_compaction_options_destroy(u);
	rocksdb_options_set_compaction_style(o, rocksdb_universal_compaction);
	rocksdb_options_set_level0_file_num_compaction_trigger(o, RUNS);
	/* While all is merged, new runs come in. */
	rocksdb_options_set_level0_slowdown_writes_trigger(o, 5 * RUNS);
	rocksdb_options_set_level0_stop_writes_trigger(o, 9 * RUNS);
}

/* The same and `more`, in RocksDB's own words: not all of it has a function in C. */
static rocksdb_options_t *
with(rocksdb_options_t *o, const char *more)
{
	rocksdb_options_t *both;
	char *error = NULL;

	if (more == NULL)
		return o;
	both = rocksdb_options_create();
	rocksdb_get_options_from_string(o, more, both, &error);
	assert(error == NULL);
	rocksdb_options_destroy(o);
	return both;
}

/*
 * How large a memtable may be, in sixteenths of the memory.  Of ten bytes that are written eight
 * are of URLs that wait: so these have most, and are merged no more often than the rest.
 */
static const uint8_t memtable_parts[ROCKS_CF_MAX] = {[STORE_SEEN] = 1,
    [STORE_QUEUE] = 10,
    [STORE_HOST] = 2,
    [STORE_META] = 2,
    [ROCKS_CF_OWN] = 1};

static rocksdb_options_t *
cf_options(const struct rocks_tuning *t, enum store_table table, uint64_t memory_bytes)
{
	rocksdb_options_t *o = rocksdb_options_create();
	rocksdb_block_based_table_options_t *b = table_options(t, table);

	rocksdb_options_set_block_based_table_factory(o, b);
	rocksdb_block_based_options_destroy(b);
	/* Of the seen table there is little but hashes. */
	rocksdb_options_set_compression(
	    o, table == STORE_SEEN ? rocksdb_no_compression : rocksdb_lz4_compression);
	rocksdb_options_set_write_buffer_size(
	    o, (size_t)(memory_bytes / 16 * memtable_parts[table]));
	rocksdb_options_set_max_write_buffer_number(
	    o, 2); /* being written out, at most */
	if (table != STORE_HOST)
		universal_compaction(
		    o, table == STORE_QUEUE ? QUEUE_SPACE_PERCENT : SPACE_PERCENT);
	/* Batches are sorted: the next key's place is looked for from that of the last. */
	return with(o, "memtable_insert_with_hint_prefix_extractor=fixed:1");
}

const char *rocks_more_options[ROCKS_CF_MAX + 1];

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
	rocksdb_options_set_db_write_buffer_size(o, (size_t)(memory_bytes / 4 * 3));
	rocksdb_options_set_max_total_wal_size(o, memory_bytes);
	/* Debian's asserts that nothing is written to its file LOG after a write to it has
	 * failed, as one does on a full disk, and ends the process: so LOG stays empty.  What
	 * goes wrong comes back from the calls, too. */
	rocksdb_options_set_info_log_level(o, LOG_NOTHING);
	rocksdb_options_set_keep_log_file_num(o, 2);
	rocksdb_options_set_stats_dump_period_sec(o, 0);
	rocksdb_options_set_stats_persist_period_sec(o, 0);
	/* Small disks: no room for what is not there yet. */
	rocksdb_options_set_manifest_preallocation_size(o, 64 << 10);
	o = with(o, "allow_fallocate=false");
	t->db = with(o, rocks_more_options[ROCKS_CF_MAX]);
}

static rocksdb_cache_t *
block_cache(uint64_t bytes)
{
	rocksdb_lru_cache_options_t *o = rocksdb_lru_cache_options_create();
	rocksdb_cache_t *cache;

	rocksdb_lru_cache_options_set_capacity(o, (size_t)bytes);
	rocksdb_lru_cache_options_set_num_shard_bits(o, CACHE_SHARD_BITS);
	cache = rocksdb_cache_create_lru_opts(o);
	rocksdb_lru_cache_options_destroy(o);
	return cache;
}

void
rocks_tune(struct rocks_tuning *t, enum store_mode mode, uint64_t memory_bytes)
{
	if (memory_bytes == 0)
		memory_bytes = STORE_MEMORY_BYTES;
	*t = (struct rocks_tuning){.cache = block_cache(memory_bytes / 16),
	    .env = rocksdb_create_default_env(),
	    .get = rocksdb_readoptions_create(),
	    .scan = rocksdb_readoptions_create(),
	    .write = rocksdb_writeoptions_create(),
	    .write_synced = rocksdb_writeoptions_create()};
	db_options(t, mode, memory_bytes);
	for (int i = 0; i < ROCKS_CF_MAX; i++)
		t->cf[i] = with(cf_options(t, (enum store_table)i, memory_bytes),
		    rocks_more_options[i]);
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
