/* What is told of a crawl, over a scripted web in virtual time. */
#include "../unit/files_kit.h"
#include "observe/progress.h"
#include "observe/report.h"
#include "sim_web.h"
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

enum { CROWD = 90 };

static int broken_links; /* on the first page, beside two that are whole */

static void
script(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	(void)ctx;
	ret->latency_ms = 40;
	ret->status = 404;
	if (slice_ends(url, SLICE_LIT("a.test/"))) {
		ret->status = 200;
		(void)buf_add_cstr(
		    body, "<a href=two>2</a><a href='http://b.test/'>b</a>");
		for (int i = 0; i < broken_links; i++)
			(void)buf_printf(
			    body, "<a href=\"gone?n=%d&amp;t='x'\">?</a>", i);
	} else if (slice_ends(url, SLICE_LIT("/two"))) {
		ret->status = 200;
		(void)buf_add_cstr(body, "<a href='http://no.invalid/'>x</a>");
	} else if (slice_find(url, 'z') < url.len) {
		ret->status = 200;
		(void)buf_add_cstr(body, "<a href=zoom/>closer and closer we come</a>");
	} else if (slice_ends(url, SLICE_LIT("crowd.test/"))) {
		ret->status = 200;
		for (int i = 0; i < CROWD; i++)
			(void)buf_printf(
			    body, "<a href='http://%d.torn.test/'>t</a>", 500 + i);
		(void)buf_add_cstr(body, "<a href='/later'>l</a>");
	} else if (slice_ends(url, SLICE_LIT("crowd.test/later"))) {
		ret->status = 200;
		ret->latency_ms = 600000;
		for (int i = 0; i < CROWD; i++)
			(void)buf_printf(
			    body, "<a href='http://%d.torn.test/more'>t</a>", 500 + i);
	} else if (slice_ends(url, SLICE_LIT(".torn.test/robots.txt"))) {
		ret->status = (int)strtol(url.ptr + strlen("http://"), NULL, 10);
	} else if (slice_ends(url, SLICE_LIT("torn.test/robots.txt"))) {
		ret->status = 599;
	} else if (slice_ends(url, SLICE_LIT("worn.test/robots.txt"))) {
		ret->status = sim_count("http://worn.test/robots.txt") > 1 ? 404 : 598;
	} else if (slice_ends(url, SLICE_LIT("worn.test/"))) {
		ret->status = 200;
		for (int i = 0; i < 20; i++)
			(void)buf_printf(body, "<a href=%d>%d</a>", i, i);
	} else if (slice_starts(url, SLICE_LIT("http://worn.test/"))) {
		ret->status = 0;
		ret->failure = OUTCOME_CONNECT_FAILURE;
	} else if (slice_ends(url, SLICE_LIT("/slow"))) {
		ret->status = 200;
		ret->latency_ms = 25000;
	}
}

struct told {
	struct buf json, summary;
	char dir[KIT_PATH_MAX];
	char progress[8192], seed[512]; /* what the first seed came to */
};

struct rig {
	struct loop *loop;
	struct crawl *crawl;
	struct report_facts facts;
	struct told *told;
};

static void
on_end(void *ctx, enum crawl_end end)
{
	struct rig *r = ctx;
	struct buf seed;

	buf_init(&seed, sizeof(r->told->seed) - 1);
	assert_int_equal(crawl_seed_tell(r->crawl, 0, &seed), 0);
	(void)snprintf(r->told->seed, sizeof(r->told->seed), "%s", buf_cstr(&seed));
	buf_release(&seed);
	report_facts_take(&r->facts, r->crawl, end, loop_wall_us(r->loop));
	loop_stop(r->loop);
}

static void
set_options(struct options *o, const char *const *options)
{
	for (; *options != NULL; options++) {
		struct slice rest = slice_cstr(*options), flag;
		bool off;

		assert_true(slice_cut(&rest, '=', &flag));
		assert_int_equal(
		    option_set(o, option_by_flag(flag, &off), rest, NULL), 0);
	}
}

/* Runs with the progress of `kind`, standard error caught. */
static void
run_loop(struct rig *r, const struct job *job, enum progress_kind kind, struct told *ret)
{
	int real = dup(STDERR_FILENO), caught = memfd_create("stderr", MFD_CLOEXEC), e;
	struct progress *p;
	ssize_t n;

	assert_true(real >= 0 && caught >= 0);
	assert_int_equal(progress_new(r->loop, r->crawl, kind, job->name, &p), 0);
	assert_true(dup2(caught, STDERR_FILENO) >= 0);
	e = loop_run(r->loop);
	progress_free(p);
	assert_true(dup2(real, STDERR_FILENO) >= 0);
	assert_int_equal(e, 0);
	n = pread(caught, ret->progress, sizeof(ret->progress) - 1, 0);
	assert_true(n >= 0);
	ret->progress[n] = '\0';
	(void)close(real);
	(void)close(caught);
}

static void
write_report(const struct rig *r, const struct job *job, struct told *t)
{
	struct report_conf conf = {
	    .job = job, .dir = t->dir, .tmp_dir = t->dir, .facts = &r->facts};
	struct report *report;
	struct why why = {""};

	assert_int_equal(report_make(&conf, &report, &why), 0);
	buf_init(&t->json, 16 << 20);
	buf_init(&t->summary, 1 << 20);
	assert_int_equal(report_json(report, (struct slice){0}, &t->json), 0);
	assert_int_equal(report_summary(report, t->dir, &t->summary), 0);
	assert_int_equal(report_write(report, t->dir, &why), 0);
	assert_int_equal(report_write(report, "/nonexistent/dir", &why), -ENOENT);
	assert_non_null(strstr(why.text, "/nonexistent/dir/report.json"));
	report_free(report);
}

/* The crawl in t->dir: a new one, or as it goes on. */
static void
tell_in_dir(struct told *t, const char *seed, enum progress_kind kind,
    const char *const *options, option_enum state, bool resume)
{
	struct rig r = {.told = t};
	struct crawl_conf conf = {
	    .random_seed = 42, .ctx = &r, .on_end = on_end, .resume = resume};
	struct engine *engine;
	struct why why;
	struct job job;

	sim_web_reset(script, NULL);
	assert_int_equal(job_init(&job), 0);
	assert_int_equal(job_add_seed(&job, slice_cstr(seed), &why), 0);
	assert_int_equal(job_set_name(&job, SLICE_LIT("sim"), &why), 0);
	job.options.run_state = state;
	set_options(&job.options, options);
	assert_int_equal(loop_new_virtual(1700000000000000, &r.loop), 0);
	assert_int_equal(engine_new(r.loop, NULL, &job.options, &engine, &why), 0);
	conf.job = &job;
	conf.dir = t->dir;
	assert_int_equal(crawl_start(engine, &conf, &r.crawl, &why), 0);
	run_loop(&r, &job, kind, t);
	write_report(&r, &job, t);
	crawl_free(r.crawl);
	engine_free(engine);
	loop_free(r.loop);
	job_release(&job);
}

static void
tell(
    struct told *t, const char *seed, enum progress_kind kind, const char *const *options)
{
	*t = (struct told){.dir = ""};
	kit_scratch(t->dir);
	tell_in_dir(t, seed, kind, options, STATE_MEMORY, false);
}

static void
file_read(const struct told *t, const char *name, char *ret, size_t cap)
{
	char path[KIT_PATH_MAX + 32];
	FILE *f;
	size_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	f = fopen(path, "re");
	assert_non_null(f);
	n = fread(ret, 1, cap - 1, f);
	assert_true(n < cap - 1);
	ret[n] = '\0';
	(void)fclose(f);
}

static void
told_release(struct told *t)
{
	kit_remove(t->dir);
	buf_release(&t->json);
	buf_release(&t->summary);
	free(sim_web.requests);
	sim_web.requests = NULL;
}

static json_int_t
number(const json_t *j, const char *name)
{
	json_t *v = json_object_get(j, name);

	assert_true(json_is_integer(v));
	return json_integer_value(v);
}

static void
text_is(const json_t *j, const char *name, const char *want)
{
	const char *text = json_string_value(json_object_get(j, name));

	assert_non_null(text);
	assert_string_equal(text, want);
}

static void
the_json_holds_the_figures_and_they_add_up(void **state)
{
	struct told t;
	json_t *j;

	(void)state;
	broken_links = 1;
	tell(&t, "http://a.test/", PROGRESS_SHOW_NOTHING, OPTIONS("scope=any"));
	j = json_loadb(t.json.ptr, t.json.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(j);
	assert_int_equal(number(j, "v"), 1);
	text_is(j, "job", "sim");
	text_is(j, "end", "done");
	assert_null(json_object_get(j, "why"));
	assert_int_equal(number(j, "discovered"),
	    number(j, "fetched") + number(j, "failed") + number(j, "rejected") +
		number(j, "queued") + number(j, "in_flight"));
	assert_int_equal(number(j, "discovered"), 5);
	assert_int_equal(number(j, "failed"), 1);
	assert_int_equal(number(json_object_get(j, "outcomes"), "ok"), 2);
	assert_int_equal(number(json_object_get(j, "outcomes"), "http-4xx"), 2);
	assert_int_equal(number(json_object_get(j, "outcomes"), "dns-failure"), 1);
	assert_true(json_is_real(json_object_get(j, "seconds")));
	assert_int_equal(number(j, "broken_total"), 3);
	assert_int_equal(json_array_size(json_object_get(j, "broken")), 3);
	json_decref(j);
	told_release(&t);
}

static const json_t *
broken_of(const json_t *j, const char *url)
{
	const json_t *all = json_object_get(j, "broken");

	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *b = json_array_get(all, i);

		if (strcmp(json_string_value(json_object_get(b, "url")), url) == 0)
			return b;
	}
	fail_msg("%s is not among the broken ones", url);
	return NULL;
}

static void
broken_links_are_told_with_the_page_they_stand_on(void **state)
{
	char file[65536];
	const json_t *b;
	struct told t;
	json_t *j;

	(void)state;
	broken_links = 1;
	tell(&t, "http://a.test/", PROGRESS_SHOW_NOTHING, OPTIONS("scope=any"));
	file_read(&t, "report.json", file, sizeof(file));
	assert_int_equal(strlen(file), t.json.len);
	assert_memory_equal(file, t.json.ptr, t.json.len);
	j = json_loads(file, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(j);
	b = broken_of(j, "http://a.test/gone?n=0&t=%27x%27");
	text_is(b, "outcome", "http-4xx");
	text_is(b, "via", "http://a.test/");
	assert_int_equal(number(b, "status"), 404);
	b = broken_of(j, "http://no.invalid/");
	text_is(b, "outcome", "dns-failure");
	text_is(b, "via", "http://a.test/two");
	assert_null(json_object_get(b, "status"));
	json_decref(j);
	told_release(&t);
}

static void
the_html_is_escaped(void **state)
{
	char file[65536];
	struct told t;

	(void)state;
	broken_links = 1;
	tell(&t, "http://a.test/?q='a'&b=1", PROGRESS_SHOW_NOTHING, OPTIONS("scope=any"));
	/* The seed itself is not found: it is a broken one. */
	file_read(&t, "report.html", file, sizeof(file));
	assert_true(slice_starts(slice_cstr(file), SLICE_LIT("<!doctype html>")));
	assert_non_null(strstr(file, "&amp;b=1"));
	assert_null(strstr(file, "&b=1"));
	assert_non_null(strstr(file, "<p>1 URL that leads nowhere"));
	assert_null(strstr(file, "<script"));
	told_release(&t);
}

static void
a_crawl_without_broken_links_says_so(void **state)
{
	char file[65536];
	struct told t;

	(void)state;
	tell(&t, "http://a.test/slow", PROGRESS_SHOW_NOTHING, OPTIONS("scope=page"));
	file_read(&t, "report.html", file, sizeof(file));
	assert_non_null(strstr(file, "No broken links"));
	assert_non_null(strstr(file, "<title>Trawl: sim</title>"));
	told_release(&t);
}

static void
many_broken_links_are_counted_but_not_all_kept(void **state)
{
	struct told t;
	json_t *j;

	(void)state;
	broken_links = 1200;
	tell(&t, "http://a.test/", PROGRESS_SHOW_NOTHING, OPTIONS("delay=0"));
	j = json_loadb(t.json.ptr, t.json.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(j);
	assert_int_equal(number(j, "broken_total"), 1200);
	assert_int_equal(json_array_size(json_object_get(j, "broken")), 1000);
	json_decref(j);
	assert_non_null(strstr(buf_cstr(&t.summary), "and 1,190 more, in report.html"));
	told_release(&t);
}

static void
the_summary_is_a_few_lines_for_a_person(void **state)
{
	struct told t;
	const char *s;

	(void)state;
	broken_links = 2;
	tell(&t, "http://a.test/", PROGRESS_SHOW_NOTHING, OPTIONS("scope=any"));
	s = buf_cstr(&t.summary);
	assert_true(
	    slice_starts(slice_cstr(s), SLICE_LIT("trawl: done\n  pages     5 in ")));
	assert_non_null(strstr(s, "3 hosts\n"));
	assert_non_null(strstr(s,
	    "URLs      6 discovered = 5 fetched + 1 failed + 0 rejected + 0 queued\n"));
	assert_non_null(strstr(s, "ok 2"));
	assert_non_null(strstr(s, "http-4xx 3"));
	assert_non_null(
	    strstr(s, "http://no.invalid/  on http://a.test/two: no such name\n"));
	assert_non_null(strstr(s, t.dir));
	told_release(&t);
}

static void
a_robots_txt_that_is_given_up_is_told_with_what_its_server_said(void **state)
{
	struct told t;

	(void)state;
	tell(&t, "http://torn.test/", PROGRESS_SHOW_NOTHING, OPTIONS("scope=host"));
	assert_string_equal(t.seed, "http://torn.test/: robots-unreachable: robots.txt "
				    "cannot be had: status 599");
	told_release(&t);
}

static void
each_of_a_crowd_is_told_with_what_its_own_server_said(void **state)
{
	static char log[256 << 10];
	struct told t;

	(void)state;
	/* Some of their URLs are found when all of them were given up. */
	tell(&t, "http://crowd.test/", PROGRESS_SHOW_NOTHING,
	    OPTIONS("scope=any", "first-byte-timeout=1h", "total-timeout=1h"));
	file_read(&t, "crawl.log", log, sizeof(log));
	for (int i = 0; i < 2 * CROWD; i++) {
		char url[64], why[64], *line;

		(void)snprintf(url, sizeof(url), " http://%d.torn.test/%s ", 500 + i / 2,
		    i % 2 == 0 ? "" : "more");
		(void)snprintf(why, sizeof(why),
		    "why:robots.txt+cannot+be+had:+status+%d\n", 500 + i / 2);
		line = strstr(log, url);
		assert_non_null(line);
		if (strncmp(strstr(line, "why:"), why, strlen(why)) != 0)
			fail_msg("%.300s", line);
	}
	told_release(&t);
}

static void
what_a_robots_txt_met_before_it_came_is_not_told_of_its_host(void **state)
{
	struct told t;

	(void)state;
	tell(&t, "http://worn.test/", PROGRESS_SHOW_NOTHING,
	    OPTIONS("scope=host", "retries=1", "delay=0"));
	assert_true(sim_count("http://worn.test/robots.txt") > 1);
	assert_non_null(strstr(buf_cstr(&t.json), "host given up after"));
	assert_null(strstr(buf_cstr(&t.json), "robots.txt"));
	told_release(&t);
}

static void
a_budget_that_ended_it_is_named(void **state)
{
	struct told t;
	json_t *j;

	(void)state;
	broken_links = 5;
	tell(&t, "http://a.test/", PROGRESS_SHOW_NOTHING, OPTIONS("max-pages=1"));
	assert_true(slice_starts(
	    buf_slice(&t.summary), SLICE_LIT("trawl: page budget reached\n")));
	j = json_loadb(t.json.ptr, t.json.len, JSON_REJECT_DUPLICATES, NULL);
	text_is(j, "end", "page budget reached");
	assert_true(number(j, "queued") > 0);
	json_decref(j);
	told_release(&t);
}

/* ---- progress ---- */

static void
without_a_terminal_there_is_a_line_every_ten_seconds(void **state)
{
	unsigned lines = 0;
	struct told t;

	(void)state;
	tell(&t, "http://a.test/slow", PROGRESS_SHOW_LINES, OPTIONS("scope=page"));
	for (const char *p = t.progress; *p != '\0'; p = strchr(p, '\n') + 1) {
		assert_true(slice_starts(slice_cstr(p), SLICE_LIT("trawl: ")));
		lines++;
	}
	assert_int_equal(lines, 2);
	assert_null(strchr(t.progress, '\033'));
	assert_true(slice_starts(
	    slice_cstr(t.progress), SLICE_LIT("trawl: 10.0 s: pages 0 (0/s)")));
	assert_non_null(strstr(t.progress, "in flight 1"));
	told_release(&t);
}

static void
a_cause_that_would_be_nought_percent_is_left_out(void **state)
{
	struct told t;

	(void)state;
	tell(&t, "http://a.test/", PROGRESS_SHOW_LINES,
	    OPTIONS("scope=host", "delay=15s"));
	assert_non_null(strstr(t.progress, "limited by: crawl-delay\n"));
	assert_null(strstr(t.progress, " 0 %"));
	told_release(&t);
}

/* Twenty pages are there already: none comes in the first ten seconds, and so it is told. */
static void
the_rates_of_a_resumed_crawl_are_of_what_it_does_now(void **state)
{
	struct told t = {.dir = ""};

	(void)state;
	broken_links = 40;
	kit_scratch(t.dir);
	tell_in_dir(&t, "http://a.test/", PROGRESS_SHOW_NOTHING,
	    OPTIONS("scope=host", "delay=0", "max-pages=20"), STATE_ROCKSDB, false);
	buf_release(&t.json);
	buf_release(&t.summary);
	tell_in_dir(&t, "http://a.test/", PROGRESS_SHOW_LINES,
	    OPTIONS("scope=host", "delay=20s"), STATE_ROCKSDB, true);
	broken_links = 0;
	assert_true(slice_starts(slice_cstr(t.progress),
	    SLICE_LIT("trawl: 10.0 s: pages 20 (0/s), received ")));
	told_release(&t);
}

/* robots.txt was waited for for a moment, the page for the rest of the ten seconds. */
static void
a_moment_of_waiting_is_not_what_limits_a_crawl(void **state)
{
	struct told t;

	(void)state;
	tell(&t, "http://a.test/slow", PROGRESS_SHOW_LINES, OPTIONS("scope=page"));
	assert_true(slice_starts(
	    slice_cstr(t.progress), SLICE_LIT("trawl: 10.0 s: pages 0 (0/s)")));
	assert_non_null(strstr(t.progress, "limited by: nothing but the servers\n"));
	assert_null(strstr(t.progress, "robots-pending"));
	told_release(&t);
}

static void
on_a_terminal_there_is_a_block_that_is_gone_in_the_end(void **state)
{
	static const char cleared[] = "A\r\033[J";
	struct told t;

	(void)state;
	tell(&t, "http://a.test/", PROGRESS_SHOW_BLOCK, OPTIONS("scope=any", "delay=1s"));
	assert_non_null(strstr(t.progress, "trawl sim"));
	assert_non_null(strstr(t.progress, "limited by: "));
	assert_true(slice_ends(slice_cstr(t.progress), slice_cstr(cleared)));
	told_release(&t);
}

static void
nothing_is_shown_when_nothing_shall_be(void **state)
{
	struct told t;

	(void)state;
	tell(&t, "http://a.test/slow", PROGRESS_SHOW_NOTHING, OPTIONS("scope=page"));
	assert_string_equal(t.progress, "");
	told_release(&t);
}

static void
what_was_cut_is_told_with_its_pattern(void **state)
{
	char html[65536];
	struct told t;
	json_t *root, *traps, *first;

	(void)state;
	tell(&t, "http://a.test/z", PROGRESS_SHOW_NOTHING, OPTIONS("delay=0"));
	root = json_loadb(t.json.ptr, t.json.len, 0, NULL);
	traps = json_object_get(root, "traps");
	assert_int_equal(
	    json_integer_value(json_object_get(json_object_get(traps, "cut"), "repeats")),
	    1);
	first = json_array_get(json_object_get(traps, "patterns"), 0);
	assert_string_equal(json_string_value(json_object_get(first, "pattern")),
	    "http://a.test/zoom/**");
	assert_string_equal(json_string_value(json_object_get(first, "rule")), "repeats");
	assert_int_equal(json_integer_value(json_object_get(first, "cut")), 1);
	json_decref(root);
	assert_non_null(buf_cstr(&t.summary));
	assert_non_null(strstr(t.summary.ptr, "  traps     repeats 1; --trap-ok"));
	assert_non_null(strstr(t.summary.ptr, "http://a.test/zoom/**"));
	file_read(&t, "report.html", html, sizeof(html));
	assert_non_null(strstr(
	    html, "<td class=u>http://a.test/zoom/**<td class=c>repeats<td class=n>1"));
	told_release(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_cut_is_told_with_its_pattern),
	    cmocka_unit_test(the_json_holds_the_figures_and_they_add_up),
	    cmocka_unit_test(broken_links_are_told_with_the_page_they_stand_on),
	    cmocka_unit_test(the_html_is_escaped),
	    cmocka_unit_test(a_crawl_without_broken_links_says_so),
	    cmocka_unit_test(many_broken_links_are_counted_but_not_all_kept),
	    cmocka_unit_test(the_summary_is_a_few_lines_for_a_person),
	    cmocka_unit_test(
		a_robots_txt_that_is_given_up_is_told_with_what_its_server_said),
	    cmocka_unit_test(each_of_a_crowd_is_told_with_what_its_own_server_said),
	    cmocka_unit_test(
		what_a_robots_txt_met_before_it_came_is_not_told_of_its_host),
	    cmocka_unit_test(a_budget_that_ended_it_is_named),
	    cmocka_unit_test(a_cause_that_would_be_nought_percent_is_left_out),
	    cmocka_unit_test(without_a_terminal_there_is_a_line_every_ten_seconds),
	    cmocka_unit_test(the_rates_of_a_resumed_crawl_are_of_what_it_does_now),
	    cmocka_unit_test(a_moment_of_waiting_is_not_what_limits_a_crawl),
	    cmocka_unit_test(on_a_terminal_there_is_a_block_that_is_gone_in_the_end),
	    cmocka_unit_test(nothing_is_shown_when_nothing_shall_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
