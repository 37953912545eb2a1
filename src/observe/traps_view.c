#include "observe/traps_view.h"
#include "base/escape.h"
#include "observe/format.h"

/* Of all rules. */
static uint64_t
cuts_of(const struct trap_sums *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < TRAP_RULE_MAX; i++)
		n += s->cuts[i];
	return n;
}

void
traps_view_json(const struct trap_sums *s, struct jsonw *j)
{
	jsonw_object(j, "traps");
	jsonw_object(j, "cut");
	for (int r = TRAP_NONE + 1; r < TRAP_RULE_MAX; r++)
		if (s->cuts[r] > 0)
			jsonw_int(
			    j, trap_rule_name((enum trap_rule)r), (int64_t)s->cuts[r]);
	jsonw_object_end(j);
	jsonw_array(j, "patterns");
	for (uint32_t i = 0; i < s->top_len; i++) {
		jsonw_object(j, NULL);
		jsonw_str(j, "rule", slice_cstr(trap_rule_name(s->top[i].rule)));
		jsonw_str(j, "pattern", slice_cstr(s->top[i].pattern));
		jsonw_int(j, "cut", (int64_t)s->top[i].cuts);
		jsonw_object_end(j);
	}
	jsonw_array_end(j);
	jsonw_object_end(j);
}

int
traps_view_text(const struct trap_sums *s, uint32_t max, struct buf *out)
{
	const char *lead = "  traps     ";
	int e = 0;

	if (cuts_of(s) == 0)
		return 0;
	for (int r = TRAP_NONE + 1; r < TRAP_RULE_MAX && e == 0; r++) {
		if (s->cuts[r] == 0)
			continue;
		e = buf_printf(out, "%s%s %s", lead, trap_rule_name((enum trap_rule)r),
		    COUNT(s->cuts[r]));
		lead = ", ";
	}
	if (e == 0)
		e = buf_add_cstr(out, "; --trap-ok overrules\n");
	for (uint32_t i = 0; i < s->top_len && i < max && e == 0; i++) {
		e = buf_printf(out, "            %-12s ", COUNT(s->top[i].cuts));
		if (e == 0)
			e = escape_terminal(out, slice_cstr(s->top[i].pattern));
		if (e == 0)
			e = buf_add_byte(out, '\n');
	}
	return e;
}
