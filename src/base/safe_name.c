#include "base/safe_name.h"
#include <assert.h>
#include <inttypes.h>

enum { EXTENSION_MAX = 8, TAG_LEN = 17 };

static bool
is_small(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool
is_capital(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool
is_plain(char c)
{
	return is_small(c) || is_capital(c) || c == '-' || c == '_' || c == '.';
}

/* Of Windows, with whatever extension: CON, PRN, AUX, NUL, COM0 to 9, LPT0 to 9. */
static bool
is_device(struct slice text)
{
	static const char *const names[] = {"con", "prn", "aux", "nul"};
	struct slice stem = slice_head(text, slice_find(text, '.'));

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (slice_ieq(stem, slice_cstr(names[i])))
			return true;
	return stem.len == 4 && stem.ptr[3] >= '0' && stem.ptr[3] <= '9' &&
	       (slice_ieq(slice_head(stem, 3), SLICE_LIT("com")) ||
		   slice_ieq(slice_head(stem, 3), SLICE_LIT("lpt")));
}

/* ".html" at the end, if there is something before it; else empty. */
static struct slice
extension_of(struct slice text)
{
	size_t n = 0;

	while (n < text.len && n <= EXTENSION_MAX && is_small(text.ptr[text.len - 1 - n]))
		n++;
	if (n == 0 || n > EXTENSION_MAX || n + 1 >= text.len ||
	    text.ptr[text.len - 1 - n] != '.')
		return (struct slice){0};
	return slice_from(text, text.len - 1 - n);
}

/* As much of it as fits into `max` bytes, not within an escape; how much that was. */
static int
add_plain(struct buf *b, struct slice text, size_t max, size_t *ret_taken)
{
	bool device = is_device(text);
	size_t start = b->len, i = 0;
	int r = 0;

	for (; i < text.len && r == 0; i++) {
		char c = text.ptr[i];
		bool first = i == 0, last = i + 1 == text.len;
		bool plain = is_plain(c) && !(c == '.' && (first || last)) &&
			     !(first && (device || c == '-'));

		if (b->len - start + (plain ? 1 : 3) > max)
			break;
		r = plain ? buf_add_byte(b, c)
			  : buf_printf(b, "%%%02x", (unsigned)(unsigned char)c);
	}
	*ret_taken = i;
	return r;
}

static bool
has_capitals(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (is_capital(text.ptr[i]))
			return true;
	return false;
}

int
safe_name(struct buf *b, struct slice text, uint64_t tag, size_t max)
{
	struct slice extension = extension_of(text);
	struct slice stem = slice_head(text, text.len - extension.len);
	size_t was = b->len, taken;
	int r;

	assert(max >= SAFE_NAME_MIN && max <= SAFE_NAME_MAX);
	if (text.len > 0 && !has_capitals(text)) {
		r = add_plain(b, text, max, &taken);
		if (r == 0 && taken == text.len)
			return 0;
		b->len = was;
		if (r < 0)
			return r;
	}
	r = add_plain(b, stem, max - TAG_LEN - extension.len, &taken);
	if (r == 0)
		r = buf_printf(b, "~%016" PRIx64, tag);
	if (r == 0)
		r = buf_add_slice(b, extension);
	if (r < 0)
		b->len = was;
	return r;
}
