/*
 * base/safe_name.h -- a file's name out of text from the net.
 *
 * One component of a path that means itself on every file system: never empty, "." or "..",
 * never hidden, without separators, controls, blanks, non-ASCII (which file systems
 * normalise, each in its way), device names, trailing dots; of bounded length.  All but
 * letters, digits, '-', '_' and '.' is %xx, so that different text has different names.
 *
 * Where the text alone does not keep names apart on every file system, because it has
 * capitals or had to be cut, "~" and the sixteen digits of `tag` are put before the
 * extension: the caller's hash of the whole text, under a seed that nobody outside
 * knows.
 *
 * Errors:  buf_add()'s; `b` is as it was.
 */
#ifndef BASE_SAFE_NAME_H
#define BASE_SAFE_NAME_H
#include "base/buf.h"

enum { SAFE_NAME_MIN = 64, SAFE_NAME_MAX = 255 };

/* At most `max` bytes, SAFE_NAME_MIN to SAFE_NAME_MAX. */
int safe_name(struct buf *b, struct slice text, uint64_t tag, size_t max);
#endif
