#include "ctl/http.h"
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 512 };

/* Somebody answers there: then it is not ours to remove. */
static bool
is_alive(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool alive;

	if (fd < 0)
		return true;
	alive =
	    connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 || errno == EAGAIN;
	(void)close(fd);
	return alive;
}

static int
remove_dead(const struct sockaddr_un *at, struct why *why)
{
	struct stat st;

	if (lstat(at->sun_path, &st) < 0)
		return errno == ENOENT ? 0
				       : why_set(why, -errno, "%s: %s", at->sun_path,
					     strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return why_set(why, -EEXIST, "%s is there, and no socket", at->sun_path);
	if (is_alive(at))
		return why_set(
		    why, -EADDRINUSE, "%s: another service answers there", at->sun_path);
	return unlink(at->sun_path) == 0
		   ? 0
		   : why_set(why, -errno, "cannot remove the old socket %s: %s",
			 at->sun_path, strerror(errno));
}

static int
set_group(const char *path, const char *group, struct why *why)
{
	const struct group *g;

	if (group == NULL)
		return 0;
	g = getgrnam(group);
	if (g == NULL)
		return why_set(why, -EINVAL, "there is no group '%s'", group);
	return chown(path, (uid_t)-1, g->gr_gid) == 0
		   ? 0
		   : why_set(why, -errno, "cannot give %s to group %s: %s", path, group,
			 strerror(errno));
}

int
http_unix_socket(
    const char *path, unsigned mode, const char *group, int *ret_fd, struct why *why)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd, r;

	if (strlen(path) >= sizeof(at.sun_path))
		return why_set(why, -ENAMETOOLONG,
		    "%s: the name of a socket is at most %zu bytes", path,
		    sizeof(at.sun_path) - 1);
	memcpy(at.sun_path, path, strlen(path) + 1);
	r = remove_dead(&at, why);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return why_set(why, -errno, "cannot make a socket: %s", strerror(errno));
	/* Nobody can connect before it listens, and then the rights are right. */
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || chmod(path, mode) < 0) {
		r = why_set(
		    why, -errno, "cannot listen at %s: %s", path, strerror(errno));
		(void)close(fd);
		return r;
	}
	r = set_group(path, group, why);
	if (r == 0 && listen(fd, BACKLOG) < 0)
		r = why_set(
		    why, -errno, "cannot listen at %s: %s", path, strerror(errno));
	if (r < 0) {
		(void)close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

/* ---- TCP ---- */

/* "127.0.0.1:8620", "[::1]:8620"; NULL: it is not. */
static struct addrinfo *
parse_tcp(const char *address)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
	    .ai_socktype = SOCK_STREAM};
	struct addrinfo *ret;
	const char *colon = strrchr(address, ':');
	char host[80];
	size_t n = colon == NULL ? 0 : (size_t)(colon - address);
	uint64_t port;

	if (n == 0 || n >= sizeof(host) || !slice_to_u64(slice_cstr(colon + 1), &port) ||
	    port == 0 || port > 65535)
		return NULL;
	if (address[0] == '[' && address[n - 1] == ']')
		(void)snprintf(host, sizeof(host), "%.*s", (int)n - 2, address + 1);
	else if (memchr(address, ':', n) == NULL)
		(void)snprintf(host, sizeof(host), "%.*s", (int)n, address);
	else
		return NULL;
	return getaddrinfo(host, colon + 1, &hints, &ret) == 0 ? ret : NULL;
}

bool
http_tcp_address(const char *address, bool *ret_loopback)
{
	struct addrinfo *ai = parse_tcp(address);

	if (ai == NULL)
		return false;
	if (ai->ai_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)ai->ai_addr;

		*ret_loopback = ntohl(in->sin_addr.s_addr) >> 24 == 127;
	} else {
		const struct sockaddr_in6 *in = (const void *)ai->ai_addr;

		*ret_loopback = IN6_IS_ADDR_LOOPBACK(&in->sin6_addr);
	}
	freeaddrinfo(ai);
	return true;
}

int
http_tcp_socket(const char *address, int *ret_fd, struct why *why)
{
	struct addrinfo *ai = parse_tcp(address);
	int fd, on = 1, r = 0;

	if (ai == NULL)
		return why_set(
		    why, -EINVAL, "'%s' is no address such as 127.0.0.1:8620", address);
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (ai->ai_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
		r = why_set(
		    why, -errno, "cannot listen at %s: %s", address, strerror(errno));
	freeaddrinfo(ai);
	if (r < 0 && fd >= 0)
		(void)close(fd);
	if (r == 0)
		*ret_fd = fd;
	return r;
}
