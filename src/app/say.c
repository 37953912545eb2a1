#include "app/app.h"
#include "base/escape.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SENTENCE_BYTES_MAX = 64 << 10 }; /* the rest is cut */

int
say_error(int code, const char *fmt, ...)
{
	char text[SENTENCE_BYTES_MAX];
	struct buf line;
	va_list ap;
	int n;

	buf_init(&line, 5 * sizeof(text));
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n >= 0 && escape_terminal(&line, slice_cstr(text)) == 0)
		fprintf(stderr, "trawl: %.*s%s\n", (int)line.len, line.ptr,
		    (size_t)n < sizeof(text) ? "" : " ...");
	buf_release(&line);
	return code;
}

bool
write_stdout(struct slice s)
{
	errno = 0; /* ferror() is of an earlier call, whose reason nobody kept */
	if (fwrite(s.ptr == NULL ? "" : s.ptr, 1, s.len, stdout) == s.len &&
	    fflush(stdout) == 0 && !ferror(stdout))
		return true;
	(void)say_error(0, "cannot write to standard output: %s",
	    errno == 0 ? "a part is lost" : strerror(errno));
	return false;
}

int
can_write(const char *path, struct why *why)
{
	char dir[PATH_MAX];
	size_t len = strlen(path);
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return why_set(why, -EINVAL, "'%s' is a directory", path);
	while (len > 0 && path[len - 1] != '/')
		len--;
	if (path[len] == '\0' || len >= sizeof(dir))
		return why_set(why, -EINVAL, "'%s' is no name of a file", path);
	(void)snprintf(
	    dir, sizeof(dir), "%.*s", len == 0 ? 1 : (int)len, len == 0 ? "." : path);
	return access(dir, W_OK) == 0
		   ? 0
		   : why_set(why, -EINVAL, "nothing can be written in %s: %s", dir,
			 strerror(errno));
}

int
can_write_over(const char *path, struct why *why)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return can_write(path, why);
	if (S_ISDIR(st.st_mode))
		return why_set(why, -EINVAL, "'%s' is a directory", path);
	return access(path, W_OK) == 0
		   ? 0
		   : why_set(why, -EINVAL, "'%s' cannot be written: %s", path,
			 strerror(errno));
}

bool
is_screen(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term != NULL && strcmp(term, "dumb") != 0;
}

int
read_input(const char *path, size_t max, struct buf *out, struct why *why)
{
	bool is_stdin = path == NULL || strcmp(path, "-") == 0;
	FILE *f = is_stdin ? stdin : fopen(path, "rbe");
	char chunk[65536];
	size_t n;
	int r = 0;

	if (f == NULL && path[0] == '\0')
		return why_set(why, -EINVAL, "the name of a file is empty");
	if (f == NULL)
		return why_set(why, -errno, "cannot open %s: %s", path, strerror(errno));
	buf_init(out, max);
	while (r == 0 && (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		r = buf_add(out, chunk, n);
	if (r == 0 && ferror(f))
		r = -errno;
	if (r < 0)
		(void)why_set(why, r, "cannot read %s: %s",
		    is_stdin ? "standard input" : path,
		    r == -EMSGSIZE ? "it is too large" : strerror(-r));
	if (!is_stdin)
		(void)fclose(f);
	if (r < 0)
		buf_release(out);
	return r;
}
