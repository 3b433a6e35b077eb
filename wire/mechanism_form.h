/* The forms that mechanisms' parameters have: for wire/mechanism*.c, and the fuzzer that lies in them. */
#pragma once
#include "wire/block.h"
#include "wire/craton.pb-c.h"
#include "wire/cryptoki.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum form_kind {
	FORM_NOTHING,
	FORM_BYTES,  /* the parameter is a byte string: an IV, a public value */
	FORM_NUMBER, /* one CK_ULONG */
	FORM_KEY,    /* one CK_OBJECT_HANDLE */
	FORM_PSS, FORM_OAEP, FORM_GCM, FORM_CTR, FORM_CCM, FORM_ECDH, FORM_STRING, FORM_ENCRYPT_DATA_8, FORM_ENCRYPT_DATA_16,
	FORM_HKDF, FORM_RSA_AES, FORM_ECDH_AES, FORM_CHACHA, FORM_SALSA, FORM_CHACHA_POLY, FORM_EDDSA, FORM_KDF, FORM_KDF_FEEDBACK,
	FORM_COUNT
};

/* One row per mechanism. */
struct form {
	CK_MECHANISM_TYPE type;
	enum form_kind kind;
	uint32_t min, max; /* BYTES: bytes, NUMBER: its value; others 1, 1, or 0, 1 if the parameter may be left out */
};
/* NULL for a mechanism we do not know. A vendor's that is declared to take a byte string has the form of one. */
const struct form *mechanism_form(uint64_t type, bool takes_bytes);

/* One row per field of a structure: where it stands there and in the message, and what it may hold. */
struct field {
	enum {
		FIELD_NUMBER,   /* CK_ULONG and types made of it */
		FIELD_HASH,     /* CK_MECHANISM_TYPE of a hash */
		FIELD_MGF,      /* CK_RSA_PKCS_MGF_TYPE: one of CKG_*, or a vendor's */
		FIELD_FLAG,     /* CK_BBOOL */
		FIELD_BYTES,    /* a pointer, and a length in bytes */
		FIELD_BITS,     /* a pointer, and a length in bits: whole bytes */
		FIELD_NONCE,    /* a pointer, and a length in bytes or in bits */
		FIELD_POINTED,  /* a pointer to `max` bytes */
		FIELD_BLOCK,    /* `max` bytes in the structure itself */
		FIELD_IV,       /* BYTES, or a length without a pointer: the token is to make as many */
		FIELD_CONSTANT, /* always `max`; not in the message */
		FIELD_KEY,      /* a handle; not in the message but in Mechanism.keys */
		FIELD_OAEP,     /* a pointer to a CK_RSA_PKCS_OAEP_PARAMS */
		FIELD_PARTS     /* a pointer to CK_PRF_DATA_PARAMs, and how many */
	} kind;
	size_t native, native_size; /* offsets in the structure: the field, and its length if it has one */
	size_t wire, wire_size;     /* offsets in the message: the field, and an IV's size or a nonce's way of counting */
	uint64_t min, max;          /* of the number, or of the length in bytes */
};

/* A copy of an application's structure. */
union structure {
	CK_RSA_PKCS_OAEP_PARAMS oaep;
	CK_GCM_PARAMS gcm;
	CK_HKDF_PARAMS hkdf;
	CK_SP800_108_KDF_PARAMS kdf;
	CK_SP800_108_FEEDBACK_KDF_PARAMS kdf_feedback;
	uint8_t bytes[128]; /* room for any of them */
};

struct layout {
	size_t size;                                /* of the structure; 0 if the form has none */
	Craton__Mechanism__ParameterCase parameter; /* as what it travels */
	const ProtobufCMessageDescriptor *message;  /* NULL: its fields are in the Mechanism itself */
	const struct field *fields;
	size_t count;
	/* What only this kind needs: false for what makes no sense. NULL: a copy is all. */
	bool (*read)(union structure *to, const void *from, size_t size);
};
const struct layout *layout_of(enum form_kind kind);

/* The message inside `mechanism` that a layout's fields stand in. */
void *layout_message(const struct layout *layout, const Craton__Mechanism *mechanism);

/* Copies the application's structure. */
CK_RV layout_read(const struct layout *layout, const void *from, size_t size, union structure *to);
/* Fills a message that has been initialized. Lengths are judged before memory is taken. */
CK_RV layout_to_wire(const struct layout *layout, const union structure *from, void *message);
/* Is every field within its bounds? */
bool layout_judge(const struct layout *layout, const void *message);
/* The structure and what it points to, out of a message that has been judged. `keys`: of Mechanism.keys, or NULL. */
void *layout_to_native(const struct layout *layout, const void *message, const CK_OBJECT_HANDLE *keys, struct block *block);

/* SP 800-108's parts (wire/mechanism_kdf.c) */
CK_RV kdf_to_wire(const void *parts, size_t count, Craton__KdfParameter *to);
bool kdf_judge(const Craton__KdfParameter *kdf);
CK_PRF_DATA_PARAM *kdf_to_native(const Craton__KdfParameter *from, struct block *block);
