#include "crawl/crawl_internal.h"
#include "crawl/scope.h"

/*
 * A URL that is only asked whether it is there: with HEAD; with GET where that is refused,
 * broken, or not told the truth, as servers and proxies do that have never been asked so.
 */

enum { BODY_BYTES_MAX = 1 << 20 }; /* what a page shows by then it is known by */

static bool
wants_body(const struct visit *v)
{
	struct scope_checks s = scope_checks(v->crawl->rules);

	if ((v->rec->flags & URLREC_CHECK_GET) != 0)
		return true;
	return (v->rec->flags & URLREC_PART) == 0 && (s.ids_of_all || s.probes_of_all);
}

void
visit_check_limits(const struct visit *v, struct fetch_request *req)
{
	uint64_t max = req->body_bytes_max;

	req->method = wants_body(v) ? TRANSPORT_GET : TRANSPORT_HEAD;
	if (max == 0 || max > BODY_BYTES_MAX)
		req->body_bytes_max = BODY_BYTES_MAX;
}

/* 429 and 503 ask for time, whatever the method. */
static bool
head_is_no_answer(const struct fetch_result *r)
{
	switch (r->outcome) {
	case OUTCOME_HTTP_4XX:
	case OUTCOME_HTTP_5XX:
		return r->t.status != 429 && r->t.status != 503 && r->t.status != 407;
	case OUTCOME_PROTOCOL_ERROR:
	case OUTCOME_TRUNCATED:
	case OUTCOME_TIMEOUT_FIRST_BYTE:
	case OUTCOME_TIMEOUT_STALL:
	case OUTCOME_TIMEOUT_TOTAL:
		return true;
	default:
		return false;
	}
}

bool
visit_check_again(struct visit *v)
{
	if ((v->rec->flags & URLREC_CHECK) == 0 || wants_body(v) ||
	    !head_is_no_answer(&v->result))
		return false;
	v->rec->flags |= URLREC_CHECK_GET;
	v->rec->not_before_ms = loop_wall_us(v->crawl->loop) / 1000;
	v->retry_ms = 0;
	v->abandoned = true; /* no try: another question */
	v->commit.kind = COMMIT_ATTEMPT;
	visit_commit(v, v->result.outcome);
	return true;
}

/* The wait between tries that a host imposes so grows to hours: too long for a link of
 * which no more is to be known than that it is there. */
bool
visit_check_is_deferred(const struct visit *v)
{
	int status = v->result.t.status;

	return (v->rec->flags & URLREC_CHECK) != 0 &&
	       (status == 429 || (status == 503 && v->rec->attempts > 0));
}
