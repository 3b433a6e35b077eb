#include "backend/probe.h"
#include "backend/domain_private.h"
#include "backend/doubt.h"
#include "backend/held.h"
#include "backend/offered.h"
#include "backend/physical.h"
#include "backend/probe_private.h"
#include "backend/token_private.h"
#include "backend/wrap.h"
#include "base/log.h"
#include <p11-kit/p11-kit.h>
#include <stdlib.h>

#define RSA_BITS_MIN 2048

/* What a token says of a mechanism that is true of ours as well. */
#define PASSED_ON (CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS | CKF_EC_COMPRESS)
#define GENERATIONS (CKF_GENERATE | CKF_GENERATE_KEY_PAIR)

struct probing {
	struct domain *domain;
	CK_FUNCTION_LIST *p11;
	const struct probe_wishes *wishes;
	struct mechanism *offered; /* by the token */
	size_t offered_count;
	struct capabilities *out;
};

static const struct mechanism *find_offered(const struct probing *probing, CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < probing->offered_count; i++)
		if (probing->offered[i].type == type)
			return &probing->offered[i];
	return NULL;
}

static bool token_offers(const struct probing *probing, CK_MECHANISM_TYPE type)
{
	return find_offered(probing, type);
}

static CK_MECHANISM_INFO token_says(const struct probing *probing, CK_MECHANISM_TYPE type)
{
	const struct mechanism *offered = find_offered(probing, type);
	return offered ? offered->info : (CK_MECHANISM_INFO){ 0 };
}

/* The list of what works */

/* Sizes that were tried where a token's range says little (curves); else, or without a key, the token's own. */
static void note_works(struct probing *probing, CK_MECHANISM_TYPE type, CK_FLAGS flags, const struct trial_key *key)
{
	CK_MECHANISM_INFO says = token_says(probing, type);
	bool by_trial = key && key->curve_size > 0;
	Craton__MechanismInfo *info = capabilities_place(probing->out, type);
	if (!info->flags) {
		info->key_size_min = by_trial ? key->size : says.ulMinKeySize;
		info->key_size_max = by_trial ? key->size : says.ulMaxKeySize;
	}
	if (by_trial && key->size < info->key_size_min)
		info->key_size_min = key->size;
	if (by_trial && key->size > info->key_size_max)
		info->key_size_max = key->size;
	info->flags |= flags | (says.flags & PASSED_ON);
}

static void note_doubt(struct probing *probing, CK_RV why)
{
	probing->out->is_doubtful = probing->out->is_doubtful || is_doubtful(why);
}

static void note_shortfall(struct probing *probing, const struct trial_key *key, const char *step, CK_RV why)
{
	struct capabilities *out = probing->out;
	note_doubt(probing, why);
	out->shortfalls[out->shortfall_count++] = (struct shortfall){ key->name, step, why };
	log_info("backend", "keys of this type are not offered, the token can't %s them key=\"%s\" why=\"%s\"", step, key->name,
	         p11_kit_strerror(why));
}

/* One kind of key: made, sealed, unsealed, used */

static bool is_declared(const struct probing *probing, CK_MECHANISM_TYPE type)
{
	for (size_t i = 0; i < probing->wishes->bytes_count; i++)
		if (probing->wishes->bytes[i] == type)
			return true;
	return false;
}

/* A mechanism that we know nothing of is tried as the token says; one that was declared is not tried, for nobody knows with what. */
static CK_FLAGS uses_of(const struct probing *probing, CK_MECHANISM_TYPE type, CK_KEY_TYPE key_type)
{
	const struct mechanism_facts *facts = mechanism_facts(type);
	if (is_declared(probing, type) || !mechanism_takes_key_type(type, key_type))
		return 0;
	return token_says(probing, type).flags & PROBE_USES & (facts ? facts->uses : PROBE_USES);
}

static CK_FLAGS uses_of_key(const struct probing *probing, const struct trial_key *key)
{
	CK_FLAGS uses = 0;
	for (size_t i = 0; i < probing->offered_count; i++)
		if (mechanism_facts(probing->offered[i].type))
			uses |= uses_of(probing, probing->offered[i].type, key->key_type);
	return uses;
}

static CK_RV make(struct probing *probing, const struct trial_key *key, CK_ULONG size, Craton__Object **object,
                  Craton__Object **public_object)
{
	CK_MECHANISM mechanism = { key->generation, NULL, 0 };
	if (trial_objects(key, size, uses_of_key(probing, key), object, public_object) != ERR_OK)
		return CKR_HOST_MEMORY;
	return key->is_pair ? generate_key_pair(probing->domain, &mechanism, *public_object, *object)
	                    : generate_key(probing->domain, &mechanism, *object);
}

static CK_RV load(struct probing *probing, CK_SESSION_HANDLE session, const Craton__Object *object, struct sample *sample)
{
	CK_RV rv = unseal_key(probing->domain, session, object, &sample->handle);
	sample->public_handle = sample->handle;
	if (rv == CKR_OK && sample->public_object)
		rv = physical_load_public(probing->p11, session, sample->public_object, &sample->public_handle);
	return rv;
}

static bool use_all(struct probing *probing, const struct sample *sample)
{
	bool works = false;
	for (size_t i = 0; i < probing->offered_count; i++) {
		CK_MECHANISM_TYPE type = probing->offered[i].type;
		CK_FLAGS uses = uses_of(probing, type, sample->key->key_type);
		CK_FLAGS work = uses ? probe_use(probing->domain, sample, type, uses, &probing->out->is_doubtful) : 0;
		if (work)
			note_works(probing, type, work, sample->key);
		works = works || work;
	}
	return works;
}

/* The smallest that is good for something; curves and secrets have but one size. */
static CK_ULONG size_to_try(struct probing *probing, const struct trial_key *key)
{
	CK_MECHANISM_INFO info = token_says(probing, key->generation);
	if (key->key_type == CKK_RSA)
		return info.ulMinKeySize > RSA_BITS_MIN && info.ulMinKeySize <= 16384 ? info.ulMinKeySize : RSA_BITS_MIN;
	if (key->key_type == CKK_DSA && info.ulMinKeySize > key->size)
		return 2048;
	return key->size;
}

static void object_free(Craton__Object *object)
{
	if (object)
		craton__object__free_unpacked(object, NULL);
}

/* *step: how far it came. */
static CK_RV try_key_once(struct probing *probing, const struct trial_key *key, const char **step)
{
	struct token *token = domain_token(probing->domain);
	Craton__Object *object = NULL, *public_object = NULL;
	struct sample sample = { .key = key, .size = size_to_try(probing, key) };
	CK_SESSION_HANDLE session;
	*step = "make and seal";
	CK_RV rv = make(probing, key, sample.size, &object, &public_object);
	sample.public_object = public_object;
	if (rv == CKR_OK && (rv = token_borrow_for(token, &(struct token_need){ .work = TOKEN_WORK_LONG }, &session)) == CKR_OK) {
		*step = "unseal";
		rv = load(probing, session, object, &sample);
		if (rv == CKR_OK) {
			*step = "use";
			rv = use_all(probing, &sample) ? CKR_OK : CKR_MECHANISM_INVALID;
		}
		token_return(token, session, CKR_FUNCTION_CANCELED); /* closed, and the keys with it */
	}
	object_free(object);
	object_free(public_object);
	return rv;
}

static CK_RV try_key(struct probing *probing, const struct trial_key *key, const char **step)
{
	CK_RV rv = try_key_once(probing, key, step);
	return is_unclear(rv) ? try_key_once(probing, key, step) : rv;
}

/* What the token can't seal the node may hold, if its operator says so. */
static CK_RV try_held(struct probing *probing, const struct trial_key *key, CK_RV rv, const char **step)
{
	unsigned kind = held_named(key->name) & domain_held_allowed(probing->domain);
	unsigned made = domain_held_made(probing->domain);
	if (rv == CKR_OK || !kind)
		return rv;
	note_doubt(probing, rv); /* or a moment's trouble would make it the node's for good */
	domain_set_held(probing->domain, probing->wishes->node_generated, made | kind);
	rv = try_key(probing, key, step);
	if (rv == CKR_OK)
		log_info("backend", "the node makes and holds these keys itself, the token can't seal them key=\"%s\"", key->name);
	else
		domain_set_held(probing->domain, probing->wishes->node_generated, made);
	return rv;
}

static void offer_key(struct probing *probing, const struct trial_key *key)
{
	const char *step;
	CK_RV rv = try_held(probing, key, try_key(probing, key, &step), &step);
	if (rv == CKR_OK)
		note_works(probing, key->generation, key->is_pair ? CKF_GENERATE_KEY_PAIR : CKF_GENERATE, key);
	else
		note_shortfall(probing, key, step, rv);
}

static void offer_keys(struct probing *probing)
{
	size_t count;
	const struct trial_key *keys = trial_keys(&count);
	unsigned known = 0;
	for (size_t i = 0; i < count; i++) {
		if (!token_offers(probing, keys[i].generation))
			continue;
		known |= held_named(keys[i].name);
		offer_key(probing, &keys[i]);
	}
	if (probing->wishes->node_generated & ~known)
		log_info("backend", "[token] node_generated names keys that this token does not know: they are not offered");
}

/* What needs no key */

static void offer_parameters(struct probing *probing, CK_MECHANISM_TYPE type, CK_KEY_TYPE key_type)
{
	Craton__Object *object = NULL;
	CK_MECHANISM mechanism = { type, NULL, 0 };
	CK_ULONG bits = token_says(probing, type).ulMinKeySize;
	if (!token_offers(probing, type))
		return;
	/* Of a small size, for the time it takes. */
	CK_RV rv = trial_parameters(key_type, bits > 512 ? bits : 512, &object) == ERR_OK ? CKR_OK : CKR_HOST_MEMORY;
	if (rv == CKR_OK)
		rv = generate_parameters(probing->domain, &mechanism, object);
	if (is_unclear(rv))
		rv = generate_parameters(probing->domain, &mechanism, object);
	if (rv == CKR_OK)
		note_works(probing, type, CKF_GENERATE, NULL);
	else
		log_info("backend", "domain parameters are not offered, the token can't make them mechanism=%s why=\"%s\"",
		         mechanism_name(type) ? mechanism_name(type) : "?", p11_kit_strerror(rv));
	note_doubt(probing, rv);
	object_free(object);
}

/* Taken at its word: what it is for, only its vendor and its operator know. */
static void offer_declared(struct probing *probing)
{
	for (size_t i = 0; i < probing->wishes->bytes_count; i++) {
		CK_MECHANISM_TYPE type = probing->wishes->bytes[i];
		CK_FLAGS flags = token_says(probing, type).flags & (PROBE_USES | GENERATIONS);
		if (token_offers(probing, type) && flags) {
			note_works(probing, type, flags, NULL);
			capabilities_place(probing->out, type)->takes_bytes = true;
		} else {
			log_info("backend", "a declared mechanism is not offered, the token does not have it mechanism=0x%lx", type);
		}
	}
}

/* Hash-then-sign where the token has the signature alone: the library hashes. */
static void add_split(struct capabilities *out)
{
	size_t count;
	const struct mechanism_facts *all = mechanism_facts_all(&count);
	for (size_t i = 0; i < count; i++) {
		if (!all[i].is_split)
			continue;
		const Craton__MechanismInfo raw = *capabilities_place(out, all[i].raw);
		Craton__MechanismInfo *info = capabilities_place(out, all[i].type);
		if (info->flags || !(raw.flags & CKF_SIGN))
			continue;
		info->key_size_min = raw.key_size_min;
		info->key_size_max = raw.key_size_max;
		info->flags = raw.flags & (CKF_SIGN | CKF_VERIFY | PASSED_ON);
	}
}

/* The whole */

static enum err list_offered(struct probing *probing)
{
	CK_RV rv = token_mechanisms(domain_token(probing->domain), &probing->offered, &probing->offered_count);
	return rv == CKR_OK ? ERR_OK : rv == CKR_HOST_MEMORY ? ERR_NO_MEMORY : ERR_IO;
}

static enum err make_room(struct probing *probing)
{
	size_t facts_count, key_count;
	mechanism_facts_all(&facts_count);
	trial_keys(&key_count);
	return capabilities_init(probing->out, probing->offered_count + facts_count + DECLARED_MAX, key_count);
}

enum err probe(struct domain *domain, const struct probe_wishes *wishes, struct capabilities *out)
{
	static const struct probe_wishes none;
	struct probing probing = {
		.domain = domain, .p11 = token_functions(domain_token(domain)), .wishes = wishes ? wishes : &none, .out = out,
	};
	*out = (struct capabilities){ 0 };
	domain_set_held(domain, probing.wishes->node_generated, 0);
	enum err err = list_offered(&probing);
	if (err == ERR_OK)
		err = make_room(&probing);
	if (err == ERR_OK) {
		offer_keys(&probing);
		offer_parameters(&probing, CKM_DSA_PARAMETER_GEN, CKK_DSA);
		offer_parameters(&probing, CKM_DH_PKCS_PARAMETER_GEN, CKK_DH);
		offer_declared(&probing);
		add_split(out);
		capabilities_sort(out);
	}
	free(probing.offered);
	return err;
}
