/*
 * The archive as files: what is in them, when they roll over, and that a crash at any
 * system call, also of the recovery from a crash, loses and doubles nothing.  For the
 * latter the calls that change files are wrapped by the linker and die when their
 * countdown is over.
 */
#include "test_sink_kit.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- The world that dies. -- */

enum { DIED = 42 };
static unsigned countdown; /* calls until death; 0: immortal */

static bool
dies_now(void)
{
	return countdown > 0 && --countdown == 0;
}

ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t
__wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
	if (dies_now()) {
		(void)__real_pwrite(fd, p, n / 2, at); /* torn */
		_exit(DIED);
	}
	return __real_pwrite(fd, p, n, at);
}

#define WRAP(name, params, otherwise)                                                    \
	int __real_##name params;                                                        \
	int __wrap_##name params;                                                        \
	int __wrap_##name params                                                         \
	{                                                                                \
		if (dies_now())                                                          \
			_exit(DIED);                                                     \
		return otherwise;                                                        \
	}
WRAP(ftruncate, (int fd, off_t n), __real_ftruncate(fd, n))
WRAP(renameat, (int a, const char *from, int b, const char *to),
    __real_renameat(a, from, b, to))
WRAP(unlinkat, (int fd, const char *name, int flags), __real_unlinkat(fd, name, flags))
WRAP(mkdir, (const char *path, mode_t mode), __real_mkdir(path, mode))
/* A process that dies loses nothing that it wrote: these only take time here. */
WRAP(fdatasync, (int fd), fd < 0)
WRAP(fsync, (int fd), fd < 0)

/* A file cannot be made while this is set. */
static bool no_new_files;

int __real_openat(int dir, const char *name, int flags, ...);
int __wrap_openat(int dir, const char *name, int flags, ...);
int
__wrap_openat(int dir, const char *name, int flags, ...)
{
	va_list ap;
	mode_t mode;

	if ((flags & O_CREAT) == 0)
		return __real_openat(dir, name, flags);
	if (no_new_files) {
		errno = ENOSPC;
		return -1;
	}
	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return __real_openat(dir, name, flags, mode);
}

/* -- Helpers. -- */

struct env {
	char dir[KIT_PATH_MAX];
	struct sink_conf conf;
	struct warc_packer *packer;
	struct buf store;
	struct sink *s;
	struct why why;
};

static int
up(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	kit_scratch(e->dir);
	e->conf = kit_conf(e->dir);
	assert_int_equal(warc_packer_new(&e->packer), 0);
	buf_init(&e->store, 16 << 20);
	*state = e;
	return 0;
}

static int
down(void **state)
{
	struct env *e = *state;

	countdown = 0;
	no_new_files = false;
	(void)sink_close(e->s, false, NULL);
	warc_packer_free(e->packer);
	buf_release(&e->store);
	kit_remove(e->dir);
	free(e);
	return 0;
}

static void
open_new(struct env *e)
{
	assert_int_equal(
	    sink_open("warc", &e->conf, (struct slice){0}, &e->s, &e->why), 0);
}

static void
close_it(struct env *e, bool finished)
{
	struct sink *s = e->s;

	e->s = NULL;
	assert_int_equal(sink_close(s, finished, &e->why), 0);
}

/* Page number `i`, with a body of `size` bytes that compress badly. */
static int
put_page(struct env *e, unsigned i, size_t size, struct sink_event *ret)
{
	struct warc_exchange x = kit_exchange();
	char uri[64], id[SINK_ID_MAX], *body = malloc(size + 1);
	uint64_t seed = i + 1;
	int r;

	assert_non_null(body);
	for (size_t at = 0; at < size; at++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		body[at] = (char)(seed >> 56);
	}
	(void)snprintf(uri, sizeof(uri), "http://a.test/%u", i);
	x.uri = slice_cstr(uri);
	x.wall_us += (int64_t)i * 1000000;
	x.record_id[1] = i;
	memcpy(id, e->s->warcinfo_id, sizeof(id)); /* a put may change it */
	x.warcinfo_id = slice_cstr(id);
	x.body = slice_of(body, size);
	*ret = kit_event(e->packer, &x, &e->store);
	ret->warcinfo_id = x.warcinfo_id;
	r = sink_put(e->s, ret, &e->why);
	ret->warcinfo_id = (struct slice){0};
	free(body);
	return r;
}

static void
put_pages(struct env *e, unsigned from, unsigned to)
{
	struct sink_event ev;

	for (unsigned i = from; i < to; i++)
		assert_int_equal(put_page(e, i, 500, &ev), 0);
}

static void
read_file(const struct env *e, const char *name, struct kit_warc *ret)
{
	char path[300];
	struct slice s;

	(void)snprintf(path, sizeof(path), "warc/%s", name);
	s = kit_file(e->dir, path);
	kit_warc_read(s, ret);
	kit_free(s);
}

/*
 * Every file begins with its warcinfo, names no other as its own, holds whole record
 * sets; all together hold pages 0 .. n-1 once each.  Returns the number of files.
 */
static size_t
check_archive(const struct env *e, unsigned n, bool all_closed)
{
	unsigned *seen = calloc(n + 1, sizeof(*seen));
	struct kit_list l;

	assert_non_null(seen);
	kit_list(e->dir, "warc", &l);
	for (size_t f = 0; f < l.n; f++) {
		struct slice name = slice_cstr(l.names[f]);
		struct kit_warc w;

		read_file(e, l.names[f], &w);
		if (slice_ends(name, SLICE_LIT(".open"))) {
			assert_false(all_closed);
			name.len -= strlen(".open");
		}
		if (w.n == 0 && !all_closed)
			continue; /* nothing was put yet */
		assert_true(w.n % 3 == 1);
		assert_slice(kit_field(&w.records[0], "WARC-Type"), "warcinfo");
		assert_true(slice_eq(kit_field(&w.records[0], "WARC-Filename"), name));
		for (size_t i = 1; i < w.n; i += 3) {
			struct slice uri = kit_field(&w.records[i], "WARC-Target-URI");
			uint64_t page = UINT64_MAX;

			assert_slice(kit_field(&w.records[i], "WARC-Type"), "response");
			assert_slice(
			    kit_field(&w.records[i + 1], "WARC-Type"), "request");
			assert_slice(
			    kit_field(&w.records[i + 2], "WARC-Type"), "metadata");
			assert_true(slice_to_u64(
			    slice_from(uri, strlen("http://a.test/")), &page));
			assert_true(page < n);
			seen[page]++;
			for (size_t k = i; k < i + 3; k++)
				assert_true(
				    slice_eq(kit_field(&w.records[k], "WARC-Warcinfo-ID"),
					kit_field(&w.records[0], "WARC-Record-ID")));
		}
		kit_warc_free(&w);
	}
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(seen[i], 1);
	free(seen);
	return l.n;
}

/* -- Files and records. -- */

static void
a_job_that_is_too_long_for_warcinfo_is_told_without_its_seeds(void **state)
{
	static char longer[300 << 10];
	struct env *e = *state;
	struct kit_list l;
	struct kit_warc w;

	memset(longer, 's', sizeof(longer));
	e->conf.settings = slice_of(longer, sizeof(longer));
	e->conf.settings_brief = SLICE_LIT("scope: host\n");
	e->conf.seeds = 100000;
	open_new(e);
	close_it(e, true);
	kit_list(e->dir, "warc", &l);
	assert_int_equal(l.n, 1);
	read_file(e, l.names[0], &w);
	assert_int_equal(w.n, 1);
	assert_true(slice_ends(
	    w.records[0].block, SLICE_LIT("isPartOf: demo\r\n"
					  "trawl-seeds: 100000\r\n"
					  "trawl-job: \"scope: host\\n\"\r\n")));
	kit_warc_free(&w);
}

static void
not_even_options_that_are_too_long_end_the_crawl(void **state)
{
	static char longer[300 << 10];
	struct env *e = *state;
	struct kit_list l;
	struct kit_warc w;

	memset(longer, 's', sizeof(longer));
	e->conf.settings = (struct slice){0};
	e->conf.settings_brief = slice_of(longer, sizeof(longer));
	e->conf.seeds = 2;
	open_new(e);
	close_it(e, true);
	kit_list(e->dir, "warc", &l);
	read_file(e, l.names[0], &w);
	assert_true(slice_ends(
	    w.records[0].block, SLICE_LIT("isPartOf: demo\r\ntrawl-seeds: 2\r\n")));
	kit_warc_free(&w);
}

static void
a_file_begins_with_warcinfo_and_loses_open_at_the_end(void **state)
{
	struct env *e = *state;
	struct kit_list l;
	struct kit_warc w;

	e->conf.settings = SLICE_LIT("scope: host\nseeds:\n  - \"http://a.test/\"\n");
	e->conf.hostname = "crawler1";
	open_new(e);
	kit_list(e->dir, "warc", &l);
	assert_int_equal(l.n, 1);
	assert_string_equal(
	    l.names[0], "trawl-demo-20260131120000123-00000.warc.gz.open");
	close_it(e, true);
	kit_list(e->dir, "warc", &l);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.names[0], "trawl-demo-20260131120000123-00000.warc.gz");
	read_file(e, l.names[0], &w);
	assert_int_equal(w.n, 1);
	assert_slice(kit_field(&w.records[0], "WARC-Type"), "warcinfo");
	assert_slice(kit_field(&w.records[0], "WARC-Filename"), l.names[0]);
	assert_slice(kit_field(&w.records[0], "WARC-Date"), "2026-01-31T12:00:00Z");
	assert_slice(kit_field(&w.records[0], "Content-Type"), "application/warc-fields");
	assert_int_equal(kit_field(&w.records[0], "WARC-Target-URI").len, 0);
	assert_slice(w.records[0].block,
	    "software: trawl/0.1.0\r\n"
	    "format: WARC File Format 1.1\r\n"
	    "conformsTo: "
	    "http://iipc.github.io/warc-specifications/specifications/warc-format/"
	    "warc-1.1/\r\n"
	    "robots: obey\r\n"
	    "hostname: crawler1\r\n"
	    "operator: who@a.test\r\n"
	    "http-header-user-agent: trawl/0.1.0 (+https://a.test/bot)\r\n"
	    "http-header-from: who@a.test\r\n"
	    "isPartOf: demo\r\n"
	    "trawl-job: \"scope: host\\nseeds:\\n  - \\\"http://a.test/\\\"\\n\"\r\n");
	kit_warc_free(&w);
}

static void
an_event_is_told_where_its_response_lies(void **state)
{
	struct env *e = *state;
	struct sink_event events[5];
	struct kit_list l;
	struct kit_warc w;

	open_new(e);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(put_page(e, i, 100 * i, &events[i]), 0);
		assert_slice(
		    events[i].warc_file, "trawl-demo-20260131120000123-00000.warc.gz");
	}
	assert_int_equal(sink_flush(e->s, &e->why), 0);
	kit_list(e->dir, "warc", &l);
	read_file(e, l.names[0], &w);
	assert_int_equal(w.n, 16);
	for (unsigned i = 0; i < 5; i++) {
		const struct kit_record *r = &w.records[1 + 3 * i];

		assert_slice(kit_field(r, "WARC-Type"), "response");
		assert_int_equal(events[i].warc_offset, r->offset);
		assert_int_equal(events[i].warc_length, r->length);
		assert_int_equal(kit_payload(r->block).len, 100 * i);
		assert_true(slice_starts(slice_from(kit_field(r, "WARC-Warcinfo-ID"), 1),
		    slice_cstr(e->s->warcinfo_id)));
	}
	kit_warc_free(&w);
}

static void
files_roll_over_between_record_sets(void **state)
{
	struct env *e = *state;
	char last[SINK_ID_MAX] = "";
	struct sink_event ev;
	unsigned changes = 0;

	e->conf.warc_bytes_max = 4000;
	open_new(e);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(put_page(e, i, 500, &ev), 0);
		if (strcmp(last, e->s->warcinfo_id) != 0)
			changes++;
		memcpy(last, e->s->warcinfo_id, sizeof(last));
	}
	close_it(e, true);
	assert_int_equal(check_archive(e, 20, true), changes);
	assert_in_range(changes, 4, 10);
}

static void
a_limit_below_one_record_gives_a_file_a_page(void **state)
{
	struct env *e = *state;

	e->conf.warc_bytes_max = 0;
	open_new(e);
	put_pages(e, 0, 5);
	close_it(e, true);
	assert_int_equal(check_archive(e, 5, true), 5);
}

static void
events_without_records_are_no_business_of_the_archive(void **state)
{
	struct env *e = *state;
	struct sink_event ev = {.kind = SINK_FETCH,
	    .outcome = OUTCOME_TIMEOUT_STALL,
	    .warc_file = SLICE_LIT("old")};

	open_new(e);
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	assert_int_equal(ev.warc_file.len, 0);
	close_it(e, true);
	assert_int_equal(check_archive(e, 0, true), 1);
}

static void
records_that_are_none_are_refused(void **state)
{
	struct env *e = *state;
	struct sink_event ok, ev;

	open_new(e);
	assert_int_equal(put_page(e, 0, 10, &ok), 0);
	ev = ok, ev.records_n = 0;
	assert_int_equal(sink_put(e->s, &ev, &e->why), -EBADMSG);
	ev = ok, ev.records_n = 5;
	assert_int_equal(sink_put(e->s, &ev, &e->why), -EBADMSG);
	ev = ok, ev.records_at[0] = 1;
	assert_int_equal(sink_put(e->s, &ev, &e->why), -EBADMSG);
	ev = ok, ev.records_at[1] = 0;
	assert_int_equal(sink_put(e->s, &ev, &e->why), -EBADMSG);
	ev = ok, ev.records_at[1] += 1;
	assert_int_equal(sink_put(e->s, &ev, &e->why), -EBADMSG);
	ev = ok, ev.records_at[2] = ev.records.len;
	assert_int_equal(sink_put(e->s, &ev, &e->why), -EBADMSG);
	ev = ok, ev.records_at[2] = UINT64_MAX;
	assert_int_equal(sink_put(e->s, &ev, &e->why), -EBADMSG);
	close_it(e, true);
	assert_int_equal(check_archive(e, 1, true), 1);
}

static void
job_names_that_are_no_file_names_are_refused(void **state)
{
	static const char *const names[] = {"", "a/b", "..\n", "a b", "\xc3\xa9"};
	struct env *e = *state;
	char longest[130] = {0};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		e->conf.job = names[i];
		assert_int_equal(
		    sink_open("warc", &e->conf, (struct slice){0}, &e->s, &e->why),
		    -EINVAL);
	}
	memset(longest, 'j', sizeof(longest) - 1);
	e->conf.job = longest;
	assert_int_equal(
	    sink_open("warc", &e->conf, (struct slice){0}, &e->s, &e->why), -EINVAL);
	longest[128] = '\0';
	open_new(e);
}

/* -- Opening what is there. -- */

static void
a_new_crawl_does_not_touch_another_ones_archive(void **state)
{
	struct env *e = *state;
	struct slice s;

	open_new(e);
	put_pages(e, 0, 1);
	close_it(e, false);
	assert_int_equal(
	    sink_open("warc", &e->conf, (struct slice){0}, &e->s, &e->why), -EEXIST);
	assert_non_null(
	    strstr(e->why.text, "holds an archive ('trawl-demo-20260131120000123-"));
	s = kit_file(e->dir, "warc/trawl-demo-20260131120000123-00000.warc.gz.open");
	assert_true(s.len > 100);
	kit_free(s);
	/* files of another job, and of no crawl at all, are nobody's business */
	e->conf.job = "dem";
	open_new(e);
}

static void
a_new_crawl_takes_what_a_crash_before_the_first_commit_left(void **state)
{
	struct env *e = *state;

	open_new(e);
	close_it(e, false);
	kit_write(e->dir, "warc/trawl-demo-20260131120000123-00000.warc.gz.open",
	    SLICE_LIT(""));
	e->conf.wall_us += 5000000;
	open_new(e);
	put_pages(e, 0, 2);
	close_it(e, true);
	assert_int_equal(check_archive(e, 2, true), 1);
}

/* Opens, puts `committed` pages, marks, puts up to `all` without a mark; closes as told.
 */
static void
make_crash(
    struct env *e, unsigned committed, unsigned all, bool finished, struct buf *mark)
{
	open_new(e);
	put_pages(e, 0, committed);
	assert_int_equal(sink_mark(e->s, mark), committed == 0 ? 0 : -EBUSY);
	buf_clear(mark);
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	assert_int_equal(sink_mark(e->s, mark), 0);
	put_pages(e, committed, all);
	close_it(e, finished);
}

static void
what_was_not_committed_is_cut_off_and_put_again(void **state)
{
	/* one file; several behind the mark; renamed at the end, with and without more */
	static const struct {
		unsigned committed, all;
		uint64_t bytes_max;
		bool finished;
	} rows[] = {{3, 3, 1 << 30, false}, {3, 7, 1 << 30, false}, {3, 12, 3000, false},
	    {3, 12, 3000, true}, {3, 3, 1 << 30, true}, {3, 7, 1 << 30, true},
	    {0, 4, 3000, false}};

	(void)*state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct env *e;
		struct buf mark;
		void *own;

		buf_init(&mark, 1000);
		(void)up(&own);
		e = own;
		e->conf.warc_bytes_max = rows[i].bytes_max;
		make_crash(e, rows[i].committed, rows[i].all, rows[i].finished, &mark);
		e->conf.wall_us += 5000000;
		e->conf.run_id[0] ^= 99;
		assert_int_equal(
		    sink_open("warc", &e->conf, buf_slice(&mark), &e->s, &e->why), 0);
		(void)check_archive(e, rows[i].committed, false);
		put_pages(e, rows[i].committed, rows[i].all);
		close_it(e, true);
		(void)check_archive(e, rows[i].all, true);
		(void)down(&own);
		buf_release(&mark);
	}
}

/* In a further round, also when what was written has been taken elsewhere since. */
static void
what_an_earlier_round_wrote_stays_and_a_new_file_begins_with_the_first_record(
    void **state)
{
	struct env *e = *state;
	struct kit_list l;
	struct buf mark, again;
	char path[KIT_PATH_MAX + 64];

	buf_init(&mark, 1000);
	buf_init(&again, 1000);
	make_crash(e, 3, 3, true, &mark);
	e->conf.warc_begin = true;
	for (int taken = 0; taken < 2; taken++) {
		e->conf.wall_us += 5000000;
		e->conf.run_id[0] ^= 99;
		if (taken != 0) {
			(void)snprintf(path, sizeof(path),
			    "%s/warc/trawl-demo-20260131120000123-00000.warc.gz", e->dir);
			assert_int_equal(unlink(path), 0);
		}
		/* Nothing came. */
		assert_int_equal(
		    sink_open("warc", &e->conf, buf_slice(&mark), &e->s, &e->why), 0);
		assert_int_equal(sink_sync(e->s, &e->why), 0);
		buf_clear(&again);
		assert_int_equal(sink_mark(e->s, &again), 0);
		assert_true(slice_eq(buf_slice(&mark), buf_slice(&again)));
		close_it(e, true);
		kit_list(e->dir, "warc", &l);
		assert_int_equal(l.n, taken == 0);
	}
	assert_int_equal(
	    sink_open("warc", &e->conf, buf_slice(&mark), &e->s, &e->why), 0);
	put_pages(e, 0, 2);
	close_it(e, true);
	assert_int_equal(check_archive(e, 2, true), 1);
	kit_list(e->dir, "warc", &l);
	assert_non_null(strstr(l.names[0], "-00001.warc.gz"));
	buf_release(&mark);
	buf_release(&again);
}

static void
going_on_keeps_the_id_that_the_file_has(void **state)
{
	struct env *e = *state;
	char before[SINK_ID_MAX];
	struct sink_place place;
	struct buf mark;
	struct kit_warc w;

	buf_init(&mark, 1000);
	open_new(e);
	memcpy(before, e->s->warcinfo_id, sizeof(before));
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	assert_int_equal(sink_mark(e->s, &mark), 0);
	assert_int_equal(sink_place("warc", buf_slice(&mark), &place), 0);
	assert_string_equal(
	    place.file, "warc/trawl-demo-20260131120000123-00000.warc.gz");
	assert_int_equal(place.length, 0);
	close_it(e, false);
	e->conf.run_id[0] ^= 99;
	assert_int_equal(
	    sink_open("warc", &e->conf, buf_slice(&mark), &e->s, &e->why), 0);
	assert_string_equal(e->s->warcinfo_id, before);
	close_it(e, true);
	read_file(e, "trawl-demo-20260131120000123-00000.warc.gz", &w);
	assert_true(
	    slice_eq(slice_head(slice_from(kit_field(&w.records[0], "WARC-Record-ID"), 1),
			 strlen(before)),
		slice_cstr(before)));
	kit_warc_free(&w);
	buf_release(&mark);
}

static void
marks_that_cannot_be_right_are_refused(void **state)
{
	static const char *const marks[] = {"1", "x",
	    "2 100 trawl-demo-x.warc.gz urn:uuid:x",
	    "1 x trawl-demo-20260131120000123-00000.warc.gz urn:uuid:x",
	    "1 10 trawl-other-20260131120000123-00000.warc.gz urn:uuid:x",
	    "1 10 ../../etc/passwd urn:uuid:x",
	    "1 10 trawl-demo-20260131120000123-00000.warc.gz.open urn:uuid:x",
	    "1 10 trawl-demo-20260131120000123-0.warc.gz urn:uuid:x",
	    "1 10 trawl-demo-2026013112000012-00000.warc.gz urn:uuid:x",
	    "1 10 trawl-demo-20260131120000123-00000.warc.gz ",
	    ("1 10 trawl-demo-20260131120000123-00000.warc.gz "
	     "an-id-that-is-longer-than-any-that-there-can-be-0")};
	struct env *e = *state;

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		assert_int_equal(
		    sink_open("warc", &e->conf, slice_cstr(marks[i]), &e->s, &e->why),
		    -EBADMSG);
	assert_non_null(strstr(e->why.text, "cannot be read"));
}

static void
a_mark_leads_nowhere_else(void **state)
{
	static const char *const marks[] = {"", "1", "2 10 trawl-x.warc.gz urn:x",
	    "1 x trawl-x.warc.gz urn:x", "1 10 ../job.yaml urn:x", "1 10 .. urn:x",
	    "1 10  urn:x", "1 10 /etc/passwd urn:x"};
	struct sink_place place;

	(void)state;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		assert_int_equal(
		    sink_place("warc", slice_cstr(marks[i]), &place), -EBADMSG);
	assert_int_equal(
	    sink_place("warc", SLICE_LIT("1 10 trawl-x.warc.gz urn:x"), &place), 0);
	assert_string_equal(place.file, "warc/trawl-x.warc.gz");
	assert_int_equal(place.length, 10);
}

static void
an_archive_that_lost_committed_bytes_is_refused(void **state)
{
	struct env *e = *state;
	struct buf mark;
	char path[KIT_PATH_MAX + 80];

	buf_init(&mark, 1000);
	make_crash(e, 2, 2, true, &mark);
	(void)snprintf(path, sizeof(path),
	    "%s/warc/trawl-demo-20260131120000123-00000.warc.gz", e->dir);
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(
	    sink_open("warc", &e->conf, buf_slice(&mark), &e->s, &e->why), -EBADMSG);
	assert_non_null(strstr(e->why.text, "holds 100 bytes, but "));
	/* and one that was copied to its other name is not guessed about */
	kit_write(
	    e->dir, "warc/trawl-demo-20260131120000123-00000.warc.gz", SLICE_LIT("x"));
	assert_int_equal(
	    sink_open("warc", &e->conf, buf_slice(&mark), &e->s, &e->why), -EEXIST);
	assert_int_equal(unlink(path), 0);
	(void)snprintf(path, sizeof(path),
	    "%s/warc/trawl-demo-20260131120000123-00000.warc.gz.open", e->dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(
	    sink_open("warc", &e->conf, buf_slice(&mark), &e->s, &e->why), -ENOENT);
	buf_release(&mark);
}

/* -- A disk that is full. -- */

static void
limit_files(rlim_t bytes)
{
	struct rlimit l;

	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = bytes == 0 ? l.rlim_max : bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void
a_page_that_does_not_fit_can_be_put_again(void **state)
{
	struct env *e = *state;
	struct sink_event ev;
	struct kit_warc w;
	unsigned i;
	int r = 0;

	open_new(e);
	limit_files(2500000);
	for (i = 0; i < 10 && r == 0; i++)
		r = put_page(e, i, 400000, &ev);
	limit_files(0);
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(ev.warc_file.len, 0);
	i--;
	assert_in_range(i, 4, 8);
	/* what did reach the file, is whole */
	read_file(e, "trawl-demo-20260131120000123-00000.warc.gz.open", &w);
	assert_true(w.n % 3 == 1 && w.n > 3);
	kit_warc_free(&w);
	for (; i < 10; i++)
		assert_int_equal(put_page(e, i, 400000, &ev), 0);
	close_it(e, true);
	assert_int_equal(check_archive(e, 10, true), 1);
}

/* At a roll-over the old file is finished, and the new one does not come about. */
static void
a_file_that_cannot_be_begun_is_begun_later(void **state)
{
	struct env *e = *state;
	struct sink_event ev;
	struct buf mark;
	int r;

	buf_init(&mark, 1000);
	e->conf.warc_bytes_max = 0;
	open_new(e);
	put_pages(e, 0, 1);
	no_new_files = true;
	r = put_page(e, 1, 500, &ev);
	assert_int_equal(r, -ENOSPC);
	assert_non_null(strstr(e->why.text, "cannot create '"));
	assert_int_equal(put_page(e, 1, 500, &ev), -ENOSPC);
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	assert_int_equal(sink_mark(e->s, &mark), 0); /* of the finished file */
	assert_int_equal(check_archive(e, 1, true), 1);
	no_new_files = false;
	put_pages(e, 1, 3);
	close_it(e, false);

	assert_int_equal(
	    sink_open("warc", &e->conf, buf_slice(&mark), &e->s, &e->why), 0);
	assert_int_equal(check_archive(e, 1, false), 1);
	put_pages(e, 1, 3);
	close_it(e, true);
	assert_int_equal(check_archive(e, 3, true), 3);
	buf_release(&mark);
}

/* -- Death at any call. -- */

enum { PAGES = 14, COMMIT_EVERY = 4, RECOVERY_CALLS = 8 };

static void
commit(struct env *e, unsigned next)
{
	char a[KIT_PATH_MAX + 16], b[KIT_PATH_MAX + 16];
	struct buf text;

	buf_init(&text, 1000);
	if (sink_sync(e->s, NULL) != 0 || buf_printf(&text, "%u ", next) != 0 ||
	    sink_mark(e->s, &text) != 0)
		_exit(1);
	kit_write(e->dir, "state.new", buf_slice(&text));
	(void)snprintf(a, sizeof(a), "%s/state.new", e->dir);
	(void)snprintf(b, sizeof(b), "%s/state", e->dir);
	if (rename(a, b) != 0)
		_exit(1);
	buf_release(&text);
}

/* A crawl, new or resumed, that commits now and then.  Runs in a process of its own. */
static void
crawl(struct env *e, unsigned calls)
{
	struct slice state, mark = {0}, next;
	struct sink_event ev;
	char path[KIT_PATH_MAX + 16];
	uint64_t page = 0;

	(void)snprintf(path, sizeof(path), "%s/state", e->dir);
	if (access(path, F_OK) == 0) {
		state = kit_file(e->dir, "state");
		mark = state;
		if (!slice_cut(&mark, ' ', &next) || !slice_to_u64(next, &page))
			_exit(1);
	}
	countdown = calls;
	e->conf.wall_us += (int64_t)(page + calls) * 1000;
	if (sink_open("warc", &e->conf, mark, &e->s, &e->why) != 0) {
		print_error("%s\n", e->why.text);
		_exit(2);
	}
	if (mark.len == 0)
		commit(e, 0);
	while (page < PAGES) {
		if (put_page(e, (unsigned)page++, 500, &ev) != 0)
			_exit(3);
		if (page % COMMIT_EVERY == 0)
			commit(e, (unsigned)page);
	}
	if (sink_close(e->s, true, NULL) != 0)
		_exit(4);
	_exit(0);
}

static int
crawl_in_child(struct env *e, unsigned calls)
{
	int status = 0;
	pid_t pid;

	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		crawl(e, calls);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Dies at call `first`, then at call `second` of the next run, then runs to the end. */
static bool
survive(unsigned first, unsigned second)
{
	struct env *e;
	void *own;
	bool died;
	int r;

	(void)up(&own);
	e = own;
	e->conf.warc_bytes_max = 2500;
	r = crawl_in_child(e, first);
	died = r == DIED;
	assert_true(died || r == 0);
	if (died && second > 0) {
		r = crawl_in_child(e, second);
		assert_true(r == DIED || r == 0);
	}
	if (r == DIED)
		assert_int_equal(crawl_in_child(e, 0), 0);
	assert_true(check_archive(e, PAGES, true) > 3);
	(void)down(&own);
	return died;
}

static void
death_at_any_call_loses_and_doubles_nothing(void **state)
{
	unsigned first = 1;

	(void)state;
	while (survive(first, 0))
		first++;
	assert_true(first > 30); /* it did die, at each of the calls that a crawl makes */
}

static void
death_while_recovering_is_no_worse(void **state)
{
	bool died = true;

	(void)state;
	for (unsigned first = 2; died; first += 5)
		for (unsigned second = 1; second <= RECOVERY_CALLS; second++)
			died = survive(first, second);
	assert_false(died);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		a_file_begins_with_warcinfo_and_loses_open_at_the_end, up, down),
	    cmocka_unit_test_setup_teardown(
		a_job_that_is_too_long_for_warcinfo_is_told_without_its_seeds, up, down),
	    cmocka_unit_test_setup_teardown(
		not_even_options_that_are_too_long_end_the_crawl, up, down),
	    cmocka_unit_test_setup_teardown(
		an_event_is_told_where_its_response_lies, up, down),
	    cmocka_unit_test_setup_teardown(
		files_roll_over_between_record_sets, up, down),
	    cmocka_unit_test_setup_teardown(
		a_limit_below_one_record_gives_a_file_a_page, up, down),
	    cmocka_unit_test_setup_teardown(
		events_without_records_are_no_business_of_the_archive, up, down),
	    cmocka_unit_test_setup_teardown(records_that_are_none_are_refused, up, down),
	    cmocka_unit_test_setup_teardown(
		job_names_that_are_no_file_names_are_refused, up, down),
	    cmocka_unit_test_setup_teardown(
		a_new_crawl_does_not_touch_another_ones_archive, up, down),
	    cmocka_unit_test_setup_teardown(
		a_new_crawl_takes_what_a_crash_before_the_first_commit_left, up, down),
	    cmocka_unit_test_setup_teardown(
		what_was_not_committed_is_cut_off_and_put_again, up, down),
	    cmocka_unit_test_setup_teardown(
		what_an_earlier_round_wrote_stays_and_a_new_file_begins_with_the_first_record,
		up, down),
	    cmocka_unit_test_setup_teardown(
		going_on_keeps_the_id_that_the_file_has, up, down),
	    cmocka_unit_test_setup_teardown(
		marks_that_cannot_be_right_are_refused, up, down),
	    cmocka_unit_test(a_mark_leads_nowhere_else),
	    cmocka_unit_test_setup_teardown(
		an_archive_that_lost_committed_bytes_is_refused, up, down),
	    cmocka_unit_test_setup_teardown(
		a_page_that_does_not_fit_can_be_put_again, up, down),
	    cmocka_unit_test_setup_teardown(
		a_file_that_cannot_be_begun_is_begun_later, up, down),
	    cmocka_unit_test(death_at_any_call_loses_and_doubles_nothing),
	    cmocka_unit_test(death_while_recovering_is_no_worse),
	};

	return cmocka_run_group_tests_name("sink/warc", tests, NULL, NULL);
}
