#include "app/serve_access.h"
#include "app/app.h"
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TOKENS_BYTES_MAX = 1 << 20, PEM_BYTES_MAX = 1 << 20 };

static int
take_credential(struct settings *s, enum setting_id id, const char *name)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	char path[4200];

	if (dir == NULL || s->given[id])
		return 0;
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (access(path, F_OK) < 0)
		return 0;
	return setting_set(s, &setting_rows[id], slice_cstr(path), NULL);
}

int
serve_access_credentials(struct settings *s)
{
	int r = take_credential(s, SETTING_ID_api_tokens, "trawl.tokens");

	if (r == 0)
		r = take_credential(s, SETTING_ID_api_tls_cert, "trawl.cert");
	if (r == 0)
		r = take_credential(s, SETTING_ID_api_tls_key, "trawl.key");
	return r;
}

/* Who can write it makes himself an admin. */
static int
check_rights(const char *path, struct why *why)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return why_set(why, -errno, "cannot read %s: %s", path, strerror(errno));
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return why_set(why, -EPERM,
		    "%s: others than its owner may write it; chmod go-w", path);
	return 0;
}

static int
read_tokens(const char *path, struct tokens *ret, struct why *why)
{
	struct buf text;
	struct why inner;
	int r = check_rights(path, why);

	if (r < 0)
		return r;
	r = read_input(path, TOKENS_BYTES_MAX, &text, why);
	if (r < 0)
		return r;
	r = tokens_read(ret, buf_slice(&text), &inner);
	buf_release(&text);
	return r < 0 ? why_set(why, r, "%s: %s", path, inner.text) : 0;
}

static int
read_tls(const struct settings *s, struct http_tls **ret, struct why *why)
{
	struct buf cert, key;
	struct why inner;
	int r = read_input(s->api_tls_cert, PEM_BYTES_MAX, &cert, why);

	if (r < 0)
		return r;
	r = read_input(s->api_tls_key, PEM_BYTES_MAX, &key, why);
	if (r == 0) {
		r = http_tls_new(&cert, &key, ret, &inner);
		if (r < 0)
			(void)why_set(why, r, "%s (%s, %s)", inner.text, s->api_tls_cert,
			    s->api_tls_key);
		OPENSSL_cleanse(key.ptr, key.len);
		buf_release(&key);
	}
	buf_release(&cert);
	return r;
}

int
serve_access_read(const struct settings *s, bool tcp, struct access_rules *ret,
    struct http_tls **ret_tls, struct why *why)
{
	struct access_rules rules = {.hosts = s->api_hosts.v,
	    .hosts_len = s->api_hosts.n,
	    .rate = s->api_client_rate,
	    .bad_tokens = s->api_bad_tokens};
	struct http_tls *tls = NULL;
	int r = 0;

	if (s->api_tokens != NULL)
		r = read_tokens(s->api_tokens, &rules.tokens, why);
	if (r == 0 && tcp && rules.tokens.n == 0)
		r = why_set(why, -EINVAL,
		    "api.listen wants api.tokens: a file with at least one token; trawl "
		    "serve --new-token makes them");
	if (r == 0 && s->api_tls_cert != NULL)
		r = read_tls(s, &tls, why);
	if (r < 0) {
		tokens_release(&rules.tokens);
		return r;
	}
	*ret = rules;
	*ret_tls = tls;
	return 0;
}

/* ---- a new one ---- */

static int
append(const char *path, struct slice line)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600), err = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, line.ptr, line.len);
	if (n < 0 || fsync(fd) < 0)
		err = -errno;
	else if ((size_t)n != line.len)
		err = -EIO;
	if (close(fd) < 0 && err == 0)
		err = -errno;
	return err;
}

int
serve_new_token(const char *role_name, const char *name, const char *path)
{
	char token[TOKEN_TEXT_MAX + 1];
	enum role role;
	struct buf line;
	struct why why;
	int code = EXIT_DONE, r;

	if (!role_parse(slice_cstr(role_name), &role))
		return usage_error("--new-token wants read or admin, a name, and a file");
	buf_init(&line, 1024);
	if (token_new(role, name, token, &line, &why) < 0)
		code = usage_error("%s", why.text);
	if (code == EXIT_DONE) {
		r = append(path, buf_slice(&line));
		if (r < 0)
			code = say_error(
			    EXIT_FILE, "cannot write %s: %s", path, strerror(-r));
	}
	if (code == EXIT_DONE) {
		size_t n = strlen(token);

		token[n] = '\n';
		code = write_stdout(slice_of(token, n + 1)) ? EXIT_DONE : EXIT_FILE;
	}
	OPENSSL_cleanse(token, sizeof(token));
	buf_release(&line);
	return code;
}
