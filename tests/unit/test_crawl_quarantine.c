#include "crawl/quarantine.h"
#include "files_kit.h"
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#define HEAD "HTTP/1.1 200 OK\r\nX: y\r\n\r\n"
#define BODY "<title>\0\xff</title>"

struct env {
	char dir[KIT_PATH_MAX], path[KIT_PATH_MAX + 16];
	struct store *s;
	struct store_batch *b;
	struct quarantine q;
	struct why why;
};

static int
up(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	kit_scratch(e->dir);
	(void)snprintf(e->path, sizeof(e->path), "%s/quarantine", e->dir);
	assert_int_equal(store_open("memory", NULL, &e->s, &e->why), 0);
	assert_int_equal(store_batch_new(1 << 20, &e->b), 0);
	assert_int_equal(quarantine_load(&e->q, e->dir, e->s, &e->why), 0);
	*state = e;
	return 0;
}

static int
down(void **state)
{
	struct env *e = *state;

	quarantine_release(&e->q);
	store_batch_free(e->b);
	store_close(e->s);
	kit_remove(e->dir);
	free(e);
	return 0;
}

static void
commit(struct env *e)
{
	assert_int_equal(store_apply(e->s, e->b, true, &e->why), 0);
}

static void
reload(struct env *e)
{
	quarantine_release(&e->q);
	assert_int_equal(quarantine_load(&e->q, e->dir, e->s, &e->why), 0);
}

static const struct death deaths[] = {
    {.end = POOL_CRASH, .how = {.signal = SIGSEGV}, .wall_us = 1000000},
    {.end = POOL_TIMEOUT, .timeout_ms = 10000, .wall_us = 2500000},
    {.end = POOL_CRASH, .how = {.breach = true}, .archiving = true}};

static struct quarantine_case
a_case(uint64_t url_hash)
{
	static const char answer[] = HEAD BODY;

	return (struct quarantine_case){.authority_hash = 0xabc,
	    .url_hash = url_hash,
	    .url = SLICE_LIT("http://a/../\"\x1b[31m"),
	    .outcome = OUTCOME_PARSE_TIMEOUT,
	    .status = 200,
	    .head = slice_of(answer, strlen(HEAD)),
	    .body = slice_of(answer + strlen(HEAD), sizeof(BODY) - 1),
	    .deaths = deaths,
	    .deaths_len = 3};
}

static void
put(struct env *e, uint64_t url_hash, bool kept)
{
	struct quarantine_case k = a_case(url_hash);
	char name[QUARANTINE_NAME_MAX] = "?";

	assert_int_equal(quarantine_put(&e->q, &k, e->b, name, &e->why), 0);
	assert_int_equal(name[0] != '\0', kept);
}

static void
a_document_is_kept_as_it_came_with_the_reason(void **state)
{
	struct env *e = *state;
	char name[QUARANTINE_NAME_MAX];
	struct slice got;
	json_t *o, *d;
	struct stat st;

	put(e, 0x12345, true);
	got = kit_file(e->path, "0000000000000abc0000000000012345.http");
	assert_int_equal(got.len, strlen(HEAD) + sizeof(BODY) - 1);
	assert_memory_equal(got.ptr, HEAD BODY, got.len);
	kit_free(got);
	got = kit_file(e->path, "0000000000000abc0000000000012345.json");
	o = json_loadb(got.ptr, got.len, 0, NULL);
	assert_non_null(o);
	assert_string_equal(
	    json_string_value(json_object_get(o, "url")), "http://a/../\"\x1b[31m");
	assert_string_equal(
	    json_string_value(json_object_get(o, "outcome")), "parse-timeout");
	assert_int_equal(json_integer_value(json_object_get(o, "body_bytes")), 17);
	d = json_array_get(json_object_get(o, "deaths"), 0);
	assert_string_equal(
	    json_string_value(json_object_get(d, "at")), "1970-01-01T00:00:01.000Z");
	assert_string_equal(json_string_value(json_object_get(d, "signal_name")), "SEGV");
	d = json_array_get(json_object_get(o, "deaths"), 1);
	assert_int_equal(json_integer_value(json_object_get(d, "timeout_ms")), 10000);
	assert_null(json_object_get(d, "signal"));
	d = json_array_get(json_object_get(o, "deaths"), 2);
	assert_true(json_is_true(json_object_get(d, "broke_protocol")));
	assert_string_equal(json_string_value(json_object_get(d, "task")), "archive");
	json_decref(o);
	kit_free(got);
	/* For its owner only. */
	assert_int_equal(stat(e->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	/* Found once it is committed. */
	assert_int_equal(quarantine_find(e->s, 0xabc, 0x12345, name), -ENOENT);
	commit(e);
	assert_int_equal(quarantine_find(e->s, 0xabc, 0x12345, name), 0);
	assert_string_equal(name, "0000000000000abc0000000000012345");
	assert_int_equal(quarantine_find(e->s, 0xabd, 0x12345, name), -ENOENT);
}

static void
what_no_commit_speaks_of_is_gone_after_opening(void **state)
{
	struct env *e = *state;
	struct kit_list l;

	put(e, 1, true);
	commit(e);
	put(e, 2, true); /* and then the lights go out */
	kit_write(e->path, "0000000000000abc0000000000000001.json.new", SLICE_LIT("x"));
	kit_write(e->path, "0000000000000abc0000000000000003.http", SLICE_LIT("x"));
	kit_write(e->path, "0000000000000abc0000000000000003.txt", SLICE_LIT("mine"));
	kit_write(e->path, "README", SLICE_LIT("mine"));
	reload(e);
	kit_list(e->dir, "quarantine", &l);
	assert_int_equal(l.n, 4);
	assert_string_equal(l.names[0], "0000000000000abc0000000000000001.http");
	assert_string_equal(l.names[1], "0000000000000abc0000000000000001.json");
	assert_string_equal(l.names[2], "0000000000000abc0000000000000003.txt");
	assert_string_equal(l.names[3], "README");
	assert_int_equal(e->q.bytes, strlen(HEAD) + sizeof(BODY) - 1);
}

static void
it_is_full_at_its_number_of_bytes(void **state)
{
	struct env *e = *state;
	uint64_t bytes = strlen(HEAD) + sizeof(BODY) - 1;

	e->q.bytes = QUARANTINE_BYTES_MAX - bytes;
	put(e, 1, true);
	put(e, 2, false);
	put(e, 1, true); /* it takes its own place */
	assert_int_equal(e->q.bytes, QUARANTINE_BYTES_MAX);
	reload(e); /* 1 was never committed */
	assert_int_equal(e->q.bytes, 0);
}

static void
it_is_full_at_its_number_of_documents(void **state)
{
	struct env *e = *state;

	for (uint64_t i = 0; i < QUARANTINE_FILES_MAX; i++) {
		char key[64];
		uint64_t value = 5;

		(void)snprintf(key, sizeof(key), "quar/%032" PRIx64, i);
		assert_int_equal(store_batch_put(e->b, STORE_META, slice_cstr(key),
				     slice_of((const char *)&value, sizeof(value))),
		    0);
	}
	commit(e);
	reload(e);
	assert_int_equal(e->q.bytes, 5 * QUARANTINE_FILES_MAX);
	put(e, 1, false);
}

static void
records_that_are_none_are_refused(void **state)
{
	struct env *e = *state;
	struct quarantine q;

	assert_int_equal(store_batch_put(e->b, STORE_META, SLICE_LIT("quar/short"),
			     SLICE_LIT("12345678")),
	    0);
	commit(e);
	assert_int_equal(quarantine_load(&q, e->dir, e->s, &e->why), -EBADMSG);
	assert_non_null(strstr(e->why.text, "quarantine"));
	quarantine_release(&q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		a_document_is_kept_as_it_came_with_the_reason, up, down),
	    cmocka_unit_test_setup_teardown(
		what_no_commit_speaks_of_is_gone_after_opening, up, down),
	    cmocka_unit_test_setup_teardown(it_is_full_at_its_number_of_bytes, up, down),
	    cmocka_unit_test_setup_teardown(
		it_is_full_at_its_number_of_documents, up, down),
	    cmocka_unit_test_setup_teardown(records_that_are_none_are_refused, up, down),
	};

	return cmocka_run_group_tests_name("crawl/quarantine", tests, NULL, NULL);
}
