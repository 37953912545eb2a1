#include "app/look.h"
#include "app/report_politeness.h"
#include "app/tool.h"
#include "base/dir_make.h"
#include "observe/report.h"
#include <stdio.h>

/*
 * trawl report DIR: report.json and report.html of a crawl, made again of what is on the
 * disk; --json prints the former; --politeness is the ledger.
 */

enum { OUT_BYTES_MAX = 256 << 20 };

struct asked {
	bool json, politeness;
	const char *delay, *per_host, *sections;
};

static int
print_json(const struct report *r, const struct asked *a)
{
	struct buf text;
	int code = EXIT_DONE;

	buf_init(&text, OUT_BYTES_MAX);
	if (report_json(r, slice_cstr(a->sections), &text) < 0)
		code = say_error(EXIT_OTHER, "out of memory");
	else if (!write_stdout(buf_slice(&text)))
		code = EXIT_FILE;
	buf_release(&text);
	return code;
}

static int
write_files(const struct report *r, const char *dir)
{
	struct why why = {""};
	struct buf text;

	if (report_write(r, dir, &why) < 0)
		return say_error(EXIT_FILE, "%s", why.text);
	buf_init(&text, 64 << 10);
	if (buf_printf(&text, "%s/report.html\n%s/report.json\n", dir, dir) < 0 ||
	    !write_stdout(buf_slice(&text))) {
		buf_release(&text);
		return EXIT_FILE;
	}
	buf_release(&text);
	return EXIT_DONE;
}

static int
make(const struct asked *a, const char *dir)
{
	struct report *report = NULL;
	struct why why = {""};
	struct look l;
	int code = look_open(&l, dir);

	if (code == EXIT_DONE) {
		struct report_conf conf = {
		    .job = &l.job, .dir = dir, .tmp_dir = temporary_dir(), .in = l.in};

		if (report_make(&conf, &report, &why) < 0)
			code = say_error(EXIT_FILE, "%s", why.text);
		else
			code = a->json ? print_json(report, a) : write_files(report, dir);
		report_free(report);
	}
	look_close(&l);
	return code;
}

/* ---- politeness ---- */

static int
take_demands(struct ledger_conf *conf, const char *delay, const char *per_host)
{
	uint64_t n;

	if (delay != NULL && !parse_duration(slice_cstr(delay), &conf->delay_ms))
		return usage_error("--delay: '%s' is not a duration such as 500ms, 10s, "
				   "5m or 2h",
		    delay);
	if (per_host == NULL)
		return EXIT_DONE;
	if (!slice_to_u64(slice_cstr(per_host), &n) || n < 1 || n > 1000)
		return usage_error(
		    "--per-host: '%s' is not a number from 1 to 1000", per_host);
	conf->at_once = (uint32_t)n;
	return EXIT_DONE;
}

static int
politeness(const struct asked *a, const char *dir)
{
	struct ledger_conf conf = {.delay_ms = -1, .dir = dir};
	int code = take_demands(&conf, a->delay, a->per_host);

	return code == EXIT_DONE ? report_politeness(&conf, a->json) : code;
}

/* ---- the command ---- */

static int
unknown_section(struct slice name)
{
	struct buf names;
	int code;

	buf_init(&names, 4096);
	for (size_t i = 0; report_section_name(i) != NULL; i++)
		(void)buf_printf(
		    &names, "%s%s", i == 0 ? "" : ", ", report_section_name(i));
	code = usage_error("--section: there is no '" SLICE_FMT
			   "' in a report; there are " SLICE_FMT,
	    SLICE_ARG(name), SLICE_ARG(buf_slice(&names)));
	buf_release(&names);
	return code;
}

static int
check_words(const struct asked *a, int words)
{
	struct slice unknown;

	if (words != 1)
		return usage_error("report wants one directory, as in "
				   "trawl report example.org-20261124161942602");
	if (a->politeness && a->sections != NULL)
		return usage_error("--section is not for --politeness");
	if (!a->politeness && (a->delay != NULL || a->per_host != NULL))
		return usage_error("--delay and --per-host are for --politeness");
	if (a->sections != NULL && !a->json)
		return usage_error("--section is for --json");
	if (!report_sections_known(slice_cstr(a->sections), &unknown))
		return unknown_section(unknown);
	return EXIT_DONE;
}

int
cmd_report(int argc, char **argv, struct nursery *nursery)
{
	struct asked a = {.json = false};
	const struct tool_flag flags[] = {{"--json", NULL, &a.json},
	    {"--politeness", NULL, &a.politeness}, {"--delay", &a.delay, NULL},
	    {"--per-host", &a.per_host, NULL}, {"--section", &a.sections, NULL}};
	int words, code = tool_flags(argc, argv, flags, 5, &words);

	(void)nursery;
	if (code == 0)
		code = check_words(&a, words);
	if (code != 0)
		return code;
	return a.politeness ? politeness(&a, argv[0]) : make(&a, argv[0]);
}
