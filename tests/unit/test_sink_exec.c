#include "base/clock.h"
#include "sink/command.h"
#include "test_sink_kit.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "lost_time.h"

struct env {
	char dir[KIT_PATH_MAX];
	char command[2 * KIT_PATH_MAX];
	struct exec_conf exec;
	atomic_bool hurry;
	struct sink_conf conf;
	struct sink *s;
	struct buf mark;
	struct why why;
};

static char told[4096];

/* On the feeder's thread; read once that is gone. */
static void
note(const char *text)
{
	size_t n = strlen(told);

	(void)snprintf(told + n, sizeof(told) - n, "%s\n", text);
}

static int
up(void **state)
{
	struct env *e = calloc(1, sizeof(*e));

	assert_non_null(e);
	told[0] = '\0';
	kit_scratch(e->dir);
	e->exec = (struct exec_conf){.command = e->command,
	    .restarts = 2,
	    .window_ms = 60000,
	    .stall_ms = 20000,
	    .finish_ms = 20000};
	e->conf = kit_conf(e->dir);
	e->conf.exec = &e->exec;
	e->conf.hurry = &e->hurry;
	e->conf.out_hurry_ms = 300;
	e->conf.tell = note;
	buf_init(&e->mark, 1000);
	*state = e;
	return 0;
}

static int
down(void **state)
{
	struct env *e = *state;

	(void)sink_close(e->s, true, NULL);
	buf_release(&e->mark);
	kit_remove(e->dir);
	free(e);
	return 0;
}

static void
use(struct env *e, const char *script)
{
	(void)snprintf(
	    e->command, sizeof(e->command), "sh -c 'cd \"%s\" && %s'", e->dir, script);
	if (e->s != NULL)
		assert_int_equal(sink_close(e->s, true, NULL), 0);
	e->s = NULL;
	assert_int_equal(
	    sink_open("exec", &e->conf, buf_slice(&e->mark), &e->s, &e->why), 0);
}

static void
put(struct env *e, size_t n)
{
	struct sink_event ev = {.kind = SINK_FETCH,
	    .outcome = OUTCOME_OK,
	    .response = true,
	    .final = true,
	    .status = 200,
	    .url = SLICE_LIT("http://a.test/")};
	struct sink_event rejected = {.kind = SINK_REJECT, .url = ev.url};

	while (n-- > 0) {
		assert_int_equal(sink_put(e->s, &ev, &e->why), 0);
		assert_int_equal(sink_put(e->s, &rejected, &e->why), 0);
	}
}

static int
commit(struct env *e)
{
	assert_int_equal(sink_sync(e->s, &e->why), 0);
	buf_clear(&e->mark);
	assert_int_equal(sink_mark(e->s, &e->mark), 0);
	return sink_committed(e->s, &e->why);
}

/* A failure may come between the two: then it is the commit's. */
static int
finish(struct env *e)
{
	int r, committed;

	do {
		r = sink_finish(e->s, &e->why);
		committed = commit(e);
	} while (r == -EAGAIN && committed == 0);
	return r == -EAGAIN ? committed : r;
}

static size_t
lines_of(const struct env *e, const char *name)
{
	char path[KIT_PATH_MAX + 64];
	FILE *f;
	size_t n = 0;
	int c;

	(void)snprintf(path, sizeof(path), "%s/%s", e->dir, name);
	f = fopen(path, "re");
	while (f != NULL && (c = fgetc(f)) != EOF)
		n += c == '\n';
	if (f != NULL)
		(void)fclose(f);
	return n;
}

static bool
mark_is(const struct env *e, const char *lines_and_taken)
{
	char text[200];
	uint64_t length, lines, bytes, taken;

	(void)snprintf(text, sizeof(text), SLICE_FMT, SLICE_ARG(buf_slice(&e->mark)));
	if (sscanf(text, "%lu %lu %lu %lu", &length, &lines, &bytes, &taken) != 4)
		return false;
	(void)snprintf(text, sizeof(text), "%lu %lu", lines, taken);
	return strcmp(text, lines_and_taken) == 0 && (lines != taken || bytes == length);
}

static void
nothing_is_fed_before_it_is_committed(void **state)
{
	struct env *e = *state;

	use(e, "cat > got");
	assert_int_equal(commit(e), 0); /* the empty file */
	put(e, 10);
	(void)usleep(300000);
	assert_int_equal(access(e->dir, F_OK), 0);
	assert_int_equal(lines_of(e, "got"), 0);
	assert_int_equal(commit(e), 0);
	assert_int_equal(finish(e), 0);
	assert_int_equal(lines_of(e, "got"), 10);
	assert_true(mark_is(e, "10 10"));
}

static void
what_was_taken_does_not_come_again(void **state)
{
	struct env *e = *state;

	use(e, "cat >> got");
	assert_int_equal(commit(e), 0);
	put(e, 10);
	assert_int_equal(commit(e), 0);
	assert_int_equal(finish(e), 0);
	use(e, "cat >> got"); /* on another day */
	assert_int_equal(commit(e), 0);
	put(e, 5);
	assert_int_equal(commit(e), 0);
	assert_int_equal(finish(e), 0);
	assert_int_equal(lines_of(e, "got"), 15);
	assert_true(mark_is(e, "15 15"));
}

static void
what_was_not_committed_is_never_fed(void **state)
{
	struct env *e = *state;

	use(e, "cat >> got");
	assert_int_equal(commit(e), 0);
	put(e, 10);
	assert_int_equal(commit(e), 0);
	put(e, 7);
	assert_int_equal(sink_flush(e->s, NULL), 0);
	use(e, "cat >> got"); /* the crawl failed: cut back */
	assert_int_equal(commit(e), 0);
	assert_int_equal(finish(e), 0);
	assert_true(lines_of(e, "got") >= 10); /* the first may have read some before */
	assert_true(mark_is(e, "10 10"));
}

static void
a_program_that_ends_too_often_is_a_failure_that_sticks(void **state)
{
	struct env *e = *state;

	e->exec.restarts = 0;
	use(e, "exit 4");
	assert_int_equal(commit(e), 0);
	put(e, 1);
	(void)commit(e);
	assert_int_equal(finish(e), -ECHILD);
	assert_non_null(strstr(e->why.text, "(0 restarts within 60 s are permitted)"));
	assert_non_null(strstr(e->why.text, "exit status 4"));
	assert_int_equal(commit(e), -ECHILD);
	assert_true(mark_is(e, "1 0"));
}

static void
only_what_is_confirmed_is_taken(void **state)
{
	struct env *e = *state;

	e->exec.confirm = true;
	e->exec.restarts = 0;
	use(e, "echo 99 ; echo x; read a; read b; echo 2; cat > rest");
	assert_int_equal(commit(e), 0);
	put(e, 5);
	assert_int_equal(commit(e), 0);
	assert_int_equal(finish(e), -ECHILD);
	assert_true(mark_is(e, "5 2"));
	assert_non_null(strstr(e->why.text, "line 2 as the last that it confirmed"));
	assert_non_null(strstr(told, "exec: 99\nexec: x\n"));
}

/* Of all the processes that close their input most are about to end. */
static void
one_that_closes_its_input_and_ends_by_itself_is_told_with_that_end(void **state)
{
	struct env *e = *state;
	int64_t lost;
	int tries = 0;

	e->exec.restarts = 0;
	/* Anew where the machine had it take longer than it is given. */
	do {
		lost = lost_time_ms();
		use(e, "exec 0<&-; sleep 1; echo tidied; exit 3");
		told[0] = '\0';
		buf_clear(&e->mark);
		assert_int_equal(commit(e), 0);
		put(e, 5000); /* more than there is room for in a pipe */
		(void)commit(e);
		assert_int_equal(finish(e), -ECHILD);
	} while (strstr(e->why.text, "exit status 3") == NULL &&
		 lost_time_again(lost, 1000, &tries));
	assert_non_null(strstr(e->why.text, "the last time with exit status 3"));
	assert_null(strstr(e->why.text, "closed its standard input"));
	assert_string_equal(told, "exec: tidied\n");
	assert_true(mark_is(e, "5000 0"));
}

/* More is fed than a program may hold without confirming. */
static void
a_program_that_never_confirms_is_not_fed_without_end(void **state)
{
	struct env *e = *state;
	int64_t lost;
	int tries = 0;

	e->exec.confirm = true;
	e->exec.restarts = 0;
	e->exec.stall_ms = 3000;
	/* Anew where it was the machine that did not let it take them. */
	do {
		lost = lost_time_ms();
		buf_clear(&e->mark);
		use(e, "cat > got; sleep 100");
		assert_int_equal(commit(e), 0);
		put(e, 5000);
		(void)commit(e);
		assert_int_equal(finish(e), -ECHILD);
	} while (lines_of(e, "got") < 4000 && lost_time_again(lost, 500, &tries));
	assert_non_null(strstr(e->why.text, "took nothing for too long"));
	assert_in_range(lines_of(e, "got"), 4000, 4096);
}

static void
a_crawl_that_is_to_stop_does_not_wait_for_it(void **state)
{
	struct env *e = *state;
	int64_t began_ms = clock_mono_ms();

	use(e, "trap \"echo stopped >> end; exit\" TERM; echo up > up; "
	       "sleep 100 & wait");
	assert_int_equal(commit(e), 0);
	put(e, 1000);
	assert_int_equal(commit(e), 0);
	while (lines_of(e, "up") == 0) /* else there is nobody yet who could be asked */
		(void)usleep(10000);
	atomic_store(&e->hurry, true);
	assert_int_equal(finish(e), 0);
	assert_true(clock_mono_ms() - began_ms < e->exec.finish_ms);
	assert_true(mark_is(e, "1000 0"));
	assert_int_equal(lines_of(e, "end"), 1); /* it was asked, not killed */
}

static void
a_damaged_mark_is_told(void **state)
{
	static const char *const bad[] = {
	    "x", "1 2 3", "1 2 3 4", "10 2 5 3", "10 2 5 1 1"};
	struct env *e = *state;

	(void)snprintf(e->command, sizeof(e->command), "cat");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
		    sink_open("exec", &e->conf, slice_cstr(bad[i]), &e->s, &e->why),
		    -EBADMSG);
		assert_non_null(strstr(e->why.text, "exec.spool"));
	}
}

static void
words_are_cut_as_a_shell_does_it(void **state)
{
	static const char *const want[] = {
	    "/bin/sh", "a b", "c\"d", "it's", "$HOME", "", "x y", "\\n"};
	struct exec_command c;

	(void)state;
	assert_int_equal(
	    command_init(&c, "  /bin/sh 'a b'  \"c\\\"d\" it\\'s $HOME '' x\\ y '\\n' ",
		NULL, 0, NULL),
	    0);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_string_equal(c.argv[i], want[i]);
	assert_null(c.argv[8]);
	command_release(&c);
}

static void
what_is_no_command_is_told(void **state)
{
	struct why why;
	struct exec_command c;
	char many[2 * COMMAND_WORDS_MAX + 10];

	(void)state;
	for (size_t i = 0; i < sizeof(many) - 1; i++)
		many[i] = i % 2 == 0 ? 'x' : ' ';
	many[sizeof(many) - 1] = '\0';
	assert_int_equal(command_init(&c, "", NULL, 0, &why), -EINVAL);
	assert_int_equal(command_init(&c, "'' x", NULL, 0, &why), -EINVAL);
	assert_int_equal(command_init(&c, "cat \"x", NULL, 0, &why), -EINVAL);
	assert_int_equal(command_init(&c, "cat x\\", NULL, 0, &why), -EINVAL);
	assert_int_equal(command_init(&c, many, NULL, 0, &why), -EINVAL);
	assert_string_equal(why.text, "it has more than 256 words");
	assert_int_equal(command_init(&c, "/", NULL, 0, &why), -EACCES);
	assert_int_equal(command_init(&c, "/nowhere", NULL, 0, &why), -ENOENT);
}

static void
only_what_is_named_of_the_environment_is_passed(void **state)
{
	const char *const names[] = {"TEST_WANTED"}, *const wrong[] = {"A=B"};
	struct exec_command c;
	bool wanted = false;

	(void)state;
	assert_int_equal(setenv("TEST_WANTED", "1", 1), 0);
	assert_int_equal(setenv("TEST_WANTED_NOT", "1", 1), 0);
	assert_int_equal(command_init(&c, "sh", names, 1, NULL), 0);
	for (char **v = c.env; *v != NULL; v++) {
		wanted = wanted || strcmp(*v, "TEST_WANTED=1") == 0;
		assert_null(strstr(*v, "WANTED_NOT"));
	}
	assert_true(wanted);
	command_release(&c);
	assert_int_equal(command_init(&c, "sh", wrong, 1, NULL), -ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		nothing_is_fed_before_it_is_committed, up, down),
	    cmocka_unit_test_setup_teardown(what_was_taken_does_not_come_again, up, down),
	    cmocka_unit_test_setup_teardown(
		what_was_not_committed_is_never_fed, up, down),
	    cmocka_unit_test_setup_teardown(
		a_program_that_ends_too_often_is_a_failure_that_sticks, up, down),
	    cmocka_unit_test_setup_teardown(only_what_is_confirmed_is_taken, up, down),
	    cmocka_unit_test_setup_teardown(
		one_that_closes_its_input_and_ends_by_itself_is_told_with_that_end, up,
		down),
	    cmocka_unit_test_setup_teardown(
		a_program_that_never_confirms_is_not_fed_without_end, up, down),
	    cmocka_unit_test_setup_teardown(
		a_crawl_that_is_to_stop_does_not_wait_for_it, up, down),
	    cmocka_unit_test_setup_teardown(a_damaged_mark_is_told, up, down),
	    cmocka_unit_test(words_are_cut_as_a_shell_does_it),
	    cmocka_unit_test(what_is_no_command_is_told),
	    cmocka_unit_test(only_what_is_named_of_the_environment_is_passed),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("sink/exec", tests, NULL, NULL);
}
