/* What is asked of keys that come out of keys, each through `talk`. */
#pragma once
#include "tests/unit/node/asks.h"

/* What a template says more, or else, than aes_key's own. */
struct flag {
	CK_ATTRIBUTE_TYPE type;
	bool value;
};

#define FLAGS(...) (const struct flag[]){ __VA_ARGS__ }, sizeof((const struct flag[]){ __VA_ARGS__ }) / sizeof(struct flag)

/* A key made for a story, and what has to be given back at its end. */
struct key {
	Craton__Reply *reply;
	Craton__ObjectRef ref;
};

void aes_key(struct template *template_, bool is_token, const struct flag *flags, size_t count);
Craton__Mechanism mechanism_of(CK_MECHANISM_TYPE type);
Craton__Reply *generate_by(CK_MECHANISM_TYPE type, struct template *template_);
/* The first object of an answer, wherever it is. The reply keeps what is pointed to. */
Craton__ObjectRef made_in(const Craton__Reply *reply);
struct key make_key(bool is_token, const struct flag *flags, size_t count);
struct key wrapping_key(void);
struct key loose_key(bool is_token);
Craton__Reply *wrap_by(CK_MECHANISM_TYPE type, Craton__ObjectRef *with, Craton__ObjectRef *key);
Craton__Reply *wrap(Craton__ObjectRef *with, Craton__ObjectRef *key);
/* An answer that is a CK_RV alone. */
CK_RV rv_of(Craton__Reply *reply);
Craton__Reply *unwrap(Craton__ObjectRef *with, const ProtobufCBinaryData *wrapped, const struct flag *flags, size_t count);
Craton__Reply *copy(Craton__ObjectRef *object, const struct flag *flags, size_t count);
/* One attribute's value as bytes; its rv if it may not be read. */
CK_RV value_of(Craton__ObjectRef *ref, CK_ATTRIBUTE_TYPE type, uint8_t out[64], size_t *size);
bool says(Craton__ObjectRef *ref, CK_ATTRIBUTE_TYPE type, bool value);
bool same_value(Craton__ObjectRef *a, Craton__ObjectRef *b, CK_ATTRIBUTE_TYPE type);
