/* Fields of a page, in the pass that finds its links. */
#include "web/page_int.h"
#include "web/select.h"

#include "base/banned.h"

static int
field_attr(
    void *ctx, const struct html_tag *tag, const struct html_attr *a, struct slice *ret)
{
	return page_value(ctx, tag, a, ret);
}

/* After the others said whether they want text: what is to come. */
static void
wish(struct page_parser *p)
{
	p->wants_text = p->html->want_text;
	if (select_is_done(p->fields))
		html_sink_set(p->html, p->sink);
	else if (select_wants_text(p->fields))
		p->html->want_text = true;
}

static int
fields_tag(void *ctx, const struct html_tag *tag)
{
	struct page_parser *p = ctx;
	int err = select_tag(p->fields, tag);

	if (err == 0)
		err = p->sink->tag(p, tag);
	wish(p);
	return err;
}

static int
fields_text(void *ctx, struct slice raw, bool has_refs)
{
	struct page_parser *p = ctx;
	struct slice s;
	int err = 0;

	if (select_wants_text(p->fields)) {
		err = page_text_get(p, raw, has_refs, &s);
		if (err == 0)
			err = select_text(p->fields, s);
	}
	if (err == 0 && p->wants_text) {
		p->html->want_text = true;
		err = p->sink->text(p, raw, has_refs);
		wish(p);
	}
	return err;
}

static int
fields_comment(void *ctx, struct slice text)
{
	struct page_parser *p = ctx;

	(void)text;
	select_comment(p->fields);
	return 0;
}

static int
fields_doctype(void *ctx, const struct html_doctype *d)
{
	struct page_parser *p = ctx;

	select_doctype(p->fields, d);
	return 0;
}

int
page_fields_begin(struct page_parser *p)
{
	static const struct html_sink sink = {.tag = fields_tag,
	    .text = fields_text,
	    .comment = fields_comment,
	    .doctype = fields_doctype};
	int err = select_start(
	    p->conf->fields, p->conf->is_xml, p->arena, field_attr, p, &p->fields);

	if (err != 0)
		return err;
	html_sink_set(p->html, &sink);
	wish(p);
	return 0;
}

int
page_fields_end(struct page_parser *p)
{
	return select_end(p->fields, &p->page->fields, &p->page->fields_len);
}
