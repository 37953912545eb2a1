#include "crawl/traps_int.h"
#include <errno.h>
#include <stdlib.h>

/* Closed patterns, as the loop asks for them at the turn of a URL. */

enum { GATES_MAX = 1 << 16 };

void
trap_gates_init(struct trap_gates *g, uint64_t hash_seed)
{
	umap_init(&g->closed, GATES_MAX);
	g->sites = 0;
	g->seed = hash_seed;
}

void
trap_gates_release(struct trap_gates *g)
{
	uint64_t id;
	void *c;

	for (size_t i = 0; umap_at(&g->closed, &i, &id, &c);)
		free(c);
	umap_release(&g->closed);
}

int
trap_gates_add(struct trap_gates *g, const struct trap_closed *c)
{
	struct trap_closed *copy = malloc(sizeof(*copy));
	int err;

	if (copy == NULL)
		return -ENOMEM;
	*copy = *c;
	err = umap_put(&g->closed, c->id, copy);
	if (err < 0)
		free(copy);
	else
		g->sites += c->rule == TRAP_HOSTS;
	return err == -ENOMEM ? err : 0;
}

const struct trap_closed *
trap_gates_find(
    const struct trap_gates *g, uint64_t authority_hash, struct slice url, bool was_asked)
{
	const struct trap_closed *c;
	struct url_pattern p;
	struct url u;

	if (g->closed.len == 0 || !url_describe(url, &u))
		return NULL;
	url_pattern(&u, g->seed, &p);
	c = umap_get(&g->closed, trap_id(TRAP_KIND_PATTERN, authority_hash, p.whole));
	if (c == NULL)
		c = umap_get(&g->closed, trap_id(TRAP_KIND_TAIL, authority_hash,
					     url_pattern_tail(&u, g->seed, &p)));
	/* What has a pattern goes by that: whether it had different pages is not known here. */
	if (c == NULL && !p.varies)
		c = umap_get(&g->closed, trap_id(TRAP_KIND_HOST, authority_hash, 0));
	if (c == NULL && !was_asked && g->sites > 0)
		c = umap_get(
		    &g->closed, trap_id(TRAP_KIND_SITE, trap_site_hash(&u, g->seed), 0));
	return c;
}
