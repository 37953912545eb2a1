#include "app/reload.h"
#include "app/app.h"
#include "app/job_check.h"
#include "app/session.h"
#include "base/log.h"
#include "ctl/settings.h"
#include <errno.h>
#include <stdlib.h>

/* All elements of a list, one value of others, a line each. */
static int
print(struct buf *out, const struct options *o, const struct option_row *row)
{
	struct buf value;
	int r = 0;

	buf_init(&value, 1 << 20);
	for (size_t i = 0; r == 0 && option_get(o, row, i, &value); i++) {
		r = buf_add(out, value.ptr, value.len);
		if (r == 0)
			r = buf_add_byte(out, '\n');
		if (row->type != OPTION_LIST)
			break;
	}
	buf_release(&value);
	return r;
}

static bool
is_same(const struct options *a, const struct options *b, const struct option_row *row)
{
	struct buf x, y;
	bool same;

	buf_init(&x, 64 << 20);
	buf_init(&y, 64 << 20);
	same = print(&x, a, row) == 0 && print(&y, b, row) == 0 &&
	       slice_eq(buf_slice(&x), buf_slice(&y));
	buf_release(&x);
	buf_release(&y);
	return same;
}

/* How many live options differ; of the others it is told. */
static int
compare(const struct job *now, const struct job *next)
{
	int live = 0;

	for (unsigned i = 0; i < OPTION_ID_MAX; i++) {
		const struct option_row *row = &option_rows[i];
		char flag[OPTION_FLAG_MAX];

		if (is_same(&now->options, &next->options, row))
			continue;
		if (option_is_live(row->id)) {
			live++;
			continue;
		}
		option_flag(row, flag);
		log_warn("%s is not changed: it cannot be while the crawl runs", flag);
	}
	return live;
}

void
reload_free(struct job *next)
{
	if (next == NULL)
		return;
	job_release(next);
	free(next);
}

/* -EINVAL: mistakes, which were told. */
static int
read_whole(struct job *next, const char *path, const struct options *flags)
{
	int r = job_init(next);

	if (r == 0 && check_file(path, next) > 0)
		return -EINVAL;
	if (r == 0 && flags != NULL)
		r = options_merge(&next->options, flags);
	if (r == 0)
		r = options_complete(&next->options);
	if (r == 0)
		r = options_name_sinks(&next->options);
	if (r < 0)
		(void)say_error(0, "out of memory");
	return r;
}

int
reload_read(const struct job *now, const char *path, const struct options *flags,
    struct job **ret)
{
	struct job *next = calloc(1, sizeof(*next));
	int r;

	if (next == NULL) {
		(void)say_error(0, "out of memory");
		return -ENOMEM;
	}
	r = read_whole(next, path, flags);
	if (r == 0 && compare(now, next) == 0) {
		log_warn(
		    "%s was read again: it says nothing new that can be changed", path);
		reload_free(next);
		next = NULL;
	}
	if (r < 0)
		reload_free(next);
	else
		*ret = next;
	return r;
}

static int
copy(struct options *to, const struct options *from, const struct option_row *row)
{
	struct buf value;
	int r = 0;

	buf_init(&value, 1 << 20);
	option_clear_list(to, row);
	for (size_t i = 0; r == 0 && option_get(from, row, i, &value); i++) {
		r = option_set(to, row, buf_slice(&value), NULL);
		if (row->type != OPTION_LIST)
			break;
	}
	to->given[row->id] = from->given[row->id];
	buf_release(&value);
	return r;
}

static int
copy_live(struct options *to, const struct options *from)
{
	int r = 0;

	for (unsigned i = 0; i < OPTION_ID_MAX && r == 0; i++)
		if (option_is_live((enum option_id)i))
			r = copy(to, from, &option_rows[i]);
	return r;
}

int
reload_apply(struct job *now, const struct job *next)
{
	struct options before;
	struct why why = {"out of memory"};
	int r = options_init(&before), undone = 0;

	if (r < 0)
		return r;
	r = copy_live(&before, &now->options);
	if (r == 0) {
		r = copy_live(&now->options, &next->options);
		if (r == 0)
			r = job_check(now, &why);
		if (r < 0)
			undone = copy_live(&now->options, &before);
	}
	options_release(&before);
	if (r < 0)
		(void)say_error(0, "the job is not changed: %s", why.text);
	return undone < 0 ? undone : r;
}
