/* Names of files in a mirror: safe, and different where the URLs are. */
#include "sink/mirror_name.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *
path(const char *url, const char *mime)
{
	static struct buf b;

	buf_release(&b);
	buf_init(&b, 2 * MIRROR_PATH_MAX);
	assert_int_equal(
	    mirror_path(slice_cstr(url), mirror_kind(slice_cstr(mime)), &b), 0);
	return buf_cstr(&b);
}

#define HTML "text/html"

static void
pages_have_names_that_a_browser_opens(void **state)
{
	(void)state;
	assert_string_equal(path("https://a.test/", HTML), "a.test/index.html");
	assert_string_equal(path("https://a.test/x", HTML), "a.test/x+.html");
	assert_string_equal(path("https://a.test/x.html", HTML), "a.test/x.html");
	assert_string_equal(path("https://a.test/x.htm", HTML), "a.test/x.htm");
	assert_string_equal(path("https://a.test/x.php", HTML), "a.test/x.php+.html");
	assert_string_equal(path("https://a.test/3.11/", HTML), "a.test/3.11/index.html");
	assert_string_equal(path("https://a.test/x.png", "image/png"), "a.test/x.png");
	assert_string_equal(
	    path("https://a.test/x.html", "image/png"), "a.test/x.html+.png");
	assert_string_equal(
	    path("https://a.test/x.html", "text/plain"), "a.test/x.html+.txt");
	assert_string_equal(path("https://a.test/x.c", "text/plain"), "a.test/x.c");
	assert_string_equal(
	    path("https://a.test/x", "application/x-odd"), "a.test/x+.bin");
	assert_string_equal(path("https://a.test/x.deb", ""), "a.test/x.deb");
}

static void
scheme_and_port_keep_hosts_apart(void **state)
{
	(void)state;
	assert_string_equal(path("http://a.test/", HTML), "a.test+80/index.html");
	assert_string_equal(path("http://a.test:8080/", HTML), "a.test+8080/index.html");
	assert_string_equal(path("http://a.test:443/", HTML), "a.test+443/index.html");
	assert_string_equal(
	    path("https://a.test:80/", HTML), "a.test+80+https/index.html");
	assert_string_equal(path("http://[::1]/", HTML), "%5b%3a%3a1%5d+80/index.html");
	assert_string_equal(path("https://index.html/", HTML), "index.html+/index.html");
}

static void
queries_are_kept_apart(void **state)
{
	(void)state;
	assert_string_equal(path("https://a.test/p?x=1", HTML), "a.test/p@x%3d1.html");
	assert_string_equal(path("https://a.test/p?", HTML), "a.test/p@.html");
	assert_string_equal(path("https://a.test/?a/b", HTML), "a.test/index@a%2fb.html");
	assert_string_equal(
	    path("https://a.test/s.css?v=2", "text/css"), "a.test/s.css@v%3d2.css");
	assert_string_equal(
	    path("https://a.test/p?x.html", HTML), "a.test/p@x.html.html");
}

/* None of these may be another's, also where there are no capitals; and none leaves. */
static const char *const urls[] = {"https://a.test/", "https://a.test/index.html",
    "https://a.test/index", "https://a.test/index.htm", "https://a.test/Index.html",
    "https://a.test/INDEX.HTML", "https://a.test/a", "https://a.test/a/",
    "https://a.test/a/b", "https://a.test/a.html", "https://a.test/a.html/",
    "https://a.test/a.html/b", "https://a.test/A.html", "https://a.test/A",
    "https://a.test/a.php", "https://a.test/a.php.html", "https://a.test/a+.html",
    "https://a.test/+index.html", "https://a.test/a@x", "https://a.test/a?x",
    "https://a.test/a?X", "https://a.test/a?", "https://a.test/a%3Fx",
    "https://a.test/a%20b", "https://a.test/a%2520b", "https://a.test/a%2Fb",
    "https://a.test/a%2fb", "https://a.test/a!b", "https://a.test/a%21b",
    "https://a.test/%41", "https://a.test/%C3%BC", "https://a.test/u%CC%88",
    "https://a.test/%c3%bc", "https://a.test/con", "https://a.test/con.html",
    "https://a.test/aux/", "https://a.test/COM1", "https://a.test/.htaccess",
    "https://a.test/a.", "https://a.test/a..html", "https://a.test/...",
    "https://a.test/-rf", "https://a.test//", "https://a.test///x", "https://a.test/a//b",
    "https://a.test/a%00b", "https://a.test/a%0Ab",
    "https://a.test/..%2F..%2Fetc%2Fpasswd", "https://a.test/..%5C..%5Cx",
    "https://a.test/%2E%2E%2Fx", "https://a.test/C:/x",
    "https://a.test/a~0123456789abcdef.html", "https://a.test/+long/00/x",
    "https://a.test/v1.x/", "https://a.test/v1.x", "https://a.test/v1.x+/",
    "http://a.test/", "https://a.test+80/", "https://a.test/a;b", "https://a.test/a%",
    "https://a.test/a%25", "https://a.test/p?a/../../x", "https://a.test/a.html?",
    "https://a.test/a.html?.html"};
enum { URLS_N = sizeof(urls) / sizeof(urls[0]) };

static void
assert_is_safe(const char *p)
{
	struct slice rest = slice_cstr(p), part;

	assert_true(rest.len <= MIRROR_PATH_MAX);
	while (slice_cut(&rest, '/', &part)) {
		assert_true(part.len > 0 && part.len <= 255);
		assert_true(part.ptr[0] != '.' && part.ptr[0] != '-');
		assert_true(part.ptr[part.len - 1] != '.');
		for (size_t i = 0; i < part.len; i++)
			assert_non_null(
			    memchr("abcdefghijklmnopqrstuvwxyz0123456789-_.%~+@"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
				part.ptr[i], 69));
	}
}

static void
lower(char *p)
{
	for (; *p != '\0'; p++)
		*p = ascii_lower(*p);
}

static bool
is_directory_of(const char *a, const char *b)
{
	size_t n = strlen(a);

	return strncmp(a, b, n) == 0 && b[n] == '/';
}

static void
hostile_names_are_safe_and_meet_nowhere(void **state)
{
	char *names[URLS_N];

	(void)state;
	for (size_t i = 0; i < URLS_N; i++) {
		struct buf b;

		buf_init(&b, 2 * MIRROR_PATH_MAX);
		names[i] = NULL;
		if (mirror_path(slice_cstr(urls[i]), mirror_kind(SLICE_LIT(HTML)), &b) ==
		    0) {
			names[i] = slice_dup(buf_slice(&b));
			assert_is_safe(names[i]);
			lower(names[i]);
		}
		buf_release(&b);
	}
	for (size_t i = 0; i < URLS_N; i++)
		for (size_t k = 0; k < URLS_N; k++) {
			if (i == k || names[i] == NULL || names[k] == NULL)
				continue;
			if (strcmp(names[i], names[k]) == 0)
				fail_msg(
				    "%s and %s are both %s", urls[i], urls[k], names[i]);
			assert_false(is_directory_of(names[i], names[k]));
		}
	for (size_t i = 0; i < URLS_N; i++)
		free(names[i]);
}

static void
what_is_long_or_deep_has_a_short_name(void **state)
{
	char url[8000], other[8000];
	const char *p;
	char *first;

	(void)state;
	for (int deep = 0; deep < 2; deep++) {
		(void)snprintf(url, sizeof(url), "https://a.test/");
		for (size_t n = strlen(url); n < sizeof(url) - 4; n += 2)
			memcpy(url + n, deep ? "a/" : "ab", 3);
		memcpy(other, url, sizeof(other));
		other[strlen(other) - 1] = 'x';
		p = path(url, HTML);
		assert_is_safe(p);
		first = slice_dup(slice_cstr(p));
		assert_string_equal(first, path(url, HTML));
		assert_string_not_equal(first, path(other, HTML));
		assert_is_safe(first);
		free(first);
	}
}

static void
a_name_depends_on_nothing_but_the_url(void **state)
{
	(void)state;
	/* Of another crawl, another day: the hash has no seed. */
	assert_string_equal(
	    path("https://a.test/Caps.html", HTML), "a.test/Caps~7dfc6108a8b7f1de.html");
}

static void
what_is_no_url_has_no_name(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(mirror_path(SLICE_LIT("mailto:a@b"), 0, &b), -EBADMSG);
	assert_int_equal(mirror_path(SLICE_LIT(""), 0, &b), -EBADMSG);
	assert_int_equal(mirror_path(SLICE_LIT("https://a.test/"), 255, &b), -EBADMSG);
	assert_int_equal(b.len, 0);
	b.max = 10;
	assert_int_equal(mirror_path(SLICE_LIT("https://a.test/x"), 1, &b), -EMSGSIZE);
	assert_int_equal(b.len, 0);
	buf_release(&b);
}

static void
references_go_up_and_down(void **state)
{
	static const char *const rows[][3] = {
	    {"a/b.html", "a/c.html", "c.html"},
	    {"a/b.html", "a/b.html", "b.html"},
	    {"a/d/b.html", "a/c.html", "../c.html"},
	    {"a/b.html", "a/d/c.html", "d/c.html"},
	    {"a/b/c.html", "d/e.html", "../../d/e.html"},
	    {"a/bc/x.html", "a/bd/x.html", "../bd/x.html"},
	    {"", "a/x%20.html", "a/x%2520.html"},
	};
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_clear(&b);
		assert_int_equal(
		    mirror_reference(slice_cstr(rows[i][0]), slice_cstr(rows[i][1]), &b),
		    0);
		assert_string_equal(buf_cstr(&b), rows[i][2]);
	}
	buf_release(&b);
}

static void
index_html_may_be_the_page_of_its_directory(void **state)
{
	struct slice beside;
	struct buf b;

	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(mirror_path(SLICE_LIT("https://a.test/d/index.html"), 1, &b), 0);
	assert_true(mirror_path_beside(
	    SLICE_LIT("https://a.test/d/index.html"), buf_slice(&b), &beside));
	assert_true(slice_eq(beside, SLICE_LIT("https://a.test/d/")));
	mirror_path_as_index(&b);
	assert_string_equal(buf_cstr(&b), "a.test/d/index.html");
	assert_true(slice_eq(mirror_index_name(1), SLICE_LIT("index.html")));
	assert_false(
	    mirror_path_beside(SLICE_LIT("https://a.test/d/"), buf_slice(&b), &beside));
	buf_release(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pages_have_names_that_a_browser_opens),
	    cmocka_unit_test(scheme_and_port_keep_hosts_apart),
	    cmocka_unit_test(queries_are_kept_apart),
	    cmocka_unit_test(hostile_names_are_safe_and_meet_nowhere),
	    cmocka_unit_test(what_is_long_or_deep_has_a_short_name),
	    cmocka_unit_test(a_name_depends_on_nothing_but_the_url),
	    cmocka_unit_test(what_is_no_url_has_no_name),
	    cmocka_unit_test(references_go_up_and_down),
	    cmocka_unit_test(index_html_may_be_the_page_of_its_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
