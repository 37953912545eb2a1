/*
 * web/pdf.h -- the URLs that the links of a PDF name.
 *
 * A scan without the cross-reference table: the words of PDF (ISO 32000-1, section 7.2)
 * are read through the objects of the file and, inflated, through its object streams
 * (7.5.7), where since 1.5 most objects are.  Each "/URI (...)" there is the action of a
 * link (12.6.4.7).  A file that is cut or has a broken table gives what is in it.
 *
 * So links of earlier revisions of a document count, too.  Not seen are: anything of an
 * encrypted document; an object stream in another coding than Flate; a string that is an
 * object of its own ("/URI 7 0 R"); /Base of the catalog; links to other files by name.
 *
 * Owns:    URLs lie in the arena.
 * Errors:  -ENOMEM, or what `fn` returned.  A body that is no PDF has no links.
 * Limits:  a URL of PDF_URL_BYTES_MAX; of all object streams PDF_INFLATED_RATIO times the
 *          body and 1 MiB, and no more than PDF_INFLATED_MAX.
 * Threads: any; no state.
 */
#ifndef WEB_PDF_H
#define WEB_PDF_H
#include "base/arena.h"

enum {
	PDF_URL_BYTES_MAX = 16 * 1024, /* as it is written */
	PDF_INFLATED_RATIO = 8,
	PDF_INFLATED_MAX = 64 << 20,
};

/* "%PDF-" within the first KiB. */
bool pdf_is_one(struct slice body);
/* `url`: UTF-8, not resolved; outer white space off, not empty.  A code of `fn` other than
 * 0 stops. */
typedef int pdf_url_fn(void *ctx, struct slice url);
int pdf_urls(struct slice body, struct arena *a, pdf_url_fn *fn, void *ctx);
#endif
