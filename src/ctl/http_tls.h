/*
 * ctl/http_tls.h -- a certificate with its key, as connections take them (GnuTLS, which is what
 * libmicrohttpd speaks).
 *
 * A connection keeps the one that was in force when it came, so that a new one can take its
 * place at any time (SIGHUP).
 *
 * Owns:    what it parsed; counted references.
 * Errors:  -EINVAL with the sentence: not PEM, or the key is of another certificate.
 * Threads: loop thread.
 */
#ifndef CTL_HTTP_TLS_H
#define CTL_HTTP_TLS_H
#include "base/buf.h"
#include "base/why.h"
#include <gnutls/abstract.h>

struct http_tls;
int http_tls_new(const struct buf *cert_pem, const struct buf *key_pem,
    struct http_tls **ret, struct why *why);
struct http_tls *http_tls_ref(struct http_tls *t); /* NULL is fine */
void http_tls_unref(struct http_tls *t);           /* likewise */
/* Of that one: what gnutls_certificate_retrieve_function2 has to return. */
void http_tls_give(
    struct http_tls *t, gnutls_pcert_st **certs, unsigned *len, gnutls_privkey_t *key);
#define HTTP_TLS_PRIORITIES                                                              \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"
#endif
