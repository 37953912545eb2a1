/*
 * International names, "domain to ASCII" of section 3.3 with beStrict false, by libidn2.
 *
 * The standard asks for UTS 46 non-transitional and none of the registry's rules.
 * libidn2's non-transitional mode applies IDNA 2008 on top, which refuses symbols
 * (heart.net); its transitional mode does not, but turns the four deviation characters
 * into something else and leaves out the rule of section 2 of RFC 5893 (right-to-left
 * names).  So each label takes the mode that is right for it, and a host with
 * right-to-left letters goes through the strict one as a whole.  What newer versions of
 * UTS 46 map differently is mapped first. What then still differs is written down in
 * tests/unit/suite_deviations.txt.
 */
#include "base/escape.h"
#include "web/charset.h"
#include "web/url_int.h"
#include <idn2.h>

#include "base/banned.h"

enum {
	NAME_BYTES_MAX = 1024, /* before it is converted; 253 after */
	FLAGS_STRICT = IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL,
	FLAGS_SYMBOLS = IDN2_NFC_INPUT | IDN2_TRANSITIONAL,
};

struct name {
	char text[NAME_BYTES_MAX + 1];
	size_t len;
};

static bool
name_add(struct name *n, const char *ptr, size_t len)
{
	if (len > NAME_BYTES_MAX - n->len)
		return false;
	memcpy(n->text + n->len, ptr, len);
	n->len += len;
	n->text[n->len] = '\0';
	return true;
}

/*
 * What UTS 46 maps since Unicode 15.1 and 16, after the tables of libidn2; and what
 * changes where a label begins and ends.  `to` 0: taken out.
 */
static const struct {
	uint32_t from, last, to;
} newer[] = {
    {0x00ad, 0x00ad, 0},
    {0x04c0, 0x04c0, 0x04cf},
    {0x10a0, 0x10c5, 0x2d00},
    {0x10c7, 0x10c7, 0x2d27},
    {0x10cd, 0x10cd, 0x2d2d},
    {0x115f, 0x1160, 0},
    {0x17b4, 0x17b5, 0},
    {0x180e, 0x180e, 0},
    {0x1e9e, 0x1e9e, 0x00df},
    {0x200b, 0x200b, 0},
    {0x2060, 0x2060, 0},
    {0x2064, 0x2064, 0},
    {0x206a, 0x206f, 0},
    {0x2132, 0x2132, 0x214e},
    {0x2183, 0x2183, 0x2184},
    {0x3002, 0x3002, '.'},
    {0x3164, 0x3164, 0},
    {0xfeff, 0xfeff, 0},
    {0xff0e, 0xff0e, '.'},
    {0xff61, 0xff61, '.'},
    {0xffa0, 0xffa0, 0},
    {0x1d173, 0x1d17a, 0},
    {0x2f868, 0x2f868, 0x36fc},
    {0x2f874, 0x2f874, 0x5f53},
    {0x2f91f, 0x2f91f, 0x243ab},
    {0x2f95f, 0x2f95f, 0x7aee},
    {0x2f9bf, 0x2f9bf, 0x45d7},
};

static bool
is_right_to_left(uint32_t c)
{
	return (c >= 0x590 && c <= 0x8ff) || c == 0x200f ||
	       (c >= 0xfb1d && c <= 0xfdff) || (c >= 0xfe70 && c <= 0xfeff) ||
	       (c >= 0x10800 && c <= 0x10fff) || (c >= 0x1e800 && c <= 0x1efff);
}

/* sharp s, final sigma, zero-width (non-)joiner: what the two modes disagree about. */
static bool
is_deviation(uint32_t c)
{
	return c == 0xdf || c == 0x3c2 || c == 0x200c || c == 0x200d;
}

static bool
name_premap(struct slice in, struct name *n, bool *ret_rtl)
{
	size_t len;

	for (; in.len > 0; in = slice_from(in, len)) {
		uint32_t c, to;
		char utf8[4];

		len = utf8_len(in);
		if (len == 0)
			return false;
		to = c = utf8_point(in.ptr, len);
		*ret_rtl |= is_right_to_left(c);
		for (size_t i = 0; i < sizeof(newer) / sizeof(newer[0]); i++)
			if (c >= newer[i].from && c <= newer[i].last)
				to = newer[i].to == 0 ? 0
						      : newer[i].to + (c - newer[i].from);
		if (to == c ? !name_add(n, in.ptr, len)
			    : to != 0 && !name_add(n, utf8, utf8_put(to, utf8)))
			return false;
	}
	return true;
}

static bool
convert(struct name *ret, const char *text, int flags)
{
	char *ascii = NULL;
	bool done;

	if (idn2_to_ascii_8z(text, &ascii, flags) != IDN2_OK)
		return false;
	done = name_add(ret, ascii, strlen(ascii));
	idn2_free(ascii);
	return done;
}

/* ASCII that libidn2 refuses, or refuses at some places; the standard does not. */
static bool
is_odd(char c)
{
	return (unsigned char)c < 0x80 && !ascii_is_alpha(c) && !ascii_is_digit(c);
}

/* The odd characters of `label`, in order, for the places that hold `stand_in`. */
static bool
odd_restore(struct name *n, struct slice label, char stand_in)
{
	size_t end = n->len, at = 0;

	/* Punycode (RFC 3492) has the ASCII of a label in front, then "-" and the rest.
	 */
	if (slice_starts(slice_of(n->text, n->len), SLICE_LIT("xn--"))) {
		at = 4;
		while (end > at && n->text[end - 1] != '-')
			end--;
	}
	for (size_t i = 0; i < label.len; i++) {
		if (!is_odd(label.ptr[i]))
			continue;
		while (at < end && n->text[at] != stand_in)
			at++;
		if (at == end)
			return false;
		n->text[at++] = label.ptr[i];
	}
	return at >= end || memchr(n->text + at, stand_in, end - at) == NULL;
}

/*
 * Converts with a letter in place of each odd character: to Punycode all ASCII is the
 * same, as long as the letter is nowhere else, also not in what other characters are
 * mapped to.
 */
static bool
odd_convert(struct name *ret, struct slice label, int flags)
{
	static const char stand_ins[] = "qjzxkvwyb0123456789";

	for (size_t k = 0; k < sizeof(stand_ins) - 1; k++) {
		struct name copy = {.len = 0}, ascii = {.len = 0};

		if (slice_find(label, stand_ins[k]) < label.len)
			continue;
		if (!name_add(&copy, label.ptr, label.len))
			return false;
		for (size_t i = 0; i < copy.len; i++)
			if (is_odd(copy.text[i]))
				copy.text[i] = stand_ins[k];
		if (!convert(&ascii, copy.text, flags))
			return false;
		if (!odd_restore(&ascii, label, stand_ins[k]))
			continue;
		/* That would be the name of another label, encoded twice. */
		return !slice_starts(slice_from(slice_of(ascii.text, ascii.len), 4),
			   SLICE_LIT("xn--")) &&
		       name_add(ret, ascii.text, ascii.len);
	}
	return false;
}

static bool
label_convert(struct name *ret, struct slice label)
{
	struct name copy = {.len = 0};
	int flags = FLAGS_SYMBOLS;
	bool is_ascii = true, has_odd = false;
	size_t len;

	for (size_t i = 0; i < label.len; i += len) {
		len = utf8_len(slice_from(label, i));
		is_ascii &= len == 1;
		has_odd |= is_odd(label.ptr[i]);
		if (is_deviation(utf8_point(label.ptr + i, len)))
			flags = FLAGS_STRICT;
	}
	if (is_ascii && !slice_starts(label, SLICE_LIT("xn--")))
		return name_add(ret, label.ptr, label.len);
	if (!name_add(&copy, label.ptr, label.len))
		return false;
	if (convert(ret, copy.text, flags))
		return true;
	return has_odd && !slice_starts(label, SLICE_LIT("xn--")) &&
	       odd_convert(ret, label, flags);
}

bool
url_idna(struct slice host, char *ret, size_t cap, size_t *ret_len)
{
	struct name mapped = {.len = 0}, ascii = {.len = 0};
	struct slice rest, label;
	bool is_rtl = false;

	if (!name_premap(host, &mapped, &is_rtl))
		return false;
	if (is_rtl) {
		if (!convert(&ascii, mapped.text, FLAGS_STRICT))
			return false;
	} else {
		rest = slice_of(mapped.text, mapped.len);
		for (bool is_first = true; slice_cut(&rest, '.', &label);
		     is_first = false) {
			if (!is_first && !name_add(&ascii, ".", 1))
				return false;
			if (label.len > 0 && !label_convert(&ascii, label))
				return false;
		}
	}
	if (ascii.len > cap)
		return false;
	memcpy(ret, ascii.text, ascii.len);
	*ret_len = ascii.len;
	return true;
}
