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

/* What C_CreateObject makes of a template, which is given up. */
static inline struct attribute_list object_of(struct attribute_list wanted)
{
	struct attribute_list out;
	CU_ASSERT_EQUAL_FATAL(rules_create(&user, &wanted, &id, &out), CKR_OK);
	attribute_list_finish(&wanted);
	return out;
}
