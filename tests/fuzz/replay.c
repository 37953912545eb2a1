/*
 * Every input in corpus/ and regressions/ through the target it is for, without
 * libFuzzer.
 *
 *     tests/fuzz/replay                  all of them (`make check`)
 *     tests/fuzz/replay url FILE...      these, for a debugger
 *
 * Each target runs in a child, so that one that dies fails alone; the last line that it
 * printed names the input.
 */
#include "base/buf.h"
#include "fuzz.h"
#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

enum { INPUT_BYTES_MAX = 4 << 20, SECONDS_MAX = 120 };

#define X(name) int fuzz_##name(const uint8_t *data, size_t size);
FUZZ_TARGETS(X)
#undef X

static const struct target {
	const char *name;
	int (*run)(const uint8_t *data, size_t size);
} targets[] = {
#define X(name) {#name, fuzz_##name},
    FUZZ_TARGETS(X)
#undef X
};
enum { TARGETS = sizeof(targets) / sizeof(targets[0]) };

static void
replay_file(const struct target *t, const char *path)
{
	FILE *f = fopen(path, "rb");
	char *data = malloc(INPUT_BYTES_MAX);
	struct slice input;

	FUZZ_CHECK(data != NULL);
	printf("%s: %s\n", t->name, path);
	(void)fflush(stdout);
	FUZZ_CHECK(f != NULL);
	input = fuzz_copy(slice_of(data, fread(data, 1, INPUT_BYTES_MAX, f)));
	FUZZ_CHECK(ferror(f) == 0 && feof(f) != 0);
	(void)fclose(f);
	free(data);
	(void)t->run((const uint8_t *)input.ptr, input.len);
	fuzz_copy_free(input);
}

/* How many there were; a folder that is not there has none. */
static unsigned
replay_folder(const struct target *t, const char *kind)
{
	const char *src = getenv("TRAWL_SRCDIR");
	struct dirent **names;
	char path[4096];
	unsigned ran = 0;
	int n;

	(void)snprintf(path, sizeof(path), "%s/tests/fuzz/%s/%s", src == NULL ? "." : src,
	    kind, t->name);
	n = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.') {
			char file[sizeof(path) + sizeof(names[i]->d_name) + 1];

			(void)snprintf(
			    file, sizeof(file), "%s/%s", path, names[i]->d_name);
			replay_file(t, file);
			ran++;
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return ran;
}

static void
replay_target(const struct target *t)
{
	unsigned corpus, regressions;

	(void)alarm(SECONDS_MAX);
	(void)t->run((const uint8_t *)"", 0);
	corpus = replay_folder(t, "corpus");
	regressions = replay_folder(t, "regressions");
	printf("%s: %u of corpus, %u regressions\n", t->name, corpus, regressions);
	FUZZ_CHECK(corpus > 0);
}

static bool
passes(const struct target *t)
{
	pid_t pid;
	int status;

	(void)fflush(stdout);
	pid = fork();
	FUZZ_CHECK(pid >= 0);
	if (pid == 0) {
		replay_target(t);
		exit(0); /* not _exit(): leaks are looked for at exit */
	}
	FUZZ_CHECK(waitpid(pid, &status, 0) == pid);
	if (status != 0)
		printf("FAILED: %s (wait status %#x)\n", t->name, (unsigned)status);
	return status == 0;
}

int
main(int argc, char **argv)
{
	unsigned passed = 0;

	for (size_t i = 0; i < TARGETS; i++) {
		const struct target *t = &targets[i];

		if (argc == 1)
			passed += passes(t);
		else if (strcmp(argv[1], t->name) == 0)
			for (int a = 2; a < argc; a++)
				replay_file(t, argv[a]);
	}
	if (argc > 1)
		return 0;
	printf("# tests: %u passed, %u failed, 0 skipped\n", passed, TARGETS - passed);
	return passed == TARGETS ? 0 : 1;
}
