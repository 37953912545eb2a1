#include "app/tool.h"
#include "base/escape.h"
#include "base/json.h"
#include "web/robots.h"
#include <stdio.h>

struct asked {
	struct slice blob;
	bool explain, json;
	struct buf line;
};

static const char *
group_name(enum robots_group g)
{
	switch (g) {
	case ROBOTS_GROUP_OWN:
		return "group of this agent";
	case ROBOTS_GROUP_ANY:
		return "group *";
	default:
		return "no group";
	}
}

/* A whole URL, or a path as it stands in robots.txt. */
static bool
target_of(struct slice url, char *store, size_t cap, struct slice *ret)
{
	struct url u;

	if (url_resolve(NULL, url, (struct slice){0}, 0, store, cap, &u) == URL_OK)
		*ret = url_target(&u);
	else if (url.len > 0 && url.ptr[0] == '/')
		*ret = slice_head(url, slice_find(url, '#'));
	else
		return false;
	return true;
}

static void
add_json(struct asked *a, struct slice url, const struct robots_verdict *v)
{
	struct jsonw j;

	jsonw_init(&j, &a->line);
	jsonw_object(&j, NULL);
	jsonw_str(&j, "url", url);
	jsonw_bool(&j, "allowed", v->allowed);
	jsonw_str(&j, "group", slice_cstr(group_name(v->group)));
	if (v->line > 0) {
		jsonw_int(&j, "line", v->line);
		jsonw_str(&j, "pattern", v->pattern);
	}
	jsonw_object_end(&j);
}

static void
add_text(struct asked *a, struct slice url, const struct robots_verdict *v)
{
	(void)buf_add_cstr(&a->line, v->allowed ? "allowed\t" : "disallowed\t");
	(void)escape_terminal(&a->line, url);
	if (!a->explain)
		return;
	(void)buf_printf(&a->line, "\t%s\t", group_name(v->group));
	if (v->line == 0) {
		(void)buf_add_cstr(&a->line, "no rule matches");
		return;
	}
	(void)buf_printf(
	    &a->line, "line %u: %s: ", v->line, v->allowed ? "allow" : "disallow");
	(void)escape_terminal(&a->line, v->pattern);
}

static void
add_error(struct asked *a, struct slice url)
{
	struct jsonw j;

	if (!a->json) {
		(void)buf_add_cstr(&a->line, "error: not a URL\t");
		(void)escape_terminal(&a->line, url);
		return;
	}
	jsonw_init(&j, &a->line);
	jsonw_object(&j, NULL);
	jsonw_str(&j, "url", url);
	jsonw_str(&j, "error", SLICE_LIT("not a URL"));
	jsonw_object_end(&j);
}

static bool
answer(void *ctx, struct slice url)
{
	struct asked *a = ctx;
	char store[URL_BYTES_MAX];
	struct robots_verdict v = {0};
	struct slice target;

	buf_clear(&a->line);
	if (!target_of(url, store, sizeof(store), &target)) {
		add_error(a, url);
	} else {
		(void)robots_match(a->blob, target, &v);
		if (a->json)
			add_json(a, url, &v);
		else
			add_text(a, url, &v);
	}
	(void)buf_add_byte(&a->line, '\n');
	(void)fwrite(a->line.ptr, 1, a->line.len, stdout);
	return true;
}

static int
answer_all(struct asked *a, int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		(void)answer(a, slice_cstr(argv[i]));
	if (argc == 0)
		return tool_lines(answer, a);
	return write_stdout((struct slice){0}) ? EXIT_DONE : EXIT_FILE;
}

int
cmd_robots(int argc, char **argv, struct nursery *nursery)
{
	const char *agent = NULL;
	struct asked a = {0};
	const struct tool_flag flags[] = {{"--agent", &agent, NULL},
	    {"--explain", NULL, &a.explain}, {"--json", NULL, &a.json}};
	struct buf text, blob;
	struct why why;
	int words, code = tool_flags(argc, argv, flags, 3, &words);

	(void)nursery;
	if (code != 0)
		return code;
	if (agent == NULL)
		return usage_error("robots wants to know who asks: --agent NAME");
	if (words == 0)
		return usage_error("robots wants a robots.txt file, then URLs");
	if (read_input(argv[0], TOOL_INPUT_MAX, &text, &why) < 0)
		return say_error(EXIT_FILE, "%s", why.text);
	buf_init(&blob, ROBOTS_BLOB_MAX);
	buf_init(&a.line, 1 << 20);
	if (robots_compile(buf_slice(&text), slice_cstr(agent), &blob) < 0) {
		code = usage_error("%s: too many rules", argv[0]);
	} else {
		a.blob = buf_slice(&blob);
		code = answer_all(&a, words - 1, argv + 1);
	}
	buf_release(&a.line);
	buf_release(&blob);
	buf_release(&text);
	return code;
}
