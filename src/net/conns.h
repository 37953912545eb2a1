/*
 * net/conns.h -- the sockets that libcurl works on, and what is known of their
 * connections.
 *
 * libcurl does not tell on which socket a reused connection lives, only the addresses and
 * ports at both ends.  So each connection is noted when its socket is opened, named by
 * its ends when its first request is sent, and found by them again.
 *
 *   conns -> conn (by descriptor)   opened here, or merely waited for (resolver)
 *         -> conn (by the hash of its ends)
 *
 * A socket that never got connected libcurl closes without a word; whoever had it opened
 * says so with conns_drop().
 *
 * Owns:    conns, not their descriptors.
 * Errors:  NULL when memory is out.   Threads: loop thread.
 */
#ifndef NET_CONNS_H
#define NET_CONNS_H
#include "base/map.h"
#include "loop/loop.h"
#include "net/addr.h"

struct conns {
	struct conn **by_fd;
	uint32_t cap;
	uint32_t gen_next;
	struct umap by_ends; /* hash of the ends -> struct conn */
};

struct conn {
	struct io *io; /* NULL: never waited for */
	void *ctx;     /* the waiter's */
	int fd;
	uint32_t gen;
	bool opened;  /* by conns_open() */
	bool tainted; /* not to be used for another request */
	bool wanted;  /* libcurl is to be told what the loop sees on it */
	bool http1;   /* has served an answer over HTTP/1 */
	uint32_t users; /* exchanges that it carries */
	uint64_t
	    quiet_since; /* loop_waits() when it was last left, and watched from then */
	uint64_t ends;
	struct addr addr; /* connected to, port likewise */
	uint16_t port;
};

/* Survives its conn: stale means gone. */
struct conn_id {
	int fd; /* -1: none */
	uint32_t gen;
};

/* As libcurl hands them out: texts of addresses, and ports. */
struct conn_ends {
	const char *local_ip, *remote_ip;
	int local_port, remote_port;
};

void conns_init(struct conns *c);
void conns_release(struct conns *c);
/* The conn of any descriptor, made when there is none yet. */
struct conn *conns_take(struct conns *c, int fd);
struct conn *conns_get(const struct conns *c, int fd); /* NULL: none */
struct conn *conns_by_id(const struct conns *c, struct conn_id id);
static inline struct conn_id
conn_id(const struct conn *conn)
{
	struct conn_id id = {.fd = -1};

	if (conn != NULL)
		id = (struct conn_id){.fd = conn->fd, .gen = conn->gen};
	return id;
}
/* Forgets it.  The descriptor is the caller's to close. */
void conns_drop(struct conns *c, struct conn *conn);
/* A socket for a connection to there: -errno. */
int conns_open(
    struct conns *c, int family, const struct addr *a, uint16_t port, struct conn **ret);
void conns_name(struct conns *c, struct conn *conn, const struct conn_ends *ends);
struct conn *conns_find(const struct conns *c, const struct conn_ends *ends);
/* One that was opened and has no name yet; slow, it asks the system about each. */
struct conn *conns_find_unnamed(const struct conns *c, const struct conn_ends *ends);
/* Bytes, the end, or an error wait to be read on a connection that should be silent. */
bool conn_is_noisy(const struct conn *conn);
/* The loop has watched it since it was left, and would have told: nothing need be asked. */
bool conn_is_quiet(const struct conn *conn, const struct loop *l);
#endif
