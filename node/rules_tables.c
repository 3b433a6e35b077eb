#include "node/rules_tables.h"
#include "wire/mechanism_table.h"

#define CHAPTER(name, ...) \
	static const struct attribute_rule name##_rules[] = { __VA_ARGS__ }; \
	static const struct chapter name = { name##_rules, sizeof name##_rules / sizeof *name##_rules }

/* 4.4 Storage objects. "Only the CKA_LABEL attribute can be modified after the object is created. (The CKA_TOKEN, CKA_PRIVATE, and
 * CKA_MODIFIABLE attributes can be changed in the process of copying an object, however.)" CKA_UNIQUE_ID is 3.0's. */
CHAPTER(storage,
	{ CKA_CLASS, N1, PRESET_NOTHING, 0 },
	{ CKA_TOKEN, ON_COPY, PRESET_FALSE, 0 },
	{ CKA_MODIFIABLE, ON_COPY, PRESET_TRUE, 0 },
	{ CKA_COPYABLE, ON_COPY | N12, PRESET_TRUE, 0 },
	{ CKA_DESTROYABLE, ON_COPY, PRESET_TRUE, 0 },
	{ CKA_LABEL, N8, PRESET_EMPTY, 0 },
	{ CKA_UNIQUE_ID, N2 | N4 | N6, PRESET_NOTHING, 0 });
/* "Default value is token-specific, and may depend on the values of other attributes of the object." */
CHAPTER(shown, { CKA_PRIVATE, ON_COPY, PRESET_FALSE, 0 });
CHAPTER(hidden, { CKA_PRIVATE, ON_COPY, PRESET_TRUE, 0 });

/* 4.5 Data objects: "Each of these attributes may be modified after the object is created." */
CHAPTER(data,
	{ CKA_APPLICATION, N8, PRESET_EMPTY, 0 },
	{ CKA_OBJECT_ID, N8, PRESET_EMPTY, 0 },
	{ CKA_VALUE, N8, PRESET_EMPTY, 0 });

/* 4.6.2 Certificates. */
CHAPTER(certificate,
	{ CKA_CERTIFICATE_TYPE, N1, PRESET_NOTHING, 0 },
	{ CKA_TRUSTED, N8 | N10, PRESET_FALSE, 0 },
	{ CKA_CERTIFICATE_CATEGORY, 0, PRESET_NUMBER, 0 },
	{ CKA_CHECK_VALUE, TO_NOTHING, PRESET_NOTHING, 0 },
	{ CKA_START_DATE, 0, PRESET_EMPTY, 0 },
	{ CKA_END_DATE, 0, PRESET_EMPTY, 0 },
	{ CKA_PUBLIC_KEY_INFO, 0, PRESET_EMPTY, 0 });
/* 4.6.3: "Only the CKA_ID, CKA_ISSUER, and CKA_SERIAL_NUMBER attributes may be modified after the object is created." */
CHAPTER(x509,
	{ CKA_SUBJECT, N1 | OR_EMPTY, PRESET_NOTHING, 0 },
	{ CKA_ID, N8, PRESET_EMPTY, 0 },
	{ CKA_ISSUER, N8, PRESET_EMPTY, 0 },
	{ CKA_SERIAL_NUMBER, N8, PRESET_EMPTY, 0 },
	{ CKA_VALUE, N1 | OR_EMPTY, PRESET_NOTHING, 0 }, /* "MUST be non-empty if CKA_URL is empty": rules_whole.c */
	{ CKA_URL, 0, PRESET_EMPTY, 0 },
	{ CKA_HASH_OF_SUBJECT_PUBLIC_KEY, 0, PRESET_EMPTY, 0 },
	{ CKA_HASH_OF_ISSUER_PUBLIC_KEY, 0, PRESET_EMPTY, 0 },
	{ CKA_JAVA_MIDP_SECURITY_DOMAIN, 0, PRESET_NUMBER, 0 },
	{ CKA_NAME_HASH_ALGORITHM, 0, PRESET_NUMBER, CKM_SHA_1 });
/* 4.6.4: "Only the CKA_ISSUER attribute may be modified after the object has been created." */
CHAPTER(wtls,
	{ CKA_SUBJECT, N1 | OR_EMPTY, PRESET_NOTHING, 0 }, /* "Can only be empty if CKA_VALUE is empty" */
	{ CKA_ISSUER, N8, PRESET_EMPTY, 0 },
	{ CKA_VALUE, N1 | OR_EMPTY, PRESET_NOTHING, 0 },
	{ CKA_URL, 0, PRESET_EMPTY, 0 },
	{ CKA_HASH_OF_SUBJECT_PUBLIC_KEY, 0, PRESET_EMPTY, 0 },
	{ CKA_HASH_OF_ISSUER_PUBLIC_KEY, 0, PRESET_EMPTY, 0 },
	{ CKA_NAME_HASH_ALGORITHM, 0, PRESET_NUMBER, CKM_SHA_1 });
/* 4.6.5: "Only the CKA_AC_ISSUER, CKA_SERIAL_NUMBER and CKA_ATTR_TYPES attributes may be modified after the object is created." */
CHAPTER(attribute_certificate,
	{ CKA_OWNER, N1, PRESET_NOTHING, 0 },
	{ CKA_AC_ISSUER, N8, PRESET_EMPTY, 0 },
	{ CKA_SERIAL_NUMBER, N8, PRESET_EMPTY, 0 },
	{ CKA_ATTR_TYPES, N8, PRESET_EMPTY, 0 },
	{ CKA_VALUE, N1, PRESET_NOTHING, 0 });

/* 4.7 Keys. */
CHAPTER(key,
	{ CKA_KEY_TYPE, N1 | N5, PRESET_NOTHING, 0 },
	{ CKA_ID, N8, PRESET_EMPTY, 0 },
	{ CKA_START_DATE, N8, PRESET_EMPTY, 0 },
	{ CKA_END_DATE, N8, PRESET_EMPTY, 0 },
	{ CKA_DERIVE, N8, PRESET_FALSE, 0 },
	{ CKA_LOCAL, N2 | N4 | N6, PRESET_NOTHING, 0 },
	{ CKA_KEY_GEN_MECHANISM, N2 | N4 | N6, PRESET_NOTHING, 0 },
	{ CKA_ALLOWED_MECHANISMS, 0, PRESET_EMPTY, 0 });
/* 4.8 Public keys. */
CHAPTER(public_key,
	{ CKA_SUBJECT, N8, PRESET_EMPTY, 0 },
	{ CKA_ENCRYPT, N8, PRESET_TRUE, 0 },
	{ CKA_VERIFY, N8, PRESET_TRUE, 0 },
	{ CKA_VERIFY_RECOVER, N8, PRESET_TRUE, 0 },
	{ CKA_WRAP, N8, PRESET_TRUE, 0 },
	{ CKA_TRUSTED, N8 | N10, PRESET_FALSE, 0 },
	{ CKA_WRAP_TEMPLATE, 0, PRESET_EMPTY, 0 },
	{ CKA_PUBLIC_KEY_INFO, 0, PRESET_NOTHING, 0 });
/* 4.9 Private keys. The default of CKA_SENSITIVE depends on CKA_EXTRACTABLE: rules_create.
 * CKA_WRAP_WITH_TRUSTED has note 11 only; it would say nothing if the attribute could not be set at all. */
CHAPTER(private_key,
	{ CKA_SUBJECT, N8, PRESET_EMPTY, 0 },
	{ CKA_SENSITIVE, N8 | N11, PRESET_NOTHING, 0 },
	{ CKA_DECRYPT, N8, PRESET_TRUE, 0 },
	{ CKA_SIGN, N8, PRESET_TRUE, 0 },
	{ CKA_SIGN_RECOVER, N8, PRESET_TRUE, 0 },
	{ CKA_UNWRAP, N8, PRESET_TRUE, 0 },
	{ CKA_EXTRACTABLE, N8 | N12, PRESET_FALSE, 0 },
	{ CKA_ALWAYS_SENSITIVE, N2 | N4 | N6, PRESET_NOTHING, 0 },
	{ CKA_NEVER_EXTRACTABLE, N2 | N4 | N6, PRESET_NOTHING, 0 },
	{ CKA_WRAP_WITH_TRUSTED, N8 | N11, PRESET_FALSE, 0 },
	{ CKA_UNWRAP_TEMPLATE, 0, PRESET_EMPTY, 0 },
	{ CKA_DERIVE_TEMPLATE, 0, PRESET_EMPTY, 0 },
	{ CKA_ALWAYS_AUTHENTICATE, 0, PRESET_FALSE, 0 },
	{ CKA_PUBLIC_KEY_INFO, N8, PRESET_NOTHING, 0 });
/* 4.10 Secret keys. */
CHAPTER(secret_key,
	{ CKA_SENSITIVE, N8 | N11, PRESET_NOTHING, 0 },
	{ CKA_ENCRYPT, N8, PRESET_TRUE, 0 },
	{ CKA_DECRYPT, N8, PRESET_TRUE, 0 },
	{ CKA_SIGN, N8, PRESET_TRUE, 0 },
	{ CKA_VERIFY, N8, PRESET_TRUE, 0 },
	{ CKA_WRAP, N8, PRESET_TRUE, 0 },
	{ CKA_UNWRAP, N8, PRESET_TRUE, 0 },
	{ CKA_EXTRACTABLE, N8 | N12, PRESET_FALSE, 0 },
	{ CKA_ALWAYS_SENSITIVE, N2 | N4 | N6, PRESET_NOTHING, 0 },
	{ CKA_NEVER_EXTRACTABLE, N2 | N4 | N6, PRESET_NOTHING, 0 },
	{ CKA_CHECK_VALUE, TO_NOTHING, PRESET_NOTHING, 0 },
	{ CKA_WRAP_WITH_TRUSTED, N8 | N11, PRESET_FALSE, 0 },
	{ CKA_TRUSTED, N8 | N10, PRESET_FALSE, 0 },
	{ CKA_WRAP_TEMPLATE, 0, PRESET_EMPTY, 0 },
	{ CKA_UNWRAP_TEMPLATE, 0, PRESET_EMPTY, 0 },
	{ CKA_DERIVE_TEMPLATE, 0, PRESET_EMPTY, 0 });

/* Current Mechanisms 2.40: 2.1.2, 2.1.3 RSA. The exponent's default is F4, as tokens have it. */
CHAPTER(rsa_public,
	{ CKA_MODULUS, N1 | N4, PRESET_NOTHING, 0 },
	{ CKA_MODULUS_BITS, N2 | N3, PRESET_NOTHING, 0 },
	{ CKA_PUBLIC_EXPONENT, N1, PRESET_NOTHING, 0 });
CHAPTER(rsa_private,
	{ CKA_MODULUS, N1 | N4 | N6, PRESET_NOTHING, 0 },
	{ CKA_PUBLIC_EXPONENT, N4 | N6, PRESET_NOTHING, 0 },
	{ CKA_PRIVATE_EXPONENT, N1 | N4 | N6 | N7, PRESET_NOTHING, 0 },
	{ CKA_PRIME_1, N4 | N6 | N7, PRESET_NOTHING, 0 },
	{ CKA_PRIME_2, N4 | N6 | N7, PRESET_NOTHING, 0 },
	{ CKA_EXPONENT_1, N4 | N6 | N7, PRESET_NOTHING, 0 },
	{ CKA_EXPONENT_2, N4 | N6 | N7, PRESET_NOTHING, 0 },
	{ CKA_COEFFICIENT, N4 | N6 | N7, PRESET_NOTHING, 0 });
/* 2.3.3, 2.3.4 Elliptic curves, Edwards' and Montgomery's too. */
CHAPTER(ec_public,
	{ CKA_EC_PARAMS, N1 | N3, PRESET_NOTHING, 0 },
	{ CKA_EC_POINT, N1 | N4, PRESET_NOTHING, 0 });
CHAPTER(ec_private,
	{ CKA_EC_PARAMS, N1 | N4 | N6, PRESET_NOTHING, 0 },
	{ CKA_VALUE, N1 | N4 | N6 | N7, PRESET_NOTHING, 0 });
/* 2.2.2, 2.2.3 DSA. */
CHAPTER(dsa_public,
	{ CKA_PRIME, N1 | N3, PRESET_NOTHING, 0 },
	{ CKA_SUBPRIME, N1 | N3, PRESET_NOTHING, 0 },
	{ CKA_BASE, N1 | N3, PRESET_NOTHING, 0 },
	{ CKA_VALUE, N1 | N4, PRESET_NOTHING, 0 });
CHAPTER(dsa_private,
	{ CKA_PRIME, N1 | N4 | N6, PRESET_NOTHING, 0 },
	{ CKA_SUBPRIME, N1 | N4 | N6, PRESET_NOTHING, 0 },
	{ CKA_BASE, N1 | N4 | N6, PRESET_NOTHING, 0 },
	{ CKA_VALUE, N1 | N4 | N6 | N7, PRESET_NOTHING, 0 });
/* 2.4.2, 2.4.3 Diffie-Hellman. */
CHAPTER(dh_public,
	{ CKA_PRIME, N1 | N3, PRESET_NOTHING, 0 },
	{ CKA_BASE, N1 | N3, PRESET_NOTHING, 0 },
	{ CKA_VALUE, N1 | N4, PRESET_NOTHING, 0 });
CHAPTER(dh_private,
	{ CKA_PRIME, N1 | N4 | N6, PRESET_NOTHING, 0 },
	{ CKA_BASE, N1 | N4 | N6, PRESET_NOTHING, 0 },
	{ CKA_VALUE, N1 | N4 | N6 | N7, PRESET_NOTHING, 0 },
	{ CKA_VALUE_BITS, N2 | N6, PRESET_NOTHING, 0 });
/* 2.4.6 X9.42 Diffie-Hellman. */
CHAPTER(x9_42_public,
	{ CKA_PRIME, N1 | N3, PRESET_NOTHING, 0 },
	{ CKA_BASE, N1 | N3, PRESET_NOTHING, 0 },
	{ CKA_SUBPRIME, N1 | N3, PRESET_NOTHING, 0 },
	{ CKA_VALUE, N1 | N4, PRESET_NOTHING, 0 });
CHAPTER(x9_42_private,
	{ CKA_PRIME, N1 | N4 | N6, PRESET_NOTHING, 0 },
	{ CKA_BASE, N1 | N4 | N6, PRESET_NOTHING, 0 },
	{ CKA_SUBPRIME, N1 | N4 | N6, PRESET_NOTHING, 0 },
	{ CKA_VALUE, N1 | N4 | N6 | N7, PRESET_NOTHING, 0 });
/* 2.7.2 Generic secrets and HMAC keys, 2.8.2 AES, and other ciphers whose keys have several lengths. 2.40 has footnote 6 at the length of
 * AES keys, later versions have not: "The template for the new key MAY specify CKA_VALUE_LEN" (C_UnwrapKey). */
CHAPTER(sized_secret,
	{ CKA_VALUE, N1 | N4 | N6 | N7, PRESET_NOTHING, 0 },
	{ CKA_VALUE_LEN, N2 | N3, PRESET_NOTHING, 0 });
/* 2.18.2 DES and others: the length is the key type's. */
CHAPTER(fixed_secret, { CKA_VALUE, N1 | N4 | N6 | N7, PRESET_NOTHING, 0 });
/* A vendor's secret keys: a length may be said, need not. */
CHAPTER(other_secret,
	{ CKA_VALUE, N4 | N6 | N7, PRESET_NOTHING, 0 },
	{ CKA_VALUE_LEN, 0, PRESET_NOTHING, 0 });
/* Whatever a vendor calls a private key's secret, the standard's names are taken for secret. */
CHAPTER(other_private,
	{ CKA_VALUE, N4 | N6 | N7, PRESET_NOTHING, 0 },
	{ CKA_PRIVATE_EXPONENT, N4 | N6 | N7, PRESET_NOTHING, 0 },
	{ CKA_PRIME_1, N4 | N6 | N7, PRESET_NOTHING, 0 },
	{ CKA_PRIME_2, N4 | N6 | N7, PRESET_NOTHING, 0 },
	{ CKA_EXPONENT_1, N4 | N6 | N7, PRESET_NOTHING, 0 },
	{ CKA_EXPONENT_2, N4 | N6 | N7, PRESET_NOTHING, 0 },
	{ CKA_COEFFICIENT, N4 | N6 | N7, PRESET_NOTHING, 0 });

/* 4.11 Domain parameters, and what each kind has: 2.2.4 DSA, 2.4.4 Diffie-Hellman, 2.4.7 X9.42 Diffie-Hellman. */
CHAPTER(parameters,
	{ CKA_KEY_TYPE, N1, PRESET_NOTHING, 0 },
	{ CKA_LOCAL, N2 | N4, PRESET_NOTHING, 0 });
CHAPTER(dsa_parameters,
	{ CKA_PRIME, N1 | N4, PRESET_NOTHING, 0 },
	{ CKA_SUBPRIME, N1 | N4, PRESET_NOTHING, 0 },
	{ CKA_BASE, N1 | N4, PRESET_NOTHING, 0 },
	{ CKA_PRIME_BITS, N2 | N3, PRESET_NOTHING, 0 },
	{ CKA_SUB_PRIME_BITS, N2, PRESET_NOTHING, 0 }); /* of CKM_DSA_PROBABLISTIC_PARAMETER_GEN and its kin */
CHAPTER(dh_parameters,
	{ CKA_PRIME, N1 | N4, PRESET_NOTHING, 0 },
	{ CKA_BASE, N1 | N4, PRESET_NOTHING, 0 },
	{ CKA_PRIME_BITS, N2 | N3, PRESET_NOTHING, 0 });
CHAPTER(x9_42_parameters,
	{ CKA_PRIME, N1 | N4, PRESET_NOTHING, 0 },
	{ CKA_BASE, N1 | N4, PRESET_NOTHING, 0 },
	{ CKA_SUBPRIME, N1 | N4, PRESET_NOTHING, 0 },
	{ CKA_PRIME_BITS, N2 | N3, PRESET_NOTHING, 0 },
	{ CKA_SUB_PRIME_BITS, N2 | N3, PRESET_NOTHING, 0 });

#define PARAMETERS(kind, own) { CKO_DOMAIN_PARAMETERS, kind, false, { &storage, &shown, &parameters, own, NULL } }
#define PUBLIC(kind, own) { CKO_PUBLIC_KEY, kind, false, { &storage, &shown, &key, &public_key, own } }
#define PRIVATE(kind, own) { CKO_PRIVATE_KEY, kind, false, { &storage, &hidden, &key, &private_key, own } }
#define SECRET(kind, own) { CKO_SECRET_KEY, kind, false, { &storage, &hidden, &key, &secret_key, own } }

/* A kind of any comes after the kinds of its class that we know. */
static const struct family families[] = {
	{ CKO_DATA, KIND_ANY, false, { &storage, &hidden, &data, NULL } },
	{ CKO_CERTIFICATE, CKC_X_509, false, { &storage, &shown, &certificate, &x509, NULL } },
	{ CKO_CERTIFICATE, CKC_WTLS, false, { &storage, &shown, &certificate, &wtls, NULL } },
	{ CKO_CERTIFICATE, CKC_X_509_ATTR_CERT, false, { &storage, &shown, &certificate, &attribute_certificate, NULL } },
	PUBLIC(CKK_RSA, &rsa_public), PRIVATE(CKK_RSA, &rsa_private),
	PUBLIC(CKK_EC, &ec_public), PRIVATE(CKK_EC, &ec_private),
	PUBLIC(CKK_EC_EDWARDS, &ec_public), PRIVATE(CKK_EC_EDWARDS, &ec_private),
	PUBLIC(CKK_EC_MONTGOMERY, &ec_public), PRIVATE(CKK_EC_MONTGOMERY, &ec_private),
	PUBLIC(CKK_DSA, &dsa_public), PRIVATE(CKK_DSA, &dsa_private),
	PUBLIC(CKK_DH, &dh_public), PRIVATE(CKK_DH, &dh_private),
	PUBLIC(CKK_X9_42_DH, &x9_42_public), PRIVATE(CKK_X9_42_DH, &x9_42_private),
	SECRET(CKK_AES, &sized_secret), SECRET(CKK_AES_XTS, &sized_secret),
	SECRET(CKK_GENERIC_SECRET, &sized_secret), SECRET(CKK_HKDF, &sized_secret),
	SECRET(CKK_MD5_HMAC, &sized_secret), SECRET(CKK_SHA_1_HMAC, &sized_secret),
	SECRET(CKK_SHA224_HMAC, &sized_secret), SECRET(CKK_SHA256_HMAC, &sized_secret),
	SECRET(CKK_SHA384_HMAC, &sized_secret), SECRET(CKK_SHA512_HMAC, &sized_secret),
	SECRET(CKK_SHA512_224_HMAC, &sized_secret), SECRET(CKK_SHA512_256_HMAC, &sized_secret),
	SECRET(CKK_SHA3_224_HMAC, &sized_secret), SECRET(CKK_SHA3_256_HMAC, &sized_secret),
	SECRET(CKK_SHA3_384_HMAC, &sized_secret), SECRET(CKK_SHA3_512_HMAC, &sized_secret),
	SECRET(CKK_CAMELLIA, &sized_secret), SECRET(CKK_ARIA, &sized_secret), SECRET(CKK_SEED, &fixed_secret),
	SECRET(CKK_BLOWFISH, &sized_secret), SECRET(CKK_TWOFISH, &sized_secret),
	SECRET(CKK_CHACHA20, &fixed_secret), SECRET(CKK_POLY1305, &fixed_secret),
	SECRET(CKK_DES, &fixed_secret), SECRET(CKK_DES2, &fixed_secret), SECRET(CKK_DES3, &fixed_secret),
	PARAMETERS(CKK_DSA, &dsa_parameters), PARAMETERS(CKK_DH, &dh_parameters), PARAMETERS(CKK_X9_42_DH, &x9_42_parameters),
	{ CKO_PUBLIC_KEY, KIND_ANY, true, { &storage, &shown, &key, &public_key, NULL } },
	{ CKO_PRIVATE_KEY, KIND_ANY, true, { &storage, &hidden, &key, &private_key, &other_private } },
	{ CKO_SECRET_KEY, KIND_ANY, true, { &storage, &hidden, &key, &secret_key, &other_secret } },
};

const struct family *family_of(CK_OBJECT_CLASS class, uint64_t kind)
{
	for (size_t i = 0; i < sizeof families / sizeof *families; i++)
		if (families[i].class == class && (families[i].kind == kind || families[i].kind == KIND_ANY))
			return &families[i];
	return NULL;
}

bool family_kind_type(CK_OBJECT_CLASS class, CK_ATTRIBUTE_TYPE *type)
{
	switch (class) {
	case CKO_CERTIFICATE:
		*type = CKA_CERTIFICATE_TYPE;
		return true;
	case CKO_PUBLIC_KEY:
	case CKO_PRIVATE_KEY:
	case CKO_SECRET_KEY:
	case CKO_DOMAIN_PARAMETERS:
		*type = CKA_KEY_TYPE;
		return true;
	default:
		return false;
	}
}

const struct family *family_of_object(const struct attribute_list *object)
{
	CK_ATTRIBUTE_TYPE type;
	CK_OBJECT_CLASS class = attribute_list_ulong(object, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
	return family_of(class, family_kind_type(class, &type)
	                 ? attribute_list_ulong(object, type, CK_UNAVAILABLE_INFORMATION) : KIND_ANY);
}

const struct attribute_rule *family_rule(const struct family *family, CK_ATTRIBUTE_TYPE type)
{
	for (size_t c = 0; c < CHAPTERS_MAX && family->chapters[c]; c++)
		for (size_t i = 0; i < family->chapters[c]->count; i++)
			if (family->chapters[c]->rules[i].type == type)
				return &family->chapters[c]->rules[i];
	return NULL;
}
