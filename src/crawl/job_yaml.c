#include "crawl/job_yaml.h"
#include <string.h>

/* libyaml's words of a tab that stands where a line begins, which it may within brackets. */
static bool
may_mean_tab(const char *problem)
{
	return problem != NULL && (strstr(problem, "cannot start any token") != NULL ||
				      strstr(problem, "tab character") != NULL);
}

const char *
job_yaml_problem(struct slice yaml, size_t line, const char *problem)
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
