/*
 * A server for tests that answers with whatever bytes a function sends: a thread that
 * accepts on 127.0.0.1, and one for each connection.
 */
#ifndef TESTS_NET_HTTP_SERVER_H
#define TESTS_NET_HTTP_SERVER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_server;

/* One connection, seen from the script. */
struct peer {
	const char *target;  /* of the request that is to be answered */
	const char *request; /* its bytes up to the empty line */
	uint32_t connection; /* 0, 1, ... in the order they were accepted */
	uint32_t nth;        /* request on this connection: 0, 1, ... */
	bool closed, rude;
	struct http_server *server;
	int fd;
	void *tls;
};

/* Called on the connection's thread for each request. */
typedef void http_script(struct peer *p);

struct http_server *http_server_start(http_script *script);
/* The same with TLS: certificate and key for `name`, issued by http_server_ca(). */
struct http_server *http_server_start_tls(http_script *script, const char *name);
void http_server_stop(struct http_server *s);
uint16_t http_server_port(const struct http_server *s);
uint32_t http_server_connections(struct http_server *s);
/* PEM of the issuer, written to `path`. */
void http_server_ca(const char *path);
/* PEM of a certificate for `name` and its key, for another server. */
void http_server_cert(const char *name, const char *cert_path, const char *key_path);

void peer_send(struct peer *p, const void *data, size_t len);
void peer_say(struct peer *p, const char *text);
void peer_wait(struct peer *p, int ms); /* less when the server is stopped */
void peer_close(struct peer *p);
void peer_drop(struct peer *p);  /* the same without TLS's goodbye */
void peer_reset(struct peer *p); /* RST */
/* New keys for what is sent, which is no answer; until as many, or the other side is gone. */
void peer_new_keys(struct peer *p, int times);
#endif
