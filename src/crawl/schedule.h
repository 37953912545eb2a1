/*
 * crawl/schedule.h -- when a job is to be run by itself (schedule: of a job file).
 *
 *     every: 6h                  the first time when the job is new, then again and again
 *     at: ["03:00", "15:30"]     each day
 *     cron: "0 4 * * mon-fri"    five fields as of crontab(5): minute hour day month weekday
 *     jitter: 10m                each run begins up to so much later
 *     catch_up: once             what was missed while nobody ran: once, or skip
 *
 * Pure: all times are arguments.  Days and hours are those of the local time zone (TZ).
 * An hour that is left out in spring: what was to be then is moved by as much; one
 * that comes twice in autumn has fixed times once, and lines for every hour go through both.
 *
 * Owns:    nothing.   Units: milliseconds; wall clock microseconds.
 * Errors:  -EINVAL with the sentence.   Threads: any.
 */
#ifndef CRAWL_SCHEDULE_H
#define CRAWL_SCHEDULE_H
#include "base/slice.h"
#include "base/why.h"

enum { SCHEDULE_AT_MAX = 48, SCHEDULE_CRON_MAX = 16 };
enum catch_up { CATCH_UP_ONCE, CATCH_UP_SKIP };

struct cron {
	uint64_t minutes;
	uint32_t hours, days, months; /* bits; days from 1, months from 0 */
	uint8_t weekdays;             /* Sunday: 0 */
	bool any_day, any_weekday;    /* "*": then the other decides alone */
};
struct schedule {
	bool given;
	int64_t every_ms; /* 0: not */
	struct {
		uint8_t hour, minute;
	} at[SCHEDULE_AT_MAX];
	size_t at_len;
	struct cron cron[SCHEDULE_CRON_MAX];
	size_t cron_len;
	int64_t jitter_ms;
	enum catch_up catch_up;
};

/* One value of one key: "every", "at" ...  Values of at and cron add up. */
int schedule_set(
    struct schedule *s, struct slice key, struct slice value, struct why *why);
bool schedule_key_exists(struct slice key);
/* When all is there: whether that is a schedule. */
int schedule_check(const struct schedule *s, struct why *why);
/* Whether it ever runs anything. */
static inline bool
schedule_is_on(const struct schedule *s)
{
	return s->every_ms > 0 || s->at_len > 0 || s->cron_len > 0;
}

/* Whether both say the same, in the same order. */
bool schedule_eq(const struct schedule *a, const struct schedule *b);

/* The first time after `after_us` of at and cron, INT64_MAX: none within five years. */
int64_t schedule_next(const struct schedule *s, int64_t after_us);

/* The clock may have been set back since `served_us` was served.  Within one turn nothing is
 * done twice, nor within the three hours of cron(8) for at and cron: that time is reached
 * again.  Who waited for it any longer would stand still for as long as the clock had been
 * wrong: then the last turn before now counts as the one that was served.  Returns that. */
int64_t schedule_set_back(const struct schedule *s, int64_t served_us, int64_t now_us);

struct schedule_turn {
	int64_t due_us;   /* the time that is to be served now; 0: none */
	int64_t begin_us; /* when that run begins: with the jitter */
	int64_t next_us;  /* when to look again; INT64_MAX: never */
	bool missed;      /* earlier ones were, and will not come */
};
/* `served_us`: the time that was served last, 0 or less: none; `since_us`: when the job was made.
 * `seed` decides the jitter, with the time that is due. */
void schedule_look(const struct schedule *s, int64_t served_us, int64_t since_us,
    int64_t now_us, uint64_t seed, struct schedule_turn *ret);
#endif
