/*
 * sink/zip.h -- a ZIP file written from front to back, what is in it stored as it is.
 *
 * For WACZ: readers seek in the archive files where they lie.  Sizes past 4 GiB are told as
 * ZIP64 has it.  The CRC is put in its place when the entry is over, so the file must be
 * one that can be sought in.
 *
 * Owns:    what there is to be told at the end of each entry; the stream is the caller's.
 * Errors:  -ENOMEM; -errno of the stream; -EFBIG: an entry grew while it was read.
 * Threads: one at a time.
 * Source:  PKWARE's APPNOTE 6.3.10, 4.3 to 4.5.
 */
#ifndef SINK_ZIP_H
#define SINK_ZIP_H
#include "base/buf.h"
#include <stdio.h>

enum { ZIP_SHA256_TEXT_MAX = 72 };

struct zip;
/* `wall_s`: the time of all entries, seconds since 1970. */
int zip_new(FILE *f, int64_t wall_s, struct zip **ret);
void zip_free(struct zip *z); /* NULL is fine */
/* All of `from`, from where it stands; `ret_sha256` as "sha256:" and hex. */
int zip_add(struct zip *z, const char *name, FILE *from, uint64_t *ret_bytes,
    char ret_sha256[ZIP_SHA256_TEXT_MAX]);
/* The directory; then nothing more. */
int zip_end(struct zip *z);
#endif
