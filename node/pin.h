/* PINs of the virtual slot. What is stored is a salt and an HMAC made in the token, so that guessing needs a token of
 * the domain; the slot's serial and the role are in it, so that one slot's verifier is no use in another. */
#pragma once
#include "backend/domain.h"
#include "store/directory.h"

#define PIN_SIZE_MIN 4   /* bytes */
#define PIN_SIZE_MAX 255

struct pin_about {
	const char *serial;      /* of the slot */
	Craton__Role role;
};

bool pin_size_ok(size_t size);
/* `out` is set up here; its bytes are the caller's: pin_verifier_finish. */
CK_RV pin_verifier_make(struct domain *domain, const struct pin_about *about, const void *pin, size_t size,
                        Craton__PinVerifier *out);
void pin_verifier_finish(Craton__PinVerifier *verifier);
/* CKR_OK or CKR_PIN_INCORRECT, else the token's trouble. */
CK_RV pin_check(struct domain *domain, const struct pin_about *about, const struct pin_record *record,
                const void *pin, size_t size);
