/* The slot's members come and go. */
#include "tests/unit/pkcs11/module.h"
#include "base/clock.h"
#include <pthread.h>
#include <sched.h>

static void prepare(size_t count)
{
	module_prepare(count, "interval = 10ms\nwait = 0ms");
	EXPECT(C_Initialize(NULL), CKR_OK);
}

static CK_RV ask(void)
{
	CK_TOKEN_INFO info;
	return C_GetTokenInfo(SLOT, &info);
}

static CK_RV event(CK_SLOT_ID *slot)
{
	*slot = 0;
	return C_WaitForSlotEvent(CKF_DONT_BLOCK, slot, NULL);
}

static void the_last_members_loss_and_a_members_return_are_events(void)
{
	CK_SLOT_ID slot;
	prepare(2);
	EXPECT(ask(), CKR_OK);
	EXPECT(event(&slot), CKR_NO_EVENT);
	node_stop(0);
	EXPECT(ask(), CKR_OK);
	EXPECT(ask(), CKR_OK);
	EXPECT(event(&slot), CKR_NO_EVENT); /* there is another */
	node_stop(1);
	EXPECT(ask(), CKR_TOKEN_NOT_PRESENT);
	EXPECT(event(&slot), CKR_OK);
	CU_ASSERT_EQUAL(slot, SLOT);
	EXPECT(event(&slot), CKR_NO_EVENT);
	node_start(1);
	while (ask() != CKR_OK)
		sched_yield();
	EXPECT(event(&slot), CKR_OK);
	EXPECT(event(&slot), CKR_NO_EVENT);
	module_stop();
}

static void *wait_for_one(void *slot)
{
	return (void *)(uintptr_t)C_WaitForSlotEvent(0, slot, NULL);
}

static void who_waits_is_told_of_a_loss_that_nobody_else_met(void)
{
	pthread_t thread;
	CK_SLOT_ID slot = 0;
	void *rv;
	prepare(1);
	EXPECT(ask(), CKR_OK);
	pthread_create(&thread, NULL, wait_for_one, &slot);
	node_stop(0);
	pthread_join(thread, &rv);
	CU_ASSERT_EQUAL((CK_RV)(uintptr_t)rv, CKR_OK);
	CU_ASSERT_EQUAL(slot, SLOT);
	pthread_create(&thread, NULL, wait_for_one, &slot);
	node_start(0);
	pthread_join(thread, &rv);
	CU_ASSERT_EQUAL((CK_RV)(uintptr_t)rv, CKR_OK);
	module_stop();
}

static void the_end_ends_waiting(void)
{
	pthread_t threads[4];
	CK_SLOT_ID slots[4];
	prepare(1);
	EXPECT(ask(), CKR_OK);
	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_create(&threads[i], NULL, wait_for_one, &slots[i]);
	EXPECT(ask(), CKR_OK);
	EXPECT(C_Finalize(NULL), CKR_OK);
	for (size_t i = 0; i < COUNT(threads); i++) {
		void *rv;
		pthread_join(threads[i], &rv);
		CU_ASSERT_EQUAL((CK_RV)(uintptr_t)rv, CKR_CRYPTOKI_NOT_INITIALIZED);
	}
	module_finish();
}

static void arguments_are_looked_at(void)
{
	CK_SLOT_ID slot;
	EXPECT(C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
	prepare(1);
	EXPECT(C_WaitForSlotEvent(CKF_DONT_BLOCK, NULL, NULL), CKR_ARGUMENTS_BAD);
	EXPECT(C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, &slot), CKR_ARGUMENTS_BAD);
	EXPECT(C_WaitForSlotEvent(0, NULL, NULL), CKR_ARGUMENTS_BAD);
	module_stop();
}

/* ---- before anybody knows which slot it is */

static atomic_uint looks;

static CK_RV create(void **mutex) { *mutex = &looks; return CKR_OK; }
static CK_RV leave(void *mutex) { (void)mutex; return CKR_OK; }
static CK_RV count(void *mutex) { atomic_fetch_add((atomic_uint *)mutex, 1); return CKR_OK; }

/* A loss that is no slot's yet is no event, and nothing to be asked about all the time: the members are knocked at more often than anybody
 * looks. The node here is another than it should be, so that it counts who knocks and serves nobody. */
static void who_waits_for_a_slot_without_a_number_rests_meanwhile(void)
{
	CK_C_INITIALIZE_ARGS arguments = { .CreateMutex = create, .DestroyMutex = leave, .LockMutex = count, .UnlockMutex = leave };
	pthread_t thread;
	CK_SLOT_ID slot = 0;
	void *rv;
	module_prepare(1, "interval = 10ms\n[slot]\nlabel = toy");
	node_stop(0);
	node_start_as(0, "stranger");
	EXPECT(C_Initialize(&arguments), CKR_OK);
	pthread_create(&thread, NULL, wait_for_one, &slot);
	while (fake_node_connections(module.nodes[0]) < 50)
		sched_yield();
	CU_ASSERT(atomic_load(&looks) < 50);
	node_stop(0);
	node_start(0);
	pthread_join(thread, &rv);
	CU_ASSERT_EQUAL((CK_RV)(uintptr_t)rv, CKR_OK); /* both changes in one: it was lost, and is back */
	CU_ASSERT_EQUAL(slot, SLOT);
	module_stop();
}

/* Nobody else waits for the number either: where only calls knock, and a loss is waited out for an hour, a look knocks until it is certain that
 * nobody is there, and no longer. */
static void nor_does_a_look_for_the_number_wait_for_anybody_to_come_back(void)
{
	CK_C_INITIALIZE_ARGS arguments = { .CreateMutex = create, .DestroyMutex = leave, .LockMutex = count, .UnlockMutex = leave,
	                                   .flags = CKF_LIBRARY_CANT_CREATE_OS_THREADS };
	pthread_t thread;
	CK_SLOT_ID slot = 0;
	void *rv;
	module_prepare(1, "interval = 10ms\nwait = 1h\n[slot]\nlabel = toy");
	node_stop(0);
	node_start_as(0, "stranger");
	atomic_store(&looks, 0);
	EXPECT(C_Initialize(&arguments), CKR_OK);
	pthread_create(&thread, NULL, wait_for_one, &slot);
	while (atomic_load(&looks) < 4) /* one on entering, and one for each look that has ended */
		sched_yield();
	CU_ASSERT(fake_node_connections(module.nodes[0]) < 20);
	EXPECT(C_Finalize(NULL), CKR_OK);
	pthread_join(thread, &rv);
	CU_ASSERT_EQUAL((CK_RV)(uintptr_t)rv, CKR_CRYPTOKI_NOT_INITIALIZED);
	module_finish();
}

TESTS("pkcs11 events", SAY(nor_does_a_look_for_the_number_wait_for_anybody_to_come_back), SAY(who_waits_for_a_slot_without_a_number_rests_meanwhile), SAY(the_last_members_loss_and_a_members_return_are_events),
	SAY(who_waits_is_told_of_a_loss_that_nobody_else_met), SAY(the_end_ends_waiting), SAY(arguments_are_looked_at))
