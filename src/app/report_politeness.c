#include "app/report_politeness.h"
#include "app/tool.h"
#include "base/clock.h"
#include "base/dir_make.h"
#include "base/escape.h"
#include "base/json.h"
#include "crawl/options.h"
#include "observe/format.h"
#include "observe/ledger.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* trawl report --politeness: the ledger, for people and for programs. */

enum {
	ROW_BYTES_MAX = 1 << 20,
	DELAY_COLUMNS = 34, /* "100-30000 ms crawl-delay, back-off" */
};

struct show {
	const char *dir;
	struct ledger *ledger;
	struct ledger_totals totals;
	struct buf out, text;
	enum ledger_subject subject;
	bool json, first;
};

/* ---- for people ---- */

static int
text_gap(struct buf *out, const struct ledger_row *r, int64_t ms)
{
	return r->gaps == 0 ? buf_printf(out, "%10s", "-")
			    : buf_printf(out, "%7lld ms", (long long)ms);
}

static int
text_rules(struct buf *out, unsigned rules)
{
	const char *lead = " ";
	int e = 0;

	for (int i = GAP_NONE + 1; i < GAP_RULE_MAX && e == 0; i++) {
		if ((rules & 1u << i) == 0)
			continue;
		e = buf_printf(out, "%s%s", lead, gap_rule_name((enum gap_rule)i));
		lead = ", ";
	}
	return e;
}

/* "100 ms option", "20-310 ms adaptive" */
static int
text_delay(struct buf *out, const struct ledger_row *r)
{
	size_t start = out->len;
	int e;

	if (r->gaps == 0)
		return buf_printf(out, "  %-*s  ", DELAY_COLUMNS, "-");
	e = buf_printf(out, "  %lld", (long long)r->delay_min_ms);
	if (e == 0 && r->delay_max_ms > r->delay_min_ms)
		e = buf_printf(out, "-%lld", (long long)r->delay_max_ms);
	if (e == 0)
		e = buf_add_cstr(out, " ms");
	if (e == 0)
		e = text_rules(out, r->rules);
	while (e == 0 && out->len - start < 2 + DELAY_COLUMNS)
		e = buf_add_byte(out, ' ');
	return e == 0 ? buf_add_cstr(out, "  ") : e; /* however long it is */
}

/* As the log has it, which has escaped it already. */
static int
text_name(struct show *s, struct slice name)
{
	int e;

	buf_clear(&s->text);
	e = unescape_line(&s->text, name);
	return e < 0 ? e : escape_terminal(&s->out, buf_slice(&s->text));
}

static int
text_worst(struct show *s, const struct ledger_row *r)
{
	const struct ledger_breach *w = &r->worst;
	int e = 0;

	if (r->too_soon > 0) {
		e = buf_printf(&s->out,
		    "          too soon %s time%s, at worst %lld ms after the last %s "
		    "where "
		    "%lld ms (%s) were due: ",
		    COUNT(r->too_soon), r->too_soon == 1 ? "" : "s", (long long)w->got_ms,
		    w->from_start ? "begin" : "end", (long long)w->due_ms,
		    gap_rule_name(w->rule));
		if (e == 0)
			e = text_name(s, r->worst_url);
		if (e == 0)
			e = buf_add_cstr(&s->out, ", ended ");
		if (e == 0)
			e = text_name(s, r->worst_at);
		if (e == 0)
			e = buf_add_byte(&s->out, '\n');
	}
	if (e == 0 && r->too_many > 0)
		e = buf_printf(&s->out, "          too many at once %s time%s\n",
		    COUNT(r->too_many), r->too_many == 1 ? "" : "s");
	return e;
}

static int
text_head(struct show *s, const struct ledger_row *r)
{
	static const char *const names[] = {"host", "address", "site"};

	bool is_host = r->subject == LEDGER_HOST;

	return buf_printf(&s->out,
	    "%srequests  smallest gap  start to start  at once  %-*s  kept?     %s\n",
	    is_host ? "" : "\n", is_host ? DELAY_COLUMNS : 0,
	    is_host ? "delay in force" : "permitted", names[r->subject]);
}

static int
text_limit(struct buf *out, const struct ledger_row *r)
{
	if (r->at_once_max == 0)
		return buf_printf(out, "  %9s  ", "any");
	return buf_printf(out, "  %9u  ", (unsigned)r->at_once_max);
}

static int
text_row(struct show *s, const struct ledger_row *r)
{
	int e = buf_printf(&s->out, "%8s    ", COUNT(r->requests));

	if (e == 0)
		e = text_gap(&s->out, r, r->gap_min_ms);
	if (e == 0)
		e = buf_add_cstr(&s->out, "      ");
	if (e == 0)
		e = text_gap(&s->out, r, r->start_gap_min_ms);
	if (e == 0)
		e = buf_printf(&s->out, "  %7u", (unsigned)r->overlap_max);
	if (e == 0)
		e = r->subject == LEDGER_HOST ? text_delay(&s->out, r)
					      : text_limit(&s->out, r);
	if (e == 0)
		e = buf_printf(&s->out, "%-8s  ", ledger_verdict_name(r->verdict));
	if (e == 0)
		e = text_name(s, r->name);
	if (e == 0)
		e = buf_add_byte(&s->out, '\n');
	return e == 0 ? text_worst(s, r) : e;
}

static int
text_end(struct show *s)
{
	const struct ledger_totals *t = &s->totals;
	uint64_t hosts = t->subjects[LEDGER_HOST];
	int e;

	if (t->requests == 0)
		return buf_add_cstr(
		    &s->out, "no request is recorded with the delay in force\n");
	e = buf_printf(&s->out, "\n%s request%s to %s host%s: ", COUNT(t->requests),
	    t->requests == 1 ? "" : "s", COUNT(hosts), hosts == 1 ? "" : "s");
	if (e < 0)
		return e;
	if (t->violated > 0)
		e = buf_printf(&s->out, "%s violated, above", COUNT(t->violated));
	else
		e = buf_add_cstr(&s->out, "what was in force was kept everywhere");
	if (e == 0 && t->lax > 0)
		e = buf_printf(&s->out,
		    "; at %s options permitted several at once, or no gap",
		    COUNT(t->lax));
	return e == 0 ? buf_add_byte(&s->out, '\n') : e;
}

/* ---- JSON ---- */

static void
json_name(struct show *s, struct jsonw *j, const char *key, struct slice name)
{
	buf_clear(&s->text);
	if (unescape_line(&s->text, name) < 0)
		j->err = -ENOMEM;
	else
		jsonw_str(j, key, buf_slice(&s->text));
}

static void
json_worst(struct show *s, struct jsonw *j, const struct ledger_row *r)
{
	jsonw_object(j, "worst");
	json_name(s, j, "url", r->worst_url);
	json_name(s, j, "ended_at", r->worst_at);
	jsonw_int(j, "got_ms", r->worst.got_ms);
	jsonw_int(j, "due_ms", r->worst.due_ms);
	jsonw_str(j, "rule", slice_cstr(gap_rule_name(r->worst.rule)));
	jsonw_str(j, "from", r->worst.from_start ? SLICE_LIT("start") : SLICE_LIT("end"));
	jsonw_object_end(j);
}

static void
json_delays(struct jsonw *j, const struct ledger_row *r)
{
	if (r->gaps > 0) {
		jsonw_int(j, "delay_min_ms", r->delay_min_ms);
		jsonw_int(j, "delay_max_ms", r->delay_max_ms);
	}
	jsonw_array(j, "rules");
	for (int i = GAP_NONE + 1; i < GAP_RULE_MAX; i++)
		if ((r->rules & 1u << i) != 0)
			jsonw_str(j, NULL, slice_cstr(gap_rule_name((enum gap_rule)i)));
	jsonw_array_end(j);
	jsonw_int(j, "too_soon", (int64_t)r->too_soon);
}

static int
json_row(struct show *s, const struct ledger_row *r)
{
	static const char *const names[] = {"host", "address", "site"};
	struct jsonw j;
	int e = s->first ? 0 : buf_add_byte(&s->out, ',');

	if (e < 0)
		return e;
	jsonw_init(&j, &s->out);
	jsonw_object(&j, NULL);
	json_name(s, &j, names[r->subject], r->name);
	jsonw_int(&j, "requests", (int64_t)r->requests);
	jsonw_int(&j, "answers", (int64_t)r->answers);
	if (r->gaps > 0) {
		jsonw_int(&j, "gap_min_ms", r->gap_min_ms);
		jsonw_int(&j, "start_gap_min_ms", r->start_gap_min_ms);
	}
	jsonw_int(&j, "at_once", r->overlap_max);
	if (r->at_once_max > 0)
		jsonw_int(&j, "at_once_permitted", r->at_once_max);
	jsonw_str(&j, "verdict", slice_cstr(ledger_verdict_name(r->verdict)));
	jsonw_int(&j, "too_many", (int64_t)r->too_many);
	if (r->subject == LEDGER_HOST)
		json_delays(&j, r);
	if (r->too_soon > 0)
		json_worst(s, &j, r);
	jsonw_object_end(&j);
	return j.err;
}

static int
json_begin(struct show *s)
{
	struct jsonw j;

	jsonw_init(&j, &s->out);
	jsonw_object(&j, NULL);
	jsonw_int(&j, "v", 1);
	jsonw_str(&j, "dir", slice_cstr(s->dir));
	jsonw_int(&j, "requests", (int64_t)s->totals.requests);
	jsonw_int(&j, "violated", (int64_t)s->totals.violated);
	jsonw_int(&j, "lax", (int64_t)s->totals.lax);
	jsonw_array(&j, "hosts");
	return j.err;
}

/* ---- the command ---- */

/* Up to the list of that subject: lists without rows are there, too. */
static int
json_list(struct show *s, enum ledger_subject subject)
{
	static const char *const names[] = {"", "],\"addresses\":[", "],\"sites\":["};
	int e = 0;

	while (e == 0 && s->subject < subject) {
		s->subject++;
		e = buf_add_cstr(&s->out, names[s->subject]);
	}
	return e;
}

static int
show_row(struct show *s, const struct ledger_row *r)
{
	int e = 0;

	s->first = s->first || r->subject != s->subject;
	if (s->json)
		e = json_list(s, r->subject);
	else if (s->first)
		e = text_head(s, r);
	s->subject = r->subject;
	if (e == 0)
		e = s->json ? json_row(s, r) : text_row(s, r);
	s->first = false;
	return e;
}

static int
show_end(struct show *s)
{
	int e;

	if (!s->json)
		return text_end(s);
	e = json_list(s, LEDGER_SITE);
	return e == 0 ? buf_add_cstr(&s->out, "]}\n") : e;
}

/* Each row is written as soon as it is made: there may be millions. */
static int
show_all(struct show *s)
{
	struct ledger_row row;
	struct why why = {""};
	int e = s->json ? json_begin(s) : 0, more = 1;

	while (e == 0 && more > 0) {
		more = ledger_next(s->ledger, &row, &why);
		if (more < 0)
			return say_error(EXIT_FILE, "%s", why.text);
		e = more > 0 ? show_row(s, &row) : show_end(s);
		if (e == 0 && !write_stdout(buf_slice(&s->out)))
			return EXIT_FILE;
		buf_clear(&s->out);
	}
	if (e < 0)
		return say_error(EXIT_OTHER, "out of memory");
	return s->totals.violated > 0 ? EXIT_OTHER : EXIT_DONE;
}

int
report_politeness(struct ledger_conf *conf, bool json)
{
	struct show s = {.dir = conf->dir, .json = json, .first = true};
	struct why why = {""};
	int code;

	conf->tmp_dir = temporary_dir();
	code = ledger_open(conf, &s.ledger, &why);
	if (code == -ENOENT)
		return usage_error("%s holds no crawl: %s", conf->dir, why.text);
	if (code < 0)
		return say_error(EXIT_FILE, "%s", why.text);
	ledger_totals(s.ledger, &s.totals);
	buf_init(&s.out, ROW_BYTES_MAX);
	buf_init(&s.text, ROW_BYTES_MAX);
	code = show_all(&s);
	buf_release(&s.out);
	buf_release(&s.text);
	ledger_close(s.ledger);
	return code;
}
