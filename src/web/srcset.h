/*
 * web/srcset.h -- small values with URLs in them: srcset, and meta refresh.
 *
 * Slices in, slices of the same bytes out; UTF-8, references decoded.
 */
#ifndef WEB_SRCSET_H
#define WEB_SRCSET_H
#include "base/slice.h"

/*
 * Takes the next candidate off *rest; false at the end.  Its descriptors are not judged:
 * an image that a browser would skip for them is still one that the page names
 * (HTML 4.8.4.3.10 "parse a srcset attribute", up to the descriptors).
 */
bool srcset_next(struct slice *rest, struct slice *ret_url);

struct refresh {
	unsigned seconds; /* saturates */
	bool has_url;     /* else the page refreshes itself */
	struct slice url;
};
/* False: does not parse, no refresh (HTML 4.2.5.3, "shared declarative refresh steps").
 * Also for the header Refresh. */
bool refresh_parse(struct slice content, struct refresh *ret);
#endif
