#include "frontier/waits.h"
#include <assert.h>

#include "base/banned.h"

static const char *const names[WAIT_CAUSE_MAX] = {
#define X(id, name) [WAIT_##id] = name,
    WAIT_CAUSES(X)
#undef X
};

const char *
gap_rule_name(enum gap_rule r)
{
	static const char *const rules[GAP_RULE_MAX] = {
#define X(id, name) [GAP_##id] = name,
	    GAP_RULES(X)
#undef X
	};

	return r < GAP_RULE_MAX ? rules[r] : "none";
}

bool
gap_rule_is_fixed(enum gap_rule r)
{
	return r == GAP_OPTION || r == GAP_CRAWL_DELAY || r == GAP_CRAWL_DELAY_CUT;
}

const char *
wait_cause_name(enum wait_cause c)
{
	assert(c < WAIT_CAUSE_MAX);
	return names[c];
}

static void
settle(struct waits *w, uint32_t at, int64_t now_ms)
{
	uint32_t cause = at == WAITS_READY ? w->held : at;

	if (now_ms <= w->since_ms[at])
		return;
	if (at == WAITS_TRANSFER)
		w->transfer_ms += w->hosts[at] * (uint64_t)(now_ms - w->since_ms[at]);
	else if (at != WAITS_NOTHING)
		w->ms[cause] += w->hosts[at] * (uint64_t)(now_ms - w->since_ms[at]);
	w->since_ms[at] = now_ms;
}

void
waits_enter(struct waits *w, uint32_t at, int64_t now_ms)
{
	assert(at < WAITS_MAX);
	settle(w, at, now_ms);
	w->hosts[at]++;
}

void
waits_leave(struct waits *w, uint32_t at, int64_t now_ms)
{
	assert(at < WAITS_MAX && w->hosts[at] > 0);
	settle(w, at, now_ms);
	w->hosts[at]--;
}

void
waits_move(struct waits *w, uint32_t from, uint32_t to, int64_t now_ms)
{
	assert(from < WAITS_MAX && w->hosts[from] > 0);
	if (from == to)
		return;
	waits_leave(w, from, now_ms);
	waits_enter(w, to, now_ms);
}

void
waits_hold(struct waits *w, enum wait_cause c, int64_t now_ms)
{
	assert(c < WAIT_CAUSE_MAX);
	settle(w, WAITS_READY, now_ms);
	w->held = c;
}

void
waits_correct(struct waits *w, enum wait_cause c, int64_t late_ms)
{
	uint64_t late = late_ms < 0 ? 0 : (uint64_t)late_ms;

	if (late > w->ms[c])
		late = w->ms[c];
	w->ms[c] -= late;
	w->ms[w->held] += late;
}

void
waits_sum(struct waits *w, int64_t now_ms, uint64_t *ret_ms, uint32_t *ret_waiting_now)
{
	for (uint32_t at = 0; at < WAITS_MAX; at++)
		settle(w, at, now_ms);
	for (uint32_t c = 0; c < WAIT_CAUSE_MAX; c++) {
		ret_ms[c] = w->ms[c];
		ret_waiting_now[c] = w->hosts[c];
	}
	ret_waiting_now[w->held] += w->hosts[WAITS_READY];
}
