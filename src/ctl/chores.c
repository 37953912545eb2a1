#include "ctl/chores.h"
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct chores {
	struct actor *actor;
	uint32_t waiting_max;
	atomic_bool quit, works;
};

enum { QUIT_LOOK_MS = 10 };

static void
handle(void *ctx, struct list *mails)
{
	struct chores *c = ctx;
	struct list *at;

	while ((at = list_pop(mails)) != NULL) {
		struct mail *m = container_of(at, struct mail, on_box);
		struct chore *chore = container_of(m, struct chore, mail);

		chore->why.text[0] = '\0';
		/* In this order: who quits and finds nobody at work need not wait. */
		atomic_store(&c->works, true);
		chore->err = atomic_load(&c->quit)
				 ? why_set(&chore->why, -ESHUTDOWN, "the service stops")
				 : chore->work(chore);
		atomic_store(&c->works, false);
		actor_reply(c->actor, m);
	}
}

static void
on_reply(void *ctx, struct mail *m)
{
	struct chore *chore = container_of(m, struct chore, mail);

	(void)ctx;
	chore->done(chore);
}

int
chores_new(struct loop *l, const char *name, uint32_t waiting_max, struct chores **ret)
{
	struct chores *c = calloc(1, sizeof(*c));
	struct actor_conf conf = {.name = name,
	    .mails_max = waiting_max,
	    .ctx = c,
	    .handle = handle,
	    .on_reply = on_reply};
	int r;

	if (c == NULL)
		return -ENOMEM;
	c->waiting_max = waiting_max;
	r = actor_new(l, &conf, &c->actor);
	if (r < 0) {
		free(c);
		return r;
	}
	*ret = c;
	return 0;
}

int
chores_send(struct chores *c, struct chore *chore)
{
	return actor_send(c->actor, &chore->mail);
}

uint32_t
chores_waiting(const struct chores *c)
{
	return c == NULL ? 0 : actor_waiting(c->actor);
}

bool
chores_are_busy(const struct chores *c)
{
	return actor_waiting(c->actor) >= c->waiting_max / 2;
}

bool
chores_quit(struct chores *c, int64_t wait_ms)
{
	const struct timespec look = {.tv_nsec = QUIT_LOOK_MS * 1000000l};

	atomic_store(&c->quit, true);
	for (; atomic_load(&c->works); wait_ms -= QUIT_LOOK_MS) {
		if (wait_ms <= 0)
			return false;
		(void)nanosleep(&look, NULL);
	}
	return true;
}

void
chores_free(struct chores *c)
{
	if (c == NULL)
		return;
	actor_free(c->actor);
	free(c);
}
