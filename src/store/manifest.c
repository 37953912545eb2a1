#include "store/manifest.h"
#include "store/logfile.h"
#include "store/varint.h"
#include <errno.h>
#include <sys/stat.h>

#include "base/banned.h"

enum { TABLES_MAX = 1 << 20 };

enum tag {
	COMPARATOR = 1,
	LOG_NUMBER = 2,
	NEXT_FILE_NUMBER = 3,
	LAST_SEQUENCE = 4,
	COMPACT_CURSOR = 5,
	DELETED_FILE = 6,
	PREV_LOG_NUMBER = 9,
	MIN_LOG_NUMBER = 10,
	NEW_FILE = 103,
	COLUMN_FAMILY = 200,
	COLUMN_FAMILY_ADD = 201,
	COLUMN_FAMILY_DROP = 202,
	MAX_COLUMN_FAMILY = 203,
	IN_ATOMIC_GROUP = 300,
	MAY_BE_IGNORED = 1 << 13, /* a bit; a length and as many bytes follow */
};

enum { NEW_FILE_END = 1 }; /* of its own fields */

static bool
skip_varints(struct slice *s, int n)
{
	uint64_t ignored;

	while (n-- > 0)
		if (!varint_take(s, &ignored))
			return false;
	return true;
}

static bool
skip_text(struct slice *s)
{
	struct slice ignored;

	return text_take(s, &ignored);
}

static int
take_deleted(struct manifest *m, struct slice *s)
{
	uint64_t level, number;

	if (!varint_take(s, &level) || !varint_take(s, &number))
		return -EBADMSG;
	(void)umap_take(&m->tables, number);
	return 0;
}

static int
take_new(struct manifest *m, struct slice *s)
{
	uint64_t level, number, size, tag;
	int r;

	if (!varint_take(s, &level) || !varint_take(s, &number) ||
	    !varint_take(s, &size) || size >= UINT64_MAX / 2 || !skip_text(s) ||
	    !skip_text(s) || !skip_varints(s, 2))
		return -EBADMSG;
	while (varint_take(s, &tag)) {
		if (tag == NEW_FILE_END) {
			r = umap_put(&m->tables, number, manifest_box(size));
			return r == -EEXIST ? -EBADMSG : r;
		}
		if (!skip_text(s))
			return -EBADMSG;
	}
	return -EBADMSG;
}

static int
take_min_log_number(struct manifest *m, struct slice *s)
{
	uint64_t number;

	if (!varint_take(s, &number))
		return -EBADMSG;
	if (number > m->wal_needed)
		m->wal_needed = number;
	return 0;
}

static int
take_field(struct manifest *m, uint64_t tag, struct slice *s)
{
	switch (tag) {
	case LOG_NUMBER:
	case NEXT_FILE_NUMBER:
	case LAST_SEQUENCE:
	case PREV_LOG_NUMBER:
	case COLUMN_FAMILY:
	case MAX_COLUMN_FAMILY:
	case IN_ATOMIC_GROUP:
		return skip_varints(s, 1) ? 0 : -EBADMSG;
	case COMPARATOR:
	case COLUMN_FAMILY_ADD:
		return skip_text(s) ? 0 : -EBADMSG;
	case COMPACT_CURSOR:
		return skip_varints(s, 1) && skip_text(s) ? 0 : -EBADMSG;
	case DELETED_FILE:
		return take_deleted(m, s);
	case NEW_FILE:
		return take_new(m, s);
	case MIN_LOG_NUMBER:
		return take_min_log_number(m, s);
	default:
		if ((tag & MAY_BE_IGNORED) != 0)
			return skip_text(s) ? 0 : -EBADMSG;
		m->is_understood = false;
		*s = (struct slice){0};
		return 0;
	}
}

static int
on_edit(void *ctx, struct slice edit)
{
	uint64_t tag;
	int r = 0;

	while (edit.len > 0 && r == 0)
		r = varint_take(&edit, &tag) ? take_field(ctx, tag, &edit) : -EBADMSG;
	return r;
}

int
manifest_read(int fd, struct manifest *ret)
{
	struct manifest m = {.is_understood = true};
	struct stat st;
	int r;

	umap_init(&m.tables, TABLES_MAX);
	r = logfile_check(fd, &m.sound_bytes, on_edit, &m);
	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r < 0) {
		manifest_release(&m);
		return r;
	}
	m.bytes = (uint64_t)st.st_size;
	*ret = m;
	return 0;
}

void
manifest_release(struct manifest *m)
{
	umap_release(&m->tables);
}
