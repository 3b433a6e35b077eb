#include "backend/probe_private.h"
#include "backend/doubt.h"
#include "backend/operate_private.h"
#include "backend/seal_private.h"
#include "base/log.h"
#include <p11-kit/p11-kit.h>
#include <string.h>

#define RESULT_SIZE_MAX (64u << 10)
#define TARGET_SIZE 16

/* One try: a session of its own, for what fails may leave an operation behind. */
struct attempt {
	CK_FUNCTION_LIST *p11;
	CK_SESSION_HANDLE session;
	const struct sample *sample;
	struct trial_use *use;
	CK_FLAGS uses;
	struct buf result, back;
};

static CK_RV operate_once(struct attempt *attempt, Craton__CryptKind kind, CK_OBJECT_HANDLE key, struct bytes data,
                          struct bytes signature, struct buf *out)
{
	return operate_on(attempt->p11, attempt->session, kind, &attempt->use->mechanism, key, &data, &signature, out);
}

static struct bytes data_of(const struct attempt *attempt)
{
	return (struct bytes){ attempt->use->data, attempt->use->data_size };
}

static struct bytes result_of(const struct attempt *attempt)
{
	return (struct bytes){ attempt->result.data, attempt->result.size };
}

static const struct bytes nothing;

static CK_RV came_back(const struct attempt *attempt)
{
	const struct trial_use *use = attempt->use;
	bool same = attempt->back.size == use->data_size && memcmp(attempt->back.data, use->data, use->data_size) == 0;
	return same ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID;
}

static CK_RV sign_and_verify(struct attempt *attempt)
{
	const struct sample *sample = attempt->sample;
	CK_RV rv = operate_once(attempt, CRATON__CRYPT_KIND__SIGN, sample->handle, data_of(attempt), nothing, &attempt->result);
	return rv != CKR_OK ? rv
	                    : operate_once(attempt, CRATON__CRYPT_KIND__VERIFY, sample->public_handle, data_of(attempt),
	                                   result_of(attempt), NULL);
}

/* One way with one kind of call, the other way with the other, and what comes out is what went in. */
static CK_RV there_and_back(struct attempt *attempt, Craton__CryptKind there, CK_OBJECT_HANDLE with, Craton__CryptKind back,
                            CK_OBJECT_HANDLE with_back)
{
	CK_RV rv = operate_once(attempt, there, with, data_of(attempt), nothing, &attempt->result);
	if (rv == CKR_OK)
		rv = operate_once(attempt, back, with_back, result_of(attempt), nothing, &attempt->back);
	return rv == CKR_OK ? came_back(attempt) : rv;
}

static CK_RV sign_and_recover(struct attempt *attempt)
{
	const struct sample *sample = attempt->sample;
	return there_and_back(attempt, CRATON__CRYPT_KIND__SIGN_RECOVER, sample->handle, CRATON__CRYPT_KIND__VERIFY_RECOVER,
	                      sample->public_handle);
}

static CK_RV encrypt_and_decrypt(struct attempt *attempt)
{
	const struct sample *sample = attempt->sample;
	return there_and_back(attempt, CRATON__CRYPT_KIND__ENCRYPT, sample->public_handle, CRATON__CRYPT_KIND__DECRYPT, sample->handle);
}

/* A key that can be read: `value` to make it, NULL for what is unwrapped or derived. */
static void target_template(struct physical *physical, CK_KEY_TYPE type, const void *value)
{
	*physical = (struct physical){ .count = 0 };
	physical_number(physical, CKA_CLASS, CKO_SECRET_KEY);
	physical_number(physical, CKA_KEY_TYPE, type);
	physical_flag(physical, CKA_TOKEN, false);
	physical_flag(physical, CKA_SENSITIVE, false);
	physical_flag(physical, CKA_EXTRACTABLE, true);
	if (value)
		physical_bytes(physical, CKA_VALUE, value, TARGET_SIZE);
}

static CK_RV unwrap_and_compare(struct attempt *attempt)
{
	struct physical physical;
	CK_OBJECT_HANDLE key;
	CK_BYTE value[TARGET_SIZE];
	CK_ATTRIBUTE read = { CKA_VALUE, value, sizeof value };
	target_template(&physical, CKK_AES, NULL);
	CK_RV rv = attempt->p11->C_UnwrapKey(attempt->session, &attempt->use->mechanism, attempt->sample->handle, attempt->result.data,
	                                     attempt->result.size, physical.list, physical.count, &key);
	if (rv == CKR_OK)
		rv = attempt->p11->C_GetAttributeValue(attempt->session, key, &read, 1);
	if (rv == CKR_OK && (read.ulValueLen != sizeof value || memcmp(value, attempt->use->data, sizeof value) != 0))
		rv = CKR_WRAPPED_KEY_INVALID;
	return rv;
}

static CK_RV wrap_and_unwrap(struct attempt *attempt)
{
	struct physical physical;
	CK_OBJECT_HANDLE target;
	CK_ULONG size = 8192;
	target_template(&physical, CKK_AES, attempt->use->data);
	CK_RV rv = attempt->p11->C_CreateObject(attempt->session, physical.list, physical.count, &target);
	CK_BYTE *wrapped = buf_extend(&attempt->result, size);
	if (rv != CKR_OK || !wrapped)
		return rv == CKR_OK ? CKR_HOST_MEMORY : rv;
	rv = attempt->p11->C_WrapKey(attempt->session, &attempt->use->mechanism, attempt->sample->public_handle, target, wrapped, &size);
	attempt->result.size = rv == CKR_OK && size <= attempt->result.size ? size : 0;
	return rv == CKR_OK && (attempt->uses & CKF_UNWRAP) ? unwrap_and_compare(attempt) : rv;
}

/* Twice, for a key that comes out differently each time is nobody's. */
static CK_RV derive_once(struct attempt *attempt, CK_BYTE value[TARGET_SIZE])
{
	struct physical physical;
	CK_OBJECT_HANDLE key;
	CK_ATTRIBUTE read = { CKA_VALUE, value, TARGET_SIZE };
	target_template(&physical, CKK_GENERIC_SECRET, NULL);
	physical_number(&physical, CKA_VALUE_LEN, TARGET_SIZE);
	CK_RV rv = attempt->p11->C_DeriveKey(attempt->session, &attempt->use->mechanism, attempt->sample->handle, physical.list,
	                                     physical.count, &key);
	if (rv == CKR_OK)
		rv = attempt->p11->C_GetAttributeValue(attempt->session, key, &read, 1);
	return rv == CKR_OK && read.ulValueLen != TARGET_SIZE ? CKR_FUNCTION_FAILED : rv;
}

static CK_RV derive_twice(struct attempt *attempt)
{
	CK_BYTE first[TARGET_SIZE], second[TARGET_SIZE];
	CK_RV rv = derive_once(attempt, first);
	if (rv == CKR_OK)
		rv = derive_once(attempt, second);
	return rv == CKR_OK && memcmp(first, second, sizeof first) != 0 ? CKR_FUNCTION_FAILED : rv;
}

static const struct way {
	CK_FLAGS uses;
	CK_FLAGS needed; /* of these, what a token must offer for a try to make sense */
	CK_RV (*go)(struct attempt *attempt);
} ways[] = {
	{ CKF_SIGN | CKF_VERIFY, CKF_SIGN | CKF_VERIFY, sign_and_verify },
	{ CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER, CKF_SIGN_RECOVER | CKF_VERIFY_RECOVER, sign_and_recover },
	{ CKF_ENCRYPT | CKF_DECRYPT, CKF_ENCRYPT | CKF_DECRYPT, encrypt_and_decrypt },
	{ CKF_WRAP | CKF_UNWRAP, CKF_WRAP, wrap_and_unwrap },
	{ CKF_DERIVE, CKF_DERIVE, derive_twice },
};

static CK_RV try_once(struct domain *domain, const struct way *way, struct attempt *attempt)
{
	struct token *token = domain_token(domain);
	attempt->p11 = token_functions(token);
	CK_RV rv = attempt->p11->C_OpenSession(token_slot(token), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &attempt->session);
	if (rv != CKR_OK)
		return rv;
	buf_init(&attempt->result, RESULT_SIZE_MAX);
	buf_init(&attempt->back, RESULT_SIZE_MAX);
	rv = way->go(attempt);
	buf_finish(&attempt->result);
	buf_finish(&attempt->back);
	attempt->p11->C_CloseSession(attempt->session);
	return rv;
}

static CK_RV try_way(struct domain *domain, const struct way *way, struct attempt *attempt)
{
	CK_RV rv = try_once(domain, way, attempt);
	return is_unclear(rv) ? try_once(domain, way, attempt) : rv;
}

/* What does not fit on the wire is of no use to an application. */
static bool can_travel(const CK_MECHANISM *mechanism)
{
	Craton__Mechanism *wire = NULL;
	CK_RV rv = mechanism_to_wire(mechanism, false, &wire);
	if (rv == CKR_OK)
		craton__mechanism__free_unpacked(wire, NULL);
	return rv == CKR_OK;
}

CK_FLAGS probe_use(struct domain *domain, const struct sample *sample, CK_MECHANISM_TYPE type, CK_FLAGS uses, bool *in_doubt)
{
	const struct mechanism_facts *facts = mechanism_facts(type);
	CK_FLAGS work = 0;
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		struct trial_use use;
		struct attempt attempt = { .sample = sample, .use = &use, .uses = uses & ways[i].uses };
		if ((uses & ways[i].needed) != ways[i].needed)
			continue;
		trial_use_init(&use, type, sample);
		CK_RV rv = can_travel(&use.mechanism) ? try_way(domain, &ways[i], &attempt) : CKR_MECHANISM_PARAM_INVALID;
		*in_doubt = *in_doubt || is_doubtful(rv);
		if (rv == CKR_OK)
			work |= attempt.uses;
		else
			log_debug("backend", "mechanism does not work here mechanism=%s type=0x%lx uses=0x%lx key=\"%s\" why=\"%s\"",
			          facts ? facts->name : "?", type, attempt.uses, sample->key->name, p11_kit_strerror(rv));
	}
	return work;
}
