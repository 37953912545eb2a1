#include "base/map.h"
#include "base/sorter.h"
#include "observe/ledger_int.h"
#include "observe/logfile.h"
#include "web/url.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/banned.h"

enum {
	LINE_BYTES_MAX = 256 << 10, /* URL and via, each byte escaped to four */
	MEMORY_BYTES = 16 << 20,    /* each of two sorters; sorting takes as much again */
};

struct ledger {
	struct ledger_conf conf;
	struct logfile log;
	uint64_t hash_seed;
	struct sorter *notes, *rows; /* notes: NULL when all are rows */
	struct ledger_totals totals;
	struct buf named, worst; /* the lines a row's texts are in */
};

/* A row without its texts, as it is sorted. */
struct kept {
	struct ledger_row row;
	uint64_t line_at, short_ms;
};

const char *
ledger_verdict_name(enum ledger_verdict v)
{
	return v == LEDGER_VIOLATED ? "violated" : v == LEDGER_LAX ? "lax" : "kept";
}

/* ---- orders ---- */

#define COMPARE(a, b) ((a) < (b) ? -1 : (a) > (b))

static int
by_subject_and_begin(const void *a, const void *b)
{
	const struct ledger_note *x = a, *y = b;
	int c = COMPARE(x->subject, y->subject);

	if (c == 0)
		c = COMPARE(x->key, y->key);
	if (c == 0)
		c = COMPARE(x->start_ms, y->start_ms);
	if (c == 0)
		c = COMPARE(x->end_ms, y->end_ms);
	return c == 0 ? COMPARE(x->line_at, y->line_at) : c;
}

/* Worse ones first; of equal ones the host that was asked first. */
static int
by_verdict(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;
	int c = COMPARE(x->row.subject, y->row.subject);

	if (c == 0)
		c = COMPARE(y->row.verdict, x->row.verdict);
	if (c == 0)
		c = COMPARE(y->short_ms, x->short_ms);
	return c == 0 ? COMPARE(x->line_at, y->line_at) : c;
}

/* ---- the log becomes notes ---- */

/* Of "http://www.a.test:8080" or "https://[2001:db8::1]". */
static struct slice
site_of(struct slice authority)
{
	struct slice host = slice_from(authority, slice_find(authority, ':') + 3);
	size_t end = host.len;

	while (end > 0 && ascii_is_digit(host.ptr[end - 1]))
		end--;
	if (end > 0 && host.ptr[end - 1] == ':')
		host.len = end - 1;
	return url_site(host);
}

static int
add_note(struct ledger *l, const struct ledger_note *of_line, enum ledger_subject subject,
    struct slice name)
{
	struct ledger_note note = *of_line;

	note.subject = (uint8_t)subject;
	note.key = url_hash(name, l->hash_seed);
	return sorter_add(l->notes, &note);
}

/* Addresses and sites have a limit alone, no gap. */
static int
add_limited(struct ledger *l, const struct ledger_line *line, enum ledger_subject subject,
    struct slice name, uint32_t at_once)
{
	struct ledger_note note = line->note;

	note.gap_ms = 0;
	note.rule = GAP_NONE;
	note.at_once = at_once;
	return name.len == 0 ? 0 : add_note(l, &note, subject, name);
}

int
ledger_add(struct ledger *l, const struct logline *of, uint64_t at)
{
	struct ledger_line line;
	int r;

	l->totals.lines++;
	if (of == NULL || !ledger_line_of(of, &line))
		return 0;
	l->totals.requests++;
	line.note.line_at = at;
	r = add_note(l, &line.note, LEDGER_HOST, line.authority);
	if (r == 0)
		r = add_limited(l, &line, LEDGER_ADDRESS, line.address, line.per_ip);
	if (r == 0 && line.per_site > 0)
		r = add_limited(
		    l, &line, LEDGER_SITE, site_of(line.authority), line.per_site);
	return r;
}

static int
on_line(void *ctx, struct slice text, uint64_t at)
{
	struct logline line;

	return ledger_add(ctx, logline_parse(text, &line) ? &line : NULL, at);
}

/* ---- notes become rows ---- */

static int
keep_row(struct ledger *l, struct ledger_sweep *s)
{
	struct kept k;

	ledger_sweep_end(s);
	k = (struct kept){
	    .row = s->row, .line_at = s->line_at, .short_ms = s->worst_short_ms};
	l->totals.subjects[s->row.subject]++;
	l->totals.violated += s->row.verdict == LEDGER_VIOLATED;
	l->totals.lax += s->row.verdict == LEDGER_LAX;
	return sorter_add(l->rows, &k);
}

static int
sweep_all(struct ledger *l, struct ledger_sweep *s)
{
	struct ledger_note n, last = {0};
	bool open = false;
	int r = sorter_sort(l->notes), e = 0;

	while (r >= 0 && e == 0 && (r = sorter_next(l->notes, &n)) > 0) {
		if (open && (n.key != last.key || n.subject != last.subject)) {
			e = keep_row(l, s);
			open = false;
		}
		if (!open)
			ledger_sweep_begin(s, &n);
		open = true;
		last = n;
		if (e == 0)
			e = ledger_sweep_add(s, &n, &l->conf);
	}
	if (r == 0 && e == 0 && open)
		e = keep_row(l, s);
	return r < 0 ? r : e;
}

int
ledger_make_rows(struct ledger *l)
{
	struct ledger_sweep s = {.line_at = 0};
	int r = sweep_all(l, &s);

	ledger_sweep_release(&s);
	sorter_free(l->notes);
	l->notes = NULL;
	return r < 0 ? r : sorter_sort(l->rows);
}

/* ---- opening ---- */

static int
open_sorters(struct ledger *l)
{
	size_t bytes = l->conf.memory_bytes == 0 ? MEMORY_BYTES : l->conf.memory_bytes;
	struct sorter_conf notes = {
	    sizeof(struct ledger_note), bytes, by_subject_and_begin, l->conf.tmp_dir};
	struct sorter_conf rows = {
	    sizeof(struct kept), bytes, by_verdict, l->conf.tmp_dir};
	int r = sorter_new(&notes, &l->notes);

	return r < 0 ? r : sorter_new(&rows, &l->rows);
}

int
ledger_new(const struct ledger_conf *conf, struct ledger **ret, struct why *why)
{
	struct ledger *l = calloc(1, sizeof(*l));
	int r;

	if (l == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	l->conf = *conf;
	buf_init(&l->named, LINE_BYTES_MAX);
	buf_init(&l->worst, LINE_BYTES_MAX);
	/* Names come from the net: nobody can choose two that are taken for one. */
	if (getrandom(&l->hash_seed, sizeof(l->hash_seed), 0) != sizeof(l->hash_seed))
		l->hash_seed = 0;
	r = logfile_open(&l->log, conf->dir, "crawl.log", UINT64_MAX, why);
	if (r == 0) {
		r = open_sorters(l);
		if (r < 0)
			(void)why_set(why, r, "out of memory");
	}
	if (r < 0) {
		ledger_close(l);
		return r;
	}
	*ret = l;
	return 0;
}

int
ledger_open(const struct ledger_conf *conf, struct ledger **ret, struct why *why)
{
	struct ledger *l;
	int r = ledger_new(conf, &l, why);

	if (r < 0)
		return r;
	if (l->log.fd < 0) {
		r = why_set(why, -ENOENT, "there is no crawl.log");
		goto fail;
	}
	r = logfile_each(&l->log, on_line, l);
	if (r == 0)
		r = ledger_make_rows(l);
	if (r < 0) {
		(void)why_set(why, r, "the ledger of %s: %s", conf->dir, strerror(-r));
		goto fail;
	}
	*ret = l;
	return 0;
fail:
	ledger_close(l);
	return r;
}

void
ledger_close(struct ledger *l)
{
	if (l == NULL)
		return;
	logfile_close(&l->log);
	sorter_free(l->notes);
	sorter_free(l->rows);
	buf_release(&l->named);
	buf_release(&l->worst);
	free(l);
}

void
ledger_totals(const struct ledger *l, struct ledger_totals *ret)
{
	*ret = l->totals;
}

/* ---- rows for those who ask ---- */

/* The line at `at`, kept in `b`; false: it is not there any more. */
static bool
line_again(struct ledger *l, struct buf *b, uint64_t at, struct ledger_line *ret)
{
	struct logline line;
	struct slice text;

	buf_clear(b);
	return logfile_line(&l->log, at, &text) == 0 && buf_add_slice(b, text) == 0 &&
	       logline_parse(buf_slice(b), &line) && ledger_line_of(&line, ret);
}

int
ledger_next(struct ledger *l, struct ledger_row *ret, struct why *why)
{
	static const struct slice gone = {"(cut back meanwhile)", 20};
	struct ledger_line line;
	struct kept k;
	int r = sorter_next(l->rows, &k);

	if (r < 0)
		return why_set(why, r, "the ledger of %s: %s", l->conf.dir, strerror(-r));
	if (r == 0)
		return 0;
	*ret = k.row;
	ret->name = ret->worst_url = ret->worst_at = gone;
	if (line_again(l, &l->named, k.line_at, &line))
		ret->name = ret->subject == LEDGER_HOST      ? line.authority
			    : ret->subject == LEDGER_ADDRESS ? line.address
							     : site_of(line.authority);
	if (ret->too_soon > 0 && line_again(l, &l->worst, k.row.worst.line_at, &line)) {
		ret->worst_url = line.url;
		ret->worst_at = line.at;
	}
	return 1;
}
