#include "crawl/outlinks.h"
#include "crawl/score.h"
#include "frontier/urlrec.h"
#include "sink/checks.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum {
	SET_MIN = 512,
	LINKS_MIN = 64,
	NOTE_SALT = 1000000007, /* keeps what was noted apart from what was added */
	ODD_TEXT_MAX = 500,     /* of a reference that is no URL of ours, in logs */
};

/* ---- what was seen on this page ---- */

static int
set_grow(struct outlinks *o)
{
	uint32_t cap = o->set_cap == 0 ? SET_MIN : o->set_cap * 2;
	uint64_t *set = arena_alloc(o->conf.arena, cap * sizeof(*set));

	if (set == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < o->set_cap; i++) {
		uint32_t at = (uint32_t)o->set[i] & (cap - 1);

		if (o->set[i] == 0)
			continue;
		while (set[at] != 0)
			at = (at + 1) & (cap - 1);
		set[at] = o->set[i];
	}
	o->set = set;
	o->set_cap = cap;
	return 0;
}

/* 1: new, 0: was there. */
static int
set_add(struct outlinks *o, uint64_t hash)
{
	uint32_t at;

	if (hash == 0)
		hash = 1;
	if (o->set_len + 1 > o->set_cap / 2 && set_grow(o) < 0)
		return -ENOMEM;
	at = (uint32_t)hash & (o->set_cap - 1);
	while (o->set[at] != 0 && o->set[at] != hash)
		at = (at + 1) & (o->set_cap - 1);
	if (o->set[at] == hash)
		return 0;
	o->set[at] = hash;
	o->set_len++;
	return 1;
}

/* What is judged alike: an image may be admitted where a link to it is not. */
static uint64_t
salt(enum link_kind kind, unsigned flags)
{
	uint64_t s = link_kind_is_embed(kind) ? 1 : kind == LINK_REDIRECT ? 2 : 0;

	return (s + flags * 4u) * 0x9e3779b97f4a7c15u;
}

/* ---- the list ---- */

static struct found_link *
list_room(struct outlinks *o)
{
	uint32_t cap = o->cap == 0 ? LINKS_MIN : o->cap * 2;
	struct found_link *v;

	if (o->len < o->cap)
		return &o->v[o->len];
	v = arena_alloc(o->conf.arena, cap * sizeof(*v));
	if (v == NULL)
		return NULL;
	if (o->len > 0)
		memcpy(v, o->v, o->len * sizeof(*v));
	o->v = v;
	o->cap = cap;
	return &o->v[o->len];
}

int
outlinks_begin(struct outlinks *o, const struct outlinks_conf *conf)
{
	memset(o, 0, offsetof(struct outlinks, base_text));
	o->conf = *conf;
	if (url_resolve(NULL, conf->url, (struct slice){0}, 0, o->page_text,
		sizeof(o->page_text), &o->page) != URL_OK)
		return -EBADMSG;
	o->base = o->page;
	return 0;
}

void
outlinks_base(struct outlinks *o, bool has_base, struct slice href, struct slice charset)
{
	struct url base;

	o->charset =
	    slice_ieq(charset, SLICE_LIT("UTF-8")) ? ((struct slice){0}) : charset;
	if (has_base && url_resolve(&o->page, href, o->charset, 0, o->base_text,
			    sizeof(o->base_text), &base) == URL_OK)
		o->base = base;
	o->bases++;
}

static int
add_odd(struct outlinks *o, enum link_kind kind, struct slice ref, enum url_status s)
{
	struct found_link *l;

	if (ref.len == 0 ||
	    (kind != LINK_REDIRECT && slice_istarts(ref, SLICE_LIT("data:"))))
		return 0; /* no URL at all; the content itself */
	l = list_room(o);
	if (l == NULL)
		return -ENOMEM;
	*l = (struct found_link){.kind = kind,
	    .depth = o->conf.depth,
	    .verdict =
		s == URL_UNSUPPORTED ? OUTCOME_UNSUPPORTED_SCHEME : OUTCOME_BAD_URL,
	    .url_hash = url_hash(ref, scope_hash_seed(o->conf.rules))};
	if (!arena_copy(o->conf.arena, slice_head(ref, ODD_TEXT_MAX), &l->url))
		return -ENOMEM;
	o->len++;
	return 0;
}

/* How many sitemaps in a row led to the page, itself included; redirects do not count. */
static unsigned
nesting(struct slice hops)
{
	const char sitemap = link_kind_hop(LINK_SITEMAP);
	unsigned n = 0;

	for (size_t i = hops.len; i-- > 0 && n <= OUTLINKS_NESTING_MAX;) {
		if (hops.ptr[i] == sitemap)
			n++;
		else if (hops.ptr[i] != link_kind_hop(LINK_REDIRECT))
			break;
	}
	return n;
}

static void
judge(struct outlinks *o, enum link_kind kind, const struct url *url, unsigned flags,
    struct scope_verdict *ret)
{
	struct scope_link link = {.url = url,
	    .kind = kind,
	    .depth = o->conf.depth,
	    .parent_flags = o->conf.flags,
	    .redirects = o->conf.redirects,
	    .reach = o->reach};

	if ((flags & OUTLINK_IS_SITEMAP) != 0) {
		/* Where a site's owner says its map lies, it lies. */
		*ret = (struct scope_verdict){
		    .depth = o->conf.depth, .flags = URLREC_SITEMAP};
		if (nesting(o->conf.hops) > OUTLINKS_NESTING_MAX)
			ret->outcome = OUTCOME_TRAP;
		return;
	}
	if (o->conf.sitemap && kind == LINK_SITEMAP)
		link.depth = link.parent_flags = 0;
	scope_judge(o->conf.rules, &link, ret);
	if (ret->outcome == OUTCOME_NONE && ((o->conf.sitemap && kind == LINK_REDIRECT) ||
						(flags & OUTLINK_NAMES_SITEMAP) != 0))
		ret->flags |= URLREC_SITEMAP;
}

/* The only place where references become URLs. */
enum url_status
outlinks_url(struct outlinks *o, struct slice ref, char *text, struct url *ret)
{
	enum url_status s =
	    url_resolve(&o->base, ref, o->charset, 0, text, URL_BYTES_MAX, ret);

	if (s == URL_OK)
		url_tidy(ret, text, scope_tidy(o->conf.rules));
	return s;
}

static bool
is_wanted(const struct outlinks *o, enum link_kind kind)
{
	if (link_kind_is_guess(kind))
		return o->guesses < scope_speculative_max(o->conf.rules);
	return link_kind_is_followed(kind) ||
	       (scope_checks(o->conf.rules).links &&
		   (kind == LINK_FORM || kind == LINK_CITE));
}

/* What a script does with it is nobody's to know. */
static bool
names_an_id(enum link_kind kind, struct slice fragment)
{
	return (kind == LINK_A || kind == LINK_AREA || kind == LINK_SVG) &&
	       fragment.len > 0 && slice_find(fragment, '(') == fragment.len;
}

/* "htp://example.org/" is a slip of the pen, "mailto:" is not. */
static bool
is_slip(struct slice ref)
{
	struct slice scheme = slice_head(ref, slice_find(ref, ':'));

	return name_distance(scheme, SLICE_LIT("http")) == 1 ||
	       name_distance(scheme, SLICE_LIT("https")) == 1;
}

/* Each different URL and id once a page.  Redirects are told by what was redirected, and a
 * guess that is wrong is no fault. */
static int
note(struct outlinks *o, enum link_kind kind, struct slice ref)
{
	uint64_t seed = scope_hash_seed(o->conf.rules) + NOTE_SALT;
	size_t hash_at = slice_find(ref, '#');
	struct checks_link l = {
	    .kind = kind, .fragment = slice_from(ref, hash_at + 1), .text = o->anchor};
	char text[URL_BYTES_MAX];
	enum url_status s;
	struct url url;
	int r;

	if (o->conf.checks == NULL || kind == LINK_REDIRECT || link_kind_is_guess(kind))
		return 0;
	if (!names_an_id(kind, l.fragment))
		l.fragment = (struct slice){0};
	r = set_add(o, url_hash(ref, seed + 1 + o->bases));
	if (r <= 0)
		return r;
	ref = slice_head(ref, hash_at);
	s = outlinks_url(o, ref, text, &url);
	if ((s == URL_UNSUPPORTED && !is_slip(ref)) || slice_istarts(ref, SLICE_LIT("data:")) ||
	    (s != URL_OK && ref.len == 0))
		return 0;
	l.url = s == URL_OK ? url_text(&url) : slice_head(ref, ODD_TEXT_MAX);
	r = set_add(o, url_hash(l.url, seed) ^ url_hash(l.fragment, seed - 1));
	if (r <= 0)
		return r;
	if (o->checks_len >= o->conf.links_max) {
		o->checks_cut++;
		return 0;
	}
	o->checks_len++;
	return checks_add(o->conf.checks, &l);
}

static int
authority_take(struct outlinks *o, const struct url *url)
{
	struct slice authority = url_authority(url);

	if (slice_eq(authority, o->authority))
		return 0;
	if (!arena_copy(o->conf.arena, authority, &o->authority))
		return -ENOMEM;
	o->authority_hash = url_hash(authority, scope_hash_seed(o->conf.rules));
	o->reach = scope_reach(o->conf.rules, url);
	return 0;
}

int
outlinks_add(struct outlinks *o, enum link_kind kind, struct slice ref, unsigned flags)
{
	uint64_t seed = scope_hash_seed(o->conf.rules), hash;
	struct scope_verdict v;
	struct found_link *l;
	enum url_status s;
	struct url url;
	char text[URL_BYTES_MAX];
	int r;

	if (!is_wanted(o, kind))
		return 0;
	r = note(o, kind, ref);
	if (r < 0)
		return r;
	ref = slice_head(ref, slice_find(ref, '#'));
	r = set_add(o, url_hash(ref, seed + 1 + o->bases) ^ salt(kind, flags));
	if (r <= 0)
		return r;
	if (o->len >= o->conf.links_max) {
		o->cut++;
		return 0;
	}
	s = outlinks_url(o, ref, text, &url);
	if (s != URL_OK) /* a wrong guess is nothing to tell of */
		return link_kind_is_guess(kind) ? 0 : add_odd(o, kind, ref, s);
	hash = url_hash(url_text(&url), seed);
	r = set_add(o, hash ^ salt(kind, flags));
	if (r <= 0)
		return r;
	r = authority_take(o, &url);
	if (r < 0)
		return r;
	judge(o, kind, &url, flags, &v);
	if (link_kind_is_guess(kind) && v.outcome != OUTCOME_NONE)
		return 0;
	l = list_room(o);
	if (l == NULL)
		return -ENOMEM;
	*l = (struct found_link){.kind = kind,
	    .verdict = v.outcome,
	    .flags = v.flags,
	    .redirects = v.redirects,
	    .depth = v.depth,
	    .priority = score_add(v.priority, o->score),
	    .url_hash = hash,
	    .authority_hash = o->authority_hash};
	if (!arena_copy(o->conf.arena, url_text(&url), &l->url))
		return -ENOMEM;
	o->len++;
	o->guesses += link_kind_is_guess(kind);
	return 0;
}

/* Likewise for all pages of a host, or it would be asked again and again. */
static int
probe(struct outlinks *o, struct slice authority)
{
	uint64_t seed = scope_hash_seed(o->conf.rules);
	char text[URL_BYTES_MAX];
	struct found_link *l;
	int n = snprintf(text, sizeof(text),
	    SLICE_FMT "/trawl-asks-for-what-is-not-%08" PRIx32, SLICE_ARG(authority),
	    (uint32_t)url_hash(authority, seed + NOTE_SALT));

	if (n < 0 || (size_t)n >= sizeof(text))
		return 0;
	l = list_room(o);
	if (l == NULL)
		return -ENOMEM;
	*l = (struct found_link){.kind = LINK_SPECULATIVE,
	    .flags = URLREC_CHECK | URLREC_CHECK_GET,
	    .depth = o->conf.depth,
	    .url_hash = url_hash(slice_of(text, (size_t)n), seed),
	    .authority_hash = url_hash(authority, seed)};
	if (!arena_copy(o->conf.arena, slice_of(text, (size_t)n), &l->url))
		return -ENOMEM;
	o->len++;
	return 0;
}

int
outlinks_probes(struct outlinks *o)
{
	struct scope_checks checks = scope_checks(o->conf.rules);
	uint32_t len = o->len;
	int r = checks.probes ? probe(o, url_authority(&o->page)) : 0;

	for (uint32_t i = 0; r == 0 && checks.probes_of_all && i < len; i++) {
		struct urlrec rec = {.url = o->v[i].url};

		if (o->v[i].verdict != OUTCOME_NONE ||
		    (o->v[i].flags & URLREC_CHECK) == 0)
			continue;
		r = set_add(o, o->v[i].authority_hash + NOTE_SALT);
		if (r > 0)
			r = probe(o, urlrec_authority(&rec));
	}
	return r;
}

int
outlinks_resolve(struct outlinks *o, struct slice ref, struct slice *ret)
{
	char text[URL_BYTES_MAX];
	struct url url;

	if (outlinks_url(o, ref, text, &url) != URL_OK)
		return 0;
	return arena_copy(o->conf.arena, url_text(&url), ret) ? 0 : -ENOMEM;
}
