/*
 * web/html_open.h -- which elements are open at a place of a page: the stack of a tree
 * builder (HTML standard, section 13.2.6) without its tree.
 *
 * Fed with all tags of the tokenizer, in order, it says which element opens within which
 * and when it ends, also where nobody wrote that: html, head, body, tbody, tr and colgroup
 * are there as in a browser, p, li, dt, dd, option, td ... end where they have to, void
 * elements at once.  What a table may not hold opens as a child of the table's parent.
 *
 * Unlike a tree it cannot move what it has told.  These differ from a browser's tree:
 *   - where a formatting element (b, i, a, font ...) has its end tag within a block that was
 *     opened in it, what came in the block until then is within the element, and the block
 *     too; in a tree the element is within the block;
 *   - what a table may not hold comes before the table there, here behind it;
 *   - attributes of a second <html> or <body> come late: html_open_ops.merged;
 *   - elements beyond HTML_OPEN_MAX levels are not told, nor more than HTML_OPEN_AGAIN_MAX
 *     formatting elements that are opened again in a further block, as a tree has them;
 *   - see HTML_OPEN_STEPS_MAX.
 *
 * Owns:    nothing; fixed size.
 * Errors:  what `opened` returned.
 * Threads: one user at a time.
 */
#ifndef WEB_HTML_OPEN_H
#define WEB_HTML_OPEN_H
#include "web/html.h"

enum {
	HTML_OPEN_MAX = 512,
	HTML_OPEN_BUCKETS = 64,
	HTML_OPEN_FORMATS_MAX = 64,
	HTML_OPEN_AGAIN_MAX = 65536,
	/* Elements passed, all in all, on the way to what an end tag ends.  Then it is looked
	 * for among the last few only: somebody has made the page so. */
	HTML_OPEN_STEPS_MAX = 4 << 20,
	HTML_OPEN_STEPS_FEW = 16,
	HTML_OPEN_SAVED_BYTES = 8192, /* of tags that may be needed again, and ... */
	HTML_OPEN_SAVED_ATTRS = 128,  /* ... of their attributes: others have none then */
};

struct html_element {
	uint64_t key;    /* of its name, in lower case (html.h) */
	uint32_t hash;   /* of the name, where the key does not tell all of it; else 0 */
	uint8_t id;      /* enum html_name_id */
	uint8_t ns;      /* enum html_ns */
	bool holds_html; /* foreign, but HTML goes on in it */
	bool is_closing; /* has had its end tag; ends with what is open in it */
	uint16_t parent;
	/* The nearest ones that tags in it may end, itself included; 0: none. */
	uint16_t p;          /* in button scope */
	uint16_t item, term; /* li; dt or dd */
	uint16_t table;      /* table or template */
};

/* In the "list of active formatting elements" (13.2.4.3). */
struct html_format {
	struct html_element e;
	uint32_t at; /* where it is open; 0: it is not */
	bool
	    is_marker; /* formatting does not reach into the element that is open there */
	bool name_odd;
	uint32_t name_at, name_len;
	uint32_t bytes_at, bytes_len, attrs_at, attrs_len; /* of its tag, saved */
};

struct html_open_ops {
	/* `at` is the last one.  `tag`: with its attributes; NULL: nobody wrote one.  For a
	 * formatting element that opens again it is a copy that lasts as long as the call. */
	int (*opened)(void *ctx, uint32_t at, const struct html_tag *tag);
	void (*closed)(void *ctx, uint32_t at);
	/* It is still open, because of what is open in it, but holds no more from here on. */
	void (*ended)(void *ctx, uint32_t at);
	/* Attributes that come later, to html and body. */
	int (*merged)(void *ctx, uint32_t at, const struct html_tag *tag);
};

enum html_open_mode {
	HTML_OPEN_BEFORE_HTML,
	HTML_OPEN_BEFORE_HEAD,
	HTML_OPEN_HEAD,
	HTML_OPEN_AFTER_HEAD, /* head is open here until something else comes */
	HTML_OPEN_BODY,
	HTML_OPEN_FRAMESET,
};

struct html_open {
	const struct html_open_ops *ops;
	void *ctx;
	enum html_open_mode mode;
	bool has_doctype; /* no quirks mode: a table ends a paragraph */
	bool form_is_open;
	bool is_xml; /* nothing is implied: elements are what their tags say (HTML_XML) */
	uint32_t form_at; /* of the form element, while it is open */
	uint32_t beyond;  /* open, but too deep to be told */
	uint32_t steps;   /* towards HTML_OPEN_STEPS_MAX */
	uint32_t again;   /* formatting elements that were opened again */
	uint32_t len;     /* of the last one; 0 is the document */
	uint16_t counts[HTML_OPEN_BUCKETS]; /* open ones, by key */
	struct html_element open[HTML_OPEN_MAX + 1];
	uint32_t formats_len, bytes_len, attrs_len;
	struct html_format formats[HTML_OPEN_FORMATS_MAX];
	struct html_attr attrs[HTML_OPEN_SAVED_ATTRS];
	char bytes[HTML_OPEN_SAVED_BYTES];
};

/* `open` need not be initialised. */
void html_open_init(
    struct html_open *o, const struct html_open_ops *ops, void *ctx, bool is_xml);
void html_open_doctype(struct html_open *o, const struct html_doctype *d);
/* A tag with its namespace: HTML_MODELS. */
int html_open_tag(struct html_open *o, const struct html_tag *tag);
/* Does it make a difference that there is text? */
bool html_open_awaits_text(const struct html_open *o);
/* There is; is it only white space? */
int html_open_text(struct html_open *o, bool is_blank);
/* Is it the copy of a tag that was there before? */
bool html_open_is_copy(const struct html_open *o, const struct html_tag *tag);
/* The page ends: what it lacks opens, all closes. */
int html_open_end(struct html_open *o);

/* Walks what must hold; for tests. */
void html_open_check(const struct html_open *o);

/* Does it stand apart from the text around it, so that words end there? */
bool html_open_is_block(const struct html_element *e);
/* html_element.hash of a name. */
uint32_t html_open_hash(struct slice name);
#endif
