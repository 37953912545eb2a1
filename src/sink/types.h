/*
 * sink/types.h -- the sinks there are, for the table in sink.c.
 */
#ifndef SINK_TYPES_H
#define SINK_TYPES_H
#include "sink/sink.h"

extern const struct sink_type sink_warc;         /* warc.c */
extern const struct sink_type sink_jsonl;        /* jsonl.c */
extern const struct sink_type sink_output;       /* stdout.c */
extern const struct sink_type sink_exec;         /* exec.c */
extern const struct sink_type sink_s3;           /* s3.c */
extern const struct sink_type sink_csv;          /* csv.c */
extern const struct sink_type sink_sqlite;       /* sqlite.c */
extern const struct sink_type sink_mirror;       /* mirror.c */
extern const struct sink_type sink_cdxj;         /* cdxj.c */
extern const struct sink_type sink_checks;       /* checks.c */
extern const struct sink_type sink_none;         /* sink.c */
extern const struct sink_type sink_crawl_log;    /* crawl_log.c */
extern const struct sink_type sink_rejected_log; /* rejected_log.c */
extern const struct sink_type sink_changes;      /* changes.c */
#endif
