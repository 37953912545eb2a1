#include "sink/warc_verify.h"
#include "base/sorter.h"
#include "sink/warc_body.h"
#include "web/http.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/banned.h"

enum { PAIRS_BYTES = 8 << 20, FIELDS_MAX = 64 };

enum pair_kind { PAIR_RECORD, PAIR_CONCURRENT, PAIR_WARCINFO, PAIR_ORIGINAL };

/* A record, or what another says of it.  The records of an id come first. */
struct pair {
	uint64_t id[2];
	uint64_t offset;
	uint32_t file;
	uint32_t payload; /* of its digest; 0: has none */
	uint8_t kind;     /* enum pair_kind */
	uint8_t type;     /* index in types */
};

#define TYPES(X)                                                                         \
	X(WARCINFO, "warcinfo")                                                          \
	X(RESPONSE, "response")                                                          \
	X(RESOURCE, "resource")                                                          \
	X(REQUEST, "request")                                                            \
	X(METADATA, "metadata")                                                          \
	X(REVISIT, "revisit")                                                            \
	X(CONVERSION, "conversion")                                                      \
	X(CONTINUATION, "continuation")
enum rec_type {
#define X(id, name) TYPE_##id,
	TYPES(X)
#undef X
	    TYPE_OTHER
};

struct warc_verify {
	struct warc_watch watch;
	struct warc_counts counts;
	struct sorter *pairs;
	struct warc_body body;
	struct warc_digest *block, *payload, *unchunked;
	char **files;
	uint32_t files_n;
	struct warc_reader *reader; /* of the file that is read */
	bool block_on, payload_on;
	enum rec_type type;
	struct warc_chunks chunks;
};

static int
pair_cmp(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int r = memcmp(x->id, y->id, sizeof(x->id));

	if (r == 0)
		r = (x->kind > y->kind) - (x->kind < y->kind);
	if (r == 0)
		r = (x->file > y->file) - (x->file < y->file);
	return r != 0 ? r : (x->offset > y->offset) - (x->offset < y->offset);
}

static void
count_fault(void *ctx, const struct warc_fault *f)
{
	struct warc_verify *v = ctx;

	if (f->note)
		v->counts.notes++;
	else
		v->counts.faults++;
	if (v->watch.fault != NULL)
		v->watch.fault(v->watch.ctx, f);
}

int
warc_verify_new(const char *dir, const struct warc_watch *watch, struct warc_verify **ret)
{
	const struct sorter_conf conf = {
	    .record_bytes = sizeof(struct pair),
	    .memory_bytes = PAIRS_BYTES,
	    .cmp = pair_cmp,
	    .dir = dir,
	};
	struct warc_verify *v = calloc(1, sizeof(*v));
	int r;

	if (v == NULL)
		return -ENOMEM;
	warc_body_init(&v->body);
	if (watch != NULL)
		v->watch = *watch;
	r = sorter_new(&conf, &v->pairs);
	if (r == 0)
		r = warc_digest_new(&v->block);
	if (r == 0)
		r = warc_digest_new(&v->payload);
	if (r == 0)
		r = warc_digest_new(&v->unchunked);
	if (r < 0) {
		warc_verify_free(v);
		return r;
	}
	*ret = v;
	return 0;
}

void
warc_verify_free(struct warc_verify *v)
{
	if (v == NULL)
		return;
	for (uint32_t i = 0; i < v->files_n; i++)
		free(v->files[i]);
	free(v->files);
	warc_digest_free(v->unchunked);
	warc_digest_free(v->payload);
	warc_digest_free(v->block);
	sorter_free(v->pairs);
	warc_body_release(&v->body);
	free(v);
}

/* -- What a record's head says. -- */

#define FAULT(v, ...) warc_reader_fault((v)->reader, false, __VA_ARGS__)
#define NOTE(v, ...)  warc_reader_fault((v)->reader, true, __VA_ARGS__)

static enum rec_type
type_of(struct slice name)
{
	static const struct slice names[] = {
#define X(id, name) SLICE_LIT(name),
	    TYPES(X)
#undef X
	};
	size_t i = 0;

	while (i < TYPE_OTHER && !slice_eq(names[i], name))
		i++;
	return (enum rec_type)i;
}

/* "2026-01-31T12:00:00Z", with a fraction (1.1), or only a part of it (1.1). */
static bool
is_date(struct slice s)
{
	static const char shape[] = "0000-00-00T00:00:00";
	size_t i = 0;

	for (; i < sizeof(shape) - 1 && i < s.len; i++)
		if (shape[i] == '0' ? !ascii_is_digit(s.ptr[i]) : shape[i] != s.ptr[i])
			break;
	if (i < sizeof(shape) - 1)
		return s.len == i && (i == 4 || i == 7 || i == 10);
	if (i < s.len && s.ptr[i] == '.')
		for (i++; i < s.len && ascii_is_digit(s.ptr[i]); i++)
			;
	return i + 1 == s.len && s.ptr[i] == 'Z';
}

/* Each header once, but for those that may be repeated. */
static void
check_repeats(struct warc_verify *v, const struct warc_rec *rec)
{
	struct slice rest = http_headers(rec->head), seen[FIELDS_MAX];
	struct http_header h;
	size_t n = 0;

	while (http_header_next(&rest, &h)) {
		if (slice_ieq(h.name, SLICE_LIT("WARC-Concurrent-To")) ||
		    slice_ieq(h.name, SLICE_LIT("WARC-Protocol")))
			continue;
		for (size_t i = 0; i < n; i++)
			if (slice_ieq(seen[i], h.name)) {
				FAULT(v, "has " SLICE_FMT " more than once",
				    SLICE_ARG(slice_head(h.name, 100)));
				return;
			}
		if (n < FIELDS_MAX)
			seen[n++] = h.name;
	}
}

static void
check_target(struct warc_verify *v, const struct warc_rec *rec)
{
	struct slice written = warc_rec_get(rec, SLICE_LIT("WARC-Target-URI"));

	if (rec->uri.len == 0 && v->type != TYPE_WARCINFO && v->type != TYPE_METADATA &&
	    v->type != TYPE_OTHER)
		FAULT(v, "has no WARC-Target-URI, which a " SLICE_FMT " must have",
		    SLICE_ARG(slice_head(rec->type, 40)));
	if (rec->uri.len > 0 && v->type == TYPE_WARCINFO)
		FAULT(v, "is a warcinfo, which must not have a WARC-Target-URI");
	if (rec->uri.len < written.len)
		NOTE(
		    v, "has its WARC-Target-URI in angle brackets, as WARC 1.0 was read");
	if (slice_find(rec->uri, ' ') < rec->uri.len)
		FAULT(v, "has a blank in its WARC-Target-URI");
}

static void
check_head(struct warc_verify *v, const struct warc_rec *rec)
{
	struct slice version =
	    slice_trim(slice_head(rec->head, slice_find(rec->head, '\n')));

	if (rec->arc)
		return;
	if (!slice_eq(version, SLICE_LIT("WARC/1.0")) &&
	    !slice_eq(version, SLICE_LIT("WARC/1.1")))
		NOTE(v, "is of version " SLICE_FMT, SLICE_ARG(slice_head(version, 40)));
	if (rec->type.len == 0)
		FAULT(v, "has no WARC-Type");
	else if (v->type == TYPE_OTHER)
		NOTE(v, "has the type '" SLICE_FMT "', which the standard does not know",
		    SLICE_ARG(slice_head(rec->type, 40)));
	if (rec->id.len == 0)
		FAULT(v, "has no WARC-Record-ID");
	if (rec->date.len == 0)
		FAULT(v, "has no WARC-Date");
	else if (!is_date(rec->date))
		FAULT(v, "has a WARC-Date that is none: '" SLICE_FMT "'",
		    SLICE_ARG(slice_head(rec->date, 40)));
	check_repeats(v, rec);
	check_target(v, rec);
	if (v->type == TYPE_REVISIT &&
	    warc_rec_get(rec, SLICE_LIT("WARC-Profile")).len == 0)
		FAULT(v, "is a revisit without WARC-Profile");
}

/* -- What records say of each other. -- */

static int
add_pair(struct warc_verify *v, const struct warc_rec *rec, struct slice id,
    enum pair_kind kind)
{
	struct slice digest = warc_rec_get(rec, SLICE_LIT("WARC-Payload-Digest"));
	XXH128_hash_t h;
	struct pair p;

	id = warc_bare(id);
	if (id.len == 0)
		return 0;
	memset(&p, 0, sizeof(p));
	h = XXH3_128bits(id.ptr, id.len);
	p.id[0] = h.high64;
	p.id[1] = h.low64;
	p.offset = rec->offset;
	p.file = v->files_n - 1;
	p.kind = (uint8_t)kind;
	p.type = (uint8_t)v->type;
	if (digest.len > 0)
		p.payload = (uint32_t)XXH3_64bits(digest.ptr, digest.len) | 1;
	return sorter_add(v->pairs, &p);
}

static int
add_pairs(struct warc_verify *v, const struct warc_rec *rec)
{
	struct slice rest = http_headers(rec->head);
	struct http_header h;
	int r = rec->arc ? 0 : add_pair(v, rec, rec->id, PAIR_RECORD);

	while (r == 0 && !rec->arc && http_header_next(&rest, &h)) {
		if (slice_ieq(h.name, SLICE_LIT("WARC-Concurrent-To")))
			r = add_pair(v, rec, h.value, PAIR_CONCURRENT);
		else if (slice_ieq(h.name, SLICE_LIT("WARC-Warcinfo-ID")))
			r = add_pair(v, rec, h.value, PAIR_WARCINFO);
		else if (slice_ieq(h.name, SLICE_LIT("WARC-Refers-To")))
			r = add_pair(v, rec, h.value, PAIR_ORIGINAL);
	}
	return r;
}

/* -- The block. -- */

static bool
digest_begin(struct warc_verify *v, struct warc_digest *d, struct slice value)
{
	if (value.len == 0)
		return false;
	if (warc_digest_begin(d, value))
		return true;
	NOTE(v, "has a digest of a kind that is not known: '" SLICE_FMT "'",
	    SLICE_ARG(slice_head(value, 40)));
	return false;
}

static void
block_begin(struct warc_verify *v, const struct warc_rec *rec)
{
	struct slice payload = warc_rec_get(rec, SLICE_LIT("WARC-Payload-Digest"));
	bool part = warc_rec_get(rec, SLICE_LIT("WARC-Segment-Number")).len > 0;

	warc_body_begin(&v->body, rec);
	v->chunks = (struct warc_chunks){.state = CHUNK_SIZE};
	v->block_on =
	    digest_begin(v, v->block, warc_rec_get(rec, SLICE_LIT("WARC-Block-Digest")));
	/* A revisit has the digest of what it does not hold, a segment that of the whole. */
	v->payload_on = v->type != TYPE_REVISIT && !part &&
			digest_begin(v, v->payload, payload) &&
			warc_digest_begin(v->unchunked, payload);
}

static int
block_feed(struct warc_verify *v, struct slice piece)
{
	struct slice payload, data;
	int r;

	if (v->block_on)
		warc_digest_feed(v->block, piece);
	r = warc_body_feed(&v->body, piece, &payload);
	if (r < 0 || !v->payload_on)
		return r;
	warc_digest_feed(v->payload, payload);
	if (v->body.chunked)
		while (warc_chunks_next(&v->chunks, &payload, &data))
			warc_digest_feed(v->unchunked, data);
	return 0;
}

static void
block_end(struct warc_verify *v, const struct warc_rec *rec)
{
	char have[WARC_DIGEST_MAX], other[WARC_DIGEST_MAX];
	bool chunked = v->body.chunked;

	if (v->block_on && !warc_digest_end(v->block, have))
		FAULT(v, "its block has the digest %s, and it says " SLICE_FMT, have,
		    SLICE_ARG(slice_head(
			warc_rec_get(rec, SLICE_LIT("WARC-Block-Digest")), 150)));
	if (v->payload_on) {
		/* Of a body in chunks, some archives have the digest of what the chunks are. */
		if (warc_digest_end(v->payload, have) ||
		    (chunked && warc_digest_end(v->unchunked, other)))
			v->counts.payloads++;
		else
			FAULT(v, "its payload has the digest %s, and it says " SLICE_FMT,
			    have,
			    SLICE_ARG(slice_head(
				warc_rec_get(rec, SLICE_LIT("WARC-Payload-Digest")),
				150)));
	}
	if (!rec->whole || !v->body.http || rec->block_bytes == 0)
		return;
	if (!v->body.ended && v->type != TYPE_REVISIT)
		NOTE(v, "holds HTTP without the empty line that ends its head");
	if (v->type == TYPE_RESPONSE && warc_body_status(&v->body) == 0)
		FAULT(v, "is a response that does not begin with a status line");
}

static int
check_record(struct warc_verify *v, struct warc_rec *rec, struct why *why)
{
	struct slice piece;
	int r;

	v->counts.records++;
	v->type = type_of(rec->type);
	check_head(v, rec);
	r = add_pairs(v, rec);
	if (r < 0)
		return why_set(why, r, "%s: cannot sort what its records say: %s",
		    v->files[v->files_n - 1], strerrordesc_np(-r));
	block_begin(v, rec);
	while ((r = warc_reader_block(v->reader, &piece, why)) > 0)
		if ((r = block_feed(v, piece)) < 0)
			return why_set(why, r, "out of memory");
	if (r == 0)
		r = warc_reader_end(v->reader, rec, why);
	if (r == 0)
		block_end(v, rec);
	return r;
}

int
warc_verify_file(struct warc_verify *v, const char *path, struct why *why)
{
	const struct warc_watch watch = {count_fault, v};
	char **files = realloc(v->files, (v->files_n + 1) * sizeof(*files));
	struct warc_rec rec;
	uint64_t before = v->counts.records;
	int r;

	if (files == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	v->files = files;
	files[v->files_n] = slice_dup(slice_cstr(path));
	if (files[v->files_n] == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	v->files_n++;
	r = warc_reader_open(path, &watch, &v->reader, why);
	if (r < 0)
		return r;
	while ((r = warc_reader_next(v->reader, &rec, why)) > 0) {
		r = check_record(v, &rec, why);
		if (r < 0)
			break;
		if (v->counts.records == before + 1 && v->type != TYPE_WARCINFO)
			NOTE(v, "is the first, and no warcinfo");
	}
	if (r == 0 && v->counts.records == before)
		count_fault(
		    v, &(struct warc_fault){.file = path, .text = "holds no record"});
	warc_reader_close(v->reader);
	v->reader = NULL;
	return r;
}

/* -- At the end. -- */

static void
tell_pair(struct warc_verify *v, const struct pair *p, bool note, const char *text)
{
	count_fault(v, &(struct warc_fault){.file = v->files[p->file],
			   .offset = p->offset,
			   .note = note,
			   .text = text});
}

static void
check_pair(struct warc_verify *v, const struct pair *rec, const struct pair *p)
{
	switch ((enum pair_kind)p->kind) {
	case PAIR_RECORD:
		if (rec != NULL)
			tell_pair(
			    v, p, false, "has the WARC-Record-ID of another record");
		break;
	case PAIR_CONCURRENT:
		if (rec == NULL)
			tell_pair(v, p, false,
			    "has a WARC-Concurrent-To that is no record of these files");
		else if (p->type == TYPE_REQUEST && rec->type == TYPE_REQUEST)
			tell_pair(v, p, false, "is a request to another request");
		break;
	case PAIR_WARCINFO:
		if (rec == NULL)
			tell_pair(v, p, false,
			    "has a WARC-Warcinfo-ID that is no record of these files");
		else if (rec->type != TYPE_WARCINFO)
			tell_pair(v, p, false,
			    "has a WARC-Warcinfo-ID that names a record of another type");
		else if (rec->file != p->file)
			tell_pair(v, p, true, "names the warcinfo of another file");
		break;
	case PAIR_ORIGINAL:
		if (rec == NULL)
			tell_pair(
			    v, p, true, "refers to a record that is not in these files");
		else if (p->type == TYPE_REVISIT && p->payload != 0 &&
			 rec->payload != 0 && p->payload != rec->payload)
			tell_pair(v, p, false,
			    "is a revisit of a record with another payload digest");
		break;
	}
}

int
warc_verify_end(struct warc_verify *v, struct warc_counts *ret, struct why *why)
{
	struct pair rec = {.kind = PAIR_RECORD}, p;
	bool known = false;
	int r = sorter_sort(v->pairs);

	while (r == 0 && (r = sorter_next(v->pairs, &p)) > 0) {
		bool same = known && memcmp(p.id, rec.id, sizeof(p.id)) == 0;

		check_pair(v, same ? &rec : NULL, &p);
		if (p.kind == PAIR_RECORD && !same) {
			rec = p;
			known = true;
		}
		r = 0;
	}
	if (r < 0)
		return why_set(why, r, "cannot sort what records say of each other: %s",
		    strerrordesc_np(-r));
	*ret = v->counts;
	return 0;
}
