/*
 * base/log.h -- lines for the operator on stderr: level, then key=value pairs.
 *
 * Floors below crawl/ do not log; they return.  Text from the net goes through
 * escape_terminal() first (LOG_TEXT does it for one slice).
 * Threads: any; a line is one write(2).
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H
#include "base/slice.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* What is above `level` is dropped.  Default: LOG_LEVEL_WARN. */
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
/* A hook that is called before each line, so that a progress block can clear itself. */
void log_set_before(void (*fn)(void *), void *ctx);

__attribute__((format(printf, 2, 3))) void log_line(
    enum log_level level, const char *fmt, ...);
#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* `s` escaped for a terminal, cut at 240 bytes; storage of the caller. */
struct log_text {
	char text[1024];
};
const char *log_text(struct log_text *store, struct slice s);
#define LOG_TEXT(s) log_text(&(struct log_text){{0}}, (s))
#endif
