/* Operations in parts: one member from the first to the last. */
#include "tests/unit/ha/two.h"

static struct multipart multipart;

static struct group *group_with_none_begun(void)
{
	multipart = (struct multipart){ .member = NULL };
	return group_of_two(&patient);
}

static enum err ask(struct group *group, Craton__CryptStage stage, Craton__Fault *fault)
{
	struct question question = QUESTION_INIT;
	Craton__Crypt body = CRATON__CRYPT__INIT;
	Craton__Reply *reply = NULL;
	body.stage = stage;
	question.multipart = &multipart;
	question.request.body_case = CRATON__REQUEST__BODY_CRYPT;
	question.request.crypt = &body;
	enum err err = group_call(group, &question, &reply);
	*fault = err == ERR_OK ? reply->fault : CRATON__FAULT__FAULT_NONE;
	reply_free(reply);
	return err;
}

static void expect_good(struct group *group, Craton__CryptStage stage)
{
	Craton__Fault fault;
	CU_ASSERT_EQUAL(ask(group, stage, &fault), ERR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_NONE);
}

#define FIRST CRATON__CRYPT_STAGE__FIRST
#define PART CRATON__CRYPT_STAGE__PART
#define LAST CRATON__CRYPT_STAGE__LAST

static void an_operation_stays_with_its_member_to_the_end(void)
{
	start(SAYS(GOOD), SAYS(GOOD));
	struct group *group = group_with_none_begun();
	expect_good(group, FIRST);
	struct fake *mine = multipart.member == &a.member ? &a : &b, *other = mine == &a ? &b : &a;
	for (int i = 0; i < 5; i++) {
		expect_good(group, PART);
		CU_ASSERT_EQUAL(read_once(group), ERR_OK); /* others' calls go on meanwhile */
		CU_ASSERT_EQUAL(mine->member.outstanding, 0);
	}
	unsigned others = atomic_load(&other->calls);
	CU_ASSERT(multipart_is_open(&multipart));
	expect_good(group, LAST);
	CU_ASSERT_FALSE(multipart_is_open(&multipart));
	CU_ASSERT_EQUAL(atomic_load(&other->calls), others);
	CU_ASSERT_EQUAL(mine->lines, 1 + 5 - others); /* one, and one for each other call it served */
	CU_ASSERT_EQUAL(mine->let_go_free, mine->lines);
	multipart_end(&multipart); /* there is nothing to end */
	CU_ASSERT_EQUAL(mine->let_go_bad, 0);
	group_destroy(group);
}

static void it_is_begun_by_whoever_can(void)
{
	start(SAYS(GONE), SAYS(FAULTY(BUSY), FAULTY(BUSY), GOOD));
	struct group *group = group_with_none_begun();
	expect_good(group, FIRST);
	CU_ASSERT_PTR_EQUAL(multipart.member, &b.member);
	CU_ASSERT_EQUAL(b.let_go_free, 2); /* where nothing was begun the line is for others */
	multipart_end(&multipart);
	CU_ASSERT_EQUAL(b.let_go_bad, 1); /* where something was its end is the operation's */
	group_destroy(group);
}

static void the_member_lost_is_the_operation_lost(void)
{
	Craton__Fault fault;
	start(SAYS(GOOD, GONE), SAYS(GOOD, GONE));
	struct group *group = group_with_none_begun();
	expect_good(group, FIRST);
	struct fake *mine = multipart.member == &a.member ? &a : &b, *other = mine == &a ? &b : &a;
	CU_ASSERT_EQUAL(ask(group, PART, &fault), ERR_CLOSED);
	CU_ASSERT_FALSE(multipart_is_open(&multipart));
	CU_ASSERT_TRUE(mine->member.lost);
	CU_ASSERT_EQUAL(atomic_load(&other->calls), 0);
	expect_good(group, FIRST); /* another operation, elsewhere */
	CU_ASSERT_PTR_EQUAL(multipart.member, &other->member);
	multipart_end(&multipart);
	group_destroy(group);
}

static void a_fault_is_the_end_of_it_and_not_asked_about_elsewhere(void)
{
	Craton__Fault fault;
	start(SAYS(GOOD, FAULTY(BUSY)), SAYS(GOOD, FAULTY(BUSY)));
	struct group *group = group_with_none_begun();
	expect_good(group, FIRST);
	CU_ASSERT_EQUAL(ask(group, PART, &fault), ERR_OK);
	CU_ASSERT_EQUAL(fault, CRATON__FAULT__FAULT_BUSY);
	CU_ASSERT_FALSE(multipart_is_open(&multipart));
	CU_ASSERT_EQUAL(atomic_load(&a.calls) + atomic_load(&b.calls), 2);
	CU_ASSERT_EQUAL(a.let_go_free + b.let_go_free, 1);
	group_destroy(group);
}

/* With a sign of life it would be waited for. */
static void one_that_can_be_begun_anew_is_not_waited_for_in_silence(void)
{
	Craton__Fault fault;
	start(SAYS(GOOD, LATE), SAYS(GOOD, LATE));
	struct group *group = group_with_none_begun();
	expect_good(group, FIRST);
	struct fake *mine = multipart.member == &a.member ? &a : &b, *other = mine == &a ? &b : &a;
	multipart.is_repeatable = true;
	CU_ASSERT_EQUAL(ask(group, PART, &fault), ERR_TIMEOUT);
	CU_ASSERT_FALSE(multipart_is_open(&multipart));
	CU_ASSERT_EQUAL(mine->let_go_bad, 1);
	expect_good(group, FIRST);
	CU_ASSERT_PTR_EQUAL(multipart.member, &other->member);
	multipart_end(&multipart);
	group_destroy(group);
}

static void it_has_an_end_however_the_heart_beats(void)
{
	Craton__Fault fault;
	start(SAYS(GOOD, LATE), SAYS(GOOD, LATE));
	struct group *group = group_with_none_begun();
	expect_good(group, FIRST);
	group->settings.command_ms = 10;
	struct fake *mine = multipart.member == &a.member ? &a : &b;
	atomic_store(&mine->beats, UINT32_MAX);
	CU_ASSERT_EQUAL(ask(group, PART, &fault), ERR_TIMEOUT);
	CU_ASSERT_FALSE(multipart_is_open(&multipart));
	group_destroy(group);
}

TESTS("ha multipart", SAY(an_operation_stays_with_its_member_to_the_end), SAY(it_is_begun_by_whoever_can),
	SAY(the_member_lost_is_the_operation_lost), SAY(a_fault_is_the_end_of_it_and_not_asked_about_elsewhere),
	SAY(one_that_can_be_begun_anew_is_not_waited_for_in_silence), SAY(it_has_an_end_however_the_heart_beats))
