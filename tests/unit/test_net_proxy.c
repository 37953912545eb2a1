#include "net/proxy.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define RULES(...) ((const char *const[]){__VA_ARGS__})

static struct proxies p;
static struct why why;

static void
init(const char *const *rules, size_t n, const char *except)
{
	if (proxies_init(&p, rules, n, except, &why) < 0)
		fail_msg("%s", why.text);
}

static const char *
url_for(bool tls, const char *host, uint16_t port)
{
	const struct proxy *proxy = proxies_for(&p, tls, slice_cstr(host), port);

	return proxy == NULL ? "" : proxy->url;
}

static void
the_later_rule_counts_for_each_scheme(void **state)
{
	(void)state;
	init(NULL, 0, NULL);
	assert_string_equal(url_for(true, "a.test", 443), "");
	init(RULES("http://all:3128"), 1, NULL);
	assert_string_equal(url_for(true, "a.test", 443), "http://all:3128");
	assert_string_equal(url_for(false, "a.test", 80), "http://all:3128");
	proxies_release(&p);
	init(RULES("http://all", "https=socks5://s/"), 2, NULL);
	assert_string_equal(url_for(true, "a.test", 443), "socks5h://s:1080");
	assert_string_equal(url_for(false, "a.test", 80), "http://all:80");
	proxies_release(&p);
	init(RULES("HTTP=https://[::1]:8443", "https=direct"), 2, NULL);
	assert_string_equal(url_for(true, "a.test", 443), "");
	assert_string_equal(url_for(false, "a.test", 80), "https://[::1]:8443");
	proxies_release(&p);
	init(RULES("http://all", ""), 2, NULL);
	assert_string_equal(url_for(false, "a.test", 80), "");
	proxies_release(&p);
}

static void
names_are_the_proxys_to_resolve(void **state)
{
	(void)state;
	init(RULES("socks4://p"), 1, NULL);
	assert_string_equal(url_for(false, "a.test", 80), "socks4a://p:1080");
	proxies_release(&p);
	init(RULES("socks5://p:9050"), 1, NULL);
	assert_string_equal(url_for(false, "a.test", 80), "socks5h://p:9050");
	/* Told as it was written. */
	assert_string_equal(proxy_shown(proxies_for(&p, false, SLICE_LIT("a.test"), 80)),
	    "socks5://p:9050");
	proxies_release(&p);
}

static void
credentials_are_not_in_what_is_shown(void **state)
{
	const struct proxy *proxy;

	(void)state;
	init(RULES("http://u%40x:p:q%2F@proxy.test:3128"), 1, NULL);
	proxy = proxies_for(&p, false, SLICE_LIT("a.test"), 80);
	assert_string_equal(proxy->url, "http://proxy.test:3128");
	assert_string_equal(proxy->user, "u@x");
	assert_string_equal(proxy->pass, "p:q/");
	proxies_release(&p);
	init(RULES("http://only@proxy"), 1, NULL);
	proxy = proxies_for(&p, false, SLICE_LIT("a.test"), 80);
	assert_string_equal(proxy->user, "only");
	assert_string_equal(proxy->pass, "");
	proxies_release(&p);
}

static void
exceptions_are_names_addresses_and_networks(void **state)
{
	static const char except[] = "example.org, .intra.test,one.test:8080,10.0.0.0/9, "
				     "192.0.2.1,[2001:db8::1]:443,fd00::/8,,";
	static const struct {
		const char *host;
		uint16_t port;
		bool direct;
	} cases[] = {
	    {"example.org", 443, true},
	    {"www.EXAMPLE.org", 80, true},
	    {"notexample.org", 80, false},
	    {"example.org.evil.test", 80, false},
	    {"intra.test", 80, true},
	    {"a.b.intra.test", 80, true},
	    {"one.test", 8080, true},
	    {"one.test", 80, false},
	    {"10.127.0.1", 80, true},
	    {"10.128.0.1", 80, false},
	    {"192.0.2.1", 1, true},
	    {"192.0.2.2", 1, false},
	    {"[2001:db8::1]", 443, true},
	    {"[2001:db8::1]", 80, false},
	    {"[fdab::]", 80, true},
	    {"[fc00::]", 80, false},
	};

	(void)state;
	init(RULES("http://all"), 1, except);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool direct = url_for(true, cases[i].host, cases[i].port)[0] == '\0';

		if (direct != cases[i].direct)
			fail_msg("%s:%u", cases[i].host, cases[i].port);
	}
	proxies_release(&p);
	init(RULES("http://all"), 1, "*");
	assert_string_equal(url_for(true, "a.test", 443), "");
	proxies_release(&p);
}

static void
what_is_wrong_is_told_without_the_secret(void **state)
{
	static const char *const bad[] = {"proxy:3128", "ftp://secret@proxy",
	    "http://u:secret@", "http://u:secret@host:0", "http://u:secret@host:99999",
	    "http://u:secret@host/path", "http://u:secret@ho st", "http://[::1:80",
	    "socks5=socks5://secret", "http=secret", "http://u%00:secret@host",
	    "http://host\r\nsecret"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(proxies_init(&p, &bad[i], 1, NULL, &why), -EINVAL);
		if (strstr(why.text, "secret") != NULL ||
		    strstr(why.text, "--proxy: ") != why.text)
			fail_msg("%s: %s", bad[i], why.text);
	}
	assert_int_equal(proxies_init(&p, NULL, 0, "a b", &why), -EINVAL);
	assert_string_equal(why.text,
	    "--no-proxy: 'a b' is no name, address or network such as 10.0.0.0/8");
	assert_int_equal(proxies_init(&p, NULL, 0, "10.0.0.0/33", &why), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_later_rule_counts_for_each_scheme),
	    cmocka_unit_test(names_are_the_proxys_to_resolve),
	    cmocka_unit_test(credentials_are_not_in_what_is_shown),
	    cmocka_unit_test(exceptions_are_names_addresses_and_networks),
	    cmocka_unit_test(what_is_wrong_is_told_without_the_secret),
	};

	return cmocka_run_group_tests_name("net/proxy", tests, NULL, NULL);
}
