#include "node/voucher.h"
#include "wire/identity.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

struct voucher {
	EVP_PKEY *key;
	X509 *certificate;
	X509_STORE *store;
};

static EVP_PKEY *read_key(const char *path)
{
	BIO *file = BIO_new_file(path, "r");
	EVP_PKEY *key = file ? PEM_read_bio_PrivateKey_ex(file, NULL, NULL, NULL, digest_context(), NULL) : NULL;
	BIO_free(file);
	return key;
}

static X509 *read_certificate(const char *path)
{
	BIO *file = BIO_new_file(path, "r");
	X509 *certificate = file ? X509_new_ex(digest_context(), NULL) : NULL;
	if (certificate && !PEM_read_bio_X509(file, &certificate, NULL, NULL)) {
		X509_free(certificate);
		certificate = NULL;
	}
	BIO_free(file);
	return certificate;
}

void voucher_close(struct voucher *voucher)
{
	if (!voucher)
		return;
	EVP_PKEY_free(voucher->key);
	X509_free(voucher->certificate);
	X509_STORE_free(voucher->store);
	free(voucher);
}

/* tls_create has judged these files by now, with messages of its own; here is what it does not hand out. */
enum err voucher_open(const struct node_config *config, struct voucher **out, struct complaint *complaint)
{
	struct voucher *voucher = calloc(1, sizeof *voucher);
	*out = NULL;
	if (!voucher)
		return complain(complaint, ERR_NO_MEMORY, "out of memory");
	voucher->key = read_key(config->key_file);
	voucher->certificate = read_certificate(config->certificate_file);
	voucher->store = X509_STORE_new();
	X509 *authority = read_certificate(config->authority_file);
	bool ok = voucher->key && voucher->certificate && voucher->store && authority &&
	          X509_STORE_add_cert(voucher->store, authority) == 1;
	X509_free(authority);
	ERR_clear_error();
	if (!ok) {
		voucher_close(voucher);
		return complain(complaint, ERR_CONFIG, "%s, %s or %s can't be read as PEM", config->authority_file,
		                config->certificate_file, config->key_file);
	}
	*out = voucher;
	return ERR_OK;
}

enum err voucher_certificate(const struct voucher *voucher, struct buf *out)
{
	uint8_t *der = NULL;
	int size = i2d_X509(voucher->certificate, &der);
	if (size > 0)
		buf_add(out, der, (size_t)size);
	OPENSSL_free(der);
	return size > 0 && !out->failed ? ERR_OK : ERR_NO_MEMORY;
}

enum err voucher_sign(const struct voucher *voucher, const struct bytes *parts, size_t count, struct buf *out)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t size = 0;
	bool ok = context && EVP_DigestSignInit_ex(context, NULL, "SHA256", digest_context(), NULL, voucher->key, NULL) == 1;
	for (size_t i = 0; ok && i < count; i++)
		ok = EVP_DigestSignUpdate(context, parts[i].data, parts[i].size) == 1;
	ok = ok && EVP_DigestSignFinal(context, NULL, &size) == 1;
	uint8_t *signature = ok ? malloc(size) : NULL;
	ok = signature && EVP_DigestSignFinal(context, signature, &size) == 1;
	if (ok)
		buf_add(out, signature, size);
	free(signature);
	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return ok && !out->failed ? ERR_OK : ERR_IO;
}

static bool is_issued(const struct voucher *voucher, X509 *certificate)
{
	X509_STORE_CTX *context = X509_STORE_CTX_new_ex(digest_context(), NULL);
	bool ok = context && X509_STORE_CTX_init(context, voucher->store, certificate, NULL) == 1 &&
	          X509_verify_cert(context) == 1;
	X509_STORE_CTX_free(context);
	return ok;
}

static bool is_signed(X509 *certificate, const struct bytes *signature, const struct bytes *parts, size_t count)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool ok = context && EVP_DigestVerifyInit_ex(context, NULL, "SHA256", digest_context(), NULL,
	                                             X509_get0_pubkey(certificate), NULL) == 1;
	for (size_t i = 0; ok && i < count; i++)
		ok = EVP_DigestVerifyUpdate(context, parts[i].data, parts[i].size) == 1;
	ok = ok && EVP_DigestVerifyFinal(context, signature->data, signature->size) == 1;
	EVP_MD_CTX_free(context);
	return ok;
}

enum err voucher_check(const struct voucher *voucher, const struct bytes *certificate, const struct bytes *signature,
                       const struct bytes *parts, size_t count, struct identity *who, struct complaint *complaint)
{
	const unsigned char *der = certificate->data;
	X509 *x509 = X509_new_ex(digest_context(), NULL);
	enum err err = ERR_OK;
	if (!x509 || certificate->size > ENROLMENT_TEXT_MAX || !d2i_X509(&x509, &der, (long)certificate->size)) {
		ERR_clear_error();
		return complain(complaint, ERR_REFUSED, "the message's certificate can't be read");
	}
	if (!is_issued(voucher, x509))
		err = complain(complaint, ERR_REFUSED, "the message's certificate is not of this cluster's authority, or not valid today");
	else if (!identity_of_certificate(who, x509) || who->kind != IDENTITY_NODE)
		err = complain(complaint, ERR_REFUSED, "the message's certificate is no node's (craton:node:NAME)");
	else if (!is_signed(x509, signature, parts, count))
		err = complain(complaint, ERR_REFUSED, "the message was not signed by %s, whose certificate it shows", who->name);
	X509_free(x509);
	ERR_clear_error();
	return err;
}
