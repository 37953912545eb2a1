#include "frontier/seen_filter.h"
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "base/banned.h"

enum { BLOCK = 8 /* words */, BITS = 6 };

int
seen_filter_init(struct seen_filter *f, uint64_t bytes)
{
	struct seen_filter new = {
	    .blocks = (uint32_t)(bytes / (BLOCK * sizeof(*f->words)))};
	void *at;

	assert(bytes >= BLOCK * sizeof(*f->words));
	assert(bytes / (BLOCK * sizeof(*f->words)) <= UINT32_MAX);
	at = mmap(NULL, seen_filter_bytes(&new), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (at == MAP_FAILED)
		return -ENOMEM;
	new.words = at;
	*f = new;
	return 0;
}

void
seen_filter_release(struct seen_filter *f)
{
	if (f->words != NULL)
		(void)munmap(f->words, seen_filter_bytes(f));
	*f = (struct seen_filter){0};
}

uint64_t
seen_filter_bytes(const struct seen_filter *f)
{
	return (uint64_t)f->blocks * BLOCK * sizeof(*f->words);
}

/* A fingerprint is a hash already, but what lies in one part shares its top bits. */
static uint64_t *
block_of(const struct seen_filter *f, uint64_t print, uint64_t *ret_bits)
{
	uint64_t z = (print ^ (print >> 30)) * 0xbf58476d1ce4e5b9u;

	*ret_bits = ((z ^ (z >> 27)) * 0x94d049bb133111ebu) >> 10;
	return f->words + (((z >> 32) * f->blocks) >> 32) * BLOCK;
}

void
seen_filter_add(struct seen_filter *f, uint64_t print)
{
	uint64_t bits, *b = block_of(f, print, &bits);

	for (int i = 0; i < BITS; i++, bits >>= 9)
		b[bits >> 6 & 7] |= (uint64_t)1 << (bits & 63);
}

void
seen_filter_hint(const struct seen_filter *f, uint64_t print)
{
	uint64_t bits;

	__builtin_prefetch(block_of(f, print, &bits));
}

bool
seen_filter_has(const struct seen_filter *f, uint64_t print)
{
	uint64_t bits;
	const uint64_t *b = block_of(f, print, &bits);

	for (int i = 0; i < BITS; i++, bits >>= 9)
		if ((b[bits >> 6 & 7] >> (bits & 63) & 1) == 0)
			return false;
	return true;
}
