#include "web/srcset.h"
#include <limits.h>

#include "base/banned.h"

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static struct slice
space_skip(struct slice s)
{
	size_t i = 0;

	while (i < s.len && is_space(s.ptr[i]))
		i++;
	return slice_from(s, i);
}

/* Behind the ',' that ends the descriptors; one in parentheses does not. */
static struct slice
descriptors_skip(struct slice s)
{
	bool in_parens = false;

	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == ',' && !in_parens)
			return slice_from(s, i + 1);
		if (s.ptr[i] == '(')
			in_parens = true;
		else if (s.ptr[i] == ')')
			in_parens = false;
	}
	return (struct slice){0};
}

bool
srcset_next(struct slice *rest, struct slice *ret_url)
{
	struct slice s = *rest, url;
	size_t n = 0;

	while (n < s.len && (is_space(s.ptr[n]) || s.ptr[n] == ','))
		n++;
	s = slice_from(s, n);
	if (s.len == 0) {
		*rest = s;
		return false;
	}
	for (n = 0; n < s.len && !is_space(s.ptr[n]);)
		n++;
	url = slice_head(s, n);
	s = slice_from(s, n);
	if (url.ptr[url.len - 1] == ',')
		while (url.len > 0 && url.ptr[url.len - 1] == ',')
			url.len--;
	else
		s = descriptors_skip(s);
	*rest = s;
	*ret_url = url;
	return true;
}

/* The URL behind "url =", or all of it when that is not what stands there. */
static struct slice
refresh_url(struct slice s)
{
	struct slice rest = s;
	size_t n = 0;
	char quote;

	if (slice_istarts(rest, SLICE_LIT("url"))) {
		rest = space_skip(slice_from(rest, 3));
		if (rest.len > 0 && rest.ptr[0] == '=')
			s = space_skip(slice_from(rest, 1));
	}
	if (s.len > 0 && (s.ptr[0] == '"' || s.ptr[0] == '\'')) {
		quote = s.ptr[0];
		s = slice_from(s, 1);
		n = slice_find(s, quote);
		return slice_head(s, n);
	}
	return s;
}

bool
refresh_parse(struct slice s, struct refresh *ret)
{
	struct refresh r = {0};
	size_t digits = 0;

	s = space_skip(s);
	for (; digits < s.len && ascii_is_digit(s.ptr[digits]); digits++) {
		unsigned digit = (unsigned)(s.ptr[digits] - '0');

		r.seconds = r.seconds > (UINT_MAX - digit) / 10 ? UINT_MAX
								: r.seconds * 10 + digit;
	}
	if (digits == 0 && (s.len == 0 || s.ptr[0] != '.'))
		return false;
	s = slice_from(s, digits);
	while (s.len > 0 && (ascii_is_digit(s.ptr[0]) || s.ptr[0] == '.'))
		s = slice_from(s, 1);
	if (s.len > 0) {
		if (s.ptr[0] != ';' && s.ptr[0] != ',' && !is_space(s.ptr[0]))
			return false;
		s = space_skip(s);
		if (s.len > 0 && (s.ptr[0] == ';' || s.ptr[0] == ','))
			s = space_skip(slice_from(s, 1));
	}
	if (s.len > 0) {
		r.has_url = true;
		r.url = refresh_url(s);
	}
	*ret = r;
	return true;
}
