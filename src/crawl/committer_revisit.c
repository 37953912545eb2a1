#include "crawl/committer_internal.h"
#include "store/store.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/*
 * What the archive holds already is told by a revisit record: for each payload the store
 * keeps which record has it, under "pay/DIGEST": "TIME ID URL".  Such a page has the
 * outcome duplicate-content, from here on: nobody was told of it yet; also one that came
 * again as it was in an earlier round, of which the worker has made a revisit.  What came
 * since the last commit the store does not find yet: that is looked for in memory.  The
 * record that a revisit refers to is before it in the archive, so none is left alone when
 * the files are cut back to a commit.
 */

enum {
	PAYLOAD_BYTES_MIN = 512, /* a revisit is not much smaller */
	FRESH_MAX = 1 << 17,     /* of one commit; what is more may be archived twice */
	FRESH_BLOCK_BYTES = 16 << 10,
	FRESH_BYTES_MAX = 16 << 20,
};

#define SHA1 SLICE_LIT("sha1:")

struct payload_key {
	char text[STORE_KEY_MAX + 1];
};

/* A digest without its "sha1:" is 32 characters. */
static struct slice
payload_key(struct payload_key *k, struct slice digest)
{
	(void)snprintf(k->text, sizeof(k->text), "pay/" SLICE_FMT,
	    SLICE_ARG(slice_head(slice_from(digest, SHA1.len), 32)));
	return slice_cstr(k->text);
}

static bool
may_be_known(const struct committer *c, const struct sink_event *e)
{
	return c->conf.revisits && !e->revisit && e->records_n > 0 &&
	       slice_starts(e->digest, SHA1) && e->status == 200 && !e->internal &&
	       e->body_bytes >= PAYLOAD_BYTES_MIN;
}

void
revisit_init(struct committer *c)
{
	map_init(&c->payloads.by_key, FRESH_MAX);
	arena_init(&c->payloads.arena, FRESH_BLOCK_BYTES, FRESH_BYTES_MAX);
}

void
revisit_release(struct committer *c)
{
	map_release(&c->payloads.by_key);
	arena_release(&c->payloads.arena);
}

void
revisit_committed(struct committer *c)
{
	map_release(&c->payloads.by_key);
	map_init(&c->payloads.by_key, FRESH_MAX);
	arena_reset(&c->payloads.arena);
}

/* Out of memory, or of room, it is not found before the commit: nothing is lost by that. */
static void
note_fresh(struct committer *c, struct slice key, struct slice value)
{
	struct arena *a = &c->payloads.arena;
	struct slice *kept = arena_alloc(a, sizeof(*kept));
	struct slice kept_key;

	if (kept != NULL && arena_copy(a, value, kept) && arena_copy(a, key, &kept_key))
		(void)map_put(&c->payloads.by_key, kept_key, kept);
}

/* Into c->scratch.  -ENOENT: nobody has it. */
static int
look_up(struct committer *c, struct slice key)
{
	const struct slice *fresh = map_get(&c->payloads.by_key, key);

	buf_clear(&c->scratch);
	return fresh != NULL ? buf_add_slice(&c->scratch, *fresh)
			     : store_get(c->store, STORE_META, key, &c->scratch);
}

static int
note(struct committer *c, const struct sink_event *e, struct slice key)
{
	char id[WARC_ID_MAX];
	int r = warc_response_id(
	    c->conf.sink.warc_coding, e->records, e->records_at, e->records_n, id);

	if (r == -EBADMSG) /* cut, for instance */
		return 0;
	buf_clear(&c->scratch);
	if (r == 0)
		r = buf_printf(&c->scratch, "%" PRId64 " %s " SLICE_FMT, e->began_wall_us,
		    id, SLICE_ARG(e->url));
	if (r == 0)
		r = store_batch_put(c->batch, STORE_META, key, buf_slice(&c->scratch));
	if (r == 0)
		note_fresh(c, key, buf_slice(&c->scratch));
	return r;
}

static bool
original_parse(struct slice value, struct slice digest, struct warc_original *ret)
{
	struct warc_original o = {.payload_digest = digest};
	struct slice time;
	uint64_t wall_us;

	if (!slice_cut(&value, ' ', &time) || !slice_to_u64(time, &wall_us) ||
	    !slice_cut(&value, ' ', &o.id) || value.len == 0)
		return false;
	o.wall_us = (int64_t)wall_us;
	o.uri = value;
	*ret = o;
	return true;
}

/* For what is known of the page, to refer to it the next time, too. */
static int
note_original(struct committer *c, const struct warc_original *o)
{
	buf_clear(&c->original.uri);
	if (o->id.len >= sizeof(c->original.id))
		return 0;
	memcpy(c->original.id, o->id.ptr, o->id.len);
	c->original.id_len = o->id.len;
	c->original.wall_us = o->wall_us;
	return buf_add_slice(&c->original.uri, o->uri);
}

static void
tell_known(struct sink_event *e)
{
	if (e->outcome == OUTCOME_OK)
		e->outcome = OUTCOME_DUPLICATE_CONTENT;
}

int
revisit_known(struct committer *c, struct sink_event *e)
{
	uint64_t at[sizeof(e->records_at) / sizeof(e->records_at[0])];
	struct warc_original o;
	struct payload_key k;
	struct slice key;
	int r;

	if (c->conf.revisits && e->revisit && !e->internal)
		tell_known(e);
	if (!may_be_known(c, e))
		return 0;
	key = payload_key(&k, e->digest);
	r = look_up(c, key);
	if (r == -ENOENT)
		return note(c, e, key);
	if (r == 0 && !original_parse(buf_slice(&c->scratch), e->digest, &o))
		return 0;
	if (r == 0 && c->packer == NULL)
		r = warc_packer_new(&c->packer);
	if (r < 0)
		return r;
	buf_clear(&c->packed);
	r = warc_make_revisit(c->packer, c->conf.sink.warc_coding, e->records,
	    e->records_at, e->records_n, &o, e->began_wall_us, &c->packed, at);
	if (r < 0)
		return r == -EBADMSG ? 0 : r;
	e->records = buf_slice(&c->packed);
	memcpy(e->records_at, at, sizeof(at));
	e->revisit = true;
	tell_known(e);
	return note_original(c, &o);
}
