#include "fetch/retry.h"
#include <errno.h>
#include <stdlib.h>

enum {
	SLOTS = 8192,
	/* In halves of a retry. */
	BUDGET_FIRST = 40,
	BUDGET_MAX = 200,
	RETRY_COSTS = 2,
};

/* ---- the table ---- */

enum { ANY = 0 };

/* What may pass by itself; all else will not: 401, 403, 404, 407, 410, 451, 500, 501, a name
 * that there is not, a certificate that is none. */
static const struct {
	enum outcome outcome;
	int from, to;    /* HTTP status; ANY */
	bool unanswered; /* only if not a byte came */
} may_pass[] = {
    {OUTCOME_CONNECT_FAILURE, ANY, ANY, false},
    {OUTCOME_TIMEOUT_CONNECT, ANY, ANY, false},
    {OUTCOME_TIMEOUT_FIRST_BYTE, ANY, ANY, false},
    {OUTCOME_TIMEOUT_STALL, ANY, ANY, false}, {OUTCOME_TIMEOUT_TOTAL, ANY, ANY, false},
    {OUTCOME_TRUNCATED, ANY, ANY, false},
    {OUTCOME_PROTOCOL_ERROR, ANY, ANY, true}, /* closed instead of an answer */
    {OUTCOME_HTTP_4XX, 408, 408, false},      /* Request Timeout */
    {OUTCOME_HTTP_4XX, 425, 425, false},      /* Too Early */
    {OUTCOME_HTTP_4XX, 429, 429, false},      /* Too Many Requests */
    {OUTCOME_HTTP_5XX, 502, 504, false},      /* gateways and overload */
    {OUTCOME_HTTP_5XX, 520, 524, false},      /* the same, of a large content network */
};

bool
fetch_retry_helps(enum outcome o, int status, bool answered)
{
	/* The proxy's, and it will ask for the password again. */
	if (status == 407)
		return false;
	for (size_t i = 0; i < sizeof(may_pass) / sizeof(may_pass[0]); i++)
		if (may_pass[i].outcome == o && !(may_pass[i].unanswered && answered) &&
		    (may_pass[i].from == ANY ||
			(status >= may_pass[i].from && status <= may_pass[i].to)))
			return true;
	return false;
}

int64_t
fetch_retry_ms(uint32_t attempts, uint64_t random)
{
	int64_t ms = attempts > 9 ? 300000 : (int64_t)500 << attempts;

	if (ms > 300000)
		ms = 300000;
	return ms - ms / 4 + (int64_t)(random % (uint64_t)(ms / 2 + 1));
}

int64_t
fetch_retry_in_ms(int64_t not_before_wall_ms, int64_t wall_ms)
{
	if (not_before_wall_ms <= wall_ms)
		return 0;
	return not_before_wall_ms - wall_ms < FETCH_RETRY_MS_MAX
		   ? not_before_wall_ms - wall_ms
		   : FETCH_RETRY_MS_MAX;
}

/* ---- budgets ---- */

/* A table without chains: of two hosts in one slot the later has it, with a new budget. */
struct retry_budgets {
	struct {
		uint64_t authority_hash;
		uint32_t halves;
	} v[SLOTS];
};

int
retry_budgets_new(struct retry_budgets **ret)
{
	struct retry_budgets *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return -ENOMEM;
	*ret = b;
	return 0;
}

void
retry_budgets_free(struct retry_budgets *b)
{
	free(b);
}

static uint32_t *
halves_of(struct retry_budgets *b, uint64_t authority_hash)
{
	size_t at = (authority_hash >> 16) % SLOTS;

	if (b->v[at].authority_hash != authority_hash) {
		b->v[at].authority_hash = authority_hash;
		b->v[at].halves = BUDGET_FIRST;
	}
	return &b->v[at].halves;
}

bool
retry_budget_take(struct retry_budgets *b, uint64_t authority_hash)
{
	uint32_t *halves = halves_of(b, authority_hash);

	if (*halves < RETRY_COSTS)
		return false;
	*halves -= RETRY_COSTS;
	return true;
}

void
retry_budget_earn(struct retry_budgets *b, uint64_t authority_hash)
{
	uint32_t *halves = halves_of(b, authority_hash);

	*halves += *halves < BUDGET_MAX;
}
