/* What the files of the rules share. */
#pragma once
#include "node/rules.h"
#include "node/rules_tables.h"

/* Into a session of that kind, by that role: an object that is a token object, or private. */
CK_RV rules_may_write(const struct asker *asker, const struct attribute_list *object);
CK_RV rules_rv(enum err err); /* of attribute_list_*: ERR_NO_MEMORY mostly */
bool rules_is_true(const Craton__Attribute *attribute);
bool rules_same_value(const Craton__Attribute *a, const Craton__Attribute *b);
bool rules_has_secret(const struct attribute_list *object); /* a private or secret key */
/* All of `from` set in `to`. */
CK_RV rules_add_all(struct attribute_list *to, const struct attribute_list *from);
CK_RV rules_set_unique_id(struct attribute_list *object, const struct id *id);
/* An attribute that is itself a template; *out is craton__attributes__free_unpacked's, NULL if absent or empty. */
CK_RV rules_template(const struct attribute_list *object, CK_ATTRIBUTE_TYPE type, Craton__Attributes **out);

/* In which way an object comes to be. */
struct origin {
	unsigned must, must_not;        /* footnotes */
	bool unwraps;
	CK_MECHANISM_TYPE generated_by; /* CK_UNAVAILABLE_INFORMATION if it was not */
	const struct attribute_list *bases; /* the keys it is derived from */
	size_t base_count;
};

/* CKA_UNIQUE_ID, CKA_LOCAL, sensitivity, lengths … */
CK_RV rules_set_computed(const struct origin *origin, const struct family *family, const struct id *id,
                         struct attribute_list *out);
/* Values that can be judged by themselves, whatever object they are of: CKR_ATTRIBUTE_VALUE_INVALID. */
CK_RV rules_check_values(const struct attribute_list *said);
/* CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT, CKR_TEMPLATE_INCOMPLETE; a certificate gets its check value. */
CK_RV rules_check_whole(const struct family *family, struct attribute_list *out);
