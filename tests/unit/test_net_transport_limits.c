#include "net/transport_int.h"
#include "net_transport_rig.h"
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lost_time.h"

/* Again where the peer was late, for the machine was: then it ended otherwise.  Returns the ms of the
 * last. */
static int64_t
fetch_in_time(const struct transport_request *req, enum outcome outcome, int64_t late_ms,
    struct got *g)
{
	int64_t lost;
	int tries = 0;

	for (;;) {
		int64_t began = loop_now_ms(fx->loop), took;

		lost = lost_time_ms();
		fetch_request(req, g);
		took = loop_now_ms(fx->loop) - began;
		if (g->r.outcome == outcome || !lost_time_again(lost, late_ms, &tries))
			return took;
		got_free(g);
	}
}

static void
stops_at_the_limit_of_the_body_and_keeps_what_came(void **state)
{
	static const char *const paths[] = {"/big", "/big-close", "/endless"};
	struct transport_request req;
	struct got g;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		fetch(paths[i], &g);
		assert_int_equal(g.r.outcome, OUTCOME_TOO_LARGE);
		assert_int_equal(g.r.cut, TRANSPORT_CUT_LENGTH);
		assert_int_equal(g.r.status, 200);
		assert_int_equal(g.r.body_len, BODY_MAX);
		assert_memory_equal(body_of(&g), "abcdefghijklmnopqrstuvwxyzabc", 29);
		got_free(&g);
	}
	for (size_t i = 0; i < 2; i++) {
		req = request_to("http", "site.test", paths[i]);
		req.body_bytes_max = 3000000;
		fetch_request(&req, &g);
		assert_int_equal(g.r.outcome, OUTCOME_OK);
		assert_int_equal(g.r.body_len, 3000000);
		for (size_t k = 0; k < 3000000; k += 9973)
			assert_int_equal(body_of(&g)[k], 'a' + (int)(k % 26));
		got_free(&g);
		req.body_bytes_max = 2999999;
		fetch_request(&req, &g);
		assert_int_equal(g.r.outcome, OUTCOME_TOO_LARGE);
		assert_int_equal(g.r.body_len, 2999999);
		got_free(&g);
	}
}

static void
says_so_when_the_arena_is_full(void **state)
{
	struct transport_request req = request_to("http", "site.test", "/big-close");
	struct shm_block hog = {0}, small = {0};
	struct got g;

	(void)state;
	req.body_bytes_max = 0; /* no limit */
	assert_int_equal(shm_alloc(fx->shm, ARENA_BYTES / 2, &hog), 0);
	assert_int_equal(shm_alloc(fx->shm, ARENA_BYTES / 4, &small), 0);
	shm_free(fx->shm, &hog);
	assert_int_equal(shm_alloc(fx->shm, ARENA_BYTES / 2, &hog), 0);
	req.url = slice_cstr("http://site.test/endless");
	req.port = http_server_port(fx->server);
	fetch_request(&req, &g);
	assert_int_equal(g.r.outcome, OUTCOME_NONE);
	assert_true(g.r.arena_full);
	assert_string_equal(g.r.error, "no room for the answer");
	got_free(&g);
	shm_free(fx->shm, &hog);
	shm_free(fx->shm, &small);
	assert_int_equal(shm_alloc(fx->shm, ARENA_BYTES, &hog), 0);
	fetch("/plain", &g);
	assert_true(g.r.arena_full);
	got_free(&g);
	shm_free(fx->shm, &hog);
	fetch("/plain", &g);
	assert_int_equal(g.r.outcome, OUTCOME_OK);
	got_free(&g);
}

static int
setup_shared_arena(void **state)
{
	return rig_setup(state, (struct transport_conf){.large_bytes_max = 8 << 20},
	    http_server_start(rig_script));
}

/* false: the big one ended before it might. */
static bool
one_waits_and_the_other_does_not(void)
{
	struct transport_request req = request_to("http", "site.test", "/big");
	struct shm_block hog = {0};
	struct got big, other;
	bool good;

	req.body_bytes_max = 0;
	req.stall_ms = 200;
	assert_int_equal(shm_alloc(fx->shm, 8 << 20, &hog), 0);
	start(&req, &big);
	run_for(500); /* its being held back is no stall of the peer's */
	good = big.calls == 0;
	if (good) {
		assert_int_equal(shm_large_bytes(fx->shm), 8 << 20);
		req = request_to("http", "site.test", "/plain");
		start(&req, &other);
		for (int i = 0; i < 300 && other.calls == 0; i++)
			run_for(10);
		assert_int_equal(other.calls, 1);
		assert_int_equal(other.r.outcome, OUTCOME_OK);
		got_free(&other);
		good = big.calls == 0;
	}
	shm_free(fx->shm, &hog);
	if (good)
		assert_int_equal(loop_run(fx->loop), 0);
	assert_int_equal(big.calls, 1);
	good = good && big.r.outcome == OUTCOME_OK;
	if (good) {
		assert_int_equal(big.r.body_len, 3000000);
		for (size_t k = 0; k < 3000000; k += 997)
			assert_int_equal(body_of(&big)[k], 'a' + (int)(k % 26));
	}
	got_free(&big);
	return good;
}

static void
large_answers_wait_for_their_share_of_the_arena_and_small_ones_do_not(void **state)
{
	int64_t lost;
	int tries = 0;
	bool good;

	(void)state;
	do {
		lost = lost_time_ms();
		good = one_waits_and_the_other_does_not();
	} while (!good && lost_time_again(lost, 100, &tries));
	assert_true(good);
}

/* false: it ended before it might. */
static bool
held_back_for_longer_than_the_whole_may_take(void)
{
	struct transport_request req = request_to("http", "site.test", "/big");
	struct shm_block hog = {0};
	struct got g;
	bool good;

	req.body_bytes_max = 0;
	req.total_ms = 1500;
	assert_int_equal(shm_alloc(fx->shm, 8 << 20, &hog), 0);
	start(&req, &g);
	run_for(2500);
	good = g.calls == 0;
	shm_free(fx->shm, &hog);
	if (good)
		assert_int_equal(loop_run(fx->loop), 0);
	good = good && g.r.outcome == OUTCOME_OK;
	if (good) {
		assert_int_equal(g.r.body_len, 3000000);
		assert_true(g.r.total_ms >= 2500);
	}
	got_free(&g);
	return good;
}

/* Nor is it the peer's time: what we hold back may come later than the limit of the whole. */
static void
the_time_that_we_hold_an_answer_back_is_not_the_peers(void **state)
{
	struct transport_request req = request_to("http", "site.test", "/big");
	int64_t lost;
	struct got g;
	int tries = 0;
	bool good;

	(void)state;
	do {
		lost = lost_time_ms();
		good = held_back_for_longer_than_the_whole_may_take();
	} while (!good && lost_time_again(lost, 300, &tries));
	assert_true(good);
	req.body_bytes_max = 0;
	req.total_ms = 1500;
	req.rate_bytes_max = 1000000;
	(void)fetch_in_time(&req, OUTCOME_OK, 300, &g);
	assert_int_equal(g.r.outcome, OUTCOME_OK);
	assert_true(g.r.total_ms >= 2000);
	got_free(&g);
	/* What is left of its own time is. */
	req = request_to("http", "site.test", "/stall-in-body");
	req.rate_bytes_max = 1000000;
	req.stall_ms = 0;
	req.total_ms = 300;
	lost = lost_time_ms();
	(void)fetch_in_time(&req, OUTCOME_TRUNCATED, 100, &g);
	assert_int_equal(g.r.outcome, OUTCOME_TRUNCATED);
	assert_in_range(g.r.total_ms, 290, 5000 + lost_time_ms() - lost);
	got_free(&g);
}

static void
an_answer_that_waits_too_long_for_room_is_to_be_asked_for_later(void **state)
{
	struct transport_request req = request_to("http", "site.test", "/big");
	struct shm_block hog = {0};
	int64_t lost;
	struct got g;

	(void)state;
	req.body_bytes_max = 0;
	assert_int_equal(shm_alloc(fx->shm, 8 << 20, &hog), 0);
	lost = lost_time_ms();
	fetch_request(&req, &g);
	assert_int_equal(g.r.outcome, OUTCOME_NONE);
	assert_true(g.r.arena_full);
	assert_string_equal(g.r.error, "no room for the answer");
	assert_in_range(g.r.total_ms, 4900, 15000 + lost_time_ms() - lost);
	got_free(&g);
	shm_free(fx->shm, &hog);
}

static void
many_large_answers_take_turns_until_all_are_there(void **state)
{
	struct transport_request req;
	uint32_t later = 0;
	struct got g[6];

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		char host[32];

		(void)snprintf(host, sizeof(host), "h%zu.test", i);
		req = request_to("http", host, i % 2 == 0 ? "/big" : "/big-close");
		req.body_bytes_max = 4000000;
		start(&req, &g[i]);
	}
	assert_int_equal(loop_run(fx->loop), 0);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(g[i].calls, 1);
		if (g[i].r.arena_full)
			later++;
		if (!g[i].r.arena_full) {
			assert_int_equal(g[i].r.outcome, OUTCOME_OK);
			assert_int_equal(g[i].r.body_len, 3000000);
		}
		for (size_t k = 0; k < g[i].r.body_len; k += 9973)
			assert_int_equal(body_of(&g[i])[k], 'a' + (int)(k % 26));
		got_free(&g[i]);
	}
	/* All may come to hold half of what they need: some give that up, not all. */
	assert_in_range(later, 0, 3);
}

static void
says_how_many_are_slow_to_answer(void **state)
{
	static const char *const paths[] = {
	    "/silent", "/silent", "/stall-in-body", "/plain"};
	struct transport_request req;
	struct transport_id id[4];
	uint32_t mine = 0; /* those of one of two who ask */
	int64_t began = loop_now_ms(fx->loop);
	struct got g[4];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		req = request_to("http", "site.test", paths[i]);
		req.slow_of = i == 1 ? NULL : &mine;
		id[i] = start(&req, &g[i]);
	}
	run_for(100);
	if (loop_now_ms(fx->loop) - began < SILENT_MS)
		assert_int_equal(transport_slow(fx->transport), 0);
	run_for(700);
	/* The third has begun, and the fourth is over, as soon as the server gets its turn. */
	for (int i = 0; i < 500 && (transport_running(fx->transport) != 3 ||
				       transport_slow(fx->transport) != 2);
	     i++)
		run_for(10);
	assert_int_equal(transport_running(fx->transport), 3);
	assert_int_equal(transport_slow(fx->transport), 2);
	assert_int_equal(mine, 1);
	transport_cancel(fx->transport, id[0]);
	assert_int_equal(transport_slow(fx->transport), 1);
	assert_int_equal(mine, 0);
	transport_cancel(fx->transport, id[1]);
	transport_cancel(fx->transport, id[2]);
	assert_int_equal(transport_slow(fx->transport), 0);
	got_free(&g[3]);
	req = request_to("http", "site.test", "/silent");
	req.is_probe = true;
	began = loop_now_ms(fx->loop);
	id[0] = start(&req, &g[0]);
	run_for(100);
	if (loop_now_ms(fx->loop) - began < PROBE_SILENT_MS)
		assert_int_equal(transport_slow(fx->transport), 0);
	run_for(200);
	assert_int_equal(transport_slow(fx->transport), 1);
	transport_cancel(fx->transport, id[0]);
	assert_int_equal(transport_slow(fx->transport), 0);
}

static void
one_that_answers_late_is_slow_until_then(void **state)
{
	struct transport_request req = request_to("http", "site.test", "/late");
	struct transport_id id;
	uint32_t mine = 0;
	struct got g;

	(void)state;
	req.slow_of = &mine;
	id = start(&req, &g);
	for (int i = 0; i < 500 && transport_slow(fx->transport) == 0; i++)
		run_for(10);
	assert_int_equal(transport_slow(fx->transport), 1);
	assert_int_equal(mine, 1);
	let_the_rest_come();
	for (int i = 0; i < 500 && transport_slow(fx->transport) > 0; i++)
		run_for(10);
	assert_int_equal(transport_slow(fx->transport), 0);
	assert_int_equal(mine, 0);
	run_for(700); /* its body stalls: that is something else */
	assert_int_equal(transport_slow(fx->transport), 0);
	transport_cancel(fx->transport, id);
	assert_int_equal(mine, 0);
}

static void
what_stands_between_chunks_counts_as_received(void **state)
{
	static const char *const paths[] = {"/extensions", "/extensions-for-ever"};
	struct got g;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		fetch(paths[i], &g);
		assert_int_equal(g.r.outcome, OUTCOME_TOO_LARGE);
		assert_int_equal(g.r.cut, TRANSPORT_CUT_LENGTH);
		assert_true(g.r.body_len < 1000);
		/* and as much as libcurl reads in one turn */
		assert_in_range(g.r.wire_bytes, BODY_MAX * 3, BODY_MAX * 64);
		assert_string_equal(g.r.error, "more than 3145728 bytes on the wire");
		got_free(&g);
	}
}

static void
bounds_heads(void **state)
{
	struct got g;

	(void)state;
	fetch("/flood/990/10", &g);
	assert_int_equal(g.r.outcome, OUTCOME_OK);
	got_free(&g);
	fetch("/flood/1000/10", &g);
	assert_int_equal(g.r.outcome, OUTCOME_PROTOCOL_ERROR);
	assert_string_equal(g.r.error, "too many header lines");
	got_free(&g);
	fetch("/flood/20/10000", &g);
	assert_int_equal(g.r.outcome, OUTCOME_OK);
	assert_true(g.r.head_len > 200000);
	got_free(&g);
	fetch("/flood/40/10000", &g);
	assert_int_equal(g.r.outcome, OUTCOME_PROTOCOL_ERROR);
	got_free(&g);
	fetch("/flood/1/400000", &g);
	assert_int_equal(g.r.outcome, OUTCOME_PROTOCOL_ERROR);
	assert_string_equal(g.r.error, "a header line of more than 100 KiB");
	got_free(&g);
}

static void
keeps_deadlines(void **state)
{
	static const struct {
		const char *path;
		uint32_t first_byte_ms, stall_ms, total_ms;
		enum outcome outcome;
		enum transport_cut cut;
	} cases[] = {
	    {"/silent", 60, 5000, 9000, OUTCOME_TIMEOUT_FIRST_BYTE, 0},
	    {"/silent", 0, 0, 60, OUTCOME_TIMEOUT_TOTAL, 0},
	    {"/stall-in-head", 5000, 60, 9000, OUTCOME_TIMEOUT_STALL, 0},
	    {"/stall-before-body", 5000, 60, 9000, OUTCOME_TIMEOUT_STALL, 0},
	    {"/stall-in-body", 5000, 60, 9000, OUTCOME_TRUNCATED, TRANSPORT_CUT_TIME},
	    {"/stall-in-body", 1500, 200, 0, OUTCOME_TRUNCATED, TRANSPORT_CUT_TIME},
	    {"/drip", 5000, 2000, 700, OUTCOME_TRUNCATED, TRANSPORT_CUT_TIME},
	};
	struct transport_request req;
	struct got g;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t took, lost = lost_time_ms();

		req = request_to("http", "site.test", cases[i].path);
		req.first_byte_ms = cases[i].first_byte_ms;
		req.stall_ms = cases[i].stall_ms;
		req.total_ms = cases[i].total_ms;
		took = fetch_in_time(&req, cases[i].outcome, 25, &g);
		lost = lost_time_ms() - lost;
		if (g.r.outcome != cases[i].outcome || g.r.cut != cases[i].cut)
			fail_msg("%zu %s: %s (%s)", i, cases[i].path,
			    outcome_name(g.r.outcome), g.r.error);
		assert_in_range(took, 59, 2000 + lost);
		if (cases[i].outcome == OUTCOME_TRUNCATED)
			assert_true(
			    g.r.body_len > 0 && body_of(&g)[g.r.body_len - 1] > ' ');
		got_free(&g);
	}
	/* slow is not stalled */
	req = request_to("http", "site.test", "/slow-but-good");
	req.stall_ms = 350;
	(void)fetch_in_time(&req, OUTCOME_OK, 100, &g);
	assert_int_equal(g.r.outcome, OUTCOME_OK);
	got_free(&g);
}

static void
gives_up_connecting_in_time(void **state)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);
	struct transport_request req = request_to("http", "site.test", "/");
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fds[8];
	int deaf = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct got g;

	(void)state;
	/* A full backlog: connections are neither accepted nor refused. */
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(listen(listener, 0), 0);
	for (int i = 0; i < 8; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)!connect(fds[i], (struct sockaddr *)&at, sizeof(at));
	}
	req.port = ntohs(at.sin_port);
	req.connect_ms = 80;
	req.first_byte_ms = 5000;
	fetch_request(&req, &g);
	assert_int_equal(g.r.outcome, OUTCOME_TIMEOUT_CONNECT);
	assert_in_range(g.r.total_ms, 79, 20000);
	got_free(&g);
	for (int i = 0; i < 8; i++)
		(void)close(fds[i]);
	(void)close(listener);
	/* and nobody there at all: nor can anybody else come to be */
	at.sin_port = 0;
	assert_int_equal(bind(deaf, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(deaf, (struct sockaddr *)&at, &len), 0);
	req.port = ntohs(at.sin_port);
	req.connect_ms = 2000;
	fetch_request(&req, &g);
	assert_int_equal(g.r.outcome, OUTCOME_CONNECT_FAILURE);
	assert_true(addr_eq(&g.r.addr, &req.addr));
	if (strstr(g.r.error, "refused") == NULL)
		fail_msg("%s", g.r.error);
	got_free(&g);
	(void)close(deaf);
}

static void
refuses_addresses_by_policy(void **state)
{
	struct transport_request req = request_to("http", "site.test", "/plain");
	struct got g;

	(void)state;
	req.addr.bytes[3] = 2;
	fetch_request(&req, &g);
	assert_int_equal(g.r.outcome, OUTCOME_DENIED_ADDRESS);
	assert_string_equal(g.r.error, "address 127.0.0.2 is refused: loopback");
	got_free(&g);
	req = request_to("http", "127.0.0.1", "/plain");
	req.addr.bytes[3] = 3;
	fetch_request(&req, &g);
	assert_int_equal(g.r.outcome, OUTCOME_DENIED_ADDRESS);
	got_free(&g);
	req.addr = (struct addr){.family = AF_INET6, .bytes = {[15] = 1}};
	fetch_request(&req, &g);
	assert_int_equal(g.r.outcome, OUTCOME_DENIED_ADDRESS);
	assert_string_equal(g.r.error, "address ::1 is refused: loopback");
	got_free(&g);
	assert_int_equal(http_server_connections(fx->server), 0);
	assert_int_equal(addr_policy_allow(fx->policy, SLICE_LIT("::1"), NULL), 0);
	req.url = slice_cstr("http://six.test/");
	fetch_request(&req, &g);
	assert_int_equal(g.r.outcome, OUTCOME_CONNECT_FAILURE); /* asked, nobody there */
	got_free(&g);
}

static void
can_be_cancelled_at_any_stage(void **state)
{
	static const struct {
		const char *path;
		int64_t after_ms;
	} cases[] = {{"/silent", 0}, {"/silent", 30}, {"/stall-in-head", 30},
	    {"/stall-in-body", 30}, {"/endless", 10}, {"/drip", 50}};
	struct transport_request req;
	struct transport_id id;
	struct got g, other;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		req = request_to("http", "site.test", cases[i].path);
		req.body_bytes_max = 0;
		id = start(&req, &g);
		if (cases[i].after_ms > 0)
			run_for(cases[i].after_ms);
		assert_int_equal(transport_running(fx->transport), 1);
		transport_cancel(fx->transport, id);
		transport_cancel(fx->transport, id);
		fx->waiting--;
		assert_int_equal(transport_running(fx->transport), 0);
		wait_for_blocks();
		run_for(5);
		assert_int_equal(g.calls, 0);
		/* the slot serves another, whom the old id does not hurt */
		req = request_to("http", "site.test", "/plain");
		(void)start(&req, &other);
		transport_cancel(fx->transport, id);
		assert_int_equal(loop_run(fx->loop), 0);
		assert_int_equal(other.r.outcome, OUTCOME_OK);
		got_free(&other);
	}
	transport_cancel(fx->transport, (struct transport_id){.slot = 12345});
}

static void
can_be_cancelled_in_the_callback_of_another(void **state)
{
	struct transport_request req = request_to("http", "127.0.0.1", "/plain");
	struct pair p;

	(void)state;
	/* Both are denied, hence both end in the same turn. */
	req.addr.bytes[3] = 9;
	pair_start_first(&p, &req);
	pair_start_other(&p, &req);
	pair_end(&p);
}

static void
can_be_freed_while_exchanges_run(void **state)
{
	static const char *const paths[] = {
	    "/silent", "/stall-in-body", "/endless", "/plain"};
	static struct got g[4];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct transport_request req = request_to("http", "site.test", paths[i]);

		(void)start(&req, &g[i]);
	}
	run_for(30);
	assert_int_equal(g[0].calls, 0);
	for (size_t i = 0; i < 4; i++)
		got_free(&g[i]);
}

static void
limits_the_rate_of_a_body(void **state)
{
	struct transport_request req = request_to("http", "site.test", "/big");
	struct got g;

	(void)state;
	req.rate_bytes_max = 8000000;
	req.body_bytes_max = 0;
	fetch_request(&req, &g);
	assert_int_equal(g.r.outcome, OUTCOME_OK);
	/* 3 MB, the first of them at once */
	assert_in_range(g.r.total_ms, 200, 20000);
	for (size_t k = 0; k < 3000000; k += 997)
		assert_int_equal(body_of(&g)[k], 'a' + (int)(k % 26));
	got_free(&g);
	req.body_bytes_max = 2000000;
	fetch_request(&req, &g);
	assert_int_equal(g.r.outcome, OUTCOME_TOO_LARGE);
	assert_int_equal(g.r.body_len, 2000000);
	got_free(&g);
	/* waiting for the next byte to be allowed is no stall of the peer's */
	req = request_to("http", "site.test", "/chunked");
	req.rate_bytes_max = 20;
	req.stall_ms = 50;
	(void)fetch_in_time(&req, OUTCOME_OK, 20, &g);
	assert_int_equal(g.r.outcome, OUTCOME_OK);
	assert_string_equal(body_of(&g), "abc0123456789");
	got_free(&g);
}

int
main(void)
{
#define TEST(fn, up) cmocka_unit_test_setup_teardown(fn, up, rig_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(stops_at_the_limit_of_the_body_and_keeps_what_came, rig_setup_plain),
	    TEST(says_so_when_the_arena_is_full, rig_setup_plain),
	    TEST(large_answers_wait_for_their_share_of_the_arena_and_small_ones_do_not,
		setup_shared_arena),
	    TEST(the_time_that_we_hold_an_answer_back_is_not_the_peers,
		setup_shared_arena),
	    TEST(an_answer_that_waits_too_long_for_room_is_to_be_asked_for_later,
		setup_shared_arena),
	    TEST(many_large_answers_take_turns_until_all_are_there, setup_shared_arena),
	    TEST(says_how_many_are_slow_to_answer, rig_setup_plain),
	    TEST(one_that_answers_late_is_slow_until_then, rig_setup_plain),
	    TEST(what_stands_between_chunks_counts_as_received, rig_setup_plain),
	    TEST(bounds_heads, rig_setup_plain),
	    TEST(keeps_deadlines, rig_setup_plain),
	    TEST(gives_up_connecting_in_time, rig_setup_plain),
	    TEST(refuses_addresses_by_policy, rig_setup_plain),
	    TEST(can_be_cancelled_at_any_stage, rig_setup_plain),
	    TEST(can_be_cancelled_in_the_callback_of_another, rig_setup_plain),
	    TEST(can_be_freed_while_exchanges_run, rig_setup_plain),
	    TEST(limits_the_rate_of_a_body, rig_setup_plain),
	};
	int failed = 0;

	for (rig_loops = 1; rig_loops <= 3; rig_loops++)
		failed += cmocka_run_group_tests_name(
		    rig_name("net/transport limits"), tests, NULL, NULL);
	return failed;
}
