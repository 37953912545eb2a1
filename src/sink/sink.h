/*
 * sink/sink.h -- where results go: archive, records, logs.  One table, opened by name.
 *
 * A sink is fed events, in the order in which fetches ended; `warc` is fed first, so that
 * the others can say where a page lies in the archive.  Sinks write through a buffer of
 * their own; sink_flush() puts it into the file, sink_sync() makes it durable, and
 * sink_mark() says how far: what a later opening cuts the files back to.
 *
 * Owns:    its files.  An event and its slices are the caller's, valid within sink_put().
 * Errors:  -errno with the sentence; -ENOSPC leaves the sink as it was before the event
 *          that did not fit (buffers kept), so that the same put can be tried again.
 * Threads: the store thread.
 */
#ifndef SINK_SINK_H
#define SINK_SINK_H
#include "base/buf.h"
#include "base/outcome.h"
#include "base/page_change.h"
#include "base/why.h"
#include "sink/warc_input.h"
#include "web/link.h"
#include "web/page_robots.h"
#include <limits.h>
#include <stdatomic.h>

struct select;
struct uploads_conf;
struct sink_conf {
	const char *dir; /* of the crawl; exists */
	/* Within it, for what nobody but a later run wants; NULL: none goes on from here. */
	const char *state_dir;
	const char *job; /* name, for file names: [A-Za-z0-9._-]+ */
	const char *user_agent, *operator_from; /* warcinfo; from may be NULL */
	const char *robots;                     /* "obey" or "ignore": warcinfo */
	const char *software;                   /* "trawl/0.1.0 ..." */
	const char *hostname; /* of this machine: warcinfo; NULL: not told */
	/* The job file in force, for warcinfo; empty: left out.  It is written into every
	 * archive file, so the caller takes passwords and cookies out first. */
	struct slice settings;
	/* The same without its seeds, and how many these are: told instead where the
	 * whole is too long or empty.  0: there is nothing else to tell. */
	struct slice settings_brief;
	uint64_t seeds;
	enum warc_coding warc_coding;
	uint64_t warc_bytes_max; /* roll over past it; 1 GB */
	bool
	    warc_begin; /* a new file, whatever grows: what a round wrote stays as it is */
	int64_t wall_us;         /* now */
	uint64_t run_id[2];      /* random, of this run */
	/* Of `csv`: web/select.h, NULL: no fields, and it must outlive the sink; columns. */
	const struct select *select;
	struct slice csv_columns;
	/* Of `stdout`: where it writes, how long it waits for a reader that takes nothing,
	 * and how long with `hurry`, which is set when the crawl is to stop; NULL: never. */
	int out_fd;
	int64_t out_wait_ms, out_hurry_ms;
	const atomic_bool *hurry;  /* also of `mirror` */
	uint64_t mirror_bytes_max; /* of a file in the mirror */
	uint64_t
	    sqlite_bytes; /* of `sqlite`: for pages of its file; 0: as SQLite has it */
	/* Of `exec`: sink/feeder.h says what these are. */
	const struct exec_conf *exec;
	const struct uploads_conf *s3; /* of `s3`: sink/uploads.h; for opening only */
	/* What sinks with a thread have to say, harmless for a terminal; any thread. */
	void (*tell)(const char *text);
};

/* Of most file systems: a file takes whole ones. */
enum { SINK_BLOCK_BYTES = 4096 };
/* What so many bytes take of the disk in a file of their own. */
static inline uint64_t
sink_file_bytes(uint64_t n)
{
	return (n + SINK_BLOCK_BYTES - 1) / SINK_BLOCK_BYTES * SINK_BLOCK_BYTES;
}

/* It must outlive the sink. */
struct exec_conf {
	const char *command; /* sink/command.h */
	const char *const *env;
	size_t env_len;
	bool confirm;
	uint32_t restarts;
	int64_t window_ms, stall_ms, finish_ms;
};

enum sink_event_kind {
	/* A fetch attempt ended: crawl.log.  With `records` also the WARC; with
	 * `response`, `final` and not `internal` also pages.jsonl. */
	SINK_FETCH,
	SINK_REJECT, /* a URL was rejected: rejected.log */
	SINK_NAME,   /* a name was asked for: archived as url "dns:NAME" */
};

/* What a worker made of a body for the mirror. */
enum sink_copy {
	SINK_COPY_NONE,
	SINK_COPY_BYTES,  /* its bytes, the content coding off */
	SINK_COPY_PIECES, /* sink/mirror_page.h */
	SINK_COPY_MAX
};

enum { SINK_TEXT_BYTES_MAX = 256 << 10 }; /* of the main text; longer ones are cut */

/* One that was found on a page. */
struct sink_link {
	enum link_kind kind;
	enum outcome rejected; /* NONE: it is wanted */
	struct slice url;
};

struct sink_event {
	enum sink_event_kind kind;
	enum outcome outcome;
	enum link_kind link; /* it came by */
	bool response;       /* HTTP came back */
	bool final;          /* false: will be tried again */
	bool internal;       /* robots.txt: archived and logged, no page */
	enum page_change change; /* final: since the round before; changes.tsv */
	uint32_t round;          /* it was found in */
	int status;
	uint16_t depth;
	uint8_t attempts; /* this one included */
	int64_t began_wall_us;
	/* Its host was reached for; the gap to the request before it that was in force then,
	 * whose rule that was, and how many requests at once were permitted. */
	bool contacted;
	int64_t gap_ms;
	const char *gap_rule;
	uint32_t at_once, per_ip,
	    per_site; /* of the host, its address, its site; 0: none */
	uint32_t dns_ms, connect_ms, tls_ms, first_byte_ms, total_ms;
	uint64_t wire_bytes, body_bytes;
	uint32_t links;
	struct page_robots robots;
	const char *coding; /* what is wrong with the content coding; NULL: nothing */
	bool has_simhash;
	uint64_t simhash; /* of the page's text, web/words.h */
	struct slice url, via, hops, mime, charset, title, canonical, lang, description;
	struct slice text; /* the main one of the page; empty: not asked for, or none */
	/* Fields of a page: their names, and values as select_values_encode() made them.
	 * Empty: none were looked for. */
	const struct select *select;
	struct slice fields;
	/* With --check-links: how it was asked, and what was noted of it. */
	uint8_t check;       /* enum checks_how */
	struct slice checks; /* sink/checks.h; empty: nothing */
	enum sink_copy copy;
	struct slice copy_bytes;
	struct slice digest; /* sha1:... */
	struct slice digest_before; /* with a change: of what was there; empty: nothing */
	struct slice redirect_to, protocol, ip;
	/* The different links of the page, resolved: the i-th by outlink_get(). */
	size_t outlinks_len;
	const void *outlinks;
	void (*outlink_get)(const void *outlinks, size_t i, struct sink_link *ret);
	/* NAME: who answered, and the answer as text/dns has it; its record's id. */
	struct slice server, answer;
	uint64_t record_id[2];
	struct slice detail; /* error or the rule that decided */
	struct slice quarantine; /* name of what is kept of it there; empty: nothing */
	/* The record set of the exchange, each a member: response first, then
	 * request, then metadata.  `records_at[i]` is the offset of the i-th member. */
	struct slice records;
	uint32_t records_n;
	uint64_t records_at[4];
	bool revisit;             /* the first is one, not the answer itself */
	struct slice warcinfo_id; /* they were packed with; empty: the current one */
	/* Set by the warc sink when it took the records. */
	struct slice warc_file;            /* base name; valid until the next put */
	uint64_t warc_offset, warc_length; /* of the response record */
};

/* What a mark stands for: so much of that file, below the crawl's directory.  An archive
 * that still grows has ".open" behind its name. */
struct sink_place {
	char file[NAME_MAX + 16];
	uint64_t length;
};

struct sink;
struct sink_type {
	const char *name;
	bool outlinks; /* it tells all of a page, also those that are known already */
	int (*open)(struct sink *s, const struct sink_conf *conf, struct slice mark,
	    struct why *why);
	int (*put)(struct sink *s, struct sink_event *e, struct why *why);
	int (*flush)(struct sink *s, struct why *why);
	int (*sync)(struct sink *s, struct why *why);
	int (*mark)(struct sink *s, struct buf *out);
	/* NULL: it does not want to know.  What the last mark stands for is durable. */
	int (*committed)(struct sink *s, struct why *why);
	/* NULL: it has no part in the end but close. */
	int (*finish)(struct sink *s, struct why *why);
	int (*close)(struct sink *s, bool finished, struct why *why);
	/* NULL: it has no file, or one of lines. */
	bool (*place)(struct slice mark, struct sink_place *ret);
	/* The file below the crawl's directory whose lines it writes, as sink/lines.h has it; else NULL. */
	const char *lines;
	/* NULL: the length of that says it all.  What the mark stands for is there, in the
	 * directory of a crawl that may be under way; -EBADMSG with the sentence: not. */
	int (*verify)(const char *dir, struct slice mark, struct why *why);
};
enum { SINK_ID_MAX = 48 };
struct sink {
	const struct sink_type *type;
	void *priv;
	/* Of the warc sink: "urn:uuid:..." of the warcinfo record of the file it appends
	 * to, to be handed to warc_pack() by those who pack ahead.  Changes within
	 * sink_put() when the file rolls over; records packed before that are packed again.
	 * "" for every other sink. */
	char warcinfo_id[SINK_ID_MAX];
	/* What sink_put() made files grow by, or will, besides records and copies. */
	uint64_t line_bytes;
	/* What sink_finish() or sink_close() will make files grow by, about. */
	uint64_t finish_bytes;
};

/*
 * `mark`: what sink_mark() gave at the last commit; empty: a new crawl, and existing
 * files that hold something are an error (-EEXIST).  Unknown name: -ENOENT with the names
 * there are.  `conf` and `mark` are not kept.  Opening writes no byte into a file: commit
 * the first marks before the first sink_put(), and a crash in between leaves only empty
 * files, which a new crawl may take.
 */
int sink_open(const char *name, const struct sink_conf *conf, struct slice mark,
    struct sink **ret, struct why *why);
/* -EBADMSG: e->records are no members at e->records_at. */
int sink_put(struct sink *s, struct sink_event *e, struct why *why);
int sink_flush(struct sink *s, struct why *why);
/* Flushes first.  A failure sticks: what the kernel dropped cannot be written again, so
 * the crawl must go on from its last commit. */
int sink_sync(struct sink *s, struct why *why);
/* Appends; -EBUSY while something is not flushed, for a mark must never be ahead of the
 * files.  Take it after sink_sync(). */
int sink_mark(struct sink *s, struct buf *out);
/* The last mark is in the store.  May wait for a program that is slow. */
int sink_committed(struct sink *s, struct why *why);
/* All that will be put was committed: what is done with it elsewhere is brought to its end.
 * Take a mark once more.  -EAGAIN: that will take longer; commit, and ask again. */
int sink_finish(struct sink *s, struct why *why);
/* -ENOENT: that sink has no file; -EBADMSG: the mark is none. */
int sink_place(const char *name, struct slice mark, struct sink_place *ret);
/* As struct sink_type has it; 0 of a sink that has no such function. */
int sink_verify(const char *name, const char *dir, struct slice mark, struct why *why);
/* The i-th of all there are, NULL past the last. */
const char *sink_name(size_t i);
/* finished: the crawl is over (rename .open); false: it will go on another day.  Frees,
 * also on failure. */
int sink_close(struct sink *s, bool finished, struct why *why);
/* Among those that people may ask for; "crawl-log", "rejected-log", "changes", "checks"
 * and "cdxj" are the engine's. */
bool sink_exists(const char *name);
/* It tells all links of a page, also those that were known already. */
bool sink_wants_outlinks(const char *name);
const char *sink_names(void); /* "warc, jsonl, ..." */
#endif
