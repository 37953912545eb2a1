#include "fault_child.h"
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct fault_counts *counts;

void
child_dirs_make(struct child_dirs *d)
{
	kit_scratch(d->whole);
	(void)snprintf(d->dir, sizeof(d->dir), "%s/dir", d->whole);
	(void)snprintf(d->undo, sizeof(d->undo), "%s/undo", d->whole);
	assert_int_equal(mkdir(d->dir, 0755), 0);
}

void
child_dirs_remove(struct child_dirs *d)
{
	kit_remove(d->whole);
}

static void __attribute__((noreturn))
child(const struct child_dirs *d, const char *plan, child_fn *fn, void *ctx)
{
	char text[4 * KIT_PATH_MAX], why[256] = "";
	struct fault_plan p;
	int r;

	(void)snprintf(text, sizeof(text), "dir=%s,undo=%s,%s", d->dir, d->undo, plan);
	r = fault_parse(text, &p, why, sizeof(why));
	if (r == 0 && chdir(d->dir) < 0)
		r = -errno;
	if (r == 0)
		r = fault_start(&p, counts);
	if (r < 0) {
		(void)fprintf(stderr, "%s: %d %s\n", text, r, why);
		_exit(98);
	}
	r = fn(ctx);
	fault_stop();
	_exit(r);
}

int
child_run(const struct child_dirs *d, const char *plan, child_fn *fn, void *ctx)
{
	int status;
	pid_t pid;

	if (counts == NULL)
		counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(counts != MAP_FAILED);
	memset(counts, 0, sizeof(*counts));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		child(d, plan, fn, ctx);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status)) {
		assert_int_equal(WTERMSIG(status), SIGKILL);
		return CHILD_KILLED;
	}
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 98);
	return WEXITSTATUS(status);
}

const struct fault_counts *
child_counts(void)
{
	return counts;
}
