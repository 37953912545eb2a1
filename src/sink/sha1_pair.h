/*
 * sink/sha1_pair.h -- two SHA-1 computations at once, by the instructions of x86 for it.
 *
 * Each of these waits for the one before; two independent chains fill each other's pauses.
 *
 * Owns:    nothing.  Errors:  none.  Threads: any.
 * Source:  FIPS 180-4; Gulley et al., Intel SHA Extensions (2013).
 */
#ifndef SINK_SHA1_PAIR_H
#define SINK_SHA1_PAIR_H
#include "base/slice.h"

enum { SHA1_BLOCK_BYTES = 64, SHA1_BYTES = 20 };

/* Whether this machine can; call nothing else if not. */
bool sha1_pair_is_there(void);
/* Of `head` and `body` as one, and of `body` alone. */
void sha1_pair(struct slice head, struct slice body, unsigned char ret_all[SHA1_BYTES],
    unsigned char ret_body[SHA1_BYTES]);
#endif
