#include "net/transport_int.h"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <threads.h>

#include "base/banned.h"

/* Of a connection.  A handshake has less than twenty; afterwards come two tickets, and new
 * keys once in 2^24 records.  OpenSSL 3.0 has no bound, and goes on from one to the next
 * within one call of SSL_read() as long as they come: a peer that sends nothing else would
 * have the loop for itself, deadlines and signals included. */
enum { MESSAGES_MAX = 200 };

static int count_index = -1; /* of the messages that an SSL has had */
static once_flag count_once = ONCE_FLAG_INIT;

static void
count_start(void)
{
	count_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

/* Nothing is read any more. */
static long
on_bio(BIO *b, int op, const char *arg, size_t len, int argi, long argl, int ret,
    size_t *processed)
{
	(void)arg;
	(void)len;
	(void)argi;
	(void)argl;
	(void)processed;
	if ((op & BIO_CB_RETURN) != 0)
		return ret;
	if (op != BIO_CB_READ)
		return 1;
	BIO_clear_retry_flags(b);
	ERR_raise(ERR_LIB_SSL, SSL_R_TOO_MANY_KEY_UPDATES);
	return -1;
}

static void
on_message(
    int sent, int version, int type, const void *bytes, size_t len, SSL *ssl, void *ctx)
{
	uintptr_t n;

	(void)version;
	(void)bytes;
	(void)len;
	(void)ctx;
	if (sent != 0 || type != SSL3_RT_HANDSHAKE)
		return;
	n = (uintptr_t)SSL_get_ex_data(ssl, count_index) + 1;
	(void)SSL_set_ex_data(ssl, count_index, (void *)n);
	if (n > MESSAGES_MAX)
		BIO_set_callback_ex(SSL_get_rbio(ssl), on_bio);
}

/* For each connection. */
static CURLcode
on_context(CURL *e, void *ssl_ctx, void *unused)
{
	(void)e;
	(void)unused;
	call_once(&count_once, count_start);
	if (count_index < 0)
		return CURLE_OUT_OF_MEMORY;
	SSL_CTX_set_msg_callback(ssl_ctx, on_message);
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
	       curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, on_context) == CURLE_OK;
}
