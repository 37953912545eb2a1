#include "app/look.h"
#include "base/clock.h"
#include "base/escape.h"
#include "observe/explain_json.h"
#include "observe/format.h"
#include "web/url.h"
#include <stdio.h>

enum { VALUE_MAX = 4 << 20 };

struct answer {
	const struct look *look;
	struct inspect_url u;
};

/* ---- for people ---- */

static int
row(struct buf *out, const char *name, struct slice value)
{
	int e = value.len == 0 ? 0 : buf_printf(out, "  %-9s ", name);

	if (e == 0 && value.len > 0)
		e = escape_terminal(out, value);
	return e == 0 && value.len > 0 ? buf_add_byte(out, '\n') : e;
}

static int
text_outcome(const struct inspect_url *u, struct buf *out)
{
	char since[CLOCK_TEXT_MAX];
	int e = escape_terminal(out, u->url);

	if (e < 0 || !u->known)
		return e < 0 ? e : buf_add_cstr(out, "\n  outcome   not discovered\n");
	clock_format(u->since_us, 0, since);
	return buf_printf(
	    out, "\n  outcome   %s, since %s\n", inspect_url_text(u), since);
}

static int
text_found(const struct inspect_url *u, struct buf *out)
{
	int e = row(out, "found on", u->via);

	if (e < 0 || (u->depth < 0 && u->hops.len == 0))
		return e;
	e = buf_printf(out, "  found as  %s", u->kind == NULL ? "a link" : u->kind);
	if (e == 0 && u->depth >= 0)
		e = buf_printf(out, ", %d link%s from a seed", (int)u->depth,
		    u->depth == 1 ? "" : "s");
	if (e == 0 && u->hops.len > 0) {
		e = buf_add_cstr(out, ", hops ");
		if (e == 0)
			e = escape_terminal(out, u->hops);
	}
	return e == 0 ? buf_add_byte(out, '\n') : e;
}

static int
text_tries(const struct inspect_url *u, struct buf *out)
{
	char at[CLOCK_TEXT_MAX];
	int e;

	if (u->tries == 0 && u->not_before_ms == 0)
		return 0;
	e = buf_printf(out, "  tries     %u%s", (unsigned)u->tries,
	    inspect_url_waits(u) ? " so far" : "");
	if (e == 0 && u->tried.len > 0) {
		e = buf_add_cstr(out, ", the last ");
		if (e == 0)
			e = escape_terminal(out, u->tried_at);
		if (e == 0)
			e = buf_add_cstr(out, ": ");
		if (e == 0)
			e = escape_terminal(out, u->tried);
		if (e == 0 && u->tried_why.len > 0)
			e = buf_add_cstr(out, ", ");
		if (e == 0)
			e = escape_terminal(out, u->tried_why);
	}
	if (e == 0 && u->not_before_ms > 0) {
		clock_format(u->not_before_ms * 1000, 0, at);
		e = buf_printf(out, "; again not before %s", at);
	}
	return e == 0 ? buf_add_byte(out, '\n') : e;
}

/* For the next round. */
static int
text_again(const struct inspect_url *u, int64_t wall_us, struct buf *out)
{
	char at[CLOCK_TEXT_MAX];
	int e = 0;

	if (u->looks > 0)
		e = buf_printf(out, "  changes   in %u of %u looks since the first\n",
		    (unsigned)u->changes, (unsigned)u->looks);
	if (e < 0 || u->due_us == 0)
		return e;
	if (u->due_us <= wall_us)
		return buf_add_cstr(
		    out, "  due       in the next round, if there is one\n");
	clock_format(u->due_us, 0, at);
	return buf_printf(out, "  due       for another round at %s\n", at);
}

static int
text_page(const struct inspect_url *u, int64_t wall_us, struct buf *out)
{
	int e;

	if (u->page.len == 0)
		return text_again(u, wall_us, out);
	e = buf_printf(out, "  answer    %d", u->status);
	if (e == 0 && u->mime.len > 0) {
		e = buf_add_byte(out, ' ');
		if (e == 0)
			e = escape_terminal(out, u->mime);
	}
	if (e == 0)
		e = buf_printf(out, ", %s, asked for ", BYTES(u->body_bytes));
	if (e == 0)
		e = escape_terminal(out, u->fetched_at);
	if (e == 0)
		e = buf_add_byte(out, '\n');
	if (e == 0)
		e = row(out, "leads to", u->redirect_to);
	if (e == 0)
		e = row(out, "kept in", u->quarantine);
	if (e == 0)
		e = row(out, "etag", u->etag);
	if (e == 0)
		e = row(out, "modified", u->last_modified);
	if (e == 0)
		e = text_again(u, wall_us, out);
	if (e < 0 || u->warc_file.len == 0)
		return e;
	e = buf_add_cstr(out, "  archive   warc/");
	if (e == 0)
		e = escape_terminal(out, u->warc_file);
	return e == 0 ? buf_printf(out, " at %llu, %llu bytes\n",
			    (unsigned long long)u->warc_offset,
			    (unsigned long long)u->warc_length)
		      : e;
}

static int
text_place(const struct inspect_url *u, struct buf *out)
{
	int e;

	if (!inspect_url_waits(u))
		return 0;
	if (u->place == 0)
		return buf_add_cstr(
		    out, "  place     in no queue: trawl status --verify tells more\n");
	e = buf_printf(out, "  place     %s of %s in the queue of its host\n",
	    COUNT(u->place), COUNT(u->queued));
	return e < 0 || u->held_by == NULL
		   ? e
		   : buf_printf(out, "  held by   %s\n", u->held_by);
}

static int
text_host(const struct answer *a, struct buf *out)
{
	const struct inspect_url *u = &a->u;
	int e;

	if (u->authority.len == 0)
		return 0;
	e = buf_add_cstr(out, "  host      ");
	if (e == 0)
		e = escape_terminal(out, u->authority);
	if (e == 0)
		e = buf_printf(out, ", %s asked", COUNT(u->host.done));
	if (e == 0 && (inspect_url_waits(u) || u->host.doom != OUTCOME_NONE)) {
		e = buf_add_cstr(out, ", ");
		if (e == 0)
			e = look_host_text(out, &u->host, a->look->wall_us);
	}
	return e == 0 ? buf_add_byte(out, '\n') : e;
}

static int
text_would_be(const struct inspect_url *u, struct buf *out)
{
	int e;

	if (u->would_be == OUTCOME_NONE)
		return u->known ? 0
				: buf_add_cstr(out, "  scope     a page that linked to "
						    "it would get it fetched\n");
	e = buf_printf(out, "  scope     %s %s: ",
	    u->known ? "when its turn comes it will be" : "would be",
	    outcome_name(u->would_be));
	if (e == 0)
		e = escape_terminal(out, u->would_rule);
	if (e == 0)
		e = buf_add_byte(out, '\n');
	if (e == 0 && slice_eq(u->would_rule,
			  slice_cstr(url_status_text(URL_RELATIVE_WITHOUT_BASE))))
		e = buf_add_cstr(
		    out, "  hint      a URL begins with http:// or https://\n");
	return e;
}

static int
text_answer(const struct answer *a, struct buf *out)
{
	const struct inspect_url *u = &a->u;
	int e = text_outcome(u, out);

	if (e == 0)
		e = row(out, "rule", u->rule);
	if (e == 0)
		e = text_found(u, out);
	if (e == 0)
		e = text_tries(u, out);
	if (e == 0)
		e = text_page(u, a->look->wall_us, out);
	if (e == 0)
		e = text_place(u, out);
	if (e == 0)
		e = text_would_be(u, out);
	if (e == 0 && !slice_eq(u->robots_rule, u->rule))
		e = row(out, "forbidden", u->robots_rule);
	return e == 0 ? text_host(a, out) : e;
}

/* ---- the command ---- */

static int
explain(struct look *l, const char *url, bool json)
{
	struct answer a = {.look = l};
	struct why why = {""};
	struct buf out;
	int r, code;

	if (inspect_url(l->in, slice_cstr(url), &a.u, &why) < 0)
		return say_error(EXIT_FILE, "%s", why.text);
	buf_init(&out, VALUE_MAX);
	r = json ? explain_json(&a.u, l->wall_us, &out) : text_answer(&a, &out);
	if (r == 0 && json)
		r = buf_add_byte(&out, '\n');
	if (r < 0)
		code = say_error(EXIT_OTHER, "out of memory");
	else if (!write_stdout(buf_slice(&out)))
		code = EXIT_FILE;
	else
		code = a.u.known ? EXIT_DONE : EXIT_OTHER;
	buf_release(&out);
	return code;
}

int
cmd_explain(int argc, char **argv, struct nursery *nursery)
{
	bool json = false;
	const struct tool_flag flags[] = {{"--json", NULL, &json}};
	struct look l;
	int words, code = tool_flags(argc, argv, flags, 1, &words);

	(void)nursery;
	if (code != 0)
		return code;
	if (words != 2)
		return usage_error("explain wants a directory and a URL, as in"
				   " trawl explain example.org-20261124161942602 "
				   "https://example.org/page");
	code = look_open(&l, argv[0]);
	if (code == EXIT_DONE)
		code = explain(&l, argv[1], json);
	look_close(&l);
	return code;
}
