#include "observe/ledger_int.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/banned.h"

/* ---- ends ---- */

enum { ENDS_MAX = 1 << 22 };

static int
ends_add(struct ledger_ends *e, int64_t end_ms)
{
	size_t i = e->len;

	if (e->len == e->cap) {
		size_t cap = e->cap == 0 ? 64 : e->cap * 2;
		int64_t *v;

		if (cap > ENDS_MAX)
			return -ENOSPC;
		v = realloc(e->v, cap * sizeof(*v));
		if (v == NULL)
			return -ENOMEM;
		e->v = v;
		e->cap = cap;
	}
	e->len++;
	for (; i > 0 && e->v[(i - 1) / 2] > end_ms; i = (i - 1) / 2)
		e->v[i] = e->v[(i - 1) / 2];
	e->v[i] = end_ms;
	return 0;
}

static int64_t
ends_take(struct ledger_ends *e)
{
	int64_t first = e->v[0], last = e->v[--e->len];
	size_t i = 0;

	for (;;) {
		size_t c = 2 * i + 1;

		if (c + 1 < e->len && e->v[c + 1] < e->v[c])
			c++;
		if (c >= e->len || e->v[c] >= last)
			break;
		e->v[i] = e->v[c];
		i = c;
	}
	e->v[i] = last;
	return first;
}

/* ---- one subject ---- */

void
ledger_sweep_begin(struct ledger_sweep *s, const struct ledger_note *first)
{
	s->row = (struct ledger_row){.subject = (enum ledger_subject)first->subject,
	    .gap_min_ms = INT64_MAX,
	    .start_gap_min_ms = INT64_MAX,
	    .at_once_min = UINT32_MAX,
	    .delay_min_ms = INT64_MAX};
	s->ends.len = 0;
	s->line_at = first->line_at;
	s->worst_short_ms = 0;
}

/* What was asked of this request: as it was recorded, or as it is asked now. */
struct demand {
	int64_t gap_ms;
	enum gap_rule rule;
	bool from_start;
	uint32_t at_once;
};

static struct demand
demand_of(const struct ledger_note *n, const struct ledger_conf *conf)
{
	struct demand d = {n->gap_ms, (enum gap_rule)n->rule, false, n->at_once};

	if (n->subject != LEDGER_HOST)
		return d;
	if (conf->delay_ms >= 0) {
		d.gap_ms = conf->delay_ms;
		d.rule = GAP_OPTION;
	}
	if (conf->at_once > 0)
		d.at_once = conf->at_once;
	d.from_start = d.at_once > 1 && gap_rule_is_fixed(d.rule);
	return d;
}

static void
note_breach(struct ledger_sweep *s, const struct ledger_note *n, const struct demand *d,
    int64_t got_ms)
{
	uint64_t short_ms = (uint64_t)(d->gap_ms - got_ms);

	s->row.too_soon++;
	if (s->row.too_soon > 1 && short_ms <= s->worst_short_ms)
		return;
	s->worst_short_ms = short_ms;
	s->row.worst = (struct ledger_breach){.got_ms = got_ms,
	    .due_ms = d->gap_ms,
	    .rule = d->rule,
	    .from_start = d->from_start,
	    .line_at = n->line_at};
}

/* Against the one before it. */
static void
judge(struct ledger_sweep *s, const struct ledger_note *n, const struct demand *d)
{
	struct ledger_row *r = &s->row;
	int64_t gap = n->start_ms - s->end_max_ms, starts = n->start_ms - s->start_ms;
	int64_t got = d->from_start    ? starts
		      : d->at_once > 1 ? n->start_ms - s->ended_ms
				       : gap;

	r->gaps++;
	r->gap_min_ms = gap < r->gap_min_ms ? gap : r->gap_min_ms;
	r->start_gap_min_ms = starts < r->start_gap_min_ms ? starts : r->start_gap_min_ms;
	r->delay_min_ms = d->gap_ms < r->delay_min_ms ? d->gap_ms : r->delay_min_ms;
	r->delay_max_ms = d->gap_ms > r->delay_max_ms ? d->gap_ms : r->delay_max_ms;
	r->rules |= 1u << d->rule;
	if (r->subject != LEDGER_HOST)
		return; /* what is in force is of the host */
	if (d->gap_ms > 0 && got + LEDGER_SLACK_MS < d->gap_ms)
		note_breach(s, n, d, got);
	if (d->rule == GAP_OPTION && d->gap_ms == 0)
		r->verdict = LEDGER_LAX;
}

int
ledger_sweep_add(
    struct ledger_sweep *s, const struct ledger_note *n, const struct ledger_conf *conf)
{
	struct ledger_row *r = &s->row;
	struct demand d = demand_of(n, conf);
	int e;

	while (s->ends.len > 0 && s->ends.v[0] <= n->start_ms + LEDGER_SLACK_MS)
		s->ended_ms = ends_take(&s->ends);
	e = ends_add(&s->ends, n->end_ms);
	if (e < 0)
		return e;
	if (r->requests > 0)
		judge(s, n, &d);
	else
		s->end_max_ms = s->ended_ms = INT64_MIN / 2;
	if (s->ends.len > r->overlap_max)
		r->overlap_max = (uint32_t)s->ends.len;
	if (d.at_once > 0 && s->ends.len > d.at_once)
		r->too_many++;
	if (n->end_ms > s->end_max_ms)
		s->end_max_ms = n->end_ms;
	s->start_ms = n->start_ms;
	r->at_once_min = d.at_once < r->at_once_min ? d.at_once : r->at_once_min;
	r->at_once_max = d.at_once > r->at_once_max ? d.at_once : r->at_once_max;
	r->requests++;
	r->answers += n->answered;
	return 0;
}

void
ledger_sweep_end(struct ledger_sweep *s)
{
	struct ledger_row *r = &s->row;

	if (r->gaps == 0)
		r->gap_min_ms = r->start_gap_min_ms = r->delay_min_ms = 0;
	if (r->subject == LEDGER_HOST && r->overlap_max > 1)
		r->verdict = LEDGER_LAX;
	if (r->too_soon > 0 || r->too_many > 0)
		r->verdict = LEDGER_VIOLATED;
}

void
ledger_sweep_release(struct ledger_sweep *s)
{
	free(s->ends.v);
	s->ends = (struct ledger_ends){0};
}
