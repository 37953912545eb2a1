#include "observe/progress.h"
#include "base/escape.h"
#include "base/log.h"
#include "observe/format.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BLOCK_MS = 250, LINES_MS = 10000, HOSTS_SHOWN = 3, WINDOW = 20 };

struct sample {
	int64_t ms;
	uint64_t pages, bytes;
};

struct progress {
	struct crawl *crawl;
	enum progress_kind kind;
	struct loop *loop;
	const char *title;
	struct timer tick;
	struct sample samples[WINDOW]; /* the last ones, for rates */
	uint32_t samples_len;
	uint64_t wait_before[WAIT_CAUSE_MAX], transfer_before;
	unsigned lines_drawn, rows;
	int columns;
	const char *held; /* by what, while nothing goes on; NULL: it does */
	struct buf out;
};

static void
say(struct progress *p)
{
	size_t at = 0;

	while (at < p->out.len) {
		ssize_t n = write(STDERR_FILENO, p->out.ptr + at, p->out.len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break; /* nobody reads: not our trouble */
		at += (size_t)n;
	}
	buf_clear(&p->out);
}

/* Up to the first line of the block, and everything below it gone. */
static void
clear_block(void *ctx)
{
	struct progress *p = ctx;

	if (p->lines_drawn == 0)
		return;
	(void)buf_printf(&p->out, "\033[%uA\r\033[J", p->lines_drawn);
	p->lines_drawn = 0;
	say(p);
}

static void
rates(
    struct progress *p, const struct crawl_stats *s, double *ret_pages, double *ret_bytes)
{
	struct sample now = {
	    .ms = s->elapsed_ms, .pages = s->pages, .bytes = s->wire_bytes};
	const struct sample *old;
	double seconds;

	if (p->samples_len == WINDOW) {
		memmove(p->samples, p->samples + 1, sizeof(p->samples[0]) * (WINDOW - 1));
		p->samples_len--;
	}
	p->samples[p->samples_len++] = now;
	old = &p->samples[0];
	seconds = (double)(now.ms - old->ms) / 1000;
	*ret_pages = seconds > 0 ? (double)(now.pages - old->pages) / seconds : 0;
	*ret_bytes = seconds > 0 ? (double)(now.bytes - old->bytes) / seconds : 0;
}

/* What host-time was spent on since the last look, the two greatest parts of what was no
 * transfer. */
static void
limited_by(struct progress *p, const struct crawl_stats *s, char *ret, size_t cap)
{
	uint64_t delta[WAIT_CAUSE_MAX], sum = 0;
	uint64_t asked = s->frontier.transfer_ms > p->transfer_before
			     ? s->frontier.transfer_ms - p->transfer_before
			     : 0;
	size_t first = 0, second = 0;

	p->transfer_before = s->frontier.transfer_ms;
	for (size_t i = 0; i < WAIT_CAUSE_MAX; i++) {
		delta[i] = s->frontier.wait_ms[i] > p->wait_before[i]
			       ? s->frontier.wait_ms[i] - p->wait_before[i]
			       : 0;
		p->wait_before[i] = s->frontier.wait_ms[i];
		if (i == WAIT_NONE)
			continue;
		sum += delta[i];
		if (first == 0 || delta[i] > delta[first]) {
			second = first;
			first = i;
		} else if (second == 0 || delta[i] > delta[second]) {
			second = i;
		}
	}
	if (p->held != NULL)
		(void)snprintf(ret, cap, "%s", p->held);
	else if (sum == 0 && asked == 0 && s->held != WAIT_NONE)
		(void)snprintf(ret, cap, "%s", wait_cause_name(s->held));
	else if (sum * 50 <= asked) /* a moment, beside what they were asked */
		(void)snprintf(ret, cap, "nothing but the servers");
	else if (second == 0 || delta[second] * 200 < sum) /* it would be 0 % */
		(void)snprintf(ret, cap, "%s", wait_cause_name((enum wait_cause)first));
	else
		(void)snprintf(ret, cap, "%s %.0f %%, %s %.0f %%",
		    wait_cause_name((enum wait_cause)first),
		    100.0 * (double)delta[first] / (double)sum,
		    wait_cause_name((enum wait_cause)second),
		    100.0 * (double)delta[second] / (double)sum);
}

static uint64_t
errors(const struct crawl_stats *s)
{
	return s->failed + s->outcomes[OUTCOME_HTTP_4XX] + s->outcomes[OUTCOME_HTTP_5XX];
}

/* Of the terminal: one column stays free, where the cursor would wrap, and the row below the
 * block.  It may be made larger or smaller at any time. */
static void
measure(struct progress *p)
{
	struct winsize size;
	bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0;

	p->columns = known && size.ws_col > 0 ? size.ws_col - 1 : 80;
	p->rows = known && size.ws_row > 0 ? size.ws_row - 1u : UINT_MAX;
}

/* One line of the block, cut to the width of the terminal; none where there is no row for it: a
 * line that has gone out at the top cannot be cleared. */
__attribute__((format(printf, 2, 3))) static void
block_line(struct progress *p, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (p->lines_drawn >= p->rows)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	scrub_terminal(text, strlen(text)); /* cut, it may end within a character */
	(void)buf_printf(&p->out, "%.*s\033[K\n", p->columns, text);
	p->lines_drawn++;
}

static void
block_hosts(struct progress *p)
{
	struct frontier_host hosts[HOSTS_SHOWN];
	uint32_t n = crawl_hosts(p->crawl, hosts, HOSTS_SHOWN);

	for (uint32_t i = 0; i < n; i++) {
		bool waits = hosts[i].waits_for != WAIT_NONE;

		block_line(p, "  %s  %s waiting, %u in flight%s%s",
		    LOG_TEXT(slice_cstr(hosts[i].authority)), COUNT(hosts[i].queued),
		    hosts[i].in_flight, waits ? ", " : "",
		    waits ? wait_cause_name(hosts[i].waits_for) : "");
	}
}

static void
draw_block(struct progress *p)
{
	struct crawl_stats s;
	double pages, bytes;
	char limit[128];

	measure(p);
	crawl_stats(p->crawl, &s);
	rates(p, &s, &pages, &bytes);
	limited_by(p, &s, limit, sizeof(limit));
	clear_block(p);
	block_line(p, "trawl %s  %s", p->title, ELAPSED(s.elapsed_ms));
	block_line(p, "  pages %s  %.0f/s   received %s  %s/s", COUNT(s.pages), pages,
	    BYTES(s.wire_bytes), BYTES(bytes));
	block_line(p, "  queued %s  in flight %s  hosts %u  errors %s  rejected %s",
	    COUNT(s.queued), COUNT(s.in_flight), s.frontier.hosts, COUNT(errors(&s)),
	    COUNT(s.rejected));
	block_hosts(p);
	block_line(p, "  limited by: %s", limit);
	say(p);
}

static void
draw_line(struct progress *p)
{
	struct crawl_stats s;
	double pages, bytes;
	char limit[128];

	crawl_stats(p->crawl, &s);
	rates(p, &s, &pages, &bytes);
	limited_by(p, &s, limit, sizeof(limit));
	(void)buf_printf(&p->out,
	    "trawl: %s: pages %s (%.0f/s), received %s, queued %s, in flight %s, errors "
	    "%s; limited by: %s\n",
	    ELAPSED(s.elapsed_ms), COUNT(s.pages), pages, BYTES(s.wire_bytes),
	    COUNT(s.queued), COUNT(s.in_flight), COUNT(errors(&s)), limit);
	say(p);
}

static void
on_tick(void *ctx)
{
	struct progress *p = ctx;

	if (p->kind == PROGRESS_SHOW_BLOCK)
		draw_block(p);
	else
		draw_line(p);
	(void)timer_start(&p->tick, p->kind == PROGRESS_SHOW_BLOCK ? BLOCK_MS : LINES_MS);
}

int
progress_new(struct loop *l, struct crawl *c, enum progress_kind kind, const char *title,
    struct progress **ret)
{
	struct progress *p = calloc(1, sizeof(*p));
	struct crawl_stats s;
	double none;

	if (p == NULL)
		return -ENOMEM;
	p->crawl = c;
	p->kind = kind;
	p->loop = l;
	p->title = title;
	crawl_stats(c, &s); /* the start: nothing, or what earlier runs came to */
	rates(p, &s, &none, &none);
	buf_init(&p->out, 1 << 16);
	timer_init(&p->tick, l, on_tick, p);
	if (kind != PROGRESS_SHOW_NOTHING)
		(void)timer_start(
		    &p->tick, kind == PROGRESS_SHOW_BLOCK ? BLOCK_MS : LINES_MS);
	if (kind == PROGRESS_SHOW_BLOCK)
		log_set_before(clear_block, p);
	*ret = p;
	return 0;
}

void
progress_hold(struct progress *p, const char *why)
{
	if (p != NULL)
		p->held = why;
}

void
progress_free(struct progress *p)
{
	if (p == NULL)
		return;
	clear_block(p);
	log_set_before(NULL, NULL);
	timer_stop(&p->tick);
	buf_release(&p->out);
	free(p);
}
