/*
 * select_values FILE...: what selectors select of pages, for test_select.py.
 *
 * On standard input a job a line, its fields separated by tabs.  For each job and each
 * file a line of JSON with the values of the fields: [["a","b"],["c"]].
 */
#include "base/json.h"
#include "web/page.h"
#include "web/select.h"
#include <stdio.h>
#include <stdlib.h>

enum { LINE_MAX_BYTES = 1 << 16, FILE_MAX = 64 << 20, FIELDS_MAX = SELECT_FIELDS_MAX };

static _Noreturn void
die(const char *what, const char *why)
{
	(void)fprintf(stderr, "%s: %s\n", what, why);
	exit(1);
}

static struct slice
file_read(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *text = malloc(FILE_MAX);
	size_t n;

	if (f == NULL || text == NULL)
		die(path, "cannot be read");
	n = fread(text, 1, FILE_MAX, f);
	(void)fclose(f);
	return slice_of(text, n);
}

static struct select *
job_compile(struct slice line)
{
	struct slice specs[FIELDS_MAX], spec;
	struct select *s;
	struct why why;
	struct buf blob;
	size_t n = 0;

	while (n < FIELDS_MAX && slice_cut(&line, '\t', &spec))
		specs[n++] = spec;
	buf_init(&blob, SELECT_BLOB_MAX);
	if (select_compile(specs, n, &blob, &why) != 0)
		die("select_compile", why.text);
	if (select_new(buf_slice(&blob), &s) != 0)
		die("select_new", "no blob");
	buf_release(&blob);
	return s;
}

static void
values_print(const struct select *s, const struct page *page)
{
	struct buf line;
	struct jsonw j;
	size_t at = 0;

	buf_init(&line, 16 << 20);
	jsonw_init(&j, &line);
	jsonw_array(&j, NULL);
	for (size_t field = 0; field < select_fields_len(s); field++) {
		jsonw_array(&j, NULL);
		for (; at < page->fields_len && page->fields[at].field == field; at++)
			jsonw_str(&j, NULL, page->fields[at].text);
		jsonw_array_end(&j);
	}
	jsonw_array_end(&j);
	if (j.err != 0)
		die("values", "too long");
	(void)fwrite(line.ptr, 1, line.len, stdout);
	(void)putchar('\n');
	buf_release(&line);
}

int
main(int argc, char **argv)
{
	struct page_conf conf = PAGE_CONF_DEFAULT;
	struct slice *files = calloc((size_t)argc, sizeof(*files));
	static char line[LINE_MAX_BYTES];
	struct arena arena;
	struct page page;

	if (files == NULL)
		die("calloc", "out of memory");
	for (int i = 1; i < argc; i++)
		files[i] = file_read(argv[i]);
	arena_init(&arena, 1 << 20, 1 << 30);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		struct select *s = job_compile(
		    slice_head(slice_cstr(line), slice_find(slice_cstr(line), '\n')));

		conf.fields = s;
		for (int i = 1; i < argc; i++) {
			arena_reset(&arena);
			if (page_parse(files[i], &conf, &arena, &page) != 0)
				die(argv[i], "cannot be parsed");
			values_print(s, &page);
		}
		select_free(s);
	}
	arena_release(&arena);
	return 0;
}
