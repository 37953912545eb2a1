/*
 * sink/warc_input.h -- the bytes of an archive file, decompressed member by member.
 *
 * A member is what a reader can begin at: a gzip member, a zstd frame, or, of a file that
 * is not compressed, all of it.  Bytes of two members are never handed out together.  A
 * zstd file may begin with its dictionary in a skippable frame, compressed or not.
 *
 * Owns:    the descriptor, two buffers of 64 KiB and the decoders' windows (zstd's may ask
 *          for 128 MiB, as zstd(1) permits; a dictionary has 64 MiB at most).
 * Errors:  -EBADMSG with the sentence in warc_input_why(): the member cannot be read on,
 *          and warc_input_resync() looks for the next one.  Others are those of the file.
 * Threads: one at a time.
 * Source:  RFC 1952, RFC 8878, and IIPC's "Zstandard compression for WARC files" 1.0.
 */
#ifndef SINK_WARC_INPUT_H
#define SINK_WARC_INPUT_H
#include "base/slice.h"
#include "base/why.h"

enum warc_coding { WARC_PLAIN, WARC_GZIP, WARC_ZSTD };

struct warc_input;
int warc_input_open(const char *path, struct warc_input **ret, struct why *why);
void warc_input_close(struct warc_input *in); /* NULL is fine */
enum warc_coding warc_input_coding(const struct warc_input *in);
/* Begins at `offset` instead of where it is. */
void warc_input_seek(struct warc_input *in, uint64_t offset);

/* To the next member: 1: there is one; 0: the file ends here. */
int warc_input_member(struct warc_input *in);
/* What comes next of the member: 1, and at least a byte; 0: it is over. */
int warc_input_peek(struct warc_input *in, struct slice *ret);
void warc_input_take(struct warc_input *in, size_t n);
/* After -EBADMSG: what looks like the next member, however often that fails: 1, or 0 when
 * the file ends (or too much looked like one). */
int warc_input_resync(struct warc_input *in);

/* Offset in the file: of the next byte; of a compressed file, of the member it is in. */
uint64_t warc_input_at(const struct warc_input *in);
/* Offset behind what was read of a file.  Of a member that is over, where it ends. */
uint64_t warc_input_end(const struct warc_input *in);
/* Bytes of the member that were taken, decompressed. */
uint64_t warc_input_taken(const struct warc_input *in);
const char *warc_input_why(const struct warc_input *in);
#endif
