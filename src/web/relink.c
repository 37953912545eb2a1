#include "web/relink.h"
#include "web/css.h"
#include "web/page_int.h"
#include "web/srcset.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "base/banned.h"

struct relink {
	const struct relink_conf *conf;
	struct slice body;
	size_t told; /* bytes of it that were told, or are left out */
	enum charset charset;
	const char *declare; /* a charset that is yet to be declared; NULL: none */
	struct html *html;
	bool in_style, style_has_refs;
};

/* -- Telling. -- */

static int
same(struct relink *k, struct slice bytes)
{
	return bytes.len == 0 ? 0 : k->conf->ops->same(k->conf->ctx, bytes);
}

static size_t
place(const struct relink *k, const char *p)
{
	return (size_t)(p - k->body.ptr);
}

/* All up to there. */
static int
tell_to(struct relink *k, size_t at)
{
	size_t from = k->told;

	assert(at >= from && at <= k->body.len);
	k->told = at;
	return same(k, slice_head(slice_from(k->body, from), at - from));
}

static int
is_link(struct relink *k, struct slice ref)
{
	int r = charset_to_utf8(k->charset, ref, k->conf->scratch, &ref);

	if (r == 0 && ref.len > 0)
		r = k->conf->ops->is_link(k->conf->ctx, page_strip(ref));
	return r;
}

static int
link_is(struct relink *k, unsigned form)
{
	return k->conf->ops->link(k->conf->ctx, form);
}

/* Of the body itself: white space around it stays, too. */
static int
ref_in_body(struct relink *k, struct slice ref, unsigned form)
{
	int r;

	ref = page_strip(ref);
	r = ref.len == 0 ? 0 : is_link(k, ref);
	if (r <= 0)
		return r;
	r = tell_to(k, place(k, ref.ptr));
	k->told += ref.len;
	return r == 0 ? link_is(k, form) : r;
}

/* -- A value that holds URLs, among other things. -- */

/* Of each its bytes, and what it says (another text where they have escapes). */
struct value {
	struct relink *k;
	unsigned form;
	bool anew; /* the value is not of the body: it is written again */
	struct slice text;
	size_t told; /* of it */
};

/* What stands for a character that an attribute must not hold as it is, or NULL. */
static const char *
reference_for(unsigned char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '\n':
		return "&#10;";
	case '\r':
		return "&#13;";
	default:
		return NULL;
	}
}

static bool
is_plain(const struct relink *k, unsigned char c)
{
	return (c < 0x80 || k->charset == CHARSET_UTF_8) && reference_for(c) == NULL;
}

/* One of UTF-8, for a charset that may not have it. */
static size_t
write_letter(struct relink *k, struct slice text, int *r)
{
	unsigned char c = (unsigned char)text.ptr[0];
	size_t n = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
	uint32_t code = c & (n == 4 ? 7u : n == 3 ? 15u : 31u);
	char out[16];

	if (n > text.len)
		n = text.len;
	for (size_t i = 1; i < n; i++)
		code = code << 6 | ((unsigned char)text.ptr[i] & 63u);
	(void)snprintf(out, sizeof(out), "&#%u;", (unsigned)code);
	*r = same(k, slice_cstr(out));
	return n;
}

/* What stands in an attribute, with references where they are needed. */
static int
write_text(struct relink *k, struct slice text)
{
	int r = 0;

	while (text.len > 0 && r == 0) {
		unsigned char c = (unsigned char)text.ptr[0];
		size_t n = 0;

		while (n < text.len && is_plain(k, (unsigned char)text.ptr[n]))
			n++;
		if (n > 0) {
			r = same(k, slice_head(text, n));
		} else if (reference_for(c) != NULL) {
			r = same(k, slice_cstr(reference_for(c)));
			n = 1;
		} else {
			n = write_letter(k, text, &r);
		}
		text = slice_from(text, n);
	}
	return r;
}

static int
value_ref(struct value *v, struct slice raw, struct slice ref)
{
	int r;

	if (!v->anew && raw.ptr == ref.ptr)
		return ref_in_body(v->k, ref, v->form);
	ref = page_strip(ref);
	if (ref.len == 0)
		return 0;
	/* What has escapes was UTF-8 already where it was written anew. */
	r = v->anew ? v->k->conf->ops->is_link(v->k->conf->ctx, ref) : is_link(v->k, ref);
	if (r <= 0)
		return r;
	if (v->anew) {
		size_t from = (size_t)(raw.ptr - v->text.ptr);

		r = write_text(v->k, slice_of(v->text.ptr + v->told, from - v->told));
		v->told = from + raw.len;
	} else {
		r = tell_to(v->k, place(v->k, raw.ptr));
		v->k->told += raw.len;
	}
	return r == 0 ? link_is(v->k, v->form) : r;
}

static int
on_css(void *ctx, struct slice raw, struct slice url, bool in_string)
{
	struct slice ref = page_strip(url);

	(void)in_string;
	return ref.len == 0 || ref.ptr[0] == '#' ? 0 : value_ref(ctx, raw, url);
}

static int
value_srcset(struct value *v)
{
	struct slice rest = v->text, url;
	int r = 0;

	while (r == 0 && srcset_next(&rest, &url))
		r = value_ref(v, url, url);
	return r;
}

static int
value_list(struct value *v)
{
	struct slice rest = v->text;
	size_t n;
	int r = 0;

	for (; r == 0 && rest.len > 0; rest = slice_from(rest, n + 1)) {
		for (n = 0; n < rest.len && !page_is_space(rest.ptr[n]);)
			n++;
		if (n > 0)
			r = value_ref(v, slice_head(rest, n), slice_head(rest, n));
	}
	return r;
}

enum value_how { VALUE_URL, VALUE_SRCSET, VALUE_LIST, VALUE_CSS, VALUE_REFRESH };

static int
value_take(struct value *v, enum value_how how)
{
	struct refresh refresh;

	switch (how) {
	case VALUE_SRCSET:
		return value_srcset(v);
	case VALUE_LIST:
		return value_list(v);
	case VALUE_CSS:
		return css_places(v->text, v->k->conf->scratch, on_css, v);
	case VALUE_REFRESH:
		if (!refresh_parse(v->text, &refresh) || !refresh.has_url)
			return 0;
		return value_ref(v, refresh.url, refresh.url);
	case VALUE_URL:
	default:
		return value_ref(v, v->text, v->text);
	}
}

/* -- Attributes. -- */

static bool
is_quoted(const struct html_tag *tag, const struct html_attr *a)
{
	char c = a->value_at == 0 ? '\0' : tag->raw[a->value_at - 1];

	return c == '"' || c == '\'';
}

/* UTF-8, its references resolved. */
static int
value_decode(
    struct relink *k, const struct html_attr *a, struct slice raw, struct slice *ret)
{
	struct slice s;
	char *out;
	int r = charset_to_utf8(k->charset, raw, k->conf->scratch, &s);

	if (r < 0)
		return r;
	if (a->value_odd) {
		out = arena_text(k->conf->scratch, html_decode_max(s));
		if (out == NULL)
			return -ENOMEM;
		s = slice_of(out, html_decode(s, HTML_DECODE_ATTR, out));
	}
	*ret = s;
	return 0;
}

/* One that is only a URL, and none that we follow, stays as it is. */
static int
value_anew(struct value *v, enum value_how how, struct slice raw, bool quoted)
{
	struct relink *k = v->k;
	struct slice url = page_strip(v->text);
	int r;

	if (how == VALUE_URL) {
		r = url.len == 0 ? 0 : k->conf->ops->is_link(k->conf->ctx, url);
		if (r <= 0)
			return r;
	}
	r = tell_to(k, place(k, raw.ptr));
	k->told += raw.len;
	if (r == 0 && !quoted)
		r = same(k, SLICE_LIT("\""));
	if (r == 0)
		r = value_take(v, how);
	if (r == 0)
		r = write_text(k, slice_from(v->text, v->told));
	if (r == 0 && !quoted)
		r = same(k, SLICE_LIT("\""));
	return r;
}

static int
attr_take(struct relink *k, const struct html_tag *tag, const struct html_attr *a,
    enum value_how how, unsigned form)
{
	struct slice raw = html_attr_value(tag, a);
	struct value v = {.k = k, .form = form | RELINK_HTML, .text = raw};
	int r = 0;

	if (raw.len == 0)
		return 0;
	v.anew = a->value_odd || (k->charset != CHARSET_UTF_8 && !slice_is_ascii(raw));
	if (v.anew)
		r = value_decode(k, a, raw, &v.text);
	if (r == 0)
		r = v.anew ? value_anew(&v, how, raw, is_quoted(tag, a))
			   : value_take(&v, how);
	arena_reset(k->conf->scratch);
	return r;
}

/* Its value becomes empty. */
static int
attr_empty(struct relink *k, const struct html_tag *tag, const struct html_attr *a)
{
	struct slice raw = html_attr_value(tag, a);
	int r;

	if (raw.len == 0)
		return 0;
	r = tell_to(k, place(k, raw.ptr));
	k->told += raw.len;
	return r == 0 && !is_quoted(tag, a) ? same(k, SLICE_LIT("\"\"")) : r;
}

static int
attr_drop(struct relink *k, const struct html_tag *tag, const struct html_attr *a)
{
	size_t end = a->name_at + a->name_len;
	struct slice rest = slice_from(k->body, place(k, tag->raw + end));
	int r = tell_to(k, place(k, tag->raw + a->name_at));

	if (a->value_len > 0)
		end = a->value_at + a->value_len + is_quoted(tag, a);
	else if (slice_starts(rest, SLICE_LIT("=\"\"")) ||
		 slice_starts(rest, SLICE_LIT("=''")))
		end += 3;
	k->told = place(k, tag->raw + end);
	return r;
}

static bool
is_of_origins(const struct html_tag *tag, const struct html_attr *a)
{
	struct slice name = html_attr_name(tag, a);

	return a->name_len >= 9 && a->name_len <= 11 &&
	       (slice_ieq(name, SLICE_LIT("integrity")) ||
		   slice_ieq(name, SLICE_LIT("crossorigin")));
}

static bool
may_be_of_origins(const struct html_tag *tag)
{
	switch (tag->id) {
	case HTML_N_LINK:
	case HTML_N_SCRIPT:
	case HTML_N_IMG:
	case HTML_N_AUDIO:
	case HTML_N_VIDEO:
		return true;
	default:
		return false;
	}
}

/* The page is known elsewhere by its URL there. */
static unsigned
form_of(const struct html_tag *tag)
{
	const struct html_attr *rel;

	if (tag->id != HTML_N_LINK || tag->ns != HTML_NS_HTML)
		return 0;
	rel = html_attr_get(tag, HTML_N_REL);
	return rel != NULL &&
		       (page_rel_parse(html_attr_value(tag, rel)) & LINK_REL_CANONICAL)
		   ? RELINK_ORIGIN
		   : 0;
}

static int
rule_take(struct relink *k, const struct html_tag *tag, const struct html_attr *a,
    const struct page_rule *rule)
{
	switch (rule->how) {
	case HOW_SRCSET:
		return attr_take(k, tag, a, VALUE_SRCSET, RELINK_SRCSET);
	case HOW_LIST:
		return attr_take(k, tag, a, VALUE_LIST, RELINK_ORIGIN);
	case HOW_URL:
	case HOW_URL_OR_EMPTY:
	default:
		return attr_take(k, tag, a, VALUE_URL, form_of(tag));
	}
}

static int
attrs_take(struct relink *k, const struct html_tag *tag)
{
	const struct page_rule *rules = page_rules(tag);
	bool origins = may_be_of_origins(tag);
	int r = 0;

	for (uint32_t i = 0; i < tag->attrs_len && r == 0; i++) {
		const struct html_attr *a = &tag->attrs[i];

		if (origins && is_of_origins(tag, a)) {
			r = attr_drop(k, tag, a);
			continue;
		}
		if (a->id == HTML_N_STYLE ||
		    (tag->ns == HTML_NS_SVG &&
			page_is_presentation(html_attr_name(tag, a)))) {
			r = attr_take(k, tag, a, VALUE_CSS, RELINK_CSS);
			continue;
		}
		for (const struct page_rule *rule = rules; rule->attr != 0; rule++)
			if (a->id == rule->attr) {
				r = rule_take(k, tag, a, rule);
				break;
			}
	}
	return r;
}

/* -- Elements. -- */

static int
meta_take(struct relink *k, const struct html_tag *tag)
{
	const struct html_attr *equiv = html_attr_get(tag, HTML_N_HTTP_EQUIV);
	const struct html_attr *content = html_attr_get(tag, HTML_N_CONTENT);
	struct slice name;

	if (equiv == NULL || content == NULL)
		return 0;
	name = page_strip(html_attr_value(tag, equiv));
	if (slice_ieq(name, SLICE_LIT("refresh")))
		return attr_take(k, tag, content, VALUE_REFRESH, 0);
	if (slice_ieq(name, SLICE_LIT("content-security-policy")))
		return attr_empty(k, tag, content);
	return 0;
}

static int
declare(struct relink *k)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "<meta charset=\"%s\">", k->declare);
	k->declare = NULL;
	return same(k, slice_cstr(text));
}

/* Behind <head>, or before the first element that has its place in it or behind it. */
static int
declare_at(struct relink *k, const struct html_tag *tag)
{
	const char *end = tag->raw + tag->name_at + tag->name_len;
	int r;

	if (tag->is_end || tag->id == HTML_N_HTML)
		return 0;
	if (tag->id == HTML_N_HEAD) {
		if (tag->attrs_len > 0 || *end != '>')
			return 0;
		r = tell_to(k, place(k, end + 1));
	} else {
		r = tell_to(k, place(k, tag->raw));
	}
	return r == 0 ? declare(k) : r;
}

static bool
is_style_sheet(const struct html_tag *tag)
{
	const struct html_attr *type = html_attr_get(tag, HTML_N_TYPE);
	struct slice value;

	if (tag->is_end || tag->id != HTML_N_STYLE)
		return false;
	if (type == NULL)
		return true;
	value = html_attr_value(tag, type);
	return value.len == 0 || slice_ieq(value, SLICE_LIT("text/css"));
}

static int
on_tag(void *ctx, const struct html_tag *tag)
{
	struct relink *k = ctx;
	const struct html_attr *href;
	int r = 0;

	if (k->declare != NULL)
		r = declare_at(k, tag);
	k->style_has_refs = tag->ns != HTML_NS_HTML || k->conf->is_xml;
	k->in_style = is_style_sheet(tag) && !(k->style_has_refs && tag->is_self_closing);
	k->html->want_text = k->in_style;
	if (r != 0 || tag->is_end || tag->attrs_len == 0)
		return r;
	if (tag->ns == HTML_NS_HTML && tag->id == HTML_N_BASE) {
		href = html_attr_get(tag, HTML_N_HREF);
		return href == NULL ? 0 : attr_empty(k, tag, href);
	}
	if (tag->ns == HTML_NS_HTML && tag->id == HTML_N_META)
		return meta_take(k, tag);
	return attrs_take(k, tag);
}

static int
on_text(void *ctx, struct slice text, bool has_refs)
{
	struct relink *k = ctx;
	struct value v = {.k = k, .form = RELINK_CSS, .text = text};
	int r;

	(void)has_refs;
	if (!k->in_style)
		return 0;
	if (k->style_has_refs)
		v.form |= RELINK_HTML;
	r = value_take(&v, VALUE_CSS);
	arena_reset(k->conf->scratch);
	return r;
}

/* -- Documents. -- */

static const struct html_sink tokens = {.text = on_text, .tag = on_tag};

static int
begin(struct relink *k, struct slice body, size_t bom_len)
{
	int r;

	k->body = slice_from(body, bom_len);
	if (charset_is_markup_safe(k->charset))
		return same(k, slice_head(body, bom_len));
	if (k->conf->is_xml)
		return -ENOTSUP;
	r = charset_to_utf8(k->charset, k->body, k->conf->arena, &k->body);
	k->charset = CHARSET_UTF_8;
	k->declare = NULL;
	return r == 0 ? same(k, SLICE_LIT("\xEF\xBB\xBF")) : r;
}

static int
end(struct relink *k)
{
	/* Where there is no element nothing was told yet. */
	int r = k->declare == NULL ? 0 : declare(k);

	return r == 0 ? tell_to(k, k->body.len) : r;
}

int
relink_html(struct slice body, const struct relink_conf *conf)
{
	struct charset_guess sent = charset_sniff_html(body, conf->http_charset);
	struct charset_guess own = charset_sniff_html(body, (struct slice){0});
	struct relink k = {.conf = conf, .charset = conf->charset};
	int r;

	/* Would it be taken for what it is without what the server said? */
	if (!conf->is_xml && sent.how != CHARSET_HOW_BOM &&
	    (own.how == CHARSET_HOW_CONTENT || own.charset != conf->charset) &&
	    !slice_is_ascii(body) && sent.how <= CHARSET_HOW_CONTENT)
		k.declare = charset_name(conf->charset);
	r = begin(&k, body, own.bom_len);
	if (r < 0)
		return r;
	k.html = arena_alloc(conf->arena, sizeof(*k.html));
	if (k.html == NULL)
		return -ENOMEM;
	html_init(k.html, &tokens, &k,
	    HTML_MODELS | HTML_TEXT_RAW | (conf->is_xml ? HTML_XML : 0u), 0);
	r = html_feed(k.html, k.body, true);
	html_release(k.html);
	return r == 0 ? end(&k) : r;
}

int
relink_css(struct slice body, const struct relink_conf *conf)
{
	struct charset_guess sent = charset_sniff_css(body, conf->http_charset);
	struct charset_guess own = charset_sniff_css(body, (struct slice){0});
	struct relink k = {.conf = conf, .charset = sent.charset};
	struct value v = {.k = &k, .form = RELINK_CSS};
	char text[64] = "";
	int r;

	if (sent.charset != own.charset && !slice_is_ascii(body) &&
	    charset_is_markup_safe(sent.charset))
		(void)snprintf(
		    text, sizeof(text), "@charset \"%s\";", charset_name(sent.charset));
	r = begin(&k, body, sent.bom_len);
	if (r == 0)
		r = same(&k, slice_cstr(text));
	v.text = k.body;
	if (r == 0)
		r = value_take(&v, VALUE_CSS);
	arena_reset(conf->scratch);
	return r == 0 ? end(&k) : r;
}
