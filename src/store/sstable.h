/*
 * store/sstable.h -- is the end of a table file of RocksDB's sound?
 *
 * RocksDB believes two things without a checksum: the footer (RocksDB 7 has none for it)
 * and, while it looks at them, the properties of the table; what is wrong there makes
 * Debian's build of it, which has its assertions, abort.  All other blocks are checked
 * before they are used.  So these are looked at first.
 *
 * Format, after RocksDB's table/format.cc: data blocks, meta blocks, an index of the meta
 * blocks, an index; footer of 53 bytes: kind of checksum (1), places of the two indexes
 * (varints, padded with zeros to 40), version (4), magic (8).  A block is followed by its
 * compression (1) and its checksum (4).
 *
 * Cost: four reads of some kilobytes (the index is one of indexes).
 */
#ifndef STORE_SSTABLE_H
#define STORE_SSTABLE_H
#include <stdint.h>

/* 0; -EBADMSG: it is not; -errno.  `size`: of the file. */
int sstable_check(int fd, uint64_t size);
#endif
