#include "net/ask.h"
#include "base/clock.h"
#include <curl/curl.h>
#include <errno.h>

struct asking {
	const struct ask *a;
	struct buf *out;
	CURL *easy;
	int64_t heard_ms; /* when something went or came last */
	curl_off_t went, came;
	bool too_large, ended, other_type, begun, silent;
};

/* "text/html; charset=..." is "text/html". */
static bool
is_of_type(CURL *easy, const char *type)
{
	char *has = NULL;
	struct slice s;

	(void)curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &has);
	s = slice_cstr(has == NULL ? "" : has);
	return slice_ieq(slice_trim(slice_head(s, slice_find(s, ';'))), slice_cstr(type));
}

static bool
is_wanted(const struct asking *g)
{
	return g->a->on_data == NULL || g->a->type == NULL ||
	       is_of_type(g->easy, g->a->type);
}

static size_t
on_head(char *ptr, size_t size, size_t n, void *ctx)
{
	struct asking *g = ctx;

	(void)ptr;
	g->heard_ms = clock_mono_ms();
	g->begun |= size * n == 2; /* the empty line */
	return size * n;
}

/* What was asked for comes, when there is some. */
static bool
is_followed(const struct asking *g)
{
	long status = 0;

	(void)curl_easy_getinfo(g->easy, CURLINFO_RESPONSE_CODE, &status);
	return g->a->on_data != NULL && g->begun && status < 400;
}

/* About once a second, and whenever there is something. */
static int
on_progress(
    void *ctx, curl_off_t all, curl_off_t came, curl_off_t all_up, curl_off_t went)
{
	struct asking *g = ctx;
	int64_t now = clock_mono_ms();

	(void)all;
	(void)all_up;
	if (came != g->came || went != g->went || is_followed(g))
		g->heard_ms = now;
	g->came = came;
	g->went = went;
	g->silent = now - g->heard_ms >= g->a->silence_ms;
	return g->silent ? 1 : 0;
}

static size_t
on_body(char *ptr, size_t size, size_t n, void *ctx)
{
	struct asking *g = ctx;
	struct slice data = slice_of(ptr, size * n);
	long status = 0;

	(void)curl_easy_getinfo(g->easy, CURLINFO_RESPONSE_CODE, &status);
	if (g->a->on_data != NULL && status < 400) {
		g->other_type = !is_wanted(g);
		if (g->other_type)
			return 0;
		g->ended = !g->a->on_data(g->a->ctx, data);
		return g->ended ? 0 : data.len;
	}
	g->too_large = buf_add_slice(g->out, data) < 0;
	return g->too_large ? 0 : data.len;
}

static void
set(struct asking *g, struct curl_slist *headers, char error[CURL_ERROR_SIZE])
{
	const struct ask *a = g->a;
	CURL *e = g->easy;

	(void)curl_easy_setopt(e, CURLOPT_ERRORBUFFER, error);
	(void)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(e, CURLOPT_URL, a->url);
	(void)curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(e, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, a->method);
	(void)curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
	(void)curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(e, CURLOPT_WRITEDATA, g);
	if (a->silence_ms > 0) {
		(void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_head);
		(void)curl_easy_setopt(e, CURLOPT_HEADERDATA, g);
		(void)curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
		(void)curl_easy_setopt(e, CURLOPT_XFERINFODATA, g);
		(void)curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
	}
	if (a->unix_path != NULL)
		(void)curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, a->unix_path);
	if (a->ca != NULL)
		(void)curl_easy_setopt(e, CURLOPT_CAINFO, a->ca);
	if (a->body.ptr == NULL)
		return;
	(void)curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)a->body.len);
	(void)curl_easy_setopt(e, CURLOPT_POSTFIELDS, a->body.ptr);
}

static int
outcome(const struct asking *g, CURLcode code, const char *error, struct why *why)
{
	if (g->other_type)
		return why_set(why, -EBADMSG, "the answer is not %s", g->a->type);
	if (code == CURLE_OK || g->ended)
		return 0;
	if (g->silent)
		return why_set(why, -ETIMEDOUT, "nothing came");
	if (g->too_large)
		return why_set(why, -EMSGSIZE, "the answer is too large");
	return why_set(why,
	    code == CURLE_PEER_FAILED_VERIFICATION ? -EPROTO
	    : code == CURLE_COULDNT_CONNECT        ? -ECONNREFUSED
	    : code == CURLE_URL_MALFORMAT          ? -EINVAL
						   : -EIO,
	    "%s", error[0] == '\0' ? curl_easy_strerror(code) : error);
}

int
ask(const struct ask *a, int *ret_status, struct buf *out, struct why *why)
{
	struct asking g = {
	    .a = a, .out = out, .easy = curl_easy_init(), .heard_ms = clock_mono_ms()};
	struct curl_slist *headers = NULL;
	char error[CURL_ERROR_SIZE] = "";
	long status = 0;
	int r = g.easy == NULL ? -ENOMEM : 0;

	for (size_t i = 0; r == 0 && a->headers != NULL && a->headers[i] != NULL; i++) {
		struct curl_slist *more = curl_slist_append(headers, a->headers[i]);

		r = more == NULL ? -ENOMEM : 0;
		headers = more == NULL ? headers : more;
	}
	if (r == 0) {
		CURLcode code;

		set(&g, headers, error);
		code = curl_easy_perform(g.easy);
		(void)curl_easy_getinfo(g.easy, CURLINFO_RESPONSE_CODE, &status);
		if (code == CURLE_OK && status < 300) /* it may have no body */
			g.other_type = !is_wanted(&g);
		r = outcome(&g, code, error, why);
	} else {
		(void)why_set(why, r, "out of memory");
	}
	curl_slist_free_all(headers);
	curl_easy_cleanup(g.easy);
	if (r == 0)
		*ret_status = (int)status;
	return r;
}
