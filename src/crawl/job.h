/*
 * crawl/job.h -- what to crawl: a name, seeds, options; and its form as a file.
 *
 * The file (YAML):    name: docs
 *                     seeds: [https://docs.example/]
 *                     fetch: {per_host: 4, delay: 100ms}
 * Sections and keys are those of options.def.  Seeds may lie in files of their own, one URL
 * a line (seeds_from: seeds.txt), or in sitemaps (seeds_sitemaps: a file, or a URL).
 * "include: other.yaml" reads another job file at that place: what comes later has the last
 * word, and of a list all of it.  Values may name what is in the environment
 * (crawl/job_env.h); "rules:" say what holds of some URLs only (crawl/rules.h); "schedule:"
 * when the service runs it by itself (crawl/schedule.h), which means nothing to a run.
 *
 * Owns:    its texts.
 * Errors:  -EINVAL with the sentence, -ENOMEM, -E2BIG (seeds); mistakes in files are told
 *          one by one.
 * Threads: one user at a time; read-only once a crawl has begun.
 */
#ifndef CRAWL_JOB_H
#define CRAWL_JOB_H
#include "base/map.h"
#include "crawl/job_env.h"
#include "crawl/options.h"
#include "crawl/schedule.h"
#include <stdarg.h>

struct job_place {
	size_t line, column; /* 0: no file says so */
	size_t file;         /* 0: the job file; else job.files[file - 1] */
};
struct job {
	char *name; /* [A-Za-z0-9._-]+; NULL until given or made */
	struct strlist seeds; /* each once, in the order of coming */
	struct umap seeds_at; /* hash of a seed's text -> its number + 1 */
	size_t seeds_bytes;
	struct strlist sitemaps; /* of the seeds those that are sitemaps */
	struct umap sitemaps_at; /* hash of such a seed's text */
	bool seeds_named;        /* some file says "seeds", or could not be understood */
	struct options options;
	struct schedule schedule;
	struct strlist files; /* that were included, as mistakes name them */
	struct job_place places[OPTION_ID_MAX]; /* where options have their values from */
};

/* More of them, or longer ones in sum, are refused. */
enum { JOB_SEEDS_MAX = 5000000, JOB_SEEDS_BYTES_MAX = 512 << 20 };
enum { JOB_SITEMAPS_MAX = 10000 }; /* by URL */
/* What is written of the greatest job can be read. */
enum { JOB_FILE_BYTES_MAX = 1200 << 20 };

int job_init(struct job *j);
void job_release(struct job *j);
/* Checks that it is http or https and keeps its normal form; duplicates are dropped. */
int job_add_seed(struct job *j, struct slice url, struct why *why);
/* The same, of a sitemap that is to be read as one wherever it lies: what it lists is one
 * link from a seed, and in scope as far as the sitemap's own place is a seed's. */
int job_add_sitemap(struct job *j, struct slice url, struct why *why);
bool job_is_sitemap(const struct job *j, struct slice seed);
/* Whether that is one, and which. */
bool job_seed_at(const struct job *j, struct slice url, size_t *ret);
/* When options and seeds are all there: does to the seeds what the options ask to be done
 * to every URL (crawl.sort_query ...); what then is the same is one.  A crawl wants it. */
int job_tidy_seeds(struct job *j);
int job_set_name(struct job *j, struct slice name, struct why *why);

struct job_mistake {
	const char *file; /* NULL: the one that was to be read */
	size_t line, column;
	const char *text;
};
/* Each mistake found, until it returns false. */
typedef bool job_mistake_fn(void *ctx, const struct job_mistake *m);
/* Tells of one whose text is made here, of at most 1,023 bytes; what `fn` returned. */
__attribute__((format(printf, 4, 0))) bool job_mistake_tell(
    job_mistake_fn *fn, void *ctx, struct job_mistake m, const char *fmt, va_list ap);
/* What a job file is read with; all may be NULL but fn. */
struct job_reading {
	const char *path; /* of the file: what it names lies beside it */
	/* Opens `out` and fills it with the file of that name; NULL: no other files. */
	int (*read)(void *ctx, const char *path, struct buf *out, struct why *why);
	job_env_fn *env; /* NULL: nothing is set there */
	/* It was written by trawl, maybe an earlier one, which took empty items of lists;
	 * they are none. */
	bool stored;
	job_mistake_fn *fn;
	void *ctx;
};
/* Reads what the file says over what `j` holds.  Returns how many mistakes there were (fn
 * was told each), or -ENOMEM. */
int job_read(struct job *j, struct slice yaml, const struct job_reading *how);
/* Seeds, one a line; '#' begins a comment, on a line of its own or behind a URL and a space.
 * `file`: as mistakes shall name it.  As job_read(). */
int job_read_seeds(
    struct job *j, struct slice text, const char *file, job_mistake_fn *fn, void *ctx);
/* All URLs of a sitemap that is at hand (XML, text, a feed; maybe gzip) become seeds. */
int job_read_sitemap(
    struct job *j, struct slice text, const char *file, job_mistake_fn *fn, void *ctx);
/* The job as a file that can be run again: all options in force.  For strangers what may hold
 * secrets (headers, credentials, proxies) is left out: for what is handed on, such as an
 * archive. */
enum job_write_flag { JOB_FOR_STRANGERS = 1, JOB_WITHOUT_SEEDS = 2 };
int job_write(const struct job *j, unsigned flags, struct buf *out);
/* A value as option_get() has it, as a person would write it: "60000ms" as 1m; what is no
 * quantity as it is. */
int job_write_quantity(struct buf *out, const struct option_row *row, struct slice v);
/* Milliseconds in the largest unit of which they are a whole number: 60000 as 1m. */
int job_write_time(struct buf *out, uint64_t ms);
/* Whether some of that is there: then the file is for nobody else to read. */
bool job_has_secrets(const struct job *j);
#endif
