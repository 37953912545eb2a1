#include "base/log.h"
#include "base/escape.h"
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static _Atomic int log_level_now = LOG_LEVEL_WARN;
static _Atomic(log_sink_fn *) sink;
static void (*before_fn)(void *);
static void *before_ctx;
static void (*tap_fn)(void *, enum log_level, struct slice);
static void *tap_ctx;

void
log_set_level(enum log_level level)
{
	atomic_store(&log_level_now, (int)level);
}

bool
log_enabled(enum log_level level)
{
	return (int)level <= atomic_load(&log_level_now);
}

void
log_set_before(void (*fn)(void *), void *ctx)
{
	before_fn = fn;
	before_ctx = ctx;
}

void
log_set_tap(void (*fn)(void *, enum log_level, struct slice), void *ctx)
{
	tap_fn = NULL;
	tap_ctx = ctx;
	tap_fn = fn;
}

void
log_set_sink(log_sink_fn *fn)
{
	atomic_store(&sink, fn);
}

__attribute__((format(printf, 3, 0))) static void
write_line(
    enum log_level level, const struct log_about *about, const char *fmt, va_list ap)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	log_sink_fn *to = atomic_load(&sink);
	char line[2048];
	int head, n;
	size_t len;

	head = to != NULL ? 0 : snprintf(line, sizeof(line), "trawl: %s: ", names[level]);
	n = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, fmt, ap);
	if (n < 0)
		return;
	len = (size_t)head + (size_t)n;
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	scrub_terminal(line, len); /* whatever a caller forgot, and where it was cut */
	if (tap_fn != NULL)
		tap_fn(tap_ctx, level,
		    slice_of(line + head, len > (size_t)head ? len - (size_t)head : 0));
	if (before_fn != NULL)
		before_fn(before_ctx);
	if (to != NULL) {
		line[len] = '\0';
		to(level, about, line);
		return;
	}
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return; /* nobody is left to tell */
}

void
log_line(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	write_line(level, NULL, fmt, ap);
	va_end(ap);
}

void
log_line_about(enum log_level level, const struct log_about *about, const char *fmt, ...)
{
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	write_line(level, about, fmt, ap);
	va_end(ap);
}

const char *
log_text(struct log_text *store, struct slice s)
{
	struct buf b;
	size_t n;

	buf_init(&b, sizeof(store->text) * 2);
	(void)escape_terminal(&b, slice_head(s, 240));
	n = b.len < sizeof(store->text) - 1 ? b.len : sizeof(store->text) - 1;
	if (n > 0)
		memcpy(store->text, b.ptr, n);
	store->text[n] = '\0';
	buf_release(&b);
	return store->text;
}
