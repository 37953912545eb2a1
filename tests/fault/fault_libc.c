/* The calls of libc that a plan may want to see, under their own names. */
#undef _FORTIFY_SOURCE /* its inline wrappers have these names */
#include "fault_int.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* ---- descriptors below the directory ---- */

enum mark { MARK_NONE, MARK_FILE, MARK_QUIET, MARK_DIR };
enum { FDS_MAX = 1 << 16 };

/* A descriptor may be closed behind our back (closedir, fclose): the inode tells. */
static struct {
	uint8_t mark;
	ino_t ino;
} fds[FDS_MAX];

static enum mark
mark_of(int fd, struct stat *ret)
{
	if (fd < 0 || fd >= FDS_MAX || fds[fd].mark == MARK_NONE || !fault_is_on())
		return MARK_NONE;
	if (syscall(SYS_fstat, fd, ret) < 0 || ret->st_ino != fds[fd].ino) {
		fds[fd].mark = MARK_NONE;
		return MARK_NONE;
	}
	return (enum mark)fds[fd].mark;
}

static bool
is_quiet(const char *path)
{
	return strncmp(strrchr(path, '/') + 1, "LOG", 3) == 0;
}

static void
mark(int fd, const char *path, const struct stat *st)
{
	if (fd >= FDS_MAX)
		return;
	fds[fd].ino = st->st_ino;
	fds[fd].mark = S_ISDIR(st->st_mode)    ? MARK_DIR
		       : !S_ISREG(st->st_mode) ? MARK_NONE
		       : is_quiet(path)        ? MARK_QUIET
					       : MARK_FILE;
}

/* `path` from `dirfd`, absolute, without links but for the last part; is it below? */
static bool
locate(int dirfd, const char *path, char ret[PATH_MAX])
{
	char whole[PATH_MAX], link[64], *base;
	const char *last;
	ssize_t n = 0;
	bool dots;

	if (path[0] != '/' && dirfd == AT_FDCWD) {
		if (getcwd(whole, sizeof(whole)) == NULL)
			return false;
		n = (ssize_t)strlen(whole);
	} else if (path[0] != '/') {
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
		n = readlink(link, whole, sizeof(whole) - 1);
		if (n < 0)
			return false;
	}
	if ((size_t)snprintf(whole + n, sizeof(whole) - (size_t)n, "%s%s",
		n > 0 ? "/" : "", path) >= sizeof(whole) - (size_t)n)
		return false;
	base = strrchr(whole, '/') + 1;
	dots = *base == '\0' || strcmp(base, ".") == 0 || strcmp(base, "..") == 0;
	last = dots ? "" : strdupa(base);
	if (!dots)
		*base = '\0';
	if (realpath(whole, ret) == NULL)
		return false;
	n = (ssize_t)strlen(ret);
	if (!dots && (size_t)snprintf(ret + n, PATH_MAX - (size_t)n, "/%s", last) >=
			 PATH_MAX - (size_t)n)
		return false;
	return fault_is_below(ret);
}

/* The same, for calls that stay unseen. */
static bool
is_seen(int dirfd, const char *path, char ret[PATH_MAX])
{
	int err = errno;
	bool below;

	if (path == NULL || !fault_is_on())
		return false;
	fault_pause();
	below = locate(dirfd, path, ret);
	fault_resume();
	errno = err;
	return below;
}

/* Ends a call with what the kernel said, or with the -errno that is planned (never -EPERM). */
static int
ended(int r)
{
	int err = r < -1 ? -r : errno;

	fault_end();
	errno = err;
	return r < -1 ? -1 : r;
}

#pragma GCC visibility push(default)

/* ---- files ---- */

static void
note_cut(const char *path)
{
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fault_undo() == NULL)
		return;
	(void)undo_note_truncate(fault_undo(), fd, 0);
	(void)syscall(SYS_close, fd);
}

/* What comes after an open that the kernel made. */
static void
opened(int fd, const char *where, bool is_new)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	mark(fd, where, &st);
	if (is_new && fault_undo() != NULL)
		(void)undo_note_name(
		    fault_undo(), UNDO_CREATE, where, NULL, st.st_ino, 0);
}

static int
open_any(int dirfd, const char *path, int flags, mode_t mode)
{
	char where[PATH_MAX];
	struct stat st;
	bool is_new;
	int r = 0, fd;

	if (!is_seen(dirfd, path, where))
		return (int)syscall(SYS_openat, dirfd, path, flags, mode);
	fault_begin();
	is_new = lstat(where, &st) < 0 && (flags & O_CREAT) != 0;
	if (!is_quiet(where))
		r = fault_step(FAULT_OPEN, is_new, NULL);
	if (r < 0)
		return ended(r);
	if ((flags & O_TRUNC) != 0 && !is_new && (flags & O_ACCMODE) != O_RDONLY)
		note_cut(where);
	fd = (int)syscall(SYS_openat, dirfd, path, flags, mode);
	r = errno;
	opened(fd, where, is_new);
	errno = r;
	return ended(fd);
}

#define MODE_OF(flags, mode)                                                             \
	do {                                                                             \
		if (((flags) & (O_CREAT | O_TMPFILE)) != 0) {                            \
			va_list ap;                                                      \
			va_start(ap, flags);                                             \
			(mode) = va_arg(ap, mode_t);                                     \
			va_end(ap);                                                      \
		}                                                                        \
	} while (0)

int
open(const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_OF(flags, mode);
	return open_any(AT_FDCWD, path, flags, mode);
}

int
openat(int dirfd, const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_OF(flags, mode);
	return open_any(dirfd, path, flags, mode);
}

int
creat(const char *path, mode_t mode)
{
	return open_any(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int dirfd, const char *path, int flags, ...)
    __attribute__((alias("openat")));

/* Fortified programs call these where the flags make no file. */
int __open_2(const char *path, int flags);
int __openat_2(int dirfd, const char *path, int flags);

int
__open_2(const char *path, int flags)
{
	return open_any(AT_FDCWD, path, flags, 0);
}

int
__openat_2(int dirfd, const char *path, int flags)
{
	return open_any(dirfd, path, flags, 0);
}

/* What stdio writes is not seen; so all of it is in doubt until the next fsync. */
FILE *
fopen(const char *path, const char *how)
{
	static FILE *(*real)(const char *, const char *);
	char where[PATH_MAX];
	struct stat st;
	bool is_new;
	FILE *f;
	int r = 0;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "fopen");
	if (how[0] == 'r' || !is_seen(AT_FDCWD, path, where))
		return real(path, how);
	fault_begin();
	is_new = lstat(where, &st) < 0;
	r = fault_step(FAULT_OPEN, is_new, NULL);
	if (r < 0) {
		(void)ended(r);
		return NULL;
	}
	if (how[0] == 'w' && !is_new && strchr(how, 'x') == NULL)
		note_cut(where);
	f = real(path, how);
	r = errno;
	if (f != NULL) {
		opened(fileno(f), where, is_new);
		if (fault_undo() != NULL)
			(void)undo_note_write(fault_undo(), fileno(f), 0, INT64_MAX);
	}
	errno = r;
	(void)ended(0);
	return f;
}

int
close(int fd)
{
	if (fd >= 0 && fd < FDS_MAX)
		fds[fd].mark = MARK_NONE;
	return (int)syscall(SYS_close, fd);
}

/* At most `len` bytes of what `v` points to. */
static int
cut_vector(const struct iovec *v, int n, uint64_t len, struct iovec *ret)
{
	int k = 0;

	for (; k < n && len > 0; k++) {
		ret[k] = v[k];
		if (ret[k].iov_len > len)
			ret[k].iov_len = (size_t)len;
		len -= ret[k].iov_len;
	}
	return k;
}

/* off < 0: where the descriptor stands. */
static ssize_t
write_any(int fd, const struct iovec *v, int n, off_t off)
{
	struct iovec cut[16];
	struct stat st;
	enum mark m = mark_of(fd, &st);
	uint64_t len = 0, at = (uint64_t)off;
	ssize_t r = 0;

	if (m == MARK_NONE || m == MARK_DIR || n > 16)
		return off < 0 ? syscall(SYS_writev, fd, v, n)
			       : syscall(SYS_pwritev, fd, v, n, off, 0);
	fault_begin();
	for (int i = 0; i < n; i++)
		len += v[i].iov_len;
	if (m == MARK_FILE)
		r = fault_step(FAULT_WRITE, true, &len);
	if (r < 0)
		return ended((int)r);
	if (off < 0)
		at = (fcntl(fd, F_GETFL) & O_APPEND) != 0
			 ? (uint64_t)st.st_size
			 : (uint64_t)lseek(fd, 0, SEEK_CUR);
	if (fault_undo() != NULL)
		(void)undo_note_write(fault_undo(), fd, at, len);
	n = cut_vector(v, n, len, cut);
	r = off < 0 ? syscall(SYS_writev, fd, cut, n)
		    : syscall(SYS_pwritev, fd, cut, n, off, 0);
	(void)ended(0);
	return r;
}

ssize_t
write(int fd, const void *p, size_t n)
{
	struct iovec v = {.iov_base = (void *)(uintptr_t)p, .iov_len = n};
	struct stat st;

	if (mark_of(fd, &st) == MARK_NONE)
		return syscall(SYS_write, fd, p, n);
	return write_any(fd, &v, 1, -1);
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t off)
{
	struct iovec v = {.iov_base = (void *)(uintptr_t)p, .iov_len = n};

	return write_any(fd, &v, 1, off);
}

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	return write_any(fd, v, n, -1);
}

ssize_t
pwritev(int fd, const struct iovec *v, int n, off_t off)
{
	return write_any(fd, v, n, off);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off_t off)
    __attribute__((alias("pwrite")));
ssize_t pwritev64(int fd, const struct iovec *v, int n, off_t off)
    __attribute__((alias("pwritev")));

int
ftruncate(int fd, off_t size)
{
	struct stat st;
	enum mark m = mark_of(fd, &st);
	int r = 0;

	if (m != MARK_FILE && m != MARK_QUIET)
		return (int)syscall(SYS_ftruncate, fd, size);
	fault_begin();
	if (m == MARK_FILE)
		r = fault_step(FAULT_TRUNCATE, true, NULL);
	if (r < 0)
		return ended(r);
	if (fault_undo() != NULL)
		(void)undo_note_truncate(fault_undo(), fd, (uint64_t)size);
	return ended((int)syscall(SYS_ftruncate, fd, size));
}

int ftruncate64(int fd, off_t size) __attribute__((alias("ftruncate")));

int
truncate(const char *path, off_t size)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r, err;

	if (fd < 0)
		return -1;
	r = ftruncate(fd, size);
	err = errno;
	(void)close(fd);
	errno = err;
	return r;
}

/* Only what makes the file longer can be lost. */
static void
note_room(int fd, uint64_t end)
{
	struct stat st;
	enum mark m = mark_of(fd, &st);

	if ((m != MARK_FILE && m != MARK_QUIET) || end <= (uint64_t)st.st_size ||
	    fault_undo() == NULL)
		return;
	fault_begin();
	(void)undo_note_write(
	    fault_undo(), fd, (uint64_t)st.st_size, end - (uint64_t)st.st_size);
	fault_end();
}

int
fallocate(int fd, int how, off_t at, off_t len)
{
	if ((how & FALLOC_FL_KEEP_SIZE) == 0)
		note_room(fd, (uint64_t)(at + len));
	return (int)syscall(SYS_fallocate, fd, how, at, len);
}

int
posix_fallocate(int fd, off_t at, off_t len)
{
	note_room(fd, (uint64_t)(at + len));
	return syscall(SYS_fallocate, fd, 0, at, len) == 0 ? 0 : errno;
}

/* The kernel is not asked: a power loss is one of ours, and what it takes we know. */
static int
sync_any(int fd, long number)
{
	char link[64], name[PATH_MAX];
	struct stat st;
	enum mark m = mark_of(fd, &st);
	ssize_t n;
	int r;

	if (m == MARK_NONE)
		return (int)syscall(number, fd);
	fault_begin();
	r = m == MARK_QUIET ? 0 : fault_step(FAULT_FSYNC, true, NULL);
	if (r < 0)
		return ended(r);
	if (fault_undo() != NULL && m == MARK_DIR) {
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, name, sizeof(name) - 1);
		if (n > 0) {
			name[n] = '\0';
			(void)undo_note_dirsync(fault_undo(), name);
		}
	} else if (fault_undo() != NULL) {
		(void)undo_note_sync(fault_undo(), st.st_ino);
	}
	return ended(0);
}

int
fsync(int fd)
{
	return sync_any(fd, SYS_fsync);
}

int
fdatasync(int fd)
{
	return sync_any(fd, SYS_fdatasync);
}

/* ---- names ---- */

int
renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	char was[PATH_MAX], now[PATH_MAX];
	struct undo *u = fault_undo();
	struct stat st;
	int r;

	if (!is_seen(from_fd, from, was) || !is_seen(to_fd, to, now))
		return (int)syscall(SYS_renameat, from_fd, from, to_fd, to);
	fault_begin();
	r = is_quiet(was) ? 0 : fault_step(FAULT_RENAME, true, NULL);
	if (r < 0)
		return ended(r);
	if (u != NULL && lstat(was, &st) == 0)
		(void)undo_note_name(
		    u, UNDO_RENAME, was, now, st.st_ino, undo_keep(u, now));
	return ended((int)syscall(SYS_renameat, from_fd, from, to_fd, to));
}

int
rename(const char *from, const char *to)
{
	return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int
linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	char where[PATH_MAX];
	struct stat st;
	int r;

	if (!is_seen(to_fd, to, where))
		return (int)syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
	fault_begin();
	r = fault_step(FAULT_RENAME, true, NULL);
	if (r < 0)
		return ended(r);
	r = (int)syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
	if (r == 0 && fault_undo() != NULL && lstat(where, &st) == 0)
		(void)undo_note_name(fault_undo(), UNDO_LINK, where, NULL, st.st_ino, 0);
	return ended(r);
}

int
link(const char *from, const char *to)
{
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int
unlinkat(int dirfd, const char *path, int flags)
{
	char where[PATH_MAX];
	struct undo *u = fault_undo();
	struct stat st;
	int r;

	if (!is_seen(dirfd, path, where))
		return (int)syscall(SYS_unlinkat, dirfd, path, flags);
	fault_begin();
	r = is_quiet(where) ? 0 : fault_step(FAULT_UNLINK, true, NULL);
	if (r < 0)
		return ended(r);
	if (u != NULL && lstat(where, &st) == 0) {
		if ((flags & AT_REMOVEDIR) != 0)
			(void)undo_note_name(u, UNDO_RMDIR, where, NULL, st.st_ino, 0);
		else
			(void)undo_note_name(
			    u, UNDO_UNLINK, where, NULL, st.st_ino, undo_keep(u, where));
	}
	return ended((int)syscall(SYS_unlinkat, dirfd, path, flags));
}

int
unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int
rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int
mkdirat(int dirfd, const char *path, mode_t mode)
{
	char where[PATH_MAX];
	int r;

	if (!is_seen(dirfd, path, where))
		return (int)syscall(SYS_mkdirat, dirfd, path, mode);
	fault_begin();
	r = fault_step(FAULT_MKDIR, true, NULL);
	if (r < 0)
		return ended(r);
	r = (int)syscall(SYS_mkdirat, dirfd, path, mode);
	if (r == 0 && fault_undo() != NULL)
		(void)undo_note_name(fault_undo(), UNDO_MKDIR, where, NULL, 0, 0);
	return ended(r);
}

int
mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

/* ---- the wall clock ---- */

int
clock_gettime(clockid_t id, struct timespec *ret)
{
	static int (*real)(clockid_t, struct timespec *);
	int r;

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	r = real(id, ret);
	if (r == 0 && id == CLOCK_REALTIME && fault_is_on())
		ret->tv_sec += fault_clock_s();
	return r;
}

/* ---- memory ---- */

#ifndef TRAWL_SANITIZED
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
extern const char __executable_start[], etext[];

static bool
is_own(const void *caller)
{
	return (const char *)caller >= __executable_start && (const char *)caller < etext;
}

#define FAILS                                                                            \
	(fault_is_on() && is_own(__builtin_return_address(0)) && fault_malloc_fails())

static void *
no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

void *
malloc(size_t n)
{
	return FAILS ? no_memory() : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return FAILS ? no_memory() : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return FAILS ? no_memory() : __libc_realloc(p, n);
}
#endif
#pragma GCC visibility pop
