/*
 * URLs in scripts, by guess: the values of JSON-LD, and strings that look like a path.
 *
 * They are wrong often enough that a crawl only takes them when asked to, and few a page.
 */
#include "web/page_int.h"
#include <errno.h>

#include "base/banned.h"

enum { GUESS_BYTES_MAX = 2048 }; /* of one string */

static bool
is_url_byte(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || (unsigned char)c >= 0x80 ||
	       (c != '\0' && strchr("-._~:/?#[]@!$&()*+,;=%", c) != NULL);
}

/* "https://...", "//host/...", "/path", "../x" or "dir/file.ext"; no code, no markup. */
static bool
looks_like_url(struct slice s)
{
	struct slice last;

	if (s.len < 2 || s.len > GUESS_BYTES_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!is_url_byte(s.ptr[i]))
			return false;
	if (slice_istarts(s, SLICE_LIT("http://")) ||
	    slice_istarts(s, SLICE_LIT("https://")))
		return s.len > 8;
	if (slice_find(s, ':') < s.len || slice_find(s, '/') == s.len)
		return false;
	if (s.ptr[0] == '/' || slice_starts(s, SLICE_LIT("./")) ||
	    slice_starts(s, SLICE_LIT("../")))
		return ascii_is_alpha(s.ptr[s.len - 1]) ||
		       ascii_is_digit(s.ptr[s.len - 1]) || s.ptr[s.len - 1] == '/';
	/* A relative one has to end in a file name: 1 to 5 letters behind its last dot.
	 */
	last = s;
	for (size_t at; (at = slice_find(last, '.')) < last.len;)
		last = slice_from(last, at + 1);
	if (last.len == s.len || last.len == 0 || last.len > 5)
		return false;
	for (size_t i = 0; i < last.len; i++)
		if (!ascii_is_alpha(last.ptr[i]) && !ascii_is_digit(last.ptr[i]))
			return false;
	return true;
}

/* The next string literal without a newline; its raw inside, *rest behind it. */
static bool
string_next(struct slice *rest, struct slice *ret)
{
	const char *p = rest->ptr, *end = p + rest->len, *from;
	char quote;

	while (p < end && *p != '"' && *p != '\'' && *p != '`')
		p++;
	if (p == end)
		return false;
	quote = *p++;
	from = p;
	while (p < end && *p != quote && *p != '\n' && *p != '\r')
		p += *p == '\\' && end - p > 1 ? 2 : 1;
	*ret = slice_of(from, (size_t)(p - from));
	if (p < end)
		p++;
	*rest = slice_of(p, (size_t)(end - p));
	return true;
}

/* "\/" is how JSON likes to write '/'; strings with other escapes are left alone. */
static int
slashes_undo(struct page_parser *p, struct slice *s)
{
	char *out;
	size_t n = 0;

	if (s->len > GUESS_BYTES_MAX || slice_find(*s, '\\') == s->len)
		return 0;
	out = arena_text(p->arena, s->len);
	if (out == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s->len; i++)
		if (s->ptr[i] != '\\' || i + 1 == s->len || s->ptr[i + 1] != '/')
			out[n++] = s->ptr[i];
	*s = slice_of(out, n);
	return 0;
}

static int
strings_add(
    struct page_parser *p, struct slice text, enum link_kind kind, bool only_absolute)
{
	struct slice s;
	int err = 0;

	while (err == 0 && p->guesses < p->conf->guesses_max && string_next(&text, &s)) {
		if (slice_find(s, '/') == s.len)
			continue;
		err = slashes_undo(p, &s);
		if (err == 0 && looks_like_url(s) &&
		    (!only_absolute || slice_istarts(s, SLICE_LIT("http")) ||
			s.ptr[0] == '/')) {
			err = page_link_add(p, kind, 0, s);
			p->guesses++;
		}
	}
	return err;
}

int
page_json_ld(struct page_parser *p, struct slice text)
{
	return strings_add(p, text, LINK_JSON_LD, true);
}

int
page_script(struct page_parser *p, struct slice text)
{
	return strings_add(p, text, LINK_SPECULATIVE, false);
}
