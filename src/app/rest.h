/*
 * app/rest.h -- what --sink s3 has yet to put there when a crawl is over.
 */
#ifndef APP_REST_H
#define APP_REST_H
#include "crawl/job.h"

/*
 * `stopped`: nothing more is put, only told of.  Blocks; SIGINT and SIGTERM, which nobody
 * else may wait for, break it off.  Returns the exit code; said what is not there.
 */
int upload_rest(const struct job *job, const char *dir, bool stopped);
#endif
