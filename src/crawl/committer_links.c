#include "base/wire.h"
#include "crawl/committer_internal.h"
#include "frontier/keys.h"
#include "store/store.h"
#include <errno.h>
#include <stdlib.h>

/* What a mail means for the store and the sinks; nothing is durable before the group
 * commit. */

enum {
	HOPS_MAX = 250,
	LINKS_A_LOOK = 1000, /* between looks at the batch's size */
	WACZ_LINES_PART = 4  /* index and list of pages are compressed there */
};

/* A copy in bytes is a file of its own; pieces are put behind others. */
static uint64_t
copy_on_disk(const struct sink_event *e)
{
	return e->copy == SINK_COPY_BYTES ? sink_file_bytes(e->copy_bytes.len)
					  : e->copy_bytes.len;
}

static int
put_sinks(struct committer *c, struct sink_event *e)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < c->sinks_len; i++) {
		uint64_t before = c->sinks[i]->line_bytes;
		int r = sink_put(c->sinks[i], e, &c->why);

		if (r < 0)
			return r;
		lines += c->sinks[i]->line_bytes - before;
	}
	c->dirty_bytes += e->records.len + e->copy_bytes.len + lines;
	c->disk_bytes += e->records.len + copy_on_disk(e) + lines;
	if (c->conf.wacz)
		c->wacz_bytes += e->records.len + lines / WACZ_LINES_PART;
	return 0;
}

/* Of a reference that is no URL: what is wrong with it, where it stood. */
static int
why_broken(const struct commit *m, struct slice ref, struct buf *out)
{
	char page_text[URL_BYTES_MAX], text[URL_BYTES_MAX];
	struct slice none = {0};
	struct url page, url;
	enum url_status s;
	bool has_page =
	    m->rec != NULL && url_resolve(NULL, m->rec->url, none, 0, page_text,
				  sizeof(page_text), &page) == URL_OK;

	s = url_resolve(has_page ? &page : NULL, ref, none, 0, text, sizeof(text), &url);
	return s == URL_OK ? 0 : buf_add_cstr(out, url_status_text(s));
}

/* Why a link was rejected goes to rejected.log, once a URL. */
static int
put_rejected(struct committer *c, const struct commit *m, const struct found_link *l,
    const struct trap_cut *cut)
{
	struct sink_event e = {.kind = SINK_REJECT,
	    .outcome = cut->rule != TRAP_NONE ? OUTCOME_TRAP : l->verdict,
	    .link = l->kind,
	    .depth = l->depth,
	    .url = l->url};
	char text[URL_BYTES_MAX];
	struct url url;

	buf_clear(&c->scratch);
	if (m->rec != NULL)
		e.via = m->rec->url;
	if (l->verdict == OUTCOME_BAD_URL && why_broken(m, l->url, &c->scratch) < 0)
		return -ENOMEM;
	if ((l->verdict == OUTCOME_OUT_OF_SCOPE || l->verdict == OUTCOME_DEPTH ||
		l->verdict == OUTCOME_REDIRECT_LIMIT) &&
	    url_resolve(NULL, l->url, (struct slice){0}, 0, text, sizeof(text), &url) ==
		URL_OK)
		scope_reason(c->rules,
		    &(struct scope_link){.url = &url,
			.kind = l->kind,
			.parent_flags = m->rec == NULL ? 0 : m->rec->flags},
		    l->verdict, &c->scratch);
	e.detail =
	    cut->rule != TRAP_NONE ? slice_cstr(cut->detail) : buf_slice(&c->scratch);
	return put_sinks(c, &e);
}

/* The parent's path and one letter more; long ones keep their end. */
static int
hops_add(struct commit *m, const struct found_link *l, size_t *ret_at)
{
	struct slice parent = m->rec == NULL ? ((struct slice){0}) : m->rec->hops;
	bool is_probe = (l->flags & URLREC_CHECK) != 0 && l->kind == LINK_SPECULATIVE;
	char hop = is_probe ? (char)LINK_HOP_PROBE : link_kind_hop(l->kind);
	int r;

	if (parent.len >= HOPS_MAX)
		parent = slice_from(parent, parent.len - HOPS_MAX + 1);
	*ret_at = m->texts.len;
	r = buf_add_slice(&m->texts, parent);
	if (r == 0 && l->kind != LINK_SEED)
		r = buf_add_byte(&m->texts, hop);
	return r;
}

static uint32_t
now_s(const struct committer *c)
{
	return (uint32_t)(committer_wall_us(c) / 1000000);
}

static int
put_seen(struct committer *c, uint64_t authority, uint64_t url, enum outcome state)
{
	struct saved_seen seen = {.outcome = state, .since_s = now_s(c)};
	char value[SAVED_SEEN_BYTES];
	struct key k;

	saved_seen_encode(&seen, value);
	key_make(&k, authority, url);
	return store_batch_put(
	    c->batch, STORE_SEEN, key_whole(&k), slice_of(value, sizeof(value)));
}

static int
put_queue(struct committer *c, const struct urlrec *r)
{
	struct key k;
	int err;

	key_make(&k, r->authority_hash, r->key);
	buf_clear(&c->scratch);
	err = urlrec_encode(r, &c->scratch);
	if (err == 0)
		err = hostcount_lower(&c->counts, r->authority_hash, r->key);
	if (err == 0)
		err = store_batch_put(
		    c->batch, STORE_QUEUE, key_whole(&k), buf_slice(&c->scratch));
	return err;
}

static int
put_root(struct committer *c, const struct found_link *l)
{
	int r = saved_root_put(c->batch, l->url_hash, l->url);
	struct buf news;

	buf_init(&news, 64);
	if (r == 0)
		r = scope_rules_add_root(c->rules, l->url, &news);
	if (news.len > 0) /* else it was in scope already */
		committer_moved_to(c);
	buf_release(&news);
	return r;
}

/* Without its place in the queue. */
static int
record_of(const struct committer *c, struct commit *m, const struct found_link *l,
    struct urlrec *ret)
{
	size_t hops_at;
	int r = hops_add(m, l, &hops_at);

	if (r < 0)
		return r;
	*ret = (struct urlrec){.authority_hash = l->authority_hash,
	    .url_hash = l->url_hash,
	    .priority = c->conf.order->given == NULL
			    ? l->priority
			    : c->conf.order->given(NULL, m->rec, m->links_len, l->url),
	    .depth = l->depth,
	    .kind = (uint8_t)l->kind,
	    .flags = l->flags,
	    .redirects = l->redirects,
	    .since_s = now_s(c),
	    .url = l->url,
	    .via = m->rec == NULL ? ((struct slice){0}) : m->rec->url,
	    .hops = slice_of(m->texts.ptr + hops_at, m->texts.len - hops_at)};
	return 0;
}

static int
queue(struct committer *c, struct urlrec *r)
{
	int err;

	r->key = c->conf.order->key(r, c->saved.seq++);
	err = put_queue(c, r);
	return err < 0 ? err : hostcount_add(&c->counts, r->authority_hash, 1);
}

/* A URL that waits from now on. */
static int
enqueue(struct committer *c, struct commit *m, const struct found_link *l)
{
	struct urlrec *r = &m->fresh[m->fresh_len];
	int err = record_of(c, m, l, r);

	if (err == 0)
		err = queue(c, r);
	if (err == 0 && (l->flags & URLREC_SEED_CHAIN) != 0)
		err = put_root(c, l);
	if (err < 0)
		return err;
	c->moved.seeds_open += (l->flags & (URLREC_SEED | URLREC_SEED_CHAIN)) != 0;
	m->fresh_len++;
	m->counts.wanted++;
	known_put(&c->conf.known, l->url_hash);
	return 0;
}

int
commit_wait(struct committer *c, struct urlrec *rec)
{
	int r = queue(c, rec);

	return r < 0 ? r : put_seen(c, rec->authority_hash, rec->url_hash, OUTCOME_NONE);
}

int
commit_requeue(struct committer *c, struct urlrec *rec)
{
	int r = commit_wait(c, rec);

	if (r == 0)
		r = seen_set(c->seen, rec->url_hash, OUTCOME_NONE);
	if (r == 0)
		totals_again(&c->saved.totals, OUTCOME_TRAP, urlrec_is_made_up(rec));
	return r;
}

static int
keep_far(struct committer *c, struct commit *m, const struct found_link *l)
{
	struct urlrec rec;
	int r = record_of(c, m, l, &rec);

	return r < 0 ? r : committer_moved_keep(c, &rec);
}

static int
park(struct committer *c, struct commit *m, const struct found_link *l,
    const struct trap_cut *cut)
{
	struct urlrec rec;
	int r = record_of(c, m, l, &rec);

	if (r < 0)
		return r;
	/* As of one that is refused at its turn: should it wait again that is taken back. */
	m->counts.made_up_traps += urlrec_is_made_up(&rec);
	return committer_traps_park(c, &rec, cut);
}

/* A worker that was taken over could name another host's hash, or make itself a seed. */
static bool
is_genuine(const struct committer *c, const struct commit *m, const struct found_link *l)
{
	bool from_seed = m->rec != NULL && l->kind == LINK_REDIRECT &&
			 (m->rec->flags & (URLREC_SEED | URLREC_SEED_CHAIN)) != 0;
	struct urlrec r = {.url = l->url};
	uint64_t seed = scope_hash_seed(c->rules);

	if (l->verdict != OUTCOME_NONE)
		return true;
	if ((l->flags & URLREC_SEED) != 0 && m->kind != COMMIT_LINKS)
		return false;
	if ((l->flags & URLREC_SEED_CHAIN) != 0 && !from_seed)
		return false;
	return l->url_hash == url_hash(l->url, seed) &&
	       l->authority_hash == url_hash(urlrec_authority(&r), seed);
}

/* It was there not long ago, says who asks. */
static bool
is_known_good(const struct committer *c, const struct found_link *l)
{
	const unsigned ours = URLREC_PART | URLREC_CHECK_GET;

	return l->verdict == OUTCOME_NONE && (l->flags & URLREC_CHECK) != 0 &&
	       (l->flags & ours) == 0 && umap_get(&c->known_good, l->url_hash) != NULL;
}

/* Room for what all its links become; once, so that hop paths do not move while records
 * point to them. */
static int
make_room(struct commit *m)
{
	size_t texts =
	    (size_t)m->links_len * ((m->rec == NULL ? 0 : m->rec->hops.len) + 1);
	int r;

	if (m->fresh != NULL)
		return 0;
	r = buf_reserve(&m->texts, texts);
	if (r < 0)
		return r;
	m->fresh = calloc(m->links_len, sizeof(*m->fresh));
	return m->fresh == NULL ? -ENOMEM : 0;
}

/* What is wanted already, workers need not send again. */
static int
discover_known(struct committer *c, struct commit *m, const struct found_link *l)
{
	if (l->verdict == OUTCOME_NONE)
		known_put(&c->conf.known, l->url_hash);
	if (l->kind == LINK_SEED) /* a job's own are sent anew by each run */
		return committer_moved_seed(c, l);
	m->counts.duplicates++;
	return 0;
}

/*
 * What waits since it was discovered is in the queue, and that says it: a second record,
 * in the table of what was seen, would be as dear to keep.  Seeds and where redirects lead have
 * one even so, for those are looked up by name.
 */
static bool
queue_tells(const struct found_link *l, enum outcome verdict, enum seen_add added)
{
	return verdict == OUTCOME_NONE && added == SEEN_NEW && l->kind != LINK_REDIRECT &&
	       (l->flags & (URLREC_SEED | URLREC_SEED_CHAIN)) == 0;
}

static int
discover(struct committer *c, struct commit *m, const struct found_link *l)
{
	struct trap_cut cut = {.rule = TRAP_NONE};
	enum outcome was = OUTCOME_NONE, verdict;
	struct found_link admitted;
	enum seen_add added;
	int r;

	if (committer_moved_admits(c, m, l, &admitted))
		l = &admitted;
	if (is_known_good(c, l)) {
		admitted = *l;
		admitted.verdict = OUTCOME_KNOWN_GOOD;
		l = &admitted;
	}
	verdict = l->verdict;
	/* Most are known; of these nothing more is looked at than that.  A seed must be
	 * genuine to be believed. */
	if (l->kind != LINK_SEED && seen_has(c->seen, l->url_hash, verdict))
		return discover_known(c, m, l);
	if (!is_genuine(c, m, l))
		return 0;
	r = make_room(m);
	if (r == 0)
		r = seen_add(c->seen, l->url_hash, verdict, &added, &was);
	if (r < 0)
		return r;
	if (added == SEEN_KNOWN)
		return discover_known(c, m, l);
	if (added == SEEN_NEW)
		m->counts.discovered++;
	else
		m->counts.rejected[was]--;
	if (verdict == OUTCOME_NONE)
		r = committer_traps_link(c, l, &cut);
	if (r == 0 && cut.rule != TRAP_NONE) {
		verdict = OUTCOME_TRAP;
		r = seen_set(c->seen, l->url_hash, verdict);
	}
	if (r == 0 && !queue_tells(l, verdict, added))
		r = put_seen(c, l->authority_hash, l->url_hash, verdict);
	if (r < 0)
		return r;
	if (verdict == OUTCOME_NONE)
		return enqueue(c, m, l);
	m->counts.rejected[verdict]++;
	if (verdict == OUTCOME_TRAP)
		r = park(c, m, l, &cut);
	else if (verdict == OUTCOME_OUT_OF_SCOPE && committer_moved_wants(c, m))
		r = keep_far(c, m, l);
	return r < 0 ? r : put_rejected(c, m, l, &cut);
}

/* Links to the page's own path are judged last where that has had its share: by then the
 * others have told whether the page brings anything. */
static int
discover_each(struct committer *c, struct commit *m)
{
	bool in_two = committer_traps_short(c);
	int r = 0;

	for (uint32_t i = m->links_done; i < m->links_len; i++)
		seen_hint(c->seen, m->links[i].url_hash);
	for (uint32_t i = m->links_done; i < m->links_len && r == 0; i++)
		if (!in_two || !committer_traps_own_path(c, &m->links[i]))
			r = discover(c, m, &m->links[i]);
	committer_traps_news(c);
	for (uint32_t i = m->links_done; in_two && i < m->links_len && r == 0; i++)
		if (committer_traps_own_path(c, &m->links[i]))
			r = discover(c, m, &m->links[i]);
	m->links_done = m->links_len;
	return r;
}

/* What its links have changed so far goes into the sums. */
static void
count_links(struct committer *c, struct commit *m)
{
	totals_links(&c->saved.totals, &m->counts);
	commit_counts_add(&m->counted, &m->counts);
	m->counts = (struct commit_counts){0};
}

int
commit_links(struct committer *c, struct commit *m)
{
	int r = committer_traps_page(c, m);

	m->counts.duplicates += m->links_known;
	if (r == 0)
		r = discover_each(c, m);
	if (r == 0)
		r = committer_moved_judge(c, m);
	if (r == 0)
		r = committer_traps_tell(c, m);
	if (r < 0)
		return r;
	count_links(c, m);
	m->counts = m->counted; /* for the reply */
	return 0;
}

/*
 * A sitemap's 50,000 links would be one batch of 20 MB, of which the store makes another one.
 * So before anything is said of the page itself, most of them are discovered, with commits
 * in between: when the crawl ends there, it still waits and is asked again, and what it led
 * to is known.
 */
static int
commit_links_ahead(struct committer *c, struct commit *m)
{
	int r = 0;

	/* With --max-links a page may have as many, but what the traps say of its links is
	 * said of the page's path, too, which they are told first. */
	if (m->rec == NULL || (m->rec->flags & URLREC_SITEMAP) == 0)
		return 0;
	while (r == 0 && m->links_len - m->links_done > FOUND_LINKS_MAX) {
		uint32_t end = m->links_done + LINKS_A_LOOK;

		for (uint32_t i = m->links_done; i < end; i++)
			seen_hint(c->seen, m->links[i].url_hash);
		for (; m->links_done < end && r == 0; m->links_done++)
			r = discover(c, m, &m->links[m->links_done]);
		if (r < 0 || store_batch_bytes(c->batch) < BATCH_BYTES)
			continue;
		count_links(c, m);
		r = group_commit(c);
	}
	return r;
}

static int
put_cookies(struct committer *c, const struct commit *m)
{
	int r = 0;

	for (uint32_t i = 0; i < m->cookies_gone_len && r == 0; i++)
		r = saved_cookies_delete(c->batch, m->cookies_gone[i]);
	if (r == 0 && m->cookies.len > 0)
		r = saved_cookies_put(c->batch, m->cookies_site, buf_slice(&m->cookies));
	return r;
}

/* What was sent with the outcome of a page, for the next start. */
static int
put_host(struct committer *c, const struct commit *m)
{
	struct host_key_text k;
	int r = put_cookies(c, m);

	if (r < 0)
		return r;
	if (m->host.len == 0)
		return 0;
	return store_batch_put(c->batch, STORE_HOST,
	    host_key(&k, HOST_KEY_STATE, m->authority_hash), buf_slice(&m->host));
}

int
commit_host(struct committer *c, struct commit *m)
{
	struct host_key_text k;
	struct slice key = host_key(&k, HOST_KEY_RULES, m->authority_hash);
	int r = put_host(c, m);

	if (r == 0)
		r = m->rules.len > 0
			? store_batch_put(c->batch, STORE_HOST, key, buf_slice(&m->rules))
			: store_batch_delete(c->batch, STORE_HOST, key);
	return r;
}

int
commit_raised(struct commit *c, const struct urlrec *rec, uint64_t old_key)
{
	size_t start = c->raised.len, at;
	struct wire_out w = {.b = &c->raised};
	uint32_t n = 0;
	int r;

	wire_u64(&w, old_key);
	at = c->raised.len;
	wire_u32(&w, n);
	r = w.err < 0 ? w.err : urlrec_encode(rec, &c->raised);
	if (r < 0) {
		c->raised.len = start;
		return r;
	}
	n = (uint32_t)(c->raised.len - at - sizeof(n));
	memcpy(c->raised.ptr + at, &n, sizeof(n));
	return 0;
}

int
commit_raise(struct committer *c, const struct commit *m)
{
	struct wire_in in = {.rest = buf_slice(&m->raised)};
	int r = 0;

	while (in.rest.len > 0 && r == 0) {
		uint64_t old_key = wire_get_u64(&in);
		struct urlrec rec;
		struct key k;

		r = urlrec_decode(wire_get_text(&in), &rec);
		if (r < 0)
			break;
		key_make(&k, rec.authority_hash, old_key);
		r = store_batch_delete(c->batch, STORE_QUEUE, key_whole(&k));
		if (r == 0)
			r = put_queue(c, &rec);
	}
	return r;
}

int
commit_name(struct committer *c, struct commit *m)
{
	return put_sinks(c, &m->event);
}

static void
count_request(struct committer *c, const struct commit *m)
{
	struct crawl_totals *t = &c->saved.totals;

	t->attempts += m->asked;
	t->wire_bytes += m->event.wire_bytes;
	t->body_bytes += m->event.body_bytes;
}

/* It waits no more. */
static int
settle(struct committer *c, const struct urlrec *rec, enum outcome outcome)
{
	struct key k;
	int r;

	/* What was rejected by then may be wanted on another way. */
	if (outcome_class(outcome) == OUTCOME_CLASS_REJECTED)
		known_drop(&c->conf.known, rec->url_hash);
	key_make(&k, rec->authority_hash, rec->key);
	r = store_batch_delete(c->batch, STORE_QUEUE, key_whole(&k));
	if (r == 0)
		r = hostcount_add(&c->counts, rec->authority_hash, -1);
	if (r == 0)
		r = put_seen(c, rec->authority_hash, rec->url_hash, outcome);
	return r < 0 ? r : seen_set(c->seen, rec->url_hash, outcome);
}

/*
 * No worker lived through it.  Nothing is parsed here: digests, the compressor, and a look
 * at the lines of the head that a record must not repeat.
 */
static int
archive_here(struct committer *c, struct commit *m)
{
	struct sink_event *e = &m->event;
	struct warc_parts parts;
	int r = c->packer != NULL ? 0 : warc_packer_new(&c->packer);

	if (r < 0)
		return r;
	warc_payload_digest(c->packer, m->exchange->body, m->digest);
	e->digest = slice_cstr(m->digest);
	if (m->exchange->warcinfo_id.len == 0) /* there is no archive */
		return 0;
	warc_packer_code(c->packer, c->conf.sink.warc_coding);
	r = warc_pack(c->packer, m->exchange, &c->packed, &parts);
	if (r < 0)
		return r;
	e->records = buf_slice(&c->packed);
	e->records_n = parts.n;
	memcpy(e->records_at, parts.at, sizeof(e->records_at));
	return 0;
}

/* Before its outcome is told anywhere, because that names it. */
static int
quarantine_it(struct committer *c, struct commit *m)
{
	const struct quarantine_case *k = m->harm;
	int r;

	if (c->conf.dir == NULL)
		return 0;
	r = quarantine_put(&c->quarantine, k, c->batch, m->kept_as, &c->why);
	if (r < 0 || m->kept_as[0] == '\0')
		return r;
	m->event.quarantine = slice_cstr(m->kept_as);
	c->dirty_bytes += k->head.len + k->body.len;
	c->disk_bytes += k->head.len + k->body.len;
	return 0;
}

static int
put_page(struct committer *c, struct commit *m)
{
	int r = m->exchange == NULL ? 0 : archive_here(c, m);

	if (r == 0 && m->harm != NULL)
		r = quarantine_it(c, m);
	if (r == 0)
		r = committer_recrawl_judge(c, m);
	c->original.id_len = 0;
	if (r == 0 && m->exchange == NULL)
		r = revisit_known(c, &m->event);
	if (r == 0)
		r = put_sinks(c, &m->event);
	if (m->exchange != NULL ||
	    m->event.revisit) { /* what follows looks at the outcome only */
		m->event.records = (struct slice){0};
		m->event.records_n = 0;
		buf_release(&c->packed);
	}
	return r;
}

static int
put_seed_end(struct committer *c, const struct commit *m)
{
	struct saved_end end = saved_end_of(m->rec, &m->event, scope_hash_seed(c->rules));

	return saved_seed_put(c->batch, m->rec->url_hash, &end);
}

int
commit_done(struct committer *c, struct commit *m)
{
	int r = commit_links_ahead(c, m);

	if (r == 0)
		r = put_page(c, m);
	if (r == 0)
		r = put_host(c, m);
	if (r == 0 && !m->event.internal)
		r = settle(c, m->rec, m->event.outcome);
	if (r == 0 && !m->event.internal &&
	    (m->rec->flags & (URLREC_SEED | URLREC_SEED_CHAIN)) != 0)
		r = put_seed_end(c, m);
	if (r == 0)
		r = committer_recrawl_note(c, m);
	if (r < 0)
		return r;
	count_request(c, m);
	if (!m->event.internal) {
		totals_end(&c->saved.totals, &m->event);
		committer_expect_report(c, &m->event);
	}
	r = commit_links(c, m);
	c->moved.grace -= c->moved.grace > 0;
	if (r == 0 && !m->event.internal &&
	    (m->rec->flags & (URLREC_SEED | URLREC_SEED_CHAIN)) != 0)
		r = committer_moved_settled(c);
	return r;
}

/* The record is written anew: with the tries so far, and when the next one is due. */
int
commit_attempt(struct committer *c, struct commit *m)
{
	int r = put_sinks(c, &m->event);

	if (r == 0)
		r = put_host(c, m);
	if (r == 0 && !m->event.internal)
		r = put_queue(c, m->rec);
	if (r == 0)
		count_request(c, m);
	return r;
}
