#include "crawl/quarantine.h"
#include "base/clock.h"
#include "base/file_whole.h"
#include "base/json.h"
#include "base/room.h"
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_DIGITS = QUARANTINE_NAME_MAX - 1, WHY_BYTES_MAX = 256 << 10 };

/* ---- names ---- */

struct record_key {
	char text[NAME_DIGITS + 8];
};

static void
name_of(uint64_t authority_hash, uint64_t url_hash, char ret[QUARANTINE_NAME_MAX])
{
	(void)snprintf(ret, QUARANTINE_NAME_MAX, "%016" PRIx64 "%016" PRIx64,
	    authority_hash, url_hash);
}

static struct slice
record_key(struct record_key *k, const char *name)
{
	(void)snprintf(k->text, sizeof(k->text), "quar/%s", name);
	return slice_cstr(k->text);
}

/* Of two hashes one that is as good. */
static uint64_t
name_hash(const char *name)
{
	return siphash(slice_of(name, NAME_DIGITS));
}

static void
path_of(const struct quarantine *q, char ret[PATH_MAX])
{
	(void)snprintf(ret, PATH_MAX, "%s/quarantine", q->dir);
}

/* ---- what is there ---- */

static int
remember(struct quarantine *q, const char *name, uint64_t bytes)
{
	uint64_t was = (uintptr_t)umap_take(&q->bytes_of, name_hash(name));
	int r = umap_put(&q->bytes_of, name_hash(name), (void *)(uintptr_t)(bytes + 1));

	if (r == 0)
		q->bytes += bytes + 1 - (was > 0 ? was : 1);
	return r;
}

struct load {
	struct quarantine *q;
	int err;
};

static bool
on_record(void *ctx, struct slice key, struct slice value)
{
	struct load *l = ctx;
	char name[QUARANTINE_NAME_MAX] = "";
	uint64_t bytes;

	key = slice_from(key, strlen("quar/"));
	l->err = key.len == NAME_DIGITS && value.len == sizeof(bytes) ? 0 : -EBADMSG;
	if (l->err < 0)
		return false;
	memcpy(name, key.ptr, NAME_DIGITS);
	memcpy(&bytes, value.ptr, sizeof(bytes));
	l->err = remember(l->q, name, le64toh(bytes));
	return l->err == 0;
}

/* Of ours, and of a page whose commit was lost. */
static bool
is_left_over(const struct quarantine *q, const char *file)
{
	struct slice ends[] = {SLICE_LIT(".http"), SLICE_LIT(".json"),
	    SLICE_LIT(".http.new"), SLICE_LIT(".json.new")};
	struct slice rest = slice_cstr(file);

	if (rest.len <= NAME_DIGITS || strspn(file, "0123456789abcdef") != NAME_DIGITS)
		return false;
	rest = slice_from(rest, NAME_DIGITS);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (slice_eq(rest, ends[i]))
			return i >= 2 || umap_get(&q->bytes_of, name_hash(file)) == NULL;
	return false;
}

static int
sweep(const struct quarantine *q, struct why *why)
{
	char path[PATH_MAX];
	struct dirent *e;
	int r = 0;
	DIR *d;

	path_of(q, path);
	d = opendir(path);
	if (d == NULL)
		return errno == ENOENT ? 0
				       : why_set(why, -errno, "cannot read %s: %s", path,
					     strerror(errno));
	while (r == 0 && (e = readdir(d)) != NULL)
		if (is_left_over(q, e->d_name) && unlinkat(dirfd(d), e->d_name, 0) < 0)
			r = why_set(why, -errno, "cannot remove %s/%s: %s", path,
			    e->d_name, strerror(errno));
	(void)closedir(d);
	return r;
}

int
quarantine_load(struct quarantine *q, const char *dir, struct store *s, struct why *why)
{
	struct load l = {.q = q};
	int r;

	*q = (struct quarantine){.dir = dir, .store = s};
	umap_init(&q->bytes_of, QUARANTINE_FILES_MAX);
	r = store_scan(s, STORE_META, SLICE_LIT("quar/"), (struct slice){0}, UINT32_MAX,
	    on_record, &l);
	if (r < 0) {
		*why = *store_why(s);
		return r;
	}
	if (l.err < 0)
		return why_set(
		    why, l.err, "the quarantine's records: %s", strerror(-l.err));
	return sweep(q, why);
}

void
quarantine_release(struct quarantine *q)
{
	umap_release(&q->bytes_of);
}

int
quarantine_find(struct store *s, uint64_t authority_hash, uint64_t url_hash,
    char ret_name[QUARANTINE_NAME_MAX])
{
	char name[QUARANTINE_NAME_MAX];
	struct record_key k;
	struct buf value;
	int r;

	name_of(authority_hash, url_hash, name);
	buf_init(&value, 64);
	r = store_get(s, STORE_META, record_key(&k, name), &value);
	buf_release(&value);
	if (r == 0)
		memcpy(ret_name, name, sizeof(name));
	return r;
}

/* ---- one more ---- */

static void
put_time(struct jsonw *j, const char *key, int64_t wall_us)
{
	char at[CLOCK_TEXT_MAX];

	clock_format(wall_us, 3, at);
	jsonw_str(j, key, slice_cstr(at));
}

static void
put_death(struct jsonw *j, const struct death *d)
{
	const char *name = d->how.signal > 0 ? sigabbrev_np(d->how.signal) : NULL;

	jsonw_object(j, NULL);
	put_time(j, "at", d->wall_us);
	jsonw_str(j, "task", d->archiving ? SLICE_LIT("archive") : SLICE_LIT("parse"));
	jsonw_str(j, "end", slice_cstr(pool_end_name(d->end)));
	if (d->end == POOL_TIMEOUT)
		jsonw_int(j, "timeout_ms", d->timeout_ms);
	if (d->how.signal > 0)
		jsonw_int(j, "signal", d->how.signal);
	if (name != NULL)
		jsonw_str(j, "signal_name", slice_cstr(name));
	if (d->how.exit_status > 0)
		jsonw_int(j, "exit_status", d->how.exit_status);
	if (d->how.breach)
		jsonw_bool(j, "broke_protocol", true);
	jsonw_object_end(j);
}

static int
why_text(const struct quarantine_case *k, struct buf *out)
{
	struct jsonw j;

	jsonw_init(&j, out);
	jsonw_object(&j, NULL);
	jsonw_int(&j, "v", 1);
	jsonw_str(&j, "url", k->url);
	jsonw_opt(&j, "via", k->via);
	jsonw_str(&j, "outcome", slice_cstr(outcome_name(k->outcome)));
	jsonw_int(&j, "status", k->status);
	jsonw_opt(&j, "ip", k->ip);
	put_time(&j, "fetched_at", k->fetched_wall_us);
	jsonw_int(&j, "head_bytes", (int64_t)k->head.len);
	jsonw_int(&j, "body_bytes", (int64_t)k->body.len);
	jsonw_array(&j, "deaths");
	for (size_t i = 0; i < k->deaths_len; i++)
		put_death(&j, &k->deaths[i]);
	jsonw_array_end(&j);
	jsonw_object_end(&j);
	return j.err == 0 ? buf_add_byte(out, '\n') : j.err;
}

/* Synced each time: whoever made it may have been killed before he came to that. */
static int
make_dir(const struct quarantine *q, const char *path, struct why *why)
{
	int r = mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;

	if (r == 0)
		r = dir_sync(q->dir);
	return r < 0 ? why_set(why, r, "cannot make %s: %s", path, strerror(-r)) : 0;
}

/* The answer first: a .json without it would tell of something that is not there. */
static int
write_files(const struct quarantine *q, const struct quarantine_case *k, const char *name,
    struct why *why)
{
	char path[PATH_MAX], file[QUARANTINE_NAME_MAX + 8];
	struct slice answer = slice_of(k->head.ptr, k->head.len + k->body.len);
	struct buf text;
	int r;

	path_of(q, path);
	r = make_dir(q, path, why);
	if (r < 0)
		return r;
	buf_init(&text, WHY_BYTES_MAX);
	(void)snprintf(file, sizeof(file), "%s.http", name);
	r = why_text(k, &text);
	if (r < 0)
		r = why_set(why, r, "out of memory");
	if (r == 0)
		r = file_whole_write(path, file, 0600, answer, why);
	(void)snprintf(file, sizeof(file), "%s.json", name);
	if (r == 0)
		r = file_whole_write(path, file, 0600, buf_slice(&text), why);
	buf_release(&text);
	return r;
}

static bool
has_room(const struct quarantine *q, const char *name, uint64_t bytes)
{
	uint64_t was = (uintptr_t)umap_get(&q->bytes_of, name_hash(name));

	return (was > 0 || q->bytes_of.len < QUARANTINE_FILES_MAX) &&
	       q->bytes - (was > 0 ? was - 1 : 0) + bytes <= QUARANTINE_BYTES_MAX;
}

int
quarantine_put(struct quarantine *q, const struct quarantine_case *k,
    struct store_batch *b, char ret_name[QUARANTINE_NAME_MAX], struct why *why)
{
	uint64_t bytes = k->head.len + k->body.len, value = htole64(bytes);
	char name[QUARANTINE_NAME_MAX];
	struct record_key key;
	int r;

	name_of(k->authority_hash, k->url_hash, name);
	ret_name[0] = '\0';
	if (!has_room(q, name, bytes))
		return 0;
	r = write_files(q, k, name, why);
	if (r < 0)
		return room_error(r);
	r = store_batch_put(b, STORE_META, record_key(&key, name),
	    slice_of((const char *)&value, sizeof(value)));
	if (r == 0)
		r = remember(q, name, bytes);
	if (r < 0)
		return why_set(why, r, "the quarantine: %s", strerror(-r));
	memcpy(ret_name, name, sizeof(name));
	return 0;
}
