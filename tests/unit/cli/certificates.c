/* The certificates of a dev cluster are such as wire/ asks for. */
#include "cli/certificates.h"
#include "tests/check.h"
#include "wire/tls.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static const char *in_folder(const char *name)
{
	static char paths[8][128];
	static int next;
	char *path = paths[next++ % 8];
	snprintf(path, sizeof paths[0], "%s/%s", folder, name);
	return path;
}

static void begin(struct authority *authority)
{
	struct complaint complaint = { "" };
	strcpy(folder, "/tmp/craton-certificates-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	CU_ASSERT_EQUAL_FATAL(authority_create("test", in_folder("ca.pem"), in_folder("ca.key"), authority, &complaint), ERR_OK);
}

static void end(struct authority *authority)
{
	static const char *const names[] = { "ca.pem", "ca.key", "a.pem", "a.key", NULL };
	authority_finish(authority);
	for (int i = 0; names[i]; i++)
		unlink(in_folder(names[i]));
	CU_ASSERT_EQUAL(rmdir(folder), 0);
}

static void a_node_may_use_what_the_authority_issued(void)
{
	struct identity expected = { IDENTITY_NODE, "a" };
	struct complaint complaint = { "" };
	struct authority authority;
	struct tls *tls = NULL;
	begin(&authority);
	CU_ASSERT_EQUAL(authority_issue(&authority, "craton:node:a", in_folder("a.pem"), in_folder("a.key"), &complaint), ERR_OK);
	CU_ASSERT_EQUAL(tls_create(in_folder("ca.pem"), in_folder("a.pem"), in_folder("a.key"), &expected, &tls, &complaint), ERR_OK);
	if (tls)
		CU_ASSERT_STRING_EQUAL(tls_identity(tls)->name, "a");
	tls_destroy(tls);
	end(&authority);
}

static void a_node_may_not_use_another_ones(void)
{
	struct identity expected = { IDENTITY_NODE, "b" };
	struct complaint complaint = { "" };
	struct authority authority;
	struct tls *tls = NULL;
	begin(&authority);
	CU_ASSERT_EQUAL(authority_issue(&authority, "craton:node:a", in_folder("a.pem"), in_folder("a.key"), &complaint), ERR_OK);
	CU_ASSERT_EQUAL(tls_create(in_folder("ca.pem"), in_folder("a.pem"), in_folder("a.key"), &expected, &tls, &complaint), ERR_CONFIG);
	tls_destroy(tls);
	end(&authority);
}

static void keys_are_for_their_owner_only(void)
{
	struct complaint complaint = { "" };
	struct authority authority;
	struct stat status;
	begin(&authority);
	CU_ASSERT_EQUAL(authority_issue(&authority, "craton:node:a", in_folder("a.pem"), in_folder("a.key"), &complaint), ERR_OK);
	CU_ASSERT_EQUAL(stat(in_folder("a.key"), &status), 0);
	CU_ASSERT_EQUAL(status.st_mode & 0777, 0600);
	CU_ASSERT_EQUAL(stat(in_folder("ca.key"), &status), 0);
	CU_ASSERT_EQUAL(status.st_mode & 0777, 0600);
	end(&authority);
}

TESTS("cli certificates",
      SAY(a_node_may_use_what_the_authority_issued),
      SAY(a_node_may_not_use_another_ones),
      SAY(keys_are_for_their_owner_only))
