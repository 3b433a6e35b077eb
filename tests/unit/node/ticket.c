/* A ticket is good on every node of the cluster, for whom it was made out and nobody else. */
#include "node/ticket.h"
#include "tests/check.h"
#include <string.h>

static const uint8_t cluster_bytes[32] = "0123456789abcdef0123456789abcde";
static const struct ticket user = { .role = CRATON__ROLE__ROLE_USER, .slot = 7, .generation = 42 };
static const struct identity application = { IDENTITY_CLIENT, "application" };
static const struct identity stranger = { IDENTITY_CLIENT, "stranger" };
static const struct identity local = { IDENTITY_LOCAL_USER, "uid:1000" };
static const struct identity other_local = { IDENTITY_LOCAL_USER, "uid:1001" };
static const struct identity administrator = { IDENTITY_ADMIN, "application" };

static struct secret *key_of(const void *bytes, size_t size)
{
	struct secret *cluster = secret_create(bytes, size);
	struct secret *key = ticket_key(cluster);
	CU_ASSERT_PTR_NOT_NULL_FATAL(key);
	secret_destroy(cluster);
	return key;
}

static enum err check(const struct identity *maker, const struct identity *shower)
{
	struct secret *key = key_of(cluster_bytes, 32);
	uint8_t bytes[TICKET_SIZE];
	struct ticket out;
	ticket_make(key, maker, &user, bytes);
	enum err err = ticket_check(key, shower, bytes, sizeof bytes, &out);
	secret_destroy(key);
	return err;
}

static void another_node_reads_what_this_one_wrote(void)
{
	struct secret *here = key_of(cluster_bytes, 32), *there = key_of(cluster_bytes, 32);
	uint8_t bytes[TICKET_SIZE];
	struct ticket out;
	ticket_make(here, &application, &user, bytes);
	CU_ASSERT_EQUAL_FATAL(ticket_check(there, &application, bytes, sizeof bytes, &out), ERR_OK);
	CU_ASSERT_EQUAL(out.role, user.role);
	CU_ASSERT_EQUAL(out.slot, 7);
	CU_ASSERT_EQUAL(out.generation, 42);
	secret_destroy(here);
	secret_destroy(there);
}

static void a_changed_bit_makes_it_void(void)
{
	struct secret *key = key_of(cluster_bytes, 32);
	uint8_t bytes[TICKET_SIZE];
	struct ticket out;
	ticket_make(key, &application, &user, bytes);
	for (size_t i = 0; i < sizeof bytes * 8; i++) {
		bytes[i / 8] = (uint8_t)(bytes[i / 8] ^ 1 << i % 8);
		CU_ASSERT_EQUAL(ticket_check(key, &application, bytes, sizeof bytes, &out), ERR_REFUSED);
		bytes[i / 8] = (uint8_t)(bytes[i / 8] ^ 1 << i % 8);
	}
	CU_ASSERT_EQUAL(ticket_check(key, &application, bytes, sizeof bytes - 1, &out), ERR_REFUSED);
	CU_ASSERT_EQUAL(ticket_check(key, &application, bytes, 0, &out), ERR_REFUSED);
	CU_ASSERT_EQUAL(ticket_check(key, &application, bytes, sizeof bytes, &out), ERR_OK);
	secret_destroy(key);
}

static void another_clusters_is_void(void)
{
	struct secret *here = key_of(cluster_bytes, 32), *there = key_of("another cluster's 32-byte secret", 32);
	uint8_t bytes[TICKET_SIZE];
	struct ticket out;
	ticket_make(here, &application, &user, bytes);
	CU_ASSERT_EQUAL(ticket_check(there, &application, bytes, sizeof bytes, &out), ERR_REFUSED);
	secret_destroy(here);
	secret_destroy(there);
}

static void it_is_no_use_to_another_client(void)
{
	CU_ASSERT_EQUAL(check(&application, &application), ERR_OK);
	CU_ASSERT_EQUAL(check(&application, &stranger), ERR_REFUSED);
	CU_ASSERT_EQUAL(check(&application, &administrator), ERR_REFUSED);
	CU_ASSERT_EQUAL(check(&local, &local), ERR_OK);
	CU_ASSERT_EQUAL(check(&local, &other_local), ERR_REFUSED);
}

/* One member through its socket, the next through TLS. */
static void an_application_may_change_its_transport(void)
{
	CU_ASSERT_EQUAL(check(&local, &application), ERR_OK);
	CU_ASSERT_EQUAL(check(&application, &local), ERR_OK);
}

static void no_two_are_alike(void)
{
	struct secret *key = key_of(cluster_bytes, 32);
	uint8_t one[TICKET_SIZE], two[TICKET_SIZE];
	ticket_make(key, &application, &user, one);
	ticket_make(key, &application, &user, two);
	CU_ASSERT_NOT_EQUAL(memcmp(one, two, sizeof one), 0);
	secret_destroy(key);
}

TESTS("node ticket", SAY(another_node_reads_what_this_one_wrote), SAY(a_changed_bit_makes_it_void),
      SAY(another_clusters_is_void), SAY(it_is_no_use_to_another_client),
      SAY(an_application_may_change_its_transport), SAY(no_two_are_alike))
