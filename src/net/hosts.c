#include "net/hosts.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

enum {
	CHECK_EVERY_MS = 1000,
	FILE_BYTES_MAX = 16 << 20,
	NAMES_MAX = 1 << 20,
	NAME_BYTES_MAX = 253,
	ARENA_BLOCK_BYTES = 16 << 10,
	ARENA_BYTES_MAX = 128 << 20,
};

struct host_addr {
	struct host_addr *next;
	struct host_addr *last; /* of the chain; kept in its first only */
	struct addr addr;
};

struct table {
	struct arena arena; /* names and addresses */
	struct map by_name; /* name -> struct host_addr, first of the chain */
};

struct hosts {
	char *path;
	struct table table;
	struct stat seen; /* of the file that table was read from; zeroes: none */
	int64_t check_ms; /* look again from then on */
};

static void
table_init(struct table *t)
{
	arena_init(&t->arena, ARENA_BLOCK_BYTES, ARENA_BYTES_MAX);
	map_init(&t->by_name, NAMES_MAX);
}

static void
table_release(struct table *t)
{
	map_release(&t->by_name);
	arena_release(&t->arena);
}

int
hosts_new(const char *path, struct hosts **ret)
{
	struct hosts *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return -ENOMEM;
	h->path = slice_dup(slice_cstr(path));
	if (h->path == NULL) {
		free(h);
		return -ENOMEM;
	}
	h->check_ms = INT64_MIN;
	table_init(&h->table);
	*ret = h;
	return 0;
}

void
hosts_free(struct hosts *h)
{
	if (h == NULL)
		return;
	table_release(&h->table);
	free(h->path);
	free(h);
}

static int
table_add(struct table *t, struct slice name, const struct addr *a)
{
	struct host_addr *node, *first;
	char *text;

	if (name.len > 0 && name.ptr[name.len - 1] == '.')
		name.len--;
	if (name.len == 0 || name.len > NAME_BYTES_MAX)
		return 0;
	node = arena_alloc(&t->arena, sizeof(*node));
	text = arena_text(&t->arena, name.len);
	if (node == NULL || text == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < name.len; i++)
		text[i] = ascii_lower(name.ptr[i]);
	node->addr = *a;
	name.ptr = text;
	first = map_get(&t->by_name, name);
	if (first == NULL) {
		node->last = node;
		return map_put(&t->by_name, name, node);
	}
	first->last->next = node;
	first->last = node;
	return 0;
}

static bool
next_word(struct slice *rest, struct slice *ret)
{
	size_t n = 0;

	*rest = slice_trim(*rest);
	while (n < rest->len && !ascii_is_space(rest->ptr[n]))
		n++;
	*ret = slice_head(*rest, n);
	*rest = slice_from(*rest, n);
	return n > 0;
}

/* Lines of "ADDRESS NAME..." with comments; those that begin otherwise are passed over.
 */
static int
table_parse(struct table *t, struct slice text)
{
	struct slice line, word;
	struct addr a;
	int r;

	while (slice_cut(&text, '\n', &line)) {
		line = slice_head(line, slice_find(line, '#'));
		if (!next_word(&line, &word) || !addr_parse(word, &a))
			continue;
		while (next_word(&line, &word)) {
			r = table_add(t, word, &a);
			if (r < 0)
				return r == -ENOSPC ? 0 : r;
		}
	}
	return 0;
}

static int
file_read(int fd, struct buf *b)
{
	for (;;) {
		ssize_t n;
		int r;

		r = buf_reserve(b, 64 << 10);
		if (r == -EMSGSIZE)
			return 0;
		if (r < 0)
			return r;
		n = read(fd, b->ptr + b->len, 64 << 10);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		b->len += (size_t)n;
	}
}

static int
table_read(struct table *t, int fd)
{
	struct buf text;
	int r;

	buf_init(&text, FILE_BYTES_MAX);
	r = file_read(fd, &text);
	if (r == 0)
		r = table_parse(t, buf_slice(&text));
	buf_release(&text);
	return r;
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void
hosts_refresh(struct hosts *h)
{
	struct stat st = {0};
	struct table t;
	int fd, r = 0;

	if (stat(h->path, &st) < 0)
		st = (struct stat){0};
	if (same_file(&st, &h->seen))
		return;
	table_init(&t);
	/* O_NONBLOCK: somebody may have put a pipe there. */
	fd = open(h->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0) {
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
			r = table_read(&t, fd);
		(void)close(fd);
	}
	if (r < 0) {
		table_release(&t);
		return;
	}
	table_release(&h->table);
	h->table = t;
	h->seen = st;
}

uint32_t
hosts_find(struct hosts *h, int64_t now_ms, struct slice name, struct addr *ret,
    uint32_t addrs_max)
{
	uint32_t n = 0;

	if (now_ms >= h->check_ms) {
		h->check_ms = now_ms + CHECK_EVERY_MS;
		hosts_refresh(h);
	}
	for (const struct host_addr *a = map_get(&h->table.by_name, name);
	     a != NULL && n < addrs_max; a = a->next)
		ret[n++] = a->addr;
	return n;
}
