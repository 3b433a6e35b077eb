/* Certificates and keys as files: what is good, and how what is not is told. */
#include "wire/tls.h"
#include "tests/check.h"
#include "tests/support/certificates.h"
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

static struct test_authority *authority;
static struct complaint complaint;

static void there_is_an_authority(void)
{
	authority = test_authority_create();
}

static void the_authority_goes(void)
{
	test_authority_destroy(authority);
}

static enum err load(const char *name, const struct identity *expected, struct tls **tls)
{
	complaint.text[0] = '\0';
	return tls_create(test_authority_file(authority, "authority", "crt"), test_authority_file(authority, name, "crt"),
	                  test_authority_file(authority, name, "key"), expected, tls, &complaint);
}

static void refuses(const char *name, const struct identity *expected, const char *words)
{
	struct tls *tls = NULL;
	ERR_clear_error();
	CU_ASSERT_EQUAL(load(name, expected, &tls), ERR_CONFIG);
	CU_ASSERT_PTR_NULL(tls);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, words));
	if (!strstr(complaint.text, words))
		printf("\n  wanted: %s\n  got:    %s\n", words, complaint.text);
	CU_ASSERT_EQUAL(ERR_peek_error(), 0);
}

static const struct identity node_a = { IDENTITY_NODE, "a" }, any_node = { IDENTITY_NODE, "" };

static void a_good_certificate_is_loaded(void)
{
	struct tls *tls = NULL;
	test_authority_issue_identity(authority, "a", &node_a);
	CU_ASSERT_EQUAL_FATAL(load("a", &node_a, &tls), ERR_OK);
	CU_ASSERT(tls_identity(tls)->kind == IDENTITY_NODE && !strcmp(tls_identity(tls)->name, "a"));
	tls_destroy(tls);
	CU_ASSERT_EQUAL_FATAL(load("a", &any_node, &tls), ERR_OK);
	tls_destroy(tls);
	CU_ASSERT_EQUAL_FATAL(load("a", NULL, &tls), ERR_OK);
	tls_destroy(tls);
	tls_destroy(NULL);
}

/* As of a cluster of one, or of nodes that know each other's certificates. */
static void a_certificate_may_be_its_own_authority(void)
{
	struct tls *tls = NULL;
	test_authority_issue(authority, "own", &(struct test_certificate){ .uris = { "craton:node:a" }, .is_its_own_authority = true });
	const char *file = test_authority_file(authority, "own", "crt");
	CU_ASSERT_EQUAL_FATAL(tls_create(file, file, test_authority_file(authority, "own", "key"), &node_a, &tls, &complaint), ERR_OK);
	CU_ASSERT(tls_seconds_left(tls) > 0);
	CU_ASSERT_EQUAL(tls_issuer_seconds_left(tls), tls_seconds_left(tls));
	tls_destroy(tls);
}

static void somebody_elses_certificate_is_refused(void)
{
	test_authority_issue(authority, "b", &(struct test_certificate){ .uris = { "craton:node:b" } });
	refuses("b", &node_a, "b.crt: the certificate says craton:node:b, but craton:node:a is wanted here");
	test_authority_issue(authority, "c", &(struct test_certificate){ .uris = { "craton:client:a" } });
	refuses("c", &any_node, "says craton:client:a, but craton:node:NAME is wanted");
}

static void a_certificate_must_say_who_it_is_exactly_once(void)
{
	test_authority_issue(authority, "two", &(struct test_certificate){ .uris = { "craton:node:a", "craton:node:b" } });
	refuses("two", NULL, "exactly one subjectAltName");
	test_authority_issue(authority, "none", &(struct test_certificate){ .uris = { "https://example.com/" } });
	refuses("none", NULL, "exactly one subjectAltName");
	test_authority_issue(authority, "bad", &(struct test_certificate){ .uris = { "craton:node:a", "craton:king:a" } });
	refuses("bad", NULL, "exactly one subjectAltName");
	test_authority_issue(authority, "no-san", &(struct test_certificate){ 0 });
	refuses("no-san", NULL, "exactly one subjectAltName");
	struct tls *tls = NULL;
	test_authority_issue(authority, "also", &(struct test_certificate){ .uris = { "https://example.com/", "craton:node:a" } });
	CU_ASSERT_EQUAL(load("also", &node_a, &tls), ERR_OK);
	tls_destroy(tls);
}

static void a_certificate_out_of_its_dates_is_refused(void)
{
	test_authority_issue(authority, "old", &(struct test_certificate){ .uris = { "craton:node:a" }, .from_s = -7200, .until_s = -3600 });
	refuses("old", NULL, "has expired");
	test_authority_issue(authority, "new", &(struct test_certificate){ .uris = { "craton:node:a" }, .from_s = 3600, .until_s = 7200 });
	refuses("new", NULL, "not valid yet");
}

static void a_key_that_is_not_its_own_or_not_its_own_alone_is_refused(void)
{
	test_authority_issue(authority, "key", &(struct test_certificate){ .uris = { "craton:node:a" }, .key_of_another = true });
	refuses("key", NULL, "does not belong to the certificate");
	test_authority_issue(authority, "open", &(struct test_certificate){ .uris = { "craton:node:a" }, .key_mode = 0644 });
	refuses("open", NULL, "chmod 600");
}

static void a_certificate_of_another_authority_is_refused(void)
{
	struct test_authority *ours = authority, *theirs = test_authority_create();
	struct tls *tls = NULL;
	test_authority_issue_identity(theirs, "a", &node_a);
	CU_ASSERT_EQUAL(tls_create(test_authority_file(ours, "authority", "crt"), test_authority_file(theirs, "a", "crt"),
	                           test_authority_file(theirs, "a", "key"), &node_a, &tls, &complaint), ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "not issued by the authority"));
	CU_ASSERT_PTR_NULL(tls);
	test_authority_destroy(theirs);
}

static void missing_and_empty_files_are_told(void)
{
	refuses("nowhere", NULL, "nowhere.crt: the certificate cannot be read: No such file");
	FILE *file = fopen(test_authority_file(authority, "empty", "crt"), "w");
	fclose(file);
	refuses("empty", NULL, "holds no certificate");
}

TESTS("wire/tls files", SAY(there_is_an_authority), SAY(a_good_certificate_is_loaded), SAY(a_certificate_may_be_its_own_authority),
      SAY(somebody_elses_certificate_is_refused),
      SAY(a_certificate_must_say_who_it_is_exactly_once), SAY(a_certificate_out_of_its_dates_is_refused),
      SAY(a_key_that_is_not_its_own_or_not_its_own_alone_is_refused), SAY(a_certificate_of_another_authority_is_refused),
      SAY(missing_and_empty_files_are_told), SAY(the_authority_goes))
