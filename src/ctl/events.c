#include "ctl/events.h"
#include "base/list.h"
#include "base/log.h"
#include "ctl/event_ring.h"
#include "ctl/run_view.h"
#include "ctl/service.h"
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	EVENT_BYTES_MAX = 256 << 10, /* of one */
	LINES_MAX = 64,              /* of the log that wait for the loop */
	LINE_BYTES_MAX = 1024,
	RETRY_MS = 2000, /* that clients wait before they come again */
};

/* What is watched of a run that crawls. */
struct feed {
	struct list on_events;
	struct events *events;
	uint64_t run;
	struct crawl *crawl;
	uint32_t pages_left; /* that may be told this second */
	uint64_t pages_untold;
	struct crawl_totals before; /* at the last tick */
	int64_t before_ms;          /* 0: there was none */
};

struct listener {
	struct list on_events;
	struct events *events;
	struct request *request;
	uint64_t run;
	unsigned kinds;
	uint64_t at;      /* number of the next event it is to hear */
	struct buf out;   /* what is being sent of it */
	size_t sent;      /* of out */
	int64_t heard_ms; /* when it was told something last */
	bool ends;        /* its run is over: when all was told it is closed */
	bool is_asleep;   /* it waits for request_stream_more() */
};

struct events {
	struct service *service;
	struct loop *loop;
	struct event_ring ring;
	uint64_t epoch, told, gaps;
	struct list listeners, feeds;
	uint32_t listeners_len;
	struct service_watch watch;
	struct timer tick;
	struct later wakes;
	struct buf text; /* the event that is being made */
	struct wake *lines_wake;
	pthread_mutex_t lines_lock;
	struct {
		enum log_level level;
		char text[LINE_BYTES_MAX];
	} lines[LINES_MAX];
	uint32_t lines_len, lines_lost;
};

bool
event_kind_find(struct slice name, enum event_kind *ret)
{
	static const char *const names[] = {
#define X(id, name) name,
	    EVENT_KINDS(X)
#undef X
	};

	for (unsigned i = 0; i < EVENT_KIND_MAX; i++) {
		if (!slice_eq(name, slice_cstr(names[i])))
			continue;
		*ret = (enum event_kind)i;
		return true;
	}
	return false;
}

/* ---- telling ---- */

/* "id: ...\nevent: ...\ndata: " into e->text, and the JSON that follows. */
static void
begin(struct events *e, const char *kind, struct jsonw *j)
{
	char id[EVENT_ID_MAX];

	event_id_print(e->epoch, e->ring.next, id);
	buf_clear(&e->text);
	(void)buf_printf(&e->text, "id: %s\nevent: %s\ndata: ", id, kind);
	jsonw_init(j, &e->text);
}

/* One that cannot be kept is lost to all, and they hear of it: its number is used up. */
static void
end(struct events *e, uint64_t run, enum event_kind kind, struct jsonw *j)
{
	static const char lost[] = "event: gap\ndata: {\"lost\":1}\n\n";
	int r = j->err;

	if (r == 0)
		r = buf_add_cstr(&e->text, "\n\n");
	if (r == 0)
		r = event_ring_add(&e->ring, run, kind, buf_slice(&e->text));
	if (r < 0)
		(void)event_ring_add(&e->ring, run, kind, slice_cstr(lost));
	later_start(&e->wakes);
}

static void
tell_run(struct events *e, const struct service_run *run)
{
	struct jsonw j;

	begin(e, "run", &j);
	run_write(&j, NULL, run);
	end(e, run->id, EVENT_RUN, &j);
}

/* ---- runs that crawl ---- */

static void
on_crawl(void *ctx, const struct crawl_event *what)
{
	struct feed *f = ctx;
	struct events *e = f->events;
	const struct sink_event *page = what->fetch;
	struct jsonw j;

	if (page == NULL || !page->final || page->internal || e->listeners_len == 0)
		return;
	if (f->pages_left == 0) {
		f->pages_untold++;
		return;
	}
	f->pages_left--;
	begin(e, "page", &j);
	jsonw_object(&j, NULL);
	jsonw_int(&j, "run", (int64_t)f->run);
	jsonw_str(&j, "url", slice_head(page->url, 4096));
	jsonw_str(&j, "outcome", slice_cstr(outcome_name(page->outcome)));
	jsonw_int(&j, "status", page->status);
	jsonw_opt(&j, "mime", slice_head(page->mime, 200));
	jsonw_int(&j, "bytes_body", (int64_t)page->body_bytes);
	jsonw_int(&j, "ms", page->total_ms);
	jsonw_opt(&j, "why", slice_head(page->detail, 500));
	jsonw_object_end(&j);
	end(e, f->run, EVENT_PAGE, &j);
}

static struct feed *
feed_of(struct events *e, uint64_t run)
{
	list_foreach (at, &e->feeds) {
		struct feed *f = container_of(at, struct feed, on_events);

		if (f->run == run)
			return f;
	}
	return NULL;
}

static void
feed_free(struct feed *f)
{
	list_remove(&f->on_events);
	free(f);
}

/* Of a crawl that is gone already, or lives as long as the feed. */
static void
feed_update(struct events *e, const struct service_run *run)
{
	struct feed *f = feed_of(e, run->id);

	if (f != NULL && f->crawl != run->crawl) {
		feed_free(f);
		f = NULL;
	}
	if (f != NULL || run->crawl == NULL)
		return;
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return;
	*f = (struct feed){.events = e,
	    .run = run->id,
	    .crawl = run->crawl,
	    .pages_left = EVENTS_PAGES_A_SECOND};
	if (crawl_subscribe(run->crawl, CRAWL_EVENT_FETCH, on_crawl, f) < 0) {
		free(f);
		return;
	}
	list_push(&e->feeds, &f->on_events);
}

static void
on_change(void *ctx, const struct service_run *run)
{
	struct events *e = ctx;

	feed_update(e, run);
	tell_run(e, run);
	if (!run_state_is_over(run->state))
		return;
	list_foreach (at, &e->listeners) {
		struct listener *l = container_of(at, struct listener, on_events);

		l->ends |= l->run == run->id;
	}
}

/* ---- once a second ---- */

static double
a_second(uint64_t now, uint64_t before, int64_t ms)
{
	return ms <= 0 || now < before ? 0 : (double)(now - before) * 1000 / (double)ms;
}

static uint64_t
errors_of(const struct crawl_totals *t)
{
	return t->failed + t->outcomes[OUTCOME_HTTP_4XX] + t->outcomes[OUTCOME_HTTP_5XX];
}

static void
write_progress(
    struct jsonw *j, struct feed *f, const struct crawl_stats *s, int64_t now_ms)
{
	const struct crawl_totals *t = &s->totals;
	int64_t ms = f->before_ms == 0 ? 0 : now_ms - f->before_ms;

	jsonw_int(j, "discovered", (int64_t)t->discovered);
	jsonw_int(j, "fetched", (int64_t)t->fetched);
	jsonw_int(j, "failed", (int64_t)t->failed);
	jsonw_int(j, "rejected", (int64_t)t->rejected);
	jsonw_int(j, "queued", (int64_t)t->queued);
	jsonw_int(j, "in_flight", (int64_t)t->in_flight);
	jsonw_int(j, "pages", (int64_t)t->pages);
	jsonw_int(j, "errors", (int64_t)errors_of(t));
	jsonw_int(j, "bytes_wire", (int64_t)t->wire_bytes);
	jsonw_int(j, "ms", s->crawl_ms);
	jsonw_real(j, "pages_per_second", a_second(t->pages, f->before.pages, ms));
	jsonw_real(
	    j, "errors_per_second", a_second(errors_of(t), errors_of(&f->before), ms));
	jsonw_real(
	    j, "bytes_per_second", a_second(t->wire_bytes, f->before.wire_bytes, ms));
	jsonw_int(j, "transfers", s->transfers);
	jsonw_int(j, "parsing", s->parsing);
	jsonw_int(j, "committing", s->committing);
	jsonw_str(j, "held_by", slice_cstr(wait_cause_name(s->held)));
	jsonw_int(j, "hosts_ready", s->frontier.hosts_ready);
	jsonw_int(j, "hosts_waiting", s->frontier.hosts_waiting);
	jsonw_object(j, "waiting_now"); /* hosts, by what they wait for */
	for (unsigned i = 1; i < WAIT_CAUSE_MAX; i++)
		if (s->frontier.waiting_now[i] > 0)
			jsonw_int(j, wait_cause_name((enum wait_cause)i),
			    s->frontier.waiting_now[i]);
	jsonw_object_end(j);
	jsonw_object(j, "wait_ms");
	for (unsigned i = 1; i < WAIT_CAUSE_MAX; i++)
		if (s->wait_ms[i] > 0)
			jsonw_int(j, wait_cause_name((enum wait_cause)i),
			    (int64_t)s->wait_ms[i]);
	jsonw_object_end(j);
	jsonw_int(j, "pages_untold", (int64_t)f->pages_untold);
}

static void
tell_progress(struct feed *f)
{
	struct events *e = f->events;
	int64_t now_ms = loop_now_ms(e->loop);
	struct crawl_stats s;
	struct jsonw j;

	crawl_stats(f->crawl, &s);
	begin(e, "progress", &j);
	jsonw_object(&j, NULL);
	jsonw_int(&j, "run", (int64_t)f->run);
	jsonw_time(&j, "at", loop_wall_us(e->loop));
	write_progress(&j, f, &s, now_ms);
	jsonw_object_end(&j);
	end(e, f->run, EVENT_PROGRESS, &j);
	f->before = s.totals;
	f->before_ms = now_ms;
	f->pages_left = EVENTS_PAGES_A_SECOND;
	f->pages_untold = 0;
}

static void
wake(struct listener *l)
{
	if (!l->is_asleep)
		return;
	l->is_asleep = false;
	request_stream_more(l->request);
}

static void
on_tick(void *ctx)
{
	struct events *e = ctx;
	int64_t now = loop_now_ms(e->loop);

	if (e->listeners_len ==
	    0) { /* what the last second was like is not known later */
		list_foreach (at, &e->feeds)
			container_of(at, struct feed, on_events)->before_ms = 0;
		return;
	}
	list_foreach (at, &e->feeds)
		tell_progress(container_of(at, struct feed, on_events));
	list_foreach_safe(at, tmp, &e->listeners)
	{
		struct listener *l = container_of(at, struct listener, on_events);

		if (now - l->heard_ms >= EVENTS_HEARTBEAT_MS)
			wake(l);
	}
	(void)timer_start(&e->tick, EVENTS_TICK_MS);
}

static void
on_wakes(void *ctx)
{
	struct events *e = ctx;

	list_foreach_safe(at, tmp, &e->listeners)
	    wake(container_of(at, struct listener, on_events));
}

/* ---- the log ---- */

static void
on_log(void *ctx, enum log_level level, struct slice text)
{
	struct events *e = ctx;

	pthread_mutex_lock(&e->lines_lock);
	if (e->lines_len == LINES_MAX) {
		e->lines_lost++;
	} else {
		e->lines[e->lines_len].level = level;
		(void)snprintf(e->lines[e->lines_len].text, LINE_BYTES_MAX, SLICE_FMT,
		    SLICE_ARG(text));
		e->lines_len++;
	}
	pthread_mutex_unlock(&e->lines_lock);
	wake_send(e->lines_wake);
}

static void
tell_line(struct events *e, enum log_level level, const char *text)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	struct jsonw j;

	begin(e, "log", &j);
	jsonw_object(&j, NULL);
	jsonw_time(&j, "at", loop_wall_us(e->loop));
	jsonw_str(&j, "level", slice_cstr(names[level]));
	jsonw_str(&j, "text", slice_cstr(text));
	jsonw_object_end(&j);
	end(e, 0, EVENT_LOG, &j);
}

static void
on_lines(void *ctx)
{
	struct events *e = ctx;
	uint32_t lost;

	pthread_mutex_lock(&e->lines_lock);
	for (uint32_t i = 0; i < e->lines_len; i++)
		tell_line(e, e->lines[i].level, e->lines[i].text);
	lost = e->lines_lost;
	e->lines_len = e->lines_lost = 0;
	pthread_mutex_unlock(&e->lines_lock);
	if (lost > 0)
		tell_line(e, LOG_LEVEL_WARN, "lines of the log were too many to be told");
}

/* ---- listeners ---- */

static void
listener_free(void *ptr)
{
	struct listener *l = ptr;

	list_remove(&l->on_events);
	l->events->listeners_len--;
	buf_release(&l->out);
	free(l);
}

static bool
is_for(uint64_t run, unsigned kinds, const struct event *ev)
{
	if (run != 0 && ev->run != run)
		return false;
	return (kinds & 1u << ev->kind) != 0;
}

static int
add_gap(struct listener *l, uint64_t lost, const char *reason)
{
	struct events *e = l->events;
	char id[EVENT_ID_MAX];

	e->gaps++;
	event_id_print(e->epoch, l->at - 1, id);
	return buf_printf(&l->out,
	    "id: %s\nevent: gap\ndata: {\"lost\":%llu,\"reason\":\"%s\"}\n\n", id,
	    (unsigned long long)lost, reason);
}

/* The next thing it is to hear into `out`, if there is one. */
static int
fill(struct listener *l)
{
	struct events *e = l->events;
	const struct event *ev;

	if (l->at < e->ring.first) {
		uint64_t lost = e->ring.first - l->at;

		l->at = e->ring.first;
		return add_gap(l, lost, "too slow");
	}
	while ((ev = event_ring_get(&e->ring, l->at)) != NULL) {
		l->at++;
		if (!is_for(l->run, l->kinds, ev))
			continue;
		e->told++;
		return buf_add(&l->out, ev->text, ev->len);
	}
	if (loop_now_ms(e->loop) - l->heard_ms >= EVENTS_HEARTBEAT_MS)
		return buf_add_cstr(&l->out, ":\n\n");
	return 0;
}

static int64_t
read_listener(void *ctx, char *into, size_t cap)
{
	struct listener *l = ctx;
	size_t n;

	if (l->sent == l->out.len) {
		buf_clear(&l->out);
		l->sent = 0;
		if (fill(l) < 0)
			return -1;
	}
	n = l->out.len - l->sent;
	if (n == 0) {
		l->is_asleep = !l->ends;
		return l->ends ? -1 : 0;
	}
	n = n < cap ? n : cap;
	memcpy(into, l->out.ptr + l->sent, n);
	l->sent += n;
	l->heard_ms = loop_now_ms(l->events->loop);
	return (int64_t)n;
}

/* The number after last_id; false: it is of another start, or none of ours. */
static bool
place_after(const struct events *e, struct slice last_id, uint64_t *ret)
{
	uint64_t epoch, number;

	if (!event_id_read(last_id, &epoch, &number) || epoch != e->epoch ||
	    number >= e->ring.next)
		return false;
	*ret = number + 1;
	return true;
}

static unsigned
kinds_of(const struct events_wish *wish)
{
	return wish->kinds == 0 ? (1u << EVENT_KIND_MAX) - 1 : wish->kinds;
}

bool
events_has(const struct events *e, const struct events_wish *wish)
{
	uint64_t at = e->ring.first;

	if (wish->last_id.len == 0)
		return false;
	if (place_after(e, wish->last_id, &at) && at < e->ring.first)
		at = e->ring.first;
	for (; at < e->ring.next; at++)
		if (is_for(wish->run, kinds_of(wish), event_ring_get(&e->ring, at)))
			return true;
	return false;
}

/* Where it goes on; a gap if that is not where it was. */
static int
find_place(struct listener *l, struct slice last_id)
{
	struct events *e = l->events;
	uint64_t oldest = e->ring.first, lost;

	l->at = e->ring.next;
	if (last_id.len == 0)
		return 0;
	if (!place_after(e, last_id, &l->at)) {
		l->at = oldest;
		return add_gap(l, 0, "the service was started anew");
	}
	if (l->at >= oldest)
		return 0;
	lost = oldest - l->at;
	l->at = oldest;
	return add_gap(l, lost, "too late");
}

/* As it is now, without an id: it is none of those that are counted. */
static int
show_run(struct listener *l)
{
	const struct service_run *run = service_run(l->events->service, l->run);
	struct jsonw j;
	int r;

	if (run == NULL || (l->kinds & 1u << EVENT_RUN) == 0)
		return 0;
	r = buf_add_cstr(&l->out, "event: run\ndata: ");
	if (r < 0)
		return r;
	jsonw_init(&j, &l->out);
	run_write(&j, NULL, run);
	return j.err < 0 ? j.err : buf_add_cstr(&l->out, "\n\n");
}

void
events_listen(struct events *e, struct request *r, const struct events_wish *wish)
{
	struct listener *l;
	int err;

	if (e->listeners_len >= EVENTS_LISTENERS_MAX) {
		request_problem(r, 503, "%d listen already, which is as many as may",
		    EVENTS_LISTENERS_MAX);
		return;
	}
	l = calloc(1, sizeof(*l));
	if (l == NULL) {
		request_problem(r, 503, "out of memory");
		return;
	}
	*l = (struct listener){.events = e,
	    .request = r,
	    .run = wish->run,
	    .kinds = kinds_of(wish),
	    .ends = wish->is_over,
	    .heard_ms = loop_now_ms(e->loop)};
	buf_init(&l->out, EVENT_BYTES_MAX + 1024);
	list_push(&e->listeners, &l->on_events);
	e->listeners_len++;
	if (request_own(r, listener_free, l) < 0) {
		request_problem(r, 503, "out of memory");
		return;
	}
	err = buf_printf(&l->out, "retry: %d\n\n", RETRY_MS);
	if (err == 0)
		err = find_place(l, wish->last_id);
	if (err == 0 && wish->last_id.len == 0)
		err = show_run(l);
	if (err < 0) {
		request_problem(r, 503, "out of memory");
		return;
	}
	if (!timer_is_running(&e->tick))
		(void)timer_start(&e->tick, EVENTS_TICK_MS);
	request_stream(r, 200, "text/event-stream", read_listener, l);
}

void
events_stats(const struct events *e, struct events_stats *ret)
{
	*ret = (struct events_stats){.listeners = e->listeners_len,
	    .kept = (uint32_t)(e->ring.next - e->ring.first),
	    .told = e->told,
	    .gaps = e->gaps,
	    .bytes = e->ring.bytes};
}

/* ---- life ---- */

int
events_new(struct service *s, struct events **ret)
{
	struct events *e = calloc(1, sizeof(*e));
	int r;

	if (e == NULL)
		return -ENOMEM;
	e->service = s;
	e->loop = service_loop(s);
	e->epoch = (uint64_t)loop_wall_us(e->loop);
	list_init(&e->listeners);
	list_init(&e->feeds);
	buf_init(&e->text, EVENT_BYTES_MAX);
	timer_init(&e->tick, e->loop, on_tick, e);
	later_init(&e->wakes, e->loop, on_wakes, e);
	r = event_ring_init(&e->ring, EVENTS_KEPT, EVENTS_BYTES);
	if (r == 0)
		r = wake_new(e->loop, on_lines, e, &e->lines_wake);
	if (r < 0) {
		event_ring_release(&e->ring);
		free(e);
		return r;
	}
	wake_ref(e->lines_wake, false);
	pthread_mutex_init(&e->lines_lock, NULL);
	e->watch = (struct service_watch){.fn = on_change, .ctx = e};
	service_watch(s, &e->watch);
	log_set_tap(on_log, e);
	*ret = e;
	return 0;
}

void
events_free(struct events *e)
{
	if (e == NULL)
		return;
	assert(e->listeners_len == 0);
	log_set_tap(NULL, NULL);
	service_unwatch(&e->watch);
	list_foreach_safe(at, tmp, &e->feeds)
	    feed_free(container_of(at, struct feed, on_events));
	timer_stop(&e->tick);
	later_stop(&e->wakes);
	wake_free(e->lines_wake);
	pthread_mutex_destroy(&e->lines_lock);
	buf_release(&e->text);
	event_ring_release(&e->ring);
	free(e);
}
