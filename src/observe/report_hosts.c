#include "observe/report_int.h"

#include "base/banned.h"

/*
 * Sums of hosts, of which there may be more than memory should hold: what was summed of a
 * host in memory goes into a sorter when another takes its place, and what belongs
 * together meets there, also with the row of the ledger.
 */

enum { SLOTS = 4096 };

struct host_sorter {
	struct sorter *sorter;
	struct ledger *ledger;
	struct host_sums slots[SLOTS];
};

static int
by_key(const void *a, const void *b)
{
	const struct host_sums *x = a, *y = b;
	int c = REPORT_COMPARE(x->key, y->key);

	if (c == 0)
		c = REPORT_COMPARE(x->name_in, y->name_in);
	return c == 0 ? REPORT_COMPARE(x->name_at, y->name_at) : c;
}

void
host_sorter_free(struct host_sorter *h)
{
	if (h == NULL)
		return;
	sorter_free(h->sorter);
	ledger_close(h->ledger);
	free(h);
}

int
host_sorter_new(const struct making *m, struct host_sorter **ret)
{
	struct ledger_conf conf = {.dir = m->dir,
	    .tmp_dir = m->tmp_dir,
	    .delay_ms = -1,
	    .memory_bytes = REPORT_SORT_BYTES};
	struct host_sorter *h = calloc(1, sizeof(*h));
	int r = h == NULL
		    ? -ENOMEM
		    : making_sorter(m, sizeof(struct host_sums), by_key, &h->sorter);

	if (r == 0)
		r = ledger_new(&conf, &h->ledger, m->why);
	if (r < 0) {
		host_sorter_free(h);
		return r;
	}
	*ret = h;
	return 0;
}

/* The name that stands first, so that it does not matter who was here when. */
static void
merge(struct host_sums *into, const struct host_sums *s)
{
	if (s->name_in < into->name_in ||
	    (s->name_in == into->name_in && s->name_at < into->name_at)) {
		into->name_in = s->name_in;
		into->name_at = s->name_at;
	}
	into->pages += s->pages;
	into->bytes += s->bytes;
	into->errors += s->errors;
	into->denied += s->denied;
	into->slowed += s->slowed;
	if (!s->asked)
		return;
	into->asked = true;
	into->verdict = s->verdict;
	into->rules = s->rules;
	into->requests = s->requests;
	into->gaps = s->gaps;
	into->too_soon = s->too_soon;
	into->gap_min_ms = s->gap_min_ms;
	into->delay_min_ms = s->delay_min_ms;
	into->delay_max_ms = s->delay_max_ms;
	into->at_once = s->at_once;
	into->at_once_permitted = s->at_once_permitted;
}

static bool
is_free(const struct host_sums *s)
{
	return s->key == 0;
}

uint64_t
host_sorter_key(const struct making *m, struct slice authority)
{
	return making_hash(m, authority) | 1; /* 0: free */
}

int
host_sorter_add(struct host_sorter *h, const struct host_sums *s)
{
	struct host_sums *slot;
	int r = 0;

	slot = &h->slots[(s->key >> 1) % SLOTS];
	if (slot->key == s->key) {
		merge(slot, s);
		return 0;
	}
	if (!is_free(slot))
		r = sorter_add(h->sorter, slot);
	*slot = *s;
	return r;
}

/* ---- the ledger ---- */

static int
add_row(struct host_sorter *h, struct making *m, const struct ledger_row *row)
{
	struct host_sums s = {.key = host_sorter_key(m, row->name),
	    .name_in = REPORT_LOGS,
	    .asked = true,
	    .verdict = (uint8_t)row->verdict,
	    .rules = row->rules,
	    .requests = row->requests,
	    .gaps = row->gaps,
	    .too_soon = row->too_soon,
	    .gap_min_ms = row->gap_min_ms,
	    .delay_min_ms = row->delay_min_ms,
	    .delay_max_ms = row->delay_max_ms,
	    .at_once = row->overlap_max,
	    .at_once_permitted = row->at_once_max};

	return host_sorter_add(h, &s);
}

int
host_sorter_line(struct host_sorter *h, const struct logline *line, uint64_t at)
{
	return ledger_add(h->ledger, line, at);
}

static int
add_ledger(struct host_sorter *h, struct making *m)
{
	struct ledger_row row;
	int r = ledger_make_rows(h->ledger), more;

	if (r < 0)
		return r;
	ledger_totals(h->ledger, &m->r->hosts.ledger);
	while ((more = ledger_next(h->ledger, &row, m->why)) > 0 && r == 0)
		if (row.subject == LEDGER_HOST)
			r = add_row(h, m, &row);
	return more < 0 ? more : r;
}

/* ---- the first ones ---- */

static int
by_requests(const void *a, const void *b)
{
	const struct report_host *x = a, *y = b;
	int c = REPORT_COMPARE(
	    y->sums.verdict == LEDGER_VIOLATED, x->sums.verdict == LEDGER_VIOLATED);

	if (c == 0)
		c = REPORT_COMPARE(y->sums.requests, x->sums.requests);
	if (c == 0)
		c = REPORT_COMPARE(y->sums.denied, x->sums.denied);
	return c == 0 ? by_key(&(struct host_sums){.name_in = x->sums.name_in,
				   .name_at = x->sums.name_at},
			    &(struct host_sums){
				.name_in = y->sums.name_in, .name_at = y->sums.name_at})
		      : c;
}

static int
by_errors(const void *a, const void *b)
{
	const struct report_host *x = a, *y = b;
	int c = REPORT_COMPARE(y->sums.errors, x->sums.errors);

	return c == 0 ? by_requests(a, b) : c;
}

static int
name_of(struct making *m, const struct host_sums *s, struct slice *ret)
{
	struct rejectline rejected;
	struct logline line;
	struct slice text, url = {0};
	int r;

	if (s->name_in >= REPORT_LOGS)
		return 0;
	r = logfile_line(&m->logs[s->name_in], s->name_at, &text);
	if (r == 0 && s->name_in == REPORT_CRAWL_LOG && logline_parse(text, &line))
		url = line.url;
	else if (r == 0 && s->name_in == REPORT_REJECTED_LOG &&
		 rejectline_parse(text, &rejected))
		url = rejected.url;
	if (r == 0)
		r = making_text(m, logline_authority(url), ret);
	return r == -ENODATA ? 0 : r;
}

static int
name_all(struct making *m, struct top *t)
{
	int r = 0;

	for (size_t i = 0; i < t->len && r == 0; i++) {
		struct report_host *h = top_at(t, i);

		r = name_of(m, &h->sums, &h->name);
	}
	return r;
}

static void
keep_host(struct report_hosts *hosts, const struct host_sums *s)
{
	struct report_host h = {.sums = *s};

	hosts->total++;
	if (s->asked || s->denied > 0)
		top_add(&hosts->asked, &h);
	if (s->errors > 0) {
		hosts->failed_total++;
		top_add(&hosts->failed, &h);
	}
}

static int
merge_all(struct host_sorter *h, struct report_hosts *hosts)
{
	struct host_sums s, sum = {.key = 0};
	int r = 0, more;

	for (size_t i = 0; i < SLOTS && r == 0; i++)
		if (!is_free(&h->slots[i]))
			r = sorter_add(h->sorter, &h->slots[i]);
	if (r == 0)
		r = sorter_sort(h->sorter);
	if (r < 0)
		return r;
	while ((more = sorter_next(h->sorter, &s)) > 0) {
		if (s.key == sum.key) {
			merge(&sum, &s);
			continue;
		}
		if (!is_free(&sum))
			keep_host(hosts, &sum);
		sum = s;
	}
	if (more == 0 && !is_free(&sum))
		keep_host(hosts, &sum);
	return more;
}

int
host_sorter_finish(struct host_sorter *h, struct making *m)
{
	struct report_hosts *hosts = &m->r->hosts;
	int r = top_init(
	    &hosts->asked, sizeof(struct report_host), REPORT_HOSTS_MAX, by_requests);

	if (r == 0)
		r = top_init(&hosts->failed, sizeof(struct report_host), REPORT_HOSTS_MAX,
		    by_errors);
	if (r == 0)
		r = add_ledger(h, m);
	if (r == 0)
		r = merge_all(h, hosts);
	if (r == 0)
		r = name_all(m, &hosts->asked);
	return r == 0 ? name_all(m, &hosts->failed) : r;
}
