/*
 * The parser of tests/e2e/trawl_harmed: linked with --wrap=parse_ops, so that the engine
 * gets this table for its own.  A page tells the worker what to do:
 *
 *   <!--harm: segv-->      dies at it, each time that it is to be parsed
 *   <!--harm: spin-->      never ends
 *   <!--harm: nonsense-->  answers what is none
 *   <!--harm: always-->    dies even if it is only to be archived
 */
#include "crawl/parse.h"
#include "crawl/task.h"
#include <errno.h>
#include <signal.h>

#include "base/banned.h"

extern const struct pool_ops __real_parse_ops, __wrap_parse_ops;

static bool
says(struct slice body, struct slice what)
{
	return body.len > 0 && memmem(body.ptr, body.len, what.ptr, what.len) != NULL;
}

static int
init(void **ret, struct why *why)
{
	return __real_parse_ops.init(ret, why);
}

static int
configure(void *state, uint32_t context, struct slice settings)
{
	return __real_parse_ops.configure(state, context, settings);
}

static void
forget(void *state)
{
	__real_parse_ops.forget(state);
}

static void
fini(void *state)
{
	__real_parse_ops.fini(state);
}

static int
run(void *state, const struct pool_input *in, struct buf *out)
{
	struct task task;
	volatile uint64_t turns = 0;

	if (task_decode(in->head, &task) < 0)
		return -EBADMSG;
	if (says(in->body, SLICE_LIT("<!--harm: always-->")))
		(void)raise(SIGABRT);
	if (task.kind == TASK_ARCHIVE)
		return __real_parse_ops.run(state, in, out);
	if (says(in->body, SLICE_LIT("<!--harm: segv-->")))
		(void)raise(SIGSEGV);
	while (says(in->body, SLICE_LIT("<!--harm: spin-->")))
		turns++;
	if (says(in->body, SLICE_LIT("<!--harm: nonsense-->")))
		return buf_add_cstr(out, "nonsense");
	return __real_parse_ops.run(state, in, out);
}

const struct pool_ops __wrap_parse_ops = {
    .init = init, .configure = configure, .run = run, .forget = forget, .fini = fini};
