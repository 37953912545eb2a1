/* The dashboard's files.  They change with the program only: browsers keep them and ask. */
#include "ctl/api.h"
#include "ctl/dashboard.h"
#include <errno.h>

static void
serve(struct request *r, struct slice name)
{
	const struct dashboard_file *file = dashboard_find(name);
	char etag[DASHBOARD_ETAG_MAX];
	struct buf body;

	if (file == NULL) {
		request_problem(r, 404, "the dashboard has no such file");
		return;
	}
	dashboard_etag(file, etag);
	request_add_header(r, "ETag", etag);
	request_add_header(r, "Cache-Control", "no-cache");
	/* Also with a 304, by which browsers replace what they have of the headers. */
	request_add_header(r, "Content-Security-Policy", dashboard_policy);
	if (request_has_tag(r, etag)) {
		request_reply_empty(r, 304);
		return;
	}
	buf_init(&body, file->len);
	if (buf_add(&body, (const char *)file->bytes, file->len) < 0)
		api_refuse(r, -ENOMEM, NULL);
	else
		request_reply(r, 200, dashboard_type(file), &body);
	buf_release(&body);
}

static void
index_page(struct request *r)
{
	serve(r, SLICE_LIT("index.html"));
}

static void
file(struct request *r)
{
	serve(r, request_param(r, 0));
}

const struct route api_dashboard[] = {
    {"GET", "/", ROUTE_OPEN, index_page, "the dashboard"},
    {"GET", "/ui/{file}", ROUTE_OPEN, file, "a file of the dashboard"},
    {NULL, NULL, 0, NULL, NULL},
};
