#include "crawl/credentials.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct options o;
static struct why why;
static char seed_a[] = "http://plain.test:8080/x", seed_b[] = "https://tls.test/";
static char *seed_texts[] = {seed_a, seed_b};
static const struct strlist seeds = {.v = seed_texts, .n = 2};

static int
setup(void **state)
{
	(void)state;
	why.text[0] = '\0';
	return options_init(&o);
}

static int
teardown(void **state)
{
	(void)state;
	options_release(&o);
	return 0;
}

static void
give(enum option_id id, const char *text)
{
	assert_int_equal(option_set(&o, &option_rows[id], slice_cstr(text), NULL), 0);
}

static void
assert_line(const struct fetch_host_line *l, const char *authority, const char *line)
{
	assert_string_equal(l->authority, authority);
	assert_string_equal(l->line, line);
}

static void
a_password_goes_over_tls_or_to_a_seed(void **state)
{
	struct credentials c;

	(void)state;
	give(OPTION_ID_fetch_auth, "Aladdin:open sesame@TLS.test"); /* of RFC 7617 */
	give(OPTION_ID_fetch_auth, "u:p@@plain.test:8080");
	give(OPTION_ID_fetch_auth, "u::@plain.test:80");
	give(OPTION_ID_fetch_auth, "test:123\xc2\xa3@[::1]:443");
	assert_int_equal(credentials_init(&c, &o, (struct slice){0}, &seeds, &why), 0);
	assert_int_equal(c.n, 5);
	assert_line(&c.v[0], "https://tls.test",
	    "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
	assert_line(&c.v[1], "https://plain.test:8080", "Authorization: Basic dTpwQA==");
	assert_line(&c.v[2], "http://plain.test:8080", "Authorization: Basic dTpwQA==");
	assert_line(&c.v[3], "https://plain.test:80", "Authorization: Basic dTo6");
	assert_line(&c.v[4], "https://[::1]", "Authorization: Basic dGVzdDoxMjPCow==");
	credentials_release(&c);
}

static void
a_file_has_one_on_each_line(void **state)
{
	struct credentials c;

	(void)state;
	give(OPTION_ID_fetch_auth, "u:last@a.test");
	assert_int_equal(
	    credentials_init(&c, &o, SLICE_LIT("# ours\r\n\r\nu:p@a.test\r\nu:q@b.test"),
		&seeds, &why),
	    0);
	assert_int_equal(c.n, 3);
	assert_line(&c.v[0], "https://a.test", "Authorization: Basic dTpw");
	assert_line(&c.v[1], "https://b.test", "Authorization: Basic dTpx");
	credentials_release(&c);
	assert_int_equal(credentials_init(&c, &o,
			     SLICE_LIT("u:p@a.test\nsecret@b.test\n"), &seeds, &why),
	    -EINVAL);
	assert_non_null(strstr(why.text, "--auth-file: line 2: "));
	assert_null(strstr(why.text, "secret"));
	assert_int_equal(
	    credentials_init(&c, &o, SLICE_LIT("u:p\t@a.test"), &seeds, &why), -EINVAL);
}

static void
a_header_goes_to_one_host(void **state)
{
	struct credentials c;

	(void)state;
	give(OPTION_ID_fetch_header_for, "plain.test:8080=X-Key: a=b:c");
	give(OPTION_ID_fetch_header_for, "other.test=Accept-Language: de");
	assert_int_equal(credentials_init(&c, &o, (struct slice){0}, &seeds, &why), 0);
	assert_int_equal(c.n, 3);
	assert_line(&c.v[0], "https://plain.test:8080", "X-Key: a=b:c");
	assert_line(&c.v[1], "http://plain.test:8080", "X-Key: a=b:c");
	assert_line(&c.v[2], "https://other.test", "Accept-Language: de");
	credentials_release(&c);
}

static void
of_lines_that_say_how_a_request_is_sent_only_those_without_a_value_are_fine(void **state)
{
	static const char *const names[] = {
	    "Expect", "UPGRADE", "content-length", "Transfer-Encoding"};
	static const char *const none[] = {":", ": "}, *const some[] = {":0", ": x "};
	char line[60];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (size_t k = 0; k < sizeof(none) / sizeof(none[0]); k++) {
			(void)snprintf(line, sizeof(line), "%s%s", names[i], none[k]);
			assert_null(header_line_fault(slice_cstr(line)));
		}
		for (size_t k = 0; k < sizeof(some) / sizeof(some[0]); k++) {
			(void)snprintf(line, sizeof(line), "%s%s", names[i], some[k]);
			assert_non_null(strstr(header_line_fault(slice_cstr(line)),
			    "how a request is sent"));
		}
	}
}

static void
what_is_wrong_is_told_without_the_secret(void **state)
{
	static const struct {
		enum option_id id;
		const char *text, *said;
	} bad[] = {
	    {OPTION_ID_fetch_auth, "secret", "--auth: "},
	    {OPTION_ID_fetch_auth, "user:secret", "USER:PASS@HOST"},
	    {OPTION_ID_fetch_auth, "secret@host", "USER:PASS@HOST"},
	    {OPTION_ID_fetch_auth, "secret@host:80", "USER:PASS@HOST"},
	    {OPTION_ID_fetch_auth, "u:secret@", "is not HOST"},
	    {OPTION_ID_fetch_auth, "u:secret@host/path", "'host/path' is not HOST"},
	    {OPTION_ID_fetch_auth, "u:secret@host:99999", "'host:99999' is not HOST"},
	    {OPTION_ID_fetch_auth, "u:secret@https://host", "is not HOST"},
	    {OPTION_ID_fetch_header_for, "host: Name: secret", "--header-for: "},
	    {OPTION_ID_fetch_header_for, "host=secret", "Name: value"},
	    {OPTION_ID_fetch_header_for, "host=Na me: secret", "Name: value"},
	    {OPTION_ID_fetch_header_for, "=Name: secret", "is not HOST"},
	    {OPTION_ID_fetch_header_for, "host=Content-Length: 3",
		"how a request is sent"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct credentials c;

		options_release(&o);
		assert_int_equal(options_init(&o), 0);
		give(bad[i].id, bad[i].text);
		assert_int_equal(
		    credentials_init(&c, &o, (struct slice){0}, &seeds, &why), -EINVAL);
		if (strstr(why.text, bad[i].said) == NULL ||
		    strstr(why.text, "secret") != NULL)
			fail_msg("'%s': %s", bad[i].text, why.text);
		assert_int_equal(
		    credentials_check(bad[i].id, slice_cstr(bad[i].text), &why), -EINVAL);
		assert_null(strstr(why.text, "secret"));
	}
}

static void
there_is_an_end_to_them(void **state)
{
	struct credentials c;
	char text[64];

	(void)state;
	for (int i = 0; i <= FETCH_HOST_LINES_MAX; i++)
		give(OPTION_ID_fetch_header_for, "a.test=X: y");
	assert_int_equal(
	    credentials_init(&c, &o, (struct slice){0}, &seeds, &why), -EINVAL);
	assert_non_null(strstr(why.text, "for https://a.test"));
	options_release(&o);
	assert_int_equal(options_init(&o), 0);
	for (int i = 0; i <= CREDENTIALS_MAX; i++) {
		(void)snprintf(text, sizeof(text), "u:p@h%d.test", i);
		give(OPTION_ID_fetch_auth, text);
	}
	assert_int_equal(
	    credentials_init(&c, &o, (struct slice){0}, &seeds, &why), -EINVAL);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_password_goes_over_tls_or_to_a_seed),
	    TEST(a_file_has_one_on_each_line),
	    TEST(a_header_goes_to_one_host),
	    TEST(
		of_lines_that_say_how_a_request_is_sent_only_those_without_a_value_are_fine),
	    TEST(what_is_wrong_is_told_without_the_secret),
	    TEST(there_is_an_end_to_them),
	};

	return cmocka_run_group_tests_name("crawl/credentials", tests, NULL, NULL);
}
