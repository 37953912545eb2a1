/*
 * observe/traps_view.h -- what was cut as a trap, for people and for programs.
 *
 * Owns:    nothing.     Errors: those of the buffer.     Threads: any.
 */
#ifndef OBSERVE_TRAPS_VIEW_H
#define OBSERVE_TRAPS_VIEW_H
#include "base/json.h"
#include "crawl/traps.h"

/* "traps": {"cut": {RULE: n, ...}, "patterns": [{"rule", "pattern", "cut"}, ...]}; nothing
 * was cut: both are empty. */
void traps_view_json(const struct trap_sums *s, struct jsonw *j);
/* Lines for a terminal, `max` patterns at most; none when nothing was cut. */
int traps_view_text(const struct trap_sums *s, uint32_t max, struct buf *out);
#endif
