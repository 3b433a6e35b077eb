/* For the tests of backend/: SoftHSM tokens in one domain, and objects as the node would make them. */
#pragma once
#include "backend/operate.h"
#include "backend/physical.h"
#include "backend/probe.h"
#include "tests/check.h"
#include "tests/support/softhsm.h"

#define TOKENS_MAX 3

struct house {
	struct softhsm softhsm;
	size_t count;
	struct token *tokens[TOKENS_MAX];
	struct domain *domains[TOKENS_MAX];
};

/* Tokens a, b, c; the first made the domain, each of the others has it from the one before. Ends the test if it can't be. */
void house_open(struct house *house, size_t count);
void house_close(struct house *house);
/* Makes the token `to` one of the domain of `from`, each in the hands of its SO. */
enum err house_enrol(const struct token_config *from, const struct token_config *to, const struct secret *so_pin,
                     struct complaint *complaint);

/* As after a device error: every handle and session of before is void. */
void start_afresh(struct token *token);

struct kind {
	CK_OBJECT_CLASS class;
	CK_KEY_TYPE type;
	bool sensitive, extractable;
};
#define CLOSED_KEY true, false
#define OPEN_KEY false, true
/* With all uses. */
Craton__Object *object_new(struct kind kind);
void object_free(Craton__Object *object); /* accepts NULL */
Craton__Object *object_copy(const Craton__Object *object);
void object_set_bool(Craton__Object *object, CK_ATTRIBUTE_TYPE type, bool value);
void object_set_number(Craton__Object *object, CK_ATTRIBUTE_TYPE type, uint64_t value);
void object_set_bytes(Craton__Object *object, CK_ATTRIBUTE_TYPE type, const void *value, size_t size);
const Craton__Attribute *object_get(const Craton__Object *object, CK_ATTRIBUTE_TYPE type);

struct pair {
	Craton__Object *public, *private;
};
extern const struct bytes curve_p256, curve_p384, curve_p521;
CK_RV pair_ec(struct domain *domain, struct bytes curve, struct pair *out);
CK_RV pair_rsa(struct domain *domain, uint64_t bits, struct pair *out);
void pair_free(struct pair *pair);
/* A sealed secret key of `size` bytes. */
CK_RV secret_key(struct domain *domain, CK_MECHANISM_TYPE generation, struct kind kind, uint64_t size, Craton__Object **out);

/* Signs with the one, verifies with the other, each loaded into a session of the domain's token. */
CK_RV sign_with(struct domain *domain, const Craton__Object *key, CK_MECHANISM_TYPE mechanism, struct bytes data, struct buf *out);
CK_RV verify_with(struct domain *domain, const Craton__Object *key, CK_MECHANISM_TYPE mechanism, struct bytes data,
                  struct bytes signature);
