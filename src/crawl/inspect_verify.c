#include "crawl/inspect_internal.h"
#include "frontier/keys.h"
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

/* The tables against the sums, and the files against the marks: all of one commit. */

struct verify {
	struct inspect *in;
	inspect_difference_fn *fn;
	void *ctx;
	int differences;
	int err;

	uint64_t outcomes[OUTCOME_MAX], seen, seen_bad;
	/* The queue: of the host that is being read, and in all. */
	struct hostcount counts;
	uint64_t authority, here, queued, queue_bad, hosts_bad, too_low;
};

__attribute__((format(printf, 2, 3))) static void
differs(struct verify *v, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (v->differences < INT_MAX)
		v->differences++;
	v->fn(v->ctx, text);
}

static void
same(struct verify *v, const char *what, uint64_t there, uint64_t sum)
{
	if (there != sum)
		differs(v, "%s: %" PRIu64 " in the store, %" PRIu64 " in the sums", what,
		    there, sum);
}

/* ---- seen ---- */

static bool
on_seen(void *ctx, struct slice key, struct slice value)
{
	struct verify *v = ctx;
	struct saved_seen seen;
	uint64_t authority, url;

	if (!key_parse(key, &authority, &url) || saved_seen_decode(value, &seen) < 0) {
		v->seen_bad++;
		return true;
	}
	v->seen++;
	v->outcomes[seen.outcome]++;
	return true;
}

static int
verify_seen(struct verify *v, struct why *why)
{
	const struct crawl_totals *t = &v->in->saved.totals;
	char what[64];
	int r = inspect_scan(v->in, STORE_SEEN, (struct slice){0}, (struct slice){0},
	    on_seen, v, &v->err, why);

	if (r < 0)
		return r;
	if (v->seen_bad > 0)
		differs(v, "damaged records of seen URLs: %" PRIu64, v->seen_bad);
	for (int o = OUTCOME_NONE + 1; o < OUTCOME_MAX; o++) {
		(void)snprintf(
		    what, sizeof(what), "outcome %s", outcome_name((enum outcome)o));
		same(v, what, v->outcomes[o], t->outcomes[o]);
	}
	return 0;
}

/* ---- queue ---- */

/* The queue is sorted by host: one is over when the next begins. */
static void
end_host(struct verify *v)
{
	uint64_t noted = v->here == 0 ? 0 : hostcount_get(&v->counts, v->authority);

	if (noted != v->here)
		v->hosts_bad++;
	if (noted > 0)
		(void)hostcount_set(
		    &v->counts, v->authority, 0, 0); /* its place is there */
	v->here = 0;
}

static bool
on_queued(void *ctx, struct slice key, struct slice value)
{
	struct verify *v = ctx;
	uint64_t authority, order_key;
	struct urlrec rec;

	if (!key_parse(key, &authority, &order_key) || urlrec_decode(value, &rec) < 0 ||
	    rec.authority_hash != authority || rec.key != order_key) {
		v->queue_bad++;
		return true;
	}
	if (authority != v->authority)
		end_host(v);
	v->authority = authority;
	v->too_low += order_key < hostcount_low(&v->counts, authority);
	v->here++;
	v->queued++;
	return v->err == 0;
}

static int
verify_queue(struct verify *v, struct why *why)
{
	uint64_t sum = 0, authority, n;
	int r = inspect_counts(v->in, &v->counts, why);

	for (size_t i = 0; r == 0 && hostcount_at(&v->counts, &i, &authority, &n);)
		sum += n;
	if (r == 0)
		r = inspect_scan(v->in, STORE_QUEUE, (struct slice){0}, (struct slice){0},
		    on_queued, v, &v->err, why);
	if (r < 0)
		return r;
	end_host(v);
	for (size_t i = 0; hostcount_at(&v->counts, &i, &authority, &n);)
		v->hosts_bad += n > 0;
	if (v->queue_bad > 0)
		differs(v, "damaged records of the queue: %" PRIu64, v->queue_bad);
	same(v, "queued", v->queued, v->in->saved.totals.queued);
	/* Of what waits the queue tells, whether it has a record among what was seen or not. */
	same(v, "discovered", v->seen - v->outcomes[OUTCOME_NONE] + v->queued,
	    v->in->saved.totals.discovered);
	same(v, "queued, by the counts of the hosts", sum, v->in->saved.totals.queued);
	if (v->hosts_bad > 0)
		differs(v, "hosts with another number queued than is noted: %" PRIu64,
		    v->hosts_bad);
	if (v->too_low > 0)
		differs(v,
		    "records of the queue before the place where their host's begin: "
		    "%" PRIu64,
		    v->too_low);
	return 0;
}

/* ---- files ---- */

/* What the mark says besides the length of a file. */
static int
verify_inside(struct verify *v, const char *sink, struct why *why)
{
	struct why what = {""};
	int r = inspect_mark(v->in, sink, why);

	if (r == 0)
		r = sink_verify(sink, v->in->dir, buf_slice(&v->in->value), &what);
	else
		return r == -ENOENT ? 0 : r; /* the crawl has no such sink */
	if (r == -EBADMSG) {
		differs(v, "%s", what.text);
		r = 0;
	}
	return r < 0 ? why_set(why, r, "%s", what.text) : 0;
}

static int
verify_file(struct verify *v, const char *sink, struct why *why)
{
	struct sink_place at;
	struct stat st;
	char path[4200];
	int r = inspect_place(v->in, sink, &at, why);

	if (r == -ENOENT)
		return verify_inside(v, sink, why);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s/%s", v->in->dir, at.file);
	r = stat(path, &st);
	if (r < 0 && errno == ENOENT) {
		(void)snprintf(path, sizeof(path), "%s/%s.open", v->in->dir, at.file);
		r = stat(path, &st);
	}
	if (r < 0 && errno == ENOENT)
		differs(v, "%s is missing", at.file);
	else if (r < 0)
		return why_set(why, -errno, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		differs(v, "%s is no regular file", at.file);
	else if ((uint64_t)st.st_size < at.length)
		differs(v, "%s has %lld bytes, %" PRIu64 " were committed", at.file,
		    (long long)st.st_size, at.length);
	else
		return verify_inside(v, sink, why);
	return 0;
}

/* A crawl that keeps no archive any more may have one of earlier runs. */
static int
verify_archive(struct verify *v, struct why *why)
{
	struct sink_place at = {.file = ""};
	int r = inspect_place(v->in, "warc", &at, why);

	if (r == 0 || r == -ENOENT)
		r = inspect_verify_archive(v->in, at.file, v->fn, v->ctx, why);
	if (r > 0)
		v->differences += r;
	return r < 0 ? r : 0;
}

/* ---- the whole ---- */

static void
verify_identity(struct verify *v)
{
	const struct crawl_totals *t = &v->in->saved.totals;

	if (!totals_hold(t))
		differs(v,
		    "discovered %" PRIu64 " is not fetched %" PRIu64 " + failed %" PRIu64
		    " + rejected %" PRIu64 " + queued %" PRIu64,
		    t->discovered, t->fetched, t->failed, t->rejected, t->queued);
}

/* Where the store itself is damaged, what it says need not be compared. */
static int
verify_tables(struct verify *v, struct why *why)
{
	uint64_t keys[STORE_TABLE_MAX];
	struct why what = {""};
	int r = store_verify(v->in->store, keys, &what);

	if (r == -EBADMSG) {
		differs(v, "%s", what.text);
		return 0;
	}
	if (r < 0)
		return why_set(why, r, "%s", what.text);
	verify_identity(v);
	r = verify_seen(v, why);
	return r < 0 ? r : verify_queue(v, why);
}

int
inspect_verify(struct inspect *in, inspect_difference_fn *fn, void *ctx, struct why *why)
{
	struct verify v = {.in = in, .fn = fn, .ctx = ctx};
	int r;

	hostcount_init(&v.counts);
	r = verify_tables(&v, why);
	for (size_t i = 0; sink_name(i) != NULL && r == 0; i++)
		r = verify_file(&v, sink_name(i), why);
	if (r == 0)
		r = verify_archive(&v, why);
	if (r == 0 && v.err < 0)
		r = inspect_why(in, v.err, why);
	hostcount_release(&v.counts);
	return r < 0 ? r : v.differences;
}
