#include "web/xml_memory.h"
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/banned.h"

/* Before each block; what follows it is aligned for anything. */
struct block {
	_Alignas(max_align_t) size_t bytes;
};

static _Thread_local struct {
	size_t room;
	bool was_short;
} memory;

static bool
room_take(size_t n)
{
	if (n > memory.room) {
		memory.was_short = true;
		return false;
	}
	memory.room -= n;
	return true;
}

static void *
block_realloc(void *ptr, size_t n)
{
	struct block *old = ptr == NULL ? NULL : (struct block *)ptr - 1, *b;
	size_t had = old == NULL ? 0 : old->bytes;

	if (!room_take(n)) /* both may be there at once */
		return NULL;
	b = realloc(old, sizeof(*b) + n);
	if (b == NULL) {
		memory.room += n;
		return NULL;
	}
	memory.room += had;
	b->bytes = n;
	return b + 1;
}

static void *
block_alloc(size_t n)
{
	return block_realloc(NULL, n);
}

static void
block_free(void *ptr)
{
	struct block *b;

	if (ptr == NULL)
		return;
	b = (struct block *)ptr - 1;
	memory.room += b->bytes;
	free(b);
}

XML_Parser
xml_memory_parser(const char *encoding)
{
	static const XML_Memory_Handling_Suite suite = {.malloc_fcn = block_alloc,
	    .realloc_fcn = block_realloc,
	    .free_fcn = block_free};

	memory.room = XML_MEMORY_MAX;
	memory.was_short = false;
	return XML_ParserCreate_MM(encoding, &suite, NULL);
}

bool
xml_memory_was_short(void)
{
	return memory.was_short;
}
