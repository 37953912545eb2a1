#include "base/map.h"
#include "base/wire.h"
#include "crawl/parse_internal.h"
#include "sink/checks.h"
#include "web/charset.h"
#include "web/url.h"
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <time.h>

enum {
	ARENA_BLOCK = 1 << 18,
	/* As select_values_encode() makes them, heads included. */
	FIELDS_BYTES_MAX =
	    SELECT_PAGE_BYTES_MAX + SELECT_FIELDS_MAX * SELECT_VALUES_MAX * 8 + 1,
};

/* ---- settings ---- */

int
parse_settings(struct slice scope, struct slice fields, const struct parse_limits *limits,
    struct buf *out)
{
	struct wire_out w = {.b = out};

	wire_text(&w, fields);
	wire_u64(&w, limits->decoded_bytes);
	wire_u64(&w, limits->notes_bytes);
	wire_u32(&w, limits->links);
	wire_u32(&w, (uint32_t)limits->coding);
	wire_u8(&w, (uint8_t)limits->copy);
	wire_u64(&w, limits->copy_bytes);
	wire_u64(&w, limits->known_at);
	wire_u64(&w, limits->known_bytes);
	wire_u64(&w, limits->known_salt);
	wire_put(&w, scope.ptr, scope.len);
	return w.err;
}

static void
context_release(struct context *c)
{
	scope_rules_free(c->rules);
	select_free(c->fields);
	*c = (struct context){0};
}

/* Of nothing: a context that is free. */
static int
context_read(struct slice settings, struct context *ret)
{
	struct wire_in in = {.rest = settings};
	struct slice fields;
	struct context c = {0};
	uint32_t coding;
	uint8_t copy;
	int r;

	if (settings.len == 0) {
		*ret = c;
		return 0;
	}
	fields = wire_get_text(&in);
	c.limits.decoded_bytes = wire_get_u64(&in);
	c.limits.notes_bytes = wire_get_u64(&in);
	c.limits.links = wire_get_u32(&in);
	coding = wire_get_u32(&in);
	copy = wire_get_u8(&in);
	c.limits.copy_bytes = wire_get_u64(&in);
	c.limits.known_at = wire_get_u64(&in);
	c.limits.known_bytes = wire_get_u64(&in);
	c.limits.known_salt = wire_get_u64(&in);
	if (in.bad || coding > WARC_ZSTD || copy > PARSE_COPY_RELINKED)
		return -EBADMSG;
	c.limits.copy = (enum parse_copy)copy;
	c.limits.coding = (enum warc_coding)coding;
	r = scope_rules_new(in.rest, &c.rules, NULL);
	if (r == 0 && fields.len > 0)
		r = select_new(fields, &c.fields);
	if (r < 0)
		context_release(&c);
	else
		*ret = c;
	return r;
}

/* ---- life ---- */

/* What is made of answers, so that it does not lie there for the next authority's. */
void
parser_forget(void *state)
{
	struct parser *p = state;

	arena_wipe(&p->arena);
	buf_wipe(&p->decoded);
	buf_wipe(&p->records);
	buf_wipe(&p->rules);
	buf_wipe(&p->fields);
	copier_wipe(&p->copier);
	buf_wipe(&p->checks);
	explicit_bzero(&p->links, sizeof(p->links));
	warc_packer_forget(p->packer);
}

void
parser_fini(void *state)
{
	struct parser *p = state;

	if (p == NULL)
		return;
	for (size_t i = 0; i < CONTEXTS_MAX; i++)
		context_release(&p->contexts[i]);
	warc_packer_free(p->packer);
	arena_release(&p->arena);
	buf_release(&p->decoded);
	buf_release(&p->records);
	buf_release(&p->rules);
	buf_release(&p->fields);
	copier_release(&p->copier);
	buf_release(&p->checks);
	free(p);
}

/* Before the jail: whatever a library opens (tables, configuration) it opens here. */
int
parser_init(void **ret_state, struct why *why)
{
	struct parser *p = calloc(1, sizeof(*p));
	int r;

	if (p == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	arena_init(&p->arena, ARENA_BLOCK, SIZE_MAX); /* each context has its own limit */
	buf_init(&p->decoded, SIZE_MAX / 2);
	buf_init(&p->records, SIZE_MAX / 2);
	buf_init(&p->rules, 4 << 20);
	buf_init(&p->fields, FIELDS_BYTES_MAX);
	copier_init(&p->copier);
	buf_init(&p->checks, CHECKS_BYTES_MAX);
	json_object_seed(1); /* our own settings only: no stranger chooses keys */
	(void)siphash((struct slice){0}); /* draws its key now */
	tzset();
	r = charset_preload();
	if (r == 0)
		r = url_charsets_preload();
	if (r == 0)
		r = warc_packer_new(&p->packer);
	if (r < 0) {
		parser_fini(p);
		return why_set(why, r, "the parser cannot start: %s", strerror(-r));
	}
	*ret_state = p;
	return 0;
}

struct context *
parser_context(struct parser *p, uint32_t id)
{
	for (size_t i = 0; i < CONTEXTS_MAX; i++)
		if (p->contexts[i].rules != NULL && p->contexts[i].id == id)
			return &p->contexts[i];
	return NULL;
}

int
parser_configure(void *state, uint32_t id, struct slice settings)
{
	struct parser *p = state;
	struct context *c = parser_context(p, id);
	struct context made;
	int r = context_read(settings, &made);

	if (r < 0)
		return r;
	for (size_t i = 0; i < CONTEXTS_MAX && c == NULL; i++)
		if (p->contexts[i].rules == NULL)
			c = &p->contexts[i];
	if (c == NULL) {
		context_release(&made);
		return -ENOSPC;
	}
	context_release(c);
	*c = made;
	c->id = id;
	return 0;
}

int
parser_extend(void *state, uint32_t id, struct slice more)
{
	struct context *c = parser_context(state, id);

	return c == NULL ? -ENOENT : scope_rules_extend(c->rules, more);
}
