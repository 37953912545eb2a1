#include "crawl/committer_internal.h"
#include <errno.h>
#include <stdlib.h>

/* What the store thread asks of the traps, and tells them; see traps.h. */

#define DAY_US INT64_C(86400000000)

int
committer_traps_open(struct committer *c)
{
	struct traps_conf conf;
	int r;

	if (c->conf.traps == NULL)
		return 0;
	conf = *c->conf.traps;
	conf.hash_seed = scope_hash_seed(c->rules);
	c->conf.traps = NULL; /* of the caller's frame */
	r = traps_new(&conf, &c->traps);
	return r < 0 ? r : traps_load(c->traps, c->store);
}

/* The pattern of a URL; false: it is none that can be judged. */
static bool
subject_set(struct committer *c, struct trap_subject *s, struct slice url,
    uint64_t authority_hash)
{
	if (url_resolve(NULL, url, (struct slice){0}, 0, s->text, sizeof(s->text),
		&s->url) != URL_OK)
		return false;
	url_pattern(&s->url, scope_hash_seed(c->rules), &s->pattern);
	s->link = (struct trap_link){.url = &s->url,
	    .pattern = &s->pattern,
	    .authority_hash = authority_hash,
	    .today = (int32_t)(committer_wall_us(c) / DAY_US)};
	return true;
}

/* ---- the page ---- */

static int
learn(struct committer *c, const struct commit *m)
{
	const struct sink_event *e = &m->event;
	struct trap_page page = {
	    .shape = m->shape, .has_simhash = e->has_simhash, .simhash = e->simhash};

	if (e->outcome == OUTCOME_TRAP)
		return traps_refused(c->traps, &c->page.link);
	if (e->outcome != OUTCOME_OK ||
	    traps_spare((enum link_kind)m->rec->kind, m->rec->flags))
		return 0;
	if (e->digest.len > 0)
		page.digest = url_hash(e->digest, scope_hash_seed(c->rules));
	return traps_learn(c->traps, &c->page.link, &page);
}

int
committer_traps_page(struct committer *c, struct commit *m)
{
	c->has_page = c->traps != NULL && m->rec != NULL && !m->event.internal &&
		      subject_set(c, &c->page, m->rec->url, m->rec->authority_hash);
	return c->has_page ? learn(c, m) : 0;
}

/* ---- its links ---- */

bool
committer_traps_short(struct committer *c)
{
	return c->has_page && c->page.pattern.has_query &&
	       traps_is_short(c->traps, &c->page.link);
}

bool
committer_traps_own_path(const struct committer *c, const struct found_link *l)
{
	const struct url *page = &c->page.url;

	return l->url.len > page->query_at && l->url.ptr[page->query_at] == '?' &&
	       memcmp(l->url.ptr, page->text, page->query_at) == 0;
}

void
committer_traps_news(struct committer *c)
{
	if (c->has_page && c->news)
		traps_news(c->traps, &c->page.link);
	c->news = false;
}

int
committer_traps_link(
    struct committer *c, const struct found_link *l, struct trap_cut *ret)
{
	struct trap_subject *s = &c->subject;
	int r;

	ret->rule = TRAP_NONE;
	if (c->traps == NULL || traps_spare(l->kind, l->flags) ||
	    !subject_set(c, s, l->url, l->authority_hash) ||
	    scope_trap_ok(c->rules, &s->url))
		return 0;
	r = traps_judge(c->traps, &s->link, ret);
	if (r == 0 && ret->rule == TRAP_NONE && c->has_page &&
	    (l->authority_hash != c->page.link.authority_hash ||
		s->pattern.path != c->page.pattern.path))
		c->news = true;
	return r;
}

/* ---- the reply ---- */

int
committer_traps_tell(struct committer *c, struct commit *m)
{
	struct trap_closed closed, *grown;

	while (c->traps != NULL && traps_next_closed(c->traps, &closed)) {
		grown = realloc(m->closed, (m->closed_len + 1) * sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		m->closed = grown;
		grown[m->closed_len++] = closed;
	}
	return 0;
}

const struct traps *
committer_traps(const struct committer *c)
{
	return c->traps;
}
