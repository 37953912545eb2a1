/*
 * tests/fault/fault_child.h -- a child that works under a plan, and how it ended.
 */
#ifndef TESTS_FAULT_CHILD_H
#define TESTS_FAULT_CHILD_H
#include "../unit/files_kit.h"
#include "fault.h"

enum { CHILD_KILLED = -1 };
struct child_dirs {
	char whole[KIT_PATH_MAX];
	char dir[KIT_PATH_MAX + 8], undo[KIT_PATH_MAX + 8];
};
/* whole/dir and, not yet there, whole/undo. */
void child_dirs_make(struct child_dirs *d);
void child_dirs_remove(struct child_dirs *d);

/*
 * fn in a child, its working directory `d->dir`, under `plan` (as fault_parse() reads it)
 * with dir and undo added.  Its exit status, or CHILD_KILLED.  fn makes no
 * assertions.
 */
typedef int child_fn(void *ctx);
int child_run(const struct child_dirs *d, const char *plan, child_fn *fn, void *ctx);
/* What the last child counted. */
const struct fault_counts *child_counts(void);
#endif
