#include "ctl/openapi.h"
#include "base/json.h"
#include "base/outcome.h"
#include "crawl/options.h"
#include "ctl/registry.h"
#include <stdio.h>

/* ---- what answers look like ---- */

/* clang-format off */
#define S(...) #__VA_ARGS__

static const struct {
	const char *name, *schema;
} schemas[] = {
	{"Problem", S({"type":"object","required":["type","title","status","detail"],"properties":{
	    "type":{"type":"string"},"title":{"type":"string"},"status":{"type":"integer"},
	    "detail":{"type":"string"},
	    "errors":{"type":"array","items":{"type":"object","required":["detail"],"properties":{
		"pointer":{"type":"string"},"parameter":{"type":"string"},"detail":{"type":"string"}},

		"oneOf":[{"required":["pointer"]},{"required":["parameter"]}]}}}})},
	{"Job", S({"type":"object","required":["name","revision","created_at","changed_at",
	    "scheduled","open_runs"],
	    "properties":{"name":{"type":"string"},"revision":{"type":"integer","minimum":1},
	    "file":{"type":"string"},
	    "created_at":{"type":"string","format":"date-time"},"changed_at":{"type":"string",
	    "format":"date-time"},
	    "scheduled":{"type":"boolean"},"next_at":{"type":"string","format":"date-time"},
	    "open_runs":{"type":"array","items":{"type":"integer"}},
	    "spec":{"$ref":"#/components/schemas/JobSpec"},
	    "secrets_hidden":{"type":"boolean"}}})},
	{"Jobs", S({"type":"object","required":["items"],"properties":{"next":{"type":"string"},
	    "items":{"type":"array","items":{"$ref":"#/components/schemas/Job"}}}})},
	{"Stats", S({"type":"object","required":["discovered","fetched","failed","rejected",
	    "queued","in_flight","pages","outcomes","wait_ms"],
	    "properties":{"discovered":{"type":"integer"},"fetched":{"type":"integer"},
	    "failed":{"type":"integer"},
	    "rejected":{"type":"integer"},"queued":{"type":"integer"},
	    "in_flight":{"type":"integer"},"pages":{"type":"integer"},
	    "pages_per_second":{"type":"number"},"bytes_per_second":{"type":"number"},
	    "held_by":{"type":"string"},
	    "outcomes":{"type":"object","propertyNames":{"$ref":"#/components/schemas/Outcome"},
	    "additionalProperties":{"type":"integer"}},
	    "wait_ms":{"type":"object","additionalProperties":{"type":"integer"}}}})},
	{"Run", S({"type":"object","required":["id","job","state","trigger","revision",
	    "created_at","starts"],"properties":{
	    "id":{"type":"integer","minimum":1},"job":{"type":"string"},
	    "state":{"$ref":"#/components/schemas/RunState"},
	    "trigger":{"type":"string"},"revision":{"type":"integer"},
	    "created_at":{"type":"string","format":"date-time"},
	    "began_at":{"type":"string","format":"date-time"},"ended_at":{"type":"string",
	    "format":"date-time"},
	    "scheduled_for":{"type":"string","format":"date-time"},"starts":{"type":"integer"},
	    "end":{"type":"string"},
	    "why":{"type":"string"},"crawling":{"type":"boolean"},
	    "stats":{"$ref":"#/components/schemas/Stats"}}})},
	{"Runs", S({"type":"object","required":["items"],"properties":{"next":{"type":"string"},
	    "items":{"type":"array","items":{"$ref":"#/components/schemas/Run"}}}})},
	{"Page", S({"type":"object","required":["v","url","outcome","status"],
	    "properties":{"v":{"const":1},"url":{"type":"string"},
	    "outcome":{"$ref":"#/components/schemas/Outcome"},"status":{"type":"integer"},
	    "mime":{"type":"string"},
	    "title":{"type":"string"},"fetched_at":{"type":"string","format":"date-time"}}})},
	{"Pages", S({"type":"object","required":["items","at_end"],
	    "properties":{"next":{"type":"string"},"at_end":{"type":"boolean"},
	    "items":{"type":"array","items":{"$ref":"#/components/schemas/Page"}}}})},
	{"Hosts", S({"type":"object","required":["as_of","items"],
	    "properties":{"as_of":{"enum":["now","commit","report"]},
	    "items":{"type":"array","items":{"type":"object","required":["host"],
	    "properties":{"host":{"type":"string"},
	    "queued":{"type":"integer"},"done":{"type":"integer"},"in_flight":{"type":"integer"},
	    "waits_for":{"type":"string"},
	    "wait_ms":{"type":"integer"},"requests":{"type":"integer"}}}}}})},
	{"Explanation", S({"type":"object","required":["v","url","outcome"],
	    "properties":{"v":{"const":1},"url":{"type":"string"},
	    "outcome":{"type":"string"},"page":{"$ref":"#/components/schemas/Page"},
	    "host":{"type":"object"},"queue":{"type":"object"},
	    "would_be":{"type":"object"}}})},
	{"Lines", S({"type":"object","required":["items"],"properties":{"items":{"type":"array",
	    "items":{"type":"string"}}}})},
	{"Report", S({"type":"object","required":["job","state","fetched"],
	    "properties":{"job":{"type":"string"},
	    "state":{"type":"string"},"fetched":{"type":"integer"}}})},
	{"SeedsAdded", S({"type":"object","required":["run","added","known"],
	    "properties":{"run":{"type":"integer"},
	    "revision":{"type":"integer"},"added":{"type":"integer"},"known":{"type":"integer"}}})},
	{"Seeds", S({"type":"object","required":["seeds"],"additionalProperties":false,
	    "properties":{
	    "seeds":{"type":"array","minItems":1,"maxItems":10000,"items":{"type":"string"}}}})},
	{"Change", S({"type":"object","required":["run","preview","before","after"],
	    "properties":{"run":{"type":"integer"},
	    "revision":{"type":"integer"},"preview":{"type":"boolean"},"before":{"type":"object"},
	    "after":{"type":"object"},
	    "waiting_urls":{"type":"object","required":["waiting","sampled",
	    "would_be_out_of_scope","would_be_too_deep"],
	    "additionalProperties":{"type":"integer"}}}})},
	{"Start", S({"type":"object","additionalProperties":false,
	    "properties":{"again":{"type":"boolean"}}})},
	{"Status", S({"type":"object","required":["status"],
	    "properties":{"status":{"type":"string"}}})},
	{"Any", S({"type":"object"})},
};

/* Of a route: its good answer, what it takes, its parameters. */
static const struct answer {
	const char *method, *path, *status, *schema, *body, *type, *query;
} answers[] = {
	{"GET", "/api/v1/jobs", "200", "Jobs", NULL, NULL, "cursor limit prefix scheduled"},
	{"POST", "/api/v1/jobs", "201", "Job", "JobSpec", NULL, ""},
	{"GET", "/api/v1/jobs/{name}", "200", "Job", NULL, NULL, ""},
	{"PUT", "/api/v1/jobs/{name}", "200 201", "Job", "JobSpec", NULL, ""},
	{"PATCH", "/api/v1/jobs/{name}", "200", "Job", "Any", NULL, ""},
	{"DELETE", "/api/v1/jobs/{name}", "204", NULL, NULL, NULL, ""},
	{"GET", "/api/v1/jobs/{name}/runs", "200", "Runs", NULL, NULL, "cursor limit state sort"},
	{"POST", "/api/v1/jobs/{name}/runs", "201", "Run", "Start", NULL, ""},
	{"GET", "/api/v1/runs", "200", "Runs", NULL, NULL, "cursor limit state job sort"},
	{"GET", "/api/v1/runs/{id}", "200", "Run", NULL, NULL, ""},
	{"PATCH", "/api/v1/runs/{id}", "200", "Change", "Any", NULL, "preview"},
	{"POST", "/api/v1/runs/{id}:pause", "200", "Run", NULL, NULL, ""},
	{"POST", "/api/v1/runs/{id}:resume", "200", "Run", NULL, NULL, ""},
	{"POST", "/api/v1/runs/{id}:cancel", "200", "Run", NULL, NULL, ""},
	{"POST", "/api/v1/runs/{id}/seeds", "200", "SeedsAdded", "Seeds", NULL, ""},
	{"GET", "/api/v1/runs/{id}/pages", "200", "Pages", NULL, NULL,
	    "cursor limit sort outcome status mime prefix contains"},
	{"GET", "/api/v1/runs/{id}/hosts", "200", "Hosts", NULL, NULL, "limit"},
	{"GET", "/api/v1/runs/{id}/explain", "200", "Explanation", NULL, NULL, "url"},
	{"GET", "/api/v1/runs/{id}/log", "200", "Lines", NULL, NULL, "tail of"},
	{"GET", "/api/v1/runs/{id}/report", "200", "Report", NULL, NULL, ""},
	{"GET", "/api/v1/runs/{id}/history", "200", "Any", NULL, NULL, ""},
	{"GET", "/api/v1/runs/{id}/compare", "200", "Any", NULL, NULL, "with"},
	{"GET", "/api/v1/runs/{id}/events", "200", NULL, NULL, "text/event-stream", "kinds"},
	{"GET", "/api/v1/events", "200", NULL, NULL, "text/event-stream", "kinds"},
	{"GET", "/api/v1/profile", "200", "Any", NULL, NULL, "seconds"},
	{"GET", "/api/v1/openapi.json", "200", "Any", NULL, NULL, ""},
	{"GET", "/healthz", "200", "Status", NULL, NULL, ""},
	{"GET", "/readyz", "200", "Status", NULL, NULL, ""},
	{"GET", "/metrics", "200", NULL, NULL, "application/openmetrics-text text/plain", ""},
	{"GET", "/", "200", NULL, NULL, "text/html", ""},
	{"GET", "/ui/{file}", "200", NULL, NULL, "text/* image/*", ""},
};
/* clang-format on */

static const struct answer *
answer_of(const struct route *r)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (strcmp(answers[i].method, r->method) == 0 &&
		    strcmp(answers[i].path, r->path) == 0)
			return &answers[i];
	return NULL;
}

/* Its answer has an ETag: what has a revision, and the files of the dashboard. */
static bool
has_tag(const struct answer *a)
{
	if (a->schema == NULL)
		return strcmp(a->path, "/") == 0 || strcmp(a->path, "/ui/{file}") == 0;
	return strcmp(a->schema, "Job") == 0 || strcmp(a->schema, "Run") == 0;
}

/* The headers that change what a call does, with spaces between; "": none. */
static const char *
headers_of(const struct answer *a)
{
	if (a == NULL)
		return "";
	if (a->type != NULL && strcmp(a->type, "text/event-stream") == 0)
		return "Last-Event-ID";
	if (strcmp(a->method, "POST") == 0 && strcmp(a->status, "201") == 0)
		return "Idempotency-Key";
	if (strcmp(a->method, "PUT") == 0)
		return "If-Match If-None-Match";
	if (strcmp(a->method, "GET") != 0)
		return "If-Match";
	return has_tag(a) ? "If-None-Match" : "";
}

bool
openapi_knows(const struct route *r)
{
	return answer_of(r) != NULL;
}

/* ---- jobs ---- */

static void
write_words(struct jsonw *j, const struct option_row *row)
{
	struct slice word;

	jsonw_array(j, "enum");
	for (uint32_t i = 0; option_word(row, i, &word); i++)
		jsonw_str(j, NULL, word);
	jsonw_array_end(j);
}

static void
write_option(struct jsonw *j, const struct option_row *row)
{
	static const char *const types[] = {[OPTION_BOOL] = S([ "boolean", "string" ]),
	    [OPTION_U32] = S([ "integer", "string" ]),
	    [OPTION_COUNT] = S([ "integer", "string" ]),
	    [OPTION_SIZE] = S([ "integer", "string" ]),
	    [OPTION_TIME] = S([ "number", "string" ]),
	    [OPTION_DELAY] = S([ "number", "string" ]),
	    [OPTION_RATE] = S([ "number", "string" ]),
	    [OPTION_ENUM] = S([ "string", "boolean" ]),
	    [OPTION_STR] = S([ "string", "number" ]),
	    [OPTION_LIST] = S([ "array", "string" ])};

	jsonw_object(j, option_key(row));
	if (row->type == OPTION_ENUM)
		write_words(j, row);
	else
		jsonw_raw(j, "type", slice_cstr(types[row->type]));
	jsonw_str(j, "description", slice_cstr(row->help));
	if (row->type != OPTION_LIST && row->def != NULL)
		jsonw_str(j, "default", slice_cstr(row->def));
	jsonw_object_end(j);
}

static bool
is_first_of_section(size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(option_rows[k].section, option_rows[i].section) == 0)
			return false;
	return true;
}

static void
write_section(struct jsonw *j, const char *section)
{
	jsonw_object(j, section);
	jsonw_str(j, "type", SLICE_LIT("object"));
	jsonw_bool(j, "additionalProperties", false);
	jsonw_object(j, "properties");
	for (size_t i = 0; i < OPTION_ID_MAX; i++)
		if (strcmp(option_rows[i].section, section) == 0)
			write_option(j, &option_rows[i]);
	jsonw_object_end(j);
	jsonw_object_end(j);
}

static void
write_job_spec(struct jsonw *j)
{
	jsonw_object(j, "JobSpec");
	jsonw_str(j, "type", SLICE_LIT("object"));
	jsonw_bool(j, "additionalProperties", false);
	jsonw_object(j, "properties");
	jsonw_raw(j, "name",
	    SLICE_LIT(S(
		{"type" : "string", "pattern" : "^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$"})));
	jsonw_raw(j, "seeds",
	    SLICE_LIT(
		S({"type" : [ "array", "string" ], "items" : {"type" : "string"}})));
	jsonw_raw(j, "seeds_from", SLICE_LIT(S({"type" : [ "array", "string" ]})));
	jsonw_raw(j, "seeds_sitemaps", SLICE_LIT(S({"type" : [ "array", "string" ]})));
	jsonw_raw(
	    j, "rules", SLICE_LIT(S({"type" : "array", "items" : {"type" : "object"}})));
	jsonw_raw(j, "schedule", SLICE_LIT(S({"type" : "object"})));
	for (size_t i = 0; i < OPTION_ID_MAX; i++)
		if (is_first_of_section(i))
			write_section(j, option_rows[i].section);
	jsonw_object_end(j);
	jsonw_object_end(j);
}

static void
write_schemas(struct jsonw *j)
{
	jsonw_object(j, "schemas");
	for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++)
		jsonw_raw(j, schemas[i].name, slice_cstr(schemas[i].schema));
	jsonw_object(j, "Outcome");
	jsonw_array(j, "enum");
	for (unsigned i = 1; i < OUTCOME_MAX; i++)
		jsonw_str(j, NULL, slice_cstr(outcome_name((enum outcome)i)));
	jsonw_array_end(j);
	jsonw_object_end(j);
	jsonw_object(j, "RunState");
	jsonw_array(j, "enum");
	for (unsigned i = 0; i < RUN_STATE_MAX; i++)
		jsonw_str(j, NULL, slice_cstr(run_state_name((enum run_state)i)));
	jsonw_array_end(j);
	jsonw_object_end(j);
	write_job_spec(j);
	jsonw_object_end(j);
}

/* ---- paths ---- */

static void
write_parameter(struct jsonw *j, struct slice name, const char *in)
{
	bool in_path = strcmp(in, "path") == 0;

	jsonw_object(j, NULL);
	jsonw_str(j, "name", name);
	jsonw_str(j, "in", slice_cstr(in));
	jsonw_bool(j, "required",
	    in_path || slice_eq(name, SLICE_LIT("url")) ||
		slice_eq(name, SLICE_LIT("with")));
	jsonw_raw(j, "schema", SLICE_LIT(S({"type" : "string"})));
	jsonw_object_end(j);
}

static void
write_parameters(struct jsonw *j, const struct route *r, const struct answer *a)
{
	struct slice path = slice_cstr(r->path), one;
	struct slice query = slice_cstr(a == NULL ? "" : a->query);
	struct slice headers = slice_cstr(headers_of(a));

	jsonw_array(j, "parameters");
	while (slice_cut(&path, '/', &one))
		if (one.len > 2 && one.ptr[0] == '{')
			write_parameter(j,
			    slice_head(slice_from(one, 1), slice_find(one, '}') - 1),
			    "path");
	while (slice_cut(&query, ' ', &one))
		if (one.len > 0)
			write_parameter(j, one, "query");
	while (slice_cut(&headers, ' ', &one))
		if (one.len > 0)
			write_parameter(j, one, "header");
	jsonw_array_end(j);
}

static void
write_type(struct jsonw *j, const char *type, const char *schema)
{
	char ref[100];

	(void)snprintf(ref, sizeof(ref), "#/components/schemas/%s", schema);
	jsonw_object(j, type);
	jsonw_object(j, "schema");
	jsonw_str(j, "$ref", slice_cstr(ref));
	jsonw_object_end(j);
	jsonw_object_end(j);
}

static void
write_content(struct jsonw *j, const char *type, const char *schema)
{
	jsonw_object(j, "content");
	write_type(j, type, schema);
	jsonw_object_end(j);
}

static void
write_body(struct jsonw *j, const struct route *r, const char *schema)
{
	jsonw_object(j, "requestBody");
	jsonw_bool(j, "required", (r->flags & ROUTE_JSON_OPTIONAL) == 0);
	jsonw_object(j, "content");
	write_type(j, "application/json", schema);
	if ((r->flags & ROUTE_MERGE) != 0)
		write_type(j, "application/merge-patch+json", schema);
	jsonw_object_end(j);
	jsonw_object_end(j);
}

/* Of a good answer. */
static void
write_headers(struct jsonw *j, const char *status, const struct answer *a)
{
	static const char text[] = S({"required" : true, "schema" : {"type" : "string"}});
	bool made = strcmp(status, "201") == 0;

	if (!made && !has_tag(a))
		return;
	jsonw_object(j, "headers");
	if (has_tag(a))
		jsonw_raw(j, "ETag", slice_cstr(text));
	if (made)
		jsonw_raw(j, "Location", slice_cstr(text));
	jsonw_object_end(j);
}

/* What is text, in one of several forms. */
static void
write_texts(struct jsonw *j, const char *types)
{
	struct slice rest = slice_cstr(types), one;
	char type[40];

	jsonw_object(j, "content");
	while (slice_cut(&rest, ' ', &one)) {
		(void)snprintf(type, sizeof(type), SLICE_FMT, SLICE_ARG(one));
		jsonw_raw(j, type, SLICE_LIT(S({"schema" : {"type" : "string"}})));
	}
	jsonw_object_end(j);
}

static void
write_good(struct jsonw *j, const char *status, const struct answer *a)
{
	jsonw_object(j, status);
	jsonw_str(j, "description", SLICE_LIT("it is so"));
	if (a != NULL)
		write_headers(j, status, a);
	if (a != NULL && a->schema != NULL)
		write_content(j, "application/json", a->schema);
	else if (a != NULL && a->type != NULL)
		write_texts(j, a->type);
	jsonw_object_end(j);
}

static void
write_not_modified(struct jsonw *j, const struct answer *a)
{
	jsonw_object(j, "304");
	jsonw_str(j, "description", SLICE_LIT("it is what the client has"));
	write_headers(j, "304", a);
	jsonw_object_end(j);
}

static void
write_responses(struct jsonw *j, const struct answer *a)
{
	struct slice rest = slice_cstr(a == NULL ? "200" : a->status), one;
	char status[8];

	jsonw_object(j, "responses");
	while (slice_cut(&rest, ' ', &one)) {
		(void)snprintf(status, sizeof(status), SLICE_FMT, SLICE_ARG(one));
		write_good(j, status, a);
	}
	if (strcmp(headers_of(a), "If-None-Match") == 0)
		write_not_modified(j, a);
	jsonw_object(j, "default");
	jsonw_str(j, "description", SLICE_LIT("problem details (RFC 9457)"));
	write_content(j, "application/problem+json", "Problem");
	jsonw_object_end(j);
	jsonw_object_end(j);
}

static void
write_operation(struct jsonw *j, const struct route *r)
{
	const struct answer *a = answer_of(r);
	char method[8];
	size_t n = 0;

	for (; n < sizeof(method) - 1 && r->method[n] != '\0'; n++)
		method[n] = ascii_lower(r->method[n]);
	method[n] = '\0';
	jsonw_object(j, method);
	jsonw_str(j, "summary", slice_cstr(r->summary));
	write_parameters(j, r, a);
	if (a != NULL && a->body != NULL)
		write_body(j, r, a->body);
	write_responses(j, a);
	if ((r->flags & ROUTE_OPEN) == 0)
		jsonw_raw(j, "security", SLICE_LIT(S([ {"token" : []}, {} ])));
	jsonw_str(j, "x-role",
	    (r->flags & ROUTE_ADMIN) != 0  ? SLICE_LIT("admin")
	    : (r->flags & ROUTE_OPEN) != 0 ? SLICE_LIT("none")
					   : SLICE_LIT("read"));
	jsonw_object_end(j);
}

/* All of a path go together, whichever groups they are in. */
static void
write_path(struct jsonw *j, const struct route *const *groups, const struct route *first)
{
	for (const struct route *const *g = groups; *g != NULL; g++) {
		for (const struct route *r = *g; r->method != NULL; r++) {
			if (strcmp(r->path, first->path) != 0)
				continue;
			if (r == first)
				jsonw_object(j, r->path);
			write_operation(j, r);
		}
	}
	jsonw_object_end(j);
}

static bool
is_first_of_path(const struct route *const *groups, const struct route *of)
{
	for (const struct route *const *g = groups; *g != NULL; g++)
		for (const struct route *r = *g; r->method != NULL; r++)
			if (strcmp(r->path, of->path) == 0)
				return r == of;
	return false;
}

int
openapi_write(const struct route *const *groups, const char *version, struct buf *out)
{
	struct jsonw j;

	jsonw_init(&j, out);
	jsonw_object(&j, NULL);
	jsonw_str(&j, "openapi", SLICE_LIT("3.1.0"));
	jsonw_object(&j, "info");
	jsonw_str(&j, "title", SLICE_LIT("Trawl"));
	jsonw_str(&j, "version", slice_cstr(version));
	jsonw_object_end(&j);
	jsonw_object(&j, "paths");
	for (const struct route *const *g = groups; *g != NULL; g++)
		for (const struct route *r = *g; r->method != NULL; r++)
			if (is_first_of_path(groups, r))
				write_path(&j, groups, r);
	jsonw_object_end(&j);
	jsonw_object(&j, "components");
	write_schemas(&j);
	jsonw_raw(&j, "securitySchemes",
	    SLICE_LIT(S({"token" : {"type" : "http", "scheme" : "bearer"}})));
	jsonw_object_end(&j);
	jsonw_object_end(&j);
	return j.err;
}
