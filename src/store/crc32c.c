#include "store/crc32c.h"
#include <pthread.h>

#include "base/banned.h"

/*
 * Eight bytes a step: table[k][b] is the remainder of byte `b` with `k` zero bytes after
 * it.
 */
static uint32_t table[8][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
table_make(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t c = b;

		for (int bit = 0; bit < 8; bit++)
			c = (c >> 1) ^ (0x82f63b78u & (0u - (c & 1)));
		table[0][b] = c;
	}
	for (int k = 1; k < 8; k++)
		for (int b = 0; b < 256; b++) {
			uint32_t c = table[k - 1][b];

			table[k][b] = (c >> 8) ^ table[0][c & 0xff];
		}
}

uint32_t
crc32c(struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.ptr;
	size_t n = s.len;
	uint32_t c = ~0u;

	(void)pthread_once(&once, table_make);
	for (; n >= 8; n -= 8, p += 8) {
		c ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
		     (uint32_t)p[3] << 24;
		c = table[7][c & 0xff] ^ table[6][(c >> 8) & 0xff] ^
		    table[5][(c >> 16) & 0xff] ^ table[4][c >> 24] ^ table[3][p[4]] ^
		    table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
	}
	while (n-- > 0)
		c = (c >> 8) ^ table[0][(c ^ *p++) & 0xff];
	return ~c;
}
