#include "base/outcome.h"
#include <assert.h>

static const char *const names[OUTCOME_MAX] = {
#define X(id, name, class) [OUTCOME_##id] = name,
    OUTCOMES(X)
#undef X
};

static const enum outcome_class classes[OUTCOME_MAX] = {
#define X(id, name, class) [OUTCOME_##id] = OUTCOME_CLASS_##class,
    OUTCOMES(X)
#undef X
};

const char *
outcome_name(enum outcome o)
{
	assert(o < OUTCOME_MAX);
	return names[o];
}

enum outcome_class
outcome_class(enum outcome o)
{
	assert(o < OUTCOME_MAX);
	return classes[o];
}

bool
outcome_is_whole(enum outcome o)
{
	return o == OUTCOME_OK || o == OUTCOME_DUPLICATE_CONTENT;
}

bool
outcome_is_broken(enum outcome o)
{
	switch (o) {
	case OUTCOME_HTTP_4XX:
	case OUTCOME_HTTP_5XX:
	case OUTCOME_TRUNCATED:
		return true;
	case OUTCOME_ROBOTS_UNREACHABLE:
	case OUTCOME_CANCELLED:
		return false;
	default:
		return outcome_class(o) == OUTCOME_CLASS_FAILED;
	}
}

bool
outcome_parse(struct slice name, enum outcome *ret)
{
	for (int o = 0; o < OUTCOME_MAX; o++) {
		if (!slice_eq(name, slice_cstr(names[o])))
			continue;
		*ret = (enum outcome)o;
		return true;
	}
	return false;
}
