/* Before and after a token's call with borrowed keys. */
#include "node/object.h"

CK_RV key_may(struct question *question, const struct loaded_key *key, const Craton__Crypt *crypt)
{
	struct attribute_list view = rules_view(key->object);
	struct bytes data = { crypt->data.data, crypt->data.len };
	CK_RV rv = rules_use_data(&question->asker, &view, rules_use_of(crypt->kind), crypt->mechanism->type, data);
	return rv == CKR_OK ? key_pin_check(question, key, crypt->kind, &crypt->pin) : rv;
}

static bool is_lost(CK_RV rv)
{
	return rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_WRAPPING_KEY_HANDLE_INVALID ||
	       rv == CKR_UNWRAPPING_KEY_HANDLE_INVALID;
}

CK_RV keys_used(struct question *question, struct loaded_key *const *keys, size_t count, CK_RV rv)
{
	struct id id;
	for (size_t i = 0; is_lost(rv) && i < count; i++)
		if (id_from_bytes(&id, keys[i]->object->id.data, keys[i]->object->id.len))
			keyring_forget(question->node->keyring, &id);
	return question_token(question, rv);
}

void keys_return(struct question *question, struct loaded_key *const *keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		keyring_return(question->node->keyring, keys[i]);
}
