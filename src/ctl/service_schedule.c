#include "base/log.h"
#include "ctl/service_int.h"
#include <xxhash.h>

/* The wall clock may be set: it is looked at again at least so often. */
enum { LOOK_MS_MAX = 60000, LOOK_MS_MIN = 50 };

static int64_t
since_of(const struct service_job *j)
{
	return j->scheduled_from_us > 0 ? j->scheduled_from_us : j->created_us;
}

/* The same after a new start: a turn that has not begun yet would else be one that was missed.
 * Of jobs of one name on many machines each has its own. */
static uint64_t
seed_of(const struct service_job *j)
{
	return XXH3_64bits_withSeed(j->name, strlen(j->name), (uint64_t)j->created_us);
}

/* What lies ahead of now is of a clock that was wrong. */
static void
look_back(struct service *s, struct service_job *j, int64_t now_us)
{
	int64_t served_us = schedule_set_back(&j->schedule, j->served_us, now_us);
	bool is_ahead = since_of(j) > now_us;

	if (is_ahead)
		j->scheduled_from_us = now_us;
	if (served_us != j->served_us)
		log_warn_of(JOB_ABOUT(j->name),
		    "job %s: the clock was set back: its schedule goes on from now",
		    j->name);
	if (!is_ahead && served_us == j->served_us)
		return;
	j->served_us = served_us;
	job_save(s, j);
}

static void
look(struct service *s, struct service_job *j, int64_t now_us)
{
	struct schedule_turn turn;

	look_back(s, j, now_us);
	schedule_look(&j->schedule, j->served_us, since_of(j), now_us, seed_of(j), &turn);
	j->next_us = turn.next_us;
	if (turn.due_us == 0)
		return;
	if (turn.missed && j->schedule.catch_up == CATCH_UP_SKIP) {
		log_info_of(JOB_ABOUT(j->name),
		    "job %s: what was due meanwhile is left out", j->name);
		j->served_us = turn.due_us;
		job_save(s, j);
	} else {
		run_start_scheduled(s, j, turn.due_us);
	}
}

void
schedules_look(void *ctx)
{
	struct service *s = ctx;
	int64_t now_us = loop_wall_us(s->loop), first_us = INT64_MAX, ms;

	timer_stop(&s->schedule);
	if (s->draining)
		return;
	for (size_t i = 0; i < s->jobs_len; i++) {
		struct service_job *j = s->jobs[i];

		if (j->put_pending) { /* what was saved of it now would undo that */
			first_us = now_us;
			continue;
		}
		j->next_us = INT64_MAX;
		if (!schedule_is_on(&j->schedule))
			continue;
		look(s, j, now_us);
		if (j->next_us < first_us)
			first_us = j->next_us;
	}
	if (first_us == INT64_MAX)
		return;
	ms = (first_us - now_us) / 1000 + 1;
	ms = ms < LOOK_MS_MIN ? LOOK_MS_MIN : ms > LOOK_MS_MAX ? LOOK_MS_MAX : ms;
	(void)timer_start(&s->schedule, ms);
}
