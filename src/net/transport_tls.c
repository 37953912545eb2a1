#include "net/transport_int.h"
#include <openssl/dherr.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <threads.h>

#include "base/banned.h"

/*
 * What OpenSSL and libcurl read in one call has no bound of theirs: OpenSSL 3.0 goes on from one
 * of TLS's own messages to the next, and libcurl 7.88, with HTTP/2, from one frame to the next,
 * until there is a byte of an answer or nothing left to read.  A peer that sends nothing
 * else would have the loop for itself, deadlines and signals included.  So the bound
 * is here, where both of them read: beyond it there is nothing to be had until the next turn.
 */
enum {
	CALL_BYTES_MAX = 1 << 20,
	CALL_READS_MAX = 4096,
	/* Of TLS, on a connection.  A handshake has less than twenty; afterwards come two tickets,
	 * and new keys once in 2^24 records. */
	MESSAGES_MAX = 200,
	/* Of the finite field that a server may have us compute in, to TLS 1.2.  Of the 10,000 that
	 * OpenSSL takes each handshake costs two thirds of a second, of these a fortieth. */
	DH_BITS_MAX = 4096,
};

static int count_index = -1; /* of the messages that an SSL has had */
static int (*security_usual)(const SSL *, const SSL_CTX *, int, int, int, void *, void *);
static once_flag once = ONCE_FLAG_INIT;

static void
start(void)
{
	SSL_CTX *any = SSL_CTX_new(TLS_client_method());

	if (any == NULL)
		return;
	security_usual = SSL_CTX_get_security_callback(any);
	SSL_CTX_free(any);
	count_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

void
transport_tls_call(struct transport *t)
{
	t->tls_bytes = t->tls_reads = 0;
}

static bool
is_read(int op)
{
	return (op & ~BIO_CB_RETURN) == BIO_CB_READ;
}

static long
on_bio(BIO *b, int op, const char *arg, size_t len, int argi, long argl, int ret,
    size_t *processed)
{
	struct transport *t = (struct transport *)(void *)BIO_get_callback_arg(b);

	(void)arg;
	(void)len;
	(void)argi;
	(void)argl;
	if ((op & BIO_CB_RETURN) != 0) {
		if (is_read(op) && ret > 0) {
			t->tls_bytes += *processed;
			t->tls_reads++;
		}
		return ret;
	}
	if (!is_read(op) ||
	    (t->tls_bytes < CALL_BYTES_MAX && t->tls_reads < CALL_READS_MAX))
		return 1;
	BIO_set_retry_read(b);
	return -1;
}

/* Instead of it: nothing is read any more. */
static long
on_bio_closed(BIO *b, int op, const char *arg, size_t len, int argi, long argl, int ret,
    size_t *processed)
{
	(void)arg;
	(void)len;
	(void)argi;
	(void)argl;
	(void)processed;
	if ((op & BIO_CB_RETURN) != 0)
		return ret;
	if (!is_read(op))
		return 1;
	BIO_clear_retry_flags(b);
	ERR_raise(ERR_LIB_SSL, SSL_R_TOO_MANY_KEY_UPDATES);
	return -1;
}

/* The first one is our own, before anything is read. */
static void
on_message(
    int sent, int version, int type, const void *bytes, size_t len, SSL *ssl, void *ctx)
{
	BIO *b = SSL_get_rbio(ssl);
	uintptr_t n;

	(void)version;
	(void)bytes;
	(void)len;
	if (BIO_get_callback_ex(b) == NULL) {
		BIO_set_callback_arg(b, ctx);
		BIO_set_callback_ex(b, on_bio);
	}
	if (sent != 0 || type != SSL3_RT_HANDSHAKE)
		return;
	n = (uintptr_t)SSL_get_ex_data(ssl, count_index) + 1;
	(void)SSL_set_ex_data(ssl, count_index, (void *)n);
	if (n > MESSAGES_MAX)
		BIO_set_callback_ex(b, on_bio_closed);
}

static int
on_security(const SSL *ssl, const SSL_CTX *ssl_ctx, int op, int bits, int id, void *other,
    void *ctx)
{
	if (op == SSL_SECOP_TMP_DH && EVP_PKEY_get_bits(other) > DH_BITS_MAX) {
		ERR_raise(ERR_LIB_DH, DH_R_MODULUS_TOO_LARGE);
		return 0;
	}
	return security_usual(ssl, ssl_ctx, op, bits, id, other, ctx);
}

/* For each connection. */
static CURLcode
on_context(CURL *e, void *ssl_ctx, void *ctx)
{
	(void)e;
	call_once(&once, start);
	if (count_index < 0)
		return CURLE_OUT_OF_MEMORY;
	SSL_CTX_set_msg_callback(ssl_ctx, on_message);
	SSL_CTX_set_msg_callback_arg(ssl_ctx, ctx);
	SSL_CTX_set_security_callback(ssl_ctx, on_security);
	return CURLE_OK;
}

/* A key that wants a pass phrase must not ask for it on the terminal. */
static bool
set_cert(struct exchange *x)
{
	const struct transport *t = x->transport;
	CURL *e = x->easy;

	return !x->route->cert || (set_text(e, CURLOPT_SSLCERT, t->cert_file) &&
				      set_text(e, CURLOPT_SSLKEY, t->key_file) &&
				      set_text(e, CURLOPT_KEYPASSWD, ""));
}

bool
exchange_set_tls(struct exchange *x)
{
	const struct transport *t = x->transport;
	CURL *e = x->easy;
	long verify = t->conf.insecure ? 0 : 1;

	/* Without CAPATH the bundle is parsed once and kept; with Debian's default it is
	 * read anew for every connection, which costs fifty times as much. */
	return set_cert(x) && set_text(e, CURLOPT_CAINFO, t->ca_file) &&
	       set_text(e, CURLOPT_CAPATH, NULL) &&
	       set_long(e, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2) &&
	       set_long(e, CURLOPT_SSL_VERIFYPEER, verify) &&
	       set_long(e, CURLOPT_SSL_VERIFYHOST, verify * 2) &&
	       curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, on_context) == CURLE_OK &&
	       set_ptr(e, CURLOPT_SSL_CTX_DATA, x->transport);
}
