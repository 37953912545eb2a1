#include "frontier/keys.h"
#include <endian.h>

#include "web/url.h"

#include "base/banned.h"

void
key_make(struct key *k, uint64_t authority_hash, uint64_t low)
{
	uint64_t host = htobe64(authority_hash), rest = htobe64(low);

	k->bytes[0] = (char)url_shard(authority_hash);
	memcpy(k->bytes + 1, &host, sizeof(host));
	memcpy(k->bytes + KEY_HOST_BYTES, &rest, sizeof(rest));
}

struct slice
key_host(const struct key *k)
{
	return slice_of(k->bytes, KEY_HOST_BYTES);
}

struct slice
key_whole(const struct key *k)
{
	return slice_of(k->bytes, KEY_BYTES);
}

bool
key_parse(struct slice bytes, uint64_t *ret_authority_hash, uint64_t *ret_low)
{
	uint64_t host, low;

	if (bytes.len != KEY_BYTES)
		return false;
	memcpy(&host, bytes.ptr + 1, sizeof(host));
	memcpy(&low, bytes.ptr + KEY_HOST_BYTES, sizeof(low));
	host = be64toh(host);
	if ((unsigned char)bytes.ptr[0] != url_shard(host))
		return false;
	*ret_authority_hash = host;
	*ret_low = be64toh(low);
	return true;
}

struct slice
host_key(struct host_key_text *k, enum host_key what, uint64_t authority_hash)
{
	uint64_t host = htobe64(authority_hash);

	k->bytes[0] = (char)what;
	k->bytes[1] = (char)url_shard(authority_hash);
	memcpy(k->bytes + 2, &host, sizeof(host));
	return slice_of(k->bytes, sizeof(k->bytes));
}

struct slice
host_key_part(enum host_key what)
{
	switch (what) {
	case HOST_KEY_COUNT:
		return SLICE_LIT("c");
	case HOST_KEY_RULES:
		return SLICE_LIT("r");
	case HOST_KEY_STATE:
		return SLICE_LIT("s");
	}
	return (struct slice){0};
}

bool
host_key_parse(struct slice bytes, uint64_t *ret_authority_hash)
{
	uint64_t host;

	if (bytes.len != 1 + KEY_HOST_BYTES)
		return false;
	memcpy(&host, bytes.ptr + 2, sizeof(host));
	host = be64toh(host);
	if ((unsigned char)bytes.ptr[1] != url_shard(host))
		return false;
	*ret_authority_hash = host;
	return true;
}
