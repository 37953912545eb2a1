#include <errno.h>

#include "frontier/hostrec.h"
#include "frontier/inside.h"

#include "base/banned.h"

/* What survives of a host, and how it comes back: without records, without rules; both
 * are read when its turn is near. */

int
frontier_host_save(const struct frontier *f, uint64_t authority_hash,
    const struct frontier_now *now, struct buf *out)
{
	const struct hostq *h = umap_get(&f->hosts, authority_hash);

	return h == NULL ? 0 : hostrec_encode(h, now, out);
}

struct slice
frontier_host_rules(const struct frontier *f, uint64_t authority_hash)
{
	const struct hostq *h = umap_get(&f->hosts, authority_hash);

	return h == NULL ? ((struct slice){0}) : slice_of(h->rules, h->rules_len);
}

void
frontier_rules_stored(struct frontier *f, uint64_t authority_hash)
{
	struct hostq *h = frontier_host_get(f, authority_hash);

	if (h != NULL)
		h->rules_stored = h->rules != NULL;
}

/* Its Crawl-delay holds until then. */
static void
forget_old_robots(struct hostq *h, const struct frontier_conf *conf)
{
	if (conf->robots_since_ms == 0 || h->robots != HOSTQ_ROBOTS_KNOWN ||
	    h->robots_until_ms - conf->robots_ttl_ms >= conf->robots_since_ms)
		return;
	h->robots = HOSTQ_ROBOTS_UNKNOWN;
	h->rules_away = false;
}

int
frontier_restore(struct frontier *f, uint64_t authority_hash, struct slice saved,
    uint64_t queued, const struct frontier_now *now)
{
	struct hostrec_brief brief = {.authority = {0}};
	struct hostq *h;
	int r = saved.len == 0 ? 0 : hostrec_brief(saved, &brief);

	if (r == 0 && frontier_host_get(f, authority_hash) != NULL)
		r = -EEXIST;
	if (r == 0)
		r = frontier_host_new(
		    f, authority_hash, brief.authority, now->mono_ms, &h);
	if (r < 0)
		return r;
	f->hosts_bytes -= hostq_bytes(h);
	if (saved.len > 0)
		(void)hostrec_decode(saved, now, h); /* the brief was read: it is whole */
	f->hosts_bytes += hostq_bytes(h);
	forget_old_robots(h, &f->conf);
	hostq_asked(h, &f->conf);
	if (queued > 0) {
		h->beyond = queued;
		h->high_key = 0; /* no record has it */
		f->queued += queued;
	}
	frontier_place(f, h, now->mono_ms);
	return 0;
}

int
frontier_rules(
    struct frontier *f, uint64_t authority_hash, struct slice rules, int64_t now_ms)
{
	struct hostq *h = frontier_host_get(f, authority_hash);
	size_t before;
	int r;

	if (h == NULL)
		return 0;
	before = h->rules_len;
	r = hostq_rules_came(h, rules);
	f->hosts_bytes = f->hosts_bytes - before + h->rules_len;
	frontier_place(f, h, now_ms);
	return r;
}
