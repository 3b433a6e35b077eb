/* A key in the token: which template it gets, from its virtual attributes. The node judges what may be done with a key; what
 * the token is told is a second line of defence. Inside backend/ only. */
#pragma once
#include "backend/seal.h"
#include "wire/attributes.h"

#define PHYSICAL_MAX 40

struct physical {
	CK_ATTRIBUTE list[PHYSICAL_MAX];
	CK_ULONG count;
	CK_ULONG numbers[8];
	size_t number_count;
};

/* Values pointed to must outlive it. Filling is asserted to stay within bounds: what goes in is our own choice. */
void physical_flag(struct physical *physical, CK_ATTRIBUTE_TYPE type, bool value);
void physical_number(struct physical *physical, CK_ATTRIBUTE_TYPE type, CK_ULONG value);
void physical_bytes(struct physical *physical, CK_ATTRIBUTE_TYPE type, const void *value, size_t size);
/* The object's value of `type`, if it has one, byte by byte. */
void physical_from(struct physical *physical, const Craton__Object *object, CK_ATTRIBUTE_TYPE type);

/* Class, key type, a session object, the uses that the virtual attributes allow and no other. */
void physical_identity(struct physical *physical, const Craton__Object *object);
/* How a private or secret key is guarded: what the closed key demands, or what the owner asked for. A key about to be sealed must be
 * extractable, whatever it is afterwards. */
void physical_guard(struct physical *physical, const Craton__Object *object, enum seal_kind kind, bool to_be_sealed);

/* A view of an object's attributes as a list; the memory stays the object's. */
struct attribute_list object_list(const Craton__Object *object);
/* After the list has grown or shrunk. */
void object_take_list(Craton__Object *object, const struct attribute_list *list);
CK_OBJECT_CLASS object_class(const Craton__Object *object);   /* CK_UNAVAILABLE_INFORMATION if it has none */
CK_KEY_TYPE object_key_type(const Craton__Object *object);    /* likewise */
bool object_flag(const Craton__Object *object, CK_ATTRIBUTE_TYPE type, bool otherwise);

/* A public key in the token, from what its object says. */
CK_RV physical_load_public(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, const Craton__Object *object, CK_OBJECT_HANDLE *out);
