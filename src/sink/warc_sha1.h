/*
 * sink/warc_sha1.h -- SHA-1 of blocks and payloads, as WARC has them.
 *
 * A payload is the end of its block, but not at a multiple of 64 bytes: neither digest can be
 * had from the other.  Where the processor has instructions for SHA-1 both are computed side by
 * side, for one alone leaves half of the time to waiting; elsewhere one after the other.
 *
 * Owns:    its contexts, all of it from the beginning; nothing of the input stays.
 * Errors:  -ENOMEM when it is made.
 * Threads: one at a time.
 * Source:  FIPS 180-4, RFC 4648 section 6.
 */
#ifndef SINK_WARC_SHA1_H
#define SINK_WARC_SHA1_H
#include "base/slice.h"

enum { WARC_SHA1_TEXT_MAX = 48, WARC_SHA1_LEN = 5 + 32 };

struct warc_sha1;
int warc_sha1_new(struct warc_sha1 **ret);
void warc_sha1_free(struct warc_sha1 *d); /* NULL is fine */

/* "sha1:" and 32 letters of base32, of both pieces as one. */
void warc_sha1_text(
    struct warc_sha1 *d, const struct slice pieces[2], char ret[WARC_SHA1_TEXT_MAX]);
/* Of both pieces, and of the second alone. */
void warc_sha1_texts(struct warc_sha1 *d, const struct slice pieces[2],
    char ret_all[WARC_SHA1_TEXT_MAX], char ret_second[WARC_SHA1_TEXT_MAX]);
#endif
