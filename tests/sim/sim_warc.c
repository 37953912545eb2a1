#include "sim_warc.h"
#include "base/buf.h"
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <zlib.h>

enum { MEMBER_BYTES_MAX = 64 << 20 };

/* One gzip member; how many bytes of `bytes` it takes. */
static int
inflate_member(struct slice bytes, struct buf *out, uint64_t *ret_length, struct why *why)
{
	unsigned char chunk[1 << 16];
	z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)bytes.ptr,
	    .avail_in = (uInt)bytes.len};
	int r = inflateInit2(&z, 31), err = 0;

	if (r != Z_OK)
		return why_set(why, -ENOMEM, "no memory to inflate");
	while (r == Z_OK && err == 0) {
		z.next_out = chunk;
		z.avail_out = sizeof(chunk);
		r = inflate(&z, Z_NO_FLUSH);
		err = buf_add(out, (char *)chunk, sizeof(chunk) - z.avail_out);
	}
	*ret_length = bytes.len - z.avail_in;
	(void)inflateEnd(&z);
	if (err < 0)
		return why_set(why, err, "a member that is too large");
	return r == Z_STREAM_END
		   ? 0
		   : why_set(why, -EBADMSG, "a gzip member is cut or broken");
}

static bool
is_digest(struct slice told, struct slice bytes)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	unsigned char sum[EVP_MAX_MD_SIZE];
	char text[33];
	unsigned len = 0;

	if (!EVP_Digest(bytes.ptr, bytes.len, sum, &len, EVP_sha1(), NULL) || len != 20)
		return false;
	for (unsigned i = 0; i < 32; i++) {
		unsigned bit = i * 5, pair = (unsigned)sum[bit / 8] << 8;

		if (bit / 8 + 1 < 20)
			pair |= sum[bit / 8 + 1];
		text[i] = letters[pair >> (11 - bit % 8) & 31];
	}
	return slice_starts(told, SLICE_LIT("sha1:")) &&
	       slice_eq(slice_from(told, 5), slice_of(text, 32));
}

struct head {
	struct slice block_digest, payload_digest, length, date, content_type;
};

static void
take_field(struct sim_record *r, struct head *h, struct slice name, struct slice value)
{
	const struct {
		const char *name;
		struct slice *at;
	} fields[] = {{"WARC-Type", &r->type}, {"WARC-Target-URI", &r->uri},
	    {"WARC-Record-ID", &r->id}, {"WARC-Concurrent-To", &r->concurrent_to},
	    {"WARC-Warcinfo-ID", &r->warcinfo_id},
	    {"WARC-Block-Digest", &h->block_digest},
	    {"WARC-Payload-Digest", &h->payload_digest}, {"Content-Length", &h->length},
	    {"WARC-Date", &h->date}, {"Content-Type", &h->content_type}};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (slice_eq(name, slice_cstr(fields[i].name)))
			*fields[i].at = slice_trim(value);
}

static size_t
find(struct slice s, const char *what)
{
	const char *at = memmem(s.ptr, s.len, what, strlen(what));

	return at == NULL ? s.len : (size_t)(at - s.ptr);
}

static int
check_http(struct sim_record *r, const struct head *h, struct why *why)
{
	size_t end = find(r->block, "\r\n\r\n");
	uint64_t status;

	if (end == r->block.len)
		return why_set(why, -EBADMSG, "HTTP without the end of its head");
	r->payload = slice_from(r->block, end + 4);
	if (h->payload_digest.len > 0 && !is_digest(h->payload_digest, r->payload))
		return why_set(why, -EBADMSG, "a payload digest is wrong");
	if (!slice_eq(r->type, SLICE_LIT("response")))
		return 0;
	if (h->payload_digest.len == 0 ||
	    !slice_starts(r->block, SLICE_LIT("HTTP/1.1 ")) ||
	    !slice_to_u64(slice_of(r->block.ptr + 9, 3), &status))
		return why_set(why, -EBADMSG, "a response without status or digest");
	r->status = (int)status;
	return 0;
}

static int
parse(struct slice content, struct sim_record *r, struct why *why)
{
	size_t end = find(content, "\r\n\r\n");
	struct slice lines = slice_head(content, end), line, rest = {0};
	struct head h = {0};
	uint64_t length;

	if (end == content.len || !slice_cut(&lines, '\n', &line) ||
	    !slice_eq(slice_trim(line), SLICE_LIT("WARC/1.1")))
		return why_set(why, -EBADMSG, "no WARC header");
	while (lines.len > 0) {
		struct slice name;

		(void)slice_cut(&lines, '\n', &line);
		if (!slice_cut(&line, ':', &name) || line.ptr == NULL)
			return why_set(why, -EBADMSG, "a header line without a colon");
		take_field(r, &h, name, line);
	}
	if (r->type.len == 0 || r->id.len == 0 || h.date.len == 0 ||
	    !slice_to_u64(h.length, &length))
		return why_set(why, -EBADMSG, "a mandatory header is missing");
	rest = slice_from(content, end + 4);
	if (rest.len != length + 4 ||
	    !slice_eq(slice_from(rest, (size_t)length), SLICE_LIT("\r\n\r\n")))
		return why_set(why, -EBADMSG, "the record does not end where it says");
	r->block = slice_head(rest, (size_t)length);
	if (h.block_digest.len > 0 && !is_digest(h.block_digest, r->block))
		return why_set(why, -EBADMSG, "a block digest is wrong");
	if (slice_starts(h.content_type, SLICE_LIT("application/http")))
		return check_http(r, &h, why);
	return 0;
}

int
sim_warc_read(struct slice bytes, sim_record_fn *fn, void *ctx, struct why *why)
{
	struct buf content;
	uint64_t at = 0;
	int r = 0;

	buf_init(&content, MEMBER_BYTES_MAX);
	while (at < bytes.len && r == 0) {
		struct sim_record rec = {.offset = at};

		buf_clear(&content);
		r = inflate_member(
		    slice_from(bytes, (size_t)at), &content, &rec.length, why);
		if (r == 0)
			r = parse(buf_slice(&content), &rec, why);
		if (r == 0 && at == 0 && !slice_eq(rec.type, SLICE_LIT("warcinfo")))
			r = why_set(
			    why, -EBADMSG, "the file does not begin with warcinfo");
		if (r == 0)
			r = fn(ctx, &rec, why);
		at += rec.length;
	}
	buf_release(&content);
	return r;
}
