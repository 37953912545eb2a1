#include "crawl/storage.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 64 << 10, KEY_BYTES_MAX = 16 << 10 };
enum { ACCESS_KEY, SECRET_KEY, TOKEN, KEYS_N };

static const struct {
	const char *variable, *name;
} keys[KEYS_N] = {
    [ACCESS_KEY] = {"AWS_ACCESS_KEY_ID", "aws_access_key_id"},
    [SECRET_KEY] = {"AWS_SECRET_ACCESS_KEY", "aws_secret_access_key"},
    [TOKEN] = {"AWS_SESSION_TOKEN", "aws_session_token"},
};

bool
storage_is_asked(const struct options *o)
{
	for (size_t i = 0; i < o->output_sink.n; i++)
		if (strcmp(o->output_sink.v[i], "s3") == 0)
			return true;
	return false;
}

/* A key that is a header line's end would be another header. */
static bool
is_key(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= ' ' || s.ptr[i] > '~')
			return false;
	return s.len > 0 && s.len < KEY_BYTES_MAX;
}

static int
set_key(struct storage *s, size_t i, struct slice value, struct why *why)
{
	if (!is_key(value))
		return why_set(
		    why, -EINVAL, "--s3-credentials: %s cannot be that", keys[i].name);
	buf_wipe(&s->keys[i]);
	return buf_add_slice(&s->keys[i], value) < 0 || buf_cstr(&s->keys[i]) == NULL
		   ? why_set(why, -ENOMEM, "out of memory")
		   : 0;
}

static int
read_keys(struct storage *s, struct slice text, struct why *why)
{
	struct slice line, name;
	bool ours = true; /* without sections, all is */
	int r = 0;

	while (r == 0 && slice_cut(&text, '\n', &line)) {
		line = slice_trim(line);
		if (slice_starts(line, SLICE_LIT("[")))
			ours = slice_eq(line, SLICE_LIT("[default]"));
		if (!ours || slice_find(line, '=') == line.len ||
		    !slice_cut(&line, '=', &name))
			continue;
		for (size_t i = 0; i < KEYS_N && r == 0; i++)
			if (slice_ieq(slice_trim(name), slice_cstr(keys[i].name)))
				r = set_key(s, i, slice_trim(line), why);
	}
	return r;
}

static int
read_file(struct storage *s, const char *path, struct why *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), r;
	struct buf text;
	ssize_t n;

	if (fd < 0)
		return why_set(why, -EINVAL, "--s3-credentials: cannot read %s: %s", path,
		    strerror(errno));
	buf_init(&text, FILE_BYTES_MAX);
	do {
		r = buf_reserve(&text, 4096);
		n = r < 0 ? 0 : read(fd, text.ptr + text.len, 4096);
		text.len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	(void)close(fd);
	if (r < 0 || n < 0)
		r = why_set(why, -EINVAL,
		    "--s3-credentials: %s cannot be read, or is no such file", path);
	else
		r = read_keys(s, buf_slice(&text), why);
	buf_wipe(&text);
	buf_release(&text);
	return r;
}

static int
read_environment(struct storage *s, struct why *why)
{
	int r = 0;

	for (size_t i = 0; i < KEYS_N && r == 0; i++) {
		const char *value = getenv(keys[i].variable);

		if (value != NULL && value[0] != '\0')
			r = set_key(s, i, slice_cstr(value), why);
	}
	return r;
}

static const char *
key(struct storage *s, size_t i)
{
	return s->keys[i].len == 0 ? NULL : s->keys[i].ptr;
}

int
storage_init(struct storage *s, const struct options *o, struct why *why)
{
	int r;

	*s = (struct storage){.conf.retries = o->s3_s3_retries};
	for (size_t i = 0; i < KEYS_N; i++)
		buf_init(&s->keys[i], KEY_BYTES_MAX);
	r = o->s3_s3_credentials != NULL ? read_file(s, o->s3_s3_credentials, why)
					 : read_environment(s, why);
	if (r == 0 && (key(s, ACCESS_KEY) == NULL || key(s, SECRET_KEY) == NULL))
		r = why_set(why, -EINVAL,
		    "--s3-credentials: there are no keys, neither in such a file nor in "
		    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
	if (r < 0) {
		storage_release(s);
		return r;
	}
	s->conf.extras = o->s3_s3_extras;
	s->conf.remove = o->s3_s3_delete;
	s->conf.s3 = (struct s3_conf){.endpoint = o->s3_s3_endpoint,
	    .region = o->s3_s3_region,
	    .bucket = o->s3_s3_bucket,
	    .prefix = o->s3_s3_prefix,
	    .storage_class = o->s3_s3_storage_class,
	    .ca = o->s3_s3_ca,
	    .path_style = o->s3_s3_path_style,
	    .access_key = key(s, ACCESS_KEY),
	    .secret_key = key(s, SECRET_KEY),
	    .token = key(s, TOKEN),
	    .timeout_ms = o->s3_s3_timeout};
	return 0;
}

void
storage_release(struct storage *s)
{
	for (size_t i = 0; i < KEYS_N; i++) {
		buf_wipe(&s->keys[i]);
		buf_release(&s->keys[i]);
	}
}

int
storage_put_rest(const struct options *o, const char *dir, const atomic_bool *cancel,
    void (*tell)(const char *text), struct why *why)
{
	struct storage s;
	int r;

	if (!storage_is_asked(o))
		return 0;
	r = storage_init(&s, o, why);
	if (r < 0)
		return r;
	r = uploads_rest(&s.conf, dir, cancel, tell, why);
	storage_release(&s);
	return r;
}
