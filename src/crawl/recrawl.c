#include "crawl/recrawl.h"
#include <math.h>

enum { EARLY_PART = 10, GROWTH = 2, UNLIKELY = 100 };
#define GAP_MS_MAX (UINT64_C(1) << 48) /* sums stay far from their end */

/* By the looks before the row, of which none may have found a change. */
static bool
is_unlikely(const struct page_history *h)
{
	double n = h->looks - h->row, x = h->changes - h->row;

	return n > 0 && pow((x + 0.5) / (n + 1), h->row) < 1.0 / UNLIKELY;
}

void
page_history_add(struct page_history *h, uint64_t gap_ms, bool changed)
{
	if (gap_ms > GAP_MS_MAX)
		gap_ms = GAP_MS_MAX;
	if (h->looks >= HISTORY_LOOKS) {
		h->looks /= 2;
		h->changes /= 2;
		h->observed_ms /= 2;
		h->row = h->row < h->changes ? h->row : h->changes;
	}
	h->looks++;
	h->changes += changed;
	h->gap_ms = gap_ms;
	h->observed_ms += gap_ms;
	h->row = changed ? h->row + 1 : 0;
	if (is_unlikely(h)) {
		h->looks = h->changes = h->row;
		h->observed_ms = h->row * gap_ms;
	}
}

double
page_history_rate(const struct page_history *h)
{
	double n = h->looks, x = h->changes, apart;

	if (h->looks == 0 || h->changes == 0 || h->changes > h->looks)
		return 0;
	apart = (double)h->observed_ms / n;
	return -log((n - x + 0.5) / (n + 0.5)) / (apart < 1 ? 1 : apart);
}

static int64_t
within(const struct recrawl_conf *conf, double ms)
{
	if (ms >= (double)conf->max_ms)
		return conf->max_ms;
	return ms <= (double)conf->min_ms ? conf->min_ms : (int64_t)ms;
}

int64_t
recrawl_interval_ms(const struct recrawl_conf *conf, const struct page_history *h)
{
	double rate = page_history_rate(h), most = (double)h->gap_ms * GROWTH;

	if (conf->mode != RECRAWL_ADAPTIVE)
		return conf->interval_ms;
	if (h->looks == 0)
		return within(conf, (double)conf->interval_ms);
	return within(conf, rate > 0 && 1 / rate < most ? 1 / rate : most);
}

int64_t
recrawl_due_ms(
    const struct recrawl_conf *conf, const struct page_history *h, int64_t asked_ms)
{
	int64_t interval = recrawl_interval_ms(conf, h);

	interval -= interval / EARLY_PART;
	if (asked_ms <= 0)
		return 0;
	return asked_ms > INT64_MAX - interval ? INT64_MAX : asked_ms + interval;
}

bool
recrawl_is_due(const struct recrawl_conf *conf, const struct page_history *h,
    int64_t asked_ms, int64_t now_ms)
{
	/* A clock that was set back since has told nothing. */
	return asked_ms > now_ms || now_ms >= recrawl_due_ms(conf, h, asked_ms);
}
