#include "frontier/rules.h"
#include <stdio.h>

#include "web/robots.h"

#include "base/banned.h"

bool
rules_deny(struct slice rules, struct slice target, char *ret_detail, size_t detail_cap)
{
	struct robots_verdict v;

	if (robots_match(rules, target, &v))
		return false;
	if (v.line == 0)
		(void)snprintf(ret_detail, detail_cap, "robots.txt rules are damaged");
	else
		(void)snprintf(ret_detail, detail_cap,
		    "robots.txt line %u: Disallow: " SLICE_FMT, (unsigned)v.line,
		    SLICE_ARG(v.pattern));
	return true;
}

int64_t
rules_crawl_delay_ms(struct slice rules)
{
	return robots_crawl_delay_ms(rules);
}
