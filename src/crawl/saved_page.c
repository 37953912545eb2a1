#include "crawl/saved_page.h"
#include "base/wire.h"
#include "web/url.h"
#include <errno.h>

#include "base/banned.h"

enum { PAGE_VERSION = 2, RECORD_BYTES_MAX = 64 << 10 };

#define UUID SLICE_LIT("urn:uuid:")

struct page_key {
	char text[SAVED_PAGE_KEY_BYTES];
};

static struct slice
page_key(struct page_key *k, uint64_t authority_hash, uint64_t url_hash)
{
	struct slice prefix = SAVED_PAGES;
	struct key of;

	key_make(&of, authority_hash, url_hash);
	memcpy(k->text, prefix.ptr, prefix.len);
	memcpy(k->text + prefix.len, of.bytes, KEY_BYTES);
	return slice_of(k->text, sizeof(k->text));
}

bool
saved_original_is(const struct saved_original *o)
{
	static const uint8_t none[sizeof(o->id)];

	return memcmp(o->id, none, sizeof(none)) != 0;
}

void
saved_original_id(const struct saved_original *o, char ret[SAVED_ORIGINAL_ID_MAX])
{
	static const char digits[] = "0123456789abcdef";
	struct slice lead = UUID;
	char *p = ret + lead.len;

	memcpy(ret, lead.ptr, lead.len);
	for (size_t i = 0; i < sizeof(o->id); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = digits[o->id[i] >> 4];
		*p++ = digits[o->id[i] & 15];
	}
	*p = '\0';
}

bool
saved_original_parse(struct slice id, uint8_t ret[16])
{
	struct slice lead = UUID;
	uint8_t bytes[16] = {0};
	size_t n = 0;

	if (!slice_starts(id, lead))
		return false;
	id = slice_from(id, lead.len);
	for (size_t i = 0; i < id.len; i++) {
		int v = ascii_hex(id.ptr[i]);

		if (id.ptr[i] == '-')
			continue;
		if (v < 0 || n == 32)
			return false;
		bytes[n / 2] = (uint8_t)(bytes[n / 2] << 4 | v);
		n++;
	}
	if (n == 32)
		memcpy(ret, bytes, sizeof(bytes));
	return n == 32;
}

static struct slice
validator(struct slice s)
{
	return s.len > SAVED_VALIDATOR_MAX ? ((struct slice){0}) : s;
}

static int
encode(const struct urlrec *rec, const struct saved_page *v, struct buf *out)
{
	struct wire_out w = {.b = out};
	struct urlrec found = *rec;

	wire_u8(&w, PAGE_VERSION);
	wire_u8(&w, (uint8_t)v->state);
	wire_u64(&w, (uint64_t)v->fetched_us);
	wire_u64(&w, (uint64_t)v->asked_us);
	wire_u32(&w, v->history.looks);
	wire_u32(&w, v->history.changes);
	wire_u32(&w, v->history.row);
	wire_u64(&w, v->history.observed_ms);
	wire_u64(&w, v->history.gap_ms);
	wire_put(&w, v->original.id, sizeof(v->original.id));
	wire_u64(&w, (uint64_t)v->original.wall_us);
	wire_text(&w, v->original.uri);
	wire_text(&w, v->digest);
	wire_text(&w, validator(v->etag));
	wire_text(&w, validator(v->last_modified));
	found.known = (struct slice){0};
	found.attempts = 0;
	found.not_before_ms = 0;
	found.flags &= (uint8_t) ~(URLREC_AGAIN | URLREC_WHOLE);
	return w.err < 0 ? w.err : urlrec_encode(&found, out);
}

/* An older trawl told of pages that are there, and not which they were. */
static void
decode_first(struct wire_in *w, struct saved_page *v)
{
	v->state = PAGE_THERE;
	v->fetched_us = v->asked_us = (int64_t)wire_get_u64(w);
	v->digest = wire_get_text(w);
	v->etag = wire_get_text(w);
	v->last_modified = wire_get_text(w);
	w->bad = w->bad || w->rest.len > 0;
}

static void
decode_second(struct wire_in *w, struct saved_page *v)
{
	uint8_t state = wire_get_u8(w);

	w->bad = w->bad || state >= PAGE_STATE_MAX;
	v->state = (enum page_state)state;
	v->fetched_us = (int64_t)wire_get_u64(w);
	v->asked_us = (int64_t)wire_get_u64(w);
	v->history.looks = wire_get_u32(w);
	v->history.changes = wire_get_u32(w);
	v->history.row = wire_get_u32(w);
	v->history.observed_ms = wire_get_u64(w);
	v->history.gap_ms = wire_get_u64(w);
	wire_take(w, v->original.id, sizeof(v->original.id));
	v->original.wall_us = (int64_t)wire_get_u64(w);
	v->original.uri = wire_get_text(w);
	v->digest = wire_get_text(w);
	v->etag = wire_get_text(w);
	v->last_modified = wire_get_text(w);
	v->rec = w->rest;
}

int
saved_page_decode(struct slice value, struct saved_page *ret)
{
	struct wire_in w = {.rest = value};
	struct saved_page v = {.state = PAGE_NEVER};
	uint8_t version = wire_get_u8(&w);

	if (version == 1)
		decode_first(&w, &v);
	else if (version == PAGE_VERSION)
		decode_second(&w, &v);
	else
		return -EBADMSG;
	if (w.bad || v.etag.len > SAVED_VALIDATOR_MAX ||
	    v.last_modified.len > SAVED_VALIDATOR_MAX ||
	    v.history.looks > HISTORY_LOOKS || v.history.changes > v.history.looks ||
	    v.history.row > v.history.changes || v.digest.len > 64 ||
	    v.original.uri.len > URL_BYTES_MAX)
		return -EBADMSG;
	*ret = v;
	return 0;
}

struct slice
saved_page_known(struct slice value, const struct saved_page *v)
{
	return slice_head(value, value.len - v->rec.len);
}

int
saved_page_put(
    struct store_batch *b, const struct urlrec *rec, const struct saved_page *v)
{
	struct page_key k;
	struct buf value;
	int r;

	buf_init(&value, SAVED_PAGE_BYTES_MAX + RECORD_BYTES_MAX);
	r = encode(rec, v, &value);
	if (r == 0)
		r = store_batch_put(b, STORE_META,
		    page_key(&k, rec->authority_hash, rec->url_hash), buf_slice(&value));
	buf_release(&value);
	return r;
}

int
saved_page_get(struct store *s, uint64_t authority_hash, uint64_t url_hash,
    struct buf *value, struct saved_page *ret)
{
	struct page_key k;
	int r = store_get(s, STORE_META, page_key(&k, authority_hash, url_hash), value);

	return r < 0 ? r : saved_page_decode(buf_slice(value), ret);
}
