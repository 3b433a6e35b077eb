#include "backend/probe.h"
#include "backend/domain_private.h"
#include "backend/operate_private.h"
#include "backend/physical.h"
#include "backend/trial.h"
#include "base/log.h"
#include <p11-kit/p11-kit.h>
#include <stdlib.h>
#include <string.h>

#define RSA_BITS_MIN 2048
#define MECHANISMS_MAX 1024
#define RESULT_SIZE_MAX (64u << 10)

/* What the slot can do with a key by itself. Wrapping and deriving are not among it yet. */
#define USES (CKF_SIGN | CKF_VERIFY | CKF_ENCRYPT | CKF_DECRYPT)
/* What a token says of a mechanism that is true of ours as well. */
#define PASSED_ON (CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS | CKF_EC_COMPRESS)

struct probing {
	struct domain *domain;
	CK_FUNCTION_LIST *p11;
	CK_MECHANISM_TYPE *offered; /* by the token */
	CK_ULONG offered_count;
	struct capabilities *out;
};

/* The list of what works */

static Craton__MechanismInfo *find(struct capabilities *out, CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < out->count; i++)
		if (out->list[i].type == type)
			return &out->list[i];
	return NULL;
}

/* Room was made for everything beforehand. */
static Craton__MechanismInfo *add(struct capabilities *out, CK_MECHANISM_TYPE type)
{
	Craton__MechanismInfo *info = &out->list[out->count++];
	craton__mechanism_info__init(info);
	info->type = type;
	return info;
}

/* Sizes that were tried where a token's range says little (curves); else the token's own. */
static void note_works(struct probing *probing, CK_MECHANISM_TYPE type, CK_FLAGS flags, const struct trial_key *key)
{
	CK_MECHANISM_INFO token_says = { 0 }; /* SoftHSM sets some flags with |= */
	bool by_trial = key->curve_size > 0;
	if (probing->p11->C_GetMechanismInfo(token_slot(domain_token(probing->domain)), type, &token_says) != CKR_OK)
		return;
	Craton__MechanismInfo *info = find(probing->out, type);
	if (!info) {
		info = add(probing->out, type);
		info->key_size_min = by_trial ? key->size : token_says.ulMinKeySize;
		info->key_size_max = by_trial ? key->size : token_says.ulMaxKeySize;
	}
	if (by_trial && key->size < info->key_size_min)
		info->key_size_min = key->size;
	if (by_trial && key->size > info->key_size_max)
		info->key_size_max = key->size;
	info->flags |= flags | (token_says.flags & PASSED_ON);
}

/* One key in all its uses */

struct sample {
	const struct trial_key *key;
	CK_ULONG size;
	CK_OBJECT_HANDLE handle, public_handle; /* the same for a secret key */
};

static CK_RV sign_and_verify(struct probing *probing, CK_SESSION_HANDLE session, const struct sample *sample,
                             struct trial_use *use, struct buf *result)
{
	struct bytes data = { use->data, use->data_size }, none = { NULL, 0 };
	CK_RV rv = operate_on(probing->p11, session, CRATON__CRYPT_KIND__SIGN, &use->mechanism, sample->handle, &data, &none, result);
	struct bytes signature = { result->data, result->size };
	if (rv == CKR_OK)
		rv = operate_on(probing->p11, session, CRATON__CRYPT_KIND__VERIFY, &use->mechanism, sample->public_handle, &data,
		                &signature, NULL);
	return rv;
}

static CK_RV encrypt_and_decrypt(struct probing *probing, CK_SESSION_HANDLE session, const struct sample *sample,
                                 struct trial_use *use, struct buf *result)
{
	struct bytes data = { use->data, use->data_size }, none = { NULL, 0 };
	struct buf back;
	buf_init(&back, RESULT_SIZE_MAX);
	CK_RV rv = operate_on(probing->p11, session, CRATON__CRYPT_KIND__ENCRYPT, &use->mechanism, sample->public_handle, &data, &none,
	                      result);
	struct bytes encrypted = { result->data, result->size };
	if (rv == CKR_OK)
		rv = operate_on(probing->p11, session, CRATON__CRYPT_KIND__DECRYPT, &use->mechanism, sample->handle, &encrypted, &none,
		                &back);
	if (rv == CKR_OK && (back.size != use->data_size || memcmp(back.data, use->data, back.size) != 0))
		rv = CKR_ENCRYPTED_DATA_INVALID;
	buf_finish(&back);
	return rv;
}

typedef CK_RV (*round_trip)(struct probing *, CK_SESSION_HANDLE, const struct sample *, struct trial_use *, struct buf *);

/* A session of its own each time: what fails may leave an operation behind. */
static bool try_use(struct probing *probing, const struct sample *sample, const struct mechanism_facts *facts, CK_FLAGS flags)
{
	struct token *token = domain_token(probing->domain);
	round_trip trip = flags & CKF_SIGN ? sign_and_verify : encrypt_and_decrypt;
	CK_SESSION_HANDLE session;
	struct trial_use use;
	struct buf result;
	trial_use_init(&use, facts, sample->size);
	CK_RV rv = probing->p11->C_OpenSession(token_slot(token), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session);
	if (rv != CKR_OK)
		return false;
	buf_init(&result, RESULT_SIZE_MAX);
	rv = trip(probing, session, sample, &use, &result);
	buf_finish(&result);
	probing->p11->C_CloseSession(session);
	if (rv != CKR_OK)
		log_debug("backend", "mechanism does not work here mechanism=%s key=\"%s\" why=\"%s\"", facts->name, sample->key->name,
		          p11_kit_strerror(rv));
	return rv == CKR_OK;
}

/* Both of a pair or neither: what one member signs another must verify. */
static bool try_mechanism(struct probing *probing, const struct sample *sample, CK_MECHANISM_TYPE type)
{
	static const CK_FLAGS pairs[] = { CKF_SIGN | CKF_VERIFY, CKF_ENCRYPT | CKF_DECRYPT };
	const struct mechanism_facts *facts = mechanism_facts(type);
	CK_MECHANISM_INFO info = { 0 };
	bool works = false;
	if (!facts || !(facts->uses & USES) || !mechanism_takes_key_type(type, sample->key->key_type) ||
	    probing->p11->C_GetMechanismInfo(token_slot(domain_token(probing->domain)), type, &info) != CKR_OK)
		return false;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		if ((facts->uses & info.flags & pairs[i]) != pairs[i] || !try_use(probing, sample, facts, pairs[i]))
			continue;
		note_works(probing, type, pairs[i], sample->key);
		works = true;
	}
	return works;
}

/* Made, sealed, unsealed, used */

static CK_RV make(struct probing *probing, const struct trial_key *key, CK_ULONG size, Craton__Object **object,
                  Craton__Object **public_object)
{
	CK_MECHANISM mechanism = { key->generation, NULL, 0 };
	if (trial_objects(key, size, object, public_object) != ERR_OK)
		return CKR_HOST_MEMORY;
	return key->is_pair ? generate_key_pair(probing->domain, &mechanism, *public_object, *object)
	                    : generate_key(probing->domain, &mechanism, *object);
}

static CK_RV load(struct probing *probing, CK_SESSION_HANDLE session, const Craton__Object *object,
                  const Craton__Object *public_object, struct sample *sample)
{
	CK_RV rv = unseal_key(probing->domain, session, object, &sample->handle);
	sample->public_handle = sample->handle;
	if (rv == CKR_OK && public_object)
		rv = physical_load_public(probing->p11, session, public_object, &sample->public_handle);
	return rv;
}

static bool use_all(struct probing *probing, const struct sample *sample)
{
	bool works = false;
	for (CK_ULONG i = 0; i < probing->offered_count; i++)
		works |= try_mechanism(probing, sample, probing->offered[i]);
	return works;
}

static CK_ULONG size_to_try(struct probing *probing, const struct trial_key *key)
{
	CK_MECHANISM_INFO info = { 0 };
	if (key->key_type != CKK_RSA ||
	    probing->p11->C_GetMechanismInfo(token_slot(domain_token(probing->domain)), key->generation, &info) != CKR_OK)
		return key->size;
	return info.ulMinKeySize > RSA_BITS_MIN && info.ulMinKeySize <= 16384 ? info.ulMinKeySize : RSA_BITS_MIN;
}

static void try_key(struct probing *probing, const struct trial_key *key)
{
	struct token *token = domain_token(probing->domain);
	Craton__Object *object = NULL, *public_object = NULL;
	CK_SESSION_HANDLE session;
	struct sample sample = { .key = key, .size = size_to_try(probing, key) };
	const char *step = "make and seal";
	bool works = false;
	CK_RV rv = make(probing, key, sample.size, &object, &public_object);
	if (rv == CKR_OK && (rv = token_borrow(token, &session)) == CKR_OK) {
		step = "unseal";
		rv = load(probing, session, object, public_object, &sample);
		if (rv == CKR_OK) {
			works = use_all(probing, &sample);
			step = "use";
			rv = works ? CKR_OK : CKR_MECHANISM_INVALID;
		}
		token_return(token, session, CKR_FUNCTION_CANCELED); /* closed, and the keys with it */
	}
	if (works)
		note_works(probing, key->generation, key->is_pair ? CKF_GENERATE_KEY_PAIR : CKF_GENERATE, key);
	else
		log_info("backend", "keys of this type are not offered, the token can't %s them key=\"%s\" why=\"%s\"", step, key->name,
		         p11_kit_strerror(rv));
	if (object)
		craton__object__free_unpacked(object, NULL);
	if (public_object)
		craton__object__free_unpacked(public_object, NULL);
}

/* The whole */

static bool token_offers(const struct probing *probing, CK_MECHANISM_TYPE type)
{
	for (CK_ULONG i = 0; i < probing->offered_count; i++)
		if (probing->offered[i] == type)
			return true;
	return false;
}

/* Hash-then-sign where the token has the signature alone: the library hashes. */
static void add_split(struct probing *probing)
{
	size_t count;
	const struct mechanism_facts *all = mechanism_facts_all(&count);
	for (size_t i = 0; i < count; i++) {
		const Craton__MechanismInfo *raw = all[i].is_split ? find(probing->out, all[i].raw) : NULL;
		if (!raw || !(raw->flags & CKF_SIGN) || find(probing->out, all[i].type))
			continue;
		Craton__MechanismInfo copy = *raw;
		Craton__MechanismInfo *info = add(probing->out, all[i].type);
		info->key_size_min = copy.key_size_min;
		info->key_size_max = copy.key_size_max;
		info->flags = copy.flags & (CKF_SIGN | CKF_VERIFY | PASSED_ON);
	}
}

static int by_type(const void *a, const void *b)
{
	uint64_t left = ((const Craton__MechanismInfo *)a)->type, right = ((const Craton__MechanismInfo *)b)->type;
	return left < right ? -1 : left > right;
}

static enum err list_offered(struct probing *probing)
{
	CK_SLOT_ID slot = token_slot(domain_token(probing->domain));
	CK_RV rv = probing->p11->C_GetMechanismList(slot, NULL, &probing->offered_count);
	if (rv != CKR_OK || probing->offered_count > MECHANISMS_MAX)
		return ERR_IO;
	probing->offered = calloc(probing->offered_count + 1, sizeof *probing->offered);
	if (!probing->offered)
		return ERR_NO_MEMORY;
	rv = probing->p11->C_GetMechanismList(slot, probing->offered, &probing->offered_count);
	return rv == CKR_OK ? ERR_OK : ERR_IO;
}

enum err probe(struct domain *domain, const struct probe_wishes *wishes, struct capabilities *out)
{
	struct probing probing = { .domain = domain, .p11 = token_functions(domain_token(domain)), .out = out };
	size_t facts_count, key_count;
	const struct trial_key *keys = trial_keys(&key_count);
	static const struct probe_wishes none;
	*out = (struct capabilities){ 0 };
	wishes = wishes ? wishes : &none;
	domain_set_held(domain, wishes->node_generated, 0);
	mechanism_facts_all(&facts_count);
	enum err err = list_offered(&probing);
	if (err == ERR_OK) {
		out->list = calloc(probing.offered_count + facts_count + 1, sizeof *out->list);
		err = out->list ? ERR_OK : ERR_NO_MEMORY;
	}
	for (size_t i = 0; err == ERR_OK && i < key_count; i++)
		if (token_offers(&probing, keys[i].generation))
			try_key(&probing, &keys[i]);
	if (err == ERR_OK) {
		add_split(&probing);
		qsort(out->list, out->count, sizeof *out->list, by_type);
	}
	free(probing.offered);
	return err;
}

const Craton__MechanismInfo *capabilities_find(const struct capabilities *capabilities, CK_MECHANISM_TYPE type)
{
	Craton__MechanismInfo wanted = { .type = type };
	return capabilities->count ? bsearch(&wanted, capabilities->list, capabilities->count, sizeof *capabilities->list, by_type) : NULL;
}

bool capabilities_take_bytes(const struct capabilities *capabilities, CK_MECHANISM_TYPE type)
{
	const Craton__MechanismInfo *info = capabilities_find(capabilities, type);
	return info && info->takes_bytes;
}

void capabilities_finish(struct capabilities *capabilities)
{
	free(capabilities->list);
	free(capabilities->shortfalls);
	*capabilities = (struct capabilities){ 0 };
}
