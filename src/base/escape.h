/*
 * base/escape.h -- bytes from the net made harmless for where they are written.
 *
 * Each appends to `b` and returns buf_add()'s codes; on failure `b` is as it was. Invalid
 * UTF-8 becomes U+FFFD in JSON, \xNN for terminals and logs, and passes unchanged into
 * HTML (there a parser of UTF-8 makes it U+FFFD).
 */
#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H
#include "base/buf.h"

/* One line of a terminal or a log: C0, C1, DEL, bidi and format controls, backslash. */
int escape_terminal(struct buf *b, struct slice s);
/* The inside of a JSON string, RFC 8259 section 7; without the quotes. */
int escape_json(struct buf *b, struct slice s);
/* Text of HTML, also within quoted attributes. */
int escape_html(struct buf *b, struct slice s);
/* A field of a TSV or space-separated log: as the terminal, and tab and space too. */
int escape_field(struct buf *b, struct slice s);
/* What escape_terminal() and escape_field() made of it; other backslashes stay. */
int unescape_line(struct buf *b, struct slice s);
/* Bytes of the valid UTF-8 sequence at s[0], or 0. */
size_t utf8_len(struct slice s);
#endif
