/*
 * tests/unit/files_kit.h -- for tests that write files: a scratch directory, whole files in
 * and out.
 *
 * Everything asserts: what comes back is sound.
 */
#ifndef TESTS_FILES_KIT_H
#define TESTS_FILES_KIT_H
#include "base/slice.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KIT_PATH_MAX = 512, KIT_FILES_MAX = 64 };

/* A directory of its own for one test; kit_remove() empties it. */
void kit_scratch(char ret_dir[KIT_PATH_MAX]);
void kit_remove(const char *dir);
/* Sorted names of what lies in `dir`/`sub`. */
struct kit_list {
	size_t n;
	char names[KIT_FILES_MAX][256];
};
void kit_list(const char *dir, const char *sub, struct kit_list *ret);
/* Whole file, heap. */
struct slice kit_file(const char *dir, const char *name);
void kit_write(const char *dir, const char *name, struct slice bytes);
void kit_free(struct slice s);

#define assert_slice(got, want) assert_slice_at((got), (want), __FILE__, __LINE__)
void assert_slice_at(struct slice got, const char *want, const char *file, int line);
#endif
