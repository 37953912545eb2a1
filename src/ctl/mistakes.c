#include "ctl/mistakes.h"
#include "base/slice.h"
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

bool
mistakes_add(void *ctx, const char *pointer, const char *text)
{
	struct mistakes *m = ctx;
	size_t i = m->len;

	if (i == MISTAKES_MAX)
		return false;
	m->v[i].pointer = slice_dup(slice_cstr(pointer));
	m->v[i].text = slice_dup(slice_cstr(text));
	m->len++;
	return true;
}

bool
mistakes_add_option(void *ctx, enum option_id option, int code, const char *text)
{
	const struct option_row *row = &option_rows[option];
	char pointer[80];

	(void)code;
	(void)snprintf(pointer, sizeof(pointer), "/%s/%s", row->section, option_key(row));
	return mistakes_add(ctx, pointer, text);
}

void
mistakes_release(struct mistakes *m)
{
	for (size_t i = 0; i < m->len; i++) {
		free(m->v[i].pointer);
		free(m->v[i].text);
	}
	m->len = 0;
}
