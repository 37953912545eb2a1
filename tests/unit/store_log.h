/*
 * tests/unit/store_log.h -- writing logs as RocksDB does.
 *
 * log_new() makes one in a directory of store_dir.h's.
 */
#ifndef TESTS_STORE_LOG_H
#define TESTS_STORE_LOG_H
#include "store/crc32c.h"
#include "store_dir.h"
#include <fcntl.h>

enum { LOG_BLOCK = 32 << 10, LOG_HEAD = 7 };

/* A log as RocksDB writes it. */
struct log {
	int fd;
	uint64_t len;
};

static inline struct log
log_new(void)
{
	char path[512];
	struct log l = {0};

	(void)snprintf(path, sizeof(path), "%s/log", store_dir_new());
	l.fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_true(l.fd >= 0);
	return l;
}

static inline void
log_add_bytes(struct log *l, const void *bytes, size_t n)
{
	assert_int_equal(pwrite(l->fd, bytes, n, (off_t)l->len), n);
	l->len += n;
}

static inline void
log_add_fragment(struct log *l, int type, const char *bytes, size_t n)
{
	char head[LOG_HEAD], *all = malloc(n + 1);
	uint32_t crc;

	assert_non_null(all);
	all[0] = (char)type;
	if (n > 0)
		memcpy(all + 1, bytes, n);
	crc = crc32c(slice_of(all, n + 1));
	crc = ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
	for (int i = 0; i < 4; i++)
		head[i] = (char)(crc >> (8 * i));
	head[4] = (char)(n & 0xff);
	head[5] = (char)(n >> 8);
	head[6] = (char)type;
	log_add_bytes(l, head, LOG_HEAD);
	log_add_bytes(l, bytes, n);
	free(all);
}

static inline void
log_add_record(struct log *l, const char *bytes, size_t n)
{
	size_t done = 0;
	bool first = true;

	do {
		size_t left = LOG_BLOCK - l->len % LOG_BLOCK, part = n - done;
		bool last;

		if (left < LOG_HEAD) {
			log_add_bytes(l, "\0\0\0\0\0\0", left);
			left = LOG_BLOCK;
		}
		if (part > left - LOG_HEAD)
			part = left - LOG_HEAD;
		last = done + part == n;
		log_add_fragment(l,
		    first && last ? 1
		    : first       ? 2
		    : last        ? 4
				  : 3,
		    bytes + done, part);
		done += part;
		first = false;
	} while (done < n);
}
#endif
