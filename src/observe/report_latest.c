#include "observe/report_int.h"

#include "base/banned.h"

/*
 * A page may be fetched more than once, in another run or when it is due again: what holds
 * of it is what came last.  So lines are sorted by URL, and of each URL the last one counts;
 * one that says `not modified` leaves the contents that came before.
 */

static int
by_url(const void *a, const void *b)
{
	const struct latest_note *x = a, *y = b;
	int c = REPORT_COMPARE(x->url, y->url);

	return c == 0 ? REPORT_COMPARE(x->at, y->at) : c;
}

int
latest_new(const struct making *m, struct sorter **ret)
{
	return making_sorter(m, sizeof(struct latest_note), by_url, ret);
}

static void
take_later(struct latest_note *n, const struct latest_note *later)
{
	struct latest_note old = *n;

	*n = *later;
	if (!later->same_contents)
		return;
	n->contents_at = old.contents_at;
	n->digest = old.digest;
	n->bytes = old.bytes;
	n->simhash = old.simhash;
	n->has_simhash = old.has_simhash;
	n->is_page = old.is_page;
	n->to = old.to;
	n->redirects = old.redirects;
}

int
latest_each(struct sorter *s, latest_fn *fn, void *ctx)
{
	struct latest_note n, last = {.url = 0};
	bool any = false;
	int r = sorter_sort(s), more = 0;

	while (r == 0 && (more = sorter_next(s, &n)) > 0) {
		n.contents_at = n.at;
		if (any && n.url == last.url) {
			take_later(&last, &n);
			continue;
		}
		if (any)
			r = fn(ctx, &last);
		any = true;
		last = n;
	}
	if (r == 0 && more == 0 && any)
		r = fn(ctx, &last);
	return more < 0 ? more : r;
}
