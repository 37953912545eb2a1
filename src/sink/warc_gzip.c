#include "sink/warc_gzip.h"
#include <assert.h>
#include <errno.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif
#include <isa-l/igzip_lib.h>
#include <stdlib.h>

#include "base/banned.h"

enum {
	/* Level 1 takes as long and is larger, level 3 twice as long and hardly smaller. */
	LEVEL = 2,
	MEMORY_BYTES = ISAL_DEF_LVL2_SMALL,
	MEMORY_FIXED_BYTES =
	    ISAL_DEF_LVL2_REQ, /* used always; then by what is compressed: */
	MEMORY_BYTES_EACH = ISAL_DEF_LVL2_TOKEN_SIZE,
	STEP_BYTES = 64 << 10,
	/* Longer ones gain more by a code of their own than that costs. */
	FIELDS_BYTES_MAX = 8 << 10,
	BRIEF_BYTES_MAX = 1536, /* the same for a text of any kind */
	WRAP_BYTES = 10 + 8,    /* head and trailer of a member */
	STORED_BYTES_MAX = 65535,
	STORED_HEAD_BYTES = 5,
};

struct warc_gzip {
	struct isal_zstream z;
	struct isal_hufftables fields;
	size_t dirty;  /* of memory[], since it was wiped */
	bool streamed; /* since then: z has a window of its own */
	uint8_t memory[MEMORY_BYTES];
};

/* What a code for heads is made of: how often a letter is to be expected, and how much is
 * said again. */
static const char *const specimens[] = {
    "WARC/1.1\r\nWARC-Type: request\r\n"
    "WARC-Record-ID: <urn:uuid:9f0c1d72-84e6-4a3b-b5d8-07c2e61a93f4>\r\n"
    "WARC-Warcinfo-ID: <urn:uuid:b70d52c8-3e19-4f6a-a1e4-5d9c80f72b36>\r\n"
    "WARC-Concurrent-To: <urn:uuid:26ae8f13-c5d0-47b9-90a8-e14f37d26bc5>\r\n"
    "WARC-Target-URI: https://www.example.org/library/2026/catalogue-of-maps.html\r\n"
    "WARC-Date: 2026-08-27T13:59:46Z\r\nWARC-IP-Address: 198.51.100.34\r\n"
    "WARC-Protocol: http/1.1\r\n"
    "WARC-Block-Digest: sha1:QZ5V3XKJ7N2WTB4MSAY6GLRE4DCHFOPU\r\n"
    "Content-Type: application/http;msgtype=request\r\nContent-Length: 347\r\n\r\n"
    "GET /library/2026/catalogue-of-maps.html HTTP/1.1\r\nHost: www.example.org\r\n"
    "User-Agent: trawl/0.1.0 (+https://www.example.net/about-our-crawler)\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en,de;q=0.7\r\nAccept-Encoding: gzip, deflate, br, "
    "zstd\r\n\r\n\r\n\r\n",
    "WARC/1.1\r\nWARC-Type: metadata\r\n"
    "WARC-Record-ID: <urn:uuid:d1537ce9-6b80-4f24-8e97-3ca5f0b61d28>\r\n"
    "WARC-Warcinfo-ID: <urn:uuid:4e8a06f7-92bd-4c51-b3f0-618d7ea9c502>\r\n"
    "WARC-Concurrent-To: <urn:uuid:e3790bd6-15fc-4a82-9db7-f04c58e126a3>\r\n"
    "WARC-Target-URI: http://docs.example.com/manual/functions-string.html\r\n"
    "WARC-Date: 2025-01-30T06:18:25Z\r\n"
    "WARC-Block-Digest: sha1:HK3M7DOVX2CPU5RYE6ZBWN4TJLQAIGS3\r\n"
    "Content-Type: application/warc-fields\r\nContent-Length: 1689\r\n\r\n"
    "via: http://docs.example.com/manual/functions.html\r\nhopsFromSeed: LL\r\n"
    "fetchTimeMs: 73\r\n"
    "outlink: http://docs.example.com/style/main.css E link\r\n"
    "outlink: http://docs.example.com/images/logo-small.png E img\r\n"
    "outlink: http://docs.example.com/manual/index.html L a\r\n"
    "outlink: http://docs.example.com/manual/functions-math.html L a\r\n"
    "outlink: http://docs.example.com/manual/typeconv-overview.html L a\r\n"
    "outlink: http://docs.example.com/manual/queries-table-expressions.html L a\r\n"
    "outlink: https://git.example.com/?p=manual.git;a=commit;h=61c0d8f27b L a\r\n"
    "outlink: http://docs.example.com/manual/30/index0417.html L a\r\n"
    "outlink: http://docs.example.com/manual/52/page19386.html L a\r\n"
    "outlink: http://docs.example.com/manual/52/page19387.html L a\r\n"
    "outlink: http://docs.example.com/manual/52/page19388.html L a\r\n\r\n\r\n"};

/*
 * ISA-L leaves the upper halves of the vector registers in use, whatever is in them.  As long as
 * they are, some processors take many cycles to go from instructions of SSE, which the compiler
 * makes, to those of AVX, which memcpy() is made of, and back: in the thread that called ISA-L
 * once and in all that are started by it, until somebody says that they are not.
 * Source: Intel 64 and IA-32 Architectures Optimization Reference Manual, "Mixing AVX Code with
 * SSE Code".
 */
#ifdef __x86_64__
__attribute__((target("avx"))) static void
upper_halves_leave(void)
{
	_mm256_zeroupper();
}

static void
vectors_leave(void)
{
	if (__builtin_cpu_supports("avx"))
		upper_halves_leave();
}
#else
static void
vectors_leave(void)
{
}
#endif

static void
fields_learn(struct isal_hufftables *ret)
{
	/* 18 KB, and only now: not on the stack of whoever starts a thread. */
	static const struct isal_huff_histogram none;
	struct isal_huff_histogram h = none;
	int r;

	for (size_t i = 0; i < sizeof(specimens) / sizeof(specimens[0]); i++)
		isal_update_histogram(
		    (uint8_t *)(uintptr_t)specimens[i], (int)strlen(specimens[i]), &h);
	r = isal_create_hufftables(ret, &h);
	vectors_leave();
	assert(r == 0); /* of this text it can be made */
}

int
warc_gzip_new(struct warc_gzip **ret)
{
	struct warc_gzip *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return -ENOMEM;
	fields_learn(&g->fields);
	*ret = g;
	return 0;
}

void
warc_gzip_free(struct warc_gzip *g)
{
	free(g);
}

/* The window within z is used by pieces only. */
void
warc_gzip_forget(struct warc_gzip *g)
{
	struct isal_zstate *s = &g->z.internal_state;

	if (g->streamed)
		explicit_bzero(s->buffer, sizeof(s->buffer));
	explicit_bzero(s->head, sizeof(s->head));
	explicit_bzero(&g->z, offsetof(struct isal_zstream, internal_state.buffer));
	explicit_bzero(g->memory, g->dirty);
	g->dirty = 0;
	g->streamed = false;
}

static void
use_memory(struct warc_gzip *g, size_t text_bytes)
{
	size_t n = MEMORY_BYTES;

	if (text_bytes < (MEMORY_BYTES - MEMORY_FIXED_BYTES) / MEMORY_BYTES_EACH)
		n = MEMORY_FIXED_BYTES + (text_bytes + 1) * MEMORY_BYTES_EACH;
	if (n > MEMORY_BYTES)
		n = MEMORY_BYTES;
	if (n > g->dirty)
		g->dirty = n;
	g->z.level = LEVEL;
	g->z.level_buf = g->memory;
	g->z.level_buf_size = MEMORY_BYTES;
}

/* It only reads what it is given. */
static void
give(struct isal_zstream *z, struct slice text, char *out, size_t room)
{
	z->next_in = (uint8_t *)(uintptr_t)text.ptr;
	z->avail_in = (uint32_t)text.len;
	z->next_out = (uint8_t *)out;
	z->avail_out = (uint32_t)room;
}

int
warc_gzip_whole(
    struct warc_gzip *g, struct slice text, enum warc_gzip_text kind, struct buf *out)
{
	/* What does not get smaller is stored, which takes so much. */
	size_t room = text.len + WRAP_BYTES +
		      (text.len / STORED_BYTES_MAX + 1) * (size_t)STORED_HEAD_BYTES;
	int r;

	assert(text.len <= UINT32_MAX / 2);
	r = buf_reserve(out, room);
	if (r < 0)
		return r;
	isal_deflate_stateless_init(&g->z);
	g->z.gzip_flag = IGZIP_GZIP;
	g->z.end_of_stream = 1;
	if (text.len <= (kind == WARC_GZIP_FIELDS ? FIELDS_BYTES_MAX : BRIEF_BYTES_MAX))
		g->z.hufftables = &g->fields; /* of level 0, which is there by itself */
	else
		use_memory(g, text.len);
	give(&g->z, text, out->ptr + out->len, room);
	r = isal_deflate_stateless(&g->z);
	vectors_leave();
	assert(r == COMP_OK);
	out->len += g->z.total_out;
	return 0;
}

void
warc_gzip_begin(struct warc_gzip *g)
{
	isal_deflate_init(&g->z);
	g->z.gzip_flag = IGZIP_GZIP;
	use_memory(g, MEMORY_BYTES);
	g->streamed = true;
}

int
warc_gzip_piece(struct warc_gzip *g, struct slice piece, bool last, struct buf *out)
{
	struct isal_zstream *z = &g->z;

	do {
		size_t room, take = piece.len;
		int r;

		if (take > UINT32_MAX / 2)
			take = UINT32_MAX / 2;
		room = out->max - out->len;
		if (room > STEP_BYTES)
			room = STEP_BYTES;
		if (room == 0)
			return -EMSGSIZE;
		r = buf_reserve(out, room);
		if (r < 0)
			return r;
		give(z, slice_head(piece, take), out->ptr + out->len, room);
		z->end_of_stream = last && take == piece.len;
		r = isal_deflate(z);
		vectors_leave();
		assert(r == COMP_OK);
		out->len += room - z->avail_out;
		piece = slice_from(piece, take - z->avail_in);
		if (last ? z->internal_state.state == ZSTATE_END
			 : piece.len == 0 && z->avail_out > 0)
			return 0;
	} while (true);
}
