/*
 * web/relink.h -- a page or style sheet taken apart at its links, so that others can be put
 * there and every other byte stays as it is.
 *
 * Told are, in order, the bytes between the links and the links; put together again they
 * are the document.  It is changed elsewhere only where it would not work from another
 * place:
 *   - href of <base> and the content of a meta Content-Security-Policy become empty;
 *   - `integrity` and `crossorigin` go: a style sheet with other links has another digest,
 *     and file: URLs are of no origin;
 *   - <meta charset> or @charset is added if only somebody outside of the document said
 *     what its charset is; what cannot be told from markup byte by byte (UTF-16,
 *     ISO-2022-JP) becomes UTF-8 with a BOM.
 * A value of an attribute with character references, or with other letters than ASCII in a
 * charset that is not UTF-8, is written anew when it holds more than a URL.
 *
 * Not looked at are scripts, srcdoc, and processing instructions of XML.
 *
 * Owns:    nothing; what is told is valid within the call.  `scratch` is reset again and
 *          again; `arena` holds the document if it has to be converted.
 * Errors:  -ENOMEM, -EMSGSIZE (2 GiB); -ENOTSUP: XML in a charset as above; or what a
 *          function of `ops` returned.
 * Threads: any; no state.
 */
#ifndef WEB_RELINK_H
#define WEB_RELINK_H
#include "web/charset.h"

/* Bits: what a URL must not break where it stands. */
enum relink_form {
	RELINK_HTML = 1,   /* an attribute's value */
	RELINK_CSS = 2,    /* a string or url() of a style sheet */
	RELINK_SRCSET = 4, /* a list with commas */
	RELINK_ORIGIN = 8, /* is to lead to the origin in any case: rel=canonical, ping */
};

struct relink_ops {
	/* Is it a link that can be told?  Then 1, and link() is called for it next; 0: its
	 * bytes stay. `ref` is UTF-8, without references and white space around it. */
	int (*is_link)(void *ctx, struct slice ref);
	int (*link)(void *ctx, unsigned form);
	int (*same)(void *ctx, struct slice bytes);
};

struct relink_conf {
	const struct relink_ops *ops;
	void *ctx;
	struct arena *arena, *scratch;
	struct slice http_charset; /* as it was sent; may be empty */
	enum charset charset;      /* what the page turned out to be in: page_parse() */
	bool is_xml;
};

int relink_html(struct slice body, const struct relink_conf *conf);
/* `charset` is looked for. */
int relink_css(struct slice body, const struct relink_conf *conf);
#endif
