#include "bench/module.h"
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void module_must(CK_RV rv, const char *what)
{
	if (rv == CKR_OK)
		return;
	fprintf(stderr, "bench: %s: 0x%lx\n", what, rv);
	exit(1);
}

static const char *needed(const char *name)
{
	const char *value = getenv(name);
	if (!value || !*value) {
		fprintf(stderr, "bench: set %s\n", name);
		exit(2);
	}
	return value;
}

static int has_label(struct module *module, CK_SLOT_ID slot, const char *label, CK_RV *rv)
{
	CK_TOKEN_INFO info;
	size_t size = strlen(label);
	*rv = module->p11->C_GetTokenInfo(slot, &info);
	return *rv == CKR_OK && size <= sizeof info.label && memcmp(info.label, label, size) == 0;
}

static void choose_slot(struct module *module, const char *label)
{
	CK_SLOT_ID slots[64];
	CK_ULONG count = sizeof slots / sizeof *slots;
	CK_RV told = CKR_OK;
	module_must(module->p11->C_GetSlotList(CK_TRUE, slots, &count), "C_GetSlotList");
	for (CK_ULONG i = 0; i < count; i++) {
		module->slot = slots[i];
		if (has_label(module, slots[i], label, &told))
			return;
	}
	fprintf(stderr, "bench: no slot has a token labelled %s (C_GetTokenInfo of the last: 0x%lx)\n", label, told);
	exit(1);
}

void module_load(struct module *module)
{
	const char *path = needed("CRATON_MODULE");
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = library ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;
	CK_C_INITIALIZE_ARGS arguments = { .flags = CKF_OS_LOCKING_OK };
	if (!get) {
		fprintf(stderr, "bench: cannot load %s: %s\n", path, dlerror());
		exit(2);
	}
	module_must(get(&module->p11), "C_GetFunctionList");
	module_must(module->p11->C_Initialize(&arguments), "C_Initialize");
}

void module_open(struct module *module)
{
	const char *pin = needed("CRATON_PIN");
	module_load(module);
	choose_slot(module, needed("CRATON_SLOT_LABEL"));
	module->session = module_session(module);
	module_must(module->p11->C_Login(module->session, CKU_USER, (CK_UTF8CHAR *)(uintptr_t)pin, strlen(pin)), "C_Login");
}

void module_close(struct module *module)
{
	module->p11->C_Finalize(NULL);
}

CK_SESSION_HANDLE module_session(struct module *module)
{
	CK_SESSION_HANDLE session;
	module_must(module->p11->C_OpenSession(module->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session),
		"C_OpenSession");
	return session;
}

CK_OBJECT_HANDLE module_make_ec(struct module *module, CK_SESSION_HANDLE session, CK_BBOOL is_token, const char *label)
{
	static CK_BYTE p256[] = { 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
	CK_BBOOL yes = CK_TRUE;
	CK_MECHANISM mechanism = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE public_key[] = { { CKA_EC_PARAMS, p256, sizeof p256 }, { CKA_TOKEN, &is_token, 1 }, { CKA_VERIFY, &yes, 1 },
		{ CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };
	CK_ATTRIBUTE private_key[] = { { CKA_TOKEN, &is_token, 1 }, { CKA_SIGN, &yes, 1 }, { CKA_SENSITIVE, &yes, 1 },
		{ CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };
	CK_OBJECT_HANDLE one, two;
	module_must(module->p11->C_GenerateKeyPair(session, &mechanism, public_key, 4, private_key, 4, &one, &two),
		"C_GenerateKeyPair");
	return two;
}

CK_OBJECT_HANDLE module_find(struct module *module, CK_SESSION_HANDLE session, CK_OBJECT_CLASS class, const char *label)
{
	CK_ATTRIBUTE wanted[] = { { CKA_CLASS, &class, sizeof class }, { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };
	CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
	CK_ULONG count = 0;
	module_must(module->p11->C_FindObjectsInit(session, wanted, 2), "C_FindObjectsInit");
	module_must(module->p11->C_FindObjects(session, &object, 1, &count), "C_FindObjects");
	module_must(module->p11->C_FindObjectsFinal(session), "C_FindObjectsFinal");
	return count ? object : CK_INVALID_HANDLE;
}
