#include "sink/sha1_pair.h"
#include <assert.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#include "base/banned.h"

#define WITH_SHA __attribute__((target("sha,sse4.1")))

bool
sha1_pair_is_there(void)
{
	unsigned a, b, c, d, features;

	if (!__get_cpuid(1, &a, &b, &features, &d) ||
	    !__get_cpuid_count(7, 0, &a, &b, &c, &d))
		return false;
	return (features & bit_SSSE3) != 0 && (features & bit_SSE4_1) != 0 &&
	       (b & bit_SHA) != 0;
}

struct sha1 {
	uint32_t h[5];
};

static const struct sha1 begin = {
    {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}};

/* A chain as it lies in registers: a..d with a on top, e on top of its own. */
struct lane {
	__m128i abcd, e[2], msg[4], abcd_was, e_was;
};

WITH_SHA static inline __attribute__((always_inline)) void
lane_load(struct lane *l, const struct sha1 *s)
{
	l->abcd = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)s->h), 0x1b);
	l->e[0] = _mm_set_epi32((int)s->h[4], 0, 0, 0);
}

WITH_SHA static inline __attribute__((always_inline)) void
lane_store(const struct lane *l, struct sha1 *s)
{
	_mm_storeu_si128((__m128i *)s->h, _mm_shuffle_epi32(l->abcd, 0x1b));
	s->h[4] = (uint32_t)_mm_extract_epi32(l->e[0], 3);
}

WITH_SHA static inline __attribute__((always_inline)) void
lane_begin(struct lane *l, const char *block)
{
	const __m128i big_endian = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);

	l->abcd_was = l->abcd;
	l->e_was = l->e[0];
	for (int i = 0; i < 4; i++)
		l->msg[i] = _mm_shuffle_epi8(
		    _mm_loadu_si128((const __m128i *)block + i), big_endian);
}

WITH_SHA static inline __attribute__((always_inline)) void
lane_end(struct lane *l)
{
	l->e[0] = _mm_sha1nexte_epu32(l->e[0], l->e_was);
	l->abcd = _mm_add_epi32(l->abcd, l->abcd_was);
}

/* Rounds 4 i to 4 i + 3; and what the words of later rounds take from those of these:
 * W(t) = rol(W(t - 3) ^ W(t - 8) ^ W(t - 14) ^ W(t - 16), 1), four at a time. */
#define ROUNDS(l, i)                                                                     \
	do {                                                                             \
		__m128i *const w_ = (l)->msg, now_ = w_[(i) % 4];                        \
                                                                                         \
		(l)->e[(i) % 2] = (i) == 0 ? _mm_add_epi32((l)->e[0], now_)              \
					   : _mm_sha1nexte_epu32((l)->e[(i) % 2], now_); \
		(l)->e[((i) + 1) % 2] = (l)->abcd;                                       \
		if ((i) >= 3 && (i) < 19)                                                \
			w_[((i) + 1) % 4] = _mm_sha1msg2_epu32(w_[((i) + 1) % 4], now_); \
		(l)->abcd = _mm_sha1rnds4_epu32((l)->abcd, (l)->e[(i) % 2], (i) / 5);    \
		if ((i) >= 2 && (i) < 18)                                                \
			w_[((i) + 2) % 4] = _mm_xor_si128(w_[((i) + 2) % 4], now_);      \
		if ((i) >= 1 && (i) < 17)                                                \
			w_[((i) + 3) % 4] = _mm_sha1msg1_epu32(w_[((i) + 3) % 4], now_); \
	} while (0)

#define ALL(R)                                                                           \
	R(0);                                                                            \
	R(1);                                                                            \
	R(2);                                                                            \
	R(3);                                                                            \
	R(4);                                                                            \
	R(5);                                                                            \
	R(6);                                                                            \
	R(7);                                                                            \
	R(8);                                                                            \
	R(9);                                                                            \
	R(10);                                                                           \
	R(11);                                                                           \
	R(12);                                                                           \
	R(13);                                                                           \
	R(14);                                                                           \
	R(15);                                                                           \
	R(16);                                                                           \
	R(17);                                                                           \
	R(18);                                                                           \
	R(19)

WITH_SHA static void
blocks(struct sha1 *s, const char *p, size_t n)
{
	struct lane l;

	lane_load(&l, s);
	for (; n > 0; n--, p += SHA1_BLOCK_BYTES) {
		lane_begin(&l, p);
#define ONE(i) ROUNDS(&l, i)
		ALL(ONE);
		lane_end(&l);
	}
	lane_store(&l, s);
}

WITH_SHA static void
blocks_of_two(struct sha1 *s, const char *p, struct sha1 *t, const char *q, size_t n)
{
	struct lane l, m;

	lane_load(&l, s);
	lane_load(&m, t);
	for (; n > 0; n--, p += SHA1_BLOCK_BYTES, q += SHA1_BLOCK_BYTES) {
		lane_begin(&l, p);
		lane_begin(&m, q);
#define BOTH(i)                                                                          \
	ROUNDS(&l, i);                                                                   \
	ROUNDS(&m, i)
		ALL(BOTH);
		lane_end(&l);
		lane_end(&m);
	}
	lane_store(&l, s);
	lane_store(&m, t);
}

/* `rest`: less than a block, the last of `len` bytes. */
static void
finish(struct sha1 *s, struct slice rest, uint64_t len, unsigned char ret[SHA1_BYTES])
{
	char last[2 * SHA1_BLOCK_BYTES] = {0};
	size_t n = rest.len + 1 + 8 <= SHA1_BLOCK_BYTES ? 1 : 2;

	if (rest.len > 0)
		memcpy(last, rest.ptr, rest.len);
	last[rest.len] = (char)0x80;
	for (size_t i = 0; i < 8; i++)
		last[n * SHA1_BLOCK_BYTES - 1 - i] = (char)(len * 8 >> 8 * i);
	blocks(s, last, n);
	for (size_t i = 0; i < SHA1_BYTES; i++)
		ret[i] = (unsigned char)(s->h[i / 4] >> (24 - 8 * (i % 4)));
	explicit_bzero(last, sizeof(last));
}

void
sha1_pair(struct slice head, struct slice body, unsigned char ret_all[SHA1_BYTES],
    unsigned char ret_body[SHA1_BYTES])
{
	uint64_t len = head.len + body.len;
	struct sha1 all = begin, second = begin;
	char seam[SHA1_BLOCK_BYTES];
	struct slice rest = body;
	size_t over = head.len % SHA1_BLOCK_BYTES, n, both;

	blocks(&all, head.ptr, head.len / SHA1_BLOCK_BYTES);
	if (over > 0) { /* the block that has something of both */
		n = SHA1_BLOCK_BYTES - over < body.len ? SHA1_BLOCK_BYTES - over
						       : body.len;
		memcpy(seam, head.ptr + head.len - over, over);
		if (n > 0)
			memcpy(seam + over, body.ptr, n);
		rest = slice_from(body, n);
		if (over + n == SHA1_BLOCK_BYTES)
			blocks(&all, seam, 1);
		else
			rest = slice_of(seam, over + n); /* which ends in it */
	}
	n = rest.len / SHA1_BLOCK_BYTES;
	both = body.len / SHA1_BLOCK_BYTES;
	assert(n <= both);
	blocks_of_two(&all, rest.ptr, &second, body.ptr, n);
	blocks(&second, body.ptr + n * SHA1_BLOCK_BYTES, both - n);
	finish(&all, slice_from(rest, n * SHA1_BLOCK_BYTES), len, ret_all);
	finish(&second, slice_from(body, both * SHA1_BLOCK_BYTES), body.len, ret_body);
	explicit_bzero(seam, sizeof(seam));
}

#else

bool
sha1_pair_is_there(void)
{
	return false;
}

void
sha1_pair(struct slice head, struct slice body, unsigned char ret_all[SHA1_BYTES],
    unsigned char ret_body[SHA1_BYTES])
{
	(void)head;
	(void)body;
	(void)ret_all;
	(void)ret_body;
	assert(false);
}
#endif
