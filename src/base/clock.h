/*
 * base/clock.h -- the two clocks of the machine.
 *
 * Only the loop, the store thread and workers ask them; everything else is handed its
 * time, so that tests can run in virtual time.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
#include "base/why.h"
#include <stdint.h>

int64_t clock_mono_ms(void); /* CLOCK_MONOTONIC, milliseconds */
int64_t clock_mono_us(void); /* the same, microseconds */
int64_t clock_wall_us(void); /* CLOCK_REALTIME, microseconds since 1970 */
/* -ERANGE with the sentence: the machine's is before 1970, so that it was never set.  RocksDB
 * ends the process then. */
int clock_check(struct why *why);

/*
 * RFC 3339 in UTC, "2026-01-31T12:00:00Z" or with milliseconds; 0 digits or 3.  What is
 * not within the years 0000 to 9999 shows as the nearest that is.
 */
enum { CLOCK_TEXT_MAX = 32 };
void clock_format(int64_t wall_us, int digits, char ret[CLOCK_TEXT_MAX]);
/* 17 digits, yyyymmddhhmmssmmm, as archives are named. */
void clock_format17(int64_t wall_us, char ret[CLOCK_TEXT_MAX]);
#endif
