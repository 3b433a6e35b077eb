/* Keys that ask for the PIN each time. */
#include "node/login.h"
#include "node/object.h"

/* 4.9: "If CK_TRUE, the user has to supply the PIN for each use (sign or decrypt) with the key." C_UnwrapKey and C_DeriveKey have no Init
 * after which a PIN could be shown, and are not meant. */
static bool is_use_with_pin(Craton__CryptKind kind)
{
	return kind == CRATON__CRYPT_KIND__SIGN || kind == CRATON__CRYPT_KIND__SIGN_RECOVER ||
	       kind == CRATON__CRYPT_KIND__DECRYPT;
}

CK_RV key_pin_check(struct question *question, const struct loaded_key *key, Craton__CryptKind kind,
                    const ProtobufCBinaryData *pin)
{
	struct attribute_list view = rules_view(key->object);
	struct shown_pin shown = { CRATON__ROLE__ROLE_USER, pin };
	struct slot_record slot;
	if (!is_use_with_pin(kind) || !attribute_list_bool(&view, CKA_ALWAYS_AUTHENTICATE, false))
		return CKR_OK;
	return pin->len ? login_check(question, &shown, &slot) : CKR_USER_NOT_LOGGED_IN;
}
