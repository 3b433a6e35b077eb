#include "tests/unit/backend/house.h"
#include "base/id.h"
#include <stdlib.h>
#include <string.h>

static void must(enum err err, const struct complaint *complaint)
{
	if (err == ERR_OK)
		return;
	fprintf(stderr, "tests: no domain to test with: %s\n", complaint->text);
	abort();
}

enum err house_enrol(const struct token_config *from, const struct token_config *to, const struct secret *so_pin,
                     struct complaint *complaint)
{
	struct enrolment *enrolment = NULL;
	struct buf der, wrapped;
	buf_init(&der, 8192);
	buf_init(&wrapped, 8192);
	enum err err = enrolment_begin(to, so_pin, &enrolment, &der, complaint);
	if (err == ERR_OK)
		err = domain_admit(from, so_pin, der.data, der.size, &wrapped, complaint);
	if (err == ERR_OK)
		err = enrolment_finish(enrolment, wrapped.data, wrapped.size, complaint);
	enrolment_destroy(enrolment);
	buf_finish(&der);
	buf_finish(&wrapped);
	return err;
}

void house_open(struct house *house, size_t count)
{
	static const char *const labels[] = { "a", "b", "c" };
	struct complaint complaint = { "" };
	*house = (struct house){ .count = count };
	softhsm_start(&house->softhsm, labels, count);
	struct token_config first = softhsm_config(&house->softhsm, 0);
	must(domain_create(&first, house->softhsm.so_pin, &complaint), &complaint);
	for (size_t i = 1; i < count; i++) {
		struct token_config before = softhsm_config(&house->softhsm, i - 1), config = softhsm_config(&house->softhsm, i);
		must(house_enrol(&before, &config, house->softhsm.so_pin, &complaint), &complaint);
	}
	for (size_t i = 0; i < count; i++) {
		struct token_config config = softhsm_config(&house->softhsm, i);
		must(token_open(&config, &house->tokens[i], &complaint), &complaint);
		must(domain_open(house->tokens[i], &house->domains[i], &complaint), &complaint);
	}
}

void house_close(struct house *house)
{
	for (size_t i = 0; i < house->count; i++) {
		domain_close(house->domains[i]);
		token_close(house->tokens[i]);
	}
	softhsm_stop(&house->softhsm);
}

void start_afresh(struct token *token)
{
	struct complaint complaint = { "" };
	token_shut(token);
	if (!token_is_left(token, deadline_in(10000)))
		abort();
	must(token_reopen(token, false, &complaint), &complaint);
	token_admit(token);
}

static void done(enum err err)
{
	if (err != ERR_OK)
		abort();
}

#define CHANGE(object, call)                                      \
	do {                                                      \
		struct attribute_list list = object_list(object); \
		done(call);                                       \
		object_take_list(object, &list);                  \
	} while (0)

void object_set_bool(Craton__Object *object, CK_ATTRIBUTE_TYPE type, bool value)
{
	CHANGE(object, attribute_list_set_bool(&list, type, value));
}

void object_set_number(Craton__Object *object, CK_ATTRIBUTE_TYPE type, uint64_t value)
{
	CHANGE(object, attribute_list_set_ulong(&list, type, value));
}

void object_set_bytes(Craton__Object *object, CK_ATTRIBUTE_TYPE type, const void *value, size_t size)
{
	CHANGE(object, attribute_list_set(&list, type, value, size));
}

const Craton__Attribute *object_get(const Craton__Object *object, CK_ATTRIBUTE_TYPE type)
{
	struct attribute_list list = object_list(object);
	return attribute_list_get(&list, type);
}

Craton__Object *object_new(struct kind kind)
{
	static const CK_ATTRIBUTE_TYPE uses[] = {
		CKA_SIGN, CKA_VERIFY, CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP, CKA_DERIVE,
	};
	Craton__Object *object = malloc(sizeof *object);
	struct id id = id_random();
	craton__object__init(object);
	object->slot = 1;
	object->id = (ProtobufCBinaryData){ ID_SIZE, memcpy(malloc(ID_SIZE), id.bytes, ID_SIZE) };
	object_set_number(object, CKA_CLASS, kind.class);
	object_set_number(object, CKA_KEY_TYPE, kind.type);
	for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
		object_set_bool(object, uses[i], true);
	if (kind.class == CKO_PUBLIC_KEY)
		return object;
	object_set_bool(object, CKA_SENSITIVE, kind.sensitive);
	object_set_bool(object, CKA_EXTRACTABLE, kind.extractable);
	return object;
}

void object_free(Craton__Object *object)
{
	if (object)
		craton__object__free_unpacked(object, NULL);
}

Craton__Object *object_copy(const Craton__Object *object)
{
	size_t size = craton__object__get_packed_size(object);
	uint8_t *bytes = malloc(size);
	craton__object__pack(object, bytes);
	Craton__Object *copy = craton__object__unpack(NULL, size, bytes);
	free(bytes);
	return copy;
}

#define CURVE(...) { (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }) }
const struct bytes curve_p256 = CURVE(0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07);
const struct bytes curve_p384 = CURVE(0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22);
const struct bytes curve_p521 = CURVE(0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23);

CK_RV pair_ec(struct domain *domain, struct bytes curve, struct pair *out)
{
	CK_MECHANISM mechanism = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	out->public = object_new((struct kind){ CKO_PUBLIC_KEY, CKK_EC, false, true });
	out->private = object_new((struct kind){ CKO_PRIVATE_KEY, CKK_EC, CLOSED_KEY });
	object_set_bytes(out->public, CKA_EC_PARAMS, curve.data, curve.size);
	return generate_key_pair(domain, &mechanism, out->public, out->private);
}

CK_RV pair_rsa(struct domain *domain, uint64_t bits, struct pair *out)
{
	CK_MECHANISM mechanism = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	out->public = object_new((struct kind){ CKO_PUBLIC_KEY, CKK_RSA, false, true });
	out->private = object_new((struct kind){ CKO_PRIVATE_KEY, CKK_RSA, CLOSED_KEY });
	object_set_number(out->public, CKA_MODULUS_BITS, bits);
	return generate_key_pair(domain, &mechanism, out->public, out->private);
}

void pair_free(struct pair *pair)
{
	object_free(pair->public);
	object_free(pair->private);
}

CK_RV secret_key(struct domain *domain, CK_MECHANISM_TYPE generation, struct kind kind, uint64_t size, Craton__Object **out)
{
	CK_MECHANISM mechanism = { generation, NULL, 0 };
	*out = object_new(kind);
	if (size)
		object_set_number(*out, CKA_VALUE_LEN, size);
	return generate_key(domain, &mechanism, *out);
}

static CK_RV with_key(struct domain *domain, const Craton__Object *key, Craton__CryptKind kind, CK_MECHANISM_TYPE type,
                      struct bytes data, struct bytes signature, struct buf *out)
{
	struct token *token = domain_token(domain);
	CK_MECHANISM mechanism = { type, NULL, 0 };
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE handle;
	CK_RV rv = token_borrow(token, &session);
	if (rv != CKR_OK)
		return rv;
	rv = object_class(key) == CKO_PUBLIC_KEY ? physical_load_public(token_functions(token), session, key, &handle)
	                                         : unseal_key(domain, session, key, &handle);
	if (rv == CKR_OK)
		rv = operate(token, kind, &mechanism, &(struct loaded_key){ .handle = handle }, data.data, data.size, signature.data, signature.size, out);
	token_return(token, session, CKR_FUNCTION_CANCELED); /* closed, and the key with it */
	return rv;
}

CK_RV sign_with(struct domain *domain, const Craton__Object *key, CK_MECHANISM_TYPE mechanism, struct bytes data, struct buf *out)
{
	return with_key(domain, key, CRATON__CRYPT_KIND__SIGN, mechanism, data, (struct bytes){ NULL, 0 }, out);
}

CK_RV verify_with(struct domain *domain, const Craton__Object *key, CK_MECHANISM_TYPE mechanism, struct bytes data,
                  struct bytes signature)
{
	return with_key(domain, key, CRATON__CRYPT_KIND__VERIFY, mechanism, data, signature, NULL);
}
