#include "fetch/steps.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int
fetch_identity_init(struct fetch_identity *id, const struct fetcher_conf *conf)
{
	struct buf b;
	int r;

	*id = (struct fetch_identity){
	    .headers = conf->headers, .headers_len = conf->headers_len};
	buf_init(&b, 8192);
	r = buf_printf(&b, "User-Agent: %s", conf->user_agent);
	if (r == 0)
		id->user_agent = slice_dup(buf_slice(&b));
	if (r == 0 && conf->from != NULL) {
		buf_clear(&b);
		r = buf_printf(&b, "From: %s", conf->from);
		if (r == 0)
			id->from = slice_dup(buf_slice(&b));
	}
	buf_release(&b);
	if (r == 0 &&
	    (id->user_agent == NULL || (conf->from != NULL && id->from == NULL)))
		r = -ENOMEM;
	if (r < 0)
		fetch_identity_release(id);
	return r;
}

void
fetch_identity_release(struct fetch_identity *id)
{
	free(id->user_agent);
	free(id->from);
	*id = (struct fetch_identity){0};
}

static void
add(struct fetch_lines *lines, struct slice line)
{
	assert(lines->n < FETCH_LINES_MAX);
	lines->v[lines->n++] = line;
}

/* Who asks, and what we can read: FETCH_OWN_LINES_MAX lines. */
static void
identity_before(const struct fetch_identity *id, struct fetch_lines *lines)
{
	add(lines, slice_cstr(id->user_agent));
	if (id->from != NULL)
		add(lines, slice_cstr(id->from));
	add(lines, SLICE_LIT("Accept: text/html,application/xhtml+xml,application/"
			     "xml;q=0.9,*/*;q=0.8"));
	/* Decoded by a worker, never by libcurl; archived as it came. */
	add(lines, SLICE_LIT("Accept-Encoding: gzip, deflate, br, zstd"));
}

/* --header: last, so that a person has the last word. */
static void
extra_before(const struct fetch_identity *id, struct fetch_lines *lines)
{
	for (size_t i = 0; i < id->headers_len; i++)
		add(lines, slice_cstr(id->headers[i]));
}

struct step {
	const char *name;
	void (*before)(const struct fetch_identity *id, struct fetch_lines *lines);
};
static const struct step steps[] = {
    {"identity", identity_before},
    {"extra", extra_before},
};

void
fetch_steps_before(const struct fetch_identity *id, struct fetch_lines *lines)
{
	lines->n = 0;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		steps[i].before(id, lines);
}
