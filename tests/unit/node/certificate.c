/* The end of a node's certificate, and of its authority's, is said when it comes near, and when it is there; once each. */
#include "node/certificate.h"
#include "tests/unit/node/house.h"
#include <sched.h>
#include <string.h>

#define DAY_S (24 * 3600l)

static struct test_authority *authority;
static struct node_config config;
static struct node node;

/* Good for so many seconds. Read anew, or for the first time. */
static void has_certificate(long until_s)
{
	struct identity who = { IDENTITY_NODE, "a" };
	struct complaint complaint = { "" };
	const char *files[3];
	if (!authority)
		authority = test_authority_create();
	test_authority_issue(authority, "a", &(struct test_certificate){ .uris = { "craton:node:a" }, .from_s = -DAY_S, .until_s = until_s });
	files[0] = test_authority_file(authority, "authority", "crt");
	files[1] = test_authority_file(authority, "a", "crt");
	files[2] = test_authority_file(authority, "a", "key");
	enum err err = node.tls ? tls_reload(node.tls, files[0], files[1], files[2], &complaint)
	                        : tls_create(files[0], files[1], files[2], &who, &node.tls, &complaint);
	CU_ASSERT_EQUAL_FATAL(err, ERR_OK);
	config.certificate_file = (char *)(uintptr_t)"a.crt";
	config.authority_file = (char *)(uintptr_t)"authority.crt";
	node.config = &config;
}

static unsigned says(const char *words)
{
	log_listen();
	certificate_look(&node);
	certificate_look(&node);
	return log_heard(words);
}

static void one_that_is_good_for_long_is_no_news(void)
{
	has_certificate(15 * DAY_S);
	CU_ASSERT_EQUAL(says("certificate"), 0);
	CU_ASSERT_TRUE(certificate_seconds(&node) > CERTIFICATE_SOON_S);
}

static void one_that_ends_soon_is_said_to_once(void)
{
	has_certificate(13 * DAY_S + DAY_S / 2);
	CU_ASSERT_EQUAL(says("our certificate expires soon days=13 file=a.crt"), 1);
}

static void a_new_one_is_good_again(void)
{
	has_certificate(30 * DAY_S);
	CU_ASSERT_EQUAL(says("our certificate is good again"), 1);
}

static void has_authority(long until_s)
{
	test_authority_renew(authority, until_s);
	has_certificate(30 * DAY_S);
}

static void the_authoritys_is_said_to_end_soon_as_well(void)
{
	has_authority(5 * DAY_S + DAY_S / 2);
	CU_ASSERT_TRUE(certificate_authority_seconds(&node) < 6 * DAY_S);
	CU_ASSERT_EQUAL(says("our authority's certificate expires soon days=5 file=authority.crt"), 1);
	CU_ASSERT_EQUAL(says("certificate"), 0);
	has_authority(100 * DAY_S);
	CU_ASSERT_EQUAL(says("our authority's certificate is good again"), 1);
}

static bool has_ended(int64_t (*seconds)(struct node *node))
{
	deadline_ms deadline = deadline_in(60000);
	while (seconds(&node) > 0 && !deadline_passed(deadline))
		sched_yield();
	return seconds(&node) < 0;
}

static void those_that_have_ended_are_said_to_have(void)
{
	test_authority_renew(authority, 5);
	has_certificate(5);
	CU_ASSERT_TRUE(has_ended(certificate_seconds));
	CU_ASSERT_TRUE(has_ended(certificate_authority_seconds));
	CU_ASSERT_EQUAL(says("certificate has expired"), 2);
	tls_destroy(node.tls);
	test_authority_destroy(authority);
}

TESTS("node certificate", SAY(one_that_is_good_for_long_is_no_news), SAY(one_that_ends_soon_is_said_to_once), SAY(a_new_one_is_good_again),
      SAY(the_authoritys_is_said_to_end_soon_as_well),
      SAY(those_that_have_ended_are_said_to_have))
