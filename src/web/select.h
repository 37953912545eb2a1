/*
 * web/select.h -- named fields out of a page by CSS selectors, in the pass that finds its
 * links.
 *
 *   "price=.offer > .price::text" -> select_compile() -> blob -> select_new() -> a run
 *   for each page: select_start(), select_tag() and select_text() as tokens come,
 *   select_end() -> values
 *
 * A field is NAME=SELECTOR: the first value in document order; or NAME[]=SELECTOR: all.
 * What a selector selects, and of it
 *     h1                the text of the element, descendants included
 *     h1::text          each text node right in the element, by itself, as in parsel
 *     p ::text          all text nodes in the element, its own too (as p *::text), as there
 *     a::attr(href)     the attribute as it is; nothing where there is none
 * Texts: white space collapsed and taken off the ends; a text node of nothing else is no
 * value, an element without text is the value "".  Words end at elements that stand apart
 * (p, li, td, br ...).  Scripts and styles are no text, unless they are what is selected:
 * then it is theirs as it is, but for white space at its ends.
 *
 * Selectors: type, *, #id, .class, [a], [a=v], ~= |= ^= $= *= (flags i, s), descendant,
 * > + ~, lists, :root, :first-child, :nth-child(an+b), :first-of-type and :nth-of-type()
 * behind a type, :not(), :is() and :where() of compounds.  Whatever needs to know what
 * comes later (:last-child, :has() ...) cannot be decided in a pass and is refused, as
 * is all else, with the column and what stands there.  Names of elements and attributes
 * are compared without case, everything else with.  The tree is that of web/html_open.h:
 * as in a browser, with tbody.
 *
 * The blob is plain bytes of this machine's byte order, position independent; it may
 * cross a process boundary: select_new() checks all of it.  So are encoded values.
 *
 * Owns:    a select its copy of the blob; a run lies in the arena, values in the arena
 *          or where the attribute's value is.
 * Errors:  -EINVAL with the sentence (compile), -EBADMSG (no blob), -ENOMEM, -EMSGSIZE
 *          (`out` is full).
 * Threads: a select is not changed and may be shared; a run has one user.
 */
#ifndef WEB_SELECT_H
#define WEB_SELECT_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/why.h"
#include "web/html.h"

enum {
	SELECT_FIELDS_MAX = 64,
	SELECT_OUTPUTS_MAX =
	    64, /* fields, each as often as it takes things of different kinds */
	SELECT_NAME_MAX = 64,
	SELECT_SPEC_MAX = 4096, /* bytes of NAME=SELECTOR */
	SELECT_STEPS_MAX = 256, /* compounds of all selectors together */
	SELECT_TYPES_MAX = 16,  /* different ones before :nth-of-type() */
	SELECT_BLOB_MAX = 1 << 19,
	SELECT_VALUES_MAX = 1000,          /* of a field */
	SELECT_VALUE_BYTES_MAX = 64 << 10, /* longer ones are cut */
	SELECT_PAGE_BYTES_MAX =
	    256 << 10, /* of all values of a page; what is over is dropped */
	SELECT_TEXT_BYTES_MAX = 1 << 20, /* of a page that values are cut from */
};

/* Appends the blob.  The sentence begins with the column, from 1, in characters. */
int select_compile(
    const struct slice *specs, size_t specs_len, struct buf *out, struct why *why);

struct select;
int select_new(struct slice blob, struct select **ret);
void select_free(struct select *s);
/* Of NULL: empty. */
struct slice select_blob(const struct select *s);
size_t select_fields_len(const struct select *s);
struct slice select_field_name(const struct select *s, size_t field);
bool select_field_is_list(const struct select *s, size_t field);

struct select_value {
	uint16_t field;
	struct slice text; /* UTF-8 */
};

/* The value of an attribute: UTF-8, references decoded; it has to last as long as the
 * arena. */
typedef int select_attr_fn(
    void *ctx, const struct html_tag *tag, const struct html_attr *a, struct slice *ret);

struct select_run;
/* is_xml: the tokenizer has HTML_XML. */
int select_start(const struct select *s, bool is_xml, struct arena *a,
    select_attr_fn *attr, void *ctx, struct select_run **ret);
/* All tags, comments and doctypes in order; of the text what select_wants_text() wants,
 * UTF-8, references decoded, in pieces of any size. */
int select_tag(struct select_run *r, const struct html_tag *tag);
int select_text(struct select_run *r, struct slice utf8);
void select_comment(struct select_run *r);
void select_doctype(struct select_run *r, const struct html_doctype *d);
/* May change with each tag. */
bool select_wants_text(const struct select_run *r);
/* Every field has what it can have: the rest of the page need not be fed. */
bool select_is_done(const struct select_run *r);
/* Walks what must hold; for tests. */
void select_check(const struct select_run *r);
/* By field, then as they stand in the page.  The run is over. */
int select_end(struct select_run *r, const struct select_value **ret, size_t *ret_len);

/* Values as bytes; none give some bytes, too: a page was looked at. */
int select_values_encode(
    const struct select_value *values, size_t values_len, struct buf *out);
/* Valid UTF-8, in order of fields, within the limits above. */
bool select_values_check(struct slice bytes);
void select_values_begin(struct slice *bytes);
bool select_values_next(struct slice *rest, struct select_value *ret);
#endif
