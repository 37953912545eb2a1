/*
 * Input: a byte of options, a line with the Content-Encoding, then the body.
 * Output stays within its bounds; what zlib packs comes out again.
 */
#include "fuzz.h"
#include "web/coding.h"
#include <zlib.h>

enum { FEW_OUT = 1, PACKED = 2 };

static enum coding_status
decode(struct slice encoding, struct slice body, uint64_t max, struct buf *out)
{
	enum coding_status s;

	FUZZ_CHECK(coding_decode(encoding, body, max, out, &s) == 0);
	FUZZ_CHECK(coding_status_name(s) != NULL);
	FUZZ_CHECK(out->len <= max);
	return s;
}

/* gzip when window_bits says so (31), else zlib (15) or raw (-15): "deflate" is both. */
static void
round_trip(struct slice body, int window_bits, const char *name)
{
	size_t room = body.len + body.len / 1000 + 64;
	char *packed = fuzz_room(room);
	z_stream z = {.avail_out = (uInt)room};
	struct buf out;

	FUZZ_CHECK(
	    deflateInit2(&z, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	z.next_in = (z_const Bytef *)(uintptr_t)body.ptr;
	z.avail_in = (uInt)body.len;
	z.next_out = (Bytef *)packed;
	FUZZ_CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
	buf_init(&out, 8 << 20);
	FUZZ_CHECK(decode(slice_cstr(name), slice_of(packed, z.total_out), 8 << 20,
		       &out) == CODING_OK);
	FUZZ_CHECK(slice_eq(buf_slice(&out), body));
	buf_clear(&out);
	if (z.total_out > 24) /* cut in the middle of what it says */
		FUZZ_CHECK(decode(slice_cstr(name), slice_of(packed, z.total_out - 9),
			       8 << 20, &out) != CODING_OK);
	(void)deflateEnd(&z);
	buf_release(&out);
	fuzz_room_free(packed, room);
}

FUZZ_TARGET(coding)
{
	struct slice rest = slice_of(data, size);
	uint8_t mode = fuzz_byte(&rest);
	struct slice encoding = fuzz_copy(fuzz_line(&rest)), body = fuzz_copy(rest);
	uint64_t max = mode & FEW_OUT ? 1000 : 8 << 20;
	enum coding_status s;
	struct buf out;

	buf_init(&out, 8 << 20);
	s = decode(encoding, body, max, &out);
	FUZZ_CHECK(out.len <= CODING_RATIO_FREE + CODING_RATIO_MAX * (body.len + 1));
	if (coding_is_identity(encoding) && body.len <= max)
		FUZZ_CHECK(s == CODING_OK && slice_eq(buf_slice(&out), body));
	buf_release(&out);
	if (mode & PACKED && body.len < 1 << 16) {
		round_trip(body, 31, "gzip");
		round_trip(body, 15, "deflate");
	}
	fuzz_copy_free(body);
	fuzz_copy_free(encoding);
	return 0;
}
