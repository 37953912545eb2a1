#include <assert.h>
#include <stdlib.h>

#include "frontier/inside.h"

#include "base/banned.h"

/* What came back from a host: the end of a request, the verdict of its robots.txt. */

enum { ADVANCE_MAX = 1000 };

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t
random_next(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void
frontier_done(struct frontier *f, uint64_t authority_hash,
    const struct frontier_report *rep, int64_t now_ms)
{
	struct hostq *h = frontier_host_get(f, authority_hash);

	assert(h != NULL);
	if (!h->robots_in_flight && !rep->guest) {
		assert(f->in_flight > 0);
		f->in_flight--;
	}
	manners_advance(f->manners, now_ms);
	hostq_ended(f->manners, h, &f->conf, rep, random_next(&f->random), now_ms);
	if (h->probes > 0) {
		h->probes--;
		gate_ended(f->manners, &f->probes);
	}
	if (rep->address != 0)
		standing_address(f->manners, h->standing, rep->address);
	frontier_place(f, h, now_ms);
}

int
frontier_robots(struct frontier *f, uint64_t authority_hash, enum frontier_robots what,
    struct slice rules, int64_t now_ms)
{
	struct hostq *h = frontier_host_get(f, authority_hash);
	size_t before;
	int r;

	assert(h != NULL);
	before = h->rules_len;
	r = hostq_robots_came(h, &f->conf, what, rules, now_ms);
	f->hosts_bytes = f->hosts_bytes - before + h->rules_len;
	frontier_place(f, h, now_ms);
	return r;
}

void
frontier_trouble_set(
    struct frontier *f, uint64_t authority_hash, struct slice text, int status)
{
	struct hostq *h = frontier_host_get(f, authority_hash);

	if (h == NULL || (h->trouble == NULL && text.len == 0))
		return;
	f->hosts_bytes -= hostq_bytes(h);
	free(h->trouble);
	h->trouble =
	    text.len == 0 ? NULL : slice_dup(slice_head(text, FRONTIER_TROUBLE_MAX));
	h->trouble_status = status;
	f->hosts_bytes += hostq_bytes(h);
}

struct slice
frontier_trouble(const struct frontier *f, uint64_t authority_hash, int *ret_status)
{
	const struct hostq *h = umap_get(&f->hosts, authority_hash);
	bool any = h != NULL && h->trouble != NULL;

	*ret_status = any ? h->trouble_status : 0;
	return any ? slice_cstr(h->trouble) : SLICE_LIT("");
}

void
frontier_in_hand(
    struct frontier *f, uint64_t authority_hash, int64_t bytes, int64_t now_ms)
{
	struct hostq *h = umap_get(&f->hosts, authority_hash);

	if (h == NULL) /* of a host that was never asked by this frontier */
		return;
	assert(bytes >= 0 || h->in_hand_bytes >= (uint64_t)-bytes);
	h->in_hand_bytes = (uint64_t)((int64_t)h->in_hand_bytes + bytes);
	frontier_place(f, h, now_ms);
}

void
frontier_settled(struct frontier *f, uint64_t authority_hash, uint64_t key)
{
	outset_remove(&f->out, authority_hash, key);
}

void
frontier_held(struct frontier *f, enum wait_cause c, int64_t now_ms)
{
	if (c == f->waits.held)
		return;
	/* What is due since then waited for what held it until now.  Out of memory here only
	 * leaves something for the next turn. */
	(void)frontier_advance(f, ADVANCE_MAX, now_ms);
	waits_hold(&f->waits, c, manners_now_ms(f->manners));
}
