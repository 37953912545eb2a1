/*
 * Input: a line that is a Host header; then what a client sends, as JSON: a job, and a patch
 * for itself; then the same bytes as trawl.yaml, and as a file of tokens.
 * Mistakes are told with a pointer or their place; what was read of a job is written as JSON
 * that says the same, without mistakes.
 */
#include "ctl/access.h"
#include "ctl/job_json.h"
#include "ctl/settings.h"
#include "ctl/tokens.h"
#include "fuzz.h"
#include <errno.h>

enum { MISTAKES_MAX = 50 };

static bool
on_mistake(void *ctx, const char *pointer, const char *text)
{
	int *n = ctx;

	FUZZ_CHECK((pointer[0] == '\0' || pointer[0] == '/') && text[0] != '\0');
	return ++*n < MISTAKES_MAX;
}

static void
host_use(struct slice host)
{
	struct slice name, port;

	if (!access_split_host(host, &name, &port))
		return;
	FUZZ_CHECK(name.len > 0 && fuzz_lies_in(name, host) && fuzz_lies_in(port, host));
}

static json_t *
json_of(const struct job *j)
{
	struct buf text;
	json_t *json;

	buf_init(&text, 64 << 20);
	FUZZ_CHECK(job_json_write(j, &text) == 0);
	json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL);
	FUZZ_CHECK(json != NULL);
	buf_release(&text);
	return json;
}

static void
job_use(json_t *spec)
{
	static const struct job_json_rights mine = {
	    .files = true, .programs = true, .shared = true};
	struct job j, k;
	int told = 0, mistakes;

	FUZZ_CHECK(job_init(&j) == 0 && job_init(&k) == 0);
	mistakes = job_json_read(&j, spec, &mine, on_mistake, &told);
	FUZZ_CHECK(mistakes == told || mistakes == -EMSGSIZE);
	if (mistakes == 0) {
		json_t *json = json_of(&j), *again;

		FUZZ_CHECK(job_json_read(&k, json, &mine, on_mistake, &told) == 0);
		again = json_of(&k);
		FUZZ_CHECK(json_equal(json, again) == 1);
		json_decref(again);
		json_decref(json);
	}
	job_release(&k);
	job_release(&j);
}

static void
json_use(struct slice text)
{
	json_t *spec = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, NULL),
	       *other;
	bool hidden;

	if (!json_is_object(spec)) {
		json_decref(spec);
		return;
	}
	other = json_merge_patch(spec, spec);
	FUZZ_CHECK(json_is_object(other));
	json_decref(other);
	other = job_json_for_strangers(spec, &hidden);
	FUZZ_CHECK(json_is_object(other) && (hidden || json_equal(spec, other) == 1));
	json_decref(other);
	job_use(spec);
	json_decref(spec);
}

static bool
on_place(void *ctx, const struct job_mistake *m)
{
	int *n = ctx;

	FUZZ_CHECK(m->line > 0 && m->column > 0 && m->text[0] != '\0');
	return ++*n < MISTAKES_MAX;
}

static void
files_use(struct slice text)
{
	struct settings s;
	struct tokens ts = {0};
	struct why why;
	int told = 0;
	struct job_reading how = {.fn = on_place, .ctx = &told};

	FUZZ_CHECK(settings_init(&s) == 0);
	FUZZ_CHECK(settings_read(&s, text, &how) == told && told <= MISTAKES_MAX);
	(void)settings_check(&s, &why);
	settings_release(&s);
	if (tokens_read(&ts, text, &why) == 0)
		FUZZ_CHECK(ts.n <= TOKENS_MAX);
	tokens_release(&ts);
}

FUZZ_TARGET(api)
{
	struct slice rest = slice_of(data, size), host, text;

	host = fuzz_copy(fuzz_line(&rest));
	host_use(host);
	fuzz_copy_free(host);
	text = fuzz_copy(rest);
	json_use(text);
	files_use(text);
	fuzz_copy_free(text);
	return 0;
}
