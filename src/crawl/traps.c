#include "crawl/traps.h"
#include "crawl/traps_int.h"
#include "frontier/urlrec.h"
#include "web/words.h"
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* The rules: judging and learning. */

enum {
	DAYS_AHEAD = 730,    /* from today: dates beyond are far */
	DAY_1900 = -25567,   /* and those before */
	DAYS_FULL = 6000,    /* of the bitmap: from here on every date is a new one */
	DATES_A_NEWS = 4,    /* allowed for a page with news */
	QUERIES_A_NEWS = 10, /* likewise */
	QUERIES_A_VALUE = 8, /* allowed for each value of the most diverse parameter */
	HOST_FACTOR = 3,     /* copies of a host, for each of a pattern */
	TAIL_SEGMENTS = 8,   /* a path that long is as good as one that repeats */
	UNIQUE_PART = 4,     /* of the limit: what a page that is no copy makes good */
	LIMIT_PART = 8,      /* of the pages that were none: what the limit grows by */
	SIMHASH_BITS = 3,
	PRODUCTIVE = 2, /* different pages of a pattern: its ids mean something */
	PRODUCTIVE_ONE_IN = 4,
	COPIES_IN_FAMILY = 2,
	EXPLAINS = 4, /* pages of a pattern that is more than a chance */
};

const char *
trap_rule_name(enum trap_rule r)
{
	static const char *const names[] = {
#define X(id, name) [TRAP_##id] = name,
	    TRAP_RULES(X)
#undef X
	};

	return names[r];
}

enum trap_rule
trap_kind_rule(enum trap_kind kind)
{
	static const enum trap_rule rules[TRAP_KIND_MAX] = {
	    [TRAP_KIND_PATTERN] = TRAP_DUPLICATES,
	    [TRAP_KIND_TAIL] = TRAP_DUPLICATES,
	    [TRAP_KIND_HOST] = TRAP_HOST,
	    [TRAP_KIND_FAMILY] = TRAP_NONE,
	    [TRAP_KIND_QUERIES] = TRAP_QUERIES,
	    [TRAP_KIND_DATES] = TRAP_DATES,
	    [TRAP_KIND_REPEATS] = TRAP_REPEATS,
	    [TRAP_KIND_DEPTH] = TRAP_DEPTH,
	    [TRAP_KIND_LENGTH] = TRAP_LENGTH,
	    [TRAP_KIND_SITE] = TRAP_HOSTS,
	};

	return rules[kind];
}

bool
traps_spare(enum link_kind kind, unsigned urlrec_flags)
{
	if ((urlrec_flags &
		(URLREC_SEED | URLREC_SEED_CHAIN | URLREC_SITEMAP | URLREC_CHECK)) != 0)
		return true;
	switch (kind) {
	case LINK_SEED:
	case LINK_SITEMAP:
	case LINK_ROBOTS:
		return true;
	case LINK_IFRAME:
	case LINK_FRAME:
	case LINK_OBJECT:
	case LINK_EMBED:
		return false;
	default:
		return link_kind_is_embed(kind);
	}
}

uint64_t
trap_id(enum trap_kind kind, uint64_t authority_hash, uint64_t hash)
{
	uint64_t h =
	    (authority_hash ^ (uint64_t)kind << 56) * UINT64_C(0x9e3779b97f4a7c15);

	h = (h ^ h >> 32 ^ hash) * UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 29;
}

/* ---- what a pattern is called ---- */

struct name {
	char text[TRAP_PATTERN_MAX];
};

/* Of "/first/second": "/first". */
static size_t
top_len(struct slice path)
{
	return 1 + slice_find(slice_from(path, 1), '/');
}

static void
name_add(struct name *n, struct slice s)
{
	size_t len = strlen(n->text);

	s = slice_head(s, sizeof(n->text) - 1 - len);
	if (s.len > 0)
		memcpy(n->text + len, s.ptr, s.len);
	n->text[len + s.len] = '\0';
}

/* The last segment, with the slashes behind it. */
static struct slice
last_segment(struct slice path)
{
	size_t at = path.len;

	while (at > 1 && path.ptr[at - 1] == '/')
		at--;
	while (at > 0 && path.ptr[at - 1] != '/')
		at--;
	return slice_from(path, at);
}

static const char *
name_of(struct name *n, const struct trap_link *l, enum trap_kind kind)
{
	struct slice path = url_path(l->url);

	n->text[0] = '\0';
	name_add(n, slice_head(url_authority(l->url), TRAP_PATTERN_MAX / 2));
	switch (kind) {
	case TRAP_KIND_HOST:
		name_add(n, SLICE_LIT("/**"));
		break;
	case TRAP_KIND_TAIL:
		name_add(n, SLICE_LIT("/**/"));
		name_add(n, last_segment(path));
		break;
	case TRAP_KIND_REPEATS:
	case TRAP_KIND_DEPTH:
	case TRAP_KIND_LENGTH:
		name_add(n, slice_head(path, top_len(path)));
		name_add(n, SLICE_LIT("/**"));
		break;
	default:
		name_add(n, slice_cstr(l->pattern->text));
		break;
	}
	return n->text;
}

static int
find_or_make(struct traps *t, const struct trap_link *l, enum trap_kind kind,
    uint64_t hash, struct trap_record **ret)
{
	uint64_t id = trap_id(kind, l->authority_hash, hash);
	struct name name;

	*ret = trap_find(t, id);
	if (*ret != NULL)
		return 0;
	return trap_make(t, kind, l->authority_hash, id, name_of(&name, l, kind), ret);
}

/* ---- cutting ---- */

static void
detail_of(const struct traps *t, const struct trap_record *r, char ret[TRAP_DETAIL_MAX])
{
	const struct traps_conf *c = &t->conf;
	enum trap_rule rule = trap_kind_rule(r->kind);
	char why[100] = "";

	switch (rule) {
	case TRAP_REPEATS:
		(void)snprintf(why, sizeof(why),
		    "the same more than %" PRId64 " times in a row", c->repeats);
		break;
	case TRAP_DEPTH:
		(void)snprintf(
		    why, sizeof(why), "more than %" PRId64 " segments", c->depth);
		break;
	case TRAP_LENGTH:
		(void)snprintf(
		    why, sizeof(why), "longer than %" PRId64 " bytes", c->length);
		break;
	case TRAP_DATES:
		(void)snprintf(why, sizeof(why), "%u dates far away", (unsigned)r->used);
		break;
	case TRAP_QUERIES:
		(void)snprintf(why, sizeof(why), "%u combinations", (unsigned)r->used);
		break;
	case TRAP_HOSTS:
		(void)snprintf(why, sizeof(why), "of %u hosts %u had nothing new",
		    (unsigned)r->pages, (unsigned)(r->pages - r->uniques));
		break;
	default:
		(void)snprintf(why, sizeof(why), "of %u pages %u were copies",
		    (unsigned)r->pages, (unsigned)(r->pages - r->uniques));
		break;
	}
	(void)snprintf(
	    ret, TRAP_DETAIL_MAX, "%s %s: %s", trap_rule_name(rule), r->text, why);
}

static void
count_cut(struct traps *t, struct trap_record *r)
{
	r->cuts++;
	t->cuts[trap_kind_rule(r->kind)]++;
	t->cuts_dirty = true;
	trap_is_loud(t, r);
}

static int
cut_by(struct traps *t, struct trap_record *r, struct trap_cut *ret)
{
	count_cut(t, r);
	ret->rule = trap_kind_rule(r->kind);
	ret->id = r->id;
	detail_of(t, r, ret->detail);
	return 0;
}

/* By what the URL alone tells. */
static int
judge_form(struct traps *t, const struct trap_link *l, struct trap_cut *ret)
{
	const struct traps_conf *c = &t->conf;
	struct slice path = url_path(l->url);
	struct slice top = slice_head(path, top_len(path));
	enum trap_kind kind = TRAP_KIND_MAX;
	struct trap_record *r;
	int err;

	if (l->url->len > c->length)
		kind = TRAP_KIND_LENGTH;
	else if (l->pattern->segments > c->depth)
		kind = TRAP_KIND_DEPTH;
	else if (l->pattern->repeats && c->repeats != INT64_MAX &&
		 url_path_repeats(path) > c->repeats)
		kind = TRAP_KIND_REPEATS;
	if (kind == TRAP_KIND_MAX)
		return 0;
	err = find_or_make(t, l, kind, url_hash(top, c->hash_seed), &r);
	return err < 0 ? err : cut_by(t, r, ret);
}

/* ---- closed patterns ---- */

/* A pattern with different pages is not judged by its host. */
static bool
is_productive(const struct traps *t, const struct trap_link *l)
{
	const struct trap_record *r = umap_get(
	    &t->by_id, trap_id(TRAP_KIND_PATTERN, l->authority_hash, l->pattern->whole));

	return r != NULL && r->uniques >= PRODUCTIVE;
}

static uint64_t
tail_of(const struct traps *t, const struct trap_link *l)
{
	return url_pattern_tail(l->url, t->conf.hash_seed, l->pattern);
}

static struct trap_record *
closed_one(struct traps *t, const struct trap_link *l, enum trap_kind kind, uint64_t hash)
{
	struct trap_record *r =
	    umap_get(&t->by_id, trap_id(kind, l->authority_hash, hash));

	return r != NULL && r->closed ? r : NULL;
}

/* Most crawls have none of a kind, so that nothing is to be looked for. */
static struct trap_record *
find_closed(struct traps *t, const struct trap_link *l)
{
	struct trap_record *r = NULL;

	if (t->closed_of[TRAP_KIND_HOST] > 0)
		r = closed_one(t, l, TRAP_KIND_HOST, 0);
	if (r != NULL && is_productive(t, l))
		r = NULL;
	if (r == NULL && t->closed_of[TRAP_KIND_PATTERN] > 0)
		r = closed_one(t, l, TRAP_KIND_PATTERN, l->pattern->whole);
	if (r == NULL && t->closed_of[TRAP_KIND_TAIL] > 0)
		r = closed_one(t, l, TRAP_KIND_TAIL, tail_of(t, l));
	return r == NULL ? trap_site_closed(t, l) : r;
}

/* ---- far dates ---- */

static bool
is_far(const struct trap_link *l)
{
	return l->pattern->has_date &&
	       (l->pattern->day < DAY_1900 || l->pattern->day > l->today + DAYS_AHEAD);
}

static int
judge_date(struct traps *t, const struct trap_link *l, struct trap_cut *ret)
{
	uint32_t at = (uint32_t)l->pattern->day % DAYS_BITS;
	uint8_t bit = (uint8_t)(1u << at % 8);
	struct trap_record *r;
	int err;

	if (t->conf.dates == INT64_MAX || !is_far(l))
		return 0;
	err = find_or_make(t, l, TRAP_KIND_DATES, l->pattern->whole, &r);
	if (err == 0)
		err = trap_days_room(t, r);
	if (err < 0)
		return err;
	if ((r->days[at / 8] & bit) != 0 && r->used < DAYS_FULL)
		return 0;
	if (r->used >= t->conf.dates + r->granted)
		return cut_by(t, r, ret);
	r->days[at / 8] |= bit;
	r->used++;
	trap_changed(t, r);
	return 0;
}

/* ---- combinations of parameters ---- */

static void
sketch_add(struct trap_sketch *s, uint64_t hash)
{
	uint64_t h = hash * UINT64_C(0x9e3779b97f4a7c15);
	uint8_t rank = (uint8_t)(__builtin_clzll((h << 6) | 32) + 1);

	if (rank > s->registers[h >> 58])
		s->registers[h >> 58] = rank;
}

static double
sketch_count(const struct trap_sketch *s)
{
	const double m = SKETCH_REGISTERS;
	double sum = 0, n;
	int zeros = 0;

	for (size_t i = 0; i < SKETCH_REGISTERS; i++) {
		sum += ldexp(1, -s->registers[i]);
		zeros += s->registers[i] == 0;
	}
	n = 0.709 * m * m / sum;
	return n <= 2.5 * m && zeros > 0 ? m * log(m / zeros) : n;
}

/* What the parameters can explain: the most diverse of them numbers things, and of each
 * there may be some views. */
static bool
has_too_many(const struct traps *t, const struct trap_record *r)
{
	double most = 0;

	if (r->used < t->conf.queries + r->granted)
		return false;
	for (uint32_t i = 0; i < r->sketches_len; i++) {
		double n = sketch_count(&r->sketches[i]);

		most = n > most ? n : most;
	}
	return r->used >= (double)t->conf.queries + r->granted + QUERIES_A_VALUE * most;
}

static int
judge_query(struct traps *t, const struct trap_link *l, struct trap_cut *ret)
{
	struct trap_record *r;
	int err;

	if (t->conf.queries == INT64_MAX || !l->pattern->has_query)
		return 0;
	err = find_or_make(t, l, TRAP_KIND_QUERIES, l->pattern->path, &r);
	for (uint32_t i = 0; err == 0 && i < l->pattern->keys_len; i++) {
		struct trap_sketch *s;

		err = trap_sketch_of(t, r, l->pattern->keys[i].name, &s);
		if (err == 0 && s != NULL)
			sketch_add(s, l->pattern->keys[i].value);
	}
	if (err < 0)
		return err;
	trap_changed(t, r);
	if (has_too_many(t, r))
		return cut_by(t, r, ret);
	r->used += r->used < UINT32_MAX;
	return 0;
}

int
traps_judge(struct traps *t, const struct trap_link *l, struct trap_cut *ret)
{
	struct trap_record *closed;
	int err;

	trap_shrink(t, l->authority_hash);
	*ret = (struct trap_cut){.rule = TRAP_NONE};
	err = judge_form(t, l, ret);
	if (err < 0 || ret->rule != TRAP_NONE)
		return err;
	closed = find_closed(t, l);
	if (closed != NULL)
		return cut_by(t, closed, ret);
	err = judge_date(t, l, ret);
	return err < 0 || ret->rule != TRAP_NONE ? err : judge_query(t, l, ret);
}

bool
traps_is_short(struct traps *t, const struct trap_link *l)
{
	struct trap_record *r =
	    trap_find(t, trap_id(TRAP_KIND_QUERIES, l->authority_hash, l->pattern->path));

	return r != NULL && t->conf.queries != INT64_MAX && has_too_many(t, r);
}

void
traps_refused(struct traps *t, const struct trap_link *l, struct trap_cut *ret)
{
	struct trap_record *r = find_closed(t, l);

	*ret = (struct trap_cut){.rule = TRAP_DUPLICATES};
	if (r != NULL) {
		ret->rule = trap_kind_rule(r->kind);
		ret->id = r->id;
		count_cut(t, r);
		return;
	}
	t->cuts[TRAP_DUPLICATES]++; /* the record was given up since */
	t->cuts_dirty = true;
}

void
traps_uncut(struct traps *t, enum trap_rule rule, uint64_t id)
{
	struct trap_record *r = trap_find(t, id);

	t->cuts[rule] -= t->cuts[rule] > 0;
	t->cuts_dirty = true;
	if (r == NULL || r->cuts == 0)
		return;
	r->cuts--;
	trap_changed(t, r);
}

/* ---- copies ---- */

/* The shape is that of more pages. */
static uint64_t
print_of(const struct trap_page *page)
{
	return page->shape != 0 ? page->shape : page->digest;
}

bool
trap_has_print(const struct trap_record *r, uint64_t print)
{
	for (uint32_t i = 0; i < r->prints_len && print != 0; i++)
		if (r->prints[i] == print)
			return true;
	return false;
}

int
trap_add_print(struct traps *t, struct trap_record *r, uint64_t print)
{
	int err;

	if (print == 0)
		return 0;
	err = trap_prints_room(t, r);
	if (err < 0)
		return err;
	if (r->prints_len < r->prints_cap) {
		r->prints[r->prints_len++] = print;
		return 0;
	}
	if (r->prints_at >= r->prints_len)
		r->prints_at = 0;
	r->prints[r->prints_at++] = print;
	return 0;
}

static bool
has_sim(const struct trap_record *r, const struct trap_page *page)
{
	/* Of a whole host, pages that are much alike are no wonder. */
	if (!page->has_simhash || r->kind == TRAP_KIND_HOST)
		return false;
	for (uint32_t i = 0; i < r->sims_len; i++)
		if (simhash_distance(r->sims[i], page->simhash) <= SIMHASH_BITS)
			return true;
	return false;
}

static void
add_sim(struct trap_record *r, const struct trap_page *page)
{
	if (!page->has_simhash)
		return;
	r->sims[r->sims_at] = page->simhash;
	r->sims_at = (r->sims_at + 1) % SIMS_MAX;
	r->sims_len += r->sims_len < SIMS_MAX;
}

/* Where the patterns with the same ids and names have had that many copies together, and
 * hardly one of them different pages, each need not prove it anew. */
static int64_t
copies_allowed(
    const struct traps *t, const struct trap_record *r, const struct trap_record *family)
{
	int64_t n = r->kind == TRAP_KIND_SITE ? t->conf.hosts : t->conf.duplicates;

	if (n == INT64_MAX)
		return n;
	if (r->kind == TRAP_KIND_HOST)
		return n * HOST_FACTOR + r->uniques;
	if (family != NULL && family->score >= n &&
	    family->productive * PRODUCTIVE_ONE_IN <= family->copied_in)
		return COPIES_IN_FAMILY;
	return n + r->uniques / LIMIT_PART;
}

void
trap_close(struct traps *t, struct trap_record *r)
{
	r->closed = true;
	t->closed_of[r->kind]++;
	list_push(&t->fresh_closed, &r->on_fresh);
	trap_is_loud(t, r);
}

void
traps_reopen(struct traps *t)
{
	uint64_t id;
	void *value;

	for (size_t i = 0; umap_at(&t->by_id, &i, &id, &value);) {
		struct trap_record *r = value;

		if (!r->closed || r->score >= copies_allowed(t, r, NULL))
			continue;
		r->closed = false;
		t->closed_of[r->kind]--;
		trap_changed(t, r);
	}
}

static void
note_copy(struct traps *t, struct trap_record *r, struct trap_record *family)
{
	r->score++;
	if (family != NULL) {
		family->score++;
		family->copied_in += r->pages - r->uniques == 1;
		trap_changed(t, family);
	}
	if (!r->closed && r->score >= copies_allowed(t, r, family))
		trap_close(t, r);
}

static int
note_unique(struct traps *t, struct trap_record *r, struct trap_record *family,
    const struct trap_page *page)
{
	uint32_t good = (uint32_t)(t->conf.duplicates / UNIQUE_PART);
	int err = trap_add_print(t, r, print_of(page));

	add_sim(r, page);
	r->uniques++;
	r->score -= r->score < good ? r->score : good;
	if (r->uniques == PRODUCTIVE && family != NULL) {
		family->productive++;
		trap_changed(t, family);
	}
	return err;
}

static int
learn(struct traps *t, const struct trap_link *l, enum trap_kind kind, uint64_t hash,
    const struct trap_page *page)
{
	struct trap_record *family = NULL, *r;
	int err = 0;

	if (kind == TRAP_KIND_PATTERN && l->pattern->family != 0)
		err = find_or_make(t, l, TRAP_KIND_FAMILY, l->pattern->family, &family);
	if (err == 0)
		err = find_or_make(t, l, kind, hash, &r);
	if (err < 0)
		return err;
	trap_changed(t, r);
	if (r->pages == UINT32_MAX)
		return 0;
	r->pages++;
	if (!trap_has_print(r, print_of(page)) && !has_sim(r, page))
		return note_unique(t, r, family, page);
	note_copy(t, r, family);
	return 0;
}

/* ---- learning ---- */

static void
grant(struct traps *t, const struct trap_link *l, enum trap_kind kind, uint64_t hash,
    uint32_t n)
{
	struct trap_record *r = trap_find(t, trap_id(kind, l->authority_hash, hash));

	if (r == NULL || r->granted > UINT32_MAX - n)
		return;
	r->granted += n;
	trap_changed(t, r);
}

void
traps_news(struct traps *t, const struct trap_link *l)
{
	if (l->pattern->has_query)
		grant(t, l, TRAP_KIND_QUERIES, l->pattern->path, QUERIES_A_NEWS);
	if (is_far(l))
		grant(t, l, TRAP_KIND_DATES, l->pattern->whole, DATES_A_NEWS);
}

static uint32_t
pages_of(const struct traps *t, const struct trap_link *l, uint64_t whole)
{
	const struct trap_record *r =
	    umap_get(&t->by_id, trap_id(TRAP_KIND_PATTERN, l->authority_hash, whole));

	return r == NULL ? 0 : r->pages;
}

bool
traps_by_tail(const struct url_pattern *p)
{
	return p->repeats || p->segments >= TAIL_SEGMENTS;
}

int
traps_learn(struct traps *t, const struct trap_link *l, const struct trap_page *page)
{
	const struct url_pattern *p = l->pattern;
	bool by_tail = traps_by_tail(p), explained = by_tail;
	int err = 0;

	if (t->conf.duplicates == INT64_MAX)
		return 0;
	trap_shrink(t, l->authority_hash);
	if (p->varies) {
		err = learn(t, l, TRAP_KIND_PATTERN, p->whole, page);
		explained = explained || pages_of(t, l, p->whole) >= EXPLAINS;
	}
	if (err == 0 && by_tail)
		err = learn(t, l, TRAP_KIND_TAIL, tail_of(t, l), page);
	/* Copies that a pattern explains say nothing of the rest of the host. */
	if (err == 0 && !explained && page->shape != 0)
		err = learn(t, l, TRAP_KIND_HOST, 0, page);
	return err;
}

/* ---- telling ---- */

static void
tell(const struct traps *t, const struct trap_record *r, struct trap_closed *ret)
{
	ret->id = r->id;
	ret->rule = trap_kind_rule(r->kind);
	detail_of(t, r, ret->detail);
}

bool
traps_next_closed(struct traps *t, struct trap_closed *ret)
{
	struct list *at = list_pop(&t->fresh_closed);

	if (at == NULL)
		return false;
	tell(t, container_of(at, struct trap_record, on_fresh), ret);
	return true;
}

bool
traps_closed_at(const struct traps *t, size_t *at, struct trap_closed *ret)
{
	uint64_t id;
	void *r;

	while (umap_at(&t->by_id, at, &id, &r))
		if (((struct trap_record *)r)->closed) {
			tell(t, r, ret);
			return true;
		}
	return false;
}
