#include "sink/warc_reader.h"
#include "web/http.h"
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

enum { ARC_DATE_DIGITS = 14, ARC_FIELDS_MAX = 16 };

struct warc_reader {
	struct warc_input *in;
	struct warc_watch watch;
	char *path;
	struct buf head; /* of the record */
	struct buf made; /* date of an ARC record, as WARC has it */
	struct warc_rec rec;
	uint64_t left;  /* of the block */
	bool in_member; /* one was begun and its end not seen */
	bool in_record; /* its end was not looked for */
	bool lost;      /* where the next record begins must be looked for */
	bool is_arc;    /* the file began as one */
	bool told_many; /* that members hold more than a record */
	bool any;
};

struct slice
warc_bare(struct slice value)
{
	value = slice_trim(value);
	if (value.len >= 2 && value.ptr[0] == '<' && value.ptr[value.len - 1] == '>')
		value = slice_of(value.ptr + 1, value.len - 2);
	return value;
}

struct slice
warc_rec_get(const struct warc_rec *rec, struct slice name)
{
	return rec->arc ? ((struct slice){0}) : http_header_get(rec->head, name);
}

bool
warc_rec_is_http(const struct warc_rec *rec)
{
	static const struct slice http = SLICE_LIT("application/http");

	return rec->content_type.len >= http.len &&
	       slice_ieq(slice_head(rec->content_type, http.len), http);
}

int
warc_reader_open(const char *path, const struct warc_watch *watch,
    struct warc_reader **ret, struct why *why)
{
	struct warc_reader *r = calloc(1, sizeof(*r));
	int err;

	if (r == NULL)
		return why_set(why, -ENOMEM, "%s: out of memory", path);
	buf_init(&r->head, WARC_HEAD_MAX);
	buf_init(&r->made, WARC_HEAD_MAX);
	if (watch != NULL)
		r->watch = *watch;
	r->path = slice_dup(slice_cstr(path));
	err = r->path == NULL ? why_set(why, -ENOMEM, "%s: out of memory", path)
			      : warc_input_open(path, &r->in, why);
	if (err < 0) {
		warc_reader_close(r);
		return err;
	}
	*ret = r;
	return 0;
}

void
warc_reader_close(struct warc_reader *r)
{
	if (r == NULL)
		return;
	warc_input_close(r->in);
	buf_release(&r->head);
	buf_release(&r->made);
	free(r->path);
	free(r);
}

void
warc_reader_seek(struct warc_reader *r, uint64_t offset)
{
	warc_input_seek(r->in, offset);
	r->in_member = r->in_record = r->lost = false;
}

static void
tell(struct warc_reader *r, uint64_t offset, bool note, const char *text)
{
	if (r->watch.fault != NULL)
		r->watch.fault(r->watch.ctx,
		    &(struct warc_fault){
			.file = r->path, .offset = offset, .note = note, .text = text});
}

void
warc_reader_fault(struct warc_reader *r, bool note, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (r->rec.inner > 0 && n >= 0 && n < (int)sizeof(text))
		(void)snprintf(text + n, sizeof(text) - (size_t)n,
		    " (at %" PRIu64 " of what is decompressed)", r->rec.inner);
	tell(r, r->rec.offset, note, text);
}

/* -- Bytes, and what to do when there are none. -- */

/* 1: bytes; 0: the member is over, or cannot be read on, which was told. */
static int
peek(struct warc_reader *r, struct slice *ret, struct why *why)
{
	int n = warc_input_peek(r->in, ret);

	if (n == -EBADMSG) {
		if (!r->lost)
			tell(r, warc_input_at(r->in), false, warc_input_why(r->in));
		n = warc_input_resync(r->in);
		r->in_member = n > 0;
		r->lost = true;
		if (n >= 0)
			return 0;
	}
	if (n < 0)
		return why_set(why, n, "%s: %s", r->path,
		    n == -ENOMEM ? "out of memory" : warc_input_why(r->in));
	if (n == 0)
		r->in_member = false;
	return n;
}

/* Takes a line, or of a long one as much as `max`, into `b` if there is one.  1, with what
 * it has; 0: the member is over, with nothing. */
static int
take_line(struct warc_reader *r, struct buf *b, size_t max, size_t *ret, struct why *why)
{
	size_t n = 0;

	while (n < max) {
		struct slice piece;
		size_t eol;
		int got = peek(r, &piece, why);

		if (got < 0)
			return got;
		if (got == 0)
			break;
		piece = slice_head(piece, max - n);
		eol = slice_find(piece, '\n');
		piece = slice_head(piece, eol + 1);
		if (b != NULL && (got = buf_add_slice(b, piece)) < 0)
			return why_set(why, got, "%s: out of memory", r->path);
		warc_input_take(r->in, piece.len);
		n += piece.len;
		if (eol < piece.len)
			break;
	}
	*ret = n;
	return n > 0;
}

static bool
is_magic(struct slice line)
{
	return slice_starts(line, SLICE_LIT("WARC/1.")) ||
	       slice_starts(line, SLICE_LIT("WARC/0."));
}

/* -- The head of a record. -- */

/* Begins with the fifth word from the right: the URL may hold blanks. */
static int
parse_arc(struct warc_reader *r, struct slice line)
{
	struct warc_rec *rec = &r->rec;
	struct slice word[4], rest = slice_trim(line), date;
	uint64_t stamp;

	for (size_t i = 4; i-- > 0;) {
		size_t at = rest.len;

		while (at > 0 && rest.ptr[at - 1] != ' ')
			at--;
		word[i] = slice_from(rest, at);
		rest = slice_head(rest, at > 0 ? at - 1 : 0);
	}
	date = word[1];
	if (rest.len == 0 || !slice_to_u64(word[3], &rec->block_bytes) ||
	    date.len < ARC_DATE_DIGITS || !slice_to_u64(date, &stamp))
		return -EBADMSG;
	buf_clear(&r->made);
	if (buf_printf(&r->made, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", date.ptr, date.ptr + 4,
		date.ptr + 6, date.ptr + 8, date.ptr + 10, date.ptr + 12) < 0)
		return -ENOMEM;
	rec->arc = true;
	rec->date = buf_slice(&r->made);
	rec->uri = rest;
	rec->type = slice_starts(rest, SLICE_LIT("filedesc:")) ? SLICE_LIT("warcinfo")
							       : SLICE_LIT("response");
	rec->content_type = slice_ieq(slice_head(rest, 4), SLICE_LIT("http"))
				? SLICE_LIT("application/http;msgtype=response")
				: word[2];
	return 0;
}

static int
parse_warc(struct warc_reader *r)
{
	struct warc_rec *rec = &r->rec;
	struct slice rest = http_headers(rec->head), length = {0};
	struct http_header h;
	const struct {
		struct slice name, *value;
	} known[] = {
	    {SLICE_LIT("WARC-Type"), &rec->type},
	    {SLICE_LIT("WARC-Record-ID"), &rec->id},
	    {SLICE_LIT("WARC-Target-URI"), &rec->uri},
	    {SLICE_LIT("WARC-Date"), &rec->date},
	    {SLICE_LIT("Content-Type"), &rec->content_type},
	    {SLICE_LIT("Content-Length"), &length},
	};

	while (http_header_next(&rest, &h))
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (known[i].value->len == 0 && slice_ieq(h.name, known[i].name))
				*known[i].value = h.value;
	rec->id = warc_bare(rec->id);
	rec->uri = warc_bare(rec->uri);
	if (length.len == 0 || !slice_to_u64(length, &rec->block_bytes)) {
		rec->block_bytes = 0;
		return -EBADMSG;
	}
	return 0;
}

/* The lines behind the first, up to the empty one.  1: they are there. */
static int
take_head(struct warc_reader *r, struct why *why)
{
	size_t n;
	int got;

	for (;;) {
		size_t start = r->head.len, room = r->head.max - start;

		if (room == 0) {
			warc_reader_fault(
			    r, false, "has a head of more than %d bytes", WARC_HEAD_MAX);
			return 0;
		}
		got = take_line(r, &r->head, room, &n, why);
		if (got < 0)
			return got;
		if (got == 0) {
			warc_reader_fault(r, false, "ends within the record's head");
			return 0;
		}
		if (slice_trim(slice_from(buf_slice(&r->head), start)).len == 0 &&
		    r->head.ptr[r->head.len - 1] == '\n')
			return 1;
	}
}

/* The first line is in r->head.  1: it is a record's, and all of the head is read. */
static int
begin_record(struct warc_reader *r, struct why *why)
{
	struct slice line = buf_slice(&r->head);
	int got;

	if (!is_magic(line)) {
		if (!r->any && slice_starts(line, SLICE_LIT("filedesc:")))
			r->is_arc = true;
		got = r->is_arc ? parse_arc(r, line) : -EBADMSG;
		if (got == -ENOMEM)
			return why_set(why, got, "%s: out of memory", r->path);
		r->rec.head = line;
		if (got < 0 && !r->lost)
			warc_reader_fault(r, false, "no record begins here");
		return got == 0;
	}
	got = take_head(r, why);
	if (got <= 0)
		return got;
	r->rec.head = buf_slice(&r->head);
	if (parse_warc(r) == 0)
		return 1;
	warc_reader_fault(r, false, "has no Content-Length that can be read");
	return 0;
}

/* To where the next record may begin: 1, in a member that has bytes; 0: the end. */
static int
find_start(struct warc_reader *r, struct why *why)
{
	struct slice piece;
	int got;

	for (;;) {
		if (!r->in_member) {
			got = warc_input_member(r->in);
			if (got < 0)
				return why_set(why, got, "%s: %s", r->path,
				    got == -ENOMEM ? "out of memory"
						   : warc_input_why(r->in));
			if (got == 0)
				return 0;
			r->in_member = true;
			r->lost = false;
		}
		got = peek(r, &piece, why);
		if (got != 0)
			return got;
	}
}

/* -- Records. -- */

static void
tell_many(struct warc_reader *r)
{
	if (r->rec.alone || r->told_many)
		return;
	r->told_many = true;
	warc_reader_fault(r, false,
	    "is not the first record of its compressed member: it cannot be read by "
	    "offset; 'trawl warc recompress' mends that");
}

static void
tell_blank(struct warc_reader *r, uint64_t n)
{
	if (n > 0 && !r->lost && !r->is_arc)
		warc_reader_fault(
		    r, true, "has %" PRIu64 " bytes of empty lines before it", n);
}

int
warc_reader_next(struct warc_reader *r, struct warc_rec *ret, struct why *why)
{
	uint64_t blank = 0;
	size_t n;
	int got;

	if (r->in_record && (got = warc_reader_end(r, &r->rec, why)) < 0)
		return got;
	for (;;) {
		got = find_start(r, why);
		if (got <= 0) {
			tell_blank(r, blank);
			return got;
		}
		buf_clear(&r->head);
		r->rec = (struct warc_rec){.offset = warc_input_at(r->in)};
		if (warc_input_coding(r->in) != WARC_PLAIN)
			r->rec.inner = warc_input_taken(r->in);
		r->rec.alone = r->rec.inner == 0;
		got = take_line(r, &r->head, r->head.max, &n, why);
		if (got < 0)
			return got;
		if (got == 0 || slice_trim(buf_slice(&r->head)).len == 0) {
			blank += n;
			continue;
		}
		got = begin_record(r, why);
		if (got < 0)
			return got;
		if (got > 0)
			break;
		r->lost = true;
	}
	tell_blank(r, blank);
	tell_many(r);
	r->lost = false;
	r->any = r->in_record = true;
	r->left = r->rec.block_bytes;
	*ret = r->rec;
	return 1;
}

int
warc_reader_block(struct warc_reader *r, struct slice *ret, struct why *why)
{
	struct slice piece;
	int got;

	if (!r->in_record || r->left == 0)
		return 0;
	got = r->in_member ? peek(r, &piece, why) : 0;
	if (got < 0)
		return got;
	if (got == 0) {
		warc_reader_fault(r, false,
		    "says that its block has %" PRIu64 " bytes, and ends %" PRIu64
		    " before that",
		    r->rec.block_bytes, r->left);
		r->left = 0;
		r->in_record = false;
		return 0;
	}
	if (piece.len > r->left)
		piece.len = (size_t)r->left;
	warc_input_take(r->in, piece.len);
	r->left -= piece.len;
	*ret = piece;
	return 1;
}

/* The two line ends behind a block; up to two behind one of ARC.  1: they are there. */
static int
take_tail(struct warc_reader *r, struct why *why)
{
	static const struct slice tail = SLICE_LIT("\r\n\r\n");
	size_t same = 0;

	while (same < tail.len) {
		struct slice piece;
		int got = peek(r, &piece, why);

		if (got < 0)
			return got;
		if (r->rec.arc) { /* one, and those who wrote them were not sure */
			if (got == 0 || piece.ptr[0] != '\n' || same == 2)
				return 1;
			warc_input_take(r->in, 1);
			same++;
			continue;
		}
		if (got == 0 || piece.ptr[0] != tail.ptr[same])
			break;
		warc_input_take(r->in, 1);
		same++;
	}
	if (same == tail.len)
		return 1;
	warc_reader_fault(r, false,
	    "does not end where its Content-Length says (%" PRIu64 " bytes): no empty "
	    "lines follow its block",
	    r->rec.block_bytes);
	r->lost = true;
	return 0;
}

/* How long it is in the file, if that can be said. */
static int
measure(struct warc_reader *r, struct why *why)
{
	struct slice piece;
	int got;

	if (warc_input_coding(r->in) != WARC_PLAIN) {
		if (!r->rec.alone)
			return 0;
		got = r->in_member ? peek(r, &piece, why) : 0;
		if (got != 0)
			return got < 0 ? got : 0;
	}
	if (!r->lost)
		r->rec.length = warc_input_end(r->in) - r->rec.offset;
	return 0;
}

int
warc_reader_end(struct warc_reader *r, struct warc_rec *rec, struct why *why)
{
	struct slice piece;
	int got;

	while ((got = warc_reader_block(r, &piece, why)) > 0)
		;
	if (got == 0 && r->in_record) {
		r->in_record = false;
		got = take_tail(r, why);
		r->rec.whole = got > 0;
		if (got > 0)
			got = measure(r, why);
	}
	if (got < 0)
		return got;
	rec->whole = r->rec.whole;
	rec->length = r->rec.length;
	return 0;
}
