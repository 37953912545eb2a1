#include <errno.h>
#include <stdlib.h>

#include "frontier/inside.h"

#include "base/banned.h"

/*
 * What lies beyond a window is counted one by one as it is put there, so the count, not
 * the store's answer, says when nothing is left: a record that was counted but is not yet
 * in what the store can read is asked for again, a little later, and never given up.
 */
enum {
	REFILL_PAUSE_MS = 100,
	AHEAD_MS = 2000,    /* a host that waits longer needs no records yet */
	RECORD_BYTES = 512, /* of one in a window, about */
	WINDOW_MIN = 4,
};

/* With many hosts each gets less, so that all windows together stay within the limit, and less
 * again where records are larger than others: a URL may have 8 KiB, and so may its page's. */
uint32_t
frontier_window_max(const struct frontier *f)
{
	uint64_t hosts = f->hosts.len - f->places[HOSTQ_EMPTY], n;

	if (f->conf.memory_bytes == 0)
		return f->conf.window_max;
	n = f->conf.memory_bytes / RECORD_BYTES / (hosts > 0 ? hosts : 1);
	if (n > f->conf.window_max)
		n = f->conf.window_max;
	/* Twice, so that at most some twice as much as is meant to be is taken. */
	for (int i = 0; i < 2 && f->rec_bytes > f->conf.memory_bytes / 2; i++)
		n = n * (f->conf.memory_bytes / 2) / f->rec_bytes;
	return n < WINDOW_MIN ? WINDOW_MIN : (uint32_t)n;
}

/* Something is there that only the store has. */
static bool
lacks(const struct frontier *f, const struct hostq *h)
{
	if (h->rules_away && f->conf.robots && (h->window.len > 0 || h->beyond > 0))
		return true;
	return h->beyond > 0 && h->window.len <= frontier_window_max(f) / 4;
}

void
frontier_want(struct frontier *f, struct hostq *h, int64_t now_ms)
{
	if (h->wants || h->told || now_ms < h->refill_at_ms || !lacks(f, h))
		return;
	if (h->state.place == HOSTQ_WAITING && h->state.due_ms - now_ms > AHEAD_MS)
		return;
	h->wants = true;
	list_push(&f->wants, &h->on_wants);
}

bool
frontier_wants(struct frontier *f, struct frontier_want *ret)
{
	struct list *l;

	while ((l = list_pop(&f->wants)) != NULL) {
		struct hostq *h = container_of(l, struct hostq, on_wants);

		h->wants = false;
		if (!lacks(f, h))
			continue;
		h->told = true;
		*ret = (struct frontier_want){.authority_hash = h->authority_hash,
		    .after_key = h->high_key,
		    .max = frontier_window_max(f) - h->window.len,
		    .rules = h->rules_away && f->conf.robots};
		return true;
	}
	return false;
}

static int
keep_for_later(struct frontier *f, struct hostq *h, struct urlrec *rec)
{
	int r = outset_add(&f->out, rec->authority_hash, rec->key);

	return r < 0 ? r
		     : frontier_retry_later(f, h, rec, rec->not_before_ms, WAIT_RETRY);
}

/* Of a restored host that was never asked. */
int
frontier_host_name(struct frontier *f, struct hostq *h, struct slice authority)
{
	char *text;

	if (h->authority[0] != '\0' || authority.len == 0 ||
	    authority.len >= sizeof(((struct frontier_turn *)0)->authority))
		return 0;
	text = slice_dup(authority);
	if (text == NULL)
		return -ENOMEM;
	if (standing_named(f->manners, authority, h) < 0) {
		free(text);
		return -ENOMEM;
	}
	frontier_host_joined(f, h);
	free(h->authority);
	h->authority = text;
	f->hosts_bytes += authority.len;
	return 0;
}

/* 1: taken; 0: not wanted; negative: no memory. */
static int
take(struct frontier *f, struct hostq *h, const struct urlrec *r, int64_t now_ms)
{
	struct urlrec *rec;
	int err;

	if (outset_has(&f->out, r->authority_hash, r->key))
		return 0; /* handed out; the store does not know it yet */
	rec = urlrec_new(r);
	if (rec == NULL)
		return -ENOMEM;
	err = r->not_before_ms > now_ms ? keep_for_later(f, h, rec)
					: frontier_keep(f, h, rec);
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
			room = h->window.len < frontier_window_max(f);
			if (!room)
				break;
			r = frontier_host_name(f, h, urlrec_authority(&recs[i]));
			if (r == 0)
				r = take(f, h, &recs[i], now_ms);
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
