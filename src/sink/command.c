#include "sink/command.h"
#include "base/buf.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

extern char **environ;

static const char *const passed[] = {
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR"};

/* -- Words. -- */

struct words {
	char **v;
	size_t n;
};

/* In place of the NULL at the end of a list that has room for `max`. */
static int
words_add(struct words *w, struct slice text, size_t max)
{
	if (w->n >= max)
		return -E2BIG;
	if (w->v == NULL)
		w->v = calloc(max + 1, sizeof(*w->v));
	if (w->v == NULL)
		return -ENOMEM;
	w->v[w->n] = slice_dup(text);
	return w->v[w->n++] == NULL ? -ENOMEM : 0;
}

/* One character of a word; *at moves behind it.  -EINVAL: a quote or a backslash at the
 * end. */
static int
take_char(const char **at, char *quote, struct buf *word)
{
	char c = *(*at)++;

	if (*quote == '\0' && (c == '\'' || c == '"')) {
		*quote = c;
		return 0;
	}
	if (c == *quote) {
		*quote = '\0';
		return 0;
	}
	if (c == '\\' && *quote != '\'') {
		c = *(*at)++;
		if (c == '\0')
			return -EINVAL;
	}
	return buf_add_byte(word, c);
}

/* *at is at the word's first character. */
static int
take_word(const char **at, struct words *w)
{
	char quote = '\0';
	struct buf word;
	int r = 0;

	buf_init(&word, 1 << 20);
	while (r == 0 && **at != '\0' && (quote != '\0' || !ascii_is_space(**at)))
		r = take_char(at, &quote, &word);
	if (r == 0 && quote != '\0')
		r = -EINVAL;
	if (r == 0)
		r = words_add(w, buf_slice(&word), COMMAND_WORDS_MAX);
	buf_release(&word);
	return r;
}

static int
split(const char *text, struct words *w, struct why *why)
{
	int r = 0;

	while (r == 0) {
		while (ascii_is_space(*text))
			text++;
		if (*text == '\0')
			break;
		r = take_word(&text, w);
	}
	if (r == -E2BIG)
		return why_set(
		    why, -EINVAL, "it has more than %d words", (int)COMMAND_WORDS_MAX);
	if (r == -EINVAL)
		return why_set(why, r, "a quote or a backslash has no end");
	if (r < 0)
		return why_set(why, r, "out of memory");
	if (w->n == 0 || w->v[0][0] == '\0')
		return why_set(why, -EINVAL, "it names no program");
	return 0;
}

/* -- The program. -- */

static int
look_at(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return access(path, X_OK) < 0 ? -errno : 0;
}

/* As execvp(3) finds it, but known before anything is begun. */
static int
find(const char *name, char ret[PATH_MAX])
{
	const char *list = getenv("PATH");
	struct slice rest = slice_cstr(list == NULL ? "/usr/bin:/bin" : list), dir;
	int r, best = -ENOENT;

	if (strchr(name, '/') != NULL) {
		(void)snprintf(ret, PATH_MAX, "%s", name);
		return strlen(name) < PATH_MAX ? look_at(name) : -ENAMETOOLONG;
	}
	while (slice_cut(&rest, ':', &dir)) {
		int n = snprintf(ret, PATH_MAX, SLICE_FMT "%s%s", SLICE_ARG(dir),
		    dir.len == 0 ? "" : "/", name);

		if (n < 0 || n >= PATH_MAX)
			continue;
		r = look_at(ret);
		if (r == 0)
			return 0;
		if (r == -EACCES)
			best = r;
	}
	return best;
}

static int
set_path(struct exec_command *c, struct why *why)
{
	char path[PATH_MAX];
	int r = find(c->argv[0], path);

	if (r == -ENOENT)
		return why_set(why, r, "there is no program '%s'%s", c->argv[0],
		    strchr(c->argv[0], '/') == NULL ? " in PATH" : "");
	if (r < 0)
		return why_set(why, -EACCES, "'%s' cannot be run: %s", c->argv[0],
		    r == -EACCES ? "it is no executable file" : strerrordesc_np(-r));
	c->path = slice_dup(slice_cstr(path));
	return c->path == NULL ? why_set(why, -ENOMEM, "out of memory") : 0;
}

/* -- The environment. -- */

static bool
is_locale(const char *variable)
{
	return slice_starts(slice_cstr(variable), SLICE_LIT("LC_"));
}

static bool
has_name(const char *variable, const char *name)
{
	size_t n = strlen(name);

	return strncmp(variable, name, n) == 0 && variable[n] == '=';
}

static bool
is_named(const char *variable, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (has_name(variable, names[i]))
			return true;
	return false;
}

int
command_env_check(const char *const *names, size_t n, struct why *why)
{
	for (size_t i = 0; i < n; i++)
		if (strchr(names[i], '=') != NULL || getenv(names[i]) == NULL)
			return why_set(why, -ENOENT,
			    "the environment has no variable '%s'", names[i]);
	return 0;
}

static int
set_env(struct exec_command *c, const char *const *names, size_t n, struct why *why)
{
	struct words w = {NULL, 0};
	size_t max = 0;
	int r = command_env_check(names, n, why);

	if (r < 0)
		return r;
	while (environ != NULL && environ[max] != NULL)
		max++;
	for (size_t i = 0; i < max && r == 0; i++)
		if (is_locale(environ[i]) ||
		    is_named(environ[i], passed, sizeof(passed) / sizeof(passed[0])) ||
		    is_named(environ[i], names, n))
			r = words_add(&w, slice_cstr(environ[i]), max);
	if (r == 0 && w.v == NULL)
		w.v = calloc(1, sizeof(*w.v));
	c->env = w.v;
	return r < 0 || w.v == NULL ? why_set(why, -ENOMEM, "out of memory") : 0;
}

int
command_init(struct exec_command *c, const char *text, const char *const *env_names,
    size_t env_len, struct why *why)
{
	struct words w = {NULL, 0};
	int r = split(text, &w, why);

	*c = (struct exec_command){.argv = w.v};
	if (r == 0)
		r = set_path(c, why);
	if (r == 0)
		r = set_env(c, env_names, env_len, why);
	if (r < 0)
		command_release(c);
	return r;
}

static void
list_free(char **v)
{
	for (size_t i = 0; v != NULL && v[i] != NULL; i++)
		free(v[i]);
	free(v);
}

void
command_release(struct exec_command *c)
{
	free(c->path);
	list_free(c->argv);
	list_free(c->env);
	*c = (struct exec_command){0};
}
