/*
 * base/json.h -- writing JSON into a buf, one member after the other, commas included.
 *
 * For the hot lines (pages.jsonl); whoever needs to read JSON takes jansson.  The first
 * error sticks in `err`, takes the buf back to where json_init() found it, and later
 * calls do nothing, so that callers check once, at the end. Absent is absent: json_str()
 * with an empty slice writes "", json_opt() nothing.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H
#include "base/buf.h"

struct json {
	struct buf *b;
	size_t start; /* b->len at json_init() */
	int err;      /* 0 or buf_add()'s code */
	bool comma;   /* one is due before the next member */
};

void json_init(struct json *j, struct buf *b);
/* `key` NULL: an element of an array, or the outermost value. */
void json_object(struct json *j, const char *key);
void json_object_end(struct json *j);
void json_array(struct json *j, const char *key);
void json_array_end(struct json *j);
void json_str(struct json *j, const char *key, struct slice value);
void json_opt(struct json *j, const char *key, struct slice value);
void json_int(struct json *j, const char *key, int64_t value);
/* 3 digits after the point, whatever the locale; what is not finite becomes null. */
void json_real(struct json *j, const char *key, double value);
void json_bool(struct json *j, const char *key, bool value);
#endif
