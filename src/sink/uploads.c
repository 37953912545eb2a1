#include "sink/uploads.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file_append.h"
#include "base/file_whole.h"
#include "base/map.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/banned.h"

#define LOG     "s3.log"
#define ARCHIVE "warc/"

enum {
	LOG_BYTES_MAX = 64 << 20,
	LOG_BUF_BYTES = 8 << 10,
	FILES_MAX = 1 << 20,
	PAUSE_MS = 1000,
	PAUSE_MAX_MS = 60 * 1000,
	LOOK_MS = 50,
	MD5_HEX = 32,
};

/* What is there. */
struct upload {
	uint64_t size;
	char md5[MD5_HEX + 1];
	char name[];
};

struct uploads {
	struct uploads_conf conf; /* only its numbers: texts are the caller's */
	struct s3 *s3;
	char *dir;
	const atomic_bool *cancel;
	void (*tell)(const char *text);
	struct file_append log;
	struct map known;
};

/* -- What is there. -- */

static int
remember(struct uploads *u, struct slice name, uint64_t size, struct slice md5)
{
	struct upload *up = map_take(&u->known, name);
	int r;

	free(up);
	up = malloc(sizeof(*up) + name.len + 1);
	if (up == NULL)
		return -ENOMEM;
	up->size = size;
	memcpy(up->md5, md5.ptr, MD5_HEX);
	up->md5[MD5_HEX] = '\0';
	memcpy(up->name, name.ptr, name.len);
	up->name[name.len] = '\0';
	r = map_put(&u->known, slice_of(up->name, name.len), up);
	if (r < 0)
		free(up);
	return r;
}

/* "SIZE MD5 NAME" a line; one that was not finished is none. */
static int
read_line(struct uploads *u, struct slice line)
{
	struct slice size, md5;
	uint64_t n;

	if (!slice_cut(&line, ' ', &size) || !slice_to_u64(size, &n) ||
	    !slice_cut(&line, ' ', &md5) || md5.len != MD5_HEX || line.len == 0 ||
	    line.len > NAME_MAX + strlen(ARCHIVE))
		return 0;
	return remember(u, line, n, md5);
}

static int
read_log(struct uploads *u, struct slice text, uint64_t *ret_length)
{
	struct slice line, rest = text;
	int r = 0;

	*ret_length = 0;
	while (r == 0 && slice_find(rest, '\n') < rest.len &&
	       slice_cut(&rest, '\n', &line)) {
		*ret_length += line.len + 1;
		r = read_line(u, line);
	}
	return r;
}

static int
load_log(struct uploads *u, uint64_t *ret_length, struct why *why)
{
	char path[PATH_MAX];
	struct buf text;
	int fd, r = 0;
	ssize_t n;

	*ret_length = 0;
	(void)snprintf(path, sizeof(path), "%s/" LOG, u->dir);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0
				       : why_set(why, -errno, "cannot read '%s': %s",
					     path, strerrordesc_np(errno));
	buf_init(&text, LOG_BYTES_MAX);
	do {
		r = buf_reserve(&text, LOG_BUF_BYTES);
		n = r < 0 ? 0 : read(fd, text.ptr + text.len, LOG_BUF_BYTES);
		if (n > 0)
			text.len += (size_t)n;
		else if (n < 0)
			r = -errno;
	} while (n > 0);
	(void)close(fd);
	if (r == 0)
		r = read_log(u, buf_slice(&text), ret_length);
	buf_release(&text);
	return r < 0 ? why_set(why, r, "cannot read '%s': %s", path, strerrordesc_np(-r))
		     : 0;
}

static int
note(struct uploads *u, const char *name, uint64_t size, const char *md5, struct why *why)
{
	struct buf line;
	int r;

	buf_init(&line, PATH_MAX);
	r = buf_printf(&line, "%" PRIu64 " %s %s\n", size, md5, name);
	r = r < 0 ? why_set(why, r, "out of memory")
		  : file_append_add(&u->log, buf_slice(&line), why);
	if (r == 0)
		r = file_append_sync(&u->log, why);
	buf_release(&line);
	return r < 0 ? r : remember(u, slice_cstr(name), size, slice_of(md5, MD5_HEX));
}

int
uploads_new(const struct uploads_conf *conf, const char *dir, const atomic_bool *cancel,
    void (*tell)(const char *text), struct uploads **ret, struct why *why)
{
	struct uploads *u = calloc(1, sizeof(*u));
	uint64_t length = 0;
	int r = why_set(why, -ENOMEM, "out of memory");

	if (u == NULL)
		return r;
	u->conf = *conf;
	u->cancel = cancel;
	u->tell = tell;
	map_init(&u->known, FILES_MAX);
	u->dir = slice_dup(slice_cstr(dir));
	if (u->dir != NULL)
		r = s3_new(&conf->s3, &u->s3, why);
	if (r == 0)
		r = load_log(u, &length, why);
	if (r == 0)
		r = file_append_init(&u->log, dir, LOG_BUF_BYTES, why);
	if (r == 0)
		r = file_append_open(&u->log, LOG, length, why);
	if (r < 0) {
		uploads_free(u);
		return r;
	}
	u->conf.s3 = (struct s3_conf){0};
	*ret = u;
	return 0;
}

void
uploads_free(struct uploads *u)
{
	struct slice name;
	void *up;

	if (u == NULL)
		return;
	for (size_t i = 0; map_at(&u->known, &i, &name, &up);)
		free(up);
	map_release(&u->known);
	if (u->log.dir != NULL)
		file_append_release(&u->log);
	s3_free(u->s3);
	free(u->dir);
	free(u);
}

/* -- One file. -- */

static bool
is_cancelled(const struct uploads *u)
{
	return u->cancel != NULL && atomic_load(u->cancel);
}

/* So that crawls that lost the same server do not come back to it at once. */
static int64_t
jitter(int64_t ms)
{
	uint32_t x = 0;

	if (getrandom(&x, sizeof(x), GRND_NONBLOCK) != (ssize_t)sizeof(x))
		return ms;
	return ms / 2 + (int64_t)(x % (uint64_t)(ms / 2 + 1));
}

static void
pause_for(const struct uploads *u, int64_t ms)
{
	int64_t until = clock_mono_ms() + ms;
	const struct timespec look = {.tv_nsec = LOOK_MS * 1000000L};

	while (!is_cancelled(u) && clock_mono_ms() < until)
		(void)nanosleep(&look, NULL);
}

static int
try_put(struct uploads *u, const char *name, const struct s3_file *f, struct why *why)
{
	int64_t pause = PAUSE_MS;

	for (uint32_t tries = 0;; tries++) {
		struct why text;
		int r = s3_put(u->s3, name, f, u->cancel, why);

		if (r != -EAGAIN || tries >= u->conf.retries)
			return r;
		(void)why_set(&text, 0, "s3: %s: %s; tried again", name, why->text);
		if (u->tell != NULL)
			u->tell(text.text);
		pause_for(u, jitter(pause));
		if (is_cancelled(u))
			return why_set(why, -ECANCELED, "it was broken off");
		pause = pause * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause * 2;
	}
}

static bool
is_archive(const char *name)
{
	return slice_starts(slice_cstr(name), SLICE_LIT(ARCHIVE));
}

static int
put_open(struct uploads *u, const char *name, int fd, struct why *why)
{
	const struct upload *up = map_get(&u->known, slice_cstr(name));
	struct s3_file f;
	struct stat st;
	char md5[MD5_HEX + 1];
	int r;

	/* A whole file of the archive changes only by growing. */
	if (fstat(fd, &st) == 0 && up != NULL && is_archive(name) &&
	    up->size == (uint64_t)st.st_size)
		return 0;
	r = s3_file_init(&f, fd, u->cancel, why);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(f.md5); i++)
		(void)snprintf(md5 + 2 * i, 3, "%02x", f.md5[i]);
	if (up != NULL && up->size == f.size && strcmp(up->md5, md5) == 0)
		return 0;
	r = try_put(u, name, &f, why);
	return r < 0 ? r : note(u, name, f.size, md5, why);
}

int
uploads_put(struct uploads *u, const char *name, struct why *why)
{
	char path[PATH_MAX];
	int fd, r;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", u->dir, name) >= sizeof(path))
		return why_set(why, -ENAMETOOLONG, "%s: its name is too long", name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return why_set(
		    why, -errno, "cannot read '%s': %s", path, strerrordesc_np(errno));
	r = put_open(u, name, fd, why);
	(void)close(fd);
	return r < 0 ? why_prefix(why, r, "%s", name) : 0;
}

/* -- The archive. -- */

bool
uploads_serial(struct slice name, uint64_t *ret)
{
	const char *end = memmem(name.ptr, name.len, ".warc", 5), *next;
	size_t n, digits = 0;

	if (name.len == 0 || !slice_starts(name, SLICE_LIT("trawl-")) || end == NULL)
		return false;
	/* The name of the job may hold it, too. */
	while ((next = memmem(end + 1, (size_t)(name.ptr + name.len - end - 1), ".warc",
		    5)) != NULL)
		end = next;
	n = (size_t)(end - name.ptr);
	while (digits < n && ascii_is_digit(name.ptr[n - 1 - digits]))
		digits++;
	return digits > 0 && slice_to_u64(slice_of(end - digits, digits), ret);
}

struct found {
	char **names;
	size_t n, cap;
	uint64_t last; /* number of the last that there is, growing or not */
};

static void
found_release(struct found *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->names[i]);
	free(f->names);
}

static int
found_add(struct found *f, struct slice name)
{
	size_t cap = f->cap == 0 ? 64 : 2 * f->cap;
	char **grown = f->names;

	if (f->n == FILES_MAX)
		return -E2BIG;
	if (f->n == f->cap)
		grown = realloc(f->names, cap * sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	f->cap = f->n == f->cap ? cap : f->cap;
	f->names = grown;
	f->names[f->n] = slice_dup(name);
	return f->names[f->n] == NULL ? -ENOMEM : (f->n++, 0);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
find_files(const struct uploads *u, uint64_t below, struct found *f)
{
	char path[PATH_MAX];
	struct dirent *d;
	DIR *dir;
	int r = 0;

	*f = (struct found){.n = 0};
	(void)snprintf(path, sizeof(path), "%s/" ARCHIVE, u->dir);
	dir = opendir(path);
	if (dir == NULL)
		return -errno;
	while (r == 0 && (d = readdir(dir)) != NULL) {
		struct slice name = slice_cstr(d->d_name);
		uint64_t serial;

		if (!uploads_serial(name, &serial))
			continue;
		f->last = serial > f->last ? serial : f->last;
		if (serial < below && !slice_ends(name, SLICE_LIT(".open")))
			r = found_add(f, name);
	}
	(void)closedir(dir);
	if (r < 0)
		found_release(f);
	else if (f->n > 0)
		qsort(f->names, f->n, sizeof(f->names[0]), by_name);
	return r;
}

/* It is there: what is here is not needed, unless a resume goes on in it. */
static int
remove_it(struct uploads *u, const char *name, struct why *why)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", u->dir, name);
	return unlink(path) == 0 || errno == ENOENT
		   ? 0
		   : why_set(why, -errno, "cannot remove '%s': %s", path,
			 strerrordesc_np(errno));
}

static int
archive_file(struct uploads *u, const struct found *f, const char *file, struct why *why)
{
	char name[NAME_MAX + sizeof(ARCHIVE)];
	uint64_t serial = 0;
	int r;

	(void)snprintf(name, sizeof(name), ARCHIVE "%s", file);
	(void)uploads_serial(slice_cstr(file), &serial);
	r = uploads_put(u, name, why);
	return r == 0 && u->conf.remove && serial < f->last ? remove_it(u, name, why) : r;
}

/* One that is too large for S3 stays, and the others go all the same. */
int
uploads_archive(struct uploads *u, uint64_t below, struct why *why)
{
	struct found f;
	struct why one;
	int r = find_files(u, below, &f), large = 0;

	if (r < 0)
		return why_set(
		    why, r, "cannot list the archive: %s", strerrordesc_np(-r));
	for (size_t i = 0; i < f.n && r == 0; i++) {
		r = archive_file(u, &f, f.names[i], &one);
		if (r < 0 && (large == 0 || r != -EFBIG))
			*why = one;
		if (r == -EFBIG)
			large = r;
		r = r == -EFBIG ? 0 : r;
	}
	found_release(&f);
	return r < 0 ? r : large;
}

/* -- The end. -- */

static const char *const extras[] = {"index.cdxj", "pages.jsonl", "pages.csv",
    "pages.sqlite", "crawl.log", "rejected.log", "changes.tsv", "archive.wacz",
    "report.json", "report.html"};

static bool
is_there(const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

int
uploads_rest(const struct uploads_conf *conf, const char *dir, const atomic_bool *cancel,
    void (*tell)(const char *text), struct why *why)
{
	struct uploads *u;
	struct why one;
	int r = uploads_new(conf, dir, cancel, tell, &u, why), missing = 0;

	if (r < 0)
		return r;
	r = uploads_archive(u, UINT64_MAX, &one);
	if (r < 0 && r != -ENOENT) {
		missing++;
		*why = one;
	}
	if (missing > 0 && r != -EFBIG) {
		uploads_free(u);
		return missing;
	}
	for (size_t i = 0; i < sizeof(extras) / sizeof(extras[0]) && conf->extras; i++) {
		if (!is_there(dir, extras[i]) ||
		    (r = uploads_put(u, extras[i], &one)) == 0)
			continue;
		if (missing++ == 0)
			*why = one;
		if (r != -EFBIG) /* the others would go the same way */
			break;
	}
	uploads_free(u);
	return missing;
}
