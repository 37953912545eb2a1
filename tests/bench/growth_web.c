/*
 * tests/bench/growth_web.c -- a web of as many hosts and pages as one likes, on loopback.
 *
 * growth_web PAGES BYTES LINKS COUNTS: every host has PAGES pages of BYTES, each with LINKS
 * links to others of its host, and a robots.txt; every name has an address of its own in
 * 127.0.0.0/8, all of which are this program.  Prints the port of HTTP and that of DNS.
 * COUNTS is a file of five numbers of 64 bits that it counts in: requests, pages,
 * robots.txt, connections, names asked for.
 *
 * Pages are numbered: page 0 is "/", page i "/p/i"; with n = LINKS - 1 page i links to
 * pages n i + 1 ... n i + LINKS (modulo PAGES), as those of make_site.py.  A page costs
 * the server a few copies, so that what is measured beside it is the crawler.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ASK_BYTES = 4096,
	PAGE_BYTES_MAX = 1 << 20,
	HEAD_BYTES = 256,
	TEXT_BYTES = 4 << 20,
	EVENTS = 256,
	DNS_BYTES = 512,
	FILES = 65536,
};

struct counts {
	uint64_t requests, pages, robots, connections, names;
};

struct conn {
	size_t len; /* of what came */
	size_t out_len, out_done;
	char *out; /* what could not be sent at once */
	char ask[ASK_BYTES];
};

static struct counts *counts;
static uint64_t pages;
static size_t page_bytes, links;
static char *text; /* words, of which pages take pieces */
static char *answer;
static struct conn *conns[FILES];

_Noreturn static void
die(const char *what)
{
	(void)fprintf(stderr, "growth_web: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t
mixed(uint64_t x)
{
	x = (x ^ (x >> 33)) * 0xff51afd7ed558ccdull;
	x = (x ^ (x >> 33)) * 0xc4ceb9fe1a85ec53ull;
	return x ^ (x >> 33);
}

static uint64_t
hash(const char *s, size_t n)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 0x100000001b3ull;
	return mixed(h);
}

static void
make_text(void)
{
	static const char *const words[] = {"harbour", "tide", "wall", "light", "boat",
	    "quay", "rope", "anchor", "north", "morning", "weather", "captain", "ledger",
	    "net", "water", "stone", "winter", "market", "letter", "signal", "bell",
	    "fog", "chart", "lantern", "ferry", "gull", "sand", "mast", "keel", "oar",
	    "storm", "calm"};
	size_t at = 0;

	text = malloc(TEXT_BYTES + 32);
	answer = malloc(HEAD_BYTES + PAGE_BYTES_MAX);
	if (text == NULL || answer == NULL)
		die("memory");
	for (uint64_t i = 0; at < TEXT_BYTES; i++) {
		const char *w = words[mixed(i) % (sizeof(words) / sizeof(words[0]))];
		const char *end = i % 12 == 11 ? ".</p>\n<p>" : " ";

		at += (size_t)snprintf(text + at, TEXT_BYTES + 32 - at, "%s%s", w, end);
	}
}

/* ---- HTTP ---- */

static size_t
put_link(char *to, size_t room, uint64_t page)
{
	int n = page == 0
		    ? snprintf(to, room, "<li><a href=\"/\">Front</a></li>\n")
		    : snprintf(to, room, "<li><a href=\"/p/%llu\">Page %llu</a></li>\n",
			  (unsigned long long)page, (unsigned long long)page);

	return n < 0 ? 0 : (size_t)n < room ? (size_t)n : room;
}

/* Of this host, so that no two pages of two hosts are alike. */
static size_t
make_page(char *to, uint64_t host, uint64_t page)
{
	static const char tail[] = "</p>\n</body>\n</html>\n";
	size_t at = 0, room = page_bytes - sizeof(tail), more;

	at += (size_t)snprintf(to, room,
	    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	    "<title>Page %llu of %016llx</title>\n</head>\n<body>\n<ul>\n",
	    (unsigned long long)page, (unsigned long long)host);
	for (size_t j = 0; j < links && at + 100 < room; j++)
		at += put_link(to + at, room - at, ((links - 1) * page + j + 1) % pages);
	at += (size_t)snprintf(to + at, room - at, "</ul>\n<p>");
	while (at < room) { /* sentences from anywhere */
		more = room - at < 400 ? room - at : 400;
		memcpy(to + at,
		    text + mixed(host ^ mixed(page) ^ at) % (TEXT_BYTES - 400), more);
		at += more;
	}
	memcpy(to + at, tail, sizeof(tail) - 1);
	return at + sizeof(tail) - 1;
}

/* Of the head at `ask`; SIZE_MAX: no such page. */
static uint64_t
page_asked_for(const char *path)
{
	char *end;
	uint64_t n;

	if (strncmp(path, "/ ", 2) == 0)
		return 0;
	if (strncmp(path, "/p/", 3) != 0)
		return UINT64_MAX;
	n = strtoull(path + 3, &end, 10);
	return *end == ' ' && n > 0 && n < pages ? n : UINT64_MAX;
}

/* Into `answer`; returns its length. */
static size_t
answer_to(const char *ask)
{
	static const char robots[] = "User-agent: *\nDisallow: /private/\n";
	char *body = answer + HEAD_BYTES, head[HEAD_BYTES];
	const char *host = strstr(ask, "\r\nHost: "), *path = strchr(ask, ' ');
	size_t len = 0;
	uint64_t page;
	int n;

	counts->requests++;
	path = path == NULL ? "" : path + 1;
	page = page_asked_for(path);
	if (page != UINT64_MAX && host != NULL) {
		host += 8;
		len = make_page(body, hash(host, strcspn(host, ":\r")), page);
		counts->pages++;
	} else if (strncmp(path, "/robots.txt ", 12) == 0) {
		memcpy(body, robots, len = sizeof(robots) - 1);
		counts->robots++;
	}
	n = snprintf(head, sizeof(head),
	    "HTTP/1.1 %s\r\nContent-Type: text/%s\r\nContent-Length: %zu\r\n\r\n",
	    len > 0 ? "200 OK" : "404 Not Found", page != UINT64_MAX ? "html" : "plain",
	    len);
	memcpy(body - n, head, (size_t)n);
	memmove(answer, body - n, (size_t)n + len);
	return (size_t)n + len;
}

static void
conn_close(int fd)
{
	free(conns[fd]->out);
	free(conns[fd]);
	conns[fd] = NULL;
	(void)close(fd);
}

/* What does not go out waits; there is one request at a time. */
static bool
conn_send(int epoll, int fd, const char *bytes, size_t len)
{
	struct conn *c = conns[fd];
	ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
	struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.fd = fd};

	if (n == (ssize_t)len)
		return true;
	if (n < 0 && errno != EAGAIN)
		return false;
	if (n < 0)
		n = 0;
	c->out = malloc(len - (size_t)n);
	if (c->out == NULL)
		return false;
	memcpy(c->out, bytes + n, len - (size_t)n);
	c->out_len = len - (size_t)n;
	c->out_done = 0;
	return epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &e) == 0;
}

static bool
conn_send_rest(int epoll, int fd)
{
	struct conn *c = conns[fd];
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
	ssize_t n =
	    send(fd, c->out + c->out_done, c->out_len - c->out_done, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN;
	c->out_done += (size_t)n;
	if (c->out_done < c->out_len)
		return true;
	free(c->out);
	c->out = NULL;
	return epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &e) == 0;
}

static bool
conn_read(int epoll, int fd)
{
	struct conn *c = conns[fd];
	ssize_t n = recv(fd, c->ask + c->len, sizeof(c->ask) - 1 - c->len, 0);

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	c->len += (size_t)n;
	c->ask[c->len] = '\0';
	if (c->len < 4 || strcmp(c->ask + c->len - 4, "\r\n\r\n") != 0)
		return c->len < sizeof(c->ask) - 1;
	c->len = 0;
	return conn_send(epoll, fd, answer, answer_to(c->ask));
}

static void
accept_all(int epoll, int listener)
{
	int fd, yes = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

		if (fd >= FILES || (conns[fd] = calloc(1, sizeof(**conns))) == NULL)
			die("a connection");
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0)
			die("epoll");
		counts->connections++;
	}
}

/* ---- DNS ---- */

/* One question, whose name begins at 12; A has an address, the rest an empty answer. */
static void
answer_name(int fd)
{
	unsigned char m[DNS_BYTES + 64];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	ssize_t n =
	    recvfrom(fd, m, DNS_BYTES, 0, (struct sockaddr *)(void *)&from, &from_len);
	size_t end = 12;
	uint64_t h;
	bool is_a;

	if (n < 17)
		return;
	while (end < (size_t)n && m[end] != 0)
		end += m[end] + 1u;
	if (end + 5 > (size_t)n)
		return;
	counts->names++;
	h = hash((const char *)m + 12, end - 12);
	is_a = m[end + 2] == 1;
	end += 5;
	memcpy(m + 2, "\x81\x80\0\1\0\0\0\0\0\0", 10);
	m[7] = is_a;
	if (is_a) {
		memcpy(m + end, "\xc0\x0c\0\1\0\1\0\0\x0e\x10\0\4\x7f", 13);
		m[end + 13] = (unsigned char)(1 + (h >> 16) % 254);
		m[end + 14] = (unsigned char)(h >> 8);
		m[end + 15] = (unsigned char)(1 + h % 254);
		end += 16;
	}
	(void)sendto(fd, m, end, 0, (struct sockaddr *)(void *)&from, from_len);
}

/* ---- */

static int
open_port(int type, uint32_t address, uint16_t *ret_port)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	/* All addresses of loopback, and nothing else. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3) < 0 ||
	    bind(fd, (struct sockaddr *)(void *)&at, sizeof(at)) < 0 ||
	    getsockname(fd, (struct sockaddr *)(void *)&at, &len) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 4096) < 0))
		die("a port");
	*ret_port = ntohs(at.sin_port);
	return fd;
}

static void
serve(int epoll, int http, int dns)
{
	struct epoll_event e[EVENTS];
	int n = epoll_wait(epoll, e, EVENTS, -1);

	for (int i = 0; i < n; i++) {
		int fd = e[i].data.fd;
		bool ok = true;

		if (fd == http) {
			accept_all(epoll, http);
		} else if (fd == dns) {
			answer_name(dns);
		} else {
			if ((e[i].events & EPOLLOUT) != 0 && conns[fd]->out != NULL)
				ok = conn_send_rest(epoll, fd);
			else
				ok = conn_read(epoll, fd);
			if (!ok)
				conn_close(fd);
		}
	}
}

static void
open_counts(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, sizeof(*counts)) < 0)
		die(path);
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (counts == MAP_FAILED)
		die(path);
	(void)close(fd);
}

int
main(int argc, char **argv)
{
	struct rlimit files = {FILES, FILES};
	int epoll = epoll_create1(EPOLL_CLOEXEC), http, dns;
	struct epoll_event e = {.events = EPOLLIN};
	uint16_t http_port, dns_port;

	if (argc != 5 || (pages = strtoull(argv[1], NULL, 10)) == 0 ||
	    (page_bytes = strtoul(argv[2], NULL, 10)) < 1000 ||
	    page_bytes > PAGE_BYTES_MAX || (links = strtoul(argv[3], NULL, 10)) < 2) {
		(void)fprintf(stderr, "usage: growth_web PAGES BYTES LINKS COUNTS\n");
		return 2;
	}
	(void)setrlimit(RLIMIT_NOFILE, &files);
	make_text();
	open_counts(argv[4]);
	http = open_port(SOCK_STREAM, INADDR_ANY, &http_port);
	dns = open_port(SOCK_DGRAM, INADDR_LOOPBACK, &dns_port);
	e.data.fd = http;
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, http, &e) < 0)
		die("epoll");
	e.data.fd = dns;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, dns, &e) < 0)
		die("epoll");
	(void)printf("%u %u\n", http_port, dns_port);
	(void)fflush(stdout);
	for (;;)
		serve(epoll, http, dns);
}
