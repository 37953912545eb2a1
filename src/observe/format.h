/*
 * observe/format.h -- numbers as people read them.
 */
#ifndef OBSERVE_FORMAT_H
#define OBSERVE_FORMAT_H
#include <stdint.h>

enum { FORMAT_MAX = 32 };
struct format {
	char text[FORMAT_MAX];
};
/* "12,345" */
const char *format_count(struct format *store, uint64_t n);
/* "1.2 GB" */
const char *format_bytes(struct format *store, double bytes);
/* "4.2 s", "3:05", "1:02:03" */
const char *format_elapsed(struct format *store, int64_t ms);
#define COUNT(n)    format_count(&(struct format){{0}}, (n))
#define BYTES(n)    format_bytes(&(struct format){{0}}, (double)(n))
#define ELAPSED(ms) format_elapsed(&(struct format){{0}}, (ms))
#endif
