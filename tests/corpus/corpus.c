#include "corpus.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

/* nftw() hands its callback nothing of ours. */
static struct {
	struct corpus *corpus;
	size_t root_len;
	struct slice suffix;
	int err;
} walk;

static int
walk_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
	struct corpus *c = walk.corpus;
	struct corpus_file *files;

	(void)at;
	if (type != FTW_F || !S_ISREG(st->st_mode) || st->st_size == 0 ||
	    !slice_ends(slice_cstr(path), walk.suffix))
		return 0;
	if (c->files_len == c->files_cap) {
		size_t cap = c->files_cap == 0 ? 1024 : c->files_cap * 2;

		files = realloc(c->files, cap * sizeof(*files));
		if (files == NULL)
			return walk.err = -ENOMEM;
		c->files = files;
		c->files_cap = cap;
	}
	c->files[c->files_len] = (struct corpus_file){
	    .path = strdup(path), .body = {.ptr = NULL, .len = (size_t)st->st_size}};
	if (c->files[c->files_len].path == NULL)
		return walk.err = -ENOMEM;
	c->files_len++;
	c->bytes_seen += (size_t)st->st_size;
	return 0;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(
	    ((const struct corpus_file *)a)->path, ((const struct corpus_file *)b)->path);
}

static int
file_read(struct corpus_file *f)
{
	int fd = open(f->path, O_RDONLY | O_CLOEXEC), err = 0;
	char *bytes = malloc(f->body.len + 1);
	size_t len = 0;

	if (fd < 0 || bytes == NULL)
		err = fd < 0 ? -errno : -ENOMEM;
	while (err == 0 && len < f->body.len) {
		ssize_t n = read(fd, bytes + len, f->body.len - len);

		if (n <= 0)
			err = n < 0 ? -errno : -EIO;
		else
			len += (size_t)n;
	}
	if (fd >= 0)
		(void)close(fd);
	if (err != 0) {
		free(bytes);
		return err;
	}
	bytes[len] = '\0';
	f->body.ptr = bytes;
	return 0;
}

/* Keeps one of `step` files, from the middle of each `step`. */
static int
files_pick(struct corpus *c, size_t step)
{
	size_t kept = 0;
	int err = 0;

	for (size_t i = 0; i < c->files_len; i++) {
		struct corpus_file f = c->files[i];

		if (i % step != step / 2 || err != 0) {
			free(f.path);
			continue;
		}
		err = file_read(&f);
		memmove(
		    f.path, f.path + walk.root_len, strlen(f.path + walk.root_len) + 1);
		c->files[kept++] = f;
		c->bytes += f.body.len;
	}
	c->files_len = kept;
	return err;
}

int
corpus_load(struct corpus *c, const char *dir, const char *suffix, size_t bytes_max)
{
	size_t len = strlen(dir), step;
	int err;

	while (len > 1 && dir[len - 1] == '/')
		len--;
	*c = (struct corpus){0};
	walk.corpus = c;
	walk.root_len = len + 1;
	walk.suffix = slice_cstr(suffix);
	walk.err = 0;
	if (nftw(dir, walk_file, 16, FTW_PHYS) != 0) {
		err = walk.err != 0 ? walk.err : -errno;
		corpus_release(c);
		return err;
	}
	qsort(c->files, c->files_len, sizeof(*c->files), by_path);
	c->pages_seen = c->files_len;
	step = bytes_max == 0 ? 1 : c->bytes_seen / bytes_max + 1;
	err = files_pick(c, step);
	if (err != 0)
		corpus_release(c);
	return err;
}

void
corpus_release(struct corpus *c)
{
	for (size_t i = 0; i < c->files_len; i++) {
		free(c->files[i].path);
		free((void *)(uintptr_t)c->files[i].body.ptr);
	}
	free(c->files);
	*c = (struct corpus){0};
}
