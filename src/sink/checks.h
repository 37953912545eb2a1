/*
 * sink/checks.h -- what --check-links notes of a page: its links, and what may be linked to
 * in it.
 *
 * A worker writes the notes with checks_add() and checks_end(); they are hostile until
 * checks_sound() found them whole; the sink "checks" writes them, and what became of each
 * URL, into DIR/checks.log, which observe/linkcheck.h reads.  One line a fact, tab separated,
 * fields escaped by escape_field(), "-" where there is nothing:
 *
 *   T URL how outcome status seconds mime redirect-to simhash digest detail   it was asked
 *   R URL outcome kind via detail                                             it was not
 *   L page kind URL fragment text                                             a link
 *   I page id...          hashes of ids, in hexadecimal; several lines
 *   X page links ids      so many links were left out; 1: ids were
 *
 * Owns:    nothing.   Errors: those of struct buf.   Threads: any.
 */
#ifndef SINK_CHECKS_H
#define SINK_CHECKS_H
#include "base/buf.h"
#include "web/link.h"

#define CHECKS_FILE "checks.log"

enum {
	CHECKS_BYTES_MAX = 16 << 20, /* of the notes of a page */
	CHECKS_FRAGMENT_MAX = 1000,  /* a longer one names nothing */
	CHECKS_TEXT_MAX = 120,       /* of a link's text */
	CHECKS_IDS_MAX = 20000,
};

struct checks_link {
	enum link_kind kind;
	struct slice url;      /* normal form; or as it was written, if it is none */
	struct slice fragment; /* as written, without '#' */
	struct slice text;
};

/* The links are added first. */
int checks_add(struct buf *b, const struct checks_link *l);
/* Then, once, the ids: their hashes.  `has_ids`: links that name one can be judged. */
struct checks_end {
	uint32_t links_cut;
	bool has_ids, ids_cut;
	const uint64_t *ids;
	uint32_t ids_len;
};
int checks_end(struct buf *b, const struct checks_end *e);

/* Of notes that are whole: links in order, then the end; of nothing: none. */
bool checks_sound(struct slice notes);
bool checks_next(struct slice *rest, struct checks_link *ret);
/* What checks_next() left.  The i-th id: checks_id(). */
struct checks_tail {
	uint32_t links_cut, ids_len;
	bool has_ids, ids_cut;
	struct slice ids;
};
void checks_tail(struct slice rest, struct checks_tail *ret);
uint64_t checks_id(const struct checks_tail *t, uint32_t i);
/* Of an id, or of what a fragment names.  Not keyed: who prepares a collision hides a fault
 * of his own page. */
uint64_t checks_hash(struct slice id);

/* How a URL was asked: the letter in checks.log. */
enum checks_how {
	CHECKS_PAGE,    /* as a page of the crawl */
	CHECKS_OUTSIDE, /* whether it is there */
	CHECKS_INSIDE,  /* likewise, of one in scope */
	CHECKS_PROBE,   /* what its host says of a page that it has not */
};
char checks_letter(enum checks_how how);
/* A probe, or what that was sent on to: no link leads there. */
bool checks_made_up(enum checks_how how, struct slice hops);
#endif
