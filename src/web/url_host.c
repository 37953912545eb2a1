#include "base/escape.h"
#include "web/url_int.h"

#include "base/banned.h"

/* -- IPv4, section 3.5 ------------------------------------------------------------ */

/* "IPv4 number parser"; numbers past 32 bits saturate.  False: not a number. */
static bool
ipv4_number(struct slice s, uint64_t *ret)
{
	uint64_t value = 0, radix = 10;

	if (s.len == 0)
		return false;
	if (s.len >= 2 && s.ptr[0] == '0' && ascii_lower(s.ptr[1]) == 'x') {
		radix = 16;
		s = slice_from(s, 2);
	} else if (s.len >= 2 && s.ptr[0] == '0') {
		radix = 8;
		s = slice_from(s, 1);
	}
	for (size_t i = 0; i < s.len; i++) {
		int digit = ascii_hex(s.ptr[i]);

		if (digit < 0 || (uint64_t)digit >= radix)
			return false;
		value = value * radix + (uint64_t)digit;
		if (value > UINT32_MAX)
			value = (uint64_t)UINT32_MAX + 1;
	}
	*ret = value;
	return true;
}

/* "ends in a number checker". */
static bool
ends_in_number(struct slice host)
{
	size_t from;
	uint64_t value;

	if (host.len > 0 && host.ptr[host.len - 1] == '.')
		host.len--;
	for (from = host.len; from > 0 && host.ptr[from - 1] != '.'; from--)
		;
	host = slice_from(host, from);
	if (host.len == 0 || !ascii_is_digit(host.ptr[0]))
		return false;
	for (size_t i = 1; i < host.len; i++)
		if (!ascii_is_digit(host.ptr[i]))
			return ipv4_number(host, &value);
	return true;
}

static void
ipv4_write(struct url_out *o, uint64_t address)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		unsigned v = (unsigned)(address >> shift) & 255;

		if (v >= 100)
			url_out_byte(o, (char)('0' + v / 100));
		if (v >= 10)
			url_out_byte(o, (char)('0' + v / 10 % 10));
		url_out_byte(o, (char)('0' + v % 10));
		if (shift > 0)
			url_out_byte(o, '.');
	}
}

/* "IPv4 parser". */
static enum url_status
ipv4_parse(struct slice host, uint64_t *ret)
{
	uint64_t address = 0, last = 0;
	unsigned count = 0;
	struct slice part;

	if (host.ptr[host.len - 1] == '.')
		host.len--;
	while (slice_cut(&host, '.', &part)) {
		if (count > 0) {
			if (last > 255)
				return URL_BAD_HOST;
			address |= last << (8 * (4 - count));
		}
		if (++count > 4 || !ipv4_number(part, &last))
			return URL_BAD_HOST;
	}
	if (last >= (uint64_t)1 << (8 * (5 - count)))
		return URL_BAD_HOST;
	*ret = address | last;
	return URL_OK;
}

/* -- IPv6, sections 3.5 and 3.6 --------------------------------------------------- */

/* The dotted end of an address: four decimal numbers without leading zeros. */
static bool
ipv6_dotted(struct slice s, uint16_t ret[2])
{
	uint32_t address = 0;
	struct slice part;
	int count = 0;

	while (slice_cut(&s, '.', &part)) {
		uint64_t v;

		if (part.len == 0 || part.len > 3 || (part.len > 1 && part.ptr[0] == '0'))
			return false;
		if (!slice_to_u64(part, &v) || v > 255 || ++count > 4)
			return false;
		address = address << 8 | (uint32_t)v;
	}
	if (count != 4)
		return false;
	ret[0] = (uint16_t)(address >> 16);
	ret[1] = (uint16_t)address;
	return true;
}

/* "IPv6 parser", of what is between the brackets. */
static bool
ipv6_parse(struct slice s, uint16_t piece[8])
{
	int count = 0, compress = -1;
	size_t i = 0;

	memset(piece, 0, 8 * sizeof(piece[0]));
	if (s.len > 0 && s.ptr[0] == ':') {
		if (s.len < 2 || s.ptr[1] != ':')
			return false;
		i = 2;
		compress = 0;
	}
	while (i < s.len) {
		size_t from = i;
		unsigned value = 0;

		if (count == 8)
			return false;
		if (s.ptr[i] == ':') {
			if (compress >= 0)
				return false;
			compress = count;
			i++;
			continue;
		}
		while (i < s.len && i - from < 4 && ascii_hex(s.ptr[i]) >= 0)
			value = value * 16 + (unsigned)ascii_hex(s.ptr[i++]);
		if (i < s.len && s.ptr[i] == '.') {
			if (count > 6 || !ipv6_dotted(slice_from(s, from), piece + count))
				return false;
			count += 2;
			break;
		}
		if (i == from || (i < s.len && s.ptr[i++] != ':') ||
		    (i == s.len && s.ptr[i - 1] == ':'))
			return false;
		piece[count++] = (uint16_t)value;
	}
	if (compress < 0)
		return count == 8;
	if (count == 8)
		return false;
	memmove(piece + 8 - (count - compress), piece + compress,
	    (size_t)(count - compress) * sizeof(piece[0]));
	memset(piece + compress, 0, (size_t)(8 - count) * sizeof(piece[0]));
	return true;
}

/* "IPv6 serializer": the first of the longest runs of two or more zeros is "::". */
static void
ipv6_write(struct url_out *o, const uint16_t piece[8])
{
	static const char digits[] = "0123456789abcdef";
	int best = -1, best_len = 1;

	for (int i = 0; i < 8; i++) {
		int n = i;

		while (n < 8 && piece[n] == 0)
			n++;
		if (n - i > best_len) {
			best = i;
			best_len = n - i;
		}
		if (n > i)
			i = n - 1;
	}
	url_out_byte(o, '[');
	for (int i = 0; i < 8; i++) {
		if (i == best) {
			url_out_add(o, "::", i == 0 ? 2 : 1);
			i += best_len - 1;
			continue;
		}
		for (int shift = 12, seen = 0; shift >= 0; shift -= 4) {
			unsigned d = piece[i] >> shift & 15;

			seen |= d != 0 || shift == 0;
			if (seen)
				url_out_byte(o, digits[d]);
		}
		if (i < 7)
			url_out_byte(o, ':');
	}
	url_out_byte(o, ']');
}

/* -- names ------------------------------------------------------------------------ */

/* A domain of ASCII only, lower case: forbidden bytes, then numbers, then as it is. */
static enum url_status
write_domain(struct url_out *o, struct slice host)
{
	uint64_t address;

	if (host.len == 0)
		return URL_BAD_HOST;
	for (size_t i = 0; i < host.len; i++)
		if (url_class[(unsigned char)host.ptr[i]] & URL_C_HOST_SLOW)
			return URL_BAD_HOST;
	if (!ends_in_number(host)) {
		url_out_add(o, host.ptr, host.len);
		return URL_OK;
	}
	if (ipv4_parse(host, &address) != URL_OK)
		return URL_BAD_HOST;
	ipv4_write(o, address);
	return URL_OK;
}

/* Percent-decodes and lowers ASCII; false when the result is no UTF-8 or has a NUL. */
static bool
host_decode(struct slice in, char *text, size_t *ret_len, bool *ret_is_ascii)
{
	bool is_ascii = true;
	size_t n = 0;

	for (size_t i = 0; i < in.len; i++) {
		char c = ascii_lower(in.ptr[i]);

		if (c == '%' && in.len - i > 2 && ascii_hex(in.ptr[i + 1]) >= 0 &&
		    ascii_hex(in.ptr[i + 2]) >= 0) {
			c = (char)(ascii_hex(in.ptr[i + 1]) * 16 +
				   ascii_hex(in.ptr[i + 2]));
			c = ascii_lower(c);
			i += 2;
		}
		if (c == '\0')
			return false;
		is_ascii &= (unsigned char)c < 0x80;
		text[n++] = c;
	}
	for (size_t i = 0, len; !is_ascii && i < n; i += len) {
		len = utf8_len(slice_of(text + i, n - i));
		if (len == 0)
			return false;
	}
	*ret_len = n;
	*ret_is_ascii = is_ascii;
	return true;
}

enum url_status
url_host_parse(struct slice in, struct url_out *o)
{
	char text[URL_BYTES_MAX];
	uint16_t piece[8];
	unsigned acc = 0;
	bool is_ascii;
	size_t len;

	if (in.ptr[0] == '[') {
		if (in.ptr[in.len - 1] != ']' ||
		    !ipv6_parse(slice_of(in.ptr + 1, in.len - 2), piece))
			return URL_BAD_HOST;
		ipv6_write(o, piece);
		return URL_OK;
	}
	for (size_t i = 0; i < in.len; i++)
		acc |= url_class[(unsigned char)in.ptr[i]];
	if (!(acc & URL_C_HOST_SLOW))
		return write_domain(o, in);
	if (!host_decode(in, text, &len, &is_ascii))
		return URL_BAD_HOST;
	if (!is_ascii && !url_idna(slice_of(text, len), text, sizeof(text), &len))
		return URL_BAD_HOST;
	return write_domain(o, slice_of(text, len));
}
