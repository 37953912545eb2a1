/*
 * crawl/traps_int.h -- what the files of the traps share.
 *
 *   traps.c         the rules: judging and learning
 *   traps_site.c    the hosts of a site
 *   traps_table.c   the records: found by id, given up by age
 *   traps_save.c    the records in the store, and the sums out of it
 *   traps_gates.c   closed patterns, on the loop
 */
#ifndef CRAWL_TRAPS_INT_H
#define CRAWL_TRAPS_INT_H
#include "base/list.h"
#include "crawl/traps.h"

/* On disk: new ones go to the end. */
enum trap_kind {
	TRAP_KIND_PATTERN, /* pages of a pattern: are they copies? */
	TRAP_KIND_TAIL,    /* pages that end alike under paths that repeat: likewise */
	TRAP_KIND_HOST,    /* all pages of an authority: likewise */
	TRAP_KIND_FAMILY, /* patterns with the same ids and names: copies in all of them */
	TRAP_KIND_QUERIES, /* of a path: combinations of parameters */
	TRAP_KIND_DATES,   /* of a pattern: far dates */
	TRAP_KIND_REPEATS, /* of a directory: what was cut */
	TRAP_KIND_DEPTH,
	TRAP_KIND_LENGTH,
	TRAP_KIND_SITE, /* the hosts of a site: have they something of their own? */
	TRAP_KIND_MAX
};

enum {
	PRINTS_PATTERN = 16, /* remembered, of pages that are no copies */
	PRINTS_HOST = 128,   /* and of a site */
	SITE_HOSTS_MAX = 1024,
	SIMS_MAX = 4,
	SKETCH_REGISTERS = 64,
	DAYS_BITS = 8192,
	HOST_RECORDS_MAX = 4096,
};

/* How many different values a parameter had: HyperLogLog (Flajolet et al. 2007). */
struct trap_sketch {
	uint64_t name;
	uint8_t registers[SKETCH_REGISTERS];
};

/* The records of an authority: one that makes up patterns displaces its own. */
struct trap_host {
	uint64_t authority_hash;
	struct list records; /* the least used first */
	uint32_t n;
};

struct trap_record {
	struct trap_host *host;
	struct list on_host;
	struct list on_age;   /* of traps.quiet or .loud, the least used first */
	struct list on_dirty; /* of traps.dirty: to be saved, or to be deleted */
	struct list on_fresh; /* of traps.fresh_closed */
	uint64_t id;
	enum trap_kind kind;
	bool closed, stored, gone;
	uint64_t cuts;
	uint32_t pages, uniques; /* PATTERN, TAIL, HOST; SITE: hosts */
	uint32_t score; /* up by one with a copy, down with a page that is none */
	uint32_t copied_in,
	    productive;         /* FAMILY: patterns with a copy, with different pages */
	uint32_t used, granted; /* QUERIES: combinations; DATES: dates */
	uint32_t prints_len, prints_at, prints_cap;
	uint64_t *prints;
	uint32_t sims_len, sims_at;
	uint64_t sims[SIMS_MAX];
	uint32_t sketches_len;
	struct trap_sketch *sketches;
	uint8_t *days; /* DAYS_BITS of them */
	uint32_t hosts_len, hosts_at, hosts_cap;
	uint64_t *hosts; /* SITE: see traps_site.c */
	char *text;    /* "http://h.test/shop?color&size" */
};

struct traps {
	struct traps_conf conf;
	struct umap by_id, hosts;
	struct list quiet, loud; /* loud: closed, or cut something */
	struct list dirty, fresh_closed;
	uint32_t closed_of[TRAP_KIND_MAX];
	uint64_t bytes;
	uint64_t cuts[TRAP_RULE_MAX];
	bool cuts_dirty;
};

uint64_t trap_id(enum trap_kind kind, uint64_t authority_hash, uint64_t hash);
enum trap_rule trap_kind_rule(enum trap_kind kind);

/* traps.c */
int trap_add_print(struct traps *t, struct trap_record *r, uint64_t print);
bool trap_has_print(const struct trap_record *r, uint64_t print);
void trap_close(struct traps *t, struct trap_record *r);

/* traps_site.c */
/* Stands in for the authority: the records of a site are its own. */
uint64_t trap_site_hash(const struct url *u, uint64_t seed);
/* NULL: new hosts of this one's site are wanted, or it is none. */
struct trap_record *trap_site_closed(struct traps *t, const struct trap_link *l);

static inline uint32_t
trap_prints_max(enum trap_kind kind)
{
	return kind == TRAP_KIND_HOST || kind == TRAP_KIND_SITE ? PRINTS_HOST
								: PRINTS_PATTERN;
}

/* traps_table.c */
/* NULL: there is none. It counts as used. */
struct trap_record *trap_find(struct traps *t, uint64_t id);
/* `text` is copied.  -ENOMEM. */
int trap_make(struct traps *t, enum trap_kind kind, uint64_t authority_hash, uint64_t id,
    const char *text, struct trap_record **ret);
/* A record out of the store, with all it points to; passes to the table. */
int trap_adopt(struct traps *t, struct trap_record *r, uint64_t authority_hash);
void trap_record_free(struct trap_record *r);
void trap_changed(struct traps *t, struct trap_record *r);
void trap_is_loud(struct traps *t, struct trap_record *r);
/* Room for what a record points to; counted.  -ENOMEM. */
int trap_prints_room(struct traps *t, struct trap_record *r);
int trap_days_room(struct traps *t, struct trap_record *r);
int trap_hosts_room(struct traps *t, struct trap_record *r);
int trap_sketch_of(struct traps *t, struct trap_record *r, uint64_t name,
    struct trap_sketch **ret); /* NULL: there are too many */
/* Past bytes_max the least used go, past HOST_RECORDS_MAX those of that host: while nobody
 * holds one. */
void trap_shrink(struct traps *t, uint64_t authority_hash);
#endif
