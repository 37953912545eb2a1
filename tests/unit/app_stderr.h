/*
 * tests/unit/app_stderr.h -- what a function says on standard error.
 *
 *   stderr_catch();  ...  stderr_text(text);   // from here on it is seen again
 */
#ifndef TESTS_UNIT_APP_STDERR_H
#define TESTS_UNIT_APP_STDERR_H
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { STDERR_TEXT_MAX = 4096 };
static int stderr_real = -1, stderr_caught = -1;

static void
stderr_catch(void)
{
	(void)fflush(stderr);
	stderr_real = dup(STDERR_FILENO);
	stderr_caught = memfd_create("stderr", MFD_CLOEXEC);
	assert_true(stderr_real >= 0 && stderr_caught >= 0);
	assert_int_equal(dup2(stderr_caught, STDERR_FILENO), STDERR_FILENO);
}

static void
stderr_text(char ret[STDERR_TEXT_MAX])
{
	ssize_t n;

	(void)fflush(stderr);
	n = pread(stderr_caught, ret, STDERR_TEXT_MAX - 1, 0);
	assert_int_equal(dup2(stderr_real, STDERR_FILENO), STDERR_FILENO);
	(void)close(stderr_real);
	(void)close(stderr_caught);
	assert_true(n >= 0);
	ret[n] = '\0';
}
#endif
