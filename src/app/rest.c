#include "app/rest.h"
#include "app/app.h"
#include "base/log.h"
#include "crawl/storage.h"
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>

static atomic_bool broken_off;

static void
on_signal(int number)
{
	(void)number;
	atomic_store(&broken_off, true);
}

static void
tell(const char *text)
{
	log_warn("%s", text);
}

static int
told(int left, const char *dir, const struct why *why)
{
	if (left > 0 && atomic_load(&broken_off))
		return say_error(EXIT_SIGNAL,
		    "s3: stopped before all was put there; trawl resume %s goes on", dir);
	if (left == 0)
		return EXIT_DONE;
	return say_error(EXIT_FILE,
	    "s3: not all could be put there: %s; trawl resume %s tries it again",
	    why->text, dir);
}

int
upload_rest(const struct job *job, const char *dir, bool stopped)
{
	const struct sigaction action = {.sa_handler = on_signal};
	struct sigaction was_int, was_term;
	struct why why = {""};
	int left;

	atomic_store(&broken_off, stopped);
	(void)sigaction(SIGINT, &action, &was_int);
	(void)sigaction(SIGTERM, &action, &was_term);
	left = storage_put_rest(&job->options, dir, &broken_off, tell, &why);
	(void)sigaction(SIGINT, &was_int, NULL);
	(void)sigaction(SIGTERM, &was_term, NULL);
	return told(left, dir, &why);
}
