#include "observe/ledger_int.h"
#include "observe/logline.h"

#include "base/banned.h"

static enum gap_rule
rule_of(struct slice name)
{
	for (int r = 0; r < GAP_RULE_MAX; r++)
		if (slice_eq(name, slice_cstr(gap_rule_name((enum gap_rule)r))))
			return (enum gap_rule)r;
	return GAP_NONE;
}

/* "100/option/1" */
static bool
take_gap(struct slice s, struct ledger_note *n)
{
	struct slice ms, rule;
	uint64_t gap, at_once;

	if (!slice_cut(&s, '/', &ms) || !slice_cut(&s, '/', &rule) ||
	    !slice_to_u64(ms, &gap) || gap > INT64_MAX / 2 ||
	    !slice_to_u64(s, &at_once) || at_once > UINT32_MAX)
		return false;
	n->gap_ms = (int64_t)gap;
	n->rule = (uint8_t)rule_of(rule);
	n->at_once = (uint32_t)at_once;
	return true;
}

static uint32_t
limit_of(struct slice s)
{
	uint64_t n;

	return slice_to_u64(s, &n) && n <= UINT32_MAX ? (uint32_t)n : 0;
}

/* "redirect,2t,retry,gap:100/option/1,ip:192.0.2.1" */
static bool
take_annotations(struct slice rest, struct ledger_line *l)
{
	static const struct slice gap = {"gap:", 4}, ip = {"ip:", 3},
				  per_ip = {"per-ip:", 7}, per_site = {"per-site:", 9};
	bool found = false;
	struct slice word;

	while (slice_cut(&rest, ',', &word)) {
		if (slice_starts(word, gap))
			found = take_gap(slice_from(word, gap.len), &l->note);
		else if (slice_starts(word, ip))
			l->address = slice_from(word, ip.len);
		else if (slice_starts(word, per_ip))
			l->per_ip = limit_of(slice_from(word, per_ip.len));
		else if (slice_starts(word, per_site))
			l->per_site = limit_of(slice_from(word, per_site.len));
	}
	return found;
}

bool
ledger_line_of(const struct logline *of, struct ledger_line *ret)
{
	struct ledger_line l = {.address = {0}};

	if (!take_annotations(of->annotations, &l))
		return false;
	l.at = of->logged_at;
	l.url = of->url;
	l.authority = logline_authority(l.url);
	l.note.start_ms = of->start_ms;
	l.note.end_ms = of->end_ms;
	l.note.answered = of->status > 0;
	*ret = l;
	return l.authority.len > 0;
}
