#include "suite.h"
#include "web/url.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { HREF = URL_KEEP_FRAGMENT | URL_KEEP_CREDENTIALS };

struct resolved {
	char base_text[URL_BYTES_MAX], text[URL_BYTES_MAX];
	struct url base, url;
};

/* `base` with ptr NULL: none.  The inputs are put where a sanitizer sees overruns. */
static enum url_status
resolve(struct resolved *r, struct slice base, struct slice ref, struct slice charset,
    unsigned flags)
{
	enum url_status status = URL_OK;
	char *copy;

	if (base.ptr != NULL) {
		copy = suite_exact(base);
		status = url_resolve(NULL, slice_of(copy, base.len), (struct slice){0},
		    HREF, r->base_text, sizeof(r->base_text), &r->base);
		free(copy);
		if (status != URL_OK)
			return status;
	}
	copy = suite_exact(ref);
	status = url_resolve(base.ptr == NULL ? NULL : &r->base, slice_of(copy, ref.len),
	    charset, flags, r->text, sizeof(r->text), &r->url);
	free(copy);
	return status;
}

/* The members of the row that are there, against the offsets. */
static bool
parts_agree(json_t *row, const struct url *u)
{
	struct slice fragment = slice_from(url_text(u), u->fragment_at);
	struct slice query = url_query(u);

	if (fragment.len == 1)
		fragment.len = 0;
	if (query.len == 1)
		query.len = 0;
	return slice_eq(suite_text(row, "href"), url_text(u)) &&
	       slice_eq(slice_head(suite_text(row, "protocol"), u->scheme_len),
		   url_scheme(u)) &&
	       slice_eq(suite_text(row, "hostname"), url_host(u)) &&
	       slice_eq(suite_text(row, "pathname"), url_path(u)) &&
	       slice_eq(suite_text(row, "search"), query) &&
	       slice_eq(suite_text(row, "hash"), fragment) &&
	       u->has_credentials ==
		   (suite_text(row, "username").len + suite_text(row, "password").len >
		       0);
}

static void
resolves_as_the_standard_does(void **state)
{
	static struct suite s;
	static struct resolved r;
	json_t *row;

	(void)state;
	if (!suite_open(&s, "url/whatwg_resolve.jsonl"))
		skip();
	while ((row = suite_next(&s)) != NULL) {
		bool relevant = json_is_true(json_object_get(row, "crawl_relevant"));
		bool failure = json_is_true(json_object_get(row, "failure"));
		struct slice href = suite_text(row, "href"),
			     input = suite_text(row, "input");
		enum url_status status;
		bool pass;

		status =
		    resolve(&r, suite_text(row, "base"), input, (struct slice){0}, HREF);
		if (failure)
			pass = status != URL_OK;
		else if (relevant)
			pass = status == URL_OK && parts_agree(row, &r.url);
		else /* no http: never ok, except where the standard says the same URL */
			pass = status != URL_OK || slice_eq(href, url_text(&r.url));
		suite_case(&s, pass);
	}
	assert_true(s.ran >= 880);
	assert_int_equal(suite_close(&s), 0);
}

static void
names_of_hosts_follow_idna(void **state)
{
	static struct suite s;
	static struct resolved r;
	json_t *row;

	(void)state;
	if (!suite_open(&s, "url/idna_toascii.jsonl"))
		skip();
	while ((row = suite_next(&s)) != NULL) {
		struct slice host = suite_text(row, "host"),
			     ascii = suite_text(row, "ascii");
		char text[URL_BYTES_MAX];
		enum url_status status;
		int n = snprintf(text, sizeof(text), "https://%.*s/x", SLICE_ARG(host));

		status = resolve(&r, (struct slice){0}, slice_of(text, (size_t)n),
		    (struct slice){0}, HREF);
		suite_case(&s, ascii.ptr == NULL ? status != URL_OK
						 : status == URL_OK &&
						       slice_eq(ascii, url_host(&r.url)));
	}
	assert_int_equal(suite_close(&s), 0);
}

static void
resolves_the_cases_of_rfc_3986_and_crawlers(void **state)
{
	static struct suite s;
	static struct resolved r;
	json_t *row;

	(void)state;
	if (!suite_open(&s, "url/resolve_rfc3986_and_crawlercommons.jsonl"))
		skip();
	while ((row = suite_next(&s)) != NULL) {
		enum url_status status = resolve(&r, suite_text(row, "base"),
		    suite_text(row, "input"), (struct slice){0}, HREF);

		suite_case(&s, status == URL_OK && slice_eq(suite_text(row, "resolved"),
						       url_text(&r.url)));
	}
	assert_int_equal(suite_close(&s), 0);
}

static void
queries_are_encoded_in_the_charset_of_their_page(void **state)
{
	static struct suite s;
	static struct resolved r;
	json_t *row;

	(void)state;
	if (!suite_open(&s, "url/percent_encoding_by_page_charset.jsonl"))
		skip();
	while ((row = suite_next(&s)) != NULL) {
		struct slice input = suite_text(row, "query_input");
		char ref[1024];
		int n = snprintf(ref, sizeof(ref), "?%.*s", SLICE_ARG(input));
		enum url_status status = resolve(&r, SLICE_LIT("http://h/"),
		    slice_of(ref, (size_t)n), suite_text(row, "page_encoding"), 0);

		suite_case(
		    &s, status == URL_OK && slice_eq(suite_text(row, "query_output"),
						slice_from(url_query(&r.url), 1)));
	}
	assert_int_equal(suite_close(&s), 0);
}

static void
sites_follow_the_public_suffix_list(void **state)
{
	static struct suite s;
	static struct resolved r;
	json_t *row;

	(void)state;
	if (!suite_open(&s, "psl/psl_tests.jsonl"))
		skip();
	while ((row = suite_next(&s)) != NULL) {
		struct slice host = suite_text(row, "host");
		struct slice site = suite_text(row, "registrable");
		char text[1024], want[1024];
		int n = snprintf(text, sizeof(text), "http://%.*s/", SLICE_ARG(host));

		if (host.ptr == NULL || host.ptr[0] == '.')
			continue; /* no host of a URL */
		assert_int_equal(resolve(&r, (struct slice){0}, slice_of(text, (size_t)n),
				     (struct slice){0}, 0),
		    URL_OK);
		site = url_site(url_host(&r.url));
		n = snprintf(want, sizeof(want), "http://%.*s/",
		    SLICE_ARG(suite_text(row, "registrable")));
		memcpy(text, site.ptr, site.len);
		if (suite_text(row, "registrable").ptr == NULL)
			site.len = site.len == url_host(&r.url).len ? 0 : 1;
		else if (resolve(&r, (struct slice){0}, slice_of(want, (size_t)n),
			     (struct slice){0}, 0) == URL_OK)
			site.len =
			    slice_eq(url_host(&r.url), slice_of(text, site.len)) ? 0 : 1;
		suite_case(&s, site.len == 0);
	}
	assert_int_equal(suite_close(&s), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(resolves_as_the_standard_does),
	    cmocka_unit_test(names_of_hosts_follow_idna),
	    cmocka_unit_test(resolves_the_cases_of_rfc_3986_and_crawlers),
	    cmocka_unit_test(queries_are_encoded_in_the_charset_of_their_page),
	    cmocka_unit_test(sites_follow_the_public_suffix_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
