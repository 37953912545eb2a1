#include "base/line_sorter.h"
#include "base/merge.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/banned.h"

enum { RUNS_MAX = 1024, MEMORY_MIN = 256 << 10 };
_Static_assert((int)LINE_SORTER_LINE_MAX <= (int)MERGE_ITEM_MAX, "a line is an item");

/*
 * Text grows from the front of one block, what tells where lines are from its back, so
 * that the two meet when it is full, whatever the lines are like.
 */
struct line_sorter {
	const char *dir;
	char *text;
	size_t cap, text_len, lines, next;
	struct merge *merge; /* NULL: all is in memory */
};

int
line_sorter_new(const char *dir, size_t memory_bytes, struct line_sorter **ret)
{
	struct line_sorter *s = calloc(1, sizeof(*s));

	assert(memory_bytes >= MEMORY_MIN);
	if (s == NULL)
		return -ENOMEM;
	s->dir = dir;
	s->cap = memory_bytes - memory_bytes % sizeof(struct slice);
	s->text = malloc(s->cap);
	if (s->text == NULL) {
		free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

void
line_sorter_free(struct line_sorter *s)
{
	if (s == NULL)
		return;
	merge_free(s->merge);
	free(s->text);
	free(s);
}

/* The lines in memory; as they were added, the last comes first. */
static struct slice *
lines_of(struct line_sorter *s)
{
	return (struct slice *)(void *)(s->text + s->cap) - s->lines;
}

static int
line_cmp(const void *arg, struct slice x, struct slice y)
{
	size_t n = x.len < y.len ? x.len : y.len;
	int r = n == 0 ? 0 : memcmp(x.ptr, y.ptr, n);

	(void)arg;
	return r != 0 ? r : (x.len > y.len) - (x.len < y.len);
}

static int
slice_cmp(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;

	return line_cmp(NULL, *x, *y);
}

static int
merge_make(struct line_sorter *s)
{
	const struct merge_conf conf = {
	    .dir = s->dir,
	    .memory_bytes = s->cap,
	    .runs_max = RUNS_MAX,
	    .cmp = line_cmp,
	};

	return merge_new(&conf, &s->merge);
}

/* What is in memory becomes a run of the file. */
static int
spill(struct line_sorter *s)
{
	struct slice *v = lines_of(s);
	int r = s->merge == NULL ? merge_make(s) : 0;

	if (r == 0)
		r = merge_run(s->merge);
	if (r < 0)
		return r;
	qsort(v, s->lines, sizeof(*v), slice_cmp);
	for (size_t i = 0; i < s->lines && r == 0; i++)
		r = merge_put(s->merge, v[i]);
	s->text_len = s->lines = 0;
	return r;
}

int
line_sorter_add(struct line_sorter *s, struct slice line)
{
	int r;

	if (line.len > LINE_SORTER_LINE_MAX)
		return -EMSGSIZE;
	if (s->text_len + line.len + (s->lines + 1) * sizeof(line) > s->cap) {
		r = spill(s);
		if (r < 0)
			return r;
	}
	if (line.len > 0)
		memcpy(s->text + s->text_len, line.ptr, line.len);
	s->lines++;
	*lines_of(s) = slice_of(s->text + s->text_len, line.len);
	s->text_len += line.len;
	return 0;
}

int
line_sorter_sort(struct line_sorter *s)
{
	int r;

	if (s->merge == NULL) {
		qsort(lines_of(s), s->lines, sizeof(struct slice), slice_cmp);
		return 0;
	}
	r = spill(s);
	if (r < 0)
		return r;
	free(s->text);
	s->text = NULL;
	return merge_start(s->merge);
}

int
line_sorter_next(struct line_sorter *s, struct slice *ret)
{
	if (s->merge != NULL)
		return merge_next(s->merge, ret);
	if (s->next == s->lines)
		return 0;
	*ret = lines_of(s)[s->next++];
	return 1;
}
