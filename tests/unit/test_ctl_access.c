#include "ctl/access.h"
#include "ctl/clients.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>

static uint64_t
key_of(const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	uint64_t key = 0;

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		assert_true(client_key((struct sockaddr *)&v4, &key));
	else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
		assert_true(client_key((struct sockaddr *)&v6, &key));
	else
		fail();
	return key;
}

static void
a_client_is_an_ipv4_address_or_a_slash_64(void **state)
{
	struct sockaddr sa = {.sa_family = AF_UNIX};
	uint64_t key;

	(void)state;
	assert_true(key_of("192.0.2.1") == key_of("::ffff:192.0.2.1"));
	assert_true(key_of("192.0.2.1") != key_of("192.0.2.2"));
	assert_true(key_of("2001:db8::1") == key_of("2001:db8::ffff:ffff:ffff:ffff"));
	assert_true(key_of("2001:db8::1") != key_of("2001:db8:0:1::1"));
	assert_true(key_of("::1") != key_of("127.0.0.1"));
	assert_false(client_key(&sa, &key));
}

static void
expect_text(const char *text, const char *shown)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	char got[CLIENT_TEXT_MAX];

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		client_format((struct sockaddr *)&v4, got);
	else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
		client_format((struct sockaddr *)&v6, got);
	else
		fail();
	assert_string_equal(got, shown);
}

static void
a_client_is_told_by_its_address(void **state)
{
	struct sockaddr sa = {.sa_family = AF_UNIX};
	char got[CLIENT_TEXT_MAX];

	(void)state;
	expect_text("192.0.2.1", "192.0.2.1");
	expect_text("::ffff:192.0.2.1", "192.0.2.1");
	expect_text("2001:db8:1111:2222:3333:4444:5555:6666",
	    "2001:db8:1111:2222:3333:4444:5555:6666");
	client_format(&sa, got);
	assert_string_equal(got, "the unix socket");
}

static void
a_bucket_gives_so_many_at_once_and_so_many_a_second(void **state)
{
	struct bucket b = {0};
	int64_t wait, now = 5000;

	(void)state;
	for (int i = 0; i < 20; i++)
		assert_true(bucket_take(&b, 10, 20, now, &wait));
	assert_false(bucket_take(&b, 10, 20, now, &wait));
	assert_in_range(wait, 100, 102);
	assert_false(bucket_take(&b, 10, 20, now + wait - 5, &wait));
	assert_true(bucket_take(&b, 10, 20, now + 105, &wait));
	/* However long it rested, no more than at once. */
	now += 1000000;
	for (int i = 0; i < 20; i++)
		assert_true(bucket_take(&b, 10, 20, now, &wait));
	assert_false(bucket_take(&b, 10, 20, now, &wait));
}

static void
the_table_of_clients_is_bounded_and_those_who_are_connected_stay(void **state)
{
	struct clients cs;
	struct client *here, *c;

	(void)state;
	clients_init(&cs, 100);
	here = clients_find(&cs, 0);
	client_add(here);
	for (uint64_t i = 1; i < 100000; i++) {
		c = clients_find(&cs, i);
		assert_non_null(c);
	}
	assert_int_equal(cs.len, 100);
	assert_ptr_equal(clients_find(&cs, 0), here);
	assert_int_equal(here->connections, 1);
	clients_check(&cs);
	/* All connected: there is no place for one more. */
	for (uint64_t i = 1; i < 100; i++)
		client_add(clients_find(&cs, i));
	assert_null(clients_find(&cs, 12345678));
	client_drop(here);
	assert_non_null(clients_find(&cs, 12345678));
	clients_check(&cs);
	clients_release(&cs);
}

static void
a_token_that_was_made_is_known_with_its_role_and_no_other_is(void **state)
{
	char admin[TOKEN_TEXT_MAX], reader[TOKEN_TEXT_MAX];
	struct tokens ts = {0};
	const struct token *t;
	struct buf file;

	(void)state;
	buf_init(&file, 4096);
	assert_int_equal(buf_add_cstr(&file, "# who\n\n"), 0);
	assert_int_equal(token_new(ROLE_ADMIN, "alice", admin, &file, NULL), 0);
	assert_int_equal(token_new(ROLE_READ, "grafana", reader, &file, NULL), 0);
	/* 256 bits, and the file does not have them. */
	assert_int_equal(strlen(admin), 6 + 64);
	assert_null(memmem(file.ptr, file.len, admin + 6, 64));
	assert_int_equal(tokens_read(&ts, buf_slice(&file), NULL), 0);
	assert_int_equal(ts.n, 2);
	t = tokens_find(&ts, slice_cstr(admin));
	assert_non_null(t);
	assert_int_equal(t->role, ROLE_ADMIN);
	assert_string_equal(t->name, "alice");
	assert_int_equal(tokens_find(&ts, slice_cstr(reader))->role, ROLE_READ);
	admin[69] = admin[69] == '0' ? '1' : '0';
	assert_null(tokens_find(&ts, slice_cstr(admin)));
	assert_null(tokens_find(&ts, slice_of(reader, 69)));
	assert_null(tokens_find(&ts, SLICE_LIT("")));
	tokens_release(&ts);
	buf_release(&file);
}

static void
what_is_no_token_file_is_told_with_its_line(void **state)
{
	static const char hash[] =
	    "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	static const char *const wrong[] = {"root %s x\n", "\n\nadmin md5:00 x\n",
	    "admin %sff x\n", "admin %s\n", "admin %s a b\n", "read\n"};
	static const char *const told[] = {"line 1: the role",
	    "line 3: sha256:", "line 1: sha256:", "line 1: one name", "line 1: one name",
	    "line 1: sha256:"};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct tokens ts = {0};
		const char *at = strstr(wrong[i], "%s");
		struct why why;
		char text[200];

		(void)snprintf(text, sizeof(text), "%.*s%s%s",
		    at == NULL ? (int)strlen(wrong[i]) : (int)(at - wrong[i]), wrong[i],
		    at == NULL ? "" : hash, at == NULL ? "" : at + 2);
		assert_true(tokens_read(&ts, slice_cstr(text), &why) < 0);
		assert_non_null(strstr(why.text, told[i]));
		tokens_release(&ts);
	}
}

static bool
is_host(const char *host, const char *name, const char *port)
{
	struct slice n, p;

	return access_split_host(slice_cstr(host), &n, &p) &&
	       slice_eq(n, slice_cstr(name)) && slice_eq(p, slice_cstr(port));
}

static void
a_host_is_a_name_or_an_address_with_a_port_or_without(void **state)
{
	static const char *const wrong[] = {"", ":80", "a:", "a:0", "a:65536", "a:8x",
	    "a b", "[::1", "[::1]x", "a/b", "user@a", "a:80:80", "a%62", "::1",
	    "[a]b:80"};
	struct slice n, p;

	(void)state;
	assert_true(is_host("a.example", "a.example", ""));
	assert_true(is_host("a.example:8620", "a.example", "8620"));
	assert_true(is_host("[::1]:8620", "[::1]", "8620"));
	assert_true(is_host("[::1]", "[::1]", ""));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(access_split_host(slice_cstr(wrong[i]), &n, &p));
}

static void
an_origin_is_ours_if_scheme_host_and_port_are(void **state)
{
	static const struct {
		const char *origin, *host;
		bool ours;
	} v[] = {
	    {"http://a.example:8620", "a.example:8620", true},
	    {"https://A.example", "a.example:443", true},
	    {"http://a.example", "a.example", true},
	    {"https://a.example", "a.example:80", false},
	    {"http://a.example:8621", "a.example:8620", false},
	    {"http://b.example:8620", "a.example:8620", false},
	    {"null", "a.example", false},
	    {"file://", "a.example", false},
	    {"http://a.example.evil.example", "a.example", false},
	    {"http://a.example/", "a.example", false},
	    {"http://a.example@evil.example", "a.example", false},
	    {"", "a.example", false},
	    {"http://", "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		assert_int_equal(
		    access_is_same_origin(slice_cstr(v[i].origin), slice_cstr(v[i].host)),
		    v[i].ours);
}

static void
names_are_answered_for_if_they_are_listed_and_addresses_always(void **state)
{
	char *const hosts[] = {(char *)"crawl.example"};
	struct access_rules rules = {
	    .hosts = hosts, .hosts_len = 1, .rate = 1, .bad_tokens = 1};
	struct access *a;

	(void)state;
	assert_int_equal(access_new(NULL, &a), 0);
	assert_int_equal(access_set(a, &rules), 0);
	assert_true(access_allows_host(a, SLICE_LIT("localhost")));
	assert_true(access_allows_host(a, SLICE_LIT("Crawl.Example")));
	assert_true(access_allows_host(a, SLICE_LIT("10.1.2.3")));
	assert_true(access_allows_host(a, SLICE_LIT("[fe80::1]")));
	assert_false(access_allows_host(a, SLICE_LIT("evil.example")));
	assert_false(access_allows_host(a, SLICE_LIT("crawl.example.evil.example")));
	assert_false(access_allows_host(a, SLICE_LIT("10.1.2.3.evil.example")));
	assert_false(access_allows_host(a, SLICE_LIT("localhost.")));
	access_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_client_is_an_ipv4_address_or_a_slash_64),
	    cmocka_unit_test(a_client_is_told_by_its_address),
	    cmocka_unit_test(a_bucket_gives_so_many_at_once_and_so_many_a_second),
	    cmocka_unit_test(
		the_table_of_clients_is_bounded_and_those_who_are_connected_stay),
	    cmocka_unit_test(
		a_token_that_was_made_is_known_with_its_role_and_no_other_is),
	    cmocka_unit_test(what_is_no_token_file_is_told_with_its_line),
	    cmocka_unit_test(a_host_is_a_name_or_an_address_with_a_port_or_without),
	    cmocka_unit_test(an_origin_is_ours_if_scheme_host_and_port_are),
	    cmocka_unit_test(
		names_are_answered_for_if_they_are_listed_and_addresses_always),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
