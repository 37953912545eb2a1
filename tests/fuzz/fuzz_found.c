/*
 * Input: what a worker sends back, or the task it was sent.
 * What is accepted lies in the message and keeps every promise of crawl/task.h; written
 * again it is read as the same.
 */
#include "crawl/task.h"
#include "fuzz.h"
#include "web/select.h"
#include "web/url.h"

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
found_check(const struct found *f, struct slice bytes)
{
	const struct slice texts[] = {f->mime, f->charset, f->title, f->canonical,
	    f->lang, f->description, f->redirect_to};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		FUZZ_CHECK(
		    texts[i].len <= FOUND_TEXT_MAX && fuzz_lies_in(texts[i], bytes));
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
