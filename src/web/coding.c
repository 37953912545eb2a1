/*
 * Content codings.
 *
 *   coding_decode -> layers, last coding first -> layer_decode -> stream_step of one
 * library
 *
 * A layer is decoded in steps into the tail of its buf.  When the buf is as long as it
 * may get, one more step into a few bytes on the side tells whether that was all.
 */
#define ZLIB_CONST
#include "web/coding.h"
#include "web/http.h"
#include <brotli/decode.h>
#include <errno.h>
#include <libdeflate.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/banned.h"

enum coding { IDENTITY, GZIP, DEFLATE, BROTLI, ZSTD, UNKNOWN };

enum {
	STEP_BYTES_MIN = 16 * 1024,
	STEP_BYTES_MAX = 1024 * 1024,
	WHOLE_BYTES_MAX = 1024 * 1024, /* of input, for libdeflate */
	DEFLATE_RATIO_MAX = 1032,      /* that of the format */
	ZSTD_WINDOW_LOG_MAX = 23,
};

const char *
coding_status_name(enum coding_status s)
{
	static const char *const names[] = {
#define X(id, name) [CODING_##id] = name,
	    CODING_STATUSES(X)
#undef X
	};

	return names[s];
}

/* -- one decoder -------------------------------------------------------------------- */

enum step {
	STEP_GOES_ON, /* wants input, or room for output */
	STEP_DONE,
	STEP_CORRUPT,
	STEP_NO_MEMORY,
};

struct stream {
	enum coding coding;
	struct slice in;
	z_stream z;
	BrotliDecoderState *brotli;
	ZSTD_DCtx *zstd;
	bool zstd_is_between; /* a frame has ended */
};

/* RFC 1950, section 2.2: the two bytes that a zlib stream begins with. */
static bool
has_zlib_head(struct slice s)
{
	unsigned cmf, flg;

	if (s.len < 2)
		return false;
	cmf = (unsigned char)s.ptr[0];
	flg = (unsigned char)s.ptr[1];
	return (cmf & 15) == 8 && cmf >> 4 <= 7 && (cmf << 8 | flg) % 31 == 0;
}

static bool
has_gzip_head(struct slice s)
{
	return slice_starts(s, SLICE_LIT("\x1f\x8b\x08"));
}

/* `window_bits`: as inflateInit2() has it: 31 gzip, 15 zlib, -15 raw. */
static int
stream_open(struct stream *s, enum coding coding, struct slice in, int window_bits)
{
	*s = (struct stream){.coding = coding, .in = in};
	if (coding == BROTLI) {
		s->brotli = BrotliDecoderCreateInstance(NULL, NULL, NULL);
		return s->brotli == NULL ? -ENOMEM : 0;
	}
	if (coding == ZSTD) {
		s->zstd = ZSTD_createDCtx();
		if (s->zstd == NULL)
			return -ENOMEM;
		(void)ZSTD_DCtx_setParameter(
		    s->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
		return 0;
	}
	return inflateInit2(&s->z, window_bits) == Z_OK ? 0 : -ENOMEM;
}

static void
stream_close(struct stream *s)
{
	if (s->coding == BROTLI)
		BrotliDecoderDestroyInstance(s->brotli);
	else if (s->coding == ZSTD)
		(void)ZSTD_freeDCtx(s->zstd);
	else
		(void)inflateEnd(&s->z);
}

static enum step
step_inflate(struct stream *s, char *out, size_t cap, size_t *ret_len)
{
	size_t in_len = s->in.len < UINT32_MAX ? s->in.len : UINT32_MAX;
	int r;

	s->z.next_in = (z_const Bytef *)s->in.ptr;
	s->z.avail_in = (uInt)in_len;
	s->z.next_out = (Bytef *)out;
	s->z.avail_out = (uInt)cap;
	r = inflate(&s->z, Z_NO_FLUSH);
	s->in = slice_from(s->in, in_len - s->z.avail_in);
	*ret_len = cap - s->z.avail_out;
	if (r == Z_MEM_ERROR)
		return STEP_NO_MEMORY;
	if (r == Z_OK || r == Z_BUF_ERROR)
		return STEP_GOES_ON;
	if (r != Z_STREAM_END)
		return STEP_CORRUPT;
	/* RFC 1952, section 2.2: members follow each other; what is none is padding. */
	if (s->coding == GZIP && has_gzip_head(s->in) && inflateReset(&s->z) == Z_OK)
		return STEP_GOES_ON;
	return STEP_DONE;
}

static enum step
step_brotli(struct stream *s, char *out, size_t cap, size_t *ret_len)
{
	const uint8_t *next_in = (const uint8_t *)s->in.ptr;
	uint8_t *next_out = (uint8_t *)out;
	size_t in_left = s->in.len, out_left = cap;
	BrotliDecoderResult r = BrotliDecoderDecompressStream(
	    s->brotli, &in_left, &next_in, &out_left, &next_out, NULL);
	BrotliDecoderErrorCode err;

	s->in = slice_from(s->in, s->in.len - in_left);
	*ret_len = cap - out_left;
	if (r == BROTLI_DECODER_RESULT_SUCCESS)
		return STEP_DONE;
	if (r != BROTLI_DECODER_RESULT_ERROR)
		return STEP_GOES_ON;
	err = BrotliDecoderGetErrorCode(s->brotli);
	return err <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
		       err >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES
		   ? STEP_NO_MEMORY
		   : STEP_CORRUPT;
}

static enum step
step_zstd(struct stream *s, char *out, size_t cap, size_t *ret_len)
{
	ZSTD_inBuffer in = {.src = s->in.ptr, .size = s->in.len};
	ZSTD_outBuffer to = {.dst = out, .size = cap};
	size_t r;

	*ret_len = 0;
	/* RFC 8878, section 3.1: frames follow each other. */
	if (s->zstd_is_between && s->in.len == 0)
		return STEP_DONE;
	r = ZSTD_decompressStream(s->zstd, &to, &in);
	s->in = slice_from(s->in, in.pos);
	*ret_len = to.pos;
	if (ZSTD_isError(r))
		return ZSTD_getErrorCode(r) == ZSTD_error_memory_allocation
			   ? STEP_NO_MEMORY
			   : STEP_CORRUPT;
	s->zstd_is_between = r == 0;
	return r == 0 && s->in.len == 0 ? STEP_DONE : STEP_GOES_ON;
}

static enum step
stream_step(struct stream *s, char *out, size_t cap, size_t *ret_len)
{
	switch (s->coding) {
	case BROTLI:
		return step_brotli(s, out, cap, ret_len);
	case ZSTD:
		return step_zstd(s, out, cap, ret_len);
	case GZIP:
	case DEFLATE:
		return step_inflate(s, out, cap, ret_len);
	case IDENTITY:
	case UNKNOWN:
		break;
	}
	*ret_len = 0;
	return STEP_CORRUPT;
}

/* -- one layer ---------------------------------------------------------------------- */

/* Decodes until the end, or until `limit` bytes came out: that is CODING_TOO_LARGE. */
static int
stream_run(struct stream *s, uint64_t limit, struct buf *out, enum coding_status *ret)
{
	size_t start = out->len;

	for (;;) {
		char probe[64];
		uint64_t room = limit - (out->len - start);
		size_t cap = sizeof(probe), len, in_before = s->in.len;
		enum step step;

		if (room > 0) {
			int r;

			cap = out->len - start;
			cap = cap < STEP_BYTES_MIN ? STEP_BYTES_MIN : cap;
			cap = cap > STEP_BYTES_MAX ? STEP_BYTES_MAX : cap;
			cap = cap > room ? (size_t)room : cap;
			r = buf_reserve(out, cap);
			if (r != 0)
				return r;
		}
		step = stream_step(s, room > 0 ? out->ptr + out->len : probe, cap, &len);
		if (room > 0)
			out->len += len;
		*ret = room == 0 && len > 0   ? CODING_TOO_LARGE
		       : step == STEP_DONE    ? CODING_OK
		       : step == STEP_CORRUPT ? CODING_CORRUPT
					      : CODING_TRUNCATED;
		if (step == STEP_NO_MEMORY)
			return -ENOMEM;
		if (step != STEP_GOES_ON || *ret == CODING_TOO_LARGE)
			return 0;
		/* With room left it wanted input, and there is no more. */
		if (len < cap && s->in.len == 0)
			return 0;
		/* No decoder may stand still. */
		if (len == 0 && s->in.len == in_before) {
			*ret = CODING_CORRUPT;
			return 0;
		}
	}
}

static int
layer_stream(enum coding coding, int window_bits, struct slice in, uint64_t limit,
    struct buf *out, enum coding_status *ret)
{
	struct stream s;
	int r = stream_open(&s, coding, in, window_bits);

	if (r != 0)
		return r;
	r = stream_run(&s, limit, out, ret);
	stream_close(&s);
	return r;
}

/* A whole gzip member of known size, at twice the speed.  False: to be streamed. */
static bool
gzip_whole(struct slice in, uint64_t limit, struct buf *out)
{
	struct libdeflate_decompressor *d;
	const unsigned char *tail;
	size_t size, used, made;
	enum libdeflate_result r;

	if (in.len < 18 || in.len > WHOLE_BYTES_MAX || !has_gzip_head(in))
		return false;
	tail = (const unsigned char *)in.ptr + in.len - 4;
	size = (size_t)tail[0] | (size_t)tail[1] << 8 | (size_t)tail[2] << 16 |
	       (size_t)tail[3] << 24;
	if (size == 0 || size > limit || size > in.len * DEFLATE_RATIO_MAX ||
	    buf_reserve(out, size) != 0)
		return false;
	d = libdeflate_alloc_decompressor();
	if (d == NULL)
		return false;
	r = libdeflate_gzip_decompress_ex(
	    d, in.ptr, in.len, out->ptr + out->len, size, &used, &made);
	libdeflate_free_decompressor(d);
	if (r != LIBDEFLATE_SUCCESS || used != in.len)
		return false;
	out->len += made;
	return true;
}

/* Servers send "deflate" with and without the head of zlib. */
static int
layer_deflate(struct slice in, uint64_t limit, struct buf *out, enum coding_status *ret)
{
	size_t start = out->len;
	enum coding_status raw;
	struct buf other;
	int r;

	if (!has_zlib_head(in))
		return layer_stream(DEFLATE, -15, in, limit, out, ret);
	r = layer_stream(DEFLATE, 15, in, limit, out, ret);
	if (r != 0 || *ret != CODING_CORRUPT)
		return r;
	/* A raw stream may begin like that by chance; then it decodes to its end. */
	buf_init(&other, out->max);
	r = layer_stream(DEFLATE, -15, in, limit, &other, &raw);
	if (r == 0 && raw == CODING_OK) {
		out->len = start;
		r = buf_add_slice(out, buf_slice(&other));
		*ret = CODING_OK;
	}
	buf_release(&other);
	return r;
}

static int
layer_decode(enum coding coding, struct slice in, uint64_t limit, struct buf *out,
    enum coding_status *ret)
{
	/* RFC 9112, section 6.3: no body at all, whatever is said of it. */
	if (in.len == 0 || (coding == GZIP && gzip_whole(in, limit, out))) {
		*ret = CODING_OK;
		return 0;
	}
	if (coding == DEFLATE)
		return layer_deflate(in, limit, out, ret);
	return layer_stream(coding, 31, in, limit, out, ret);
}

/* -- the header --------------------------------------------------------------------- */

static enum coding
coding_of(struct slice s)
{
	if (slice_ieq(s, SLICE_LIT("gzip")) || slice_ieq(s, SLICE_LIT("x-gzip")))
		return GZIP;
	if (slice_ieq(s, SLICE_LIT("deflate")))
		return DEFLATE;
	if (slice_ieq(s, SLICE_LIT("br")))
		return BROTLI;
	if (slice_ieq(s, SLICE_LIT("zstd")))
		return ZSTD;
	if (slice_ieq(s, SLICE_LIT("identity")))
		return IDENTITY;
	return UNKNOWN;
}

/* Codings but identity, in the order they were applied; -1: too many, or unknown. */
static int
layers_of(struct slice value, enum coding ret[CODING_LAYERS_MAX])
{
	struct slice item;
	int n = 0;

	while (http_list_next(&value, &item)) {
		enum coding c = coding_of(item);

		if (c == IDENTITY)
			continue;
		if (c == UNKNOWN || n == CODING_LAYERS_MAX)
			return -1;
		ret[n++] = c;
	}
	return n;
}

bool
coding_is_identity(struct slice content_encoding)
{
	enum coding layers[CODING_LAYERS_MAX];

	return layers_of(content_encoding, layers) == 0;
}

static int
copy_body(struct slice body, uint64_t max_out, struct buf *out, enum coding_status *ret)
{
	*ret = body.len > max_out ? CODING_TOO_LARGE : CODING_OK;
	return buf_add(out, body.ptr, body.len > max_out ? (size_t)max_out : body.len);
}

int
coding_decode(struct slice content_encoding, struct slice body, uint64_t max_out,
    struct buf *out, enum coding_status *ret)
{
	enum coding layers[CODING_LAYERS_MAX];
	enum coding_status status = CODING_OK, layer_status = CODING_OK;
	uint64_t ratio_max = (uint64_t)body.len * CODING_RATIO_MAX + CODING_RATIO_FREE;
	uint64_t limit = max_out < ratio_max ? max_out : ratio_max;
	struct buf from = {0}, to;
	struct slice in = body;
	size_t before = out->len;
	int n = layers_of(content_encoding, layers), r = 0;

	if (n < 0) {
		*ret = CODING_UNSUPPORTED;
		return 0;
	}
	if (n == 0)
		return copy_body(body, max_out, out, ret);
	while (n > 0 && r == 0 && layer_status != CODING_TOO_LARGE) {
		if (--n > 0) {
			buf_init(&to, (size_t)limit);
			r = layer_decode(layers[n], in, limit, &to, &layer_status);
			buf_release(&from);
			from = to;
			in = buf_slice(&from);
		} else {
			r = layer_decode(layers[0], in, limit, out, &layer_status);
		}
		status = status == CODING_OK ? layer_status : status;
	}
	buf_release(&from);
	if (r != 0) {
		out->len = before;
		return r;
	}
	*ret = status == CODING_TOO_LARGE && limit < max_out ? CODING_BOMB : status;
	return 0;
}
