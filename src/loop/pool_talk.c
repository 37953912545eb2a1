/*
 * What the loop and a worker say to each other, seen from the loop.
 *
 * What comes from a worker is hostile: a packet is taken only if it is exactly what the
 * worker may say now, and a result is copied out before anyone looks at it, because the
 * worker could change it between two looks.
 */
#include "loop/pool_int.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/banned.h"

#define PACKETS     4          /* taken by one system call */
#define KEEP_BYTES  (1u << 20) /* of the copy of a result, between results */
#define PUNCH_BYTES (256u * 1024)
#define PAGE_BYTES  4096u

union packet {
	uint32_t type;
	struct wire_hello hello;
	struct wire_fail fail;
};

/* ---- what a worker says ---- */

static void
peer_breach(struct peer *w)
{
	trouble_set(w->pool, -EPROTO, "worker %d broke the protocol", w->pid);
	w->breach = true;
	peer_die(w, POOL_CRASH);
}

/* Its sentence goes to terminals and logs. */
static void
peer_failed(struct peer *w, const struct wire_fail *f)
{
	char text[sizeof(f->text)];
	size_t n = strnlen(f->text, sizeof(f->text) - 1);

	for (size_t i = 0; i < n; i++)
		text[i] = (char)(f->text[i] < ' ' || f->text[i] > '~' ? '?' : f->text[i]);
	text[n] = '\0';
	trouble_set(w->pool, f->code < 0 && f->code > -4096 ? f->code : -EPROTO,
	    "a worker cannot start: %s", text);
	peer_die(w, POOL_CRASH);
}

/* Large results leave nothing behind; small ones are soon written over. */
static void
result_punch(const struct peer *w, const struct wire_note *n)
{
	uint64_t from = (n->at + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
	uint64_t to = (n->at + n->bytes) & ~(uint64_t)(PAGE_BYTES - 1);

	if (n->bytes >= PUNCH_BYTES)
		(void)fallocate(w->fd_results, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		    (off_t)(REGION_HEAD_BYTES + from), (off_t)(to - from));
}

/* 0, -ENOMEM, or -EPROTO when it is not there. */
static int
result_copy(struct peer *w, const struct wire_note *n)
{
	struct buf *b = &w->pool->result;
	int r;

	buf_clear(b);
	r = buf_reserve(b, n->bytes);
	if (r < 0)
		return r;
	while (b->len < n->bytes) {
		ssize_t got = pread(w->fd_results, b->ptr + b->len, n->bytes - b->len,
		    (off_t)(REGION_HEAD_BYTES + n->at + b->len));

		if (got <= 0)
			return -EPROTO;
		b->len += (size_t)got;
	}
	return 0;
}

static bool
note_is_sound(const struct peer *w, const struct wire_note *n)
{
	uint64_t max = w->pool->conf.result_bytes_max, all = region_data_bytes(max);

	if (list_is_empty(&w->line) || task_of(w->line.next)->seq != n->seq)
		return false;
	if (n->status == WIRE_ERROR)
		return n->bytes == 0;
	return n->status == WIRE_OK && n->bytes <= max && n->at <= all &&
	       n->bytes <= all - n->at;
}

static void
peer_note(struct peer *w, const struct wire_note *n)
{
	struct pool *p = w->pool;
	enum pool_end end = n->status == WIRE_OK ? POOL_DONE : POOL_ERROR;
	struct task *t;
	int r;

	if (!note_is_sound(w, n)) {
		peer_breach(w);
		return;
	}
	r = result_copy(w, n);
	if (r == -EPROTO) {
		peer_breach(w);
		return;
	}
	if (r < 0)
		end = POOL_ERROR;
	result_punch(w, n);
	atomic_store(&w->region->released, n->seq);
	if (atomic_load(&w->region->waits) != 0)
		(void)syscall(
		    SYS_futex, &w->region->released, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	t = task_of(w->line.next);
	list_remove(&t->on);
	w->line_len--;
	w->ended++;
	w->busy_us += loop_now_us(p->loop) - w->began_us;
	w->delay_ms = 0;
	p->stats.tasks_done++;
	peer_arm(w);
	task_end(p, t, end, end == POOL_DONE ? buf_slice(&p->result) : slice_of(NULL, 0));
	if (p->result.cap > KEEP_BYTES)
		buf_release(&p->result);
}

/*
 * All that it has noted.  No flood is possible: there is one note a task, and whatever is
 * none of these is the last that is read.
 */
void
peer_notes(struct peer *w)
{
	struct wire_note n;

	if (w->state == PEER_READY)
		atomic_store(&w->region->told, 0);
	while (w->state == PEER_READY && atomic_load(&w->region->noted) != w->ended) {
		region_note_get(w->region, w->ended + 1, &n);
		peer_note(w, &n);
	}
}

/* What it noted before counts. */
static void
peer_ended(struct peer *w)
{
	peer_notes(w);
	if (w->fd >= 0)
		peer_gone(w);
}

static void
peer_packet(struct peer *w, const union packet *m, size_t len)
{
	uint32_t type = len < sizeof(m->type) ? 0 : m->type;

	if (len == 0) {
		peer_ended(w);
	} else if (type == WIRE_LOOK && len == sizeof(m->hello) &&
		   w->state == PEER_READY && ++w->looks < w->seq_next) {
		peer_notes(w);
	} else if (type == WIRE_HELLO && len == sizeof(m->hello) && !w->said_hello) {
		w->said_hello = true;
		peer_ready_if(w);
	} else if (type == WIRE_FAIL && len == sizeof(m->fail) && !w->said_hello) {
		peer_failed(w, &m->fail);
	} else {
		peer_breach(w);
	}
}

/* All that it has said: at most one packet a task, anything else is the last that is read. */
void
peer_read(struct peer *w)
{
	struct mmsghdr m[PACKETS];
	struct iovec iov[PACKETS];
	union packet packets[PACKETS];
	int n = PACKETS;

	memset(m, 0, sizeof(m));
	for (size_t i = 0; i < PACKETS; i++) {
		iov[i] = (struct iovec){&packets[i], sizeof(packets[i])};
		m[i].msg_hdr.msg_iov = &iov[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	while (w->fd >= 0 && n == PACKETS) {
		n = recvmmsg(w->fd, m, PACKETS, MSG_DONTWAIT | MSG_TRUNC, NULL);
		if (n < 0 && errno == EAGAIN)
			return;
		/* It died with packets unread: told once, before what it has said. */
		if (n < 0 && errno == ECONNRESET)
			n = PACKETS;
		else if (n < 0)
			peer_ended(w);
		else
			for (int i = 0; i < n && w->fd >= 0; i++)
				peer_packet(w, &packets[i], m[i].msg_len);
	}
}

/* ---- what a worker is told ---- */

/* 0, -EAGAIN, or what means that it is gone. */
static int
peer_send(struct peer *w, const void *msg, size_t bytes)
{
	if (send(w->fd, msg, bytes, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	return 0;
}

static int
flush_forgotten(struct peer *w)
{
	struct pool *p = w->pool;

	list_foreach (it, &p->forgotten) {
		struct pool_context *c =
		    container_of(it, struct pool_context, on_forgotten);
		struct wire_settings m = {.type = WIRE_SETTINGS, .context = c->id};
		int r;

		if (c->have[w->index].version == 0)
			continue;
		r = peer_send(w, &m, sizeof(m));
		if (r < 0)
			return r;
		c->have[w->index] = (struct pool_had){0};
	}
	w->sync = false;
	contexts_sweep(p);
	return 1;
}

/* One piece.  Others than at the last piece: from the start.  What has been appended since
 * the first piece goes when that is done. */
static int
flush_settings(struct peer *w, struct pool_context *c, struct task *t)
{
	struct wire_settings m = {.context = c->id};
	uint32_t piece;
	int r;

	if (w->settings_version != c->version) {
		w->settings_version = c->version;
		w->settings_from = context_news_at(w->pool, c, w->index);
		w->settings_at = w->settings_from;
		w->settings_end = c->settings_bytes;
	}
	m.type = w->settings_from == 0 ? WIRE_SETTINGS : WIRE_MORE;
	m.total_bytes = w->settings_end - w->settings_from;
	m.at = w->settings_at - w->settings_from;
	piece = w->settings_end - w->settings_at;
	if (piece > WIRE_PIECE_BYTES_MAX)
		piece = WIRE_PIECE_BYTES_MAX;
	memcpy(w->pool->packet, &m, sizeof(m));
	memcpy(w->pool->packet + sizeof(m), c->settings + w->settings_at, piece);
	r = peer_send(w, w->pool->packet, sizeof(m) + piece);
	if (r < 0)
		return r;
	t->begun = true;
	w->settings_at += piece;
	if (w->settings_at == w->settings_end) {
		c->have[w->index] = (struct pool_had){c->version, w->settings_end};
		w->settings_version = 0;
	}
	return 1;
}

/* The settings that must go before `t`, or NULL. */
static struct pool_context *
settings_before(const struct peer *w, const struct task *t)
{
	struct pool_context *c = context_get(w->pool, t->context);

	if (c == NULL || c->forgotten || context_is_had(c, w->index))
		return NULL;
	return c;
}

static int
flush_tasks(struct peer *w)
{
	const struct task *first = task_of(w->outbox.next);
	char *packet = w->pool->packet;
	struct wire_tasks m = {.type = WIRE_TASKS};
	size_t at = sizeof(m);
	int r;

	list_foreach (it, &w->outbox) {
		const struct task *t = task_of(it);
		struct wire_task wt = {.seq = w->seq_next + m.count,
		    .context = t->context,
		    .owner = t->owner,
		    .body_bytes = t->body.len,
		    .head_bytes = t->head_bytes};

		if (at + sizeof(wt) + wire_pad(t->head_bytes) > WIRE_PACKET_BYTES_MAX ||
		    settings_before(w, t) != NULL || t->context != first->context ||
		    t->owner != first->owner)
			break;
		if (t->body.len > 0)
			(void)shm_find(w->pool->conf.shm, t->body, &wt.body_at);
		memcpy(packet + at, &wt, sizeof(wt));
		at += sizeof(wt);
		if (t->head_bytes > 0)
			memcpy(packet + at, t->head, t->head_bytes);
		memset(packet + at + t->head_bytes, 0,
		    wire_pad(t->head_bytes) - t->head_bytes);
		at += wire_pad(t->head_bytes);
		m.count++;
	}
	memcpy(packet, &m, sizeof(m));
	r = peer_send(w, packet, at);
	if (r < 0)
		return r;
	while (m.count-- > 0) {
		struct task *t = task_of(w->outbox.next);

		t->state = TASK_SENT;
		t->seq = w->seq_next++;
		list_remove(&t->on);
		list_push(&w->line, &t->on);
	}
	return 1;
}

/* 1: something was sent; 0: nothing is left to send. */
static int
flush_step(struct peer *w)
{
	struct pool_context *c;

	if (w->sync)
		return flush_forgotten(w);
	if (list_is_empty(&w->outbox))
		return 0;
	c = settings_before(w, task_of(w->outbox.next));
	if (c != NULL)
		return flush_settings(w, c, task_of(w->outbox.next));
	return flush_tasks(w);
}

void
peer_flush(struct peer *w)
{
	int r;

	do {
		r = flush_step(w);
	} while (r > 0);
	if (r == 0) {
		io_set(w->io, IO_READ);
	} else if (r == -EAGAIN) {
		io_set(w->io, IO_READ | IO_WRITE);
	} else {
		/* What it has said before it went still counts. */
		peer_read(w);
		if (w->state == PEER_READY)
			peer_die(w, POOL_CRASH);
	}
}
