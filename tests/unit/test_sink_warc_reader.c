#include "sink/warc_body.h"
#include "sink/warc_reader.h"
#include "sink/warc_verify.h"
#include "sink/warc_writer.h"
#include "suite.h"
#include "test_sink_kit.h"
#include <inttypes.h>
#include <zstd.h>

#define INFO                                                                             \
	"WARC/1.1\r\nWARC-Type: warcinfo\r\nWARC-Record-ID: <urn:x:info>\r\n"            \
	"WARC-Date: 2026-01-31T12:00:00Z\r\nContent-Type: application/warc-fields\r\n"   \
	"Content-Length: 15\r\n\r\nsoftware: none\n\r\n\r\n"
#define HEAD(type, id, length, more)                                                     \
	"WARC/1.1\r\nWARC-Type: " type "\r\nWARC-Record-ID: <urn:x:" id ">\r\n"          \
	"WARC-Date: 2026-01-31T12:00:00Z\r\nWARC-Target-URI: http://a.test/" id "\r\n"   \
	"Content-Type: application/http;msgtype=" type "\r\n" more                       \
	"Content-Length: " length "\r\n\r\n"
#define ANSWER              "HTTP/1.1 200 OK\r\nContent-Type: Text/Plain\r\n\r\nhello"
#define RESPONSE            HEAD("response", "one", "50", "") ANSWER "\r\n\r\n"
#define RESPONSE_WITH(more) HEAD("response", "one", "50", more) ANSWER "\r\n\r\n"
#define HELLO_SHA1          "VL2MMHO4YXUKFWV63YHTWSBM3GXKSQ2N"

struct told {
	unsigned faults, notes;
	uint64_t offset; /* of the last */
	char text[512];
};

static void
on_fault(void *ctx, const struct warc_fault *f)
{
	struct told *t = ctx;

	if (f->note)
		t->notes++;
	else
		t->faults++;
	t->offset = f->offset;
	(void)snprintf(t->text, sizeof(t->text), "%s", f->text);
}

/* A line "OFFSET LENGTH TYPE STATUS URI" for each record. */
static char *
read_all(const char *path, struct told *told)
{
	const struct warc_watch watch = {on_fault, told};
	char store[80];
	struct warc_body body;
	struct warc_reader *r;
	struct warc_rec rec;
	struct buf out;
	struct why why;
	int n;

	*told = (struct told){0};
	buf_init(&out, 1 << 20);
	warc_body_init(&body);
	assert_int_equal(warc_reader_open(path, &watch, &r, &why), 0);
	while ((n = warc_reader_next(r, &rec, &why)) > 0) {
		struct slice piece, payload;

		warc_body_begin(&body, &rec);
		while ((n = warc_reader_block(r, &piece, &why)) > 0)
			assert_int_equal(warc_body_feed(&body, piece, &payload), 0);
		assert_int_equal(n, 0);
		assert_int_equal(warc_reader_end(r, &rec, &why), 0);
		(void)warc_body_mime(&body, &rec, store);
		assert_int_equal(
		    buf_printf(&out,
			"%" PRIu64 " %" PRIu64 " " SLICE_FMT " %u %s " SLICE_FMT "\n",
			rec.offset, rec.length, SLICE_ARG(rec.type),
			warc_body_status(&body), store, SLICE_ARG(rec.uri)),
		    0);
	}
	assert_int_equal(n, 0);
	warc_reader_close(r);
	warc_body_release(&body);
	assert_non_null(buf_cstr(&out));
	return out.ptr;
}

/* A file of its own in a directory of its own. */
struct file {
	char dir[KIT_PATH_MAX], path[KIT_PATH_MAX + 16];
};

static void
file_make(struct file *f, struct slice bytes)
{
	kit_scratch(f->dir);
	kit_write(f->dir, "x.warc", bytes);
	(void)snprintf(f->path, sizeof(f->path), "%s/x.warc", f->dir);
}

static void
file_remove(struct file *f)
{
	kit_remove(f->dir);
}

static void
assert_reads(struct slice bytes, const char *want, unsigned faults, const char *fault)
{
	struct told told;
	struct file f;
	char *have;

	file_make(&f, bytes);
	have = read_all(f.path, &told);
	file_remove(&f);
	if (told.faults != faults || strcmp(have, want) != 0 ||
	    (fault != NULL && strstr(told.text, fault) == NULL))
		fail_msg("%u faults, last: %s\n%s", told.faults, told.text, have);
	free(have);
}

/* Each of `n` texts a member. */
static void
pack(enum warc_coding coding, const char *const *texts, size_t n, struct buf *out)
{
	struct warc_writer *w;
	char *bytes = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&bytes, &len);

	assert_non_null(f);
	assert_int_equal(warc_writer_new(coding, f, &w), 0);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(warc_writer_add(w, slice_cstr(texts[i])), 0);
		assert_int_equal(warc_writer_end(w), 0);
	}
	warc_writer_free(w);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(buf_add(out, bytes, len), 0);
	free(bytes);
}

#define ALL INFO RESPONSE HEAD("request", "two", "0", "") "\r\n\r\n"

static void
records_of_a_plain_file_are_told_with_place_and_length(void **state)
{
	(void)state;
	assert_reads(SLICE_LIT(ALL),
	    "0 174 warcinfo 0 application/warc-fields \n"
	    "174 254 response 200 text/plain http://a.test/one\n"
	    "428 201 request 0  http://a.test/two\n",
	    0, NULL);
	assert_reads(SLICE_LIT(""), "", 0, NULL);
}

static void
members_of_gzip_and_zstd_are_records(void **state)
{
	static const char *const texts[] = {INFO, RESPONSE};
	const enum warc_coding codings[] = {WARC_GZIP, WARC_ZSTD};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char want[256];
		struct buf b, first;

		buf_init(&b, 1 << 20);
		buf_init(&first, 1 << 20);
		pack(codings[i], texts, 2, &b);
		pack(codings[i], texts, 1, &first);
		(void)snprintf(want, sizeof(want),
		    "0 %zu warcinfo 0 application/warc-fields \n"
		    "%zu %zu response 200 text/plain http://a.test/one\n",
		    first.len, first.len, b.len - first.len);
		assert_reads(buf_slice(&b), want, 0, NULL);
		buf_release(&first);
		buf_release(&b);
	}
}

static void
records_that_share_a_member_are_read_and_told(void **state)
{
	static const char *const texts[] = {ALL};
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	pack(WARC_GZIP, texts, 1, &b);
	assert_reads(buf_slice(&b),
	    "0 0 warcinfo 0 application/warc-fields \n"
	    "0 0 response 200 text/plain http://a.test/one\n"
	    "0 0 request 0  http://a.test/two\n",
	    1, "not the first record of its compressed member");
	buf_release(&b);
}

static void
a_zstd_dictionary_in_front_is_used(void **state)
{
	/* Raw content is a dictionary too; only the magic of trained ones is missing. */
	static const char dictionary[] = INFO RESPONSE;
	ZSTD_CCtx *c = ZSTD_createCCtx();
	unsigned char head[8] = {
	    0x5d, 0x2a, 0x4d, 0x18, sizeof(dictionary) & 0xff, sizeof(dictionary) >> 8};
	char packed[2048];
	struct buf b;
	size_t n;

	(void)state;
	buf_init(&b, 1 << 20);
	assert_int_equal(buf_add(&b, head, 8), 0);
	assert_int_equal(buf_add(&b, dictionary, sizeof(dictionary)), 0);
	n = ZSTD_compress_usingDict(c, packed, sizeof(packed), RESPONSE,
	    sizeof(RESPONSE) - 1, dictionary, sizeof(dictionary), 3);
	assert_true(n < 60); /* so it was of use */
	assert_int_equal(buf_add(&b, packed, n), 0);
	(void)snprintf(packed, sizeof(packed),
	    "%zu %zu response 200 text/plain http://a.test/one\n", b.len - n, n);
	assert_reads(buf_slice(&b), packed, 0, NULL);
	buf_release(&b);
	(void)ZSTD_freeCCtx(c);
}

static void
reading_goes_on_behind_what_is_damaged(void **state)
{
	static const char *const texts[] = {INFO, RESPONSE, RESPONSE};
	struct told told;
	struct file f;
	struct buf b, two;
	char *have, want[128];

	(void)state;
	buf_init(&b, 1 << 20);
	buf_init(&two, 1 << 20);
	pack(WARC_GZIP, texts, 3, &b);
	pack(WARC_GZIP, texts, 2, &two);
	memset(b.ptr + two.len - 100, 'x', 60);
	file_make(&f, buf_slice(&b));
	have = read_all(f.path, &told);
	file_remove(&f);
	(void)snprintf(
	    want, sizeof(want), "\n%zu %zu response 200", two.len, b.len - two.len);
	assert_non_null(strstr(have, want));
	assert_true(told.faults >= 1);
	free(have);
	/* A length that is not right, in a plain file. */
	assert_reads(
	    SLICE_LIT(HEAD("response", "x", "49", "") ANSWER "\r\n\r\n" RESPONSE),
	    "0 0 response 200 text/plain http://a.test/x\n"
	    "250 254 response 200 text/plain http://a.test/one\n",
	    1, "does not end where its Content-Length says");
	buf_release(&two);
	buf_release(&b);
}

static void
each_kind_of_bad_end_is_told(void **state)
{
	static const char *const texts[] = {INFO, RESPONSE};
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	pack(WARC_GZIP, texts, 1, &b);
	assert_int_equal(buf_add(&b, "\0\0\0\0", 4), 0);
	{
		char want[100];

		(void)snprintf(want, sizeof(want),
		    "0 %zu warcinfo 0 application/warc-fields \n", b.len - 4);
		assert_reads(buf_slice(&b), want, 1, "is no sound gzip data");
	}
	buf_clear(&b);
	pack(WARC_GZIP, texts, 2, &b);
	b.len -= 5;
	{
		struct told told;
		struct file f;

		file_make(&f, buf_slice(&b));
		free(read_all(f.path, &told));
		assert_true(told.faults >= 1);
		file_remove(&f);
	}
	assert_reads(SLICE_LIT(INFO "WARC/1.1\r\nWARC-Type: res"),
	    "0 174 warcinfo 0 application/warc-fields \n", 1,
	    "ends within the record's head");
	assert_reads(SLICE_LIT(INFO "<html>"),
	    "0 174 warcinfo 0 application/warc-fields \n", 1, "no record begins here");
	buf_release(&b);
}

/* -- verify -- */

static void
verify(const char *bytes, struct told *told, struct warc_counts *n)
{
	const struct warc_watch watch = {on_fault, told};
	struct warc_verify *v;
	struct file f;
	struct why why;

	*told = (struct told){0};
	file_make(&f, slice_cstr(bytes));
	assert_int_equal(warc_verify_new(f.dir, &watch, &v), 0);
	assert_int_equal(warc_verify_file(v, f.path, &why), 0);
	assert_int_equal(warc_verify_end(v, n, &why), 0);
	warc_verify_free(v);
	file_remove(&f);
}

static void
a_sound_archive_has_no_faults(void **state)
{
	struct warc_counts n;
	struct told told;

	(void)state;
	verify(INFO RESPONSE_WITH("WARC-Payload-Digest: sha1:" HELLO_SHA1
				  "\r\nWARC-Warcinfo-ID: <urn:x:info>\r\n")
		   HEAD("request", "two", "0",
		       "WARC-Concurrent-To: <urn:x:one>\r\n") "\r\n\r\n",
	    &told, &n);
	if (n.faults + n.notes > 0)
		fail_msg("%s", told.text);
	assert_int_equal(n.records, 3);
	assert_int_equal(n.payloads, 1);
}

static void
a_payload_digest_may_be_in_any_algorithm_and_of_what_the_chunks_are(void **state)
{
	static const char *const digests[] = {
	    "sha1:" HELLO_SHA1,
	    "sha1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d",
	    "sha-256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
	    "md5:5d41402abc4b2a76b9719d911017c592",
	    "sha1:qvTGHdzF6KLavt4PO0gs2a6pQ00=",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
		struct warc_counts n;
		struct told told;
		char text[2048];

		(void)snprintf(text, sizeof(text),
		    INFO HEAD("response", "one", "71",
			"WARC-Payload-Digest: %s\r\n") "HTTP/1.1 200 "
						       "OK\r\nTransfer-Encoding: "
						       "chunked\r\n\r\n"
						       "2\r\nhe\r\n3;x="
						       "y\r\nllo\r\n0\r\n\r\n\r\n\r\n",
		    digests[i]);
		verify(text, &told, &n);
		if (n.faults > 0 || n.payloads != 1)
			fail_msg("%s: %s", digests[i], told.text);
	}
}

static const struct {
	const char *text, *fault;
} wrong[] = {
    {INFO RESPONSE_WITH("WARC-Payload-Digest: sha1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n"),
	"its payload has the digest sha1:" HELLO_SHA1},
    {INFO RESPONSE_WITH("WARC-Block-Digest: sha1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n"),
	"its block has the digest sha1:"},
    {INFO RESPONSE RESPONSE, "has the WARC-Record-ID of another record"},
    {INFO RESPONSE_WITH("WARC-Warcinfo-ID: <urn:x:none>\r\n"),
	"has a WARC-Warcinfo-ID that is no record"},
    {INFO HEAD("request", "r", "0", "WARC-Concurrent-To: <urn:x:none>\r\n") "\r\n\r\n",
	"has a WARC-Concurrent-To that is no record"},
    {INFO RESPONSE HEAD(
	 "metadata", "m", "0", "WARC-Warcinfo-ID: <urn:x:one>\r\n") "\r\n\r\n",
	"names a record of another type"},
    {INFO RESPONSE_WITH("WARC-Payload-Digest: sha1:" HELLO_SHA1 "\r\n") HEAD("revisit",
	 "v", "0",
	 "WARC-Profile: x\r\nWARC-Refers-To: <urn:x:one>\r\n"
	 "WARC-Payload-Digest: sha1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n") "\r\n\r\n",
	"is a revisit of a record with another payload digest"},
    {INFO HEAD("revisit", "v", "0", "") "\r\n\r\n", "a revisit without WARC-Profile"},
    {INFO RESPONSE_WITH("WARC-Date: 2026-01-31T12:00:00Z\r\n"),
	"has WARC-Date more than once"},
    {INFO "WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:x:1>\r\n"
	  "WARC-Date: yesterday\r\nWARC-Target-URI: http://a.test/\r\n"
	  "Content-Length: 0\r\n\r\n\r\n\r\n",
	"has a WARC-Date that is none"},
    {INFO "WARC/1.1\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:x:1>\r\n"
	  "WARC-Date: 2026-01-31T12:00:00Z\r\nContent-Length: 0\r\n\r\n\r\n\r\n",
	"has no WARC-Target-URI"},
    {INFO HEAD("response", "one", "7", "") "HTP/1\r\n\r\n\r\n",
	"does not begin with a status line"},
};

static void
each_fault_is_told_in_a_sentence(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct warc_counts n;
		struct told told;

		verify(wrong[i].text, &told, &n);
		if (n.faults != 1 || strstr(told.text, wrong[i].fault) == NULL)
			fail_msg("%zu: wanted '%s': %" PRIu64 " faults, '%s'", i,
			    wrong[i].fault, n.faults, told.text);
	}
}

/* -- The suite: what another implementation reports of the same files. -- */

/* The list it gives, as far as read_all() gives it too. */
static bool
list_agrees(json_t *row, const char *have)
{
	json_t *records = json_object_get(row, "records"), *rec;
	struct slice rest = slice_cstr(have), line, word[5];
	size_t i;

	json_array_foreach(records, i, rec)
	{
		const char *status =
		    json_string_value(json_object_get(rec, "http:status"));

		if (!slice_cut(&rest, '\n', &line))
			return false;
		for (size_t k = 0; k < 5; k++)
			if (!slice_cut(&line, ' ', &word[k]))
				return false;
		if (!slice_eq(word[0], suite_text(rec, "offset")) ||
		    !slice_eq(word[2], suite_text(rec, "warc-type")) ||
		    !slice_eq(word[3], slice_cstr(status == NULL ? "0" : status)) ||
		    (!slice_starts(line, SLICE_LIT("filedesc:")) &&
			!slice_eq(line, suite_text(rec, "warc-target-uri"))))
			return false;
	}
	return rest.len == 0;
}

static bool
row_agrees(json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "file"));
	json_t *rc = json_object_get(row, "warcio_py_check_rc");
	const struct warc_watch watch = {0};
	struct warc_counts n;
	struct warc_verify *v;
	struct told told;
	struct slice bytes;
	struct file f;
	struct why why;
	char path[512], *have;
	bool same;

	(void)snprintf(path, sizeof(path), "warc/%s", strchr(name, '/') + 1);
	bytes.ptr = suite_read(path, &bytes.len);
	assert_non_null(bytes.ptr);
	file_make(&f, bytes);
	kit_free(bytes);
	have = read_all(f.path, &told);
	same = list_agrees(row, have);
	free(have);
	assert_int_equal(warc_verify_new(f.dir, &watch, &v), 0);
	assert_int_equal(warc_verify_file(v, f.path, &why), 0);
	assert_int_equal(warc_verify_end(v, &n, &why), 0);
	warc_verify_free(v);
	file_remove(&f);
	return same && (n.faults > 0) == (json_integer_value(rc) != 0);
}

static void
lists_and_verdicts_are_those_of_another_implementation(void **state)
{
	struct suite s;
	json_t *row;

	(void)state;
	if (!suite_open(&s, "warc/expected.jsonl"))
		skip();
	while ((row = suite_next(&s)) != NULL)
		suite_case(&s, row_agrees(row));
	assert_int_equal(suite_close(&s), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records_of_a_plain_file_are_told_with_place_and_length),
	    cmocka_unit_test(members_of_gzip_and_zstd_are_records),
	    cmocka_unit_test(records_that_share_a_member_are_read_and_told),
	    cmocka_unit_test(a_zstd_dictionary_in_front_is_used),
	    cmocka_unit_test(reading_goes_on_behind_what_is_damaged),
	    cmocka_unit_test(each_kind_of_bad_end_is_told),
	    cmocka_unit_test(a_sound_archive_has_no_faults),
	    cmocka_unit_test(
		a_payload_digest_may_be_in_any_algorithm_and_of_what_the_chunks_are),
	    cmocka_unit_test(each_fault_is_told_in_a_sentence),
	    cmocka_unit_test(lists_and_verdicts_are_those_of_another_implementation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
