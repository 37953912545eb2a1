#include "frontier/seen.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/banned.h"

/*
 * 256 parts, chosen by the top 8 bits of the hash, so that growing stops the caller for
 * one part only.  Within a part a fingerprint belongs at a place in proportion to its
 * next 32 bits: any size will do (parts grow by half, not to the double), and growing
 * reads and writes both tables from front to back.  Linear probing; nothing is ever taken
 * out.
 */
enum { PARTS = 256, CAP_MIN = 16 };

struct part {
	uint64_t *print; /* 0: free */
	uint8_t *state;  /* enum outcome */
	uint32_t len, cap;
};

struct seen {
	struct part part[PARTS];
	uint64_t len, memory_bytes;
};

_Static_assert(OUTCOME_MAX <= UINT8_MAX, "a state is a byte");

int
seen_new(struct seen **ret)
{
	struct seen *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->memory_bytes = sizeof(*s);
	*ret = s;
	return 0;
}

void
seen_free(struct seen *s)
{
	if (s == NULL)
		return;
	for (int i = 0; i < PARTS; i++) {
		free(s->part[i].print);
		free(s->part[i].state);
	}
	free(s);
}

/* 0 means free: the one URL in 2^64 that has it shares a fingerprint with another. */
static uint64_t
print_of(uint64_t url_hash)
{
	return url_hash == 0 ? 1 : url_hash;
}

static uint32_t
part_of(uint64_t print)
{
	return (uint32_t)(print >> 56);
}

/* Where it is, or the free place where it belongs. */
static uint32_t
probe(const struct part *p, uint64_t print)
{
	uint64_t share = (print >> 24) & UINT32_MAX;
	uint32_t at = (uint32_t)((share * p->cap) >> 32);

	while (p->print[at] != 0 && p->print[at] != print)
		at = at + 1 == p->cap ? 0 : at + 1;
	return at;
}

static int
grow(struct seen *s, struct part *p)
{
	struct part bigger = {.len = p->len};

	if (p->cap > UINT32_MAX / 2)
		return -ENOMEM;
	bigger.cap = p->cap == 0 ? CAP_MIN : p->cap + p->cap / 2;
	bigger.print = calloc(bigger.cap, sizeof(*bigger.print));
	if (bigger.print == NULL)
		return -ENOMEM;
	bigger.state = calloc(bigger.cap, 1);
	if (bigger.state == NULL) {
		free(bigger.print);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < p->cap; i++) {
		uint32_t at;

		if (p->print[i] == 0)
			continue;
		at = probe(&bigger, p->print[i]);
		bigger.print[at] = p->print[i];
		bigger.state[at] = p->state[i];
	}
	free(p->print);
	free(p->state);
	s->memory_bytes += (uint64_t)(bigger.cap - p->cap) * (sizeof(*p->print) + 1);
	*p = bigger;
	return 0;
}

/* Rejected for a reason that another way to the same URL may not have. */
static bool
may_be_overruled(enum outcome o)
{
	return o == OUTCOME_OUT_OF_SCOPE || o == OUTCOME_DEPTH || o == OUTCOME_BUDGET;
}

int
seen_add(struct seen *s, uint64_t url_hash, enum outcome state, enum seen_add *ret,
    enum outcome *ret_was)
{
	uint64_t print = print_of(url_hash);
	struct part *p = &s->part[part_of(print)];
	enum outcome was;
	uint32_t at;

	assert(state < OUTCOME_MAX);
	/* At most four fifths full. */
	if (p->len >= p->cap / 5 * 4 && grow(s, p) < 0)
		return -ENOMEM;
	at = probe(p, print);
	if (p->print[at] == 0) {
		p->print[at] = print;
		p->state[at] = (uint8_t)state;
		p->len++;
		s->len++;
		*ret = SEEN_NEW;
		return 0;
	}
	was = (enum outcome)p->state[at];
	if (state != OUTCOME_NONE || !may_be_overruled(was)) {
		*ret = SEEN_KNOWN;
		return 0;
	}
	p->state[at] = OUTCOME_NONE;
	*ret = SEEN_UPGRADED;
	*ret_was = was;
	return 0;
}

/* The state of a URL, or NULL. */
static uint8_t *
find(const struct seen *s, uint64_t url_hash)
{
	uint64_t print = print_of(url_hash);
	const struct part *p = &s->part[part_of(print)];
	uint32_t at;

	if (p->cap == 0)
		return NULL;
	at = probe(p, print);
	return p->print[at] == 0 ? NULL : &p->state[at];
}

void
seen_set(struct seen *s, uint64_t url_hash, enum outcome state)
{
	uint8_t *at = find(s, url_hash);

	assert(state < OUTCOME_MAX);
	if (at != NULL)
		*at = (uint8_t)state;
}

bool
seen_get(const struct seen *s, uint64_t url_hash, enum outcome *ret)
{
	const uint8_t *at = find(s, url_hash);

	if (at == NULL)
		return false;
	*ret = (enum outcome) * at;
	return true;
}

uint64_t
seen_len(const struct seen *s)
{
	return s->len;
}

uint64_t
seen_memory_bytes(const struct seen *s)
{
	return s->memory_bytes;
}
