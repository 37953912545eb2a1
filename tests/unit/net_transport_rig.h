/*
 * What the tests of the transport share: a loop, an arena, a transport and a server of
 * raw replies on 127.0.0.1; requests with their results.
 */
#ifndef TESTS_NET_TRANSPORT_RIG_H
#define TESTS_NET_TRANSPORT_RIG_H
#include "net/transport.h"
#include "net_http_server.h"

#define OK "HTTP/1.1 200 OK\r\n"
enum { ARENA_BYTES = 64 << 20, BODY_MAX = 1 << 20 };

struct rig {
	struct loop *loop;
	struct shm *shm;
	struct addr_policy *policy;
	struct transport *transport;
	struct http_server *server;
	uint32_t waiting;
};

/* Two requests, of which the first cancels the other as it is delivered. */
struct pair {
	struct transport_id other;
	uint32_t calls;
};

struct got {
	struct rig *f;
	uint32_t calls;
	struct transport_result r;
	char *text;    /* head and body, with a NUL behind */
	char *request; /* as sent */
};

/* A path of the server, its raw reply, and what is to be made of that. */
struct reply {
	const char *path;
	const char *raw;
	bool close;
	enum outcome outcome;
	int status;
	const char *body;
	enum transport_cut cut;
	bool reusable; /* the next request goes over the same connection */
};
extern const struct reply replies[];
extern const size_t replies_len;

extern struct rig *fx; /* of the test that runs */
extern uint32_t rig_loops;              /* of the transports that rig_setup() makes */
const char *rig_name(const char *name); /* of the tests, with the number of loops */

/*
 * After an answer to one of the paths of which more comes later: now it comes, and when this
 * returns it has been sent.
 */
void let_the_rest_come(void);

/* Answers with `replies` and with what takes more than fixed bytes. */
void rig_script(struct peer *p);
int rig_setup(void **state, struct transport_conf conf, struct http_server *server);
int rig_setup_plain(void **state); /* with rig_script */
int rig_teardown(void **state);
void run_for(int64_t ms);
/* Until all are free: another loop gives its own back when it hears of a cancel. */
void wait_for_blocks(void);

/* Of a GET to the server; the URL lives for a while. */
struct transport_request request_to(
    const char *scheme, const char *host, const char *path);
void on_result(void *ctx, struct transport_result *r); /* ctx: struct got */
struct transport_id start(const struct transport_request *req, struct got *g);
void fetch_request(const struct transport_request *req, struct got *g);
void fetch(const char *path, struct got *g);
const char *body_of(const struct got *g);
void got_free(struct got *g);

void pair_start_first(struct pair *p, const struct transport_request *req);
void pair_start_other(struct pair *p, const struct transport_request *req);
/* The first is delivered, the other is not, and nothing is left of them. */
void pair_end(struct pair *p);
#endif
