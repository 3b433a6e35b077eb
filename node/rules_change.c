/* Changing an object, and copying it with changes. */
#include "node/rules_private.h"
#include <string.h>

/* "Trusted certificates cannot be modified." Nor is one by being copied, for the copy is trusted too. */
static bool is_trusted_certificate(const struct attribute_list *object)
{
	return attribute_list_ulong(object, CKA_CLASS, CKO_DATA) == CKO_CERTIFICATE && attribute_list_bool(object, CKA_TRUSTED, false);
}

/* One attribute of a template against the object as it is. */
static CK_RV check_one(const struct asker *asker, const struct family *family, const struct attribute_list *before,
                       const Craton__Attribute *wanted, bool copies)
{
	const struct attribute_rule *rule = family_rule(family, wanted->type);
	const Craton__Attribute *was = attribute_list_get(before, wanted->type);
	if (!rule)
		return family->open && was ? CKR_ATTRIBUTE_READ_ONLY : CKR_ATTRIBUTE_TYPE_INVALID;
	if (copies && was && rules_same_value(was, wanted))
		return CKR_OK;
	if ((rule->notes & TO_NOTHING) && wanted->value.len == 0)
		return CKR_OK;
	if (!(rule->notes & (copies ? N8 | ON_COPY : N8)) || ((rule->notes & N8) && is_trusted_certificate(before)))
		return CKR_ATTRIBUTE_READ_ONLY;
	if ((rule->notes & N10) && rules_is_true(wanted) && asker->role != CRATON__ROLE__ROLE_SO)
		return CKR_ATTRIBUTE_READ_ONLY;
	/* "It becomes a read only attribute." */
	if (was && (((rule->notes & N11) && rules_is_true(was)) || ((rule->notes & N12) && !rules_is_true(was))))
		return CKR_ATTRIBUTE_READ_ONLY;
	return CKR_OK;
}

static CK_RV apply(const struct asker *asker, const struct attribute_list *before,
                   const struct attribute_list *wanted, bool copies, struct attribute_list *out)
{
	const struct family *family = family_of_object(before);
	CK_RV rv = family ? rules_check_values(wanted) : CKR_ATTRIBUTE_READ_ONLY;
	for (size_t i = 0; rv == CKR_OK && i < wanted->count; i++)
		rv = check_one(asker, family, before, wanted->items[i], copies);
	if (rv == CKR_OK)
		rv = rules_add_all(out, before);
	return rv == CKR_OK ? rules_add_all(out, wanted) : rv;
}

CK_RV rules_change(const struct asker *asker, const struct attribute_list *before,
                   const struct attribute_list *changes, struct attribute_list *out)
{
	memset(out, 0, sizeof *out);
	CK_RV rv = rules_may_write(asker, before);
	if (rv == CKR_OK && !attribute_list_bool(before, CKA_MODIFIABLE, true))
		rv = CKR_ACTION_PROHIBITED;
	if (rv == CKR_OK && changes->count && is_trusted_certificate(before))
		rv = CKR_ATTRIBUTE_READ_ONLY;
	if (rv == CKR_OK)
		rv = apply(asker, before, changes, false, out);
	if (rv != CKR_OK)
		rules_wipe(out);
	return rv;
}

CK_RV rules_copy(const struct asker *asker, const struct attribute_list *before,
                 const struct attribute_list *wanted, const struct id *id, struct attribute_list *out)
{
	memset(out, 0, sizeof *out);
	CK_RV rv = rules_visible(asker, before) ? CKR_OK : CKR_USER_NOT_LOGGED_IN;
	if (rv == CKR_OK && !attribute_list_bool(before, CKA_COPYABLE, true))
		rv = CKR_ACTION_PROHIBITED;
	if (rv == CKR_OK)
		rv = apply(asker, before, wanted, true, out);
	/* What was private stays so. */
	if (rv == CKR_OK && attribute_list_bool(before, CKA_PRIVATE, false) && !attribute_list_bool(out, CKA_PRIVATE, false))
		rv = CKR_TEMPLATE_INCONSISTENT;
	if (rv == CKR_OK)
		rv = rules_may_write(asker, out);
	if (rv == CKR_OK)
		rv = rules_set_unique_id(out, id);
	if (rv != CKR_OK)
		rules_wipe(out);
	return rv;
}
