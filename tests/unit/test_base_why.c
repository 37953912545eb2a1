#include "base/why.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
keeps_the_sentence_and_passes_the_code_on(void **state)
{
	struct why w = {""};

	(void)state;
	assert_int_equal(why_set(&w, -ENOENT, "cannot open '%s'", "x"), -ENOENT);
	assert_string_equal(w.text, "cannot open 'x'");
	assert_int_equal(why_set(NULL, -5, "nobody asked %d", 1), -5);
	assert_int_equal(why_prefix(NULL, -6, "nobody asked %d", 1), -6);
}

static void
puts_the_context_in_front(void **state)
{
	struct why w = {""};

	(void)state;
	assert_int_equal(why_prefix(&w, -1, "line %d", 3), -1);
	assert_string_equal(w.text, "line 3: ");
	(void)why_set(&w, -1, "bad value");
	assert_int_equal(why_prefix(&w, -2, "line %d", 3), -2);
	assert_int_equal(why_prefix(&w, -2, "file"), -2);
	assert_string_equal(w.text, "file: line 3: bad value");
}

static void
cuts_what_is_too_long_and_keeps_its_nul(void **state)
{
	char text[2000];
	struct why w = {""};

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)why_set(&w, -1, "%s", text);
	assert_int_equal(strlen(w.text), sizeof(w.text) - 1);
	memset(text, 'y', 100);
	for (int i = 0; i < 10; i++) {
		(void)why_prefix(&w, -1, "%s", text);
		assert_int_equal(strlen(w.text), sizeof(w.text) - 1);
		assert_int_equal(w.text[0], 'y');
	}
	assert_non_null(strstr(w.text, "xx: yy"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keeps_the_sentence_and_passes_the_code_on),
	    cmocka_unit_test(puts_the_context_in_front),
	    cmocka_unit_test(cuts_what_is_too_long_and_keeps_its_nul),
	};

	return cmocka_run_group_tests_name("base/why", tests, NULL, NULL);
}
