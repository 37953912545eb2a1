#include "observe/tries.h"
#include "base/log.h"
#include "observe/format.h"
#include "sink/sink.h"
#include <stdio.h>

/* "200"; "connect-failure", "truncated" where a status does not tell it all */
static const char *
came_to(const struct sink_event *f, struct format *store)
{
	switch (f->outcome) {
	case OUTCOME_OK:
	case OUTCOME_REDIRECT:
	case OUTCOME_NOT_MODIFIED:
	case OUTCOME_HTTP_4XX:
	case OUTCOME_HTTP_5XX:
		(void)snprintf(store->text, sizeof(store->text), "%d", f->status);
		return store->text;
	default:
		return outcome_name(f->outcome);
	}
}

static void
on_fetch(void *ctx, const struct crawl_event *e)
{
	const struct sink_event *f = e->fetch;
	enum log_level level =
	    f->final && !f->internal ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
	const struct log_about about = {.url = f->url};
	struct slice detail = f->detail.len > 0 ? f->detail : f->redirect_to;
	struct format store;

	(void)ctx;
	if (!log_enabled(level))
		return;
	log_line_about(level, &about, "%s %s %s in %u ms%s%s%s", came_to(f, &store),
	    LOG_TEXT(f->url), BYTES(f->body_bytes), f->total_ms,
	    f->detail.len > 0        ? ": "
	    : f->redirect_to.len > 0 ? ", to "
				     : "",
	    LOG_TEXT(detail), f->final ? "" : ", to be tried again");
}

int
tries_show(struct crawl *c)
{
	return log_enabled(LOG_LEVEL_INFO)
		   ? crawl_subscribe(c, CRAWL_EVENT_FETCH, on_fetch, NULL)
		   : 0;
}
