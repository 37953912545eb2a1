/*
 * crawl/parse.h -- what a worker does with one answer: archive it, find its links, judge
 * them.
 *
 *   answer -> decode content coding -> charset, HTML/CSS/sitemap -> resolve, normalise,
 *             dedup, scope -> found          (and: WARC records, digests)
 *
 * Runs jailed, or inline on a virtual loop.  No I/O.
 */
#ifndef CRAWL_PARSE_H
#define CRAWL_PARSE_H
#include "base/buf.h"
#include "loop/pool.h"
#include "sink/warc_input.h"

enum parse_copy { PARSE_COPY_NONE, PARSE_COPY_AS_IS, PARSE_COPY_RELINKED };

struct parse_limits {
	uint64_t decoded_bytes; /* of one body, after content decoding */
	uint64_t notes_bytes;   /* of what is noted of it: links, texts, fields */
	uint32_t links;         /* different ones of one page */
	enum warc_coding coding; /* of the archive */
	enum parse_copy copy;    /* for the mirror */
	uint64_t copy_bytes;     /* of one at most; what is longer is left out */
	/* A table of frontier/known.h in the arena: what is in is left out of the links,
	 * and counted.  0 bytes: none. */
	uint64_t known_at, known_bytes, known_salt;
};

/* What a context is configured with: the blob of the fields (crawl/fields.h), or nothing,
 * and settings of the scope (crawl/scope.h), to which news of it can be appended. */
int parse_settings(struct slice scope, struct slice fields,
    const struct parse_limits *limits, struct buf *out);

/* Deadline of a task with so many bytes of an answer. */
static inline uint32_t
parse_timeout_ms(uint64_t bytes)
{
	return 10000 + (uint32_t)(bytes >> 20) * 1000;
}

extern const struct pool_ops parse_ops;
#endif
