#include "app/warc_tool.h"
#include "base/file_whole.h"
#include "sink/warc_writer.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

struct rewrite {
	const char *from, *to;
	enum warc_coding coding;
	uint64_t faults, mended;
};

/* What is only stored badly is what recompressing is for. */
static void
on_fault(void *ctx, const struct warc_fault *f)
{
	struct rewrite *w = ctx;

	if (strstr(f->text, "compressed member") != NULL) {
		w->mended++;
		return;
	}
	warc_tell_fault(&w->faults, f);
}

static int
write_record(
    struct warc_writer *w, struct warc_reader *r, struct warc_rec *rec, struct why *why)
{
	struct slice piece;
	int err;

	if (rec->arc)
		return why_set(why, -EINVAL, "an ARC file cannot be recompressed");
	err = warc_writer_add(w, rec->head);
	while (err == 0 && (err = warc_reader_block(r, &piece, why)) > 0)
		err = warc_writer_add(w, piece);
	if (err == 0)
		err = warc_writer_add(w, SLICE_LIT("\r\n\r\n"));
	if (err == 0)
		err = warc_writer_end(w);
	if (err < 0)
		return why_set(
		    why, err, "cannot copy the record: %s", strerrordesc_np(-err));
	return warc_reader_end(r, rec, why);
}

static int
copy(struct rewrite *c, FILE *f, struct why *why)
{
	const struct warc_watch watch = {on_fault, c};
	struct warc_reader *r = NULL;
	struct warc_writer *w = NULL;
	struct warc_rec rec;
	int err = warc_reader_open(c->from, &watch, &r, why);

	if (err == 0 && warc_writer_new(c->coding, f, &w) < 0)
		err = why_set(why, -ENOMEM, "out of memory");
	while (err == 0 && (err = warc_reader_next(r, &rec, why)) > 0)
		err = write_record(w, r, &rec, why);
	warc_writer_free(w);
	warc_reader_close(r);
	return err;
}

/* Under another name until it is whole. */
static int
rewrite(struct rewrite *c)
{
	struct why why = {""};
	struct file_whole w;
	int r;

	if (access(c->to, F_OK) == 0)
		return say_error(EXIT_FILE, "%s exists and is not overwritten", c->to);
	if (file_whole_begin(&w, c->to, 0644, &why) < 0)
		return say_error(EXIT_FILE, "%s", why.text);
	r = copy(c, w.f, &why);
	if (r == 0 && c->faults > 0) {
		(void)file_whole_end(&w, -EBADMSG, false, NULL);
		return say_error(EXIT_OTHER,
		    "%s is not sound: nothing was written; see trawl warc verify",
		    c->from);
	}
	r = file_whole_end(&w, r, false, &why);
	return r < 0 ? say_error(EXIT_FILE, "%s", why.text) : EXIT_DONE;
}

int
warc_recompress(int argc, char **argv)
{
	static const struct {
		const char *name;
		enum warc_coding coding;
	} codings[] = {{"gzip", WARC_GZIP}, {"zstd", WARC_ZSTD}, {"none", WARC_PLAIN}};
	const char *to = "gzip";
	const struct tool_flag flags[] = {{"--to", &to, NULL}};
	struct rewrite c = {0};
	int words, code = tool_flags(argc, argv, flags, 1, &words);
	size_t i = 0;

	if (code == 0 && words != 2)
		code = usage_error("trawl warc recompress wants two files: from and to");
	if (code != 0)
		return code;
	while (i < 3 && strcmp(codings[i].name, to) != 0)
		i++;
	if (i == 3)
		return usage_error("--to %s: there are gzip, zstd and none", to);
	c.coding = codings[i].coding;
	c.from = argv[0];
	c.to = argv[1];
	return rewrite(&c);
}
