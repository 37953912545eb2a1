/*
 * tests/sim/sim_judge.h -- is what a finished crawl left in its directory what the scene
 * demands?
 *
 * Every reached URL has its outcome once: in the archive (with the right body), in
 * pages.jsonl, in the logs, in the store and in the sums.  Nothing else is there, and no
 * line is torn.  And no host was asked more often than it should.
 */
#ifndef TESTS_SIM_JUDGE_H
#define TESTS_SIM_JUDGE_H
#include "base/why.h"
#include "crawl/totals.h"
#include "sim_scene.h"

/* -EBADMSG with the sentence: it is not. */
int judge_dir(const struct scene *s, const char *dir, const struct crawl_totals *t,
    struct why *why);
/* `across`: also between runs, that is, from one `began` to the next; `began`: index of the
 * first request of each run, `runs` of them. */
int judge_politeness(const struct scene *s, const struct sim_request *requests,
    size_t requests_len, const size_t *began, size_t runs, bool across, struct why *why);
#endif
