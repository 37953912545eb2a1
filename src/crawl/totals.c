#include "crawl/totals.h"
#include "base/wire.h"
#include "sink/checks.h"
#include <assert.h>
#include <errno.h>

enum { TOTALS_VERSION = 1 };

void
commit_counts_add(struct commit_counts *sum, const struct commit_counts *n)
{
	sum->discovered += n->discovered;
	sum->duplicates += n->duplicates;
	sum->wanted += n->wanted;
	sum->made_up_traps += n->made_up_traps;
	for (size_t o = 0; o < OUTCOME_MAX; o++)
		sum->rejected[o] += n->rejected[o];
}

/* What the links of a page changed. */
void
totals_links(struct crawl_totals *t, const struct commit_counts *n)
{
	t->discovered += n->discovered;
	t->duplicates += n->duplicates;
	t->queued += n->wanted;
	t->probes[OUTCOME_TRAP] += n->made_up_traps;
	for (size_t o = 0; o < OUTCOME_MAX; o++) {
		t->outcomes[o] += (uint64_t)(int64_t)n->rejected[o];
		t->rejected += (uint64_t)(int64_t)n->rejected[o];
	}
}

static uint64_t *
sum_of(struct crawl_totals *t, enum outcome o)
{
	switch (outcome_class(o)) {
	case OUTCOME_CLASS_FETCHED:
		return &t->fetched;
	case OUTCOME_CLASS_FAILED:
		return &t->failed;
	case OUTCOME_CLASS_REJECTED:
		return &t->rejected;
	case OUTCOME_CLASS_NONE:
		break;
	}
	assert(o != OUTCOME_NONE);
	return &t->queued;
}

void
totals_end(struct crawl_totals *t, const struct sink_event *e)
{
	t->queued--;
	t->outcomes[e->outcome]++;
	t->probes[e->outcome] += checks_made_up(e->check, e->hops);
	t->pages += e->response;
	(*sum_of(t, e->outcome))++;
}

void
totals_again(struct crawl_totals *t, enum outcome was, bool is_probe)
{
	(*sum_of(t, was))--;
	t->outcomes[was]--;
	t->probes[was] -= is_probe && t->probes[was] > 0; /* an older version has none */
	t->queued++;
}

bool
totals_hold(const struct crawl_totals *t)
{
	uint64_t ended = 0;

	for (size_t o = OUTCOME_NONE + 1; o < OUTCOME_MAX; o++)
		ended += t->outcomes[o];
	return ended == t->fetched + t->failed + t->rejected &&
	       t->discovered == ended + t->queued + t->in_flight;
}

int
totals_encode(const struct crawl_totals *t, struct buf *out)
{
	struct wire_out w = {.b = out};

	wire_u8(&w, TOTALS_VERSION);
	wire_u64(&w, t->discovered);
	wire_u64(&w, t->fetched);
	wire_u64(&w, t->failed);
	wire_u64(&w, t->rejected);
	wire_u64(&w, t->queued + t->in_flight);
	wire_u64(&w, t->duplicates);
	wire_u64(&w, t->pages);
	wire_u64(&w, t->attempts);
	wire_u64(&w, t->wire_bytes);
	wire_u64(&w, t->body_bytes);
	wire_u8(&w, OUTCOME_MAX);
	for (size_t o = 0; o < OUTCOME_MAX; o++)
		wire_u64(&w, t->outcomes[o]);
	for (size_t o = 0; o < OUTCOME_MAX; o++)
		wire_u64(&w, t->probes[o]);
	return w.err;
}

int
totals_decode(struct slice s, struct crawl_totals *ret)
{
	struct wire_in w = {.rest = s};
	struct crawl_totals t = {0};
	uint8_t outcomes;

	if (wire_get_u8(&w) != TOTALS_VERSION)
		return -EBADMSG;
	t.discovered = wire_get_u64(&w);
	t.fetched = wire_get_u64(&w);
	t.failed = wire_get_u64(&w);
	t.rejected = wire_get_u64(&w);
	t.queued = wire_get_u64(&w);
	t.duplicates = wire_get_u64(&w);
	t.pages = wire_get_u64(&w);
	t.attempts = wire_get_u64(&w);
	t.wire_bytes = wire_get_u64(&w);
	t.body_bytes = wire_get_u64(&w);
	outcomes = wire_get_u8(&w); /* an older version knew fewer */
	if (outcomes > OUTCOME_MAX)
		return -EBADMSG;
	for (size_t o = 0; o < outcomes; o++)
		t.outcomes[o] = wire_get_u64(&w);
	for (size_t o = 0; o < outcomes && w.rest.len > 0; o++) /* likewise */
		t.probes[o] = wire_get_u64(&w);
	if (w.bad || w.rest.len > 0)
		return -EBADMSG;
	*ret = t;
	return 0;
}
