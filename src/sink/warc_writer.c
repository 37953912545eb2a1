#include "sink/warc_writer.h"
#define ZLIB_CONST /* deflate() only reads */
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/banned.h"

enum { STEP_BYTES = 64 << 10, GZIP_LEVEL = 6, ZSTD_LEVEL = 10 };

struct warc_writer {
	enum warc_coding coding;
	FILE *f;
	z_stream gzip;
	ZSTD_CCtx *zstd;
	char out[STEP_BYTES];
};

int
warc_writer_new(enum warc_coding coding, FILE *f, struct warc_writer **ret)
{
	struct warc_writer *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return -ENOMEM;
	w->f = f;
	if (coding == WARC_GZIP && deflateInit2(&w->gzip, GZIP_LEVEL, Z_DEFLATED, 15 + 16,
				       8, Z_DEFAULT_STRATEGY) != Z_OK)
		goto fail;
	w->coding = coding;
	if (coding == WARC_ZSTD) {
		w->zstd = ZSTD_createCCtx();
		if (w->zstd == NULL)
			goto fail;
		(void)ZSTD_CCtx_setParameter(
		    w->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
		(void)ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1);
	}
	*ret = w;
	return 0;
fail:
	free(w);
	return -ENOMEM;
}

void
warc_writer_free(struct warc_writer *w)
{
	if (w == NULL)
		return;
	if (w->coding == WARC_GZIP)
		(void)deflateEnd(&w->gzip);
	(void)ZSTD_freeCCtx(w->zstd);
	free(w);
}

static int
put(struct warc_writer *w, const char *p, size_t n)
{
	errno = 0;
	if (fwrite(p, 1, n, w->f) == n)
		return 0;
	return errno != 0 ? -errno : -EIO;
}

static int
put_gzip(struct warc_writer *w, struct slice piece, bool last)
{
	z_stream *z = &w->gzip;
	int r = 0;

	z->next_in = (z_const Bytef *)piece.ptr;
	z->avail_in = (uInt)piece.len;
	do {
		z->next_out = (Bytef *)w->out;
		z->avail_out = sizeof(w->out);
		(void)deflate(z, last ? Z_FINISH : Z_NO_FLUSH);
		r = put(w, w->out, sizeof(w->out) - z->avail_out);
	} while (r == 0 && z->avail_out == 0);
	if (last)
		(void)deflateReset(z);
	return r;
}

static int
put_zstd(struct warc_writer *w, struct slice piece, bool last)
{
	ZSTD_inBuffer from = {piece.ptr, piece.len, 0};
	int r = 0;

	for (;;) {
		ZSTD_outBuffer to = {w->out, sizeof(w->out), 0};
		size_t left = ZSTD_compressStream2(
		    w->zstd, &to, &from, last ? ZSTD_e_end : ZSTD_e_continue);

		if (ZSTD_isError(left))
			return -ENOMEM;
		r = put(w, w->out, to.pos);
		if (r < 0 || (last ? left == 0 : from.pos == from.size))
			return r;
	}
}

int
warc_writer_add(struct warc_writer *w, struct slice piece)
{
	int r = 0;

	while (piece.len > 0 && r == 0) {
		struct slice step = slice_head(piece, 16 * STEP_BYTES);

		r = w->coding == WARC_GZIP   ? put_gzip(w, step, false)
		    : w->coding == WARC_ZSTD ? put_zstd(w, step, false)
					     : put(w, step.ptr, step.len);
		piece = slice_from(piece, step.len);
	}
	return r;
}

int
warc_writer_end(struct warc_writer *w)
{
	if (w->coding == WARC_PLAIN)
		return 0;
	return w->coding == WARC_GZIP ? put_gzip(w, SLICE_LIT(""), true)
				      : put_zstd(w, SLICE_LIT(""), true);
}
