/*
 * Input: a job file.  Mistakes are told with their place; what was read is written as a
 * file without mistakes that says the same.  Then the same bytes as a file of seeds.
 */
#include "crawl/job.h"
#include "fuzz.h"

enum { MISTAKES_MAX = 50 };

static bool
on_mistake(void *ctx, const struct job_mistake *m)
{
	int *n = ctx;

	FUZZ_CHECK(m->line > 0 && m->column > 0 && m->text[0] != '\0');
	return ++*n < MISTAKES_MAX;
}

static void
job_text(const struct job *j, struct buf *out)
{
	buf_init(out, 16 << 20);
	FUZZ_CHECK(job_write(j, 0, out) == 0);
}

FUZZ_TARGET(job)
{
	struct slice yaml = fuzz_copy(slice_of(data, size));
	struct buf text, again;
	struct job j, k;
	int told = 0, mistakes;
	struct job_reading how = {.fn = on_mistake, .ctx = &told};

	FUZZ_CHECK(job_init(&j) == 0 && job_init(&k) == 0);
	FUZZ_CHECK(job_read(&j, yaml, &how) == told);
	FUZZ_CHECK(told <= MISTAKES_MAX);
	job_text(&j, &text);
	told = 0;
	FUZZ_CHECK(job_read(&k, buf_slice(&text), &how) == 0);
	job_text(&k, &again);
	FUZZ_CHECK(slice_eq(buf_slice(&text), buf_slice(&again)));
	told = 0;
	mistakes = job_read_seeds(&k, yaml, NULL, on_mistake, &told);
	FUZZ_CHECK(mistakes == told && told <= MISTAKES_MAX);
	buf_release(&again);
	buf_release(&text);
	job_release(&k);
	job_release(&j);
	fuzz_copy_free(yaml);
	return 0;
}
