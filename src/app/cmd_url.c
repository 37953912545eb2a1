#include "app/tool.h"
#include "base/json.h"
#include <stdio.h>

struct ask {
	const struct url *base;
	bool json;
	bool sort_query, strip_session_ids, strip_tracking;
};

static void
print_json(struct slice ref, enum url_status s, const struct url *url)
{
	struct jsonw j;
	struct buf b;

	buf_init(&b, 1 << 20);
	jsonw_init(&j, &b);
	jsonw_object(&j, NULL);
	jsonw_str(&j, "ref", ref);
	if (s == URL_OK)
		jsonw_str(&j, "url", url_text(url));
	else
		jsonw_str(&j, "error", slice_cstr(url_status_text(s)));
	jsonw_object_end(&j);
	if (j.err == 0)
		printf(SLICE_FMT "\n", (int)b.len, b.ptr);
	buf_release(&b);
}

static unsigned
tidy_of(const struct ask *a)
{
	return (a->sort_query ? URL_SORT_QUERY : 0u) |
	       (a->strip_session_ids ? URL_STRIP_SESSION_IDS : 0u) |
	       (a->strip_tracking ? URL_STRIP_TRACKING : 0u);
}

static bool
answer(void *ctx, struct slice ref)
{
	const struct ask *a = ctx;
	char out[URL_BYTES_MAX];
	struct url url;
	enum url_status s =
	    url_resolve(a->base, ref, (struct slice){0}, 0, out, sizeof(out), &url);

	if (s == URL_OK)
		url_tidy(&url, out, tidy_of(a));
	if (a->json)
		print_json(ref, s, &url);
	else if (s == URL_OK)
		printf(SLICE_FMT "\n", SLICE_ARG(url_text(&url)));
	else
		printf("error: %s\n", url_status_text(s));
	return true;
}

int
cmd_url(int argc, char **argv, struct nursery *nursery)
{
	const char *base = NULL;
	char store[URL_BYTES_MAX];
	struct url base_url;
	struct ask a = {0};
	const struct tool_flag flags[] = {{"--base", &base, NULL},
	    {"--json", NULL, &a.json}, {"--sort-query", NULL, &a.sort_query},
	    {"--strip-session-ids", NULL, &a.strip_session_ids},
	    {"--strip-tracking", NULL, &a.strip_tracking}};
	int words, code = tool_flags(
		       argc, argv, flags, sizeof(flags) / sizeof(flags[0]), &words);

	(void)nursery;
	if (code == 0 && base != NULL)
		code = tool_base(base, store, sizeof(store), &base_url);
	if (code != 0)
		return code;
	if (base != NULL)
		a.base = &base_url;
	for (int i = 0; i < words; i++)
		(void)answer(&a, slice_cstr(argv[i]));
	return words > 0 ? EXIT_DONE : tool_lines(answer, &a);
}
