/* A process with one session that does what each line of its input says, and answers with a line:
 *
 *	make LABEL | sign LABEL | destroy LABEL | count LABEL   →   rv began_us ended_us number
 *
 * A P-256 pair, a signature with its private key (by the handle it found first), the private key's end, how many private keys there are. The
 * times are CLOCK_MONOTONIC's, the same for every process of this host; the module, slot and PIN come from the environment (bench/module.h). */
#include "bench/module.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LABEL_SIZE 64
#define KEYS_MAX 64

static struct module module;
static struct key {
	char label[LABEL_SIZE];
	CK_OBJECT_HANDLE handle;
} keys[KEYS_MAX];
static size_t key_count;

static long long now_us(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (long long)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static CK_RV find(const char *label, CK_OBJECT_HANDLE *first, CK_ULONG *count)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE wanted[] = { { CKA_CLASS, &class, sizeof class }, { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };
	CK_OBJECT_HANDLE found[8];
	*count = 0;
	CK_RV rv = module.p11->C_FindObjectsInit(module.session, wanted, 2);
	if (rv != CKR_OK)
		return rv;
	rv = module.p11->C_FindObjects(module.session, found, 8, count);
	module.p11->C_FindObjectsFinal(module.session);
	if (rv == CKR_OK && *count)
		*first = found[0];
	return rv;
}

static struct key *remember(const char *label, CK_OBJECT_HANDLE handle)
{
	struct key *key = &keys[key_count % KEYS_MAX];
	key_count++;
	snprintf(key->label, sizeof key->label, "%s", label);
	key->handle = handle;
	return key;
}

/* CKR_OBJECT_HANDLE_INVALID: there is none. */
static CK_RV take(const char *label, CK_OBJECT_HANDLE *handle)
{
	CK_ULONG count;
	for (size_t i = 0; i < KEYS_MAX; i++)
		if (strcmp(keys[i].label, label) == 0) {
			*handle = keys[i].handle;
			return CKR_OK;
		}
	CK_RV rv = find(label, handle, &count);
	if (rv == CKR_OK && count)
		remember(label, *handle);
	return rv == CKR_OK && !count ? CKR_OBJECT_HANDLE_INVALID : rv;
}

static CK_RV make(const char *label)
{
	static CK_BYTE p256[] = { 0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
	CK_BBOOL yes = CK_TRUE;
	CK_MECHANISM mechanism = { CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	CK_ATTRIBUTE public_key[] = { { CKA_EC_PARAMS, p256, sizeof p256 }, { CKA_TOKEN, &yes, 1 },
		{ CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };
	CK_ATTRIBUTE private_key[] = { { CKA_TOKEN, &yes, 1 }, { CKA_SIGN, &yes, 1 }, { CKA_LABEL, (void *)(uintptr_t)label, strlen(label) } };
	CK_OBJECT_HANDLE public_handle, private_handle;
	CK_RV rv = module.p11->C_GenerateKeyPair(module.session, &mechanism, public_key, 3, private_key, 3, &public_handle, &private_handle);
	if (rv == CKR_OK)
		remember(label, private_handle);
	return rv;
}

static CK_RV sign(const char *label)
{
	CK_MECHANISM mechanism = { CKM_ECDSA, NULL, 0 };
	CK_BYTE digest[32] = { 42 }, signature[64];
	CK_ULONG size = sizeof signature;
	CK_OBJECT_HANDLE key;
	CK_RV rv = take(label, &key);
	if (rv == CKR_OK)
		rv = module.p11->C_SignInit(module.session, &mechanism, key);
	return rv == CKR_OK ? module.p11->C_Sign(module.session, digest, sizeof digest, signature, &size) : rv;
}

static CK_RV destroy(const char *label)
{
	CK_OBJECT_HANDLE key;
	CK_RV rv = take(label, &key);
	return rv == CKR_OK ? module.p11->C_DestroyObject(module.session, key) : rv;
}

static CK_RV obey(const char *word, const char *label, CK_ULONG *number)
{
	CK_OBJECT_HANDLE first;
	if (strcmp(word, "make") == 0)
		return make(label);
	if (strcmp(word, "sign") == 0)
		return sign(label);
	if (strcmp(word, "destroy") == 0)
		return destroy(label);
	return find(label, &first, number);
}

int main(void)
{
	char line[128], word[16], label[LABEL_SIZE];
	setvbuf(stdout, NULL, _IOLBF, 0);
	module_open(&module);
	printf("ready\n");
	while (fgets(line, sizeof line, stdin) && sscanf(line, "%15s %63s", word, label) == 2) {
		CK_ULONG number = 0;
		long long began = now_us();
		CK_RV rv = obey(word, label, &number);
		printf("0x%lx %lld %lld %lu\n", rv, began, now_us(), number);
	}
	module_close(&module);
	return 0;
}
