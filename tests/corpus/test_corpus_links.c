/*
 * The links of real pages: the set that the streaming pass finds is that of a walk over
 * gumbo's tree, page by page.
 *
 * There is no list of differences here, because there are none: what a tree builder does
 * to broken pages (it throws away <td> outside of tables, everything within <select> ...)
 * does not occur in these.  fuzz_links.c knows those rules.
 */
#include "corpus.h"
#include "tree.h"
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { DIFFERENCES_SHOWN = 20, PACKAGES_MAX = 32 };

struct count {
	size_t packages, pages, bytes, links, differences;
	const char *path;
};

static void
on_difference(void *ctx, const struct tree_link *l, bool is_ours)
{
	struct count *n = ctx;

	if (n->differences++ < DIFFERENCES_SHOWN)
		printf("%s: only %s: %s " SLICE_FMT "\n", n->path,
		    is_ours ? "ours" : "in the tree", l->kind, SLICE_ARG(l->ref));
}

static void
page_compare(struct slice body, struct arena *a, struct count *n)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct tree_links ours, tree;
	struct slice utf8;
	enum charset charset;
	struct page page;

	conf.links_max = SIZE_MAX;
	assert_int_equal(page_parse(body, &conf, a, &page), 0);
	assert_true(charset_find(slice_cstr(page.charset), &charset));
	assert_int_equal(charset_to_utf8(charset, body, a, &utf8), 0);
	assert_int_equal(tree_links_of_html(utf8, a, &tree), 0);
	assert_int_equal(tree_links_of_page(&page, a, &ours), 0);
	tree_links_compare(&ours, &tree, on_difference, n);
	if (ours.has_base != tree.has_base || !slice_eq(ours.base_href, tree.base_href)) {
		printf("%s: another base\n", n->path);
		n->differences++;
	}
	n->pages++;
	n->bytes += body.len;
	n->links += tree.len;
}

/* The comparison is one: it tells what a tree builder takes for text from a link, and the
 * other way round. */
static void
a_difference_would_be_seen(void **state)
{
	struct count n = {.path = "made to differ"};
	struct arena a;

	(void)state;
	arena_init(&a, 1 << 16, 1 << 24);
	page_compare(
	    SLICE_LIT("<p><a href=x>x</a><img src=y srcset='z 1x, z 2x'>"), &a, &n);
	assert_int_equal(n.links, 3);
	assert_int_equal(n.differences, 0);
	page_compare(
	    SLICE_LIT("<td background=x></td><p><a href=x>"), &a, &n); /* no table */
	assert_int_equal(n.differences, 1);
	page_compare(SLICE_LIT("<select><title></select><a href=x></title>"), &a, &n);
	assert_int_equal(n.differences, 2);
	page_compare(SLICE_LIT("<select><base href=x></select>"), &a, &n);
	assert_int_equal(n.differences, 3);
	arena_release(&a);
}

static void
package_compare(const char *docs, const char *name, struct count *all)
{
	struct count n = {0};
	struct corpus corpus;
	struct arena a;
	char dir[8192];

	(void)snprintf(dir, sizeof(dir), "%s/%s", docs, name);
	if (corpus_load(&corpus, dir, ".html", 0) != 0)
		return;
	arena_init(&a, 1 << 20, 1 << 30);
	for (size_t i = 0; i < corpus.files_len; i++) {
		n.path = corpus.files[i].path;
		arena_reset(&a);
		page_compare(corpus.files[i].body, &a, &n);
	}
	arena_release(&a);
	corpus_release(&corpus);
	printf("%s: %zu pages of %.1f MB, %zu links compared, %zu differences\n", name,
	    n.pages, (double)n.bytes / 1e6, n.links, n.differences);
	all->packages += n.pages > 0;
	all->pages += n.pages;
	all->bytes += n.bytes;
	all->links += n.links;
	all->differences += n.differences;
}

/* Where ./bootstrap puts the documentation packages. */
static int
docs_scan(char *ret, size_t cap, struct dirent ***names)
{
	const char *docs = getenv("TRAWL_DOCS"), *src = getenv("TRAWL_SRCDIR"),
		   *build = getenv("TRAWL_BUILDDIR");
	int n = -1;

	if (docs != NULL)
		(void)snprintf(ret, cap, "%s", docs);
	else
		(void)snprintf(ret, cap, "%s/build/docs", src == NULL ? "." : src);
	n = scandir(ret, names, NULL, alphasort);
	if (n < 0) {
		(void)snprintf(ret, cap, "%s/docs", build == NULL ? "." : build);
		n = scandir(ret, names, NULL, alphasort);
	}
	return n;
}

static void
the_links_of_real_pages_are_those_of_a_tree_walk(void **state)
{
	struct count all = {0};
	struct dirent **names;
	char docs[4096];
	int n = docs_scan(docs, sizeof(docs), &names);

	(void)state;
	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.' && strcmp(names[i]->d_name, "tmp") != 0)
			package_compare(docs, names[i]->d_name, &all);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	if (all.packages == 0) {
		printf("skipped: there are no documentation packages\n");
		skip();
	}
	printf("real pages: %zu packages, %zu pages of %.1f MB, %zu links compared, %zu "
	       "differences\n",
	    all.packages, all.pages, (double)all.bytes / 1e6, all.links, all.differences);
	assert_true(all.links > all.pages);
	assert_int_equal(all.differences, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_difference_would_be_seen),
	    cmocka_unit_test(the_links_of_real_pages_are_those_of_a_tree_walk),
	};

	return cmocka_run_group_tests_name("corpus/links", tests, NULL, NULL);
}
