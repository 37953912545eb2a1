#include "sink/jsonl.h"
#include "base/clock.h"
#include "base/json.h"
#include "sink/lines.h"
#include "sink/types.h"
#include "web/select.h"
#include <errno.h>

#include "base/banned.h"

static int
jsonl_open(
    struct sink *s, const struct sink_conf *conf, struct slice mark, struct why *why)
{
	return lines_open(s, conf, "pages.jsonl", mark, why);
}

/* A count that JSON's readers take: they hold 53 bits at least, we never have more. */
static void
count(struct jsonw *j, const char *key, uint64_t n)
{
	jsonw_int(j, key, n > INT64_MAX ? INT64_MAX : (int64_t)n);
}

/* In hexadecimal: it has more bits than numbers of JSON have. */
static void
put_simhash(struct jsonw *j, const struct sink_event *e)
{
	char text[16];

	if (!e->has_simhash)
		return;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = "0123456789abcdef"[e->simhash >> (60 - 4 * i) & 15];
	jsonw_str(j, "simhash", slice_of(text, sizeof(text)));
}

static void
put_what(struct jsonw *j, const struct sink_event *e)
{
	jsonw_int(j, "v", 1);
	jsonw_str(j, "url", lines_text(e->url));
	jsonw_str(j, "outcome", slice_cstr(outcome_name(e->outcome)));
	jsonw_int(j, "status", e->status);
	if (e->change != PAGE_CHANGE_NONE)
		jsonw_str(j, "change", slice_cstr(page_change_name(e->change)));
	jsonw_opt(j, "via", lines_text(e->via));
	jsonw_opt(j, "hops", lines_text(e->hops));
	jsonw_int(j, "depth", e->depth);
	jsonw_str(j, "kind", slice_cstr(link_kind_name(e->link)));
	jsonw_opt(j, "mime", lines_text(e->mime));
	jsonw_opt(j, "charset", lines_text(e->charset));
	count(j, "bytes_wire", e->wire_bytes);
	count(j, "bytes_body", e->body_bytes);
	if (e->coding != NULL)
		jsonw_str(j, "coding", slice_cstr(e->coding));
	jsonw_opt(j, "digest", lines_text(e->digest));
	jsonw_opt(j, "title", lines_text(e->title));
	jsonw_opt(j, "canonical", lines_text(e->canonical));
	jsonw_opt(j, "lang", lines_text(e->lang));
	jsonw_opt(j, "description", lines_text(e->description));
	page_robots_json(j, &e->robots);
	put_simhash(j, e);
	jsonw_opt(j, "quarantine", e->quarantine);
	jsonw_int(j, "links", e->links);
	jsonw_opt(j, "text", lines_cut(e->text, SINK_TEXT_BYTES_MAX));
}

/* {"title":"one","links":["all","of them"],"others":[]}; what was not found is absent. */
void
jsonl_fields(struct jsonw *j, const char *key, const struct sink_event *e)
{
	struct slice rest = e->fields;
	char name[SELECT_NAME_MAX + 1];
	struct select_value v;
	bool more;

	if (e->select == NULL || rest.len == 0)
		return;
	select_values_begin(&rest);
	more = select_values_next(&rest, &v);
	jsonw_object(j, key);
	for (size_t i = 0; i < select_fields_len(e->select); i++) {
		struct slice s = select_field_name(e->select, i);
		bool is_list = select_field_is_list(e->select, i);

		memcpy(name, s.ptr, s.len);
		name[s.len] = '\0';
		if (is_list)
			jsonw_array(j, name);
		for (bool first = true; more && v.field == i; first = false) {
			if (is_list || first)
				jsonw_str(j, is_list ? NULL : name, v.text);
			more = select_values_next(&rest, &v);
		}
		if (is_list)
			jsonw_array_end(j);
	}
	jsonw_object_end(j);
}

static void
put_how(struct jsonw *j, const struct sink_event *e)
{
	char at[CLOCK_TEXT_MAX];

	clock_format(e->began_wall_us, 3, at);
	jsonw_str(j, "fetched_at", slice_cstr(at));
	jsonw_object(j, "ms");
	jsonw_int(j, "dns", e->dns_ms);
	jsonw_int(j, "connect", e->connect_ms);
	jsonw_int(j, "tls", e->tls_ms);
	jsonw_int(j, "first_byte", e->first_byte_ms);
	jsonw_int(j, "total", e->total_ms);
	jsonw_object_end(j);
	jsonw_opt(j, "ip", lines_text(e->ip));
	jsonw_opt(j, "protocol", lines_text(e->protocol));
	jsonw_opt(j, "redirect_to", lines_text(e->redirect_to));
	if (e->warc_file.len == 0)
		return;
	jsonw_object(j, "warc");
	jsonw_str(j, "file", e->warc_file);
	count(j, "offset", e->warc_offset);
	count(j, "length", e->warc_length);
	jsonw_object_end(j);
}

bool
jsonl_is_page(const struct sink_event *e)
{
	return e->kind == SINK_FETCH && e->response && e->final && !e->internal;
}

int
jsonl_line(struct buf *b, const struct sink_event *e)
{
	return jsonl_line_numbered(b, e, 0);
}

int
jsonl_line_numbered(struct buf *b, const struct sink_event *e, uint64_t seq)
{
	struct jsonw j;

	jsonw_init(&j, b);
	jsonw_object(&j, NULL);
	if (seq > 0)
		count(&j, "seq", seq);
	put_what(&j, e);
	jsonl_fields(&j, "fields", e);
	put_how(&j, e);
	jsonw_object_end(&j);
	return j.err;
}

static int
jsonl_put(struct sink *s, struct sink_event *e, struct why *why)
{
	struct buf *b;

	if (!jsonl_is_page(e))
		return 0;
	b = lines_begin(s);
	return lines_end(s, jsonl_line(b, e), why);
}

const struct sink_type sink_jsonl = {
    .name = "jsonl",
    .open = jsonl_open,
    .put = jsonl_put,
    .flush = lines_flush,
    .sync = lines_sync,
    .mark = lines_mark,
    .close = lines_close,
    .lines = "pages.jsonl",
};
