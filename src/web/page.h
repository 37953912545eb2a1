/*
 * web/page.h -- what a crawler wants to know of a page: its links, and a few facts.
 *
 * page_parse() walks the markup once, in order, without building a tree, and follows the
 * tokenizer of the HTML standard (section 13.2.5), so that what a browser would not see
 * as a link (in comments, scripts, text areas) is none here.  <noscript> and <template>
 * contents count as markup; an iframe's srcdoc is not looked into.
 *
 * Owns:    texts lie in the arena or in `body` itself: keep both for as long as the page.
 * Errors:  -ENOMEM only (also when the arena's maximum is reached), and -EMSGSIZE for
 *          bodies of 2 GiB and more; no body is too broken.
 * Texts:   UTF-8 always, whatever the page was written in; broken bytes become U+FFFD.
 * Threads: any; no state (the legacy charsets take a lock, see web/charset.h).
 */
#ifndef WEB_PAGE_H
#define WEB_PAGE_H
#include "base/arena.h"
#include "web/charset.h"
#include "web/link.h"
#include "web/page_robots.h"

struct page_conf {
	struct slice http_charset; /* of Content-Type, as it was sent; may be empty */
	struct slice agent;        /* our product token, for <meta name=...> */
	size_t links_max;          /* links kept; the others are only counted */
	size_t guesses_max;        /* of these speculative ones, with want_speculative */
	size_t anchor_bytes_max;   /* of the text of one link */
	size_t title_bytes_max;
	bool want_anchors;
	bool want_speculative; /* URLs in JSON-LD and in inline scripts, by guess */
};

#define PAGE_CONF_DEFAULT                                                                \
	((struct page_conf){.links_max = 6000,                                           \
	    .guesses_max = 1000,                                                         \
	    .anchor_bytes_max = 200,                                                     \
	    .title_bytes_max = 1024})

struct page_link {
	enum link_kind kind;
	uint8_t rel;         /* enum link_rel bits, of a, area, form and link */
	struct slice ref;    /* as written, references decoded, outer white space off; */
			     /* to be resolved against base_href and the document's URL */
	struct slice anchor; /* text of <a>, white space collapsed; with want_anchors */
};

struct page {
	const char
	    *charset; /* name as in the Encoding Standard: "UTF-8", "windows-1252" */
	enum charset_how charset_how;
	struct slice title;       /* white space collapsed */
	struct slice lang;        /* of <html lang>, else of <meta http-equiv> */
	struct slice description; /* of <meta name=description>, white space collapsed */
	struct slice canonical;   /* raw reference of the first <link rel=canonical> */
	struct slice base_href;   /* raw reference of the first <base href> */
	bool has_base;            /* also when base_href is empty */
	struct page_robots robots; /* of its meta elements only */
	struct page_link *links;  /* in document order */
	size_t links_len;
	uint64_t links_total; /* with those beyond links_max */
};

/* HTML, in any charset; `body` after content decoding. */
int page_parse(
    struct slice body, const struct page_conf *conf, struct arena *a, struct page *ret);
/* A style sheet: url() and @import; links and charset are filled in. */
int page_css(
    struct slice body, const struct page_conf *conf, struct arena *a, struct page *ret);

/* Of a rel attribute: enum link_rel bits. */
unsigned page_rel_parse(struct slice rel);
/* What a link element, or a header Link, with this rel is: LINK_LINK, LINK_LINK_PAGE or
 * LINK_MANIFEST. */
enum link_kind page_rel_kind(struct slice rel);
#endif
