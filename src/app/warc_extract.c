#include "app/warc_tool.h"
#include "base/safe_name.h"
#include "web/coding.h"
#include "web/http.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { NAME_BYTES_MAX = 200 };

struct extract {
	bool headers, block, payload, decode;
	const char *url, *id, *dir;
	bool by_offset;
	uint64_t offset;
	char url_store[URL_BYTES_MAX];
	struct slice url_normal;
	uint64_t faults, found;
	struct warc_body body;
	struct warc_chunks chunks;
	struct buf whole, plain; /* with --decode */
	struct buf name;
	FILE *out;
};

static bool
wanted(const struct extract *x, const struct warc_rec *rec)
{
	if (x->id != NULL)
		return slice_eq(rec->id, warc_bare(slice_cstr(x->id)));
	if (x->by_offset)
		return rec->offset == x->offset;
	if (!slice_eq(rec->type, SLICE_LIT("response")) &&
	    !slice_eq(rec->type, SLICE_LIT("resource")))
		return false;
	return x->url == NULL || slice_eq(rec->uri, slice_cstr(x->url)) ||
	       (x->url_normal.len > 0 && slice_eq(rec->uri, x->url_normal));
}

static int
put(struct extract *x, struct slice s, struct why *why)
{
	if (fwrite(s.ptr == NULL ? "" : s.ptr, 1, s.len, x->out) == s.len)
		return 0;
	return why_set(why, -EIO, "cannot write: %s", strerror(errno));
}

/* With --decode the chunks are taken off here, and the rest at the end. */
static int
put_payload(struct extract *x, struct slice payload, struct why *why)
{
	struct slice data;
	int r = 0;

	if (!x->decode)
		return put(x, payload, why);
	if (!x->body.chunked)
		r = buf_add_slice(&x->whole, payload);
	else
		while (r == 0 && warc_chunks_next(&x->chunks, &payload, &data))
			r = buf_add_slice(&x->whole, data);
	return r == 0
		   ? 0
		   : why_set(why, r, "it is too large to be decoded (more than %d bytes)",
			 TOOL_INPUT_MAX);
}

static int
put_decoded(struct extract *x, struct why *why)
{
	struct buf coding;
	enum coding_status s = CODING_OK;
	int r;

	buf_init(&coding, 64 << 10);
	buf_clear(&x->plain);
	r = http_header_join(
	    buf_slice(&x->body.head), SLICE_LIT("Content-Encoding"), &coding);
	if (r == 0 && !coding_is_identity(buf_slice(&coding))) {
		r = coding_decode(buf_slice(&coding), buf_slice(&x->whole),
		    TOOL_INPUT_MAX, &x->plain, &s);
		if (r == 0 && s != CODING_OK) {
			x->faults++;
			(void)say_error(0, "the content coding does not decode: %s",
			    coding_status_name(s));
		}
		if (r == 0)
			r = put(x, buf_slice(&x->plain), why);
	} else if (r == 0)
		r = put(x, buf_slice(&x->whole), why);
	buf_release(&coding);
	return r == 0 ? 0 : why_set(why, r, "cannot decode: %s", strerrordesc_np(-r));
}

static int
put_record(
    struct extract *x, struct warc_reader *r, struct warc_rec *rec, struct why *why)
{
	struct slice piece, payload;
	int err = 0;

	warc_body_begin(&x->body, rec);
	x->chunks = (struct warc_chunks){.state = CHUNK_SIZE};
	buf_clear(&x->whole);
	if (x->headers)
		err = put(x, rec->head, why);
	while (err == 0 && (err = warc_reader_block(r, &piece, why)) > 0) {
		err = warc_body_feed(&x->body, piece, &payload);
		if (err < 0)
			return why_set(why, err, "out of memory");
		if (x->block)
			err = put(x, piece, why);
		else if (x->payload)
			err = put_payload(x, payload, why);
	}
	if (err == 0 && x->headers && !x->block)
		err = put(x, buf_slice(&x->body.head), why);
	if (err == 0 && x->payload && x->decode)
		err = put_decoded(x, why);
	return err;
}

/* "000001-example.com_page.html", below x->dir, where there was nothing. */
static int
open_out(struct extract *x, const struct warc_rec *rec, struct why *why)
{
	struct slice uri = rec->uri;
	size_t scheme = slice_find(uri, ':');
	uint64_t tag = XXH3_64bits(uri.ptr, uri.len);
	int r, fd;

	if (slice_starts(slice_from(uri, scheme), SLICE_LIT("://")))
		uri = slice_from(uri, scheme + 3);
	if (uri.len == 0)
		uri = SLICE_LIT("record");
	buf_clear(&x->name);
	r = buf_printf(&x->name, "%s/%06" PRIu64 "-", x->dir, x->found);
	if (r == 0)
		r = safe_name(&x->name, uri, tag, NAME_BYTES_MAX);
	if (r < 0 || buf_cstr(&x->name) == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	fd =
	    open(x->name.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	x->out = fd < 0 ? NULL : fdopen(fd, "wb");
	if (x->out != NULL)
		return 0;
	r = why_set(why, -errno, "cannot create %s: %s", x->name.ptr, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return r;
}

static int
take_record(
    struct extract *x, struct warc_reader *r, struct warc_rec *rec, struct why *why)
{
	int err;

	x->found++;
	if (x->dir == NULL) {
		x->out = stdout;
		return put_record(x, r, rec, why);
	}
	err = open_out(x, rec, why);
	if (err < 0)
		return err;
	err = put_record(x, r, rec, why);
	if (fclose(x->out) != 0 && err == 0)
		err = why_set(
		    why, -EIO, "cannot write %s: %s", x->name.ptr, strerror(errno));
	return err;
}

static int
extract_file(struct extract *x, const char *path)
{
	const struct warc_watch watch = {warc_tell_fault, &x->faults};
	bool one = x->dir == NULL || x->by_offset;
	struct warc_reader *r;
	struct warc_rec rec;
	struct why why = {""};
	int err = warc_reader_open(path, &watch, &r, &why);

	if (err < 0)
		return say_error(EXIT_FILE, "%s", why.text);
	if (x->by_offset)
		warc_reader_seek(r, x->offset);
	while ((err = warc_reader_next(r, &rec, &why)) > 0) {
		err = wanted(x, &rec) ? take_record(x, r, &rec, &why) : 0;
		if (err == 0)
			err = warc_reader_end(r, &rec, &why);
		if (err < 0 || x->by_offset || (one && x->found > 0))
			break;
	}
	warc_reader_close(r);
	return err < 0 ? say_error(EXIT_FILE, "%s: %s", path, why.text) : EXIT_DONE;
}

static int
take_arguments(struct extract *x, int argc, char **argv, int *ret_words)
{
	const char *offset = NULL;
	const struct tool_flag flags[] = {{"--offset", &offset, NULL},
	    {"--url", &x->url, NULL}, {"--id", &x->id, NULL}, {"-o", &x->dir, NULL},
	    {"--headers", NULL, &x->headers}, {"--block", NULL, &x->block},
	    {"--payload", NULL, &x->payload}, {"--decode", NULL, &x->decode}};
	int code =
	    tool_flags(argc, argv, flags, sizeof(flags) / sizeof(flags[0]), ret_words);
	struct url url;

	if (code != 0)
		return code;
	if (*ret_words == 0)
		return usage_error("trawl warc extract wants at least one file");
	if ((offset != NULL) + (x->url != NULL) + (x->id != NULL) > 1)
		return usage_error("only one of --offset, --url and --id");
	if (offset != NULL &&
	    (*ret_words > 1 || !slice_to_u64(slice_cstr(offset), &x->offset)))
		return usage_error("--offset wants a number, and one file");
	if (offset == NULL && x->url == NULL && x->id == NULL && x->dir == NULL)
		return usage_error(
		    "which record? one of --offset, --url and --id, or -o DIR for all");
	x->by_offset = offset != NULL;
	if (x->url != NULL && url_resolve(NULL, slice_cstr(x->url), (struct slice){0}, 0,
				  x->url_store, sizeof(x->url_store), &url) == URL_OK)
		x->url_normal = url_text(&url);
	if (!x->headers && !x->block)
		x->payload = true;
	if (x->dir != NULL && mkdir(x->dir, 0755) < 0 && errno != EEXIST)
		return say_error(
		    EXIT_FILE, "cannot create %s: %s", x->dir, strerror(errno));
	return 0;
}

int
warc_extract(int argc, char **argv)
{
	struct extract x = {0};
	int words, code = take_arguments(&x, argc, argv, &words);

	if (code != 0)
		return code;
	warc_body_init(&x.body);
	buf_init(&x.whole, TOOL_INPUT_MAX);
	buf_init(&x.plain, TOOL_INPUT_MAX);
	buf_init(&x.name, 8192);
	for (int i = 0; i < words && code == EXIT_DONE; i++)
		if (x.dir != NULL || x.found == 0)
			code = extract_file(&x, argv[i]);
	buf_release(&x.name);
	buf_release(&x.plain);
	buf_release(&x.whole);
	warc_body_release(&x.body);
	if (!write_stdout((struct slice){0}))
		return EXIT_FILE;
	if (code == EXIT_DONE && x.found == 0)
		return say_error(EXIT_OTHER, "no such record");
	return code == EXIT_DONE && x.faults > 0 ? EXIT_OTHER : code;
}
