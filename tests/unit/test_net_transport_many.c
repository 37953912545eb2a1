/* What is only so when exchanges are on loops of their own. */
#include "net_transport_rig.h"
#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static int threads_left = -1; /* until one cannot be started; <0: all can */

int __real_pthread_create(
    pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *), void *arg);
int __wrap_pthread_create(
    pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *), void *arg);

int
__wrap_pthread_create(
    pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	if (threads_left >= 0 && threads_left-- == 0)
		return EAGAIN;
	return __real_pthread_create(t, attr, fn, arg);
}

/* A turn of theirs that does not end for so long. */
static _Atomic long hang_ms;

CURLMcode __real_curl_multi_socket_action(
    CURLM *m, curl_socket_t fd, int events, int *running);
CURLMcode __wrap_curl_multi_socket_action(
    CURLM *m, curl_socket_t fd, int events, int *running);

CURLMcode
__wrap_curl_multi_socket_action(CURLM *m, curl_socket_t fd, int events, int *running)
{
	for (; hang_ms > 0; hang_ms--)
		(void)usleep(1000);
	return __real_curl_multi_socket_action(m, fd, events, running);
}

/* The first loop does nothing meanwhile, the others do. */
static void
stand_still(long ms)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	(void)nanosleep(&ts, NULL);
}

/* Until the others have something for it, most likely the result. */
static void
stand_still_until_it_came(void)
{
	for (int i = 0; i < 6000 && shm_used_bytes(fx->shm) == 0; i++)
		stand_still(10);
	assert_int_not_equal(shm_used_bytes(fx->shm), 0);
	stand_still(20);
}

static void
read_line(const char *task, const char *file, const char *key, char *ret, int ret_max)
{
	char path[320];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%s/%s", task, file);
	f = fopen(path, "re");
	ret[0] = '\0';
	while (f != NULL && fgets(ret, ret_max, f) != NULL)
		if (strncmp(ret, key, strlen(key)) == 0)
			break;
	if (f != NULL)
		(void)fclose(f);
}

/* How many of this process' threads are loops of a transport; none takes a signal. */
static uint32_t
loops_that_run(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *d;
	char line[256];
	uint32_t n = 0;

	assert_non_null(dir);
	while ((d = readdir(dir)) != NULL) {
		unsigned long long blocked;

		read_line(d->d_name, "comm", "trawl-loop-", line, sizeof(line));
		if (strncmp(line, "trawl-loop-", 11) != 0)
			continue;
		n++;
		read_line(d->d_name, "status", "SigBlk:", line, sizeof(line));
		blocked = strtoull(line + strlen("SigBlk:"), NULL, 16);
		assert_true((blocked & 1ull << (SIGTERM - 1)) != 0);
		assert_true((blocked & 1ull << (SIGINT - 1)) != 0);
	}
	(void)closedir(dir);
	return n;
}

/* Once they are so many: they name themselves, and one that was joined may still be listed. */
static uint32_t
loops_once(uint32_t n)
{
	for (int i = 0; i < 500 && loops_that_run() != n; i++)
		run_for(10);
	return loops_that_run();
}

/* Those of the rig. */
static uint32_t
loops_once_named(void)
{
	return loops_once(rig_loops - 1);
}

static void
as_many_threads_run_as_loops_were_asked_for_but_one(void **state)
{
	(void)state;
	assert_int_equal(loops_once_named(), rig_loops - 1);
}

static void
without_a_thread_there_is_no_transport_and_nothing_is_left(void **state)
{
	struct transport_conf conf = {
	    .shm = fx->shm, .policy = fx->policy, .connections_max = 4, .loops = 4};
	uint32_t before;
	struct transport *t;
	struct why why = {""};

	(void)state;
	before = loops_once_named();
	for (int n = 0; n < 3; n++) {
		threads_left = n;
		assert_int_equal(transport_new(fx->loop, &conf, &t, &why), -EAGAIN);
		assert_non_null(strstr(why.text, "cannot start a thread"));
		threads_left = -1;
		assert_int_equal(loops_once(before), before);
	}
	assert_int_equal(transport_new(fx->loop, &conf, &t, &why), 0);
	transport_free(t);
}

static void
when_all_is_answered_nothing_is_left_to_wait_for(void **state)
{
	struct got g;

	(void)state;
	assert_int_equal(loop_run(fx->loop), -EDEADLK);
	fetch("/plain", &g);
	got_free(&g);
	assert_int_equal(loop_run(fx->loop), -EDEADLK);
}

static void
a_result_on_its_way_can_be_cancelled(void **state)
{
	struct transport_request req = request_to("http", "site.test", "/plain");
	struct transport_id id;
	struct got g;

	(void)state;
	for (int i = 0; i < 5; i++) {
		id = start(&req, &g);
		stand_still_until_it_came();
		transport_cancel(fx->transport, id);
		fx->waiting--;
		assert_int_equal(transport_running(fx->transport), 0);
		wait_for_blocks();
		run_for(5);
		assert_int_equal(g.calls, 0);
	}
	/* nor does it matter when nobody cancels it, but all is freed */
	(void)start(&req, &g);
	stand_still_until_it_came();
}

static void
a_callback_cancels_one_that_came_with_it(void **state)
{
	struct transport_request req = request_to("http", "site.test", "/plain");
	struct pair p;

	(void)state;
	pair_start_first(&p, &req);
	stand_still_until_it_came();
	pair_start_other(&p, &req);
	stand_still(100); /* both have come when the first is delivered */
	pair_end(&p);
}

static void
a_loop_that_hangs_is_not_alive_and_is_waited_for_at_the_end(void **state)
{
	struct transport_request req = request_to("http", "site.test", "/plain");
	struct got g;
	bool alive = false;

	(void)state;
	assert_true(transport_is_alive(fx->transport));
	for (int i = 0; i < 6000 && !alive; i++) {
		stand_still(10);
		alive = transport_is_alive(fx->transport);
	}
	assert_true(alive);
	stand_still(50);
	hang_ms = 5000;
	(void)start(&req, &g);
	stand_still(100);
	(void)transport_is_alive(fx->transport);
	stand_still(200);
	assert_false(transport_is_alive(fx->transport));
	hang_ms = 1;
	assert_int_equal(loop_run(fx->loop), 0);
	assert_int_equal(g.r.outcome, OUTCOME_OK);
	got_free(&g);
}

static void
what_only_libcurl_finds_wrong_is_told_by_a_result(void **state)
{
	struct transport_request req = request_to("http", "site.test", "/plain");
	struct got g;

	(void)state;
	req.url = SLICE_LIT("http://[::1/");
	(void)start(&req, &g);
	assert_int_equal(loop_run(fx->loop), 0);
	assert_int_equal(g.r.outcome, OUTCOME_BAD_URL);
	assert_string_not_equal(g.r.error, "");
	got_free(&g);
}

struct storm {
	struct got got;
	struct transport_id id;
	bool cancel, cancelled;
	uint32_t calls; /* before it was cancelled */
};

static void
storm_cancel(struct storm *s)
{
	transport_cancel(fx->transport, s->id);
	if (!s->cancelled)
		s->calls = s->got.calls;
	s->cancelled = true;
}

/* Some are cancelled before they begin, some under way, some that have ended; the others
 * are answered, each once, with what was asked for. */
static void
any_may_be_cancelled_at_any_time(void **state)
{
	static const char *const paths[] = {
	    "/plain", "/silent", "/chunked", "/drip", "/big"};
	enum { MANY = 240, ROUNDS = 6 };
	struct storm *s = calloc(MANY, sizeof(*s));
	uint32_t seed = 7;

	(void)state;
	assert_non_null(s);
	for (int round = 0; round < ROUNDS; round++) {
		for (uint32_t i = 0; i < MANY; i++) {
			const char *path = paths[i % 5];
			struct transport_request req;
			char host[32];

			(void)snprintf(host, sizeof(host), "h%u.test", i % 17);
			req = request_to("http", host, path);
			req.connect_ms = req.first_byte_ms = req.stall_ms = req.total_ms =
			    0;
			s[i].id = start(&req, &s[i].got);
			seed = seed * 1664525 + 1013904223;
			s[i].cancel = i % 5 == 1 || i % 5 == 3 || (seed >> 20) % 3 == 0;
			s[i].cancelled = false;
			if (s[i].cancel && (seed >> 12) % 4 == 0)
				storm_cancel(&s[i]);
		}
		for (int ms = 0; ms < 4; ms++) {
			stand_still(ms % 2);
			run_for(1);
			for (uint32_t i = 0; i < MANY; i++) {
				seed = seed * 1664525 + 1013904223;
				if (s[i].cancel && (seed >> 20) % 3 == 0)
					storm_cancel(&s[i]);
			}
		}
		for (uint32_t i = 0; i < MANY; i++)
			if (s[i].cancel)
				storm_cancel(&s[i]);
		while (transport_running(fx->transport) > 0)
			run_for(2);
		wait_for_blocks();
		for (uint32_t i = 0; i < MANY; i++) {
			assert_int_equal(s[i].got.calls, s[i].cancelled ? s[i].calls : 1);
			if (s[i].got.calls == 0 || i % 5 != 0)
				continue;
			if (s[i].got.r.outcome != OUTCOME_OK)
				fail_msg("%s: %s", outcome_name(s[i].got.r.outcome),
				    s[i].got.r.error);
			assert_string_equal(body_of(&s[i].got), "hello");
		}
		for (uint32_t i = 0; i < MANY; i++)
			got_free(&s[i].got);
		fx->waiting = 0;
	}
	free(s);
}

static void
an_authority_has_its_connections_on_one_loop(void **state)
{
	struct got g;

	(void)state;
	for (int i = 0; i < 60; i++) {
		struct transport_request req;
		char host[32], path[32];

		(void)snprintf(host, sizeof(host), "h%d.test", i % 6);
		(void)snprintf(path, sizeof(path), "/p%d?http://x@y/", i);
		req = request_to("http", host, path);
		fetch_request(&req, &g);
		assert_int_equal(g.r.outcome, OUTCOME_OK);
		assert_int_equal(g.r.reused, i >= 6);
		assert_string_equal(body_of(&g), path);
		got_free(&g);
	}
	assert_int_equal(http_server_connections(fx->server), 6);
	assert_in_range(transport_lag_us_take(fx->transport), 1, 60000000);
}

int
main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, rig_setup_plain, rig_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(as_many_threads_run_as_loops_were_asked_for_but_one),
	    TEST(without_a_thread_there_is_no_transport_and_nothing_is_left),
	    TEST(when_all_is_answered_nothing_is_left_to_wait_for),
	    TEST(a_result_on_its_way_can_be_cancelled),
	    TEST(a_callback_cancels_one_that_came_with_it),
	    TEST(a_loop_that_hangs_is_not_alive_and_is_waited_for_at_the_end),
	    TEST(what_only_libcurl_finds_wrong_is_told_by_a_result),
	    TEST(any_may_be_cancelled_at_any_time),
	    TEST(an_authority_has_its_connections_on_one_loop),
	};
	int failed = 0;

	for (rig_loops = 2; rig_loops <= 16; rig_loops += rig_loops == 3 ? 13 : 1)
		failed += cmocka_run_group_tests_name(
		    rig_name("net/transport many"), tests, NULL, NULL);
	return failed;
}
