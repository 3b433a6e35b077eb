/* A moment's trouble while a token is tried is not taken for what it can't do. */
#include "backend/doubt.h"
#include "backend/held.h"
#include "backend/identity.h"
#include "backend/offered.h"
#include "backend/token_private.h"
#include "tests/unit/backend/house.h"
#include <stdlib.h>

#define OFTEN 1000000
#define OF_THE_VENDOR (CKR_VENDOR_DEFINED | 7)

static struct house house;
static CK_FUNCTION_LIST *p11, real;

/* At which of the token's doors, about which mechanism, what is answered, and how often. */
static struct {
	CK_MECHANISM_TYPE type;
	CK_RV rv;
	int making, signing, telling;
} trouble;

static bool meets(int *left, CK_MECHANISM_TYPE type)
{
	return type == trouble.type && *left > 0 && (*left)--;
}

static CK_RV make_pair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public_template, CK_ULONG public_count,
                       CK_ATTRIBUTE *private_template, CK_ULONG private_count, CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
	if (meets(&trouble.making, mechanism->mechanism))
		return trouble.rv;
	return real.C_GenerateKeyPair(session, mechanism, public_template, public_count, private_template, private_count, public_key, private_key);
}

static CK_RV begin_to_sign(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	return meets(&trouble.signing, mechanism->mechanism) ? trouble.rv : real.C_SignInit(session, mechanism, key);
}

static CK_RV tell_mechanism(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	return meets(&trouble.telling, type) ? trouble.rv : real.C_GetMechanismInfo(slot, type, info);
}

static void begin(CK_MECHANISM_TYPE type, CK_RV rv)
{
	trouble.type = type;
	trouble.rv = rv;
	trouble.making = trouble.signing = trouble.telling = 0;
	if (p11)
		return;
	house_open(&house, 1);
	p11 = token_functions(house.tokens[0]);
	real = *p11;
	p11->C_GenerateKeyPair = make_pair;
	p11->C_SignInit = begin_to_sign;
	p11->C_GetMechanismInfo = tell_mechanism;
}

static void is_tried(const struct probe_wishes *wishes, CK_MECHANISM_TYPE type, bool is_offered, bool in_doubt)
{
	struct capabilities found;
	CU_ASSERT_EQUAL_FATAL(probe(house.domains[0], wishes, &found), ERR_OK);
	CU_ASSERT_EQUAL(capabilities_find(&found, type) != NULL, is_offered);
	CU_ASSERT_EQUAL(found.is_doubtful, in_doubt);
	capabilities_finish(&found);
}

/* Or it would be the node's for good, which is less than what a token could have made. */
static void what_the_node_makes_in_a_moments_trouble_is_in_doubt(void)
{
	static const struct probe_wishes wishes = { .node_generated = HELD_ED25519 };
	begin(CKM_EC_EDWARDS_KEY_PAIR_GEN, CKR_SESSION_COUNT);
	is_tried(&wishes, CKM_EC_EDWARDS_KEY_PAIR_GEN, true, false);
	trouble.making = 1;
	is_tried(&wishes, CKM_EC_EDWARDS_KEY_PAIR_GEN, true, true);
}

static void a_vendors_own_words_are_in_doubt(void)
{
	begin(CKM_RSA_PKCS_KEY_PAIR_GEN, OF_THE_VENDOR);
	trouble.making = 1;
	is_tried(NULL, CKM_RSA_PKCS_KEY_PAIR_GEN, false, true);
	begin(CKM_RSA_PKCS_PSS, OF_THE_VENDOR);
	trouble.signing = 1;
	is_tried(NULL, CKM_RSA_PKCS_PSS, false, true);
}

static void a_key_or_an_operation_that_is_gone_is_in_doubt(void)
{
	static const CK_RV gone[] = {
		CKR_KEY_HANDLE_INVALID, CKR_OBJECT_HANDLE_INVALID, CKR_WRAPPING_KEY_HANDLE_INVALID, CKR_UNWRAPPING_KEY_HANDLE_INVALID,
		CKR_OPERATION_NOT_INITIALIZED, CKR_OPERATION_ACTIVE,
	};
	for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
		CU_ASSERT_TRUE(is_doubtful(gone[i]));
	CU_ASSERT_FALSE(is_doubtful(CKR_MECHANISM_INVALID) || is_doubtful(CKR_KEY_UNEXTRACTABLE) || is_doubtful(CKR_OK));
}

/* "General error" is what some tokens say of what they can't do, and others of a moment's trouble. */
static void what_is_said_without_a_reason_is_believed_when_it_is_said_twice(void)
{
	begin(CKM_RSA_PKCS_KEY_PAIR_GEN, CKR_GENERAL_ERROR);
	trouble.making = 1;
	is_tried(NULL, CKM_RSA_PKCS_KEY_PAIR_GEN, true, false);
	trouble.making = OFTEN;
	is_tried(NULL, CKM_RSA_PKCS_KEY_PAIR_GEN, false, false);
	begin(CKM_RSA_PKCS_PSS, CKR_FUNCTION_FAILED);
	trouble.signing = 1;
	is_tried(NULL, CKM_RSA_PKCS_PSS, true, false);
}

static enum err identify(void)
{
	uint8_t identity[SHA256_SIZE];
	token_shut(house.tokens[0]);
	enum err err = token_identify(house.tokens[0], identity, &(struct complaint){ "" });
	token_admit(house.tokens[0]);
	return err;
}

static CK_FLAGS told_flags(CK_MECHANISM_TYPE type)
{
	struct mechanism *list;
	size_t count;
	CK_FLAGS flags = 0;
	CU_ASSERT_EQUAL_FATAL(token_mechanisms(house.tokens[0], &list, &count), CKR_OK);
	for (size_t i = 0; i < count; i++)
		if (list[i].type == type)
			flags = list[i].info.flags;
	free(list);
	return flags;
}

static void one_odd_mechanism_does_not_cost_the_token(void)
{
	static const CK_RV odd[] = { CKR_GENERAL_ERROR, CKR_ARGUMENTS_BAD, CKR_MECHANISM_INVALID, OF_THE_VENDOR };
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		begin(CKM_AES_CTR, odd[i]);
		trouble.telling = OFTEN;
		CU_ASSERT_EQUAL(identify(), ERR_OK);
		CU_ASSERT_EQUAL(told_flags(CKM_AES_CTR), 0);
		CU_ASSERT_NOT_EQUAL(told_flags(CKM_AES_CBC), 0);
	}
	begin(CKM_AES_CTR, CKR_DEVICE_ERROR);
	trouble.telling = OFTEN;
	CU_ASSERT_EQUAL(identify(), ERR_IO);
	trouble.telling = 1; /* once is not always */
	CU_ASSERT_EQUAL(identify(), ERR_OK);
	begin(CKM_AES_CTR, CKR_GENERAL_ERROR);
	trouble.telling = 1;
	CU_ASSERT_NOT_EQUAL(told_flags(CKM_AES_CTR), 0);
}

/* A slow token with many mechanisms would be taken for one that hangs. */
static unsigned questions, continued;

static CK_RV tell_slowly(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
	struct stay *stay = &house.tokens[0]->service.stay;
	questions++;
	continued += stay->since_ms == 0;
	stay->since_ms = 0; /* as if it had taken since then */
	return real.C_GetMechanismInfo(slot, type, info);
}

/* Last: ends the house. */
static void each_question_has_its_own_time(void)
{
	begin(CKM_AES_CTR, CKR_OK);
	p11->C_GetMechanismInfo = tell_slowly;
	CU_ASSERT_EQUAL(identify(), ERR_OK);
	CU_ASSERT_TRUE(questions > 10);
	CU_ASSERT_EQUAL(continued, 0);
	*p11 = real;
	house_close(&house);
}

TESTS("backend: doubt",
      SAY(what_the_node_makes_in_a_moments_trouble_is_in_doubt),
      SAY(a_vendors_own_words_are_in_doubt),
      SAY(a_key_or_an_operation_that_is_gone_is_in_doubt),
      SAY(what_is_said_without_a_reason_is_believed_when_it_is_said_twice),
      SAY(one_odd_mechanism_does_not_cost_the_token),
      SAY(each_question_has_its_own_time))
