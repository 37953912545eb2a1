#include <errno.h>

#include "frontier/inside.h"

#include "base/banned.h"

/*
 * What lies beyond a window is counted one by one as it is put there, so the count, not
 * the store's answer, says when nothing is left: a record that was counted but is not yet
 * in what the store can read is asked for again, a little later, and never given up.
 */
enum { REFILL_PAUSE_MS = 100 };

void
frontier_want(struct frontier *f, struct hostq *h, int64_t now_ms)
{
	if (h->beyond == 0 || h->wants || h->told || now_ms < h->refill_at_ms)
		return;
	if (h->window.len > f->conf.window_max / 4)
		return;
	h->wants = true;
	list_push(&f->wants, &h->on_wants);
}

bool
frontier_wants(struct frontier *f, uint64_t *ret_authority_hash, uint64_t *ret_after_key)
{
	struct list *l;

	while ((l = list_pop(&f->wants)) != NULL) {
		struct hostq *h = container_of(l, struct hostq, on_wants);

		h->wants = false;
		if (h->beyond == 0)
			continue;
		h->told = true;
		*ret_authority_hash = h->authority_hash;
		*ret_after_key = h->high_key;
		return true;
	}
	return false;
}

/* 1: taken; 0: not wanted; negative: no memory. */
static int
take(struct frontier *f, struct hostq *h, const struct urlrec *r)
{
	struct urlrec *rec;
	int err;

	if (outset_has(&f->out, r->authority_hash, r->key))
		return 0; /* handed out; the store does not know it yet */
	rec = urlrec_new(r);
	if (rec == NULL)
		return -ENOMEM;
	err = frontier_keep(f, h, rec);
	if (err == 0)
		return 1;
	urlrec_free(rec);
	return err == -EEXIST ? 0 : err;
}

int
frontier_refill(struct frontier *f, uint64_t authority_hash, uint64_t after_key,
    const struct urlrec *recs, size_t n, bool more, int64_t now_ms)
{
	struct hostq *h = frontier_host_get(f, authority_hash);
	bool fresh = false, room = true;
	int r = 0;

	if (h == NULL)
		return 0;
	h->told = false;
	if (h->beyond > 0 && after_key == h->high_key) {
		for (size_t i = 0; i < n && h->beyond > 0; i++) {
			/* From the disk: it may be anything. */
			if (recs[i].authority_hash != authority_hash ||
			    recs[i].key <= h->high_key)
				continue;
			room = h->window.len < f->conf.window_max;
			if (!room)
				break;
			r = take(f, h, &recs[i]);
			if (r < 0)
				break;
			h->high_key = recs[i].key;
			h->beyond -= (uint64_t)r;
			fresh = fresh || r > 0;
		}
		if (h->beyond == 0) {
			h->high_key = UINT64_MAX;
		} else if (r == 0 && !fresh && room && (n == 0 || !more)) {
			h->refill_at_ms = now_ms + REFILL_PAUSE_MS;
			h->high_key = 0; /* the least key never leaves the window */
		}
	}
	frontier_place(f, h, now_ms);
	return r < 0 ? r : 0;
}
