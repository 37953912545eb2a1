/*
 * web/page_int.h -- what the files of page.c share; nobody else includes it.
 */
#ifndef WEB_PAGE_INT_H
#define WEB_PAGE_INT_H
#include "web/html.h"
#include "web/html_names.h"
#include "web/page.h"

/* Text that is put together from pieces, white space collapsed, cut at `max` bytes. */
struct gather {
	char *text;
	size_t len, max;
	bool has_space; /* one is due before the next byte */
	bool is_full;
};

/* Which attribute is a link, and how it is read. */
enum rule_how {
	HOW_URL,
	HOW_URL_OR_EMPTY, /* "" is the page itself */
	HOW_SRCSET,
	HOW_LIST, /* by white space */
};

struct page_rule {
	uint8_t attr; /* 0 ends a list */
	enum link_kind kind;
	enum rule_how how;
};

/* The element whose text is coming. */
enum page_in {
	PAGE_IN_MARKUP,
	PAGE_IN_TITLE,
	PAGE_IN_STYLE,
	PAGE_IN_JSON_LD,
	PAGE_IN_SCRIPT,
	PAGE_IN_OTHER, /* raw text that means nothing here */
};

struct select_run;

struct page_parser {
	const struct page_conf *conf;
	struct arena *arena;
	struct page *page;
	struct html *html;
	enum charset charset;
	bool is_tentative;    /* a later <meta charset> may still change it ... */
	enum charset restart; /* ... to this: STOP_RESTART */
	size_t links_cap, guesses;
	const struct html_sink *sink; /* for other things than fields */
	struct select_run *fields;
	bool wants_text; /* for other things */
	enum page_in in;
	uint32_t style_at; /* place in html->foreign of the style that is open; 0: none */
	char *style;       /* its text so far */
	size_t style_len, style_cap;
	bool has_title;
	bool in_noscript; /* a <base> there counts for no one */
	uint32_t templates;
	bool in_form;     /* "the form element pointer": others do not open in it */
	bool form_is_get; /* of that form */
	size_t anchor;    /* index + 1 of the link whose text is gathered, or 0 */
	struct gather anchor_text, title_text;
	size_t refs_cap, ids_cap;
	struct page_texts *texts; /* NULL: not wanted */
};

enum { STOP_RESTART = 1 }; /* code of a sink */

/* "ASCII whitespace" of the standards: no vertical tab. */
static inline bool
page_is_space(char c)
{
	return ascii_is_space(c) && c != '\v';
}
/* "Strip leading and trailing ASCII whitespace". */
static inline struct slice
page_strip(struct slice s)
{
	while (s.len > 0 && page_is_space(s.ptr[0]))
		s = slice_from(s, 1);
	while (s.len > 0 && page_is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

/* Fields: they come first at each token, until they have all that they can have. */
int page_fields_begin(struct page_parser *p);
int page_fields_end(struct page_parser *p);

/* Raw text as UTF-8, with its references. */
int page_text_get(
    struct page_parser *p, struct slice raw, bool has_refs, struct slice *ret);
/* UTF-8, references decoded. */
int page_value(struct page_parser *p, const struct html_tag *tag,
    const struct html_attr *a, struct slice *ret);
/* The value of an attribute; *ret stays as it is when there is none. */
int page_value_of(struct page_parser *p, const struct html_tag *tag, enum html_name_id id,
    struct slice *ret);
/* `ref` gets its outer white space stripped. */
int page_link_add(
    struct page_parser *p, enum link_kind kind, unsigned rel, struct slice ref);
int page_css_add(struct page_parser *p, struct slice css);
/* What the attributes of a start tag are, whatever the crawl thinks of them: a form's URL
 * is one also when it is sent by POST. */
const struct page_rule *page_rules(const struct html_tag *tag);
/* Attributes of SVG that are properties of CSS and may hold a URL (SVG 2, section 6.6). */
bool page_is_presentation(struct slice name);
/* Links of a start tag. */
int page_links_of(struct page_parser *p, const struct html_tag *tag);
/* Other forms of the page, of a link element. */
int page_refs_of(struct page_parser *p, const struct html_tag *tag);
/* What a fragment may name, of a start tag. */
int page_ids_of(struct page_parser *p, const struct html_tag *tag);
/* Headings, main text, fingerprint: told all tags, and the text outside of title, style,
 * script and their like while it wants it. */
int page_texts_begin(struct page_parser *p, size_t body_bytes);
int page_texts_tag(struct page_parser *p, const struct html_tag *tag);
bool page_texts_wants(const struct page_texts *t);
void page_texts_add(struct page_texts *t, struct slice utf8);
int page_texts_end(struct page_parser *p);
/* Guesses in scripts. */
int page_json_ld(struct page_parser *p, struct slice text);
int page_script(struct page_parser *p, struct slice text);

void gather_init(struct gather *g, char *text, size_t max);
void gather_add(struct gather *g, struct slice utf8);
/* Collapses white space; `text` has room for `max` bytes. */
struct slice gather_one(struct slice utf8, char *text, size_t max);
#endif
