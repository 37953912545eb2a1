/*
 * tests/sim/sim_web.h -- a scripted web in place of net/dns and net/transport.
 *
 * Linked before libnet, it defines their functions: names resolve at once, answers come
 * after the latency that the script says, deadlines fire, all in virtual time.  What was
 * asked, when, is kept for the test to look at.
 */
#ifndef TESTS_SIM_WEB_H
#define TESTS_SIM_WEB_H
#include "base/buf.h"
#include "base/outcome.h"
#include "net/dns.h"
#include "net/transport.h"

struct sim_reply {
	int status;           /* 0: `failure` instead */
	enum outcome failure; /* e.g. OUTCOME_CONNECT_FAILURE */
	int64_t latency_ms;   /* until the answer is there; INT64_MAX: never */
	bool no_room;         /* in the arena: it is not received */
	const char *headers;  /* "Name: value\r\n"..., may be NULL */
};
/* The answer to a name, instead of one address made of it. */
typedef void sim_names(void *ctx, struct slice host, struct dns_answer *ret);
/* Fills `body` (empty at first) and says the rest. */
typedef void sim_script(
    void *ctx, struct slice url, struct sim_reply *ret, struct buf *body);

struct sim_request {
	char url[256], host[128];
	int64_t began_ms, ended_ms; /* loop time; ended_ms < 0: still running */
	bool robots;
};

enum { SIM_REQUESTS_MAX = 20000 };
struct sim_web {
	sim_script *script;
	sim_names *names; /* may be NULL */
	void *ctx;
	struct sim_request *requests;
	size_t requests_len;
	uint32_t running, running_max;
	int64_t base_ms; /* added to loop time in `requests`: of a run after another */
	/* Our own work begins, ends: for a layer under us that lets allocations fail. */
	void (*own)(bool begins);
	uint32_t connections_most; /* that were to be kept; 0: it was never said */
	uint32_t asking;  /* names; answered in the next turn */
	/* The request that is to be answered, for the script. */
	struct addr addr;
	const struct transport_request *request;
};
extern struct sim_web sim_web;

void sim_web_reset(sim_script *script, void *ctx);
/* Goes on in a log that is shared with other processes: SIM_REQUESTS_MAX of them, zeroed at
 * first.  What an earlier process asked counts in sim_count(). */
void sim_web_share(struct sim_request *requests);
/* How often `url` was asked for. */
size_t sim_count(const char *url);
/* Least milliseconds between the end of one request to `host` and the start of its next,
 * without robots.txt; -1 when two overlapped; INT64_MAX with fewer than two. */
int64_t sim_least_gap_ms(const char *host);
#endif
