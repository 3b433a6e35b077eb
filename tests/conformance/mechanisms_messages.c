/* The same signatures as messages, many under one key (3.0, 5.14 and 5.16). */
#include "tests/conformance/mechanisms.h"

static void signs(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, struct piece data, struct result results[2])
{
	EXPECT(P11_3->C_MessageSignInit(session, mechanism, key), CKR_OK);
	for (int i = 0; i < 2; i++) {
		results[i].size = 0;
		EXPECT(P11_3->C_SignMessage(session, NULL, 0, (CK_BYTE_PTR)(uintptr_t)data.bytes, data.size, NULL, &results[i].size), CKR_OK);
		results[i].size = sizeof results[i].bytes;
		EXPECT(P11_3->C_SignMessage(session, NULL, 0, (CK_BYTE_PTR)(uintptr_t)data.bytes, data.size, results[i].bytes, &results[i].size),
			CKR_OK);
	}
	EXPECT(P11_3->C_MessageSignFinal(session), CKR_OK);
	works(mechanism->mechanism, "sign messages");
}

static void verifies(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, struct piece data, struct result results[2])
{
	EXPECT(P11_3->C_MessageVerifyInit(session, mechanism, key), CKR_OK);
	for (int i = 0; i < 4; i++) { /* a wrong one does not end it */
		struct result *result = &results[i / 2];
		result->bytes[result->size - 1] ^= (CK_BYTE)(i % 2);
		EXPECT(P11_3->C_VerifyMessage(session, NULL, 0, (CK_BYTE_PTR)(uintptr_t)data.bytes, data.size, result->bytes, result->size),
			i % 2 ? CKR_SIGNATURE_INVALID : CKR_OK);
	}
	EXPECT(P11_3->C_MessageVerifyFinal(session), CKR_OK);
	works(mechanism->mechanism, "verify messages");
}

void messages_are_signed_the_same(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, struct key_pair pair, struct piece data)
{
	struct result results[2];
	bool signing_too = P11_3 && tries(mechanism->mechanism, CKF_MESSAGE_SIGN), verifying_too = P11_3 && tries(mechanism->mechanism, CKF_MESSAGE_VERIFY);
	if (signing_too)
		signs(session, mechanism, pair.private_key, data, results);
	if (signing_too && verifying_too)
		verifies(session, mechanism, pair.public_key, data, results);
}
