#include "backend/physical.h"
#include <assert.h>
#include <string.h>

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static void put(struct physical *physical, CK_ATTRIBUTE_TYPE type, void *value, CK_ULONG size)
{
	assert(physical->count < PHYSICAL_MAX);
	physical->list[physical->count++] = (CK_ATTRIBUTE){ type, value, size };
}

void physical_flag(struct physical *physical, CK_ATTRIBUTE_TYPE type, bool value)
{
	put(physical, type, value ? &yes : &no, sizeof yes);
}

void physical_number(struct physical *physical, CK_ATTRIBUTE_TYPE type, CK_ULONG value)
{
	assert(physical->number_count < sizeof physical->numbers / sizeof *physical->numbers);
	CK_ULONG *number = &physical->numbers[physical->number_count++];
	*number = value;
	put(physical, type, number, sizeof *number);
}

void physical_bytes(struct physical *physical, CK_ATTRIBUTE_TYPE type, const void *value, size_t size)
{
	put(physical, type, (void *)value, size); /* PKCS#11 knows no const; a token does not write there */
}

void physical_from(struct physical *physical, const Craton__Object *object, CK_ATTRIBUTE_TYPE type)
{
	struct attribute_list list = object_list(object);
	const Craton__Attribute *attribute = attribute_list_get(&list, type);
	if (!attribute)
		return;
	if (attribute_shape(type) == SHAPE_ULONG)
		physical_number(physical, type, attribute_list_ulong(&list, type, 0));
	else
		physical_bytes(physical, type, attribute->value.data, attribute->value.len);
}

/* Which uses a class has; the standard's tables of common key attributes. *_RECOVER is told only where it is wanted, for not
 * every token knows it. */
static const struct {
	CK_OBJECT_CLASS class;
	CK_ATTRIBUTE_TYPE type;
	bool only_if_true;
} uses[] = {
	{ CKO_PUBLIC_KEY, CKA_ENCRYPT, false },     { CKO_PUBLIC_KEY, CKA_VERIFY, false },
	{ CKO_PUBLIC_KEY, CKA_WRAP, false },        { CKO_PUBLIC_KEY, CKA_DERIVE, true },
	{ CKO_PUBLIC_KEY, CKA_VERIFY_RECOVER, true },
	{ CKO_PRIVATE_KEY, CKA_DECRYPT, false },    { CKO_PRIVATE_KEY, CKA_SIGN, false },
	{ CKO_PRIVATE_KEY, CKA_UNWRAP, false },     { CKO_PRIVATE_KEY, CKA_DERIVE, false },
	{ CKO_PRIVATE_KEY, CKA_SIGN_RECOVER, true },
	{ CKO_SECRET_KEY, CKA_ENCRYPT, false },     { CKO_SECRET_KEY, CKA_DECRYPT, false },
	{ CKO_SECRET_KEY, CKA_SIGN, false },        { CKO_SECRET_KEY, CKA_VERIFY, false },
	{ CKO_SECRET_KEY, CKA_WRAP, false },        { CKO_SECRET_KEY, CKA_UNWRAP, false },
	{ CKO_SECRET_KEY, CKA_DERIVE, false },
};

void physical_identity(struct physical *physical, const Craton__Object *object)
{
	CK_OBJECT_CLASS class = object_class(object);
	physical_number(physical, CKA_CLASS, class);
	physical_number(physical, CKA_KEY_TYPE, object_key_type(object));
	physical_flag(physical, CKA_TOKEN, false);
	for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
		bool allowed = object_flag(object, uses[i].type, false);
		if (uses[i].class == class && (allowed || !uses[i].only_if_true))
			physical_flag(physical, uses[i].type, allowed);
	}
}

void physical_guard(struct physical *physical, const Craton__Object *object, enum seal_kind kind, bool to_be_sealed)
{
	bool closed = kind == SEAL_CLOSED;
	physical_flag(physical, CKA_PRIVATE, true);
	/* The value of an open secret may have to be sealed as such (seal_value_of). */
	bool readable = !closed && to_be_sealed && object_class(object) == CKO_SECRET_KEY;
	physical_flag(physical, CKA_SENSITIVE, closed || (!readable && object_flag(object, CKA_SENSITIVE, true)));
	physical_flag(physical, CKA_EXTRACTABLE, closed || to_be_sealed || object_flag(object, CKA_EXTRACTABLE, false));
	if (closed)
		physical_flag(physical, CKA_WRAP_WITH_TRUSTED, true);
}

struct attribute_list object_list(const Craton__Object *object)
{
	return (struct attribute_list){ .items = object->attributes, .count = object->n_attributes };
}

void object_take_list(Craton__Object *object, const struct attribute_list *list)
{
	object->attributes = list->items;
	object->n_attributes = list->count;
}

CK_OBJECT_CLASS object_class(const Craton__Object *object)
{
	struct attribute_list list = object_list(object);
	return attribute_list_ulong(&list, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
}

CK_KEY_TYPE object_key_type(const Craton__Object *object)
{
	struct attribute_list list = object_list(object);
	return attribute_list_ulong(&list, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
}

bool object_flag(const Craton__Object *object, CK_ATTRIBUTE_TYPE type, bool otherwise)
{
	struct attribute_list list = object_list(object);
	return attribute_list_bool(&list, type, otherwise);
}

CK_RV physical_load_public(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, const Craton__Object *object, CK_OBJECT_HANDLE *out)
{
	/* What makes a public key of any type; an object has those of its own. */
	static const CK_ATTRIBUTE_TYPE parts[] = {
		CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_EC_PARAMS, CKA_EC_POINT, CKA_PRIME, CKA_SUBPRIME, CKA_BASE, CKA_VALUE,
	};
	struct physical physical = { .count = 0 };
	physical_identity(&physical, object);
	physical_flag(&physical, CKA_PRIVATE, false);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		physical_from(&physical, object, parts[i]);
	return p11->C_CreateObject(session, physical.list, physical.count, out);
}
