#include "fetch/jar.h"
#include "fetch/steps.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "alloc_fail.h"

#define NOW INT64_C(1700000000)

static struct url
url_of(const char *text)
{
	static char room[URL_BYTES_MAX];
	struct url url;

	assert_int_equal(url_resolve(NULL, slice_cstr(text), (struct slice){0}, 0, room,
			     sizeof(room), &url),
	    URL_OK);
	return url;
}

static void
a_cookie_is_kept_whole_or_not_at_all(void **state)
{
	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct jar *j = NULL;
		struct url url = url_of("http://a.test/");
		int r = jar_new(&j), kept = 0;

		assert_true((r == 0) == (j != NULL));
		for (int i = 0; i < 20 && r == 0; i++) {
			char line[32];
			int done;

			(void)snprintf(line, sizeof(line), "k%d=v", i % 15);
			done = jar_set(j, &url, slice_cstr(line), NOW);
			assert_true(done == 0 || done == -ENOMEM);
			kept += done == 0 && i < 15;
			jar_check(j);
		}
		/* one of those that came again may have been lost the first time */
		if (r == 0)
			assert_in_range(jar_count(j), kept, 15);
		jar_free(j);
	}
}

static void
a_file_is_read_and_written_or_it_is_told(void **state)
{
	static const char file[] = "a.test\tFALSE\t/\tFALSE\t0\tk\tv\n"
				   ".b.test\tTRUE\t/\tFALSE\t0\tk\tv\n";

	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		struct jar *j = NULL;
		struct buf out;
		bool saved;

		buf_init(&out, 1 << 20);
		if (jar_new(&j) == 0) {
			int r = jar_read(j, slice_cstr(file), NOW, NULL);

			assert_true(r == -ENOMEM || (r == 0 && jar_count(j) == 2));
			jar_check(j);
			r = jar_write(j, NOW, &out);
			assert_true(r == 0 || r == -ENOMEM);
			saved = jar_site_save(j, SLICE_LIT("b.test"), NOW, &out);
			assert_true(saved || out.len == 0 || jar_count(j) < 2 || r < 0);
			if (saved)
				r = jar_site_load(j, buf_slice(&out), NOW);
			assert_true(r == 0 || r == -ENOMEM);
			jar_check(j);
		}
		jar_free(j);
		buf_release(&out);
	}
}

static void
steps_begin_whole_or_not_at_all(void **state)
{
	static struct fetch_steps steps;
	const struct fetcher_conf conf = {.user_agent = "trawl/1", .from = "a@b"};

	(void)state;
	for (int n = 0; alloc_fail_round(n); n++) {
		int r = fetch_steps_init(&steps, &conf);

		assert_true(r == 0 || r == -ENOMEM);
		assert_true((r == 0) == (steps.user_agent != NULL));
		fetch_steps_release(&steps);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_cookie_is_kept_whole_or_not_at_all),
	    cmocka_unit_test(a_file_is_read_and_written_or_it_is_told),
	    cmocka_unit_test(steps_begin_whole_or_not_at_all),
	};

	return cmocka_run_group_tests_name("fetch/out of memory", tests, NULL, NULL);
}
