/*
 * tests/corpus/corpus.h -- the files of a directory tree in memory: real pages to test
 * with, and to measure.
 *
 * Owns:    the files, until corpus_release().
 * Errors:  0 or a negative errno; a tree that is not there is -ENOENT.
 */
#ifndef CORPUS_CORPUS_H
#define CORPUS_CORPUS_H
#include "base/slice.h"

struct corpus_file {
	char *path;        /* below the root, no leading slash */
	struct slice body; /* with a NUL behind it that is not counted */
};

struct corpus {
	struct corpus_file *files; /* by path */
	size_t files_len, files_cap;
	size_t bytes;
	size_t pages_seen, bytes_seen; /* of the tree, with those left out */
};

/*
 * The regular files under `dir` that end in `suffix` (".html"; an empty file is none).
 * When they are more than `bytes_max`, every n-th of them in order of path, so that all
 * parts of the tree are there.
 */
int corpus_load(struct corpus *c, const char *dir, const char *suffix, size_t bytes_max);
void corpus_release(struct corpus *c);
#endif
