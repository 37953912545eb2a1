#include "sink/warc_head.h"

#include "base/banned.h"

/* Not a continuation of the line before; blanks before the colon do happen. */
static bool
is_transfer_encoding(struct slice line)
{
	size_t colon = slice_find(line, ':');

	return colon < line.len && !ascii_is_space(line.ptr[0]) &&
	       slice_ieq(
		   slice_trim(slice_head(line, colon)), SLICE_LIT("Transfer-Encoding"));
}

/* "HTTP/2 200" and "GET / HTTP/2" as they are in HTTP/1.1; the reason stays empty, for
 * there is none in HTTP/2 (RFC 9113 section 8.3.2) and none is required (RFC 9112 4). */
static int
add_first_line(struct buf *b, struct slice line)
{
	static const struct slice versions[] = {SLICE_LIT("HTTP/2"), SLICE_LIT("HTTP/3")};
	struct slice rest;
	int r;

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		struct slice v = versions[i];

		rest = slice_from(line, v.len);
		if (slice_starts(line, v) && rest.len > 0 &&
		    (rest.ptr[0] == ' ' || rest.ptr[0] == '.')) {
			rest = slice_trim(slice_from(rest, slice_find(rest, ' ')));
			r = buf_add_cstr(b, "HTTP/1.1 ");
			if (r == 0)
				r = buf_add_slice(b, rest);
			if (r == 0 && slice_find(rest, ' ') == rest.len)
				r = buf_add_byte(b, ' ');
			return r < 0 ? r : buf_add(b, "\r\n", 2);
		}
		rest = slice_trim(line);
		if (slice_ends(rest, v) && rest.len > v.len &&
		    rest.ptr[rest.len - v.len - 1] == ' ') {
			r = buf_add(b, rest.ptr, rest.len - v.len);
			return r < 0 ? r : buf_add_cstr(b, "HTTP/1.1\r\n");
		}
	}
	return buf_add_slice(b, line);
}

int
warc_add_head(struct buf *b, struct slice head)
{
	bool first = true;
	int r = 0;

	while (head.len > 0 && r == 0) {
		size_t eol = slice_find(head, '\n');
		struct slice line = slice_head(head, eol < head.len ? eol + 1 : eol);

		head = slice_from(head, line.len);
		if (slice_trim(line).len == 0)
			continue;
		if (first) {
			r = add_first_line(b, line);
			first = false;
		} else {
			if (is_transfer_encoding(line))
				r = buf_add_cstr(b, "X-Archive-Orig-");
			if (r == 0)
				r = buf_add_slice(b, line);
		}
		if (r == 0 && b->ptr[b->len - 1] != '\n')
			r = buf_add(b, "\r\n", 2);
	}
	return r < 0 ? r : buf_add(b, "\r\n", 2);
}
