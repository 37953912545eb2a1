#include "ctl/dashboard.h"
#include "ctl/www.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

enum { FILES_LEN = sizeof(files) / sizeof(files[0]) };

const char dashboard_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src "
    "'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

const struct dashboard_file *
dashboard_find(struct slice name)
{
	for (size_t i = 0; i < FILES_LEN; i++)
		if (slice_eq(name, slice_cstr(files[i].name)))
			return &files[i];
	return NULL;
}

const char *
dashboard_type(const struct dashboard_file *file)
{
	static const struct {
		const char *ending, *type;
	} types[] = {
	    {".html", "text/html; charset=utf-8"},
	    {".css", "text/css; charset=utf-8"},
	    {".js", "text/javascript; charset=utf-8"},
	    {".svg", "image/svg+xml"},
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (slice_ends(slice_cstr(file->name), slice_cstr(types[i].ending)))
			return types[i].type;
	assert(!"a file of the dashboard without a type");
	return "application/octet-stream";
}

void
dashboard_etag(const struct dashboard_file *file, char ret[DASHBOARD_ETAG_MAX])
{
	(void)snprintf(ret, DASHBOARD_ETAG_MAX, "\"%016" PRIx64 "\"",
	    (uint64_t)XXH3_64bits(file->bytes, file->len));
}
