#include "crawl/fail_on.h"
#include <errno.h>

static const struct slice broken = {"broken", 6};

int
fail_on_check(struct slice word, struct why *why)
{
	enum outcome o;

	if (slice_eq(word, broken) || (outcome_parse(word, &o) && o != OUTCOME_NONE))
		return 0;
	return why_set(why, -EINVAL,
	    "'" SLICE_FMT "' is neither broken nor an outcome such as http-4xx",
	    SLICE_ARG(word));
}

uint64_t
fail_on_count(const struct options *o, const struct crawl_totals *totals, uint64_t left,
    enum outcome outcome)
{
	uint64_t all = totals->outcomes[outcome], made_up = totals->probes[outcome];

	if (made_up > all) /* a link has come to what was made up, and asks for it */
		made_up = all;
	for (size_t i = 0; i < o->run_fail_on.n; i++) {
		struct slice word = slice_cstr(o->run_fail_on.v[i]);

		if (slice_eq(word, broken)
			? outcome_is_broken(outcome)
			: slice_eq(word, slice_cstr(outcome_name(outcome))))
			return all - made_up + (outcome == OUTCOME_BUDGET ? left : 0);
	}
	return 0;
}
