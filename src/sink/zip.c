#include "sink/zip.h"
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <zlib.h>

#include "base/banned.h"

enum {
	VERSION_STORED = 20,
	VERSION_ZIP64 = 45,
	MADE_BY_UNIX = 3 << 8,
	UTF8_NAMES = 1 << 11,
	STEP_BYTES = 256 << 10,
	DIRECTORY_BYTES_MAX = 64 << 20,
	CRC_AT = 14, /* in a local header */
};

struct zip {
	FILE *f;
	uint16_t date, time;
	uint64_t at, entries;
	struct buf directory;
	EVP_MD *md;
	EVP_MD_CTX *sha256;
	unsigned char step[STEP_BYTES];
};

int
zip_new(FILE *f, int64_t wall_s, struct zip **ret)
{
	struct zip *z = calloc(1, sizeof(*z));
	time_t t = (time_t)wall_s;
	struct tm tm;

	if (z == NULL)
		return -ENOMEM;
	z->f = f;
	buf_init(&z->directory, DIRECTORY_BYTES_MAX);
	if (gmtime_r(&t, &tm) != NULL && tm.tm_year >= 80 && tm.tm_year < 80 + 128) {
		z->date = (uint16_t)((tm.tm_year - 80) << 9 | (tm.tm_mon + 1) << 5 |
				     tm.tm_mday);
		z->time = (uint16_t)(tm.tm_hour << 11 | tm.tm_min << 5 | tm.tm_sec / 2);
	}
	z->md = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	z->sha256 = EVP_MD_CTX_new();
	if (z->md == NULL || z->sha256 == NULL) {
		zip_free(z);
		return -ENOMEM;
	}
	*ret = z;
	return 0;
}

void
zip_free(struct zip *z)
{
	if (z == NULL)
		return;
	EVP_MD_CTX_free(z->sha256);
	EVP_MD_free(z->md);
	buf_release(&z->directory);
	free(z);
}

/* -- Numbers, the least byte first. -- */

static int
add_n(struct buf *b, uint64_t n, size_t bytes)
{
	char le[8];

	for (size_t i = 0; i < 8; i++)
		le[i] = (char)(n >> (8 * i));
	return buf_add(b, le, bytes);
}

struct field {
	uint64_t n;
	uint8_t bytes;
};

static int
add_fields(struct buf *b, const struct field *v, size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = add_n(b, v[i].n, v[i].bytes);
	return r;
}
#define ADD(b, ...)                                                                      \
	add_fields((b), (const struct field[]){__VA_ARGS__},                             \
	    sizeof((const struct field[]){__VA_ARGS__}) / sizeof(struct field))

static uint64_t
narrow(uint64_t n)
{
	return n >= UINT32_MAX ? UINT32_MAX : n;
}

static int
put(struct zip *z, const void *p, size_t n)
{
	errno = 0;
	if (fwrite(p, 1, n, z->f) != n)
		return errno != 0 ? -errno : -EIO;
	z->at += n;
	return 0;
}

static int
put_buf(struct zip *z, struct buf *b, int r)
{
	if (r == 0)
		r = put(z, b->ptr, b->len);
	buf_release(b);
	return r;
}

/* -- Entries. -- */

static int
put_local(struct zip *z, const char *name, uint64_t bytes)
{
	bool large = bytes >= UINT32_MAX;
	struct buf b;
	int r;

	buf_init(&b, 1 << 16);
	r = ADD(&b, {0x04034b50, 4}, {large ? VERSION_ZIP64 : VERSION_STORED, 2},
	    {UTF8_NAMES, 2}, {0, 2}, {z->time, 2}, {z->date, 2}, {0, 4},
	    {narrow(bytes), 4}, {narrow(bytes), 4}, {strlen(name), 2},
	    {large ? 20 : 0, 2});
	if (r == 0)
		r = buf_add_cstr(&b, name);
	if (r == 0 && large)
		r = ADD(&b, {1, 2}, {16, 2}, {bytes, 8}, {bytes, 8});
	return put_buf(z, &b, r);
}

static int
add_central(
    struct zip *z, const char *name, uint64_t bytes, uint32_t crc, uint64_t offset)
{
	bool large = bytes >= UINT32_MAX, far = offset >= UINT32_MAX;
	uint64_t extra = (large ? 16u : 0u) + (far ? 8u : 0u);
	struct buf *b = &z->directory;
	int r;

	r = ADD(b, {0x02014b50, 4}, {MADE_BY_UNIX | VERSION_ZIP64, 2},
	    {extra > 0 ? VERSION_ZIP64 : VERSION_STORED, 2}, {UTF8_NAMES, 2}, {0, 2},
	    {z->time, 2}, {z->date, 2}, {crc, 4}, {narrow(bytes), 4}, {narrow(bytes), 4},
	    {strlen(name), 2}, {extra > 0 ? extra + 4 : 0, 2}, {0, 2}, {0, 2}, {0, 2},
	    {(uint64_t)(S_IFREG | 0644) << 16, 4}, {narrow(offset), 4});
	if (r == 0)
		r = buf_add_cstr(b, name);
	if (r == 0 && extra > 0)
		r = ADD(b, {1, 2}, {extra, 2});
	if (r == 0 && large)
		r = ADD(b, {bytes, 8}, {bytes, 8});
	if (r == 0 && far)
		r = ADD(b, {offset, 8});
	z->entries++;
	return r;
}

static int
put_content(struct zip *z, FILE *from, uint64_t bytes, uint32_t *ret_crc)
{
	uLong crc = crc32(0, NULL, 0);
	size_t n;
	int r = 0;

	if (EVP_DigestInit_ex2(z->sha256, z->md, NULL) != 1)
		return -ENOMEM;
	while (r == 0 && (n = fread(z->step, 1, sizeof(z->step), from)) > 0) {
		crc = crc32(crc, z->step, (uInt)n);
		(void)EVP_DigestUpdate(z->sha256, z->step, n);
		if (n > bytes)
			return -EFBIG;
		bytes -= n;
		r = put(z, z->step, n);
	}
	if (r == 0 && ferror(from))
		r = -EIO;
	*ret_crc = (uint32_t)crc;
	return r == 0 && bytes > 0 ? -EFBIG : r;
}

static int
patch_crc(struct zip *z, uint64_t local_at, uint32_t crc)
{
	struct buf b;
	int r = 0;

	buf_init(&b, 16);
	if (fseeko(z->f, (off_t)(local_at + CRC_AT), SEEK_SET) != 0)
		r = -errno;
	if (r == 0)
		r = add_n(&b, crc, 4);
	if (r == 0 && fwrite(b.ptr, 1, 4, z->f) != 4)
		r = -EIO;
	if (fseeko(z->f, (off_t)z->at, SEEK_SET) != 0 && r == 0)
		r = -errno;
	buf_release(&b);
	return r;
}

int
zip_add(struct zip *z, const char *name, FILE *from, uint64_t *ret_bytes,
    char ret_sha256[ZIP_SHA256_TEXT_MAX])
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	uint64_t local_at = z->at, bytes;
	off_t start = ftello(from);
	struct stat st;
	uint32_t crc;
	int r;

	if (start < 0 || fstat(fileno(from), &st) < 0)
		return -errno;
	bytes = st.st_size < start ? 0 : (uint64_t)(st.st_size - start);
	r = put_local(z, name, bytes);
	if (r == 0)
		r = put_content(z, from, bytes, &crc);
	if (r == 0)
		r = patch_crc(z, local_at, crc);
	if (r == 0)
		r = add_central(z, name, bytes, crc, local_at);
	if (r == 0 && EVP_DigestFinal_ex(z->sha256, sum, NULL) != 1)
		r = -ENOMEM;
	if (r < 0)
		return r;
	memcpy(ret_sha256, "sha256:", 8);
	for (size_t i = 0; i < 32; i++)
		(void)snprintf(ret_sha256 + 7 + 2 * i, 3, "%02x", sum[i]);
	*ret_bytes = bytes;
	return 0;
}

int
zip_end(struct zip *z)
{
	uint64_t at = z->at, bytes = z->directory.len, n = z->entries;
	bool large = at >= UINT32_MAX || n >= UINT16_MAX;
	struct buf b;
	int r = z->directory.len > 0 ? put(z, z->directory.ptr, z->directory.len) : 0;

	buf_init(&b, 4096);
	if (r == 0 && large)
		r = ADD(&b, {0x06064b50, 4}, {44, 8}, {MADE_BY_UNIX | VERSION_ZIP64, 2},
		    {VERSION_ZIP64, 2}, {0, 4}, {0, 4}, {n, 8}, {n, 8}, {bytes, 8},
		    {at, 8}, {0x07064b50, 4}, {0, 4}, {at + bytes, 8}, {1, 4});
	if (r == 0)
		r = ADD(&b, {0x06054b50, 4}, {0, 2}, {0, 2},
		    {n >= UINT16_MAX ? UINT16_MAX : n, 2},
		    {n >= UINT16_MAX ? UINT16_MAX : n, 2}, {narrow(bytes), 4},
		    {narrow(at), 4}, {0, 2});
	return put_buf(z, &b, r);
}
