#include "sink/cdxj.h"
#include "base/clock.h"
#include "base/file_whole.h"
#include "base/json.h"
#include "base/room.h"
#include "sink/lines.h"
#include "sink/types.h"
#include "web/url.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/banned.h"

#define UNSORTED "index.unsorted"
#define SORTED   "index.cdxj"
#define STATE_DIR "state"

/* -- Lines. -- */

/* What is no URL of ours (dns:, metadata:) is its own key, as other indexers have it. */
static int
add_key(struct buf *b, struct slice url)
{
	char text[URL_BYTES_MAX];
	struct url u;

	if (url_resolve(NULL, url, (struct slice){0}, 0, text, sizeof(text), &u) ==
	    URL_OK)
		return url_surt(&u, b);
	for (size_t i = 0; i < url.len; i++) {
		bool plain = url.ptr[i] > ' ' && url.ptr[i] < 0x7f;
		int r =
		    plain ? buf_add_byte(b, url.ptr[i])
			  : buf_printf(b, "%%%02X", (unsigned)(unsigned char)url.ptr[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Numbers are strings: so the readers want it. */
static void
add_number(struct jsonw *j, const char *key, uint64_t n)
{
	char text[20]; /* as many digits as there are */
	size_t at = sizeof(text);

	do
		text[--at] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	jsonw_str(j, key, slice_of(text + at, sizeof(text) - at));
}

int
cdxj_line(struct buf *b, const struct cdxj *x)
{
	size_t start = b->len, digits = 0;
	struct jsonw j;
	int r = add_key(b, x->url);

	if (r == 0)
		r = buf_add_byte(b, ' ');
	for (size_t i = 0; i < x->date.len && digits < 14 && r == 0; i++)
		if (ascii_is_digit(x->date.ptr[i])) {
			r = buf_add_byte(b, x->date.ptr[i]);
			digits++;
		}
	if (r == 0)
		r = buf_add_byte(b, ' ');
	if (r == 0) {
		jsonw_init(&j, b);
		jsonw_object(&j, NULL);
		jsonw_str(&j, "url", x->url);
		jsonw_opt(&j, "mime", x->mime);
		if (x->status > 0)
			add_number(&j, "status", x->status);
		jsonw_opt(&j, "digest", x->digest);
		add_number(&j, "length", x->length);
		add_number(&j, "offset", x->offset);
		jsonw_str(&j, "filename", x->file);
		jsonw_object_end(&j);
		r = j.err;
	}
	if (r < 0)
		b->len = start;
	return r;
}

/* Takes `KEY"VALUE"` from the end of a line. */
static bool
cut_last(struct slice *line, struct slice key, struct slice *ret)
{
	struct slice rest = *line;
	size_t end;

	if (!slice_ends(rest, SLICE_LIT("\"")))
		return false;
	end = --rest.len;
	while (rest.len > 0 && rest.ptr[rest.len - 1] != '"')
		rest.len--;
	if (rest.len == 0)
		return false;
	*ret = slice_of(rest.ptr + rest.len, end - rest.len);
	rest.len--;
	if (!slice_ends(rest, key))
		return false;
	*line = slice_head(rest, rest.len - key.len);
	return true;
}

int
cdxj_parse_place(struct slice line, struct cdxj *ret)
{
	struct slice length, offset;
	struct cdxj x = {.status = 0};

	if (!slice_ends(line, SLICE_LIT("}")))
		return -EBADMSG;
	line.len--;
	if (!cut_last(&line, SLICE_LIT(",\"filename\":"), &x.file) ||
	    !cut_last(&line, SLICE_LIT(",\"offset\":"), &offset) ||
	    !cut_last(&line, SLICE_LIT(",\"length\":"), &length) || x.file.len == 0 ||
	    !slice_to_u64(offset, &x.offset) || !slice_to_u64(length, &x.length))
		return -EBADMSG;
	*ret = x;
	return 0;
}

static int
write_lines(struct line_sorter *lines, FILE *f)
{
	struct slice line;
	int r;

	errno = 0;
	while ((r = line_sorter_next(lines, &line)) > 0)
		if (fwrite(line.ptr, 1, line.len, f) != line.len || putc('\n', f) == EOF)
			return errno != 0 ? -errno : -EIO;
	return r;
}

int
cdxj_write(struct line_sorter *lines, const char *dir, const char *name, struct why *why)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name), r;
	struct file_whole w;

	if (n < 0 || (size_t)n >= sizeof(path))
		return why_set(why, -ENAMETOOLONG, "the name of %s is too long", name);
	r = line_sorter_sort(lines);
	if (r < 0)
		return why_set(
		    why, r, "cannot sort for %s: %s", path, strerrordesc_np(-r));
	r = file_whole_begin(&w, path, 0666, why);
	if (r < 0)
		return room_error(r);
	r = write_lines(lines, w.f);
	if (r < 0)
		(void)why_set(why, r, "cannot write %s: %s", path, strerrordesc_np(-r));
	return room_error(file_whole_end(&w, r, true, why));
}

/* -- The sink. -- */

struct index {
	struct sink file; /* its lines as they come: `priv` is a struct lines */
	char *dir;        /* of the crawl */
	bool stays;       /* for a run that goes on with it */
};

static struct sink *
file_of(struct sink *s)
{
	struct index *x = s->priv;

	return &x->file;
}

static int
cdxj_open(
    struct sink *s, const struct sink_conf *conf, struct slice mark, struct why *why)
{
	struct sink_conf within = *conf;
	struct index *x = calloc(1, sizeof(*x));
	const struct lines *l;
	int r = -ENOMEM;

	if (x != NULL)
		x->dir = slice_dup(slice_cstr(conf->dir));
	if (x == NULL || x->dir == NULL) {
		(void)why_set(why, r, "no memory for %s", SORTED);
		goto fail;
	}
	x->stays = conf->state_dir != NULL;
	if (x->stays)
		within.dir = conf->state_dir;
	r = lines_open(&x->file, &within, UNSORTED, mark, why);
	if (r < 0)
		goto fail;
	l = x->file.priv;
	s->finish_bytes = l->file.pos;
	s->priv = x;
	return 0;

fail:
	if (x != NULL)
		free(x->dir);
	free(x);
	return r;
}

static int
cdxj_flush(struct sink *s, struct why *why)
{
	return lines_flush(file_of(s), why);
}

static int
cdxj_sync(struct sink *s, struct why *why)
{
	return lines_sync(file_of(s), why);
}

static int
cdxj_mark(struct sink *s, struct buf *out)
{
	return lines_mark(file_of(s), out);
}

static int
cdxj_put(struct sink *s, struct sink_event *e, struct why *why)
{
	char date[CLOCK_TEXT_MAX];
	struct buf *b;
	int r;

	if (e->kind == SINK_REJECT || e->warc_file.len == 0)
		return 0;
	clock_format(e->began_wall_us, 0, date);
	b = lines_begin(file_of(s));
	r = lines_end(file_of(s),
	    cdxj_line(b,
		&(struct cdxj){
		    .url = e->url,
		    .date = slice_cstr(date),
		    .mime = e->revisit ? SLICE_LIT("warc/revisit") : e->mime,
		    .status = e->status > 0 ? (unsigned)e->status : 0,
		    .digest = e->digest,
		    .file = e->warc_file,
		    .offset = e->warc_offset,
		    .length = e->warc_length,
		}),
	    why);
	s->finish_bytes += file_of(s)->line_bytes - s->line_bytes; /* once more, sorted */
	s->line_bytes = file_of(s)->line_bytes;
	return r;
}

/* -EBADMSG: what is in the file is not what was written. */
static int
add_lines(struct line_sorter *lines, FILE *f, const struct lines *wrote)
{
	uint64_t length = wrote->file.pos, sum = 0;
	char *line = NULL;
	size_t cap = 0;
	int r = 0;

	while (r == 0 && length > 0) {
		ssize_t n = getline(&line, &cap, f);

		if (n <= 0 || (uint64_t)n > length) {
			r = -EBADMSG;
			break;
		}
		sum += lines_sum(slice_of(line, (size_t)n));
		if (n > 1)
			r = line_sorter_add(lines, slice_of(line, (size_t)n - 1));
		length -= (uint64_t)n;
	}
	free(line);
	return r == 0 && wrote->summed && sum != wrote->sum ? -EBADMSG : r;
}

static int
sort_file(FILE *f, const struct lines *wrote, const char *dir, struct why *why)
{
	struct line_sorter *lines;
	int r = line_sorter_new(dir, CDXJ_MEMORY_BYTES, &lines);

	if (r < 0)
		return why_set(why, r, "no memory to sort %s", SORTED);
	r = add_lines(lines, f, wrote);
	if (r == 0)
		r = cdxj_write(lines, dir, SORTED, why);
	else if (r == -EBADMSG)
		(void)why_set(why, r,
		    "%s/%s is damaged: no %s is made of it; trawl warc index makes one "
		    "of the archive",
		    wrote->file.dir, UNSORTED, SORTED);
	else
		(void)why_set(why, r, "cannot sort %s/%s: %s", wrote->file.dir, UNSORTED,
		    strerrordesc_np(-r));
	line_sorter_free(lines);
	return r;
}

/* Also when the crawl goes on another day: who looks meanwhile finds what there is. */
static int
cdxj_close(struct sink *s, bool finished, struct why *why)
{
	struct index *x = s->priv;
	struct lines *l = x->file.priv;
	char path[PATH_MAX];
	FILE *f;
	int r = lines_sync(&x->file, why);

	(void)snprintf(path, sizeof(path), "%s/%s", l->file.dir, UNSORTED);
	if (r == 0) {
		f = fopen(path, "re");
		r = f == NULL ? why_set(why, -errno, "cannot open %s: %s", path,
				    strerrordesc_np(errno))
			      : sort_file(f, l, x->dir, why);
		if (f != NULL)
			(void)fclose(f);
	}
	(void)lines_close(&x->file, finished, NULL);
	if (r == 0 && finished && !x->stays)
		(void)unlink(path);
	free(x->dir);
	free(x);
	return r;
}

const struct sink_type sink_cdxj = {
    .name = "cdxj",
    .open = cdxj_open,
    .put = cdxj_put,
    .flush = cdxj_flush,
    .sync = cdxj_sync,
    .mark = cdxj_mark,
    .close = cdxj_close,
    .lines = STATE_DIR "/" UNSORTED,
};
