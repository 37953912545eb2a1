#include "crawl/job.h"
#include "web/coding.h"
#include "web/sitemap.h"
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

struct listing {
	struct job *job;
	const char *file;
	job_mistake_fn *fn;
	void *ctx;
	int mistakes;
	bool quit;
};

/* Sitemaps have no lines to speak of. */
static void
sitemap_mistake(struct listing *l, const char *text)
{
	struct job_mistake m = {.file = l->file, .line = 1, .column = 1, .text = text};

	l->mistakes++;
	l->quit = !l->fn(l->ctx, &m);
}

static bool
on_entry(void *ctx, const struct sitemap_entry *e)
{
	struct listing *l = ctx;
	struct why why;
	int r = 0;

	if (e->kind == SITEMAP_KIND_SITEMAP)
		r = job_add_sitemap(l->job, e->loc, &why);
	else if (e->kind == SITEMAP_KIND_PAGE)
		r = job_add_seed(l->job, e->loc, &why);
	if (r < 0)
		sitemap_mistake(l, why.text);
	return !l->quit && r != -E2BIG && r != -ENOMEM;
}

int
job_read_sitemap(
    struct job *j, struct slice text, const char *file, job_mistake_fn *fn, void *ctx)
{
	struct listing l = {.job = j, .file = file, .fn = fn, .ctx = ctx};
	struct sitemap_result result;
	enum coding_status status;
	struct buf plain;
	int r = 0;

	buf_init(&plain, SITEMAP_BYTES_MAX);
	if (slice_starts(text, SLICE_LIT("\x1f\x8b"))) {
		r = coding_decode(
		    SLICE_LIT("gzip"), text, SITEMAP_BYTES_MAX, &plain, &status);
		text = buf_slice(&plain);
	}
	if (r == 0)
		r = sitemap_parse(text, (struct slice){0}, NULL, on_entry, &l, &result);
	if (r < 0)
		sitemap_mistake(&l, r == -ENOMEM ? "out of memory" : "it is too large");
	else if (result.status != SITEMAP_OK && result.status != SITEMAP_STOPPED)
		sitemap_mistake(&l, result.status == SITEMAP_NOT_ONE
					? "that is no sitemap"
				    : result.status == SITEMAP_BROKEN
					? "the sitemap is not well-formed, or it was cut"
					: "the sitemap is too large");
	buf_release(&plain);
	return l.mistakes;
}
