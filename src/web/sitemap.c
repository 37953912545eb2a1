/*
 * Sitemaps.
 *
 *   body -> UTF-8 -> text: lines
 *                 -> XML: expat -> element_start, element_text, element_end -> entries
 *
 * An entry (url, sitemap, item, entry) is open from its start to its end; within it a
 * field (loc, lastmod, ...) collects text.  When the XML is broken by a bare "&" or a
 * control, it is repaired and parsed once more, and the entries told before are passed
 * over.
 */
#define XML_DTD 1 /* as it is built: its limits on expansion are declared then */
#include "web/sitemap.h"
#include "base/map.h"
#include "web/charset.h"
#include "web/http.h"
#include "web/sitemap_xml.h"
#include "web/xml_memory.h"
#include <errno.h>
#include <expat.h>
#include <stdlib.h>

#include "base/banned.h"

enum {
	DEPTH_MAX = 64,
	TEXT_BYTES_MAX = URL_BYTES_MAX + 256, /* with the space around it */
	SHORT_BYTES_MAX = 64,
	CHUNK_BYTES = 256 << 10,
	EXPANSION_BYTES_MAX = 1 << 20,
	ARENA_BYTES_MAX = 3 * SITEMAP_BYTES_MAX + (1 << 20),
};

enum field {
	FIELD_NONE,
	FIELD_LOC,
	FIELD_GUID, /* of RSS: the link, if it is a URL and there is no other (whatever
		     * isPermaLink says: crawler-commons has it so) */
	FIELD_LASTMOD,
	FIELD_CHANGEFREQ,
	FIELD_PRIORITY,
	FIELD_IMAGE,
	FIELD_VIDEO,
};

struct text {
	size_t len;
	bool is_cut;
	char bytes[TEXT_BYTES_MAX];
};

struct short_text {
	size_t len;
	char bytes[SHORT_BYTES_MAX];
};

struct parsing {
	const struct sitemap_conf *conf;
	sitemap_fn *fn;
	void *ctx;
	struct sitemap_result result;
	uint32_t skip_entries, skip_extras; /* told by the first parse already */
	uint32_t seen_entries, seen_extras;

	XML_Parser xml;
	bool is_stopped;                          /* on purpose: result.status says why */
	char main_prefix[32];                     /* that of the root: "" or "sit:" */
	unsigned depth, entry_depth, field_depth; /* 0: not within one */
	struct xml_bases bases;
	enum field field;
	struct text text, loc;
	struct short_text lastmod, changefreq, priority;
};

const char *
sitemap_format_name(enum sitemap_format f)
{
	static const char *const names[] = {
#define X(id, name) [SITEMAP_FORMAT_##id] = name,
	    SITEMAP_FORMATS(X)
#undef X
	};

	return names[f];
}

const char *
sitemap_status_name(enum sitemap_status s)
{
	static const char *const names[] = {
#define X(id, name) [SITEMAP_##id] = name,
	    SITEMAP_STATUSES(X)
#undef X
	};

	return names[s];
}

/* -- telling entries ------------------------------------------------------------------
 */

/* Bytes of one space at s[0], also as people paste it: no-break, en, em, zero-width,
 * ideographic, BOM.  0: none. */
static size_t
space_len(struct slice s)
{
	if (s.len > 0 && ascii_is_space(s.ptr[0]))
		return 1;
	if (slice_starts(s, SLICE_LIT("\xc2\xa0")))
		return 2;
	if (slice_starts(s, SLICE_LIT("\xe3\x80\x80")) ||
	    slice_starts(s, SLICE_LIT("\xef\xbb\xbf")))
		return 3;
	if (s.len >= 3 && slice_starts(s, SLICE_LIT("\xe2\x80")) &&
	    (unsigned char)s.ptr[2] >= 0x80 && (unsigned char)s.ptr[2] <= 0x8b)
		return 3;
	return 0;
}

static struct slice
trim_start(struct slice s)
{
	size_t n;

	while ((n = space_len(s)) > 0)
		s = slice_from(s, n);
	return s;
}

static struct slice
trim(struct slice s)
{
	size_t n;

	s = trim_start(s);
	do {
		n = 0;
		for (size_t len = 1; len <= 3 && len <= s.len && n == 0; len++)
			if (space_len(slice_from(s, s.len - len)) == len)
				n = len;
		s.len -= n;
	} while (n > 0);
	return s;
}

static bool
looks_like_url(struct slice s)
{
	return slice_istarts(s, SLICE_LIT("http://")) ||
	       slice_istarts(s, SLICE_LIT("https://"));
}

static void
stop(struct parsing *p, enum sitemap_status why)
{
	p->result.status = why;
	p->is_stopped = true;
	if (p->xml != NULL)
		(void)XML_StopParser(p->xml, XML_FALSE);
}

/* On the host of the sitemap and under its folder. */
static bool
is_under_base(const struct parsing *p, struct slice loc)
{
	const struct url *base = p->conf->base;
	struct slice folder = url_path(base);
	char out[URL_BYTES_MAX];
	struct url u;

	while (folder.len > 0 && folder.ptr[folder.len - 1] != '/')
		folder.len--;
	return url_resolve(base, loc, (struct slice){0}, 0, out, sizeof(out), &u) ==
		   URL_OK &&
	       slice_eq(url_host(&u), url_host(base)) && u.port == base->port &&
	       u.scheme_len == base->scheme_len && slice_starts(url_path(&u), folder);
}

static void
tell_entry(struct parsing *p, const struct sitemap_entry *e)
{
	uint32_t max =
	    p->conf->entries_max == 0 ? SITEMAP_ENTRIES_MAX : p->conf->entries_max;

	if (p->is_stopped || e->loc.len == 0 || e->loc.len > URL_BYTES_MAX)
		return;
	if (p->conf->same_location && p->conf->base != NULL &&
	    e->kind == SITEMAP_KIND_PAGE && !is_under_base(p, e->loc)) {
		/* To see that takes time: 5 us where a host is beyond ASCII. */
		if (++p->result.elsewhere == SITEMAP_ENTRIES_MAX)
			stop(p, SITEMAP_TOO_LARGE);
		return;
	}
	if (++p->seen_entries <= p->skip_entries)
		return;
	if (p->result.entries == max) {
		stop(p, SITEMAP_TOO_LARGE);
		return;
	}
	p->result.entries++;
	if (!p->fn(p->ctx, e))
		stop(p, SITEMAP_STOPPED);
}

static void
tell_extra(struct parsing *p, enum sitemap_kind kind, struct slice loc, struct slice lang)
{
	struct sitemap_entry e = {.kind = kind,
	    .format = p->result.format,
	    .loc = trim(loc),
	    .lang = lang,
	    .lastmod_s = SITEMAP_NO_TIME,
	    .priority = -1};

	if (p->is_stopped || e.loc.len == 0 || e.loc.len > URL_BYTES_MAX ||
	    ++p->seen_extras <= p->skip_extras || p->result.extras == SITEMAP_EXTRAS_MAX)
		return;
	p->result.extras++;
	if (!p->fn(p->ctx, &e))
		stop(p, SITEMAP_STOPPED);
}

/* "0.8"; -1 when it is no number from 0 to 1. */
static double
priority_parse(struct slice s)
{
	double v = 0, unit = 1;
	size_t i = 0;

	s = trim(s);
	for (; i < s.len && ascii_is_digit(s.ptr[i]); i++)
		v = v * 10 + (s.ptr[i] - '0');
	if (i < s.len && (s.ptr[i] == '.' || s.ptr[i] == ','))
		for (i++; i < s.len && ascii_is_digit(s.ptr[i]); i++) {
			unit /= 10;
			v += (s.ptr[i] - '0') * unit;
		}
	return s.len > 0 && i == s.len && v <= 1 ? v : -1;
}

static struct slice
short_slice(const struct short_text *s)
{
	return slice_of(s->bytes, s->len);
}

static void
entry_clear(struct parsing *p)
{
	p->loc.len = 0;
	p->lastmod.len = p->changefreq.len = p->priority.len = 0;
}

/* The entry that is open, if it has its URL. */
static void
entry_flush(struct parsing *p)
{
	struct sitemap_entry e = {
	    .format = p->result.format, .lastmod_s = SITEMAP_NO_TIME};

	e.kind = p->result.format == SITEMAP_FORMAT_INDEX ? SITEMAP_KIND_SITEMAP
							  : SITEMAP_KIND_PAGE;
	e.loc = slice_of(p->loc.bytes, p->loc.len);
	e.lastmod = short_slice(&p->lastmod);
	e.changefreq = short_slice(&p->changefreq);
	e.priority = priority_parse(short_slice(&p->priority));
	(void)sitemap_date(e.lastmod, &e.lastmod_s);
	if (e.loc.len > 0)
		tell_entry(p, &e);
	entry_clear(p);
}

/* -- fields ---------------------------------------------------------------------------
 */

static void
text_clear(struct text *t)
{
	t->len = 0;
	t->is_cut = false;
}

static void
text_add(struct text *t, const char *s, size_t len)
{
	/* Space in front takes no room. */
	if (t->len == 0)
		for (; len > 0 && ascii_is_space(*s); len--)
			s++;
	if (len > sizeof(t->bytes) - t->len) {
		t->is_cut = true;
		return;
	}
	memcpy(t->bytes + t->len, s, len);
	t->len += len;
}

static void
short_set(struct short_text *t, struct slice s)
{
	if (s.len > sizeof(t->bytes))
		return;
	if (s.len > 0)
		memcpy(t->bytes, s.ptr, s.len);
	t->len = s.len;
}

static void
loc_set(struct parsing *p, struct slice s)
{
	if (s.len > 0)
		memcpy(p->loc.bytes, s.ptr, s.len);
	p->loc.len = s.len;
}

/* The field that is open has ended, with what p->text holds. */
static void
field_finish(struct parsing *p)
{
	struct slice s = trim(slice_of(p->text.bytes, p->text.len));
	enum field field = p->field;

	p->field = FIELD_NONE;
	if (p->text.is_cut)
		s.len = 0;
	switch (field) {
	case FIELD_LOC:
		if (s.len == 0)
			break;
		/* Several in one entry: the tags between them were forgotten. */
		if (p->loc.len > 0 && (p->result.format == SITEMAP_FORMAT_XML ||
					  p->result.format == SITEMAP_FORMAT_INDEX))
			entry_flush(p);
		loc_set(p, s);
		break;
	case FIELD_GUID:
		if (p->loc.len == 0 && looks_like_url(s))
			loc_set(p, s);
		break;
	case FIELD_LASTMOD:
		if (p->lastmod.len == 0)
			short_set(&p->lastmod, s);
		break;
	case FIELD_CHANGEFREQ:
		short_set(&p->changefreq, s);
		break;
	case FIELD_PRIORITY:
		short_set(&p->priority, s);
		break;
	case FIELD_IMAGE:
		tell_extra(p, SITEMAP_KIND_IMAGE, s, (struct slice){0});
		break;
	case FIELD_VIDEO:
		tell_extra(p, SITEMAP_KIND_VIDEO, s, (struct slice){0});
		break;
	case FIELD_NONE:
		break;
	}
	text_clear(&p->text);
}

/* -- elements -------------------------------------------------------------------------
 */

static const struct {
	const char *name;
	enum sitemap_format format;
} roots[] = {
    {"urlset", SITEMAP_FORMAT_XML},
    {"sitemapindex", SITEMAP_FORMAT_INDEX},
    {"rss", SITEMAP_FORMAT_RSS},
    {"rdf", SITEMAP_FORMAT_RSS},
    {"feed", SITEMAP_FORMAT_ATOM},
};

static bool
is_entry(enum sitemap_format format, struct slice local)
{
	static const char *const names[] = {[SITEMAP_FORMAT_NONE] = "",
	    [SITEMAP_FORMAT_XML] = "url",
	    [SITEMAP_FORMAT_INDEX] = "sitemap",
	    [SITEMAP_FORMAT_TEXT] = "",
	    [SITEMAP_FORMAT_RSS] = "item",
	    [SITEMAP_FORMAT_ATOM] = "entry"};

	return slice_ieq(local, slice_cstr(names[format]));
}

#define IN_SITEMAP (1u << SITEMAP_FORMAT_XML | 1u << SITEMAP_FORMAT_INDEX)
#define IN_RSS     (1u << SITEMAP_FORMAT_RSS)
#define IN_ATOM    (1u << SITEMAP_FORMAT_ATOM)

/* By name; prefixes are taken by their usual names, whatever they are bound to. */
static const struct {
	unsigned formats;
	const char *prefix; /* NULL: that of the root */
	const char *name;
	enum field field;
} fields[] = {
    {IN_SITEMAP, NULL, "loc", FIELD_LOC},
    {IN_SITEMAP, NULL, "lastmod", FIELD_LASTMOD},
    {IN_SITEMAP, NULL, "changefreq", FIELD_CHANGEFREQ},
    {IN_SITEMAP, NULL, "priority", FIELD_PRIORITY},
    {IN_SITEMAP, "image:", "loc", FIELD_IMAGE},
    {IN_SITEMAP, "video:", "content_loc", FIELD_VIDEO},
    {IN_SITEMAP, "video:", "thumbnail_loc", FIELD_IMAGE},
    {IN_RSS, NULL, "link", FIELD_LOC},
    {IN_RSS, NULL, "guid", FIELD_GUID},
    {IN_RSS, NULL, "pubDate", FIELD_LASTMOD},
    {IN_RSS, "dc:", "date", FIELD_LASTMOD},
    {IN_ATOM, NULL, "updated", FIELD_LASTMOD},
    {IN_ATOM, NULL, "published", FIELD_LASTMOD},
};

static enum field
field_of(const struct parsing *p, struct slice prefix, struct slice local)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const char *want =
		    fields[i].prefix == NULL ? p->main_prefix : fields[i].prefix;

		if ((fields[i].formats & 1u << p->result.format) &&
		    slice_eq(prefix, slice_cstr(want)) &&
		    slice_ieq(local, slice_cstr(fields[i].name)))
			return fields[i].field;
	}
	return FIELD_NONE;
}

static void
root_start(struct parsing *p, struct slice prefix, struct slice local)
{
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
		if (slice_ieq(local, slice_cstr(roots[i].name)))
			p->result.format = roots[i].format;
	if (p->result.format == SITEMAP_FORMAT_NONE ||
	    prefix.len >= sizeof(p->main_prefix)) {
		stop(p, SITEMAP_NOT_ONE);
		return;
	}
	/* In RDF the items are not in the namespace of the root. */
	if (!slice_ieq(local, SLICE_LIT("rdf")) && prefix.len > 0)
		memcpy(p->main_prefix, prefix.ptr, prefix.len);
}

static struct slice
attribute(const XML_Char **attrs, const char *name)
{
	for (; attrs[0] != NULL; attrs += 2)
		if (strcmp(attrs[0], name) == 0)
			return trim(slice_cstr(attrs[1]));
	return (struct slice){0};
}

/* <link> of Atom is the page, or what is enclosed with it; <xhtml:link rel=alternate
 * hreflang> is one in another language. */
static void
link_start(struct parsing *p, struct slice prefix, const XML_Char **attrs)
{
	struct slice rel = attribute(attrs, "rel"), href = attribute(attrs, "href");
	struct slice lang = attribute(attrs, "hreflang");
	bool is_main = slice_eq(prefix, slice_cstr(p->main_prefix));
	char out[URL_BYTES_MAX];

	href = xml_bases_resolve(&p->bases, href, out);
	if (p->result.format == SITEMAP_FORMAT_ATOM &&
	    slice_ieq(rel, SLICE_LIT("enclosure")))
		tell_extra(p, SITEMAP_KIND_ENCLOSURE, href, lang);
	if (rel.len > 0 && !slice_ieq(rel, SLICE_LIT("alternate")))
		return;
	if (p->result.format == SITEMAP_FORMAT_ATOM && is_main) {
		if (p->loc.len == 0 && href.len <= URL_BYTES_MAX)
			loc_set(p, href);
	} else if (p->result.format == SITEMAP_FORMAT_XML && lang.len > 0) {
		tell_extra(p, SITEMAP_KIND_ALTERNATE, href, lang);
	}
}

/* In a feed, outside of its entries. */
static void
feed_link_start(struct parsing *p, struct slice local, const XML_Char **attrs)
{
	char out[URL_BYTES_MAX];

	if ((IN_RSS | IN_ATOM) & 1u << p->result.format &&
	    slice_ieq(local, SLICE_LIT("link")) &&
	    slice_ieq(attribute(attrs, "rel"), SLICE_LIT("next")))
		tell_extra(p, SITEMAP_KIND_FEED,
		    xml_bases_resolve(&p->bases, attribute(attrs, "href"), out),
		    (struct slice){0});
}

/* What an element within an entry is. */
static void
entry_element_start(
    struct parsing *p, struct slice prefix, struct slice local, const XML_Char **attrs)
{
	p->field = field_of(p, prefix, local);
	p->field_depth = p->depth;
	if (p->field != FIELD_NONE)
		text_clear(&p->text);
	else if (slice_ieq(local, SLICE_LIT("link")))
		link_start(p, prefix, attrs);
	else if (slice_ieq(local, SLICE_LIT("enclosure")))
		tell_extra(p, SITEMAP_KIND_ENCLOSURE, attribute(attrs, "url"),
		    (struct slice){0});
}

static void XMLCALL
element_start(void *ctx, const XML_Char *name, const XML_Char **attrs)
{
	struct parsing *p = ctx;
	struct slice prefix = slice_cstr(name), local = prefix;
	size_t colon = slice_find(prefix, ':');

	if (p->is_stopped)
		return;
	if (colon < local.len)
		local = slice_from(local, colon + 1);
	prefix = slice_head(prefix, prefix.len - local.len);
	if (++p->depth > DEPTH_MAX) {
		stop(p, SITEMAP_BROKEN);
		return;
	}
	if (p->depth == 1)
		root_start(p, prefix, local);
	if (p->result.format == SITEMAP_FORMAT_ATOM)
		xml_bases_push(
		    &p->bases, p->depth, attribute(attrs, "xml:base"), p->conf->base);
	if (p->depth == 1)
		return;
	if (p->entry_depth != 0) {
		if (p->field == FIELD_NONE)
			entry_element_start(p, prefix, local, attrs);
	} else if (is_entry(p->result.format, local) &&
		   slice_eq(prefix, slice_cstr(p->main_prefix))) {
		p->entry_depth = p->depth;
		entry_clear(p);
		text_clear(&p->text);
	} else {
		feed_link_start(p, local, attrs);
	}
}

static void XMLCALL
element_end(void *ctx, const XML_Char *name)
{
	struct parsing *p = ctx;

	(void)name;
	if (p->is_stopped)
		return;
	if (p->field != FIELD_NONE && p->depth == p->field_depth)
		field_finish(p);
	if (p->entry_depth != 0 && p->depth == p->entry_depth) {
		struct slice s = trim(slice_of(p->text.bytes, p->text.len));

		/* <sitemap>https://...</sitemap>: the <loc> was forgotten. */
		if (p->loc.len == 0 && looks_like_url(s) && !p->text.is_cut)
			loc_set(p, s);
		entry_flush(p);
		p->entry_depth = 0;
	}
	xml_bases_pop(&p->bases, p->depth);
	p->depth--;
}

static void XMLCALL
element_text(void *ctx, const XML_Char *s, int len)
{
	struct parsing *p = ctx;

	if (!p->is_stopped && (p->field != FIELD_NONE ||
				  (p->entry_depth != 0 && p->depth == p->entry_depth)))
		text_add(&p->text, s, (size_t)len);
}

/* -- XML ------------------------------------------------------------------------------
 */

static int
xml_create(struct parsing *p, struct slice body)
{
	XML_Parser xml = xml_memory_parser("UTF-8");

	if (xml == NULL)
		return -ENOMEM;
	/* Given, so that a jailed process need not ask for one. */
	(void)XML_SetHashSalt(xml, (unsigned long)siphash(slice_head(body, 256)) | 1);
	(void)XML_SetBillionLaughsAttackProtectionActivationThreshold(
	    xml, EXPANSION_BYTES_MAX);
	(void)XML_SetBillionLaughsAttackProtectionMaximumAmplification(xml, 2.0f);
	XML_SetUserData(xml, p);
	XML_SetElementHandler(xml, element_start, element_end);
	XML_SetCharacterDataHandler(xml, element_text);
	p->xml = xml;
	return 0;
}

/* Where the parser gave up; what is open then counts if it was whole. */
static void
xml_finish_broken(struct parsing *p, struct slice body)
{
	XML_Index at = XML_GetCurrentByteIndex(p->xml);

	p->result.status = xml_memory_was_short() ? SITEMAP_TOO_LARGE : SITEMAP_BROKEN;
	if (p->field != FIELD_NONE && at >= 0 && (size_t)at < body.len &&
	    body.ptr[at] == '<')
		field_finish(p);
	if (p->entry_depth != 0)
		entry_flush(p);
}

/* *ret_code: of the error, or XML_ERROR_NONE. */
static int
xml_run(struct parsing *p, struct slice body, enum XML_Error *ret_code)
{
	enum XML_Status status = XML_STATUS_OK;
	int r = xml_create(p, body);

	if (r != 0)
		return r;
	for (size_t at = 0; status == XML_STATUS_OK; at += CHUNK_BYTES) {
		struct slice chunk = slice_head(slice_from(body, at), CHUNK_BYTES);
		bool is_last = body.len - at <= CHUNK_BYTES;

		status = XML_Parse(p->xml, chunk.ptr, (int)chunk.len, is_last);
		if (is_last)
			break;
	}
	*ret_code = status == XML_STATUS_OK ? XML_ERROR_NONE : XML_GetErrorCode(p->xml);
	if (*ret_code == XML_ERROR_NO_MEMORY && !xml_memory_was_short())
		r = -ENOMEM;
	return r;
}

static void
xml_release(struct parsing *p)
{
	XML_ParserFree(p->xml);
	p->xml = NULL;
}

static void
parsing_reset(struct parsing *p)
{
	p->skip_entries = p->result.entries;
	p->skip_extras = p->result.extras;
	p->seen_entries = p->seen_extras = 0;
	p->result.elsewhere = 0;
	p->depth = p->entry_depth = 0;
	p->bases.len = 0;
	p->field = FIELD_NONE;
	p->result.format = SITEMAP_FORMAT_NONE;
	memset(p->main_prefix, 0, sizeof(p->main_prefix));
	entry_clear(p);
	text_clear(&p->text);
}

/* Parses once more with the text repaired, if that may help. */
static int
xml_retry(
    struct parsing *p, struct slice *body, struct buf *repaired, enum XML_Error *code)
{
	int r;

	if (p->is_stopped || xml_has_doctype(*body) ||
	    (*code != XML_ERROR_INVALID_TOKEN && *code != XML_ERROR_UNDEFINED_ENTITY))
		return 0;
	r = xml_repair(*body, repaired);
	if (r != 0)
		return r == -EMSGSIZE ? 0 : r;
	xml_release(p);
	parsing_reset(p);
	*body = buf_slice(repaired);
	return xml_run(p, *body, code);
}

static int
parse_xml(struct parsing *p, struct slice body)
{
	enum XML_Error code = XML_ERROR_NONE;
	struct buf repaired;
	int r = xml_run(p, body, &code);

	buf_init(&repaired, body.len + body.len / 4 + 4096);
	if (r == 0)
		r = xml_retry(p, &body, &repaired, &code);
	if (r == 0 && !p->is_stopped && code != XML_ERROR_NONE) {
		xml_finish_broken(p, body);
		if (p->result.format == SITEMAP_FORMAT_NONE)
			p->result.status = SITEMAP_NOT_ONE;
	}
	xml_release(p);
	buf_release(&repaired);
	return r;
}

/* -- text, and what it is --------------------------------------------------------------
 */

static void
parse_text(struct parsing *p, struct slice body)
{
	struct slice line;

	p->result.format = SITEMAP_FORMAT_TEXT;
	while (!p->is_stopped && slice_cut(&body, '\n', &line)) {
		struct sitemap_entry e = {.kind = SITEMAP_KIND_PAGE,
		    .format = SITEMAP_FORMAT_TEXT,
		    .lastmod_s = SITEMAP_NO_TIME,
		    .priority = -1,
		    .loc = trim(line)};

		if (looks_like_url(e.loc))
			tell_entry(p, &e);
	}
	if (p->result.entries + p->result.elsewhere == 0 && !p->is_stopped) {
		p->result.format = SITEMAP_FORMAT_NONE;
		p->result.status = SITEMAP_NOT_ONE;
	}
}

/* As valid UTF-8: XML is, if it does not say what else it is. */
static int
to_utf8(struct slice *body, struct slice content_type, struct arena *a)
{
	struct http_mime mime = {.charset = ""};
	struct charset_guess guess;
	enum charset charset = CHARSET_UTF_8;

	(void)http_mime_parse(content_type, &mime);
	guess = charset_sniff_html(*body, slice_cstr(mime.charset));
	if (guess.how != CHARSET_HOW_DEFAULT)
		charset = guess.charset;
	return charset_to_utf8(charset, slice_from(*body, guess.bom_len), a, body);
}

int
sitemap_parse(struct slice body, struct slice content_type,
    const struct sitemap_conf *conf, sitemap_fn *fn, void *ctx,
    struct sitemap_result *ret)
{
	static const struct sitemap_conf none = {.base = NULL};
	bool is_cut = body.len > SITEMAP_BYTES_MAX;
	struct parsing *p;
	struct arena a;
	int r;

	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	p->conf = conf == NULL ? &none : conf;
	p->fn = fn;
	p->ctx = ctx;
	arena_init(&a, 64 * 1024, ARENA_BYTES_MAX);
	body = trim_start(slice_head(body, SITEMAP_BYTES_MAX));
	r = to_utf8(&body, content_type, &a);
	body = trim(body);
	if (r == 0 && body.len > 0 && body.ptr[0] == '<')
		r = parse_xml(p, body);
	else if (r == 0)
		parse_text(p, body);
	if (is_cut && p->result.status <= SITEMAP_BROKEN)
		p->result.status = SITEMAP_TOO_LARGE;
	if (r == 0)
		*ret = p->result;
	arena_release(&a);
	free(p);
	return r;
}
