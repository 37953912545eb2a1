#include "frontier/urlrec.h"
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "web/url.h"

#include "base/banned.h"

/* Of the first two, which nobody writes any more, the head ends before since_s. */
enum {
	URLREC_V1 = 1,
	URLREC_V1_KNOWN = 2,
	URLREC_V3 = 3,
	URLREC_V3_KNOWN = 4, /* has more behind the hops: `known` */
	KNOWN_BYTES_MAX = 64 << 10,
};

/* Little-endian; url, via and hops follow without separators. */
struct __attribute__((packed)) head {
	uint8_t version;
	uint8_t kind, flags, redirects, attempts;
	uint16_t priority; /* two's complement */
	uint16_t depth;
	uint16_t url_len, via_len, hops_len;
	uint64_t authority_hash, url_hash, key;
	uint64_t not_before_ms;
	uint32_t since_s;
};
enum { HEAD_V1_BYTES = offsetof(struct head, since_s) };

struct urlrec *
urlrec_new(const struct urlrec *r)
{
	struct urlrec *copy = malloc(urlrec_bytes(r));
	char *text;

	if (copy == NULL)
		return NULL;
	*copy = *r;
	text = (char *)(copy + 1);
	copy->url = slice_of(text, r->url.len);
	copy->via = slice_of(text + r->url.len, r->via.len);
	copy->hops = slice_of(text + r->url.len + r->via.len, r->hops.len);
	if (r->url.len > 0)
		memcpy(text, r->url.ptr, r->url.len);
	text += r->url.len;
	if (r->via.len > 0)
		memcpy(text, r->via.ptr, r->via.len);
	text += r->via.len;
	if (r->hops.len > 0)
		memcpy(text, r->hops.ptr, r->hops.len);
	text += r->hops.len;
	copy->known = slice_of(text, r->known.len);
	if (r->known.len > 0)
		memcpy(text, r->known.ptr, r->known.len);
	return copy;
}

void
urlrec_free(struct urlrec *r)
{
	free(r);
}

size_t
urlrec_bytes(const struct urlrec *r)
{
	return sizeof(*r) + r->url.len + r->via.len + r->hops.len + r->known.len;
}

int
urlrec_encode(const struct urlrec *r, struct buf *out)
{
	struct head h;
	int ret;

	if (r->url.len == 0 || r->url.len > URL_BYTES_MAX || r->via.len > URL_BYTES_MAX ||
	    r->hops.len > UINT16_MAX || r->known.len > KNOWN_BYTES_MAX)
		return -EMSGSIZE;
	h = (struct head){
	    .version = r->known.len > 0 ? URLREC_V3_KNOWN : URLREC_V3,
	    .kind = r->kind,
	    .flags = r->flags,
	    .redirects = r->redirects,
	    .attempts = r->attempts,
	    .priority = htole16((uint16_t)r->priority),
	    .depth = htole16(r->depth),
	    .url_len = htole16((uint16_t)r->url.len),
	    .via_len = htole16((uint16_t)r->via.len),
	    .hops_len = htole16((uint16_t)r->hops.len),
	    .authority_hash = htole64(r->authority_hash),
	    .url_hash = htole64(r->url_hash),
	    .key = htole64(r->key),
	    .not_before_ms = htole64((uint64_t)r->not_before_ms),
	    .since_s = htole32(r->since_s),
	};
	ret = buf_reserve(
	    out, sizeof(h) + r->url.len + r->via.len + r->hops.len + r->known.len);
	if (ret < 0)
		return ret;
	(void)buf_add(out, &h, sizeof(h));
	(void)buf_add_slice(out, r->url);
	(void)buf_add_slice(out, r->via);
	(void)buf_add_slice(out, r->hops);
	(void)buf_add_slice(out, r->known);
	return 0;
}

int
urlrec_decode(struct slice value, struct urlrec *ret)
{
	size_t url_len, via_len, hops_len, texts_len, known_len, head_len;
	const char *text;
	struct head h = {0};
	bool has_known;

	head_len = value.len > 0 && value.ptr[0] >= URLREC_V3 ? sizeof(h) : HEAD_V1_BYTES;
	if (value.len < head_len)
		return -EBADMSG;
	memcpy(&h, value.ptr, head_len);
	has_known = h.version == URLREC_V1_KNOWN || h.version == URLREC_V3_KNOWN;
	url_len = le16toh(h.url_len);
	via_len = le16toh(h.via_len);
	hops_len = le16toh(h.hops_len);
	texts_len = url_len + via_len + hops_len;
	if (h.version < URLREC_V1 || h.version > URLREC_V3_KNOWN ||
	    h.kind >= LINK_KIND_MAX || url_len == 0 || url_len > URL_BYTES_MAX ||
	    via_len > URL_BYTES_MAX || value.len < head_len + texts_len)
		return -EBADMSG;
	known_len = value.len - head_len - texts_len;
	if (known_len > KNOWN_BYTES_MAX || (known_len > 0) != has_known)
		return -EBADMSG;
	text = value.ptr + head_len;
	*ret = (struct urlrec){
	    .authority_hash = le64toh(h.authority_hash),
	    .url_hash = le64toh(h.url_hash),
	    .key = le64toh(h.key),
	    .not_before_ms = (int64_t)le64toh(h.not_before_ms),
	    .priority = (int16_t)le16toh(h.priority),
	    .depth = le16toh(h.depth),
	    .kind = h.kind,
	    .flags = h.flags,
	    .redirects = h.redirects,
	    .attempts = h.attempts,
	    .since_s = le32toh(h.since_s),
	    .url = slice_of(text, url_len),
	    .via = slice_of(text + url_len, via_len),
	    .hops = slice_of(text + url_len + via_len, hops_len),
	    .known = slice_of(text + texts_len, known_len),
	};
	return 0;
}

/* The text is in normal form: after "://" the authority reaches to the path's '/'. */
struct slice
urlrec_authority(const struct urlrec *r)
{
	size_t start = slice_find(r->url, ':') + 3, len;

	if (!slice_starts(slice_from(r->url, start - 3), SLICE_LIT("://")))
		return (struct slice){0};
	len = slice_find(slice_from(r->url, start), '/');
	return slice_head(r->url, start + len);
}

bool
urlrec_is_probe(const struct urlrec *r)
{
	return (r->flags & URLREC_CHECK) != 0 && r->kind == LINK_SPECULATIVE;
}

bool
urlrec_is_made_up(const struct urlrec *r)
{
	return urlrec_is_probe(r) || link_hops_moved_probe(r->hops);
}
