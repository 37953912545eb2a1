#include "net/conns.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/banned.h"

enum { CONNS_MAX = 1 << 20 };

void
conns_init(struct conns *c)
{
	*c = (struct conns){0};
	umap_init(&c->by_ends, CONNS_MAX);
}

void
conns_release(struct conns *c)
{
	for (uint32_t fd = 0; fd < c->cap; fd++)
		if (c->by_fd[fd] != NULL)
			conns_drop(c, c->by_fd[fd]);
	free(c->by_fd);
	umap_release(&c->by_ends);
}

struct conn *
conns_get(const struct conns *c, int fd)
{
	return fd >= 0 && (uint32_t)fd < c->cap ? c->by_fd[fd] : NULL;
}

struct conn *
conns_by_id(const struct conns *c, struct conn_id id)
{
	struct conn *conn = conns_get(c, id.fd);

	return conn != NULL && conn->gen == id.gen ? conn : NULL;
}

static bool
conns_grow(struct conns *c, uint32_t fd)
{
	uint32_t cap = c->cap == 0 ? 64 : c->cap;
	struct conn **v;

	if (fd >= CONNS_MAX)
		return false;
	while (cap <= fd)
		cap *= 2;
	v = realloc(c->by_fd, cap * sizeof(struct conn *));
	if (v == NULL)
		return false;
	for (uint32_t i = c->cap; i < cap; i++)
		v[i] = NULL;
	c->by_fd = v;
	c->cap = cap;
	return true;
}

struct conn *
conns_take(struct conns *c, int fd)
{
	struct conn *conn = conns_get(c, fd);

	assert(fd >= 0);
	if (conn != NULL)
		return conn;
	if ((uint32_t)fd >= c->cap && !conns_grow(c, (uint32_t)fd))
		return NULL;
	conn = calloc(1, sizeof(*conn));
	if (conn == NULL)
		return NULL;
	conn->fd = fd;
	conn->gen = c->gen_next++;
	c->by_fd[fd] = conn;
	return conn;
}

void
conns_drop(struct conns *c, struct conn *conn)
{
	assert(c->by_fd[conn->fd] == conn);
	if (conn->ends != 0 && umap_get(&c->by_ends, conn->ends) == conn)
		(void)umap_take(&c->by_ends, conn->ends);
	io_free(conn->io);
	c->by_fd[conn->fd] = NULL;
	free(conn);
}

int
conns_open(
    struct conns *c, int family, const struct addr *a, uint16_t port, struct conn **ret)
{
	struct conn *conn;
	int fd;

	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	conn = conns_get(c, fd);
	if (conn != NULL) /* closed without a word: it is another socket now */
		conns_drop(c, conn);
	conn = conns_take(c, fd);
	if (conn == NULL) {
		(void)close(fd);
		return -ENOMEM;
	}
	conn->opened = true;
	conn->addr = *a;
	conn->port = port;
	*ret = conn;
	return 0;
}

static uint64_t
ends_hash(const struct conn_ends *ends)
{
	size_t local = strlen(ends->local_ip) + 1, remote = strlen(ends->remote_ip) + 1;
	char text[2 * ADDR_TEXT_MAX + 16];
	uint64_t hash;

	if (local + remote > 2 * ADDR_TEXT_MAX)
		return 0;
	memcpy(text, ends->local_ip, local);
	memcpy(text + local, ends->remote_ip, remote);
	memcpy(text + local + remote, &ends->local_port, sizeof(int));
	memcpy(text + local + remote + sizeof(int), &ends->remote_port, sizeof(int));
	hash = siphash(slice_of(text, local + remote + 2 * sizeof(int)));
	return hash == 0 ? 1 : hash;
}

void
conns_name(struct conns *c, struct conn *conn, const struct conn_ends *ends)
{
	uint64_t hash = ends_hash(ends);

	if (hash == 0 || conn->ends != 0)
		return;
	/* Whoever had these ends is gone, or its close was not told. */
	(void)umap_take(&c->by_ends, hash);
	if (umap_put(&c->by_ends, hash, conn) == 0)
		conn->ends = hash;
}

struct conn *
conns_find(const struct conns *c, const struct conn_ends *ends)
{
	return umap_get(&c->by_ends, ends_hash(ends));
}

struct conn *
conns_find_unnamed(const struct conns *c, const struct conn_ends *ends)
{
	for (uint32_t fd = 0; fd < c->cap; fd++) {
		union {
			struct sockaddr sa;
			struct sockaddr_storage room;
		} local = {0};
		socklen_t len = sizeof(local);
		struct addr a;
		uint16_t port;

		if (c->by_fd[fd] != NULL && c->by_fd[fd]->opened &&
		    c->by_fd[fd]->ends == 0 &&
		    getsockname((int)fd, &local.sa, &len) == 0 &&
		    addr_from_sockaddr(&local.sa, &a, &port) && port == ends->local_port)
			return c->by_fd[fd];
	}
	return NULL;
}

bool
conn_is_noisy(const struct conn *conn)
{
	char byte;
	ssize_t n;

	do
		n = recv(conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

bool
conn_is_quiet(const struct conn *conn, const struct loop *l)
{
	return conn->io != NULL && io_events(conn->io) == IO_READ &&
	       loop_waits(l) >= conn->quiet_since + 2;
}
