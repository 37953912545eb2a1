/*
 * Input: a byte that says how, then a page or a style sheet.  It is taken apart at its links and
 * put together again, whatever is found of the links; what a link is told to be is UTF-8, and
 * asked for before it is told.  Then the same bytes as pieces, as a worker that was taken over may send
 * them.
 */
#include "base/arena.h"
#include "fuzz.h"
#include "sink/mirror_page.h"
#include "web/relink.h"
#include <errno.h>

enum { STYLE = 1, XML = 2, FOUND = 4, CODED = 8, ROOM = 1 << 20 };

struct run {
	struct buf pieces;
	char ref[1 << 16];
	size_t ref_len;
	uint32_t links;
	bool found,
	    is_told; /* link() comes once for what is_link() said last, if at all */
};

static int
is_link(void *ctx, struct slice ref)
{
	struct run *t = ctx;

	FUZZ_CHECK(utf8_valid_len(ref) == ref.len);
	t->is_told = false;
	if (ref.len > sizeof(t->ref) - 1 || ref.len == 0)
		return 0;
	memcpy(t->ref, ref.ptr, ref.len);
	t->ref_len = ref.len;
	t->is_told = true;
	return 1;
}

static int
on_link(void *ctx, unsigned form)
{
	struct run *t = ctx;

	FUZZ_CHECK(t->is_told);
	t->is_told = false;
	t->links++;
	return mirror_piece_link(
	    &t->pieces, form, slice_of(t->ref, t->ref_len), (struct slice){0});
}

static int
on_same(void *ctx, struct slice bytes)
{
	struct run *t = ctx;

	return mirror_piece_same(&t->pieces, bytes);
}

static int
find(void *ctx, struct slice url, struct buf *path)
{
	struct run *t = ctx;

	return !t->found || url.len % 2 == 0             ? 0
	       : buf_add_cstr(path, "a.test/b.html") < 0 ? -ENOMEM
							 : 1;
}

static int
write_to(void *ctx, struct slice bytes)
{
	struct run *t = ctx;

	(void)t;
	FUZZ_CHECK(bytes.len == 0 || bytes.ptr != NULL);
	return 0;
}

static int
pieces_write(struct run *t, struct slice pieces)
{
	struct mirror_out out = {
	    .find = find, .write = write_to, .ctx = t, .own = SLICE_LIT("a.test/b.html")};
	int r;

	buf_init(&out.path, 4096);
	buf_init(&out.text, 4 * 65536);
	r = mirror_page_write(pieces, &out);
	buf_release(&out.path);
	buf_release(&out.text);
	return r;
}

FUZZ_TARGET(relink)
{
	static const struct relink_ops ops = {
	    .is_link = is_link, .link = on_link, .same = on_same};
	struct slice rest = slice_of((const char *)data, size), body;
	unsigned how = fuzz_byte(&rest);
	struct run *t = calloc(1, sizeof(*t));
	struct arena arena, scratch;
	struct relink_conf conf = {.ops = &ops,
	    .ctx = t,
	    .arena = &arena,
	    .scratch = &scratch,
	    .charset = CHARSET_UTF_8,
	    .is_xml = (how & XML) != 0};
	int r;

	FUZZ_CHECK(t != NULL);
	arena_init(&arena, 1 << 14, SIZE_MAX);
	arena_init(&scratch, 1 << 14, SIZE_MAX);
	buf_init(&t->pieces, ROOM);
	t->found = (how & FOUND) != 0;
	if ((how & CODED) != 0) {
		conf.http_charset = fuzz_line(&rest);
		(void)charset_find(conf.http_charset, &conf.charset);
	}
	body = fuzz_copy(rest);
	r = (how & STYLE) != 0 ? relink_css(body, &conf) : relink_html(body, &conf);
	FUZZ_CHECK(r == 0 || r == -EMSGSIZE || r == -ENOMEM || r == -ENOTSUP);
	if (r == 0)
		FUZZ_CHECK(pieces_write(t, buf_slice(&t->pieces)) == 0);
	r = pieces_write(t, body);
	FUZZ_CHECK(r == 0 || r == -EBADMSG || r == -EMSGSIZE || r == -ENOMEM);
	fuzz_copy_free(body);
	buf_release(&t->pieces);
	arena_release(&scratch);
	arena_release(&arena);
	free(t);
	return 0;
}
