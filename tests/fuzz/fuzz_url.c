/*
 * Input: base, charset, reference; a line each, the reference may hold more.
 * A normal form is stable, tidied or not; the out buffer is used to its last byte and not
 * beyond.
 */
#include "fuzz.h"
#include "web/url.h"

static void
shape_check(const struct url *u, unsigned flags)
{
	struct slice text = url_text(u), host = url_host(u);
	struct buf surt;

	FUZZ_CHECK(u->len > 0 && u->len <= URL_BYTES_MAX);
	FUZZ_CHECK(slice_eq(url_scheme(u), SLICE_LIT("http")) ||
		   slice_eq(url_scheme(u), SLICE_LIT("https")));
	FUZZ_CHECK(u->scheme_len + 3 == u->user_at && u->user_at <= u->host_at);
	FUZZ_CHECK(u->host_len > 0 && u->host_at + u->host_len <= u->path_at);
	FUZZ_CHECK(u->path_at < u->query_at && text.ptr[u->path_at] == '/');
	FUZZ_CHECK(u->query_at <= u->fragment_at && u->fragment_at <= u->len);
	FUZZ_CHECK(u->query_at == u->fragment_at || text.ptr[u->query_at] == '?');
	FUZZ_CHECK(u->fragment_at == u->len || text.ptr[u->fragment_at] == '#');
	for (size_t i = 0; i < text.len; i++)
		FUZZ_CHECK(text.ptr[i] > ' ' && text.ptr[i] < 0x7F);
	for (size_t i = 0; i < host.len; i++)
		FUZZ_CHECK(host.ptr[i] == ascii_lower(host.ptr[i]));
	FUZZ_CHECK((flags & URL_KEEP_FRAGMENT) != 0 || u->fragment_at == u->len);
	FUZZ_CHECK((flags & URL_KEEP_CREDENTIALS) != 0 || u->user_at == u->host_at);
	FUZZ_CHECK(fuzz_lies_in(url_site(host), host));
	if (flags == 0) {
		buf_init(&surt, 1 << 20);
		FUZZ_CHECK(url_surt(u, &surt) == 0);
		buf_release(&surt);
	}
}

/* The same again from the result itself. */
static void
stable_check(const struct url *u, struct slice charset, unsigned flags)
{
	char *out = fuzz_room(URL_BYTES_MAX);
	struct url again;

	FUZZ_CHECK(url_resolve(NULL, url_text(u), charset, flags, out, URL_BYTES_MAX,
		       &again) == URL_OK);
	FUZZ_CHECK(slice_eq(url_text(&again), url_text(u)));
	FUZZ_CHECK(again.host_at == u->host_at && again.host_len == u->host_len);
	FUZZ_CHECK(again.path_at == u->path_at && again.query_at == u->query_at);
	FUZZ_CHECK(again.port == u->port && again.fragment_at == u->fragment_at);
	/* ... and as a reference that its own base does not change. */
	FUZZ_CHECK(url_resolve(u, url_text(u), charset, flags, out, URL_BYTES_MAX,
		       &again) == URL_OK);
	FUZZ_CHECK(slice_eq(url_text(&again), url_text(u)));
	fuzz_room_free(out, URL_BYTES_MAX);
}

/* Tidying shrinks within the URL's own room and gives a normal form that is tidy. */
static void
tidy_check(const struct url *u)
{
	for (unsigned how = 0; how < 8; how++) {
		char *out = fuzz_room(u->len), *again = fuzz_room(u->len);
		struct url tidy = *u, same;

		memcpy(out, u->text, u->len);
		tidy.text = out;
		url_tidy(&tidy, out, how);
		FUZZ_CHECK(tidy.len <= u->len && (how != 0 || tidy.len == u->len));
		shape_check(&tidy, 0);
		stable_check(&tidy, (struct slice){0}, 0);
		memcpy(again, out, tidy.len);
		same = tidy;
		same.text = again;
		url_tidy(&same, again, how);
		FUZZ_CHECK(slice_eq(url_text(&same), url_text(&tidy)));
		fuzz_room_free(again, u->len);
		fuzz_room_free(out, u->len);
	}
}

static bool
has_dots(struct slice ref)
{
	for (size_t i = 0; i < ref.len; i++)
		if (ref.ptr[i] == '.' || ref.ptr[i] == '%')
			return true;
	return false;
}

static void
room_check(const struct url *base, struct slice ref, struct slice charset, unsigned flags,
    const struct url *u)
{
	size_t n = u->len;
	char *out = fuzz_room(n);
	enum url_status s;
	struct url tight;

	s = url_resolve(base, ref, charset, flags, out, n, &tight);
	/* "a/../b" wants room for the "a/" on its way. */
	if (s != URL_OK)
		FUZZ_CHECK(s == URL_TOO_LONG && has_dots(ref));
	else
		FUZZ_CHECK(slice_eq(url_text(&tight), url_text(u)));
	fuzz_room_free(out, n);
	out = fuzz_room(n - 1);
	FUZZ_CHECK(
	    url_resolve(base, ref, charset, flags, out, n - 1, &tight) == URL_TOO_LONG);
	fuzz_room_free(out, n - 1);
}

FUZZ_TARGET(url)
{
	struct slice rest = slice_of(data, size);
	struct slice base_text = fuzz_copy(fuzz_line(&rest));
	struct slice charset = fuzz_copy(fuzz_line(&rest)), ref = fuzz_copy(rest);
	char *base_out = fuzz_room(URL_BYTES_MAX), *out = fuzz_room(URL_BYTES_MAX);

	for (unsigned flags = 0; flags < 4; flags++) {
		struct url base, u;
		bool has_base = url_resolve(NULL, base_text, (struct slice){0}, flags,
				    base_out, URL_BYTES_MAX, &base) == URL_OK;
		enum url_status s = url_resolve(
		    has_base ? &base : NULL, ref, charset, flags, out, URL_BYTES_MAX, &u);

		FUZZ_CHECK(url_status_text(s) != NULL);
		if (has_base)
			shape_check(&base, flags);
		if (s != URL_OK)
			continue;
		shape_check(&u, flags);
		stable_check(&u, charset, flags);
		room_check(has_base ? &base : NULL, ref, charset, flags, &u);
		if (flags == 0)
			tidy_check(&u);
	}
	fuzz_room_free(out, URL_BYTES_MAX);
	fuzz_room_free(base_out, URL_BYTES_MAX);
	fuzz_copy_free(ref);
	fuzz_copy_free(charset);
	fuzz_copy_free(base_text);
	return 0;
}
