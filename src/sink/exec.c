/*
 * exec: a program is fed the lines of pages.jsonl, each with its number, once they are
 * committed.
 *
 * They lie in DIR/exec.spool until it has taken them: the file is the queue between the
 * store thread and the feeder's, and what a resume goes on with.  The mark is its length and
 * what was taken of it, in bytes and lines; what was taken is punched out of the file, so
 * that it takes as much of the disk as the program is behind.
 *
 * A commit waits for a program that is far behind, and with it the crawl.
 */
#include "base/file_append.h"
#include "sink/command.h"
#include "sink/feeder.h"
#include "sink/jsonl.h"
#include "sink/types.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

#define SPOOL "exec.spool"

enum {
	FILE_BUF_BYTES = 128 << 10,
	PUNCH_BYTES = 1 << 20,
};

struct exec {
	struct file_append file;
	struct buf line;
	uint64_t seq; /* lines in the file, its buffer included */
	struct exec_command command;
	struct feeder_conf conf;
	struct feeder *feeder;     /* NULL: before the first commit */
	struct feeder_place taken; /* as the last mark has it */
	uint64_t punched;          /* bytes */
};

/* "LENGTH LINES TAKEN-BYTES TAKEN-LINES" */
static bool
mark_parse(struct exec *x, struct slice mark, uint64_t *ret_length)
{
	struct slice length, seq, bytes;

	return slice_cut(&mark, ' ', &length) && slice_to_u64(length, ret_length) &&
	       slice_cut(&mark, ' ', &seq) && slice_to_u64(seq, &x->seq) &&
	       slice_cut(&mark, ' ', &bytes) && slice_to_u64(bytes, &x->taken.bytes) &&
	       slice_to_u64(mark, &x->taken.lines) && x->taken.bytes <= *ret_length &&
	       x->taken.lines <= x->seq;
}

static int
open_spool(struct exec *x, const char *dir, struct slice mark, struct why *why)
{
	uint64_t length = 0;
	int r;

	if (mark.len > 0 && !mark_parse(x, mark, &length))
		return why_set(
		    why, -EBADMSG, "the committed state of '" SPOOL "' cannot be read");
	r = file_append_init(&x->file, dir, FILE_BUF_BYTES, why);
	if (r < 0)
		return r;
	if (mark.len == 0)
		return file_append_create(&x->file, SPOOL, why);
	return file_append_open(&x->file, SPOOL, length, why);
}

static int
open_command(struct exec *x, const struct exec_conf *conf, struct why *why)
{
	int r =
	    conf == NULL || conf->command == NULL
		? why_set(why, -EINVAL, "there is no --exec-command")
		: command_init(&x->command, conf->command, conf->env, conf->env_len, why);

	return r < 0 ? why_prefix(why, r, "--sink exec") : 0;
}

static void
exec_free(struct exec *x)
{
	feeder_free(x->feeder);
	command_release(&x->command);
	if (x->file.dir != NULL)
		file_append_release(&x->file);
	buf_release(&x->line);
	free(x);
}

static int
exec_open(
    struct sink *s, const struct sink_conf *conf, struct slice mark, struct why *why)
{
	struct exec *x = calloc(1, sizeof(*x));
	int r;

	if (x == NULL)
		return why_set(why, -ENOMEM, "no memory for --sink exec");
	buf_init(&x->line, JSONL_LINE_BYTES_MAX);
	r = open_command(x, conf->exec, why);
	if (r == 0)
		r = open_spool(x, conf->dir, mark, why);
	if (r < 0) {
		exec_free(x);
		return r;
	}
	x->conf = (struct feeder_conf){.command = &x->command,
	    .confirm = conf->exec->confirm,
	    .restarts = conf->exec->restarts,
	    .window_ms = conf->exec->window_ms,
	    .stall_ms = conf->exec->stall_ms,
	    .finish_ms = conf->exec->finish_ms,
	    .hurry_ms = conf->out_hurry_ms,
	    .hurry = conf->hurry,
	    .tell = conf->tell};
	s->priv = x;
	return 0;
}

static int
exec_put(struct sink *s, struct sink_event *e, struct why *why)
{
	struct exec *x = s->priv;
	int r;

	if (!jsonl_is_page(e))
		return 0;
	buf_clear(&x->line);
	r = jsonl_line_numbered(&x->line, e, x->seq + 1);
	if (r == 0)
		r = buf_add_byte(&x->line, '\n');
	if (r < 0)
		return why_set(
		    why, r, "cannot make a line of '" SPOOL "': %s", strerrordesc_np(-r));
	r = file_append_add(&x->file, buf_slice(&x->line), why);
	x->seq += r == 0;
	return r;
}

static int
exec_flush(struct sink *s, struct why *why)
{
	struct exec *x = s->priv;

	return file_append_flush(&x->file, why);
}

static int
exec_sync(struct sink *s, struct why *why)
{
	struct exec *x = s->priv;

	return file_append_sync(&x->file, why);
}

static int
exec_mark(struct sink *s, struct buf *out)
{
	struct exec *x = s->priv;

	if (x->file.len > 0)
		return -EBUSY;
	if (x->feeder != NULL)
		x->taken = feeder_taken(x->feeder);
	return buf_printf(out, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
	    x->file.pos, x->seq, x->taken.bytes, x->taken.lines);
}

/* Where the file system cannot, the file stays as long as it is. */
static void
punch(struct exec *x)
{
	if (x->taken.bytes - x->punched < PUNCH_BYTES)
		return;
	(void)fallocate(x->file.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    (off_t)x->punched, (off_t)(x->taken.bytes - x->punched));
	x->punched = x->taken.bytes;
}

static int
exec_committed(struct sink *s, struct why *why)
{
	struct exec *x = s->priv;
	int r;

	if (x->feeder == NULL) {
		x->conf.fd = x->file.fd;
		x->conf.at = x->taken;
		r = feeder_new(&x->conf, &x->feeder, why);
		if (r < 0)
			return r;
	}
	punch(x);
	feeder_offer(x->feeder, x->file.pos);
	return feeder_wait(x->feeder, why);
}

static int
exec_finish(struct sink *s, struct why *why)
{
	struct exec *x = s->priv;

	struct feeder_place taken;
	int r = x->feeder == NULL ? 0 : feeder_finish(x->feeder, why);

	if (r < 0 || x->feeder == NULL)
		return r;
	taken = feeder_taken(x->feeder);
	if (taken.lines < x->seq && x->conf.tell != NULL) {
		struct why text;

		(void)why_set(&text, 0,
		    "exec: stopped with %" PRIu64 " lines to feed; trawl resume goes on",
		    x->seq - taken.lines);
		x->conf.tell(text.text);
	}
	return 0;
}

/* Without sink_finish() before it, the crawl failed: what was not taken comes again. */
static int
exec_close(struct sink *s, bool finished, struct why *why)
{
	struct exec *x = s->priv;
	int r;

	(void)finished;
	feeder_free(x->feeder);
	x->feeder = NULL;
	r = file_append_sync(&x->file, why);
	exec_free(x);
	return r;
}

static bool
exec_place(struct slice mark, struct sink_place *ret)
{
	struct exec x;

	(void)snprintf(ret->file, sizeof(ret->file), SPOOL);
	return mark_parse(&x, mark, &ret->length);
}

const struct sink_type sink_exec = {
    .name = "exec",
    .open = exec_open,
    .put = exec_put,
    .flush = exec_flush,
    .sync = exec_sync,
    .mark = exec_mark,
    .committed = exec_committed,
    .finish = exec_finish,
    .close = exec_close,
    .place = exec_place,
};
