/*
 * sink/mirror_files.h -- what a mirror is made of, below DIR/mirror.work, while the crawl runs:
 *
 *   index      a record a page that is to be in the mirror: its URL, and where the rest is
 *   parts      documents in pieces, one behind the other (sink/mirror_page.h)
 *   new/X/Y    other files, whole, by the place of their record in the index
 *
 * All of it only grows, and is cut back to a commit by two lengths.  The files in `new` move
 * into the mirror when it is made; one that is neither here nor there was replaced.
 *
 * Errors:  -errno with the sentence; -ENOSPC leaves nothing behind that counts.
 * Threads: the store thread.
 */
#ifndef SINK_MIRROR_FILES_H
#define SINK_MIRROR_FILES_H
#include "base/buf.h"
#include "base/file_append.h"
#include "base/why.h"

enum mirror_what {
	MIRROR_NOTHING,
	MIRROR_FILE,     /* bytes as they are */
	MIRROR_PAGE,     /* pieces */
	MIRROR_REDIRECT, /* leads to another URL */
	MIRROR_WHAT_MAX
};

struct mirror_record {
	uint8_t what, kind; /* enum mirror_what; mirror_kind() */
	bool seed;
	uint64_t parts_at, parts_len;
	uint32_t pieces_sum; /* if `has_pieces_sum`: former versions have noted none */
	bool has_pieces_sum;
	struct slice url, target;
};

struct mirror_files {
	struct file_append index, parts;
	struct buf record;
	int new_fd;   /* directory */
	char *dir;    /* DIR/mirror.work */
	bool has_new; /* files that are not synced */
};

int mirror_files_open(
    struct mirror_files *f, const char *dir, struct slice mark, struct why *why);
void mirror_files_close(struct mirror_files *f);
/* `bytes`: of a FILE or PAGE. */
int mirror_files_add(struct mirror_files *f, struct mirror_record *rec,
    struct slice bytes, struct why *why);
int mirror_files_flush(struct mirror_files *f, struct why *why);
int mirror_files_sync(struct mirror_files *f, struct why *why);
int mirror_files_mark(const struct mirror_files *f, struct buf *out);
/* -EBADMSG: it is none. */
int mirror_files_parse_mark(struct slice mark, uint64_t *ret_index, uint64_t *ret_parts);

/* The record at a place of the index, and where the next one is; it borrows from `b`.
 * -EBADMSG. */
int mirror_record_read(const struct mirror_files *f, uint64_t at, struct buf *b,
    struct mirror_record *ret, uint64_t *ret_next);
/* Each record of the index of the crawl in DIR, up to a length, with its pieces; -EBADMSG with
 * the sentence: one is damaged, or its pieces are, or not within those of a length. */
int mirror_index_verify(
    const char *dir, uint64_t index_len, uint64_t parts_len, struct why *why);
/* -EBADMSG: they are damaged. */
int mirror_parts_read(
    const struct mirror_files *f, const struct mirror_record *rec, struct buf *b);
/* Below new_fd. */
enum { MIRROR_NEW_NAME_MAX = 40 };
void mirror_new_name(uint64_t at, char ret[MIRROR_NEW_NAME_MAX]);
#endif
