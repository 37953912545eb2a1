/*
 * sink/csv.h -- which columns pages.csv has.
 *
 * Names with commas between: those of csv.c's table, "fields.NAME" for an extracted field,
 * "fields" for all of them that are not named; an empty list stands for CSV_USUAL.
 *
 * Owns:    nothing.
 * Errors:  -EINVAL with the sentence.
 * Threads: any.
 */
#ifndef SINK_CSV_H
#define SINK_CSV_H
#include "sink/sink.h"
#include "web/select.h"

#define CSV_USUAL "url,outcome,status,mime,bytes_body,title,depth,via,fetched_at,fields"

enum { CSV_COLUMNS_MAX = 128 };

struct csv_layout {
	size_t n;
	struct {
		uint8_t id;    /* in the table */
		uint8_t field; /* of the select, where it is one */
	} at[CSV_COLUMNS_MAX];
};

/* `select` NULL: no fields are extracted. */
int csv_layout_init(struct csv_layout *l, struct slice columns,
    const struct select *select, struct why *why);
#endif
