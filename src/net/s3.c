#include "net/s3.h"
#include "base/buf.h"
#include "base/escape.h"
#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/banned.h"

enum {
	URL_MAX = 4096,
	KEY_BYTES_MAX = 1024, /* of an object, S3's limit */
	ANSWER_BYTES_MAX = 16 << 10,
	BLOCK_BYTES = 256 << 10,
	HEX_SHA256 = 65,
};
/* SHA-256 of nothing. */
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct s3 {
	char *scheme, *host; /* with the port, if it is said */
	char *region, *bucket, *prefix, *storage_class, *ca;
	char *access_key, *secret_key, *token;
	bool path_style;
	int64_t timeout_ms;
};

/* One request. */
struct call {
	const struct s3_file *file; /* NULL: HEAD */
	uint64_t at;
	const atomic_bool *cancel;
	struct buf answer;
	char etag[80];
	bool encrypted; /* with a key of the server's: its ETag is no MD5 */
	uint64_t length;
	long status;
	char error[CURL_ERROR_SIZE];
};

/* -- Values. -- */

static int
copy(char **ret, const char *text)
{
	*ret = text == NULL ? NULL : slice_dup(slice_cstr(text));
	return text != NULL && *ret == NULL ? -ENOMEM : 0;
}

static void
wipe(char *secret)
{
	if (secret != NULL)
		OPENSSL_cleanse(secret, strlen(secret));
	free(secret);
}

void
s3_free(struct s3 *s)
{
	if (s == NULL)
		return;
	free(s->scheme);
	free(s->host);
	free(s->region);
	free(s->bucket);
	free(s->prefix);
	free(s->storage_class);
	free(s->ca);
	wipe(s->access_key);
	wipe(s->secret_key);
	wipe(s->token);
	free(s);
	curl_global_cleanup();
}

/* Letters, digits and what is in `more`. */
static bool
is_made_of(const char *text, const char *more)
{
	for (; *text != '\0'; text++)
		if (!ascii_is_alpha(*text) && !ascii_is_digit(*text) &&
		    strchr(more, *text) == NULL)
			return false;
	return true;
}

int
s3_bucket_check(const char *bucket, struct why *why)
{
	size_t n = bucket == NULL ? 0 : strlen(bucket);

	return n < 3 || n > 63 || !is_made_of(bucket, ".-_") || bucket[0] == '.'
		   ? why_set(why, -EINVAL,
			 "--s3-bucket: '%.64s' is not the name of a bucket",
			 n == 0 ? "" : bucket)
		   : 0;
}

int
s3_region_check(const char *region, struct why *why)
{
	return region == NULL || region[0] == '\0' || strlen(region) > 64 ||
		       !is_made_of(region, "-_")
		   ? why_set(
			 why, -EINVAL, "--s3-region: that is not the name of a region")
		   : 0;
}

int
s3_storage_class_check(const char *name, struct why *why)
{
	return name != NULL && (strlen(name) > 64 || !is_made_of(name, "_-"))
		   ? why_set(why, -EINVAL,
			 "--s3-storage-class: that is not a name such as STANDARD_IA")
		   : 0;
}

int
s3_prefix_check(const char *prefix, struct why *why)
{
	return prefix != NULL &&
		       (strlen(prefix) > KEY_BYTES_MAX / 2 || prefix[0] == '/' ||
			   strstr(prefix, "//") != NULL || strstr(prefix, "..") != NULL)
		   ? why_set(why, -EINVAL,
			 "--s3-prefix: it is too long, begins with '/', or holds '//' or "
			 "'..'")
		   : 0;
}

static int
check(const struct s3_conf *c, struct why *why)
{
	int r = s3_bucket_check(c->bucket, why);

	if (r == 0)
		r = s3_region_check(c->region, why);
	if (r == 0)
		r = s3_storage_class_check(c->storage_class, why);
	if (r == 0)
		r = s3_prefix_check(c->prefix, why);
	if (r == 0 && (c->access_key == NULL || c->secret_key == NULL))
		r = why_set(why, -EINVAL, "--s3-credentials: there are no keys");
	return r;
}

/* -ENOENT: there is none. */
static int
take_part(CURLU *u, CURLUPart part, char **ret)
{
	char *text = NULL;
	CURLUcode code = curl_url_get(u, part, &text, 0);
	int r;

	if (code != CURLUE_OK)
		return code == CURLUE_OUT_OF_MEMORY ? -ENOMEM : -ENOENT;
	r = copy(ret, text);
	curl_free(text);
	return r;
}

static bool
has_part(CURLU *u, CURLUPart part)
{
	char *text = NULL;
	bool has = curl_url_get(u, part, &text, 0) == CURLUE_OK;

	curl_free(text);
	return has;
}

/* Scheme, host and port, and nothing else. */
static int
read_endpoint(struct s3 *s, CURLU *u, const char *text)
{
	char *path = NULL, *port = NULL, *host = NULL;
	size_t n;
	int r;

	if (text == NULL || curl_url_set(u, CURLUPART_URL, text, 0) != CURLUE_OK ||
	    has_part(u, CURLUPART_USER) || has_part(u, CURLUPART_QUERY) ||
	    has_part(u, CURLUPART_FRAGMENT))
		return -EINVAL;
	r = take_part(u, CURLUPART_PATH, &path);
	if (r == 0)
		r = take_part(u, CURLUPART_SCHEME, &s->scheme);
	if (r == 0)
		r = take_part(u, CURLUPART_HOST, &host);
	if (r == 0 && take_part(u, CURLUPART_PORT, &port) == -ENOMEM)
		r = -ENOMEM;
	if (r < 0)
		goto out;
	r = -EINVAL;
	if (strcmp(path, "/") != 0 ||
	    (strcmp(s->scheme, "http") != 0 && strcmp(s->scheme, "https") != 0))
		goto out;
	n = strlen(host) + (port == NULL ? 0 : strlen(port)) + 2;
	s->host = malloc(n);
	r = s->host == NULL ? -ENOMEM : 0;
	if (r == 0)
		(void)snprintf(s->host, n, "%s%s%s", host, port == NULL ? "" : ":",
		    port == NULL ? "" : port);
out:
	free(path);
	free(port);
	free(host);
	return r == -ENOENT ? -EINVAL : r;
}

static int
set_endpoint(struct s3 *s, const char *text, struct why *why)
{
	CURLU *u = curl_url();
	int r = u == NULL ? -ENOMEM : read_endpoint(s, u, text);

	curl_url_cleanup(u);
	if (r == -EINVAL)
		return why_set(why, r,
		    "--s3-endpoint: '%.200s' is not a URL such as https://s3.example.org",
		    text == NULL ? "" : text);
	return r < 0 ? why_set(why, r, "out of memory") : 0;
}

int
s3_endpoint_check(const char *endpoint, struct why *why)
{
	struct s3 s = {0};
	int r = set_endpoint(&s, endpoint, why);

	free(s.scheme);
	free(s.host);
	return r;
}

int
s3_new(const struct s3_conf *conf, struct s3 **ret, struct why *why)
{
	struct s3 *s;
	int r = check(conf, why);

	if (r < 0)
		return r;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return why_set(why, -ENOMEM, "libcurl cannot be used");
	s = calloc(1, sizeof(*s));
	if (s == NULL) {
		curl_global_cleanup();
		return why_set(why, -ENOMEM, "out of memory");
	}
	s->path_style = conf->path_style;
	s->timeout_ms = conf->timeout_ms;
	if (copy(&s->region, conf->region) < 0 || copy(&s->bucket, conf->bucket) < 0 ||
	    copy(&s->prefix, conf->prefix) < 0 ||
	    copy(&s->storage_class, conf->storage_class) < 0 ||
	    copy(&s->ca, conf->ca) < 0 || copy(&s->access_key, conf->access_key) < 0 ||
	    copy(&s->secret_key, conf->secret_key) < 0 ||
	    copy(&s->token, conf->token) < 0)
		r = why_set(why, -ENOMEM, "out of memory");
	if (r == 0)
		r = set_endpoint(s, conf->endpoint, why);
	if (r < 0) {
		s3_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

/* -- The file. -- */

static bool
is_cancelled(const atomic_bool *cancel)
{
	return cancel != NULL && atomic_load(cancel);
}

static int
digest_all(struct s3_file *f, EVP_MD_CTX *md5, EVP_MD_CTX *sha, char *block,
    const atomic_bool *cancel)
{
	for (uint64_t at = 0; at < f->size;) {
		ssize_t n = pread(f->fd, block, BLOCK_BYTES, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EAGAIN; /* it has become shorter */
		if (is_cancelled(cancel))
			return -ECANCELED;
		if ((uint64_t)n > f->size - at)
			n = (ssize_t)(f->size - at);
		if (EVP_DigestUpdate(md5, block, (size_t)n) != 1 ||
		    EVP_DigestUpdate(sha, block, (size_t)n) != 1)
			return -ENOMEM;
		at += (uint64_t)n;
	}
	return EVP_DigestFinal_ex(md5, f->md5, NULL) == 1 &&
		       EVP_DigestFinal_ex(sha, f->sha256, NULL) == 1
		   ? 0
		   : -ENOMEM;
}

int
s3_file_init(struct s3_file *f, int fd, const atomic_bool *cancel, struct why *why)
{
	EVP_MD_CTX *md5 = EVP_MD_CTX_new(), *sha = EVP_MD_CTX_new();
	char *block = malloc(BLOCK_BYTES);
	struct stat st;
	int r = -ENOMEM;

	*f = (struct s3_file){.fd = fd};
	if (fstat(fd, &st) < 0) {
		r = -errno;
	} else if ((uint64_t)st.st_size > S3_FILE_BYTES_MAX) {
		r = -EFBIG;
	} else if (md5 != NULL && sha != NULL && block != NULL &&
		   EVP_DigestInit_ex(md5, EVP_md5(), NULL) == 1 &&
		   EVP_DigestInit_ex(sha, EVP_sha256(), NULL) == 1) {
		f->size = (uint64_t)st.st_size;
		r = digest_all(f, md5, sha, block, cancel);
	}
	EVP_MD_CTX_free(md5);
	EVP_MD_CTX_free(sha);
	free(block);
	if (r == -EFBIG)
		return why_set(
		    why, r, "it is larger than the 5 GiB that S3 takes at once");
	return r < 0 ? why_set(why, r, "cannot read it: %s", strerrordesc_np(-r)) : 0;
}

/* -- A request. -- */

static void
hex(const unsigned char *bytes, size_t n, char *ret)
{
	for (size_t i = 0; i < n; i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

/* As the signature wants paths: unreserved characters of RFC 3986 and the slash stay. */
static int
add_path(struct buf *b, const char *text)
{
	int r = 0;

	for (; *text != '\0' && r == 0; text++) {
		char c = *text;

		if (ascii_is_alpha(c) || ascii_is_digit(c) || strchr("-._~/", c) != NULL)
			r = buf_add_byte(b, c);
		else
			r = buf_printf(b, "%%%02X", (unsigned char)c);
	}
	return r;
}

static int
make_url(const struct s3 *s, const char *name, struct buf *url)
{
	int r = buf_printf(url, "%s://%s%s%s/%s%s", s->scheme,
	    s->path_style ? "" : s->bucket, s->path_style ? "" : ".", s->host,
	    s->path_style ? s->bucket : "", s->path_style ? "/" : "");

	if (r == 0 && s->prefix != NULL)
		r = add_path(url, s->prefix);
	if (r == 0)
		r = add_path(url, name);
	return r == 0 && buf_cstr(url) == NULL ? -ENOMEM : r;
}

static int
add_header(struct curl_slist **list, const char *name, const char *value)
{
	struct curl_slist *grown;
	struct buf line;
	int r;

	if (value == NULL)
		return 0;
	buf_init(&line, 16 << 10);
	r = buf_printf(&line, "%s: %s", name, value);
	if (r == 0 && buf_cstr(&line) == NULL)
		r = -ENOMEM;
	if (r == 0) {
		grown = curl_slist_append(*list, line.ptr);
		r = grown == NULL ? -ENOMEM : 0;
		if (r == 0)
			*list = grown;
	}
	if (line.ptr != NULL)
		OPENSSL_cleanse(line.ptr, line.len); /* it may be the token */
	buf_release(&line);
	return r;
}

/* libcurl signs these, too; that of 7.88 signs a host without its port unless it is here. */
static int
add_headers(const struct s3 *s, const struct s3_file *f, const char *type,
    struct curl_slist **list)
{
	char sha[HEX_SHA256] = EMPTY_SHA256, host[URL_MAX];
	unsigned char md5[32];
	int r;

	(void)snprintf(host, sizeof(host), "%s%s%s", s->path_style ? "" : s->bucket,
	    s->path_style ? "" : ".", s->host);
	r = add_header(list, "Host", host);
	if (f != NULL)
		hex(f->sha256, sizeof(f->sha256), sha);
	if (r == 0)
		r = add_header(list, "x-amz-content-sha256", sha);
	if (r == 0)
		r = add_header(list, "x-amz-security-token", s->token);
	if (r < 0 || f == NULL)
		return r;
	(void)EVP_EncodeBlock(md5, f->md5, sizeof(f->md5));
	r = add_header(list, "Content-MD5", (const char *)md5);
	if (r == 0)
		r = add_header(list, "Content-Type", type);
	return r == 0 ? add_header(list, "x-amz-storage-class", s->storage_class) : r;
}

static size_t
on_read(char *to, size_t size, size_t n, void *ctx)
{
	struct call *c = ctx;
	uint64_t left = c->file->size - c->at;
	ssize_t got;

	n *= size;
	if (left == 0)
		return 0;
	do
		got = pread(c->file->fd, to, n < left ? n : (size_t)left, (off_t)c->at);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return CURL_READFUNC_ABORT;
	c->at += (uint64_t)got;
	return (size_t)got;
}

static int
on_seek(void *ctx, curl_off_t offset, int origin)
{
	struct call *c = ctx;

	if (origin != SEEK_SET || offset < 0)
		return CURL_SEEKFUNC_CANTSEEK;
	c->at = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* Of an answer only its beginning matters. */
static size_t
on_write(char *from, size_t size, size_t n, void *ctx)
{
	struct call *c = ctx;

	n *= size;
	if (n <= ANSWER_BYTES_MAX - c->answer.len)
		(void)buf_add(&c->answer, from, n);
	return n;
}

static size_t
on_header(char *from, size_t size, size_t n, void *ctx)
{
	struct call *c = ctx;
	struct slice value = slice_of(from, size * n), name;

	if (slice_starts(value, SLICE_LIT("HTTP/"))) { /* after a 100 comes another */
		c->etag[0] = '\0';
		c->encrypted = false;
		c->length = UINT64_MAX;
	}
	if (!slice_cut(&value, ':', &name))
		return size * n;
	value = slice_trim(value);
	if (slice_ieq(name, SLICE_LIT("ETag")))
		(void)snprintf(c->etag, sizeof(c->etag), "%.*s",
		    value.len > 70 ? 70 : (int)value.len,
		    value.len == 0 ? "" : value.ptr);
	else if (slice_ieq(name, SLICE_LIT("x-amz-server-side-encryption")))
		c->encrypted = !slice_eq(value, SLICE_LIT("AES256"));
	else if (slice_ieq(name, SLICE_LIT("Content-Length")) &&
		 !slice_to_u64(value, &c->length))
		c->length = UINT64_MAX;
	return size * n;
}

static int
on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t d, curl_off_t e)
{
	const struct call *c = ctx;

	(void)a, (void)b, (void)d, (void)e;
	return is_cancelled(c->cancel);
}

#define SET(option, value)                                                               \
	do {                                                                             \
		if (curl_easy_setopt(e, option, value) != CURLE_OK)                      \
			return -ENOMEM;                                                  \
	} while (0)

static int
set_identity(const struct s3 *s, CURL *e)
{
	char sigv4[128];

	(void)snprintf(sigv4, sizeof(sigv4), "aws:amz:%s:s3", s->region);
	SET(CURLOPT_AWS_SIGV4, sigv4);
	SET(CURLOPT_USERNAME, s->access_key);
	SET(CURLOPT_PASSWORD, s->secret_key);
	if (s->ca == NULL)
		return 0;
	SET(CURLOPT_CAINFO, s->ca);
	SET(CURLOPT_CAPATH, NULL);
	return 0;
}

static int
set_limits(const struct s3 *s, CURL *e)
{
	long s_max = (long)((s->timeout_ms + 999) / 1000);

	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)s->timeout_ms);
	SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
	SET(CURLOPT_LOW_SPEED_TIME, s_max);
	return 0;
}

static int
set_call(CURL *e, struct call *c, const char *url, struct curl_slist *headers)
{
	SET(CURLOPT_URL, url);
	SET(CURLOPT_HTTPHEADER, headers);
	SET(CURLOPT_ERRORBUFFER, c->error);
	SET(CURLOPT_WRITEFUNCTION, on_write);
	SET(CURLOPT_WRITEDATA, c);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, c);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, c);
	SET(CURLOPT_NOPROGRESS, 0L);
	if (c->file == NULL) {
		SET(CURLOPT_NOBODY, 1L);
		return 0;
	}
	SET(CURLOPT_UPLOAD, 1L);
	SET(CURLOPT_UPLOAD_BUFFERSIZE, (long)BLOCK_BYTES);
	SET(CURLOPT_READFUNCTION, on_read);
	SET(CURLOPT_READDATA, c);
	SET(CURLOPT_SEEKFUNCTION, on_seek);
	SET(CURLOPT_SEEKDATA, c);
	SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)c->file->size);
	return 0;
}

/* What will be no better the next time. */
static bool
is_hopeless(CURLcode code)
{
	return code == CURLE_URL_MALFORMAT || code == CURLE_PEER_FAILED_VERIFICATION ||
	       code == CURLE_SSL_CACERT_BADFILE || code == CURLE_UNSUPPORTED_PROTOCOL ||
	       code == CURLE_READ_ERROR;
}

static int
perform(CURL *e, struct call *c, struct why *why)
{
	CURLcode code = curl_easy_perform(e);
	const char *text = c->error[0] != '\0' ? c->error : curl_easy_strerror(code);

	if (code == CURLE_ABORTED_BY_CALLBACK)
		return is_cancelled(c->cancel)
			   ? why_set(why, -ECANCELED, "it was broken off")
			   : why_set(why, -EIO, "the file cannot be read any more");
	if (code == CURLE_OUT_OF_MEMORY)
		return why_set(why, -ENOMEM, "out of memory");
	if (code != CURLE_OK)
		return why_set(
		    why, is_hopeless(code) ? -ECONNABORTED : -EAGAIN, "%.300s", text);
	(void)curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &c->status);
	return 0;
}

static int
request(const struct s3 *s, struct call *c, const char *name, const char *type,
    struct why *why)
{
	struct curl_slist *headers = NULL;
	CURL *e = curl_easy_init();
	struct buf url;
	int r = e == NULL ? -ENOMEM : 0;

	buf_init(&url, URL_MAX);
	buf_init(&c->answer, ANSWER_BYTES_MAX);
	if (r == 0)
		r = make_url(s, name, &url);
	if (r == 0)
		r = add_headers(s, c->file, type, &headers);
	if (r == 0)
		r = set_identity(s, e);
	if (r == 0)
		r = set_limits(s, e);
	if (r == 0)
		r = set_call(e, c, url.ptr, headers);
	if (r < 0)
		(void)why_set(why, r, "%s", strerrordesc_np(-r));
	else
		r = perform(e, c, why);
	curl_easy_cleanup(e);
	curl_slist_free_all(headers);
	buf_release(&url);
	return r;
}

/* -- What it came to. -- */

/* <Code>...</Code> in an answer, or nothing. */
static struct slice
element(struct slice xml, const char *open, const char *close)
{
	const char *at = memmem(xml.ptr, xml.len, open, strlen(open)), *end;

	if (xml.len == 0 || at == NULL)
		return (struct slice){0};
	at += strlen(open);
	end = memmem(at, (size_t)(xml.ptr + xml.len - at), close, strlen(close));
	return end == NULL ? ((struct slice){0}) : slice_of(at, (size_t)(end - at));
}

static bool
may_pass(long status, struct slice code)
{
	static const char *const passing[] = {"RequestTimeout", "BadDigest",
	    "IncompleteBody", "XAmzContentSHA256Mismatch", "SlowDown", "InternalError",
	    "ServiceUnavailable", "OperationAborted"};

	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (slice_eq(code, slice_cstr(passing[i])))
			return true;
	return status >= 500 || status == 408 || status == 429;
}

static int
refused(struct call *c, const char *what, struct why *why)
{
	struct slice xml = buf_slice(&c->answer);
	struct slice code = element(xml, "<Code>", "</Code>");
	struct slice message = element(xml, "<Message>", "</Message>");
	struct buf text;
	int r = may_pass(c->status, code) ? -EAGAIN : -EACCES;

	buf_init(&text, 4096);
	if (escape_terminal(&text, slice_head(code, code.len > 60 ? 60 : code.len)) ==
		0 &&
	    buf_add_cstr(&text, message.len > 0 ? ": " : "") == 0)
		(void)escape_terminal(
		    &text, slice_head(message, message.len > 200 ? 200 : message.len));
	r = why_set(why, r, "%s was answered with status %ld%s" SLICE_FMT, what,
	    c->status, text.len > 0 ? " " : "", SLICE_ARG(buf_slice(&text)));
	buf_release(&text);
	return r;
}

static bool
etag_is_md5(const char *etag)
{
	size_t n = strlen(etag);

	if (n != 34 || etag[0] != '"' || etag[33] != '"')
		return false;
	for (size_t i = 1; i < 33; i++)
		if (ascii_hex(etag[i]) < 0)
			return false;
	return true;
}

static int
verify(const struct s3 *s, const char *name, const struct s3_file *f,
    const atomic_bool *cancel, struct why *why)
{
	struct call c = {.cancel = cancel, .length = UINT64_MAX};
	char md5[33];
	int r = request(s, &c, name, NULL, why);

	if (r == 0 && c.status == 404)
		r = why_set(why, -EAGAIN, "it is not there after it was put there");
	else if (r == 0 && c.status != 200)
		r = refused(&c, "HEAD", why);
	buf_release(&c.answer);
	if (r < 0)
		return r;
	hex(f->md5, sizeof(f->md5), md5);
	if (c.length != f->size)
		return why_set(why, -EAGAIN,
		    "%" PRIu64
		    " bytes were put there, and it is told to have another size",
		    f->size);
	if (!c.encrypted && etag_is_md5(c.etag) &&
	    !slice_ieq(slice_of(c.etag + 1, 32), slice_cstr(md5)))
		return why_set(why, -EAGAIN,
		    "what is there has another MD5 (%s) than the file", c.etag);
	return 0;
}

static const char *
type_of(const char *name)
{
	struct slice n = slice_cstr(name);

	if (slice_ends(n, SLICE_LIT(".html")))
		return "text/html; charset=utf-8";
	if (slice_ends(n, SLICE_LIT(".json")))
		return "application/json";
	return "application/octet-stream";
}

int
s3_put(struct s3 *s, const char *name, const struct s3_file *f, const atomic_bool *cancel,
    struct why *why)
{
	struct call c = {.file = f, .cancel = cancel};
	int r;

	if ((s->prefix == NULL ? 0 : strlen(s->prefix)) + strlen(name) > KEY_BYTES_MAX)
		return why_set(why, -ENAMETOOLONG, "its name is too long for S3");
	r = request(s, &c, name, type_of(name), why);
	if (r == 0 && c.status != 200)
		r = refused(&c, "PUT", why);
	buf_release(&c.answer);
	return r < 0 ? r : verify(s, name, f, cancel, why);
}
