/*
 * loop/pool_wire.h -- what the loop and a worker say to each other.
 *
 * One SOCK_SEQPACKET socketpair a worker; a packet is one message; both ends are the same
 * image on the same machine, so structs travel as they are.
 *
 *   loop -> worker   TASKS      a batch: count x (struct wire_task, head), all of one
 *                               owner, so that no other's lies in the worker meanwhile
 *                    SETTINGS   a piece of a context's settings, in order from 0; the
 *                               last piece makes them valid; total 0 forgets the context
 *                    MORE       likewise of what was appended to them
 *   worker -> loop   HELLO      jailed, ready
 *                    FAIL       cannot start, with the reason
 *                    LOOK       there are notes, since the loop looked last
 *
 * The worker runs its tasks in the order they came and notes each as it ends, so the loop
 * always knows which task a worker is at; a note for any other is a breach.  Notes are
 * written into memory that both see, and last when the worker dies; LOOK is sent when
 * `told` was not set, which the loop takes back before it reads notes.  So tasks that end
 * while the loop is at something else cost neither side a system call.
 *
 * The worker's results lie in a memfd of its own: a head page, then the data.  Only the
 * worker writes data and notes; only the loop writes `released`, the number of the last
 * task whose result it has copied.  A worker that has filled its data waits there (futex) until all
 * is released, then begins at the start again; so does one that gets a task of another
 * owner, after it has wiped what it wrote.
 */
#ifndef LOOP_POOL_WIRE_H
#define LOOP_POOL_WIRE_H
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#define WIRE_PACKET_BYTES_MAX (128u * 1024)
#define WIRE_HEAD_BYTES_MAX   (64u * 1024)
#define WIRE_PIECE_BYTES_MAX  (64u * 1024)

/* Descriptors of a worker; 0 to 2 are /dev/null (2 is kept in sanitizer builds). */
enum { WORKER_FD_SOCK = 3, WORKER_FD_RESULTS = 4, WORKER_FD_ARENA = 5 };

/* Exit statuses of a worker that was not killed. */
enum { WORKER_EXIT_INIT = 81, WORKER_EXIT_JAIL = 82, WORKER_EXIT_WIRE = 83 };

enum wire_type {
	WIRE_TASKS = 1,
	WIRE_SETTINGS,
	WIRE_HELLO,
	WIRE_FAIL,
	WIRE_LOOK,
	WIRE_MORE
};

struct wire_tasks {
	uint32_t type;
	uint32_t count;
};

/* Followed by the head, padded to 8 bytes. */
struct wire_task {
	uint32_t seq; /* of this worker, from 1 */
	uint32_t context;
	uint64_t owner;
	uint64_t body_at;
	uint64_t body_bytes;
	uint32_t head_bytes;
	uint32_t zero;
};

struct wire_settings {
	uint32_t type; /* or WIRE_MORE */
	uint32_t context;
	uint32_t total_bytes;
	uint32_t at;
};

struct wire_hello { /* and of WIRE_LOOK */
	uint32_t type;
	uint32_t zero;
};

struct wire_fail {
	uint32_t type;
	int32_t code; /* negative errno */
	char text[504];
};

enum { WIRE_OK, WIRE_ERROR };

struct wire_note {
	uint32_t seq;
	uint32_t status; /* WIRE_OK, or WIRE_ERROR without a result */
	uint64_t at;     /* in the data */
	uint64_t bytes;
};

#define REGION_HEAD_BYTES  4096u
#define REGION_SPARE_BYTES (2u * 1024 * 1024)
enum { REGION_NOTES = 64 }; /* as many tasks may be with a worker */

/* As words, because the other side may write while one reads. */
struct region_note {
	_Atomic uint64_t v[sizeof(struct wire_note) / sizeof(uint64_t)];
};

struct region_head {
	_Atomic uint32_t released;
	_Atomic uint32_t waits; /* the worker, for `released` to change */
	_Atomic uint32_t noted; /* the last task that has a note */
	_Atomic uint32_t told;  /* LOOK was sent, or need not be */
	struct region_note notes[REGION_NOTES];
};
_Static_assert(sizeof(struct region_head) <= REGION_HEAD_BYTES, "one page");

static inline void
region_note_put(struct region_head *h, const struct wire_note *n)
{
	struct region_note *to = &h->notes[n->seq % REGION_NOTES];
	uint64_t v[sizeof(*n) / sizeof(uint64_t)];

	memcpy(v, n, sizeof(v));
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		atomic_store_explicit(&to->v[i], v[i], memory_order_relaxed);
	atomic_store(&h->noted, n->seq);
}

static inline void
region_note_get(const struct region_head *h, uint32_t seq, struct wire_note *ret)
{
	const struct region_note *from = &h->notes[seq % REGION_NOTES];
	uint64_t v[sizeof(*ret) / sizeof(uint64_t)];

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		v[i] = atomic_load_explicit(&from->v[i], memory_order_relaxed);
	memcpy(ret, v, sizeof(v));
}

static inline uint32_t
wire_pad(uint32_t bytes)
{
	return (bytes + 7) & ~(uint32_t)7;
}

/*
 * Of the data: one result of the greatest size (and a byte for buf_cstr()) always fits
 * behind 2 MiB of smaller ones, so that a worker seldom has to wait.
 */
static inline uint64_t
region_data_bytes(uint64_t result_bytes_max)
{
	return (result_bytes_max + 1 + REGION_SPARE_BYTES + 4095) & ~(uint64_t)4095;
}
#endif
