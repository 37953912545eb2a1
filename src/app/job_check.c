#include "app/job_check.h"
#include "app/app.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crawl/crawl.h"
#include "crawl/credentials.h"
#include "crawl/fail_on.h"
#include "crawl/fields.h"
#include "crawl/scope.h"
#include "crawl/storage.h"
#include "fetch/fetch.h"
#include "fetch/jar.h"
#include "net/addr.h"
#include "net/dns.h"
#include "net/proxy.h"
#include "net/s3.h"
#include "sink/command.h"
#include "sink/csv.h"
#include "sink/sink.h"
#include "web/http.h"

enum {
	SINKS_MAX = 10,
	CA_BYTES_MAX = 16 << 20,
	/* What is left of SCOPE_SETTINGS_MAX holds the greatest number of seeds. */
	PATTERNS_BYTES_MAX = 1 << 20,
};

static bool
has_sink(const struct options *o, const char *name)
{
	for (size_t i = 0; i < o->output_sink.n; i++)
		if (strcmp(o->output_sink.v[i], name) == 0)
			return true;
	return false;
}

static int
check_sinks(const struct options *o, struct why *why)
{
	if (o->output_sink.n > SINKS_MAX)
		return why_set(why, -EINVAL, "--sink: more than %d", SINKS_MAX);
	for (size_t i = 0; i < o->output_sink.n; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(o->output_sink.v[i], o->output_sink.v[k]) == 0)
				return why_set(why, -EINVAL, "--sink: '%s' twice",
				    o->output_sink.v[i]);
	for (size_t i = 0; i < o->output_sink.n; i++)
		if (!sink_exists(o->output_sink.v[i]))
			return why_set(why, -EINVAL,
			    "--sink: there is no '%s'; there are %s%s",
			    o->output_sink.v[i], sink_names(),
			    strchr(o->output_sink.v[i], ',') == NULL
				? ""
				: ", each with its own --sink");
	return o->output_sink.n > 1 && has_sink(o, "none")
		   ? why_set(why, -EINVAL,
			 "--sink: 'none' keeps nothing, and there are others beside it")
		   : 0;
}

static int
check_csv(const struct options *o, struct why *why)
{
	struct csv_layout layout;
	struct select *select;
	int r;

	if (o->output_csv_columns == NULL || o->output_csv_columns[0] == '\0')
		return 0;
	r = fields_new(o, &select, NULL);
	if (r < 0)
		return 0; /* told of --extract */
	r = csv_layout_init(&layout, slice_cstr(o->output_csv_columns), select, why);
	select_free(select);
	return r < 0 ? why_prefix(why, r, "--csv-columns") : 0;
}

static int
check_json(const struct options *o, struct why *why)
{
	return o->run_json && has_sink(o, "stdout")
		   ? why_set(why, -EINVAL,
			 "--json: the summary would stand among the pages of "
			 "--sink stdout")
		   : 0;
}

static int
check_exec(const struct options *o, struct why *why)
{
	if (o->exec_exec_command == NULL && has_sink(o, "exec"))
		return why_set(
		    why, -EINVAL, "--sink exec wants a program: --exec-command COMMAND");
	return o->exec_exec_command != NULL && !has_sink(o, "exec")
		   ? why_set(
			 why, -EINVAL, "--exec-command is nothing without --sink exec")
		   : 0;
}

static int
check_command(const struct options *o, struct why *why)
{
	struct exec_command command;

	if (o->exec_exec_command == NULL)
		return 0;
	if (command_init(&command, o->exec_exec_command, NULL, 0, why) < 0)
		return why_prefix(why, -EINVAL, "--exec-command");
	command_release(&command);
	return 0;
}

static int
check_exec_env(const struct options *o, struct why *why)
{
	if (!has_sink(o, "exec")) /* may be a service's, for jobs that want it */
		return 0;
	return command_env_check(
		   (const char *const *)o->exec_exec_env.v, o->exec_exec_env.n, why) < 0
		   ? why_prefix(why, -EINVAL, "--exec-env")
		   : 0;
}

static int
check_pem(const char *flag, const char *path, const char *what, const char *begin,
    struct why *why)
{
	struct buf text;
	bool has, locked;

	if (path == NULL)
		return 0;
	if (read_input(path, CA_BYTES_MAX, &text, why) < 0)
		return why_prefix(why, -EINVAL, "%s", flag);
	has = text.len > 0 && memmem(text.ptr, text.len, begin, strlen(begin)) != NULL;
	/* Nobody is there to be asked for the pass phrase. */
	locked = has && memmem(text.ptr, text.len, "ENCRYPTED", 9) != NULL;
	buf_release(&text);
	if (!has)
		return why_set(
		    why, -EINVAL, "%s: %s holds no %s (PEM)", flag, path, what);
	return locked
		   ? why_set(why, -EINVAL,
			 "%s: the key in %s wants a pass phrase; give one that does not",
			 flag, path)
		   : 0;
}

static bool
writes_files(const struct options *o)
{
	return has_sink(o, "warc") || has_sink(o, "jsonl") || has_sink(o, "csv") ||
	       has_sink(o, "sqlite");
}

/* What is said of it may be a service's, for jobs that want it. */
static int
check_s3_rest(const struct options *o, struct why *why)
{
	if (!storage_is_asked(o))
		return 0;
	if (!writes_files(o))
		return why_set(why, -EINVAL,
		    "--sink s3 puts files elsewhere that another sink writes: add --sink "
		    "warc");
	if (o->output_wacz && o->s3_s3_delete)
		return why_set(why, -EINVAL,
		    "--wacz packs the archive files that --s3-delete removes");
	if ((uint64_t)o->output_warc_size + (uint64_t)o->fetch_max_body + (1 << 20) >
	    S3_FILE_BYTES_MAX)
		return why_set(why, -EINVAL,
		    "--warc-size: S3 takes files of 5 GiB at most, --max-body included");
	return 0;
}

static int
check_s3_ca(const struct options *o, struct why *why)
{
	return storage_is_asked(o)
		   ? check_pem("--s3-ca", o->s3_s3_ca, "certificate", "-----BEGIN ", why)
		   : 0;
}

static int
check_s3_keys(const struct options *o, struct why *why)
{
	struct storage storage;
	int r;

	if (!storage_is_asked(o))
		return 0;
	r = storage_init(&storage, o, why);
	if (r == 0)
		storage_release(&storage);
	return r;
}

static int
check_s3_endpoint(const struct options *o, struct why *why)
{
	return storage_is_asked(o) ? s3_endpoint_check(o->s3_s3_endpoint, why) : 0;
}

static int
check_s3_bucket(const struct options *o, struct why *why)
{
	return storage_is_asked(o) ? s3_bucket_check(o->s3_s3_bucket, why) : 0;
}

static int
check_s3_region(const struct options *o, struct why *why)
{
	return storage_is_asked(o) ? s3_region_check(o->s3_s3_region, why) : 0;
}

static int
check_s3_prefix(const struct options *o, struct why *why)
{
	return storage_is_asked(o) ? s3_prefix_check(o->s3_s3_prefix, why) : 0;
}

static int
check_s3_class(const struct options *o, struct why *why)
{
	return storage_is_asked(o) ? s3_storage_class_check(o->s3_s3_storage_class, why)
				   : 0;
}

/* Rather than when the crawl is over. */
static int
check_wacz(const struct options *o, struct why *why)
{
	bool has_archive = o->output_sink.n == 0 || has_sink(o, "warc");

	if (!o->output_wacz)
		return 0;
	if (!has_archive)
		return why_set(
		    why, -EINVAL, "--wacz packs the archive of a crawl: add --sink warc");
	return o->output_warc_compression == COMPRESS_ZSTD
		   ? why_set(why, -EINVAL,
			 "--wacz: viewers read no zstd; say --warc-compression gzip")
		   : 0;
}

static int
check_headers(const struct options *o, struct why *why)
{
	if (o->fetch_header.n > FETCH_HEADERS_MAX)
		return why_set(
		    why, -EINVAL, "--header: more than %d of them", FETCH_HEADERS_MAX);
	for (size_t i = 0; i < o->fetch_header.n; i++) {
		const char *h = o->fetch_header.v[i];
		const char *fault = header_line_fault(slice_cstr(h));

		if (fault != NULL)
			return why_set(why, -EINVAL, "--header '%s' %s", h, fault);
	}
	return 0;
}

static int
check_from(const struct options *o, struct why *why)
{
	const char *from = o->fetch_from;

	return from != NULL && from[0] != '\0' && !http_is_mailbox(slice_cstr(from))
		   ? why_set(why, -EINVAL,
			 "--from: '%s' is no mail address, such as crawler@example.org",
			 from)
		   : 0;
}

/* Each by itself was looked at when it was read. */
static int
check_fields(const struct options *o, struct why *why)
{
	struct select *fields;
	int r = fields_new(o, &fields, why);

	if (r == 0)
		select_free(fields);
	return r;
}

static int
check_patterns(const struct job *job, struct why *why)
{
	struct scope_rules *rules;
	struct buf settings;
	int r;

	buf_init(&settings, PATTERNS_BYTES_MAX);
	r = scope_settings(&job->options, NULL, 0, 1, &settings, why);
	if (r == 0)
		r = scope_rules_new(buf_slice(&settings), &rules, why);
	buf_release(&settings);
	if (r == 0)
		scope_rules_free(rules);
	return r;
}

static int
check_ca(const struct options *o, struct why *why)
{
	return check_pem("--ca", o->fetch_ca, "certificate", "-----BEGIN ", why);
}

/* Without --key the key is in the same file. */
static int
check_cert(const struct options *o, struct why *why)
{
	int r = check_pem(
	    "--cert", o->fetch_cert, "certificate", "-----BEGIN CERTIFICATE-----", why);

	return r < 0 || o->fetch_key != NULL
		   ? r
		   : check_pem(
			 "--cert", o->fetch_cert, "private key", "PRIVATE KEY-----", why);
}

static int
check_key(const struct options *o, struct why *why)
{
	if (o->fetch_key != NULL && o->fetch_cert == NULL)
		return why_set(why, -EINVAL, "--key is nothing without --cert");
	return check_pem("--key", o->fetch_key, "private key", "PRIVATE KEY-----", why);
}

static int
check_dns(const struct options *o, struct why *why)
{
	int r = o->net_dns == NULL ? 0 : dns_servers_check(o->net_dns, why);

	return r < 0 ? why_prefix(why, r, "--dns") : 0;
}

/* It is written at the end, which may be days away. */
static int
check_save_cookies(const char *path, struct why *why)
{
	return path != NULL && can_write(path, why) < 0
		   ? why_prefix(why, -EINVAL, "--save-cookies")
		   : 0;
}

static int
check_cookies(const struct options *o, struct why *why)
{
	struct jar *jar;
	struct buf text;
	int r;

	if (o->fetch_cookies == NULL)
		return 0;
	if (strcmp(o->fetch_cookies, "-") == 0) /* a resume reads it again */
		return why_set(why, -EINVAL, "--cookies wants the name of a file");
	if (read_input(o->fetch_cookies, JAR_FILE_BYTES_MAX, &text, why) < 0)
		return why_prefix(why, -EINVAL, "--cookies");
	r = jar_new(&jar);
	if (r < 0) {
		(void)why_set(why, r, "out of memory");
	} else {
		r = jar_read(jar, buf_slice(&text), 0, why);
		jar_free(jar);
		if (r < 0)
			(void)why_prefix(why, r, "--cookies: %s", o->fetch_cookies);
	}
	buf_release(&text);
	return r;
}

static int
check_credentials(const struct job *job, struct why *why)
{
	const char *path = job->options.fetch_auth_file;
	struct credentials c;
	struct buf text;
	int r;

	buf_init(&text, 1);
	if (path != NULL && strcmp(path, "-") == 0)
		return why_set(why, -EINVAL, "--auth-file wants the name of a file");
	if (path != NULL && read_input(path, CREDENTIALS_FILE_MAX, &text, why) < 0)
		return why_prefix(why, -EINVAL, "--auth-file");
	r = credentials_init(&c, &job->options, buf_slice(&text), &job->seeds, why);
	if (r == 0)
		credentials_release(&c);
	buf_release(&text);
	return r;
}

static int
check_proxy(const struct options *o, struct why *why)
{
	struct proxies p;
	int r = proxies_init(&p, (const char *const *)o->fetch_proxy.v, o->fetch_proxy.n,
	    o->fetch_no_proxy, why);

	if (r == 0)
		proxies_release(&p);
	return r;
}

static int
check_addresses(const struct options *o, struct why *why)
{
	struct addr_policy *policy;
	int r = addr_policy_new(&policy);

	if (r < 0)
		return why_set(why, r, "out of memory");
	for (size_t i = 0; i < o->net_allow_net.n && r == 0; i++) {
		r = addr_policy_allow(policy, slice_cstr(o->net_allow_net.v[i]), why);
		if (r < 0)
			(void)why_prefix(why, r, "--allow-net");
	}
	addr_policy_free(policy);
	for (size_t i = 0; i < o->net_resolve.n && r == 0; i++) {
		struct engine_override ignored;

		r = engine_override_parse(slice_cstr(o->net_resolve.v[i]), &ignored, why);
	}
	return r;
}

static int
check_save_cookies_of(const struct options *o, struct why *why)
{
	return check_save_cookies(o->fetch_save_cookies, why);
}

static int
check_order(const struct options *o, struct why *why)
{
	return o->crawl_order == ORDER_FOCUS && o->crawl_focus.n == 0
		   ? why_set(why, -EINVAL,
			 "--order focus wants the words that are looked for: --focus "
			 "WORD")
		   : 0;
}

static int
check_recrawl(const struct options *o, struct why *why)
{
	return o->crawl_recrawl_min > o->crawl_recrawl_max
		   ? why_set(why, -EINVAL,
			 "--recrawl-min is more than --recrawl-max: no interval is "
			 "between them")
		   : 0;
}

static int
check_fail_on(const struct options *o, struct why *why)
{
	for (size_t i = 0; i < o->run_fail_on.n; i++) {
		int r = fail_on_check(slice_cstr(o->run_fail_on.v[i]), why);

		if (r < 0)
			return why_prefix(why, r, "--fail-on");
	}
	return 0;
}

/* Each tells of one mistake, in the value of this option or of one beside it.  What is one
 * whatever the others say has a row of its own, for all are to be told at once. */
static const struct {
	enum option_id option;
	int (*of_options)(const struct options *o, struct why *why);
	int (*of_job)(const struct job *job, struct why *why);
} checks[] = {
    {OPTION_ID_output_sink, check_sinks, NULL},
    {OPTION_ID_crawl_order, check_order, NULL},
    {OPTION_ID_crawl_recrawl_min, check_recrawl, NULL},
    {OPTION_ID_output_csv_columns, check_csv, NULL},
    {OPTION_ID_run_json, check_json, NULL},
    {OPTION_ID_exec_exec_command, check_exec, NULL},
    {OPTION_ID_exec_exec_command, check_command, NULL},
    {OPTION_ID_exec_exec_env, check_exec_env, NULL},
    {OPTION_ID_s3_s3_endpoint, check_s3_rest, NULL},
    {OPTION_ID_s3_s3_endpoint, check_s3_endpoint, NULL},
    {OPTION_ID_s3_s3_bucket, check_s3_bucket, NULL},
    {OPTION_ID_s3_s3_region, check_s3_region, NULL},
    {OPTION_ID_s3_s3_prefix, check_s3_prefix, NULL},
    {OPTION_ID_s3_s3_storage_class, check_s3_class, NULL},
    {OPTION_ID_s3_s3_ca, check_s3_ca, NULL},
    {OPTION_ID_s3_s3_credentials, check_s3_keys, NULL},
    {OPTION_ID_output_wacz, check_wacz, NULL},
    {OPTION_ID_fetch_header, check_headers, NULL},
    {OPTION_ID_fetch_from, check_from, NULL},
    {OPTION_ID_crawl_extract, check_fields, NULL},
    {OPTION_ID_fetch_ca, check_ca, NULL},
    {OPTION_ID_fetch_cert, check_cert, NULL},
    {OPTION_ID_fetch_key, check_key, NULL},
    {OPTION_ID_fetch_cookies, check_cookies, NULL},
    {OPTION_ID_fetch_save_cookies, check_save_cookies_of, NULL},
    {OPTION_ID_fetch_auth, NULL, check_credentials},
    {OPTION_ID_fetch_proxy, check_proxy, NULL},
    {OPTION_ID_net_allow_net, check_addresses, NULL},
    {OPTION_ID_net_dns, check_dns, NULL},
    {OPTION_ID_run_fail_on, check_fail_on, NULL},
    {OPTION_ID_crawl_exclude, NULL, check_patterns},
};

/* The sentence begins with the flag of the option that it is about, or of `usual`. */
static enum option_id
option_of(enum option_id usual, const char *text)
{
	struct slice flag = slice_cstr(text);
	const struct option_row *row = NULL;
	bool off = false;
	size_t n = 2;

	if (!slice_starts(flag, SLICE_LIT("--")))
		return usual;
	while (n < flag.len && (ascii_is_alpha(flag.ptr[n]) || flag.ptr[n] == '-'))
		n++;
	row = option_by_flag(slice_from(slice_head(flag, n), 2), &off);
	return row == NULL ? usual : row->id;
}

int
job_check_each(const struct job *job, job_check_fn *fn, void *ctx)
{
	int mistakes = 0;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		struct why why = {""};
		int r = checks[i].of_job != NULL
			    ? checks[i].of_job(job, &why)
			    : checks[i].of_options(&job->options, &why);

		if (r == 0)
			continue;
		mistakes++;
		if (!fn(ctx, option_of(checks[i].option, why.text), r, why.text))
			break;
	}
	return mistakes;
}

const char *
job_check_by_key(
    enum option_id option, const char *text, char store[JOB_CHECK_SENTENCE_MAX])
{
	const struct option_row *row = &option_rows[option];
	char flag[OPTION_FLAG_MAX];

	if (option_behind_flag(row, text) == text)
		return text;
	option_flag(row, flag);
	(void)snprintf(store, JOB_CHECK_SENTENCE_MAX, "%s.%s%s", row->section,
	    option_key(row), text + strlen(flag));
	return store;
}

struct first {
	int code;
	struct why *why;
};

static bool
on_first(void *ctx, enum option_id option, int code, const char *text)
{
	struct first *f = ctx;

	(void)option;
	f->code = why_set(f->why, code, "%s", text);
	return false;
}

int
job_check(const struct job *job, struct why *why)
{
	struct first first = {.why = why};

	(void)job_check_each(job, on_first, &first);
	return first.code;
}
