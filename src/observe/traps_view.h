/*
 * observe/traps_view.h -- what was cut as a trap, for people and for programs.
 *
 * Owns:    nothing.     Errors: those of the buffer.     Threads: any.
 */
#ifndef OBSERVE_TRAPS_VIEW_H
#define OBSERVE_TRAPS_VIEW_H
#include "base/json.h"
#include "crawl/traps.h"

uint64_t traps_view_total(const struct trap_sums *s);
/* "traps": {"cut": {RULE: n, ...}, "patterns": [{"rule", "pattern", "cut"}, ...]}; nothing
 * was cut: both are empty. */
void traps_view_json(const struct trap_sums *s, struct jsonw *j);
/* Lines for a terminal, `max` patterns at most; none when nothing was cut. */
int traps_view_text(const struct trap_sums *s, uint32_t max, struct buf *out);
/* A heading and a table; nothing when nothing was cut. */
int traps_view_html(const struct trap_sums *s, struct buf *out);
#endif
