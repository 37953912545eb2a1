#include "sink/mirror_page.h"
#include "base/wire.h"
#include "sink/mirror_name.h"
#include "web/relink.h"
#include "web/url.h"
#include <errno.h>
#include <stdio.h>

#include "base/banned.h"

enum piece { PIECE_SAME, PIECE_LINK };

int
mirror_piece_same(struct buf *b, struct slice bytes)
{
	struct wire_out w = {.b = b};

	wire_u8(&w, PIECE_SAME);
	wire_text(&w, bytes);
	return w.err;
}

int
mirror_piece_link(struct buf *b, unsigned form, struct slice url, struct slice fragment)
{
	struct wire_out w = {.b = b};

	if (url.len > URL_BYTES_MAX || fragment.len > MIRROR_FRAGMENT_BYTES_MAX)
		return -EMSGSIZE;
	wire_u8(&w, PIECE_LINK);
	wire_u8(&w, (uint8_t)form);
	wire_u16(&w, (uint16_t)url.len);
	wire_u16(&w, (uint16_t)fragment.len);
	wire_put(&w, url.ptr, url.len);
	wire_put(&w, fragment.ptr, fragment.len);
	return w.err;
}

/* Of a URL: with nothing that would end it where it stands. */
static int
add_escaped(struct buf *b, struct slice text, unsigned form)
{
	int r = 0;

	for (size_t i = 0; i < text.len && r == 0; i++) {
		char c = text.ptr[i];
		bool odd = c <= ' ' || c > '~' || strchr("\"<>`\\", c) != NULL;

		if ((form & RELINK_CSS) != 0)
			odd |= strchr("'()", c) != NULL;
		if ((form & RELINK_SRCSET) != 0)
			odd |= strchr(",()", c) != NULL;
		if (odd)
			r = buf_printf(b, "%%%02X", (unsigned)(unsigned char)c);
		else if ((form & RELINK_HTML) != 0 && c == '&')
			r = buf_add_cstr(b, "&amp;");
		else if ((form & RELINK_HTML) != 0 && c == '\'')
			r = buf_add_cstr(b, "&#39;");
		else
			r = buf_add_byte(b, c);
	}
	return r;
}

static int
link_write(struct mirror_out *out, unsigned form, struct slice url, struct slice fragment)
{
	int found = 0, r = 0;

	buf_clear(&out->path);
	buf_clear(&out->text);
	if ((form & RELINK_ORIGIN) == 0)
		found = out->find(out->ctx, url, &out->path);
	if (found < 0)
		return found;
	if (found == 0)
		r = add_escaped(&out->text, url, form);
	else if (fragment.len == 0 || !slice_eq(buf_slice(&out->path), out->own))
		r = mirror_reference(out->own, buf_slice(&out->path), &out->text);
	if (r == 0 && fragment.len > 0)
		r = buf_add_byte(&out->text, '#');
	if (r == 0)
		r = add_escaped(&out->text, fragment, form);
	return r < 0 ? r : out->write(out->ctx, buf_slice(&out->text));
}

struct mirror_piece {
	uint8_t what, form;
	struct slice bytes, url, fragment;
};

/* in->bad: it is none. */
static void
piece_read(struct wire_in *in, struct mirror_piece *ret)
{
	struct mirror_piece p = {.what = wire_get_u8(in)};
	uint16_t url_len, fragment_len;

	if (p.what == PIECE_SAME) {
		p.bytes = wire_get_text(in);
	} else {
		p.form = wire_get_u8(in);
		url_len = wire_get_u16(in);
		fragment_len = wire_get_u16(in);
		in->bad |= p.what != PIECE_LINK || url_len > URL_BYTES_MAX ||
			   fragment_len > MIRROR_FRAGMENT_BYTES_MAX ||
			   in->rest.len < (size_t)url_len + fragment_len;
	}
	if (!in->bad && p.what == PIECE_LINK) {
		p.url = slice_head(in->rest, url_len);
		p.fragment = slice_head(slice_from(in->rest, url_len), fragment_len);
		in->rest = slice_from(in->rest, (size_t)url_len + fragment_len);
	}
	*ret = p;
}

bool
mirror_pieces_sound(struct slice pieces)
{
	struct wire_in in = {.rest = pieces};
	struct mirror_piece p;

	while (!in.bad && in.rest.len > 0)
		piece_read(&in, &p);
	return !in.bad;
}

int
mirror_page_write(struct slice pieces, struct mirror_out *out)
{
	struct wire_in in = {.rest = pieces};
	struct mirror_piece p;
	int r = 0;

	while (r == 0 && in.rest.len > 0) {
		piece_read(&in, &p);
		if (in.bad)
			r = -EBADMSG;
		else if (p.what == PIECE_SAME)
			r = out->write(out->ctx, p.bytes);
		else
			r = link_write(out, p.form, p.url, p.fragment);
	}
	return r;
}
