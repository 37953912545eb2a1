#include "sink/lines.h"
#include "base/escape.h"
#include "sink/jsonl.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/banned.h"

enum {
	FILE_BUF_BYTES = 128 << 10,
	LINE_BYTES_MAX = JSONL_LINE_BYTES_MAX, /* the longest there are */
	CHUNK_BYTES = 64 << 10,
};

/* ---- the sum ---- */

/* Of a text that ends with a line. */
uint64_t
lines_sum(struct slice text)
{
	uint64_t sum = 0;

	while (text.len > 0) {
		size_t n = slice_find(text, '\n');

		n += n < text.len;
		sum += XXH3_64bits(text.ptr, n);
		text = slice_from(text, n);
	}
	return sum;
}

struct summing {
	XXH3_state_t *hash;
	uint64_t sum;
	bool within; /* a line */
};

static void
sum_chunk(struct summing *s, struct slice chunk)
{
	while (chunk.len > 0) {
		size_t n = slice_find(chunk, '\n');
		bool ends = n < chunk.len;

		n += ends;
		if (!s->within)
			(void)XXH3_64bits_reset(s->hash);
		(void)XXH3_64bits_update(s->hash, chunk.ptr, n);
		s->within = !ends;
		if (ends)
			s->sum += XXH3_64bits_digest(s->hash);
		chunk = slice_from(chunk, n);
	}
}

/* -EBADMSG: it is shorter. */
static int
sum_file(int fd, uint64_t length, uint64_t *ret)
{
	struct summing s = {.hash = XXH3_createState()};
	char chunk[CHUNK_BYTES];
	int r = s.hash == NULL ? -ENOMEM : 0;

	while (length > 0 && r == 0) {
		size_t want = length < sizeof(chunk) ? (size_t)length : sizeof(chunk);
		ssize_t n = read(fd, chunk, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			r = n < 0 ? -errno : -EBADMSG;
			break;
		}
		sum_chunk(&s, slice_of(chunk, (size_t)n));
		length -= (uint64_t)n;
	}
	if (s.within)
		s.sum += XXH3_64bits_digest(s.hash);
	(void)XXH3_freeState(s.hash);
	*ret = s.sum;
	return r;
}

/* "LENGTH SUM"; an older trawl had "LENGTH". */
static bool
mark_parse(struct slice mark, uint64_t *ret_length, uint64_t *ret_sum, bool *ret_summed)
{
	struct slice length;

	*ret_sum = 0;
	if (slice_to_u64(mark, ret_length)) {
		*ret_summed = *ret_length == 0;
		return true;
	}
	*ret_summed = true;
	return slice_cut(&mark, ' ', &length) && slice_to_u64(length, ret_length) &&
	       slice_to_u64(mark, ret_sum);
}

int
lines_verify(const char *dir, const char *name, struct slice mark, struct why *why)
{
	uint64_t length, want, sum = 0;
	char path[PATH_MAX];
	struct stat st;
	bool summed;
	int fd, r;

	if (!mark_parse(mark, &length, &want, &summed))
		return why_set(
		    why, -EBADMSG, "the committed length of '%s' is not a number", name);
	if (!summed)
		return 0;
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	r = fd < 0 || fstat(fd, &st) < 0 ? -errno
	    : S_ISREG(st.st_mode)        ? sum_file(fd, length, &sum)
					 : -EBADMSG;
	if (fd >= 0)
		(void)close(fd);
	if (r == 0 && sum == want)
		return 0;
	return r < 0 && r != -EBADMSG
		   ? why_set(why, r, "cannot read %s: %s", path, strerrordesc_np(-r))
		   : why_set(why, -EBADMSG,
			 "%s is not what was written: a byte of the first %" PRIu64
			 " has changed",
			 name, length);
}

/* ---- the sink ---- */

int
lines_open(struct sink *s, const struct sink_conf *conf, const char *name,
    struct slice mark, struct why *why)
{
	uint64_t length = 0, sum = 0;
	bool summed = true;
	struct lines *l;
	int r;

	if (mark.len > 0 && !mark_parse(mark, &length, &sum, &summed))
		return why_set(
		    why, -EBADMSG, "the committed length of '%s' is not a number", name);
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return why_set(why, -ENOMEM, "no memory for '%s'", name);
	l->sum = sum;
	l->summed = summed;
	buf_init(&l->line, LINE_BYTES_MAX);
	r = file_append_init(&l->file, conf->dir, FILE_BUF_BYTES, why);
	if (r < 0)
		goto fail;
	if (mark.len == 0)
		r = file_append_create(&l->file, name, why);
	else
		r = file_append_open(&l->file, name, length, why);
	if (r < 0)
		goto fail_file;

	s->priv = l;
	return 0;

fail_file:
	file_append_release(&l->file);
fail:
	free(l);
	return r;
}

struct buf *
lines_begin(struct sink *s)
{
	struct lines *l = s->priv;

	buf_clear(&l->line);
	return &l->line;
}

int
lines_end(struct sink *s, int err, struct why *why)
{
	struct lines *l = s->priv;

	if (err == 0)
		err = buf_add_byte(&l->line, '\n');
	if (err < 0)
		return why_set(why, err, "cannot make a line of '%s': %s", l->file.name,
		    strerrordesc_np(-err));
	s->line_bytes += l->line.len;
	err = file_append_add(&l->file, buf_slice(&l->line), why);
	if (err == 0)
		l->sum += lines_sum(buf_slice(&l->line));
	return err;
}

int
lines_flush(struct sink *s, struct why *why)
{
	struct lines *l = s->priv;

	return file_append_flush(&l->file, why);
}

int
lines_sync(struct sink *s, struct why *why)
{
	struct lines *l = s->priv;

	return file_append_sync(&l->file, why);
}

int
lines_mark(struct sink *s, struct buf *out)
{
	struct lines *l = s->priv;

	if (l->file.len > 0)
		return -EBUSY;
	if (!l->summed || l->file.pos == 0)
		return buf_printf(out, "%" PRIu64, l->file.pos);
	return buf_printf(out, "%" PRIu64 " %" PRIu64, l->file.pos, l->sum);
}

bool
lines_place(const char *name, struct slice mark, struct sink_place *ret)
{
	uint64_t sum;
	bool summed;

	(void)snprintf(ret->file, sizeof(ret->file), "%s", name);
	return mark_parse(mark, &ret->length, &sum, &summed);
}

int
lines_close(struct sink *s, bool finished, struct why *why)
{
	struct lines *l = s->priv;
	int r;

	(void)finished; /* the name stays */
	r = file_append_sync(&l->file, why);
	file_append_release(&l->file);
	buf_release(&l->line);
	free(l);
	return r;
}

struct slice
lines_text(struct slice text)
{
	return lines_cut(text, LINES_TEXT_BYTES_MAX);
}

struct slice
lines_cut(struct slice text, size_t n)
{
	if (text.len <= n)
		return text;
	for (size_t back = 1; back <= 3; back++) {
		size_t whole = utf8_len(slice_from(text, n - back));

		if (whole > back)
			return slice_head(text, n - back);
		if (whole > 0)
			break;
	}
	return slice_head(text, n);
}

int
lines_word(struct buf *b, struct slice sentence)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sentence.len; i++) {
		unsigned char c = (unsigned char)sentence.ptr[i];

		if (c == ' ')
			r = buf_add_byte(b, '+');
		else if (c < ' ' || c >= 0x7f || c == '+' || c == ',' || c == '%' ||
			 c == '\\')
			r = buf_printf(b, "%%%02X", c);
		else
			r = buf_add_byte(b, (char)c);
	}
	return r;
}

int
lines_sentence(struct buf *b, struct slice word)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < word.len; i++) {
		char c = word.ptr[i];
		int high, low;

		if (c == '%' && word.len - i > 2 &&
		    (high = ascii_hex(word.ptr[i + 1])) >= 0 &&
		    (low = ascii_hex(word.ptr[i + 2])) >= 0) {
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+') {
			c = ' ';
		}
		r = buf_add_byte(b, c);
	}
	return r;
}
