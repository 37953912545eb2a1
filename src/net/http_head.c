#include "net/http_head.h"

#include "base/banned.h"

struct framing {
	struct http_head head;
	bool has_coding;
	bool is_coding; /* the line before was one */
};

/* "HTTP/1.1 200 OK", or "HTTP/2 200" as libcurl writes what came over HTTP/2. */
static const char *
status_line_parse(struct slice line, struct http_head *ret)
{
	int status = 0;

	if (slice_starts(line, SLICE_LIT("HTTP/2 "))) {
		ret->version = 20;
		line = slice_from(line, 6);
	} else if (slice_starts(line, SLICE_LIT("HTTP/1.")) && line.len > 8 &&
		   ascii_is_digit(line.ptr[7]) && line.ptr[8] == ' ') {
		ret->version = 10 + (line.ptr[7] - '0');
		line = slice_from(line, 8);
	} else {
		return "the status line is not one of HTTP/1";
	}
	while (line.len > 0 && line.ptr[0] == ' ')
		line = slice_from(line, 1);
	if (line.len < 3 || (line.len > 3 && ascii_is_digit(line.ptr[3])))
		return "the status is not a number of three digits";
	for (size_t i = 0; i < 3; i++) {
		if (!ascii_is_digit(line.ptr[i]))
			return "the status is not a number of three digits";
		status = status * 10 + (line.ptr[i] - '0');
	}
	if (status < 100 || status > 599)
		return "the status is not within 100 to 599";
	ret->status = status;
	return NULL;
}

/* One number, or the same one repeated in a list or in several lines. */
static const char *
length_add(struct framing *f, struct slice value)
{
	struct slice one;
	uint64_t n;

	if (value.len == 0)
		return "Content-Length is not a number below 2^63";
	while (slice_cut(&value, ',', &one)) {
		if (!slice_to_u64(slice_trim(one), &n) || n > INT64_MAX)
			return "Content-Length is not a number below 2^63";
		if (f->head.has_length && f->head.length != n)
			return "two Content-Lengths that differ";
		f->head.odd |= f->head.has_length;
		f->head.has_length = true;
		f->head.length = n;
	}
	return NULL;
}

/* We never say TE, so chunked is all that may come (RFC 9112 section 7.4). */
static const char *
coding_add(struct framing *f, struct slice value)
{
	struct slice one;

	f->head.odd |= f->has_coding;
	f->has_coding = true;
	while (slice_cut(&value, ',', &one)) {
		one = slice_trim(one);
		if (f->head.chunked)
			return "Transfer-Encoding goes on after chunked";
		if (slice_ieq(one, SLICE_LIT("chunked")))
			f->head.chunked = true;
		else if (!slice_ieq(one, SLICE_LIT("identity")))
			return "a Transfer-Encoding that nobody asked for";
	}
	return NULL;
}

static const char *
field_add(struct framing *f, struct slice line)
{
	size_t colon = slice_find(line, ':');
	struct slice name = slice_head(line, colon);
	struct slice value = slice_trim(slice_from(line, colon + 1));
	bool is_length, is_coding;

	/* A fold may continue a field that matters, a space may hide its name: libcurl
	 * sees neither, others may. */
	if (slice_trim(name).len != name.len)
		f->head.odd = true;
	/* Then the body would be taken for one without chunks. */
	if (f->is_coding && (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
		return "Transfer-Encoding goes on in another line";
	is_length = slice_ieq(name, SLICE_LIT("Content-Length"));
	is_coding = slice_ieq(name, SLICE_LIT("Transfer-Encoding"));
	f->is_coding = is_coding;
	if (is_length)
		return length_add(f, value);
	return is_coding ? coding_add(f, value) : NULL;
}

static bool
has_no_body(int status)
{
	return status < 200 || status == 204 || status == 304;
}

const char *
http_head_parse(struct slice head, struct http_head *ret)
{
	struct framing f = {0};
	struct slice line = {0};
	const char *wrong;

	(void)slice_cut(&head, '\n', &line);
	wrong = status_line_parse(line, &f.head);
	while (wrong == NULL && slice_cut(&head, '\n', &line)) {
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (line.len > 0)
			wrong = field_add(&f, line);
	}
	if (wrong != NULL)
		return wrong;
	if (f.head.chunked && (f.head.has_length || f.head.version < 11))
		f.head.odd = true;
	if (has_no_body(f.head.status) &&
	    (f.head.chunked || (f.head.has_length && f.head.length > 0)))
		f.head.odd = true; /* the body may follow nevertheless */
	*ret = f.head;
	return NULL;
}
