#include "base/log.h"
#include "crawl/crawl_internal.h"
#include "crawl/fields.h"
#include "crawl/parse.h"
#include "crawl/scope.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* The seeds of a run, of which there may be a million: nothing here walks over all of them
 * but at the start, and at the end of one that reached none. */

enum {
	SENT_MAX = 4096,     /* seeds a mail */
	ROOTS_MAX = 1 << 16, /* and two a seed */
	CHAIN_MAX = 1 << 16,
};

struct chain_link { /* in crawl.chain */
	struct seed_end end;
	char *url;
};

/* ---- their own places ---- */

/* One of a host name: what it is at one port it may not be told anew at another. */
static int
home_of_host(struct crawl *c, struct slice host, struct fetch_home **ret)
{
	uint64_t key = url_hash(host, c->hash_seed);
	struct fetch_home *home = umap_get(&c->homes, key);
	int r;

	if (home == NULL) {
		home = calloc(1, sizeof(*home));
		r = home == NULL ? -ENOMEM : umap_put(&c->homes, key, home);
		if (r < 0) {
			free(home);
			return r;
		}
	}
	*ret = home;
	return 0;
}

static int
own_put(struct crawl *c, struct slice authority, struct fetch_home *home)
{
	int r = umap_put(&c->own_authorities, url_hash(authority, c->hash_seed), home);

	return r == -EEXIST ? 0 : r;
}

/* On the default ports http and https are one place to people: http://intranet/ that moves
 * to https://intranet/ stays the seed's own. */
static int
own_add(struct crawl *c, const struct url *url)
{
	char other[URL_BYTES_MAX];
	struct fetch_home *home;
	int n, r = home_of_host(c, url_host(url), &home);

	if (r < 0)
		return r;
	r = own_put(c, url_authority(url), home);
	if (r < 0 || url->port != (url_is_https(url) ? 443 : 80))
		return r;
	n = snprintf(other, sizeof(other), "http%s://" SLICE_FMT,
	    url_is_https(url) ? "" : "s", SLICE_ARG(url_host(url)));
	return own_put(c, slice_of(other, (size_t)n), home);
}

static int
own_add_all(struct crawl *c)
{
	const struct strlist *seeds = &c->conf.job->seeds;
	char text[URL_BYTES_MAX];
	struct url url;
	int r = 0;

	for (size_t i = 0; i < seeds->n && r == 0; i++)
		r = url_resolve(NULL, slice_cstr(seeds->v[i]), (struct slice){0}, 0, text,
			sizeof(text), &url) == URL_OK
			? own_add(c, &url)
			: -EBADMSG;
	return r;
}

/* ---- what they reach ---- */

/* As many as there can well be: two a seed, as when http://x/ becomes https://www.x/ and
 * the scope is pages.  Servers say where seeds are redirected to. */
static bool
has_room_for_root(struct crawl *c, struct slice url)
{
	if (c->roots < ROOTS_MAX + 2 * c->conf.job->seeds.n)
		return true;
	if (!c->roots_full && !scope_reaches(c->rules, url)) {
		log_warn_of(CRAWL_ABOUT(c, url),
		    "seeds were redirected to so many places that those from here on "
		    "do not widen the scope: url=%s",
		    LOG_TEXT(url));
		c->roots_full = true;
	}
	return false;
}

/* What is new of it is appended to `news`. */
static int
add_root(struct crawl *c, struct slice url, struct buf *news)
{
	size_t had = news->len;
	int r = has_room_for_root(c, url) ? scope_rules_add_root(c->rules, url, news) : 0;

	c->roots += news->len > had;
	return r;
}

/* The workers are told before any page of it: its record is not in the frontier yet. */
int
seeds_widen(struct crawl *c, struct slice url)
{
	struct buf news;
	int r;

	buf_init(&news, 64);
	r = add_root(c, url, &news);
	if (r == 0 && news.len > 0)
		r = pool_extend(c->engine->pool, c->context, buf_slice(&news));
	buf_release(&news);
	return r;
}

/* Where a seed was redirected to.  It widens the scope; but what a server names is not
 * among the places whose addresses are admitted unseen. */
static int
on_saved_root(void *ctx, struct slice url)
{
	struct crawl *c = ctx;

	return add_root(c, url, &c->settings);
}

int
seeds_open(struct crawl *c, struct store *store, struct why *why)
{
	const struct strlist *seeds = &c->conf.job->seeds;
	int r = c->conf.strange_seeds ? 0 : own_add_all(c);

	umap_init(&c->chain, CHAIN_MAX);
	c->seed_ends = calloc(seeds->n + 1, sizeof(*c->seed_ends));
	if (r < 0 || c->seed_ends == NULL)
		return why_set(why, r < 0 ? r : -ENOMEM, "out of memory");
	buf_init(&c->settings, SCOPE_SETTINGS_MAX);
	r = scope_settings(c->o, (const char *const *)seeds->v, seeds->n, c->hash_seed,
	    &c->settings, why);
	if (r == 0)
		r = scope_rules_new(buf_slice(&c->settings), &c->rules, why);
	if (r < 0)
		return r;
	r = saved_roots(store, on_saved_root, c);
	return r < 0 ? why_set(why, r, "cannot read the store: %s", strerror(-r)) : 0;
}

static void
chain_link_free(struct chain_link *l)
{
	if (l == NULL)
		return;
	free(l->end.detail);
	free(l->url);
	free(l);
}

void
seeds_release(struct crawl *c)
{
	void *home, *link;

	for (size_t i = 0; umap_at(&c->chain, &i, NULL, &link);)
		chain_link_free(link);
	umap_release(&c->chain);
	for (size_t i = 0; umap_at(&c->homes, &i, NULL, &home);)
		free(home);
	umap_release(&c->homes);
	umap_release(&c->own_authorities);
	for (size_t i = 0; c->seed_ends != NULL && i < c->conf.job->seeds.n; i++)
		free(c->seed_ends[i].detail);
	free(c->seed_ends);
	free(c->seeds.links);
	buf_release(&c->settings);
}

/* ---- on their way ---- */

static int
tell_workers(struct crawl *c)
{
	struct crawl_memory m = crawl_memory(c->o);
	struct parse_limits limits = {.decoded_bytes = m.decoded_bytes_max,
	    .notes_bytes = m.notes_bytes_max,
	    .links = c->o->limits_max_links,
	    .coding = crawl_warc_coding(c->o),
	    .copy = crawl_copy(c->o),
	    .copy_bytes = m.copy_bytes_max};
	struct buf settings;
	struct known known;
	int r;

	crawl_known(c, &known);
	if (known.v != NULL) {
		limits.known_at = c->engine->known.at;
		limits.known_bytes = c->engine->known.cap;
		limits.known_salt = known.salt;
	}
	buf_init(&settings, POOL_SETTINGS_MAX);
	r = parse_settings(
	    buf_slice(&c->settings), select_blob(c->fields), &limits, &settings);
	if (r == 0)
		r = pool_configure(c->engine->pool, c->context, buf_slice(&settings));
	buf_release(&settings);
	buf_release(&c->settings);
	return r;
}

bool
seeds_are_sent(const struct crawl *c)
{
	return c->seeds_sent == c->conf.job->seeds.n;
}

/* Those that are known already change nothing. */
int
seeds_send(struct crawl *c)
{
	const struct strlist *seeds = &c->conf.job->seeds;
	struct found_link *links = c->seeds.links;
	int r = links == NULL ? tell_workers(c) : 0;
	size_t end =
	    seeds->n - c->seeds_sent > SENT_MAX ? c->seeds_sent + SENT_MAX : seeds->n;

	if (r < 0 || seeds_are_sent(c))
		return r;
	if (links == NULL)
		links = calloc(SENT_MAX, sizeof(*links));
	if (links == NULL)
		return -ENOMEM;
	commit_init(&c->seeds, COMMIT_LINKS, c);
	c->seeds.links = links;
	for (; c->seeds_sent < end; c->seeds_sent++) {
		struct slice url = slice_cstr(seeds->v[c->seeds_sent]);
		struct urlrec rec = {.url = url};

		links[c->seeds.links_len++] = (struct found_link){.kind = LINK_SEED,
		    .flags = (uint8_t)(URLREC_SEED |
				       (job_is_sitemap(c->conf.job, url) ? URLREC_SITEMAP
									 : 0u)),
		    .url = url,
		    .url_hash = url_hash(url, c->hash_seed),
		    .authority_hash = url_hash(urlrec_authority(&rec), c->hash_seed)};
	}
	r = committer_send(c->committer, &c->seeds);
	c->commits += r == 0;
	return r;
}

/* ---- what became of them ---- */

/* For want of memory it is one of which nothing was said. */
static void
end_set(struct seed_end *to, const struct saved_end *from, size_t leads_to_seed)
{
	struct slice detail = slice_head(from->detail, SAVED_DETAIL_MAX - 1);

	free(to->detail);
	*to = (struct seed_end){.outcome = from->outcome,
	    .status = from->status,
	    .detail = detail.len == 0 ? NULL : slice_dup(detail),
	    .next = from->next,
	    .seed = leads_to_seed};
}

static enum crawl_reach
reach_of(const struct seed_end *e)
{
	if (e->outcome == OUTCOME_TLS_FAILURE)
		return CRAWL_REACH_TLS;
	if (e->outcome == OUTCOME_PROTOCOL_ERROR)
		return CRAWL_REACH_PROTOCOL;
	if (e->status == 401 || e->status == 407)
		return CRAWL_REACH_AUTH;
	if (outcome_class(e->outcome) == OUTCOME_CLASS_FAILED ||
	    e->outcome == OUTCOME_DENIED_ADDRESS)
		return CRAWL_REACH_NETWORK;
	if (outcome_class(e->outcome) == OUTCOME_CLASS_REJECTED &&
	    e->outcome != OUTCOME_KNOWN_GOOD)
		return CRAWL_REACH_REFUSED;
	return CRAWL_REACHED;
}

/* Of what was had nothing is kept: a seed that leads to what is not in the chain was
 * reached.  That holds of what finds no room here, too. */
static void
chain_set(
    struct crawl *c, uint64_t hash, const struct saved_end *from, size_t leads_to_seed)
{
	struct chain_link *l = calloc(1, sizeof(*l));

	chain_link_free(umap_take(&c->chain, hash));
	if (l == NULL)
		return;
	end_set(&l->end, from, leads_to_seed);
	l->url = slice_dup(from->url);
	if ((l->end.next == 0 && reach_of(&l->end) == CRAWL_REACHED) ||
	    umap_put(&c->chain, hash, l) < 0)
		chain_link_free(l);
}

/* From 1 on; 0: it is none. */
static size_t
seed_number(const struct crawl *c, struct slice url)
{
	size_t i;

	return job_seed_at(c->conf.job, url, &i) ? i + 1 : 0;
}

void
seed_ended(struct crawl *c, const struct visit *v)
{
	const struct urlrec *rec = v->rec;
	struct saved_end end;
	size_t to, at;

	if ((rec->flags & (URLREC_SEED | URLREC_SEED_CHAIN)) == 0)
		return;
	end = saved_end_of(rec, &v->commit.event, c->hash_seed);
	to = end.next == 0 ? 0 : seed_number(c, v->commit.event.redirect_to);
	/* Also one that another led to before it was sent. */
	at = seed_number(c, rec->url);
	if (at > 0)
		end_set(&c->seed_ends[at - 1], &end, to);
	else
		chain_set(c, rec->url_hash, &end, to);
}

struct restoring {
	struct crawl *c;
	struct umap at; /* hash of a seed -> its number + 1 */
};

static int
on_saved_seed(void *ctx, uint64_t hash, const struct saved_end *end)
{
	struct restoring *r = ctx;
	size_t at = (size_t)(uintptr_t)umap_get(&r->at, hash);
	size_t to = end->next == 0 ? 0 : (size_t)(uintptr_t)umap_get(&r->at, end->next);

	if (at > 0)
		end_set(&r->c->seed_ends[at - 1], end, to);
	else
		chain_set(r->c, hash, end, to);
	return 0;
}

int
seeds_restore(struct crawl *c)
{
	const struct strlist *seeds = &c->conf.job->seeds;
	struct restoring r = {.c = c};
	int err = 0;

	if (!c->goes_on)
		return 0;
	umap_init(&r.at, JOB_SEEDS_MAX);
	for (size_t i = 0; i < seeds->n && err == 0; i++) {
		err = umap_put(&r.at, url_hash(slice_cstr(seeds->v[i]), c->hash_seed),
		    (void *)(uintptr_t)(i + 1));
		err = err == -EEXIST ? 0 : err;
	}
	if (err == 0)
		err = committer_seeds(c->committer, on_saved_seed, &r);
	umap_release(&r.at);
	return err;
}

/* What a seed came to; *ret_url: where it was redirected to, NULL: nowhere. */
static const struct seed_end *
end_of(const struct crawl *c, size_t i, const char **ret_url)
{
	const struct strlist *seeds = &c->conf.job->seeds;
	const struct seed_end *e = &c->seed_ends[i];

	assert(i < seeds->n);
	*ret_url = NULL;
	for (int n = 0; e->next != 0 && n < SCOPE_REDIRECTS_MAX; n++) {
		const struct chain_link *l =
		    e->seed > 0 ? NULL : umap_get(&c->chain, e->next);

		if (l == NULL && e->seed == 0)
			break;
		*ret_url = l == NULL ? seeds->v[e->seed - 1] : l->url;
		e = l == NULL ? &c->seed_ends[e->seed - 1] : &l->end;
	}
	return e;
}

int
crawl_seed_tell(const struct crawl *c, size_t i, struct buf *out)
{
	const char *url, *outcome;
	const struct seed_end *e = end_of(c, i, &url);
	int r = buf_printf(out, "%s", c->conf.job->seeds.v[i]);

	outcome = outcome_name(e->outcome);
	if (r == 0 && url != NULL)
		r = buf_printf(
		    out, ", redirected%s%s", url[0] == '\0' ? "" : " to ", url);
	if (r == 0 && e->detail != NULL)
		return buf_printf(out, ": %s: %s", outcome, e->detail);
	if (r == 0)
		r = buf_printf(out, ": %s: status %d%s", outcome, e->status,
		    e->status == 401 ? ", it wants a login (--auth)" : "");
	return r;
}

enum crawl_reach
crawl_reach(const struct crawl *c)
{
	enum crawl_reach of_all = CRAWL_REACHED;
	const char *url;

	for (size_t i = 0; i < c->conf.job->seeds.n; i++) {
		enum crawl_reach r = reach_of(end_of(c, i, &url));

		if (r == CRAWL_REACHED)
			return r;
		if (of_all == CRAWL_REACHED || r != CRAWL_REACH_REFUSED)
			of_all = r;
	}
	return of_all;
}
