#include "net_dns_server.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PENDING_MAX = 64, MESSAGE_MAX = 65535, HELD_LOOK_MS = 5, PORTS_MAX = 100 };

struct pending {
	int64_t due_ms;
	bool held;
	struct sockaddr_in to;
	size_t len;
	uint8_t *message;
};

struct dns_server {
	pthread_t thread;
	int udp, tcp;
	int stop[2]; /* pipe */
	uint16_t port;
	atomic_uint queries;
	atomic_bool lets_go;
	dns_script *script;
	struct pending pending[PENDING_MAX];
	uint8_t in[MESSAGE_MAX], out[MESSAGE_MAX];
};

static int64_t
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* The name at offset 12 with dots; offset of what follows, or 0. */
static size_t
name_read(const uint8_t *in, size_t len, char name[256])
{
	size_t at = 12, n = 0;

	while (at < len && in[at] != 0) {
		size_t label = in[at++];

		if (label > 63 || at + label >= len || n + label + 2 > 256)
			return 0;
		if (n > 0)
			name[n++] = '.';
		memcpy(name + n, in + at, label);
		n += label;
		at += label;
	}
	name[n] = '\0';
	return at + 5 <= len ? at + 1 : 0;
}

static size_t
record_put(uint8_t *out, size_t at, uint32_t owner, int type, uint32_t ttl,
    const void *data, size_t data_len)
{
	put16(out + at, 0xc000 | owner);
	put16(out + at + 2, (uint32_t)type);
	put16(out + at + 4, 1);
	put16(out + at + 6, ttl >> 16);
	put16(out + at + 8, ttl & 0xffff);
	put16(out + at + 10, (uint32_t)data_len);
	memcpy(out + at + 12, data, data_len);
	return at + 12 + data_len;
}

static size_t
addrs_put(uint8_t *out, size_t at, uint32_t owner, int type, const struct dns_reply *r)
{
	for (uint32_t i = 0; i < r->addrs; i++) {
		uint8_t four[4] = {10, 0, (uint8_t)(i >> 8), (uint8_t)(i + 1)};
		uint8_t six[16] = {
		    0xfd, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)(i + 1)};

		at = record_put(out, at, owner, type, r->ttl,
		    type == DNS_TYPE_A ? (const void *)four : six,
		    type == DNS_TYPE_A ? 4 : 16);
	}
	return at;
}

static size_t
reply_build(struct dns_server *s, size_t in_len, bool tcp, struct dns_reply *r)
{
	static const uint8_t alias[] = {
	    5, 'a', 'l', 'i', 'a', 's', 4, 't', 'e', 's', 't', 0};
	char name[256];
	size_t at;
	int type;

	at = in_len < 17 ? 0 : name_read(s->in, in_len, name);
	if (at == 0)
		return 0;
	type = s->in[at] << 8 | s->in[at + 1];
	atomic_fetch_add(&s->queries, 1);
	s->script(name, type, tcp, r);
	if (r->lost)
		return 0;
	at += 4;
	memcpy(s->out, s->in, at);
	s->out[2] = (uint8_t)(0x81 | (r->truncated && !tcp ? 2 : 0));
	s->out[3] = (uint8_t)(0x80 | r->rcode);
	memset(s->out + 4, 0, 8);
	put16(s->out + 4, 1);
	if (r->junk)
		return 9;
	if (r->rcode != DNS_RCODE_OK || (r->truncated && !tcp))
		return at;
	put16(s->out + 6, r->addrs + (r->alias ? 1 : 0));
	if (!r->alias)
		return addrs_put(s->out, at, 12, type, r);
	at = record_put(s->out, at, 12, 5, r->ttl, alias, sizeof(alias));
	return addrs_put(s->out, at, (uint32_t)(at - sizeof(alias)), type, r);
}

static void
serve_udp(struct dns_server *s)
{
	struct dns_reply r = {.ttl = 300};
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	ssize_t n = recvfrom(
	    s->udp, s->in, sizeof(s->in), 0, (struct sockaddr *)&from, &from_len);
	size_t len = n <= 0 ? 0 : reply_build(s, (size_t)n, false, &r);

	if (len == 0)
		return;
	if (r.delay_ms == 0 && !r.held) {
		(void)!sendto(
		    s->udp, s->out, len, 0, (struct sockaddr *)&from, sizeof(from));
		return;
	}
	for (size_t i = 0; i < PENDING_MAX; i++) {
		struct pending *p = &s->pending[i];

		if (p->message != NULL)
			continue;
		p->message = malloc(len);
		if (p->message == NULL)
			abort();
		memcpy(p->message, s->out, len);
		p->len = len;
		p->to = from;
		p->due_ms = now_ms() + r.delay_ms;
		p->held = r.held;
		return;
	}
}

static bool
read_all(int fd, uint8_t *p, size_t len)
{
	while (len > 0) {
		ssize_t n = recv(fd, p, len, 0);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

/* One connection at a time, until the client closes it. */
static void
serve_tcp(struct dns_server *s)
{
	struct timeval patience = {.tv_sec = 1};
	int fd = accept4(s->tcp, NULL, NULL, SOCK_CLOEXEC);
	uint8_t head[2];

	if (fd < 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	while (read_all(fd, head, 2)) {
		struct dns_reply r = {.ttl = 300};
		size_t len = (size_t)(head[0] << 8 | head[1]);

		if (!read_all(fd, s->in, len))
			break;
		len = reply_build(s, len, true, &r);
		put16(head, (uint32_t)len);
		if (len == 0 || send(fd, head, 2, MSG_NOSIGNAL | MSG_MORE) != 2 ||
		    send(fd, s->out, len, MSG_NOSIGNAL) < 0)
			break;
	}
	(void)close(fd);
}

static int
pending_send(struct dns_server *s)
{
	int64_t wait = 1000;

	for (size_t i = 0; i < PENDING_MAX; i++) {
		struct pending *p = &s->pending[i];
		int64_t left = p->message == NULL ? 1000 : p->due_ms - now_ms();

		if (p->message != NULL && p->held && !atomic_load(&s->lets_go))
			left = HELD_LOOK_MS;
		if (p->message != NULL && left <= 0) {
			(void)!sendto(s->udp, p->message, p->len, 0,
			    (struct sockaddr *)&p->to, sizeof(p->to));
			free(p->message);
			p->message = NULL;
		} else if (left < wait) {
			wait = left;
		}
	}
	return (int)wait;
}

static void *
serve(void *arg)
{
	struct dns_server *s = arg;

	for (;;) {
		struct pollfd fds[3] = {{.fd = s->udp, .events = POLLIN},
		    {.fd = s->tcp, .events = POLLIN},
		    {.fd = s->stop[0], .events = POLLIN}};

		if (poll(fds, 3, pending_send(s)) < 0)
			break;
		if (fds[2].revents != 0)
			break;
		if (fds[0].revents != 0)
			serve_udp(s);
		if (fds[1].revents != 0)
			serve_tcp(s);
	}
	return NULL;
}

/* A port that is free for both; false: that which was free for TCP is another's for UDP. */
static bool
bind_both(struct dns_server *s)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t len = sizeof(at);
	int yes = 1;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	s->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)setsockopt(s->tcp, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(s->tcp, (struct sockaddr *)&at, sizeof(at)) == 0 &&
	    getsockname(s->tcp, (struct sockaddr *)&at, &len) == 0 &&
	    bind(s->udp, (struct sockaddr *)&at, sizeof(at)) == 0 &&
	    listen(s->tcp, 8) == 0) {
		s->port = ntohs(at.sin_port);
		return true;
	}
	(void)close(s->tcp);
	(void)close(s->udp);
	return false;
}

struct dns_server *
dns_server_start(dns_script *script)
{
	struct dns_server *s = calloc(1, sizeof(*s));

	if (s == NULL || pipe2(s->stop, O_CLOEXEC) < 0)
		abort();
	s->script = script;
	for (int i = 0; i < PORTS_MAX && s->port == 0; i++)
		(void)bind_both(s);
	if (s->port == 0)
		abort();
	if (pthread_create(&s->thread, NULL, serve, s) != 0)
		abort();
	return s;
}

void
dns_server_stop(struct dns_server *s)
{
	(void)close(s->stop[1]);
	(void)pthread_join(s->thread, NULL);
	(void)close(s->stop[0]);
	(void)close(s->udp);
	(void)close(s->tcp);
	for (size_t i = 0; i < PENDING_MAX; i++)
		free(s->pending[i].message);
	free(s);
}

uint16_t
dns_server_port(const struct dns_server *s)
{
	return s->port;
}

uint32_t
dns_server_queries(const struct dns_server *s)
{
	return atomic_load(&s->queries);
}

void
dns_server_let_go(struct dns_server *s)
{
	atomic_store(&s->lets_go, true);
}
