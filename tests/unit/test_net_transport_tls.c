#include "net_transport_rig.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char ca_path[64];

static int
setup_tls(void **state, const char *name, struct transport_conf conf)
{
	(void)snprintf(ca_path, sizeof(ca_path), "/tmp/trawl-ca-%d.pem", (int)getpid());
	http_server_ca(ca_path);
	return rig_setup(state, conf, http_server_start_tls(rig_script, name));
}

static int
setup_tls_known(void **state)
{
	return setup_tls(state, "site.test", (struct transport_conf){.ca_file = ca_path});
}

static int
setup_tls_unknown(void **state)
{
	return setup_tls(state, "site.test", (struct transport_conf){0});
}

static int
setup_tls_insecure(void **state)
{
	return setup_tls(state, "other.test", (struct transport_conf){.insecure = true});
}

static int
setup_tls_http2(void **state)
{
	return setup_tls(
	    state, "site.test", (struct transport_conf){.ca_file = ca_path, .http = 2});
}

static int
teardown_tls(void **state)
{
	(void)unlink(ca_path);
	return rig_teardown(state);
}

static void
fetches_over_tls_from_who_is_known(void **state)
{
	struct transport_request req = request_to("https", "site.test", "/x");
	struct got g;

	(void)state;
	for (int i = 0; i < 3; i++) {
		fetch_request(&req, &g);
		if (g.r.outcome != OUTCOME_OK)
			fail_msg("%s: %s", outcome_name(g.r.outcome), g.r.error);
		assert_string_equal(body_of(&g), "/x");
		assert_int_equal(g.r.reused, i > 0);
		assert_string_equal(g.r.protocol, "http/1.1");
		got_free(&g);
	}
	/* the name is part of who it is */
	req = request_to("https", "wrong.test", "/x");
	fetch_request(&req, &g);
	assert_int_equal(g.r.outcome, OUTCOME_TLS_FAILURE);
	got_free(&g);
	/* plain HTTP to a port that speaks TLS */
	fetch("/x", &g);
	assert_true(g.r.outcome == OUTCOME_PROTOCOL_ERROR ||
		    g.r.outcome == OUTCOME_CONNECT_FAILURE);
	got_free(&g);
	/* the end without a goodbye, and bytes nobody asked for */
	req = request_to("https", "site.test", "/late-excess");
	fetch_request(&req, &g);
	assert_string_equal(body_of(&g), "good");
	got_free(&g);
	let_the_rest_come();
	req = request_to("https", "site.test", "/y");
	fetch_request(&req, &g);
	assert_string_equal(body_of(&g), "/y");
	got_free(&g);
	req = request_to("https", "site.test", "/drop");
	fetch_request(&req, &g);
	assert_int_equal(g.r.outcome, OUTCOME_OK); /* as browsers have it */
	assert_string_equal(body_of(&g), "no goodbye");
	got_free(&g);
	req = request_to("https", "site.test", "/close");
	fetch_request(&req, &g);
	assert_int_equal(g.r.outcome, OUTCOME_OK);
	assert_string_equal(body_of(&g), "until the end");
	got_free(&g);
}

static void
refuses_tls_of_who_is_unknown(void **state)
{
	struct transport_request req = request_to("https", "site.test", "/x");
	struct got g;

	(void)state;
	fetch_request(&req, &g);
	assert_int_equal(g.r.outcome, OUTCOME_TLS_FAILURE);
	assert_non_null(strstr(g.r.error, "certificate"));
	assert_int_equal(g.r.block.cap, 0);
	got_free(&g);
}

/* OpenSSL takes them all within one call, from which it comes back when they end. */
static void
new_keys_without_end_hold_up_nothing(void **state)
{
	static const char *const paths[] = {"/keys-for-ever", "/keys-for-ever-in-body"};
	static const enum outcome outcomes[] = {
	    OUTCOME_CONNECT_FAILURE, OUTCOME_TRUNCATED};
	struct transport_request req;
	struct got g;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		req = request_to("https", "site.test", paths[i]);
		fetch_request(&req, &g);
		assert_int_equal(g.r.outcome, outcomes[i]);
		assert_non_null(strstr(g.r.error, "too many key updates"));
		got_free(&g);
	}
	req = request_to("https", "site.test", "/ten-keys");
	fetch_request(&req, &g);
	assert_int_equal(g.r.outcome, OUTCOME_OK);
	assert_string_equal(body_of(&g), "good");
	got_free(&g);
}

static int64_t
cpu_ms(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* With CAPATH as Debian has it, libcurl reads them for every connection: 50 ms each. */
static void
the_authorities_are_read_once(void **state)
{
	enum { TIMES = 20, MS_MAX = 14 };
	struct transport_request req = request_to("https", "site.test", "/x");
	int64_t began = 0;
	struct got g;

	(void)state;
	for (int i = 0; i <= TIMES; i++) {
		if (i == 1)
			began = cpu_ms();
		fetch_request(&req, &g);
		assert_int_equal(g.r.outcome, OUTCOME_TLS_FAILURE);
		got_free(&g);
	}
	assert_in_range(cpu_ms() - began, 0, TIMES * MS_MAX);
}

static void
takes_any_certificate_when_told_so(void **state)
{
	struct transport_request req = request_to("https", "site.test", "/x");
	struct got g;

	(void)state;
	fetch_request(&req, &g);
	assert_int_equal(g.r.outcome, OUTCOME_OK);
	got_free(&g);
}

static void
tls_to_who_does_not_speak_it_fails_as_tls(void **state)
{
	struct transport_request req = request_to("https", "site.test", "/x");
	struct got g;

	(void)state;
	req.connect_ms = 300; /* the server waits for the end of a request */
	fetch_request(&req, &g);
	assert_true(
	    g.r.outcome == OUTCOME_TLS_FAILURE || g.r.outcome == OUTCOME_TIMEOUT_CONNECT);
	got_free(&g);
}

static int
setup_tls_proxy(void **state)
{
	return setup_tls(state, "localhost", (struct transport_conf){.ca_file = ca_path});
}

/* TLS to the proxy itself: what is in the clear is so only behind it. */
static void
a_proxy_can_be_spoken_to_over_tls(void **state)
{
	static char ours[64], wrong[64];
	struct proxy proxies[] = {{.url = ours}, {.url = wrong}};
	struct transport_request req = request_to("http", "site.test", "/x");
	struct got g;

	(void)state;
	(void)snprintf(ours, sizeof(ours), "https://localhost:%u", req.port);
	(void)snprintf(wrong, sizeof(wrong), "https://127.0.0.1:%u", req.port);
	req.url = SLICE_LIT("http://site.test/x");
	req.addr = (struct addr){0};
	for (size_t i = 0; i < 2; i++) {
		req.proxy = &proxies[i];
		fetch_request(&req, &g);
		if (g.r.outcome != (i == 0 ? OUTCOME_OK : OUTCOME_TLS_FAILURE))
			fail_msg("%s: %s", outcome_name(g.r.outcome), g.r.error);
		if (i == 0)
			assert_string_equal(body_of(&g), "http://site.test/x");
		else
			assert_non_null(strstr(g.r.error, "proxy https://127.0.0.1:"));
		got_free(&g);
	}
}

int
main(void)
{
#define TEST(fn, up) cmocka_unit_test_setup_teardown(fn, up, teardown_tls)
	const struct CMUnitTest tests[] = {
	    TEST(fetches_over_tls_from_who_is_known, setup_tls_known),
	    TEST(fetches_over_tls_from_who_is_known, setup_tls_http2),
	    TEST(refuses_tls_of_who_is_unknown, setup_tls_unknown),
	    TEST(new_keys_without_end_hold_up_nothing, setup_tls_known),
	    TEST(the_authorities_are_read_once, setup_tls_unknown),
	    TEST(takes_any_certificate_when_told_so, setup_tls_insecure),
	    TEST(a_proxy_can_be_spoken_to_over_tls, setup_tls_proxy),
	    TEST(tls_to_who_does_not_speak_it_fails_as_tls, rig_setup_plain),
	};
	int failed = 0;

	for (rig_loops = 1; rig_loops <= 3; rig_loops++)
		failed += cmocka_run_group_tests_name(
		    rig_name("net/transport TLS"), tests, NULL, NULL);
	return failed;
}
