#include "crawl/job_yaml.h"
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
	const char *wrong;

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
