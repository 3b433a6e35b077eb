/* Seeing, reading, using and destroying; what is secret. */
#include "node/rules.h"
#include "base/secret.h"
#include "node/rules_private.h"
#include <string.h>

struct attribute_list rules_view(const Craton__Object *object)
{
	return (struct attribute_list){ object->attributes, object->n_attributes };
}

CK_RV rules_rv(enum err err)
{
	if (err == ERR_OK)
		return CKR_OK;
	return err == ERR_NO_MEMORY ? CKR_HOST_MEMORY : CKR_ATTRIBUTE_VALUE_INVALID;
}

bool rules_is_true(const Craton__Attribute *attribute)
{
	return attribute && attribute->value.len && attribute->value.data[0];
}

bool rules_same_value(const Craton__Attribute *a, const Craton__Attribute *b)
{
	return a->value.len == b->value.len
	       && (a->value.len == 0 || !memcmp(a->value.data, b->value.data, a->value.len));
}

CK_RV rules_add_all(struct attribute_list *to, const struct attribute_list *from)
{
	enum err err = ERR_OK;
	for (size_t i = 0; err == ERR_OK && i < from->count; i++)
		err = attribute_list_set(to, from->items[i]->type, from->items[i]->value.data, from->items[i]->value.len);
	return rules_rv(err);
}

CK_RV rules_template(const struct attribute_list *object, CK_ATTRIBUTE_TYPE type, Craton__Attributes **out)
{
	const Craton__Attribute *attribute = attribute_list_get(object, type);
	*out = NULL;
	if (!attribute || !attribute->value.len)
		return CKR_OK;
	*out = craton__attributes__unpack(NULL, attribute->value.len, attribute->value.data);
	return *out ? CKR_OK : CKR_HOST_MEMORY; /* it parsed when it was taken */
}

CK_RV rules_may_write(const struct asker *asker, const struct attribute_list *object)
{
	if (asker->read_only && attribute_list_bool(object, CKA_TOKEN, false))
		return CKR_SESSION_READ_ONLY;
	return rules_visible(asker, object) ? CKR_OK : CKR_USER_NOT_LOGGED_IN;
}

bool rules_visible(const struct asker *asker, const struct attribute_list *object)
{
	return asker->role == CRATON__ROLE__ROLE_USER || !attribute_list_bool(object, CKA_PRIVATE, false);
}

CK_RV rules_destroy(const struct asker *asker, const struct attribute_list *object)
{
	CK_RV rv = rules_may_write(asker, object);
	if (rv == CKR_OK && !attribute_list_bool(object, CKA_DESTROYABLE, true))
		rv = CKR_ACTION_PROHIBITED;
	return rv;
}

bool rules_has_secret(const struct attribute_list *object)
{
	CK_OBJECT_CLASS class = attribute_list_ulong(object, CKA_CLASS, CK_UNAVAILABLE_INFORMATION);
	return class == CKO_PRIVATE_KEY || class == CKO_SECRET_KEY;
}

static bool is_private_data(const struct attribute_list *object)
{
	return attribute_list_ulong(object, CKA_CLASS, CK_UNAVAILABLE_INFORMATION) == CKO_DATA
	       && attribute_list_bool(object, CKA_PRIVATE, false);
}

/* Is the value of this type kept sealed, not among the attributes? */
static bool is_secret_part(const struct attribute_list *object, const struct attribute_rule *rule)
{
	return (rule->notes & N7) || (rule->type == CKA_VALUE && is_private_data(object));
}

/* Private data without a byte has nothing to seal: its empty value stays among the attributes. */
bool rules_is_sealed(const struct attribute_list *attributes)
{
	return rules_has_secret(attributes)
	       || (is_private_data(attributes) && !attribute_list_get(attributes, CKA_VALUE));
}

static CK_RV move(struct attribute_list *from, size_t place, struct attribute_list *to)
{
	Craton__Attribute *attribute = from->items[place];
	enum err err = attribute_list_set(to, attribute->type, attribute->value.data, attribute->value.len);
	if (err != ERR_OK)
		return rules_rv(err);
	secret_wipe(attribute->value.data, attribute->value.len);
	attribute_list_remove(from, attribute->type);
	return CKR_OK;
}

CK_RV rules_take_secret(struct attribute_list *attributes, struct attribute_list *secret)
{
	const struct family *family = family_of_object(attributes);
	CK_RV rv = CKR_OK;
	memset(secret, 0, sizeof *secret);
	for (size_t i = attributes->count; rv == CKR_OK && family && i-- > 0;) {
		const struct attribute_rule *rule = family_rule(family, attributes->items[i]->type);
		if (rule && is_secret_part(attributes, rule)
		    && ((rule->notes & N7) || attributes->items[i]->value.len))
			rv = move(attributes, i, secret);
	}
	if (rv != CKR_OK)
		rules_wipe(secret);
	return rv;
}

void rules_wipe(struct attribute_list *secret)
{
	for (size_t i = 0; i < secret->count; i++)
		secret_wipe(secret->items[i]->value.data, secret->items[i]->value.len);
	attribute_list_finish(secret);
}

static bool is_revealed(const struct attribute_list *object)
{
	return !rules_has_secret(object)
	       || (!attribute_list_bool(object, CKA_SENSITIVE, true) && attribute_list_bool(object, CKA_EXTRACTABLE, false));
}

/* An attribute without a value: empty, where a value of that shape may be; else as good as not there. */
static CK_RV read_absent(CK_ATTRIBUTE_TYPE type, const Craton__Attribute **out)
{
	static const Craton__Attribute empty = CRATON__ATTRIBUTE__INIT;
	enum attribute_shape shape = attribute_shape(type);
	if (shape == SHAPE_BOOL || shape == SHAPE_ULONG)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	*out = &empty;
	return CKR_OK;
}

CK_RV rules_read(const struct attribute_list *object, CK_ATTRIBUTE_TYPE type, const Craton__Attribute **out)
{
	const struct family *family = family_of_object(object);
	const struct attribute_rule *rule = family ? family_rule(family, type) : NULL;
	*out = attribute_list_get(object, type);
	if (!rule)
		return *out && (!family || family->open) ? CKR_OK : CKR_ATTRIBUTE_TYPE_INVALID;
	if (is_secret_part(object, rule) && !is_revealed(object)) {
		*out = NULL;
		return CKR_ATTRIBUTE_SENSITIVE;
	}
	if (*out || is_secret_part(object, rule))
		return CKR_OK;
	return read_absent(type, out);
}

static const struct {
	CK_FLAGS use;
	CK_ATTRIBUTE_TYPE type;
} uses[] = {
	{ CKF_SIGN, CKA_SIGN }, { CKF_VERIFY, CKA_VERIFY }, { CKF_ENCRYPT, CKA_ENCRYPT }, { CKF_DECRYPT, CKA_DECRYPT },
	{ CKF_WRAP, CKA_WRAP }, { CKF_UNWRAP, CKA_UNWRAP }, { CKF_DERIVE, CKA_DERIVE },
	{ CKF_SIGN_RECOVER, CKA_SIGN_RECOVER }, { CKF_VERIFY_RECOVER, CKA_VERIFY_RECOVER },
};

static bool is_for(const struct attribute_list *key, CK_FLAGS use)
{
	for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
		if (uses[i].use == use)
			return attribute_list_bool(key, uses[i].type, false);
	return false;
}

/* An empty CKA_ALLOWED_MECHANISMS allows all. Its canonical form is eight bytes each, little endian. */
static bool is_allowed(const struct attribute_list *key, CK_MECHANISM_TYPE mechanism)
{
	const Craton__Attribute *allowed = attribute_list_get(key, CKA_ALLOWED_MECHANISMS);
	if (!allowed || !allowed->value.len)
		return true;
	for (size_t at = 0; at + 8 <= allowed->value.len; at += 8) {
		CK_MECHANISM_TYPE type = 0;
		for (size_t i = 8; i-- > 0;)
			type = type << 8 | allowed->value.data[at + i];
		if (type == mechanism)
			return true;
	}
	return false;
}

/* Is this what `facts` makes of data before it has it signed? */
static bool is_digest_for(const struct mechanism_facts *facts, struct bytes data)
{
	const struct hash_facts *hash = hash_facts(facts->hash);
	size_t info_size = hash && facts->info ? hash->info_size : 0;
	return hash && data.size == info_size + hash->size && memcmp(data.data, hash->info, info_size) == 0;
}

/* A key that may only hash and sign is shown a digest: applications' data is hashed where it is. */
static bool is_allowed_split(const struct attribute_list *key, CK_MECHANISM_TYPE raw, struct bytes data)
{
	size_t count;
	const struct mechanism_facts *all = mechanism_facts_all(&count);
	for (size_t i = 0; data.size && i < count; i++)
		if (all[i].is_split && all[i].raw == raw && is_allowed(key, all[i].type) && is_digest_for(&all[i], data))
			return true;
	return false;
}

/* In the order in which SoftHSM asks, so that where two things are wrong the same one is named. */
CK_RV rules_use_data(const struct asker *asker, const struct attribute_list *key, CK_FLAGS use,
                     CK_MECHANISM_TYPE mechanism, struct bytes data)
{
	const struct mechanism_facts *facts = mechanism_facts(mechanism);
	if (!rules_visible(asker, key))
		return CKR_USER_NOT_LOGGED_IN;
	if (!rules_has_secret(key) && attribute_list_ulong(key, CKA_CLASS, CKO_DATA) != CKO_PUBLIC_KEY)
		return CKR_KEY_HANDLE_INVALID;
	if (!is_for(key, use))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	bool is_allowed_so = is_allowed(key, mechanism) ||
	                     ((use & (CKF_SIGN | CKF_VERIFY)) && is_allowed_split(key, mechanism, data));
	if (!is_allowed_so || (facts && !(facts->uses & use)))
		return CKR_MECHANISM_INVALID;
	if (!mechanism_takes_key_type(mechanism, attribute_list_ulong(key, CKA_KEY_TYPE, KEY_TYPE_NONE)))
		return CKR_KEY_TYPE_INCONSISTENT;
	return CKR_OK;
}

CK_RV rules_use(const struct asker *asker, const struct attribute_list *key, CK_FLAGS use, CK_MECHANISM_TYPE mechanism)
{
	return rules_use_data(asker, key, use, mechanism, (struct bytes){ NULL, 0 });
}

CK_FLAGS rules_use_of(Craton__CryptKind kind)
{
	switch (kind) {
	case CRATON__CRYPT_KIND__SIGN:
		return CKF_SIGN;
	case CRATON__CRYPT_KIND__VERIFY:
		return CKF_VERIFY;
	case CRATON__CRYPT_KIND__ENCRYPT:
		return CKF_ENCRYPT;
	case CRATON__CRYPT_KIND__DECRYPT:
		return CKF_DECRYPT;
	case CRATON__CRYPT_KIND__SIGN_RECOVER:
		return CKF_SIGN_RECOVER;
	case CRATON__CRYPT_KIND__VERIFY_RECOVER:
		return CKF_VERIFY_RECOVER;
	default: /* of a newer library: no use that a key has */
		return 0;
	}
}

/* "If any attribute mismatch occurs on an attempt to wrap a key then the function SHALL return CKR_KEY_HANDLE_INVALID." (C_WrapKey, of
 * CKA_WRAP_TEMPLATE) */
CK_RV rules_wrap(const struct asker *asker, const struct attribute_list *wrapper, const struct attribute_list *target)
{
	Craton__Attributes *template_;
	if (!rules_visible(asker, target))
		return CKR_USER_NOT_LOGGED_IN;
	if (!rules_has_secret(target))
		return CKR_KEY_NOT_WRAPPABLE;
	if (!attribute_list_bool(target, CKA_EXTRACTABLE, false))
		return CKR_KEY_UNEXTRACTABLE;
	if (attribute_list_bool(target, CKA_WRAP_WITH_TRUSTED, false) && !attribute_list_bool(wrapper, CKA_TRUSTED, false))
		return CKR_KEY_NOT_WRAPPABLE;
	CK_RV rv = rules_template(wrapper, CKA_WRAP_TEMPLATE, &template_);
	for (size_t i = 0; rv == CKR_OK && template_ && i < template_->n_list; i++) {
		const Craton__Attribute *has = attribute_list_get(target, template_->list[i]->type);
		if (!has || !rules_same_value(has, template_->list[i]))
			rv = CKR_KEY_HANDLE_INVALID;
	}
	if (template_)
		craton__attributes__free_unpacked(template_, NULL);
	return rv;
}
