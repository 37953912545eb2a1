/*
 * observe/logline.h -- pure: what the lines of a crawl's logs say.
 *
 *   crawl.log      logline_parse()      columns, sink/crawl_log.c
 *   rejected.log   rejectline_parse()   tab separated, sink/rejected_log.c
 *   changes.tsv    changeline_parse()   tab separated, sink/changes.c
 *   pages.jsonl    pageline_parse()     an object a line, sink/jsonl.c; of it only what
 *                                       crawl.log does not have
 *
 * Owns:    nothing: slices point into the line.  Texts of the first three are escaped as the
 *          logs have them (unescape_line()), of the last as JSON (pageline_text()).
 * Errors:  false: it is no such line.
 */
#ifndef OBSERVE_LOGLINE_H
#define OBSERVE_LOGLINE_H
#include "base/buf.h"
#include "base/outcome.h"
#include "base/page_change.h"

struct logline {
	struct slice logged_at, url, hops, via, mime, digest,
	    annotations; /* empty: "-" */
	int status;      /* below 100: there was no answer */
	bool has_bytes;
	uint64_t bytes;           /* of the body */
	int64_t start_ms, end_ms; /* wall clock */
	enum outcome outcome;
	bool retry;        /* it will be tried again */
	bool internal;     /* robots.txt: no page */
	bool probe;        /* of what its host has not: --check-links */
	bool contacted;    /* its host was asked */
	struct slice kind; /* of the link it came by; of broken ones */
	struct slice why;  /* it failed, for logline_sentence() */
};
bool logline_parse(struct slice line, struct logline *ret);
/* Appends a sentence that is one word there (sink/lines.h). */
int logline_sentence(struct buf *out, struct slice word);
/* What a site should mend: the link leads nowhere. */
bool logline_is_broken(const struct logline *l);
/* Of a URL in normal form: what is before the path; empty: it is none. */
struct slice logline_authority(struct slice url);

struct rejectline {
	enum outcome outcome;
	struct slice url, via, detail;
};
bool rejectline_parse(struct slice line, struct rejectline *ret);

struct changeline {
	uint32_t round;
	enum page_change change;
	enum outcome outcome;
	int status; /* 0: there was no answer */
	struct slice url;
};
bool changeline_parse(struct slice line, struct changeline *ret);

struct pageline {
	struct slice url, redirect_to, digest, mime; /* as JSON has them, unquoted */
	int status;
	enum outcome outcome;
	bool has_simhash;
	uint64_t simhash;
};
bool pageline_parse(struct slice line, struct pageline *ret);
/* Appends what such a string stands for. */
int pageline_text(struct buf *out, struct slice json);
#endif
