/*
 * net/s3.h -- files put into a bucket of S3-compatible storage, one at a time.
 *
 * A PUT of the whole file, signed (AWS Signature Version 4) with its SHA-256 and its MD5,
 * both of which the server checks; then a HEAD that must tell the same size and, where the
 * server's ETag is an MD5, the same one.  Doing it again is harmless.
 *
 * The address policy does not apply: the endpoint is the user's own.  TLS is verified.
 *
 * Owns:    copies of what it is given; secrets are wiped when freed.
 * Errors:  -EAGAIN it may work later, -ECANCELED, -ENOMEM, -EFBIG; any other: it will not
 *          work until somebody changes something; with the sentence.
 * Clock:   its own, libcurl's.
 * Threads: any, one at a time; blocks.  SIGPIPE must be ignored.
 */
#ifndef NET_S3_H
#define NET_S3_H
#include "base/why.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct s3;

struct s3_conf {
	const char *endpoint; /* "https://s3.example.org" */
	const char *region, *bucket;
	const char *prefix;        /* before names; may be NULL */
	const char *storage_class; /* NULL: the bucket's own */
	const char *ca;            /* file, PEM; NULL: the system's */
	bool path_style;           /* the bucket in the path, not in the host's name */
	const char *access_key, *secret_key, *token; /* token: may be NULL */
	int64_t timeout_ms; /* to connect, and without anything moving */
};

/* What S3 takes in one piece. */
#define S3_FILE_BYTES_MAX (UINT64_C(5) << 30)

struct s3_file {
	int fd;
	uint64_t size;
	unsigned char md5[16], sha256[32];
};

/* Each value by itself.  -EINVAL: it cannot be; the sentence begins with its option. */
int s3_bucket_check(const char *bucket, struct why *why);
int s3_region_check(const char *region, struct why *why);
int s3_storage_class_check(const char *name, struct why *why);
int s3_prefix_check(const char *prefix, struct why *why);
int s3_endpoint_check(const char *endpoint, struct why *why);

/* -EINVAL: as above. */
int s3_new(const struct s3_conf *conf, struct s3 **ret, struct why *why);
void s3_free(struct s3 *s);
/* Reads all of the file from its beginning. */
int s3_file_init(struct s3_file *f, int fd, const atomic_bool *cancel, struct why *why);
/* Puts it there under prefix + name, and looks whether it is there. */
int s3_put(struct s3 *s, const char *name, const struct s3_file *f,
    const atomic_bool *cancel, struct why *why);
#endif
