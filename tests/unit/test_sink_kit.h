/*
 * test_sink_kit.h -- for the tests of sink/: a reader of WARC files that was written from
 * the standard and shares no code with the writer, and usual inputs.
 *
 * Everything asserts: what comes back is sound.
 */
#ifndef TEST_SINK_KIT_H
#define TEST_SINK_KIT_H
#include "files_kit.h"
#include "sink/sink.h"
#include "sink/warc_record.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

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

/* A page; the caller changes what it wants. */
struct warc_exchange kit_exchange(void);
struct sink_conf kit_conf(const char *dir);

/* One sink and a directory for it, which is gone afterwards. */
struct kit_env {
	char dir[KIT_PATH_MAX];
	struct sink_conf conf;
	struct sink *s; /* the test opens it */
	struct why why;
};
int kit_env_up(void **state);
/* The sink must close well. */
int kit_env_down(void **state);
/* An event with the records of the exchange; they are in `store`. */
struct sink_event kit_event(
    struct warc_packer *p, const struct warc_exchange *x, struct buf *store);
#endif
