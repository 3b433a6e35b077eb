/* After a token's call with borrowed keys. */
#include "node/object.h"

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
