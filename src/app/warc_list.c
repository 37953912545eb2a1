#include "app/warc_tool.h"
#include "base/dir_make.h"
#include "base/escape.h"
#include "base/json.h"
#include "sink/warc_verify.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* -- list -- */

struct listing {
	bool json, named;
	uint64_t faults;
	struct warc_body body;
	struct buf line;
};

static void
add_json(
    struct listing *l, const char *path, const struct warc_rec *rec, struct slice mime)
{
	struct jsonw j;

	jsonw_init(&j, &l->line);
	jsonw_object(&j, NULL);
	jsonw_str(&j, "file", slice_cstr(path));
	jsonw_int(&j, "offset", (int64_t)rec->offset);
	if (rec->inner > 0)
		jsonw_int(&j, "inner", (int64_t)rec->inner);
	if (rec->length > 0)
		jsonw_int(&j, "length", (int64_t)rec->length);
	jsonw_str(&j, "type", rec->type);
	jsonw_opt(&j, "id", rec->id);
	jsonw_opt(&j, "date", rec->date);
	jsonw_opt(&j, "url", rec->uri);
	if (warc_body_status(&l->body) > 0)
		jsonw_int(&j, "status", warc_body_status(&l->body));
	jsonw_opt(&j, "mime", mime);
	jsonw_int(&j, "block", (int64_t)rec->block_bytes);
	jsonw_opt(
	    &j, "payload_digest", warc_rec_get(rec, SLICE_LIT("WARC-Payload-Digest")));
	jsonw_object_end(&j);
}

static void
add_text(
    struct listing *l, const char *path, const struct warc_rec *rec, struct slice mime)
{
	struct buf *b = &l->line;
	unsigned status = warc_body_status(&l->body);

	if (l->named) {
		(void)escape_field(b, slice_cstr(path));
		(void)buf_add_byte(b, '\t');
	}
	(void)buf_printf(b, "%" PRIu64 "\t%" PRIu64 "\t", rec->offset, rec->length);
	(void)escape_field(b, rec->type.len > 0 ? rec->type : SLICE_LIT("-"));
	(void)buf_add_byte(b, '\t');
	(void)escape_field(b, rec->date.len > 0 ? rec->date : SLICE_LIT("-"));
	if (status > 0)
		(void)buf_printf(b, "\t%u\t", status);
	else
		(void)buf_add_cstr(b, "\t-\t");
	(void)escape_field(b, mime.len > 0 ? mime : SLICE_LIT("-"));
	(void)buf_add_byte(b, '\t');
	(void)escape_field(b, rec->uri.len > 0 ? rec->uri : SLICE_LIT("-"));
}

static int
list_record(struct listing *l, const char *path, struct warc_reader *r,
    struct warc_rec *rec, struct why *why)
{
	char store[80];
	struct slice piece, payload, mime;
	int err = 0;

	warc_body_begin(&l->body, rec);
	while (!l->body.ended && (err = warc_reader_block(r, &piece, why)) > 0)
		if ((err = warc_body_feed(&l->body, piece, &payload)) < 0)
			return why_set(why, err, "out of memory");
	if (err >= 0)
		err = warc_reader_end(r, rec, why);
	if (err < 0)
		return err;
	buf_clear(&l->line);
	mime = warc_body_mime(&l->body, rec, store);
	if (l->json)
		add_json(l, path, rec, mime);
	else
		add_text(l, path, rec, mime);
	(void)buf_add_byte(&l->line, '\n');
	if (fwrite(l->line.ptr, 1, l->line.len, stdout) != l->line.len)
		return why_set(why, -EIO, "cannot write to standard output");
	return 0;
}

static int
list_file(struct listing *l, const char *path)
{
	const struct warc_watch watch = {warc_tell_fault, &l->faults};
	struct warc_reader *r;
	struct warc_rec rec;
	struct why why = {""};
	int err = warc_reader_open(path, &watch, &r, &why);

	if (err < 0)
		return say_error(EXIT_FILE, "%s", why.text);
	while ((err = warc_reader_next(r, &rec, &why)) > 0)
		if ((err = list_record(l, path, r, &rec, &why)) < 0)
			break;
	warc_reader_close(r);
	return err < 0 ? say_error(EXIT_FILE, "%s", why.text) : EXIT_DONE;
}

int
warc_list(int argc, char **argv)
{
	struct listing l = {0};
	const struct tool_flag flags[] = {{"--json", NULL, &l.json}};
	int words, code = tool_flags(argc, argv, flags, 1, &words);

	if (code == 0 && words == 0)
		code = usage_error("trawl warc list wants at least one file");
	if (code != 0)
		return code;
	l.named = words > 1;
	warc_body_init(&l.body);
	buf_init(&l.line, 16 << 20);
	for (int i = 0; i < words && code == EXIT_DONE; i++)
		code = list_file(&l, argv[i]);
	buf_release(&l.line);
	warc_body_release(&l.body);
	if (!write_stdout((struct slice){0}) && code == EXIT_DONE)
		code = EXIT_FILE;
	return code == EXIT_DONE && l.faults > 0 ? EXIT_OTHER : code;
}

/* -- verify -- */

static void
print_json(const struct warc_counts *n, int files)
{
	struct jsonw j;
	struct buf b;

	buf_init(&b, 4096);
	jsonw_init(&j, &b);
	jsonw_object(&j, NULL);
	jsonw_int(&j, "files", files);
	jsonw_int(&j, "records", (int64_t)n->records);
	jsonw_int(&j, "payloads", (int64_t)n->payloads);
	jsonw_int(&j, "faults", (int64_t)n->faults);
	jsonw_int(&j, "notes", (int64_t)n->notes);
	jsonw_object_end(&j);
	if (j.err == 0)
		printf(SLICE_FMT "\n", SLICE_ARG(buf_slice(&b)));
	buf_release(&b);
}

static const char *
plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

int
warc_check(int argc, char **argv)
{
	bool json = false;
	const struct tool_flag flags[] = {{"--json", NULL, &json}};
	uint64_t told = 0;
	const struct warc_watch watch = {warc_tell_fault, &told};
	struct warc_counts n = {0};
	struct warc_verify *v;
	struct why why = {""};
	int words, code = tool_flags(argc, argv, flags, 1, &words);

	if (code == 0 && words == 0)
		code = usage_error("trawl warc verify wants at least one file");
	if (code != 0)
		return code;
	if (warc_verify_new(temporary_dir(), &watch, &v) < 0)
		return say_error(EXIT_OTHER, "out of memory");
	for (int i = 0; i < words && code == EXIT_DONE; i++)
		if (warc_verify_file(v, argv[i], &why) < 0)
			code = say_error(EXIT_FILE, "%s", why.text);
	if (code == EXIT_DONE && warc_verify_end(v, &n, &why) < 0)
		code = say_error(EXIT_FILE, "%s", why.text);
	warc_verify_free(v);
	if (code != EXIT_DONE)
		return code;
	if (json)
		print_json(&n, words);
	else
		printf("%" PRIu64 " record%s in %d file%s, %" PRIu64
		       " payload digest%s right, %" PRIu64 " fault%s, %" PRIu64
		       " note%s\n",
		    n.records, plural(n.records), words, plural((uint64_t)words),
		    n.payloads, plural(n.payloads), n.faults, plural(n.faults), n.notes,
		    plural(n.notes));
	return !write_stdout((struct slice){0}) ? EXIT_FILE
	       : n.faults > 0                   ? EXIT_OTHER
						: EXIT_DONE;
}
