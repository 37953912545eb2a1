/*
 * A power loss: the journal is read, what was synced since is struck out, and of the rest
 * some is taken back.
 *
 *   loss -> file (one an inode): its writes and cuts since its last sync, oldest first
 *        -> dir: the names made, moved and taken away in it since its last sync
 *
 * Of a file the first so many changes are kept, and of the next one maybe a part: that is
 * how writing back in the background looks when it is interrupted.  Instead of the part
 * there may be zeros or garbage up to where it would have ended: the size was written and
 * the data were not.  Of a directory the first so many changes are kept, for file systems
 * write their names in order.
 */
#include "base/map.h"
#include "fault.h"
#include "undo.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

enum { INODES_MAX = 1 << 20, DIRS_MAX = 4096 };

struct changes {
	const struct undo_rec **v;
	size_t n, cap;
};

struct file {
	uint64_t ino;
	struct changes changes;
	char path[PATH_MAX]; /* "": it has no name */
};

struct dir {
	char path[PATH_MAX];
	struct changes changes;
	size_t kept;
};

struct loss {
	const char *undo;
	FILE *log;
	uint64_t random;
	char *journal;
	struct umap by_ino;
	struct file **files;
	size_t files_len, files_cap;
	struct dir *dirs[DIRS_MAX];
	size_t dirs_len;
	bool strict; /* nothing is kept that was not synced */
};

static uint64_t
random_below(struct loss *l, uint64_t n)
{
	/* splitmix64, Steele et al. 2014 */
	uint64_t z = l->random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return n == 0 ? 0 : (z ^ (z >> 31)) % n;
}

/* How many of the first `n` changes are kept. */
static size_t
draw_kept(struct loss *l, size_t n)
{
	uint64_t how = l->strict ? 0 : random_below(l, 4);

	return how == 0 ? 0 : how == 1 ? n : (size_t)random_below(l, n + 1);
}

static void
say(struct loss *l, const char *what, const char *path, uint64_t a, uint64_t b)
{
	if (l->log != NULL)
		(void)fprintf(l->log, "# power loss: %s %s (%llu, %llu)\n", path, what,
		    (unsigned long long)a, (unsigned long long)b);
}

/* ---- reading the journal ---- */

static const char *
name_of(const struct undo_rec *r)
{
	return (const char *)(r + 1);
}

static const char *
to_of(const struct undo_rec *r)
{
	return name_of(r) + r->name_len;
}

static const char *
old_of(const struct undo_rec *r)
{
	return to_of(r) + r->to_len;
}

static int
push(struct changes *c, const struct undo_rec *r)
{
	if (c->n == c->cap) {
		size_t cap = c->cap == 0 ? 16 : c->cap * 2;
		const struct undo_rec **v = realloc(c->v, cap * sizeof(*v));

		if (v == NULL)
			return -ENOMEM;
		c->v = v;
		c->cap = cap;
	}
	c->v[c->n++] = r;
	return 0;
}

static struct file *
file_of(struct loss *l, uint64_t ino)
{
	struct file *f = umap_get(&l->by_ino, ino);

	if (f != NULL)
		return f;
	if (l->files_len == l->files_cap) {
		size_t cap = l->files_cap == 0 ? 64 : l->files_cap * 2;
		struct file **v = realloc(l->files, cap * sizeof(struct file *));

		if (v == NULL)
			return NULL;
		l->files = v;
		l->files_cap = cap;
	}
	f = calloc(1, sizeof(*f));
	if (f == NULL || umap_put(&l->by_ino, ino, f) < 0) {
		free(f);
		return NULL;
	}
	f->ino = ino;
	l->files[l->files_len++] = f;
	return f;
}

static struct dir *
dir_of(struct loss *l, struct slice path)
{
	struct dir *d;

	for (size_t i = 0; i < l->dirs_len; i++)
		if (slice_eq(slice_cstr(l->dirs[i]->path), path))
			return l->dirs[i];
	d = l->dirs_len == DIRS_MAX ? NULL : calloc(1, sizeof(*d));
	if (d == NULL)
		return NULL;
	(void)snprintf(d->path, sizeof(d->path), SLICE_FMT, SLICE_ARG(path));
	l->dirs[l->dirs_len++] = d;
	return d;
}

/* The directory in which a record changed a name. */
static struct dir *
dir_of_rec(struct loss *l, const struct undo_rec *r)
{
	const char *name = r->kind == UNDO_RENAME ? to_of(r) : name_of(r);

	return dir_of(l, slice_of(name, (size_t)(strrchr(name, '/') - name)));
}

static int
take(struct loss *l, const struct undo_rec *r)
{
	struct file *f = NULL;
	struct dir *d;

	if (r->kind == UNDO_DIRSYNC) {
		d = dir_of(l, slice_cstr(name_of(r)));
		if (d != NULL)
			d->changes.n = 0;
		return d == NULL ? -ENOMEM : 0;
	}
	if (r->kind == UNDO_CREATE || r->kind >= UNDO_WRITE) {
		f = file_of(l, r->ino);
		if (f == NULL)
			return -ENOMEM;
	}
	if (r->kind >= UNDO_WRITE && r->kind != UNDO_SYNC)
		return push(&f->changes, r);
	if (f != NULL) /* synced; or it is new, and another one had its number */
		f->changes.n = 0;
	if (r->kind == UNDO_SYNC)
		return 0;
	d = dir_of_rec(l, r);
	return d == NULL ? -ENOMEM : push(&d->changes, r);
}

/* Records are not aligned in the file: each is copied, to live as long as the loss. */
static int
read_journal(struct loss *l, const char *path)
{
	struct undo_rec r;
	struct stat st;
	size_t at = 0, size, len;
	ssize_t n = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	char *raw;

	if (fd < 0 || fstat(fd, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	size = (size_t)st.st_size;
	raw = malloc(size + 1);
	/* A record grows by at most 7 bytes when it is aligned. */
	l->journal = malloc(size + size / sizeof(r) * 8 + 8);
	if (raw != NULL && l->journal != NULL)
		n = read(fd, raw, size);
	(void)close(fd);
	if (n != (ssize_t)size)
		err = -EIO;
	for (char *to = l->journal; err == 0 && size - at >= sizeof(r);) {
		memcpy(&r, raw + at, sizeof(r));
		len = sizeof(r) + r.name_len + r.to_len + (size_t)r.old_len;
		if (r.magic != UNDO_MAGIC || len > size - at)
			break; /* its process died while it wrote it */
		memcpy(to, raw + at, len);
		err = take(l, (const struct undo_rec *)(void *)to);
		to += (len + 7) & ~(size_t)7;
		at += len;
	}
	free(raw);
	return err;
}

/* ---- contents ---- */

/* Finds the path of each inode that changed. */
static void
walk(struct loss *l, const char *path)
{
	DIR *h = opendir(path);
	struct dirent *d;

	while (h != NULL && (d = readdir(h)) != NULL) {
		char below[PATH_MAX];
		struct stat st;
		struct file *f;

		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		if ((size_t)snprintf(below, sizeof(below), "%s/%s", path, d->d_name) >=
			sizeof(below) ||
		    lstat(below, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			walk(l, below);
		f = S_ISREG(st.st_mode) ? umap_get(&l->by_ino, st.st_ino) : NULL;
		if (f != NULL)
			(void)snprintf(f->path, sizeof(f->path), "%s", below);
	}
	if (h != NULL)
		(void)closedir(h);
}

static int
put_bytes(int fd, const char *bytes, uint64_t len, uint64_t at)
{
	ssize_t n = len == 0 ? 0 : pwrite(fd, bytes, (size_t)len, (off_t)at);

	return n == (ssize_t)len ? 0 : n < 0 ? -errno : -EIO;
}

static int
take_back(int fd, const struct undo_rec *r)
{
	struct stat st;
	int err = put_bytes(fd, old_of(r), r->old_len, r->at);

	if (err == 0 && fstat(fd, &st) == 0 && (uint64_t)st.st_size != r->size &&
	    ftruncate(fd, (off_t)r->size) < 0)
		err = -errno;
	return err;
}

/* Part of a write that is to be taken back: its first bytes, or what is not its bytes. */
static int
draw_part(struct loss *l, int fd, const struct undo_rec *r, char **ret, uint64_t *ret_len)
{
	struct stat st;
	uint64_t len, how = l->strict ? 0 : random_below(l, 4);
	char *part;
	ssize_t n;

	*ret = NULL;
	*ret_len = 0;
	if (r->kind != UNDO_WRITE || how == 0 || fstat(fd, &st) < 0 ||
	    (uint64_t)st.st_size <= r->at)
		return 0;
	len = (uint64_t)st.st_size - r->at;
	len = random_below(l, (r->len < len ? r->len : len) + 1);
	part = malloc((size_t)len + 1);
	if (part == NULL)
		return -ENOMEM;
	n = pread(fd, part, (size_t)len, (off_t)r->at);
	if (n != (ssize_t)len) {
		free(part);
		return -EIO;
	}
	if (how >= 2) { /* from some place on */
		uint64_t good = random_below(l, len + 1);

		for (uint64_t i = good; i < len; i++)
			part[i] = how == 2 ? 0 : (char)random_below(l, 256);
	}
	*ret = part;
	*ret_len = len;
	return 0;
}

static int
lose_content(struct loss *l, struct file *f)
{
	size_t n = f->changes.n, kept = draw_kept(l, n);
	uint64_t part_len = 0;
	char *part = NULL;
	int fd, err = 0;

	if (kept == n || f->path[0] == '\0')
		return 0;
	fd = open(f->path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (n > kept && err == 0) {
		const struct undo_rec *r = f->changes.v[--n];

		if (n == kept)
			err = draw_part(l, fd, r, &part, &part_len);
		if (err == 0)
			err = take_back(fd, r);
		if (err == 0 && n == kept)
			err = put_bytes(fd, part, part_len, r->at);
	}
	say(l, "content", f->path, kept, part_len);
	free(part);
	(void)close(fd);
	return err;
}

/* ---- names ---- */

/* What had the name `path` gets it again. */
static void
bring_back(struct loss *l, const char *path, uint64_t kept)
{
	char from[PATH_MAX];

	(void)snprintf(from, sizeof(from), "%s/%llu", l->undo, (unsigned long long)kept);
	/* When it is there it was not taken away. */
	if (kept > 0 && link(from, path) < 0 && errno != EEXIST)
		say(l, "cannot come back", path, kept, (uint64_t)errno);
}

static void
remove_tree(const char *path)
{
	DIR *h = opendir(path);
	struct dirent *d;

	while (h != NULL && (d = readdir(h)) != NULL) {
		char below[PATH_MAX];
		struct stat st;

		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		if ((size_t)snprintf(below, sizeof(below), "%s/%s", path, d->d_name) >=
			sizeof(below) ||
		    lstat(below, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			remove_tree(below);
		else
			(void)unlink(below);
	}
	if (h != NULL)
		(void)closedir(h);
	(void)rmdir(path);
}

static bool
is_called(const char *path, uint64_t ino)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_ino == ino;
}

static void
take_back_name(struct loss *l, const struct undo_rec *r)
{
	const char *name = name_of(r);

	say(l, "name", r->kind == UNDO_RENAME ? to_of(r) : name, r->kind, r->kept);
	switch (r->kind) {
	case UNDO_CREATE:
	case UNDO_LINK:
		if (is_called(name, r->ino))
			(void)unlink(name);
		break;
	case UNDO_MKDIR:
		remove_tree(name);
		break;
	case UNDO_RMDIR:
		(void)mkdir(name, 0777);
		break;
	case UNDO_UNLINK:
		bring_back(l, name, r->kept);
		break;
	case UNDO_RENAME:
		if (!is_called(to_of(r), r->ino))
			break; /* it did not come to it */
		(void)rename(to_of(r), name);
		bring_back(l, to_of(r), r->kept);
		break;
	default:
		break;
	}
}

/* Backwards in time, over all directories: one may have been made in another. */
static void
lose_names(struct loss *l)
{
	for (size_t i = 0; i < l->dirs_len; i++)
		l->dirs[i]->kept = draw_kept(l, l->dirs[i]->changes.n);
	for (;;) {
		struct dir *latest = NULL;

		for (size_t i = 0; i < l->dirs_len; i++) {
			struct dir *d = l->dirs[i];

			if (d->changes.n > d->kept &&
			    (latest == NULL ||
				d->changes.v[d->changes.n - 1] >
				    latest->changes.v[latest->changes.n - 1]))
				latest = d;
		}
		if (latest == NULL)
			return;
		take_back_name(l, latest->changes.v[--latest->changes.n]);
	}
}

/* ---- the loss ---- */

static void
release(struct loss *l)
{
	for (size_t i = 0; i < l->files_len; i++) {
		free(l->files[i]->changes.v);
		free(l->files[i]);
	}
	for (size_t i = 0; i < l->dirs_len; i++) {
		free(l->dirs[i]->changes.v);
		free(l->dirs[i]);
	}
	free(l->files);
	free(l->journal);
	umap_release(&l->by_ino);
}

int
fault_power_loss(const char *undo, const char *dir, uint64_t seed, FILE *log)
{
	struct loss l = {.undo = undo, .log = log, .random = seed};
	char path[PATH_MAX];
	int err;

	umap_init(&l.by_ino, INODES_MAX);
	l.strict = random_below(&l, 3) == 0;
	(void)snprintf(path, sizeof(path), "%s/journal", undo);
	err = read_journal(&l, path);
	if (err == 0) {
		walk(&l, undo);
		walk(&l, dir);
	}
	for (size_t i = 0; i < l.files_len && err == 0; i++)
		err = lose_content(&l, l.files[i]);
	if (err == 0)
		lose_names(&l);
	release(&l);
	if (err == 0)
		remove_tree(undo);
	return err;
}
