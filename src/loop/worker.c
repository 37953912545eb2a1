/*
 * Start:  map arena and results, ops->init(), close everything, jail, HELLO.
 * Then:   a packet, its tasks one after the other, a note for each; end of file ends it.
 *
 * The tasks of further packets wait in the socket; nothing is read ahead.
 */
#include "loop/worker.h"
#include "base/map.h"
#include "loop/jail.h"
#include "loop/pool_wire.h"
#include "loop/scrub.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/banned.h"

#define PAGE_BYTES    4096u
#define GARBAGE_BYTES (256u * 1024)
#define CONTEXTS_MAX  65536u

struct worker {
	struct worker_conf conf;
	void *state;
	const char *arena;
	struct region_head *region;
	char *data;
	uint64_t data_bytes;
	uint64_t at;        /* where the next result goes */
	uint64_t dirty;     /* what was written before */
	uint32_t noted;     /* the last task that has a note */
	uint32_t context;   /* of that, and whose it was */
	uint64_t owner;
	struct umap broken; /* contexts whose settings ops->configure() refused */
	char *settings;     /* coming in pieces */
	uint32_t settings_bytes;
	size_t packet_dirty; /* of the longest since it was wiped */
	char packet[WIRE_PACKET_BYTES_MAX];
};

/* The loop speaks the same language; anything else is a bug of ours. */
_Noreturn static void
worker_breach(void)
{
	_exit(WORKER_EXIT_WIRE);
}

static void
worker_send(const void *msg, size_t bytes)
{
	/* Fails when the loop is gone, and then nobody is left to tell. */
	if (send(WORKER_FD_SOCK, msg, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
		_exit(WORKER_EXIT_WIRE);
}

_Noreturn static void
worker_fail(int status, int code, const struct why *why)
{
	struct wire_fail f = {.type = WIRE_FAIL, .code = code};

	memcpy(f.text, why->text, sizeof(f.text) - 1);
	worker_send(&f, sizeof(f));
	_exit(status);
}

/* ---- results ---- */

static bool
worker_has_room(const struct worker *w)
{
	return w->at <= w->data_bytes &&
	       w->data_bytes - w->at >= w->conf.result_bytes_max + 1;
}

/* Until the loop has read all. */
static void
worker_wait_read(struct worker *w)
{
	uint32_t released;

	if (atomic_load(&w->region->released) == w->noted)
		return;
	atomic_store(&w->region->waits, 1);
	while ((released = atomic_load(&w->region->released)) != w->noted)
		(void)syscall(
		    SYS_futex, &w->region->released, FUTEX_WAIT, released, NULL, NULL, 0);
	atomic_store(&w->region->waits, 0);
}

/* For the greatest result. */
static void
worker_make_room(struct worker *w)
{
	if (!worker_has_room(w))
		worker_wait_read(w);
	if (atomic_load(&w->region->released) == w->noted)
		w->at = 0;
}

/* What a task wrote before it failed would lie there until it is overwritten. */
static void
worker_drop_garbage(struct worker *w, uint64_t bytes)
{
	uint64_t from = (w->at + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
	uint64_t to = (w->at + bytes) & ~(uint64_t)(PAGE_BYTES - 1);

	if (bytes >= GARBAGE_BYTES)
		(void)madvise(w->data + from, to - from, MADV_REMOVE);
}

/* Of shared memory the pages must be taken out of the file. */
static void
worker_wipe_results(struct worker *w)
{
	uint64_t whole = (w->dirty + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);

	worker_wait_read(w);
	if (whole > w->data_bytes)
		whole = w->data_bytes;
	if (w->dirty < GARBAGE_BYTES || madvise(w->data, whole, MADV_REMOVE) < 0)
		explicit_bzero(w->data, whole);
	w->at = w->dirty = 0;
}

/* Nothing of the last owner's is left: what was freed is zero already. */
static void
worker_change_owner(struct worker *w, const struct wire_task *t, size_t packet_bytes)
{
	bool changes = w->noted > 0 && (t->owner != w->owner || t->context != w->context);

	w->owner = t->owner;
	w->context = t->context;
	if (!changes)
		return;
	worker_wipe_results(w);
	if (w->conf.ops->forget != NULL)
		w->conf.ops->forget(w->state);
	if (w->packet_dirty > packet_bytes)
		explicit_bzero(w->packet + packet_bytes, w->packet_dirty - packet_bytes);
	w->packet_dirty = packet_bytes;
	scrub_stack();
}

/* Before the loop is told, so that it finds it whether it is told or looks by itself. */
static void
worker_note(struct worker *w, const struct wire_note *n)
{
	const struct wire_hello look = {.type = WIRE_LOOK};

	region_note_put(w->region, n);
	if (atomic_exchange(&w->region->told, 1) == 0)
		worker_send(&look, sizeof(look));
	w->noted = n->seq;
}

static void
worker_run(struct worker *w, const struct wire_task *t, struct slice head)
{
	struct pool_input in = {.context = t->context,
	    .head = head,
	    .arena = slice_of(w->arena, w->conf.arena_bytes)};
	struct wire_note n = {.seq = t->seq, .status = WIRE_ERROR};
	struct buf out;

	if (t->body_bytes > 0)
		in.body = slice_of(w->arena + t->body_at, t->body_bytes);
	worker_make_room(w);
	/* One more than `max`, so that no function of buf.h ever reallocates it. */
	out = (struct buf){.ptr = w->data + w->at,
	    .cap = w->conf.result_bytes_max + 1,
	    .max = w->conf.result_bytes_max};
	if (umap_get(&w->broken, t->context) == NULL &&
	    w->conf.ops->run(w->state, &in, &out) >= 0)
		n.status = WIRE_OK;
	assert(out.ptr == w->data + w->at && out.len <= w->conf.result_bytes_max);
	n.at = w->at;
	/* Of one that failed, what it tried to write may lie behind that. */
	if (w->dirty < w->at + (n.status == WIRE_OK ? out.len + 1 : out.cap))
		w->dirty = w->at + (n.status == WIRE_OK ? out.len + 1 : out.cap);
	if (n.status == WIRE_OK) {
		n.bytes = out.len;
		w->at += (out.len + 63) & ~(uint64_t)63;
	} else {
		worker_drop_garbage(w, out.len);
	}
	worker_note(w, &n);
}

/* ---- packets ---- */

static void
worker_tasks(struct worker *w, size_t len)
{
	struct wire_tasks m;
	size_t at = sizeof(m);

	if (len < sizeof(m))
		worker_breach();
	memcpy(&m, w->packet, sizeof(m));
	for (uint32_t i = 0; i < m.count; i++) {
		struct wire_task t;

		if (len - at < sizeof(t))
			worker_breach();
		memcpy(&t, w->packet + at, sizeof(t));
		at += sizeof(t);
		if (t.head_bytes > WIRE_HEAD_BYTES_MAX ||
		    len - at < wire_pad(t.head_bytes) ||
		    t.body_at > w->conf.arena_bytes ||
		    t.body_bytes > w->conf.arena_bytes - t.body_at)
			worker_breach();
		worker_change_owner(w, &t, len);
		worker_run(w, &t, slice_of(w->packet + at, t.head_bytes));
		at += wire_pad(t.head_bytes);
	}
}

/* To what was refused nothing can be added. */
static void
worker_configure(struct worker *w, uint32_t context, struct slice settings, bool more)
{
	static char yes;
	int r = 0;

	if (more && umap_get(&w->broken, context) != NULL)
		return;
	(void)umap_take(&w->broken, context);
	if (more)
		r = w->conf.ops->extend(w->state, context, settings);
	else if (w->conf.ops->configure != NULL)
		r = w->conf.ops->configure(w->state, context, settings);
	if (r >= 0 || settings.len == 0)
		return;
	/* Its tasks are to end as errors.  Out of memory is the end of us, not of them: the
	 * next worker gets the settings anew. */
	if (r == -ENOMEM || umap_put(&w->broken, context, &yes) < 0)
		_exit(WORKER_EXIT_INIT);
}

static void
worker_settings(struct worker *w, size_t len)
{
	struct wire_settings m;
	size_t piece;

	if (len < sizeof(m))
		worker_breach();
	memcpy(&m, w->packet, sizeof(m));
	piece = len - sizeof(m);
	if (m.total_bytes > POOL_SETTINGS_MAX ||
	    (m.type == WIRE_MORE && w->conf.ops->extend == NULL))
		worker_breach();
	if (m.at == 0) {
		/* Whatever was coming has been replaced. */
		free(w->settings);
		w->settings = malloc(m.total_bytes + 1);
		w->settings_bytes = m.total_bytes;
		if (w->settings == NULL)
			_exit(WORKER_EXIT_INIT);
	}
	if (w->settings == NULL || m.total_bytes != w->settings_bytes ||
	    m.at > m.total_bytes || piece > m.total_bytes - m.at)
		worker_breach();
	memcpy(w->settings + m.at, w->packet + sizeof(m), piece);
	if (m.at + piece < m.total_bytes)
		return;
	worker_configure(
	    w, m.context, slice_of(w->settings, m.total_bytes), m.type == WIRE_MORE);
	free(w->settings);
	w->settings = NULL;
}

static void
worker_serve(struct worker *w)
{
	ssize_t n;

	while ((n = recv(WORKER_FD_SOCK, w->packet, sizeof(w->packet), 0)) > 0) {
		uint32_t type = 0;

		if (w->packet_dirty < (size_t)n)
			w->packet_dirty = (size_t)n;
		memcpy(&type, w->packet,
		    (size_t)n < sizeof(type) ? (size_t)n : sizeof(type));
		if (type == WIRE_TASKS)
			worker_tasks(w, (size_t)n);
		else if (type == WIRE_SETTINGS || type == WIRE_MORE)
			worker_settings(w, (size_t)n);
		else
			worker_breach();
	}
	if (n < 0)
		worker_breach();
}

/* ---- start ---- */

static int
worker_map(struct worker *w, struct why *why)
{
	char *region;

	w->data_bytes = region_data_bytes(w->conf.result_bytes_max);
	region = mmap(NULL, REGION_HEAD_BYTES + w->data_bytes, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_NORESERVE, WORKER_FD_RESULTS, 0);
	if (region == MAP_FAILED)
		return why_set(
		    why, -errno, "cannot map the results: %s", strerror(errno));
	w->region = (struct region_head *)(void *)region;
	w->data = region + REGION_HEAD_BYTES;
	if (w->conf.arena_bytes == 0)
		return 0;
	w->arena = mmap(NULL, w->conf.arena_bytes, PROT_READ, MAP_SHARED | MAP_NORESERVE,
	    WORKER_FD_ARENA, 0);
	if (w->arena == MAP_FAILED)
		return why_set(why, -errno, "cannot map the arena: %s", strerror(errno));
	return 0;
}

/* Nothing a parser says may reach the terminal; only a sanitizer's report does. */
static int
worker_mute(struct why *why)
{
#ifndef TRAWL_SANITIZED
	if (dup2(STDIN_FILENO, STDERR_FILENO) < 0)
		return why_set(
		    why, -errno, "cannot part from stderr: %s", strerror(errno));
#else
	(void)why;
#endif
	return 0;
}

_Static_assert((int)JAIL_SOCKET == (int)WORKER_FD_SOCK, "the filter knows its number");

static struct worker *
worker_start(const struct worker_conf *conf)
{
	const struct wire_hello hello = {.type = WIRE_HELLO};
	struct worker *w = calloc(1, sizeof(*w));
	struct jail_conf jail = {.files = WORKER_FD_SOCK + 1, .cpu_s = conf->cpu_s};
	struct why why = {""};
	int r;

	if (w == NULL) {
		(void)why_set(&why, -ENOMEM, "no memory");
		worker_fail(WORKER_EXIT_INIT, -ENOMEM, &why);
	}
	w->conf = *conf;
	umap_init(&w->broken, CONTEXTS_MAX);
	r = worker_map(w, &why);
	if (r == 0 && conf->ops->init != NULL)
		r = conf->ops->init(&w->state, &why);
	if (r < 0)
		worker_fail(WORKER_EXIT_INIT, r, &why);
	r = worker_mute(&why);
	if (conf->memory_bytes > 0)
		jail.address_bytes = conf->memory_bytes + conf->arena_bytes +
				     REGION_HEAD_BYTES + w->data_bytes;
	if (r == 0)
		r = jail_enter(&jail, &why);
	/* -EINVAL is for what the caller got wrong. */
	if (r < 0)
		worker_fail(WORKER_EXIT_JAIL, r == -EINVAL ? -EPERM : r, &why);
	scrub_begin();
	worker_send(&hello, sizeof(hello));
	return w;
}

void
worker_main(const struct worker_conf *conf)
{
	struct worker *w;

	(void)prctl(PR_SET_NAME, "trawl-worker", 0, 0, 0);
	w = worker_start(conf);
	worker_serve(w);
	if (conf->ops->fini != NULL)
		conf->ops->fini(w->state);
	_exit(0);
}
