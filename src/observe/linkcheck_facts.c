#include "base/escape.h"
#include "observe/linkcheck_int.h"
#include "sink/lines.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- lines ---- */

static struct slice
field_next(struct slice *rest)
{
	struct slice s = {0};

	(void)slice_cut(rest, '\t', &s);
	return s.len == 1 && s.ptr[0] == '-' ? ((struct slice){0}) : s;
}

static int64_t
number(struct slice s)
{
	uint64_t n = 0;

	return slice_to_u64(s, &n) && n < INT64_MAX ? (int64_t)n : 0;
}

static bool
hex(struct slice s, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.len != 16)
		return false;
	for (size_t i = 0; i < 16; i++) {
		int d = ascii_hex(s.ptr[i]);

		if (d < 0)
			return false;
		v = v << 4 | (unsigned)d;
	}
	*ret = v;
	return true;
}

static bool
how_read(struct slice s, struct checked *c)
{
	if (s.len == 0)
		return false;
	c->seed = s.len > 1 && s.ptr[1] == 's';
	for (int h = CHECKS_PAGE; h <= CHECKS_PROBE; h++)
		if (s.ptr[0] == checks_letter((enum checks_how)h)) {
			c->how = (enum checks_how)h;
			return true;
		}
	return false;
}

bool
checked_read(struct slice rest, struct checked *ret)
{
	struct slice tag = field_next(&rest);
	struct checked c = {.asked = slice_eq(tag, SLICE_LIT("T"))};

	if (!c.asked && !slice_eq(tag, SLICE_LIT("R")))
		return false;
	c.url = field_next(&rest);
	if (c.asked && !how_read(field_next(&rest), &c))
		return false;
	if (c.url.len == 0 || !outcome_parse(field_next(&rest), &c.outcome))
		return false;
	if (c.asked) {
		c.status = (int)number(field_next(&rest));
		c.at_s = number(field_next(&rest));
		(void)field_next(&rest); /* MIME type */
		c.redirect_to = field_next(&rest);
		c.has_simhash = hex(field_next(&rest), &c.simhash);
		c.digest = field_next(&rest);
	} else {
		c.kind = field_next(&rest);
		c.via = field_next(&rest);
	}
	c.detail = field_next(&rest);
	*ret = c;
	return true;
}

void
checked_detail(const struct checked *c, char ret[DETAIL_ROOM])
{
	struct slice text = {0};
	struct buf plain;

	buf_init(&plain, 64 << 10);
	if (unescape_line(&plain, c->detail) == 0)
		text = lines_cut(buf_slice(&plain), DETAIL_ROOM - 1);
	(void)snprintf(ret, DETAIL_ROOM, SLICE_FMT, SLICE_ARG(text));
	buf_release(&plain);
}

/* ---- maps ---- */

void
facts_init(struct linkcheck_facts *f)
{
	*f = (struct linkcheck_facts){0};
	umap_init(&f->next, REDIRECTS_KEPT);
	umap_init(&f->ends, REDIRECTS_KEPT);
	umap_init(&f->hosts, HOSTS_KEPT);
	umap_init(&f->ids, IDS_KEPT);
	umap_init(&f->framed, IDS_KEPT);
}

static void
free_values(struct umap *m)
{
	uint64_t key;
	void *v;

	for (size_t i = 0; umap_at(m, &i, &key, &v);)
		free(v);
	umap_release(m);
}

void
facts_release(struct linkcheck_facts *f)
{
	umap_release(&f->next);
	free_values(&f->ends);
	free_values(&f->hosts);
	umap_release(&f->ids);
	umap_release(&f->framed);
}

static uint64_t
digest_hash(struct slice digest)
{
	return digest.len == 0 ? 0 : siphash(digest) | 1;
}

/* "scheme://host:port" of a URL in normal form. */
static struct slice
authority_of(struct slice url)
{
	size_t at = slice_find(url, ':') + 3;

	return slice_head(url, at + slice_find(slice_from(url, at), '/'));
}

static struct host *
host_of(struct linkcheck_facts *f, struct slice url, int *err)
{
	uint64_t key = siphash(authority_of(url));
	struct host *h = umap_get(&f->hosts, key);
	int r;

	if (h != NULL)
		return h;
	h = calloc(1, sizeof(*h));
	r = h == NULL ? -ENOMEM : umap_put(&f->hosts, key, h);
	if (r < 0) {
		free(h);
		*err = r == -ENOMEM ? r : 0; /* of further hosts nothing is guessed */
		return NULL;
	}
	return h;
}

/* ---- the first pass: redirects and hosts ---- */

static int
add_redirect(struct linkcheck_facts *f, struct slice from, struct slice to)
{
	uint64_t end = siphash(to);
	struct end *e;
	int r = umap_put(&f->next, siphash(from), (void *)(uintptr_t)(end | 1));

	if (r == -ENOSPC)
		f->redirects_cut = true;
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	if (umap_get(&f->ends, end | 1) != NULL)
		return 0;
	e = calloc(1, sizeof(*e) + to.len + 1);
	if (e == NULL)
		return -ENOMEM;
	memcpy(e->url, to.ptr, to.len);
	r = umap_put(&f->ends, end | 1, e);
	if (r < 0)
		free(e);
	return r;
}

static int
note_host(struct linkcheck_facts *f, const struct checked *c)
{
	bool is_root = authority_of(c->url).len + 1 == c->url.len;
	int err = 0;
	struct host *h;

	if (c->how != CHECKS_PROBE && !is_root)
		return 0;
	h = host_of(f, c->url, &err);
	if (h == NULL)
		return err;
	if (c->how == CHECKS_PROBE) {
		h->has_probe = true;
		h->probe = siphash(c->url);
		h->probe_ok = outcome_is_whole(c->outcome) && c->status == 200;
		h->has_simhash = c->has_simhash;
		h->simhash = c->simhash;
		h->digest = digest_hash(c->digest);
	} else {
		h->has_root = true;
		h->root_has_simhash = c->has_simhash;
		h->root_simhash = c->simhash;
		h->root_digest = digest_hash(c->digest);
	}
	return 0;
}

int
facts_first(struct linkcheck_facts *f, struct slice line)
{
	struct checked c;
	int r;

	if (!checked_read(line, &c))
		return 0;
	r = c.asked ? note_host(f, &c) : 0;
	if (r < 0)
		return r;
	if (c.asked && c.outcome == OUTCOME_REDIRECT && c.redirect_to.len > 0)
		return add_redirect(f, c.url, c.redirect_to);
	/* Where it leads to is nothing that can be asked. */
	if (!c.asked && slice_eq(c.kind, SLICE_LIT("redirect")) && c.via.len > 0 &&
	    (c.outcome == OUTCOME_BAD_URL || c.outcome == OUTCOME_UNSUPPORTED_SCHEME))
		return add_redirect(f, c.via, c.url);
	return 0;
}

bool
facts_follow(
    const struct linkcheck_facts *f, uint64_t from, uint64_t *ret_end, uint32_t *ret_n)
{
	uint32_t n = 0;

	for (void *to; (to = umap_get(&f->next, from)) != NULL; n++) {
		struct end *e = umap_get(&f->ends, (uint64_t)(uintptr_t)to);

		if (n > CHAIN_MAX || e == NULL)
			return false;
		from = siphash(slice_cstr(e->url));
	}
	*ret_end = from;
	*ret_n = n;
	return true;
}

/* ---- the second: where redirects end, and what ids are wanted ---- */

static void
fill_end(struct linkcheck_facts *f, const struct checked *c)
{
	struct end *e = umap_get(&f->ends, siphash(c->url) | 1);

	if (e == NULL || (e->known && !c->asked))
		return; /* what was asked overrules */
	e->known = true;
	e->asked = c->asked;
	e->outcome = c->outcome;
	e->status = c->status;
	e->has_simhash = c->has_simhash;
	e->simhash = c->simhash;
	e->digest = digest_hash(c->digest);
	checked_detail(c, e->detail);
}

static uint64_t
id_key(uint64_t page, uint64_t id)
{
	return (page + id * UINT64_C(0x9e3779b97f4a7c15)) | 1;
}

static void
percent_decode(struct slice s, char *ret, size_t *ret_len)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		int high =
		    s.len - i > 2 && s.ptr[i] == '%' ? ascii_hex(s.ptr[i + 1]) : -1;
		int low = high < 0 ? -1 : ascii_hex(s.ptr[i + 2]);

		ret[n++] = (char)(low < 0 ? s.ptr[i] : (high << 4 | low));
		i += low < 0 ? 0 : 2;
	}
	*ret_len = n;
}

/* HTML, 7.4.6.3; without what is for the browser only (URL Fragment Text Directives).
 * Empty: the top of the page, or a script's own business. */
static struct slice
fragment_id(struct slice fragment)
{
	struct slice directive = SLICE_LIT(":~:");

	for (size_t i = 0; i + directive.len <= fragment.len; i++)
		if (slice_starts(slice_from(fragment, i), directive))
			fragment = slice_head(fragment, i);
	if (slice_ieq(fragment, SLICE_LIT("top")) ||
	    slice_starts(fragment, SLICE_LIT("!")) ||
	    slice_starts(fragment, SLICE_LIT("/")))
		return (struct slice){0};
	return fragment;
}

static int
want(struct linkcheck_facts *f, struct umap *m, uint64_t key)
{
	int r = umap_put(m, key, (void *)(uintptr_t)FACT_WANTED);

	if (r == -ENOSPC)
		f->ids_cut = true;
	return r == -ENOMEM ? r : 0;
}

/* As it is written, and decoded: the keys of both. */
static void
fragment_keys(uint64_t page, struct slice id, uint64_t ret[2])
{
	char decoded[CHECKS_FRAGMENT_MAX];
	size_t n;

	id = slice_head(id, sizeof(decoded));
	percent_decode(id, decoded, &n);
	ret[0] = id_key(page, checks_hash(id));
	ret[1] = id_key(page, checks_hash(slice_of(decoded, n)));
}

static int
want_fragment(struct linkcheck_facts *f, struct slice url, struct slice fragment)
{
	struct slice id = fragment_id(fragment);
	uint64_t page, keys[2];
	uint32_t n;
	int r;

	if (id.len == 0 || !facts_follow(f, siphash(url), &page, &n))
		return 0;
	fragment_keys(page, id, keys);
	r = want(f, &f->framed, page);
	if (r == 0)
		r = want(f, &f->ids, keys[0]);
	return r < 0 ? r : want(f, &f->ids, keys[1]);
}

int
facts_second(struct linkcheck_facts *f, struct slice line)
{
	struct slice url, fragment;
	struct checked c;
	struct buf plain;
	int r;

	if (checked_read(line, &c)) {
		fill_end(f, &c);
		return 0;
	}
	if (!slice_eq(field_next(&line), SLICE_LIT("L")))
		return 0;
	(void)field_next(&line); /* page */
	(void)field_next(&line); /* kind */
	url = field_next(&line);
	fragment = field_next(&line);
	if (url.len == 0 || fragment.len == 0)
		return 0;
	buf_init(&plain, 64 << 10);
	r = unescape_line(&plain, fragment);
	if (r == 0)
		r = want_fragment(f, url, buf_slice(&plain));
	buf_release(&plain);
	return r;
}

/* ---- the third: what ids there are ---- */

static int
mark(struct umap *m, uint64_t key, unsigned fact)
{
	uintptr_t was = (uintptr_t)umap_get(m, key);

	if (was == 0 || was >= fact)
		return 0;
	(void)umap_take(m, key);
	return umap_put(m, key, (void *)(uintptr_t)fact);
}

int
facts_third(struct linkcheck_facts *f, struct slice line)
{
	struct slice tag = field_next(&line), url = field_next(&line);
	uint64_t page = siphash(url), id;
	int r;

	if (umap_get(&f->framed, page) == NULL)
		return 0;
	if (slice_eq(tag, SLICE_LIT("X"))) {
		(void)field_next(&line);
		return slice_eq(line, SLICE_LIT("1")) ? mark(&f->framed, page, FACT_CUT)
						      : 0;
	}
	if (!slice_eq(tag, SLICE_LIT("I")))
		return 0;
	r = mark(&f->framed, page, FACT_THERE);
	while (r == 0 && hex(field_next(&line), &id))
		r = mark(&f->ids, id_key(page, id), FACT_THERE);
	return r;
}

unsigned
facts_fragment(const struct linkcheck_facts *f, uint64_t page, struct slice fragment)
{
	struct slice id = fragment_id(fragment);
	uintptr_t of_page = (uintptr_t)umap_get(&f->framed, page);
	uint64_t keys[2];

	if (id.len > 0 && of_page == 0 && f->ids_cut)
		return FACT_CUT;
	if (id.len == 0 || of_page == FACT_WANTED || of_page == 0)
		return FACT_THERE; /* no page whose ids are known */
	fragment_keys(page, id, keys);
	for (int i = 0; i < 2; i++) {
		uintptr_t there = (uintptr_t)umap_get(&f->ids, keys[i]);

		if (there == FACT_THERE)
			return FACT_THERE;
		if (there == 0)
			return FACT_CUT; /* there was no room to look for it */
	}
	return of_page == FACT_CUT ? FACT_CUT : FACT_WANTED;
}

/* ---- guesses ---- */

static bool
is_alike(
    bool has_a, uint64_t a, uint64_t digest_a, bool has_b, uint64_t b, uint64_t digest_b)
{
	if (digest_a != 0 && digest_a == digest_b)
		return true;
	return has_a && has_b && __builtin_popcountll(a ^ b) <= ALIKE_BITS;
}

/* A host that shows its first page whatever it is asked for cannot be judged so. */
bool
facts_suspect(const struct linkcheck_facts *f, const struct checked *c)
{
	const struct host *h = umap_get(&f->hosts, siphash(authority_of(c->url)));
	uint64_t end, probe_end;
	uint32_t n, probe_n;

	if (h == NULL || !h->has_probe || c->how == CHECKS_PROBE ||
	    authority_of(c->url).len + 1 == c->url.len ||
	    !facts_follow(f, siphash(c->url), &end, &n) ||
	    !facts_follow(f, h->probe, &probe_end, &probe_n))
		return false;
	if (probe_n > 0) { /* it sends such questions to one and the same page */
		const struct end *e = umap_get(&f->ends, probe_end | 1);

		return n > 0 && end == probe_end && e != NULL && e->asked &&
		       outcome_is_whole(e->outcome);
	}
	if (n > 0 || !h->probe_ok || !outcome_is_whole(c->outcome) ||
	    (h->has_root && is_alike(h->has_simhash, h->simhash, h->digest,
				h->root_has_simhash, h->root_simhash, h->root_digest)))
		return false;
	return is_alike(h->has_simhash, h->simhash, h->digest, c->has_simhash, c->simhash,
	    digest_hash(c->digest));
}
