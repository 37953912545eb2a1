/*
 * tests/unit/store_dir.h -- directories for stores, removed again, and the files in them.
 *
 * store_dir_new() makes one below $TMPDIR, or /dev/shm, and keeps its name, which is valid until
 * store_dir_remove() takes away all that were made, or store_dir_remove_last() the last.
 *
 * Copying the files of a store that is open gives what a kill -9 would leave.
 */
#ifndef TESTS_STORE_DIR_H
#define TESTS_STORE_DIR_H
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STORE_DIRS_MAX = 8 };
static char store_dirs[STORE_DIRS_MAX][256];
static int store_dirs_len;

static inline const char *
store_dir_new(void)
{
	const char *tmp = getenv("TMPDIR");
	char *dir;

	/* Such tests sync thousands of times, and no power fails in them. */
	if (tmp == NULL)
		tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	assert_true(store_dirs_len < STORE_DIRS_MAX);
	dir = store_dirs[store_dirs_len++];
	(void)snprintf(dir, sizeof(store_dirs[0]), "%s/trawl-store-XXXXXX", tmp);
	assert_non_null(mkdtemp(dir));
	return dir;
}

static inline int
store_dir_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void
store_dir_remove_last(void)
{
	(void)nftw(
	    store_dirs[--store_dirs_len], store_dir_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void
store_dir_remove(void)
{
	while (store_dirs_len > 0)
		store_dir_remove_last();
}

/* ---- the files in DIR/state ---- */

enum { STORE_FILES_MAX = 128, STORE_FILE_BYTES_MAX = 8 << 20 };

struct store_files {
	char name[STORE_FILES_MAX][64];
	int len;
};

static inline void
store_file_path(const char *dir, const char *name, char ret[512])
{
	assert_in_range(snprintf(ret, 512, "%s/state/%s", dir, name), 1, 511);
}

static inline int
store_files_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static inline void
store_files_list(const char *dir, struct store_files *ret)
{
	char path[512];
	struct dirent *e;
	DIR *d;

	store_file_path(dir, "", path);
	d = opendir(path);
	assert_non_null(d);
	ret->len = 0;
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		assert_true(ret->len < STORE_FILES_MAX);
		(void)snprintf(
		    ret->name[ret->len++], sizeof(ret->name[0]), "%.60s", e->d_name);
	}
	(void)closedir(d);
	qsort(ret->name, (size_t)ret->len, sizeof(ret->name[0]), store_files_compare);
}

/* The last one whose name ends so; fails when there is none. */
static inline const char *
store_files_last(const struct store_files *f, const char *begin, const char *end)
{
	for (int i = f->len; i-- > 0;) {
		size_t len = strlen(f->name[i]), n = strlen(end);

		if (strncmp(f->name[i], begin, strlen(begin)) == 0 && len >= n &&
		    strcmp(f->name[i] + len - n, end) == 0)
			return f->name[i];
	}
	fail_msg("no file %s*%s", begin, end);
	return NULL;
}

static inline size_t
store_file_read(const char *dir, const char *name, char *into, size_t max)
{
	char path[512];
	FILE *f;
	size_t n;

	store_file_path(dir, name, path);
	f = fopen(path, "rb");
	assert_non_null(f);
	n = fread(into, 1, max, f);
	assert_true(n < max);
	(void)fclose(f);
	return n;
}

static inline void
store_file_write(const char *dir, const char *name, const char *bytes, size_t len)
{
	char path[512];
	FILE *f;

	store_file_path(dir, name, path);
	f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static inline void
store_file_remove(const char *dir, const char *name)
{
	char path[512];

	store_file_path(dir, name, path);
	assert_int_equal(unlink(path), 0);
}

static inline void
store_files_copy(const char *from, const char *to)
{
	char *bytes = malloc(STORE_FILE_BYTES_MAX);
	struct store_files files;
	char path[512];

	assert_non_null(bytes);
	store_files_list(from, &files);
	store_file_path(to, "", path);
	assert_int_equal(mkdir(path, 0777), 0);
	for (int i = 0; i < files.len; i++)
		store_file_write(to, files.name[i], bytes,
		    store_file_read(from, files.name[i], bytes, STORE_FILE_BYTES_MAX));
	free(bytes);
}
#endif
