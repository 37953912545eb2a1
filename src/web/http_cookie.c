#include "web/http.h"

#include "base/banned.h"

enum { ATTRIBUTE_BYTES_MAX = 1024, MAX_AGE_S = 400 * 24 * 3600 };

/* "Max-Age": a number, maybe negative; false: to be ignored. */
static bool
max_age_parse(struct slice s, int64_t *ret)
{
	bool negative = s.len > 0 && s.ptr[0] == '-';
	int64_t v = 0;

	if (negative)
		s = slice_from(s, 1);
	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		if (!ascii_is_digit(s.ptr[i]))
			return false;
		if (v < MAX_AGE_S)
			v = v * 10 + (s.ptr[i] - '0');
	}
	*ret = negative ? 0 : v < MAX_AGE_S ? v : MAX_AGE_S;
	return true;
}

struct expiry {
	bool has_max_age, has_expires;
	int64_t max_age, expires;
};

static void
attribute_read(
    struct slice name, struct slice value, struct http_cookie *c, struct expiry *e)
{
	if (value.len > ATTRIBUTE_BYTES_MAX)
		return;
	if (slice_ieq(name, SLICE_LIT("expires"))) {
		e->has_expires |= http_date(value, &e->expires);
	} else if (slice_ieq(name, SLICE_LIT("max-age"))) {
		e->has_max_age |= max_age_parse(value, &e->max_age);
	} else if (slice_ieq(name, SLICE_LIT("domain"))) {
		if (value.len > 0 && value.ptr[0] == '.')
			value = slice_from(value, 1);
		c->domain = value;
	} else if (slice_ieq(name, SLICE_LIT("path"))) {
		c->path =
		    value.len > 0 && value.ptr[0] == '/' ? value : (struct slice){0};
	} else if (slice_ieq(name, SLICE_LIT("secure"))) {
		c->secure = true;
	} else if (slice_ieq(name, SLICE_LIT("httponly"))) {
		c->http_only = true;
	} else if (slice_ieq(name, SLICE_LIT("samesite"))) {
		if (slice_ieq(value, SLICE_LIT("strict")))
			c->same_site = HTTP_SAME_SITE_STRICT;
		else if (slice_ieq(value, SLICE_LIT("lax")))
			c->same_site = HTTP_SAME_SITE_LAX;
		else if (slice_ieq(value, SLICE_LIT("none")))
			c->same_site = HTTP_SAME_SITE_NONE;
	}
}

/* The name and value of "name=value"; without '=', all of it is the value. */
static void
pair_split(struct slice pair, struct slice *ret_name, struct slice *ret_value)
{
	size_t eq = slice_find(pair, '=');

	if (eq == pair.len) {
		*ret_name = (struct slice){0};
		*ret_value = slice_trim(pair);
		return;
	}
	*ret_name = slice_trim(slice_head(pair, eq));
	*ret_value = slice_trim(slice_from(pair, eq + 1));
}

/* RFC 6265bis, section 5.6. */
bool
http_cookie_parse(struct slice value, int64_t now, struct http_cookie *ret)
{
	struct http_cookie c = {.secure = false};
	struct expiry e = {.has_max_age = false};
	struct slice part, name, arg;

	/* Controls but tab would let a value out of its header line. */
	if (slice_has_control_but_tab(value) || !slice_cut(&value, ';', &part))
		return false;
	pair_split(part, &c.name, &c.value);
	if (c.name.len + c.value.len == 0 ||
	    c.name.len + c.value.len > HTTP_COOKIE_BYTES_MAX)
		return false;
	while (slice_cut(&value, ';', &part)) {
		size_t eq = slice_find(part, '=');

		name = slice_trim(slice_head(part, eq));
		arg = slice_trim(slice_from(part, eq + 1));
		attribute_read(name, arg, &c, &e);
	}
	c.has_expiry = e.has_max_age || e.has_expires;
	if (e.has_max_age)
		c.expires = e.max_age > 0 ? now + e.max_age : INT64_MIN;
	else if (e.has_expires)
		c.expires = e.expires < now + MAX_AGE_S ? e.expires : now + MAX_AGE_S;
	*ret = c;
	return true;
}

/* -- whom it may be from ------------------------------------------------------------- */

bool
http_domain_match(struct slice host, struct slice domain)
{
	size_t above = host.len - domain.len;

	if (domain.len == 0 || domain.len > host.len ||
	    !slice_ieq(slice_from(host, above), domain))
		return false;
	return above == 0 || (host.ptr[above - 1] == '.' && !url_host_is_address(host));
}

/* Section 5.6 makes names of IDNA and of odd case one; here it is left to the URL parser. */
static bool
domain_is_allowed(struct http_cookie *c, struct slice host)
{
	if (c->domain.len == 0)
		return true;
	if (!http_domain_match(host, c->domain))
		return false;
	if (!url_is_public_suffix(c->domain))
		return true;
	/* "github.io" may set cookies for itself, not for all below. */
	if (c->domain.len != host.len)
		return false;
	c->domain = (struct slice){0};
	return true;
}

bool
http_cookie_accept(struct http_cookie *c, const struct url *from)
{
	struct slice name = c->name.len == 0 ? c->value : c->name;
	bool had_domain = c->domain.len > 0;

	if (!domain_is_allowed(c, url_host(from)) || (c->secure && !url_is_https(from)))
		return false;
	if (c->same_site == HTTP_SAME_SITE_NONE && !c->secure)
		return false;
	/* Without a name, the value would be sent as one. */
	if (c->name.len == 0 && (slice_istarts(name, SLICE_LIT("__Secure-")) ||
				    slice_istarts(name, SLICE_LIT("__Host-"))))
		return false;
	if (slice_istarts(name, SLICE_LIT("__Secure-")))
		return c->secure;
	if (slice_istarts(name, SLICE_LIT("__Host-")))
		return c->secure && !had_domain && slice_eq(c->path, SLICE_LIT("/"));
	return true;
}
