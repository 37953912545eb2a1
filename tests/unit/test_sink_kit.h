/*
 * test_sink_kit.h -- for the tests of sink/: a scratch directory, a reader of WARC files
 * that was written from the standard and shares no code with the writer, and usual
 * inputs.
 *
 * Everything asserts: what comes back is sound.
 */
#ifndef TEST_SINK_KIT_H
#define TEST_SINK_KIT_H
#include "sink/sink.h"
#include "sink/warc_record.h"
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

struct kit_record {
	size_t offset, length; /* of the gzip member */
	struct slice text;     /* inflated */
	struct slice header;   /* lines of the WARC header, version line included */
	struct slice block;
};
struct kit_warc {
	size_t n;
	struct kit_record *records;
};
/* Members, headers, lengths and digests of all of it are checked. */
void kit_warc_read(struct slice bytes, struct kit_warc *ret);
void kit_warc_free(struct kit_warc *w);
/* The value of a header field, empty when there is none; fails when there are two. */
struct slice kit_field(const struct kit_record *r, const char *name);
/* A line "name: value" of an application/warc-fields block. */
struct slice kit_line(struct slice block, const char *name);
/* "sha1:" and base32. */
void kit_sha1(struct slice s, char ret[48]);
/* What follows the first empty line. */
struct slice kit_payload(struct slice block);

#define assert_slice(got, want) assert_slice_at((got), (want), __FILE__, __LINE__)
void assert_slice_at(struct slice got, const char *want, const char *file, int line);

/* A page; the caller changes what it wants. */
struct warc_exchange kit_exchange(void);
struct sink_conf kit_conf(const char *dir);
/* An event with the records of the exchange; they are in `store`. */
struct sink_event kit_event(
    struct warc_packer *p, const struct warc_exchange *x, struct buf *store);
#endif
