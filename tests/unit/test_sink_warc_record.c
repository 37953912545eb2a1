#include "test_sink_kit.h"
#include <errno.h>

enum { OUT_BYTES_MAX = 64 << 20 };

static struct warc_packer *packer;

static struct warc_outlink
outlink_at(const void *ctx, size_t i)
{
	const struct warc_outlink *links = ctx;

	return links[i];
}

static int
packer_up(void **state)
{
	(void)state;
	return warc_packer_new(&packer);
}

static int
packer_down(void **state)
{
	(void)state;
	warc_packer_free(packer);
	return 0;
}

/* Packs, reads it back, and checks that the parts are told where they are. */
static void
pack(const struct warc_exchange *x, struct kit_warc *ret, struct warc_parts *parts)
{
	struct buf out;

	buf_init(&out, OUT_BYTES_MAX);
	assert_int_equal(buf_add_cstr(&out, "what was there"), 0);
	assert_int_equal(warc_pack(packer, x, &out, parts), 0);
	kit_warc_read(slice_from(buf_slice(&out), strlen("what was there")), ret);
	assert_int_equal(ret->n, parts->n);
	for (size_t i = 0; i < ret->n; i++)
		assert_int_equal(ret->records[i].offset, parts->at[i]);
	buf_release(&out);
}

static void
an_exchange_becomes_response_request_and_metadata(void **state)
{
	struct warc_exchange x = kit_exchange();
	struct warc_parts parts;
	struct kit_warc w;

	(void)state;
	pack(&x, &w, &parts);
	assert_int_equal(w.n, 3);
	assert_slice(w.records[0].header,
	    "WARC/1.1\r\n"
	    "WARC-Type: response\r\n"
	    "WARC-Record-ID: <urn:uuid:11223344-5566-4788-8000-000000000002>\r\n"
	    "WARC-Warcinfo-ID: <urn:uuid:00000000-0000-4000-8000-000000000001>\r\n"
	    "WARC-Target-URI: http://a.test/page?x=1\r\n"
	    "WARC-Date: 2026-01-31T12:00:00Z\r\n"
	    "WARC-IP-Address: 127.0.0.1\r\n"
	    "WARC-Protocol: http/1.1\r\n"
	    "WARC-Payload-Digest: sha1:YOYI6XUDGC5PK6V5EWQC2Z7NE7HIU36Y\r\n"
	    "WARC-Block-Digest: sha1:6EKVJSSAZNN3AETTPQVK6GBS7OKN6ZQK\r\n"
	    "Content-Type: application/http;msgtype=response\r\n"
	    "Content-Length: 55\r\n");
	assert_slice(w.records[0].block,
	    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>one page");
	assert_slice(w.records[1].header,
	    "WARC/1.1\r\n"
	    "WARC-Type: request\r\n"
	    "WARC-Record-ID: <urn:uuid:00000000-0000-4003-8000-000000000004>\r\n"
	    "WARC-Warcinfo-ID: <urn:uuid:00000000-0000-4000-8000-000000000001>\r\n"
	    "WARC-Concurrent-To: <urn:uuid:11223344-5566-4788-8000-000000000002>\r\n"
	    "WARC-Target-URI: http://a.test/page?x=1\r\n"
	    "WARC-Date: 2026-01-31T12:00:00Z\r\n"
	    "WARC-IP-Address: 127.0.0.1\r\n"
	    "WARC-Protocol: http/1.1\r\n"
	    "WARC-Block-Digest: sha1:NYYXT3J4IMRFWZMSCMDTGZTKTD6WYKJY\r\n"
	    "Content-Type: application/http;msgtype=request\r\n"
	    "Content-Length: 40\r\n");
	assert_slice(
	    w.records[1].block, "GET /page?x=1 HTTP/1.1\r\nHost: a.test\r\n\r\n");
	assert_slice(kit_field(&w.records[2], "WARC-Type"), "metadata");
	assert_slice(kit_field(&w.records[2], "Content-Type"), "application/warc-fields");
	assert_slice(kit_field(&w.records[2], "WARC-Concurrent-To"),
	    "<urn:uuid:11223344-5566-4788-8000-000000000002>");
	assert_slice(w.records[2].block,
	    "via: http://a.test/\r\nhopsFromSeed: LL\r\nfetchTimeMs: 17\r\n");
	kit_warc_free(&w);
}

static void
the_payload_digest_is_told_and_is_that_of_the_body(void **state)
{
	struct warc_exchange x = kit_exchange();
	struct warc_parts parts;
	struct kit_warc w;
	char alone[48], want[48];

	(void)state;
	pack(&x, &w, &parts);
	kit_warc_free(&w);
	kit_sha1(x.body, want);
	assert_string_equal(parts.payload_digest, want);
	warc_payload_digest(packer, x.body, alone);
	assert_string_equal(alone, want);
	warc_payload_digest(packer, (struct slice){0}, alone);
	assert_string_equal(alone, "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ");
}

static void
a_seed_without_a_known_request_gives_two_records(void **state)
{
	struct warc_exchange x = kit_exchange();
	struct warc_parts parts;
	struct kit_warc w;

	(void)state;
	x.request = (struct slice){0};
	x.via = (struct slice){0};
	x.hops = (struct slice){0};
	x.ip = (struct slice){0};
	x.warcinfo_id = (struct slice){0};
	x.body = (struct slice){0};
	pack(&x, &w, &parts);
	assert_int_equal(w.n, 2);
	assert_int_equal(kit_field(&w.records[0], "WARC-IP-Address").len, 0);
	assert_int_equal(kit_field(&w.records[0], "WARC-Warcinfo-ID").len, 0);
	assert_slice(w.records[1].block, "fetchTimeMs: 17\r\n");
	kit_warc_free(&w);
}

static void
what_cut_the_body_is_told(void **state)
{
	static const struct {
		enum warc_cut cut;
		const char *name;
	} cuts[] = {{WARC_CUT_NONE, ""}, {WARC_CUT_LENGTH, "length"},
	    {WARC_CUT_TIME, "time"}, {WARC_CUT_DISCONNECT, "disconnect"}};
	struct warc_exchange x = kit_exchange();
	struct warc_parts parts;
	struct kit_warc w;

	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		x.cut = cuts[i].cut;
		pack(&x, &w, &parts);
		assert_slice(kit_field(&w.records[0], "WARC-Truncated"), cuts[i].name);
		assert_int_equal(kit_field(&w.records[1], "WARC-Truncated").len, 0);
		kit_warc_free(&w);
	}
}

static void
heads_are_kept_but_for_what_would_mislead(void **state)
{
	static const struct {
		const char *head, *want;
	} rows[] = {
	    {"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nX: y\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX-Archive-Orig-transfer-encoding: chunked\r\nX: "
		"y\r\n\r\n"},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding : a\r\nTransfer-Encoding: b\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX-Archive-Orig-Transfer-Encoding : a\r\n"
		"X-Archive-Orig-Transfer-Encoding: b\r\n\r\n"},
	    {"HTTP/1.1 200 OK\r\nA: b\r\n Transfer-Encoding: folded\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA: b\r\n Transfer-Encoding: folded\r\n\r\n"},
	    {"HTTP/1.1 200 OK\r\nX-Transfer-Encoding: b\r\nTransfer-Encoding\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX-Transfer-Encoding: b\r\nTransfer-Encoding\r\n\r\n"},
	    {"HTTP/2 200 \r\ncontent-type: text/html\r\n\r\n",
		"HTTP/1.1 200 \r\ncontent-type: text/html\r\n\r\n"},
	    {"HTTP/2 404\r\n\r\n", "HTTP/1.1 404 \r\n\r\n"},
	    {"HTTP/2.0 200 Fine thing\r\n\r\n", "HTTP/1.1 200 Fine thing\r\n\r\n"},
	    {"HTTP/3 200\r\n\r\n", "HTTP/1.1 200 \r\n\r\n"},
	    {"HTTP/1.0 200 \xfcml\xe4ut\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n",
		"HTTP/1.0 200 \xfcml\xe4ut\r\nSet-Cookie: a=b\r\nSet-Cookie: "
		"c=d\r\n\r\n"},
	    {"HTTP/1.1 200 OK\nA: b\n\n", "HTTP/1.1 200 OK\nA: b\n\r\n"},
	    /* an end where a reader must not see one, and none where it must */
	    {"HTTP/1.1 200 OK\r\n\r\nA: b\r\n \t\r\nC: d\r\n\r\n\r\n",
		"HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n"},
	    {"HTTP/1.1 200 OK\r\nA: b", "HTTP/1.1 200 OK\r\nA: b\r\n\r\n"},
	};
	struct warc_exchange x = kit_exchange();
	struct warc_parts parts;
	struct kit_warc w;

	(void)state;
	x.body = (struct slice){0};
	x.request = SLICE_LIT("GET / HTTP/2\r\nHost: a.test\r\n\r\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		x.head = slice_cstr(rows[i].head);
		pack(&x, &w, &parts);
		assert_slice(w.records[0].block, rows[i].want);
		assert_slice(
		    w.records[1].block, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
		kit_warc_free(&w);
	}
}

static void
nothing_from_the_net_ends_a_line_of_the_header(void **state)
{
	struct warc_exchange x = kit_exchange();
	struct warc_outlink link = {.url = SLICE_LIT("http://b.test/\r\nvia: evil"),
	    .kind = SLICE_LIT("a\n"),
	    .hop = '\r'};
	struct warc_parts parts;
	struct kit_warc w;

	(void)state;
	x.uri =
	    SLICE_LIT("http://a.test/\r\nWARC-Type: warcinfo\r\n\r\n\x00 \xc3\xa9\x7f");
	x.ip = SLICE_LIT("1.2.3.4\nX: y");
	x.protocol = SLICE_LIT("h2\r\n");
	x.warcinfo_id = SLICE_LIT("urn:\r\nX: y");
	x.via = SLICE_LIT("http://c.test/\r\nfetchTimeMs: 1");
	x.hops = SLICE_LIT("L\r\n");
	x.outlink = outlink_at;
	x.outlinks = &link;
	x.outlinks_n = 1;
	pack(&x, &w, &parts);
	assert_slice(kit_field(&w.records[0], "WARC-Type"), "response");
	assert_slice(kit_field(&w.records[0], "WARC-Target-URI"),
	    "http://a.test/%0D%0AWARC-Type:%20warcinfo%0D%0A%0D%0A%00%20%C3%A9%7F");
	assert_slice(kit_field(&w.records[0], "WARC-IP-Address"), "1.2.3.4%0AX:%20y");
	assert_slice(kit_field(&w.records[0], "WARC-Protocol"), "h2%0D%0A");
	assert_slice(kit_field(&w.records[0], "WARC-Warcinfo-ID"), "<urn:%0D%0AX:%20y>");
	assert_int_equal(kit_field(&w.records[0], "X").len, 0);
	assert_slice(w.records[2].block,
	    "via: http://c.test/%0D%0AfetchTimeMs:%201\r\nhopsFromSeed: L%0D%0A\r\n"
	    "fetchTimeMs: 17\r\noutlink: http://b.test/%0D%0Avia:%20evil %0D a%0A\r\n");
	kit_warc_free(&w);
}

static void
outlinks_are_told_up_to_a_bound(void **state)
{
	enum { N = 60000 };
	struct warc_outlink *links = calloc(N, sizeof(*links));
	struct warc_exchange x = kit_exchange();
	struct warc_parts parts;
	struct kit_warc w;

	(void)state;
	assert_non_null(links);
	for (size_t i = 0; i < N; i++)
		links[i] =
		    (struct warc_outlink){.url = SLICE_LIT("http://a.test/img.png"),
			.kind = SLICE_LIT("img"),
			.hop = 'E'};
	x.outlink = outlink_at;
	x.outlinks = links;
	x.outlinks_n = 2;
	pack(&x, &w, &parts);
	assert_true(slice_ends(
	    w.records[2].block, SLICE_LIT("outlink: http://a.test/img.png E img\r\n"
					  "outlink: http://a.test/img.png E img\r\n")));
	kit_warc_free(&w);
	x.outlinks_n = N;
	pack(&x, &w, &parts);
	assert_true(w.records[2].block.len >= 1 << 20);
	assert_true(w.records[2].block.len < (1 << 20) + 100);
	kit_warc_free(&w);
	free(links);
}

/* Bytes that do not compress. */
static void
noise(char *p, size_t n)
{
	uint64_t x = 88172645463325252u;

	for (size_t i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = (char)(x >> 32);
	}
}

static void
bodies_of_any_size_come_back(void **state)
{
	static const size_t sizes[] = {0, 1, 10000, (4 << 20) - 46, (4 << 20) - 45,
	    (4 << 20) - 44, 4 << 20, (9 << 20) + 3};
	struct warc_exchange x = kit_exchange();
	char *body = malloc(10 << 20);
	struct warc_parts parts;
	struct kit_warc w;

	(void)state;
	assert_non_null(body);
	noise(body, 10 << 20);
	memset(body, 'a', 3 << 20);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		x.body = slice_of(body, sizes[i]);
		pack(&x, &w, &parts);
		assert_true(slice_eq(kit_payload(w.records[0].block), x.body));
		kit_warc_free(&w);
	}
	free(body);
}

static void
what_does_not_fit_leaves_the_output_as_it_was(void **state)
{
	struct warc_exchange x = kit_exchange();
	struct warc_parts parts = {.n = 77};
	char *body = malloc(6 << 20);
	struct buf out;

	(void)state;
	assert_non_null(body);
	noise(body, 6 << 20);
	for (size_t len = 1 << 10; len <= 6 << 20; len = len * 3 / 2 + 4711) {
		x.body = slice_of(body, len > 6 << 20 ? 6 << 20 : len);
		buf_init(&out, x.body.len);
		assert_int_equal(buf_add_cstr(&out, "kept"), 0);
		assert_int_equal(warc_pack(packer, &x, &out, &parts), -EMSGSIZE);
		assert_slice(buf_slice(&out), "kept");
		assert_int_equal(parts.n, 77);
		buf_release(&out);
	}
	free(body);
}

static void
a_tight_output_takes_what_just_fits(void **state)
{
	struct warc_exchange x = kit_exchange();
	struct warc_parts parts;
	struct kit_warc w;
	struct buf out;
	char *body = malloc(100000);

	(void)state;
	assert_non_null(body);
	memset(body, 'a', 100000);
	x.body = slice_of(body, 100000);
	buf_init(&out, 3000); /* less than the bound of the compressor asks for */
	assert_int_equal(warc_pack(packer, &x, &out, &parts), 0);
	kit_warc_read(buf_slice(&out), &w);
	assert_int_equal(w.n, 3);
	assert_true(slice_eq(kit_payload(w.records[0].block), x.body));
	kit_warc_free(&w);
	buf_release(&out);
	free(body);
}

static void
an_exchange_without_url_or_answer_is_refused(void **state)
{
	struct warc_exchange x = kit_exchange();
	struct warc_parts parts;
	struct buf out;

	(void)state;
	buf_init(&out, 100000);
	x.uri = (struct slice){0};
	assert_int_equal(warc_pack(packer, &x, &out, &parts), -EINVAL);
	x = kit_exchange();
	x.head = (struct slice){0};
	assert_int_equal(warc_pack(packer, &x, &out, &parts), -EINVAL);
	assert_int_equal(out.len, 0);
	buf_release(&out);
}

static void
the_same_input_gives_the_same_bytes(void **state)
{
	struct warc_exchange x = kit_exchange();
	struct warc_parts parts;
	struct buf a, b;

	(void)state;
	buf_init(&a, 100000);
	buf_init(&b, 100000);
	assert_int_equal(warc_pack(packer, &x, &a, &parts), 0);
	assert_int_equal(warc_pack(packer, &x, &b, &parts), 0);
	assert_true(slice_eq(buf_slice(&a), buf_slice(&b)));
	buf_release(&a);
	buf_release(&b);
}

static void
fields_of_warcinfo_are_one_line_each(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_int_equal(
	    warc_info_field(&b, "a", SLICE_LIT("b\r\nc: d\x01\x7f\xc3\xa9")), 0);
	assert_int_equal(warc_info_field(&b, "empty", (struct slice){0}), 0);
	assert_slice(buf_slice(&b), "a: b  c: d  \xc3\xa9\r\n");
	assert_int_equal(warc_info_field(&b, "much", slice_of(b.ptr, 90)), -EMSGSIZE);
	assert_slice(buf_slice(&b), "a: b  c: d  \xc3\xa9\r\n");
	buf_release(&b);
}

/* What there is to be said of the original, in both kinds. */
static void
expect_revisit(const struct kit_record *r, const char *profile)
{
	assert_slice(kit_field(r, "WARC-Type"), "revisit");
	assert_slice(kit_field(r, "WARC-Profile"), profile);
	assert_slice(kit_field(r, "WARC-Refers-To"),
	    "<urn:uuid:00000000-0000-4000-8000-000000000001>");
	assert_slice(kit_field(r, "WARC-Refers-To-Target-URI"), "http://was.test/");
	assert_slice(kit_field(r, "WARC-Refers-To-Date"), "1970-01-01T00:00:01Z");
}

static void
what_was_archived_before_is_a_revisit(void **state)
{
	struct warc_exchange x = kit_exchange();
	char digest[48];
	struct warc_original o = {
	    .id = SLICE_LIT("urn:uuid:00000000-0000-4000-8000-000000000001"),
	    .uri = SLICE_LIT("http://was.test/"),
	    .wall_us = 1000000,
	};
	struct warc_parts parts;
	struct kit_warc w;

	(void)state;
	warc_payload_digest(packer, x.body, digest);
	o.payload_digest = slice_cstr(digest);
	x.original = &o;
	pack(&x, &w, &parts);
	assert_int_equal(parts.revisit, WARC_IDENTICAL);
	expect_revisit(&w.records[0],
	    "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest");
	assert_slice(kit_field(&w.records[0], "WARC-Truncated"), "length");
	assert_slice(kit_field(&w.records[0], "WARC-Payload-Digest"), digest);
	assert_int_equal(kit_payload(w.records[0].block).len, 0);
	assert_true(slice_ends(w.records[0].block, SLICE_LIT("\r\n\r\n")));
	assert_slice(kit_field(&w.records[1], "WARC-Type"), "request");
	kit_warc_free(&w);

	/* A 304 has nothing but its head. */
	x.head = SLICE_LIT("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n");
	x.body = (struct slice){0};
	pack(&x, &w, &parts);
	assert_int_equal(parts.revisit, WARC_NOT_MODIFIED);
	expect_revisit(
	    &w.records[0], "http://netpreserve.org/warc/1.1/revisit/server-not-modified");
	assert_int_equal(kit_field(&w.records[0], "WARC-Truncated").len, 0);
	assert_slice(kit_field(&w.records[0], "WARC-Payload-Digest"), digest);
	assert_string_equal(parts.payload_digest, digest);
	kit_warc_free(&w);

	/* Another payload, one that is cut, and one that is empty are answers. */
	x = kit_exchange();
	x.original = &o;
	x.cut = WARC_CUT_LENGTH;
	pack(&x, &w, &parts);
	assert_int_equal(parts.revisit, WARC_NO_REVISIT);
	assert_slice(kit_field(&w.records[0], "WARC-Type"), "response");
	assert_slice(kit_field(&w.records[0], "WARC-Truncated"), "length");
	kit_warc_free(&w);
	x.cut = WARC_CUT_NONE;
	x.body = SLICE_LIT("something else");
	pack(&x, &w, &parts);
	assert_int_equal(parts.revisit, WARC_NO_REVISIT);
	kit_warc_free(&w);
	x.body = (struct slice){0};
	warc_payload_digest(packer, x.body, digest);
	pack(&x, &w, &parts);
	assert_int_equal(parts.revisit, WARC_NO_REVISIT);
	kit_warc_free(&w);
}

/* As the store thread does, of records that are packed already. */
static void
a_packed_response_becomes_a_revisit(void **state)
{
	static const enum warc_coding codings[] = {WARC_GZIP, WARC_ZSTD, WARC_PLAIN};
	const struct warc_original o = {
	    .id = SLICE_LIT("urn:uuid:00000000-0000-4000-8000-000000000001"),
	    .uri = SLICE_LIT("http://was.test/"),
	    .wall_us = 1000000,
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct warc_exchange x = kit_exchange();
		char id[WARC_ID_MAX], wanted[WARC_ID_MAX];
		struct warc_parts parts;
		struct buf was, made;
		uint64_t at[4];

		buf_init(&was, 1 << 20);
		buf_init(&made, 1 << 20);
		warc_packer_code(packer, codings[i]);
		assert_int_equal(warc_pack(packer, &x, &was, &parts), 0);
		warc_id(x.record_id, wanted);
		assert_int_equal(
		    warc_response_id(codings[i], buf_slice(&was), parts.at, parts.n, id),
		    0);
		assert_string_equal(id, wanted);
		assert_int_equal(warc_make_revisit(packer, codings[i], buf_slice(&was),
				     parts.at, parts.n, &o, x.wall_us, &made, at),
		    0);
		assert_true(warc_are_members(codings[i], buf_slice(&made), at, parts.n));
		/* What follows the response is as it was. */
		assert_true(slice_eq(slice_from(buf_slice(&made), at[1]),
		    slice_from(buf_slice(&was), parts.at[1])));
		if (codings[i] == WARC_GZIP) {
			struct kit_warc w;

			kit_warc_read(buf_slice(&made), &w);
			expect_revisit(&w.records[0], "http://netpreserve.org/warc/1.1/"
						      "revisit/identical-payload-digest");
			assert_true(slice_starts(
			    slice_from(kit_field(&w.records[0], "WARC-Record-ID"), 1),
			    slice_cstr(wanted)));
			assert_int_equal(kit_payload(w.records[0].block).len, 0);
			kit_warc_free(&w);
		}
		/* What is cut is no original, and no revisit. */
		buf_clear(&was);
		x.cut = WARC_CUT_TIME;
		assert_int_equal(warc_pack(packer, &x, &was, &parts), 0);
		assert_int_equal(
		    warc_response_id(codings[i], buf_slice(&was), parts.at, parts.n, id),
		    -EBADMSG);
		buf_release(&made);
		buf_release(&was);
	}
	warc_packer_code(packer, WARC_GZIP);
}

static void
records_are_moved_to_another_file(void **state)
{
	static const enum warc_coding codings[] = {WARC_GZIP, WARC_ZSTD, WARC_PLAIN};
	const struct slice ids[2] = {
	    SLICE_LIT("urn:uuid:00000000-0000-4000-8000-000000000001"),
	    SLICE_LIT("urn:uuid:00000000-0000-4000-8000-000000000002")};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct warc_exchange x = kit_exchange();
		struct buf large, was, wanted, moved;
		struct warc_parts parts, wanted_parts;
		uint64_t at[4];

		buf_init(&large, 16 << 20);
		buf_init(&was, 64 << 20);
		buf_init(&wanted, 64 << 20);
		buf_init(&moved, 64 << 20);
		for (uint32_t k = 0; large.len < 6 << 20; k++)
			assert_int_equal(buf_printf(&large, "%u ", k * k), 0);
		x.body = buf_slice(&large); /* a streamed one: byte for byte the same */
		warc_packer_code(packer, codings[i]);
		x.warcinfo_id = ids[0];
		assert_int_equal(warc_pack(packer, &x, &was, &parts), 0);
		x.warcinfo_id = ids[1];
		assert_int_equal(warc_pack(packer, &x, &wanted, &wanted_parts), 0);
		assert_int_equal(warc_move(packer, buf_slice(&was), parts.at, parts.n,
				     ids, &moved, at),
		    0);
		assert_int_equal(at[0], 0);
		assert_true(warc_are_members(codings[i], buf_slice(&moved), at, parts.n));
		if (codings[i] == WARC_GZIP) {
			struct kit_warc w;

			kit_warc_read(buf_slice(&moved), &w);
			assert_int_equal(w.n, 3);
			for (size_t k = 0; k < w.n; k++) {
				assert_true(w.records[k].offset == at[k]);
				assert_slice(kit_field(&w.records[k], "WARC-Warcinfo-ID"),
				    "<urn:uuid:00000000-0000-4000-8000-000000000002>");
			}
			assert_true(slice_eq(kit_payload(w.records[0].block), x.body));
			kit_warc_free(&w);
		} else if (codings[i] == WARC_PLAIN)
			assert_true(slice_eq(buf_slice(&moved), buf_slice(&wanted)));
		/* What names another warcinfo is none of those. */
		buf_clear(&moved);
		assert_int_equal(warc_move(packer, buf_slice(&wanted), wanted_parts.at,
				     wanted_parts.n, ids, &moved, at),
		    -EBADMSG);
		assert_int_equal(moved.len, 0);
		if (codings[i] != WARC_PLAIN)
			assert_int_equal(
			    warc_move(packer, slice_head(buf_slice(&was), 200), parts.at,
				1, ids, &moved, at),
			    -EBADMSG);
		buf_release(&moved);
		buf_release(&wanted);
		buf_release(&was);
		buf_release(&large);
	}
	warc_packer_code(packer, WARC_GZIP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_exchange_becomes_response_request_and_metadata),
	    cmocka_unit_test(the_payload_digest_is_told_and_is_that_of_the_body),
	    cmocka_unit_test(a_seed_without_a_known_request_gives_two_records),
	    cmocka_unit_test(what_cut_the_body_is_told),
	    cmocka_unit_test(heads_are_kept_but_for_what_would_mislead),
	    cmocka_unit_test(nothing_from_the_net_ends_a_line_of_the_header),
	    cmocka_unit_test(outlinks_are_told_up_to_a_bound),
	    cmocka_unit_test(records_are_moved_to_another_file),
	    cmocka_unit_test(what_was_archived_before_is_a_revisit),
	    cmocka_unit_test(a_packed_response_becomes_a_revisit),
	    cmocka_unit_test(bodies_of_any_size_come_back),
	    cmocka_unit_test(what_does_not_fit_leaves_the_output_as_it_was),
	    cmocka_unit_test(a_tight_output_takes_what_just_fits),
	    cmocka_unit_test(an_exchange_without_url_or_answer_is_refused),
	    cmocka_unit_test(the_same_input_gives_the_same_bytes),
	    cmocka_unit_test(fields_of_warcinfo_are_one_line_each),
	};

	return cmocka_run_group_tests_name(
	    "sink/warc_record", tests, packer_up, packer_down);
}
