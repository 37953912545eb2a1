#include "sink/mirror_page.h"
#include "base/wire.h"
#include "sink/mirror_name.h"
#include "web/relink.h"
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

	if (url.len > UINT16_MAX || fragment.len > UINT16_MAX)
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

static int
piece_write(struct wire_in *in, struct mirror_out *out)
{
	uint8_t what = wire_get_u8(in), form;
	struct slice bytes, url, fragment;
	uint16_t url_len, fragment_len;

	if (what == PIECE_SAME) {
		bytes = wire_get_text(in);
		return in->bad ? -EBADMSG : out->write(out->ctx, bytes);
	}
	form = wire_get_u8(in);
	url_len = wire_get_u16(in);
	fragment_len = wire_get_u16(in);
	if (in->bad || what != PIECE_LINK ||
	    in->rest.len < (size_t)url_len + fragment_len)
		return -EBADMSG;
	url = slice_head(in->rest, url_len);
	fragment = slice_head(slice_from(in->rest, url_len), fragment_len);
	in->rest = slice_from(in->rest, (size_t)url_len + fragment_len);
	return link_write(out, form, url, fragment);
}

int
mirror_page_write(struct slice pieces, struct mirror_out *out)
{
	struct wire_in in = {.rest = pieces};
	int r = 0;

	while (r == 0 && in.rest.len > 0)
		r = piece_write(&in, out);
	return r;
}
