#include "files_kit.h"
#include "frontier/seen_cold.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of a run of calls the one with this number fails, or is short where `cut` says so. */
static int64_t fails_at = -1;
static int fails_with;
static bool cut;

static bool
fails_now(void)
{
	return fails_at >= 0 && fails_at-- == 0;
}

ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t
__wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (!fails_now())
		return __real_pwrite(fd, p, n, at);
	if (cut && n > 3)
		return __real_pwrite(fd, p, n / 3, at);
	errno = fails_with;
	return -1;
}

ssize_t __real_pread(int fd, void *p, size_t n, off_t at);
ssize_t __wrap_pread(int fd, void *p, size_t n, off_t at);
ssize_t
__wrap_pread(int fd, void *p, size_t n, off_t at)
{
	if (!fails_now())
		return __real_pread(fd, p, n, at);
	if (cut && n > 3)
		return __real_pread(fd, p, n / 3, at);
	errno = fails_with;
	return -1;
}

struct rig {
	char dir[KIT_PATH_MAX];
	int dir_fd;
	struct seen_cold cold;
};

static int
up(void **state)
{
	struct rig *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	kit_scratch(g->dir);
	g->dir_fd = open(g->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(g->dir_fd >= 0);
	seen_cold_init(&g->cold);
	assert_false(seen_cold_is_open(&g->cold));
	assert_int_equal(seen_cold_open(&g->cold, g->dir_fd), 0);
	*state = g;
	return 0;
}

static int
down(void **state)
{
	struct rig *g = *state;

	fails_at = -1;
	cut = false;
	seen_cold_release(&g->cold);
	assert_int_equal(close(g->dir_fd), 0);
	kit_remove(g->dir);
	free(g);
	return 0;
}

static uint64_t
hash_of(uint64_t i)
{
	uint64_t z = (i + 1) * 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

enum { PART = 200 };

/* The i-th fingerprint of a part. */
static uint64_t
print_of(uint64_t i)
{
	return hash_of(i) >> 8 | (uint64_t)PART << 56;
}

static uint64_t
word_of(uint64_t i, uint64_t flags)
{
	return print_of(i) << 8 | flags;
}

static int
merge(struct rig *g, uint64_t first, size_t n, uint64_t flags)
{
	uint64_t *words = calloc(n + 1, sizeof(*words));
	int r;

	assert_non_null(words);
	for (size_t i = 0; i < n; i++)
		words[i] = word_of(first + i, flags);
	r = seen_cold_merge(&g->cold, PART, words, n);
	free(words);
	return r;
}

/* Those from `first` on have these flags; 0: they are not there. */
static void
assert_has(struct rig *g, uint64_t first, size_t n, uint64_t flags)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t word = 1;

		assert_int_equal(seen_cold_find(&g->cold, print_of(first + i), &word), 0);
		assert_int_equal(word, flags == 0 ? 0 : word_of(first + i, flags));
	}
}

static void
what_was_merged_is_found_and_nothing_else(void **state)
{
	struct rig *g = *state;
	uint64_t len = 0, word;

	for (int i = 0; i < 12; i++) {
		size_t n = (size_t)1 << i;

		assert_has(g, len, n, 0);
		assert_int_equal(merge(g, len, n, 3), 0);
		len += n;
		assert_has(g, 0, len, 3);
	}
	assert_has(g, len, 20000, 0);
	/* Other parts are empty, the same bits or not. */
	assert_int_equal(seen_cold_find(&g->cold, print_of(0) ^ (1ull << 56), &word), 0);
	assert_int_equal(word, 0);
}

static void
a_newer_word_overrules_an_older_one(void **state)
{
	struct rig *g = *state;

	assert_int_equal(merge(g, 0, 30000, 3), 0);
	assert_int_equal(merge(g, 10000, 30000, 5), 0);
	assert_int_equal(merge(g, 12000, 1, 7), 0);
	assert_has(g, 0, 10000, 3);
	assert_has(g, 10000, 2000, 5);
	assert_has(g, 12000, 1, 7);
	assert_has(g, 12001, 27999, 5);
	assert_int_equal(g->cold.len[PART], 40000);
	assert_int_equal(merge(g, 0, 0, 3), 0);
	assert_int_equal(g->cold.len[PART], 40000);
}

static void
values_at_the_ends_and_in_heaps_are_found(void **state)
{
	/* Nothing like a hash: all at the ends, where no value tells the place. */
	struct rig *g = *state;
	uint64_t words[4000], word;
	const uint64_t top = (uint64_t)PART << 56, most = (1ull << 56) - 1;

	for (uint64_t i = 0; i < 2000; i++) {
		words[i] = i << 8 | 1;
		words[2000 + i] = (most - i) << 8 | 1;
	}
	assert_int_equal(seen_cold_merge(&g->cold, PART, words, 4000), 0);
	for (uint64_t i = 0; i < 4000; i++) {
		assert_int_equal(seen_cold_find(&g->cold, top | i, &word), 0);
		assert_int_equal(word, i < 2000 ? i << 8 | 1 : 0);
		assert_int_equal(seen_cold_find(&g->cold, top | (most - i), &word), 0);
		assert_int_equal(word, i < 2000 ? (most - i) << 8 | 1 : 0);
	}
	for (uint64_t i = 1; i < 64; i++) {
		assert_int_equal(seen_cold_find(&g->cold, top | most / 64 * i, &word), 0);
		assert_int_equal(word, 0);
	}
}

static void
whichever_call_fails_the_part_is_as_it_was(void **state)
{
	static const struct {
		int with, told;
	} of[] = {{EIO, -EIO}, {ENOSPC, -ENOSPC}, {EDQUOT, -ENOSPC}, {EFBIG, -ENOSPC}};
	struct rig *g = *state;
	size_t failures = 0, full = 0;

	assert_int_equal(merge(g, 0, 20000, 3), 0);
	for (int64_t at = 0;; at++) {
		int r;

		fails_at = at;
		fails_with = of[at % 4].with;
		r = merge(g, 20000, 20000, 5);
		fails_at = -1;
		if (r == 0)
			break;
		failures++;
		/* Writing has its own words; reading says what it met. */
		assert_true(r == of[at % 4].told || r == -fails_with);
		full += r == -ENOSPC;
		assert_has(g, 0, 20000, 3);
		assert_has(g, 20000, 100, 0);
	}
	assert_true(failures >= 8);
	assert_true(full >= 3);
	assert_has(g, 0, 20000, 3);
	assert_has(g, 20000, 20000, 5);
	fails_at = 0;
	fails_with = EIO;
	assert_int_equal(seen_cold_find(&g->cold, print_of(1), &(uint64_t){0}), -EIO);
}

static void
a_call_that_is_short_or_interrupted_goes_on(void **state)
{
	struct rig *g = *state;

	for (int64_t at = 0; at < 8; at++) {
		cut = at % 2 == 0;
		fails_with = EINTR;
		fails_at = at;
		assert_int_equal(merge(g, (uint64_t)at * 9000, 9000, 3), 0);
		fails_at = at % 3;
		assert_has(g, 0, (size_t)(at + 1) * 9000, 3);
	}
}

static void
the_file_has_no_name_and_holds_what_is_in_use(void **state)
{
	struct rig *g = *state;
	struct kit_list list;
	struct stat st;

	kit_list(g->dir, ".", &list);
	assert_int_equal(list.n, 0);
	for (uint64_t i = 0; i < 10; i++)
		assert_int_equal(merge(g, i * 20000, 20000, 3), 0);
	assert_int_equal(fstat(g->cold.fd, &st), 0);
	/* Ten times as much was written. */
	assert_true((uint64_t)st.st_blocks * 512 < 200000 * 8 * 5 / 4);
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    T(what_was_merged_is_found_and_nothing_else),
	    T(a_newer_word_overrules_an_older_one),
	    T(values_at_the_ends_and_in_heaps_are_found),
	    T(whichever_call_fails_the_part_is_as_it_was),
	    T(a_call_that_is_short_or_interrupted_goes_on),
	    T(the_file_has_no_name_and_holds_what_is_in_use),
	};

	return cmocka_run_group_tests_name("frontier/seen_cold", tests, NULL, NULL);
}
