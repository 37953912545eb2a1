/*
 * sink/warc_reader.h -- the records of an archive file, one after the other, as a stream.
 *
 * WARC 0.17 to 1.1, gzipped (a record a member, or all in one), zstd, or plain; and ARC,
 * whose records are told as if they were WARC's.  What is wrong is told to `fault` with
 * its place, and reading goes on at the next record that can be found: the reader itself
 * fails only with the file or for memory.
 *
 * Owns:    a record's head, at most 1 MiB, and what warc_input.h holds.  Slices of a
 *          record live until the next call of warc_reader_next(), pieces of a block until
 *          the next call of any.
 * Errors:  -ENOMEM, or those of the file, with the sentence.
 * Threads: one at a time.
 * Source:  ISO 28500:2017; ARC as of archive.org/web/researcher/ArcFileFormat.php.
 */
#ifndef SINK_WARC_READER_H
#define SINK_WARC_READER_H
#include "base/buf.h"
#include "sink/warc_input.h"

enum { WARC_HEAD_MAX = 1 << 20 };

struct warc_fault {
	const char *file;
	uint64_t offset; /* of the record or member */
	bool note;       /* odd, but not wrong */
	const char *text;
};
struct warc_watch {
	void (*fault)(void *ctx, const struct warc_fault *f);
	void *ctx;
};

struct warc_rec {
	uint64_t offset,
	    inner;       /* of its member (or of itself); behind that, decompressed */
	uint64_t length; /* in the file, after warc_reader_end(); 0: is not alone */
	bool alone;      /* it can be read from `offset` */
	bool arc;
	bool whole;        /* after warc_reader_end(): it ended where it said */
	struct slice head; /* as it lies there, the empty line included */
	struct slice type, id, uri, date, content_type; /* empty: absent */
	uint64_t block_bytes;                           /* Content-Length */
};
/* The first value of a header of it; ARC has none. */
struct slice warc_rec_get(const struct warc_rec *rec, struct slice name);
/* In it is HTTP: a request or an answer. */
bool warc_rec_is_http(const struct warc_rec *rec);
/* "<urn:uuid:...>" without the brackets. */
struct slice warc_bare(struct slice value);

struct warc_reader;
int warc_reader_open(const char *path, const struct warc_watch *watch,
    struct warc_reader **ret, struct why *why);
void warc_reader_close(struct warc_reader *r); /* NULL is fine */
/* The next record is the one at `offset`. */
void warc_reader_seek(struct warc_reader *r, uint64_t offset);
/* 1: there is one; 0: the file is over.  What was not read of the one before is skipped. */
int warc_reader_next(struct warc_reader *r, struct warc_rec *ret, struct why *why);
/* What comes next of the block: 1, and at least a byte; 0: it is over. */
int warc_reader_block(struct warc_reader *r, struct slice *ret, struct why *why);
/* Skips what is left of it, and tells its length. */
int warc_reader_end(struct warc_reader *r, struct warc_rec *rec, struct why *why);
/* As the reader tells its own: at the current record. */
__attribute__((format(printf, 3, 4))) void warc_reader_fault(
    struct warc_reader *r, bool note, const char *fmt, ...);
#endif
