/*
 * Input: a letter, then what RocksDB's files may be.
 *   l  a log                 m  a MANIFEST
 *   e  one edit a line, with "\xx" for bytes in hexadecimal: packed as a MANIFEST
 *   t  the end of a table    k  the file of marks
 * What is called sound lies in the file; a log whose records are packed again is whole.
 * Without RocksDB there is nothing to read.
 */
#include "fuzz.h"
#include "store/logfile.h"
#include "store/manifest.h"
#include "store/mark.h"
#include "store/sstable.h"
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#if HAVE_ROCKSDB

static int
file_of(struct slice bytes)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0);
	FUZZ_CHECK(write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
	return fd;
}

/* Those that do not fit into the first block are left out. */
static int
on_record(void *ctx, struct slice record)
{
	struct buf *again = ctx;
	int r = logfile_add(again, record);

	FUZZ_CHECK(r == 0 || r == -EMSGSIZE);
	return 0;
}

static void
log_use(struct slice bytes)
{
	uint64_t end = 0, again_end = 0, from = 0;
	struct buf again;
	int fd = file_of(bytes), other;

	buf_init(&again, 1 << 20);
	FUZZ_CHECK(logfile_check(fd, &end, on_record, &again) == 0);
	FUZZ_CHECK(end <= bytes.len);
	from = end;
	FUZZ_CHECK(logfile_check(fd, &from, NULL, NULL) == 0 && from == end);
	other = file_of(buf_slice(&again));
	FUZZ_CHECK(logfile_check(other, &again_end, NULL, NULL) == 0);
	FUZZ_CHECK(again_end == again.len);
	buf_release(&again);
	(void)close(other);
	(void)close(fd);
}

static void
manifest_use(struct slice bytes)
{
	struct manifest m;
	int fd = file_of(bytes);

	if (manifest_read(fd, &m) == 0) {
		FUZZ_CHECK(m.sound_bytes <= m.bytes && m.bytes == bytes.len);
		manifest_release(&m);
	}
	(void)close(fd);
}

static void
edits_use(struct slice rest)
{
	struct buf log, edit;

	buf_init(&log, 1 << 20);
	buf_init(&edit, 1 << 20);
	while (rest.len > 0) {
		struct slice line = fuzz_line(&rest);

		buf_clear(&edit);
		for (size_t i = 0; i < line.len; i++) {
			char c = line.ptr[i];

			if (c == '\\' && line.len - i > 2 &&
			    ascii_hex(line.ptr[i + 1]) >= 0 &&
			    ascii_hex(line.ptr[i + 2]) >= 0) {
				c = (char)(ascii_hex(line.ptr[i + 1]) << 4 |
					   ascii_hex(line.ptr[i + 2]));
				i += 2;
			}
			FUZZ_CHECK(buf_add_byte(&edit, c) == 0);
		}
		if (logfile_add(&log, buf_slice(&edit)) != 0)
			break;
	}
	manifest_use(buf_slice(&log));
	buf_release(&edit);
	buf_release(&log);
}

static void
marks_use(struct slice bytes)
{
	struct mark_file f;
	char path[64];
	int fd = file_of(bytes);

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (mark_open(path, false, true, &f) == 0)
		mark_close(&f);
	(void)close(fd);
}
#endif

FUZZ_TARGET(rocks)
{
	struct slice rest = slice_of(data, size);
	uint8_t what = fuzz_byte(&rest);
#if HAVE_ROCKSDB
	int fd;

	switch (what) {
	case 'l':
		log_use(rest);
		break;
	case 'm':
		manifest_use(rest);
		break;
	case 'e':
		edits_use(rest);
		break;
	case 't':
		fd = file_of(rest);
		(void)sstable_check(fd, rest.len);
		(void)close(fd);
		break;
	default:
		marks_use(rest);
	}
#else
	(void)what;
#endif
	return 0;
}
