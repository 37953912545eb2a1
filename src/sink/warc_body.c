#include "sink/warc_body.h"
#include "web/http.h"
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

enum { HEAD_BYTES_MAX = 1 << 20, CHUNK_DIGITS_MAX = 15 };

void
warc_body_init(struct warc_body *b)
{
	*b = (struct warc_body){0};
	buf_init(&b->head, HEAD_BYTES_MAX);
}

void
warc_body_release(struct warc_body *b)
{
	buf_release(&b->head);
}

void
warc_body_begin(struct warc_body *b, const struct warc_rec *rec)
{
	buf_clear(&b->head);
	b->http = warc_rec_is_http(rec);
	b->ended = !b->http;
	b->line_empty = b->chunked = false;
}

static bool
is_chunked(const struct warc_body *b)
{
	return b->http && http_has_token(http_header_get(buf_slice(&b->head),
					     SLICE_LIT("Transfer-Encoding")),
			      SLICE_LIT("chunked"));
}

int
warc_body_feed(struct warc_body *b, struct slice piece, struct slice *ret)
{
	while (!b->ended && piece.len > 0) {
		size_t eol = slice_find(piece, '\n');
		struct slice line = slice_head(piece, eol + 1);
		bool plain = slice_eq(slice_head(line, eol), SLICE_LIT("\r")) || eol == 0;
		int r = buf_add_slice(&b->head, line);

		if (r == -ENOMEM)
			return r;
		/* A head without end is no head. */
		b->ended = r < 0 || (eol < piece.len && b->line_empty && plain);
		if (eol < piece.len)
			b->line_empty = true;
		else if (!plain)
			b->line_empty = false;
		piece = slice_from(piece, line.len);
		if (b->ended)
			b->chunked = is_chunked(b);
	}
	*ret = piece;
	return 0;
}

unsigned
warc_body_status(const struct warc_body *b)
{
	struct http_status s;

	return b->http && http_status(buf_slice(&b->head), &s) ? s.code : 0;
}

struct slice
warc_body_mime(const struct warc_body *b, const struct warc_rec *rec, char store[80])
{
	struct http_mime m = {.essence = ""};
	bool known = b->http ? http_mime(buf_slice(&b->head), &m)
			     : http_mime_parse(rec->content_type, &m);

	(void)snprintf(store, 80, "%s", known ? m.essence : "");
	return slice_cstr(store);
}

/* -- Chunks. -- */

static void
chunks_byte(struct warc_chunks *c, char b)
{
	int digit = ascii_hex(b);

	switch (c->state) {
	case CHUNK_SIZE:
		if (digit >= 0 && c->left >> (4 * CHUNK_DIGITS_MAX) == 0) {
			c->left = c->left << 4 | (uint64_t)digit;
			c->digits = true;
			break;
		}
		c->state = c->digits && digit < 0 ? CHUNK_LINE : CHUNK_BAD;
		if (c->state == CHUNK_BAD || b != '\n')
			break;
		/* fall through */
	case CHUNK_LINE:
		if (b == '\n')
			c->state = c->left > 0 ? CHUNK_DATA : CHUNK_DONE;
		break;
	case CHUNK_END:
		if (b == '\n')
			*c = (struct warc_chunks){.state = CHUNK_SIZE};
		else if (b != '\r')
			c->state = CHUNK_BAD;
		break;
	case CHUNK_DATA:
	case CHUNK_DONE:
	case CHUNK_BAD:
		break;
	}
}

bool
warc_chunks_next(struct warc_chunks *c, struct slice *rest, struct slice *ret)
{
	while (rest->len > 0 && c->state != CHUNK_DONE && c->state != CHUNK_BAD) {
		if (c->state == CHUNK_DATA) {
			size_t n = rest->len < c->left ? rest->len : (size_t)c->left;

			*ret = slice_head(*rest, n);
			*rest = slice_from(*rest, n);
			c->left -= n;
			if (c->left == 0)
				c->state = CHUNK_END;
			return true;
		}
		chunks_byte(c, rest->ptr[0]);
		*rest = slice_from(*rest, 1);
	}
	return false;
}

/* -- Digests. -- */

static const struct {
	struct slice name;
	const char *openssl;
} algorithms[] = {
    {SLICE_LIT("sha1"), "SHA1"},
    {SLICE_LIT("sha-1"), "SHA1"},
    {SLICE_LIT("sha256"), "SHA2-256"},
    {SLICE_LIT("sha-256"), "SHA2-256"},
    {SLICE_LIT("sha512"), "SHA2-512"},
    {SLICE_LIT("sha-512"), "SHA2-512"},
    {SLICE_LIT("md5"), "MD5"},
};
enum { ALGORITHMS_N = sizeof(algorithms) / sizeof(algorithms[0]), TEXT_MAX = 128 };

struct warc_digest {
	EVP_MD_CTX *ctx;
	EVP_MD *md[ALGORITHMS_N]; /* fetched when first asked for */
	size_t used;
	char wanted[TEXT_MAX + 1];
};

int
warc_digest_new(struct warc_digest **ret)
{
	struct warc_digest *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return -ENOMEM;
	d->ctx = EVP_MD_CTX_new();
	if (d->ctx == NULL) {
		free(d);
		return -ENOMEM;
	}
	*ret = d;
	return 0;
}

void
warc_digest_free(struct warc_digest *d)
{
	if (d == NULL)
		return;
	for (size_t i = 0; i < ALGORITHMS_N; i++)
		EVP_MD_free(d->md[i]);
	EVP_MD_CTX_free(d->ctx);
	free(d);
}

bool
warc_digest_begin(struct warc_digest *d, struct slice value)
{
	size_t colon = slice_find(value, ':');
	struct slice name = slice_head(value, colon),
		     text = slice_trim(slice_from(value, colon + 1));

	if (text.len == 0 || text.len > TEXT_MAX)
		return false;
	for (size_t i = 0; i < ALGORITHMS_N; i++) {
		if (!slice_ieq(name, algorithms[i].name))
			continue;
		if (d->md[i] == NULL)
			d->md[i] = EVP_MD_fetch(NULL, algorithms[i].openssl, NULL);
		if (d->md[i] == NULL || EVP_DigestInit_ex2(d->ctx, d->md[i], NULL) != 1)
			return false;
		for (size_t k = 0; k < text.len; k++) /* base64url, RFC 4648, section 5 */
			d->wanted[k] = (char)(text.ptr[k] == '-'   ? '+'
					      : text.ptr[k] == '_' ? '/'
								   : text.ptr[k]);
		d->wanted[text.len] = '\0';
		d->used = i;
		return true;
	}
	return false;
}

void
warc_digest_feed(struct warc_digest *d, struct slice piece)
{
	if (piece.len > 0)
		(void)EVP_DigestUpdate(d->ctx, piece.ptr, piece.len);
}

/* RFC 4648, section 6, with what padding there is to be. */
static void
to_base32(const unsigned char *in, size_t len, char *out)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	uint32_t bits = 0, n = 0, made = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | in[i];
		for (n += 8; n >= 5; n -= 5, made++)
			*out++ = digits[bits >> (n - 5) & 31];
	}
	if (n > 0) {
		*out++ = digits[bits << (5 - n) & 31];
		made++;
	}
	for (; made % 8 != 0; made++)
		*out++ = '=';
	*out = '\0';
}

static bool
same_text(struct slice have, struct slice wanted, bool case_counts)
{
	while (have.len > 0 && have.ptr[have.len - 1] == '=')
		have.len--;
	while (wanted.len > 0 && wanted.ptr[wanted.len - 1] == '=')
		wanted.len--;
	return case_counts ? slice_eq(have, wanted) : slice_ieq(have, wanted);
}

bool
warc_digest_end(struct warc_digest *d, char ret[WARC_DIGEST_MAX])
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1], b32[2 * EVP_MAX_MD_SIZE + 1],
	    b64[2 * EVP_MAX_MD_SIZE + 1];
	struct slice wanted = slice_cstr(d->wanted);
	unsigned len = 0;
	bool is_hex;

	if (EVP_DigestFinal_ex(d->ctx, sum, &len) != 1)
		len = 0;
	for (unsigned i = 0; i < len; i++)
		(void)snprintf(hex + 2 * (size_t)i, 3, "%02x", sum[i]);
	hex[2 * (size_t)len] = '\0';
	to_base32(sum, len, b32);
	(void)EVP_EncodeBlock((unsigned char *)b64, sum, (int)len);
	is_hex = wanted.len == 2 * (size_t)len;
	(void)snprintf(ret, WARC_DIGEST_MAX, SLICE_FMT ":%s",
	    SLICE_ARG(algorithms[d->used].name), is_hex ? hex : b32);
	return same_text(slice_cstr(hex), wanted, false) ||
	       same_text(slice_cstr(b32), wanted, false) ||
	       same_text(slice_cstr(b64), wanted, true);
}
