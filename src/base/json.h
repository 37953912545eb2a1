/*
 * base/json.h -- writing JSON into a buf, one member after the other, commas included.
 *
 * For the hot lines (pages.jsonl); whoever needs to read JSON takes jansson.  The first
 * error sticks in `err`, takes the buf back to where jsonw_init() found it, and later
 * calls do nothing, so that callers check once, at the end. Absent is absent: jsonw_str()
 * with an empty slice writes "", jsonw_opt() nothing.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H
#include "base/buf.h"

struct jsonw {
	struct buf *b;
	size_t start; /* b->len at jsonw_init() */
	int err;      /* 0 or buf_add()'s code */
	bool comma;   /* one is due before the next member */
};

void jsonw_init(struct jsonw *j, struct buf *b);
/* `key` NULL: an element of an array, or the outermost value. */
void jsonw_object(struct jsonw *j, const char *key);
void jsonw_object_end(struct jsonw *j);
void jsonw_array(struct jsonw *j, const char *key);
void jsonw_array_end(struct jsonw *j);
void jsonw_str(struct jsonw *j, const char *key, struct slice value);
void jsonw_opt(struct jsonw *j, const char *key, struct slice value);
void jsonw_int(struct jsonw *j, const char *key, int64_t value);
/* 3 digits after the point, whatever the locale; what is not finite becomes null. */
void jsonw_real(struct jsonw *j, const char *key, double value);
void jsonw_null(struct jsonw *j, const char *key);
void jsonw_bool(struct jsonw *j, const char *key, bool value);
/* What is JSON already. */
void jsonw_raw(struct jsonw *j, const char *key, struct slice json);
#endif
