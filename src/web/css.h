/*
 * web/css.h -- the URLs of a style sheet: url() tokens, and strings where @import, and
 * functions such as image-set() and src(), take one.
 *
 * A scanner after CSS Syntax 3, section 4.3: comments, strings, escapes and bad URLs are
 * seen as there; rules and declarations are not, so that a URL that some condition
 * switches off counts too.
 *
 * Owns:    URLs without escapes lie in `css`, others in the arena.
 * Errors:  -ENOMEM, or what `fn` returned.
 * Threads: any; no state.
 */
#ifndef WEB_CSS_H
#define WEB_CSS_H
#include "base/arena.h"

/* `css` is UTF-8.  What is in a style attribute is the same to us.  A code of `fn` other
 * than 0 stops. */
int css_urls(
    struct slice css, struct arena *a, int (*fn)(void *ctx, struct slice url), void *ctx);
/* And where: `raw` are its bytes in `css`, between quotes if in_string. */
typedef int css_place_fn(void *ctx, struct slice raw, struct slice url, bool in_string);
int css_places(struct slice css, struct arena *a, css_place_fn *fn, void *ctx);
#endif
