/* What the library is to an application: its functions in lists, and the interfaces that offer them (PKCS#11 2.40, 5.4;
 * 3.0, 5.4). One set of functions stands behind both versions. */
#include "pkcs11/gate.h"
#include "pkcs11/text.h"
#include <string.h>

/* All but C_GetInfo, which says through which list it was called. */
#define FUNCTIONS_OF_2_40(EACH) \
	EACH(C_Initialize) EACH(C_Finalize) EACH(C_GetFunctionList) EACH(C_GetSlotList) EACH(C_GetSlotInfo) \
	EACH(C_GetTokenInfo) EACH(C_GetMechanismList) EACH(C_GetMechanismInfo) EACH(C_InitToken) \
	EACH(C_InitPIN) EACH(C_SetPIN) EACH(C_OpenSession) EACH(C_CloseSession) EACH(C_CloseAllSessions) \
	EACH(C_GetSessionInfo) EACH(C_GetOperationState) EACH(C_SetOperationState) EACH(C_Login) EACH(C_Logout) \
	EACH(C_CreateObject) EACH(C_CopyObject) EACH(C_DestroyObject) EACH(C_GetObjectSize) \
	EACH(C_GetAttributeValue) EACH(C_SetAttributeValue) EACH(C_FindObjectsInit) EACH(C_FindObjects) \
	EACH(C_FindObjectsFinal) EACH(C_EncryptInit) EACH(C_Encrypt) EACH(C_EncryptUpdate) EACH(C_EncryptFinal) \
	EACH(C_DecryptInit) EACH(C_Decrypt) EACH(C_DecryptUpdate) EACH(C_DecryptFinal) EACH(C_DigestInit) \
	EACH(C_Digest) EACH(C_DigestUpdate) EACH(C_DigestKey) EACH(C_DigestFinal) EACH(C_SignInit) EACH(C_Sign) \
	EACH(C_SignUpdate) EACH(C_SignFinal) EACH(C_SignRecoverInit) EACH(C_SignRecover) EACH(C_VerifyInit) \
	EACH(C_Verify) EACH(C_VerifyUpdate) EACH(C_VerifyFinal) EACH(C_VerifyRecoverInit) EACH(C_VerifyRecover) \
	EACH(C_DigestEncryptUpdate) EACH(C_DecryptDigestUpdate) EACH(C_SignEncryptUpdate) \
	EACH(C_DecryptVerifyUpdate) EACH(C_GenerateKey) EACH(C_GenerateKeyPair) EACH(C_WrapKey) \
	EACH(C_UnwrapKey) EACH(C_DeriveKey) EACH(C_SeedRandom) EACH(C_GenerateRandom) EACH(C_GetFunctionStatus) \
	EACH(C_CancelFunction) EACH(C_WaitForSlotEvent)
#define FUNCTIONS_OF_3_0(EACH) \
	EACH(C_GetInterfaceList) EACH(C_GetInterface) EACH(C_LoginUser) EACH(C_SessionCancel) \
	EACH(C_MessageEncryptInit) EACH(C_EncryptMessage) EACH(C_EncryptMessageBegin) \
	EACH(C_EncryptMessageNext) EACH(C_MessageEncryptFinal) EACH(C_MessageDecryptInit) \
	EACH(C_DecryptMessage) EACH(C_DecryptMessageBegin) EACH(C_DecryptMessageNext) \
	EACH(C_MessageDecryptFinal) EACH(C_MessageSignInit) EACH(C_SignMessage) EACH(C_SignMessageBegin) \
	EACH(C_SignMessageNext) EACH(C_MessageSignFinal) EACH(C_MessageVerifyInit) EACH(C_VerifyMessage) \
	EACH(C_VerifyMessageBegin) EACH(C_VerifyMessageNext) EACH(C_MessageVerifyFinal)
#define ENTRY(name) .name = name,

static CK_RV get_info(CK_INFO *info, CK_VERSION version)
{
	struct library *library;
	CK_RV rv = gate_enter(&library);
	if (rv != CKR_OK)
		return rv;
	gate_leave();
	if (!info)
		return CKR_ARGUMENTS_BAD;
	*info = (CK_INFO){ .cryptokiVersion = version, .libraryVersion = { 0, 1 } };
	PAD(info->manufacturerID, "Craton");
	PAD(info->libraryDescription, "Craton HA");
	return CKR_OK;
}

CK_RV C_GetInfo(CK_INFO_PTR info)
{
	return get_info(info, (CK_VERSION){ 2, 40 });
}

static CK_RV get_info_3_0(CK_INFO_PTR info)
{
	return get_info(info, (CK_VERSION){ 3, 0 });
}

static CK_FUNCTION_LIST functions = {
	.version = { 2, 40 }, .C_GetInfo = C_GetInfo, FUNCTIONS_OF_2_40(ENTRY)
};
static CK_FUNCTION_LIST_3_0 functions_3_0 = {
	.version = { 3, 0 }, .C_GetInfo = get_info_3_0, FUNCTIONS_OF_2_40(ENTRY) FUNCTIONS_OF_3_0(ENTRY)
};

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
	if (!list)
		return CKR_ARGUMENTS_BAD;
	*list = &functions;
	return CKR_OK;
}

/* The first is the default. Neither is CKF_INTERFACE_FORK_SAFE, which means that "when the application forks, each
 * process will get its own copy of all session objects, session states, login states": a child of ours starts afresh. */
static char name_of_all[] = "PKCS 11";
static CK_INTERFACE interfaces[] = {
	{ name_of_all, &functions_3_0, 0 },
	{ name_of_all, &functions, 0 },
};
#define INTERFACE_COUNT (sizeof interfaces / sizeof *interfaces)

CK_RV C_GetInterfaceList(CK_INTERFACE_PTR list, CK_ULONG_PTR count)
{
	if (!count)
		return CKR_ARGUMENTS_BAD;
	CK_ULONG room = *count;
	*count = INTERFACE_COUNT;
	if (!list)
		return CKR_OK;
	if (room < INTERFACE_COUNT)
		return CKR_BUFFER_TOO_SMALL;
	memcpy(list, interfaces, sizeof interfaces);
	return CKR_OK;
}

/* Every list begins with its version. */
static bool is_wanted(const CK_INTERFACE *interface, const CK_UTF8CHAR *name, const CK_VERSION *version, CK_FLAGS flags)
{
	const CK_VERSION *have = interface->pFunctionList;
	bool has_name = !name || strcmp((const char *)name, interface->pInterfaceName) == 0;
	bool has_version = !version || (version->major == have->major && version->minor == have->minor);
	return has_name && has_version && (flags & interface->flags) == flags;
}

CK_RV C_GetInterface(CK_UTF8CHAR_PTR name, CK_VERSION_PTR version, CK_INTERFACE_PTR_PTR found, CK_FLAGS flags)
{
	if (!found)
		return CKR_ARGUMENTS_BAD;
	for (size_t i = 0; i < INTERFACE_COUNT; i++)
		if (is_wanted(&interfaces[i], name, version, flags)) {
			*found = &interfaces[i];
			return CKR_OK;
		}
	return CKR_FUNCTION_FAILED;
}
