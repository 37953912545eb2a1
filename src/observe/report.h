/*
 * observe/report.h -- what a crawl came to, over all its runs: the closing summary,
 * report.json, report.html.
 *
 *   store (or facts), crawl.log, rejected.log, pages.jsonl ---> struct report ---> texts
 *
 * Made from what is on the disk by whoever wants it: at the end of a run, by `trawl
 * report`, also beside a crawl that runs; it is as of the last commit.  Who makes it twice
 * of the same gets the same bytes.
 *
 * Owns:    figures and texts that are shown, some 20 MiB at most; while it is made, some
 *          60 MiB more, whatever the size of the crawl, and files without names in tmp_dir.
 * Errors:  -errno with the sentence.   Threads: one at a time.
 */
#ifndef OBSERVE_REPORT_H
#define OBSERVE_REPORT_H
#include "crawl/crawl.h"
#include "crawl/inspect.h"

/* What is not in the logs. */
struct report_facts {
	bool running;     /* now, by whatever process */
	bool interrupted; /* neither that nor ended: killed */
	enum crawl_end end;
	uint32_t runs;
	int64_t began_us, at_us; /* the first run; the last commit */
	int64_t elapsed_ms;      /* of all runs */
	uint64_t hosts;
	uint64_t wait_ms[WAIT_CAUSE_MAX];
	struct crawl_totals totals;
	struct trap_sums traps;
	char why[SAVED_WHY_MAX];
};
/* Of a crawl that has ended, before crawl_free(). */
void report_facts_take(
    struct report_facts *f, struct crawl *c, enum crawl_end end, int64_t wall_us);

struct report_conf {
	const struct job *job; /* outlives the report */
	const char *dir;       /* of the crawl; NULL: there are no logs (simulation) */
	const char *tmp_dir;   /* for what does not fit into memory */
	struct inspect *in;    /* NULL: what is in `facts`, and all that is in the logs */
	const struct report_facts *facts;
};
struct report;
int report_make(const struct report_conf *conf, struct report **ret, struct why *why);
void report_free(struct report *r); /* NULL is fine */

/* DIR/report.json and DIR/report.html, each whole or not at all. */
int report_write(const struct report *r, const char *dir, struct why *why);
/* A few lines for a person; dir NULL: not where things are. */
int report_summary(const struct report *r, const char *dir, struct buf *out);
/* doc/report.schema.json.  `sections`: names separated by commas, of which alone is told
 * besides what the crawl was; empty: all. */
int report_json(const struct report *r, struct slice sections, struct buf *out);
int report_html(const struct report *r, struct buf *out);
/* false: there is no such section, *ret_unknown. */
bool report_sections_known(struct slice sections, struct slice *ret_unknown);
const char *report_section_name(size_t i); /* NULL: there are no more */
#endif
