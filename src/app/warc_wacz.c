#include "app/warc_wacz.h"
#include "app/warc_tool.h"
#include "base/clock.h"
#include "base/dir_make.h"
#include "base/file_whole.h"
#include "base/json.h"
#include "sink/warc_writer.h"
#include "sink/zip.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

enum { BLOCK_LINES = 3000, LINE_BYTES_MAX = 8 << 20, FILES_MAX = 100 * 1000 };

struct wacz {
	const char *dir, *out;
	int64_t wall_us;
	FILE *f;
	struct zip *zip;
	struct jsonw j; /* datapackage.json, in `package` */
	struct buf package, line;
	char *main_page, *main_date; /* the first */
	struct why *why;
};

static int
failed(struct wacz *w, int r, const char *what)
{
	return why_set(w->why, r, "%s: cannot %s: %s", w->out, what, strerrordesc_np(-r));
}

/* A file without a name, where there is room for all of it. */
static FILE *
scratch(struct wacz *w)
{
	char dir[PATH_MAX];
	int fd;

	dir_of(w->out, dir);
	fd = file_unnamed(dir);
	return fd < 0 ? tmpfile() : fdopen(fd, "w+e");
}

static FILE *
open_in(struct wacz *w, const char *name)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", w->dir, name);

	if (n < 0 || n >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	return fopen(path, "re");
}

static int
add(struct wacz *w, const char *path, FILE *from)
{
	char sha256[ZIP_SHA256_TEXT_MAX], name[NAME_MAX + 1];
	const char *slash = strrchr(path, '/');
	uint64_t bytes;
	int r;

	if (fflush(from) != 0 || fseeko(from, 0, SEEK_SET) != 0)
		return failed(w, -errno, "write what goes into it");
	r = zip_add(w->zip, path, from, &bytes, sha256);
	if (r < 0)
		return failed(w, r, path);
	jsonw_object(&w->j, NULL);
	/* Of data packages: in small letters. */
	(void)snprintf(name, sizeof(name), "%s", slash == NULL ? path : slash + 1);
	for (char *c = name; *c != '\0'; c++)
		*c = ascii_lower(*c);
	jsonw_str(&w->j, "name", slice_cstr(name));
	jsonw_str(&w->j, "path", slice_cstr(path));
	jsonw_str(&w->j, "hash", slice_cstr(sha256));
	jsonw_int(&w->j, "bytes", (int64_t)bytes);
	jsonw_object_end(&w->j);
	return 0;
}

/* -- archive/ -- */

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
is_warc(const struct dirent *d)
{
	return strstr(d->d_name, ".warc") != NULL;
}

static int
add_archive_file(struct wacz *w, const char *name)
{
	char from[NAME_MAX + 16], to[NAME_MAX + 16];
	struct slice s = slice_cstr(name);
	FILE *f;
	int r;

	if (slice_ends(s, SLICE_LIT(".open")))
		return why_set(w->why, -EBUSY,
		    "%s: the crawl is not over: warc/%s still grows", w->dir, name);
	if (!slice_ends(s, SLICE_LIT(".warc.gz")) && !slice_ends(s, SLICE_LIT(".warc")))
		return why_set(w->why, -EINVAL,
		    "%s: viewers of WACZ read no warc/%s; see trawl warc recompress",
		    w->dir, name);
	(void)snprintf(from, sizeof(from), "warc/%s", name);
	(void)snprintf(to, sizeof(to), "archive/%s", name);
	f = open_in(w, from);
	if (f == NULL)
		return failed(w, -errno, from);
	r = add(w, to, f);
	(void)fclose(f);
	return r;
}

static int
add_archive(struct wacz *w)
{
	char path[PATH_MAX];
	struct dirent **v = NULL;
	int n, r = 0;

	(void)snprintf(path, sizeof(path), "%s/warc", w->dir);
	n = scandir(path, &v, is_warc, by_name);
	if (n < 0)
		return failed(w, -errno, "list the archive");
	if (n == 0 || n > FILES_MAX)
		r = why_set(w->why, -ENOENT, "%s: there is no archive in it", w->dir);
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = add_archive_file(w, v[i]->d_name);
		free(v[i]);
	}
	free(v);
	return r;
}

/* -- indexes/: blocks of lines, each a gzip member, and what each begins with. -- */

static int
end_block(struct wacz *w, struct warc_writer *z, struct slice first, long at, FILE *gz,
    FILE *idx)
{
	int r = warc_writer_end(z);
	struct jsonw j;

	if (r < 0)
		return r;
	buf_clear(&w->line);
	jsonw_init(&j, &w->line);
	jsonw_object(&j, NULL);
	jsonw_int(&j, "offset", at);
	jsonw_int(&j, "length", ftello(gz) - at);
	jsonw_str(&j, "filename", SLICE_LIT("index.cdx.gz"));
	jsonw_object_end(&j);
	if (j.err < 0)
		return j.err;
	(void)fwrite(first.ptr, 1, first.len, idx);
	(void)putc(' ', idx);
	(void)fwrite(w->line.ptr, 1, w->line.len, idx);
	return putc('\n', idx) == EOF || ferror(idx) ? -EIO : 0;
}

static int
write_blocks(struct wacz *w, FILE *from, FILE *gz, FILE *idx)
{
	struct warc_writer *z;
	char *line = NULL, *first = NULL;
	size_t cap = 0, n = 0;
	long at = 0;
	ssize_t len;
	int r = warc_writer_new(WARC_GZIP, gz, &z);

	if (r < 0)
		return r;
	if (fputs("!meta 0 {\"format\": \"cdxj-gzip-1.0\", \"filename\": "
		  "\"index.cdx.gz\"}\n",
		idx) < 0)
		r = -EIO;
	while (r == 0 && (len = getline(&line, &cap, from)) > 0) {
		if (n == 0) {
			const char *brace = strchr(line, '{');

			free(first);
			first = slice_dup(slice_trim(slice_of(
			    line, brace == NULL ? (size_t)len : (size_t)(brace - line))));
			at = ftello(gz);
		}
		r = first == NULL ? -ENOMEM
				  : warc_writer_add(z, slice_of(line, (size_t)len));
		if (r == 0 && ++n == BLOCK_LINES) {
			r = end_block(w, z, slice_cstr(first), at, gz, idx);
			n = 0;
		}
	}
	if (r == 0 && n > 0)
		r = end_block(w, z, slice_cstr(first), at, gz, idx);
	if (r == 0 && ferror(from))
		r = -EIO;
	free(first);
	free(line);
	warc_writer_free(z);
	return r;
}

static int
add_index(struct wacz *w)
{
	FILE *from = open_in(w, "index.cdxj"), *gz = scratch(w), *idx = scratch(w);
	int r = 0;

	if (from == NULL)
		r = why_set(w->why, -errno,
		    "%s: there is no index.cdxj: the crawl is not over, or has no "
		    "archive "
		    "(trawl warc index makes one)",
		    w->dir);
	else if (gz == NULL || idx == NULL)
		r = failed(w, -errno, "make a file for its index");
	else if ((r = write_blocks(w, from, gz, idx)) < 0)
		r = failed(w, r, "write its index");
	if (r == 0)
		r = add(w, "indexes/index.cdx.gz", gz);
	if (r == 0)
		r = add(w, "indexes/index.idx", idx);
	if (from != NULL)
		(void)fclose(from);
	if (gz != NULL)
		(void)fclose(gz);
	if (idx != NULL)
		(void)fclose(idx);
	return r;
}

/* -- pages/ -- */

static const char *
text_of(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s == NULL ? "" : s;
}

/* A line of pages.jsonl of the crawl: is it a page that people look at? */
static int
add_page(struct wacz *w, json_t *o, FILE *to)
{
	const char *url = text_of(o, "url"), *ts = text_of(o, "fetched_at"),
		   *mime = text_of(o, "mime");
	char id[24];
	struct jsonw j;

	if (json_integer_value(json_object_get(o, "status")) != 200 || *url == '\0' ||
	    (strcmp(mime, "text/html") != 0 &&
		strcmp(mime, "application/xhtml+xml") != 0))
		return 0;
	buf_clear(&w->line);
	(void)buf_printf(&w->line, "%s %s", url, ts);
	(void)snprintf(id, sizeof(id), "%016" PRIx64,
	    (uint64_t)XXH3_64bits(w->line.ptr, w->line.len));
	buf_clear(&w->line);
	jsonw_init(&j, &w->line);
	jsonw_object(&j, NULL);
	jsonw_str(&j, "id", slice_cstr(id));
	jsonw_str(&j, "url", slice_cstr(url));
	jsonw_str(&j, "ts", slice_cstr(ts));
	jsonw_opt(&j, "title", slice_cstr(text_of(o, "title")));
	jsonw_object_end(&j);
	if (j.err == 0)
		j.err = buf_add_byte(&w->line, '\n');
	if (j.err < 0)
		return j.err;
	if (w->main_page == NULL) {
		w->main_page = slice_dup(slice_cstr(url));
		w->main_date = slice_dup(slice_cstr(ts));
	}
	return fwrite(w->line.ptr, 1, w->line.len, to) == w->line.len ? 0 : -EIO;
}

static int
write_pages(struct wacz *w, FILE *from, FILE *to)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int r =
	    fputs("{\"format\": \"json-pages-1.0\", \"id\": \"pages\", \"title\": \"All "
		  "Pages\"}\n",
		to) < 0
		? -EIO
		: 0;

	while (r == 0 && from != NULL && (len = getline(&line, &cap, from)) > 0) {
		json_t *o = json_loadb(line, (size_t)len, 0, NULL);

		if (o != NULL)
			r = add_page(w, o, to);
		json_decref(o);
	}
	free(line);
	return r;
}

/* A crawl without the jsonl sink has an archive without a list of pages. */
static int
add_pages(struct wacz *w)
{
	FILE *from = open_in(w, "pages.jsonl"), *to = scratch(w);
	int r = to == NULL ? -errno : write_pages(w, from, to);

	r = r < 0 ? failed(w, r, "write its pages") : add(w, "pages/pages.jsonl", to);
	if (from != NULL)
		(void)fclose(from);
	if (to != NULL)
		(void)fclose(to);
	return r;
}

/* -- datapackage.json -- */

static int
add_text(struct wacz *w, const char *name, struct slice text,
    char ret_sha256[ZIP_SHA256_TEXT_MAX])
{
	uint64_t bytes;
	FILE *f = scratch(w);
	int r = f == NULL ? -errno
		: fwrite(text.ptr, 1, text.len, f) == text.len && fflush(f) == 0 &&
			fseeko(f, 0, SEEK_SET) == 0
		    ? zip_add(w->zip, name, f, &bytes, ret_sha256)
		    : -EIO;

	if (f != NULL)
		(void)fclose(f);
	return r;
}

static int
add_package(struct wacz *w)
{
	char created[CLOCK_TEXT_MAX], sha256[ZIP_SHA256_TEXT_MAX];
	struct jsonw *j = &w->j, d;
	int r;

	jsonw_array_end(j);
	clock_format(w->wall_us, 0, created);
	jsonw_str(j, "created", slice_cstr(created));
	jsonw_str(j, "software", SLICE_LIT(PACKAGE_NAME "/" PACKAGE_VERSION));
	if (w->main_page != NULL && w->main_date != NULL) {
		jsonw_str(j, "mainPageUrl", slice_cstr(w->main_page));
		jsonw_str(j, "mainPageDate", slice_cstr(w->main_date));
	}
	jsonw_object_end(j);
	r = j->err;
	if (r == 0)
		r = add_text(w, "datapackage.json", buf_slice(&w->package), sha256);
	if (r == 0) {
		buf_clear(&w->line);
		jsonw_init(&d, &w->line);
		jsonw_object(&d, NULL);
		jsonw_str(&d, "path", SLICE_LIT("datapackage.json"));
		jsonw_str(&d, "hash", slice_cstr(sha256));
		jsonw_object_end(&d);
		r = d.err;
	}
	if (r == 0)
		r = add_text(w, "datapackage-digest.json", buf_slice(&w->line), sha256);
	if (r == 0)
		r = zip_end(w->zip);
	return r < 0 ? failed(w, r, "write what is in it") : 0;
}

static int
fill(struct wacz *w)
{
	int r = zip_new(w->f, w->wall_us / 1000000, &w->zip);

	if (r < 0)
		return failed(w, r, "begin");
	jsonw_init(&w->j, &w->package);
	jsonw_object(&w->j, NULL);
	jsonw_str(&w->j, "profile", SLICE_LIT("data-package"));
	jsonw_str(&w->j, "wacz_version", SLICE_LIT("1.1.1"));
	jsonw_array(&w->j, "resources");
	r = add_index(w); /* first: it tells soonest that there is nothing to pack */
	if (r == 0)
		r = add_pages(w);
	if (r == 0)
		r = add_archive(w);
	return r < 0 ? r : add_package(w);
}

int
wacz_make(const char *dir, const char *out, struct why *why)
{
	struct wacz w = {.dir = dir, .out = out, .wall_us = clock_wall_us(), .why = why};
	struct file_whole whole;
	int r = warc_out_is_wacz(out, why);

	if (r == 0)
		r = file_whole_begin(&whole, out, 0666, why);
	if (r < 0)
		return r;
	w.f = whole.f;
	buf_init(&w.package, 64 << 20);
	buf_init(&w.line, LINE_BYTES_MAX);
	r = file_whole_end(&whole, fill(&w), true, why);
	zip_free(w.zip);
	free(w.main_page);
	free(w.main_date);
	buf_release(&w.line);
	buf_release(&w.package);
	return r;
}

int
warc_wacz(int argc, char **argv)
{
	const char *out = NULL;
	const struct tool_flag flags[] = {{"-o", &out, NULL}};
	char beside[PATH_MAX];
	struct why why = {""};
	int words, code = tool_flags(argc, argv, flags, 1, &words);

	if (code == 0 && words != 1)
		code = usage_error("trawl warc wacz wants the directory of a crawl");
	if (code != 0)
		return code;
	(void)snprintf(beside, sizeof(beside), "%s/.", argv[0]);
	if (access(beside, F_OK) < 0)
		return say_error(EXIT_FILE, "%s is not the directory of a crawl: %s",
		    argv[0], strerror(errno));
	(void)snprintf(beside, sizeof(beside), "%s/archive.wacz", argv[0]);
	if (wacz_make(argv[0], out == NULL ? beside : out, &why) < 0)
		return say_error(EXIT_FILE, "%s", why.text);
	return EXIT_DONE;
}

int
wacz_pack(const char *dir, struct why *why)
{
	char path[PATH_MAX + 16];

	(void)snprintf(path, sizeof(path), "%s/archive.wacz", dir);
	return wacz_make(dir, path, why);
}
