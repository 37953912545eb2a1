/*
 * tests/unit/store_dir.h -- directories for stores, removed again.
 *
 * store_dir_new() makes one below $TMPDIR and keeps its name, which is valid until
 * store_dir_remove() takes away all that were made.
 */
#ifndef TESTS_STORE_DIR_H
#define TESTS_STORE_DIR_H
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { STORE_DIRS_MAX = 8 };
static char store_dirs[STORE_DIRS_MAX][256];
static int store_dirs_len;

static inline const char *
store_dir_new(void)
{
	const char *tmp = getenv("TMPDIR");
	char *dir;

	assert_true(store_dirs_len < STORE_DIRS_MAX);
	dir = store_dirs[store_dirs_len++];
	(void)snprintf(dir, sizeof(store_dirs[0]), "%s/trawl-store-XXXXXX",
	    tmp == NULL ? "/tmp" : tmp);
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
store_dir_remove(void)
{
	while (store_dirs_len > 0)
		(void)nftw(store_dirs[--store_dirs_len], store_dir_remove_one, 16,
		    FTW_DEPTH | FTW_PHYS);
}
#endif
