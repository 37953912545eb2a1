#include "web/url_int.h"

#include "base/banned.h"

bool
url_query_encode(struct url_out *o, struct slice query, struct slice charset)
{
	(void)o;
	(void)query;
	(void)charset;
	return false;
}
