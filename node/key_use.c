/* Before and after a token's call with borrowed keys. */
#include "node/login.h"
#include "node/object.h"
#include "node/trouble.h"

/* 4.9: "If CK_TRUE, the user has to supply the PIN for each use (sign or decrypt) with the key." C_UnwrapKey and C_DeriveKey have no Init
 * after which a PIN could be shown, and are not meant. */
static bool is_use_with_pin(Craton__CryptKind kind)
{
	return kind == CRATON__CRYPT_KIND__SIGN || kind == CRATON__CRYPT_KIND__SIGN_RECOVER ||
	       kind == CRATON__CRYPT_KIND__DECRYPT;
}

static CK_RV check_pin(struct question *question, const struct attribute_list *key, Craton__CryptKind kind,
                       const ProtobufCBinaryData *pin)
{
	struct shown_pin shown = { .role = CRATON__ROLE__ROLE_USER, .pin = pin };
	struct slot_record slot;
	if (!is_use_with_pin(kind) || !attribute_list_bool(key, CKA_ALWAYS_AUTHENTICATE, false))
		return CKR_OK;
	return pin->len ? login_check(question, &shown, &slot) : CKR_USER_NOT_LOGGED_IN;
}

/* A part is not the whole: what a digest looks like can only be told of all of it. */
CK_RV key_may(struct question *question, const struct loaded_key *key, const Craton__Crypt *crypt)
{
	struct attribute_list view = rules_view(key->object);
	struct bytes data = { crypt->data.data, crypt->stage == CRATON__CRYPT_STAGE__WHOLE ? crypt->data.len : 0 };
	CK_RV rv = rules_use_data(&question->asker, &view, rules_use_of(crypt->kind), crypt->mechanism->type, data);
	return rv == CKR_OK ? check_pin(question, &view, crypt->kind, &crypt->pin) : rv;
}

CK_RV keys_used(struct question *question, struct loaded_key *const *keys, size_t count, CK_RV rv)
{
	struct id id;
	for (size_t i = 0; trouble_of(rv) == TROUBLE_KEY && i < count; i++)
		if (id_from_bytes(&id, keys[i]->object->id.data, keys[i]->object->id.len))
			keyring_forget(question->node->keyring, &id);
	return question_token(question, rv);
}

void keys_return(struct question *question, struct loaded_key *const *keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		keyring_return(question->node->keyring, keys[i]);
}
