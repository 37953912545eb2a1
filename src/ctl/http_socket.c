#include "ctl/http.h"
#include <errno.h>
#include <grp.h>
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
