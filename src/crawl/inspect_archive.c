#include "crawl/inspect_internal.h"
#include "sink/cdxj.h"
#include "sink/warc_reader.h"
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/*
 * Files of the archive that are full: their names and the places of their records are in
 * the index.  Each must be there and reach to the end of its last record that the index
 * has; what follows that, and so the end of the file, is read.
 */

enum { FILES_MAX = 1 << 20 };

struct file {
	char name[NAME_MAX + 1];
	uint64_t offset, end; /* of the last record in the index */
};

struct archive {
	struct inspect *in;
	const char *growing; /* name of the one that is not full */
	inspect_difference_fn *fn;
	void *ctx;
	struct file *files;
	size_t len, cap;
	uint64_t bad_lines;
	int differences, err;
	bool told; /* of the file that is read */
	const char *path;
};

__attribute__((format(printf, 2, 3))) static void
differs(struct archive *a, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	a->differences++;
	a->fn(a->ctx, text);
}

/* The files follow each other: the one that is meant is the last, or nearly. */
static struct file *
file_of(struct archive *a, struct slice name)
{
	struct file *f;

	for (size_t i = a->len; i > 0; i--)
		if (slice_eq(slice_cstr(a->files[i - 1].name), name))
			return &a->files[i - 1];
	if (a->len == a->cap) {
		size_t cap = a->cap == 0 ? 16 : 2 * a->cap;

		f = cap > FILES_MAX ? NULL : realloc(a->files, cap * sizeof(*f));
		if (f == NULL)
			return NULL;
		a->files = f;
		a->cap = cap;
	}
	f = &a->files[a->len++];
	*f = (struct file){.offset = 0};
	memcpy(f->name, name.ptr, name.len);
	return f;
}

static bool
on_line(void *ctx, struct slice line)
{
	struct archive *a = ctx;
	struct cdxj x;
	struct file *f;

	if (cdxj_parse_place(line, &x) < 0 || x.file.len > NAME_MAX ||
	    x.length > UINT64_MAX - x.offset) {
		a->bad_lines++;
		return true;
	}
	f = file_of(a, x.file);
	if (f == NULL) {
		a->err = -ENOMEM;
		return false;
	}
	if (x.offset + x.length > f->end) {
		f->offset = x.offset;
		f->end = x.offset + x.length;
	}
	return true;
}

static void
on_fault(void *ctx, const struct warc_fault *fault)
{
	struct archive *a = ctx;

	if (fault->note || a->told)
		return;
	a->told = true;
	differs(a, "warc/%s is damaged at byte %" PRIu64 ": %s", a->path, fault->offset,
	    fault->text);
}

/* From the last record that the index has to the end of the file. */
static int
read_end(struct archive *a, const struct file *f, const char *path, struct why *why)
{
	struct warc_watch watch = {on_fault, a};
	struct warc_reader *reader;
	struct warc_rec rec;
	int r = warc_reader_open(path, &watch, &reader, why);

	if (r < 0)
		return r;
	a->path = f->name;
	a->told = false;
	warc_reader_seek(reader, f->offset);
	while (!a->told && (r = warc_reader_next(reader, &rec, why)) > 0) {
		r = warc_reader_end(reader, &rec, why);
		if (r < 0)
			break;
	}
	warc_reader_close(reader);
	return r < 0 ? r : 0;
}

static int
verify_one(struct archive *a, const struct file *f, struct why *why)
{
	char path[4400];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/warc/%s", a->in->dir, f->name);
	if (stat(path, &st) < 0 && errno != ENOENT)
		return why_set(why, -errno, "%s: %s", path, strerror(errno));
	if (stat(path, &st) < 0) {
		/* Brought to its storage, as the job wants it. */
		if (!a->in->job->options.s3_s3_delete)
			differs(a, "warc/%s is missing", f->name);
		return 0;
	}
	if (!S_ISREG(st.st_mode)) {
		differs(a, "warc/%s is no regular file", f->name);
		return 0;
	}
	if ((uint64_t)st.st_size < f->end) {
		differs(a, "warc/%s has %lld bytes, its records reach to byte %" PRIu64,
		    f->name, (long long)st.st_size, f->end);
		return 0;
	}
	return read_end(a, f, path, why);
}

static bool
is_growing(const struct archive *a, const struct file *f)
{
	struct slice growing = slice_cstr(a->growing);

	return slice_ends(growing, slice_cstr(f->name));
}

int
inspect_verify_archive(struct inspect *in, const char *growing, inspect_difference_fn *fn,
    void *ctx, struct why *why)
{
	struct archive a = {.in = in, .growing = growing, .fn = fn, .ctx = ctx};
	int r = inspect_lines(in, "cdxj", on_line, &a, why);

	if (r == 0 && a.err < 0)
		r = why_set(why, a.err, "no memory for the files of the archive");
	if (r == 0 && a.bad_lines > 0)
		differs(&a, "damaged lines of the index: %" PRIu64, a.bad_lines);
	for (size_t i = 0; i < a.len && r == 0; i++)
		if (!is_growing(&a, &a.files[i]))
			r = verify_one(&a, &a.files[i], why);
	free(a.files);
	return r < 0 ? r : a.differences;
}
