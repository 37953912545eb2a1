#include "net_http_server.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 4096, REQUEST_MAX = 128 << 10 };

struct http_server {
	http_script *script;
	SSL_CTX *tls;
	int fd;
	int stop[2]; /* pipe: readable once it is stopped */
	uint16_t port;
	pthread_t acceptor;
	pthread_t threads[CONNECTIONS_MAX];
	atomic_uint connections;
};

struct connection {
	struct peer peer;
	size_t len;
	char in[REQUEST_MAX];
};

/* ---- a little authority ---- */

static EVP_PKEY *ca_key;
static X509 *ca_cert;

static void
must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	abort();
}

static X509 *
cert_new(EVP_PKEY *key, const char *name, const char *extension, int nid, long serial)
{
	X509 *c = X509_new();
	X509_NAME *subject;
	X509_EXTENSION *e;

	must(c != NULL, "X509_new");
	X509_set_version(c, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c), serial);
	X509_gmtime_adj(X509_getm_notBefore(c), -3600);
	X509_gmtime_adj(X509_getm_notAfter(c), 3600);
	X509_set_pubkey(c, key);
	subject = X509_get_subject_name(c);
	X509_NAME_add_entry_by_txt(
	    subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(
	    c, ca_cert == NULL ? subject : X509_get_subject_name(ca_cert));
	e = X509V3_EXT_conf_nid(NULL, NULL, nid, extension);
	must(e != NULL && X509_add_ext(c, e, -1), "extension");
	X509_EXTENSION_free(e);
	must(X509_sign(c, ca_cert == NULL ? key : ca_key, EVP_sha256()) > 0, "X509_sign");
	return c;
}

static void
ca_make(void)
{
	if (ca_cert != NULL)
		return;
	ca_key = EVP_EC_gen("P-256");
	must(ca_key != NULL, "EVP_EC_gen");
	ca_cert =
	    cert_new(ca_key, "Test CA", "critical,CA:TRUE", NID_basic_constraints, 1);
}

void
http_server_ca(const char *path)
{
	FILE *f = fopen(path, "we");

	ca_make();
	must(f != NULL && PEM_write_X509(f, ca_cert) == 1 && fclose(f) == 0, path);
}

static void
cert_make(const char *name, EVP_PKEY **ret_key, X509 **ret_cert)
{
	char alt[128];

	ca_make();
	*ret_key = EVP_EC_gen("P-256");
	(void)snprintf(alt, sizeof(alt), "DNS:%s", name);
	*ret_cert = cert_new(*ret_key, name, alt, NID_subject_alt_name, 2);
}

void
http_server_cert(const char *name, const char *cert_path, const char *key_path)
{
	FILE *cert_file = fopen(cert_path, "we"), *key_file = fopen(key_path, "we");
	EVP_PKEY *key;
	X509 *cert;

	cert_make(name, &key, &cert);
	must(cert_file != NULL && PEM_write_X509(cert_file, cert) == 1 &&
		 fclose(cert_file) == 0,
	    cert_path);
	must(key_file != NULL &&
		 PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL) == 1 &&
		 fclose(key_file) == 0,
	    key_path);
	EVP_PKEY_free(key);
	X509_free(cert);
}

static SSL_CTX *
tls_new(const char *name)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key;
	X509 *cert;

	cert_make(name, &key, &cert);
	must(ctx != NULL && SSL_CTX_use_certificate(ctx, cert) == 1 &&
		 SSL_CTX_use_PrivateKey(ctx, key) == 1,
	    "SSL_CTX");
	EVP_PKEY_free(key);
	X509_free(cert);
	return ctx;
}

/* ---- what scripts call ---- */

void
peer_send(struct peer *p, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0 && !p->closed) {
		ssize_t n = p->tls != NULL ? SSL_write(p->tls, at,
						 len > 1 << 20 ? 1 << 20 : (int)len)
					   : send(p->fd, at, len, MSG_NOSIGNAL);

		if (n <= 0) {
			p->closed = true;
			return;
		}
		at += n;
		len -= (size_t)n;
	}
}

void
peer_say(struct peer *p, const char *text)
{
	peer_send(p, text, strlen(text));
}

void
peer_wait(struct peer *p, int ms)
{
	struct pollfd stop = {.fd = p->server->stop[0], .events = POLLIN};

	(void)poll(&stop, 1, ms);
}

void
peer_close(struct peer *p)
{
	p->closed = true;
}

void
peer_drop(struct peer *p)
{
	p->closed = p->rude = true;
}

void
peer_reset(struct peer *p)
{
	struct linger hard = {.l_onoff = 1, .l_linger = 0};

	(void)setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	p->closed = true;
}

void
peer_new_keys(struct peer *p, int times)
{
	struct pollfd stop = {.fd = p->server->stop[0], .events = POLLIN};

	for (int i = 0; i < times && !p->closed && poll(&stop, 1, 0) == 0; i++)
		if (SSL_key_update(p->tls, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 ||
		    SSL_do_handshake(p->tls) != 1)
			p->closed = true;
}

/* ---- connections ---- */

static ssize_t
peer_read(struct peer *p, char *to, size_t room)
{
	struct pollfd fds[2] = {{.fd = p->server->stop[0], .events = POLLIN},
	    {.fd = p->fd, .events = POLLIN}};

	if (p->tls == NULL || SSL_pending(p->tls) == 0)
		if (poll(fds, 2, -1) < 0 || fds[0].revents != 0)
			return -1;
	if (p->tls != NULL)
		return SSL_read(p->tls, to, (int)room);
	return recv(p->fd, to, room, 0);
}

static bool
request_read(struct connection *c)
{
	char *end;

	while ((end = memmem(c->in, c->len, "\r\n\r\n", 4)) == NULL) {
		ssize_t n = peer_read(&c->peer, c->in + c->len, REQUEST_MAX - 1 - c->len);

		if (n <= 0)
			return false;
		c->len += (size_t)n;
		c->in[c->len] = '\0';
	}
	return true;
}

static void
request_serve(struct connection *c)
{
	size_t len = (size_t)((char *)memmem(c->in, c->len, "\r\n\r\n", 4) + 4 - c->in);
	char *request = strndup(c->in, len), *target = NULL, *line = strndup(c->in, len);

	must(request != NULL && line != NULL, "strndup");
	target = strchr(line, ' ');
	if (target != NULL)
		target[1 + strcspn(target + 1, " \r\n")] = '\0';
	c->peer.request = request;
	c->peer.target = target == NULL ? "" : target + 1;
	c->peer.server->script(&c->peer);
	c->peer.nth++;
	memmove(c->in, c->in + len, c->len - len);
	c->len -= len;
	free(request);
	free(line);
}

static void *
connection_run(void *arg)
{
	struct connection *c = arg;
	struct peer *p = &c->peer;
	struct timeval patience = {.tv_sec = 5};

	(void)setsockopt(p->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (p->server->tls != NULL) {
		p->tls = SSL_new(p->server->tls);
		must(p->tls != NULL && SSL_set_fd(p->tls, p->fd) == 1, "SSL_new");
		p->closed = SSL_accept(p->tls) != 1;
	}
	while (!p->closed && request_read(c))
		request_serve(c);
	if (p->tls != NULL) {
		if (!p->rude)
			(void)SSL_shutdown(p->tls);
		SSL_free(p->tls);
	}
	(void)close(p->fd);
	free(c);
	return NULL;
}

static void *
accept_run(void *arg)
{
	struct http_server *s = arg;
	struct pollfd fds[2] = {
	    {.fd = s->stop[0], .events = POLLIN}, {.fd = s->fd, .events = POLLIN}};

	while (poll(fds, 2, -1) >= 0 && fds[0].revents == 0) {
		uint32_t n = atomic_load(&s->connections);
		int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC), yes = 1;
		struct connection *c;

		if (fd < 0)
			continue;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
		c = calloc(1, sizeof(*c));
		must(c != NULL && n < CONNECTIONS_MAX, "connection");
		c->peer.server = s;
		c->peer.fd = fd;
		c->peer.connection = n;
		/* Before it can answer, so that whoever has an answer finds it counted.
		 */
		atomic_store(&s->connections, n + 1);
		must(pthread_create(&s->threads[n], NULL, connection_run, c) == 0,
		    "thread");
	}
	return NULL;
}

/* ---- the server ---- */

struct http_server *
http_server_start(http_script *script)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	struct http_server *s = calloc(1, sizeof(*s));
	socklen_t len = sizeof(at);

	must(s != NULL && pipe2(s->stop, O_CLOEXEC) == 0, "server");
	(void)signal(SIGPIPE, SIG_IGN); /* SSL_write() knows no MSG_NOSIGNAL */
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->script = script;
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	must(s->fd >= 0 && bind(s->fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
		 getsockname(s->fd, (struct sockaddr *)&at, &len) == 0 &&
		 listen(s->fd, 1024) == 0,
	    "listen");
	s->port = ntohs(at.sin_port);
	must(pthread_create(&s->acceptor, NULL, accept_run, s) == 0, "thread");
	return s;
}

struct http_server *
http_server_start_tls(http_script *script, const char *name)
{
	SSL_CTX *tls = tls_new(name);
	struct http_server *s = http_server_start(script);

	/* Nobody knows the port yet. */
	s->tls = tls;
	return s;
}

void
http_server_stop(struct http_server *s)
{
	if (s == NULL)
		return;
	(void)close(s->stop[1]);
	(void)pthread_join(s->acceptor, NULL);
	for (uint32_t i = 0; i < atomic_load(&s->connections); i++)
		(void)pthread_join(s->threads[i], NULL);
	(void)close(s->stop[0]);
	(void)close(s->fd);
	SSL_CTX_free(s->tls);
	free(s);
}

uint16_t
http_server_port(const struct http_server *s)
{
	return s->port;
}

uint32_t
http_server_connections(struct http_server *s)
{
	return atomic_load(&s->connections);
}
