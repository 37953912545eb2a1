/*
 * robots.txt.
 *
 *   text -> lines -> records (key, value) -> rules of the groups that are ours
 *        -> sorted: longest pattern first, of equals "allow" first -> blob
 *   blob = head, rules[count], patterns
 *
 * Patterns and targets are compared in one normal form, so that two spellings of an octet
 * are one (section 2.2.2).  In it, an asterisk or a dollar of a URL is "%2A" or "%24":
 * a bare one is always the special character of a pattern.
 */
#include "web/robots.h"
#include <errno.h>
#include <stdlib.h>

#include "base/banned.h"

enum {
	MAGIC = 0x31425254, /* "TRB1" */
	TARGET_MAX = 20 * 1024,
	TARGET_NORMAL_MAX = 3 * TARGET_MAX,
	DELAY_MS_MAX = INT32_MAX,
};

struct head {
	uint32_t magic, bytes, count;
	int32_t delay_ms;
	uint32_t group;
	uint32_t zero;
};

enum { RULE_ALLOW = 1, RULE_WILD = 2, RULE_ANCHORED = 4 };

struct rule {
	uint64_t first;   /* the first 8 bytes that are literal, the rest zero */
	uint32_t at, len; /* of the pattern, from the start of the blob */
	uint32_t line;
	uint8_t first_len, flags;
	uint16_t zero;
};

/* -- lines ------------------------------------------------------------------------ */

struct lines {
	struct slice rest;
	uint32_t number;
	bool is_cut; /* the last line may not be whole */
};

static void
lines_init(struct lines *l, struct slice text)
{
	*l = (struct lines){.is_cut = text.len > ROBOTS_BYTES_MAX};
	l->rest = slice_head(text, ROBOTS_BYTES_MAX);
	if (slice_starts(l->rest, SLICE_LIT("\xef\xbb\xbf")))
		l->rest = slice_from(l->rest, 3);
}

/* The next record; lines that are none are passed over. */
static bool
lines_next(struct lines *l, struct slice *ret_key, struct slice *ret_value)
{
	while (l->rest.len > 0) {
		struct slice line = l->rest;
		size_t end = 0, colon;

		while (end < line.len && line.ptr[end] != '\n' && line.ptr[end] != '\r')
			end++;
		if (end == line.len && l->is_cut)
			return false;
		l->number++;
		l->rest = slice_from(line, end + 1);
		if (end + 1 < line.len && line.ptr[end] == '\r' &&
		    line.ptr[end + 1] == '\n')
			l->rest = slice_from(line, end + 2);
		line = slice_head(line, end);
		line = slice_head(line, slice_find(line, '#'));
		colon = slice_find(line, ':');
		if (colon == line.len)
			continue;
		*ret_key = slice_trim(slice_head(line, colon));
		*ret_value = slice_trim(slice_from(line, colon + 1));
		return true;
	}
	return false;
}

enum key { KEY_OTHER, KEY_AGENT, KEY_ALLOW, KEY_DISALLOW, KEY_DELAY, KEY_SITEMAP };

static enum key
key_of(struct slice s)
{
	/* With the misspellings that Google takes for them (section 2.2.4 leaves it to us). */
	static const struct {
		const char *name;
		enum key key;
	} keys[] = {
	    {"user-agent", KEY_AGENT},
	    {"allow", KEY_ALLOW},
	    {"disallow", KEY_DISALLOW},
	    {"crawl-delay", KEY_DELAY},
	    {"sitemap", KEY_SITEMAP},
	    {"useragent", KEY_AGENT},
	    {"user agent", KEY_AGENT},
	    {"dissallow", KEY_DISALLOW},
	    {"dissalow", KEY_DISALLOW},
	    {"disalow", KEY_DISALLOW},
	    {"diasllow", KEY_DISALLOW},
	    {"disallaw", KEY_DISALLOW},
	    {"site-map", KEY_SITEMAP},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (slice_ieq(s, slice_cstr(keys[i].name)))
			return keys[i].key;
	return KEY_OTHER;
}

/* Section 2.2.1: the letters, "_" and "-" a name begins with. */
static struct slice
product_token(struct slice s)
{
	size_t n = 0;

	while (
	    n < s.len && (ascii_is_alpha(s.ptr[n]) || s.ptr[n] == '_' || s.ptr[n] == '-'))
		n++;
	return slice_head(s, n);
}

static enum robots_group
agent_group(struct slice value, struct slice token)
{
	if (value.len > 0 && value.ptr[0] == '*' &&
	    (value.len == 1 || ascii_is_space(value.ptr[1])))
		return ROBOTS_GROUP_ANY;
	if (token.len > 0 && slice_ieq(product_token(value), token))
		return ROBOTS_GROUP_OWN;
	return ROBOTS_GROUP_NONE;
}

/* -- the normal form of patterns and targets ---------------------------------------- */

/*
 * What our URLs and other writers may or may not escape is always escaped: beyond ASCII,
 * controls and space, and what the sets of the URL standard have in one part of a URL
 * only. Unreserved (RFC 3986, section 2.3) never is.
 */
enum { AS_IS, UNRESERVED, ESCAPED, PERCENT, STAR, DOLLAR };
static const uint8_t octets[256] = {
    [0x00 ... ' '] = ESCAPED,
    ['"'] = ESCAPED,
    ['$'] = DOLLAR,
    ['%'] = PERCENT,
    ['\''] = ESCAPED,
    ['*'] = STAR,
    ['-'] = UNRESERVED,
    ['.'] = UNRESERVED,
    ['0' ... '9'] = UNRESERVED,
    ['<'] = ESCAPED,
    ['>'] = ESCAPED,
    ['A' ... 'Z'] = UNRESERVED,
    ['\\'] = ESCAPED,
    ['^'] = ESCAPED,
    ['_'] = UNRESERVED,
    ['`'] = ESCAPED,
    ['a' ... 'z'] = UNRESERVED,
    ['{' ... '}'] = ESCAPED,
    ['~'] = UNRESERVED,
    [0x7f ... 0xff] = ESCAPED,
};

static char *
escape_to(char *to, unsigned char c)
{
	static const char digits[] = "0123456789ABCDEF";

	*to++ = '%';
	*to++ = digits[c >> 4];
	*to++ = digits[c & 15];
	return to;
}

/* The octet of "%XX" at s[i], or -1. */
static int
escaped_octet(struct slice s, size_t i)
{
	if (s.len - i <= 2 || ascii_hex(s.ptr[i + 1]) < 0 || ascii_hex(s.ptr[i + 2]) < 0)
		return -1;
	return ascii_hex(s.ptr[i + 1]) * 16 + ascii_hex(s.ptr[i + 2]);
}

/* `to` has room for 3 * s.len bytes; returns the end of what was written. */
static char *
normalise(struct slice s, bool is_pattern, char *to)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		unsigned kind = octets[c];
		bool is_special =
		    is_pattern && (kind == STAR || (kind == DOLLAR && i + 1 == s.len));

		if (kind <= UNRESERVED || is_special) {
			*to++ = (char)c;
		} else if (kind == PERCENT) {
			int octet = escaped_octet(s, i);

			if (octet < 0)
				*to++ = '%';
			else if (octets[octet] == UNRESERVED)
				*to++ = (char)octet;
			else
				to = escape_to(to, (unsigned char)octet);
			i += octet < 0 ? 0 : 2;
		} else {
			to = escape_to(to, c);
		}
	}
	return to;
}

/* -- compiling ---------------------------------------------------------------------- */

struct compiling {
	struct rule *rules;
	size_t count, cap;
	struct buf patterns;
	int64_t delay_ms;
};

static int
add_rule(struct compiling *c, struct slice value, bool allow, uint32_t line)
{
	struct rule r = {.line = line, .flags = allow ? RULE_ALLOW : 0};
	const char *pattern;
	size_t literal;
	int err;

	/* Others can match nothing; an empty one is no rule. */
	if (value.len == 0 || (value.ptr[0] != '/' && value.ptr[0] != '*'))
		return 0;
	if (c->count == c->cap) {
		size_t cap = c->cap == 0 ? 32 : c->cap * 2;
		struct rule *more = realloc(c->rules, cap * sizeof(*more));

		if (more == NULL)
			return -ENOMEM;
		c->rules = more;
		c->cap = cap;
	}
	err = buf_reserve(&c->patterns, 3 * value.len);
	if (err != 0)
		return err;
	r.at = (uint32_t)c->patterns.len;
	c->patterns.len =
	    (size_t)(normalise(value, true, c->patterns.ptr + r.at) - c->patterns.ptr);
	r.len = (uint32_t)(c->patterns.len - r.at);
	pattern = c->patterns.ptr + r.at;
	literal = slice_find(slice_of(pattern, r.len), '*');
	if (literal < r.len)
		r.flags |= RULE_WILD;
	if (pattern[r.len - 1] == '$') {
		r.flags |= RULE_ANCHORED;
		if (literal == r.len)
			literal--;
	}
	r.first_len = (uint8_t)(literal < 8 ? literal : 8);
	memcpy(&r.first, pattern, r.first_len);
	c->rules[c->count++] = r;
	return 0;
}

/* Seconds, also with a fraction, also with words behind; -1 when it is no such thing. */
static int64_t
delay_parse(struct slice s)
{
	int64_t ms = 0, unit = 1000;
	size_t i = 0;

	for (; i < s.len && ascii_is_digit(s.ptr[i]); i++)
		if (ms < DELAY_MS_MAX)
			ms = ms * 10 + (s.ptr[i] - '0') * 1000;
	if (i < s.len && s.ptr[i] == '.')
		for (i++; i < s.len && ascii_is_digit(s.ptr[i]); i++) {
			unit /= 10;
			ms += (s.ptr[i] - '0') * unit;
		}
	if (s.len == 0 || (!ascii_is_digit(s.ptr[0]) && ms == 0) ||
	    (i < s.len && strchr(" \t<,;", s.ptr[i]) == NULL))
		return -1;
	return ms < DELAY_MS_MAX ? ms : DELAY_MS_MAX;
}

/*
 * Section 2.2.1.  A group ends at its rules, not at a Crawl-delay (section 2.2.4); but
 * that one is only for the agents named right before it, whom the group goes on to others
 * or not.
 */
static int
collect(
    struct compiling *c, struct slice text, struct slice token, enum robots_group group)
{
	struct lines l;
	struct slice key, value;
	bool rules_ours = false, delay_ours = false;
	bool after_rule = false, after_delay = false;
	int r = 0;

	lines_init(&l, text);
	while (r == 0 && lines_next(&l, &key, &value)) {
		bool is_ours;
		int64_t ms;

		switch (key_of(key)) {
		case KEY_AGENT:
			is_ours = agent_group(value, token) == group;
			rules_ours = is_ours || (rules_ours && !after_rule);
			delay_ours =
			    is_ours || (delay_ours && !after_rule && !after_delay);
			after_rule = after_delay = false;
			break;
		case KEY_ALLOW:
		case KEY_DISALLOW:
			after_rule = true;
			if (rules_ours)
				r = add_rule(
				    c, value, key_of(key) == KEY_ALLOW, l.number);
			break;
		case KEY_DELAY:
			after_delay = true;
			ms = delay_ours ? delay_parse(value) : -1;
			if (ms > c->delay_ms)
				c->delay_ms = ms;
			break;
		case KEY_SITEMAP:
		case KEY_OTHER:
			break;
		}
	}
	return r;
}

static enum robots_group
find_group(struct slice text, struct slice token)
{
	enum robots_group best = ROBOTS_GROUP_NONE;
	struct lines l;
	struct slice key, value;

	lines_init(&l, text);
	while (best != ROBOTS_GROUP_OWN && lines_next(&l, &key, &value))
		if (key_of(key) == KEY_AGENT) {
			enum robots_group g = agent_group(value, token);

			best = g > best ? g : best;
		}
	return best;
}

/* Section 2.2.2: the most octets decide, and of equals the one that allows. */
static int
rule_compare(const void *pa, const void *pb)
{
	const struct rule *a = pa, *b = pb;

	if (a->len != b->len)
		return a->len > b->len ? -1 : 1;
	if ((a->flags & RULE_ALLOW) != (b->flags & RULE_ALLOW))
		return a->flags & RULE_ALLOW ? -1 : 1;
	return a->line < b->line ? -1 : a->line > b->line;
}

int
robots_compile(struct slice text, struct slice agent, struct buf *out)
{
	struct slice token = product_token(agent);
	struct compiling c = {.delay_ms = -1};
	struct head head = {.magic = MAGIC};
	size_t before = out->len, rules_bytes;
	int r = 0;

	buf_init(&c.patterns, 3 * ROBOTS_BYTES_MAX);
	head.group = find_group(text, token);
	if (head.group != ROBOTS_GROUP_NONE)
		r = collect(&c, text, token, (enum robots_group)head.group);
	if (r != 0)
		goto done;
	if (c.count > 0)
		qsort(c.rules, c.count, sizeof(*c.rules), rule_compare);
	rules_bytes = c.count * sizeof(*c.rules);
	for (size_t i = 0; i < c.count; i++)
		c.rules[i].at += (uint32_t)(sizeof(head) + rules_bytes);
	head.count = (uint32_t)c.count;
	head.delay_ms = (int32_t)c.delay_ms;
	head.bytes = (uint32_t)(sizeof(head) + rules_bytes + c.patterns.len);
	r = buf_add(out, &head, sizeof(head));
	if (r == 0 && c.count > 0)
		r = buf_add(out, c.rules, rules_bytes);
	if (r == 0)
		r = buf_add_slice(out, buf_slice(&c.patterns));
	if (r != 0)
		out->len = before;
done:
	free(c.rules);
	buf_release(&c.patterns);
	return r;
}

/* -- matching ------------------------------------------------------------------------ */

/* The blob may lie anywhere: it is read by copying.  False: it is none. */
static bool
head_read(struct slice blob, struct head *ret)
{
	if (blob.len < sizeof(*ret) || blob.len > ROBOTS_BLOB_MAX)
		return false;
	memcpy(ret, blob.ptr, sizeof(*ret));
	return ret->magic == MAGIC && ret->bytes == blob.len &&
	       ret->count <= (blob.len - sizeof(*ret)) / sizeof(struct rule) &&
	       ret->delay_ms >= -1 && ret->group <= ROBOTS_GROUP_OWN;
}

static void
rule_read(struct slice blob, size_t i, struct rule *ret)
{
	memcpy(ret, blob.ptr + sizeof(struct head) + i * sizeof(*ret), sizeof(*ret));
}

/* The pattern, or empty when it would lie outside: a pattern never is. */
static struct slice
rule_pattern(struct slice blob, const struct rule *r)
{
	if (r->at > blob.len || r->len > blob.len - r->at)
		return (struct slice){0};
	return slice_of(blob.ptr + r->at, r->len);
}

bool
robots_blob_check(struct slice blob)
{
	struct head head;
	struct rule r;
	uint32_t last = UINT32_MAX;

	if (!head_read(blob, &head))
		return false;
	for (size_t i = 0; i < head.count; i++) {
		rule_read(blob, i, &r);
		if (rule_pattern(blob, &r).len == 0 || r.len > last || r.first_len > 8 ||
		    r.first_len > r.len)
			return false;
		last = r.len;
	}
	return true;
}

/* Offset of `part`, not empty, in `s`, or s.len. */
static size_t
find_part(struct slice s, struct slice part)
{
	const char *hit;
	uint32_t want, have;

	/* memmem() is linear, but takes its time to begin. */
	if (s.len > 512 || part.len < sizeof(want)) {
		hit = s.len == 0 ? NULL : memmem(s.ptr, s.len, part.ptr, part.len);
		return hit == NULL ? s.len : (size_t)(hit - s.ptr);
	}
	memcpy(&want, part.ptr, sizeof(want));
	for (size_t at = 0; s.len - at >= part.len; at++) {
		memcpy(&have, s.ptr + at, sizeof(have));
		if (have == want && memcmp(s.ptr + at, part.ptr, part.len) == 0)
			return at;
	}
	return s.len;
}

/*
 * The rest of a pattern behind its literal start: what is between asterisks is looked for
 * as early as it can be, and the end of an anchored pattern at the end; each byte of the
 * target is passed once.
 */
static bool
wild_match(struct slice p, bool is_anchored, struct slice target)
{
	struct slice part;

	while (slice_cut(&p, '*', &part)) {
		size_t at;

		if (p.ptr == NULL && is_anchored)
			return slice_ends(target, part);
		if (part.len == 0)
			continue;
		at = find_part(target, part);
		if (at == target.len)
			return false;
		target = slice_from(target, at + part.len);
	}
	return true;
}

/* `target` is known to begin with the first 8 bytes of the pattern that are literal. */
static bool
pattern_match(struct slice p, const struct rule *r, struct slice target)
{
	bool is_anchored = r->flags & RULE_ANCHORED;
	size_t literal = r->first_len;

	if (is_anchored)
		p.len--;
	if (literal == 8 && (r->flags & RULE_WILD))
		literal = slice_find(p, '*');
	else if (literal == 8)
		literal = p.len;
	if (literal > target.len || literal > p.len)
		return false;
	if (literal > 8 && (target.ptr[literal - 1] != p.ptr[literal - 1] ||
			       memcmp(target.ptr, p.ptr, literal) != 0))
		return false;
	if (r->flags & RULE_WILD)
		return wild_match(
		    slice_from(p, literal + 1), is_anchored, slice_from(target, literal));
	return !is_anchored || target.len == literal;
}

static bool
rules_match(struct slice blob, const struct head *head, struct slice target,
    struct robots_verdict *v)
{
	static const uint64_t masks[9] = {0, 0xff, 0xffff, 0xffffff, 0xffffffff,
	    0xffffffffff, 0xffffffffffff, 0xffffffffffffff, UINT64_MAX};
	size_t work = 0;
	uint64_t first = 0;

	memcpy(&first, target.ptr, target.len < 8 ? target.len : 8);
	for (size_t i = 0; i < head->count; i++) {
		struct rule r;
		struct slice pattern;

		rule_read(blob, i, &r);
		if ((first & masks[r.first_len < 8 ? r.first_len : 8]) != r.first)
			continue;
		pattern = rule_pattern(blob, &r);
		if (r.flags & RULE_WILD)
			work += target.len;
		if (work > ROBOTS_WORK_MAX) {
			v->allowed = false;
			return false;
		}
		if (pattern.len == 0 || !pattern_match(pattern, &r, target))
			continue;
		v->allowed = r.flags & RULE_ALLOW;
		v->line = r.line;
		v->pattern = pattern;
		return true;
	}
	return false;
}

bool
robots_match(struct slice blob, struct slice target, struct robots_verdict *ret)
{
	struct robots_verdict v = {.allowed = true};
	struct slice path = slice_head(target, slice_find(target, '?'));
	char normal[TARGET_NORMAL_MAX];
	struct head head;

	if (target.len == 0)
		target = SLICE_LIT("/");
	if (blob.len > 0 && !head_read(blob, &head)) {
		v.allowed = false;
	} else if (blob.len > 0) {
		v.group = (enum robots_group)head.group;
		/* Section 2.2.2: the file itself is implicitly allowed. */
		if (!slice_eq(path, SLICE_LIT("/robots.txt"))) {
			char *end =
			    normalise(slice_head(target, TARGET_MAX), false, normal);

			(void)rules_match(
			    blob, &head, slice_of(normal, (size_t)(end - normal)), &v);
		}
	}
	if (ret != NULL)
		*ret = v;
	return v.allowed;
}

int64_t
robots_crawl_delay_ms(struct slice blob)
{
	struct head head;

	return head_read(blob, &head) ? head.delay_ms : -1;
}

void
robots_sitemaps(struct slice text, robots_sitemap_fn *fn, void *ctx)
{
	struct lines l;
	struct slice key, value;
	unsigned count = 0;

	lines_init(&l, text);
	while (count < ROBOTS_SITEMAPS_MAX && lines_next(&l, &key, &value)) {
		if (key_of(key) != KEY_SITEMAP || value.len == 0)
			continue;
		count++;
		if (!fn(ctx, value))
			return;
	}
}
