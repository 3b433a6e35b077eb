#include "cli/certificates.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/id.h"
#include "base/secret.h"
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#define VALID_DAYS 3650
#define BACKDATED_SECONDS 3600 /* for clocks that differ */

static enum err openssl_failed(struct complaint *complaint, const char *what)
{
	return complain(complaint, ERR_IO, "%s: %s", what, ERR_reason_error_string(ERR_peek_last_error()));
}

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	bool added = extension && X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
	return added;
}

static bool set_serial(X509 *certificate)
{
	uint8_t bytes[16];
	random_bytes(bytes, sizeof bytes);
	bytes[0] &= 0x7f; /* positive */
	BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
	bool set = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
	BN_free(number);
	return set;
}

/* Version, serial, dates, subject and public key: what all certificates have. */
static X509 *certificate_begin(const char *name, EVP_PKEY *key)
{
	X509 *certificate = X509_new_ex(digest_context(), NULL);
	if (certificate && X509_set_version(certificate, X509_VERSION_3) && set_serial(certificate) &&
	    X509_gmtime_adj(X509_getm_notBefore(certificate), -BACKDATED_SECONDS) &&
	    X509_time_adj_ex(X509_getm_notAfter(certificate), VALID_DAYS, 0, NULL) &&
	    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
	                               (const unsigned char *)name, -1, -1, 0) &&
	    X509_set_pubkey(certificate, key))
		return certificate;
	X509_free(certificate);
	return NULL;
}

static bool sign(X509 *certificate, EVP_PKEY *key)
{
	return X509_sign(certificate, key, digest_algorithm("SHA256")) > 0;
}

static X509 *make_authority_certificate(const char *name, EVP_PKEY *key)
{
	X509 *certificate = certificate_begin(name, key);
	if (certificate && X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) &&
	    add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	    add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	    add_extension(certificate, certificate, NID_subject_key_identifier, "hash") &&
	    sign(certificate, key))
		return certificate;
	X509_free(certificate);
	return NULL;
}

static X509 *make_certificate(const struct authority *authority, const char *uri, EVP_PKEY *key)
{
	char alternative[128];
	snprintf(alternative, sizeof alternative, "URI:%s", uri);
	X509 *certificate = certificate_begin(uri, key);
	X509 *issuer = authority->certificate;
	if (certificate && X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) &&
	    add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
	    add_extension(certificate, issuer, NID_ext_key_usage, "serverAuth,clientAuth") &&
	    add_extension(certificate, issuer, NID_subject_key_identifier, "hash") &&
	    add_extension(certificate, issuer, NID_authority_key_identifier, "keyid") &&
	    add_extension(certificate, issuer, NID_subject_alt_name, alternative) &&
	    sign(certificate, authority->key))
		return certificate;
	X509_free(certificate);
	return NULL;
}

/* What was written to `bio` becomes the file; it may be a key, so the memory is wiped. */
static enum err save(BIO *bio, bool written, const char *path, unsigned mode, struct complaint *complaint)
{
	char *data = NULL;
	long size = bio ? BIO_get_mem_data(bio, &data) : 0;
	if (!written || size <= 0)
		return openssl_failed(complaint, path);
	enum err err = file_write(path, data, (size_t)size, mode);
	secret_wipe(data, (size_t)size);
	return err == ERR_OK ? ERR_OK : complain(complaint, err, "%s cannot be written (%s)", path, err_name(err));
}

static enum err save_certificate(X509 *certificate, const char *path, struct complaint *complaint)
{
	BIO *bio = BIO_new(BIO_s_mem());
	enum err err = save(bio, bio && PEM_write_bio_X509(bio, certificate), path, 0644, complaint);
	BIO_free(bio);
	return err;
}

static enum err save_key(EVP_PKEY *key, const char *path, struct complaint *complaint)
{
	BIO *bio = BIO_new(BIO_s_mem());
	enum err err = save(bio, bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), path, 0600,
	                    complaint);
	BIO_free(bio);
	return err;
}

enum err authority_create(const char *name, const char *certificate_file, const char *key_file,
                          struct authority *authority, struct complaint *complaint)
{
	authority->key = EVP_PKEY_Q_keygen(digest_context(), NULL, "EC", "P-256");
	authority->certificate = authority->key ? make_authority_certificate(name, authority->key) : NULL;
	if (!authority->certificate) {
		authority_finish(authority);
		return openssl_failed(complaint, "making the certificate authority");
	}
	enum err err = save_key(authority->key, key_file, complaint);
	if (err == ERR_OK)
		err = save_certificate(authority->certificate, certificate_file, complaint);
	if (err != ERR_OK)
		authority_finish(authority);
	return err;
}

enum err authority_load(const char *certificate_file, const char *key_file, struct authority *authority,
                        struct complaint *complaint)
{
	BIO *certificate = BIO_new_file(certificate_file, "r"), *key = BIO_new_file(key_file, "r");
	authority->certificate = certificate ? PEM_read_bio_X509(certificate, NULL, NULL, NULL) : NULL;
	authority->key = key ? PEM_read_bio_PrivateKey_ex(key, NULL, NULL, NULL, digest_context(), NULL) : NULL;
	BIO_free(certificate);
	BIO_free(key);
	if (authority->certificate && authority->key)
		return ERR_OK;
	authority_finish(authority);
	return openssl_failed(complaint, certificate_file);
}

void authority_finish(struct authority *authority)
{
	X509_free(authority->certificate);
	EVP_PKEY_free(authority->key);
	*authority = (struct authority){ 0 };
}

enum err authority_issue(const struct authority *authority, const char *uri, const char *certificate_file,
                         const char *key_file, struct complaint *complaint)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(digest_context(), NULL, "EC", "P-256");
	X509 *certificate = key ? make_certificate(authority, uri, key) : NULL;
	enum err err = certificate ? save_key(key, key_file, complaint) : openssl_failed(complaint, uri);
	if (err == ERR_OK)
		err = save_certificate(certificate, certificate_file, complaint);
	X509_free(certificate);
	EVP_PKEY_free(key);
	return err;
}
