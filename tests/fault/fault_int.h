/*
 * tests/fault/fault_int.h -- what fault.c and fault_libc.c share.
 *
 * Every call below the plan's directory goes: fault_begin() (lock) -> fault_step() -> note
 * it in `undo` -> the kernel -> fault_end() (die if it is due, unlock).
 */
#ifndef TESTS_FAULT_INT_H
#define TESTS_FAULT_INT_H
#include "fault.h"
#include "undo.h"

/* False: the call passes unseen (no plan, paused, a child).  Cheap. */
bool fault_is_on(void);
/* Takes the lock and pauses this thread: what follows is our own. */
void fault_begin(void);
/*
 * Counts a call.  `step`: it changes the disk; `len`: of a write, cut down when it is to be
 * short; or NULL.  0: make it; -errno: it fails.  May not return.
 */
int fault_step(enum fault_call call, bool step, uint64_t *len);
/* Dies if this was the step.  Keeps errno. */
void fault_end(void);
struct undo *fault_undo(void); /* NULL: no power loss can happen */
bool fault_is_below(const char *absolute);
bool fault_malloc_fails(void);
int64_t fault_clock_s(void);
#endif
