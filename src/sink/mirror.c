/*
 * mirror: a copy of the site to be browsed from the disk, in DIR/mirror.
 *
 * Which links lead to what is there is known at the end, so pages come as pieces and are
 * put together when the crawl is over.  Until then all lies in DIR/mirror.work, where a
 * commit is two lengths (sink/mirror_files.h); what is made of it can be made again.
 */
#include "base/room.h"
#include "sink/jsonl.h"
#include "sink/mirror_files.h"
#include "sink/mirror_name.h"
#include "sink/mirror_write.h"
#include "sink/types.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/banned.h"

enum { RECORD_ROOM = 128 << 10 };

struct copies {
	struct mirror_files files;
	char *dir;
	uint64_t file_bytes_max;
	const atomic_bool *hurry;
	bool made;
};

static bool
look_at(const char *dir, const char *name, struct stat *ret)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, name);

	return n >= 0 && (size_t)n < sizeof(path) && stat(path, ret) == 0;
}

/* Of an earlier run: its first page is written last, and the index while there are pages. */
static bool
is_made(const char *dir)
{
	struct stat first, index;

	if (!look_at(dir, "mirror/index.html", &first) ||
	    !look_at(dir, "mirror.work/index", &index))
		return false;
	if (first.st_mtim.tv_sec != index.st_mtim.tv_sec)
		return first.st_mtim.tv_sec > index.st_mtim.tv_sec;
	return first.st_mtim.tv_nsec >= index.st_mtim.tv_nsec;
}

/* What the files of all pages will take.  What is damaged is told when they are made. */
static uint64_t
pages_on_disk(const struct mirror_files *f)
{
	uint64_t sum = 0, at = 0, next;
	struct mirror_record rec;
	struct buf b;

	buf_init(&b, RECORD_ROOM);
	while (at < f->index.pos && mirror_record_read(f, at, &b, &rec, &next) == 0) {
		if (rec.what == MIRROR_PAGE)
			sum += sink_file_bytes(rec.parts_len);
		at = next;
	}
	buf_release(&b);
	return sum;
}

static int
mirror_open(
    struct sink *s, const struct sink_conf *conf, struct slice mark, struct why *why)
{
	struct copies *c = calloc(1, sizeof(*c));
	bool made = is_made(conf->dir);
	int r;

	if (c == NULL || (c->dir = slice_dup(slice_cstr(conf->dir))) == NULL) {
		free(c);
		return why_set(why, -ENOMEM, "no memory for the mirror");
	}
	c->file_bytes_max = conf->mirror_bytes_max;
	c->hurry = conf->hurry;
	r = mirror_files_open(&c->files, conf->dir, mark, why);
	if (r < 0) {
		free(c->dir);
		free(c);
		return r;
	}
	s->finish_bytes = made ? 0 : pages_on_disk(&c->files);
	s->priv = c;
	return 0;
}

static bool
is_content(const struct sink_event *e)
{
	return outcome_is_whole(e->outcome) && e->status == 200 &&
	       e->copy != SINK_COPY_NONE;
}

static int
mirror_put(struct sink *s, struct sink_event *e, struct why *why)
{
	struct copies *c = s->priv;
	struct mirror_record rec = {.seed = e->link == LINK_SEED, .url = e->url};

	if (!jsonl_is_page(e))
		return 0;
	if (e->outcome == OUTCOME_REDIRECT && e->redirect_to.len > 0) {
		rec.what = MIRROR_REDIRECT;
		rec.target = e->redirect_to;
	} else if (is_content(e) && e->copy_bytes.len <= c->file_bytes_max) {
		rec.what = e->copy == SINK_COPY_PIECES ? MIRROR_PAGE : MIRROR_FILE;
		rec.kind = mirror_kind(e->mime);
		if (rec.kind == 0 && rec.what == MIRROR_PAGE) /* no type was sent */
			rec.kind = mirror_kind(SLICE_LIT("text/html"));
	} else {
		return 0;
	}
	c->made = false;
	if (rec.what == MIRROR_PAGE) /* a file of it comes beside its pieces */
		s->finish_bytes += sink_file_bytes(e->copy_bytes.len);
	return mirror_files_add(&c->files, &rec, e->copy_bytes, why);
}

static int
mirror_flush(struct sink *s, struct why *why)
{
	struct copies *c = s->priv;

	return mirror_files_flush(&c->files, why);
}

static int
mirror_sync(struct sink *s, struct why *why)
{
	struct copies *c = s->priv;

	return mirror_files_sync(&c->files, why);
}

static int
mirror_mark(struct sink *s, struct buf *out)
{
	const struct copies *c = s->priv;

	return mirror_files_mark(&c->files, out);
}

/* Not when somebody waits for the end: a resume makes it. */
static int
mirror_finish(struct sink *s, struct why *why)
{
	struct copies *c = s->priv;
	int r = c->made || (c->hurry != NULL && atomic_load(c->hurry))
		    ? 0
		    : mirror_write(&c->files, c->dir, c->hurry, why);

	c->made = r == 0;
	return room_error(r);
}

static int
mirror_close(struct sink *s, bool finished, struct why *why)
{
	struct copies *c = s->priv;

	(void)finished, (void)why;
	mirror_files_close(&c->files);
	free(c->dir);
	free(c);
	return 0;
}

static int
verify_file(const char *dir, const char *name, uint64_t length, struct why *why)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/mirror.work/%s", dir, name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return why_set(why, -ENAMETOOLONG, "the name of the mirror is too long");
	if (stat(path, &st) < 0)
		return why_set(why, errno == ENOENT ? -EBADMSG : -errno,
		    "cannot look at %s: %s", path, strerrordesc_np(errno));
	if (!S_ISREG(st.st_mode))
		return why_set(why, -EBADMSG, "mirror.work/%s is no regular file", name);
	return (uint64_t)st.st_size >= length
		   ? 0
		   : why_set(why, -EBADMSG, "%s has less than was committed", path);
}

static int
mirror_verify(const char *dir, struct slice mark, struct why *why)
{
	uint64_t index, parts;
	int r = mirror_files_parse_mark(mark, &index, &parts);

	if (r < 0)
		return why_set(why, r, "what was committed of the mirror is no number");
	r = verify_file(dir, "index", index, why);
	if (r == 0)
		r = verify_file(dir, "parts", parts, why);
	return r < 0 ? r : mirror_index_verify(dir, index, parts, why);
}

const struct sink_type sink_mirror = {
    .name = "mirror",
    .open = mirror_open,
    .put = mirror_put,
    .flush = mirror_flush,
    .sync = mirror_sync,
    .mark = mirror_mark,
    .finish = mirror_finish,
    .close = mirror_close,
    .verify = mirror_verify,
};
