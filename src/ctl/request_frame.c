#include "ctl/request_int.h"

/*
 * What libmicrohttpd lets through, but two readers of the same bytes could read in two ways:
 * where a request ends (request smuggling: RFC 9112, 6.3 and 11.2), whom it is for, who asks.
 * The connection is closed with the answer, whatever comes behind.
 */

enum { HEADERS_MAX = 100 };

static const char *const once[] = {"Host", "Content-Length", "Transfer-Encoding",
    "Content-Type", "Authorization", "Origin", "Expect"};
enum { ONCE = sizeof(once) / sizeof(once[0]) };

struct frame {
	unsigned seen[ONCE], n;
	size_t bytes; /* as they were sent, without spaces that nobody needs */
	bool bad;
};

static bool
is_token(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_is_alpha(s.ptr[i]) && !ascii_is_digit(s.ptr[i]) &&
		    (s.ptr[i] == '\0' || strchr("!#$%&'*+-.^_`|~", s.ptr[i]) == NULL))
			return false;
	return s.len > 0;
}

static enum MHD_Result
on_header(void *ctx, enum MHD_ValueKind kind, const char *name, size_t name_len,
    const char *value, size_t value_len)
{
	struct frame *f = ctx;

	(void)kind;
	f->n++;
	f->bytes += name_len + value_len + sizeof(": \r\n") - 1;
	if (!is_token(slice_of(name, name_len)) ||
	    slice_has_control_but_tab(slice_of(value, value_len)))
		f->bad = true;
	for (size_t i = 0; i < ONCE; i++)
		if (slice_ieq(slice_of(name, name_len), slice_cstr(once[i])))
			f->seen[i]++;
	return MHD_YES;
}

static bool
is_target(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

static void
check_length(struct request *r, const char *version)
{
	struct slice length, coding, expect;
	bool has_length = request_header(r, "Content-Length", &length);
	uint64_t n;

	if (request_header(r, "Transfer-Encoding", &coding)) {
		if (has_length)
			request_problem(r, 400,
			    "Content-Length and Transfer-Encoding contradict each other");
		else if (strcmp(version, "HTTP/1.0") == 0)
			request_problem(r, 400, "HTTP/1.0 has no Transfer-Encoding");
		else if (!slice_ieq(coding, SLICE_LIT("chunked")))
			request_problem(
			    r, 501, "there is no Transfer-Encoding but chunked");
	} else if (has_length && !slice_to_u64(length, &n)) {
		request_problem(r, 400, "Content-Length is not a number");
	}
	if (request_header(r, "Expect", &expect) &&
	    !slice_ieq(expect, SLICE_LIT("100-continue")))
		request_problem(r, 417, "there is no Expect but 100-continue");
}

void
request_take_authority(struct request *r)
{
	struct slice scheme =
	    request_via(r) == VIA_TLS ? SLICE_LIT("https://") : SLICE_LIT("http://");
	struct slice rest = slice_cstr(r->target), host;
	size_t end;
	char *at;

	if (!slice_istarts(rest, scheme) || !request_header(r, "Host", &host))
		return;
	rest = slice_from(rest, scheme.len);
	end = strcspn(r->target + scheme.len, "/?");
	if (end == 0 || !slice_ieq(slice_head(rest, end), host))
		return;
	at = r->target + scheme.len + end;
	if (*at != '/') /* no path is "/"; its place is in the authority */
		*--at = '/';
	memmove(r->target, at, strlen(at) + 1);
}

bool
request_is_framed(struct request *r, const char *version, size_t bytes_max)
{
	struct frame f = {.n = 0};

	f.bytes = strlen(r->method) + strlen(r->target) + strlen(version);

	(void)MHD_get_connection_values_n(r->mhd, MHD_HEADER_KIND, on_header, &f);
	if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
		request_problem(r, 505, "HTTP/1.1 is spoken here");
	else if (!is_token(slice_cstr(r->method)) || !is_target(r->target))
		request_problem(r, 400, "the request line is not well formed");
	else if (f.bad)
		request_problem(r, 400, "a header is not well formed");
	else if (f.n > HEADERS_MAX)
		request_problem(r, 431, "there are more than %d headers", HEADERS_MAX);
	else if (f.bytes > bytes_max)
		request_problem(
		    r, 431, "the headers have more than %zu bytes", bytes_max);
	for (size_t i = 0; i < ONCE; i++)
		if (f.seen[i] > 1)
			request_problem(r, 400, "%s is there twice", once[i]);
	if (!request_is_answered(r))
		check_length(r, version);
	if (request_is_answered(r))
		request_add_header(r, "Connection", "close");
	return !request_is_answered(r);
}
