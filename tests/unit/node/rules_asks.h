/* What the tests of the rules ask with. */
#pragma once
#include "node/rules.h"
#include "tests/check.h"
#include <string.h>

__attribute__((unused)) static const struct asker user = { CRATON__ROLE__ROLE_USER, false };
__attribute__((unused)) static const struct asker reading_user = { CRATON__ROLE__ROLE_USER, true };
__attribute__((unused)) static const struct asker anyone = { CRATON__ROLE__ROLE_NONE, false };
__attribute__((unused)) static const struct asker so = { CRATON__ROLE__ROLE_SO, false };
__attribute__((unused)) static const struct id id = { { 0xab, 1 } }, other_id = { { 0xcd, 2 } };

#define P256 "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10

static inline void set(struct attribute_list *list, CK_ATTRIBUTE_TYPE type, const void *value, size_t size)
{
	CU_ASSERT_EQUAL_FATAL(attribute_list_set(list, type, value, size), ERR_OK);
}
static inline void set_bool(struct attribute_list *list, CK_ATTRIBUTE_TYPE type, bool value)
{
	CU_ASSERT_EQUAL_FATAL(attribute_list_set_bool(list, type, value), ERR_OK);
}
static inline void set_ulong(struct attribute_list *list, CK_ATTRIBUTE_TYPE type, uint64_t value)
{
	CU_ASSERT_EQUAL_FATAL(attribute_list_set_ulong(list, type, value), ERR_OK);
}
static inline bool is_true(const struct attribute_list *list, CK_ATTRIBUTE_TYPE type)
{
	CU_ASSERT_PTR_NOT_NULL(attribute_list_get(list, type));
	return attribute_list_bool(list, type, false);
}
static inline bool is_false(const struct attribute_list *list, CK_ATTRIBUTE_TYPE type)
{
	return !is_true(list, type);
}
static inline bool has(const struct attribute_list *list, CK_ATTRIBUTE_TYPE type)
{
	return attribute_list_get(list, type) != NULL;
}

/* What C_CreateObject says of a template, which is given up. */
static inline CK_RV creating(const struct asker *asker, struct attribute_list wanted)
{
	struct attribute_list out;
	CK_RV rv = rules_create(asker, &wanted, &id, &out);
	CU_ASSERT(rv == CKR_OK || (out.count == 0 && !out.items));
	attribute_list_finish(&out);
	attribute_list_finish(&wanted);
	return rv;
}

static inline struct attribute_list of_class(CK_OBJECT_CLASS class, CK_ATTRIBUTE_TYPE kind_type, uint64_t kind)
{
	struct attribute_list list = { 0 };
	set_ulong(&list, CKA_CLASS, class);
	set_ulong(&list, kind_type, kind);
	return list;
}

static inline struct attribute_list aes(void)
{
	struct attribute_list list = of_class(CKO_SECRET_KEY, CKA_KEY_TYPE, CKK_AES);
	set(&list, CKA_VALUE, "0123456789abcdef", 16);
	return list;
}

/* Templates that are good as they are. */
static inline struct attribute_list aes_to_generate(void)
{
	struct attribute_list list = { 0 };
	set_ulong(&list, CKA_VALUE_LEN, 32);
	return list;
}
static inline struct attribute_list aes_to_create(void)
{
	struct attribute_list list = { 0 };
	set_ulong(&list, CKA_CLASS, CKO_SECRET_KEY);
	set_ulong(&list, CKA_KEY_TYPE, CKK_AES);
	set(&list, CKA_VALUE, "0123456789abcdef", 16);
	return list;
}
static inline struct attribute_list certificate_to_create(void)
{
	struct attribute_list list = { 0 };
	set_ulong(&list, CKA_CLASS, CKO_CERTIFICATE);
	set_ulong(&list, CKA_CERTIFICATE_TYPE, CKC_X_509);
	set(&list, CKA_SUBJECT, "subject", 7);
	set(&list, CKA_VALUE, "abc", 3);
	return list;
}
static inline struct attribute_list data_to_create(void)
{
	struct attribute_list list = { 0 };
	set_ulong(&list, CKA_CLASS, CKO_DATA);
	set(&list, CKA_VALUE, "value", 5);
	return list;
}
static inline struct attribute_list rsa_public_to_create(void)
{
	struct attribute_list list = { 0 };
	set_ulong(&list, CKA_CLASS, CKO_PUBLIC_KEY);
	set_ulong(&list, CKA_KEY_TYPE, CKK_RSA);
	set(&list, CKA_MODULUS, "\0\x3f" "23456789", 10);
	set(&list, CKA_PUBLIC_EXPONENT, "\1\0\1", 3);
	return list;
}
static inline struct attribute_list ec_private_to_create(void)
{
	struct attribute_list list = { 0 };
	set_ulong(&list, CKA_CLASS, CKO_PRIVATE_KEY);
	set_ulong(&list, CKA_KEY_TYPE, CKK_EC);
	set(&list, CKA_EC_PARAMS, P256);
	set(&list, CKA_VALUE, "secret number", 13);
	return list;
}

/* What C_CreateObject makes of a template, which is given up. */
static inline struct attribute_list made(const struct asker *asker, struct attribute_list wanted)
{
	struct attribute_list out;
	CU_ASSERT_EQUAL_FATAL(rules_create(asker, &wanted, &id, &out), CKR_OK);
	attribute_list_finish(&wanted);
	return out;
}
static inline struct attribute_list generated(struct attribute_list wanted)
{
	struct attribute_list out;
	CU_ASSERT_EQUAL_FATAL(rules_generate(&user, CKM_AES_KEY_GEN, &wanted, &id, &out), CKR_OK);
	attribute_list_finish(&wanted);
	return out;
}
static inline CK_RV generating(const struct asker *asker, CK_MECHANISM_TYPE mechanism, struct attribute_list wanted)
{
	struct attribute_list out;
	CK_RV rv = rules_generate(asker, mechanism, &wanted, &id, &out);
	CU_ASSERT(rv == CKR_OK || out.count == 0);
	attribute_list_finish(&out);
	attribute_list_finish(&wanted);
	return rv;
}
static inline CK_RV changing(const struct asker *asker, const struct attribute_list *before, CK_ATTRIBUTE_TYPE type,
                      const void *value, size_t size)
{
	struct attribute_list changes = { 0 }, out;
	set(&changes, type, value, size);
	CK_RV rv = rules_change(asker, before, &changes, &out);
	if (rv == CKR_OK) {
		const Craton__Attribute *after = attribute_list_get(&out, type);
		CU_ASSERT(after && after->value.len == size);
		CU_ASSERT(out.count >= before->count);
	}
	attribute_list_finish(&out);
	attribute_list_finish(&changes);
	return rv;
}
static inline CK_RV changing_bool(const struct asker *asker, const struct attribute_list *before, CK_ATTRIBUTE_TYPE type, bool value)
{
	return changing(asker, before, type, value ? "\1" : "\0", 1);
}
static inline struct attribute_list object_of(struct attribute_list wanted)
{
	return made(&user, wanted);
}

static inline struct attribute_list with_template(CK_ATTRIBUTE_TYPE type, CK_ATTRIBUTE_TYPE inner, bool value)
{
	uint8_t packed[64], byte = value;
	Craton__Attribute attribute = CRATON__ATTRIBUTE__INIT, *list = &attribute;
	Craton__Attributes inner_list = CRATON__ATTRIBUTES__INIT;
	struct attribute_list key = { 0 };
	attribute.type = inner;
	attribute.value = (ProtobufCBinaryData){ 1, &byte };
	inner_list.n_list = 1;
	inner_list.list = &list;
	set(&key, type, packed, craton__attributes__pack(&inner_list, packed));
	return key;
}
