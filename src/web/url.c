#include "web/url.h"
#include "base/escape.h"
#include "web/url_int.h"

#include "base/banned.h"

/*
 * Section 1.3: the percent-encode sets, of which each but one contains the one before.
 * Section 3.1: the forbidden domain code points are part of URL_C_HOST_SLOW.
 */
enum {
	ALL =
	    URL_C_FRAGMENT | URL_C_QUERY | URL_C_PATH | URL_C_USERINFO | URL_C_HOST_SLOW,
	PATH = URL_C_PATH | URL_C_USERINFO,
	HOST = URL_C_HOST_SLOW,
};
const uint8_t url_class[256] = {
    [0x00 ... 0x08] = ALL,
    ['\t'] = ALL | URL_C_STRIPPED,
    ['\n'] = ALL | URL_C_STRIPPED,
    [0x0b ... 0x0c] = ALL,
    ['\r'] = ALL | URL_C_STRIPPED,
    [0x0e ... 0x20] = ALL,
    ['"'] = ALL & ~URL_C_HOST_SLOW,
    ['#'] = URL_C_QUERY | PATH | HOST | URL_C_END_PATH,
    ['%'] = HOST,
    ['\''] = URL_C_QUERY,
    ['/'] = URL_C_USERINFO | HOST | URL_C_SLASH,
    [':'] = URL_C_USERINFO | HOST,
    [';'] = URL_C_USERINFO,
    ['<'] = ALL,
    ['='] = URL_C_USERINFO,
    ['>'] = ALL,
    ['?'] = PATH | HOST | URL_C_END_PATH,
    ['@'] = URL_C_USERINFO | HOST,
    ['A' ... 'Z'] = HOST,
    ['['] = URL_C_USERINFO | HOST,
    ['\\'] = URL_C_USERINFO | HOST | URL_C_SLASH,
    [']'] = URL_C_USERINFO | HOST,
    ['^'] = PATH | HOST,
    ['`'] = URL_C_FRAGMENT | PATH,
    ['{'] = PATH,
    ['|'] = URL_C_USERINFO | HOST,
    ['}'] = PATH,
    [0x7f ... 0xff] = ALL,
};

/* One resolving: the reference without tabs and newlines, and what is written of it. */
struct resolving {
	const struct url *base;
	struct slice charset;
	unsigned flags;
	struct slice ref;
	size_t at;                    /* in ref: what comes next */
	size_t query_at, fragment_at; /* in ref: of '?' and '#', or its end */
	unsigned path_acc, query_acc; /* classes of the bytes up to '?', and from there */
	bool is_cut;                  /* the input was longer than is looked at */
	struct url_out out;
	struct url url;
};

const char *
url_status_text(enum url_status s)
{
	static const char *const texts[] = {
#define X(id, text) [URL_##id] = text,
	    URL_STATUSES(X)
#undef X
	};

	return texts[s];
}

static inline unsigned
class_of(char c)
{
	return url_class[(unsigned char)c];
}

void
url_out_escaped(struct url_out *o, unsigned char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char s[3] = {'%', digits[c >> 4], digits[c & 15]};

	url_out_add(o, s, sizeof(s));
}

uint32_t
utf8_point(const char *s, size_t len)
{
	uint32_t c = (unsigned char)s[0];

	if (len > 1)
		c &= 0x7fu >> len;
	for (size_t i = 1; i < len; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

size_t
utf8_invalid_len(struct slice s)
{
	unsigned char c = (unsigned char)s.ptr[0];
	unsigned char low = 0x80, high = 0xbf;
	size_t want = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
	size_t n = 1;

	if (c < 0xc2 || c > 0xf4)
		return 1;
	if (c == 0xe0)
		low = 0xa0;
	else if (c == 0xed)
		high = 0x9f;
	else if (c == 0xf0)
		low = 0x90;
	else if (c == 0xf4)
		high = 0x8f;
	while (n <= want && n < s.len) {
		c = (unsigned char)s.ptr[n];
		if (c < low || c > high)
			break;
		low = 0x80;
		high = 0xbf;
		n++;
	}
	return n;
}

/* Percent-encodes what is of `set`, as UTF-8; invalid bytes become U+FFFD. */
static void
url_encode(struct url_out *o, struct slice s, unsigned set)
{
	size_t i = 0;

	while (i < s.len) {
		size_t run = i, n;

		while (i < s.len && !(class_of(s.ptr[i]) & set))
			i++;
		url_out_add(o, s.ptr + run, i - run);
		if (i == s.len)
			return;
		if ((unsigned char)s.ptr[i] < 0x80) {
			url_out_escaped(o, (unsigned char)s.ptr[i++]);
			continue;
		}
		n = utf8_len(slice_from(s, i));
		if (n == 0) {
			url_out_add(o, "%EF%BF%BD", 9);
			i += utf8_invalid_len(slice_from(s, i));
			continue;
		}
		for (; n > 0; n--)
			url_out_escaped(o, (unsigned char)s.ptr[i++]);
	}
}

/* -- the reference ---------------------------------------------------------------- */

/* Finds '?' and '#', and tells which classes of bytes there are. */
static void
ref_scan(struct resolving *r)
{
	struct slice s = r->ref;
	unsigned acc = 0;
	size_t i = 0;

	for (; i < s.len; i++) {
		unsigned c = class_of(s.ptr[i]);

		if (c & URL_C_END_PATH)
			break;
		acc |= c;
	}
	r->path_acc = acc;
	r->query_at = i;
	acc = 0;
	if (i < s.len && s.ptr[i] == '?')
		for (; i < s.len && s.ptr[i] != '#'; i++)
			acc |= class_of(s.ptr[i]);
	r->query_acc = acc;
	r->fragment_at = i;
}

static bool
ref_has_stripped(const struct resolving *r)
{
	unsigned acc = r->path_acc | r->query_acc;

	if (r->flags & URL_KEEP_FRAGMENT)
		for (size_t i = r->fragment_at; i < r->ref.len; i++)
			acc |= class_of(r->ref.ptr[i]);
	return acc & URL_C_STRIPPED;
}

/* Section 4.4, "basic URL parser", steps 1 to 3; `scratch` has URL_BYTES_MAX bytes. */
static void
ref_set(struct resolving *r, struct slice ref, char *scratch)
{
	size_t n = 0;

	while (ref.len > 0 && (unsigned char)ref.ptr[0] <= ' ')
		ref = slice_from(ref, 1);
	while (ref.len > 0 && (unsigned char)ref.ptr[ref.len - 1] <= ' ')
		ref.len--;
	r->ref = slice_head(ref, URL_BYTES_MAX);
	ref_scan(r);
	if (ref_has_stripped(r)) {
		size_t i;

		for (i = 0; i < ref.len && n < URL_BYTES_MAX; i++)
			if (!(class_of(ref.ptr[i]) & URL_C_STRIPPED))
				scratch[n++] = ref.ptr[i];
		r->ref = slice_of(scratch, n);
		r->is_cut = i < ref.len;
		ref_scan(r);
	} else {
		r->is_cut = r->ref.len < ref.len;
	}
	/* A fragment that is dropped may be as long as it likes. */
	if (r->fragment_at < r->ref.len && !(r->flags & URL_KEEP_FRAGMENT))
		r->is_cut = false;
}

/* Length of the scheme before its ':', or 0. */
static size_t
ref_scheme_len(const struct resolving *r)
{
	struct slice s = slice_head(r->ref, r->query_at);

	if (s.len == 0 || !ascii_is_alpha(s.ptr[0]))
		return 0;
	for (size_t i = 1; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == ':')
			return i;
		if (!ascii_is_alpha(c) && !ascii_is_digit(c) && c != '+' && c != '-' &&
		    c != '.')
			return 0;
	}
	return 0;
}

static bool
ref_has_slash(const struct resolving *r, size_t at)
{
	return at < r->query_at && (class_of(r->ref.ptr[at]) & URL_C_SLASH);
}

/* -- writing the parts ------------------------------------------------------------ */

static void
write_scheme(struct resolving *r, bool is_https)
{
	r->url.scheme_len = is_https ? 5 : 4;
	r->url.port = is_https ? 443 : 80;
	if (is_https)
		url_out_add(&r->out, "https://", 8);
	else
		url_out_add(&r->out, "http://", 7);
}

/* `s`: what is before the last '@'. */
static void
write_credentials(struct resolving *r, struct slice s)
{
	size_t colon = slice_find(s, ':');
	struct slice password = slice_from(s, colon + 1);

	if (colon == 0 && password.len == 0)
		return;
	r->url.has_credentials = true;
	if (!(r->flags & URL_KEEP_CREDENTIALS))
		return;
	url_encode(&r->out, slice_head(s, colon), URL_C_USERINFO);
	if (password.len > 0) {
		url_out_byte(&r->out, ':');
		url_encode(&r->out, password, URL_C_USERINFO);
	}
	url_out_byte(&r->out, '@');
}

/* The standard keeps the dot of "example.com."; DNS and TLS know one host, not two. */
static bool
keeps_dot(const struct resolving *r)
{
	return (r->flags & URL_KEEP_FRAGMENT) && (r->flags & URL_KEEP_CREDENTIALS);
}

static enum url_status
write_host(struct resolving *r, struct slice host)
{
	struct url_out *o = &r->out;
	size_t from = o->len;
	enum url_status status;

	if (host.len == 0)
		return URL_NO_HOST;
	r->url.host_at = (uint16_t)from;
	status = url_host_parse(host, o);
	if (status != URL_OK || o->full)
		return status;
	if (o->ptr[o->len - 1] == '.' && !keeps_dot(r)) {
		o->len--;
		if (o->len == from || o->ptr[o->len - 1] == '.')
			return URL_BAD_HOST;
	}
	r->url.host_len = (uint16_t)(o->len - from);
	return URL_OK;
}

static enum url_status
write_port(struct resolving *r, struct slice digits)
{
	char text[6];
	size_t at = sizeof(text);
	unsigned port = 0;

	for (size_t i = 0; i < digits.len; i++) {
		if (!ascii_is_digit(digits.ptr[i]))
			return URL_BAD_PORT;
		port = port * 10 + (unsigned)(digits.ptr[i] - '0');
		if (port > 65535)
			return URL_BAD_PORT;
	}
	if (digits.len == 0 || port == r->url.port)
		return URL_OK;
	r->url.port = (uint16_t)port;
	do
		text[--at] = (char)('0' + port % 10);
	while ((port /= 10) > 0);
	text[--at] = ':';
	url_out_add(&r->out, text + at, sizeof(text) - at);
	return URL_OK;
}

/* Sections "authority state", "host state", "port state"; from r->at to the next slash.
 */
static enum url_status
write_authority(struct resolving *r)
{
	const char *s = r->ref.ptr;
	size_t from = r->at, end, colon;
	size_t host = from;
	bool in_brackets = false;
	enum url_status status;

	for (end = from; end < r->query_at; end++) {
		if (class_of(s[end]) & URL_C_SLASH)
			break;
		if (s[end] == '@')
			host = end + 1;
	}
	r->url.user_at = (uint16_t)r->out.len;
	if (host > from)
		write_credentials(r, slice_of(s + from, host - 1 - from));
	for (colon = host; colon < end; colon++) {
		if (s[colon] == ':' && !in_brackets)
			break;
		if (s[colon] == '[')
			in_brackets = true;
		else if (s[colon] == ']')
			in_brackets = false;
	}
	r->at = end;
	status = write_host(r, slice_of(s + host, colon - host));
	if (status != URL_OK || colon == end)
		return status;
	return write_port(r, slice_of(s + colon + 1, end - colon - 1));
}

static enum url_status
copy_authority(struct resolving *r)
{
	const struct url *b = r->base;
	bool drop_user = b->host_at != b->user_at && !(r->flags & URL_KEEP_CREDENTIALS);
	size_t dot =
	    b->text[b->host_at + b->host_len - 1] == '.' && !keeps_dot(r) ? 1 : 0;

	r->url.scheme_len = b->scheme_len;
	r->url.port = b->port;
	r->url.has_credentials = b->has_credentials;
	r->url.user_at = b->user_at;
	r->url.host_at = drop_user ? b->user_at : b->host_at;
	r->url.host_len = (uint16_t)(b->host_len - dot);
	if (!drop_user && dot == 0) {
		url_out_add(&r->out, b->text, b->path_at);
		return URL_OK;
	}
	if (r->url.host_len == 0 || b->text[b->host_at + r->url.host_len - 1] == '.')
		return URL_BAD_HOST;
	url_out_add(&r->out, b->text, r->url.host_at);
	url_out_add(&r->out, b->text + b->host_at, r->url.host_len);
	url_out_add(&r->out, b->text + b->host_at + b->host_len,
	    (size_t)(b->path_at - b->host_at - b->host_len));
	return URL_OK;
}

/* 1 for ".", 2 for "..", also percent-encoded; else 0. */
static unsigned
dots_of(const char *s, size_t len)
{
	unsigned dots = 0;
	size_t i = 0;

	if (len > 6)
		return 0;
	while (i < len) {
		if (s[i] == '.')
			i++;
		else if (len - i >= 3 && s[i] == '%' && s[i + 1] == '2' &&
			 ascii_lower(s[i + 2]) == 'e')
			i += 3;
		else
			return 0;
		dots++;
	}
	return dots <= 2 ? dots : 0;
}

static void
path_pop(struct resolving *r)
{
	struct url_out *o = &r->out;

	while (o->len > r->url.path_at && o->ptr[--o->len] != '/')
		;
}

/* Section "path state": r->ref from `at` to '?', behind what of the path is written. */
static void
write_path(struct resolving *r, size_t at)
{
	struct url_out *o = &r->out;
	const char *s = r->ref.ptr;
	size_t end = r->query_at;
	bool is_plain = !(r->path_acc & URL_C_PATH);

	for (;; at++) {
		size_t seg = at;
		unsigned dots = 0;

		while (at < end && !(class_of(s[at]) & URL_C_SLASH))
			at++;
		if (at > seg && (s[seg] == '.' || s[seg] == '%'))
			dots = dots_of(s + seg, at - seg);
		if (dots == 2)
			path_pop(r);
		if (dots == 0 || at == end)
			url_out_byte(o, '/');
		if (dots == 0 && is_plain)
			url_out_add(o, s + seg, at - seg);
		else if (dots == 0)
			url_encode(o, slice_of(s + seg, at - seg), URL_C_PATH);
		if (at == end)
			return;
	}
}

static void
write_query(struct resolving *r)
{
	struct slice s = slice_of(r->ref.ptr + r->query_at, r->fragment_at - r->query_at);

	if (s.len == 0)
		return;
	if (!(r->query_acc & URL_C_QUERY)) {
		url_out_add(&r->out, s.ptr, s.len);
		return;
	}
	url_out_byte(&r->out, '?');
	s = slice_from(s, 1);
	if (!url_query_encode(&r->out, s, r->charset))
		url_encode(&r->out, s, URL_C_QUERY);
}

static void
write_fragment(struct resolving *r)
{
	if (!(r->flags & URL_KEEP_FRAGMENT) || r->fragment_at == r->ref.len)
		return;
	url_out_byte(&r->out, '#');
	url_encode(&r->out, slice_from(r->ref, r->fragment_at + 1), URL_C_FRAGMENT);
}

/* -- putting it together ---------------------------------------------------------- */

/* From r->at: authority, path and query. */
static enum url_status
resolve_absolute(struct resolving *r, bool is_https)
{
	enum url_status status;

	write_scheme(r, is_https);
	while (ref_has_slash(r, r->at))
		r->at++;
	status = write_authority(r);
	if (status != URL_OK)
		return status;
	r->url.path_at = (uint16_t)r->out.len;
	write_path(r, ref_has_slash(r, r->at) ? r->at + 1 : r->at);
	r->url.query_at = (uint16_t)r->out.len;
	write_query(r);
	return URL_OK;
}

/* Sections "relative state" and "relative slash state". */
static enum url_status
resolve_relative(struct resolving *r)
{
	const struct url *b = r->base;
	size_t keep = (size_t)(b->query_at - b->path_at);
	enum url_status status;

	if (ref_has_slash(r, r->at) && ref_has_slash(r, r->at + 1))
		return resolve_absolute(r, url_is_https(b));
	status = copy_authority(r);
	if (status != URL_OK)
		return status;
	r->url.path_at = (uint16_t)r->out.len;
	if (ref_has_slash(r, r->at)) {
		write_path(r, r->at + 1);
	} else if (r->at == r->query_at) {
		url_out_add(&r->out, b->text + b->path_at, keep);
	} else {
		while (b->text[b->path_at + --keep] != '/')
			;
		url_out_add(&r->out, b->text + b->path_at, keep);
		write_path(r, r->at);
	}
	r->url.query_at = (uint16_t)r->out.len;
	if (r->at == r->query_at && r->query_at == r->fragment_at)
		url_out_add(&r->out, b->text + b->query_at,
		    (size_t)(b->fragment_at - b->query_at));
	else
		write_query(r);
	return URL_OK;
}

static enum url_status
resolve(struct resolving *r)
{
	struct slice s = r->ref;
	size_t scheme_len = ref_scheme_len(r);
	bool is_https = slice_ieq(slice_head(s, scheme_len), SLICE_LIT("https"));

	if (scheme_len > 0) {
		if (!is_https && !slice_ieq(slice_head(s, scheme_len), SLICE_LIT("http")))
			return URL_UNSUPPORTED;
		r->at = scheme_len + 1;
	} else if (r->base == NULL) {
		return URL_RELATIVE_WITHOUT_BASE;
	}
	if (r->is_cut)
		return URL_TOO_LONG;
	if (scheme_len == 0)
		return resolve_relative(r);
	/* "http:x" is relative to a base with the same scheme, "http://x" is not. */
	if (r->base != NULL && r->base->scheme_len == scheme_len &&
	    !slice_starts(slice_from(s, r->at), SLICE_LIT("//")))
		return resolve_relative(r);
	return resolve_absolute(r, is_https);
}

enum url_status
url_resolve(const struct url *base, struct slice ref, struct slice charset,
    unsigned flags, char *out, size_t out_cap, struct url *ret)
{
	char scratch[URL_BYTES_MAX];
	struct resolving r = {
	    .base = base,
	    .charset = charset,
	    .flags = flags,
	    .out = {.ptr = out, .cap = out_cap < URL_BYTES_MAX ? out_cap : URL_BYTES_MAX},
	};
	enum url_status status;

	ref_set(&r, ref, scratch);
	status = resolve(&r);
	if (status != URL_OK)
		return status;
	r.url.fragment_at = (uint16_t)r.out.len;
	write_fragment(&r);
	if (r.out.full)
		return URL_TOO_LONG;
	r.url.text = out;
	r.url.len = (uint16_t)r.out.len;
	*ret = r.url;
	return URL_OK;
}

/* -- what is in normal form already ------------------------------------------------ */

/* Takes ":8080" off the authority, if it ends so. */
static bool
port_cut(struct slice *authority, uint16_t *ret)
{
	size_t digits = authority->len;
	uint64_t port;

	while (digits > 0 && ascii_is_digit(authority->ptr[digits - 1]))
		digits--;
	if (digits == 0 || authority->ptr[digits - 1] != ':')
		return true;
	if (!slice_to_u64(slice_from(*authority, digits), &port) || port > UINT16_MAX)
		return false;
	authority->len = digits - 1;
	*ret = (uint16_t)port;
	return true;
}

bool
url_describe(struct slice text, struct url *ret)
{
	bool is_https = slice_starts(text, SLICE_LIT("https://"));
	size_t host = is_https ? strlen("https://") : strlen("http://"), path;
	struct slice authority;
	uint16_t port = is_https ? 443 : 80;

	if (text.len > URL_BYTES_MAX ||
	    (!is_https && !slice_starts(text, SLICE_LIT("http://"))))
		return false;
	path = host + slice_find(slice_from(text, host), '/');
	authority = slice_of(text.ptr + host, path - host);
	if (path == text.len || !port_cut(&authority, &port) || authority.len == 0)
		return false;
	*ret = (struct url){.text = text.ptr,
	    .len = (uint16_t)text.len,
	    .scheme_len = is_https ? 5 : 4,
	    .user_at = (uint16_t)host,
	    .host_at = (uint16_t)host,
	    .host_len = (uint16_t)authority.len,
	    .path_at = (uint16_t)path,
	    .query_at = (uint16_t)(path + slice_find(slice_from(text, path), '?')),
	    .fragment_at = (uint16_t)text.len,
	    .port = port};
	return true;
}
