#include "ctl/compare.h"
#include "base/sorter.h"
#include "observe/logfile.h"
#include "observe/logline.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

enum { SORTER_BYTES = 4 << 20, POINTER_MAX = 512, DEPTH_MAX = 16 };

/* A fetch of a URL; the last one of each run counts. */
struct fetch {
	uint64_t url, at, digest; /* digest 0: none */
	uint32_t run;
	uint32_t is_there;
};

struct reading {
	struct sorter *sorter;
	uint32_t run;
};

static int
by_url(const void *x, const void *y)
{
	const struct fetch *a = x, *b = y;

	if (a->url != b->url)
		return a->url < b->url ? -1 : 1;
	if (a->run != b->run)
		return a->run < b->run ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

static int
on_line(void *ctx, struct slice line, uint64_t at)
{
	struct reading *r = ctx;
	struct fetch f = {.at = at, .run = r->run};
	struct logline l;

	if (!logline_parse(line, &l) || l.internal || l.retry)
		return 0;
	f.url = XXH3_64bits(l.url.ptr, l.url.len);
	f.digest = l.digest.len == 0 ? 0 : XXH3_64bits(l.digest.ptr, l.digest.len) | 1;
	f.is_there =
	    outcome_class(l.outcome) == OUTCOME_CLASS_FETCHED && !logline_is_broken(&l);
	return sorter_add(r->sorter, &f);
}

static int
read_log(struct logfile *log, const char *dir, struct sorter *sorter, uint32_t run,
    struct why *why)
{
	struct reading r = {sorter, run};
	int err = logfile_open(log, dir, "crawl.log", UINT64_MAX, why);

	if (err < 0)
		return err;
	err = logfile_each(log, on_line, &r);
	return err < 0 ? why_set(why, err, "%s/crawl.log: %s", dir, strerror(-err)) : 0;
}

static int
add_example(struct compare *c, enum compare_kind kind, struct logfile *log, uint64_t at)
{
	struct slice line;
	struct logline l;
	char *url;
	int r;

	c->counts[kind]++;
	if (c->examples_len[kind] == COMPARE_EXAMPLES_MAX)
		return 0;
	r = logfile_line(log, at, &line);
	if (r < 0 || !logline_parse(line, &l))
		return r;
	url = slice_dup(l.url);
	if (url == NULL)
		return -ENOMEM;
	c->examples[kind][c->examples_len[kind]++] = url;
	return 0;
}

/* What became of one URL; a run that has not asked for it has `at` UINT64_MAX. */
static int
judge(struct compare *c, struct logfile logs[2], const struct fetch last[2])
{
	const struct fetch *a = &last[0], *b = &last[1];

	c->a += a->is_there;
	c->b += b->is_there;
	if (a->is_there && !b->is_there)
		return add_example(c, COMPARE_GONE, &logs[0], a->at);
	if (!a->is_there && b->is_there)
		return add_example(c, COMPARE_NEW, &logs[1], b->at);
	if (!a->is_there)
		return 0;
	if (a->digest != 0 && b->digest != 0 && a->digest != b->digest)
		return add_example(c, COMPARE_CHANGED, &logs[1], b->at);
	c->same++;
	return 0;
}

static int
merge(struct compare *c, struct logfile logs[2], struct sorter *sorter)
{
	static const struct fetch none = {.at = UINT64_MAX};
	struct fetch last[2] = {none, none}, f;
	bool any = false;
	uint64_t url = 0;
	int r = sorter_sort(sorter);

	while (r == 0 && (r = sorter_next(sorter, &f)) == 1) {
		r = 0;
		if (any && f.url != url) {
			r = judge(c, logs, last);
			last[0] = last[1] = none;
		}
		url = f.url;
		any = true;
		last[f.run] = f;
	}
	return r == 0 && any ? judge(c, logs, last) : r;
}

int
compare_logs(const char *dir_a, const char *dir_b, const char *tmp_dir,
    struct compare *ret, struct why *why)
{
	struct sorter_conf conf = {.record_bytes = sizeof(struct fetch),
	    .memory_bytes = SORTER_BYTES,
	    .cmp = by_url,
	    .dir = tmp_dir};
	struct logfile logs[2] = {{.fd = -1}, {.fd = -1}};
	struct sorter *sorter;
	int r = sorter_new(&conf, &sorter);

	*ret = (struct compare){.a = 0};
	if (r < 0)
		return why_set(why, r, "cannot sort: %s", strerror(-r));
	r = read_log(&logs[0], dir_a, sorter, 0, why);
	if (r == 0)
		r = read_log(&logs[1], dir_b, sorter, 1, why);
	if (r == 0) {
		r = merge(ret, logs, sorter);
		if (r < 0)
			(void)why_set(why, r, "cannot compare: %s", strerror(-r));
	}
	sorter_free(sorter);
	for (size_t i = 0; i < 2; i++)
		logfile_close(&logs[i]);
	if (r < 0)
		compare_release(ret);
	return r;
}

void
compare_release(struct compare *c)
{
	for (size_t k = 0; k < COMPARE_KINDS; k++)
		for (size_t i = 0; i < c->examples_len[k]; i++)
			free(c->examples[k][i]);
	*c = (struct compare){.a = 0};
}

void
compare_write(const struct compare *c, struct jsonw *j, const char *key)
{
	static const char *const names[COMPARE_KINDS] = {"new", "changed", "gone"};

	jsonw_object(j, key);
	jsonw_int(j, "a", (int64_t)c->a);
	jsonw_int(j, "b", (int64_t)c->b);
	jsonw_int(j, "same", (int64_t)c->same);
	for (size_t k = 0; k < COMPARE_KINDS; k++)
		jsonw_int(j, names[k], (int64_t)c->counts[k]);
	jsonw_object(j, "examples");
	for (size_t k = 0; k < COMPARE_KINDS; k++) {
		jsonw_array(j, names[k]);
		for (size_t i = 0; i < c->examples_len[k]; i++)
			jsonw_str(j, NULL, slice_cstr(c->examples[k][i]));
		jsonw_array_end(j);
	}
	jsonw_object_end(j);
	jsonw_object_end(j);
}

/* ---- parameters and totals ---- */

static void
write_value(struct jsonw *j, const char *key, const json_t *v)
{
	char *text;

	if (v == NULL)
		return;
	text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	if (text == NULL)
		j->err = -ENOMEM;
	else
		jsonw_raw(j, key, slice_cstr(text));
	free(text);
}

struct difference {
	struct jsonw *j;
	char pointer[POINTER_MAX];
};

static void differ(
    struct difference *d, const json_t *a, const json_t *b, unsigned depth);

static void
differ_below(struct difference *d, const char *key, const json_t *a, const json_t *b,
    unsigned depth)
{
	size_t was = strlen(d->pointer);

	(void)snprintf(d->pointer + was, sizeof(d->pointer) - was, "/%s", key);
	differ(d, json_object_get(a, key), json_object_get(b, key), depth);
	d->pointer[was] = '\0';
}

static void
differ(struct difference *d, const json_t *a, const json_t *b, unsigned depth)
{
	const char *key;
	json_t *v;

	if (a != NULL && b != NULL && json_equal(a, b))
		return;
	/* A section that only one of them has is told by its keys. */
	if ((a == NULL || json_is_object(a)) && (b == NULL || json_is_object(b)) &&
	    depth < DEPTH_MAX) {
		json_object_foreach((json_t *)(uintptr_t)a, key, v)
		    differ_below(d, key, a, b, depth + 1);
		json_object_foreach((json_t *)(uintptr_t)b, key, v)
		{
			if (json_object_get(a, key) == NULL)
				differ_below(d, key, a, b, depth + 1);
		}
		return;
	}
	jsonw_object(d->j, NULL);
	jsonw_str(d->j, "pointer", slice_cstr(d->pointer));
	write_value(d->j, "a", a);
	write_value(d->j, "b", b);
	jsonw_object_end(d->j);
}

void
compare_specs(const json_t *a, const json_t *b, struct jsonw *j, const char *key)
{
	struct difference d = {.j = j};

	jsonw_array(j, key);
	differ(&d, a, b, 0);
	jsonw_array_end(j);
}

void
compare_numbers(const json_t *a, const json_t *b, struct jsonw *j, const char *key)
{
	const char *name;
	json_t *v;

	jsonw_object(j, key);
	json_object_foreach((json_t *)(uintptr_t)a, name, v)
	{
		json_t *w = json_object_get(b, name);

		if (!json_is_number(v) || !json_is_number(w))
			continue;
		jsonw_object(j, name);
		if (json_is_integer(v) && json_is_integer(w)) {
			jsonw_int(j, "a", json_integer_value(v));
			jsonw_int(j, "b", json_integer_value(w));
			jsonw_int(j, "difference",
			    json_integer_value(w) - json_integer_value(v));
		} else {
			jsonw_real(j, "a", json_number_value(v));
			jsonw_real(j, "b", json_number_value(w));
			jsonw_real(
			    j, "difference", json_number_value(w) - json_number_value(v));
		}
		jsonw_object_end(j);
	}
	jsonw_object_end(j);
}
