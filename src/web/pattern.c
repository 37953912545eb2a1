#include "web/pattern.h"
#include "web/pattern_date.h"

#include "base/banned.h"

enum {
	ID_MIN = 8,       /* letters and digits of an id */
	ID_TURNS_MIN = 3, /* from letters to digits or back */
	GROUP_MAX = 8,    /* segments that repeat together */
	NAME_MIN = 3,     /* letters of a segment whose repeats count */
};

/* ---- writing a pattern: its text as far as there is room, its hash as a whole ---- */

struct maker {
	uint64_t seed, hash;
	char *text;
	size_t len;
	bool varies, has_id;
	uint64_t up_to_id; /* hash after the last {id} */
};

static uint64_t
mix(uint64_t h, uint64_t with)
{
	h = (h ^ with) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 29;
}

/* Short texts, and many: the usual hash would cost more than all the rest.  Whoever makes
 * two patterns of a host collide has them taken for one. */
static inline uint64_t
hash_of(struct slice s, uint64_t seed)
{
	uint64_t h = seed ^ s.len * UINT64_C(0xc4ceb9fe1a85ec53), chunk;

	for (size_t at = 0; at < s.len; at += sizeof(chunk)) {
		size_t n = s.len - at < sizeof(chunk) ? s.len - at : sizeof(chunk);

		chunk = 0;
		memcpy(&chunk, s.ptr + at, n);
		h = mix(h, chunk);
	}
	return h ^ h >> 32;
}

static void
show(struct maker *m, struct slice s)
{
	size_t room = PATTERN_TEXT_MAX - 1 - m->len;
	size_t n = s.len < room ? s.len : room;

	if (n > 0)
		memcpy(m->text + m->len, s.ptr, n);
	m->len += n;
	m->text[m->len] = '\0';
}

static void
add(struct maker *m, struct slice s)
{
	if (s.len == 0)
		return;
	m->hash = mix(m->hash, hash_of(s, m->seed));
	show(m, s);
}

static void
add_mark(struct maker *m, struct slice mark)
{
	add(m, mark);
	m->varies = true;
}

/* ---- the runs of letters and digits of a segment ---- */

static bool
is_alnum(char c)
{
	return ascii_is_digit(c) || ascii_is_alpha(c);
}

static size_t
run_len(struct slice s)
{
	size_t n = 0;

	while (n < s.len && is_alnum(s.ptr[n]))
		n++;
	return n;
}

/* Nobody gave it that name. */
static bool
is_id(struct slice run)
{
	size_t digits = 0, hex = 0, turns = 0;

	if (run.len < ID_MIN)
		return false;
	for (size_t i = 0; i < run.len; i++) {
		bool digit = ascii_is_digit(run.ptr[i]);

		digits += digit;
		hex += ascii_hex(run.ptr[i]) >= 0;
		turns += i > 0 && digit != ascii_is_digit(run.ptr[i - 1]);
	}
	if (digits == 0 || digits == run.len)
		return false;
	return turns >= ID_TURNS_MIN || hex == run.len;
}

/* Digits become {n}, what is between them stays. */
static void
add_run(struct maker *m, struct slice run)
{
	if (is_id(run)) {
		add_mark(m, SLICE_LIT("{id}"));
		m->has_id = true;
		m->up_to_id = m->hash;
		return;
	}
	while (run.len > 0) {
		bool digit = ascii_is_digit(run.ptr[0]);
		size_t n = 1;

		while (n < run.len && ascii_is_digit(run.ptr[n]) == digit)
			n++;
		if (digit)
			add_mark(m, SLICE_LIT("{n}"));
		else
			add(m, slice_head(run, n));
		run = slice_from(run, n);
	}
}

static void
note_date(struct url_pattern *p, int32_t day)
{
	p->has_date = true;
	p->day = day;
}

/* Up to the first run of letters and digits that has a digit: as it is. */
static size_t
plain_len(struct slice s)
{
	size_t run = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (ascii_is_digit(s.ptr[i]))
			return run;
		if (!ascii_is_alpha(s.ptr[i]))
			run = i + 1;
	}
	return s.len;
}

/* One segment, or more of them where a date goes over some; how much was taken. */
static size_t
add_segment(struct maker *m, struct slice path, struct url_pattern *p)
{
	size_t end = slice_find(path, '/'), at = 0, n;
	int32_t day;

	while (at < end) {
		struct slice rest = slice_from(path, at);

		n = plain_len(slice_head(rest, end - at));
		if (n > 0) {
			add(m, slice_head(rest, n));
		} else if ((n = date_find(rest, DATE_IN_PATH, &day)) > 0) {
			add_mark(m, SLICE_LIT("{date}"));
			note_date(p, day);
			if (at + n > end)
				end = at + n + slice_find(slice_from(rest, n), '/');
		} else {
			n = run_len(slice_head(rest, end - at));
			add_run(m, slice_head(rest, n));
		}
		at += n;
	}
	return end;
}

/* ---- the query ---- */

static bool
has_key(const struct url_pattern *p, uint64_t name)
{
	for (uint32_t i = 0; i < p->keys_len; i++)
		if (p->keys[i].name == name)
			return true;
	return false;
}

/* The hash of all names does not depend on their order. */
static uint64_t
add_query(struct maker *m, struct slice query, struct url_pattern *p)
{
	struct date_parts parts = {0};
	uint64_t names = 0;
	struct slice param;
	bool first = true;
	int32_t day;

	while (slice_cut(&query, '&', &param)) {
		size_t eq = slice_find(param, '=');
		struct slice name = slice_head(param, eq);
		struct slice value = slice_from(param, eq + 1);
		uint64_t hash;

		if (param.len == 0)
			continue;
		hash = hash_of(name, m->seed);
		date_parts_add(&parts, name, value);
		if (has_key(p, hash))
			continue;
		names += mix(hash, m->seed);
		show(m, first ? SLICE_LIT("?") : SLICE_LIT("&"));
		show(m, name);
		first = false;
		if (p->keys_len < PATTERN_KEYS_MAX)
			p->keys[p->keys_len++] =
			    (struct pattern_key){hash, hash_of(value, m->seed)};
	}
	if (date_parts_day(&parts, &day))
		note_date(p, day);
	return names;
}

/* ---- repeats ---- */

static uint32_t
segments_of(struct slice path, uint64_t hashes[PATTERN_SEGMENTS_MAX],
    bool names[PATTERN_SEGMENTS_MAX])
{
	struct slice segment;
	uint32_t n = 0;

	while (n < PATTERN_SEGMENTS_MAX && slice_cut(&path, '/', &segment)) {
		bool letter = false;

		if (segment.len == 0)
			continue;
		for (size_t i = 0; i < segment.len && !letter; i++)
			letter = !ascii_is_digit(segment.ptr[i]);
		names[n] = letter && segment.len >= NAME_MIN;
		hashes[n++] = hash_of(segment, 0);
	}
	return n;
}

/* Is one of the `len` segments that end there worth the name? */
static bool
has_name(const bool *names, uint32_t end, uint32_t len)
{
	for (uint32_t i = end - len; i < end; i++)
		if (names[i])
			return true;
	return false;
}

uint32_t
url_path_repeats(struct slice path)
{
	uint64_t hashes[PATTERN_SEGMENTS_MAX];
	bool names[PATTERN_SEGMENTS_MAX];
	uint32_t n = segments_of(path, hashes, names), most = 1;

	for (uint32_t group = 1; group <= GROUP_MAX; group++) {
		uint32_t run = 0; /* segments that equal the one a group before */

		for (uint32_t i = group; i < n; i++) {
			run = hashes[i] == hashes[i - group] ? run + 1 : 0;
			if (run / group + 1 > most && has_name(names, i + 1, group))
				most = run / group + 1;
		}
	}
	return most;
}

uint32_t
url_path_segments(struct slice path)
{
	struct slice segment;
	uint32_t n = 0;

	while (slice_cut(&path, '/', &segment))
		n += segment.len > 0;
	return n;
}

/* By a filter of 512 bits; those that it is not sure of are compared, so two are equal only
 * if they are. */
static bool
has_repeats(struct slice path)
{
	uint64_t hashes[PATTERN_SEGMENTS_MAX], filter[8] = {0};
	bool names[PATTERN_SEGMENTS_MAX];
	uint32_t n = segments_of(path, hashes, names);

	if (n > 64)
		return true; /* 64 names are not honest */
	for (uint32_t i = 0; i < n; i++) {
		uint64_t *word = &filter[hashes[i] >> 6 & 7];
		uint64_t bit = UINT64_C(1) << (hashes[i] & 63);

		if (!names[i])
			continue;
		for (uint32_t k = 0; k < i && (*word & bit) != 0; k++)
			if (hashes[k] == hashes[i])
				return true;
		*word |= bit;
	}
	return false;
}

/* ---- the whole ---- */

/* The last segment that is not empty, with its slash if it has one. */
static uint64_t
tail_hash(struct slice path, uint64_t seed)
{
	struct url_pattern none = {0};
	char text[PATTERN_TEXT_MAX];
	struct maker m = {.seed = seed, .hash = seed + 3, .text = text};
	size_t end = path.len, at;

	while (end > 0 && path.ptr[end - 1] == '/')
		end--;
	for (at = end; at > 0 && path.ptr[at - 1] != '/';)
		at--;
	(void)add_segment(&m, slice_of(path.ptr + at, end - at), &none);
	return mix(m.hash, end < path.len);
}

void
url_pattern(const struct url *u, uint64_t seed, struct url_pattern *ret)
{
	struct slice path = url_path(u), query = url_query(u), rest = path;
	struct maker m = {.seed = seed, .hash = seed + 1, .text = ret->text};

	*ret = (struct url_pattern){.has_query = query.len > 1,
	    .segments = url_path_segments(path),
	    .repeats = has_repeats(path)};
	while (rest.len > 0) {
		add(&m, SLICE_LIT("/"));
		rest = slice_from(rest, 1);
		rest = slice_from(rest, add_segment(&m, rest, ret));
	}
	ret->path = m.hash;
	ret->names = add_query(&m, slice_from(query, 1), ret);
	ret->whole = mix(ret->path, ret->names);
	ret->varies = m.varies || ret->has_query;
	if (m.has_id || ret->has_query)
		ret->family = mix(m.has_id ? m.up_to_id : seed + 2, ret->names) | 1;
}

uint64_t
url_pattern_tail(const struct url *u, uint64_t seed, const struct url_pattern *p)
{
	return mix(tail_hash(url_path(u), seed), p->names);
}
