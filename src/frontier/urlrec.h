/*
 * frontier/urlrec.h -- what is kept of a URL from its discovery to its outcome.
 *
 * Serialised it is the value of the store's queue table (see frontier/keys.h).
 * Owns: urlrec_new() makes one heap block with its texts inside; free(3)-like
 * urlrec_free().
 */
#ifndef FRONTIER_URLREC_H
#define FRONTIER_URLREC_H
#include "base/buf.h"
#include "web/link.h"

enum urlrec_flag { /* bits */
	URLREC_SEED = 1,
	URLREC_REQUISITE = 2,  /* admitted only as a part of an in-scope page */
	URLREC_SITEMAP = 4,    /* to be read as a sitemap */
	URLREC_SEED_CHAIN = 8, /* a seed's redirect target */
	URLREC_PART = 16,      /* part of an in-scope page, whatever else is said of it */
	URLREC_AGAIN = 32,  /* it was asked in an earlier round; `known` says of what */
	URLREC_WHOLE = 64,  /* ... and is to be sent whole, changed or not */
	URLREC_CHECK = 128, /* only asked whether it is there: --check-links */
	URLREC_CHECK_GET = URLREC_WHOLE, /* with it: with GET, for HEAD would not do */
};

struct urlrec {
	uint64_t authority_hash, url_hash;
	uint64_t key; /* order key: the least goes first in an authority; unique there */
	int64_t not_before_ms; /* wall clock; 0: now.  Set by a retry */
	int16_t priority;      /* -128 .. 127, greater first; 0 usual */
	uint16_t depth; /* links from a seed; redirects and embeds do not count... */
	uint8_t kind;   /* enum link_kind it came by */
	uint8_t flags;
	uint8_t redirects; /* in the chain that led here */
	uint8_t attempts;  /* that ended and are to be tried again */
	uint32_t since_s;  /* when it was discovered, seconds of 1970; 0: not known */
	struct slice url;  /* normal form */
	struct slice via;  /* empty for a seed */
	struct slice hops; /* Heritrix's hop path, "LLE" */
	struct slice known; /* what is known of it, for whoever asks; mostly empty */
};

/* A copy on the heap; NULL: no memory. */
struct urlrec *urlrec_new(const struct urlrec *r);
void urlrec_free(struct urlrec *r);
size_t urlrec_bytes(const struct urlrec *r);
int urlrec_encode(const struct urlrec *r, struct buf *out);
/* Borrows from `value`; -EBADMSG when it is not one. */
int urlrec_decode(struct slice value, struct urlrec *ret);
/* "scheme://host[:port]" of r->url. */
struct slice urlrec_authority(const struct urlrec *r);
/* Made up, to hear what its host says of what it has not; no link leads there. */
bool urlrec_is_probe(const struct urlrec *r);
/* That, or what it was sent on to. */
bool urlrec_is_made_up(const struct urlrec *r);
#endif
