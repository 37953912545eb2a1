#include "sink/warc_sha1.h"
#include "sink/sha1_pair.h"
#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/banned.h"

struct warc_sha1 {
	EVP_MD *sha1;
	EVP_MD_CTX *context;
	bool pairs; /* this machine can */
};

int
warc_sha1_new(struct warc_sha1 **ret)
{
	struct warc_sha1 *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return -ENOMEM;
	d->pairs = sha1_pair_is_there();
	/* Fetched once: OpenSSL 3 would search its providers at each EVP_sha1(). */
	d->sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	if (d->sha1 == NULL)
		goto fail;
	d->context = EVP_MD_CTX_new();
	if (d->context == NULL)
		goto fail_sha1;
	/* The first start allocates; later ones reuse that and cannot fail. */
	if (EVP_DigestInit_ex2(d->context, d->sha1, NULL) != 1)
		goto fail_context;

	*ret = d;
	return 0;

fail_context:
	EVP_MD_CTX_free(d->context);
fail_sha1:
	EVP_MD_free(d->sha1);
fail:
	free(d);
	return -ENOMEM;
}

void
warc_sha1_free(struct warc_sha1 *d)
{
	if (d == NULL)
		return;
	EVP_MD_CTX_free(d->context);
	EVP_MD_free(d->sha1);
	free(d);
}

/* RFC 4648 section 6: 20 bytes are 32 characters without padding. */
static void
write_text(const unsigned char sum[SHA1_BYTES], char ret[WARC_SHA1_TEXT_MAX])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	const unsigned char *in = sum;
	char *out = ret + 5;

	memcpy(ret, "sha1:", 5);
	for (size_t i = 0; i < SHA1_BYTES / 5; i++, in += 5) {
		uint64_t five = (uint64_t)in[0] << 32 | (uint64_t)in[1] << 24 |
				(uint64_t)in[2] << 16 | (uint64_t)in[3] << 8 | in[4];

		for (int shift = 35; shift >= 0; shift -= 5)
			*out++ = digits[five >> shift & 31];
	}
	*out = '\0';
}

void
warc_sha1_text(
    struct warc_sha1 *d, const struct slice pieces[2], char ret[WARC_SHA1_TEXT_MAX])
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	int ok;

	ok = EVP_DigestInit_ex2(d->context, d->sha1, NULL);
	for (size_t i = 0; i < 2 && ok == 1; i++)
		if (pieces[i].len > 0)
			ok = EVP_DigestUpdate(d->context, pieces[i].ptr, pieces[i].len);
	if (ok == 1)
		ok = EVP_DigestFinal_ex(d->context, sum, &len);
	assert(ok == 1);
	assert(len == SHA1_BYTES);
	write_text(sum, ret);
}

void
warc_sha1_texts(struct warc_sha1 *d, const struct slice pieces[2],
    char ret_all[WARC_SHA1_TEXT_MAX], char ret_second[WARC_SHA1_TEXT_MAX])
{
	unsigned char all[SHA1_BYTES], second[SHA1_BYTES];
	const struct slice alone[2] = {pieces[1]};

	if (d->pairs) {
		sha1_pair(pieces[0], pieces[1], all, second);
		write_text(all, ret_all);
		write_text(second, ret_second);
		return;
	}
	warc_sha1_text(d, pieces, ret_all);
	warc_sha1_text(d, alone, ret_second);
}
