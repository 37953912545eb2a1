#include "observe/report_int.h"

#include "base/banned.h"

/*
 * Redirects laid end to end, of which there may be more than memory should hold.
 *
 * From every redirect somebody sets out and goes on by one redirect a round, all of them
 * together: those who walk are sorted by where they stand, redirects by where they lead
 * from, and one pass over both moves everybody.  Who finds no redirect has reached an end;
 * who is back where the walk began has found a loop, told by the one who began where it
 * was met first.  Who walks for REPORT_CHAIN_LENGTH_MAX rounds will not arrive.
 */

struct edge {
	uint64_t from, to, at;
};

struct walker {
	uint64_t cur, start, first_at, last_at;
	uint64_t least_at; /* of the redirects that were passed */
	uint32_t length;
	bool begins; /* no redirect leads to its start */
};

struct chain_sorter {
	struct sorter *edges, *targets;
};

/* The later one first: a page that was asked again may lead elsewhere. */
static int
by_from(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;
	int c = REPORT_COMPARE(x->from, y->from);

	return c == 0 ? REPORT_COMPARE(y->at, x->at) : c;
}

static int
by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return REPORT_COMPARE(*x, *y);
}

static int
by_place(const void *a, const void *b)
{
	const struct walker *x = a, *y = b;
	int c = REPORT_COMPARE(x->cur, y->cur);

	return c == 0 ? REPORT_COMPARE(x->first_at, y->first_at) : c;
}

static int
by_length(const void *a, const void *b)
{
	const struct report_chain *x = a, *y = b;
	int c = REPORT_COMPARE(y->length, x->length);

	return c == 0 ? REPORT_COMPARE(x->first_at, y->first_at) : c;
}

int
chain_sorter_new(const struct making *m, struct chain_sorter **ret)
{
	struct chain_sorter *c = calloc(1, sizeof(*c));
	int r = c == NULL ? -ENOMEM
			  : making_sorter(m, sizeof(struct edge), by_from, &c->edges);

	if (r == 0)
		r = making_sorter(m, sizeof(uint64_t), by_number, &c->targets);
	if (r < 0) {
		chain_sorter_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void
chain_sorter_free(struct chain_sorter *c)
{
	if (c == NULL)
		return;
	sorter_free(c->edges);
	sorter_free(c->targets);
	free(c);
}

int
chain_sorter_add(struct chain_sorter *c, uint64_t from, uint64_t to, uint64_t at)
{
	struct edge e = {from, to, at};
	int r = sorter_add(c->edges, &e);

	return r == 0 ? sorter_add(c->targets, &to) : r;
}

/* ---- walking ---- */

struct walk {
	const struct making *m;
	struct report_chains *found;
	struct sorter *edges, *walkers; /* of the next round */
	uint64_t walking;
};

static int
round_begin(struct walk *w)
{
	int r = making_sorter(w->m, sizeof(struct edge), by_from, &w->edges);

	w->walking = 0;
	return r == 0 ? making_sorter(w->m, sizeof(struct walker), by_place, &w->walkers)
		      : r;
}

static void
keep_chain(struct walk *w, const struct walker *k)
{
	struct report_chain c = {
	    .length = k->length, .first_at = k->first_at, .last_at = k->last_at};

	if (!k->begins)
		return;
	w->found->total++;
	w->found->by_length[k->length]++;
	top_add(&w->found->longest, &c);
}

static void
keep_loop(struct walk *w, const struct walker *k)
{
	struct report_chain c = {
	    .length = k->length, .first_at = k->first_at, .last_at = k->last_at};

	if (k->least_at != k->first_at)
		return;
	w->found->loops_total++;
	top_add(&w->found->loops, &c);
}

static int
take_step(struct walk *w, struct walker *k, const struct edge *e)
{
	k->length++;
	k->last_at = e->at;
	k->cur = e->to;
	k->least_at = k->least_at < e->at ? k->least_at : e->at;
	if (k->cur == k->start) {
		keep_loop(w, k);
		return 0;
	}
	if (k->length == REPORT_CHAIN_LENGTH_MAX) {
		keep_chain(w, k);
		return 0;
	}
	w->walking++;
	return sorter_add(w->walkers, k);
}

/* Everybody from the redirect where they are. */
static int
set_out(struct chain_sorter *c, struct walk *w)
{
	uint64_t target = 0, last = 0;
	bool first = true;
	struct edge e;
	int more, have, r = sorter_sort(c->edges);

	if (r == 0)
		r = sorter_sort(c->targets);
	if (r < 0)
		return r;
	have = sorter_next(c->targets, &target);
	while ((more = sorter_next(c->edges, &e)) > 0 && r == 0 && have >= 0) {
		struct walker k = {.start = e.from, .least_at = e.at, .first_at = e.at};

		if (!first && e.from == last)
			continue;
		first = false;
		last = e.from;
		w->found->redirects++;
		while (have > 0 && target < e.from)
			have = sorter_next(c->targets, &target);
		k.begins = have == 0 || target != e.from;
		r = sorter_add(w->edges, &e);
		if (r == 0)
			r = take_step(w, &k, &e);
	}
	return more < 0 ? more : have < 0 ? have : r;
}

static int
walk_on(struct walk *w, struct sorter *edges, struct sorter *walkers)
{
	struct edge e = {0};
	struct walker k;
	int more, have, r = sorter_sort(edges);

	if (r == 0)
		r = sorter_sort(walkers);
	if (r < 0)
		return r;
	have = sorter_next(edges, &e);
	if (have > 0)
		r = sorter_add(w->edges, &e);
	while ((more = sorter_next(walkers, &k)) > 0 && r == 0 && have >= 0) {
		while (r == 0 && have > 0 && e.from < k.cur) {
			have = sorter_next(edges, &e);
			if (have > 0)
				r = sorter_add(w->edges, &e);
		}
		if (r == 0 && have > 0 && e.from == k.cur)
			r = take_step(w, &k, &e);
		else if (have == 0 || e.from != k.cur)
			keep_chain(w, &k);
	}
	while (r == 0 && have > 0 && (have = sorter_next(edges, &e)) > 0)
		r = sorter_add(w->edges, &e);
	return more < 0 ? more : have < 0 ? have : r;
}

static int
walk_all(struct chain_sorter *c, struct walk *w)
{
	int r = round_begin(w);

	if (r == 0)
		r = set_out(c, w);
	while (r == 0 && w->walking > 0) {
		struct sorter *edges = w->edges, *walkers = w->walkers;

		w->edges = w->walkers = NULL;
		r = round_begin(w);
		if (r == 0)
			r = walk_on(w, edges, walkers);
		sorter_free(edges);
		sorter_free(walkers);
	}
	sorter_free(w->edges);
	sorter_free(w->walkers);
	return r;
}

/* ---- texts ---- */

static int
copy_text(struct making *m, struct slice json, struct slice *ret)
{
	int r;

	buf_clear(&m->plain);
	r = pageline_text(&m->plain, json);
	if (r == 0 && !arena_copy(&m->r->texts, buf_slice(&m->plain), ret))
		r = -ENOMEM;
	return r == -EBADMSG ? 0 : r;
}

static int
line_text(struct making *m, uint64_t at, bool target, struct slice *ret)
{
	struct pageline page;
	struct slice text;
	int r = logfile_line(&m->logs[REPORT_PAGES], at, &text);

	if (r < 0 || !pageline_parse(text, &page))
		return r == -ENODATA ? 0 : r;
	return copy_text(m, target ? page.redirect_to : page.url, ret);
}

static int
name_chains(struct making *m, struct top *t)
{
	int r = 0;

	for (size_t i = 0; i < t->len && r == 0; i++) {
		struct report_chain *c = top_at(t, i);

		r = line_text(m, c->first_at, false, &c->url);
		if (r == 0)
			r = line_text(m, c->last_at, true, &c->to);
		if (r < 0 || m->in == NULL || c->to.len == 0)
			continue;
		r = inspect_outcome(m->in, c->to, &c->to_outcome, m->why);
		c->to_known = r == 0;
		r = r == -ENOENT ? 0 : r;
	}
	return r;
}

int
chain_sorter_finish(struct chain_sorter *c, struct making *m)
{
	struct report_chains *found = &m->r->chains;
	struct walk w = {.m = m, .found = found};
	size_t bytes = sizeof(struct report_chain);
	int r = top_init(&found->longest, bytes, REPORT_CHAINS_MAX, by_length);

	if (r == 0)
		r = top_init(&found->loops, bytes, REPORT_CHAINS_MAX, by_length);
	if (r == 0)
		r = walk_all(c, &w);
	if (r == 0)
		r = name_chains(m, &found->longest);
	return r == 0 ? name_chains(m, &found->loops) : r;
}
