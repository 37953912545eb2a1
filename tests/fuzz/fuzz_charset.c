/*
 * Input: a byte with the charset, a line with a label, then text.
 * What comes out is UTF-8, and UTF-8 comes out as it was.
 */
#include "fuzz.h"
#include "web/charset.h"

static void
guess_check(struct charset_guess g, size_t body_len)
{
	FUZZ_CHECK(charset_name(g.charset) != NULL);
	FUZZ_CHECK(charset_how_name(g.how) != NULL);
	FUZZ_CHECK(g.bom_len <= 3 && g.bom_len <= body_len);
	FUZZ_CHECK(g.bom_len == 0 || g.how == CHARSET_HOW_BOM);
}

static void
label_check(struct slice label)
{
	enum charset c, again;

	(void)charset_find_in_meta(label, &c);
	if (!charset_find(label, &c))
		return;
	/* The name of a charset is one of its labels. */
	FUZZ_CHECK(charset_find(slice_cstr(charset_name(c)), &again) && again == c);
}

FUZZ_TARGET(charset)
{
	struct slice rest = slice_of(data, size), out = {0};
	enum charset c = (enum charset)(fuzz_byte(&rest) % CHARSET_MAX);
	struct slice label = fuzz_copy(fuzz_line(&rest)), body = fuzz_copy(rest);
	size_t valid = utf8_valid_len(body);
	struct arena a;

	arena_init(&a, 4096, 64 << 20);
	FUZZ_CHECK(charset_to_utf8(c, body, &a, &out) == 0);
	FUZZ_CHECK(utf8_valid_len(out) == out.len);
	FUZZ_CHECK(out.len <= 16 * body.len + 16);
	FUZZ_CHECK(valid <= body.len);
	if (c == CHARSET_UTF_8 && valid == body.len)
		FUZZ_CHECK(slice_eq(out, body));
	if (slice_is_ascii(body) && charset_is_markup_safe(c) && c != CHARSET_REPLACEMENT)
		FUZZ_CHECK(slice_eq(out, body));
	guess_check(charset_sniff_html(body, label), body.len);
	guess_check(charset_sniff_css(body, label), body.len);
	label_check(label);
	label_check(body);
	arena_release(&a);
	fuzz_copy_free(body);
	fuzz_copy_free(label);
	return 0;
}
