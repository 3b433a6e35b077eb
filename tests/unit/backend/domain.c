#include "backend/domain_keys.h"
#include "tests/unit/backend/house.h"
#include <string.h>

static const char *const three[] = { "a", "b", "c" };

/* The third has it from the second, which has it from the first. */
static void a_domain_is_handed_on_by_any_of_its_tokens_and_is_the_same_on_all(void)
{
	struct house house;
	uint8_t mac[SHA256_SIZE];
	struct bytes part = { "ticket", 6 };
	house_open(&house, 3);
	CU_ASSERT(domain_mac(house.domains[0], "ticket", &part, 1, mac) == CKR_OK);
	for (size_t i = 1; i < 3; i++) {
		CU_ASSERT(memcmp(domain_id(house.domains[0]), domain_id(house.domains[i]), DOMAIN_ID_SIZE) == 0);
		CU_ASSERT(domain_mac_check(house.domains[i], "ticket", &part, 1, mac) == CKR_OK);
	}
	house_close(&house);
}

static void two_domains_share_nothing(void)
{
	struct softhsm softhsm;
	uint8_t ids[2][DOMAIN_ID_SIZE];
	softhsm_start(&softhsm, three, 2);
	for (size_t i = 0; i < 2; i++) {
		struct token_config config = softhsm_config(&softhsm, i);
		struct token *token;
		struct domain *domain;
		CU_ASSERT_FATAL(domain_create(&config, softhsm.so_pin, NULL) == ERR_OK);
		CU_ASSERT_FATAL(token_open(&config, &token, NULL) == ERR_OK);
		CU_ASSERT_FATAL(domain_open(token, &domain, NULL) == ERR_OK);
		memcpy(ids[i], domain_id(domain), DOMAIN_ID_SIZE);
		domain_close(domain);
		token_close(token);
	}
	CU_ASSERT(memcmp(ids[0], ids[1], DOMAIN_ID_SIZE) != 0);
	softhsm_stop(&softhsm);
}

static void a_token_without_a_domain_is_told_how_to_get_one(void)
{
	struct softhsm softhsm;
	struct complaint complaint = { "" };
	struct token *token;
	struct domain *domain;
	softhsm_start(&softhsm, three, 1);
	struct token_config config = softhsm_config(&softhsm, 0);
	CU_ASSERT_FATAL(token_open(&config, &token, &complaint) == ERR_OK);
	CU_ASSERT(domain_open(token, &domain, &complaint) == ERR_NOT_FOUND);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "domain enroll"));
	token_close(token);
	softhsm_stop(&softhsm);
}

static void a_token_is_in_one_domain_at_most(void)
{
	struct house house;
	struct complaint complaint = { "" };
	struct enrolment *enrolment = NULL;
	struct buf der;
	house_open(&house, 1);
	struct token_config config = softhsm_config(&house.softhsm, 0);
	domain_close(house.domains[0]);
	token_close(house.tokens[0]);
	house.count = 0;
	CU_ASSERT(domain_create(&config, house.softhsm.so_pin, &complaint) == ERR_BUSY);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "in a domain already"));
	buf_init(&der, 8192);
	CU_ASSERT(enrolment_begin(&config, house.softhsm.so_pin, &enrolment, &der, &complaint) == ERR_BUSY);
	CU_ASSERT_PTR_NULL(enrolment);
	buf_finish(&der);
	house_close(&house);
}

static void a_wrong_so_pin_changes_nothing(void)
{
	struct softhsm softhsm;
	struct complaint complaint = { "" };
	struct secret *wrong = secret_create("wrong-pin", 9);
	softhsm_start(&softhsm, three, 1);
	struct token_config config = softhsm_config(&softhsm, 0);
	CU_ASSERT(domain_create(&config, wrong, &complaint) == ERR_CONFIG);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "SO PIN is wrong"));
	CU_ASSERT(domain_create(&config, softhsm.so_pin, &complaint) == ERR_OK);
	secret_destroy(wrong);
	softhsm_stop(&softhsm);
}

static void macs_separate_purposes_and_parts(void)
{
	struct house house;
	uint8_t one[SHA256_SIZE], other[SHA256_SIZE];
	struct bytes split[] = { { "ab", 2 }, { "c", 1 } }, shifted[] = { { "a", 1 }, { "bc", 2 } }, whole[] = { { "abc", 3 } };
	house_open(&house, 1);
	struct domain *domain = house.domains[0];
	CU_ASSERT(domain_mac(domain, "pin", split, 2, one) == CKR_OK);
	CU_ASSERT(domain_mac(domain, "pin", split, 2, other) == CKR_OK && memcmp(one, other, sizeof one) == 0);
	CU_ASSERT(domain_mac(domain, "pin", shifted, 2, other) == CKR_OK && memcmp(one, other, sizeof one) != 0);
	CU_ASSERT(domain_mac(domain, "pin", whole, 1, other) == CKR_OK && memcmp(one, other, sizeof one) != 0);
	CU_ASSERT(domain_mac(domain, "ticket", split, 2, other) == CKR_OK && memcmp(one, other, sizeof one) != 0);
	CU_ASSERT(domain_mac_check(domain, "pin", split, 2, one) == CKR_OK);
	one[31] ^= 1;
	CU_ASSERT(domain_mac_check(domain, "pin", split, 2, one) == CKR_SIGNATURE_INVALID);
	house_close(&house);
}

/* A message of an enrolment, with each byte changed in turn, leaves the token as it was. */
static void a_forged_enrolment_is_refused(void)
{
	struct softhsm softhsm;
	struct complaint complaint = { "" };
	struct enrolment *enrolment = NULL;
	struct token *token;
	struct domain *domain = NULL;
	struct buf der, wrapped;
	buf_init(&der, 8192);
	buf_init(&wrapped, 8192);
	softhsm_start(&softhsm, three, 2);
	struct token_config first = softhsm_config(&softhsm, 0), second = softhsm_config(&softhsm, 1);
	CU_ASSERT_FATAL(domain_create(&first, softhsm.so_pin, &complaint) == ERR_OK);
	CU_ASSERT_FATAL(enrolment_begin(&second, softhsm.so_pin, &enrolment, &der, &complaint) == ERR_OK);
	CU_ASSERT_FATAL(domain_admit(&first, softhsm.so_pin, der.data, der.size, &wrapped, &complaint) == ERR_OK);
	CU_ASSERT(domain_admit(&first, softhsm.so_pin, der.data, der.size - 1, &wrapped, &complaint) == ERR_MALFORMED);
	CU_ASSERT(domain_admit(&first, softhsm.so_pin, "garbage", 7, &wrapped, &complaint) == ERR_MALFORMED);
	CU_ASSERT(enrolment_finish(enrolment, wrapped.data, wrapped.size - 1, &complaint) != ERR_OK);
	static const size_t places[] = { 0, 5, 41, 100, 600, 1100, 1500, 20 }; /* magic, lengths, each key; last the id, the only one to come so far as the user's login */
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		wrapped.data[places[i]] ^= 1;
		CU_ASSERT(enrolment_finish(enrolment, wrapped.data, wrapped.size, &complaint) != ERR_OK);
		wrapped.data[places[i]] ^= 1;
	}
	enrolment_destroy(enrolment);
	/* Not one key was kept of it. */
	CU_ASSERT_FATAL(token_open(&second, &token, &complaint) == ERR_OK);
	CU_ASSERT(domain_open(token, &domain, &complaint) == ERR_NOT_FOUND);
	token_close(token);
	buf_finish(&der);
	buf_finish(&wrapped);
	softhsm_stop(&softhsm);
}

static void a_small_transport_key_is_refused(void)
{
	/* RSA-1024: openssl genrsa 1024 | openssl rsa -pubout -outform DER */
	static const uint8_t small[] = {
		0x30, 0x81, 0x9f, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x81,
		0x8d, 0x00, 0x30, 0x81, 0x89, 0x02, 0x81, 0x81, 0x00, 0xb5, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa,
		[40 ... 155] = 0xc3, [156] = 0xc3, [157] = 0x02, 0x03, 0x01, 0x00, 0x01,
	};
	struct softhsm softhsm;
	struct complaint complaint = { "" };
	struct buf wrapped;
	buf_init(&wrapped, 8192);
	softhsm_start(&softhsm, three, 1);
	struct token_config config = softhsm_config(&softhsm, 0);
	CU_ASSERT_FATAL(domain_create(&config, softhsm.so_pin, &complaint) == ERR_OK);
	CU_ASSERT(domain_admit(&config, softhsm.so_pin, small, sizeof small, &wrapped, &complaint) == ERR_MALFORMED);
	CU_ASSERT_PTR_NOT_NULL(strstr(complaint.text, "4096"));
	CU_ASSERT(wrapped.size == 0);
	buf_finish(&wrapped);
	softhsm_stop(&softhsm);
}

TESTS("backend: domain",
      SAY(a_domain_is_handed_on_by_any_of_its_tokens_and_is_the_same_on_all),
      SAY(two_domains_share_nothing),
      SAY(a_token_without_a_domain_is_told_how_to_get_one),
      SAY(a_token_is_in_one_domain_at_most),
      SAY(a_wrong_so_pin_changes_nothing),
      SAY(macs_separate_purposes_and_parts),
      SAY(a_forged_enrolment_is_refused),
      SAY(a_small_transport_key_is_refused))
