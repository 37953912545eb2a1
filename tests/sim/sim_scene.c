#include "sim_scene.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

uint64_t
scene_random(uint64_t *state)
{
	/* Steele et al. 2014 */
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

uint64_t
scene_draw(uint64_t *state, uint64_t n)
{
	return scene_random(state) % n;
}

uint64_t
scene_draw_size(uint64_t *state, uint64_t n)
{
	unsigned bits = 0;
	uint64_t low;

	while (bits < 63 && n >> (bits + 1) > 0)
		bits++;
	low = UINT64_C(1) << scene_draw(state, bits + 1);
	low += scene_draw(state, low);
	return low <= n ? low : 1 + low % n;
}

/* One of `weights`, which end with 0. */
static int
draw_kind(uint64_t *random, const uint8_t *weights)
{
	uint64_t sum = 0, at;
	int i = 0;

	for (const uint8_t *w = weights; *w != 0; w++)
		sum += *w;
	at = scene_draw(random, sum);
	while (at >= weights[i])
		at -= weights[i++];
	return i;
}

/* ---- hosts and pages ---- */

static void
make_host(struct scene *s, uint64_t *random, uint32_t i)
{
	static const uint8_t kinds[] = {20, 3, 2, 1, 1, 0};
	static const uint8_t robots[] = {10, 4, 5, 3, 5, 1, 2, 3, 2, 2, 0};
	struct scene_host *h = &s->hosts[i];

	/* The first one is where everything begins. */
	h->kind = i == 0 ? HOST_PLAIN : (enum host_kind)draw_kind(random, kinds);
	h->robots = (enum robots_kind)draw_kind(random, robots);
	if (i == 0 && (h->robots == ROBOTS_DENY || h->robots == ROBOTS_BROKEN))
		h->robots = ROBOTS_RULES;
	/* What a sitemap lists may have its turn before the seed that moves the scope. */
	if (i == 0 && h->robots == ROBOTS_SITEMAP && !s->any_scope)
		h->robots = ROBOTS_ALLOW;
	(void)snprintf(h->authority, sizeof(h->authority), "http%s://h%u.%s",
	    scene_draw(random, 4) == 0 ? "s" : "", i,
	    h->kind == HOST_NAMELESS ? "invalid" : "test");
	h->latency_ms = h->kind == HOST_SLOW ? (int64_t)scene_draw(random, 4000)
					     : (int64_t)scene_draw(random, 120);
	(void)snprintf(h->moved_to, sizeof(h->moved_to), "Location: %.*s/rules%u.txt\r\n",
	    (int)sizeof(h->authority), s->hosts[0].authority, i);
	h->crawl_delay_ms =
	    h->robots == ROBOTS_DELAY ? 1000 * (1 + (int64_t)scene_draw(random, 5)) : 0;
}

static void
make_page(struct scene *s, uint64_t *random, uint32_t i, uint32_t retries)
{
	static const uint8_t kinds[] = {60, 8, 1, 6, 3, 8, 4, 2, 3, 2, 0};
	static const char *const endings[] = {"", ".html", "/", "?q=1&r=2", ".png"};
	struct scene_page *p = &s->pages[i];

	p->number = i;
	p->host = (uint32_t)scene_draw(random, s->hosts_len);
	p->kind = (enum page_kind)draw_kind(random, kinds);
	if (retries == 0 && (p->kind == PAGE_FLAKY || p->kind == PAGE_BUSY))
		p->kind = PAGE_PLAIN;
	if (p->kind == PAGE_FLAKY || p->kind == PAGE_BUSY)
		p->fails = 1 + (int)scene_draw(random, retries);
	p->is_private = scene_draw(random, 6) == 0;
	p->body_bytes =
	    p->kind == PAGE_BIG ? 200000 : (uint32_t)scene_draw_size(random, 4000);
	(void)snprintf(p->url, sizeof(p->url), "%s/%sp%u%s", s->hosts[p->host].authority,
	    p->is_private ? "private/" : "", i,
	    p->kind == PAGE_IMAGE ? ".png" : endings[scene_draw(random, 4)]);
}

/* Ten requests in a row without an answer are the host's end, whatever else it has: one page
 * that never answers does not come to that, with six retries either. */
static void
spare_hosts(struct scene *s, uint32_t targets)
{
	bool has_one[SCENE_HOSTS_MAX] = {false};

	for (uint32_t i = 0; i < targets; i++) {
		struct scene_page *p = &s->pages[i];

		if (p->kind != PAGE_ENDLESS)
			continue;
		if (has_one[p->host])
			p->kind = PAGE_PLAIN;
		has_one[p->host] = true;
	}
}

static void
make_nothing(struct scene *s, uint32_t i)
{
	struct scene_page *p = &s->pages[i];

	p->number = i;
	p->kind = PAGE_NOTHING;
	if (i % 3 == 0) {
		p->expected = OUTCOME_UNSUPPORTED_SCHEME;
		(void)snprintf(p->url, sizeof(p->url), "mailto:a%u@h.test", i);
	} else if (i % 3 == 1) {
		p->expected = OUTCOME_BAD_URL;
		(void)snprintf(p->url, sizeof(p->url), "http://[bad%u", i);
	} else {
		p->expected = OUTCOME_TRAP;
		(void)snprintf(p->url, sizeof(p->url), "%s/img/img/img/img/%u",
		    s->hosts[0].authority, i);
	}
}

static void
make_sitemap(struct scene *s, uint32_t host, uint32_t i)
{
	struct scene_page *p = &s->pages[i];

	p->number = i;
	p->host = host;
	p->kind = PAGE_SITEMAP;
	(void)snprintf(
	    p->url, sizeof(p->url), "%s/map%u.xml", s->hosts[host].authority, i);
}

static bool
has_links(const struct scene_page *p)
{
	return p->kind == PAGE_PLAIN || p->kind == PAGE_BIG || p->kind == PAGE_FLAKY ||
	       p->kind == PAGE_BUSY || p->kind == PAGE_REDIRECT ||
	       p->kind == PAGE_SITEMAP;
}

static void
make_links(struct scene *s, uint64_t *random, struct scene_page *p, uint32_t targets,
    uint32_t all)
{
	uint32_t n = p->kind == PAGE_REDIRECT ? 1 : (uint32_t)scene_draw(random, 8);

	for (uint32_t i = 0; i < n; i++) {
		/* A sitemap lists what is on its own host only. */
		uint32_t to = (uint32_t)scene_draw(random, targets);

		if (p->kind != PAGE_REDIRECT && p->kind != PAGE_SITEMAP &&
		    scene_draw(random, 40) == 0)
			to = targets + (uint32_t)scene_draw(random, all - targets);
		if (p->kind == PAGE_SITEMAP && s->pages[to].host != p->host)
			continue;
		p->links[p->links_len++] = to;
	}
	if (p->kind == PAGE_REDIRECT)
		(void)snprintf(p->location, sizeof(p->location), "Location: %s\r\n",
		    s->pages[p->links[0]].url);
	/* A chain through all, so that not too much is out of reach. */
	if (p->kind != PAGE_REDIRECT && p->kind != PAGE_SITEMAP &&
	    p->number + 1 < targets && scene_draw(random, 8) != 0)
		p->links[p->links_len++] = p->number + 1;
}

/* ---- options ---- */

static void __attribute__((format(printf, 2, 3)))
add_option(struct scene *s, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(
	    s->option_texts[s->options_len], sizeof(s->option_texts[0]), format, ap);
	va_end(ap);
	s->options[s->options_len] = s->option_texts[s->options_len];
	s->options_len++;
}

static uint32_t
make_options(struct scene *s, uint64_t *random)
{
	static const int64_t delays[] = {-1, 0, 0, 50, 1000};
	static const char *const orders[] = {"bfs", "bfs", "dfs", "priority", "opic"};
	static const uint32_t intervals[] = {10, 200, 1000, 1000, 5000};
	uint32_t retries = (uint32_t)scene_draw(random, 5);

	s->retries = retries;
	s->obeys_robots = scene_draw(random, 6) != 0;
	s->any_scope = scene_draw(random, 3) != 0;
	s->per_host =
	    scene_draw(random, 3) == 0 ? 1 + (uint32_t)scene_draw(random, 4) : 1;
	s->delay_ms = delays[scene_draw(random, 5)];
	add_option(s, "scope=%s", s->any_scope ? "any" : "host");
	add_option(s, "robots=%s", s->obeys_robots ? "obey" : "ignore");
	add_option(s, "per-host=%u", s->per_host);
	add_option(s, "concurrency=%d", 1 + (int)scene_draw(random, 20));
	add_option(s, "retries=%u", retries);
	add_option(s, "first-byte-timeout=5s");
	add_option(s, "order=%s", orders[scene_draw(random, 5)]);
	add_option(s, "priority=/p[0-9]*[05]=%d", (int)scene_draw(random, 200) - 100);
	add_option(s, "warc-size=%s", scene_draw(random, 2) == 0 ? "64KiB" : "1GB");
	add_option(s, "commit-interval=%ums", intervals[scene_draw(random, 5)]);
	if (s->delay_ms >= 0)
		add_option(s, "delay=%dms", (int)s->delay_ms);
	return retries;
}

/* ---- the closure ---- */

static enum outcome
host_says(const struct scene *s, const struct scene_page *p)
{
	const struct scene_host *h = &s->hosts[p->host];

	switch (h->kind) {
	case HOST_DOWN:
		return OUTCOME_CONNECT_FAILURE;
	case HOST_DEAF:
		return OUTCOME_TIMEOUT_CONNECT;
	case HOST_NAMELESS:
		return OUTCOME_DNS_FAILURE;
	default:
		break;
	}
	if (!s->obeys_robots)
		return OUTCOME_NONE;
	if (h->robots == ROBOTS_BROKEN)
		return OUTCOME_ROBOTS_UNREACHABLE;
	if (h->robots == ROBOTS_DENY ||
	    ((h->robots == ROBOTS_RULES || h->robots == ROBOTS_MOVED) && p->is_private))
		return OUTCOME_ROBOTS_DENIED;
	return OUTCOME_NONE;
}

static enum outcome
page_says(const struct scene_page *p)
{
	switch (p->kind) {
	case PAGE_MISSING:
		return OUTCOME_HTTP_4XX;
	case PAGE_ERROR:
		return OUTCOME_HTTP_5XX;
	case PAGE_REDIRECT:
		return OUTCOME_REDIRECT;
	case PAGE_BROKEN:
		return OUTCOME_PROTOCOL_ERROR;
	case PAGE_ENDLESS:
		return OUTCOME_TIMEOUT_FIRST_BYTE;
	default:
		return OUTCOME_OK;
	}
}

static enum outcome
expect(const struct scene *s, const struct scene_page *p)
{
	enum outcome o;

	if (p->kind == PAGE_NOTHING && p->expected != OUTCOME_TRAP)
		return p->expected;
	if (!s->any_scope && !s->hosts[p->host].in_scope)
		return OUTCOME_OUT_OF_SCOPE;
	if (p->kind == PAGE_NOTHING)
		return p->expected;
	o = host_says(s, p);
	return o == OUTCOME_NONE ? page_says(p) : o;
}

/* The sitemap of a host is found when the first of its URLs has its turn. */
static void
reach_sitemap(struct scene *s, const struct scene_page *by, uint32_t *todo, uint32_t *len)
{
	const struct scene_host *h = &s->hosts[by->host];

	if (by->kind == PAGE_NOTHING || !s->obeys_robots || h->robots != ROBOTS_SITEMAP ||
	    (h->kind != HOST_PLAIN && h->kind != HOST_SLOW) ||
	    by->expected == OUTCOME_OUT_OF_SCOPE)
		return;
	for (uint32_t i = 0; i < s->pages_len; i++)
		if (s->pages[i].kind == PAGE_SITEMAP && s->pages[i].host == by->host &&
		    !s->pages[i].reached) {
			s->pages[i].reached = true;
			s->pages[i].via = by->number;
			todo[(*len)++] = i;
		}
}

static int
walk(struct scene *s)
{
	uint32_t *todo = calloc(s->pages_len + 1, sizeof(*todo)), len = 0;

	if (todo == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->seeds_len; i++) {
		s->pages[s->seeds[i]].reached = true;
		todo[len++] = s->seeds[i];
	}
	for (uint32_t at = 0; at < len; at++) {
		struct scene_page *p = &s->pages[todo[at]];

		p->expected = expect(s, p);
		reach_sitemap(s, p, todo, &len);
		if (p->expected != OUTCOME_OK && p->expected != OUTCOME_REDIRECT)
			continue;
		for (uint32_t i = 0; i < p->links_len; i++) {
			struct scene_page *to = &s->pages[p->links[i]];

			if (to->reached)
				continue;
			to->reached = true;
			to->via = p->number;
			todo[len++] = p->links[i];
		}
	}
	free(todo);
	return 0;
}

/* Seeds are on hosts that answer.  One of them may move to another host, whose place is
 * then in scope, too; a single one over several. */
static void
make_seeds(struct scene *s, uint64_t *random, uint32_t targets)
{
	uint32_t n = 1 + (uint32_t)scene_draw(random, SCENE_SEEDS_MAX);

	if (!s->any_scope && s->pages[0].kind == PAGE_REDIRECT &&
	    s->pages[s->pages[0].links[0]].kind == PAGE_REDIRECT)
		n = 1;
	for (uint32_t tries = 0; s->seeds_len < n && tries < 200; tries++) {
		uint32_t i = tries == 0 ? 0 : (uint32_t)scene_draw(random, targets);
		struct scene_page *p = &s->pages[i];
		bool is_known = false;

		for (uint32_t k = 0; k < s->seeds_len; k++)
			is_known |= s->seeds[k] == i;
		if (is_known || s->hosts[p->host].kind != HOST_PLAIN ||
		    (p->kind == PAGE_REDIRECT && tries > 0))
			continue;
		s->seeds[s->seeds_len++] = i;
		s->hosts[p->host].in_scope = true;
	}
	for (uint32_t hops = 0, i = 0;
	     s->pages[i].kind == PAGE_REDIRECT && hops < 20; hops++) {
		struct scene_host *h = &s->hosts[s->pages[s->pages[i].links[0]].host];

		i = s->pages[i].links[0];
		h->is_moved_to |= !h->in_scope;
		h->in_scope = true;
	}
}

int
scene_make(uint64_t seed, struct scene *ret)
{
	uint64_t random = seed;
	uint32_t targets, nothings = 4, maps = 0, at, retries;
	bool large = scene_draw(&random, 64) == 0;

	*ret = (struct scene){.seed = seed};
	retries = make_options(ret, &random);
	ret->hosts_len = 2 + (uint32_t)scene_draw(&random, SCENE_HOSTS_MAX - 1);
	for (uint32_t i = 0; i < ret->hosts_len; i++) {
		make_host(ret, &random, i);
		maps += ret->hosts[i].robots == ROBOTS_SITEMAP;
	}
	targets = large ? 3000 : 4 + (uint32_t)scene_draw(&random, 140);
	ret->pages_len = targets + nothings + maps;
	ret->pages = calloc(ret->pages_len, sizeof(*ret->pages));
	if (ret->pages == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < targets; i++)
		make_page(ret, &random, i, retries);
	spare_hosts(ret, targets);
	/* The first page is a seed, and leads somewhere. */
	ret->pages[0].host = 0;
	ret->pages[0].is_private = false;
	ret->pages[0].kind = scene_draw(&random, 6) == 0 ? PAGE_REDIRECT : PAGE_PLAIN;
	(void)snprintf(ret->pages[0].url, SCENE_URL_MAX, "%s/", ret->hosts[0].authority);
	for (uint32_t i = 0; i < nothings; i++)
		make_nothing(ret, targets + i);
	at = targets + nothings;
	for (uint32_t i = 0; i < ret->hosts_len; i++)
		if (ret->hosts[i].robots == ROBOTS_SITEMAP)
			make_sitemap(ret, i, at++);
	for (uint32_t i = 0; i < ret->pages_len; i++)
		if (has_links(&ret->pages[i]))
			make_links(
			    ret, &random, &ret->pages[i], targets, targets + nothings);
	make_seeds(ret, &random, targets);
	map_init(&ret->by_url, ret->pages_len);
	for (uint32_t i = 0; i < ret->pages_len; i++)
		if (map_put(&ret->by_url, slice_cstr(ret->pages[i].url), &ret->pages[i]) <
		    0)
			return -ENOMEM;
	return walk(ret);
}

void
scene_release(struct scene *s)
{
	map_release(&s->by_url);
	free(s->pages);
	s->pages = NULL;
}

/* ---- answers ---- */

static int
add_filling(struct buf *b, uint64_t random, uint32_t bytes)
{
	static const char words[] = "frontier seed scope hop host queue outlink payload ";
	int r = 0;

	for (uint32_t i = 0; i < bytes && r == 0; i += 16) {
		const char *from = words + scene_draw(&random, sizeof(words) - 17);

		r = buf_add(b, from, bytes - i < 16 ? bytes - i : 16);
	}
	return r;
}

int
scene_body(const struct scene *s, const struct scene_page *p, struct buf *ret)
{
	bool is_map = p->kind == PAGE_SITEMAP;
	int r;

	if (p->kind == PAGE_REDIRECT || p->kind == PAGE_ERROR)
		return 0;
	if (p->kind == PAGE_IMAGE || p->kind == PAGE_MISSING)
		return add_filling(ret, s->seed + p->number, p->body_bytes);
	if (is_map)
		r = buf_add_cstr(ret, "<urlset>\n");
	else
		r = buf_printf(ret, "<!doctype html><title>%u</title>\n", p->number);
	for (uint32_t i = 0; i < p->links_len && r == 0; i++) {
		const struct scene_page *to = &s->pages[p->links[i]];
		const char *text = to->url;

		if (!is_map && to->kind != PAGE_NOTHING && to->host == p->host && i % 2)
			text += strlen(s->hosts[to->host].authority);
		if (is_map)
			r = buf_printf(ret, "<url><loc>");
		else if (to->kind == PAGE_IMAGE)
			r = buf_printf(ret, "<img src='");
		else
			r = buf_printf(ret, "<a href='");
		for (const char *c = text; *c != '\0' && r == 0; c++)
			r = *c == '&' ? buf_add_cstr(ret, "&amp;")
				      : buf_add_byte(ret, *c);
		if (r == 0)
			r = buf_add_cstr(ret, is_map                   ? "</loc></url>\n"
					      : to->kind == PAGE_IMAGE ? "'>\n"
								       : "'>x</a>\n");
	}
	if (is_map)
		return r == 0 ? buf_add_cstr(ret, "</urlset>\n") : r;
	return r == 0 ? add_filling(ret, s->seed + p->number, p->body_bytes) : r;
}

int
scene_robots(const struct scene *s, const struct scene_host *h, struct buf *ret)
{
	int r = buf_add_cstr(ret, "User-agent: *\n");

	if (r == 0 && (h->robots == ROBOTS_RULES || h->robots == ROBOTS_MOVED))
		r = buf_add_cstr(ret, "Disallow: /private/\n");
	else if (r == 0)
		r = buf_add_cstr(
		    ret, h->robots == ROBOTS_DENY ? "Disallow: /\n" : "Disallow:\n");
	if (r == 0 && h->robots == ROBOTS_DELAY)
		r = buf_printf(ret, "Crawl-delay: %d\n", (int)(h->crawl_delay_ms / 1000));
	for (uint32_t i = 0; i < s->pages_len && h->robots == ROBOTS_SITEMAP; i++)
		if (r == 0 && s->pages[i].kind == PAGE_SITEMAP &&
		    &s->hosts[s->pages[i].host] == h)
			r = buf_printf(ret, "Sitemap: %s\n", s->pages[i].url);
	return r;
}

struct scene_page *
scene_page(const struct scene *s, struct slice url)
{
	return map_get(&s->by_url, url);
}

static void
fails(struct sim_reply *ret, enum outcome how)
{
	ret->status = 0;
	ret->failure = how;
}

static void
answer_robots(const struct scene *s, const struct scene_host *h, const char *url,
    struct sim_reply *ret, struct buf *body)
{
	ret->headers = "Content-Type: text/plain\r\n";
	switch (h->robots) {
	case ROBOTS_NONE:
		ret->status = 404;
		return;
	case ROBOTS_BROKEN:
		ret->status = 500;
		return;
	case ROBOTS_FLAKY:
		/* No more often than it is asked for again. */
		if (sim_count(url) == 1 && s->retries >= 1)
			ret->status = 503;
		else if (sim_count(url) == 2 && s->retries >= 2)
			fails(ret, OUTCOME_TIMEOUT_STALL);
		break;
	case ROBOTS_SLOW:
		ret->latency_ms = 4000;
		break;
	case ROBOTS_MOVED:
		ret->status = 301;
		ret->headers = h->moved_to;
		return;
	default:
		break;
	}
	if (ret->status == 200)
		(void)scene_robots(s, h, body);
}

static void
answer_page(const struct scene *s, const struct scene_page *p, struct sim_reply *ret,
    struct buf *body)
{
	bool again = sim_count(p->url) <= (size_t)p->fails;

	switch (p->kind) {
	case PAGE_MISSING:
		ret->status = 404;
		break;
	case PAGE_ERROR:
		ret->status = 500;
		return;
	case PAGE_REDIRECT:
		ret->status = p->number % 2 == 0 ? 301 : 302;
		ret->headers = p->location;
		return;
	case PAGE_FLAKY:
		if (again)
			fails(ret, OUTCOME_TIMEOUT_STALL);
		break;
	case PAGE_BUSY:
		if (again) {
			ret->status = p->number % 2 == 0 ? 429 : 503;
			ret->headers = p->number % 3 == 0 ? "Retry-After: 20\r\n" : NULL;
			return;
		}
		break;
	case PAGE_BROKEN:
		fails(ret, OUTCOME_PROTOCOL_ERROR);
		break;
	case PAGE_ENDLESS:
		ret->latency_ms = 1000000;
		break;
	case PAGE_SITEMAP:
		ret->headers = "Content-Type: application/xml\r\n";
		break;
	case PAGE_IMAGE:
		ret->headers = "Content-Type: image/png\r\n";
		break;
	default:
		break;
	}
	if (ret->status != 0)
		(void)scene_body(s, p, body);
}

static const struct scene_host *
host_of(const struct scene *s, struct slice url)
{
	for (uint32_t i = 0; i < s->hosts_len; i++) {
		struct slice a = slice_cstr(s->hosts[i].authority);

		if (slice_starts(url, a) &&
		    slice_starts(slice_from(url, a.len), SLICE_LIT("/")))
			return &s->hosts[i];
	}
	return NULL;
}

void
scene_answer(void *ctx, struct slice url, struct sim_reply *ret, struct buf *body)
{
	const struct scene *s = ctx;
	const struct scene_host *h = host_of(s, url);
	const struct scene_page *p = scene_page(s, url);
	struct slice path;
	char text[256];

	if (h == NULL) {
		fails(ret, OUTCOME_CONNECT_FAILURE);
		return;
	}
	(void)snprintf(text, sizeof(text), SLICE_FMT, SLICE_ARG(url));
	path = slice_from(url, strlen(h->authority));
	ret->latency_ms = h->latency_ms;
	ret->status = 200;
	if (h->kind == HOST_DOWN) {
		fails(ret, OUTCOME_CONNECT_FAILURE);
	} else if (h->kind == HOST_DEAF) {
		fails(ret, OUTCOME_TIMEOUT_CONNECT);
		ret->latency_ms = 3000;
	} else if (slice_eq(path, SLICE_LIT("/robots.txt"))) {
		answer_robots(s, h, text, ret, body);
	} else if (slice_starts(path, SLICE_LIT("/rules"))) {
		ret->headers = "Content-Type: text/plain\r\n";
		(void)scene_robots(s, &s->hosts[text[url.len - 5] - '0'], body);
	} else if (p == NULL) {
		ret->status = 404;
	} else {
		answer_page(s, p, ret, body);
	}
}
