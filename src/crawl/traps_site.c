#include "crawl/traps_int.h"
#include <errno.h>
#include <stdio.h>

/*
 * The hosts of a site.  A name server that knows every name, and pages that link to new
 * names, make up hosts as others make up paths.  Of a host its first pages count: one that
 * no other host of the site has shown speaks for it for good.
 *
 * A host in record.hosts: all but the last 8 bits of its hash, how many of its pages were
 * looked at, and whether one of them was its own.  Of more than SITE_HOSTS_MAX the oldest are
 * forgotten.
 */

enum {
	HOST_PAGES =
	    4, /* that are looked at: large hosts do not displace what others have */
	HOST_OWN = 0x80,
	UNIQUE_PART = 4, /* of the limit: what a host with something new makes good */
	LIMIT_PART = 8,  /* of such hosts: what the limit grows by */
};
#define HOST_FLAGS UINT64_C(0xff)

uint64_t
trap_site_hash(const struct url *u, uint64_t seed)
{
	return url_hash(url_site(url_host(u)), seed);
}

static uint64_t *
host_find(struct trap_record *r, uint64_t authority_hash)
{
	for (uint32_t i = 0; i < r->hosts_len; i++)
		if (((r->hosts[i] ^ authority_hash) & ~HOST_FLAGS) == 0)
			return &r->hosts[i];
	return NULL;
}

/* NULL: out of memory. */
static uint64_t *
host_take(struct traps *t, struct trap_record *r, uint64_t authority_hash)
{
	uint64_t *host = host_find(r, authority_hash);

	if (host != NULL)
		return host;
	if (trap_hosts_room(t, r) < 0)
		return NULL;
	if (r->hosts_len < r->hosts_cap) {
		host = &r->hosts[r->hosts_len++];
	} else {
		if (r->hosts_at >= r->hosts_len)
			r->hosts_at = 0;
		host = &r->hosts[r->hosts_at++];
	}
	*host = authority_hash & ~HOST_FLAGS;
	return host;
}

struct trap_record *
trap_site_closed(struct traps *t, const struct trap_link *l)
{
	uint64_t site, *host;
	struct trap_record *r;

	if (t->closed_of[TRAP_KIND_SITE] == 0)
		return NULL;
	site = trap_site_hash(l->url, t->conf.hash_seed);
	r = umap_get(&t->by_id, trap_id(TRAP_KIND_SITE, site, 0));
	if (r == NULL || !r->closed)
		return NULL;
	host = host_find(r, l->authority_hash);
	return host != NULL && (*host & HOST_OWN) != 0 ? NULL : r;
}

static int
site_take(struct traps *t, const struct trap_link *l, struct trap_record **ret)
{
	uint64_t site = trap_site_hash(l->url, t->conf.hash_seed);
	uint64_t id = trap_id(TRAP_KIND_SITE, site, 0);
	char text[TRAP_PATTERN_MAX];

	*ret = trap_find(t, id);
	if (*ret != NULL)
		return 0;
	trap_shrink(t, site);
	(void)snprintf(text, sizeof(text), "*." SLICE_FMT,
	    SLICE_ARG(slice_head(url_site(url_host(l->url)), TRAP_PATTERN_MAX - 4)));
	return trap_make(t, TRAP_KIND_SITE, site, id, text, ret);
}

static void
host_is_good(struct traps *t, struct trap_record *r, uint64_t *host, bool was_counted)
{
	uint32_t good = (uint32_t)(t->conf.hosts / UNIQUE_PART) + was_counted;

	*host |= HOST_OWN;
	r->uniques++;
	r->score -= r->score < good ? r->score : good;
}

int
traps_learn_site(struct traps *t, const struct trap_link *l, const struct trap_page *page,
    bool is_spared)
{
	struct trap_record *r;
	uint64_t *host;
	bool is_new, is_copy;
	int err;

	if (t->conf.hosts == INT64_MAX ||
	    (page->shape == 0 && !page->is_bare && !is_spared))
		return 0;
	err = site_take(t, l, &r);
	if (err < 0)
		return err;
	host = host_take(t, r, l->authority_hash);
	if (host == NULL)
		return -ENOMEM;
	if ((*host & (HOST_OWN - 1)) == HOST_PAGES || r->pages == UINT32_MAX)
		return 0;
	is_new = (*host & HOST_FLAGS) == 0;
	is_copy = page->is_bare || trap_has_print(r, page->shape);
	(*host)++;
	r->pages += is_new;
	trap_changed(t, r);
	if (!is_copy)
		err = trap_add_print(t, r, page->shape);
	if ((*host & HOST_OWN) != 0)
		return err;
	if (is_spared || !is_copy)
		host_is_good(t, r, host, !is_new);
	else if (is_new && ++r->score >= t->conf.hosts + r->uniques / LIMIT_PART &&
		 !r->closed)
		trap_close(t, r);
	return err;
}
