/*
 * observe/linkcheck_int.h -- between the files of linkcheck: what is known of redirects,
 * ids and hosts, by the hash of a URL as checks.log has it.
 */
#ifndef OBSERVE_LINKCHECK_INT_H
#define OBSERVE_LINKCHECK_INT_H
#include "base/map.h"
#include "observe/linkcheck.h"

enum {
	REDIRECTS_KEPT = 300000,
	HOSTS_KEPT = 100000,
	IDS_KEPT = 2000000,
	CHAIN_MAX = 20, /* as the crawl follows them */
	ALIKE_BITS = 3, /* of 64: texts that differ by a word or two */
};

/* A line of checks.log of a URL, "T" or "R". */
struct checked {
	bool asked; /* else refused */
	enum checks_how how;
	bool seed, has_simhash;
	enum outcome outcome;
	int status;
	int64_t at_s;
	uint64_t simhash;
	struct slice url, redirect_to, digest, detail, via, kind; /* escaped */
};
/* Of its detail, as it was said, so much as people read. */
enum { DETAIL_ROOM = 160 };
void checked_detail(const struct checked *c, char ret[DETAIL_ROOM]);
/* False: it is none of these, or broken. */
bool checked_read(struct slice line, struct checked *ret);

/* Where a redirect leads to. */
struct end {
	bool known, asked, has_simhash;
	enum outcome outcome;
	int status;
	uint64_t simhash, digest; /* 0: not known */
	char detail[DETAIL_ROOM];
	char url[];
};
/* What a host says of a page that it has not; what its first page looks like. */
struct host {
	bool has_probe, probe_ok, has_simhash;
	uint64_t probe, simhash, digest;
	bool has_root, root_has_simhash;
	uint64_t root_simhash, root_digest;
};

struct linkcheck_facts {
	struct umap next;   /* redirect -> hash of where to */
	struct umap ends;   /* of all of these: struct end */
	struct umap hosts;  /* struct host */
	struct umap ids;    /* page and id: FACT_WANTED, FACT_THERE */
	struct umap framed; /* pages of which ids are wanted: FACT_WANTED, _THERE, _CUT */
	bool redirects_cut, ids_cut;
};
enum { FACT_WANTED = 1, FACT_THERE, FACT_CUT };

void facts_init(struct linkcheck_facts *f);
void facts_release(struct linkcheck_facts *f);
int facts_first(struct linkcheck_facts *f, struct slice line);
int facts_second(struct linkcheck_facts *f, struct slice line);
int facts_third(struct linkcheck_facts *f, struct slice line);
/* Follows; ret_n: how many steps.  False: in a circle, or without end. */
bool facts_follow(
    const struct linkcheck_facts *f, uint64_t from, uint64_t *ret_end, uint32_t *ret_n);
/* FACT_WANTED: its page has no such id; FACT_CUT: nobody knows; FACT_THERE: it has, or it
 * needs none. */
unsigned facts_fragment(
    const struct linkcheck_facts *f, uint64_t page, struct slice fragment);
bool facts_suspect(const struct linkcheck_facts *f, const struct checked *c);

/* The judgement: verdict, reason, status, end. */
struct judged {
	enum linkcheck_verdict verdict;
	int status;
	uint32_t redirects;
	bool cached;
	const char *end; /* NULL: none */
	char reason[300];
};
/* `only_forms`: of a form's address by itself not much can be said. */
void linkcheck_judge(const struct linkcheck_facts *f, const struct checked *c,
    bool only_forms, struct judged *ret);

struct ignores;
int ignores_new(struct slice text, struct ignores **ret, struct why *why);
void ignores_free(struct ignores *i);
bool ignores_match(const struct ignores *i, struct slice url);
#endif
