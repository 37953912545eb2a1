/*
 * web/pattern_date.h -- dates as they stand in URLs; of web/pattern.c.
 *
 * A day is told as days since 1970-01-01, a month as its first.
 */
#ifndef WEB_PATTERN_DATE_H
#define WEB_PATTERN_DATE_H
#include "base/slice.h"

enum date_place {
	DATE_IN_PATH,  /* 2031/05 is a date; the year of what is none is not one */
	DATE_IN_VALUE, /* also 05/2031 and 01.05.2031 */
};
/* Bytes of the date that `s` begins with; 0: none. */
size_t date_find(struct slice s, enum date_place place, int32_t *ret_day);

/* The date of a query: in one parameter, or in those for year, month and day. */
struct date_parts {
	bool whole;
	int32_t day; /* if whole */
	uint32_t y, m, d;
};
void date_parts_add(struct date_parts *p, struct slice name, struct slice value);
bool date_parts_day(const struct date_parts *p, int32_t *ret_day);

/* The name of a month or of a day of the week, whole or short, in English, German, French,
 * Spanish, Italian, Portuguese or Dutch; ASCII case does not matter. */
bool date_is_name(struct slice word);
const char *date_name(size_t i); /* in lower case; NULL: there are no more */
#endif
