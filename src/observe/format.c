#include "observe/format.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *
format_count(struct format *store, uint64_t n)
{
	char digits[24];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, n), at = 0;

	for (size_t i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			store->text[at++] = ',';
		store->text[at++] = digits[i];
	}
	store->text[at] = '\0';
	return store->text;
}

const char *
format_bytes(struct format *store, double bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	size_t u = 0;

	while (bytes >= 999.5 && u < 5) {
		bytes /= 1000;
		u++;
	}
	(void)snprintf(store->text, sizeof(store->text),
	    u > 0 && bytes < 99.5 ? "%.1f %s" : "%.0f %s", bytes, units[u]);
	return store->text;
}

const char *
format_elapsed(struct format *store, int64_t ms)
{
	int64_t s = ms / 1000;

	if (s < 60)
		(void)snprintf(store->text, sizeof(store->text),
		    "%" PRId64 ".%" PRId64 " s", s, ms / 100 % 10);
	else if (s < 3600)
		(void)snprintf(store->text, sizeof(store->text), "%" PRId64 ":%02" PRId64,
		    s / 60, s % 60);
	else
		(void)snprintf(store->text, sizeof(store->text),
		    "%" PRId64 ":%02" PRId64 ":%02" PRId64, s / 3600, s / 60 % 60,
		    s % 60);
	return store->text;
}
