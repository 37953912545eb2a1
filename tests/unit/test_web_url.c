#include "web/url.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <threads.h>

#include <cmocka.h>

enum { HREF = URL_KEEP_FRAGMENT | URL_KEEP_CREDENTIALS };
static char text[URL_BYTES_MAX], base_text[URL_BYTES_MAX];
static struct url url, base;

static enum url_status
normal(const char *ref)
{
	return url_resolve(
	    NULL, slice_cstr(ref), (struct slice){0}, 0, text, sizeof(text), &url);
}

static enum url_status
against(const char *base_ref, unsigned base_flags, const char *ref, unsigned flags)
{
	assert_int_equal(url_resolve(NULL, slice_cstr(base_ref), (struct slice){0},
			     base_flags, base_text, sizeof(base_text), &base),
	    URL_OK);
	return url_resolve(
	    &base, slice_cstr(ref), (struct slice){0}, flags, text, sizeof(text), &url);
}

#define assert_slice(s, want)                                                            \
	do {                                                                             \
		struct slice s_ = (s);                                                   \
		assert_int_equal(s_.len, strlen(want));                                  \
		assert_memory_equal(s_.ptr, want, s_.len);                               \
	} while (0)

/* Each becomes the last; and what is in normal form stays as it is. */
#define assert_normal(ref, want)                                                         \
	do {                                                                             \
		assert_int_equal(normal(ref), URL_OK);                                   \
		assert_slice(url_text(&url), want);                                      \
		assert_int_equal(normal(want), URL_OK);                                  \
		assert_slice(url_text(&url), want);                                      \
	} while (0)

static void
one_page_has_one_spelling(void **state)
{
	(void)state;
	assert_normal("HTTP://Example.COM", "http://example.com/");
	assert_normal("http://example.com./", "http://example.com/");
	assert_normal("http://example.com:80/a/./b/../c", "http://example.com/a/c");
	assert_normal("https://example.com:443?q", "https://example.com/?q");
	assert_normal("https://example.com:80/", "https://example.com:80/");
	assert_normal("http://example.com:00080/", "http://example.com/");
	assert_normal("http://example.com/#frag", "http://example.com/");
	assert_normal("http://user:pw@example.com/", "http://example.com/");
	assert_normal(" http://exa\tmple.com/a b\n", "http://example.com/a%20b");
	assert_normal("http://b\xc3\xbc"
		      "cher.de/",
	    "http://xn--bcher-kva.de/");
	assert_normal("http://B%C3%9Ccher.de/", "http://xn--bcher-kva.de/");
	assert_normal("http:\\\\h\\a\\..\\b", "http://h/b");
	assert_normal("http://0x7f.1/", "http://127.0.0.1/");
	assert_normal("http://127.0.0.1./", "http://127.0.0.1/");
	assert_normal("http://[0:0::1]:8080/", "http://[::1]:8080/");
	assert_normal("http://h/%2e%2E/a%2fb/%41", "http://h/a%2fb/%41");
	assert_normal("http://h/\xff\xe2\x82", "http://h/%EF%BF%BD%EF%BF%BD");
	assert_normal("http://h?a'b#c", "http://h/?a%27b");
	assert_normal("http://h/\xf4\x90\xed\xa0\x80",
	    "http://h/%EF%BF%BD%EF%BF%BD%EF%BF%BD%EF%BF%BD%EF%BF%BD");
	assert_normal("http://\xc3\xbc_b.-\xc3\xbc-/", "http://xn--_b-wka.xn-----xka/");
	assert_normal("http://q\xc3\xbc_\xc4\xb3/", "http://xn--q_ij-0ra/");
}

/* With one, libcurl 7.88 takes cookies and certificates for another host's. */
static void
a_dot_at_the_end_of_a_host_is_dropped(void **state)
{
	(void)state;
	assert_normal("http://example.org./", "http://example.org/");
	assert_normal("https://EXAMPLE.org.:444/x", "https://example.org:444/x");
	assert_int_equal(normal("http://example.org../"), URL_BAD_HOST);
}

static void
hosts_that_cannot_be_are_refused(void **state)
{
	static const char *const bad[] = {"http://./", "http://a../", "http://a b/",
	    "http://%/", "http://1.2.3.256/", "http://1.2.3.4.5/", "http://[1:2]/",
	    "http://[::1", "http://a%00b/", "http://\xff/", "http://xn--a.\xc3\x9f/"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(normal(bad[i]), URL_BAD_HOST);
	assert_string_equal(
	    url_status_text(URL_BAD_HOST), "host is not a valid name or address");
	assert_int_equal(normal("http://"), URL_NO_HOST);
	assert_int_equal(normal("http://u@/"), URL_NO_HOST);
	assert_int_equal(normal("http://:80/"), URL_NO_HOST);
	assert_int_equal(normal("http://h:65536/"), URL_BAD_PORT);
	assert_int_equal(normal("http://h:8o/"), URL_BAD_PORT);
	assert_int_equal(normal("http://h:65535/"), URL_OK);
	assert_int_equal(url.port, 65535);
}

static void
other_schemes_are_recognised_and_not_broken_links(void **state)
{
	static const char *const other[] = {"mailto:a@b", "javascript:void(0)", "tel:+1",
	    "data:text/html,<p>", "ftp://h/", "file:///etc/passwd", "ws://h/",
	    "java\tscript:x", "a+b-c.d:x", "httpx://h/"};
	struct buf big;

	(void)state;
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		assert_int_equal(normal(other[i]), URL_UNSUPPORTED);
		assert_int_equal(against("http://h/", 0, other[i], 0), URL_UNSUPPORTED);
	}
	assert_int_equal(normal("a/b:c"), URL_RELATIVE_WITHOUT_BASE);
	assert_int_equal(normal(""), URL_RELATIVE_WITHOUT_BASE);
	buf_init(&big, 1 << 20);
	assert_int_equal(buf_add_cstr(&big, "data:image/png;base64,"), 0);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf_add_cstr(&big, "AAA\n"), 0);
	assert_int_equal(normal(buf_cstr(&big)), URL_UNSUPPORTED);
	buf_release(&big);
}

static void
references_are_relative_to_the_page(void **state)
{
	static const char *const cases[][2] = {
	    {"", "http://h:8080/a/b?q"},
	    {"#x", "http://h:8080/a/b?q"},
	    {"?r", "http://h:8080/a/b?r"},
	    {"?", "http://h:8080/a/b?"},
	    {"c", "http://h:8080/a/c"},
	    {"../c/", "http://h:8080/c/"},
	    {"../../../c", "http://h:8080/c"},
	    {".", "http://h:8080/a/"},
	    {"..", "http://h:8080/"},
	    {"/c", "http://h:8080/c"},
	    {"//i/c", "http://i/c"},
	    {"http:c", "http://h:8080/a/c"},
	    {"https:c", "https://c/"},
	    {"\\c", "http://h:8080/c"},
	    {"/..//c", "http://h:8080//c"},
	    {"c:d", NULL},
	    {"./c:d", "http://h:8080/a/c:d"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum url_status s = against("http://h:8080/a/b?q#f", 0, cases[i][0], 0);

		assert_int_equal(s, cases[i][1] == NULL ? URL_UNSUPPORTED : URL_OK);
		if (s == URL_OK)
			assert_slice(url_text(&url), cases[i][1]);
	}
}

static void
normal_form_comes_out_of_any_base(void **state)
{
	(void)state;
	assert_int_equal(against("http://u:p@example.com.:81/a#f", HREF, "b", 0), URL_OK);
	assert_slice(url_text(&url), "http://example.com:81/b");
	assert_slice(url_host(&url), "example.com");
	assert_true(url.has_credentials);
	assert_int_equal(
	    against("http://u:p@example.com.:81/a#f", HREF, "b#g", HREF), URL_OK);
	assert_slice(url_text(&url), "http://u:p@example.com.:81/b#g");
	assert_int_equal(
	    against("http://u:p@example.com./a", HREF, "", URL_KEEP_CREDENTIALS), URL_OK);
	assert_slice(url_text(&url), "http://u:p@example.com/a");
	assert_slice(url_host(&url), "example.com");
	assert_int_equal(against("http://./a", HREF, "b", 0), URL_BAD_HOST);
}

static void
parts_are_told_by_offsets(void **state)
{
	(void)state;
	assert_int_equal(
	    url_resolve(NULL, SLICE_LIT("https://u:p@[2001:DB8::1]:8443/a/b?c=d#e"),
		(struct slice){0}, HREF, text, sizeof(text), &url),
	    URL_OK);
	assert_slice(url_text(&url), "https://u:p@[2001:db8::1]:8443/a/b?c=d#e");
	assert_slice(url_scheme(&url), "https");
	assert_true(url_is_https(&url));
	assert_slice(url_host(&url), "[2001:db8::1]");
	assert_slice(url_path(&url), "/a/b");
	assert_slice(url_query(&url), "?c=d");
	assert_slice(url_target(&url), "/a/b?c=d");
	assert_int_equal(url.port, 8443);
	assert_true(url.has_credentials);
	assert_int_equal(normal("http://h:8080/a?b#c"), URL_OK);
	assert_slice(url_authority(&url), "http://h:8080");
	assert_slice(url_target(&url), "/a?b");
	assert_false(url.has_credentials);
	assert_int_equal(url.fragment_at, url.len);
}

static void
no_url_is_longer_than_its_room(void **state)
{
	char ref[2 * URL_BYTES_MAX], small[12];
	struct url before;

	(void)state;
	memset(ref, 'a', sizeof(ref));
	memcpy(ref, "http://h/", 9);
	assert_int_equal(url_resolve(NULL, slice_of(ref, URL_BYTES_MAX),
			     (struct slice){0}, 0, text, sizeof(text), &url),
	    URL_OK);
	assert_int_equal(url.len, URL_BYTES_MAX);
	before = url;
	assert_int_equal(url_resolve(NULL, slice_of(ref, URL_BYTES_MAX + 1),
			     (struct slice){0}, 0, text, sizeof(text), &url),
	    URL_TOO_LONG);
	ref[URL_BYTES_MAX - 1] = ' ';
	ref[URL_BYTES_MAX - 2] = ' ';
	assert_int_equal(url_resolve(NULL, slice_of(ref, sizeof(ref)), (struct slice){0},
			     0, text, sizeof(text), &url),
	    URL_TOO_LONG);
	ref[20] = '#'; /* a fragment may be long */
	assert_int_equal(url_resolve(NULL, slice_of(ref, sizeof(ref)), (struct slice){0},
			     0, text, sizeof(text), &url),
	    URL_OK);
	assert_int_equal(url.len, 20);
	url = before;
	assert_int_equal(url_resolve(NULL, SLICE_LIT("http://h/abcd"), (struct slice){0},
			     0, small, 12, &url),
	    URL_TOO_LONG);
	assert_memory_equal(&url, &before, sizeof(url));
	assert_int_equal(url_resolve(NULL, SLICE_LIT("http://h/abc"), (struct slice){0},
			     0, small, 12, &url),
	    URL_OK);
}

/* What iconv's converters do otherwise than the encoders of the Encoding Standard. */
static void
queries_are_encoded_as_the_standard_has_it_not_as_iconv_has_it(void **state)
{
	static const struct {
		const char *charset, *query, *want;
	} cases[] = {
	    /* Bytes without a character are controls, and back. */
	    {"windows-1252", "\xc2\x81\xe2\x82\xac", "?%81%80"},
	    {"windows-1251", "\xc2\x98", "?%98"},
	    {"windows-874", "\xc2\x81", "?%81"},
	    {"KOI8-U", "\xd1\x9e\xd0\x8e", "?%AE%BE"},
	    {"macintosh", "\xe2\x88\x86", "?%C6"},
	    {"x-mac-cyrillic", "\xe2\x82\xac", "?%FF"},
	    {"x-user-defined", "\xef\x9e\x80\xc3\xa4", "?%80%26%23228%3B"},
	    /* JIS X 0212 is only decoded. */
	    {"EUC-JP", "\xe4\xb8\x82\xe3\x81\x82\xef\xbd\xb1",
		"?%26%2319970%3B%A4%A2%8E%B1"},
	    {"Shift_JIS", "\xc2\xa5\xe2\x88\x92", "?\\%81|"},
	    {"GBK", "\xee\x93\x86\xf0\xa0\x80\x80", "?%A1@%26%23131072%3B"},
	    {"gb18030", "\xee\x93\x86\xee\x97\xa5\xe2\x82\xac",
		"?%A1@%26%2358853%3B%A2%E3"},
	    /* Hong Kong's additions below 0xA1, too. */
	    {"Big5", "\xe4\x8f\xb0\xe4\xb8\x80\xe2\x95\xad\xe2\x95\x90",
		"?%26%2317392%3B%A4@%A2~%F9%F9"},
	    {"Big5",
		"\xc3\x8a"
		"a",
		"?%26%23202%3Ba"},
	    {"EUC-KR", "\xea\xb0\x80\xea\xb0\x82", "?%B0%A1%81A"},
	    {"ISO-2022-JP",
		"a\xe3\x81\x82"
		"b",
		"?a%1B$B$%22%1B(Bb"},
	    {"ISO-2022-JP", "\xef\xbd\xb1\xe2\x91\xa0", "?%1B$B%%22-!%1B(B"},
	    {"ISO-2022-JP", "\xe3\x81\x82\xc3\xa4\xe3\x81\x82",
		"?%1B$B$%22%1B(B%26%23228%3B%1B$B$%22%1B(B"},
	    {"ISO-2022-JP",
		"\xc2\xa5"
		"a\\",
		"?%1B(J\\a%1B(B\\"},
	    {"ISO-2022-JP", "\xe3\x81\x82\x1b(", "?%1B$B$%22%1B(B%26%2365533%3B("},
	};

	(void)state;
	assert_int_equal(normal("http://h/"), URL_OK);
	memcpy(base_text, text, url.len);
	base = url;
	base.text = base_text;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char ref[64];
		int n = snprintf(ref, sizeof(ref), "?%s", cases[i].query);

		assert_int_equal(
		    url_resolve(&base, slice_of(ref, (size_t)n),
			slice_cstr(cases[i].charset), 0, text, sizeof(text), &url),
		    URL_OK);
		assert_slice(url_query(&url), cases[i].want);
	}
}

static void
every_charset_has_its_converter(void **state)
{
	static const char *const cases[][2] = {{"windows-1252", "?%E9%80%26%238594%3B"},
	    {"ISO-8859-15", "?%E9%A4%26%238594%3B"}, {"GBK", "?%A8%A6%80%A1%FA"},
	    {"Shift_JIS", "?%26%23233%3B%26%238364%3B%81%A8"},
	    {"EUC-JP", "?%26%23233%3B%26%238364%3B%A2%AA"},
	    {"UTF-8", "?%C3%A9%E2%82%AC%E2%86%92"},
	    {"unheard-of", "?%C3%A9%E2%82%AC%E2%86%92"}};

	(void)state;
	assert_int_equal(url_charsets_preload(), 0);
	assert_int_equal(normal("http://h/"), URL_OK);
	memcpy(base_text, text, url.len);
	base = url;
	base.text = base_text;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
		    url_resolve(&base,
			SLICE_LIT("/\xc3\xa9?\xc3\xa9\xe2\x82\xac\xe2\x86\x92"),
			slice_cstr(cases[i][0]), 0, text, sizeof(text), &url),
		    URL_OK);
		assert_slice(url_path(&url), "/%C3%A9");
		assert_slice(url_query(&url), cases[i][1]);
	}
}

static void
sites_are_registrable_domains(void **state)
{
	(void)state;
	assert_slice(url_site(SLICE_LIT("a.b.example.co.uk")), "example.co.uk");
	assert_slice(url_site(SLICE_LIT("www.xn--bcher-kva.de")), "xn--bcher-kva.de");
	assert_slice(url_site(SLICE_LIT("127.0.0.1")), "127.0.0.1");
	assert_slice(url_site(SLICE_LIT("[::1]")), "[::1]");
	assert_slice(url_site(SLICE_LIT("co.uk")), "co.uk");
	assert_slice(url_site(SLICE_LIT("localhost")), "localhost");
	assert_slice(url_site(SLICE_LIT("a.host4")), "a.host4");
}

static void
hashes_depend_on_text_and_seed(void **state)
{
	struct slice a = SLICE_LIT("http://h/a");

	(void)state;
	assert_true(url_hash(a, 1) == url_hash(a, 1));
	assert_true(url_hash(a, 1) != url_hash(a, 2));
	assert_true(url_hash(a, 1) != url_hash(SLICE_LIT("http://h/b"), 1));
	assert_true(url_hash((struct slice){0}, 1) == url_hash(SLICE_LIT(""), 1));
	assert_true(url_shard(url_hash(a, 1)) < URL_SHARDS);
}

/* The right column is what the Python package "surt" 0.3.1 says. */
static void
surt_keys_are_those_of_pywb(void **state)
{
	static const char *const cases[][2] = {
	    {"http://www.Example.com/", "com,example)/"},
	    {"http://www2.example.com/a/b/?b=2&a=1", "com,example)/a/b?a=1&b=2"},
	    {"http://example.com:8080/A%2fb", "com,example:8080)/a/b"},
	    {"http://1.2.3.4/", "4,3,2,1)/"},
	    {"http://[::1]:81/x", "::1:81)/x"},
	    {"https://example.com/"
	     "index.php?PHPSESSID=0123456789abcdef0123456789abcdef&x=1",
		"com,example)/index.php?x=1"},
	    {"http://example.com/?", "com,example)/"},
	    {"http://example.com/a?x=1&&y", "com,example)/a?&x=1&y"},
	    {"http://example.com/a%20b?C=D+e", "com,example)/a%20b?c=d+e"},
	    {"http://xn--bcher-kva.de/\xc3\x9c?\xc3\xa4",
		"de,xn--bcher-kva)/%c3%9c?%c3%a4"},
	    {"http://www.com/", "com)/"},
	    {"http://example.com/?b&a&c=1&b=0&b-=1", "com,example)/?a&b&b=0&b-=1&c=1"},
	    {"http://example.com/%7Efoo/%2541", "com,example)/~foo/a"},
	    {"http://example.com/a//b", "com,example)/a/b"},
	    {"http://www3.www.example.com/", "com,example,www)/"},
	    /* Sorted as escaped; dots that come out of escapes. */
	    {"http://example.com/?z&%7f&%c3", "com,example)/?%7f&%c3&z"},
	    {"http://example.com/a%2f.%2fb%2f..%2f/c/.%2f", "com,example)/a/c"},
	    {"http://example.com/%2f..%2f..", "com,example)/.."},
	    /* Session ids of paths and queries, and what stands in their places. */
	    {"http://example.com/a/(S(lit3py55t21z5v55vlm25s55))/B.aspx?c",
		"com,example)/a/b.aspx?c"},
	    {"http://example.com/(lit3py55t21z5v55vlm25s55)/b.aspx",
		"com,example)/b.aspx"},
	    {"http://example.com/(S(lit3py55t21z5v55vlm25s55))/b.html",
		"com,example)/(s(lit3py55t21z5v55vlm25s55))/b.html"},
	    {"http://example.com/(S(lit3py55t21z5v55vlm25s55))/.aspx",
		"com,example)/(s(lit3py55t21z5v55vlm25s55))/.aspx"},
	    {"http://example.com/?a=1&sid=0123456789abcdef0123456789abcdef",
		"com,example)/?&a=1"},
	    {"http://example.com/?b&mysid=0123456789abcdef0123456789abcdef&a",
		"com,example)/?b&mya"},
	    {"http://example.com/?CFID=1&cftoken=2&a", "com,example)/?a"},
	    {"http://example.com/?cfid=1&a&cftoken=2",
		"com,example)/?a&cfid=1&cftoken=2"},
	    {"http://example.com/?ASPSESSIONIDABCDEFGH=abcdefghijklmnopqrstuvwx",
		"com,example)/"},
	};
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&b);
		assert_int_equal(normal(cases[i][0]), URL_OK);
		assert_int_equal(url_surt(&url, &b), 0);
		assert_slice(buf_slice(&b), cases[i][1]);
	}
	buf_release(&b);
	buf_init(&b, 12);
	assert_int_equal(normal("http://www3.www.example.com/"), URL_OK);
	assert_int_equal(url_surt(&url, &b), -EMSGSIZE);
	assert_int_equal(b.len, 0);
	buf_release(&b);
}

static uint64_t seed = 88172645463325252u;
static uint32_t
random_below(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % n;
}

static void
check_offsets(const struct url *u)
{
	assert_true(u->len <= URL_BYTES_MAX);
	assert_true(u->scheme_len == 4 || u->scheme_len == 5);
	assert_true(u->scheme_len + 3 <= u->user_at && u->user_at <= u->host_at);
	assert_true(u->host_len > 0 && u->host_at + u->host_len <= u->path_at);
	assert_true(u->path_at < u->query_at && u->query_at <= u->fragment_at);
	assert_true(u->fragment_at <= u->len && u->text[u->path_at] == '/');
	for (size_t i = 0; i < u->len; i++)
		assert_true(u->text[i] > ' ' && u->text[i] < 0x7f);
}

/* Of what is in normal form, parts are found without writing it anew. */
static void
check_described(const struct url *u)
{
	char *exact = malloc(u->len);
	struct url d;

	assert_non_null(exact);
	memcpy(exact, u->text, u->len);
	assert_true(url_describe(slice_of(exact, u->len), &d));
	assert_ptr_equal(d.text, exact);
	assert_int_equal(d.len, u->len);
	assert_int_equal(d.scheme_len, u->scheme_len);
	assert_int_equal(d.user_at, u->user_at);
	assert_int_equal(d.host_at, u->host_at);
	assert_int_equal(d.host_len, u->host_len);
	assert_int_equal(d.path_at, u->path_at);
	assert_int_equal(d.query_at, u->query_at);
	assert_int_equal(d.fragment_at, u->fragment_at);
	assert_int_equal(d.port, u->port);
	free(exact);
}

static void
what_is_in_normal_form_is_described_as_it_stands(void **state)
{
	static const char *const good[] = {"http://h/", "https://h/", "http://h:8080/a?b",
	    "https://[::1]/a", "https://[::1]:80/a", "http://127.0.0.1:1/?x/y?z",
	    "http://h:65535/a/b/?", "http://u:p@h:81/a#b"};
	static const char *const bad[] = {"", "h", "http:/", "http://", "http:///",
	    "http://h", "http://:80/", "http://h:65536/",
	    "http://h:99999999999999999999/", "ftp://h/", "HTTP://h/", "//h/"};
	char long_one[URL_BYTES_MAX + 2] = "http://h/";

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(normal(good[i]), URL_OK);
		check_described(&url);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(url_describe(slice_cstr(bad[i]), &url));
	memset(long_one + 9, 'a', sizeof(long_one) - 10);
	assert_false(url_describe(slice_cstr(long_one), &url));
	assert_true(url_describe(slice_head(slice_cstr(long_one), URL_BYTES_MAX), &url));
}

/*
 * Whatever comes: no read past the input (which a sanitizer sees), offsets in order, and
 * what was accepted is accepted again and stays the same.
 */
static void
survives_and_agrees_with_itself_on_any_bytes(void **state)
{
	static const char *const parts[] = {"http://", "https:", "//", "\\", "@", ":",
	    "[", "]", "::", "1.2.3.4", "0x7f", "%2e", "..", "/./", "?", "#", "\t",
	    "\xc3\xbc", "\xe3\x80\x82", "\xf0\x9f\x92\xa9", "\xff", "xn--", "a", "Z",
	    "%41", "%", " ", "'", "&", "\x1b", "."};
	static const char *const charsets[] = {
	    "", "windows-1252", "Shift_JIS", "ISO-2022-JP"};
	static char again[URL_BYTES_MAX];
	struct url second;
	unsigned accepted = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		unsigned flags = random_below(4);
		struct buf b;
		char *exact;

		buf_init(&b, 1 << 16);
		for (uint32_t n = random_below(12); n > 0; n--)
			assert_int_equal(
			    buf_add_cstr(&b,
				parts[random_below(sizeof(parts) / sizeof(parts[0]))]),
			    0);
		exact = malloc(b.len + (b.len == 0));
		assert_non_null(exact);
		memcpy(exact, b.len == 0 ? "" : b.ptr, b.len);
		assert_int_equal(normal("http://u:p@base.example:81/x/y?z"), URL_OK);
		memcpy(base_text, text, url.len);
		base = url;
		base.text = base_text;
		if (url_describe(slice_of(exact, b.len), &second))
			assert_true(second.path_at < second.query_at &&
				    second.query_at <= second.len);
		if (url_resolve(&base, slice_of(exact, b.len),
			slice_cstr(charsets[random_below(4)]), flags, text, sizeof(text),
			&url) == URL_OK) {
			accepted++;
			check_offsets(&url);
			assert_int_equal(
			    url_resolve(NULL, url_text(&url), (struct slice){0}, flags,
				again, sizeof(again), &second),
			    URL_OK);
			assert_int_equal(second.len, url.len);
			assert_memory_equal(second.text, url.text, url.len);
			assert_int_equal(second.host_at, url.host_at);
			assert_int_equal(second.path_at, url.path_at);
			assert_int_equal(second.port, url.port);
			if (flags == 0)
				check_described(&url);
		}
		free(exact);
		buf_release(&b);
	}
	assert_true(accepted > 5000);
}

static int
resolve_in_thread(void *arg)
{
	char out[100];
	struct url u;

	(void)arg;
	return url_resolve(NULL, SLICE_LIT("http://h/?\xc3\xa9"),
		   SLICE_LIT("windows-1252"), 0, out, sizeof(out), &u) == URL_OK &&
	       slice_eq(url_query(&u), SLICE_LIT("?%E9"));
}

static void
threads_do_not_share_converters(void **state)
{
	thrd_t t[4];
	int good;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(
		    thrd_create(&t[i], resolve_in_thread, NULL), thrd_success);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(thrd_join(t[i], &good), thrd_success);
		assert_int_equal(good, 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_page_has_one_spelling),
	    cmocka_unit_test(a_dot_at_the_end_of_a_host_is_dropped),
	    cmocka_unit_test(hosts_that_cannot_be_are_refused),
	    cmocka_unit_test(other_schemes_are_recognised_and_not_broken_links),
	    cmocka_unit_test(references_are_relative_to_the_page),
	    cmocka_unit_test(normal_form_comes_out_of_any_base),
	    cmocka_unit_test(parts_are_told_by_offsets),
	    cmocka_unit_test(what_is_in_normal_form_is_described_as_it_stands),
	    cmocka_unit_test(no_url_is_longer_than_its_room),
	    cmocka_unit_test(
		queries_are_encoded_as_the_standard_has_it_not_as_iconv_has_it),
	    cmocka_unit_test(every_charset_has_its_converter),
	    cmocka_unit_test(sites_are_registrable_domains),
	    cmocka_unit_test(hashes_depend_on_text_and_seed),
	    cmocka_unit_test(surt_keys_are_those_of_pywb),
	    cmocka_unit_test(survives_and_agrees_with_itself_on_any_bytes),
	    cmocka_unit_test(threads_do_not_share_converters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
