#include "crawl/fields.h"
#include <errno.h>

int
fields_compile(const struct options *o, struct buf *out, struct why *why)
{
	struct slice specs[SELECT_FIELDS_MAX];
	int r;

	if (o->crawl_extract.n == 0)
		return 0;
	if (o->crawl_extract.n > SELECT_FIELDS_MAX)
		return why_set(
		    why, -EINVAL, "--extract: more than %d of them", SELECT_FIELDS_MAX);
	for (size_t i = 0; i < o->crawl_extract.n; i++)
		specs[i] = slice_cstr(o->crawl_extract.v[i]);
	r = select_compile(specs, o->crawl_extract.n, out, why);
	return r < 0 ? why_prefix(why, r, "--extract") : 0;
}

int
fields_new(const struct options *o, struct select **ret, struct why *why)
{
	struct buf blob;
	int r;

	*ret = NULL;
	buf_init(&blob, SELECT_BLOB_MAX);
	r = fields_compile(o, &blob, why);
	if (r == 0 && blob.len > 0) {
		r = select_new(buf_slice(&blob), ret);
		if (r < 0)
			(void)why_set(why, r, "out of memory");
	}
	buf_release(&blob);
	return r;
}

int
field_check(struct slice spec, struct why *why)
{
	struct buf blob;
	int r;

	buf_init(&blob, SELECT_BLOB_MAX);
	r = select_compile(&spec, 1, &blob, why);
	buf_release(&blob);
	return r;
}
