#include "app/ctl_client.h"
#include "app/ctl_table.h"
#include "app/tool.h"
#include "base/json.h"
#include "crawl/schedule.h"
#include "ctl/job_json.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* What of the words of a command becomes the body of a request. */
enum body { BODY_NONE, BODY_JOB, BODY_SEEDS, BODY_SET, BODY_AGAIN };

static const struct ctl_column job_columns[] = {{"NAME", "name", false},
    {"REVISION", "revision", true}, {"NEXT RUN", "next_at", false},
    {"OPEN RUNS", "open_runs", false}, {"FILE", "file", false}, {NULL, NULL, false}};
static const struct ctl_column run_columns[] = {{"RUN", "id", true},
    {"JOB", "job", false}, {"STATE", "state", false}, {"PAGES", "stats.pages", true},
    {"QUEUED", "stats.queued", true}, {"PAGES/S", "stats.pages_per_second", true},
    {"BEGAN", "began_at", false}, {"END", "why|end", false}, {NULL, NULL, false}};
static const struct ctl_column page_columns[] = {{"STATUS", "status", true},
    {"OUTCOME", "outcome", false}, {"BYTES", "bytes_body", true}, {"TYPE", "mime", false},
    {"URL", "url", false}, {NULL, NULL, false}};
static const struct ctl_column host_columns[] = {{"QUEUED", "queued", true},
    {"DONE", "done", true}, {"REQUESTS", "requests", true},
    {"WAITS FOR", "waits_for", false}, {"WAIT MS", "wait_ms", true},
    {"HOST", "host", false}, {NULL, NULL, false}};

static const struct ctl_column change_columns[] = {{"AT", "at", false},
    {"STATE", "state", false}, {"WHY", "why", false}, {NULL, NULL, false}};

static const struct ctl_column set_columns[] = {{"OPTION", "option", false},
    {"BEFORE", "before", false}, {"AFTER", "after", false}, {NULL, NULL, false}};

static const struct verb {
	const char *noun, *name;   /* name "": may be left out */
	const char *method, *path; /* each {} is one word */
	enum body body;
	const char *query; /* flags that it takes; all: asks for the rest of a list */
	const struct ctl_column *columns;
	bool more_words; /* one or more, for the body */
} verbs[] = {
    {"status", "", "GET", "/api/v1/runs", BODY_NONE, "", run_columns, false},
    {"jobs", "", "GET", "/api/v1/jobs", BODY_NONE, "all limit prefix scheduled",
	job_columns, false},
    {"jobs", "list", "GET", "/api/v1/jobs", BODY_NONE, "all limit prefix scheduled",
	job_columns, false},
    {"jobs", "show", "GET", "/api/v1/jobs/{}", BODY_NONE, "", NULL, false},
    {"jobs", "create", "POST", "/api/v1/jobs", BODY_JOB, "", NULL, true},
    {"jobs", "replace", "PUT", "/api/v1/jobs/{}", BODY_JOB, "", NULL, true},
    {"jobs", "change", "PATCH", "/api/v1/jobs/{}", BODY_SET, "", NULL, true},
    {"jobs", "delete", "DELETE", "/api/v1/jobs/{}", BODY_NONE, "", NULL, false},
    {"start", "", "POST", "/api/v1/jobs/{}/runs", BODY_AGAIN, "", NULL, false},
    {"runs", "", "GET", "/api/v1/runs", BODY_NONE, "all limit state job sort",
	run_columns, false},
    {"runs", "list", "GET", "/api/v1/runs", BODY_NONE, "all limit state job sort",
	run_columns, false},
    {"runs", "show", "GET", "/api/v1/runs/{}", BODY_NONE, "", NULL, false},
    {"runs", "pause", "POST", "/api/v1/runs/{}:pause", BODY_NONE, "", NULL, false},
    {"runs", "resume", "POST", "/api/v1/runs/{}:resume", BODY_NONE, "", NULL, false},
    {"runs", "cancel", "POST", "/api/v1/runs/{}:cancel", BODY_NONE, "", NULL, false},
    {"runs", "compare", "GET", "/api/v1/runs/{}/compare?with={}", BODY_NONE, "", NULL,
	false},
    {"runs", "history", "GET", "/api/v1/runs/{}/history", BODY_NONE, "", change_columns,
	false},
    {"runs", "report", "GET", "/api/v1/runs/{}/report", BODY_NONE, "", NULL, false},
    {"pages", "", "GET", "/api/v1/runs/{}/pages", BODY_NONE,
	"all limit sort outcome status mime prefix contains", page_columns, false},
    {"hosts", "", "GET", "/api/v1/runs/{}/hosts", BODY_NONE, "limit", host_columns,
	false},
    {"explain", "", "GET", "/api/v1/runs/{}/explain?url={}", BODY_NONE, "", NULL, false},
    {"seeds", "add", "POST", "/api/v1/runs/{}/seeds", BODY_SEEDS, "", NULL, true},
    {"set", "", "PATCH", "/api/v1/runs/{}", BODY_SET, "preview", NULL, true},
    {"log", "", "GET", "/api/v1/runs/{}/log", BODY_NONE, "tail of", NULL, false},
    {"profile", "", "GET", "/api/v1/profile", BODY_NONE, "seconds", NULL, false},
    {"ready", "", "GET", "/readyz", BODY_NONE, "", NULL, false},
    {"metrics", "", "GET", "/metrics", BODY_NONE, "", NULL, false},
    {"openapi", "", "GET", "/api/v1/openapi.json", BODY_NONE, "", NULL, false},
    {"events", "", "GET", "/api/v1/events", BODY_NONE, "kinds", NULL, false},
    {"events", "of", "GET", "/api/v1/runs/{}/events", BODY_NONE, "kinds", NULL, false},
};

struct wish {
	struct ctl_client client;
	const char *limit, *prefix, *state, *job, *sort, *outcome, *status, *mime,
	    *contains, *tail, *of, *kinds, *seconds, *scheduled;
	bool json, all, preview, again;
};

#define VERBS                                                                            \
	"status, jobs, start, runs, pages, hosts, explain, seeds, set, log, events, "    \
	"profile, ready, metrics, openapi"

static const struct verb *
verb_find(const char *noun, const char *name)
{
	const struct verb *without = NULL;

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].noun, noun) != 0)
			continue;
		if (verbs[i].name[0] == '\0')
			without = &verbs[i];
		else if (name != NULL && strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	}
	return without;
}

/* "list, show": how many there are below `noun`. */
static unsigned
names_of(const char *noun, struct buf *out)
{
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].noun, noun) == 0 && verbs[i].name[0] != '\0')
			(void)buf_printf(
			    out, "%s%s", n++ == 0 ? "" : ", ", verbs[i].name);
	return n;
}

/* `name` NULL: it is missing. */
static int
no_command(const char *noun, const char *name)
{
	struct buf names;
	unsigned n;

	buf_init(&names, 1024);
	n = names_of(noun, &names);
	if (n == 0)
		(void)usage_error("there is no command 'ctl %s'; there are " VERBS
				  " (trawl ctl --help)",
		    noun);
	else if (name == NULL)
		(void)usage_error("ctl %s wants a command: " SLICE_FMT
				  " (trawl ctl --help)",
		    noun, SLICE_ARG(buf_slice(&names)));
	else
		(void)usage_error("there is no command 'ctl %s %s'; there %s " SLICE_FMT
				  " (trawl ctl --help)",
		    noun, name, n == 1 ? "is" : "are", SLICE_ARG(buf_slice(&names)));
	buf_release(&names);
	return EXIT_USAGE;
}

static int
wrong_words(const struct verb *v, int words, char **argv)
{
	struct buf names;
	bool has_names;

	buf_init(&names, 1024);
	has_names = names_of(v->noun, &names) > 0;
	buf_release(&names);
	if (v->name[0] == '\0' && words > 0 && has_names)
		return no_command(v->noun, argv[0]);
	return usage_error("ctl %s%s%s: the words are not those it wants; see trawl ctl "
			   "--help",
	    v->noun, v->name[0] == '\0' ? "" : " ", v->name);
}

/* ---- the address ---- */

static int
add_escaped(struct buf *out, struct slice s)
{
	int r = 0;

	for (size_t i = 0; i < s.len && r == 0; i++) {
		char c = s.ptr[i];

		r = ascii_is_alpha(c) || ascii_is_digit(c) || c == '-' || c == '.' ||
			    c == '_'
			? buf_add_byte(out, c)
			: buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
	}
	return r;
}

/* How many words the path took; -1: out of memory, or too few. */
static int
write_path(const struct verb *v, int words, char **argv, struct buf *out)
{
	int used = 0;

	for (const char *p = v->path; *p != '\0'; p++) {
		if (p[0] != '{') {
			if (buf_add_byte(out, *p) < 0)
				return -1;
			continue;
		}
		if (used == words || add_escaped(out, slice_cstr(argv[used++])) < 0)
			return -1;
		p++;
	}
	return used;
}

static bool
takes(const struct verb *v, const char *name)
{
	struct slice rest = slice_cstr(v->query), one;

	while (slice_cut(&rest, ' ', &one))
		if (slice_eq(one, slice_cstr(name)))
			return true;
	return false;
}

/* Exit code. */
static int
write_query(const struct verb *v, const struct wish *w, struct buf *out)
{
	const struct {
		const char *name, *value;
	} all[] = {{"limit", w->limit}, {"prefix", w->prefix}, {"state", w->state},
	    {"job", w->job}, {"sort", w->sort}, {"outcome", w->outcome},
	    {"status", w->status}, {"mime", w->mime}, {"contains", w->contains},
	    {"tail", w->tail}, {"of", w->of}, {"kinds", w->kinds},
	    {"seconds", w->seconds}, {"scheduled", w->scheduled},
	    {"preview", w->preview ? "1" : NULL}};

	if (w->all && !takes(v, "all"))
		return usage_error("ctl %s takes no --all", v->noun);
	if (w->again && v->body != BODY_AGAIN)
		return usage_error("ctl %s takes no --again", v->noun);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i].value == NULL)
			continue;
		if (!takes(v, all[i].name))
			return usage_error("ctl %s takes no --%s", v->noun, all[i].name);
		if (buf_printf(out, "%c%s=", memchr(out->ptr, '?', out->len) ? '&' : '?',
			all[i].name) < 0 ||
		    add_escaped(out, slice_cstr(all[i].value)) < 0)
			return say_error(EXIT_OTHER, "out of memory");
	}
	return EXIT_DONE;
}

/* ---- the body ---- */

static int
body_of_job(const char *path, struct buf *out)
{
	struct job job;
	int code = EXIT_DONE;

	if (job_init(&job) < 0)
		return say_error(EXIT_OTHER, "out of memory");
	if (check_file(path, &job) > 0)
		code = EXIT_USAGE;
	else if (job_json_write(&job, out) < 0)
		code = say_error(EXIT_OTHER, "out of memory");
	job_release(&job);
	return code;
}

static void
body_of_seeds(int n, char **urls, struct buf *out)
{
	struct jsonw j;

	jsonw_init(&j, out);
	jsonw_object(&j, NULL);
	jsonw_array(&j, "seeds");
	for (int i = 0; i < n; i++)
		jsonw_str(&j, NULL, slice_cstr(urls[i]));
	jsonw_array_end(&j);
	jsonw_object_end(&j);
}

/* A list grows by each value and is empty without one; what else has none is as by default. */
static int
put_value(json_t *in, const char *key, bool is_list, struct slice value)
{
	json_t *text = value.len == 0 ? json_null() : json_stringn(value.ptr, value.len);
	json_t *list = json_object_get(in, key);
	int r;

	if (!is_list) {
		r = json_object_set_new(in, key, text);
	} else {
		r = json_is_array(list) ? 0 : json_object_set_new(in, key, json_array());
		if (r == 0 && value.len > 0)
			r = json_array_append(json_object_get(in, key), text);
		json_decref(text);
	}
	return r < 0
		   ? say_error(EXIT_OTHER, "%s: no text in UTF-8, or out of memory", key)
		   : EXIT_DONE;
}

static int
put_below(
    json_t *patch, const char *section, const char *key, bool is_list, struct slice value)
{
	if (!json_is_object(json_object_get(patch, section)) &&
	    json_object_set_new(patch, section, json_object()) < 0)
		return say_error(EXIT_OTHER, "out of memory");
	return put_value(json_object_get(patch, section), key, is_list, value);
}

/* What of a job is no option: "seeds=URL", "schedule.every=6h", "schedule=" (no more). */
static int
put_of_job(json_t *patch, struct slice name, struct slice value, bool *ret_is)
{
	char key[24];

	*ret_is = true;
	if (slice_eq(name, SLICE_LIT("seeds")))
		return put_value(patch, "seeds", true, value);
	if (slice_eq(name, SLICE_LIT("schedule")) && value.len == 0)
		return put_value(patch, "schedule", false, value);
	*ret_is = slice_starts(name, SLICE_LIT("schedule.")) &&
		  schedule_key_exists(slice_from(name, 9));
	if (!*ret_is)
		return EXIT_DONE;
	(void)snprintf(key, sizeof(key), SLICE_FMT, SLICE_ARG(slice_from(name, 9)));
	return put_below(patch, "schedule", key,
	    value.len > 0 && (strcmp(key, "at") == 0 || strcmp(key, "cron") == 0), value);
}

static int
no_option(struct slice name)
{
	struct slice key = name, section;
	const struct option_row *near;

	if (slice_cut(&key, '.', &section) && key.ptr != NULL)
		near = option_nearest(section, key);
	else
		near = option_nearest((struct slice){0}, name);

	return near == NULL
		   ? usage_error("there is no option " SLICE_FMT, SLICE_ARG(name))
		   : usage_error("there is no option " SLICE_FMT "; did you mean %s.%s?",
			 SLICE_ARG(name), near->section, option_key(near));
}

/* "fetch.delay=100ms"; "crawl.exclude=A" again adds to the list. */
static int
put_setting(json_t *patch, const char *text)
{
	struct slice rest = slice_cstr(text), all = rest, key, section;
	const struct option_row *row;
	bool is_of_job;
	int code;

	if (!slice_cut(&rest, '=', &key) || rest.ptr == NULL)
		return usage_error(SLICE_FMT " is not SECTION.KEY=VALUE", SLICE_ARG(all));
	code = put_of_job(patch, key, rest, &is_of_job);
	if (is_of_job)
		return code;
	all = key;
	row = slice_cut(&key, '.', &section) ? option_by_key(section, key) : NULL;
	if (row == NULL)
		return no_option(all);
	return put_below(
	    patch, row->section, option_key(row), row->type == OPTION_LIST, rest);
}

static int
body_of_settings(int n, char **words, struct buf *out)
{
	json_t *patch = json_object();
	char *text = NULL;
	int code = patch == NULL ? say_error(EXIT_OTHER, "out of memory") : EXIT_DONE;

	for (int i = 0; i < n && code == EXIT_DONE; i++)
		code = put_setting(patch, words[i]);
	if (code == EXIT_DONE) {
		text = json_dumps(patch, JSON_COMPACT);
		if (text == NULL || buf_add_cstr(out, text) < 0)
			code = say_error(EXIT_OTHER, "out of memory");
	}
	free(text);
	json_decref(patch);
	return code;
}

static int
write_body(
    const struct verb *v, const struct wish *w, int n, char **words, struct buf *out)
{
	switch (v->body) {
	case BODY_JOB:
		if (n != 1)
			return usage_error(
			    "ctl %s %s wants one job file", v->noun, v->name);
		return body_of_job(words[0], out);
	case BODY_SEEDS:
		body_of_seeds(n, words, out);
		break;
	case BODY_SET:
		return body_of_settings(n, words, out);
	case BODY_AGAIN:
		(void)buf_add_cstr(out, w->again ? "{\"again\":true}" : "{}");
		break;
	case BODY_NONE:
		return EXIT_DONE;
	}
	return out->len == 0 ? say_error(EXIT_OTHER, "out of memory") : EXIT_DONE;
}

/* ---- the answer ---- */

/* Of what can be set in a run that which differs from before; the rest of `answer` above it. */
static int
show_changes(json_t *answer, struct buf *out)
{
	json_t *before = json_object_get(answer, "before");
	json_t *items = json_array(), *v;
	const char *key;
	int r = items == NULL ? -ENOMEM : 0;

	json_object_foreach(json_object_get(answer, "after"), key, v)
	{
		json_t *was = json_object_get(before, key);

		if (r == 0 && !json_equal(v, was))
			r = json_array_append_new(
			    items, json_pack("{s:s, s:O?, s:O}", "option", key, "before",
				       was, "after", v));
	}
	(void)json_object_del(answer, "before");
	(void)json_object_del(answer, "after");
	if (r == 0)
		r = ctl_rows(answer, out);
	if (r == 0)
		r = ctl_table(items, set_columns, out);
	json_decref(items);
	return r;
}

static int
show(const struct verb *v, const struct wish *w, json_t *answer)
{
	json_t *items = json_object_get(answer, "items");
	struct buf out;
	int r, code;

	buf_init(&out, 256 << 20);
	if (w->json)
		r = ctl_json(answer, &out);
	else if (items != NULL && v->columns != NULL)
		r = ctl_table(items, v->columns, &out);
	else if (strcmp(v->noun, "set") == 0)
		r = show_changes(answer, &out);
	else if (items != NULL && strcmp(v->noun, "log") == 0)
		r = ctl_lines(items, &out);
	else
		r = ctl_rows(answer, &out);
	if (r < 0)
		code = say_error(EXIT_OTHER, "out of memory");
	else
		code = write_stdout(buf_slice(&out)) ? EXIT_DONE : EXIT_FILE;
	buf_release(&out);
	return code;
}

/* Where the list goes on; NULL: that was all.  At the end of one that grows there is a `next`,
 * too, of what will be. */
static const char *
more_at(json_t *answer)
{
	return json_is_true(json_object_get(answer, "at_end"))
		   ? NULL
		   : json_string_value(json_object_get(answer, "next"));
}

/* Of a list that was cut people are told; programs see its `next`. */
static void
tell_of_more(const struct verb *v, const struct wish *w, json_t *answer)
{
	if (!w->json && !w->all && v->columns != NULL && more_at(answer) != NULL)
		(void)say_error(EXIT_DONE, "there are more; %s",
		    takes(v, "all")     ? "with --all they are listed, too"
		    : takes(v, "limit") ? "--limit N shows up to N"
					: "trawl ctl runs --all lists them, too");
}

/* The address of what comes after `next`; *last becomes that.  Exit code. */
static int
go_on(struct buf *path, size_t without_cursor, const char *next, char **last)
{
	if (*last != NULL && strcmp(*last, next) == 0)
		return say_error(
		    EXIT_PROTOCOL, "the list has no end: it goes on where it was");
	free(*last);
	*last = slice_dup(slice_cstr(next));
	path->len = without_cursor;
	if (*last == NULL ||
	    buf_printf(path,
		"%ccursor=", memchr(path->ptr, '?', path->len) != NULL ? '&' : '?') < 0 ||
	    add_escaped(path, slice_cstr(next)) < 0)
		return say_error(EXIT_OTHER, "out of memory");
	return EXIT_DONE;
}

/* One page, or with --all each until the last. */
static int
ask_and_show(
    const struct verb *v, const struct wish *w, struct buf *path, struct slice body)
{
	size_t without_cursor = path->len;
	char *last = NULL; /* where the list went on */
	int code = EXIT_DONE;

	while (code == EXIT_DONE) {
		json_t *answer = NULL;
		const char *next;
		bool goes_on;

		code = ctl_ask(&w->client, v->method, buf_cstr(path), body, &answer);
		if (code == EXIT_DONE && answer != NULL)
			code = show(v, w, answer);
		if (code == EXIT_DONE)
			tell_of_more(v, w, answer);
		next = more_at(answer);
		goes_on = code == EXIT_DONE && w->all && next != NULL;
		if (goes_on)
			code = go_on(path, without_cursor, next, &last);
		json_decref(answer);
		if (!goes_on)
			break;
	}
	free(last);
	return code;
}

/* As it was answered: no JSON. */
static int
ask_and_print(const struct ctl_client *c, const struct wish *w, const char *path)
{
	struct buf text;
	int code;

	if (w->json)
		return usage_error("ctl metrics takes no --json");
	buf_init(&text, 0);
	code = ctl_ask_text(c, path, &text);
	if (code == EXIT_DONE && !write_stdout(buf_slice(&text)))
		code = EXIT_FILE;
	buf_release(&text);
	return code;
}

static int
run_verb(const struct verb *v, const struct wish *w, int words, char **argv)
{
	struct buf path, body;
	int used, code;

	buf_init(&path, 1 << 20);
	buf_init(&body, JOB_JSON_BYTES_MAX);
	used = write_path(v, words, argv, &path);
	if (used < 0 || (used < words) != v->more_words)
		code = wrong_words(v, words, argv);
	else
		code = write_query(v, w, &path);
	if (code == EXIT_DONE)
		code = write_body(v, w, words - used, argv + used, &body);
	if (code == EXIT_DONE && strcmp(v->noun, "events") == 0)
		code = ctl_follow(&w->client, buf_cstr(&path), w->json);
	else if (code == EXIT_DONE && strcmp(v->noun, "metrics") == 0)
		code = ask_and_print(&w->client, w, buf_cstr(&path));
	else if (code == EXIT_DONE)
		code = ask_and_show(v, w, &path,
		    v->body == BODY_NONE ? ((struct slice){0}) : buf_slice(&body));
	buf_release(&path);
	buf_release(&body);
	return code;
}

int
cmd_ctl(int argc, char **argv, struct nursery *nursery)
{
	struct wish w = {0};
	const struct tool_flag flags[] = {{"--socket", &w.client.socket, NULL},
	    {"--url", &w.client.url, NULL}, {"--token-file", &w.client.token_file, NULL},
	    {"--ca", &w.client.ca, NULL}, {"--timeout", &w.client.timeout, NULL},
	    {"--limit", &w.limit, NULL}, {"--prefix", &w.prefix, NULL},
	    {"--state", &w.state, NULL}, {"--job", &w.job, NULL},
	    {"--sort", &w.sort, NULL}, {"--outcome", &w.outcome, NULL},
	    {"--status", &w.status, NULL}, {"--mime", &w.mime, NULL},
	    {"--contains", &w.contains, NULL}, {"--tail", &w.tail, NULL},
	    {"--of", &w.of, NULL}, {"--kinds", &w.kinds, NULL},
	    {"--seconds", &w.seconds, NULL}, {"--scheduled", &w.scheduled, NULL},
	    {"--json", NULL, &w.json}, {"--all", NULL, &w.all},
	    {"--preview", NULL, &w.preview}, {"--again", NULL, &w.again}};
	const struct verb *v;
	int words, code = tool_flags(
		       argc, argv, flags, sizeof(flags) / sizeof(flags[0]), &words);
	int skip;

	(void)nursery;
	if (code != 0)
		return code;
	if (words == 0)
		return usage_error("ctl wants a command: " VERBS);
	v = verb_find(argv[0], words > 1 ? argv[1] : NULL);
	if (v == NULL)
		return no_command(argv[0], words > 1 ? argv[1] : NULL);
	skip = v->name[0] == '\0' ? 1 : 2;
	code = ctl_client_open(&w.client);
	if (code == EXIT_DONE)
		code = run_verb(v, &w, words - skip, argv + skip);
	ctl_client_close(&w.client);
	return code;
}
