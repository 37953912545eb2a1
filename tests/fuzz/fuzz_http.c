/*
 * Input: the head of an answer.  Every function of web/http.h gets it, and every value in
 * it: each step consumes something, what is told lies in the input.
 */
#include "fuzz.h"
#include "web/http.h"
#include "web/page_robots.h"
#include "web/srcset.h"

enum { NOW = 1700000000 };

static void
lists_check(struct slice s)
{
	struct slice rest = s, name, value;
	struct http_link link;
	size_t left;

	for (left = s.len; http_list_next(&rest, &value); left = rest.len) {
		FUZZ_CHECK(rest.len < left && value.len > 0);
		FUZZ_CHECK(fuzz_lies_in(value, s));
	}
	for (size_t i = 0; i < 2; i++) {
		rest = s;
		left = s.len;
		while (http_param_next(&rest, ";,"[i], &name, &value)) {
			FUZZ_CHECK(rest.len < left);
			FUZZ_CHECK(fuzz_lies_in(name, s) && fuzz_lies_in(value, s));
			left = rest.len;
		}
	}
	rest = s;
	for (left = s.len; http_link_next(&rest, &link); left = rest.len) {
		FUZZ_CHECK(rest.len < left);
		FUZZ_CHECK(fuzz_lies_in(link.url, s) && fuzz_lies_in(link.rel, s));
		FUZZ_CHECK(fuzz_lies_in(link.anchor, s) && fuzz_lies_in(link.type, s));
		FUZZ_CHECK(fuzz_lies_in(link.as, s));
		(void)http_has_token(link.rel, SLICE_LIT("canonical"));
	}
}

static void
mime_check(const struct http_mime *m)
{
	FUZZ_CHECK(memchr(m->essence, '\0', sizeof(m->essence)) != NULL);
	FUZZ_CHECK(memchr(m->charset, '\0', sizeof(m->charset)) != NULL);
	for (const char *p = m->essence; *p != '\0'; p++)
		FUZZ_CHECK(*p == ascii_lower(*p));
}

/* A host's cookies are for it, or for names above it that are no public suffix. */
static void
cookie_check(const struct http_cookie *c)
{
	static const char from[] = "https://a.b.example.co.uk/";
	struct http_cookie kept = *c;
	char text[sizeof(from)];
	struct url url;

	FUZZ_CHECK(url_resolve(NULL, slice_cstr(from), (struct slice){0}, 0, text,
		       sizeof(text), &url) == URL_OK);
	if (http_cookie_accept(&kept, &url) && kept.domain.len > 0)
		FUZZ_CHECK(http_domain_match(url_host(&url), kept.domain) &&
			   kept.domain.len >= sizeof("example.co.uk") - 1);
}

static void
value_check(struct slice s)
{
	struct http_cookie c;
	struct http_mime mime;
	struct refresh refresh;
	struct page_robots robots = {0};
	int64_t when, wait = http_retry_after_s(s, NOW);

	FUZZ_CHECK(wait >= -1 && wait <= HTTP_RETRY_AFTER_MAX_S);
	if (http_date(s, &when)) /* 1601 .. 9999 */
		FUZZ_CHECK(when >= -11644473600 && when <= 253402300799);
	if (http_mime_parse(s, &mime))
		mime_check(&mime);
	page_robots_header(&robots, s, SLICE_LIT("trawl"));
	FUZZ_CHECK(robots.bits <= PAGE_ROBOTS_ALL);
	if (http_cookie_parse(s, NOW, &c)) {
		FUZZ_CHECK(c.name.len + c.value.len <= HTTP_COOKIE_BYTES_MAX);
		FUZZ_CHECK(fuzz_lies_in(c.name, s) && fuzz_lies_in(c.value, s));
		FUZZ_CHECK(fuzz_lies_in(c.domain, s) && fuzz_lies_in(c.path, s));
		cookie_check(&c);
	}
	if (refresh_parse(s, &refresh) && refresh.has_url)
		FUZZ_CHECK(fuzz_lies_in(refresh.url, s));
	lists_check(s);
}

static void
head_check(struct slice head)
{
	struct slice rest = http_headers(head);
	struct http_status st;
	struct http_header h;
	struct http_mime mime;
	struct buf joined;
	size_t left = rest.len;

	FUZZ_CHECK(fuzz_lies_in(rest, head));
	if (http_status(head, &st))
		FUZZ_CHECK(st.code >= 100 && st.code <= 999 && st.major <= 9 &&
			   st.minor <= 9 && fuzz_lies_in(st.reason, head));
	buf_init(&joined, 2 * head.len + 16);
	for (int n = 0; http_header_next(&rest, &h); left = rest.len) {
		FUZZ_CHECK(rest.len < left && h.name.len > 0);
		FUZZ_CHECK(fuzz_lies_in(h.name, head) && fuzz_lies_in(h.value, head));
		if (++n > 64) /* each looks at the whole head */
			continue;
		FUZZ_CHECK(http_header_get(head, h.name).ptr != NULL);
		buf_clear(&joined);
		FUZZ_CHECK(http_header_join(head, h.name, &joined) == 0);
		FUZZ_CHECK(joined.len >= h.value.len);
		value_check(h.value);
	}
	buf_release(&joined);
	if (http_mime(head, &mime))
		mime_check(&mime);
}

static void
time_check(struct slice s)
{
	struct http_date d;
	int64_t when;

	if (s.len < sizeof(d))
		return;
	memcpy(&d, s.ptr, sizeof(d));
	(void)http_time(&d, &when);
	d.month = 1 + (d.month & 15);
	d.day = 1 + (d.day & 31);
	d.hour &= 31;
	d.minute &= 63;
	d.second &= 63;
	d.year = d.year & 16383;
	if (http_time(&d, &when))
		FUZZ_CHECK(when >= -11644473600 && when <= 253402300799);
}

FUZZ_TARGET(http)
{
	struct slice head = fuzz_copy(slice_of(data, size));

	head_check(head);
	value_check(head);
	time_check(head);
	fuzz_copy_free(head);
	return 0;
}
