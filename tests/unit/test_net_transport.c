#include "net/transport_int.h"
#include "net_transport_rig.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void
makes_of_each_reply_what_is_right(void **state)
{
	struct got g;

	(void)state;
	for (size_t i = 0; i < replies_len; i++) {
		const struct reply *want = &replies[i];
		uint32_t before;

		fetch(want->path, &g);
		if (g.r.outcome != want->outcome || g.r.status != want->status ||
		    g.r.cut != want->cut)
			fail_msg("%s: %s, status %d, cut %d (%s)", want->path,
			    outcome_name(g.r.outcome), g.r.status, g.r.cut, g.r.error);
		if (want->body != NULL && strcmp(body_of(&g), want->body) != 0)
			fail_msg("%s: body '%s'", want->path, body_of(&g));
		assert_int_equal(
		    g.r.body_len, want->body == NULL ? 0 : strlen(want->body));
		assert_int_equal(g.r.error[0] == '\0', want->outcome == OUTCOME_OK);
		assert_false(g.r.arena_full);
		got_free(&g);
		before = http_server_connections(fx->server);
		fetch("/after", &g);
		if (g.r.reused != want->reusable ||
		    http_server_connections(fx->server) != before + !want->reusable)
			fail_msg("%s: reused %d", want->path, g.r.reused);
		assert_string_equal(body_of(&g), "/after");
		got_free(&g);
	}
}

static void
keeps_the_head_as_received_without_interim_ones(void **state)
{
	struct got g;

	(void)state;
	fetch("/interim", &g);
	assert_string_equal(g.text, OK "Content-Length: 1\r\n\r\nx");
	assert_int_equal(g.r.head_len, strlen(g.text) - 1);
	assert_string_equal(g.r.protocol, "http/1.1");
	assert_false(g.r.chunked);
	got_free(&g);
	fetch("/chunked", &g);
	assert_string_equal(g.text, OK "Transfer-Encoding: chunked\r\n\r\nabc0123456789");
	assert_true(g.r.chunked);
	assert_true(g.r.wire_bytes >= strlen(g.text));
	got_free(&g);
	fetch("/http10", &g);
	assert_string_equal(g.r.protocol, "http/1.0");
	got_free(&g);
	fetch("/lf-only", &g);
	assert_string_equal(g.text, "HTTP/1.1 200 OK\nContent-Length: 1\n\nx");
	got_free(&g);
}

static char seen_request[4096];

static void
script_echo(struct peer *p)
{
	char text[64];

	(void)snprintf(seen_request, sizeof(seen_request), "%s", p->request);
	(void)snprintf(text, sizeof(text), OK "Content-Length: 0\r\n\r\n");
	peer_say(p, text);
}

static int
setup_echo(void **state)
{
	return rig_setup(
	    state, (struct transport_conf){0}, http_server_start(script_echo));
}

static void
reports_the_request_byte_for_byte_as_sent(void **state)
{
	static const char *const paths[] = {"/", "/a%20b?c=d%26e&f", "/../x/./y//z",
	    "/%2e%2E/%zz;p=1", "/?", "/??x", "/a'b(c)*!$,~@:=+", "/[x]{y}|z^`",
	    "/%C3%A9"};
	struct got g;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char want[256];

		fetch(paths[i], &g);
		(void)snprintf(want, sizeof(want),
		    "GET %s HTTP/1.1\r\nHost: site.test:%u\r\nUser-Agent: test\r\n"
		    "Accept: */*\r\n\r\n",
		    paths[i], http_server_port(fx->server));
		assert_string_equal(seen_request, want);
		assert_string_equal(g.request, want);
		got_free(&g);
	}
	for (int i = 0; i < 3; i++) {
		struct transport_request req = request_to("http", "site.test", "/h");

		req.method = i == 1 ? TRANSPORT_HEAD : TRANSPORT_GET;
		req.lines_len = 0;
		fetch_request(&req, &g);
		assert_string_equal(seen_request, g.request);
		assert_int_equal(strncmp(g.request, i == 1 ? "HEAD /h" : "GET /h", 6), 0);
		got_free(&g);
	}
}

/* A handle keeps what it had parsed of the last URL: that must not show. */
static void
a_handle_asks_one_authority_after_another(void **state)
{
	static const struct {
		const char *url, *want;
	} cases[] = {
	    {"http://one.test/a#b", "GET /a HTTP/1.1\r\nHost: one.test\r\n"},
	    {"http://one.test?q=1", "GET /?q=1 HTTP/1.1\r\nHost: one.test\r\n"},
	    {"http://one.test", "GET / HTTP/1.1\r\nHost: one.test\r\n"},
	    {"http://one.test:81/%2E", "GET /%2E HTTP/1.1\r\nHost: one.test:81\r\n"},
	    {"http://one.tes/t", "GET /t HTTP/1.1\r\nHost: one.tes\r\n"},
	    {"http://[::1]:8080/", "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n"},
	    {"http://one.test/http://two.test/",
		"GET /http://two.test/ HTTP/1.1\r\nHost: one.test\r\n"},
	    {"http://two.test/", "GET / HTTP/1.1\r\nHost: two.test\r\n"},
	};
	static const char *const bad[] = {
	    "http://a@two.test/", "http://?q", "http://a:99999/", "http://[::1/"};
	struct transport_request req = request_to("http", "site.test", "/");
	struct transport_id id;
	struct got g;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		size_t k = i % (sizeof(cases) / sizeof(cases[0]));

		/* With several loops that is told by the result. */
		req.url = slice_cstr(bad[i % (sizeof(bad) / sizeof(bad[0]))]);
		if (rig_loops == 1 &&
		    transport_start(fx->transport, &req, on_result, NULL, &id) != -EINVAL)
			fail_msg(SLICE_FMT " is taken", SLICE_ARG(req.url));
		req.url = slice_cstr(cases[k].url);
		fetch_request(&req, &g);
		if (strncmp(g.request, cases[k].want, strlen(cases[k].want)) != 0)
			fail_msg("%s: %s", cases[k].url, g.request);
		assert_string_equal(g.request, seen_request);
		got_free(&g);
	}
}

static void
reports_how_it_went(void **state)
{
	struct transport_request req = request_to("http", "127.0.0.1", "/x");
	struct got g;

	(void)state;
	fetch_request(&req, &g);
	assert_int_equal(g.r.outcome, OUTCOME_OK);
	assert_true(addr_eq(&g.r.addr, &req.addr));
	assert_int_equal(g.r.port, req.port);
	assert_false(g.r.reused);
	got_free(&g);
	fetch_request(&req, &g);
	assert_true(g.r.reused);
	assert_true(addr_eq(&g.r.addr, &req.addr));
	assert_int_equal(g.r.connect_ms, 0);
	got_free(&g);
	fetch("/slow-but-good", &g);
	assert_int_equal(g.r.outcome, OUTCOME_OK);
	assert_in_range(g.r.total_ms, 140, 20000);
	assert_true(g.r.first_byte_ms < g.r.total_ms);
	got_free(&g);
}

static void
a_name_has_connections_of_its_own(void **state)
{
	struct transport_request req = request_to("http", "one.test", "/x");
	struct got g;

	(void)state;
	fetch_request(&req, &g);
	got_free(&g);
	req = request_to("http", "two.test", "/x");
	fetch_request(&req, &g);
	assert_false(g.r.reused);
	got_free(&g);
	req = request_to("http", "one.test", "/y");
	fetch_request(&req, &g);
	assert_true(g.r.reused);
	assert_string_equal(body_of(&g), "/y");
	got_free(&g);
	/* nor does another address of the name share them */
	assert_int_equal(
	    addr_policy_allow(fx->policy, SLICE_LIT("127.0.0.0/8"), NULL), 0);
	req.addr.bytes[3] = 2;
	fetch_request(&req, &g);
	assert_int_equal(g.r.outcome, OUTCOME_CONNECT_FAILURE);
	got_free(&g);
}

static void
answers_never_shift_to_another_url(void **state)
{
	static const char *const traps[] = {"/late-excess", "/204-late-body",
	    "/close-later", "/excess", "/excess-of-nothing", "/204-with-body",
	    "/304-with-body"};
	struct got g;

	(void)state;
	for (size_t i = 0; i < sizeof(traps) / sizeof(traps[0]); i++) {
		fetch(traps[i], &g);
		assert_int_equal(g.r.outcome, OUTCOME_OK);
		assert_null(strstr(body_of(&g), "evil"));
		got_free(&g);
		if (i < 3)
			let_the_rest_come();
		for (int k = 0; k < 2; k++) {
			fetch(k == 0 ? "/one" : "/two", &g);
			assert_int_equal(g.r.outcome, OUTCOME_OK);
			assert_string_equal(body_of(&g), k == 0 ? "/one" : "/two");
			got_free(&g);
		}
	}
}

static struct conn *
only_conn(void)
{
	struct conns *c = &fx->transport->conns;
	struct conn *only = NULL;

	for (uint32_t fd = 0; fd < c->cap; fd++)
		if (c->by_fd[fd] != NULL && c->by_fd[fd]->opened) {
			assert_null(only);
			only = c->by_fd[fd];
		}
	assert_non_null(only);
	return only;
}

static void
an_idle_connection_is_listened_to(void **state)
{
	struct got g;

	(void)state;
	if (rig_loops > 1)
		skip(); /* what it looks into is on other threads */
	fetch("/plain", &g);
	got_free(&g);
	assert_int_equal(only_conn()->users, 0);
	assert_false(conn_is_quiet(only_conn(), fx->loop)); /* not known yet */
	for (int i = 0; i < 500 && !conn_is_quiet(only_conn(), fx->loop); i++)
		run_for(5);
	assert_true(conn_is_quiet(only_conn(), fx->loop));
	fetch("/late-excess", &g);
	assert_true(g.r.reused);
	got_free(&g);
	assert_false(only_conn()->tainted);
	let_the_rest_come();
	for (int i = 0; i < 500 && !only_conn()->tainted; i++)
		run_for(10);
	assert_true(only_conn()->tainted);
	assert_false(conn_is_quiet(only_conn(), fx->loop));
}

static void
asks_again_when_a_kept_connection_is_reset(void **state)
{
	struct got g;

	(void)state;
	for (int i = 0; i < 4; i++) {
		fetch("/reset-on-reuse", &g);
		assert_int_equal(g.r.outcome, OUTCOME_OK);
		assert_string_equal(body_of(&g), "first");
		got_free(&g);
	}
	assert_int_equal(http_server_connections(fx->server), 4);
	fetch("/reset", &g);
	assert_int_equal(g.r.outcome, OUTCOME_CONNECT_FAILURE);
	assert_int_not_equal(g.r.error[0], '\0');
	got_free(&g);
	fetch("/reset-in-body", &g);
	assert_int_equal(g.r.outcome, OUTCOME_TRUNCATED);
	assert_int_equal(g.r.cut, TRANSPORT_CUT_DISCONNECT);
	assert_string_equal(body_of(&g), "part");
	got_free(&g);
}

/* Whatever the handle's last one had. */
static void
each_request_has_its_own_lines(void **state)
{
	static const char *const sets[][3] = {{"A: 1", "B: 2"}, {"A: 1", "B: 2"}, {NULL},
	    {NULL}, {"A: 1", "B: 3"}, {"A: 1"}, {"B: 3", "A: 1"}, {"A: 12", "B: 2"},
	    {"A: 1", "B: 2", "C: 3"}, {"A: 1", "B: 2"}};
	struct transport_request req = request_to("http", "site.test", "/plain");
	struct slice lines[3];
	char want[200];
	struct got g;

	(void)state;
	req.lines = lines;
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		size_t len = (size_t)snprintf(want, sizeof(want),
		    "GET /plain HTTP/1.1\r\nHost: site.test:%u\r\nAccept: */*\r\n",
		    req.port);

		req.lines_len = 0;
		for (size_t k = 0; k < 3 && sets[i][k] != NULL; k++) {
			lines[req.lines_len++] = slice_cstr(sets[i][k]);
			len += (size_t)snprintf(
			    want + len, sizeof(want) - len, "%s\r\n", sets[i][k]);
		}
		(void)snprintf(want + len, sizeof(want) - len, "\r\n");
		fetch_request(&req, &g);
		assert_int_equal(g.r.outcome, OUTCOME_OK);
		assert_int_equal(g.r.reused, i > 0);
		assert_string_equal(g.request, want);
		got_free(&g);
	}
}

static bool
is_refused(struct transport_request req)
{
	struct transport_id id;
	int r = transport_start(fx->transport, &req, on_result, NULL, &id);

	if (r == 0)
		transport_cancel(fx->transport, id);
	return r == -EINVAL;
}

/* They were refused, or so long that their room was given back. */
static void
lines_that_are_gone_are_told_anew(void **state)
{
	enum { LONG = 2 * HEAD_KEPT_BYTES };
	struct transport_request req = request_to("http", "site.test", "/plain");
	struct slice lines[] = {SLICE_LIT("A: 1"), SLICE_LIT("B: 2")};
	char *text = malloc(LONG);
	struct buf want;
	struct got g;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', LONG);
	memcpy(text, "B: ", 3);
	buf_init(&want, 2 * LONG);
	req.lines = lines;
	req.lines_len = 2;
	for (int i = 0; i < 8; i++) {
		static const char bad[] = "B: 2\n";

		lines[1] = slice_of(bad, sizeof(bad) - 1);
		if (i % 2 == 0)
			assert_true(is_refused(req));
		lines[1] = i / 2 % 2 == 0 ? SLICE_LIT("B: 2") : slice_of(text, LONG);
		buf_clear(&want);
		assert_int_equal(buf_printf(&want,
				     "GET /plain HTTP/1.1\r\nHost: site.test:%u\r\n"
				     "Accept: */*\r\nA: 1\r\n",
				     req.port),
		    0);
		assert_int_equal(buf_add_slice(&want, lines[1]), 0);
		assert_int_equal(buf_add_cstr(&want, "\r\n\r\n"), 0);
		fetch_request(&req, &g);
		assert_int_equal(g.r.outcome, OUTCOME_OK);
		assert_string_equal(g.request, buf_cstr(&want));
		got_free(&g);
	}
	buf_release(&want);
	free(text);
}

/* Wherever it stands. */
static void
bytes_that_would_end_a_line_are_refused(void **state)
{
	static const char bad[] = {'\0', '\n', '\r', '\t', 0x1f, 0x7f};
	char url[] = "http://site.test/123456789", text[] = "Name: 0123456789 \x80\xff";
	size_t path = strlen("http://site.test/"), name = strlen("Name:");
	struct transport_request req = request_to("http", "site.test", "/");
	struct slice line = slice_cstr(text);

	(void)state;
	req.url = slice_cstr(url);
	req.lines = &line;
	req.lines_len = 1;
	assert_false(is_refused(req));
	for (size_t i = 0; i < sizeof(bad); i++) {
		for (size_t at = path; at < req.url.len; at++) {
			char was = url[at];

			url[at] = bad[i];
			assert_true(is_refused(req));
			url[at] = was;
		}
		for (size_t at = name; at < line.len; at++) {
			char was = text[at];

			text[at] = bad[i];
			assert_true(is_refused(req));
			text[at] = was;
		}
	}
	for (size_t at = path; at < req.url.len; at++) {
		char was = url[at];

		url[at] = ' ';
		assert_true(is_refused(req));
		url[at] = (char)0x80;
		assert_true(is_refused(req));
		url[at] = was;
	}
	assert_false(is_refused(req));
}

static void
head_requests_have_no_body(void **state)
{
	struct transport_request req = request_to("http", "site.test", "/anything");
	struct got g;

	(void)state;
	for (int i = 0; i < 4; i++) {
		req.method = i % 2 == 0 ? TRANSPORT_HEAD : TRANSPORT_GET;
		fetch_request(&req, &g);
		assert_int_equal(g.r.outcome, OUTCOME_OK);
		assert_int_equal(g.r.body_len, i % 2 == 0 ? 0 : strlen("/anything"));
		assert_int_equal(g.r.reused, i > 0);
		got_free(&g);
	}
}

static void
refuses_requests_that_would_say_something_else(void **state)
{
	static const char *const urls[] = {"", "ftp://site.test/", "file:///etc/passwd",
	    "http://site.test/a b", "http://site.test/a\r\nX: y",
	    "http://user:pw@site.test/", "http://", "http://site.test/\xc3\xa9",
	    "site.test/"};
	static const char *const bad_lines[] = {
	    "", "no colon", ": x", "A: b\r\nC: d", "A: b\nC: d"};
	struct transport_request req = request_to("http", "site.test", "/plain");
	struct transport_request good = req;
	struct transport_id id;
	struct slice line;

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		req.url = slice_cstr(urls[i]);
		assert_int_equal(
		    transport_start(fx->transport, &req, on_result, NULL, &id), -EINVAL);
	}
	req = good;
	req.lines = &line;
	req.lines_len = 1;
	for (size_t i = 0; i < sizeof(bad_lines) / sizeof(bad_lines[0]); i++) {
		line = slice_cstr(bad_lines[i]);
		assert_int_equal(
		    transport_start(fx->transport, &req, on_result, NULL, &id), -EINVAL);
	}
	req = good;
	req.addr.family = 0;
	assert_int_equal(
	    transport_start(fx->transport, &req, on_result, NULL, &id), -EINVAL);
	assert_int_equal(transport_running(fx->transport), 0);
}

static void
serves_many_at_once(void **state)
{
	enum { MANY = 200 };
	struct got *g = calloc(MANY, sizeof(*g));

	(void)state;
	assert_non_null(g);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < MANY; i++) {
			char host[32], path[32];
			struct transport_request req;

			(void)snprintf(host, sizeof(host), "h%d.test", i % 20);
			(void)snprintf(path, sizeof(path), "/page-%d-%d", round, i);
			req = request_to("http", host, path);
			(void)start(&req, &g[i]);
		}
		assert_int_equal(transport_running(fx->transport), MANY);
		assert_int_equal(loop_run(fx->loop), 0);
		for (int i = 0; i < MANY; i++) {
			char path[32];

			(void)snprintf(path, sizeof(path), "/page-%d-%d", round, i);
			assert_int_equal(g[i].calls, 1);
			assert_int_equal(g[i].r.outcome, OUTCOME_OK);
			assert_string_equal(body_of(&g[i]), path);
			got_free(&g[i]);
		}
		assert_int_equal(transport_running(fx->transport), 0);
	}
	free(g);
}

/* One page of each of so many hosts, one after the other. */
static void
visit(int hosts)
{
	for (int i = 0; i < hosts; i++) {
		struct transport_request req;
		struct got g;
		char host[32];

		(void)snprintf(host, sizeof(host), "h%d.test", i);
		req = request_to("http", host, "/x");
		fetch_request(&req, &g);
		assert_int_equal(g.r.outcome, OUTCOME_OK);
		got_free(&g);
	}
}

static void
keeps_about_as_many_connections_as_it_is_told(void **state)
{
	int hosts = 50 * MULTIS * (int)rig_loops;
	uint32_t was;

	(void)state;
	visit(12);
	visit(12);
	assert_int_equal(http_server_connections(fx->server), 12);
	transport_set_connections_max(fx->transport, 6);
	visit(hosts);
	was = http_server_connections(fx->server);
	/* The oldest goes first, which is the one that would have been next. */
	visit(hosts);
	assert_in_range(http_server_connections(fx->server) - was, hosts * 3 / 4, hosts);
}

static void
a_handle_that_has_opened_many_connections_is_replaced(void **state)
{
	struct multi *was[MULTIS];
	int replaced = 0;

	(void)state;
	if (rig_loops > 1)
		skip(); /* what it looks into is on other threads */
	memcpy(was, fx->transport->multis, sizeof(was));
	transport_set_connections_max(fx->transport, 6);
	visit(MULTIS * MULTI_OPENED_MAX + MULTIS);
	for (size_t i = 0; i < MULTIS; i++)
		replaced += fx->transport->multis[i] != was[i];
	assert_true(replaced > 0);
	for (int i = 0; i < 500 && !list_is_empty(&fx->transport->retired); i++)
		run_for(10);
	assert_true(list_is_empty(&fx->transport->retired)); /* they have gone */
}

static void
few_replaced_handles_wait_for_requests_that_take_long(void **state)
{
	enum { ROUNDS = 5, EACH = 16 };
	static struct got g[ROUNDS * EACH];
	struct transport_id ids[ROUNDS * EACH];
	uint32_t len = 0;

	(void)state;
	if (rig_loops > 1)
		skip(); /* what it looks into is on other threads */
	for (int i = 0; i < ROUNDS * EACH; i++) {
		struct transport_request req;
		char host[32];

		/* Each of them is due to be replaced. */
		for (size_t k = 0; k < MULTIS && i % EACH == 0; k++)
			fx->transport->multis[k]->opened = MULTI_OPENED_MAX;
		(void)snprintf(host, sizeof(host), "host%d.test", i);
		req = request_to("http", host, "/silent");
		ids[i] = start(&req, &g[i]);
		if (i % EACH == EACH - 1)
			run_for(10); /* those that nobody is at are gone */
	}
	list_foreach (at, &fx->transport->retired)
		len++;
	assert_int_equal(len, MULTIS_RETIRED_MAX);
	for (int i = 0; i < ROUNDS * EACH; i++)
		transport_cancel(fx->transport, ids[i]);
	for (int i = 0; i < 500 && !list_is_empty(&fx->transport->retired); i++)
		run_for(10);
	assert_true(list_is_empty(&fx->transport->retired));
	assert_int_equal(fx->transport->retired_len, 0);
}

static void
looks_after_what_libcurl_forgets_once_a_second(void **state)
{
	struct transport_request req = request_to("http", "site.test", "/silent");
	struct transport_id silent;
	int64_t began;
	struct got g[2];

	(void)state;
	if (rig_loops > 1)
		skip(); /* what it looks into is on other threads */
	/* It asks for no call any more: neither at once, to begin, nor later. */
	for (size_t i = 0; i < MULTIS; i++)
		assert_int_equal(curl_multi_setopt(fx->transport->multis[i]->m,
				     CURLMOPT_TIMERFUNCTION, NULL),
		    CURLM_OK);
	began = loop_now_ms(fx->loop);
	silent = start(&req, &g[0]);
	while (http_server_connections(fx->server) == 0) {
		run_for(10);
		assert_true(loop_now_ms(fx->loop) - began < 60000);
	}
	assert_true(loop_now_ms(fx->loop) - began >= 900);
	/* The next time is a second after this one came, or before. */
	req = request_to("http", "other.test", "/x");
	(void)start(&req, &g[1]);
	while (g[1].calls == 0) {
		run_for(10);
		assert_true(loop_now_ms(fx->loop) - began < 120000);
	}
	transport_cancel(fx->transport, silent);
	got_free(&g[1]);
}

static void
says_what_is_wrong_with_its_settings(void **state)
{
	struct transport_conf conf = {.ca_file = "/nonexistent/ca.pem"};
	struct rig *f = *state;
	struct transport *t;
	struct why why;

	conf.shm = f->shm;
	conf.policy = f->policy;
	assert_int_equal(transport_new(f->loop, &conf, &t, &why), -ENOENT);
	assert_non_null(strstr(why.text, "/nonexistent/ca.pem"));
	conf = (struct transport_conf){.shm = f->shm, .policy = f->policy, .http = 3};
	assert_int_equal(transport_new(f->loop, &conf, &t, &why), -EINVAL);
	transport_set_connections_max(f->transport, 4);
	transport_free(NULL);
}

static void
the_environment_has_no_say(void **state)
{
	struct got g;

	(void)state;
	assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	assert_int_equal(setenv("all_proxy", "http://127.0.0.1:1", 1), 0);
	fetch("/plain", &g);
	assert_int_equal(g.r.outcome, OUTCOME_OK);
	got_free(&g);
	(void)unsetenv("http_proxy");
	(void)unsetenv("all_proxy");
}

/* ---- proxies ---- */

static struct proxy proxy;
static char proxy_url[64], proxy_user[] = "me", proxy_pass[] = "p:w";

static void
script_proxy(struct peer *p)
{
	(void)snprintf(seen_request, sizeof(seen_request), "%s", p->request);
	if (strstr(p->request, "http://wants-login.test/") != NULL ||
	    strncmp(p->request, "CONNECT wants-login.test:", 25) == 0)
		peer_say(p, "HTTP/1.1 407 No\r\nContent-Length: 5\r\n\r\nlogin");
	else if (strncmp(p->request, "CONNECT ", 8) == 0)
		peer_say(p, "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
	else
		peer_say(p, OK "Content-Length: 0\r\n\r\n");
}

static int
setup_proxy(void **state)
{
	struct http_server *server = http_server_start(script_proxy);

	(void)snprintf(proxy_url, sizeof(proxy_url), "http://127.0.0.1:%u",
	    http_server_port(server));
	proxy = (struct proxy){.url = proxy_url};
	return rig_setup(state, (struct transport_conf){0}, server);
}

static struct transport_request
proxy_request(const char *url)
{
	struct transport_request req = request_to("http", "site.test", "/x");

	req.url = slice_cstr(url);
	req.addr = (struct addr){0};
	req.proxy = &proxy;
	return req;
}

static void
goes_through_a_proxy_that_was_asked_for(void **state)
{
	struct transport_request req = proxy_request("http://site.test/x?y");
	struct got g;

	(void)state;
	fetch_request(&req, &g);
	assert_int_equal(g.r.outcome, OUTCOME_OK);
	assert_int_equal(g.r.addr.family, 0); /* that is the proxy's to know */
	assert_int_equal(
	    strncmp(seen_request,
		"GET http://site.test/x?y HTTP/1.1\r\nHost: site.test\r\n", 52),
	    0);
	assert_null(strstr(seen_request, "Proxy-Authorization"));
	got_free(&g);
	req.addr = (struct addr){.family = AF_INET, .bytes = {10, 0, 0, 1}};
	fetch_request(&req, &g);
	assert_int_equal(g.r.outcome, OUTCOME_DENIED_ADDRESS);
	got_free(&g);
}

static void
other_credentials_get_another_handle(void **state)
{
	struct proxy named = {.url = proxy_url, .user = proxy_user, .pass = proxy_pass};
	struct transport_request req = proxy_request("http://site.test/x");
	struct got g;

	(void)state;
	for (int i = 0; i < 6; i++) {
		req = i % 3 == 2 ? request_to("http", "site.test", "/x")
				 : proxy_request("http://site.test/x");
		if (i % 3 == 1)
			req.proxy = &named;
		fetch_request(&req, &g);
		assert_int_equal(g.r.outcome, OUTCOME_OK);
		assert_int_equal(
		    strstr(seen_request, "\r\nProxy-Authorization: Basic bWU6cDp3\r\n") !=
			NULL,
		    i % 3 == 1);
		assert_int_equal(strncmp(seen_request, "GET /x ", 7) == 0, i % 3 == 2);
		got_free(&g);
	}
}

static void
a_proxy_that_refuses_is_told_as_such(void **state)
{
	static const struct {
		const char *url, *said;
		int status;
	} cases[] = {
	    {"http://wants-login.test/", "wants other credentials (407)", 407},
	    {"https://wants-login.test/", "wants other credentials (407)", 407},
	    {"https://site.test/", "makes no tunnel there (403)", 0},
	};
	struct slice secret[] = {SLICE_LIT("Authorization: secret")};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct transport_request req = proxy_request(cases[i].url);
		struct got g;

		req.lines = secret;
		req.lines_len = 1;
		fetch_request(&req, &g);
		assert_int_equal(g.r.outcome, OUTCOME_CONNECT_FAILURE);
		assert_int_equal(g.r.status, cases[i].status);
		assert_int_equal(g.r.block.cap, 0);
		if (strstr(g.r.error, cases[i].said) == NULL ||
		    strstr(g.r.error, proxy_url) == NULL)
			fail_msg("%s", g.r.error);
		/* The server's lines are not for who makes the tunnel. */
		assert_int_equal(strstr(seen_request, "secret") == NULL, i > 0);
		got_free(&g);
	}
}

static void
a_proxy_that_is_not_there_is_told_as_such(void **state)
{
	static const char *const urls[] = {"http://127.0.0.1:1", "socks5h://127.0.0.1:1",
	    "https://127.0.0.1:1", "http://nonexistent.invalid:1"};

	static struct proxy nones[4]; /* a handle stays with its proxy */

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct transport_request req = proxy_request("http://site.test/");
		struct got g;
		struct proxy none = {.url = strdup(urls[i])};
		char want[128];

		(void)snprintf(want, sizeof(want), "cannot reach proxy %s: ", urls[i]);
		req.proxy = &nones[i];
		nones[i] = none;
		fetch_request(&req, &g);
		assert_int_equal(g.r.outcome, OUTCOME_CONNECT_FAILURE);
		if (strncmp(g.r.error, want, strlen(want)) != 0)
			fail_msg("%s", g.r.error);
		got_free(&g);
		free(none.url);
	}
}

int
main(void)
{
#define TEST(fn, up) cmocka_unit_test_setup_teardown(fn, up, rig_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(makes_of_each_reply_what_is_right, rig_setup_plain),
	    TEST(keeps_the_head_as_received_without_interim_ones, rig_setup_plain),
	    TEST(reports_the_request_byte_for_byte_as_sent, setup_echo),
	    TEST(a_handle_asks_one_authority_after_another, setup_echo),
	    TEST(reports_how_it_went, rig_setup_plain),
	    TEST(a_name_has_connections_of_its_own, rig_setup_plain),
	    TEST(answers_never_shift_to_another_url, rig_setup_plain),
	    TEST(an_idle_connection_is_listened_to, rig_setup_plain),
	    TEST(asks_again_when_a_kept_connection_is_reset, rig_setup_plain),
	    TEST(head_requests_have_no_body, rig_setup_plain),
	    TEST(refuses_requests_that_would_say_something_else, rig_setup_plain),
	    TEST(each_request_has_its_own_lines, rig_setup_plain),
	    TEST(lines_that_are_gone_are_told_anew, rig_setup_plain),
	    TEST(bytes_that_would_end_a_line_are_refused, rig_setup_plain),
	    TEST(serves_many_at_once, rig_setup_plain),
	    TEST(keeps_about_as_many_connections_as_it_is_told, rig_setup_plain),
	    TEST(a_handle_that_has_opened_many_connections_is_replaced, rig_setup_plain),
	    TEST(few_replaced_handles_wait_for_requests_that_take_long, rig_setup_plain),
	    TEST(looks_after_what_libcurl_forgets_once_a_second, rig_setup_plain),
	    TEST(says_what_is_wrong_with_its_settings, rig_setup_plain),
	    TEST(the_environment_has_no_say, rig_setup_plain),
	    TEST(goes_through_a_proxy_that_was_asked_for, setup_proxy),
	    TEST(other_credentials_get_another_handle, setup_proxy),
	    TEST(a_proxy_that_refuses_is_told_as_such, setup_proxy),
	    TEST(a_proxy_that_is_not_there_is_told_as_such, setup_proxy),
	};
	int failed = 0;

	for (rig_loops = 1; rig_loops <= 3; rig_loops++)
		failed += cmocka_run_group_tests_name(
		    rig_name("net/transport"), tests, NULL, NULL);
	return failed;
}
