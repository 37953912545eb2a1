/* Which attributes of which elements are links. */
#include "web/page_int.h"
#include "web/srcset.h"

#include "base/banned.h"

#define RULES(name, ...) static const struct page_rule name[] = {__VA_ARGS__, {0}}
RULES(
    rules_a, {HTML_N_HREF, LINK_A, HOW_URL_OR_EMPTY}, {HTML_N_PING, LINK_PING, HOW_LIST});
RULES(rules_area, {HTML_N_HREF, LINK_AREA, HOW_URL_OR_EMPTY},
    {HTML_N_PING, LINK_PING, HOW_LIST});
RULES(rules_img, {HTML_N_SRC, LINK_IMG, HOW_URL},
    {HTML_N_SRCSET, LINK_SRCSET, HOW_SRCSET}, {HTML_N_LONGDESC, LINK_LONGDESC, HOW_URL},
    {HTML_N_LOWSRC, LINK_IMG, HOW_URL});
RULES(rules_source, {HTML_N_SRC, LINK_SOURCE, HOW_URL},
    {HTML_N_SRCSET, LINK_SRCSET, HOW_SRCSET});
RULES(rules_video, {HTML_N_SRC, LINK_VIDEO, HOW_URL},
    {HTML_N_POSTER, LINK_POSTER, HOW_URL});
RULES(rules_audio, {HTML_N_SRC, LINK_AUDIO, HOW_URL});
RULES(rules_track, {HTML_N_SRC, LINK_TRACK, HOW_URL});
RULES(rules_script, {HTML_N_SRC, LINK_SCRIPT, HOW_URL});
RULES(rules_iframe, {HTML_N_SRC, LINK_IFRAME, HOW_URL},
    {HTML_N_LONGDESC, LINK_LONGDESC, HOW_URL});
RULES(rules_frame, {HTML_N_SRC, LINK_FRAME, HOW_URL},
    {HTML_N_LONGDESC, LINK_LONGDESC, HOW_URL});
RULES(rules_embed, {HTML_N_SRC, LINK_EMBED, HOW_URL});
RULES(rules_object, {HTML_N_DATA, LINK_OBJECT, HOW_URL});
RULES(rules_form, {HTML_N_ACTION, LINK_FORM, HOW_URL_OR_EMPTY});
RULES(rules_submit, {HTML_N_FORMACTION, LINK_FORM, HOW_URL});
RULES(rules_image_input, {HTML_N_SRC, LINK_INPUT, HOW_URL});
RULES(rules_image_submit, {HTML_N_SRC, LINK_INPUT, HOW_URL},
    {HTML_N_FORMACTION, LINK_FORM, HOW_URL});
RULES(rules_background, {HTML_N_BACKGROUND, LINK_BODY, HOW_URL});
RULES(rules_cite, {HTML_N_CITE, LINK_CITE, HOW_URL});
RULES(rules_none, {HTML_N_STYLE, LINK_CSS, HOW_URL}); /* style is seen to before */
/* A link element: what rel says makes the kind. */
RULES(rules_link_embed, {HTML_N_HREF, LINK_LINK, HOW_URL},
    {HTML_N_IMAGESRCSET, LINK_SRCSET, HOW_SRCSET});
RULES(rules_link_page, {HTML_N_HREF, LINK_LINK_PAGE, HOW_URL});
RULES(rules_link_manifest, {HTML_N_HREF, LINK_MANIFEST, HOW_URL});
/* SVG: href, and before SVG 2 xlink:href. */
RULES(rules_svg, {HTML_N_HREF, LINK_SVG, HOW_URL});
RULES(rules_svg_old, {HTML_N_XLINK_HREF, LINK_SVG, HOW_URL});
RULES(rules_svg_a, {HTML_N_HREF, LINK_A, HOW_URL_OR_EMPTY});
RULES(rules_svg_a_old, {HTML_N_XLINK_HREF, LINK_A, HOW_URL_OR_EMPTY});
RULES(rules_svg_script, {HTML_N_HREF, LINK_SCRIPT, HOW_URL});
RULES(rules_svg_script_old, {HTML_N_XLINK_HREF, LINK_SCRIPT, HOW_URL});
/* MathML 3, section 2.1.6: any element may be a link. */
RULES(rules_math, {HTML_N_HREF, LINK_A, HOW_URL_OR_EMPTY});
RULES(rules_math_old, {HTML_N_XLINK_HREF, LINK_A, HOW_URL_OR_EMPTY});

/* What a link element's rel means beyond the bits. */
enum { REL_EMBED = 1 << 8, REL_MANIFEST = 1 << 9 };

static unsigned
rel_words(struct slice rel)
{
	static const struct {
		struct slice word;
		unsigned bits;
	} words[] = {
	    {SLICE_LIT("nofollow"), LINK_REL_NOFOLLOW},
	    {SLICE_LIT("ugc"), LINK_REL_UGC},
	    {SLICE_LIT("sponsored"), LINK_REL_SPONSORED},
	    {SLICE_LIT("canonical"), LINK_REL_CANONICAL},
	    {SLICE_LIT("alternate"), LINK_REL_ALTERNATE},
	    {SLICE_LIT("stylesheet"), LINK_REL_STYLESHEET | REL_EMBED},
	    {SLICE_LIT("next"), LINK_REL_NEXT},
	    {SLICE_LIT("dns-prefetch"), LINK_REL_CONNECT},
	    {SLICE_LIT("preconnect"), LINK_REL_CONNECT},
	    {SLICE_LIT("manifest"), REL_MANIFEST},
	    {SLICE_LIT("icon"), REL_EMBED},
	    {SLICE_LIT("apple-touch-icon"), REL_EMBED},
	    {SLICE_LIT("apple-touch-icon-precomposed"), REL_EMBED},
	    {SLICE_LIT("apple-touch-startup-image"), REL_EMBED},
	    {SLICE_LIT("mask-icon"), REL_EMBED},
	    {SLICE_LIT("fluid-icon"), REL_EMBED},
	    {SLICE_LIT("image_src"), REL_EMBED},
	    {SLICE_LIT("preload"), REL_EMBED},
	    {SLICE_LIT("modulepreload"), REL_EMBED},
	};
	unsigned bits = 0;
	size_t n;

	for (; rel.len > 0; rel = slice_from(rel, n + 1)) {
		for (n = 0; n < rel.len && !page_is_space(rel.ptr[n]);)
			n++;
		for (size_t i = 0; n > 0 && i < sizeof(words) / sizeof(words[0]); i++)
			if (slice_ieq(slice_head(rel, n), words[i].word))
				bits |= words[i].bits;
	}
	return bits;
}

unsigned
page_rel_parse(struct slice rel)
{
	return rel_words(rel) & UINT8_MAX;
}

static enum link_kind
link_kind_of(unsigned rel)
{
	if (rel & REL_MANIFEST)
		return LINK_MANIFEST;
	return rel & REL_EMBED ? LINK_LINK : LINK_LINK_PAGE;
}

enum link_kind
page_rel_kind(struct slice rel)
{
	return link_kind_of(rel_words(rel));
}

static const struct page_rule *
link_rules(unsigned rel)
{
	switch (link_kind_of(rel)) {
	case LINK_MANIFEST:
		return rules_link_manifest;
	case LINK_LINK:
		return rules_link_embed;
	default:
		return rules_link_page;
	}
}

/* Does a form send its fields in the URL?  What is neither post nor dialog is get. */
static int
method_is_get(struct page_parser *p, const struct html_tag *tag, enum html_name_id attr,
    bool *is_get)
{
	struct slice method = {0};
	int err;

	err = page_value_of(p, tag, attr, &method);
	if (err == 0 && method.len > 0)
		*is_get = !slice_ieq(method, SLICE_LIT("post")) &&
			  !slice_ieq(method, SLICE_LIT("dialog"));
	return err;
}

/* One in another is none, unless in a template, where nothing belongs to a form. */
static int
form_rules(
    struct page_parser *p, const struct html_tag *tag, const struct page_rule **ret)
{
	bool is_get = true;
	int err = 0;

	*ret = rules_none;
	if (p->in_form && p->templates == 0)
		return 0;
	err = method_is_get(p, tag, HTML_N_METHOD, &is_get);
	if (is_get)
		*ret = rules_form;
	if (p->templates == 0) {
		p->in_form = true;
		p->form_is_get = is_get;
	}
	return err;
}

/* A button outside of forms sends nothing; what it says of a form elsewhere ("form=id") is
 * only believed as far as it goes. */
static int
submit_rules(
    struct page_parser *p, const struct html_tag *tag, const struct page_rule **ret)
{
	bool is_get = p->in_form && p->form_is_get, is_image = false;
	struct slice type = {0};
	int err;

	err = method_is_get(p, tag, HTML_N_FORMMETHOD, &is_get);
	if (err == 0 && tag->id == HTML_N_INPUT) {
		err = page_value_of(p, tag, HTML_N_TYPE, &type);
		is_image = slice_ieq(type, SLICE_LIT("image"));
	}
	if (is_image)
		*ret = is_get ? rules_image_submit : rules_image_input;
	else
		*ret = is_get ? rules_submit : rules_none;
	return err;
}

static const struct page_rule *
foreign_rules(const struct html_tag *tag)
{
	bool old = html_attr_get(tag, HTML_N_HREF) == NULL;

	if (tag->ns == HTML_NS_MATH)
		return old ? rules_math_old : rules_math;
	if (tag->id == HTML_N_A)
		return old ? rules_svg_a_old : rules_svg_a;
	if (tag->id == HTML_N_SCRIPT)
		return old ? rules_svg_script_old : rules_svg_script;
	return old ? rules_svg_old : rules_svg;
}

/* Of elements that need no more than their name. */
static const struct page_rule *
plain_rules(enum html_name_id element)
{
	switch (element) {
	case HTML_N_A:
		return rules_a;
	case HTML_N_AREA:
		return rules_area;
	case HTML_N_IMG:
	case HTML_N_IMAGE: /* which is read as img */
		return rules_img;
	case HTML_N_SOURCE:
		return rules_source;
	case HTML_N_VIDEO:
		return rules_video;
	case HTML_N_AUDIO:
		return rules_audio;
	case HTML_N_TRACK:
		return rules_track;
	case HTML_N_SCRIPT:
		return rules_script;
	case HTML_N_IFRAME:
		return rules_iframe;
	case HTML_N_FRAME:
		return rules_frame;
	case HTML_N_EMBED:
		return rules_embed;
	case HTML_N_OBJECT:
		return rules_object;
	case HTML_N_BODY:
	case HTML_N_TABLE:
	case HTML_N_TBODY:
	case HTML_N_THEAD:
	case HTML_N_TFOOT:
	case HTML_N_TR:
	case HTML_N_TD:
	case HTML_N_TH:
		return rules_background;
	case HTML_N_BLOCKQUOTE:
	case HTML_N_Q:
	case HTML_N_INS:
	case HTML_N_DEL:
		return rules_cite;
	default:
		return rules_none;
	}
}

static int
link_add(
    struct page_parser *p, const struct page_rule *r, unsigned rel, struct slice value)
{
	struct slice url;
	size_t n;
	int err = 0;

	switch (r->how) {
	case HOW_SRCSET:
		while (err == 0 && srcset_next(&value, &url))
			err = page_link_add(p, r->kind, 0, url);
		return err;
	case HOW_LIST:
		for (; err == 0 && value.len > 0; value = slice_from(value, n + 1)) {
			for (n = 0; n < value.len && !page_is_space(value.ptr[n]);)
				n++;
			if (n > 0)
				err = page_link_add(p, r->kind, 0, slice_head(value, n));
		}
		return err;
	case HOW_URL:
		if (page_strip(value).len == 0)
			return 0;
		break;
	case HOW_URL_OR_EMPTY:
	default:
		break;
	}
	if (r->kind == LINK_SVG && page_strip(value).ptr[0] == '#')
		return 0; /* a part of this document */
	if ((rel & LINK_REL_CANONICAL) && r->kind == LINK_LINK_PAGE &&
	    p->page->canonical.len == 0)
		p->page->canonical = slice_trim(value);
	return page_link_add(p, r->kind, rel & UINT8_MAX, value);
}

bool
page_is_presentation(struct slice name)
{
	static const struct slice names[] = {SLICE_LIT("clip-path"), SLICE_LIT("cursor"),
	    SLICE_LIT("fill"), SLICE_LIT("filter"), SLICE_LIT("marker"),
	    SLICE_LIT("marker-end"), SLICE_LIT("marker-mid"), SLICE_LIT("marker-start"),
	    SLICE_LIT("mask"), SLICE_LIT("stroke")};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_ieq(name, names[i]))
			return true;
	return false;
}

static int
style_add(struct page_parser *p, const struct html_tag *tag, const struct html_attr *a)
{
	struct slice css = html_attr_value(tag, a);
	int err;

	if (!a->value_odd && slice_find(css, '(') == css.len)
		return 0;
	err = page_value(p, tag, a, &css);
	return err != 0 ? err : page_css_add(p, css);
}

static int
attrs_add(struct page_parser *p, const struct html_tag *tag,
    const struct page_rule *rules, unsigned rel)
{
	struct slice value;
	int err = 0;

	for (uint32_t i = 0; i < tag->attrs_len && err == 0; i++) {
		const struct html_attr *a = &tag->attrs[i];

		if (a->id == HTML_N_STYLE ||
		    (tag->ns == HTML_NS_SVG &&
			page_is_presentation(html_attr_name(tag, a)))) {
			err = style_add(p, tag, a);
			continue;
		}
		for (const struct page_rule *r = rules; r->attr != 0; r++) {
			if (a->id != r->attr)
				continue;
			err = page_value(p, tag, a, &value);
			if (err == 0)
				err = link_add(p, r, rel, value);
			break;
		}
	}
	return err;
}

int
page_links_of(struct page_parser *p, const struct html_tag *tag)
{
	const struct page_rule *rules = rules_none;
	struct slice rel_text = {0};
	unsigned rel = 0;
	int err = 0;

	switch (tag->id) {
	case HTML_N_A: /* also that of SVG */
	case HTML_N_AREA:
	case HTML_N_LINK:
	case HTML_N_FORM:
		err = page_value_of(p, tag, HTML_N_REL, &rel_text);
		rel = rel_words(rel_text);
		break;
	default:
		break;
	}
	if (tag->ns != HTML_NS_HTML)
		rules = foreign_rules(tag);
	else if (err == 0 && tag->id == HTML_N_FORM)
		err = form_rules(p, tag, &rules);
	else if (err == 0 && (tag->id == HTML_N_BUTTON || tag->id == HTML_N_INPUT))
		err = submit_rules(p, tag, &rules);
	else if (tag->id == HTML_N_LINK)
		rules = link_rules(rel);
	else
		rules = plain_rules(tag->id);
	return err != 0 ? err : attrs_add(p, tag, rules, rel);
}

const struct page_rule *
page_rules(const struct html_tag *tag)
{
	if (tag->ns != HTML_NS_HTML)
		return foreign_rules(tag);
	switch (tag->id) {
	case HTML_N_FORM:
		return rules_form;
	case HTML_N_BUTTON:
	case HTML_N_INPUT:
		return rules_image_submit;
	case HTML_N_LINK:
		return rules_link_embed;
	default:
		return plain_rules(tag->id);
	}
}
