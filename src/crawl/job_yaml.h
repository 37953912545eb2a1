/*
 * crawl/job_yaml.h -- what the readers of YAML files, jobs and settings, have in common.
 *
 * Owns:    nothing.   Threads: any.
 */
#ifndef CRAWL_JOB_YAML_H
#define CRAWL_JOB_YAML_H
#include "base/slice.h"
#include <stdbool.h>
#include <yaml.h>

/* NULL: the one document of a file is in *ret, the caller's to delete.  Else what is wrong, and
 * where: a text that stays.  What lies deeper than JOB_YAML_DEPTH_MAX is wrong if the file has more
 * opening brackets than that; by indentation alone it may lie deeper. */
enum { JOB_YAML_DEPTH_MAX = 64 };
const char *job_yaml_load(struct slice yaml, yaml_document_t *ret, yaml_mark_t *ret_at);
/* What YAML takes for nothing though something stands there: null or ~, without quotes.  `ret`:
 * what to say of it. */
enum { JOB_YAML_NULL_MAX = 100 };
bool job_yaml_is_null(const yaml_node_t *scalar, char ret[JOB_YAML_NULL_MAX]);
/* The line (from 1) in which a key of the mapping is before this pair already; 0: in none.  YAML
 * 1.2.2 (3.2.1.1) wants keys to be unique, libyaml does not look. */
size_t job_yaml_first_line(
    yaml_document_t *doc, const yaml_node_t *map, const yaml_node_pair_t *pair);
#endif
