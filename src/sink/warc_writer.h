/*
 * sink/warc_writer.h -- records into a file, each a member of its own.
 *
 * For tools that write archives anew, of records of any length; what a crawl archives is
 * packed by warc_record.h.
 *
 * Owns:    a buffer and the compressor.  The stream is the caller's.
 * Errors:  -ENOMEM; -errno of the stream.
 * Threads: one at a time.
 */
#ifndef SINK_WARC_WRITER_H
#define SINK_WARC_WRITER_H
#include "sink/warc_input.h"
#include <stdio.h>

struct warc_writer;
int warc_writer_new(enum warc_coding coding, FILE *f, struct warc_writer **ret);
void warc_writer_free(struct warc_writer *w); /* NULL is fine */
int warc_writer_add(struct warc_writer *w, struct slice piece);
/* The record is complete. */
int warc_writer_end(struct warc_writer *w);
#endif
