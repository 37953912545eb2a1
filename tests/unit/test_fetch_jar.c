#include "fetch/jar.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW INT64_C(1700000000)

static struct jar *jar;

static int
setup(void **state)
{
	(void)state;
	return jar_new(&jar);
}

static int
teardown(void **state)
{
	(void)state;
	jar_check(jar);
	jar_free(jar);
	return 0;
}

static struct url
url_of(const char *text)
{
	static char room[URL_BYTES_MAX];
	struct url url;

	assert_int_equal(url_resolve(NULL, slice_cstr(text), (struct slice){0}, 0, room,
			     sizeof(room), &url),
	    URL_OK);
	return url;
}

static void
set_at(int64_t now, const char *from, const char *line)
{
	struct url url = url_of(from);

	assert_int_equal(jar_set(jar, &url, slice_cstr(line), now), 0);
}

static void
set(const char *from, const char *line)
{
	set_at(NOW, from, line);
}

static const char *
get_at(int64_t now, const char *to)
{
	static char line[JAR_LINE_MAX + 1];
	struct url url = url_of(to);

	line[jar_get(jar, &url, now, line, JAR_LINE_MAX)] = '\0';
	return line;
}

static const char *
get(const char *to)
{
	return get_at(NOW, to);
}

/* ---- who gets what ---- */

static void
a_cookie_without_a_domain_is_for_its_host_only(void **state)
{
	(void)state;
	set("http://www.example.org/a", "k=v");
	assert_string_equal(get("http://www.example.org/b"), "k=v");
	assert_string_equal(get("https://www.example.org/b"), "k=v");
	assert_string_equal(get("http://www.example.org:8080/"), "k=v"); /* 8.5 */
	assert_string_equal(get("http://example.org/"), "");
	assert_string_equal(get("http://x.www.example.org/"), "");
}

static void
a_domain_is_for_all_below_it_and_no_other_site(void **state)
{
	(void)state;
	set("http://www.example.org/", "k=v; Domain=.EXAMPLE.org");
	assert_string_equal(get("http://example.org/"), "k=v");
	assert_string_equal(get("http://a.b.example.org/"), "k=v");
	assert_string_equal(get("http://example.com/"), "");
	assert_string_equal(get("http://notexample.org/"), "");
}

static void
nobody_sets_cookies_for_others(void **state)
{
	(void)state;
	set("http://evil.org/", "a=1; Domain=example.org");
	set("http://evil.org/", "b=1; Domain=org");
	set("http://a.co.uk/", "c=1; Domain=co.uk");
	set("http://www.example.org/", "d=1; Domain=other.example.org");
	set("http://user.github.io/", "e=1; Domain=github.io");
	set("http://10.0.0.1/", "f=1; Domain=0.0.1");
	assert_int_equal(jar_count(jar), 0);
	set("http://10.0.0.1/", "g=1; Domain=10.0.0.1");
	assert_string_equal(get("http://10.0.0.1/"), "g=1");
	assert_string_equal(get("http://10.0.0.2/"), "");
}

static void
a_path_is_for_what_lies_below_it(void **state)
{
	(void)state;
	set("http://a.test/shop/cart/x", "dir=1");
	set("http://a.test/shop/cart/x", "all=1; Path=/");
	set("http://a.test/shop/cart/x", "shop=1; Path=/shop");
	set("http://a.test/shop/cart/x", "odd=1; Path=nonsense");
	assert_string_equal(
	    get("http://a.test/shop/cart"), "dir=1; odd=1; shop=1; all=1");
	assert_string_equal(
	    get("http://a.test/shop/cart/y?z"), "dir=1; odd=1; shop=1; all=1");
	assert_string_equal(get("http://a.test/shop/"), "shop=1; all=1");
	assert_string_equal(get("http://a.test/shopping"), "all=1");
	set("http://a.test/page", "top=1");
	assert_string_equal(get("http://a.test/else"), "all=1; top=1");
}

static void
secure_ones_need_tls_both_ways(void **state)
{
	(void)state;
	set("http://a.test/", "no=1; Secure");
	set("https://a.test/", "k=1; Secure; HttpOnly");
	assert_string_equal(get("https://a.test/"), "k=1");
	assert_string_equal(get("http://a.test/"), "");
	/* nor can what came without it take their place */
	set("http://a.test/", "k=evil");
	set("http://a.test/", "k=evil; Path=/x");
	assert_string_equal(get("https://a.test/x"), "k=1");
	set("https://a.test/", "k=2");
	assert_string_equal(get("http://a.test/"), "k=2");
	set("https://a.test/", "__Host-h=1; Secure; Path=/; Domain=a.test");
	set("https://a.test/", "__Secure-s=1");
	set("http://a.test/", "same=1; SameSite=None");
	assert_string_equal(get("https://a.test/"), "k=2");
}

/* ---- time ---- */

static void
a_cookie_lives_until_it_expires(void **state)
{
	(void)state;
	set("http://a.test/",
	    "age=1; Max-Age=100; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
	set("http://a.test/", "day=1; Expires=Tue, 14-Nov-2023 22:15:00 GMT");
	set("http://a.test/", "session=1");
	assert_string_equal(get("http://a.test/"), "age=1; day=1; session=1");
	assert_string_equal(
	    get_at(NOW + 99, "http://a.test/"), "age=1; day=1; session=1");
	assert_string_equal(get_at(NOW + 100, "http://a.test/"), "session=1");
	assert_string_equal(get_at(NOW + 1000000000, "http://a.test/"), "session=1");
	set("http://a.test/", "session=; Max-Age=0");
	set("http://a.test/", "unknown=; Max-Age=-1");
	assert_string_equal(get("http://a.test/"), "age=1; day=1");
	assert_int_equal(jar_count(jar), 2);
}

static void
the_same_again_keeps_its_place(void **state)
{
	(void)state;
	set("http://a.test/", "a=1");
	set("http://a.test/", "b=1");
	set("http://a.test/", "a=2; HttpOnly");
	assert_string_equal(get("http://a.test/"), "a=2; b=1");
	set("http://a.test/", "a=3; Domain=a.test"); /* another: not of the host only */
	assert_string_equal(get("http://a.test/"), "a=2; b=1; a=3");
}

static void
odd_ones_are_sent_as_they_came_or_not_at_all(void **state)
{
	(void)state;
	set("http://a.test/", "alone");
	set("http://a.test/", "=also");
	set("http://a.test/", "empty=");
	set("http://a.test/", "q=\"a b\"");
	set("http://a.test/", "tab=a\tb");
	set("http://a.test/", "nl=a\nb");
	set("http://a.test/", "");
	set("http://a.test/", "; Path=/");
	assert_string_equal(get("http://a.test/"), "also; empty=; q=\"a b\"");
}

/* ---- limits ---- */

static void
set_many(const char *from, const char *name, int n, size_t len, const char *attributes)
{
	char *line = malloc(len + 200);
	struct url url = url_of(from);

	assert_non_null(line);
	for (int i = 0; i < n; i++) {
		int at = snprintf(line, 100, "%s%d=", name, i);

		memset(line + at, 'v', len);
		memcpy(line + at + len, attributes, strlen(attributes) + 1);
		assert_int_equal(jar_set(jar, &url, slice_cstr(line), NOW), 0);
		jar_check(jar);
	}
	free(line);
}

static void
of_a_host_the_one_unused_longest_goes_first(void **state)
{
	char line[64];

	(void)state;
	set("https://a.test/", "secure=1; Secure; Path=/s");
	set("http://a.test/", "gone=1; Max-Age=10");
	for (int i = 0; i < JAR_HOST_COOKIES_MAX - 2; i++) {
		(void)snprintf(line, sizeof(line), "k%d=1; Path=/%d", i, i);
		set("http://a.test/", line);
	}
	(void)get("http://a.test/0");
	assert_int_equal(jar_count(jar), JAR_HOST_COOKIES_MAX);
	set_at(NOW + 10, "http://a.test/", "x=1"); /* for one that has expired */
	assert_string_equal(get("http://a.test/1"), "k1=1; x=1");
	set("http://a.test/", "y=1"); /* for k1, since k0 was used */
	assert_int_equal(jar_count(jar), JAR_HOST_COOKIES_MAX);
	assert_string_equal(get("http://a.test/0"), "k0=1; x=1; y=1");
	assert_string_equal(get("http://a.test/2"), "x=1; y=1");
	assert_string_equal(get("https://a.test/s"), "secure=1; x=1; y=1");
}

static void
a_site_cannot_fill_the_jar_through_names_below_it(void **state)
{
	char url[64];

	(void)state;
	set("http://other.org/", "mine=1");
	for (int i = 0; i < 300; i++) {
		(void)snprintf(url, sizeof(url), "http://h%d.evil.org/", i);
		set_many(url, "k", 3, 10, "");
	}
	assert_int_equal(jar_count(jar), JAR_SITE_COOKIES_MAX + 1);
	set_many("http://x.evil.org/", "big", 60, 4000, "");
	assert_true(jar_count(jar) < 60);
	assert_string_equal(get("http://other.org/"), "mine=1");
}

static void
many_sites_put_out_the_one_unused_longest(void **state)
{
	char url[64];

	(void)state;
	set("http://first.org/", "k=1");
	set("http://second.org/", "k=1");
	for (int i = 0; i < JAR_COOKIES_MAX - 2; i++) {
		(void)snprintf(url, sizeof(url), "http://s%d.org/", i);
		set(url, "k=1");
	}
	assert_string_equal(get("http://first.org/"), "k=1");
	set("http://last.org/", "k=1");
	assert_int_equal(jar_count(jar), JAR_COOKIES_MAX);
	assert_string_equal(get("http://second.org/"), "");
	assert_string_equal(get("http://first.org/"), "k=1");
	assert_string_equal(get("http://last.org/"), "k=1");
}

static void
a_line_has_an_end(void **state)
{
	(void)state;
	set_many("http://a.test/", "k", 5, 3000, "; Path=/x");
	set("http://a.test/", "small=1");
	assert_true(strlen(get("http://a.test/x")) <= JAR_LINE_MAX);
	assert_non_null(strstr(get("http://a.test/x"), "k1="));
	assert_null(strstr(get("http://a.test/x"), "k2="));
	assert_non_null(strstr(get("http://a.test/x"), "; small=1"));
}

/* ---- files ---- */

static const char file[] =
    "# Netscape HTTP Cookie File\r\n"
    "# made by hand\n"
    "\n"
    ".example.org\tTRUE\t/\tFALSE\t0\tall\t1\n"
    "www.example.org\tFALSE\t/a\tTRUE\t1800000000\tsecure\tv=w\r\n"
    "#HttpOnly_www.example.org\tFALSE\t/\tFALSE\t1800000000.5\thidden\tx y\n"
    "www.example.org\tFALSE\t/\tFALSE\t1600000000\tgone\t1\n"
    "B\xc3\xbc"
    "cher.example\tTRUE\t/\tFALSE\t0\tidn\t1\n"
    "localhost\tTRUE\t/\tFALSE\t-1\tlocal\n";

static void
reads_what_browsers_and_wget_write(void **state)
{
	struct why why = {""};

	(void)state;
	assert_int_equal(jar_read(jar, slice_cstr(file), NOW, &why), 0);
	assert_string_equal(
	    get("https://www.example.org/a"), "secure=v=w; all=1; hidden=x y");
	assert_string_equal(get("http://www.example.org/a"), "all=1; hidden=x y");
	assert_string_equal(get("http://example.org/"), "all=1");
	assert_string_equal(get("http://www.xn--bcher-kva.example/"), "idn=1");
	assert_string_equal(get("http://localhost/"), "local=");
	assert_string_equal(get("http://x.localhost/"), "");
	assert_string_equal(get_at(1800000001, "https://www.example.org/a"), "all=1");
}

static void
names_the_line_that_is_no_cookie(void **state)
{
	static const char *const bad[][2] = {
	    {"a.test\tFALSE\t/\tFALSE\t0\n", "line 1 has not seven"},
	    {"\n# x\na.test FALSE / FALSE 0 k v\n", "line 3 has not seven"},
	    {"a.test\tFALSE\t/\tFALSE\t0\tk\tv\tw\n", "more than seven"},
	    {"a.test\tyes\t/\tFALSE\t0\tk\tv\n", "second field"},
	    {"a.test\tTRUE\t/\t1\t0\tk\tv\n", "fourth field"},
	    {"a.test\tTRUE\t/\tTRUE\tnever\tk\tv\n", "fifth field"},
	    {"a.test\tTRUE\t/\tTRUE\t1.x\tk\tv\n", "fifth field"},
	    {"a.test\tTRUE\tx\tTRUE\t0\tk\tv\n", "no path"},
	    {"a test\tTRUE\t/\tTRUE\t0\tk\tv\n", "no domain"},
	    {"a.test/x\tTRUE\t/\tTRUE\t0\tk\tv\n", "no domain"},
	    {"a.test:81\tTRUE\t/\tTRUE\t0\tk\tv\n", "no domain"},
	    {"\tTRUE\t/\tTRUE\t0\tk\tv\n", "no domain"},
	    {".co.uk\tTRUE\t/\tTRUE\t0\tk\tv\n", "public suffix"},
	    {"a.test\tTRUE\t/\tTRUE\t0\tk\tv;w\n", "no name and value"},
	    {"a.test\tTRUE\t/\tTRUE\t0\t\t\n", "no name and value"},
	    {"a.test\tTRUE\t/\tTRUE\t0\tk\tv\x01\n", "control character"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct why why = {""};

		assert_int_equal(
		    jar_read(jar, slice_cstr(bad[i][0]), NOW, &why), -EINVAL);
		if (strstr(why.text, bad[i][1]) == NULL)
			fail_msg("'%s' says nothing of '%s'", why.text, bad[i][1]);
	}
	assert_int_equal(jar_count(jar), 0);
}

static void
what_is_written_is_read_again(void **state)
{
	struct buf first, second;
	struct jar *other;

	(void)state;
	buf_init(&first, 1 << 20);
	buf_init(&second, 1 << 20);
	set("https://www.example.org/a/b", "k=v w; Secure; HttpOnly; Max-Age=1000");
	set("https://www.example.org/a/b", "alone");
	set("http://a.test/", "d=; Domain=a.test");
	set("http://[::1]/", "six=1");
	assert_int_equal(jar_write(jar, NOW, &first), 0);
	assert_int_equal(jar_new(&other), 0);
	assert_int_equal(jar_read(other, buf_slice(&first), NOW, NULL), 0);
	assert_int_equal(jar_write(other, NOW, &second), 0);
	assert_int_equal(jar_count(other), 4);
	assert_true(slice_eq(buf_slice(&first), buf_slice(&second)));
	assert_non_null(strstr(buf_cstr(&first),
	    "#HttpOnly_www.example.org\tFALSE\t/a\tTRUE\t1700001000\tk\tv w\n"));
	jar_free(other);
	buf_release(&first);
	buf_release(&second);
}

/* ---- for the store ---- */

static bool
save(const char *host, struct buf *out)
{
	return jar_site_save(jar, slice_cstr(host), NOW, out);
}

static void
a_site_is_saved_when_it_has_changed(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 20);
	assert_false(save("a.test", &out));
	set("http://www.a.test/", "k=1; Max-Age=1000");
	set("http://b.test/", "k=1");
	assert_true(save("x.a.test", &out));
	assert_false(save("www.a.test", &out));
	set("http://www.a.test/", "k=1; Max-Age=1010"); /* as good as the same */
	assert_false(save("www.a.test", &out));
	for (int i = 2; i < 8; i++) { /* it creeps */
		char line[64];

		(void)snprintf(line, sizeof(line), "k=1; Max-Age=10%d0", i);
		set("http://www.a.test/", line);
	}
	assert_true(save("www.a.test", &out));
	assert_int_equal(jar_site_load(jar, buf_slice(&out), NOW), 0);
	assert_string_equal(get("http://www.a.test/"), "k=1");
	assert_false(save("www.a.test", &out));
	set("http://www.a.test/", "k=; Max-Age=0");
	assert_true(save("www.a.test", &out));
	set("http://www.a.test/", "again=1");
	assert_int_equal(jar_site_load(jar, buf_slice(&out), NOW), 0);
	assert_string_equal(get("http://www.a.test/"), "");
	assert_string_equal(get("http://b.test/"), "k=1");
	assert_int_equal(jar_site_load(jar, (struct slice){0}, NOW), -EBADMSG);
	assert_int_equal(jar_site_load(jar, SLICE_LIT("a.test\njunk"), NOW), -EBADMSG);
	buf_release(&out);
}

static void
a_site_without_room_is_told_of_when_it_was_saved(void **state)
{
	struct buf out;
	char url[64];

	(void)state;
	buf_init(&out, 1 << 20);
	set("http://saved.test/", "k=1");
	set("http://back.test/", "k=1");
	set("http://unsaved.test/", "k=1");
	assert_true(save("saved.test", &out));
	assert_true(save("back.test", &out));
	assert_false(jar_site_gone(jar, &out));
	for (int i = 0; i < JAR_COOKIES_MAX; i++) {
		(void)snprintf(url, sizeof(url), "http://s%d.org/", i);
		set(url, "k=1");
	}
	set("http://back.test/", "k=2"); /* what was saved of it is replaced */
	assert_true(jar_site_gone(jar, &out));
	assert_true(slice_eq(buf_slice(&out), SLICE_LIT("saved.test")));
	assert_false(jar_site_gone(jar, &out));
	assert_true(save("back.test", &out));
	buf_release(&out);
}

static void
a_file_has_room_in_a_jar_that_is_full(void **state)
{
	char url[64];

	(void)state;
	for (int i = 0; i < JAR_COOKIES_MAX; i++) {
		(void)snprintf(url, sizeof(url), "http://s%d.org/", i);
		set(url, "k=1");
	}
	assert_int_equal(
	    jar_read(jar, SLICE_LIT("a.test\tFALSE\t/\tFALSE\t0\tk\tv\n"), NOW, NULL), 0);
	assert_string_equal(get("http://a.test/"), "k=v");
	assert_string_equal(get("http://s0.org/"), "");
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_cookie_without_a_domain_is_for_its_host_only),
	    TEST(a_domain_is_for_all_below_it_and_no_other_site),
	    TEST(nobody_sets_cookies_for_others),
	    TEST(a_path_is_for_what_lies_below_it),
	    TEST(secure_ones_need_tls_both_ways),
	    TEST(a_cookie_lives_until_it_expires),
	    TEST(the_same_again_keeps_its_place),
	    TEST(odd_ones_are_sent_as_they_came_or_not_at_all),
	    TEST(of_a_host_the_one_unused_longest_goes_first),
	    TEST(a_site_cannot_fill_the_jar_through_names_below_it),
	    TEST(many_sites_put_out_the_one_unused_longest),
	    TEST(a_line_has_an_end),
	    TEST(reads_what_browsers_and_wget_write),
	    TEST(names_the_line_that_is_no_cookie),
	    TEST(what_is_written_is_read_again),
	    TEST(a_site_is_saved_when_it_has_changed),
	    TEST(a_site_without_room_is_told_of_when_it_was_saved),
	    TEST(a_file_has_room_in_a_jar_that_is_full),
	};

	return cmocka_run_group_tests_name("fetch/jar", tests, NULL, NULL);
}
