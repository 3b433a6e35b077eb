#include "base/digest.h"
#include "tests/check.h"
#include "tests/support/sanitizer.h"
#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_hex(const uint8_t *data, size_t size, const char *hex)
{
	char text[3];
	for (size_t i = 0; i < size; i++) {
		snprintf(text, sizeof text, "%02x", data[i]);
		if (strncmp(text, hex + 2 * i, 2) != 0)
			return false;
	}
	return strlen(hex) == 2 * size;
}

/* FIPS 180-4's own example. */
static void sha256_of_parts_is_that_of_the_whole(void)
{
	uint8_t out[SHA256_SIZE];
	struct bytes parts[] = { { "a", 1 }, { NULL, 0 }, { "bc", 2 } };
	sha256(parts, 3, out);
	CU_ASSERT(is_hex(out, sizeof out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
	sha256(NULL, 0, out);
	CU_ASSERT(is_hex(out, sizeof out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
}

/* RFC 4231, test cases 2 and 6. */
static void hmac_is_that_of_rfc_4231(void)
{
	uint8_t out[SHA256_SIZE], key[131];
	hmac_sha256("Jefe", 4, (struct bytes[]){ { "what do ya want ", 16 }, { "for nothing?", 12 } }, 2, out);
	CU_ASSERT(is_hex(out, sizeof out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
	memset(key, 0xaa, sizeof key);
	hmac_sha256(key, sizeof key, &(struct bytes){ "Test Using Larger Than Block-Size Key - Hash Key First", 54 }, 1, out);
	CU_ASSERT(is_hex(out, sizeof out, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"));
}

static void hmac_with_an_empty_key_is_defined(void)
{
	uint8_t out[SHA256_SIZE];
	hmac_sha256(NULL, 0, NULL, 0, out);
	CU_ASSERT(is_hex(out, sizeof out, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"));
}

static void a_prepared_hmac_makes_the_same_again_and_so_does_its_copy(void)
{
	uint8_t once[SHA256_SIZE], again[SHA256_SIZE];
	struct hmac *hmac = hmac_create("Jefe", 4), *copy = hmac_copy(hmac);
	for (size_t size = 0; size < 200; size++) {
		static const char text[200] = "of any length";
		struct bytes parts[] = { { text, size / 2 }, { text + size / 2, size - size / 2 } };
		hmac_sha256("Jefe", 4, &(struct bytes){ text, size }, 1, once);
		hmac_make(hmac, parts, 2, again);
		CU_ASSERT(memcmp(once, again, SHA256_SIZE) == 0);
		hmac_make(copy, parts, 2, again);
		CU_ASSERT(memcmp(once, again, SHA256_SIZE) == 0);
	}
	hmac_destroy(hmac);
	hmac_destroy(copy);
	hmac_destroy(NULL);
}

/* RFC 5869, A.1's key and salt with an info of ours would be no vector; A.3 has neither salt nor info. */
static void hkdf_is_that_of_rfc_5869(void)
{
	uint8_t key[22], out[42];
	memset(key, 0x0b, sizeof key);
	hkdf_sha256(key, sizeof key, NULL, 0, "", out, sizeof out);
	CU_ASSERT(is_hex(out, sizeof out, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
	                                  "9d201395faa4b61a96c8"));
}

static void algorithms_are_fetched_once(void)
{
	const EVP_MD *md = digest_algorithm("SHA2-384");
	CU_ASSERT_PTR_NOT_NULL_FATAL(md);
	CU_ASSERT_EQUAL(EVP_MD_get_size(md), 48);
	CU_ASSERT_PTR_EQUAL(digest_algorithm("SHA2-384"), md);
	CU_ASSERT_PTR_NOT_NULL(digest_algorithm("SHA1"));
	CU_ASSERT_PTR_NOT_NULL(digest_algorithm("SHA3-256"));
}

static void an_unknown_algorithm_leaves_no_error_behind(void)
{
	ERR_clear_error();
	CU_ASSERT_PTR_NULL(digest_algorithm("SHA-OF-TOMORROW"));
	CU_ASSERT_PTR_NULL(digest_algorithm("a name that is longer than any algorithm's"));
	CU_ASSERT_EQUAL(ERR_peek_error(), 0);
}

static void *digest_much(void *failures)
{
	uint8_t out[SHA256_SIZE];
	for (int i = 0; i < 1000; i++) {
		sha256(&(struct bytes){ "abc", 3 }, 1, out);
		if (out[0] != 0xba || !digest_algorithm(i % 2 ? "SHA2-512" : "SHA2-224"))
			++*(int *)failures;
	}
	return NULL;
}

static void many_threads_may_digest_at_once(void)
{
	pthread_t threads[8];
	int failures[8] = { 0 }, sum = 0;
	digest_release(); /* so that they race for the first use as well */
	for (size_t i = 0; i < 8; i++)
		pthread_create(&threads[i], NULL, digest_much, &failures[i]);
	for (size_t i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		sum += failures[i];
	}
	CU_ASSERT_EQUAL(sum, 0);
}

static void all_is_given_back_and_made_anew(void)
{
	uint8_t out[SHA256_SIZE];
	digest_release();
	digest_release();
	sha256(&(struct bytes){ "abc", 3 }, 1, out);
	CU_ASSERT_EQUAL(out[0], 0xba);
	digest_release();
}

static atomic_bool is_over;

static void *ask_for_algorithms(void *unused)
{
	(void)unused;
	while (!atomic_load(&is_over))
		digest_algorithm("no such algorithm");
	return NULL;
}

static int child_of_fork(const OSSL_LIB_CTX *parents)
{
	uint8_t out[SHA256_SIZE];
	alarm(20); /* a child that hangs is ended */
	digest_leave_to_parent();
	sha256(NULL, 0, out);
	return digest_context() == parents || !digest_algorithm("SHA384") ||
	       !is_hex(out, sizeof out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

#define BUSY_WHILE_FORKING (MAY_FORK_BESIDE_THREADS ? 4 : 0)

/* Whatever locks the parent's threads hold. */
static void a_forked_child_has_its_own(void)
{
	pthread_t threads[BUSY_WHILE_FORKING + 1];
	atomic_store(&is_over, false);
	OSSL_LIB_CTX *parents = digest_context();
	for (int i = 0; i < BUSY_WHILE_FORKING; i++)
		pthread_create(&threads[i], NULL, ask_for_algorithms, NULL);
	for (int i = 0; i < 20; i++) {
		int status = -1;
		pid_t child = fork();
		if (child == 0)
			_exit(child_of_fork(parents));
		CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
		CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	atomic_store(&is_over, true);
	for (int i = 0; i < BUSY_WHILE_FORKING; i++)
		pthread_join(threads[i], NULL);
	CU_ASSERT_PTR_EQUAL(digest_context(), parents);
}

TESTS("base/digest", SAY(sha256_of_parts_is_that_of_the_whole), SAY(hmac_is_that_of_rfc_4231),
      SAY(hmac_with_an_empty_key_is_defined), SAY(a_prepared_hmac_makes_the_same_again_and_so_does_its_copy),
      SAY(hkdf_is_that_of_rfc_5869), SAY(algorithms_are_fetched_once),
      SAY(an_unknown_algorithm_leaves_no_error_behind), SAY(many_threads_may_digest_at_once),
      SAY(a_forked_child_has_its_own), SAY(all_is_given_back_and_made_anew))
