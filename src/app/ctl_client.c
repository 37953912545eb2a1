#include "app/ctl_client.h"
#include "base/escape.h"
#include "net/ask.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCKET_USUAL "/run/trawl/trawl.sock"
enum { TOKEN_BYTES_MAX = 4096, ANSWER_BYTES_MAX = 128 << 20, LINE_BYTES_MAX = 1 << 20 };
enum { SILENCE_MS = 120000, SILENCE_MS_MAX = 7 * 86400000 };

int
ctl_json(json_t *v, struct buf *out)
{
	/* Without a character that is not ASCII it is harmless, too. */
	char *text = json_dumps(v, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
	int r = text == NULL ? -ENOMEM : buf_add_cstr(out, text);

	free(text);
	return r == 0 ? buf_add_byte(out, '\n') : r;
}

static const char *
or_environment(const char *given, const char *name)
{
	const char *set = given != NULL ? given : getenv(name);

	return set == NULL || set[0] == '\0' ? NULL : set;
}

static int
read_token(struct ctl_client *c)
{
	struct buf text;
	struct why why = {""};
	struct slice token;
	int r, code = EXIT_DONE;

	buf_init(&text, TOKEN_BYTES_MAX + 1);
	r = read_input(c->token_file, TOKEN_BYTES_MAX, &text, &why);
	token = slice_trim(buf_slice(&text));
	if (r < 0)
		code = say_error(EXIT_FILE, "%s", why.text);
	else if (token.len == 0 || slice_find(token, '\n') < token.len)
		code = usage_error("%s does not hold one token", c->token_file);
	else if (buf_printf(
		     &c->auth, "Authorization: Bearer " SLICE_FMT, SLICE_ARG(token)) < 0)
		code = say_error(EXIT_OTHER, "out of memory");
	buf_release(&text);
	return code;
}

static int
not_a_service(const char *url)
{
	return usage_error(
	    "--url is http://HOST:PORT or https://HOST:PORT, not '%s'", url);
}

/* Else libcurl guesses, and another host may be sent the token; the rest of it sees libcurl. */
static int
check_url(const char *url)
{
	struct slice s = slice_cstr(url), host;

	if (slice_istarts(s, SLICE_LIT("http://")))
		host = slice_from(s, 7);
	else if (slice_istarts(s, SLICE_LIT("https://")))
		host = slice_from(s, 8);
	else
		return not_a_service(url);
	if (host.len == 0 || host.ptr[0] == '/')
		return not_a_service(url);
	for (size_t i = 0; i < host.len; i++)
		if ((unsigned char)host.ptr[i] <= ' ' || host.ptr[i] == '?' ||
		    host.ptr[i] == '#')
			return not_a_service(url);
	return EXIT_DONE;
}

/* So long that what reads all of a large run has its time. */
static int
read_timeout(struct ctl_client *c)
{
	c->silence_ms = SILENCE_MS;
	if (c->timeout == NULL ||
	    (parse_duration(slice_cstr(c->timeout), &c->silence_ms) &&
		c->silence_ms > 0 && c->silence_ms <= SILENCE_MS_MAX))
		return EXIT_DONE;
	return usage_error(
	    "--timeout: '%s' is not a duration such as 30s or 10m", c->timeout);
}

int
ctl_client_open(struct ctl_client *c)
{
	int code;

	buf_init(&c->auth, 2 * TOKEN_BYTES_MAX);
	if (read_timeout(c) != EXIT_DONE)
		return EXIT_USAGE;
	if (c->url != NULL && c->socket != NULL)
		return usage_error("--socket and --url say two places");
	code = c->url == NULL ? EXIT_DONE : check_url(c->url);
	if (code != EXIT_DONE)
		return code;
	if (c->url == NULL)
		c->socket = or_environment(c->socket, "TRAWL_API_SOCKET");
	if (c->url == NULL && c->socket == NULL)
		c->socket = SOCKET_USUAL;
	c->token_file = or_environment(c->token_file, "TRAWL_TOKEN_FILE");
	return c->token_file == NULL ? EXIT_DONE : read_token(c);
}

void
ctl_client_close(struct ctl_client *c)
{
	buf_wipe(&c->auth);
	buf_release(&c->auth);
}

/* ---- what it answers ---- */

static int
refused(const struct ctl_client *c, int status, const struct buf *text)
{
	json_t *p = json_loadb(text->ptr == NULL ? "" : text->ptr, text->len, 0, NULL);
	const char *detail = json_string_value(json_object_get(p, "detail"));
	json_t *errors = json_object_get(p, "errors"), *e;
	int code = status == 401 || status == 403 ? EXIT_AUTH : EXIT_BROKEN;
	size_t i;

	(void)say_error(code, "%s (%d)%s", detail == NULL ? "refused" : detail, status,
	    status == 401 && c->token_file == NULL
		? "; --token-file FILE, or TRAWL_TOKEN_FILE, names the file that has one"
		: "");
	json_array_foreach(errors, i, e)
	{
		const char *where = json_string_value(json_object_get(e, "pointer"));
		const char *what = json_string_value(json_object_get(e, "detail"));

		if (where == NULL)
			where = json_string_value(json_object_get(e, "parameter"));
		(void)say_error(code, "%s: %s", where == NULL ? "?" : where,
		    what == NULL ? "?" : what);
	}
	json_decref(p);
	return code;
}

static int
was_silent(const struct ctl_client *c)
{
	struct buf time;

	buf_init(&time, 64);
	(void)job_write_time(&time, (uint64_t)c->silence_ms);
	(void)say_error(0, "%s: nothing came for " SLICE_FMT " (--timeout)",
	    c->url == NULL ? c->socket : c->url, SLICE_ARG(buf_slice(&time)));
	buf_release(&time);
	return EXIT_NETWORK;
}

/* Of a socket libcurl speaks as of localhost at port 80. */
static int
unanswered(const struct ctl_client *c, int r, const struct why *why)
{
	if (r == -EBADMSG)
		return say_error(EXIT_PROTOCOL, "the answer is no stream of events");
	if (r == -ETIMEDOUT)
		return was_silent(c);
	if (c->url != NULL && r == -EINVAL)
		return not_a_service(c->url);
	if (c->url != NULL)
		return say_error(
		    r == -EPROTO ? EXIT_TLS : EXIT_NETWORK, "%s: %s", c->url, why->text);
	if (access(c->socket, F_OK) < 0)
		return say_error(EXIT_NETWORK,
		    "%s: %s; does trawl serve run, and is its socket elsewhere "
		    "(--socket PATH)?",
		    c->socket, strerror(errno));
	if (r == -ECONNREFUSED)
		return say_error(EXIT_NETWORK, "%s: nobody answers%s", c->socket,
		    access(c->socket, W_OK) < 0 ? ": it is not for this user"
						: "; does trawl serve run?");
	return say_error(EXIT_NETWORK, "%s: %s", c->socket, why->text);
}

static int
send_ask(const struct ctl_client *c, struct ask *a, const char *path, struct buf *out)
{
	const char *headers[4];
	size_t n = 0;
	struct why why = {""};
	struct buf url, auth = c->auth;
	int status, r, code = EXIT_DONE;

	buf_init(&url, 2 << 20);
	if (c->auth.len > 0)
		headers[n++] = buf_cstr(&auth);
	if (a->body.ptr != NULL)
		headers[n++] = "Content-Type: application/json";
	headers[n++] = "Expect:";
	headers[n] = NULL;
	a->headers = headers;
	a->unix_path = c->url == NULL ? c->socket : NULL;
	a->ca = c->ca;
	a->silence_ms = c->silence_ms;
	r = buf_printf(&url, "%s", c->url == NULL ? "http://localhost" : c->url);
	while (r == 0 && url.len > 0 && url.ptr[url.len - 1] == '/')
		url.len--;
	if (r == 0)
		r = buf_add_cstr(&url, path);
	a->url = r == 0 ? buf_cstr(&url) : NULL;
	if (a->url == NULL)
		code = say_error(EXIT_OTHER, "out of memory");
	else if ((r = ask(a, &status, out, &why)) < 0)
		code = unanswered(c, r, &why);
	else if (status >= 300)
		code = refused(c, status, out);
	buf_release(&url);
	return code;
}

int
ctl_ask(const struct ctl_client *c, const char *method, const char *path,
    struct slice body, json_t **ret)
{
	struct ask a = {.method = method, .body = body};
	struct buf out;
	int code;

	if (body.ptr == NULL && strcmp(method, "POST") == 0)
		a.body = SLICE_LIT("");
	buf_init(&out, ANSWER_BYTES_MAX);
	code = send_ask(c, &a, path, &out);
	*ret = NULL;
	if (code == EXIT_DONE && out.len > 0) {
		*ret = json_loadb(out.ptr, out.len, 0, NULL);
		if (*ret == NULL)
			code = say_error(EXIT_PROTOCOL, "the answer is not JSON");
	}
	buf_release(&out);
	return code;
}

int
ctl_ask_text(const struct ctl_client *c, const char *path, struct buf *ret)
{
	struct ask a = {.method = "GET"};
	struct slice rest, line;
	int code;

	buf_init(ret, ANSWER_BYTES_MAX);
	code = send_ask(c, &a, path, ret);
	rest = buf_slice(ret);
	while (slice_cut(&rest, '\n', &line))
		scrub_terminal(ret->ptr + (line.ptr - ret->ptr), line.len);
	return code;
}

/* ---- events ---- */

struct following {
	bool json, failed;
	struct buf line, kind, out;
};

static bool
flush(struct following *f)
{
	bool ok = write_stdout(buf_slice(&f->out));

	buf_clear(&f->out);
	return ok && fflush(stdout) == 0;
}

static int
add_event(struct following *f, struct slice data)
{
	size_t at;
	int r;

	if (!f->json) {
		r = escape_terminal(&f->out, buf_slice(&f->kind));
		for (size_t n = f->kind.len; r == 0 && n < 9; n++)
			r = buf_add_byte(&f->out, ' ');
		at = f->out.len;
		if (r == 0)
			r = buf_add_slice(&f->out, data);
		if (r == 0) /* JSON: its backslashes are escapes already */
			scrub_terminal(f->out.ptr + at, f->out.len - at);
		return r == 0 ? buf_add_byte(&f->out, '\n') : r;
	}
	at = f->out.len;
	r = buf_add_cstr(&f->out, "{\"event\":\"");
	if (r == 0)
		r = escape_json(&f->out, buf_slice(&f->kind));
	if (r == 0)
		r = buf_add_cstr(&f->out, "\",\"data\":");
	if (r == 0)
		r = buf_add_slice(&f->out, data);
	if (r == 0) /* those before it end in a newline */
		scrub_terminal(f->out.ptr + at, f->out.len - at);
	return r == 0 ? buf_add_cstr(&f->out, "}\n") : r;
}

static int
take_line(struct following *f)
{
	struct slice line = buf_slice(&f->line);

	if (slice_starts(line, SLICE_LIT("event: "))) {
		buf_clear(&f->kind);
		return buf_add_slice(&f->kind, slice_head(slice_from(line, 7), 60));
	}
	return slice_starts(line, SLICE_LIT("data: ")) ? add_event(f, slice_from(line, 6))
						       : 0;
}

static bool
on_data(void *ctx, struct slice data)
{
	struct following *f = ctx;
	int r = 0;

	while (r == 0 && data.len > 0) {
		size_t n = slice_find(data, '\n');

		r = buf_add_slice(&f->line, slice_head(data, n));
		if (r == 0 && n < data.len) {
			r = take_line(f);
			buf_clear(&f->line);
		}
		data = slice_from(data, n + 1);
	}
	f->failed = r < 0 || !flush(f);
	return !f->failed;
}

int
ctl_follow(const struct ctl_client *c, const char *path, bool json)
{
	struct following f = {.json = json};
	struct ask a = {
	    .method = "GET", .on_data = on_data, .ctx = &f, .type = "text/event-stream"};
	struct buf out;
	int code;

	buf_init(&f.line, LINE_BYTES_MAX);
	buf_init(&f.kind, 64);
	buf_init(&f.out, 8 * LINE_BYTES_MAX);
	buf_init(&out, LINE_BYTES_MAX);
	code = send_ask(c, &a, path, &out);
	if (code == EXIT_DONE && f.failed)
		code = EXIT_FILE;
	buf_release(&f.line);
	buf_release(&f.kind);
	buf_release(&f.out);
	buf_release(&out);
	return code;
}
