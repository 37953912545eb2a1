/*
 * sink/lines.h -- what the sinks have in common that write a line an event.
 *
 * Such a sink only has to say how a line reads; its mark is the length of its file, and the
 * sum of what each line in it hashes to (XXH3), which can be told without reading it again.
 *
 * Owns:    s->priv is a struct lines between lines_open() and lines_close().
 * Errors:  as sink.h has them.
 * Threads: the store thread.
 */
#ifndef SINK_LINES_H
#define SINK_LINES_H
#include "base/file_append.h"
#include "sink/sink.h"

/* Longer texts are cut; normalised URLs are not longer (URL_BYTES_MAX). */
enum { LINES_TEXT_BYTES_MAX = 8192 };

struct lines {
	struct file_append file;
	struct buf line; /* the one that is being made */
	uint64_t sum;    /* of all lines so far, those in the buffer of the file too */
	bool summed; /* false: the file was begun by an older trawl, which kept none */
};

/* `name`: of the file in conf->dir. */
int lines_open(struct sink *s, const struct sink_conf *conf, const char *name,
    struct slice mark, struct why *why);
/* An empty line to be filled. */
struct buf *lines_begin(struct sink *s);
/* Adds the line and its end to the file; `err` is what filling it came to. */
int lines_end(struct sink *s, int err, struct why *why);

/* For struct sink_type as they are. */
int lines_flush(struct sink *s, struct why *why);
int lines_sync(struct sink *s, struct why *why);
int lines_mark(struct sink *s, struct buf *out);
int lines_close(struct sink *s, bool finished, struct why *why);
bool lines_place(const char *name, struct slice mark, struct sink_place *ret);
/* DIR/NAME begins with what the mark stands for, byte for byte; -EBADMSG with the sentence:
 * not.  Fine, too, where the mark has no sum. */
int lines_verify(const char *dir, const char *name, struct slice mark, struct why *why);

/* Of lines, each with its end; those of two texts added are that of both. */
uint64_t lines_sum(struct slice text);

/* `text` cut to LINES_TEXT_BYTES_MAX, not within a UTF-8 sequence. */
struct slice lines_text(struct slice text);
struct slice lines_cut(struct slice text, size_t bytes_max); /* the same */

/* A sentence as one word without commas, of printable ASCII: blanks become '+', and what
 * might be taken for something else %XX; and what it was. */
int lines_word(struct buf *b, struct slice sentence);
int lines_sentence(struct buf *b, struct slice word);
#endif
