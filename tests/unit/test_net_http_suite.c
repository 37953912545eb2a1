/* The replies of curl's own tests, served by the suite's server: what becomes of them. */
#include "base/buf.h"
#include "net/transport.h"
#include "suite.h"
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct rig {
	struct loop *loop;
	struct shm *shm;
	struct addr_policy *policy;
	struct transport *transport;
	uint16_t port;
	pid_t server;
	/* of the last request */
	enum outcome outcome;
	int status;
	struct buf body;
	char error[160];
};

/* ---- the server ---- */

static uint16_t
free_port(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	(void)close(fd);
	return ntohs(at.sin_port);
}

static bool
is_listening(uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	good = connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
	(void)close(fd);
	return good;
}

static bool
server_start(struct rig *g)
{
	const char *dir = getenv("TRAWL_SUITES");
	char path[4096], port[8];

	g->port = free_port();
	(void)snprintf(
	    path, sizeof(path), "%s/http/http_replay.py", dir != NULL ? dir : SUITES_DIR);
	(void)snprintf(port, sizeof(port), "%u", g->port);
	g->server = fork();
	assert_true(g->server >= 0);
	if (g->server == 0) {
		(void)execlp("python3", "python3", path, port, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 3000; i++) {
		if (is_listening(g->port))
			return true;
		if (waitpid(g->server, NULL, WNOHANG) == g->server)
			break;
		(void)usleep(20000);
	}
	return false;
}

static void
server_stop(struct rig *g)
{
	(void)kill(g->server, SIGTERM);
	(void)waitpid(g->server, NULL, 0);
}

/* ---- requests ---- */

static void
on_result(void *ctx, struct transport_result *r)
{
	struct rig *g = ctx;

	g->outcome = r->outcome;
	g->status = r->status;
	memcpy(g->error, r->error, sizeof(g->error));
	buf_clear(&g->body);
	if (r->block.cap > 0) {
		assert_int_equal(
		    buf_add(
			&g->body, shm_ptr(g->shm, &r->block) + r->head_len, r->body_len),
		    0);
		shm_free(g->shm, &r->block);
	}
	loop_stop(g->loop);
}

static void
fetch(struct rig *g, struct slice target, uint64_t body_bytes_max)
{
	char url[16384];
	struct transport_request req = {
	    .addr = {.family = AF_INET, .bytes = {127, 0, 0, 1}},
	    .port = g->port,
	    .connect_ms = 60000,
	    .first_byte_ms = 60000,
	    .stall_ms = 60000,
	    .total_ms = 60000,
	    .body_bytes_max = body_bytes_max,
	};
	struct transport_id id;

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u" SLICE_FMT, g->port,
	    (int)target.len, target.ptr);
	req.url = slice_cstr(url);
	g->outcome = OUTCOME_BAD_URL;
	(void)snprintf(g->error, sizeof(g->error), "not started");
	if (transport_start(g->transport, &req, on_result, g, &id) == 0)
		assert_int_equal(loop_run(g->loop), 0);
}

/* ---- what the suite expects, in our words ---- */

static bool
outcome_fits(enum outcome got, const char *want)
{
	if (strcmp(want, "ok") == 0 || strcmp(want, "too_many_redirects") == 0)
		return got == OUTCOME_OK;
	if (strcmp(want, "truncated_body") == 0)
		return got == OUTCOME_TRUNCATED;
	if (strcmp(want, "too_large") == 0)
		return got == OUTCOME_TOO_LARGE;
	if (strcmp(want, "bad_reply_or_reset") == 0)
		return got == OUTCOME_PROTOCOL_ERROR || got == OUTCOME_TRUNCATED;
	/* empty_reply, malformed_reply, unsupported_scheme (it means HTTP/0.9), ... */
	return got == OUTCOME_PROTOCOL_ERROR;
}

static bool
body_fits(const struct rig *g, const char *base64)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t bits = 0, n = 0;
	size_t len = 0;

	for (const char *p = base64; *p != '\0' && *p != '='; p++) {
		const char *digit = strchr(digits, *p);

		assert_non_null(digit);
		bits = bits << 6 | (uint32_t)(digit - digits);
		if (++n % 4 == 1)
			continue;
		if (len >= g->body.len ||
		    (uint8_t)g->body.ptr[len] != (uint8_t)(bits >> (4 - n % 4) * 2 % 8))
			return false;
		len++;
	}
	return len == g->body.len;
}

/* "GET /path HTTP/1.1" -> "/path" */
static struct slice
target_of(json_t *line)
{
	struct slice rest = slice_of(json_string_value(line), json_string_length(line));
	struct slice word = {0};

	(void)slice_cut(&rest, ' ', &word);
	(void)slice_cut(&rest, ' ', &word);
	return word;
}

static uint64_t
limit_of(const char *command)
{
	const char *option = strstr(command, "--max-filesize ");

	return option == NULL ? 0
			      : strtoull(option + strlen("--max-filesize "), NULL, 10);
}

/* Each request of the case in turn; the last one's answer is what counts. */
static void
case_run(struct rig *g, json_t *c, struct suite *s)
{
	json_t *expected = json_object_get(c, "expected"), *line;
	json_t *requests = json_object_get(expected, "requests");
	const char *want = json_string_value(json_object_get(expected, "outcome"));
	const char *body = json_string_value(json_object_get(expected, "body_b64"));
	const char *name = json_string_value(json_object_get(c, "name"));
	const char *command = json_string_value(json_object_get(c, "curl_command"));
	char target[32];
	bool pass;
	size_t i;

	if (json_array_size(requests) == 0) {
		(void)snprintf(target, sizeof(target), "/%s", name + strlen("curl-test"));
		fetch(g, slice_cstr(target), limit_of(command));
	}
	json_array_foreach(requests, i, line)
	    fetch(g, target_of(line), limit_of(command));
	pass = outcome_fits(g->outcome, want) &&
	       (g->outcome != OUTCOME_OK || body == NULL || body_fits(g, body));
	s->row = json_pack("{s:i, s:s, s:s, s:s, s:s, s:s}", "n",
	    (int)strtol(name + strlen("curl-test"), NULL, 10), "title",
	    json_string_value(json_object_get(c, "title")), "command", command, "want",
	    want, "got", outcome_name(g->outcome), "error", g->error);
	suite_case(s, pass);
	json_decref(s->row);
	s->row = NULL;
}

static void
curls_own_cases_come_out_as_they_should(void **state)
{
	struct rig g = {0};
	struct transport_conf conf = {.connections_max = 4};
	struct suite s;
	json_t *cases, *c;
	size_t len, i;
	char *text;

	(void)state;
	if (!suite_open(&s, "http/curl_cases.json"))
		skip();
	text = suite_read("http/curl_cases.json", &len);
	assert_non_null(text);
	cases = json_loadb(text, len, 0, NULL);
	free(text);
	assert_true(json_is_array(cases));
	if (!server_start(&g)) {
		printf("skipped: the suite's server does not start\n");
		skip();
	}
	buf_init(&g.body, 16 << 20);
	assert_int_equal(loop_new(&g.loop), 0);
	assert_int_equal(shm_new(64 << 20, &g.shm, NULL), 0);
	assert_int_equal(addr_policy_new(&g.policy), 0);
	assert_int_equal(addr_policy_allow(g.policy, SLICE_LIT("127.0.0.1"), NULL), 0);
	conf.shm = g.shm;
	conf.policy = g.policy;
	assert_int_equal(transport_new(g.loop, &conf, &g.transport, NULL), 0);
	json_array_foreach(cases, i, c) case_run(&g, c, &s);
	transport_free(g.transport);
	server_stop(&g);
	assert_int_equal(shm_used_bytes(g.shm), 0);
	addr_policy_free(g.policy);
	shm_free_all(g.shm);
	loop_free(g.loop);
	buf_release(&g.body);
	json_decref(cases);
	assert_int_equal(suite_close(&s), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(curls_own_cases_come_out_as_they_should),
	};

	return cmocka_run_group_tests_name("net/http suite", tests, NULL, NULL);
}
