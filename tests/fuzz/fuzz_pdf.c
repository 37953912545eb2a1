/*
 * Input: a byte of options, then what follows "%PDF-1.5": words of PDF, where "~" begins an
 * object stream that is deflated here, up to the next "~".
 * URLs are UTF-8 with nothing around them, and no longer than they may be.
 */
#include "base/buf.h"
#include "fuzz.h"
#include "web/charset.h"
#include "web/pdf.h"
#include <errno.h>
#include <zlib.h>

enum { STOPS = 1, SCARCE = 2, STOP = 77 };

struct seen {
	size_t urls, stop_at;
};

static int
on_url(void *ctx, struct slice url)
{
	struct seen *s = ctx;

	FUZZ_CHECK(url.len > 0 && url.len <= 3 * PDF_URL_BYTES_MAX);
	FUZZ_CHECK(utf8_valid_len(url) == url.len);
	FUZZ_CHECK(slice_eq(slice_trim(url), url));
	return ++s->urls == s->stop_at ? STOP : 0;
}

static void
add_deflated(struct buf *out, struct slice s)
{
	uLong room = compressBound((uLong)s.len);
	uLongf len = room;
	char *packed = fuzz_room(room);

	FUZZ_CHECK(
	    compress((Bytef *)packed, &len, (const Bytef *)s.ptr, (uLong)s.len) == Z_OK);
	FUZZ_CHECK(
	    buf_add_cstr(out, "obj<</Type/ObjStm/Filter/FlateDecode>>stream\n") == 0);
	FUZZ_CHECK(buf_add(out, packed, len) == 0);
	FUZZ_CHECK(buf_add_cstr(out, "\nendstream endobj ") == 0);
	fuzz_room_free(packed, room);
}

static void
pdf_make(struct slice s, struct buf *out)
{
	bool packs = false;

	FUZZ_CHECK(buf_add_cstr(out, "%PDF-1.5\n") == 0);
	while (s.len > 0) {
		size_t n = slice_find(s, '~');
		struct slice part = slice_head(s, n);

		if (packs)
			add_deflated(out, part);
		else
			FUZZ_CHECK(buf_add_slice(out, part) == 0);
		packs = !packs;
		s = slice_from(s, n + 1);
	}
}

FUZZ_TARGET(pdf)
{
	struct slice rest = slice_of(data, size), pdf;
	uint8_t mode = fuzz_byte(&rest);
	struct seen seen = {.stop_at = mode & STOPS ? 2 : SIZE_MAX};
	struct arena a;
	struct buf b;
	int err;

	buf_init(&b, 64 << 20);
	pdf_make(rest, &b);
	pdf = fuzz_copy(buf_slice(&b));
	arena_init(&a, 1024, mode & SCARCE ? 2048 : 64 << 20);
	err = pdf_urls(pdf, &a, on_url, &seen);
	if (err == -ENOMEM)
		FUZZ_CHECK((mode & SCARCE) != 0);
	else
		FUZZ_CHECK(err == (seen.urls == seen.stop_at ? STOP : 0));
	arena_release(&a);
	fuzz_copy_free(pdf);
	buf_release(&b);
	return 0;
}
