#include "web/http.h"

#include "base/banned.h"

enum { ATTRIBUTE_BYTES_MAX = 1024, MAX_AGE_S = 400 * 24 * 3600 };

/* Controls but tab would let a value out of its header line. */
static bool
has_control(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (((unsigned char)s.ptr[i] < ' ' && s.ptr[i] != '\t') ||
		    s.ptr[i] == 0x7f)
			return true;
	return false;
}

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

	if (has_control(value) || !slice_cut(&value, ';', &part))
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
