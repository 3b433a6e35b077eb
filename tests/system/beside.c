/* beside THREADS: one thread makes an RSA-4096 session pair while THREADS others sign with bench's EC key for as long
 * as that takes; prints how many signatures there were. The module, slot and PIN come from the environment (bench/module.h). */
#include "bench/module.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS_MAX 64

static struct module module;
static CK_OBJECT_HANDLE key;
static atomic_bool is_made;
static atomic_ulong signatures;

static void *make_rsa(void *nothing)
{
	CK_MECHANISM mechanism = { CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0 };
	CK_BBOOL no = CK_FALSE;
	CK_ULONG bits = 4096;
	CK_ATTRIBUTE public_key[] = { { CKA_MODULUS_BITS, &bits, sizeof bits }, { CKA_TOKEN, &no, 1 } };
	CK_ATTRIBUTE private_key[] = { { CKA_TOKEN, &no, 1 } };
	CK_OBJECT_HANDLE one, two;
	module_must(module.p11->C_GenerateKeyPair(module_session(&module), &mechanism, public_key, 2, private_key, 1, &one, &two),
	            "C_GenerateKeyPair");
	atomic_store(&is_made, 1);
	return nothing;
}

static void *sign(void *nothing)
{
	CK_SESSION_HANDLE session = module_session(&module);
	CK_MECHANISM mechanism = { CKM_ECDSA, NULL, 0 };
	CK_BYTE digest[32] = { 1 }, signature[64];
	while (!atomic_load(&is_made)) {
		CK_ULONG size = sizeof signature;
		module_must(module.p11->C_SignInit(session, &mechanism, key), "C_SignInit");
		module_must(module.p11->C_Sign(session, digest, sizeof digest, signature, &size), "C_Sign");
		atomic_fetch_add(&signatures, 1);
	}
	return nothing;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS_MAX + 1];
	int count = argc == 2 ? atoi(argv[1]) : 0;
	if (count < 1 || count > THREADS_MAX) {
		fprintf(stderr, "usage: beside THREADS\n");
		return 2;
	}
	module_open(&module);
	key = module_find(&module, module.session, CKO_PRIVATE_KEY, "bench-sign");
	if (key == CK_INVALID_HANDLE)
		return 2;
	for (int i = 0; i <= count; i++)
		if (pthread_create(&threads[i], NULL, i ? sign : make_rsa, NULL) != 0)
			return 2;
	for (int i = 0; i <= count; i++)
		pthread_join(threads[i], NULL);
	printf("signatures=%lu\n", atomic_load(&signatures));
	module_close(&module);
	return 0;
}
