#include "sink/warc_record.h"
#include "base/clock.h"
#include "base/escape.h"
#include "sink/warc_fields.h"
#include "sink/warc_gzip.h"
#include "sink/warc_head.h"
#include "sink/warc_move.h"
#include "web/http.h"
#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/banned.h"

/*
 * Up to WHOLE_BYTES_MAX a record is put together in memory and compressed in one call,
 * which is faster; what is longer goes piece by piece.
 */
enum {
	ZSTD_LEVEL = 3,
	WHOLE_BYTES_MAX = 4 << 20,
	HEADER_BYTES_MAX = 256 << 10, /* of a record; URLs have at most 8 KiB */
	HEAD_BYTES_MAX = 4 << 20,     /* of HTTP, or a metadata block */
	OUTLINKS_BYTES_MAX = 1 << 20,
	STREAM_STEP_BYTES = 64 << 10,
	SHA1_BYTES = 20,
	DIGEST_TEXT_MAX = 48,
};

struct warc_packer {
	enum warc_coding coding;
	ZSTD_CCtx *zstd; /* from the first record that wants it */
	struct warc_gzip *gzip;
	EVP_MD *sha1;
	EVP_MD_CTX *digest;
	struct buf block;  /* an HTTP head or a metadata block, as it is written */
	struct buf record; /* a record's header; of a small one the block too */
};

int
warc_packer_new(struct warc_packer **ret)
{
	struct warc_packer *p;

	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	p->coding = WARC_GZIP;
	buf_init(&p->block, HEAD_BYTES_MAX);
	buf_init(&p->record, (size_t)WHOLE_BYTES_MAX + HEADER_BYTES_MAX);
	if (warc_gzip_new(&p->gzip) < 0)
		goto fail_packer;
	/* Fetched once: OpenSSL 3 would search its providers at each EVP_sha1(). */
	p->sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	if (p->sha1 == NULL)
		goto fail_gzip;
	p->digest = EVP_MD_CTX_new();
	if (p->digest == NULL)
		goto fail_sha1;
	/* The first start allocates; later ones reuse that and cannot fail. */
	if (EVP_DigestInit_ex2(p->digest, p->sha1, NULL) != 1)
		goto fail_digest;

	*ret = p;
	return 0;

fail_digest:
	EVP_MD_CTX_free(p->digest);
fail_sha1:
	EVP_MD_free(p->sha1);
fail_gzip:
	warc_gzip_free(p->gzip);
fail_packer:
	free(p);
	return -ENOMEM;
}

void
warc_packer_free(struct warc_packer *p)
{
	if (p == NULL)
		return;
	warc_packer_forget(p);
	buf_release(&p->record);
	buf_release(&p->block);
	EVP_MD_CTX_free(p->digest);
	EVP_MD_free(p->sha1);
	warc_gzip_free(p->gzip);
	free(p);
}

/* A digest forgets its input when it is finished. */
void
warc_packer_forget(struct warc_packer *p)
{
	buf_wipe(&p->record);
	buf_wipe(&p->block);
	warc_gzip_forget(p->gzip);
	(void)ZSTD_freeCCtx(p->zstd); /* its window is the input */
	p->zstd = NULL;
}

void
warc_packer_code(struct warc_packer *p, enum warc_coding coding)
{
	p->coding = coding;
}

/* -- Digests and ids. -- */

/* RFC 4648 section 6: 20 bytes are 32 characters without padding. */
static void
base32(const unsigned char in[SHA1_BYTES], char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

	for (size_t i = 0; i < SHA1_BYTES / 5; i++, in += 5) {
		uint64_t five = (uint64_t)in[0] << 32 | (uint64_t)in[1] << 24 |
				(uint64_t)in[2] << 16 | (uint64_t)in[3] << 8 | in[4];

		for (int shift = 35; shift >= 0; shift -= 5)
			*out++ = digits[five >> shift & 31];
	}
	*out = '\0';
}

static void
digest_text(
    struct warc_packer *p, const struct slice pieces[2], char ret[DIGEST_TEXT_MAX])
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	int ok;

	ok = EVP_DigestInit_ex2(p->digest, p->sha1, NULL);
	for (size_t i = 0; i < 2 && ok == 1; i++)
		if (pieces[i].len > 0)
			ok = EVP_DigestUpdate(p->digest, pieces[i].ptr, pieces[i].len);
	if (ok == 1)
		ok = EVP_DigestFinal_ex(p->digest, sum, &len);
	assert(ok == 1);
	assert(len == SHA1_BYTES);
	memcpy(ret, "sha1:", 5);
	base32(sum, ret + 5);
}

void
warc_payload_digest(struct warc_packer *p, struct slice payload, char ret[48])
{
	const struct slice pieces[2] = {payload};

	digest_text(p, pieces, ret);
}

static char *
hex(char *at, uint64_t n, unsigned digits)
{
	for (unsigned i = digits; i-- > 0; n >>= 4)
		at[i] = "0123456789abcdef"[n & 15];
	return at + digits;
}

/* RFC 9562 section 5.4. */
void
warc_id(const uint64_t bits[2], char ret[WARC_ID_MAX])
{
	uint64_t hi = (bits[0] & ~UINT64_C(0xf000)) | 0x4000;
	uint64_t lo = (bits[1] & ~(UINT64_C(3) << 62)) | UINT64_C(2) << 62;
	char *at = ret;

	memcpy(at, "urn:uuid:", 9);
	at = hex(at + 9, hi >> 32, 8);
	*at++ = '-';
	at = hex(at, hi >> 16, 4);
	*at++ = '-';
	at = hex(at, hi, 4);
	*at++ = '-';
	at = hex(at, lo >> 48, 4);
	*at++ = '-';
	at = hex(at, lo, 12);
	*at = '\0';
}

/* -- Fields. -- */

/*
 * Values come from the net.  Whatever is not printable ASCII is percent-encoded: in a
 * normalised URL, an address or a hop path there is nothing of the kind, and where there
 * should be, it can neither end the line nor the value.
 */
static int
add_value(struct buf *b, struct slice value)
{
	int r = 0;

	while (value.len > 0 && r == 0) {
		size_t n = escape_plain(value, '!');

		/* Quote and backslash are as good as others here. */
		while (n < value.len && value.ptr[n] > ' ' && value.ptr[n] < 0x7f)
			n++;
		r = buf_add(b, value.ptr, n);
		if (r == 0 && n < value.len)
			r = buf_printf(
			    b, "%%%02X", (unsigned)(unsigned char)value.ptr[n++]);
		value = slice_from(value, n);
	}
	return r;
}

/* `open` and `shut` go around the value; an empty value is left out. */
static int
add_field(struct buf *b, struct slice open, struct slice value, struct slice shut)
{
	int r;

	if (value.len == 0)
		return 0;
	r = buf_add_slice(b, open);
	if (r == 0)
		r = add_value(b, value);
	return r < 0 ? r : buf_add_slice(b, shut);
}

static const struct slice line = SLICE_LIT("\r\n"), id_end = SLICE_LIT(">\r\n");

static int
add_original(struct buf *b, const struct warc_original *o)
{
	char date[CLOCK_TEXT_MAX];
	int r = add_field(b, SLICE_LIT("WARC-Refers-To: <"), o->id, id_end);

	clock_format(o->wall_us, 0, date);
	if (r == 0)
		r = add_field(b, SLICE_LIT("WARC-Refers-To-Target-URI: "), o->uri, line);
	return r < 0 ? r
		     : add_field(
			   b, SLICE_LIT("WARC-Refers-To-Date: "), slice_cstr(date), line);
}

static int
add_header(struct warc_packer *p, const struct warc_fields *r)
{
	char date[CLOCK_TEXT_MAX], block_digest[DIGEST_TEXT_MAX];
	const struct {
		struct slice open, value, shut;
	} fields[] = {
	    {SLICE_LIT("WARC/1.1\r\nWARC-Type: "), r->type, line},
	    {SLICE_LIT("WARC-Record-ID: <"), r->id, id_end},
	    {SLICE_LIT("WARC-Warcinfo-ID: <"), r->warcinfo_id, id_end},
	    {SLICE_LIT("WARC-Concurrent-To: <"), r->concurrent_to, id_end},
	    {SLICE_LIT("WARC-Filename: "), r->file, line},
	    {SLICE_LIT("WARC-Target-URI: "), r->uri, line},
	    {SLICE_LIT("WARC-Date: "), slice_of(date, sizeof("2026-01-31T12:00:00Z") - 1),
		line},
	    {SLICE_LIT("WARC-IP-Address: "), r->ip, line},
	    {SLICE_LIT("WARC-Protocol: "), r->protocol, line},
	    {SLICE_LIT("WARC-Profile: "), r->profile, line},
	    {SLICE_LIT("WARC-Payload-Digest: "), r->payload_digest, line},
	    {SLICE_LIT("WARC-Block-Digest: "), slice_of(block_digest, 5 + 32), line},
	    {SLICE_LIT("WARC-Truncated: "), r->truncated, line},
	};
	struct buf *b = &p->record;
	int err = 0;

	clock_format(r->wall_us, 0, date);
	digest_text(p, r->block, block_digest);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]) && err == 0; i++)
		err = add_field(b, fields[i].open, fields[i].value, fields[i].shut);
	if (err == 0 && r->original != NULL)
		err = add_original(b, r->original);
	if (err == 0) /* has a space in it, and is our own */
		err = buf_add_cstr(b, "Content-Type: ");
	if (err == 0)
		err = buf_add_slice(b, r->content_type);
	if (err == 0)
		err = buf_add_cstr(b, "\r\nContent-Length: ");
	if (err == 0)
		err = buf_add_u64(b, r->block[0].len + r->block[1].len, 0);
	return err < 0 ? err : buf_add_cstr(b, "\r\n\r\n");
}

/* -- Members. -- */

static int
zstd_begin(struct warc_packer *p)
{
	if (p->zstd == NULL) {
		p->zstd = ZSTD_createCCtx();
		if (p->zstd == NULL)
			return -ENOMEM;
		(void)ZSTD_CCtx_setParameter(
		    p->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
		(void)ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_checksumFlag, 1);
	}
	(void)ZSTD_CCtx_reset(p->zstd, ZSTD_reset_session_only);
	return 0;
}

static int
zstd_piece(ZSTD_CCtx *z, struct slice piece, bool last, struct buf *out)
{
	ZSTD_inBuffer from = {piece.ptr, piece.len, 0};

	for (;;) {
		ZSTD_outBuffer to = {0};
		size_t left, room = out->max - out->len;
		int r;

		if (room > STREAM_STEP_BYTES)
			room = STREAM_STEP_BYTES;
		if (room == 0)
			return -EMSGSIZE;
		r = buf_reserve(out, room);
		if (r < 0)
			return r;
		to.dst = out->ptr + out->len;
		to.size = room;
		left = ZSTD_compressStream2(
		    z, &to, &from, last ? ZSTD_e_end : ZSTD_e_continue);
		if (ZSTD_isError(left))
			return -ENOMEM;
		out->len += to.pos;
		if (last ? left == 0 : from.pos == from.size)
			return 0;
	}
}

static int
member_begin(struct warc_packer *p)
{
	if (p->coding == WARC_ZSTD)
		return zstd_begin(p);
	if (p->coding == WARC_GZIP)
		warc_gzip_begin(p->gzip);
	return 0;
}

static int
member_piece(struct warc_packer *p, struct slice piece, bool last, struct buf *out)
{
	return p->coding == WARC_GZIP   ? warc_gzip_piece(p->gzip, piece, last, out)
	       : p->coding == WARC_ZSTD ? zstd_piece(p->zstd, piece, last, out)
					: buf_add_slice(out, piece);
}

static int
member_stream(
    struct warc_packer *p, const struct slice *pieces, size_t n, struct buf *out)
{
	int r = member_begin(p);

	for (size_t i = 0; i < n && r == 0; i++)
		r = member_piece(p, pieces[i], i + 1 == n, out);
	return r;
}

/* p->record as one member. */
static int
member_whole(struct warc_packer *p, enum warc_gzip_text kind, struct buf *out)
{
	struct slice all = buf_slice(&p->record);
	int r = -EMSGSIZE;

	if (p->coding == WARC_GZIP)
		r = warc_gzip_whole(p->gzip, all, kind, out);
	/* With gzip: the most that it may take does not fit; what comes out may. */
	return r == -EMSGSIZE ? member_stream(p, &all, 1, out) : r;
}

int
warc_add_record(struct warc_packer *p, const struct warc_fields *r, struct buf *out)
{
	size_t block_len = r->block[0].len + r->block[1].len;
	int err;

	buf_clear(&p->record);
	err = add_header(p, r);
	if (err < 0)
		return err;
	if (block_len > WHOLE_BYTES_MAX) {
		const struct slice pieces[] = {buf_slice(&p->record), r->block[0],
		    r->block[1], SLICE_LIT("\r\n\r\n")};

		return member_stream(p, pieces, sizeof(pieces) / sizeof(pieces[0]), out);
	}
	err = buf_reserve(&p->record, block_len + 4);
	if (err < 0)
		return err;
	(void)buf_add_slice(&p->record, r->block[0]);
	(void)buf_add_slice(&p->record, r->block[1]);
	(void)buf_add(&p->record, "\r\n\r\n", 4);
	return member_whole(p, r->is_fields ? WARC_GZIP_FIELDS : WARC_GZIP_ANY, out);
}

/* -- The records of an exchange. -- */

static struct slice
cut_name(enum warc_cut cut)
{
	switch (cut) {
	case WARC_CUT_LENGTH:
		return SLICE_LIT("length");
	case WARC_CUT_TIME:
		return SLICE_LIT("time");
	case WARC_CUT_DISCONNECT:
		return SLICE_LIT("disconnect");
	case WARC_CUT_NONE:
		break;
	}
	return (struct slice){0};
}

struct exchange_ids {
	char response[WARC_ID_MAX], request[WARC_ID_MAX], metadata[WARC_ID_MAX];
};

static void
exchange_ids(const uint64_t bits[4], struct exchange_ids *ret)
{
	/* Two random numbers added are as random, and independent of either. */
	const uint64_t third[2] = {bits[0] + bits[2], bits[1] + bits[3]};

	warc_id(bits, ret->response);
	warc_id(bits + 2, ret->request);
	warc_id(third, ret->metadata);
}

/* What is cut, and what has no payload, is stored as it came. */
static enum warc_revisit
revisit_of(const struct warc_exchange *x, const char *payload_digest)
{
	struct http_status status;

	if (x->original == NULL || x->original->id.len == 0 || x->cut != WARC_CUT_NONE)
		return WARC_NO_REVISIT;
	if (http_status(x->head, &status) && status.code == 304)
		return WARC_NOT_MODIFIED;
	if (x->body.len > 0 &&
	    slice_eq(x->original->payload_digest, slice_cstr(payload_digest)))
		return WARC_IDENTICAL;
	return WARC_NO_REVISIT;
}

static int
pack_response(struct warc_packer *p, const struct warc_exchange *x,
    const struct exchange_ids *ids, struct buf *out, struct warc_parts *parts)
{
	struct slice digest;
	enum warc_revisit kind;
	int r;

	buf_clear(&p->block);
	r = warc_add_head(&p->block, x->head);
	if (r < 0)
		return r;
	warc_payload_digest(p, x->body, parts->payload_digest);
	kind = parts->revisit = revisit_of(x, parts->payload_digest);
	digest = slice_cstr(parts->payload_digest);
	if (kind ==
	    WARC_NOT_MODIFIED) { /* is of what there is no more than the head of */
		digest = slice_head(x->original->payload_digest, DIGEST_TEXT_MAX - 1);
		if (digest.len > 0)
			memcpy(parts->payload_digest, digest.ptr, digest.len);
		parts->payload_digest[digest.len] = '\0';
	}
	return warc_add_record(p,
	    &(struct warc_fields){
		.type = kind == WARC_NO_REVISIT ? SLICE_LIT("response")
						: SLICE_LIT("revisit"),
		.id = slice_cstr(ids->response),
		.content_type = SLICE_LIT("application/http;msgtype=response"),
		.warcinfo_id = x->warcinfo_id,
		.uri = x->uri,
		.ip = x->ip,
		.protocol = x->protocol,
		.profile = warc_profile(kind),
		.original = kind == WARC_NO_REVISIT ? NULL : x->original,
		.payload_digest = digest,
		/* 6.7.2 of the standard: so is told that the payload is left out */
		.truncated =
		    kind == WARC_IDENTICAL ? SLICE_LIT("length") : cut_name(x->cut),
		.wall_us = x->wall_us,
		.block = {buf_slice(&p->block),
		    kind == WARC_NO_REVISIT ? x->body : ((struct slice){0})},
	    },
	    out);
}

static int
pack_request(struct warc_packer *p, const struct warc_exchange *x,
    const struct exchange_ids *ids, struct buf *out)
{
	int r;

	buf_clear(&p->block);
	r = warc_add_head(&p->block, x->request);
	if (r < 0)
		return r;
	return warc_add_record(p,
	    &(struct warc_fields){
		.type = SLICE_LIT("request"),
		.id = slice_cstr(ids->request),
		.content_type = SLICE_LIT("application/http;msgtype=request"),
		.warcinfo_id = x->warcinfo_id,
		.concurrent_to = slice_cstr(ids->response),
		.uri = x->uri,
		.ip = x->ip,
		.protocol = x->protocol,
		.wall_us = x->wall_us,
		.block = {buf_slice(&p->block)},
		.is_fields = true,
	    },
	    out);
}

static char *
put(char *at, struct slice s)
{
	memcpy(at, s.ptr, s.len);
	return at + s.len;
}

/* There are many: what is plain, as a URL is, is written in one go. */
static int
add_outlink(struct buf *b, const struct warc_outlink *l)
{
	static const struct slice name = SLICE_LIT("outlink: ");
	size_t n = name.len + l->url.len + l->kind.len + 3 + line.len;
	char *at;
	int r;

	if (escape_plain(l->url, '!') < l->url.len ||
	    escape_plain(l->kind, '!') < l->kind.len || l->kind.len == 0 ||
	    l->hop <= ' ') {
		r = add_field(b, name, l->url, SLICE_LIT(" "));
		if (r == 0)
			r = add_value(b, slice_of(&l->hop, 1));
		if (r == 0)
			r = add_field(b, SLICE_LIT(" "), l->kind, (struct slice){0});
		return r < 0 ? r : buf_add_slice(b, line);
	}
	r = buf_reserve(b, n);
	if (r < 0)
		return r;
	at = put(put(b->ptr + b->len, name), l->url);
	*at++ = ' ';
	*at++ = l->hop;
	*at++ = ' ';
	(void)put(put(at, l->kind), line);
	b->len += n;
	return 0;
}

static int
pack_metadata(struct warc_packer *p, const struct warc_exchange *x,
    const struct exchange_ids *ids, struct buf *out)
{
	struct buf *b = &p->block;
	int r;

	buf_clear(b);
	r = add_field(b, SLICE_LIT("via: "), x->via, line);
	if (r == 0)
		r = add_field(b, SLICE_LIT("hopsFromSeed: "), x->hops, line);
	if (r == 0)
		r = buf_add_cstr(b, "fetchTimeMs: ");
	if (r == 0)
		r = buf_add_u64(b, x->fetch_ms, 0);
	if (r == 0)
		r = buf_add_slice(b, line);
	for (size_t i = 0; i < x->outlinks_n && r == 0; i++)
		if (b->len < OUTLINKS_BYTES_MAX) {
			struct warc_outlink l = x->outlink(x->outlinks, i);

			if (l.url.len > 0)
				r = add_outlink(b, &l);
		}
	if (r < 0)
		return r;
	return warc_add_record(p,
	    &(struct warc_fields){
		.type = SLICE_LIT("metadata"),
		.id = slice_cstr(ids->metadata),
		.content_type = SLICE_LIT("application/warc-fields"),
		.warcinfo_id = x->warcinfo_id,
		.concurrent_to = slice_cstr(ids->response),
		.uri = x->uri,
		.wall_us = x->wall_us,
		.block = {buf_slice(b)},
		.is_fields = true,
	    },
	    out);
}

int
warc_pack(struct warc_packer *p, const struct warc_exchange *x, struct buf *out,
    struct warc_parts *ret)
{
	struct warc_parts parts = {0};
	struct exchange_ids ids;
	size_t start = out->len;
	int r;

	if (x->uri.len == 0 || x->head.len == 0)
		return -EINVAL;
	exchange_ids(x->record_id, &ids);
	parts.at[parts.n++] = 0;
	r = pack_response(p, x, &ids, out, &parts);
	if (r == 0 && x->request.len > 0) {
		parts.at[parts.n++] = out->len - start;
		r = pack_request(p, x, &ids, out);
	}
	if (r == 0) {
		parts.at[parts.n++] = out->len - start;
		r = pack_metadata(p, x, &ids, out);
	}
	if (r < 0) {
		out->len = start;
		return r;
	}
	*ret = parts;
	return 0;
}

/* -- Records for another file. -- */

/* In the head, which the first piece holds: the line is the third, and long lines follow. */
static bool
change_id(struct slice piece, const struct slice ids[2])
{
	static const struct slice name = SLICE_LIT("WARC-Warcinfo-ID: <");
	char *at = memmem(piece.ptr, slice_head(piece, 1024).len, name.ptr, name.len);

	if (at == NULL || (size_t)(piece.ptr + piece.len - at) < name.len + ids[0].len ||
	    memcmp(at + name.len, ids[0].ptr, ids[0].len) != 0)
		return false;
	memcpy(at + name.len, ids[1].ptr, ids[1].len);
	return true;
}

static int
move_member(struct warc_packer *p, struct warc_unpack *u, struct slice member,
    const struct slice ids[2], struct buf *out)
{
	struct slice piece;
	bool first = true;
	int r = member_begin(p), more;

	if (r < 0)
		return r;
	warc_unpack_begin(u, member);
	while ((more = warc_unpack_next(u, &piece)) > 0) {
		if (first && !change_id(piece, ids))
			return -EBADMSG;
		first = false;
		r = member_piece(p, piece, false, out);
		if (r < 0)
			return r;
	}
	return more < 0 ? more : member_piece(p, (struct slice){0}, true, out);
}

int
warc_move(struct warc_packer *p, struct slice records, const uint64_t *at, uint32_t n,
    const struct slice ids[2], struct buf *out, uint64_t *ret_at)
{
	size_t start = out->len;
	struct warc_unpack *u;
	int r;

	assert(ids[0].len == ids[1].len && ids[0].len < WARC_ID_MAX);
	r = warc_unpack_new(p->coding, &u);
	for (uint32_t i = 0; i < n && r == 0; i++) {
		uint64_t end = i + 1 < n ? at[i + 1] : records.len;

		ret_at[i] = out->len - start;
		r = move_member(p, u,
		    slice_head(slice_from(records, at[i]), (size_t)(end - at[i])), ids,
		    out);
		if (r < 0)
			warc_unpack_free(u);
	}
	if (r < 0) {
		out->len = start;
		return r;
	}
	warc_unpack_free(u);
	return 0;
}
