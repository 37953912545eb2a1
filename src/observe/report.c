#include "observe/report.h"
#include "base/escape.h"
#include "base/file_whole.h"
#include "observe/report_int.h"
#include "web/url.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

enum {
	TEXTS_BLOCK = 64 << 10,
	TEXTS_MAX = 64 << 20,
	PLAIN_BYTES_MAX = 4 << 20,
	SPANS_MAX = 10000, /* runs after these are not laid end to end */
	OUT_BYTES_MAX = 256 << 20,
};

/* ---- what is not in the logs ---- */

void
report_facts_take(
    struct report_facts *f, struct crawl *c, enum crawl_end end, int64_t wall_us)
{
	struct crawl_stats s;

	crawl_stats(c, &s);
	*f = (struct report_facts){.end = end,
	    .runs = 1,
	    .elapsed_ms = s.crawl_ms,
	    .at_us = wall_us,
	    .hosts = s.frontier.hosts,
	    .totals = s.totals};
	f->began_us = f->at_us - s.crawl_ms * 1000;
	memcpy(f->wait_ms, s.wait_ms, sizeof(f->wait_ms));
	crawl_traps(c, &f->traps);
	(void)snprintf(f->why, sizeof(f->why), "%s", crawl_why(c));
}

static int
take_status(struct report_facts *f, struct inspect *in, struct why *why)
{
	struct inspect_status st;
	int r = inspect_status(in, &st, why);

	if (r < 0)
		return r;
	*f = (struct report_facts){.running = st.running,
	    .interrupted = !st.running && st.saved.end == SAVED_RUNNING,
	    .runs = st.saved.runs,
	    .began_us = st.saved.began_us,
	    .at_us = st.saved.at_us,
	    .elapsed_ms = st.saved.elapsed_ms,
	    .hosts = st.hosts,
	    .totals = st.saved.totals,
	    .traps = st.traps};
	if (st.saved.end != SAVED_RUNNING) {
		f->end = (enum crawl_end)st.saved.end;
		f->running = false; /* its process has only to go */
	}
	memcpy(f->wait_ms, st.saved.wait_ms, sizeof(f->wait_ms));
	return 0;
}

/* Of a run that has just ended: the store does not know of a commit that failed. */
static void
take_end(struct report_facts *f, const struct report_facts *own)
{
	f->running = f->interrupted = false;
	f->end = own->end;
	memcpy(f->why, own->why, sizeof(f->why));
}

/* ---- runs ---- */

static int
add_span(struct making *m, int64_t began_us, int64_t length_ms)
{
	struct report_span *s = &m->spans[m->spans_len];

	if (m->spans_len == SPANS_MAX)
		return 0;
	*s = (struct report_span){.began_ms = began_us / 1000, .length_ms = length_ms};
	if (m->spans_len > 0)
		s->before_ms = s[-1].before_ms + s[-1].length_ms;
	m->spans_len++;
	return 0;
}

static int
on_run(void *ctx, const struct saved_run *run)
{
	struct making *m = ctx;
	struct report *r = m->r;

	if (r->runs_len == REPORT_RUNS_MAX)
		memmove(r->runs, r->runs + 1, --r->runs_len * sizeof(r->runs[0]));
	r->runs[r->runs_len++] = *run;
	changes_run(&r->changes, run);
	return add_span(m, run->began_us, run->elapsed_ms);
}

static int
take_runs(struct making *m)
{
	struct report_facts *f = &m->r->facts;
	struct saved_run only = {.number = 1,
	    .round = 1,
	    .end = (uint8_t)f->end,
	    .began_us = f->began_us,
	    .at_us = f->at_us,
	    .elapsed_ms = f->elapsed_ms,
	    .pages = f->totals.pages,
	    .wire_bytes = f->totals.wire_bytes};
	int r = 0;

	m->spans = calloc(SPANS_MAX, sizeof(*m->spans));
	if (m->spans == NULL)
		return -ENOMEM;
	if (m->in != NULL)
		r = inspect_runs(m->in, on_run, m, m->why);
	if (r == 0 && m->in == NULL) {
		(void)snprintf(only.why, sizeof(only.why), "%s", f->why);
		r = on_run(m, &only);
	}
	if (r == 0 && m->spans_len == 0) /* of an older trawl */
		r = add_span(m, f->began_us, INT64_MAX / 4);
	if (r == 0 && m->r->runs_len > 0 && m->in != NULL)
		(void)snprintf(
		    f->why, sizeof(f->why), "%s", m->r->runs[m->r->runs_len - 1].why);
	return r;
}

/* ---- for those who make it ---- */

int
making_text(struct making *m, struct slice escaped, struct slice *ret)
{
	int r;

	buf_clear(&m->plain);
	r = unescape_line(&m->plain, escaped);
	if (r == 0 && !arena_copy(&m->r->texts,
			  slice_head(buf_slice(&m->plain), URL_BYTES_MAX), ret))
		r = -ENOMEM;
	return r;
}

int
making_sorter(const struct making *m, size_t record_bytes,
    int (*cmp)(const void *, const void *), struct sorter **ret)
{
	struct sorter_conf conf = {record_bytes, REPORT_SORT_BYTES, cmp, m->tmp_dir};

	return sorter_new(&conf, ret);
}

uint64_t
making_hash(const struct making *m, struct slice s)
{
	return url_hash(s, m->hash_seed);
}

/* ---- files ---- */

static void
count_archive(struct report *r, const char *dir)
{
	char path[4300];
	struct dirent *e;
	struct stat st;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/warc", dir);
	d = opendir(path);
	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		r->archive_files++;
		r->archive_bytes += (uint64_t)st.st_size;
		r->archive_open += slice_ends(slice_cstr(e->d_name), SLICE_LIT(".open"));
	}
	(void)closedir(d);
}

static int
by_name(const void *a, const void *b)
{
	const struct report_file *x = a, *y = b;

	return strcmp(x->name.ptr, y->name.ptr);
}

/* The reports themselves are not among them: who makes them twice gets the same. */
static bool
is_told(const char *name)
{
	return name[0] != '.' && strncmp(name, "report.", 7) != 0;
}

static int
list_files(struct report *r, const char *dir)
{
	struct dirent *e;
	struct stat st;
	DIR *d = opendir(dir);

	if (d == NULL)
		return 0;
	while ((e = readdir(d)) != NULL && r->files_len < REPORT_FILES_MAX) {
		struct report_file *f = &r->files[r->files_len];
		struct slice name = slice_of(e->d_name, strlen(e->d_name) + 1);

		if (!is_told(e->d_name) ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (!arena_copy(&r->texts, name, &f->name)) {
			(void)closedir(d);
			return -ENOMEM;
		}
		f->name.len--;
		f->bytes = (uint64_t)st.st_size;
		r->files_len++;
	}
	(void)closedir(d);
	qsort(r->files, r->files_len, sizeof(r->files[0]), by_name);
	return 0;
}

/* ---- making ---- */

static int
open_logs(struct making *m)
{
	static const char *const names[] = {
	    "crawl.log", "rejected.log", "pages.jsonl", "changes.tsv"};
	static const char *const sinks[] = {
	    "crawl-log", "rejected-log", "jsonl", "changes"};
	int r = 0;

	for (size_t i = 0; i < REPORT_LOGS && r == 0; i++) {
		uint64_t length = UINT64_MAX;

		if (m->in != NULL)
			r = inspect_length(m->in, sinks[i], &length, m->why);
		if (r == -ENOENT)
			length = 0;
		else if (r < 0)
			return r;
		r = logfile_open(&m->logs[i], m->dir, names[i], length, m->why);
	}
	return r;
}

static int
make(struct making *m)
{
	struct report *r = m->r;
	int e = take_runs(m);

	if (e == 0)
		e = timeline_init(&r->timeline);
	if (e < 0 || m->dir == NULL)
		return e;
	e = open_logs(m);
	if (e == 0)
		e = report_gather(m);
	if (e == 0)
		e = counts_sort(&r->mimes, &r->texts);
	if (e == 0)
		e = counts_sort(&r->rules, &r->texts);
	count_archive(r, m->dir);
	return e == 0 ? list_files(r, m->dir) : e;
}

int
report_make(const struct report_conf *conf, struct report **ret, struct why *why)
{
	struct report *r = calloc(1, sizeof(*r));
	struct why reason = {""};
	struct making m = {.r = r,
	    .dir = conf->dir,
	    .tmp_dir = conf->tmp_dir,
	    .in = conf->in,
	    .why = &reason};
	int e = 0;

	if (r == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	r->job = conf->job;
	arena_init(&r->texts, TEXTS_BLOCK, TEXTS_MAX);
	counts_init(&r->mimes);
	counts_init(&r->rules);
	buf_init(&m.plain, PLAIN_BYTES_MAX);
	/* Texts come from the net: nobody can choose two that are taken for one. */
	if (getrandom(&m.hash_seed, sizeof(m.hash_seed), 0) != sizeof(m.hash_seed))
		m.hash_seed = 0;
	r->broken = calloc(REPORT_BROKEN_MAX + 1, sizeof(*r->broken));
	if (r->broken == NULL)
		e = -ENOMEM;
	else if (conf->in != NULL)
		e = take_status(&r->facts, conf->in, &reason);
	else
		r->facts = *conf->facts;
	if (e == 0)
		e = make(&m);
	if (e == 0 && conf->in != NULL && conf->facts != NULL)
		take_end(&r->facts, conf->facts);
	for (size_t i = 0; i < REPORT_LOGS; i++)
		logfile_close(&m.logs[i]);
	free(m.spans);
	buf_release(&m.plain);
	if (e < 0) {
		report_free(r);
		if (reason.text[0] == '\0')
			return why_set(why, e, "the report of %s: %s",
			    conf->dir == NULL ? "the crawl" : conf->dir, strerror(-e));
		return why_set(why, e, "%s", reason.text);
	}
	*ret = r;
	return 0;
}

void
report_free(struct report *r)
{
	if (r == NULL)
		return;
	arena_release(&r->texts);
	counts_release(&r->mimes);
	counts_release(&r->rules);
	timeline_release(&r->timeline);
	changes_release(&r->changes);
	top_release(&r->slowest);
	top_release(&r->largest);
	top_release(&r->broken_at);
	top_release(&r->duplicates.top);
	top_release(&r->near.top);
	top_release(&r->chains.longest);
	top_release(&r->chains.loops);
	top_release(&r->hosts.asked);
	top_release(&r->hosts.failed);
	free(r->broken);
	free(r);
}

int
report_write(const struct report *r, const char *dir, struct why *why)
{
	struct buf text;
	int e;

	buf_init(&text, OUT_BYTES_MAX);
	e = report_json(r, (struct slice){0}, &text);
	e = e < 0 ? why_set(why, e, "out of memory")
		  : file_whole_put(dir, "report.json", 0644, buf_slice(&text), why);
	if (e == 0) {
		buf_clear(&text);
		e = report_html(r, &text);
		e = e < 0 ? why_set(why, e, "out of memory")
			  : file_whole_write(
				dir, "report.html", 0644, buf_slice(&text), why);
	}
	buf_release(&text);
	return e;
}
