/* Character references, and the decoding of raw values (13.2.5.72 to 13.2.5.80). */
#include "web/charset.h"
#include "web/entity_table.h"
#include "web/html_int.h"

#include "base/banned.h"

enum ref_step {
	REF_NONE,
	REF_AMP,
	REF_NAMED,
	REF_HASH,
	REF_HEX_START,
	REF_HEX,
	REF_DECIMAL
};

/* What the numbers 0x80 to 0x9F mean: windows-1252 (13.2.5.80). */
static const uint16_t c1_codes[32] = {0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026,
    0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D, 0x017D, 0x8F, 0x90,
    0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161,
    0x203A, 0x0153, 0x9D, 0x017E, 0x0178};

void
ref_open(struct html_ref *r)
{
	*r = (struct html_ref){.step = REF_AMP, .len = 1, .hi = ENTITY_COUNT};
	r->text[0] = '&';
}

/* First entity in [lo, hi) whose byte `at` is not less than `c`; one that ended is less.
 */
static uint16_t
entity_bound(uint16_t lo, uint16_t hi, size_t at, unsigned c)
{
	while (lo < hi) {
		uint16_t mid = (uint16_t)((lo + hi) / 2);
		const struct entity *e = &entities[mid];

		if (e->name_len <= at || (unsigned char)entity_text[e->at + at] < c)
			lo = (uint16_t)(mid + 1);
		else
			hi = mid;
	}
	return lo;
}

/* Keeps the entities that go on with `c`. */
static enum ref_result
ref_feed_name(struct html_ref *r, char c)
{
	size_t at = (size_t)r->len - 1;
	uint16_t lo, hi;

	lo = entity_bound(r->lo, r->hi, at, (unsigned char)c);
	hi = entity_bound(lo, r->hi, at, (unsigned char)c + 1U);
	if (lo == hi)
		return REF_DONE;
	r->lo = lo;
	r->hi = hi;
	r->text[r->len++] = c;
	if (entities[lo].name_len == at + 1) { /* the shortest sorts first */
		r->best = lo;
		r->best_len = r->len;
	}
	return c == ';' ? REF_DONE_TOOK : REF_MORE;
}

static enum ref_result
ref_feed_digit(struct html_ref *r, char c, uint32_t base)
{
	int digit = ascii_hex(c);

	if (c == ';')
		return REF_DONE_TOOK;
	if (digit < 0 || (uint32_t)digit >= base)
		return REF_DONE;
	r->code = r->code * base + (uint32_t)digit;
	if (r->code > 0x110000)
		r->code = 0x110000;
	return REF_MORE;
}

enum ref_result
ref_feed(struct html_ref *r, char c)
{
	switch ((enum ref_step)r->step) {
	case REF_AMP:
		if (c == '#') {
			r->step = REF_HASH;
			r->text[r->len++] = c;
			return REF_MORE;
		}
		if (!ascii_is_alpha(c)) /* no entity begins with a digit */
			return REF_DONE;
		r->step = REF_NAMED;
		return ref_feed_name(r, c);
	case REF_NAMED:
		return ref_feed_name(r, c);
	case REF_HASH:
		if (c == 'x' || c == 'X') {
			r->step = REF_HEX_START;
			r->text[r->len++] = c;
			return REF_MORE;
		}
		if (!ascii_is_digit(c))
			return REF_DONE;
		r->step = REF_DECIMAL;
		return ref_feed_digit(r, c, 10);
	case REF_HEX_START:
		if (ascii_hex(c) < 0)
			return REF_DONE;
		r->step = REF_HEX;
		return ref_feed_digit(r, c, 16);
	case REF_HEX:
		return ref_feed_digit(r, c, 16);
	case REF_DECIMAL:
		return ref_feed_digit(r, c, 10);
	case REF_NONE:
	default:
		return REF_DONE;
	}
}

static size_t
ref_close_number(const struct html_ref *r, char *out)
{
	uint32_t c = r->code;

	if (c == 0 || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
		c = 0xFFFD;
	else if (c >= 0x80 && c <= 0x9F)
		c = c1_codes[c - 0x80];
	return utf8_put(c, out);
}

size_t
ref_close(struct html_ref *r, bool in_attr, int next, char *out)
{
	enum ref_step step = (enum ref_step)r->step;
	const struct entity *e = &entities[r->best];
	size_t from = r->best_len, n = 0;

	r->step = REF_NONE;
	if (step == REF_HEX || step == REF_DECIMAL)
		return ref_close_number(r, out);
	/* "&copy=1" and "&copying" in an attribute are no references (13.2.5.73). */
	if (from > 0 && in_attr && r->text[from - 1] != ';') {
		int after = from < r->len ? (unsigned char)r->text[from] : next;

		if (after == '=' ||
		    (after >= 0 && after < 0x80 &&
			(ascii_is_alpha((char)after) || ascii_is_digit((char)after))))
			from = 0;
	}
	if (from > 0) {
		memcpy(out, entity_text + e->at + e->name_len, e->value_len);
		n = e->value_len;
	}
	memcpy(out + n, r->text + from, r->len - from);
	return n + (r->len - from);
}

size_t
html_decode_max(struct slice raw)
{
	size_t nuls = 0;
	const char *p = raw.ptr, *end = p + raw.len;

	/* U+FFFD has 3 bytes; the references that grow, do so by one byte in five. */
	while (p < end && (p = memchr(p, '\0', (size_t)(end - p))) != NULL) {
		nuls++;
		p++;
	}
	return raw.len + raw.len / 5 + 2 * nuls + REF_OUT_MAX;
}

/* At '&': writes what it stands for, returns where the text goes on. */
static const char *
decode_ref(const char *p, const char *end, bool in_attr, char *out, size_t *n)
{
	struct html_ref r;
	enum ref_result got = REF_MORE;

	ref_open(&r);
	p++;
	while (p < end && (got = ref_feed(&r, *p)) == REF_MORE)
		p++;
	if (p < end && got == REF_DONE_TOOK)
		p++;
	*n += ref_close(&r, in_attr, p < end ? (unsigned char)*p : -1, out + *n);
	return p;
}

size_t
html_decode(struct slice raw, unsigned flags, char *out)
{
	const char *p = raw.ptr, *end = p + raw.len;
	size_t n = 0;

	while (p < end) {
		char c = *p;

		if (c == '&' && (flags & HTML_DECODE_NO_REFS) == 0) {
			p = decode_ref(p, end, (flags & HTML_DECODE_ATTR) != 0, out, &n);
			continue;
		}
		p++;
		if (c == '\r') {
			c = '\n';
			if (p < end && *p == '\n')
				p++;
		}
		if (c == '\0' && (flags & HTML_DECODE_KEEP_NUL) == 0)
			n += utf8_put(0xFFFD, out + n);
		else
			out[n++] = c;
	}
	return n;
}

size_t
html_name(struct slice raw, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < raw.len; i++) {
		if (raw.ptr[i] == '\0')
			n += utf8_put(0xFFFD, out + n);
		else
			out[n++] = ascii_lower(raw.ptr[i]);
	}
	return n;
}
