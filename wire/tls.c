#include "wire/tls.h"
#include "base/digest.h"
#include "base/secret.h"
#include "wire/identity.h"
#include "wire/tls_private.h"
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

/* What tls_create is about. */
struct loading {
	const char *authority_file, *certificate_file, *key_file;
	struct tls *tls;
	X509 *certificate;
	EVP_PKEY *key;
	struct complaint *complaint;
};

#define CONFIG_ERROR(loading, ...) complain((loading)->complaint, ERR_CONFIG, __VA_ARGS__)

/* Files */

static BIO *file_open(const char *path)
{
	return path ? BIO_new_file(path, "r") : NULL;
}

static X509 *next_certificate(BIO *file)
{
	X509 *certificate = X509_new_ex(digest_context(), NULL);
	if (certificate && PEM_read_bio_X509(file, &certificate, NULL, NULL))
		return certificate;
	X509_free(certificate);
	return NULL;
}

static enum err load_authority(struct loading *l)
{
	X509_STORE *store = SSL_CTX_get_cert_store(l->tls->context);
	BIO *file = file_open(l->authority_file);
	if (!file)
		return CONFIG_ERROR(l, "%s: the authority's certificate cannot be read: %s", l->authority_file, strerror(errno));
	X509 *certificate;
	size_t count = 0;
	for (; (certificate = next_certificate(file)); count++) {
		X509_STORE_add_cert(store, certificate);
		X509_free(certificate);
	}
	BIO_free(file);
	return count ? ERR_OK : CONFIG_ERROR(l, "%s: holds no certificate in PEM form", l->authority_file);
}

/* Ours first, then whatever leads from it to the authority. */
static enum err load_certificate(struct loading *l)
{
	BIO *file = file_open(l->certificate_file);
	if (!file)
		return CONFIG_ERROR(l, "%s: the certificate cannot be read: %s", l->certificate_file, strerror(errno));
	l->certificate = next_certificate(file);
	X509 *between;
	while (l->certificate && (between = next_certificate(file)))
		if (!SSL_CTX_add0_chain_cert(l->tls->context, between))
			X509_free(between);
	BIO_free(file);
	return l->certificate ? ERR_OK : CONFIG_ERROR(l, "%s: holds no certificate in PEM form", l->certificate_file);
}

/* Nobody is there to type a passphrase. */
static int no_passphrase(char *buf, int size, int writing, void *user)
{
	(void)buf, (void)size, (void)writing, (void)user;
	return -1;
}

static enum err load_key(struct loading *l)
{
	struct secret *text = NULL;
	enum err err = secret_load(l->key_file, NULL, NULL, 1, 64 << 10, &text, l->complaint);
	if (err != ERR_OK)
		return err;
	BIO *bio = BIO_new_mem_buf(text->data, (int)text->size);
	l->key = bio ? PEM_read_bio_PrivateKey_ex(bio, NULL, no_passphrase, NULL, digest_context(), NULL) : NULL;
	BIO_free(bio);
	secret_destroy(text);
	return l->key ? ERR_OK : CONFIG_ERROR(l, "%s: holds no private key in PEM form without a passphrase", l->key_file);
}

/* Checks, in the order in which an operator would want to hear of them */

static enum err check_dates(struct loading *l)
{
	if (X509_cmp_current_time(X509_get0_notAfter(l->certificate)) < 0)
		return CONFIG_ERROR(l, "%s: the certificate has expired; issue a new one", l->certificate_file);
	if (X509_cmp_current_time(X509_get0_notBefore(l->certificate)) > 0)
		return CONFIG_ERROR(l, "%s: the certificate is not valid yet; is this machine's clock right?", l->certificate_file);
	return ERR_OK;
}

static enum err check_identity(struct loading *l, const struct identity *expected)
{
	char is[IDENTITY_TEXT_SIZE], should[IDENTITY_TEXT_SIZE];
	struct identity *self = &l->tls->self;
	if (!identity_of_certificate(self, l->certificate))
		return CONFIG_ERROR(l, "%s: the certificate must have exactly one subjectAltName of the form URI:craton:node:NAME, "
		                    "URI:craton:client:NAME or URI:craton:admin:NAME", l->certificate_file);
	if (identity_is(self, expected))
		return ERR_OK;
	identity_text(self, is);
	identity_text(expected, should);
	return CONFIG_ERROR(l, "%s: the certificate says %s, but %s%s is wanted here", l->certificate_file, is, should,
	                    expected->name[0] ? "" : "NAME");
}

/* Our own is the first of the chain; the only one, if it is its own authority. */
static void keep_first_to_end(struct tls *tls, STACK_OF(X509) *chain)
{
	for (int i = sk_X509_num(chain) > 1; i < sk_X509_num(chain); i++) {
		X509 *issuer = sk_X509_value(chain, i);
		if (!tls->issuer || ASN1_TIME_compare(X509_get0_notAfter(issuer), X509_get0_notAfter(tls->issuer)) < 0)
			tls->issuer = issuer;
	}
	X509_up_ref(tls->issuer);
}

static enum err check_issuer(struct loading *l)
{
	X509_STORE_CTX *check = X509_STORE_CTX_new_ex(digest_context(), NULL);
	STACK_OF(X509) *chain = NULL;
	SSL_CTX_get0_chain_certs(l->tls->context, &chain);
	bool good = check && X509_STORE_CTX_init(check, SSL_CTX_get_cert_store(l->tls->context), l->certificate, chain) &&
	            X509_verify_cert(check) == 1;
	enum err err = good ? ERR_OK
	                    : CONFIG_ERROR(l, "%s: not issued by the authority in %s: %s", l->certificate_file, l->authority_file,
	                                   X509_verify_cert_error_string(check ? X509_STORE_CTX_get_error(check) : X509_V_ERR_OUT_OF_MEM));
	if (good)
		keep_first_to_end(l->tls, X509_STORE_CTX_get0_chain(check));
	X509_STORE_CTX_free(check);
	return err;
}

static enum err check_key(struct loading *l)
{
	if (!X509_check_private_key(l->certificate, l->key))
		return CONFIG_ERROR(l, "%s: the key does not belong to the certificate %s", l->key_file, l->certificate_file);
	if (!SSL_CTX_use_certificate(l->tls->context, l->certificate) || !SSL_CTX_use_PrivateKey(l->tls->context, l->key))
		return CONFIG_ERROR(l, "%s: too weak or of a kind that TLS 1.3 can't use; use an EC P-256 key", l->certificate_file);
	return ERR_OK;
}

/* The context */

/* The process's openssl.cnf may have a system_default section, which OpenSSL applies to every new SSL_CTX,
 * so what matters to us is said here in full. */
static bool say_in_full(SSL_CTX *context)
{
	static const char suites[] = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
	static const char signatures[] = "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:ed448:"
	                                 "RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512";
	return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) && SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) &&
	       SSL_CTX_set_ciphersuites(context, suites) && SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384:P-521") &&
	       SSL_CTX_set1_sigalgs_list(context, signatures) && SSL_CTX_set1_client_sigalgs_list(context, signatures);
}

static SSL_CTX *context_create(void)
{
	SSL_CTX *context = SSL_CTX_new_ex(digest_context(), NULL, TLS_method());
	if (!context)
		return NULL;
	SSL_CTX_clear_options(context, SSL_OP_ALLOW_CLIENT_RENEGOTIATION | SSL_OP_LEGACY_SERVER_CONNECT |
	                               SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_TLSv1_3 | SSL_OP_ENABLE_KTLS);
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_num_tickets(context, 0);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(context, 1); /* a record's header and body in one recv() */
	SSL_CTX_set_max_early_data(context, 0);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_security_level(context, 2);
	if (say_in_full(context))
		return context;
	SSL_CTX_free(context);
	return NULL;
}

static enum err load_all(struct loading *l, const struct identity *expected)
{
	if (!l->tls || !(l->tls->context = context_create()) || !(l->tls->method = tls_bio_method()))
		return complain(l->complaint, ERR_NO_MEMORY, "TLS cannot be set up: no memory");
	enum err err = load_authority(l);
	if (err == ERR_OK)
		err = load_certificate(l);
	if (err == ERR_OK)
		err = load_key(l);
	if (err == ERR_OK)
		err = check_dates(l);
	if (err == ERR_OK)
		err = check_identity(l, expected);
	if (err == ERR_OK)
		err = check_issuer(l);
	return err == ERR_OK ? check_key(l) : err;
}

enum err tls_create(const char *authority_file, const char *certificate_file, const char *key_file,
                    const struct identity *expected, struct tls **out, struct complaint *complaint)
{
	struct loading loading = {
		.authority_file = authority_file, .certificate_file = certificate_file, .key_file = key_file,
		.tls = calloc(1, sizeof *loading.tls), .complaint = complaint,
	};
	ERR_set_mark();
	if (loading.tls)
		pthread_mutex_init(&loading.tls->lock, NULL);
	enum err err = load_all(&loading, expected);
	X509_free(loading.certificate);
	EVP_PKEY_free(loading.key);
	ERR_pop_to_mark();
	if (err == ERR_OK)
		*out = loading.tls;
	else
		tls_destroy(loading.tls);
	return err;
}

enum err tls_reload(struct tls *tls, const char *authority_file, const char *certificate_file, const char *key_file,
                    struct complaint *complaint)
{
	struct tls *fresh;
	enum err err = tls_create(authority_file, certificate_file, key_file, &tls->self, &fresh, complaint);
	if (err != ERR_OK)
		return err;
	pthread_mutex_lock(&tls->lock);
	SSL_CTX *context = tls->context;
	X509 *issuer = tls->issuer;
	tls->context = fresh->context;
	tls->issuer = fresh->issuer;
	pthread_mutex_unlock(&tls->lock);
	fresh->context = context;
	fresh->issuer = issuer;
	tls_destroy(fresh);
	return ERR_OK;
}

void tls_destroy(struct tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->context);
	X509_free(tls->issuer);
	BIO_meth_free(tls->method);
	pthread_mutex_destroy(&tls->lock);
	free(tls);
}

const struct identity *tls_identity(const struct tls *tls)
{
	return &tls->self;
}

#define DAY_S 86400

static int64_t seconds_left(const X509 *certificate)
{
	int days = 0, seconds = 0;
	ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate));
	return (int64_t)days * DAY_S + seconds;
}

int64_t tls_seconds_left(struct tls *tls)
{
	pthread_mutex_lock(&tls->lock);
	int64_t left_s = seconds_left(SSL_CTX_get0_certificate(tls->context));
	pthread_mutex_unlock(&tls->lock);
	return left_s;
}

int64_t tls_issuer_seconds_left(struct tls *tls)
{
	pthread_mutex_lock(&tls->lock);
	int64_t left_s = seconds_left(tls->issuer);
	pthread_mutex_unlock(&tls->lock);
	return left_s;
}
