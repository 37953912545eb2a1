/*
 * crawl/task.h -- what the engine asks a worker about one answer, and what it gets back.
 *
 *   task  -> worker: parse.c   (head of a pool task; the answer lies in the arena)
 *   found <- worker            (result of a pool task)
 *
 * Both are encoded with wire.h.  A result is hostile until found_decode() accepted it:
 * that checks every length, count and enum, so that what follows may trust the struct.
 *
 * Owns: nothing; decoded structs borrow from the bytes, links from the caller's array.
 */
#ifndef CRAWL_TASK_H
#define CRAWL_TASK_H
#include "base/buf.h"
#include "base/outcome.h"
#include "sink/sink.h"
#include "sink/warc_record.h"
#include "web/coding.h"
#include "web/link.h"
#include "web/page_robots.h"

enum task_kind {
	TASK_PAGE,    /* archive it, find its links */
	TASK_ROBOTS,  /* archive it, compile its rules, find its sitemaps */
	TASK_ARCHIVE, /* archive it only: parsing it killed two workers */
	TASK_KIND_MAX
};

struct task {
	enum task_kind kind;
	enum link_kind link; /* the URL came by */
	enum warc_cut cut;
	bool sitemap; /* read it as one */
	bool archive; /* make WARC records */
	uint16_t depth;
	uint8_t redirects;
	uint8_t flags;       /* enum urlrec_flag */
	uint32_t head_bytes; /* of the answer: status line .. empty line */
	int64_t wall_us;
	uint32_t fetch_ms;
	uint64_t record_id[4];
	struct slice url, via, hops, ip, protocol, request, warcinfo_id;
	/* What the archive has of it; original.id empty: nothing. */
	struct warc_original original;
};

int task_encode(const struct task *t, struct buf *out);
int task_decode(struct slice bytes, struct task *ret); /* -EBADMSG */

/* One outlink, resolved, normalised and judged. */
struct found_link {
	enum link_kind kind;
	enum outcome verdict; /* NONE: wanted; else why it is rejected */
	uint8_t flags;        /* enum urlrec_flag */
	uint8_t redirects;
	uint16_t depth;
	int16_t priority;
	uint64_t authority_hash, url_hash;
	struct slice url;
};

/* As a shape: the page has hardly a word to know it by. */
#define FOUND_SHAPE_BARE UINT64_C(1)
enum { FOUND_LINKS_MAX = 6000, FOUND_SITEMAP_LINKS_MAX = 50000, FOUND_TEXT_MAX = 65536 };

struct found {
	int status;           /* as the head says; 0: none could be read */
	uint64_t body_bytes;  /* decoded */
	uint32_t links_total; /* before dedup and cap */
	uint32_t links_cut;   /* distinct ones beyond the cap */
	uint32_t worked_us;   /* that the worker was at it */
	enum coding_status coding; /* not OK: links are from what could be read */
	int64_t retry_after_ms; /* -1: none */
	struct page_robots robots; /* of the head and of the page */
	bool has_simhash;
	uint64_t simhash;
	uint64_t shape; /* text_shape(); 0: not looked for */
	struct slice mime, charset, title, canonical, lang, description, redirect_to;
	struct slice text; /* the main one; empty: none, or not looked for */
	char digest[48];
	struct slice checks;  /* sink/checks.h; empty: nothing was noted */
	struct slice fields;  /* select_values_encode(); empty: none were looked for */
	enum sink_copy copy;
	struct slice copy_bytes;
	struct slice rules;   /* TASK_ROBOTS */
	struct slice records; /* gzip members */
	struct warc_parts parts;
	struct found_link *links;
	uint32_t links_len;
	uint32_t links_known; /* that were left out: the store thread has them */
};

/* Links last. */
int found_encode(const struct found *f, struct buf *out);
/* Checks everything; `links` has room for `links_max`.  -EBADMSG. */
int found_decode(
    struct slice bytes, struct found_link *links, uint32_t links_max, struct found *ret);
/* How many links the result claims, to size the array; at most FOUND_SITEMAP_LINKS_MAX.
 */
uint32_t found_links_len(struct slice bytes);
#endif
