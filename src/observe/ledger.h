/*
 * observe/ledger.h -- how politely each host was asked, told by what was recorded then.
 *
 *   crawl.log -> one note a request and subject -> sorted by subject and begin -> rows
 *
 * Reads DIR/crawl.log alone, also while it grows: whole lines as they are there now.  Of
 * each line that says what politeness was in force (sink/crawl_log.c: "gap:") the times
 * of the request are laid beside those of the others to its authority, to its address, and
 * where a limit of sites was in force to its site.
 *
 * Owns:    its memory, some 64 MiB whatever the log's size, and files without names in the
 *          directory for temporary ones.  A row's text is valid until the next one.
 * Clock:   milliseconds, as the log has them.  What is LEDGER_SLACK_MS short of a gap, or
 *          overlaps by as much, counts as kept: the times of two requests are rounded.
 * Errors:  -errno with the sentence; -ENOENT: there is no crawl.log.
 * Threads: one at a time.
 */
#ifndef OBSERVE_LEDGER_H
#define OBSERVE_LEDGER_H
#include "base/slice.h"
#include "base/why.h"
#include "crawl/crawl.h"
#include "observe/logline.h"

enum { LEDGER_SLACK_MS = 2 };

enum ledger_subject { LEDGER_HOST, LEDGER_ADDRESS, LEDGER_SITE, LEDGER_SUBJECT_MAX };

/* VIOLATED: less was kept than was in force.  LAX: all was kept, but several requests at
 * once, or no gap at all, were permitted by option, and made use of. */
enum ledger_verdict { LEDGER_KEPT, LEDGER_LAX, LEDGER_VIOLATED };
const char *ledger_verdict_name(enum ledger_verdict v);

/* A request that came too soon. */
struct ledger_breach {
	int64_t got_ms, due_ms;
	enum gap_rule rule;
	bool from_start; /* counted from the start of the request before, not its end */
	uint64_t line_at;
};

struct ledger_row {
	enum ledger_subject subject;
	enum ledger_verdict verdict;
	struct slice name; /* "http://a.test:8080", "192.0.2.1", "a.test" */
	uint64_t requests, answers;
	uint64_t gaps;      /* of requests that had one before them */
	int64_t gap_min_ms; /* end to start; negative: they overlapped */
	int64_t start_gap_min_ms;
	uint32_t overlap_max; /* requests at once */
	/* In force, smallest and greatest; delays over all requests but the first.  Of
	 * addresses and sites at_once 0 is no limit. */
	uint32_t at_once_min, at_once_max;
	int64_t delay_min_ms, delay_max_ms;
	unsigned rules; /* 1 << enum gap_rule */
	uint64_t too_soon, too_many;
	struct ledger_breach worst;       /* too_soon > 0 */
	struct slice worst_url, worst_at; /* the latter as in the log */
};

struct ledger_totals {
	uint64_t lines, requests; /* lines: of the log, those without a request too */
	uint64_t subjects[LEDGER_SUBJECT_MAX], violated, lax;
};

struct ledger_conf {
	const char *dir;     /* of the crawl */
	const char *tmp_dir; /* for what does not fit into memory */
	int64_t delay_ms;    /* judge by this gap, whatever was in force; -1: by that */
	uint32_t at_once;    /* and by so many at once; 0: by what was in force */
	size_t memory_bytes; /* for sorting; 0: the default */
};

struct ledger;
int ledger_open(const struct ledger_conf *conf, struct ledger **ret, struct why *why);
/* The same in steps, for those who read the log themselves: an empty one, each line (NULL:
 * it was none of ours) with its place, and when all were added, what ledger_next() gives. */
int ledger_new(const struct ledger_conf *conf, struct ledger **ret, struct why *why);
int ledger_add(struct ledger *l, const struct logline *line, uint64_t at);
int ledger_make_rows(struct ledger *l);
void ledger_close(struct ledger *l); /* NULL is fine */
void ledger_totals(const struct ledger *l, struct ledger_totals *ret);
/* Hosts, then addresses, then sites; of each those with a violation first, the worst before others,
 * then those that were lax.  1: a row; 0: there are no more. */
int ledger_next(struct ledger *l, struct ledger_row *ret, struct why *why);
#endif
