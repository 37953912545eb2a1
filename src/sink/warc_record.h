/*
 * sink/warc_record.h -- the WARC 1.1 records of one HTTP exchange, each a gzip member.
 *
 * Runs in a worker: bytes in, bytes out, no I/O.
 * Source: ISO 28500:2017 (WARC 1.1).  HTTP as received after transfer decoding: a
 * Transfer-Encoding header would lie about the block and is written with the name
 * X-Archive-Orig-Transfer-Encoding.
 */
#ifndef SINK_WARC_RECORD_H
#define SINK_WARC_RECORD_H
#include "base/buf.h"

struct warc_packer; /* compressor and digest contexts, reused */
int warc_packer_new(struct warc_packer **ret);
void warc_packer_free(struct warc_packer *p);

enum warc_cut { WARC_CUT_NONE, WARC_CUT_LENGTH, WARC_CUT_TIME, WARC_CUT_DISCONNECT };

struct warc_exchange {
	struct slice uri, ip, protocol; /* protocol: "http/1.1", "h2" */
	int64_t wall_us;                /* when the request was sent */
	uint64_t record_id[4];          /* random bits: two ids */
	struct slice warcinfo_id;       /* "urn:uuid:..." */
	struct slice request;           /* as sent */
	struct slice head, body;        /* the answer: status line .. empty line; payload */
	enum warc_cut cut;
	struct slice via, hops;         /* metadata record; via empty for seeds */
	uint32_t fetch_ms;
};

struct warc_parts {
	uint32_t n;
	uint64_t at[4]; /* offset of each member within what was appended */
	char payload_digest[48]; /* "sha1:" + base32 */
};

/* Appends response, request, metadata members to `out`. */
int warc_pack(struct warc_packer *p, const struct warc_exchange *x, struct buf *out,
    struct warc_parts *ret);
/* The digest alone, as warc_pack() gives it. */
void warc_payload_digest(struct warc_packer *p, struct slice payload, char ret[48]);
#endif
