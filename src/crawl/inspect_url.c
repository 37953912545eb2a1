#include "base/escape.h"
#include "crawl/crawl_internal.h"
#include "crawl/inspect_internal.h"
#include "crawl/quarantine.h"
#include "crawl/scope.h"
#include "fetch/retry.h"
#include "frontier/keys.h"
#include "frontier/rules.h"
#include "sink/lines.h"
#include "web/link.h"
#include "web/url.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

/* What became of one URL, and why: from the store, and from the lines of the logs. */

struct asking {
	struct inspect *in;
	struct inspect_url *u;
	char text[URL_BYTES_MAX];
	struct url url; /* when it is one */
	uint64_t authority_hash, url_hash;
	struct buf wanted; /* how the line begins, or the field reads, that we look for */
	struct buf line;   /* of pages.jsonl */
	uint64_t records;  /* of the queue that were passed */
	int err;
};

static int
keep(struct asking *a, struct slice s, struct slice *ret)
{
	return arena_copy(&a->in->texts, s, ret) ? 0 : -ENOMEM;
}

/* Of a log: without the escapes. */
static int
keep_field(struct asking *a, struct slice field, struct slice *ret)
{
	struct buf plain;
	int r;

	if (slice_eq(field, SLICE_LIT("-")))
		return 0;
	buf_init(&plain, field.len + 1);
	r = unescape_line(&plain, field);
	if (r == 0)
		r = keep(a, buf_slice(&plain), ret);
	buf_release(&plain);
	return r;
}

/* ---- scope ---- */

static int
on_root(void *ctx, struct slice url)
{
	return scope_rules_add_root(ctx, url, NULL);
}

static int
open_rules(
    struct inspect *in, const struct job *job, struct scope_rules **ret, struct why *why)
{
	struct buf settings;
	int r;

	buf_init(&settings, SCOPE_SETTINGS_MAX);
	r = scope_settings(&job->options, (const char *const *)job->seeds.v, job->seeds.n,
	    in->saved.hash_seed, &settings, why);
	if (r == 0)
		r = scope_rules_new(buf_slice(&settings), ret, why);
	buf_release(&settings);
	if (r < 0)
		return r;
	r = saved_roots(in->store, on_root, *ret);
	if (r == 0)
		return 0;
	scope_rules_free(*ret);
	return inspect_why(in, r, why);
}

static int
name_rule(struct asking *a, const struct scope_rules *rules,
    const struct scope_link *link, enum outcome outcome, struct slice *ret)
{
	struct buf reason;
	int r;

	buf_init(&reason, URL_BYTES_MAX * 2);
	scope_reason(rules, link, outcome, &reason);
	r = keep(a, buf_slice(&reason), ret);
	buf_release(&reason);
	return r;
}

static bool
is_of_scope(enum outcome o)
{
	return o == OUTCOME_OUT_OF_SCOPE || o == OUTCOME_DEPTH ||
	       o == OUTCOME_REDIRECT_LIMIT;
}

/* By the rules of now: of what was rejected without a line that says so, and of what was
 * never seen. */
static int
ask_scope(struct asking *a, struct why *why)
{
	struct inspect_url *u = a->u;
	struct scope_link link = {.url = &a->url, .kind = LINK_A};
	struct scope_verdict verdict;
	struct scope_rules *rules;
	int r = open_rules(a->in, a->in->job, &rules, why);

	if (r < 0)
		return r;
	if (u->known) {
		r = name_rule(a, rules, &link, u->outcome, &u->rule);
	} else {
		scope_judge(rules, &link, &verdict);
		u->would_be = verdict.outcome;
		if (verdict.outcome != OUTCOME_NONE)
			r = name_rule(a, rules, &link, verdict.outcome, &u->would_rule);
	}
	scope_rules_free(rules);
	return r < 0 ? inspect_why(a->in, r, why) : 0;
}

/* ---- logs ---- */

static struct slice
json_text(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_string(v) ? slice_of(json_string_value(v), json_string_length(v))
				 : (struct slice){0};
}

static uint64_t
json_count(const json_t *o, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(o, key));

	return n < 0 ? 0 : (uint64_t)n;
}

static const char *
kind_named(struct slice name)
{
	for (int k = 0; k < LINK_KIND_MAX; k++)
		if (slice_eq(name, slice_cstr(link_kind_name((enum link_kind)k))))
			return link_kind_name((enum link_kind)k);
	return NULL;
}

static int
take_page(struct asking *a, const json_t *o)
{
	struct inspect_url *u = a->u;
	const json_t *at = json_object_get(o, "warc");
	int r = keep(a, json_text(o, "via"), &u->via);

	u->status = (int)json_integer_value(json_object_get(o, "status"));
	u->body_bytes = json_count(o, "bytes_body");
	u->depth = (int32_t)json_integer_value(json_object_get(o, "depth"));
	u->kind = kind_named(json_text(o, "kind"));
	u->warc_offset = json_count(at, "offset");
	u->warc_length = json_count(at, "length");
	if (r == 0)
		r = keep(a, json_text(o, "hops"), &u->hops);
	if (r == 0)
		r = keep(a, json_text(o, "mime"), &u->mime);
	if (r == 0)
		r = keep(a, json_text(o, "fetched_at"), &u->fetched_at);
	if (r == 0)
		r = keep(a, json_text(o, "redirect_to"), &u->redirect_to);
	if (r == 0)
		r = keep(a, json_text(at, "file"), &u->warc_file);
	return r;
}

/* Its last answer that says what is there: "not modified" does not.  In the first round
 * there is one a URL. */
static bool
on_page(void *ctx, struct slice line)
{
	struct asking *a = ctx;

	if (!slice_starts(line, buf_slice(&a->wanted)))
		return true;
	if (a->line.len > 0 && slice_starts(slice_from(line, a->wanted.len),
				   SLICE_LIT(",\"outcome\":\"not-modified\"")))
		return true;
	buf_clear(&a->line);
	a->err = buf_add_slice(&a->line, line);
	return a->err == 0 && a->in->saved.round.number > 1;
}

static int
take_line(struct asking *a)
{
	json_error_t bad;
	json_t *o;
	int r;

	if (a->line.len == 0)
		return 0;
	o = json_loadb(a->line.ptr, a->line.len, 0, &bad);
	if (o == NULL) /* a line that is damaged: not for us to mend */
		return 0;
	r = take_page(a, o);
	json_decref(o);
	return r < 0 ? r : keep(a, buf_slice(&a->line), &a->u->page);
}

static int
read_page(struct asking *a, struct why *why)
{
	int r;

	buf_clear(&a->wanted);
	buf_clear(&a->line);
	r = buf_add_cstr(&a->wanted, "{\"v\":1,\"url\":\"");
	if (r == 0)
		r = escape_json(&a->wanted, a->u->url);
	if (r == 0)
		r = buf_add_byte(&a->wanted, '"');
	if (r < 0)
		return inspect_why(a->in, r, why);
	r = inspect_lines(a->in, "jsonl", on_page, a, why);
	if (r == 0 && a->err == 0)
		a->err = take_line(a);
	return r;
}

/* The next of the columns that blanks divide. */
static struct slice
column(struct slice *rest)
{
	struct slice c = {0};

	while (slice_cut(rest, ' ', &c) && c.len == 0)
		;
	return c;
}

static int
keep_sentence(struct asking *a, struct slice word, struct slice *ret)
{
	struct buf b;
	int r;

	buf_init(&b, LINES_TEXT_BYTES_MAX);
	r = lines_sentence(&b, word);
	if (r == 0)
		r = keep(a, buf_slice(&b), ret);
	buf_release(&b);
	return r;
}

/* "timeout-stall,3t,retry", "2t", "-" */
static int
take_annotations(struct asking *a, struct slice rest)
{
	struct inspect_url *u = a->u;
	struct slice word, outcome = SLICE_LIT("ok");
	uint64_t n;

	u->tries = 1;
	u->tried_why = (struct slice){0};
	while (slice_cut(&rest, ',', &word)) {
		enum outcome o;

		if (slice_starts(word, SLICE_LIT("why:")))
			a->err = keep_sentence(a, slice_from(word, 4), &u->tried_why);
		else if (outcome_parse(word, &o))
			outcome = slice_cstr(outcome_name(o));
		else if (slice_ends(word, SLICE_LIT("t")) &&
			 slice_to_u64(slice_head(word, word.len - 1), &n) && n < 256)
			u->tries = (uint32_t)n;
	}
	u->tried = outcome;
	return a->err;
}

/* Columns: time, status, bytes, URL, hops, via, mime, worker, start, digest, source,
 * annotations.  The last line of the URL stays. */
static bool
on_try(void *ctx, struct slice line)
{
	struct asking *a = ctx;
	struct inspect_url *u = a->u;
	struct slice c[12] = {{0}};

	for (size_t i = 0; i < 12; i++) {
		c[i] = column(&line);
		if (i == 3 && !slice_eq(c[i], buf_slice(&a->wanted)))
			return true;
	}
	if (c[11].len == 0)
		return true;
	a->err = keep(a, c[0], &u->tried_at);
	if (a->err == 0)
		a->err = keep_field(a, c[4], &u->hops);
	if (a->err == 0)
		a->err = keep_field(a, c[5], &u->via);
	if (a->err == 0)
		a->err = take_annotations(a, c[11]);
	return a->err == 0;
}

static int
read_tries(struct asking *a, struct why *why)
{
	int r;

	buf_clear(&a->wanted);
	r = escape_field(&a->wanted, a->u->url);
	return r < 0 ? inspect_why(a->in, r, why)
		     : inspect_lines(a->in, "crawl-log", on_try, a, why);
}

/* Reason, URL, via, detail.  A URL that was wanted later may have been rejected before;
 * the last line with its outcome is the one. */
static bool
on_rejected(void *ctx, struct slice line)
{
	struct asking *a = ctx;
	struct slice reason, url, via, detail;

	if (!slice_cut(&line, '\t', &reason) || !slice_cut(&line, '\t', &url) ||
	    !slice_eq(url, buf_slice(&a->wanted)) || !slice_cut(&line, '\t', &via) ||
	    !slice_cut(&line, '\t', &detail) ||
	    !slice_eq(reason, slice_cstr(outcome_name(a->u->outcome))))
		return true;
	a->err = keep_field(a, via, &a->u->via);
	if (a->err == 0)
		a->err = keep_field(a, detail, &a->u->rule);
	return a->err == 0;
}

static int
read_rejected(struct asking *a, struct why *why)
{
	enum { ODD_TEXT_MAX = 500 }; /* of what is no URL the log has the beginning */
	struct slice url = a->u->url;
	int r;

	buf_clear(&a->wanted);
	r = escape_cell(
	    &a->wanted, a->u->invalid == URL_OK ? url : slice_head(url, ODD_TEXT_MAX));
	r = r < 0 ? inspect_why(a->in, r, why)
		  : inspect_lines(a->in, "rejected-log", on_rejected, a, why);
	if (r == 0 && a->err == 0 && a->u->rule.len == 0 && a->u->invalid == URL_OK &&
	    is_of_scope(a->u->outcome))
		r = ask_scope(a, why);
	if (a->u->rule.len == 0 && a->u->invalid != URL_OK)
		a->u->rule = slice_cstr(url_status_text(a->u->invalid));
	return r;
}

/* ---- its place in the queue ---- */

static int
take_record(struct asking *a, const struct urlrec *rec)
{
	struct inspect_url *u = a->u;
	int64_t wall_ms = a->in->wall_us / 1000;
	int r = keep(a, rec->via, &u->via);

	if (r == 0)
		r = keep(a, rec->hops, &u->hops);
	u->depth = rec->depth;
	u->kind =
	    rec->kind < LINK_KIND_MAX ? link_kind_name((enum link_kind)rec->kind) : NULL;
	u->tries = rec->attempts;
	u->priority = rec->priority;
	u->not_before_ms = rec->not_before_ms > wall_ms
			       ? wall_ms + fetch_retry_in_ms(rec->not_before_ms, wall_ms)
			       : rec->not_before_ms;
	u->place = a->records;
	return r;
}

/* The options may have changed since it was queued. */
static int
judge_again(struct asking *a, const struct urlrec *rec)
{
	struct scope_rules *rules;
	struct buf reason;
	int r;

	if (!a->in->saved.judge_anew)
		return 0;
	r = open_rules(a->in, a->in->job, &rules, NULL);
	if (r < 0)
		return r;
	buf_init(&reason, URL_BYTES_MAX * 2);
	a->u->would_be = scope_judge_again(rules, rec, &reason);
	r = keep(a, buf_slice(&reason), &a->u->would_rule);
	buf_release(&reason);
	scope_rules_free(rules);
	return r;
}

static bool
on_record(void *ctx, struct slice key, struct slice value)
{
	struct asking *a = ctx;
	struct urlrec rec;

	(void)key;
	a->records++;
	a->err = urlrec_decode(value, &rec);
	if (a->err < 0 || rec.url_hash != a->url_hash)
		return a->err == 0;
	if (!a->u->known) { /* it has no other record yet */
		a->u->known = true;
		a->u->since_us = (int64_t)rec.since_s * 1000000;
	}
	a->err = take_record(a, &rec);
	if (a->err == 0)
		a->err = judge_again(a, &rec);
	return false;
}

static int
read_queue(struct asking *a, struct why *why)
{
	uint64_t low, n = inspect_host_waits(a->in, a->authority_hash, &low);
	struct key k;
	int r;

	a->u->queued = n == UINT64_MAX ? 0 : n;
	if (a->in->saved.end < CRAWL_END_MAX) /* SAVED_RUNNING is not */
		a->u->held_by = crawl_end_text((enum crawl_end)a->in->saved.end);
	key_make(&k, a->authority_hash, low > 0 ? low - 1 : 0);
	r = inspect_scan(
	    a->in, STORE_QUEUE, key_host(&k), key_whole(&k), on_record, a, &a->err, why);
	if (r == 0 && a->u->tries > 0) {
		uint32_t tries = a->u->tries;

		r = read_tries(a, why);
		a->u->tries = tries;
	}
	return r;
}

/* ---- its host ---- */

static int
read_host(struct asking *a, struct why *why)
{
	struct inspect *in = a->in;
	struct inspect_url *u = a->u;
	struct host_key_text k;
	int r;

	r = keep(a, url_authority(&a->url), &u->authority);
	if (r < 0)
		return inspect_why(in, r, why);
	r = store_get(in->store, STORE_HOST,
	    host_key(&k, HOST_KEY_STATE, a->authority_hash), &in->value);
	if (r < 0 && r != -ENOENT) {
		*why = *store_why(in->store);
		return r;
	}
	if (r == -ENOENT && !(u->known && u->outcome == OUTCOME_NONE))
		u->authority = (struct slice){0};
	r = hostrec_outlook(r == -ENOENT ? ((struct slice){0}) : buf_slice(&in->value),
	    &in->politeness, in->wall_us / 1000, &u->host);
	return r < 0 ? inspect_why(in, r, why) : 0;
}

static int
read_robots(struct asking *a, struct why *why)
{
	struct inspect *in = a->in;
	struct host_key_text k;
	char detail[200];
	int r;

	if (!in->politeness.robots)
		return 0;
	r = store_get(in->store, STORE_HOST,
	    host_key(&k, HOST_KEY_RULES, a->authority_hash), &in->value);
	if (r < 0 && r != -ENOENT) {
		*why = *store_why(in->store);
		return r;
	}
	if (r < 0 || !rules_deny(buf_slice(&in->value), url_target(&a->url), detail,
			 sizeof(detail)))
		return 0;
	r = keep(a, slice_cstr(detail), &a->u->robots_rule);
	return r < 0 ? inspect_why(in, r, why) : 0;
}

/* ---- the whole ---- */

static int
read_seen(struct asking *a, struct why *why)
{
	struct inspect *in = a->in;
	struct saved_seen seen;
	struct key k;
	int r;

	key_make(&k, a->authority_hash, a->url_hash);
	r = store_get(in->store, STORE_SEEN, key_whole(&k), &in->value);
	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		*why = *store_why(in->store);
		return r;
	}
	r = saved_seen_decode(buf_slice(&in->value), &seen);
	if (r < 0)
		return inspect_why(in, r, why);
	a->u->known = true;
	a->u->outcome = seen.outcome;
	a->u->since_us = (int64_t)seen.since_s * 1000000;
	return 0;
}

static int
read_quarantine(struct asking *a, struct why *why)
{
	char name[QUARANTINE_NAME_MAX], file[QUARANTINE_NAME_MAX + 24];
	int r = quarantine_find(a->in->store, a->authority_hash, a->url_hash, name);

	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		*why = *store_why(a->in->store);
		return r;
	}
	(void)snprintf(file, sizeof(file), "quarantine/%s.json", name);
	r = keep(a, slice_cstr(file), &a->u->quarantine);
	return r < 0 ? inspect_why(a->in, r, why) : 0;
}

/* What it can be asked by the next time. */
static int
read_validators(struct asking *a, struct why *why)
{
	struct inspect *in = a->in;
	struct inspect_url *u = a->u;
	struct recrawl_conf recrawl;
	struct saved_page page;
	int64_t wait_ms;
	int r =
	    saved_page_get(in->store, a->authority_hash, a->url_hash, &in->value, &page);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = keep(a, page.etag, &u->etag);
	if (r == 0)
		r = keep(a, page.last_modified, &u->last_modified);
	if (r == 0 && !slice_starts(page.digest, SAVED_PAGE_TO))
		r = keep(a, page.digest, &u->digest);
	if (r < 0)
		return inspect_why(in, r, why);
	crawl_recrawl_conf(&in->job->options, &recrawl);
	wait_ms = recrawl_interval_ms(&recrawl, &page.history);
	u->asked_us = page.asked_us;
	if (page.asked_us == 0) /* no answer yet: since it has its outcome */
		u->due_us = u->since_us;
	else if (wait_ms < INT64_MAX / 4000)
		u->due_us = page.asked_us + wait_ms * 1000;
	u->looks = page.history.looks;
	u->changes = page.history.changes;
	return 0;
}

/* What has no record among what was seen waits, or nobody met it: where much waits, seen.log
 * tells which and spares reading all of that. */
static bool
may_wait(const struct asking *a)
{
	enum { SOON_READ = 100000 }; /* records */
	uint64_t low, n = inspect_host_waits(a->in, a->authority_hash, &low);

	return n > 0 && (n <= SOON_READ || inspect_log_has(a->in, a->url_hash, true));
}

static int
read_story(struct asking *a, struct why *why)
{
	struct inspect_url *u = a->u;
	int r;

	if (!u->known && u->invalid != URL_OK) {
		u->would_be = u->invalid == URL_UNSUPPORTED ? OUTCOME_UNSUPPORTED_SCHEME
							    : OUTCOME_BAD_URL;
		u->would_rule = slice_cstr(url_status_text(u->invalid));
		return 0;
	}
	if (!u->known) {
		r = may_wait(a) ? read_queue(a, why) : 0;
		return r < 0 || u->known ? r : ask_scope(a, why);
	}
	switch (outcome_class(u->outcome)) {
	case OUTCOME_CLASS_NONE:
		return read_queue(a, why);
	case OUTCOME_CLASS_REJECTED:
		r = read_rejected(a, why);
		return r < 0 ? r : read_validators(a, why);
	case OUTCOME_CLASS_FETCHED:
		r = read_tries(a, why);
		if (r == 0)
			r = read_page(a, why);
		if (r == 0)
			r = read_validators(a, why);
		return r < 0 ? r : read_quarantine(a, why);
	case OUTCOME_CLASS_FAILED:
		r = read_tries(a, why);
		return r < 0 ? r : read_validators(a, why);
	}
	return 0;
}

/* As a crawl does: the normal form, tidied if the job asks for it. */
static int
find_it(struct asking *a, struct slice given)
{
	uint64_t seed = a->in->saved.hash_seed;
	struct inspect_url *u = a->u;

	u->invalid = url_resolve(
	    NULL, given, (struct slice){0}, 0, a->text, sizeof(a->text), &a->url);
	if (u->invalid != URL_OK) {
		given = slice_head(given, slice_find(given, '#'));
		a->url_hash = url_hash(given, seed);
		return keep(a, given, &u->url);
	}
	url_tidy(&a->url, a->text, scope_tidy_of(&a->in->job->options));
	a->url_hash = url_hash(url_text(&a->url), seed);
	a->authority_hash = url_hash(url_authority(&a->url), seed);
	return keep(a, url_text(&a->url), &u->url);
}

int
inspect_url(
    struct inspect *in, struct slice url, struct inspect_url *ret, struct why *why)
{
	struct inspect_url u = {.depth = -1};
	struct asking a = {.in = in, .u = &u};
	struct why unheard;
	int r;

	if (why == NULL)
		why = &unheard;
	buf_init(&a.wanted, URL_BYTES_MAX * 8);
	buf_init(&a.line, INSPECT_LINE_MAX);
	r = find_it(&a, url);
	r = r < 0 ? inspect_why(in, r, why) : read_seen(&a, why);
	if (r == 0)
		r = read_story(&a, why);
	if (r == 0 && a.err < 0)
		r = inspect_why(in, a.err, why);
	if (r == 0 && u.invalid == URL_OK)
		r = read_host(&a, why);
	if (r == 0 && u.invalid == URL_OK)
		r = read_robots(&a, why);
	buf_release(&a.wanted);
	buf_release(&a.line);
	if (r == 0)
		*ret = u;
	return r;
}

/* ---- what waits, under other options ---- */

struct judging {
	const struct scope_rules *rules;
	struct inspect_fall *fall;
	struct buf reason;
	int err;
};

static bool
on_judged(void *ctx, struct slice key, struct slice value)
{
	struct judging *g = ctx;
	struct urlrec rec;
	enum outcome o;

	(void)key;
	g->err = urlrec_decode(value, &rec);
	if (g->err < 0)
		return false;
	buf_clear(&g->reason);
	o = scope_judge_again(g->rules, &rec, &g->reason);
	g->fall->sampled++;
	g->fall->out_of_scope += o == OUTCOME_OUT_OF_SCOPE;
	g->fall->too_deep += o == OUTCOME_DEPTH;
	return true;
}

int
inspect_judge(struct inspect *in, const struct job *as, uint32_t max,
    struct inspect_fall *ret, struct why *why)
{
	struct judging g = {.fall = ret};
	struct scope_rules *rules;
	int r = open_rules(in, as, &rules, why);

	*ret = (struct inspect_fall){.waiting = in->saved.totals.queued};
	if (r < 0)
		return r;
	g.rules = rules;
	buf_init(&g.reason, 64 << 10);
	r = store_scan(in->store, STORE_QUEUE, (struct slice){0}, (struct slice){0}, max,
	    on_judged, &g);
	buf_release(&g.reason);
	scope_rules_free(rules);
	if (r == 0)
		r = g.err;
	return r < 0 ? inspect_why(in, r, why) : 0;
}

bool
inspect_url_waits(const struct inspect_url *u)
{
	return u->known && u->outcome == OUTCOME_NONE;
}

const char *
inspect_url_text(const struct inspect_url *u)
{
	if (!u->known)
		return "not discovered";
	return u->outcome == OUTCOME_NONE ? "waiting" : outcome_name(u->outcome);
}
