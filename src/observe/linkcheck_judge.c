#include "observe/linkcheck_int.h"
#include <errno.h>
#include <stdio.h>

/* What people read. */

static const char *
status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} texts[] = {{400, " Bad Request"}, {401, " Unauthorized"}, {403, " Forbidden"},
	    {404, " Not Found"}, {405, " Method Not Allowed"}, {406, " Not Acceptable"},
	    {408, " Request Timeout"}, {410, " Gone"}, {429, " Too Many Requests"},
	    {451, " Unavailable For Legal Reasons"}, {500, " Internal Server Error"},
	    {501, " Not Implemented"}, {502, " Bad Gateway"},
	    {503, " Service Unavailable"}, {504, " Gateway Timeout"}};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].status == status)
			return texts[i].text;
	return "";
}

static const char *
outcome_text(enum outcome o)
{
	switch (o) {
	case OUTCOME_DNS_FAILURE:
		return "its host cannot be found";
	case OUTCOME_CONNECT_FAILURE:
		return "cannot connect";
	case OUTCOME_TLS_FAILURE:
		return "no secure connection";
	case OUTCOME_TIMEOUT_CONNECT:
		return "no connection in time";
	case OUTCOME_TIMEOUT_FIRST_BYTE:
		return "no answer in time";
	case OUTCOME_TIMEOUT_STALL:
	case OUTCOME_TIMEOUT_TOTAL:
		return "the answer did not end in time";
	case OUTCOME_PROTOCOL_ERROR:
		return "the answer is no HTTP";
	case OUTCOME_TRUNCATED:
		return "the answer broke off";
	case OUTCOME_BAD_URL:
		return "no URL";
	case OUTCOME_REDIRECT_LIMIT:
		return "too many redirects";
	case OUTCOME_ROBOTS_DENIED:
		return "robots.txt forbids it";
	case OUTCOME_ROBOTS_UNREACHABLE:
		return "robots.txt cannot be had";
	case OUTCOME_OUT_OF_SCOPE:
		return "excluded";
	case OUTCOME_DENIED_ADDRESS:
		return "refused";
	case OUTCOME_UNSUPPORTED_SCHEME:
		return "not HTTP";
	default:
		return outcome_name(o);
	}
}

static bool
is_status(enum outcome o)
{
	return o == OUTCOME_HTTP_4XX || o == OUTCOME_HTTP_5XX;
}

static enum linkcheck_verdict
verdict_of(enum outcome o, int status)
{
	switch (o) {
	case OUTCOME_OK:
	case OUTCOME_NOT_MODIFIED:
	case OUTCOME_DUPLICATE_CONTENT:
	case OUTCOME_TOO_LARGE:
	case OUTCOME_PARSE_CRASH:
	case OUTCOME_PARSE_TIMEOUT:
	case OUTCOME_KNOWN_GOOD:
		return status >= 400 ? LINKCHECK_BROKEN : LINKCHECK_GOOD;
	case OUTCOME_HTTP_4XX:
		return status == 429 || status == 407 ? LINKCHECK_UNCHECKED
						      : LINKCHECK_BROKEN;
	case OUTCOME_HTTP_5XX:
	case OUTCOME_DNS_FAILURE:
	case OUTCOME_CONNECT_FAILURE:
	case OUTCOME_TLS_FAILURE:
	case OUTCOME_TIMEOUT_CONNECT:
	case OUTCOME_TIMEOUT_FIRST_BYTE:
	case OUTCOME_TIMEOUT_STALL:
	case OUTCOME_TIMEOUT_TOTAL:
	case OUTCOME_PROTOCOL_ERROR:
	case OUTCOME_TRUNCATED:
	case OUTCOME_BAD_URL:
	case OUTCOME_REDIRECT_LIMIT:
		return LINKCHECK_BROKEN;
	default:
		return LINKCHECK_UNCHECKED;
	}
}

/* `detail`: what was said of it; "": nothing. */
static void
judge_end(struct judged *j, enum outcome o, int status, const char *detail)
{
	size_t at = strlen(j->reason), room = sizeof(j->reason) - at;
	const char *text = outcome_text(o);

	j->verdict = verdict_of(o, status);
	j->status = status;
	j->cached = o == OUTCOME_KNOWN_GOOD;
	if (j->verdict == LINKCHECK_GOOD)
		j->reason[0] = '\0';
	else if (is_status(o) || (status >= 400 && verdict_of(o, 0) == LINKCHECK_GOOD))
		(void)snprintf(j->reason + at, room, "%d%s", status, status_text(status));
	else if (detail[0] == '\0')
		(void)snprintf(j->reason + at, room, "%s", text);
	else if (slice_starts(slice_cstr(detail), slice_cstr(text)))
		(void)snprintf(j->reason + at, room, "%s", detail);
	else
		(void)snprintf(j->reason + at, room, "%s (%s)", text, detail);
}

static void
judge_redirect(const struct linkcheck_facts *f, const struct checked *c, struct judged *j)
{
	const struct end *e;
	uint64_t end;

	j->verdict = LINKCHECK_BROKEN;
	j->status = c->status;
	if (!facts_follow(f, siphash(c->url), &end, &j->redirects)) {
		(void)snprintf(j->reason, sizeof(j->reason), "redirects without end");
		return;
	}
	if (j->redirects == 0 && f->redirects_cut) {
		j->verdict = LINKCHECK_UNCHECKED;
		(void)snprintf(j->reason, sizeof(j->reason),
		    "more redirects than %d: this one was not followed", REDIRECTS_KEPT);
		return;
	}
	if (j->redirects == 0) {
		j->verdict = c->status == 300 ? LINKCHECK_GOOD : LINKCHECK_BROKEN;
		if (j->verdict == LINKCHECK_BROKEN)
			(void)snprintf(j->reason, sizeof(j->reason),
			    "a redirect (%d) to nowhere", c->status);
		return;
	}
	e = umap_get(&f->ends, end | 1);
	j->end = e == NULL ? NULL : e->url;
	(void)snprintf(j->reason, sizeof(j->reason), "redirected: ");
	if (e == NULL || !e->known) {
		j->verdict = LINKCHECK_UNCHECKED;
		(void)snprintf(
		    j->reason, sizeof(j->reason), "its redirect was not asked");
	} else if (e->asked && e->outcome == OUTCOME_REDIRECT) {
		(void)snprintf(j->reason, sizeof(j->reason), "redirected to nowhere");
	} else {
		judge_end(j, e->outcome, e->status, e->detail);
	}
}

/* Without what people fill in, a form may well be refused. */
static bool
is_only_refused(const struct judged *j)
{
	return j->verdict == LINKCHECK_BROKEN && j->status >= 400 && j->status != 404 &&
	       j->status != 410;
}

void
linkcheck_judge(const struct linkcheck_facts *f, const struct checked *c, bool only_forms,
    struct judged *ret)
{
	char detail[DETAIL_ROOM];

	*ret = (struct judged){.verdict = LINKCHECK_UNCHECKED};
	checked_detail(c, detail);
	if (c->outcome == OUTCOME_NONE)
		(void)snprintf(
		    ret->reason, sizeof(ret->reason), "the crawl ended before its turn");
	else if (c->asked && c->outcome == OUTCOME_REDIRECT)
		judge_redirect(f, c, ret);
	else
		judge_end(ret, c->outcome, c->status, detail);
	if (c->outcome == OUTCOME_UNSUPPORTED_SCHEME) { /* noted only if it looks so */
		ret->verdict = LINKCHECK_BROKEN;
		(void)snprintf(ret->reason, sizeof(ret->reason),
		    "no such scheme: is http or https meant?");
	}
	if (only_forms && is_only_refused(ret))
		ret->verdict = LINKCHECK_UNCHECKED;
	if (ret->verdict == LINKCHECK_GOOD && c->asked && facts_suspect(f, c)) {
		ret->verdict = LINKCHECK_SUSPECT;
		(void)snprintf(ret->reason, sizeof(ret->reason),
		    "looks like what its host says of pages that it has not");
	}
}
