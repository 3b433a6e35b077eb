#include "tests/unit/pkcs11/parts.h"

CK_BYTE text[1000];

CK_SESSION_HANDLE start_with_members(size_t count)
{
	module_prepare(count, "interval = 20ms\nreplay = 100");
	EXPECT(C_Initialize(NULL), CKR_OK);
	CK_SESSION_HANDLE session = open_session(RW);
	EXPECT(login(session, CKU_USER, TOY_PIN), CKR_OK);
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (CK_BYTE)(i * 13 + i / 256);
	return session;
}

CK_OBJECT_HANDLE make_secret(CK_SESSION_HANDLE session)
{
	CK_MECHANISM generation = { CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	CK_ULONG size = 32;
	CK_BBOOL yes = CK_TRUE;
	CK_ATTRIBUTE template[] = { { CKA_VALUE_LEN, &size, sizeof size }, { CKA_TOKEN, &yes, 1 } };
	CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
	EXPECT(C_GenerateKey(session, &generation, template, 2, &key), CKR_OK);
	return key;
}

void mac_whole(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, CK_BYTE *data, CK_ULONG size, CK_BYTE mac[32])
{
	CK_MECHANISM hmac = { CKM_SHA256_HMAC, NULL, 0 };
	CK_ULONG mac_size = 32;
	EXPECT(C_SignInit(session, &hmac, key), CKR_OK);
	EXPECT(C_Sign(session, data, size, mac, &mac_size), CKR_OK);
}

CK_ULONG encrypt_whole(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key, CK_ULONG size, CK_BYTE *out)
{
	CK_ULONG made = 1100;
	EXPECT(C_EncryptInit(session, mechanism, key), CKR_OK);
	EXPECT(C_Encrypt(session, text, size, out, &made), CKR_OK);
	return made;
}

CK_BYTE *long_data(size_t size)
{
	CK_BYTE *data = malloc(size);
	for (size_t i = 0; i < size; i++)
		data[i] = (CK_BYTE)(i * 31 + (i >> 8) + (i >> 16));
	return data;
}
