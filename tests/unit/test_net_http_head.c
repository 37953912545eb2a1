#include "net/http_head.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void
reads_framing_from_good_heads(void **state)
{
	static const struct {
		const char *head;
		struct http_head want;
	} cases[] = {
	    {"HTTP/1.1 200 OK\r\n\r\n", {.status = 200, .version = 11}},
	    {"HTTP/1.0 404\r\n\r\n", {.status = 404, .version = 10}},
	    {"HTTP/1.9 599 x\n\n", {.status = 599, .version = 19}},
	    {"HTTP/1.1   200OK\r\n\r\n", {.status = 200, .version = 11}},
	    {"HTTP/2 204 \r\n\r\n", {.status = 204, .version = 20}},
	    {"HTTP/1.1 100 \r\n\r\n", {.status = 100, .version = 11}},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
		{.status = 200, .version = 11, .has_length = true, .length = 5}},
	    {"HTTP/1.1 200 OK\r\ncontent-LENGTH:\t5 \r\n\r\n",
		{.status = 200, .version = 11, .has_length = true, .length = 5}},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n",
		{.status = 200, .version = 11, .has_length = true, .length = INT64_MAX}},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 5,5 , 5\r\n\r\n", {.status = 200,
								       .version = 11,
								       .has_length = true,
								       .length = 5,
								       .odd = true}},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 05\r\n\r\n",
		{.status = 200,
		    .version = 11,
		    .has_length = true,
		    .length = 5,
		    .odd = true}},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n",
		{.status = 200, .version = 11, .chunked = true}},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: "
	     "1\r\n\r\n",
		{.status = 200, .version = 11, .has_length = true, .length = 1}},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
		{.status = 200,
		    .version = 11,
		    .chunked = true,
		    .has_length = true,
		    .length = 1,
		    .odd = true}},
	    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		{.status = 200, .version = 10, .chunked = true, .odd = true}},
	    {"HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n",
		{.status = 204, .version = 11, .has_length = true}},
	    {"HTTP/1.1 304 x\r\nContent-Length: 7\r\n\r\n", {.status = 304,
								.version = 11,
								.has_length = true,
								.length = 7,
								.odd = true}},
	    {"HTTP/1.1 204 x\r\nTransfer-Encoding: chunked\r\n\r\n",
		{.status = 204, .version = 11, .chunked = true, .odd = true}},
	    {"HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\n",
		{.status = 200, .version = 11, .odd = true}},
	    {"HTTP/1.1 200 OK\r\nX: a\r\n Content-Length: 5\r\n\r\n",
		{.status = 200, .version = 11, .odd = true}},
	    {"HTTP/1.1 200 OK\r\nX-Content-Length: a\r\nno colon\r\n: no name\r\n\r\n",
		{.status = 200, .version = 11}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct http_head *w = &cases[i].want;
		struct http_head h;
		const char *wrong = http_head_parse(slice_cstr(cases[i].head), &h);

		if (wrong != NULL)
			fail_msg("%s: %s", cases[i].head, wrong);
		if (h.status != w->status || h.version != w->version ||
		    h.chunked != w->chunked || h.has_length != w->has_length ||
		    h.length != w->length || h.odd != w->odd)
			fail_msg(
			    "%s: status %d version %d chunked %d length %d %llu odd %d",
			    cases[i].head, h.status, h.version, h.chunked, h.has_length,
			    (unsigned long long)h.length, h.odd);
	}
}

static void
says_what_is_wrong_with_bad_heads(void **state)
{
	static const struct {
		const char *head, *wrong;
	} cases[] = {
	    {"", "the status line is not one of HTTP/1"},
	    {"HTTP/1.1", "the status line is not one of HTTP/1"},
	    {"HTTP/1.1\t200 OK", "the status line is not one of HTTP/1"},
	    {"HTTP/1.12 200 OK", "the status line is not one of HTTP/1"},
	    {"HTTP/3 200 OK", "the status line is not one of HTTP/1"},
	    {"http/1.1 200 OK", "the status line is not one of HTTP/1"},
	    {"ICY 200 OK", "the status line is not one of HTTP/1"},
	    {"HTTP/1.1 ", "the status is not a number of three digits"},
	    {"HTTP/1.1 20", "the status is not a number of three digits"},
	    {"HTTP/1.1 -20", "the status is not a number of three digits"},
	    {"HTTP/1.1 2000", "the status is not a number of three digits"},
	    {"HTTP/1.1 2x0 OK", "the status is not a number of three digits"},
	    {"HTTP/1.1 099 OK", "the status is not within 100 to 599"},
	    {"HTTP/1.1 600 OK", "the status is not within 100 to 599"},
	    {"HTTP/2 999 ", "the status is not within 100 to 599"},
	    {"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
		"Content-Length is not a number below 2^63"},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 5,\r\n\r\n",
		"Content-Length is not a number below 2^63"},
	    {"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
		"Content-Length is not a number below 2^63"},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\n",
		"Content-Length is not a number below 2^63"},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n",
		"Content-Length is not a number below 2^63"},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n",
		"two Content-Lengths that differ"},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
		"two Content-Lengths that differ"},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		"a Transfer-Encoding that nobody asked for"},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\n", NULL},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n",
		"a Transfer-Encoding that nobody asked for"},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
		"Transfer-Encoding goes on after chunked"},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
	     "chunked\r\n\r\n",
		"Transfer-Encoding goes on after chunked"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_head h = {.status = 7};
		const char *wrong = http_head_parse(slice_cstr(cases[i].head), &h);

		if (cases[i].wrong == NULL) {
			assert_null(wrong);
			continue;
		}
		if (wrong == NULL || strcmp(wrong, cases[i].wrong) != 0)
			fail_msg(
			    "%s: %s", cases[i].head, wrong == NULL ? "taken" : wrong);
		assert_int_equal(h.status, 7);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_framing_from_good_heads),
	    cmocka_unit_test(says_what_is_wrong_with_bad_heads),
	};

	return cmocka_run_group_tests_name("net/http_head", tests, NULL, NULL);
}
