/*
 * sink/warc_record.h -- the WARC 1.1 records of one HTTP exchange, each a member of its own.
 *
 * A member is one of gzip, or a frame of zstd, or the record as it is: warc_packer_code().
 *
 * Runs in a worker: bytes in, bytes out, no I/O, nothing loaded after warc_packer_new().
 *
 * HTTP as received after transfer decoding: a Transfer-Encoding header would lie about
 * the block and is written with the name X-Archive-Orig-Transfer-Encoding.  An HTTP/2
 * answer is written with the version HTTP/1.1 (readers know no other), `protocol` tells
 * the truth. Empty lines can only stand at the end of a head; so a reader finds the
 * payload where the payload digest was taken.
 *
 * WARC-Date has whole seconds: 1.1 permits fractions, but validators in use (JHOVE) call
 * a record that has one not well-formed.  pages.jsonl and crawl.log keep the
 * milliseconds.
 *
 * Owns:    the packer its scratch memory, about 5 MiB at most.  Slices are borrowed for
 *          the call.
 * Errors:  -ENOMEM; -EMSGSIZE when `out` is at its maximum or a head is absurdly long;
 *          -EINVAL without a URI or an answer.  `out` and `ret` are untouched on failure.
 * Threads: a packer serves one at a time.
 * Source:  ISO 28500:2017 (WARC 1.1), RFC 1952, RFC 4648 section 6.
 */
#ifndef SINK_WARC_RECORD_H
#define SINK_WARC_RECORD_H
#include "base/buf.h"
#include "sink/warc_input.h"

struct warc_packer; /* compressor and digest contexts, reused */
int warc_packer_new(struct warc_packer **ret);
void warc_packer_free(struct warc_packer *p);
/* From now on; gzip at first. */
void warc_packer_code(struct warc_packer *p, enum warc_coding coding);
/* Nothing of what it has packed is left in its memory. */
void warc_packer_forget(struct warc_packer *p);

enum warc_cut { WARC_CUT_NONE, WARC_CUT_LENGTH, WARC_CUT_TIME, WARC_CUT_DISCONNECT };

/* Of the metadata record, in Heritrix's form: URL, hop letter, kind. */
struct warc_outlink {
	struct slice url, kind;
	char hop;
};

/* An answer that was archived before, maybe elsewhere: then a revisit record tells that it
 * is still so, in the place of the whole. */
struct warc_original {
	struct slice id, uri; /* "urn:uuid:..." of its record; its target */
	int64_t wall_us;      /* its WARC-Date */
	struct slice payload_digest;
};
enum warc_revisit {
	WARC_NO_REVISIT,
	WARC_IDENTICAL,    /* the payload was sent again and is the same */
	WARC_NOT_MODIFIED, /* a 304 says so */
};

struct warc_exchange {
	struct slice uri, ip, protocol; /* protocol: "http/1.1", "h2" */
	int64_t wall_us;                /* when the request was sent */
	uint64_t record_id[4];    /* random bits: two ids; the third is made of both */
	struct slice warcinfo_id; /* "urn:uuid:..."; empty: left out */
	struct slice request;     /* as sent; empty: no request record */
	struct slice head, body;  /* the answer: status line .. empty line; payload */
	enum warc_cut cut;
	const struct warc_original *original; /* NULL: there is none */
	struct slice via, hops;               /* metadata record; via empty for seeds */
	uint32_t fetch_ms;
	/* The i-th, from 0; what is past 1 MiB of them is left out. */
	struct warc_outlink (*outlink)(const void *ctx, size_t i);
	const void *outlinks;
	size_t outlinks_n;
};

struct warc_parts {
	uint32_t n;
	uint64_t at[4];          /* offset of each member within what was appended */
	char payload_digest[48]; /* "sha1:" + base32; of a 304, that of the original */
	enum warc_revisit revisit;
};

/* Appends response (or revisit), request, metadata members to `out`. */
int warc_pack(struct warc_packer *p, const struct warc_exchange *x, struct buf *out,
    struct warc_parts *ret);
/* Whether `records` are members of `coding` at all these places. */
bool warc_are_members(
    enum warc_coding coding, struct slice records, const uint64_t *at, uint32_t n);
/*
 * The same `n` records for another file: what they say of their warcinfo is changed from
 * one id to another of the same length.  Places as in warc_parts.  -EBADMSG: they are no
 * records of ours.
 */
int warc_move(struct warc_packer *p, struct slice records, const uint64_t *at, uint32_t n,
    const struct slice ids[2], struct buf *out, uint64_t *ret_at);
/* The id of the response that a record set begins with.  -EBADMSG: it has none, or is cut,
 * or its heads are longer than 64 KiB. */
int warc_response_id(enum warc_coding coding, struct slice records, const uint64_t *at,
    uint32_t n, char ret[48]);
/* The set with a revisit of `original`, which has the same payload, in the place of its
 * response; errors likewise.  Places as in warc_parts. */
int warc_make_revisit(struct warc_packer *p, enum warc_coding coding,
    struct slice records, const uint64_t *at, uint32_t n,
    const struct warc_original *original, int64_t wall_us, struct buf *out,
    uint64_t *ret_at);
/* The digest alone, as warc_pack() gives it. */
void warc_payload_digest(struct warc_packer *p, struct slice payload, char ret[48]);

/* "urn:uuid:..." of version 4 from 122 of the 128 bits. */
enum { WARC_ID_MAX = 48 };
void warc_id(const uint64_t bits[2], char ret[WARC_ID_MAX]);

/* What a name server said: a response of text/dns. */
struct warc_name {
	struct slice uri, server, warcinfo_id; /* uri: "dns:NAME" */
	int64_t wall_us;
	uint64_t record_id[2];
	struct slice text;
};
int warc_pack_name(struct warc_packer *p, const struct warc_name *x, struct buf *out,
    char ret_digest[48]);

/* The record that a file begins with.  `fields` is its block, made by warc_info_field().
 */
struct warc_info {
	struct slice id, file; /* file: base name */
	int64_t wall_us;
	struct slice fields;
};
int warc_pack_info(struct warc_packer *p, const struct warc_info *x, struct buf *out);
/* "name: value" of application/warc-fields; an empty value is left out, controls become
 * spaces. */
int warc_info_field(struct buf *b, const char *name, struct slice value);
#endif
