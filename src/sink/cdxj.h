/*
 * sink/cdxj.h -- index.cdxj: where in the archive each answer lies, as pywb looks it up.
 *
 * A line is "KEY TIMESTAMP {url, mime, status, digest, length, offset, filename}"; KEY is
 * the URL as url_surt() has it, and lines are in the order of their bytes.
 *
 * The sink writes lines as records come, into state/index.unsorted, which is cut back to the
 * commit like any other; at the end of each run they are sorted into index.cdxj, which is
 * replaced whole or not at all.  Of a crawl without a state on the disk it lies beside that, and
 * goes when the crawl is over.
 *
 * Errors:  -ENOMEM, -EMSGSIZE, those of files with the sentence.
 * Threads: any, one at a time.
 * Source:  the CDXJ of pywb, and of Webrecorder's "WACZ" 1.1.1, section 5.3.
 */
#ifndef SINK_CDXJ_H
#define SINK_CDXJ_H
#include "base/buf.h"
#include "base/line_sorter.h"
#include "base/why.h"

struct cdxj {
	struct slice url, date; /* date: WARC-Date */
	struct slice mime, digest, file;
	unsigned status; /* 0: none */
	uint64_t offset, length;
};
/* Appends the line, without its end. */
int cdxj_line(struct buf *b, const struct cdxj *x);
/* Of such a line, file, offset and length; -EBADMSG: it is none. */
int cdxj_parse_place(struct slice line, struct cdxj *ret);
/* Sorts what was added into DIR/NAME. */
int cdxj_write(
    struct line_sorter *lines, const char *dir, const char *name, struct why *why);

enum { CDXJ_MEMORY_BYTES = 32 << 20 };
#endif
