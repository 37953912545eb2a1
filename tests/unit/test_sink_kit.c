#include "test_sink_kit.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

/* -- WARC. -- */

void
kit_sha1(struct slice s, char ret[48])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	unsigned char sum[SHA_DIGEST_LENGTH];
	size_t n = 5;

	(void)SHA1((const unsigned char *)s.ptr, s.len, sum);
	memcpy(ret, "sha1:", 5);
	for (size_t bit = 0; bit < sizeof(sum) * 8; bit += 5) {
		unsigned v = 0;

		for (size_t i = bit; i < bit + 5; i++)
			v = v << 1 | ((unsigned)sum[i / 8] >> (7 - i % 8) & 1);
		ret[n++] = digits[v];
	}
	ret[n] = '\0';
}

/* One gzip member from the front of `in`; returns the bytes it took. */
static size_t
inflate_member(struct slice in, struct slice *ret)
{
	size_t cap = 4096, len = 0;
	char *out = malloc(cap);
	z_stream z = {0};
	int r;

	assert_non_null(out);
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	z.next_in = (Bytef *)(uintptr_t)in.ptr;
	z.avail_in = (uInt)in.len;
	do {
		if (len == cap) {
			cap *= 2;
			out = realloc(out, cap);
			assert_non_null(out);
		}
		z.next_out = (Bytef *)out + len;
		z.avail_out = (uInt)(cap - len);
		r = inflate(&z, Z_NO_FLUSH);
		assert_true(r == Z_OK || r == Z_STREAM_END);
		len = cap - z.avail_out;
		assert_true(r == Z_STREAM_END || z.avail_in > 0 || z.avail_out == 0);
	} while (r != Z_STREAM_END);
	(void)inflateEnd(&z);
	*ret = slice_of(out, len);
	return in.len - z.avail_in;
}

/* The next line of `rest`, which must end with CRLF, without it. */
static struct slice
crlf_line(struct slice *rest)
{
	const char *end = memmem(rest->ptr, rest->len, "\r\n", 2);
	struct slice line;

	assert_non_null(end);
	line = slice_of(rest->ptr, (size_t)(end - rest->ptr));
	*rest = slice_from(*rest, line.len + 2);
	return line;
}

static bool
line_is(struct slice line, const char *name, struct slice *ret)
{
	size_t n = strlen(name);

	if (line.len < n + 2 || strncasecmp(line.ptr, name, n) != 0 || line.ptr[n] != ':')
		return false;
	assert_int_equal(line.ptr[n + 1], ' ');
	*ret = slice_from(line, n + 2);
	return true;
}

struct slice
kit_field(const struct kit_record *r, const char *name)
{
	struct slice rest = r->header, value = {0}, found;
	unsigned n = 0;

	(void)crlf_line(&rest);
	while (rest.len > 0) {
		if (line_is(crlf_line(&rest), name, &found)) {
			value = found;
			n++;
		}
	}
	assert_true(n <= 1);
	return value;
}

struct slice
kit_line(struct slice block, const char *name)
{
	struct slice value = {0};

	while (block.len > 0)
		if (line_is(crlf_line(&block), name, &value))
			return value;
	return (struct slice){0};
}

struct slice
kit_payload(struct slice block)
{
	struct slice line;

	/* as readers do: the first line with nothing but blanks in it ends the head */
	while (slice_cut(&block, '\n', &line))
		if (slice_trim(line).len == 0)
			return block;
	fail();
	return block;
}

static void
check_id(struct slice id)
{
	static const char form[] = "<urn:uuid:xxxxxxxx-xxxx-4xxx-Yxxx-xxxxxxxxxxxx>";

	assert_int_equal(id.len, sizeof(form) - 1);
	for (size_t i = 0; i < id.len; i++) {
		if (form[i] == 'Y')
			assert_non_null(strchr("89ab", id.ptr[i]));
		else if (form[i] == 'x' && i > 9)
			assert_non_null(strchr("0123456789abcdef", id.ptr[i]));
		else
			assert_int_equal(id.ptr[i], form[i]);
	}
}

static void
check_digests(const struct kit_record *r)
{
	char want[48];

	kit_sha1(r->block, want);
	assert_slice(kit_field(r, "WARC-Block-Digest"), want);
	if (!slice_eq(kit_field(r, "WARC-Type"), SLICE_LIT("response")))
		return;
	kit_sha1(kit_payload(r->block), want);
	assert_slice(kit_field(r, "WARC-Payload-Digest"), want);
}

static void
parse_record(struct kit_record *r)
{
	struct slice rest = r->text, line;
	uint64_t length = 0;

	assert_slice(crlf_line(&rest), "WARC/1.1");
	do {
		line = crlf_line(&rest);
		for (size_t i = 0; i < line.len; i++)
			assert_true(line.ptr[i] >= ' ' && line.ptr[i] < 0x7f);
		assert_true(line.len == 0 || slice_find(line, ':') < line.len);
	} while (line.len > 0);
	r->header = slice_of(r->text.ptr, (size_t)(line.ptr - r->text.ptr));
	assert_true(slice_to_u64(kit_field(r, "Content-Length"), &length));
	assert_int_equal(rest.len, length + 4);
	r->block = slice_of(rest.ptr, length);
	assert_memory_equal(rest.ptr + length, "\r\n\r\n", 4);
	check_id(kit_field(r, "WARC-Record-ID"));
	assert_int_equal(kit_field(r, "WARC-Date").len, strlen("2026-01-31T12:00:00Z"));
	check_digests(r);
}

void
kit_warc_read(struct slice bytes, struct kit_warc *ret)
{
	size_t cap = 0, at = 0;

	*ret = (struct kit_warc){0};
	while (at < bytes.len) {
		struct kit_record *r;

		if (ret->n == cap) {
			cap = cap == 0 ? 16 : cap * 2;
			ret->records = realloc(ret->records, cap * sizeof(*ret->records));
			assert_non_null(ret->records);
		}
		r = &ret->records[ret->n++];
		*r = (struct kit_record){.offset = at};
		r->length = inflate_member(slice_from(bytes, at), &r->text);
		parse_record(r);
		at += r->length;
	}
}

void
kit_warc_free(struct kit_warc *w)
{
	for (size_t i = 0; i < w->n; i++)
		kit_free(w->records[i].text);
	free(w->records);
	*w = (struct kit_warc){0};
}

/* -- Usual inputs. -- */

struct warc_exchange
kit_exchange(void)
{
	return (struct warc_exchange){
	    .uri = SLICE_LIT("http://a.test/page?x=1"),
	    .ip = SLICE_LIT("127.0.0.1"),
	    .protocol = SLICE_LIT("http/1.1"),
	    .wall_us = INT64_C(1769860800123456), /* 2026-01-31T12:00:00.123456Z */
	    .record_id = {UINT64_C(0x1122334455667788), 2, 3, 4},
	    .warcinfo_id = SLICE_LIT("urn:uuid:00000000-0000-4000-8000-000000000001"),
	    .request = SLICE_LIT("GET /page?x=1 HTTP/1.1\r\nHost: a.test\r\n\r\n"),
	    .head = SLICE_LIT("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"),
	    .body = SLICE_LIT("<p>one page"),
	    .via = SLICE_LIT("http://a.test/"),
	    .hops = SLICE_LIT("LL"),
	    .fetch_ms = 17,
	};
}

struct sink_conf
kit_conf(const char *dir)
{
	return (struct sink_conf){
	    .dir = dir,
	    .job = "demo",
	    .user_agent = "trawl/0.1.0 (+https://a.test/bot)",
	    .operator_from = "who@a.test",
	    .robots = "obey",
	    .software = "trawl/0.1.0",
	    .warc_coding = WARC_GZIP,
	    .warc_bytes_max = 1 << 30,
	    .wall_us = INT64_C(1769860800123456),
	    .run_id = {7, 9},
	};
}

struct sink_event
kit_event(struct warc_packer *p, const struct warc_exchange *x, struct buf *store)
{
	struct sink_event e = {
	    .kind = SINK_FETCH,
	    .outcome = OUTCOME_OK,
	    .link = LINK_A,
	    .response = true,
	    .final = true,
	    .status = 200,
	    .depth = 2,
	    .attempts = 1,
	    .began_wall_us = x->wall_us,
	    .total_ms = x->fetch_ms,
	    .body_bytes = x->body.len,
	    .url = x->uri,
	    .via = x->via,
	    .hops = x->hops,
	    .mime = SLICE_LIT("text/html"),
	};
	struct warc_parts parts;

	buf_clear(store);
	assert_int_equal(warc_pack(p, x, store, &parts), 0);
	e.records = buf_slice(store);
	e.records_n = parts.n;
	memcpy(e.records_at, parts.at, sizeof(e.records_at));
	return e;
}

int
kit_env_up(void **state)
{
	struct kit_env *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	kit_scratch(e->dir);
	e->conf = kit_conf(e->dir);
	*state = e;
	return 0;
}

int
kit_env_down(void **state)
{
	struct kit_env *e = *state;

	assert_int_equal(sink_close(e->s, true, NULL), 0);
	kit_remove(e->dir);
	free(e);
	return 0;
}
