#include "loop/gather.h"
#include <assert.h>

#include "base/banned.h"

static void
gather_on_end(void *ctx)
{
	struct gather *g = ctx;

	g->fn(g->ctx, g->err);
}

void
gather_start(struct gather *g, struct loop *l, uint32_t n, void (*fn)(void *ctx, int err),
    void *ctx)
{
	*g = (struct gather){.left = n, .fn = fn, .ctx = ctx};
	later_init(&g->end, l, gather_on_end, g);
	if (n == 0)
		later_start(&g->end);
}

void
gather_done(struct gather *g, int err)
{
	if (g->cancelled)
		return;
	assert(g->left > 0);
	if (g->err == 0)
		g->err = err;
	if (--g->left == 0)
		later_start(&g->end);
}

void
gather_cancel(struct gather *g)
{
	g->cancelled = true;
	later_stop(&g->end);
}
