/*
 * web/coding.h -- content codings undone: gzip, deflate, br, zstd, and stacks of them.
 *
 * For the sandboxed worker: bodies are hostile.  Output is bounded by the caller's
 * maximum and by a ratio to the input; memory by the output and the decoders' windows (32
 * KiB gzip, 16 MiB br, 8 MiB zstd, as RFC 9659 has it).
 *
 * Owns:    nothing; decoded bytes are appended to the caller's buf.
 * Errors:  -ENOMEM, or -EMSGSIZE when `out` has a smaller maximum than `max_out`.  A body
 *          that does not decode is none: that is the status, and what came out before
 *          stays.
 * Source:  RFC 9110 section 8.4, RFC 1950, 1951, 1952, 7932, 8878, 9659.
 * Threads: any; no state.
 */
#ifndef WEB_CODING_H
#define WEB_CODING_H
#include "base/buf.h"
#include "base/slice.h"

#define CODING_STATUSES(X)                                                               \
	X(OK, "ok")                                                                      \
	X(TRUNCATED, "truncated") /* the input ends before the stream does */            \
	X(CORRUPT, "corrupt")     /* also: is not of that coding at all */               \
	X(TOO_LARGE, "too-large") /* more than `max_out` */                              \
	X(BOMB, "bomb")           /* grows more than a page does */                      \
	X(UNSUPPORTED, "unsupported")
enum coding_status {
#define X(id, name) CODING_##id,
	CODING_STATUSES(X)
#undef X
	    CODING_STATUS_MAX
};
const char *coding_status_name(enum coding_status s);

enum {
	CODING_LAYERS_MAX = 4,
	CODING_RATIO_MAX = 200,     /* output to input, counted through all layers, ... */
	CODING_RATIO_FREE = 1 << 20 /* ... of what is more than this many bytes */
};

/* Nothing to undo: the value is empty, or says only "identity". */
bool coding_is_identity(struct slice content_encoding);
/*
 * `content_encoding`: the value of the header, of all its lines joined.  A body that is
 * CODING_CORRUPT with nothing decoded was most likely sent without the coding it claims.
 */
int coding_decode(struct slice content_encoding, struct slice body, uint64_t max_out,
    struct buf *out, enum coding_status *ret);
#endif
