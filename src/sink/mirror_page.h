/*
 * sink/mirror_page.h -- a document in pieces: its bytes, and the links between them, by
 * whole URLs.
 *
 * A worker takes the document apart (web/relink.h) where its page is parsed; when the crawl
 * is over, and it is known what there is, pieces are put together with references from
 * where the document lies to where the others do.  That is no more than copying.
 *
 * Errors:  those of buf_add() and of the functions handed in; -EBADMSG: these are no
 *          pieces.
 * Threads: any; no state.
 */
#ifndef SINK_MIRROR_PAGE_H
#define SINK_MIRROR_PAGE_H
#include "base/buf.h"

int mirror_piece_same(struct buf *b, struct slice bytes);
/* `form`: of web/relink.h.  -EMSGSIZE: a URL above URL_BYTES_MAX, a fragment above
 * MIRROR_FRAGMENT_BYTES_MAX. */
int mirror_piece_link(
    struct buf *b, unsigned form, struct slice url, struct slice fragment);
enum {
	MIRROR_LINK_BYTES = 6, /* of a link, besides its texts */
	MIRROR_FRAGMENT_BYTES_MAX = 1024,
};
/* Of a worker that may be in other hands: mirror_page_write() will take them. */
bool mirror_pieces_sound(struct slice pieces);

struct mirror_out {
	/* 1: `path` is set to where it lies; 0: it is not in the mirror. */
	int (*find)(void *ctx, struct slice url, struct buf *path);
	int (*write)(void *ctx, struct slice bytes);
	void *ctx;
	struct slice own;      /* path of the document */
	struct buf path, text; /* initialised by the caller: room for a path, for a URL */
};
int mirror_page_write(struct slice pieces, struct mirror_out *out);
#endif
