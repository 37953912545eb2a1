/*
 * base/why.h -- the sentence for a person that goes with an error code.
 *
 * Functions at a boundary (command line, files, storage, control) take a last
 * `struct why *`; NULL means the caller does not want to know.
 */
#ifndef BASE_WHY_H
#define BASE_WHY_H

struct why {
	char text[512];
};

/* Writes the sentence and returns `code`, so that `return why_set(...)` reads well. */
__attribute__((format(printf, 3, 4))) int why_set(
    struct why *why, int code, const char *fmt, ...);
/* Puts "`context`: " before what is there already; returns `code`. */
__attribute__((format(printf, 3, 4))) int why_prefix(
    struct why *why, int code, const char *fmt, ...);
#endif
