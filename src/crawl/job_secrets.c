#include "crawl/job_secrets.h"
#include "base/slice.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

enum { SECRETS_MAX = 256, SECRET_BYTES_MAX = 64 << 10 };

static struct {
	struct secret {
		char *name, *text;
	} v[SECRETS_MAX];
	size_t n;
} secrets;

/* That ${} can say. */
static bool
is_name(const char *name)
{
	for (const char *p = name; *p != '\0'; p++)
		if (!ascii_is_alpha(*p) && *p != '_' &&
		    (p == name || !ascii_is_digit(*p)))
			return false;
	return name[0] != '\0';
}

static int
read_text(int fd, char **ret)
{
	char *text = malloc(SECRET_BYTES_MAX + 1);
	size_t len = 0;
	ssize_t n;

	if (text == NULL)
		return -ENOMEM;
	while ((n = read(fd, text + len, SECRET_BYTES_MAX + 1 - len)) > 0)
		len += (size_t)n;
	if (n < 0 || len > SECRET_BYTES_MAX || memchr(text, '\0', len) != NULL) {
		int r = n < 0 ? -errno : len > SECRET_BYTES_MAX ? -EFBIG : -EINVAL;

		free(text);
		return r;
	}
	if (len > 0 && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	*ret = realloc(text, len + 1);
	if (*ret == NULL)
		*ret = text;
	return 0;
}

static int
read_secret(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r;
	struct secret *s = &secrets.v[secrets.n];
	struct stat st;

	if (fd < 0)
		return -errno;
	if (secrets.n == SECRETS_MAX)
		r = -E2BIG;
	else if (fstat(fd, &st) < 0)
		r = -errno;
	else
		r = S_ISREG(st.st_mode) ? read_text(fd, &s->text) : -EINVAL;
	(void)close(fd);
	if (r < 0)
		return r;
	s->name = slice_dup(slice_cstr(name));
	if (s->name == NULL) {
		free(s->text);
		return -ENOMEM;
	}
	secrets.n++;
	return 0;
}

int
job_secrets_read(const char *path, struct why *why)
{
	DIR *dir = path == NULL ? NULL : opendir(path);
	struct dirent *e;
	int r = 0;

	if (path == NULL)
		return 0;
	if (dir == NULL)
		return why_set(
		    why, -errno, "credentials in %s: %s", path, strerror(errno));
	while ((e = readdir(dir)) != NULL) {
		int one = is_name(e->d_name) ? read_secret(dirfd(dir), e->d_name) : 0;

		if (one < 0)
			r = why_set(why, one, "the credential %s cannot be used: %s",
			    e->d_name, strerror(-one));
	}
	(void)closedir(dir);
	return r;
}

const char *
job_secrets_get(void *ctx, const char *name)
{
	const char *value = getenv(name);

	(void)ctx;
	for (size_t i = 0; i < secrets.n && value == NULL; i++)
		if (strcmp(secrets.v[i].name, name) == 0)
			value = secrets.v[i].text;
	return value;
}
