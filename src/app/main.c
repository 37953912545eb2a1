#include "app/app.h"
#include "app/args.h"
#include "app/journal.h"
#include "base/log.h"
#include "base/slice.h"
#include "crawl/job_secrets.h"
#include "crawl/options.h"
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

const struct command commands[] = {
    {"crawl", "[OPTION]... URL...", "crawl now",
	"Crawls from the URLs and writes archive, records and logs into a directory.",
	true, cmd_crawl},
    {"run", "JOB.yaml [OPTION]...", "crawl what a job file says",
	"Options on the command line overrule the file's.", true, cmd_run},
    {"resume", "DIR [OPTION]...", "go on after any kind of stop",
	"Goes on with the crawl in DIR where its last commit left it; options on the\n"
	"command line overrule those it had, and stay.",
	true, cmd_resume},
    {"status", "[--json] [--verify] DIR", "totals of a crawl, also while it runs",
	"Tells how the crawl in DIR stands as of its last commit; --verify reads all of "
	"its\n"
	"store and compares it with the sums, and the files' lengths with both; exit 3 "
	"if\n"
	"anything differs.  The bytes of the archive are what trawl warc verify reads.",
	false, cmd_status},
    {"explain", "[--json] DIR URL", "what became of a URL, and why",
	"Tells outcome and rule, how the URL was found, and where it lies or waits; exit "
	"1\n"
	"if it was never discovered.",
	false, cmd_explain},
    {"report",
	"[--json [--section SECTION,...]] DIR, or --politeness [--delay T] [--per-host "
	"N] "
	"[--json] DIR",
	"what a crawl came to, over all its runs",
	"Writes report.html and report.json anew, also while the crawl runs; --json "
	"prints\n"
	"the latter instead. --politeness tells of each host how many requests it got, "
	"the\n"
	"smallest gap between them, the most at once, and whether the delay in force at "
	"the\n"
	"time was kept; exit 1 if it was not. --delay and --per-host judge by these "
	"instead.",
	false, cmd_report},
    {"check-links",
	"[--job FILE] [--by target|page] [--json] [--junit FILE] [--ignore FILE] "
	"[--strict]\n"
	"       [--cache FILE] [--cache-age T] [--from DIR] [OPTION]... [URL]...",
	"which links of a site are broken",
	"Crawls the sites of the URLs as trawl crawl does, asks of all that they link "
	"to, and of\n"
	"images, styles and scripts, whether it is there, and prints what is broken and "
	"where it\n"
	"stands. Exit 8 if something is. Nothing is kept, unless -o DIR is given.\n\n"
	"  --job FILE        seeds and options of a job file\n"
	"  --by target|page  what the broken links are grouped by (target)\n"
	"  --json            the result as JSON on standard output\n"
	"  --junit FILE      and as JUnit XML in this file\n"
	"  --ignore FILE     what matches is not counted: regular expressions, one a "
	"line\n"
	"  --strict          pages that look like soft 404s count as broken\n"
	"  --cache FILE      outside links that were good are not asked again before\n"
	"  --cache-age T     this time is over (1d)\n"
	"  --from DIR        crawl nothing: of a crawl with --check-links\n"
	"  -v                print all places, and what was not checked",
	true, cmd_check_links},
    {"demo", "[OPTION]...", "crawl a small site on loopback",
	"Starts nginx with a small site on a free port of 127.0.0.1 and crawls it.", true,
	cmd_demo},
    {"serve", "[-c trawl.yaml] | --new-token read|admin NAME FILE", "the service",
	"Runs many jobs, and answers at the socket that the file names; without -c the\n"
	"file is trawl/trawl.yaml in the directory of settings, if it is there. SIGHUP "
	"reads\n"
	"it again, SIGTERM stops: what runs then goes on at the next start. --new-token "
	"prints\n"
	"a token for TCP, and adds its hash to the file that api.tokens names.",
	false, cmd_serve},
    {"ctl",
	"status|jobs|start|runs|pages|hosts|explain|seeds|set|log|events|profile|ready|"
	"metrics|openapi "
	"[OPTION]... [ARGUMENT]...",
	"ask the service, and tell it what to do",
	"status                                   runs, and how they go\n"
	"jobs [list] [--limit N] [--prefix P] [--scheduled true|false] [--all] |\n"
	"     show NAME | create JOB.yaml | replace NAME JOB.yaml | delete NAME |\n"
	"     change NAME SECTION.KEY=VALUE...\n"
	"start [--again] NAME                     a run of the job\n"
	"runs [list] [--limit N] [--state S] [--job NAME] [--sort id|-id] [--all] |\n"
	"     show RUN | pause RUN | resume RUN | cancel RUN |\n"
	"     compare RUN RUN | history RUN | report RUN\n"
	"pages [--limit N] [--sort at|-at] [--outcome OUTCOME] [--status S]\n"
	"      [--mime M] [--prefix P] [--contains T] [--all] RUN\n"
	"                                         its pages, the newest first\n"
	"hosts [--limit N] RUN                    the busiest\n"
	"explain RUN URL                          what became of a URL, and why\n"
	"seeds add RUN URL...                     while it runs\n"
	"set [--preview] RUN SECTION.KEY=VALUE... other limits or scope, while it runs\n"
	"log [--tail N] [--of crawl|rejected] RUN the last lines of its log\n"
	"events [--kinds K] [of RUN]              what happens, as it happens\n"
	"profile [--seconds N]                    where time and memory go\n"
	"ready                                    whether it takes work\n"
	"metrics                                  what Prometheus reads\n"
	"openapi                                  the description of the API\n"
	"All take --json, but metrics, --timeout T, and where the service is: --socket "
	"PATH,\n"
	"or --url URL with --token-file FILE and --ca FILE. The manual is trawl-ctl(1).",
	false, cmd_ctl},
    {"check", "[--json] FILE.yaml", "validate a job file, or that of the service",
	"Prints all mistakes, each with file, line and column; exit 2 if there is one. "
	"Of a\n"
	"job without one: the warnings that a run of it begins with.",
	false, cmd_check},
    {"links",
	"[--base URL] [--charset NAME] [--agent NAME] [--speculative] [--json|--facts] "
	"[FILE]",
	"outlinks and facts of an HTML document, outlinks of a PDF",
	"Prints KIND<TAB>URL in document order, with --json an object a line; with "
	"--facts\none object of all that is known of the page. Reads standard input "
	"without FILE.",
	false, cmd_links},
    {"url",
	"[--base URL] [--sort-query] [--strip-session-ids] [--strip-tracking] [--json] "
	"[REF]...",
	"resolve and normalise URLs",
	"Prints the normal form or `error: REASON`; reads standard input without REF.",
	false, cmd_url},
    {"robots", "--agent A [--explain] [--json] FILE [URL]...",
	"what a robots.txt says of URLs",
	"Prints allowed<TAB>URL or disallowed<TAB>URL; reads standard input without URL.",
	false, cmd_robots},
    {"sitemap", "[--json] [FILE]", "entries of a sitemap",
	"Prints URL<TAB>LASTMOD<TAB>PRIORITY<TAB>CHANGEFREQ; reads standard input "
	"without FILE.",
	false, cmd_sitemap},
    {"warc", "list|verify|extract|index|wacz|recompress [OPTION]... FILE...",
	"look into archives, check and rewrite them",
	"list [--json] FILE...           a line a record: offset, length, type, date, "
	"status,\n"
	"                                MIME type, URL\n"
	"verify [--json] FILE...         structure, lengths, digests, what records say "
	"of each\n"
	"                                other; exit 1 if something is wrong\n"
	"extract [--headers] [--payload|--block] [--decode] [-o DIR]\n"
	"        --offset N|--url URL|--id ID FILE...\n"
	"                                to standard output, or each into a file below "
	"DIR\n"
	"index [-o FILE] FILE...         where each answer lies, as CDXJ\n"
	"wacz [-o FILE] DIR              the archive of a crawl as one file for viewers\n"
	"recompress [--to gzip|zstd|none] FROM TO\n"
	"                                the same records, each a member of its own\n"
	"WARC and ARC; gzip, zstd or plain. The manual is trawl-warc(1).",
	false, cmd_warc},
    {NULL, NULL, NULL, NULL, false, NULL},
};

static int
help_all(void)
{
	printf("usage: trawl COMMAND [ARGUMENT]...\n\n");
	for (const struct command *c = commands; c->name != NULL; c++)
		printf("  %-11s %s\n", c->name, c->summary);
	printf("\ntrawl COMMAND --help tells more, trawl --version the version; the "
	       "manual is "
	       "trawl(1).\n");
	return EXIT_DONE;
}

static int
help_one(const struct command *c)
{
	struct buf options;

	printf("usage: trawl %s %s\n\n%s\n", c->name, c->usage, c->details);
	if (!c->crawls)
		return EXIT_DONE;
	buf_init(&options, 1 << 20);
	if (args_help(c->run != cmd_resume, &options) == 0)
		printf("\n" SLICE_FMT, (int)options.len, options.ptr);
	buf_release(&options);
	return EXIT_DONE;
}

/* The command that looks most like it, or NULL. */
static const struct command *
command_nearest(const char *name)
{
	const struct command *best = NULL;
	unsigned least = strlen(name) < 4 ? 2 : 3;

	for (const struct command *c = commands; c->name != NULL; c++) {
		unsigned d = name_distance(slice_cstr(name), slice_cstr(c->name));

		if (d >= least)
			continue;
		least = d;
		best = c;
	}
	return best;
}

/* What stands in the place of a command may be what one is wanted for. */
static void
no_such_command(const char *name)
{
	struct slice s = slice_cstr(name);
	const struct command *near = command_nearest(name);

	if (slice_starts(s, SLICE_LIT("http://")) ||
	    slice_starts(s, SLICE_LIT("https://")))
		(void)usage_error(
		    "there is no command '%s'; did you mean trawl crawl %s?", name, name);
	else if (slice_ends(s, SLICE_LIT(".yaml")) || slice_ends(s, SLICE_LIT(".yml")))
		(void)usage_error(
		    "there is no command '%s'; did you mean trawl run %s?", name, name);
	else if (near != NULL)
		(void)usage_error(
		    "there is no command '%s'; did you mean %s?", name, near->name);
	else
		(void)usage_error(
		    "there is no command '%s'; trawl --help lists them", name);
}

static const struct command *
command_find(const char *name)
{
	for (const struct command *c = commands; c->name != NULL; c++)
		if (strcmp(name, c->name) == 0)
			return c;
	no_such_command(name);
	return NULL;
}

static int
help_about(const char *name)
{
	const struct command *c = command_find(name);

	return c == NULL ? EXIT_USAGE : help_one(c);
}

static bool
asks_for_help(int argc, char **argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

static int
run_command(const struct command *c, int argc, char **argv)
{
	struct nursery *nursery = NULL;
	struct why why;
	int code;

	if (asks_for_help(argc, argv))
		return help_one(c);
	/* First of all: workers must not inherit what comes later. */
	if ((c->crawls || c->run == cmd_serve) && nursery_start(&nursery, &why) < 0)
		return say_error(EXIT_OTHER, "%s", why.text);
	code = c->run(argc, argv, nursery);
	nursery_free(nursery);
	return code;
}

/* A descriptor 0, 1 or 2 that is closed would become a socket or an archive.  What takes its place
 * cannot be read, or written: whoever tries fails, as with one that is closed. */
static void
open_standard_files(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

/* What is large goes back to the system when it is freed: by default the first large block
 * that is freed makes later ones part of the heap, where they leave holes. */
static void
keep_heap_small(void)
{
	enum { LARGE_BYTES = 512 << 10, KEPT_BYTES = 8 << 20, MORE_BYTES = 1 << 20 };

	(void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
	(void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
	(void)mallopt(M_TOP_PAD, MORE_BYTES); /* at a time: each is a system call */
}

/* Each connection and each run takes some. */
static void
raise_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
		l.rlim_cur = l.rlim_max > 1 << 20 ? 1 << 20 : l.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &l);
	}
}

/* What systemd hands over; a file that names what is missing is refused where it is read. */
static void
read_secrets(void)
{
	struct why why;

	if (job_secrets_read(getenv("CREDENTIALS_DIRECTORY"), &why) < 0)
		log_warn("%s", why.text);
}

static int
run(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2)
		return usage_error("which command? trawl --help lists them");
	if (strcmp(argv[1], "--version") == 0) {
		printf("%s\n", PACKAGE_STRING);
		return EXIT_DONE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return argc > 2 ? help_about(argv[2]) : help_all();
	c = command_find(argv[1]);
	return c == NULL ? EXIT_USAGE : run_command(c, argc - 2, argv + 2);
}

int
main(int argc, char **argv)
{
	int code;

	keep_heap_small();
	raise_files();
	open_standard_files();
	(void)journal_start();
	read_secrets();
	code = run(argc, argv);
	/* What printed all it had to say has not done so before it is written. */
	return code == EXIT_DONE && !write_stdout((struct slice){0}) ? EXIT_FILE : code;
}
