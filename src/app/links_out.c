#include "app/links_out.h"
#include "app/app.h"
#include "base/escape.h"
#include "base/json.h"
#include <errno.h>
#include <inttypes.h>

enum {
	PLACES_KEPT = 1000, /* of a target, for JSON and -v; all are counted */
	PLACES_TEXT = 3,
	PLACES_JUNIT = 20,
	FLUSH_BYTES = 64 << 10,
	SORT_BYTES = 8 << 20,
	COPY_BYTES = 64 << 10,
};

struct places {
	struct linkcheck_place v[PLACES_KEPT];
	size_t len;
	uint64_t total;
};

static int
no_memory(struct why *why, int r)
{
	return r < 0 ? why_set(why, r, "%s", strerrordesc_np(-r)) : 0;
}

static int
flush(struct links_out *o, size_t from, struct why *why)
{
	if (o->text.len <= from)
		return 0;
	if (!write_stdout(buf_slice(&o->text)))
		return why_set(why, -EIO, "the result is not whole");
	buf_clear(&o->text);
	return 0;
}

int
links_out_begin(struct links_out *o, const struct links_out_conf *conf, struct why *why)
{
	int r = 0;

	*o = (struct links_out){.conf = *conf};
	buf_init(&o->text, 64 << 20);
	arena_init(&o->arena, 1 << 16, 64 << 20);
	if (conf->junit != NULL) {
		o->junit = tmpfile();
		if (o->junit == NULL)
			return why_set(why, -errno, "cannot make a temporary file: %s",
			    strerror(errno));
	}
	if (conf->by_page && !conf->json)
		r = line_sorter_new(conf->tmp_dir, SORT_BYTES, &o->pages);
	if (r == 0 && conf->json)
		r = buf_add_cstr(&o->text, "{\"v\":1,\"links\":[");
	return no_memory(why, r);
}

void
links_out_release(struct links_out *o)
{
	buf_release(&o->text);
	arena_release(&o->arena);
	if (o->junit != NULL)
		(void)fclose(o->junit);
	line_sorter_free(o->pages);
}

static bool
is_fault(const struct links_out *o, const struct linkcheck_target *t)
{
	return t->verdict == LINKCHECK_BROKEN ||
	       (o->conf.strict && t->verdict == LINKCHECK_SUSPECT);
}

/* ---- text ---- */

static int
add_place(struct buf *b, const struct linkcheck_place *p)
{
	int r = buf_add_cstr(b, "    ");

	if (r == 0)
		r = escape_terminal(b, p->page);
	if (r == 0)
		r = buf_printf(b, "  %s", p->kind);
	if (r == 0 && p->text.len > 0) {
		r = buf_add_cstr(b, " \"");
		if (r == 0)
			r = escape_terminal(b, p->text);
		if (r == 0)
			r = buf_add_byte(b, '"');
	}
	return r < 0 ? r : buf_add_byte(b, '\n');
}

static int
add_target(const struct links_out *o, struct buf *b, const struct linkcheck_target *t)
{
	int r = escape_terminal(b, t->url);

	if (r == 0 && !is_fault(o, t))
		r = buf_printf(b, "  [%s]", linkcheck_verdict_name(t->verdict));
	if (r == 0)
		r = buf_add_cstr(b, "  ");
	if (r == 0)
		r = escape_terminal(b, t->reason);
	if (r == 0 && t->end.len > 0) {
		r = buf_add_cstr(b, ", at ");
		if (r == 0)
			r = escape_terminal(b, t->end);
	}
	return r;
}

static int
text_target(struct links_out *o, const struct linkcheck_target *t, const struct places *p)
{
	size_t shown = o->conf.verbose ? PLACES_KEPT : PLACES_TEXT;
	int r;

	if (!is_fault(o, t) && !o->conf.verbose)
		return 0;
	r = add_target(o, &o->text, t);
	if (r == 0)
		r = buf_add_byte(&o->text, '\n');
	for (size_t i = 0; r == 0 && i < p->len && i < shown; i++)
		r = add_place(&o->text, &p->v[i]);
	if (r == 0 && p->total == 0 && t->seed)
		r = buf_add_cstr(&o->text, "    given to begin with\n");
	if (r == 0 && p->total > shown)
		r = buf_printf(&o->text, "    and %" PRIu64 " more places\n",
		    p->total - (shown < p->len ? shown : p->len));
	return r;
}

/* "page TAB what stands below it", sorted when all are known. */
static int
page_line(struct links_out *o, const struct linkcheck_target *t,
    const struct linkcheck_place *p, struct buf *line)
{
	int r = escape_field(line, p->page);

	if (r == 0)
		r = buf_add_cstr(line, "\t    ");
	if (r == 0)
		r = add_target(o, line, t);
	if (r == 0)
		r = buf_printf(line, "  %s", p->kind);
	if (r == 0 && p->text.len > 0) {
		r = buf_add_cstr(line, " \"");
		if (r == 0)
			r = escape_terminal(line, p->text);
		if (r == 0)
			r = buf_add_byte(line, '"');
	}
	return r < 0 ? r : line_sorter_add(o->pages, buf_slice(line));
}

static int
page_place(struct links_out *o, const struct linkcheck_target *t,
    const struct linkcheck_place *p)
{
	struct buf line;
	int r;

	if (o->pages == NULL || (!is_fault(o, t) && !o->conf.verbose))
		return 0;
	buf_init(&line, LINE_SORTER_LINE_MAX);
	r = page_line(o, t, p, &line);
	buf_release(&line);
	return r == -EMSGSIZE ? 0 : r;
}

static int
print_pages(struct links_out *o, struct why *why)
{
	struct slice line, page;
	struct buf last;
	int r = line_sorter_sort(o->pages), n;

	buf_init(&last, LINE_SORTER_LINE_MAX);
	while (r == 0 && (n = line_sorter_next(o->pages, &line)) != 0) {
		r = n < 0 ? n : 0;
		if (r < 0 || !slice_cut(&line, '\t', &page))
			break;
		if (!slice_eq(page, buf_slice(&last))) {
			buf_clear(&last);
			r = buf_add_slice(&last, page);
			if (r == 0)
				r = buf_printf(&o->text, SLICE_FMT "\n", SLICE_ARG(page));
		}
		if (r == 0)
			r = buf_add_slice(&o->text, line);
		if (r == 0)
			r = buf_add_byte(&o->text, '\n');
		if (r == 0 && flush(o, FLUSH_BYTES, why) < 0) {
			buf_release(&last);
			return -EIO;
		}
	}
	buf_release(&last);
	return no_memory(why, r);
}

static int
add_count(struct buf *b, uint64_t n, const char *what)
{
	return n == 0 ? 0 : buf_printf(b, ", %" PRIu64 " %s", n, what);
}

static int
text_summary(struct links_out *o, const struct linkcheck_sums *s)
{
	struct buf *b = &o->text;
	int r = buf_printf(b,
	    "%" PRIu64 " broken link%s, at %" PRIu64 " place%s; %" PRIu64
	    " checked on %" PRIu64 " page%s",
	    o->broken, o->broken == 1 ? "" : "s", o->places, o->places == 1 ? "" : "s",
	    s->targets - s->by[LINKCHECK_UNCHECKED], s->pages, s->pages == 1 ? "" : "s");

	if (r == 0 && !o->conf.strict)
		r = add_count(b, s->by[LINKCHECK_SUSPECT], "perhaps soft 404 (-v)");
	if (r == 0)
		r = add_count(b, s->by[LINKCHECK_IGNORED], "ignored");
	if (r == 0)
		r = add_count(b, s->by[LINKCHECK_UNCHECKED], "not checked (-v)");
	if (r == 0 && s->links_cut > 0)
		r = buf_printf(b,
		    ", %" PRIu64 " left out on %" PRIu64 " page%s (--max-links)",
		    s->links_cut, s->pages_cut, s->pages_cut == 1 ? "" : "s");
	if (r == 0 && o->conf.partial != NULL)
		r = buf_printf(b, "; not complete: %s", o->conf.partial);
	return r < 0 ? r : buf_add_byte(b, '\n');
}

/* ---- JSON ---- */

static int
json_target(struct links_out *o, const struct linkcheck_target *t, const struct places *p)
{
	struct jsonw j;
	int r;

	if (t->verdict == LINKCHECK_GOOD)
		return 0;
	r = buf_add_cstr(&o->text, o->comma ? ",\n" : "\n");
	o->comma = true;
	jsonw_init(&j, &o->text);
	jsonw_object(&j, NULL);
	jsonw_str(&j, "url", t->url);
	jsonw_str(&j, "verdict", slice_cstr(linkcheck_verdict_name(t->verdict)));
	jsonw_str(&j, "reason", t->reason);
	jsonw_str(&j, "outcome", slice_cstr(outcome_name(t->outcome)));
	jsonw_int(&j, "status", t->status);
	jsonw_int(&j, "redirects", t->redirects);
	jsonw_opt(&j, "redirected_to", t->end);
	jsonw_bool(&j, "seed", t->seed);
	jsonw_int(&j, "places_total", (int64_t)p->total);
	jsonw_array(&j, "places");
	for (size_t i = 0; i < p->len; i++) {
		jsonw_object(&j, NULL);
		jsonw_str(&j, "page", p->v[i].page);
		jsonw_str(&j, "kind", slice_cstr(p->v[i].kind));
		jsonw_opt(&j, "text", p->v[i].text);
		jsonw_object_end(&j);
	}
	jsonw_array_end(&j);
	jsonw_object_end(&j);
	return r < 0 ? r : j.err;
}

static int
json_end(struct links_out *o, const struct linkcheck_sums *s)
{
	struct jsonw j;
	int r = buf_add_cstr(&o->text, o->comma ? "\n],\"summary\":" : "],\"summary\":");

	jsonw_init(&j, &o->text);
	jsonw_object(&j, NULL);
	jsonw_int(&j, "pages", (int64_t)s->pages);
	jsonw_int(&j, "links", (int64_t)s->targets);
	for (int v = LINKCHECK_BROKEN; v < LINKCHECK_VERDICT_MAX; v++)
		jsonw_int(&j, linkcheck_verdict_name((enum linkcheck_verdict)v),
		    (int64_t)s->by[v]);
	jsonw_int(&j, "unchecked_for_robots", (int64_t)s->robots);
	jsonw_int(&j, "left_out", (int64_t)s->links_cut);
	jsonw_bool(&j, "complete", o->conf.partial == NULL);
	jsonw_object_end(&j);
	if (r == 0)
		r = j.err;
	return r < 0 ? r : buf_add_cstr(&o->text, "}\n");
}

/* ---- JUnit ---- */

static int
junit_fault(struct buf *b, const struct linkcheck_target *t, const struct places *p)
{
	int r = buf_add_cstr(b, "<failure message=\"");

	if (r == 0)
		r = escape_html(b, t->reason);
	if (r == 0)
		r = buf_add_cstr(b, "\">");
	for (size_t i = 0; r == 0 && i < p->len && i < PLACES_JUNIT; i++) {
		r = escape_html(b, p->v[i].page);
		if (r == 0)
			r = buf_printf(b, " (%s)\n", p->v[i].kind);
	}
	if (r == 0 && p->total > PLACES_JUNIT)
		r = buf_printf(b, "and %" PRIu64 " more\n", p->total - PLACES_JUNIT);
	return r < 0 ? r : buf_add_cstr(b, "</failure>");
}

static int
junit_case(struct links_out *o, struct buf *b, const struct linkcheck_target *t,
    const struct places *p)
{
	int r = buf_add_cstr(b, "<testcase classname=\"links\" name=\"");

	if (r == 0)
		r = escape_html(b, t->url);
	if (r == 0)
		r = buf_add_cstr(b, "\">");
	if (r == 0 && is_fault(o, t)) {
		r = junit_fault(b, t, p);
	} else if (r == 0 && t->verdict != LINKCHECK_GOOD) {
		o->skipped++;
		r = buf_printf(
		    b, "<skipped message=\"%s: ", linkcheck_verdict_name(t->verdict));
		if (r == 0)
			r = escape_html(b, t->reason);
		if (r == 0)
			r = buf_add_cstr(b, "\"/>");
	}
	o->tests++;
	return r < 0 ? r : buf_add_cstr(b, "</testcase>\n");
}

static int
junit_target(
    struct links_out *o, const struct linkcheck_target *t, const struct places *p)
{
	struct buf b;
	int r;

	if (o->junit == NULL)
		return 0;
	buf_init(&b, 4 << 20);
	r = junit_case(o, &b, t, p);
	if (r == 0 && fwrite(b.ptr, 1, b.len, o->junit) != b.len)
		r = -EIO;
	buf_release(&b);
	return r;
}

static int
junit_copy(struct links_out *o, FILE *to)
{
	char chunk[COPY_BYTES];
	size_t n;

	if (fflush(o->junit) != 0 || fseek(o->junit, 0, SEEK_SET) != 0)
		return -errno;
	if (fprintf(to,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
		"<testsuite name=\"trawl check-links\" tests=\"%" PRIu64
		"\" failures=\"%" PRIu64 "\" errors=\"0\" skipped=\"%" PRIu64 "\">\n",
		o->tests, o->broken, o->skipped) < 0)
		return -EIO;
	while ((n = fread(chunk, 1, sizeof(chunk), o->junit)) > 0)
		if (fwrite(chunk, 1, n, to) != n)
			return -EIO;
	if (ferror(o->junit) || fputs("</testsuite>\n</testsuites>\n", to) < 0)
		return -EIO;
	return 0;
}

static int
junit_end(struct links_out *o, struct why *why)
{
	FILE *to;
	int r;

	if (o->junit == NULL)
		return 0;
	to = fopen(o->conf.junit, "wbe");
	if (to == NULL)
		return why_set(
		    why, -errno, "cannot write %s: %s", o->conf.junit, strerror(errno));
	r = junit_copy(o, to);
	if (fclose(to) != 0 && r == 0)
		r = -errno;
	return r < 0 ? why_set(why, r, "cannot write %s: %s", o->conf.junit,
			   strerrordesc_np(-r))
		     : 0;
}

/* ---- all of it ---- */

static int
take_places(struct links_out *o, struct linkcheck *lc, const struct linkcheck_target *t,
    struct places *ret)
{
	struct linkcheck_place p;
	int r;

	while ((r = linkcheck_place(lc, &p)) > 0) {
		ret->total++;
		r = page_place(o, t, &p);
		if (r < 0)
			return r;
		if (ret->len == PLACES_KEPT)
			continue;
		if (!arena_copy(&o->arena, p.page, &p.page) ||
		    !arena_copy(&o->arena, p.text, &p.text))
			return -ENOMEM;
		ret->v[ret->len++] = p;
	}
	return r;
}

/* Reading on moves what a target points to. */
static int
take_target(struct links_out *o, struct linkcheck_target *t)
{
	return arena_copy(&o->arena, t->url, &t->url) &&
		       arena_copy(&o->arena, t->end, &t->end) &&
		       arena_copy(&o->arena, t->reason, &t->reason)
		   ? 0
		   : -ENOMEM;
}

int
links_out_target(struct links_out *o, struct linkcheck *lc,
    const struct linkcheck_target *target, struct why *why)
{
	struct linkcheck_target t = *target;
	struct places p;
	int r;

	p.len = p.total = 0;
	arena_reset(&o->arena);
	r = take_target(o, &t);
	if (r == 0)
		r = take_places(o, lc, &t, &p);
	if (r == 0)
		r = junit_target(o, &t, &p);
	if (is_fault(o, &t)) {
		o->broken++;
		o->places += p.total + (p.total == 0 && t.seed);
	}
	if (r == 0 && o->conf.json)
		r = json_target(o, &t, &p);
	else if (r == 0 && t.verdict != LINKCHECK_GOOD &&
		 (!o->conf.by_page || p.total == 0))
		r = text_target(o, &t, &p);
	return r < 0 ? no_memory(why, r) : flush(o, FLUSH_BYTES, why);
}

int
links_out_end(struct links_out *o, const struct linkcheck_sums *sums, struct why *why)
{
	int r = o->pages == NULL ? 0 : print_pages(o, why);

	if (r < 0)
		return r;
	r = o->conf.json ? json_end(o, sums) : text_summary(o, sums);
	if (r < 0)
		return no_memory(why, r);
	r = flush(o, 0, why);
	return r < 0 ? r : junit_end(o, why);
}
