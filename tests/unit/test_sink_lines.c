#include "sink/csv.h"
#include "sink/lines.h"
#include "test_sink_kit.h"
#include "web/coding.h"
#include "web/select.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static void
open_new(struct kit_env *e, const char *type)
{
	assert_int_equal(sink_open(type, &e->conf, (struct slice){0}, &e->s, &e->why), 0);
}

/* What is in the file now, heap. */
static struct slice
flushed(struct kit_env *e, const char *name)
{
	assert_int_equal(sink_flush(e->s, &e->why), 0);
	return kit_file(e->dir, name);
}

static struct sink_event
page(void)
{
	return (struct sink_event){
	    .kind = SINK_FETCH,
	    .outcome = OUTCOME_REDIRECT,
	    .link = LINK_META_REFRESH,
	    .response = true,
	    .final = true,
	    .status = 301,
	    .depth = 3,
	    .attempts = 1,
	    .began_wall_us = INT64_C(1769860800123456),
	    .dns_ms = 1,
	    .connect_ms = 2,
	    .tls_ms = 3,
	    .first_byte_ms = 4,
	    .total_ms = 1005,
	    .wire_bytes = 700,
	    .body_bytes = 600,
	    .links = 8,
	    .url = SLICE_LIT("https://a.test/x"),
	    .via = SLICE_LIT("https://a.test/"),
	    .hops = SLICE_LIT("LLR"),
	    .mime = SLICE_LIT("text/html"),
	    .charset = SLICE_LIT("utf-8"),
	    .title = SLICE_LIT("A \"title\""),
	    .canonical = SLICE_LIT("https://a.test/y"),
	    .lang = SLICE_LIT("de"),
	    .description = SLICE_LIT("About"),
	    .coding = "truncated",
	    .has_simhash = true,
	    .simhash = UINT64_C(0x00ab54a98ceb1f0a),
	    .robots = {PAGE_ROBOTS_NOINDEX | PAGE_ROBOTS_NOARCHIVE, true, 1277506800},
	    .digest = SLICE_LIT("sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ"),
	    .redirect_to = SLICE_LIT("https://a.test/z"),
	    .protocol = SLICE_LIT("h2"),
	    .ip = SLICE_LIT("2001:db8::1"),
	    .detail = SLICE_LIT("a rule"),
	    .warc_file = SLICE_LIT("trawl-demo.warc.gz"),
	    .warc_offset = UINT64_C(5000000000),
	    .warc_length = 321,
	};
}

/* -- pages.jsonl -- */

static void
a_page_is_an_object_with_all_that_is_known(void **state)
{
	struct kit_env *e = *state;
	struct sink_event ev = page();
	struct slice s;

	open_new(e, "jsonl");
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	s = flushed(e, "pages.jsonl");
	assert_slice(s,
	    "{\"v\":1,\"url\":\"https://a.test/"
	    "x\",\"outcome\":\"redirect\",\"status\":301,"
	    "\"via\":\"https://a.test/\",\"hops\":\"LLR\",\"depth\":3,"
	    "\"kind\":\"meta-refresh\",\"mime\":\"text/html\",\"charset\":\"utf-8\","
	    "\"bytes_wire\":700,\"bytes_body\":600,"
	    "\"coding\":\"truncated\",\"digest\":\"sha1:"
	    "3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ\","
	    "\"title\":\"A \\\"title\\\"\",\"canonical\":\"https://a.test/y\","
	    "\"lang\":\"de\",\"description\":\"About\","
	    "\"robots\":[\"noindex\",\"noarchive\"],"
	    "\"unavailable_after\":\"2010-06-25T23:00:00Z\","
	    "\"simhash\":\"00ab54a98ceb1f0a\","
	    "\"links\":8,\"fetched_at\":\"2026-01-31T12:00:00.123Z\","
	    "\"ms\":{\"dns\":1,\"connect\":2,\"tls\":3,\"first_byte\":4,\"total\":1005},"
	    "\"ip\":\"2001:db8::1\",\"protocol\":\"h2\","
	    "\"redirect_to\":\"https://a.test/z\","
	    "\"warc\":{\"file\":\"trawl-demo.warc.gz\",\"offset\":5000000000,"
	    "\"length\":321}}\n");
	kit_free(s);
}

static void
what_is_absent_is_absent(void **state)
{
	struct kit_env *e = *state;
	struct sink_event ev = {.kind = SINK_FETCH,
	    .outcome = OUTCOME_OK,
	    .response = true,
	    .final = true,
	    .status = 200,
	    .url = SLICE_LIT("http://a.test/")};
	struct slice s;

	open_new(e, "jsonl");
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	s = flushed(e, "pages.jsonl");
	assert_slice(s,
	    "{\"v\":1,\"url\":\"http://a.test/"
	    "\",\"outcome\":\"ok\",\"status\":200,\"depth\":0,"
	    "\"kind\":\"seed\",\"bytes_wire\":0,\"bytes_body\":0,\"links\":0,"
	    "\"fetched_at\":\"1970-01-01T00:00:00.000Z\","
	    "\"ms\":{\"dns\":0,\"connect\":0,\"tls\":0,\"first_byte\":0,\"total\":0}}\n");
	kit_free(s);
}

static void
only_pages_are_told(void **state)
{
	struct kit_env *e = *state;
	struct sink_event rejected = page(), failed = page(), again = page(),
			  robots = page();
	struct slice s;

	rejected.kind = SINK_REJECT;
	failed.response = false;
	again.final = false;
	robots.internal = true;
	open_new(e, "jsonl");
	assert_int_equal(sink_put(e->s, &rejected, &e->why), 0);
	assert_int_equal(sink_put(e->s, &failed, &e->why), 0);
	assert_int_equal(sink_put(e->s, &again, &e->why), 0);
	assert_int_equal(sink_put(e->s, &robots, &e->why), 0);
	s = flushed(e, "pages.jsonl");
	assert_int_equal(s.len, 0);
	kit_free(s);
}

/* All 256 bytes, at any place of a text; and texts without measure. */
static void
hostile_texts_stay_valid_json_lines(void **state)
{
	struct kit_env *e = *state;
	char bytes[512], *huge = malloc(100000);
	struct slice s, rest, line = {0};
	struct sink_event ev;
	size_t n = 0;

	assert_non_null(huge);
	memset(huge, 1, 100000);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7);
	open_new(e, "jsonl");
	for (size_t i = 0; i < 256; i++) {
		ev = page();
		ev.title = slice_of(bytes + i, 256);
		ev.url = slice_of(bytes + i, 17);
		ev.mime = slice_of(bytes + 256 - i, 5);
		assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	}
	ev = page();
	ev.url = ev.via = ev.hops = ev.mime = ev.charset = ev.title = ev.canonical =
	    ev.lang = ev.digest = ev.redirect_to = ev.protocol = ev.ip =
		slice_of(huge, 100000);
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	s = flushed(e, "pages.jsonl");
	rest = s;
	while (rest.len > 0 && slice_cut(&rest, '\n', &line)) {
		json_error_t err;
		json_t *j = json_loadb(line.ptr, line.len, JSON_ALLOW_NUL, &err);

		assert_non_null(j);
		assert_true(json_string_length(json_object_get(j, "title")) > 100);
		json_decref(j);
		n++;
	}
	assert_int_equal(n, 257);
	kit_free(s);
	free(huge);
}

static void
long_texts_are_not_cut_within_a_character(void **state)
{
	struct kit_env *e = *state;
	char text[9000];
	struct slice s;

	open_new(e, "jsonl");
	for (size_t lead = 0; lead < 3; lead++) {
		struct sink_event ev = page();

		memset(text, 'x', lead);
		for (size_t i = lead; i + 3 <= sizeof(text); i += 3)
			memcpy(text + i, "\xe2\x82\xac", 3);
		ev.title = slice_of(text, sizeof(text) - 3);
		assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	}
	s = flushed(e, "pages.jsonl");
	/* half a sequence would have become U+FFFD */
	assert_null(memmem(s.ptr, s.len, "\xef\xbf\xbd", 3));
	assert_true(s.len > 3 * 8190);
	assert_true(s.len < 3 * 8992);
	kit_free(s);
}

static void
a_field_not_found_is_absent(void **state)
{
	const struct slice specs[] = {SLICE_LIT("title=h1"), SLICE_LIT("links[]=a"),
	    SLICE_LIT("none=i"), SLICE_LIT("empty[]=b"), SLICE_LIT("last=u")};
	/* A field of one value that has two, and a field that nobody asked for. */
	const struct select_value values[] = {{0, SLICE_LIT("\"A\"")},
	    {0, SLICE_LIT("no")}, {1, SLICE_LIT("x")}, {1, SLICE_LIT("")},
	    {4, SLICE_LIT("z")}, {9, SLICE_LIT("no")}};
	struct kit_env *e = *state;
	struct sink_event ev = page();
	struct select *select;
	struct buf blob, bytes;
	struct slice s;

	buf_init(&blob, SELECT_BLOB_MAX);
	buf_init(&bytes, 4096);
	assert_int_equal(select_compile(specs, 5, &blob, NULL), 0);
	assert_int_equal(select_new(buf_slice(&blob), &select), 0);
	assert_int_equal(select_values_encode(values, 6, &bytes), 0);
	open_new(e, "jsonl");
	ev.select = select;
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	s = flushed(e, "pages.jsonl");
	assert_null(memmem(s.ptr, s.len, "fields", 6)); /* nobody looked */
	kit_free(s);
	ev.fields = buf_slice(&bytes);
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	s = flushed(e, "pages.jsonl");
	assert_non_null(strstr(s.ptr, ",\"fields\":{\"title\":\"\\\"A\\\"\",\"links\":["
				      "\"x\",\"\"],\"empty\":[],\"last\":\"z\"},"));
	kit_free(s);
	select_free(select);
	buf_release(&blob);
	buf_release(&bytes);
}

static void
fields_of_the_largest_page_make_a_line(void **state)
{
	const struct slice spec = SLICE_LIT("x[]=p");
	const size_t each = SELECT_PAGE_BYTES_MAX / SELECT_VALUES_MAX;
	struct kit_env *e = *state;
	struct sink_event ev = page();
	struct select_value *values = calloc(SELECT_VALUES_MAX, sizeof(*values));
	char *text = malloc(each), *main_text = malloc(SINK_TEXT_BYTES_MAX + 1);
	struct select *select;
	struct buf blob, bytes;
	struct slice s;

	assert_non_null(values);
	assert_non_null(main_text);
	assert_non_null(text);
	memset(text, '\x01', each);
	for (size_t i = 0; i < SELECT_VALUES_MAX; i++)
		values[i].text = slice_of(text, each);
	buf_init(&blob, SELECT_BLOB_MAX);
	buf_init(&bytes, 1 << 20);
	assert_int_equal(select_compile(&spec, 1, &blob, NULL), 0);
	assert_int_equal(select_new(buf_slice(&blob), &select), 0);
	assert_int_equal(select_values_encode(values, SELECT_VALUES_MAX, &bytes), 0);
	assert_true(select_values_check(buf_slice(&bytes)));
	ev.select = select;
	ev.fields = buf_slice(&bytes);
	memset(main_text, '\x02', SINK_TEXT_BYTES_MAX + 1);
	ev.text = slice_of(main_text, SINK_TEXT_BYTES_MAX + 1);
	open_new(e, "jsonl");
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	s = flushed(e, "pages.jsonl");
	assert_true(s.len > 6 * (each * SELECT_VALUES_MAX + SINK_TEXT_BYTES_MAX));
	assert_true(s.len < 6 * (each * SELECT_VALUES_MAX + SINK_TEXT_BYTES_MAX) + 9000);
	kit_free(s);
	free(main_text);
	select_free(select);
	buf_release(&blob);
	buf_release(&bytes);
	free(values);
	free(text);
}

/* The words that the schema has for a member, in any order, and how many. */
static size_t
schema_words(const json_t *schema, const char *member)
{
	const json_t *m = json_object_get(json_object_get(schema, "properties"), member);
	const json_t *items = json_object_get(m, "items");

	return json_array_size(json_object_get(items == NULL ? m : items, "enum"));
}

static bool
schema_has_word(const json_t *schema, const char *member, const char *word)
{
	const json_t *m = json_object_get(json_object_get(schema, "properties"), member);
	const json_t *items = json_object_get(m, "items");
	const json_t *words = json_object_get(items == NULL ? m : items, "enum");

	for (size_t i = 0; i < json_array_size(words); i++)
		if (strcmp(json_string_value(json_array_get(words, i)), word) == 0)
			return true;
	return false;
}

static void
the_schema_has_the_words_of_the_tables(void **state)
{
	const char *srcdir = getenv("srcdir");
	char path[KIT_PATH_MAX];
	size_t outcomes = 0, kinds = 0;
	json_error_t err;
	json_t *schema;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/doc/pages.schema.json",
	    srcdir == NULL ? ".." : srcdir);
	schema = json_load_file(path, 0, &err);
	assert_non_null(schema);
	for (int o = 0; o < OUTCOME_MAX; o++) {
		bool is = outcome_class((enum outcome)o) == OUTCOME_CLASS_FETCHED;

		outcomes += is;
		assert_int_equal(
		    schema_has_word(schema, "outcome", outcome_name((enum outcome)o)),
		    is);
	}
	assert_int_equal(schema_words(schema, "outcome"), outcomes);
	for (int k = 0; k < LINK_KIND_MAX; k++) {
		const char *name = link_kind_name((enum link_kind)k);
		bool again = false;

		for (int before = 0; before < k; before++)
			again |=
			    strcmp(link_kind_name((enum link_kind)before), name) == 0;
		kinds += !again;
		assert_true(schema_has_word(schema, "kind", name));
	}
	assert_int_equal(schema_words(schema, "kind"), kinds);
	for (unsigned i = 0; i < PAGE_ROBOTS_MAX; i++)
		assert_true(schema_has_word(schema, "robots", page_robots_name(i)));
	assert_int_equal(schema_words(schema, "robots"), PAGE_ROBOTS_MAX);
	for (int c = CODING_OK + 1; c < CODING_STATUS_MAX; c++)
		assert_true(schema_has_word(
		    schema, "coding", coding_status_name((enum coding_status)c)));
	assert_int_equal(schema_words(schema, "coding"), CODING_STATUS_MAX - 1);
	json_decref(schema);
}

/* -- pages.csv -- */

static void
a_page_is_a_row_and_the_first_brings_the_header(void **state)
{
	const struct slice specs[] = {
	    SLICE_LIT("price=h1"), SLICE_LIT("links[]=a"), SLICE_LIT("none=i")};
	const struct select_value values[] = {
	    {0, SLICE_LIT("=1+1, \"x\"")}, {1, SLICE_LIT("a\nb")}, {1, SLICE_LIT("\"")}};
	struct kit_env *e = *state;
	struct sink_event ev = page(), again = page();
	struct select *select;
	struct buf blob, bytes;
	struct slice s;
	char mark[24];
	size_t whole;

	buf_init(&blob, SELECT_BLOB_MAX);
	buf_init(&bytes, 4096);
	assert_int_equal(select_compile(specs, 3, &blob, NULL), 0);
	assert_int_equal(select_new(buf_slice(&blob), &select), 0);
	assert_int_equal(select_values_encode(values, 3, &bytes), 0);
	e->conf.select = select;
	e->conf.csv_columns =
	    SLICE_LIT("status,title,fields.links,outcome,fields,ms_total");
	open_new(e, "csv");
	s = flushed(e, "pages.csv");
	assert_int_equal(s.len, 0);
	kit_free(s);
	ev.fields = buf_slice(&bytes);
	ev.title = SLICE_LIT("+two\r\nlines");
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	again.final = false;
	assert_int_equal(sink_put(e->s, &again, &e->why), 0);
	again.final = true;
	again.title = (struct slice){0};
	assert_int_equal(sink_put(e->s, &again, &e->why), 0);
	s = flushed(e, "pages.csv");
	assert_slice(s,
	    "status,title,\"links\",outcome,ms_total,\"price\",\"none\"\r\n"
	    "301,\"\\x2btwo\\x0d\\x0alines\",\"[\"\"a\\nb\"\",\"\"\\\"\"\"\"]\",redirect,"
	    "1005,\"\\x3d1+1, \"\"x\"\"\",\r\n"
	    "301,,,redirect,1005,,\r\n");
	/* One row less was committed. */
	whole = s.len;
	(void)snprintf(
	    mark, sizeof(mark), "%zu", whole - strlen("301,,,redirect,1005,,\r\n"));
	kit_free(s);
	/* It goes on behind what was committed, with the same columns only. */
	assert_int_equal(sink_close(e->s, false, &e->why), 0);
	e->s = NULL;
	assert_int_equal(sink_open("csv", &e->conf, slice_cstr(mark), &e->s, &e->why), 0);
	assert_int_equal(sink_put(e->s, &again, &e->why), 0);
	s = flushed(e, "pages.csv");
	assert_int_equal(s.len, whole);
	kit_free(s);
	assert_int_equal(sink_close(e->s, false, &e->why), 0);
	e->s = NULL;
	e->conf.csv_columns = SLICE_LIT("status,url");
	assert_int_equal(
	    sink_open("csv", &e->conf, slice_cstr(mark), &e->s, &e->why), -EINVAL);
	assert_non_null(strstr(e->why.text, "begun with other columns"));
	assert_null(e->s);
	select_free(select);
	buf_release(&blob);
	buf_release(&bytes);
}

static void
columns_are_not_blamed_for_a_header_that_cannot_be_read(void **state)
{
	struct kit_env *e = *state;
	struct sink_event ev = page();
	struct rlimit old, few;
	struct slice s;
	char mark[24];
	bool is_told = false;
	int r = -1, fd;

	open_new(e, "csv");
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	s = flushed(e, "pages.csv");
	(void)snprintf(mark, sizeof(mark), "%zu", s.len);
	kit_free(s);
	assert_int_equal(sink_close(e->s, false, &e->why), 0);
	e->s = NULL;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	fd = dup(STDERR_FILENO);
	assert_true(fd >= 0 && close(fd) == 0);
	for (few = old, few.rlim_cur = (rlim_t)fd; r < 0; few.rlim_cur++) {
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		r = sink_open("csv", &e->conf, slice_cstr(mark), &e->s, &e->why);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
		assert_true(r == 0 || r == -EMFILE);
		is_told |= r < 0 && strstr(e->why.text, "cannot read pages.csv") != NULL;
	}
	assert_true(is_told);
}

static void
a_field_that_is_called_like_a_column_has_its_whole_name_in_the_header(void **state)
{
	const struct slice specs[] = {SLICE_LIT("title=h1"), SLICE_LIT("kind=h2")};
	struct kit_env *e = *state;
	struct sink_event ev = page();
	struct select *select;
	struct buf blob;
	struct slice s;

	buf_init(&blob, SELECT_BLOB_MAX);
	assert_int_equal(select_compile(specs, 2, &blob, NULL), 0);
	assert_int_equal(select_new(buf_slice(&blob), &select), 0);
	e->conf.select = select;
	e->conf.csv_columns = SLICE_LIT("status,title,fields");
	open_new(e, "csv");
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	s = flushed(e, "pages.csv");
	assert_true(
	    slice_starts(s, SLICE_LIT("status,title,\"fields.title\",\"kind\"\r\n301,")));
	kit_free(s);
	select_free(select);
	buf_release(&blob);
}

static void
columns_that_there_are_not_are_told(void **state)
{
	struct csv_layout l;
	struct why why;

	(void)state;
	assert_int_equal(csv_layout_init(&l, (struct slice){0}, NULL, &why), 0);
	assert_int_equal(l.n, 9);
	assert_int_equal(
	    csv_layout_init(&l, SLICE_LIT("url,prize"), NULL, &why), -EINVAL);
	assert_string_equal(why.text,
	    "there is no column 'prize'; there are url, via, hops, mime, charset, "
	    "digest, title, canonical, lang, description, ip, protocol, redirect_to, "
	    "status, depth, bytes_wire, bytes_body, links, ms_total, outcome, kind, "
	    "fetched_at, text, fields and fields.NAME");
	assert_int_equal(csv_layout_init(&l, SLICE_LIT("url,"), NULL, &why), -EINVAL);
	assert_int_equal(csv_layout_init(&l, SLICE_LIT("url,url"), NULL, &why), -EINVAL);
	assert_string_equal(why.text, "'url' twice");
	assert_int_equal(csv_layout_init(&l, SLICE_LIT("fields.a"), NULL, &why), -EINVAL);
	assert_string_equal(why.text, "'fields.a': no such field is extracted");
}

/* -- crawl.log -- */

static void
a_fetch_is_a_line_in_heritrix_columns(void **state)
{
	struct kit_env *e = *state;
	struct sink_event ev = page(), bare = {.kind = SINK_FETCH,
					   .outcome = OUTCOME_DNS_FAILURE,
					   .attempts = 2,
					   .url = SLICE_LIT("http://no.test/")};
	struct slice s;

	open_new(e, "crawl-log");
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	ev.outcome = OUTCOME_OK;
	ev.status = 200;
	ev.body_bytes = UINT64_C(123456789012);
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	assert_int_equal(sink_put(e->s, &bare, &e->why), 0);
	bare.final = true;
	bare.attempts = 1;
	bare.outcome = OUTCOME_ROBOTS_DENIED;
	assert_int_equal(sink_put(e->s, &bare, &e->why), 0);
	s = flushed(e, "crawl.log");
	assert_slice(s,
	    "2026-01-31T12:00:01.128Z   301        600 https://a.test/x LLR "
	    "https://a.test/ "
	    "text/html #000 20260131120000123+1005 sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ "
	    "- "
	    "redirect\n"
	    "2026-01-31T12:00:01.128Z   200 123456789012 https://a.test/x LLR "
	    "https://a.test/ text/html #000 20260131120000123+1005 "
	    "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ - -\n"
	    "1970-01-01T00:00:00.000Z    -1          - http://no.test/ - - no-type #000 "
	    "19700101000000000+0 - - dns-failure,2t,retry\n"
	    "1970-01-01T00:00:00.000Z -9998          - http://no.test/ - - no-type #000 "
	    "19700101000000000+0 - - robots-denied\n");
	kit_free(s);
}

static void
a_request_tells_what_politeness_was_in_force(void **state)
{
	struct kit_env *e = *state;
	struct sink_event ev = {.kind = SINK_FETCH,
	    .outcome = OUTCOME_OK,
	    .attempts = 1,
	    .final = true,
	    .contacted = true,
	    .gap_ms = 1500,
	    .gap_rule = "crawl-delay",
	    .at_once = 2,
	    .per_ip = 8,
	    .per_site = 3,
	    .ip = SLICE_LIT("2001:db8::1"),
	    .url = SLICE_LIT("http://no.test/")};
	struct slice s;

	open_new(e, "crawl-log");
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	ev.outcome = OUTCOME_CONNECT_FAILURE;
	ev.attempts = 3;
	ev.final = false;
	ev.ip = (struct slice){0};
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	s = flushed(e, "crawl.log");
	assert_slice(s,
	    "1970-01-01T00:00:00.000Z     0          - http://no.test/ - - no-type #000 "
	    "19700101000000000+0 - - gap:1500/crawl-delay/2,ip:2001:db8::1,per-ip:8,"
	    "per-site:3\n"
	    "1970-01-01T00:00:00.000Z    -2          - http://no.test/ - - no-type #000 "
	    "19700101000000000+0 - - "
	    "connect-failure,3t,retry,gap:1500/crawl-delay/2,per-site:3\n");
	kit_free(s);
}

static void
what_failed_says_why_in_one_word(void **state)
{
	static const char said[] = "100% odd, a+b\n\\ \xc2\x9b[31m, retry,gap:0/option/9";
	struct kit_env *e = *state;
	struct sink_event ev = {.kind = SINK_FETCH,
	    .outcome = OUTCOME_TLS_FAILURE,
	    .attempts = 1,
	    .final = true,
	    .url = SLICE_LIT("https://no.test/"),
	    .detail = SLICE_LIT("certificate has expired")};
	struct slice s, word;
	struct buf b;

	open_new(e, "crawl-log");
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	ev.detail = slice_cstr(said);
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	ev.outcome = OUTCOME_OK; /* nothing to be told */
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	s = flushed(e, "crawl.log");
	assert_slice(s,
	    "1970-01-01T00:00:00.000Z    -2          - https://no.test/ - - no-type #000 "
	    "19700101000000000+0 - - tls-failure,link:seed,why:certificate+has+expired\n"
	    "1970-01-01T00:00:00.000Z    -2          - https://no.test/ - - no-type #000 "
	    "19700101000000000+0 - - "
	    "tls-failure,link:seed,why:100%25+odd%2C+a%2Bb%0A%5C+%C2%9B[31m"
	    "%2C+retry%2Cgap:0/option/9\n"
	    "1970-01-01T00:00:00.000Z     0          - https://no.test/ - - no-type #000 "
	    "19700101000000000+0 - - -\n");
	word = slice_from(s, (size_t)(strstr(s.ptr, "why:100") + 4 - s.ptr));
	buf_init(&b, 1000);
	assert_int_equal(lines_sentence(&b, slice_head(word, slice_find(word, '\n'))), 0);
	assert_slice(buf_slice(&b), said);
	buf_clear(&b);
	assert_int_equal(lines_sentence(&b, SLICE_LIT("a%2%zz%+%")), 0);
	assert_slice(buf_slice(&b), "a%2%zz% %");
	buf_release(&b);
	kit_free(s);
}

static void
every_outcome_has_a_code(void **state)
{
	struct kit_env *e = *state;
	struct slice s, rest, line = {0};
	int o = OUTCOME_NONE;

	open_new(e, "crawl-log");
	for (o = 0; o < OUTCOME_MAX; o++) {
		struct sink_event ev = {.kind = SINK_FETCH,
		    .outcome = (enum outcome)o,
		    .final = true,
		    .url = SLICE_LIT("http://a.test/")};

		assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
		ev.response = true;
		ev.status = 203;
		assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	}
	s = flushed(e, "crawl.log");
	rest = s;
	for (o = 0; o < OUTCOME_MAX; o++) {
		char code[6] = {0};
		bool answered = o == OUTCOME_NONE || o == OUTCOME_OK ||
				o == OUTCOME_REDIRECT || o == OUTCOME_NOT_MODIFIED ||
				o == OUTCOME_DUPLICATE_CONTENT || o == OUTCOME_HTTP_4XX ||
				o == OUTCOME_HTTP_5XX;

		assert_true(slice_cut(&rest, '\n', &line));
		memcpy(code, line.ptr + 25, 5);
		if (answered)
			assert_int_equal(strtol(code, NULL, 10), 0);
		else
			assert_true(strtol(code, NULL, 10) < 0);
		assert_true(slice_cut(&rest, '\n', &line));
		assert_memory_equal(line.ptr + 25, "  203", 5);
	}
	kit_free(s);
}

static void
hostile_texts_stay_in_their_column(void **state)
{
	struct kit_env *e = *state;
	struct sink_event ev = page();
	struct slice s, rest, field = {0};
	size_t n = 0;

	ev.url = SLICE_LIT("http://a.test/ \t\r\n200 x\x1b[31m\\\xff\xe2\x80\xae");
	ev.mime = SLICE_LIT("text/html; x\n");
	ev.hops = SLICE_LIT("L L");
	open_new(e, "crawl-log");
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	s = flushed(e, "crawl.log");
	assert_int_equal(slice_find(s, '\n'), s.len - 1);
	rest = slice_head(s, s.len - 1);
	while (slice_cut(&rest, ' ', &field)) {
		if (field.len == 0)
			continue; /* padding */
		n++;
		if (n == 4)
			assert_slice(field,
			    "http://a.test/"
			    "\\x20\\x09\\x0d\\x0a200\\x20x\\x1b[31m\\\\\\xff"
			    "\\xe2\\x80\\xae");
	}
	assert_int_equal(n, 12);
	kit_free(s);
}

/* -- rejected.log -- */

static void
a_rejection_is_four_fields(void **state)
{
	struct kit_env *e = *state;
	struct sink_event ev = {.kind = SINK_REJECT,
	    .outcome = OUTCOME_OUT_OF_SCOPE,
	    .url = SLICE_LIT("http://b.test/a\tb"),
	    .via = SLICE_LIT("http://a.test/\nx"),
	    .detail = SLICE_LIT("scope host: b.test\\ is no seed\r\n")};
	struct sink_event bare = {.kind = SINK_REJECT,
	    .outcome = OUTCOME_BAD_URL,
	    .url = SLICE_LIT("http://[")};
	struct sink_event formula = {.kind = SINK_REJECT,
	    .outcome = OUTCOME_BAD_URL,
	    .url = SLICE_LIT("=1+1"),
	    .via = SLICE_LIT("-1"),
	    .detail = SLICE_LIT("--depth 1")};
	struct sink_event fetched = page();
	struct slice s;

	open_new(e, "rejected-log");
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	assert_int_equal(sink_put(e->s, &fetched, &e->why), 0);
	assert_int_equal(sink_put(e->s, &bare, &e->why), 0);
	assert_int_equal(sink_put(e->s, &formula, &e->why), 0);
	s = flushed(e, "rejected.log");
	assert_slice(s,
	    "out-of-scope\thttp://b.test/a\\x09b\thttp://a.test/\\x0ax\tscope host: "
	    "b.test\\\\ is no seed\\x0d\\x0a\n"
	    "bad-url\thttp://[\t-\t-\n"
	    "bad-url\t\\x3d1+1\t\\x2d1\t--depth 1\n");
	kit_free(s);
}

static void
a_change_is_a_line_of_eight_fields_and_what_is_none_has_no_line(void **state)
{
	struct kit_env *e = *state;
	struct sink_event ev = page();
	struct slice s;

	open_new(e, "changes");
	ev.final = true;
	ev.outcome = OUTCOME_OK;
	ev.status = 200;
	ev.round = 3;
	ev.began_wall_us = 1700000000123456;
	ev.url = SLICE_LIT("http://a.test/\tx");
	ev.digest = SLICE_LIT("sha1:NOW");
	ev.digest_before = SLICE_LIT("sha1:BEFORE");
	for (int c = 0; c < PAGE_CHANGE_MAX; c++) {
		ev.change = (enum page_change)c;
		assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	}
	ev.change = PAGE_CHANGE_NEW; /* not yet; a robots.txt */
	ev.final = false;
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	ev.final = ev.internal = true;
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	s = flushed(e, "changes.tsv");
	assert_slice(s,
	    "3\tnew\t2023-11-14T22:13:20.123Z\tok\t200\thttp://a.test/\\x09x\t"
	    "sha1:BEFORE\tsha1:NOW\n"
	    "3\tchanged\t2023-11-14T22:13:20.123Z\tok\t200\thttp://a.test/\\x09x\t"
	    "sha1:BEFORE\tsha1:NOW\n"
	    "3\tgone\t2023-11-14T22:13:20.123Z\tok\t200\thttp://a.test/\\x09x\t"
	    "sha1:BEFORE\t-\n");
	kit_free(s);
}

/* -- marks -- */

static void
what_came_after_the_mark_is_cut_off(void **state)
{
	struct kit_env *e = *state;
	struct sink_event ev = {.kind = SINK_REJECT,
	    .outcome = OUTCOME_TRAP,
	    .url = SLICE_LIT("http://a.test/1")};
	struct buf mark;
	struct slice s;

	buf_init(&mark, 100);
	open_new(e, "rejected-log");
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	assert_int_equal(sink_mark(e->s, &mark), -EBUSY);
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	assert_int_equal(sink_mark(e->s, &mark), 0);
	ev.url = SLICE_LIT("http://a.test/2");
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	assert_int_equal(sink_close(e->s, false, &e->why), 0);
	e->s = NULL;
	assert_int_equal(
	    sink_open("rejected-log", &e->conf, buf_slice(&mark), &e->s, &e->why), 0);
	ev.url = SLICE_LIT("http://a.test/3");
	assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
	s = flushed(e, "rejected.log");
	assert_slice(s, "trap\thttp://a.test/1\t-\t-\ntrap\thttp://a.test/3\t-\t-\n");
	kit_free(s);
	buf_release(&mark);
}

static void
a_first_mark_may_be_taken_before_the_first_line(void **state)
{
	struct kit_env *e = *state;
	struct sink_place place;
	struct buf mark;
	struct slice s;

	buf_init(&mark, 100);
	open_new(e, "jsonl");
	assert_int_equal(sink_mark(e->s, &mark), 0);
	assert_slice(buf_slice(&mark), "0");
	assert_int_equal(sink_place("jsonl", buf_slice(&mark), &place), 0);
	assert_string_equal(place.file, "pages.jsonl");
	assert_int_equal(place.length, 0);
	assert_int_equal(sink_place("crawl-log", SLICE_LIT("71"), &place), 0);
	assert_string_equal(place.file, "crawl.log");
	assert_int_equal(place.length, 71);
	assert_int_equal(sink_place("rejected-log", SLICE_LIT("x"), &place), -EBADMSG);
	assert_int_equal(sink_place("none", SLICE_LIT(""), &place), -ENOENT);
	assert_int_equal(sink_close(e->s, false, &e->why), 0);
	e->s = NULL;
	kit_write(e->dir, "pages.jsonl", SLICE_LIT("not committed"));
	assert_int_equal(
	    sink_open("jsonl", &e->conf, buf_slice(&mark), &e->s, &e->why), 0);
	s = flushed(e, "pages.jsonl");
	assert_int_equal(s.len, 0);
	kit_free(s);
	buf_release(&mark);
}

static void
files_of_another_crawl_are_refused(void **state)
{
	struct kit_env *e = *state;
	struct slice s;

	kit_write(e->dir, "pages.jsonl", SLICE_LIT("{}\n"));
	assert_int_equal(
	    sink_open("jsonl", &e->conf, (struct slice){0}, &e->s, &e->why), -EEXIST);
	assert_non_null(strstr(e->why.text, "pages.jsonl' exists already"));
	s = kit_file(e->dir, "pages.jsonl");
	assert_slice(s, "{}\n");
	kit_free(s);
	assert_int_equal(
	    sink_open("jsonl", &e->conf, SLICE_LIT("x"), &e->s, &e->why), -EBADMSG);
	assert_int_equal(
	    sink_open("jsonl", &e->conf, SLICE_LIT("4"), &e->s, &e->why), -EBADMSG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		a_page_is_an_object_with_all_that_is_known, kit_env_up, kit_env_down),
	    cmocka_unit_test_setup_teardown(
		what_is_absent_is_absent, kit_env_up, kit_env_down),
	    cmocka_unit_test_setup_teardown(
		only_pages_are_told, kit_env_up, kit_env_down),
	    cmocka_unit_test_setup_teardown(
		hostile_texts_stay_valid_json_lines, kit_env_up, kit_env_down),
	    cmocka_unit_test_setup_teardown(
		long_texts_are_not_cut_within_a_character, kit_env_up, kit_env_down),
	    cmocka_unit_test_setup_teardown(
		a_field_not_found_is_absent, kit_env_up, kit_env_down),
	    cmocka_unit_test_setup_teardown(
		fields_of_the_largest_page_make_a_line, kit_env_up, kit_env_down),
	    cmocka_unit_test_setup_teardown(
		a_page_is_a_row_and_the_first_brings_the_header, kit_env_up,
		kit_env_down),
	    cmocka_unit_test_setup_teardown(
		columns_are_not_blamed_for_a_header_that_cannot_be_read, kit_env_up,
		kit_env_down),
	    cmocka_unit_test_setup_teardown(
		a_field_that_is_called_like_a_column_has_its_whole_name_in_the_header,
		kit_env_up, kit_env_down),
	    cmocka_unit_test(columns_that_there_are_not_are_told),
	    cmocka_unit_test(the_schema_has_the_words_of_the_tables),
	    cmocka_unit_test_setup_teardown(
		a_fetch_is_a_line_in_heritrix_columns, kit_env_up, kit_env_down),
	    cmocka_unit_test_setup_teardown(
		a_request_tells_what_politeness_was_in_force, kit_env_up, kit_env_down),
	    cmocka_unit_test_setup_teardown(
		what_failed_says_why_in_one_word, kit_env_up, kit_env_down),
	    cmocka_unit_test_setup_teardown(
		every_outcome_has_a_code, kit_env_up, kit_env_down),
	    cmocka_unit_test_setup_teardown(
		hostile_texts_stay_in_their_column, kit_env_up, kit_env_down),
	    cmocka_unit_test_setup_teardown(
		a_rejection_is_four_fields, kit_env_up, kit_env_down),
	    cmocka_unit_test_setup_teardown(
		a_change_is_a_line_of_eight_fields_and_what_is_none_has_no_line,
		kit_env_up, kit_env_down),
	    cmocka_unit_test_setup_teardown(
		what_came_after_the_mark_is_cut_off, kit_env_up, kit_env_down),
	    cmocka_unit_test_setup_teardown(
		a_first_mark_may_be_taken_before_the_first_line, kit_env_up,
		kit_env_down),
	    cmocka_unit_test_setup_teardown(
		files_of_another_crawl_are_refused, kit_env_up, kit_env_down),
	};

	return cmocka_run_group_tests_name("sink/lines", tests, NULL, NULL);
}
