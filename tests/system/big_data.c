/* big_data MIB   data of 16 MiB and then of MIB in parts through HMAC, CMAC, GCM, CBC and CTR, each result compared with OpenSSL's; after
 *                each it says how much memory this process has needed at most, and waits for a line on standard input, so that whoever
 *                runs it can look at the nodes' memory. Then 32 MiB in one call. Ends with 1 if a result is wrong or memory grew
 *                with the data.
 *
 * The module, slot and PIN come from the environment (bench/module.h). */
#include "bench/module.h"
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1 << 20)
#define AT_ONCE (32 * MIB) /* a member gets a mebibyte of it at a time */
#define FIRST (16 * MIB)
#define PART (3 * MIB / 2 + 5) /* neither whole pieces nor whole blocks */
#define GROWTH_KIB_MAX 8192

static struct module module;
static CK_OBJECT_HANDLE aes, secret;
static CK_BYTE aes_value[32], secret_value[32], iv[16];
static CK_GCM_PARAMS gcm = { .pIv = iv, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 128 };
static CK_AES_CTR_PARAMS ctr = { .ulCounterBits = 128 };
static CK_BYTE *plain, *result;

static void fail(const char *what, const char *name)
{
	fprintf(stderr, "big_data: %s: %s\n", name, what);
	exit(1);
}

static void must(CK_RV rv, const char *name)
{
	char text[32];
	snprintf(text, sizeof text, "0x%lx", rv);
	if (rv != CKR_OK)
		fail(text, name);
}

/* VmHWM, in KiB. */
static long peak_memory(void)
{
	char line[256];
	long peak = -1;
	FILE *file = fopen("/proc/self/status", "r");
	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "VmHWM: %ld", &peak) == 1)
			break;
	if (file)
		fclose(file);
	return peak;
}

/* The data at any place of it, without all of it being anywhere: a mibibyte again and again, each with its number. */
static void data_at(size_t place, size_t size, CK_BYTE *out)
{
	for (size_t i = 0; i < size; i++) {
		size_t at = place + i;
		out[i] = (CK_BYTE)((at >> 20) + at * 31 + (at >> 9));
	}
}

/* ---- OpenSSL's opinion */

static EVP_MAC_CTX *mac_begin(CK_MECHANISM_TYPE type)
{
	int is_hmac = type == CKM_SHA256_HMAC;
	EVP_MAC *mac = EVP_MAC_fetch(NULL, is_hmac ? "HMAC" : "CMAC", NULL);
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
	char hash[] = "SHA256", cipher[] = "AES-256-CBC";
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(is_hmac ? OSSL_MAC_PARAM_DIGEST : OSSL_MAC_PARAM_CIPHER, is_hmac ? hash : cipher, 0),
		OSSL_PARAM_construct_end() };
	if (!EVP_MAC_init(context, is_hmac ? secret_value : aes_value, 32, params))
		fail("EVP_MAC_init", "OpenSSL");
	EVP_MAC_free(mac);
	return context;
}

static EVP_CIPHER_CTX *cipher_begin(CK_MECHANISM_TYPE type)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	const EVP_CIPHER *cipher = type == CKM_AES_GCM ? EVP_aes_256_gcm() : type == CKM_AES_CTR ? EVP_aes_256_ctr() : EVP_aes_256_cbc();
	if (!EVP_EncryptInit_ex(context, cipher, NULL, aes_value, iv))
		fail("EVP_EncryptInit_ex", "OpenSSL");
	return context;
}

/* ---- keys and mechanisms */

static CK_OBJECT_HANDLE import(CK_KEY_TYPE type, CK_BYTE value[32])
{
	static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	static CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_OBJECT_HANDLE key;
	CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof class }, { CKA_KEY_TYPE, &type, sizeof type }, { CKA_VALUE, value, 32 },
		{ CKA_TOKEN, &no, 1 }, { CKA_SIGN, &yes, 1 }, { CKA_VERIFY, &yes, 1 }, { CKA_ENCRYPT, &yes, 1 }, { CKA_DECRYPT, &yes, 1 } };
	must(module.p11->C_CreateObject(module.session, template, 8, &key), "C_CreateObject");
	return key;
}

static const struct test {
	const char *name;
	CK_MECHANISM mechanism;
} macs[] = {
	{ "HMAC", { CKM_SHA256_HMAC, NULL, 0 } },
	{ "CMAC", { CKM_AES_CMAC, NULL, 0 } },
}, ciphers[] = {
	{ "GCM", { CKM_AES_GCM, &gcm, sizeof gcm } },
	{ "CBC-PAD", { CKM_AES_CBC_PAD, iv, 16 } },
	{ "CTR", { CKM_AES_CTR, &ctr, sizeof ctr } },
};

static CK_OBJECT_HANDLE key_of(const struct test *test)
{
	return test->mechanism.mechanism == CKM_SHA256_HMAC ? secret : aes;
}

static CK_MECHANISM *mechanism_of(const struct test *test)
{
	static CK_MECHANISM copy;
	copy = test->mechanism;
	return &copy;
}

/* ---- MACs */

static void check_mac(const struct test *test, EVP_MAC_CTX *theirs, const CK_BYTE *ours, CK_ULONG size)
{
	CK_BYTE want[64];
	size_t want_size;
	if (!EVP_MAC_final(theirs, want, &want_size, sizeof want) || want_size != size || memcmp(want, ours, size) != 0)
		fail("not what OpenSSL makes of it", test->name);
	EVP_MAC_CTX_free(theirs);
}

static void mac_at_once(const struct test *test)
{
	CK_BYTE mac[64];
	CK_ULONG size = sizeof mac;
	EVP_MAC_CTX *theirs = mac_begin(test->mechanism.mechanism);
	EVP_MAC_update(theirs, plain, AT_ONCE);
	must(module.p11->C_SignInit(module.session, mechanism_of(test), key_of(test)), test->name);
	must(module.p11->C_Sign(module.session, plain, AT_ONCE, mac, &size), test->name);
	check_mac(test, theirs, mac, size);
	must(module.p11->C_VerifyInit(module.session, mechanism_of(test), key_of(test)), test->name);
	must(module.p11->C_Verify(module.session, plain, AT_ONCE, mac, size), test->name);
}

static void mac_in_parts(const struct test *test, size_t all)
{
	CK_BYTE mac[64];
	CK_ULONG size = sizeof mac;
	EVP_MAC_CTX *theirs = mac_begin(test->mechanism.mechanism);
	must(module.p11->C_SignInit(module.session, mechanism_of(test), key_of(test)), test->name);
	for (size_t at = 0; at < all; at += PART) {
		size_t part = all - at < PART ? all - at : PART;
		data_at(at, part, plain);
		EVP_MAC_update(theirs, plain, part);
		must(module.p11->C_SignUpdate(module.session, plain, part), test->name);
	}
	must(module.p11->C_SignFinal(module.session, mac, &size), test->name);
	check_mac(test, theirs, mac, size);
}

/* ---- ciphers */

static void cipher_at_once(const struct test *test)
{
	CK_ULONG size = AT_ONCE + 16, back = AT_ONCE + 16;
	int part = 0, made;
	CK_BYTE *theirs = malloc(AT_ONCE + 16);
	EVP_CIPHER_CTX *context = cipher_begin(test->mechanism.mechanism);
	if (!theirs || !EVP_EncryptUpdate(context, theirs, &part, plain, (int)AT_ONCE))
		fail("EVP_EncryptUpdate", test->name);
	made = part;
	EVP_EncryptFinal_ex(context, theirs + made, &part);
	made += part;
	if (test->mechanism.mechanism == CKM_AES_GCM) {
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, theirs + made);
		made += 16;
	}
	EVP_CIPHER_CTX_free(context);
	must(module.p11->C_EncryptInit(module.session, mechanism_of(test), aes), test->name);
	must(module.p11->C_Encrypt(module.session, plain, AT_ONCE, result, &size), test->name);
	if (size != (CK_ULONG)made || memcmp(theirs, result, size) != 0)
		fail("at once: not what OpenSSL makes of it", test->name);
	free(theirs);
	must(module.p11->C_DecryptInit(module.session, mechanism_of(test), aes), test->name);
	must(module.p11->C_Decrypt(module.session, result, size, result, &back), test->name);
	if (back != AT_ONCE || memcmp(plain, result, AT_ONCE) != 0)
		fail("at once, and back over itself: not what it was", test->name);
}

/* Both digests are of the cipher text as it comes. */
static void cipher_in_parts(const struct test *test, size_t all)
{
	EVP_CIPHER_CTX *context = cipher_begin(test->mechanism.mechanism);
	EVP_MD_CTX *ours = EVP_MD_CTX_new(), *theirs = EVP_MD_CTX_new();
	CK_BYTE digest[2][32], *wanted = malloc(PART + 32);
	EVP_DigestInit_ex(ours, EVP_sha256(), NULL);
	EVP_DigestInit_ex(theirs, EVP_sha256(), NULL);
	must(module.p11->C_EncryptInit(module.session, mechanism_of(test), aes), test->name);
	for (size_t at = 0; at < all; at += PART) {
		size_t part = all - at < PART ? all - at : PART;
		CK_ULONG size = PART + 32;
		int made;
		data_at(at, part, plain);
		must(module.p11->C_EncryptUpdate(module.session, plain, part, result, &size), test->name);
		EVP_DigestUpdate(ours, result, size);
		EVP_EncryptUpdate(context, wanted, &made, plain, (int)part);
		EVP_DigestUpdate(theirs, wanted, (size_t)made);
	}
	CK_ULONG last = 64;
	int made;
	must(module.p11->C_EncryptFinal(module.session, result, &last), test->name);
	EVP_DigestUpdate(ours, result, last);
	EVP_EncryptFinal_ex(context, wanted, &made);
	if (test->mechanism.mechanism == CKM_AES_GCM)
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, made = 16, wanted);
	EVP_DigestUpdate(theirs, wanted, (size_t)made);
	EVP_DigestFinal_ex(ours, digest[0], NULL);
	EVP_DigestFinal_ex(theirs, digest[1], NULL);
	if (memcmp(digest[0], digest[1], 32) != 0)
		fail("in parts: not what OpenSSL makes of it", test->name);
	EVP_MD_CTX_free(ours);
	EVP_MD_CTX_free(theirs);
	EVP_CIPHER_CTX_free(context);
	free(wanted);
}

static long report(const char *when)
{
	long peak = peak_memory();
	printf("%s: the application needed %ld KiB at most\n", when, peak);
	fflush(stdout);
	return peak;
}

static void in_parts(size_t size)
{
	for (size_t i = 0; i < sizeof macs / sizeof *macs; i++)
		mac_in_parts(&macs[i], size);
	for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++)
		cipher_in_parts(&ciphers[i], size);
}

static void at_once(void)
{
	data_at(0, AT_ONCE, plain);
	for (size_t i = 0; i < sizeof macs / sizeof *macs; i++)
		mac_at_once(&macs[i]);
	for (size_t i = 0; i < sizeof ciphers / sizeof *ciphers; i++)
		cipher_at_once(&ciphers[i]);
}

int main(int count, char **arguments)
{
	size_t all = count == 2 ? strtoul(arguments[1], NULL, 10) * MIB : 0;
	if (!all)
		fail("how many MiB in parts?", "usage");
	module_open(&module);
	memset(aes_value, 0x42, sizeof aes_value);
	memset(secret_value, 0x17, sizeof secret_value);
	aes = import(CKK_AES, aes_value);
	secret = import(CKK_GENERIC_SECRET, secret_value);
	plain = malloc(AT_ONCE);
	result = malloc(AT_ONCE + 16);
	if (!plain || !result)
		fail("no memory", "main");
	in_parts(FIRST);
	long before = report("16 MiB in parts");
	(void)!getchar();
	in_parts(all);
	long after = report("the whole in parts");
	(void)!getchar();
	if (after - before > GROWTH_KIB_MAX)
		fail("memory grew with the data", "in parts");
	at_once();
	module_close(&module);
	return 0;
}
