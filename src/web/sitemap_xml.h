/*
 * web/sitemap_xml.h -- what sitemap.c has to know of XML besides elements: xml:base, and
 * how to mend what is nearly XML.
 *
 * Owns:    nothing; struct xml_bases is embedded, all zero when empty.
 * Errors:  -ENOMEM, -EMSGSIZE: `out` is full.  A base that is no URL is none.
 * Source:  W3C xmlbase (Atom: RFC 4287, section 2), XML 1.0 section 4.6.
 * Threads: any; no state.
 */
#ifndef WEB_SITEMAP_XML_H
#define WEB_SITEMAP_XML_H
#include "base/buf.h"
#include "web/url.h"

enum { XML_BASES_MAX = 4 }; /* one in another; deeper ones are not seen */

struct xml_bases {
	size_t len;
	struct {
		unsigned depth;
		struct url url;
		char text[URL_BYTES_MAX];
	} at[XML_BASES_MAX];
};

/* An element begins at `depth` that says `href` (empty: nothing).  `document`: where the
 * file came from, or NULL. */
void xml_bases_push(
    struct xml_bases *b, unsigned depth, struct slice href, const struct url *document);
/* One ends. */
void xml_bases_pop(struct xml_bases *b, unsigned depth);
/* As it stands where no base is in force, or against none can be resolved; else in `out`. */
struct slice xml_bases_resolve(
    const struct xml_bases *b, struct slice ref, char out[URL_BYTES_MAX]);

/* What a DTD declares must not be taken for a stray "&". */
bool xml_has_doctype(struct slice body);
/* Escapes every "&" that begins no entity of XML and blanks controls. */
int xml_repair(struct slice body, struct buf *out);
#endif
