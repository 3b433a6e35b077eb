/* The standard's tables of attributes, as data. */
#pragma once
#include "wire/attributes.h"
#include <stdbool.h>

/* The footnotes of PKCS#11 2.40, section 4.2, table 10, by their numbers there. (5 and 6 are about C_UnwrapKey; 9, "default value is
 * token-specific", is what `preset` says.) */
enum footnote {
	N1 = 1 << 1,   /* MUST be specified when object is created with C_CreateObject */
	N2 = 1 << 2,   /* MUST NOT be specified when object is created with C_CreateObject */
	N3 = 1 << 3,   /* MUST be specified when object is generated */
	N4 = 1 << 4,   /* MUST NOT be specified when object is generated */
	N5 = 1 << 5,   /* MUST be specified when object is unwrapped */
	N6 = 1 << 6,   /* MUST NOT be specified when object is unwrapped */
	N7 = 1 << 7,   /* Cannot be revealed if CKA_SENSITIVE is true or CKA_EXTRACTABLE is false */
	N8 = 1 << 8,   /* May be modified after object is created */
	N10 = 1 << 10, /* Can only be set to CK_TRUE by the SO user */
	N11 = 1 << 11, /* Attribute cannot be changed once set to CK_TRUE */
	N12 = 1 << 12, /* Attribute cannot be changed once set to CK_FALSE */
	/* Not footnotes there, but said of single attributes in the text: */
	ON_COPY = 1 << 13,    /* may be changed in the process of copying */
	TO_NOTHING = 1 << 14, /* "C_SetAttributeValue may be used to destroy the attribute, by supplying no-value" */
	OR_EMPTY = 1 << 15    /* what must be specified may be so as nothing */
};

/* What an attribute is that no template mentions. */
enum preset {
	PRESET_NOTHING,  /* absent until a token tells, or for good */
	PRESET_EMPTY,
	PRESET_FALSE,
	PRESET_TRUE,
	PRESET_NUMBER    /* rule.number */
};

struct attribute_rule {
	CK_ATTRIBUTE_TYPE type;
	unsigned notes;
	enum preset preset;
	uint64_t number;
};

/* One table of the standard. */
struct chapter {
	const struct attribute_rule *rules;
	size_t count;
};

#define CHAPTERS_MAX 5
#define KIND_ANY UINT64_MAX
/* What objects of one class and kind (key or certificate type) have: the chapters put together. */
struct family {
	CK_OBJECT_CLASS class;
	uint64_t kind;
	bool open;       /* a vendor's kind, of which we cannot know all: other attributes are taken as they are */
	const struct chapter *chapters[CHAPTERS_MAX]; /* ends with NULL */
};

/* NULL if there is no such class. */
const struct family *family_of(CK_OBJECT_CLASS class, uint64_t kind);
/* The attribute that says the kind: CKA_KEY_TYPE, CKA_CERTIFICATE_TYPE; false if the class has none. */
bool family_kind_type(CK_OBJECT_CLASS class, CK_ATTRIBUTE_TYPE *type);
/* Of a whole object's attributes. */
const struct family *family_of_object(const struct attribute_list *object);
/* NULL if such objects have no such attribute. */
const struct attribute_rule *family_rule(const struct family *family, CK_ATTRIBUTE_TYPE type);
