#include "ctl/api.h"
#include "config.h"
#include "ctl/openapi.h"

static void
show(struct request *r)
{
	struct buf text;
	int e;

	buf_init(&text, API_JSON_MAX);
	e = openapi_write(api_groups, PACKAGE_VERSION, &text);
	if (e < 0)
		api_refuse(r, e, NULL);
	else
		request_reply(r, 200, "application/json", &text);
	buf_release(&text);
}

const struct route api_openapi[] = {
    {"GET", "/api/v1/openapi.json", 0, show, "this description"},
    {NULL, NULL, 0, NULL, NULL},
};
