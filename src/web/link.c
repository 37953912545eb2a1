#include "web/link.h"
#include <assert.h>

static const char *const names[LINK_KIND_MAX] = {
#define X(id, name, hop, follow) [LINK_##id] = name,
    LINK_KINDS(X)
#undef X
};

static const char hops[LINK_KIND_MAX] = {
#define X(id, name, hop, follow) [LINK_##id] = hop,
    LINK_KINDS(X)
#undef X
};

static const bool follows[LINK_KIND_MAX] = {
#define X(id, name, hop, follow) [LINK_##id] = follow,
    LINK_KINDS(X)
#undef X
};

const char *
link_kind_name(enum link_kind k)
{
	assert(k < LINK_KIND_MAX);
	return names[k];
}

char
link_kind_hop(enum link_kind k)
{
	assert(k < LINK_KIND_MAX);
	return hops[k];
}

bool
link_kind_is_followed(enum link_kind k)
{
	assert(k < LINK_KIND_MAX);
	return follows[k];
}

bool
link_kind_is_embed(enum link_kind k)
{
	return link_kind_hop(k) == 'E';
}

bool
link_kind_is_guess(enum link_kind k)
{
	return k == LINK_JSON_LD || k == LINK_SPECULATIVE;
}

bool
link_hops_moved_probe(struct slice path)
{
	size_t len = path.len;

	while (len > 0 && path.ptr[len - 1] == link_kind_hop(LINK_REDIRECT))
		len--;
	return len > 0 && len < path.len && path.ptr[len - 1] == LINK_HOP_PROBE;
}
