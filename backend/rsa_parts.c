#include "backend/rsa_parts.h"
#include "base/secret.h"
#include <openssl/bn.h>

#define MODULUS_SIZE_MAX 2048 /* bytes; RSA-16384 */

bool rsa_parts_missing(const Craton__Object *object, const struct attribute_list *secret)
{
	struct attribute_list list = object_list(object);
	return object_class(object) == CKO_PRIVATE_KEY && object_key_type(object) == CKK_RSA && !attribute_list_get(secret, CKA_PRIME_1) &&
	       attribute_list_get(secret, CKA_PRIVATE_EXPONENT) && attribute_list_get(&list, CKA_MODULUS) &&
	       attribute_list_get(&list, CKA_PUBLIC_EXPONENT);
}

/* All of them in `context`, which wipes them at its end. */
struct rsa {
	BN_CTX *context;
	BIGNUM *n, *e, *d, *p, *q;
};

static bool read_number(const struct attribute_list *list, CK_ATTRIBUTE_TYPE type, BIGNUM *out)
{
	const Craton__Attribute *attribute = attribute_list_get(list, type);
	return attribute && attribute->value.len <= MODULUS_SIZE_MAX &&
	       BN_bin2bn(attribute->value.data, (int)attribute->value.len, out) && !BN_is_zero(out);
}

enum outcome { FOUND, NEXT_BASE, NO_KEY };

static enum outcome split(struct rsa *rsa, BIGNUM *root)
{
	bool done = BN_sub_word(root, 1) && BN_gcd(rsa->p, root, rsa->n, rsa->context) && BN_div(rsa->q, NULL, rsa->n, rsa->p, rsa->context);
	return done ? FOUND : NO_KEY;
}

/* SP 800-56B, appendix C.2: "while … x is a square root of 1 other than ±1, gcd(x − 1, n) is a prime factor". One base: x^(2^i)
 * for i from 0, where k = d·e − 1 = 2^s · t and x = g^t. If it does not end at 1 these are no exponents of this modulus. */
static enum outcome try_base(struct rsa *rsa, BIGNUM *x, BIGNUM *square, const BIGNUM *n_less_1, int doublings)
{
	for (int i = 0; i < doublings; i++) {
		if (BN_is_one(x) || BN_cmp(x, n_less_1) == 0)
			return NEXT_BASE;
		if (!BN_mod_sqr(square, x, rsa->n, rsa->context))
			return NO_KEY;
		if (BN_is_one(square))
			return split(rsa, x);
		if (!BN_copy(x, square))
			return NO_KEY;
	}
	return NO_KEY;
}

static bool factor(struct rsa *rsa)
{
	static const BN_ULONG bases[] = { 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97 };
	BIGNUM *k = BN_CTX_get(rsa->context), *n_less_1 = BN_CTX_get(rsa->context), *x = BN_CTX_get(rsa->context);
	BIGNUM *base = BN_CTX_get(rsa->context), *square = BN_CTX_get(rsa->context);
	if (!square || !BN_mul(k, rsa->d, rsa->e, rsa->context) || !BN_sub_word(k, 1) || !BN_copy(n_less_1, rsa->n) ||
	    !BN_sub_word(n_less_1, 1) || BN_is_zero(k) || !BN_is_odd(rsa->n))
		return false;
	int doublings = 0;
	while (!BN_is_bit_set(k, doublings))
		doublings++;
	if (!BN_rshift(k, k, doublings))
		return false;
	BN_set_flags(k, BN_FLG_CONSTTIME);
	for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
		if (!BN_set_word(base, bases[i]) || !BN_mod_exp(x, base, k, rsa->n, rsa->context))
			return false;
		enum outcome outcome = try_base(rsa, x, square, n_less_1, doublings);
		if (outcome != NEXT_BASE)
			return outcome == FOUND;
	}
	return false;
}

static enum err set_number(struct attribute_list *list, CK_ATTRIBUTE_TYPE type, const BIGNUM *number)
{
	struct secret *bytes = secret_create(NULL, (size_t)BN_num_bytes(number));
	if (!bytes)
		return ERR_NO_MEMORY;
	BN_bn2bin(number, bytes->data);
	enum err err = attribute_list_set(list, type, bytes->data, bytes->size);
	secret_destroy(bytes);
	return err;
}

/* "dP = d mod (p − 1)": RFC 8017, 3.2. */
static enum err set_exponent(struct rsa *rsa, struct attribute_list *list, CK_ATTRIBUTE_TYPE type, const BIGNUM *prime)
{
	BIGNUM *less_1 = BN_CTX_get(rsa->context), *exponent = BN_CTX_get(rsa->context);
	if (!exponent || !BN_copy(less_1, prime) || !BN_sub_word(less_1, 1) || !BN_mod(exponent, rsa->d, less_1, rsa->context))
		return ERR_NO_MEMORY;
	return set_number(list, type, exponent);
}

static enum err set_parts(struct rsa *rsa, struct attribute_list *list)
{
	BIGNUM *coefficient = BN_CTX_get(rsa->context);
	if (!coefficient || !BN_mod_inverse(coefficient, rsa->q, rsa->p, rsa->context))
		return ERR_MALFORMED;
	enum err err = set_number(list, CKA_PRIME_1, rsa->p);
	if (err == ERR_OK)
		err = set_number(list, CKA_PRIME_2, rsa->q);
	if (err == ERR_OK)
		err = set_exponent(rsa, list, CKA_EXPONENT_1, rsa->p);
	if (err == ERR_OK)
		err = set_exponent(rsa, list, CKA_EXPONENT_2, rsa->q);
	return err == ERR_OK ? set_number(list, CKA_COEFFICIENT, coefficient) : err;
}

static enum err add_parts(struct rsa *rsa, const Craton__Object *object, struct attribute_list *out)
{
	struct attribute_list list = object_list(object);
	rsa->n = BN_CTX_get(rsa->context);
	rsa->e = BN_CTX_get(rsa->context);
	rsa->d = BN_CTX_get(rsa->context);
	rsa->p = BN_CTX_get(rsa->context);
	rsa->q = BN_CTX_get(rsa->context);
	if (!rsa->q)
		return ERR_NO_MEMORY;
	if (!read_number(&list, CKA_MODULUS, rsa->n) || !read_number(&list, CKA_PUBLIC_EXPONENT, rsa->e) ||
	    !read_number(out, CKA_PRIVATE_EXPONENT, rsa->d) || BN_cmp(rsa->e, rsa->n) >= 0 || BN_cmp(rsa->d, rsa->n) >= 0 ||
	    !factor(rsa))
		return ERR_MALFORMED;
	return set_parts(rsa, out);
}

CK_RV rsa_parts_add(const Craton__Object *object, const struct attribute_list *secret, struct attribute_list *out)
{
	*out = (struct attribute_list){ 0 };
	if (attribute_list_copy(out, secret->items, secret->count) != ERR_OK)
		return CKR_HOST_MEMORY;
	struct rsa rsa = { .context = BN_CTX_secure_new() };
	if (!rsa.context)
		return CKR_HOST_MEMORY;
	BN_CTX_start(rsa.context);
	enum err err = add_parts(&rsa, object, out);
	BN_CTX_end(rsa.context);
	BN_CTX_free(rsa.context);
	return err == ERR_OK ? CKR_OK : err == ERR_NO_MEMORY ? CKR_HOST_MEMORY : CKR_ATTRIBUTE_VALUE_INVALID;
}
