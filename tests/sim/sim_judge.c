#include "sim_judge.h"
#include "crawl/saved.h"
#include "sim_warc.h"
#include "store/store.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 512, IDS_MAX = 1 << 20 };

/* What was found of a page. */
struct tally {
	uint32_t responses, requests, metadata, lines, logged, rejected;
	uint32_t too_early; /* rejected, before a seed moved to its host */
	uint32_t file;
	uint64_t offset, length;
};

struct judge {
	const struct scene *s;
	const char *dir;
	struct tally *tallies; /* one a page */
	char files[FILES_MAX][256];
	uint32_t files_len, file; /* the one that is read */
	struct map ids;           /* of records; keys are heap */
	struct buf body;
};

#define WRONG(why, ...) why_set((why), -EBADMSG, __VA_ARGS__)

/* Whole, with a NUL behind; heap. */
static int
read_file(const char *dir, const char *name, struct slice *ret, struct why *why)
{
	char path[512], *bytes;
	struct stat st;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return why_set(why, -errno, "%s: %s", path, strerror(errno));
	bytes = malloc((size_t)st.st_size + 1);
	n = bytes == NULL ? -1 : read(fd, bytes, (size_t)st.st_size);
	(void)close(fd);
	if (n != st.st_size) {
		free(bytes);
		return why_set(why, -EIO, "%s: cannot be read", path);
	}
	bytes[n] = '\0';
	*ret = slice_of(bytes, (size_t)n);
	return 0;
}

static struct tally *
tally_of(struct judge *j, const struct scene_page *p)
{
	return &j->tallies[p - j->s->pages];
}

/* ---- the archive ---- */

static bool
is_rules(struct slice uri)
{
	struct slice host = slice_from(uri, slice_find(uri, ':') + 3);
	struct slice path = slice_from(host, slice_find(host, '/'));

	return slice_eq(path, SLICE_LIT("/robots.txt")) ||
	       slice_starts(path, SLICE_LIT("/rules"));
}

static int
check_response(struct judge *j, const struct scene_page *p, const struct sim_record *r,
    struct why *why)
{
	static const struct {
		enum outcome outcome;
		int from, to;
	} statuses[] = {{OUTCOME_OK, 200, 299}, {OUTCOME_REDIRECT, 300, 399},
	    {OUTCOME_HTTP_4XX, 400, 499}, {OUTCOME_HTTP_5XX, 500, 599}};
	bool fits = false;

	for (size_t i = 0; i < 4; i++)
		fits |= statuses[i].outcome == p->expected &&
			r->status >= statuses[i].from && r->status <= statuses[i].to;
	if (!fits)
		return WRONG(why, "%s is archived with status %d", p->url, r->status);
	buf_clear(&j->body);
	if (scene_body(j->s, p, &j->body) < 0)
		return -ENOMEM;
	if (!slice_eq(buf_slice(&j->body), r->payload))
		return WRONG(why, "%s is archived with another body", p->url);
	return 0;
}

static int
on_record(void *ctx, const struct sim_record *r, struct why *why)
{
	struct judge *j = ctx;
	const struct scene_page *p;
	struct tally *t;
	char *id = slice_dup(r->id);
	int err = id == NULL ? -ENOMEM : map_put(&j->ids, slice_of(id, r->id.len), id);

	if (err < 0) {
		free(id);
		return WRONG(why, "record id " SLICE_FMT " twice", SLICE_ARG(r->id));
	}
	if (slice_eq(r->type, SLICE_LIT("warcinfo")))
		return 0;
	if (map_get(&j->ids, r->warcinfo_id) == NULL)
		return WRONG(why, "warcinfo " SLICE_FMT " of " SLICE_FMT " is not there",
		    SLICE_ARG(r->warcinfo_id), SLICE_ARG(r->uri));
	if (r->concurrent_to.len > 0 && map_get(&j->ids, r->concurrent_to) == NULL)
		return WRONG(why, "the record beside " SLICE_FMT " is not there",
		    SLICE_ARG(r->uri));
	if (is_rules(r->uri))
		return 0;
	p = scene_page(j->s, r->uri);
	if (p == NULL || !p->reached)
		return WRONG(why, SLICE_FMT " is archived and was never to be reached",
		    SLICE_ARG(r->uri));
	t = tally_of(j, p);
	t->requests += slice_eq(r->type, SLICE_LIT("request"));
	t->metadata += slice_eq(r->type, SLICE_LIT("metadata"));
	if (!slice_eq(r->type, SLICE_LIT("response")))
		return 0;
	t->responses++;
	t->file = j->file;
	t->offset = r->offset;
	t->length = r->length;
	return check_response(j, p, r, why);
}

/* "...-00007.warc.gz": in the order in which they were begun, whatever the clock said. */
static int
by_serial(const void *a, const void *b)
{
	const char *x = a, *y = b;

	return strcmp(strrchr(x, '-'), strrchr(y, '-'));
}

static int
list_archive(struct judge *j, const char *dir, struct why *why)
{
	DIR *h = opendir(dir);
	struct dirent *d;
	int r = 0;

	if (h == NULL)
		return WRONG(why, "%s: %s", dir, strerror(errno));
	while (r == 0 && (d = readdir(h)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		if (j->files_len == FILES_MAX)
			r = WRONG(why, "too many archive files");
		else if (!slice_ends(slice_cstr(d->d_name), SLICE_LIT(".warc.gz")))
			r = WRONG(why, "%s is left in the archive", d->d_name);
		else
			(void)snprintf(j->files[j->files_len++], sizeof(j->files[0]),
			    "%s", d->d_name);
	}
	(void)closedir(h);
	qsort(j->files, j->files_len, sizeof(j->files[0]), by_serial);
	return r;
}

static int
judge_archive(struct judge *j, struct why *why)
{
	char dir[512];
	int r;

	(void)snprintf(dir, sizeof(dir), "%s/warc", j->dir);
	r = list_archive(j, dir, why);
	for (j->file = 0; j->file < j->files_len && r == 0; j->file++) {
		struct slice bytes = {0};

		r = read_file(dir, j->files[j->file], &bytes, why);
		if (r == 0)
			r = sim_warc_read(bytes, on_record, j, why);
		if (r < 0)
			(void)why_prefix(why, r, "%s", j->files[j->file]);
		free((void *)(uintptr_t)bytes.ptr);
	}
	return r;
}

/* ---- the files of lines ---- */

typedef int line_fn(struct judge *j, struct slice line, struct why *why);

static int
each_line(struct judge *j, const char *name, line_fn *fn, struct why *why)
{
	struct slice bytes = {0}, rest, line;
	int r = read_file(j->dir, name, &bytes, why);

	rest = bytes;
	if (r == 0 && bytes.len > 0 && bytes.ptr[bytes.len - 1] != '\n')
		r = WRONG(why, "the last line of %s is torn", name);
	while (r == 0 && rest.len > 0 && slice_cut(&rest, '\n', &line)) {
		r = fn(j, line, why);
		if (r < 0)
			(void)why_prefix(why, r, "%s", name);
	}
	free((void *)(uintptr_t)bytes.ptr);
	return r;
}

static int
find_page(struct judge *j, struct slice url, struct tally **ret,
    const struct scene_page **ret_page, struct why *why)
{
	const struct scene_page *p = scene_page(j->s, url);

	if (p == NULL || !p->reached)
		return WRONG(why, SLICE_FMT " was never to be reached", SLICE_ARG(url));
	*ret = tally_of(j, p);
	*ret_page = p;
	return 0;
}

static int
page_line(struct judge *j, struct slice line, struct why *why)
{
	json_error_t error;
	json_t *o = json_loadb(line.ptr, line.len, JSON_REJECT_DUPLICATES, &error);
	const char *url = "", *outcome = "", *file = "";
	json_int_t offset = -1, length = -1;
	const struct scene_page *p = NULL;
	struct tally *t = NULL;
	int r = 0;

	if (o == NULL || json_unpack(o, "{s:s, s:s, s:{s:s, s:I, s:I}}", "url", &url,
			     "outcome", &outcome, "warc", "file", &file, "offset",
			     &offset, "length", &length) < 0)
		r = WRONG(why, "no page: " SLICE_FMT, SLICE_ARG(line));
	if (r == 0)
		r = find_page(j, slice_cstr(url), &t, &p, why);
	if (r == 0) {
		t->lines++;
		if (strcmp(outcome, outcome_name(p->expected)) != 0)
			r = WRONG(why, "%s is %s and should be %s", url, outcome,
			    outcome_name(p->expected));
		else if (t->responses != 1 || strcmp(file, j->files[t->file]) != 0 ||
			 (uint64_t)offset != t->offset || (uint64_t)length != t->length)
			r = WRONG(why, "%s does not lie at %s %lld in the archive", url,
			    file, (long long)offset);
	}
	json_decref(o);
	return r;
}

static bool
has_word(struct slice words, struct slice wanted)
{
	struct slice word;

	while (slice_cut(&words, ',', &word))
		if (slice_eq(word, wanted))
			return true;
	return false;
}

/* The columns of Heritrix, divided by blanks. */
static int
log_line(struct judge *j, struct slice line, struct why *why)
{
	struct slice column[12] = {{0}}, rest = line;
	const struct scene_page *p;
	struct tally *t;
	size_t n = 0;
	int r;

	while (rest.len > 0 && n < 12) {
		struct slice word;

		if (slice_cut(&rest, ' ', &word) && word.len > 0)
			column[n++] = word;
	}
	if (n != 12 || rest.len > 0)
		return WRONG(why, "torn: " SLICE_FMT, SLICE_ARG(line));
	if (is_rules(column[3]))
		return 0;
	r = find_page(j, column[3], &t, &p, why);
	if (r == 0)
		t->logged += !has_word(column[11], SLICE_LIT("retry"));
	return r;
}

/* What another seed leads to may be there before a seed has moved to its host, whereupon it is
 * judged anew. */
static int
rejected_line(struct judge *j, struct slice line, struct why *why)
{
	struct slice rest = line, reason, url, via;
	const struct scene_page *p;
	struct tally *t;
	int r;

	if (!slice_cut(&rest, '\t', &reason) || !slice_cut(&rest, '\t', &url) ||
	    !slice_cut(&rest, '\t', &via) || rest.len == 0)
		return WRONG(why, "torn: " SLICE_FMT, SLICE_ARG(line));
	r = find_page(j, url, &t, &p, why);
	if (r < 0)
		return r;
	if (j->s->seeds_len > 1 && j->s->hosts[p->host].is_moved_to &&
	    slice_eq(reason, SLICE_LIT("out-of-scope"))) {
		t->too_early++;
		return 0;
	}
	t->rejected++;
	return slice_eq(reason, slice_cstr(outcome_name(p->expected)))
		   ? 0
		   : WRONG(why, "%s is " SLICE_FMT " and should be %s", p->url,
			 SLICE_ARG(reason), outcome_name(p->expected));
}

/* ---- together ---- */

static int
count_is(const struct judge *j, const struct scene_page *p, const char *what,
    uint32_t have, uint32_t want, struct why *why)
{
	const struct scene_page *via = &j->s->pages[p->via];

	return have == want
		   ? 0
		   : WRONG(why, "%s (%s, by way of %s): %u times %s, not %u", p->url,
			 outcome_name(p->expected), via->url, have, what, want);
}

static int
judge_page(struct judge *j, const struct scene_page *p, struct why *why)
{
	const struct tally *t = tally_of(j, p);
	enum outcome_class class =
	    p->reached ? outcome_class(p->expected) : OUTCOME_CLASS_NONE;
	uint32_t fetched = class == OUTCOME_CLASS_FETCHED;
	int r = count_is(j, p, "archived", t->responses, fetched, why);

	if (r == 0)
		r = count_is(j, p, "archived as request", t->requests, fetched, why);
	if (r == 0)
		r = count_is(j, p, "archived as metadata", t->metadata, fetched, why);
	if (r == 0)
		r = count_is(j, p, "in pages.jsonl", t->lines, fetched, why);
	if (r == 0)
		r = count_is(j, p, "in crawl.log", t->logged,
		    fetched + (class == OUTCOME_CLASS_FAILED), why);
	if (r == 0)
		r = count_is(j, p, "in rejected.log", t->rejected,
		    class == OUTCOME_CLASS_REJECTED, why);
	if (r == 0 && t->too_early > 1)
		r = count_is(j, p, "in rejected.log", t->too_early, 1, why);
	return r;
}

struct sums {
	uint64_t all, outcomes[OUTCOME_MAX], bad;
};

static int
sums_are(const struct sums *want, uint64_t all, const uint64_t *outcomes,
    const char *where, struct why *why)
{
	if (all != want->all)
		return WRONG(why, "%s: %llu URLs, not %llu", where,
		    (unsigned long long)all, (unsigned long long)want->all);
	for (int o = 0; o < OUTCOME_MAX; o++)
		if (outcomes[o] != want->outcomes[o])
			return WRONG(why, "%s: %llu %s, not %llu", where,
			    (unsigned long long)outcomes[o],
			    outcome_name((enum outcome)o),
			    (unsigned long long)want->outcomes[o]);
	return 0;
}

static bool
on_seen(void *ctx, struct slice key, struct slice value)
{
	struct sums *have = ctx;
	struct saved_seen seen;

	(void)key;
	have->all++;
	if (saved_seen_decode(value, &seen) < 0)
		have->bad++;
	else
		have->outcomes[seen.outcome]++;
	return true;
}

static bool
on_queued(void *ctx, struct slice key, struct slice value)
{
	struct sums *have = ctx;

	(void)key, (void)value;
	have->bad++;
	return true;
}

static int
judge_store(struct judge *j, const struct sums *want, struct why *why)
{
	struct store_conf conf = {.dir = j->dir, .mode = STORE_READ};
	struct sums have = {0};
	struct store *store;
	struct saved saved;
	int r = store_open("rocksdb", &conf, &store, why);

	if (r < 0)
		return r;
	r = store_scan(store, STORE_SEEN, (struct slice){0}, (struct slice){0},
	    UINT32_MAX, on_seen, &have);
	if (r == 0)
		r = sums_are(want, have.all, have.outcomes, "seen table", why);
	if (r == 0)
		r = store_scan(store, STORE_QUEUE, (struct slice){0}, (struct slice){0},
		    UINT32_MAX, on_queued, &have);
	if (r == 0 && have.bad > 0)
		r = WRONG(why, "something is left in the queue");
	if (r == 0)
		r = saved_get(store, &saved, why);
	if (r == 0)
		r = sums_are(want, saved.totals.discovered, saved.totals.outcomes,
		    "sums in the store", why);
	store_close(store);
	return r;
}

static int
judge_all(struct judge *j, const struct crawl_totals *t, struct why *why)
{
	struct sums want = {0};
	int r = judge_archive(j, why);

	if (r == 0)
		r = each_line(j, "pages.jsonl", page_line, why);
	if (r == 0)
		r = each_line(j, "crawl.log", log_line, why);
	if (r == 0)
		r = each_line(j, "rejected.log", rejected_line, why);
	for (uint32_t i = 0; i < j->s->pages_len && r == 0; i++) {
		const struct scene_page *p = &j->s->pages[i];

		if (p->reached) {
			want.all++;
			want.outcomes[p->expected]++;
		}
		r = judge_page(j, p, why);
	}
	if (r == 0)
		r = sums_are(&want, t->discovered, t->outcomes, "sums", why);
	if (r == 0 && !totals_hold(t))
		r = WRONG(why, "the sums do not add up");
	return r == 0 ? judge_store(j, &want, why) : r;
}

int
judge_dir(
    const struct scene *s, const char *dir, const struct crawl_totals *t, struct why *why)
{
	struct judge *j = calloc(1, sizeof(*j));
	void *id;
	size_t i = 0;
	int r = -ENOMEM;

	if (j == NULL)
		return r;
	j->s = s;
	j->dir = dir;
	j->tallies = calloc(s->pages_len, sizeof(*j->tallies));
	map_init(&j->ids, IDS_MAX);
	buf_init(&j->body, 1 << 20);
	if (j->tallies != NULL)
		r = judge_all(j, t, why);
	while (map_at(&j->ids, &i, NULL, &id))
		free(id);
	map_release(&j->ids);
	buf_release(&j->body);
	free(j->tallies);
	free(j);
	return r;
}

/* ---- politeness ---- */

/* What a host may count on between two requests, when they do not overlap. */
static int64_t
least_gap(const struct scene *s, const struct scene_host *h)
{
	int64_t delay = s->delay_ms < 0 ? 0 : s->delay_ms;

	return s->obeys_robots && h->crawl_delay_ms > delay ? h->crawl_delay_ms : delay;
}

/* Requests to `h` but for robots.txt, which may come out of turn. */
static bool
is_to(const struct scene_host *h, const struct sim_request *r)
{
	struct slice url = slice_cstr(r->url), a = slice_cstr(h->authority);

	return slice_starts(url, a) &&
	       slice_starts(slice_from(url, a.len), SLICE_LIT("/")) && !is_rules(url);
}

/* `asked`: all requests to `h` of one run, or of all. */
static int
judge_host(const struct scene *s, const struct scene_host *h,
    const struct sim_request *const *asked, size_t n, struct why *why)
{
	int64_t gap = least_gap(s, h);

	for (size_t i = 1; i < n; i++) {
		const struct sim_request *r = asked[i], *last = asked[i - 1];
		uint32_t running = 1;

		for (size_t k = 0; k < i; k++)
			running += asked[k]->ended_ms > r->began_ms;
		if (running > s->per_host)
			return WRONG(why, "%s: %u requests at once at %lld ms",
			    h->authority, running, (long long)r->began_ms);
		if (s->per_host == 1 && r->began_ms - last->ended_ms < gap)
			return WRONG(why,
			    "asked for %s at %lld ms, but the last answer of its host "
			    "ended at %lld and the gap is %lld",
			    r->url, (long long)r->began_ms, (long long)last->ended_ms,
			    (long long)gap);
	}
	return 0;
}

/* Of the requests from..to-1. */
static int
judge_span(const struct scene *s, const struct scene_host *h,
    const struct sim_request *requests, size_t from, size_t to, struct why *why)
{
	const struct sim_request **asked = calloc(to - from + 1, sizeof(*asked));
	size_t n = 0;
	int r;

	if (asked == NULL)
		return -ENOMEM;
	for (size_t i = from; i < to; i++)
		if (is_to(h, &requests[i]))
			asked[n++] = &requests[i];
	r = judge_host(s, h, asked, n, why);
	free(asked);
	return r;
}

int
judge_politeness(const struct scene *s, const struct sim_request *requests,
    size_t requests_len, const size_t *began, size_t runs, bool across, struct why *why)
{
	int r = 0;

	for (uint32_t i = 0; i < s->hosts_len; i++) {
		for (size_t k = 0; k < runs && r == 0; k++)
			r = judge_span(s, &s->hosts[i], requests, began[k],
			    k + 1 < runs ? began[k + 1] : requests_len, why);
		if (r == 0 && across)
			r = judge_span(s, &s->hosts[i], requests, 0, requests_len, why);
	}
	return r;
}
