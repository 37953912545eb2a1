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
 *                    NOTE       one task has ended
 *
 * The worker runs its tasks in the order they came and notes each as it ends, so the loop
 * always knows which task a worker is at; a note for any other is a breach.
 *
 * The worker's results lie in a memfd of its own: a head page, then the data.  Only the
 * worker writes data; only the loop writes `released`, the number of the last task whose
 * result it has copied.  A worker that has filled its data waits there (futex) until all
 * is released, then begins at the start again; so does one that gets a task of another
 * owner, after it has wiped what it wrote.
 */
#ifndef LOOP_POOL_WIRE_H
#define LOOP_POOL_WIRE_H
#include <stdatomic.h>
#include <stdint.h>

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
	WIRE_NOTE,
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

struct wire_hello {
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
	uint32_t type;
	uint32_t seq;
	uint32_t status;     /* WIRE_OK, or WIRE_ERROR without a result */
	uint32_t wants_room; /* the worker may wait until this one is released */
	uint64_t at;         /* in the data */
	uint64_t bytes;
};

#define REGION_HEAD_BYTES  4096u
#define REGION_SPARE_BYTES (2u * 1024 * 1024)

struct region_head {
	_Atomic uint32_t released;
};

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
