/*
 * tests/unit/suite.h -- reading the independent suites, one JSON object a line.
 *
 * The suites are no part of the tree: they lie where TRAWL_SUITES says, else beside it;
 * where they are missing, the test prints "skipped".  What Trawl does otherwise on
 * purpose stands in suite_deviations.txt: a case that fails and is not listed there fails
 * the test, and so does one that is listed and passes.  A case is known by the "n" of its
 * row, or by the number of the row, from 1, where there is none.
 */
#ifndef TESTS_UNIT_SUITE_H
#define TESTS_UNIT_SUITE_H
#include "base/slice.h"
#include <jansson.h>
#include <stdio.h>

enum { SUITE_LISTED_MAX = 400 };
struct suite {
	const char *name; /* as in suite_deviations.txt */
	FILE *f;
	char *line;
	size_t line_cap;
	json_t *row;
	unsigned rows; /* read so far */
	bool is_listed[4096];
	unsigned ran, failed, listed, stale;
};

/* `file` in the folder of the suites; false when it is not there. */
bool suite_open(struct suite *s, const char *file);
/* The next row, which lives until the next call; NULL at the end. */
json_t *suite_next(struct suite *s);
/* Whether the current row passes; the row is printed when that is unexpected. */
void suite_case(struct suite *s, bool pass);
/* Prints the counts; the number of unexpected cases. */
unsigned suite_close(struct suite *s);

/* A string member; absent or null: the empty slice with ptr NULL. */
struct slice suite_text(json_t *row, const char *key);
/* A copy of `s` in a block of its exact size, so that a sanitizer sees reads past it. */
char *suite_exact(struct slice s);
/* A whole file of the suites; NULL when it is not there.  free() it. */
char *suite_read(const char *file, size_t *ret_len);
#endif
