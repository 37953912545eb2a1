/*
 * observe/ledger_int.h -- what the files of the ledger share.
 *
 *   ledger.c        the log, the two sorters, the texts of rows
 *   ledger_line.c   pure: a line of crawl.log becomes a note
 *   ledger_sweep.c  pure: the notes of one subject, by begin, become a row
 */
#ifndef OBSERVE_LEDGER_INT_H
#define OBSERVE_LEDGER_INT_H
#include "observe/ledger.h"

/* One request, as far as one subject is concerned. */
struct ledger_note {
	uint64_t key; /* hash of the subject's name */
	int64_t start_ms, end_ms;
	int64_t gap_ms;
	uint64_t line_at; /* of its line in the log */
	uint32_t at_once;
	uint8_t subject, rule;
	bool answered;
};

struct ledger_line {
	struct slice url, authority, address, at; /* address may be empty */
	uint32_t per_ip, per_site;                /* 0: no limit */
	struct ledger_note note;                  /* but key, subject, line_at */
};
/* false: the line is of no request to a host, or none of ours. */
bool ledger_line_of(const struct logline *of, struct ledger_line *ret);

/* Ends of requests that are under way: a heap, the soonest first. */
struct ledger_ends {
	int64_t *v;
	size_t len, cap;
};

struct ledger_sweep {
	struct ledger_row row;
	struct ledger_ends ends;
	int64_t end_max_ms; /* of all before */
	int64_t ended_ms;   /* the latest end that is past */
	int64_t start_ms;   /* of the request before */
	uint64_t line_at;   /* of the first */
	uint64_t worst_short_ms;
};
void ledger_sweep_begin(struct ledger_sweep *s, const struct ledger_note *first);
int ledger_sweep_add(
    struct ledger_sweep *s, const struct ledger_note *n, const struct ledger_conf *conf);
void ledger_sweep_end(struct ledger_sweep *s); /* the row is complete but for texts */
void ledger_sweep_release(struct ledger_sweep *s);
#endif
