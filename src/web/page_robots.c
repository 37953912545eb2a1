#include "web/page_robots.h"
#include "base/clock.h"
#include "web/http.h"
#include "web/sitemap.h"
#include <assert.h>

#include "base/banned.h"

static const char *const names[] = {
#define X(id, name) name,
    PAGE_ROBOTS(X)
#undef X
};

const char *
page_robots_name(unsigned i)
{
	assert(i < PAGE_ROBOTS_MAX);
	return names[i];
}

static unsigned
bits_of(struct slice word)
{
	for (unsigned i = 0; i < PAGE_ROBOTS_MAX; i++)
		if (slice_ieq(word, slice_cstr(names[i])))
			return 1u << i;
	if (slice_ieq(word, SLICE_LIT("none")))
		return PAGE_ROBOTS_NOINDEX | PAGE_ROBOTS_NOFOLLOW;
	if (slice_ieq(word, SLICE_LIT("nocache"))) /* so Microsoft */
		return PAGE_ROBOTS_NOARCHIVE;
	return 0;
}

/* RFC 9309, section 2.2.1; digits occur as well. */
static struct slice
product_token(struct slice s)
{
	size_t n = 0;

	while (n < s.len && (ascii_is_alpha(s.ptr[n]) || ascii_is_digit(s.ptr[n]) ||
				s.ptr[n] == '-' || s.ptr[n] == '_'))
		n++;
	return slice_head(s, n);
}

static bool
is_for(struct slice name, struct slice agent)
{
	struct slice token = product_token(agent);

	return slice_ieq(name, SLICE_LIT("*")) || slice_ieq(name, SLICE_LIT("robots")) ||
	       (token.len > 0 && slice_ieq(product_token(name), token));
}

/* -- rules with a value ------------------------------------------------------------ */

static bool
is_day_name(struct slice s)
{
	static const char days[] = "sunmontuewedthufrisat";

	for (size_t i = 0; i < s.len; i++)
		if (!ascii_is_alpha(s.ptr[i]))
			return false;
	for (size_t i = 0; i < sizeof(days) - 1; i += 3)
		if (slice_istarts(s, slice_of(days + i, 3)))
			return true;
	return false;
}

/* Up to a comma that is not the one of "Fri, 25 Jun". */
static struct slice
date_take(struct slice *rest)
{
	size_t n = slice_find(*rest, ',');
	struct slice s;

	if (n < rest->len && is_day_name(slice_trim(slice_head(*rest, n))))
		n += 1 + slice_find(slice_from(*rest, n + 1), ',');
	s = slice_trim(slice_head(*rest, n));
	*rest = slice_from(*rest, n);
	return s;
}

static void
date_add(struct page_robots *r, struct slice date)
{
	struct page_robots more = {.has_unavailable_after = true};

	/* Without a zone it is taken for UTC; a zone may lead out of the years there are. */
	if ((sitemap_date(date, &more.unavailable_after_s) ||
		http_date(date, &more.unavailable_after_s)) &&
	    more.unavailable_after_s >= HTTP_TIME_MIN &&
	    more.unavailable_after_s <= HTTP_TIME_MAX)
		page_robots_add(r, &more);
}

/* -- the list ---------------------------------------------------------------------- */

static bool
is_cut(char c)
{
	return c == ',' || ascii_is_space(c);
}

/* Up to a comma, white space or colon. */
static bool
word_take(struct slice *rest, struct slice *ret)
{
	size_t n = 0;

	while (rest->len > 0 && (is_cut(rest->ptr[0]) || rest->ptr[0] == ':'))
		*rest = slice_from(*rest, 1);
	while (n < rest->len && !is_cut(rest->ptr[n]) && rest->ptr[n] != ':')
		n++;
	*ret = slice_head(*rest, n);
	*rest = slice_from(*rest, n);
	return n > 0;
}

static bool
colon_take(struct slice *rest)
{
	size_t n = 0;

	while (n < rest->len && ascii_is_space(rest->ptr[n]))
		n++;
	if (n == rest->len || rest->ptr[n] != ':')
		return false;
	*rest = slice_from(*rest, n + 1);
	return true;
}

/* What follows "name:" if that is a rule; false: it is none. */
static bool
valued_take(struct page_robots *r, struct slice name, bool for_us, struct slice *rest)
{
	struct slice value;

	if (slice_ieq(name, SLICE_LIT("unavailable_after"))) {
		value = date_take(rest);
		if (for_us)
			date_add(r, value);
		return true;
	}
	if (!slice_istarts(name, SLICE_LIT("max-")))
		return false;
	if (word_take(rest, &value) && for_us &&
	    slice_ieq(name, SLICE_LIT("max-snippet")) && slice_eq(value, SLICE_LIT("0")))
		r->bits |= PAGE_ROBOTS_NOSNIPPET; /* the same, says Google */
	return true;
}

/* Commas between rules are usual, white space is understood as well. */
static void
rules_read(
    struct page_robots *r, struct slice rest, bool names_agents, struct slice agent)
{
	struct slice word;
	bool for_us = true;

	while (word_take(&rest, &word)) {
		if (!colon_take(&rest)) {
			if (for_us)
				r->bits |= bits_of(word);
		} else if (!valued_take(r, word, for_us, &rest) && names_agents) {
			for_us = is_for(word, agent);
		}
	}
}

void
page_robots_add(struct page_robots *r, const struct page_robots *more)
{
	r->bits |= more->bits;
	if (!more->has_unavailable_after)
		return;
	if (!r->has_unavailable_after ||
	    more->unavailable_after_s < r->unavailable_after_s)
		r->unavailable_after_s = more->unavailable_after_s;
	r->has_unavailable_after = true;
}

void
page_robots_meta(
    struct page_robots *r, struct slice name, struct slice content, struct slice agent)
{
	if (is_for(slice_trim(name), agent))
		rules_read(r, content, false, agent);
}

void
page_robots_header(struct page_robots *r, struct slice value, struct slice agent)
{
	rules_read(r, value, true, agent);
}

void
page_robots_head(struct page_robots *r, struct slice head, struct slice agent)
{
	struct slice rest = http_headers(head), value;

	while (http_header_find(&rest, SLICE_LIT("x-robots-tag"), &value))
		page_robots_header(r, value, agent);
}

void
page_robots_json(struct jsonw *j, const struct page_robots *r)
{
	char at[CLOCK_TEXT_MAX];

	if (r->bits != 0) {
		jsonw_array(j, "robots");
		for (unsigned i = 0; i < PAGE_ROBOTS_MAX; i++)
			if (r->bits & (1u << i))
				jsonw_str(j, NULL, slice_cstr(page_robots_name(i)));
		jsonw_array_end(j);
	}
	if (r->has_unavailable_after) {
		clock_format(r->unavailable_after_s * 1000000, 0, at);
		jsonw_str(j, "unavailable_after", slice_cstr(at));
	}
}
