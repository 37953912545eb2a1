/*
 * tests/unit/web_page_rig.h -- a page that was parsed, for the tests of web/page.h.
 */
#ifndef TESTS_WEB_PAGE_RIG_H
#define TESTS_WEB_PAGE_RIG_H
#include "web/page.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* A page in a block of its exact size, so that a sanitizer sees reads past it. */
struct fixture {
	struct arena arena;
	char *body;
	struct page page;
};

static inline void
parse_with(struct fixture *f, struct slice html, const struct page_conf *conf)
{
	arena_init(&f->arena, 64 * 1024, 256 * 1024 * 1024);
	f->body = malloc(html.len + (html.len == 0));
	assert_non_null(f->body);
	memcpy(f->body, html.ptr, html.len);
	assert_int_equal(
	    page_parse(slice_of(f->body, html.len), conf, &f->arena, &f->page), 0);
}

static inline void
done(struct fixture *f)
{
	arena_release(&f->arena);
	free(f->body);
}
#endif
