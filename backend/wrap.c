#include "backend/wrap.h"
#include "backend/domain_private.h"
#include "backend/learn.h"
#include "backend/seal_private.h"
#include <string.h>

/* More than any RSA key wrapped by any mechanism. */
#define WRAPPED_FIRST_TRY 8192
#define CHECK_SIZE 3

static CK_RV wrap_into(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE wrapping,
                       CK_OBJECT_HANDLE key, CK_ULONG *size, struct buf *out)
{
	size_t before = out->size, room = *size;
	CK_BYTE *wrapped = buf_extend(out, room);
	if (!wrapped)
		return CKR_HOST_MEMORY;
	CK_RV rv = p11->C_WrapKey(session, mechanism, wrapping, key, wrapped, size);
	if (rv == CKR_OK && *size > room)
		rv = CKR_DEVICE_ERROR;
	out->size = before + (rv == CKR_OK ? *size : 0);
	return rv;
}

CK_RV wrap_key(struct token *token, CK_MECHANISM *mechanism, const struct loaded_key *wrapping, const struct loaded_key *key,
               struct buf *out)
{
	CK_FUNCTION_LIST *p11 = token_functions(token);
	CK_ULONG size = WRAPPED_FIRST_TRY;
	CK_SESSION_HANDLE session;
	if (wrapping->generation != key->generation)
		return CKR_SESSION_CLOSED;
	CK_RV rv = token_borrow_for(token, &(struct token_need){ .generation = key->generation }, &session);
	if (rv != CKR_OK)
		return rv;
	rv = wrap_into(p11, session, mechanism, wrapping->handle, key->handle, &size, out);
	if (rv == CKR_BUFFER_TOO_SMALL && size > WRAPPED_FIRST_TRY)
		rv = wrap_into(p11, session, mechanism, wrapping->handle, key->handle, &size, out);
	token_return(token, session, rv);
	return rv;
}

/* How a key is made of another: by C_UnwrapKey, or by C_DeriveKey. */
struct making {
	CK_FUNCTION_LIST *p11;
	CK_SESSION_HANDLE session;
	CK_MECHANISM *mechanism;
	const struct loaded_key *from;
	bool by_unwrapping;
	struct bytes wrapped;
	uint64_t length; /* CKA_VALUE_LEN as it was asked for; 0: not at all */
};

static CK_RV make_as(const struct making *making, struct physical *physical, CK_ULONG count, CK_OBJECT_HANDLE *out)
{
	CK_FUNCTION_LIST *p11 = making->p11;
	CK_BYTE *wrapped = (CK_BYTE *)making->wrapped.data; /* PKCS#11 knows no const */
	if (making->by_unwrapping)
		return p11->C_UnwrapKey(making->session, making->mechanism, making->from->handle, wrapped, making->wrapped.size,
		                        physical->list, count, out);
	return p11->C_DeriveKey(making->session, making->mechanism, making->from->handle, physical->list, count, out);
}

/* A token may refuse to be told a length that it finds in what it unwraps. */
static CK_RV make(const struct making *making, struct physical *physical, CK_OBJECT_HANDLE *out)
{
	CK_ULONG without_length = physical->count;
	if (making->length)
		physical_number(physical, CKA_VALUE_LEN, making->length);
	CK_RV rv = make_as(making, physical, physical->count, out);
	if (making->length && making->by_unwrapping &&
	    (rv == CKR_ATTRIBUTE_READ_ONLY || rv == CKR_TEMPLATE_INCONSISTENT || rv == CKR_ATTRIBUTE_TYPE_INVALID))
		rv = make_as(making, physical, without_length, out);
	return rv;
}

/* What is made is guarded from its first moment as a key that is about to be sealed. */
static CK_RV make_guarded(const struct making *making, const Craton__Object *object, CK_OBJECT_HANDLE *out)
{
	struct physical physical = { .count = 0 };
	physical_identity(&physical, object);
	physical_guard(&physical, object, seal_kind_for(object), true);
	return make(making, &physical, out);
}

/* What a key that was made does not tell of itself. */
struct answer {
	CK_ULONG size;
	CK_BYTE check[CHECK_SIZE];
	bool has_check;
};

static CK_MECHANISM_TYPE ecb_of(CK_KEY_TYPE type)
{
	switch (type) {
	case CKK_AES: return CKM_AES_ECB;
	case CKK_DES: return CKM_DES_ECB;
	case CKK_DES2: case CKK_DES3: return CKM_DES3_ECB;
	default: return CK_UNAVAILABLE_INFORMATION;
	}
}

/* "The value of this attribute is … taken as the first three bytes of … a single block of null (0x00) bytes", encrypted in ECB mode
 * (PKCS#11 2.40, 4.10.2). One more attribute that a token need not have. */
static void compute_check(const struct making *making, CK_OBJECT_HANDLE twin, CK_KEY_TYPE type, struct answer *answer)
{
	CK_BYTE zeros[16] = { 0 }, block[16];
	CK_MECHANISM ecb = { ecb_of(type), NULL, 0 };
	CK_ULONG size = type == CKK_AES ? 16 : 8, written = sizeof block;
	if (making->p11->C_EncryptInit(making->session, &ecb, twin) != CKR_OK ||
	    making->p11->C_Encrypt(making->session, zeros, size, block, &written) != CKR_OK || written != size)
		return;
	memcpy(answer->check, block, sizeof answer->check);
	answer->has_check = true;
}

/* SoftHSM 2.6.1 says 0 for the length of what it unwrapped or derived, and has no check value for what it unwrapped. The same made
 * once more, readable and fit for encryption, can be asked, where the token allows it; the value itself stays where it is, and who could do
 * this could as well have kept a readable one. It is no failure to learn nothing; not to get rid of the twin is one. */
static CK_RV ask_twin(const struct making *making, const Craton__Object *object, struct answer *answer)
{
	struct physical physical = { .count = 0 };
	CK_KEY_TYPE type = object_key_type(object);
	bool is_cipher = ecb_of(type) != CK_UNAVAILABLE_INFORMATION;
	CK_OBJECT_HANDLE twin;
	physical_number(&physical, CKA_CLASS, CKO_SECRET_KEY);
	physical_number(&physical, CKA_KEY_TYPE, type);
	physical_flag(&physical, CKA_TOKEN, false);
	physical_flag(&physical, CKA_PRIVATE, true);
	physical_flag(&physical, CKA_SENSITIVE, false);
	physical_flag(&physical, CKA_EXTRACTABLE, true);
	if (is_cipher)
		physical_flag(&physical, CKA_ENCRYPT, true);
	if (make(making, &physical, &twin) != CKR_OK)
		return CKR_OK;
	if (value_length(making->p11, making->session, twin, &answer->size) != CKR_OK)
		answer->size = 0;
	if (is_cipher)
		compute_check(making, twin, type, answer);
	return making->p11->C_DestroyObject(making->session, twin);
}

/* The length that was asked for, if this is it, give or take the zeros that a token fills up with where it wraps. */
static CK_RV settle_length(struct domain *domain, const struct making *making, uint64_t found, struct attribute_list *list)
{
	uint64_t asked = making->length ? making->length : found;
	if (!found && !(found = asked))
		return CKR_OK; /* nobody knows */
	bool grown = making->by_unwrapping && !domain_keeps_length(domain) && asked < found && found - asked < 8 && found % 8 == 0;
	if (asked != found && !grown)
		return CKR_TEMPLATE_INCONSISTENT;
	return attribute_list_set_ulong(list, CKA_VALUE_LEN, asked) == ERR_OK ? CKR_OK : CKR_HOST_MEMORY;
}

static enum err take_check(struct attribute_list *list, const struct answer *answer)
{
	if (!answer->has_check || attribute_list_get(list, CKA_CHECK_VALUE))
		return ERR_OK;
	return attribute_list_set(list, CKA_CHECK_VALUE, answer->check, sizeof answer->check);
}

/* Of a secret key: its length and its check value. */
static CK_RV learn_more(struct domain *domain, const struct making *making, Craton__Object *object)
{
	if (object_class(object) != CKO_SECRET_KEY)
		return CKR_OK;
	struct attribute_list list = object_list(object);
	CK_KEY_TYPE type = object_key_type(object);
	uint64_t size = attribute_list_ulong(&list, CKA_VALUE_LEN, 0);
	bool lacks_check = ecb_of(type) != CK_UNAVAILABLE_INFORMATION && !attribute_list_get(&list, CKA_CHECK_VALUE);
	struct answer answer = { .size = size };
	CK_RV rv = CKR_OK;
	if (lacks_check || !(size || has_fixed_length(type)))
		rv = ask_twin(making, object, &answer);
	if (rv == CKR_OK && !has_fixed_length(type))
		rv = settle_length(domain, making, size ? size : answer.size, &list);
	if (rv == CKR_OK && take_check(&list, &answer) != ERR_OK)
		rv = CKR_HOST_MEMORY;
	object_take_list(object, &list);
	return rv;
}

/* The length that stands in the template is a wish; what is learned is how it came. */
static void take_length(struct making *making, Craton__Object *object)
{
	struct attribute_list list = object_list(object);
	making->length = attribute_list_ulong(&list, CKA_VALUE_LEN, 0);
	attribute_list_remove(&list, CKA_VALUE_LEN);
	object_take_list(object, &list);
}

static CK_RV make_sealed(struct domain *domain, struct making *making, Craton__Object *object)
{
	struct token *token = domain_token(domain);
	CK_OBJECT_HANDLE key = 0;
	making->p11 = token_functions(token);
	take_length(making, object);
	CK_RV rv = token_borrow_for(token, &(struct token_need){ .generation = making->from->generation }, &making->session);
	if (rv != CKR_OK)
		return rv;
	rv = make_guarded(making, object, &key);
	if (rv == CKR_OK)
		rv = learn(making->p11, making->session, key, object);
	if (rv == CKR_OK)
		rv = learn_more(domain, making, object);
	return seal_made(domain, making->session, rv, key, object);
}

CK_RV unwrap_key(struct domain *domain, CK_MECHANISM *mechanism, const struct loaded_key *unwrapping, const void *wrapped,
                 size_t size, Craton__Object *object)
{
	struct making making = {
		.mechanism = mechanism, .from = unwrapping, .by_unwrapping = true, .wrapped = { wrapped, size },
	};
	return make_sealed(domain, &making, object);
}

CK_RV derive_key(struct domain *domain, CK_MECHANISM *mechanism, const struct loaded_key *base, Craton__Object *object)
{
	struct making making = { .mechanism = mechanism, .from = base };
	return make_sealed(domain, &making, object);
}
