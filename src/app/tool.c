#include "app/tool.h"
#include "crawl/options.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const struct tool_flag *
flag_find(const struct tool_flag *flags, size_t n, struct slice name)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(slice_cstr(flags[i].name), name))
			return &flags[i];
	return NULL;
}

static int
no_flag(const struct tool_flag *flags, size_t n, struct slice name)
{
	enum { LIKE = 3 }; /* letters to change, less than */
	const char *near = NULL;
	unsigned least = LIKE;

	if (slice_eq(name, SLICE_LIT("--help"))) /* without one it is taken before */
		return usage_error("--help takes no value");
	for (size_t i = 0; i < n && name.len > LIKE; i++) {
		unsigned d = name_distance(name, slice_cstr(flags[i].name));

		if (d >= least)
			continue;
		least = d;
		near = flags[i].name;
	}
	return usage_error("there is no option " SLICE_FMT " here%s%s%s", SLICE_ARG(name),
	    near == NULL ? "" : "; did you mean ", near == NULL ? "" : near,
	    near == NULL ? "" : "?");
}

/* argv[*i] is a flag: 0 when it was taken. */
static int
take_flag(int argc, char **argv, int *i, const struct tool_flag *flags, size_t n)
{
	struct slice all = slice_cstr(argv[*i]),
		     name = slice_head(all, slice_find(all, '='));
	const struct tool_flag *f = flag_find(flags, n, name);

	if (f == NULL)
		return no_flag(flags, n, name);
	if (f->value == NULL) {
		*f->on = true;
		return name.len == all.len ? 0
					   : usage_error("%s takes no value", f->name);
	}
	if (name.len < all.len)
		*f->value = argv[*i] + name.len + 1;
	else if (*i + 1 < argc)
		*f->value = argv[++*i];
	else
		*f->value = "";
	return **f->value != '\0' ? 0 : usage_error("%s wants a value", f->name);
}

int
tool_flags(int argc, char **argv, const struct tool_flag *flags, size_t n, int *ret_words)
{
	bool only_words = false;
	int words = 0, code = 0;

	for (int i = 0; i < argc && code == 0; i++) {
		if (!only_words && strcmp(argv[i], "--") == 0)
			only_words = true;
		else if (only_words || argv[i][0] != '-' || argv[i][1] == '\0')
			argv[words++] = argv[i];
		else
			code = take_flag(argc, argv, &i, flags, n);
	}
	*ret_words = words;
	return code;
}

int
tool_base(const char *text, char *store, size_t cap, struct url *ret)
{
	enum url_status s =
	    url_resolve(NULL, slice_cstr(text), (struct slice){0}, 0, store, cap, ret);

	return s == URL_OK ? 0 : usage_error("--base '%s': %s", text, url_status_text(s));
}

int
tool_lines(bool (*fn)(void *ctx, struct slice line), void *ctx)
{
	char *line = NULL;
	size_t cap = 0;
	bool more = true;
	ssize_t n;

	while (more && (n = getline(&line, &cap, stdin)) >= 0) {
		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			n--;
		more = fn(ctx, slice_of(line, (size_t)n));
	}
	free(line);
	if (ferror(stdin)) {
		fprintf(
		    stderr, "trawl: cannot read standard input: %s\n", strerror(errno));
		return EXIT_FILE;
	}
	if (!write_stdout((struct slice){0}))
		return EXIT_FILE;
	return EXIT_DONE;
}
