#include "sink/mirror_name.h"
#include "base/safe_name.h"
#include "web/url.h"
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/sha.h>

#include "base/banned.h"

enum {
	PART_MAX = 100, /* bytes of a segment, and of a query */
	HOST_MAX = 120,
	PARTS_MAX = 40,
	EXTENSION_MAX = 8,
};

/* -- Kinds of files. -- */

/* What such a file is called, and what else it may be called. */
struct kind {
	const char *index; /* of a directory: "index." and the extension */
	const char *others;
};
#define ANY_BUT_MARKUP NULL
/* New ones go to the end. */
static const struct kind kinds[] = {
    {"index.bin", ANY_BUT_MARKUP},
    {"index.html", "htm"},
    {"index.xhtml", "xht"},
    {"index.css", ""},
    {"index.js", "mjs"},
    {"index.svg", ""},
    {"index.png", ""},
    {"index.jpg", "jpeg jpe jfif"},
    {"index.gif", ""},
    {"index.webp", ""},
    {"index.avif", ""},
    {"index.ico", "cur"},
    {"index.bmp", ""},
    {"index.json", "webmanifest map jsonld"},
    {"index.xml", "rss atom rdf xsl xslt opml"},
    {"index.txt", ANY_BUT_MARKUP},
    {"index.pdf", ""},
    {"index.woff", ""},
    {"index.woff2", ""},
    {"index.ttf", ""},
    {"index.otf", ""},
    {"index.mp4", "m4v m4a"},
    {"index.webm", ""},
    {"index.mp3", ""},
    {"index.ogg", "oga ogv opus"},
    {"index.wav", ""},
    {"index.zip", ANY_BUT_MARKUP},
    {"index.gz", ANY_BUT_MARKUP},
    {"index.vtt", ""},
    {"index.wasm", ""},
};
enum { KINDS_N = sizeof(kinds) / sizeof(kinds[0]) };

static const char *
extension_for(uint8_t kind)
{
	return kinds[kind].index + sizeof("index.") - 1;
}

struct slice
mirror_index_name(uint8_t kind)
{
	return kind < KINDS_N ? slice_cstr(kinds[kind].index) : (struct slice){0};
}

static const struct {
	struct slice mime;
	const char *extension;
} types[] = {
    {SLICE_LIT("text/html"), "html"},
    {SLICE_LIT("application/xhtml+xml"), "xhtml"},
    {SLICE_LIT("text/css"), "css"},
    {SLICE_LIT("text/javascript"), "js"},
    {SLICE_LIT("application/javascript"), "js"},
    {SLICE_LIT("application/x-javascript"), "js"},
    {SLICE_LIT("image/svg+xml"), "svg"},
    {SLICE_LIT("image/png"), "png"},
    {SLICE_LIT("image/jpeg"), "jpg"},
    {SLICE_LIT("image/gif"), "gif"},
    {SLICE_LIT("image/webp"), "webp"},
    {SLICE_LIT("image/avif"), "avif"},
    {SLICE_LIT("image/x-icon"), "ico"},
    {SLICE_LIT("image/vnd.microsoft.icon"), "ico"},
    {SLICE_LIT("image/bmp"), "bmp"},
    {SLICE_LIT("application/json"), "json"},
    {SLICE_LIT("application/manifest+json"), "json"},
    {SLICE_LIT("application/ld+json"), "json"},
    {SLICE_LIT("text/xml"), "xml"},
    {SLICE_LIT("application/xml"), "xml"},
    {SLICE_LIT("application/rss+xml"), "xml"},
    {SLICE_LIT("application/atom+xml"), "xml"},
    {SLICE_LIT("application/rdf+xml"), "xml"},
    {SLICE_LIT("text/plain"), "txt"},
    {SLICE_LIT("application/pdf"), "pdf"},
    {SLICE_LIT("font/woff"), "woff"},
    {SLICE_LIT("application/font-woff"), "woff"},
    {SLICE_LIT("font/woff2"), "woff2"},
    {SLICE_LIT("font/ttf"), "ttf"},
    {SLICE_LIT("font/otf"), "otf"},
    {SLICE_LIT("video/mp4"), "mp4"},
    {SLICE_LIT("video/webm"), "webm"},
    {SLICE_LIT("audio/mpeg"), "mp3"},
    {SLICE_LIT("audio/ogg"), "ogg"},
    {SLICE_LIT("video/ogg"), "ogg"},
    {SLICE_LIT("audio/wav"), "wav"},
    {SLICE_LIT("application/zip"), "zip"},
    {SLICE_LIT("application/gzip"), "gz"},
    {SLICE_LIT("text/vtt"), "vtt"},
    {SLICE_LIT("application/wasm"), "wasm"},
};

uint8_t
mirror_kind(struct slice mime)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (slice_ieq(mime, types[i].mime))
			for (uint8_t k = 1; k < KINDS_N; k++)
				if (strcmp(extension_for(k), types[i].extension) == 0)
					return k;
	return 0;
}

static bool
is_among(const char *words, struct slice word)
{
	struct slice rest = slice_cstr(words), one;

	while (slice_cut(&rest, ' ', &one))
		if (slice_eq(one, word))
			return true;
	return false;
}

/* May a file of that kind keep it?  A browser would show as a page what is called one. */
static bool
may_keep(uint8_t kind, struct slice extension)
{
	const struct kind *k = &kinds[kind];

	if (k->others == ANY_BUT_MARKUP)
		return !is_among("html htm xhtml xht shtml svg mht mhtml", extension);
	return slice_eq(extension, slice_cstr(extension_for(kind))) ||
	       is_among(k->others, extension);
}

/* Of a name, without its '.'; empty: none.  "3.11" has none. */
static struct slice
extension_of(struct slice name)
{
	bool letter = false;
	size_t n = 0;

	for (; n < name.len; n++) {
		char c = name.ptr[name.len - 1 - n];

		if (!ascii_is_digit(c) && !(c >= 'a' && c <= 'z'))
			break;
		letter |= !ascii_is_digit(c);
	}
	if (n == 0 || n > EXTENSION_MAX || n + 1 >= name.len || !letter ||
	    name.ptr[name.len - 1 - n] != '.')
		return (struct slice){0};
	return slice_from(name, name.len - n);
}

/* -- Parts of a URL. -- */

static uint64_t
tag_of(struct slice text)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	uint64_t tag = 0;

	(void)SHA256((const unsigned char *)text.ptr, text.len, digest);
	for (int i = 0; i < 8; i++)
		tag = tag << 8 | digest[i];
	return tag;
}

/* What a part of a URL cannot hold but as %XX, so that nothing else is the same text. */
static bool
is_always_escaped(unsigned char c)
{
	return c <= ' ' || c >= 0x7f || c == '"' || c == '#' || c == '<' || c == '>';
}

static int
upper_hex(char c)
{
	return c >= 'a' && c <= 'f' ? -1 : ascii_hex(c);
}

/* As a safe name; what is escaped in any URL is not escaped twice. */
static int
add_part(struct buf *b, struct slice part, size_t max)
{
	char text[URL_BYTES_MAX];
	size_t n = 0;

	for (size_t i = 0; i < part.len && n < sizeof(text); i++) {
		int hi = -1, lo = -1;

		if (part.ptr[i] == '%' && part.len - i > 2) {
			hi = upper_hex(part.ptr[i + 1]);
			lo = upper_hex(part.ptr[i + 2]);
		}
		if (hi >= 0 && lo >= 0 &&
		    is_always_escaped((unsigned char)(hi << 4 | lo))) {
			text[n++] = (char)(hi << 4 | lo);
			i += 2;
		} else {
			text[n++] = part.ptr[i];
		}
	}
	return safe_name(b, slice_of(text, n), tag_of(part), max);
}

/* The scheme shows in the port. */
static int
add_host(struct buf *b, const struct url *u)
{
	size_t at = b->len;
	int r = add_part(b, url_host(u), HOST_MAX);

	if (r == 0 &&
	    slice_eq(slice_of(b->ptr + at, b->len - at), SLICE_LIT("index.html")))
		r = buf_add_byte(b, '+'); /* which is of ours */
	if (r < 0 || (url_is_https(u) && u->port == 443))
		return r;
	return buf_printf(b, "+%u%s", u->port, url_is_https(u) ? "+https" : "");
}

static int
add_directory(struct buf *b, struct slice segment)
{
	size_t at = b->len;
	int r = add_part(b, segment, PART_MAX);

	if (r == 0 && extension_of(slice_of(b->ptr + at, b->len - at)).len > 0)
		r = buf_add_byte(b, '+');
	return r == 0 ? buf_add_byte(b, '/') : r;
}

/* It would be called what the directory's own page is. */
static int
add_before(struct buf *b, size_t at)
{
	int r = buf_add_byte(b, '+');

	if (r == 0) {
		memmove(b->ptr + at + 1, b->ptr + at, b->len - 1 - at);
		b->ptr[at] = '+';
	}
	return r;
}

static int
add_file(struct buf *b, struct slice segment, struct slice query, uint8_t kind)
{
	struct slice name;
	size_t at = b->len;
	int r;

	if (segment.len == 0)
		r = buf_add_cstr(b, "index");
	else
		r = add_part(b, segment, PART_MAX);
	name = slice_of(b->ptr + at, b->len - at);
	if (r == 0 && query.len > 0) {
		r = buf_add_byte(b, '@');
		if (r == 0 && query.len > 1)
			r = add_part(b, slice_from(query, 1), PART_MAX);
	} else if (r == 0 && segment.len > 0) {
		struct slice extension = extension_of(name);

		if (extension.len > 0 && may_keep(kind, extension))
			return name.len - extension.len == sizeof("index.") - 1 &&
				       slice_starts(name, SLICE_LIT("index."))
				   ? add_before(b, at)
				   : 0;
		r = buf_add_byte(b, '+');
	}
	return r == 0 ? buf_printf(b, ".%s", extension_for(kind)) : r;
}

static int
add_path(struct buf *b, const struct url *u, uint8_t kind)
{
	struct slice rest = slice_from(url_path(u), 1);
	int parts = 0, r = 0;

	for (;;) {
		size_t n = slice_find(rest, '/');

		if (n == rest.len)
			break;
		if (++parts > PARTS_MAX)
			return -ENAMETOOLONG;
		r = add_directory(b, slice_head(rest, n));
		if (r < 0)
			return r;
		rest = slice_from(rest, n + 1);
	}
	return add_file(b, rest, url_query(u), kind);
}

static int
add_long(struct buf *b, struct slice url, uint8_t kind)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	int r;

	(void)SHA256((const unsigned char *)url.ptr, url.len, digest);
	r = buf_printf(b, "+long/%02x/", digest[0]);
	for (int i = 1; i < 20 && r == 0; i++)
		r = buf_printf(b, "%02x", digest[i]);
	return r == 0 ? buf_printf(b, ".%s", extension_for(kind)) : r;
}

int
mirror_path(struct slice text, uint8_t kind, struct buf *b)
{
	char storage[URL_BYTES_MAX];
	size_t was = b->len, host_end;
	struct url u;
	int r;

	if (kind >= KINDS_N || url_resolve(NULL, text, (struct slice){0}, 0, storage,
				   sizeof(storage), &u) != URL_OK)
		return -EBADMSG;
	r = add_host(b, &u);
	if (r == 0)
		r = buf_add_byte(b, '/');
	host_end = b->len;
	if (r == 0)
		r = add_path(b, &u, kind);
	if (r == -ENAMETOOLONG || (r == 0 && b->len - was > MIRROR_PATH_MAX)) {
		b->len = host_end;
		r = add_long(b, url_text(&u), kind);
	}
	if (r < 0)
		b->len = was;
	return r;
}

bool
mirror_path_beside(struct slice url, struct slice path, struct slice *ret)
{
	size_t n = path.len, query = slice_find(url, '?');

	while (n > 0 && path.ptr[n - 1] != '/')
		n--;
	if (!slice_starts(slice_from(path, n), SLICE_LIT("+index.")))
		return false;
	for (n = query; n > 0 && url.ptr[n - 1] != '/';)
		n--;
	*ret = slice_head(url, n);
	return true;
}

void
mirror_path_as_index(struct buf *path)
{
	size_t n = path->len;

	while (n > 0 && path->ptr[n - 1] != '/')
		n--;
	assert(path->ptr[n] == '+');
	memmove(path->ptr + n, path->ptr + n + 1, path->len - n - 1);
	path->len--;
}

/* -- References. -- */

int
mirror_reference(struct slice from, struct slice to, struct buf *b)
{
	size_t same = 0, was = b->len;
	int r = 0;

	for (size_t i = 0; i < from.len && i < to.len && from.ptr[i] == to.ptr[i]; i++)
		if (from.ptr[i] == '/')
			same = i + 1;
	for (size_t i = same; i < from.len && r == 0; i++)
		if (from.ptr[i] == '/')
			r = buf_add_cstr(b, "../");
	for (size_t i = same; i < to.len && r == 0; i++)
		r = to.ptr[i] == '%' ? buf_add_cstr(b, "%25")
				     : buf_add_byte(b, to.ptr[i]);
	if (r < 0)
		b->len = was;
	return r;
}
