#include "sink/lines.h"
#include "base/escape.h"
#include "sink/jsonl.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/banned.h"

enum {
	FILE_BUF_BYTES = 128 << 10,
	LINE_BYTES_MAX = JSONL_LINE_BYTES_MAX, /* the longest there are */
};

int
lines_open(struct sink *s, const struct sink_conf *conf, const char *name,
    struct slice mark, struct why *why)
{
	uint64_t length = 0;
	struct lines *l;
	int r;

	if (mark.len > 0 && !slice_to_u64(mark, &length))
		return why_set(
		    why, -EBADMSG, "the committed length of '%s' is not a number", name);
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return why_set(why, -ENOMEM, "no memory for '%s'", name);
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
	return file_append_add(&l->file, buf_slice(&l->line), why);
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
	return buf_printf(out, "%" PRIu64, l->file.pos);
}

bool
lines_place(const char *name, struct slice mark, struct sink_place *ret)
{
	(void)snprintf(ret->file, sizeof(ret->file), "%s", name);
	return slice_to_u64(mark, &ret->length);
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
