#define PCRE2_CODE_UNIT_WIDTH 8
#include "observe/linkcheck_int.h"
#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>

enum { IGNORES_MAX = 10000, MATCH_STEPS = 100000 };

struct ignores {
	pcre2_code **v;
	size_t n;
	pcre2_match_data *match;
	pcre2_match_context *limits;
};

void
ignores_free(struct ignores *g)
{
	if (g == NULL)
		return;
	for (size_t i = 0; i < g->n; i++)
		pcre2_code_free(g->v[i]);
	free(g->v);
	pcre2_match_data_free(g->match);
	pcre2_match_context_free(g->limits);
	free(g);
}

static int
add_line(struct ignores *g, struct slice line, size_t number, struct why *why)
{
	PCRE2_UCHAR text[128];
	pcre2_code **grown;
	PCRE2_SIZE at;
	int code;

	if (g->n == IGNORES_MAX)
		return why_set(why, -EINVAL, "more than %d lines", IGNORES_MAX);
	grown = realloc(g->v, (g->n + 1) * sizeof(*grown));
	if (grown == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	g->v = grown;
	g->v[g->n] = pcre2_compile((PCRE2_SPTR)line.ptr, line.len, 0, &code, &at, NULL);
	if (g->v[g->n] == NULL) {
		(void)pcre2_get_error_message(code, text, sizeof(text));
		return why_set(why, -EINVAL, "line %zu: %s at character %zu", number,
		    (const char *)text, at + 1);
	}
	g->n++;
	return 0;
}

int
ignores_new(struct slice text, struct ignores **ret, struct why *why)
{
	struct ignores *g = calloc(1, sizeof(*g));
	struct slice line;
	int r = 0;

	if (g != NULL) {
		g->match = pcre2_match_data_create(1, NULL);
		g->limits = pcre2_match_context_create(NULL);
	}
	if (g == NULL || g->match == NULL || g->limits == NULL)
		r = why_set(why, -ENOMEM, "out of memory");
	else
		(void)pcre2_set_match_limit(g->limits, MATCH_STEPS);
	for (size_t n = 1; r == 0 && slice_cut(&text, '\n', &line); n++) {
		line = slice_trim(line);
		if (line.len > 0 && line.ptr[0] != '#')
			r = add_line(g, line, n, why);
	}
	if (r < 0) {
		ignores_free(g);
		return r;
	}
	*ret = g;
	return 0;
}

bool
ignores_match(const struct ignores *g, struct slice url)
{
	for (size_t i = 0; i < g->n; i++)
		if (pcre2_match(g->v[i], (PCRE2_SPTR)(url.ptr == NULL ? "" : url.ptr),
			url.len, 0, 0, g->match, g->limits) >= 0)
			return true;
	return false;
}

int
linkcheck_ignore_check(struct slice ignore, struct why *why)
{
	struct ignores *g;
	int r = ignores_new(ignore, &g, why);

	if (r == 0)
		ignores_free(g);
	return r;
}
