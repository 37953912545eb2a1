/*
 * frontier/keys.h -- the keys of the store's tables; big-endian, so that bytes sort as
 * numbers.
 *
 *   seen   shard(1) authority_hash(8) url_hash(8)
 *   queue  shard(1) authority_hash(8) order_key(8)  -> urlrec
 *   host   shard(1) authority_hash(8)
 *   meta   a name in ASCII
 */
#ifndef FRONTIER_KEYS_H
#define FRONTIER_KEYS_H
#include "base/slice.h"

enum { KEY_BYTES = 17, KEY_HOST_BYTES = 9 };
struct key {
	char bytes[KEY_BYTES];
};
void key_make(struct key *k, uint64_t authority_hash, uint64_t low);
/* The first KEY_HOST_BYTES of a key: all of one authority. */
struct slice key_host(const struct key *k);
struct slice key_whole(const struct key *k);
bool key_parse(struct slice bytes, uint64_t *ret_authority_hash, uint64_t *ret_low);
#endif
