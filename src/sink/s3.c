/*
 * s3: files of the archive that are whole go to S3-compatible storage while the crawl goes
 * on, on a thread of their own, one at a time.
 *
 * A file is whole for good once a commit has named a later one; until then a crash may cut
 * it back.  So the number of the file that grew at the last commit bounds what may be put.
 * The last file and the rest of the directory are put by uploads_rest(), when the crawl is
 * over and all of it is written.
 *
 * The thread never holds up anybody.  What it could not put is tried again when the next
 * file is whole, and at the end.
 */
#include "base/clock.h"
#include "sink/types.h"
#include "sink/uploads.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

enum { FINISH_MS = 1000 };

struct s3_sink {
	struct uploads *uploads; /* the thread's, once it runs */
	void (*tell)(const char *text);
	const atomic_bool *hurry;
	uint64_t growing, marked; /* numbers of files: now, and in the last mark */
	atomic_bool cancel;
	bool runs;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under the lock. */
	uint64_t below; /* files before that one may be put */
	bool quit, busy;
};

/* -- The thread. -- */

static void
put_files(struct s3_sink *s, uint64_t below)
{
	struct why why, text;
	int r = uploads_archive(s->uploads, below, &why);

	if (r == 0 || r == -ECANCELED || s->tell == NULL)
		return;
	(void)why_set(&text, 0, "s3: %s; it stays here until later", why.text);
	s->tell(text.text);
}

static void *
run(void *ctx)
{
	struct s3_sink *s = ctx;
	uint64_t done = 0;

	(void)pthread_mutex_lock(&s->lock);
	while (!s->quit) {
		uint64_t below = s->below;

		if (below == done) {
			s->busy = false;
			(void)pthread_cond_broadcast(&s->changed);
			(void)pthread_cond_wait(&s->changed, &s->lock);
			continue;
		}
		s->busy = true;
		(void)pthread_mutex_unlock(&s->lock);
		put_files(s, below);
		(void)pthread_mutex_lock(&s->lock);
		done = below;
	}
	s->busy = false;
	(void)pthread_mutex_unlock(&s->lock);
	return NULL;
}

static int
start(struct s3_sink *s)
{
	pthread_condattr_t attr;
	int r = pthread_condattr_init(&attr);

	if (r == 0)
		r = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (r == 0)
		r = pthread_cond_init(&s->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
	if (r == 0)
		r = pthread_mutex_init(&s->lock, NULL);
	if (r == 0)
		r = pthread_create(&s->thread, NULL, run, s);
	if (r != 0)
		return -r;
	(void)pthread_setname_np(s->thread, "s3");
	s->runs = true;
	return 0;
}

/* -- The sink. -- */

static int
s3_open(
    struct sink *sink, const struct sink_conf *conf, struct slice mark, struct why *why)
{
	struct s3_sink *s = calloc(1, sizeof(*s));
	int r;

	(void)mark; /* what is there, is in s3.log */
	if (s == NULL)
		return why_set(why, -ENOMEM, "no memory for --sink s3");
	s->tell = conf->tell;
	s->hurry = conf->hurry;
	r = conf->s3 == NULL ? why_set(why, -EINVAL, "there is no --s3-endpoint")
			     : uploads_new(conf->s3, conf->dir, &s->cancel, conf->tell,
				   &s->uploads, why);
	if (r < 0) {
		free(s);
		return why_prefix(why, r, "--sink s3");
	}
	sink->priv = s;
	return 0;
}

/* It is fed after the archive, which says where it is. */
static int
s3_event(struct sink *sink, struct sink_event *e, struct why *why)
{
	struct s3_sink *s = sink->priv;
	uint64_t serial;

	(void)why;
	if (uploads_serial(e->warc_file, &serial))
		s->growing = serial;
	return 0;
}

static int
s3_flush(struct sink *sink, struct why *why)
{
	(void)sink, (void)why;
	return 0;
}

static int
s3_mark(struct sink *sink, struct buf *out)
{
	struct s3_sink *s = sink->priv;

	(void)out;
	s->marked = s->growing;
	return 0;
}

static int
s3_committed(struct sink *sink, struct why *why)
{
	struct s3_sink *s = sink->priv;
	int r;

	if (s->marked == 0)
		return 0;
	if (!s->runs) {
		r = start(s);
		if (r < 0)
			return why_set(
			    why, r, "no thread for --sink s3: %s", strerrordesc_np(-r));
	}
	(void)pthread_mutex_lock(&s->lock);
	if (s->marked > s->below) {
		s->below = s->marked;
		s->busy = true;
		(void)pthread_cond_broadcast(&s->changed);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return 0;
}

/* What is under way may come to its end, unless somebody waits for the crawl's. */
static int
s3_finish(struct sink *sink, struct why *why)
{
	struct s3_sink *s = sink->priv;
	int64_t until_ms = clock_mono_ms() + FINISH_MS;
	bool busy;

	(void)why;
	if (!s->runs || (s->hurry != NULL && atomic_load(s->hurry)))
		return 0;
	(void)pthread_mutex_lock(&s->lock);
	while (s->busy && clock_mono_ms() < until_ms) {
		struct timespec at;

		(void)clock_gettime(CLOCK_MONOTONIC, &at);
		at.tv_sec++;
		(void)pthread_cond_timedwait(&s->changed, &s->lock, &at);
	}
	busy = s->busy;
	(void)pthread_mutex_unlock(&s->lock);
	return busy ? -EAGAIN : 0;
}

static int
s3_close(struct sink *sink, bool finished, struct why *why)
{
	struct s3_sink *s = sink->priv;

	(void)finished, (void)why;
	if (s->runs) {
		atomic_store(&s->cancel, true);
		(void)pthread_mutex_lock(&s->lock);
		s->quit = true;
		(void)pthread_cond_broadcast(&s->changed);
		(void)pthread_mutex_unlock(&s->lock);
		(void)pthread_join(s->thread, NULL);
		(void)pthread_cond_destroy(&s->changed);
		(void)pthread_mutex_destroy(&s->lock);
	}
	uploads_free(s->uploads);
	free(s);
	return 0;
}

const struct sink_type sink_s3 = {
    .name = "s3",
    .open = s3_open,
    .put = s3_event,
    .flush = s3_flush,
    .sync = s3_flush,
    .mark = s3_mark,
    .committed = s3_committed,
    .finish = s3_finish,
    .close = s3_close,
};
