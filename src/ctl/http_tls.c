#include "ctl/http_tls.h"
#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>

enum { CHAIN_MAX = 10 };

struct http_tls {
	unsigned refs;
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned chain_len;
	gnutls_privkey_t key;
};

/* Whether they belong together. */
static int
check_pair(const gnutls_datum_t *cert, const gnutls_datum_t *key, struct why *why)
{
	gnutls_certificate_credentials_t both;
	int r = gnutls_certificate_allocate_credentials(&both);

	if (r < 0)
		return why_set(why, -ENOMEM, "out of memory");
	r = gnutls_certificate_set_x509_key_mem(both, cert, key, GNUTLS_X509_FMT_PEM);
	gnutls_certificate_free_credentials(both);
	if (r == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		return why_set(why, -EINVAL, "the key is not that of the certificate");
	return r < 0 ? why_set(why, -EINVAL, "certificate or key: %s", gnutls_strerror(r))
		     : 0;
}

static int
load(struct http_tls *t, const gnutls_datum_t *cert, const gnutls_datum_t *key,
    struct why *why)
{
	unsigned n = CHAIN_MAX;
	int r =
	    gnutls_pcert_list_import_x509_raw(t->chain, &n, cert, GNUTLS_X509_FMT_PEM, 0);

	if (r < 0)
		return why_set(why, -EINVAL, "the certificates: %s", gnutls_strerror(r));
	t->chain_len = n;
	r = gnutls_privkey_init(&t->key);
	if (r < 0)
		return why_set(why, -ENOMEM, "out of memory");
	r = gnutls_privkey_import_x509_raw(t->key, key, GNUTLS_X509_FMT_PEM, NULL, 0);
	return r < 0 ? why_set(why, -EINVAL, "the key: %s", gnutls_strerror(r)) : 0;
}

int
http_tls_new(const struct buf *cert_pem, const struct buf *key_pem, struct http_tls **ret,
    struct why *why)
{
	gnutls_datum_t cert = {(unsigned char *)cert_pem->ptr, (unsigned)cert_pem->len};
	gnutls_datum_t key = {(unsigned char *)key_pem->ptr, (unsigned)key_pem->len};
	struct http_tls *t;
	int r = check_pair(&cert, &key, why);

	if (r < 0)
		return r;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return why_set(why, -ENOMEM, "out of memory");
	t->refs = 1;
	r = load(t, &cert, &key, why);
	if (r < 0) {
		http_tls_unref(t);
		return r;
	}
	*ret = t;
	return 0;
}

struct http_tls *
http_tls_ref(struct http_tls *t)
{
	if (t != NULL)
		t->refs++;
	return t;
}

void
http_tls_unref(struct http_tls *t)
{
	if (t == NULL || --t->refs > 0)
		return;
	for (unsigned i = 0; i < t->chain_len; i++)
		gnutls_pcert_deinit(&t->chain[i]);
	if (t->key != NULL)
		gnutls_privkey_deinit(t->key);
	free(t);
}

void
http_tls_give(
    struct http_tls *t, gnutls_pcert_st **certs, unsigned *len, gnutls_privkey_t *key)
{
	*certs = t->chain;
	*len = t->chain_len;
	*key = t->key;
}
