/*
 * Content models without a tree: which text state follows a tag (13.2.6), and whether we
 * are in SVG or MathML (13.2.6.5), where title and style are plain markup.
 *
 * The stack has the open foreign elements only; of HTML elements opened in an integration
 * point it is known whether there was one.  A tree builder knows better in documents that
 * close HTML elements across foreign ones; nothing else depends on it.
 */
#include "web/html_int.h"

#include "base/banned.h"

/* Start tags that end foreign content (13.2.6.5); font does with some attributes. */
static bool
breaks_out(const struct html_tag *tag)
{
	switch (tag->id) {
	case HTML_N_B:
	case HTML_N_BIG:
	case HTML_N_BLOCKQUOTE:
	case HTML_N_BODY:
	case HTML_N_BR:
	case HTML_N_CENTER:
	case HTML_N_CODE:
	case HTML_N_DD:
	case HTML_N_DIV:
	case HTML_N_DL:
	case HTML_N_DT:
	case HTML_N_EM:
	case HTML_N_EMBED:
	case HTML_N_H1:
	case HTML_N_H2:
	case HTML_N_H3:
	case HTML_N_H4:
	case HTML_N_H5:
	case HTML_N_H6:
	case HTML_N_HEAD:
	case HTML_N_HR:
	case HTML_N_I:
	case HTML_N_IMG:
	case HTML_N_LI:
	case HTML_N_LISTING:
	case HTML_N_MENU:
	case HTML_N_META:
	case HTML_N_NOBR:
	case HTML_N_OL:
	case HTML_N_P:
	case HTML_N_PRE:
	case HTML_N_RUBY:
	case HTML_N_S:
	case HTML_N_SMALL:
	case HTML_N_SPAN:
	case HTML_N_STRONG:
	case HTML_N_STRIKE:
	case HTML_N_SUB:
	case HTML_N_SUP:
	case HTML_N_TABLE:
	case HTML_N_TT:
	case HTML_N_U:
	case HTML_N_UL:
	case HTML_N_VAR:
		return true;
	case HTML_N_FONT:
		return html_attr_get(tag, HTML_N_COLOR) != NULL ||
		       html_attr_get(tag, HTML_N_FACE) != NULL ||
		       html_attr_get(tag, HTML_N_SIZE) != NULL;
	default:
		return false;
	}
}

static enum html_integration
integration_of(const struct html_tag *tag, enum html_ns ns)
{
	const struct html_attr *a;

	if (ns == HTML_NS_SVG)
		return tag->id == HTML_N_FOREIGNOBJECT || tag->id == HTML_N_DESC ||
			       tag->id == HTML_N_TITLE
			   ? HTML_INT_HTML
			   : HTML_INT_NONE;
	switch (tag->id) {
	case HTML_N_MI:
	case HTML_N_MO:
	case HTML_N_MN:
	case HTML_N_MS:
	case HTML_N_MTEXT:
		return HTML_INT_MATH_TEXT;
	case HTML_N_ANNOTATION_XML:
		a = html_attr_get(tag, HTML_N_ENCODING);
		if (a != NULL &&
		    (slice_ieq(html_attr_value(tag, a), SLICE_LIT("text/html")) ||
			slice_ieq(
			    html_attr_value(tag, a), SLICE_LIT("application/xhtml+xml"))))
			return HTML_INT_HTML;
		return HTML_INT_NONE;
	default:
		return HTML_INT_NONE;
	}
}

/* Is a start tag within `top` one of HTML (13.2.6, "tree construction dispatcher")? */
static bool
is_html_in(const struct html_foreign *top, const struct html_tag *tag)
{
	if (top->integration == HTML_INT_HTML)
		return true;
	if (top->integration == HTML_INT_MATH_TEXT)
		return tag->id != HTML_N_MGLYPH && tag->id != HTML_N_MALIGNMARK;
	return top->id == HTML_N_ANNOTATION_XML && tag->id == HTML_N_SVG;
}

static void
foreign_push(struct html *t, const struct html_tag *tag, enum html_ns ns)
{
	if (tag->is_self_closing || t->foreign_len == HTML_FOREIGN_MAX)
		return;
	t->foreign[t->foreign_len++] = (struct html_foreign){.name_key = tag->name_key,
	    .id = tag->id,
	    .ns = ns,
	    .integration = integration_of(tag, ns)};
}

/* Back to where HTML goes on. */
static void
foreign_leave(struct html *t)
{
	while (t->foreign_len > 0 &&
	       t->foreign[t->foreign_len - 1].integration == HTML_INT_NONE)
		t->foreign_len--;
}

static void
model_start(struct html *t, struct html_tag *tag)
{
	struct html_foreign *top;

	if (t->foreign_len > 0 && !is_html_in(&t->foreign[t->foreign_len - 1], tag)) {
		if (!breaks_out(tag)) {
			tag->ns = t->foreign[t->foreign_len - 1].ns;
			foreign_push(t, tag, tag->ns);
			return;
		}
		foreign_leave(t);
	}
	if (tag->id == HTML_N_SVG || tag->id == HTML_N_MATH) {
		tag->ns = tag->id == HTML_N_SVG ? HTML_NS_SVG : HTML_NS_MATH;
		foreign_push(t, tag, tag->ns);
		return;
	}
	if (t->foreign_len > 0) {
		top = &t->foreign[t->foreign_len - 1];
		top->has_html = true;
	}
}

static void
model_end(struct html *t, struct html_tag *tag)
{
	struct html_foreign *top = &t->foreign[t->foreign_len - 1];
	bool in_html = top->integration != HTML_INT_NONE;

	if (!in_html)
		tag->ns = top->ns;
	for (uint32_t i = t->foreign_len; i-- > 0;) {
		/* HTML elements that are open above hide all but the roots. */
		if (in_html && i + 1 < t->foreign_len && t->foreign[i].id != HTML_N_SVG &&
		    t->foreign[i].id != HTML_N_MATH)
			continue;
		if (t->foreign[i].name_key != tag->name_key)
			continue;
		tag->ns = t->foreign[i].ns;
		t->foreign_len = i;
		return;
	}
	if (!in_html && breaks_out(tag))
		foreign_leave(t);
}

void
model_tag(struct html *t)
{
	struct html_tag *tag = &t->tag;

	if (!tag->is_end) {
		if (t->foreign_len > 0 || tag->id == HTML_N_SVG || tag->id == HTML_N_MATH)
			model_start(t, tag);
	} else if (t->foreign_len > 0) {
		model_end(t, tag);
	}
}

enum html_state
model_state(const struct html *t)
{
	const struct html_tag *tag = &t->tag;
	/* What is not named goes on with DATA. */
	static const uint8_t states[HTML_N_MAX] = {
	    [HTML_N_TITLE] = HTML_RCDATA,
	    [HTML_N_TEXTAREA] = HTML_RCDATA,
	    [HTML_N_STYLE] = HTML_RAWTEXT,
	    [HTML_N_XMP] = HTML_RAWTEXT,
	    [HTML_N_IFRAME] = HTML_RAWTEXT,
	    [HTML_N_NOEMBED] = HTML_RAWTEXT,
	    [HTML_N_NOFRAMES] = HTML_RAWTEXT,
	    [HTML_N_SCRIPT] = HTML_SCRIPT,
	    [HTML_N_PLAINTEXT] = HTML_PLAINTEXT,
	};

	if (tag->is_end || tag->ns != HTML_NS_HTML ||
	    (tag->is_self_closing && (t->flags & HTML_XML)))
		return HTML_DATA;
	return states[tag->id];
}

bool
model_allows_cdata(const struct html *t)
{
	const struct html_foreign *top;

	if (t->flags & HTML_XML)
		return true;
	if (t->foreign_len == 0)
		return false;
	top = &t->foreign[t->foreign_len - 1];
	return top->integration == HTML_INT_NONE || !top->has_html;
}
