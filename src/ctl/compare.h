/*
 * ctl/compare.h -- two runs beside each other: what became of the pages.
 *
 *   crawl.log of A, crawl.log of B -> sorted by URL, through files -> new, changed, gone
 *
 * A page is there when its last fetch was answered and is not broken.  It has changed when both
 * have a digest and these differ.
 *
 * Owns:    the URLs of its examples.
 * Memory:  some 10 MiB, whatever the size of the runs; files without names in tmp_dir.
 * Errors:  -errno with the sentence; a log that is missing is an empty one.
 * Threads: any, one at a time.
 */
#ifndef CTL_COMPARE_H
#define CTL_COMPARE_H
#include "base/json.h"
#include "base/why.h"
#include <jansson.h>

enum compare_kind { COMPARE_NEW, COMPARE_CHANGED, COMPARE_GONE, COMPARE_KINDS };
enum { COMPARE_EXAMPLES_MAX = 100 };

struct compare {
	uint64_t a, b;                  /* pages that are there */
	uint64_t same;                  /* in both, with the same digest, or without */
	uint64_t counts[COMPARE_KINDS]; /* seen from A */
	char *examples[COMPARE_KINDS][COMPARE_EXAMPLES_MAX];
	size_t examples_len[COMPARE_KINDS];
};

int compare_logs(const char *dir_a, const char *dir_b, const char *tmp_dir,
    struct compare *ret, struct why *why);
void compare_release(struct compare *c);
void compare_write(const struct compare *c, struct jsonw *j, const char *key);
/* Where two JSON objects differ: {"pointer", "a", "b"} each, absent is absent. */
void compare_specs(const json_t *a, const json_t *b, struct jsonw *j, const char *key);
/* Numbers of two objects: {"name": {"a", "b", "difference"}}. */
void compare_numbers(const json_t *a, const json_t *b, struct jsonw *j, const char *key);
#endif
