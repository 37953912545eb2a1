/*
 * Input: the bytes of an archive file.  Reading ends, pieces of a block are no more than
 * it says, places lie in the file, and whoever checks it neither dies nor loses count.
 */
#include "fuzz.h"
#include "sink/warc_verify.h"
#include <sys/mman.h>
#include <unistd.h>

static void
on_fault(void *ctx, const struct warc_fault *f)
{
	size_t *size = ctx;

	FUZZ_CHECK(f->offset <= *size && f->text[0] != '\0');
}

static uint64_t
read_all(const char *path, size_t size)
{
	const struct warc_watch watch = {on_fault, &size};
	struct warc_reader *r;
	struct warc_rec rec;
	struct why why;
	uint64_t records = 0, bytes;
	struct slice piece;
	int n;

	n = warc_reader_open(path, &watch, &r, &why);
	if (n < 0)
		return 0;
	while ((n = warc_reader_next(r, &rec, &why)) > 0) {
		records++;
		FUZZ_CHECK(rec.offset < size);
		for (bytes = 0; (n = warc_reader_block(r, &piece, &why)) > 0;
		     bytes += piece.len)
			FUZZ_CHECK(piece.len > 0);
		FUZZ_CHECK(n == 0 && bytes <= rec.block_bytes);
		FUZZ_CHECK(warc_reader_end(r, &rec, &why) == 0);
		FUZZ_CHECK(rec.length <= size - rec.offset);
		FUZZ_CHECK(!rec.whole || bytes == rec.block_bytes);
	}
	FUZZ_CHECK(n == 0);
	warc_reader_close(r);
	return records;
}

FUZZ_TARGET(warc)
{
	const struct warc_watch watch = {on_fault, &size};
	struct warc_counts counts;
	struct warc_verify *v;
	struct why why;
	char path[64];
	uint64_t records;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	FUZZ_CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	records = read_all(path, size);
	FUZZ_CHECK(warc_verify_new("/tmp", &watch, &v) == 0);
	if (warc_verify_file(v, path, &why) == 0) {
		FUZZ_CHECK(warc_verify_end(v, &counts, &why) == 0);
		FUZZ_CHECK(counts.records == records);
		FUZZ_CHECK(records > 0 || counts.faults > 0);
	}
	warc_verify_free(v);
	(void)close(fd);
	return 0;
}
