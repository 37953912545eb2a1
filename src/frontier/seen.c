#include "frontier/seen.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "frontier/keys.h"
#include "frontier/seen_cold.h"
#include "frontier/seen_filter.h"
#include "frontier/seen_log.h"
#include "frontier/seen_table.h"
#include "frontier/urlrec.h"
#include "store/store.h"

#include "base/banned.h"

#define FILTER_BYTES_MAX ((uint64_t)128 << 30)

enum {
	PENDING_BYTES_MAX = 1 << 30,
	HINT_AHEAD = 16,
	SCAN_MAX = 1 << 20, /* keys a scan */
	FILTER_PART = 8,    /* of the memory; a new URL that it lets pass costs a read */
};

/* What is remembered of a URL. */
enum state {
	FIRM, /* waits, has an outcome, or is rejected for good */
	OUT_OF_SCOPE,
	DEPTH,
	BUDGET,
	STATES,
};

/* A note of the log. */
enum { NOTE_STATE = 3, NOTE_AGAIN = 4 /* the URL has a record already */ };

struct seen {
	struct seen_table table;
	struct seen_filter filter; /* of all that left the table */
	struct seen_cold cold;     /* where it went */
	struct seen_log log;
	/* Records since the last seen_committed(), oldest first; of these `logged` bytes
	 * are in the log. */
	struct buf pending;
	size_t logged;
	struct store *store;
	int (*more)(void *ctx, int64_t bytes); /* as in seen_conf */
	void *ctx;
	int64_t more_bytes, more_bytes_max; /* that it gave */
	uint64_t urls, filter_bytes, reads, reads_known;
	bool has_log;
	struct why mended;
};

static enum state
state_of(enum outcome o)
{
	switch (o) {
	case OUTCOME_OUT_OF_SCOPE:
		return OUT_OF_SCOPE;
	case OUTCOME_DEPTH:
		return DEPTH;
	case OUTCOME_BUDGET:
		return BUDGET;
	default:
		return FIRM;
	}
}

static enum outcome
outcome_of(enum state s)
{
	static const enum outcome of[STATES] = {
	    OUTCOME_NONE, OUTCOME_OUT_OF_SCOPE, OUTCOME_DEPTH, OUTCOME_BUDGET};

	return of[s];
}

static uint8_t
flags_of(enum state s)
{
	return (uint8_t)(s * (SEEN_STATE & -SEEN_STATE));
}

static enum state
word_state(uint64_t word)
{
	return (enum state)((word & SEEN_STATE) / (SEEN_STATE & -SEEN_STATE));
}

static void
word_set_state(uint64_t *word, enum state s)
{
	*word = (*word & ~(uint64_t)(SEEN_STATE | SEEN_COLD)) | flags_of(s);
}

/* ---- what leaves the memory, and comes back ---- */

static int
write_cold(void *ctx, unsigned part, uint64_t *words, size_t n)
{
	struct seen *s = ctx;
	int r = seen_cold_merge(&s->cold, part, words, n);

	for (size_t i = 0; i < n && r == 0; i++)
		seen_filter_add(&s->filter, words[i] >> 8 | (uint64_t)part << 56);
	return r;
}

static int
make_filter(struct seen *s)
{
	return s->filter.words != NULL ? 0
				       : seen_filter_init(&s->filter, s->filter_bytes);
}

/* A larger part for `print`; -ENOSPC: nobody has memory for it. */
static int
borrow_room(struct seen *s, uint64_t print)
{
	int64_t bytes = (int64_t)seen_table_growth(&s->table, print);
	int r = -ENOSPC;

	if (bytes > 0 && bytes <= s->more_bytes_max - s->more_bytes)
		r = s->more(s->ctx, bytes);
	if (r < 0)
		return r;
	r = seen_table_grow(&s->table, print);
	if (r < 0)
		(void)s->more(s->ctx, -bytes);
	else
		s->more_bytes += bytes;
	return r;
}

/* In the part of `print`, when the limit is reached. */
static int
make_room(struct seen *s, uint64_t print)
{
	int r = borrow_room(s, print);

	if (r != -ENOSPC)
		return r;
	r = make_filter(s);
	if (r == 0 && !seen_cold_is_open(&s->cold))
		r = seen_cold_open(&s->cold, s->log.file.dir_fd);
	if (r == 0)
		r = seen_table_sweep(&s->table, print, write_cold, s);
	/* The crawl is about to pause: rather too much memory than an error. */
	if (r == -ENOSPC)
		r = seen_table_grow(&s->table, print);
	return r;
}

static int
insert(struct seen *s, uint64_t print, uint8_t flags)
{
	int r = seen_table_add(&s->table, print, flags);

	if (r != -ENOSPC)
		return r;
	r = make_room(s, print);
	return r < 0 ? r : seen_table_add(&s->table, print, flags);
}

/* Brings back what may have left the table; *ret is NULL when it is new. */
static int
recall(struct seen *s, uint64_t print, uint64_t **ret)
{
	uint64_t word;
	int r;

	*ret = NULL;
	if (!seen_cold_is_open(&s->cold) || !seen_filter_has(&s->filter, print))
		return 0;
	s->reads++;
	r = seen_cold_find(&s->cold, print, &word);
	if (r < 0 || word == 0)
		return r;
	r = insert(s, print, (uint8_t)(word & SEEN_STATE) | SEEN_HOT | SEEN_COLD);
	if (r < 0)
		return r;
	s->reads_known++;
	*ret = seen_table_find(&s->table, print);
	return 0;
}

/* ---- adding ---- */

static int
reserve_record(struct seen *s)
{
	return s->has_log ? buf_reserve(&s->pending, SEEN_RECORD_BYTES) : 0;
}

/* After reserve_record(). */
static void
add_record(struct seen *s, uint64_t print, uint8_t note)
{
	if (!s->has_log)
		return;
	seen_record_put(s->pending.ptr + s->pending.len, print, note);
	s->pending.len += SEEN_RECORD_BYTES;
}

static int
add_new(struct seen *s, uint64_t print, enum state state)
{
	int r = insert(s, print, flags_of(state));

	if (r < 0)
		return r;
	add_record(s, print, (uint8_t)state);
	s->urls++;
	return 0;
}

static void
change(struct seen *s, uint64_t print, uint64_t *word, enum state state)
{
	word_set_state(word, state);
	add_record(s, print, (uint8_t)state | NOTE_AGAIN);
}

/* It was met again; does adding it as `state` leave it as it is? */
static bool
stays(uint64_t *word, enum outcome state)
{
	if ((*word & SEEN_HOT) == 0)
		*word |= SEEN_HOT;
	return state != OUTCOME_NONE || word_state(*word) == FIRM;
}

bool
seen_has(struct seen *s, uint64_t url_hash, enum outcome state)
{
	uint64_t *word = seen_table_find(&s->table, url_hash);

	return word != NULL && stays(word, state);
}

int
seen_add(struct seen *s, uint64_t url_hash, enum outcome state, enum seen_add *ret,
    enum outcome *ret_was)
{
	uint64_t *word = seen_table_find(&s->table, url_hash);
	int r = 0;

	assert(state < OUTCOME_MAX);
	if (word == NULL)
		r = recall(s, url_hash, &word);
	if (r == 0)
		r = reserve_record(s);
	if (r < 0)
		return r;
	if (word == NULL) {
		r = add_new(s, url_hash, state_of(state));
		if (r == 0)
			*ret = SEEN_NEW;
		return r;
	}
	if (stays(word, state)) {
		*ret = SEEN_KNOWN;
		return 0;
	}
	*ret_was = outcome_of(word_state(*word));
	*ret = SEEN_UPGRADED;
	change(s, url_hash, word, FIRM);
	return 0;
}

int
seen_set(struct seen *s, uint64_t url_hash, enum outcome outcome)
{
	uint64_t *word = seen_table_find(&s->table, url_hash);
	enum state state = state_of(outcome);
	int r;

	assert(outcome < OUTCOME_MAX);
	/* What is not in the table left it, as a URL that waits. */
	if (state == (word == NULL ? FIRM : word_state(*word)))
		return 0;
	r = reserve_record(s);
	if (r == 0 && word == NULL) {
		if (!seen_cold_is_open(&s->cold))
			return 0; /* was never added */
		r = insert(s, url_hash, SEEN_HOT);
		word = seen_table_find(&s->table, url_hash);
	}
	if (r < 0)
		return r;
	assert(word != NULL);
	change(s, url_hash, word, state);
	return 0;
}

void
seen_hint(const struct seen *s, uint64_t url_hash)
{
	seen_table_hint(&s->table, url_hash);
	if (seen_cold_is_open(&s->cold))
		seen_filter_hint(&s->filter, url_hash);
}

/* ---- the log ---- */

static int
log_pending(struct seen *s, struct why *why)
{
	while (s->logged < s->pending.len) {
		size_t n = (s->pending.len - s->logged) / SEEN_RECORD_BYTES;
		int r;

		if (n > SEEN_BLOCK_MAX)
			n = SEEN_BLOCK_MAX;
		r = seen_log_add(&s->log, s->pending.ptr + s->logged, (uint32_t)n, why);
		if (r < 0)
			return r;
		s->logged += n * SEEN_RECORD_BYTES;
	}
	return 0;
}

int
seen_sync(struct seen *s, struct why *why)
{
	int r;

	if (!s->has_log)
		return 0;
	r = log_pending(s, why);
	return r < 0 ? r : seen_log_sync(&s->log, why);
}

int
seen_mark(const struct seen *s, struct buf *ret)
{
	if (!s->has_log)
		return 0;
	if (s->logged < s->pending.len)
		return -EBUSY;
	return seen_log_mark(&s->log, s->urls, ret);
}

void
seen_committed(struct seen *s)
{
	buf_clear(&s->pending);
	s->logged = 0;
}

/* ---- opening ---- */

/* A record of the log. */
static int
take_record(struct seen *s, uint64_t print, uint8_t note)
{
	enum state state = (enum state)(note & NOTE_STATE);
	uint64_t *word;

	if (note > (NOTE_STATE | NOTE_AGAIN))
		return -EBADMSG;
	if ((note & NOTE_AGAIN) == 0)
		s->urls++;
	word = seen_table_find(&s->table, print);
	if (word == NULL)
		return insert(s, print, flags_of(state));
	word_set_state(word, state);
	return 0;
}

/* As much as there is of what `urls` need, at once and not part by part. */
static int
reserve(struct seen *s, uint64_t urls)
{
	int64_t bytes = (int64_t)seen_table_lacks(&s->table, urls);

	if (bytes > s->more_bytes_max - s->more_bytes)
		bytes = s->more_bytes_max - s->more_bytes;
	if (bytes > 0 && s->more(s->ctx, bytes) == 0) {
		s->more_bytes += bytes;
		s->table.bytes_max += (uint64_t)bytes;
		s->table.bytes_more -= (uint64_t)bytes;
	}
	return seen_table_reserve(&s->table, urls);
}

struct load {
	struct seen *s;
	uint64_t urls; /* that there will be */
};

static int
on_records(void *ctx, const char *records, uint32_t n)
{
	struct load *load = ctx;
	const char *end = records + (size_t)n * SEEN_RECORD_BYTES;
	const char *ahead = records + (size_t)HINT_AHEAD * SEEN_RECORD_BYTES;
	struct seen *s = load->s;
	int r = reserve(s, load->urls);

	for (const char *at = records; at < end && r == 0; at += SEEN_RECORD_BYTES) {
		uint64_t print;
		uint8_t note;

		if (ahead < end)
			seen_hint(s, seen_record_get(ahead, &note));
		ahead += SEEN_RECORD_BYTES;
		print = seen_record_get(at, &note);
		r = take_record(s, print, note);
	}
	return r;
}

struct rebuild {
	struct seen *s;
	struct key after;
	uint32_t n;
	int err;
	struct why *why;
};

static bool
rebuild_one(struct rebuild *b, struct slice key, uint64_t print, enum outcome state)
{
	struct seen *s = b->s;
	enum outcome was;
	enum seen_add added;

	/* Two URLs of one fingerprint count as one, as they always did; and so does one that
	 * both tables have. */
	b->err = seen_add(s, print, state, &added, &was);
	if (b->err == 0 && s->pending.len >= (size_t)SEEN_BLOCK_MAX * SEEN_RECORD_BYTES) {
		b->err = log_pending(s, b->why);
		seen_committed(s);
	}
	memcpy(b->after.bytes, key.ptr, key.len < KEY_BYTES ? key.len : KEY_BYTES);
	b->n++;
	return b->err == 0;
}

static bool
is_damaged(struct rebuild *b, const char *what)
{
	b->err = why_set(b->why, -EBADMSG, "the store's table of %s is damaged", what);
	return false;
}

static bool
on_key(void *ctx, struct slice key, struct slice value)
{
	struct rebuild *b = ctx;
	uint64_t authority, print;

	if (!key_parse(key, &authority, &print) || value.len == 0 ||
	    (uint8_t)value.ptr[0] >= OUTCOME_MAX)
		return is_damaged(b, "seen URLs");
	return rebuild_one(b, key, print, (enum outcome)(uint8_t)value.ptr[0]);
}

static bool
on_waiting(void *ctx, struct slice key, struct slice value)
{
	struct rebuild *b = ctx;
	struct urlrec rec;

	if (key.len != KEY_BYTES || urlrec_decode(value, &rec) < 0)
		return is_damaged(b, "URLs that wait");
	return rebuild_one(b, key, rec.url_hash, OUTCOME_NONE);
}

static int
rebuild_from(struct rebuild *b, enum store_table table, store_scan_fn *fn)
{
	struct slice after = {0};
	int r = 0;

	for (b->n = SCAN_MAX; r == 0 && b->n == SCAN_MAX; after = key_whole(&b->after)) {
		b->n = 0;
		r = store_scan(
		    b->s->store, table, (struct slice){0}, after, SCAN_MAX, fn, b);
		if (r < 0 && b->why != NULL)
			*b->why = *store_why(b->s->store);
		if (r == 0)
			r = b->err;
	}
	return r;
}

/* Everything from the store, and a new log. */
static int
rebuild(struct seen *s, struct why *why)
{
	struct rebuild b = {.s = s, .why = why};
	int r = seen_log_start(&s->log, why);

	if (r == 0)
		r = rebuild_from(&b, STORE_SEEN, on_key);
	if (r == 0)
		r = rebuild_from(&b, STORE_QUEUE, on_waiting);
	if (r == 0)
		r = log_pending(s, why);
	seen_committed(s);
	return r;
}

static void
forget_all(struct seen *s)
{
	seen_table_release(&s->table);
	seen_filter_release(&s->filter);
	seen_cold_release(&s->cold);
	s->urls = 0;
}

static int
open_log(struct seen *s, const struct seen_conf *conf, struct why *why)
{
	struct load load = {.s = s};
	int r = seen_log_init(&s->log, conf->dir, why);

	if (r < 0)
		return r;
	s->has_log = true;
	if (conf->mark.len == 0)
		return rebuild(s, why); /* of nothing, if the crawl is new */
	r = seen_log_open(&s->log, conf->mark, &load.urls, on_records, &load, &s->mended);
	if (r == 0 && load.urls != s->urls)
		r = why_set(
		    &s->mended, -EBADMSG, "'%s/seen.log' lacks records", conf->dir);
	if (r == 0)
		s->mended.text[0] = '\0';
	if (r == -EBADMSG) {
		forget_all(s);
		return rebuild(s, why);
	}
	if (r < 0 && s->mended.text[0] == '\0')
		(void)why_set(&s->mended, r, "seen.log: %s", strerrordesc_np(-r));
	if (r < 0 && why != NULL)
		*why = s->mended;
	return r;
}

int
seen_open(const struct seen_conf *conf, struct seen **ret, struct why *why)
{
	uint64_t max = conf->memory_bytes_max;
	struct seen *s = calloc(1, sizeof(*s));
	int r;

	assert(conf->dir != NULL ? conf->store != NULL : max == 0);
	if (s == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	if (max > 0 && max < SEEN_MEMORY_MIN)
		max = SEEN_MEMORY_MIN;
	s->store = conf->store;
	s->more = conf->more;
	s->ctx = conf->ctx;
	s->more_bytes_max = conf->more == NULL ? 0 : conf->more_bytes_max;
	s->filter_bytes = max / FILTER_PART;
	if (s->filter_bytes > FILTER_BYTES_MAX)
		s->filter_bytes = FILTER_BYTES_MAX;
	seen_table_init(&s->table, max - s->filter_bytes);
	s->table.bytes_more = (uint64_t)s->more_bytes_max;
	seen_cold_init(&s->cold);
	buf_init(&s->pending, PENDING_BYTES_MAX);
	s->log.file.fd = s->log.file.dir_fd = -1;
	r = conf->dir == NULL ? 0 : open_log(s, conf, why);
	if (r < 0) {
		seen_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void
seen_close(struct seen *s)
{
	if (s == NULL)
		return;
	seen_log_release(&s->log);
	seen_table_release(&s->table);
	seen_filter_release(&s->filter);
	seen_cold_release(&s->cold);
	buf_release(&s->pending);
	if (s->more_bytes > 0)
		(void)s->more(s->ctx, -s->more_bytes);
	free(s);
}

const char *
seen_mended(const struct seen *s)
{
	return s->mended.text[0] == '\0' ? NULL : s->mended.text;
}

void
seen_stats(const struct seen *s, struct seen_stats *ret)
{
	*ret = (struct seen_stats){.urls = s->urls,
	    .remembered = s->table.len,
	    .memory_bytes = sizeof(*s) + s->table.bytes + seen_filter_bytes(&s->filter) +
			    seen_cold_bytes(&s->cold) + s->pending.cap + s->log.block.cap,
	    .reads = s->reads,
	    .reads_known = s->reads_known};
}

void
seen_check(const struct seen *s)
{
	seen_table_check(&s->table);
	assert(s->table.len <= s->urls);
	assert(seen_cold_is_open(&s->cold) || s->table.len == s->urls);
	assert(s->logged <= s->pending.len);
}
