#include "crawl/job_yaml.h"
#include <stdio.h>
#include <string.h>

/* libyaml's words of a tab that stands where a line begins, which it may within brackets. */
static bool
may_mean_tab(const char *problem)
{
	return problem != NULL && (strstr(problem, "cannot start any token") != NULL ||
				      strstr(problem, "tab character") != NULL);
}

/* What to say of a file that libyaml cannot read, from line `line` (from 0) on; `problem`: its
 * own words, or NULL.  Often it is a tab, of which these do not speak. */
static const char *
problem_text(struct slice yaml, size_t line, const char *problem)
{
	struct slice text = {0};

	if (!may_mean_tab(problem))
		return problem == NULL ? "not YAML" : problem;
	for (size_t i = 0; i <= line; i++)
		if (!slice_cut(&yaml, '\n', &text))
			text = (struct slice){0};
	for (size_t i = 0; i < text.len && (text.ptr[i] == ' ' || text.ptr[i] == '\t');
	     i++)
		if (text.ptr[i] == '\t')
			return "a tab cannot indent a line; use spaces";
	return problem;
}

/* ---- depth ---- */

/* No more than so many bytes begin a list or a mapping within brackets: of others libyaml has as
 * many as there are, of these each costs it as much as there are around it. */
static bool
may_be_deep(struct slice yaml)
{
	size_t n = 0;

	for (size_t i = 0; i < yaml.len && n <= JOB_YAML_DEPTH_MAX; i++)
		n += yaml.ptr[i] == '[' || yaml.ptr[i] == '{';
	return n > JOB_YAML_DEPTH_MAX;
}

/* Up to the place, or to the end, or to what the loading will tell of. */
static bool
find_depth(yaml_parser_t *parser, yaml_mark_t *ret_at)
{
	size_t depth = 0;
	bool more = true;

	while (more && depth <= JOB_YAML_DEPTH_MAX) {
		yaml_event_t e;

		if (yaml_parser_parse(parser, &e) == 0)
			return false;
		more = e.type != YAML_STREAM_END_EVENT;
		*ret_at = e.start_mark;
		if (e.type == YAML_SEQUENCE_START_EVENT ||
		    e.type == YAML_MAPPING_START_EVENT)
			depth++;
		else if (e.type == YAML_SEQUENCE_END_EVENT ||
			 e.type == YAML_MAPPING_END_EVENT)
			depth--;
		yaml_event_delete(&e);
	}
	return more;
}

static const char *
check_depth(struct slice yaml, yaml_mark_t *ret_at)
{
	yaml_parser_t parser;
	bool deep;

	if (!may_be_deep(yaml))
		return NULL;
	if (yaml_parser_initialize(&parser) == 0)
		return "out of memory";
	yaml_parser_set_input_string(&parser, (const unsigned char *)yaml.ptr, yaml.len);
	deep = find_depth(&parser, ret_at);
	yaml_parser_delete(&parser);
	_Static_assert(JOB_YAML_DEPTH_MAX == 64, "the sentence says so");
	return deep ? "more than 64 lists and mappings within each other" : NULL;
}

/* ---- loading ---- */

static const char *
load(yaml_parser_t *parser, struct slice yaml, yaml_document_t *ret, yaml_mark_t *ret_at)
{
	if (yaml_parser_load(parser, ret) != 0)
		return NULL;
	*ret_at = parser->problem_mark;
	return parser->error == YAML_MEMORY_ERROR
		   ? "out of memory"
		   : problem_text(yaml, parser->problem_mark.line, parser->problem);
}

/* "---" and nothing behind it. */
static bool
is_empty(const yaml_node_t *root)
{
	return root->type == YAML_SCALAR_NODE && root->data.scalar.length == 0 &&
	       root->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* Empty ones are no documents, however many; one without a root is the end of the file. */
static const char *
check_end(yaml_parser_t *parser, struct slice yaml, yaml_mark_t *ret_at)
{
	const char *wrong = NULL;
	bool at_end = false;

	while (wrong == NULL && !at_end) {
		yaml_document_t more;
		const yaml_node_t *root;

		wrong = load(parser, yaml, &more, ret_at);
		if (wrong != NULL)
			break;
		root = yaml_document_get_root_node(&more);
		at_end = root == NULL;
		if (!at_end && !is_empty(root)) {
			wrong = "a second document begins here; a file holds one";
			*ret_at = more.start_mark;
		}
		yaml_document_delete(&more);
	}
	return wrong;
}

const char *
job_yaml_load(struct slice yaml, yaml_document_t *ret, yaml_mark_t *ret_at)
{
	yaml_parser_t parser;
	const char *wrong = check_depth(yaml, ret_at);

	if (wrong != NULL)
		return wrong;
	*ret_at = (yaml_mark_t){0};
	if (yaml_parser_initialize(&parser) == 0)
		return "out of memory";
	yaml_parser_set_input_string(
	    &parser, (const unsigned char *)(yaml.ptr == NULL ? "" : yaml.ptr), yaml.len);
	wrong = load(&parser, yaml, ret, ret_at);
	if (wrong == NULL) {
		wrong = check_end(&parser, yaml, ret_at);
		if (wrong != NULL)
			yaml_document_delete(ret);
	}
	yaml_parser_delete(&parser);
	return wrong;
}

/* ---- what is in it ---- */

bool
job_yaml_is_null(const yaml_node_t *scalar, char ret[JOB_YAML_NULL_MAX])
{
	static const char *const words[] = {"~", "null", "Null", "NULL"};

	if (scalar->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (scalar->data.scalar.length != strlen(words[i]) ||
		    strcmp((const char *)scalar->data.scalar.value, words[i]) != 0)
			continue;
		(void)snprintf(ret, JOB_YAML_NULL_MAX,
		    "%s is no value: leave the key out, or put the word in quotes",
		    words[i]);
		return true;
	}
	return false;
}

static bool
is_same_key(const yaml_node_t *a, const yaml_node_t *b)
{
	return a->type == YAML_SCALAR_NODE && b->type == YAML_SCALAR_NODE &&
	       a->data.scalar.length == b->data.scalar.length &&
	       memcmp(a->data.scalar.value, b->data.scalar.value,
		   a->data.scalar.length) == 0;
}

size_t
job_yaml_first_line(
    yaml_document_t *doc, const yaml_node_t *map, const yaml_node_pair_t *pair)
{
	const yaml_node_t *key = yaml_document_get_node(doc, pair->key);

	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < pair; p++) {
		const yaml_node_t *other = yaml_document_get_node(doc, p->key);

		if (is_same_key(key, other))
			return other->start_mark.line + 1;
	}
	return 0;
}
