/*
 * ctl/route.h -- which function answers what: the one table of the API, in groups.
 *
 * A group is an array in a file of its own (api_jobs.c ...), named in api_groups[] of
 * api.c.  A path is matched segment by segment; {name} stands for one segment, and
 * "{id}:pause" for one that ends so.  HEAD is GET without the body.
 *
 * Owns: nothing.   Threads: loop thread.
 */
#ifndef CTL_ROUTE_H
#define CTL_ROUTE_H
#include "ctl/request.h"

enum route_flag {
	ROUTE_ADMIN = 1, /* changes something: the role ADMIN is wanted */
	ROUTE_JSON = 2,  /* takes a body: a JSON object, application/json */
	ROUTE_OPEN = 4,  /* no role is wanted: health */
	/* The body may be left out, or be empty. */
	ROUTE_JSON_OPTIONAL = 8,
	ROUTE_MERGE = 16, /* application/merge-patch+json, too */
	/* With ADMIN: it takes a query, and judges it; others of these take none. */
	ROUTE_QUERY = 32,
};
struct route {
	const char *method; /* NULL ends a group */
	const char *path;
	unsigned flags;
	void (*handle)(struct request *r);
	const char *summary; /* for people, and the API's description */
};

enum route_found { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD, ROUTE_BAD_PATH };
struct route_match {
	const struct route *route;
	struct slice params[REQUEST_PARAMS_MAX]; /* not decoded */
	unsigned params_len;
	char allow[64]; /* of NO_METHOD: those there are */
};
enum route_found route_find(const struct route *const *groups, const char *method,
    struct slice path, struct route_match *ret);
/* Every path is well formed, and no two can match the same.  Asserts. */
void route_check(const struct route *const *groups);
#endif
