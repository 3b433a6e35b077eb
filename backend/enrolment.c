/* How domain keys come to be, and how they reach a further token. domain_keys.h says what was checked.
 *
 *	first token     SO:   three keys, public session objects     → user: copies, private token objects
 *	new token       SO:   RSA-4096 pair, session objects         → its public half, SubjectPublicKeyInfo
 *	domain's token  SO:   that public half, trusted, a session object
 *	                user: wraps the domain keys under it         → three wrapped keys and the domain's id
 *	new token       SO:   unwraps, public session objects        → user: copies, private token objects; same id?
 *
 * A role change in a session destroys its private objects and keeps its public ones, so each line is one session.
 * OAEP is used with SHA-1, whose collisions do not matter there, because that is what tokens have in common
 * (SoftHSM 2.6.1 wraps with no other: CKR_ARGUMENTS_BAD). */
#include "backend/ceremony.h"
#include "backend/domain.h"
#include "base/secret.h"
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/core_names.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#define TRANSPORT_BITS 4096
#define WRAPPED_MAGIC 0x43444b31u /* "CDK1" */
#define WRAPPED_SIZE_MAX (16u << 10)

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS public_class = CKO_PUBLIC_KEY;
static CK_KEY_TYPE key_rsa = CKK_RSA;
#define YES(type) { type, &yes, sizeof yes }
#define NO(type) { type, &no, sizeof no }
#define COUNT(array) (sizeof(array) / sizeof *(array))

static CK_RSA_PKCS_OAEP_PARAMS oaep_parameter = { CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0 };
static CK_MECHANISM oaep = { CKM_RSA_PKCS_OAEP, &oaep_parameter, sizeof oaep_parameter };

/* The first domain */

static enum err make_keys(struct ceremony *ceremony, struct domain_keys *made, struct complaint *complaint)
{
	for (int i = 0; i < DOMAIN_KEY_COUNT; i++) {
		CK_MECHANISM mechanism = { i == DOMAIN_MAC ? CKM_GENERIC_SECRET_KEY_GEN : CKM_AES_KEY_GEN, NULL, 0 };
		CK_ATTRIBUTE template_[DOMAIN_KEY_TEMPLATE_MAX];
		CK_ULONG count = domain_key_template((enum domain_key)i, true, template_);
		CK_RV rv = ceremony->module.p11->C_GenerateKey(ceremony->session, &mechanism, template_, count, &made->key[i]);
		if (rv != CKR_OK)
			return module_complain(&ceremony->module, complaint, "it can't make the domain keys", rv);
	}
	return ERR_OK;
}

static enum err create_in(struct ceremony *ceremony, struct complaint *complaint)
{
	struct domain_keys made = { 0 };
	enum err err = ceremony_be_user(ceremony, complaint);
	if (err == ERR_OK)
		err = ceremony_expect_no_domain(ceremony, complaint);
	if (err == ERR_OK)
		err = ceremony_be_so(ceremony, complaint);
	if (err == ERR_OK)
		err = make_keys(ceremony, &made, complaint);
	if (err == ERR_OK)
		err = ceremony_be_user(ceremony, complaint);
	if (err == ERR_OK)
		err = domain_keys_keep(&ceremony->module, ceremony->session, &made, complaint);
	return err;
}

enum err domain_create(const struct token_config *config, const struct secret *so_pin, struct complaint *complaint)
{
	struct ceremony ceremony;
	enum err err = ceremony_begin(config, so_pin, &ceremony, complaint);
	if (err != ERR_OK)
		return err;
	err = create_in(&ceremony, complaint);
	ceremony_end(&ceremony);
	return err;
}

/* The new token's side */

struct enrolment {
	struct ceremony ceremony;
	CK_OBJECT_HANDLE transport; /* the private half */
};

static CK_RV make_transport(struct enrolment *enrolment, CK_OBJECT_HANDLE *public_half)
{
	CK_MECHANISM mechanism = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_ULONG bits = TRANSPORT_BITS;
	CK_BYTE exponent[] = { 1, 0, 1 };
	CK_ATTRIBUTE public_template[] = {
		NO(CKA_TOKEN), NO(CKA_PRIVATE), YES(CKA_WRAP), NO(CKA_ENCRYPT), NO(CKA_VERIFY),
		{ CKA_MODULUS_BITS, &bits, sizeof bits }, { CKA_PUBLIC_EXPONENT, exponent, sizeof exponent },
	};
	CK_ATTRIBUTE private_template[] = {
		NO(CKA_TOKEN), NO(CKA_PRIVATE), YES(CKA_SENSITIVE), NO(CKA_EXTRACTABLE), YES(CKA_UNWRAP),
		NO(CKA_DECRYPT), NO(CKA_SIGN),
	};
	return enrolment->ceremony.module.p11->C_GenerateKeyPair(enrolment->ceremony.session, &mechanism,
		public_template, COUNT(public_template), private_template, COUNT(private_template),
		public_half, &enrolment->transport);
}

/* SubjectPublicKeyInfo of modulus and exponent (big endian). */
static enum err write_public_der(const CK_ATTRIBUTE *modulus, const CK_ATTRIBUTE *exponent, struct buf *out)
{
	EVP_PKEY *key = NULL;
	unsigned char *der = NULL;
	int size = 0;
	OSSL_PARAM *params = NULL;
	BIGNUM *n = BN_bin2bn(modulus->pValue, (int)modulus->ulValueLen, NULL);
	BIGNUM *e = BN_bin2bn(exponent->pValue, (int)exponent->ulValueLen, NULL);
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(digest_context(), "RSA", NULL);
	if (n && e && builder && context && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) && (params = OSSL_PARAM_BLD_to_param(builder)) &&
	    EVP_PKEY_fromdata_init(context) > 0 && EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) > 0)
		size = i2d_PUBKEY(key, &der);
	if (size > 0)
		buf_add(out, der, (size_t)size);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	BN_free(n);
	BN_free(e);
	return size > 0 && !out->failed ? ERR_OK : ERR_NO_MEMORY;
}

static enum err begin_in(struct enrolment *enrolment, struct buf *der, struct complaint *complaint)
{
	struct ceremony *ceremony = &enrolment->ceremony;
	CK_OBJECT_HANDLE public_half;
	CK_BYTE n[TRANSPORT_BITS / 8], e[16];
	CK_ATTRIBUTE numbers[] = { { CKA_MODULUS, n, sizeof n }, { CKA_PUBLIC_EXPONENT, e, sizeof e } };
	enum err err = ceremony_be_user(ceremony, complaint);
	if (err == ERR_OK)
		err = ceremony_expect_no_domain(ceremony, complaint);
	if (err == ERR_OK)
		err = ceremony_be_so(ceremony, complaint);
	if (err != ERR_OK)
		return err;
	CK_RV rv = make_transport(enrolment, &public_half);
	if (rv == CKR_OK)
		rv = ceremony->module.p11->C_GetAttributeValue(ceremony->session, public_half, numbers, COUNT(numbers));
	if (rv != CKR_OK)
		return module_complain(&ceremony->module, complaint, "it can't make an RSA-4096 transport key", rv);
	return write_public_der(&numbers[0], &numbers[1], der);
}

enum err enrolment_begin(const struct token_config *config, const struct secret *so_pin, struct enrolment **out,
                         struct buf *transport_public_der, struct complaint *complaint)
{
	struct enrolment *enrolment = calloc(1, sizeof *enrolment);
	if (!enrolment)
		return complain(complaint, ERR_NO_MEMORY, "no memory");
	enum err err = ceremony_begin(config, so_pin, &enrolment->ceremony, complaint);
	if (err == ERR_OK)
		err = begin_in(enrolment, transport_public_der, complaint);
	if (err == ERR_OK)
		*out = enrolment;
	else
		enrolment_destroy(enrolment);
	return err;
}

void enrolment_destroy(struct enrolment *enrolment)
{
	if (!enrolment)
		return;
	ceremony_end(&enrolment->ceremony);
	free(enrolment);
}

/* The domain's side */

static bool read_number(EVP_PKEY *key, const char *name, CK_BYTE *out, size_t size_max, size_t *size)
{
	BIGNUM *number = NULL;
	bool read = EVP_PKEY_get_bn_param(key, name, &number) && (size_t)BN_num_bytes(number) <= size_max;
	if (read)
		*size = (size_t)BN_bn2bin(number, out);
	BN_free(number);
	return read;
}

/* The public half, from bytes that came over a network: RSA of at least 4096 bits and nothing else. */
static enum err import_transport(struct ceremony *ceremony, const void *der, size_t size, CK_OBJECT_HANDLE *out,
                                 struct complaint *complaint)
{
	CK_BYTE n[2048], e[16];
	size_t n_size, e_size;
	const unsigned char *at = der;
	EVP_PKEY *key = size <= WRAPPED_SIZE_MAX ? d2i_PUBKEY_ex(NULL, &at, (long)size, digest_context(), NULL) : NULL;
	bool good = key && EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= TRANSPORT_BITS &&
	            at == (const unsigned char *)der + size &&
	            read_number(key, OSSL_PKEY_PARAM_RSA_N, n, sizeof n, &n_size) &&
	            read_number(key, OSSL_PKEY_PARAM_RSA_E, e, sizeof e, &e_size);
	EVP_PKEY_free(key);
	if (!good)
		return complain(complaint, ERR_MALFORMED, "the new token's transport key is not an RSA key of at least %d bits",
		                TRANSPORT_BITS);
	CK_ATTRIBUTE template_[] = {
		{ CKA_CLASS, &public_class, sizeof public_class }, { CKA_KEY_TYPE, &key_rsa, sizeof key_rsa },
		NO(CKA_TOKEN), NO(CKA_PRIVATE), YES(CKA_TRUSTED), YES(CKA_WRAP), NO(CKA_ENCRYPT), NO(CKA_VERIFY),
		{ CKA_MODULUS, n, n_size }, { CKA_PUBLIC_EXPONENT, e, e_size },
	};
	CK_RV rv = ceremony->module.p11->C_CreateObject(ceremony->session, template_, COUNT(template_), out);
	return rv == CKR_OK ? ERR_OK : module_complain(&ceremony->module, complaint, "it does not take the transport key", rv);
}

static enum err wrap_keys(struct ceremony *ceremony, CK_OBJECT_HANDLE transport, struct buf *out, struct complaint *complaint)
{
	struct domain_keys keys;
	uint8_t id[DOMAIN_ID_SIZE];
	enum err err = domain_keys_find(&ceremony->module, ceremony->session, &keys, complaint);
	if (err == ERR_OK)
		err = domain_keys_check(&ceremony->module, ceremony->session, &keys, complaint);
	if (err != ERR_OK)
		return err;
	CK_RV rv = domain_keys_id(&ceremony->module, ceremony->session, &keys, id);
	buf_add_u32(out, WRAPPED_MAGIC);
	buf_add_block(out, id, sizeof id);
	for (int i = 0; rv == CKR_OK && i < DOMAIN_KEY_COUNT; i++) {
		CK_BYTE wrapped[2048];
		CK_ULONG size = sizeof wrapped;
		rv = ceremony->module.p11->C_WrapKey(ceremony->session, &oaep, transport, keys.key[i], wrapped, &size);
		if (rv == CKR_OK)
			buf_add_block(out, wrapped, size);
	}
	if (rv != CKR_OK)
		return module_complain(&ceremony->module, complaint, "it can't wrap the domain keys", rv);
	return out->failed ? complain(complaint, ERR_NO_MEMORY, "no memory") : ERR_OK;
}

static enum err admit_in(struct ceremony *ceremony, const void *der, size_t size, struct buf *wrapped,
                         struct complaint *complaint)
{
	CK_OBJECT_HANDLE transport;
	enum err err = ceremony_be_so(ceremony, complaint);
	if (err == ERR_OK)
		err = import_transport(ceremony, der, size, &transport, complaint);
	if (err == ERR_OK)
		err = ceremony_be_user(ceremony, complaint);
	if (err == ERR_OK)
		err = wrap_keys(ceremony, transport, wrapped, complaint);
	return err;
}

enum err domain_admit(const struct token_config *config, const struct secret *so_pin, const void *transport_public_der,
                      size_t size, struct buf *wrapped, struct complaint *complaint)
{
	struct ceremony ceremony;
	enum err err = ceremony_begin(config, so_pin, &ceremony, complaint);
	if (err != ERR_OK)
		return err;
	err = admit_in(&ceremony, transport_public_der, size, wrapped, complaint);
	ceremony_end(&ceremony);
	return err;
}

/* The new token's side again */

static enum err unwrap_keys(struct enrolment *enrolment, struct cursor *in, struct domain_keys *made, struct complaint *complaint)
{
	struct ceremony *ceremony = &enrolment->ceremony;
	for (int i = 0; i < DOMAIN_KEY_COUNT; i++) {
		size_t size;
		const uint8_t *wrapped = cursor_block(in, &size);
		if (!wrapped)
			return complain(complaint, ERR_MALFORMED, "the wrapped domain keys are cut short");
		CK_ATTRIBUTE template_[DOMAIN_KEY_TEMPLATE_MAX];
		CK_ULONG count = domain_key_template((enum domain_key)i, false, template_);
		CK_RV rv = ceremony->module.p11->C_UnwrapKey(ceremony->session, &oaep, enrolment->transport, (CK_BYTE *)wrapped,
		                                             size, template_, count, &made->key[i]);
		if (rv != CKR_OK)
			return module_complain(&ceremony->module, complaint, "the domain keys can't be unwrapped; were they wrapped for this "
			                       "token, in this enrolment?", rv);
	}
	return in->size || in->failed ? complain(complaint, ERR_MALFORMED, "the wrapped domain keys have a tail") : ERR_OK;
}

static enum err check_id(struct ceremony *ceremony, const struct domain_keys *keys, const uint8_t id[DOMAIN_ID_SIZE],
                         struct complaint *complaint)
{
	uint8_t ours[DOMAIN_ID_SIZE];
	CK_RV rv = domain_keys_id(&ceremony->module, ceremony->session, keys, ours);
	if (rv != CKR_OK)
		return module_complain(&ceremony->module, complaint, "its domain key can't sign", rv);
	return secret_equal(ours, sizeof ours, id, DOMAIN_ID_SIZE) ? ERR_OK
	       : complain(complaint, ERR_DAMAGED, "the wrapped domain keys are not those of the domain they name; enrol again");
}

enum err enrolment_finish(struct enrolment *enrolment, const void *wrapped, size_t size, struct complaint *complaint)
{
	struct ceremony *ceremony = &enrolment->ceremony;
	struct domain_keys made = { 0 };
	struct cursor in = cursor_over(wrapped, size);
	size_t id_size = 0;
	bool known = cursor_u32(&in) == WRAPPED_MAGIC;
	const uint8_t *id = cursor_block(&in, &id_size);
	if (!known || !id || id_size != DOMAIN_ID_SIZE)
		return complain(complaint, ERR_MALFORMED, "these are no wrapped domain keys");
	enum err err = unwrap_keys(enrolment, &in, &made, complaint);
	if (err == ERR_OK)
		err = ceremony_be_user(ceremony, complaint);
	/* The id before anything is kept: the public keys can sign it as well. */
	if (err == ERR_OK)
		err = check_id(ceremony, &made, id, complaint);
	if (err == ERR_OK)
		err = domain_keys_keep(&ceremony->module, ceremony->session, &made, complaint);
	return err;
}
