/*
 * sink/mirror_name.h -- where a URL lies in a mirror: a function of the URL and of what kind
 * of file it is, and of nothing else, so that it does not matter what else was crawled, and
 * when.
 *
 *   https://docs.example/3/            docs.example/3/index.html
 *   https://docs.example/3/tutorial    docs.example/3/tutorial+.html
 *   https://docs.example/a.css?v=2     docs.example/a.css@v%3d2.css
 *   http://docs.example/logo.png       docs.example+80/logo.png
 *
 * One thing needs a look at what there is: /3/index.html is "+index.html" beside the
 * page of /3/, and index.html where that is none.
 *
 * Different URLs have different names, on file systems that know no capitals, too: each
 * component is a safe_name(), with a hash where that is not enough, and what is put to it
 * is marked by characters that safe_name() has none of ('+' added, '@' query).  A file
 * always has an extension, a directory never one, so that /a and /a/b do not meet.  A name
 * that would be too long is one in HOST/+long/.
 *
 * Errors:  -EBADMSG: no URL of http or https; those of buf_add().  `b` is as it was.
 * Threads: any; no state.
 */
#ifndef SINK_MIRROR_NAME_H
#define SINK_MIRROR_NAME_H
#include "base/buf.h"

enum { MIRROR_PATH_MAX = 1024 };

/* The kind of file by its MIME type; 0: none that is known.  The numbers are on disk. */
uint8_t mirror_kind(struct slice mime);
/* Below the mirror's directory: components with '/' between, of letters, digits and
 * -_.~%+@ only. */
int mirror_path(struct slice url, uint8_t kind, struct buf *b);
/* Is it a name of that kind?  Then whose page has the plain one, if there is such a page. */
bool mirror_path_beside(struct slice url, struct slice path, struct slice *ret);
void mirror_path_as_index(struct buf *path);
/* What a directory's page of that kind is called. */
struct slice mirror_index_name(uint8_t kind);
/* The reference from one such path to another, as it stands in a URL. */
int mirror_reference(struct slice from, struct slice to, struct buf *b);
#endif
