/*
 * tests/corpus/tree.h -- the links of a page as a browser's tree has them: gumbo builds the
 * tree, a walk over it looks at elements and attributes by a table of its own.
 *
 * For comparing with page_parse(), which has no tree.  Only how a srcset, a refresh or a
 * style sheet is read is shared; those have suites of their own.
 *
 * Sets:    a link is in once, however often it stands in the tree, which has copies of
 *          what was left open.
 * Owns:    texts and lists lie in the arena.   Errors: -ENOMEM.
 */
#ifndef CORPUS_TREE_H
#define CORPUS_TREE_H
#include "base/arena.h"
#include "web/page.h"

/* What a link is compared by: the name of its kind, and the reference. */
struct tree_link {
	const char *kind;
	struct slice ref;
};

struct tree_links {
	struct tree_link *v; /* sorted, each once */
	size_t len, cap;
	bool has_base;
	struct slice base_href;
	/* The tree builder did not take the tags as they came; see tree.c. */
	unsigned odd;
};

enum tree_odd {               /* bits */
	TREE_ODD_FOREIGN = 1, /* SVG or MathML that was not closed by tags of its own */
	TREE_ODD_TABLE = 2,   /* something was moved out of a table */
	TREE_ODD_COPIES = 4,  /* formatting elements were copied or moved */
};

/* Of `html`, which is UTF-8; it has to live as long as what is returned. */
int tree_links_of_html(struct slice html, struct arena *a, struct tree_links *ret);
/* The same of what page_parse() found. */
int tree_links_of_page(const struct page *page, struct arena *a, struct tree_links *ret);

/* Calls `fn` for each link that is in only one of them. */
typedef void tree_diff_fn(void *ctx, const struct tree_link *l, bool is_in_a);
void tree_links_compare(
    const struct tree_links *a, const struct tree_links *b, tree_diff_fn *fn, void *ctx);
#endif
