#include "net/proxy.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/addr.h"

#include "base/banned.h"

enum { URL_MAX = 2048, EXCEPT_MAX = 64 << 10 };

/* ---- URLs of proxies ---- */

struct scheme {
	const char *name, *used; /* as it is written, and as libcurl is told */
	uint16_t port;
};
static const struct scheme schemes[] = {
    {"http", "http", 80},
    {"https", "https", 443},
    {"socks5", "socks5h", 1080},
    {"socks5h", "socks5h", 1080},
    {"socks4", "socks4a", 1080},
    {"socks4a", "socks4a", 1080},
};

static const struct scheme *
scheme_take(struct slice *url)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		struct slice name = slice_cstr(schemes[i].name);

		if (!slice_istarts(*url, name) ||
		    !slice_starts(slice_from(*url, name.len), SLICE_LIT("://")))
			continue;
		*url = slice_from(*url, name.len + 3);
		return &schemes[i];
	}
	return NULL;
}

/* "%40" is '@'.  -EINVAL: a NUL; -ENOMEM. */
static int
decode(struct slice s, char **ret)
{
	char *text = malloc(s.len + 1);
	size_t n = 0;

	if (text == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s.len; i++) {
		bool coded = s.ptr[i] == '%' && i + 2 < s.len &&
			     ascii_hex(s.ptr[i + 1]) >= 0 && ascii_hex(s.ptr[i + 2]) >= 0;

		text[n++] =
		    coded ? (char)(ascii_hex(s.ptr[i + 1]) * 16 + ascii_hex(s.ptr[i + 2]))
			  : s.ptr[i];
		i += coded ? 2 : 0;
	}
	text[n] = '\0';
	if (memchr(text, '\0', n) != NULL) {
		free(text);
		return -EINVAL;
	}
	*ret = text;
	return 0;
}

/* "USER:PASS@" off its front. */
static int
user_take(struct slice *rest, struct proxy *p)
{
	size_t at = rest->len, colon;
	struct slice pair;
	int r;

	while (at > 0 && rest->ptr[at - 1] != '@')
		at--;
	if (at == 0)
		return 0;
	pair = slice_head(*rest, at - 1);
	*rest = slice_from(*rest, at);
	colon = slice_find(pair, ':');
	r = decode(slice_head(pair, colon), &p->user);
	return r < 0 ? r : decode(slice_from(pair, colon + 1), &p->pass);
}

/* HOST[:PORT], the host maybe "[IPv6]". */
static bool
host_split(struct slice s, uint16_t port, struct slice *ret_host, uint16_t *ret_port)
{
	size_t end =
	    s.len > 0 && s.ptr[0] == '[' ? slice_find(s, ']') + 1 : slice_find(s, ':');
	uint64_t n = port;

	*ret_host = slice_head(s, end);
	if (end < s.len &&
	    (s.ptr[end] != ':' || !slice_to_u64(slice_from(s, end + 1), &n) || n == 0 ||
		n > 65535))
		return false;
	*ret_port = (uint16_t)n;
	if (ret_host->len > 0 && ret_host->ptr[0] == '[') {
		struct addr ignored;

		return addr_parse(*ret_host, &ignored);
	}
	for (size_t i = 0; i < ret_host->len; i++)
		if (!ascii_is_alpha(ret_host->ptr[i]) &&
		    !ascii_is_digit(ret_host->ptr[i]) &&
		    strchr("-._", ret_host->ptr[i]) == NULL)
			return false;
	return ret_host->len > 0;
}

static void
proxy_free(struct proxy *p)
{
	if (p == NULL)
		return;
	free(p->url);
	free(p->shown);
	free(p->user);
	free(p->pass);
	free(p);
}

static int
proxy_parse(struct slice url, struct proxy **ret, struct why *why)
{
	const struct scheme *scheme = scheme_take(&url);
	struct proxy *p;
	struct slice host;
	uint16_t port;
	char text[URL_MAX];
	int r;

	if (scheme == NULL)
		return why_set(why, -EINVAL,
		    "a proxy begins with http://, https://, socks4:// or socks5://");
	if (url.len > 0 && url.ptr[url.len - 1] == '/')
		url.len--;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	r = url.len > URL_MAX / 2 ? -EINVAL : user_take(&url, p);
	if (r == 0 && !host_split(url, scheme->port, &host, &port))
		r = -EINVAL;
	if (r < 0) {
		proxy_free(p);
		return r == -ENOMEM
			   ? why_set(why, r, "out of memory")
			   : why_set(why, r,
				 "that is not %s://HOST:PORT or %s://USER:PASS@HOST:PORT",
				 scheme->name, scheme->name);
	}
	(void)snprintf(text, sizeof(text), "%s://" SLICE_FMT ":%u", scheme->used,
	    SLICE_ARG(host), port);
	p->url = slice_dup(slice_cstr(text));
	(void)snprintf(text, sizeof(text), "%s://" SLICE_FMT ":%u", scheme->name,
	    SLICE_ARG(host), port);
	p->shown = slice_dup(slice_cstr(text));
	if (p->url == NULL || p->shown == NULL) {
		proxy_free(p);
		return why_set(why, -ENOMEM, "out of memory");
	}
	*ret = p;
	return 0;
}

/* ---- rules ---- */

static int
rule_set(struct proxy **at, struct slice url, struct why *why)
{
	struct proxy *p = NULL;

	if (url.len > 0 && !slice_ieq(url, SLICE_LIT("direct"))) {
		int r = proxy_parse(url, &p, why);

		if (r < 0)
			return r;
	}
	proxy_free(*at);
	*at = p;
	return 0;
}

static int
rule_add(struct proxies *p, struct slice rule, struct why *why)
{
	int r;

	if (slice_istarts(rule, SLICE_LIT("http=")))
		return rule_set(&p->http, slice_from(rule, 5), why);
	if (slice_istarts(rule, SLICE_LIT("https=")))
		return rule_set(&p->https, slice_from(rule, 6), why);
	r = rule_set(&p->http, rule, why);
	return r < 0 ? r : rule_set(&p->https, rule, why);
}

/* ---- exceptions ---- */

static bool
bits_equal(const struct addr *a, const struct addr *b, uint64_t bits)
{
	size_t whole = (size_t)bits / 8;
	unsigned rest = bits % 8, mask = 0xFFu << (8 - rest) & 0xFFu;

	if (memcmp(a->bytes, b->bytes, whole) != 0)
		return false;
	return rest == 0 || ((a->bytes[whole] ^ b->bytes[whole]) & mask) == 0;
}

/* "ADDRESS[/BITS]"; false: it is none. */
static bool
network_parse(struct slice s, struct addr *ret, uint64_t *ret_bits)
{
	size_t slash = slice_find(s, '/');
	uint64_t most;

	if (!addr_parse(slice_head(s, slash), ret))
		return false;
	most = ret->family == AF_INET ? 32 : 128;
	*ret_bits = most;
	return slash == s.len ||
	       (slice_to_u64(slice_from(s, slash + 1), ret_bits) && *ret_bits <= most);
}

static bool
name_matches(struct slice host, struct slice name)
{
	size_t above;

	while (name.len > 0 && name.ptr[0] == '.')
		name = slice_from(name, 1);
	if (name.len == 0 || name.len > host.len)
		return false;
	above = host.len - name.len;
	return slice_ieq(slice_from(host, above), name) &&
	       (above == 0 || host.ptr[above - 1] == '.');
}

static bool
is_excepted(struct slice entry, struct slice host, uint16_t port)
{
	struct slice name = entry;
	struct addr net, a;
	uint16_t only = 0;
	uint64_t bits;

	if (slice_eq(entry, SLICE_LIT("*")))
		return true;
	if (network_parse(entry, &net, &bits))
		return addr_parse(host, &a) && a.family == net.family &&
		       bits_equal(&a, &net, bits);
	if (!host_split(entry, 0, &name, &only) || (only != 0 && only != port))
		return false;
	if (network_parse(name, &net, &bits))
		return addr_parse(host, &a) && addr_eq(&a, &net);
	return !addr_parse(host, &a) && name_matches(host, name);
}

static bool
entry_is_good(struct slice entry)
{
	struct slice host;
	struct addr net;
	uint64_t bits;
	uint16_t port;

	return slice_eq(entry, SLICE_LIT("*")) || network_parse(entry, &net, &bits) ||
	       host_split(entry, 0, &host, &port);
}

static int
except_set(struct proxies *p, struct slice list, struct why *why)
{
	struct slice rest = list, entry;

	if (list.len > EXCEPT_MAX)
		return why_set(why, -EINVAL, "more than %d bytes", EXCEPT_MAX);
	while (slice_cut(&rest, ',', &entry))
		if (slice_trim(entry).len > 0 && !entry_is_good(slice_trim(entry)))
			return why_set(why, -EINVAL,
			    "'" SLICE_FMT
			    "' is no name, address or network such as 10.0.0.0/8",
			    SLICE_ARG(slice_head(slice_trim(entry), 100)));
	p->except = slice_dup(list);
	return p->except == NULL ? why_set(why, -ENOMEM, "out of memory") : 0;
}

/* ---- all of it ---- */

int
proxies_init(struct proxies *p, const char *const *rules, size_t rules_len,
    const char *except, struct why *why)
{
	int r = 0;

	*p = (struct proxies){0};
	for (size_t i = 0; i < rules_len && r == 0; i++)
		r = rule_add(p, slice_cstr(rules[i]), why);
	if (r < 0)
		(void)why_prefix(why, r, "--proxy");
	if (r == 0 && except != NULL) {
		r = except_set(p, slice_cstr(except), why);
		if (r < 0)
			(void)why_prefix(why, r, "--no-proxy");
	}
	if (r < 0)
		proxies_release(p);
	return r;
}

void
proxies_release(struct proxies *p)
{
	proxy_free(p->http);
	proxy_free(p->https);
	free(p->except);
	*p = (struct proxies){0};
}

const struct proxy *
proxies_for(const struct proxies *p, bool tls, struct slice host, uint16_t port)
{
	const struct proxy *proxy = tls ? p->https : p->http;
	struct slice rest = slice_cstr(p->except), entry;

	if (proxy == NULL)
		return NULL;
	while (slice_cut(&rest, ',', &entry))
		if (is_excepted(slice_trim(entry), host, port))
			return NULL;
	return proxy;
}
