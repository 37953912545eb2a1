#include "net/dns.h"
#include "net/dns_cache.h"
#include "net/hosts.h"
#include "net_dns_server.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lost_time.h"

/* Of a try: for ever, but where it is tested what comes of it. */
enum { TIMEOUT_MS = 30000, SHORT_TIMEOUT_MS = 200 };

struct fixture {
	struct loop *loop;
	struct dns_server *server;
	struct dns *dns;
	char servers[32];
	uint32_t waiting;
};

struct asked {
	struct fixture *f;
	struct dns_answer a;
	uint32_t calls;
};

/* What the server says about the names that the tests ask for. */
static void
script(const char *name, int type, bool tcp, struct dns_reply *r)
{
	bool a = type == DNS_TYPE_A;

	(void)tcp;
	r->addrs = a ? 1 : 0;
	if (strcmp(name, "both.test") == 0) {
		r->addrs = 2;
	} else if (strcmp(name, "lost-aaaa.test") == 0) {
		r->lost = !a;
	} else if (strcmp(name, "lost-a.test") == 0) {
		r->addrs = 1;
		r->lost = a;
	} else if (strcmp(name, "slow-aaaa.test") == 0) {
		r->addrs = 1;
		r->held = !a;
	} else if (strstr(name, "late-a.test") != NULL) {
		r->addrs = 1;
		r->delay_ms = a ? 25 : 0;
	} else if (strcmp(name, "slow.test") == 0) {
		r->held = true;
	} else if (strcmp(name, "six.test") == 0) {
		r->addrs = a ? 0 : 1;
	} else if (strcmp(name, "nodata.test") == 0) {
		r->addrs = 0;
	} else if (strcmp(name, "nx.test") == 0) {
		r->rcode = DNS_RCODE_NXDOMAIN;
	} else if (strcmp(name, "nx-aaaa.test") == 0) {
		r->rcode = a ? DNS_RCODE_OK : DNS_RCODE_NXDOMAIN;
		r->delay_ms = a ? 20 : 0;
	} else if (strcmp(name, "nx-a-lost-aaaa.test") == 0) {
		r->rcode = DNS_RCODE_NXDOMAIN;
		r->lost = !a;
	} else if (strcmp(name, "servfail.test") == 0) {
		r->rcode = DNS_RCODE_SERVFAIL;
	} else if (strcmp(name, "servfail-aaaa.test") == 0) {
		r->rcode = a ? DNS_RCODE_OK : DNS_RCODE_SERVFAIL;
	} else if (strcmp(name, "nodata-lost.test") == 0) {
		r->addrs = 0;
		r->lost = !a;
	} else if (strcmp(name, "refused.test") == 0) {
		r->rcode = DNS_RCODE_REFUSED;
	} else if (strcmp(name, "dead.test") == 0) {
		r->lost = true;
	} else if (strcmp(name, "junk.test") == 0) {
		r->junk = true;
	} else if (strcmp(name, "many.test") == 0) {
		r->addrs = a ? 2000 : 500;
		r->truncated = true;
	} else if (strcmp(name, "alias-of.test") == 0) {
		r->alias = true;
		r->addrs = 1;
	} else if (strcmp(name, "ttl-0.test") == 0) {
		r->ttl = 0;
	} else if (strcmp(name, "ttl-minus.test") == 0) {
		r->ttl = UINT32_MAX;
	} else if (strcmp(name, "ttl-huge.test") == 0) {
		r->ttl = 7 * 24 * 3600;
	}
}

static int
setup_conf(void **state, struct dns_conf conf)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct why why = {""};

	if (f == NULL || loop_new(&f->loop) < 0)
		return -1;
	f->server = dns_server_start(script);
	(void)snprintf(
	    f->servers, sizeof(f->servers), "127.0.0.1:%u", dns_server_port(f->server));
	conf.servers = f->servers;
	if (conf.timeout_ms == 0)
		conf.timeout_ms = TIMEOUT_MS;
	if (conf.hosts_path == NULL)
		conf.hosts_path = "/nonexistent/hosts";
	if (dns_new(f->loop, &conf, &f->dns, &why) < 0) {
		print_error("%s\n", why.text);
		return -1;
	}
	*state = f;
	return 0;
}

static int
setup(void **state)
{
	return setup_conf(state, (struct dns_conf){0});
}

static int
setup_short(void **state)
{
	return setup_conf(state, (struct dns_conf){.timeout_ms = SHORT_TIMEOUT_MS});
}

static int
setup_small(void **state)
{
	return setup_conf(state, (struct dns_conf){.asks_max = 2, .cache_max = 2});
}

static int
setup_ipv4(void **state)
{
	return setup_conf(state, (struct dns_conf){.ipv4 = true});
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	dns_free(f->dns);
	dns_server_stop(f->server);
	loop_free(f->loop);
	free(f);
	return 0;
}

static void
on_answered(void *ctx, const struct dns_answer *a)
{
	struct asked *asked = ctx;

	asked->a = *a;
	asked->calls++;
	if (--asked->f->waiting == 0)
		loop_stop(asked->f->loop);
}

static struct dns_id
start(struct fixture *f, const char *host, struct asked *asked)
{
	struct dns_id id = {0};

	*asked = (struct asked){.f = f};
	assert_int_equal(
	    dns_start(f->dns, slice_cstr(host), 0, on_answered, asked, &id), 0);
	assert_int_equal(asked->calls, 0);
	f->waiting++;
	return id;
}

static struct dns_answer
ask(struct fixture *f, const char *host)
{
	struct asked asked;

	(void)start(f, host, &asked);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(asked.calls, 1);
	return asked.a;
}

static void
stop(void *ctx)
{
	loop_stop(ctx);
}

static void
run_for(struct fixture *f, int64_t ms)
{
	struct timer t;

	timer_init(&t, f->loop, stop, f->loop);
	assert_int_equal(timer_start(&t, ms), 0);
	assert_int_equal(loop_run(f->loop), 0);
}

static void
assert_addr(const struct dns_answer *a, uint32_t i, const char *text)
{
	char got[ADDR_TEXT_MAX];

	assert_true(i < a->n);
	addr_format(&a->addrs[i], got);
	assert_string_equal(got, text);
}

/* Again while one half is not there: a busy machine may be late with it. */
static struct dns_answer
ask_both(struct fixture *f, const char *host)
{
	struct dns_answer a = ask(f, host);
	char first[ADDR_TEXT_MAX], last[ADDR_TEXT_MAX];

	for (int i = 0; i < 500; i++) {
		assert_true(a.n > 0);
		addr_format(&a.addrs[0], first);
		addr_format(&a.addrs[a.n - 1], last);
		if (strchr(first, ':') == NULL && strchr(last, ':') != NULL)
			break;
		run_for(f, 20);
		a = ask(f, host);
	}
	return a;
}

static void
answers_with_both_families_ipv4_first(void **state)
{
	struct dns_answer a = ask(*state, "both.test");

	assert_false(a.from_cache);
	if (a.n == 2)
		a = ask_both(*state, "both.test");
	assert_int_equal(a.status, DNS_OK);
	assert_int_equal(a.n, 4);
	assert_addr(&a, 0, "10.0.0.1");
	assert_addr(&a, 1, "10.0.0.2");
	assert_addr(&a, 2, "fd00::1");
	assert_addr(&a, 3, "fd00::2");
	assert_in_range(a.ttl_s, 290, 300);
	assert_string_equal(a.server, "127.0.0.1");
}

static void
is_not_held_up_by_a_lost_aaaa_or_a(void **state)
{
	int64_t lost = lost_time_ms();
	struct dns_answer a = ask(*state, "lost-aaaa.test");

	assert_int_equal(a.status, DNS_OK);
	assert_int_equal(a.n, 1);
	assert_addr(&a, 0, "10.0.0.1");
	assert_in_range(a.ms, 45, 2000 + lost_time_ms() - lost);
	lost = lost_time_ms();
	a = ask(*state, "lost-a.test");
	assert_int_equal(a.n, 1);
	assert_addr(&a, 0, "fd00::1");
	assert_in_range(a.ms, 190, 2000 + lost_time_ms() - lost);
}

static void
learns_the_half_that_came_late(void **state)
{
	struct fixture *f = *state;
	struct dns_answer a = ask(f, "slow-aaaa.test");

	assert_int_equal(a.n, 1);
	dns_server_let_go(f->server);
	for (int i = 0; i < 500 && a.n == 1; i++) {
		run_for(f, 20);
		a = ask(f, "slow-aaaa.test");
	}
	assert_true(a.from_cache);
	assert_int_equal(a.n, 2);
	assert_addr(&a, 1, "fd00::1");
}

static void
waits_a_little_for_the_ipv4_half(void **state)
{
	struct dns_answer a;
	int64_t lost;

	/* Anew where it was the machine that was late with it. */
	for (int i = 0; i < 50; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "%d.late-a.test", i);
		lost = lost_time_ms();
		a = ask(*state, name);
		if (a.n == 2 || lost_time_ms() - lost < 50)
			break;
	}
	assert_int_equal(a.n, 2);
	assert_addr(&a, 0, "10.0.0.1");
}

static void
one_family_without_addresses_is_no_failure(void **state)
{
	struct dns_answer a = ask(*state, "four.test");

	assert_int_equal(a.status, DNS_OK);
	assert_int_equal(a.n, 1);
	a = ask(*state, "six.test");
	assert_int_equal(a.status, DNS_OK);
	assert_addr(&a, 0, "fd00::1");
	a = ask(*state, "servfail-aaaa.test");
	assert_int_equal(a.status, DNS_OK);
	a = ask(*state, "nx-aaaa.test");
	assert_int_equal(a.status, DNS_OK);
	assert_addr(&a, 0, "10.0.0.1");
}

struct failure {
	const char *name;
	enum dns_status status;
};

static void
expect_failures(struct fixture *f, const struct failure *cases, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int64_t lost = lost_time_ms();
		struct dns_answer a = ask(f, cases[i].name);

		if (a.status != cases[i].status)
			fail_msg("%s: %s", cases[i].name, dns_status_text(a.status));
		assert_int_equal(a.n, 0);
		assert_true(a.ms < SHORT_TIMEOUT_MS * 11 + lost_time_ms() - lost);
		assert_int_equal(a.ttl_s, 60);
	}
}

static void
tells_failures_apart(void **state)
{
	static const struct failure cases[] = {
	    {"nx.test", DNS_NO_NAME},
	    {"nx-a-lost-aaaa.test", DNS_NO_NAME},
	    {"nodata.test", DNS_NO_ADDRESS},
	    {"servfail.test", DNS_SERVER_FAILED},
	    {"refused.test", DNS_SERVER_FAILED},
	};

	expect_failures(*state, cases, sizeof(cases) / sizeof(cases[0]));
}

static void
what_is_never_answered_is_a_timeout(void **state)
{
	static const struct failure cases[] = {
	    {"dead.test", DNS_TIMEOUT},
	    {"nodata-lost.test", DNS_TIMEOUT},
	    {"junk.test", DNS_TIMEOUT},
	};

	expect_failures(*state, cases, sizeof(cases) / sizeof(cases[0]));
}

static void
clamps_times_to_live(void **state)
{
	assert_int_equal(ask(*state, "ttl-0.test").ttl_s, 60);
	assert_int_equal(ask(*state, "ttl-minus.test").ttl_s, 60);
	assert_int_equal(ask(*state, "ttl-huge.test").ttl_s, 24 * 3600);
	assert_int_equal(ask(*state, "alias-of.test").ttl_s, 300);
}

static void
keeps_eight_of_two_thousand_addresses(void **state)
{
	struct dns_answer a = ask_both(*state, "many.test");

	assert_int_equal(a.status, DNS_OK);
	assert_int_equal(a.n, DNS_ADDRS_MAX);
	assert_addr(&a, 5, "10.0.0.6");
	assert_addr(&a, 6, "fd00::1");
	assert_addr(&a, 7, "fd00::2");
}

static void
start_for(struct fixture *f, const char *host, uint32_t max_ms, struct asked *asked)
{
	struct dns_id id;

	*asked = (struct asked){.f = f};
	assert_int_equal(
	    dns_start(f->dns, slice_cstr(host), max_ms, on_answered, asked, &id), 0);
	f->waiting++;
}

static void
who_has_less_patience_is_told_sooner_and_the_others_get_the_answer(void **state)
{
	struct fixture *f = *state;
	struct asked hasty, patient;

	start_for(f, "slow.test", 5, &hasty);
	(void)start(f, "slow.test", &patient);
	for (int i = 0; i < 5000 && hasty.calls == 0; i++)
		run_for(f, 2);
	assert_int_equal(hasty.calls, 1);
	assert_int_equal(hasty.a.status, DNS_TIMEOUT);
	assert_int_equal(patient.calls, 0);
	dns_server_let_go(f->server);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(hasty.calls + patient.calls, 2);
	assert_true(hasty.a.ms >= 5 && hasty.a.ms < patient.a.ms);
	assert_int_equal(patient.a.status, DNS_OK);
	start_for(f, "slow.test", 5, &hasty);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(hasty.a.status, DNS_OK); /* it is known by now */
}

/* Who asks again while the question goes on has waited already. */
static void
patience_counts_from_the_question(void **state)
{
	struct fixture *f = *state;
	struct asked first, second, third;
	int64_t began_ms = loop_now_ms(f->loop);

	start_for(f, "dead.test", 20, &first);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(first.a.status, DNS_TIMEOUT);
	start_for(f, "dead.test", 20, &second);
	start_for(f, "dead.test", 25, &third);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(second.a.status, DNS_TIMEOUT);
	assert_int_equal(third.a.status, DNS_TIMEOUT);
	assert_true(second.a.ms >= 20 && third.a.ms >= 25);
	assert_true(loop_now_ms(f->loop) - began_ms < TIMEOUT_MS);
}

static void
asks_once_for_many_who_want_the_same(void **state)
{
	struct fixture *f = *state;
	struct asked asked[10];

	for (size_t i = 0; i < 10; i++)
		(void)start(f, i % 2 == 0 ? "both.test" : "BOTH.test.", &asked[i]);
	assert_int_equal(loop_run(f->loop), 0);
	for (size_t i = 0; i < 10; i++) {
		assert_int_equal(asked[i].calls, 1);
		assert_int_equal(asked[i].a.n, asked[0].a.n);
	}
	assert_int_equal(ask_both(f, "both.test").n, 4);
	assert_int_equal(dns_server_queries(f->server), 2);
}

static void
answers_from_the_cache_good_and_bad_alike(void **state)
{
	struct fixture *f = *state;
	struct dns_answer a = ask_both(f, "both.test");
	int64_t lost_s, lost = lost_time_ms();
	uint32_t queries;

	a = ask(f, "nx.test");
	assert_false(a.from_cache);
	/* The word about the A is enough: the other question may be under way. */
	for (int i = 0; i < 500 && dns_server_queries(f->server) < 4; i++)
		run_for(f, 10);
	queries = dns_server_queries(f->server);
	assert_int_equal(queries, 4);
	a = ask(f, "both.test");
	assert_true(a.from_cache);
	assert_int_equal(a.n, 4);
	assert_int_equal(a.ms, 0);
	lost_s = (lost_time_ms() - lost + 999) / 1000;
	assert_in_range(a.ttl_s, 298 - lost_s, 300);
	a = ask(f, "nx.test");
	assert_true(a.from_cache);
	assert_int_equal(a.status, DNS_NO_NAME);
	lost_s = (lost_time_ms() - lost + 999) / 1000;
	assert_in_range(a.ttl_s, 58 - lost_s, 60);
	assert_int_equal(dns_server_queries(f->server), queries);
}

static void
the_cache_expires_and_drops_the_one_unused_longest(void **state)
{
	struct dns_answer a = {.ttl_s = 60, .n = 1}, got;
	struct dns_cache c;

	(void)state;
	dns_cache_init(&c, 2);
	dns_cache_put(&c, SLICE_LIT("a"), &a, 1000);
	dns_cache_put(&c, SLICE_LIT("b"), &a, 1000);
	assert_true(dns_cache_get(&c, SLICE_LIT("a"), 2000, &got));
	assert_int_equal(got.ttl_s, 59);
	dns_cache_put(&c, SLICE_LIT("c"), &a, 2000);
	dns_cache_check(&c);
	assert_false(dns_cache_get(&c, SLICE_LIT("b"), 2000, &got));
	assert_true(dns_cache_get(&c, SLICE_LIT("a"), 60999, &got));
	assert_int_equal(got.ttl_s, 1);
	assert_false(dns_cache_get(&c, SLICE_LIT("a"), 61000, &got));
	assert_true(dns_cache_get(&c, SLICE_LIT("c"), 61000, &got));
	a.n = 2;
	dns_cache_put(&c, SLICE_LIT("c"), &a, 61000);
	assert_true(dns_cache_get(&c, SLICE_LIT("c"), 120000, &got));
	assert_int_equal(got.n, 2);
	dns_cache_check(&c);
	dns_cache_release(&c);
}

static void
bounds_open_questions(void **state)
{
	struct fixture *f = *state;
	struct asked asked[3];
	struct dns_id id;

	(void)start(f, "lost-aaaa.test", &asked[0]);
	(void)start(f, "four.test", &asked[1]);
	assert_int_equal(
	    dns_start(f->dns, SLICE_LIT("both.test"), 0, on_answered, &asked[2], &id),
	    -EAGAIN);
	(void)start(f, "four.test", &asked[2]);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(asked[2].a.status, DNS_OK);
	assert_int_equal(ask_both(f, "both.test").n, 4);
}

static void
answers_literals_and_localhost_without_asking(void **state)
{
	struct fixture *f = *state;
	struct dns_answer a = ask(f, "192.0.2.7");

	assert_int_equal(a.n, 1);
	assert_true(a.from_cache);
	assert_addr(&a, 0, "192.0.2.7");
	a = ask(f, "[2001:db8::7]");
	assert_addr(&a, 0, "2001:db8::7");
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = {
		    "localhost", "LocalHost.", "a.b.localhost"};

		a = ask(f, names[i]);
		assert_int_equal(a.status, DNS_OK);
		assert_int_equal(a.n, 2);
		assert_addr(&a, 0, "127.0.0.1");
		assert_addr(&a, 1, "::1");
	}
	assert_int_equal(dns_server_queries(f->server), 0);
}

static void
refuses_what_is_not_a_name_without_asking(void **state)
{
	static const char label64[] =
	    "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg.test";
	static const char *const bad[] = {"", ".", "..", "a..test", ".a.test", "a b.test",
	    "a%20.test", "a/b.test", "\xc3\xa9.test", "1.2.3", "a.1", label64, "[::1",
	    "a:80"};
	struct fixture *f = *state;
	struct asked asked;
	char longest[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dns_answer a = ask(f, bad[i]);

		if (a.status != DNS_BAD_NAME)
			fail_msg("'%s': %s", bad[i], dns_status_text(a.status));
	}
	for (size_t i = 0; i < 255; i++)
		longest[i] = i % 63 == 62 ? '.' : 'a';
	longest[253] = '\0';
	assert_int_not_equal(ask(f, longest).status, DNS_BAD_NAME);
	longest[253] = 'a';
	longest[254] = '\0';
	assert_int_equal(ask(f, longest).status, DNS_BAD_NAME);
	(void)start(f, "", &asked);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(dns_start(f->dns, slice_of("a\0.test", 7), 0, on_answered,
			     &asked, &(struct dns_id){0}),
	    0);
	f->waiting++;
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(asked.a.status, DNS_BAD_NAME);
}

static void
overrides_are_never_asked_for(void **state)
{
	struct fixture *f = *state;
	struct addr a = {.family = AF_INET, .bytes = {192, 0, 2, 1}}, b = a, got;
	struct dns_answer answer;

	b.bytes[3] = 2;
	assert_false(dns_overridden(f->dns, SLICE_LIT("both.test"), 80, &got));
	assert_int_equal(dns_override(f->dns, SLICE_LIT("Both.test"), 80, &a), 0);
	assert_int_equal(dns_override(f->dns, SLICE_LIT("any.test."), 0, &a), 0);
	assert_int_equal(dns_override(f->dns, SLICE_LIT("any.test"), 443, &a), 0);
	assert_int_equal(dns_override(f->dns, SLICE_LIT("any.test"), 443, &b), 0);
	assert_true(dns_overridden(f->dns, SLICE_LIT("both.TEST."), 80, &got));
	assert_true(addr_eq(&got, &a));
	assert_false(dns_overridden(f->dns, SLICE_LIT("both.test"), 81, &got));
	assert_true(dns_overridden(f->dns, SLICE_LIT("any.test"), 8080, &got));
	assert_true(addr_eq(&got, &a));
	assert_true(dns_overridden(f->dns, SLICE_LIT("any.test"), 443, &got));
	assert_true(addr_eq(&got, &b));
	answer = ask(f, "any.test");
	assert_addr(&answer, 0, "192.0.2.1");
	assert_int_equal(answer.n, 1);
	assert_int_equal(dns_server_queries(f->server), 0);
	assert_int_equal(ask_both(f, "both.test").n, 4);
}

static void
cancelled_calls_are_never_called(void **state)
{
	struct fixture *f = *state;
	struct asked gone, stays, cached;
	struct dns_id id, again;

	id = start(f, "both.test", &gone);
	(void)start(f, "both.test", &stays);
	dns_cancel(f->dns, id);
	dns_cancel(f->dns, id);
	f->waiting--;
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(gone.calls, 0);
	assert_int_equal(stays.calls, 1);
	/* one whose answer is there already */
	again = start(f, "both.test", &cached);
	dns_cancel(f->dns, id);
	dns_cancel(f->dns, again);
	f->waiting--;
	run_for(f, 5);
	assert_int_equal(cached.calls, 0);
	dns_cancel(f->dns, (struct dns_id){.slot = 999});
}

static void
an_answer_that_nobody_waits_for_any_more_fills_the_cache(void **state)
{
	struct fixture *f = *state;
	bool cached = false;
	int64_t lost = 0;

	/* Anew where it was the machine that was late with it. */
	for (int i = 0; i < 50 && !cached && (i == 0 || lost > 50); i++) {
		struct asked gone;
		struct dns_id id;
		char name[32];

		(void)snprintf(name, sizeof(name), "%d.test", i);
		lost = lost_time_ms();
		id = start(f, name, &gone);
		dns_cancel(f->dns, id);
		f->waiting--;
		run_for(f, 500);
		lost = lost_time_ms() - lost;
		cached = ask(f, name).from_cache;
	}
	assert_true(cached);
}

static void
can_be_freed_while_questions_are_open(void **state)
{
	struct fixture *f = *state;
	struct asked a, b, c;

	(void)start(f, "dead.test", &a);
	(void)start(f, "lost-aaaa.test", &b);
	(void)start(f, "localhost", &c);
	for (int i = 0; i < 500 && c.calls == 0; i++)
		run_for(f, 5);
	assert_int_equal(a.calls, 0);
	assert_int_equal(b.calls, 0);
	assert_int_equal(c.calls, 1);
}

static void
asks_only_for_the_family_that_is_wanted(void **state)
{
	struct fixture *f = *state;
	struct dns_answer a = ask(f, "both.test");

	assert_int_equal(a.n, 2);
	assert_int_equal(dns_server_queries(f->server), 1);
	a = ask(f, "localhost");
	assert_int_equal(a.n, 1);
	a = ask(f, "six.test");
	assert_int_equal(a.status, DNS_NO_ADDRESS);
}

static void
says_what_is_wrong_with_a_server(void **state)
{
	static const char *const bad[] = {"", "dns.example", "1.2.3.4:0", "1.2.3.4:70000",
	    "1.2.3.4,", "1.2.3.4 5.6.7.8", "[::1]53", "[::1", "1.2.3.4:x"};
	static const char *const good[] = {
	    "1.2.3.4", "1.2.3.4:5353,::1", "[::1]:53", "::1"};
	struct fixture *f = *state;
	struct why why;
	struct dns *d;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dns_conf conf = {.servers = bad[i]};

		assert_int_equal(dns_new(f->loop, &conf, &d, &why), -EINVAL);
		assert_non_null(strstr(why.text, "is not a DNS server"));
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct dns_conf conf = {.servers = good[i]};

		assert_int_equal(dns_new(f->loop, &conf, &d, &why), 0);
		dns_free(d);
	}
}

/* ---- the hosts file ---- */

static char hosts_path[64];

static void
hosts_write(const char *text)
{
	int fd = open(hosts_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(close(fd), 0);
}

static int
setup_hosts(void **state)
{
	(void)snprintf(
	    hosts_path, sizeof(hosts_path), "/tmp/trawl-hosts-%d", (int)getpid());
	hosts_write("10.1.1.1 in-hosts.test both.test\nfd00::9 in-hosts.test\n");
	return setup_conf(state, (struct dns_conf){.hosts_path = hosts_path});
}

static int
teardown_hosts(void **state)
{
	(void)unlink(hosts_path);
	return teardown(state);
}

static void
the_hosts_file_comes_before_the_servers(void **state)
{
	struct fixture *f = *state;
	struct dns_answer a = ask(f, "In-Hosts.test");

	assert_int_equal(a.n, 2);
	assert_addr(&a, 0, "10.1.1.1");
	assert_addr(&a, 1, "fd00::9");
	assert_true(a.from_cache);
	assert_int_equal(ask(f, "both.test").n, 1);
	assert_int_equal(dns_server_queries(f->server), 0);
	assert_int_equal(ask(f, "four.test").n, 1);
}

static void
the_hosts_file_is_read_again_when_it_changes(void **state)
{
	struct addr v[DNS_ADDRS_MAX];
	struct hosts *h;
	char text[ADDR_TEXT_MAX];

	(void)state;
	assert_int_equal(hosts_new(hosts_path, &h), 0);
	hosts_write("# comment\n"
		    "10.0.0.1\tOne.Test one. # two\n"
		    "junk three\n"
		    "fe80::1%lo four\n"
		    "\r\n"
		    "10.0.0.2 one.test\r\n"
		    "10.0.0.3 one.test\n"
		    "10.0.0.4");
	assert_int_equal(hosts_find(h, 0, SLICE_LIT("one.test"), v, 8), 3);
	for (uint32_t i = 0; i < 3; i++) {
		char want[] = "10.0.0.1";

		want[7] = (char)('1' + i);
		addr_format(&v[i], text);
		assert_string_equal(text, want);
	}
	assert_int_equal(hosts_find(h, 0, SLICE_LIT("one.test"), v, 2), 2);
	assert_int_equal(hosts_find(h, 0, SLICE_LIT("one"), v, 8), 1);
	assert_int_equal(hosts_find(h, 0, SLICE_LIT("two"), v, 8), 0);
	assert_int_equal(hosts_find(h, 0, SLICE_LIT("three"), v, 8), 0);
	assert_int_equal(hosts_find(h, 0, SLICE_LIT("four"), v, 8), 0);
	hosts_write("10.0.0.5 two\n");
	assert_int_equal(hosts_find(h, 999, SLICE_LIT("two"), v, 8), 0);
	assert_int_equal(hosts_find(h, 1000, SLICE_LIT("two"), v, 8), 1);
	assert_int_equal(hosts_find(h, 1001, SLICE_LIT("one"), v, 8), 0);
	assert_int_equal(unlink(hosts_path), 0);
	assert_int_equal(hosts_find(h, 2000, SLICE_LIT("two"), v, 8), 0);
	assert_int_equal(mkfifo(hosts_path, 0600), 0);
	assert_int_equal(hosts_find(h, 3000, SLICE_LIT("two"), v, 8), 0);
	assert_int_equal(unlink(hosts_path), 0);
	hosts_write("10.0.0.6 two\n");
	assert_int_equal(hosts_find(h, 4000, SLICE_LIT("two"), v, 8), 1);
	hosts_free(h);
	hosts_free(NULL);
}

int
main(void)
{
#define TEST(fn, up) cmocka_unit_test_setup_teardown(fn, up, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(answers_with_both_families_ipv4_first, setup),
	    TEST(is_not_held_up_by_a_lost_aaaa_or_a, setup),
	    TEST(learns_the_half_that_came_late, setup),
	    TEST(one_family_without_addresses_is_no_failure, setup),
	    TEST(waits_a_little_for_the_ipv4_half, setup),
	    TEST(tells_failures_apart, setup),
	    TEST(what_is_never_answered_is_a_timeout, setup_short),
	    TEST(clamps_times_to_live, setup),
	    TEST(keeps_eight_of_two_thousand_addresses, setup),
	    TEST(who_has_less_patience_is_told_sooner_and_the_others_get_the_answer,
		setup),
	    TEST(patience_counts_from_the_question, setup),
	    TEST(asks_once_for_many_who_want_the_same, setup),
	    TEST(answers_from_the_cache_good_and_bad_alike, setup),
	    cmocka_unit_test(the_cache_expires_and_drops_the_one_unused_longest),
	    TEST(bounds_open_questions, setup_small),
	    TEST(answers_literals_and_localhost_without_asking, setup),
	    TEST(refuses_what_is_not_a_name_without_asking, setup),
	    TEST(overrides_are_never_asked_for, setup),
	    TEST(cancelled_calls_are_never_called, setup),
	    TEST(an_answer_that_nobody_waits_for_any_more_fills_the_cache, setup),
	    TEST(can_be_freed_while_questions_are_open, setup),
	    TEST(asks_only_for_the_family_that_is_wanted, setup_ipv4),
	    TEST(says_what_is_wrong_with_a_server, setup),
	    cmocka_unit_test_setup_teardown(
		the_hosts_file_comes_before_the_servers, setup_hosts, teardown_hosts),
	    cmocka_unit_test_setup_teardown(the_hosts_file_is_read_again_when_it_changes,
		setup_hosts, teardown_hosts),
	};

	return cmocka_run_group_tests_name("net/dns", tests, NULL, NULL);
}
