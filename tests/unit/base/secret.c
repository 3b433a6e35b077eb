#include "base/secret.h"
#include "base/file.h"
#include "tests/check.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/craton-test-XXXXXX";
static struct complaint complaint;

static const char *in_folder(const char *name)
{
	static char path[256];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const char *text, unsigned mode)
{
	CU_ASSERT_EQUAL_FATAL(file_write(in_folder(name), text, strlen(text), mode), ERR_OK);
}

static bool holds(struct secret *secret, const char *text)
{
	bool same = secret && secret_equal(secret->data, secret->size, text, strlen(text));
	secret_destroy(secret);
	return same;
}

static bool complains_of(const char *word)
{
	if (strstr(complaint.text, word))
		return true;
	printf("\n  complaint: %s\n", complaint.text);
	return false;
}

static void a_secret_is_a_copy(void)
{
	char text[] = "1234";
	struct secret *secret = secret_create(text, 4);
	memset(text, 'x', 4);
	CU_ASSERT(holds(secret, "1234"));
	secret = secret_create(NULL, 100000);
	CU_ASSERT(secret && secret->size == 100000 && !secret->data[0] && !secret->data[99999]);
	secret_destroy(secret);
	CU_ASSERT(holds(secret_create("", 0), ""));
	secret_destroy(NULL);
	CU_ASSERT_PTR_NULL(secret_create(NULL, SIZE_MAX));
}

static void equal_is_equal_in_size_and_bytes(void)
{
	CU_ASSERT(secret_equal("abc", 3, "abc", 3));
	CU_ASSERT(!secret_equal("abc", 3, "abd", 3));
	CU_ASSERT(!secret_equal("abc", 3, "abc", 2));
	CU_ASSERT(secret_equal(NULL, 0, "", 0));
}

static void a_file_of_ours_is_read_without_its_newline(void)
{
	struct secret *secret = NULL;
	put("pin", "1234\n", 0600);
	CU_ASSERT_EQUAL(secret_load(in_folder("pin"), NULL, NULL, 4, 4, &secret, &complaint), ERR_OK);
	CU_ASSERT(holds(secret, "1234"));
	put("pin", "1234\n\n", 0400);
	CU_ASSERT_EQUAL(secret_load(in_folder("pin"), NULL, NULL, 4, 5, &secret, &complaint), ERR_OK);
	CU_ASSERT(holds(secret, "1234\n"));
}

static void a_file_that_others_may_read_is_refused(void)
{
	struct secret *secret = NULL;
	put("pin", "1234", 0640);
	CU_ASSERT_EQUAL(secret_load(in_folder("pin"), NULL, NULL, 4, 4, &secret, &complaint), ERR_CONFIG);
	CU_ASSERT(complains_of("chmod 600"));
	CU_ASSERT_PTR_NULL(secret);
}

static void a_length_out_of_bounds_is_refused(void)
{
	struct secret *secret = NULL;
	put("pin", "1234", 0600);
	CU_ASSERT_EQUAL(secret_load(in_folder("pin"), NULL, NULL, 5, 9, &secret, &complaint), ERR_CONFIG);
	CU_ASSERT(complains_of("holds 4 bytes"));
	CU_ASSERT_EQUAL(secret_load(in_folder("pin"), NULL, NULL, 1, 3, &secret, &complaint), ERR_CONFIG);
	put("pin", "123456789012345678901234567890", 0600);
	CU_ASSERT_EQUAL(secret_load(in_folder("pin"), NULL, NULL, 1, 3, &secret, &complaint), ERR_CONFIG);
	CU_ASSERT_PTR_NULL(secret);
}

static void what_is_no_file_is_refused(void)
{
	struct secret *secret = NULL;
	CU_ASSERT_EQUAL(secret_load(folder, NULL, NULL, 1, 9, &secret, &complaint), ERR_CONFIG);
	CU_ASSERT(complains_of("regular file"));
	CU_ASSERT_EQUAL(secret_load(in_folder("nowhere"), "PATH", NULL, 1, 9, &secret, &complaint), ERR_CONFIG);
	CU_ASSERT(complains_of("cannot be opened"));
	CU_ASSERT_EQUAL(mkfifo(in_folder("fifo"), 0600), 0);
	CU_ASSERT_EQUAL(secret_load(in_folder("fifo"), NULL, NULL, 1, 9, &secret, &complaint), ERR_CONFIG);
	unlink(in_folder("fifo"));
}

static void then_the_environment_then_the_credential(void)
{
	struct secret *secret = NULL;
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	put("token-pin", "from credential", 0440); /* systemd guards the folder */
	setenv("CRATON_TEST_PIN", "from variable", 1);
	CU_ASSERT_EQUAL(secret_load(NULL, "CRATON_TEST_PIN", "token-pin", 1, 99, &secret, &complaint), ERR_OK);
	CU_ASSERT(holds(secret, "from variable"));
	unsetenv("CRATON_TEST_PIN");
	CU_ASSERT_EQUAL(secret_load(NULL, "CRATON_TEST_PIN", "token-pin", 1, 99, &secret, &complaint), ERR_OK);
	CU_ASSERT(holds(secret, "from credential"));
	secret = NULL;
	CU_ASSERT_EQUAL(secret_load(NULL, "CRATON_TEST_PIN", "another", 1, 99, &secret, &complaint), ERR_NOT_FOUND);
	CU_ASSERT(complains_of("set CRATON_TEST_PIN"));
	unsetenv("CREDENTIALS_DIRECTORY");
	CU_ASSERT_EQUAL(secret_load(NULL, NULL, NULL, 1, 99, &secret, NULL), ERR_NOT_FOUND);
	CU_ASSERT_PTR_NULL(secret);
}

static void there_is_a_folder(void)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
}

static void all_is_removed(void)
{
	remove(in_folder("pin"));
	remove(in_folder("token-pin"));
	CU_ASSERT_EQUAL(remove(folder), 0);
}

TESTS("base/secret", SAY(there_is_a_folder), SAY(a_secret_is_a_copy), SAY(equal_is_equal_in_size_and_bytes),
      SAY(a_file_of_ours_is_read_without_its_newline), SAY(a_file_that_others_may_read_is_refused),
      SAY(a_length_out_of_bounds_is_refused), SAY(what_is_no_file_is_refused),
      SAY(then_the_environment_then_the_credential), SAY(all_is_removed))
