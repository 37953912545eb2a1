#include "base/slice.h"
#include <stdlib.h>

bool
slice_has_control(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (ascii_is_control(s.ptr[i]))
			return true;
	return false;
}

bool
slice_has_control_but_tab(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (ascii_is_control(s.ptr[i]) && s.ptr[i] != '\t')
			return true;
	return false;
}

bool
slice_to_u64(struct slice s, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		uint64_t digit;

		if (!ascii_is_digit(s.ptr[i]))
			return false;
		digit = (uint64_t)(s.ptr[i] - '0');
		if (v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*ret = v;
	return true;
}

char *
slice_dup(struct slice s)
{
	char *copy = malloc(s.len + 1);

	if (copy == NULL)
		return NULL;
	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return copy;
}
