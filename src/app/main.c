#include "app/app.h"
#include "app/args.h"
#include "base/escape.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const struct command commands[] = {
    {"crawl", "[OPTION]... URL...", "crawl now",
	"Crawls from the URLs and writes archive, records and logs into a directory.",
	true, cmd_crawl},
    {"run", "JOB.yaml [OPTION]...", "crawl what a job file says",
	"Options on the command line overrule the file's.", true, cmd_run},
    {"demo", "[OPTION]...", "crawl a small site on loopback",
	"Starts nginx with a small site on a free port of 127.0.0.1 and crawls it.", true,
	cmd_demo},
    {"check", "FILE.yaml", "validate a job file",
	"Prints each mistake with line and column; exit 2 if there is one.", false,
	cmd_check},
    {"links", "[--base URL] [--charset NAME] [--json] [FILE]",
	"outlinks of an HTML document",
	"Prints KIND<TAB>URL in document order; reads standard input without FILE.",
	false, cmd_links},
    {"url", "[--base URL] [--json] [REF]...", "resolve and normalise URLs",
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
    {NULL, NULL, NULL, NULL, false, NULL},
};

int
say_error(int code, const char *fmt, ...)
{
	struct buf text, line;
	va_list ap;

	buf_init(&text, 64 << 10);
	buf_init(&line, 256 << 10);
	va_start(ap, fmt);
	if (buf_vprintf(&text, fmt, ap) == 0 &&
	    escape_terminal(&line, buf_slice(&text)) == 0)
		fprintf(stderr, "trawl: %.*s\n", (int)line.len, line.ptr);
	va_end(ap);
	buf_release(&text);
	buf_release(&line);
	return code;
}

bool
write_stdout(struct slice s)
{
	if (fwrite(s.ptr == NULL ? "" : s.ptr, 1, s.len, stdout) == s.len &&
	    fflush(stdout) == 0)
		return true;
	(void)say_error(0, "cannot write to standard output: %s", strerror(errno));
	return false;
}

int
read_input(const char *path, size_t max, struct buf *out, struct why *why)
{
	bool is_stdin = path == NULL || strcmp(path, "-") == 0;
	FILE *f = is_stdin ? stdin : fopen(path, "rbe");
	char chunk[65536];
	size_t n;
	int r = 0;

	if (f == NULL)
		return why_set(why, -errno, "cannot open %s: %s", path, strerror(errno));
	buf_init(out, max);
	while (r == 0 && (n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		r = buf_add(out, chunk, n);
	if (r == 0 && ferror(f))
		r = -EIO;
	if (r < 0)
		(void)why_set(why, r, "cannot read %s: %s",
		    is_stdin ? "standard input" : path,
		    r == -EMSGSIZE ? "it is too large" : strerror(errno));
	if (!is_stdin)
		(void)fclose(f);
	if (r < 0)
		buf_release(out);
	return r;
}

static int
help_all(void)
{
	printf("usage: trawl COMMAND [ARGUMENT]...\n\n");
	for (const struct command *c = commands; c->name != NULL; c++)
		printf("  %-10s %s\n", c->name, c->summary);
	printf("\ntrawl COMMAND --help tells more; the manual is trawl(1).\n");
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
	if (args_help(&options) == 0)
		printf("\n" SLICE_FMT, (int)options.len, options.ptr);
	buf_release(&options);
	return EXIT_DONE;
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
	if (c->crawls && nursery_start(&nursery, &why) < 0)
		return say_error(EXIT_OTHER, "%s", why.text);
	code = c->run(argc, argv, nursery);
	nursery_free(nursery);
	return code;
}

int
main(int argc, char **argv)
{
	if (argc < 2)
		return usage_error("which command? trawl --help lists them");
	if (strcmp(argv[1], "--version") == 0) {
		printf("%s\n", PACKAGE_STRING);
		return EXIT_DONE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return help_all();
	for (const struct command *c = commands; c->name != NULL; c++)
		if (strcmp(argv[1], c->name) == 0)
			return run_command(c, argc - 2, argv + 2);
	return usage_error("there is no command '%s'; trawl --help lists them", argv[1]);
}
