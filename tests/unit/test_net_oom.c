/* Out of memory at each allocation in turn: it is returned, nothing leaks or hangs. */
#include "net/dns.h"
#include "net/dns_cache.h"
#include "net/s3.h"
#include "net/transport.h"
#include "net_dns_server.h"
#include "net_http_server.h"
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <curl/curl.h>

#include "alloc_fail.h"

/* The servers are a process of their own: their memory is not what is tested. */
struct ports {
	uint16_t dns, http;
};
static struct ports ports;

static void
say_dns(const char *name, int type, bool tcp, struct dns_reply *r)
{
	(void)name;
	(void)tcp;
	r->addrs = type == DNS_TYPE_A ? 2 : 1;
}

static void
say_http(struct peer *p)
{
	static const char body[20000] = "x";

	peer_say(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4e20\r\n");
	peer_send(p, body, sizeof(body));
	peer_say(p, "\r\n0\r\n\r\n");
}

static int
servers_start(void **state)
{
	static pid_t pid;
	int fds[2];

	if (pipe(fds) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		struct ports p = {.dns = dns_server_port(dns_server_start(say_dns)),
		    .http = http_server_port(http_server_start(say_http))};

		if (write(fds[1], &p, sizeof(p)) == sizeof(p))
			(void)pause();
		_exit(0);
	}
	(void)close(fds[1]);
	*state = &pid;
	return read(fds[0], &ports, sizeof(ports)) == sizeof(ports) && close(fds[0]) == 0
		   ? 0
		   : -1;
}

static int
servers_stop(void **state)
{
	pid_t pid = *(pid_t *)*state;

	(void)kill(pid, SIGKILL);
	return waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

static void
an_endpoint_is_not_blamed_for_want_of_memory(void **state)
{
	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct why why;
		int r = s3_endpoint_check("https://s3.example.org:8443", &why);

		assert_true(r == 0 || r == -ENOMEM);
	}
}

static void
the_policy_admits_no_more_than_it_said(void **state)
{
	struct addr a = {.family = AF_INET, .bytes = {127, 0, 0, 1}};

	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct addr_policy *p;

		if (addr_policy_new(&p) < 0)
			continue;
		for (uint8_t i = 1; i < 40; i++) {
			struct addr b = {.family = AF_INET, .bytes = {10, 0, 0, i}};
			int r = addr_policy_allow_exact(p, &a, i);
			char text[32];

			assert_true(r == 0 || r == -ENOMEM);
			assert_int_equal(addr_policy_refuses(p, &a, i) == NULL, r == 0);
			(void)snprintf(text, sizeof(text), "10.0.0.%u", i);
			r = addr_policy_allow(p, slice_cstr(text), NULL);
			assert_true(r == 0 || r == -ENOMEM);
			assert_int_equal(addr_policy_refuses(p, &b, 80) == NULL, r == 0);
		}
		addr_policy_free(p);
	}
}

struct run {
	struct loop *loop;
	struct shm *shm;
	uint32_t waiting, answered;
};

static void
run_done(struct run *run)
{
	if (--run->waiting == 0)
		loop_stop(run->loop);
}

static void
on_answer(void *ctx, const struct dns_answer *a)
{
	struct run *run = ctx;

	if (a->status == DNS_OK) {
		assert_true(a->n > 0 && a->n <= DNS_ADDRS_MAX);
		run->answered++;
	}
	run_done(run);
}

/* What is lost for want of memory is soon given up; where there is enough, nothing is. */
enum { TIMEOUT_MS = 50, PATIENCE_MS = 1000, TOTAL_MS = 150, FOR_EVER_MS = 60000 };

static void
dns_round(struct run *run, bool for_ever)
{
	static const char *const hosts[] = {"a.test", "a.test", "127.0.0.1", "localhost",
	    "b.test", "over.test", "not a name", "listed.test"};
	struct addr a = {.family = AF_INET, .bytes = {192, 0, 2, 1}};
	char servers[32], hosts_path[64];
	struct dns_conf conf = {.servers = servers,
	    .timeout_ms = for_ever ? FOR_EVER_MS : TIMEOUT_MS,
	    .hosts_path = hosts_path};
	struct dns_id id;
	struct dns *d;
	int r;

	(void)snprintf(servers, sizeof(servers), "127.0.0.1:%u", ports.dns);
	(void)snprintf(
	    hosts_path, sizeof(hosts_path), "/tmp/trawl-hosts-oom-%d", (int)getpid());
	if (dns_new(run->loop, &conf, &d, NULL) < 0)
		return;
	r = dns_override(d, SLICE_LIT("over.test"), 0, &a);
	assert_true(r == 0 || r == -ENOMEM);
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		r = dns_start(d, slice_cstr(hosts[i]),
		    for_ever ? FOR_EVER_MS : PATIENCE_MS, on_answer, run, &id);
		assert_true(r == 0 || r == -ENOMEM);
		run->waiting += r == 0;
	}
	if (run->waiting > 0) {
		r = loop_run(run->loop);
		assert_int_equal(r, 0);
	}
	dns_free(d);
}

static void
names_are_answered_or_refused(void **state)
{
	struct run run;
	char path[64];
	FILE *f;

	(void)state;
	(void)snprintf(path, sizeof(path), "/tmp/trawl-hosts-oom-%d", (int)getpid());
	f = fopen(path, "we");
	assert_non_null(f);
	(void)fprintf(f, "10.0.0.1 listed.test listed\n10.0.0.2 listed.test\n");
	(void)fclose(f);
	alloc_fail.live = 0;
	for (int n = 0; alloc_fail_round(n); n++) {
		run = (struct run){0};
		if (loop_new(&run.loop) < 0)
			continue;
		dns_round(&run, false);
		loop_free(run.loop);
	}
	run = (struct run){0};
	assert_int_equal(loop_new(&run.loop), 0);
	dns_round(&run, true);
	loop_free(run.loop);
	assert_int_equal(run.answered, 7);
	assert_int_equal(alloc_fail.live, 0);
	(void)unlink(path);
}

static void
on_result(void *ctx, struct transport_result *r)
{
	struct run *run = ctx;

	if (r->outcome == OUTCOME_OK) {
		assert_int_equal(r->body_len, 20000);
		run->answered++;
	} else {
		assert_int_not_equal(r->error[0], '\0');
	}
	if (r->block.cap > 0)
		shm_free(run->shm, &r->block);
	run_done(run);
}

static void
transport_round(
    struct run *run, struct addr_policy *policy, uint32_t loops, bool for_ever)
{
	static const struct slice lines[] = {{.ptr = "A: b", .len = 4}};
	struct transport_conf conf = {
	    .shm = run->shm, .policy = policy, .connections_max = 4, .loops = loops};
	char url[64];
	struct transport_request req = {
	    .addr = {.family = AF_INET, .bytes = {127, 0, 0, 1}},
	    .port = ports.http,
	    .lines = lines,
	    .lines_len = 1,
	    .total_ms = for_ever ? FOR_EVER_MS : TOTAL_MS,
	};
	struct transport_id id;
	struct transport *t;
	int r;

	if (transport_new(run->loop, &conf, &t, NULL) < 0)
		return;
	(void)snprintf(url, sizeof(url), "http://site.test:%u/", ports.http);
	req.url = slice_cstr(url);
	for (int i = 0; i < 4; i++) {
		r = transport_start(t, &req, on_result, run, &id);
		assert_true(r == 0 || r == -ENOMEM);
		run->waiting += r == 0;
		if (i == 1 && run->waiting > 0)
			assert_int_equal(loop_run(run->loop), 0);
	}
	if (run->waiting > 0)
		assert_int_equal(loop_run(run->loop), 0);
	transport_free(t);
}

static void
round_of_exchanges(struct run *run, uint32_t loops, bool for_ever)
{
	struct addr_policy *policy = NULL;

	*run = (struct run){0};
	if (loop_new(&run->loop) < 0)
		return;
	if (shm_new(1 << 20, &run->shm, NULL) == 0 && addr_policy_new(&policy) == 0 &&
	    addr_policy_allow(policy, SLICE_LIT("127.0.0.1"), NULL) == 0)
		transport_round(run, policy, loops, for_ever);
	if (run->shm != NULL)
		assert_int_equal(shm_used_bytes(run->shm), 0);
	addr_policy_free(policy);
	shm_free_all(run->shm);
	loop_free(run->loop);
}

static void
rounds_of_exchanges(uint32_t loops)
{
	struct run run;

	for (int n = 0; alloc_fail_round(n); n++)
		round_of_exchanges(&run, loops, false);
	round_of_exchanges(&run, loops, true);
	assert_int_equal(run.answered, 4);
	assert_int_equal(alloc_fail.live, 0);
}

static void
exchanges_end_one_way_or_another(void **state)
{
	(void)state;
	rounds_of_exchanges(1);
}

static void
exchanges_end_on_other_loops_too(void **state)
{
	(void)state;
	rounds_of_exchanges(3);
}

static char *
own_strdup(const char *text)
{
	char *copy = malloc(strlen(text) + 1);

	return copy == NULL ? NULL : strcpy(copy, text);
}

/* Nothing is sent: only what is said to libcurl before fails. */
static void
a_url_is_not_blamed_for_want_of_memory_in_libcurl(void **state)
{
	struct transport_request req = {
	    .addr = {.family = AF_INET, .bytes = {127, 0, 0, 1}},
	    .port = 1,
	    .url = SLICE_LIT("http://site.test:1/path")};
	int refused = 0;

	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		long left = alloc_fail.left;
		struct transport_conf conf = {.connections_max = 4};
		struct transport_id id;
		struct transport *t;
		struct loop *l;
		int r;

		alloc_fail.left = -1;
		assert_int_equal(curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, free,
				     realloc, own_strdup, calloc),
		    CURLE_OK);
		assert_int_equal(loop_new(&l), 0);
		assert_int_equal(shm_new(1 << 20, &conf.shm, NULL), 0);
		assert_int_equal(transport_new(l, &conf, &t, NULL), 0);
		alloc_fail.left = left;
		r = transport_start(t, &req, on_result, NULL, &id);
		alloc_fail.left = -1;
		assert_true(r == 0 || r == -ENOMEM);
		refused += r < 0;
		transport_free(t);
		shm_free_all(conf.shm);
		loop_free(l);
		curl_global_cleanup();
	}
	assert_in_range(refused, 10, 1000);
}

static void
proxies_are_all_there_or_none(void **state)
{
	static const char *const rules[] = {
	    "http://u:p@a.test:1", "https=socks5://b.test", "http://c.test"};

	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct proxies p;
		struct why why = {""};
		int r = proxies_init(&p, rules, 3, "d.test", &why);

		assert_true(r == 0 || r == -ENOMEM);
		assert_true((r == 0) == (p.http != NULL));
		assert_true((r == 0) == (why.text[0] == '\0'));
		if (r == 0)
			proxies_release(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(proxies_are_all_there_or_none),
	    cmocka_unit_test(an_endpoint_is_not_blamed_for_want_of_memory),
	    cmocka_unit_test(the_policy_admits_no_more_than_it_said),
	    cmocka_unit_test(names_are_answered_or_refused),
	    cmocka_unit_test(exchanges_end_one_way_or_another),
	    cmocka_unit_test(exchanges_end_on_other_loops_too),
	    cmocka_unit_test(a_url_is_not_blamed_for_want_of_memory_in_libcurl),
	};

	return cmocka_run_group_tests_name("net/oom", tests, servers_start, servers_stop);
}
