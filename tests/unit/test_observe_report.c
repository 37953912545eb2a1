/* Reports of made-up logs, held against figures that are computed the simple way. */
#include "files_kit.h"
#include "observe/report.h"
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

enum { PAGES = 9000, HOSTS = 6000, DIGESTS = 3000, MIMES = 70, BASES = 40 };

struct page {
	uint32_t host, digest, mime, ms, bytes;
	int status, to; /* to: the page it redirects to, -1 */
	enum outcome outcome;
	bool retry, denied;
	uint64_t simhash; /* 0: none */
	uint64_t start_ms;
};

struct env {
	char dir[KIT_PATH_MAX];
	struct buf log, rejected, jsonl;
	struct page *pages;
	struct job job;
	struct report *report;
	json_t *json;
	uint32_t random;
};

static uint32_t
any(struct env *e, uint32_t below)
{
	e->random = e->random * 1664525 + 1013904223;
	return (e->random >> 8) % below;
}

static int
up(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	kit_scratch(e->dir);
	buf_init(&e->log, 256 << 20);
	buf_init(&e->rejected, 256 << 20);
	buf_init(&e->jsonl, 256 << 20);
	assert_int_equal(job_init(&e->job), 0);
	assert_int_equal(job_set_name(&e->job, SLICE_LIT("made-up"), NULL), 0);
	e->random = 42;
	*state = e;
	return 0;
}

static int
down(void **state)
{
	struct env *e = *state;

	json_decref(e->json);
	report_free(e->report);
	job_release(&e->job);
	buf_release(&e->log);
	buf_release(&e->rejected);
	buf_release(&e->jsonl);
	free(e->pages);
	kit_remove(e->dir);
	free(e);
	return 0;
}

/* ---- made-up logs ---- */

static void
url_of(const struct env *e, int i, char ret[128])
{
	(void)snprintf(ret, 128, "http://h%" PRIu32 ".test/p%d", e->pages[i].host, i);
}

static void
make_pages(struct env *e)
{
	static const struct {
		int status;
		enum outcome outcome;
	} ends[] = {{200, OUTCOME_OK}, {200, OUTCOME_OK}, {200, OUTCOME_OK},
	    {404, OUTCOME_HTTP_4XX}, {503, OUTCOME_HTTP_5XX}, {-1, OUTCOME_DNS_FAILURE},
	    {301, OUTCOME_REDIRECT}, {-61, OUTCOME_ROBOTS_UNREACHABLE}};
	uint64_t bases[BASES];

	e->pages = calloc(PAGES, sizeof(*e->pages));
	assert_non_null(e->pages);
	for (int i = 0; i < BASES; i++)
		bases[i] = (uint64_t)any(e, 1 << 24) << 40 |
			   (uint64_t)any(e, 1 << 24) << 20 | any(e, 1 << 24);
	for (int i = 0; i < PAGES; i++) {
		struct page *p = &e->pages[i];
		uint32_t end = any(e, 8);

		p->host = any(e, any(e, 4) == 0 ? 20 : HOSTS);
		p->digest = any(e, DIGESTS);
		p->mime = any(e, any(e, MIMES) + 1);
		p->ms = any(e, 4) == 0 ? any(e, 30000) : any(e, 200);
		p->status = ends[end].status;
		p->outcome = ends[end].outcome;
		p->bytes = p->status > 0 ? 1 + p->digest : 0;
		p->to = p->outcome == OUTCOME_REDIRECT ? (int)any(e, PAGES) : -1;
		p->retry = any(e, 20) == 0;
		p->denied = any(e, 10) == 0;
		p->start_ms = (uint64_t)i * 37;
		if (p->outcome == OUTCOME_OK && !p->retry && any(e, 8) == 0)
			p->simhash = bases[any(e, BASES)] ^ UINT64_C(1) << any(e, 64) ^
				     UINT64_C(1) << any(e, 64);
	}
	/* Some redirects lead on to others, some in a circle. */
	for (int i = 0, last = -1; i < PAGES; i++)
		if (e->pages[i].to >= 0 && !e->pages[i].retry) {
			if (last >= 0 && any(e, 2) == 0)
				e->pages[i].to = last;
			last = any(e, 5) == 0 ? -1 : i;
		}
	for (int i = 0, n = 0, four[4]; i < PAGES && n < 40; i++) {
		if (e->pages[i].to < 0 || e->pages[i].retry)
			continue;
		four[n++ % 4] = i;
		if (n % 4 != 0)
			continue;
		for (int k = 0; k < 3; k++)
			e->pages[four[k]].to = four[(k + 1) % 3];
		e->pages[i].to = four[n / 4 % 3]; /* leads into the circle */
	}
}

static void
add_log(struct env *e, int i, const char *url)
{
	const struct page *p = &e->pages[i];
	uint64_t ms = p->start_ms;

	assert_int_equal(
	    buf_printf(&e->log,
		"2026-01-31T12:00:00.000Z %5d %10" PRIu32
		" %s L http://v.test/%d type/%" PRIu32 " #000 2026013112%02" PRIu64
		"%02" PRIu64 "%03" PRIu64 "+%" PRIu32 " sha1:%" PRIu32
		" - %s%s%s%sgap:0/option/1\n",
		p->status, p->bytes, url, i, p->mime, ms / 60000, ms / 1000 % 60,
		ms % 1000, p->ms, p->digest,
		p->outcome == OUTCOME_OK ? "" : outcome_name(p->outcome),
		p->outcome == OUTCOME_OK ? "" : ",", p->retry ? "retry," : "",
		p->outcome == OUTCOME_HTTP_4XX ? "link:img," : ""),
	    0);
}

static void
write_logs(struct env *e)
{
	for (int i = 0; i < PAGES; i++) {
		const struct page *p = &e->pages[i];
		char url[128], to[200] = "", simhash[64] = "";

		url_of(e, i, url);
		add_log(e, i, url);
		if (p->denied)
			assert_int_equal(buf_printf(&e->rejected,
					     "robots-denied\t%s/no\t%s\trobots.txt line "
					     "%d: Disallow: /no\n",
					     url, url, i % 3),
			    0);
		if (p->status < 0 || p->retry)
			continue;
		if (p->to >= 0) {
			char target[128];

			url_of(e, p->to, target);
			(void)snprintf(to, sizeof(to), ",\"redirect_to\":\"%s\"", target);
		}
		if (p->simhash != 0)
			(void)snprintf(simhash, sizeof(simhash),
			    ",\"simhash\":\"%016" PRIx64 "\"", p->simhash);
		assert_int_equal(
		    buf_printf(&e->jsonl,
			"{\"v\":1,\"url\":\"%s\",\"outcome\":\"%s\",\"digest\":\"sha1:"
			"%" PRIu32 "\"%s%s}\n",
			url, outcome_name(p->outcome), p->digest, simhash, to),
		    0);
	}
	kit_write(e->dir, "crawl.log", buf_slice(&e->log));
	kit_write(e->dir, "rejected.log", buf_slice(&e->rejected));
	kit_write(e->dir, "pages.jsonl", buf_slice(&e->jsonl));
}

static void
make_report(struct env *e)
{
	static const struct report_facts facts = {
	    .runs = 1, .began_us = INT64_C(1769860800000000), .elapsed_ms = 400000};
	struct report_conf conf = {
	    .job = &e->job, .dir = e->dir, .tmp_dir = e->dir, .facts = &facts};
	struct why why = {""};
	struct buf text;

	report_free(e->report);
	e->report = NULL;
	assert_int_equal(report_make(&conf, &e->report, &why), 0);
	buf_init(&text, 64 << 20);
	assert_int_equal(report_json(e->report, (struct slice){0}, &text), 0);
	json_decref(e->json);
	e->json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(e->json);
	buf_release(&text);
}

static int
up_made(void **state)
{
	int r = up(state);

	make_pages(*state);
	write_logs(*state);
	make_report(*state);
	return r;
}

static const json_t *
at(const json_t *j, const char *path)
{
	char name[64];

	while (*path != '\0') {
		size_t n = strcspn(path, "/");

		(void)snprintf(name, sizeof(name), "%.*s", (int)n, path);
		j = json_object_get(j, name);
		assert_non_null(j);
		path += n + (path[n] == '/');
	}
	return j;
}

static uint64_t
number(const json_t *j, const char *path)
{
	const json_t *v = at(j, path);

	assert_true(json_is_integer(v));
	return (uint64_t)json_integer_value(v);
}

static const char *
text(const json_t *j, const char *path)
{
	const char *s = json_string_value(at(j, path));

	assert_non_null(s);
	return s;
}

static bool
is_page(const struct page *p)
{
	return p->status > 0 && !p->retry;
}

/* ---- what is counted ---- */

static void
status_codes_and_types_are_counted_once_a_page(void **state)
{
	struct env *e = *state;
	uint64_t by_status[600] = {0}, by_mime[MIMES] = {0}, shown = 0, pages = 0;
	char name[32];
	const json_t *one;
	size_t i;

	for (int k = 0; k < PAGES; k++)
		if (is_page(&e->pages[k])) {
			by_status[e->pages[k].status]++;
			by_mime[e->pages[k].mime]++;
			pages++;
		}
	assert_int_equal(json_object_size(at(e->json, "status")), 4);
	for (int k = 0; k < 600; k++) {
		(void)snprintf(name, sizeof(name), "status/%d", k);
		if (by_status[k] > 0)
			assert_int_equal(number(e->json, name), by_status[k]);
	}
	assert_int_equal(json_array_size(at(e->json, "mime")), 50);
	json_array_foreach(at(e->json, "mime"), i, one)
	{
		unsigned mime = (unsigned)strtoul(text(one, "type") + 5, NULL, 10);

		assert_int_equal(number(one, "pages"), by_mime[mime]);
		shown += by_mime[mime];
	}
	assert_int_equal(number(e->json, "mime_others/pages"), pages - shown);
}

static void
the_time_line_adds_up(void **state)
{
	struct env *e = *state;
	uint64_t want[4] = {0}, got[4] = {0};
	const json_t *one;
	size_t i;

	for (int k = 0; k < PAGES; k++) {
		const struct page *p = &e->pages[k];

		want[0]++;
		want[1] += is_page(p);
		want[2] += p->bytes;
		want[3] += p->retry ||
			   (p->outcome != OUTCOME_OK && p->outcome != OUTCOME_REDIRECT &&
			       p->outcome != OUTCOME_ROBOTS_UNREACHABLE);
	}
	assert_in_range(json_array_size(at(e->json, "timeline/points")), 100, 500);
	json_array_foreach(at(e->json, "timeline/points"), i, one)
	{
		got[0] += number(one, "requests");
		got[1] += number(one, "pages");
		got[2] += number(one, "bytes");
		got[3] += number(one, "errors");
	}
	assert_memory_equal(got, want, sizeof(got));
}

static void
broken_links_are_the_first_thousand_in_order(void **state)
{
	struct env *e = *state;
	uint64_t total = 0;
	char url[128];

	for (int k = 0; k < PAGES; k++) {
		const struct page *p = &e->pages[k];
		const json_t *one;

		if (p->retry || p->outcome == OUTCOME_OK ||
		    p->outcome == OUTCOME_REDIRECT ||
		    p->outcome == OUTCOME_ROBOTS_UNREACHABLE)
			continue;
		if (total++ >= 1000)
			continue;
		one = json_array_get(at(e->json, "broken"), total - 1);
		url_of(e, k, url);
		assert_string_equal(text(one, "url"), url);
		assert_string_equal(text(one, "outcome"), outcome_name(p->outcome));
		(void)snprintf(url, sizeof(url), "http://v.test/%d", k);
		assert_string_equal(text(one, "via"), url);
		if (p->status == 404)
			assert_string_equal(text(one, "kind"), "img");
		else
			assert_null(json_object_get(one, "kind"));
		if (p->status > 0)
			assert_int_equal(number(one, "status"), p->status);
		else
			assert_null(json_object_get(one, "status"));
	}
	assert_true(total > 1000);
	assert_int_equal(number(e->json, "broken_total"), total);
	assert_int_equal(json_array_size(at(e->json, "broken")), 1000);
}

static const struct page *compared;

static int
by_time(const void *a, const void *b)
{
	const int *x = a, *y = b;
	const struct page *p = &compared[*x], *q = &compared[*y];

	if (p->ms != q->ms)
		return p->ms > q->ms ? -1 : 1;
	return *x < *y ? -1 : 1;
}

static int
by_size(const void *a, const void *b)
{
	const int *x = a, *y = b;
	const struct page *p = &compared[*x], *q = &compared[*y];

	if (p->bytes != q->bytes)
		return p->bytes > q->bytes ? -1 : 1;
	return *x < *y ? -1 : 1;
}

static void
the_slowest_and_the_largest_are_in_order(void **state)
{
	struct env *e = *state;
	int *order = calloc(PAGES, sizeof(*order)), n = 0;
	char url[128];

	assert_non_null(order);
	for (int k = 0; k < PAGES; k++)
		if (is_page(&e->pages[k]))
			order[n++] = k;
	compared = e->pages;
	for (int pass = 0; pass < 2; pass++) {
		const json_t *list = at(e->json, pass == 0 ? "slowest" : "largest");

		qsort(order, (size_t)n, sizeof(*order), pass == 0 ? by_time : by_size);
		assert_int_equal(json_array_size(list), 50);
		for (size_t i = 0; i < 50; i++) {
			const struct page *p = &e->pages[order[i]];
			const json_t *one = json_array_get(list, i);

			url_of(e, order[i], url);
			assert_string_equal(text(one, "url"), url);
			assert_int_equal(number(one, "ms"), p->ms);
			assert_int_equal(number(one, "bytes"), p->bytes);
			assert_int_equal(number(one, "status"), p->status);
		}
	}
	free(order);
}

/* ---- what belongs together ---- */

static void
pages_of_one_digest_are_one_group(void **state)
{
	struct env *e = *state;
	uint64_t n[DIGESTS] = {0}, groups = 0, pages = 0, redundant = 0,
		 last = UINT64_MAX;
	const json_t *one;
	size_t i;

	for (int k = 0; k < PAGES; k++)
		if (is_page(&e->pages[k]) && e->pages[k].outcome == OUTCOME_OK)
			n[e->pages[k].digest]++;
	for (uint64_t d = 0; d < DIGESTS; d++) {
		if (n[d] < 2)
			continue;
		groups++;
		pages += n[d];
		redundant += (n[d] - 1) * (1 + d);
	}
	assert_int_equal(number(e->json, "duplicate_pages/groups_total"), groups);
	assert_int_equal(number(e->json, "duplicate_pages/pages_total"), pages);
	assert_int_equal(number(e->json, "duplicate_pages/bytes_redundant"), redundant);
	assert_int_equal(json_array_size(at(e->json, "duplicate_pages/groups")), 50);
	json_array_foreach(at(e->json, "duplicate_pages/groups"), i, one)
	{
		uint64_t d = strtoul(text(one, "digest") + 5, NULL, 10), waste;
		int first = 0;
		char url[128];

		while (e->pages[first].digest != d || !is_page(&e->pages[first]) ||
		       e->pages[first].outcome != OUTCOME_OK)
			first++;
		url_of(e, first, url);
		assert_string_equal(
		    json_string_value(json_array_get(at(one, "urls"), 0)), url);
		assert_int_equal(number(one, "pages"), n[d]);
		assert_int_equal(number(one, "bytes"), 1 + d);
		waste = (n[d] - 1) * (1 + d);
		assert_true(waste <= last);
		last = waste;
	}
}

static int
root(int *parent, int i)
{
	while (parent[i] != i)
		i = parent[i];
	return i;
}

static void
texts_within_three_bits_are_one_group(void **state)
{
	struct env *e = *state;
	int *parent = calloc(PAGES, sizeof(*parent));
	uint64_t groups = 0, pages = 0;

	assert_non_null(parent);
	for (int k = 0; k < PAGES; k++)
		parent[k] = k;
	for (int a = 0; a < PAGES; a++)
		for (int b = 0; b < a && e->pages[a].simhash != 0; b++)
			if (e->pages[b].simhash != 0 &&
			    __builtin_popcountll(
				e->pages[a].simhash ^ e->pages[b].simhash) <= 3)
				parent[root(parent, a)] = root(parent, b);
	for (int a = 0; a < PAGES; a++) {
		uint64_t n = 0;
		bool differ = false;

		for (int b = 0; b < PAGES && parent[a] == a; b++)
			if (e->pages[b].simhash != 0 && root(parent, b) == a) {
				n++;
				differ =
				    differ || e->pages[b].digest != e->pages[a].digest;
			}
		groups += n > 1 && differ;
		pages += n > 1 && differ ? n : 0;
	}
	assert_true(groups > 10);
	assert_int_equal(number(e->json, "near_duplicates/groups_total"), groups);
	assert_int_equal(number(e->json, "near_duplicates/pages_total"), pages);
	assert_true(json_is_true(at(e->json, "near_duplicates/complete")));
	free(parent);
}

static void
redirects_are_followed_to_their_ends(void **state)
{
	struct env *e = *state;
	bool *target = calloc(PAGES, sizeof(*target)), *looped = calloc(PAGES, 1);
	uint64_t redirects = 0, by_length[31] = {0}, loops = 0, chains = 0;
	char name[64];

	assert_non_null(target);
	assert_non_null(looped);
	for (int k = 0; k < PAGES; k++)
		if (is_page(&e->pages[k]) && e->pages[k].to >= 0) {
			target[e->pages[k].to] = true;
			redirects++;
		}
	for (int k = 0; k < PAGES; k++) {
		int cur = k, length = 0;

		while (is_page(&e->pages[cur]) && e->pages[cur].to >= 0 && length < 30) {
			cur = e->pages[cur].to;
			length++;
			if (cur == k)
				break;
		}
		if (length > 0 && cur == k && !looped[k]) {
			loops++;
			for (int n = 0; n < length; n++, cur = e->pages[cur].to)
				looped[cur] = true;
		}
		if (length > 0 && !target[k]) {
			chains++;
			by_length[length]++;
		}
	}
	assert_true(loops > 5 && by_length[30] > 0 && by_length[3] > 0);
	assert_int_equal(number(e->json, "redirects/total"), redirects);
	assert_int_equal(number(e->json, "redirects/chains_total"), chains);
	assert_int_equal(number(e->json, "redirects/loops_total"), loops);
	for (int i = 1; i <= 30; i++) {
		(void)snprintf(name, sizeof(name), "redirects/by_length/%d", i);
		if (by_length[i] > 0)
			assert_int_equal(number(e->json, name), by_length[i]);
	}
	free(target);
	free(looped);
}

static void
a_chain_is_told_with_where_it_begins_and_ends(void **state)
{
	struct env *e = *state;
	const json_t *one;
	size_t i, ending = 0;

	json_array_foreach(at(e->json, "redirects/longest"), i, one)
	{
		int cur = (int)strtol(strstr(text(one, "url"), "/p") + 2, NULL, 10);
		uint64_t length = number(one, "length");
		char url[128];

		if (json_object_get(one, "endless") != NULL) {
			assert_int_equal(length, 30);
			continue;
		}
		ending++;
		for (uint64_t n = 0; n < length; n++)
			cur = e->pages[cur].to;
		assert_true(!is_page(&e->pages[cur]) || e->pages[cur].to < 0);
		url_of(e, cur, url);
		assert_string_equal(text(one, "to"), url);
	}
	assert_true(ending > 0);
}

/* ---- hosts ---- */

static void
hosts_are_summed_up_however_many_there_are(void **state)
{
	struct env *e = *state;
	uint64_t errors[HOSTS] = {0}, requests[HOSTS] = {0}, denied[HOSTS] = {0};
	uint64_t failed = 0, asked = 0, last = UINT64_MAX;
	const json_t *one;
	size_t i;

	for (int k = 0; k < PAGES; k++) {
		const struct page *p = &e->pages[k];

		requests[p->host]++;
		denied[p->host] += p->denied;
		errors[p->host] += !p->retry && p->outcome != OUTCOME_OK &&
				   p->outcome != OUTCOME_REDIRECT &&
				   p->outcome != OUTCOME_ROBOTS_UNREACHABLE;
	}
	for (int h = 0; h < HOSTS; h++) {
		failed += errors[h] > 0;
		asked += requests[h] > 0;
	}
	assert_int_equal(number(e->json, "errors_hosts_total"), failed);
	assert_int_equal(number(e->json, "politeness/hosts_total"), asked);
	assert_int_equal(number(e->json, "politeness/requests"), PAGES);
	assert_int_equal(json_array_size(at(e->json, "errors_by_host")), 100);
	json_array_foreach(at(e->json, "errors_by_host"), i, one)
	{
		unsigned h = (unsigned)strtoul(text(one, "host") + 8, NULL, 10);

		assert_int_equal(number(one, "errors"), errors[h]);
		assert_true(errors[h] <= last);
		last = errors[h];
	}
	assert_int_equal(json_array_size(at(e->json, "politeness/hosts")), 100);
	json_array_foreach(at(e->json, "politeness/hosts"), i, one)
	{
		unsigned h = (unsigned)strtoul(text(one, "host") + 8, NULL, 10);

		assert_int_equal(number(one, "requests"), requests[h]);
		assert_int_equal(number(one, "robots_denied"), denied[h]);
	}
}

static void
rejections_are_told_with_rules_and_examples(void **state)
{
	struct env *e = *state;
	const json_t *one = json_array_get(at(e->json, "rejected_by"), 0), *rule;
	uint64_t denied = 0, by_rule = 0;
	size_t i;

	for (int k = 0; k < PAGES; k++)
		denied += e->pages[k].denied;
	assert_int_equal(json_array_size(at(e->json, "rejected_by")), 1);
	assert_string_equal(text(one, "reason"), "robots-denied");
	assert_int_equal(number(one, "lines"), denied);
	assert_int_equal(json_array_size(at(one, "rules")), 3);
	json_array_foreach(at(one, "rules"), i, rule) by_rule += number(rule, "lines");
	assert_int_equal(by_rule, denied);
	assert_int_equal(json_array_size(at(one, "examples")), 5);
}

static void
who_makes_it_twice_gets_the_same(void **state)
{
	struct env *e = *state;
	struct slice first, again;
	struct why why;

	assert_int_equal(report_write(e->report, e->dir, &why), 0);
	first = kit_file(e->dir, "report.html");
	make_report(e);
	assert_int_equal(report_write(e->report, e->dir, &why), 0);
	again = kit_file(e->dir, "report.html");
	assert_true(slice_eq(first, again));
	kit_free(first);
	kit_free(again);
}

/* ---- odd inputs ---- */

static void
of_no_logs_a_report_can_be_made(void **state)
{
	struct env *e = *state;
	struct buf html;

	make_report(e);
	assert_int_equal(number(e->json, "broken_total"), 0);
	assert_true(json_is_false(at(e->json, "redirects/recorded")));
	assert_int_equal(json_array_size(at(e->json, "timeline/points")), 0);
	buf_init(&html, 1 << 20);
	assert_int_equal(report_html(e->report, &html), 0);
	assert_non_null(strstr(buf_cstr(&html), "No broken links"));
	buf_release(&html);
}

static void
what_came_from_the_net_is_harmless_in_the_page(void **state)
{
	struct env *e = *state;
	const char *html;
	struct buf b;

	assert_int_equal(
	    buf_add_cstr(&e->log,
		"2026-01-31T12:00:00.000Z 404 7 http://a.test/\"><script>x</script> L "
		"javascript:alert(1) text/<b> #000 20260131120000000+9 - - "
		"http-4xx,link:<i>\n"
		"2026-01-31T12:00:00.000Z 404 7 http://a.test/\\xe2\\x80\\xae\\xff L - - "
		"#000 "
		"20260131120000000+9 - - http-4xx\n"
		"nonsense\n\n \n"),
	    0);
	assert_int_equal(buf_add_cstr(&e->rejected,
			     "bad-url\t</td><img src=x>\tdata:text/html,x\t<u>\n"),
	    0);
	assert_int_equal(
	    buf_add_cstr(&e->jsonl, "{\"url\":\"\\u\",\"redirect_to\":\"\\q\","
				    "\"outcome\":\"redirect\"}\n{{{{\n"),
	    0);
	kit_write(e->dir, "crawl.log", buf_slice(&e->log));
	kit_write(e->dir, "rejected.log", buf_slice(&e->rejected));
	kit_write(e->dir, "pages.jsonl", buf_slice(&e->jsonl));
	make_report(e);
	assert_int_equal(number(e->json, "broken_total"), 2);
	buf_init(&b, 1 << 20);
	assert_int_equal(report_html(e->report, &b), 0);
	html = buf_cstr(&b);
	assert_null(strstr(html, "<script"));
	assert_null(strstr(html, "<img"));
	assert_null(strstr(html, "<b>"));
	assert_null(strstr(html, "<i>"));
	assert_null(strstr(html, "href=\"javascript"));
	assert_null(strstr(html, "href=\"data:text"));
	assert_null(strstr(html, "\xe2\x80\xae"));
	assert_non_null(strstr(html, "href=\"http://a.test/&quot;&gt;&lt;script"));
	buf_release(&b);
}

#define TWICE(day, status, digest, outcome)                                              \
	"2026-01-" day "T12:00:00.000Z " status " 9 http://a.test/x L http://a.test/ "   \
	"text/html #000 202601" day "120000000+9 sha1:" digest " - " outcome "\n"

static void
of_a_page_that_was_fetched_again_the_last_time_counts(void **state)
{
	static const char log[] =
	    TWICE("01", "404", "A", "http-4xx,link:a") TWICE("02", "200", "B", "-")
		TWICE("03", "200", "B", "-") TWICE("04", "304", "-", "not-modified");
	static const char pages[] =
	    "{\"url\":\"http://a.test/x\",\"outcome\":\"redirect\",\"redirect_to\":"
	    "\"http://a.test/x\"}\n"
	    "{\"url\":\"http://a.test/x\",\"outcome\":\"ok\",\"digest\":\"sha1:A\","
	    "\"simhash\":\"01\"}\n"
	    "{\"url\":\"http://a.test/x\",\"outcome\":\"ok\",\"digest\":\"sha1:B\","
	    "\"simhash\":\"03\"}\n"
	    "{\"url\":\"http://a.test/y\",\"outcome\":\"ok\",\"digest\":\"sha1:C\","
	    "\"simhash\":\"07\"}\n"
	    "{\"url\":\"http://a.test/x\",\"outcome\":\"not-modified\"}\n";
	struct env *e = *state;

	kit_write(e->dir, "crawl.log", slice_cstr(log));
	kit_write(e->dir, "pages.jsonl", slice_cstr(pages));
	make_report(e);
	assert_int_equal(number(e->json, "broken_total"), 0);
	assert_int_equal(number(e->json, "errors_hosts_total"), 0);
	assert_int_equal(number(e->json, "status/404"), 1); /* answers, all of them */
	assert_int_equal(number(e->json, "duplicate_pages/groups_total"), 0);
	assert_int_equal(number(e->json, "redirects/total"), 0);
	assert_int_equal(number(e->json, "near_duplicates/pages_total"), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		status_codes_and_types_are_counted_once_a_page, up_made, down),
	    cmocka_unit_test_setup_teardown(the_time_line_adds_up, up_made, down),
	    cmocka_unit_test_setup_teardown(
		broken_links_are_the_first_thousand_in_order, up_made, down),
	    cmocka_unit_test_setup_teardown(
		the_slowest_and_the_largest_are_in_order, up_made, down),
	    cmocka_unit_test_setup_teardown(
		pages_of_one_digest_are_one_group, up_made, down),
	    cmocka_unit_test_setup_teardown(
		texts_within_three_bits_are_one_group, up_made, down),
	    cmocka_unit_test_setup_teardown(
		redirects_are_followed_to_their_ends, up_made, down),
	    cmocka_unit_test_setup_teardown(
		a_chain_is_told_with_where_it_begins_and_ends, up_made, down),
	    cmocka_unit_test_setup_teardown(
		hosts_are_summed_up_however_many_there_are, up_made, down),
	    cmocka_unit_test_setup_teardown(
		rejections_are_told_with_rules_and_examples, up_made, down),
	    cmocka_unit_test_setup_teardown(
		who_makes_it_twice_gets_the_same, up_made, down),
	    cmocka_unit_test_setup_teardown(of_no_logs_a_report_can_be_made, up, down),
	    cmocka_unit_test_setup_teardown(
		what_came_from_the_net_is_harmless_in_the_page, up, down),
	    cmocka_unit_test_setup_teardown(
		of_a_page_that_was_fetched_again_the_last_time_counts, up, down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
