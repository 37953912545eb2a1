#include "base/log.h"
#include "ctl/service_int.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Old runs go: of each job all but the newest `history.keep_runs`, and those older than
 * `history.keep_for`.  First their files, then what the registry has of them, so that what a
 * crash leaves is found again.  A few at a time, and again until nothing is left to do.
 */
enum { PRUNE_AT_ONCE = 20, AGAIN_MS = 1000, HOUR_MS = 3600 * 1000, DEPTH_MAX = 16 };

struct prune {
	struct chore chore;
	struct service *service;
	struct registry *registry;
	int64_t keep_runs, before_us; /* INT64_MAX: all; 0: whatever its age */
	int64_t keys_before_us;
	uint64_t ids[PRUNE_AT_ONCE];
	size_t n;
	char dir[4096]; /* state_dir/runs */
};

/* ---- which [registry] ---- */

static int
find_work(struct chore *c)
{
	struct prune *p = container_of(c, struct prune, chore);
	sqlite3 *db = registry_db(p->registry);
	sqlite3_stmt *s;
	int code = SQLITE_DONE, r;

	/* Keys of clients are of no use for longer than a day. */
	r = registry_forget_keys(db, p->keys_before_us, &c->why);
	if (r < 0)
		return r;
	if (sqlite3_prepare_v2(db,
		"SELECT id FROM (SELECT id, ended_us, row_number() OVER"
		" (PARTITION BY job ORDER BY id DESC) AS n FROM runs"
		" WHERE state IN ('done', 'cancelled', 'failed'))"
		" WHERE n > ?1 OR ended_us < ?2 ORDER BY id LIMIT ?3",
		-1, &s, NULL) != SQLITE_OK)
		return registry_error(db, &c->why);
	(void)sqlite3_bind_int64(s, 1, p->keep_runs);
	(void)sqlite3_bind_int64(s, 2, p->before_us);
	(void)sqlite3_bind_int(s, 3, PRUNE_AT_ONCE);
	while (p->n < PRUNE_AT_ONCE && (code = sqlite3_step(s)) == SQLITE_ROW)
		p->ids[p->n++] = (uint64_t)sqlite3_column_int64(s, 0);
	(void)sqlite3_finalize(s);
	return p->n < PRUNE_AT_ONCE && code != SQLITE_DONE ? registry_error(db, &c->why)
							   : 0;
}

/* ---- their files [reports] ---- */

static int
remove_tree(int above, const char *name, unsigned depth)
{
	int fd, r = 0;
	struct dirent *d;
	DIR *dir;

	if (unlinkat(above, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (depth == DEPTH_MAX)
		return -ELOOP;
	fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (dir == NULL) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	while (r == 0 && (d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			r = remove_tree(dirfd(dir), d->d_name, depth + 1);
	(void)closedir(dir);
	if (r == 0 && unlinkat(above, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}

static int
remove_work(struct chore *c)
{
	struct prune *p = container_of(c, struct prune, chore);
	size_t kept = 0;

	for (size_t i = 0; i < p->n; i++) {
		char path[4200];
		int r;

		(void)snprintf(path, sizeof(path), "%s/%" PRIu64, p->dir, p->ids[i]);
		r = remove_tree(AT_FDCWD, path, 0);
		if (r < 0)
			(void)why_set(
			    &c->why, r, "cannot remove %s: %s", path, strerror(-r));
		else
			p->ids[kept++] = p->ids[i];
	}
	p->n = kept;
	return 0;
}

/* ---- their rows [registry] ---- */

static int
forget_work(struct chore *c)
{
	struct prune *p = container_of(c, struct prune, chore);
	int r = 0;

	for (size_t i = 0; i < p->n && r == 0; i++)
		r = registry_delete_run(registry_db(p->registry), p->ids[i], &c->why);
	return r;
}

/* What is kept for a short time is looked at more often, so that a quarter is added at most. */
static int64_t
later_ms(const struct service *s)
{
	int64_t ms = s->settings->history_keep_for;

	return ms == OPTION_NONE || ms / 4 > HOUR_MS ? HOUR_MS : ms / 4;
}

static void
end(struct prune *p, int64_t again_ms)
{
	struct service *s = p->service;

	s->pruning = false;
	if (!s->draining)
		(void)timer_start(&s->prune, s->prune_again ? AGAIN_MS : again_ms);
	free(p);
}

static void
forget_done(struct chore *c)
{
	struct prune *p = container_of(c, struct prune, chore);

	if (c->err < 0)
		log_error("old runs: %s", c->why.text);
	else if (p->n > 0)
		log_info("old runs: %zu removed, with their files", p->n);
	end(p, c->err == 0 && p->n == PRUNE_AT_ONCE ? AGAIN_MS : later_ms(p->service));
}

static void
remove_done(struct chore *c)
{
	struct prune *p = container_of(c, struct prune, chore);

	if (c->err < 0) { /* nothing was removed */
		end(p, later_ms(p->service));
		return;
	}
	if (c->why.text[0] != '\0')
		log_error("old runs: %s", c->why.text);
	c->work = forget_work;
	c->done = forget_done;
	if (registry_send(p->registry, c) < 0)
		end(p, later_ms(p->service));
}

static void
find_done(struct chore *c)
{
	struct prune *p = container_of(c, struct prune, chore);

	if (c->err < 0)
		log_error("old runs: %s", c->why.text);
	c->work = remove_work;
	c->done = remove_done;
	if (c->err < 0 || p->n == 0 || p->service->draining ||
	    chores_send(p->service->reports, c) < 0)
		end(p, later_ms(p->service));
}

void
history_prune(void *ctx)
{
	struct service *s = ctx;
	const struct settings *set = s->settings;
	int64_t now_us = loop_wall_us(s->loop);
	struct prune *p;

	s->prune_again = s->pruning;
	if (s->pruning || s->draining)
		return;
	(void)timer_start(&s->prune, later_ms(s)); /* if nothing can be begun now */
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return;
	p->chore.work = find_work;
	p->chore.done = find_done;
	p->service = s;
	p->registry = s->registry;
	p->keep_runs = set->history_keep_runs;
	p->keys_before_us = now_us - KEY_LIFE_US;
	/* Whoever keeps them for longer than clocks count keeps all. */
	if (set->history_keep_for < now_us / 1000)
		p->before_us = now_us - set->history_keep_for * 1000;
	(void)snprintf(p->dir, sizeof(p->dir), "%s/runs", set->service_state_dir);
	if (registry_send(s->registry, &p->chore) < 0) {
		free(p);
		return;
	}
	s->pruning = true;
}
