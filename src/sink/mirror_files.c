#include "sink/mirror_files.h"
#include "base/file_whole.h"
#include "base/room.h"
#include "base/wire.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/banned.h"

enum {
	INDEX_BUF_BYTES = 64 << 10,
	PARTS_BUF_BYTES = 1 << 20,
	RECORD_BYTES_MAX = 64 << 10,
	HEAD_BYTES = 4, /* of a record: its length */
	SUM_BYTES = 4,
	HAS_SUM = 0x80, /* with `what`; those of former versions have none */
	HAS_PIECES_SUM = 0x40,
	READ_AHEAD = 1024,
	NEW_BITS = 20, /* of a place, that are the name in a directory */
};

void
mirror_new_name(uint64_t at, char ret[MIRROR_NEW_NAME_MAX])
{
	(void)snprintf(ret, MIRROR_NEW_NAME_MAX, "%" PRIx64 "/%" PRIx64, at >> NEW_BITS,
	    at & ((1u << NEW_BITS) - 1));
}

static int
failed(const struct mirror_files *f, const char *what, int err, struct why *why)
{
	return why_set(why, room_error(err), "cannot %s in %s: %s", what, f->dir,
	    strerrordesc_np(-err));
}

/* -- Opening. -- */

/* A number in hexadecimal, as names in `new` are. */
static bool
name_parse(const char *name, uint64_t *ret)
{
	uint64_t v = 0;
	size_t n = 0;

	for (; name[n] != '\0'; n++) {
		int digit = ascii_hex(name[n]);

		if (digit < 0 || n == 15)
			return false;
		v = v << 4 | (uint64_t)digit;
	}
	*ret = v;
	return n > 0;
}

/* What of a directory is from `from` on. */
static int
cut_directory(int new_fd, const char *name, uint64_t from)
{
	int fd = openat(new_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	uint64_t at;
	int r = 0;

	if (d == NULL) {
		r = -errno;
		if (fd >= 0)
			(void)close(fd);
		return r;
	}
	while (r == 0 && (errno = 0, e = readdir(d)) != NULL)
		if (name_parse(e->d_name, &at) && at >= from &&
		    unlinkat(fd, e->d_name, 0) < 0)
			r = -errno;
	(void)closedir(d);
	return r;
}

/* Of a page that was not committed nothing is left. */
static int
cut_new(const struct mirror_files *f, uint64_t length)
{
	int fd = dup(f->new_fd), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	uint64_t from = length & ((1u << NEW_BITS) - 1), at;
	const struct dirent *e;

	if (d == NULL) {
		r = -errno;
		if (fd >= 0)
			(void)close(fd);
		return r;
	}
	rewinddir(d);
	while (r == 0 && (errno = 0, e = readdir(d)) != NULL) {
		if (!name_parse(e->d_name, &at) || at < length >> NEW_BITS)
			continue;
		r = cut_directory(
		    f->new_fd, e->d_name, at == length >> NEW_BITS ? from : 0);
	}
	(void)closedir(d);
	return r;
}

int
mirror_files_parse_mark(struct slice mark, uint64_t *ret_index, uint64_t *ret_parts)
{
	struct slice index;

	return slice_cut(&mark, ' ', &index) && slice_to_u64(index, ret_index) &&
		       slice_to_u64(mark, ret_parts)
		   ? 0
		   : -EBADMSG;
}

static int
open_new(struct mirror_files *f, struct why *why)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/new", f->dir);

	if (n < 0 || (size_t)n >= sizeof(path))
		return failed(f, "make a directory", -ENAMETOOLONG, why);
	if (mkdir(f->dir, 0777) < 0 && errno != EEXIST)
		return failed(f, "make a directory", -errno, why);
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		return failed(f, "make a directory", -errno, why);
	f->new_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return f->new_fd < 0 ? failed(f, "open a directory", -errno, why) : 0;
}

static int
open_files(struct mirror_files *f, struct slice mark, struct why *why)
{
	uint64_t index = 0, parts = 0;
	int r = file_append_init(&f->index, f->dir, INDEX_BUF_BYTES, why);

	if (r < 0)
		return r;
	r = file_append_init(&f->parts, f->dir, PARTS_BUF_BYTES, why);
	if (r < 0) {
		file_append_release(&f->index);
		return r;
	}
	if (mark.len == 0) {
		r = file_append_create(&f->index, "index", why);
		if (r == 0)
			r = file_append_create(&f->parts, "parts", why);
	} else {
		r = mirror_files_parse_mark(mark, &index, &parts);
		if (r < 0)
			(void)why_set(
			    why, r, "what was committed of '%s' is no number", f->dir);
		if (r == 0)
			r = file_append_open(&f->index, "index", index, why);
		if (r == 0)
			r = file_append_open(&f->parts, "parts", parts, why);
	}
	if (r == 0) {
		r = cut_new(f, index);
		if (r < 0)
			(void)failed(f, "remove what was not committed", r, why);
	}
	if (r < 0) {
		file_append_release(&f->index);
		file_append_release(&f->parts);
	}
	return r;
}

int
mirror_files_open(
    struct mirror_files *f, const char *dir, struct slice mark, struct why *why)
{
	struct buf path;
	const char *text = NULL;
	int r;

	*f = (struct mirror_files){.new_fd = -1};
	buf_init(&f->record, RECORD_BYTES_MAX);
	buf_init(&path, PATH_MAX);
	if (buf_printf(&path, "%s/mirror.work", dir) == 0)
		text = buf_cstr(&path);
	f->dir = slice_dup(slice_cstr(text));
	buf_release(&path);
	if (text == NULL || f->dir == NULL) {
		free(f->dir);
		return why_set(why, -ENOMEM, "no memory for the mirror");
	}
	r = open_new(f, why);
	if (r == 0 && (r = dir_sync(dir)) < 0)
		(void)failed(f, "sync a directory", r, why);
	if (r == 0)
		r = open_files(f, mark, why);
	if (r < 0) {
		if (f->new_fd >= 0)
			(void)close(f->new_fd);
		free(f->dir);
	}
	return r;
}

void
mirror_files_close(struct mirror_files *f)
{
	file_append_release(&f->index);
	file_append_release(&f->parts);
	buf_release(&f->record);
	(void)close(f->new_fd);
	free(f->dir);
}

/* -- Writing. -- */

static int
write_all(int fd, struct slice bytes)
{
	while (bytes.len > 0) {
		ssize_t n = write(fd, bytes.ptr, bytes.len);

		if (n == 0 || (n < 0 && errno != EINTR))
			return n == 0 ? -EIO : -errno;
		bytes = slice_from(bytes, n < 0 ? 0 : (size_t)n);
	}
	return 0;
}

static int
new_write(struct mirror_files *f, uint64_t at, struct slice bytes, struct why *why)
{
	char name[MIRROR_NEW_NAME_MAX];
	char *slash;
	int fd, r;

	mirror_new_name(at, name);
	slash = strchr(name, '/');
	*slash = '\0';
	if (mkdirat(f->new_fd, name, 0777) < 0 && errno != EEXIST)
		return failed(f, "make a directory", -errno, why);
	*slash = '/';
	fd = openat(
	    f->new_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		return failed(f, "make a file", -errno, why);
	r = write_all(fd, bytes);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(f->new_fd, name, 0);
		return failed(f, "write a file", r, why);
	}
	f->has_new = true;
	return 0;
}

/* Of a record but for its length, which is judged by where the record ends; of pieces. */
static uint32_t
sum_of(struct slice bytes)
{
	return (uint32_t)XXH3_64bits(bytes.ptr, bytes.len);
}

static int
record_make(struct mirror_files *f, const struct mirror_record *rec)
{
	struct wire_out w = {.b = &f->record};
	uint32_t len = (uint32_t)(1 + 1 + 1 + 8 + 8 + 4 + rec->url.len + 4 +
				  rec->target.len + 2 * SUM_BYTES);

	buf_clear(&f->record);
	wire_u32(&w, len);
	wire_u8(&w, rec->what | HAS_SUM | HAS_PIECES_SUM);
	wire_u8(&w, rec->kind);
	wire_u8(&w, rec->seed);
	wire_u64(&w, rec->parts_at);
	wire_u64(&w, rec->parts_len);
	wire_text(&w, rec->url);
	wire_text(&w, rec->target);
	wire_u32(&w, rec->pieces_sum);
	if (w.err == 0)
		wire_u32(&w, sum_of(slice_from(buf_slice(&f->record), HEAD_BYTES)));
	return w.err;
}

int
mirror_files_add(struct mirror_files *f, struct mirror_record *rec, struct slice bytes,
    struct why *why)
{
	int r = 0;

	rec->parts_at = file_append_at(&f->parts);
	rec->parts_len = rec->what == MIRROR_PAGE ? bytes.len : 0;
	rec->pieces_sum = sum_of(slice_head(bytes, rec->parts_len));
	if (record_make(f, rec) < 0)
		return why_set(why, -ENOMEM, "no memory for a record of the mirror");
	if (rec->what == MIRROR_FILE)
		r = new_write(f, file_append_at(&f->index), bytes, why);
	else if (rec->what == MIRROR_PAGE)
		r = file_append_add(&f->parts, bytes, why);
	return r < 0 ? r : file_append_add(&f->index, buf_slice(&f->record), why);
}

int
mirror_files_flush(struct mirror_files *f, struct why *why)
{
	int r = file_append_flush(&f->parts, why);

	return r < 0 ? r : file_append_flush(&f->index, why);
}

/* Many small files are cheaper to sync with all else on that file system than one by one. */
int
mirror_files_sync(struct mirror_files *f, struct why *why)
{
	int r = file_append_sync(&f->parts, why);

	if (r == 0 && f->has_new && syncfs(f->new_fd) < 0)
		return failed(f, "sync", -errno, why);
	if (r == 0)
		f->has_new = false;
	return r < 0 ? r : file_append_sync(&f->index, why);
}

int
mirror_files_mark(const struct mirror_files *f, struct buf *out)
{
	if (f->index.len > 0 || f->parts.len > 0)
		return -EBUSY;
	return buf_printf(out, "%" PRIu64 " %" PRIu64, f->index.pos, f->parts.pos);
}

/* -- Reading back. -- */

static int
read_at(int fd, uint64_t at, char *to, size_t n, size_t *ret_n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = pread(fd, to + done, n - done, (off_t)(at + done));

		if (got == 0)
			break;
		if (got < 0 && errno != EINTR)
			return -errno;
		done += got < 0 ? 0 : (size_t)got;
	}
	*ret_n = done;
	return 0;
}

/* So many bytes of the file, into the buffer, as far as there are so many. */
static int
read_into(int fd, uint64_t at, size_t n, struct buf *b)
{
	size_t got = 0;
	int r;

	buf_clear(b);
	r = buf_reserve(b, n);
	if (r == 0)
		r = read_at(fd, at, b->ptr, n, &got);
	if (r == 0)
		b->len = got;
	return r;
}

static int
record_parse(struct slice bytes, struct mirror_record *ret)
{
	struct wire_in in = {.rest = bytes};
	struct mirror_record rec = {0};
	bool has_sum;
	size_t n;

	rec.what = wire_get_u8(&in);
	has_sum = (rec.what & HAS_SUM) != 0;
	rec.has_pieces_sum = (rec.what & HAS_PIECES_SUM) != 0;
	rec.what &= (uint8_t) ~(HAS_SUM | HAS_PIECES_SUM);
	rec.kind = wire_get_u8(&in);
	rec.seed = wire_get_u8(&in) != 0;
	rec.parts_at = wire_get_u64(&in);
	rec.parts_len = wire_get_u64(&in);
	rec.url = wire_get_text(&in);
	rec.target = wire_get_text(&in);
	if (rec.has_pieces_sum)
		rec.pieces_sum = wire_get_u32(&in);
	n = bytes.len - in.rest.len;
	if (has_sum && wire_get_u32(&in) != sum_of(slice_head(bytes, n)))
		in.bad = true;
	if (in.bad || in.rest.len > 0 || rec.what >= MIRROR_WHAT_MAX)
		return -EBADMSG;
	*ret = rec;
	return 0;
}

int
mirror_record_read(const struct mirror_files *f, uint64_t at, struct buf *b,
    struct mirror_record *ret, uint64_t *ret_next)
{
	struct wire_in in;
	uint32_t len;
	int r = read_into(f->index.fd, at, READ_AHEAD, b);

	if (r < 0)
		return r;
	in = (struct wire_in){.rest = buf_slice(b)};
	len = wire_get_u32(&in);
	if (in.bad || len > RECORD_BYTES_MAX)
		return -EBADMSG;
	if (in.rest.len < len) {
		r = read_into(f->index.fd, at, HEAD_BYTES + (size_t)len, b);
		if (r < 0)
			return r;
		in = (struct wire_in){.rest = slice_from(buf_slice(b), HEAD_BYTES)};
	}
	if (in.rest.len < len)
		return -EBADMSG;
	r = record_parse(slice_head(in.rest, len), ret);
	if (r == 0)
		*ret_next = at + HEAD_BYTES + len;
	return r;
}

int
mirror_parts_read(
    const struct mirror_files *f, const struct mirror_record *rec, struct buf *b)
{
	int r = read_into(f->parts.fd, rec->parts_at, rec->parts_len, b);

	if (r == 0 &&
	    (b->len != rec->parts_len ||
		(rec->has_pieces_sum && sum_of(buf_slice(b)) != rec->pieces_sum)))
		r = -EBADMSG;
	return r;
}

struct verify {
	struct mirror_files f;
	uint64_t index_len, parts_len;
	struct buf record, pieces;
};

/* One record, and its pieces. */
static int
verify_record(struct verify *v, uint64_t at, uint64_t *ret_next, struct why *why)
{
	static const char damaged[] = "is damaged in the record at byte";
	struct mirror_record rec;
	int r = mirror_record_read(&v->f, at, &v->record, &rec, ret_next);

	if (r == 0 && (*ret_next > v->index_len || rec.parts_len > v->parts_len ||
			  rec.parts_at > v->parts_len - rec.parts_len))
		r = -EBADMSG;
	if (r < 0)
		return why_set(why, r, "%s/index %s %" PRIu64, v->f.dir, damaged, at);
	r = mirror_parts_read(&v->f, &rec, &v->pieces);
	return r == 0 ? 0
		      : why_set(why, r, "%s/parts %s %" PRIu64, v->f.dir, damaged,
			    rec.parts_at);
}

static int
open_to_read(const char *dir, const char *name, int *ret, struct why *why)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return why_set(why, -ENAMETOOLONG, "the name of %s is too long", dir);
	*ret = open(path, O_RDONLY | O_CLOEXEC);
	return *ret >= 0 ? 0
			 : why_set(why, -errno, "cannot read %s: %s", path,
			       strerrordesc_np(errno));
}

int
mirror_index_verify(
    const char *dir, uint64_t index_len, uint64_t parts_len, struct why *why)
{
	char work[PATH_MAX];
	struct verify v = {.f = {.index.fd = -1, .parts.fd = -1, .dir = work},
	    .index_len = index_len,
	    .parts_len = parts_len};
	int n = snprintf(work, sizeof(work), "%s/mirror.work", dir), r;
	uint64_t next = 0;

	if (n < 0 || (size_t)n >= sizeof(work))
		return why_set(why, -ENAMETOOLONG, "the name of %s is too long", dir);
	buf_init(&v.record, 2 * RECORD_BYTES_MAX);
	buf_init(&v.pieces, SIZE_MAX / 2);
	r = open_to_read(work, "index", &v.f.index.fd, why);
	if (r == 0)
		r = open_to_read(work, "parts", &v.f.parts.fd, why);
	for (uint64_t at = 0; r == 0 && at < index_len; at = next)
		r = verify_record(&v, at, &next, why);
	buf_release(&v.record);
	buf_release(&v.pieces);
	if (v.f.index.fd >= 0)
		(void)close(v.f.index.fd);
	if (v.f.parts.fd >= 0)
		(void)close(v.f.parts.fd);
	return r;
}
