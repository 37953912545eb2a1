#include "sink/warc_input.h"
#include "base/buf.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/banned.h"

enum {
	STEP_BYTES = 64 << 10,
	DICTIONARY_BYTES_MAX = 64 << 20,
	RESYNCS_MAX = 1000, /* each may cost a step of decompression */
};
#define ZSTD_MAGIC      UINT32_C(0xFD2FB528)
#define ZSTD_SKIPPABLE  UINT32_C(0x184D2A50) /* and the fifteen after it */
#define ZSTD_DICTIONARY UINT32_C(0x184D2A5D)

struct warc_input {
	int fd;
	enum warc_coding coding;
	uint64_t raw_at; /* in the file, of raw[0] */
	size_t raw_pos, raw_len;
	size_t out_pos, out_len;
	uint64_t member_at, taken;
	bool in_member, over;
	unsigned resyncs;
	z_stream gzip;
	ZSTD_DCtx *zstd;
	struct why why;
	unsigned char raw[STEP_BYTES];
	char out[STEP_BYTES];
};

static uint64_t
raw_next(const struct warc_input *in)
{
	return in->raw_at + in->raw_pos;
}

static void
raw_seek(struct warc_input *in, uint64_t at)
{
	in->raw_at = at;
	in->raw_pos = in->raw_len = 0;
}

/* 1: there are bytes; 0: the file ends. */
static int
raw_fill(struct warc_input *in)
{
	ssize_t n;

	if (in->raw_pos < in->raw_len)
		return 1;
	raw_seek(in, in->raw_at + in->raw_len);
	do
		n = pread(in->fd, in->raw, sizeof(in->raw), (off_t)in->raw_at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return why_set(
		    &in->why, -errno, "cannot be read: %s", strerrordesc_np(errno));
	in->raw_len = (size_t)n;
	return n > 0;
}

/* Up to `n` bytes from `at`; how many there are. */
static int
raw_copy(struct warc_input *in, uint64_t at, void *ret, size_t n)
{
	size_t have = 0;

	raw_seek(in, at);
	while (have < n) {
		int r = raw_fill(in);
		size_t take = in->raw_len - in->raw_pos;

		if (r < 0)
			return r;
		if (r == 0)
			break;
		if (take > n - have)
			take = n - have;
		memcpy((char *)ret + have, in->raw + in->raw_pos, take);
		in->raw_pos += take;
		have += take;
	}
	return (int)have;
}

static uint32_t
le32(const unsigned char b[4])
{
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
	       (uint32_t)b[3] << 24;
}

/* -- Opening. -- */

/* The dictionary itself may be a zstd frame. */
static int
dictionary_load(struct warc_input *in, struct slice raw)
{
	const size_t most = DICTIONARY_BYTES_MAX;
	struct buf plain;
	size_t n;
	int r = 0;

	buf_init(&plain, most);
	if (raw.len >= 4 && le32((const unsigned char *)raw.ptr) == ZSTD_MAGIC) {
		unsigned long long size = ZSTD_getFrameContentSize(raw.ptr, raw.len);

		r = buf_reserve(&plain, size > most ? 1 << 20 : (size_t)size);
		if (r == 0) {
			n = ZSTD_decompress(plain.ptr, plain.cap, raw.ptr, raw.len);
			if (ZSTD_isError(n))
				r = -EBADMSG;
			else
				raw = slice_of(plain.ptr, n);
		}
	}
	if (r == 0 && ZSTD_isError(ZSTD_DCtx_loadDictionary(in->zstd, raw.ptr, raw.len)))
		r = -EBADMSG;
	buf_release(&plain);
	return r;
}

static int
dictionary_read(struct warc_input *in, uint32_t size)
{
	struct buf raw;
	int r;

	if (size > DICTIONARY_BYTES_MAX)
		return why_set(&in->why, -EBADMSG, "has a dictionary of %u bytes", size);
	buf_init(&raw, DICTIONARY_BYTES_MAX);
	r = buf_reserve(&raw, size);
	if (r == 0) {
		r = raw_copy(in, 8, raw.ptr, size);
		if (r >= 0)
			r = (uint32_t)r < size
				? -EBADMSG
				: dictionary_load(in, slice_of(raw.ptr, size));
	}
	buf_release(&raw);
	if (r == -EBADMSG)
		(void)why_set(&in->why, r, "has a zstd dictionary that cannot be read");
	return r;
}

/* By the first bytes; names lie. */
static int
recognise(struct warc_input *in)
{
	unsigned char b[8] = {0};
	int n = raw_copy(in, 0, b, sizeof(b)), r = 0;

	if (n < 0)
		return n;
	if (n >= 2 && b[0] == 0x1f && b[1] == 0x8b) {
		in->coding = WARC_GZIP;
		if (inflateInit2(&in->gzip, 15 + 16) != Z_OK)
			return -ENOMEM;
	} else if (n >= 4 && (le32(b) == ZSTD_MAGIC ||
				 (le32(b) & ~UINT32_C(15)) == ZSTD_SKIPPABLE)) {
		in->coding = WARC_ZSTD;
		in->zstd = ZSTD_createDCtx();
		if (in->zstd == NULL)
			return -ENOMEM;
		if (n == 8 && le32(b) == ZSTD_DICTIONARY)
			r = dictionary_read(in, le32(b + 4));
	}
	raw_seek(in, 0);
	return r;
}

/* A crawl's directory has its archive one below. */
static int
refuse_directory(const char *path, struct why *why)
{
	char below[PATH_MAX];
	struct stat st;
	int len = (int)strnlen(path, PATH_MAX);

	while (len > 1 && path[len - 1] == '/')
		len--;
	(void)snprintf(below, sizeof(below), "%.*s/warc", len, path);
	if (stat(below, &st) == 0 && S_ISDIR(st.st_mode))
		return why_set(
		    why, -EISDIR, "%s is a directory; its archive is %s/*", path, below);
	return why_set(why, -EISDIR, "%s is a directory; the files in it are %.*s/*",
	    path, len, path);
}

int
warc_input_open(const char *path, struct warc_input **ret, struct why *why)
{
	struct warc_input *in = calloc(1, sizeof(*in));
	struct stat st;
	int r;

	if (in == NULL)
		return why_set(why, -ENOMEM, "%s: out of memory", path);
	in->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (in->fd < 0) {
		r = why_set(
		    why, -errno, "cannot open %s: %s", path, strerrordesc_np(errno));
		goto fail;
	}
	if (fstat(in->fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		r = refuse_directory(path, why);
		goto fail;
	}
	r = recognise(in);
	if (r < 0) {
		(void)why_set(why, r, "%s: %s", path,
		    r == -ENOMEM ? "out of memory" : in->why.text);
		goto fail;
	}
	*ret = in;
	return 0;
fail:
	warc_input_close(in);
	return r;
}

void
warc_input_close(struct warc_input *in)
{
	if (in == NULL)
		return;
	if (in->coding == WARC_GZIP)
		(void)inflateEnd(&in->gzip);
	(void)ZSTD_freeDCtx(in->zstd);
	if (in->fd >= 0)
		(void)close(in->fd);
	free(in);
}

enum warc_coding
warc_input_coding(const struct warc_input *in)
{
	return in->coding;
}

/* -- Members. -- */

static void
member_leave(struct warc_input *in)
{
	in->in_member = in->over = false;
	in->out_pos = in->out_len = 0;
	in->taken = 0;
}

void
warc_input_seek(struct warc_input *in, uint64_t offset)
{
	member_leave(in);
	raw_seek(in, offset);
	in->member_at = offset;
}

/* Skippable frames are nothing to read. */
static int
skip_frames(struct warc_input *in)
{
	for (;;) {
		uint64_t at = raw_next(in);
		unsigned char b[8];
		int n = raw_copy(in, at, b, sizeof(b));

		if (n < 0)
			return n;
		raw_seek(in, at);
		if (n < 8 || (le32(b) & ~UINT32_C(15)) != ZSTD_SKIPPABLE)
			return 0;
		raw_seek(in, at + 8 + le32(b + 4));
	}
}

int
warc_input_member(struct warc_input *in)
{
	int r = 0;

	if (in->coding == WARC_PLAIN && in->in_member)
		return 0;
	member_leave(in);
	if (in->coding == WARC_ZSTD)
		r = skip_frames(in);
	if (r == 0)
		r = raw_fill(in);
	if (r <= 0)
		return r;
	in->member_at = raw_next(in);
	in->in_member = true;
	if (in->coding == WARC_GZIP)
		(void)inflateReset(&in->gzip);
	else if (in->coding == WARC_ZSTD)
		(void)ZSTD_DCtx_reset(in->zstd, ZSTD_reset_session_only);
	return 1;
}

static int
step_gzip(struct warc_input *in)
{
	z_stream *z = &in->gzip;
	int r;

	z->next_in = in->raw + in->raw_pos;
	z->avail_in = (uInt)(in->raw_len - in->raw_pos);
	z->next_out = (Bytef *)in->out;
	z->avail_out = sizeof(in->out);
	r = inflate(z, Z_NO_FLUSH);
	in->raw_pos = in->raw_len - z->avail_in;
	in->out_len = sizeof(in->out) - z->avail_out;
	if (r == Z_STREAM_END)
		in->over = true;
	else if (r == Z_MEM_ERROR)
		return -ENOMEM;
	else if (r != Z_OK)
		return why_set(&in->why, -EBADMSG, "is no sound gzip data: %s",
		    z->msg == NULL ? "it does not go on" : z->msg);
	return 0;
}

static int
step_zstd(struct warc_input *in)
{
	ZSTD_inBuffer from = {in->raw, in->raw_len, in->raw_pos};
	ZSTD_outBuffer to = {in->out, sizeof(in->out), 0};
	size_t r = ZSTD_decompressStream(in->zstd, &to, &from);

	if (ZSTD_isError(r))
		return why_set(&in->why, -EBADMSG, "is no sound zstd data: %s",
		    ZSTD_getErrorName(r));
	in->raw_pos = from.pos;
	in->out_len = to.pos;
	in->over = r == 0;
	return 0;
}

static int
step_plain(struct warc_input *in)
{
	in->out_len = in->raw_len - in->raw_pos;
	memcpy(in->out, in->raw + in->raw_pos, in->out_len);
	in->raw_pos = in->raw_len;
	return 0;
}

int
warc_input_peek(struct warc_input *in, struct slice *ret)
{
	int r;

	while (in->in_member && in->out_pos == in->out_len && !in->over) {
		r = raw_fill(in);
		if (r == 0 && in->coding == WARC_PLAIN) {
			in->over = true;
			break;
		}
		if (r == 0)
			return why_set(&in->why, -EBADMSG,
			    "is cut short: the file ends "
			    "within compressed data");
		in->out_pos = in->out_len = 0;
		if (r > 0)
			r = in->coding == WARC_GZIP   ? step_gzip(in)
			    : in->coding == WARC_ZSTD ? step_zstd(in)
						      : step_plain(in);
		/* What came out before the fault is not to be lost. */
		if (r < 0 && (r != -EBADMSG || in->out_len == 0))
			return r;
	}
	*ret = slice_of(in->out + in->out_pos, in->out_len - in->out_pos);
	return ret->len > 0;
}

void
warc_input_take(struct warc_input *in, size_t n)
{
	assert(n <= in->out_len - in->out_pos);
	in->out_pos += n;
	in->taken += n;
}

/* Where the first bytes of a member stand, from where raw is; 0: nowhere. */
static int
find_magic(struct warc_input *in)
{
	const struct slice magic = in->coding == WARC_GZIP
				       ? SLICE_LIT("\x1f\x8b\x08")
				       : SLICE_LIT("\x28\xb5\x2f\xfd");
	size_t same = 0;
	int r;

	while ((r = raw_fill(in)) > 0) {
		char c = (char)in->raw[in->raw_pos++];

		/* No part but the first byte occurs twice in it. */
		same = c == magic.ptr[same] ? same + 1 : c == magic.ptr[0];
		if (same == magic.len) {
			raw_seek(in, raw_next(in) - same);
			return 1;
		}
	}
	return r;
}

int
warc_input_resync(struct warc_input *in)
{
	int r;

	if (in->coding == WARC_PLAIN || in->resyncs++ >= RESYNCS_MAX)
		return 0;
	warc_input_seek(in, in->member_at + 1);
	r = find_magic(in);
	return r <= 0 ? r : warc_input_member(in);
}

uint64_t
warc_input_at(const struct warc_input *in)
{
	return in->coding == WARC_PLAIN ? warc_input_end(in) : in->member_at;
}

uint64_t
warc_input_end(const struct warc_input *in)
{
	if (in->coding == WARC_PLAIN)
		return raw_next(in) - (in->out_len - in->out_pos);
	return raw_next(in);
}

uint64_t
warc_input_taken(const struct warc_input *in)
{
	return in->taken;
}

const char *
warc_input_why(const struct warc_input *in)
{
	return in->why.text;
}
