#include "base/sorter.h"
#include "base/merge.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum { RUNS_MAX = 1 << 16, RECORD_BYTES_MAX = MERGE_ITEM_MAX };

struct sorter {
	struct sorter_conf conf;
	char *records;
	size_t cap, len, next;
	struct merge *merge; /* NULL: all is in memory */
};

int
sorter_new(const struct sorter_conf *conf, struct sorter **ret)
{
	struct sorter *s = calloc(1, sizeof(*s));

	assert(conf->record_bytes > 0 && conf->record_bytes <= RECORD_BYTES_MAX);
	assert(conf->memory_bytes >= 2 * conf->record_bytes);
	if (s == NULL)
		return -ENOMEM;
	s->conf = *conf;
	s->cap = conf->memory_bytes / conf->record_bytes;
	s->records = malloc(s->cap * conf->record_bytes);
	if (s->records == NULL) {
		free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void
sorter_free(struct sorter *s)
{
	if (s == NULL)
		return;
	merge_free(s->merge);
	free(s->records);
	free(s);
}

static int
record_cmp(const void *arg, struct slice a, struct slice b)
{
	const struct sorter *s = arg;

	return s->conf.cmp(a.ptr, b.ptr);
}

static int
merge_make(struct sorter *s)
{
	const struct merge_conf conf = {
	    .dir = s->conf.dir,
	    .item_bytes = s->conf.record_bytes,
	    .memory_bytes = s->conf.memory_bytes,
	    /* Merging needs room for two records of each. */
	    .runs_max = s->cap / 2 < RUNS_MAX ? s->cap / 2 : RUNS_MAX,
	    .cmp = record_cmp,
	    .arg = s,
	};

	return merge_new(&conf, &s->merge);
}

static void
sort_memory(struct sorter *s)
{
	if (s->len > 1)
		qsort(s->records, s->len, s->conf.record_bytes, s->conf.cmp);
}

/* What is in memory becomes a run of the file. */
static int
spill(struct sorter *s)
{
	size_t bytes = s->conf.record_bytes;
	int r = s->merge == NULL ? merge_make(s) : 0;

	if (r == 0)
		r = merge_run(s->merge);
	if (r < 0)
		return r;
	sort_memory(s);
	for (size_t i = 0; i < s->len && r == 0; i++)
		r = merge_put(s->merge, slice_of(s->records + i * bytes, bytes));
	s->len = 0;
	return r;
}

int
sorter_add(struct sorter *s, const void *rec)
{
	if (s->len == s->cap) {
		int r = spill(s);

		if (r < 0)
			return r;
	}
	memcpy(s->records + s->len * s->conf.record_bytes, rec, s->conf.record_bytes);
	s->len++;
	return 0;
}

int
sorter_sort(struct sorter *s)
{
	int r;

	if (s->merge == NULL) {
		sort_memory(s);
		return 0;
	}
	r = spill(s);
	if (r < 0)
		return r;
	free(s->records);
	s->records = NULL;
	return merge_start(s->merge);
}

int
sorter_next(struct sorter *s, void *ret)
{
	struct slice rec;

	if (s->merge != NULL) {
		int r = merge_next(s->merge, &rec);

		if (r > 0)
			memcpy(ret, rec.ptr, rec.len);
		return r;
	}
	if (s->next == s->len)
		return 0;
	memcpy(ret, s->records + s->next++ * s->conf.record_bytes, s->conf.record_bytes);
	return 1;
}
