#include "base/why.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
why_set(struct why *why, int code, const char *fmt, ...)
{
	va_list ap;

	if (why != NULL) {
		va_start(ap, fmt);
		(void)vsnprintf(why->text, sizeof(why->text), fmt, ap);
		va_end(ap);
	}
	return code;
}

int
why_prefix(struct why *why, int code, const char *fmt, ...)
{
	char head[256] = "";
	size_t n, keep;
	va_list ap;

	if (why == NULL)
		return code;
	va_start(ap, fmt);
	(void)vsnprintf(head, sizeof(head) - 2, fmt, ap);
	va_end(ap);
	n = strlen(head);
	memcpy(head + n, ": ", 3);
	n += 2;
	keep = strnlen(why->text, sizeof(why->text) - 1 - n);
	memmove(why->text + n, why->text, keep);
	memcpy(why->text, head, n);
	why->text[n + keep] = '\0';
	return code;
}
