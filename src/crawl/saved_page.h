/*
 * crawl/saved_page.h -- what the store keeps of a URL that was asked: what to ask it by the
 * next time, and when that is due.
 *
 *   meta table   "page/KEY"   struct saved_page, by its key in the seen table
 *   queue table  urlrec.known the same without the record, of a page that is asked again
 *
 * Owns:    slices of what was read borrow from the bytes.
 * Errors:  -EBADMSG: it is no such record, or of a newer version; others of the store.
 * Threads: whoever has the store.
 */
#ifndef CRAWL_SAVED_PAGE_H
#define CRAWL_SAVED_PAGE_H
#include "base/buf.h"
#include "crawl/recrawl.h"
#include "frontier/keys.h"
#include "frontier/urlrec.h"
#include "store/store.h"

enum page_state {
	PAGE_NEVER, /* was not there whenever it was asked, or did not say */
	PAGE_THERE,
	PAGE_GONE, /* was there once */
	PAGE_STATE_MAX
};

/* The record of the archive that holds the contents, to which a revisit refers. */
struct saved_original {
	uint8_t id[16];   /* of its uuid; zeros: it is in no archive */
	int64_t wall_us;  /* its date */
	struct slice uri; /* its target; empty: the page itself */
};

struct saved_page {
	enum page_state state;
	int64_t fetched_us;               /* when the contents came; wall clock */
	int64_t asked_us;                 /* it answered last; 0: never, so it is due */
	struct slice etag, last_modified; /* of the contents; empty: it said none */
	struct slice digest; /* of the payload, sha1:...; of a redirect, SAVED_PAGE_TO */
	struct page_history history;
	struct saved_original original;
	struct slice rec; /* urlrec_encode()d; empty: an older trawl did not keep it */
};
/* "urn:uuid:..." and its 16 bytes. */
enum { SAVED_ORIGINAL_ID_MAX = 46 };
bool saved_original_is(const struct saved_original *o); /* it is in an archive */
void saved_original_id(const struct saved_original *o, char ret[SAVED_ORIGINAL_ID_MAX]);
bool saved_original_parse(struct slice id, uint8_t ret[16]);

enum { SAVED_VALIDATOR_MAX = 512 }; /* bytes; a longer one is not kept */
/* A digest that begins so is of the URL that a page redirects to. */
#define SAVED_PAGE_TO SLICE_LIT("url:")

/* The most of a queue's `known`; a record comes on top. */
enum { SAVED_PAGE_BYTES_MAX = 16 << 10 };

int saved_page_decode(struct slice value, struct saved_page *ret);
/* That part of the value which is not the record: what urlrec.known has. */
struct slice saved_page_known(struct slice value, const struct saved_page *v);

/* Under the key of `rec`, which goes in, too, as it was found: without tries. */
int saved_page_put(
    struct store_batch *b, const struct urlrec *rec, const struct saved_page *v);
/* `ret` borrows from `value`.  -ENOENT: it was never asked, or by an older trawl. */
int saved_page_get(struct store *s, uint64_t authority_hash, uint64_t url_hash,
    struct buf *value, struct saved_page *ret);

#define SAVED_PAGES SLICE_LIT("page/")
enum { SAVED_PAGE_KEY_BYTES = 5 + KEY_BYTES };
#endif
