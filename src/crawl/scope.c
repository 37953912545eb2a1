#define PCRE2_CODE_UNIT_WIDTH 8
#include "crawl/scope.h"
#include "base/wire.h"
#include "crawl/reach.h"
#include "crawl/rules.h"
#include "crawl/score.h"
#include "frontier/urlrec.h"
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

/* Backtracking stops here: a hostile URL may not stall a worker. */
#define MATCH_LIMIT 100000

struct pattern {
	pcre2_code *code;
	char *text;
	int16_t priority;
};

struct patterns {
	struct pattern *v;
	size_t n;
};

struct scope_rules {
	int64_t depth_max;
	bool requisites, sitemaps, sitemap_extras, simhash, text, shapes;
	struct scope_checks checks;
	unsigned tidy;     /* enum url_tidy */
	unsigned nofollow; /* NOFOLLOW_PAGE ... */
	uint32_t speculative_max;
	uint64_t hash_seed;
	char *agent;
	struct reach reach; /* of the seeds, and of where they were redirected to */
	struct patterns include, exclude, priority, trap_ok;
	struct rules *rules; /* NULL: none */
	struct score *score; /* NULL: none */
	pcre2_match_data *match;
	pcre2_match_context *limits;
};

/* ---- settings: written in the engine ---- */

static int
add_list(json_t *o, const char *key, const char *const *v, size_t n)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++)
		if (json_array_append_new(a, json_stringn_nocheck(v[i], strlen(v[i]))) <
		    0)
			break;
	if (a == NULL || json_array_size(a) != n) {
		json_decref(a);
		return -ENOMEM;
	}
	return json_object_set_new(o, key, a) < 0 ? -ENOMEM : 0;
}

void
scope_agent_of(const struct options *o, char ret[SCOPE_AGENT_BYTES])
{
	const char *p = o->fetch_user_agent == NULL ? "trawl" : o->fetch_user_agent;
	const char *inner = strstr(p, "compatible; ");
	size_t n = 0;

	if (strncmp(p, "Mozilla/", 8) == 0 && inner != NULL)
		p = inner + strlen("compatible; ");
	while (n + 1 < SCOPE_AGENT_BYTES && (ascii_is_alpha(p[n]) || p[n] == '-' ||
						p[n] == '_' || ascii_is_digit(p[n])))
		n++;
	(void)snprintf(ret, SCOPE_AGENT_BYTES, "%.*s", (int)n, p);
}

unsigned
scope_tidy_of(const struct options *o)
{
	return (o->crawl_sort_query ? URL_SORT_QUERY : 0u) |
	       (o->crawl_strip_session_ids ? URL_STRIP_SESSION_IDS : 0u) |
	       (o->crawl_strip_tracking ? URL_STRIP_TRACKING : 0u);
}

static int
add_lists(json_t *root, const struct options *o)
{
	const struct {
		const char *key;
		const struct strlist *list;
	} lists[] = {{"include", &o->crawl_include}, {"exclude", &o->crawl_exclude},
	    {"priority", &o->crawl_priority}, {"trap_ok", &o->limits_trap_ok}};
	int r = 0;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) && r == 0; i++)
		r = add_list(root, lists[i].key, (const char *const *)lists[i].list->v,
		    lists[i].list->n);
	return r;
}

/* What is the same however many seeds there are. */
static int
write_options(const struct options *o, uint64_t hash_seed, struct wire_out *w)
{
	char agent[SCOPE_AGENT_BYTES], seed[24];
	json_t *root;
	char *text = NULL;

	scope_agent_of(o, agent);
	(void)snprintf(seed, sizeof(seed), "%" PRIu64, hash_seed);
	root = json_pack(
	    "{s:i, s:I, s:b, s:b, s:i, s:i, s:i, s:b, s:b, s:b, s:b, s:s, s:s, s:b, "
	    "s:i, s:i}",
	    "mode", (int)o->crawl_scope, "depth", (json_int_t)o->crawl_depth,
	    "requisites", (int)o->crawl_requisites, "sitemap_extras",
	    (int)o->crawl_sitemap_extras, "tidy", (int)scope_tidy_of(o), "nofollow",
	    o->crawl_robots == ROBOTS_OBEY ? (int)o->crawl_nofollow : NOFOLLOW_NONE,
	    "speculative", o->crawl_speculative ? (int)o->crawl_speculative_max : 0,
	    "simhash", (int)o->output_simhash, "text", (int)o->output_text, "shapes",
	    (int)(o->limits_traps && (o->limits_trap_duplicates != OPTION_NONE ||
					 o->limits_trap_hosts != OPTION_NONE)),
	    "sitemaps",
	    (int)(o->crawl_sitemaps && o->crawl_depth > 0 &&
		  o->crawl_scope != SCOPE_PAGE),
	    "agent", agent, "hash_seed", seed, "check", (int)o->crawl_check_links, "ids",
	    (int)o->crawl_check_fragments, "soft", (int)o->crawl_check_soft_404);
	if (root != NULL && add_lists(root, o) == 0 &&
	    json_object_set_new(root, "rules", rules_settings(o)) == 0 &&
	    json_object_set_new(root, "score", score_settings(o)) == 0)
		text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	if (text == NULL)
		return -ENOMEM;
	wire_text(w, slice_cstr(text));
	free(text);
	return w->err;
}

static int
key_of(const struct reach *r, struct slice seed, uint64_t *ret)
{
	char text[URL_BYTES_MAX];
	struct url url;

	if (url_resolve(NULL, seed, (struct slice){0}, 0, text, sizeof(text), &url) !=
	    URL_OK)
		return -EINVAL;
	*ret = reach_key(r, &url);
	return 0;
}

/* Each once, behind the rest. */
static int
write_keys(struct reach *r, const char *const *seeds, size_t n, struct wire_out *w)
{
	uint64_t key;
	int err = 0;

	for (size_t i = 0; i < n && err == 0 && r->mode != SCOPE_ANY; i++) {
		err = key_of(r, slice_cstr(seeds[i]), &key);
		if (err == 0)
			err = reach_add(r, key);
		if (err == 0)
			wire_u64(w, key);
		err = err == -EEXIST ? 0 : err < 0 ? err : w->err;
	}
	return err;
}

int
scope_settings(const struct options *o, const char *const *seeds, size_t seeds_len,
    uint64_t hash_seed, struct buf *out, struct why *why)
{
	struct wire_out w = {.b = out};
	struct reach reach;
	int r;

	buf_clear(out);
	r = write_options(o, hash_seed, &w);
	if (r == -EMSGSIZE)
		return why_set(why, r, "the patterns are too long");
	reach_init(&reach, (unsigned)o->crawl_scope, hash_seed);
	if (r == 0)
		r = write_keys(&reach, seeds, seeds_len, &w);
	reach_release(&reach);
	if (r == -ENOSPC || r == -EMSGSIZE)
		return why_set(why, -EMSGSIZE,
		    "too many seeds: they reach more than %d different places",
		    REACH_KEYS_MAX);
	if (r == -EINVAL)
		return why_set(why, r, "a seed is no URL");
	return r < 0 ? why_set(why, r, "out of memory") : 0;
}

/* ---- settings: read where URLs are judged ---- */

static int
pattern_add(struct patterns *ps, struct slice re, int16_t priority, const char *option,
    struct why *why)
{
	struct pattern *grown;
	PCRE2_SIZE at;
	PCRE2_UCHAR text[128];
	int code;
	struct pattern p = {.priority = priority};

	p.code = pcre2_compile((PCRE2_SPTR)re.ptr, re.len, 0, &code, &at, NULL);
	if (p.code == NULL) {
		(void)pcre2_get_error_message(code, text, sizeof(text));
		return why_set(why, -EINVAL, "--%s '" SLICE_FMT "': %s at character %zu",
		    option, SLICE_ARG(re), (const char *)text, at + 1);
	}
	p.text = slice_dup(re);
	grown = realloc(ps->v, (ps->n + 1) * sizeof(*grown));
	if (grown == NULL || p.text == NULL) {
		if (grown != NULL)
			ps->v = grown;
		free(p.text);
		pcre2_code_free(p.code);
		return why_set(why, -ENOMEM, "out of memory");
	}
	ps->v = grown;
	ps->v[ps->n++] = p;
	return 0;
}

/* "RE=N", split at the last '='. */
static int
priority_add(struct patterns *ps, struct slice s, struct why *why)
{
	size_t eq = s.len;
	struct slice number;
	bool negative;
	uint64_t n;

	while (eq > 0 && s.ptr[eq - 1] != '=')
		eq--;
	number = slice_from(s, eq);
	negative = number.len > 0 && number.ptr[0] == '-';
	if (eq < 2 || !slice_to_u64(slice_from(number, negative ? 1 : 0), &n) || n > 127)
		return why_set(why, -EINVAL,
		    "--priority '" SLICE_FMT "' is not RE=N with N from -127 to 127",
		    SLICE_ARG(s));
	return pattern_add(ps, slice_head(s, eq - 1),
	    (int16_t)(negative ? -(int)n : (int)n), "priority", why);
}

static void patterns_free(struct patterns *ps);

int
scope_pattern_check(enum option_id option, struct slice value, struct why *why)
{
	struct patterns one = {0};
	char flag[OPTION_FLAG_MAX];
	int r;

	switch (option) {
	case OPTION_ID_crawl_include:
	case OPTION_ID_crawl_exclude:
	case OPTION_ID_limits_trap_ok:
		option_flag(&option_rows[option], flag);
		r = pattern_add(&one, value, 0, flag + strlen("--"), why);
		break;
	case OPTION_ID_crawl_priority:
		r = priority_add(&one, value, why);
		break;
	default:
		return 0;
	}
	patterns_free(&one);
	return r;
}

static int
patterns_read(struct patterns *ps, json_t *list, const char *option, struct why *why)
{
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v)
	{
		struct slice re = slice_of(json_string_value(v), json_string_length(v));
		int r = strcmp(option, "priority") == 0
			    ? priority_add(ps, re, why)
			    : pattern_add(ps, re, 0, option, why);

		if (r < 0)
			return r;
	}
	return 0;
}

int
scope_rules_add_root(struct scope_rules *s, struct slice url, struct buf *news)
{
	uint64_t key;
	char text[URL_BYTES_MAX];
	struct url u;
	int r;

	if (url_resolve(NULL, url, (struct slice){0}, 0, text, sizeof(text), &u) !=
	    URL_OK)
		return -EINVAL;
	if (reach_holds(&s->reach, &u))
		return 0;
	key = reach_key(&s->reach, &u);
	if (news != NULL) {
		r = buf_add(news, &key, sizeof(key));
		if (r < 0)
			return r;
	}
	r = reach_add(&s->reach, key);
	return r == -ENOSPC ? 0 : r; /* see REACH_KEYS_MAX */
}

int
scope_rules_extend(struct scope_rules *s, struct slice news)
{
	struct wire_in in = {.rest = news};
	int r = 0;

	if (news.len % sizeof(uint64_t) != 0)
		return -EBADMSG;
	while (in.rest.len > 0 && (r == 0 || r == -EEXIST))
		r = reach_add(&s->reach, wire_get_u64(&in));
	return r == -EEXIST || r == -ENOSPC ? 0 : r;
}

bool
scope_reaches(const struct scope_rules *s, struct slice url)
{
	char text[URL_BYTES_MAX];
	struct url u;

	return url_resolve(NULL, url, (struct slice){0}, 0, text, sizeof(text), &u) ==
		   URL_OK &&
	       reach_holds(&s->reach, &u);
}

static void
checks_read(struct scope_rules *s, json_t *root)
{
	json_int_t ids = json_integer_value(json_object_get(root, "ids"));
	json_int_t soft = json_integer_value(json_object_get(root, "soft"));

	if (json_is_true(json_object_get(root, "check")))
		s->checks = (struct scope_checks){.links = true,
		    .ids = ids != CHECK_NONE,
		    .ids_of_all = ids == CHECK_ALL,
		    .probes = soft != CHECK_NONE,
		    .probes_of_all = soft == CHECK_ALL};
}

static int
rules_read(struct scope_rules *s, json_t *root, struct why *why)
{
	const char *agent = json_string_value(json_object_get(root, "agent"));
	const char *hash_seed = json_string_value(json_object_get(root, "hash_seed"));
	int r;

	if (agent == NULL || hash_seed == NULL)
		return why_set(why, -EINVAL, "settings of the scope are incomplete");
	s->depth_max = json_integer_value(json_object_get(root, "depth"));
	s->requisites = json_is_true(json_object_get(root, "requisites"));
	s->tidy = (unsigned)json_integer_value(json_object_get(root, "tidy"));
	s->nofollow = (unsigned)json_integer_value(json_object_get(root, "nofollow"));
	s->speculative_max =
	    (uint32_t)json_integer_value(json_object_get(root, "speculative"));
	s->sitemaps = json_is_true(json_object_get(root, "sitemaps"));
	s->sitemap_extras = json_is_true(json_object_get(root, "sitemap_extras"));
	s->simhash = json_is_true(json_object_get(root, "simhash"));
	s->text = json_is_true(json_object_get(root, "text"));
	s->shapes = json_is_true(json_object_get(root, "shapes"));
	checks_read(s, root);
	s->hash_seed = strtoull(hash_seed, NULL, 10);
	s->agent = strdup(agent);
	if (s->agent == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	reach_init(&s->reach, (unsigned)json_integer_value(json_object_get(root, "mode")),
	    s->hash_seed);
	r = patterns_read(&s->include, json_object_get(root, "include"), "include", why);
	if (r == 0)
		r = patterns_read(
		    &s->exclude, json_object_get(root, "exclude"), "exclude", why);
	if (r == 0)
		r = patterns_read(
		    &s->priority, json_object_get(root, "priority"), "priority", why);
	if (r == 0)
		r = patterns_read(
		    &s->trap_ok, json_object_get(root, "trap_ok"), "trap-ok", why);
	if (r == 0)
		r = rules_new(json_object_get(root, "rules"), &s->rules, why);
	if (r == 0)
		r = score_new(json_object_get(root, "score"), &s->score, why);
	return r;
}

int
scope_rules_new(struct slice settings, struct scope_rules **ret, struct why *why)
{
	struct wire_in in = {.rest = settings};
	struct slice options = wire_get_text(&in);
	json_error_t bad;
	json_t *root;
	struct scope_rules *s;
	int r;

	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	s->match = pcre2_match_data_create(1, NULL);
	s->limits = pcre2_match_context_create(NULL);
	if (s->match == NULL || s->limits == NULL) {
		scope_rules_free(s);
		return why_set(why, -ENOMEM, "out of memory");
	}
	(void)pcre2_set_match_limit(s->limits, MATCH_LIMIT);
	root = json_loadb(options.ptr == NULL ? "" : options.ptr, options.len, 0, &bad);
	r = root == NULL ? why_set(why, -EINVAL, "settings of the scope: %s", bad.text)
			 : rules_read(s, root, why);
	json_decref(root);
	if (r == 0) {
		r = scope_rules_extend(s, in.rest);
		if (r < 0)
			(void)why_set(why, r, "the scope: %s", strerror(-r));
	}
	if (r < 0) {
		scope_rules_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

static void
patterns_free(struct patterns *ps)
{
	for (size_t i = 0; i < ps->n; i++) {
		pcre2_code_free(ps->v[i].code);
		free(ps->v[i].text);
	}
	free(ps->v);
}

void
scope_rules_free(struct scope_rules *s)
{
	if (s == NULL)
		return;
	patterns_free(&s->include);
	patterns_free(&s->exclude);
	patterns_free(&s->priority);
	patterns_free(&s->trap_ok);
	rules_free(s->rules);
	score_free(s->score);
	reach_release(&s->reach);
	free(s->agent);
	pcre2_match_data_free(s->match);
	pcre2_match_context_free(s->limits);
	free(s);
}

uint64_t
scope_hash_seed(const struct scope_rules *s)
{
	return s->hash_seed;
}

unsigned
scope_tidy(const struct scope_rules *s)
{
	return s->tidy;
}

unsigned
scope_nofollow(const struct scope_rules *s)
{
	return s->nofollow;
}

uint32_t
scope_speculative_max(const struct scope_rules *s)
{
	return s->speculative_max;
}

struct scope_checks
scope_checks(const struct scope_rules *s)
{
	return s->checks;
}

bool
scope_reads_sitemaps(const struct scope_rules *s)
{
	return s->sitemaps;
}

bool
scope_reads_sitemap_extras(const struct scope_rules *s)
{
	return s->sitemaps && s->sitemap_extras;
}

bool
scope_wants_simhash(const struct scope_rules *s)
{
	return s->simhash;
}

bool
scope_wants_text(const struct scope_rules *s)
{
	return s->text;
}

bool
scope_wants_shapes(const struct scope_rules *s)
{
	return s->shapes;
}

struct slice
scope_agent(const struct scope_rules *s)
{
	return slice_cstr(s->agent);
}

/* ---- judging ---- */

/* The first pattern that matches, or NULL. */
static const struct pattern *
patterns_match(
    const struct scope_rules *s, const struct patterns *ps, const struct url *url)
{
	for (size_t i = 0; i < ps->n; i++)
		if (pcre2_match(ps->v[i].code, (PCRE2_SPTR)url->text, url->len, 0, 0,
			s->match, s->limits) >= 0)
			return &ps->v[i];
	return NULL;
}

bool
scope_trap_ok(const struct scope_rules *s, const struct url *url)
{
	return s->trap_ok.n > 0 && patterns_match(s, &s->trap_ok, url) != NULL;
}

const struct rules *
scope_url_rules(const struct scope_rules *s)
{
	return s->rules;
}

const struct score *
scope_score(const struct scope_rules *s)
{
	return s->score;
}

static int64_t
depth_max(const struct scope_rules *s, const struct rules_verdict *by)
{
	return by->depth_max >= 0 ? by->depth_max : s->depth_max;
}

static bool
is_excluded(
    const struct scope_rules *s, const struct rules_verdict *by, const struct url *url)
{
	return by->excluded_by > 0 || patterns_match(s, &s->exclude, url) != NULL;
}

/* Shown as they are: nothing in them is followed. */
static bool
has_no_links(enum link_kind kind)
{
	switch (kind) {
	case LINK_IMG:
	case LINK_SRCSET:
	case LINK_SOURCE:
	case LINK_VIDEO:
	case LINK_AUDIO:
	case LINK_TRACK:
	case LINK_POSTER:
	case LINK_SCRIPT:
	case LINK_INPUT:
	case LINK_BODY:
		return true;
	default:
		return false;
	}
}

/* --check-links: what is only to be asked whether it is there.  Where an outside link is sent
 * on to a page in scope, that is crawled as any other. */
static void
judge_check(const struct scope_rules *s, const struct scope_link *l,
    const struct rules_verdict *by, struct scope_verdict *v)
{
	bool from_check =
	    l->kind == LINK_REDIRECT && (l->parent_flags & URLREC_CHECK) != 0;
	unsigned part = l->kind == LINK_REDIRECT ? l->parent_flags & URLREC_PART
			: has_no_links(l->kind)  ? URLREC_PART
						 : 0;

	if (v->outcome == OUTCOME_REDIRECT_LIMIT || (v->flags & URLREC_SEED_CHAIN) != 0 ||
	    link_kind_is_guess(l->kind) ||
	    (v->outcome == OUTCOME_OUT_OF_SCOPE && is_excluded(s, by, l->url)))
		return;
	if (v->outcome == OUTCOME_NONE && !has_no_links(l->kind) &&
	    !(from_check && part != 0))
		return;
	v->outcome = OUTCOME_NONE;
	v->flags = (uint8_t)(URLREC_CHECK | part);
}

enum scope_reach
scope_reach(const struct scope_rules *s, const struct url *url)
{
	if (s->reach.mode == SCOPE_PAGE || s->reach.mode == SCOPE_PREFIX)
		return SCOPE_REACH_ASK;
	return reach_holds(&s->reach, url) ? SCOPE_REACH_IN : SCOPE_REACH_OUT;
}

static bool
is_reached(const struct scope_rules *s, const struct scope_link *l)
{
	return l->reach == SCOPE_REACH_ASK ? reach_holds(&s->reach, l->url)
					   : l->reach == SCOPE_REACH_IN;
}

static enum outcome
judge(const struct scope_rules *s, const struct scope_link *l,
    const struct rules_verdict *by, struct scope_verdict *v)
{
	bool from_part =
	    l->kind == LINK_REDIRECT && (l->parent_flags & URLREC_REQUISITE) != 0;
	bool as_part = s->requisites && (link_kind_is_embed(l->kind) || from_part);

	if (l->redirects + (l->kind == LINK_REDIRECT) > SCOPE_REDIRECTS_MAX)
		return OUTCOME_REDIRECT_LIMIT;
	if ((v->flags & URLREC_SEED_CHAIN) != 0)
		return OUTCOME_NONE;
	if (is_excluded(s, by, l->url))
		return OUTCOME_OUT_OF_SCOPE;
	if (as_part) {
		/* Does not take a step away from the seeds. */
		v->depth = l->depth;
		v->flags |= URLREC_PART;
		if (!is_reached(s, l))
			v->flags |= URLREC_REQUISITE;
		return OUTCOME_NONE;
	}
	if ((l->parent_flags & URLREC_REQUISITE) != 0 || !is_reached(s, l))
		return OUTCOME_OUT_OF_SCOPE;
	if (s->include.n > 0 && patterns_match(s, &s->include, l->url) == NULL)
		return OUTCOME_OUT_OF_SCOPE;
	return v->depth > depth_max(s, by) ? OUTCOME_DEPTH : OUTCOME_NONE;
}

void
scope_judge(
    const struct scope_rules *s, const struct scope_link *l, struct scope_verdict *ret)
{
	struct scope_verdict v = {.depth = l->depth};
	struct rules_verdict by;
	const struct pattern *p;

	if (l->kind == LINK_REDIRECT) {
		v.redirects = (uint8_t)(l->redirects + 1);
		if ((l->parent_flags & (URLREC_SEED | URLREC_SEED_CHAIN)) != 0)
			v.flags |= URLREC_SEED_CHAIN;
	} else if (v.depth < UINT16_MAX) {
		v.depth++;
	}
	rules_judge(s->rules, l->url, &by);
	v.outcome = judge(s, l, &by, &v);
	if (s->checks.links)
		judge_check(s, l, &by, &v);
	if (v.outcome == OUTCOME_NONE && by.has_priority) {
		v.priority = by.priority;
	} else if (v.outcome == OUTCOME_NONE) {
		p = patterns_match(s, &s->priority, l->url);
		v.priority = p == NULL ? 0 : p->priority;
	}
	*ret = v;
}

void
scope_reason(const struct scope_rules *s, const struct scope_link *l,
    enum outcome outcome, struct buf *ret)
{
	static const char *const modes[] = {"page", "prefix", "host", "domain", "any"};
	const struct pattern *p = patterns_match(s, &s->exclude, l->url);
	struct rules_verdict by;

	rules_judge(s->rules, l->url, &by);
	buf_clear(ret);
	if (outcome == OUTCOME_DEPTH && by.depth_by > 0)
		(void)buf_printf(
		    ret, "rule %d: depth %" PRId64, by.depth_by, by.depth_max);
	else if (outcome == OUTCOME_DEPTH)
		(void)buf_printf(ret, "--depth %" PRId64, s->depth_max);
	else if (outcome == OUTCOME_REDIRECT_LIMIT)
		(void)buf_printf(ret, "more than %d redirects", SCOPE_REDIRECTS_MAX);
	else if (by.excluded_by > 0)
		(void)buf_printf(ret, "rule %d: exclude", by.excluded_by);
	else if (p != NULL)
		(void)buf_printf(ret, "--exclude %s", p->text);
	else if ((l->parent_flags & URLREC_REQUISITE) != 0 &&
		 reach_holds(&s->reach, l->url))
		(void)buf_add_cstr(ret, "stands on a mere part of a page");
	else if (!reach_holds(&s->reach, l->url))
		(void)buf_printf(ret, "--scope %s", modes[s->reach.mode]);
	else
		(void)buf_add_cstr(ret, "no --include matches");
}

/* ---- judging anew ---- */

static enum outcome
judge_again(const struct scope_rules *s, const struct urlrec *rec, const struct url *url)
{
	const unsigned parts = URLREC_PART | URLREC_REQUISITE;
	struct rules_verdict by;

	if ((rec->flags & (URLREC_SEED | URLREC_SEED_CHAIN | URLREC_SITEMAP)) != 0)
		return OUTCOME_NONE;
	rules_judge(s->rules, url, &by);
	if (is_excluded(s, &by, url))
		return OUTCOME_OUT_OF_SCOPE;
	if (s->checks.links && (rec->flags & URLREC_CHECK) != 0)
		return OUTCOME_NONE;
	if (s->requisites &&
	    ((rec->flags & parts) != 0 || link_kind_is_embed((enum link_kind)rec->kind)))
		return OUTCOME_NONE;
	if ((rec->flags & URLREC_REQUISITE) != 0 || !reach_holds(&s->reach, url))
		return OUTCOME_OUT_OF_SCOPE;
	if (s->include.n > 0 && patterns_match(s, &s->include, url) == NULL)
		return OUTCOME_OUT_OF_SCOPE;
	return rec->depth > depth_max(s, &by) ? OUTCOME_DEPTH : OUTCOME_NONE;
}

enum outcome
scope_judge_again(
    const struct scope_rules *s, const struct urlrec *rec, struct buf *reason)
{
	char text[URL_BYTES_MAX];
	struct scope_link link = {.kind = (enum link_kind)rec->kind};
	enum outcome o;
	struct url url;

	if (url_resolve(NULL, rec->url, (struct slice){0}, 0, text, sizeof(text), &url) !=
	    URL_OK)
		return OUTCOME_NONE; /* the fetch will tell */
	o = judge_again(s, rec, &url);
	link.url = &url;
	if (o != OUTCOME_NONE)
		scope_reason(s, &link, o, reason);
	return o;
}

static uint64_t
hash_texts(uint64_t hash, char name, const struct strlist *texts)
{
	for (size_t i = 0; i < texts->n; i++) /* "ab" "c" is not "a" "bc" */
		hash = url_hash(slice_cstr(texts->v[i]), hash + (unsigned char)name);
	return hash;
}

uint64_t
scope_hash(const struct options *o, const struct strlist *seeds)
{
	char numbers[64];
	uint64_t hash;

	(void)snprintf(numbers, sizeof(numbers), "%u %" PRId64 " %d",
	    (unsigned)o->crawl_scope, o->crawl_depth, (int)o->crawl_requisites);
	hash = url_hash(slice_cstr(numbers), 0);
	if (o->crawl_check_links)
		hash = url_hash(SLICE_LIT("check"), hash);
	hash = hash_texts(hash, 'i', &o->crawl_include);
	hash = hash_texts(hash, 'x', &o->crawl_exclude);
	hash = rules_hash(o, hash);
	return hash_texts(hash, 's', seeds) | 1;
}
