/*
 * Records that are no exchange: warcinfo, what name servers said, and a response that is
 * made a revisit when it is known that its payload is archived already.
 */
#include "sink/warc_fields.h"
#include "sink/warc_move.h"
#include "web/http.h"
#include <errno.h>

#include "base/banned.h"

struct slice
warc_profile(enum warc_revisit kind)
{
	switch (kind) {
	case WARC_IDENTICAL:
		return SLICE_LIT(
		    "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest");
	case WARC_NOT_MODIFIED:
		return SLICE_LIT(
		    "http://netpreserve.org/warc/1.1/revisit/server-not-modified");
	case WARC_NO_REVISIT:
		break;
	}
	return (struct slice){0};
}

int
warc_info_field(struct buf *b, const char *name, struct slice value)
{
	size_t start = b->len, at;
	int r;

	if (value.len == 0)
		return 0;
	r = buf_printf(b, "%s: ", name);
	at = b->len;
	if (r == 0)
		r = buf_add_slice(b, value);
	if (r == 0)
		r = buf_add(b, "\r\n", 2);
	if (r < 0) {
		b->len = start;
		return r;
	}
	for (; at < b->len - 2; at++)
		if (ascii_is_control(b->ptr[at]))
			b->ptr[at] = ' ';
	return 0;
}

int
warc_pack_name(struct warc_packer *p, const struct warc_name *x, struct buf *out,
    char ret_digest[48])
{
	char id[WARC_ID_MAX];
	size_t start = out->len;
	int r;

	warc_id(x->record_id, id);
	warc_payload_digest(p, x->text, ret_digest);
	r = warc_add_record(p,
	    &(struct warc_fields){
		.type = SLICE_LIT("response"),
		.id = slice_cstr(id),
		.content_type = SLICE_LIT("text/dns"),
		.warcinfo_id = x->warcinfo_id,
		.uri = x->uri,
		.ip = x->server,
		.payload_digest = slice_cstr(ret_digest),
		.wall_us = x->wall_us,
		.block = {x->text},
	    },
	    out);
	if (r < 0)
		out->len = start;
	return r;
}

int
warc_pack_info(struct warc_packer *p, const struct warc_info *x, struct buf *out)
{
	size_t start = out->len;
	int r;

	r = warc_add_record(p,
	    &(struct warc_fields){
		.type = SLICE_LIT("warcinfo"),
		.id = x->id,
		.content_type = SLICE_LIT("application/warc-fields"),
		.file = x->file,
		.wall_us = x->wall_us,
		.block = {x->fields},
	    },
	    out);
	if (r < 0)
		out->len = start;
	return r;
}

/* -- Revisits. -- */

/* Up to the first empty line, with it; 0: it does not end here. */
static size_t
head_len(struct slice s)
{
	const char *end = s.len == 0 ? NULL : memmem(s.ptr, s.len, "\r\n\r\n", 4);

	return end == NULL ? 0 : (size_t)(end - s.ptr) + 4;
}

static struct slice
bare(struct slice value)
{
	return value.len < 2 ? value : slice_of(value.ptr + 1, value.len - 2);
}

/* The first piece of a response: both its heads, when they end within it. */
static int
read_response(struct slice piece, struct warc_fields *ret, struct slice *ret_http)
{
	size_t warc = head_len(piece), http = head_len(slice_from(piece, warc));
	struct slice head = slice_head(piece, warc);

	if (warc == 0 || http == 0 ||
	    !slice_eq(
		http_header_get(head, SLICE_LIT("WARC-Type")), SLICE_LIT("response")) ||
	    http_header_get(head, SLICE_LIT("WARC-Truncated")).len > 0)
		return -EBADMSG;
	*ret = (struct warc_fields){
	    .id = bare(http_header_get(head, SLICE_LIT("WARC-Record-ID"))),
	    .warcinfo_id = bare(http_header_get(head, SLICE_LIT("WARC-Warcinfo-ID"))),
	    .uri = http_header_get(head, SLICE_LIT("WARC-Target-URI")),
	    .ip = http_header_get(head, SLICE_LIT("WARC-IP-Address")),
	    .protocol = http_header_get(head, SLICE_LIT("WARC-Protocol")),
	    .payload_digest = http_header_get(head, SLICE_LIT("WARC-Payload-Digest")),
	};
	*ret_http = slice_head(slice_from(piece, warc), http);
	return ret->id.len == 0 ? -EBADMSG : 0;
}

static struct slice
first_member(struct slice records, const uint64_t *at, uint32_t n)
{
	return n > 1 ? slice_head(records, (size_t)at[1]) : records;
}

int
warc_response_id(enum warc_coding coding, struct slice records, const uint64_t *at,
    uint32_t n, char ret[WARC_ID_MAX])
{
	struct warc_unpack *u;
	struct warc_fields f;
	struct slice piece, http;
	int r = warc_unpack_new(coding, &u);

	if (r < 0)
		return r;
	warc_unpack_begin(u, first_member(records, at, n));
	r = warc_unpack_next(u, &piece);
	r = r <= 0 ? -EBADMSG : read_response(piece, &f, &http);
	if (r == 0 && f.id.len >= WARC_ID_MAX)
		r = -EBADMSG;
	if (r == 0) {
		memcpy(ret, f.id.ptr, f.id.len);
		ret[f.id.len] = '\0';
	}
	warc_unpack_free(u);
	return r;
}

int
warc_make_revisit(struct warc_packer *p, enum warc_coding coding, struct slice records,
    const uint64_t *at, uint32_t n, const struct warc_original *original, int64_t wall_us,
    struct buf *out, uint64_t *ret_at)
{
	size_t start = out->len, first;
	struct warc_unpack *u;
	struct warc_fields f;
	struct slice piece;
	int r = warc_unpack_new(coding, &u);

	if (r < 0)
		return r;
	warc_unpack_begin(u, first_member(records, at, n));
	r = warc_unpack_next(u, &piece);
	r = r <= 0 ? -EBADMSG : read_response(piece, &f, &f.block[0]);
	if (r == 0) {
		f.type = SLICE_LIT("revisit");
		f.content_type = SLICE_LIT("application/http;msgtype=response");
		f.profile = warc_profile(WARC_IDENTICAL);
		f.truncated = SLICE_LIT("length");
		f.original = original;
		f.wall_us = wall_us;
		warc_packer_code(p, coding);
		r = warc_add_record(p, &f, out);
	}
	warc_unpack_free(u);
	first = out->len - start;
	if (r == 0 && n > 1)
		r = buf_add_slice(out, slice_from(records, at[1]));
	if (r < 0) {
		out->len = start;
		return r;
	}
	ret_at[0] = 0;
	for (uint32_t i = 1; i < n; i++)
		ret_at[i] = at[i] - at[1] + first;
	return 0;
}
