/*
 * web/html_open_int.h -- what the files of html_open.c share; nobody else includes it.
 *
 * Elements are told by their place in the stack, 0 for none; formats by their index in the
 * list, which holds until one is removed.
 */
#ifndef WEB_HTML_OPEN_INT_H
#define WEB_HTML_OPEN_INT_H
#include "web/html_open.h"

enum what {
	VOID = 1,
	SPECIAL = 2, /* of the category "special": ends no other by passing */
	SCOPE = 4,   /* ends a search "in scope" */
	ENDS_P = 8,  /* its start tag ends a paragraph */
	FORMATTING = 16,
	IMPLIED = 32, /* its end tag may be left out */
	HEADISH = 64, /* may stand in head */
	PIECE = 128,  /* of a table */
	END_IN_SCOPE =
	    256, /* its end tag ends it if it is in scope, whatever is open in it */
	HEADING = 512,
	APART = 1024,  /* words end at it, besides those that end a paragraph */
	MARKER = 2048, /* formatting does not reach into it */
};
extern const uint16_t html_whats[HTML_N_MAX];

static inline unsigned
what_is(const struct html_element *e)
{
	if (e->ns == HTML_NS_HTML)
		return html_whats[e->id];
	return e->holds_html ? SPECIAL | SCOPE : 0;
}

static inline struct html_element *
top_of(struct html_open *o)
{
	return &o->open[o->len];
}

static inline bool
top_is(const struct html_open *o, enum html_name_id id)
{
	const struct html_element *e = &o->open[o->len];

	return e->id == id && e->ns == HTML_NS_HTML;
}

static inline bool
is_in_template(struct html_open *o)
{
	return o->open[top_of(o)->table].id == HTML_N_TEMPLATE;
}

/* The last one is closed, and those below it that had their end tag before. */
void open_pop(struct html_open *o);
void open_pop_to(struct html_open *o, uint32_t len);
struct html_element open_element_of(const struct html_tag *tag);
/* `e` has its name; `parent` is mostly the one that was open until now. */
int open_push(struct html_open *o, struct html_element e, uint32_t parent,
    const struct html_tag *tag);
/* One that nobody wrote. */
int open_push_implied(struct html_open *o, enum html_name_id id);
/* Generate implied end tags (13.2.6). */
void open_pop_implied(struct html_open *o, enum html_name_id except);

enum scope { IN_SCOPE, IN_LIST, IN_BUTTON };
bool open_scope_ends(const struct html_element *e, enum scope scope);
bool open_is_named(const struct html_element *e, const struct html_element *name);
/* In scope (13.2.4.2); 0: it is not. */
uint32_t open_find(
    struct html_open *o, const struct html_element *name, enum scope scope);
/* A search from the last one down ends before this one ... */
uint32_t open_search_floor(const struct html_open *o);
/* ... and tells where it was done. */
void open_search_done(struct html_open *o, uint32_t at);
/* Is there any of that name, as far as a hash tells? */
bool open_may_have(const struct html_open *o, const struct html_element *name);
/* In a table, but in no cell of it, maybe in what is no piece of one. */
bool open_is_around_cells(struct html_open *o);
/* Of what opens now ("foster parent", 13.2.6.1). */
uint32_t open_parent_of_next(struct html_open *o);

int open_start_tag(struct html_open *o, const struct html_tag *tag);
int open_end_tag(struct html_open *o, const struct html_tag *tag);
int open_head_end(struct html_open *o);
/* Closes the head, opens the body. */
int open_body_begin(struct html_open *o);
/* Formatting that the end of a block cut off goes on ("reconstruct the active formatting
 * elements"). */
int open_formats_reopen(struct html_open *o);
/* A formatting element gets its end tag: the "adoption agency" (13.2.6.4.7), but for
 * adoption. */
void open_format_end(struct html_open *o, int format);

/* html_format.c: formatting elements that may have to be opened again. */
enum { FORMAT_NONE = -1 };

/* The element that is open at `at`. */
void format_add(struct html_open *o, uint32_t at, const struct html_tag *tag);
void format_marker_add(struct html_open *o, uint32_t at);
void format_remove(struct html_open *o, int format);
/* It is open no longer. */
void format_popped(struct html_open *o, uint32_t at);
/* By name, since the last marker. */
int format_find(const struct html_open *o, const struct html_element *name);
/* The first of those at the end of the list that are not open. */
int format_first_lost(const struct html_open *o);
/* Its tag, once more. */
struct html_tag format_tag(struct html_open *o, int format);
#endif
