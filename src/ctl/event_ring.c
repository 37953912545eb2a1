#include "ctl/event_ring.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int
event_ring_init(struct event_ring *g, uint32_t max, size_t bytes_max)
{
	struct event *v = calloc(max, sizeof(*v));

	if (v == NULL)
		return -ENOMEM;
	*g = (struct event_ring){
	    .v = v, .max = max, .bytes_max = bytes_max, .first = 1, .next = 1};
	return 0;
}

static void
drop_first(struct event_ring *g)
{
	struct event *e = &g->v[g->first % g->max];

	g->bytes -= e->len;
	free(e->text);
	*e = (struct event){0};
	g->first++;
}

void
event_ring_release(struct event_ring *g)
{
	if (g->v == NULL)
		return;
	while (g->first < g->next)
		drop_first(g);
	free(g->v);
	g->v = NULL;
}

int
event_ring_add(struct event_ring *g, uint64_t run, unsigned kind, struct slice text)
{
	char *copy;

	if (text.len > g->bytes_max || text.len > UINT32_MAX)
		return -EMSGSIZE;
	copy = slice_dup(text);
	if (copy == NULL)
		return -ENOMEM;
	while (g->next - g->first >= g->max || g->bytes + text.len > g->bytes_max)
		drop_first(g);
	g->v[g->next % g->max] = (struct event){run, kind, (uint32_t)text.len, copy};
	g->next++;
	g->bytes += text.len;
	return 0;
}

const struct event *
event_ring_get(const struct event_ring *g, uint64_t number)
{
	if (number < g->first || number >= g->next)
		return NULL;
	return &g->v[number % g->max];
}

void
event_id_print(uint64_t epoch, uint64_t number, char ret[EVENT_ID_MAX])
{
	(void)snprintf(ret, EVENT_ID_MAX, "%" PRIx64 "-%" PRIu64, epoch, number);
}

bool
event_id_read(struct slice text, uint64_t *ret_epoch, uint64_t *ret_number)
{
	size_t at = slice_find(text, '-');
	uint64_t epoch = 0, number;

	if (at == 0 || at > 16 || !slice_to_u64(slice_from(text, at + 1), &number))
		return false;
	for (size_t i = 0; i < at; i++) {
		int d = ascii_hex(text.ptr[i]);

		if (d < 0)
			return false;
		epoch = epoch << 4 | (unsigned)d;
	}
	*ret_epoch = epoch;
	*ret_number = number;
	return true;
}
