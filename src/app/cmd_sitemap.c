#include "app/tool.h"
#include "base/escape.h"
#include "base/json.h"
#include "web/coding.h"
#include "web/sitemap.h"
#include <stdio.h>
#include <string.h>

struct asked {
	bool json;
	const char *name; /* of the file, for sentences */
	struct buf line;
};

static void
add_json(struct asked *a, const struct sitemap_entry *e)
{
	struct jsonw j;

	jsonw_init(&j, &a->line);
	jsonw_object(&j, NULL);
	jsonw_str(&j, "url", e->loc);
	if (e->kind == SITEMAP_KIND_SITEMAP)
		jsonw_bool(&j, "sitemap", true);
	jsonw_opt(&j, "lastmod", e->lastmod);
	if (e->priority >= 0)
		jsonw_real(&j, "priority", e->priority);
	jsonw_opt(&j, "changefreq", e->changefreq);
	jsonw_object_end(&j);
}

static void
add_text(struct asked *a, const struct sitemap_entry *e)
{
	(void)escape_terminal(&a->line, e->loc);
	(void)buf_add_byte(&a->line, '\t');
	(void)escape_terminal(&a->line, e->lastmod);
	(void)buf_add_byte(&a->line, '\t');
	if (e->priority >= 0)
		(void)buf_printf(&a->line, "%.1f", e->priority);
	(void)buf_add_byte(&a->line, '\t');
	(void)escape_terminal(&a->line, e->changefreq);
}

static bool
on_entry(void *ctx, const struct sitemap_entry *e)
{
	struct asked *a = ctx;

	if (e->kind != SITEMAP_KIND_PAGE && e->kind != SITEMAP_KIND_SITEMAP)
		return true;
	buf_clear(&a->line);
	if (a->json)
		add_json(a, e);
	else
		add_text(a, e);
	(void)buf_add_byte(&a->line, '\n');
	return fwrite(a->line.ptr, 1, a->line.len, stdout) == a->line.len;
}

static int
print_entries(struct asked *a, struct slice file)
{
	struct sitemap_result result;
	enum coding_status status;
	struct buf plain;
	int r = 0;

	buf_init(&plain, TOOL_INPUT_MAX);
	if (slice_starts(file, SLICE_LIT("\x1f\x8b"))) {
		r = coding_decode(
		    SLICE_LIT("gzip"), file, SITEMAP_BYTES_MAX, &plain, &status);
		file = buf_slice(&plain);
	}
	if (r == 0)
		r = sitemap_parse(file, (struct slice){0}, NULL, on_entry, a, &result);
	buf_release(&plain);
	if (r < 0)
		return say_error(EXIT_OTHER, "cannot parse: %s", strerror(-r));
	if (!write_stdout((struct slice){0}))
		return EXIT_FILE;
	if (result.status == SITEMAP_OK)
		return EXIT_DONE;
	return say_error(EXIT_OTHER, "%s is %s", a->name,
	    result.status == SITEMAP_NOT_ONE ? "no sitemap"
					     : sitemap_status_name(result.status));
}

int
cmd_sitemap(int argc, char **argv, struct nursery *nursery)
{
	struct asked a = {0};
	const struct tool_flag flags[] = {{"--json", NULL, &a.json}};
	struct buf file;
	struct why why;
	int words, code = tool_flags(argc, argv, flags, 1, &words);

	(void)nursery;
	if (code == 0 && words > 1)
		code = usage_error("sitemap reads one file");
	if (code != 0)
		return code;
	a.name = words > 0 && strcmp(argv[0], "-") != 0 ? argv[0] : "standard input";
	if (read_input(words > 0 ? argv[0] : NULL, TOOL_INPUT_MAX, &file, &why) < 0)
		return say_error(EXIT_FILE, "%s", why.text);
	buf_init(&a.line, 1 << 20);
	code = print_entries(&a, buf_slice(&file));
	buf_release(&a.line);
	buf_release(&file);
	return code;
}
