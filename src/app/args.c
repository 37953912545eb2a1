#include "app/args.h"
#include "app/app.h"
#include <errno.h>
#include <stdio.h>

#define DEFAULT_USER_AGENT PACKAGE_NAME "/" PACKAGE_VERSION " (+" PACKAGE_URL ")"

/* The value of an option: behind '=', or the next word. */
static const char *
value_of(const char *name, const char *inlined, int argc, char **argv, int *i)
{
	if (inlined != NULL)
		return inlined;
	if (*i + 1 < argc)
		return argv[++*i];
	(void)usage_error("%s wants a value", name);
	return NULL;
}

/* What others call it: wget, wget2, HTTrack, Scrapy's settings. */
static const char *
known_elsewhere(struct slice flag)
{
	static const struct {
		const char *theirs, *ours;
	} names[] = {{"accept", "--include"}, {"accept-regex", "--include"},
	    {"ca-certificate", "--ca"}, {"certificate", "--cert"},
	    {"convert-links", "--sink mirror"}, {"depth-limit", "--depth"},
	    {"directory-prefix", "-o"}, {"domains", "--scope domain"},
	    {"download-delay", "--delay"}, {"http-proxy", "--proxy"},
	    {"ignore-robots", "--robots ignore"}, {"input-file", "--seeds"},
	    {"level", "--depth"}, {"limit-rate", "--bandwidth"},
	    {"load-cookies", "--cookies"}, {"max-depth", "--depth"},
	    {"max-rate", "--bandwidth"}, {"max-size", "--max-bytes"},
	    {"max-threads", "--concurrency"}, {"mirror", "--sink mirror"},
	    {"no-check-certificate", "--insecure"}, {"no-parent", "--scope prefix"},
	    {"no-robots", "--robots ignore"}, {"page-requisites", "--requisites"},
	    {"password", "--auth"}, {"private-key", "--key"}, {"quota", "--max-bytes"},
	    {"reject", "--exclude"}, {"reject-regex", "--exclude"},
	    {"sockets", "--concurrency"}, {"span-hosts", "--scope any"},
	    {"threads", "--concurrency"}, {"tries", "--retries"}, {"user", "--auth"},
	    {"wait", "--delay"}, {"warc-file", "--sink warc"},
	    {"warc-max-size", "--warc-size"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_eq(flag, slice_cstr(names[i].theirs)))
			return names[i].ours;
	return NULL;
}

/* How unlike flag is to the nearest of names, NULL at their end; *ret becomes that if it is less
 * than least. */
static unsigned
nearest_of(struct slice flag, const char *const *names, unsigned least, const char **ret)
{
	for (; *names != NULL; names++) {
		unsigned d = name_distance(flag, slice_cstr(*names + 2));

		if (d >= least)
			continue;
		least = d;
		*ret = *names;
	}
	return least;
}

/* Of those that are not in the table, the one that looks most like it; NULL: none does, or
 * `near` does more. */
static const char *
nearest_own(const struct args_own *own, struct slice flag, const struct option_row *near)
{
	static const char *const names[] = {
	    "--help", "--output", "--quiet", "--seeds", "--verbose", NULL};
	unsigned least = flag.len < 4 ? 1 : 3;
	const char *best = NULL;
	char name[OPTION_FLAG_MAX];

	if (near != NULL) {
		unsigned d;

		option_flag(near, name);
		d = name_distance(flag, slice_cstr(name + 2));
		least = d < least ? d : least;
	}
	if (own != NULL)
		least = nearest_of(flag, own->flags, least, &best);
	(void)nearest_of(flag, names, least, &best);
	return best;
}

static int
unknown_option(const struct args_own *own, struct slice flag)
{
	const struct option_row *near = option_nearest((struct slice){0}, flag);
	const char *ours = known_elsewhere(flag);
	char name[OPTION_FLAG_MAX];

	if (ours == NULL)
		ours = nearest_own(own, flag, near);
	if (ours != NULL) {
		(void)usage_error("there is no option --" SLICE_FMT "; did you mean %s?",
		    SLICE_ARG(flag), ours);
	} else if (near == NULL) {
		(void)usage_error("there is no option --" SLICE_FMT
				  "; trawl %s --help lists them",
		    SLICE_ARG(flag), own == NULL ? "crawl" : own->command);
	} else {
		option_flag(near, name);
		(void)usage_error("there is no option --" SLICE_FMT "; did you mean %s?",
		    SLICE_ARG(flag), name);
	}
	return -EINVAL;
}

static int
set_flag(
    struct args *a, const struct option_row *row, const char *name, const char *value)
{
	struct why why;

	if (row->type == OPTION_LIST && value[0] == '\0') {
		option_clear_list(&a->given, row);
		a->given.given[row->id] = true;
		return 0;
	}
	if (option_set(&a->given, row, slice_cstr(value), &why) == 0)
		return 0;
	(void)usage_error("%s: %s", name, why.text);
	return -EINVAL;
}

static int
seeds_option(struct args *a, const char *path)
{
	if (path == NULL)
		return -EINVAL;
	if (path[0] == '\0') {
		(void)usage_error("--seeds wants the name of a file");
		return -EINVAL;
	}
	if (a->seeds != NULL) {
		(void)usage_error("--seeds can be given once");
		return -EINVAL;
	}
	a->seeds = path;
	return 0;
}

static int
dir_option(struct args *a, const char *dir)
{
	if (dir == NULL)
		return -EINVAL;
	if (dir[0] == '\0') {
		(void)usage_error("-o wants the name of a directory");
		return -EINVAL;
	}
	a->dir = dir;
	return 0;
}

/* Of those that are not in the table; that for help is taken before, without a value. */
static bool
is_switch(struct slice flag)
{
	return slice_eq(flag, SLICE_LIT("help")) || slice_eq(flag, SLICE_LIT("quiet")) ||
	       slice_eq(flag, SLICE_LIT("verbose"));
}

static int
long_option(struct args *a, int argc, char **argv, int *i)
{
	struct slice rest = slice_cstr(argv[*i] + 2), flag;
	const struct option_row *row;
	const char *value = NULL;
	char name[OPTION_FLAG_MAX];
	bool off = false;

	flag = slice_head(rest, slice_find(rest, '='));
	if (flag.len < rest.len)
		value = flag.ptr + flag.len + 1;
	if (slice_eq(flag, SLICE_LIT("output")))
		return dir_option(a, value_of("--output", value, argc, argv, i));
	if (slice_eq(flag, SLICE_LIT("seeds")))
		return seeds_option(a, value_of("--seeds", value, argc, argv, i));
	if (is_switch(flag) && value != NULL) {
		(void)usage_error("--" SLICE_FMT " takes no value", SLICE_ARG(flag));
		return -EINVAL;
	}
	if (slice_eq(flag, SLICE_LIT("quiet"))) {
		a->quiet = true;
		return 0;
	}
	if (slice_eq(flag, SLICE_LIT("verbose"))) {
		a->verbose++;
		return 0;
	}
	row = option_by_flag(flag, &off);
	if (row == NULL)
		return unknown_option(a->own, flag);
	option_flag(row, name);
	if (off && value != NULL) {
		(void)usage_error("--no-%s takes no value", name + 2);
		return -EINVAL;
	}
	if (row->type == OPTION_BOOL && value == NULL)
		value = off ? "no" : "yes";
	else
		value = value_of(name, value, argc, argv, i);
	return value == NULL ? -EINVAL : set_flag(a, row, name, value);
}

static int
short_option(struct args *a, int argc, char **argv, int *i)
{
	const char *p = argv[*i] + 1;

	for (; *p != '\0'; p++) {
		switch (*p) {
		case 'q':
			a->quiet = true;
			break;
		case 'v':
			a->verbose++;
			break;
		case 'o':
			return dir_option(a,
			    value_of("-o", p[1] == '\0' ? NULL : p + 1, argc, argv, i));
		default:
			(void)usage_error(
			    "there is no option -%c; there are -o DIR, -q and -v", *p);
			return -EINVAL;
		}
	}
	return 0;
}

int
args_parse(int argc, char **argv, const struct args_own *own, struct args *ret)
{
	struct args a = {.words = argv, .own = own};
	bool only_words = false;
	int r = options_init(&a.given);

	for (int i = 0; i < argc && r == 0; i++) {
		if (only_words || argv[i][0] != '-' || argv[i][1] == '\0')
			a.words[a.words_len++] = argv[i];
		else if (strcmp(argv[i], "--") == 0)
			only_words = true;
		else if (argv[i][1] == '-')
			r = long_option(&a, argc, argv, &i);
		else
			r = short_option(&a, argc, argv, &i);
	}
	if (r < 0) {
		args_release(&a);
		return r;
	}
	*ret = a;
	return 0;
}

static bool
has_value(const struct options *o, const struct option_row *row)
{
	struct buf value;
	bool has;

	buf_init(&value, 1 << 20);
	has = option_get(o, row, 0, &value);
	buf_release(&value);
	return has;
}

int
args_merge(struct options *o, const struct args *a)
{
	for (size_t id = 0; id < OPTION_ID_MAX; id++) {
		const struct option_row *row = &option_rows[id];
		char flag[OPTION_FLAG_MAX];
		struct why why;

		if (!a->given.given[id] || has_value(&a->given, row) || o->given[id])
			continue;
		/* Most likely a variable that is not set. */
		option_flag(row, flag);
		(void)option_is_empty(&why);
		return usage_error("%s: %s", flag, why.text);
	}
	return options_merge(o, &a->given) < 0 ? usage_error("out of memory") : EXIT_DONE;
}

void
args_release(struct args *a)
{
	options_release(&a->given);
}

/* Where a name is too long for the help to begin beside it. */
#define NEXT_LINE "\n                               "

static int
help_row(const struct option_row *row, struct buf *out)
{
	char flag[OPTION_FLAG_MAX], head[OPTION_FLAG_MAX + 40];
	struct slice help = slice_cstr(row->help);
	bool on = row->type == OPTION_BOOL && strcmp(row->def, "yes") == 0;

	option_flag(row, flag);
	(void)snprintf(
	    head, sizeof(head), "%s%s%s", flag, row->arg[0] == '\0' ? "" : " ", row->arg);
	if (slice_ends(help, SLICE_LIT(","))) /* it goes on in the next row */
		help.len--;
	if (row->def[0] == '\0')
		return buf_printf(out, "  %-28s%s" SLICE_FMT "\n", head,
		    strlen(head) > 28 ? NEXT_LINE : " ", SLICE_ARG(help));
	return buf_printf(out, "  %-28s%s" SLICE_FMT " (%s%s%s)\n", head,
	    strlen(head) > 28 ? NEXT_LINE : " ", SLICE_ARG(help), row->def,
	    on ? "; --no-" : "", on ? flag + 2 : "");
}

int
args_help(bool new_crawl, struct buf *out)
{
	const char *section = "";
	int r = buf_add_cstr(
	    out, new_crawl ? "  -o DIR, --output DIR         where results go (default: "
			     "./HOST-TIMESTAMP)\n"
			     "  --seeds FILE                 more URLs to begin at, one "
			     "a line; - is "
			     "standard input\n"
			   : "");

	if (r == 0)
		r = buf_add_cstr(out, "  -q, --quiet                  print errors only\n"
				      "  -v, --verbose                print a line for "
				      "each URL; twice: robots.txt "
				      "and retries, too\n");

	for (size_t i = 0; i < OPTION_ID_MAX && r == 0; i++) {
		const struct option_row *row = &option_rows[i];

		if (strcmp(section, row->section) != 0) {
			section = row->section;
			r = buf_printf(out, "\n%s:\n", section);
		}
		if (r == 0)
			r = help_row(row, out);
	}
	return r;
}

int
options_complete(struct options *o)
{
	if (o->fetch_user_agent != NULL)
		return 0;
	return option_set(o, &option_rows[OPTION_ID_fetch_user_agent],
	    SLICE_LIT(DEFAULT_USER_AGENT), NULL);
}
