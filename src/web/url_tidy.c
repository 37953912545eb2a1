/*
 * What the same page is also called: with its parameters in another order, with the id of
 * a session, with where its reader came from.  All of it can only be guessed, and only if
 * asked.
 *
 * The text shrinks in place.  Parameters are told apart by '&' and compared as they are
 * written.
 */
#include "web/url.h"
#include <assert.h>

#include "base/banned.h"

/* -- which parameters -------------------------------------------------------------- */

enum value_rule {
	VALUE_ANY,
	VALUE_HEX_32, /* of a name that may mean something else as well */
	VALUE_LONG,   /* likewise: at least VALUE_LONG_MIN with a digit */
	VALUE_PAIRED, /* only beside a cftoken */
};
enum { VALUE_LONG_MIN = 20, ASP_SUFFIX = 8 };

struct session_name {
	struct slice name;
	enum value_rule rule;
};

static const struct session_name session_names[] = {
    {SLICE_LIT("jsessionid"), VALUE_ANY},
    {SLICE_LIT("phpsessid"), VALUE_ANY},
    {SLICE_LIT("cftoken"), VALUE_ANY},
    {SLICE_LIT("cfid"), VALUE_PAIRED},
    {SLICE_LIT("sid"), VALUE_HEX_32}, /* phpBB */
    {SLICE_LIT("s"), VALUE_HEX_32},   /* vBulletin */
    {SLICE_LIT("sessid"), VALUE_LONG},
    {SLICE_LIT("sessionid"), VALUE_LONG},
    {SLICE_LIT("session_id"), VALUE_LONG},
    {SLICE_LIT("oscsid"), VALUE_LONG}, /* osCommerce and its offspring */
    {SLICE_LIT("zenid"), VALUE_LONG},
    {SLICE_LIT("xtcsid"), VALUE_LONG},
};

/* Set by who sends readers, read by who counts them; a '*' at the end: whatever follows. */
static const struct slice tracking_names[] = {
    /* campaigns: Google Analytics, Matomo, HubSpot, Adobe, Marketo, Olytics, Vero */
    SLICE_LIT("utm_*"),
    SLICE_LIT("mtm_*"),
    SLICE_LIT("pk_*"),
    SLICE_LIT("piwik_*"),
    SLICE_LIT("hsa_*"),
    SLICE_LIT("_hsenc"),
    SLICE_LIT("_hsmi"),
    SLICE_LIT("__hs*"),
    SLICE_LIT("hsctatracking"),
    SLICE_LIT("s_cid"),
    SLICE_LIT("s_kwcid"),
    SLICE_LIT("ef_id"),
    SLICE_LIT("mkt_tok"),
    SLICE_LIT("oly_anon_id"),
    SLICE_LIT("oly_enc_id"),
    SLICE_LIT("vero_id"),
    SLICE_LIT("vero_conv"),
    SLICE_LIT("mc_cid"), /* Mailchimp */
    SLICE_LIT("mc_eid"),
    SLICE_LIT("ml_subscriber"),
    SLICE_LIT("ml_subscriber_hash"),
    SLICE_LIT("_openstat"),
    SLICE_LIT("_ga"),
    SLICE_LIT("_gl"),
    /* clicks: Google, Microsoft, Meta, Yandex, X, TikTok, LinkedIn, Pinterest, ... */
    SLICE_LIT("gclid"),
    SLICE_LIT("gclsrc"),
    SLICE_LIT("dclid"),
    SLICE_LIT("gbraid"),
    SLICE_LIT("wbraid"),
    SLICE_LIT("gad_source"),
    SLICE_LIT("gad_campaignid"),
    SLICE_LIT("srsltid"),
    SLICE_LIT("msclkid"),
    SLICE_LIT("fbclid"),
    SLICE_LIT("fb_action_ids"),
    SLICE_LIT("fb_action_types"),
    SLICE_LIT("igsh"),
    SLICE_LIT("igshid"),
    SLICE_LIT("yclid"),
    SLICE_LIT("ysclid"),
    SLICE_LIT("twclid"),
    SLICE_LIT("ttclid"),
    SLICE_LIT("li_fat_id"),
    SLICE_LIT("epik"),
    SLICE_LIT("irclickid"),
    SLICE_LIT("rb_clickid"),
    SLICE_LIT("wickedid"),
};

static bool
is_session_char(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || strchr("-_.,!~:", c) != NULL;
}

static bool
is_hex_32(struct slice value)
{
	for (size_t i = 0; i < value.len; i++)
		if (ascii_hex(value.ptr[i]) < 0)
			return false;
	return value.len == 32;
}

static bool
is_long(struct slice value)
{
	bool has_digit = false;

	for (size_t i = 0; i < value.len; i++) {
		if (!is_session_char(value.ptr[i]))
			return false;
		has_digit |= ascii_is_digit(value.ptr[i]);
	}
	return has_digit && value.len >= VALUE_LONG_MIN;
}

/* "ASPSESSIONIDQQABCDEF": eight letters that the server chose. */
static bool
is_asp(struct slice name)
{
	struct slice asp = SLICE_LIT("aspsessionid");

	if (name.len != asp.len + ASP_SUFFIX || !slice_istarts(name, asp))
		return false;
	for (size_t i = asp.len; i < name.len; i++)
		if (!ascii_is_alpha(name.ptr[i]))
			return false;
	return true;
}

static bool
is_session(struct slice name, struct slice value, bool has_cftoken)
{
	for (size_t i = 0; i < sizeof(session_names) / sizeof(session_names[0]); i++) {
		if (!slice_ieq(name, session_names[i].name))
			continue;
		switch (session_names[i].rule) {
		case VALUE_HEX_32:
			return is_hex_32(value);
		case VALUE_LONG:
			return is_long(value);
		case VALUE_PAIRED:
			return has_cftoken;
		case VALUE_ANY:
		default:
			return true;
		}
	}
	return is_asp(name);
}

static bool
is_tracking(struct slice name)
{
	for (size_t i = 0; i < sizeof(tracking_names) / sizeof(tracking_names[0]); i++) {
		struct slice t = tracking_names[i];

		if (t.ptr[t.len - 1] == '*'
			? slice_istarts(name, slice_head(t, t.len - 1))
			: slice_ieq(name, t))
			return true;
	}
	return false;
}

/* -- the query --------------------------------------------------------------------- */

static struct slice
param_name(struct slice param)
{
	return slice_head(param, slice_find(param, '='));
}

static bool
has_cftoken(struct slice query)
{
	struct slice param;

	while (slice_cut(&query, '&', &param))
		if (slice_ieq(param_name(param), SLICE_LIT("cftoken")))
			return true;
	return false;
}

static bool
is_dropped(struct slice param, unsigned how, bool cftoken)
{
	struct slice name = param_name(param), value = slice_from(param, name.len + 1);

	return ((how & URL_STRIP_SESSION_IDS) && is_session(name, value, cftoken)) ||
	       ((how & URL_STRIP_TRACKING) && is_tracking(name)) ||
	       ((how & URL_SORT_QUERY) && param.len == 0);
}

/* With no parameter left there is no '?' either. */
static void
query_strip(struct url *u, char *text, unsigned how)
{
	struct slice rest = slice_of(text + u->query_at + 1, u->len - u->query_at - 1u);
	bool cftoken = (how & URL_STRIP_SESSION_IDS) && has_cftoken(rest);
	size_t n = u->query_at;
	struct slice param;

	while (slice_cut(&rest, '&', &param)) {
		if (is_dropped(param, how, cftoken))
			continue;
		text[n] = n == u->query_at ? '?' : '&';
		memmove(text + n + 1, param.ptr, param.len);
		n += 1 + param.len;
	}
	u->len = u->fragment_at = (uint16_t)n;
}

struct param {
	uint16_t at, len; /* in the text of the URL */
};

static bool
name_is_after(const char *text, struct param i, struct param j)
{
	struct slice a = param_name(slice_of(text + i.at, i.len));
	struct slice b = param_name(slice_of(text + j.at, j.len));
	size_t n = a.len < b.len ? a.len : b.len;
	int d = n == 0 ? 0 : memcmp(a.ptr, b.ptr, n);

	return d > 0 || (d == 0 && a.len > b.len);
}

/* Merges the sorted runs [from, mid) and [mid, to) of `v`, by way of `spare`. */
static void
merge(const char *text, struct param *v, struct param *spare, size_t from, size_t mid,
    size_t to)
{
	size_t i = from, j = mid;

	for (size_t k = from; k < to; k++) {
		if (i < mid && (j == to || !name_is_after(text, v[i], v[j])))
			spare[k] = v[i++];
		else
			spare[k] = v[j++];
	}
	memcpy(v + from, spare + from, (to - from) * sizeof(*v));
}

/* By name; those of one name keep their order, which means something (as
 * URLSearchParams.sort() has it).  Merged from the bottom up: no worst case, no heap. */
static void
query_sort(struct url *u, char *text)
{
	struct param v[URL_BYTES_MAX / 2 + 1], spare[URL_BYTES_MAX / 2 + 1];
	char copy[URL_BYTES_MAX];
	struct slice rest = slice_from(url_query(u), 1), param;
	size_t n = 0, at = u->query_at;
	bool sorted = true;

	while (slice_cut(&rest, '&', &param)) { /* none is empty, so that there is room */
		v[n] = (struct param){(uint16_t)(param.ptr - text), (uint16_t)param.len};
		sorted &= n == 0 || !name_is_after(text, v[n - 1], v[n]);
		n++;
	}
	if (sorted)
		return;
	for (size_t width = 1; width < n; width *= 2)
		for (size_t from = 0; from + width < n; from += 2 * width) {
			size_t to = from + 2 * width;

			merge(text, v, spare, from, from + width, to < n ? to : n);
		}
	memcpy(copy, text, u->len);
	for (size_t i = 0; i < n; i++) {
		text[at++] = i == 0 ? '?' : '&';
		memcpy(text + at, copy + v[i].at, v[i].len);
		at += v[i].len;
	}
}

/* -- the path ---------------------------------------------------------------------- */

/* "(S(lit3py55t21z5v55vlm25s55))": the cookieless sessions of ASP.NET, section by section
 * a letter with its id. */
static bool
is_cookieless(struct slice segment)
{
	struct slice s = segment;
	size_t n;

	if (s.len < 2 || s.ptr[0] != '(' || s.ptr[s.len - 1] != ')')
		return false;
	s = slice_of(s.ptr + 1, s.len - 2);
	while (s.len > 2 && ascii_is_alpha(s.ptr[0]) && s.ptr[1] == '(') {
		s = slice_from(s, 2);
		for (n = 0; n < s.len && is_session_char(s.ptr[n]);)
			n++;
		if (n < VALUE_LONG_MIN || n == s.len || s.ptr[n] != ')')
			return false;
		s = slice_from(s, n + 1);
		if (s.len == 0)
			return true;
	}
	return false;
}

/* ";jsessionid=1A53...31427.node1" */
static bool
is_path_session(struct slice param)
{
	size_t eq = slice_find(param, '=');

	if (!slice_ieq(slice_head(param, eq), SLICE_LIT("jsessionid")))
		return false;
	for (size_t i = eq + 1; i < param.len; i++)
		if (!is_session_char(param.ptr[i]))
			return false;
	return true;
}

/* Without "..;jsessionid=1" becoming "..", which goes up. */
static bool
is_dots(struct slice s)
{
	size_t i = 0;

	while (i < s.len && s.ptr[i] == '.')
		i++;
	return s.len > 0 &&
	       (i == s.len || slice_istarts(slice_from(s, i), SLICE_LIT("%2e")));
}

/* One segment to text[n]; returns its new end. */
static size_t
segment_write(char *text, size_t n, struct slice segment)
{
	size_t from = n;
	struct slice param;
	bool first = true;

	while (slice_cut(&segment, ';', &param)) {
		if (!first && is_path_session(param) &&
		    !is_dots(slice_of(text + from, n - from)))
			continue;
		if (!first)
			text[n++] = ';';
		memmove(text + n, param.ptr, param.len);
		n += param.len;
		first = false;
	}
	return n;
}

static void
path_tidy(struct url *u, char *text)
{
	struct slice rest = slice_from(url_path(u), 1), segment;
	struct slice query = url_query(u);
	size_t n = u->path_at;
	bool drops = false;

	rest = rest.ptr == NULL ? slice_of(u->text + u->query_at, 0) : rest;
	while (slice_cut(&rest, '/', &segment)) {
		size_t from = n + 1;

		text[n] = '/';
		n = segment.len == 0 ? from : segment_write(text, from, segment);
		drops = is_cookieless(slice_of(text + from, n - from));
		if (drops)
			n = from - 1;
	}
	if (drops) /* the last one was: "/a/(S(...))" is "/a/" */
		text[n++] = '/';
	memmove(text + n, query.ptr, query.len);
	u->query_at = (uint16_t)n;
	u->fragment_at = u->len = (uint16_t)(n + query.len);
}

void
url_tidy(struct url *u, char *text, unsigned how)
{
	struct slice path = url_path(u);

	assert(text == u->text && u->fragment_at == u->len);
	if ((how & URL_STRIP_SESSION_IDS) &&
	    (slice_find(path, ';') < path.len || slice_find(path, '(') < path.len))
		path_tidy(u, text);
	if (how != 0 && u->query_at < u->len)
		query_strip(u, text, how);
	if ((how & URL_SORT_QUERY) && u->query_at < u->len)
		query_sort(u, text);
}
