#include "frontier/inside.h"
#include "frontier/order.h"
#include <assert.h>

#include "base/banned.h"

/* URLs that wait in windows, by their hash, for orders in which they move. */

/* One that there is no memory for stays where it is. */
void
frontier_index(struct frontier *f, struct urlrec *rec)
{
	if (f->conf.order->given != NULL &&
	    !outset_has(&f->out, rec->authority_hash, rec->key))
		(void)umap_put(&f->by_url, rec->url_hash, rec);
}

void
frontier_unindex(struct frontier *f, const struct urlrec *rec)
{
	if (f->conf.order->given != NULL && umap_get(&f->by_url, rec->url_hash) == rec)
		(void)umap_take(&f->by_url, rec->url_hash);
}

const struct urlrec *
frontier_find(const struct frontier *f, uint64_t url_hash)
{
	return umap_get(&f->by_url, url_hash);
}

uint64_t
frontier_raised_key(const struct frontier *f, const struct urlrec *r, int16_t priority)
{
	struct urlrec raised = *r;

	raised.priority = priority;
	return f->conf.order->key(&raised, order_seq(r->key));
}

void
frontier_raise(
    struct frontier *f, const struct urlrec *r, int16_t priority, int64_t now_ms)
{
	struct hostq *h = frontier_host_get(f, r->authority_hash);
	struct urlrec *rec = umap_get(&f->by_url, r->url_hash);
	uint64_t key = frontier_raised_key(f, r, priority);
	int err;

	assert(rec == r && h != NULL);
	assert(key < rec->key); /* what is beyond the window stays beyond */
	(void)window_take(&h->window, rec->key);
	rec->key = key;
	rec->priority = priority;
	/* There is room, and nobody else has its number in the key. */
	err = window_insert(&h->window, rec);
	assert(err == 0);
	frontier_place(f, h, now_ms);
}
