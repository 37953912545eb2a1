#include "loop/limiter.h"
#include <assert.h>

#include "base/banned.h"

#define WAIT_US_MAX (INT64_C(366) * 86400 * 1000000)

static double
min(double a, double b)
{
	return a < b ? a : b;
}

void
limiter_init(struct limiter *l, double rate, double burst, int64_t now_us)
{
	assert(rate >= 0);
	assert(burst >= 0);
	*l = (struct limiter){
	    .rate = rate, .burst = burst, .tokens = burst, .at_us = now_us};
}

static void
limiter_fill(struct limiter *l, int64_t now_us)
{
	if (now_us <= l->at_us)
		return;
	if (l->rate > 0)
		l->tokens = min(l->burst,
		    l->tokens + l->rate * ((double)now_us - (double)l->at_us) * 1e-6);
	l->at_us = now_us;
}

void
limiter_set(struct limiter *l, double rate, double burst, int64_t now_us)
{
	assert(rate >= 0);
	assert(burst >= 0);
	limiter_fill(l, now_us);
	l->rate = rate;
	l->burst = burst;
	l->tokens = min(l->tokens, burst);
	if (!(rate > 0) && l->tokens < 0)
		l->tokens = 0;
}

/* Tokens that are missing for `n` to start, or 0. */
static double
limiter_missing(const struct limiter *l, double n)
{
	double need = min(n, l->burst), missing = need - l->tokens;

	/* Sums of parts round down: a billionth short is not short. */
	return missing > 1e-9 * (1.0 + need) ? missing : 0;
}

bool
limiter_try(struct limiter *l, double n, int64_t now_us)
{
	assert(n >= 0);
	limiter_fill(l, now_us);
	if (!(l->rate > 0))
		return true;
	if (limiter_missing(l, n) > 0)
		return false;
	l->tokens -= n;
	return true;
}

void
limiter_take(struct limiter *l, double n, int64_t now_us)
{
	assert(n >= 0);
	limiter_fill(l, now_us);
	if (l->rate > 0)
		l->tokens -= n;
}

int64_t
limiter_wait_us(struct limiter *l, double n, int64_t now_us)
{
	double missing, us;
	int64_t whole;

	assert(n >= 0);
	limiter_fill(l, now_us);
	if (!(l->rate > 0))
		return 0;
	missing = limiter_missing(l, n);
	if (!(missing > 0))
		return 0;
	us = missing / l->rate * 1e6;
	if (us >= (double)WAIT_US_MAX)
		return WAIT_US_MAX;
	whole = (int64_t)us;
	return (double)whole < us ? whole + 1 : whole > 0 ? whole : 1;
}
