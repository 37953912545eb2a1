#include "sink/sink.h"
#include "base/room.h"
#include "sink/lines.h"
#include "sink/types.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/banned.h"

/* The one table.  First those that people may ask for, in the order they are told. */
#define SINKS_ASKED(X)                                                                   \
	X(warc, "warc")                                                                  \
	X(jsonl, "jsonl")                                                                \
	X(csv, "csv")                                                                    \
	X(sqlite, "sqlite")                                                              \
	X(mirror, "mirror")                                                              \
	X(output, "stdout")                                                              \
	X(exec, "exec")                                                                  \
	X(s3, "s3")                                                                      \
	X(none, "none")
#define SINKS_OWN(X)                                                                     \
	X(crawl_log, "crawl-log")                                                        \
	X(rejected_log, "rejected-log")                                                  \
	X(changes, "changes")                                                            \
	X(checks, "checks")                                                              \
	X(cdxj, "cdxj")

#define X_TYPE(id, name) &sink_##id,
static const struct sink_type *const types[] = {SINKS_ASKED(X_TYPE) SINKS_OWN(X_TYPE)};
#define X_ONE(id, name) +1
enum { ASKED_N = 0 SINKS_ASKED(X_ONE), TYPES_N = sizeof(types) / sizeof(types[0]) };

static const struct sink_type *
type_get(const char *name, size_t among)
{
	for (size_t i = 0; i < among; i++)
		if (slice_eq(slice_cstr(types[i]->name), slice_cstr(name)))
			return types[i];
	return NULL;
}

bool
sink_exists(const char *name)
{
	return type_get(name, ASKED_N) != NULL;
}

bool
sink_wants_outlinks(const char *name)
{
	const struct sink_type *type = type_get(name, ASKED_N);

	return type != NULL && type->outlinks;
}

const char *
sink_names(void)
{
#define X_NAME(id, name) ", " name
	static const char names[] = SINKS_ASKED(X_NAME);

	return names + 2;
}

int
sink_open(const char *name, const struct sink_conf *conf, struct slice mark,
    struct sink **ret, struct why *why)
{
	const struct sink_type *type = type_get(name, TYPES_N);
	struct sink *s;
	int r;

	if (type == NULL)
		return why_set(why, -ENOENT, "there is no sink '%.64s'; there are %s",
		    name, sink_names());
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return why_set(why, -ENOMEM, "no memory for sink '%s'", type->name);
	s->type = type;
	r = type->open(s, conf, mark, why);
	if (r < 0) {
		free(s);
		return room_error(r);
	}
	*ret = s;
	return 0;
}

int
sink_put(struct sink *s, struct sink_event *e, struct why *why)
{
	assert(s != NULL);
	assert(e->outcome < OUTCOME_MAX);
	return s->type->put(s, e, why);
}

int
sink_flush(struct sink *s, struct why *why)
{
	return s->type->flush(s, why);
}

int
sink_sync(struct sink *s, struct why *why)
{
	return s->type->sync(s, why);
}

int
sink_mark(struct sink *s, struct buf *out)
{
	return s->type->mark(s, out);
}

int
sink_committed(struct sink *s, struct why *why)
{
	return s->type->committed == NULL ? 0 : s->type->committed(s, why);
}

int
sink_finish(struct sink *s, struct why *why)
{
	return s->type->finish == NULL ? 0 : s->type->finish(s, why);
}

int
sink_place(const char *name, struct slice mark, struct sink_place *ret)
{
	const struct sink_type *type = type_get(name, TYPES_N);

	if (type != NULL && type->lines != NULL)
		return lines_place(type->lines, mark, ret) ? 0 : -EBADMSG;
	if (type == NULL || type->place == NULL)
		return -ENOENT;
	return type->place(mark, ret) ? 0 : -EBADMSG;
}

int
sink_verify(const char *name, const char *dir, struct slice mark, struct why *why)
{
	const struct sink_type *type = type_get(name, TYPES_N);

	if (type != NULL && type->lines != NULL)
		return lines_verify(dir, type->lines, mark, why);
	return type == NULL || type->verify == NULL ? 0 : type->verify(dir, mark, why);
}

const char *
sink_name(size_t i)
{
	return i < TYPES_N ? types[i]->name : NULL;
}

int
sink_close(struct sink *s, bool finished, struct why *why)
{
	int r;

	if (s == NULL)
		return 0;
	r = s->type->close(s, finished, why);
	free(s);
	return r;
}

/* -- "none": everything is thrown away. -- */

static int
none_open(
    struct sink *s, const struct sink_conf *conf, struct slice mark, struct why *why)
{
	(void)s, (void)conf, (void)mark, (void)why;
	return 0;
}

static int
none_put(struct sink *s, struct sink_event *e, struct why *why)
{
	(void)s, (void)e, (void)why;
	return 0;
}

static int
none_flush(struct sink *s, struct why *why)
{
	(void)s, (void)why;
	return 0;
}

static int
none_mark(struct sink *s, struct buf *out)
{
	(void)s, (void)out;
	return 0;
}

static int
none_close(struct sink *s, bool finished, struct why *why)
{
	(void)s, (void)finished, (void)why;
	return 0;
}

const struct sink_type sink_none = {
    .name = "none",
    .open = none_open,
    .put = none_put,
    .flush = none_flush,
    .sync = none_flush,
    .mark = none_mark,
    .close = none_close,
};
