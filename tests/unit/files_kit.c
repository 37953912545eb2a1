#include "files_kit.h"
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void
kit_scratch(char ret_dir[KIT_PATH_MAX])
{
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(
	    ret_dir, KIT_PATH_MAX, "%s/trawl-test-XXXXXX", tmp == NULL ? "/tmp" : tmp);
	assert_non_null(mkdtemp(ret_dir));
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

void
kit_remove(const char *dir)
{
	assert_int_equal(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

void
kit_list(const char *dir, const char *sub, struct kit_list *ret)
{
	char path[KIT_PATH_MAX];
	struct dirent *d;
	DIR *h;

	ret->n = 0;
	(void)snprintf(path, sizeof(path), "%s/%s", dir, sub);
	h = opendir(path);
	assert_non_null(h);
	while ((d = readdir(h)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		assert_true(ret->n < KIT_FILES_MAX);
		(void)snprintf(
		    ret->names[ret->n++], sizeof(ret->names[0]), "%s", d->d_name);
	}
	(void)closedir(h);
	qsort(ret->names, ret->n, sizeof(ret->names[0]), by_name);
}

struct slice
kit_file(const char *dir, const char *name)
{
	char path[KIT_PATH_MAX];
	struct stat st;
	size_t done = 0;
	char *p;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	p = malloc((size_t)st.st_size + 1);
	assert_non_null(p);
	while (done < (size_t)st.st_size) {
		ssize_t n = read(fd, p + done, (size_t)st.st_size - done);

		assert_true(n > 0);
		done += (size_t)n;
	}
	(void)close(fd);
	p[done] = '\0';
	return slice_of(p, done);
}

void
kit_write(const char *dir, const char *name, struct slice bytes)
{
	char path[KIT_PATH_MAX];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.ptr, bytes.len), (ssize_t)bytes.len);
	assert_int_equal(close(fd), 0);
}

void
kit_free(struct slice s)
{
	union {
		const char *in;
		char *out;
	} p = {.in = s.ptr};

	free(p.out);
}

void
assert_slice_at(struct slice got, const char *want, const char *file, int line)
{
	if (slice_eq(got, slice_cstr(want)))
		return;
	print_error("got  '" SLICE_FMT "'\nwant '%s'\n", SLICE_ARG(got), want);
	_fail(file, line);
}
