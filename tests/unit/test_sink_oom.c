/*
 * Memory that runs out, at each allocation once: told, nothing lost that was there,
 * nothing leaked (the sanitizer sees to that).  The linker wraps the calls of this
 * program only, not those of the libraries.
 */
#include "test_sink_kit.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static unsigned countdown; /* allocations until one fails; 0: none does */
static bool failed;

static bool
fails_now(void)
{
	if (countdown == 0 || --countdown > 0)
		return false;
	failed = true;
	return true;
}

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *
__wrap_malloc(size_t n)
{
	return fails_now() ? NULL : __real_malloc(n);
}

void *__real_calloc(size_t n, size_t m);
void *__wrap_calloc(size_t n, size_t m);
void *
__wrap_calloc(size_t n, size_t m)
{
	return fails_now() ? NULL : __real_calloc(n, m);
}

void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);
void *
__wrap_realloc(void *p, size_t n)
{
	return fails_now() ? NULL : __real_realloc(p, n);
}

/* Opens, puts, marks and closes; the first failure's code.  Every step cleans up. */
static int
whole_life(const char *type, const struct sink_conf *conf, struct sink_event *e)
{
	struct sink *s;
	struct buf mark;
	int r, closed;

	r = sink_open(type, conf, (struct slice){0}, &s, NULL);
	if (r < 0)
		return r;
	buf_init(&mark, 1000);
	r = sink_put(s, e, NULL);
	if (r == 0)
		r = sink_sync(s, NULL);
	if (r == 0)
		r = sink_mark(s, &mark);
	buf_release(&mark);
	closed = sink_close(s, true, NULL);
	return r < 0 ? r : closed;
}

static void
every_allocation_of_a_sink_may_fail(void **state)
{
	static const char *const types[] = {"warc", "jsonl", "csv", "sqlite", "stdout",
	    "crawl-log", "rejected-log", "none"};
	struct warc_exchange x = kit_exchange();
	struct warc_packer *p;
	struct buf store;
	int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(null_fd >= 0);
	buf_init(&store, 1 << 20);
	assert_int_equal(warc_packer_new(&p), 0);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		unsigned n = 0;

		do {
			struct sink_event e = kit_event(p, &x, &store);
			char dir[KIT_PATH_MAX];
			struct sink_conf conf;
			int r;

			kit_scratch(dir);
			conf = kit_conf(dir);
			conf.settings = SLICE_LIT("scope: host\n");
			conf.out_fd = null_fd;
			if (slice_eq(slice_cstr(types[i]), SLICE_LIT("rejected-log")))
				e.kind = SINK_REJECT;
			failed = false;
			countdown = ++n;
			r = whole_life(types[i], &conf, &e);
			countdown = 0;
			assert_int_equal(r, failed ? -ENOMEM : 0);
			kit_remove(dir);
		} while (failed);
		assert_true(n > 1);
	}
	(void)close(null_fd);
	warc_packer_free(p);
	buf_release(&store);
}

static void
every_allocation_of_the_packer_may_fail(void **state)
{
	struct warc_exchange x = kit_exchange();
	struct warc_packer *p;
	struct warc_parts parts;
	struct buf out;
	unsigned n = 0;
	int r;

	(void)state;
	do {
		p = NULL;
		buf_init(&out, 1 << 20);
		failed = false;
		countdown = ++n;
		r = warc_packer_new(&p);
		if (r == 0)
			r = warc_pack(p, &x, &out, &parts);
		countdown = 0;
		assert_int_equal(r, failed ? -ENOMEM : 0);
		assert_true(r == 0 || out.len == 0);
		warc_packer_free(p);
		buf_release(&out);
	} while (failed);
	assert_true(n > 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_allocation_of_a_sink_may_fail),
	    cmocka_unit_test(every_allocation_of_the_packer_may_fail),
	};

	return cmocka_run_group_tests_name("sink/oom", tests, NULL, NULL);
}
