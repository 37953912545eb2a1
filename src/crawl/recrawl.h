/*
 * crawl/recrawl.h -- pure: when a page is asked again, and what is known of how it changes.
 *
 * The rate of changes is estimated from whether a page had changed when it was looked at,
 * as J. Cho and H. Garcia-Molina, Estimating Frequency of Change, ACM TOIT 3(3), 2003, do
 * it (section 4.2, the estimator with its bias taken out): of n looks, I apart, of which
 * X found a change, it is
 *
 *	-log((n - X + 0.5) / (n + 0.5)) / I
 *
 * which neither becomes endless where every look finds a change nor is as far off as
 * X / (n I) where several changes lie between two looks.  Looks are not quite as far apart
 * as each other; I is their mean.  Old ones count less: past HISTORY_LOOKS the sums are
 * halved, and what a row of changes makes unlikely, 1 in 100, is forgotten: a page that was
 * quiet for months and is busy now has become another.
 *
 * Clock:   milliseconds; wall time of 1970 where it says so.
 * Threads: any.
 */
#ifndef CRAWL_RECRAWL_H
#define CRAWL_RECRAWL_H
#include <stdbool.h>
#include <stdint.h>

enum recrawl_mode { RECRAWL_OFF, RECRAWL_FIXED, RECRAWL_ADAPTIVE };
struct recrawl_conf {
	enum recrawl_mode mode;
	int64_t interval_ms;    /* FIXED: of all; ADAPTIVE: before anything is known */
	int64_t min_ms, max_ms; /* ADAPTIVE */
};

enum { HISTORY_LOOKS = 16 };
struct page_history {
	uint32_t looks, changes; /* that were compared with what was there before */
	uint32_t row;            /* the last so many looks each found a change */
	uint64_t observed_ms;    /* between them, all together */
	uint64_t gap_ms;         /* before the last one */
};

/* It was looked at, so long after the last time. */
void page_history_add(struct page_history *h, uint64_t gap_ms, bool changed);
/* Changes a millisecond; 0: none was seen. */
double page_history_rate(const struct page_history *h);

/*
 * How long after a look the next one is due.  ADAPTIVE: when one change is to be expected,
 * and not more than twice as long as the last time, so that a page that was quiet twice is
 * not left alone for a month.
 */
int64_t recrawl_interval_ms(
    const struct recrawl_conf *conf, const struct page_history *h);
/*
 * `asked_ms`: when it was looked at last; 0: never with success, so it is due.  A tenth of
 * the interval too early is early enough: who crawls at the same hour each day asks some
 * pages a little sooner and some a little later than the day before.
 */
int64_t recrawl_due_ms(
    const struct recrawl_conf *conf, const struct page_history *h, int64_t asked_ms);
bool recrawl_is_due(const struct recrawl_conf *conf, const struct page_history *h,
    int64_t asked_ms, int64_t now_ms);
#endif
