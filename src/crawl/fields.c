#include "crawl/fields.h"
#include "crawl/rules.h"
#include <errno.h>

/* Counts also those that there is no room for. */
static void
add_specs(const struct strlist *l, struct slice specs[SELECT_FIELDS_MAX], size_t *n)
{
	for (size_t i = 0; i < l->n; i++, ++*n)
		if (*n < SELECT_FIELDS_MAX)
			specs[*n] = slice_cstr(l->v[i]);
}

/* Appends the blob: first those of all pages, then those of the rules, in their order; of
 * no fields nothing. */
static int
compile(const struct options *o, struct buf *out, struct why *why)
{
	struct slice specs[SELECT_FIELDS_MAX];
	size_t n = 0;
	int r;

	add_specs(&o->crawl_extract, specs, &n);
	for (size_t i = 0; i < o->rules_len; i++)
		add_specs(&o->rules[i].options->crawl_extract, specs, &n);
	if (n == 0)
		return 0;
	if (n > SELECT_FIELDS_MAX)
		return why_set(
		    why, -EINVAL, "--extract: more than %d of them", SELECT_FIELDS_MAX);
	r = select_compile(specs, n, out, why);
	return r < 0 ? why_prefix(why, r, "--extract") : 0;
}

int
fields_new(const struct options *o, struct select **ret, struct why *why)
{
	struct buf blob;
	int r;

	*ret = NULL;
	buf_init(&blob, SELECT_BLOB_MAX);
	r = compile(o, &blob, why);
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

int
fields_of_page(const struct rules *rules, const struct url *url, const struct page *page,
    struct arena *a, const struct select_value **ret, size_t *ret_len)
{
	struct select_value *v;
	uint16_t matching[RULES_MAX];
	size_t rules_len, n = 0;

	*ret = page->fields;
	*ret_len = page->fields_len;
	if (page->fields_len == 0 || !rules_have_fields(rules))
		return 0;
	rules_len = rules_matching(rules, url, matching);
	v = arena_alloc(a, page->fields_len * sizeof(*v));
	if (v == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < page->fields_len; i++)
		if (rules_want_field(rules, matching, rules_len, page->fields[i].field))
			v[n++] = page->fields[i];
	*ret = v;
	*ret_len = n;
	return 0;
}
