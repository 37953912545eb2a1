#include "crawl/job.h"
#include "crawl/rules.h"
#include "crawl/scope.h"
#include "frontier/urlrec.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct heard {
	int n;
	char text[2048];
};

static bool
hear(void *ctx, const struct job_mistake *m)
{
	struct heard *h = ctx;
	size_t at = strlen(h->text);

	h->n++;
	(void)snprintf(h->text + at, sizeof(h->text) - at, "%zu:%zu %s\n", m->line,
	    m->column, m->text);
	return true;
}

static void
read_job(struct job *j, const char *text, struct heard *heard)
{
	struct job_reading how = {.fn = hear, .ctx = heard};
	int mistakes;

	*heard = (struct heard){0};
	assert_int_equal(job_init(j), 0);
	mistakes = job_read(j, slice_cstr(text), &how);
	assert_int_equal(mistakes, heard->n);
}

static struct scope_rules *
scope_of(const struct job *j)
{
	struct scope_rules *rules;
	struct buf settings;
	struct why why;

	buf_init(&settings, SCOPE_SETTINGS_MAX);
	assert_int_equal(scope_settings(&j->options, (const char *const *)j->seeds.v,
			     j->seeds.n, 1, &settings, NULL),
	    0);
	if (scope_rules_new(buf_slice(&settings), &rules, &why) < 0)
		fail_msg("%s", why.text);
	buf_release(&settings);
	return rules;
}

static void
parse(const char *text, char room[URL_BYTES_MAX], struct url *ret)
{
	assert_int_equal(url_resolve(NULL, slice_cstr(text), (struct slice){0}, 0, room,
			     URL_BYTES_MAX, ret),
	    URL_OK);
}

/* A link on a page that is `depth` links from a seed. */
static struct scope_verdict
judge(const struct scope_rules *rules, const char *text, uint16_t depth, char reason[256])
{
	char room[URL_BYTES_MAX];
	struct scope_verdict v;
	struct buf why;
	struct url url;
	struct scope_link link = {.url = &url, .kind = LINK_A, .depth = depth};

	parse(text, room, &url);
	scope_judge(rules, &link, &v);
	buf_init(&why, 4096);
	reason[0] = '\0';
	if (v.outcome != OUTCOME_NONE) {
		scope_reason(rules, &link, v.outcome, &why);
		(void)snprintf(reason, 256, SLICE_FMT, SLICE_ARG(buf_slice(&why)));
	}
	buf_release(&why);
	return v;
}

static const char file[] =
    "seeds: ['http://a.test/', 'http://www.b.test/']\n"
    "crawl: {scope: any, depth: 2, priority: ['x=7'], extract: [t=h1]}\n"
    "rules:\n"
    "  - match: '/old/'\n"
    "    exclude: yes\n"
    "  - host: a.test\n"
    "    match: '/old/but-good'\n"
    "    exclude: no\n"
    "    priority: -3\n"
    "  - host: '*.b.test'\n"
    "    depth: 5\n"
    "    delay: 2s\n"
    "    extract: [u=h2, 'v=a::text']\n"
    "  - host: WWW.b.test.\n"
    "    per_host: 3\n"
    "    max_body: 10KiB\n"
    "    header: ['X-A: 1', 'X-B: 2']\n"
    "    extract: 'w=h3'\n";

static void
a_rule_excludes_and_a_later_one_takes_it_back(void **state)
{
	struct heard heard;
	struct scope_rules *rules;
	char reason[256];
	struct job j;

	(void)state;
	read_job(&j,
	    "seeds: ['http://a.test/']\ncrawl: {scope: any}\nrules:\n"
	    "  - match: '/old/'\n    exclude: yes\n"
	    "  - {host: a.test, match: /old/but-good, exclude: no}\n",
	    &heard);
	assert_string_equal(heard.text, "");
	rules = scope_of(&j);
	assert_int_equal(
	    judge(rules, "http://a.test/new", 0, reason).outcome, OUTCOME_NONE);
	assert_int_equal(
	    judge(rules, "http://a.test/old/x", 0, reason).outcome, OUTCOME_OUT_OF_SCOPE);
	assert_string_equal(reason, "rule 1: exclude");
	assert_int_equal(
	    judge(rules, "http://a.test/old/but-good", 0, reason).outcome, OUTCOME_NONE);
	assert_int_equal(judge(rules, "http://b.test/old/but-good", 0, reason).outcome,
	    OUTCOME_OUT_OF_SCOPE);
	scope_rules_free(rules);
	job_release(&j);
}

static void
a_rule_has_its_own_depth_and_priority(void **state)
{
	struct heard heard;
	struct scope_rules *rules;
	char reason[256];
	struct job j;

	(void)state;
	read_job(&j,
	    "seeds: ['http://a.test/']\n"
	    "crawl: {scope: any, depth: 2, priority: ['x=7']}\n"
	    "rules:\n"
	    "  - {host: '*.b.test', depth: 5}\n"
	    "  - {match: 'xx', priority: -9}\n"
	    "  - {host: c.test, depth: 0}\n",
	    &heard);
	assert_string_equal(heard.text, "");
	rules = scope_of(&j);
	assert_int_equal(
	    judge(rules, "http://a.test/", 2, reason).outcome, OUTCOME_DEPTH);
	assert_string_equal(reason, "--depth 2");
	assert_int_equal(
	    judge(rules, "http://d.b.test/", 4, reason).outcome, OUTCOME_NONE);
	assert_int_equal(
	    judge(rules, "http://d.b.test/", 5, reason).outcome, OUTCOME_DEPTH);
	assert_string_equal(reason, "rule 1: depth 5");
	/* Of all below, that itself is none; nor is a name that only ends like it. */
	assert_int_equal(
	    judge(rules, "http://b.test/", 2, reason).outcome, OUTCOME_DEPTH);
	assert_int_equal(
	    judge(rules, "http://xb.test/", 2, reason).outcome, OUTCOME_DEPTH);
	assert_int_equal(
	    judge(rules, "http://c.test/", 0, reason).outcome, OUTCOME_DEPTH);
	assert_int_equal(judge(rules, "http://a.test/x", 0, reason).priority, 7);
	assert_int_equal(judge(rules, "http://a.test/xx", 0, reason).priority, -9);
	scope_rules_free(rules);
	job_release(&j);
}

static void
rules_are_asked_again_when_what_waits_is_judged_anew(void **state)
{
	struct heard heard;
	struct scope_rules *rules;
	struct urlrec rec = {
	    .url = SLICE_LIT("http://a.test/old/"), .kind = LINK_A, .depth = 3};
	struct options none;
	struct buf reason;
	struct job j;

	(void)state;
	read_job(&j,
	    "seeds: ['http://a.test/']\ncrawl: {depth: 1}\n"
	    "rules:\n  - {match: old, depth: 3}\n",
	    &heard);
	assert_string_equal(heard.text, "");
	buf_init(&reason, 4096);
	rules = scope_of(&j);
	assert_int_equal(scope_judge_again(rules, &rec, &reason), OUTCOME_NONE);
	rec.depth = 4;
	assert_int_equal(scope_judge_again(rules, &rec, &reason), OUTCOME_DEPTH);
	assert_true(slice_eq(buf_slice(&reason), SLICE_LIT("rule 1: depth 3")));
	scope_rules_free(rules);
	assert_int_equal(options_init(&none), 0);
	none.crawl_depth = 1;
	assert_true(scope_hash(&none, &j.seeds) != scope_hash(&j.options, &j.seeds));
	options_release(&none);
	buf_release(&reason);
	job_release(&j);
}

static void
fields_of_a_rule_are_of_its_pages(void **state)
{
	struct heard heard;
	struct scope_rules *scope;
	const struct rules *rules;
	uint16_t matching[RULES_MAX];
	char room[URL_BYTES_MAX];
	struct url url;
	struct job j;
	size_t n;

	(void)state;
	read_job(&j, file, &heard);
	assert_string_equal(heard.text, "");
	scope = scope_of(&j);
	rules = scope_url_rules(scope);
	assert_true(rules_have_fields(rules));
	parse("https://www.b.test:444/", room, &url);
	n = rules_matching(rules, &url, matching);
	assert_int_equal(n, 2);
	assert_int_equal(matching[0], 2);
	assert_int_equal(matching[1], 3);
	for (size_t field = 0; field < 4; field++)
		assert_true(rules_want_field(rules, matching, n, field));
	parse("http://x.b.test/", room, &url);
	n = rules_matching(rules, &url, matching);
	assert_int_equal(n, 1);
	assert_true(rules_want_field(rules, matching, n, 2));
	assert_false(rules_want_field(rules, matching, n, 3));
	parse("http://a.test/", room, &url);
	n = rules_matching(rules, &url, matching);
	assert_int_equal(n, 0);
	assert_true(rules_want_field(rules, matching, n, 0));
	assert_false(rules_want_field(rules, matching, n, 1));
	scope_rules_free(scope);
	job_release(&j);
}

static void
a_host_has_its_own_pace(void **state)
{
	uint32_t per_host = 1;
	int64_t delay_ms = -1;
	struct heard heard;
	struct job j;

	(void)state;
	read_job(&j, file, &heard);
	assert_true(rules_have_pace(&j.options));
	rules_pace(&j.options, SLICE_LIT("http://a.test"), &per_host, &delay_ms);
	rules_pace(&j.options, SLICE_LIT(""), &per_host, &delay_ms);
	rules_pace(&j.options, SLICE_LIT("http://[::1]:80"), &per_host, &delay_ms);
	assert_int_equal(per_host, 1);
	assert_int_equal(delay_ms, -1);
	rules_pace(&j.options, SLICE_LIT("http://x.b.test:8080"), &per_host, &delay_ms);
	assert_int_equal(per_host, 1);
	assert_int_equal(delay_ms, 2000);
	rules_pace(&j.options, SLICE_LIT("https://www.b.test"), &per_host, &delay_ms);
	assert_int_equal(per_host, 3);
	job_release(&j);
}

static void
a_host_with_a_port_is_that_port_only(void **state)
{
	static const struct {
		const char *authority;
		uint32_t per_host;
	} paces[] = {{"http://a.test:8080", 2}, {"https://a.test:8080", 2},
	    {"http://a.test", 1}, {"http://a.test:80801", 1}, {"https://www.b.test", 3},
	    {"http://www.b.test", 1}, {"http://www.b.test:443", 3},
	    {"http://[::1]:81", 4}, {"http://[::1]", 1}, {"http://c.test", 5},
	    {"https://c.test", 1}};
	struct heard heard;
	struct scope_rules *rules;
	char reason[256];
	struct job j;

	(void)state;
	read_job(&j,
	    "seeds: ['http://a.test/']\n"
	    "crawl: {scope: any}\n"
	    "rules:\n"
	    "  - {host: 'A.test:8080', per_host: 2, exclude: yes}\n"
	    "  - {host: '*.b.test:443', per_host: 3}\n"
	    "  - {host: '[0:0::1]:81', per_host: 4}\n"
	    "  - {host: 'c.test:80', per_host: 5}\n",
	    &heard);
	assert_string_equal(heard.text, "");
	assert_string_equal(j.options.rules[0].host, "a.test:8080");
	assert_string_equal(j.options.rules[2].host, "[::1]:81");
	for (size_t i = 0; i < sizeof(paces) / sizeof(paces[0]); i++) {
		uint32_t per_host = 1;
		int64_t delay_ms = 7;

		rules_pace(
		    &j.options, slice_cstr(paces[i].authority), &per_host, &delay_ms);
		assert_int_equal(per_host, paces[i].per_host);
		assert_int_equal(delay_ms, 7);
	}
	rules = scope_of(&j);
	assert_int_equal(judge(rules, "http://a.test/", 0, reason).outcome, OUTCOME_NONE);
	assert_int_equal(judge(rules, "https://a.test:8080/", 0, reason).outcome,
	    OUTCOME_OUT_OF_SCOPE);
	scope_rules_free(rules);
	job_release(&j);
	read_job(&j,
	    "seeds: ['http://a.test/']\n"
	    "rules: [{host: 'a.test:', depth: 1}, {host: ':80', depth: 1},\n"
	    "  {host: 'a.test:70000', depth: 1}, {host: 'a.test:80:80', depth: 1},\n"
	    "  {host: '*.b.test:x', depth: 1}, {host: 'u@a.test:8080', depth: 1}]\n",
	    &heard);
	assert_int_equal(heard.n, 6);
	job_release(&j);
}

static void
rules_that_were_written_read_back_the_same(void **state)
{
	struct heard heard;
	struct buf one, two;
	struct job a, b;

	(void)state;
	buf_init(&one, 1 << 20);
	buf_init(&two, 1 << 20);
	read_job(&a, file, &heard);
	assert_int_equal(a.options.rules_len, 4);
	assert_string_equal(a.options.rules[3].host, "www.b.test");
	assert_int_equal(a.options.rules[3].options->fetch_max_body, 10 << 10);
	assert_int_equal(a.options.rules[3].options->fetch_header.n, 2);
	assert_true(job_has_secrets(&a));
	assert_int_equal(job_write(&a, 0, &one), 0);
	assert_int_equal(buf_add_byte(&one, '\0'), 0);
	read_job(&b, one.ptr, &heard);
	assert_string_equal(heard.text, "");
	assert_int_equal(b.options.rules_len, 4);
	assert_int_equal(job_write(&b, 0, &two), 0);
	assert_int_equal(buf_add_byte(&two, '\0'), 0);
	assert_string_equal(one.ptr, two.ptr);
	assert_non_null(strstr(one.ptr, "X-A: 1"));
	buf_clear(&two);
	assert_int_equal(job_write(&a, JOB_FOR_STRANGERS, &two), 0);
	assert_int_equal(buf_add_byte(&two, '\0'), 0);
	assert_null(strstr(two.ptr, "X-A: 1"));
	assert_non_null(strstr(two.ptr, "max_body: 10KiB"));
	buf_release(&one);
	buf_release(&two);
	job_release(&a);
	job_release(&b);
}

static void
the_port_of_a_rule_is_one_that_can_be_asked(void **state)
{
	static const char *const wrong[] = {
	    "h:0", "h:00", "*.h:0", "[::1]:0", "h:65536", "h:", "[::1]:", ":80", "h:80/"};
	static const char *const right[] = {"h:1", "h:80", "*.h:65535", "[::1]:8080"};
	struct why why;
	char *host;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		print_message("%s\n", wrong[i]);
		assert_int_equal(rule_host(slice_cstr(wrong[i]), &host, &why), -EINVAL);
		assert_non_null(strstr(why.text, "is not the name of a host"));
	}
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		assert_int_equal(rule_host(slice_cstr(right[i]), &host, &why), 0);
		assert_string_equal(host, right[i]);
		free(host);
	}
}

static void
mistakes_in_rules_are_told_with_their_place(void **state)
{
	struct heard heard;
	struct job j;

	(void)state;
	read_job(&j,
	    "seeds: ['http://a.test/']\n"
	    "rules:\n"
	    "  - {priority: 3}\n"
	    "  - {match: 'a(', exclude: yes}\n"
	    "  - {host: 'a b', exclude: perhaps}\n"
	    "  - {host: 'a.test:8o80', priority: 1000}\n"
	    "  - {match: x, delay: 1s}\n"
	    "  - {match: x, prioritty: 1}\n"
	    "  - {match: x, match: y, depth: many}\n"
	    "  - {match: x, robots: ignore}\n"
	    "  - just text\n"
	    "  - {match: good, header: ['X: y', bad]}\n"
	    "  - {match: good, depth: 1}\n",
	    &heard);
	assert_int_equal(heard.n, 13);
	assert_non_null(strstr(heard.text, "3:5 rules: a rule says for which URLs"));
	assert_non_null(strstr(heard.text, "4:13 rules: "));
	assert_non_null(
	    strstr(heard.text, "5:12 rules: 'a b' is not the name of a host"));
	assert_non_null(strstr(heard.text, "5:28 rules: exclude is yes or no"));
	assert_non_null(strstr(heard.text, "6:12 rules: 'a.test:8o80' is not the name"));
	assert_non_null(strstr(heard.text, "6:37 rules: priority is a number"));
	assert_non_null(
	    strstr(heard.text, "7:5 rules: delay and per_host are of a whole"));
	assert_non_null(
	    strstr(heard.text, "8:16 a rule has no prioritty; did you mean priority?"));
	assert_non_null(
	    strstr(heard.text, "9:16 rules: match is there twice; first in line 9"));
	assert_non_null(strstr(heard.text, "9:33 crawl.depth: 'many'"));
	assert_non_null(strstr(heard.text, "10:16 a rule has no robots"));
	assert_non_null(strstr(heard.text, "11:5 a rule is a mapping"));
	assert_non_null(strstr(heard.text, "12:36 fetch.header: 'bad' is not"));
	assert_int_equal(j.options.rules_len, 1);
	job_release(&j);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_rule_excludes_and_a_later_one_takes_it_back),
	    cmocka_unit_test(a_rule_has_its_own_depth_and_priority),
	    cmocka_unit_test(rules_are_asked_again_when_what_waits_is_judged_anew),
	    cmocka_unit_test(fields_of_a_rule_are_of_its_pages),
	    cmocka_unit_test(a_host_has_its_own_pace),
	    cmocka_unit_test(a_host_with_a_port_is_that_port_only),
	    cmocka_unit_test(rules_that_were_written_read_back_the_same),
	    cmocka_unit_test(the_port_of_a_rule_is_one_that_can_be_asked),
	    cmocka_unit_test(mistakes_in_rules_are_told_with_their_place),
	};

	return cmocka_run_group_tests_name("crawl/rules", tests, NULL, NULL);
}
