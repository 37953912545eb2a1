/*
 * ctl/file_read.h -- a regular file of at most `max` bytes, whole, appended to `out`.
 *
 * Owns:    nothing.   Errors: -errno with the sentence; -EMSGSIZE: it is larger.
 * Threads: any; blocks on the disk.
 */
#ifndef CTL_FILE_READ_H
#define CTL_FILE_READ_H
#include "base/buf.h"
#include "base/why.h"

int file_read(const char *path, size_t max, struct buf *out, struct why *why);
#endif
