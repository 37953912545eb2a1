/*
 * crawl/copy.h -- what a worker makes of a page or style sheet for the mirror: pieces, with
 * each link as the crawl knows it (sink/mirror_page.h).
 *
 * As long as a page has few bytes of links for its size, that is: the URLs of its links may
 * take as much as itself and a MiB; links after that are left as they stand.
 *
 * Owns:    its buffers, for the next page.
 * Errors:  -ENOTSUP, -EMSGSIZE: it is to be copied as it is; -ENOMEM.
 * Threads: one user at a time.
 */
#ifndef CRAWL_COPY_H
#define CRAWL_COPY_H
#include "base/arena.h"
#include "crawl/outlinks.h"

struct copier {
	struct buf pieces;
	struct arena scratch;
};
void copier_init(struct copier *c);
void copier_release(struct copier *c);
void copier_wipe(struct copier *c);

struct copy_page {
	struct outlinks *links; /* with the page's base and charset */
	bool has_base;
	struct arena *arena;
	struct slice body, http_charset, charset;
	bool is_css, is_xml;
	uint64_t bytes_max; /* of the pieces */
};
int copy_page(struct copier *c, const struct copy_page *page, struct slice *ret);
#endif
