/*
 * The book-keeping lies outside of the arena, so that a free block costs no page of it:
 *
 *   tags[page]   of the first page of a block: its order, given out or free; else 0
 *   links[page]  of the first page of a free block: its neighbours on free_first[order]
 *
 * A block of order k is 2^k pages and lies at a multiple of 2^k; its buddy is at `page ^
 * 2^k`.  An arena whose size is no power of two begins as several free blocks.
 *
 * The lock guards the book-keeping.  What takes time (moving bytes, giving pages back) is
 * done without it, as long as the block is still its caller's.
 */
#include "loop/shm.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/banned.h"

#define PAGE_BYTES      4096u
#define ORDERS          28 /* up to 512 GiB */
#define NONE            UINT32_MAX
#define TAG_USED        0x40
#define TAG_FREE        0x80
#define TAG_ORDER       0x1f
#define PUNCH_BYTES     (256u << 10)
#define ARENA_BYTES_MAX ((uint64_t)PAGE_BYTES << (ORDERS - 1))

struct link {
	uint32_t prev, next;
};

struct shm {
	int fd;    /* writable; never leaves this process */
	int fd_ro; /* what others get; the same number as `fd` when that one is sealed */
	char *map;
	uint64_t bytes;
	uint32_t pages;
	pthread_mutex_t lock; /* of what follows; sums may be read without it */
	_Atomic uint64_t small_bytes, large_bytes;
	uint64_t lent_bytes;
	uint8_t *tags;
	struct link *links;
	uint32_t free_first[ORDERS];
};

static void
shm_lock(struct shm *s)
{
	int r = pthread_mutex_lock(&s->lock);

	assert(r == 0);
	(void)r;
}

static void
shm_unlock(struct shm *s)
{
	int r = pthread_mutex_unlock(&s->lock);

	assert(r == 0);
	(void)r;
}

static uint32_t
order_pages(unsigned order)
{
	return (uint32_t)1 << order;
}

/* The least order that holds `bytes`; ORDERS when there is none. */
static unsigned
order_of(uint64_t bytes)
{
	unsigned order = 0;

	while (order < ORDERS && ((uint64_t)PAGE_BYTES << order) < bytes)
		order++;
	return order;
}

static void
free_put(struct shm *s, uint32_t page, unsigned order)
{
	uint32_t first = s->free_first[order];

	s->tags[page] = (uint8_t)(TAG_FREE | order);
	s->links[page] = (struct link){.prev = NONE, .next = first};
	if (first != NONE)
		s->links[first].prev = page;
	s->free_first[order] = page;
}

static void
free_remove(struct shm *s, uint32_t page)
{
	unsigned order = s->tags[page] & TAG_ORDER;
	struct link l = s->links[page];

	assert((s->tags[page] & TAG_FREE) != 0);
	if (l.prev == NONE)
		s->free_first[order] = l.next;
	else
		s->links[l.prev].next = l.next;
	if (l.next != NONE)
		s->links[l.next].prev = l.prev;
	s->tags[page] = 0;
}

static bool
is_free(const struct shm *s, uint32_t page, unsigned order)
{
	return page < s->pages && s->tags[page] == (TAG_FREE | order);
}

/* Back on the free lists, joined with its buddy as long as that one is free as well. */
static void
free_join(struct shm *s, uint32_t page, unsigned order)
{
	while (order + 1 < ORDERS && is_free(s, page ^ order_pages(order), order)) {
		free_remove(s, page ^ order_pages(order));
		page &= ~order_pages(order);
		order++;
	}
	free_put(s, page, order);
}

/* The system takes the pages back; if it will not, they stay and are used again. */
static void
punch(struct shm *s, uint64_t at, uint64_t bytes)
{
	if (bytes >= PUNCH_BYTES)
		(void)fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		    (off_t)at, (off_t)bytes);
}

static int
arena_open(struct shm *s)
{
	char name[64];
	int r;

	s->fd = memfd_create("trawl-arena", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (s->fd < 0)
		return -errno;
	if (ftruncate(s->fd, (off_t)s->bytes) < 0)
		goto fail_fd;
	s->map = mmap(
	    NULL, s->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, s->fd, 0);
	if (s->map == MAP_FAILED)
		goto fail_fd;
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", s->fd);
	s->fd_ro = open(name, O_RDONLY | O_CLOEXEC);
	if (s->fd_ro < 0) {
		if (fcntl(s->fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) < 0)
			goto fail_map;
		s->fd_ro = s->fd;
	}
	/* Cutting it would kill whoever reads behind the cut. */
	if (fcntl(s->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		goto fail_map;
	return 0;

fail_map:
	r = -errno;
	(void)munmap(s->map, s->bytes);
	if (s->fd_ro >= 0 && s->fd_ro != s->fd)
		(void)close(s->fd_ro);
	(void)close(s->fd);
	return r;
fail_fd:
	r = -errno;
	(void)close(s->fd);
	return r;
}

static void
arena_close(struct shm *s)
{
	(void)munmap(s->map, s->bytes);
	if (s->fd_ro != s->fd)
		(void)close(s->fd_ro);
	(void)close(s->fd);
}

/* The largest aligned blocks that fit, from the start. */
static void
arena_lay(struct shm *s)
{
	uint32_t page = 0;

	for (unsigned i = 0; i < ORDERS; i++)
		s->free_first[i] = NONE;
	while (page < s->pages) {
		unsigned order = 0;

		while (order + 1 < ORDERS && (page & (order_pages(order + 1) - 1)) == 0 &&
		       s->pages - page >= order_pages(order + 1))
			order++;
		free_put(s, page, order);
		page += order_pages(order);
	}
}

int
shm_new(uint64_t bytes, struct shm **ret, struct why *why)
{
	struct shm *s;
	int r = -ENOMEM;

	if (bytes == 0 || bytes > ARENA_BYTES_MAX)
		return why_set(why, -EINVAL,
		    "an arena of %llu bytes: 1 to %llu can be had",
		    (unsigned long long)bytes, (unsigned long long)ARENA_BYTES_MAX);
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		goto fail;
	s->pages = (uint32_t)((bytes + PAGE_BYTES - 1) / PAGE_BYTES);
	s->bytes = (uint64_t)s->pages * PAGE_BYTES;
	s->tags = calloc(s->pages, sizeof(*s->tags));
	if (s->tags == NULL)
		goto fail_s;
	s->links = calloc(s->pages, sizeof(*s->links));
	if (s->links == NULL)
		goto fail_tags;
	r = arena_open(s);
	if (r < 0)
		goto fail_links;
	r = -pthread_mutex_init(&s->lock, NULL);
	if (r < 0)
		goto fail_arena;
	arena_lay(s);
	*ret = s;
	return 0;

fail_arena:
	arena_close(s);
fail_links:
	free(s->links);
fail_tags:
	free(s->tags);
fail_s:
	free(s);
fail:
	return why_set(why, r, "cannot create a shared arena of %llu bytes: %s",
	    (unsigned long long)bytes, strerror(-r));
}

void
shm_free_all(struct shm *s)
{
	if (s == NULL)
		return;
	arena_close(s);
	(void)pthread_mutex_destroy(&s->lock);
	free(s->links);
	free(s->tags);
	free(s);
}

static void
used_add(struct shm *s, uint64_t cap)
{
	*(cap > SHM_LARGE_BYTES ? &s->large_bytes : &s->small_bytes) += cap;
}

static void
used_drop(struct shm *s, uint64_t cap)
{
	*(cap > SHM_LARGE_BYTES ? &s->large_bytes : &s->small_bytes) -= cap;
}

/* Under the lock. */
static int
take(struct shm *s, unsigned order, struct shm_block *ret)
{
	unsigned from;
	uint32_t page;

	if (order == ORDERS || order_pages(order) > s->pages)
		return -EMSGSIZE;
	for (from = order; from < ORDERS && s->free_first[from] == NONE;)
		from++;
	if (from == ORDERS)
		return -ENOSPC;
	page = s->free_first[from];
	free_remove(s, page);
	while (from > order) {
		from--;
		free_put(s, page + order_pages(from), from);
	}
	s->tags[page] = (uint8_t)(TAG_USED | order);
	*ret = (struct shm_block){
	    .at = (uint64_t)page * PAGE_BYTES, .cap = (uint64_t)PAGE_BYTES << order};
	used_add(s, ret->cap);
	return 0;
}

int
shm_alloc(struct shm *s, uint64_t bytes, struct shm_block *ret)
{
	int r;

	shm_lock(s);
	r = take(s, order_of(bytes), ret);
	shm_unlock(s);
	return r;
}

/* The first page of a block that was given out, and its order. */
static uint32_t
block_page(const struct shm *s, const struct shm_block *b, unsigned *ret_order)
{
	uint32_t page = (uint32_t)(b->at / PAGE_BYTES);

	assert(b->at < s->bytes && b->at % PAGE_BYTES == 0);
	assert((s->tags[page] & TAG_USED) != 0);
	*ret_order = s->tags[page] & TAG_ORDER;
	assert(b->cap == (uint64_t)PAGE_BYTES << *ret_order);
	return page;
}

/* Whether what follows the block up to `order` is free and the block may begin there. */
static bool
can_extend(const struct shm *s, uint32_t page, unsigned from, unsigned order)
{
	if ((page & (order_pages(order) - 1)) != 0)
		return false;
	for (unsigned k = from; k < order; k++)
		if (!is_free(s, page + order_pages(k), k))
			return false;
	return true;
}

/* Whether others leave room for a large block of that size in the place of `b`. */
static bool
large_fits(const struct shm *s, const struct shm_block *b, unsigned order, uint64_t max)
{
	uint64_t cap = order < ORDERS ? (uint64_t)PAGE_BYTES << order : UINT64_MAX;
	uint64_t others = s->large_bytes - (b->cap > SHM_LARGE_BYTES ? b->cap : 0);
	uint64_t room = max > s->lent_bytes ? max - s->lent_bytes : 0;

	return max == 0 || cap <= SHM_LARGE_BYTES || others == 0 ||
	       (cap <= room && others <= room - cap);
}

/* Under the lock: where it lies, or with *ret_to a place to move it to. */
static int
make_room(struct shm *s, struct shm_block *b, unsigned order, struct shm_block *ret_to)
{
	unsigned from;
	uint32_t page = block_page(s, b, &from);

	if (order == ORDERS || !can_extend(s, page, from, order))
		return take(s, order, ret_to);
	for (unsigned k = from; k < order; k++)
		free_remove(s, page + order_pages(k));
	s->tags[page] = (uint8_t)(TAG_USED | order);
	used_drop(s, b->cap);
	b->cap = (uint64_t)PAGE_BYTES << order;
	used_add(s, b->cap);
	return 0;
}

int
shm_grow(struct shm *s, struct shm_block *b, uint64_t used, uint64_t bytes,
    uint64_t large_bytes_max)
{
	unsigned order = order_of(bytes);
	struct shm_block to = {0};
	int r;

	assert(used <= b->cap);
	if (bytes <= b->cap)
		return 0;
	shm_lock(s);
	r = large_fits(s, b, order, large_bytes_max) ? make_room(s, b, order, &to)
						     : -EAGAIN;
	shm_unlock(s);
	if (r < 0 || to.cap == 0)
		return r;
	memcpy(s->map + to.at, s->map + b->at, used);
	shm_free(s, b);
	*b = to;
	return 0;
}

void
shm_shrink(struct shm *s, struct shm_block *b, uint64_t used)
{
	unsigned order, to = order_of(used);
	uint64_t cap = (uint64_t)PAGE_BYTES << to;
	uint32_t page;

	assert(used <= b->cap);
	if (cap >= b->cap)
		return;
	punch(s, b->at + cap, b->cap - cap);
	shm_lock(s);
	page = block_page(s, b, &order);
	used_drop(s, b->cap);
	used_add(s, cap);
	/* Each half that is split off has a buddy in use: nothing to join. */
	while (order > to) {
		order--;
		free_put(s, page + order_pages(order), order);
	}
	s->tags[page] = (uint8_t)(TAG_USED | order);
	shm_unlock(s);
	b->cap = cap;
}

void
shm_free(struct shm *s, struct shm_block *b)
{
	unsigned order;
	uint32_t page;

	if (b->cap == 0)
		return;
	punch(s, b->at, b->cap);
	shm_lock(s);
	page = block_page(s, b, &order);
	used_drop(s, b->cap);
	s->tags[page] = 0;
	free_join(s, page, order);
	shm_unlock(s);
	b->cap = 0;
}

int
shm_lend(struct shm *s, uint64_t bytes)
{
	uint64_t most = s->bytes / 2;
	int r = -ENOSPC;

	shm_lock(s);
	if (most > s->bytes - shm_used_bytes(s))
		most = s->bytes - shm_used_bytes(s);
	if (s->lent_bytes <= most && bytes <= most - s->lent_bytes) {
		s->lent_bytes += bytes;
		r = 0;
	}
	shm_unlock(s);
	return r;
}

void
shm_return(struct shm *s, uint64_t bytes)
{
	shm_lock(s);
	assert(bytes <= s->lent_bytes);
	s->lent_bytes -= bytes;
	shm_unlock(s);
}

char *
shm_ptr(const struct shm *s, const struct shm_block *b)
{
	assert(b->cap > 0 && b->at < s->bytes);
	return s->map + b->at;
}

struct slice
shm_slice(const struct shm *s)
{
	return slice_of(s->map, s->bytes);
}

int
shm_find(const struct shm *s, struct slice part, uint64_t *ret_at)
{
	uintptr_t from = (uintptr_t)s->map, at = (uintptr_t)part.ptr;

	if (at < from || at - from > s->bytes || part.len > s->bytes - (at - from))
		return -EINVAL;
	*ret_at = at - from;
	return 0;
}

int
shm_fd(const struct shm *s)
{
	return s->fd_ro;
}

uint64_t
shm_bytes(const struct shm *s)
{
	return s->bytes;
}

uint64_t
shm_used_bytes(const struct shm *s)
{
	return s->small_bytes + s->large_bytes;
}

uint64_t
shm_large_bytes(const struct shm *s)
{
	return s->large_bytes;
}

uint64_t
shm_small_bytes(const struct shm *s)
{
	return s->small_bytes;
}

void
shm_check(struct shm *s)
{
	uint64_t small_bytes = 0, large_bytes = 0;
	uint32_t frees = 0, listed = 0, page = 0;

	shm_lock(s);
	assert(s->lent_bytes <= s->bytes);
	while (page < s->pages) {
		uint8_t tag = s->tags[page];
		unsigned order = tag & TAG_ORDER;

		assert((tag & TAG_USED) != 0 || (tag & TAG_FREE) != 0);
		assert((page & (order_pages(order) - 1)) == 0);
		assert(order_pages(order) <= s->pages - page);
		for (uint32_t i = 1; i < order_pages(order); i++)
			assert(s->tags[page + i] == 0);
		if ((tag & TAG_FREE) != 0) {
			frees++;
			assert(order + 1 == ORDERS ||
			       !is_free(s, page ^ order_pages(order), order));
		} else {
			uint64_t cap = (uint64_t)PAGE_BYTES << order;

			*(cap > SHM_LARGE_BYTES ? &large_bytes : &small_bytes) += cap;
		}
		page += order_pages(order);
	}
	for (unsigned k = 0; k < ORDERS; k++)
		for (uint32_t p = s->free_first[k]; p != NONE; p = s->links[p].next) {
			listed++;
			assert(s->tags[p] == (TAG_FREE | k));
		}
	assert(frees == listed);
	assert(small_bytes == s->small_bytes);
	assert(large_bytes == s->large_bytes);
	shm_unlock(s);
}
