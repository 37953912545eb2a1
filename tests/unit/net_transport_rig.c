#include "net_transport_rig.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SILENCE_MS = 60000 }; /* for ever: it ends with the server */

struct rig *fx;
uint32_t rig_loops = 1;

const char *
rig_name(const char *name)
{
	static char text[64];

	(void)snprintf(text, sizeof(text), "%s, loops: %u", name, rig_loops);
	return text;
}

int
rig_setup(void **state, struct transport_conf conf, struct http_server *server)
{
	struct rig *f = calloc(1, sizeof(*f));
	struct why why = {""};

	assert_non_null(f);
	f->server = server;
	assert_int_equal(loop_new(&f->loop), 0);
	assert_int_equal(shm_new(ARENA_BYTES, &f->shm, &why), 0);
	assert_int_equal(addr_policy_new(&f->policy), 0);
	assert_int_equal(addr_policy_allow(f->policy, SLICE_LIT("127.0.0.1"), NULL), 0);
	conf.shm = f->shm;
	conf.policy = f->policy;
	if (conf.connections_max == 0)
		conf.connections_max = 16;
	conf.loops = rig_loops;
	if (transport_new(f->loop, &conf, &f->transport, &why) < 0)
		fail_msg("%s", why.text);
	*state = fx = f;
	return 0;
}

int
rig_teardown(void **state)
{
	struct rig *f = *state;
	uint64_t used_bytes;

	transport_free(f->transport);
	used_bytes = shm_used_bytes(f->shm);
	http_server_stop(f->server);
	addr_policy_free(f->policy);
	shm_free_all(f->shm);
	loop_free(f->loop);
	free(f);
	/* At last: also of a test that failed the threads are joined. */
	assert_int_equal(used_bytes, 0);
	return 0;
}

void
on_result(void *ctx, struct transport_result *r)
{
	struct got *g = ctx;
	size_t len = r->head_len + r->body_len;

	assert_int_equal(g->calls, 0);
	g->calls++;
	g->r = *r;
	g->text = calloc(1, len + 1);
	g->request = calloc(1, r->request.len + 1);
	assert_non_null(g->text);
	assert_non_null(g->request);
	if (r->block.cap > 0) {
		assert_true(r->block.cap >= len);
		memcpy(g->text, shm_ptr(g->f->shm, &r->block), len);
		shm_free(g->f->shm, &r->block);
	} else {
		assert_int_equal(len, 0);
	}
	if (r->request.len > 0)
		memcpy(g->request, r->request.ptr, r->request.len);
	shm_check(g->f->shm);
	if (--g->f->waiting == 0)
		loop_stop(g->f->loop);
}

static const struct slice lines[] = {
    {.ptr = "User-Agent: test", .len = 16}, {.ptr = "Accept: */*", .len = 11}};

struct transport_request
request_to(const char *scheme, const char *host, const char *path)
{
	static char urls[64][256];
	static size_t next;
	char *url = urls[next++ % 64];
	uint16_t port = fx->server == NULL ? 1 : http_server_port(fx->server);

	(void)snprintf(url, 256, "%s://%s:%u%s", scheme, host, port, path);
	return (struct transport_request){
	    .url = slice_cstr(url),
	    .addr = {.family = AF_INET, .bytes = {127, 0, 0, 1}},
	    .port = port,
	    .lines = lines,
	    .lines_len = 2,
	    /* For ever: who tests such a limit sets it. */
	    .connect_ms = 60000,
	    .first_byte_ms = 60000,
	    .stall_ms = 60000,
	    .total_ms = 60000,
	    .body_bytes_max = BODY_MAX,
	};
}

struct transport_id
start(const struct transport_request *req, struct got *g)
{
	struct transport_id id = {0};

	*g = (struct got){.f = fx};
	assert_int_equal(transport_start(fx->transport, req, on_result, g, &id), 0);
	assert_int_equal(g->calls, 0);
	fx->waiting++;
	return id;
}

void
got_free(struct got *g)
{
	free(g->text);
	free(g->request);
	g->text = g->request = NULL;
}

void
fetch_request(const struct transport_request *req, struct got *g)
{
	(void)start(req, g);
	assert_int_equal(loop_run(fx->loop), 0);
	assert_int_equal(g->calls, 1);
}

void
fetch(const char *path, struct got *g)
{
	struct transport_request req = request_to("http", "site.test", path);

	fetch_request(&req, g);
}

const char *
body_of(const struct got *g)
{
	return g->text + g->r.head_len;
}

static void
stop(void *ctx)
{
	loop_stop(ctx);
}

void
run_for(int64_t ms)
{
	struct timer t;

	timer_init(&t, fx->loop, stop, fx->loop);
	assert_int_equal(timer_start(&t, ms), 0);
	assert_int_equal(loop_run(fx->loop), 0);
}

void
wait_for_blocks(void)
{
	for (int i = 0; i < 2000 && rig_loops > 1 && shm_used_bytes(fx->shm) > 0; i++)
		run_for(1);
	assert_int_equal(shm_used_bytes(fx->shm), 0);
}

static void
on_result_of_pair(void *ctx, struct transport_result *r)
{
	struct pair *p = ctx;

	p->calls++;
	shm_free(fx->shm, &r->block);
	transport_cancel(fx->transport, p->other);
	loop_stop(fx->loop);
}

void
pair_start_first(struct pair *p, const struct transport_request *req)
{
	struct transport_id first;

	*p = (struct pair){0};
	assert_int_equal(
	    transport_start(fx->transport, req, on_result_of_pair, p, &first), 0);
}

void
pair_start_other(struct pair *p, const struct transport_request *req)
{
	assert_int_equal(
	    transport_start(fx->transport, req, on_result_of_pair, p, &p->other), 0);
}

void
pair_end(struct pair *p)
{
	assert_int_equal(loop_run(fx->loop), 0);
	run_for(5);
	assert_int_equal(p->calls, 1);
	assert_int_equal(transport_running(fx->transport), 0);
	wait_for_blocks();
}

/* ---- what the server says ---- */

const struct reply replies[] = {
    {"/plain", OK "Content-Length: 5\r\n\r\nhello", false, OUTCOME_OK, 200, "hello", 0,
	true},
    {"/empty", OK "Content-Length: 0\r\n\r\n", false, OUTCOME_OK, 200, "", 0, true},
    {"/chunked",
	OK "Transfer-Encoding: chunked\r\n\r\n"
	   "3\r\nabc\r\n0A;ext=1\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
	false, OUTCOME_OK, 200, "abc0123456789", 0, true},
    {"/close", OK "\r\nuntil the end", true, OUTCOME_OK, 200, "until the end", 0, false},
    {"/http10", "HTTP/1.0 200 OK\r\n\r\nold", true, OUTCOME_OK, 200, "old", 0, false},
    {"/404", "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", false, OUTCOME_OK,
	404, "no", 0, true},
    {"/503", "HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n", false, OUTCOME_OK, 503, "", 0,
	true},
    {"/redirect", "HTTP/1.1 302 Found\r\nLocation: /plain\r\nContent-Length: 0\r\n\r\n",
	false, OUTCOME_OK, 302, "", 0, true},
    {"/no-reason", "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", false, OUTCOME_OK, 200,
	"x", 0, true},
    {"/lf-only", "HTTP/1.1 200 OK\nContent-Length: 1\n\nx", false, OUTCOME_OK, 200, "x",
	0, true},
    {"/interim",
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" OK
	"Content-Length: 1\r\n\r\nx",
	false, OUTCOME_OK, 200, "x", 0, true},
    {"/204", "HTTP/1.1 204 No Content\r\n\r\n", false, OUTCOME_OK, 204, "", 0, true},
    {"/304", "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n", false, OUTCOME_OK, 304,
	"", 0, true},
    {"/204-with-body", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", false,
	OUTCOME_OK, 204, "", 0, false},
    {"/304-with-body", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello",
	false, OUTCOME_OK, 304, "", 0, false},
    {"/excess", OK "Content-Length: 2\r\n\r\nhello", false, OUTCOME_OK, 200, "he", 0,
	false},
    {"/excess-of-nothing", OK "Content-Length: 0\r\n\r\nhello", false, OUTCOME_OK, 200,
	"", 0, false},
    {"/length-twice", OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", false,
	OUTCOME_OK, 200, "hello", 0, false},
    {"/length-list", OK "Content-Length: 5, 5\r\n\r\nhello", false, OUTCOME_OK, 200,
	"hello", 0, false},
    {"/length-and-chunked",
	OK
	"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	false, OUTCOME_OK, 200, "hello", 0, false},
    {"/lengths-differ", OK "Content-Length: 5\r\nContent-Length: 4\r\n\r\nhello", false,
	OUTCOME_PROTOCOL_ERROR, 0, NULL, 0, false},
    {"/length-junk", OK "Content-Length: 12abc\r\n\r\nhello", false,
	OUTCOME_PROTOCOL_ERROR, 0, NULL, 0, false},
    {"/length-negative", OK "Content-Length: -5\r\n\r\nhello", false,
	OUTCOME_PROTOCOL_ERROR, 0, NULL, 0, false},
    {"/length-overflow", OK "Content-Length: 99999999999999999999999\r\n\r\nhello", false,
	OUTCOME_PROTOCOL_ERROR, 0, NULL, 0, false},
    {"/length-huge", OK "Content-Length: 9223372036854775807\r\n\r\nhello", true,
	OUTCOME_TRUNCATED, 200, "hello", TRANSPORT_CUT_DISCONNECT, false},
    {"/status-999", "HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n", false,
	OUTCOME_PROTOCOL_ERROR, 0, NULL, 0, false},
    {"/status-099", "HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n", false,
	OUTCOME_PROTOCOL_ERROR, 0, NULL, 0, false},
    {"/status-short", "HTTP/1.1 20\r\nContent-Length: 0\r\n\r\n", false,
	OUTCOME_PROTOCOL_ERROR, 0, NULL, 0, false},
    {"/status-101", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", false,
	OUTCOME_PROTOCOL_ERROR, 0, NULL, 0, false},
    {"/fake-h2", "HTTP/2 200\r\nContent-Length: 0\r\n\r\n", false, OUTCOME_PROTOCOL_ERROR,
	0, NULL, 0, false},
    {"/http09", "<html>no head at all</html>", true, OUTCOME_PROTOCOL_ERROR, 0, NULL, 0,
	false},
    {"/nul", OK "X: a\0b\r\nContent-Length: 0\r\n\r\n", true, OUTCOME_PROTOCOL_ERROR, 0,
	NULL, 0, false},
    {"/coding-unknown", OK "Transfer-Encoding: morse\r\n\r\n...", true,
	OUTCOME_PROTOCOL_ERROR, 0, NULL, 0, false},
    {"/fold-first", OK " X: y\r\nContent-Length: 0\r\n\r\n", false,
	OUTCOME_PROTOCOL_ERROR, 0, NULL, 0, false},
    {"/fold-first-odd", OK "\tno colon\r\nContent-Length: 0\r\n\r\n", false,
	OUTCOME_PROTOCOL_ERROR, 0, NULL, 0, false},
    {"/fold-later", OK "Content-Length: 1\r\nX: a\r\n b\r\n\r\nx", false, OUTCOME_OK, 200,
	"x", 0, false},
    {"/fold-coding", OK "Transfer-Encoding:\r\n chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", true,
	OUTCOME_PROTOCOL_ERROR, 0, NULL, 0, false},
    {"/fold-coding-later",
	OK "Transfer-Encoding: identity,\r\n\tchunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", true,
	OUTCOME_PROTOCOL_ERROR, 0, NULL, 0, false},
    {"/nothing", "", true, OUTCOME_PROTOCOL_ERROR, 0, NULL, 0, false},
    {"/half-a-head", "HTTP/1.1 200 OK\r\nContent-", true, OUTCOME_PROTOCOL_ERROR, 0, NULL,
	0, false},
    {"/short", OK "Content-Length: 10\r\n\r\nhello", true, OUTCOME_TRUNCATED, 200,
	"hello", TRANSPORT_CUT_DISCONNECT, false},
    {"/short-of-all", OK "Content-Length: 10\r\n\r\n", true, OUTCOME_TRUNCATED, 200, "",
	TRANSPORT_CUT_DISCONNECT, false},
    {"/chunks-end-early", OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", true,
	OUTCOME_TRUNCATED, 200, "hello", TRANSPORT_CUT_DISCONNECT, false},
    {"/chunk-junk", OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n", true,
	OUTCOME_TRUNCATED, 200, "hello", TRANSPORT_CUT_DISCONNECT, false},
    {"/chunk-junk-at-once", OK "Transfer-Encoding: chunked\r\n\r\nzz\r\n", true,
	OUTCOME_PROTOCOL_ERROR, 0, NULL, 0, false},
};
const size_t replies_len = sizeof(replies) / sizeof(replies[0]);

static const struct reply *
reply_find(const char *path)
{
	for (size_t i = 0; i < replies_len; i++)
		if (strcmp(replies[i].path, path) == 0)
			return &replies[i];
	return NULL;
}

/* Piece by piece: to make all of it first may take longer than a client waits for a byte. */
static void
say_big(struct peer *p, size_t len)
{
	char data[26 * 1024];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)('a' + i % 26);
	while (len > 0 && !p->closed) {
		size_t n = len < sizeof(data) ? len : sizeof(data);

		peer_send(p, data, n);
		len -= n;
	}
}

static void
script_flood(struct peer *p)
{
	size_t lines_len = (size_t)strtoul(p->target + strlen("/flood/"), NULL, 10);
	size_t line_len = (size_t)strtoul(strrchr(p->target, '/') + 1, NULL, 10);

	peer_say(p, OK);
	for (size_t i = 0; i < lines_len && !p->closed; i++) {
		peer_say(p, "X: ");
		say_big(p, line_len);
		peer_say(p, "\r\n");
	}
	peer_say(p, "Content-Length: 0\r\n\r\n");
}

static _Atomic bool rest_may_come;
static _Atomic uint32_t rests;

/* What comes, or that the connection ends, when the answer before has been delivered. */
static void
say_later(struct peer *p, const char *text)
{
	for (int i = 0; i < 6000 && !atomic_exchange(&rest_may_come, false); i++)
		peer_wait(p, 10);
	if (text != NULL)
		peer_say(p, text);
	else
		peer_close(p);
	atomic_fetch_add(&rests, 1);
}

void
let_the_rest_come(void)
{
	uint32_t before = atomic_load(&rests);

	atomic_store(&rest_may_come, true);
	for (int i = 0; i < 6000 && atomic_load(&rests) == before; i++)
		run_for(10);
	assert_int_equal(atomic_load(&rests), before + 1);
	run_for(20);
}

/* Paths that need more than fixed bytes. */
void
rig_script(struct peer *p)
{
	const struct reply *fixed = reply_find(p->target);

	if (fixed != NULL) {
		size_t len = strlen(fixed->raw);

		if (strcmp(p->target, "/nul") == 0)
			len = sizeof(OK "X: a\0b\r\nContent-Length: 0\r\n\r\n") - 1;
		peer_send(p, fixed->raw, len);
		if (fixed->close)
			peer_close(p);
	} else if (strncmp(p->target, "/flood/", 7) == 0) {
		script_flood(p);
	} else if (strcmp(p->target, "/late-excess") == 0) {
		peer_say(p, OK "Content-Length: 4\r\n\r\ngood");
		say_later(p, OK "Content-Length: 4\r\n\r\nevil");
	} else if (strcmp(p->target, "/204-late-body") == 0) {
		peer_say(p, "HTTP/1.1 204 No Content\r\n\r\n");
		say_later(p, OK "Content-Length: 4\r\n\r\nevil");
	} else if (strcmp(p->target, "/close-later") == 0) {
		peer_say(p, OK "Content-Length: 4\r\n\r\nbye!");
		say_later(p, NULL);
	} else if (strcmp(p->target, "/drop") == 0) {
		peer_say(p, OK "\r\nno goodbye");
		peer_drop(p);
	} else if (strcmp(p->target, "/ten-keys") == 0) {
		peer_new_keys(p, 10);
		peer_say(p, OK "Content-Length: 4\r\n\r\ngood");
	} else if (strcmp(p->target, "/keys-for-ever") == 0) {
		peer_new_keys(p, 300000);
	} else if (strcmp(p->target, "/keys-for-ever-in-body") == 0) {
		peer_say(p, OK "Content-Length: 40\r\n\r\npart");
		peer_new_keys(p, 300000);
	} else if (strcmp(p->target, "/reset-on-reuse") == 0) {
		if (p->nth > 0)
			peer_reset(p);
		else
			peer_say(p, OK "Content-Length: 5\r\n\r\nfirst");
	} else if (strcmp(p->target, "/reset") == 0) {
		peer_reset(p);
	} else if (strcmp(p->target, "/reset-in-body") == 0) {
		peer_say(p, OK "Content-Length: 100\r\n\r\npart");
		peer_wait(p, 50);
		peer_reset(p);
	} else if (strcmp(p->target, "/silent") == 0) {
		peer_wait(p, SILENCE_MS);
	} else if (strcmp(p->target, "/late") == 0) {
		say_later(p, OK "Content-Length: 10\r\n\r\nhello");
		peer_wait(p, SILENCE_MS);
	} else if (strcmp(p->target, "/stall-in-head") == 0) {
		peer_say(p, OK "Server: slow\r\n");
		peer_wait(p, SILENCE_MS);
	} else if (strcmp(p->target, "/stall-before-body") == 0) {
		peer_say(p, OK "Content-Length: 10\r\n\r\n");
		peer_wait(p, SILENCE_MS);
	} else if (strcmp(p->target, "/stall-in-body") == 0) {
		peer_say(p, OK "Content-Length: 10\r\n\r\nhello");
		peer_wait(p, SILENCE_MS);
	} else if (strcmp(p->target, "/drip") == 0) {
		peer_say(p, OK "\r\n");
		for (int i = 0; i < 200 && !p->closed; i++) {
			peer_wait(p, 20);
			peer_say(p, "x");
		}
	} else if (strcmp(p->target, "/slow-but-good") == 0) {
		peer_say(p, OK "Content-Length: 10\r\n\r\n");
		for (int i = 0; i < 10; i++) {
			peer_wait(p, 50);
			peer_say(p, "x");
		}
	} else if (strcmp(p->target, "/big") == 0) {
		peer_say(p, OK "Content-Length: 3000000\r\n\r\n");
		say_big(p, 3000000);
	} else if (strcmp(p->target, "/big-close") == 0) {
		peer_say(p, OK "\r\n");
		say_big(p, 3000000);
		peer_close(p);
	} else if (strcmp(p->target, "/endless") == 0) {
		peer_say(p, OK "Transfer-Encoding: chunked\r\n\r\n");
		while (!p->closed) {
			peer_say(p, "2710\r\n");
			say_big(p, 10000);
			peer_say(p, "\r\n");
		}
	} else if (strncmp(p->target, "/extensions", 11) == 0) {
		/* a byte in each chunk, or none at all, and much beside it */
		peer_say(p, OK "Transfer-Encoding: chunked\r\n\r\n1;");
		while (!p->closed) {
			say_big(p, 10000);
			if (strcmp(p->target, "/extensions") == 0)
				peer_say(p, "\r\nz\r\n1;");
		}
	} else if (strncmp(p->request, "HEAD ", 5) == 0) {
		peer_say(p, OK "Content-Length: 12345\r\n\r\n");
	} else {
		char text[512];

		(void)snprintf(text, sizeof(text), OK "Content-Length: %zu\r\n\r\n%s",
		    strlen(p->target), p->target);
		peer_say(p, text);
	}
}

int
rig_setup_plain(void **state)
{
	return rig_setup(
	    state, (struct transport_conf){0}, http_server_start(rig_script));
}
