#include "crawl/job.h"
#include "crawl/options.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct option_row *
row(const char *flag)
{
	bool off;
	const struct option_row *r = option_by_flag(slice_cstr(flag), &off);

	assert_non_null(r);
	return r;
}

static int
set(struct options *o, const char *flag, const char *value, struct why *why)
{
	return option_set(o, row(flag), slice_cstr(value), why);
}

struct heard {
	char text[2048];
};

static bool
hear(void *ctx, const struct job_mistake *m)
{
	struct heard *h = ctx;
	size_t at = strlen(h->text);

	(void)snprintf(h->text + at, sizeof(h->text) - at, "%s%s%zu:%zu %s\n",
	    m->file == NULL ? "" : m->file, m->file == NULL ? "" : ":", m->line,
	    m->column, m->text);
	return true;
}

static int
read_text(struct job *job, struct slice text, struct heard *heard)
{
	struct job_reading how = {.fn = hear, .ctx = heard};

	return job_read(job, text, &how);
}

static void
a_job_file_that_was_written_reads_back_the_same(void **state)
{
	static const char odd[] =
	    " \"\\'\xC2\x85\xE2\x80\xA8\xEF\xBB\xBF\xC3\xA4\xF0\x9F\x98\x80 ";
	struct heard heard = {""};
	struct job a, b;
	struct buf one, two;

	(void)state;
	buf_init(&one, 1 << 20);
	buf_init(&two, 1 << 20);
	assert_int_equal(job_init(&a), 0);
	assert_int_equal(job_init(&b), 0);
	assert_int_equal(job_set_name(&a, SLICE_LIT("docs-1"), NULL), 0);
	assert_int_equal(
	    job_add_seed(&a, SLICE_LIT("HTTP://Example.test/%7Ea?q='x'"), NULL), 0);
	assert_int_equal(
	    job_add_seed(&a, SLICE_LIT("http://example.test/%7Ea?q='x'"), NULL), 0);
	assert_int_equal(a.seeds.n, 1);
	assert_int_equal(set(&a.options, "exclude", "it's: [a] #b", NULL), 0);
	assert_int_equal(set(&a.options, "user-agent", odd, NULL), 0);
	assert_int_equal(set(&a.options, "delay", "250ms", NULL), 0);
	assert_int_equal(job_write(&a, 0, &one), 0);
	assert_int_equal(read_text(&b, buf_slice(&one), &heard), 0);
	assert_string_equal(heard.text, "");
	assert_int_equal(job_write(&b, 0, &two), 0);
	assert_true(slice_eq(buf_slice(&one), buf_slice(&two)));
	assert_int_equal(b.options.fetch_delay, 250);
	assert_string_equal(b.options.crawl_exclude.v[0], "it's: [a] #b");
	assert_string_equal(b.options.fetch_user_agent, odd);
	buf_release(&one);
	buf_release(&two);
	job_release(&a);
	job_release(&b);
}

static void
a_job_file_is_written_in_units_that_people_read(void **state)
{
	static const struct {
		const char *flag, *value, *line;
	} cases[] = {
	    {"recrawl-interval", "86400", "\n  recrawl_interval: 1d\n"},
	    {"max-time", "90m", "\n  max_time: 90m\n"},
	    {"delay", "1.5", "\n  delay: 1500ms\n"},
	    {"delay", "0", "\n  delay: 0ms\n"},
	    {"delay", "auto", "\n  delay: auto\n"},
	    {"max-body", "67108864", "\n  max_body: 64MiB\n"},
	    {"warc-size", "1GB", "\n  warc_size: 1GB\n"},
	    {"max-disk", "1234567", "\n  max_disk: 1234567\n"},
	    {"max-disk", "none", "\n  max_disk: none\n"},
	    {"rate", "0", "\n  rate: none\n"},
	    {"rate", "none", "\n  rate: none\n"},
	    {"rate", "100", "\n  rate: 100\n"},
	    {"rate", "2.50", "\n  rate: 2.5\n"},
	};
	struct buf text;
	struct job j;

	(void)state;
	buf_init(&text, 1 << 20);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(job_init(&j), 0);
		assert_int_equal(set(&j.options, cases[i].flag, cases[i].value, NULL), 0);
		buf_clear(&text);
		assert_int_equal(job_write(&j, 0, &text), 0);
		if (strstr(buf_cstr(&text), cases[i].line) == NULL)
			fail_msg("%s %s: %s", cases[i].flag, cases[i].value, text.ptr);
		job_release(&j);
	}
	buf_release(&text);
}

static void
a_seed_that_is_none_is_told_with_what_was_meant(void **state)
{
	static const struct {
		const char *seed, *told;
	} cases[] = {
	    {"example.test:8080/x", "'example.test:8080/x' is not a URL; did you mean "
				    "http://example.test:8080/x?"},
	    {"127.0.0.1:80",
		"'127.0.0.1:80' is not a URL; did you mean http://127.0.0.1:80?"},
	    {"127.0.0.1:443",
		"'127.0.0.1:443' is not a URL; did you mean https://127.0.0.1:443?"},
	    {"localhost:8080",
		"'localhost:8080' is not a URL; did you mean http://localhost:8080?"},
	    {"localhost/x",
		"'localhost/x' is not a URL; did you mean http://localhost/x?"},
	    {"docs/a.html",
		"'docs/a.html' is not a URL that begins with http:// or https://"},
	    {"a.test:70000",
		"'a.test:70000' is not a URL that begins with http:// or https://"},
	    {"mailto:a.b@c.test",
		"'mailto:a.b@c.test' is not a URL that begins with http:// or https://"},
	    {"http://me:secret@a.test/x",
		"'http://a.test/x': a name or password within the URL would not be sent; "
		"--auth USER:PASS@HOST sends it"},
	    {"http:\\\\me@a.test",
		"'http://a.test/': a name or password within the URL would not be sent; "
		"--auth USER:PASS@HOST sends it"},
	    {"http://@a.test/", NULL},
	    {"http://a.test/@x", NULL},
	    {"http://a.test?me@b", NULL},
	    {"http://a.test#me@b", NULL},
	};
	struct why why;
	struct job j;

	(void)state;
	assert_int_equal(job_init(&j), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r = job_add_seed(&j, slice_cstr(cases[i].seed), &why);

		assert_int_equal(r, cases[i].told == NULL ? 0 : -EINVAL);
		if (cases[i].told != NULL)
			assert_string_equal(why.text, cases[i].told);
	}
	job_release(&j);
}

static void
seeds_that_tidying_makes_the_same_are_one(void **state)
{
	struct job j;

	(void)state;
	assert_int_equal(job_init(&j), 0);
	assert_int_equal(
	    job_add_seed(&j, SLICE_LIT("http://a.test/?b=1&a=2&utm_id=3"), NULL), 0);
	assert_int_equal(job_add_seed(&j, SLICE_LIT("http://a.test/?a=2&b=1"), NULL), 0);
	assert_int_equal(job_add_seed(&j, SLICE_LIT("http://b.test/"), NULL), 0);
	assert_int_equal(job_tidy_seeds(&j), 0);
	assert_int_equal(j.seeds.n, 3);
	assert_string_equal(j.seeds.v[0], "http://a.test/?b=1&a=2&utm_id=3");
	assert_int_equal(set(&j.options, "sort-query", "yes", NULL), 0);
	assert_int_equal(set(&j.options, "strip-tracking", "yes", NULL), 0);
	assert_int_equal(job_tidy_seeds(&j), 0);
	assert_int_equal(j.seeds.n, 2);
	assert_string_equal(j.seeds.v[0], "http://a.test/?a=2&b=1");
	assert_string_equal(j.seeds.v[1], "http://b.test/");
	job_release(&j);
}

static void
every_mistake_of_a_job_file_is_told_with_its_place(void **state)
{
	static const char file[] = "name: 'no good'\n"
				   "seeds: [ftp://x.test/, http://ok.test/]\n"
				   "fetch:\n"
				   "  per_hots: 3\n"
				   "  delay: soon\n"
				   "fecth: {}\n"
				   "crawl: 7\n"
				   "crawl:\n"
				   "  extract: [a=b, 'a=>']\n";
	struct heard heard = {""};
	struct job job;

	(void)state;
	assert_int_equal(job_init(&job), 0);
	assert_int_equal(read_text(&job, slice_cstr(file), &heard), 8);
	assert_non_null(strstr(heard.text, "1:7 name: 'no good' is no name"));
	assert_non_null(strstr(heard.text, "2:9 seed 'ftp://x.test/'"));
	assert_non_null(strstr(
	    heard.text, "4:3 there is no fetch.per_hots; did you mean fetch.per_host?"));
	assert_non_null(strstr(heard.text, "5:10 fetch.delay: 'soon'"));
	assert_non_null(strstr(heard.text, "6:1 there is no section 'fecth'"));
	assert_non_null(strstr(heard.text, "7:8 crawl wants keys"));
	assert_non_null(strstr(heard.text, "8:1 crawl is there twice; first in line 7"));
	assert_non_null(strstr(heard.text,
	    "9:18 crawl.extract: column 3 of 'a=>': a selector was expected, found '>'"));
	job_release(&job);
}

/* To YAML it is nothing; to us nothing that could be meant is one. */
static void
null_is_a_mistake_wherever_a_value_is_wanted(void **state)
{
	static const char *const nulls[] = {"null", "~", "Null", "NULL"};
	static const struct {
		const char *before, *behind;
	} around[] = {{"name: ", ""}, {"seeds: [", "]"}, {"fetch: {user_agent: ", "}"},
	    {"fetch: {from: ", "}"}, {"fetch: {delay: ", "}"},
	    {"fetch: {header: [", "]}"}, {"fetch: {save_cookies: ", "}"},
	    {"rules: [{match: ", ", depth: 1}]"}, {"rules: [{host: ", ", depth: 1}]"},
	    {"schedule: {every: ", "}"}, {"include: ", ""}, {"seeds_from: ", ""}};
	struct job job;

	(void)state;
	for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++)
		for (size_t k = 0; k < sizeof(around) / sizeof(around[0]); k++) {
			struct heard heard = {""};
			char text[100];

			(void)snprintf(text, sizeof(text), "%s%s%s\n", around[k].before,
			    nulls[i], around[k].behind);
			print_message("%s", text);
			assert_int_equal(job_init(&job), 0);
			assert_true(read_text(&job, slice_cstr(text), &heard) > 0);
			assert_non_null(strstr(heard.text, "is no value"));
			assert_non_null(strstr(heard.text, nulls[i]));
			job_release(&job);
		}
	assert_int_equal(job_init(&job), 0);
	assert_int_equal(
	    read_text(&job,
		SLICE_LIT("fetch: {user_agent: 'null', save_cookies: \"~\"}\n"
			  "name: 'null'\n"),
		&(struct heard){""}),
	    0);
	assert_string_equal(job.options.fetch_user_agent, "null");
	assert_string_equal(job.options.fetch_save_cookies, "~");
	assert_string_equal(job.name, "null");
	job_release(&job);
}

static void
what_lies_too_deep_is_one_mistake_and_told_at_once(void **state)
{
	enum { DEEP = 1000000 };
	char *text = malloc(DEEP + 3);
	struct job job;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < 2; i++) {
		struct heard heard = {""};

		memcpy(text, "a: ", 3);
		memset(text + 3, i == 0 ? '[' : '{', DEEP);
		assert_int_equal(job_init(&job), 0);
		assert_int_equal(read_text(&job, slice_of(text, DEEP + 3), &heard), 1);
		assert_string_equal(heard.text,
		    "1:67 more than 64 lists and mappings within each other\n");
		job_release(&job);
	}
	free(text);
}

static void
broken_yaml_is_one_mistake(void **state)
{
	static const char *const files[] = {
	    "a: [", "\t", "- x", "", "a: b: c", "\xff\xfe\x01"};
	struct job job;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct heard heard = {""};

		assert_int_equal(job_init(&job), 0);
		assert_int_equal(read_text(&job, slice_cstr(files[i]), &heard), 1);
		assert_true(strlen(heard.text) > 5);
		job_release(&job);
	}
}

/* It was read to the end of the first, and the rest was as if it was not there. */
static void
a_file_holds_one_document(void **state)
{
	static const struct {
		const char *more, *told; /* NULL: it is right */
	} cases[] = {{"---\nname: b\n", "2:1 a second document begins here"},
	    {"...\nname: b\n", "3:1 "}, {"--- \n- x\n", "2:1 a second document"},
	    {"---\n\"\n", "4:1 "}, {"...\n", NULL}, {"---\n", NULL},
	    {"...\n---\n# end\n", NULL}, {"# end\n", NULL}, {"---\n---\n", NULL},
	    {"---\n--- ''\n", "3:1 a second"}, {"---\n---\nname: b\n", "3:1 a second"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct heard heard = {""};
		struct job job;
		char text[100];

		(void)snprintf(text, sizeof(text), "name: a\n%s", cases[i].more);
		assert_int_equal(job_init(&job), 0);
		assert_int_equal(read_text(&job, slice_cstr(text), &heard),
		    cases[i].told == NULL ? 0 : 1);
		if (cases[i].told != NULL && strstr(heard.text, cases[i].told) == NULL)
			fail_msg("%s: %s", cases[i].more, heard.text);
		job_release(&job);
	}
}

/* Within brackets it is as good as a space. */
static void
a_tab_is_told_for_what_it_is(void **state)
{
	static const struct {
		const char *file, *place;
	} cases[] = {
	    {"# \xc3\xa4\nseeds: [http://a.test/]\nfetch:\n \tdelay: 1\n", "4:2"},
	    {"name: x\nfetch:\n\tdelay: 1\n", "3:1"},
	    {"fetch:\n  delay: 1\n\tper_host: 2\n", "3:1"},
	    {"seeds: [\n\t'http://a.test/' 'http://b.test/']\n", NULL},
	    {"\tseeds: \xff\n", NULL}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static const char told[] = " a tab cannot indent a line; use spaces";
		struct heard heard = {""};
		const char *place = cases[i].place, *at;
		struct job job;

		assert_int_equal(job_init(&job), 0);
		assert_int_equal(read_text(&job, slice_cstr(cases[i].file), &heard), 1);
		at = strstr(heard.text, place == NULL ? told : place);
		if (place == NULL ? at != NULL : at == NULL || strstr(at, told) != at + 3)
			fail_msg("%s: %s", cases[i].file, heard.text);
		job_release(&job);
	}
}

struct told {
	int n;
	size_t line;
	char text[256];
};

static bool
on_told(void *ctx, const struct job_mistake *m)
{
	struct told *t = ctx;

	assert_true(m->column > 0);
	t->n++;
	t->line = m->line;
	(void)snprintf(t->text, sizeof(t->text), "%s", m->text);
	return true;
}

static void
a_file_of_seeds_has_one_a_line_and_comments(void **state)
{
	struct told told = {.n = 0};
	struct job j;

	(void)state;
	assert_int_equal(job_init(&j), 0);
	assert_int_equal(
	    job_read_seeds(&j,
		SLICE_LIT("\xEF\xBB\xBF# all of them\r\n\r\n  http://a.test/x#y \r\n"
			  "http://b.test/ # the second\n\t#http://c.test/\n"
			  "http://d.test/"),
		NULL, on_told, &told),
	    0);
	assert_int_equal(told.n, 0);
	assert_int_equal(j.seeds.n, 3);
	assert_string_equal(j.seeds.v[0], "http://a.test/x");
	assert_string_equal(j.seeds.v[1], "http://b.test/");
	assert_string_equal(j.seeds.v[2], "http://d.test/");
	job_release(&j);
}

static void
a_bad_line_of_seeds_is_told_with_its_number(void **state)
{
	struct told told = {.n = 0};
	struct job j;

	(void)state;
	assert_int_equal(job_init(&j), 0);
	assert_int_equal(job_read_seeds(&j, SLICE_LIT("http://a.test/\n\nb.test\n"), NULL,
			     on_told, &told),
	    1);
	assert_int_equal(told.line, 3);
	assert_string_equal(
	    told.text, "'b.test' is not a URL; did you mean https://b.test?");
	assert_int_equal(job_read_seeds(&j, SLICE_LIT("http://a.test/ http://b.test/"),
			     NULL, on_told, &told),
	    1);
	assert_int_equal(told.line, 1);
	assert_non_null(strstr(told.text, "a line holds one URL"));
	/* What is true of all that follow is told once. */
	j.seeds_bytes = JOB_SEEDS_BYTES_MAX;
	told.n = 0;
	assert_int_equal(job_read_seeds(&j, SLICE_LIT("http://x.test/\nhttp://y.test/\n"),
			     NULL, on_told, &told),
	    1);
	assert_non_null(strstr(told.text, "too many seeds"));
	told.n = 0;
	assert_int_equal(
	    job_read(&j, SLICE_LIT("seeds:\n- http://x.test/\n- http://y.test/\n"),
		&(struct job_reading){.fn = on_told, .ctx = &told}),
	    1);
	assert_int_equal(told.line, 2);
	assert_string_equal(
	    told.text, "too many seeds: their URLs take more than 512 MiB");
	job_release(&j);
}

/* ---- files that name others ---- */

static const struct {
	const char *path, *text;
} shelf[] = {
    {"jobs/a.txt", "http://a.test/\n"},
    {"jobs/b/c.txt", "http://c.test/\nb.test\n"},
    {"jobs/base/polite.yaml",
	"fetch: {delay: 3s, per_host: 2}\ncrawl: {exclude: [old, x]}\n"
	"include: ../base/agent.yaml\n"},
    {"jobs/base/../base/agent.yaml",
	"fetch:\n  user_agent: base/1\n  from: base@a.test\n"},
    {"jobs/map.xml", "<urlset><url><loc>http://m.test/1</loc></url>"
		     "<url><loc>http://m.test/2</loc></url></urlset>"},
    {"jobs/index.xml", "<sitemapindex><sitemap><loc>http://m.test/s?b=1&amp;a=2</loc>"
		       "</sitemap></sitemapindex>"},
    {"jobs/bad.yaml", "\nfetch: {dellay: 1}\nseeds_from: none.txt\n"},
    {"jobs/itself.yaml", "include: itself.yaml\n"},
    {"jobs/deep.yaml", "include: ./deep.yaml\n"},
};

static int
from_shelf(void *ctx, const char *path, struct buf *out, struct why *why)
{
	const char *deep = strstr(path, "/deep.yaml");

	(void)ctx;
	buf_init(out, 4096);
	for (size_t i = 0; i < sizeof(shelf) / sizeof(shelf[0]); i++)
		if (strcmp(shelf[i].path, path) == 0 ||
		    (deep != NULL && strcmp(shelf[i].path, "jobs/deep.yaml") == 0))
			return buf_add_cstr(out, shelf[i].text);
	buf_release(out);
	return why_set(why, -ENOENT, "cannot open %s", path);
}

static const char *
variable(void *ctx, const char *name)
{
	(void)ctx;
	return strcmp(name, "HOST") == 0    ? "h.test"
	       : strcmp(name, "EMPTY") == 0 ? ""
					    : NULL;
}

static int
read_shelved(struct job *job, const char *text, struct heard *heard)
{
	struct job_reading how = {.path = "jobs/job.yaml",
	    .read = from_shelf,
	    .env = variable,
	    .fn = hear,
	    .ctx = heard};

	heard->text[0] = '\0';
	return job_read(job, slice_cstr(text), &how);
}

static void
a_job_file_names_files_of_seeds(void **state)
{
	struct heard heard = {""};
	struct job j;

	(void)state;
	assert_int_equal(job_init(&j), 0);
	assert_int_equal(
	    read_shelved(&j, "seeds_from: [a.txt, b/c.txt, d.txt]\n", &heard), 2);
	assert_int_equal(j.seeds.n, 2);
	assert_string_equal(j.seeds.v[1], "http://c.test/");
	assert_non_null(strstr(heard.text, "jobs/b/c.txt:2:1 'b.test' is not a URL"));
	assert_non_null(
	    strstr(heard.text, "\n1:30 seeds_from: cannot open jobs/d.txt\n"));
	job_release(&j);
}

static void
a_job_file_names_sitemaps(void **state)
{
	struct heard heard = {""};
	struct buf text;
	struct job j, again;

	(void)state;
	buf_init(&text, 1 << 20);
	assert_int_equal(job_init(&j), 0);
	assert_int_equal(job_init(&again), 0);
	assert_int_equal(
	    read_shelved(&j,
		"crawl: {sort_query: yes}\n"
		"seeds_sitemaps: [map.xml, index.xml, 'HTTP://n.test/s.xml', a.txt]\n",
		&heard),
	    0);
	assert_string_equal(heard.text, "");
	assert_int_equal(j.seeds.n, 5);
	assert_int_equal(j.sitemaps.n, 2);
	assert_string_equal(j.sitemaps.v[1], "http://n.test/s.xml");
	assert_false(job_is_sitemap(&j, SLICE_LIT("http://m.test/1")));
	assert_true(job_is_sitemap(&j, SLICE_LIT("http://m.test/s?b=1&a=2")));
	assert_int_equal(job_tidy_seeds(&j), 0);
	assert_string_equal(j.seeds.v[2], "http://m.test/s?a=2&b=1");
	assert_true(job_is_sitemap(&j, SLICE_LIT("http://m.test/s?a=2&b=1")));
	assert_int_equal(job_write(&j, 0, &text), 0);
	assert_int_equal(buf_add_byte(&text, '\0'), 0);
	assert_int_equal(read_shelved(&again, text.ptr, &heard), 0);
	assert_int_equal(again.sitemaps.n, 2);
	assert_int_equal(job_tidy_seeds(&again), 0);
	assert_int_equal(again.seeds.n, 5);
	assert_true(job_is_sitemap(&again, SLICE_LIT("http://m.test/s?a=2&b=1")));
	buf_release(&text);
	job_release(&j);
	job_release(&again);
}

static void
sitemaps_that_are_none_are_mistakes(void **state)
{
	struct heard heard = {""};
	struct job j;

	(void)state;
	assert_int_equal(job_init(&j), 0);
	assert_int_equal(
	    read_shelved(&j,
		"seeds_sitemaps: [none.xml, bad.yaml, 'http://:1/', {a: b}]\n", &heard),
	    4);
	assert_non_null(
	    strstr(heard.text, "1:18 seeds_sitemaps: cannot open jobs/none.xml"));
	assert_non_null(strstr(heard.text, "jobs/bad.yaml:1:1 that is no sitemap"));
	assert_non_null(strstr(heard.text, "1:38 seeds_sitemaps: 'http://:1/'"));
	assert_non_null(
	    strstr(heard.text, "1:52 seeds_sitemaps wants the name of a file"));
	job_release(&j);
}

static void
an_included_file_is_read_at_its_place_and_what_comes_later_wins(void **state)
{
	struct heard heard = {""};
	struct job j;

	(void)state;
	assert_int_equal(job_init(&j), 0);
	assert_int_equal(read_shelved(&j,
			     "fetch: {delay: 1s, user_agent: mine/1}\n"
			     "include: base/polite.yaml\n"
			     "crawl: {exclude: [new], depth: 3}\n",
			     &heard),
	    0);
	assert_string_equal(heard.text, "");
	assert_int_equal(j.options.fetch_delay, 3000);
	assert_int_equal(j.options.fetch_per_host, 2);
	assert_int_equal(j.options.crawl_depth, 3);
	assert_string_equal(j.options.fetch_user_agent, "base/1");
	assert_string_equal(j.options.fetch_from, "base@a.test");
	assert_int_equal(j.options.crawl_exclude.n, 1);
	assert_string_equal(j.options.crawl_exclude.v[0], "new");
	assert_int_equal(j.places[OPTION_ID_crawl_exclude].file, 0);
	assert_int_equal(j.places[OPTION_ID_crawl_exclude].line, 3);
	assert_string_equal(
	    j.files.v[j.places[OPTION_ID_fetch_delay].file - 1], "jobs/base/polite.yaml");
	job_release(&j);
}

static void
mistakes_of_included_files_are_told_with_their_names(void **state)
{
	struct heard heard = {""};
	struct job j;

	(void)state;
	assert_int_equal(job_init(&j), 0);
	assert_int_equal(
	    read_shelved(&j, "include: [bad.yaml, no.yaml, itself.yaml, '']\n", &heard),
	    5);
	assert_non_null(strstr(heard.text,
	    "jobs/bad.yaml:2:9 there is no fetch.dellay; did you mean fetch.delay?"));
	assert_non_null(strstr(
	    heard.text, "jobs/bad.yaml:3:13 seeds_from: cannot open jobs/none.txt"));
	assert_non_null(strstr(heard.text, "\n1:21 include: cannot open jobs/no.yaml"));
	assert_non_null(strstr(heard.text,
	    "jobs/itself.yaml:1:10 include: jobs/itself.yaml includes itself"));
	assert_non_null(strstr(heard.text, "\n1:43 include wants the name of a file"));
	assert_int_equal(read_shelved(&j, "include: deep.yaml\n", &heard), 1);
	assert_non_null(
	    strstr(heard.text, "include: more than 10 files within each other"));
	job_release(&j);
}

static void
values_may_name_what_is_in_the_environment(void **state)
{
	struct heard heard = {""};
	struct job j;

	(void)state;
	assert_int_equal(job_init(&j), 0);
	assert_int_equal(read_shelved(&j,
			     "seeds: ['http://${HOST}/${EMPTY:-x}/${NONE:-}y']\n"
			     "fetch: {from: 'me@${HOST}', delay: '${DELAY:-7s}', "
			     "user_agent: 'a$${HOST} $1 ${EMPTY}.'}\n"
			     "crawl: {exclude: 'pdf$'}\n",
			     &heard),
	    0);
	assert_string_equal(heard.text, "");
	assert_string_equal(j.seeds.v[0], "http://h.test/x/y");
	assert_string_equal(j.options.fetch_from, "me@h.test");
	assert_int_equal(j.options.fetch_delay, 7000);
	assert_string_equal(j.options.fetch_user_agent, "a${HOST} $1 .");
	assert_string_equal(j.options.crawl_exclude.v[0], "pdf$");
	job_release(&j);
}

static void
what_is_not_in_the_environment_is_a_mistake_with_its_place(void **state)
{
	struct heard heard = {""};
	struct job j;

	(void)state;
	assert_int_equal(job_init(&j), 0);
	assert_int_equal(read_shelved(&j,
			     "fetch:\n  from: me@${NONE}\n  user_agent: '${HOST'\n"
			     "crawl:\n  exclude: ['${HOST}', 'a${2}']\n"
			     "net:\n  dns: 'a${NONE:-${HOST}}'\n",
			     &heard),
	    4);
	assert_non_null(strstr(
	    heard.text, "2:12 NONE is not set in the environment; ${NONE:-default}"));
	assert_non_null(strstr(heard.text, "3:16 '${HOST' is neither ${NAME} nor"));
	assert_non_null(strstr(heard.text, "5:26 '${2}' is neither ${NAME} nor"));
	assert_non_null(strstr(heard.text,
	    "7:10 '${NONE:-${HOST}': a default is text: there is no ${ in it"));
	assert_int_equal(j.options.crawl_exclude.n, 1);
	job_release(&j);
}

static void
what_looks_like_a_variable_is_written_so_that_it_is_none(void **state)
{
	static const char odd[] = "$${HOST} ${HOST} $$${x ${ $";
	struct heard heard = {""};
	struct buf text;
	struct job a, b;

	(void)state;
	buf_init(&text, 1 << 20);
	assert_int_equal(job_init(&a), 0);
	assert_int_equal(job_init(&b), 0);
	assert_int_equal(set(&a.options, "exclude", odd, NULL), 0);
	assert_int_equal(job_write(&a, 0, &text), 0);
	assert_int_equal(buf_add_byte(&text, '\0'), 0);
	assert_int_equal(read_shelved(&b, text.ptr, &heard), 0);
	assert_string_equal(b.options.crawl_exclude.v[0], odd);
	buf_release(&text);
	job_release(&a);
	job_release(&b);
}

static void
values_of_lists_are_told_one_by_one(void **state)
{
	struct heard heard = {""};
	struct job j;

	(void)state;
	assert_int_equal(job_init(&j), 0);
	assert_int_equal(
	    read_shelved(&j,
		"crawl:\n"
		"  exclude:\n"
		"    - 'a('\n"
		"    - fine\n"
		"    - '['\n"
		"  priority: [a=1, a=1000]\n"
		"  depth: [1, 2]\n"
		"  scope: {a: b}\n"
		"fetch: {header: [nocolon], proxy: 'foo://x', per_host: 2, per_host: 3}\n"
		"net: {allow_net: [300.1.1.1/8], resolve: x}\n"
		"output: {sink: [warc, drain]}\n"
		"net: {ip: 5}\n"
		"limit: {max_pages: 1}\n"
		"delay: 3s\n",
		&heard),
	    15);
	assert_non_null(strstr(heard.text, "3:7 crawl.exclude: 'a(': missing"));
	assert_non_null(strstr(heard.text, "5:7 crawl.exclude: '['"));
	assert_non_null(strstr(heard.text, "6:19 crawl.priority: 'a=1000'"));
	assert_non_null(strstr(heard.text, "7:10 crawl.depth wants one value"));
	assert_non_null(strstr(heard.text, "8:10 crawl.scope wants one value"));
	assert_non_null(strstr(heard.text, "9:18 fetch.header: 'nocolon' is not"));
	assert_non_null(strstr(heard.text, "9:35 fetch.proxy: "));
	assert_non_null(
	    strstr(heard.text, "9:59 fetch.per_host is there twice; first in line 9"));
	assert_non_null(strstr(heard.text, "10:19 net.allow_net: "));
	assert_non_null(strstr(heard.text, "10:42 net.resolve: "));
	assert_non_null(strstr(heard.text, "11:23 output.sink: there is no 'drain'"));
	assert_non_null(strstr(heard.text, "12:1 net is there twice; first in line 10"));
	assert_non_null(strstr(heard.text, "12:11 net.ip: '5' is not one of any|4|6"));
	assert_non_null(
	    strstr(heard.text, "13:1 there is no section 'limit'; did you mean limits?"));
	assert_non_null(
	    strstr(heard.text, "14:1 'delay' is no section; it belongs below fetch:"));
	job_release(&j);
}

static void
what_is_there_twice_is_told_with_both_lines(void **state)
{
	struct heard heard = {""};
	struct job j;

	(void)state;
	assert_int_equal(job_init(&j), 0);
	assert_int_equal(read_shelved(&j,
			     "name: a\n"
			     "fetch: {delay: 1s}\n"
			     "schedule: {every: 1h, jitter: 1m,\n"
			     "  every: 2h}\n"
			     "rules:\n"
			     "  - {host: a.test, delay: 1s,\n"
			     "     delay: 2s}\n"
			     "\"fetch\":\n"
			     "  delay: 2s\n"
			     "name: b\n",
			     &heard),
	    5);
	assert_non_null(
	    strstr(heard.text, "4:3 schedule.every is there twice; first in line 3"));
	assert_non_null(
	    strstr(heard.text, "7:6 rules: delay is there twice; first in line 6"));
	assert_non_null(strstr(heard.text, "8:1 fetch is there twice; first in line 2"));
	assert_non_null(
	    strstr(heard.text, "9:3 fetch.delay is there twice; first in line 2"));
	assert_non_null(strstr(heard.text, "10:1 name is there twice; first in line 1"));
	assert_int_equal(j.options.fetch_delay, 1000);
	job_release(&j);
}

/* A value of the right type that is not the default. */
static void
other_value(const struct option_row *r, char ret[64])
{
	static const char *const fit[OPTION_ID_MAX] = {
	    [OPTION_ID_crawl_priority] = "a=3",
	    [OPTION_ID_crawl_focus] = "word",
	    [OPTION_ID_crawl_extract] = "a=b",
	    [OPTION_ID_fetch_auth] = "me:secret@a.test",
	    [OPTION_ID_fetch_header] = "A: b",
	    [OPTION_ID_fetch_header_for] = "a.test=A: b",
	    [OPTION_ID_fetch_proxy] = "http://p.test:8",
	    [OPTION_ID_run_fail_on] = "broken",
	    [OPTION_ID_net_resolve] = "a.test:80:127.0.0.1",
	    [OPTION_ID_net_allow_net] = "10.0.0.0/8",
	    [OPTION_ID_output_sink] = "jsonl",
	};
	struct slice word;
	int64_t n = r->min + 1;

	if (fit[r->id] != NULL)
		(void)snprintf(ret, 64, "%s", fit[r->id]);
	else if (r->type == OPTION_BOOL)
		(void)snprintf(ret, 64, "%s", strcmp(r->def, "no") == 0 ? "yes" : "no");
	else if (r->type == OPTION_ENUM && option_word(r, 1, &word))
		(void)snprintf(ret, 64, SLICE_FMT, SLICE_ARG(word));
	else if (r->type == OPTION_STR || r->type == OPTION_LIST)
		(void)snprintf(ret, 64, "some text");
	else
		(void)snprintf(ret, 64, "%lld%s", (long long)n,
		    r->type == OPTION_TIME || r->type == OPTION_DELAY ? "ms" : "");
}

static void
every_option_can_be_given_in_a_file_and_alone_is_changed_by_it(void **state)
{
	struct options usual;
	struct buf before, after;

	(void)state;
	assert_int_equal(options_init(&usual), 0);
	buf_init(&before, 4096);
	buf_init(&after, 4096);
	for (size_t i = 0; i < OPTION_ID_MAX; i++) {
		const struct option_row *r = &option_rows[i];
		struct heard heard = {""};
		char value[64], file[256];
		struct job j;

		other_value(r, value);
		(void)snprintf(file, sizeof(file), "%s: {%s: '%s'}\n", r->section,
		    option_key(r), value);
		assert_int_equal(job_init(&j), 0);
		assert_int_equal(read_shelved(&j, file, &heard), 0);
		assert_string_equal(heard.text, "");
		assert_int_equal(
		    j.places[i].column, strlen(r->section) + 6 + strlen(option_key(r)));
		for (size_t k = 0; k < OPTION_ID_MAX; k++) {
			(void)option_get(&usual, &option_rows[k], 0, &before);
			(void)option_get(&j.options, &option_rows[k], 0, &after);
			assert_int_equal(j.options.given[k], k == i);
			assert_int_equal(
			    slice_eq(buf_slice(&before), buf_slice(&after)), k != i);
		}
		job_release(&j);
	}
	buf_release(&before);
	buf_release(&after);
	options_release(&usual);
}

static void
ten_thousands_of_seeds_are_found_by_their_text(void **state)
{
	enum { N = 20000 };
	struct job j;
	char text[64];
	size_t at;

	(void)state;
	assert_int_equal(job_init(&j), 0);
	for (size_t i = 0; i < 2 * (size_t)N; i++) {
		(void)snprintf(
		    text, sizeof(text), "http://h%zu.test/?b=%zu&a", i % 100, i % N);
		assert_int_equal(job_add_seed(&j, slice_cstr(text), NULL), 0);
	}
	assert_int_equal(j.seeds.n, N);
	assert_true(job_seed_at(&j, SLICE_LIT("http://h99.test/?b=19999&a"), &at));
	assert_int_equal(at, 19999);
	assert_false(job_seed_at(&j, SLICE_LIT("http://h99.test/?b=19998&a"), &at));
	/* Tidied, each has one like it. */
	for (size_t i = 0; i < N; i++) {
		(void)snprintf(
		    text, sizeof(text), "http://h%zu.test/?a&b=%zu", i % 100, i);
		assert_int_equal(job_add_seed(&j, slice_cstr(text), NULL), 0);
	}
	assert_int_equal(j.seeds.n, 2 * N);
	j.options.crawl_sort_query = true;
	assert_int_equal(job_tidy_seeds(&j), 0);
	assert_int_equal(j.seeds.n, N);
	assert_false(job_seed_at(&j, SLICE_LIT("http://h99.test/?b=19999&a"), &at));
	assert_true(job_seed_at(&j, SLICE_LIT("http://h99.test/?a&b=19999"), &at));
	assert_int_equal(at, 19999);
	job_release(&j);
}

static void
more_seeds_than_fit_are_refused_with_a_sentence(void **state)
{
	struct why why;
	struct job j;

	(void)state;
	assert_int_equal(job_init(&j), 0);
	assert_int_equal(job_add_seed(&j, SLICE_LIT("http://a.test/"), &why), 0);
	j.seeds_bytes = JOB_SEEDS_BYTES_MAX - 14;
	assert_int_equal(job_add_seed(&j, SLICE_LIT("http://a.test/"), &why), 0);
	assert_int_equal(job_add_seed(&j, SLICE_LIT("http://b.test/"), &why), 0);
	assert_int_equal(job_add_seed(&j, SLICE_LIT("http://c.test/"), &why), -E2BIG);
	assert_string_equal(
	    why.text, "too many seeds: their URLs take more than 512 MiB");
	assert_int_equal(j.seeds.n, 2);
	job_release(&j);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ten_thousands_of_seeds_are_found_by_their_text),
	    cmocka_unit_test(more_seeds_than_fit_are_refused_with_a_sentence),
	    cmocka_unit_test(a_file_of_seeds_has_one_a_line_and_comments),
	    cmocka_unit_test(a_bad_line_of_seeds_is_told_with_its_number),
	    cmocka_unit_test(a_job_file_names_files_of_seeds),
	    cmocka_unit_test(a_job_file_names_sitemaps),
	    cmocka_unit_test(sitemaps_that_are_none_are_mistakes),
	    cmocka_unit_test(
		an_included_file_is_read_at_its_place_and_what_comes_later_wins),
	    cmocka_unit_test(mistakes_of_included_files_are_told_with_their_names),
	    cmocka_unit_test(values_may_name_what_is_in_the_environment),
	    cmocka_unit_test(what_is_not_in_the_environment_is_a_mistake_with_its_place),
	    cmocka_unit_test(what_looks_like_a_variable_is_written_so_that_it_is_none),
	    cmocka_unit_test(values_of_lists_are_told_one_by_one),
	    cmocka_unit_test(what_is_there_twice_is_told_with_both_lines),
	    cmocka_unit_test(
		every_option_can_be_given_in_a_file_and_alone_is_changed_by_it),
	    cmocka_unit_test(a_job_file_that_was_written_reads_back_the_same),
	    cmocka_unit_test(a_job_file_is_written_in_units_that_people_read),
	    cmocka_unit_test(a_seed_that_is_none_is_told_with_what_was_meant),
	    cmocka_unit_test(seeds_that_tidying_makes_the_same_are_one),
	    cmocka_unit_test(every_mistake_of_a_job_file_is_told_with_its_place),
	    cmocka_unit_test(null_is_a_mistake_wherever_a_value_is_wanted),
	    cmocka_unit_test(what_lies_too_deep_is_one_mistake_and_told_at_once),
	    cmocka_unit_test(broken_yaml_is_one_mistake),
	    cmocka_unit_test(a_file_holds_one_document),
	    cmocka_unit_test(a_tab_is_told_for_what_it_is),
	};

	return cmocka_run_group_tests_name("crawl/job", tests, NULL, NULL);
}
