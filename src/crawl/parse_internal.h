/*
 * crawl/parse_internal.h -- between parse.c, what is done with an answer, and parse_life.c,
 * how a parser is set up and wiped.
 *
 * Owns: a parser its contexts and buffers.   Threads: one worker, one task at a time.
 */
#ifndef CRAWL_PARSE_INTERNAL_H
#define CRAWL_PARSE_INTERNAL_H
#include "base/arena.h"
#include "crawl/copy.h"
#include "crawl/outlinks.h"
#include "crawl/parse.h"
#include "crawl/scope.h"
#include "web/select.h"

enum { CONTEXTS_MAX = 64 };

struct context {
	uint32_t id;
	struct scope_rules *rules; /* NULL: free */
	struct select *fields;     /* NULL: none are wanted */
	struct parse_limits limits;
};

struct parser {
	struct context contexts[CONTEXTS_MAX];
	struct arena arena;
	struct warc_packer *packer;
	struct buf decoded, records, rules, fields, checks;
	struct copier copier;
	struct outlinks links;
};

struct context *parser_context(struct parser *p, uint32_t id); /* NULL: unknown */
/* Of struct pool_ops. */
int parser_init(void **ret_state, struct why *why);
int parser_configure(void *state, uint32_t id, struct slice settings);
int parser_extend(void *state, uint32_t id, struct slice more);
void parser_forget(void *state);
void parser_fini(void *state);
#endif
