/*
 * Input: what a worker sends back, or the task it was sent.
 * What is accepted lies in the message and keeps every promise of crawl/task.h; written
 * again it is read as the same.
 */
#include "crawl/task.h"
#include "fuzz.h"
#include "sink/checks.h"
#include "sink/mirror_page.h"
#include "web/select.h"
#include "web/url.h"
#include <errno.h>

static void
links_check(const struct found *f, struct slice bytes)
{
	for (uint32_t i = 0; i < f->links_len; i++) {
		const struct found_link *l = &f->links[i];

		FUZZ_CHECK(l->kind < LINK_KIND_MAX && l->verdict < OUTCOME_MAX);
		FUZZ_CHECK(l->verdict == OUTCOME_NONE ||
			   outcome_class(l->verdict) == OUTCOME_CLASS_REJECTED);
		FUZZ_CHECK(l->url.len > 0 && l->url.len <= URL_BYTES_MAX);
		FUZZ_CHECK(fuzz_lies_in(l->url, bytes));
	}
}

static void
notes_check(struct slice notes)
{
	struct slice rest = notes;
	struct checks_link l;
	struct checks_tail tail;

	if (notes.len == 0)
		return;
	while (checks_next(&rest, &l)) {
		FUZZ_CHECK(l.kind < LINK_KIND_MAX && l.text.len <= CHECKS_TEXT_MAX);
		FUZZ_CHECK(l.fragment.len <= CHECKS_FRAGMENT_MAX);
		FUZZ_CHECK(fuzz_lies_in(l.url, notes) &&
			   fuzz_lies_in(l.fragment, notes) &&
			   fuzz_lies_in(l.text, notes));
	}
	checks_tail(rest, &tail);
	FUZZ_CHECK(tail.ids_len <= CHECKS_IDS_MAX && fuzz_lies_in(tail.ids, notes));
	for (uint32_t i = 0; i < tail.ids_len; i++)
		(void)checks_id(&tail, i);
}

static int
find(void *ctx, struct slice url, struct buf *path)
{
	(void)ctx;
	if (url.len % 2 == 0)
		return 0;
	return buf_add_cstr(path, "a.test/b/c") < 0 ? -ENOMEM : 1;
}

static int
write_to(void *ctx, struct slice bytes)
{
	*(uint64_t *)ctx += bytes.len;
	return 0;
}

/* What the store thread was told are pieces are some. */
static void
pieces_check(struct slice pieces)
{
	uint64_t written = 0;
	struct mirror_out out = {.find = find,
	    .write = write_to,
	    .ctx = &written,
	    .own = SLICE_LIT("a.test/b.html")};

	buf_init(&out.path, 4096);
	buf_init(&out.text, 4 * URL_BYTES_MAX);
	FUZZ_CHECK(mirror_page_write(pieces, &out) == 0);
	buf_release(&out.path);
	buf_release(&out.text);
}

static void
found_check(const struct found *f, struct slice bytes)
{
	const struct slice texts[] = {f->mime, f->charset, f->title, f->canonical,
	    f->lang, f->description, f->redirect_to};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		FUZZ_CHECK(
		    texts[i].len <= FOUND_TEXT_MAX && fuzz_lies_in(texts[i], bytes));
	FUZZ_CHECK(
	    f->redirect_to.len <= URL_BYTES_MAX &&
	    (f->redirect_to.len == 0 || slice_starts(f->redirect_to, SLICE_LIT("http"))));
	FUZZ_CHECK(f->fields.len == 0 || select_values_check(f->fields));
	FUZZ_CHECK(fuzz_lies_in(f->fields, bytes));
	FUZZ_CHECK(fuzz_lies_in(f->rules, bytes) && fuzz_lies_in(f->records, bytes));
	FUZZ_CHECK(f->robots.bits <= PAGE_ROBOTS_ALL);
	FUZZ_CHECK(memchr(f->digest, '\0', sizeof(f->digest)) != NULL);
	FUZZ_CHECK(f->parts.n <= sizeof(f->parts.at) / sizeof(f->parts.at[0]));
	for (uint32_t i = 0; i < f->parts.n; i++) {
		FUZZ_CHECK(f->parts.at[i] < f->records.len);
		FUZZ_CHECK(i == 0 || f->parts.at[i] >= f->parts.at[i - 1]);
	}
	links_check(f, bytes);
	notes_check(f->checks);
	FUZZ_CHECK(fuzz_lies_in(f->copy_bytes, bytes));
	if (f->copy == SINK_COPY_PIECES)
		pieces_check(f->copy_bytes);
}

static void
found_use(struct slice bytes)
{
	uint32_t max = found_links_len(bytes);
	struct found_link *links = calloc((size_t)max + 1, sizeof(*links));
	struct found f, again;
	struct buf out, twice;

	FUZZ_CHECK(links != NULL && max <= FOUND_SITEMAP_LINKS_MAX);
	if (found_decode(bytes, links, max, &f) != 0) {
		free(links);
		return;
	}
	found_check(&f, bytes);
	buf_init(&out, bytes.len);
	buf_init(&twice, bytes.len);
	FUZZ_CHECK(found_encode(&f, &out) == 0 && out.len == bytes.len);
	FUZZ_CHECK(found_decode(buf_slice(&out), links, max, &again) == 0);
	FUZZ_CHECK(found_encode(&again, &twice) == 0);
	FUZZ_CHECK(slice_eq(buf_slice(&out), buf_slice(&twice)));
	buf_release(&twice);
	buf_release(&out);
	if (max > 0)
		FUZZ_CHECK(found_decode(bytes, links, max - 1, &f) != 0);
	free(links);
}

static void
task_use(struct slice bytes)
{
	struct task t;
	struct buf out;

	if (task_decode(bytes, &t) != 0)
		return;
	FUZZ_CHECK(t.kind < TASK_KIND_MAX && t.link < LINK_KIND_MAX);
	FUZZ_CHECK(t.cut <= WARC_CUT_DISCONNECT);
	FUZZ_CHECK(fuzz_lies_in(t.url, bytes) && fuzz_lies_in(t.warcinfo_id, bytes));
	buf_init(&out, bytes.len);
	FUZZ_CHECK(task_encode(&t, &out) == 0 && out.len == bytes.len);
	buf_release(&out);
}

FUZZ_TARGET(found)
{
	struct slice bytes = fuzz_copy(slice_of(data, size));

	found_use(bytes);
	task_use(bytes);
	fuzz_copy_free(bytes);
	return 0;
}
