/*
 * sink/uploads.h -- files of a crawl brought to S3, and which of them are there.
 *
 * What is there and was verified has a line in DIR/s3.log: size, MD5, name.  A file is put
 * again when it has grown or changed since; to put one twice is harmless.
 *
 * Owns:    its list and its log.
 * Errors:  -ECANCELED; -EAGAIN, after the tries that were asked for; any other: trying
 *          again is of no use; with the sentence.
 * Threads: any, one at a time; waits and blocks.
 */
#ifndef SINK_UPLOADS_H
#define SINK_UPLOADS_H
#include "base/slice.h"
#include "base/why.h"
#include "net/s3.h"

struct uploads;
struct uploads_conf {
	struct s3_conf s3;
	uint32_t retries; /* of a file, after the first try */
	bool extras;      /* also what is not the archive, at the end */
	bool remove;      /* archive files that are there; never the one that grows */
};

int uploads_new(const struct uploads_conf *conf, const char *dir,
    const atomic_bool *cancel, void (*tell)(const char *text), struct uploads **ret,
    struct why *why);
void uploads_free(struct uploads *u);
/* `name` is below the crawl's directory. */
int uploads_put(struct uploads *u, const char *name, struct why *why);
/* Whole files of the archive, but for those from number `below` on; each is put, and removed
 * if that was asked for and it is not the last there is.  UINT64_MAX: all.  -ENOENT: there is
 * no archive. */
int uploads_archive(struct uploads *u, uint64_t below, struct why *why);
/* The number in the name of an archive file. */
bool uploads_serial(struct slice name, uint64_t *ret);

/* All that a crawl has when it is over.  Returns how many files are not there, or -errno. */
int uploads_rest(const struct uploads_conf *conf, const char *dir,
    const atomic_bool *cancel, void (*tell)(const char *text), struct why *why);
#endif
