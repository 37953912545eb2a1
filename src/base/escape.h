/*
 * base/escape.h -- bytes from the net made harmless for where they are written.
 *
 * Each appends to `b` and returns buf_add()'s codes; on failure `b` is as it was.  Unsafe is
 * everywhere what a terminal obeys, or what reorders or hides text on one: C0, DEL, C1,
 * bidi and format controls, for whatever is written is shown on a terminal some day.
 * Invalid UTF-8 becomes U+FFFD in JSON and HTML, \xNN for terminals and logs.
 */
#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H
#include "base/buf.h"

/* One line of a terminal or a log: unsafe code points and the backslash as \xNN. */
int escape_terminal(struct buf *b, struct slice s);
/* The inside of a JSON string, RFC 8259 section 7, without the quotes; unsafe ones as
 * \uNNNN. */
int escape_json(struct buf *b, struct slice s);
/* Text of HTML, also within quoted attributes; unsafe ones become U+FFFD. */
int escape_html(struct buf *b, struct slice s);
/* A field of a TSV or space-separated log: as the terminal, and tab and space too. */
int escape_field(struct buf *b, struct slice s);
/* A cell of a TSV that may be opened in a spreadsheet: as the terminal, and what would
 * begin a formula (= + - @), too. */
int escape_cell(struct buf *b, struct slice s);
/* In place, for a line that is made already: what is unsafe becomes '?'. */
void scrub_terminal(char *p, size_t len);
/* What escape_terminal(), escape_field() and escape_cell() made of it; other backslashes
 * stay. */
int unescape_line(struct buf *b, struct slice s);
/* Bytes at the front that all of these write as they are (HTML apart, and escape_cell() at
 * its begin): printable ASCII but for quote and backslash, `least` is ' ' or '!'.  There may
 * be more of them. */
size_t escape_plain(struct slice s, char least);
/* Bytes of the valid UTF-8 sequence at s[0], or 0. */
size_t utf8_len(struct slice s);
#endif
