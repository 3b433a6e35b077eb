#include "node/pin.h"
#include <stdlib.h>
#include <string.h>

#define PURPOSE "pin"

struct pin_parts {
	uint8_t role;
	struct bytes list[4];
};

/* salt ‖ serial ‖ role ‖ PIN; all but the last have a fixed size. */
static void pin_parts(struct pin_parts *parts, const struct pin_about *about, const uint8_t salt[16],
                      const void *pin, size_t size)
{
	parts->role = (uint8_t)about->role;
	parts->list[0] = (struct bytes){ salt, 16 };
	parts->list[1] = (struct bytes){ about->serial, strlen(about->serial) };
	parts->list[2] = (struct bytes){ &parts->role, 1 };
	parts->list[3] = (struct bytes){ pin, size };
}

bool pin_size_ok(size_t size)
{
	return size >= PIN_SIZE_MIN && size <= PIN_SIZE_MAX;
}

void pin_verifier_finish(Craton__PinVerifier *verifier)
{
	free(verifier->salt.data);
	free(verifier->mac.data);
	craton__pin_verifier__init(verifier);
}

CK_RV pin_verifier_make(struct domain *domain, const struct pin_about *about, const void *pin, size_t size,
                        Craton__PinVerifier *out)
{
	struct pin_parts parts;
	craton__pin_verifier__init(out);
	out->salt = (ProtobufCBinaryData){ 16, malloc(16) };
	out->mac = (ProtobufCBinaryData){ SHA256_SIZE, malloc(SHA256_SIZE) };
	CK_RV rv = out->salt.data && out->mac.data ? CKR_OK : CKR_HOST_MEMORY;
	if (rv == CKR_OK) {
		random_bytes(out->salt.data, out->salt.len);
		pin_parts(&parts, about, out->salt.data, pin, size);
		rv = domain_mac(domain, PURPOSE, parts.list, 4, out->mac.data);
	}
	if (rv != CKR_OK)
		pin_verifier_finish(out);
	return rv;
}

CK_RV pin_check(struct domain *domain, const struct pin_about *about, const struct pin_record *record,
                const void *pin, size_t size)
{
	struct pin_parts parts;
	pin_parts(&parts, about, record->salt, pin, size);
	CK_RV rv = domain_mac_check(domain, PURPOSE, parts.list, 4, record->mac);
	return rv == CKR_SIGNATURE_INVALID ? CKR_PIN_INCORRECT : rv;
}
