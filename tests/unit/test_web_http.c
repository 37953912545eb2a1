#include "suite.h"
#include "web/charset.h"
#include "web/http.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define assert_slice(s, want)                                                            \
	do {                                                                             \
		struct slice s_ = (s);                                                   \
		assert_int_equal(s_.len, strlen(want));                                  \
		assert_memory_equal(s_.ptr == NULL ? "" : s_.ptr, want, s_.len);         \
	} while (0)

static void
status_lines_are_read(void **state)
{
	static const struct {
		const char *line;
		unsigned major, minor, code;
	} good[] = {
	    {"HTTP/1.1 200 OK\r\n\r\n", 1, 1, 200},
	    {"HTTP/1.0 404\n", 1, 0, 404},
	    {"HTTP/2 204 ", 2, 0, 204},
	    {"http/1.1  301 Moved", 1, 1, 301},
	};
	static const char *const bad[] = {"", "HTTP/1.1", "HTTP/1.1 20",
	    "HTTP/1.1 2000 x", "HTTP/1.1 099 x", "HTTP/x.1 200", "ICY 200 OK",
	    "HTTP/1.1\t200", "HTTP/1. 200", "\n"};
	struct http_status st = {.code = 7};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(http_status(slice_cstr(bad[i]), &st));
	assert_int_equal(st.code, 7);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(http_status(slice_cstr(good[i].line), &st));
		assert_int_equal(st.major, good[i].major);
		assert_int_equal(st.minor, good[i].minor);
		assert_int_equal(st.code, good[i].code);
	}
	assert_true(http_status(SLICE_LIT("HTTP/1.1 404 Not  Found \r\n"), &st));
	assert_slice(st.reason, "Not  Found");
}

static void
header_lines_are_found_in_any_case_folded_or_not(void **state)
{
	struct slice head =
	    SLICE_LIT("HTTP/1.1 200 OK\r\nA: 1\r\nno colon\r\n: empty\r\n"
		      "bad name: x\r\nB : two\n folded\r\n\there\r\na:3\r\nC:\r\n\r\n");
	struct slice rest = http_headers(head), value;
	struct http_header h;
	struct buf b;

	(void)state;
	assert_true(http_header_next(&rest, &h));
	assert_slice(h.name, "A");
	assert_slice(h.value, "1");
	assert_true(http_header_next(&rest, &h));
	assert_slice(h.name, "B");
	assert_slice(h.value, "two\n folded\r\n\there");
	assert_true(http_header_next(&rest, &h));
	assert_true(http_header_next(&rest, &h));
	assert_slice(h.name, "C");
	assert_slice(h.value, "");
	assert_false(http_header_next(&rest, &h));
	assert_slice(http_header_get(head, SLICE_LIT("a")), "1");
	assert_slice(http_header_get(head, SLICE_LIT("x")), "");
	rest = http_headers(head);
	assert_true(http_header_find(&rest, SLICE_LIT("A"), &value));
	assert_slice(value, "1");
	assert_true(http_header_find(&rest, SLICE_LIT("A"), &value));
	assert_slice(value, "3");
	assert_false(http_header_find(&rest, SLICE_LIT("A"), &value));
	assert_slice(http_header_get(SLICE_LIT("HTTP/1.1 200 OK\nb: x\n a: y\na: z\n"),
			 SLICE_LIT("a")),
	    "z");
	buf_init(&b, 5);
	assert_int_equal(http_header_join(head, SLICE_LIT("A"), &b), 0);
	assert_slice(buf_slice(&b), "1, 3");
	assert_int_equal(http_header_join(head, SLICE_LIT("a"), &b), -EMSGSIZE);
	assert_slice(buf_slice(&b), "1, 3");
	buf_release(&b);
}

static void
lists_and_parameters_respect_quotes(void **state)
{
	struct slice rest = SLICE_LIT("a, \"b, \\\" c\" ,, d"), item, name, value;

	(void)state;
	assert_true(http_list_next(&rest, &item));
	assert_slice(item, "a");
	assert_true(http_list_next(&rest, &item));
	assert_slice(item, "\"b, \\\" c\"");
	assert_true(http_list_next(&rest, &item));
	assert_slice(item, "d");
	assert_false(http_list_next(&rest, &item));
	rest = SLICE_LIT("x=1; y = \"a;b\" ;; z; w=\"open");
	assert_true(http_param_next(&rest, ';', &name, &value));
	assert_slice(value, "1");
	assert_true(http_param_next(&rest, ';', &name, &value));
	assert_slice(name, "y");
	assert_slice(value, "a;b");
	assert_true(http_param_next(&rest, ';', &name, &value));
	assert_slice(name, "z");
	assert_null(value.ptr);
	assert_true(http_param_next(&rest, ';', &name, &value));
	assert_slice(value, "open");
	assert_false(http_param_next(&rest, ';', &name, &value));
	assert_true(http_has_token(SLICE_LIT(" next  NoFollow"), SLICE_LIT("nofollow")));
	assert_false(http_has_token(SLICE_LIT("nofollows"), SLICE_LIT("nofollow")));
}

static void
content_types_follow_mimesniff(void **state)
{
	static struct suite s;
	json_t *row;

	(void)state;
	if (!suite_open(&s, "charset/content_type_charset.jsonl"))
		skip();
	while ((row = suite_next(&s)) != NULL) {
		struct slice value = suite_text(row, "content_type");
		struct slice essence = suite_text(row, "essence");
		struct slice encoding = suite_text(row, "encoding");
		char *exact = suite_exact(value);
		struct http_mime m = {.essence = ""};
		enum charset c;
		bool good = http_mime_parse(slice_of(exact, value.len), &m);
		bool known = good && charset_find(slice_cstr(m.charset), &c);

		suite_case(
		    &s, good == (essence.ptr != NULL) &&
			    slice_eq(essence, slice_cstr(m.essence)) &&
			    known == (encoding.ptr != NULL) &&
			    (!known || slice_eq(encoding, slice_cstr(charset_name(c)))));
		free(exact);
	}
	assert_int_equal(s.ran, 36);
	assert_int_equal(suite_close(&s), 0);
}

static void
of_several_content_types_the_last_that_is_one_counts(void **state)
{
	struct http_mime m;

	(void)state;
	assert_true(http_mime(
	    SLICE_LIT("HTTP/1.1 200\r\nContent-Type: text/plain;charset=gbk\r\n"
		      "content-type: text/html;charset=utf-8, text/HTML, */*, x"),
	    &m));
	assert_string_equal(m.essence, "text/html");
	assert_string_equal(m.charset, "utf-8");
	assert_true(http_mime(
	    SLICE_LIT("HTTP/1.1 200\r\nContent-Type: text/html;charset=gbk, text/plain"),
	    &m));
	assert_string_equal(m.charset, "");
	assert_false(http_mime(SLICE_LIT("HTTP/1.1 200\r\nContent-Type: html\r\n"), &m));
	assert_false(http_mime((struct slice){0}, &m));
}

static void
dates_come_in_three_formats_and_some(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} good[] = {
	    {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777},
	    {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777},
	    {"Sun Nov  6 08:49:37 1994", 784111777},
	    {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
	    {"Thu, 29 Feb 2024 23:59:60 GMT", 1709251200},
	    {"Sat, 31 Dec 2050 23:59:59 GMT", 2556143999},
	    {"Wed, 1 Mar 2000 0:0:0", 951868800},
	    {"Mon, 01 Jan 1601 00:00:00 GMT", -11644473600},
	    {"Fri, 31 Dec 9999 23:59:59 GMT", 253402300799},
	    {"Tue, 19-Jan-38 03:14:08 GMT", 2147483648},
	};
	static const char *const bad[] = {"", "0", "-1", "tomorrow",
	    "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994",
	    "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1600 00:00:00 GMT",
	    "29 Feb 1900 00:00:00", "2024-01-01T00:00:00Z"};
	int64_t t = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(http_date(slice_cstr(bad[i]), &t));
	assert_int_equal(t, 7);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(http_date(slice_cstr(good[i].text), &t));
		assert_int_equal(t, good[i].seconds);
	}
}

static void
retry_after_is_seconds_or_a_date(void **state)
{
	int64_t now = 784111777;

	(void)state;
	assert_int_equal(http_retry_after_s(SLICE_LIT("120"), now), 120);
	assert_int_equal(http_retry_after_s(SLICE_LIT(" 0 "), now), 0);
	assert_int_equal(http_retry_after_s(SLICE_LIT("99999999999999999999999"), now),
	    HTTP_RETRY_AFTER_MAX_S);
	assert_int_equal(
	    http_retry_after_s(SLICE_LIT("Sun, 06 Nov 1994 08:50:37 GMT"), now), 60);
	assert_int_equal(
	    http_retry_after_s(SLICE_LIT("Sun, 06 Nov 1994 08:49:37 GMT"), now), 0);
	assert_int_equal(/* was over before it was sent: nobody can have meant that */
	    http_retry_after_s(SLICE_LIT("Sun, 06 Nov 1994 08:49:36 GMT"), now), -1);
	assert_int_equal(
	    http_retry_after_s(SLICE_LIT("Sun, 06 Nov 2094 08:48:37 GMT"), now),
	    HTTP_RETRY_AFTER_MAX_S);
	assert_int_equal(http_retry_after_s(SLICE_LIT(""), now), -1);
	assert_int_equal(http_retry_after_s(SLICE_LIT("-5"), now), -1);
	assert_int_equal(http_retry_after_s(SLICE_LIT("soon"), now), -1);
	assert_int_equal(http_retry_after_s(SLICE_LIT("1.5"), now), -1);
}

static void
link_headers_are_stepped_through(void **state)
{
	struct slice rest =
	    SLICE_LIT("</a,b>; rel=\"canonical next\"; rel=x; TYPE=text/html, <c>,"
		      "<d> ;title=\"<no>; rel=y\";rel=preload;as=style , junk, <open");
	struct http_link l;

	(void)state;
	assert_true(http_link_next(&rest, &l));
	assert_slice(l.url, "/a,b");
	assert_slice(l.rel, "canonical next");
	assert_slice(l.type, "text/html");
	assert_true(http_link_next(&rest, &l));
	assert_slice(l.url, "c");
	assert_null(l.rel.ptr);
	assert_true(http_link_next(&rest, &l));
	assert_slice(l.url, "d");
	assert_slice(l.rel, "preload");
	assert_slice(l.as, "style");
	assert_false(http_link_next(&rest, &l));
	assert_false(http_link_next(&rest, &l));
}

static void
cookies_are_read_as_browsers_do(void **state)
{
	struct http_cookie c;

	(void)state;
	assert_true(http_cookie_parse(
	    SLICE_LIT(
		"id = a=b ; Domain=.Example.com; path=/x; Secure; HttpOnly; SameSite=lax;"
		" expires=Sun, 06 Nov 1994 08:49:37 GMT; junk"),
	    100, &c));
	assert_slice(c.name, "id");
	assert_slice(c.value, "a=b");
	assert_slice(c.domain, "Example.com");
	assert_slice(c.path, "/x");
	assert_true(c.secure && c.http_only && c.has_expiry);
	assert_int_equal(c.same_site, HTTP_SAME_SITE_LAX);
	assert_int_equal(c.expires, 100 + 400 * 24 * 3600); /* no longer than 400 days */
	assert_true(
	    http_cookie_parse(SLICE_LIT("a=1; max-age=60; expires=x; path=x"), 100, &c));
	assert_int_equal(c.expires, 160);
	assert_slice(c.path, "");
	assert_true(http_cookie_parse(SLICE_LIT("a=1; max-age=-1"), 100, &c));
	assert_true(c.has_expiry && c.expires < 0);
	assert_true(http_cookie_parse(SLICE_LIT("a=1; max-age=x"), 100, &c));
	assert_false(c.has_expiry);
	assert_true(http_cookie_parse(SLICE_LIT("a=1; samesite=Strict"), 100, &c));
	assert_int_equal(c.same_site, HTTP_SAME_SITE_STRICT);
	assert_true(http_cookie_parse(SLICE_LIT("a=1; samesite=none"), 100, &c));
	assert_int_equal(c.same_site, HTTP_SAME_SITE_NONE);
	assert_true(http_cookie_parse(SLICE_LIT("alone"), 0, &c));
	assert_slice(c.name, "");
	assert_slice(c.value, "alone");
	assert_false(http_cookie_parse(SLICE_LIT(""), 0, &c));
	assert_false(http_cookie_parse(SLICE_LIT("=; path=/"), 0, &c));
	assert_false(http_cookie_parse(SLICE_LIT("a=b\x01"), 0, &c));
}

static bool
is_kept(const char *from, const char *set_cookie, struct http_cookie *ret)
{
	static char text[URL_BYTES_MAX];
	struct url url;

	assert_int_equal(url_resolve(NULL, slice_cstr(from), (struct slice){0}, 0, text,
			     sizeof(text), &url),
	    URL_OK);
	assert_true(http_cookie_parse(slice_cstr(set_cookie), 0, ret));
	return http_cookie_accept(ret, &url);
}

static void
cookies_stay_with_those_who_may_set_them(void **state)
{
	static const struct {
		const char *from, *cookie;
		bool kept;
		const char *domain;
	} cases[] = {
	    {"http://a.example.com/", "a=1", true, ""},
	    {"http://a.example.com/", "a=1; domain=example.com", true, "example.com"},
	    {"http://a.example.com/", "a=1; domain=.EXAMPLE.com", true, "EXAMPLE.com"},
	    {"http://a.example.com/", "a=1; domain=b.a.example.com", false, ""},
	    {"http://badexample.com/", "a=1; domain=example.com", false, ""},
	    {"http://a.example.com/", "a=1; domain=com", false, ""},
	    {"http://a.co.uk/", "a=1; domain=co.uk", false, ""},
	    {"http://a.b.ck/", "a=1; domain=b.ck", false, ""}, /* *.ck */
	    {"http://www.ck/", "a=1; domain=www.ck", true, "www.ck"},
	    {"http://me.github.io/", "a=1; domain=github.io", false, ""},
	    {"http://github.io/", "a=1; domain=github.io", true, ""},
	    {"http://me.github.io/", "a=1; domain=GitHub.IO", false, ""},
	    {"http://localhost/", "a=1; domain=localhost", true, ""},
	    {"http://a.unheardof/", "a=1; domain=unheardof", false, ""},
	    {"http://10.0.0.1/", "a=1; domain=0.0.1", false, ""},
	    {"http://10.0.0.1/", "a=1; domain=10.0.0.1", true, "10.0.0.1"},
	    {"http://[::1]/", "a=1; domain=[::1]", true, "[::1]"},
	    {"http://h.example.com/", "a=1; secure", false, ""},
	    {"https://h.example.com/", "a=1; secure", true, ""},
	    {"https://h.example.com/", "a=1; samesite=none", false, ""},
	    {"https://h.example.com/", "__Secure-a=1", false, ""},
	    {"https://h.example.com/", "__secure-a=1; secure", true, ""},
	    {"https://h.example.com/", "__Host-a=1; secure; path=/", true, ""},
	    {"https://h.example.com/", "__Host-a=1; secure; path=/x", false, ""},
	    {"https://h.example.com/", "__Host-a=1; secure; path=/; domain=h.example.com",
		false, ""},
	    {"https://h.example.com/", "=__Host-a=1; secure; path=/", false, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_cookie c;
		bool kept = is_kept(cases[i].from, cases[i].cookie, &c);

		if (kept != cases[i].kept)
			fail_msg("%s from %s", cases[i].cookie, cases[i].from);
		if (kept)
			assert_slice(c.domain, cases[i].domain);
	}
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

static unsigned
read_everything(struct slice head)
{
	struct slice rest = http_headers(head), name, value, item;
	struct http_header h;
	struct http_status st;
	struct http_mime m;
	struct http_link l;
	struct http_cookie c;
	int64_t t;
	unsigned n = (http_status(head, &st) ? 1u : 0u) + (http_mime(head, &m) ? 1u : 0u);

	while (http_header_next(&rest, &h)) {
		n += http_date(h.value, &t);
		n += http_mime_parse(h.value, &m);
		n += http_cookie_parse(h.value, 0, &c);
		assert_true(http_retry_after_s(h.value, 0) >= -1);
		for (item = h.value; http_link_next(&item, &l); n++)
			n += http_has_token(l.rel, SLICE_LIT("next"));
		for (item = h.value; http_param_next(&item, ';', &name, &value); n++)
			;
	}
	return n;
}

static const struct slice picked[] = {SLICE_LIT("link"), SLICE_LIT("content-type")};

/* What a picked head says of the names is what the whole one says. */
static unsigned
pick(struct slice head)
{
	char *out = malloc(head.len + 1);
	struct http_header h, p;
	struct slice rest = http_headers(head), rest_picked;
	struct http_status st, st_picked;
	struct slice whole;
	unsigned n = 0;

	assert_non_null(out);
	whole = slice_of(out, http_head_pick(head, picked, 2, out));
	assert_true(whole.len <= head.len + 1);
	assert_int_equal(http_status(head, &st), http_status(whole, &st_picked));
	rest_picked = http_headers(whole);
	while (http_header_next(&rest, &h)) {
		if (!slice_ieq(h.name, picked[0]) && !slice_ieq(h.name, picked[1]))
			continue;
		assert_true(http_header_next(&rest_picked, &p));
		assert_true(slice_eq(h.name, p.name) && slice_eq(h.value, p.value));
		n++;
	}
	assert_false(http_header_next(&rest_picked, &p));
	free(out);
	return n;
}

static void
of_a_head_some_fields_are_picked(void **state)
{
	(void)state;
	assert_int_equal(pick(SLICE_LIT("HTTP/1.1 200 OK\r\nLink: a\r\nServer: x\r\n"
					"Link : b\n c\r\n\tContent-Type: 1\r\n"
					"Content-Type:\r\n text/html\r\nlink:\r\n\r\n")),
	    4);
	assert_int_equal(pick(SLICE_LIT("HTTP/1.1 200 OK\r\nX-Link: a\r\n\r\n")), 0);
	assert_int_equal(pick(SLICE_LIT("\nlink:")), 1);
	assert_int_equal(pick(SLICE_LIT("HTTP/2 200")), 0);
	assert_int_equal(pick(SLICE_LIT("")), 0);
}

static void
what_is_no_utf8_in_a_head_is_escaped_byte_by_byte(void **state)
{
	static const struct {
		struct slice head;
		const char *want;
	} cases[] = {{SLICE_LIT(""), ""},
	    {SLICE_LIT("HTTP/1.1 302 x\nlocation:/caf\xc3\xa9\n"),
		"HTTP/1.1 302 x\nlocation:/caf\xc3\xa9\n"},
	    {SLICE_LIT("link:</caf\xe9?\xfc=%E9>\n"), "link:</caf%E9?%FC=%E9>\n"},
	    {SLICE_LIT("\xc3"), "%C3"}, {SLICE_LIT("\xff\xfe\xc0\x80"), "%FF%FE%C0%80"}};
	char out[200];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_slice(
		    slice_of(out, http_head_escape(cases[i].head, out)), cases[i].want);
	assert_int_equal(http_head_escape(SLICE_LIT("a\0b"), out), 3);
	assert_memory_equal(out, "a\0b", 3);
}

/* A look-up finds what one finds who steps through all. */
static void
find_all(struct slice head, struct slice name)
{
	struct slice rest = http_headers(head), rest_found = rest, value;
	struct http_header h;

	while (http_header_next(&rest, &h)) {
		if (!slice_ieq(h.name, name))
			continue;
		assert_true(http_header_find(&rest_found, name, &value));
		assert_ptr_equal(value.ptr, h.value.ptr);
		assert_int_equal(value.len, h.value.len);
	}
	assert_false(http_header_find(&rest_found, name, &value));
}

static void
any_bytes_are_read_without_harm(void **state)
{
	static const char *const parts[] = {"HTTP/1.1 200 OK\r\n", "\r\n", "\n", "\r",
	    " ", "\t", ":", "Link: <a>; rel=next", "Set-Cookie: a=b",
	    "Content-Type: text/html;charset=", "\"", "\\", ";", ",", "=", "<", ">", "'",
	    "%41", "%", "filename*=UTF-8''", "max-age", "9", "-", "06 Nov 1994 08:49:37",
	    "\xff", "\xc3\xa9", "expires=", "x", "inline", "attachment;"};
	static const struct slice looked_up[] = {
	    SLICE_LIT("LINK"), SLICE_LIT("set-cookie"), SLICE_LIT("9"), SLICE_LIT("-x")};
	unsigned found = 0;
	struct buf b;

	(void)state;
	buf_init(&b, 4000);
	for (int i = 0; i < 20000; i++) {
		char *exact;

		buf_clear(&b);
		for (uint32_t n = random_below(20); n > 0; n--)
			assert_int_equal(
			    buf_add_cstr(&b,
				parts[random_below(sizeof(parts) / sizeof(parts[0]))]),
			    0);
		exact = suite_exact(buf_slice(&b));
		found += read_everything(slice_of(exact, b.len));
		(void)pick(slice_of(exact, b.len));
		for (size_t k = 0; k < sizeof(looked_up) / sizeof(looked_up[0]); k++)
			find_all(slice_of(exact, b.len), looked_up[k]);
		free(exact);
	}
	buf_release(&b);
	assert_true(found > 10000);
}

static void
a_mailbox_is_an_address_or_one_with_a_name(void **state)
{
	static const char *const good[] = {"a@b", "crawler@example.org",
	    "first.last+tag@sub.example.org", "o'neil@example.org",
	    "Jane Doe <jane@example.org>", "\"Doe, Jane\" <jane@example.org>",
	    "<jane@example.org>", "jane@[192.0.2.1]", "jane@[IPv6:2001:db8::1]",
	    "\"jane doe\"@example.org",
	    "j\xc3\xb6rg@b\xc3\xbc"
	    "cher.example"};
	static const char *const bad[] = {"", "a b", "me", "@b", "a@", "a@b c", "a b@c",
	    "a@b, c@d", "a@b;c@d", "Me <a@b", "a@b>", "<>", "<a@b>x", "a@@b", "Me a@b",
	    "a@b.", "a@.b", "a@b..c", "a@-", ".a@b", "a.@b", "a..b@c", "a@[", "a@[x",
	    "a@[]", "\"a@b", "a@b\r\nX: y", "Doe, Jane <a@b>", "a<b@c> <d@e>",
	    "\"a\"b@c"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!http_is_mailbox(slice_cstr(good[i])))
			fail_msg("'%s' is one", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (http_is_mailbox(slice_cstr(bad[i])))
			fail_msg("'%s' is none", bad[i]);
	assert_false(http_is_mailbox(slice_of("a@b\0", 4)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(status_lines_are_read),
	    cmocka_unit_test(header_lines_are_found_in_any_case_folded_or_not),
	    cmocka_unit_test(of_a_head_some_fields_are_picked),
	    cmocka_unit_test(what_is_no_utf8_in_a_head_is_escaped_byte_by_byte),
	    cmocka_unit_test(lists_and_parameters_respect_quotes),
	    cmocka_unit_test(content_types_follow_mimesniff),
	    cmocka_unit_test(of_several_content_types_the_last_that_is_one_counts),
	    cmocka_unit_test(dates_come_in_three_formats_and_some),
	    cmocka_unit_test(retry_after_is_seconds_or_a_date),
	    cmocka_unit_test(link_headers_are_stepped_through),
	    cmocka_unit_test(cookies_are_read_as_browsers_do),
	    cmocka_unit_test(cookies_stay_with_those_who_may_set_them),
	    cmocka_unit_test(any_bytes_are_read_without_harm),
	    cmocka_unit_test(a_mailbox_is_an_address_or_one_with_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
