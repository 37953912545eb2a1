#include "frontier/seen_table.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/banned.h"

enum {
	BUCKET = 8, /* words */
	BUCKET_BYTES = BUCKET * sizeof(uint64_t),
	BUCKETS_STEP = 64, /* a page of 4 KiB */
	BUCKETS_MAX = UINT32_MAX / BUCKET / BUCKETS_STEP * BUCKETS_STEP,
	BUCKETS_LEAP = 16384, /* 1 MiB of a part, 256 MiB of all */
	FLAGS_BITS = 8,
	SEEN_DROP = 32, /* within a sweep */
};

void
seen_table_init(struct seen_table *t, uint64_t bytes_max)
{
	*t = (struct seen_table){.bytes = sizeof(*t), .bytes_max = bytes_max};
}

static size_t
part_bytes(const struct seen_part *p)
{
	return (size_t)p->buckets * BUCKET_BYTES;
}

/* Pages of its own, so that what is given back is gone and the rest is not fragmented; all
 * will be written, so they are wanted at once. */
static int
part_alloc(struct seen_part *p)
{
	void *at = mmap(NULL, part_bytes(p), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (at == MAP_FAILED)
		return -ENOMEM;
	p->words = at;
	return 0;
}

static void
part_free(struct seen_part *p)
{
	if (p->words != NULL)
		(void)munmap(p->words, part_bytes(p));
}

void
seen_table_release(struct seen_table *t)
{
	for (int i = 0; i < SEEN_PARTS; i++)
		part_free(&t->parts[i]);
	*t = (struct seen_table){
	    .bytes = sizeof(*t), .bytes_max = t->bytes_max, .bytes_more = t->bytes_more};
}

static struct seen_part *
part_of(const struct seen_table *t, uint64_t print)
{
	/* The one cast: a table that is only read has parts that are only read. */
	return (struct seen_part *)(uintptr_t)&t->parts[print >> 56];
}

static uint64_t
word_of(uint64_t print)
{
	return print << FLAGS_BITS | SEEN_USED;
}

static uint64_t
home_number(const struct seen_part *p, uint64_t word)
{
	return ((word >> 32) * p->buckets) >> 32;
}

/* The two buckets where a word belongs: any one... */
static uint64_t *
home(const struct seen_part *p, uint64_t word)
{
	return p->words + home_number(p, word) * BUCKET;
}

/* ... and one of the same page of memory, whose address is looked up once for both. */
static uint64_t *
second_home(const struct seen_part *p, uint64_t word)
{
	uint64_t bucket = home_number(p, word);

	bucket -= bucket % BUCKETS_STEP;
	return p->words + (bucket + (word >> FLAGS_BITS) % BUCKETS_STEP) * BUCKET;
}

/*
 * All eight words of a bucket are looked at, without a branch for each, which could not be
 * foretold: bit i of what comes back stands for word i.
 */
static unsigned
which(const uint64_t *b, uint64_t word, uint64_t mask)
{
	unsigned hits = 0;

#pragma GCC unroll 8
	for (unsigned i = 0; i < BUCKET; i++)
		hits |= (unsigned)(((b[i] ^ word) & mask) == 0) << i;
	return hits;
}

/* Those that are this word, whatever their flags; a free place is none, also of word 0. */
static unsigned
which_are(const uint64_t *b, uint64_t word)
{
	return which(b, word, ~(((uint64_t)1 << FLAGS_BITS) - 1) | SEEN_USED);
}

static unsigned
which_are_free(const uint64_t *b)
{
	return which(b, 0, UINT64_MAX);
}

/* The bucket behind it; behind the last one comes the first. */
static uint64_t *
next_bucket(const struct seen_part *p, uint64_t *b)
{
	b += BUCKET;
	return b == p->words + (size_t)p->buckets * BUCKET ? p->words : b;
}

/*
 * Where a word lies: in one of its buckets, or, where both were full, in the first one behind
 * the first that had room.  Nothing is taken out, so one that has room ends the search.
 */
static uint64_t *
find_word(const struct seen_part *p, uint64_t word)
{
	uint64_t *a = home(p, word), *b = second_home(p, word);
	unsigned hits = which_are(a, word);

	if (hits != 0)
		return &a[__builtin_ctz(hits)];
	hits = which_are(b, word);
	if (hits != 0)
		return &b[__builtin_ctz(hits)];
	if (b[BUCKET - 1] == 0)
		return NULL;
	while (hits == 0 && a[BUCKET - 1] != 0) {
		a = next_bucket(p, a);
		hits = which_are(a, word);
	}
	return hits == 0 ? NULL : &a[__builtin_ctz(hits)];
}

/* Where a word comes that is not there: into the emptier of its buckets.  They are filled
 * from the front, so of the free places' bits the emptier one's are the greater number. */
static uint64_t *
place(const struct seen_part *p, uint64_t word)
{
	uint64_t *a = home(p, word), *b = second_home(p, word);
	unsigned room = which_are_free(a), room_b = which_are_free(b);

	if (room_b > room)
		return &b[__builtin_ctz(room_b)];
	while (room == 0) {
		a = next_bucket(p, a);
		room = which_are_free(a);
	}
	return &a[__builtin_ctz(room)];
}

void
seen_table_hint(const struct seen_table *t, uint64_t print)
{
	const struct seen_part *p = part_of(t, print);

	if (p->words == NULL)
		return;
	__builtin_prefetch(home(p, word_of(print)));
	__builtin_prefetch(second_home(p, word_of(print)));
}

uint64_t *
seen_table_find(const struct seen_table *t, uint64_t print)
{
	const struct seen_part *p = part_of(t, print);

	return p->words == NULL ? NULL : find_word(p, word_of(print));
}

/* All of `from` that is not dropped; `to` is empty and large enough. */
static void
move_words(struct seen_part *to, const struct seen_part *from)
{
	const uint64_t *end = from->words + (size_t)from->buckets * BUCKET;

	for (const uint64_t *w = from->words; w < end; w++) {
		if (*w == 0 || (*w & SEEN_DROP) != 0)
			continue;
		*place(to, *w) = *w;
		to->len++;
	}
}

static uint64_t
round_buckets(uint64_t n)
{
	return (n + BUCKETS_STEP - 1) / BUCKETS_STEP * BUCKETS_STEP;
}

/* Of a part, in so many bytes: equal shares, and one more, as there are two of a part
 * while it is swept. */
static uint64_t
share_of(uint64_t bytes)
{
	uint64_t n =
	    (bytes - sizeof(struct seen_table)) / (SEEN_PARTS + 1) / BUCKET_BYTES;

	n = n > BUCKETS_MAX ? BUCKETS_MAX : n / BUCKETS_STEP * BUCKETS_STEP;
	return n < BUCKETS_STEP ? BUCKETS_STEP : n;
}

static uint64_t
share(const struct seen_table *t)
{
	return t->bytes_max == 0 ? BUCKETS_MAX : share_of(t->bytes_max);
}

/* ... with what it may borrow. */
static uint64_t
most(const struct seen_table *t)
{
	return t->bytes_max == 0 ? BUCKETS_MAX : share_of(t->bytes_max + t->bytes_more);
}

/* What a part gets that has outgrown its first page.  Where there is a limit that is its share
 * at once; of a great share, which few crawls fill, a beginning. */
static uint64_t
leap(const struct seen_table *t, uint64_t want)
{
	if (t->bytes_max > 0 && want < BUCKETS_LEAP)
		want = BUCKETS_LEAP;
	return want > share(t) ? share(t) : want;
}

/* 0: that is too many. */
static uint32_t
more_buckets(const struct seen_table *t, const struct seen_part *p)
{
	uint64_t want = round_buckets((uint64_t)p->buckets + p->buckets / 4 + 1);

	/* Beyond all that it may have it grows because it must. */
	if (p->buckets > 0 && p->buckets < share(t))
		want = leap(t, want);
	else if (p->buckets < most(t) && want > most(t))
		want = most(t);
	return want > BUCKETS_MAX ? 0 : (uint32_t)want;
}

static int
grow_to(struct seen_table *t, struct seen_part *p, uint32_t buckets)
{
	struct seen_part bigger = {.buckets = buckets};

	if (part_alloc(&bigger) < 0)
		return -ENOMEM;
	if (p->words != NULL)
		move_words(&bigger, p);
	part_free(p);
	t->bytes += part_bytes(&bigger) - (p->words == NULL ? 0 : part_bytes(p));
	*p = bigger;
	return 0;
}

int
seen_table_grow(struct seen_table *t, uint64_t print)
{
	struct seen_part *p = part_of(t, print);
	uint32_t buckets = more_buckets(t, p);

	return buckets == 0 ? -ENOMEM : grow_to(t, p, buckets);
}

uint64_t
seen_table_growth(const struct seen_table *t, uint64_t print)
{
	const struct seen_part *p = part_of(t, print);
	uint32_t buckets = more_buckets(t, p);

	if (buckets == 0 || p->buckets >= most(t))
		return 0;
	return (uint64_t)(buckets - p->buckets) * BUCKET_BYTES;
}

/* Of a part among `n`: what each gets, and some more for those that get more. */
static uint64_t
buckets_for(uint64_t n)
{
	uint64_t each = n / SEEN_PARTS + n / SEEN_PARTS / 64 + 1;

	if (each > (uint64_t)BUCKETS_MAX * BUCKET * 9 / 10)
		return BUCKETS_MAX;
	return round_buckets(each * 10 / 9 / BUCKET + 1);
}

uint64_t
seen_table_lacks(const struct seen_table *t, uint64_t n)
{
	uint64_t buckets = buckets_for(n);

	if (t->bytes_max == 0 || buckets <= share(t))
		return 0;
	return (buckets - share(t)) * BUCKET_BYTES * (SEEN_PARTS + 1);
}

int
seen_table_reserve(struct seen_table *t, uint64_t n)
{
	uint64_t buckets = buckets_for(n);
	int r = 0;

	if (buckets > BUCKETS_STEP)
		buckets = leap(t, buckets);
	for (int i = 0; i < SEEN_PARTS && r == 0; i++)
		if (t->parts[i].buckets < buckets)
			r = grow_to(t, &t->parts[i], (uint32_t)buckets);
	return r;
}

/* At most nine tenths full: most buckets then hold all that belongs into them. */
static bool
is_full(const struct seen_part *p)
{
	return p->words == NULL || p->len >= (uint64_t)p->buckets * BUCKET * 9 / 10;
}

int
seen_table_add(struct seen_table *t, uint64_t print, uint8_t flags)
{
	struct seen_part *p = part_of(t, print);
	int r;

	if (is_full(p)) {
		/* The first page of each part is there whatever the budget. */
		if (p->buckets >= share(t))
			return -ENOSPC;
		r = seen_table_grow(t, print);
		if (r < 0)
			return r;
	}
	*place(p, word_of(print)) = word_of(print) | flags;
	p->len++;
	t->len++;
	return 0;
}

/* What is not kept elsewhere is written there, all of the part at once. */
static int
write_out(struct seen_part *p, unsigned number, seen_write_fn *write, void *ctx)
{
	uint64_t *end = p->words + (size_t)p->buckets * BUCKET;
	uint64_t *words = malloc(p->len * sizeof(*words));
	size_t n = 0;
	int r;

	if (words == NULL)
		return -ENOMEM;
	for (const uint64_t *w = p->words; w < end; w++)
		if (*w != 0 && (*w & SEEN_COLD) == 0)
			words[n++] = *w & ~(uint64_t)SEEN_HOT;
	r = write(ctx, number, words, n);
	free(words);
	if (r < 0)
		return r;
	for (uint64_t *w = p->words; w < end; w++)
		if (*w != 0)
			*w |= SEEN_COLD;
	return 0;
}

static uint32_t
count_cold(const struct seen_part *p)
{
	const uint64_t *end = p->words + (size_t)p->buckets * BUCKET;
	uint32_t n = 0;

	for (const uint64_t *w = p->words; w < end; w++)
		n += (*w & SEEN_COLD) != 0;
	return n;
}

/*
 * Marks up to `want` words, evenly over the part: fingerprints stay where their values put
 * them, and where none went new ones would pile up.  Words of a bucket are in the order in
 * which they came, and the first go first.
 */
static uint32_t
choose(struct seen_part *p, uint32_t want, bool hot_too)
{
	const uint64_t *end = p->words + (size_t)p->buckets * BUCKET;
	uint32_t chosen = 0, passed = 0;

	for (uint64_t *w = p->words; w < end; w++) {
		if (*w == 0)
			continue;
		passed++;
		if ((*w & SEEN_COLD) == 0 || (*w & SEEN_DROP) != 0 ||
		    ((*w & SEEN_HOT) != 0 && !hot_too))
			continue;
		if (chosen >= (uint64_t)passed * want / p->len)
			continue;
		*w |= SEEN_DROP;
		chosen++;
	}
	return chosen;
}

/* A quarter, of which nothing was met since the last sweep if there is as much of that. */
static uint32_t
choose_quarter(struct seen_part *p)
{
	const uint64_t *end = p->words + (size_t)p->buckets * BUCKET;
	uint32_t want = p->len / 4 + 1, chosen = choose(p, want, false);

	if (chosen < want)
		chosen += choose(p, want - chosen, true);
	for (uint64_t *w = p->words; w < end; w++)
		*w &= ~(uint64_t)SEEN_HOT;
	return chosen;
}

int
seen_table_sweep(struct seen_table *t, uint64_t print, seen_write_fn *write, void *ctx)
{
	struct seen_part *p = part_of(t, print), swept = {.buckets = p->buckets};
	uint32_t chosen;
	int r = 0;

	assert(p->len > 0);
	/* Writing costs as much as there is already: so seldom, and then all. */
	if (count_cold(p) <= p->len / 2)
		r = write_out(p, (unsigned)(print >> 56), write, ctx);
	if (r < 0)
		return r;
	if (part_alloc(&swept) < 0)
		return -ENOMEM;
	chosen = choose_quarter(p);
	move_words(&swept, p);
	part_free(p);
	t->len -= chosen;
	*p = swept;
	return 0;
}

void
seen_table_check(const struct seen_table *t)
{
	uint64_t len = 0, bytes = sizeof(*t);

	for (uint64_t i = 0; i < SEEN_PARTS; i++) {
		const struct seen_part *p = &t->parts[i];
		uint32_t used = 0;

		if (p->words == NULL)
			continue;
		for (size_t at = 0; at < (size_t)p->buckets * BUCKET; at++) {
			uint64_t w = p->words[at];

			if (w == 0)
				continue;
			used++;
			assert((w & SEEN_USED) != 0);
			assert((w & SEEN_DROP) == 0);
			assert(find_word(p, w) == &p->words[at]);
		}
		assert(used == p->len);
		len += used;
		bytes += part_bytes(p);
	}
	assert(len == t->len);
	assert(bytes == t->bytes);
}
