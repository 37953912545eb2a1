#include "ctl/tokens.h"
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

static const char prefix[] = "trawl_"; /* that those who look for leaked secrets know */
enum { TOKEN_SHOWN_MIN = 22, TOKEN_SHOWN_MAX = 256 }; /* 128 bits in base64 */

bool
role_parse(struct slice text, enum role *ret)
{
	if (slice_eq(text, SLICE_LIT("read")))
		*ret = ROLE_READ;
	else if (slice_eq(text, SLICE_LIT("admin")))
		*ret = ROLE_ADMIN;
	else
		return false;
	return true;
}

void
tokens_release(struct tokens *ts)
{
	free(ts->v);
	*ts = (struct tokens){0};
}

static struct slice
next_word(struct slice *rest)
{
	struct slice word;
	size_t n = 0;

	*rest = slice_trim(*rest);
	while (n < rest->len && !ascii_is_space(rest->ptr[n]))
		n++;
	word = slice_head(*rest, n);
	*rest = slice_from(*rest, n);
	return word;
}

static bool
read_hash(struct slice text, unsigned char ret[TOKEN_HASH_BYTES])
{
	static const char kind[] = "sha256:";
	struct slice hex;

	if (!slice_starts(text, slice_cstr(kind)))
		return false;
	hex = slice_from(text, sizeof(kind) - 1);
	if (hex.len != (size_t)2 * TOKEN_HASH_BYTES)
		return false;
	for (size_t i = 0; i < TOKEN_HASH_BYTES; i++) {
		int hi = ascii_hex(hex.ptr[2 * i]), lo = ascii_hex(hex.ptr[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		ret[i] = (unsigned char)(hi * 16 + lo);
	}
	return true;
}

static bool
is_name(struct slice s)
{
	if (s.len == 0 || s.len >= TOKEN_NAME_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= ' ' || s.ptr[i] > '~')
			return false;
	return true;
}

static int
add_line(struct tokens *ts, struct slice line, size_t number, struct why *why)
{
	struct slice role = next_word(&line), hash = next_word(&line),
		     name = next_word(&line);
	struct token t = {0}, *grown;

	if (!role_parse(role, &t.role))
		return why_set(
		    why, -EINVAL, "line %zu: the role is read or admin", number);
	if (!read_hash(hash, t.hash))
		return why_set(why, -EINVAL,
		    "line %zu: sha256: and 64 hexadecimal digits come second", number);
	if (!is_name(name) || slice_trim(line).len > 0)
		return why_set(why, -EINVAL,
		    "line %zu: one name of at most %d characters comes third", number,
		    TOKEN_NAME_MAX - 1);
	if (ts->n == TOKENS_MAX)
		return why_set(
		    why, -EINVAL, "line %zu: more than %d tokens", number, TOKENS_MAX);
	memcpy(t.name, name.ptr, name.len);
	grown = realloc(ts->v, (ts->n + 1) * sizeof(*grown));
	if (grown == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	ts->v = grown;
	ts->v[ts->n++] = t;
	return 0;
}

int
tokens_read(struct tokens *ts, struct slice text, struct why *why)
{
	struct slice line;
	size_t number = 0;

	while (slice_cut(&text, '\n', &line)) {
		int r;

		number++;
		line = slice_trim(line);
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		r = add_line(ts, line, number, why);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool
hash_of(struct slice text, unsigned char ret[TOKEN_HASH_BYTES])
{
	unsigned n = 0;

	return EVP_Digest(text.ptr, text.len, ret, &n, EVP_sha256(), NULL) == 1 &&
	       n == TOKEN_HASH_BYTES;
}

const struct token *
tokens_find(const struct tokens *ts, struct slice text)
{
	const struct token *found = NULL;
	unsigned char hash[TOKEN_HASH_BYTES];

	if (text.len < TOKEN_SHOWN_MIN || text.len > TOKEN_SHOWN_MAX ||
	    !hash_of(text, hash))
		return NULL;
	/* All of them, so that the time does not tell which. */
	for (size_t i = 0; i < ts->n; i++)
		if (CRYPTO_memcmp(ts->v[i].hash, hash, sizeof(hash)) == 0)
			found = &ts->v[i];
	return found;
}

static void
print_hex(const unsigned char *from, size_t n, char *to)
{
	for (size_t i = 0; i < n; i++)
		(void)snprintf(to + 2 * i, 3, "%02x", from[i]);
}

int
token_new(enum role role, const char *name, char ret[TOKEN_TEXT_MAX], struct buf *line,
    struct why *why)
{
	unsigned char secret[32], hash[TOKEN_HASH_BYTES];
	char hex[2 * TOKEN_HASH_BYTES + 1];
	int r;

	if (!is_name(slice_cstr(name)))
		return why_set(why, -EINVAL,
		    "a name has 1 to %d characters without spaces", TOKEN_NAME_MAX - 1);
	if (RAND_bytes(secret, sizeof(secret)) != 1)
		return why_set(why, -EIO, "there is no randomness");
	print_hex(secret, sizeof(secret), hex);
	(void)snprintf(ret, TOKEN_TEXT_MAX, "%s%s", prefix, hex);
	OPENSSL_cleanse(secret, sizeof(secret));
	if (!hash_of(slice_cstr(ret), hash))
		return why_set(why, -EIO, "there is no SHA-256");
	print_hex(hash, sizeof(hash), hex);
	r = buf_printf(
	    line, "%s sha256:%s %s\n", role == ROLE_ADMIN ? "admin" : "read", hex, name);
	return r < 0 ? why_set(why, r, "out of memory") : 0;
}
