#include "app/warc_tool.h"
#include "base/dir_make.h"
#include "sink/cdxj.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct indexing {
	uint64_t faults;
	struct warc_body body;
	struct buf line;
	struct line_sorter *lines;
};

static bool
is_indexed(const struct warc_rec *rec)
{
	static const struct slice types[] = {SLICE_LIT("response"), SLICE_LIT("revisit"),
	    SLICE_LIT("resource"), SLICE_LIT("metadata")};
	size_t i = 0;

	while (i < 4 && !slice_eq(types[i], rec->type))
		i++;
	if (i == 4 || rec->uri.len == 0)
		return false;
	/* What is said of a page is not looked for. */
	return i < 2 ||
	       !slice_ieq(rec->content_type, SLICE_LIT("application/warc-fields"));
}

static int
add_line(struct indexing *x, const char *file, const struct warc_rec *rec)
{
	char store[80];
	struct slice mime = warc_body_mime(&x->body, rec, store);
	int r;

	if (slice_eq(rec->type, SLICE_LIT("revisit")))
		mime = SLICE_LIT("warc/revisit");
	buf_clear(&x->line);
	r = cdxj_line(
	    &x->line, &(struct cdxj){
			  .url = rec->uri,
			  .date = rec->date,
			  .mime = mime,
			  .status = warc_body_status(&x->body),
			  .digest = warc_rec_get(rec, SLICE_LIT("WARC-Payload-Digest")),
			  .file = slice_cstr(file),
			  .offset = rec->offset,
			  .length = rec->length,
		      });
	return r < 0 ? r : line_sorter_add(x->lines, buf_slice(&x->line));
}

static int
index_record(struct indexing *x, const char *file, struct warc_reader *r,
    struct warc_rec *rec, struct why *why)
{
	struct slice piece, payload;
	int err = 0;

	if (!is_indexed(rec))
		return 0;
	warc_body_begin(&x->body, rec);
	while (!x->body.ended && (err = warc_reader_block(r, &piece, why)) > 0)
		if ((err = warc_body_feed(&x->body, piece, &payload)) < 0)
			return why_set(why, err, "out of memory");
	if (err >= 0)
		err = warc_reader_end(r, rec, why);
	if (err < 0 || !rec->alone) /* it cannot be found by its place */
		return err;
	err = add_line(x, file, rec);
	return err == 0 ? 0
			: why_set(why, err, "cannot sort the index: %s",
			      strerrordesc_np(-err));
}

static int
index_file(struct indexing *x, const char *path, struct why *why)
{
	const struct warc_watch watch = {warc_tell_fault, &x->faults};
	const char *slash = strrchr(path, '/');
	struct warc_reader *r;
	struct warc_rec rec;
	int err = warc_reader_open(path, &watch, &r, why);

	if (err < 0)
		return err;
	while ((err = warc_reader_next(r, &rec, why)) > 0)
		if ((err = index_record(
			 x, slash == NULL ? path : slash + 1, r, &rec, why)) < 0)
			break;
	warc_reader_close(r);
	return err;
}

static int
print_lines(struct line_sorter *lines)
{
	struct slice line;
	int r = line_sorter_sort(lines);

	while (r == 0 && (r = line_sorter_next(lines, &line)) > 0)
		r = fwrite(line.ptr, 1, line.len, stdout) == line.len &&
			    putchar('\n') != EOF
			? 0
			: -EIO;
	return r;
}

/* FILE or DIR/FILE: where it goes, whole or not at all. */
static int
write_lines(struct line_sorter *lines, const char *out, struct why *why)
{
	const char *slash = strrchr(out, '/');
	char dir[PATH_MAX];

	dir_of(out, dir);
	return cdxj_write(lines, dir, slash == NULL ? out : slash + 1, why);
}

int
warc_index(int argc, char **argv)
{
	const char *out = NULL;
	const struct tool_flag flags[] = {{"-o", &out, NULL}};
	struct indexing x = {0};
	struct why why = {""};
	int words, code = tool_flags(argc, argv, flags, 1, &words), r = 0;

	if (code == 0 && words == 0)
		code = usage_error("trawl warc index wants at least one file");
	if (code != 0)
		return code;
	if (out != NULL && warc_out_is_no_archive(out, &why) < 0)
		return say_error(EXIT_FILE, "%s", why.text);
	if (line_sorter_new(temporary_dir(), CDXJ_MEMORY_BYTES, &x.lines) < 0)
		return say_error(EXIT_OTHER, "out of memory");
	warc_body_init(&x.body);
	buf_init(&x.line, LINE_SORTER_LINE_MAX);
	for (int i = 0; i < words && r == 0; i++)
		r = index_file(&x, argv[i], &why);
	if (r == 0)
		r = out != NULL ? write_lines(x.lines, out, &why) : print_lines(x.lines);
	if (r < 0)
		code = say_error(EXIT_FILE, "%s",
		    why.text[0] == '\0' ? strerrordesc_np(-r) : why.text);
	else if (!write_stdout((struct slice){0}))
		code = EXIT_FILE;
	else if (x.faults > 0)
		code = EXIT_OTHER;
	buf_release(&x.line);
	warc_body_release(&x.body);
	line_sorter_free(x.lines);
	return code;
}
