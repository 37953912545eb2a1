/*
 * Records are packed in workers, before anybody knows which file they land in.  Those that
 * were under way while the archive began a new file name the warcinfo of the one before;
 * they are taken apart here and put together again with the right id, which is the third
 * line of their head.
 */
#include "sink/warc_move.h"
#include "sink/warc_record.h"
#define ZLIB_CONST /* inflate() only reads */
#include <errno.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "base/banned.h"

enum { PIECE_BYTES = 64 << 10 };

struct warc_unpack {
	enum warc_coding coding;
	z_stream gzip;
	ZSTD_DCtx *zstd;
	struct slice rest;
	bool over;
	char piece[PIECE_BYTES];
};

int
warc_unpack_new(enum warc_coding coding, struct warc_unpack **ret)
{
	struct warc_unpack *u = calloc(1, sizeof(*u));
	bool made = true;

	if (u == NULL)
		return -ENOMEM;
	if (coding == WARC_GZIP)
		made = inflateInit2(&u->gzip, 15 + 16) == Z_OK;
	else if (coding == WARC_ZSTD)
		made = (u->zstd = ZSTD_createDCtx()) != NULL;
	if (!made) {
		free(u);
		return -ENOMEM;
	}
	u->coding = coding;
	*ret = u;
	return 0;
}

void
warc_unpack_free(struct warc_unpack *u)
{
	if (u == NULL)
		return;
	if (u->coding == WARC_GZIP)
		(void)inflateEnd(&u->gzip);
	(void)ZSTD_freeDCtx(u->zstd);
	free(u);
}

void
warc_unpack_begin(struct warc_unpack *u, struct slice member)
{
	u->rest = member;
	u->over = false;
	if (u->coding == WARC_GZIP)
		(void)inflateReset(&u->gzip);
	else if (u->coding == WARC_ZSTD)
		(void)ZSTD_DCtx_reset(u->zstd, ZSTD_reset_session_only);
}

static int
step_gzip(struct warc_unpack *u, size_t *ret)
{
	z_stream *z = &u->gzip;
	size_t take = u->rest.len > UINT32_MAX / 2 ? UINT32_MAX / 2 : u->rest.len;
	int r;

	z->next_in = (z_const Bytef *)u->rest.ptr;
	z->avail_in = (uInt)take;
	z->next_out = (Bytef *)u->piece + *ret;
	z->avail_out = (uInt)(PIECE_BYTES - *ret);
	r = inflate(z, Z_NO_FLUSH);
	u->rest = slice_from(u->rest, take - z->avail_in);
	*ret = PIECE_BYTES - z->avail_out;
	u->over = r == Z_STREAM_END;
	return r == Z_MEM_ERROR ? -ENOMEM : r == Z_OK || r == Z_STREAM_END ? 0 : -EBADMSG;
}

static int
step_zstd(struct warc_unpack *u, size_t *ret)
{
	ZSTD_inBuffer from = {u->rest.ptr, u->rest.len, 0};
	ZSTD_outBuffer to = {u->piece, PIECE_BYTES, *ret};
	size_t r = ZSTD_decompressStream(u->zstd, &to, &from);
	bool stuck = from.pos == 0 && to.pos == *ret;

	if (ZSTD_isError(r) || (stuck && r != 0))
		return -EBADMSG;
	u->rest = slice_from(u->rest, from.pos);
	*ret = to.pos;
	u->over = r == 0;
	return 0;
}

int
warc_unpack_next(struct warc_unpack *u, struct slice *ret)
{
	size_t n = 0;
	int r = 0;

	if (u->coding == WARC_PLAIN) {
		n = u->rest.len < PIECE_BYTES ? u->rest.len : PIECE_BYTES;
		if (n > 0)
			memcpy(u->piece, u->rest.ptr, n);
		u->rest = slice_from(u->rest, n);
		*ret = slice_of(u->piece, n);
		return n > 0;
	}
	while (!u->over && n < PIECE_BYTES && r == 0)
		r = u->coding == WARC_GZIP ? step_gzip(u, &n) : step_zstd(u, &n);
	if (r == 0 && u->over && u->rest.len > 0)
		r = -EBADMSG; /* more than one */
	*ret = slice_of(u->piece, n);
	return r < 0 ? r : n > 0;
}

bool
warc_are_members(
    enum warc_coding coding, struct slice records, const uint64_t *at, uint32_t n)
{
	static const struct slice magic[] = {
	    [WARC_PLAIN] = SLICE_LIT("WARC/1.1\r\n"),
	    [WARC_GZIP] = SLICE_LIT("\x1f\x8b\x08"), /* RFC 1952: its id, and deflate */
	    [WARC_ZSTD] = SLICE_LIT("\x28\xb5\x2f\xfd"),
	};

	if (n == 0 || at[0] != 0)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if ((i > 0 && at[i] <= at[i - 1]) || at[i] >= records.len ||
		    !slice_starts(slice_from(records, at[i]), magic[coding]))
			return false;
	return true;
}
