/*
 * From the tokens of a page to its facts:
 *
 *     page_parse -> charset -> tokenizer -> page_tag -> page_links.c  which attributes
 * are links |           +-----> facts: title, base, meta, lang
 *                                  +----> page_text -> title, anchors, css.c,
 * page_guess.c
 */
#include "web/page.h"
#include "web/css.h"
#include "web/page_int.h"
#include "web/srcset.h"
#include <errno.h>

#include "base/banned.h"

enum {
	LINKS_FIRST = 64,      /* grows by doubling */
	TEXT_RAW_EXTRA = 4096, /* bytes of a run that are looked at for a short text */
};

/* -- Text ------------------------------------------------------------------------ */

void
gather_init(struct gather *g, char *text, size_t max)
{
	*g = (struct gather){.text = text, .max = max};
}

/* What of `s` fits behind a space, if one is due: whole characters. */
static void
gather_part(struct gather *g, struct slice s)
{
	size_t space = g->has_space && g->len > 0 ? 1 : 0, room = g->max - g->len;
	size_t n = s.len;

	if (n + space > room) {
		g->is_full = true;
		n = room > space ? room - space : 0;
		while (n > 0 && ((unsigned char)s.ptr[n] & 0xC0) == 0x80)
			n--;
	}
	if (n == 0)
		return;
	if (space)
		g->text[g->len++] = ' ';
	g->has_space = false;
	memcpy(g->text + g->len, s.ptr, n);
	g->len += n;
}

void
gather_add(struct gather *g, struct slice s)
{
	while (s.len > 0 && !g->is_full) {
		size_t n = 0;

		if (ascii_is_space(s.ptr[0])) {
			g->has_space = true;
			s = slice_from(s, 1);
			continue;
		}
		while (n < s.len && !ascii_is_space(s.ptr[n]))
			n++;
		gather_part(g, slice_head(s, n));
		s = slice_from(s, n);
	}
}

struct slice
gather_one(struct slice s, char *text, size_t max)
{
	struct gather g;

	gather_init(&g, text, max);
	gather_add(&g, s);
	return slice_of(text, g.len);
}

/* Raw text as UTF-8, with its references. */
int
page_text_get(struct page_parser *p, struct slice raw, bool has_refs, struct slice *ret)
{
	struct slice s;
	char *out;
	int err;

	err = charset_to_utf8(p->charset, raw, p->arena, &s);
	if (err != 0)
		return err;
	if (has_refs && memchr(s.ptr, '&', s.len) != NULL) {
		out = arena_text(p->arena, html_decode_max(s));
		if (out == NULL)
			return -ENOMEM;
		s = slice_of(out, html_decode(s, 0, out));
	}
	*ret = s;
	return 0;
}

static int
text_gather(struct page_parser *p, struct gather *g, struct slice raw, bool has_refs)
{
	struct slice s;
	int err;

	/* Of a megabyte in an <a> that nobody closed, only the start is wanted. */
	err =
	    page_text_get(p, slice_head(raw, g->max * 8 + TEXT_RAW_EXTRA), has_refs, &s);
	if (err != 0)
		return err;
	gather_add(g, s);
	return 0;
}

static bool
markup_wants_text(const struct page_parser *p)
{
	return (p->anchor != 0 && !p->anchor_text.is_full) ||
	       (p->texts != NULL && page_texts_wants(p->texts));
}

/* Text between tags: of a link, and of the page. */
static int
markup_text(struct page_parser *p, struct slice raw, bool has_refs)
{
	struct slice s;
	int err = 0;

	if (p->anchor != 0 && !p->anchor_text.is_full)
		err = text_gather(p, &p->anchor_text, raw, has_refs);
	if (err == 0 && p->texts != NULL && page_texts_wants(p->texts)) {
		err = page_text_get(p, raw, has_refs, &s);
		if (err == 0)
			page_texts_add(p->texts, s);
	}
	p->html->want_text = markup_wants_text(p);
	return err;
}

/* A further piece of a style in SVG. */
static int
style_add(struct page_parser *p, struct slice s)
{
	/* Most are one piece, and a page may have one every few bytes. */
	size_t cap = p->style_cap == 0 ? s.len : p->style_cap;
	char *text;

	if (s.len == 0)
		return 0;
	while (cap - p->style_len < s.len)
		cap *= 2;
	if (cap > p->style_cap) {
		text = arena_text(p->arena, cap);
		if (text == NULL)
			return -ENOMEM;
		if (p->style_len > 0)
			memcpy(text, p->style, p->style_len);
		p->style = text;
		p->style_cap = cap;
	}
	memcpy(p->style + p->style_len, s.ptr, s.len);
	p->style_len += s.len;
	return 0;
}

static int
style_end(struct page_parser *p)
{
	struct slice css = slice_of(p->style, p->style_len);

	/* Its links lie in it: the next one has room of its own. */
	p->style_at = 0;
	p->style = NULL;
	p->style_len = p->style_cap = 0;
	return css.len == 0 ? 0 : page_css_add(p, css);
}

/* After a tag in SVG or MathML: a style there is markup like the rest, in which tags and
 * comments may stand; its own text, put together, is the style sheet. */
static int
foreign_style(struct page_parser *p, const struct html_tag *tag)
{
	const struct html *t = p->html;
	int err = t->foreign_len < p->style_at ? style_end(p) : 0;

	if (tag->ns != HTML_NS_HTML && tag->is_self_closing && !tag->is_end)
		p->in = PAGE_IN_MARKUP;
	if (p->style_at != 0 && p->style_at == t->foreign_len)
		p->in = PAGE_IN_STYLE;
	else if (p->style_at == 0 && p->in == PAGE_IN_STYLE && tag->ns != HTML_NS_HTML &&
		 t->foreign_len > 0 && t->foreign[t->foreign_len - 1].id == HTML_N_STYLE)
		p->style_at = t->foreign_len;
	return err;
}

static int
page_text(void *ctx, struct slice raw, bool has_refs)
{
	struct page_parser *p = ctx;
	struct slice s;
	int err;

	if (p->in == PAGE_IN_MARKUP)
		return markup_text(p, raw, has_refs);
	if (p->in == PAGE_IN_TITLE)
		return text_gather(p, &p->title_text, raw, has_refs);
	if (p->in == PAGE_IN_OTHER)
		return 0;
	err = page_text_get(p, raw, has_refs, &s);
	if (err != 0)
		return err;
	if (p->in == PAGE_IN_STYLE && p->style_at != 0 &&
	    p->style_at == p->html->foreign_len)
		return style_add(p, s);
	if (p->in == PAGE_IN_STYLE)
		return page_css_add(p, s);
	return p->in == PAGE_IN_JSON_LD ? page_json_ld(p, s) : page_script(p, s);
}

int
page_value(struct page_parser *p, const struct html_tag *tag, const struct html_attr *a,
    struct slice *ret)
{
	struct slice s;
	char *out;
	int err;

	err = charset_to_utf8(p->charset, html_attr_value(tag, a), p->arena, &s);
	if (err != 0)
		return err;
	if (a->value_odd) {
		out = arena_text(p->arena, html_decode_max(s));
		if (out == NULL)
			return -ENOMEM;
		s = slice_of(out, html_decode(s, HTML_DECODE_ATTR, out));
	}
	*ret = s;
	return 0;
}

int
page_value_of(struct page_parser *p, const struct html_tag *tag, enum html_name_id id,
    struct slice *ret)
{
	const struct html_attr *a = html_attr_get(tag, id);

	return a == NULL ? 0 : page_value(p, tag, a, ret);
}

/* -- Links ----------------------------------------------------------------------- */

static int
links_grow(struct page_parser *p)
{
	size_t cap = p->links_cap == 0 ? LINKS_FIRST : p->links_cap * 2;
	struct page_link *links;

	if (cap > p->conf->links_max)
		cap = p->conf->links_max;
	links = arena_alloc(p->arena, cap * sizeof(*links));
	if (links == NULL)
		return -ENOMEM;
	if (p->page->links_len > 0)
		memcpy(links, p->page->links, p->page->links_len * sizeof(*links));
	p->page->links = links;
	p->links_cap = cap;
	return 0;
}

int
page_link_add(struct page_parser *p, enum link_kind kind, unsigned rel, struct slice ref)
{
	struct page *page = p->page;
	int err;

	page->links_total++;
	if (page->links_len >= p->conf->links_max)
		return 0;
	if (page->links_len == p->links_cap) {
		err = links_grow(p);
		if (err != 0)
			return err;
	}
	page->links[page->links_len++] =
	    (struct page_link){.kind = kind, .rel = (uint8_t)rel, .ref = page_strip(ref)};
	return 0;
}

/* "#gradient" is a part of this document. */
static int
css_url(void *ctx, struct slice url)
{
	url = page_strip(url);
	if (url.len == 0 || url.ptr[0] == '#')
		return 0;
	return page_link_add(ctx, LINK_CSS, 0, url);
}

int
page_css_add(struct page_parser *p, struct slice css)
{
	return css_urls(css, p->arena, css_url, p);
}

/* -- Facts ----------------------------------------------------------------------- */

/* A <meta> that comes too late for the prescan ("change the encoding", 13.2.3.5). */
static int
meta_charset_is(struct page_parser *p, enum charset c)
{
	if (!p->is_tentative)
		return 0;
	if (c == CHARSET_UTF_16LE || c == CHARSET_UTF_16BE)
		c = CHARSET_UTF_8;
	else if (c == CHARSET_X_USER_DEFINED)
		c = CHARSET_WINDOWS_1252;
	p->is_tentative = false;
	p->page->charset_how = CHARSET_HOW_META;
	if (c == p->charset)
		return 0;
	p->restart = c;
	return STOP_RESTART;
}

static int
meta_http_equiv(struct page_parser *p, struct slice name, struct slice content)
{
	struct refresh r;
	enum charset c;

	if (slice_ieq(name, SLICE_LIT("refresh"))) {
		if (refresh_parse(content, &r) && r.has_url)
			return page_link_add(p, LINK_META_REFRESH, 0, r.url);
	} else if (slice_ieq(name, SLICE_LIT("content-type"))) {
		if (charset_find_in_meta(content, &c))
			return meta_charset_is(p, c);
	} else if (slice_ieq(name, SLICE_LIT("content-language"))) {
		if (p->page->lang.len == 0)
			p->page->lang =
			    slice_trim(slice_head(content, slice_find(content, ',')));
	}
	return 0;
}

static int
page_meta(struct page_parser *p, const struct html_tag *tag)
{
	struct slice charset = {0}, equiv = {0}, name = {0}, content = {0};
	enum charset c;
	char *text;
	int err = 0;

	if ((err = page_value_of(p, tag, HTML_N_CHARSET, &charset)) != 0 ||
	    (err = page_value_of(p, tag, HTML_N_HTTP_EQUIV, &equiv)) != 0 ||
	    (err = page_value_of(p, tag, HTML_N_NAME, &name)) != 0 ||
	    (err = page_value_of(p, tag, HTML_N_CONTENT, &content)) != 0)
		return err;
	if (charset.len > 0 && charset_find(charset, &c)) {
		err = meta_charset_is(p, c);
		if (err != 0)
			return err;
	}
	if (equiv.len > 0)
		return meta_http_equiv(p, equiv, content);
	page_robots_meta(&p->page->robots, name, content, p->conf->agent);
	if (slice_ieq(name, SLICE_LIT("description")) && p->page->description.len == 0 &&
	    slice_trim(content).len > 0) {
		text = arena_text(p->arena, p->conf->title_bytes_max);
		if (text == NULL)
			return -ENOMEM;
		p->page->description =
		    gather_one(content, text, p->conf->title_bytes_max);
	}
	return 0;
}

static int
page_base(struct page_parser *p, const struct html_tag *tag)
{
	const struct html_attr *a = html_attr_get(tag, HTML_N_HREF);
	struct slice href;
	int err;

	if (a == NULL || p->page->has_base || p->in_noscript || p->templates > 0)
		return 0;
	err = page_value(p, tag, a, &href);
	if (err != 0)
		return err;
	p->page->has_base = true;
	p->page->base_href = page_strip(href);
	return 0;
}

static int
page_lang(struct page_parser *p, const struct html_tag *tag)
{
	struct slice lang = {0};
	int err;

	err = page_value_of(p, tag, HTML_N_XML_LANG, &lang);
	if (err == 0)
		err = page_value_of(p, tag, HTML_N_LANG, &lang);
	if (err == 0 && slice_trim(lang).len > 0)
		p->page->lang = slice_trim(lang);
	return err;
}

/* -- Tags ------------------------------------------------------------------------ */

static int
anchor_close(struct page_parser *p)
{
	struct slice text = slice_of(p->anchor_text.text, p->anchor_text.len);
	struct page_link *link;

	if (p->anchor == 0)
		return 0;
	link = &p->page->links[p->anchor - 1];
	p->anchor = 0;
	if (text.len > 0 && !arena_copy(p->arena, text, &link->anchor))
		return -ENOMEM;
	return 0;
}

/* What the text behind this start tag is. */
static int
text_of(struct page_parser *p, const struct html_tag *tag, enum page_in *ret)
{
	struct slice type = {0};
	int err;

	*ret = PAGE_IN_MARKUP;
	switch (tag->id) {
	case HTML_N_TITLE:
		if (tag->ns != HTML_NS_HTML)
			break;
		*ret = p->has_title ? PAGE_IN_OTHER : PAGE_IN_TITLE;
		p->has_title = true;
		break;
	case HTML_N_STYLE:
		err = page_value_of(p, tag, HTML_N_TYPE, &type);
		if (err != 0)
			return err;
		*ret = type.len == 0 || slice_ieq(type, SLICE_LIT("text/css"))
			   ? PAGE_IN_STYLE
			   : PAGE_IN_OTHER;
		break;
	case HTML_N_SCRIPT:
		*ret = PAGE_IN_OTHER;
		if (!p->conf->want_speculative)
			break;
		err = page_value_of(p, tag, HTML_N_TYPE, &type);
		if (err != 0)
			return err;
		*ret = slice_istarts(slice_trim(type), SLICE_LIT("application/ld+json"))
			   ? PAGE_IN_JSON_LD
			   : PAGE_IN_SCRIPT;
		break;
	case HTML_N_TEXTAREA:
	case HTML_N_XMP:
	case HTML_N_IFRAME:
	case HTML_N_NOEMBED:
	case HTML_N_NOFRAMES:
		*ret = tag->ns == HTML_NS_HTML ? PAGE_IN_OTHER : PAGE_IN_MARKUP;
		break;
	default:
		break;
	}
	return 0;
}

static int
tag_facts(struct page_parser *p, const struct html_tag *tag)
{
	switch (tag->id) {
	case HTML_N_HTML:
		return page_lang(p, tag);
	case HTML_N_META:
		return page_meta(p, tag);
	case HTML_N_BASE:
		return page_base(p, tag);
	case HTML_N_LINK:
		return page_refs_of(p, tag);
	case HTML_N_NOSCRIPT:
		p->in_noscript = true;
		return 0;
	case HTML_N_TEMPLATE:
		p->templates++;
		return 0;
	default:
		return 0;
	}
}

static int
end_tag(struct page_parser *p, const struct html_tag *tag)
{
	switch (tag->id) {
	case HTML_N_A:
		return anchor_close(p);
	case HTML_N_NOSCRIPT:
		p->in_noscript = false;
		return 0;
	case HTML_N_TEMPLATE:
		p->templates -= p->templates > 0;
		return 0;
	case HTML_N_FORM:
		p->in_form &= p->templates > 0;
		return 0;
	default:
		return 0;
	}
}

static int
start_tag(struct page_parser *p, const struct html_tag *tag)
{
	size_t before = p->page->links_len;
	bool is_a = tag->id == HTML_N_A;
	int err = 0;

	if (is_a)
		err = anchor_close(p); /* they do not nest */
	if (err == 0 && tag->ns == HTML_NS_HTML)
		err = tag_facts(p, tag);
	if (err == 0 && (tag->attrs_len > 0 || tag->id == HTML_N_FORM))
		err = page_links_of(p, tag);
	if (err == 0 && p->conf->want_ids && tag->attrs_len > 0)
		err = page_ids_of(p, tag);
	if (err == 0 && is_a && p->conf->want_anchors)
		for (size_t i = before; i < p->page->links_len; i++)
			if (p->page->links[i].kind == LINK_A) {
				p->anchor = i + 1;
				gather_init(&p->anchor_text, p->anchor_text.text,
				    p->conf->anchor_bytes_max);
			}
	if (err == 0)
		err = text_of(p, tag, &p->in);
	return err;
}

static int
tag_take(struct page_parser *p, const struct html_tag *tag)
{
	int err;

	p->in = PAGE_IN_MARKUP;
	err = tag->is_end ? end_tag(p, tag) : start_tag(p, tag);
	if (err == 0 && (tag->ns != HTML_NS_HTML || p->style_at != 0))
		err = foreign_style(p, tag);
	if (err == 0 && p->texts != NULL)
		err = page_texts_tag(p, tag);
	return err;
}

static int
page_tag(void *ctx, const struct html_tag *tag)
{
	struct page_parser *p = ctx;
	int err = tag_take(p, tag);

	if (err == 0 && p->conf->is_xml && tag->is_self_closing && !tag->is_end) {
		struct html_tag end = *tag;

		end.is_end = true;
		end.attrs_len = 0;
		err = tag_take(p, &end);
	}
	p->html->want_text =
	    p->in == PAGE_IN_MARKUP ? markup_wants_text(p) : p->in != PAGE_IN_OTHER;
	return err;
}

static int
parser_init(struct page_parser *p, const struct page_conf *conf, struct arena *a,
    struct page *page, enum charset charset)
{
	size_t anchor = conf->want_anchors ? conf->anchor_bytes_max : 0;
	char *text = arena_text(a, anchor + conf->title_bytes_max);

	if (text == NULL)
		return -ENOMEM;
	*p = (struct page_parser){
	    .conf = conf, .arena = a, .page = page, .charset = charset};
	gather_init(&p->anchor_text, text, anchor);
	gather_init(&p->title_text, text + anchor, conf->title_bytes_max);
	return 0;
}

/* Of other elements only style and background are links. */
#define START(name) [HTML_N_##name] = HTML_WANT_START
#define BOTH(name)  [HTML_N_##name] = HTML_WANT_START | HTML_WANT_END
#define PAGE_WANTS                                                                       \
	HTML_WANTS_ALWAYS, BOTH(NOSCRIPT), BOTH(TEMPLATE), BOTH(FORM), START(HTML),      \
	    START(META), START(BASE), START(LINK), START(BODY), START(AREA), START(IMG), \
	    START(IMAGE), START(SOURCE), START(VIDEO), START(AUDIO), START(TRACK),       \
	    START(FRAME), START(EMBED), START(OBJECT), START(BUTTON), START(INPUT),      \
	    START(BLOCKQUOTE), START(Q), START(INS), START(DEL)
static const uint8_t wants[HTML_N_MAX] = {PAGE_WANTS, START(A)};
static const uint8_t wants_with_anchors[HTML_N_MAX] = {PAGE_WANTS, BOTH(A)};

static const struct html_sink *
sink_of(const struct page_conf *conf)
{
	static const struct html_sink links = {
	    .wants = wants, .text = page_text, .tag = page_tag};
	static const struct html_sink anchors = {
	    .wants = wants_with_anchors, .text = page_text, .tag = page_tag};
	static const struct html_sink all = {.text = page_text, .tag = page_tag};

	if (conf->want_text || conf->want_ids)
		return &all;
	return conf->want_anchors ? &anchors : &links;
}

/* STOP_RESTART: to be done again in *charset. */
static int
parse_in(struct slice body, enum charset *charset, enum charset_how how,
    const struct page_conf *conf, struct arena *a, struct page *page)
{
	struct page_parser p;
	struct html *html;
	int err;

	*page = (struct page){.charset = charset_name(*charset), .charset_how = how};
	html = arena_alloc(a, sizeof(*html));
	if (html == NULL || parser_init(&p, conf, a, page, *charset) != 0)
		return -ENOMEM;
	p.is_tentative = how >= CHARSET_HOW_CONTENT;
	p.html = html;
	if (!charset_is_markup_safe(*charset)) {
		err = charset_to_utf8(*charset, body, a, &body);
		if (err != 0)
			return err;
		p.charset = CHARSET_UTF_8;
	}
	err = conf->want_text ? page_texts_begin(&p, body.len) : 0;
	if (err != 0)
		return err;
	p.sink = sink_of(conf);
	html_init(html, p.sink, &p,
	    HTML_MODELS | HTML_TEXT_RAW | (conf->is_xml ? HTML_XML : 0u), 0);
	html->want_text = conf->want_text;
	err = conf->fields == NULL ? 0 : page_fields_begin(&p);
	if (err == 0)
		err = html_feed(html, body, true);
	if (err == 0 && conf->fields != NULL)
		err = page_fields_end(&p);
	html_release(html);
	if (err == 0)
		err = style_end(&p);
	if (err == 0)
		err = anchor_close(&p);
	if (err == 0 && conf->want_text)
		err = page_texts_end(&p);
	page->title = slice_of(p.title_text.text, p.title_text.len);
	*charset = p.restart;
	return err;
}

int
page_parse(
    struct slice body, const struct page_conf *conf, struct arena *a, struct page *ret)
{
	struct charset_guess g = charset_sniff_html(body, conf->http_charset);
	enum charset charset = g.charset;
	struct page page;
	int err;

	body = slice_from(body, g.bom_len);
	err = parse_in(body, &charset, g.how, conf, a, &page);
	if (err == STOP_RESTART) /* at most once: it is certain then */
		err = parse_in(body, &charset, CHARSET_HOW_META, conf, a, &page);
	if (err != 0)
		return err;
	*ret = page;
	return 0;
}

int
page_css(
    struct slice body, const struct page_conf *conf, struct arena *a, struct page *ret)
{
	struct charset_guess g = charset_sniff_css(body, conf->http_charset);
	struct page page = {.charset = charset_name(g.charset), .charset_how = g.how};
	struct page_parser p = {
	    .conf = conf, .arena = a, .page = &page, .charset = CHARSET_UTF_8};
	struct slice css;
	int err;

	err = charset_to_utf8(g.charset, slice_from(body, g.bom_len), a, &css);
	if (err == 0)
		err = page_css_add(&p, css);
	if (err != 0)
		return err;
	*ret = page;
	return 0;
}
