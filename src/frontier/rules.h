/*
 * frontier/rules.h -- the one place where compiled robots.txt rules are asked.
 */
#ifndef FRONTIER_RULES_H
#define FRONTIER_RULES_H
#include "base/slice.h"

/* `target`: path and query.  True: not allowed, and the line of robots.txt that says so.
 */
bool rules_deny(
    struct slice rules, struct slice target, char *ret_detail, size_t detail_cap);
/* -1: there is none. */
int64_t rules_crawl_delay_ms(struct slice rules);
#endif
