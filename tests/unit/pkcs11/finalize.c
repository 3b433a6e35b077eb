/* C_Finalize while other threads wait for something that will not come: each comes out, and is told. */
#include "tests/unit/pkcs11/module.h"
#include <pthread.h>
#include <sched.h>

#define THREADS 4
#define FOR_EVER "1h" /* longer than anybody lets a test run */

static CK_SESSION_HANDLE sessions[THREADS];

static void prepare(const char *settings)
{
	module_command = FOR_EVER;
	module_prepare(2, settings);
	EXPECT(C_Initialize(NULL), CKR_OK);
}

static void start(const char *settings)
{
	prepare(settings);
	for (size_t i = 0; i < THREADS; i++)
		sessions[i] = open_session(RW);
	EXPECT(login(sessions[0], CKU_USER, TOY_PIN), CKR_OK);
}

static void *draw(void *session)
{
	CK_BYTE random[4];
	return (void *)(uintptr_t)C_GenerateRandom(*(CK_SESSION_HANDLE *)session, random, sizeof random);
}

static void *make_key(void *session)
{
	CK_MECHANISM mechanism = { CKM_AES_KEY_GEN, NULL, 0 };
	CK_OBJECT_HANDLE key;
	return (void *)(uintptr_t)C_GenerateKey(*(CK_SESSION_HANDLE *)session, &mechanism, NULL, 0, &key);
}

#define PART 100

static void *add_part(void *session)
{
	static CK_BYTE text[PART];
	CK_BYTE out[2 * PART];
	CK_ULONG size = sizeof out;
	return (void *)(uintptr_t)C_EncryptUpdate(*(CK_SESSION_HANDLE *)session, text, PART, out, &size);
}

static void *find_slot(void *unused)
{
	CK_SLOT_ID slot;
	CK_ULONG count = 1;
	(void)unused;
	return (void *)(uintptr_t)C_GetSlotList(CK_TRUE, &slot, &count);
}

static void begin(pthread_t threads[THREADS], void *(*wait)(void *))
{
	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, wait, &sessions[i]);
}

static void expect_end(pthread_t threads[THREADS])
{
	EXPECT(C_Finalize(NULL), CKR_OK);
	for (size_t i = 0; i < THREADS; i++) {
		void *rv;
		pthread_join(threads[i], &rv);
		EXPECT((CK_RV)(uintptr_t)rv, CKR_CRYPTOKI_NOT_INITIALIZED);
	}
}

static void finish(void)
{
	module_finish();
	module_command = "5s";
}

/* So many questions have come, and none is answered. */
static void expect_end_in_silence(void *(*wait)(void *), unsigned questions)
{
	pthread_t threads[THREADS];
	pthread_mutex_lock(&module.toy.silence);
	unsigned before = atomic_load(&module.toy.asked);
	begin(threads, wait);
	while (atomic_load(&module.toy.asked) < before + questions)
		sched_yield();
	expect_end(threads);
	pthread_mutex_unlock(&module.toy.silence);
	finish();
}

static void who_waits_for_an_answer(void)
{
	start("");
	expect_end_in_silence(draw, THREADS);
}

static void who_waits_for_a_deed(void)
{
	start("");
	EXPECT((CK_RV)(uintptr_t)make_key(&sessions[0]), CKR_OK); /* what the slot offers is known */
	expect_end_in_silence(make_key, THREADS);
}

/* Whether it could be begun anew elsewhere, as the first could, or not. */
static void who_waits_for_the_member_that_has_an_operation(void)
{
	static CK_BYTE iv[12];
	CK_GCM_PARAMS parameter = { .pIv = iv, .ulIvLen = 12, .ulIvBits = 96, .ulTagBits = 128 };
	CK_MECHANISM gcm = { CKM_AES_GCM, &parameter, sizeof parameter };
	start("replay = 250");
	CK_OBJECT_HANDLE key = make_aes(sessions[0], true, "key");
	for (size_t i = 0; i < THREADS; i++) {
		EXPECT(C_EncryptInit(sessions[i], &gcm, key), CKR_OK);
		for (size_t part = 0; part <= i; part++)
			EXPECT((CK_RV)(uintptr_t)add_part(&sessions[i]), CKR_OK);
	}
	expect_end_in_silence(add_part, THREADS);
}

static void *set_pin(void *session)
{
	return (void *)(uintptr_t)C_SetPIN(*(CK_SESSION_HANDLE *)session, BYTES(TOY_PIN), strlen(TOY_PIN), BYTES("5678"), 4);
}

/* Their ticket has died of a change of PIN whose answer, with another, has not come. */
static void who_waits_for_a_change_of_pin(void)
{
	pthread_t threads[THREADS];
	start("");
	pthread_mutex_lock(&module.toy.afterthought);
	unsigned done = atomic_load(&module.toy.done), asked = atomic_load(&module.toy.asked);
	pthread_create(&threads[0], NULL, set_pin, &sessions[0]);
	while (atomic_load(&module.toy.done) == done)
		sched_yield();
	for (size_t i = 1; i < THREADS; i++)
		pthread_create(&threads[i], NULL, draw, &sessions[i]);
	while (atomic_load(&module.toy.asked) < asked + THREADS)
		sched_yield();
	expect_end(threads);
	pthread_mutex_unlock(&module.toy.afterthought);
	finish();
}

static void who_looks_for_the_slot(void)
{
	prepare("[slot]\nlabel = toy");
	expect_end_in_silence(find_slot, 1); /* one asks, for all */
}

static void who_waits_for_any_member_to_come_back(void)
{
	pthread_t threads[THREADS];
	CK_SLOT_ID slot;
	start("wait = " FOR_EVER "\ninterval = 5ms");
	node_stop(0);
	node_stop(1);
	begin(threads, draw);
	EXPECT(C_WaitForSlotEvent(0, &slot, NULL), CKR_OK); /* all are lost */
	expect_end(threads);
	finish();
}

TESTS("pkcs11 finalize", SAY(who_waits_for_an_answer), SAY(who_waits_for_a_deed), SAY(who_waits_for_the_member_that_has_an_operation),
	SAY(who_waits_for_a_change_of_pin), SAY(who_looks_for_the_slot), SAY(who_waits_for_any_member_to_come_back))
