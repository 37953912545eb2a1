/*
 * base/slice.h -- a borrowed run of bytes: never NUL-terminated, never owned.
 *
 * Parsers eat slices; nobody passes raw pointers with lengths on the side.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *ptr; /* NULL only when len == 0 */
	size_t len;
};

#define SLICE_LIT(s) ((struct slice){.ptr = "" s, .len = sizeof(s) - 1})
#define SLICE_FMT    "%.*s"
#define SLICE_ARG(s) ((s).len > 8192 ? 8192 : (int)(s).len), ((s).ptr ? (s).ptr : "")

static inline struct slice
slice_of(const void *ptr, size_t len)
{
	return (struct slice){.ptr = ptr, .len = len};
}

/* NULL gives the empty slice. */
static inline struct slice
slice_cstr(const char *s)
{
	return (struct slice){.ptr = s, .len = s == NULL ? 0 : strlen(s)};
}

static inline bool
slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ASCII case only, whatever the locale. */
static inline char
ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline bool
ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
ascii_is_alpha(char c)
{
	c = ascii_lower(c);
	return c >= 'a' && c <= 'z';
}

/* Value of a hexadecimal digit, or -1. */
static inline int
ascii_hex(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* C0 and DEL. */
static inline bool
ascii_is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

static inline bool
ascii_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool
slice_ieq(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
			return false;
	return true;
}

static inline bool
slice_starts(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len &&
	    (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool
slice_istarts(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && slice_ieq(slice_of(s.ptr, prefix.len), prefix);
}

static inline bool
slice_ends(struct slice s, struct slice suffix)
{
	return s.len >= suffix.len &&
	    (suffix.len == 0 ||
		memcmp(s.ptr + (s.len - suffix.len), suffix.ptr, suffix.len) == 0);
}

/* Offset of the first `c`, or s.len. */
static inline size_t
slice_find(struct slice s, char c)
{
	const char *hit = s.len == 0 ? NULL : memchr(s.ptr, c, s.len);

	return hit == NULL ? s.len : (size_t)(hit - s.ptr);
}

/* s[from..], empty when from is past the end. */
static inline struct slice
slice_from(struct slice s, size_t from)
{
	if (from >= s.len)
		return (struct slice){0};
	return (struct slice){.ptr = s.ptr + from, .len = s.len - from};
}

/* s[..n], whole when it is shorter. */
static inline struct slice
slice_head(struct slice s, size_t n)
{
	return (struct slice){.ptr = s.ptr, .len = s.len < n ? s.len : n};
}

static inline struct slice
slice_trim(struct slice s)
{
	while (s.len > 0 && ascii_is_space(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && ascii_is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

/* Split *rest at the first `sep`; *rest keeps what follows.  False at the end. */
static inline bool
slice_cut(struct slice *rest, char sep, struct slice *ret_head)
{
	size_t at;

	if (rest->ptr == NULL)
		return false;
	at = slice_find(*rest, sep);
	*ret_head = slice_of(rest->ptr, at);
	if (at == rest->len)
		*rest = (struct slice){0};
	else
		*rest = slice_of(rest->ptr + at + 1, rest->len - at - 1);
	return true;
}

/* Whether there is a control character in it; a tab is one. */
bool slice_has_control(struct slice s);
/* Of the values of header lines, where a tab may stand (RFC 9110 section 5.5). */
bool slice_has_control_but_tab(struct slice s);
/* Decimal digits only, whole slice, no overflow; false leaves *ret untouched. */
bool slice_to_u64(struct slice s, uint64_t *ret);
/* Heap copy with a NUL at the end, or NULL when memory is out. */
char *slice_dup(struct slice s);
#endif
