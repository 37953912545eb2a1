/*
 * sink/warc_move.h -- members taken apart piece by piece, in memory.
 *
 * Owns:    a decoder, made when it is wanted, and a piece of 64 KiB.
 * Errors:  -ENOMEM; -EBADMSG: that is no member.
 * Threads: one at a time.
 */
#ifndef SINK_WARC_MOVE_H
#define SINK_WARC_MOVE_H
#include "sink/warc_input.h"

struct warc_unpack;
int warc_unpack_new(enum warc_coding coding, struct warc_unpack **ret);
void warc_unpack_free(struct warc_unpack *u); /* NULL is fine */
/* One member; borrowed until it is over. */
void warc_unpack_begin(struct warc_unpack *u, struct slice member);
/* 1: the next piece, of 64 KiB but for the last; 0: it is over. */
int warc_unpack_next(struct warc_unpack *u, struct slice *ret);
#endif
