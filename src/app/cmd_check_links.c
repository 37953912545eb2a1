#include "app/links_cache.h"
#include "app/links_out.h"
#include "app/session.h"
#include "base/clock.h"
#include "base/dir_make.h"
#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * trawl check-links: a crawl that keeps nothing, with --check-links, and what that noted made
 * into a list of broken links.
 */

enum { IGNORE_BYTES_MAX = 1 << 20, REMOVE_FDS = 16 };

struct check {
	struct args args;
	struct job job;
	const char *job_file, *by, *junit, *ignore, *cache_file, *cache_age, *from;
	bool json, strict, verbose;
	struct buf ignores;
	struct links_cache cache;
	char dir[4096];
	bool is_temporary;
};

/* ---- the command line ---- */

struct own_flag {
	const char *name;
	const char **value; /* NULL: a switch */
	bool *on;
};

static const char *const own_names[] = {"--job", "--by", "--json", "--junit", "--ignore",
    "--strict", "--cache", "--cache-age", "--from", NULL};
static const struct args_own own = {"check-links", own_names};

/* 1: it was ours; 0: not; else an exit code. */
static int
own_flag(struct check *k, int argc, char **argv, int *i)
{
	const struct own_flag flags[] = {{"--job", &k->job_file, NULL},
	    {"--by", &k->by, NULL}, {"--json", NULL, &k->json},
	    {"--junit", &k->junit, NULL}, {"--ignore", &k->ignore, NULL},
	    {"--strict", NULL, &k->strict}, {"--cache", &k->cache_file, NULL},
	    {"--cache-age", &k->cache_age, NULL}, {"--from", &k->from, NULL}};
	struct slice all = slice_cstr(argv[*i]),
		     name = slice_head(all, slice_find(all, '='));

	_Static_assert(sizeof(flags) / sizeof(flags[0]) ==
			   sizeof(own_names) / sizeof(own_names[0]) - 1,
	    "each is named");
	for (size_t f = 0; f < sizeof(flags) / sizeof(flags[0]); f++) {
		if (!slice_eq(slice_cstr(flags[f].name), name))
			continue;
		if (flags[f].value == NULL && name.len < all.len)
			return usage_error("%s takes no value", flags[f].name);
		if (flags[f].value == NULL)
			*flags[f].on = true;
		else if (name.len < all.len)
			*flags[f].value = argv[*i] + name.len + 1;
		else if (*i + 1 < argc)
			*flags[f].value = argv[++*i];
		else
			*flags[f].value = "";
		if (flags[f].value != NULL && **flags[f].value == '\0')
			return usage_error("%s wants a value", flags[f].name);
		return 1;
	}
	return 0;
}

/* Takes our own flags out of argv. */
static int
take_flags(struct check *k, int *argc, char **argv)
{
	int kept = 0, code = 0;
	bool words = false;

	for (int i = 0; i < *argc && code != EXIT_USAGE; i++) {
		words = words || strcmp(argv[i], "--") == 0;
		code = words ? 0 : own_flag(k, *argc, argv, &i);
		if (code == 0)
			argv[kept++] = argv[i];
	}
	*argc = kept;
	if (code == EXIT_USAGE)
		return code;
	if (k->by != NULL && strcmp(k->by, "page") != 0 && strcmp(k->by, "target") != 0)
		return usage_error("--by: '%s' is neither target nor page", k->by);
	if (k->cache_age != NULL && k->cache_file == NULL)
		return usage_error("--cache-age is for --cache FILE");
	return EXIT_DONE;
}

static int
read_files(struct check *k)
{
	int64_t age_ms = 24 * 3600 * INT64_C(1000);
	struct why why;

	if (k->cache_age != NULL && !parse_duration(slice_cstr(k->cache_age), &age_ms))
		return usage_error(
		    "--cache-age: '%s' is not a duration such as 12h or 7d",
		    k->cache_age);
	if (k->ignore != NULL &&
	    (read_input(k->ignore, IGNORE_BYTES_MAX, &k->ignores, &why) < 0 ||
		linkcheck_ignore_check(buf_slice(&k->ignores), &why) < 0))
		return usage_error("--ignore: %s", why.text);
	/* Both are written at the end. */
	if (k->junit != NULL && can_write_over(k->junit, &why) < 0)
		return usage_error("--junit: %s", why.text);
	if (k->cache_file != NULL && can_write(k->cache_file, &why) < 0)
		return usage_error("--cache: %s", why.text);
	if (k->cache_file != NULL &&
	    links_cache_open(&k->cache, k->cache_file, clock_wall_us() / 1000000,
		age_ms / 1000, &why) < 0)
		return usage_error("--cache: %s", why.text);
	k->args.known_good = buf_slice(&k->cache.fresh);
	return EXIT_DONE;
}

/* What nobody said otherwise. */
static int
set_defaults(struct check *k)
{
	struct options *o = &k->job.options;
	const struct {
		enum option_id id;
		bool always;
		const char *value;
	} defaults[] = {{OPTION_ID_crawl_check_links, true, "yes"},
	    {OPTION_ID_crawl_nofollow, false, "none"},
	    {OPTION_ID_limits_max_links, false, "50000"},
	    {OPTION_ID_output_sink, false, "none"},
	    {OPTION_ID_output_wacz, !o->given[OPTION_ID_output_sink], "no"},
	    {OPTION_ID_run_state, k->is_temporary, "memory"},
	    {OPTION_ID_run_progress, false, isatty(STDERR_FILENO) ? "auto" : "none"}};

	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		if ((defaults[i].always || !o->given[defaults[i].id]) &&
		    option_set(o, &option_rows[defaults[i].id],
			slice_cstr(defaults[i].value), NULL) < 0)
			return usage_error("out of memory");
	if (k->cache_file != NULL && o->crawl_check_fragments == CHECK_ALL)
		return usage_error("--cache cannot be had with --check-fragments all: it"
				   " does not tell the ids of pages");
	return EXIT_DONE;
}

static int
make_job(struct check *k)
{
	int code;

	if (k->job_file != NULL && check_file(k->job_file, &k->job) > 0)
		return EXIT_USAGE;
	code = session_take_args(&k->job, &k->args, "check-links");
	return code == EXIT_DONE ? set_defaults(k) : code;
}

/* ---- the crawl, and what it found ---- */

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static int
make_dir(struct check *k)
{
	int n;

	if (k->args.dir != NULL) {
		n = snprintf(k->dir, sizeof(k->dir), "%s", k->args.dir);
		return n < 0 || n > 3900 ? usage_error("-o: the name is too long")
					 : EXIT_DONE;
	}
	n = snprintf(k->dir, sizeof(k->dir), "%s/trawl-links-XXXXXX", temporary_dir());
	if (n < 0 || n > 3900 || mkdtemp(k->dir) == NULL)
		return say_error(EXIT_FILE, "cannot make a directory in %s: %s",
		    temporary_dir(), strerror(errno));
	k->is_temporary = true;
	k->args.dir = k->dir;
	return EXIT_DONE;
}

static const char *
why_partial(int code)
{
	switch (code) {
	case EXIT_SIGNAL:
		return "stopped by a signal";
	case EXIT_SIZE:
	case EXIT_TIME:
	case EXIT_DISK:
		return "a limit was reached";
	case EXIT_FILE:
	case EXIT_OTHER:
		return "the crawl failed";
	default:
		return NULL;
	}
}

static int
each_target(struct check *k, struct linkcheck *lc, struct links_out *out, struct why *why)
{
	struct linkcheck_target t;
	int r;

	while ((r = linkcheck_next(lc, &t)) > 0) {
		if (k->cache_file != NULL && t.verdict == LINKCHECK_GOOD && t.outside &&
		    links_cache_good(&k->cache, t.url, t.asked_s) < 0)
			return why_set(why, -ENOMEM, "out of memory");
		r = links_out_target(out, lc, &t, why);
		if (r < 0)
			return r;
	}
	return r < 0 ? why_set(why, r, "%s", strerrordesc_np(-r)) : 0;
}

static int
tell(struct check *k, int code)
{
	struct links_out_conf conf = {.json = k->json,
	    .by_page = k->by != NULL && strcmp(k->by, "page") == 0,
	    .verbose = k->verbose,
	    .strict = k->strict,
	    .junit = k->junit,
	    .tmp_dir = temporary_dir(),
	    .partial = why_partial(code)};
	struct linkcheck *lc = NULL;
	struct links_out out;
	struct why why = {""};
	int r = links_out_begin(&out, &conf, &why);

	if (r == 0)
		r = linkcheck_open(
		    k->dir, temporary_dir(), buf_slice(&k->ignores), &lc, &why);
	if (r == 0)
		r = each_target(k, lc, &out, &why);
	if (r == 0)
		r = links_out_end(&out, linkcheck_sums(lc), &why);
	if (r == 0 && k->cache_file != NULL)
		r = links_cache_write(&k->cache, &why);
	if (r < 0)
		code = say_error(EXIT_FILE, "%s", why.text);
	else if (out.broken > 0 && code != EXIT_SIGNAL && code != EXIT_FILE &&
		 code != EXIT_OTHER)
		code = EXIT_BROKEN;
	linkcheck_close(lc);
	links_out_release(&out);
	return code;
}

/* Of a crawl with --check-links that somebody else made. */
static int
tell_from(struct check *k)
{
	char log[4200];

	if (k->args.words_len > 0 || k->args.dir != NULL || k->job_file != NULL ||
	    k->cache_file != NULL)
		return usage_error("--from DIR crawls nothing: no URLs, --job, --cache or"
				   " -o with it");
	(void)snprintf(log, sizeof(log), "%s/" CHECKS_FILE, k->from);
	if (access(log, F_OK) < 0)
		return usage_error(
		    "%s is not the directory of a crawl with --check-links:"
		    " there is no " CHECKS_FILE " in it",
		    k->from);
	(void)snprintf(k->dir, sizeof(k->dir), "%s", k->from);
	k->verbose = k->args.verbose > 0;
	return tell(k, EXIT_DONE);
}

static int
run(struct check *k, struct nursery *nursery)
{
	char log[4200];
	int code = make_dir(k);

	if (code == EXIT_DONE)
		code = make_job(k);
	if (code == EXIT_DONE) {
		k->args.brief = true;
		k->verbose = k->args.verbose > 0; /* the first -v is ours */
		k->args.verbose -= k->verbose;
		code = session_run(&k->job, &k->args, false, nursery);
		(void)snprintf(log, sizeof(log), "%s/" CHECKS_FILE, k->dir);
		if (access(log, F_OK) == 0) /* else it did not even begin */
			code = tell(k, code);
	}
	if (k->is_temporary)
		(void)nftw(k->dir, remove_one, REMOVE_FDS, FTW_DEPTH | FTW_PHYS);
	return code;
}

int
cmd_check_links(int argc, char **argv, struct nursery *nursery)
{
	struct check k = {.job_file = NULL};
	int code = take_flags(&k, &argc, argv);

	if (code != EXIT_DONE)
		return code;
	if (args_parse(argc, argv, &own, &k.args) < 0)
		return EXIT_USAGE;
	if (job_init(&k.job) < 0) {
		args_release(&k.args);
		return say_error(EXIT_OTHER, "out of memory");
	}
	code = read_files(&k);
	if (code == EXIT_DONE)
		code = k.from != NULL ? tell_from(&k) : run(&k, nursery);
	buf_release(&k.ignores);
	links_cache_release(&k.cache);
	job_release(&k.job);
	args_release(&k.args);
	return code;
}
