#include "app/journal.h"
#include "base/escape.h"
#include "base/log.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#if HAVE_SYSTEMD
#include <systemd/sd-journal.h>
#endif

#if HAVE_SYSTEMD
enum { FIELDS_MAX = 7, FIELD_BYTES_MAX = 2200 };

struct entry {
	struct iovec v[FIELDS_MAX];
	int n;
	char text[FIELDS_MAX][FIELD_BYTES_MAX];
};

static void
add(struct entry *e, const char *name, struct slice value)
{
	char *text = e->text[e->n];
	size_t head = (size_t)snprintf(text, FIELD_BYTES_MAX, "%s=", name);

	value = slice_head(value, FIELD_BYTES_MAX - head);
	if (value.len > 0)
		memcpy(text + head, value.ptr, value.len);
	scrub_terminal(text, head + value.len);
	e->v[e->n++] = (struct iovec){text, head + value.len};
}

static void
add_about(struct entry *e, const struct log_about *about)
{
	char number[24];

	if (about->job != NULL)
		add(e, "TRAWL_JOB", slice_cstr(about->job));
	if (about->run > 0) {
		(void)snprintf(number, sizeof(number), "%" PRIu64, about->run);
		add(e, "TRAWL_RUN", slice_cstr(number));
	}
	if (about->url.len > 0)
		add(e, "TRAWL_URL", about->url);
	if (about->dir != NULL)
		add(e, "TRAWL_DIR", slice_cstr(about->dir));
}

static void
send_line(enum log_level level, const struct log_about *about, const char *text)
{
	static const char *const priorities[] = {"3", "4", "6", "7"};
	struct entry e;

	e.n = 0;
	add(&e, "MESSAGE", slice_cstr(text));
	add(&e, "PRIORITY", slice_cstr(priorities[level]));
	add(&e, "SYSLOG_IDENTIFIER", SLICE_LIT("trawl"));
	if (about != NULL)
		add_about(&e, about);
	(void)sd_journal_sendv(e.v, e.n); /* nobody is left to tell */
}
#endif

/* "DEVICE:INODE" of what stderr was when we were started. */
static bool
stderr_is_the_journal(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	char want[48];
	struct stat st;

	if (text == NULL || fstat(STDERR_FILENO, &st) < 0)
		return false;
	(void)snprintf(
	    want, sizeof(want), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return slice_eq(slice_cstr(want), slice_cstr(text));
}

bool
journal_start(void)
{
	if (!stderr_is_the_journal())
		return false;
#if HAVE_SYSTEMD
	log_set_sink(send_line);
	return true;
#else
	return false;
#endif
}
