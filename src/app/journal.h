/*
 * app/journal.h -- the log lines of base/log.h as entries of systemd's journal, when that
 * is where stderr leads (JOURNAL_STREAM, systemd.exec(5)).
 *
 *     MESSAGE, PRIORITY (3 error, 4 warning, 6 info, 7 debug), SYSLOG_IDENTIFIER=trawl,
 *     TRAWL_JOB, TRAWL_RUN, TRAWL_URL, TRAWL_DIR where a line is about one
 *
 * Without libsystemd, or where stderr leads elsewhere, lines stay on stderr.
 * Threads: journal_start() before there are others.
 */
#ifndef APP_JOURNAL_H
#define APP_JOURNAL_H
#include <stdbool.h>

/* True: the journal gets them from now on. */
bool journal_start(void);
#endif
