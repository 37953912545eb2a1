#include "sink/mirror_write.h"
#include "base/escape.h"
#include "base/map.h"
#include "sink/mirror_map.h"
#include "sink/mirror_move.h"
#include "sink/mirror_name.h"
#include "sink/mirror_page.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

enum {
	REDIRECTS_MAX = 20,
	SEEDS_MAX = 1000, /* on the first page */
	OUT_BYTES = 256 << 10,
	RECORD_MAX = 128 << 10,
	URL_ROOM = 4 * 65536, /* of a link's text, escaped */
};
#define PARTS_MAX (1ull << 31)

struct mirror {
	const struct mirror_files *files;
	const atomic_bool *hurry;
	struct mirror_map *map;
	int fd, work_fd; /* DIR/mirror, DIR/mirror.work */
	struct mirror_mover mover;
	/* In mirror.work, after -EBADMSG. */
	const char *bad_file;
	uint64_t bad_at;
	struct buf record, other, parts, path, old, out, seeds, text;
	uint32_t seeds_n;
	/* The directory that was entered last, or why it was not, and its path; -1: none. */
	int in_fd;
	char in[MIRROR_PATH_MAX + 1];
	int out_fd;
	bool has_old;   /* URLs with more than one record */
	bool has_index; /* files that may be called like a directory's page */
	struct mirror_out page;
};

/* -- What is where. -- */

static int
record_at(struct mirror *m, uint64_t at, struct buf *b, struct mirror_record *ret,
    uint64_t *ret_next)
{
	int r = mirror_record_read(m->files, at, b, ret, ret_next);

	if (r == -EBADMSG) {
		m->bad_file = "index";
		m->bad_at = at;
	}
	return r;
}

/* The map lives no longer than the process, whose key nobody outside knows: no URL can be
 * made up that hides another one. */
static uint64_t
hash_of(struct slice url)
{
	return siphash(url);
}

/* In `path`, which is cleared. */
static int
path_make(struct mirror *m, struct slice url, uint8_t kind, struct buf *path)
{
	struct mirror_entry e;
	struct slice beside;
	int r;

	buf_clear(path);
	r = mirror_path(url, kind, path);
	if (r < 0 || !mirror_path_beside(url, buf_slice(path), &beside))
		return r;
	r = mirror_map_find(m->map, hash_of(beside), &e);
	if (r > 0 && e.what != MIRROR_REDIRECT &&
	    slice_ends(buf_slice(path), mirror_index_name(e.kind)))
		return 0;
	if (r >= 0)
		mirror_path_as_index(path);
	return r < 0 ? r : 0;
}

/* Follows redirects.  1: `path` is set. */
static int
find(void *ctx, struct slice url, struct buf *path)
{
	struct mirror *m = ctx;

	for (int i = 0; i < REDIRECTS_MAX; i++) {
		struct mirror_entry e;
		struct mirror_record rec;
		uint64_t next;
		int r = mirror_map_find(m->map, hash_of(url), &e);

		if (r <= 0)
			return r;
		if (e.what != MIRROR_REDIRECT) {
			r = path_make(m, url, e.kind, path);
			return r < 0 ? r : 1;
		}
		r = record_at(m, e.at, &m->other, &rec, &next);
		if (r < 0)
			return r;
		url = rec.target;
	}
	return 0;
}

/* Of a path that is cut into its parts by NULs, from `at` to `end`; -ENOENT only if not made. */
static int
walk(const struct mirror *m, const char *at, const char *end, bool make)
{
	int fd = m->fd, below, r = 0;

	while (r == 0 && at < end) {
		if (make && mkdirat(fd, at, 0777) < 0 && errno != EEXIST)
			r = -errno;
		below =
		    r < 0 ? -1
			  : openat(fd, at, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (r == 0 && below < 0)
			r = -errno;
		if (fd != m->fd)
			(void)close(fd);
		fd = below;
		at += strlen(at) + 1;
	}
	return r < 0 ? r : fd;
}

/*
 * The directory of `path`, which the pages of a site have in common, and the name in it, for
 * the calls that end in "at".  No part of it may be a link: whoever has put one there has not
 * moved the mirror, but would have it written over other files.  The descriptor stays ours.
 */
static int
enter(struct mirror *m, char *path, bool make, const char **ret_name)
{
	char *last = strrchr(path, '/');
	int fd;

	*ret_name = last == NULL ? path : last + 1;
	if (last == NULL)
		return m->fd;
	*last = '\0';
	if (m->in_fd < 0 || strcmp(path, m->in) != 0) {
		if (m->in_fd >= 0)
			(void)close(m->in_fd);
		m->in_fd = -1;
		(void)snprintf(m->in, sizeof(m->in), "%s", path);
		for (char *at = path; at < last; at++)
			if (*at == '/')
				*at = '\0';
		fd = walk(m, path, last, make);
		for (char *at = path; at < last; at++)
			if (*at == '\0')
				*at = '/';
		m->in_fd = fd;
	}
	*last = '/';
	return m->in_fd;
}

/* `path` becomes a string that may be written to. */
static int
path_of(struct mirror *m, const struct mirror_record *rec, struct buf *path)
{
	int r = path_make(m, rec->url, rec->kind, path);

	return r == 0 && buf_cstr(path) == NULL ? -ENOMEM : r;
}

/* -- Writing. -- */

static int
out_flush(struct mirror *m)
{
	struct slice left = buf_slice(&m->out);

	while (left.len > 0) {
		ssize_t n = write(m->out_fd, left.ptr, left.len);

		if (n == 0 || (n < 0 && errno != EINTR))
			return n == 0 ? -EIO : -errno;
		left = slice_from(left, n < 0 ? 0 : (size_t)n);
	}
	buf_clear(&m->out);
	return 0;
}

static int
out_write(void *ctx, struct slice bytes)
{
	struct mirror *m = ctx;
	int r = 0;

	while (r == 0 && bytes.len > 0) {
		size_t n = OUT_BYTES - m->out.len;

		r = buf_add_slice(&m->out, slice_head(bytes, n));
		bytes = slice_from(bytes, n);
		if (r == 0 && m->out.len == OUT_BYTES)
			r = out_flush(m);
	}
	return r;
}

static int
out_open(struct mirror *m)
{
	buf_clear(&m->out);
	(void)unlinkat(m->work_fd, "fresh", 0); /* it may be a name of another file */
	m->out_fd =
	    openat(m->work_fd, "fresh", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	return m->out_fd < 0 ? -errno : 0;
}

/* `r` is what writing it came to. */
static int
out_close(struct mirror *m, char *path, int r)
{
	const char *name;
	int fd = enter(m, path, true, &name);

	if (r == 0)
		r = fd < 0 ? fd : out_flush(m);
	if (close(m->out_fd) < 0 && r == 0)
		r = -errno;
	if (r == 0)
		r = mirror_move(&m->mover, m->work_fd, "fresh", fd, name);
	if (r != 0) /* it has failed, or was copied */
		(void)unlinkat(m->work_fd, "fresh", 0);
	return r < 0 ? r : 0;
}

static int
page_write(struct mirror *m, const struct mirror_record *rec)
{
	int r = rec->parts_len > PARTS_MAX ? -EBADMSG
					   : mirror_parts_read(m->files, rec, &m->parts);

	if (r == 0)
		r = out_open(m);
	if (r < 0)
		return r;
	m->page.own = buf_slice(&m->path);
	r = mirror_page_write(buf_slice(&m->parts), &m->page);
	if (m->parts.cap > OUT_BYTES)
		buf_release(&m->parts); /* a large one is not kept */
	return out_close(m, m->path.ptr, r);
}

/* It is here, or there already. */
static int
file_move(struct mirror *m, uint64_t at)
{
	char from[MIRROR_NEW_NAME_MAX];
	const char *name;
	int fd = enter(m, m->path.ptr, true, &name), r;

	if (fd < 0)
		return fd;
	mirror_new_name(at, from);
	r = mirror_move(&m->mover, m->files->new_fd, from, fd, name);
	return r < 0 && r != -ENOENT ? r : 0;
}

/* Newer ones have taken its place, maybe under another name. */
static int
drop_old(struct mirror *m, const struct mirror_record *rec, uint64_t at,
    const struct mirror_entry *newest)
{
	char name[MIRROR_NEW_NAME_MAX];
	const char *of;
	int r, fd;

	mirror_new_name(at, name);
	if (rec->what == MIRROR_FILE && unlinkat(m->files->new_fd, name, 0) < 0 &&
	    errno != ENOENT)
		return -errno;
	if (rec->what == MIRROR_REDIRECT ||
	    (rec->kind == newest->kind && newest->what != MIRROR_REDIRECT))
		return 0;
	r = path_of(m, rec, &m->path);
	if (r < 0)
		return r;
	fd = enter(m, m->path.ptr, false, &of);
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
	return unlinkat(fd, of, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static int
note_seed(struct mirror *m, const struct mirror_record *rec)
{
	int r;

	if (!rec->seed || m->seeds_n == SEEDS_MAX)
		return 0;
	buf_clear(&m->old);
	r = find(m, rec->url, &m->old);
	if (r <= 0)
		return r;
	buf_clear(&m->text);
	r = mirror_reference((struct slice){0}, buf_slice(&m->old), &m->text);
	if (r == 0)
		r = buf_add_cstr(&m->seeds, "<li><a href=\"");
	if (r == 0)
		r = buf_add_slice(&m->seeds, buf_slice(&m->text));
	if (r == 0)
		r = buf_add_cstr(&m->seeds, "\">");
	if (r == 0)
		r = escape_html(&m->seeds, rec->url);
	if (r == 0)
		r = buf_add_cstr(&m->seeds, "</a></li>\n");
	m->seeds_n++;
	return r;
}

static int
first_page_write(struct mirror *m)
{
	char name[] = "index.html";
	int r = m->seeds_n == 0 ? 0 : out_open(m);

	if (r < 0 || m->seeds_n == 0)
		return r;
	r = out_write(
	    m, SLICE_LIT(
		   "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
		   "<meta name=\"viewport\" content=\"width=device-width\">\n"
		   "<title>Mirror</title></head>\n<body><h1>Mirror</h1>\n<ul>\n"));
	if (r == 0)
		r = out_write(m, buf_slice(&m->seeds));
	if (r == 0)
		r = out_write(m, SLICE_LIT("</ul></body></html>\n"));
	return out_close(m, name, r);
}

/* -- The two passes. -- */

static int
gather(struct mirror *m)
{
	uint64_t at = 0, next;
	struct mirror_record rec;
	int r = 0;

	while (r == 0 && at < m->files->index.pos) {
		r = record_at(m, at, &m->record, &rec, &next);
		if (r == 0) {
			struct mirror_entry e = {.hash = hash_of(rec.url),
			    .at = at,
			    .what = rec.what,
			    .kind = rec.kind};

			m->has_index |=
			    rec.what == MIRROR_FILE &&
			    memmem(rec.url.ptr, rec.url.len, "/index.", 7) != NULL;
			r = mirror_map_add(m->map, &e);
		}
		at = next;
	}
	return r == 0 ? mirror_map_seal(m->map, &m->has_old) : r;
}

/* One that had the plain name, until the page beside it came, which will have it. */
static int
file_aside(struct mirror *m, uint64_t at)
{
	struct slice path = buf_slice(&m->path);
	char name[MIRROR_NEW_NAME_MAX];
	size_t n = path.len;
	const char *to;
	int r, fd;

	while (n > 0 && path.ptr[n - 1] != '/')
		n--;
	mirror_new_name(at, name);
	if (path.ptr[n] != '+' || faccessat(m->files->new_fd, name, F_OK, 0) == 0)
		return 0;
	buf_clear(&m->old);
	r = buf_add_slice(&m->old, slice_from(path, n));
	if (r == 0)
		mirror_path_as_index(&m->old);
	if (r == 0 && buf_cstr(&m->old) == NULL)
		r = -ENOMEM;
	if (r < 0)
		return r;
	fd = enter(m, m->path.ptr, false, &to);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (renameat2(fd, m->old.ptr, fd, to, RENAME_NOREPLACE) < 0 && errno != ENOENT &&
	    errno != EEXIST)
		return -errno;
	return 0;
}

/* Before anything new is placed: what has its name gives way. */
static int
clear_one(struct mirror *m, const struct mirror_record *rec, uint64_t at)
{
	struct mirror_entry newest;
	struct slice beside;
	int r = mirror_map_find(m->map, hash_of(rec->url), &newest);

	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	if (newest.at != at)
		return drop_old(m, rec, at, &newest);
	if (rec->what != MIRROR_FILE)
		return 0;
	r = path_of(m, rec, &m->path);
	return r == 0 && mirror_path_beside(rec->url, buf_slice(&m->path), &beside)
		   ? file_aside(m, at)
		   : r;
}

static int
place_one(struct mirror *m, const struct mirror_record *rec, uint64_t at)
{
	struct mirror_entry newest;
	int r = mirror_map_find(m->map, hash_of(rec->url), &newest);

	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	if (newest.at != at)
		return 0;
	r = note_seed(m, rec);
	if (r < 0 || rec->what == MIRROR_REDIRECT)
		return r;
	r = path_of(m, rec, &m->path);
	if (r < 0)
		return r;
	if (rec->what == MIRROR_FILE)
		return file_move(m, at);
	r = page_write(m, rec);
	if (r == -EBADMSG && m->bad_file == NULL) {
		m->bad_file = "parts";
		m->bad_at = rec->parts_at;
	}
	return r;
}

/* What was copied, and is on its disk, is here no more. */
static int
drop_copied(struct mirror *m, const struct mirror_record *rec, uint64_t at)
{
	char name[MIRROR_NEW_NAME_MAX];

	mirror_new_name(at, name);
	return rec->what == MIRROR_FILE && unlinkat(m->files->new_fd, name, 0) < 0 &&
		       errno != ENOENT
		   ? -errno
		   : 0;
}

static bool
is_to_stop(const struct mirror *m)
{
	return m->hurry != NULL && atomic_load(m->hurry);
}

typedef int each_fn(struct mirror *m, const struct mirror_record *rec, uint64_t at);

static int
each(struct mirror *m, each_fn *fn)
{
	uint64_t at = 0, next;
	struct mirror_record rec;
	int r = 0;

	while (r == 0 && at < m->files->index.pos && !is_to_stop(m)) {
		r = record_at(m, at, &m->record, &rec, &next);
		if (r == 0)
			r = fn(m, &rec, at);
		at = next;
	}
	return r;
}

static int
make(struct mirror *m)
{
	int r = gather(m);

	if (r == 0 && (m->has_old || m->has_index))
		r = each(m, clear_one);
	if (r == 0)
		r = each(m, place_one);
	if (r == 0 && !is_to_stop(m))
		r = first_page_write(m);
	if (r == 0 && syncfs(m->fd) < 0)
		r = -errno;
	if (r == 0)
		r = mirror_mover_sync(&m->mover);
	return r == 0 && m->mover.has_copied && !is_to_stop(m) ? each(m, drop_copied) : r;
}

static int
begin(struct mirror *m, const char *dir)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/mirror", dir);

	buf_init(&m->record, RECORD_MAX);
	buf_init(&m->other, RECORD_MAX);
	buf_init(&m->parts, PARTS_MAX);
	buf_init(&m->path, 2 * MIRROR_PATH_MAX);
	buf_init(&m->old, 2 * MIRROR_PATH_MAX);
	buf_init(&m->text, URL_ROOM);
	buf_init(&m->out, OUT_BYTES);
	buf_init(&m->seeds, SIZE_MAX / 2);
	buf_init(&m->page.path, 2 * MIRROR_PATH_MAX);
	buf_init(&m->page.text, URL_ROOM);
	m->page.find = find;
	m->page.write = out_write;
	m->page.ctx = m;
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		return -errno;
	m->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	m->work_fd = open(m->files->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->fd < 0 || m->work_fd < 0)
		return -errno;
	n = mirror_mover_init(&m->mover, m->fd);
	return n < 0 ? n : mirror_map_new(m->files->dir, &m->map);
}

static void
release(struct mirror *m)
{
	struct buf *all[] = {&m->record, &m->other, &m->parts, &m->path, &m->old,
	    &m->text, &m->out, &m->seeds, &m->page.path, &m->page.text};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		buf_release(all[i]);
	mirror_map_free(m->map);
	mirror_mover_release(&m->mover);
	if (m->in_fd >= 0)
		(void)close(m->in_fd);
	if (m->fd >= 0)
		(void)close(m->fd);
	if (m->work_fd >= 0)
		(void)close(m->work_fd);
	free(m);
}

static int
tell(const struct mirror *m, const char *dir, int r, struct why *why)
{
	if (m->bad_file != NULL)
		return why_set(why, r,
		    "%s/mirror.work/%s is damaged in the record at byte %" PRIu64
		    ": no mirror can be made of it but by crawling anew, into another "
		    "directory",
		    dir, m->bad_file, m->bad_at);
	if (m->in[0] != '\0' && r == m->in_fd)
		return why_set(why, r, "cannot make %s/mirror/%s: %s", dir, m->in,
		    strerrordesc_np(-r));
	return why_set(why, r, "cannot make %s/mirror: %s", dir, strerrordesc_np(-r));
}

int
mirror_write(const struct mirror_files *f, const char *dir, const atomic_bool *hurry,
    struct why *why)
{
	struct mirror *m = calloc(1, sizeof(*m));
	int r;

	if (m == NULL)
		return why_set(why, -ENOMEM, "no memory for the mirror");
	m->files = f;
	m->hurry = hurry;
	m->fd = m->work_fd = m->in_fd = m->mover.far_fd = -1;
	r = begin(m, dir);
	if (r == 0)
		r = make(m);
	if (r < 0)
		(void)tell(m, dir, r, why);
	release(m);
	return r;
}
