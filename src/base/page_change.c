#include "base/page_change.h"
#include <assert.h>

static const char *const names[PAGE_CHANGE_MAX] = {
#define X(id, name, told) [PAGE_CHANGE_##id] = name,
    PAGE_CHANGES(X)
#undef X
};

const char *
page_change_name(enum page_change c)
{
	assert(c < PAGE_CHANGE_MAX);
	return names[c];
}

bool
page_change_is_told(enum page_change c)
{
	static const bool told[PAGE_CHANGE_MAX] = {
#define X(id, name, told) [PAGE_CHANGE_##id] = (told) != 0,
	    PAGE_CHANGES(X)
#undef X
	};

	assert(c < PAGE_CHANGE_MAX);
	return told[c];
}

bool
page_change_parse(struct slice name, enum page_change *ret)
{
	for (int c = 0; c < PAGE_CHANGE_MAX; c++) {
		if (!slice_eq(name, slice_cstr(names[c])))
			continue;
		*ret = (enum page_change)c;
		return true;
	}
	return false;
}
