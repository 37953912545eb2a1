/*
 * What people read of a page: its headings, its main text, a fingerprint.
 *
 * Text is gathered in blocks, which are what lies between two tags of block elements.
 * When all are there it is judged which of them are the page's own and which are what all
 * pages of its site have around them; page.h says by what rules.
 *
 * Of the elements that are open only those are kept that say something of the text in
 * them, and those that end others when they end.  Unclosed paragraphs and items are no
 * matter here: they only part blocks.
 */
#include "web/page_int.h"
#include "web/words.h"
#include <errno.h>

#include "base/banned.h"

enum {
	OPEN_MAX = 256,              /* elements that are kept; deeper ones are not */
	VISIBLE_BYTES_MAX = 1 << 20, /* of a page; main text, menus and all */
	BLOCKS_FIRST = 64,
	MAIN_WORDS_MIN = 20, /* in <main>: fewer, and it is not taken at its word */
	PRINT_WORDS_MIN = 8, /* of main text; fewer: the fingerprint is of all */
};

/* What the elements that are open say of text. */
enum role {               /* bits */
	ROLE_HIDDEN = 1,  /* not to be read */
	ROLE_OUT = 2,     /* navigation and the like */
	ROLE_MAIN = 4,    /* within <main> */
	ROLE_ARTICLE = 8, /* within <article>, whose header is its own */
};

struct block {
	uint32_t at, len; /* in the visible text */
	uint32_t words;
	uint32_t linked; /* bytes that are text of links */
	uint8_t role;
};

struct open {
	uint8_t id;
	uint8_t outer; /* role around it */
};

struct page_texts {
	char *visible; /* blocks, a line feed after each */
	size_t cap, used;
	struct gather gather; /* of the block that is open; at visible + used */
	size_t linked, link_from;
	bool in_link;
	struct block *blocks;
	size_t blocks_len, blocks_cap;
	struct open open[OPEN_MAX];
	uint32_t open_len, beyond;
	uint16_t counts[HTML_N_MAX]; /* of each id in `open` */
	uint8_t role;
	uint8_t heading; /* level of the one that is open, or 0 */
	size_t heading_at;
	size_t headings_cap;
};

/* -- Blocks ---------------------------------------------------------------------- */

static int
blocks_room(struct page_parser *p, struct page_texts *t)
{
	size_t cap = t->blocks_cap == 0 ? BLOCKS_FIRST : t->blocks_cap * 2;
	struct block *grown;

	if (t->blocks_len < t->blocks_cap)
		return 0;
	grown = arena_alloc(p->arena, cap * sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	if (t->blocks_len > 0)
		memcpy(grown, t->blocks, t->blocks_len * sizeof(*grown));
	t->blocks = grown;
	t->blocks_cap = cap;
	return 0;
}

static void
link_end(struct page_texts *t)
{
	if (t->in_link)
		t->linked += t->gather.len - t->link_from;
	t->link_from = t->gather.len;
}

static void
block_begin(struct page_texts *t)
{
	/* Room for the line feed at its end. */
	size_t room = t->cap - t->used;

	gather_init(&t->gather, t->visible + t->used, room > 0 ? room - 1 : 0);
	t->linked = t->link_from = 0;
}

static int
block_end(struct page_parser *p, struct page_texts *t)
{
	size_t len = t->gather.len;
	int err;

	t->gather.has_space = false;
	if (len == 0)
		return 0;
	err = blocks_room(p, t);
	if (err != 0)
		return err;
	link_end(t);
	t->blocks[t->blocks_len++] = (struct block){.at = (uint32_t)t->used,
	    .len = (uint32_t)len,
	    .words = (uint32_t)words_count(slice_of(t->gather.text, len)),
	    .linked = (uint32_t)t->linked,
	    .role = t->role};
	t->used += len;
	t->visible[t->used++] = '\n';
	block_begin(t);
	return 0;
}

/* -- Elements -------------------------------------------------------------------- */

enum element {
	ELEMENT_INLINE,  /* a part of the text around it */
	ELEMENT_SPACE,   /* parts words */
	ELEMENT_BLOCK,   /* parts blocks */
	ELEMENT_KEPT,    /* parts blocks and is kept in `open` */
	ELEMENT_FOREIGN, /* parts words and is kept: what is in it is not text */
};
static const uint8_t elements[HTML_N_MAX] = {[HTML_N_BR] = ELEMENT_SPACE,
    [HTML_N_TD] = ELEMENT_SPACE,
    [HTML_N_TH] = ELEMENT_SPACE,
    [HTML_N_IMG] = ELEMENT_SPACE,
#define BLOCK(name) [HTML_N_##name] = ELEMENT_BLOCK
#define KEPT(name)  [HTML_N_##name] = ELEMENT_KEPT
    BLOCK(HTML),
    BLOCK(HEAD),
    BLOCK(BODY),
    BLOCK(ADDRESS),
    BLOCK(BLOCKQUOTE),
    BLOCK(P),
    BLOCK(DD),
    BLOCK(DT),
    BLOCK(LI),
    BLOCK(FIGCAPTION),
    BLOCK(FIGURE),
    BLOCK(HGROUP),
    BLOCK(HR),
    BLOCK(H1),
    BLOCK(H2),
    BLOCK(H3),
    BLOCK(H4),
    BLOCK(H5),
    BLOCK(H6),
    BLOCK(LEGEND),
    BLOCK(CAPTION),
    BLOCK(PRE),
    BLOCK(LISTING),
    BLOCK(SUMMARY),
    BLOCK(DETAILS),
    BLOCK(TR),
    BLOCK(TBODY),
    BLOCK(THEAD),
    BLOCK(TFOOT),
    BLOCK(DIR),
    /* These end what was left open in them. */
    KEPT(DIV),
    KEPT(SECTION),
    KEPT(FORM),
    KEPT(FIELDSET),
    KEPT(CENTER),
    KEPT(UL),
    KEPT(OL),
    KEPT(DL),
    KEPT(TABLE),
    /* These say what their text is. */
    KEPT(MAIN),
    KEPT(ARTICLE),
    KEPT(NAV),
    KEPT(HEADER),
    KEPT(FOOTER),
    KEPT(ASIDE),
    KEPT(MENU),
    KEPT(SEARCH),
    KEPT(DIALOG),
#define FOREIGN(name) [HTML_N_##name] = ELEMENT_FOREIGN
    FOREIGN(SELECT),
    FOREIGN(BUTTON),
    FOREIGN(TEMPLATE),
    FOREIGN(NOSCRIPT),
    FOREIGN(SVG),
    FOREIGN(VIDEO),
    FOREIGN(AUDIO),
    FOREIGN(OBJECT),
    FOREIGN(APPLET)
#undef FOREIGN
#undef BLOCK
#undef KEPT
};

static uint8_t
role_of_element(enum html_name_id id, uint8_t outer)
{
	switch (id) {
	case HTML_N_MAIN:
		return ROLE_MAIN;
	case HTML_N_ARTICLE:
		return ROLE_ARTICLE;
	case HTML_N_HEADER:
		return outer & (ROLE_MAIN | ROLE_ARTICLE) ? 0 : ROLE_OUT;
	case HTML_N_NAV:
	case HTML_N_FOOTER:
	case HTML_N_ASIDE:
	case HTML_N_MENU:
	case HTML_N_SEARCH:
		return ROLE_OUT;
	case HTML_N_DIALOG:
	case HTML_N_SELECT:
	case HTML_N_BUTTON:
	case HTML_N_TEMPLATE:
	case HTML_N_NOSCRIPT:
	case HTML_N_SVG:
	case HTML_N_VIDEO:
	case HTML_N_AUDIO:
	case HTML_N_OBJECT:
	case HTML_N_APPLET:
		return ROLE_HIDDEN;
	default:
		return 0;
	}
}

/* Landmarks of WAI-ARIA 1.2, and what is hidden. */
static uint8_t
role_of_attrs(const struct html_tag *tag, uint8_t outer)
{
	static const struct {
		struct slice name;
		uint8_t role;
	} landmarks[] = {
	    {SLICE_LIT("main"), ROLE_MAIN},
	    {SLICE_LIT("article"), ROLE_ARTICLE},
	    {SLICE_LIT("navigation"), ROLE_OUT},
	    {SLICE_LIT("contentinfo"), ROLE_OUT},
	    {SLICE_LIT("complementary"), ROLE_OUT},
	    {SLICE_LIT("search"), ROLE_OUT},
	    {SLICE_LIT("banner"), ROLE_OUT},
	};
	uint8_t role = outer;

	for (uint32_t i = 0; i < tag->attrs_len; i++) {
		const struct html_attr *a = &tag->attrs[i];

		if (a->id == HTML_N_HIDDEN)
			role |= ROLE_HIDDEN;
		if (!slice_ieq(html_attr_name(tag, a), SLICE_LIT("role")))
			continue;
		for (size_t k = 0; k < sizeof(landmarks) / sizeof(landmarks[0]); k++)
			if (slice_ieq(
				slice_trim(html_attr_value(tag, a)), landmarks[k].name))
				role |= landmarks[k].role;
	}
	return role;
}

static void
open_push(struct page_texts *t, const struct html_tag *tag)
{
	if (t->open_len == OPEN_MAX) {
		t->beyond++;
		return;
	}
	t->open[t->open_len++] = (struct open){tag->id, t->role};
	t->counts[tag->id]++;
	t->role |= role_of_element((enum html_name_id)tag->id, t->role);
	t->role = role_of_attrs(tag, t->role);
}

/* Ends the last one of that name and what is open in it.  Each step back takes one off, so
 * that all steps together are no more than there were tags. */
static void
open_pop(struct page_texts *t, uint8_t id)
{
	struct open *o;

	if (t->beyond > 0) {
		t->beyond--;
		return;
	}
	if (t->counts[id] == 0)
		return;
	do {
		o = &t->open[--t->open_len];
		t->counts[o->id]--;
		t->role = o->outer;
	} while (o->id != id);
}

/* -- Headings -------------------------------------------------------------------- */

static int
heading_add(struct page_parser *p, struct page_texts *t, struct slice text)
{
	struct page *page = p->page;
	size_t cap = t->headings_cap == 0 ? 16 : t->headings_cap * 2;
	struct page_heading *grown;

	if (page->headings_len >= p->conf->headings_max)
		return 0;
	if (page->headings_len == t->headings_cap) {
		grown = arena_alloc(p->arena, cap * sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		if (page->headings_len > 0)
			memcpy(
			    grown, page->headings, page->headings_len * sizeof(*grown));
		page->headings = grown;
		t->headings_cap = cap;
	}
	page->headings[page->headings_len++] =
	    (struct page_heading){.level = t->heading, .text = text};
	return 0;
}

/* At most `max` bytes, whole characters. */
static struct slice
text_cut(struct slice s, size_t max)
{
	if (s.len <= max)
		return s;
	while (max > 0 && ((unsigned char)s.ptr[max] & 0xC0) == 0x80)
		max--;
	return slice_trim(slice_head(s, max));
}

static int
heading_end(struct page_parser *p, struct page_texts *t)
{
	size_t at = t->heading_at;
	struct slice s;
	int err = 0;

	if (t->heading == 0)
		return 0;
	s = text_cut(slice_trim(slice_of(t->visible + at, t->used - at)),
	    p->conf->heading_bytes_max);
	for (size_t i = at; i < at + s.len; i++)
		if (t->visible[i] == '\n')
			t->visible[i] = ' ';
	if (s.len > 0)
		err = heading_add(p, t, s);
	t->heading = 0;
	return err;
}

/* -- What comes in ---------------------------------------------------------------- */

int
page_texts_begin(struct page_parser *p, size_t body_bytes)
{
	/* What a byte may become in UTF-8.  Should it be more, the text is cut. */
	size_t cap =
	    body_bytes < VISIBLE_BYTES_MAX / 3 ? body_bytes * 3 + 1 : VISIBLE_BYTES_MAX;
	struct page_texts *t = arena_alloc(p->arena, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->visible = arena_text(p->arena, cap);
	if (t->visible == NULL)
		return -ENOMEM;
	t->cap = cap;
	block_begin(t);
	p->texts = t;
	return 0;
}

static void
link_tag(struct page_texts *t, const struct html_tag *tag)
{
	link_end(t);
	t->in_link = !tag->is_end && html_attr_get(tag, HTML_N_HREF) != NULL;
}

static int
heading_tag(struct page_parser *p, struct page_texts *t, const struct html_tag *tag)
{
	int err = heading_end(p, t);

	if (!tag->is_end) {
		t->heading = (uint8_t)(tag->id - HTML_N_H1 + 1);
		t->heading_at = t->used;
	}
	return err;
}

int
page_texts_tag(struct page_parser *p, const struct html_tag *tag)
{
	struct page_texts *t = p->texts;
	uint8_t element = elements[tag->id];
	int err = 0;

	if (tag->id == HTML_N_A)
		link_tag(t, tag);
	if (element == ELEMENT_SPACE || element == ELEMENT_FOREIGN)
		t->gather.has_space = true;
	if (element == ELEMENT_BLOCK || element == ELEMENT_KEPT)
		err = block_end(p, t);
	if (err == 0 && tag->id >= HTML_N_H1 && tag->id <= HTML_N_H6)
		err = heading_tag(p, t, tag);
	if (element < ELEMENT_KEPT)
		return err;
	if (tag->is_end)
		open_pop(t, tag->id);
	else if (tag->ns == HTML_NS_HTML || !tag->is_self_closing || p->conf->is_xml)
		open_push(t, tag);
	return err;
}

bool
page_texts_wants(const struct page_texts *t)
{
	return (t->role & ROLE_HIDDEN) == 0 && !t->gather.is_full;
}

void
page_texts_add(struct page_texts *t, struct slice utf8)
{
	gather_add(&t->gather, utf8);
}

/* -- What is the page's own --------------------------------------------------------- */

static bool
is_mostly_links(const struct block *b, uint32_t hundredth)
{
	return (uint64_t)b->linked * 100 > (uint64_t)b->len * hundredth;
}

/*
 * The decision tree over numbers of words and link densities of a block and of its
 * neighbours that Kohlschütter, Fankhauser and Nejdl learnt from news pages ("Boilerplate
 * detection using shallow text features", 2010, algorithm 2).
 */
static bool
is_content(const struct block *prev, const struct block *b, const struct block *next)
{
	if (is_mostly_links(b, 33))
		return false;
	if (is_mostly_links(prev, 55))
		return b->words > 40 || next->words > 17;
	return b->words > 16 || next->words > 15 || prev->words > 4;
}

enum rule { RULE_MAIN, RULE_TREE, RULE_ALL, RULE_MAX };

static bool
is_taken(const struct page_texts *t, size_t i, enum rule rule)
{
	static const struct block none;
	const struct block *b = &t->blocks[i];

	if (b->role & ROLE_OUT)
		return false;
	switch (rule) {
	case RULE_MAIN:
		return (b->role & ROLE_MAIN) != 0 && !is_mostly_links(b, 33);
	case RULE_TREE:
		return is_content(
		    i == 0 ? &none : b - 1, b, i + 1 == t->blocks_len ? &none : b + 1);
	case RULE_ALL:
	default:
		return !is_mostly_links(b, 33);
	}
}

/* What that rule would take, with the line feeds between. */
static size_t
taken_bytes(const struct page_texts *t, enum rule rule, size_t *ret_words)
{
	size_t bytes = 0, words = 0;

	for (size_t i = 0; i < t->blocks_len; i++)
		if (is_taken(t, i, rule)) {
			bytes += t->blocks[i].len + 1;
			words += t->blocks[i].words;
		}
	*ret_words = words;
	return bytes;
}

static int
main_text_make(struct page_parser *p, const struct page_texts *t, size_t *ret_words)
{
	size_t max = p->conf->text_bytes_max, bytes = 0, n = 0;
	enum rule rule = RULE_MAIN;
	char *text;

	for (; rule < RULE_MAX; rule++) {
		bytes = taken_bytes(t, rule, ret_words);
		if (*ret_words >= (rule == RULE_MAIN ? MAIN_WORDS_MIN : 1))
			break;
	}
	if (rule == RULE_MAX || max == 0)
		return 0;
	bytes = bytes < max ? bytes : max;
	text = arena_text(p->arena, bytes);
	if (text == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < t->blocks_len && n < bytes; i++) {
		size_t len = t->blocks[i].len + 1;

		if (!is_taken(t, i, rule))
			continue;
		len = len < bytes - n ? len : bytes - n;
		memcpy(text + n, t->visible + t->blocks[i].at, len);
		n += len;
	}
	/* Without the last line feed; of a text that was cut, whole characters. */
	n = utf8_valid_len(slice_of(text, n));
	p->page->text = slice_trim(slice_of(text, n));
	return 0;
}

int
page_texts_end(struct page_parser *p)
{
	struct page_texts *t = p->texts;
	struct page *page = p->page;
	struct slice printed;
	size_t words = 0;
	int err = block_end(p, t);

	if (err == 0)
		err = heading_end(p, t);
	if (err == 0)
		err = main_text_make(p, t, &words);
	if (err != 0)
		return err;
	printed = words >= PRINT_WORDS_MIN ? page->text : slice_of(t->visible, t->used);
	page->has_simhash = simhash64(printed, &page->simhash);
	return 0;
}
