/*
 * tests/sim/sim_scene.h -- a random web, random options, and what must come of them.
 *
 * Everything follows from the seed.  The web is a list of pages with links; its answers
 * are made so that what becomes of each URL does not depend on when it is asked: what
 * fails for a while fails fewer times than there are tries.  scene_make() also walks the
 * links itself: `reached` and `expected` are the closure that any crawl must come to,
 * however often it was interrupted.
 */
#ifndef TESTS_SIM_SCENE_H
#define TESTS_SIM_SCENE_H
#include "base/map.h"
#include "sim_web.h"

enum {
	SCENE_HOSTS_MAX = 8,
	SCENE_LINKS_MAX = 16,
	SCENE_SEEDS_MAX = 3,
	SCENE_OPTIONS_MAX = 24,
	SCENE_URL_MAX = 96,
};

/* How a host is, and what its robots.txt says. */
#define HOST_KINDS(X) X(PLAIN) X(SLOW) X(DOWN) X(DEAF) X(NAMELESS)
#define ROBOTS_KINDS(X)                                                                  \
	X(NONE)                                                                          \
	X(ALLOW) X(RULES) X(DELAY) X(SITEMAP) X(DENY) X(BROKEN) X(FLAKY) X(MOVED) X(SLOW)
#define PAGE_KINDS(X)                                                                    \
	X(PLAIN)    /* links */                                                          \
	X(IMAGE)    /* no HTML */                                                        \
	X(BIG)      /* links and 200 KB */                                               \
	X(MISSING)  /* 404 */                                                            \
	X(ERROR)    /* 500 */                                                            \
	X(REDIRECT) /* to links[0] */                                                    \
	X(FLAKY)    /* stalls `fails` times, then links */                               \
	X(BUSY)     /* 429 or 503, `fails` times */                                      \
	X(BROKEN)   /* protocol error, for ever */                                       \
	X(ENDLESS)  /* never a first byte */                                             \
	X(SITEMAP)  /* links; found in robots.txt */                                     \
	X(NOTHING)  /* not to be fetched: mailto:, malformed, a path that repeats */

enum host_kind {
#define X(id) HOST_##id,
	HOST_KINDS(X)
#undef X
};
enum robots_kind {
#define X(id) ROBOTS_##id,
	ROBOTS_KINDS(X)
#undef X
};
enum page_kind {
#define X(id) PAGE_##id,
	PAGE_KINDS(X)
#undef X
};

struct scene_host {
	char authority[64]; /* "http://h3.test" */
	enum host_kind kind;
	enum robots_kind robots;
	int64_t latency_ms, crawl_delay_ms;
	char moved_to[128]; /* its robots.txt, as a header line */
	bool in_scope;
	bool is_moved_to; /* ... since a seed was redirected there, and not before */
};

struct scene_page {
	char url[SCENE_URL_MAX]; /* normal; as written where it is no URL */
	uint32_t host, number;
	enum page_kind kind;
	bool is_private; /* what ROBOTS_RULES forbid */
	int fails;
	uint32_t links[SCENE_LINKS_MAX];
	uint32_t links_len;
	uint32_t body_bytes;               /* of filling */
	char location[SCENE_URL_MAX + 16]; /* of a redirect, as a header line */

	bool reached;
	uint32_t via; /* the first page that leads to it */
	enum outcome expected;
};

struct scene {
	uint64_t seed;
	struct scene_host hosts[SCENE_HOSTS_MAX];
	uint32_t hosts_len;
	struct scene_page *pages;
	uint32_t pages_len;
	struct map by_url;
	uint32_t seeds[SCENE_SEEDS_MAX], seeds_len; /* pages */
	char option_texts[SCENE_OPTIONS_MAX][48];
	const char *options[SCENE_OPTIONS_MAX + 1]; /* NULL at the end */
	uint32_t options_len;
	/* Of the options, for who judges. */
	bool obeys_robots, any_scope;
	uint32_t per_host, retries;
	int64_t delay_ms; /* -1: auto */
};

/* -ENOMEM. */
int scene_make(uint64_t seed, struct scene *ret);
void scene_release(struct scene *s);
/* For sim_web_reset(); ctx: the scene. */
sim_script scene_answer;
/* The body that the page has when it has its outcome; what robots.txt says. */
int scene_body(const struct scene *s, const struct scene_page *p, struct buf *ret);
int scene_robots(const struct scene *s, const struct scene_host *h, struct buf *ret);
/* NULL: no page of the scene. */
struct scene_page *scene_page(const struct scene *s, struct slice url);

/* splitmix64, for all that is drawn. */
uint64_t scene_random(uint64_t *state);
/* 0 to n-1. */
uint64_t scene_draw(uint64_t *state, uint64_t n);
/* 1 to n, as often of one size as of another. */
uint64_t scene_draw_size(uint64_t *state, uint64_t n);
#endif
