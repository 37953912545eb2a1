#include "crawl/storage.h"
#include "files_kit.h"
#include <errno.h>
#include <stdio.h>

struct env {
	char dir[KIT_PATH_MAX], path[KIT_PATH_MAX + 16];
	struct options o;
	struct storage s;
	struct why why;
};

static int
up(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	kit_scratch(e->dir);
	(void)snprintf(e->path, sizeof(e->path), "%s/keys", e->dir);
	assert_int_equal(options_init(&e->o), 0);
	(void)unsetenv("AWS_ACCESS_KEY_ID");
	(void)unsetenv("AWS_SECRET_ACCESS_KEY");
	(void)unsetenv("AWS_SESSION_TOKEN");
	*state = e;
	return 0;
}

static int
down(void **state)
{
	struct env *e = *state;

	storage_release(&e->s);
	options_release(&e->o);
	kit_remove(e->dir);
	free(e);
	return 0;
}

static int
from_file(struct env *e, const char *text)
{
	kit_write(e->dir, "keys", slice_cstr(text));
	assert_int_equal(option_set(&e->o, &option_rows[OPTION_ID_s3_s3_credentials],
			     slice_cstr(e->path), NULL),
	    0);
	storage_release(&e->s);
	return storage_init(&e->s, &e->o, &e->why);
}

static void
keys_are_those_of_the_environment(void **state)
{
	struct env *e = *state;

	assert_int_equal(storage_init(&e->s, &e->o, &e->why), -EINVAL);
	assert_int_equal(setenv("AWS_ACCESS_KEY_ID", "id", 1), 0);
	assert_int_equal(storage_init(&e->s, &e->o, &e->why), -EINVAL);
	assert_non_null(strstr(e->why.text, "--s3-credentials: there are no keys"));
	assert_int_equal(setenv("AWS_SECRET_ACCESS_KEY", "sec/ret+", 1), 0);
	assert_int_equal(storage_init(&e->s, &e->o, &e->why), 0);
	assert_string_equal(e->s.conf.s3.access_key, "id");
	assert_string_equal(e->s.conf.s3.secret_key, "sec/ret+");
	assert_null(e->s.conf.s3.token);
	storage_release(&e->s);
	assert_int_equal(setenv("AWS_SESSION_TOKEN", "tok", 1), 0);
	assert_int_equal(storage_init(&e->s, &e->o, &e->why), 0);
	assert_string_equal(e->s.conf.s3.token, "tok");
}

static void
a_file_has_the_last_word_and_only_its_default_section_counts(void **state)
{
	struct env *e = *state;

	assert_int_equal(setenv("AWS_ACCESS_KEY_ID", "env", 1), 0);
	assert_int_equal(
	    from_file(e, "# mine\n[x]\naws_access_key_id = x\n[default]\n"
			 "AWS_Access_Key_Id=id\r\n\n  aws_secret_access_key = "
			 "a=b \n[y]\naws_session_token = y\n"),
	    0);
	assert_string_equal(e->s.conf.s3.access_key, "id");
	assert_string_equal(e->s.conf.s3.secret_key, "a=b");
	assert_null(e->s.conf.s3.token);
	assert_int_equal(from_file(e, "aws_access_key_id=i\naws_secret_access_key=s"), 0);
	assert_string_equal(e->s.conf.s3.secret_key, "s");
}

static void
what_is_no_file_of_keys_is_told(void **state)
{
	struct env *e = *state;

	assert_int_equal(from_file(e, "aws_access_key_id=i\n"), -EINVAL);
	assert_int_equal(
	    from_file(e, "aws_access_key_id=i j\naws_secret_access_key=s"), -EINVAL);
	assert_non_null(strstr(e->why.text, "aws_access_key_id cannot be that"));
	assert_int_equal(option_set(&e->o, &option_rows[OPTION_ID_s3_s3_credentials],
			     slice_cstr(e->dir), NULL),
	    0);
	assert_int_equal(storage_init(&e->s, &e->o, &e->why), -EINVAL);
	assert_non_null(strstr(e->why.text, "--s3-credentials: "));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(keys_are_those_of_the_environment, up, down),
	    cmocka_unit_test_setup_teardown(
		a_file_has_the_last_word_and_only_its_default_section_counts, up, down),
	    cmocka_unit_test_setup_teardown(what_is_no_file_of_keys_is_told, up, down),
	};

	return cmocka_run_group_tests_name("crawl/storage", tests, NULL, NULL);
}
