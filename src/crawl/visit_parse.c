#include "base/log.h"
#include "crawl/crawl_internal.h"
#include "crawl/parse.h"
#include "web/coding.h"
#include "web/http.h"
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * What a worker makes of an answer, and answers that workers die of.
 *
 *   first death    suspect: parsed once more, alone, when no other suspect is
 *   second death   not parsed any more: a worker is only to archive it, alone
 *   third death    the store thread makes its records of the bytes
 *
 * From the second on it goes into the quarantine.  A host whose documents have cost some
 * workers is suspect as a whole, and after more of them nothing of it is parsed.
 */

enum {
	TASK_SMALL_BYTES = 64 << 10,
	WAITING_LOOKS = 8, /* at answers that have to go on waiting, at a time */
	PARSE_DEATHS_MAX = 2,
	HOST_DEATHS_SUSPECT = 2, /* of one authority: its documents are suspects */
	HOST_DEATHS_MAX = 8,     /* ... and are not parsed any more */
	SUSPECTS_MAX = 16,       /* wait; others are archived without being parsed */
	SUSPECTS_PART = 16,      /* nor more of the arena than this part */
	UNARCHIVED_MAX = 3,      /* pages in a row: then the workers are broken */
};

static void on_parsed(void *ctx, enum pool_end end, struct slice result);

/* ---- who is suspect ---- */

static size_t
deaths_of(const struct visit *v)
{
	return v->harm == NULL ? 0 : v->harm->report.deaths_len;
}

static uintptr_t
host_deaths(const struct visit *v)
{
	return (uintptr_t)umap_get(&v->crawl->harmful_hosts, v->rec->authority_hash);
}

/* A robots.txt decides about its host, and is parsed as long as it does no harm itself. */
static bool
is_to_be_parsed(const struct visit *v)
{
	return deaths_of(v) < PARSE_DEATHS_MAX && !v->overlooked &&
	       (v->robots || host_deaths(v) < HOST_DEATHS_MAX);
}

static bool
is_suspect(const struct visit *v)
{
	return deaths_of(v) >= PARSE_DEATHS_MAX ||
	       (is_to_be_parsed(v) &&
		   (deaths_of(v) > 0 || host_deaths(v) >= HOST_DEATHS_SUSPECT));
}

/* Not when something outside killed the worker (a person, the kernel for want of memory),
 * which says nothing of the host. */
static bool
is_the_hosts_doing(const struct death *d)
{
	return d->end == POOL_TIMEOUT ||
	       (d->end == POOL_CRASH && (d->how.breach || d->how.signal != SIGKILL));
}

static void
count_for_host(struct visit *v, const struct death *d)
{
	struct umap *hosts = &v->crawl->harmful_hosts;
	uintptr_t n = host_deaths(v) + 1;

	if (!is_the_hosts_doing(d))
		return;
	(void)umap_take(hosts, v->rec->authority_hash);
	/* Without room it is counted from none again. */
	(void)umap_put(hosts, v->rec->authority_hash, (void *)n);
	if (n == HOST_DEATHS_MAX)
		log_warn_of(CRAWL_ABOUT(v->crawl, v->rec->url),
		    "%d workers died or hung at documents of one host, which are "
		    "archived and not parsed from now on: url=%s",
		    HOST_DEATHS_MAX, LOG_TEXT(v->rec->url));
}

/* -ENOMEM: then it cannot be told, and must not be forgotten. */
static int
note_death(struct visit *v, enum pool_end end)
{
	struct crawl *c = v->crawl;
	uint64_t bytes = v->result.t.head_len + v->result.t.body_len;
	struct death *d;

	if (v->harm == NULL)
		v->harm = calloc(1, sizeof(*v->harm));
	if (v->harm == NULL)
		return -ENOMEM;
	assert(v->harm->report.deaths_len < VISIT_DEATHS_MAX);
	d = &v->harm->deaths[v->harm->report.deaths_len];
	*d = (struct death){.end = end == POOL_DONE ? POOL_ERROR : end,
	    .how = pool_death(c->engine->pool),
	    .archiving = v->unparsed,
	    .timeout_ms = parse_timeout_ms(bytes),
	    .wall_us = loop_wall_us(c->loop)};
	count_for_host(v, d);
	v->harm->report.deaths_len++;
	log_info_of(CRAWL_ABOUT(v->crawl, v->rec->url),
	    "worker %s (signal %d) at url=%s (%zu)", pool_end_name(d->end), d->how.signal,
	    LOG_TEXT(v->rec->url), deaths_of(v));
	return 0;
}

/* True: it waits until no other suspect is with a worker. */
static bool
has_to_wait(struct visit *v)
{
	struct crawl *c = v->crawl;
	uint64_t cap = v->result.t.block.cap;

	if (!is_suspect(v) || c->suspect == v)
		return false;
	if (c->suspect == NULL) {
		c->suspect = v;
		return false;
	}
	if (c->suspects_len >= SUSPECTS_MAX ||
	    c->suspects_bytes + cap > shm_bytes(c->engine->shm) / SUSPECTS_PART) {
		v->overlooked = true; /* before it holds up others */
		return false;
	}
	c->suspects_len++;
	c->suspects_bytes += cap;
	v->waits_as_suspect = true;
	visit_to(v, VISIT_QUEUED);
	list_push(&c->suspects, &v->on_parse_wait);
	return true;
}

static void
leave_suspects(struct visit *v)
{
	if (!v->waits_as_suspect)
		return;
	v->waits_as_suspect = false;
	v->crawl->suspects_len--;
	v->crawl->suspects_bytes -= v->result.t.block.cap;
	list_remove(&v->on_parse_wait);
}

void
visit_unsuspect(struct visit *v)
{
	leave_suspects(v);
	if (v->crawl->suspect == v)
		v->crawl->suspect = NULL;
}

static void
next_suspect(struct crawl *c)
{
	while (c->suspect == NULL && !list_is_empty(&c->suspects) &&
	       c->phase <= CRAWL_STOPPING) {
		struct visit *v =
		    container_of(c->suspects.next, struct visit, on_parse_wait);

		leave_suspects(v);
		visit_parse(v); /* v may be gone */
	}
}

/* ---- to the worker ---- */

static enum warc_cut
cut_of(const struct visit *v)
{
	static const enum warc_cut cuts[] = {[TRANSPORT_WHOLE] = WARC_CUT_NONE,
	    [TRANSPORT_CUT_LENGTH] = WARC_CUT_LENGTH,
	    [TRANSPORT_CUT_TIME] = WARC_CUT_TIME,
	    [TRANSPORT_CUT_DISCONNECT] = WARC_CUT_DISCONNECT};

	return cuts[v->result.t.cut];
}

/* Another file may be growing when its records come. */
static const char *
note_warcinfo(struct visit *v)
{
	memcpy(v->warcinfo_id, v->crawl->warcinfo_id, sizeof(v->warcinfo_id));
	return v->warcinfo_id;
}

/* What the archive has of it: where nothing has changed the worker makes a revisit. */
static void
refer_to(const struct visit *v, struct warc_original *ret, char id[SAVED_ORIGINAL_ID_MAX])
{
	const struct saved_page *was = &v->was;

	if (was->state != PAGE_THERE || !saved_original_is(&was->original))
		return;
	saved_original_id(&was->original, id);
	*ret = (struct warc_original){.id = slice_cstr(id),
	    .uri = was->original.uri.len > 0 ? was->original.uri : v->rec->url,
	    .wall_us = was->original.wall_us,
	    .payload_digest = was->digest};
}

static int
task_for(struct visit *v, struct buf *head)
{
	char original_id[SAVED_ORIGINAL_ID_MAX];
	const struct transport_result *t = &v->result.t;
	struct task task = {.kind = v->robots ? TASK_ROBOTS : TASK_PAGE,
	    .link = (enum link_kind)v->rec->kind,
	    .cut = cut_of(v),
	    .sitemap = (v->rec->flags & URLREC_SITEMAP) != 0,
	    .archive =
		v->crawl->warcinfo_id[0] != '\0' && (v->rec->flags & URLREC_CHECK) == 0,
	    .depth = v->rec->depth,
	    .redirects = v->rec->redirects,
	    .flags = v->rec->flags,
	    .head_bytes = (uint32_t)t->head_len,
	    .wall_us = v->result.began_wall_us,
	    .fetch_ms = t->total_ms,
	    .url = v->rec->url,
	    .via = v->rec->via,
	    .hops = v->rec->hops,
	    .ip = slice_cstr(v->ip),
	    .protocol = slice_cstr(t->protocol),
	    .request = buf_slice(&v->request),
	    .warcinfo_id = slice_cstr(note_warcinfo(v))};

	v->unparsed = !is_to_be_parsed(v);
	if (v->unparsed)
		task.kind = TASK_ARCHIVE;
	for (size_t i = 0; i < 4; i++)
		task.record_id[i] = crawl_random(v->crawl);
	memcpy(v->commit.record_id, task.record_id, sizeof(v->commit.record_id));
	refer_to(v, &task.original, original_id);
	return task_encode(&task, head);
}

static void
result_weighs(struct visit *v, uint64_t bytes)
{
	v->crawl->result_bytes += bytes - v->result_bytes;
	v->result_bytes = bytes;
}

static void
task_weighs(struct visit *v, uint64_t bytes)
{
	v->crawl->tasks_bytes += bytes - v->task_bytes;
	v->task_bytes = bytes;
}

/*
 * The most that a worker may take for a task.  Of small answers, what it usually takes: if
 * all of them are bombs the workers take a dozen MiB each.
 */
static uint64_t
task_guess(const struct visit *v)
{
	struct crawl_memory m = crawl_memory(v->crawl->o);
	const struct transport_result *t = &v->result.t;
	uint64_t body = t->body_len, text = body, bytes;
	struct slice head =
	    slice_of(shm_ptr(v->crawl->engine->shm, &t->block), t->head_len);

	if (body <= TASK_SMALL_BYTES)
		return body * 8;
	if (http_header_get(head, SLICE_LIT("content-encoding")).len > 0 ||
	    (v->rec->flags & URLREC_SITEMAP) != 0)
		text = CODING_RATIO_FREE + body * CODING_RATIO_MAX;
	if (text > m.decoded_bytes_max && text != body)
		text = m.decoded_bytes_max;
	/* The records twice, what was decoded, what is noted of that, and a copy. */
	bytes = body * 2 + (text != body ? text : 0) +
		(crawl_copy(v->crawl->o) != PARSE_COPY_NONE ? text * 2 : 0) +
		(text * 4 < m.notes_bytes_max ? text * 4 : m.notes_bytes_max);
	return bytes < m.tasks_bytes ? bytes : m.tasks_bytes;
}

static bool
has_memory(const struct visit *v)
{
	const struct crawl *c = v->crawl;
	struct crawl_memory m = crawl_memory(c->o);

	return c->result_bytes <= m.result_bytes &&
	       (c->tasks_bytes == 0 || c->tasks_bytes + task_guess(v) <= m.tasks_bytes);
}

/* Of a result that is not here yet: what it usually is, or for a sitemap at most. */
static uint64_t
result_guess(const struct visit *v)
{
	if ((v->rec->flags & URLREC_SITEMAP) != 0)
		return FOUND_SITEMAP_LINKS_MAX *
		       (sizeof(struct found_link) + sizeof(struct urlrec) + 128);
	return v->result.t.body_len * 2;
}

static void
fail_without_workers(struct crawl *c)
{
	struct why why;

	(void)why_set(
	    &why, 0, "no parser process can be had: %s", pool_trouble(c->engine->pool));
	crawl_fail(c, CRAWL_WORKERS, why.text);
}

void
visit_parse(struct visit *v)
{
	struct crawl *c = v->crawl;
	const struct transport_result *t = &v->result.t;
	uint64_t bytes = t->head_len + t->body_len;
	struct pool_task task = {.context = c->context,
	    .owner = v->rec->authority_hash,
	    .body = slice_of(shm_ptr(c->engine->shm, &t->block), bytes),
	    .timeout_ms = parse_timeout_ms(bytes)};
	struct buf head;
	int r;

	if (v->came_us == 0)
		v->came_us = loop_now_us(c->loop);
	if (has_to_wait(v))
		return;
	task.alone = is_suspect(v);
	buf_init(&head, 64 << 10);
	r = has_memory(v) ? task_for(v, &head) : -EAGAIN;
	if (r == 0) {
		task.head = buf_slice(&head);
		r = pool_apply(c->engine->pool, &task, on_parsed, v, &v->pool_id);
	}
	buf_release(&head);
	if (r == 0) {
		result_weighs(v, result_guess(v));
		task_weighs(v, task_guess(v));
		visit_to(v, VISIT_PARSE);
	} else if (r == -EAGAIN) {
		visit_to(v, VISIT_QUEUED);
		list_push(&c->parse_wait, &v->on_parse_wait);
	} else {
		fail_without_workers(c);
		visit_drop(v); /* stays queued */
	}
}

/* Whoever waits longest, until one finds no room and waits again. */
void
visits_parse_waiting(struct crawl *c)
{
	struct list *at;

	/* One that is too much for now does not hold up those behind it. */
	for (int full = 0;
	     full < WAITING_LOOKS && (at = list_pop(&c->parse_wait)) != NULL;) {
		visit_parse(container_of(at, struct visit, on_parse_wait)); /* or gone */
		full += c->parse_wait.prev == at;
	}
	next_suspect(c);
}

/* ---- from the worker ---- */

/* The result, copied out of the worker's hands and checked. */
static int
take_found(struct visit *v, struct slice result)
{
	uint32_t n = found_links_len(result);
	struct found_link *links;
	struct slice copy;
	int r;

	v->bytes = malloc(result.len + 1);
	links = calloc((size_t)n + 1, sizeof(*links));
	if (v->bytes == NULL || links == NULL) {
		free(links);
		free(v->bytes);
		v->bytes = NULL;
		return -ENOMEM;
	}
	memcpy(v->bytes, result.ptr, result.len);
	copy = slice_of(v->bytes, result.len);
	r = found_decode(copy, links, n, &v->found);
	if (r < 0) {
		free(links);
		free(v->bytes);
		v->bytes = NULL;
		return r;
	}
	result_weighs(v, result.len + n * (sizeof(*links) + sizeof(*v->commit.fresh)));
	return 0;
}

static enum outcome
outcome_of_parse(const struct visit *v)
{
	if (!v->unparsed)
		return v->result.outcome;
	if (deaths_of(v) == 0)
		return OUTCOME_PARSE_CRASH; /* of others of its host */
	return v->harm->deaths[deaths_of(v) > 1].end == POOL_TIMEOUT
		   ? OUTCOME_PARSE_TIMEOUT
		   : OUTCOME_PARSE_CRASH;
}

/* For the store thread: it lives as long as the visit, and so does the answer. */
static void
fill_report(struct visit *v)
{
	struct crawl *c = v->crawl;
	const struct transport_result *t = &v->result.t;
	const char *answer = shm_ptr(c->engine->shm, &t->block);
	struct quarantine_case *k = &v->harm->report;

	k->deaths = v->harm->deaths;
	k->authority_hash = url_hash(urlrec_authority(v->rec), c->hash_seed);
	k->url_hash = url_hash(v->rec->url, c->hash_seed);
	k->url = v->rec->url;
	k->via = v->rec->via;
	k->ip = slice_cstr(v->ip);
	k->status = t->status;
	k->fetched_wall_us = v->result.began_wall_us;
	k->head = slice_of(answer, t->head_len);
	k->body = slice_of(answer + t->head_len, t->body_len);
	v->commit.harm = k;
}

static void
fill_exchange(struct visit *v)
{
	const struct quarantine_case *k = &v->harm->report;
	struct warc_exchange *x = &v->harm->exchange;

	*x = (struct warc_exchange){.uri = k->url,
	    .ip = k->ip,
	    .protocol = slice_cstr(v->result.t.protocol),
	    .wall_us = k->fetched_wall_us,
	    .warcinfo_id = slice_cstr(note_warcinfo(v)),
	    .request = buf_slice(&v->request),
	    .head = k->head,
	    .body = k->body,
	    .cut = cut_of(v),
	    .via = k->via,
	    .hops = v->rec->hops,
	    .fetch_ms = v->result.t.total_ms};
	for (size_t i = 0; i < 4; i++)
		x->record_id[i] = crawl_random(v->crawl);
	memcpy(v->commit.record_id, x->record_id, sizeof(v->commit.record_id));
	v->commit.exchange = x;
}

static void
parse_is_over(struct visit *v, bool archived)
{
	struct crawl *c = v->crawl;

	if (c->suspect == v)
		c->suspect = NULL;
	if (deaths_of(v) >= PARSE_DEATHS_MAX)
		fill_report(v);
	else
		shm_free(c->engine->shm, &v->result.t.block);
	if (archived) {
		c->unarchived = 0;
	} else {
		fill_exchange(v);
		if (++c->unarchived >= UNARCHIVED_MAX)
			crawl_fail(
			    c, CRAWL_WORKERS, "the parser processes die at every page");
	}
	if (v->found.links_cut > 0)
		log_warn_of(CRAWL_ABOUT(v->crawl, v->rec->url),
		    "more links than %u, %u left out: url=%s",
		    v->crawl->o->limits_max_links, v->found.links_cut,
		    LOG_TEXT(v->rec->url));
	if (!visit_bounce(v))
		visit_commit(v, outcome_of_parse(v));
}

static void
on_parsed(void *ctx, enum pool_end end, struct slice result)
{
	struct visit *v = ctx;
	struct crawl *c = v->crawl;
	int r = end == POOL_DONE ? take_found(v, result) : -EIO;

	if (r < 0)
		result_weighs(v, 0); /* or it would wait for itself */
	task_weighs(v, 0);
	if (r == 0) {
		v->parsed_us = loop_now_us(c->loop);
		parse_is_over(v, true);
	} else if (end != POOL_CANCELLED && note_death(v, end) < 0) {
		crawl_fail(c, CRAWL_STORE, "out of memory");
		visit_drop(v);
	} else if (deaths_of(v) == VISIT_DEATHS_MAX) {
		parse_is_over(v, false);
	} else {
		visit_parse(v);
	}
	visits_parse_waiting(c); /* its memory is free */
}

void
visit_tell_harm(const struct visit *v)
{
	if (v->commit.harm == NULL)
		return;
	if (v->commit.kept_as[0] == '\0')
		log_warn_of(CRAWL_ABOUT(v->crawl, v->rec->url),
		    "%s, and the quarantine is full: url=%s",
		    outcome_name(v->commit.event.outcome), LOG_TEXT(v->rec->url));
	else
		log_warn_of(CRAWL_ABOUT(v->crawl, v->rec->url),
		    "%s, see quarantine/%s.json: url=%s",
		    outcome_name(v->commit.event.outcome), v->commit.kept_as,
		    LOG_TEXT(v->rec->url));
}
