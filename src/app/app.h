/*
 * app/app.h -- the commands of the program: one table, one file a command.
 */
#ifndef APP_APP_H
#define APP_APP_H
#include "crawl/job.h"
#include "loop/pool.h"

/* As wget has them. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_OTHER = 1,
	EXIT_USAGE = 2,
	EXIT_FILE = 3,
	EXIT_NETWORK = 4,
	EXIT_TLS = 5,
	EXIT_AUTH = 6,
	EXIT_PROTOCOL = 7,
	EXIT_BROKEN = 8,
	EXIT_SIGNAL = 11,
	EXIT_SIZE = 14,
	EXIT_TIME = 15,
	EXIT_DISK = 16,
};

struct command {
	const char *name, *usage, *summary, *details;
	bool crawls; /* wants worker processes, takes the options of options.def */
	int (*run)(int argc, char **argv, struct nursery *nursery);
};
extern const struct command commands[];

int cmd_crawl(int argc, char **argv, struct nursery *nursery);
int cmd_run(int argc, char **argv, struct nursery *nursery);
int cmd_resume(int argc, char **argv, struct nursery *nursery);
int cmd_status(int argc, char **argv, struct nursery *nursery);
int cmd_explain(int argc, char **argv, struct nursery *nursery);
int cmd_report(int argc, char **argv, struct nursery *nursery);
int cmd_ctl(int argc, char **argv, struct nursery *nursery);
int cmd_demo(int argc, char **argv, struct nursery *nursery);
int cmd_links(int argc, char **argv, struct nursery *nursery);
int cmd_url(int argc, char **argv, struct nursery *nursery);
int cmd_robots(int argc, char **argv, struct nursery *nursery);
int cmd_serve(int argc, char **argv, struct nursery *nursery);
int cmd_sitemap(int argc, char **argv, struct nursery *nursery);
int cmd_warc(int argc, char **argv, struct nursery *nursery);
int cmd_check_links(int argc, char **argv, struct nursery *nursery);
int cmd_check(int argc, char **argv, struct nursery *nursery);

/* Reads a job file, and the files of seeds that it names, into `job`; prints each mistake and
 * returns how many there were. */
int check_file(const char *path, struct job *job);
/* Likewise job.yaml of a crawl. */
int check_stored_file(const char *path, struct job *job);
/* Likewise a file of seeds; "-": standard input. */
int check_seeds_file(const char *path, struct job *job);

/* One sentence on stderr, "trawl: ...", made harmless for a terminal; returns `code`. */
__attribute__((format(printf, 2, 3))) int say_error(int code, const char *fmt, ...);
#define usage_error(...) say_error(EXIT_USAGE, __VA_ARGS__)

/* The whole of a file, or of standard input for NULL and "-"; at most `max` bytes. */
int read_input(const char *path, size_t max, struct buf *out, struct why *why);
/* Whether there can be a file of that name, which is to be written later, in the place of one
 * that is there; -EINVAL. */
int can_write(const char *path, struct why *why);
/* The same of one that is written over: a pipe, /dev/stdout, a file in a directory of others. */
int can_write_over(const char *path, struct why *why);
/* Writes all of it to standard output; false: could not (and said so). */
bool write_stdout(struct slice s);
/* A terminal whose cursor can be moved: an editor's shell, or what records a build, has none. */
bool is_screen(int fd);
#endif
