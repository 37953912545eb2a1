#include "crawl/crawl_internal.h"
#include <errno.h>
#include <stdlib.h>

/*
 * With an order that has `given`, a page gives something to what it links to: the store
 * thread to what is new, by its commit, and we here to what waits.  Only we know what is in
 * a window and was not handed out; so the new place is told to the store thread, by a mail
 * of its own, before anything else of that URL can be.
 */

/* Mails; past that what a page gives to those that wait is lost. */
enum { RAISES_MAX = 64 };

static int
raise_one(struct crawl *c, const struct commit *m, const struct found_link *l,
    struct commit *raise)
{
	const struct urlrec *r = frontier_find(c->frontier, l->url_hash);
	struct urlrec as;
	int err;

	if (r == NULL)
		return 0;
	as = *r;
	as.priority = c->order->given(r, m->rec, m->links_len, r->url);
	if (as.priority <= r->priority)
		return 0;
	as.key = frontier_raised_key(c->frontier, r, as.priority);
	as.not_before_ms = 0; /* there it would be wall time; it was not tried */
	err = commit_raised(raise, &as, r->key);
	if (err < 0)
		return err;
	frontier_raise(c->frontier, r, as.priority, loop_now_ms(c->loop));
	return 0;
}

static int
raise_all(struct crawl *c, const struct commit *m, struct commit **ret)
{
	int r = 0;

	for (uint32_t i = 0; i < m->links_len && r == 0; i++) {
		if (m->links[i].verdict != OUTCOME_NONE)
			continue;
		if (*ret == NULL) {
			*ret = malloc(sizeof(**ret));
			if (*ret == NULL)
				return -ENOMEM;
			commit_init(*ret, COMMIT_RAISE, c);
		}
		r = raise_one(c, m, &m->links[i], *ret);
	}
	return r == -EMSGSIZE ? 0 : r; /* it is full: the others stay where they are */
}

int
crawl_raise(struct crawl *c, const struct commit *m)
{
	struct commit *raise = NULL;
	int r, sent = -1;

	if (c->order->given == NULL || m->kind != COMMIT_DONE || m->rec == NULL ||
	    c->raises >= RAISES_MAX)
		return 0;
	r = raise_all(c, m, &raise);
	/* Those that moved are told of, whatever happened then. */
	if (raise != NULL && raise->raised.len > 0) {
		sent = committer_send(c->committer, raise);
		r = sent < 0 ? sent : r;
	}
	if (sent == 0) {
		c->commits++;
		c->raises++;
	} else if (raise != NULL) {
		commit_release(raise);
		free(raise);
	}
	return r;
}
