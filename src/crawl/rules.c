#define PCRE2_CODE_UNIT_WIDTH 8
#include "crawl/rules.h"
#include <errno.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

/* As in scope.c: a hostile URL may not stall a worker. */
#define MATCH_LIMIT 100000

struct rule {
	pcre2_code *code; /* NULL: all URLs */
	char *host;       /* NULL: all hosts */
	int exclude;      /* -1: not said */
	int64_t depth_max;
	bool has_priority;
	int16_t priority;
	size_t field, fields; /* of those of all rules */
};

struct rules {
	struct rule *v;
	size_t n;
	size_t field; /* the first that a rule has */
	pcre2_match_data *match;
	pcre2_match_context *limits;
};

/* ---- what there can be ---- */

static const enum option_id rule_options[] = {
#define X(name) OPTION_ID_##name,
    RULE_OPTIONS(X)
#undef X
};
enum { N_RULE_OPTIONS = sizeof(rule_options) / sizeof(rule_options[0]) };

const struct option_row *
rule_option(struct slice name)
{
	for (size_t i = 0; i < N_RULE_OPTIONS; i++)
		if (slice_eq(name, slice_cstr(option_rows[rule_options[i]].name)))
			return &option_rows[rule_options[i]];
	return NULL;
}

const char *
rule_key_nearest(struct slice name)
{
	static const char *const words[] = {"match", "host", "exclude", "priority"};
	enum { WORDS = sizeof(words) / sizeof(words[0]) };
	unsigned least = name.len < 5 ? 2 : 4;
	const char *best = NULL;

	for (size_t i = 0; i < WORDS + N_RULE_OPTIONS; i++) {
		const char *word =
		    i < WORDS ? words[i] : option_rows[rule_options[i - WORDS]].name;
		unsigned d = name_distance(name, slice_cstr(word));

		if (d >= least)
			continue;
		least = d;
		best = word;
	}
	return best;
}

/* Where in "host:port" the ':' is; the length: there is no port. */
static size_t
port_at(struct slice s)
{
	size_t from = slice_starts(s, SLICE_LIT("[")) ? slice_find(s, ']') : 0;

	return from + slice_find(slice_from(s, from), ':');
}

int
rule_host(struct slice text, char **ret, struct why *why)
{
	bool below = slice_starts(text, SLICE_LIT("*."));
	struct slice name = slice_from(text, below ? 2 : 0), host;
	bool has_port = port_at(name) < name.len;
	char in[512], out[URL_BYTES_MAX], *copy;
	struct url url;
	int n = snprintf(in, sizeof(in), "http://" SLICE_FMT "/", SLICE_ARG(name));

	if (name.len == 0 || slice_find(name, '/') < name.len ||
	    slice_find(name, '@') < name.len || slice_find(name, '*') < name.len ||
	    n < 0 || n >= (int)sizeof(in) ||
	    url_resolve(NULL, slice_of(in, (size_t)n), (struct slice){0}, 0, out,
		sizeof(out), &url) != URL_OK ||
	    slice_ends(name, SLICE_LIT(":")) || url.port == 0)
		return why_set(why, -EINVAL,
		    "'" SLICE_FMT
		    "' is not the name of a host, nor *.NAME for all below, maybe with "
		    ":PORT",
		    SLICE_ARG(slice_head(text, 200)));
	host = url_host(&url);
	n = snprintf(in, sizeof(in), "%s" SLICE_FMT, below ? "*." : "", SLICE_ARG(host));
	if (has_port)
		n += snprintf(in + n, sizeof(in) - (size_t)n, ":%u", (unsigned)url.port);
	copy = slice_dup(slice_of(in, (size_t)n));
	if (copy == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	*ret = copy;
	return 0;
}

static bool
has_pace(const struct option_rule *rule)
{
	return rule->options->given[OPTION_ID_fetch_delay] ||
	       rule->options->given[OPTION_ID_fetch_per_host];
}

int
rule_check(const struct option_rule *rule, struct why *why)
{
	if (rule->match == NULL && rule->host == NULL)
		return why_set(why, -EINVAL,
		    "a rule says for which URLs it is: match: RE, host: NAME, or both");
	if (has_pace(rule) && (rule->match != NULL || rule->host == NULL))
		return why_set(why, -EINVAL,
		    "delay and per_host are of a whole host: in a rule with host and "
		    "without match");
	if (rule->options->fetch_header.n > RULES_HEADERS_MAX)
		return why_set(why, -EINVAL, "more than %d header lines in a rule",
		    RULES_HEADERS_MAX);
	return 0;
}

/* ---- for the workers ---- */

static json_t *
rule_settings(const struct option_rule *rule)
{
	const struct options *o = rule->options;

	return json_pack("{s:s, s:s, s:i, s:I, s:b, s:i, s:i}", "match",
	    rule->match == NULL ? "" : rule->match, "host",
	    rule->host == NULL ? "" : rule->host, "exclude", rule->exclude, "depth",
	    o->given[OPTION_ID_crawl_depth] ? (json_int_t)o->crawl_depth : (json_int_t)-1,
	    "has_priority", (int)rule->has_priority, "priority", (int)rule->priority,
	    "fields", (int)o->crawl_extract.n);
}

json_t *
rules_settings(const struct options *o)
{
	json_t *all = json_pack("{s:i, s:[]}", "field", (int)o->crawl_extract.n, "list");
	json_t *list = json_object_get(all, "list");

	for (size_t i = 0; i < o->rules_len; i++)
		if (json_array_append_new(list, rule_settings(&o->rules[i])) < 0) {
			json_decref(all);
			return NULL;
		}
	return all;
}

static int
compile(struct rule *r, const char *match, size_t number, struct why *why)
{
	PCRE2_UCHAR text[128];
	PCRE2_SIZE at;
	int code;

	r->code = pcre2_compile((PCRE2_SPTR)match, strlen(match), 0, &code, &at, NULL);
	if (r->code != NULL)
		return 0;
	(void)pcre2_get_error_message(code, text, sizeof(text));
	return why_set(why, -EINVAL, "rule %zu: match '%s': %s at character %zu", number,
	    match, (const char *)text, at + 1);
}

static int
rule_read(json_t *in, struct rules *all, struct why *why)
{
	const char *match = json_string_value(json_object_get(in, "match"));
	const char *host = json_string_value(json_object_get(in, "host"));
	struct rule *r = &all->v[all->n++];
	int err = 0;

	if (match == NULL || host == NULL)
		return why_set(why, -EINVAL, "settings of the rules are incomplete");
	r->exclude = (int)json_integer_value(json_object_get(in, "exclude"));
	r->depth_max = json_integer_value(json_object_get(in, "depth"));
	r->has_priority = json_is_true(json_object_get(in, "has_priority"));
	r->priority = (int16_t)json_integer_value(json_object_get(in, "priority"));
	r->field = all->n == 1 ? all->field : r[-1].field + r[-1].fields;
	r->fields = (size_t)json_integer_value(json_object_get(in, "fields"));
	if (match[0] != '\0')
		err = compile(r, match, all->n, why);
	if (err == 0 && host[0] != '\0' && (r->host = strdup(host)) == NULL)
		err = why_set(why, -ENOMEM, "out of memory");
	return err;
}

int
rules_new(json_t *all, struct rules **ret, struct why *why)
{
	json_t *list = json_object_get(all, "list"), *in;
	size_t n = json_array_size(list), i;
	struct rules *r;
	int err = 0;

	*ret = NULL;
	if (n == 0)
		return 0;
	if (n > RULES_MAX)
		return why_set(why, -EINVAL, "more than %d rules", RULES_MAX);
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	r->field = (size_t)json_integer_value(json_object_get(all, "field"));
	r->v = calloc(n, sizeof(*r->v));
	r->match = pcre2_match_data_create(1, NULL);
	r->limits = pcre2_match_context_create(NULL);
	if (r->v == NULL || r->match == NULL || r->limits == NULL)
		err = why_set(why, -ENOMEM, "out of memory");
	else
		(void)pcre2_set_match_limit(r->limits, MATCH_LIMIT);
	json_array_foreach(list, i, in)
	{
		if (err == 0)
			err = rule_read(in, r, why);
	}
	if (err < 0)
		rules_free(r);
	else
		*ret = r;
	return err;
}

void
rules_free(struct rules *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++) {
		pcre2_code_free(r->v[i].code);
		free(r->v[i].host);
	}
	free(r->v);
	pcre2_match_data_free(r->match);
	pcre2_match_context_free(r->limits);
	free(r);
}

/* ---- which are for a URL ---- */

static bool
host_is(struct slice host, unsigned port, const char *wanted)
{
	struct slice name = slice_cstr(wanted);
	size_t at = port_at(name);
	uint64_t only;

	if (slice_to_u64(slice_from(name, at + 1), &only) && only != port)
		return false;
	name = slice_head(name, at);
	if (slice_starts(name, SLICE_LIT("*.")))
		return host.len > name.len - 1 && slice_ends(host, slice_from(name, 1));
	return slice_eq(host, name);
}

static bool
is_for(const struct rules *all, const struct rule *r, const struct url *url)
{
	if (r->host != NULL && !host_is(url_host(url), url->port, r->host))
		return false;
	return r->code == NULL || pcre2_match(r->code, (PCRE2_SPTR)url->text, url->len, 0,
				      0, all->match, all->limits) >= 0;
}

void
rules_judge(const struct rules *all, const struct url *url, struct rules_verdict *ret)
{
	*ret = (struct rules_verdict){.depth_max = -1};
	for (size_t i = 0; all != NULL && i < all->n; i++) {
		const struct rule *r = &all->v[i];

		if ((r->exclude < 0 && r->depth_max < 0 && !r->has_priority) ||
		    !is_for(all, r, url))
			continue;
		if (r->exclude >= 0)
			ret->excluded_by = r->exclude > 0 ? (int)i + 1 : 0;
		if (r->depth_max >= 0) {
			ret->depth_max = r->depth_max;
			ret->depth_by = (int)i + 1;
		}
		if (r->has_priority) {
			ret->has_priority = true;
			ret->priority = r->priority;
		}
	}
}

size_t
rules_matching(const struct rules *all, const struct url *url, uint16_t ret[RULES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; all != NULL && i < all->n; i++)
		if (is_for(all, &all->v[i], url))
			ret[n++] = (uint16_t)i;
	return n;
}

bool
rules_have_fields(const struct rules *all)
{
	const struct rule *last = all == NULL ? NULL : &all->v[all->n - 1];

	return last != NULL && last->field + last->fields > all->field;
}

bool
rules_want_field(
    const struct rules *all, const uint16_t *matching, size_t n, size_t field)
{
	if (field < all->field)
		return true;
	for (size_t i = 0; i < n; i++) {
		const struct rule *r = &all->v[matching[i]];

		if (field >= r->field && field - r->field < r->fields)
			return true;
	}
	return false;
}

/* ---- of hosts ---- */

static struct slice
host_of(struct slice authority, unsigned *ret_port)
{
	struct slice rest = slice_from(authority, slice_find(authority, ':'));
	uint64_t port;
	size_t at;

	rest = slice_from(rest, strlen("://"));
	at = port_at(rest);
	if (!slice_to_u64(slice_from(rest, at + 1), &port))
		port = slice_starts(authority, SLICE_LIT("https:")) ? 443 : 80;
	*ret_port = (unsigned)port;
	return slice_head(rest, at);
}

void
rules_pace(const struct options *o, struct slice authority, uint32_t *per_host,
    int64_t *delay_ms)
{
	unsigned port;
	struct slice host = host_of(authority, &port);

	for (size_t i = 0; i < o->rules_len; i++) {
		const struct option_rule *r = &o->rules[i];

		if (r->match != NULL || !has_pace(r) || !host_is(host, port, r->host))
			continue;
		if (r->options->given[OPTION_ID_fetch_per_host])
			*per_host = r->options->fetch_per_host;
		if (r->options->given[OPTION_ID_fetch_delay])
			*delay_ms = r->options->fetch_delay;
	}
}

bool
rules_have_pace(const struct options *o)
{
	for (size_t i = 0; i < o->rules_len; i++)
		if (has_pace(&o->rules[i]))
			return true;
	return false;
}

uint64_t
rules_hash(const struct options *o, uint64_t hash)
{
	char numbers[64];

	for (size_t i = 0; i < o->rules_len; i++) {
		const struct option_rule *r = &o->rules[i];

		(void)snprintf(numbers, sizeof(numbers), "%d %lld", r->exclude,
		    r->options->given[OPTION_ID_crawl_depth]
			? (long long)r->options->crawl_depth
			: -1LL);
		hash = url_hash(slice_cstr(numbers), hash);
		hash = url_hash(slice_cstr(r->match), hash + 'm');
		hash = url_hash(slice_cstr(r->host), hash + 'h');
	}
	return hash;
}
