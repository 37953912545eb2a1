/*
 * sink/warc_head.h -- the head of a request or an answer, as the archive has it.
 *
 * Line by line as it came, but for what the header of warc_record.h tells.  Lines of
 * nothing but blanks are dropped and one empty line is put at the end: some readers take
 * the former for the end of the head.
 *
 * Owns:    nothing.  Errors:  buf_add()'s.  Threads: any; no state.
 */
#ifndef SINK_WARC_HEAD_H
#define SINK_WARC_HEAD_H
#include "base/buf.h"

int warc_add_head(struct buf *b, struct slice head);
#endif
