#include "tests/support/softhsm.h"
#include <ftw.h>
#include <p11-kit/p11-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef SOFTHSM_MODULE
#define SOFTHSM_MODULE "/usr/lib/softhsm/libsofthsm2.so"
#endif
#define SLOTS_MAX 16

const char *softhsm_module(void)
{
	const char *module = getenv("SOFTHSM_MODULE");
	return module && *module ? module : SOFTHSM_MODULE;
}

static void must(bool done, const char *what)
{
	if (done)
		return;
	fprintf(stderr, "tests: no SoftHSM token to test with: %s\n", what);
	abort();
}

static void write_settings(const struct softhsm *softhsm)
{
	char path[128];
	snprintf(path, sizeof path, "%s/tokens", softhsm->folder);
	must(mkdir(path, 0700) == 0, "mkdir");
	snprintf(path, sizeof path, "%s/softhsm2.conf", softhsm->folder);
	FILE *file = fopen(path, "w");
	must(file != NULL, path);
	fprintf(file, "directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n",
	        softhsm->folder);
	must(fclose(file) == 0, path);
	must(setenv("SOFTHSM2_CONF", path, 1) == 0, "setenv");
}

/* SoftHSM shows a new empty slot only to who asks for the number of slots. */
static CK_ULONG list_slots(CK_FUNCTION_LIST *p11, CK_SLOT_ID slots[SLOTS_MAX])
{
	CK_ULONG count = 0;
	must(p11->C_GetSlotList(CK_TRUE, NULL, &count) == CKR_OK && count <= SLOTS_MAX, "C_GetSlotList");
	must(p11->C_GetSlotList(CK_TRUE, slots, &count) == CKR_OK, "C_GetSlotList");
	return count;
}

/* The slot of the token with this padded label, or of none for NULL. */
static CK_SLOT_ID find_slot(CK_FUNCTION_LIST *p11, const unsigned char *label)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG count = list_slots(p11, slots);
	for (CK_ULONG i = 0; i < count; i++) {
		CK_TOKEN_INFO info;
		must(p11->C_GetTokenInfo(slots[i], &info) == CKR_OK, "C_GetTokenInfo");
		bool initialised = info.flags & CKF_TOKEN_INITIALIZED;
		if (label ? initialised && memcmp(info.label, label, sizeof info.label) == 0 : !initialised)
			return slots[i];
	}
	must(false, "no such slot");
	return 0;
}

static void init_token(CK_FUNCTION_LIST *p11, const char *name)
{
	static unsigned char so_pin[] = SOFTHSM_SO_PIN, pin[] = SOFTHSM_PIN;
	unsigned char label[32];
	CK_SESSION_HANDLE session;
	memset(label, ' ', sizeof label);
	memcpy(label, name, strlen(name));
	must(p11->C_InitToken(find_slot(p11, NULL), so_pin, sizeof so_pin - 1, label) == CKR_OK, "C_InitToken");
	must(p11->C_OpenSession(find_slot(p11, label), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) == CKR_OK,
	     "C_OpenSession");
	must(p11->C_Login(session, CKU_SO, so_pin, sizeof so_pin - 1) == CKR_OK, "C_Login");
	must(p11->C_InitPIN(session, pin, sizeof pin - 1) == CKR_OK, "C_InitPIN");
	must(p11->C_Logout(session) == CKR_OK, "C_Logout");
	must(p11->C_CloseSession(session) == CKR_OK, "C_CloseSession");
}

void softhsm_add(const char *label)
{
	CK_FUNCTION_LIST *p11 = p11_kit_module_load(softhsm_module(), P11_KIT_MODULE_CRITICAL);
	must(p11 != NULL, softhsm_module());
	must(p11_kit_module_initialize(p11) == CKR_OK, "C_Initialize");
	init_token(p11, label);
	p11_kit_module_finalize(p11);
	p11_kit_module_release(p11);
}

void softhsm_start(struct softhsm *softhsm, const char *const *labels, size_t count)
{
	const char *parent = getenv("TMPDIR");
	*softhsm = (struct softhsm){ 0 };
	snprintf(softhsm->folder, sizeof softhsm->folder, "%.30s/craton-softhsm-XXXXXX", parent && *parent ? parent : "/tmp");
	must(mkdtemp(softhsm->folder) != NULL, softhsm->folder);
	write_settings(softhsm);
	softhsm->so_pin = secret_create(SOFTHSM_SO_PIN, strlen(SOFTHSM_SO_PIN));
	softhsm->pin = secret_create(SOFTHSM_PIN, strlen(SOFTHSM_PIN));
	must(softhsm->so_pin && softhsm->pin, "memory");
	for (size_t i = 0; i < count; i++) {
		snprintf(softhsm->uris[i], sizeof softhsm->uris[i], "pkcs11:token=%s", labels[i]);
		softhsm_add(labels[i]);
	}
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
	(void)info, (void)kind, (void)at;
	return remove(path);
}

void softhsm_stop(struct softhsm *softhsm)
{
	if (*softhsm->folder)
		nftw(softhsm->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	secret_destroy(softhsm->so_pin);
	secret_destroy(softhsm->pin);
	*softhsm = (struct softhsm){ 0 };
}

struct token_config softhsm_config(const struct softhsm *softhsm, size_t i)
{
	return (struct token_config){ softhsm_module(), softhsm->uris[i], softhsm->pin, 16 };
}
