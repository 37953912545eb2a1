/*
 * sink/warc_fields.h -- one record by what its head says, for those that make records.
 *
 * Internal to warc_record.c and warc_special.c.  Owns: nothing, slices are borrowed.
 * Errors: -ENOMEM, -EMSGSIZE.  Threads: those of the packer.
 */
#ifndef SINK_WARC_FIELDS_H
#define SINK_WARC_FIELDS_H
#include "sink/warc_record.h"

/* What distinguishes one record from another; empty fields are left out. */
struct warc_fields {
	struct slice type, id, content_type;
	struct slice warcinfo_id, concurrent_to;
	struct slice uri, ip, protocol, payload_digest, truncated, file;
	struct slice profile; /* of a revisit, and what it refers to */
	const struct warc_original *original;
	int64_t wall_us;
	struct slice block[2];
	bool is_fields; /* the block is names and values, like the head */
};

/* Appends it as a member.  Values are reduced to printable ASCII. */
int warc_add_record(struct warc_packer *p, const struct warc_fields *r, struct buf *out);
/* Of WARC-Profile; empty for what is no revisit. */
struct slice warc_profile(enum warc_revisit kind);
#endif
