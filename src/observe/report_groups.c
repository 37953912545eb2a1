#include "observe/report_int.h"

#include "base/banned.h"

/*
 * Pages that are the same to the byte: one digest.  Pages that are nearly the same: texts
 * whose fingerprints (web/words.h) differ in NEAR_BITS bits at most, and what is near to
 * one of those.
 *
 * Of 64 bits in four parts, two fingerprints that differ in three bits have one part in
 * common: so they are sorted four times, each time by another part, and each is laid
 * beside the NEAR_WINDOW before it that have that part in common.
 */

enum {
	NEAR_BITS = 3,
	NEAR_PARTS = 4,
	NEAR_WINDOW = 256,
	NEAR_PAIRS_MAX = 1 << 16,
};

struct dup_note {
	uint64_t digest, at, bytes;
};
struct near_note {
	uint64_t simhash, digest, at;
};

/* All pages of one fingerprint; while they are compared, rotated so that the part that
 * counts comes first. */
struct near_value {
	uint64_t key, pages, digests;
	uint64_t at[REPORT_GROUP_URLS_MAX];
};

/* Fingerprints that have others near them, as trees of what belongs together. */
struct near_node {
	uint32_t parent;
	struct near_value sum; /* of roots */
};

struct group_sorter {
	struct sorter *dups, *near;
};

/* ---- orders ---- */

static int
by_digest(const void *a, const void *b)
{
	const struct dup_note *x = a, *y = b;
	int c = REPORT_COMPARE(x->digest, y->digest);

	return c == 0 ? REPORT_COMPARE(x->at, y->at) : c;
}

static int
by_simhash(const void *a, const void *b)
{
	const struct near_note *x = a, *y = b;
	int c = REPORT_COMPARE(x->simhash, y->simhash);

	if (c == 0)
		c = REPORT_COMPARE(x->digest, y->digest);
	return c == 0 ? REPORT_COMPARE(x->at, y->at) : c;
}

static int
by_value(const void *a, const void *b)
{
	const struct near_value *x = a, *y = b;

	return REPORT_COMPARE(x->key, y->key);
}

static int
by_redundant(const void *a, const void *b)
{
	const struct report_group *x = a, *y = b;
	uint64_t of_x = (x->pages - 1) * x->bytes, of_y = (y->pages - 1) * y->bytes;
	int c = REPORT_COMPARE(of_y, of_x);

	if (c == 0)
		c = REPORT_COMPARE(y->pages, x->pages);
	return c == 0 ? REPORT_COMPARE(x->at[0], y->at[0]) : c;
}

/* ---- notes ---- */

int
group_sorter_new(const struct making *m, struct group_sorter **ret)
{
	struct group_sorter *g = calloc(1, sizeof(*g));
	int r = g == NULL
		    ? -ENOMEM
		    : making_sorter(m, sizeof(struct dup_note), by_digest, &g->dups);

	if (r == 0)
		r = making_sorter(m, sizeof(struct near_note), by_simhash, &g->near);
	if (r < 0) {
		group_sorter_free(g);
		return r;
	}
	*ret = g;
	return 0;
}

void
group_sorter_free(struct group_sorter *g)
{
	if (g == NULL)
		return;
	sorter_free(g->dups);
	sorter_free(g->near);
	free(g);
}

int
group_sorter_page(struct group_sorter *g, uint64_t digest, uint64_t bytes, uint64_t at)
{
	struct dup_note n = {digest, at, bytes};

	return sorter_add(g->dups, &n);
}

int
group_sorter_simhash(
    struct group_sorter *g, uint64_t simhash, uint64_t digest, uint64_t at)
{
	struct near_note n = {simhash, digest, at};

	return sorter_add(g->near, &n);
}

/* ---- the same ---- */

static void
keep_group(struct report_groups *groups, const struct report_group *g)
{
	if (g->pages < 2)
		return;
	groups->total++;
	groups->pages += g->pages;
	groups->redundant_bytes += (g->pages - 1) * g->bytes;
	top_add(&groups->top, g);
}

static int
find_same(struct sorter *notes, struct report_groups *groups)
{
	struct report_group g = {.pages = 0};
	uint64_t digest = 0;
	struct dup_note n;
	int r = sorter_sort(notes), more;

	if (r < 0)
		return r;
	while ((more = sorter_next(notes, &n)) > 0) {
		if (g.pages > 0 && n.digest != digest) {
			keep_group(groups, &g);
			g = (struct report_group){.pages = 0};
		}
		digest = n.digest;
		g.bytes = n.bytes;
		if (g.pages < REPORT_GROUP_URLS_MAX)
			g.at[g.urls_len++] = n.at;
		g.pages++;
	}
	if (more == 0)
		keep_group(groups, &g);
	return more;
}

/* ---- nearly the same ---- */

struct near_pair {
	uint64_t a, b;
};

struct nearness {
	const struct making *m;
	struct report_groups *groups;
	struct sorter *parts[NEAR_PARTS], *values;
	struct near_pair *pairs;
	size_t pairs_len, nodes_len;
	struct umap at; /* fingerprint -> index of its node, and one */
	struct near_node *nodes;
	uint64_t window[NEAR_WINDOW]; /* keys */
};

static uint64_t
rotated(uint64_t v, unsigned bits)
{
	return bits == 0 ? v : v << bits | v >> (64 - bits);
}

static int
add_value(struct nearness *n, const struct near_value *v)
{
	struct near_value turned = *v;
	int r = sorter_add(n->values, v);

	for (unsigned i = 0; i < NEAR_PARTS && r == 0; i++) {
		turned.key = rotated(v->key, 16 * i);
		r = sorter_add(n->parts[i], &turned);
	}
	return r;
}

/* The first pages of those that were met so far, in order. */
static void
keep_first(struct near_value *v, uint64_t at, uint64_t met)
{
	size_t k = met < REPORT_GROUP_URLS_MAX ? (size_t)met : REPORT_GROUP_URLS_MAX - 1;

	if (met >= REPORT_GROUP_URLS_MAX && at >= v->at[k])
		return;
	for (; k > 0 && v->at[k - 1] > at; k--)
		v->at[k] = v->at[k - 1];
	v->at[k] = at;
}

/* Pages of one fingerprint become one value. */
static int
make_values(struct nearness *n, struct sorter *notes)
{
	struct near_value v = {.pages = 0};
	struct near_note note;
	uint64_t digest = 0;
	int r = sorter_sort(notes), more;

	if (r < 0)
		return r;
	while ((more = sorter_next(notes, &note)) > 0 && r == 0) {
		if (v.pages > 0 && v.key != note.simhash) {
			r = add_value(n, &v);
			v = (struct near_value){.pages = 0};
		}
		v.key = note.simhash;
		v.digests += v.pages == 0 || note.digest != digest;
		digest = note.digest;
		keep_first(&v, note.at, v.pages++);
	}
	if (more < 0 || r < 0)
		return more < 0 ? more : r;
	return v.pages > 0 ? add_value(n, &v) : 0;
}

static void
add_pair(struct nearness *n, uint64_t a, uint64_t b, unsigned turned)
{
	if (n->pairs_len == NEAR_PAIRS_MAX) {
		n->groups->partial = true;
		return;
	}
	n->pairs[n->pairs_len++] = (struct near_pair){
	    rotated(a, (64 - turned) % 64), rotated(b, (64 - turned) % 64)};
}

static int
find_pairs(struct nearness *n, unsigned part)
{
	struct sorter *s = n->parts[part];
	struct near_value v;
	size_t len = 0;
	int r = sorter_sort(s), more;

	if (r < 0)
		return r;
	while ((more = sorter_next(s, &v)) > 0) {
		if (len > 0 && n->window[(len - 1) % NEAR_WINDOW] >> 48 != v.key >> 48)
			len = 0;
		for (size_t i = 0; i < len && i < NEAR_WINDOW; i++)
			if (__builtin_popcountll(n->window[i] ^ v.key) <= NEAR_BITS)
				add_pair(n, n->window[i], v.key, 16 * part);
		n->groups->partial = n->groups->partial || len >= NEAR_WINDOW;
		n->window[len++ % NEAR_WINDOW] = v.key;
	}
	return more;
}

static uint32_t
root_of(struct nearness *n, uint32_t i)
{
	while (n->nodes[i].parent != i) {
		n->nodes[i].parent = n->nodes[n->nodes[i].parent].parent;
		i = n->nodes[i].parent;
	}
	return i;
}

static int
node_of(struct nearness *n, uint64_t simhash, uint32_t *ret)
{
	uintptr_t known = (uintptr_t)umap_get(&n->at, simhash);
	uint32_t i = (uint32_t)n->nodes_len;
	int r = 0;

	if (known == 0) {
		n->nodes[i] = (struct near_node){.parent = i};
		known = (uintptr_t)i + 1;
		/* A number, never followed. */
		r = umap_put(
		    &n->at, simhash, (void *)known); // NOLINT(performance-no-int-to-ptr)
		n->nodes_len++;
	}
	*ret = (uint32_t)(known - 1);
	return r;
}

static int
join_pairs(struct nearness *n)
{
	uint32_t a, b;
	int r = 0;

	for (size_t i = 0; i < n->pairs_len && r == 0; i++) {
		r = node_of(n, n->pairs[i].a, &a);
		if (r == 0)
			r = node_of(n, n->pairs[i].b, &b);
		if (r == 0)
			n->nodes[root_of(n, a)].parent = root_of(n, b);
	}
	return r;
}

static void
add_sum(struct near_value *sum, const struct near_value *v)
{
	for (size_t i = 0; i < v->pages && i < REPORT_GROUP_URLS_MAX; i++)
		keep_first(sum, v->at[i], sum->pages + i);
	sum->pages += v->pages;
	sum->digests += v->digests;
}

/* Copies to the byte are no news: there must be two that differ. */
static void
keep_near(struct nearness *n, const struct near_value *v)
{
	struct report_group g = {.pages = v->pages};

	if (v->digests < 2)
		return;
	while (g.urls_len < v->pages && g.urls_len < REPORT_GROUP_URLS_MAX) {
		g.at[g.urls_len] = v->at[g.urls_len];
		g.urls_len++;
	}
	keep_group(n->groups, &g);
}

static int
sum_groups(struct nearness *n)
{
	struct near_value v;
	int more;

	while ((more = sorter_next(n->values, &v)) > 0) {
		uintptr_t known = (uintptr_t)umap_get(&n->at, v.key);

		if (known == 0)
			keep_near(n, &v);
		else
			add_sum(&n->nodes[root_of(n, (uint32_t)(known - 1))].sum, &v);
	}
	for (uint32_t i = 0; more == 0 && i < n->nodes_len; i++)
		if (n->nodes[i].parent == i)
			keep_near(n, &n->nodes[i].sum);
	return more;
}

static int
nearness_run(struct nearness *n, struct sorter *notes)
{
	int r = making_sorter(n->m, sizeof(struct near_value), by_value, &n->values);

	for (unsigned i = 0; i < NEAR_PARTS && r == 0; i++)
		r = making_sorter(
		    n->m, sizeof(struct near_value), by_value, &n->parts[i]);
	n->pairs = calloc(NEAR_PAIRS_MAX, sizeof(*n->pairs));
	if (r == 0)
		r = n->pairs == NULL ? -ENOMEM : make_values(n, notes);
	for (unsigned i = 0; i < NEAR_PARTS && r == 0; i++)
		r = find_pairs(n, i);
	if (r < 0)
		return r;
	n->nodes = calloc(2 * n->pairs_len + 1, sizeof(*n->nodes));
	r = n->nodes == NULL ? -ENOMEM : join_pairs(n);
	if (r == 0)
		r = sorter_sort(n->values);
	return r == 0 ? sum_groups(n) : r;
}

static int
find_near(const struct making *m, struct sorter *notes, struct report_groups *groups)
{
	struct nearness *n = calloc(1, sizeof(*n));
	int r;

	if (n == NULL)
		return -ENOMEM;
	n->m = m;
	n->groups = groups;
	umap_init(&n->at, 2 * NEAR_PAIRS_MAX);
	r = nearness_run(n, notes);
	umap_release(&n->at);
	for (unsigned i = 0; i < NEAR_PARTS; i++)
		sorter_free(n->parts[i]);
	sorter_free(n->values);
	free(n->pairs);
	free(n->nodes);
	free(n);
	return r;
}

/* ---- texts ---- */

static int
page_url(struct making *m, uint64_t at, struct slice *ret)
{
	struct pageline page;
	struct slice text;
	int r = logfile_line(&m->logs[REPORT_PAGES], at, &text);

	if (r < 0 || !pageline_parse(text, &page))
		return r == -ENODATA ? 0 : r;
	buf_clear(&m->plain);
	r = pageline_text(&m->plain, page.url);
	if (r == 0 && !arena_copy(&m->r->texts, buf_slice(&m->plain), ret))
		r = -ENOMEM;
	return r == -EBADMSG ? 0 : r;
}

static int
log_url(struct making *m, uint64_t at, struct report_group *g, struct slice *ret)
{
	struct logline line;
	struct slice text;
	int r = logfile_line(&m->logs[REPORT_CRAWL_LOG], at, &text);

	if (r < 0 || !logline_parse(text, &line))
		return r == -ENODATA ? 0 : r;
	if (g->digest.len == 0 && !arena_copy(&m->r->texts, line.digest, &g->digest))
		return -ENOMEM;
	return making_text(m, line.url, ret);
}

static int
name_groups(struct making *m, struct top *t, bool near)
{
	int r = 0;

	for (size_t i = 0; i < t->len; i++) {
		struct report_group *g = top_at(t, i);

		for (size_t k = 0; k < g->urls_len && r == 0; k++)
			r = near ? page_url(m, g->at[k], &g->urls[k])
				 : log_url(m, g->at[k], g, &g->urls[k]);
	}
	return r;
}

int
group_sorter_finish(struct group_sorter *g, struct making *m)
{
	struct report_groups *same = &m->r->duplicates, *near = &m->r->near;
	size_t bytes = sizeof(struct report_group);
	int r = top_init(&same->top, bytes, REPORT_GROUPS_MAX, by_redundant);

	if (r == 0)
		r = top_init(&near->top, bytes, REPORT_GROUPS_MAX, by_redundant);
	if (r == 0)
		r = find_same(g->dups, same);
	if (r == 0)
		r = find_near(m, g->near, near);
	if (r == 0)
		r = name_groups(m, &same->top, false);
	return r == 0 ? name_groups(m, &near->top, true) : r;
}
