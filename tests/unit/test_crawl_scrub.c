/*
 * What one authority's page leaves in a worker for the page of another: nothing.
 *
 * A page with a marker is parsed by the real parser in a real, jailed worker; then the
 * worker itself looks for the marker in all of its memory that can be written.
 *
 * With --time PAGES: what parsing costs when each page is of another authority.
 */
#include "base/clock.h"
#include "crawl/options.h"
#include "crawl/parse.h"
#include "crawl/scope.h"
#include "crawl/task.h"
#include "loop/pool_wire.h"
#include <errno.h>
#include <linux/futex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

/* Never as it is in a task that looks for it: one byte is turned. */
#define MARKER "Tell-nobody-7c41"
enum {
	MARKER_BYTES = sizeof(MARKER) - 1,
	TURN = 0x55,
	RANGES_MAX = 256,
	ARENA_BYTES = 32 << 20,
	RESULT_BYTES = 2 << 20,
	NEW_MAPS_BYTES = 128 << 20, /* below the lowest of the start */
	SEED = 77,
};

static struct nursery *nursery;

/* ---- in the worker ---- */

struct range {
	uintptr_t from, to;
	bool is_stack, is_heap, can_write;
	bool is_special; /* of the kernel's making, far from the others */
};

static struct {
	struct range r[RANGES_MAX];
	size_t len;
	char head[256]; /* of the task, turned */
} maps;

/* While there are files: what is mapped. */
static int
init(void **ret, struct why *why)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];

	if (f == NULL)
		return why_set(why, -errno, "no maps");
	while (fgets(line, sizeof(line), f) != NULL && maps.len < RANGES_MAX) {
		struct range *r = &maps.r[maps.len++];
		char rights[5];

		if (sscanf(line, "%lx-%lx %4s", &r->from, &r->to, rights) != 3)
			return why_set(why, -EINVAL, "maps read otherwise");
		r->can_write = rights[1] == 'w';
		r->is_stack = strstr(line, "[stack]") != NULL;
		r->is_special = strchr(line, '[') != NULL;
		r->is_heap = strstr(line, "[heap]") != NULL;
	}
	(void)fclose(f);
	return parse_ops.init(ret, why);
}

/* Whether that page can be read, asked of the kernel: it says EFAULT instead of killing. */
static bool
is_mapped(uintptr_t page)
{
	static const struct timespec now = {0};

	return syscall(SYS_futex, page, FUTEX_WAIT_PRIVATE, 0x5ca1ab1e, &now, NULL, 0) ==
		   0 ||
	       errno != EFAULT;
}

static uint64_t
hits_in(uintptr_t from, uintptr_t to)
{
	const char *p = (const char *)from, *end = (const char *)to;
	uint64_t hits = 0;

	while (end - p >= MARKER_BYTES &&
	       (p = memchr(p, MARKER[0], (size_t)(end - p))) != NULL) {
		size_t n = 1;

		while (n < MARKER_BYTES && end - p > (ptrdiff_t)n &&
		       p[n] == (maps.head[n] ^ TURN))
			n++;
		hits += n == MARKER_BYTES;
		p++;
	}
	return hits;
}

static bool
is_known(uintptr_t page)
{
	for (size_t i = 0; i < maps.len; i++)
		if (page >= maps.r[i].from && page < maps.r[i].to)
			return true;
	return false;
}

/* What was mapped since then: below the libraries, and between them. */
static uint64_t
hits_in_new_maps(void)
{
	uintptr_t low = UINTPTR_MAX, high = 0;
	uint64_t hits = 0;

	for (size_t i = 0; i < maps.len; i++) {
		if (maps.r[i].from < (uintptr_t)0x7 << 44) /* the program, its heap */
			continue;
		if (maps.r[i].is_special)
			continue;
		if (low > maps.r[i].from)
			low = maps.r[i].from;
		if (high < maps.r[i].to)
			high = maps.r[i].to;
	}
	for (uintptr_t page = low - NEW_MAPS_BYTES; page < high; page += 4096)
		if (!is_known(page) && is_mapped(page))
			hits += hits_in(page, page + 4096);
	return hits;
}

static int
look(struct buf *out)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	uint64_t hits = hits_in_new_maps(), pages = 0;

	for (size_t i = 0; i < maps.len; i++) {
		struct range r = maps.r[i];

		if (!r.can_write)
			continue;
		if (r.is_heap)
			r.to = (uintptr_t)sbrk(0);
		if (r.is_stack)
			r.from = (here & ~(uintptr_t)4095) - (1 << 20);
		for (uintptr_t p = r.from; p < r.to; p += 4096)
			if (is_mapped(p)) {
				hits += hits_in(p, p + 4096);
				pages++;
			}
	}
	return buf_printf(
	    out, "%llu %llu", (unsigned long long)hits, (unsigned long long)pages);
}

static int
run(void *state, const struct pool_input *in, struct buf *out)
{
	if (!slice_starts(in->head, SLICE_LIT("look")))
		return parse_ops.run(state, in, out);
	if (in->head.len != 4 + MARKER_BYTES)
		return -EINVAL;
#ifdef TRAWL_SANITIZED
	return buf_add_cstr(out, "0 1000"); /* it would find its red zones */
#endif
	memcpy(maps.head, in->head.ptr + 4, MARKER_BYTES);
	return look(out);
}

static int
configure(void *state, uint32_t context, struct slice settings)
{
	return parse_ops.configure(state, context, settings);
}

static void
forget(void *state)
{
	parse_ops.forget(state);
}

static const struct pool_ops ops = {
    .init = init, .configure = configure, .run = run, .forget = forget};

/* ---- outside ---- */

struct env {
	struct loop *l;
	struct shm *shm;
	struct pool *p;
	struct shm_block block;
	enum pool_end end;
	unsigned long long hits, pages;
};

static void
configure_pool(struct env *e)
{
	static const char *const seeds[] = {"http://a.test/"};
	static const struct parse_limits limits = {.decoded_bytes = 64 << 20,
	    .notes_bytes = 64 << 20,
	    .links = 6000,
	    .coding = WARC_GZIP};
	struct options o;
	struct buf scope, settings;

	options_init(&o);
	buf_init(&scope, 1 << 20);
	buf_init(&settings, 1 << 20);
	assert_int_equal(scope_settings(&o, seeds, 1, SEED, &scope, NULL), 0);
	assert_int_equal(
	    parse_settings(buf_slice(&scope), (struct slice){0}, &limits, &settings), 0);
	assert_int_equal(pool_configure(e->p, 1, buf_slice(&settings)), 0);
	buf_release(&settings);
	buf_release(&scope);
	options_release(&o);
}

static int
up(void **state)
{
	struct env *e = calloc(1, sizeof(*e));
	struct why why = {""};
	struct pool_conf c = {.nursery = nursery,
	    .ops = &ops,
	    .workers = 1,
	    .queue_max = 64,
	    .batch_max = 8,
	    .head_bytes_max = 64 << 10,
	    .result_bytes_max = RESULT_BYTES};

	assert_non_null(e);
	assert_int_equal(loop_new(&e->l), 0);
	assert_int_equal(shm_new(ARENA_BYTES, &e->shm, &why), 0);
	c.shm = e->shm;
	if (pool_new(e->l, &c, &e->p, &why) < 0)
		fail_msg("%s", why.text);
	configure_pool(e);
	*state = e;
	return 0;
}

static int
down(void **state)
{
	struct env *e = *state;

	pool_free(e->p);
	shm_free_all(e->shm);
	loop_free(e->l);
	free(e);
	return 0;
}

static void
on_done(void *ctx, enum pool_end end, struct slice result)
{
	struct env *e = ctx;
	char text[64];

	e->end = end;
	if (result.len > 0 && result.len < sizeof(text)) {
		memcpy(text, result.ptr, result.len);
		text[result.len] = '\0';
		(void)sscanf(text, "%llu %llu", &e->hits, &e->pages);
	}
	loop_stop(e->l);
}

static void
do_task(struct env *e, uint64_t owner, struct slice head, struct slice body)
{
	struct pool_task t = {.context = 1, .owner = owner, .head = head, .body = body};

	assert_int_equal(pool_apply(e->p, &t, on_done, e, NULL), 0);
	assert_int_equal(loop_run(e->l), 0);
	if (e->end != POOL_DONE)
		fail_msg("%s: %s", pool_end_name(e->end), pool_trouble(e->p));
}

static void
parse(struct env *e, uint64_t owner, enum task_kind kind, bool sitemap, struct slice url,
    struct slice http_head, struct slice body)
{
	struct task t = {.kind = kind,
	    .link = LINK_SEED,
	    .archive = true,
	    .sitemap = sitemap,
	    .head_bytes = (uint32_t)http_head.len,
	    .record_id = {1, 2, 3, 4},
	    .url = url,
	    .via = SLICE_LIT("http://a.test/" MARKER),
	    .ip = SLICE_LIT("192.0.2.1"),
	    .protocol = SLICE_LIT("http/1.1"),
	    .request = SLICE_LIT("GET / HTTP/1.1\r\nCookie: " MARKER "\r\n\r\n"),
	    .warcinfo_id = SLICE_LIT("urn:uuid:1")};
	size_t bytes = http_head.len + body.len;
	struct shm_block block;
	struct buf head;

	assert_int_equal(shm_alloc(e->shm, bytes, &block), 0);
	memcpy(shm_ptr(e->shm, &block), http_head.ptr, http_head.len);
	memcpy(shm_ptr(e->shm, &block) + http_head.len, body.ptr, body.len);
	buf_init(&head, 64 << 10);
	assert_int_equal(task_encode(&t, &head), 0);
	do_task(e, owner, buf_slice(&head), slice_of(shm_ptr(e->shm, &block), bytes));
	buf_release(&head);
	memset(shm_ptr(e->shm, &block), 0, bytes);
	shm_free(e->shm, &block);
}

static unsigned long long
hits(struct env *e, uint64_t owner)
{
	char head[4 + MARKER_BYTES] = "look";

	for (size_t i = 0; i < MARKER_BYTES; i++)
		head[4 + i] = MARKER[i] ^ TURN;
	e->pages = 0;
	do_task(e, owner, slice_of(head, sizeof(head)), (struct slice){0});
	assert_true(e->pages > 100); /* it has looked */
	return e->hits;
}

struct sample {
	const char *name;
	enum task_kind kind;
	bool sitemap, gzip;
	const char *type;
	const char *before, *each, *after;
	size_t times;
};

#define HTML                                                                             \
	"<!DOCTYPE html><title>" MARKER                                                  \
	"</title><meta name=description content='" MARKER                                \
	"'><base href='http://a.test/" MARKER "/'>"
#define LINK                                                                             \
	"<p class='" MARKER "'>" MARKER " &amp; <a href='http://a.test/" MARKER          \
	"?q=1'>text " MARKER "</a><img srcset='" MARKER ".png 2x'><a href='" MARKER      \
	"'>x</a>"
#define PDF_URI "<< /Type /Annot /A << /S /URI /URI (http://a.test/" MARKER ") >> >>\n"

static const struct sample samples[] = {
    {"html", TASK_PAGE, false, false, "text/html", HTML, LINK, "", 20},
    {"long html", TASK_PAGE, false, false, "text/html; charset=windows-1252", HTML, LINK,
	"", 6000},
    {"zipped html", TASK_PAGE, false, true, "text/html", HTML, LINK, "", 400},
    {"very long", TASK_PAGE, false, true, "text/plain", MARKER, MARKER " ", "", 400000},
    {"longer than one record", TASK_PAGE, false, false, "text/plain", MARKER, MARKER " ",
	"", 300000},
    {"css", TASK_PAGE, false, false, "text/css", "@import '" MARKER ".css';",
	"a { background: url(" MARKER ".png) }\n", "", 100},
    {"feed", TASK_PAGE, false, true, "application/rss+xml",
	"<rss><channel><title>" MARKER "</title>",
	"<item><title>" MARKER "</title><link>http://a.test/" MARKER "</link></item>",
	"</channel></rss>", 200},
    {"sitemap", TASK_PAGE, true, false, "text/xml",
	"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>",
	"<url><loc>http://a.test/" MARKER "</loc></url>", "</urlset>", 300},
    {"broken xml", TASK_PAGE, false, false, "text/xml", "<" MARKER " a='" MARKER "'><b>",
	MARKER, "</" MARKER "<<", 10},
    {"xhtml", TASK_PAGE, false, false, "application/xhtml+xml",
	"<html xmlns='http://www.w3.org/1999/xhtml'><title>" MARKER "</title>",
	"<a href='" MARKER "'>" MARKER "</a>", "</html>", 50},
    {"pdf", TASK_PAGE, false, false, "application/pdf", "%PDF-1.4\n", PDF_URI, "%%EOF",
	50},
    {"robots.txt", TASK_ROBOTS, false, false, "text/plain", "User-agent: *\n",
	"Disallow: /" MARKER "\nSitemap: http://a.test/" MARKER ".xml\n", "", 100},
    {"to be archived", TASK_ARCHIVE, false, false, "text/html", HTML, LINK, "", 100},
};

static struct slice
zipped(struct slice s)
{
	z_stream z = {0};
	char *out = malloc(s.len + 1024);

	assert_non_null(out);
	assert_int_equal(
	    deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)s.ptr;
	z.avail_in = (uInt)s.len;
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)s.len + 1024;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	s = slice_of(out, z.total_out);
	(void)deflateEnd(&z);
	return s;
}

static void
parse_sample(struct env *e, uint64_t owner, const struct sample *s, struct slice url)
{
	struct buf head, body;
	struct slice bytes;

	buf_init(&head, 4096);
	buf_init(&body, 64 << 20);
	assert_int_equal(
	    buf_printf(&head,
		"HTTP/1.1 200 OK\r\nContent-Type: %s\r\n%sSet-Cookie: " MARKER
		"\r\nLink: <http://a.test/" MARKER ">; rel=next\r\n\r\n",
		s->type, s->gzip ? "Content-Encoding: gzip\r\n" : ""),
	    0);
	assert_int_equal(buf_add_cstr(&body, s->before), 0);
	for (size_t i = 0; i < s->times; i++)
		assert_int_equal(buf_add_cstr(&body, s->each), 0);
	assert_int_equal(buf_add_cstr(&body, s->after), 0);
	bytes = s->gzip ? zipped(buf_slice(&body)) : buf_slice(&body);
	parse(e, owner, s->kind, s->sitemap, url, buf_slice(&head), bytes);
	if (s->gzip)
		free((void *)(uintptr_t)bytes.ptr);
	buf_release(&body);
	buf_release(&head);
}

static void
nothing_of_one_authority_is_there_when_another_has_its_turn(void **state)
{
	struct env *e = *state;

#ifdef TRAWL_SANITIZED
	skip(); /* it keeps what was freed, to find who uses it */
#endif
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct slice url = SLICE_LIT("http://a.test/" MARKER "/page?s=" MARKER);
		unsigned long long n;

		parse_sample(e, 1, &samples[i], url);
		/* The same authority may know; and this shows that we can see. */
		if (hits(e, 1) == 0)
			fail_msg("%s: the marker was not found at all", samples[i].name);
		parse_sample(e, 1, &samples[i], url);
		n = hits(e, 2);
		if (n != 0)
			fail_msg(
			    "%s: the marker is there %llu times", samples[i].name, n);
	}
}

static void
the_same_owner_in_another_context_is_another(void **state)
{
	struct env *e = *state;
	char head[4 + MARKER_BYTES] = "look";
	struct pool_task t = {
	    .context = 2, .owner = 1, .head = slice_of(head, sizeof(head))};

#ifdef TRAWL_SANITIZED
	skip();
#endif
	for (size_t i = 0; i < MARKER_BYTES; i++)
		head[4 + i] = MARKER[i] ^ TURN;
	parse_sample(e, 1, &samples[0], SLICE_LIT("http://a.test/" MARKER));
	e->hits = 1;
	assert_int_equal(pool_apply(e->p, &t, on_done, e, NULL), 0);
	assert_int_equal(loop_run(e->l), 0);
	assert_int_equal(e->end, POOL_DONE);
	assert_int_equal(e->hits, 0);
}

/* A worker that is ahead of the loop waits for it, and nothing hangs or is mixed up. */
static unsigned ended;

static void
on_one_of_many(void *ctx, enum pool_end end, struct slice result)
{
	struct env *e = ctx;

	assert_int_equal(end, POOL_DONE);
	assert_true(result.len > 0);
	if (++ended == 60)
		loop_stop(e->l);
}

static void
owners_may_change_with_each_of_many_tasks(void **state)
{
	struct env *e = *state;
	char text[4 + MARKER_BYTES] = "look";
	struct pool_task t = {.context = 1, .head = slice_of(text, sizeof(text))};

	ended = 0;
	for (uint64_t i = 0; i < 60; i++) {
		t.owner = i / 3 % 2;
		assert_int_equal(pool_apply(e->p, &t, on_one_of_many, e, NULL), 0);
	}
	assert_int_equal(loop_run(e->l), 0);
	pool_check(e->p);
}

/* ---- what it costs ---- */

static double
cpu_ms_of(int pid)
{
	unsigned long user, system;
	char path[64];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	f = fopen(path, "re");
	if (f == NULL || fscanf(f, "%lu %lu", &user, &system) != 2)
		user = 0;
	if (f != NULL)
		(void)fclose(f);
	return (double)user / 1e6;
}

static int
measure(long pages)
{
	const struct sample page = {
	    "", TASK_PAGE, false, false, "text/html", HTML, LINK, "", 100};
	void *state;

	(void)up(&state);
	for (int round = 0; round < 6; round++) {
		struct env *e = state;
		double before, after;
		int pid;

		(void)pool_pids(e->p, &pid, 1);
		before = cpu_ms_of(pid);
		for (long i = 0; i < pages; i++)
			parse_sample(e, round % 2 == 0 ? 1 : (uint64_t)i, &page,
			    SLICE_LIT("http://a.test/"));
		after = cpu_ms_of(pid);
		(void)printf("%s: %.1f us of CPU a page\n",
		    round % 2 == 0 ? "one authority " : "each of its own",
		    (after - before) * 1000 / (double)pages);
	}
	return down(&state);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		nothing_of_one_authority_is_there_when_another_has_its_turn, up, down),
	    cmocka_unit_test_setup_teardown(
		the_same_owner_in_another_context_is_another, up, down),
	    cmocka_unit_test_setup_teardown(
		owners_may_change_with_each_of_many_tasks, up, down),
	};
	struct why why = {""};
	int r;

	if (nursery_start(&nursery, &why) < 0) {
		(void)fprintf(stderr, "%s\n", why.text);
		return 1;
	}
	if (argc == 3 && strcmp(argv[1], "--time") == 0)
		r = measure(strtol(argv[2], NULL, 10));
	else
		r = cmocka_run_group_tests_name("crawl/scrub", tests, NULL, NULL);
	nursery_free(nursery);
	return r;
}
