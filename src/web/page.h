/*
 * web/page.h -- what a crawler wants to know of a page: its links, and a few facts.
 *
 * page_parse() walks the markup once, in order, without building a tree, and follows the
 * tokenizer of the HTML standard (section 13.2.5), so that what a browser would not see
 * as a link (in comments, scripts, text areas) is none here.  <noscript> and <template>
 * contents count as markup; an iframe's srcdoc is not looked into.
 *
 * The main text is what is left of the blocks between the tags of block elements when
 * menus and the like are taken out.  Nothing hidden, in <select>, <button> or <noscript>
 * is text.  Out is what stands in <nav>, <footer>, <aside>, <menu>, <search>, in a
 * <header> that is not of <main> or <article>, and under the ARIA landmarks of that
 * meaning.  Of the rest, the first of these rules that finds text at all:
 *   1. what is in <main>, if that is 20 words at least, but for blocks of which more than
 *      a third is the text of links;
 *   2. what has many words and few links, or stands beside such a block: the decision
 *      tree of Kohlschuetter et al. 2010, algorithm 2;
 *   3. all that is not mostly links.
 * Of a page at most 1 MiB of text is looked at.
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

struct select;
struct select_value; /* web/select.h */

struct page_conf {
	struct slice http_charset; /* of Content-Type, as it was sent; may be empty */
	struct slice agent;        /* our product token, for <meta name=...> */
	size_t links_max;          /* links kept; the others are only counted */
	size_t guesses_max;        /* of these speculative ones, with want_speculative */
	size_t anchor_bytes_max;   /* of the text of one link */
	size_t title_bytes_max;
	bool is_xml; /* XHTML, SVG: tags may close themselves, CDATA is text */
	bool want_anchors;
	bool want_speculative; /* URLs in JSON-LD and in inline scripts, by guess */
	size_t refs_max;       /* struct page_ref that are kept */
	bool want_text;        /* headings, main text and fingerprint; costs time */
	size_t headings_max;
	size_t heading_bytes_max; /* of one */
	size_t text_bytes_max;    /* of the main text */
	const struct select *fields; /* NULL: none */
	bool want_ids;               /* all tags are looked at then */
	size_t ids_max;              /* ids kept; the others are only counted */
};

#define PAGE_CONF_DEFAULT                                                                \
	((struct page_conf){.links_max = 6000,                                           \
	    .guesses_max = 1000,                                                         \
	    .anchor_bytes_max = 200,                                                     \
	    .title_bytes_max = 1024,                                                     \
	    .refs_max = 200,                                                             \
	    .headings_max = 200,                                                         \
	    .heading_bytes_max = 200,                                                    \
	    .text_bytes_max = 256 << 10,                                                 \
	    .ids_max = 20000})

struct page_link {
	enum link_kind kind;
	uint8_t rel;         /* enum link_rel bits, of a, area, form and link */
	struct slice ref;    /* as written, references decoded, outer white space off; */
			     /* to be resolved against base_href and the document's URL */
	struct slice anchor; /* text of <a>, white space collapsed; with want_anchors */
};

enum page_ref_kind {
	PAGE_REF_LANG,    /* the same in another language: rel=alternate hreflang */
	PAGE_REF_FEED,    /* rel=alternate of a type for RSS, Atom, JSON Feed */
	PAGE_REF_SITEMAP, /* rel=sitemap */
};
struct page_ref {
	enum page_ref_kind kind;
	struct slice ref;  /* as that of a link */
	struct slice lang; /* as written: "de-CH", "x-default"; empty: not said */
	struct slice title;
};

struct page_heading {
	uint8_t level;     /* 1 to 6 */
	struct slice text; /* white space collapsed */
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
	uint64_t links_total;  /* with those beyond links_max */
	struct page_ref *refs; /* in document order */
	size_t refs_len;
	/* With want_ids: what a fragment may name (HTML, 7.4.6.3: the id of any element, the
	 * name of an <a>), in document order and as often as it stands there.  None is
	 * empty. */
	struct slice *ids;
	size_t ids_len;
	uint64_t ids_total; /* with those beyond ids_max */
	/* With want_text: */
	struct page_heading *headings; /* also those around the main text */
	size_t headings_len;
	struct slice text; /* the main text: a block a line, white space collapsed */
	bool has_simhash;  /* false: there is not a word */
	uint64_t simhash;  /* of the main text, or of all if that is only a few words */
	const struct select_value *fields; /* by field; NULL: none were asked for */
	size_t fields_len;
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
