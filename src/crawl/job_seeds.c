#include "crawl/job.h"
#include <errno.h>

/* The URL of a line of seeds; empty: there is none. */
static struct slice
seed_of_line(struct slice line)
{
	line = slice_trim(line);
	if (line.len > 0 && line.ptr[0] == '#')
		return (struct slice){0};
	for (size_t i = 1; i < line.len; i++)
		if (line.ptr[i] == '#' && ascii_is_space(line.ptr[i - 1]))
			return slice_trim(slice_head(line, i));
	return line;
}

static bool
has_space(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (ascii_is_space(s.ptr[i]))
			return true;
	return false;
}

int
job_read_seeds(
    struct job *j, struct slice text, const char *file, job_mistake_fn *fn, void *ctx)
{
	struct slice rest = text, line, seed;
	bool more = true;
	int mistakes = 0;
	struct why why;

	if (slice_starts(rest, SLICE_LIT("\xEF\xBB\xBF"))) /* as Windows has it */
		rest = slice_from(rest, 3);
	for (size_t n = 1; more && slice_cut(&rest, '\n', &line); n++) {
		int r = 0;

		seed = seed_of_line(line);
		if (has_space(seed))
			r = why_set(&why, -EINVAL,
			    "'" SLICE_FMT "': a line holds one URL, without spaces",
			    SLICE_ARG(seed));
		else if (seed.len > 0)
			r = job_add_seed(j, seed, &why);
		if (r < 0) {
			struct job_mistake m = {
			    .file = file, .line = n, .column = 1, .text = why.text};

			mistakes++;
			/* What is true of all that follow, too, is told once. */
			more = fn(ctx, &m) && r != -E2BIG && r != -ENOMEM;
		}
	}
	return mistakes;
}
