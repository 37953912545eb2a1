#include "files_kit.h"
#include "frontier/keys.h"
#include "frontier/seen.h"
#include "frontier/seen_log.h"
#include "frontier/urlrec.h"
#include "store/store.h"
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "fail_alloc.h"

/* ---- calls that fail when a test says so ---- */

static int write_errno;         /* of pwrite; 0: it works */
static int64_t write_bytes_max; /* that are still written before that */
static int sync_errno;

ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t
__wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (write_errno == 0)
		return __real_pwrite(fd, p, n, at);
	if (write_bytes_max == 0) {
		errno = write_errno;
		return -1;
	}
	if ((int64_t)n > write_bytes_max)
		n = (size_t)write_bytes_max;
	write_bytes_max -= (int64_t)n;
	return __real_pwrite(fd, p, n, at);
}

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int
__wrap_fdatasync(int fd)
{
	if (sync_errno == 0)
		return fd < 0 ? -1 : 0; /* the disk is not what is tested here */
	errno = sync_errno;
	return -1;
}

void *__real_mmap(void *at, size_t n, int prot, int flags, int fd, off_t from);
void *__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t from);
void *
__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t from)
{
	if (fail_alloc_now())
		return MAP_FAILED;
	return __real_mmap(at, n, prot, flags, fd, from);
}

/* ---- a crawl's state: a store that stays, a set that comes and goes ---- */

struct rig {
	char dir[KIT_PATH_MAX];
	struct store *store;
	struct store_batch *batch;
	struct seen *seen;
	struct buf mark;
	uint64_t memory_bytes;
	struct why why;
};

static const struct slice mark_key = {.ptr = "seen", .len = 4};

static uint64_t
hash_of(uint64_t i)
{
	uint64_t z = i * 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static int
try_open(struct rig *g)
{
	struct seen_conf conf = {
	    .dir = g->dir, .store = g->store, .memory_bytes_max = g->memory_bytes};
	int r = store_get(g->store, STORE_META, mark_key, &g->mark);

	if (r == -ENOENT)
		buf_clear(&g->mark);
	else
		assert_int_equal(r, 0);
	conf.mark = buf_slice(&g->mark);
	return seen_open(&conf, &g->seen, &g->why);
}

static void
reopen(struct rig *g)
{
	seen_close(g->seen);
	g->seen = NULL;
	assert_int_equal(try_open(g), 0);
	seen_check(g->seen);
}

static int
up(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	kit_scratch(g->dir);
	buf_init(&g->mark, 1024);
	assert_int_equal(store_open("memory", NULL, &g->store, NULL), 0);
	assert_int_equal(store_batch_new(256 << 20, &g->batch), 0);
	assert_int_equal(try_open(g), 0);
	assert_null(seen_mended(g->seen));
	*state = g;
	return 0;
}

static int
down(void **state)
{
	struct rig *g = *state;

	seen_close(g->seen);
	store_batch_free(g->batch);
	store_close(g->store);
	buf_release(&g->mark);
	kit_remove(g->dir);
	free(g);
	return 0;
}

static void
put_waiting(struct rig *g, uint64_t hash)
{
	struct urlrec rec = {.authority_hash = hash % 97,
	    .url_hash = hash,
	    .key = ~hash,
	    .url = SLICE_LIT("x")};
	struct buf value;
	struct key k;

	buf_init(&value, 1024);
	assert_int_equal(urlrec_encode(&rec, &value), 0);
	key_make(&k, rec.authority_hash, rec.key);
	assert_int_equal(
	    store_batch_put(g->batch, STORE_QUEUE, key_whole(&k), buf_slice(&value)), 0);
	buf_release(&value);
}

static void
put_seen(struct rig *g, uint64_t hash, enum outcome o)
{
	char value = (char)o;
	struct key k;

	key_make(&k, hash % 97, hash);
	assert_int_equal(
	    store_batch_put(g->batch, STORE_SEEN, key_whole(&k), slice_of(&value, 1)), 0);
}

/* As the committer does: what waits since it was discovered only the queue has. */
static void
put(struct rig *g, uint64_t hash, enum outcome o, bool is_new)
{
	struct key k;

	key_make(&k, hash % 97, ~hash);
	if (o == OUTCOME_NONE)
		put_waiting(g, hash);
	else
		assert_int_equal(
		    store_batch_delete(g->batch, STORE_QUEUE, key_whole(&k)), 0);
	if (o != OUTCOME_NONE || !is_new)
		put_seen(g, hash, o);
}

static enum seen_add
add(struct rig *g, uint64_t url, enum outcome o)
{
	uint64_t hash = hash_of(url);
	enum outcome was;
	enum seen_add ret;

	assert_int_equal(seen_add(g->seen, hash, o, &ret, &was), 0);
	if (ret != SEEN_KNOWN)
		put(g, hash, o, ret == SEEN_NEW);
	return ret;
}

static void
put_mark(struct rig *g)
{
	buf_clear(&g->mark);
	assert_int_equal(seen_mark(g->seen, &g->mark), 0);
	assert_int_equal(
	    store_batch_put(g->batch, STORE_META, mark_key, buf_slice(&g->mark)), 0);
}

static void
commit(struct rig *g)
{
	assert_int_equal(seen_sync(g->seen, &g->why), 0);
	put_mark(g);
	assert_int_equal(store_apply(g->store, g->batch, true, NULL), 0);
	seen_committed(g->seen);
}

/* URL i is rejected by depth when 3 divides it. */
static enum outcome
verdict(uint64_t i)
{
	return i % 3 == 0 ? OUTCOME_DEPTH : OUTCOME_NONE;
}

/* URLs below `n` in commits of `each`; those that 6 divides are wanted in the end, and of
 * the others those that 5 divides are out of budget. */
static void
fill(struct rig *g, uint64_t n, uint64_t each)
{
	for (uint64_t i = 0; i < n; i++) {
		assert_int_equal(add(g, i, verdict(i)), SEEN_NEW);
		if (i % 6 == 0)
			assert_int_equal(add(g, i, OUTCOME_NONE), SEEN_UPGRADED);
		else if (i % 5 == 0) {
			assert_int_equal(
			    seen_set(g->seen, hash_of(i), OUTCOME_BUDGET), 0);
			put(g, hash_of(i), OUTCOME_BUDGET, false);
		}
		if ((i + 1) % each == 0)
			commit(g);
	}
	commit(g);
}

static void
assert_filled(struct rig *g, uint64_t n)
{
	struct seen_stats stats;
	enum outcome was = OUTCOME_NONE;
	enum seen_add ret;

	seen_stats(g->seen, &stats);
	assert_int_equal(stats.urls, n);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t h = hash_of(i);

		assert_int_equal(seen_add(g->seen, h, OUTCOME_TRAP, &ret, &was), 0);
		assert_int_equal(ret, SEEN_KNOWN);
	}
	/* These change it: only what is soft is overruled. */
	for (uint64_t i = 0; i < n; i++) {
		enum outcome want = i % 6 == 0   ? OUTCOME_NONE
				    : i % 5 == 0 ? OUTCOME_BUDGET
						 : verdict(i);
		uint64_t h = hash_of(i);

		assert_int_equal(seen_add(g->seen, h, OUTCOME_NONE, &ret, &was), 0);
		assert_int_equal(ret, want == OUTCOME_NONE ? SEEN_KNOWN : SEEN_UPGRADED);
		if (want != OUTCOME_NONE)
			assert_int_equal(was, want);
	}
	assert_int_equal(seen_add(g->seen, hash_of(n), OUTCOME_NONE, &ret, &was), 0);
	assert_int_equal(ret, SEEN_NEW);
}

static void
assert_mended(struct rig *g, const char *part)
{
	const char *sentence = seen_mended(g->seen);

	assert_non_null(sentence);
	assert_non_null(strstr(sentence, part));
}

static uint64_t
file_size(const struct rig *g)
{
	char path[KIT_PATH_MAX + 16];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/seen.log", g->dir);
	assert_int_equal(stat(path, &st), 0);
	return (uint64_t)st.st_size;
}

/* ---- the tests ---- */

static void
a_set_is_found_again(void **state)
{
	struct rig *g = *state;

	fill(g, 100000, 700);
	reopen(g);
	assert_null(seen_mended(g->seen));
	assert_filled(g, 100000);
	reopen(g); /* what assert_filled() changed was not committed */
	assert_filled(g, 100000);
}

static void
the_file_grows_by_nine_bytes_a_url(void **state)
{
	struct rig *g = *state;
	uint64_t before;

	commit(g);
	before = file_size(g);
	for (uint64_t i = 0; i < 100000; i++)
		(void)add(g, i, OUTCOME_NONE);
	for (uint64_t i = 0; i < 100000; i++)
		assert_int_equal(seen_set(g->seen, hash_of(i), OUTCOME_OK), 0);
	commit(g);
	commit(g);
	assert_true(file_size(g) - before < 100000 * 9 + 100);
}

static void
a_set_of_no_urls_is_found_again(void **state)
{
	struct rig *g = *state;

	commit(g);
	reopen(g);
	assert_null(seen_mended(g->seen));
	assert_filled(g, 0);
}

static void
what_was_not_committed_is_forgotten(void **state)
{
	struct rig *g = *state;

	fill(g, 1000, 100);
	for (uint64_t i = 1000; i < 2000; i++)
		assert_int_equal(add(g, i, OUTCOME_NONE), SEEN_NEW);
	assert_int_equal(seen_sync(g->seen, &g->why), 0); /* and then the power fails */
	reopen(g);
	assert_null(seen_mended(g->seen));
	assert_filled(g, 1000);
}

static void
a_batch_that_failed_is_committed_with_the_next(void **state)
{
	struct rig *g = *state;

	fill(g, 1000, 100);
	assert_int_equal(add(g, 1000, verdict(1000)), SEEN_NEW);
	seen_set(g->seen, hash_of(1000), OUTCOME_BUDGET);
	put(g, hash_of(1000), OUTCOME_BUDGET, true);
	assert_int_equal(seen_sync(g->seen, &g->why), 0);
	put_mark(g); /* store_apply() fails, and keeps the batch */
	assert_int_equal(add(g, 1001, verdict(1001)), SEEN_NEW);
	commit(g);
	reopen(g);
	assert_null(seen_mended(g->seen));
	assert_filled(g, 1002);
}

static void
there_is_no_mark_before_a_sync(void **state)
{
	struct rig *g = *state;

	(void)add(g, 1, OUTCOME_NONE);
	buf_clear(&g->mark);
	assert_int_equal(seen_mark(g->seen, &g->mark), -EBUSY);
	assert_int_equal(g->mark.len, 0);
	commit(g);
}

static void
a_torn_tail_is_cut_off(void **state)
{
	struct rig *g = *state;
	struct slice whole, torn;

	fill(g, 1000, 100);
	whole = kit_file(g->dir, "seen.log");
	for (uint64_t i = 1000; i < 3000; i++)
		assert_int_equal(add(g, i, OUTCOME_NONE), SEEN_NEW);
	assert_int_equal(seen_sync(g->seen, &g->why), 0);
	torn = kit_file(g->dir, "seen.log");
	assert_true(torn.len > whole.len + 9 * 2000);
	for (size_t n = whole.len; n < torn.len; n += n < whole.len + 40 ? 1 : 997) {
		kit_write(g->dir, "seen.log", slice_head(torn, n));
		reopen(g);
		assert_null(seen_mended(g->seen));
		assert_int_equal(file_size(g), whole.len);
	}
	assert_filled(g, 1000);
	kit_free(whole);
	kit_free(torn);
}

/* The log is not what the mark says: everything comes from the store. */
static void
assert_rebuilt(struct rig *g, const char *part, uint64_t n)
{
	reopen(g);
	assert_mended(g, part);
	commit(g);
	reopen(g);
	assert_null(seen_mended(g->seen));
	assert_filled(g, n);
	reopen(g);
}

static void
a_log_that_is_missing_or_short_is_made_again(void **state)
{
	struct rig *g = *state;
	char path[KIT_PATH_MAX + 16];
	struct slice whole;

	fill(g, 40000, 40000);
	(void)snprintf(path, sizeof(path), "%s/seen.log", g->dir);
	assert_int_equal(unlink(path), 0);
	assert_rebuilt(g, "seen.log", 40000);
	whole = kit_file(g->dir, "seen.log");
	for (size_t n = 0; n < whole.len; n = n * 3 + 7) {
		kit_write(g->dir, "seen.log", slice_head(whole, n));
		assert_rebuilt(g, "seen.log", 40000);
		kit_free(whole);
		whole = kit_file(g->dir, "seen.log");
	}
	kit_free(whole);
}

static void
a_flipped_byte_is_noticed_wherever_it_is(void **state)
{
	enum { PLACES = 200, N = 3000 };
	struct rig *g = *state;
	struct slice good;
	struct buf mark;

	fill(g, N, 250);
	good = kit_file(g->dir, "seen.log");
	buf_init(&mark, 1024);
	assert_int_equal(store_get(g->store, STORE_META, mark_key, &mark), 0);
	for (uint64_t i = 0; i < PLACES; i++) {
		/* The head of the file and of the first block, then anywhere. */
		size_t at = i < 40 ? i : hash_of(i) % good.len;
		struct buf bad;

		buf_init(&bad, 1 << 20);
		assert_int_equal(buf_add_slice(&bad, good), 0);
		bad.ptr[at] ^= (char)(1 + hash_of(i + 1000) % 255);
		kit_write(g->dir, "seen.log", buf_slice(&bad));
		buf_release(&bad);
		assert_int_equal(
		    store_batch_put(g->batch, STORE_META, mark_key, buf_slice(&mark)), 0);
		assert_int_equal(store_apply(g->store, g->batch, true, NULL), 0);
		reopen(g);
		assert_mended(g, "damaged");
		assert_filled(g, N);
	}
	buf_release(&mark);
	kit_free(good);
}

static void
a_flipped_byte_in_the_mark_is_noticed(void **state)
{
	enum { N = 500 };
	struct rig *g = *state;
	struct slice good;
	struct buf mark;

	fill(g, N, 100);
	good = kit_file(g->dir, "seen.log");
	buf_init(&mark, 1024);
	assert_int_equal(store_get(g->store, STORE_META, mark_key, &mark), 0);
	for (size_t at = 0; at < mark.len; at++) {
		kit_write(g->dir, "seen.log", good);
		mark.ptr[at] = (char)(mark.ptr[at] ^ 0x11);
		assert_int_equal(
		    store_batch_put(g->batch, STORE_META, mark_key, buf_slice(&mark)), 0);
		assert_int_equal(store_apply(g->store, g->batch, true, NULL), 0);
		mark.ptr[at] = (char)(mark.ptr[at] ^ 0x11);
		reopen(g);
		assert_mended(g, "seen.log");
		assert_filled(g, N);
	}
	buf_release(&mark);
	kit_free(good);
}

static void
the_log_of_another_crawl_is_noticed(void **state)
{
	struct rig *g = *state;
	struct slice other;

	for (uint64_t i = 0; i < 100; i++)
		(void)add(g, 5000 + i, verdict(i));
	assert_int_equal(seen_sync(g->seen, &g->why), 0);
	other = kit_file(g->dir, "seen.log");
	store_batch_free(g->batch);
	assert_int_equal(store_batch_new(256 << 20, &g->batch), 0);
	reopen(g); /* no mark, so nothing was committed */
	assert_null(seen_mended(g->seen));
	for (uint64_t i = 0; i < 100; i++)
		(void)add(g, i, OUTCOME_NONE);
	commit(g);
	assert_int_equal(file_size(g), other.len);
	kit_write(g->dir, "seen.log", other);
	reopen(g);
	assert_mended(g, "damaged");
	for (uint64_t i = 0; i < 100; i++)
		assert_int_equal(add(g, i, OUTCOME_NONE), SEEN_KNOWN);
	assert_int_equal(add(g, 5000, OUTCOME_NONE), SEEN_NEW);
	kit_free(other);
}

static void
a_crash_while_the_log_is_made_again_loses_nothing(void **state)
{
	struct rig *g = *state;

	fill(g, 70000, 70000);
	kit_write(g->dir, "seen.log", SLICE_LIT("?"));
	write_errno = EIO;
	write_bytes_max = 300000;
	seen_close(g->seen);
	g->seen = NULL;
	assert_int_equal(try_open(g), -EIO);
	write_errno = 0;
	assert_non_null(strstr(g->why.text, "seen.log"));
	assert_rebuilt(g, "seen.log", 70000);
}

static bool
log_has(struct rig *g, uint64_t url)
{
	bool found = false;

	assert_int_equal(
	    seen_log_has(g->dir, buf_slice(&g->mark), hash_of(url), &found, &g->why), 0);
	return found;
}

/* As trawl explain does, beside the crawl. */
static void
who_only_reads_finds_what_was_committed(void **state)
{
	struct rig *g = *state;
	char path[KIT_PATH_MAX + 16];
	bool found;

	fill(g, 100000, 1000);
	assert_int_equal(add(g, 100000, OUTCOME_NONE), SEEN_NEW);
	assert_int_equal(seen_sync(g->seen, NULL), 0); /* and no mark yet */
	assert_true(log_has(g, 0));
	assert_true(log_has(g, 99999));
	assert_false(log_has(g, 100000));
	commit(g); /* nothing of it was cut off */
	assert_true(log_has(g, 100000));
	assert_int_equal(
	    seen_log_has(g->dir, SLICE_LIT("mark"), 1, &found, &g->why), -EBADMSG);
	kit_write(g->dir, "seen.log", SLICE_LIT("?"));
	assert_int_equal(
	    seen_log_has(g->dir, buf_slice(&g->mark), 1, &found, &g->why), -EBADMSG);
	(void)snprintf(path, sizeof(path), "%s/seen.log", g->dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(
	    seen_log_has(g->dir, buf_slice(&g->mark), 1, &found, &g->why), -ENOENT);
}

static void
a_damaged_store_is_refused(void **state)
{
	const char none = OUTCOME_NONE, wrong = OUTCOME_MAX;
	struct rig *g = *state;
	struct key k;

	fill(g, 100, 10);
	kit_write(g->dir, "seen.log", SLICE_LIT("?"));
	key_make(&k, 3, 4);
	for (int i = 0; i < 4; i++) {
		enum store_table table = i == 3 ? STORE_QUEUE : STORE_SEEN;
		struct slice key = i == 0 ? SLICE_LIT("short") : key_whole(&k);
		struct slice value = i == 1   ? (struct slice){0}
				     : i == 2 ? slice_of(&wrong, 1)
					      : slice_of(&none, 1);

		assert_int_equal(store_batch_put(g->batch, table, key, value), 0);
		assert_int_equal(store_apply(g->store, g->batch, true, NULL), 0);
		seen_close(g->seen);
		g->seen = NULL;
		assert_int_equal(try_open(g), -EBADMSG);
		assert_non_null(strstr(g->why.text, "the store"));
		assert_int_equal(store_batch_delete(g->batch, table, key), 0);
		assert_int_equal(store_apply(g->store, g->batch, true, NULL), 0);
	}
	assert_rebuilt(g, "seen.log", 100);
}

static void
a_full_disk_leaves_everything_as_it_was(void **state)
{
	enum { N = 100000 };
	struct rig *g = *state;
	struct slice before, after;

	fill(g, 1000, 100);
	before = kit_file(g->dir, "seen.log");
	for (uint64_t i = 1000; i < N; i++) {
		(void)add(g, i, verdict(i));
		if (i % 6 == 0)
			(void)add(g, i, OUTCOME_NONE);
		else if (i % 5 == 0) {
			assert_int_equal(
			    seen_set(g->seen, hash_of(i), OUTCOME_BUDGET), 0);
			put(g, hash_of(i), OUTCOME_BUDGET, false);
		}
	}
	/* Full at every stage: before, in, and between blocks. */
	for (int64_t room = 0; room < 1200000; room += 100001) {
		int r;

		write_errno = ENOSPC;
		write_bytes_max = room;
		r = seen_sync(g->seen, &g->why);
		write_errno = 0;
		if (r == 0)
			break;
		assert_int_equal(r, -ENOSPC);
		buf_clear(&g->mark);
		assert_int_equal(seen_mark(g->seen, &g->mark), -EBUSY);
		seen_check(g->seen);
	}
	after = kit_file(g->dir, "seen.log");
	assert_true(slice_starts(after, before));
	commit(g);
	reopen(g);
	assert_null(seen_mended(g->seen));
	assert_filled(g, N);
	kit_free(before);
	kit_free(after);
}

static void
a_failed_sync_sticks_and_a_resume_goes_on(void **state)
{
	struct rig *g = *state;

	fill(g, 1000, 100);
	(void)add(g, 1000, OUTCOME_NONE);
	sync_errno = EIO;
	assert_int_equal(seen_sync(g->seen, &g->why), -EIO);
	sync_errno = 0;
	assert_int_equal(seen_sync(g->seen, &g->why), -EIO);
	reopen(g);
	assert_null(seen_mended(g->seen));
	assert_filled(g, 1000);
}

static void
more_than_fits_is_opened_within_the_limit(void **state)
{
	enum { N = 400000 };
	struct rig *g = *state;
	struct seen_stats stats;

	fill(g, N, 10000);
	g->memory_bytes = SEEN_MEMORY_MIN;
	for (int i = 0; i < 2; i++) {
		reopen(g);
		seen_stats(g->seen, &stats);
		assert_int_equal(stats.urls, N);
		assert_true(stats.remembered < N / 2);
		assert_true(
		    stats.memory_bytes < SEEN_MEMORY_MIN + (1 << 20)); /* blocks */
		/* Then from the store. */
		kit_write(g->dir, "seen.log", SLICE_LIT("?"));
	}
	reopen(g);
	assert_mended(g, "seen.log");
	assert_filled(g, N);
}

static void
while_the_disk_is_full_nothing_leaves_the_memory(void **state)
{
	enum { N = 300000 };
	struct rig *g = *state;
	struct seen_stats stats;

	g->memory_bytes = SEEN_MEMORY_MIN;
	reopen(g);
	write_errno = ENOSPC;
	write_bytes_max = 500000;
	for (uint64_t i = 0; i < N; i++)
		assert_int_equal(add(g, i, OUTCOME_DEPTH), SEEN_NEW);
	for (uint64_t i = 0; i < N; i++)
		assert_int_equal(add(g, i, OUTCOME_DEPTH), SEEN_KNOWN);
	write_errno = 0;
	seen_stats(g->seen, &stats);
	assert_true(stats.memory_bytes > SEEN_MEMORY_MIN + (1 << 20));
	seen_check(g->seen);
	for (uint64_t i = 0; i < 2 * (uint64_t)N; i++)
		(void)add(g, i, OUTCOME_NONE);
	for (uint64_t i = 0; i < 2 * (uint64_t)N; i++)
		assert_int_equal(add(g, i, OUTCOME_NONE), SEEN_KNOWN);
	seen_check(g->seen);
}

static void
what_cannot_be_written_for_good_is_told(void **state)
{
	struct rig *g = *state;
	enum outcome was;
	enum seen_add ret;
	uint64_t i = 0;
	int r = 0;

	g->memory_bytes = SEEN_MEMORY_MIN;
	reopen(g);
	write_errno = EIO;
	write_bytes_max = 0;
	while (r == 0 && i < 300000)
		r = seen_add(g->seen, hash_of(i++), OUTCOME_NONE, &ret, &was);
	write_errno = 0;
	assert_int_equal(r, -EIO);
	seen_check(g->seen);
	assert_int_equal(add(g, i - 1, OUTCOME_NONE), SEEN_NEW);
	for (uint64_t j = 0; j < i; j++)
		assert_int_equal(add(g, j, OUTCOME_NONE), SEEN_KNOWN);
}

static void
each_allocation_of_an_opening_may_fail(void **state)
{
	struct rig *g = *state;
	int64_t n;

	fill(g, 2000, 500);
	for (int round = 0; round < 2; round++) {
		for (n = 0;; n++) {
			int r;

			seen_close(g->seen);
			g->seen = NULL;
			fail_alloc_after = n;
			r = try_open(g);
			fail_alloc_after = -1;
			if (r == 0)
				break;
			assert_int_equal(r, -ENOMEM);
			assert_null(g->seen);
		}
		assert_true(n > 250);
		assert_filled(g, 2000);
		kit_write(g->dir, "seen.log", SLICE_LIT("?")); /* now from the store */
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(a_set_is_found_again),
	    T(the_file_grows_by_nine_bytes_a_url),
	    T(a_set_of_no_urls_is_found_again),
	    T(what_was_not_committed_is_forgotten),
	    T(a_batch_that_failed_is_committed_with_the_next),
	    T(there_is_no_mark_before_a_sync),
	    T(a_torn_tail_is_cut_off),
	    T(a_log_that_is_missing_or_short_is_made_again),
	    T(a_flipped_byte_is_noticed_wherever_it_is),
	    T(a_flipped_byte_in_the_mark_is_noticed),
	    T(the_log_of_another_crawl_is_noticed),
	    T(a_crash_while_the_log_is_made_again_loses_nothing),
	    T(who_only_reads_finds_what_was_committed),
	    T(a_damaged_store_is_refused),
	    T(a_full_disk_leaves_everything_as_it_was),
	    T(a_failed_sync_sticks_and_a_resume_goes_on),
	    T(more_than_fits_is_opened_within_the_limit),
	    T(while_the_disk_is_full_nothing_leaves_the_memory),
	    T(what_cannot_be_written_for_good_is_told),
	    T(each_allocation_of_an_opening_may_fail),
	};

	return cmocka_run_group_tests_name("frontier/seen_log", tests, NULL, NULL);
}
