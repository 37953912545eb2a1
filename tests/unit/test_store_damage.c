#include "store/store.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "store_dir.h"

/*
 * A store of a few thousand keys, one byte of one of its files changed: then either it is
 * refused, at opening or at the read that meets it, or everything is there exactly.
 *
 *	test_store_damage [CASES [SEED [NAME]]]		only of files with NAME in theirs
 */
enum { KEYS = 600, LAG = 100, PARTS = 4, MEMORY_BYTES = 1 << 20, TAIL_BYTES = 1200 };

static int cases = 200;
static uint64_t seed = 1;
static const char *only = "";

static uint64_t
rng(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* ---- the store ---- */

static struct slice
key_of(enum store_table t, uint32_t i, char text[32])
{
	return slice_of(
	    text, (size_t)snprintf(text, 32, "%u/%08x", (unsigned)t, i * 2654435761u));
}

/* What key `i` has in the end; NULL: it was deleted. */
static const char *
value_of(enum store_table t, uint32_t i, char text[128])
{
	if (i % 5 == 4)
		return NULL;
	(void)snprintf(text, 128, "%08x value %u of table %u%*s", i * 40503u, i,
	    (unsigned)t, (int)(i % 50), "");
	return text;
}

static int
put_all(struct store_batch *b, uint32_t i)
{
	char key[32], value[128];
	int r = 0;

	for (int t = 0; t < STORE_TABLE_MAX && r == 0; t++) {
		struct slice k = key_of((enum store_table)t, i, key);
		const char *v = value_of((enum store_table)t, i, value);

		r = store_batch_put(
		    b, (enum store_table)t, k, v == NULL ? k : slice_cstr(v));
	}
	return r;
}

static int
delete_all(struct store_batch *b, uint32_t i)
{
	char key[32], value[128];
	int r = 0;

	for (int t = 0; t < STORE_TABLE_MAX && r == 0; t++)
		if (value_of((enum store_table)t, i, value) == NULL)
			r = store_batch_delete(
			    b, (enum store_table)t, key_of((enum store_table)t, i, key));
	return r;
}

/* What is to be deleted is put, too, and deleted a hundred keys later. */
static int
fill(struct store *s, struct store_batch *b, uint32_t from, uint32_t to)
{
	int r = 0;

	for (uint32_t i = from; i < to && r == 0; i++) {
		r = i < KEYS ? put_all(b, i) : 0;
		if (r == 0 && i >= LAG)
			r = delete_all(b, i - LAG);
		if (r == 0 && i % 50 == 49)
			r = store_apply(s, b, true, NULL);
	}
	return r;
}

/* In a child, which closes the store or just ends.  Each opening leaves tables. */
static int
write_store(const char *dir, bool closes)
{
	struct store_conf conf = {.dir = dir, .memory_bytes = MEMORY_BYTES};
	struct store_batch *b;
	struct store *s;
	int r = store_batch_new(1 << 20, &b);

	for (uint32_t part = 0; part < PARTS && r == 0; part++) {
		r = store_open("rocksdb", &conf, &s, NULL);
		if (r == 0)
			r = fill(s, b, part * (KEYS + LAG) / PARTS,
			    (part + 1) * (KEYS + LAG) / PARTS);
		if (part + 1 < PARTS || closes)
			store_close(s);
	}
	return r;
}

static void
make_store(const char *dir, bool closes)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(write_store(dir, closes) < 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- what became of it ---- */

enum verdict { EXACT, REFUSED, WRONG, NO_SENTENCE };

static enum verdict
refused(int err, const struct why *why)
{
	if (err != -EBADMSG && err != -EIO && err != -ENOTSUP)
		return WRONG;
	if (getenv("DAMAGE_VERBOSE") != NULL)
		(void)fprintf(stderr, "    %d %s\n", err, why->text);
	return why->text[0] == '\0' ? NO_SENTENCE : REFUSED;
}

static enum verdict
read_one(struct store *s, enum store_table t, uint32_t i, struct buf *got)
{
	char key[32], value[128];
	const char *want = value_of(t, i, value);
	int r = store_get(s, t, key_of(t, i, key), got);

	if (r == -ENOENT)
		return want == NULL ? EXACT : WRONG;
	if (r < 0)
		return refused(r, store_why(s));
	return want != NULL && slice_eq(buf_slice(got), slice_cstr(want)) ? EXACT : WRONG;
}

struct scanned {
	enum store_table t;
	uint32_t n;
	bool is_wrong;
	char last[32];
	size_t last_len;
};

/* The values begin with a number that tells whose they are. */
static bool
on_scanned(void *ctx, struct slice key, struct slice value)
{
	struct scanned *c = ctx;
	char text[128], want_key[32], want[128];
	unsigned i, t, mixed;

	(void)snprintf(text, sizeof(text), SLICE_FMT, SLICE_ARG(value));
	if (sscanf(text, "%x value %u of table %u", &mixed, &i, &t) != 3 || i >= KEYS ||
	    t != c->t || value_of(c->t, i, want) == NULL ||
	    !slice_eq(value, slice_cstr(want)) ||
	    !slice_eq(key, key_of(c->t, i, want_key)) ||
	    (c->n > 0 && memcmp(c->last, key.ptr, key.len) >= 0))
		c->is_wrong = true;
	memcpy(c->last, want_key, sizeof(c->last));
	c->n++;
	return true;
}

static enum verdict
scan_one(struct store *s, enum store_table t)
{
	struct scanned c = {.t = t};
	int r = store_scan(
	    s, t, (struct slice){0}, (struct slice){0}, UINT32_MAX, on_scanned, &c);

	if (c.is_wrong)
		return WRONG;
	if (r < 0)
		return refused(r, store_why(s));
	return c.n == KEYS - KEYS / 5 ? EXACT : WRONG;
}

/* The worst of all reads; a refused one does not excuse a wrong one. */
static enum verdict
read_all(struct store *s)
{
	enum verdict worst = EXACT;
	struct buf got;

	buf_init(&got, 1 << 20);
	for (int t = 0; t < STORE_TABLE_MAX; t++) {
		enum verdict v = scan_one(s, (enum store_table)t);

		worst = v > worst ? v : worst;
		for (uint32_t i = 0; i < KEYS; i++) {
			v = read_one(s, (enum store_table)t, i, &got);
			worst = v > worst ? v : worst;
		}
	}
	buf_release(&got);
	return worst;
}

static enum verdict
judge(const char *dir, enum store_mode mode)
{
	struct store_conf conf = {.dir = dir, .memory_bytes = MEMORY_BYTES, .mode = mode};
	uint64_t keys[STORE_TABLE_MAX];
	struct why why = {""};
	enum verdict v;
	struct store *s;
	int r = store_open("rocksdb", &conf, &s, &why);

	if (r < 0)
		return refused(r, &why);
	v = read_all(s);
	r = store_verify(s, keys, &why);
	if (v < WRONG && r < 0)
		v = refused(r, &why);
	else if (v == REFUSED)
		v = WRONG; /* verifying must find what reading finds */
	store_close(s);
	return v;
}

/* ---- one case ---- */

static char contents[4 << 20];

static const char *const verdicts[] = {"exact", "refused", "WRONG", "without a sentence"};

static enum verdict
judge_in_child(const char *dir, enum store_mode mode, const char *what)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(judge(dir, mode));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status))
		fail_msg("%s: ended by signal %d", what, WTERMSIG(status));
	if (WEXITSTATUS(status) > REFUSED)
		fail_msg("%s: %s", what,
		    WEXITSTATUS(status) <= NO_SENTENCE ? verdicts[WEXITSTATUS(status)]
						       : "?");
	return (enum verdict)WEXITSTATUS(status);
}

struct tally {
	int exact, refused;
};

/* A file, a byte of it, and what is done to it. */
struct flip {
	const char *name;
	size_t at, len;
	uint8_t mask;
};

/* Half of them close to the end, where tables have what all of them hangs on. */
static void
choose(
    const char *dir, const struct store_files *files, uint64_t *state, struct flip *ret)
{
	do {
		ret->name = files->name[rng(state) % (uint64_t)files->len];
	} while (strstr(ret->name, only) == NULL);
	ret->len = store_file_read(dir, ret->name, contents, sizeof(contents));
	ret->at = ret->len == 0 ? 0 : rng(state) % ret->len;
	if (ret->len > TAIL_BYTES && rng(state) % 2 == 0)
		ret->at = ret->len - 1 - rng(state) % TAIL_BYTES;
	ret->mask = (uint8_t)(rng(state) % 255 + 1);
	if (rng(state) % 2 == 0)
		ret->mask = (uint8_t)(1u << (rng(state) % 8));
}

static void
one_case(const char *from, const struct store_files *files, uint64_t *state,
    struct tally *tally)
{
	const char *dir = store_dir_new();
	struct flip f = {0};
	char what[256];
	enum verdict v;

	store_files_copy(from, dir);
	choose(dir, files, state, &f);
	contents[f.at] = (char)((uint8_t)contents[f.at] ^ f.mask);
	store_file_write(dir, f.name, contents, f.len == 0 ? 1 : f.len);
	(void)snprintf(what, sizeof(what), "%s: byte %zu of %zu ^ 0x%02x", f.name, f.at,
	    f.len, f.mask);
	if (getenv("DAMAGE_VERBOSE") != NULL)
		(void)fprintf(stderr, "%s\n", what);
	/* Reading leaves what writing meets. */
	v = judge_in_child(dir, STORE_READ, what);
	assert_true(v <= REFUSED);
	v = judge_in_child(dir, STORE_EXIST, what);
	tally->exact += v == EXACT;
	tally->refused += v == REFUSED;
	store_dir_remove_last();
}

static void
all_cases(bool closes)
{
	const char *dir = store_dir_new();
	struct tally tally = {0};
	struct store_files files;
	uint64_t state = seed;
	int tables = 0, logs = 0;

	make_store(dir, closes);
	store_files_list(dir, &files);
	for (int i = 0; i < files.len; i++) {
		struct slice name = slice_cstr(files.name[i]);

		tables += slice_ends(name, SLICE_LIT(".sst"));
		logs += slice_ends(name, SLICE_LIT(".log"));
	}
	assert_true(tables >= 4);
	assert_true(logs >= 1);
	for (int i = 0; i < cases / 2; i++)
		one_case(dir, &files, &state, &tally);
	print_message("%d files, %d tables, %d logs: %d times exact, %d refused\n",
	    files.len, tables, logs, tally.exact, tally.refused);
	assert_true(only[0] != '\0' || tally.refused > cases / 8);
}

static void
a_flipped_byte_is_refused_or_has_no_effect(void **state)
{
	(void)state;
	all_cases(true);
}

static void
so_it_is_in_a_store_whose_writer_was_killed(void **state)
{
	(void)state;
	all_cases(false);
}

static int
stores_are_removed(void **state)
{
	(void)state;
	store_dir_remove();
	return 0;
}

#define T(f) cmocka_unit_test_teardown(f, stores_are_removed)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    T(a_flipped_byte_is_refused_or_has_no_effect),
	    T(so_it_is_in_a_store_whose_writer_was_killed),
	};

	if (argc > 1)
		cases = (int)strtol(argv[1], NULL, 10);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 10);
	if (argc > 3)
		only = argv[3];
	return cmocka_run_group_tests_name("store/damage", tests, NULL, NULL);
}
