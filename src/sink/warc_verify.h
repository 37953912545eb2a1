/*
 * sink/warc_verify.h -- is an archive what it says: structure, digests, lengths, pairings.
 *
 * Files are checked one after the other; what records say of each other is checked at the
 * end, among all of them.  A note is what is odd and permitted, such as a revisit whose
 * original lies in another archive.
 *
 * Owns:    about 16 MiB for pairings, and a file in `dir` for what is more.
 * Errors:  -ENOMEM, those of files; faults are none, they are counted.
 * Threads: one at a time.
 */
#ifndef SINK_WARC_VERIFY_H
#define SINK_WARC_VERIFY_H
#include "sink/warc_reader.h"

struct warc_counts {
	uint64_t records, payloads, faults, notes; /* payloads: whose digest was right */
};

struct warc_verify;
/* `dir`: for what does not fit into memory; borrowed. */
int warc_verify_new(
    const char *dir, const struct warc_watch *watch, struct warc_verify **ret);
void warc_verify_free(struct warc_verify *v);
int warc_verify_file(struct warc_verify *v, const char *path, struct why *why);
/* Once, after the last file. */
int warc_verify_end(struct warc_verify *v, struct warc_counts *ret, struct why *why);
#endif
