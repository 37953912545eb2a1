#include "base/log.h"
#include "crawl/crawl_internal.h"

/*
 * Runnable but idle: something is queued, nothing is in hand, and nothing that will bring
 * it about.  That is never right, but a bug of ours, a wake-up that was lost.  It is
 * said with the state, counted, and mended as well as can be: the crawl looks again.
 *
 * A crawl that has not moved for two looks is idle for ten seconds at least, so that what
 * happens to come at the moment of a look raises no alarm.
 */
enum { LOOK_MS = 10000, IN_VAIN_MAX = 5 };

static bool
has_in_hand(const struct crawl *c)
{
	return !list_is_empty(&c->visits) || c->commits > 0 || c->namings > 0;
}

/* What others have in hand may hold ours. */
static bool
engine_has_in_hand(const struct engine *e)
{
	list_foreach (at, &e->crawls) {
		if (has_in_hand(container_of(at, struct crawl, on_engine)))
			return true;
	}
	return false;
}

static bool
is_idle(struct crawl *c)
{
	int64_t now = loop_now_ms(c->loop), due, wait_ms;
	enum wait_cause held;

	if (c->phase != CRAWL_RUNNING || c->stats.queued == 0 || has_in_hand(c))
		return false;
	held = crawl_held_by(c, &wait_ms);
	if (wait_ms >= 0 || c->phase != CRAWL_RUNNING)
		return false; /* a limit with an end, or the budget was used up just now */
	due = frontier_due_ms(c->frontier, now);
	if (held == WAIT_NONE && due <= now)
		return true;
	return (held != WAIT_NONE || due == INT64_MAX) && !engine_has_in_hand(c->engine);
}

static void
tell(struct crawl *c)
{
	struct frontier_stats f;
	struct frontier_host h = {.authority = ""};

	frontier_stats(c->frontier, loop_now_ms(c->loop), &f);
	(void)frontier_hosts(c->frontier, loop_now_ms(c->loop), &h, 1);
	log_warn_of(CRAWL_ABOUT(c, (struct slice){0}),
	    "nothing is done, though something could be; looking again: queued=%llu "
	    "ready=%u waiting=%u full=%u blocked=%u held=%s host=%s host_queued=%llu "
	    "host_waits=%s",
	    (unsigned long long)f.queued, f.hosts_ready, f.hosts_waiting, f.hosts_full,
	    f.hosts_blocked, wait_cause_name(c->held), LOG_TEXT(slice_cstr(h.authority)),
	    (unsigned long long)h.queued, wait_cause_name(h.waits_for));
}

void
watchdog_look(void *ctx)
{
	struct crawl *c = ctx;
	bool idle = c->moves == c->moves_seen && is_idle(c);

	if (c->moves != c->moves_seen)
		c->alarms_in_vain = 0;
	c->moves_seen = c->moves;
	if (idle && c->was_idle) {
		c->stats.idle_alarms++;
		c->alarms_in_vain++;
		tell(c);
		crawl_pump(c);
	}
	c->was_idle = idle;
	/* Who asks the store why nothing is done hears of the time since it was. */
	if (c->phase == CRAWL_RUNNING && c->stats.queued > 0 &&
	    loop_now_ms(c->loop) - c->waits_told_ms >= LOOK_MS)
		crawl_save_waits(c);
	/* It was said often enough; and a loop that has nothing else to do may say so. */
	if (c->phase == CRAWL_RUNNING && c->alarms_in_vain < IN_VAIN_MAX)
		(void)timer_start(&c->watchdog, LOOK_MS);
}
