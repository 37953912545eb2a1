/*
 * The archive: DIR/warc/trawl-<job>-<timestamp17>-<serial>.warc.gz, .warc.zst or .warc.
 *
 * One file at a time grows, with `.open` behind its name; when it is long enough, or the
 * crawl is over, it is synced and then renamed, so that a file without `.open` is whole.
 *
 * The mark names the growing file and its length.  Whatever the crash, opening with it
 * finds that file (under either name, for the renaming may have come after the mark),
 * cuts it back, and removes the files that were begun after it: nothing in them was
 * committed. Each step can be repeated, and the names are synced before the first new
 * byte.
 */
#include "base/clock.h"
#include "base/escape.h"
#include "base/file_append.h"
#include "base/file_whole.h"
#include "sink/types.h"
#include "sink/warc_record.h"
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

enum {
	FILE_BUF_BYTES = 1 << 20,
	FIELDS_BYTES_MAX = 256 << 10, /* of warcinfo, the job file included */
	INFO_BYTES_MAX = 512 << 10,   /* the record; so it always fits into the buffer */
	JOB_BYTES_MAX = 128,
	STAMP_DIGITS = 17,
	SERIAL_DIGITS = 5,
};

static const char *const suffixes[] = {
    [WARC_PLAIN] = ".warc", [WARC_GZIP] = ".warc.gz", [WARC_ZSTD] = ".warc.zst"};
#define SUFFIX_OPEN ".open"

struct warc {
	struct file_append file;
	struct warc_packer *packer;
	struct buf fields; /* of every warcinfo */
	struct buf info;   /* one warcinfo record */
	struct buf moved;  /* records that were packed for the file before */
	enum warc_coding coding;
	char name_digest[48]; /* of the last record of a name */
	bool stale;           /* the growing file is of another, or of an earlier round */
	bool begin;           /* so it is, when the crawl goes on with it */
	char job[JOB_BYTES_MAX + 1];
	char name[NAME_MAX + 1]; /* without `.open` */
	uint32_t serial;         /* of the next file */
	uint64_t bytes_max;
	uint64_t begun; /* where the records begin, when this run began the file */
	uint64_t run_id[2];
	int64_t wall_us; /* the latest that was seen */
};

static_assert((int)SINK_ID_MAX == (int)WARC_ID_MAX, "one is copied to the other");

/* -- Names. -- */

struct file_name {
	uint64_t serial;
	struct slice base; /* without `.open` */
	enum warc_coding coding;
	bool open;
};

static bool
coding_parse(struct slice name, enum warc_coding *ret)
{
	for (int i = WARC_PLAIN; i <= WARC_ZSTD; i++)
		if (slice_ends(name, slice_cstr(suffixes[i]))) {
			*ret = (enum warc_coding)i;
			return true;
		}
	return false;
}

/* Is `name` one that a crawl of `job` gives its files? */
static bool
name_parse(const char *job, struct slice name, struct file_name *ret)
{
	static const struct slice lead = SLICE_LIT("trawl-");
	struct file_name n = {.base = name};
	struct slice rest, serial;
	uint64_t stamp;

	n.open = slice_ends(name, SLICE_LIT(SUFFIX_OPEN));
	if (n.open)
		n.base.len -= strlen(SUFFIX_OPEN);
	if (!slice_starts(n.base, lead))
		return false;
	rest = slice_from(n.base, lead.len);
	if (!slice_starts(rest, slice_cstr(job)))
		return false;
	rest = slice_from(rest, strlen(job));
	if (rest.len <= 2 + STAMP_DIGITS || rest.ptr[0] != '-' ||
	    rest.ptr[1 + STAMP_DIGITS] != '-' ||
	    !slice_to_u64(slice_of(rest.ptr + 1, STAMP_DIGITS), &stamp))
		return false;
	serial = slice_from(rest, 2 + STAMP_DIGITS);
	if (!coding_parse(serial, &n.coding))
		return false;
	serial.len -= strlen(suffixes[n.coding]);
	if (serial.len < SERIAL_DIGITS || !slice_to_u64(serial, &n.serial))
		return false;
	*ret = n;
	return true;
}

static bool
job_is_valid(const char *job)
{
	size_t n = job == NULL ? 0 : strlen(job);

	if (n == 0 || n > JOB_BYTES_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!ascii_is_alpha(job[i]) && !ascii_is_digit(job[i]) &&
		    strchr("._-", job[i]) == NULL)
			return false;
	return true;
}

/* -- The growing file. -- */

/* Of the warcinfo of file `serial`: another random number for each. */
static void
info_id(const struct warc *w, char ret[WARC_ID_MAX])
{
	uint64_t step = UINT64_C(0x9e3779b97f4a7c15) * ((uint64_t)w->serial + 1);
	const uint64_t bits[2] = {w->run_id[0] + step, w->run_id[1] ^ step};

	warc_id(bits, ret);
}

static void
open_name(const struct warc *w, char ret[NAME_MAX + 1])
{
	int n = snprintf(ret, NAME_MAX + 1, "%s" SUFFIX_OPEN, w->name);

	assert(n > 0);
	assert(n <= NAME_MAX);
}

/* A new file, empty as yet. */
static int
file_start(struct sink *s, struct why *why)
{
	struct warc *w = s->priv;
	char stamp[CLOCK_TEXT_MAX], name[NAME_MAX + 1], was[NAME_MAX + 1];
	int r;

	clock_format17(w->wall_us, stamp);
	(void)snprintf(was, sizeof(was), "%s", w->name);
	(void)snprintf(w->name, sizeof(w->name), "trawl-%s-%s-%0*" PRIu32 "%s", w->job,
	    stamp, SERIAL_DIGITS, w->serial, suffixes[w->coding]);
	open_name(w, name);
	r = file_append_create(&w->file, name, why);
	if (r < 0) {
		/* A mark must go on naming a file that is there. */
		(void)snprintf(w->name, sizeof(w->name), "%s", was);
		return r;
	}
	info_id(w, s->warcinfo_id);
	warc_packer_code(w->packer, w->coding);
	w->stale = false;
	w->begun = 0;
	w->serial++;
	return 0;
}

/* Its first record.  Not before there is one to follow: as long as the file is empty, a
 * mark can be taken without writing, and a crash leaves nothing that is in the way. */
static int
file_begin(struct sink *s, struct why *why)
{
	struct warc *w = s->priv;
	int r;

	if (file_append_at(&w->file) > 0)
		return 0;
	buf_clear(&w->info);
	r = warc_pack_info(w->packer,
	    &(struct warc_info){
		.id = slice_cstr(s->warcinfo_id),
		.file = slice_cstr(w->name),
		.wall_us = w->wall_us,
		.fields = buf_slice(&w->fields),
	    },
	    &w->info);
	if (r < 0)
		return why_set(why, r, "no memory for the warcinfo record");
	r = file_append_add(&w->file, buf_slice(&w->info), why);
	assert(r == 0); /* into an empty buffer that is larger */
	w->begun = file_append_at(&w->file);
	return 0;
}

/* The file is whole on the disk before it gets the name that says so. */
static int
file_finish(struct sink *s, struct why *why)
{
	struct warc *w = s->priv;
	int r;

	r = file_begin(s, why);
	if (r == 0)
		r = file_append_sync(&w->file, why);
	if (r == 0)
		r = file_append_rename(&w->file, w->name, why);
	if (r == 0)
		file_append_close(&w->file);
	return r;
}

/* -- Opening. -- */

typedef int warc_seen_fn(
    struct warc *w, const struct file_name *n, const char *name, struct why *why);

/* fn for each file of this crawl's job that lies in the folder. */
static int
scan(struct warc *w, warc_seen_fn *fn, struct why *why)
{
	struct file_name n;
	struct dirent *d;
	int fd, r = 0;
	DIR *dir;

	fd = openat(w->file.dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL) {
		r = why_set(why, -errno, "cannot list '%s': %s", w->file.dir,
		    strerrordesc_np(errno));
		if (fd >= 0)
			(void)close(fd);
		return r;
	}
	while (r == 0) {
		errno = 0;
		d = readdir(dir);
		if (d == NULL) {
			if (errno != 0)
				r = why_set(why, -errno, "cannot list '%s': %s",
				    w->file.dir, strerrordesc_np(errno));
			break;
		}
		if (name_parse(w->job, slice_cstr(d->d_name), &n))
			r = fn(w, &n, d->d_name, why);
	}
	(void)closedir(dir);
	return r;
}

static int
remove_file(struct warc *w, const char *name, struct why *why)
{
	if (unlinkat(w->file.dir_fd, name, 0) != 0 && errno != ENOENT)
		return why_set(why, -errno, "cannot remove '%s/%s': %s", w->file.dir,
		    name, strerrordesc_np(errno));
	file_append_names_changed(&w->file);
	return 0;
}

/* In a new crawl.  An empty file is what a crash before the first commit leaves. */
static int
seen_before(struct warc *w, const struct file_name *n, const char *name, struct why *why)
{
	struct stat st;

	(void)n;
	if (fstatat(w->file.dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_size == 0)
		return remove_file(w, name, why);
	return why_set(why, -EEXIST,
	    "'%s' holds an archive ('%s') that this crawl knows nothing of, and that is "
	    "not overwritten: choose another directory, or put back the state of the "
	    "crawl that made it",
	    w->file.dir, name);
}

/* In a crawl that goes on, behind the file of the mark. */
static int
seen_after(struct warc *w, const struct file_name *n, const char *name, struct why *why)
{
	return n->serial < w->serial ? 0 : remove_file(w, name, why);
}

static bool
file_is_there(const struct warc *w, const char *name)
{
	return faccessat(w->file.dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* "1 LENGTH NAME WARCINFO-ID" */
static bool
mark_parse(struct sink *s, struct slice mark, uint64_t *ret_length)
{
	struct warc *w = s->priv;
	struct slice version, length, name;
	struct file_name n;

	if (!slice_cut(&mark, ' ', &version) || !slice_eq(version, SLICE_LIT("1")) ||
	    !slice_cut(&mark, ' ', &length) || !slice_to_u64(length, ret_length) ||
	    !slice_cut(&mark, ' ', &name) || name.len > NAME_MAX - strlen(SUFFIX_OPEN) ||
	    !name_parse(w->job, name, &n) || n.open || n.serial >= UINT32_MAX ||
	    mark.len == 0 || mark.len >= SINK_ID_MAX)
		return false;
	memcpy(w->name, name.ptr, name.len);
	w->name[name.len] = '\0';
	memcpy(s->warcinfo_id, mark.ptr, mark.len);
	s->warcinfo_id[mark.len] = '\0';
	w->serial = (uint32_t)n.serial + 1;
	/* It stays what it is; the next one is what is asked for. */
	w->stale = n.coding != w->coding || w->begin;
	warc_packer_code(w->packer, n.coding);
	return true;
}

static bool
warc_place(struct slice mark, struct sink_place *ret)
{
	struct slice version, length, name;

	if (!slice_cut(&mark, ' ', &version) || !slice_eq(version, SLICE_LIT("1")) ||
	    !slice_cut(&mark, ' ', &length) || !slice_to_u64(length, &ret->length) ||
	    !slice_cut(&mark, ' ', &name) || name.len == 0 || name.len > NAME_MAX ||
	    slice_find(name, '/') < name.len || name.ptr[0] == '.')
		return false;
	(void)snprintf(ret->file, sizeof(ret->file), "warc/" SLICE_FMT, SLICE_ARG(name));
	return true;
}

static int
go_on(struct sink *s, struct slice mark, struct why *why)
{
	struct warc *w = s->priv;
	char name[NAME_MAX + 1];
	uint64_t length;
	int r;

	if (!mark_parse(s, mark, &length))
		return why_set(why, -EBADMSG,
		    "the committed state of the archive in '%s' cannot be read",
		    w->file.dir);
	r = scan(w, seen_after, why);
	if (r < 0)
		return r;
	open_name(w, name);
	/* It is whole, and stays as it is, or has been taken elsewhere since; the next
	 * one begins with the first record. */
	if (w->begin && !file_is_there(w, name)) {
		w->file.pos = length;
		return 0;
	}
	if (file_is_there(w, w->name)) {
		if (file_is_there(w, name))
			return why_set(why, -EEXIST,
			    "in '%s' there are both '%s' and '%s': remove the one that "
			    "is a copy",
			    w->file.dir, w->name, name);
		if (renameat(w->file.dir_fd, w->name, w->file.dir_fd, name) != 0)
			return why_set(why, -errno, "cannot rename '%s/%s': %s",
			    w->file.dir, w->name, strerrordesc_np(errno));
	}
	r = file_append_open(&w->file, name, length, why);
	/* A removed file that came back after a power loss would be taken for a good one.
	 */
	return r < 0 ? r : file_append_sync(&w->file, why);
}

/* As a JSON string it is one line, and can be had back exactly. */
static int
add_job(struct buf *b, struct slice settings)
{
	struct buf job;
	int r;

	if (settings.len == 0)
		return 0;
	buf_init(&job, FIELDS_BYTES_MAX);
	r = buf_add_byte(&job, '"');
	if (r == 0)
		r = escape_json(&job, settings);
	if (r == 0)
		r = buf_add_byte(&job, '"');
	if (r == 0)
		r = warc_info_field(b, "trawl-job", buf_slice(&job));
	buf_release(&job);
	return r;
}

/* Ten thousands of seeds do not fit, and that is no reason not to crawl: they are in the
 * job file beside the archive. */
static int
add_settings(struct buf *b, const struct sink_conf *conf)
{
	char number[24];
	int r = add_job(b, conf->settings);

	if ((r == 0 && conf->settings.len > 0) || (r < 0 && r != -EMSGSIZE))
		return r;
	if (conf->seeds == 0)
		return 0;
	(void)snprintf(number, sizeof(number), "%" PRIu64, conf->seeds);
	r = warc_info_field(b, "trawl-seeds", slice_cstr(number));
	if (r == 0)
		r = add_job(b, conf->settings_brief);
	return r == -EMSGSIZE ? 0 : r;
}

static int
make_fields(struct buf *b, const struct sink_conf *conf, struct why *why)
{
	const struct {
		const char *name, *value;
	} texts[] = {
	    {"software", conf->software},
	    {"format", "WARC File Format 1.1"},
	    {"conformsTo", "http://iipc.github.io/warc-specifications/specifications/"
			   "warc-format/warc-1.1/"},
	    {"robots", conf->robots},
	    {"hostname", conf->hostname},
	    {"operator", conf->operator_from},
	    {"http-header-user-agent", conf->user_agent},
	    {"http-header-from", conf->operator_from},
	    {"isPartOf", conf->job},
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && r == 0; i++)
		r = warc_info_field(b, texts[i].name, slice_cstr(texts[i].value));
	if (r == 0)
		r = add_settings(b, conf);
	return r == 0 ? 0
		      : why_set(why, r, "cannot make the warcinfo record: %s",
			    strerrordesc_np(-r));
}

/* The folder, durably; the path in `ret`, with a NUL. */
static int
make_folder(const char *dir, struct buf *ret, struct why *why)
{
	int r;

	r = buf_printf(ret, "%s/warc", dir);
	if (r < 0 || buf_cstr(ret) == NULL)
		return why_set(why, -ENOMEM, "no memory for the archive");
	if (mkdir(ret->ptr, 0755) != 0) {
		if (errno == EEXIST)
			return 0;
		return why_set(why, -errno, "cannot create '%s': %s", ret->ptr,
		    strerrordesc_np(errno));
	}
	r = dir_sync(dir);
	return r == 0 ? 0
		      : why_set(why, r, "cannot sync '%s': %s", dir, strerrordesc_np(-r));
}

static void
warc_free(struct warc *w)
{
	file_append_release(&w->file);
	warc_packer_free(w->packer);
	buf_release(&w->fields);
	buf_release(&w->info);
	buf_release(&w->moved);
	free(w);
}

static int
warc_new(const struct sink_conf *conf, struct warc **ret, struct why *why)
{
	struct warc *w;
	struct buf path;
	int r;

	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return why_set(why, -ENOMEM, "no memory for the archive");
	w->file = (struct file_append){.dir_fd = -1, .fd = -1};
	w->bytes_max = conf->warc_bytes_max;
	w->coding = conf->warc_coding;
	w->begin = conf->warc_begin;
	w->wall_us = conf->wall_us;
	memcpy(w->run_id, conf->run_id, sizeof(w->run_id));
	(void)snprintf(w->job, sizeof(w->job), "%s", conf->job);
	buf_init(&w->fields, FIELDS_BYTES_MAX);
	buf_init(&w->info, INFO_BYTES_MAX);
	buf_init(&w->moved, SIZE_MAX / 2);
	buf_init(&path, PATH_MAX);

	r = make_fields(&w->fields, conf, why);
	if (r == 0 && warc_packer_new(&w->packer) < 0)
		r = why_set(why, -ENOMEM, "no memory for the archive");
	if (r == 0)
		r = make_folder(conf->dir, &path, why);
	if (r == 0)
		r = file_append_init(&w->file, path.ptr, FILE_BUF_BYTES, why);
	buf_release(&path);
	if (r < 0) {
		warc_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

static int
warc_open(
    struct sink *s, const struct sink_conf *conf, struct slice mark, struct why *why)
{
	struct warc *w = NULL;
	int r;

	if (!job_is_valid(conf->job))
		return why_set(why, -EINVAL,
		    "the name of a job has letters, digits, '.', '_' and '-', at most %d "
		    "of them",
		    JOB_BYTES_MAX);
	r = warc_new(conf, &w, why);
	if (r < 0)
		return r;
	s->priv = w;
	if (mark.len > 0) {
		r = go_on(s, mark, why);
	} else {
		r = scan(w, seen_before, why);
		if (r == 0)
			r = file_start(s, why);
	}
	if (r < 0)
		warc_free(w);
	return r;
}

/* -- Feeding. -- */

/* What the records' maker says is checked: it reads hostile pages. */
static bool
records_are_members(const struct warc *w, const struct sink_event *e)
{
	const size_t n_max = sizeof(e->records_at) / sizeof(e->records_at[0]);

	return e->records_n <= n_max &&
	       warc_are_members(w->coding, e->records, e->records_at, e->records_n);
}

/* Those that were packed while the file before was growing name its warcinfo. */
static int
records_move(struct sink *s, const struct sink_event *e, struct slice *ret,
    uint64_t *ret_first, struct why *why)
{
	struct warc *w = s->priv;
	const struct slice ids[2] = {e->warcinfo_id, slice_cstr(s->warcinfo_id)};
	uint64_t at[sizeof(e->records_at) / sizeof(e->records_at[0])];
	int r;

	*ret = e->records;
	*ret_first = e->records_n > 1 ? e->records_at[1] : e->records.len;
	if (ids[0].len == 0 || slice_eq(ids[0], ids[1]))
		return 0;
	if (ids[0].len != ids[1].len)
		return why_set(
		    why, -EBADMSG, "what should be archived names no warcinfo");
	buf_clear(&w->moved);
	r = warc_move(
	    w->packer, e->records, e->records_at, e->records_n, ids, &w->moved, at);
	if (r < 0)
		return why_set(why, r,
		    "records cannot be moved to another archive file: %s",
		    strerrordesc_np(-r));
	*ret = buf_slice(&w->moved);
	*ret_first = e->records_n > 1 ? at[1] : ret->len;
	return 0;
}

/* A file that holds warcinfo only is never full. */
static bool
file_is_full(const struct warc *w)
{
	uint64_t at = file_append_at(&w->file);

	return w->file.fd >= 0 && at >= w->bytes_max && at > w->begun;
}

/* A file that has its warcinfo and room. */
static int
file_ready(struct sink *s, struct why *why)
{
	struct warc *w = s->priv;
	int r = 0;

	if (file_is_full(w) || (w->stale && w->file.fd >= 0))
		r = file_finish(s, why);
	if (r == 0 && w->file.fd < 0)
		r = file_start(s, why);
	return r < 0 ? r : file_begin(s, why);
}

/* Rare, and small: it is packed here, when its file is known. */
static int
put_name(struct sink *s, const struct sink_event *e, struct why *why)
{
	struct warc *w = s->priv;
	struct warc_name x = {.uri = e->url,
	    .server = e->server,
	    .wall_us = e->began_wall_us,
	    .text = e->answer};
	int r;

	x.warcinfo_id = slice_cstr(s->warcinfo_id);
	memcpy(x.record_id, e->record_id, sizeof(x.record_id));
	buf_clear(&w->moved);
	r = warc_pack_name(w->packer, &x, &w->moved, w->name_digest);
	return r < 0 ? why_set(why, r, "no memory for the record of a name") : 0;
}

static int
warc_put(struct sink *s, struct sink_event *e, struct why *why)
{
	struct warc *w = s->priv;
	int64_t ended_us = e->began_wall_us + (int64_t)e->total_ms * 1000;
	struct slice records = {0};
	uint64_t at, first = 0;
	int r;

	e->warc_file = (struct slice){0};
	if (e->kind == SINK_REJECT || (e->kind == SINK_FETCH && e->records.len == 0))
		return 0;
	if (e->kind == SINK_FETCH && !records_are_members(w, e))
		return why_set(
		    why, -EBADMSG, "what should be archived is not a set of records");
	if (ended_us > w->wall_us)
		w->wall_us = ended_us;
	r = file_ready(s, why);
	if (r == 0 && e->kind == SINK_NAME) {
		r = put_name(s, e, why);
		records = buf_slice(&w->moved);
		first = records.len;
		e->digest = slice_cstr(w->name_digest);
	} else if (r == 0)
		r = records_move(s, e, &records, &first, why);
	if (r < 0)
		return r;
	at = file_append_at(&w->file);
	r = file_append_add(&w->file, records, why);
	if (r < 0)
		return r;
	e->warc_file = slice_cstr(w->name);
	e->warc_offset = at;
	e->warc_length = first;
	return 0;
}

static int
warc_flush(struct sink *s, struct why *why)
{
	struct warc *w = s->priv;

	return file_append_flush(&w->file, why);
}

static int
warc_sync(struct sink *s, struct why *why)
{
	struct warc *w = s->priv;

	return file_append_sync(&w->file, why);
}

static int
warc_mark(struct sink *s, struct buf *out)
{
	struct warc *w = s->priv;

	if (w->file.len > 0)
		return -EBUSY;
	return buf_printf(
	    out, "1 %" PRIu64 " %s %s", w->file.pos, w->name, s->warcinfo_id);
}

static int
warc_close(struct sink *s, bool finished, struct why *why)
{
	struct warc *w = s->priv;
	int r = 0;

	if (finished && w->file.fd >= 0)
		r = file_finish(s, why);
	if (r == 0)
		r = file_append_sync(&w->file, why);
	warc_free(w);
	return r;
}

const struct sink_type sink_warc = {
    .name = "warc",
    .open = warc_open,
    .put = warc_put,
    .flush = warc_flush,
    .sync = warc_sync,
    .mark = warc_mark,
    .close = warc_close,
    .place = warc_place,
};
