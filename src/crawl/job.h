/*
 * crawl/job.h -- what to crawl: a name, seeds, options; and its form as a file.
 *
 * The file (YAML):    name: docs
 *                     seeds: [https://docs.example/]
 *                     fetch: {per_host: 4, delay: 100ms}
 * Sections and keys are those of options.def.  Seeds may lie in files of their own, one URL a
 * line (seeds_from: seeds.txt); who reads the job reads those, too.
 *
 * Owns:    its texts.
 * Errors:  -EINVAL with "line L, column C: ..." of the first mistake; -errno of the file.
 */
#ifndef CRAWL_JOB_H
#define CRAWL_JOB_H
#include "base/map.h"
#include "crawl/options.h"

struct job {
	char *name; /* [A-Za-z0-9._-]+; NULL until given or made */
	struct strlist seeds; /* each once, in the order of coming */
	struct umap seeds_at; /* hash of a seed's text -> its number + 1 */
	size_t seeds_bytes;
	struct strlist seeds_from; /* files that the job file names: job_read_seeds() */
	struct options options;
};

/* More of them, or longer ones in sum, are refused. */
enum { JOB_SEEDS_MAX = 5000000, JOB_SEEDS_BYTES_MAX = 512 << 20 };
/* What is written of the greatest job can be read. */
enum { JOB_FILE_BYTES_MAX = 1200 << 20 };

int job_init(struct job *j);
void job_release(struct job *j);
/* Checks that it is http or https and keeps its normal form; duplicates are dropped. */
int job_add_seed(struct job *j, struct slice url, struct why *why);
/* Whether that is one, and which. */
bool job_seed_at(const struct job *j, struct slice url, size_t *ret);
/* When options and seeds are all there: does to the seeds what the options ask to be done
 * to every URL (crawl.sort_query ...); what then is the same is one.  A crawl wants it. */
int job_tidy_seeds(struct job *j);
int job_set_name(struct job *j, struct slice name, struct why *why);

/* Each mistake found, until fn returns false. */
typedef bool job_mistake_fn(void *ctx, size_t line, size_t column, const char *text);
/* Reads what the file says over what `j` holds.  Returns how many mistakes there were (fn
 * was told each), or -errno when the file cannot be read. */
int job_read(struct job *j, struct slice yaml, job_mistake_fn *fn, void *ctx);
/* Seeds, one a line; '#' begins a comment, on a line of its own or behind a URL and a space.
 * As job_read(). */
int job_read_seeds(struct job *j, struct slice text, job_mistake_fn *fn, void *ctx);
/* The job as a file that can be run again: all options in force.  For strangers what may hold
 * secrets (headers, credentials, proxies) is left out: for what is handed on, such as an
 * archive. */
enum job_write_flag { JOB_FOR_STRANGERS = 1, JOB_WITHOUT_SEEDS = 2 };
int job_write(const struct job *j, unsigned flags, struct buf *out);
/* Whether some of that is there: then the file is for nobody else to read. */
bool job_has_secrets(const struct job *j);
#endif
