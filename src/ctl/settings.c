#include "ctl/settings.h"
#include "ctl/access.h"
#include "ctl/http.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* What a run of the least --max-memory keeps for itself is 36 MiB; half of limits.memory is
 * for all runs together. */
#define RUN_MEMORY_LEAST (72ll << 20)

const struct option_row setting_rows[SETTING_ID_MAX] = {
#define SETTING(section_, name_, type_, def_, min_, max_, arg_, help_)                   \
	[SETTING_ID_##section_##_##name_] = {                                            \
	    .id = (enum option_id)SETTING_ID_##section_##_##name_,                       \
	    .type = OPTION_##type_,                                                      \
	    .section = #section_,                                                        \
	    .name = #name_,                                                              \
	    .def = def_,                                                                 \
	    .arg = arg_,                                                                 \
	    .help = help_,                                                               \
	    .min = min_,                                                                 \
	    .max = max_,                                                                 \
	    .offset = offsetof(struct settings, section_##_##name_)},
#include "ctl/service.def"
#undef SETTING
};

static void *
field(struct settings *s, const struct option_row *row)
{
	return (char *)s + row->offset;
}

int
setting_set(
    struct settings *s, const struct option_row *row, struct slice value, struct why *why)
{
	int r = option_parse(row, field(s, row), value, why);

	if (r == 0)
		s->given[row->id] = true;
	return r;
}

int
settings_init(struct settings *s)
{
	int r;

	*s = (struct settings){0};
	r = job_init(&s->defaults);
	for (size_t i = 0; i < SETTING_ID_MAX && r == 0; i++) {
		if (setting_rows[i].type == OPTION_LIST)
			continue;
		r = setting_set(
		    s, &setting_rows[i], slice_cstr(setting_rows[i].def), NULL);
		s->given[i] = false;
	}
	if (r < 0)
		settings_release(s);
	return r;
}

void
settings_release(struct settings *s)
{
	for (size_t i = 0; i < SETTING_ID_MAX; i++) {
		const struct option_row *row = &setting_rows[i];

		if (row->type == OPTION_STR) {
			free(*(char **)field(s, row));
			*(char **)field(s, row) = NULL;
		} else if (row->type == OPTION_LIST) {
			strlist_release(field(s, row));
		}
	}
	job_release(&s->defaults);
}

/* The table says so. */
static bool
is_read_again(const struct option_row *row)
{
	return strstr(row->help, "(R)") != NULL;
}

static const void *
field_const(const struct settings *s, const struct option_row *row)
{
	return (const char *)s + row->offset;
}

static bool
is_same(const struct option_row *row, const void *a, const void *b, struct buf *texts)
{
	for (size_t i = 0;; i++) {
		bool has_a = option_print(row, a, i, &texts[0]);
		bool has_b = option_print(row, b, i, &texts[1]);

		if (has_a != has_b)
			return false;
		if (!has_a)
			return true;
		if (!slice_eq(buf_slice(&texts[0]), buf_slice(&texts[1])))
			return false;
	}
}

static int
keep_one(struct settings *s, const struct settings *old, const struct option_row *row,
    struct buf *text)
{
	buf_clear(text);
	(void)option_print(row, field_const(old, row), 0, text);
	return option_parse(row, field(s, row), buf_slice(text), NULL);
}

int
settings_keep(struct settings *s, const struct settings *old,
    void (*fn)(void *ctx, const char *section, const char *name), void *ctx)
{
	struct buf texts[2];
	int r = 0;

	buf_init(&texts[0], 1 << 20);
	buf_init(&texts[1], 1 << 20);
	for (size_t i = 0; i < SETTING_ID_MAX && r == 0; i++) {
		const struct option_row *row = &setting_rows[i];

		if (is_read_again(row) ||
		    is_same(row, field(s, row), field_const(old, row), texts))
			continue;
		fn(ctx, row->section, row->name);
		r = keep_one(s, old, row, &texts[0]);
	}
	for (size_t i = 0; i < OPTION_ID_MAX && r == 0; i++) {
		const struct option_row *row = &option_rows[i];
		size_t at = row->offset;

		if (option_is_shared((enum option_id)i) &&
		    !is_same(row, (const char *)&s->defaults.options + at,
			(const char *)&old->defaults.options + at, texts))
			fn(ctx, row->section, row->name);
	}
	buf_release(&texts[0]);
	buf_release(&texts[1]);
	return r;
}

bool
settings_mode(const char *text, unsigned *ret)
{
	unsigned n = 0;

	if (text == NULL || text[0] == '\0' || strlen(text) > 4)
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '7')
			return false;
		n = n * 8 + (unsigned)(*text - '0');
	}
	if (n > 0777)
		return false;
	*ret = n;
	return true;
}

/* ---- all of it together ---- */

struct check {
	const struct settings *settings;
	job_mistake_fn *fn;
	void *ctx;
	int mistakes;
	bool quit;
};

__attribute__((format(printf, 3, 4))) static void
wrong(struct check *c, enum setting_id id, const char *fmt, ...)
{
	const struct setting_place *at = &c->settings->places[id];
	struct job_mistake m = {.file = at->environment ? "environment" : NULL,
	    .line = at->line,
	    .column = at->column};
	va_list ap;

	if (c->quit)
		return;
	c->mistakes++;
	va_start(ap, fmt);
	c->quit = !job_mistake_tell(c->fn, c->ctx, m, fmt, ap);
	va_end(ap);
}

/* Its value was wrong, which is told already: nothing follows from it. */
static bool
is_spoiled(const struct settings *s, enum setting_id id)
{
	return !s->given[id] && (s->places[id].line > 0 || s->places[id].environment);
}

static void
check_listen(struct check *c)
{
	const struct settings *s = c->settings;

	for (size_t i = 0; i < s->api_listen.n; i++) {
		const char *where = s->api_listen.v[i];
		bool loopback;

		if (!http_tcp_address(where, &loopback))
			wrong(c, SETTING_ID_api_listen,
			    "api.listen: '%s' is no address such as 127.0.0.1:8620",
			    where);
		else if (!loopback && s->api_tls_cert == NULL && !s->api_allow_plain &&
			 !is_spoiled(s, SETTING_ID_api_tls_cert) &&
			 !is_spoiled(s, SETTING_ID_api_allow_plain))
			wrong(c, SETTING_ID_api_listen,
			    "api.listen: at %s tokens would cross the network for all to "
			    "read; it wants api.tls_cert, or api.allow_plain",
			    where);
	}
}

/* As a Host header may have it, or an address of IPv6 without brackets.  Addresses are answered
 * for anyway, and what has a port never is: names are compared without one. */
static bool
is_host(const char *text)
{
	struct slice name, port;
	struct in6_addr v6;

	return access_split_host(slice_cstr(text), &name, &port) ||
	       inet_pton(AF_INET6, text, &v6) == 1;
}

static void
check_hosts(struct check *c)
{
	const struct strlist *hosts = &c->settings->api_hosts;

	for (size_t i = 0; i < hosts->n; i++)
		if (!is_host(hosts->v[i]))
			wrong(c, SETTING_ID_api_hosts,
			    "api.hosts: '%s' is no name of a host", hosts->v[i]);
}

static void
check_memory(struct check *c)
{
	const struct settings *s = c->settings;
	bool of_runs = s->given[SETTING_ID_service_runs_at_once] &&
		       !s->given[SETTING_ID_limits_memory];

	if (s->limits_memory == OPTION_NONE || is_spoiled(s, SETTING_ID_limits_memory) ||
	    is_spoiled(s, SETTING_ID_service_runs_at_once) ||
	    s->limits_memory / s->service_runs_at_once >= RUN_MEMORY_LEAST)
		return;
	wrong(c, of_runs ? SETTING_ID_service_runs_at_once : SETTING_ID_limits_memory,
	    "limits.memory: %u runs at once want %lld MiB at least",
	    s->service_runs_at_once,
	    (long long)s->service_runs_at_once * (RUN_MEMORY_LEAST >> 20));
}

static void
check_tls(struct check *c)
{
	const struct settings *s = c->settings;

	if ((s->api_tls_cert == NULL) != (s->api_tls_key == NULL) &&
	    !is_spoiled(s, SETTING_ID_api_tls_cert) &&
	    !is_spoiled(s, SETTING_ID_api_tls_key))
		wrong(c,
		    s->api_tls_key == NULL ? SETTING_ID_api_tls_cert
					   : SETTING_ID_api_tls_key,
		    "api.tls_cert and api.tls_key want each other: a certificate, and "
		    "its key");
}

int
settings_check_each(const struct settings *s, job_mistake_fn *fn, void *ctx)
{
	struct check c = {.settings = s, .fn = fn, .ctx = ctx};
	unsigned mode;

	if (!is_spoiled(s, SETTING_ID_api_socket_mode) &&
	    !settings_mode(s->api_socket_mode, &mode))
		wrong(&c, SETTING_ID_api_socket_mode,
		    "api.socket_mode: '%s' is no mode such as 0660",
		    s->api_socket_mode == NULL ? "" : s->api_socket_mode);
	check_memory(&c);
	if (s->service_state_dir == NULL && !is_spoiled(s, SETTING_ID_service_state_dir))
		wrong(&c, SETTING_ID_service_state_dir,
		    "service.state_dir must be a directory");
	check_tls(&c);
	check_listen(&c);
	check_hosts(&c);
	return c.mistakes;
}

static bool
on_first(void *ctx, const struct job_mistake *m)
{
	(void)why_set(ctx, -EINVAL, "%s", m->text);
	return false;
}

int
settings_check(const struct settings *s, struct why *why)
{
	struct why first;

	return settings_check_each(s, on_first, why == NULL ? &first : why) == 0
		   ? 0
		   : -EINVAL;
}

/* ---- the environment ---- */

/* TRAWL_LIMITS_RATE against limits, rate. */
static bool
is_variable_of(struct slice name, const struct option_row *row, const char *prefix)
{
	char text[80];

	(void)snprintf(
	    text, sizeof(text), "TRAWL_%s%s_%s", prefix, row->section, option_key(row));
	return slice_ieq(name, slice_cstr(text));
}

static bool
is_in_section(struct slice name)
{
	char text[40];

	for (size_t i = 0; i < SETTING_ID_MAX; i++) {
		(void)snprintf(text, sizeof(text), "TRAWL_%s_", setting_rows[i].section);
		if (slice_istarts(name, slice_cstr(text)))
			return true;
	}
	return slice_istarts(name, SLICE_LIT("TRAWL_DEFAULTS_"));
}

static const struct option_row *
row_of(struct slice name, bool *ret_default)
{
	*ret_default = false;
	for (size_t i = 0; i < SETTING_ID_MAX; i++)
		if (is_variable_of(name, &setting_rows[i], ""))
			return &setting_rows[i];
	*ret_default = true;
	for (size_t i = 0; i < OPTION_ID_MAX; i++)
		if (is_variable_of(name, &option_rows[i], "DEFAULTS_"))
			return &option_rows[i];
	return NULL;
}

/* Lists: "a,b". */
static int
set_variable(
    struct settings *s, const struct option_row *row, struct slice value, struct why *why)
{
	struct slice one;
	int r = 0;

	if (row->type != OPTION_LIST)
		return setting_set(s, row, value, why);
	strlist_release(field(s, row));
	while (r == 0 && slice_cut(&value, ',', &one))
		if (slice_trim(one).len > 0)
			r = setting_set(s, row, slice_trim(one), why);
	return r;
}

int
settings_read_environment(
    struct settings *s, char *const *environment, job_mistake_fn *fn, void *ctx)
{
	int mistakes = 0;

	for (; environment != NULL && *environment != NULL; environment++) {
		struct slice rest = slice_cstr(*environment), name;
		const struct option_row *row;
		char text[700];
		struct why why = {"there is no such setting"};
		bool is_default;
		int r = -EINVAL;

		if (!slice_cut(&rest, '=', &name) || !is_in_section(name))
			continue;
		row = row_of(name, &is_default);
		if (row != NULL && is_default && option_is_of_terminal(row->id)) {
			(void)why_set(&why, r, "it has no meaning in the service");
		} else if (row != NULL && is_default) {
			option_clear_list(&s->defaults.options, row);
			r = row->type == OPTION_LIST && rest.len == 0
				? 0
				: option_set(&s->defaults.options, row, rest, &why);
		} else if (row != NULL) {
			s->given[row->id] = false;
			s->places[row->id] = (struct setting_place){.environment = true};
			r = set_variable(s, row, rest, &why);
		}
		if (r == -ENOMEM)
			return r;
		if (r == 0)
			continue;
		mistakes++;
		(void)snprintf(text, sizeof(text), SLICE_FMT ": %s",
		    SLICE_ARG(slice_head(name, 80)), why.text);
		if (!fn(ctx, &(struct job_mistake){.file = "environment", .text = text}))
			break;
	}
	return mistakes;
}

/* ---- which options are whose ---- */

bool
option_is_shared(enum option_id id)
{
	switch (id) {
	case OPTION_ID_net_resolve:
	case OPTION_ID_net_dns:
	case OPTION_ID_net_allow_net:
	case OPTION_ID_fetch_proxy:
	case OPTION_ID_fetch_no_proxy:
	case OPTION_ID_fetch_http:
	case OPTION_ID_fetch_insecure:
	case OPTION_ID_fetch_ca:
	case OPTION_ID_fetch_cert:
	case OPTION_ID_fetch_key:
	case OPTION_ID_run_workers:
	case OPTION_ID_run_loops:
		return true;
	default:
		return false;
	}
}

bool
option_is_live(enum option_id id)
{
	switch (id) {
	case OPTION_ID_crawl_scope:
	case OPTION_ID_crawl_include:
	case OPTION_ID_crawl_exclude:
	case OPTION_ID_crawl_depth:
	case OPTION_ID_limits_max_pages:
	case OPTION_ID_limits_max_bytes:
	case OPTION_ID_limits_max_time:
	case OPTION_ID_limits_max_disk:
	case OPTION_ID_fetch_concurrency:
	case OPTION_ID_fetch_per_host:
	case OPTION_ID_fetch_per_ip:
	case OPTION_ID_fetch_per_site:
	case OPTION_ID_fetch_delay:
	case OPTION_ID_fetch_rate:
	case OPTION_ID_fetch_bandwidth:
		return true;
	default:
		return false;
	}
}

bool
option_names_file(enum option_id id)
{
	return id == OPTION_ID_fetch_auth_file || id == OPTION_ID_fetch_cookies ||
	       id == OPTION_ID_fetch_save_cookies;
}

bool
option_names_program(enum option_id id)
{
	return id == OPTION_ID_exec_exec_command || id == OPTION_ID_exec_exec_env;
}

bool
option_names_storage(enum option_id id)
{
	return id == OPTION_ID_s3_s3_endpoint || id == OPTION_ID_s3_s3_bucket ||
	       id == OPTION_ID_s3_s3_credentials || id == OPTION_ID_s3_s3_ca;
}

bool
option_is_of_terminal(enum option_id id)
{
	return id == OPTION_ID_run_progress || id == OPTION_ID_run_json ||
	       id == OPTION_ID_run_fail_on || id == OPTION_ID_run_state ||
	       id == OPTION_ID_fetch_save_cookies;
}
