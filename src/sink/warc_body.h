/*
 * sink/warc_body.h -- what a record holds: the head of HTTP, and the payload behind it.
 *
 * Fed a block piece by piece, it keeps the head (of HTTP, at most 1 MiB) and tells which
 * part of each piece is payload; of a record without HTTP the whole block is.
 *
 * Digests: "sha1:" and others that archives have, in base32, base64 or hex.
 *
 * Owns:    the head; a digest its context.
 * Errors:  -ENOMEM.  Threads: one at a time.
 * Source:  ISO 28500:2017, 5.9; RFC 9112, 7.1 (chunked).
 */
#ifndef SINK_WARC_BODY_H
#define SINK_WARC_BODY_H
#include "sink/warc_reader.h"

struct warc_body {
	bool http, ended; /* ended: the head is complete, or there is none */
	struct buf head;
	bool line_empty; /* nothing but CR since the last LF */
	bool chunked;    /* it is stored as it came over the wire, in chunks */
};
void warc_body_init(struct warc_body *b); /* once */
void warc_body_release(struct warc_body *b);
void warc_body_begin(struct warc_body *b, const struct warc_rec *rec);
/* The part of `piece` that is payload, maybe none. */
int warc_body_feed(struct warc_body *b, struct slice piece, struct slice *ret);
/* 0: no answer, or none that can be read. */
unsigned warc_body_status(const struct warc_body *b);
/* The block's type, or that of what HTTP brought. */
struct slice warc_body_mime(
    const struct warc_body *b, const struct warc_rec *rec, char store[80]);

struct warc_chunks {
	enum {
		CHUNK_SIZE,
		CHUNK_LINE,
		CHUNK_DATA,
		CHUNK_END,
		CHUNK_DONE,
		CHUNK_BAD
	} state;
	uint64_t left;
	bool digits;
};
/* The next part of *rest that is data, and *rest behind it: false when that was all. */
bool warc_chunks_next(struct warc_chunks *c, struct slice *rest, struct slice *ret);

struct warc_digest;
int warc_digest_new(struct warc_digest **ret);
void warc_digest_free(struct warc_digest *d);
/* "sha1:..."; false: an algorithm or a text that is not known, and nothing to feed. */
bool warc_digest_begin(struct warc_digest *d, struct slice value);
void warc_digest_feed(struct warc_digest *d, struct slice piece);
/* It is what warc_digest_begin() was told; `ret` is what it is, in base32 or hex. */
enum { WARC_DIGEST_MAX = 144 };
bool warc_digest_end(struct warc_digest *d, char ret[WARC_DIGEST_MAX]);
#endif
