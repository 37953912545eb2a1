/*
 * crawl/storage.h -- what the options of --sink s3 and the keys for it come to.
 *
 * Keys are in the file of --s3-credentials (lines aws_access_key_id = ..., of its section
 * [default]), or else in the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
 * AWS_SESSION_TOKEN.  They get into no file and no log of ours.
 *
 * Owns:    the keys, wiped when released; texts of the options are borrowed.
 * Errors:  -EINVAL with the sentence, which begins with the option.
 */
#ifndef CRAWL_STORAGE_H
#define CRAWL_STORAGE_H
#include "crawl/options.h"
#include "sink/uploads.h"

struct storage {
	struct uploads_conf conf; /* valid as long as the rest, and the options, are */
	struct buf keys[3];
};
bool storage_is_asked(const struct options *o); /* --sink s3 */
int storage_init(struct storage *s, const struct options *o, struct why *why);
void storage_release(struct storage *s);
/* All that the crawl in `dir` has when it is over (sink/uploads.h), if that was asked for.
 * Returns how many files are not there, or -errno; blocks. */
int storage_put_rest(const struct options *o, const char *dir, const atomic_bool *cancel,
    void (*tell)(const char *text), struct why *why);
#endif
