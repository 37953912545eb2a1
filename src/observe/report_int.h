/*
 * observe/report_int.h -- what the files of a report share: its figures, and how they are
 * made.
 *
 *   crawl.log, rejected.log, pages.jsonl ---> report_gather.c   one pass over each
 *                                               |- report_hosts.c    sums of hosts
 *                                               |- report_groups.c   duplicates
 *                                               '- report_chains.c   redirects
 *   changes.tsv, runs --------------------> report_changes.c  what a recrawl found
 *   store, or the crawl itself -----------> report.c            facts, runs
 *   struct report ---> report_json.c, report_html.c, report_text.c
 */
#ifndef OBSERVE_REPORT_INT_H
#define OBSERVE_REPORT_INT_H
#include "base/arena.h"
#include "base/json.h"
#include "base/map.h"
#include "base/sorter.h"
#include "observe/ledger.h"
#include "observe/logfile.h"
#include "observe/logline.h"
#include "observe/report.h"
#include "observe/timeline.h"
#include "observe/top.h"

enum {
	REPORT_BROKEN_MAX = 1000,
	REPORT_PAGES_MAX = 50, /* slowest, largest */
	REPORT_GROUPS_MAX = 50,
	REPORT_GROUP_URLS_MAX = 5,
	REPORT_CHAINS_MAX = 50,
	REPORT_CHAIN_LENGTH_MAX = 30, /* longer ones are loops, or as good as */
	REPORT_HOSTS_MAX = 100,
	REPORT_RUNS_MAX = 100, /* the last ones */
	REPORT_EXAMPLES_MAX = 5,
	REPORT_RULES_MAX = 10,
	REPORT_MIMES_MAX = 50,
	REPORT_FILES_MAX = 64,
	REPORT_STATUS_MAX = 1000,
	REPORT_CHANGES_MAX = 500,    /* each of new, changed, gone */
	REPORT_SORT_BYTES = 4 << 20, /* each of the sorters */
};

struct report_page {
	struct slice url;
	int status;
	enum outcome outcome;
	uint64_t ms, bytes;
};

struct report_broken {
	struct slice url, via, kind, hops, why;
	enum outcome outcome;
	int status;
};

/* Sums under a name; names past the first thousand share one. */
struct report_count {
	struct slice name;
	int group; /* names are distinct within it */
	uint64_t n, bytes;
};
struct report_counts {
	struct map map;
	struct report_count others;
	struct report_count *sorted; /* most first; made in the end */
	size_t len;
};

struct report_group {
	uint64_t pages, bytes; /* bytes: of one of them */
	uint64_t at[REPORT_GROUP_URLS_MAX];
	struct slice digest, urls[REPORT_GROUP_URLS_MAX];
	size_t urls_len;
};
struct report_groups {
	struct top top; /* of struct report_group */
	uint64_t total, pages, redundant_bytes;
	bool recorded, partial;
};

struct report_chain {
	uint32_t length;            /* REPORT_CHAIN_LENGTH_MAX: it does not end */
	uint64_t first_at, last_at; /* lines of pages.jsonl */
	struct slice url, to;
	bool to_known;
	enum outcome to_outcome;
};
struct report_chains {
	bool recorded;
	uint64_t redirects, total, loops_total;
	uint64_t by_length[REPORT_CHAIN_LENGTH_MAX + 1];
	struct top longest, loops; /* of struct report_chain */
};

/* The last round: its runs, and pages in the order in which they were met. */
struct report_change {
	struct slice url;
	enum outcome outcome;
	int status;
};
struct report_changes {
	uint32_t round, runs; /* round 1: there is nothing to compare with */
	int64_t began_us, at_us, elapsed_ms;
	uint64_t pages, wire_bytes, n[PAGE_CHANGE_MAX];
	struct report_change *v[PAGE_CHANGE_MAX];
	size_t len[PAGE_CHANGE_MAX];
};

/* What is summed up of a host. */
struct host_sums {
	uint64_t key; /* hash of its name */
	uint64_t pages, bytes, errors, denied, slowed;
	uint64_t name_at;
	uint8_t name_in; /* enum report_log */
	bool asked;      /* the ledger has it: the rest is of there */
	uint8_t verdict; /* enum ledger_verdict */
	unsigned rules;
	uint64_t requests, gaps, too_soon;
	int64_t gap_min_ms, delay_min_ms, delay_max_ms;
	uint32_t at_once, at_once_permitted;
};
struct report_host {
	struct host_sums sums;
	struct slice name;
};
struct report_hosts {
	struct ledger_totals ledger;
	struct top asked;  /* of struct report_host: violated first, then by requests */
	struct top failed; /* by errors */
	uint64_t failed_total, total;
};

struct report_reject {
	uint64_t lines;
	struct rejectline examples[REPORT_EXAMPLES_MAX];
	size_t examples_len;
};

struct report_file {
	struct slice name;
	uint64_t bytes;
};

struct report {
	const struct job *job;
	struct report_facts facts;
	struct arena texts;
	struct saved_run runs[REPORT_RUNS_MAX];
	size_t runs_len;
	uint64_t status[REPORT_STATUS_MAX];
	struct report_counts mimes, rules;
	struct timeline timeline;
	struct latency latency;
	uint64_t latency_max_ms;
	struct top slowest, largest, broken_at; /* of struct report_line */
	struct report_page slow_pages[REPORT_PAGES_MAX], large_pages[REPORT_PAGES_MAX];
	struct report_broken *broken;
	size_t broken_len;
	uint64_t broken_total;
	struct report_reject rejects[OUTCOME_MAX];
	struct report_groups duplicates, near;
	struct report_chains chains;
	struct report_hosts hosts;
	struct report_changes changes;
	struct report_file files[REPORT_FILES_MAX];
	size_t files_len;
	uint64_t archive_files, archive_open, archive_bytes;
};

/* A line of crawl.log that may be shown. */
struct report_line {
	uint64_t rank, at;
};

/* ---- while it is made ---- */

enum report_log {
	REPORT_CRAWL_LOG,
	REPORT_REJECTED_LOG,
	REPORT_PAGES,
	REPORT_CHANGES,
	REPORT_LOGS
};

/* Runs laid end to end: the axis of the time line. */
struct report_span {
	int64_t began_ms, length_ms, before_ms;
};

struct making {
	struct report *r;
	const char *dir, *tmp_dir;
	struct inspect *in; /* or NULL */
	uint64_t hash_seed;
	struct logfile logs[REPORT_LOGS];
	struct report_span *spans;
	size_t spans_len;
	struct buf plain;
	struct why *why;
};

/* Without the escapes of logs, kept; cut to what a URL may have. */
int making_text(struct making *m, struct slice escaped, struct slice *ret);
int making_sorter(const struct making *m, size_t record_bytes,
    int (*cmp)(const void *, const void *), struct sorter **ret);
uint64_t making_hash(const struct making *m, struct slice s);

/* report_gather.c */
int report_gather(struct making *m);

/* report_latest.c: of each URL what came last. */
struct latest_note {
	uint64_t url, host; /* hashes */
	uint64_t at;        /* the line */
	bool broken, same_contents;
	/* Of the contents; contents_at is set by latest_each(). */
	uint64_t contents_at, digest, bytes, simhash, to;
	bool has_simhash, is_page, redirects;
};
int latest_new(const struct making *m, struct sorter **ret);
typedef int latest_fn(void *ctx, const struct latest_note *n);
int latest_each(struct sorter *s, latest_fn *fn, void *ctx);

/* report_hosts.c */
struct host_sorter;
int host_sorter_new(const struct making *m, struct host_sorter **ret);
void host_sorter_free(struct host_sorter *h);
uint64_t host_sorter_key(const struct making *m, struct slice authority);
/* For the ledger: each line of crawl.log, or NULL, as ledger_add() takes it. */
int host_sorter_line(struct host_sorter *h, const struct logline *line, uint64_t at);
/* Adds what `s` says to the host of s->key. */
int host_sorter_add(struct host_sorter *h, const struct host_sums *s);
/* With what the ledger says; makes m->r->hosts. */
int host_sorter_finish(struct host_sorter *h, struct making *m);

/* report_groups.c */
struct group_sorter;
int group_sorter_new(const struct making *m, struct group_sorter **ret);
void group_sorter_free(struct group_sorter *g);
int group_sorter_page(
    struct group_sorter *g, uint64_t digest, uint64_t bytes, uint64_t at);
int group_sorter_simhash(
    struct group_sorter *g, uint64_t simhash, uint64_t digest, uint64_t at);
int group_sorter_finish(struct group_sorter *g, struct making *m);

/* report_chains.c */
struct chain_sorter;
int chain_sorter_new(const struct making *m, struct chain_sorter **ret);
void chain_sorter_free(struct chain_sorter *c);
int chain_sorter_add(struct chain_sorter *c, uint64_t from, uint64_t to, uint64_t at);
int chain_sorter_finish(struct chain_sorter *c, struct making *m);

/* report_changes.c */
struct html;
void changes_run(struct report_changes *c, const struct saved_run *run);
int changes_line(struct making *m, struct slice line);
void changes_release(struct report_changes *c);
/* "5 new, 50 changed, 5 gone, 4,940 unchanged" */
int changes_words(const uint64_t n[PAGE_CHANGE_MAX], struct buf *out);
int changes_text(const struct report *r, const char *dir, struct buf *out);
void changes_counts_json(const uint64_t n[PAGE_CHANGE_MAX], struct jsonw *j);
void changes_json(const struct report *r, struct jsonw *j);
void changes_html(const struct report *r, struct html *h);

/* counts: report_counts.c */
void counts_init(struct report_counts *c);
void counts_release(struct report_counts *c);
int counts_add(struct report_counts *c, struct arena *a, int group, struct slice name,
    uint64_t bytes);
int counts_sort(struct report_counts *c, struct arena *a);

#define REPORT_COMPARE(a, b) ((a) < (b) ? -1 : (a) > (b))
#endif
