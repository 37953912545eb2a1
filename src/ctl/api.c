#include "ctl/api.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

/* clang-format off */
const struct route *const api_groups[] = {
	api_change,
	api_compare,
	api_dashboard,
	api_events,
	api_health,
	api_hosts,
	api_jobs,
	api_metrics,
	api_openapi,
	api_pages,
	api_profile,
	api_runs,
	NULL,
};
/* clang-format on */

/* Where nobody has said more. */
static const char *
plain_text(int err)
{
	switch (err) {
	case -ESHUTDOWN:
		return "the service is stopping";
	case -EAGAIN:
		return "too much is waiting; try again";
	case -ENOMEM:
		return "out of memory";
	default:
		return strerror(-err);
	}
}

void
api_refuse(struct request *r, int err, const char *why)
{
	unsigned status;

	switch (err) {
	case -ENOENT:
		status = 404;
		break;
	case -EEXIST:
	case -EBUSY:
	case -EPERM:
		status = 409;
		break;
	case -ESTALE:
		status = 412;
		break;
	case -EINVAL:
		status = 422;
		break;
	case -EAGAIN:
	case -ESHUTDOWN:
	case -ENOMEM:
		status = 503;
		break;
	case -ENOSPC:
		status = 507;
		break;
	default:
		status = 500;
	}
	request_problem(
	    r, status, "%s", why == NULL || why[0] == '\0' ? plain_text(err) : why);
}

bool
api_run_id(struct request *r, uint64_t *ret)
{
	if (slice_to_u64(request_param(r, 0), ret) && *ret > 0 && *ret <= INT64_MAX)
		return true;
	request_problem(r, 404, "runs have numbers");
	return false;
}

static bool
is_good_key(struct slice key)
{
	if (key.len == 0 || key.len > 200)
		return false;
	for (size_t i = 0; i < key.len; i++)
		if (key.ptr[i] <= ' ' || key.ptr[i] > '~')
			return false;
	return true;
}

bool
api_key(struct request *r, char **ret, uint64_t *ret_hash,
    void (*replay)(struct request *r, const char *made))
{
	struct slice key, body = request_body(r), path = request_path(r);
	char text[1024];
	const char *made;
	uint64_t hash;

	*ret = NULL;
	*ret_hash = 0;
	if (!request_header(r, "Idempotency-Key", &key))
		return true;
	if (!is_good_key(key) || path.len > 600) {
		request_problem(
		    r, 400, "Idempotency-Key wants 1 to 200 characters without spaces");
		return false;
	}
	(void)snprintf(text, sizeof(text), "%s " SLICE_FMT " " SLICE_FMT,
	    request_method(r), SLICE_ARG(path), SLICE_ARG(key));
	/* Kept on the disk as a signed number. */
	*ret_hash = XXH3_64bits(body.ptr == NULL ? "" : body.ptr, body.len) >> 1;
	if (service_key(api_service(r), text, &hash, &made)) {
		if (hash != *ret_hash)
			request_problem(
			    r, 422, "this Idempotency-Key was used for something else");
		else if (made == NULL)
			request_problem(r, 409,
			    "the first request with this Idempotency-Key goes on");
		else {
			request_changed_nothing(r);
			replay(r, made);
		}
		return false;
	}
	*ret = slice_dup(slice_cstr(text));
	if (*ret == NULL)
		api_refuse(r, -ENOMEM, NULL);
	return *ret != NULL;
}
