#include "net/addr.h"
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct addr
parsed(const char *text)
{
	struct addr a;

	if (!addr_parse(slice_cstr(text), &a))
		fail_msg("'%s' was not taken", text);
	return a;
}

static void
parses_and_formats_literals(void **state)
{
	static const struct {
		const char *text, *canonical;
	} good[] = {
	    {"127.0.0.1", "127.0.0.1"},
	    {"255.255.255.255", "255.255.255.255"},
	    {"0.9.10.99", "0.9.10.99"},
	    {"100.101.200.209", "100.101.200.209"},
	    {"::", "::"},
	    {"[::1]", "::1"},
	    {"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
	    {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
	    {"[fe80::1]", "fe80::1"},
	};
	char text[ADDR_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct addr a = parsed(good[i].text), b;

		addr_format(&a, text);
		assert_string_equal(text, good[i].canonical);
		assert_true(addr_parse(slice_cstr(text), &b));
		assert_true(addr_eq(&a, &b));
	}
	addr_format(&(struct addr){0}, text);
	assert_string_equal(text, "");
}

static void
takes_neither_names_nor_odd_numbers_nor_zones(void **state)
{
	static const char *const bad[] = {"", "localhost", "1.2.3", "1.2.3.4.5",
	    "01.2.3.4", "1.2.3.256", "0x7f.0.0.1", "2130706433", "1.2.3.4 ", " 1.2.3.4",
	    "[1.2.3.4]", "[::1", "::1]", "[]", "[", "fe80::1%lo",
	    "::1::", "1:2:3:4:5:6:7:8:9", "12345::", "::ffff:1.2.3.4.5",
	    "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb"};
	struct addr a = {.family = 77};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (addr_parse(slice_cstr(bad[i]), &a))
			fail_msg("'%s' was taken", bad[i]);
	assert_false(addr_parse(slice_of("1.2.3.4\0x", 9), &a));
	assert_int_equal(a.family, 77);
}

static void
reads_socket_addresses(void **state)
{
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(80)};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(443)};
	struct sockaddr other = {.sa_family = AF_UNIX};
	struct addr a, want = parsed("192.0.2.7");
	uint16_t port = 0;

	(void)state;
	memcpy(&four.sin_addr, want.bytes, 4);
	assert_true(addr_from_sockaddr((struct sockaddr *)&four, &a, &port));
	assert_true(addr_eq(&a, &want));
	assert_int_equal(port, 80);
	want = parsed("2001:db8::7");
	memcpy(&six.sin6_addr, want.bytes, 16);
	assert_true(addr_from_sockaddr((struct sockaddr *)&six, &a, &port));
	assert_true(addr_eq(&a, &want));
	assert_int_equal(port, 443);
	assert_false(addr_from_sockaddr(&other, &a, &port));
	assert_int_equal(port, 443);
}

/* First and last of every range and their neighbours; NULL: admitted. */
static const struct {
	const char *text, *range;
} verdicts[] = {
    {"0.0.0.0", "this-network"},
    {"0.255.255.255", "this-network"},
    {"1.0.0.0", NULL},
    {"9.255.255.255", NULL},
    {"10.0.0.0", "private"},
    {"10.255.255.255", "private"},
    {"11.0.0.0", NULL},
    {"100.63.255.255", NULL},
    {"100.64.0.0", "cgnat"},
    {"100.127.255.255", "cgnat"},
    {"100.100.100.200", "metadata"},
    {"100.128.0.0", NULL},
    {"126.255.255.255", NULL},
    {"127.0.0.0", "loopback"},
    {"127.0.0.1", "loopback"},
    {"127.255.255.255", "loopback"},
    {"128.0.0.0", NULL},
    {"168.63.129.16", "metadata"},
    {"168.63.129.17", NULL},
    {"169.253.255.255", NULL},
    {"169.254.0.0", "link-local"},
    {"169.254.169.254", "metadata"},
    {"169.254.0.23", "metadata"},
    {"169.254.42.42", "metadata"},
    {"169.254.170.2", "metadata"},
    {"169.254.170.23", "metadata"},
    {"169.254.170.3", "link-local"},
    {"169.254.255.255", "link-local"},
    {"169.255.0.0", NULL},
    {"172.15.255.255", NULL},
    {"172.16.0.0", "private"},
    {"172.31.255.255", "private"},
    {"172.32.0.0", NULL},
    {"191.255.255.255", NULL},
    {"192.0.0.0", "reserved"},
    {"192.0.0.192", "metadata"},
    {"192.0.0.255", "reserved"},
    {"192.0.1.0", NULL},
    {"192.0.2.0", "documentation"},
    {"192.0.2.255", "documentation"},
    {"192.0.3.0", NULL},
    {"192.0.0.8", "reserved"},
    {"192.0.0.170", "reserved"},
    {"192.31.195.255", NULL},
    {"192.31.196.0", "reserved"},
    {"192.31.196.255", "reserved"},
    {"192.31.197.0", NULL},
    {"192.52.192.255", NULL},
    {"192.52.193.1", "reserved"},
    {"192.52.194.0", NULL},
    {"192.88.98.255", NULL},
    {"192.88.99.2", "reserved"},
    {"192.88.99.1", "reserved"},
    {"192.88.100.0", NULL},
    {"192.167.255.255", NULL},
    {"192.168.0.0", "private"},
    {"192.168.255.255", "private"},
    {"192.169.0.0", NULL},
    {"192.175.47.255", NULL},
    {"192.175.48.0", "reserved"},
    {"192.175.48.255", "reserved"},
    {"192.175.49.0", NULL},
    {"198.17.255.255", NULL},
    {"198.18.0.0", "benchmarking"},
    {"198.19.255.255", "benchmarking"},
    {"198.20.0.0", NULL},
    {"198.51.99.255", NULL},
    {"198.51.100.0", "documentation"},
    {"198.51.101.0", NULL},
    {"203.0.112.255", NULL},
    {"203.0.113.255", "documentation"},
    {"203.0.114.0", NULL},
    {"223.255.255.255", NULL},
    {"224.0.0.0", "multicast"},
    {"239.255.255.255", "multicast"},
    {"240.0.0.0", "reserved"},
    {"255.255.255.254", "reserved"},
    {"255.255.255.255", "broadcast"},
    {"8.8.8.8", NULL},
    {"::", "unspecified"},
    {"::1", "loopback"},
    {"::2", "this-network"},
    {"::7f00:1", "loopback"},
    {"::8.8.8.8", "reserved"},
    {"::ffff:127.0.0.1", "loopback"},
    {"::ffff:10.1.2.3", "private"},
    {"::ffff:169.254.169.254", "metadata"},
    {"::ffff:8.8.8.8", NULL},
    {"::ffff:0:192.168.0.1", "private"},
    {"64:ff9b::127.0.0.1", "loopback"},
    {"64:ff9b::10.0.0.1", "private"},
    {"64:ff9b::8.8.8.8", NULL},
    {"::ffff:0:8.8.8.8", "reserved"},
    {"64:ff9b::169.254.169.254", "metadata"},
    {"64:ff9b:0:0:1::8.8.8.8", "reserved"},
    {"64:ff9b:1::8.8.8.8", "private"},
    {"64:ff9b:1:ffff:ffff:ffff:127.0.0.1", "private"},
    {"64:ff9b:2::8.8.8.8", "reserved"},
    {"2002:7f00:1::", "loopback"},
    {"2002:a00:1::1", "private"},
    {"2002:808:808::1", NULL},
    /* Teredo: server 10.0.0.1; then server public, client 192.168.0.1 inverted */
    {"2001:0:a00:1::", "private"},
    {"2001:0:808:808:0:0:3f57:fffe", "private"},
    {"2001:0:808:808:0:0:f7f7:f7f7", NULL},
    {"2001:470:1:2:0:5efe:127.0.0.1", "loopback"}, /* ISATAP */
    {"2001:470:1:2:200:5efe:10.0.0.1", "private"},
    {"2001:470:1:2:0:5efe:8.8.8.8", NULL},
    {"2001:470:1:2:200:5efe:169.254.169.254", "metadata"},
    {"2001:470:1:2:100:5efe:127.0.0.1", NULL}, /* none: a group bit */
    {"2001:470:1:2:0:5eff:127.0.0.1", NULL},
    {"fe80::5efe:8.8.8.8", "link-local"},
    {"100::1", "discard"},
    {"100::ffff:ffff:ffff:ffff", "discard"},
    {"100:0:0:1::", "reserved"}, /* RFC 9780 */
    {"1fff:ffff::", "reserved"},
    {"2001:1::1", "reserved"},
    {"2001:2::1", "benchmarking"},
    {"2001:3::1", "reserved"},
    {"2001:4:112::1", "reserved"},
    {"2001:10::1", "orchid"},
    {"2001:1f:ffff::", "orchid"},
    {"2001:20::1", "orchid"},
    {"2001:3f:ffff::", "orchid"},
    {"2001:40::", "reserved"},
    {"2001:1ff:ffff::", "reserved"},
    {"2001:200::1", NULL},
    {"2001:db7:ffff::", NULL},
    {"2001:db8::1", "documentation"},
    {"2001:db8:ffff::1", "documentation"},
    {"2001:db9::", NULL},
    {"2606:4700::1111", NULL},
    {"2620:4f:7fff::1", NULL},
    {"2620:4f:8000::1", "reserved"},
    {"2620:4f:8001::1", NULL},
    {"3ffd:ffff::", NULL},
    {"3ffe::1", "reserved"},
    {"3ffe:ffff::", "reserved"},
    {"3fff::1", "documentation"},
    {"3fff:fff:ffff::", "documentation"},
    {"3fff:1000::", NULL},
    {"4000::", "reserved"},
    {"5f00::1", "reserved"},
    {"fbff:ffff::", "reserved"},
    {"fc00::", "private"},
    {"fd12:3456::1", "private"},
    {"fd00:ec2::254", "metadata"},
    {"fd00:ec2::23", "metadata"},
    {"fd00:42::42", "metadata"},
    {"fd00:a9fe:a9fe::1", "metadata"},
    {"fd20:ce::254", "metadata"},
    {"fe00::", "reserved"},
    {"fe80::1", "link-local"},
    {"fe80::a9fe:a9fe", "metadata"},
    {"febf:ffff::", "link-local"},
    {"fec0::1", "private"},
    {"ff02::1", "multicast"},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"},
};

static void
admits_public_unicast_and_names_the_range_of_the_rest(void **state)
{
	struct addr_policy *p;

	(void)state;
	assert_int_equal(addr_policy_new(&p), 0);
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		struct addr a = parsed(verdicts[i].text);
		const char *got = addr_policy_refuses(p, &a, 80);

		if (got == verdicts[i].range)
			continue;
		if (got == NULL || verdicts[i].range == NULL ||
		    strcmp(got, verdicts[i].range) != 0)
			fail_msg("%s: %s instead of %s", verdicts[i].text,
			    got == NULL ? "admitted" : got,
			    verdicts[i].range == NULL ? "admitted" : verdicts[i].range);
	}
	assert_string_equal(addr_policy_refuses(p, &(struct addr){0}, 80), "unknown");
	addr_policy_free(p);
	addr_policy_free(NULL);
}

static void
knows_the_names_of_what_must_not_be_asked(void **state)
{
	static const struct {
		const char *name, *range;
	} names[] = {
	    {"metadata.google.internal", "metadata"},
	    {"Metadata.Google.Internal.", "metadata"},
	    {"metadata", "metadata"},
	    {"instance-data.ec2.internal", "metadata"},
	    {"metadata.platformequinix.com", "metadata"},
	    {"localhost", "loopback"},
	    {"a.b.LOCALHOST.", "loopback"},
	    {"notlocalhost", NULL},
	    {"localhost.example.org", NULL},
	    {"metadata.example.org", NULL},
	    {".localhost", NULL},
	    {".", NULL},
	    {"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *got = addr_name_range(slice_cstr(names[i].name));

		if (got != NULL && names[i].range != NULL)
			assert_string_equal(got, names[i].range);
		else if (got != names[i].range)
			fail_msg("%s: %s", names[i].name, got == NULL ? "none" : got);
	}
}

static void
allows_blocks_with_and_without_a_port(void **state)
{
	static const struct {
		const char *rule, *addr;
		uint16_t port;
		bool admitted;
	} cases[] = {
	    {"10.0.0.0/8", "10.9.9.9", 80, true},
	    {"10.0.0.0/8", "11.0.0.0", 80, true},
	    {"10.0.0.0/8", "192.168.0.1", 80, false},
	    {"10.1.2.3/8", "10.200.0.1", 80, true},
	    {"10.0.0.0/9", "10.128.0.0", 80, false},
	    {"10.0.0.0/8:8080", "10.0.0.1", 8080, true},
	    {"10.0.0.0/8:8080", "10.0.0.1", 80, false},
	    {"127.0.0.1", "127.0.0.1", 80, true},
	    {"127.0.0.1", "127.0.0.2", 80, false},
	    {"127.0.0.1:81", "127.0.0.1", 81, true},
	    {"127.0.0.1:81", "127.0.0.1", 82, false},
	    {"127.0.0.0/8", "::ffff:127.0.0.1", 80, true},
	    {"127.0.0.0/8", "::127.0.0.1", 80, false},
	    {"10.0.0.0/8", "64:ff9b::10.0.0.1", 80, false},
	    {"::ffff:127.0.0.0/104", "127.0.0.1", 80, true},
	    {"::1", "::1", 1, true},
	    {"[::1]:443", "::1", 443, true},
	    {"[::1]:443", "::1", 80, false},
	    {"[fd00::/8]:80", "fd99::1", 80, true},
	    {"[fd00::]/8:80", "fd99::1", 80, true},
	    {"[fd00::]/8", "fd99::1", 7, true},
	    {"fd00::/8", "fc00::1", 80, false},
	    {"::/0", "fe80::1", 80, true},
	    {"::/0", "127.0.0.1", 80, false},
	    {"0.0.0.0/0", "255.255.255.255", 80, true},
	    {"0.0.0.0/0", "::1", 80, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr a = parsed(cases[i].addr);
		struct addr_policy *p;

		assert_int_equal(addr_policy_new(&p), 0);
		assert_int_equal(
		    addr_policy_allow(p, slice_cstr(cases[i].rule), NULL), 0);
		if ((addr_policy_refuses(p, &a, cases[i].port) == NULL) !=
		    cases[i].admitted)
			fail_msg("%s and %s port %u", cases[i].rule, cases[i].addr,
			    cases[i].port);
		addr_policy_free(p);
	}
}

static void
allows_the_authority_of_a_seed_and_nothing_beside_it(void **state)
{
	struct addr a = parsed("127.0.0.1"), mapped = parsed("::ffff:127.0.0.1"),
		    other = parsed("127.0.0.2"), public = parsed("8.8.8.8");
	struct addr_policy *p;

	(void)state;
	assert_int_equal(addr_policy_new(&p), 0);
	assert_int_equal(addr_policy_allow_exact(p, &a, 8080), 0);
	assert_int_equal(addr_policy_allow_exact(p, &a, 8080), 0);
	assert_int_equal(addr_policy_allow_exact(p, &public, 80), 0);
	assert_null(addr_policy_refuses(p, &a, 8080));
	assert_null(addr_policy_refuses(p, &mapped, 8080));
	assert_string_equal(addr_policy_refuses(p, &a, 8081), "loopback");
	assert_string_equal(addr_policy_refuses(p, &other, 8080), "loopback");
	for (uint32_t port = 1; port < 2000; port++)
		assert_int_equal(addr_policy_allow_exact(p, &other, (uint16_t)port), 0);
	assert_null(addr_policy_refuses(p, &other, 1999));
	assert_non_null(addr_policy_refuses(p, &other, 2000));
	addr_policy_free(p);
}

static void
says_in_a_sentence_what_is_wrong_with_a_rule(void **state)
{
	static const struct {
		const char *rule, *sentence;
	} bad[] = {
	    {"", "'' is not an address block"},
	    {"localhost", "'localhost' is not an address block"},
	    {"10.0.0.0/33", "the prefix length must be 0 to 32"},
	    {"10.0.0.0/", "the prefix length must be 0 to 32"},
	    {"10.0.0.0/8/9", "the prefix length must be 0 to 32"},
	    {"10.0.0.0/-1", "the prefix length must be 0 to 32"},
	    {"fd00::/129", "the prefix length must be 0 to 128"},
	    {"10.0.0.1:0", "the port must be 1 to 65535"},
	    {"10.0.0.1:65536", "the port must be 1 to 65535"},
	    {"10.0.0.1:", "the port must be 1 to 65535"},
	    {"10.0.0.1:http", "the port must be 1 to 65535"},
	    {"[::1]:99999999999999999999", "the port must be 1 to 65535"},
	    {"[10.0.0.0/8]:80", "is not an address block"},
	    {"[::1", "is not an address block"},
	    {"[::1]x", "is not an address block"},
	    {"10.0/8", "is not an address block"},
	    {"10.0.0.0\\8", "is not an address block"},
	    {"*", "is not an address block"},
	};
	struct addr a = parsed("10.0.0.1"), six = parsed("::1");
	struct addr_policy *p;
	struct why why;

	(void)state;
	assert_int_equal(addr_policy_new(&p), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why.text[0] = '\0';
		assert_int_equal(
		    addr_policy_allow(p, slice_cstr(bad[i].rule), &why), -EINVAL);
		if (strstr(why.text, bad[i].sentence) == NULL)
			fail_msg("%s: %s", bad[i].rule, why.text);
		assert_non_null(addr_policy_refuses(p, &a, 80));
		assert_non_null(addr_policy_refuses(p, &six, 80));
	}
	addr_policy_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parses_and_formats_literals),
	    cmocka_unit_test(takes_neither_names_nor_odd_numbers_nor_zones),
	    cmocka_unit_test(reads_socket_addresses),
	    cmocka_unit_test(admits_public_unicast_and_names_the_range_of_the_rest),
	    cmocka_unit_test(knows_the_names_of_what_must_not_be_asked),
	    cmocka_unit_test(allows_blocks_with_and_without_a_port),
	    cmocka_unit_test(allows_the_authority_of_a_seed_and_nothing_beside_it),
	    cmocka_unit_test(says_in_a_sentence_what_is_wrong_with_a_rule),
	};

	return cmocka_run_group_tests_name("net/addr", tests, NULL, NULL);
}
