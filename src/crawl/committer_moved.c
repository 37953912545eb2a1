#include "crawl/committer_internal.h"
#include "frontier/keys.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Where a seed is redirected to belongs to the crawl from then on; what was found before,
 * and lay outside then, is not to depend on who was faster.  So while a seed has no outcome
 * links that are out of scope are kept, up to FAR_MAX of them: in memory, and in the meta
 * table as "far/HASH".  When a seed moves they are judged anew; when the last one has its
 * outcome they are dropped.
 *
 * Workers learn of a new place a little later.  What they still call out of scope is
 * judged anew here as it comes.
 */

enum {
	FAR_MAX = 20000,
	FAR_BYTES_MAX = 64 << 10,
	FAR_FEW = 256,   /* are judged at each move */
	JUDGE_MS = 1000, /* between two times, if there are more */
	GRACE = 2000,    /* pages: more are never on their way from the workers */
};
#define FAR SLICE_LIT("far/")

struct far_key {
	char text[24];
};

static struct slice
far_key(struct far_key *k, uint64_t url_hash)
{
	(void)snprintf(k->text, sizeof(k->text), "far/%016" PRIx64, url_hash);
	return slice_cstr(k->text);
}

/* ---- which seeds are open ---- */

static int
is_open(struct committer *c, uint64_t authority_hash, uint64_t url_hash, bool *ret)
{
	enum outcome outcome = OUTCOME_NONE;
	int r = committer_seen(c, authority_hash, url_hash, &outcome);

	if (r < 0 && r != -ENOENT)
		return r;
	*ret = r == 0 && outcome == OUTCOME_NONE;
	return 0;
}

static int
on_root(void *ctx, struct slice url)
{
	struct committer *c = ctx;
	struct urlrec rec = {.url = url};
	uint64_t seed = scope_hash_seed(c->rules);
	bool open;
	int r = is_open(
	    c, url_hash(urlrec_authority(&rec), seed), url_hash(url, seed), &open);

	c->moved.seeds_open += r == 0 && open;
	return r;
}

int
committer_moved_seed(struct committer *c, const struct found_link *l)
{
	bool open;
	int r = is_open(c, l->authority_hash, l->url_hash, &open);

	c->moved.seeds_open += r == 0 && open;
	return r;
}

/* ---- what is kept ---- */

static bool
on_far(void *ctx, struct slice key, struct slice value)
{
	struct committer *c = ctx;
	struct urlrec rec, *copy;
	int r = urlrec_decode(value, &rec);

	(void)key;
	if (r == 0) {
		copy = urlrec_new(&rec);
		r = copy == NULL ? -ENOMEM : umap_put(&c->moved.far, rec.url_hash, copy);
		if (r < 0)
			urlrec_free(copy);
	}
	c->moved.err = r;
	return r == 0;
}

int
committer_moved_open(struct committer *c)
{
	int r;

	umap_init(&c->moved.far, FAR_MAX);
	r = store_scan(
	    c->store, STORE_META, FAR, (struct slice){0}, UINT32_MAX, on_far, c);
	if (r == 0)
		r = c->moved.err;
	/* The last run may have ended before it judged them by its last moves. */
	c->moved.changed = c->moved.far.len > 0;
	return r < 0 ? r : saved_roots(c->store, on_root, c);
}

void
committer_moved_release(struct committer *c)
{
	uint64_t hash;
	void *rec;

	for (size_t i = 0; umap_at(&c->moved.far, &i, &hash, &rec);)
		urlrec_free(rec);
	umap_release(&c->moved.far);
}

void
committer_moved_to(struct committer *c)
{
	c->moved.grace = GRACE;
	c->moved.changed = true;
}

bool
committer_moved_wants(const struct committer *c, const struct commit *m)
{
	return c->moved.seeds_open > 0 && m->rec != NULL &&
	       (m->rec->flags & URLREC_REQUISITE) == 0 && c->moved.far.len < FAR_MAX;
}

/* What a worker rejects it may call what it likes; what may be fetched one day may not. */
static bool
is_sound(const struct committer *c, const struct urlrec *rec)
{
	uint64_t seed = scope_hash_seed(c->rules);
	char text[URL_BYTES_MAX];
	struct url url;

	return url_resolve(NULL, rec->url, (struct slice){0}, 0, text, sizeof(text),
		   &url) == URL_OK &&
	       slice_eq(url_text(&url), rec->url) &&
	       url_hash(rec->url, seed) == rec->url_hash &&
	       url_hash(url_authority(&url), seed) == rec->authority_hash &&
	       (rec->flags & ~(unsigned)URLREC_PART) == 0;
}

int
committer_moved_keep(struct committer *c, const struct urlrec *rec)
{
	struct urlrec *copy;
	struct far_key key;
	struct buf value;
	int r;

	if (!is_sound(c, rec))
		return 0;
	copy = urlrec_new(rec);
	if (copy == NULL)
		return -ENOMEM;
	r = umap_put(&c->moved.far, rec->url_hash, copy);
	if (r < 0) {
		urlrec_free(copy);
		return r == -ENOMEM ? r : 0; /* it is there, or there are enough */
	}
	buf_init(&value, FAR_BYTES_MAX);
	r = urlrec_encode(rec, &value);
	if (r == 0)
		r = store_batch_put(c->batch, STORE_META, far_key(&key, rec->url_hash),
		    buf_slice(&value));
	buf_release(&value);
	return r;
}

/* The last seed has its outcome: no place is added any more. */
int
committer_moved_settled(struct committer *c)
{
	struct far_key key;
	uint64_t hash;
	void *rec;
	int r = 0;

	if (c->moved.seeds_open > 0 && --c->moved.seeds_open > 0)
		return 0;
	for (size_t i = 0; umap_at(&c->moved.far, &i, &hash, &rec);) {
		urlrec_free(rec);
		if (r == 0)
			r = store_batch_delete(c->batch, STORE_META, far_key(&key, hash));
	}
	umap_release(&c->moved.far);
	umap_init(&c->moved.far, FAR_MAX);
	return r;
}

/* ---- judging anew ---- */

bool
committer_moved_admits(const struct committer *c, const struct commit *m,
    const struct found_link *l, struct found_link *ret)
{
	char text[URL_BYTES_MAX];
	struct scope_verdict v;
	struct url url;

	if (c->moved.grace == 0 || m->rec == NULL ||
	    (l->verdict != OUTCOME_OUT_OF_SCOPE && (l->flags & URLREC_CHECK) == 0) ||
	    url_resolve(NULL, l->url, (struct slice){0}, 0, text, sizeof(text), &url) !=
		URL_OK)
		return false;
	scope_judge(c->rules,
	    &(struct scope_link){.url = &url,
		.kind = l->kind,
		.depth = m->rec->depth,
		.parent_flags = m->rec->flags,
		.redirects = m->rec->redirects},
	    &v);
	if (v.outcome != OUTCOME_NONE)
		return false;
	*ret = *l;
	ret->verdict = OUTCOME_NONE;
	ret->flags = v.flags;
	ret->redirects = v.redirects;
	ret->depth = v.depth;
	ret->priority = v.priority;
	return true;
}

/* It was rejected, and waits from now on. */
static int
bring_back(struct committer *c, struct commit *m, struct urlrec *rec)
{
	enum outcome was = OUTCOME_NONE;
	enum seen_add added;
	int r = seen_add(c->seen, rec->url_hash, OUTCOME_NONE, &added, &was);

	if (r < 0 || added != SEEN_UPGRADED)
		return r; /* another link brought it back already */
	m->counts.rejected[was]--;
	m->counts.wanted++;
	r = commit_wait(c, rec);
	if (r == 0)
		m->fresh[m->fresh_len++] = *rec;
	return r;
}

static int
room_for_all(struct commit *m, size_t n)
{
	struct urlrec *fresh = realloc(m->fresh, (m->fresh_len + n) * sizeof(*fresh));

	if (fresh != NULL)
		m->fresh = fresh;
	m->moved = calloc(n, sizeof(*m->moved));
	return fresh == NULL || m->moved == NULL ? -ENOMEM : 0;
}

/*
 * Where ten thousands of seeds move, and as many links are kept, each of these is not judged
 * for each of those: once a second for all that moved since, and before they are dropped.
 */
static bool
is_due(const struct committer *c)
{
	return c->moved.changed &&
	       (c->moved.far.len <= FAR_FEW || c->moved.seeds_open <= 1 ||
		   committer_now_ms(c) - c->moved.judged_ms >= JUDGE_MS);
}

int
committer_moved_judge(struct committer *c, struct commit *m)
{
	struct buf reason;
	uint64_t hash;
	void *rec;
	int r;

	if (!is_due(c))
		return 0;
	c->moved.changed = false;
	c->moved.judged_ms = committer_now_ms(c);
	if (c->moved.far.len == 0)
		return 0;
	r = room_for_all(m, c->moved.far.len);
	buf_init(&reason, 2 * URL_BYTES_MAX);
	for (size_t i = 0; r == 0 && umap_at(&c->moved.far, &i, &hash, &rec);)
		if (scope_judge_again(c->rules, rec, &reason) == OUTCOME_NONE)
			m->moved[m->moved_len++] = rec;
	buf_release(&reason);
	for (uint32_t i = 0; r == 0 && i < m->moved_len; i++) {
		struct far_key key;

		(void)umap_take(&c->moved.far, m->moved[i]->url_hash);
		r = store_batch_delete(
		    c->batch, STORE_META, far_key(&key, m->moved[i]->url_hash));
		if (r == 0)
			r = bring_back(c, m, m->moved[i]);
	}
	return r;
}
