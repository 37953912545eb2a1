#include "crawl/job_item.h"
#include "crawl/crawl.h"
#include "crawl/credentials.h"
#include "crawl/fail_on.h"
#include "crawl/scope.h"
#include "crawl/score.h"
#include "net/addr.h"
#include "net/proxy.h"
#include "sink/sink.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
check_network(struct slice value, struct why *why)
{
	struct addr_policy *policy;
	int r = addr_policy_new(&policy);

	if (r < 0)
		return why_set(why, r, "out of memory");
	r = addr_policy_allow(policy, value, why);
	addr_policy_free(policy);
	return r;
}

static int
check_text(const struct option_row *row, const char *text, struct why *why)
{
	struct engine_override ignored;
	const char *fault;
	struct proxies p;
	int r;

	switch (row->id) {
	case OPTION_ID_output_sink:
		return sink_exists(text)
			   ? 0
			   : why_set(why, -EINVAL, "there is no '%s'; there are %s%s",
				 text, sink_names(),
				 strchr(text, ',') == NULL ? ""
							   : "; a list is [warc, jsonl]");
	case OPTION_ID_fetch_header:
		fault = header_line_fault(slice_cstr(text));
		return fault == NULL ? 0 : why_set(why, -EINVAL, "'%s' %s", text, fault);
	case OPTION_ID_fetch_auth:
	case OPTION_ID_fetch_header_for:
		return credentials_check(row->id, slice_cstr(text), why);
	case OPTION_ID_fetch_proxy:
		r = proxies_init(&p, &text, text[0] != '\0', NULL, why);
		if (r == 0)
			proxies_release(&p);
		return r;
	case OPTION_ID_crawl_focus:
		return score_word_check(slice_cstr(text), why);
	case OPTION_ID_run_fail_on:
		return fail_on_check(slice_cstr(text), why);
	case OPTION_ID_net_allow_net:
		return check_network(slice_cstr(text), why);
	case OPTION_ID_net_resolve:
		return engine_override_parse(slice_cstr(text), &ignored, why);
	default:
		return scope_pattern_check(row->id, slice_cstr(text), why);
	}
}

int
job_item_check(const struct option_row *row, struct slice value, struct why *why)
{
	char *text;
	int r;

	if (row->type != OPTION_LIST || slice_find(value, '\0') < value.len)
		return 0; /* option_set() tells */
	text = value.len == 0 ? calloc(1, 1) : slice_dup(value);
	if (text == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	r = check_text(row, text, why);
	free(text);
	return r;
}
