/* From an application's template to a new object's attributes. */
#include "node/rules_private.h"
#include <string.h>

static const struct origin created = { .must = N1, .must_not = N2, .generated_by = CK_UNAVAILABLE_INFORMATION };

/* Every attribute of the template (and of the template of the key it comes from): does such an object have it, and may it be said? */
static CK_RV check_said(const struct asker *asker, const struct origin *origin, const struct family *family,
                        const struct attribute_list *wanted)
{
	for (size_t i = 0; i < wanted->count; i++) {
		const struct attribute_rule *rule = family_rule(family, wanted->items[i]->type);
		if (!rule && !family->open)
			return CKR_ATTRIBUTE_TYPE_INVALID;
		if (!rule)
			continue;
		if (rule->notes & origin->must_not)
			return CKR_ATTRIBUTE_READ_ONLY;
		if ((rule->notes & N10) && rules_is_true(wanted->items[i]) && asker->role != CRATON__ROLE__ROLE_SO)
			return CKR_ATTRIBUTE_READ_ONLY;
	}
	return CKR_OK;
}

/* A key's or certificate's parts say nothing if they are empty. */
static bool may_be_empty(const struct attribute_rule *rule)
{
	return (rule->notes & OR_EMPTY) || attribute_shape(rule->type) != SHAPE_BYTES;
}

static CK_RV set_preset(const struct attribute_rule *rule, struct attribute_list *out)
{
	switch (rule->preset) {
	case PRESET_EMPTY:
		return rules_rv(attribute_list_set(out, rule->type, "", 0));
	case PRESET_FALSE:
	case PRESET_TRUE:
		return rules_rv(attribute_list_set_bool(out, rule->type, rule->preset == PRESET_TRUE));
	case PRESET_NUMBER:
		return rules_rv(attribute_list_set_ulong(out, rule->type, rule->number));
	case PRESET_NOTHING:
		break;
	}
	return CKR_OK;
}

/* C_UnwrapKey: "The CKA_EXTRACTABLE attribute is by default set to CK_TRUE." */
static CK_RV set_preset_of(const struct origin *origin, const struct attribute_rule *rule, struct attribute_list *out)
{
	if (origin->unwraps && rule->type == CKA_EXTRACTABLE)
		return rules_rv(attribute_list_set_bool(out, CKA_EXTRACTABLE, true));
	return set_preset(rule, out);
}

/* What has to be said is; what was left unsaid gets its preset. */
static CK_RV complete(const struct origin *origin, const struct family *family, struct attribute_list *out)
{
	CK_RV rv = CKR_OK;
	for (size_t c = 0; c < CHAPTERS_MAX && family->chapters[c]; c++)
		for (size_t i = 0; rv == CKR_OK && i < family->chapters[c]->count; i++) {
			const struct attribute_rule *rule = &family->chapters[c]->rules[i];
			const Craton__Attribute *said = attribute_list_get(out, rule->type);
			if (!said)
				rv = rule->notes & origin->must ? CKR_TEMPLATE_INCOMPLETE : set_preset_of(origin, rule, out);
			else if ((rule->notes & origin->must) && !said->value.len && !may_be_empty(rule))
				rv = CKR_ATTRIBUTE_VALUE_INVALID;
		}
	return rv;
}

/* Is the object's privacy, said or preset, and its place within this asker's reach? */
static CK_RV check_access(const struct asker *asker, const struct family *family, const struct attribute_list *wanted)
{
	bool is_private = attribute_list_bool(wanted, CKA_PRIVATE, family_rule(family, CKA_PRIVATE)->preset == PRESET_TRUE);
	if (asker->read_only && attribute_list_bool(wanted, CKA_TOKEN, false))
		return CKR_SESSION_READ_ONLY;
	return is_private && asker->role != CRATON__ROLE__ROLE_USER ? CKR_USER_NOT_LOGGED_IN : CKR_OK;
}

/* `out` has the wanted attributes and the class and kind by now. */
static CK_RV make(const struct asker *asker, const struct origin *origin, const struct id *id, struct attribute_list *out)
{
	const struct family *family = family_of_object(out);
	if (!family)
		return CKR_ATTRIBUTE_VALUE_INVALID; /* no such class or certificate type here */
	CK_RV rv = check_access(asker, family, out);
	if (rv == CKR_OK)
		rv = check_said(asker, origin, family, out);
	if (rv == CKR_OK)
		rv = complete(origin, family, out);
	if (rv == CKR_OK)
		rv = rules_set_computed(origin, family, id, out);
	return rv == CKR_OK ? rules_check_whole(family, out) : rv;
}

static CK_RV made(CK_RV rv, struct attribute_list *out)
{
	if (rv != CKR_OK)
		rules_wipe(out);
	return rv;
}

/* The class, and the key's or certificate's type if the class has one, stand in the template. */
static CK_RV check_kind_said(const struct attribute_list *wanted)
{
	CK_ATTRIBUTE_TYPE type;
	if (!attribute_list_get(wanted, CKA_CLASS))
		return CKR_TEMPLATE_INCOMPLETE;
	if (family_kind_type(attribute_list_ulong(wanted, CKA_CLASS, 0), &type) && !attribute_list_get(wanted, type))
		return CKR_TEMPLATE_INCOMPLETE;
	return CKR_OK;
}

/* Class or key type: as the mechanism or function has it; a template may repeat it. */
static CK_RV imply(struct attribute_list *out, CK_ATTRIBUTE_TYPE type, uint64_t value)
{
	if (attribute_list_get(out, type))
		return attribute_list_ulong(out, type, 0) == value ? CKR_OK : CKR_TEMPLATE_INCONSISTENT;
	return rules_rv(attribute_list_set_ulong(out, type, value));
}

CK_RV rules_create(const struct asker *asker, const struct attribute_list *wanted,
                   const struct id *id, struct attribute_list *out)
{
	memset(out, 0, sizeof *out);
	CK_RV rv = check_kind_said(wanted);
	if (rv == CKR_OK)
		rv = rules_add_all(out, wanted);
	if (rv == CKR_OK)
		rv = make(asker, &created, id, out);
	return made(rv, out);
}

/* Domain parameters, and of which kind. */
static const struct {
	CK_MECHANISM_TYPE mechanism;
	CK_KEY_TYPE kind;
} parameter_mechanisms[] = {
	{ CKM_DSA_PARAMETER_GEN, CKK_DSA },
	{ CKM_DSA_PROBABLISTIC_PARAMETER_GEN, CKK_DSA },
	{ CKM_DSA_SHAWE_TAYLOR_PARAMETER_GEN, CKK_DSA },
	{ CKM_DH_PKCS_PARAMETER_GEN, CKK_DH },
	{ CKM_X9_42_DH_PARAMETER_GEN, CKK_X9_42_DH },
};

static CK_KEY_TYPE kind_of_parameters(CK_MECHANISM_TYPE mechanism)
{
	for (size_t i = 0; i < sizeof parameter_mechanisms / sizeof *parameter_mechanisms; i++)
		if (parameter_mechanisms[i].mechanism == mechanism)
			return parameter_mechanisms[i].kind;
	return KEY_TYPE_NONE;
}

bool rules_makes_parameters(CK_MECHANISM_TYPE mechanism)
{
	return kind_of_parameters(mechanism) != KEY_TYPE_NONE;
}

/* Class and key type of what a mechanism generates; a mechanism that we know nothing of leaves the key type to
 * the template. */
static CK_RV imply_generated(struct attribute_list *out, CK_OBJECT_CLASS class, CK_MECHANISM_TYPE mechanism,
                             CK_FLAGS use)
{
	const struct mechanism_facts *facts = mechanism_facts(mechanism);
	if (facts && !(facts->uses & use))
		return CKR_MECHANISM_INVALID;
	CK_RV rv = imply(out, CKA_CLASS, class);
	if (rv == CKR_OK && class == CKO_DOMAIN_PARAMETERS)
		rv = imply(out, CKA_KEY_TYPE, kind_of_parameters(mechanism));
	else if (rv == CKR_OK && facts)
		rv = imply(out, CKA_KEY_TYPE, facts->key_type);
	else if (rv == CKR_OK && !attribute_list_get(out, CKA_KEY_TYPE))
		rv = CKR_TEMPLATE_INCOMPLETE;
	return rv;
}

static CK_RV generate(const struct asker *asker, CK_MECHANISM_TYPE mechanism, CK_FLAGS use, CK_OBJECT_CLASS class,
                      const struct attribute_list *wanted, const struct id *id, struct attribute_list *out)
{
	/* A private key gets its parameters from the public one, so none are asked for. */
	struct origin origin = { .must = class == CKO_PRIVATE_KEY ? 0 : N3, .must_not = N4, .generated_by = mechanism };
	memset(out, 0, sizeof *out);
	CK_RV rv = rules_add_all(out, wanted);
	if (rv == CKR_OK)
		rv = imply_generated(out, class, mechanism, use);
	if (rv == CKR_OK)
		rv = make(asker, &origin, id, out);
	return made(rv, out);
}

CK_RV rules_generate(const struct asker *asker, CK_MECHANISM_TYPE mechanism,
                     const struct attribute_list *wanted, const struct id *id, struct attribute_list *out)
{
	CK_OBJECT_CLASS class = rules_makes_parameters(mechanism) ? CKO_DOMAIN_PARAMETERS : CKO_SECRET_KEY;
	return generate(asker, mechanism, CKF_GENERATE, class, wanted, id, out);
}

/* What both halves have and only the public one is told. */
static CK_RV share_parameters(struct attribute_list *public_, struct attribute_list *private_)
{
	static const CK_ATTRIBUTE_TYPE shared[] = { CKA_EC_PARAMS, CKA_PUBLIC_EXPONENT, CKA_PRIME, CKA_SUBPRIME, CKA_BASE };
	const struct family *family = family_of_object(private_);
	enum err err = ERR_OK;
	if (attribute_list_ulong(public_, CKA_KEY_TYPE, KEY_TYPE_NONE) == CKK_RSA
	    && !attribute_list_get(public_, CKA_PUBLIC_EXPONENT))
		err = attribute_list_set(public_, CKA_PUBLIC_EXPONENT, "\x01\x00\x01", 3);
	for (size_t i = 0; err == ERR_OK && i < sizeof shared / sizeof *shared; i++) {
		const Craton__Attribute *attribute = attribute_list_get(public_, shared[i]);
		if (attribute && family_rule(family, shared[i]))
			err = attribute_list_set(private_, shared[i], attribute->value.data, attribute->value.len);
	}
	return rules_rv(err);
}

CK_RV rules_generate_pair(const struct asker *asker, CK_MECHANISM_TYPE mechanism,
                          const struct attribute_list *public_wanted, const struct id *public_id,
                          const struct attribute_list *private_wanted, const struct id *private_id,
                          struct attribute_list *public_out, struct attribute_list *private_out)
{
	memset(private_out, 0, sizeof *private_out);
	CK_RV rv = generate(asker, mechanism, CKF_GENERATE_KEY_PAIR, CKO_PUBLIC_KEY, public_wanted, public_id, public_out);
	if (rv == CKR_OK)
		rv = generate(asker, mechanism, CKF_GENERATE_KEY_PAIR, CKO_PRIVATE_KEY, private_wanted, private_id, private_out);
	if (rv == CKR_OK)
		rv = share_parameters(public_out, private_out);
	made(rv, public_out);
	return made(rv, private_out);
}

/* Adds what a key's CKA_UNWRAP_TEMPLATE or CKA_DERIVE_TEMPLATE says of keys made by it. */
static CK_RV obey_template(const struct attribute_list *key, CK_ATTRIBUTE_TYPE type, struct attribute_list *out)
{
	Craton__Attributes *template_;
	CK_RV rv = rules_template(key, type, &template_);
	for (size_t i = 0; rv == CKR_OK && template_ && i < template_->n_list; i++) {
		const Craton__Attribute *says = template_->list[i], *has = attribute_list_get(out, says->type);
		if (has && !rules_same_value(has, says))
			rv = CKR_TEMPLATE_INCONSISTENT;
		else if (!has)
			rv = rules_rv(attribute_list_set(out, says->type, says->value.data, says->value.len));
	}
	if (template_)
		craton__attributes__free_unpacked(template_, NULL);
	return rv;
}

/* "C_UnwrapKey unwraps (i.e. decrypts) a wrapped key, creating a new private key or secret key object." */
CK_RV rules_unwrap(const struct asker *asker, const struct attribute_list *key,
                   const struct attribute_list *wanted, const struct id *id, struct attribute_list *out)
{
	struct origin origin = { .must = N5, .must_not = N6, .unwraps = true, .generated_by = CK_UNAVAILABLE_INFORMATION };
	memset(out, 0, sizeof *out);
	CK_RV rv = rules_add_all(out, wanted);
	if (rv == CKR_OK)
		rv = obey_template(key, CKA_UNWRAP_TEMPLATE, out);
	if (rv == CKR_OK)
		rv = check_kind_said(out);
	if (rv == CKR_OK && !rules_has_secret(out))
		rv = CKR_ATTRIBUTE_VALUE_INVALID;
	if (rv == CKR_OK)
		rv = make(asker, &origin, id, out);
	return made(rv, out);
}

/* "If either of the two original keys has its CKA_SENSITIVE attribute set to CK_TRUE, so does the derived key … Similarly, if either …
 * has its CKA_EXTRACTABLE attribute set to CK_FALSE, so does the derived key." Of concatenations, XOR and extraction; the standard's other
 * mechanisms let the template choose, and a vendor's may be of the one kind or the other. */
static bool passes_on_sensitivity(CK_MECHANISM_TYPE mechanism)
{
	switch (mechanism) {
	case CKM_CONCATENATE_BASE_AND_KEY:
	case CKM_CONCATENATE_BASE_AND_DATA:
	case CKM_CONCATENATE_DATA_AND_BASE:
	case CKM_XOR_BASE_AND_DATA:
	case CKM_EXTRACT_KEY_FROM_KEY:
		return true;
	default:
		return mechanism >= CKM_VENDOR_DEFINED;
	}
}

static CK_RV imply_bool(struct attribute_list *out, CK_ATTRIBUTE_TYPE type, bool value)
{
	if (attribute_list_get(out, type))
		return attribute_list_bool(out, type, !value) == value ? CKR_OK : CKR_TEMPLATE_INCONSISTENT;
	return rules_rv(attribute_list_set_bool(out, type, value));
}

static CK_RV inherit(CK_MECHANISM_TYPE mechanism, const struct attribute_list *key, struct attribute_list *out)
{
	CK_RV rv = obey_template(key, CKA_DERIVE_TEMPLATE, out);
	if (rv != CKR_OK || !passes_on_sensitivity(mechanism))
		return rv;
	if (attribute_list_bool(key, CKA_SENSITIVE, true))
		rv = imply_bool(out, CKA_SENSITIVE, true);
	if (rv == CKR_OK && !attribute_list_bool(key, CKA_EXTRACTABLE, false))
		rv = imply_bool(out, CKA_EXTRACTABLE, false);
	return rv;
}

CK_RV rules_derive(const struct asker *asker, CK_MECHANISM_TYPE mechanism, const struct attribute_list *keys, size_t count,
                   const struct attribute_list *wanted, const struct id *id, struct attribute_list *out)
{
	struct origin origin = { .must_not = N4, .generated_by = CK_UNAVAILABLE_INFORMATION,
	                         .bases = keys, .base_count = count };
	memset(out, 0, sizeof *out);
	CK_RV rv = rules_add_all(out, wanted);
	for (size_t i = 0; rv == CKR_OK && i < count; i++)
		rv = inherit(mechanism, &keys[i], out);
	if (rv == CKR_OK)
		rv = imply(out, CKA_CLASS, CKO_SECRET_KEY);
	if (rv == CKR_OK && !attribute_list_get(out, CKA_KEY_TYPE))
		rv = imply(out, CKA_KEY_TYPE, CKK_GENERIC_SECRET);
	if (rv == CKR_OK)
		rv = make(asker, &origin, id, out);
	return made(rv, out);
}
