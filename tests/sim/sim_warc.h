/*
 * tests/sim/sim_warc.h -- a WARC reader that knows nothing of src/sink, and strict.
 *
 * By ISO 28500:2017 and RFC 1952, with zlib; what tests/e2e/warc.py is for the end-to-end
 * tests.  A member that is cut or holds more than a record, a missing header, a length or
 * digest that is not right: an error.
 */
#ifndef TESTS_SIM_WARC_H
#define TESTS_SIM_WARC_H
#include "base/slice.h"
#include "base/why.h"

struct sim_record {
	uint64_t offset, length; /* of the gzip member */
	struct slice type, uri, id, concurrent_to, warcinfo_id;
	struct slice block;   /* all of it ... */
	struct slice payload; /* ... and behind the HTTP head; empty without one */
	int status;           /* of a response */
};
/* Slices are valid within fn.  Not 0 ends it, and is returned. */
typedef int sim_record_fn(void *ctx, const struct sim_record *r, struct why *why);
/* `bytes`: a whole file. */
int sim_warc_read(struct slice bytes, sim_record_fn *fn, void *ctx, struct why *why);
#endif
