/*
 * What name servers said goes into the archive, as a response of text/dns, once for each
 * question that was asked; what is known already, in /etc/hosts, or told by --resolve is
 * no answer of theirs.
 */
#include "base/clock.h"
#include "crawl/crawl_internal.h"
#include <errno.h>
#include <stdlib.h>

/*
 * RFC 1035, section 5.1, below a line with the time.  Of several lifetimes the answer has
 * kept the shortest; and of a name that is another's alias, only the addresses.
 */
static int
add_answer(struct buf *b, struct slice host, const struct dns_answer *a, int64_t wall_us)
{
	char at[CLOCK_TEXT_MAX], addr[ADDR_TEXT_MAX];
	int r;

	clock_format17(wall_us, at);
	r = buf_printf(b, "%.14s\n", at);
	for (uint32_t i = 0; i < a->n && r == 0; i++) {
		addr_format(&a->addrs[i], addr);
		r = buf_printf(b, SLICE_FMT ".\t%u\tIN\t%s\t%s\n", SLICE_ARG(host),
		    a->ttl_s, a->addrs[i].family == AF_INET ? "A" : "AAAA", addr);
	}
	return r;
}

static int
fill(struct crawl *c, struct commit *m, struct slice host, const struct dns_answer *a)
{
	int64_t wall_us = loop_wall_us(c->loop) - (int64_t)a->ms * 1000;
	struct buf *b = &m->rules;
	size_t server_at, answer_at;
	int r = buf_printf(b, "dns:" SLICE_FMT, SLICE_ARG(host));

	server_at = b->len;
	if (r == 0)
		r = buf_add_cstr(b, a->server);
	answer_at = b->len;
	if (r == 0)
		r = add_answer(b, host, a, wall_us);
	if (r < 0)
		return r;
	m->event = (struct sink_event){.kind = SINK_NAME,
	    .outcome = OUTCOME_OK,
	    .began_wall_us = wall_us,
	    .url = slice_head(buf_slice(b), server_at),
	    .mime = SLICE_LIT("text/dns"),
	    .server = slice_of(b->ptr + server_at, answer_at - server_at),
	    .answer = slice_from(buf_slice(b), answer_at),
	    .record_id = {crawl_random(c), crawl_random(c)}};
	return 0;
}

void
crawl_save_name(struct crawl *c, struct slice host, const struct dns_answer *a)
{
	struct commit *m;
	int r;

	crawl_tell_name(c, a);
	if (c->warcinfo_id[0] == '\0' || a->from_cache || a->n == 0 ||
	    a->server[0] == '\0')
		return;
	m = malloc(sizeof(*m));
	r = m == NULL ? -ENOMEM : 0;
	if (m != NULL) {
		commit_init(m, COMMIT_NAME, c);
		r = fill(c, m, host, a);
		if (r == 0)
			r = committer_send(c->committer, m);
		if (r == 0) {
			c->commits++;
			return;
		}
		commit_release(m);
		free(m);
	}
	crawl_fail(c, CRAWL_STORE, "no memory for the record of a name");
}
