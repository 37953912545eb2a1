#include "web/sitemap_xml.h"

#include "base/banned.h"

/* -- xml:base ------------------------------------------------------------------------ */

void
xml_bases_push(
    struct xml_bases *b, unsigned depth, struct slice href, const struct url *document)
{
	const struct url *outer = b->len > 0 ? &b->at[b->len - 1].url : document;

	if (href.len == 0 || b->len == XML_BASES_MAX ||
	    url_resolve(outer, href, (struct slice){0}, 0, b->at[b->len].text,
		URL_BYTES_MAX, &b->at[b->len].url) != URL_OK)
		return;
	b->at[b->len++].depth = depth;
}

void
xml_bases_pop(struct xml_bases *b, unsigned depth)
{
	if (b->len > 0 && b->at[b->len - 1].depth == depth)
		b->len--;
}

struct slice
xml_bases_resolve(const struct xml_bases *b, struct slice ref, char out[URL_BYTES_MAX])
{
	struct url url;

	if (b->len == 0 || ref.len == 0 ||
	    url_resolve(&b->at[b->len - 1].url, ref, (struct slice){0}, 0, out,
		URL_BYTES_MAX, &url) != URL_OK)
		return ref;
	return url_text(&url);
}

/* -- what is nearly XML --------------------------------------------------------------- */

/* "&" begins one of the five entities of XML, or a number. */
static bool
is_reference(struct slice s)
{
	static const char *const names[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&apos;"};
	bool is_hex;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_starts(s, slice_cstr(names[i])))
			return true;
	if (s.len < 3 || s.ptr[1] != '#')
		return false;
	is_hex = s.ptr[2] == 'x';
	i = is_hex ? 3 : 2;
	while (i < s.len && i < 10 &&
	       (is_hex ? ascii_hex(s.ptr[i]) >= 0 : ascii_is_digit(s.ptr[i])))
		i++;
	return i > (is_hex ? 3 : 2) && i < s.len && s.ptr[i] == ';';
}

bool
xml_has_doctype(struct slice body)
{
	body = slice_head(body, 4096);
	return body.len > 0 && memmem(body.ptr, body.len, "<!DOCTYPE", 9) != NULL;
}

int
xml_repair(struct slice body, struct buf *out)
{
	int r = buf_reserve(out, body.len);
	size_t run = 0;

	for (size_t i = 0; i < body.len && r == 0; i++) {
		unsigned char c = (unsigned char)body.ptr[i];
		bool is_control = c < ' ' && c != '\t' && c != '\n' && c != '\r';

		if (!is_control && (c != '&' || is_reference(slice_from(body, i))))
			continue;
		r = buf_add(out, body.ptr + run, i - run);
		if (r == 0)
			r = is_control ? buf_add_byte(out, ' ')
				       : buf_add_cstr(out, "&amp;");
		run = i + 1;
	}
	return r != 0 ? r : buf_add_slice(out, slice_from(body, run));
}
