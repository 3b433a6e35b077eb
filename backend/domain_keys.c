#include "backend/domain_keys.h"
#include "backend/domain.h"
#include <string.h>

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
static CK_OBJECT_CLASS secret_class = CKO_SECRET_KEY;
static CK_KEY_TYPE key_aes = CKK_AES, key_generic = CKK_GENERIC_SECRET;
static CK_ULONG key_size = 32;

static const char *const labels[DOMAIN_KEY_COUNT] = {
	[DOMAIN_CLOSED] = "craton domain closed",
	[DOMAIN_OPEN] = "craton domain open",
	[DOMAIN_MAC] = "craton domain mac",
};

#define YES(type) { type, &yes, sizeof yes }
#define NO(type) { type, &no, sizeof no }

/* What the closed key unwraps is born like this, or not at all. */
static CK_ATTRIBUTE unwrap_template[] = {
	YES(CKA_PRIVATE), YES(CKA_SENSITIVE), YES(CKA_EXTRACTABLE), YES(CKA_WRAP_WITH_TRUSTED),
};
/* What it wraps: every ordinary key, and no domain key. */
static CK_ATTRIBUTE wrap_template[] = { YES(CKA_MODIFIABLE) };

static const CK_ATTRIBUTE common[] = {
	{ CKA_CLASS, &secret_class, sizeof secret_class },
	NO(CKA_TOKEN), NO(CKA_PRIVATE), YES(CKA_SENSITIVE), YES(CKA_EXTRACTABLE), YES(CKA_WRAP_WITH_TRUSTED),
	NO(CKA_ENCRYPT), NO(CKA_DECRYPT), NO(CKA_DERIVE),
};
static const CK_ATTRIBUTE wrapping[] = {
	{ CKA_KEY_TYPE, &key_aes, sizeof key_aes }, YES(CKA_WRAP), YES(CKA_UNWRAP), NO(CKA_SIGN), NO(CKA_VERIFY),
};
static const CK_ATTRIBUTE closed[] = {
	YES(CKA_TRUSTED),
	{ CKA_UNWRAP_TEMPLATE, unwrap_template, sizeof unwrap_template },
	{ CKA_WRAP_TEMPLATE, wrap_template, sizeof wrap_template },
};
static const CK_ATTRIBUTE mac[] = {
	{ CKA_KEY_TYPE, &key_generic, sizeof key_generic }, NO(CKA_WRAP), NO(CKA_UNWRAP), YES(CKA_SIGN), YES(CKA_VERIFY),
};
static const CK_ATTRIBUTE full_size[] = { { CKA_VALUE_LEN, &key_size, sizeof key_size } };

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define APPEND(out, count, array)                            \
	do {                                                 \
		memcpy((out) + (count), array, sizeof(array)); \
		(count) += COUNT(array);                     \
	} while (0)

CK_ULONG domain_key_template(enum domain_key which, bool making, CK_ATTRIBUTE out[DOMAIN_KEY_TEMPLATE_MAX])
{
	CK_ULONG count = 0;
	APPEND(out, count, common);
	if (which == DOMAIN_MAC)
		APPEND(out, count, mac);
	else
		APPEND(out, count, wrapping);
	if (which == DOMAIN_CLOSED)
		APPEND(out, count, closed);
	if (making)
		APPEND(out, count, full_size);
	return count;
}

/* How many there are (2 means: more than one). */
static CK_RV find_one(const struct module *module, CK_SESSION_HANDLE session, enum domain_key which,
                      CK_OBJECT_HANDLE *out, CK_ULONG *count)
{
	CK_OBJECT_HANDLE found[2] = { 0 };
	CK_ATTRIBUTE template_[] = {
		{ CKA_CLASS, &secret_class, sizeof secret_class },
		YES(CKA_TOKEN),
		{ CKA_LABEL, (char *)labels[which], strlen(labels[which]) },
	};
	CK_RV rv = module->p11->C_FindObjectsInit(session, template_, COUNT(template_));
	if (rv != CKR_OK)
		return rv;
	rv = module->p11->C_FindObjects(session, found, COUNT(found), count);
	CK_RV rv_final = module->p11->C_FindObjectsFinal(session);
	*out = found[0];
	return rv != CKR_OK ? rv : rv_final;
}

enum err domain_keys_find(const struct module *module, CK_SESSION_HANDLE session, struct domain_keys *out,
                          struct complaint *complaint)
{
	CK_ULONG present = 0;
	for (int i = 0; i < DOMAIN_KEY_COUNT; i++) {
		CK_ULONG count;
		CK_RV rv = find_one(module, session, (enum domain_key)i, &out->key[i], &count);
		if (rv != CKR_OK)
			return module_complain(module, complaint, "its objects can't be listed", rv);
		if (count > 1)
			return complain(complaint, ERR_CONFIG, "the token holds more than one key labelled \"%s\": it was enrolled twice; "
			                "remove all objects labelled \"craton domain …\" and enrol it again", labels[i]);
		present += count;
	}
	if (present == DOMAIN_KEY_COUNT)
		return ERR_OK;
	if (present > 0)
		return complain(complaint, ERR_CONFIG, "the token holds only some of the domain keys: its enrolment was cut short; "
		                "remove all objects labelled \"craton domain …\" and enrol it again");
	return complain(complaint, ERR_NOT_FOUND, "the token is not in a domain: make one with `cratond -c FILE domain create` "
	                "(the first token), or take the keys of one with `cratond -c FILE domain enroll`");
}

static CK_RV keep_one(const struct module *module, CK_SESSION_HANDLE session, enum domain_key which,
                      CK_OBJECT_HANDLE made, CK_OBJECT_HANDLE *kept)
{
	/* CKA_MODIFIABLE last: from then on nothing of the copy can be set. */
	CK_ATTRIBUTE template_[] = {
		YES(CKA_TOKEN), YES(CKA_PRIVATE),
		{ CKA_LABEL, (char *)labels[which], strlen(labels[which]) },
		NO(CKA_MODIFIABLE),
	};
	return module->p11->C_CopyObject(session, made, template_, COUNT(template_), kept);
}

static void destroy_all(const struct module *module, CK_SESSION_HANDLE session, struct domain_keys *keys)
{
	for (int i = 0; i < DOMAIN_KEY_COUNT; i++)
		if (keys->key[i])
			module->p11->C_DestroyObject(session, keys->key[i]);
	*keys = (struct domain_keys){ 0 };
}

enum err domain_keys_keep(const struct module *module, CK_SESSION_HANDLE session, struct domain_keys *made,
                          struct complaint *complaint)
{
	struct domain_keys kept = { 0 };
	CK_RV rv = CKR_OK;
	for (int i = 0; rv == CKR_OK && i < DOMAIN_KEY_COUNT; i++)
		rv = keep_one(module, session, (enum domain_key)i, made->key[i], &kept.key[i]);
	destroy_all(module, session, made);
	enum err err = rv == CKR_OK ? domain_keys_check(module, session, &kept, complaint)
	                            : module_complain(module, complaint, "it does not keep the domain keys", rv);
	if (err != ERR_OK)
		destroy_all(module, session, &kept);
	return err;
}

/* The attributes on which the safety of the domain rests, read back. */
static enum err check_attributes(const struct module *module, CK_SESSION_HANDLE session, enum domain_key which,
                                 CK_OBJECT_HANDLE key, struct complaint *complaint)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		const char *name;
		CK_BBOOL mac, open, closed;
	} facts[] = {
		{ CKA_PRIVATE, "private", 1, 1, 1 },
		{ CKA_SENSITIVE, "sensitive", 1, 1, 1 },
		{ CKA_WRAP_WITH_TRUSTED, "wrap-with-trusted", 1, 1, 1 },
		{ CKA_MODIFIABLE, "modifiable", 0, 0, 0 },
		{ CKA_TRUSTED, "trusted", 0, 0, 1 },
		{ CKA_WRAP, "wrap", 0, 1, 1 },
		{ CKA_UNWRAP, "unwrap", 0, 1, 1 },
		{ CKA_SIGN, "sign", 1, 0, 0 },
		{ CKA_ENCRYPT, "encrypt", 0, 0, 0 },
		{ CKA_DECRYPT, "decrypt", 0, 0, 0 },
	};
	for (size_t i = 0; i < COUNT(facts); i++) {
		CK_BBOOL value = CK_FALSE;
		CK_ATTRIBUTE attribute = { facts[i].type, &value, sizeof value };
		CK_BBOOL wanted = which == DOMAIN_MAC ? facts[i].mac : which == DOMAIN_OPEN ? facts[i].open : facts[i].closed;
		CK_RV rv = module->p11->C_GetAttributeValue(session, key, &attribute, 1);
		if (rv != CKR_OK || attribute.ulValueLen != sizeof value || !value != !wanted)
			return complain(complaint, ERR_CONFIG, "the token's key \"%s\" is not as Craton makes it: it must%s be %s; "
			                "the token can't be trusted with the domain, enrol it anew",
			                labels[which], wanted ? "" : " not", facts[i].name);
	}
	return ERR_OK;
}

/* A key that only a trusted key may wrap, as every closed key is. */
static CK_RV make_sample(const struct module *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *out)
{
	CK_MECHANISM mechanism = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_ATTRIBUTE template_[] = {
		NO(CKA_TOKEN), YES(CKA_PRIVATE), YES(CKA_SENSITIVE), YES(CKA_EXTRACTABLE), YES(CKA_WRAP_WITH_TRUSTED),
		{ CKA_VALUE_LEN, &key_size, sizeof key_size },
	};
	return module->p11->C_GenerateKey(session, &mechanism, template_, COUNT(template_), out);
}

/* Wrapped under the closed key it must come back sensitive, and not otherwise. */
static const char *try_closed(const struct module *module, CK_SESSION_HANDLE session, const struct domain_keys *keys,
                              CK_OBJECT_HANDLE sample, CK_RV *rv)
{
	CK_MECHANISM mechanism = { CKM_AES_KEY_WRAP_PAD, NULL, 0 };
	CK_BYTE wrapped[256];
	CK_ULONG size = sizeof wrapped;
	CK_ATTRIBUTE template_[] = {
		NO(CKA_SENSITIVE), { CKA_CLASS, &secret_class, sizeof secret_class },
		{ CKA_KEY_TYPE, &key_aes, sizeof key_aes }, NO(CKA_TOKEN), YES(CKA_PRIVATE),
		YES(CKA_EXTRACTABLE), YES(CKA_WRAP_WITH_TRUSTED),
	};
	CK_OBJECT_HANDLE back = 0;
	*rv = module->p11->C_WrapKey(session, &mechanism, keys->key[DOMAIN_CLOSED], sample, wrapped, &size);
	if (*rv != CKR_OK)
		return "its closed key can't wrap";
	*rv = module->p11->C_UnwrapKey(session, &mechanism, keys->key[DOMAIN_CLOSED], wrapped, size, template_,
	                               COUNT(template_), &back);
	if (*rv == CKR_OK) {
		module->p11->C_DestroyObject(session, back);
		return "its closed key gives out keys that are not sensitive";
	}
	template_[0].pValue = &yes;
	*rv = module->p11->C_UnwrapKey(session, &mechanism, keys->key[DOMAIN_CLOSED], wrapped, size, template_,
	                               COUNT(template_), &back);
	if (*rv != CKR_OK)
		return "its closed key can't unwrap";
	module->p11->C_DestroyObject(session, back);
	return NULL;
}

/* What must be refused, tried. */
static const char *try_leaks(const struct module *module, CK_SESSION_HANDLE session, const struct domain_keys *keys,
                             CK_OBJECT_HANDLE sample)
{
	CK_MECHANISM mechanism = { CKM_AES_KEY_WRAP_PAD, NULL, 0 };
	CK_BYTE wrapped[256];
	CK_ULONG size = sizeof wrapped;
	if (module->p11->C_WrapKey(session, &mechanism, keys->key[DOMAIN_OPEN], sample, wrapped, &size) == CKR_OK)
		return "it wraps a wrap-with-trusted key under one that is not trusted";
	for (int i = 0; i < DOMAIN_KEY_COUNT; i++) {
		size = sizeof wrapped;
		if (module->p11->C_WrapKey(session, &mechanism, keys->key[DOMAIN_CLOSED], keys->key[i], wrapped, &size) == CKR_OK)
			return "it wraps a domain key under the closed key";
	}
	return NULL;
}

static CK_ULONG length_of(const struct module *module, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
	CK_ULONG length = 0;
	CK_ATTRIBUTE attribute = { CKA_VALUE_LEN, &length, sizeof length };
	return module->p11->C_GetAttributeValue(session, key, &attribute, 1) == CKR_OK ? length : 0;
}

bool domain_keys_keep_length(const struct module *module, CK_SESSION_HANDLE session, const struct domain_keys *keys)
{
	CK_MECHANISM generation = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 }, mechanism = { CKM_AES_KEY_WRAP_PAD, NULL, 0 };
	CK_ULONG odd = 9, size = 256;
	CK_BYTE wrapped[256];
	CK_OBJECT_HANDLE sample = 0, back = 0;
	CK_ATTRIBUTE template_[] = {
		{ CKA_CLASS, &secret_class, sizeof secret_class }, { CKA_KEY_TYPE, &key_generic, sizeof key_generic },
		NO(CKA_TOKEN), YES(CKA_PRIVATE), YES(CKA_SENSITIVE), YES(CKA_EXTRACTABLE), { CKA_VALUE_LEN, &odd, sizeof odd },
	};
	CK_RV rv = module->p11->C_GenerateKey(session, &generation, template_, COUNT(template_), &sample);
	if (rv == CKR_OK)
		rv = module->p11->C_WrapKey(session, &mechanism, keys->key[DOMAIN_OPEN], sample, wrapped, &size);
	if (rv == CKR_OK)
		rv = module->p11->C_UnwrapKey(session, &mechanism, keys->key[DOMAIN_OPEN], wrapped, size, template_,
		                              COUNT(template_) - 1, &back);
	bool keeps = rv == CKR_OK && length_of(module, session, back) == odd;
	if (back)
		module->p11->C_DestroyObject(session, back);
	if (sample)
		module->p11->C_DestroyObject(session, sample);
	return keeps;
}

enum err domain_keys_check(const struct module *module, CK_SESSION_HANDLE session, const struct domain_keys *keys,
                           struct complaint *complaint)
{
	enum err err = ERR_OK;
	CK_OBJECT_HANDLE sample = 0;
	for (int i = 0; err == ERR_OK && i < DOMAIN_KEY_COUNT; i++)
		err = check_attributes(module, session, (enum domain_key)i, keys->key[i], complaint);
	if (err != ERR_OK)
		return err;
	CK_RV rv = make_sample(module, session, &sample);
	const char *wrong = rv == CKR_OK ? try_closed(module, session, keys, sample, &rv) : "it can't make an AES key";
	if (!wrong && (wrong = try_leaks(module, session, keys, sample)))
		rv = CKR_OK;
	if (sample)
		module->p11->C_DestroyObject(session, sample);
	if (!wrong)
		return ERR_OK;
	return rv == CKR_OK ? complain(complaint, ERR_CONFIG, "the token is not fit for a domain: %s", wrong)
	                    : module_complain(module, complaint, wrong, rv);
}
