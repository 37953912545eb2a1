/*
 * frontier/keys.h -- the keys of the store's tables; big-endian, so that bytes sort as
 * numbers.
 *
 *   seen   shard(1) authority_hash(8) url_hash(8); of a URL that waits it may be missing
 *   queue  shard(1) authority_hash(8) order_key(8)  -> urlrec
 *   host   what(1) shard(1) authority_hash(8): enum host_key; a table in three parts, so
 *          that a resume reads the counts of all without their states and rules
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

enum host_key {
	HOST_KEY_COUNT = 'c', /* frontier/hostcount.h */
	HOST_KEY_RULES = 'r', /* robots_compile()d */
	HOST_KEY_STATE = 's', /* frontier/hostrec.h */
};
struct host_key_text {
	char bytes[1 + KEY_HOST_BYTES];
};
struct slice host_key(
    struct host_key_text *k, enum host_key what, uint64_t authority_hash);
/* All keys of a part; a string literal. */
struct slice host_key_part(enum host_key what);
bool host_key_parse(struct slice bytes, uint64_t *ret_authority_hash);
#endif
