/*
 * base/log.h -- lines for the operator on stderr: level, then key=value pairs.
 *
 * Floors below crawl/ do not log; they return.  Text from the net goes through
 * escape_terminal() first (LOG_TEXT does it for one slice).  A log that keeps fields, as
 * systemd's journal, is told what a line is about, and gets it instead of stderr.
 * Threads: any; a line is one write(2).
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H
#include "base/slice.h"
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* What is above `level` is dropped.  Default: LOG_LEVEL_WARN. */
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
/* A hook that is called before each line, so that a progress block can clear itself. */
void log_set_before(void (*fn)(void *), void *ctx);

/* One that is told each line, without its end; any thread, so set it while there is one. */
void log_set_tap(
    void (*fn)(void *ctx, enum log_level level, struct slice text), void *ctx);

__attribute__((format(printf, 2, 3))) void log_line(
    enum log_level level, const char *fmt, ...);
#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* What a line is about; it says so itself, too.  What is NULL, 0 or empty is not known.
 * Borrowed for the call. */
struct log_about {
	const char *job;
	uint64_t run;
	struct slice url;
	const char *dir; /* of the crawl */
};
__attribute__((format(printf, 3, 4))) void log_line_about(
    enum log_level level, const struct log_about *about, const char *fmt, ...);
#define log_error_of(about, ...) log_line_about(LOG_LEVEL_ERROR, (about), __VA_ARGS__)
#define log_warn_of(about, ...)  log_line_about(LOG_LEVEL_WARN, (about), __VA_ARGS__)
#define log_info_of(about, ...)  log_line_about(LOG_LEVEL_INFO, (about), __VA_ARGS__)
/* Who gets the lines from now on: a text without level and end of line, harmless to a
 * terminal; `about` may be NULL.  NULL: stderr.  Called from any thread. */
typedef void log_sink_fn(
    enum log_level level, const struct log_about *about, const char *text);
void log_set_sink(log_sink_fn *fn);

/* `s` escaped for a terminal, cut at 240 bytes; storage of the caller. */
struct log_text {
	char text[1024];
};
const char *log_text(struct log_text *store, struct slice s);
#define LOG_TEXT(s) log_text(&(struct log_text){{0}}, (s))
#endif
