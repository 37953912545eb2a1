#include "app/job_idle.h"
#include "base/log.h"
#include <stdio.h>
#include <string.h>

static bool
sinks_have(const struct options *o, const char *name)
{
	if (o->output_sink.n == 0) /* the default */
		return strcmp(name, "warc") == 0 || strcmp(name, "jsonl") == 0;
	for (size_t i = 0; i < o->output_sink.n; i++)
		if (strcmp(o->output_sink.v[i], name) == 0)
			return true;
	return false;
}

static bool
orders_by_priority(const struct options *o)
{
	return o->crawl_order == ORDER_PRIORITY || o->crawl_order == ORDER_SITEMAP ||
	       o->crawl_order == ORDER_FOCUS;
}

static bool
orders_by_focus(const struct options *o)
{
	return o->crawl_order == ORDER_FOCUS;
}

static bool
crawls_again(const struct options *o)
{
	return o->crawl_recrawl != RECRAWL_WORD_OFF;
}

static bool
recrawls_adaptively(const struct options *o)
{
	return o->crawl_recrawl == RECRAWL_WORD_ADAPTIVE;
}

static bool
guesses(const struct options *o)
{
	return o->crawl_speculative;
}

static bool
checks_links(const struct options *o)
{
	return o->crawl_check_links;
}

static bool
has_proxy(const struct options *o)
{
	return o->fetch_proxy.n > 0;
}

/* The fields and the text of a page are in no archive and no mirror. */
static bool
has_records(const struct options *o)
{
	static const char *const records[] = {"jsonl", "csv", "sqlite", "stdout", "exec"};

	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
		if (sinks_have(o, records[i]))
			return true;
	return false;
}

static bool
has_archive(const struct options *o)
{
	return sinks_have(o, "warc");
}

static bool
has_table(const struct options *o)
{
	return sinks_have(o, "csv");
}

static bool
has_mirror(const struct options *o)
{
	return sinks_have(o, "mirror");
}

static bool
has_program(const struct options *o)
{
	return sinks_have(o, "exec");
}

static bool
has_bucket(const struct options *o)
{
	return sinks_have(o, "s3");
}

/* Rows that want the same stand together. */
static const struct idle {
	enum option_id option;
	bool (*works)(const struct options *o);
	const char *wants;
} idles[] = {
    {OPTION_ID_crawl_focus, orders_by_focus, "--order focus"},
    {OPTION_ID_crawl_priority, orders_by_priority, "--order priority, sitemap or focus"},
    {OPTION_ID_crawl_extract, has_records, "--sink jsonl, csv, sqlite, stdout or exec"},
    {OPTION_ID_output_text, has_records, "--sink jsonl, csv, sqlite, stdout or exec"},
    {OPTION_ID_crawl_speculative_max, guesses, "--speculative"},
    {OPTION_ID_crawl_check_fragments, checks_links, "--check-links"},
    {OPTION_ID_crawl_check_soft_404, checks_links, "--check-links"},
    {OPTION_ID_crawl_recrawl_interval, crawls_again, "--recrawl fixed or adaptive"},
    {OPTION_ID_crawl_recrawl_min, recrawls_adaptively, "--recrawl adaptive"},
    {OPTION_ID_crawl_recrawl_max, recrawls_adaptively, "--recrawl adaptive"},
    {OPTION_ID_fetch_no_proxy, has_proxy, "--proxy"},
    {OPTION_ID_output_csv_columns, has_table, "--sink csv"},
    {OPTION_ID_output_warc_compression, has_archive, "--sink warc"},
    {OPTION_ID_output_warc_revisits, has_archive, "--sink warc"},
    {OPTION_ID_output_warc_size, has_archive, "--sink warc"},
    {OPTION_ID_mirror_mirror_links, has_mirror, "--sink mirror"},
    {OPTION_ID_mirror_mirror_max_file, has_mirror, "--sink mirror"},
    {OPTION_ID_exec_exec_env, has_program, "--sink exec"},
    {OPTION_ID_exec_exec_confirm, has_program, "--sink exec"},
    {OPTION_ID_exec_exec_restarts, has_program, "--sink exec"},
    {OPTION_ID_exec_exec_restart_window, has_program, "--sink exec"},
    {OPTION_ID_exec_exec_stall_timeout, has_program, "--sink exec"},
    {OPTION_ID_exec_exec_finish_timeout, has_program, "--sink exec"},
    {OPTION_ID_s3_s3_endpoint, has_bucket, "--sink s3"},
    {OPTION_ID_s3_s3_region, has_bucket, "--sink s3"},
    {OPTION_ID_s3_s3_bucket, has_bucket, "--sink s3"},
    {OPTION_ID_s3_s3_prefix, has_bucket, "--sink s3"},
    {OPTION_ID_s3_s3_path_style, has_bucket, "--sink s3"},
    {OPTION_ID_s3_s3_credentials, has_bucket, "--sink s3"},
    {OPTION_ID_s3_s3_storage_class, has_bucket, "--sink s3"},
    {OPTION_ID_s3_s3_ca, has_bucket, "--sink s3"},
    {OPTION_ID_s3_s3_extras, has_bucket, "--sink s3"},
    {OPTION_ID_s3_s3_delete, has_bucket, "--sink s3"},
    {OPTION_ID_s3_s3_retries, has_bucket, "--sink s3"},
    {OPTION_ID_s3_s3_timeout, has_bucket, "--sink s3"},
};

/* Otherwise than by default: the job file of a crawl says what is by default, too. */
static bool
is_changed(const struct options *o, const struct options *usual, enum option_id id)
{
	enum { VALUE_BYTES_MAX = 1 << 20 };
	struct buf has, would;
	bool is, was, same;

	buf_init(&has, VALUE_BYTES_MAX);
	buf_init(&would, VALUE_BYTES_MAX);
	is = option_get(o, &option_rows[id], 0, &has);
	was = option_get(usual, &option_rows[id], 0, &would);
	same = is == was && slice_eq(buf_slice(&has), buf_slice(&would));
	buf_release(&has);
	buf_release(&would);
	return !same;
}

void
job_idle_each(const struct options *o, job_idle_fn *fn, void *ctx)
{
	const char *told = "";
	struct options usual;

	if (options_init(&usual) < 0)
		return;
	for (size_t i = 0; i < sizeof(idles) / sizeof(idles[0]); i++) {
		const struct idle *idle = &idles[i];
		char flag[OPTION_FLAG_MAX], text[OPTION_FLAG_MAX + 100];

		if (strcmp(idle->wants, told) == 0 || !o->given[idle->option] ||
		    idle->works(o) || !is_changed(o, &usual, idle->option))
			continue;
		told = idle->wants;
		option_flag(&option_rows[idle->option], flag);
		(void)snprintf(
		    text, sizeof(text), "%s does nothing without %s", flag, told);
		fn(ctx, idle->option, text);
	}
	options_release(&usual);
}

static void
warn(void *ctx, enum option_id option, const char *text)
{
	(void)ctx;
	(void)option;
	log_warn("%s", text);
}

void
job_idle_warn(const struct options *o)
{
	job_idle_each(o, warn, NULL);
}
