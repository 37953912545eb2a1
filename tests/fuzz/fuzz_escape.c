/*
 * Input: any text.
 * Whatever it is written for, nothing comes out that a terminal obeys or is misled by; what
 * was escaped for a line comes back; a file's name is one.
 */
#include "base/escape.h"
#include "base/safe_name.h"
#include "fuzz.h"

enum { OUT_MAX = 16 << 20 };

/* The code point at the front, by arithmetic alone: the text is known to be UTF-8. */
static uint32_t
point(struct slice *s)
{
	uint8_t lead = fuzz_byte(s);
	uint32_t c = lead < 0x80   ? lead
		     : lead < 0xe0 ? lead & 0x1fu
		     : lead < 0xf0 ? lead & 0x0fu
				   : lead & 0x07u;

	for (int more = lead < 0x80   ? 0
			: lead < 0xe0 ? 1
			: lead < 0xf0 ? 2
				      : 3;
	     more > 0; more--)
		c = c << 6 | (fuzz_byte(s) & 0x3fu);
	return c;
}

static void
check_shown(struct slice s, const char *own)
{
	while (s.len > 0) {
		size_t n = utf8_len(s);
		uint32_t c;

		FUZZ_CHECK(n > 0);
		c = point(&s);
		if (c < 0x20)
			FUZZ_CHECK(c != 0 && strchr(own, (int)c) != NULL);
		FUZZ_CHECK(c < 0x7f || c > 0x9f);
		FUZZ_CHECK(c < 0x200b || c > 0x200f);
		FUZZ_CHECK(c < 0x2028 || c > 0x202e);
		FUZZ_CHECK(c < 0x2060 || c > 0x206f);
		FUZZ_CHECK(c != 0xad && c != 0x61c && c != 0xfeff);
	}
}

static void
check_line(int (*fn)(struct buf *, struct slice), struct slice text)
{
	struct buf there, back;

	buf_init(&there, OUT_MAX);
	buf_init(&back, OUT_MAX);
	FUZZ_CHECK(fn(&there, text) == 0);
	check_shown(buf_slice(&there), "");
	if (fn == escape_field)
		FUZZ_CHECK(slice_find(buf_slice(&there), ' ') == there.len);
	if (fn == escape_cell && there.len > 0)
		FUZZ_CHECK(strchr("=+-@", there.ptr[0]) == NULL);
	FUZZ_CHECK(unescape_line(&back, buf_slice(&there)) == 0);
	FUZZ_CHECK(slice_eq(buf_slice(&back), text));
	buf_release(&there);
	buf_release(&back);
}

/* No quote but escaped ones, and no escape that JSON does not have. */
static void
check_json(struct slice text)
{
	struct buf b;

	buf_init(&b, OUT_MAX);
	FUZZ_CHECK(escape_json(&b, text) == 0);
	check_shown(buf_slice(&b), "");
	for (size_t i = 0; i < b.len; i++) {
		FUZZ_CHECK(b.ptr[i] != '"');
		if (b.ptr[i] != '\\')
			continue;
		FUZZ_CHECK(i + 1 < b.len && strchr("\"\\nrtu", b.ptr[i + 1]) != NULL);
		i++;
	}
	buf_release(&b);
}

static void
check_html(struct slice text)
{
	struct buf b;

	buf_init(&b, OUT_MAX);
	FUZZ_CHECK(escape_html(&b, text) == 0);
	check_shown(buf_slice(&b), "\n\t");
	for (size_t i = 0; i < b.len; i++)
		FUZZ_CHECK(b.ptr[i] == '\0' || strchr("<>\"'", b.ptr[i]) == NULL);
	buf_release(&b);
}

static void
check_scrubbed(struct slice text)
{
	struct slice copy = fuzz_copy(text);
	char *p;

	memcpy(&p, &copy.ptr, sizeof(p));
	scrub_terminal(p, copy.len);
	check_shown(copy, "");
	fuzz_copy_free(copy);
}

static void
check_name(struct slice text, size_t max)
{
	struct buf b;

	buf_init(&b, SAFE_NAME_MAX);
	FUZZ_CHECK(safe_name(&b, text, text.len, max) == 0);
	FUZZ_CHECK(b.len > 0 && b.len <= max);
	FUZZ_CHECK(b.ptr[0] != '.' && b.ptr[0] != '-' && b.ptr[b.len - 1] != '.');
	for (size_t i = 0; i < b.len; i++) {
		char c = b.ptr[i];

		FUZZ_CHECK((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			   (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
			   c == '%' || c == '~');
	}
	buf_release(&b);
}

FUZZ_TARGET(escape)
{
	struct slice text = fuzz_copy(slice_of(data, size));

	check_line(escape_terminal, text);
	check_line(escape_field, text);
	check_line(escape_cell, text);
	check_json(text);
	check_html(text);
	check_scrubbed(text);
	check_name(text, SAFE_NAME_MAX);
	check_name(text, SAFE_NAME_MIN);
	fuzz_copy_free(text);
	return 0;
}
