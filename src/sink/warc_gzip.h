/*
 * sink/warc_gzip.h -- gzip members, by ISA-L.
 *
 * Of what Debian has, it is the fastest whose output is not much larger: tests/bench/README.md
 * has the figures.  A member is made in one call of what is there as a whole, or of pieces.
 *
 * The code of a short text costs more than its bytes: all of them get the same one, which was
 * made of such records once, when the compressor was.
 *
 * Owns:    a state of 220 KB, all of it from the beginning.
 * Errors:  -ENOMEM; -EMSGSIZE: `out` is at its maximum.  Of pieces, some of the member may
 *          have been added then; of a whole, nothing.
 * Threads: one at a time.
 * Source:  RFC 1952.
 */
#ifndef SINK_WARC_GZIP_H
#define SINK_WARC_GZIP_H
#include "base/buf.h"

struct warc_gzip;
int warc_gzip_new(struct warc_gzip **ret);
void warc_gzip_free(struct warc_gzip *g); /* NULL is fine */
/* Nothing of what was compressed is left in its memory. */
void warc_gzip_forget(struct warc_gzip *g);

enum warc_gzip_text {
	WARC_GZIP_ANY,
	WARC_GZIP_FIELDS, /* names, values and URLs: what heads of WARC and HTTP are made of */
};
/* At most UINT32_MAX / 2 bytes. */
int warc_gzip_whole(
    struct warc_gzip *g, struct slice text, enum warc_gzip_text kind, struct buf *out);

void warc_gzip_begin(struct warc_gzip *g);
int warc_gzip_piece(struct warc_gzip *g, struct slice piece, bool last, struct buf *out);
#endif
