/*
 * pages.sqlite: a row a page, a row a link, for queries.  The transaction ends with each
 * commit and is durable before the marks are (WAL, synchronous=FULL); the mark is the last
 * id of both tables.  Ids are given in order and have no holes, so that a file that is
 * ahead of the store after a crash, by one commit, is cut back like any other: what has a
 * greater id goes.
 *
 * A failure takes back the whole transaction, as SQLite may do by itself, and sticks.
 */
#include "base/clock.h"
#include "base/escape.h"
#include "base/file_whole.h"
#include "base/json.h"
#include "base/room_sqlite.h"
#include "sink/jsonl.h"
#include "sink/lines.h"
#include "sink/types.h"
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/banned.h"

#define FILE_NAME "pages.sqlite"
#define LOG_NAME  FILE_NAME "-wal"

/* What a row takes besides its texts: of itself, and its entries in the indexes.  Their
 * pages come to be filled by two thirds, which is why a text in one counts half as much more. */
enum { PAGE_ROW_BYTES = 160, LINK_ROW_BYTES = 48 };

struct db {
	sqlite3 *db;
	sqlite3_stmt *page, *link;
	char *dir;
	int64_t pages, links; /* the last ids */
	int err;              /* sticks */
	bool open;            /* a transaction is */
	bool dir_dirty;
	struct buf text;     /* that is being made */
	uint64_t row_bytes;  /* that the tables grow by, about: since the last commit, */
	uint64_t log_bytes;  /* the length of the log then, */
	uint64_t told_bytes; /* and what line_bytes has of all this */
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS pages (id INTEGER PRIMARY KEY, url TEXT NOT NULL,"
    " outcome TEXT NOT NULL, status INTEGER, via TEXT, hops TEXT, depth INTEGER,"
    " kind TEXT, mime TEXT, charset TEXT, bytes_wire INTEGER, bytes_body INTEGER,"
    " digest TEXT, title TEXT, canonical TEXT, lang TEXT, description TEXT, text TEXT,"
    " fields TEXT, fetched_at TEXT, ms_total INTEGER, ip TEXT, protocol TEXT,"
    " redirect_to TEXT, warc_file TEXT, warc_offset INTEGER, warc_length INTEGER);"
    "CREATE TABLE IF NOT EXISTS links (id INTEGER PRIMARY KEY,"
    " page INTEGER NOT NULL REFERENCES pages (id), url TEXT NOT NULL,"
    " kind TEXT NOT NULL, rejected TEXT);"
    "CREATE INDEX IF NOT EXISTS pages_url ON pages (url);"
    "CREATE INDEX IF NOT EXISTS pages_outcome ON pages (outcome);"
    "CREATE INDEX IF NOT EXISTS links_page ON links (page);"
    "CREATE INDEX IF NOT EXISTS links_url ON links (url);";
/* The log is taken up at the first commit that leaves a MiB in it, and is cut back to that. */
static const char set_up[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "PRAGMA wal_autocheckpoint=256; PRAGMA journal_size_limit=1048576";
static const char add_page[] =
    "INSERT INTO pages VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
static const char add_link[] = "INSERT INTO links VALUES (?,?,?,?,?)";

static int
failed(struct db *d, const char *what, struct why *why)
{
	int code = sqlite3_errcode(d->db) & 0xff;
	char path[PATH_MAX + sizeof(FILE_NAME)];
	int r = code == SQLITE_NOMEM     ? -ENOMEM
		: code == SQLITE_CORRUPT ? -EBADMSG
		: code == SQLITE_NOTADB  ? -EBADMSG
		: code == SQLITE_BUSY    ? -EBUSY
					 : -EIO;

	(void)snprintf(path, sizeof(path), "%s/%s", d->dir, FILE_NAME);
	if (room_sqlite_lacks(d->db, path))
		r = -ENOSPC;

	return why_set(why, r, "cannot %s %s/%s: %s%s", what, d->dir, FILE_NAME,
	    sqlite3_errmsg(d->db),
	    r == -ENOSPC && code != SQLITE_FULL ? " (there is no room)" : "");
}

static int
run(struct db *d, const char *sql, const char *what, struct why *why)
{
	return sqlite3_exec(d->db, sql, NULL, NULL, NULL) == SQLITE_OK
		   ? 0
		   : failed(d, what, why);
}

/* One number; -1: none. */
static int
ask(struct db *d, const char *sql, int64_t *ret, struct why *why)
{
	sqlite3_stmt *q;
	int code;

	if (sqlite3_prepare_v2(d->db, sql, -1, &q, NULL) != SQLITE_OK)
		return failed(d, "read", why);
	code = sqlite3_step(q);
	*ret = code == SQLITE_ROW ? sqlite3_column_int64(q, 0) : -1;
	(void)sqlite3_finalize(q);
	return code == SQLITE_ROW || code == SQLITE_DONE ? 0 : failed(d, "read", why);
}

/* -- Opening. -- */

static int
read_mark(struct db *d, struct slice mark, struct why *why)
{
	struct slice pages;
	uint64_t p, l;

	if (!slice_cut(&mark, ' ', &pages) || !slice_to_u64(pages, &p) ||
	    !slice_to_u64(mark, &l) || p > INT64_MAX || l > INT64_MAX)
		return why_set(
		    why, -EBADMSG, "what was committed of '%s' is no number", FILE_NAME);
	d->pages = (int64_t)p;
	d->links = (int64_t)l;
	return 0;
}

/* Back to the commit: neither more nor less than the mark says.  An older trawl that was
 * killed between its tables has left the first of them, and no row. */
static int
cut_back(struct db *d, struct why *why)
{
	int64_t tables, pages = 0, links = 0;
	char sql[256];
	int r = ask(d,
	    "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name <> 'pages'",
	    &tables, why);

	if (r == 0 && tables > 0) {
		(void)snprintf(sql, sizeof(sql),
		    "BEGIN IMMEDIATE; DELETE FROM links WHERE id > %" PRId64
		    "; DELETE FROM pages WHERE id > %" PRId64 "; COMMIT",
		    d->links, d->pages);
		r = run(d, sql, "cut back", why);
		if (r == 0)
			r = ask(d, "SELECT ifnull(max(id), 0) FROM pages", &pages, why);
		if (r == 0)
			r = ask(d, "SELECT ifnull(max(id), 0) FROM links", &links, why);
	}
	if (r == 0 && (pages != d->pages || links != d->links))
		r = why_set(why, -EBADMSG, "%s/%s has less than was committed", d->dir,
		    FILE_NAME);
	return r;
}

/* What does not fit is written to the log before its commit. */
static int
bound_cache(struct db *d, uint64_t bytes, struct why *why)
{
	char sql[64];

	if (bytes == 0)
		return 0;
	(void)snprintf(sql, sizeof(sql), "PRAGMA cache_size = -%" PRIu64, bytes >> 10);
	return run(d, sql, "open", why);
}

static int
open_file(struct db *d, const struct sink_conf *conf, struct slice mark, struct why *why)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/%s", d->dir, FILE_NAME), r;

	if (n < 0 || (size_t)n >= sizeof(path))
		return why_set(
		    why, -ENAMETOOLONG, "the name of %s is too long", FILE_NAME);
	if (mark.len == 0 && stat(path, &st) == 0 && st.st_size > 0)
		return why_set(why, -EEXIST, "%s is there already", path);
	if (sqlite3_open_v2(path, &d->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
		    SQLITE_OPEN_NOFOLLOW,
		NULL) != SQLITE_OK)
		return failed(d, "open", why);
	(void)sqlite3_busy_timeout(d->db, 5000); /* somebody reads it meanwhile */
	r = bound_cache(d, conf->sqlite_bytes, why);
	if (r < 0 || mark.len == 0)
		return r;
	r = read_mark(d, mark, why);
	return r < 0 ? r : cut_back(d, why);
}

static void
db_free(struct db *d)
{
	(void)sqlite3_finalize(d->page);
	(void)sqlite3_finalize(d->link);
	(void)sqlite3_close(d->db); /* what is not committed is rolled back */
	buf_release(&d->text);
	free(d->dir);
	free(d);
}

/* 0: it is not there. */
static uint64_t
length_of(const struct db *d, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, sizeof(path), "%s/%s", d->dir, name);

	return n >= 0 && (size_t)n < sizeof(path) && stat(path, &st) == 0
		   ? (uint64_t)st.st_size
		   : 0;
}

/* What is in the log only, the file grows by when SQLite takes it up into the tables. */
static int
note_log(struct sink *s, struct db *d, struct why *why)
{
	int64_t pages = 0, page_bytes = 0;
	uint64_t have, will;
	int r = ask(d, "PRAGMA page_count", &pages, why);

	if (r == 0)
		r = ask(d, "PRAGMA page_size", &page_bytes, why);
	if (r < 0)
		return r;
	will = (uint64_t)pages * (uint64_t)page_bytes;
	have = length_of(d, FILE_NAME);
	s->finish_bytes = will > have ? will - have : 0;
	d->log_bytes = length_of(d, LOG_NAME);
	d->row_bytes = d->told_bytes = 0;
	return 0;
}

/* A row is in the log and then in the tables.  In the log it may be much more: whole pages,
 * with one of each index for every row, when these have grown large. */
static void
note_rows(struct sink *s, struct db *d)
{
	uint64_t log = length_of(d, LOG_NAME), n = d->row_bytes;

	log = log > d->log_bytes ? log - d->log_bytes : 0;
	n += log > n ? log : n;
	if (n > d->told_bytes) {
		s->line_bytes += n - d->told_bytes;
		d->told_bytes = n;
	}
}

static int
sqlite_open(
    struct sink *s, const struct sink_conf *conf, struct slice mark, struct why *why)
{
	struct db *d = calloc(1, sizeof(*d));
	int r;

	if (d == NULL || (d->dir = slice_dup(slice_cstr(conf->dir))) == NULL) {
		free(d);
		return why_set(why, -ENOMEM, "no memory for '%s'", FILE_NAME);
	}
	buf_init(&d->text, JSONL_LINE_BYTES_MAX);
	d->dir_dirty = true;
	r = open_file(d, conf, mark, why);
	if (r == 0)
		r = note_log(s, d, why);
	if (r < 0)
		db_free(d);
	else
		s->priv = d;
	return r;
}

/* -- Rows. -- */

/* In the first transaction, so that there are all or none of them after a kill. */
static int
make_tables(struct db *d, struct why *why)
{
	int r = run(d, schema, "make the tables of", why);

	if (r == 0 &&
	    (sqlite3_prepare_v2(d->db, add_page, -1, &d->page, NULL) != SQLITE_OK ||
		sqlite3_prepare_v2(d->db, add_link, -1, &d->link, NULL) != SQLITE_OK))
		r = failed(d, "write to", why);
	return r;
}

/* Nothing is written before the first row: see sink_open(). */
static int
begin(struct db *d, struct why *why)
{
	int r = 0;

	if (d->open)
		return 0;
	if (d->page == NULL)
		r = run(d, set_up, "set up", why);
	if (r == 0)
		r = run(d, "BEGIN IMMEDIATE", "write to", why);
	if (r == 0 && d->page == NULL)
		r = make_tables(d, why);
	d->open = r == 0;
	return r;
}

/* NULL where there is nothing; what is no UTF-8, and NUL, becomes U+FFFD. */
static int
bind_text(struct db *d, sqlite3_stmt *q, int at, struct slice s)
{
	int r = 0;

	d->row_bytes += s.len;
	if (s.len == 0)
		return sqlite3_bind_null(q, at) == SQLITE_OK ? 0 : -ENOMEM;
	buf_clear(&d->text);
	while (s.len > 0 && r == 0) {
		size_t n = s.ptr[0] == '\0' ? 0 : utf8_len(s);

		r = n == 0 ? buf_add(&d->text, "\xef\xbf\xbd", 3)
			   : buf_add(&d->text, s.ptr, n);
		s = slice_from(s, n == 0 ? 1 : n);
	}
	if (r == 0 && sqlite3_bind_text(q, at, d->text.ptr, (int)d->text.len,
			  SQLITE_TRANSIENT) != SQLITE_OK)
		r = -ENOMEM;
	return r;
}

static int
bind_fields(struct db *d, int at, const struct sink_event *e)
{
	struct jsonw j;

	if (e->select == NULL || e->fields.len == 0)
		return bind_text(d, d->page, at, (struct slice){0});
	buf_clear(&d->text);
	jsonw_init(&j, &d->text);
	jsonl_fields(&j, NULL, e);
	if (j.err < 0)
		return j.err;
	d->row_bytes += d->text.len;
	return sqlite3_bind_text(d->page, at, d->text.ptr, (int)d->text.len,
		   SQLITE_TRANSIENT) == SQLITE_OK
		   ? 0
		   : -ENOMEM;
}

static int
bind_page(struct db *d, const struct sink_event *e)
{
	const struct {
		int at;
		struct slice text;
	} texts[] = {{2, e->url}, {3, slice_cstr(outcome_name(e->outcome))}, {5, e->via},
	    {6, e->hops}, {8, slice_cstr(link_kind_name(e->link))}, {9, e->mime},
	    {10, e->charset}, {13, e->digest}, {14, e->title}, {15, e->canonical},
	    {16, e->lang}, {17, e->description}, {22, e->ip}, {23, e->protocol},
	    {24, e->redirect_to}, {25, e->warc_file}};
	const struct {
		int at;
		uint64_t n;
	} numbers[] = {{1, (uint64_t)d->pages + 1}, {4, (uint64_t)e->status},
	    {7, e->depth}, {11, e->wire_bytes}, {12, e->body_bytes}, {21, e->total_ms},
	    {26, e->warc_offset}, {27, e->warc_length}};
	char at[CLOCK_TEXT_MAX];
	int r = 0;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && r == 0; i++)
		r = bind_text(d, d->page, texts[i].at, lines_text(texts[i].text));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]) && r == 0; i++)
		if (sqlite3_bind_int64(d->page, numbers[i].at, (int64_t)numbers[i].n) !=
		    SQLITE_OK)
			r = -ENOMEM;
	clock_format(e->began_wall_us, 3, at);
	if (r == 0)
		r = bind_text(d, d->page, 18, lines_cut(e->text, SINK_TEXT_BYTES_MAX));
	if (r == 0)
		r = bind_fields(d, 19, e);
	if (r == 0)
		r = bind_text(d, d->page, 20, slice_cstr(at));
	if (r == 0 && e->warc_file.len == 0 &&
	    (sqlite3_bind_null(d->page, 26) != SQLITE_OK ||
		sqlite3_bind_null(d->page, 27) != SQLITE_OK))
		r = -ENOMEM;
	return r;
}

static int
step(struct db *d, sqlite3_stmt *q, struct why *why)
{
	int code = sqlite3_step(q), r = 0;

	if (code != SQLITE_DONE)
		r = failed(d, "write to", why);
	(void)sqlite3_reset(q);
	return r;
}

static int
put_link(struct db *d, const struct sink_link *l, struct why *why)
{
	bool bad = sqlite3_bind_int64(d->link, 1, d->links + 1) != SQLITE_OK ||
		   sqlite3_bind_int64(d->link, 2, d->pages) != SQLITE_OK;
	int r = bad ? -ENOMEM : bind_text(d, d->link, 3, lines_text(l->url));

	if (r == 0)
		r = bind_text(d, d->link, 4, slice_cstr(link_kind_name(l->kind)));
	if (r == 0)
		r = bind_text(d, d->link, 5,
		    l->rejected == OUTCOME_NONE ? ((struct slice){0})
						: slice_cstr(outcome_name(l->rejected)));
	if (r < 0)
		return why_set(why, r, "no memory for '%s'", FILE_NAME);
	d->row_bytes += LINK_ROW_BYTES + l->url.len * 3 / 2;
	r = step(d, d->link, why);
	if (r == 0)
		d->links++;
	return r;
}

static int
put_page(struct db *d, const struct sink_event *e, struct why *why)
{
	int r = begin(d, why);

	if (r < 0)
		return r;
	r = bind_page(d, e);
	if (r < 0)
		return why_set(why, r, "no memory for '%s'", FILE_NAME);
	d->row_bytes += PAGE_ROW_BYTES + e->url.len * 3 / 2;
	r = step(d, d->page, why);
	if (r == 0)
		d->pages++;
	for (size_t i = 0; i < e->outlinks_len && r == 0; i++) {
		struct sink_link l;

		e->outlink_get(e->outlinks, i, &l);
		r = put_link(d, &l, why);
	}
	return r;
}

static int
broken(const struct db *d, struct why *why)
{
	return why_set(why, d->err, "%s/%s: an earlier write failed", d->dir, FILE_NAME);
}

static int
sqlite_put(struct sink *s, struct sink_event *e, struct why *why)
{
	struct db *d = s->priv;

	if (!jsonl_is_page(e))
		return 0;
	if (d->err < 0)
		return broken(d, why);
	d->err = put_page(d, e, why);
	note_rows(s, d);
	return d->err;
}

/* Rows are in the transaction; only a commit brings them anywhere. */
static int
sqlite_flush(struct sink *s, struct why *why)
{
	(void)s, (void)why;
	return 0;
}

static int
sqlite_sync(struct sink *s, struct why *why)
{
	struct db *d = s->priv;

	if (d->err < 0)
		return broken(d, why);
	if (!d->open)
		return 0;
	d->err = run(d, "COMMIT", "commit to", why);
	if (d->err == 0 && d->dir_dirty) {
		int r = dir_sync(d->dir);

		if (r < 0)
			d->err = why_set(why, room_error(r), "cannot sync %s: %s", d->dir,
			    strerrordesc_np(-r));
	}
	if (d->err == 0)
		d->err = note_log(s, d, why);
	if (d->err == 0)
		d->open = d->dir_dirty = false;
	return d->err;
}

static int
sqlite_mark(struct sink *s, struct buf *out)
{
	const struct db *d = s->priv;

	if (d->open || d->err < 0)
		return -EBUSY;
	return buf_printf(out, "%" PRId64 " %" PRId64, d->pages, d->links);
}

/* Ids have no holes: as many rows as the last id says. */
static int
verify_rows(struct db *d, const char *table, int64_t want, struct why *why)
{
	char sql[128];
	int64_t rows = 0;
	int r;

	(void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s WHERE id <= %" PRId64,
	    table, want);
	r = ask(d, sql, &rows, why);
	if (r == 0 && rows != want)
		r = why_set(why, -EBADMSG,
		    "%s has %" PRId64 " rows in %s, %" PRId64 " were committed",
		    FILE_NAME, rows, table, want);
	return r;
}

static int
verify_file(struct db *d, struct why *why)
{
	sqlite3_stmt *q;
	int r = 0;

	if (sqlite3_prepare_v2(d->db, "PRAGMA quick_check(1)", -1, &q, NULL) != SQLITE_OK)
		return failed(d, "read", why);
	if (sqlite3_step(q) != SQLITE_ROW)
		r = failed(d, "read", why);
	else if (strcmp((const char *)sqlite3_column_text(q, 0), "ok") != 0)
		r = why_set(why, -EBADMSG, "%s is damaged: %s", FILE_NAME,
		    (const char *)sqlite3_column_text(q, 0));
	(void)sqlite3_finalize(q);
	if (r == 0)
		r = verify_rows(d, "pages", d->pages, why);
	return r < 0 ? r : verify_rows(d, "links", d->links, why);
}

static int
sqlite_verify(const char *dir, struct slice mark, struct why *why)
{
	char path[PATH_MAX];
	struct db d = {.dir = slice_dup(slice_cstr(dir))};
	struct stat st;
	int r = d.dir == NULL ? why_set(why, -ENOMEM, "no memory for '%s'", FILE_NAME)
			      : read_mark(&d, mark, why);

	(void)snprintf(path, sizeof(path), "%s/%s", dir, FILE_NAME);
	if (r == 0 && d.pages + d.links > 0) { /* else there need be no file */
		int err = stat(path, &st) < 0 ? errno : 0;

		if (err == ENOENT)
			r = why_set(why, -EBADMSG, "%s is missing", FILE_NAME);
		else if (err == 0 && !S_ISREG(st.st_mode))
			r = why_set(why, -EBADMSG, "%s is no regular file", FILE_NAME);
		else if (sqlite3_open_v2(path, &d.db,
			     SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX |
				 SQLITE_OPEN_NOFOLLOW,
			     NULL) != SQLITE_OK)
			r = failed(&d, "open", why);
		else
			r = verify_file(&d, why);
	}
	(void)sqlite3_close(d.db);
	free(d.dir);
	return r;
}

static int
sqlite_close(struct sink *s, bool finished, struct why *why)
{
	struct db *d = s->priv;
	int r = d->err < 0 || !finished ? 0 : sqlite_sync(s, why);

	db_free(d);
	return r;
}

const struct sink_type sink_sqlite = {
    .name = "sqlite",
    .outlinks = true,
    .open = sqlite_open,
    .put = sqlite_put,
    .flush = sqlite_flush,
    .sync = sqlite_sync,
    .mark = sqlite_mark,
    .close = sqlite_close,
    .verify = sqlite_verify,
};
