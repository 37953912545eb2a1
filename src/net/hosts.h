/*
 * net/hosts.h -- /etc/hosts, read whole and read again when it changes.
 *
 * The file is looked at (stat) at most once a second, when a name is asked for.  One that
 * is missing or unreadable is an empty one; one that is longer than 16 MiB is read so
 * far.
 *
 * Owns:    the table of names.   Clock: milliseconds, monotonic, an argument.
 * Errors:  hosts_new(): -ENOMEM.  No memory while reading again: the old table stays.
 * Threads: one at a time.
 */
#ifndef NET_HOSTS_H
#define NET_HOSTS_H
#include "net/addr.h"

struct hosts;

int hosts_new(const char *path, struct hosts **ret);
void hosts_free(struct hosts *h); /* NULL is fine */
/* Addresses of `name` (lower case, no trailing dot) as the file orders them; how many. */
uint32_t hosts_find(struct hosts *h, int64_t now_ms, struct slice name, struct addr *ret,
    uint32_t addrs_max);
#endif
